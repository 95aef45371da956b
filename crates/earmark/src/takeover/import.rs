//! An app's audio becomes recordings.

use std::io;

use bytes::Bytes;
use earmark_core::{Account, Encoding, Frame, Stamp, WallTime};
use earmark_store::{AdoptError, Adopted, Adopter, Disk, read_whole};
use earmark_wire::{FileFault, WalEntry, WalKeys, WalStatus, encode_wals, frames, read_wals};

use super::describe::word;
use super::folder::{AppFolder, Item};
use super::{AUDIO_FILE_BYTES_MAX, Fate, Told};

impl AppFolder {
    /// Has a store adopt everything that can be, the oldest first. `folder` is the one that was
    /// read. `tell` hears of each recording when what it hears is durable, and how many are done;
    /// it ends the takeover by an error of its own.
    ///
    /// # Errors
    ///
    /// [`AdoptError`] of the store, as `E`, or what `tell` says; another try goes on.
    pub fn adopt<E: From<AdoptError>>(
        &self,
        folder: &dyn Disk,
        adopter: &mut Adopter,
        account: &Account,
        at: Stamp,
        tell: &mut dyn FnMut(usize, Told) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(rest) = self.rest_text(adopter.kept()?, at.wall) {
            adopter.keep(&rest)?;
        }
        for (done, item) in self.items.iter().enumerate() {
            let told = match (&item.name, &item.entry) {
                (Some(name), _) if item.is_there => {
                    take_over(item, name, folder, adopter, (account, at))?
                }
                (_, Some(entry)) => without_audio(item, entry),
                (_, None) => continue,
            };
            tell(done + 1, told)?;
        }
        Ok(())
    }

    /// What is kept for the app that belongs to no recording: the list's own keys, and entries
    /// whose audio is still on a device. None when it is what was kept before.
    fn rest_text(&self, before: Option<String>, at: WallTime) -> Option<String> {
        let old = read_wals(before.as_deref().unwrap_or_default().as_bytes());
        let told: Vec<_> = self.items.iter().filter_map(|item| item.entry.as_ref()).collect();
        let is_told = |entry: &WalEntry| {
            told.iter()
                .any(|one| (&one.device, one.started_at) == (&entry.device, entry.started_at))
        };
        let stays = old.entries.iter().filter(|entry| !is_told(entry));
        let is_bare = |item: &&Item| !item.is_there;
        let bare = self.items.iter().filter(is_bare).filter_map(|item| item.entry.as_ref());
        let held = bare.filter(|entry| entry.storage.is_on_device());
        let entries: Vec<WalKeys> = stays.chain(held).map(|entry| entry.keys.clone()).collect();
        let mut rest = old.rest;
        rest.extend(&self.rest);
        if entries.is_empty() && rest.is_empty() && before.is_none() {
            return None;
        }
        String::from_utf8(encode_wals(at, &rest, &entries)).ok()
    }
}

/// An entry whose audio is not in the folder.
fn without_audio(item: &Item, entry: &WalEntry) -> Told {
    let (fate, note) = match (entry.storage.is_on_device(), entry.status, &item.name) {
        (true, _, _) => (Fate::OnDevice, "its audio is still on the device"),
        (false, WalStatus::Synced, _) => (Fate::Settled, "the server has it; its audio is gone"),
        (false, WalStatus::Corrupted, _) => (Fate::Settled, "the app had lost its audio before"),
        (
            false,
            WalStatus::InProgress
            | WalStatus::Miss
            | WalStatus::Uploaded
            | WalStatus::OutsideRecoveryWindow,
            name,
        ) => match name {
            Some(_) => (Fate::Missing, "its file is not there"),
            None => (Fate::Missing, "its audio was never written to a file of its own"),
        },
    };
    let start = item.started_at().map(|at| at.unix_seconds());
    let note = match (&item.name, start) {
        (None, Some(start)) => format!("recorded at {start} s: {note}"),
        (Some(_), _) | (None, None) => note.to_owned(),
    };
    let conversation = entry.conversation.clone();
    Told { conversation, ..Told::new(item.name.as_deref(), fate, Some(note)) }
}

fn take_over(
    item: &Item,
    name: &str,
    folder: &dyn Disk,
    adopter: &mut Adopter,
    (account, at): (&Account, Stamp),
) -> Result<Told, AdoptError> {
    let refused = |reason: String| Told::new(Some(name), Fate::Refused, Some(reason));
    let adoption = match item.adoption(name, account, at) {
        Ok(adoption) => adoption,
        Err(reason) => return Ok(refused(reason)),
    };
    let file = match read_audio(folder, name) {
        Ok(file) => file,
        Err(reason) => return Ok(refused(reason)),
    };
    let audio = split(&file, adoption.encoding, adoption.started_at);
    if audio.frames.is_empty() {
        return Ok(refused(String::from("it holds no whole frame")));
    }
    let adopted = adopter.adopt(&adoption, &audio.frames, at)?;
    let (outcome, recording) = match adopted {
        Adopted::New(recording) => (Fate::Adopted, recording),
        Adopted::Known(recording) => (Fate::Known, recording),
        Adopted::Gone(recording) => (Fate::Gone, recording),
    };
    let is_new = outcome == Fate::Adopted;
    Ok(Told {
        recording: Some(recording),
        status: is_new.then(|| word(&adoption.upload)),
        conversation: adoption.conversation,
        attempts: adoption.upload.attempts,
        frames: audio.frames.len() as u64,
        ..Told::new(Some(name), outcome, audio.note)
    })
}

fn read_audio(folder: &dyn Disk, name: &str) -> Result<Bytes, String> {
    let read = folder.open(name).and_then(|file| read_whole(file.as_ref(), AUDIO_FILE_BYTES_MAX));
    read.map(Bytes::from).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            String::from("its file has gone meanwhile")
        } else {
            format!("it cannot be read: {error}")
        }
    })
}

struct Audio {
    frames: Vec<Frame>,
    /// What of the file is no frame, in words.
    note: Option<String>,
}

/// The frames of a file, up to where it stops being one.
fn split(file: &Bytes, encoding: Encoding, started_at: WallTime) -> Audio {
    let mut audio = Audio { frames: Vec::new(), note: None };
    let (pace, mut taken) = (encoding.codec.frame_duration(), 0);
    for frame in frames(file) {
        match frame {
            Ok(bytes) => {
                let count = u32::try_from(audio.frames.len()).unwrap_or(u32::MAX);
                let at = started_at + pace.saturating_mul(count);
                audio.frames.push(Frame { at, bytes: file.slice_ref(bytes) });
                taken += bytes.len() + earmark_wire::FRAME_HEADER_BYTES;
            }
            Err(fault) => audio.note = Some(left_out(fault, file.len() - taken)),
        }
    }
    audio
}

fn left_out(fault: FileFault, bytes: usize) -> String {
    format!("{fault}; the last {bytes} bytes are left out")
}
