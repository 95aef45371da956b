//! The bytes of a journal record that holds frames.
//!
//! Little-endian: capture (incarnation `u32`, number `u32`), first number `u64`, capture time of
//! the first `i64` µs, count `u32`; then for each frame the µs since the frame before (zigzag
//! LEB128), its length (LEB128) and its bytes.

use earmark_core::{CaptureId, Frame, FrameSeq, WallTime};

use crate::record::FrameSpan;

/// Bytes before the first frame.
pub(crate) const FRAMES_HEADER_BYTES: usize = 28;
const VARINT_BYTES_MAX: usize = 10;

/// A payload is no well-formed list of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list of frames ends or breaks at byte {0}")]
pub(crate) struct Malformed(pub(crate) usize);

/// Appends the fixed part; the count is that of the span.
pub(crate) fn put_header(span: &FrameSpan, out: &mut Vec<u8>) {
    out.extend_from_slice(&span.capture.incarnation().to_le_bytes());
    out.extend_from_slice(&span.capture.number().to_le_bytes());
    out.extend_from_slice(&span.first.0.to_le_bytes());
    out.extend_from_slice(&span.first_at.unix_micros().to_le_bytes());
    out.extend_from_slice(&span.count.to_le_bytes());
}

/// Appends one frame that was captured after a frame of the time `before`.
pub(crate) fn put_frame(before: WallTime, frame: &Frame, out: &mut Vec<u8>) {
    let delta = frame.at.unix_micros().wrapping_sub(before.unix_micros());
    put_varint(zigzag(delta), out);
    put_varint(frame.bytes.len() as u64, out);
    out.extend_from_slice(&frame.bytes);
}

/// At most so many bytes [`put_frame`] appends.
pub(crate) const fn frame_bytes_max(frame: &Frame) -> usize {
    2 * VARINT_BYTES_MAX + frame.bytes.len()
}

/// Reads the description of the frames, after walking over all of them.
pub(crate) fn span(payload: &[u8]) -> Result<FrameSpan, Malformed> {
    let mut walk = Walk::new(payload)?;
    let mut last_at = walk.first_at;
    while let Some(frame) = walk.next()? {
        last_at = frame.at;
    }
    Ok(FrameSpan {
        capture: walk.capture,
        first: walk.first,
        count: walk.count,
        first_at: walk.first_at,
        last_at,
    })
}

/// A frame that still lies in its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRef<'a> {
    pub(crate) seq: FrameSeq,
    pub(crate) at: WallTime,
    pub(crate) bytes: &'a [u8],
}

/// Walks over the frames of a payload.
pub(crate) struct Walk<'a> {
    pub(crate) capture: CaptureId,
    pub(crate) first: FrameSeq,
    pub(crate) count: u32,
    pub(crate) first_at: WallTime,
    payload: &'a [u8],
    position: usize,
    done: u32,
    at: WallTime,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Result<Self, Malformed> {
        let word = |from: usize| payload.get(from..from + 4).and_then(|b| b.try_into().ok());
        let long = |from: usize| payload.get(from..from + 8).and_then(|b| b.try_into().ok());
        let short = Malformed(payload.len());
        let number = |from: usize| word(from).map(u32::from_le_bytes).ok_or(short);
        let at = WallTime::from_unix_micros(long(16).map(i64::from_le_bytes).ok_or(short)?);
        let first = FrameSeq(long(8).map(u64::from_le_bytes).ok_or(short)?);
        Ok(Self {
            capture: CaptureId::new(number(0)?, number(4)?),
            first,
            count: number(24)?,
            first_at: at,
            payload,
            position: FRAMES_HEADER_BYTES,
            done: 0,
            at,
        })
    }

    /// The next frame; none after the last, which must end where the payload ends.
    pub(crate) fn next(&mut self) -> Result<Option<FrameRef<'a>>, Malformed> {
        if self.done == self.count {
            let whole = self.position == self.payload.len();
            return if whole { Ok(None) } else { Err(Malformed(self.position)) };
        }
        let broken = Malformed(self.position);
        let delta = unzigzag(self.varint().ok_or(broken)?);
        let len = usize::try_from(self.varint().ok_or(broken)?).map_err(|_| broken)?;
        let end = self.position.checked_add(len).ok_or(broken)?;
        let bytes = self.payload.get(self.position..end).ok_or(broken)?;
        self.position = end;
        self.at = WallTime::from_unix_micros(self.at.unix_micros().wrapping_add(delta));
        let seq = self.first.plus(u64::from(self.done));
        self.done += 1;
        Ok(Some(FrameRef { seq, at: self.at, bytes }))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for place in 0..VARINT_BYTES_MAX {
            let byte = *self.payload.get(self.position)?;
            self.position += 1;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
