//! Which faults of network and server were met.

use std::collections::BTreeMap;

use earmark_backend::ServerAction;
use earmark_core::sync::TransportFault;
use earmark_sim::feed::Action;
use earmark_sim::witness::{Answered, Heard};

use super::super::kinds::{FaultKind, Kinds};

/// So many answers of 5xx in a row are a burst.
const BURST: u32 = 3;
/// A job that is still in work at so many questions may never finish.
const PATIENCE: u32 = 5;

/// What was met of the network so far.
#[derive(Debug, Default)]
pub(super) struct NetworkFaults {
    /// The path of each request in flight; `true` for an upload.
    asked: BTreeMap<u64, (String, bool)>,
    /// Jobs that the server has given and not finished.
    jobs: u64,
    errors: u32,
    in_work: BTreeMap<String, u32>,
}

impl NetworkFaults {
    pub(super) fn hear(&mut self, heard: &Heard<'_>, met: &mut Kinds) {
        match heard {
            Heard::Asked(asked) => {
                self.asked.insert(asked.number, (asked.path.to_owned(), asked.file.is_some()));
            }
            Heard::Answered(number, answered) => {
                let asked = self.asked.remove(number);
                self.answered(asked, answered, met);
            }
            Heard::Line(line) => self.line(&line.action, met),
            _ => {}
        }
    }

    fn line(&self, action: &Action, met: &mut Kinds) {
        match action {
            Action::Server(ServerAction::Restart) if self.jobs > 0 => {
                met.add(FaultKind::ServerForgets);
            }
            Action::AccountSignOut { .. } => met.add(FaultKind::UserSwitch),
            _ => {}
        }
    }

    fn answered(
        &mut self,
        asked: Option<(String, bool)>,
        answered: &Answered<'_>,
        met: &mut Kinds,
    ) {
        match answered {
            Answered::Fault(fault) => meet_fault(*fault, met),
            Answered::Damaged => {}
            Answered::Reply(status, retry_after, body) => {
                self.replied(asked, *status, *retry_after, body, met);
            }
        }
    }

    fn replied(
        &mut self,
        asked: Option<(String, bool)>,
        status: u16,
        retry_after: Option<&str>,
        body: &[u8],
        met: &mut Kinds,
    ) {
        let (path, is_upload) = asked.unwrap_or_default();
        self.errors = if status >= 500 { self.errors + 1 } else { 0 };
        if self.errors >= BURST {
            met.add(FaultKind::ServerErrors);
        }
        let has = |word: &str| body.windows(word.len()).any(|part| part == word.as_bytes());
        let is_odd = |value: &str| value.parse::<u32>().is_err();
        match status {
            200 if body.starts_with(b"<") => met.add(FaultKind::Portal),
            200 if has("partial_failure") => met.add(FaultKind::Partial),
            200 if has(r#""failed""#) => met.add(FaultKind::JobFails),
            200 if has("processing") && !is_upload => self.still_in_work(path, met),
            202 => self.jobs += 1,
            207 => met.add(FaultKind::Partial),
            401 => met.add(FaultKind::TokenExpiry),
            404 | 410 if !is_upload => met.add(FaultKind::JobFails),
            429 if retry_after.is_none_or(is_odd) => met.add(FaultKind::OddRetryAfter),
            _ => {}
        }
    }

    fn still_in_work(&mut self, path: String, met: &mut Kinds) {
        let questions = self.in_work.entry(path).or_default();
        *questions += 1;
        if *questions >= PATIENCE {
            met.add(FaultKind::NeverFinishes);
        }
    }
}

fn meet_fault(fault: TransportFault, met: &mut Kinds) {
    match fault {
        TransportFault::Refused => met.add(FaultKind::Refused),
        TransportFault::Dns | TransportFault::Tls => met.add(FaultKind::Dns),
        TransportFault::Reset => met.add(FaultKind::Reset),
        TransportFault::Lost => met.add(FaultKind::ReplyLost),
        TransportFault::Offline
        | TransportFault::ConnectTimeout
        | TransportFault::Timeout
        | TransportFault::TooLarge => {}
    }
}
