//! What a store must hold after a prefix of what was submitted: a second opinion, without the
//! store's own fold.

use std::collections::{BTreeMap, BTreeSet};

use earmark_core::{CaptureId, RecordingId};
use earmark_store::Record;

use super::told::{Event, Row, Upload};

/// The state that records come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    captures: BTreeMap<CaptureId, Capture>,
    recordings: BTreeMap<RecordingId, Recording>,
    pub(crate) muted: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Capture {
    next: u64,
    /// The first frame behind the last recording that was cut.
    covered: u64,
    is_closed: bool,
    delivered: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
struct Recording {
    capture: CaptureId,
    first: u64,
    end: Option<u64>,
    conversation: Option<String>,
    /// A link that was taken back is not made again.
    was_relinked: bool,
    requests: u32,
    stage: String,
    is_going: bool,
}

/// What a recovery must find of a recording; one that it makes of frames without a recording has
/// no id yet.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) recording: Option<RecordingId>,
    pub(crate) capture: CaptureId,
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) upload: Upload,
}

impl Model {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Decision(record) => self.decide(record),
            Event::Frames { capture, first, count } => {
                let capture = self.captures.entry(*capture).or_default();
                capture.next = capture.next.max(first + count);
            }
        }
    }

    fn decide(&mut self, record: &Record) {
        match record {
            Record::CaptureOpened { capture, .. } => {
                self.captures.entry(*capture).or_default();
            }
            Record::CaptureClosed { capture, .. } => {
                self.captures.entry(*capture).or_default().is_closed = true;
            }
            Record::MuteSet { device, muted: true } => {
                self.muted.insert(device.as_str().to_owned());
            }
            Record::MuteSet { device, muted: false } => {
                self.muted.remove(device.as_str());
            }
            Record::RecordingOpened { recording, capture, first, .. } => {
                self.recordings.insert(*recording, Recording::new(*capture, first.0));
            }
            Record::RecordingCut { recording, end } => self.cut(*recording, end.0),
            Record::Linked { conversation, recordings, .. } => {
                recordings.iter().for_each(|one| self.link(*one, conversation.as_str()));
            }
            Record::Delivered { capture, from, to } => {
                self.captures.entry(*capture).or_default().delivered.extend(from.0..to.0);
            }
            Record::Relinked { recording, .. }
            | Record::Upload { recording, .. }
            | Record::Removing { recording, .. }
            | Record::Removed { recording } => self.change(*recording, record),
            Record::SessionOpened { .. }
            | Record::SessionClosed { .. }
            | Record::SessionMoved { .. }
            | Record::SyncStarted { .. }
            | Record::Sealed { .. }
            | Record::Frames(_) => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`decide` has the full list")]
    fn change(&mut self, id: RecordingId, record: &Record) {
        let Some(recording) = self.recordings.get_mut(&id) else {
            return;
        };
        match record {
            Record::Relinked { .. } => {
                (recording.conversation, recording.was_relinked) = (None, true);
            }
            Record::Upload { facts, .. } => {
                recording.requests = facts.requests;
                recording.stage = facts.stage.name().to_owned();
            }
            _ => recording.is_going = true,
        }
    }

    fn cut(&mut self, recording: RecordingId, end: u64) {
        let Some(recording) = self.recordings.get_mut(&recording) else {
            return;
        };
        recording.end = Some(end);
        let capture = self.captures.entry(recording.capture).or_default();
        capture.covered = capture.covered.max(end);
    }

    fn link(&mut self, recording: RecordingId, conversation: &str) {
        let recording = self.recordings.get_mut(&recording);
        let free = |one: &&mut Recording| one.conversation.is_none() && !one.was_relinked;
        if let Some(recording) = recording.filter(free) {
            recording.conversation = Some(conversation.to_owned());
        }
    }

    /// What a recovery makes of it: what was open is cut at its last frame, what was going is gone,
    /// and frames without a recording get one.
    pub(crate) fn recovered(&self) -> Vec<Expected> {
        let known = self.recordings.iter().filter(|(_, one)| !one.is_going);
        let known = known.map(|(id, one)| self.expect(Some(*id), one));
        let orphans = self.captures.iter().filter_map(|(id, capture)| self.orphan(*id, capture));
        let all = known.chain(orphans).filter(|one| one.first < one.end);
        let mut all: Vec<Expected> = all.collect();
        all.sort_by_key(|one| (one.capture, one.first));
        all
    }

    fn orphan(&self, id: CaptureId, capture: &Capture) -> Option<Expected> {
        let open = self.recordings.values().any(|one| one.capture == id && one.end.is_none());
        let recording = Recording::new(id, capture.covered);
        (!open && !capture.is_closed).then(|| self.expect(None, &recording))
    }

    fn expect(&self, id: Option<RecordingId>, recording: &Recording) -> Expected {
        let capture = self.captures.get(&recording.capture);
        let end = recording.end.or(capture.map(|capture| capture.next)).unwrap_or(0);
        let range = recording.first..end.max(recording.first);
        let delivered =
            capture.map_or(0, |capture| capture.delivered.range(range.clone()).count() as u64);
        Expected {
            recording: id,
            capture: recording.capture,
            first: range.start,
            end: range.end,
            upload: Upload {
                conversation: recording.conversation.clone().unwrap_or(String::from("-")),
                requests: recording.requests,
                stage: recording.stage.clone(),
                undelivered: range.end - range.start - delivered,
            },
        }
    }

    /// Whether what was found is exactly this.
    pub(crate) fn is(&self, expected: &[Expected], rows: &[&Row]) -> bool {
        let known = |row: &Row| self.recordings.contains_key(&row.recording);
        expected.len() == rows.len()
            && expected.iter().zip(rows).all(|(one, row)| {
                (one.capture, one.first, one.end) == (row.capture, row.first, row.end)
                    && one.upload == row.upload
                    && one.recording.map_or(!known(row), |id| id == row.recording)
            })
    }

    /// Goes on from what was found: all captures have ended, and every recording has its end.
    pub(crate) fn settle(&mut self, rows: &[Row]) {
        let before = std::mem::take(&mut self.recordings);
        for row in rows {
            let was_relinked =
                before.get(&row.recording).is_some_and(|recording| recording.was_relinked);
            let found = Recording {
                end: Some(row.end),
                conversation: Some(row.upload.conversation.clone()).filter(|id| id != "-"),
                was_relinked,
                requests: row.upload.requests,
                stage: row.upload.stage.clone(),
                ..Recording::new(row.capture, row.first)
            };
            self.recordings.insert(row.recording, found);
        }
        self.captures.values_mut().for_each(|capture| capture.is_closed = true);
        let kept: BTreeSet<CaptureId> = rows.iter().map(|row| row.capture).collect();
        self.captures.retain(|id, _| kept.contains(id));
    }
}

impl Recording {
    fn new(capture: CaptureId, first: u64) -> Self {
        Self {
            capture,
            first,
            end: None,
            conversation: None,
            was_relinked: false,
            requests: 0,
            stage: String::from("pending"),
            is_going: false,
        }
    }
}
