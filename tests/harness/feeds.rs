//! The feeds of `tests/feeds`, and what a feed comes to in virtual time.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use earmark_core::Policy;
use earmark_sim::feed::Feed;
use earmark_sim::play::{PlayOptions, load_sounds, play};
use earmark_sim::report::{Report, Session, SessionState, Verdict};

/// The folder whose feeds are played by the rules of the original.
const ORIGINAL: &str = "omi-2026-04";

/// All feeds, in the order of their paths.
pub fn all() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&folder(), &mut found);
    found.sort();
    found
}

/// A feed's name for people: its path below the folder of feeds.
pub fn name(path: &Path) -> String {
    path.strip_prefix(folder()).unwrap_or(path).display().to_string()
}

/// Plays one feed by the rules that its folder stands for.
///
/// # Errors
///
/// What is wrong with the feed, in words.
pub fn report(path: &Path) -> Result<Report, String> {
    let name = name(path);
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let feed = Feed::parse(&name, &text).map_err(|error| error.to_string())?;
    let sounds = load_sounds(&feed, path).map_err(|error| error.to_string())?;
    let options = PlayOptions { policy: policy(path), ..PlayOptions::default() };
    play(&feed, &sounds, &options).map_err(|error| format!("{name}: {error}"))
}

/// What did not go as it should in a feed that was played, in words.
pub fn complaints_about(name: &str, report: &Report) -> Vec<String> {
    let panics = report.timeline.iter().filter(|one| one.what == "panicked");
    let panics = panics.map(|one| format!("{name}: {} panicked", one.actor));
    let unmet = unmet(name, report).into_iter().chain(unbalanced(name, report));
    unmet.chain(panics).collect()
}

/// The expectations that were not met, each with what was found.
pub fn unmet(name: &str, report: &Report) -> Vec<String> {
    let told = |verdict: &Verdict| format!("{name}:{}: found {}", verdict.line, verdict.found);
    let unmet = report.expectations.iter().filter(|verdict| !verdict.held);
    unmet.map(told).collect()
}

/// Frames that are nowhere or in two places, and frames that stay in memory when all is sealed.
pub fn unbalanced(name: &str, report: &Report) -> Vec<String> {
    let frames = &report.frames;
    let kept = frames.held + frames.released + frames.uploaded;
    let sum = frames.muted + frames.rejected + frames.lost + kept;
    let is_open = |session: &Session| {
        matches!(session.state, SessionState::Capturing | SessionState::Sealing)
    };
    let may_be_in_memory = report.sessions.iter().any(is_open);
    let is_durable = frames.durable == kept || may_be_in_memory && frames.durable < kept;
    if frames.captured == sum && is_durable {
        return Vec::new();
    }
    vec![format!("{name}: {frames:?}")]
}

/// Checks every feed, as many at a time as there are processors, and gives the complaints in the
/// order of the feeds.
pub fn complaints(check: impl Fn(&Path) -> Vec<String> + Sync) -> Vec<String> {
    let feeds = all();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let work = || {
        while let Some(path) = feeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let complaints = check(path);
            found.lock().expect("no check panics while it holds the lock").push((path, complaints));
        }
    };
    thread::scope(|scope| {
        (0..thread::available_parallelism().map_or(1, usize::from)).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut found = found.into_inner().expect("no check panics while it holds the lock");
    found.sort();
    found.into_iter().flat_map(|(_, complaints)| complaints).collect()
}

fn policy(path: &Path) -> Policy {
    let is_original = path.parent().is_some_and(|parent| parent.ends_with(ORIGINAL));
    if is_original { Policy::OMI_2026_04 } else { Policy::EVERYDAY }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder of feeds can be read");
    for entry in entries {
        let path = entry.expect("the folder of feeds can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "feed") {
            found.push(path);
        }
    }
}
