//! Reads lines, each in the light of those before it.

mod actions;

use std::collections::BTreeMap;

use earmark_core::{Device, Encoding};
use serde_json::{Map, Value};

use super::error::{nearest, shown};
use super::fields::Fields;
use super::{
    Action, FEED_LINE_BYTES_MAX, FEED_LINES_MAX, FEED_TIME_SECONDS_MAX, FeedFault, FeedTime, Line,
    json,
};
use actions::{ACTIONS, Known};

/// What the lines so far have told.
pub(super) struct Story<'a> {
    /// The whole feed, for a device that is named only later.
    text: &'a str,
    /// The devices named so far, with the encoding of each one's latest capture.
    devices: BTreeMap<Device, Option<Encoding>>,
    /// The last line that did something, and when.
    last: Option<(usize, FeedTime)>,
    /// The line that ended the process, while it has not been started again.
    dead_since: Option<usize>,
}

impl<'a> Story<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, devices: BTreeMap::new(), last: None, dead_since: None }
    }

    /// Reads a line; `None` when it is blank or a remark.
    pub(super) fn line(&mut self, number: usize, line: &str) -> Result<Option<Line>, FeedFault> {
        if number > FEED_LINES_MAX {
            return Err(FeedFault::TooManyLines);
        }
        if line.len() > FEED_LINE_BYTES_MAX {
            return Err(FeedFault::LineTooLong { bytes: line.len() });
        }
        if is_skipped(line) {
            return Ok(None);
        }
        let object = json::object(line)?;
        let known = known(&object)?;
        let at = self.at(&object)?;
        self.process(known)?;
        let action = (known.read)(self, &Fields(&object))?;
        self.go_on(number, at, &action);
        Ok(Some(Line { number, at, action }))
    }

    /// When the line happens: never before the line above it.
    fn at(&self, object: &Map<String, Value>) -> Result<FeedTime, FeedFault> {
        let expected = format!("a number of seconds from 0 to {FEED_TIME_SECONDS_MAX}");
        let at = Fields(object).read("at", &expected, FeedTime::of)?;
        match self.last {
            Some((before_line, before)) if at < before => {
                Err(FeedFault::Falling { at, before_line, before })
            }
            Some(_) | None => Ok(at),
        }
    }

    /// Refuses what a dead process cannot do, and what a living one need not.
    fn process(&self, known: &Known) -> Result<(), FeedFault> {
        match self.dead_since {
            Some(since) if known.needs_process => {
                Err(FeedFault::Dead { action: known.name, since })
            }
            None if ["restart", "process.dies_opening"].contains(&known.name) => {
                Err(FeedFault::Running)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn go_on(&mut self, number: usize, at: FeedTime, action: &Action) {
        self.last = Some((number, at));
        if let Some(device) = action.device() {
            self.devices.entry(device).or_default();
        }
        if let Action::CaptureStart { device, encoding, .. } = action {
            self.devices.insert(device.clone(), Some(*encoding));
        }
        if matches!(
            action,
            Action::Kill
                | Action::PowerCut { .. }
                | Action::ProcessStop { .. }
                | Action::ProcessDiesOpening { .. }
        ) {
            self.dead_since.get_or_insert(number);
        }
        if matches!(action, Action::Restart | Action::ProcessUp) {
            self.dead_since = None;
        }
    }

    /// The encoding of the device's latest capture.
    fn encoding(&self, device: &Device) -> Option<Encoding> {
        self.devices.get(device).copied().flatten()
    }

    /// The device that a line names or, while there is only one, need not name.
    fn device(&self, fields: &Fields<'_>) -> Result<Device, FeedFault> {
        if fields.get("device").is_some() {
            return fields.device();
        }
        let mut so_far = self.devices.keys();
        match (so_far.next(), so_far.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => only_device(self.text),
            (Some(_), Some(_)) => Err(FeedFault::WhichDevice { named: self.devices.len() }),
        }
    }
}

/// The one device that the whole feed names. A line that cannot be read is refused when its turn
/// comes.
fn only_device(text: &str) -> Result<Device, FeedFault> {
    let mut named = BTreeMap::new();
    for line in text.lines().filter(|line| line.len() <= FEED_LINE_BYTES_MAX) {
        let object =
            if is_skipped(line) { Map::new() } else { json::object(line).unwrap_or_default() };
        if let Ok(device) = Fields(&object).device() {
            named.insert(device, ());
        }
    }
    match named.len() {
        1 => Ok(named.pop_first().expect("there is one").0),
        named => Err(FeedFault::WhichDevice { named }),
    }
}

fn is_skipped(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// The names of all actions.
pub(super) fn names() -> Vec<&'static str> {
    ACTIONS.iter().map(|known| known.name).collect()
}

/// The action that a line names, if it has no field that the action lacks.
fn known(object: &Map<String, Value>) -> Result<&'static Known, FeedFault> {
    let expected = "an action, such as \"capture.start\"";
    let found = Fields(object).needed("do", expected)?;
    let Some(name) = found.as_str() else {
        return Err(FeedFault::value("do", found, expected));
    };
    let Some(known) = ACTIONS.iter().find(|known| known.name == name) else {
        return Err(FeedFault::UnknownAction {
            found: shown(found),
            nearest: nearest(name, &names()),
        });
    };
    let has = |field: &str| known.fields.contains(&field) || field == "at" || field == "do";
    match object.keys().find(|field| !has(field)) {
        Some(field) if known.name != "expect" => Err(FeedFault::UnknownField {
            action: known.name,
            field: shown(&Value::from(field.as_str())),
            known: known.fields,
            nearest: nearest(field, known.fields),
        }),
        Some(_) | None => Ok(known),
    }
}
