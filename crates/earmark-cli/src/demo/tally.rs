//! What was captured against what the server holds.
//!
//! The runtime is not asked. An upload is found among the captured frames by the hash of its file.
//! What was heard live is a run without a gap, since a connection carries frames in their order: in
//! the first conversation from its first frame on, in the second up to its last.

use std::ops::Range;

use bytes::Bytes;
use earmark_backend::StateReport;
use earmark_backend::server::{LiveReport, UploadReport};
use earmark_wire::encode_frame_header;
use sha2::{Digest, Sha256};

use crate::listing::Table;

/// What became of the frames of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    conversation: String,
    captured: usize,
    live: usize,
    uploads: usize,
    uploaded: usize,
    both: usize,
    missing: usize,
}

/// What became of all frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    rows: Vec<Row>,
    faults: Vec<String>,
}

impl Tally {
    /// Compares. `ended` has each conversation and the place behind its last captured frame.
    pub(super) fn new(
        captured: &[Bytes],
        ended: &[(String, usize)],
        state: &StateReport,
        live: &LiveReport,
    ) -> Self {
        let mut tally = Self { rows: Vec::new(), faults: Vec::new() };
        let mut first = 0;
        for (place, (id, end)) in ended.iter().enumerate() {
            let frames = &captured[first..*end];
            let heard = tally.heard(id, frames.len(), place == 0, live);
            tally.compare(id, frames, heard, state);
            first = *end;
        }
        if first < captured.len() {
            tally.faults.push(format!("{} frames are of no conversation", captured.len() - first));
        }
        tally.look_for_strangers(ended, state, live);
        tally
    }

    /// The frames that the server has heard of a conversation, by their place in it.
    fn heard(
        &mut self,
        id: &str,
        frames: usize,
        from_start: bool,
        live: &LiveReport,
    ) -> Range<usize> {
        let found = live.conversations.iter().find(|one| one.id.as_deref() == Some(id));
        let heard = found.map_or(0, |one| usize::try_from(one.live_frames).unwrap_or(usize::MAX));
        if heard > frames {
            self.faults.push(format!("of {frames} frames of {id} the server has heard {heard}"));
        }
        let heard = heard.min(frames);
        if from_start { 0..heard } else { frames - heard..frames }
    }

    fn compare(&mut self, id: &str, frames: &[Bytes], heard: Range<usize>, state: &StateReport) {
        let mut copies = vec![0_u32; frames.len()];
        let mut uploads = 0;
        for upload in state.uploads.iter().filter(|one| one.conversation.as_deref() == Some(id)) {
            uploads += 1;
            let Some(run) = found(upload, frames) else {
                self.faults.push(format!("{} holds other frames than were captured", upload.name));
                continue;
            };
            for frame in &mut copies[run] {
                *frame += 1;
            }
            if upload.times != 1 {
                self.faults.push(format!("{} was stored {} times", upload.name, upload.times));
            }
        }
        let doubled = copies.iter().filter(|copies| **copies > 1).count();
        if doubled > 0 {
            self.faults.push(format!("{doubled} frames of {id} are in several uploads"));
        }
        let is_uploaded = |place: &usize| copies[*place] > 0;
        let missing =
            (0..frames.len()).filter(|place| !is_uploaded(place) && !heard.contains(place));
        let missing = missing.count();
        if missing > 0 {
            self.faults.push(format!("{missing} frames of {id} did not arrive"));
        }
        self.rows.push(Row {
            conversation: id.to_owned(),
            captured: frames.len(),
            live: heard.len(),
            uploads,
            uploaded: (0..frames.len()).filter(is_uploaded).count(),
            both: heard.filter(is_uploaded).count(),
            missing,
        });
    }

    /// What the server holds that nobody here has captured.
    fn look_for_strangers(
        &mut self,
        ended: &[(String, usize)],
        state: &StateReport,
        live: &LiveReport,
    ) {
        let is_known = |id: Option<&str>| ended.iter().any(|(known, _)| Some(known.as_str()) == id);
        for upload in state.uploads.iter().filter(|one| !is_known(one.conversation.as_deref())) {
            let place = upload.conversation.as_deref().unwrap_or("no conversation");
            self.faults.push(format!("{} went to {place}", upload.name));
        }
        for heard in live.conversations.iter().filter(|one| !is_known(one.id.as_deref())) {
            if heard.live_frames > 0 {
                let id = heard.id.as_deref().unwrap_or("no conversation");
                self.faults.push(format!("{} frames were heard for {id}", heard.live_frames));
            }
        }
        let undecodable: u64 = live.conversations.iter().map(|one| one.undecodable).sum();
        if undecodable > 0 {
            self.faults.push(format!("{undecodable} uploaded frames are no Opus"));
        }
    }

    pub(super) fn table(&self) -> Table<7> {
        let head = ["CONVERSATION", "CAPTURED", "LIVE", "UPLOADED", "BOTH", "MISSING", "UPLOADS"];
        let mut table = Table::new(head);
        for row in self.rows.iter().chain([&self.sum()]) {
            let numbers =
                [row.captured, row.live, row.uploaded, row.both, row.missing, row.uploads];
            let [a, b, c, d, e, f] = numbers.map(|number| number.to_string());
            table.row([row.conversation.clone(), a, b, c, d, e, f]);
        }
        table
    }

    fn sum(&self) -> Row {
        let mut sum = Row { conversation: String::from("all"), ..Row::default() };
        for row in &self.rows {
            sum.captured += row.captured;
            sum.live += row.live;
            sum.uploads += row.uploads;
            sum.uploaded += row.uploaded;
            sum.both += row.both;
            sum.missing += row.missing;
        }
        sum
    }

    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(super) fn is_good(&self) -> bool {
        self.faults.is_empty() && self.sum().captured > 0
    }

    pub(super) fn verdict(&self) -> String {
        let sum = self.sum();
        if !self.is_good() {
            return String::from("The demonstration FAILED: see what is WRONG above.");
        }
        let (captured, live, uploaded, both) = (sum.captured, sum.live, sum.uploaded, sum.both);
        format!(
            "All {captured} captured frames arrived, each in its own conversation: {} live alone, \
             {} in exactly one upload alone, {both} both ways.",
            live - both,
            uploaded - both,
        )
    }
}

/// The run of frames that an upload's file is made of.
fn found(upload: &UploadReport, frames: &[Bytes]) -> Option<Range<usize>> {
    let count = usize::try_from(upload.frames).ok().filter(|count| *count > 0)?;
    let last = frames.len().checked_sub(count)?;
    let run = |first: &usize| hash(&frames[*first..*first + count]) == upload.sha256;
    (0..=last).find(run).map(|first| first..first + count)
}

/// SHA-256 of the file that holds these frames, in hexadecimal.
fn hash(frames: &[Bytes]) -> String {
    let mut file = Sha256::new();
    for frame in frames {
        let length = u32::try_from(frame.len()).expect("a frame is far smaller than 4 GiB");
        file.update(encode_frame_header(length));
        file.update(frame);
    }
    file.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
