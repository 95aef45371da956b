//! The server on real sockets.
//!
//! Here alone the crate reads clocks and touches the network. Everything that is decided is decided
//! by [`Server`]; this module carries it out, faults included: a reset connection gets a TCP reset,
//! a cut answer ends before its announced length, a stalled socket is neither read nor written.
//!
//! One thing differs from a simulated network. That nobody listens can be feigned only after a
//! connection was accepted, so a client sees the fault `refuse` as a reset.

mod clock;
mod connection;
mod http;
mod live;
mod upload;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use crate::script::ServerAction;
use crate::server::{LiveId, LiveOutput, LiveReport, Options, ScriptError, Server, StateReport};
use clock::Clock;
use connection::{Listener, Road};

pub use connection::CONNECTIONS_MAX;
pub use live::{LIVE_FRAME_BYTES_MAX, LIVE_MESSAGE_BYTES_MAX};
pub use upload::{UPLOAD_BYTES_MAX, UPLOAD_FILES_MAX, UPLOADS_IN_FLIGHT_MAX};

/// The most messages that wait for one live socket; one that is further behind is dropped.
const LIVE_OUTPUTS_MAX: usize = 256;
/// How long connections may take to end at a shutdown.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// How late something may be noticed that only the passing of time brings about.
const TICK_INTERVAL: Duration = Duration::from_millis(250);

/// A development server that listens. Dropping it leaves it running until its runtime ends.
#[derive(Debug)]
pub struct RunningBackend {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<io::Result<()>>,
    ticking: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    server: Mutex<Server>,
    lives: Mutex<BTreeMap<LiveId, mpsc::Sender<LiveOutput>>>,
    clock: Clock,
    due: Notify,
    uploads: Arc<Semaphore>,
    stopped: watch::Sender<bool>,
    road: Arc<Road>,
}

/// Serves on a bound listener, in the current tokio runtime.
///
/// # Errors
///
/// When the listener cannot tell its address.
pub fn serve(listener: TcpListener, options: Options) -> io::Result<RunningBackend> {
    let address = listener.local_addr()?;
    let (stopped, stop) = watch::channel(false);
    let road = Arc::new(Road::default());
    let shared = Arc::new(Shared {
        server: Mutex::new(Server::new(options)),
        lives: Mutex::new(BTreeMap::new()),
        clock: Clock::start(),
        due: Notify::new(),
        uploads: Arc::new(Semaphore::new(UPLOADS_IN_FLIGHT_MAX)),
        stopped,
        road: Arc::clone(&road),
    });
    let service = http::service(Arc::clone(&shared));
    let serving = axum::serve(Listener::new(listener, road), service)
        .with_graceful_shutdown(stop_requested(stop));
    Ok(RunningBackend {
        address,
        accepting: tokio::spawn(async move { serving.await }),
        ticking: tokio::spawn(tick(Arc::clone(&shared))),
        shared,
    })
}

impl RunningBackend {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries out a scripted action.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] when it cannot be carried out now.
    pub fn act(&self, action: ServerAction) -> Result<(), ScriptError> {
        self.shared.act(action)
    }

    /// What the server holds.
    pub fn state(&self) -> StateReport {
        self.shared.server().state()
    }

    /// What the server holds, conversation by conversation.
    pub fn live(&self) -> LiveReport {
        self.shared.server().live()
    }

    /// Whether clients reach it. While they do not, every connection is reset, as where the network
    /// is gone.
    pub fn set_reachable(&self, reachable: bool) {
        if reachable {
            return self.shared.road.open();
        }
        self.shared.road.close();
        // Without a sender the tasks of live sockets end, stalled ones too.
        self.shared.lives().clear();
    }

    /// Stops listening and ends all connections.
    pub async fn shutdown(self) {
        self.shared.stopped.send_replace(true);
        self.shared.lives().clear();
        self.ticking.abort();
        let mut accepting = self.accepting;
        if tokio::time::timeout(SHUTDOWN_LIMIT, &mut accepting).await.is_err() {
            accepting.abort();
        }
    }
}

impl Shared {
    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lives(&self) -> MutexGuard<'_, BTreeMap<LiveId, mpsc::Sender<LiveOutput>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act(&self, action: ServerAction) -> Result<(), ScriptError> {
        let mut server = self.server();
        let outputs = server.script(action, self.clock.now())?;
        self.deliver(&mut server, outputs);
        Ok(())
    }

    /// Hands outputs to the tasks of their sockets. The server stays locked meanwhile, so that the
    /// outputs of two calls keep their order.
    fn deliver(&self, server: &mut Server, outputs: Vec<LiveOutput>) {
        let mut lives = self.lives();
        for output in outputs {
            let to = output.to();
            let is_last = matches!(output, LiveOutput::Close { .. });
            let taken = lives.get(&to).is_some_and(|live| live.try_send(output).is_ok());
            if !taken {
                server.close(to);
            }
            if is_last || !taken {
                // Without a sender the task of the socket ends, after what it was sent.
                lives.remove(&to);
            }
        }
        self.due.notify_one();
    }

    /// Waits, but no longer than the server lives; false when it has stopped.
    async fn pause(&self, wait: Duration) -> bool {
        let mut stop = self.stopped.subscribe();
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            _ = stop.wait_for(|stopped| *stopped) => false,
        }
    }
}

async fn stop_requested(mut stop: watch::Receiver<bool>) {
    // An error means that the server itself is gone, which is a reason to stop as well.
    let _gone = stop.wait_for(|stopped| *stopped).await;
}

/// Does what is due, for ever.
async fn tick(shared: Arc<Shared>) {
    loop {
        let wait = {
            let mut server = shared.server();
            let now = shared.clock.now();
            let outputs = server.tick(now);
            if !outputs.is_empty() {
                shared.deliver(&mut server, outputs);
            }
            let next = server.next_tick();
            next.map(|at| at.since(now.moment).min(TICK_INTERVAL))
        };
        let due = shared.due.notified();
        match wait {
            Some(wait) => {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = due => {}
                }
            }
            None => due.await,
        }
    }
}

#[cfg(test)]
mod tests;
