//! The journal's file, and what the disk is doing.

use earmark_core::wal_store::{DiskTask, Event, Ticket};
use earmark_store::Ledger;

use super::{Consed, Store, Turn};

/// The file that the journal goes to: what of it is written, and what survives a power cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct File {
    /// How far the operating system has it: a kill leaves that much.
    pub(super) written: Ticket,
    /// How far the medium has it.
    pub(super) durable: Ticket,
    /// A write or a sync failed.
    pub(super) failed: bool,
    writing: Option<Ticket>,
    syncing: Option<Ticket>,
    replacing: Option<Ticket>,
}

impl File {
    pub(super) const fn is_idle(&self) -> bool {
        self.writing.is_none() && self.syncing.is_none() && self.replacing.is_none()
    }

    /// A file that nothing is being done with.
    pub(super) fn with_tail(durable: Ticket, written: Ticket) -> Self {
        Self { written, durable, ..Self::default() }
    }

    /// A file that holds everything up to a place durably.
    pub(super) fn through(place: Ticket) -> Self {
        Self::with_tail(place, place)
    }
}

impl Store {
    /// What the disk is doing.
    pub(in super::super) fn in_flight(&self) -> impl Iterator<Item = DiskTask> {
        let journal = [
            (self.file.writing, DiskTask::Write),
            (self.file.syncing, DiskTask::Sync),
            (self.file.replacing, DiskTask::Replace),
        ];
        let journal = journal.into_iter().filter_map(|(is, task)| is.map(|_| task));
        journal.chain(self.running)
    }

    pub(super) fn start(&mut self, task: DiskTask, turn: &mut Turn<'_>) {
        let staged = self.machine.shared().staged();
        match task {
            // The store begins nothing on a file that failed.
            DiskTask::Write | DiskTask::Sync if self.file.failed => {
                let reason = String::from("the journal has no file that takes anything");
                self.machine_step(&Event::DiskFailed { task, reason }, turn);
            }
            DiskTask::Write => self.file.writing = Some(staged),
            DiskTask::Sync => self.file.syncing = Some(self.file.written),
            DiskTask::Replace => self.file.replacing = Some(staged),
            DiskTask::Seal(recording) => self.start_seal(recording, turn),
            DiskTask::Refill | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {
                let through = self.file.durable;
                self.machine_step(&Event::DiskFinished { task, through }, turn);
            }
        }
    }

    pub(super) fn disk_ended(&mut self, task: DiskTask, well: bool, turn: &mut Turn<'_>) {
        let through = match task {
            DiskTask::Write => self.file.writing.take(),
            DiskTask::Sync => self.file.syncing.take(),
            DiskTask::Replace => self.file.replacing.take(),
            DiskTask::Seal(_)
            | DiskTask::Refill
            | DiskTask::Remove(_)
            | DiskTask::Snapshot
            | DiskTask::Prune => {
                self.running = None;
                Some(self.file.durable)
            }
        };
        let through = through.unwrap_or_default();
        let event = if well {
            self.disk_did(task, through, turn);
            Event::DiskFinished { task, through }
        } else {
            self.file.failed |= task.is_journal();
            Event::DiskFailed { task, reason: String::from("EIO") }
        };
        self.machine_step(&event, turn);
    }

    fn disk_did(&mut self, task: DiskTask, through: Ticket, turn: &mut Turn<'_>) {
        match task {
            DiskTask::Write => self.file.written = self.file.written.max(through),
            DiskTask::Sync => self.make_durable(through),
            DiskTask::Replace => {
                self.make_durable(through);
                self.file = File::through(through);
            }
            DiskTask::Seal(recording) => self.sealed(recording, turn),
            DiskTask::Refill | DiskTask::Remove(_) | DiskTask::Snapshot | DiskTask::Prune => {}
        }
    }

    pub(super) fn make_durable(&mut self, through: Ticket) {
        let mut base: Option<Ledger> = None;
        while let Some((ticket, record)) = self.tail.pop_front_if(|(at, _)| *at <= through) {
            base.get_or_insert_with(|| (*self.base).clone()).apply(&record);
            self.file.durable = self.file.durable.max(ticket);
        }
        if let Some(base) = base {
            self.base = Consed::from(base);
        }
    }
}
