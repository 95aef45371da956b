//! What a crash may leave, and how the runtime goes on from that.
//!
//! The journal keeps a prefix of what was staged. So of each source's frames a prefix is there, at
//! least as long as what was acknowledged; a boundary that was not durable may be missing, and with
//! it a conversation; nothing else may.

use earmark_core::Moment;
use earmark_core::session::{CONVERSATION_GAP, LINK_WAIT};

use super::observation::{At, Boundary, Found, FoundRecording, FoundStage, SourceName};
use super::recording::{Decision, Frame, Link, Recording, Session, Stage};
use super::stretches::{Audio, Stretches};
use super::track::Track;
use super::{Death, Disagreement, Reference, ensure};

impl Reference {
    /// The process has started on what a crash has left.
    pub(super) fn recover(&mut self, at: At, found: &Found) -> Result<(), Disagreement> {
        let Some(death) = self.died.take() else {
            return Err(String::from("it starts twice"));
        };
        self.check_mutes(death, found)?;
        let sources: Vec<SourceName> = self.tracks.keys().cloned().collect();
        for one in &found.recordings {
            let known = sources.contains(&one.source);
            ensure(known, || format!("{} comes from a device that never was", one.id))?;
        }
        for source in sources {
            let own: Vec<&FoundRecording> =
                found.recordings.iter().filter(|one| one.source == source).collect();
            let (lost_max, is_failing) =
                (self.gates.held_frames(&source), self.failing_since.is_some());
            let track = self.track(&source);
            track
                .recover(at, &own, lost_max, is_failing)
                .map_err(|why| format!("{}: {why}", source.device.as_str()))?;
        }
        self.gates.begin_life(&found.muted);
        // A new process believes in the network until its host says otherwise.
        self.is_offline = false;
        Ok(())
    }

    /// A mute is written at once and synced within a second.
    fn check_mutes(&self, death: Death, found: &Found) -> Result<(), Disagreement> {
        let is_same = self.gates.muted().iter().eq(found.muted.iter());
        let may_differ = death.power_cut || self.failing_since.is_some();
        ensure(is_same || may_differ, || {
            format!("{:?} are muted, and not {:?}", found.muted, self.gates.muted())
        })
    }
}

impl Track {
    fn recover(
        &mut self,
        at: At,
        found: &[&FoundRecording],
        lost_max: u64,
        is_failing: bool,
    ) -> Result<(), Disagreement> {
        self.cut_everything();
        let all = self.check_frames(found, lost_max, is_failing)?;
        let mut there = Vec::new();
        for (one, frames) in found.iter().zip(all) {
            there.push(self.take_over(one, frames, at, is_failing)?);
        }
        for (place, old) in self.recordings.iter_mut().enumerate() {
            if !there.contains(&place) && !old.is_gone() {
                // Nothing of it was durable, so that its id may be given again.
                (old.gone_at, old.id) = (Some(at.moment), None);
            }
        }
        let of_them: Vec<usize> = there.iter().map(|one| self.recordings[*one].session).collect();
        for (place, session) in self.sessions.iter_mut().enumerate() {
            let id = session.id.filter(|_| of_them.contains(&place));
            *session = Session { id, ..Session::default() };
        }
        self.group(found, &there, at);
        Ok(())
    }

    fn cut_everything(&mut self) {
        self.stop();
        self.disconnect();
        self.stretches = Stretches::default();
    }

    /// Which frames each recording that was found must hold: those of the recordings that were
    /// there, in their order, without a gap.
    fn check_frames(
        &self,
        found: &[&FoundRecording],
        lost_max: u64,
        is_failing: bool,
    ) -> Result<Vec<Vec<Frame>>, Disagreement> {
        let is_found = |one: &&Recording| found.iter().any(|now| Some(now.id) == one.id);
        // A removal that was not durable has not happened.
        let may_be = |one: &&Recording| !one.is_gone() || (is_failing && is_found(one));
        let old: Vec<&Recording> = self.recordings.iter().filter(may_be).collect();
        let starts: Vec<usize> = old
            .iter()
            .scan(0, |start, one| Some(std::mem::replace(start, *start + one.frames.len())))
            .collect();
        let frames: Vec<&Frame> = old.iter().flat_map(|one| &one.frames).collect();
        let (mut at, mut all) = (0, Vec::new());
        for one in found {
            ensure(starts.contains(&at) || one.frames == 0, || {
                format!("{} begins where nothing did", one.id)
            })?;
            let end = at + usize::try_from(one.frames).unwrap_or(usize::MAX);
            let own = frames.get(at..end);
            let own = own.ok_or_else(|| format!("{} has frames that nobody took", one.id))?;
            all.push(own.iter().map(|frame| (*frame).clone()).collect());
            at = end;
        }
        let lost = frames.len() as u64 - at as u64;
        ensure(lost <= lost_max, || {
            format!("{lost} frames are lost, and only {lost_max} were not acknowledged")
        })?;
        Ok(all)
    }

    /// Puts a recording that was found in the place of the one that it was.
    fn take_over(
        &mut self,
        found: &FoundRecording,
        frames: Vec<Frame>,
        at: At,
        is_failing: bool,
    ) -> Result<usize, Disagreement> {
        let id = found.id;
        let first = frames.first().map(|frame| (frame.capture, frame.number));
        let holds = |one: &Recording| {
            one.frames.first().map(|frame| (frame.capture, frame.number)) == first
        };
        let place = self.recordings.iter().position(holds);
        let place = place.ok_or_else(|| format!("{id} is nobody's"))?;
        let old = &mut self.recordings[place];
        // One whose opening was lost is opened anew.
        ensure(old.id.is_none_or(|old| old == id) || !old.is_sealed, || {
            format!("{id} is where {:?} was", old.id)
        })?;
        old.check_link(found)?;
        old.check_upload(found, is_failing)?;
        let is_same = frames.len() == old.frames.len();
        ensure(is_same || !old.is_sealed, || format!("{id} was sealed and is not as it was"))?;
        (old.id, old.gone_at, old.frames) = (Some(id), None, frames);
        old.conversation = found.conversation.clone();
        old.link_is_durable = found.conversation.is_some();
        old.is_sealed = found.is_sealed;
        old.is_open = false;
        let last = moment_of(found, at);
        old.at = (last - found.walls.1.since(found.walls.0), last);
        let delivered = found.undelivered == 0;
        ensure(!delivered || old.is_delivered(), || format!("{id} counts as delivered"))?;
        old.frames.iter_mut().for_each(|frame| frame.delivered &= delivered);
        Ok(place)
    }

    /// The sessions and stretches of what was found.
    fn group(&mut self, found: &[&FoundRecording], there: &[usize], at: At) {
        let mut ended = None;
        let mut before: Option<&FoundRecording> = None;
        for (one, place) in found.iter().zip(there) {
            let session = self.session_of(one);
            self.recordings[*place].session = session;
            let is_next = before.is_some_and(|before| before.session != one.session);
            if is_next {
                ended = before.and_then(|before| before.ended_at);
            }
            let is_over = matches!(
                one.upload.stage,
                FoundStage::Synced | FoundStage::Failed | FoundStage::Corrupted
            );
            let in_session = |other: &&&FoundRecording| other.session == one.session;
            let mut own = found.iter().filter(in_session);
            let conversation = own.find_map(|other| other.conversation.clone());
            match conversation {
                Some(conversation) => {
                    self.stretches.remember_linked(&conversation);
                    let deadline = at.moment;
                    let link = Link { conversation, deadline, is_ready: false };
                    self.sessions[session].link = Some(link);
                }
                None if one.upload.requests == 0 && !is_over => {
                    self.put_in_stretch(*place, one, ended, at);
                }
                None => {}
            }
            self.sessions[session].has_waited |= one.sync_started.is_some();
            before = Some(one);
        }
        self.stretches.is_open &= before.is_none_or(|before| before.ended_at.is_none());
    }

    fn session_of(&mut self, found: &FoundRecording) -> usize {
        let known = self.sessions.iter().position(|one| one.id == Some(found.session));
        known.unwrap_or_else(|| {
            self.sessions.push(Session { id: Some(found.session), ..Session::default() });
            self.sessions.len() - 1
        })
    }

    /// Audio goes on in the last stretch unless a conversation had ended there, or the silence was
    /// too long.
    fn put_in_stretch(
        &mut self,
        place: usize,
        found: &FoundRecording,
        ended: Option<Boundary>,
        at: At,
    ) {
        let session = self.recordings[place].session;
        let last = self.stretches.list.last();
        let last_audio = last.and_then(|last| last.audio.last());
        let is_near =
            last_audio.is_some_and(|audio| found.walls.0.since(audio.walls.1) < CONVERSATION_GAP);
        let same =
            last_audio.is_some_and(|audio| self.recordings[audio.recording].session == session);
        let last_at = moment_of(found, at);
        let goes_on = same || (self.stretches.is_open && ended.is_none() && is_near);
        if !goes_on {
            self.stretches.begin(last_at, None);
        }
        let audio = Audio { recording: place, at: self.recordings[place].at, walls: found.walls };
        if let Some(last) = self.stretches.list.last_mut() {
            last.last_at = last_at;
            last.finished = found.ended_at == Some(Boundary::Person);
            last.audio.push(audio);
        }
    }
}

/// When a recording ended, by this boot's clock, as far as the wall clock can tell; no longer ago
/// than the longest wait.
fn moment_of(found: &FoundRecording, at: At) -> Moment {
    at.moment - at.wall.since(found.walls.1).min(LINK_WAIT)
}

impl Recording {
    /// A link that was said to be durable is there; one that was not may be; no other is.
    fn check_link(&self, found: &FoundRecording) -> Result<(), Disagreement> {
        let is_same = found.conversation == self.conversation;
        let may_miss = found.conversation.is_none() && !self.link_is_durable;
        ensure(is_same || may_miss, || {
            let (now, before) = (&found.conversation, &self.conversation);
            format!("{} belongs to {before:?}, and is found with {now:?}", found.id)
        })
    }

    fn check_upload(
        &mut self,
        found: &FoundRecording,
        is_failing: bool,
    ) -> Result<(), Disagreement> {
        let (id, now, upload) = (found.id, found.upload, &mut self.upload);
        // On a disk that takes nothing the latest outcomes may be missing.
        let is_as_known = now.attempts == upload.attempts && now.requests >= upload.requests;
        ensure(is_as_known || is_failing, || {
            format!("{id}: {now:?} is found of an upload that was {upload:?}")
        })?;
        let is_over = |stage| upload.stage == stage || upload.stage == Stage::Processing;
        let is_right = match now.stage {
            FoundStage::Synced => is_over(Stage::Synced),
            FoundStage::Failed => is_over(Stage::Failed),
            FoundStage::Accepted => upload.stage == Stage::Processing || is_failing,
            FoundStage::Pending | FoundStage::Uploading | FoundStage::Corrupted => true,
        };
        ensure(is_right, || format!("{id} is found {now:?}, and was {upload:?}"))?;
        (upload.requests, upload.attempts) = (now.requests, now.attempts);
        upload.swallowed = now.swallowed;
        upload.stage = match now.stage {
            FoundStage::Pending | FoundStage::Uploading => Stage::Waiting,
            FoundStage::Accepted => Stage::Processing,
            FoundStage::Synced => Stage::Synced,
            FoundStage::Failed => Stage::Failed,
            FoundStage::Corrupted => Stage::Corrupted,
        };
        if now.stage == FoundStage::Uploading {
            upload.swallow();
        }
        // What has once been let go by its session stays let go.
        upload.is_due = now.requests > 0 || now.stage != FoundStage::Pending;
        (upload.was_due, upload.decision) = (false, Decision::Open);
        upload.asked.clear();
        Ok(())
    }
}
