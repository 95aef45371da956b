//! What reads bytes of others, and how each is fed.

use std::path::Path;

use earmark_core::{Stamp, WallTime};
use earmark_sim::feed::Feed;
use earmark_store::{inspect, verify};
use earmark_wire::{ReplyBody, ServerMessage, UploadName, WalKeys, encode_wals, frames, read_wals};

use super::memory_disk::MemoryDisk;
use super::planted;
use crate::damage::journal_bytes::{self, COPY_BYTES, RECORDS_AT};
use crate::damage::seeds::{self, Seeds};

/// One reader of bytes.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) name: &'static str,
    /// Reads an input; what came of it, in words.
    pub(super) read: fn(&Ground, &[u8]) -> String,
    /// Makes checksums fit, so that what lies behind them is reached.
    pub(super) mend: fn(&mut Vec<u8>),
    /// Longer inputs are cut.
    pub(super) bytes_max: usize,
    /// It may hold so many bytes of memory, and …
    pub(super) memory: usize,
    /// … so many more for each byte of the input.
    pub(super) memory_per_byte: usize,
    /// Its turns are so many times as long as the others', for it is slower.
    pub(super) share: u32,
}

/// What the readers stand on.
pub(super) struct Ground {
    disk: MemoryDisk,
    pub(super) seeds: Seeds,
    now: Stamp,
}

impl Ground {
    pub(super) fn new() -> Self {
        let seeds = seeds::make();
        let disk = MemoryDisk(
            seeds.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone().into())).collect(),
        );
        Self { disk, seeds, now: seeds::now() }
    }
}

const fn target(name: &'static str, read: fn(&Ground, &[u8]) -> String) -> Target {
    let (bytes_max, memory) = (4 << 10, 64 << 10);
    Target { name, read, mend: |_| (), bytes_max, memory, memory_per_byte: 64, share: 1 }
}

/// Everything of the store's is read along with the input.
const fn of_store(
    name: &'static str,
    read: fn(&Ground, &[u8]) -> String,
    mend: fn(&mut Vec<u8>),
) -> Target {
    let bytes_max = 24 << 10;
    Target { name, read, mend, bytes_max, memory: 512 << 10, memory_per_byte: 64, share: 4 }
}

pub(super) const TARGETS: [Target; 14] = [
    of_store("journal", read_journal, |file| mend_journal(file)),
    of_store("recording", read_recording, |_| ()),
    of_store("sums", read_sums, |_| ()),
    of_store("snapshot", read_snapshot, |file| mend_snapshot(file)),
    of_store("identity", read_identity, mend_identity),
    target("server-message", read_message),
    target("reply", |_, bytes| format!("{:?}", ReplyBody::parse(bytes))),
    target("file-name", read_name),
    target("audio-file", |_, bytes| format!("{:?}", frames(bytes).find_map(Result::err))),
    target("upload-name", read_upload),
    Target { memory_per_byte: 1_024, ..target("feed", read_feed) },
    Target { memory_per_byte: 1_024, ..target("wals", read_list) },
    target("wav", read_wav),
    Target { memory: 1 << 20, ..target("url", read_url) },
];

/// Readers with a bug.
pub(super) const PLANTED: [Target; 3] = [
    target("planted-panic", |_, bytes| planted::panics(bytes)),
    target("planted-allocation", |_, bytes| planted::allocates(bytes)),
    target("planted-loop", |_, bytes| planted::loops(bytes)),
];

/// The inputs that somebody wrote for a target, and those that the store writes itself.
pub(super) fn corpus(ground: &Ground, target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = ground.seeds.of(target.name);
    let folder = folder(target);
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    names.sort();
    inputs.extend(names.iter().filter_map(|path| std::fs::read(path).ok()));
    if inputs.is_empty() {
        inputs.push(vec![0; 64]);
    }
    inputs
}

pub(super) fn folder(target: &Target) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(target.name)
}

fn read_store(disk: &MemoryDisk) -> String {
    match inspect(disk) {
        Ok(found) => {
            let harms = found.damage.iter().map(|damage| damage.harm.to_string());
            format!("{} {:?}", found.ledger.recordings.len(), harms.collect::<Vec<_>>())
        }
        Err(error) => error.to_string(),
    }
}

fn read_journal(ground: &Ground, bytes: &[u8]) -> String {
    read_store(&ground.disk.with(seeds::JOURNAL, bytes))
}

fn read_snapshot(ground: &Ground, bytes: &[u8]) -> String {
    read_store(&ground.disk.with(&ground.seeds.snapshot, bytes))
}

fn read_identity(ground: &Ground, bytes: &[u8]) -> String {
    read_store(&ground.disk.with("store.json", bytes))
}

fn read_recording(ground: &Ground, bytes: &[u8]) -> String {
    verify_store(&ground.disk.with(&ground.seeds.recording, bytes))
}

fn read_sums(ground: &Ground, bytes: &[u8]) -> String {
    verify_store(&ground.disk.with(&ground.seeds.sums, bytes))
}

fn verify_store(disk: &MemoryDisk) -> String {
    match verify(disk, &mut |_, _| ()) {
        Ok(found) => {
            let harms = found.damage.iter().map(ToString::to_string);
            harms.collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    }
}

fn mend_journal(file: &mut [u8]) {
    if file.len() < RECORDS_AT {
        return;
    }
    for at in journal_bytes::COPIES_AT {
        journal_bytes::mend_header(&mut file[at..at + COPY_BYTES]);
    }
    for place in journal_bytes::places(file) {
        journal_bytes::mend_record(file, place.bytes);
    }
}

fn mend_snapshot(file: &mut [u8]) {
    if file.len() >= COPY_BYTES {
        journal_bytes::mend_snapshot(file);
    }
}

fn mend_identity(file: &mut Vec<u8>) {
    let Ok(mut page) = serde_json::from_slice::<serde_json::Value>(file) else {
        return;
    };
    let said = format!("earmark-store {} {}", page["version"], page["incarnation"]);
    if let Some(object) = page.as_object_mut() {
        object.insert("crc32c".into(), crc32c::crc32c(said.as_bytes()).into());
        *file = page.to_string().into_bytes();
    }
}

/// What stands before the first quotation mark or bracket: which kind of thing it is.
fn kind(shown: &impl std::fmt::Debug) -> String {
    let shown = format!("{shown:?}");
    let end = shown.match_indices(['"', '(', '{']).nth(1).map_or(shown.len(), |(end, _)| end);
    shown[..end].to_owned()
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn read_message(_: &Ground, bytes: &[u8]) -> String {
    kind(&ServerMessage::parse(&text(bytes)))
}

fn read_name(_: &Ground, bytes: &[u8]) -> String {
    match UploadName::parse(&text(bytes)) {
        Ok(name) => {
            let now = WallTime::from_unix_micros(1_775_260_800_000_000);
            assert_eq!(UploadName::parse(&name.to_string()).as_ref(), Ok(&name));
            kind(&name.admissible(now))
        }
        Err(fault) => kind(&fault),
    }
}

fn read_upload(ground: &Ground, bytes: &[u8]) -> String {
    use earmark_backend::server::{Admission, ReceivedFile, RequestHead};
    let options = earmark_backend::Options { decode: false, ..Default::default() };
    let mut server = earmark_backend::Server::new(options);
    let path = String::from("/v2/sync-local-files");
    let head = RequestHead { method: "POST".into(), path, ..RequestHead::default() };
    let file = ReceivedFile::inspect(&text(bytes), &[1, 0, 0, 0, 0], false);
    match server.head(&head) {
        Admission::Proceed(ticket) => server.body(ticket, &[file], ground.now).body,
        other @ (Admission::Answer(_)
        | Admission::Refuse
        | Admission::NoName
        | Admission::NoTrust
        | Admission::ResetBefore
        | Admission::ResetMid
        | Admission::Hang
        | Admission::NoConnection
        | Admission::Early(_)
        | Admission::Close
        | Admission::GoAway) => kind(&other),
    }
}

fn read_feed(_: &Ground, bytes: &[u8]) -> String {
    match Feed::parse("fuzz.feed", &text(bytes)) {
        Ok(feed) => {
            let again = Feed::parse("fuzz.feed", &feed.to_text());
            let same = again.is_ok_and(|again| again.lines.len() == feed.lines.len());
            assert!(same, "the feed's own text is refused");
            format!("{} lines", feed.lines.len())
        }
        Err(error) => kind(&error.fault),
    }
}

fn read_list(_: &Ground, bytes: &[u8]) -> String {
    let list = read_wals(bytes);
    let keys: Vec<WalKeys> = list.entries.iter().map(|entry| entry.keys.clone()).collect();
    let again = read_wals(&encode_wals(WallTime::default(), &list.rest, &keys));
    assert_eq!((again.fault, again.entries.len()), (None, keys.len()), "its own text is refused");
    let status = list.entries.first().map(|entry| (entry.status, entry.storage, entry.codec));
    format!("{} {:?} {:?}", kind(&list.fault), status, list.unusable.first())
}

fn read_wav(_: &Ground, bytes: &[u8]) -> String {
    match earmark_backend::audio::Wav::read(bytes) {
        Ok(wav) => format!("{} Hz", wav.sample_rate.leading_zeros()),
        Err(error) => kind(&error),
    }
}

fn read_url(_: &Ground, bytes: &[u8]) -> String {
    match earmark::WebSocketDialer::new(&text(bytes), earmark::NoCredentials) {
        Ok(_) => String::from("taken"),
        Err(error) => kind(&error),
    }
}
