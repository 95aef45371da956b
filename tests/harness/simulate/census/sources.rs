//! Which faults of devices, of the server's events and of accounts were met.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use earmark_core::{Account, Device, Encoding};
use earmark_sim::feed::Action;
use earmark_sim::witness::{Answer, Heard};

use super::super::kinds::{FaultKind, Kinds};

/// Seconds without a frame in a running capture are a gap.
const GAP: Duration = Duration::from_secs(2);
/// A capture that stops so soon after a frame stops amid them.
const AMID: Duration = Duration::from_millis(50);

/// What was met of devices and events so far.
#[derive(Debug, Default)]
pub(super) struct SourceFaults {
    devices: BTreeMap<Device, Known>,
    said: BTreeSet<(Device, String)>,
}

#[derive(Debug, Default)]
struct Known {
    running: Option<(Account, Encoding)>,
    captures: u32,
    last_frame: Option<Duration>,
    last_bytes: Vec<u8>,
}

impl SourceFaults {
    pub(super) fn is_capturing(&self) -> bool {
        self.devices.values().any(|known| known.running.is_some())
    }

    pub(super) fn hear(&mut self, at: Duration, heard: &Heard<'_>, met: &mut Kinds) {
        match heard {
            Heard::Capture(device, account, _, encoding) => {
                self.captures(device, account, *encoding, met);
            }
            Heard::Frame(device, _, _, bytes, Answer::Taken(_)) => {
                self.frame(at, device, bytes, met);
            }
            Heard::Line(line) => self.line(at, &line.action, met),
            Heard::Died(..) => self.devices.values_mut().for_each(|known| known.running = None),
            Heard::Unheard => met.add(FaultKind::EventLost),
            Heard::Said(device, _, text) => self.said(device, text, met),
            _ => {}
        }
    }

    fn captures(
        &mut self,
        device: &Device,
        account: &Account,
        encoding: Encoding,
        met: &mut Kinds,
    ) {
        let known = self.devices.entry(device.clone()).or_default();
        if let Some((former, was)) = &known.running {
            if *was != encoding {
                met.add(FaultKind::CodecChange);
            }
            if former != account {
                met.add(FaultKind::UserSwitch);
            }
        }
        known.captures += 1;
        if known.captures > 1 {
            met.add(FaultKind::SeqWrap);
        }
        known.running = Some((account.clone(), encoding));
        known.last_frame = None;
    }

    fn frame(&mut self, at: Duration, device: &Device, bytes: &[u8], met: &mut Kinds) {
        let known = self.devices.entry(device.clone()).or_default();
        if known.last_frame.is_some_and(|last| at - last >= GAP) {
            met.add(FaultKind::Gap);
        }
        if known.last_bytes == bytes {
            met.add(FaultKind::DuplicateFrame);
        }
        known.last_frame = Some(at);
        known.last_bytes.clear();
        known.last_bytes.extend_from_slice(bytes);
    }

    fn line(&mut self, at: Duration, action: &Action, met: &mut Kinds) {
        match action {
            Action::FrameLate { device, .. } if self.devices.contains_key(device) => {
                met.add(FaultKind::LateFrame);
            }
            Action::CaptureStop { device } => {
                if let Some(known) = self.devices.get_mut(device) {
                    if known.last_frame.is_some_and(|last| at - last <= AMID) {
                        met.add(FaultKind::Disconnect);
                    }
                    known.running = None;
                }
            }
            _ => {}
        }
    }

    fn said(&mut self, device: &Device, text: &str, met: &mut Kinds) {
        let is_event = text.contains("memory_created");
        if text.contains("unknown-") {
            met.add(FaultKind::EventUnknown);
        }
        let start = text.replace("memory_created", "memory_processing_started");
        let is_early = is_event && !self.said.contains(&(device.clone(), start));
        if is_early && !text.contains("unknown-") {
            met.add(FaultKind::EventsReordered);
        }
        if text != "ping" && !self.said.insert((device.clone(), text.to_owned())) {
            met.add(FaultKind::EventTwice);
        }
    }
}
