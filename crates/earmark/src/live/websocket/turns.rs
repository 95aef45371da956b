//! One connection at a time for each source: the next one waits until the one before is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use earmark_core::{Account, Device};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::live::Hello;
use crate::source::locked;

type Source = (Device, Account);

/// Who has a connection.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<Source, Arc<Turn<()>>>>);

impl Turns {
    /// Waits for the turn of a source; it lasts as long as what is returned.
    pub(super) async fn take(&self, hello: &Hello) -> OwnedMutexGuard<()> {
        let key = (hello.device.clone(), hello.account.clone());
        let turn = {
            let mut turns = locked(&self.0);
            // Only those that somebody has or waits for are kept.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key).or_default())
        };
        turn.lock_owned().await
    }
}
