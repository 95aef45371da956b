//! Every bit flip and every truncation of a sealed recording.

use std::ops::Range;

use earmark_core::RecordingId;
use earmark_store::{
    BLOCK_BYTES, Config, Harm, Inspection, RecordingError, SimDisk, inspect, recording_path, verify,
};

use super::host::{Host, stamp};
use super::sweep::{Sweep, Swept};
use super::truth::Report;
use crate::request::Slice;

/// Bytes of the recording's file.
pub(super) const RECORDING_BYTES: usize = 65_536;
/// Frames that fill it, each with a length before it.
const FRAME_BYTES: usize = 1_020;
const FRAMES: usize = RECORDING_BYTES / (4 + FRAME_BYTES);

/// A store with one sealed recording.
pub(super) struct Sealed {
    files: Vec<(String, Vec<u8>)>,
    recording: RecordingId,
    path: String,
    file: Vec<u8>,
}

/// A disk of a worker, and how the store on it reads.
struct Place {
    disk: SimDisk,
    inspection: Inspection,
}

impl Sealed {
    pub(super) fn new() -> Self {
        let config = Config { journal_file_bytes_max: 1 << 20, ..Config::default() };
        let mut host = Host::new(config);
        let (capture, session) = host.capture("pendant");
        let recording = host.recording(capture, session);
        host.frames(capture, &[FRAME_BYTES; FRAMES]);
        host.cut(capture, recording);
        host.flush();
        host.seal(recording);
        host.stage(earmark_store::Record::CaptureClosed { capture, at: stamp() });
        host.flush();
        let path = recording_path(recording);
        let file = host.disk.contents(&path).expect("it was sealed");
        assert_eq!(file.len(), RECORDING_BYTES, "the frames fill it");
        // Its frames are nowhere else: the journal keeps what the ledger needs.
        let files = host.disk.paths().into_iter().map(|path| {
            let bytes = host.disk.contents(&path).expect("it is listed");
            (path, bytes)
        });
        Self { files: files.collect(), recording, path, file }
    }

    fn place(&self) -> Place {
        let disk = SimDisk::new(1);
        self.files.iter().for_each(|(path, bytes)| disk.plant(path, bytes));
        let inspection = inspect(&disk).expect("it can be read");
        Place { disk, inspection }
    }

    pub(super) fn flips(&self, slice: &Slice, until: f64) -> Swept {
        let cases = RECORDING_BYTES as u64 * 8;
        let sweep = Sweep { slice, name: "recording flips", cases, until };
        sweep.run(
            || self.place(),
            |place, bit| {
                place.disk.flip_bit(&self.path, bit);
                let block = bit / 8 / BLOCK_BYTES as u64;
                let checked = self.check_flip(place, block);
                place.disk.flip_bit(&self.path, bit);
                checked
            },
        )
    }

    fn check_flip(&self, place: &Place, block: u64) -> Result<(), String> {
        let range = block * BLOCK_BYTES as u64..(block + 1) * BLOCK_BYTES as u64;
        let harm = Harm::WrongContent { recording: self.recording };
        self.verify(
            &place.disk,
            Report { path: self.path.clone(), range: Some(range.clone()), harm },
        )?;
        self.read(place, range)
    }

    fn verify(&self, disk: &SimDisk, expected: Report) -> Result<(), String> {
        let found = verify(disk, &mut |_, _| ()).map_err(|error| error.to_string())?;
        let reports: Vec<Report> = found.damage.iter().map(Report::of).collect();
        if found.recordings == 0 && reports == [expected.clone()] {
            return Ok(());
        }
        Err(format!("verification says {reports:?} instead of {expected:?}"))
    }

    /// Whether the reader that an upload uses hands out nothing, and names the damaged block.
    fn read(&self, place: &Place, damaged: Range<u64>) -> Result<(), String> {
        let reader = place.inspection.reader(&place.disk, self.recording);
        let reader = reader.map_err(|error| error.to_string())?;
        let mut reader = reader.ok_or("the recording is not sealed")?;
        let mut bytes = Vec::new();
        match reader.read_block(&mut bytes) {
            Err(RecordingError::Damaged { range, .. }) if range == damaged && bytes.is_empty() => {
                Ok(())
            }
            other => Err(format!("the first block is read as {other:?}")),
        }
    }

    pub(super) fn truncations(&self, slice: &Slice, until: f64) -> Swept {
        let cases = RECORDING_BYTES as u64;
        let sweep = Sweep { slice, name: "recording truncations", cases, until };
        sweep.run(
            || self.place(),
            |place, found| {
                place.disk.plant(&self.path, &self.file[..found as usize]);
                let (recording, expected) = (self.recording, RECORDING_BYTES as u64);
                let harm = Harm::WrongLength { recording, expected, found };
                self.verify(&place.disk, Report { path: self.path.clone(), range: None, harm })?;
                match place.inspection.reader(&place.disk, recording) {
                    Err(RecordingError::WrongLength { .. }) => Ok(()),
                    other => Err(format!("the reader says {other:?}")),
                }
            },
        )
    }

    /// Whether two flips in different blocks pass for one.
    pub(super) fn control_two_blocks(&self) -> Result<(), String> {
        let place = self.place();
        place.disk.flip_bit(&self.path, 5);
        place.disk.flip_bit(&self.path, 8 * BLOCK_BYTES as u64);
        self.check_flip(&place, 0)
    }

    /// Whether a file without damage passes for one.
    pub(super) fn control_no_flip(&self) -> Result<(), String> {
        self.check_flip(&self.place(), 3)
    }
}
