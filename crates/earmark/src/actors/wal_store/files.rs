//! A recording's bytes on their way out, each block checked.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::Bytes;
use earmark_core::RecordingId;
use earmark_core::invariant::uphold;
use earmark_core::invariant::upload::{Leaving, attempt_written_ahead, upload_after_seal};
use earmark_store::{BLOCK_BYTES, RecordingError, RecordingReader};

use super::super::guard::Guarded;
use super::{OpenFile, WalStore};
use crate::http::{Blocks, Damaged};
use crate::runtime::DiskMode;

/// The checked blocks of one recording.
struct Checked(RecordingReader);

impl Blocks for Checked {
    fn next_block(&mut self) -> Result<Option<Bytes>, Damaged> {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let read = self.0.read_block(&mut block).map_err(|error| damaged(&error))?;
        Ok((read > 0).then(|| Bytes::from(block)))
    }

    fn rewind(&mut self) -> bool {
        self.0.verify().is_ok()
    }
}

fn damaged(error: &RecordingError) -> Damaged {
    let may_pass = matches!(error, RecordingError::Io { .. });
    Damaged { reason: error.to_string(), may_pass }
}

impl WalStore {
    /// Opens a recording's file and checks the whole of it before the first byte may leave.
    pub(super) fn open_file(&mut self, open: OpenFile, ctx: &mut Context<Self>) {
        let OpenFile { recording, ordinal, answer } = open;
        self.check_leaving(recording.recording(), ordinal);
        let disk = self.store.disk();
        let check = move || -> Result<Box<dyn Blocks>, Damaged> {
            let mut reader = RecordingReader::open(disk.as_ref(), &recording)
                .map_err(|damage| damaged(&damage))?;
            reader.verify().map_err(|damage| damaged(&damage))?;
            if recording.frames() == 0 {
                let reason = String::from("all of its frames were lost to damage");
                return Err(Damaged { reason, may_pass: false });
            }
            Ok(Box::new(Checked(reader)))
        };
        match self.terms.mode {
            // Whoever asked may have given up waiting.
            DiskMode::Inline => drop(answer.send(check())),
            DiskMode::Blocking => {
                let checking = tokio::task::spawn_blocking(check);
                ctx.spawn(checking.into_actor(self).map(|checked, actor, _| {
                    actor.guarded(|_| {
                        let read = checked.expect("a read does not panic, and nobody aborts it");
                        drop(answer.send(read));
                    });
                }));
            }
        }
    }

    /// What a power cut could not take back allows this request.
    fn check_leaving(&self, recording: RecordingId, ordinal: u32) {
        let Some(durable) = self.store.durable_ledger().recordings.get(&recording) else {
            return;
        };
        let request = Leaving {
            sealed: durable.sealed.is_some(),
            due: true,
            ordinal,
            journalled: durable.upload.requests,
        };
        uphold(upload_after_seal(&request));
        uphold(attempt_written_ahead(&request));
    }
}
