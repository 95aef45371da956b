//! What can be counted, and is the same on every disk: writes, syncs, bytes, pages.

use std::io;
use std::path::Path;
use std::sync::Arc;

use earmark_core::sync::UploadFacts;
use earmark_core::{Frame, RecordingId};
use earmark_store::{Disk, FsDisk, Record};

use crate::memory::MEMORY;
use crate::outcome::Outcome;
use crate::speed::contender::Contender;
use crate::speed::counting::{CountingDisk, Counts, PAGE_BYTES, Sabotage};
use crate::speed::frames::Audio;
use crate::speed::ours::{Capture, Host, Ours};
use crate::speed::policy::Policy;
use crate::speed::sheet::{Kind, Limit, Sheet};

const TOPIC: (&str, Kind) = ("Counts", Kind::Exact);
const DEVICES: usize = 100;
const FRAME_BYTES: usize = 80;
/// Frames of one device in a second.
const SECOND: usize = 100;
const SECONDS: u64 = 60;
const FEW: usize = 100;
const MANY: usize = 2_000;

/// Bytes for the device, for each byte of audio, with a sync a second.
const DEVICE_BYTES_MAX: f64 = 1.75;

/// Notes all counts of a store on this disk.
pub(super) fn measure(
    folder: &Path,
    sabotage: Option<Sabotage>,
    sheet: &mut Sheet,
) -> io::Result<()> {
    let mut bench = Bench::new(folder, sabotage)?;
    bench.commit_of_all_devices(sheet)?;
    bench.batch(sheet)?;
    bench.warm_staging(sheet)?;
    bench.change(sheet)?;
    // What a frame costs as a record of its own is told and not limited: the runtime gathers.
    let batches = ("batches", Policy::batch(SECOND), Limit::AtMost(DEVICE_BYTES_MAX));
    let each = ("each frame by itself", Policy::each(SECOND), Limit::None);
    second_by_second(folder, sabotage, batches, sheet)?;
    second_by_second(folder, sabotage, each, sheet)
}

/// A store with many devices on a disk that counts.
struct Bench {
    disk: Arc<CountingDisk>,
    host: Host,
    devices: Vec<Capture>,
    audio: Audio,
}

impl Bench {
    fn new(folder: &Path, sabotage: Option<Sabotage>) -> io::Result<Self> {
        let disk = counting(folder, "counts", sabotage)?;
        let mut host = Host::on(Arc::clone(&disk) as Arc<dyn Disk>)?;
        let devices = (0..DEVICES).map(|place| host.capture(&format!("device-{place}"))).collect();
        host.flush()?;
        Ok(Self { disk, host, devices, audio: Audio::new(10 * SECOND, FRAME_BYTES) })
    }

    fn count(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<Counts> {
        let before = self.disk.counts();
        act(self)?;
        Ok(self.disk.counts().since(before))
    }

    fn stage(&mut self, place: usize, frames: usize) {
        let frames: &[Frame] = &self.audio.frames[..frames];
        self.host.stage(&mut self.devices[place], frames);
    }

    fn commit_of_all_devices(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        let counts = self.count(|bench| {
            (0..DEVICES).for_each(|place| bench.stage(place, 1));
            bench.host.flush()
        })?;
        let limit = Limit::AtMost(1.0);
        let (writes, syncs) = (counts.writes as f64, counts.syncs as f64);
        sheet.note(TOPIC, "writes of one commit of 100 devices", (writes, ""), limit);
        sheet.note(TOPIC, "syncs of one commit of 100 devices", (syncs, ""), limit);
        Ok(())
    }

    fn batch(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        let counts = self.count(|bench| {
            bench.stage(0, 10 * SECOND);
            bench.host.flush()
        })?;
        let writes = counts.writes as f64;
        sheet.note(TOPIC, "writes of a batch of 1,000 frames", (writes, ""), Limit::AtMost(1.0));
        Ok(())
    }

    /// What staging takes from the heap once the store has seen such a second before.
    fn warm_staging(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        let mut taken = 0;
        for _ in 0..4 {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            self.stage(0, SECOND);
            taken = MEMORY.peak_usage() - before;
            self.host.flush()?;
        }
        let name = "heap that staging a second takes once warm";
        sheet.note(TOPIC, name, (taken as f64, "bytes"), Limit::AtMost(0.0));
        Ok(())
    }

    fn change(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        let few = self.change_among(FEW)?;
        let many = self.change_among(MANY)?;
        let recording = self.devices[0].recording;
        let riding = self.count(|bench| {
            bench.stage(0, 1);
            bench.host.store.stage(upload(recording));
            bench.host.flush()
        })?;
        let one = Limit::AtMost(1.0);
        sheet.note(TOPIC, "syncs of one change", (many.syncs as f64, ""), one);
        let name = "bytes of one change at 2,000 recordings for each byte at 100";
        sheet.note(TOPIC, name, (many.bytes as f64 / few.bytes as f64, ""), one);
        let name = "syncs of a change and frames together";
        sheet.note(TOPIC, name, (riding.syncs as f64, ""), one);
        Ok(())
    }

    fn change_among(&mut self, recordings: usize) -> io::Result<Counts> {
        while self.host.store.ledger().recordings.len() < recordings {
            self.host.cut(&mut self.devices[0]);
        }
        self.host.flush()?;
        self.host.keep_house()?;
        let recording = self.devices[1].recording;
        self.count(|bench| {
            bench.host.store.stage(upload(recording));
            bench.host.flush()
        })
    }
}

/// A change of where an upload stands.
pub(super) fn upload(recording: RecordingId) -> Record {
    let facts = UploadFacts { requests: 1, ..UploadFacts::new() };
    Record::Upload { recording, facts }
}

pub(super) fn counting(
    folder: &Path,
    name: &str,
    sabotage: Option<Sabotage>,
) -> io::Result<Arc<CountingDisk>> {
    let path = tempfile::TempDir::with_prefix_in(name, folder)?.keep();
    Ok(Arc::new(CountingDisk::new(FsDisk::create(&path)?, sabotage)))
}

/// A minute of one device with a sync a second, in files that served before.
fn second_by_second(
    folder: &Path,
    sabotage: Option<Sabotage>,
    (name, policy, limit): (&str, Policy, Limit),
    sheet: &mut Sheet,
) -> io::Result<()> {
    let disk = counting(folder, "minute", sabotage)?;
    let audio = Audio::new(SECOND, FRAME_BYTES);
    let mut ours = Ours::on(Arc::clone(&disk) as Arc<dyn Disk>)?;
    ours.prepare()?;
    let before = disk.counts();
    (0..SECONDS).try_for_each(|_| ours.commit(&audio, policy))?;
    let counts = disk.counts().since(before);
    let payload = (SECONDS as usize * SECOND * FRAME_BYTES) as f64;
    let journal = (counts.bytes as f64 / payload, "");
    let device = ((counts.pages * PAGE_BYTES) as f64 / payload, "");
    sheet.note(TOPIC, format!("journal bytes a payload byte, {name}"), journal, Limit::None);
    let title = format!("device bytes a payload byte at one sync a second, {name}");
    sheet.note(TOPIC, title, device, limit);
    let syncs = counts.syncs as f64 / SECONDS as f64;
    sheet.note(TOPIC, format!("syncs a second, {name}"), (syncs, ""), Limit::AtMost(1.0));
    Ok(())
}

/// Plants each way to be slow, and counts those that the limits notice.
pub(super) fn control(folder: &Path, honest: &Sheet, outcome: &mut Outcome) -> io::Result<()> {
    for sabotage in [Sabotage::SyncTwice, Sabotage::WriteInPieces, Sabotage::RewriteIndex(FEW)] {
        let mut sheet = Sheet::silent();
        measure(folder, Some(sabotage), &mut sheet)?;
        outcome.planted += 1;
        let both = sheet.figures.iter().zip(&honest.figures);
        let noticed = both.filter(|(bad, good)| !bad.is_met() && good.is_met()).count();
        outcome.caught += u64::from(noticed > 0);
        eprintln!("planted `{sabotage:?}`: {noticed} limits noticed");
    }
    Ok(())
}
