//! One life of the simulated process: from its start to its kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use earmark::{
    Account, Builder, Credentials, DiskMode, Numbered, OmiHttp, Policy, Runtime, StartError, Token,
};
use earmark_backend::server::Options;
use earmark_store::{Disk, SimDisk};
use futures_util::future::LocalBoxFuture;
use tokio::task::{JoinHandle, LocalSet};

use super::clock::VirtualClock;
use super::http::SimHttp;
use super::live::SimDialer;
use super::network::{Network, token_of};
use super::record::Happened;

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
}

impl Setting {
    /// A machine that was never used, beside a server that holds nothing. It must be made in the
    /// runtime whose paused clock drives it.
    pub fn new(policy: Policy, seed: u64) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let server = Options { silence: None, decode: false, ..Options::default() };
        Self {
            network: Arc::new(Network::new(Arc::clone(&clock), server)),
            clock,
            disk: SimDisk::new(seed),
            happened: Arc::new(Happened::default()),
            policy,
            seed,
        }
    }

    /// A process of this world on any disk, ready to be started.
    pub fn process_on(&self, disk: Arc<dyn Disk>) -> Builder {
        let clock = Arc::clone(&self.clock);
        let transport = Arc::new(SimHttp(Arc::clone(&self.network)));
        let target = OmiHttp::over(transport, Arc::new(SimCredentials), clock);
        Runtime::builder("")
            .disk(disk, DiskMode::Inline)
            .clock(self.clock.clone())
            .seed(self.seed)
            .policy(self.policy)
            .sync_target(target)
            .live_socket(SimDialer(Arc::clone(&self.network)))
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

    fn renew(&self, account: &Account) -> LocalBoxFuture<'static, Option<Token>> {
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
        let (happened, alive) = (Arc::clone(&setting.happened), Arc::clone(&is_alive));
        let observer = move |event: &Numbered| {
            if alive.load(Ordering::Relaxed) {
                happened.add(event);
            }
        };
        let builder = setting.process_on(Arc::new(disk.clone())).observer(Box::new(observer));
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
    pub async fn cut_power(self, network: &Network, seed: u64) {
        self.disk.power_cut(seed);
        self.end(network).await;
    }

    async fn end(self, network: &Network) {
        self.is_alive.store(false, Ordering::Relaxed);
        self.tasks.abort();
        // The only error is that it was aborted, which is what was wanted.
        let _ = self.tasks.await;
        network.drop_sockets();
    }
}
