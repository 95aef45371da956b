//! What happens next when nothing goes wrong any more.

use super::{Label, State, World};
use crate::model_check::words::Answer;

impl World {
    /// The next thing that happens without a fault; none when nothing happens by itself any more.
    /// It is one of those that can happen, so every way without faults lies in the searched space.
    pub(super) fn next_without_fault(&mut self, state: &State) -> Option<Label> {
        if !state.is_alive {
            return Some(Label::Open { healthy: true });
        }
        let looks: [fn(&mut Self, &State, &mut Vec<Label>); 6] = [
            Self::deliveries,
            Self::disk,
            Self::answers,
            Self::timers,
            Self::device,
            |world, state, labels| {
                labels.extend(state.is_offline.then_some(Label::Online));
                world.passing(state, true, labels);
            },
        ];
        looks.into_iter().find_map(|look| {
            let mut labels = Vec::new();
            look(self, state, &mut labels);
            labels.into_iter().find(is_wanted)
        })
    }

    /// What has not come to rest although nothing happens by itself any more, in words.
    pub(super) fn restless(&mut self, state: &State) -> Option<&'static str> {
        let all = &self.all;
        let is_stored = self.store.state(state.store, &all.store).is_idle();
        let is_settled = self.track.state(state.track, &all.track).is_quiet();
        let is_uploaded = self.sync.state(state.sync, &all.sync).is_quiet();
        let has_flight = self.server.state(state.server, &all.server).flights().next().is_some();
        match (is_stored, is_settled, is_uploaded, has_flight) {
            (false, ..) => Some("the store waits, and nothing is on its way"),
            (_, false, ..) => Some("a session waits, and nothing is on its way"),
            (_, _, false, _) => Some("an upload waits, and nothing is on its way"),
            (.., true) => Some("a request never ends"),
            (true, true, true, false) => None,
        }
    }
}

/// Whether something brings the world to rest and is no fault.
const fn is_wanted(label: &Label) -> bool {
    match label {
        Label::Store
        | Label::Track
        | Label::Sync
        | Label::Disk(_, true)
        | Label::StoreTimer
        | Label::TrackTimer
        | Label::UploadTimer(_)
        | Label::Answer(_, Answer::Well | Answer::StillRunning)
        | Label::Online
        | Label::Open { healthy: true }
        | Label::Wait(_)
        | Label::Stop => true,
        Label::Disk(_, false)
        | Label::Start
        | Label::Frame
        | Label::Connect
        | Label::Said(_)
        | Label::Answer(..)
        | Label::Offline
        | Label::Kill
        | Label::PowerCut(_)
        | Label::Open { healthy: false } => false,
    }
}
