//! Frames become recordings, and recordings become sessions.

use core::time::Duration;

use super::{
    CONVERSATION_GAP, Connection, Effect, Event, Open, RECORDING_AUDIO_MAX, RECORDING_GAP_MAX, Run,
    Running, SESSION_AGE_MAX, SessionEnd, Track, Turn,
};
use crate::session::event;
use crate::session::machine::Session;
use crate::session::stretch::{Audio, Stretch};
use crate::{CaptureId, Encoding, FrameSeq, Machine, Moment, SealedToken, SessionId};

impl<R: SealedToken> Track<R> {
    pub(super) fn start(&mut self, capture: CaptureId, encoding: Encoding, turn: &mut Turn<'_, R>) {
        if let Some(running) = &self.running {
            self.stop(running.capture, turn);
        }
        self.running = Some(Running {
            capture,
            encoding,
            next: FrameSeq(0),
            last_at: turn.now,
            session: None,
            since: turn.now,
            recording: None,
        });
    }

    pub(super) fn stop(&mut self, capture: CaptureId, turn: &mut Turn<'_, R>) {
        if self.running.as_ref().is_some_and(|running| running.capture == capture) {
            self.end_session(SessionEnd::Stopped, turn);
            self.running = None;
            turn.order(Effect::ProveDelivery);
        }
    }

    pub(super) fn connect(&mut self, turn: &mut Turn<'_, R>) {
        self.cut_and_seal(turn);
        let audio = self.stretches.iter_mut().flat_map(|stretch| &mut stretch.audio);
        audio.for_each(|audio| audio.precedes_connect = true);
        self.connection = Some(Connection { up_at: turn.now, announced: None });
    }

    /// A boundary that a person sets: what was captured before it waits for its link by itself.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_, R>) {
        self.end_session(SessionEnd::Finished, turn);
        match self.stretches.back_mut().filter(|_| self.stretch_is_open) {
            Some(last) => {
                last.finished = true;
                self.stretch_is_open = false;
                turn.order(Effect::ProveDelivery);
            }
            None => turn.order(Effect::ReportIgnored("nothing was captured to finish")),
        }
    }

    pub(super) fn take(&mut self, run: Run, turn: &mut Turn<'_, R>) {
        let Some(running) = self.running.as_ref().filter(|now| now.capture == run.capture) else {
            let event = Event::<R>::FramesTaken(run).name();
            return turn.order(Effect::ReportUnexpected { state: "not capturing", event });
        };
        let silence = run.at.0.since(running.last_at);
        if running.session.is_some() && silence >= CONVERSATION_GAP {
            self.end_session(SessionEnd::Gap, turn);
        } else if silence > RECORDING_GAP_MAX {
            self.end_recording(turn);
        }
        let mut rest = run;
        while rest.count > 0 {
            rest = self.take_some(rest, turn);
        }
    }

    /// Puts as many frames as fit into the open recording; returns those that did not fit.
    fn take_some(&mut self, run: Run, turn: &mut Turn<'_, R>) -> Run {
        let Some(open) = self.open_recording(run, turn) else {
            return Run { count: 0, ..run };
        };
        let Some(running) = &mut self.running else {
            return Run { count: 0, ..run };
        };
        let full = open.first.plus(frames_in(RECORDING_AUDIO_MAX, running.encoding));
        let taken = run.count.min(full.since(run.first));
        running.next = run.first.plus(taken);
        running.last_at = run.at.1;
        let is_full = running.next == full;
        if let Some(stretch) = self.stretches.back_mut() {
            stretch.last_at = run.at.1;
            if let Some(audio) = stretch.audio.last_mut() {
                (audio.last_at, audio.last_wall) = (run.at.1, run.walls.1);
            }
        }
        if is_full {
            self.end_recording(turn);
            turn.order(Effect::ProveDelivery);
        }
        Run { first: run.first.plus(taken), count: run.count - taken, ..run }
    }

    /// The recording that takes the next frame; it is opened, and its session with it, if need be.
    fn open_recording(&mut self, run: Run, turn: &mut Turn<'_, R>) -> Option<Open> {
        if let Some(open) = self.running.as_ref()?.recording {
            return Some(open);
        }
        let session = match self.running.as_ref()?.session {
            Some(session) => session,
            None => self.open_session(run, turn),
        };
        let (recording, capture, first) = (turn.ids.recording(), run.capture, run.first);
        turn.order(Effect::OpenRecording { recording, session, capture, first });
        self.owners.insert(recording, session);
        self.tell(session, event::Event::RecordingOpened(recording), turn);
        self.current_stretch(run).audio.push(Audio {
            recording,
            session,
            capture,
            first,
            precedes_connect: false,
            last_at: run.at.1,
            first_wall: run.walls.0,
            last_wall: run.walls.1,
        });
        let open = Open { recording, first, first_at: run.at.0 };
        self.running.as_mut()?.recording = Some(open);
        Some(open)
    }

    fn open_session(&mut self, run: Run, turn: &mut Turn<'_, R>) -> SessionId {
        let session = turn.ids.session();
        turn.order(Effect::OpenSession { session, capture: run.capture, first: run.first });
        self.sessions.insert(session, Machine::new(Session::new()));
        if let Some(running) = &mut self.running {
            (running.session, running.since) = (Some(session), run.at.0);
        }
        turn.order(Effect::ReportSession {
            session,
            state: "capturing",
            conversation: None,
            fallback_fired: false,
        });
        session
    }

    /// The stretch that the next frame belongs to.
    fn current_stretch(&mut self, run: Run) -> &mut Stretch {
        if !self.goes_on(run.at.0) {
            let announced = self.connection.as_ref().and_then(|now| now.announced.clone());
            self.stretches.push_back(Stretch::new(run.at.1, announced));
            self.stretch_is_open = true;
        }
        let last = self.stretches.len() - 1;
        &mut self.stretches[last]
    }

    /// Whether a frame that comes now belongs to the last stretch.
    pub(super) fn goes_on(&self, now: Moment) -> bool {
        // A clock that was set back over a restart makes old audio look young; what has waited long
        // enough takes no more all the same, since nothing would end its wait again.
        let takes_more =
            |last: &Stretch| !last.wait_ended && now.since(last.last_at) < CONVERSATION_GAP;
        self.stretch_is_open && self.stretches.back().is_some_and(takes_more)
    }

    /// Ends the running session, if there is one, and has its last recording sealed.
    pub(super) fn end_session(&mut self, end: SessionEnd, turn: &mut Turn<'_, R>) {
        self.cut_and_seal(turn);
        if let Some(session) = self.running.as_mut().and_then(|running| running.session.take()) {
            turn.order(Effect::CloseSession { session, end });
            self.tell(session, event::Event::CaptureEnded, turn);
        }
    }

    /// Ends the open recording, and with it a session that should wait no longer for somebody to
    /// name its conversation.
    pub(super) fn end_recording(&mut self, turn: &mut Turn<'_, R>) {
        let age = self.running.as_ref().map(|running| turn.now.since(running.since));
        if self.is_unheard || age.is_some_and(|age| age >= SESSION_AGE_MAX) {
            self.end_session(SessionEnd::Boundary, turn);
            self.stretch_is_open = false;
        } else {
            self.cut_and_seal(turn);
        }
    }

    pub(super) fn cut_and_seal(&mut self, turn: &mut Turn<'_, R>) {
        if let Some(open) = self.cut(turn) {
            turn.order(Effect::SealRecording(open.recording));
        }
    }

    /// Ends the open recording, if there is one, behind its last frame.
    pub(super) fn cut(&mut self, turn: &mut Turn<'_, R>) -> Option<Open> {
        let running = self.running.as_mut()?;
        let open = running.recording.take()?;
        let (recording, end) = (open.recording, running.next);
        turn.order(Effect::CutRecording { recording, end });
        self.tell_owner(recording, event::Event::RecordingCut(recording), turn);
        Some(open)
    }
}

fn frames_in(duration: Duration, encoding: Encoding) -> u64 {
    duration.as_secs() * u64::from(encoding.codec.frames_per_second())
}
