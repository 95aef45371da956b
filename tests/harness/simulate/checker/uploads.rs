//! Recordings on their way to the server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use earmark::{Event, Outcome};
use earmark_core::invariant::durability::{self, Found};
use earmark_core::invariant::linkage::{self, Link, LinkEffect};
use earmark_core::invariant::progress::{self, Rank};
use earmark_core::invariant::upload::{
    self, AfterRefusal, Budget, Flights, Leaving, Receipt, Wait,
};
use earmark_core::invariant::{Check, Invariant};
use earmark_core::session::LINK_WAIT;
use earmark_core::sync::{REQUESTS_PER_MINUTE_MAX, RETRY_AFTER_MAX, Report, Status};
use earmark_core::{Account, ConversationId, Moment, RecordingId};
use earmark_sim::witness::{Answered, Asked};
use earmark_wire::{JobStatus, ReplyBody, frames};

use super::frames::{Frames, Owner, Run, hash};

/// A minute, in which so many requests may leave.
const MINUTE: Duration = Duration::from_secs(60);

/// A recording, as far as it was heard of.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) conversation: Option<ConversationId>,
    /// The server said that its conversation is gone.
    gone: bool,
    pub(super) relinked: bool,
    pub(super) sealed: bool,
    /// The highest ordinal of a request that left.
    pub(super) requests: u32,
    in_flight: u32,
    pub(super) attempts: u32,
    /// An answer about its content came, or a crash swallowed enough.
    pub(super) content: bool,
    pub(super) receipt: bool,
    pub(super) synced: bool,
    pub(super) failed: Option<String>,
    pub(super) corrupted: bool,
    /// A person asked for another try.
    pub(super) person: bool,
    /// No request before this.
    told: Option<Duration>,
    /// The frames that were sent for it.
    pub(super) run: Option<Run>,
    job: Option<String>,
}

/// A request that is in flight.
#[derive(Debug)]
struct Flight {
    /// The recording whose job is asked about; of an upload it is known when it has ended.
    recording: Option<RecordingId>,
    is_upload: bool,
    authorization: Option<String>,
    conversation: Option<ConversationId>,
    /// The frames that it carried.
    run: Option<Run>,
}

/// What a reply means for its recording.
#[derive(Debug, Default)]
struct Meaning {
    run: Option<Run>,
    told: Option<Duration>,
    receipt: bool,
    content: bool,
    job: Option<String>,
}

/// All recordings.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    pub(super) recordings: BTreeMap<RecordingId, Recording>,
    /// What the last upload's end means, whose announcement comes next.
    ended: Option<Meaning>,
    flights: BTreeMap<u64, Flight>,
    left: VecDeque<Duration>,
    /// Which conversations the server has named, to whom, and when each has ended, as far as it
    /// said so, or was named first.
    pub(super) said: BTreeMap<ConversationId, BTreeMap<Owner, Duration>>,
    /// Whether a clock was set or the machine was started anew: then waits are no longer what they
    /// were.
    pub(super) clocks_moved: bool,
    /// Whether durable bytes were changed: then what was decided may be forgotten.
    pub(super) rotted: bool,
}

impl Uploads {
    pub(super) fn of(&mut self, recording: RecordingId) -> &mut Recording {
        self.recordings.entry(recording).or_default()
    }

    /// A person asks for another try of everything.
    pub(super) fn retry(&mut self) {
        for recording in self.recordings.values_mut() {
            recording.person = true;
            recording.told = None;
        }
    }

    pub(super) fn died(&mut self) {
        self.ended = None;
        self.flights.clear();
        // The next life does not know how many requests this one has sent.
        self.left.clear();
        for recording in self.recordings.values_mut() {
            recording.in_flight = 0;
            if self.rotted || self.clocks_moved {
                // Damage may take the record of an answer, and with it the wait that this told. The
                // next life knows by the time of day alone how much of a wait is over.
                recording.told = None;
            }
        }
    }

    pub(super) fn event(&mut self, at: Duration, event: &Event, frames: &Frames) -> Vec<Check> {
        match event {
            Event::RecordingSealed { recording, .. } => {
                self.of(*recording).sealed = true;
                Vec::new()
            }
            Event::RecordingLinked { recording, conversation } => {
                vec![self.linked(*recording, conversation)]
            }
            Event::UploadStarted { recording, conversation, attempt, .. } => {
                self.starts(at, (*recording, *attempt), conversation.as_ref(), frames)
            }
            Event::UploadEnded { recording, outcome, .. } => {
                let meaning = self.ended.take().unwrap_or_default();
                let checks = self.carried(*recording, meaning.run);
                let known = self.of(*recording);
                known.in_flight = known.in_flight.saturating_sub(1);
                known.gone |= *outcome == Outcome::Status(404);
                known.means(meaning);
                checks
            }
            Event::UploadChanged { recording, report } => self.changed(*recording, report),
            _ => Vec::new(),
        }
    }

    fn linked(&mut self, recording: RecordingId, conversation: &ConversationId) -> Check {
        let known = self.of(recording);
        known.sealed = true;
        let old = known.conversation.replace(conversation.clone());
        let (old, new, relinked) = (old.as_ref(), known.conversation.as_ref(), false);
        linkage::one_conversation(&Link { old, new, relinked })
    }

    fn starts(
        &mut self,
        at: Duration,
        (recording, attempt): (RecordingId, u32),
        conversation: Option<&ConversationId>,
        frames: &Frames,
    ) -> Vec<Check> {
        let (clocks_moved, rotted) = (self.clocks_moved, self.rotted);
        let known = self.of(recording);
        if conversation.is_none() && known.gone {
            known.relinked = true;
            known.conversation = None;
        }
        known.in_flight += 1;
        let waited = known.run.and_then(|run| frames.last_at(&run)).map(|last| last + LINK_WAIT);
        let due = conversation.is_some()
            || known.relinked
            || clocks_moved
            // Damage may take a link, and leave the request that named it.
            || (rotted && known.requests > 0)
            || waited.is_none_or(|due| at >= due);
        let leaving = Leaving { sealed: known.sealed, due, ordinal: attempt, journalled: attempt };
        let supposed = LinkEffect {
            what: "an upload",
            supposed: conversation,
            durable: known.conversation.as_ref(),
        };
        let ordinals = Rank { before: known.requests + 1, now: attempt, person: rotted };
        let refused = AfterRefusal {
            tried: known.failed.is_some(),
            person: known.person || rotted,
            reason: known.failed.as_deref().unwrap_or("none"),
        };
        let wait = known.told.map(|until| wait(at, until));
        let checks = [
            upload::upload_after_seal(&leaving),
            linkage::link_before_effect(&supposed),
            progress::monotone(&ordinals),
            upload::final_is_final(&refused),
            upload::one_flight(&Flights { in_flight: known.in_flight, same_content: true }),
            wait.map_or(Ok(Invariant::WaitAsTold), |wait| upload::wait_as_told(&wait)),
        ];
        known.requests = attempt;
        known.failed = None;
        checks.into()
    }

    fn changed(&mut self, recording: RecordingId, report: &Report) -> Vec<Check> {
        let rotted = self.rotted;
        let known = self.of(recording);
        let (before, after) = (known.attempts, report.attempts);
        let person = known.person || rotted;
        let budget = Budget { before, after, content: known.content, person };
        let is_synced = report.status == Status::Synced;
        let mut checks = vec![
            upload::budget_is_kept(&budget),
            upload::only_content_spends(&budget),
            upload::synced_is_the_servers_word(&Receipt {
                synced: is_synced,
                receipt: known.receipt,
            }),
            progress::monotone(&Rank {
                before: u8::from(known.synced),
                now: u8::from(is_synced),
                person: rotted,
            }),
        ];
        known.attempts = after;
        if after > before {
            known.content = false;
            known.person = false;
        }
        known.synced = is_synced;
        known.corrupted = report.status == Status::Corrupted;
        if report.status == Status::Failed {
            let reason = report.reason.clone().unwrap_or_default();
            let seen = AfterRefusal { tried: false, person: false, reason: &reason };
            checks.push(upload::final_is_final(&seen));
            known.failed = Some(reason);
            known.person = false;
        } else {
            let left = known.failed.is_some() && !person;
            let rank = Rank { before: u8::from(left), now: 0, person: known.corrupted };
            checks.push(progress::monotone(&rank));
            known.failed = None;
        }
        checks
    }

    pub(super) fn asked(&mut self, at: Duration, asked: &Asked<'_>) -> Vec<Check> {
        self.left.push_back(at);
        while self.left.front().is_some_and(|first| at - *first >= MINUTE) {
            self.left.pop_front();
        }
        let is_upload = asked.file.is_some();
        let job = asked.path.rsplit('/').next().unwrap_or_default();
        let by_job = |known: &Recording| known.job.as_deref() == Some(job);
        let asked_about = self.recordings.iter().find(|(_, known)| !is_upload && by_job(known));
        let recording = asked_about.map(|(id, _)| *id);
        let authorization = asked.authorization.map(String::from);
        let conversation = asked.conversation.and_then(|id| ConversationId::new(id).ok());
        let run = None;
        let flight = Flight { recording, is_upload, authorization, conversation, run };
        self.flights.insert(asked.number, flight);
        vec![upload::no_storm(self.left.len(), REQUESTS_PER_MINUTE_MAX)]
    }

    /// The server has read a file: it must be frames of one capture, whole, in order, and of whom
    /// the token says.
    pub(super) fn body(
        &mut self,
        number: u64,
        bytes: &[u8],
        (truth, rotted): (&Frames, bool),
    ) -> Vec<Check> {
        let keys: Vec<u64> = frames(bytes).map_while(Result::ok).map(hash).collect();
        if keys.is_empty() && rotted {
            // All that it held was lost to damage.
            return Vec::new();
        }
        let run = truth.run_of(&keys, rotted);
        let found = Found { taken: run.is_some(), copies: 1, rising: true };
        let mut checks = vec![durability::no_invention(&found)];
        let (Some(run), Some(flight)) = (run, self.flights.get(&number)) else {
            return checks;
        };
        let Some(capture) = truth.captures.get(&run.capture) else {
            return checks;
        };
        let token = |account: &Account| format!("Bearer token-of-{}", account.as_str());
        let expected = Some(token(&capture.owner.1));
        checks.push(linkage::tenant_wall(&expected, &flight.authorization));
        checks.extend(self.heard_in_time(flight.conversation.as_ref(), &run, truth));
        if let Some(flight) = self.flights.get_mut(&number) {
            flight.run = Some(run);
        }
        checks
    }

    /// An upload has carried these frames: the same as always, and no other recording's.
    fn carried(&mut self, recording: RecordingId, run: Option<Run>) -> Vec<Check> {
        let Some(run) = run else {
            return Vec::new();
        };
        let overlaps = |other: &Run| {
            other.capture == run.capture && other.first < run.end() && run.first < other.end()
        };
        let others = self.recordings.iter().filter(|(id, _)| **id != recording);
        let copies = others.filter(|(_, known)| known.run.as_ref().is_some_and(overlaps)).count();
        let copies = if self.rotted { 1 } else { 1 + u32::try_from(copies).unwrap_or(u32::MAX) };
        let rotted = self.rotted;
        let known = self.of(recording);
        // Damage may take the record that cut a recording; then it is cut anew.
        let same_content = rotted || known.run.is_none_or(|before| before == run);
        known.run = Some(run);
        vec![
            durability::no_invention(&Found { taken: true, copies, rising: true }),
            upload::one_flight(&Flights { in_flight: 1, same_content }),
        ]
    }

    /// Audio of a conversation was captured before the server said that this has ended, and said
    /// it to its own device.
    fn heard_in_time(
        &self,
        conversation: Option<&ConversationId>,
        run: &Run,
        truth: &Frames,
    ) -> Option<Check> {
        let owner = &truth.captures.get(&run.capture)?.owner;
        let told = self.said.get(conversation?);
        let Some(heard) = told.and_then(|told| told.get(owner)) else {
            let toucher = told.and_then(|told| told.keys().next());
            return Some(linkage::tenant_wall(&Some(owner), &toucher));
        };
        let last = truth.last_at(run)?;
        let is_before = last <= *heard;
        Some(linkage::session_bounds(
            &"before the end",
            if is_before { &"before the end" } else { &"after it" },
        ))
    }

    /// A request has ended. Whose upload it was is announced right after.
    pub(super) fn answered(&mut self, at: Duration, number: u64, answered: &Answered<'_>) {
        let Some(flight) = self.flights.remove(&number) else {
            return;
        };
        let mut meaning = match answered {
            Answered::Reply(status, retry_after, body) => {
                let told = told(*status, *retry_after).map(|wait| at + wait);
                Meaning { told, ..meaning_of(flight.is_upload, *status, body) }
            }
            Answered::Fault(_) | Answered::Damaged => Meaning::default(),
        };
        meaning.run = flight.run;
        if flight.is_upload {
            self.ended = Some(meaning);
        } else if let Some(recording) = flight.recording {
            self.of(recording).means(meaning);
        }
    }

    /// The server names a conversation to somebody; whether it says that this has ended.
    pub(super) fn says(
        &mut self,
        at: Duration,
        owner: Owner,
        (conversation, has_ended): (ConversationId, bool),
    ) {
        let told = self.said.entry(conversation).or_default().entry(owner).or_insert(at);
        if has_ended {
            *told = at;
        }
    }

    /// The conversations that were named so far, for whoever compares.
    pub(super) fn named_to(&self, owner: &Owner) -> BTreeSet<&ConversationId> {
        let named = self.said.iter().filter(|(_, told)| told.contains_key(owner));
        named.map(|(conversation, _)| conversation).collect()
    }
}

fn wait(at: Duration, until: Duration) -> Wait {
    let moment = |at: Duration| Moment::ZERO + at;
    Wait { now: moment(at), until: moment(until), cap: RETRY_AFTER_MAX, leaves: true }
}

impl Recording {
    fn means(&mut self, meaning: Meaning) {
        self.told = meaning.told;
        self.receipt |= meaning.receipt;
        self.content |= meaning.content;
        self.job = meaning.job.or(self.job.take());
    }
}

/// What a reply says about the recording.
fn meaning_of(is_upload: bool, status: u16, body: &[u8]) -> Meaning {
    let mut meaning = Meaning::default();
    match ReplyBody::parse(body) {
        ReplyBody::Result(result) if is_upload && status == 200 => {
            meaning.receipt = result.failed_segments == 0;
            meaning.content = result.failed_segments > 0;
        }
        ReplyBody::Job(job) if is_upload => {
            meaning.receipt = status == 200 && job.status == JobStatus::Completed;
            meaning.content = job.status == JobStatus::Failed;
            meaning.job = Some(job.id.as_str().to_owned());
        }
        ReplyBody::Job(job) if status == 200 => {
            meaning.receipt = job.status == JobStatus::Completed && job.failures() == 0;
            let is_over = matches!(
                job.status,
                JobStatus::Completed | JobStatus::PartialFailure | JobStatus::Failed
            );
            meaning.content = is_over && !meaning.receipt;
        }
        _ => meaning.content = is_upload && matches!(status, 200..=299),
    }
    meaning
}

/// How long a reply wants to be left alone.
fn told(status: u16, retry_after: Option<&str>) -> Option<Duration> {
    let seconds = retry_after?.trim().parse::<u64>().ok()?;
    let waits = matches!(status, 408 | 409 | 425 | 429 | 500..=599);
    waits.then(|| Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
