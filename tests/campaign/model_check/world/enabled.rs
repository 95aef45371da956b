//! What can happen in a state.

use super::{Label, State, World};
use crate::model_check::words::{Said, second_of};

/// Steps of one second between two coarse ones.
const FINE_MAX: u8 = 2;

impl World {
    pub(super) fn enabled(&mut self, state: &State) -> Vec<Label> {
        let mut labels = Vec::with_capacity(24);
        if !state.is_alive {
            labels.push(Label::Open { healthy: true });
            if state.left.disk_faults > 0 {
                labels.push(Label::Open { healthy: false });
            }
            return labels;
        }
        self.at_once(state, &mut labels);
        let is_quiet = labels.is_empty();
        self.device(state, &mut labels);
        self.server(state, &mut labels);
        self.passing(state, is_quiet, &mut labels);
        self.deaths(state, &mut labels);
        labels
    }

    /// What is to be done at this instant.
    fn at_once(&mut self, state: &State, labels: &mut Vec<Label>) {
        self.deliveries(state, labels);
        self.disk(state, labels);
        self.answers(state, labels);
        self.timers(state, labels);
    }

    /// Whether nothing is left to do at this instant.
    pub(super) fn is_quiet(&mut self, state: &State) -> bool {
        let mut labels = Vec::new();
        self.at_once(state, &mut labels);
        labels.is_empty()
    }

    pub(super) fn deliveries(&mut self, state: &State, labels: &mut Vec<Label>) {
        let queues = [
            (state.to_store, Label::Store),
            (state.to_track, Label::Track),
            (state.to_sync, Label::Sync),
        ];
        labels
            .extend(queues.into_iter().filter_map(|(queue, label)| self.pop(queue).map(|_| label)));
    }

    pub(super) fn disk(&mut self, state: &State, labels: &mut Vec<Label>) {
        let all = &self.all;
        let store = self.store.state(state.store, &all.store);
        for task in store.in_flight() {
            labels.push(Label::Disk(task, true));
            if state.left.disk_faults > 0 {
                labels.push(Label::Disk(task, false));
            }
        }
    }

    pub(super) fn timers(&mut self, state: &State, labels: &mut Vec<Label>) {
        let now = state.now.moment();
        let all = &self.all;
        let is_due = |deadline: Option<earmark_core::Moment>| deadline.is_some_and(|at| at <= now);
        if is_due(self.store.state(state.store, &all.store).deadline()) {
            labels.push(Label::StoreTimer);
        }
        if is_due(self.track.state(state.track, &all.track).deadline()) {
            labels.push(Label::TrackTimer);
        }
        let timers = self.sync.state(state.sync, &all.sync).timers();
        let due = timers.filter(|(_, at)| *at <= now);
        labels.extend(due.map(|(recording, _)| Label::UploadTimer(recording)));
    }

    pub(super) fn device(&mut self, state: &State, labels: &mut Vec<Label>) {
        let all = &self.all;
        let is_capturing = self.source.state(state.source, &all.source).is_capturing();
        if is_capturing {
            labels.push(Label::Stop);
            if state.left.frames > 0 {
                labels.push(Label::Frame);
            }
        } else if state.left.captures > 0 {
            labels.push(Label::Start);
        }
        if state.left.connects > 0 {
            labels.push(Label::Connect);
        }
    }

    fn server(&mut self, state: &State, labels: &mut Vec<Label>) {
        if state.is_connected && state.left.messages > 0 {
            for number in 1..=self.limits.conversations {
                labels.push(Label::Said(Said::Ended(number)));
                if self.limits.says_ready {
                    labels.push(Label::Said(Said::Ready(number)));
                }
            }
        }
        if state.is_offline {
            labels.push(Label::Online);
        } else if state.left.offline > 0 {
            labels.push(Label::Offline);
        }
    }

    pub(super) fn answers(&mut self, state: &State, labels: &mut Vec<Label>) {
        let (all, is_bad_left) = (&self.all, state.left.bad_answers > 0);
        for (recording, answers) in self.server.state(state.server, &all.server).flights() {
            let allowed = if is_bad_left { answers } else { &answers[..1] };
            labels.extend(allowed.iter().map(|how| Label::Answer(recording, *how)));
        }
    }

    /// The clock goes on when everything that can be done at once is done. Before that it may as
    /// often as something may lag: an actor, a timer, the disk or the network.
    pub(super) fn passing(&mut self, state: &State, is_quiet: bool, labels: &mut Vec<Label>) {
        if !is_quiet && state.left.lags == 0 {
            return;
        }
        let Some(next) = self.next_deadline(state) else { return };
        let is_near =
            !self.limits.swift_journal && state.fine < FINE_MAX && next == state.now.seconds + 1;
        if is_near {
            labels.push(Label::Wait(next));
        } else {
            labels.push(Label::Wait(coarse(state.now.seconds, next, self.limits.step)));
        }
    }

    /// The second in which something falls due by itself that is not due yet.
    pub(super) fn next_deadline(&mut self, state: &State) -> Option<u16> {
        let all = &self.all;
        let store = self.store.state(state.store, &all.store).deadline();
        let track = self.track.state(state.track, &all.track).deadline();
        let uploads = self.sync.state(state.sync, &all.sync).timers().map(|(_, at)| at);
        let deadlines = store.into_iter().chain(track).chain(uploads);
        deadlines.map(second_of).filter(|second| *second > state.now.seconds).min()
    }

    fn deaths(&mut self, state: &State, labels: &mut Vec<Label>) {
        if state.left.deaths == 0 {
            return;
        }
        labels.push(Label::Kill);
        if state.left.power_cuts == 0 {
            return;
        }
        let all = &self.all;
        let at_stake = self.store.state(state.store, &all.store).at_stake();
        labels.extend((0..at_stake).map(Label::PowerCut));
    }
}

/// The next coarse step of the clock that reaches a second.
const fn coarse(now: u16, second: u16, step: u16) -> u16 {
    let at_least = if second > now { second } else { now + 1 };
    at_least.div_ceil(step).saturating_mul(step)
}
