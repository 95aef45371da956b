//! An orderly stop: what was staged becomes durable, and what is under way with files ends.

use actix::Context;
use earmark_core::wal_store::{DiskTask, Event};
use tokio::sync::oneshot;

use super::{Waiting, WalStore};

impl WalStore {
    /// Answers when everything that is staged by now is durable.
    pub(super) fn flush(&mut self, answer: oneshot::Sender<()>, ctx: &mut Context<Self>) {
        let ticket = self.staged();
        self.step(Event::Staged { ticket, urgent: true }, ctx);
        self.wait(ticket, Waiting::Stopped(answer), ctx);
    }

    /// Answers when no seal and no removal is under way and what they have staged is durable. One
    /// that the disk has refused is not waited for: it may be refused for ever.
    pub(super) fn await_files(&mut self, answer: oneshot::Sender<()>, ctx: &mut Context<Self>) {
        self.stopping = Some(answer);
        self.stop_if_idle(ctx);
    }

    /// A seal or a removal has come to its end.
    pub(super) fn file_is_done(&mut self, task: DiskTask, ctx: &mut Context<Self>) {
        match task {
            DiskTask::Seal(recording) => self.sealing.remove(&recording),
            DiskTask::Remove(recording) => self.removing.remove(&recording),
            DiskTask::Write
            | DiskTask::Sync
            | DiskTask::Replace
            | DiskTask::Refill
            | DiskTask::Snapshot
            | DiskTask::Prune => return,
        };
        self.refused.remove(&task);
        self.stop_if_idle(ctx);
    }

    /// The disk has refused a task that is none of the journal's.
    pub(super) fn file_is_refused(&mut self, task: DiskTask, ctx: &mut Context<Self>) {
        if let DiskTask::Seal(_) | DiskTask::Remove(_) = task {
            self.refused.insert(task);
            self.stop_if_idle(ctx);
        }
    }

    fn stop_if_idle(&mut self, ctx: &mut Context<Self>) {
        let seals = self.sealing.iter().map(|id| DiskTask::Seal(*id));
        let removals = self.removing.iter().map(|id| DiskTask::Remove(*id));
        let is_idle = seals.chain(removals).all(|task| self.refused.contains(&task));
        if is_idle && let Some(answer) = self.stopping.take() {
            self.flush(answer, ctx);
        }
    }
}
