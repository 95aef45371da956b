//! What devices capture, when their sockets are up, and what people do with them.

use earmark_core::{Account, Codec, Encoding};
use earmark_sim::feed::{Action, Selector};

use super::super::kinds::FaultKind;
use super::super::story::{Pendant, SECOND, Story};

/// The frames of a world, all devices together, after which no further burst begins.
const FRAMES_MAX: u64 = 1_200;
/// The frames of a burst that is long enough to be cut for its length.
const LONG_BURST: u64 = 6_200;

/// Captures, each with bursts of frames and silences.
pub(super) fn captures(story: &mut Story) {
    let mut left = FRAMES_MAX;
    for pendant in story.pendants.clone() {
        let mut at = story.dice.below(story.end / 3 + 1);
        let mut pendant = pendant;
        while at < story.end && left > 0 {
            let stop = at + story.dice.between(3, 120) * SECOND;
            let stop = stop.min(story.end);
            let is_last = story.dice.percent(40);
            let until = if is_last { story.end } else { stop };
            left = left.saturating_sub(capture(story, &pendant, (at, until), left));
            if !is_last {
                stop_capture(story, &pendant, stop);
            }
            if is_last {
                break;
            }
            at = stop + story.dice.below(200) * SECOND / 2;
            pendant = next(story, pendant);
        }
    }
}

/// The next capture of a device may be for another account, or send something else.
fn next(story: &mut Story, mut pendant: Pendant) -> Pendant {
    if story.has(FaultKind::UserSwitch) && story.dice.percent(60) {
        pendant.account = Account::new("guest").expect("short enough");
    }
    if story.dice.percent(10) {
        pendant.encoding = Encoding::mono_16k(Codec::OpusFs320);
    }
    pendant
}

fn start(story: &mut Story, pendant: &Pendant, at: u64) {
    let Pendant { device, account, encoding } = pendant.clone();
    story.tell(at, Action::CaptureStart { device, account, encoding });
}

fn stop_capture(story: &mut Story, pendant: &Pendant, at: u64) {
    let device = pendant.device.clone();
    if story.has(FaultKind::Disconnect) && story.dice.percent(50) {
        // The device is gone amid its frames.
        story.frames(at, pendant, 50, frame_bytes(pendant));
        return story.tell(at + SECOND / 5, Action::CaptureStop { device });
    }
    story.tell(at, Action::CaptureStop { device });
}

/// One capture; how many frames it has. After a death of the process it is started anew.
fn capture(story: &mut Story, pendant: &Pendant, (from, until): (u64, u64), left: u64) -> u64 {
    start(story, pendant, from);
    for up in story.ups_within(from + 1, until) {
        start(story, pendant, up);
    }
    let (mut at, mut frames) = (from, 0);
    while at < until && frames < left {
        at += burst(story, pendant, at, &mut frames);
        at += match story.dice.below(10) {
            0..=5 => story.dice.below(1_500_000),
            6..=7 => story.dice.between(2, 8) * SECOND,
            8 => story.dice.between(8, 60) * SECOND,
            _ => story.dice.between(100, 200) * SECOND,
        };
    }
    switch(story, pendant, (from, until));
    frames
}

/// A burst of frames; how long it lasts, in microseconds.
fn burst(story: &mut Story, pendant: &Pendant, at: u64, frames: &mut u64) -> u64 {
    let rate = u64::from(pendant.encoding.codec.frames_per_second());
    let count = match story.dice.below(100) {
        0..=39 => story.dice.between(1, 40),
        40..=96 => story.dice.between(40, 250),
        97..=98 => story.dice.between(250, 1_000),
        _ if story.dice.percent(30) => LONG_BURST,
        _ => story.dice.between(1, 3),
    };
    let bytes = frame_bytes(pendant);
    story.frames(at, pendant, count, bytes);
    *frames += count;
    let lasts = count * SECOND / rate;
    oddities(story, pendant, at + lasts);
    lasts
}

/// Frames that come twice, or late.
fn oddities(story: &mut Story, pendant: &Pendant, at: u64) {
    if story.has(FaultKind::DuplicateFrame) && story.dice.percent(40) {
        let (data, device) = (story.single(pendant), pendant.device.clone());
        for _ in 0..2 {
            story.tell(at, Action::Frame { device: device.clone(), data: data.clone() });
        }
    }
    if story.has(FaultKind::LateFrame) && story.dice.percent(40) {
        let (data, device) = (story.single(pendant), pendant.device.clone());
        let micros = story.dice.between(1, 3_000_000);
        story.tell(at, Action::FrameLate { device, data, micros });
    }
}

/// Amid a capture the device begins another one.
fn switch(story: &mut Story, pendant: &Pendant, (from, until): (u64, u64)) {
    let mut other = pendant.clone();
    if story.has(FaultKind::CodecChange) {
        let codec =
            if pendant.encoding.codec == Codec::Opus { Codec::OpusFs320 } else { Codec::Opus };
        other.encoding = Encoding::mono_16k(codec);
    }
    if story.has(FaultKind::UserSwitch) && story.dice.percent(50) {
        other.account = Account::new("guest").expect("short enough");
    }
    if (&other.encoding, &other.account) != (&pendant.encoding, &pendant.account) {
        let at = story.dice.between(from, until);
        start(story, &other, at);
        let count = story.dice.between(20, 200);
        story.frames(at, &other, count, frame_bytes(&other));
    }
}

fn frame_bytes(pendant: &Pendant) -> usize {
    pendant.encoding.frame_bytes().unwrap_or(80)
}

/// Live sockets come up and go down.
pub(super) fn sockets(story: &mut Story) {
    for pendant in story.pendants.clone() {
        if story.dice.percent(15) {
            continue;
        }
        let mut at = story.dice.below(story.end / 4 + 1);
        while at < story.end {
            let device = pendant.device.clone();
            story.tell(at, Action::SocketUp { device: device.clone() });
            let until = at + story.dice.between(2, 300) * SECOND;
            for up in story.ups_within(at + 1, until) {
                if story.dice.percent(80) {
                    story.tell(up + SECOND / 10, Action::SocketUp { device: device.clone() });
                }
            }
            if until >= story.end {
                break;
            }
            let code = if story.dice.percent(70) { 1_006 } else { 1_001 };
            story.tell(until, Action::SocketDown { device, code });
            at = until + story.dice.below(60) * SECOND + SECOND / 3;
        }
    }
}

/// People mute, finish, delete and try again.
pub(super) fn people(story: &mut Story) {
    for _ in 0..story.dice.below(3) {
        let (pendant, at) = (story.pendant(), story.moment_alive());
        let device = pendant.device;
        match story.dice.below(12) {
            0..=2 => {
                let lasts = story.dice.between(1, 20) * SECOND;
                story.tell(at, Action::Mute { device: device.clone() });
                story.tell((at + lasts).min(story.end), Action::Unmute { device });
            }
            3..=6 => story.tell(at, Action::UserFinish { device }),
            7..=8 => story.tell(at, Action::UserRetry { recordings: Selector::All }),
            9 => story.tell(at, Action::UserDelete { recordings: Selector::All }),
            _ => {}
        }
    }
}
