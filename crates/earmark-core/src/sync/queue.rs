//! Whose turn is next.
//!
//! Three lanes take turns: the question about a job that was asked for first, the youngest
//! recording, and the recording that has lined up longest. An empty lane loses its turn. So what
//! was just said is never behind a backlog, and neither a backlog nor any number of slow jobs ever
//! stands still.

use alloc::collections::BTreeMap;

/// What kind of request wants its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// A question about a job that the server works on.
    Poll,
    /// An upload.
    Upload,
}

/// The recordings that line up for a request. Of two keys the higher one is the younger recording.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Queue<K> {
    waiting: BTreeMap<K, Place>,
    asked: u64,
    lane: Lane,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    turn: Turn,
    asked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
    Questions,
    Youngest,
    LongestWaiting,
}

impl Lane {
    const fn after(self) -> Self {
        match self {
            Self::Questions => Self::Youngest,
            Self::Youngest => Self::LongestWaiting,
            Self::LongestWaiting => Self::Questions,
        }
    }
}

impl<K: Ord + Copy> Queue<K> {
    /// Nobody lines up.
    pub const fn new() -> Self {
        Self { waiting: BTreeMap::new(), asked: 0, lane: Lane::Questions }
    }

    /// Lines a recording up; one that already does keeps its place.
    pub fn ask(&mut self, key: K, turn: Turn) {
        let asked = self.asked;
        self.asked += 1;
        self.waiting.entry(key).or_insert(Place { turn, asked });
    }

    /// Takes a recording out of the line; whether it stood there.
    pub fn withdraw(&mut self, key: K) -> bool {
        self.waiting.remove(&key).is_some()
    }

    /// Takes out whose turn it is. An upload that may not leave now keeps its place.
    pub fn pop(&mut self, may_leave: impl Fn(K) -> bool) -> Option<K> {
        for _ in 0..3 {
            let chosen = self.first_of(self.lane, &may_leave);
            self.lane = self.lane.after();
            if let Some(key) = chosen {
                self.waiting.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// Whether nobody lines up.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn first_of(&self, lane: Lane, may_leave: impl Fn(K) -> bool) -> Option<K> {
        let first = match lane {
            Lane::Questions => self.of(Turn::Poll).min_by_key(|(_, asked)| *asked),
            // What lined up last is seldom held back, so that few are asked about.
            Lane::Youngest => self.of(Turn::Upload).rev().find(|(key, _)| may_leave(*key)),
            Lane::LongestWaiting => {
                let all = self.of(Turn::Upload).filter(|(key, _)| may_leave(*key));
                all.min_by_key(|(_, asked)| *asked)
            }
        };
        first.map(|(key, _)| key)
    }

    fn of(&self, turn: Turn) -> impl DoubleEndedIterator<Item = (K, u64)> {
        let of_turn = self.waiting.iter().filter(move |(_, at)| at.turn == turn);
        of_turn.map(|(key, at)| (*key, at.asked))
    }
}

impl<K: Ord + Copy> Default for Queue<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn any(_: u32) -> bool {
        true
    }

    fn drain(queue: &mut Queue<u32>) -> Vec<u32> {
        core::iter::from_fn(|| queue.pop(any)).collect()
    }

    #[test]
    fn todays_audio_goes_before_a_backlog() {
        let mut queue = Queue::new();
        (0..1_000).for_each(|old| queue.ask(old, Turn::Upload));
        queue.ask(5_000, Turn::Upload);
        assert_eq!(queue.pop(any), Some(5_000));
    }

    #[test]
    fn a_backlog_moves_while_fresh_audio_keeps_coming() {
        let mut queue = Queue::new();
        (0..10).for_each(|old| queue.ask(old, Turn::Upload));
        let mut moved = Vec::new();
        for fresh in 100..120 {
            queue.ask(fresh, Turn::Upload);
            moved.extend(queue.pop(any).filter(|key| *key < 100));
        }
        assert_eq!(moved, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn uploads_move_while_a_thousand_jobs_are_asked_about() {
        let mut queue = Queue::new();
        (0..1_000).for_each(|job| queue.ask(job, Turn::Poll));
        queue.ask(7_000, Turn::Upload);
        let first_two = [queue.pop(any), queue.pop(any)];
        assert_eq!(first_two, [Some(0), Some(7_000)]);
    }

    #[test]
    fn who_has_lined_up_longest_is_next_whatever_its_age() {
        let mut queue = Queue::new();
        [5, 3, 9].into_iter().for_each(|key| queue.ask(key, Turn::Upload));
        assert_eq!(drain(&mut queue), [9, 5, 3]);
        [6, 4].into_iter().for_each(|job| queue.ask(job, Turn::Poll));
        assert_eq!(drain(&mut queue), [6, 4]);
    }

    #[test]
    fn who_may_not_leave_keeps_its_place_and_holds_up_nobody() {
        let mut queue = Queue::new();
        [5, 3, 9].into_iter().for_each(|key| queue.ask(key, Turn::Upload));
        queue.ask(7, Turn::Poll);
        let may_leave = |key| key == 3;
        let left: Vec<_> = core::iter::from_fn(|| queue.pop(may_leave)).collect();
        assert_eq!(left, [7, 3], "a question is never held back");
        assert_eq!(drain(&mut queue), [5, 9]);
    }

    #[test]
    fn everybody_who_lines_up_gets_one_turn() {
        let mut queue = Queue::new();
        assert!(queue.is_empty());
        for key in 0..9 {
            let turn = if key % 2 == 0 { Turn::Poll } else { Turn::Upload };
            queue.ask(key, turn);
            queue.ask(key, turn);
        }
        assert!(!queue.is_empty());
        assert!(queue.withdraw(4));
        assert!(!queue.withdraw(4));
        let mut served = drain(&mut queue);
        served.sort_unstable();
        assert_eq!(served, [0, 1, 2, 3, 5, 6, 7, 8]);
        assert!(queue.is_empty());
    }
}
