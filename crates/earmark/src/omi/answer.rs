//! What the body of an answer says, in the words of the core.

use std::time::Duration;

use earmark_core::WallTime;
use earmark_core::sync::{JobBody, UploadBody};
use earmark_wire::{Detail, Job, JobStatus, ReplyBody, UploadResult};

/// The reason of a refusal, in words; nothing when the body gives none.
pub(super) fn detail(body: &ReplyBody) -> String {
    refusal(body).map(ToString::to_string).unwrap_or_default()
}

/// The reason of a refusal, if the body gives one.
pub(super) const fn refusal(body: &ReplyBody) -> Option<&Detail> {
    match body {
        ReplyBody::Detail(detail) => Some(detail),
        ReplyBody::Result(_)
        | ReplyBody::Job(_)
        | ReplyBody::NoRoute
        | ReplyBody::OtherJson
        | ReplyBody::NotJson
        | ReplyBody::Empty
        | ReplyBody::TooLong => None,
    }
}

/// What was sent, for answers that name what they are about.
pub(super) struct Sent {
    pub(super) name: String,
    /// The time in it.
    pub(super) started_at: WallTime,
    pub(super) sha256: String,
}

impl Sent {
    fn is_subject_of(&self, result: &UploadResult) -> bool {
        result.may_be_about(&self.name, &self.sha256)
    }
}

/// The body of an answer to an upload; `detail` is what [`detail`] made of it.
pub(super) fn upload<'a>(body: &'a ReplyBody, detail: &'a str, sent: &Sent) -> UploadBody<'a> {
    match body {
        ReplyBody::Result(result) if !sent.is_subject_of(result) => UploadBody::OtherRecording,
        ReplyBody::Result(result) => UploadBody::Result { failed_segments: result.failed_segments },
        ReplyBody::Job(job) => UploadBody::Job {
            id: job.id.as_str(),
            completed: job.status == JobStatus::Completed,
            poll_after: job.poll_after(),
        },
        ReplyBody::Detail(_) => UploadBody::Detail(detail),
        ReplyBody::NoRoute => UploadBody::DetailRouteMissing,
        ReplyBody::OtherJson => UploadBody::OtherJson,
        ReplyBody::NotJson | ReplyBody::TooLong => UploadBody::NotJson,
        ReplyBody::Empty => UploadBody::Empty,
    }
}

/// The body of an answer to a question about a job.
pub(super) fn job<'a>(body: &'a ReplyBody, sent: &Sent) -> JobBody<'a> {
    match body {
        ReplyBody::Job(job) if job.result.as_ref().is_none_or(|one| sent.is_subject_of(one)) => {
            state(job)
        }
        ReplyBody::Job(_)
        | ReplyBody::Result(_)
        | ReplyBody::Detail(_)
        | ReplyBody::NoRoute
        | ReplyBody::OtherJson
        | ReplyBody::NotJson
        | ReplyBody::Empty
        | ReplyBody::TooLong => JobBody::Unreadable,
    }
}

/// How long a failed job wants the next upload to wait.
pub(super) fn wait_of_job(body: &ReplyBody) -> Option<Duration> {
    match body {
        ReplyBody::Job(job) => job.retry_after.map(Duration::from_secs),
        ReplyBody::Result(_)
        | ReplyBody::Detail(_)
        | ReplyBody::NoRoute
        | ReplyBody::OtherJson
        | ReplyBody::NotJson
        | ReplyBody::Empty
        | ReplyBody::TooLong => None,
    }
}

fn state(job: &Job) -> JobBody<'_> {
    let failed_segments = job.failures();
    match job.status {
        JobStatus::Queued | JobStatus::Processing | JobStatus::Other(_) => {
            JobBody::Running { poll_after: job.poll_after() }
        }
        JobStatus::Completed => JobBody::Ended { failed_segments },
        // Some of it failed, even when the server does not say how much.
        JobStatus::PartialFailure => JobBody::Ended { failed_segments: failed_segments.max(1) },
        JobStatus::Failed => JobBody::Failed {
            failed_segments,
            reason: job.error.as_deref().or(job.reason_code.as_deref()),
        },
    }
}
