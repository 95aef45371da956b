//! One life of the simulated process: from its start to its kill.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use earmark::{
    Account, Builder, Credentials, DiskMode, Numbered, OmiHttp, Policy, Runtime, StartError, Token,
};
use earmark_backend::server::Options;
use earmark_store::{Config, Disk, SimDisk, Toll};
use futures_util::future::LocalBoxFuture;
use tokio::task::{JoinHandle, LocalSet};

use super::clock::VirtualClock;
use super::disk::WatchedDisk;
use super::http::SimHttp;
use super::live::SimDialer;
use super::network::{Network, locked, token_of};
use super::record::Happened;
use crate::witness::{Ears, Heard, Mishap};

/// What a life is lived in.
#[derive(Clone)]
pub struct Setting {
    /// The machine's clocks.
    pub clock: Arc<VirtualClock>,
    /// The machine's disk.
    pub disk: SimDisk,
    /// The network, and the server behind it.
    pub network: Arc<Network>,
    /// Where all that happens is kept.
    pub happened: Arc<Happened>,
    /// What is released without an upload.
    pub policy: Policy,
    /// The seed of all that is left to chance.
    pub seed: u64,
    /// How the store lays out its files.
    pub config: Config,
    /// How long the disk's work takes.
    pub speed: DiskSpeed,
    /// With which of the next announcements a handler panics; 0 for none.
    pub panics: Arc<AtomicU64>,
    /// Who hears of everything.
    pub ears: Ears,
}

/// How long the work of a disk takes: so long for so many pieces of it, for all when fewer than
/// none.
#[derive(Clone, Debug, Default)]
pub struct DiskSpeed(Arc<Mutex<(Duration, i64)>>);

/// What a handler panics with that was told to.
#[derive(Clone, Copy, Debug)]
pub struct PlannedPanic;

impl DiskSpeed {
    /// Sets it from here on.
    pub fn set(&self, takes: Duration, times: i64) {
        *locked(&self.0) = (takes, times);
    }

    /// How long the next piece takes.
    pub fn next(&self) -> Duration {
        let mut speed = locked(&self.0);
        let (takes, times) = *speed;
        if times > 0 {
            speed.1 -= 1;
        }
        if times == 0 { Duration::ZERO } else { takes }
    }
}

impl Setting {
    /// A world at feed time 0 in which nobody listens. It must be made in a tokio runtime whose
    /// clock is paused.
    pub fn new(server: Options, policy: Policy, seed: u64) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let ears = Ears::new(None, Arc::clone(&clock));
        Self {
            network: Arc::new(Network::new(Arc::clone(&clock), server)),
            clock,
            disk: SimDisk::new(seed),
            happened: Arc::new(Happened::default()),
            policy,
            seed,
            config: Config::default(),
            speed: DiskSpeed::default(),
            panics: Arc::new(AtomicU64::new(0)),
            ears,
        }
    }

    /// Has somebody hear of everything, before any process runs.
    pub(crate) fn hear(&mut self, ears: Ears) {
        self.network.hear(ears.clone());
        self.ears = ears;
    }

    /// A process of this world on any disk, ready to be started.
    pub fn process_on(&self, disk: Arc<dyn Disk>) -> Builder {
        let clock = Arc::clone(&self.clock);
        let (network, ears) = (Arc::clone(&self.network), self.ears.clone());
        let transport = Arc::new(SimHttp { network, ears, disk: self.disk.life() });
        let (speed, listener) = (self.speed.clone(), self.ears.clone());
        let pace = move || {
            let takes = speed.next();
            if !takes.is_zero() {
                listener.tell(&Heard::Mishap(Mishap::Slow(takes)));
            }
            takes
        };
        let target = OmiHttp::over(transport, Arc::new(SimCredentials), clock);
        Runtime::builder("")
            .disk(disk, DiskMode::Inline)
            .disk_pace(Arc::new(pace))
            .store_config(self.config)
            .clock(self.clock.clone())
            .seed(self.seed)
            .policy(self.policy)
            .sync_target(target)
            .live_socket(SimDialer(Arc::clone(&self.network), self.ears.clone()))
            .reconnects(false)
    }
}

/// A running process.
pub struct Life {
    runtime: Runtime,
    disk: SimDisk,
    is_alive: Arc<AtomicBool>,
    tasks: JoinHandle<()>,
}

/// The simulated host signs in again whenever it is asked to.
struct SimCredentials;

impl Credentials for SimCredentials {
    fn token(&self, account: &Account) -> Option<Token> {
        Some(Token::new(token_of(account)))
    }

    fn renew(&self, account: &Account, _: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        let token = Token::new(token_of(account));
        Box::pin(async move { Some(token) })
    }
}

impl Life {
    /// Starts the process on what the disk holds. It must be called in a `LocalSet`.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the store cannot be opened.
    pub async fn start(setting: &Setting) -> Result<Self, StartError> {
        let disk = setting.disk.life();
        let is_alive = Arc::new(AtomicBool::new(true));
        let (alive, observed, ears) = (Arc::clone(&is_alive), disk.clone(), setting.ears.clone());
        let (happened, panics) = (Arc::clone(&setting.happened), Arc::clone(&setting.panics));
        let observer = move |event: &Numbered| {
            if !alive.load(Ordering::Relaxed) || !observed.is_alive() {
                return;
            }
            happened.add(event);
            ears.tell(&Heard::Event(event));
            let left = panics.load(Ordering::Relaxed);
            panics.store(left.saturating_sub(1), Ordering::Relaxed);
            if left == 1 {
                ears.tell(&Heard::Panicked);
                std::panic::panic_any(PlannedPanic);
            }
        };
        setting.ears.tell(&Heard::Opening);
        let watched = WatchedDisk::new(disk.clone(), setting.ears.clone());
        let builder = setting.process_on(Arc::new(watched)).observer(Box::new(observer));
        // What the process has running lives and dies with this set.
        let set = LocalSet::new();
        let runtime = set.run_until(builder.start_here()).await?;
        let tasks = tokio::task::spawn_local(set);
        Ok(Self { runtime, disk, is_alive, tasks })
    }

    /// The runtime's handle.
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The process dies: its memory is gone, what it wrote to files stays.
    pub async fn kill(self, network: &Network) {
        self.disk.kill();
        self.end(network).await;
    }

    /// The machine dies: what was not synced may be gone, torn or out of order.
    pub async fn cut_power(self, network: &Network, seed: u64) -> Toll {
        let toll = self.disk.power_cut(seed);
        self.end(network).await;
        toll
    }

    /// The process stops in order; whether it came to the end of that before the deadline.
    pub async fn stop(self, network: &Network, deadline: Duration) -> bool {
        let in_time = self.runtime.clone().shutdown(deadline).await;
        self.kill(network).await;
        in_time
    }

    async fn end(self, network: &Network) {
        self.is_alive.store(false, Ordering::Relaxed);
        self.tasks.abort();
        // The only error is that it was aborted, which is what was wanted.
        let _ = self.tasks.await;
        network.drop_sockets();
    }
}
