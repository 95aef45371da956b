//! The tracks are made anew from what the store held at its opening.

use earmark_core::Effects;
use earmark_core::session::Track;

use super::{Opened, SessionSupervisor};
use crate::source::SourceKey;

impl SessionSupervisor {
    pub(super) fn recover(&mut self, opened: &Opened) {
        let now = self.shared.stamp();
        let found = opened.ledger.found_sessions(|id| opened.sealed.get(&id).cloned(), now);
        for ((device, account), sessions) in found {
            let mut effects = Effects::new();
            let (wait, ids) = (self.link_wait, &mut self.ids);
            let track = Track::recover(wait, sessions, now.moment, ids, &mut effects);
            let key = SourceKey { device, account };
            self.tracks.insert(key.clone(), track);
            self.obey(&key, effects);
        }
    }
}
