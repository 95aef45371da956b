//! What is known of a running host: for its health, its metrics and its log.

mod disk;
mod silence;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use earmark::{Account, Device, RecordingId, RecordingStatus, SessionId, SocketStatus, Status};

use super::intake::Counts;
use disk::DiskTasks;
use silence::Silence;

/// A status that is older than this says that the runtime does not answer.
const STATUS_AGE_MAX: Duration = Duration::from_secs(30);

/// What is known, for all who want to know.
#[derive(Default)]
pub(crate) struct Board {
    facts: Mutex<Facts>,
}

/// What is known at a moment.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    /// The latest status; of its recordings those that are not synced, and no sessions.
    pub(crate) status: Arc<Status>,
    /// How many of all recordings have each status, and how many sessions are in each state.
    pub(crate) recordings: BTreeMap<&'static str, u64>,
    pub(crate) sessions: BTreeMap<&'static str, u64>,
    /// The session and device of every recording.
    owners: Arc<Vec<(RecordingId, SessionId, Device)>>,
    /// When the status was so.
    pub(crate) looked: Option<Instant>,
    /// Why frames are refused by the store.
    pub(crate) refusal: Option<String>,
    /// Why the store takes no frames: it, or the disk, is full.
    pub(crate) full: Option<String>,
    /// What the disk fails at.
    pub(crate) disk: DiskTasks,
    /// Why the store's folder cannot be looked at.
    pub(crate) unlooked: Option<String>,
    /// Why there is no control socket.
    pub(crate) no_control: Option<String>,
    /// Since when the server has given no answer.
    pub(crate) silence: Silence,
    pub(crate) is_offline: bool,
    pub(crate) is_stopping: bool,
    /// The live sockets: how often each went down, and whether it is up.
    pub(crate) sockets: BTreeMap<(Device, Account), (u64, bool)>,
    /// Requests that ended, by what came of them.
    pub(crate) requests: BTreeMap<&'static str, u64>,
    pub(crate) sources: BTreeMap<String, SourceFacts>,
    /// Accounts whose recordings wait for a person.
    pub(crate) needs_sign_in: BTreeMap<Account, String>,
}

/// What is known of a source.
#[derive(Clone)]
pub(crate) struct SourceFacts {
    pub(crate) device: Device,
    pub(crate) counts: Arc<Counts>,
    pub(crate) is_muted: bool,
    pub(crate) has_ended: bool,
    pub(crate) fault: Option<String>,
}

impl Board {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something.
    pub(crate) fn note<T>(&self, note: impl FnOnce(&mut Facts) -> T) -> T {
        note(&mut self.facts())
    }

    /// All that is known now.
    pub(crate) fn now(&self) -> Facts {
        self.facts().clone()
    }

    /// The session and device of a recording, as of the latest look.
    pub(crate) fn whose(&self, recording: RecordingId) -> Option<(SessionId, Device)> {
        let owners = Arc::clone(&self.facts().owners);
        let found = owners.binary_search_by_key(&recording, |(id, _, _)| *id).ok()?;
        let (_, session, device) = &owners[found];
        Some((*session, device.clone()))
    }
}

impl Facts {
    /// Notes the status. What is synced is not kept but for what is asked of it: it grows for as
    /// long as the host captures.
    pub(crate) fn saw(&mut self, mut status: Status, now: Instant) {
        self.recordings = counted(status.recordings.iter().map(|one| one.status));
        self.sessions = counted(status.sessions.iter().map(|one| one.state));
        self.silence.saw(&status, now);
        self.disk.saw(&status);
        let owner = |one: &RecordingStatus| (one.id, one.session, one.device.clone());
        self.owners = Arc::new(status.recordings.iter().map(owner).collect());
        status.recordings.retain(|one| one.status != "synced");
        status.recordings.shrink_to_fit();
        status.sessions = Vec::new();
        self.status = Arc::new(status);
        self.looked = Some(now);
    }

    /// Everything that a person should do something about.
    pub(crate) fn troubles(&self, now: Instant) -> Vec<String> {
        let mut troubles = Vec::new();
        if !self.answers(now) {
            troubles.push(String::from("the runtime does not answer"));
        }
        troubles.extend(self.refusal.iter().map(|why| format!("frames are refused: {why}")));
        troubles.extend(self.full.iter().map(|why| format!("frames are refused: {why}")));
        if let Some(why) = &self.unlooked {
            troubles.push(format!("the store's folder cannot be looked at: {why}"));
        }
        troubles.extend(self.disk.troubles(now));
        if let Some(why) = &self.no_control {
            troubles.push(format!("nobody can mute a device: {why}"));
        }
        for (name, source) in &self.sources {
            if let Some(fault) = &source.fault {
                troubles.push(format!("the source {name} fails: {fault}"));
            }
        }
        troubles.extend(self.status.sockets.iter().filter_map(trouble_of));
        troubles.extend(self.silence.trouble(now));
        for (account, why) in &self.needs_sign_in {
            troubles.push(format!("the account {account} must sign in again: {why}"));
        }
        for status in ["failed", "corrupted"] {
            troubles.extend(self.trouble_of_recordings(status));
        }
        if self.status.damage > 0 {
            let found = self.status.damage;
            troubles.push(format!("the store was damaged in {found} places; run earmark verify"));
        }
        troubles
    }

    /// What a person should do about the recordings that have ended badly.
    fn trouble_of_recordings(&self, status: &str) -> Option<String> {
        let mut those = self.status.recordings.iter().filter(|one| one.status == status);
        let first = those.next()?;
        let (count, id) = (1 + those.count(), first.id);
        let why = first.reason.as_deref().unwrap_or("earmark show tells more");
        Some(format!("recordings that are {status}: {count}, such as {id}: {why}"))
    }

    /// Whether the runtime has answered lately.
    pub(crate) fn answers(&self, now: Instant) -> bool {
        self.looked.is_some_and(|at| now.saturating_duration_since(at) <= STATUS_AGE_MAX)
    }

    /// Whether frames are refused because the disk, or the store, is full.
    pub(crate) fn is_full(&self) -> bool {
        let is_of_room = |why: &String| {
            let errors = [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT];
            errors.iter().any(|error| why.contains(&error.to_string()))
        };
        self.full.is_some() || self.refusal.as_ref().is_some_and(is_of_room)
    }

    /// Whether every source has come to its end.
    pub(crate) fn sources_have_ended(&self) -> bool {
        self.sources.values().all(|source| source.has_ended)
    }
}

fn counted(words: impl Iterator<Item = &'static str>) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    counts
}

/// What a person should do something about at a live socket.
fn trouble_of(socket: &SocketStatus) -> Option<String> {
    let SocketStatus { device, account, state, reason, fruitless, is_wedged, .. } = socket;
    let socket = format!("the live socket of {device} ({account})");
    if *state == "stopped" {
        let why = reason.as_deref().unwrap_or("the server wants no more of it");
        return Some(format!("{socket} stays down: {why}"));
    }
    is_wedged.then(|| {
        format!(
            "{socket} comes up and brings nothing, {fruitless} times by now; what is captured is \
             kept and uploaded"
        )
    })
}

/// What counts a host keeps that the runtime does not.
pub(crate) static LOG_LINES_LEFT_OUT: AtomicU64 = AtomicU64::new(0);
pub(crate) static LOG_LINES_DROPPED: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// F30.
    #[test]
    fn live_connections_that_stay_down_or_bring_nothing_are_a_trouble() {
        let now = crate::clock::now();
        let troubles = |state, is_wedged| {
            let socket = SocketStatus {
                device: Device::new("pendant").expect("a name"),
                account: Account::new("default").expect("a name"),
                state,
                reason: None,
                next_try: None,
                needs_sign_in: false,
                fruitless: 3,
                is_wedged,
            };
            let status = Arc::new(Status { sockets: vec![socket], ..Status::default() });
            Facts { status, looked: Some(now), ..Facts::default() }.troubles(now)
        };
        assert_eq!(troubles("up", false), Vec::<String>::new());
        for (state, is_wedged) in [("up", true), ("stopped", false)] {
            let told = troubles(state, is_wedged);
            assert!(told.len() == 1 && told[0].contains("pendant (default)"), "{told:?}");
        }
    }

    /// One of the recordings of a store, with one frame of one byte.
    pub(crate) fn recording(number: u64, status: &'static str) -> RecordingStatus {
        RecordingStatus {
            id: format!("r-00000000-{number}").parse().expect("an id"),
            device: Device::new("desk").expect("a name"),
            account: Account::new("default").expect("a name"),
            session: "s-00000000-1".parse().expect("an id"),
            conversation: None,
            started_at: earmark::WallTime::default(),
            duration: Duration::ZERO,
            frames: 1,
            bytes: 1,
            sha256: None,
            status,
            reason: None,
            attempts: 0,
            next_attempt: None,
            needs_person: false,
        }
    }

    #[test]
    fn what_is_synced_is_counted_and_known_by_its_owner_and_not_kept() {
        let board = Board::default();
        let recordings = (1..).zip(["synced", "pending", "synced"]);
        let recordings = recordings.map(|(number, status)| recording(number, status)).collect();
        let status = Status { recordings, ..Status::default() };
        board.note(|facts| facts.saw(status, crate::clock::now()));
        let facts = board.now();
        let kept: Vec<_> = facts.status.recordings.iter().map(|one| one.id.number()).collect();
        assert_eq!(kept, [2]);
        assert_eq!(facts.recordings, BTreeMap::from([("pending", 1), ("synced", 2)]));
        let (session, device) = board.whose(recording(3, "synced").id).expect("it is known");
        assert_eq!((session.number(), device.as_str()), (1, "desk"));
    }

    #[test]
    fn what_wants_a_person_is_a_trouble_until_it_is_over() {
        let (board, now) = (Board::default(), crate::clock::now());
        let troubles = || board.now().troubles(now).join("; ");
        let saw = |statuses: &[&'static str]| {
            let recordings = (1..).zip(statuses).map(|(number, one)| recording(number, one));
            let status = Status { recordings: recordings.collect(), ..Status::default() };
            board.note(|facts| facts.saw(status, now));
        };
        saw(&["failed", "corrupted", "pending", "failed"]);
        let told = troubles();
        assert!(told.contains("recordings that are failed: 2, such as r-00000000-1"), "{told}");
        assert!(told.contains("recordings that are corrupted: 1, such as r-00000000-2"), "{told}");
        saw(&["synced"]);
        assert_eq!(troubles(), "");
        board.note(|facts| facts.unlooked = Some(String::from("EACCES")));
        assert!(troubles().contains("cannot be looked at: EACCES"));
        board.note(|facts| facts.unlooked = None);
        board.note(|facts| facts.no_control = Some(String::from("it is taken")));
        assert!(troubles().contains("nobody can mute a device: it is taken"));
    }

    #[test]
    fn a_disk_that_is_full_is_told_from_one_that_fails() {
        let is_full = |error: rustix::io::Errno| {
            let reason = format!("the disk refuses: {}", std::io::Error::from(error));
            Facts { refusal: Some(reason), ..Facts::default() }.is_full()
        };
        assert!(is_full(rustix::io::Errno::NOSPC) && is_full(rustix::io::Errno::DQUOT));
        assert!(!is_full(rustix::io::Errno::IO));
    }
}
