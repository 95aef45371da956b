//! An exhaustive search in breadth, over all cores, with a fingerprint for each state seen.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use earmark_core::invariant::Violation;
use earmark_core::invariant::progress::never_stuck;
use rustc_hash::FxHashMap;

use super::seen::{Mark, Seen};

/// What is searched. Each thread has one of its own; they agree on the numbers in a state.
pub(super) trait Model: Send {
    type State: Copy + Send + Sync;
    type Label: Clone + Send;

    fn initial(&mut self) -> Self::State;

    fn fingerprint(&self, state: &Self::State) -> u64;

    /// All that can happen in a state, each with what comes of it.
    fn successors(
        &mut self,
        state: &Self::State,
        found: &mut Vec<(Self::Label, Self::State)>,
    ) -> Result<(), Broken<Self::Label>>;

    /// Forgets what the states of this layer do not need.
    fn forget(&mut self, layer: &[Self::State]);

    /// What happens next when no fault does; none when everything has come to rest.
    fn progress(&mut self, state: &Self::State) -> Result<Option<Self::State>, Violation>;
}

/// A broken invariant, and what led there from the state that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Broken<L> {
    pub(super) by: Option<L>,
    pub(super) violation: Violation,
}

/// What a search came to.
#[derive(Debug)]
pub(super) struct Found<S, L> {
    pub(super) states: u64,
    pub(super) transitions: u64,
    pub(super) depth: u64,
    /// Whether every reachable state was seen.
    pub(super) is_complete: bool,
    /// The state in which something broke, and how.
    pub(super) broken: Option<(S, Broken<L>)>,
}

/// Steps without a fault after which everything must have come to rest.
const PROGRESS_MAX: usize = 20_000;
/// Layers after which what is not needed any more is forgotten.
const FORGET_EVERY: u64 = 8;
/// States that a thread takes from the layer at a time.
const SHARE: usize = 1_024;

/// What the threads of a search share.
struct Shared<S, L> {
    seen: Seen,
    transitions: AtomicU64,
    stop: AtomicBool,
    broken: Mutex<Option<(S, Broken<L>)>>,
}

/// Searches until the queue is empty, something breaks, or `is_over` says so between two layers.
pub(super) fn search<M: Model>(
    make: &(dyn Fn() -> M + Sync),
    bits: u32,
    mut is_over: impl FnMut(u64, u64) -> bool,
) -> Found<M::State, M::Label> {
    let shared = Shared {
        seen: Seen::new(bits),
        transitions: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        broken: Mutex::new(None),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut models: Vec<M> = std::iter::repeat_with(make).take(threads).collect();
    let first = models[0].initial();
    let _ = shared.seen.mark(models[0].fingerprint(&first), Mark::Reached);
    let (mut layer, mut states, mut depth) = (vec![first], 1, 0);
    let mut is_complete = true;
    while !layer.is_empty() && !shared.stop.load(Ordering::Relaxed) {
        layer = next_layer(&mut models, &layer, &shared);
        states += layer.len() as u64;
        depth += 1;
        if depth % FORGET_EVERY == 0 {
            models.iter_mut().for_each(|model| model.forget(&layer));
        }
        if is_over(states, depth) && !layer.is_empty() {
            is_complete = false;
            break;
        }
    }
    let broken = shared.broken.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let transitions = shared.transitions.into_inner();
    let is_complete = is_complete && broken.is_none() && !shared.stop.into_inner();
    Found { states, transitions, depth, is_complete, broken }
}

fn next_layer<M: Model>(
    models: &mut [M],
    layer: &[M::State],
    shared: &Shared<M::State, M::Label>,
) -> Vec<M::State> {
    let taken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let parts: Vec<_> = models
            .iter_mut()
            .map(|model| scope.spawn(|| part_of_layer(model, layer, &taken, shared)))
            .collect();
        let parts = parts.into_iter().map(|part| part.join().expect("a thread does not panic"));
        parts.flatten().collect()
    })
}

fn part_of_layer<M: Model>(
    model: &mut M,
    layer: &[M::State],
    taken: &AtomicU64,
    shared: &Shared<M::State, M::Label>,
) -> Vec<M::State> {
    let (mut next, mut found, mut transitions) = (Vec::new(), Vec::new(), 0);
    loop {
        let from = taken.fetch_add(SHARE as u64, Ordering::Relaxed) as usize;
        let Some(share) = layer.get(from..(from + SHARE).min(layer.len())) else { break };
        for state in share {
            found.clear();
            let looked = look(model, state, &mut found, shared);
            transitions += found.len() as u64;
            if let Err(broken) = looked {
                shared.stop.store(true, Ordering::Relaxed);
                let mut first =
                    shared.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                first.get_or_insert((*state, broken));
            }
            for (_, successor) in found.drain(..) {
                match shared.seen.mark(model.fingerprint(&successor), Mark::Reached) {
                    Ok(true) => next.push(successor),
                    Ok(false) => {}
                    Err(_) => shared.stop.store(true, Ordering::Relaxed),
                }
            }
        }
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    shared.transitions.fetch_add(transitions, Ordering::Relaxed);
    next
}

fn look<M: Model>(
    model: &mut M,
    state: &M::State,
    found: &mut Vec<(M::Label, M::State)>,
    shared: &Shared<M::State, M::Label>,
) -> Result<(), Broken<M::Label>> {
    model.successors(state, found)?;
    comes_to_rest(model, *state, shared).map_err(|violation| Broken { by: None, violation })
}

/// From here on without a fault everything comes to rest. Whoever was on such a way before is
/// known, so all ways together are walked once.
fn comes_to_rest<M: Model>(
    model: &mut M,
    from: M::State,
    shared: &Shared<M::State, M::Label>,
) -> Result<(), Violation> {
    let mut way = Vec::new();
    let mut state = from;
    loop {
        let fingerprint = model.fingerprint(&state);
        if shared.seen.has(fingerprint, Mark::Settles) {
            break;
        }
        way.push(fingerprint);
        if way.len() > PROGRESS_MAX {
            return never_stuck(Some("it goes on for ever")).map(drop);
        }
        match model.progress(&state)? {
            Some(next) => state = next,
            None => break,
        }
    }
    for fingerprint in way {
        if shared.seen.mark(fingerprint, Mark::Settles).is_err() {
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// How a state is reached, as shortly as can be.
pub(super) fn way_to<M: Model>(model: &mut M, wanted: &M::State) -> Vec<M::Label> {
    let first = model.initial();
    let target = model.fingerprint(wanted);
    let mut came: FxHashMap<u64, (u64, Option<M::Label>)> = FxHashMap::default();
    came.insert(model.fingerprint(&first), (0, None));
    let mut queue = VecDeque::from([first]);
    let mut found = Vec::new();
    while !came.contains_key(&target) {
        let Some(state) = queue.pop_front() else { break };
        found.clear();
        // What is broken there is known; all that can happen besides it still counts.
        let _ = model.successors(&state, &mut found);
        let from = model.fingerprint(&state);
        for (label, next) in found.drain(..) {
            came.entry(model.fingerprint(&next)).or_insert_with(|| {
                queue.push_back(next);
                (from, Some(label))
            });
        }
    }
    let (mut way, mut at) = (Vec::new(), target);
    while let Some((from, Some(label))) = came.get(&at) {
        way.push(label.clone());
        at = *from;
    }
    way.reverse();
    way
}
