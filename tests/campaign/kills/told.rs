//! What a writer has told until it died.

use std::collections::BTreeSet;

use earmark_core::{CaptureId, RecordingId};
use earmark_store::Record;

/// Something that was about to be written, under its ticket.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Decision(Box<Record>),
    Frames { capture: CaptureId, first: u64, count: u64 },
}

/// A recording that a writer has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) recording: RecordingId,
    pub(crate) capture: CaptureId,
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) sha256: String,
    pub(crate) upload: Upload,
}

/// Everything of a recording that is not its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    /// `-` for none.
    pub(crate) conversation: String,
    pub(crate) requests: u32,
    pub(crate) stage: String,
    pub(crate) undelivered: u64,
}

/// One life of a writer.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) rows: Vec<Row>,
    pub(crate) muted: BTreeSet<String>,
    pub(crate) damage: Vec<String>,
    /// Whether everything that was found has been told.
    pub(crate) is_ready: bool,
    pub(crate) submitted: Vec<(u64, Event)>,
    /// A kill cannot take what is up to here.
    pub(crate) written: u64,
    /// A power cut cannot take what is up to here.
    pub(crate) durable: u64,
}

impl Told {
    /// Reads the lines; a last one that was cut off counts as not told.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut told = Self::default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            told.take(line).ok_or_else(|| format!("the writer told {line:?}"))?;
        }
        Ok(told)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        if let Some(line) = line.strip_prefix("held ") {
            self.rows.push(row(line)?);
        } else if let Some(device) = line.strip_prefix("muted ") {
            self.muted.insert(device.to_owned());
        } else if let Some(damage) = line.strip_prefix("damage ") {
            self.damage.push(damage.to_owned());
        } else if line == "ready" {
            self.is_ready = true;
        } else if let Some(line) = line.strip_prefix('+') {
            let (ticket, line) = line.split_once(' ')?;
            self.submitted.push((ticket.parse().ok()?, event(line)?));
        } else if let Some(ticket) = line.strip_prefix('~') {
            self.acknowledge(ticket.parse().ok()?, false);
        } else if let Some(ticket) = line.strip_prefix('=') {
            self.acknowledge(ticket.parse().ok()?, true);
        } else if !["opening", "end"].contains(&line) {
            return None;
        }
        Some(())
    }

    /// What the opening itself writes is not told, so its acknowledgements speak of nothing.
    fn acknowledge(&mut self, ticket: u64, is_durable: bool) {
        if !self.is_ready {
            return;
        }
        self.written = self.written.max(ticket);
        if is_durable {
            self.durable = self.durable.max(ticket);
        }
    }
}

fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split(' ').collect();
    let [recording, capture, first, end, sha256, conversation, requests, stage, undelivered] =
        words.try_into().ok()?;
    Some(Row {
        recording: recording.parse().ok()?,
        capture: capture.parse().ok()?,
        first: first.parse().ok()?,
        end: end.parse().ok()?,
        sha256: sha256.to_owned(),
        upload: Upload {
            conversation: conversation.to_owned(),
            requests: requests.parse().ok()?,
            stage: stage.to_owned(),
            undelivered: undelivered.parse().ok()?,
        },
    })
}

fn event(line: &str) -> Option<Event> {
    let Some(frames) = line.strip_prefix("frames ") else {
        return serde_json::from_str(line).ok().map(|record| Event::Decision(Box::new(record)));
    };
    let [capture, first, count] = frames.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let (first, count) = (first.parse().ok()?, count.parse().ok()?);
    Some(Event::Frames { capture: capture.parse().ok()?, first, count })
}
