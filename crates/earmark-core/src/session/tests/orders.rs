//! Anything that can happen to a device's sessions, in any order, watched by what they order.

use alloc::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::graph::edges_in_doc;

const NAMES: [&str; 4] = ["A", "B", "C", "D"];
const WAITS: [u64; 8] = [0, 1, 3, 14, 31, 91, 121, 151];
const ROUNDS_MAX: usize = 20;

/// What became of a recording.
#[derive(Debug, Default)]
struct Fate {
    is_cut: bool,
    is_sealed: bool,
    /// What its session asked the store for, and what of it is durable.
    is_seal_asked: bool,
    is_link_asked: bool,
    link: Option<ConversationId>,
    has_left: bool,
    is_settled: bool,
    uploads: BTreeSet<Option<ConversationId>>,
}

/// A store that is asked for seals and links, and a server that is sent uploads.
#[derive(Default)]
struct World {
    sessions: BTreeMap<SessionId, &'static str>,
    open_sessions: BTreeSet<SessionId>,
    open: Option<RecordingId>,
    fates: BTreeMap<RecordingId, Fate>,
    seals: Vec<RecordingId>,
    links: Vec<(ConversationId, Vec<RecordingId>)>,
}

impl World {
    fn obey(&mut self, bench: &mut Bench, orders: Orders) {
        orders.into_iter().for_each(|order| self.obey_one(order));
        for (session, state) in bench.reports.drain(..) {
            let before = self.sessions.insert(session, state).unwrap_or("capturing");
            let is_drawn = before == state || drawn().contains(&(before.into(), state.into()));
            assert!(is_drawn, "{session} goes from {before} to {state}");
        }
        assert!(self.open_sessions.len() <= 1, "{:?} are open", self.open_sessions);
        let under_way = |fate: &Fate| !fate.uploads.is_empty() && !fate.is_settled;
        let is_busy =
            !self.seals.is_empty() || !self.links.is_empty() || self.fates.values().any(under_way);
        let has_way_out = bench.track.is_quiet() || is_busy || bench.track.deadline().is_some();
        assert!(has_way_out, "{:?} wait for nothing", self.sessions);
    }

    fn obey_one(&mut self, order: Effect<Token>) {
        match order {
            Effect::OpenSession { session, .. } => assert!(self.open_sessions.insert(session)),
            Effect::CloseSession { session, .. } => assert!(self.open_sessions.remove(&session)),
            Effect::OpenRecording { recording, session, .. } => {
                assert_eq!(self.open.replace(recording), None, "one recording takes frames");
                assert!(self.open_sessions.contains(&session));
                assert!(self.fates.insert(recording, Fate::default()).is_none());
            }
            Effect::CutRecording { recording, .. } => {
                assert_eq!(self.open.take(), Some(recording));
                self.fate(recording).is_cut = true;
            }
            Effect::MoveRecording { recording, .. } => assert!(!self.fate(recording).is_link_asked),
            Effect::SealRecording(recording) => {
                let fate = self.fate(recording);
                assert!(fate.is_cut && !fate.is_link_asked);
                assert!(!core::mem::replace(&mut fate.is_seal_asked, true), "sealed once");
                self.seals.push(recording);
            }
            Effect::SealAndLink { conversation, recordings } => self.ask(conversation, recordings),
            Effect::StartUpload { recording: Token(recording), conversation } => {
                let fate = self.fate(recording);
                assert!(fate.is_sealed && !fate.is_settled, "{recording}: {fate:?}");
                assert_eq!(fate.link, conversation, "only a durable link is named");
                assert!(fate.uploads.insert(conversation), "{recording} starts once");
            }
            Effect::ReportUnexpected { state, event } => panic!("{event} in {state}"),
            Effect::NoteSyncStarted { .. }
            | Effect::ProveDelivery
            | Effect::ReportNotSaved { .. }
            | Effect::ReportSession { .. }
            | Effect::ReportIgnored(_) => {}
        }
    }

    fn ask(&mut self, conversation: ConversationId, recordings: Vec<RecordingId>) {
        for recording in &recordings {
            let fate = self.fate(*recording);
            assert!(fate.is_cut && !fate.has_left && !fate.is_settled, "{recording}: {fate:?}");
            assert!(!core::mem::replace(&mut fate.is_link_asked, true), "linked once");
        }
        assert!(!recordings.is_empty());
        self.links.push((conversation, recordings));
    }

    fn fate(&mut self, recording: RecordingId) -> &mut Fate {
        self.fates.get_mut(&recording).expect("it was opened")
    }

    fn happen(&mut self, bench: &mut Bench, roll: u32) {
        let rest = (roll / 16) as usize;
        let name = NAMES[rest % NAMES.len()];
        let orders = match roll % 16 {
            0 | 1 => bench.speak(rest as u64 % 9 + 1),
            2 => bench.speak(rest as u64 % 99 + 1),
            3 | 4 => bench.pass(secs(WAITS[rest % WAITS.len()])),
            5 if bench.running.is_some() => bench.stop(),
            5 => bench.start(OPUS),
            6 => bench.connect(),
            7 => bench.end(name),
            8 => bench.ready(name),
            9 => bench.finish(),
            10 => {
                let conversation = Some(conversation(name));
                bench.say(Announcement::ConversationSession(conversation))
            }
            11 | 12 => self.seal(bench, rest),
            13 => self.link(bench),
            14 => self.delete(bench, rest),
            _ => self.upload(bench, rest),
        };
        self.obey(bench, orders);
    }

    /// The disk answers a seal; one that a link waits for goes into the link's record.
    fn seal(&mut self, bench: &mut Bench, rest: usize) -> Orders {
        let Some(recording) = self.seals.get(rest % self.seals.len().max(1)).copied() else {
            return Vec::new();
        };
        if rest.is_multiple_of(4) {
            let reason = String::from("EIO");
            return bench.hear(Event::SealFailed { recording, reason });
        }
        self.seals.retain(|other| *other != recording);
        let fate = self.fate(recording);
        if fate.is_link_asked {
            return Vec::new();
        }
        fate.is_sealed = true;
        bench.hear(Event::RecordingSealed(Token(recording)))
    }

    /// A link is durable; what a request has left for meanwhile is not among what it covers.
    fn link(&mut self, bench: &mut Bench) -> Orders {
        if self.links.is_empty() {
            return Vec::new();
        }
        let (conversation, asked) = self.links.remove(0);
        let mut recordings = asked.clone();
        self.seals.retain(|recording| !recordings.contains(recording));
        recordings.retain(|recording| {
            let fate = self.fates.get_mut(recording).expect("it was opened");
            fate.is_sealed = true;
            !fate.has_left && !fate.is_settled
        });
        for recording in &recordings {
            self.fate(*recording).link = Some(conversation.clone());
        }
        let recordings = recordings.into_iter().map(Token).collect();
        bench.hear(Event::LinkRecorded { conversation, asked, recordings })
    }

    /// A request leaves for a recording, or the one that left ends.
    fn upload(&mut self, bench: &mut Bench, rest: usize) -> Orders {
        let is_due = |fate: &Fate| !fate.uploads.is_empty() && !fate.is_settled;
        let due = self.fates.iter_mut().find(|(_, fate)| is_due(fate));
        let Some((recording, fate)) = due else {
            return Vec::new();
        };
        let recording = *recording;
        if !core::mem::replace(&mut fate.has_left, true) {
            return bench.hear(Event::UploadBegan(recording));
        }
        fate.is_settled = true;
        bench.hear(Event::UploadSettled { recording, gone: rest.is_multiple_of(2) })
    }

    /// A person deletes a recording that is sealed, wherever its session and its upload are.
    fn delete(&mut self, bench: &mut Bench, rest: usize) -> Orders {
        let may = |fate: &&mut Fate| fate.is_sealed && !fate.is_settled;
        let sealed = self.fates.iter_mut().map(|(recording, fate)| (*recording, fate));
        let mut sealed = sealed.filter(|(_, fate)| may(fate)).skip(rest % 4);
        let Some((recording, fate)) = sealed.next() else {
            return Vec::new();
        };
        fate.is_settled = true;
        bench.hear(Event::UploadSettled { recording, gone: true })
    }

    /// From here on the device is still, the disk answers well and requests end.
    fn heal(&mut self, bench: &mut Bench) {
        if bench.running.is_some() {
            let orders = bench.stop();
            self.obey(bench, orders);
        }
        for _ in 0..ROUNDS_MAX {
            for step in 0..3 * self.fates.len() {
                let orders = match step % 3 {
                    0 => self.seal(bench, 1),
                    1 => self.link(bench),
                    _ => self.upload(bench, 0),
                };
                self.obey(bench, orders);
            }
            let orders = bench.pass(secs(31));
            self.obey(bench, orders);
        }
    }
}

/// The steps that the module doc draws, whatever brings them about.
fn drawn() -> BTreeSet<(String, String)> {
    let edges = edges_in_doc(include_str!("../../session.rs"));
    edges.into_iter().map(|(from, _, to)| (from, to)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_happens_every_recording_is_sealed_and_linked_once_at_most_and_uploaded_in_the_end(
        rolls in prop::collection::vec(any::<u32>(), 0..80)
    ) {
        let (mut bench, mut world) = (Bench::new(), World::default());
        for roll in rolls {
            world.happen(&mut bench, roll);
        }
        world.heal(&mut bench);
        prop_assert!(bench.track.is_quiet(), "{:?}", world.sessions);
        prop_assert_eq!((world.open, world.open_sessions.len()), (None, 0));
        let left: Vec<_> = world.fates.iter().filter(|(_, fate)| !fate.is_settled).collect();
        prop_assert!(left.is_empty(), "{:?}", left);
    }
}
