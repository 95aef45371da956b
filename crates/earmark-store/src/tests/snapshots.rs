//! The bytes of a snapshot: read back, however much there is, and never believed when they are not
//! what was written.

use std::sync::Arc;

use crc32c::crc32c;
use earmark_core::Device;

use super::world::World;
use crate::disk::DiskFile;
use crate::format::{NUMBER_MAX, PAYLOAD_BYTES_MAX, VERSION};
use crate::ledger::Item;
use crate::snapshot::{self, SnapshotFault};
use crate::{Disk, DiskOp, Ledger, Record, SimDisk, Totals, Work};

const HEADER_BYTES: usize = 64;

/// A snapshot of such a payload, whole as far as its checksums can tell.
fn of_payload(covered: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..8].copy_from_slice(b"EARMARKS");
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&crc32c(payload).to_le_bytes());
    bytes[16..24].copy_from_slice(&covered.to_le_bytes());
    bytes[24..32].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let crc = crc32c(&bytes[..60]);
    bytes[60..].copy_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The length of a piece, and a piece with zeros behind it up to so many bytes.
fn piece(len: usize) -> Vec<u8> {
    let mut bytes = (len as u32).to_le_bytes().to_vec();
    let totals = Item::Totals(Totals { uploaded_frames: 9, ..Totals::default() }, 7);
    bytes = postcard::to_extend(&totals, bytes).expect("it can be written");
    bytes.resize(4 + len, 0);
    bytes
}

fn file_of(bytes: &[u8]) -> Arc<dyn DiskFile> {
    let disk = SimDisk::new(1);
    disk.create_dir("snapshots").expect("it can be made");
    disk.plant("snapshots/a", bytes);
    disk.open("snapshots/a").expect("it is there")
}

/// A ledger that no buffer holds.
fn large() -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..4_000 {
        let device = Device::new(&format!("device {number:040}")).expect("a short name");
        ledger.apply(&Record::MuteSet { device, muted: true });
    }
    ledger
}

#[test]
fn a_ledger_that_is_larger_than_any_buffer_reads_back_and_takes_few_writes() {
    let disk = SimDisk::new(1);
    disk.create_dir("snapshots").expect("it can be made");
    disk.start_log();
    snapshot::write(&disk, &large(), 5).expect("the disk is healthy");
    let writes = disk.take_asked().iter().filter(|(op, _)| *op == DiskOp::Write).count();
    let path = disk.paths().pop().expect("it was written");
    let file = disk.open(&path).expect("it is there");
    let (ledger, covered) = snapshot::read(file.as_ref()).expect("it is whole");
    assert!((ledger == large(), covered) == (true, 5));
    assert_eq!(snapshot::check(file.as_ref()).expect("it is whole"), 5);
    let len = file.len().expect("it has a length");
    assert!(len > 3 * (64 << 10) && writes as u64 <= 2 + len / (64 << 10), "{len}, {writes}");
}

#[test]
fn every_flipped_bit_of_a_snapshot_is_found() {
    let mut world = World::new();
    world.sealed_recording(20);
    world.store.want_snapshot();
    world.run(Work::Snapshot).expect("the disk is healthy").expect("it is due");
    let path = world.disk.paths().into_iter().find(|path| path.starts_with("snapshots/"));
    let path = path.expect("there is one");
    let file = world.disk.open(&path).expect("it is there");
    snapshot::read(file.as_ref()).expect("it is whole");
    for bit in 0..8 * file.len().expect("it has a length") {
        assert!(world.disk.flip_bit(&path, bit));
        assert!(snapshot::read(file.as_ref()).is_err(), "bit {bit}");
        assert!(snapshot::check(file.as_ref()).is_err(), "bit {bit}");
        assert!(world.disk.flip_bit(&path, bit));
    }
}

#[test]
fn a_number_that_no_store_lives_to_see_is_not_believed() {
    let highest = file_of(&of_payload(NUMBER_MAX, &piece(20)));
    assert_eq!(snapshot::check(highest.as_ref()).expect("it is whole"), NUMBER_MAX);
    let beyond = file_of(&of_payload(NUMBER_MAX + 1, &piece(20)));
    assert!(matches!(snapshot::check(beyond.as_ref()), Err(SnapshotFault::Damaged)));
}

#[test]
fn a_piece_as_long_as_the_longest_record_is_believed_and_a_longer_one_is_not() {
    let longest = file_of(&of_payload(3, &piece(PAYLOAD_BYTES_MAX)));
    let (ledger, _) = snapshot::read(longest.as_ref()).expect("it is whole");
    assert_eq!((ledger.highest_id, ledger.totals.uploaded_frames), (7, 9));
    let longer = file_of(&of_payload(3, &piece(PAYLOAD_BYTES_MAX + 1)));
    assert!(matches!(snapshot::read(longer.as_ref()), Err(SnapshotFault::Damaged)));
}

#[test]
fn a_last_piece_that_says_it_is_longer_than_it_is_is_damage() {
    let mut payload = piece(20);
    payload.extend(&piece(40)[..30]);
    let file = file_of(&of_payload(3, &payload));
    assert!(matches!(snapshot::read(file.as_ref()), Err(SnapshotFault::Damaged)));
}

#[test]
fn recordings_that_are_read_back_share_the_names_of_their_capture() {
    let mut world = World::new();
    let (capture, session) = world.capture();
    let recording = world.cut_recording(capture, session, 5);
    world.flush();
    world.store.want_snapshot();
    world.run(Work::Snapshot).expect("the disk is healthy").expect("it is due");
    let path = world.disk.paths().into_iter().find(|path| path.starts_with("snapshots/"));
    let file = world.disk.open(&path.expect("there is one")).expect("it is there");
    let (ledger, _) = snapshot::read(file.as_ref()).expect("it is whole");
    let (own, owner) = (&ledger.recordings[&recording], &ledger.captures[&capture]);
    assert!(std::ptr::eq(own.device.as_str(), owner.device.as_str()));
    assert!(std::ptr::eq(own.account.as_str(), owner.account.as_str()));
}
