//! For how long the server has given no answer, though it was asked.

use std::time::{Duration, Instant};

use earmark::{RecordingStatus, SocketStatus, Status};

/// So long a server may give no answer until a person is told.
const SILENCE_MAX: Duration = Duration::from_secs(600);

/// Since when the server has given no answer, and what came instead.
#[derive(Clone, Default)]
pub(crate) struct Silence(Option<(Instant, String)>);

impl Silence {
    /// A request, or a connection, got no answer.
    pub(crate) fn went_unanswered(&mut self, fault: &str, now: Instant) {
        let since = self.0.as_ref().map_or(now, |(since, _)| *since);
        self.0 = Some((since, fault.to_owned()));
    }

    /// The server has answered, whatever it said.
    pub(crate) fn was_answered(&mut self) {
        self.0 = None;
    }

    /// A live socket that waits for its next try was not brought up. Where nothing is asked of the
    /// server any more, it does not matter that it was silent.
    pub(crate) fn saw(&mut self, status: &Status, now: Instant) {
        let is_tried = |one: &&SocketStatus| one.state == "waiting" && one.next_try.is_some();
        let mut sockets = status.sockets.iter();
        if let Some(socket) = sockets.clone().find(is_tried) {
            self.went_unanswered(socket.reason.as_deref().unwrap_or("no connection"), now);
        } else if !sockets.any(|one| one.state == "connecting")
            && !status.recordings.iter().any(RecordingStatus::is_on_its_way)
        {
            self.was_answered();
        }
    }

    /// What a person should do something about.
    pub(crate) fn trouble(&self, now: Instant) -> Option<String> {
        let (since, fault) = self.0.as_ref()?;
        let silence = now.saturating_duration_since(*since);
        let minutes = silence.as_secs() / 60;
        let told = format!("the server has given no answer for {minutes} minutes: {fault}");
        (silence >= SILENCE_MAX).then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recording;

    #[test]
    fn a_server_that_refuses_every_connection_for_long_is_a_trouble_until_it_answers() {
        let (mut silence, start) = (Silence::default(), crate::clock::now());
        let pending = Status { recordings: vec![recording(1, "pending")], ..Status::default() };
        silence.went_unanswered("refused", start);
        silence.saw(&pending, start);
        let later = start + SILENCE_MAX;
        silence.went_unanswered("timeout", later);
        assert_eq!(silence.trouble(later - Duration::from_secs(1)), None);
        let told = silence.trouble(later).expect("it is long");
        assert!(told.contains("10 minutes: timeout"), "{told}");
        silence.was_answered();
        assert_eq!(silence.trouble(later), None);
        silence.went_unanswered("refused", start);
        silence.saw(&Status::default(), later);
        assert_eq!(silence.trouble(later), None, "nothing is asked of it any more");
    }
}
