//! The index of the original: one JSON file with an entry for each recording, written anew with
//! every change.

use std::fs;
use std::io;
use std::path::Path;

use earmark_store::Disk;
use serde_json::json;

/// The bytes of the index of so many recordings, each as long as one of the original's.
pub(super) fn encode(entries: usize) -> Vec<u8> {
    let entry = |number: usize| {
        json!({
            "id": format!("omi_opus_fs320_16000_1_fs320_{number:012}"),
            "device": "D4:3A:2C:11:90:7E", "deviceModel": "Omi DevKit 2", "codec": "opus_fs320",
            "channel": 1, "sampleRate": 16_000, "seconds": 60, "frames": 6_000,
            "status": "miss", "storage": "disk", "timerStart": 1_775_260_800 + number,
            "filePath": format!("audio_device_opus_fs320_16000_1_fs320_{number:012}.bin"),
            "conversationId": "4f6f2c0e-9d0b-4e0e-8a53-0f7d5f1c2b3a", "retryCount": 0,
            "isSyncing": false, "syncStartedAt": null, "syncEtaSeconds": null,
            "syncSpeedKBps": null, "totalFrames": 6_000, "syncedFrameOffset": 0,
            "data": null, "fileNum": 1, "jobId": null,
        })
    };
    serde_json::Value::from_iter((0..entries).map(entry)).to_string().into_bytes()
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
