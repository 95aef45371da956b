//! The state diagrams of the module docs, held against the machines.
//!
//! A diagram is a block fenced as `text` with lines `State --Event--> State`. Each of the three
//! places may hold several names, set apart by `|`; lines without an arrow, and edges that end in
//! the state they began in, are left out.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A state's name, an event's name, and the name of the state that it leads to.
pub(crate) type Edge = (String, String, String);

/// More machines than a walk ever meets, unless its key tells apart what never comes back.
const MACHINES_MAX: usize = 100_000;

/// The edges that the module docs of this source draw.
pub(crate) fn edges_in_doc(source: &str) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    let mut inside = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.trim();
        match line {
            "```text" => inside = true,
            "```" => inside = false,
            _ if inside => edges.extend(edges_of_line(line)),
            _ => {}
        }
    }
    edges
}

fn edges_of_line(line: &str) -> Vec<Edge> {
    let Some((from, rest)) = line.split_once("--") else {
        return Vec::new();
    };
    let (events, to) = rest.split_once("-->").expect("an edge has an arrow");
    let mut edges = Vec::new();
    for from in names(from) {
        for event in names(events) {
            let ends = names(to).filter(|to| *to != from);
            edges.extend(ends.map(|to| (from.to_string(), event.to_string(), to.to_string())));
        }
    }
    edges
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split('|').map(str::trim)
}

/// How a walk looks at a machine.
pub(crate) struct Walk<'a, M, E, K> {
    /// The machine after the event.
    pub(crate) step: &'a dyn Fn(&M, &E) -> M,
    /// The events that can come to this machine.
    pub(crate) events: &'a dyn Fn(&M) -> Vec<E>,
    /// The name of its state.
    pub(crate) state: &'a dyn Fn(&M) -> &'static str,
    /// The event's name.
    pub(crate) event: &'a dyn Fn(&E) -> &'static str,
    /// What tells machines apart; those that are alike are walked from once. Counters that never
    /// come back must be left out or cut, or the walk does not end.
    pub(crate) key: &'a dyn Fn(&M) -> K,
}

impl<M: Clone, E, K: Ord> Walk<'_, M, E, K> {
    /// The edges between different states that a breadth-first walk from these machines finds.
    pub(crate) fn edges(&self, starts: &[M]) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        let mut seen: BTreeSet<K> = starts.iter().map(self.key).collect();
        let mut queue: VecDeque<M> = starts.iter().cloned().collect();
        while let Some(machine) = queue.pop_front() {
            for event in (self.events)(&machine) {
                let next = (self.step)(&machine, &event);
                let (from, to) = ((self.state)(&machine), (self.state)(&next));
                if from != to {
                    edges.insert((from.into(), (self.event)(&event).into(), to.into()));
                }
                if seen.insert((self.key)(&next)) {
                    assert!(seen.len() < MACHINES_MAX, "the walk does not end");
                    queue.push_back(next);
                }
            }
        }
        edges
    }
}

/// The edges as lines, to be read in a failure.
pub(crate) fn lines(edges: &BTreeSet<Edge>) -> String {
    let line = |(from, event, to): &Edge| alloc::format!("{from} --{event}--> {to}\n");
    edges.iter().map(line).collect()
}

/// Fails with the edges that only one of the two has.
pub(crate) fn assert_same(drawn: &BTreeSet<Edge>, real: &BTreeSet<Edge>) {
    let missing: BTreeSet<Edge> = real.difference(drawn).cloned().collect();
    let wrong: BTreeSet<Edge> = drawn.difference(real).cloned().collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "not drawn:\n{}\ndrawn, but not there:\n{}",
        lines(&missing),
        lines(&wrong)
    );
}

#[test]
fn a_line_may_name_several_states_and_events() {
    let source = "//! Words.\n//! ```text\n//! A | B --X | Y--> B\n//! no edge\n//! ```\n\
                  //! C --Z--> D\n\nmod a;";
    let drawn = lines(&edges_in_doc(source));
    assert_eq!(drawn, "A --X--> B\nA --Y--> B\n");
}
