//! Hostile bytes for everything that reads bytes from a disk, a device or a network.
//!
//! Inputs are made from those in `tests/corpora` and from what a small store writes, by changes
//! that know a little of their form: checksums are made to fit, tokens of JSON change places. An
//! input whose outcome is new is kept and changed further. No reader may panic, go on for ever, or
//! hold more memory than its input warrants. Each core has a process of its own, which can be
//! ended.

mod memory_disk;
mod mutation;
mod planted;
mod target;
mod worker;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use target::{PLANTED, TARGETS, Target};
use worker::{Bench, Task};

/// Set for the processes that do the work: seed, seconds, executions, and the planted reader.
const WORKER: &str = "EARMARK_FUZZ_WORKER";
/// Set by whoever wants the inputs whose outcome was new to be written to the corpora.
const KEEP: &str = "EARMARK_KEEP_CORPUS";
/// How a worker ends whose reader goes on for ever.
const HUNG: u8 = 9;
/// Executions of a long run, all together.
const EXECUTIONS_LONG: u64 = 50_000_000;
/// Seconds of the slice that nobody asked more of.
const SLICE_SECONDS: f64 = 12.0;
/// Seconds for a planted bug to be noticed.
const CONTROL_SECONDS: f64 = 2.0;
/// How long one execution may last; a machine may be busy with other things.
const HANG: Duration = Duration::from_secs(20);
/// The same for a reader of which it is known.
const HANG_PLANTED: Duration = Duration::from_secs(1);

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    if let Ok(task) = std::env::var(WORKER) {
        return work(slice, &task);
    }
    let mut outcome = Outcome { unit: "executions", ..Outcome::default() };
    control(slice, &mut outcome)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let (seconds, executions) = match slice.is_long {
        // Then the worker reads on its own command line how long that is.
        true => (0.0, EXECUTIONS_LONG / cores),
        false => (SLICE_SECONDS, 0),
    };
    let task = |core: u64| format!("{} {seconds} {executions} -", slice.seed ^ (core << 56));
    let workers: Vec<Child> =
        (0..cores).map(|core| start(&task(core))).collect::<Result<_, _>>()?;
    let mut counts: Map<String, Value> = Map::new();
    for worker in workers {
        let said = end(worker)?;
        outcome.violations += said.as_ref().map_or(1, |said| number(said, "violations"));
        outcome.checked += said.as_ref().map_or(0, |said| number(said, "checked"));
        add(&mut counts, said.as_ref().and_then(|said| said["executions"].as_object()));
    }
    outcome.more.insert("executions".into(), counts.into());
    Ok(outcome)
}

fn number(said: &Value, name: &str) -> u64 {
    said[name].as_u64().unwrap_or(0)
}

fn add(counts: &mut Map<String, Value>, said: Option<&Map<String, Value>>) {
    for (name, count) in said.into_iter().flatten() {
        let before = counts.get(name).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(name.clone(), json!(before + count.as_u64().unwrap_or(0)));
    }
}

/// Lets a worker feed each planted reader, and counts those whose bug it notices.
fn control(slice: &Slice, outcome: &mut Outcome) -> Result<(), CannotRun> {
    for planted in &PLANTED {
        outcome.planted += 1;
        let task = format!("{} {CONTROL_SECONDS} 0 {}", slice.seed, planted.name);
        let said = end(start(&task)?)?;
        // One that went on for ever has said nothing.
        let noticed = said.is_none_or(|said| number(&said, "violations") > 0);
        outcome.caught += u64::from(noticed);
        let word = if noticed { "noticed" } else { "NOT noticed" };
        eprintln!("{}: {word}", planted.name);
    }
    Ok(())
}

fn start(task: &str) -> Result<Child, CannotRun> {
    let broken = |error: std::io::Error| CannotRun(format!("it cannot start itself: {error}"));
    let program = std::env::current_exe().map_err(broken)?;
    let mut command = Command::new(program);
    command.args(std::env::args().skip(1)).env(WORKER, task).stdout(Stdio::piped());
    command.spawn().map_err(broken)
}

/// What a worker said at its end; none when it was ended, or went on for ever.
fn end(worker: Child) -> Result<Option<Value>, CannotRun> {
    let broken = |error: std::io::Error| CannotRun(format!("a worker cannot be heard: {error}"));
    let output = worker.wait_with_output().map_err(broken)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
    if said.is_none() {
        eprintln!("a worker ended with {}", output.status);
    }
    Ok(said)
}

/// What a worker does: everything, or one planted reader.
fn work(slice: &Slice, task: &str) -> Result<Outcome, CannotRun> {
    let unusable = || CannotRun(format!("{WORKER} is {task:?}, which only this program sets"));
    let parts: Vec<&str> = task.split(' ').collect();
    let [seed, seconds, executions, planted] = parts[..] else {
        return Err(unusable());
    };
    let one = PLANTED.iter().find(|target| target.name == planted);
    let task = Task {
        whole: (slice.is_long && one.is_none()).then_some(*slice),
        seed: seed.parse().map_err(|_| unusable())?,
        lasting: seconds.parse().map(Duration::from_secs_f64).map_err(|_| unusable())?,
        executions: executions.parse().map_err(|_| unusable())?,
        hang: if one.is_some() { HANG_PLANTED } else { HANG },
    };
    let targets: Vec<Target> = one.map_or_else(|| TARGETS.to_vec(), |one| vec![*one]);
    let benches = worker::run(&targets, task);
    if one.is_none() && std::env::var_os(KEEP).is_some() {
        benches.iter().try_for_each(keep).map_err(|error| CannotRun(error.to_string()))?;
    }
    Ok(report(&benches))
}

fn report(benches: &[Bench]) -> Outcome {
    let mut outcome = Outcome { unit: "executions", ..Outcome::default() };
    let mut counts = Map::new();
    for bench in benches {
        outcome.checked += bench.executions;
        outcome.violations += bench.violations;
        counts.insert(bench.target.name.to_owned(), json!(bench.executions));
        let found = bench.pool.len() - bench.seeds;
        eprintln!("{}: {} executions, {found} outcomes", bench.target.name, bench.executions);
    }
    outcome.more.insert("executions".into(), counts.into());
    outcome
}

/// Writes the inputs whose outcome was new beside those that somebody wrote.
fn keep(bench: &Bench) -> std::io::Result<()> {
    let folder = target::folder(&bench.target);
    std::fs::create_dir_all(&folder)?;
    for input in &bench.pool[bench.seeds..] {
        let name = format!("found-{:08x}", crc32c::crc32c(input));
        std::fs::write(folder.join(name), input)?;
    }
    Ok(())
}
