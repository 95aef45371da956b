//! The network and the server behind it: what it holds, and the requests on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use earmark_core::invariant::upload::exactly_once;
use earmark_core::sync::{
    Api, Asked, JobBody, PollVerdict, Reply, TransportFault, UploadBody, Verdict, classify,
    classify_poll,
};
use earmark_core::{ConversationId, RecordingId};

use super::checks::Turn;
use super::words::{Answer, Held, Now, Out, ToJudge, ToServer, ToSync};

/// When the server wants to be asked about a job; so a lease ends after three questions.
const POLL_AFTER: Duration = Duration::from_secs(7_200);

/// The server, and what is on its way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Server {
    /// The conversations under which it holds each recording.
    held: BTreeMap<RecordingId, BTreeSet<Option<ConversationId>>>,
    /// Recordings whose conversation it has called gone.
    relinked: BTreeSet<RecordingId>,
    /// Recordings whose jobs never end.
    endless: BTreeSet<RecordingId>,
    flights: BTreeMap<RecordingId, Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Request {
    Upload(Option<ConversationId>),
    Poll,
}

impl Server {
    pub(super) fn step(&mut self, event: &ToServer, now: Now, outs: &mut Vec<Out>) -> Held {
        let mut turn = Turn::new(now, outs);
        match event {
            ToServer::Upload { recording, conversation } => {
                let upload = Request::Upload(conversation.clone());
                self.endless.remove(recording);
                self.flights.insert(*recording, upload);
            }
            ToServer::Poll { recording } => {
                self.flights.insert(*recording, Request::Poll);
            }
            ToServer::Answer { recording, how } => self.answer(*recording, *how, &mut turn),
            ToServer::ClientDied => self.flights.clear(),
        }
        turn.held
    }

    /// The requests on their way, with the answers that each can get, the hoped one first.
    pub(super) fn flights(&self) -> impl Iterator<Item = (RecordingId, &'static [Answer])> {
        self.flights.iter().map(|(recording, request)| {
            let answers = match request {
                Request::Upload(_) => &TO_UPLOADS[..],
                Request::Poll if self.endless.contains(recording) => &TO_ENDLESS[..],
                Request::Poll => &TO_POLLS[..],
            };
            (*recording, answers)
        })
    }

    fn answer(&mut self, recording: RecordingId, how: Answer, turn: &mut Turn<'_>) {
        match self.flights.remove(&recording) {
            Some(Request::Upload(conversation)) => {
                if takes_effect(how) {
                    self.keep(recording, conversation.clone(), turn);
                }
                if how == Answer::Gone {
                    self.relinked.insert(recording);
                }
                let verdict = upload_verdict(how, conversation.is_some());
                turn.outs.push(Out::Sync(ToSync::Replied { recording, verdict }));
            }
            Some(Request::Poll) => {
                if how == Answer::Running {
                    self.endless.insert(recording);
                }
                let verdict = poll_verdict(how);
                turn.outs.push(Out::Sync(ToSync::Polled { recording, verdict }));
            }
            None => return,
        }
        let carried = !matches!(how, Answer::Reset | Answer::ReplyLost);
        turn.outs.push(Out::Judge(ToJudge::RequestEnded { carried }));
    }

    /// The same recording under the same conversation is one copy, however often it comes.
    fn keep(
        &mut self,
        recording: RecordingId,
        conversation: Option<ConversationId>,
        turn: &mut Turn<'_>,
    ) {
        let copies = self.held.entry(recording).or_default();
        copies.insert(conversation);
        let copies = u32::try_from(copies.len()).unwrap_or(u32::MAX);
        turn.check(exactly_once(
            copies - u32::from(self.relinked.contains(&recording) && copies > 1),
        ));
    }
}

const fn takes_effect(how: Answer) -> bool {
    match how {
        Answer::Well | Answer::AtOnce | Answer::ReplyLost => true,
        Answer::Reset
        | Answer::Busy
        | Answer::Later
        | Answer::Refused
        | Answer::Partial
        | Answer::Gone
        | Answer::Running
        | Answer::StillRunning
        | Answer::JobLost => false,
    }
}

/// The answers that an upload can get; the first is what the client hopes for.
const TO_UPLOADS: [Answer; 9] = [
    Answer::Well,
    Answer::AtOnce,
    Answer::Reset,
    Answer::ReplyLost,
    Answer::Busy,
    Answer::Later,
    Answer::Refused,
    Answer::Partial,
    Answer::Gone,
];
/// The answers that a question about a job can get.
const TO_POLLS: [Answer; 5] =
    [Answer::Well, Answer::ReplyLost, Answer::Partial, Answer::Running, Answer::JobLost];
const TO_ENDLESS: [Answer; 1] = [Answer::StillRunning];

/// The production classification says what an answer means.
fn upload_verdict(how: Answer, named: bool) -> Verdict {
    let asked = Asked { api: Api::V2, named };
    let result = UploadBody::Result { failed_segments: 0 };
    let job = UploadBody::Job { id: "job", completed: false, poll_after: None };
    let status = |status, retry_after, body| Reply::Status { status, retry_after, body };
    let minute = Some(Duration::from_secs(60));
    let reply = match how {
        Answer::Well | Answer::Running | Answer::StillRunning | Answer::JobLost => {
            status(202, None, job)
        }
        Answer::AtOnce => status(200, None, result),
        Answer::Reset => Reply::Transport(TransportFault::Reset),
        Answer::ReplyLost => Reply::Transport(TransportFault::Lost),
        Answer::Busy => status(503, None, UploadBody::Empty),
        Answer::Later => status(429, minute, UploadBody::Empty),
        Answer::Refused => status(413, None, UploadBody::Empty),
        Answer::Partial => status(207, None, UploadBody::Result { failed_segments: 1 }),
        Answer::Gone => status(404, None, UploadBody::Detail("Conversation not found")),
    };
    classify(&reply, asked)
}

fn poll_verdict(how: Answer) -> PollVerdict {
    let status = |status, body| Reply::Status { status, retry_after: None, body };
    classify_poll(&match how {
        Answer::Well | Answer::AtOnce => status(200, JobBody::Ended { failed_segments: 0 }),
        Answer::Partial | Answer::Refused => status(200, JobBody::Ended { failed_segments: 1 }),
        Answer::Running | Answer::StillRunning => {
            status(200, JobBody::Running { poll_after: Some(POLL_AFTER) })
        }
        Answer::JobLost | Answer::Gone => status(404, JobBody::Unreadable),
        Answer::Reset | Answer::ReplyLost => Reply::Transport(TransportFault::Lost),
        Answer::Busy | Answer::Later => status(503, JobBody::Unreadable),
    })
}
