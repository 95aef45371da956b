//! The list of recordings: the same ones, with the same frames, in the same sessions.

use earmark_core::{RecordingId, SessionId};

use super::observation::{Listed, SourceName};
use super::recording::Recording;
use super::track::Track;
use super::{Disagreement, Reference, ensure};

impl Reference {
    /// Compares all recordings that are there.
    pub(super) fn compare(&mut self, list: &[Listed]) -> Result<(), Disagreement> {
        let is_failing = self.failing_since.is_some();
        for (source, track) in &mut self.tracks {
            let own: Vec<&Listed> = list.iter().filter(|one| one.source == *source).collect();
            track.compare(&own, is_failing).map_err(|why| {
                format!("{}, {}: {why}", source.device.as_str(), source.account.as_str())
            })?;
        }
        let known: usize = self.recordings().filter(|one| !one.is_gone()).count();
        ensure(known == list.len(), || format!("{} recordings, not {known}", list.len()))
    }

    /// The next recording without a name gets it.
    pub(super) fn name(&mut self, id: RecordingId, of: &SourceName) -> Result<(), Disagreement> {
        let is_nameless = |one: &&mut Recording| one.id.is_none() && !one.is_gone();
        let nameless = self.track(of).recordings.iter_mut().find(is_nameless);
        let one = nameless.ok_or_else(|| format!("{id} was opened, and nothing was to be"))?;
        one.id = Some(id);
        Ok(())
    }
}

impl Track {
    fn compare(&mut self, list: &[&Listed], is_failing: bool) -> Result<(), Disagreement> {
        let is_there = |place: &usize| !self.recordings[*place].is_gone();
        let there: Vec<usize> = (0..self.recordings.len()).filter(is_there).collect();
        ensure(there.len() == list.len(), || {
            let ids: Vec<_> = there.iter().map(|place| self.recordings[*place].id).collect();
            format!("{} recordings are listed, and these are there: {ids:?}", list.len())
        })?;
        for (place, listed) in there.into_iter().zip(list) {
            self.recordings[place].compare(listed, is_failing)?;
            self.name_session(self.recordings[place].session, listed.session)?;
        }
        Ok(())
    }

    /// What is one session here is one there.
    fn name_session(&mut self, place: usize, id: SessionId) -> Result<(), Disagreement> {
        let known = *self.sessions[place].id.get_or_insert(id);
        let same = self.sessions.iter().filter(|one| one.id == Some(id)).count();
        ensure(known == id && same == 1, || {
            format!("a recording of {known} is listed in {id}, which {same} sessions are")
        })
    }
}

impl Recording {
    fn compare(&mut self, listed: &Listed, is_failing: bool) -> Result<(), Disagreement> {
        let id = listed.id;
        ensure(self.id == Some(id), || format!("{id} is listed in the place of {:?}", self.id))?;
        let (frames, count) = (listed.frames, self.count());
        ensure(frames == count, || format!("{id} has {frames} frames, not {count}"))?;
        ensure(self.may_be(listed.status), || {
            format!("{id} is {}, and its upload {:?}", listed.status, self.upload)
        })?;
        let (spent, attempts) = (listed.attempts, self.upload.attempts);
        ensure(spent == attempts, || format!("{id}: {spent} attempts are spent, not {attempts}"))?;
        // A link waits until the disk has taken the seals.
        let is_unlinked = is_failing && listed.conversation.is_none() && !self.link_is_durable;
        let is_right = listed.conversation == self.conversation || is_unlinked;
        ensure(is_right, || {
            let (found, expected) = (&listed.conversation, &self.conversation);
            format!("{id} belongs to {expected:?}, and is listed with {found:?}")
        })?;
        let Some(sum) = listed.sha256.as_ref().filter(|_| !self.sum_is_known) else {
            return Ok(());
        };
        self.sum_is_known = true;
        // Until it is sealed, its beginning is counted back at the codec's pace.
        let (began, first) = (Some(listed.started_at), self.began_at());
        ensure(began == first, || format!("{id} began at {began:?}, not {first:?}"))?;
        ensure(*sum == self.sha256(), || format!("{id} has other bytes than its frames"))
    }
}
