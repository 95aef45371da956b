//! What became of requests and what the host said, as a feed about one recording.
//!
//! A person asks for another try whenever the history has a request. Between those no request may
//! leave by itself, for its answer would be one too many: so an answer makes the recording wait for
//! an hour that only a person ends, and after a failure the next event comes before the back-off
//! is over.

use std::time::Duration;

use earmark_backend::{Answer, Fault};
use earmark_core::Moment;
use earmark_core::connectivity::Event;

use super::{Model, event, run};
use crate::transitions::story::Story;

/// How much audio there is.
const AUDIO: Duration = Duration::from_secs(2);
const FRAMES: u64 = 200;
/// By then it has waited for its link in vain and its first request has left.
const UPLOADED_AFTER: Duration = Duration::from_secs(155);
/// Between two requests: less than a back-off, and few enough of them in a minute.
const PAUSE: Duration = Duration::from_secs(2);

struct Teller {
    story: Story,
    model: Model,
    /// Whether the recording waits for the end of its back-off or for the network's return.
    waits_for_network: bool,
}

pub(super) fn replay(choices: &[u32]) -> String {
    let mut teller = Teller::beginning();
    for choice in choices {
        teller.tell(event(*choice));
    }
    teller.story.to_feed(&run(choices, None).err().unwrap_or_default())
}

/// An answer that leaves a recording without a conversation waiting for an hour.
const fn answered() -> Answer {
    Answer::status(404)
}

fn failed() -> Answer {
    Answer { fault: Some(Fault::Refuse), ..Answer::status(202) }
}

impl Teller {
    fn beginning() -> Self {
        let mut story = Story::beginning(Moment::ZERO);
        story.start().speak(FRAMES).wait(AUDIO).stop().wait(UPLOADED_AFTER);
        story.answers.upload(answered());
        Self { story, model: Model::default(), waits_for_network: false }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::HostOffline => self.host_speaks(false),
            Event::HostOnline => self.host_speaks(true),
            Event::RequestSucceeded => self.request(answered(), false),
            Event::RequestFailed => self.request(failed(), true),
        }
        self.model.hear(event);
    }

    /// A request that was in flight when the host spoke changes nothing, and so none is told.
    fn request(&mut self, answer: Answer, waits_for_network: bool) {
        if self.model.host_says_no {
            return;
        }
        self.story.answers.upload(answer);
        self.story.retry_all().wait(PAUSE);
        self.waits_for_network = waits_for_network;
    }

    /// When the network returns, what waited for it leaves at once; its answer is like the host's
    /// word to the machine.
    fn host_speaks(&mut self, online: bool) {
        let returns = online && (self.model.host_says_no || self.model.is_suspect());
        if returns && std::mem::take(&mut self.waits_for_network) {
            self.story.answers.upload(answered());
        }
        self.story.network(online);
    }
}
