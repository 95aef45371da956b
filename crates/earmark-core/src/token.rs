//! The proof that a recording is sealed.

use core::fmt::Debug;
use core::hash::Hash;

use crate::RecordingId;

/// The proof that a recording's file is written, synced and recorded in the journal.
///
/// The machines are generic over it, and only the store's crate has a type that can be made one,
/// and only after its sync returned: an upload of an unsealed recording cannot be written down.
pub trait SealedToken: Clone + Debug + Eq + Hash + 'static {
    /// The recording that is sealed.
    fn recording(&self) -> RecordingId;
}
