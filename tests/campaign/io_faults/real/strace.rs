//! System calls of the real program fail, once and for ever, in each way that fits.
//!
//! The writer of `kills` runs under `strace`, which lets its n-th call of a kind fail. Whatever
//! fails: it does not panic, and the next process finds all that it has acknowledged.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

use super::Real;
use crate::crash_states::dice::mix;
use crate::kills::{Judge, Life, LifeEnd, Program, Promise, Told};
use crate::locked::locked;
use crate::outcome::Outcome;
use crate::request::Slice;

/// What the writer does in a life: enough for every kind of call.
const STEPS: u64 = 60;
/// A writer that takes longer hangs.
const LIFE_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);
/// Which calls of a kind fail, in the slice and when somebody asked for more.
const PLACES: [u32; 4] = [1, 3, 6, 10];
const PLACES_LONG: u32 = 16;
/// A process that panicked ends so.
const PANICKED: i32 = 101;
/// A folder of memory: here no power is cut.
const MEMORY: &str = "/dev/shm";

/// A kind of call, what it can say, and how many of its calls come before the program begins.
struct Site {
    call: &'static str,
    tampers: &'static [&'static str],
    before: u32,
}

/// A call with `retval=0` writes nothing and says so; every other one says an error and does
/// nothing.
const SITES: [Site; 7] = [
    Site {
        call: "pwrite64",
        tampers: &[
            "error=EIO",
            "error=ENOSPC",
            "error=EDQUOT",
            "error=EROFS",
            "error=EINTR",
            "retval=0",
        ],
        before: 0,
    },
    Site {
        call: "fdatasync",
        tampers: &["error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EROFS", "error=EINTR"],
        before: 0,
    },
    Site {
        call: "fsync",
        tampers: &["error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EROFS"],
        before: 0,
    },
    Site {
        call: "openat",
        tampers: &[
            "error=EIO",
            "error=ENOSPC",
            "error=EDQUOT",
            "error=EACCES",
            "error=EROFS",
            "error=EMFILE",
            "error=EINTR",
        ],
        before: 6,
    },
    Site {
        call: "renameat",
        tampers: &["error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EACCES", "error=EROFS"],
        before: 0,
    },
    Site { call: "unlinkat", tampers: &["error=EIO", "error=EACCES", "error=EROFS"], before: 0 },
    Site { call: "ftruncate", tampers: &["error=EIO", "error=EACCES", "error=EROFS"], before: 0 },
];

/// One fault of one life.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    number: u64,
    call: &'static str,
    tamper: &'static str,
    when: String,
    sabotage: Option<&'static str>,
}

/// Says what this machine lacks, if it does.
pub(super) fn check() -> Result<(), String> {
    let tried = Command::new("strace").args(["-qq", "-f", "-o", "/dev/null", "true"]).status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("strace may not watch a process here: {status}")),
        Err(error) => Err(format!("strace cannot be run: {error}; Debian has it in strace")),
    }
}

pub(super) fn run(slice: &Slice, program: &Program, real: &mut Real, outcome: &mut Outcome) {
    let planted = Case { sabotage: Some("early-ack"), ..case(slice, 0, &SITES[0], 0, "9+") };
    outcome.planted += 1;
    match planted.run(program) {
        Ok(_) => eprintln!("planted `early-ack` before a failing pwrite64 was NOT noticed"),
        Err(_) => outcome.caught += 1,
    }
    let cases = cases(slice);
    let (next, ends) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let end = case.run(program).map_err(|why| format!("{why}\n  {case:?}"));
            // A worker that panicked has pushed a whole end, or none.
            locked(&ends).push(end);
        }
    };
    let workers = thread::available_parallelism().map_or(2, std::num::NonZero::get);
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    note(ends.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner), real);
}

fn note(ends: Vec<Result<bool, String>>, real: &mut Real) {
    let met = ends.iter().filter(|end| matches!(end, Ok(true))).count();
    eprintln!("{} runs under strace, {met} of them met their fault", ends.len());
    real.runs += ends.len() as u64;
    real.more.push(("strace_runs", json!(ends.len())));
    real.more.push(("strace_faults_met", json!(met)));
    ends.into_iter().filter_map(Result::err).for_each(|why| real.violation(&why));
}

fn cases(slice: &Slice) -> Vec<Case> {
    let places: Vec<u32> =
        if slice.is_long { (1..=PLACES_LONG).collect() } else { PLACES.to_vec() };
    let mut cases = Vec::new();
    for site in &SITES {
        for tamper in 0..site.tampers.len() {
            for place in &places {
                // A signal does not come for ever.
                let lasts =
                    if site.tampers[tamper] == "error=EINTR" { &[""][..] } else { &["", "+"] };
                for last in lasts {
                    let when = format!("{}{last}", site.before + place);
                    cases.push(case(slice, cases.len() as u64, site, tamper, &when));
                }
            }
        }
    }
    cases
}

fn case(slice: &Slice, number: u64, site: &Site, tamper: usize, when: &str) -> Case {
    let (call, tamper, when) = (site.call, site.tampers[tamper], when.to_owned());
    Case { seed: slice.seed, number, call, tamper, when, sabotage: None }
}

impl Case {
    fn life(&self, place: u64, end: LifeEnd) -> Life {
        let frames_seed = mix(self.seed ^ self.number);
        Life { seed: mix(frames_seed ^ place), frames_seed, sabotage: None, end }
    }

    /// A life with the fault, on a new store or on one that a kill has torn, and the recovery
    /// behind it. Whether the fault was met.
    fn run(&self, program: &Program) -> Result<bool, String> {
        let folder = TempDir::with_prefix_in("earmark-strace-", MEMORY);
        let folder = folder.or_else(|_| TempDir::with_prefix("earmark-strace-"));
        let folder = folder.map_err(|error| error.to_string())?;
        let store = folder.path().join("store");
        let torn = self.life(1, LifeEnd::At { point: "write.journal.mid", passage: 8 });
        let mut judge = Judge::new(Promise::Written, torn.frames_seed);
        let wrong = |wrong: crate::kills::Wrong| wrong.why;
        if self.call == "ftruncate" || self.number.is_multiple_of(2) {
            judge.hear(torn.live(program, &store)?.told).map_err(wrong)?;
        }
        let log = folder.path().join("log");
        judge.hear(self.live(program, &store, &log)?).map_err(wrong)?;
        let recovery = self.life(3, LifeEnd::Recovery).live(program, &store)?;
        judge.hear(recovery.told).map_err(wrong)?;
        Ok(fs::read_to_string(log).is_ok_and(|log| log.contains("INJECTED")))
    }

    /// The life with the fault. It may end by itself, but not by a panic.
    fn live(&self, program: &Program, store: &Path, log: &Path) -> Result<Told, String> {
        let mut child = self.start(program, store, log).map_err(|error| error.to_string())?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (text, said, code) = thread::scope(|scope| {
            let text = scope.spawn(|| read(out));
            let said = scope.spawn(|| read(err));
            let code = wait(&mut child);
            (text.join().unwrap_or_default(), said.join().unwrap_or_default(), code)
        });
        match code? {
            Some(code) if code != PANICKED => Told::read(&text),
            code => Err(format!("the writer ended with {code:?}: {said}")),
        }
    }

    fn start(&self, program: &Program, store: &Path, log: &Path) -> std::io::Result<Child> {
        let Self { call, tamper, when, .. } = self;
        let life = Life { sabotage: self.sabotage, ..self.life(2, LifeEnd::Whole) };
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "--seccomp-bpf", "-e", &format!("trace={call}")]);
        strace.args(["-e", &format!("inject={call}:{tamper}:when={when}")]);
        strace.arg("-o").arg(log).arg(program.path()).args(life.arguments(store));
        strace.arg(format!("--steps={STEPS}")).env("RUST_LOG", "warn").process_group(0);
        strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }
}

/// The exit code; none when a signal ended it. It and what it watches are killed when they hang.
fn wait(child: &mut Child) -> Result<Option<i32>, String> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status.code());
        }
        if since.elapsed() > LIFE_MAX {
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            // It may have ended meanwhile.
            group.map(|group| kill_process_group(group, Signal::KILL));
            let _ = child.wait();
            return Err(format!("the writer hangs for {LIFE_MAX:?}"));
        }
        thread::sleep(PAUSE);
    }
}

fn read(pipe: Option<impl std::io::Read>) -> String {
    let mut text = String::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_string(&mut text);
    }
    text
}
