//! What comes of it when something happens.

use super::{Label, State, ToJudge, ToServer, ToSource, ToStore, ToSync, ToTrack, Went, World};
use crate::model_check::words::Answer;

impl World {
    /// Carries out what happens.
    pub(super) fn take(&mut self, mut state: State, label: &Label) -> Went {
        match label {
            Label::Store => self.handle(state, |state| &mut state.to_store, Self::step_store),
            Label::Track => self.handle(state, |state| &mut state.to_track, Self::step_track),
            Label::Sync => self.handle(state, |state| &mut state.to_sync, Self::step_sync),
            Label::Disk(task, well) => {
                state.left.disk_faults -= u8::from(!well);
                self.tell_store(state, ToStore::DiskEnded { task: *task, well: *well })
            }
            Label::StoreTimer => self.tell_store(state, ToStore::TimerFired),
            Label::TrackTimer => self.tell_track(state, ToTrack::TimerFired),
            Label::UploadTimer(recording) => self.tell_sync(state, ToSync::TimerFired(*recording)),
            Label::Start => {
                state.left.captures -= 1;
                self.tell_source(state, ToSource::Start)
            }
            Label::Stop => self.tell_source(state, ToSource::Stop),
            Label::Frame => {
                state.left.frames -= 1;
                self.tell_source(state, ToSource::Frame)
            }
            Label::Connect => {
                (state.is_connected, state.left.connects) = (true, state.left.connects - 1);
                self.tell_source(state, ToSource::Connected)
            }
            Label::Said(said) => {
                state.left.messages -= 1;
                self.tell_source(state, ToSource::Heard(*said))
            }
            Label::Answer(recording, how) => {
                let is_hoped = matches!(how, Answer::Well | Answer::StillRunning);
                state.left.bad_answers -= u8::from(!is_hoped);
                let (recording, how) = (*recording, *how);
                self.tell_server(state, ToServer::Answer { recording, how })
            }
            Label::Offline => {
                (state.is_offline, state.left.offline) = (true, state.left.offline - 1);
                self.tell_judge(state, ToJudge::Host { online: false })
            }
            Label::Online => {
                state.is_offline = false;
                self.tell_judge(state, ToJudge::Host { online: true })
            }
            Label::Wait(seconds) => Ok(self.wait(state, *seconds)),
            Label::Kill => self.die(state, None),
            Label::PowerCut(surviving) => self.die(state, Some(*surviving)),
            Label::Open { healthy } => {
                state.is_alive = true;
                state.left.disk_faults -= u8::from(!healthy);
                let state = self.tell_store(state, ToStore::Opened { healthy: *healthy })?;
                // What the store held is heard before the process has a handle, let alone a socket.
                let state = self.take(state, &Label::Sync)?;
                let state = self.take(state, &Label::Track)?;
                let online = !state.is_offline;
                let state = self.tell_judge(state, ToJudge::Host { online })?;
                self.reconnect(state)
            }
        }
    }

    /// An actor handles its next message.
    fn handle(
        &mut self,
        mut state: State,
        queue: fn(&mut State) -> &mut u32,
        step: fn(&mut Self, State, u32) -> Went,
    ) -> Went {
        let Some((message, rest)) = self.pop(*queue(&mut state)) else { return Ok(state) };
        *queue(&mut state) = rest;
        step(self, state, message)
    }

    /// The socket comes up with the process, where the world says so.
    pub(super) fn reconnect(&mut self, mut state: State) -> Went {
        if !self.limits.reconnects {
            return Ok(state);
        }
        state.is_connected = true;
        self.tell_source(state, ToSource::Connected)
    }

    fn wait(&mut self, mut state: State, seconds: u16) -> State {
        state.left.lags -= u8::from(!self.is_quiet(&state));
        let is_coarse = seconds.is_multiple_of(self.limits.step);
        state.fine = if is_coarse { 0 } else { state.fine + 1 };
        state.now.seconds = seconds;
        state
    }

    fn die(&mut self, mut state: State, surviving: Option<usize>) -> Went {
        state.left.deaths -= 1;
        state.left.power_cuts -= u8::from(surviving.is_some());
        (state.is_alive, state.is_connected) = (false, false);
        state.now.boot += u8::from(surviving.is_some());
        let empty = self.all.queues.number(Vec::new());
        (state.to_store, state.to_track, state.to_sync) = (empty, empty, empty);
        let state = self.tell_store(state, ToStore::Died { surviving })?;
        let state = self.tell_track(state, ToTrack::Died)?;
        let state = self.tell_sync(state, ToSync::Died)?;
        let state = self.tell_server(state, ToServer::ClientDied)?;
        let state = self.tell_judge(state, ToJudge::Died)?;
        self.tell_source(state, ToSource::Died)
    }
}
