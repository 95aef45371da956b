//! The diagram of the module doc, held against the machine.

use super::*;
use crate::graph::{Walk, assert_same, edges_in_doc};

/// More of the journal than this is never on its way to the disk at once.
const STAGED_MAX: u64 = 2;
/// Whatever is older than this is overdue in every state.
const AGE_MAX: Duration = Duration::from_secs(2);

/// State, what is written and staged but not durable, what the disk was asked for, and for how
/// long which wait goes on.
type Key = (&'static str, [u64; 2], Vec<(DiskTask, u64)>, [Option<Duration>; 3]);

#[test]
fn the_diagram_shows_the_edges_that_the_machine_has() {
    let walk = Walk {
        step: &|bench: &Bench, (event, now): &(Event, Moment)| {
            let mut bench = bench.clone();
            bench.now = *now;
            happen(&mut bench, event);
            bench
        },
        events: &possible,
        state: &Bench::state,
        event: &|(event, _)| event.name(),
        key: &key,
    };
    let real = walk.edges(&[Bench::new()]);
    assert_same(&edges_in_doc(include_str!("../../wal_store.rs")), &real);
}

fn key(bench: &Bench) -> Key {
    let durable = bench.durable();
    let flying = bench.flying.iter().map(|(task, up_to)| (*task, up_to.saturating_sub(durable)));
    let rest = bench.deadline().map(|at| at.since(bench.now).min(AGE_MAX));
    let waits = [bench.oldest(), bench.fails_for()].map(|wait| Some(wait.min(AGE_MAX)));
    let [oldest, fails] = waits;
    let open = [bench.written.saturating_sub(durable), bench.staged - durable];
    (bench.state(), open, flying.collect(), [oldest, fails, rest])
}

fn happen(bench: &mut Bench, event: &Event) {
    let orders = match event {
        Event::Staged { urgent, .. } => bench.stage(*urgent),
        Event::DiskFinished { task, .. } => bench.finish(*task),
        Event::ReserveSpent { .. } => bench.spend_reserve(),
        Event::DiskFailed { task, .. } => bench.fail(*task),
        Event::TaskQueued { .. } | Event::TimerFired => bench.hear(event),
    };
    let is_defect = |order: &&Effect| matches!(order, Effect::ReportUnexpected { .. });
    assert_eq!(orders.iter().find(is_defect), None);
}

/// Each event that can come now, at once and after a while in which the machine's timer was late.
fn possible(bench: &Bench) -> Vec<(Event, Moment)> {
    let after = Ticket(bench.staged);
    let mut events = alloc::vec![Event::TimerFired, Event::TaskQueued { task: SEAL, after }];
    if bench.staged - bench.durable() < STAGED_MAX {
        let ticket = Ticket(bench.staged + 1);
        events.extend([false, true].map(|urgent| Event::Staged { ticket, urgent }));
    }
    for (task, up_to) in &bench.flying {
        let (task, through) = (*task, Ticket(*up_to));
        events.push(Event::DiskFinished { task, through });
        events.push(Event::DiskFailed { task, reason: String::from("EIO") });
        if task == DiskTask::Replace {
            events.push(Event::ReserveSpent { through });
        }
    }
    let waits = [Duration::ZERO, UNSAFE_AFTER, AGE_MAX];
    let at = |event: &Event| waits.map(|wait| (event.clone(), bench.now + wait));
    events.iter().flat_map(at).collect()
}
