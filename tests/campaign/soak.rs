//! `earmark run` in real time with two sources, while everything around it fails at random.
//!
//! The real program, real files, real sockets, the development server as another process, and a
//! network of the campaign's own in between. Every frame says which one it is, and the host tells
//! through the frame socket what has become of it; so it is known what must arrive, and where.
//! A round is: some faults; calm, until the live sockets are up; each source falls silent and the
//! server ends its conversation.

mod bridge;
mod clock;
mod faults;
mod frame;
mod host;
mod judge;
mod log;
mod proxy;
mod server;
mod stage;
mod truth;
mod usage;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::kills::Program;
use crate::locked::locked;
use crate::outcome::{CannotRun, Outcome};
use crate::request::Slice;
use faults::{Draw, Fault};
use frame::Name;
use judge::Files;
use log::{Line, repeating};
use server::Kept;
use stage::{Life, Stage};
use truth::{Fate, Truth};
use usage::Usage;

/// The longest fault, and the pause between two, of a long run and of the slice.
const FAULT_SECONDS_MAX: (u64, u64) = (25, 2);
const PAUSE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_millis(500));
/// The host is not killed any more after this part of the time, so that its last life is long.
const LAST_KILL: f64 = 0.4;
/// No round begins after this part of the time.
const LAST_ROUND: f64 = 0.93;
/// What is held is compared over lives that have rested twice so many seconds apart.
const LIFE_SECONDS_MIN: f64 = 120.0;
/// Each so many rounds the host comes to rest.
const REST_EVERY: u64 = 4;
/// The faults of the slice.
const SLICE_FAULTS: [Fault; 8] = [
    Fault::Clock,
    Fault::Disk,
    Fault::Slow,
    Fault::Stall,
    Fault::Server,
    Fault::Token,
    Fault::Cut,
    Fault::Kill,
];

pub(crate) fn run(slice: &Slice) -> Result<Outcome, CannotRun> {
    let program = Program::find()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CannotRun(error.to_string()))?;
    runtime.block_on(soak(slice, &program))
}

async fn soak(slice: &Slice, program: &Program) -> Result<Outcome, CannotRun> {
    let mut stage = Stage::set(program).await.map_err(CannotRun)?;
    for skipped in &stage.skipped {
        eprintln!("NOT RUN, NOTHING IS SHOWN ABOUT IT: {skipped}");
    }
    let mut wrong = Vec::new();
    if let Err(why) = act(slice, &mut stage).await {
        wrong.push(why);
    }
    if let Err(why) = stage.end().await {
        wrong.push(why);
    }
    if let Err(why) = host::verify(program, stage.store()).await {
        wrong.push(why);
    }
    let files = judge::files(stage.store()).unwrap_or_else(|why| {
        wrong.push(why);
        Files::new()
    });
    let truth = locked(&stage.truth).clone();
    wrong.extend(judge::judge(&truth, &files, &stage.kept));
    let lines = locked(&stage.place.log).clone();
    let repeats = repeating(&lines, &stage.causes);
    wrong.extend(
        repeats.iter().map(|(line, count)| format!("{count} times again within 60 s: {line}")),
    );
    let (sent, paced) = stage.pace();
    if sent < paced / 2 {
        wrong.push(format!("{sent} frames were sent in a time for {paced}: this shows little"));
    }
    wrong.extend(stage.lives.iter().filter_map(|life| growth(life)));
    let mut outcome = Outcome { unit: "frames", ..Outcome::default() };
    control(&truth, &files, &stage.kept, &lines, &mut outcome);
    tell(slice, &stage, &truth, &wrong, &mut outcome);
    Ok(outcome)
}

/// Has the host suffer, and come to rest.
async fn act(slice: &Slice, stage: &mut Stage<'_>) -> Result<(), String> {
    let mut rounds = 0;
    let pick = |long, short| if slice.is_long { long } else { short };
    let (seconds_max, short) = FAULT_SECONDS_MAX;
    let seconds_max = if slice.is_long { seconds_max } else { short };
    let mut draw = Draw::new(slice.seed, stage.possible(), seconds_max);
    let mut lives = 0;
    while rounds == 0 || (slice.is_long && !slice.is_over(LAST_ROUND)) {
        let faults = match (slice.is_long, rounds) {
            // The first look is at a host to which nothing was done.
            (true, 0) => Vec::new(),
            (true, _) => draw.round(!slice.is_over(LAST_KILL)),
            (false, _) => SLICE_FAULTS.to_vec(),
        };
        for fault in faults {
            if draw.possible.contains(&fault) {
                sleep(pick(PAUSE.0, PAUSE.1)).await;
                stage.suffer(fault, &mut draw).await?;
            }
        }
        stage.connected().await?;
        stage.end_conversations(!slice.is_long || draw.is_heads()).await?;
        rounds += 1;
        if slice.is_long && (stage.lives.len() > lives || rounds % REST_EVERY == 0) {
            lives = stage.lives.len();
            rest(stage).await?;
        }
        if slice.is_long && !slice.is_over(LAST_ROUND) {
            stage.go_on();
        }
    }
    rest(stage).await?;
    if slice.is_long { stage.reopen().await } else { Ok(()) }
}

async fn rest(stage: &mut Stage<'_>) -> Result<(), String> {
    stage.settled().await?;
    sleep(Duration::from_secs(1)).await;
    stage.measure()
}

/// What a life holds in the end beyond what it held when it first rested.
fn growth(life: &[(f64, Usage)]) -> Option<String> {
    let ((begun, first), (ended, last)) = (life.first()?, life.last()?);
    let is_long = ended - begun >= LIFE_SECONDS_MIN;
    let has_grown = is_long && !last.is_that_of(first);
    has_grown.then(|| format!("after {ended:.0} s the host holds {last:?}, once {first:?}"))
}

/// Spoils what was found in each way, and sees whether it is noticed.
fn control(truth: &Truth, files: &Files, kept: &Kept, lines: &[Line], outcome: &mut Outcome) {
    let told = judge::judge(truth, files, kept).len();
    let is_noticed = |truth: &Truth, kept: &Kept| judge::judge(truth, files, kept).len() > told;
    let mut more = truth.clone();
    let extra = Name { source: 0, conversation: 0, serial: u64::MAX };
    more.sent(extra);
    more.settled(std::iter::once(extra));
    let (mut lost, mut mixed, mut twice) = (kept.clone(), kept.clone(), kept.clone());
    lost.pop_first();
    if let Some(((name, sha256, _), times)) = mixed.pop_first() {
        mixed.insert((name.clone(), sha256.clone(), Some(String::from("another"))), times);
        twice.insert((format!("u{name}"), sha256, None), times);
    }
    let now = std::time::Instant::now();
    let line = r#"{"level":"WARN","fields":{"message":"again","n":1}}"#;
    let mut repeated = lines.to_vec();
    repeated.extend([now, now].map(|at| Line::read(line, at)));
    let once = repeating(lines, &[]).len();
    let start = Usage { memory_kib: 1_000, heap_kib: 100, files: Some(20) };
    let end = Usage { files: Some(22), ..start };
    for (what, noticed) in [
        ("a frame more", is_noticed(&more, kept)),
        ("an upload lost", is_noticed(truth, &lost)),
        ("another conversation", is_noticed(truth, &mixed)),
        ("an upload under two names", is_noticed(truth, &twice)),
        ("a line twice", repeating(&repeated, &[]).len() > once),
        ("a tenth more open files", !end.is_that_of(&start)),
    ] {
        outcome.planted += 1;
        outcome.caught += u64::from(noticed);
        eprintln!("planted {what}, noticed: {noticed}");
    }
}

fn tell(slice: &Slice, stage: &Stage<'_>, truth: &Truth, wrong: &[String], outcome: &mut Outcome) {
    for why in wrong {
        eprintln!("VIOLATION: {why}");
    }
    if !wrong.is_empty() {
        let path = std::env::temp_dir().join(format!("earmark-soak-{}.log", slice.seed));
        let kept = std::fs::copy(stage.log_file(), &path);
        eprintln!("again: campaign soak --seed {}; its log: {path:?}, {kept:?}", slice.seed);
    }
    outcome.checked = truth.count(Fate::Settled);
    outcome.violations = wrong.len() as u64;
    let again: u64 = stage.kept.values().map(|times| times - 1).sum();
    let usage =
        |(age, usage): &(f64, Usage)| json!({ "age": age.round(), "held": usage.to_json() });
    let life =
        |life: &Life| Value::from_iter(life.first().into_iter().chain(life.last()).map(usage));
    let lives: Vec<Value> = stage.lives.iter().map(life).collect();
    for (name, value) in [
        ("faults", json!(stage.faults)),
        ("frames_refused", json!(truth.count(Fate::Refused))),
        ("frames_sent", json!([stage.pace().0, stage.pace().1])),
        ("frames_unknown", json!(truth.count(Fate::Sent))),
        ("lives", json!(lives)),
        ("log_lines", json!(locked(&stage.place.log).len())),
        ("sent_again", json!(again)),
        ("skipped", json!(stage.skipped)),
        ("uploads", json!(stage.kept.len())),
    ] {
        outcome.more.insert(name.to_owned(), value);
    }
}
