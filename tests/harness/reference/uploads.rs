//! Which requests may leave, what their ends mean, and what is let go without one.

use std::time::Duration;

use earmark_core::{ConversationId, Moment, RecordingId};

use super::observation::{At, Ending, Held, Observation};
use super::recording::{Decision, Recording, Stage};
use super::track::Track;
use super::{Disagreement, Reference, ensure};

/// How long the other end of a live socket is waited for to prove what it read.
const DELIVERY_WAIT: Duration = Duration::from_secs(20);
/// Answers that are final at once.
const FINAL: [u16; 10] = [400, 402, 406, 411, 413, 414, 415, 422, 431, 451];

impl Reference {
    /// Lets go what may go to the server by now, and decides what need not.
    pub(super) fn let_go(&mut self, now: Moment) {
        let mut is_asked = false;
        for track in self.tracks.values_mut() {
            for place in 0..track.recordings.len() {
                if !track.recordings[place].upload.is_due && track.is_let_go(place, now) {
                    let upload = &mut track.recordings[place].upload;
                    upload.is_due = true;
                    upload.asked.push(now + DELIVERY_WAIT);
                    is_asked = true;
                }
            }
        }
        let is_over = |one: &Recording| one.upload.asked.iter().any(|until| *until <= now);
        if is_asked || self.recordings().any(is_over) {
            self.settle_deliveries(now);
        }
    }

    /// Decides whatever need not wait for a proof any more.
    pub(super) fn settle_deliveries(&mut self, now: Moment) {
        for track in self.tracks.values_mut() {
            for place in 0..track.recordings.len() {
                let is_proof_due = track.is_proof_due(place);
                track.recordings[place].decide(now, is_proof_due);
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`hear_one` has the full list")]
    pub(super) fn hear_upload(
        &mut self,
        at: At,
        observation: &Observation,
    ) -> Result<(), Disagreement> {
        match observation {
            Observation::Retried(chosen) => self.retry(chosen.as_deref()),
            Observation::Deleted(chosen) => self.delete(chosen.as_deref(), at.moment),
            Observation::Sealed { recording, frames } => {
                let (track, place) = self.recording(*recording)?;
                track.seal(place, Some(*frames))?;
            }
            Observation::Linked { recording, conversation } => {
                self.linked(*recording, conversation)?;
            }
            Observation::RequestLeft { recording, conversation, ordinal, frames } => {
                self.request_left(*recording, conversation.as_ref(), *ordinal, *frames)
                    .map_err(|why| format!("a request with {recording} left: {why}"))?;
            }
            Observation::RequestEnded { recording, ending } => {
                let (track, place) = self.recording(*recording)?;
                track.request_ended(place, *ending)?;
            }
            Observation::Reported { recording, status, attempts } => {
                let (track, place) = self.recording(*recording)?;
                track.recordings[place].report(status, *attempts)?;
            }
            Observation::Removed { recording, why } => {
                let (track, place) = self.recording(*recording)?;
                track.remove(place, why, at.moment)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn linked(&mut self, id: RecordingId, to: &ConversationId) -> Result<(), Disagreement> {
        let (track, place) = self.recording(id)?;
        track.seal(place, None)?;
        let recording = &mut track.recordings[place];
        recording.link_is_durable = true;
        let is_right = recording.conversation.as_ref() == Some(to);
        let expected = recording.conversation.clone();
        ensure(is_right, || format!("{id} is linked to {to}, and belongs to {expected:?}"))
    }

    fn request_left(
        &mut self,
        id: RecordingId,
        named: Option<&ConversationId>,
        ordinal: u32,
        frames: u64,
    ) -> Result<(), Disagreement> {
        let is_offline = self.is_offline;
        let (track, place) = self.recording(id)?;
        let recording = &mut track.recordings[place];
        // A request that was written down before the audio was linked goes first.
        let meets = named.is_none() && recording.upload.was_due && !recording.link_is_durable;
        if meets && recording.conversation.is_some() {
            recording.conversation = None;
            (recording.upload.is_due, recording.upload.decision) = (true, Decision::Upload);
        }
        let (count, expected) = (recording.count(), recording.conversation.clone());
        let upload = &mut recording.upload;
        ensure(!is_offline, || String::from("there is no network"))?;
        ensure(recording.gone_at.is_none(), || String::from("it is gone"))?;
        ensure(recording.is_sealed, || String::from("it is not sealed"))?;
        ensure(upload.is_due, || String::from("its session has not let it go"))?;
        ensure(upload.stage == Stage::Waiting, || format!("it is {:?}", upload.stage))?;
        let is_wanted = upload.requests > 0 || upload.decision == Decision::Upload;
        ensure(is_wanted, || format!("it needs none: {:?}", upload.decision))?;
        ensure(named == expected.as_ref(), || {
            format!("it names {named:?}, and belongs to {expected:?}")
        })?;
        ensure(ordinal == upload.requests + 1, || {
            format!("it is number {ordinal} behind {}", upload.requests)
        })?;
        ensure(frames == count, || format!("it carries {frames} of {count} frames"))?;
        (upload.requests, upload.stage) = (ordinal, Stage::Flying);
        upload.named.push(named.cloned());
        track.stretches.forget(place);
        Ok(())
    }

    /// A person gives back the budget of what no request is under way for.
    fn retry(&mut self, chosen: Option<&[RecordingId]>) {
        let recordings = self.tracks.values_mut().flat_map(|track| &mut track.recordings);
        for one in recordings.filter(|one| is_chosen(one, chosen)) {
            match one.upload.stage {
                Stage::Waiting | Stage::Processing => one.upload.attempts = 0,
                Stage::Failed => (one.upload.attempts, one.upload.stage) = (0, Stage::Waiting),
                Stage::Flying | Stage::Synced | Stage::Corrupted => continue,
            }
            one.upload.swallowed = 0;
        }
    }

    /// A person wants recordings gone; what is not sealed goes in its time, and what still takes
    /// frames only if it was named.
    fn delete(&mut self, chosen: Option<&[RecordingId]>, now: Moment) {
        for track in self.tracks.values_mut() {
            for place in 0..track.recordings.len() {
                let one = &mut track.recordings[place];
                if !is_chosen(one, chosen) || (one.is_open && chosen.is_none()) {
                    continue;
                }
                one.is_unwanted = true;
                if one.is_sealed {
                    one.gone_at = Some(now);
                    track.stretches.forget(place);
                }
            }
        }
    }

    /// Nothing is left to do: what the server must hold, each frame once and where it belongs.
    pub(super) fn must_hold(&self, held: &[Held]) -> Result<(), Disagreement> {
        let mut known = 0;
        for recording in self.recordings() {
            known += recording.is_held_rightly(held)?;
        }
        let all = held.len();
        ensure(known == all, || format!("the server holds {all} files, and {known} are ours"))
    }
}

fn is_chosen(one: &Recording, chosen: Option<&[RecordingId]>) -> bool {
    let is_named = chosen.is_none_or(|ids| one.id.is_some_and(|id| ids.contains(&id)));
    is_named && !one.is_gone()
}

impl Track {
    /// Whether a recording may go to the server: its session has ended and all of it is sealed.
    fn is_let_go(&self, place: usize, now: Moment) -> bool {
        let session = self.recordings[place].session;
        let own = |one: &&Recording| one.session == session && !one.is_gone();
        let is_sealed = self.recordings.iter().filter(own).all(|one| one.is_sealed);
        let one = &self.recordings[place];
        let is_linked = one.conversation.is_none() || one.link_is_durable;
        let is_due = self.sessions[session].is_let_go(now) && is_linked && is_sealed;
        is_due && !one.is_gone() && !one.upload.is_over()
    }

    fn seal(&mut self, place: usize, frames: Option<u64>) -> Result<(), Disagreement> {
        let one = &mut self.recordings[place];
        let count = one.count();
        ensure(!one.is_open, || String::from("a recording is sealed that takes frames"))?;
        ensure(frames.is_none_or(|frames| frames == count), || {
            format!("a recording is sealed with {frames:?} frames of {count}")
        })?;
        one.is_sealed = true;
        Ok(())
    }

    fn request_ended(&mut self, place: usize, ending: Ending) -> Result<(), Disagreement> {
        let one = &mut self.recordings[place];
        let was_named = one.upload.named.last().is_some_and(Option::is_some);
        let upload = &mut one.upload;
        ensure(upload.stage == Stage::Flying, || String::from("a request ended that never left"))?;
        (upload.swallowed, upload.stage) = (0, Stage::Waiting);
        match ending {
            Ending::Status(200) => upload.stage = Stage::Synced,
            Ending::Status(202) => upload.stage = Stage::Processing,
            Ending::Status(201..=299) => upload.spend(),
            Ending::Status(status) if FINAL.contains(&status) => upload.stage = Stage::Failed,
            // The conversation is gone, and the server places the recording by its time.
            Ending::Status(404) if was_named => one.conversation = None,
            Ending::Status(_) | Ending::Fault => {}
        }
        Ok(())
    }

    fn remove(&mut self, place: usize, why: &str, now: Moment) -> Result<(), Disagreement> {
        let one = &mut self.recordings[place];
        let may = match why {
            "released" => one.upload.decision == Decision::Release && !one.is_gone(),
            "deleted" => one.is_unwanted,
            _ => one.upload.stage == Stage::Synced && !one.is_gone(),
        };
        ensure(may, || format!("a recording was {why}: {:?}", one.upload))?;
        one.gone_at.get_or_insert(now);
        self.stretches.forget(place);
        Ok(())
    }
}

impl Recording {
    /// Decides if somebody asked and no proof need be waited for any more.
    fn decide(&mut self, now: Moment, is_proof_due: bool) {
        let asked = self.upload.asked.len();
        self.upload.asked.retain(|until| now < *until && is_proof_due);
        if self.upload.asked.len() == asked {
            return;
        }
        if self.is_delivered() && self.upload.requests == 0 {
            self.upload.decision = Decision::Release;
        } else if self.upload.is_due {
            self.upload.decision = Decision::Upload;
        }
    }

    /// A job ends, and is told by what is shown; all else is known before it is shown.
    fn report(&mut self, status: &str, attempts: u32) -> Result<(), Disagreement> {
        let upload = &mut self.upload;
        if upload.stage == Stage::Processing {
            match status {
                "synced" => upload.stage = Stage::Synced,
                "pending" | "retrying" | "processing" if attempts == upload.attempts + 1 => {
                    upload.spend();
                }
                "pending" | "retrying" => upload.stage = Stage::Waiting,
                _ => {}
            }
        }
        let (known, stage) = (upload.attempts, upload.stage);
        ensure(attempts == known, || {
            format!("{attempts} attempts are shown as spent, and {known} were, being {stage:?}")
        })?;
        let is_over = match status {
            "synced" => stage == Stage::Synced,
            "failed" => stage == Stage::Failed,
            "corrupted" => stage == Stage::Corrupted,
            _ => true,
        };
        ensure(is_over, || format!("it is shown as {status}, being {stage:?}"))
    }

    /// How many of the server's files are this recording's; they must be where it belongs.
    fn is_held_rightly(&self, held: &[Held]) -> Result<usize, Disagreement> {
        let id = self.id;
        let is_over = self.upload.is_over() || self.is_gone() || self.is_open;
        ensure(is_over, || format!("{id:?} is left {:?}", self.upload))?;
        if self.upload.named.is_empty() {
            return Ok(0);
        }
        let sum = self.sha256();
        let own: Vec<&Held> = held.iter().filter(|file| file.sha256 == sum).collect();
        let to = |one: &Option<ConversationId>, file: &Held| {
            one.as_ref().map(ConversationId::as_str) == file.conversation.as_deref()
        };
        let is_named = |file: &&Held| self.upload.named.iter().any(|one| to(one, file));
        ensure(own.iter().all(is_named), || format!("{id:?} is somewhere else: {own:?}"))?;
        if self.upload.stage == Stage::Synced {
            let last = self.upload.named.last().unwrap_or(&None);
            let there = own.iter().filter(|file| to(last, file)).count();
            ensure(there == 1, || {
                format!("{id:?} belongs to {last:?} and is there {there} times")
            })?;
        }
        Ok(own.len())
    }
}
