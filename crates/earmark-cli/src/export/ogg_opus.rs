//! Ogg Opus, as RFC 7845 has it: a page with the head, a page with the tags, then the packets.

use std::io::{self, Write};

use ogg::writing::{PacketWriteEndInfo, PacketWriter};

use super::formats::Unfit;
use super::sound::Sound;

/// Positions in an Ogg Opus stream count samples of this rate, whatever the input had.
const GRANULE_RATE: u32 = 48_000;
const VERSION: u8 = 1;
/// Nothing is skipped: a recording begins in the middle of what its device has encoded, so its
/// first packet holds audio like all others, and its end in time is where the samples end.
const PRE_SKIP: u16 = 0;
const OUTPUT_GAIN: i16 = 0;
/// One stream of one or two channels.
const MAPPING_FAMILY: u8 = 0;
/// Packets on a page: players seek by pages, which hold a second of audio or less.
const PACKETS_PER_PAGE: usize = 50;
/// A file has one stream, so any number tells it from the others.
const SERIAL: u32 = 1;

pub(super) fn write(sound: &Sound<'_>, out: &mut impl Write) -> Result<(), Unfit> {
    let encoding = sound.encoding;
    if !encoding.codec.is_opus() {
        return Err(Unfit::Codec(encoding.codec));
    }
    let mut writer = PacketWriter::new(out);
    let head = head(encoding.channels, encoding.sample_rate);
    writer.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    writer.write_packet(tags()?, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    let mut granule = u64::from(PRE_SKIP);
    let step = u64::from(GRANULE_RATE / encoding.sample_rate);
    let last = sound.frames.len().saturating_sub(1);
    let samples = sound.samples().map_err(io::Error::other)?;
    for (number, (packet, samples)) in sound.frames.iter().zip(samples).enumerate() {
        granule += (samples.len() / usize::from(encoding.channels)) as u64 * step;
        let end = match number {
            number if number == last => PacketWriteEndInfo::EndStream,
            number if (number + 1) % PACKETS_PER_PAGE == 0 => PacketWriteEndInfo::EndPage,
            _ => PacketWriteEndInfo::NormalPacket,
        };
        writer.write_packet(&**packet, SERIAL, end, granule)?;
    }
    Ok(())
}

fn head(channels: u8, sample_rate: u32) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend([VERSION, channels]);
    head.extend(PRE_SKIP.to_le_bytes());
    head.extend(sample_rate.to_le_bytes());
    head.extend(OUTPUT_GAIN.to_le_bytes());
    head.push(MAPPING_FAMILY);
    head
}

/// Who wrote it, and no comment: a file that is handed on tells nothing of its person.
fn tags() -> io::Result<Vec<u8>> {
    let vendor = concat!("earmark ", env!("CARGO_PKG_VERSION"));
    let length = u32::try_from(vendor.len()).map_err(io::Error::other)?;
    let mut tags = b"OpusTags".to_vec();
    tags.extend(length.to_le_bytes());
    tags.extend(vendor.as_bytes());
    tags.extend(0_u32.to_le_bytes());
    Ok(tags)
}
