//! What a host builds, starts and holds.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use actix::{AsyncContext, Context};
use earmark_core::session::{Ids, LINK_WAIT};
use earmark_core::sync::{
    Api, FLIGHTS_MAX, Pace, REQUESTS_PER_MINUTE_MAX, Surroundings, TransferRules,
};
use earmark_core::{Account, Device, Policy, RecordingId};
use earmark_store::{Config, Disk, FsDisk, OpenError, Recovered, Store};
use tokio::sync::{broadcast, oneshot, watch};

use crate::actors::{
    AccountChanged, AwaitFiles, Connectivity, Delete, DiskTerms, FrameIngest, HostNetwork, Peers,
    Retry, SessionSupervisor, Shared, Stop, Surrounded, SyncWorker, TransferRuled, Uplink,
    WalStore, tell,
};
use crate::chance::Chance;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::event::{Bus, Numbered, Observer};
use crate::live::{Dial, LiveTerms};
use crate::numbers::Numbers;
use crate::source::{Clocked, Inbox, Source, SourceHandle, SourceKey, TooMuchNews};
use crate::sources::Sources;
use crate::status::{STATUS_EVERY, Status, StatusBoard};
use crate::target::SyncTarget;

/// How long a synced recording stays on the disk.
pub const RETENTION: Duration = Duration::from_secs(7 * 86_400);

/// Where the disk's work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskMode {
    /// On a thread of the pool that may block: for a real disk.
    Blocking,
    /// At once, on the runtime's thread: for a simulated disk in simulated time.
    Inline,
}

/// How long the next piece of a simulated disk's work takes; asked once for each.
pub type DiskPace = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Whether the network is there, as the host knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// It is.
    Online,
    /// It is not.
    Offline,
}

/// Whether the host has credentials for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// It has.
    SignedIn,
    /// It has not, or no longer.
    SignedOut,
}

/// The runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store's folder could not be made or opened.
    #[error("the data folder {path} cannot be used: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The runtime's own thread could not be started.
    #[error("no thread can be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// No further source can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There are [`SOURCES_MAX`](crate::SOURCES_MAX) already.
    #[error("10000 sources are open; no more are taken")]
    TooMany,
    /// Too much waits to be handled at this source.
    #[error(transparent)]
    TooMuchNews(#[from] TooMuchNews),
}

/// The runtime has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the runtime has stopped")]
pub struct Stopped;

/// What a runtime is made of.
pub struct Builder {
    folder: PathBuf,
    disk: Option<Arc<dyn Disk>>,
    mode: DiskMode,
    disk_pace: Option<DiskPace>,
    config: Config,
    clock: SharedClock,
    chance: Chance,
    policy: Policy,
    target: Option<Arc<dyn SyncTarget>>,
    dialer: Option<Arc<dyn Dial>>,
    reconnects: bool,
    live_terms: LiveTerms,
    observer: Option<Observer>,
    flights_max: usize,
    requests_per_minute_max: usize,
    api: Api,
    link_wait: Duration,
    retention: Duration,
    /// Closed when the thread that was started for it has ended.
    thread: Option<watch::Receiver<()>>,
}

impl Builder {
    fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            disk: None,
            mode: DiskMode::Blocking,
            disk_pace: None,
            config: Config::default(),
            clock: Arc::new(SystemClock::new()),
            chance: Chance::from_system(),
            policy: Policy::EVERYDAY,
            target: None,
            dialer: None,
            reconnects: true,
            live_terms: LiveTerms::default(),
            observer: None,
            flights_max: FLIGHTS_MAX,
            requests_per_minute_max: REQUESTS_PER_MINUTE_MAX,
            api: Api::V2,
            link_wait: LINK_WAIT,
            retention: RETENTION,
            thread: None,
        }
    }

    /// Where recordings are uploaded to. Without one they are kept.
    pub fn sync_target(mut self, target: impl SyncTarget) -> Self {
        self.target = Some(Arc::new(target));
        self
    }

    /// What brings up live sockets, for hosts that have none of their own.
    pub fn live_socket(mut self, dialer: impl Dial) -> Self {
        self.dialer = Some(Arc::new(dialer));
        self
    }

    /// Whether a live socket that broke is brought up again by itself; it is, unless told
    /// otherwise.
    pub const fn reconnects(mut self, reconnects: bool) -> Self {
        self.reconnects = reconnects;
        self
    }

    /// How patient the live sockets are.
    pub const fn live_terms(mut self, terms: LiveTerms) -> Self {
        self.live_terms = terms;
        self
    }

    /// What is released without an upload.
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How many requests may be in flight at once, and how many may leave in a minute.
    pub const fn pace(mut self, flights_max: usize, requests_per_minute_max: usize) -> Self {
        (self.flights_max, self.requests_per_minute_max) = (flights_max, requests_per_minute_max);
        self
    }

    /// Which of the server's upload paths is tried first.
    pub const fn api(mut self, api: Api) -> Self {
        self.api = api;
        self
    }

    /// How long audio that no conversation is known for waits for one; 150 s unless told otherwise.
    /// Where no live socket could name one, there is nothing to wait for.
    pub const fn link_wait(mut self, link_wait: Duration) -> Self {
        self.link_wait = link_wait;
        self
    }

    /// How long a synced recording stays on the disk; 7 days unless told otherwise.
    pub const fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Something that sees every event as it happens, on the runtime's thread.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Another disk than the data folder, and where its work is done.
    pub fn disk(mut self, disk: Arc<dyn Disk>, mode: DiskMode) -> Self {
        (self.disk, self.mode) = (Some(disk), mode);
        self
    }

    /// How long the work of a disk takes that is done [inline](DiskMode::Inline); no time, unless
    /// told otherwise. The work is done when it begins, and its end is heard of when the time is
    /// over.
    pub fn disk_pace(mut self, pace: DiskPace) -> Self {
        self.disk_pace = Some(pace);
        self
    }

    /// How the store lays out its files.
    pub const fn store_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Another clock than the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A seed for all that is left to chance, instead of one from the operating system.
    pub fn seed(mut self, seed: u64) -> Self {
        self.chance = Chance::seeded(seed);
        self
    }

    /// Opens the store, recovers, and runs on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the store cannot be opened or no thread can be started.
    pub async fn start(mut self) -> Result<Runtime, StartError> {
        let (answer, started) = oneshot::channel();
        let (alive, thread) = watch::channel(());
        self.thread = Some(thread);
        let run = move || {
            // Dropped last, when nothing of the runtime is left on this thread.
            let _alive = alive;
            actix_rt::System::new().block_on(async move {
                let (runtime, ended) = match self.start_here().await {
                    Ok(runtime) => (Ok(runtime.clone()), runtime.inner.ended.subscribe()),
                    Err(error) => return drop(answer.send(Err(error))),
                };
                if answer.send(runtime).is_ok() {
                    wait_for_end(ended).await;
                }
            });
        };
        thread::Builder::new()
            .name(String::from("earmark"))
            .spawn(run)
            .map_err(StartError::Thread)?;
        started.await.unwrap_or_else(|_| {
            Err(StartError::Thread(std::io::Error::other("the runtime's thread ended at once")))
        })
    }

    /// Opens the store, recovers, and runs on the present thread, which must be in a `LocalSet` or
    /// an actix system: for simulated time, and for hosts that have such a thread anyway.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the store cannot be opened.
    pub async fn start_here(self) -> Result<Runtime, StartError> {
        let (store, recovered) = self.open().await?;
        Ok(self.assemble(store, &recovered))
    }

    async fn open(&self) -> Result<(Store, Recovered), StartError> {
        let (folder, disk) = (self.folder.clone(), self.disk.clone());
        let (config, chance, at) = (self.config, self.chance.clone(), self.clock.stamp());
        let open = move || -> Result<(Store, Recovered), StartError> {
            let disk: Arc<dyn Disk> = match disk {
                Some(disk) => disk,
                None => Arc::new(
                    FsDisk::create(&folder)
                        .map_err(|error| StartError::Folder { path: folder, error })?,
                ),
            };
            Ok(Store::open(disk, config, &mut || chance.draw(), at)?)
        };
        match self.mode {
            DiskMode::Inline => open(),
            DiskMode::Blocking => tokio::task::spawn_blocking(open)
                .await
                .expect("the opening does not panic, and nobody aborts it"),
        }
    }

    fn assemble(self, mut store: Store, recovered: &Recovered) -> Runtime {
        let ids = Ids::starting_at(store.next_session(), store.next_recording());
        let numbers = Arc::new(Numbers::starting_at(store.next_capture()));
        let bus = Arc::new(Bus::new(Arc::clone(&self.clock), self.observer));
        let muted = store.ledger().muted.iter().cloned().collect();
        let clock = Arc::clone(&self.clock);
        let shared = Shared::new(clock, self.chance, self.policy, Arc::clone(&numbers), bus);
        for damage in &recovered.damage {
            tracing::error!(%damage, "the store was damaged; everything else is used");
        }
        let inbox = Arc::new(Inbox::default());
        let (ingest, supervisor, wal_store, sync, network, uplink) = (
            Context::<FrameIngest>::new(),
            Context::<SessionSupervisor>::new(),
            Context::<WalStore>::new(),
            Context::<SyncWorker>::new(),
            Context::<Connectivity>::new(),
            Context::<Uplink>::new(),
        );
        let peers = Peers {
            ingest: ingest.address(),
            store: wal_store.address(),
            supervisor: supervisor.address(),
            sync: sync.address(),
            connectivity: network.address(),
            uplink: uplink.address(),
        };
        let pace = Pace::new(self.flights_max, self.requests_per_minute_max);
        let both = || (shared.clone(), peers.clone());
        let ((a, b), (c, d), (e, f)) = (both(), both(), both());
        let terms = DiskTerms { mode: self.mode, pace: self.disk_pace, retention: self.retention };
        let actor = WalStore::new(a, b, store, terms);
        actor.announce_opening();
        wal_store.run(actor);
        supervisor.run(SessionSupervisor::new(c, d, ids, self.link_wait));
        sync.run(SyncWorker::new(e, f, self.target, pace, self.api));
        let ((a, b), (c, d)) = (both(), both());
        network.run(Connectivity::new(a, b));
        let live = shared.clone();
        uplink.run(Uplink::new(live, self.dialer, self.reconnects, self.live_terms));
        ingest.run(FrameIngest::new(c, d, Arc::clone(&inbox)));
        let board = StatusBoard::new(peers.clone(), shared.clone(), recovered.damage.len());
        let sources = Arc::new(Sources::new(shared.policy.delivery, inbox, muted));
        let inner = Arc::new(Inner::new(peers, shared, sources, board, self.thread));
        actix_rt::spawn(keep_status(Arc::downgrade(&inner)));
        Runtime { inner }
    }
}

/// Looks at the status while somebody watches it, until the runtime is gone.
async fn keep_status(runtime: Weak<Inner>) {
    loop {
        let Some(inner) = runtime.upgrade() else {
            return;
        };
        if inner.board.is_watched() {
            match inner.look().await {
                Some(status) => inner.board.show(status),
                None => return,
            }
        }
        let woken = inner.board.woken();
        drop(inner);
        // Nobody watches, nobody is woken: an idle host sleeps.
        woken.await;
        tokio::time::sleep(STATUS_EVERY).await;
    }
}

/// Whether an actor has answered, rather than fallen.
async fn ask(question: impl FnOnce(oneshot::Sender<()>)) -> bool {
    let (answer, answered) = oneshot::channel();
    question(answer);
    answered.await.is_ok()
}

async fn wait_for_end(mut ended: watch::Receiver<bool>) {
    // An error means that every handle was dropped: a kill.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// A running runtime, as its host holds it. It may be cloned and sent to other threads. When the
/// last handle is dropped without [`Runtime::shutdown`], the runtime ends as by a kill: what is
/// acknowledged is safe.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    peers: Peers,
    shared: Shared,
    sources: Arc<Sources>,
    board: StatusBoard,
    ended: watch::Sender<bool>,
    /// Closed when the thread that the runtime has of its own has ended.
    thread: Option<watch::Receiver<()>>,
}

impl Inner {
    fn new(
        peers: Peers,
        shared: Shared,
        sources: Arc<Sources>,
        board: StatusBoard,
        thread: Option<watch::Receiver<()>>,
    ) -> Self {
        let (ended, _) = watch::channel(false);
        Self { peers, shared, sources, board, ended, thread }
    }
}

impl Inner {
    async fn look(&self) -> Option<Status> {
        self.board.look(&self.sources.all()).await
    }
}

impl Runtime {
    /// Begins a runtime on a data folder.
    pub fn builder(data_dir: impl Into<PathBuf>) -> Builder {
        Builder::new(data_dir.into())
    }

    /// A device of an account, without a capture yet.
    ///
    /// # Errors
    ///
    /// [`SourceError::TooMany`] when no further one is taken.
    pub fn source(&self, device: Device, account: Account) -> Result<SourceHandle, SourceError> {
        let Inner { shared, sources, .. } = self.inner.as_ref();
        let entry = sources.open(SourceKey { device, account });
        Ok(SourceHandle {
            entry: entry.ok_or(SourceError::TooMany)?,
            sources: Arc::clone(sources),
            clock: Clocked(Arc::clone(&shared.clock)),
            numbers: Arc::clone(&shared.numbers),
            capture: None,
        })
    }

    /// A device that begins to capture.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when no further one is taken.
    pub fn open_source(&self, source: Source) -> Result<SourceHandle, SourceError> {
        let mut handle = self.source(source.device, source.account)?;
        handle.start(source.encoding)?;
        Ok(handle)
    }

    /// Says whether the network is there.
    pub fn network(&self, network: Network) {
        let online = network == Network::Online;
        self.tell(|peers| tell(&peers.connectivity, HostNetwork { online }));
    }

    /// Says whether the host has credentials for an account. It has them for every account at
    /// first.
    pub fn account(&self, account: Account, sign_in: SignIn) {
        let changed = AccountChanged { account, signed_in: sign_in == SignIn::SignedIn };
        self.tell(|peers| {
            tell(&peers.sync, changed.clone());
            tell(&peers.uplink, changed);
        });
    }

    /// When audio may leave; always, unless told otherwise. What may not stays in line and shows
    /// why; what has left already, and questions about it, go on.
    pub fn transfer_rules(&self, rules: TransferRules) {
        self.tell(|peers| tell(&peers.sync, TransferRuled(rules)));
    }

    /// What the host sees of its machine, for the [rules](Self::transfer_rules) to be held against.
    pub fn surroundings(&self, surroundings: Surroundings) {
        self.tell(|peers| tell(&peers.sync, Surrounded(surroundings)));
    }

    /// Has failed recordings tried again; all of them when none is named.
    pub fn retry(&self, recordings: Option<Vec<RecordingId>>) {
        self.tell(|peers| tell(&peers.sync, Retry(recordings)));
    }

    /// Deletes recordings, synced or not, sealed or not; all of them when none is named. One that
    /// still takes frames goes when it is cut if it was named, and else stays.
    /// [`Status::removing`] tells of them until their files are unlinked.
    pub fn delete(&self, recordings: Option<Vec<RecordingId>>) {
        self.tell(|peers| tell(&peers.store, Delete(recordings)));
    }

    /// What a person would want to see, kept true to within a second.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.inner.board.subscribe()
    }

    /// What happens, numbered so that a gap is visible.
    pub fn events(&self) -> broadcast::Receiver<Numbered> {
        self.inner.shared.bus.subscribe()
    }

    /// Has frames that wait to be gathered, which they do for 10 ms at most, taken now. Whoever
    /// simulates time ends an instant with it.
    pub fn take_frames(&self) {
        self.inner.sources.ring();
    }

    /// How many messages and timers the actors have handled since the start.
    pub fn handled(&self) -> u64 {
        self.inner.shared.numbers.handled.get()
    }

    /// The whole status at this moment.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the runtime has stopped.
    pub async fn status_now(&self) -> Result<Status, Stopped> {
        self.inner.look().await.ok_or(Stopped)
    }

    /// Stops in order: no further frame is taken, the captures end, everything that was taken
    /// becomes durable, what is open is sealed and what was let go is unlinked; then the runtime
    /// ends, with the thread that it may have and all that runs there, and the store is free for
    /// the next one. Whether everything was durable before the deadline; if not, it is as after a
    /// kill. A file that the disk refuses is not waited for, nor any beyond the deadline: the next
    /// start goes on with it.
    pub async fn shutdown(self, deadline: Duration) -> bool {
        let end = tokio::time::Instant::now() + deadline;
        let is_durable = tokio::time::timeout_at(end, self.stop()).await.unwrap_or(false);
        if is_durable {
            let files = ask(|answer| self.tell(|to| tell(&to.store, AwaitFiles(answer))));
            let _ = tokio::time::timeout_at(end, files).await;
        }
        self.inner.ended.send_replace(true);
        if let Some(mut thread) = self.inner.thread.clone() {
            // The only news is an error: the thread is gone. A disk that hangs may keep it.
            let _ = tokio::time::timeout_at(end, thread.changed()).await;
        }
        is_durable
    }

    /// Waits until the runtime has ended by itself, which a defect alone makes it do.
    pub async fn fell(&self) {
        if !self.inner.shared.is_poisoned() {
            self.inner.shared.fallen.notified().await;
        }
    }

    async fn stop(&self) -> bool {
        for entry in self.inner.sources.all() {
            entry.close(self.inner.shared.clock.stamp());
        }
        // Each has passed on what it was told before the next one is asked.
        ask(|answer| self.tell(|to| tell(&to.ingest, Stop(answer)))).await
            && ask(|answer| self.tell(|to| tell(&to.supervisor, Stop(answer)))).await
            && ask(|answer| self.tell(|to| tell(&to.sync, Stop(answer)))).await
            && ask(|answer| self.tell(|to| tell(&to.store, Stop(answer)))).await
    }

    fn tell(&self, send: impl FnOnce(&Peers)) {
        send(&self.inner.peers);
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}
