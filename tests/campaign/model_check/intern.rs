//! Values as numbers: equal values have the same number, in every thread.
//!
//! The whole state of the model is a handful of such numbers, so it is small, and a step that the
//! production code took once is remembered by the numbers of what went in. Values are told apart by
//! 64-bit fingerprints; those that no state refers to any more are forgotten, and only their
//! fingerprints and numbers stay.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::FxHashMap;

/// Gives numbers to values.
pub(super) struct Interner<T> {
    numbers: Vec<Mutex<FxHashMap<u64, u32>>>,
    values: RwLock<Vec<Option<Arc<T>>>>,
}

const SHARDS: usize = 64;

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<T: Hash> Interner<T> {
    pub(super) fn new() -> Self {
        let numbers = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { numbers, values: RwLock::default() }
    }

    /// The number of a value, and the value, which is kept once.
    pub(super) fn keep(&self, value: T) -> (u32, Arc<T>) {
        let fingerprint = fingerprint(&value);
        let shard = &self.numbers[fingerprint as usize % SHARDS];
        let mut numbers = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let known = numbers.get(&fingerprint).copied();
        if let Some((number, value)) = known.and_then(|number| Some((number, self.look(number)?))) {
            return (number, value);
        }
        let value = Arc::new(value);
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let number = known.unwrap_or_else(|| {
            values.push(None);
            u32::try_from(values.len() - 1).expect("the model has fewer values")
        });
        values[number as usize] = Some(Arc::clone(&value));
        numbers.insert(fingerprint, number);
        (number, value)
    }

    /// The number of a value.
    pub(super) fn number(&self, value: T) -> u32 {
        self.keep(value).0
    }

    /// The value of a number that some state refers to.
    pub(super) fn value(&self, number: u32) -> Arc<T> {
        self.look(number).expect("no state refers to what is forgotten")
    }

    fn look(&self, number: u32) -> Option<Arc<T>> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        values[number as usize].clone()
    }

    /// Forgets the values that are not wanted and that nobody holds.
    pub(super) fn forget(&self, is_wanted: impl Fn(u32) -> bool) {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        for (number, value) in (0_u32..).zip(values.iter_mut()) {
            let is_held = value.as_ref().is_some_and(|value| Arc::strong_count(value) > 1);
            if !is_held && !is_wanted(number) {
                *value = None;
            }
        }
    }

    /// How many values there ever were.
    pub(super) fn len(&self) -> usize {
        self.values.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
