//! What happened to an upload, as a feed about one recording that is due at once.

use std::time::Duration;

use earmark_backend::Answer;
use earmark_core::sync::{Delay, Errand, PauseKind, PollVerdict, State, Verdict};
use serde_json::{Value, json};

use super::{World, conversation};
use crate::transitions::story::Story;

/// How much audio there is.
const AUDIO: Duration = Duration::from_secs(2);
const FRAMES: u64 = 200;
/// More than chance adds to a wait of ten seconds, and less than the shortest wait for a job.
const SLACK: Duration = Duration::from_secs(2);

pub(super) fn replay(choices: &[u32]) -> String {
    let mut world = World::new(None);
    link(&mut world.story);
    let why = world.live(choices).err().unwrap_or_default();
    world.story.to_feed(&why)
}

/// The recording is captured, linked and ready, so that its upload leaves at once.
fn link(story: &mut Story) {
    let named = conversation();
    story.start().speak(FRAMES).wait(AUDIO).stop().connect();
    story.announce(Some(&named), "memory_processing_started").wait(Duration::from_secs(1));
    story.announce(Some(&named), "memory_created");
}

impl World {
    /// The story, at the present moment.
    pub(super) fn tell(&mut self) -> &mut Story {
        self.story.at(self.now.moment)
    }

    pub(super) fn tell_reply(&mut self, verdict: &Verdict) {
        self.story.answers.upload_came(reply(verdict));
    }

    pub(super) fn tell_poll(&mut self, verdict: &PollVerdict) {
        self.story.answers.poll_came(poll(verdict));
    }

    /// The host of a feed always has fresh credentials, so that it is the server who refuses them.
    pub(super) fn tell_sign_in_refused(&mut self) {
        let State::SigningIn { errand, .. } = self.machine.state() else {
            return;
        };
        match errand {
            Errand::Upload => self.story.answers.upload(Answer::status(401)),
            Errand::Poll(_) => self.story.answers.poll(Answer::status(401)),
        }
    }

    /// A wait is over. The runtime's own dice may make it longer than the history's did.
    pub(super) fn tell_waited(&mut self, wait: Duration) {
        let is_back_off = matches!(
            self.machine.state(),
            State::Waiting { pause, .. } if pause.kind == PauseKind::BackOff
        );
        self.tell().wait(if is_back_off { wait / 5 } else { SLACK });
    }
}

/// An answer to an upload that means this.
fn reply(verdict: &Verdict) -> Answer {
    match verdict {
        Verdict::Synced => Answer::status(200),
        Verdict::Accepted { job, .. } => body(202, &json!({ "job_id": job, "status": "queued" })),
        Verdict::Waits { delay, .. } => later(*delay),
        Verdict::Spends { .. } => Answer::status(207),
        Verdict::Fails { .. } => Answer::status(422),
        Verdict::SignIn { .. } => Answer::status(401),
        Verdict::ConversationGone { .. } => Answer::status(404),
        Verdict::UseV1 { .. } => Answer::status(405),
    }
}

/// An answer to a question about a job that means this.
fn poll(verdict: &PollVerdict) -> Answer {
    let job = |status| json!({ "job_id": "J", "status": status });
    match verdict {
        PollVerdict::Synced => body(200, &job("completed")),
        PollVerdict::Running { .. } => body(200, &job("processing")),
        PollVerdict::Spends { .. } => {
            let failed = json!({ "job_id": "J", "status": "failed", "error": "cannot decode it" });
            body(200, &failed)
        }
        PollVerdict::Reupload { .. } => Answer::status(404),
        PollVerdict::Waits { delay, .. } => later(*delay),
        PollVerdict::SignIn { .. } => Answer::status(401),
    }
}

fn body(status: u16, body: &Value) -> Answer {
    Answer { body: Some(body.to_string()), ..Answer::status(status) }
}

/// The server wants it later; a wait of nothing would count as no word about it.
fn later(delay: Delay) -> Answer {
    let headers = match delay {
        Delay::BackOff => Vec::new(),
        Delay::Fixed(wait) | Delay::Told(wait) => {
            vec![(String::from("retry-after"), wait.as_secs().max(1).to_string())]
        }
    };
    Answer { headers, ..Answer::status(503) }
}
