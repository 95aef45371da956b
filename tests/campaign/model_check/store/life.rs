//! The process dies, the machine dies, and a process starts on what they left.

use earmark_core::invariant::durability::recovery_is_idempotent;
use earmark_core::wal_store::{Event, Journal};
use earmark_core::{CaptureId, Machine};
use earmark_store::close_what_is_open;

use super::{Closing, Consed, File, Store, Turn};
use crate::model_check::checks;
use crate::model_check::words::{Out, ToSource, ToSync, ToTrack, label};

impl Store {
    /// How many records are written and not durable: as many could survive a power cut, or fewer.
    pub(in super::super) fn at_stake(&self) -> usize {
        self.tail.iter().take_while(|(ticket, _)| *ticket <= self.file.written).count()
    }

    pub(super) fn die(&mut self, surviving: Option<usize>, turn: &mut Turn<'_>) {
        let (acknowledged, taken) = (std::mem::take(&mut self.acknowledged), self.ledger.clone());
        let written = self.at_stake();
        self.tail.truncate(surviving.unwrap_or(written).min(written));
        let survived = self.tail.back().map_or(self.file.durable, |(ticket, _)| *ticket);
        *self = Self {
            base: self.base.clone(),
            tail: std::mem::take(&mut self.tail),
            file: File::with_tail(self.file.durable, survived),
            acknowledged,
            is_alive: false,
            ..Self::new()
        };
        // Dead memory tells nothing apart.
        self.ledger = self.base.clone();
        checks::nothing_durable_is_lost(&self.acknowledged, &taken, &self.survivors(), turn);
    }

    /// What survived of the journal, read back.
    pub(in super::super) fn survivors(&self) -> earmark_store::Ledger {
        let mut ledger = (*self.base).clone();
        self.tail.iter().for_each(|(_, record)| ledger.apply(record));
        ledger
    }

    pub(super) fn open(&mut self, healthy: bool, turn: &mut Turn<'_>) {
        self.ledger = Consed::from(self.survivors());
        let once = self.closed(turn);
        let again = once.closed(turn);
        turn.check(recovery_is_idempotent(&once.ledger.number(), &again.ledger.number()));
        let staged = once.tail.back().map_or(once.file.durable, |(ticket, _)| *ticket);
        *self = Self { is_alive: true, ..once };
        if healthy {
            self.make_durable(staged);
            self.file = File::through(staged);
        }
        self.machine = Machine::new(Journal::new(self.file.durable));
        self.file.failed = !healthy;
        checks::found_is_whole(&self.ledger, turn);
        self.announce(turn);
        if !healthy {
            self.machine_step(&Event::Staged { ticket: staged, urgent: true }, turn);
        }
    }

    fn closed(&self, turn: &mut Turn<'_>) -> Self {
        let mut closed = self.clone();
        close_what_is_open(&mut Closing { store: &mut closed, turn }, label());
        closed
    }

    fn announce(&self, turn: &mut Turn<'_>) {
        // Only what is durable is proven to be sealed.
        let (ledger, durable) = (self.ledger.clone(), self.base.clone());
        turn.outs
            .push(Out::Sync(ToSync::Opened { ledger: ledger.clone(), durable: durable.clone() }));
        turn.outs.push(Out::Track(ToTrack::Opened { ledger, durable }));
        let next_capture = CaptureId::new(1, self.ledger.highest_id + 1);
        turn.outs.push(Out::Source(ToSource::Opened { next_capture }));
    }
}
