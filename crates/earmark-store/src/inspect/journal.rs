//! What of the journal's records a damage has taken.

use std::ops::Range;
use std::time::Duration;

use earmark_core::{FrameSeq, RecordingId};

use crate::damage::{Cost, LostAudio};
use crate::disk::{Disk, read_what_can_be};
use crate::format::{self, FileId, Found, Kind, SEARCH_STEP};
use crate::recovery::{JOURNAL_FILE_BYTES_READ_MAX, Recovery};
use crate::scan::{Hole, Scan};

/// Where the kind of a record stands in its header.
const KIND_AT: usize = 24;
/// The longest name of a decision that is believed.
const NAME_BYTES_MAX: usize = 32;

/// What lies in a hole between whole records.
pub(super) fn hole(
    disk: &dyn Disk,
    recovery: &Recovery,
    path: &str,
    range: &Range<u64>,
) -> Option<Cost> {
    let file = disk.open(path).ok()?;
    let (bytes, _) = read_what_can_be(file.as_ref(), JOURNAL_FILE_BYTES_READ_MAX).ok()?;
    let id = FileId::parse(&bytes).ok()?;
    let scan = Scan::of(id, &bytes, u64::MAX);
    let hole: &Hole = scan.holes.iter().find(|hole| hole.range == *range)?;
    let seqs = hole.from..hole.behind.unwrap_or(hole.from + 1);
    let bounds = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
    let (decisions, told) = told(bytes.get(bounds)?, id);
    let audio = audio(recovery, &seqs);
    let untold = (seqs.end - seqs.start).saturating_sub(told);
    let remark = match (untold, audio.is_empty()) {
        (0, true) if decisions.is_empty() => {
            Some("it cost nothing: no recording waits for these frames")
        }
        (1.., true) => Some("what else these records told cannot be read"),
        (_, _) => None,
    };
    Some(Cost { audio, decisions, remark: remark.map(str::to_owned) })
}

/// What records were that are nowhere.
pub(super) fn missing(recovery: &Recovery, seqs: &Range<u64>) -> Cost {
    let remark = format!("{} records are lost with what only they told", seqs.end - seqs.start);
    Cost { audio: audio(recovery, seqs), decisions: Vec::new(), remark: Some(remark) }
}

/// The names of the decisions whose header is whole, and how many records have such a header.
fn told(bytes: &[u8], id: FileId) -> (Vec<String>, u64) {
    let (mut decisions, mut told, mut at) = (Vec::new(), 0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match format::look(rest, id) {
            Found::Broken { len } => {
                told += 1;
                decisions.extend(decision(&rest[..len.min(rest.len())]));
                at += len;
            }
            Found::Record { len, .. } => at += len,
            Found::Nothing => at += SEARCH_STEP,
        }
    }
    (decisions, told)
}

/// The name of the decision in a record, or what it says of itself when that is damaged too.
fn decision(record: &[u8]) -> Option<String> {
    let kind = record.get(KIND_AT).and_then(|code| Kind::from_code(*code))?;
    if kind == Kind::Frames {
        return None;
    }
    let payload = record.get(format::RECORD_HEADER_BYTES..).unwrap_or_default();
    let name = payload.strip_prefix(b"{\"").and_then(|rest| {
        let end = rest.iter().take(NAME_BYTES_MAX).position(|byte| *byte == b'"')?;
        let name = &rest[..end];
        let plain = name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        plain.then(|| String::from_utf8_lossy(name).into_owned())
    });
    Some(name.unwrap_or_else(|| String::from("that cannot be read")))
}

/// The frames of recordings that are not sealed and that were in these records.
fn audio(recovery: &Recovery, seqs: &Range<u64>) -> Vec<LostAudio> {
    let ledger = &recovery.durable_ledger;
    // A seal counts whether or not it was known to be durable: the next start makes it so.
    let seen = &recovery.ledger.recordings;
    let is_sealed = |id: &RecordingId| seen.get(id).is_some_and(|facts| facts.sealed.is_some());
    let all = ledger.recordings.iter();
    let unsealed = all.filter(|(id, facts)| !is_sealed(id) && facts.removing.is_none());
    let lost = unsealed.map(|(recording, facts)| {
        let batches = recovery.batches.overlapping(facts.capture, facts.first, ledger.end(facts));
        let pieces = batches.iter().map(|batch| (batch.first..batch.end(), batch.seq));
        let frames = gaps(pieces, facts.first..ledger.end(facts), seqs);
        let pace = facts.encoding.codec.frame_duration();
        let lasting = pace.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX));
        LostAudio { recording: *recording, frames, lasting, at_most: false }
    });
    lost.filter(|lost| lost.lasting > Duration::ZERO).collect()
}

/// How many of the wanted frames lie between pieces whose records had the missing ones between
/// them.
fn gaps(
    pieces: impl Iterator<Item = (Range<FrameSeq>, u64)>,
    wanted: Range<FrameSeq>,
    missing: &Range<u64>,
) -> u64 {
    let (mut next, mut before, mut lost) = (wanted.start, 0, 0);
    let end = (wanted.end..wanted.end, u64::MAX);
    for (frames, seq) in pieces.chain([end]) {
        let between = (before + 1).max(missing.start) < seq.min(missing.end);
        if between && frames.start > next {
            lost += frames.start.since(next);
        }
        next = next.max(frames.end);
        before = seq;
    }
    lost
}
