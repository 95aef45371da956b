//! How the fields of what goes wrong are read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::super::fields::{
    DISK_OPERATIONS_MAX, FILE_DAMAGE_BITS_MAX, FILE_OFFSET_BYTES_MAX, Fields, ZONE_MINUTES_MAX,
    index,
};
use super::super::super::mishap::{FileKind, SLIPS, slip_name};
use super::super::super::time::FEED_TIME_SECONDS_MAX;
use super::super::super::{Action, FeedFault};
use super::{Read, Story, times};

/// How long an orderly stop may take, in microseconds, unless a feed says otherwise.
const DEADLINE_MICROS: u64 = 5_000_000;

pub(super) fn frame_late(story: &Story<'_>, fields: &Fields<'_>) -> Read {
    let device = story.device(fields)?;
    let data = fields
        .read("data", "base64, with its padding", |value| STANDARD.decode(value.as_str()?).ok())?;
    let micros = fields.length("seconds", FEED_TIME_SECONDS_MAX, None)?;
    Ok(Action::FrameLate { device, data: data.into(), micros })
}

fn files(fields: &Fields<'_>) -> Result<FileKind, FeedFault> {
    match fields.get("files") {
        None => Ok(FileKind::Any),
        Some(_) => fields.choice("files", &FileKind::ALL, FileKind::name),
    }
}

pub(super) fn disk_slip(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let times = fields.whole("times", 1..=u64::from(u32::MAX), Some(1))?;
    Ok(Action::DiskSlip {
        slip: fields.choice("how", &SLIPS, slip_name)?,
        files: files(fields)?,
        times: u32::try_from(times).expect("the limit is that of u32"),
    })
}

pub(super) fn disk_slow(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let micros = fields.length("seconds", FEED_TIME_SECONDS_MAX, None)?;
    Ok(Action::DiskSlow { micros, times: times(fields)? })
}

pub(super) fn disk_damage(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let bits = fields.whole("bits", 1..=FILE_DAMAGE_BITS_MAX, Some(1))?;
    let index = match fields.get("index") {
        None => -1,
        Some(_) => fields.read("index", "a whole number", index)?,
    };
    Ok(Action::DiskDamage {
        files: files(fields)?,
        index,
        offset: fields.whole("offset", 0..=FILE_OFFSET_BYTES_MAX, Some(0))?,
        bits: u32::try_from(bits).expect("the limit is far below u32::MAX"),
    })
}

pub(super) fn process_stop(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let micros = fields.length("deadline", FEED_TIME_SECONDS_MAX, Some(DEADLINE_MICROS))?;
    Ok(Action::ProcessStop { micros })
}

pub(super) fn process_panic(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let after = fields.whole("after", 0..=u64::from(u32::MAX), Some(0))?;
    Ok(Action::ProcessPanic { after: u32::try_from(after).expect("the limit is that of u32") })
}

pub(super) fn process_dies_opening(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    Ok(Action::ProcessDiesOpening { after: fields.whole("after", 0..=DISK_OPERATIONS_MAX, None)? })
}

pub(super) fn clock_zone(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    let expected = format!("whole minutes from -{ZONE_MINUTES_MAX} to {ZONE_MINUTES_MAX}");
    let minutes = fields.read("minutes", &expected, |value| {
        index(value).filter(|minutes| minutes.abs() <= ZONE_MINUTES_MAX)
    })?;
    Ok(Action::ClockZone { minutes })
}

pub(super) fn suspend(_: &Story<'_>, fields: &Fields<'_>) -> Read {
    Ok(Action::Suspend { micros: fields.length("seconds", FEED_TIME_SECONDS_MAX, None)? })
}
