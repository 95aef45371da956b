//! Sealed recordings, which only a store can make.

use std::sync::Arc;

use bytes::Bytes;
use earmark_core::{
    Account, BootId, Codec, Device, Encoding, Frame, FrameSeq, Moment, Stamp, WallTime,
};
use earmark_store::{Config, Outcome, Record, SealedRecording, SimDisk, Store, Work};

use super::NOW;

/// The last of `earlier + 1` recordings that differ in nothing a file name says.
pub(super) fn sealed(device: &str, account: &str, earlier: u32) -> SealedRecording {
    let disk = Arc::new(SimDisk::new(1));
    let mut dice = 0;
    let mut entropy = || {
        dice += 1;
        dice
    };
    let opened = Store::open(disk, Config::default(), &mut entropy, stamp());
    let (mut store, _) = opened.expect("an empty disk opens");
    let mut last = None;
    for _ in 0..=earlier {
        last = Some(seal_one(&mut store, device, account));
    }
    last.expect("at least one was sealed")
}

fn stamp() -> Stamp {
    let wall = WallTime::from_unix_micros(NOW);
    Stamp { boot: BootId::from_u128(1), moment: Moment::ZERO, wall }
}

fn seal_one(store: &mut Store, device: &str, account: &str) -> SealedRecording {
    let (capture, session) = (store.next_capture(), store.next_session());
    let (at, first) = (stamp(), FrameSeq(0));
    store.stage(Record::CaptureOpened {
        capture,
        device: Device::new(device).expect("short enough"),
        account: Account::new(account).expect("short enough"),
        encoding: Encoding::mono_16k(Codec::Opus),
        at,
    });
    store.stage(Record::SessionOpened { session, capture, first, at });
    let recording = store.next_recording();
    store.stage(Record::RecordingOpened { recording, session, capture, first });
    let frame = Frame { at: at.wall, bytes: Bytes::from_static(&[7; 80]) };
    store.stage_frames(capture, first, &[frame]);
    store.stage(Record::RecordingCut { recording, end: FrameSeq(1) });
    run(store, Work::Write);
    run(store, Work::Sync);
    let Some(Outcome::Sealed { seal, .. }) = run(store, Work::Seal(recording)) else {
        panic!("{recording} was not sealed");
    };
    store.stage(Record::Sealed { recording, seal });
    run(store, Work::Write);
    run(store, Work::Sync);
    store.sealed(recording).expect("it is sealed")
}

fn run(store: &mut Store, work: Work) -> Option<Outcome> {
    let job = store.begin(work)?;
    Some(store.end(job.run()).expect("the disk is healthy"))
}
