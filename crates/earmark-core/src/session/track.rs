//! All sessions of one device and account, in the order of their audio.
//!
//! A track decides where recordings and sessions begin and end, and which audio an event of the
//! server speaks of. It hears of frames, sockets and messages in the order in which they entered
//! the runtime, so a boundary falls between the same two frames whatever is late. Each session is a
//! machine of its own, and the track is the only one who talks to it.

mod audio;
mod link;
mod message;
mod recover;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

pub use message::{Announcement, Effect, Event, Position, Run, SessionEnd};
pub use recover::{RecoveredRecording, RecoveredSession, RecoveredUpload};

use super::machine::{Phase, Session};
use super::recent::Recent;
use super::stretch::Stretch;
use super::{Ids, effect, event};
use crate::{
    CaptureId, ConversationId, Effects, Encoding, FrameSeq, Machine, Moment, RecordingId,
    SealedToken, SessionId, Step,
};

/// A recording takes the frames of so many seconds.
pub const RECORDING_AUDIO_MAX: Duration = Duration::from_secs(60);
/// A recording is sealed at the latest so long after its first frame.
pub const RECORDING_AGE_MAX: Duration = Duration::from_secs(90);
/// A longer silence than this ends a recording.
pub const RECORDING_GAP_MAX: Duration = Duration::from_secs(2);
/// A silence of this length ends a session: the server's conversation timeout.
pub const CONVERSATION_GAP: Duration = Duration::from_secs(120);
/// How long audio waits for a conversation after its last frame.
pub const LINK_WAIT: Duration = Duration::from_secs(150);
/// How long a linked session waits until its conversation is ready.
pub const CONVERSATION_WAIT: Duration = Duration::from_secs(30);
/// A session ends with its recording when it is this old: audio of a device that never pauses waits
/// no longer for somebody to name its conversation. It is the longest silence after which a server
/// can be told to end one.
pub const SESSION_AGE_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// Within this time after a connect, the end of a conversation speaks of the audio before the
/// connect.
pub const CONNECT_GRACE: Duration = Duration::from_secs(15);

const _: () = assert!(RECORDING_AUDIO_MAX.as_secs() < RECORDING_AGE_MAX.as_secs());
const _: () = assert!(CONVERSATION_GAP.as_secs() < LINK_WAIT.as_secs());

/// The sessions of one device and account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Track<R: SealedToken> {
    link_wait: Duration,
    /// Whether there is no live socket on which somebody could name a conversation.
    is_unheard: bool,
    sessions: BTreeMap<SessionId, Machine<Session<R>>>,
    owners: BTreeMap<RecordingId, SessionId>,
    stretches: VecDeque<Stretch>,
    /// Whether the next frame may go on in the last stretch.
    stretch_is_open: bool,
    running: Option<Running>,
    connection: Option<Connection>,
    last_announced: Option<ConversationId>,
    linked: Recent,
    ready: Recent,
}

/// The capture that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Running {
    capture: CaptureId,
    encoding: Encoding,
    next: FrameSeq,
    last_at: Moment,
    session: Option<SessionId>,
    /// When that session began.
    since: Moment,
    recording: Option<Open>,
}

/// The recording that takes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Open {
    recording: RecordingId,
    first: FrameSeq,
    first_at: Moment,
}

/// The live socket since it last came up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Connection {
    up_at: Moment,
    announced: Option<ConversationId>,
}

/// What a step may use: the time, new numbers, and where orders go.
struct Turn<'a, R> {
    now: Moment,
    ids: &'a mut Ids,
    effects: &'a mut Effects<Effect<R>>,
}

impl<R> Turn<'_, R> {
    fn order(&mut self, effect: Effect<R>) {
        self.effects.push(effect);
    }
}

impl<R: SealedToken> Track<R> {
    /// A track without audio, whose audio waits so long for a conversation: [`LINK_WAIT`], or not
    /// at all where there is no live socket that could name one.
    pub fn new(link_wait: Duration) -> Self {
        Self {
            link_wait,
            is_unheard: link_wait.is_zero(),
            sessions: BTreeMap::new(),
            owners: BTreeMap::new(),
            stretches: VecDeque::new(),
            stretch_is_open: false,
            running: None,
            connection: None,
            last_announced: None,
            linked: Recent::default(),
            ready: Recent::default(),
        }
    }

    /// Handles one event; the orders are in `effects` afterwards.
    pub fn step(
        &mut self,
        event: Event<R>,
        now: Moment,
        ids: &mut Ids,
        effects: &mut Effects<Effect<R>>,
    ) {
        let mut turn = Turn { now, ids, effects };
        let turn = &mut turn;
        match event {
            Event::CaptureStarted { capture, encoding } => self.start(capture, encoding, turn),
            Event::FramesTaken(run) => self.take(run, turn),
            Event::CaptureStopped(capture) => self.stop(capture, turn),
            Event::SocketCameUp(_) => self.connect(turn),
            Event::ServerSpoke { announcement, position } => {
                self.listen(announcement, position, turn);
            }
            Event::ConversationFinished(_) => self.finish(turn),
            Event::SocketWanted(wanted) => {
                self.is_unheard = !wanted || self.link_wait.is_zero();
            }
            Event::RecordingSealed(token) => {
                self.tell_owner(token.recording(), event::Event::RecordingSealed(token), turn);
            }
            Event::SealFailed { recording, reason } => {
                let failed = event::Event::SealFailed { recording, reason };
                self.tell_owner(recording, failed, turn);
            }
            Event::LinkRecorded { conversation, asked, recordings } => {
                self.linked_durably(&conversation, &asked, &recordings, turn);
            }
            Event::UploadBegan(recording) => self.forget_audio(recording),
            Event::UploadSettled { recording, gone } => {
                self.forget_audio(recording);
                self.tell_owner(recording, event::Event::UploadSettled { recording, gone }, turn);
            }
            Event::UploadReopened(recording) => {
                self.tell_owner(recording, event::Event::UploadReopened(recording), turn);
            }
            Event::TimerFired => self.pass_deadlines(turn),
        }
    }

    /// When something falls due by itself, if anything does.
    pub fn deadline(&self) -> Option<Moment> {
        let gap = self.gap_deadline();
        let age = self.age_deadline();
        let runs = self.running_session();
        let of_link = |stretch| link_deadline(stretch, self.link_wait, runs);
        let links = self.stretches.iter().filter_map(of_link);
        let sessions = self.sessions.values().filter_map(|session| session.state().deadline());
        gap.into_iter().chain(age).chain(links).chain(sessions).min()
    }

    /// Whether nothing is left to do but to capture: no session waits for a link, an event or a
    /// seal.
    pub fn is_quiet(&self) -> bool {
        self.sessions.values().all(|session| match session.state() {
            Phase::Capturing | Phase::Settled => true,
            Phase::Sealing { .. }
            | Phase::AwaitingLink
            | Phase::AwaitingConversation { .. }
            | Phase::Syncing => false,
        })
    }

    /// The sessions that are not gone, with the state of each.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Machine<Session<R>>)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }

    fn running_session(&self) -> Option<SessionId> {
        self.running.as_ref().and_then(|running| running.session)
    }

    fn gap_deadline(&self) -> Option<Moment> {
        let running = self.running.as_ref().filter(|running| running.session.is_some())?;
        Some(running.last_at + CONVERSATION_GAP)
    }

    fn age_deadline(&self) -> Option<Moment> {
        let open = self.running.as_ref()?.recording?;
        Some(open.first_at + RECORDING_AGE_MAX)
    }

    fn pass_deadlines(&mut self, turn: &mut Turn<'_, R>) {
        let passed = |deadline: Option<Moment>| deadline.is_some_and(|at| at <= turn.now);
        let overdue: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| passed(session.state().deadline()))
            .map(|(id, _)| *id)
            .collect();
        if passed(self.gap_deadline()) {
            self.end_session(SessionEnd::Gap, turn);
        } else if passed(self.age_deadline()) {
            self.end_recording(turn);
        }
        for session in overdue {
            self.tell(session, event::Event::DeadlinePassed, turn);
        }
        self.end_waits(turn);
    }

    fn end_waits(&mut self, turn: &mut Turn<'_, R>) {
        let (runs, mut ended) = (self.running_session(), Vec::new());
        for stretch in &mut self.stretches {
            if link_deadline(stretch, self.link_wait, runs).is_some_and(|at| at <= turn.now) {
                stretch.wait_ended = true;
                ended.extend(stretch.sessions());
            }
        }
        for session in ended {
            self.tell(session, event::Event::LinkWaitEnded, turn);
        }
    }

    fn forget_audio(&mut self, recording: RecordingId) {
        for stretch in &mut self.stretches {
            stretch.audio.retain(|audio| audio.recording != recording);
        }
        let last_is_empty = self.stretches.back().is_some_and(|last| last.audio.is_empty());
        self.stretch_is_open &= !last_is_empty;
        self.stretches.retain(|stretch| !stretch.audio.is_empty());
    }

    fn tell_owner(
        &mut self,
        recording: RecordingId,
        event: event::Event<R>,
        turn: &mut Turn<'_, R>,
    ) {
        match self.owners.get(&recording) {
            Some(session) => self.tell(*session, event, turn),
            None => turn.order(Effect::ReportUnexpected { state: "gone", event: event.name() }),
        }
    }

    /// Gives one session one event and carries its orders over.
    fn tell(&mut self, session: SessionId, event: event::Event<R>, turn: &mut Turn<'_, R>) {
        let Some(machine) = self.sessions.get_mut(&session) else {
            return turn.order(Effect::ReportUnexpected { state: "gone", event: event.name() });
        };
        let before = machine.state().name();
        let mut effects = Effects::new();
        machine.step(&event, &mut Step { now: turn.now, effects: &mut effects });
        let (after, knows) = (machine.state().name(), machine.shared());
        if before != after {
            turn.order(Effect::ReportSession {
                session,
                state: after,
                conversation: knows.conversation().cloned(),
                fallback_fired: knows.fallback_fired(),
            });
        }
        for effect in effects.drain() {
            turn.order(of_session(session, effect));
        }
        self.drop_if_gone(session);
    }

    fn drop_if_gone(&mut self, session: SessionId) {
        let gone = self.sessions.get(&session).is_some_and(|machine| {
            matches!(machine.state(), Phase::Settled) && machine.shared().is_gone()
        });
        if gone {
            self.sessions.remove(&session);
            self.owners.retain(|_, owner| *owner != session);
        }
    }
}

impl<R: SealedToken> Default for Track<R> {
    fn default() -> Self {
        Self::new(LINK_WAIT)
    }
}

/// When a stretch has waited long enough; not before its audio has ended.
fn link_deadline(stretch: &Stretch, wait: Duration, runs: Option<SessionId>) -> Option<Moment> {
    if stretch.wait_ended || stretch.audio.iter().any(|audio| Some(audio.session) == runs) {
        return None;
    }
    Some(stretch.last_at + wait)
}

fn of_session<R>(session: SessionId, effect: effect::Effect<R>) -> Effect<R> {
    match effect {
        effect::Effect::StartUpload { recording, conversation } => {
            Effect::StartUpload { recording, conversation }
        }
        effect::Effect::NoteSyncStarted { fallback } => {
            Effect::NoteSyncStarted { session, fallback }
        }
        effect::Effect::ReportNotSaved { recording, reason } => {
            Effect::ReportNotSaved { recording, reason }
        }
        effect::Effect::ReportUnexpected { state, event } => {
            Effect::ReportUnexpected { state, event }
        }
    }
}
