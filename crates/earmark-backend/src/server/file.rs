//! A file of an upload: what the server keeps of it, and whether it is audio.

use earmark_core::Codec;
use earmark_wire::frames;
use sha2::{Digest, Sha256};

use super::{file_name, hex};
use crate::audio::Decoder;

/// A file that was received whole. Its audio is looked at once and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFile {
    name: String,
    sha256: String,
    contents: Contents,
}

impl ReceivedFile {
    /// Looks at a file: hashes it, counts its frames and, if wanted, decodes them.
    pub fn inspect(name: &str, bytes: &[u8], decode: bool) -> Self {
        Self {
            name: String::from(name),
            sha256: hex(&Sha256::digest(bytes)),
            contents: Contents::of(bytes, decode.then(|| file_name::codec(name))),
        }
    }

    /// The name that the request gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of it, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whole records in it, up to the first that is torn or none.
    pub const fn frames(&self) -> u64 {
        self.contents.frames
    }

    /// How many of them cannot be decoded; 0 when nobody tried.
    pub const fn undecodable(&self) -> u64 {
        self.contents.undecodable
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Contents {
    frames: u64,
    undecodable: u64,
}

impl Contents {
    fn of(file: &[u8], codec: Option<Codec>) -> Self {
        let mut decoder = codec.map(Decoder::new);
        let mut contents = Self::default();
        for frame in frames(file).map_while(Result::ok) {
            contents.frames += 1;
            let decoded = decoder.as_mut().map(|decoder| decoder.decode(frame));
            contents.undecodable += u64::from(decoded.is_some_and(|result| result.is_err()));
        }
        contents
    }
}

#[cfg(test)]
mod tests {
    use earmark_wire::encode_frame_header;

    use super::*;
    use crate::audio::{FrameCoder, Tone};

    fn file(frames: &[&[u8]]) -> Vec<u8> {
        let length = |frame: &[u8]| u32::try_from(frame.len()).unwrap();
        frames
            .iter()
            .flat_map(|frame| [&encode_frame_header(length(frame))[..], frame].concat())
            .collect()
    }

    #[test]
    fn real_opus_is_decodable_and_noise_is_counted() {
        let samples = Tone::new(440.0).unwrap().samples(1_600);
        let mut frames = FrameCoder::new(Codec::Opus).push(&samples).unwrap();
        frames.push(vec![0xff; 80]);
        let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let contents = Contents::of(&file(&frames), Some(Codec::Opus));
        assert_eq!((contents.frames, contents.undecodable), (11, 1));
    }

    #[test]
    fn pcm_of_another_size_than_its_frames_is_undecodable() {
        let contents = Contents::of(&file(&[&[0; 320], &[0; 319]]), Some(Codec::Pcm16));
        assert_eq!((contents.frames, contents.undecodable), (2, 1));
    }

    #[test]
    fn counting_stops_at_a_torn_record() {
        let mut bytes = file(&[&[1], &[2], &[3, 3]]);
        bytes.pop();
        assert_eq!(Contents::of(&bytes, None).frames, 2);
        assert_eq!(Contents::of(&[], None).frames, 0);
    }
}
