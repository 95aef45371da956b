//! What a person would want to see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use earmark_core::sync::{Report, Status as UploadStatus, UploadStage};
use earmark_core::{
    Account, ConversationId, Deadline, Delivery, Device, Moment, Policy, RecordingId, SessionId,
    WallTime,
};
use earmark_store::{Ledger, RecordingFacts, Sha256Sum};
use tokio::sync::{Notify, oneshot, watch};

use crate::actors::{
    AskInventory, Inventory, LiveView, Peers, SessionView, Shared, UploadView, tell,
};
use crate::source::Entry;

/// How often the status is looked at while somebody watches it.
pub const STATUS_EVERY: Duration = Duration::from_millis(500);

/// The word for a recording that is not sealed yet, where no upload machine can know it.
const CAPTURING: &str = "capturing";

/// The whole status of a runtime at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// The recordings that are there, in the order of their capture.
    pub recordings: Vec<RecordingStatus>,
    /// The recordings that were let go and whose files are not unlinked yet.
    pub removing: Vec<RecordingId>,
    /// The sessions, in the order of their first frames.
    pub sessions: Vec<SessionStatus>,
    /// The runtime's own live sockets, one a source that wanted one, in the order of their names.
    pub sockets: Vec<SocketStatus>,
    /// What became of the frames.
    pub frames: FrameCounts,
    /// How much audio is where.
    pub indicator: Indicator,
    /// Events that were understood and had no effect, and events that no machine had an answer to.
    pub events: EventCounts,
    /// Places of the store that recovery found damaged.
    pub damage: usize,
}

/// One recording.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingStatus {
    /// Its id.
    pub id: RecordingId,
    /// The device.
    pub device: Device,
    /// Whose it is.
    pub account: Account,
    /// Its session.
    pub session: SessionId,
    /// Its conversation, if it is linked.
    pub conversation: Option<ConversationId>,
    /// When its first frame was captured.
    pub started_at: WallTime,
    /// How much audio it holds: its frames at the codec's pace.
    pub duration: Duration,
    /// How many frames.
    pub frames: u64,
    /// How many bytes its file has; what its frames have so far is not known before the seal.
    pub bytes: u64,
    /// SHA-256 of its file, once it is sealed.
    pub sha256: Option<Sha256Sum>,
    /// `capturing`, `pending`, `uploading`, `processing`, `retrying`, `synced`, `failed` or
    /// `corrupted`.
    pub status: &'static str,
    /// Why, in words.
    pub reason: Option<String>,
    /// Attempts that spent the budget.
    pub attempts: u32,
    /// When it is tried again, if that is known.
    pub next_attempt: Option<Deadline>,
    /// Whether only a person can bring it on.
    pub needs_person: bool,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// Its id.
    pub id: SessionId,
    /// The device.
    pub device: Device,
    /// The state's name.
    pub state: &'static str,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// Whether a deadline, and not the server's event, started its sync.
    pub fallback_fired: bool,
}

/// One live socket of the runtime's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketStatus {
    /// The device.
    pub device: Device,
    /// Whose it is.
    pub account: Account,
    /// `off`, `waiting`, `signing_in`, `connecting`, `up` or `stopped`.
    pub state: &'static str,
    /// Why it is not up, in words.
    pub reason: Option<String>,
    /// When it is tried again, if that is known.
    pub next_try: Option<Moment>,
    /// Whether it is stopped for want of a token that the server takes.
    pub needs_sign_in: bool,
    /// How many of its connections ended without fruit since the runtime started, though frames
    /// were expected: without a word of the server, or without a frame that was proven delivered.
    pub fruitless: u64,
    /// Whether [`FRUITLESS_MAX`](crate::FRUITLESS_MAX) of them ended in a row, within
    /// [`FRUITLESS_WINDOW`](crate::FRUITLESS_WINDOW), and none has borne fruit since.
    pub is_wedged: bool,
}

/// What became of the frames since the runtime started; what the store counts, since the store
/// began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Offered by producers.
    pub captured: u64,
    /// Let go, the source being muted.
    pub muted: u64,
    /// Given back with a reason.
    pub rejected: u64,
    /// On their way to the disk.
    pub in_memory: u64,
    /// Held on disk or on their way there, failed and damaged recordings included.
    pub held: u64,
    /// Let go by policy, or deleted, without an upload.
    pub released: u64,
    /// Confirmed by the server, each once.
    pub uploaded: u64,
    /// Proven delivered over the live socket.
    pub delivered: u64,
}

/// How much audio is where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indicator {
    /// Not durable yet.
    pub in_memory: Duration,
    /// Durable and still held.
    pub on_disk: Duration,
    /// Both, less what counts as delivered under the policy.
    pub unsynced: Duration,
}

/// Counts of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Understood and without effect.
    pub ignored: u64,
    /// A machine had no answer: always 0.
    pub unexpected: u64,
}

impl RecordingStatus {
    /// Whether it is still on its way to the server without a person's help.
    pub fn is_on_its_way(&self) -> bool {
        !self.needs_person
            && matches!(self.status, "pending" | "uploading" | "retrying" | "processing")
    }
}

impl Status {
    /// Whether no session waits for a link, event, seal or upload, and no recording is on its way.
    /// What waits for a person does not count, nor does a capture that runs.
    pub fn is_settled(&self) -> bool {
        let needs_person =
            |id| self.recordings.iter().any(|one| one.session == id && one.needs_person);
        let sessions = self.sessions.iter().all(|session| match session.state {
            "capturing" | "settled" => true,
            _ => needs_person(session.id),
        });
        sessions && !self.recordings.iter().any(RecordingStatus::is_on_its_way)
    }

    /// What a store holds, seen by somebody who does not own it: what recovery would find open or
    /// would have to seal is `capturing`.
    pub fn of_store(ledger: &Ledger, policy: Policy) -> Self {
        let mut recordings = recordings(ledger, &BTreeMap::new());
        for one in recordings.iter_mut().filter(|one| one.sha256.is_none()) {
            one.status = CAPTURING;
        }
        let mut status = Self {
            recordings,
            removing: removing(ledger),
            sessions: list_sessions(ledger, &[]),
            ..Self::default()
        };
        status.frames.released = ledger.totals.released_frames + ledger.totals.deleted_frames;
        status.frames.uploaded = ledger.totals.uploaded_frames;
        measure(ledger, policy, &mut status);
        status
    }
}

/// Puts the status together from what the actors know.
pub(crate) struct StatusBoard {
    peers: Peers,
    shared: Shared,
    damage: usize,
    watched: watch::Sender<Status>,
    /// Rung when somebody begins to watch.
    bell: Arc<Notify>,
}

impl StatusBoard {
    pub(crate) fn new(peers: Peers, shared: Shared, damage: usize) -> Self {
        let (watched, _) = watch::channel(Status::default());
        Self { peers, shared, damage, watched, bell: Arc::new(Notify::new()) }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Status> {
        self.bell.notify_one();
        self.watched.subscribe()
    }

    /// Ends at once while somebody watches, else when somebody begins to.
    pub(crate) fn woken(&self) -> impl Future<Output = ()> + use<> {
        let (bell, is_watched) = (Arc::clone(&self.bell), self.is_watched());
        async move {
            if !is_watched {
                bell.notified().await;
            }
        }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.receiver_count() > 0
    }

    pub(crate) fn show(&self, status: Status) {
        self.watched.send_if_modified(|shown| {
            let changed = *shown != status;
            *shown = status;
            changed
        });
    }

    /// Asks the actors; nothing when they have stopped.
    pub(crate) async fn look(&self, sources: &[Arc<Entry>]) -> Option<Status> {
        let (answer, sessions) = oneshot::channel();
        tell(&self.peers.supervisor, AskInventory::<Vec<SessionView>>(answer));
        let sessions = sessions.await.ok()?;
        let (answer, uploads) = oneshot::channel();
        tell(&self.peers.sync, AskInventory::<Vec<UploadView>>(answer));
        let uploads = uploads.await.ok()?;
        let (answer, inventory) = oneshot::channel();
        tell(&self.peers.store, AskInventory::<Inventory>(answer));
        let ledger = inventory.await.ok()?.ledger;
        let (answer, sockets) = oneshot::channel();
        tell(&self.peers.uplink, AskInventory::<Vec<LiveView>>(answer));
        let sockets = sockets.await.ok()?.into_iter().map(socket).collect();
        let reports = uploads.into_iter().map(|view| (view.recording, view.report)).collect();
        Some(Status { sockets, ..self.assemble(&ledger, &sessions, &reports, sources) })
    }

    fn assemble(
        &self,
        ledger: &Ledger,
        sessions: &[SessionView],
        reports: &BTreeMap<RecordingId, Report>,
        sources: &[Arc<Entry>],
    ) -> Status {
        let numbers = &self.shared.numbers;
        let mut status = Status {
            recordings: recordings(ledger, reports),
            removing: removing(ledger),
            sessions: list_sessions(ledger, sessions),
            sockets: Vec::new(),
            damage: self.damage,
            events: EventCounts {
                ignored: numbers.events_ignored.get(),
                unexpected: numbers.events_unexpected.get(),
            },
            frames: FrameCounts {
                captured: numbers.captured.get(),
                muted: numbers.muted.get(),
                rejected: numbers.rejected.get(),
                released: ledger.totals.released_frames + ledger.totals.deleted_frames,
                uploaded: ledger.totals.uploaded_frames,
                delivered: numbers.delivered.get(),
                ..FrameCounts::default()
            },
            indicator: Indicator::default(),
        };
        for entry in sources {
            let (held, encoding) = entry.look(|source| (source.held_frames(), source.encoding()));
            status.frames.in_memory += held as u64;
            let frame = encoding.map_or(Duration::ZERO, |one| one.codec.frame_duration());
            status.indicator.in_memory += frame * u32::try_from(held).unwrap_or(u32::MAX);
        }
        measure(ledger, self.shared.policy, &mut status);
        status
    }
}

fn socket(view: LiveView) -> SocketStatus {
    let LiveView { key, state, reason, next_try, needs_sign_in, fruitless, is_wedged } = view;
    let (device, account) = (key.device, key.account);
    SocketStatus { device, account, state, reason, next_try, needs_sign_in, fruitless, is_wedged }
}

/// Counts what is held; what is still in memory must be known already.
fn measure(ledger: &Ledger, policy: Policy, status: &mut Status) {
    let (mut held, mut unsynced) = (Duration::ZERO, Duration::ZERO);
    for (id, facts) in ledger.recordings.iter().filter(|(_, facts)| is_held(facts)) {
        let frames = ledger.frames(*id);
        let undelivered = match policy.delivery {
            Delivery::Keep => frames,
            Delivery::Sent | Delivery::Delivered => ledger.undelivered(*id),
        };
        status.frames.held += frames;
        held += played(facts, frames);
        unsynced += played(facts, undelivered);
    }
    status.indicator.on_disk = held.saturating_sub(status.indicator.in_memory);
    status.indicator.unsynced = unsynced;
}

fn is_held(facts: &RecordingFacts) -> bool {
    facts.removing.is_none() && !facts.is_synced()
}

fn played(facts: &RecordingFacts, frames: u64) -> Duration {
    facts.encoding.codec.frame_duration() * u32::try_from(frames).unwrap_or(u32::MAX)
}

fn removing(ledger: &Ledger) -> Vec<RecordingId> {
    let removing = ledger.recordings.iter().filter(|(_, facts)| facts.removing.is_some());
    removing.map(|(id, _)| *id).collect()
}

fn recordings(ledger: &Ledger, reports: &BTreeMap<RecordingId, Report>) -> Vec<RecordingStatus> {
    let there = ledger.recordings.iter().filter(|(_, facts)| facts.removing.is_none());
    // Its length is known: a list that grows as it fills takes twice the memory for a moment.
    let mut list = Vec::with_capacity(ledger.recordings.len());
    list.extend(there.map(|(id, facts)| recording(ledger, *id, facts, reports.get(id))));
    list
}

fn recording(
    ledger: &Ledger,
    id: RecordingId,
    facts: &RecordingFacts,
    report: Option<&Report>,
) -> RecordingStatus {
    let frames = ledger.frames(id);
    let (status, reason) = state(facts, report);
    RecordingStatus {
        id,
        device: facts.device.clone(),
        account: facts.account.clone(),
        session: facts.session,
        conversation: facts.conversation.clone(),
        started_at: facts.started_at.unwrap_or_default(),
        duration: played(facts, frames),
        frames,
        bytes: facts.sealed.as_ref().map_or(0, |seal| seal.bytes),
        sha256: facts.sealed.as_ref().map(|seal| seal.sha256),
        status,
        reason,
        attempts: report.map_or(facts.upload.attempts, |report| report.attempts),
        next_attempt: report.and_then(|report| report.next_attempt_at),
        needs_person: report.is_some_and(|report| report.needs_person),
    }
}

/// The status of a recording, with a reason in words where it waits or has ended badly.
fn state(facts: &RecordingFacts, report: Option<&Report>) -> (&'static str, Option<String>) {
    match (facts.end, report) {
        (None, _) => (CAPTURING, None),
        (Some(_), Some(report)) => (report.status.word(), report.reason.clone()),
        (Some(_), None) => stored(facts),
    }
}

/// The status of a recording that no upload machine knows, as the journal tells it.
fn stored(facts: &RecordingFacts) -> (&'static str, Option<String>) {
    let pending = |why: &str| (UploadStatus::Pending.word(), Some(why.to_owned()));
    match &facts.upload.stage {
        UploadStage::Synced { .. } => (UploadStatus::Synced.word(), None),
        UploadStage::Failed { reason } => (UploadStatus::Failed.word(), Some(reason.clone())),
        UploadStage::Corrupted { reason } => (UploadStatus::Corrupted.word(), Some(reason.clone())),
        UploadStage::Accepted { .. } => (UploadStatus::Processing.word(), None),
        UploadStage::Uploading | UploadStage::Pending { .. } => {
            match (&facts.sealed, &facts.conversation) {
                (None, _) => pending("its file is being written"),
                (Some(_), None) => pending("it waits for its conversation"),
                (Some(_), Some(_)) => pending("it waits until its conversation is ready"),
            }
        }
    }
}

fn list_sessions(ledger: &Ledger, running: &[SessionView]) -> Vec<SessionStatus> {
    let running: BTreeMap<SessionId, &SessionView> =
        running.iter().map(|view| (view.session, view)).collect();
    let list = ledger.sessions.iter().map(|(id, facts)| {
        let view = running.get(id);
        SessionStatus {
            id: *id,
            device: facts.device.clone(),
            state: view.map_or("settled", |view| view.state),
            conversation: view
                .and_then(|view| view.conversation.clone())
                .or_else(|| facts.conversation.clone()),
            fallback_fired: view.is_some_and(|view| view.fallback_fired)
                || facts.sync_started == Some(true),
        }
    });
    list.collect()
}
