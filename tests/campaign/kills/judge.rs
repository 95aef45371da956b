//! Whether what a writer finds is what the lives before it were promised.
//!
//! What is found must be exactly what a prefix of the submitted records comes to, and that prefix
//! must include all that was acknowledged: then nothing is lost, nothing is there twice, and
//! nothing is there that nobody submitted.

use std::collections::BTreeMap;

use earmark_core::{CaptureId, Device, RecordingId};
use earmark_sim::feed::PseudoFrames;
use sha2::{Digest as _, Sha256};

use super::model::{Expected, Model};
use super::told::{Event, Row, Told};

/// The bytes of a frame of the writer.
const FRAME_BYTES: usize = 80;

/// What ended the lives, and so which acknowledgement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A kill: what the operating system has is kept.
    Written,
    /// A power cut: what was synced is kept.
    Durable,
}

/// What is wrong, and how many acknowledged frames are nowhere.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) why: String,
    pub(crate) lost: u64,
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self { why, lost: 0 }
    }
}

/// What is known of a store over its lives.
pub(crate) struct Judge {
    promise: Promise,
    frames_seed: u64,
    /// What the last life that got so far has found.
    base: Model,
    /// What was submitted since.
    tail: Vec<(u64, Event)>,
    acknowledged: u64,
    /// Files whose content was compared.
    compared: BTreeMap<RecordingId, Row>,
}

impl Judge {
    pub(crate) fn new(promise: Promise, frames_seed: u64) -> Self {
        let (base, tail, compared) = Default::default();
        Self { promise, frames_seed, base, tail, acknowledged: 0, compared }
    }

    /// Hears a life. True when it has told what it found, and that was right.
    pub(crate) fn hear(&mut self, told: Told) -> Result<bool, Wrong> {
        if let Some(damage) = told.damage.first() {
            return Err(format!("the store is called damaged: {damage}").into());
        }
        let is_ready = told.is_ready;
        if is_ready {
            self.compare(&told)?;
        }
        let acknowledged = match self.promise {
            Promise::Written => told.written,
            Promise::Durable => told.durable,
        };
        self.acknowledged = self.acknowledged.max(acknowledged);
        self.tail.extend(told.submitted);
        Ok(is_ready)
    }

    /// Frames of the recordings that were found last.
    pub(crate) fn frames(&self) -> u64 {
        self.compared.values().map(|row| row.end - row.first).sum()
    }

    fn compare(&mut self, told: &Told) -> Result<(), Wrong> {
        let mut rows: Vec<&Row> = told.rows.iter().collect();
        rows.sort_by_key(|row| (row.capture, row.first));
        let mut model = self.find_prefix(told, &rows).ok_or_else(|| self.wrong(told, &rows))?;
        self.read(&told.rows)?;
        model.settle(&told.rows);
        self.base = model;
        self.tail.clear();
        self.acknowledged = 0;
        Ok(())
    }

    /// The prefix that comes to what was found.
    fn find_prefix(&self, told: &Told, rows: &[&Row]) -> Option<Model> {
        let mut model = self.base.clone();
        let mut rest = self.tail.iter().peekable();
        while let Some((_, event)) = rest.next_if(|(ticket, _)| *ticket <= self.acknowledged) {
            model.apply(event);
        }
        loop {
            if model.muted == told.muted && model.is(&model.recovered(), rows) {
                return Some(model);
            }
            // Frames that share a record are there together or not at all.
            let (ticket, event) = rest.next()?;
            model.apply(event);
            while let Some((_, event)) = rest.next_if(|(other, _)| other == ticket) {
                model.apply(event);
            }
        }
    }

    /// Compares the files with the frames that they must hold.
    fn read(&mut self, rows: &[Row]) -> Result<(), Wrong> {
        for row in rows {
            let is_known = self.compared.get(&row.recording).is_some_and(|known| {
                (known.first, known.end, &known.sha256) == (row.first, row.end, &row.sha256)
            });
            if !is_known && row.sha256 != content(row, self.frames_seed) {
                let lost = row.end - row.first;
                return Err(Wrong { why: format!("{row:?} holds other frames"), lost });
            }
        }
        self.compared = rows.iter().map(|row| (row.recording, row.clone())).collect();
        Ok(())
    }

    /// Says what is missing of what was acknowledged.
    fn wrong(&self, told: &Told, rows: &[&Row]) -> Wrong {
        let mut model = self.base.clone();
        let acknowledged = self.tail.iter().filter(|(ticket, _)| *ticket <= self.acknowledged);
        acknowledged.for_each(|(_, event)| model.apply(event));
        let expected = model.recovered();
        let lost = expected.iter().map(|one| missing(one, rows)).sum();
        let differs = |one: &&Expected| !model.is(std::slice::from_ref(*one), &of(one, rows));
        let first = expected.iter().find(differs);
        let why = format!(
            "no prefix of the {} records submitted after ticket {} comes to what was found; \
             acknowledged, first difference: {first:?}, muted {:?}; found: {rows:?}, muted {:?}",
            self.tail.len() - self.tail.partition_point(|(ticket, _)| *ticket <= self.acknowledged),
            self.acknowledged,
            model.muted,
            told.muted,
        );
        Wrong { why, lost }
    }
}

/// What was found at the place of a recording.
fn of<'a>(one: &Expected, rows: &[&'a Row]) -> Vec<&'a Row> {
    let here = |row: &&&Row| (row.capture, row.first) == (one.capture, one.first);
    rows.iter().filter(here).copied().collect()
}

/// Frames of a recording that no recording holds.
fn missing(one: &Expected, rows: &[&Row]) -> u64 {
    let own = rows.iter().filter(|row| row.capture == one.capture);
    let held = own.map(|row| row.end.min(one.end).saturating_sub(row.first.max(one.first)));
    (one.end - one.first).saturating_sub(held.sum())
}

/// The hash of the file that a recording must have: each frame behind its length.
fn content(row: &Row, seed: u64) -> String {
    let mut hash = Sha256::new();
    let maker = frames_of(row.capture, seed);
    for place in row.first..row.end {
        let frame = maker.frame(place);
        hash.update(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        hash.update(&frame);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn frames_of(capture: CaptureId, seed: u64) -> PseudoFrames {
    let name = Device::new(&capture.to_string()).expect("an id is short");
    PseudoFrames::new(&name, seed, FRAME_BYTES)
}
