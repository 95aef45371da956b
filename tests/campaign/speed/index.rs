//! The index of the original: one JSON file with an entry for each recording, written anew with
//! every change.

use std::fs;
use std::io;
use std::path::Path;

use earmark_store::Disk;
use serde::Serialize;

/// One entry, with as many bytes as one of the original's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    device: &'static str,
    device_model: &'static str,
    codec: &'static str,
    channel: u32,
    sample_rate: u32,
    seconds: u32,
    status: &'static str,
    storage: &'static str,
    timer_start: usize,
    file_path: String,
    conversation_id: &'static str,
    retry_count: u32,
    is_syncing: bool,
    sync_started_at: Option<u64>,
    sync_eta_seconds: Option<u64>,
    total_frames: u32,
    synced_frame_offset: u32,
    file_num: u32,
    job_id: Option<u64>,
}

fn entry(number: usize) -> Entry {
    Entry {
        id: format!("pendant_opus_fs320_16000_1_fs320_{number:012}"),
        device: "D4:3A:2C:11:90:7E",
        device_model: "Pendant DevKit 2",
        codec: "opus_fs320",
        channel: 1,
        sample_rate: 16_000,
        seconds: 60,
        status: "miss",
        storage: "disk",
        timer_start: 1_775_260_800 + number,
        file_path: format!("audio_pendant_opus_fs320_16000_1_fs320_{number:012}.bin"),
        conversation_id: "4f6f2c0e-9d0b-4e0e-8a53-0f7d5f1c2b3a",
        retry_count: 0,
        is_syncing: false,
        sync_started_at: None,
        sync_eta_seconds: None,
        total_frames: 6_000,
        synced_frame_offset: 0,
        file_num: 1,
        job_id: None,
    }
}

/// The bytes of the index of so many recordings.
pub(super) fn encode(entries: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..entries {
        bytes.push(if number == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut bytes, &entry(number)).expect("it has a JSON form");
    }
    bytes.push(b']');
    bytes
}

/// Writes the index anew, as the original does: a temporary file, a rename, no sync.
pub(super) fn rewrite(folder: &Path, entries: usize) -> io::Result<()> {
    let temporary = folder.join("wals.json.tmp");
    fs::write(&temporary, encode(entries))?;
    fs::rename(temporary, folder.join("wals.json"))
}

/// The same on a disk of a store; says how many bytes that wrote.
pub(super) fn rewrite_on(disk: &dyn Disk, entries: usize) -> io::Result<u64> {
    let bytes = encode(entries);
    let path = "wals.json";
    match disk.remove(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    disk.create_new(path)?.write_at(0, &bytes)?;
    Ok(bytes.len() as u64)
}
