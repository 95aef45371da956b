//! How the server answers in a story.

use earmark_backend::{Answer, Fault, ServerAction};

/// The answers to uploads and to questions about jobs, each in the order of the requests.
#[derive(Debug, Default)]
pub(in crate::transitions) struct Answers {
    uploads: Vec<Answer>,
    polls: Vec<Answer>,
}

impl Answers {
    /// The next upload is answered like this.
    pub(in crate::transitions) fn upload(&mut self, answer: Answer) {
        self.uploads.push(answer);
    }

    /// The next question about a job is answered like this.
    pub(in crate::transitions) fn poll(&mut self, answer: Answer) {
        self.polls.push(answer);
    }

    /// An upload leaves. It is in flight for as long as the history has no answer to it.
    pub(in crate::transitions) fn upload_left(&mut self) {
        self.uploads.push(unanswered());
    }

    /// The upload that left last is answered after all.
    pub(in crate::transitions) fn upload_came(&mut self, answer: Answer) {
        self.uploads.pop();
        self.uploads.push(answer);
    }

    /// A question about a job leaves. It is in flight for as long as the history has no answer.
    pub(in crate::transitions) fn poll_left(&mut self) {
        self.polls.push(unanswered());
    }

    /// The question that left last is answered after all.
    pub(in crate::transitions) fn poll_came(&mut self, answer: Answer) {
        self.polls.pop();
        self.polls.push(answer);
    }

    /// The lines that tell the server; none for a queue without answers.
    pub(super) fn scripts(&self) -> impl Iterator<Item = ServerAction> {
        let uploads = (!self.uploads.is_empty()).then(|| self.uploads.clone());
        let polls = (!self.polls.is_empty()).then(|| self.polls.clone());
        let scripts = [uploads.map(ServerAction::Respond), polls.map(ServerAction::JobRespond)];
        scripts.into_iter().flatten()
    }
}

fn unanswered() -> Answer {
    Answer { fault: Some(Fault::Hang), ..Answer::status(202) }
}
