//! Recordings as the report lists them, from what a store's records say.

use earmark::{Policy, Status as Seen};
use earmark_core::Deadline;
use earmark_core::sync::UploadStage;
use earmark_sim::report::{Recording, Seconds, Status};
use earmark_store::{Ledger, RecordingFacts};
use time::OffsetDateTime;

/// Why a recording is not sealed where nobody owns the store.
const LEFT_OPEN: &str = "the process that captured it ended in the middle; the next start seals it";

/// The recordings that are there, in the order of their capture. A request that is on its way can
/// be told from one whose outcome a crash swallowed only by whether somebody owns the store.
pub(crate) fn recordings(ledger: &Ledger, is_owned: bool) -> Vec<Recording> {
    let seen = Seen::of_store(ledger, Policy::EVERYDAY);
    let mut recordings: Vec<Recording> = seen.recordings.iter().map(Recording::from).collect();
    for recording in &mut recordings {
        if let Some(facts) = ledger.recordings.get(&recording.id) {
            tell_upload(recording, facts, is_owned);
        }
    }
    recordings
}

/// What the records know of an upload that is not over. The time of the next attempt is in Unix
/// seconds, since a store knows of no feed.
fn tell_upload(recording: &mut Recording, facts: &RecordingFacts, is_owned: bool) {
    if recording.status == Status::Capturing {
        if !is_owned {
            recording.reason = Some(String::from(LEFT_OPEN));
        }
        return;
    }
    let waiting = if facts.upload.attempts == 0 { Status::Pending } else { Status::Retrying };
    match &facts.upload.stage {
        UploadStage::Pending { next, reason, .. } => {
            recording.status = waiting;
            recording.next_attempt_at = next.as_ref().map(on_the_wall);
            if let Some(reason) = reason {
                recording.reason = Some(reason.clone());
            }
        }
        UploadStage::Uploading if is_owned => {
            (recording.status, recording.reason) = (Status::Uploading, None);
        }
        UploadStage::Uploading => {
            let reason = String::from("its last request was cut short; it is sent again");
            (recording.status, recording.reason) = (waiting, Some(reason));
        }
        UploadStage::Accepted { .. } => {
            recording.reason = Some(String::from("the server works on it"));
        }
        UploadStage::Synced { .. } | UploadStage::Failed { .. } | UploadStage::Corrupted { .. } => {
        }
    }
}

/// What a person can do about a recording in this status.
pub(crate) const fn to_do(status: Status) -> &'static str {
    match status {
        Status::Capturing => {
            "nothing: it is sealed when its capture ends or, where no process runs, by the next \
             start of `earmark run` or `earmark sync`"
        }
        Status::Pending | Status::Retrying => {
            "nothing, unless the reason says so: `earmark run` and `earmark sync` try it again"
        }
        Status::Uploading | Status::Processing => "nothing: its upload is under way",
        Status::Synced => "nothing: the server has it",
        Status::Failed => {
            "`earmark retry` tries it again, `earmark export` gives a copy; until then it is kept"
        }
        Status::Corrupted => {
            "`earmark verify` says what is damaged, `earmark repair` how the store gets sound again"
        }
    }
}

fn on_the_wall(deadline: &Deadline) -> Seconds {
    Seconds::from(deadline.set.wall + deadline.wait)
}

/// A moment on the wall clock in UTC, to the second. A year that no calendar of ours has is said.
pub(crate) fn utc(at: Seconds) -> String {
    let seconds = at.as_micros().div_euclid(1_000_000);
    let found = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let Some(at) = found.filter(|at| at.year() > 0) else {
        return String::from(if seconds < 0 { "before year 1" } else { "after year 9999" });
    };
    let (date, clock) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn f142_each_status_says_what_to_do_and_names_commands_that_there_are() {
        let commands = Cli::command();
        let known = |name: &str| commands.find_subcommand(name).is_some();
        for status in [
            Status::Capturing,
            Status::Pending,
            Status::Uploading,
            Status::Processing,
            Status::Retrying,
            Status::Synced,
            Status::Failed,
            Status::Corrupted,
        ] {
            let named = to_do(status).split('`').skip(1).step_by(2);
            let named: Vec<_> = named.map(|one| one.trim_start_matches("earmark ")).collect();
            assert!(named.iter().all(|name| known(name)), "{status:?}: {named:?}");
            let wants_person = matches!(status, Status::Failed | Status::Corrupted);
            assert_eq!(wants_person, !to_do(status).starts_with("nothing"), "{status:?}");
        }
    }

    #[test]
    fn a_moment_is_shown_to_the_second_whatever_year_a_store_claims() {
        let shown = |seconds: i64| utc(Seconds::from_micros(seconds * 1_000_000));
        assert_eq!(shown(1_775_260_805), "2026-04-04 00:00:05");
        assert_eq!(shown(-1), "1969-12-31 23:59:59");
        assert_eq!(shown(9_000_000_000_000), "after year 9999");
        assert_eq!(utc(Seconds::from_micros(i64::MIN)), "before year 1");
    }
}
