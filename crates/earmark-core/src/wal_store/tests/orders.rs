//! The machine beside a disk that answers in any order, well or badly, at any time.

use proptest::prelude::*;

use super::*;

const WAITS: [u64; 6] = [0, 20, 500, 900, 1_100, 5_000];
const ROUNDS_MAX: usize = 100;

/// Somebody who carries out all orders and checks each of them.
#[derive(Default)]
struct Watch {
    is_refused: bool,
    /// What was queued and is not done, and how much of the journal it needs.
    undone: BTreeMap<DiskTask, u64>,
}

impl Watch {
    fn look(&mut self, bench: &Bench, orders: &[Effect]) {
        for order in orders {
            match order {
                Effect::Start(task) => {
                    let needs = self.undone.get(task).copied().unwrap_or(0);
                    assert!(needs <= bench.durable(), "{task:?} needs what is not durable");
                }
                Effect::ReportTaskFailed { .. } => {}
                Effect::RefuseFrames(_) => self.is_refused = true,
                Effect::TakeFrames => assert!(core::mem::take(&mut self.is_refused)),
                Effect::ReportUnexpected { state, event } => panic!("{event} in {state}"),
            }
        }
        self.check_flights(bench);
        let durable = bench.staged_at.keys().next().map_or(bench.staged, |first| first - 1);
        assert_eq!(bench.durable(), durable, "what the disk made durable, and nothing else");
        let waits = !bench.machine.shared().is_idle();
        assert!(!waits || !bench.flying.is_empty() || bench.deadline().is_some());
    }

    /// Two of a kind are never under way, which the bench sees to; nor is anything of the journal
    /// beside a new file, nor two other tasks, of which a new reserve is none.
    fn check_flights(&self, bench: &Bench) {
        let journal = bench.flying.keys().filter(|task| task.is_journal()).count();
        let others =
            bench.flying.keys().filter(|task| **task != DiskTask::Refill).count() - journal;
        let replaces = bench.flying.contains_key(&DiskTask::Replace);
        assert!(others <= 1 && (!replaces || journal == 1), "{:?}", bench.flying);
    }

    /// After all deadlines were told, frames are refused if and only if they are not safe.
    fn check_safety(&self, bench: &Bench) {
        let is_asked = bench.flying.keys().any(|task| task.is_journal());
        let is_dead = bench.failing_since.is_some();
        let is_late = bench.oldest() >= SYNC_AFTER;
        assert!(is_asked || is_dead || !is_late, "the disk was not asked in time");
        let is_overdue = is_asked && bench.oldest() >= SYNC_AFTER + UNSAFE_AFTER;
        assert!(self.is_refused || is_dead || !is_overdue, "a stall is not noticed");
        assert!(self.is_refused || bench.fails_for() < UNSAFE_AFTER, "a failure is not noticed");
    }

    fn happen(&mut self, bench: &mut Bench, roll: u32) {
        let rest = (roll / 8) as usize;
        let flying: Vec<DiskTask> = bench.flying.keys().copied().collect();
        let orders = match (roll % 8, flying.get(rest % flying.len().max(1))) {
            (0, _) => bench.stage(rest.is_multiple_of(4)),
            (1, _) => self.queue(bench, rest),
            (2 | 3, _) | (_, None) => bench.pass(millis(WAITS[rest % WAITS.len()])),
            (4, Some(task)) => bench.fail(*task),
            (5, Some(DiskTask::Replace)) => bench.spend_reserve(),
            (_, Some(task)) => self.finish(bench, *task),
        };
        self.look(bench, &orders);
        if roll % 8 == 2 {
            self.check_safety(bench);
        }
    }

    fn queue(&mut self, bench: &mut Bench, number: usize) -> Vec<Effect> {
        let task = DiskTask::Seal(RecordingId::new(1, number as u32));
        if self.undone.contains_key(&task) {
            return Vec::new();
        }
        self.undone.insert(task, bench.staged);
        bench.queue(task)
    }

    fn finish(&mut self, bench: &mut Bench, task: DiskTask) -> Vec<Effect> {
        self.undone.remove(&task);
        bench.finish(task)
    }

    /// From here on the disk does what it is asked to.
    fn heal(&mut self, bench: &mut Bench) {
        for _ in 0..ROUNDS_MAX {
            while let Some(task) = bench.flying.keys().next().copied() {
                let orders = self.finish(bench, task);
                self.look(bench, &orders);
            }
            let orders = bench.pass(TASK_WAIT_MAX);
            self.look(bench, &orders);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_the_disk_does_nothing_counts_as_durable_before_it_is_and_all_of_it_ends_so(
        rolls in prop::collection::vec(any::<u32>(), 0..80)
    ) {
        let (mut bench, mut watch) = (Bench::new(), Watch::default());
        for roll in rolls {
            watch.happen(&mut bench, roll);
        }
        watch.heal(&mut bench);
        prop_assert_eq!(bench.durable(), bench.staged);
        prop_assert_eq!(watch.undone, BTreeMap::new());
        prop_assert!(!watch.is_refused);
        prop_assert_eq!(bench.state(), "sound");
    }
}
