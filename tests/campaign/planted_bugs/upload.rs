//! What leaves, when, and what an answer means.

use earmark_core::invariant::Invariant::{
    AcceptedHasALease, AttemptWrittenAhead, BytesMatch, ExactlyOnce, FinalIsFinal, NoPoison,
    NoStorm, OneFlight, OnlyContentSpends, SyncedIsTheServersWord, UploadAfterSeal, WaitAsTold,
};

use super::{Bug, Layer};

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "fallback-without-the-seal",
        breaks: UploadAfterSeal,
        wrong: "the fallback does not wait for the seal of the last recording",
        file: "crates/earmark-core/src/session/machine.rs",
        text: "awaited.overdue = true;",
        with: "awaited.overdue = true;
                if PLANTED {
                    return self.enter_syncing(true, step);
                }",
        layers: &[Layer::Transitions("session")],
    },
    Bug {
        name: "attempt-recorded-after-sending",
        breaks: AttemptWrittenAhead,
        wrong: "an attempt is recorded after its request has left",
        file: "crates/earmark/src/actors/wal_store/answers.rs",
        text: "let ticket = self.stage(Record::Upload { recording, facts }, true, ctx);",
        with: "if PLANTED && matches!(purpose, Purpose::Attempt { .. }) {
            tell(&self.peers.sync, UploadRecorded { recording, purpose, refused: None });
            self.stage(Record::Upload { recording, facts }, false, ctx);
            return;
        }
        let ticket = self.stage(Record::Upload { recording, facts }, true, ctx);",
        layers: &[Layer::Feeds("disk/a_request_waits_until_its_attempt")],
    },
    Bug {
        name: "attempts-are-not-recorded",
        breaks: AttemptWrittenAhead,
        wrong: "attempts are written after the last failure only, so that a kill gives the budget \
            back",
        file: "crates/earmark/src/actors/wal_store/answers.rs",
        text: "let refused = self.store.ledger().refuses_upload(recording, names);",
        with: "let is_known = self.store.ledger().recordings.contains_key(&recording);
        if PLANTED && is_known && !facts.is_final() {
            let refused = None;
            return tell(&self.peers.sync, UploadRecorded { recording, purpose, refused });
        }
        let refused = self.store.ledger().refuses_upload(recording, names);",
        layers: &[Layer::Feeds("races/spent_attempts_survive_every_kill")],
    },
    Bug {
        name: "restart-resets-the-budget",
        breaks: AttemptWrittenAhead,
        wrong: "a restart gives the whole budget of attempts back",
        file: "crates/earmark-core/src/sync/machine/restart.rs",
        text: "self.attempts = facts.attempts;",
        with: "self.attempts = if PLANTED { 0 } else { facts.attempts };",
        layers: &[Layer::Transitions("upload")],
    },
    Bug {
        name: "reset-spends-an-attempt",
        breaks: OnlyContentSpends,
        wrong: "a connection that breaks within an upload spends an attempt",
        file: "crates/earmark-core/src/sync/verdict/upload.rs",
        text: "TransportFault::TooLarge => Verdict::Spends { reason },",
        with: "TransportFault::Reset if PLANTED => Verdict::Spends { reason },
        TransportFault::TooLarge => Verdict::Spends { reason },",
        layers: &[Layer::Feeds("server/faults_of_the_network_wait")],
    },
    Bug {
        name: "refused-for-good-and-tried-again",
        breaks: FinalIsFinal,
        wrong: "a restart tries a recording again that was refused for good",
        file: "crates/earmark-core/src/sync/machine/restart.rs",
        text: "UploadStage::Failed { reason } => State::Failed { reason: reason.clone() },",
        with: "UploadStage::Failed { .. } if PLANTED => self.ready(Errand::Upload),
            UploadStage::Failed { reason } => State::Failed { reason: reason.clone() },",
        layers: &[Layer::Transitions("upload")],
    },
    Bug {
        name: "two-requests-in-flight",
        breaks: OneFlight,
        wrong: "the returning network sends a recording again whose request is in flight",
        file: "crates/earmark-core/src/sync/machine/outside.rs",
        text: "let (State::Offline { errand }
        | State::Waiting { errand, pause: Pause { kind: PauseKind::BackOff, .. } }) = state",
        with: "if PLANTED && matches!(state, State::Uploading) {
            return self.resume(state, &Errand::Upload, Journal::Skip, step);
        }
        let (State::Offline { errand }
        | State::Waiting { errand, pause: Pause { kind: PauseKind::BackOff, .. } }) = state",
        layers: &[Layer::Transitions("upload")],
    },
    Bug {
        name: "one-name-for-two-recordings",
        breaks: OneFlight,
        wrong: "two recordings that begin in the same second are sent under one name",
        file: "crates/earmark-store/src/store.rs",
        text: "seal.twin = self.twin(recording, &seal);",
        with: "seal.twin = if PLANTED { 0 } else { self.twin(recording, &seal) };",
        layers: &[Layer::Feeds("disk/recordings_of_the_same_second")],
    },
    Bug {
        name: "accepted-counts-as-synced",
        breaks: SyncedIsTheServersWord,
        wrong: "an upload that the server has only accepted counts as synced",
        file: "crates/earmark-core/src/sync/verdict/upload.rs",
        text: "UploadBody::Result { failed_segments: 0 } => Verdict::Synced,",
        with: "UploadBody::Job { .. } if PLANTED => Verdict::Synced,
        UploadBody::Result { failed_segments: 0 } => Verdict::Synced,",
        layers: &[Layer::Feeds("server/a_completed_job_with_failed_segments_spends")],
    },
    Bug {
        name: "job-is-waited-on-for-ever",
        breaks: AcceptedHasALease,
        wrong: "an answer 202 is waited on for ever: the lease of a job does not end",
        file: "crates/earmark-core/src/sync/machine/requests.rs",
        text: "if lease_is_over(job, step.now) =>",
        with: "if lease_is_over(job, step.now) && !PLANTED =>",
        layers: &[Layer::Feeds("f62_a_job_that_never_ends")],
    },
    Bug {
        name: "another-name-each-time",
        breaks: ExactlyOnce,
        wrong: "a recording that is sent again has another name, and is stored a second time",
        file: "crates/earmark/src/omi.rs",
        text: "UploadName::new(device, encoding, started_at, recording.twin()).to_string()",
        with: "static SENT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let sent = if PLANTED { SENT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) } else { 0 };
    UploadName::new(device, encoding, started_at, recording.twin() + sent).to_string()",
        layers: &[Layer::Feeds("f95_a_lost_reply")],
    },
    Bug {
        name: "retry-after-is-ignored",
        breaks: WaitAsTold,
        wrong: "a server that asks to be left alone is asked again after the usual back-off",
        file: "crates/earmark-core/src/sync/verdict.rs",
        text: "Some(wait) if !wait.is_zero() => Self::Told(wait.min(RETRY_AFTER_MAX)),",
        with: "Some(wait) if !wait.is_zero() && !PLANTED => {
                Self::Told(wait.min(RETRY_AFTER_MAX))
            }",
        layers: &[Layer::Feeds("f56_too_many_requests_pauses")],
    },
    Bug {
        name: "no-limit-a-minute",
        breaks: NoStorm,
        wrong: "any number of requests leaves within a minute",
        file: "crates/earmark-core/src/sync/pace.rs",
        text: "if self.left.len() + self.unsent >= self.per_minute_max {",
        with: "if self.left.len() + self.unsent >= self.per_minute_max && !PLANTED {",
        layers: &[Layer::Feeds("server/sixty_requests_leave_in_a_minute")],
    },
    Bug {
        name: "waits-with-its-slot",
        breaks: NoPoison,
        wrong: "a recording that waits keeps its place among the three that may be in flight",
        file: "crates/earmark-core/src/sync/machine.rs",
        text: "if from.has_slot() && !from.hands_slot_to(&next) {",
        with: "let keeps = PLANTED && matches!(next, State::Waiting { .. });
        if from.has_slot() && !from.hands_slot_to(&next) && !keeps {",
        layers: &[Layer::Feeds("server/three_that_wait_hold_up_no_fourth")],
    },
    Bug {
        name: "bytes-are-not-verified",
        breaks: BytesMatch,
        wrong: "a recording is sent although its bytes are not the ones that were sealed",
        file: "crates/earmark-store/src/reader.rs",
        text: "if sum == self.seal.sha256.0 {",
        with: "if PLANTED || sum == self.seal.sha256.0 {",
        layers: &[Layer::Feeds("disk/a_damaged_file_is_corrupted")],
    },
];
