//! What a host has asked of the store, and how much of it the store has called durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use earmark_core::{CaptureId, ConversationId, RecordingId};
use earmark_store::Seal;

/// One thing that the host has staged.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// The frames of a capture up to here.
    Frames {
        capture: CaptureId,
        next: u64,
    },
    /// A number was given to a capture, a session or a recording.
    Id(u32),
    Sealed {
        recording: RecordingId,
        seal: Arc<Seal>,
    },
    Linked {
        recordings: Vec<RecordingId>,
        conversation: ConversationId,
    },
    Upload {
        recording: RecordingId,
        requests: u32,
        synced: bool,
    },
    Removing {
        recording: RecordingId,
        span: Span,
    },
}

/// Which frames a recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) capture: CaptureId,
    pub(crate) first: u64,
    pub(crate) end: u64,
}

/// All facts together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) frames: BTreeMap<CaptureId, u64>,
    pub(crate) highest_id: u32,
    pub(crate) seals: BTreeMap<RecordingId, Arc<Seal>>,
    /// The conversations that a recording was linked to, the one that counts first. A link that a
    /// crash took before it was durable may be followed by one to another.
    pub(crate) links: BTreeMap<RecordingId, Vec<ConversationId>>,
    /// Recordings that were linked together, so that either all are or none.
    pub(crate) linked_at_once: Vec<Vec<RecordingId>>,
    /// Requests, and whether the server has confirmed it.
    pub(crate) uploads: BTreeMap<RecordingId, (u32, bool)>,
    pub(crate) removing: BTreeMap<RecordingId, Span>,
}

impl Known {
    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Frames { capture, next } => {
                let known = self.frames.entry(*capture).or_default();
                *known = (*known).max(*next);
            }
            Fact::Id(number) => self.highest_id = self.highest_id.max(*number),
            Fact::Sealed { recording, seal } => {
                self.seals.entry(*recording).or_insert_with(|| Arc::clone(seal));
            }
            Fact::Linked { recordings, conversation } => {
                for recording in recordings {
                    self.links.entry(*recording).or_default().push(conversation.clone());
                }
                self.linked_at_once.push(recordings.clone());
            }
            Fact::Upload { recording, requests, synced } => {
                let known = self.uploads.entry(*recording).or_default();
                *known = (known.0.max(*requests), known.1 || *synced);
            }
            Fact::Removing { recording, span } => {
                self.removing.insert(*recording, *span);
            }
        }
    }
}

/// What was known at one moment.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// Operations of the disk before it.
    operations: usize,
    /// Everything up to this ticket had been called durable.
    durable: u64,
    /// How many facts had been staged.
    staged: usize,
}

/// What a host did, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    facts: Vec<(u64, Fact)>,
    moments: Vec<Moment>,
}

impl Story {
    pub(crate) fn stage(&mut self, ticket: u64, fact: Fact) {
        self.facts.push((ticket, fact));
    }

    /// The store has called this much durable, after so many operations of the disk.
    pub(crate) fn note(&mut self, operations: usize, durable: u64) {
        self.moments.push(Moment { operations, durable, staged: self.facts.len() });
    }

    /// A new process numbers records anew: what was not durable before will never be known to be.
    pub(crate) fn restart(&mut self, durable: u64) {
        let lost = self.facts.iter_mut().filter(|(ticket, _)| *ticket > durable);
        lost.for_each(|(ticket, _)| *ticket = u64::MAX);
    }

    /// Goes through the story from its beginning.
    pub(crate) fn tell(&self) -> Telling<'_> {
        let waiting = (0..self.facts.len()).collect();
        Telling {
            story: self,
            next: 0,
            waiting,
            heard: 0,
            must: Known::default(),
            may: Known::default(),
        }
    }
}

/// A story as far as it was told.
#[derive(Debug)]
pub(crate) struct Telling<'a> {
    story: &'a Story,
    next: usize,
    waiting: Vec<usize>,
    heard: usize,
    /// What was durable.
    pub(crate) must: Known,
    /// What was staged.
    pub(crate) may: Known,
}

impl Telling<'_> {
    /// Goes on to what was known when so many operations of the disk had happened.
    pub(crate) fn advance(&mut self, operations: usize) {
        let moments = &self.story.moments;
        let passed = |moment: &&Moment| moment.operations <= operations;
        self.next += moments[self.next..].iter().take_while(passed).count();
        let durable = self.next.checked_sub(1).map_or(0, |last| moments[last].durable);
        // What was staged before the moment that comes next may be on the disk already.
        let staged = moments.get(self.next).map_or(self.story.facts.len(), |moment| moment.staged);
        for (_, fact) in &self.story.facts[self.heard.min(staged)..staged] {
            self.may.learn(fact);
        }
        self.heard = self.heard.max(staged);
        let (story, must) = (self.story, &mut self.must);
        self.waiting.retain(|index| {
            let (ticket, fact) = &story.facts[*index];
            let known = *index < staged && *ticket <= durable;
            if known {
                must.learn(fact);
            }
            !known
        });
    }
}
