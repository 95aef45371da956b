//! The files of sealed recordings against their seals.

use std::io;
use std::sync::Arc;

use earmark_core::RecordingId;
use earmark_core::sync::UploadStage;

use super::audio::{self, Difference};
use crate::damage::{Cost, Damage, Harm, LostAudio};
use crate::disk::{Disk, read_what_can_be};
use crate::layout;
use crate::ledger::RecordingFacts;
use crate::reader::{RecordingError, RecordingReader};
use crate::record::Seal;
use crate::sums::{self, SumsFault};

/// The longest file of which it is told what is lost.
pub(super) const FILE_BYTES_READ_MAX: u64 = 1 << 28;

/// What a look at one file has found.
pub(super) enum Look {
    /// It is as it was sealed.
    Sound,
    /// It is not there.
    Missing,
    /// It is damaged.
    Damaged(Damage),
    /// This process may not read the file, which says nothing about it.
    Forbidden(String, io::Error),
}

/// Reads one file against its seal.
pub(super) fn check(
    disk: &dyn Disk,
    recording: RecordingId,
    facts: &RecordingFacts,
    seal: &Arc<Seal>,
) -> Look {
    let read = RecordingReader::open_seal(disk, recording, seal);
    let verified = read.and_then(|mut reader| {
        reader.verify()?;
        Ok(reader.kept_sums().err())
    });
    match verified {
        Ok(None) => Look::Sound,
        Ok(Some(SumsFault::Io(error))) if is_forbidden(&error) => {
            Look::Forbidden(layout::sums_path(recording), error)
        }
        Err(RecordingError::Io { error, .. }) if is_forbidden(&error) => {
            Look::Forbidden(layout::recording_path(recording), error)
        }
        Ok(Some(fault)) => Look::Damaged(without_sums(recording, &fault)),
        Err(RecordingError::Missing { .. }) => Look::Missing,
        Err(RecordingError::WrongLength { expected, found, .. }) => {
            let harm = Harm::WrongLength { recording, expected, found };
            let damage = Damage::new(layout::recording_path(recording), None, harm);
            let lost = compare(disk, recording, seal).ok();
            let lost = lost.map(|(found, _)| (found.frames, found.at_most));
            Look::Damaged(Damage { cost: Some(cost(recording, facts, lost)), ..damage })
        }
        Err(RecordingError::Damaged { .. } | RecordingError::Io { .. }) => {
            let damage = differing(disk, recording, facts, seal);
            Look::Damaged(damage.unwrap_or_else(|reason| {
                let damage = Damage::unreadable(layout::recording_path(recording), reason);
                Damage { cost: Some(cost(recording, facts, None)), ..damage }
            }))
        }
    }
}

fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// The recording is whole, but the checksums of its blocks are not.
fn without_sums(recording: RecordingId, fault: &SumsFault) -> Damage {
    let damage = Damage::unreadable(layout::sums_path(recording), fault);
    let cost = "it cost nothing: the recording is whole, and they can be made anew from it";
    Damage { cost: Some(Cost::nothing(cost)), ..damage }
}

fn differing(
    disk: &dyn Disk,
    recording: RecordingId,
    facts: &RecordingFacts,
    seal: &Arc<Seal>,
) -> io::Result<Damage> {
    let path = layout::recording_path(recording);
    let (found, is_readable) = compare(disk, recording, seal)?;
    let reason = || String::from("the disk cannot read it");
    let harm = match &found.range {
        Some(_) if !is_readable => Harm::Unreadable { reason: reason() },
        Some(_) => Harm::WrongContent { recording },
        None => Harm::WrongSum { recording },
    };
    let range = found.range.clone().or(Some(0..seal.bytes));
    let cost = Some(cost(recording, facts, Some((found.frames, found.at_most))));
    Ok(Damage { path, range, harm, cost })
}

/// How a file differs from its seal, and whether the disk could read all of it.
fn compare(disk: &dyn Disk, recording: RecordingId, seal: &Seal) -> io::Result<(Difference, bool)> {
    let file = disk.open(&layout::recording_path(recording))?;
    let (bytes, unreadable) = read_what_can_be(file.as_ref(), FILE_BYTES_READ_MAX)?;
    let kept = sums::open(disk, recording).ok();
    let sums = kept.and_then(|file| sums::read(file.as_ref(), seal).ok());
    Ok((audio::compare(&bytes, seal, sums.as_deref()), unreadable.is_empty()))
}

/// What it costs that a file is not as it was sealed: so many frames, or all of them.
pub(super) fn cost(
    recording: RecordingId,
    facts: &RecordingFacts,
    lost: Option<(u64, bool)>,
) -> Cost {
    if let UploadStage::Synced { .. } = facts.upload.stage {
        return Cost::nothing("it cost nothing but the copy here: the server has the recording");
    }
    let sealed = facts.sealed.as_ref().map_or(0, |seal| u64::from(seal.frames));
    let (frames, at_most) = lost.unwrap_or((sealed, false));
    let pace = facts.encoding.codec.frame_duration();
    let lasting = pace.saturating_mul(u32::try_from(frames).unwrap_or(u32::MAX));
    let lost = LostAudio { recording, frames, lasting, at_most };
    let audio = if frames == 0 { Vec::new() } else { vec![lost] };
    let remark = match sealed.saturating_sub(frames) {
        0 => format!("{recording} can no longer be uploaded"),
        left => format!("{recording} can no longer be uploaded; its other {left} frames are kept"),
    };
    Cost { audio, decisions: Vec::new(), remark: Some(remark) }
}
