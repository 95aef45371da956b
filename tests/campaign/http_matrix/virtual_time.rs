//! A cell in virtual time: the real runtime in the simulated world.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use earmark::Event;
use earmark_sim::feed::{Action, Feed};
use earmark_sim::play::{PlayOptions, Terms, play_watched};
use earmark_sim::report::{Report, Status};
use earmark_sim::witness::{Answered, Heard, Witness};
use earmark_store::Config;
use earmark_tests::http::course::{Check, Course, End, Errand, Shown};
use earmark_tests::http::table::Class;

use super::cell::Cell;

/// The longest wait that a server can ask for is a day, and each of two may.
const SETTLE_LIMIT: Duration = Duration::from_secs(4 * 86_400);

/// Plays a cell and compares it with what must come of it.
pub(super) fn check(cell: &Cell, seed: u64) -> Check {
    let feed = Feed::parse(&cell.name(), &cell.feed()).map_err(|error| error.to_string())?;
    let options = PlayOptions { seed, ..PlayOptions::default() };
    let terms = Terms { config: Config::default(), settle_limit: SETTLE_LIMIT };
    let watcher = Watcher { course: cell.course(), sent: (None, None), lives: 0, broken: Ok(()) };
    let shared = Arc::new(Mutex::new(watcher));
    let watched = play_watched(&feed, &options, &terms, shared.clone());
    let watched = watched.map_err(|error| error.to_string())?;
    let watcher = shared.lock().unwrap_or_else(PoisonError::into_inner);
    watcher.broken.clone()?;
    if !watched.passed_over.is_empty() {
        return Err(format!("lines {:?} could not be carried out", watched.passed_over));
    }
    ended_rightly(&watcher.course, &watched.report)
}

/// Follows a cell step by step.
struct Watcher {
    course: Course,
    /// The name and the bytes of the first upload.
    sent: (Option<String>, Option<Vec<u8>>),
    lives: u32,
    broken: Check,
}

impl Witness for Watcher {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        if self.broken.is_ok() {
            self.broken = self.follow(at, heard);
        }
    }
}

impl Watcher {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what else happens is no concern of this")]
    fn follow(&mut self, at: Duration, heard: &Heard<'_>) -> Check {
        match heard {
            Heard::Asked(asked) => {
                let errand = if asked.file.is_some() { Errand::Upload } else { Errand::Poll };
                if let Some((name, _)) = asked.file {
                    same(&mut self.sent.0, name.to_owned(), "name")?;
                }
                let is_v1 = asked.path.starts_with("/v1/");
                self.course.left(at, errand, asked.conversation.is_some(), is_v1)
            }
            Heard::Body(_, bytes) => same(&mut self.sent.1, bytes.to_vec(), "content"),
            Heard::Answered(_, answered) => self.course.ended(at, plain(answered)),
            Heard::Event(numbered) => match &numbered.event {
                Event::UploadChanged { report, .. } => self.course.shows(&Shown {
                    status: report.status.word(),
                    reason: report.reason.clone(),
                    attempts: report.attempts,
                    wait: report.next_attempt_at.map(|deadline| deadline.wait),
                }),
                _ => Ok(()),
            },
            Heard::Opening => {
                self.lives += 1;
                if self.lives > 1 {
                    self.course.restarts(at);
                }
                Ok(())
            }
            Heard::Line(line) => {
                if matches!(line.action, Action::AccountSignIn { .. }) {
                    self.course.signs_in(at);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whatever is sent again is the same.
fn same<T: PartialEq>(first: &mut Option<T>, again: T, what: &str) -> Check {
    match first {
        Some(first) if *first != again => Err(format!("the {what} of an upload has changed")),
        Some(_) => Ok(()),
        None => {
            *first = Some(again);
            Ok(())
        }
    }
}

/// What came, where nothing was scripted.
fn plain(answered: &Answered<'_>) -> Class {
    match answered {
        Answered::Reply(status, _, body) => said(*status, body),
        Answered::Fault(_) | Answered::Damaged => Class::Final,
    }
}

/// What a server says for which nothing is scripted.
pub(super) fn said(status: u16, body: &[u8]) -> Class {
    let body = String::from_utf8_lossy(body);
    match (body.contains("job_id"), body.contains(r#""completed""#)) {
        (_, _) if status != 200 && status != 202 => Class::Final,
        (false, _) | (true, true) => Class::Synced,
        (true, false) if body.contains("queued") => Class::Accepted,
        (true, false) => Class::Running(3),
    }
}

fn ended_rightly(course: &Course, report: &Report) -> Check {
    let [recording] = &report.recordings[..] else {
        return Err(format!("{} recordings are there", report.recordings.len()));
    };
    let is_held = report.server.as_ref().is_some_and(|server| !server.uploads.is_empty());
    let found = (recording.status, recording.reason.as_deref());
    let holds = match (course.over()?, found) {
        (End::Synced, (Status::Synced, None)) => is_held,
        (End::Failed(words), (Status::Failed, Some(reason))) => reason.starts_with(&words),
        (_, _) => false,
    };
    if holds && report.events.unexpected == 0 {
        return Ok(());
    }
    Err(format!("it ended as {found:?}, held: {is_held}; expected {:?}", course.over()))
}
