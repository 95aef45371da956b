//! The sessions of one device: a track with frames, a socket, a server, a store and restarts around
//! it.

mod model;
mod recovery;
mod store;
mod uploads;

use std::collections::BTreeMap;
use std::time::Duration;

use earmark_core::session::{Announcement, Effect, Event, Ids, LINK_WAIT, Position, Run, Track};
use earmark_core::{
    CaptureId, Codec, ConversationId, Effects, Encoding, FrameSeq, Moment, RecordingId,
    SealedToken, SessionId, WallTime,
};

use super::story::Story;
use super::{Bench, Choice, ensure};
use model::Model;
use store::Store;
use uploads::Uploads;

/// The five races of the original.
pub(super) const EARLY_RECOVERY: &str = "recovery runs before the recordings are known";
pub(super) const LOST_EVENT: &str = "a conversation's event while sealing cancels the wait";
pub(super) const LINK_IN_MEMORY: &str = "the link lives in memory and dies with the process";
pub(super) const ONE_PENDING: &str = "a second session overwrites what the first one waits for";
const DOUBLE_START: &str = "a recording is sealed twice over";

pub(super) const BENCH: Bench = Bench {
    name: "session",
    run,
    bugs: &[EARLY_RECOVERY, LOST_EVENT, LINK_IN_MEMORY, ONE_PENDING, DOUBLE_START],
    share: 0.4,
    replay,
};

const KINDS: u32 = 20;
const OPUS: Encoding = Encoding::mono_16k(Codec::Opus);
/// A frame of Opus at 100 frames a second.
const FRAME: Duration = Duration::from_millis(10);
/// Deadlines that may pass in one stretch of time; more is a deadline that does not move.
const DEADLINES_MAX: usize = 10_000;
const ROUNDS_MAX: usize = 50;
const CONVERSATIONS: u32 = 5;

/// A proof of the bench's own; the store alone makes real ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token(RecordingId);

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        self.0
    }
}

/// Everything around a track.
struct World {
    track: Track<Token>,
    ids: Ids,
    now: Moment,
    bug: Option<String>,
    /// The running capture and the number of its next frame.
    running: Option<(CaptureId, u64)>,
    captures: u32,
    is_up: bool,
    model: Model,
    store: Store,
    uploads: Uploads,
    story: Story,
}

fn run(choices: &[u32], bug: Option<&str>) -> Result<(), String> {
    World::new(bug).live(choices)
}

fn replay(choices: &[u32]) -> String {
    let mut world = World::new(None);
    let why = world.live(choices).err().unwrap_or_default();
    world.story.to_feed(&why)
}

fn wall(at: Moment) -> WallTime {
    WallTime::from_unix_micros(i64::try_from(at.as_micros()).unwrap_or(i64::MAX))
}

fn conversation(choice: &Choice) -> ConversationId {
    let name = format!("conversation-{}", choice.rest % CONVERSATIONS);
    ConversationId::new(&name).expect("the name is short")
}

impl World {
    fn new(bug: Option<&str>) -> Self {
        let start = Moment::from_micros(1_000_000_000);
        Self {
            track: Track::new(LINK_WAIT),
            ids: Ids::starting_at(SessionId::new(1, 1), RecordingId::new(1, 1)),
            now: start,
            bug: bug.map(str::to_owned),
            running: None,
            captures: 1,
            is_up: false,
            model: Model::default(),
            store: Store::default(),
            uploads: Uploads::default(),
            story: Story::beginning(start),
        }
    }

    fn has_bug(&self, bug: &str) -> bool {
        self.bug.as_deref() == Some(bug)
    }

    fn live(&mut self, choices: &[u32]) -> Result<(), String> {
        for choice in choices {
            self.take(&Choice::of(*choice, KINDS))?;
        }
        self.end_well()
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        match choice.kind {
            0..=3 => self.speak(u64::from(choice.rest % 400) + 1),
            4 => self.speak(u64::from(choice.rest % 7_000) + 1),
            5 | 6 => {
                let waits = [10, 1_500, 2_500, 14_000, 29_000, 31_000, 91_000, 119_500, 151_000];
                self.pass(Duration::from_millis(choice.one_of(&waits)))
            }
            7 => self.start(),
            8 => self.stop(),
            9 => self.connect(choice),
            10 | 11 => self.announce(Some(conversation(choice))),
            12 => self.make_ready(Some(conversation(choice))),
            13 if choice.rest.is_multiple_of(4) => self.announce(None),
            13 if choice.rest % 4 == 1 => self.make_ready(None),
            13 => self.finish(),
            14 => self.seal(choice),
            15 => self.link(),
            16 | 17 => self.begin_upload(choice),
            18 => self.settle_upload(choice),
            _ if choice.rest.is_multiple_of(4) => self.crash(),
            _ => self.seal(choice),
        }
    }

    fn position(&self) -> Option<Position> {
        self.running.map(|(capture, next)| Position { capture, next: FrameSeq(next) })
    }

    fn start(&mut self) -> Result<(), String> {
        let capture = CaptureId::new(1, self.captures);
        self.captures += 1;
        self.running = Some((capture, 0));
        self.story.at(self.now).start();
        self.hear(Event::CaptureStarted { capture, encoding: OPUS })
    }

    fn stop(&mut self) -> Result<(), String> {
        let Some((capture, _)) = self.running.take() else {
            return Ok(());
        };
        self.story.at(self.now).stop();
        self.hear(Event::CaptureStopped(capture))
    }

    /// Frames come at the codec's pace, in runs as the ingest gathers them.
    fn speak(&mut self, count: u64) -> Result<(), String> {
        if self.running.is_none() {
            self.start()?;
        }
        self.story.at(self.now).speak(count);
        let mut left = count;
        while left > 0 {
            let some = left.min(190);
            self.speak_run(some)?;
            left -= some;
        }
        Ok(())
    }

    fn speak_run(&mut self, count: u64) -> Result<(), String> {
        let Some((capture, next)) = self.running else {
            return Ok(());
        };
        let first_at = self.now + FRAME;
        let last_at = self.now + FRAME * u32::try_from(count).expect("a run is short");
        self.pass(FRAME)?;
        let run = Run {
            capture,
            first: FrameSeq(next),
            count,
            at: (first_at, last_at),
            walls: (wall(first_at), wall(last_at)),
        };
        self.running = Some((capture, next + count));
        self.store.take_frames(capture, next + count);
        // The run is told of when its last frame is there.
        self.now = last_at;
        self.model.hear_frames(&run);
        self.hear(Event::FramesTaken(run))?;
        self.model.frames_were_taken();
        self.pass(Duration::ZERO)
    }

    fn connect(&mut self, choice: &Choice) -> Result<(), String> {
        if self.is_up && choice.rest.is_multiple_of(3) {
            self.is_up = false;
            self.story.at(self.now).disconnect();
            return Ok(());
        }
        if self.is_up {
            self.story.at(self.now).disconnect();
        }
        self.is_up = true;
        self.story.at(self.now).connect();
        let position = self.position();
        self.model.connect(self.now);
        self.hear(Event::SocketCameUp(position))
    }

    fn announce(&mut self, conversation: Option<ConversationId>) -> Result<(), String> {
        self.story.at(self.now).announce(conversation.as_ref(), "memory_processing_started");
        let position = self.position();
        let predicted = conversation.as_ref().and_then(|one| self.model.end(one, self.now));
        let announcement = Announcement::ProcessingStarted(conversation);
        self.store.expect_link(predicted);
        self.hear(Event::ServerSpoke { announcement, position })?;
        self.store.no_link_is_missing()
    }

    fn make_ready(&mut self, conversation: Option<ConversationId>) -> Result<(), String> {
        self.story.at(self.now).announce(conversation.as_ref(), "memory_created");
        if let Some(conversation) = &conversation {
            self.model.make_ready(conversation);
            self.store.make_ready(conversation);
            let is_sealing = self.store.waits_for_link(conversation);
            if is_sealing && self.has_bug(LOST_EVENT) {
                self.store.is_deaf = true;
                return Ok(());
            }
        }
        let position = self.position();
        let announcement = Announcement::ConversationEvent { conversation, span: None };
        self.hear(Event::ServerSpoke { announcement, position })
    }

    fn finish(&mut self) -> Result<(), String> {
        self.story.at(self.now).finish();
        self.model.finish();
        let position = self.position();
        self.hear(Event::ConversationFinished(position))
    }

    /// Time passes; every deadline on the way is told.
    fn pass(&mut self, wait: Duration) -> Result<(), String> {
        let end = self.now + wait;
        for _ in 0..DEADLINES_MAX {
            let is_deaf = self.store.is_deaf;
            match self.track.deadline().filter(|at| *at <= end && !is_deaf) {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.model.pass(self.now);
                    self.hear(Event::TimerFired)?;
                }
                None => {
                    self.now = end;
                    self.model.pass(self.now);
                    return self.store.is_in_time(self.now, &self.model.overdue());
                }
            }
        }
        Err(String::from("a deadline passed and did not move"))
    }

    /// One event, one step, all effects.
    fn hear(&mut self, event: Event<Token>) -> Result<(), String> {
        let name = event.name();
        let mut effects = Effects::new();
        self.track.step(event, self.now, &mut self.ids, &mut effects);
        self.obey(&mut effects).map_err(|why| format!("{name}: {why}"))
    }

    fn obey(&mut self, effects: &mut Effects<Effect<Token>>) -> Result<(), String> {
        let orders: Vec<_> = effects.drain().collect();
        for order in orders {
            self.obey_one(order)?;
        }
        Ok(())
    }

    fn obey_one(&mut self, effect: Effect<Token>) -> Result<(), String> {
        match effect {
            Effect::OpenSession { session, capture, first } => {
                self.store.open_session(session, capture, first)
            }
            Effect::CloseSession { session, end } => self.store.close_session(session, end),
            Effect::OpenRecording { recording, session, capture, first } => {
                self.model.open(recording);
                self.store.open_recording(recording, session, capture, first)
            }
            Effect::CutRecording { recording, end } => {
                let times = self.model.cut(recording, end)?;
                self.store.cut_recording(recording, end, times)
            }
            Effect::MoveRecording { recording, session } => {
                self.store.move_recording(recording, session)
            }
            Effect::SealRecording(recording) => {
                self.store.queue_seal(recording)?;
                if self.has_bug(DOUBLE_START) { self.store.queue_seal(recording) } else { Ok(()) }
            }
            Effect::SealAndLink { conversation, recordings } => {
                let overwrites = self.has_bug(ONE_PENDING);
                self.store.queue_link(conversation, recordings, self.now, overwrites)
            }
            Effect::StartUpload { recording, conversation } => {
                let Token(recording) = recording;
                self.store.may_start(recording, conversation.as_ref(), self.now, &self.model)?;
                self.uploads.start(recording);
                Ok(())
            }
            Effect::NoteSyncStarted { session, fallback } => {
                self.store.note_sync(session, fallback)
            }
            Effect::ReportUnexpected { state, event } => Err(format!("{event} in {state}")),
            Effect::ProveDelivery
            | Effect::ReportNotSaved { .. }
            | Effect::ReportSession { .. }
            | Effect::ReportIgnored(_) => Ok(()),
        }
    }

    /// The disk answers a seal, well or badly.
    fn seal(&mut self, choice: &Choice) -> Result<(), String> {
        let Some(recording) = self.store.next_seal(choice.rest as usize / 4) else {
            return Ok(());
        };
        if choice.rest % 4 == 1 {
            let reason = String::from("EIO");
            return self.hear(Event::SealFailed { recording, reason });
        }
        if self.store.seal(recording) {
            self.hear(Event::RecordingSealed(Token(recording)))?;
        }
        Ok(())
    }

    /// The oldest link becomes durable, and with it the seals that it carries.
    fn link(&mut self) -> Result<(), String> {
        let Some((conversation, asked, covered)) = self.store.link() else {
            return Ok(());
        };
        // Another device may have heard the same conversation, and its link be durable first.
        let elsewhere = vec![RecordingId::new(2, 1)];
        self.hear(Event::LinkRecorded {
            conversation: conversation.clone(),
            asked: elsewhere,
            recordings: Vec::new(),
        })?;
        let recordings = covered.into_iter().map(Token).collect();
        self.hear(Event::LinkRecorded { conversation, asked, recordings })
    }

    /// From now on all goes well: then every recording is uploaded.
    fn end_well(&mut self) -> Result<(), String> {
        self.stop()?;
        for _ in 0..ROUNDS_MAX {
            self.drain()?;
            self.pass(Duration::from_secs(40))?;
            if self.track.is_quiet() && self.store.is_idle() {
                break;
            }
        }
        let states: BTreeMap<_, _> = self
            .track
            .sessions()
            .map(|(session, machine)| (session, machine.state().name()))
            .collect();
        ensure(self.track.is_quiet(), || format!("it never comes to rest: {states:?}"))?;
        self.store.everything_was_started()
    }

    fn drain(&mut self) -> Result<(), String> {
        let all_well = Choice { kind: 0, rest: 0 };
        while self.store.next_seal(0).is_some() {
            self.seal(&all_well)?;
        }
        while self.store.has_links() {
            self.link()?;
        }
        while self.begin_upload_of_any()? {}
        Ok(())
    }
}
