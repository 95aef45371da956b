//! What a store holds once it is open, told line by line.

use earmark_core::{FrameSeq, RecordingId};
use earmark_store::{Record, RecordingFacts, RecordingReader, Work};

use super::host::Host;
use crate::exit::Failure;

impl Host {
    /// Seals what recovery has cut, as a host does after a start, and tells everything that is
    /// there.
    pub(super) fn tell_what_is_held(&mut self) -> Result<(), Failure> {
        for recording in self.unsealed() {
            self.seal_now(recording)?;
        }
        self.run_now(Work::Write)?;
        self.run_now(Work::Sync)?;
        let ledger = self.store.ledger().clone();
        for (recording, facts) in &ledger.recordings {
            let undelivered = ledger.undelivered(*recording);
            let line = self.held(*recording, facts, undelivered)?;
            self.tell.say(&line);
        }
        for device in &ledger.muted {
            self.tell.say(&format!("muted {device}"));
        }
        self.tell.say("ready");
        self.tell.flush()
    }

    fn unsealed(&self) -> Vec<RecordingId> {
        let open = self.store.ledger().awaiting_seal();
        open.filter(|(_, facts)| facts.end.is_some()).map(|(id, _)| id).collect()
    }

    fn seal_now(&mut self, recording: RecordingId) -> Result<(), Failure> {
        let Some(seal) = self.run_now(Work::Seal(recording))? else {
            return Err(Failure::wrong(format!("{recording} cannot be sealed")));
        };
        self.store.stage(Record::Sealed { recording, seal });
        Ok(())
    }

    fn held(
        &self,
        recording: RecordingId,
        facts: &RecordingFacts,
        undelivered: u64,
    ) -> Result<String, Failure> {
        let sealed = self.store.sealed(recording);
        let sealed = sealed.ok_or_else(|| Failure::wrong(format!("{recording} is not sealed")))?;
        let read = RecordingReader::open(self.store.disk().as_ref(), &sealed);
        read.and_then(|mut reader| reader.verify()).map_err(Failure::wrong)?;
        let end = facts.end.unwrap_or(FrameSeq(0)).0;
        let conversation = facts.conversation.as_ref().map_or("-", |id| id.as_str());
        Ok(format!(
            "held {recording} {} {} {end} {} {conversation} {} {} {undelivered}",
            facts.capture,
            facts.first.0,
            sealed.sha256(),
            facts.upload.requests,
            facts.upload.stage.name(),
        ))
    }
}
