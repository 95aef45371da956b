//! Values as numbers: equal values have the same number, in every thread.
//!
//! The whole state of the model is a handful of such numbers, so it is small, and a step that the
//! production code took once is remembered by the numbers of what went in.

use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Gives numbers to values.
pub(super) struct Interner<T> {
    numbers: Vec<Mutex<FxHashMap<Arc<T>, u32>>>,
    values: RwLock<Vec<Arc<T>>>,
}

const SHARDS: usize = 64;

impl<T: Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        let numbers = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { numbers, values: RwLock::default() }
    }

    /// The number of a value.
    pub(super) fn number(&self, value: T) -> u32 {
        let shard = FxBuildHasher.hash_one(&value) as usize % SHARDS;
        let mut numbers = self.numbers[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.get(&value) {
            return *number;
        }
        let value = Arc::new(value);
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let number = u32::try_from(values.len()).expect("the model has fewer values");
        values.push(Arc::clone(&value));
        numbers.insert(value, number);
        number
    }

    /// The value of a number that this interner gave.
    pub(super) fn value(&self, number: u32) -> Arc<T> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&values[number as usize])
    }

    pub(super) fn len(&self) -> usize {
        self.values.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
