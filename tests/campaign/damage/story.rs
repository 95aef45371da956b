//! A store with every kind of record in its journal, the first file of which is 64 KiB long to the
//! byte.

use earmark_core::sync::{UploadFacts, UploadStage};
use earmark_core::{CaptureId, ConversationId, Device, FrameSeq, RecordingId};
use earmark_store::{Config, Record, Removal, SessionEnd, Work};

use super::host::{Host, stamp};
use super::journal_bytes::HEAD_BYTES;

/// Bytes of the journal file that is damaged.
pub(super) const JOURNAL_BYTES: usize = 65_536;
/// The name of that file.
pub(super) const JOURNAL: &str = "journal/0000000000000001.log";
/// The name of the file behind it.
const SECOND: &str = "journal/0000000000000002.log";
/// Captures with recordings of each kind.
const ROUNDS: usize = 3;
/// Bytes of a record of frames before its only frame, when that is as long as the last one here.
const BEFORE_FRAME: usize = HEAD_BYTES + 28 + 3;
/// The last frame is no longer than this, and no shorter than a length of two bytes says.
const LAST_FRAME_BYTES: std::ops::RangeInclusive<usize> = 128..=2_000;

const CONFIG: Config =
    Config { journal_file_bytes_max: JOURNAL_BYTES as u64, snapshot_after_bytes: 1 << 40 };

/// Tells it; the caller may go on.
pub(super) fn tell() -> Host {
    let mut host = Host::new(CONFIG);
    for round in 0..ROUNDS {
        tell_round(&mut host, round);
    }
    let (capture, session) = host.capture("open");
    host.recording(capture, session);
    host.flush();
    fill(&mut host, capture);
    assert_eq!(length(&host), JOURNAL_BYTES, "the last frame was made as long as it takes");
    host.frames(capture, &[60; 30]);
    host.flush();
    host.stage(Record::MuteSet { device: device("pendant"), muted: true });
    host.flush();
    host
}

fn device(name: &str) -> Device {
    Device::new(name).expect("a short name")
}

fn conversation(text: String) -> ConversationId {
    ConversationId::new(&text).expect("a short name")
}

/// Lengths of frames, uneven.
fn lengths(count: usize, salt: usize) -> Vec<usize> {
    (0..count).map(|place| 20 + (place * 37 + salt * 11) % 90).collect()
}

fn upload(stage: UploadStage, requests: u32) -> UploadFacts {
    UploadFacts { stage, requests, ..UploadFacts::new() }
}

/// A capture with a linked recording, one that is linked while it is open, one that is moved to a
/// later session and deleted, and one that is never sealed.
pub(super) fn tell_round(host: &mut Host, round: usize) {
    let (capture, session) = host.capture(&format!("pendant{round}"));
    let first = tell_linked(host, capture, session, round);
    let next = host.session(capture);
    let moved = host.recording(capture, session);
    host.frames(capture, &lengths(25, round));
    host.stage(Record::SessionMoved { recording: moved, session: next });
    host.cut(capture, moved);
    host.flush();
    host.seal(moved);
    host.stage(Record::Removing { recording: moved, why: Removal::Deleted });
    host.flush();
    host.run(Work::Remove(moved));
    host.stage(Record::Removed { recording: moved });
    tell_upload(host, first);
    tell_unsealed(host, capture, next, round);
    if round.is_multiple_of(2) {
        host.stage(Record::SessionClosed { session: next, end: SessionEnd::Stopped, at: stamp() });
        host.stage(Record::CaptureClosed { capture, at: stamp() });
    }
    host.flush();
}

fn tell_linked(
    host: &mut Host,
    capture: CaptureId,
    session: earmark_core::SessionId,
    round: usize,
) -> RecordingId {
    let first = host.recording(capture, session);
    host.frames(capture, &lengths(30 + round * 7, round));
    host.flush();
    host.frames(capture, &lengths(15, round + 1));
    host.cut(capture, first);
    host.flush();
    host.seal(first);
    host.flush();
    let second = host.recording(capture, session);
    host.frames(capture, &lengths(40, round + 2));
    host.cut(capture, second);
    host.flush();
    let seals = vec![(second, host.draft(second))];
    let (recordings, conversation) = (vec![first, second], conversation(format!("c{round}")));
    host.stage(Record::Linked { conversation, recordings, seals, at: stamp() });
    host.stage(Record::SessionClosed { session, end: SessionEnd::Boundary, at: stamp() });
    host.stage(Record::SyncStarted { session, fallback: round.is_multiple_of(2) });
    host.flush();
    first
}

fn tell_upload(host: &mut Host, recording: RecordingId) {
    let capture = host.store.ledger().recordings[&recording].capture;
    host.stage(Record::Upload { recording, facts: upload(UploadStage::Uploading, 1) });
    host.flush();
    let linked = host.store.ledger().recordings[&recording].conversation.clone();
    let (old, reason) = (linked.expect("it was linked"), "no such".to_owned());
    host.stage(Record::Relinked { recording, old, reason });
    host.stage(Record::Delivered { capture, from: FrameSeq(3), to: FrameSeq(9) });
    let synced = upload(UploadStage::Synced { at: stamp() }, 2);
    host.stage(Record::Upload { recording, facts: synced });
    host.flush();
    let muted = capture.number().is_multiple_of(3);
    host.stage(Record::MuteSet { device: device("pendant"), muted });
}

fn tell_unsealed(
    host: &mut Host,
    capture: CaptureId,
    session: earmark_core::SessionId,
    round: usize,
) {
    host.recording(capture, session);
    for part in 0..3 {
        host.frames(capture, &lengths(20 + round, part));
        host.flush();
    }
    let open = host.store.ledger().open_recording(capture);
    if round.is_multiple_of(2) {
        host.cut(capture, open.expect("it was opened"));
    }
}

fn length(host: &Host) -> usize {
    host.disk.contents(JOURNAL).map_or(0, |file| file.len())
}

/// Frames until few bytes are missing, then one write of some decisions and a frame that fills the
/// file.
fn fill(host: &mut Host, capture: CaptureId) {
    assert_eq!(host.disk.contents(SECOND).map(|file| file.len()), None, "the rounds are too long");
    while JOURNAL_BYTES - length(host) > 4_000 {
        host.frames(capture, &lengths(25, 3));
        host.flush();
    }
    for place in 0..4 {
        host.stage(Record::MuteSet { device: device("pendant"), muted: place % 2 == 0 });
    }
    let staged = host.store.staged_bytes();
    let used = length(host) + staged + BEFORE_FRAME;
    let mut room = JOURNAL_BYTES.checked_sub(used).expect("a frame still fits");
    while !LAST_FRAME_BYTES.contains(&room) {
        let before = host.store.staged_bytes();
        host.stage(Record::MuteSet { device: device("another pendant"), muted: false });
        let taken = host.store.staged_bytes() - before;
        room = room.checked_sub(taken).expect("a frame still fits");
    }
    host.frames(capture, &[room]);
    host.flush();
}

/// A capture that is still open, with few frames.
pub(super) fn tell_short(host: &mut Host) {
    let (capture, session) = host.capture("short");
    host.recording(capture, session);
    host.frames(capture, &[30; 4]);
    host.flush();
}
