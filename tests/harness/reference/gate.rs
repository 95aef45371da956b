//! Which frames are taken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use earmark_core::ingest::{HELD_BYTES_MAX, Rejection};
use earmark_core::{Codec, Device, Encoding, FRAME_BYTES_MAX, FrameFault};

use super::observation::{Answer, SourceName};
use super::{Disagreement, ensure};

/// What frames must pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    running: BTreeMap<SourceName, Encoding>,
    muted: BTreeSet<Device>,
    /// Why the store takes no frames, in words.
    refusal: Option<String>,
    /// The frames that are not acknowledged as durable, oldest first, with their sizes.
    held: VecDeque<(SourceName, usize)>,
    /// How many of them each source has, and how many bytes those are.
    sums: BTreeMap<SourceName, (u64, usize)>,
}

impl Gates {
    /// A capture begins; whose captures have ended by that.
    pub(super) fn start(&mut self, source: &SourceName, encoding: Encoding) -> Vec<SourceName> {
        let is_other = |one: &&SourceName| one.device == source.device && *one != source;
        let others: Vec<SourceName> = self.running.keys().filter(is_other).cloned().collect();
        for other in &others {
            self.running.remove(other);
        }
        self.running.insert(source.clone(), encoding);
        others
    }

    pub(super) fn stop(&mut self, source: &SourceName) {
        self.running.remove(source);
    }

    pub(super) fn mute(&mut self, device: &Device, muted: bool) {
        if muted {
            self.muted.insert(device.clone());
        } else {
            self.muted.remove(device);
        }
    }

    pub(super) fn refuse(&mut self, reason: Option<&String>) {
        self.refusal = reason.cloned();
    }

    /// The answer to a frame of so many bytes; one that is taken is held from then on.
    pub(super) fn answer(&mut self, source: &SourceName, bytes: usize) -> Answer {
        let Some(encoding) = self.running.get(source) else {
            return rejected(&Rejection::NotCapturing);
        };
        if let Some(fault) = fault(*encoding, bytes) {
            return rejected(&Rejection::Fault(fault));
        }
        if self.muted.contains(&source.device) {
            return Answer::Muted;
        }
        if let Some(reason) = &self.refusal {
            return Answer::Rejected(reason.clone());
        }
        let (frames, held) = self.sums.entry(source.clone()).or_default();
        if *held + bytes > HELD_BYTES_MAX {
            return rejected(&Rejection::Full);
        }
        (*frames, *held) = (*frames + 1, *held + bytes);
        self.held.push_back((source.clone(), bytes));
        Answer::Taken
    }

    /// How many frames of a source are not acknowledged.
    pub(super) fn held_frames(&self, source: &SourceName) -> u64 {
        self.sums.get(source).map_or(0, |(frames, _)| *frames)
    }

    /// All but so many frames are durable.
    pub(super) fn acknowledge(&mut self, in_memory: u64) -> Result<(), Disagreement> {
        let (held, left) = (self.held.len() as u64, in_memory);
        ensure(left <= held, || {
            format!("{left} frames are said not to be durable, and only {held} were taken")
        })?;
        for _ in left..held {
            let durable = self.held.pop_front();
            let sum = durable.and_then(|(of, bytes)| Some((self.sums.get_mut(&of)?, bytes)));
            if let Some(((frames, held), bytes)) = sum {
                (*frames, *held) = (*frames - 1, *held - bytes);
            }
        }
        Ok(())
    }

    /// The process died: no capture runs, and what was not durable is the disk's affair.
    pub(super) fn begin_life(&mut self, muted: &[Device]) {
        self.running.clear();
        self.refusal = None;
        self.held.clear();
        self.sums.clear();
        self.muted = muted.iter().cloned().collect();
    }

    pub(super) const fn muted(&self) -> &BTreeSet<Device> {
        &self.muted
    }
}

fn rejected(reason: &Rejection) -> Answer {
    Answer::Rejected(reason.to_string())
}

/// What is wrong with a frame of this size.
fn fault(encoding: Encoding, bytes: usize) -> Option<FrameFault> {
    let samples = encoding.sample_rate as usize / 100 * encoding.channels as usize;
    let expected = match encoding.codec {
        Codec::Pcm16 => Some(samples * 2),
        Codec::Pcm8 => Some(samples),
        Codec::Opus | Codec::OpusFs320 => None,
    };
    match expected {
        _ if bytes == 0 => Some(FrameFault::Empty),
        Some(expected) if bytes != expected => Some(FrameFault::WrongSize { bytes, expected }),
        None if bytes > FRAME_BYTES_MAX => Some(FrameFault::TooLong { bytes }),
        Some(_) | None => None,
    }
}
