//! The judgement about the network.

use earmark_core::connectivity::{Event, FAILURES_MAX};

/// What is believed of the network: the host's word, and how many requests failed in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Whether the host says that there is no network.
    pub host_says_no: bool,
    failures: u32,
}

impl Model {
    /// Whether requests go one at a time.
    pub const fn is_suspect(&self) -> bool {
        self.failures >= FAILURES_MAX && !self.host_says_no
    }

    /// Hears what happened.
    pub fn hear(&mut self, event: Event) {
        match event {
            Event::HostOffline => (self.host_says_no, self.failures) = (true, 0),
            Event::HostOnline => (self.host_says_no, self.failures) = (false, 0),
            // What was in flight when the host spoke says nothing.
            Event::RequestSucceeded | Event::RequestFailed if self.host_says_no => {}
            Event::RequestSucceeded => self.failures = 0,
            Event::RequestFailed => self.failures += 1,
        }
    }
}
