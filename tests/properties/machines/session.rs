//! The track of one device: recordings, sessions and links, against the reference model.
//!
//! The disk does at once what it is asked to, and no request leaves: all audio stays linkable until
//! its conversation is known.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use earmark_core::session::{Announcement, Effect, Event, Ids, LINK_WAIT, Position, Run, Track};
use earmark_core::{
    Account, CaptureId, Codec, ConversationId, Device, Effects, Encoding, FrameSeq, Moment,
    RecordingId, SealedToken, SessionId, WallTime,
};
use earmark_tests::reference::{Answer, At, Listed, Observation, Reference, SourceName};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

const OPUS: Encoding = Encoding::mono_16k(Codec::Opus);
/// Deadlines that may pass in one stretch of time; more is a deadline that does not move.
const DEADLINES_MAX: usize = 10_000;

/// One thing that happens on a track.
#[derive(Clone, Debug)]
enum Transition {
    Start,
    Stop,
    /// So many frames at once.
    Frames(u16),
    Connect,
    Say(Announcement),
    Finish,
    Pass(Duration),
}

/// The model of the whole runtime, of which this is about the audio alone.
#[derive(Clone, Debug)]
struct Audio {
    model: Reference,
    at: At,
    captures: bool,
    /// The number of the next recording.
    next: u32,
}

fn source() -> SourceName {
    SourceName {
        device: Device::new("pendant").expect("the name is short"),
        account: Account::new("default").expect("the name is short"),
    }
}

impl Audio {
    fn hear(&mut self, observation: &Observation) {
        let heard = self.model.hear(self.at, observation);
        heard.expect("only what can happen is told");
    }

    fn apply(&mut self, transition: &Transition) {
        let source = source();
        match transition {
            Transition::Start => {
                self.captures = true;
                self.hear(&Observation::CaptureStarted { source, encoding: OPUS });
            }
            Transition::Stop => {
                self.captures = false;
                self.hear(&Observation::CaptureStopped { source });
            }
            Transition::Frames(count) => {
                for _ in 0..*count {
                    let (source, frame) = (source.clone(), Bytes::from_static(&[0; 80]));
                    let answer = Answer::Taken;
                    self.hear(&Observation::Pushed { source, frame, answer });
                }
                self.hear(&Observation::InMemory(0));
            }
            Transition::Connect => self.hear(&Observation::SocketUp { source }),
            Transition::Say(announcement) => {
                let announcement = announcement.clone();
                self.hear(&Observation::ServerSaid { source, announcement });
            }
            Transition::Finish => self.hear(&Observation::Finished { source }),
            Transition::Pass(wait) => {
                (self.at.moment, self.at.wall) = (self.at.moment + *wait, self.at.wall + *wait);
                self.hear(&Observation::Disk { healthy: true });
            }
        }
        self.name();
    }

    /// Ids rise in the order in which recordings are opened.
    fn name(&mut self) {
        loop {
            let (recording, source) = (RecordingId::new(1, self.next), source());
            let named = self.model.hear(self.at, &Observation::Opened { recording, source });
            if named.is_err() {
                return;
            }
            self.next += 1;
        }
    }
}

fn announcement(seconds: i64) -> impl Strategy<Value = Announcement> {
    let id = |number: u8| ConversationId::new(&format!("c{number}")).expect("the name is short");
    let id = (0..4_u8).prop_map(id);
    let wall = move |ago: u16| WallTime::from_unix_micros((seconds - i64::from(ago)) * 1_000_000);
    let span = proptest::option::of((0..300_u16, 0..300_u16));
    (id, span, 0..8_u8).prop_map(move |(id, span, kind)| match kind {
        0..=3 => Announcement::ProcessingStarted(Some(id)),
        4 => Announcement::ConversationSession(Some(id)),
        5 => Announcement::ProcessingStarted(None),
        _ => {
            let span = span.map(|(a, b)| (wall(a.max(b)), wall(a.min(b))));
            Announcement::ConversationEvent { conversation: Some(id), span }
        }
    })
}

impl ReferenceStateMachine for Audio {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        let (moment, wall) =
            (Moment::from_micros(1_000_000_000), WallTime::from_unix_micros(5_000_000_000));
        let (model, at) = (Reference::default(), At { moment, wall });
        Just(Self { model, at, captures: false, next: 1 }).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        let waits = vec![
            10, 1_500, 2_000, 2_001, 14_999, 15_000, 15_001, 29_000, 89_999, 90_000, 119_999,
            120_000, 150_000,
        ];
        let wait = proptest::sample::select(waits).prop_map(Duration::from_millis);
        let counts = prop_oneof![5 => 1..300_u16, 1 => 5_990..6_010_u16];
        let speak = if state.captures {
            counts.prop_map(Transition::Frames).boxed()
        } else {
            Just(Transition::Start).boxed()
        };
        prop_oneof![
            7 => speak,
            1 => Just(Transition::Start),
            1 => Just(Transition::Stop),
            2 => Just(Transition::Connect),
            5 => announcement(state.at.wall.unix_seconds()).prop_map(Transition::Say),
            1 => Just(Transition::Finish),
            6 => wait.prop_map(Transition::Pass),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        Audio::apply(&mut state, transition);
        state
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        state.captures || !matches!(transition, Transition::Frames(_))
    }
}

/// A proof of the test's own; the store alone makes real ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Token(RecordingId);

impl SealedToken for Token {
    fn recording(&self) -> RecordingId {
        self.0
    }
}

/// A recording as the track's orders tell of it.
struct Kept {
    session: SessionId,
    capture: CaptureId,
    first: u64,
    end: Option<u64>,
    is_sealed: bool,
    conversation: Option<ConversationId>,
}

/// The track, and what its orders have come to.
struct Ordered {
    track: Track<Token>,
    ids: Ids,
    at: At,
    captures: u32,
    running: Option<(CaptureId, u64)>,
    kept: BTreeMap<RecordingId, Kept>,
}

impl Ordered {
    fn hear(&mut self, event: Event<Token>) {
        let mut effects = Effects::new();
        self.track.step(event, self.at.moment, &mut self.ids, &mut effects);
        let orders: Vec<Effect<Token>> = effects.drain().collect();
        let answers: Vec<Event<Token>> =
            orders.into_iter().filter_map(|order| self.obey(order)).collect();
        answers.into_iter().for_each(|answer| self.hear(answer));
    }

    /// Does what is ordered; the store's answer, if there is one.
    fn obey(&mut self, order: Effect<Token>) -> Option<Event<Token>> {
        match order {
            Effect::OpenRecording { recording, session, capture, first } => {
                let kept = Kept {
                    session,
                    capture,
                    first: first.0,
                    end: None,
                    is_sealed: false,
                    conversation: None,
                };
                self.kept.insert(recording, kept);
            }
            Effect::CutRecording { recording, end } => self.of(recording).end = Some(end.0),
            Effect::MoveRecording { recording, session } => self.of(recording).session = session,
            Effect::SealRecording(recording) => {
                self.of(recording).is_sealed = true;
                return Some(Event::RecordingSealed(Token(recording)));
            }
            Effect::SealAndLink { conversation, recordings } => {
                for recording in &recordings {
                    let kept = self.of(*recording);
                    assert_eq!(kept.conversation, None, "{recording} is linked twice");
                    kept.is_sealed = true;
                    kept.conversation = Some(conversation.clone());
                }
                let asked = recordings.clone();
                let recordings = recordings.into_iter().map(Token).collect();
                return Some(Event::LinkRecorded { conversation, asked, recordings });
            }
            Effect::StartUpload { recording: Token(recording), conversation } => {
                let kept = self.of(recording);
                assert!(kept.is_sealed, "{recording} is uploaded and not sealed");
                assert_eq!(kept.conversation, conversation, "{recording} goes elsewhere");
            }
            Effect::ReportUnexpected { state, event } => panic!("{event} in {state}"),
            Effect::OpenSession { .. }
            | Effect::CloseSession { .. }
            | Effect::NoteSyncStarted { .. }
            | Effect::ProveDelivery
            | Effect::ReportNotSaved { .. }
            | Effect::ReportSession { .. }
            | Effect::ReportIgnored(_) => {}
        }
        None
    }

    fn of(&mut self, recording: RecordingId) -> &mut Kept {
        self.kept.get_mut(&recording).expect("it was opened")
    }

    fn position(&self) -> Option<Position> {
        self.running.map(|(capture, next)| Position { capture, next: FrameSeq(next) })
    }

    fn speak(&mut self, count: u16) {
        let (capture, next) = self.running.expect("a capture runs");
        let (moment, wall, count) = (self.at.moment, self.at.wall, u64::from(count));
        self.running = Some((capture, next + count));
        let (at, walls, first) = ((moment, moment), (wall, wall), FrameSeq(next));
        self.hear(Event::FramesTaken(Run { capture, first, count, at, walls }));
    }

    fn pass(&mut self, wait: Duration) {
        let (end, wall) = (self.at.moment + wait, self.at.wall + wait);
        for _ in 0..DEADLINES_MAX {
            match self.track.deadline().filter(|at| *at <= end) {
                Some(at) => {
                    self.at.moment = self.at.moment.max(at);
                    self.hear(Event::TimerFired);
                }
                None => return self.at = At { moment: end, wall },
            }
        }
        panic!("a deadline passed and did not move");
    }

    fn listed(&self) -> Vec<Listed> {
        let listed = |(id, kept): (&RecordingId, &Kept)| {
            let running = self.running.filter(|(capture, _)| *capture == kept.capture);
            let end = kept.end.or(running.map(|(_, next)| next)).expect("it is cut, or grows");
            Listed {
                id: *id,
                source: source(),
                session: kept.session,
                conversation: kept.conversation.clone(),
                started_at: WallTime::default(),
                frames: end - kept.first,
                sha256: None,
                status: if kept.end.is_some() { "pending" } else { "capturing" },
                attempts: 0,
            }
        };
        self.kept.iter().map(listed).collect()
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Ordered;
    type Reference = Audio;

    fn init_test(audio: &Audio) -> Ordered {
        Ordered {
            track: Track::new(LINK_WAIT),
            ids: Ids::starting_at(SessionId::new(1, 1), RecordingId::new(1, 1)),
            at: audio.at,
            captures: 0,
            running: None,
            kept: BTreeMap::new(),
        }
    }

    fn apply(mut ordered: Ordered, _: &Audio, transition: Transition) -> Ordered {
        match transition {
            Transition::Start => {
                ordered.captures += 1;
                let capture = CaptureId::new(1, ordered.captures);
                ordered.running = Some((capture, 0));
                ordered.hear(Event::CaptureStarted { capture, encoding: OPUS });
            }
            Transition::Stop => {
                if let Some((capture, _)) = ordered.running.take() {
                    ordered.hear(Event::CaptureStopped(capture));
                }
            }
            Transition::Frames(count) => ordered.speak(count),
            Transition::Connect => {
                let position = ordered.position();
                ordered.hear(Event::SocketCameUp(position));
            }
            Transition::Say(announcement) => {
                let position = ordered.position();
                ordered.hear(Event::ServerSpoke { announcement, position });
            }
            Transition::Finish => {
                let position = ordered.position();
                ordered.hear(Event::ConversationFinished(position));
            }
            Transition::Pass(wait) => ordered.pass(wait),
        }
        ordered
    }

    fn check_invariants(ordered: &Ordered, audio: &Audio) {
        let compared = audio.model.clone().hear(audio.at, &Observation::Listed(ordered.listed()));
        assert_eq!(compared, Ok(()));
    }
}

prop_state_machine! {
    #![proptest_config(crate::config())]

    #[test]
    fn a_track_cuts_and_links_as_the_reference_model_does(sequential 1..50 => Test);
}
