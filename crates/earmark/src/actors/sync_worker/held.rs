//! Uploads that have their turn and may not leave: by the host's rules, or while the server asks
//! for less.

use std::time::Duration;

use actix::{Context, Handler};
use earmark_core::sync::{Hold, Pressure, Slot, Verdict};
use earmark_core::{Deadline, RecordingId};
use earmark_store::SealedRecording;

use super::super::guard::Guarded;
use super::super::message::{Surrounded, TransferRuled};
use super::{Announced, Errand, Event, Flight, NAME, Report, State, SyncWorker};

impl SyncWorker {
    /// Gives a slot to whose turn it is; gives it back when nobody in line may leave.
    pub(super) fn grant_slot(&mut self, slot: Slot, ctx: &mut Context<Self>) -> bool {
        let Self { queue, uploads, gate, shared, .. } = self;
        let (now, is_open) = (shared.stamp(), gate.is_open());
        let may_leave = |recording: RecordingId| {
            if is_open {
                return true;
            }
            let owner = uploads.get(&recording).map(Flight::recording);
            let hold =
                |one: &SealedRecording| gate.hold(recording, one.account(), one.started_at(), now);
            owner.and_then(hold).is_none()
        };
        let Some(recording) = queue.pop(may_leave) else {
            self.pace.release(slot);
            return false;
        };
        match self.uploads.get_mut(&recording) {
            Some(flight) => {
                flight.slot = Some(slot);
                self.step_one(recording, &Event::SlotGranted, ctx);
            }
            None => self.pace.release(slot),
        }
        true
    }

    /// Why a recording stays in line although it has its turn.
    fn hold(&self, recording: RecordingId) -> Option<Hold> {
        let flight = self.uploads.get(&recording)?;
        let State::Queued { errand: Errand::Upload } = flight.machine.state() else {
            return None;
        };
        let one = flight.recording();
        self.gate.hold(recording, one.account(), one.started_at(), self.shared.stamp())
    }

    /// What a person sees of an upload, with what holds it back.
    pub(super) fn as_held(&self, recording: RecordingId, mut report: Report) -> Report {
        let Some(hold) = self.hold(recording) else {
            return report;
        };
        let now = self.shared.stamp();
        report.reason = Some(hold.words().to_owned());
        let until = hold.until().map(|until| Deadline::after(now, until.since(now.moment)));
        report.next_attempt_at = until;
        report
    }

    pub(super) fn show(&mut self, recording: RecordingId, report: Report) {
        let report = self.as_held(recording, report);
        if let Some(flight) = self.uploads.get_mut(&recording)
            && flight.report.as_ref() != Some(&report)
        {
            flight.report = Some(report.clone());
            self.shared.bus.announce(NAME, Announced::UploadChanged { recording, report });
        }
    }

    /// Shows what now holds back, or no longer, those that stand in line.
    pub(super) fn show_holds(&mut self) {
        let in_line = |(recording, flight): (&RecordingId, &Flight)| {
            let state = flight.machine.state();
            let is_in_line = matches!(state, State::Queued { errand: Errand::Upload });
            let report = flight.machine.shared().report(state).filter(|_| is_in_line)?;
            Some((*recording, report))
        };
        let all: Vec<(RecordingId, Report)> = self.uploads.iter().filter_map(in_line).collect();
        for (recording, report) in all {
            self.show(recording, report);
        }
    }

    /// What the end of an upload says about the others.
    pub(super) fn learn(
        &mut self,
        recording: RecordingId,
        pressure: Option<(Pressure, Option<Duration>)>,
        verdict: Option<&Verdict>,
    ) {
        let Some(one) = self.uploads.get(&recording).map(|flight| flight.recording().clone())
        else {
            return;
        };
        let now = self.shared.stamp();
        if let Some((pressure, told)) = pressure {
            self.pace.asked_for_less();
            // A moment's hold is seen by who looks at the status; to announce it for each of a
            // backlog, and its end, would be noise.
            if self.gate.pressed(pressure, told, (recording, one.account()), now.moment) {
                self.show_holds();
            }
        } else if matches!(verdict, Some(Verdict::Synced | Verdict::Accepted { .. })) {
            self.pace.taken();
            if self.gate.relieved(one.account(), one.started_at(), now) {
                self.show_holds();
            }
        }
    }
}

impl Flight {
    pub(super) fn recording(&self) -> &SealedRecording {
        self.machine.shared().recording()
    }
}

impl Handler<TransferRuled> for SyncWorker {
    type Result = ();

    fn handle(&mut self, TransferRuled(rules): TransferRuled, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.gate.set_rules(rules);
            actor.show_holds();
            actor.grant(ctx);
        });
    }
}

impl Handler<Surrounded> for SyncWorker {
    type Result = ();

    fn handle(&mut self, Surrounded(surroundings): Surrounded, ctx: &mut Context<Self>) {
        self.guarded(|actor| {
            actor.gate.set_surroundings(surroundings);
            actor.show_holds();
            actor.grant(ctx);
        });
    }
}
