//! What must hold of a disk once the store has recovered it.

use std::collections::BTreeMap;

use earmark_core::{CaptureId, RecordingId};
use earmark_store::{
    Ledger, RecordingFacts, RecordingReader, Recovered, SimDisk, Store, Work, recording_path,
};

use super::facts::{Known, Span};
use super::host::{self, frame_bytes};

/// What was violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    FrameLost,
    FrameInvented,
    LinkLost,
    Other,
}

/// A violation, in words.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    pub(crate) why: String,
}

fn broken(kind: Kind, why: String) -> Result<(), Violation> {
    Err(Violation { kind, why })
}

fn ensure(holds: bool, kind: Kind, why: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { broken(kind, why()) }
}

/// What the host knows when the disk is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle<'a> {
    pub(crate) must: &'a Known,
    pub(crate) may: &'a Known,
    /// A file that nobody knows was there from the beginning; it must be kept.
    pub(crate) stray: Option<(&'a str, &'a [u8])>,
}

impl Oracle<'_> {
    /// Recovers a disk twice, reads everything, and says what the store decided.
    pub(crate) fn check(&self, disk: &SimDisk, life: u64) -> Result<Ledger, Violation> {
        let (store, recovered) = opened(disk, life)?;
        self.check_recovered(&recovered)?;
        let ledger = store.ledger().clone();
        self.check_ledger(&ledger)?;
        self.check_ids(store, &ledger)?;
        disk.kill();
        let disk = disk.life();
        let (mut store, recovered) = opened(&disk, life + 1)?;
        self.check_recovered(&recovered)?;
        let again = "a second recovery changed what the first had decided";
        ensure(*store.ledger() == ledger, Kind::Other, || again.to_owned())?;
        self.check_files(&disk, &mut store)?;
        Ok(ledger)
    }

    fn check_recovered(&self, recovered: &Recovered) -> Result<(), Violation> {
        if let Some(failure) = &recovered.journal_failure {
            return broken(Kind::Other, format!("the journal takes nothing: {failure}"));
        }
        let stray = self.stray.map(|stray| stray.0);
        let damage = recovered.damage.iter().find(|damage| Some(damage.path.as_str()) != stray);
        damage.map_or(Ok(()), |damage| {
            broken(Kind::FrameLost, format!("damage was reported without any: {damage}"))
        })
    }

    /// Everything that can be told from the decisions alone.
    pub(crate) fn check_ledger(&self, ledger: &Ledger) -> Result<(), Violation> {
        self.check_frames(ledger)?;
        self.check_links(ledger)?;
        self.check_uploads(ledger)?;
        self.check_seals(ledger)
    }

    /// Each acknowledged frame is in exactly one recording, and nothing is that was never there.
    fn check_frames(&self, ledger: &Ledger) -> Result<(), Violation> {
        let mut spans: BTreeMap<CaptureId, Vec<Span>> = BTreeMap::new();
        for (recording, facts) in &ledger.recordings {
            let span = span(ledger, facts);
            let submitted = self.may.frames.get(&span.capture).copied().unwrap_or(0);
            ensure(span.end <= submitted, Kind::FrameInvented, || {
                format!("{recording} ends at {} of {submitted} frames", span.end)
            })?;
            spans.entry(span.capture).or_default().push(span);
        }
        for (capture, spans) in &mut spans {
            spans.sort_unstable();
            let twice = spans.windows(2).find(|pair| pair[0].end > pair[1].first);
            ensure(twice.is_none(), Kind::FrameInvented, || {
                format!("frames of {capture} are in two recordings: {twice:?}")
            })?;
        }
        // A removal that was decided may be finished, durable before the cut or not.
        for span in self.may.removing.values() {
            spans.entry(span.capture).or_default().push(*span);
        }
        self.must.frames.iter().try_for_each(|(capture, durable)| {
            let held = held(spans.get(capture).cloned().unwrap_or_default());
            ensure(held >= *durable, Kind::FrameLost, || {
                format!("frame {held} of {capture} is lost; {durable} were acknowledged")
            })
        })
    }

    /// What is linked stays linked, to nothing else, and a link is whole or not there.
    fn check_links(&self, ledger: &Ledger) -> Result<(), Violation> {
        for (recording, links) in &self.must.links {
            let Some(facts) = ledger.recordings.get(recording) else { continue };
            ensure(facts.conversation.as_ref() == links.first(), Kind::LinkLost, || {
                format!("{recording} was linked to {links:?}: {:?}", facts.conversation)
            })?;
        }
        for (recording, facts) in &ledger.recordings {
            let Some(found) = &facts.conversation else { continue };
            let staged = self.may.links.get(recording).map_or(&[][..], Vec::as_slice);
            ensure(staged.contains(found), Kind::LinkLost, || {
                format!("{recording} is linked to {found}, not to one of {staged:?}")
            })?;
        }
        for together in &self.may.linked_at_once {
            let found = together.iter().filter_map(|recording| ledger.recordings.get(recording));
            let linked: Vec<bool> = found.map(|facts| facts.conversation.is_some()).collect();
            ensure(linked.windows(2).all(|pair| pair[0] == pair[1]), Kind::LinkLost, || {
                format!("a link of {together:?} was kept in part")
            })?;
        }
        Ok(())
    }

    fn check_uploads(&self, ledger: &Ledger) -> Result<(), Violation> {
        for (recording, facts) in &ledger.recordings {
            let none = (0, false);
            let (least, durable) = self.must.uploads.get(recording).copied().unwrap_or(none);
            let (most, staged) = self.may.uploads.get(recording).copied().unwrap_or(none);
            let (requests, synced) = (facts.upload.requests, facts.is_synced());
            ensure((least..=most).contains(&requests), Kind::Other, || {
                format!("{recording} had {requests} requests; {least} to {most} were journalled")
            })?;
            ensure((durable..=staged).contains(&synced), Kind::Other, || {
                format!("{recording} synced: {synced}, durable {durable}, staged {staged}")
            })?;
        }
        Ok(())
    }

    /// A seal never changes, and no recording goes unless somebody said so.
    fn check_seals(&self, ledger: &Ledger) -> Result<(), Violation> {
        for (recording, seal) in &self.must.seals {
            let facts = ledger.recordings.get(recording);
            let kept = match facts {
                Some(facts) => facts.sealed.as_ref() == Some(seal),
                None => self.may.removing.contains_key(recording),
            };
            ensure(kept, Kind::FrameLost, || format!("the seal of {recording} is not {seal:?}"))?;
        }
        for recording in self.must.removing.keys() {
            let facts = ledger.recordings.get(recording);
            ensure(facts.is_none_or(|facts| facts.removing.is_some()), Kind::Other, || {
                format!("{recording} was removed and is back")
            })?;
        }
        Ok(())
    }

    fn check_ids(&self, mut store: Store, ledger: &Ledger) -> Result<(), Violation> {
        let seen = self.must.highest_id.max(ledger.highest_id);
        let next = store.next_recording().number();
        ensure(next > seen, Kind::Other, || format!("the id {next} was given before ({seen})"))
    }

    /// Every recording's file, sealed now if it was not, holds exactly its frames.
    fn check_files(&self, disk: &SimDisk, store: &mut Store) -> Result<(), Violation> {
        for (recording, facts) in store.ledger().recordings.clone() {
            if facts.removing.is_some() {
                continue;
            }
            match store.sealed(recording) {
                Some(sealed) => {
                    let read = RecordingReader::open(disk, &sealed);
                    let sound = read.and_then(|mut reader| reader.verify());
                    sound.or_else(|error| broken(Kind::FrameLost, error.to_string()))?;
                }
                None => seal(store, recording)?,
            }
            let span = span(store.ledger(), &facts);
            let found = disk.contents(&recording_path(recording)).unwrap_or_default();
            ensure(found == file_of(span), Kind::FrameInvented, || {
                format!("the file of {recording} has not the frames of {span:?}")
            })?;
        }
        self.check_stray(disk)
    }

    fn check_stray(&self, disk: &SimDisk) -> Result<(), Violation> {
        let Some((path, bytes)) = self.stray else { return Ok(()) };
        let mut paths = disk.paths().into_iter();
        let kept = paths.any(|path| disk.contents(&path).as_deref() == Some(bytes));
        ensure(kept, Kind::Other, || format!("{path} was removed, which nobody may"))
    }
}

fn opened(disk: &SimDisk, life: u64) -> Result<(Store, Recovered), Violation> {
    host::open(disk, life)
        .map_err(|error| Violation { kind: Kind::Other, why: format!("it does not open: {error}") })
}

fn seal(store: &mut Store, recording: RecordingId) -> Result<(), Violation> {
    let Some(job) = store.begin(Work::Seal(recording)) else {
        return broken(Kind::FrameLost, format!("{recording} cannot be sealed"));
    };
    match store.end(job.run()) {
        Ok(_) => Ok(()),
        Err(failure) => broken(Kind::FrameLost, failure.to_string()),
    }
}

fn span(ledger: &Ledger, facts: &RecordingFacts) -> Span {
    let (capture, first) = (facts.capture, facts.first.0);
    Span { capture, first, end: ledger.end(facts).0 }
}

/// The first frame that is in none of the spans.
fn held(mut spans: Vec<Span>) -> u64 {
    spans.sort_unstable();
    let join = |held: u64, span: &Span| if span.first <= held { held.max(span.end) } else { held };
    spans.iter().fold(0, join)
}

/// The bytes that the file of a recording must have.
fn file_of(span: Span) -> Vec<u8> {
    let mut file = Vec::new();
    for seq in span.first..span.end {
        let bytes = frame_bytes(span.capture, seq);
        file.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        file.extend_from_slice(&bytes);
    }
    file
}
