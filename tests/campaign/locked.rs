//! What workers share behind a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that a panic has poisoned is taken all the same: what the campaigns keep behind one is
/// whole at any moment, and a panic is counted elsewhere.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
