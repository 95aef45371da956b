//! The simulated network, with the development server's own core at the other end of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use earmark::{Account, Closed, Device, Incoming};
use earmark_backend::server::{LiveId, LiveOutput, Options, ScriptError};
use earmark_backend::{Server, ServerAction, StateReport};
use tokio::sync::{Notify, mpsc};

use super::clock::VirtualClock;
use crate::witness::{Ears, Heard};
use earmark::Clock as _;

/// A poisoned lock is taken all the same: nothing that holds one can leave it half changed.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The network and the server.
pub struct Network {
    pub(super) clock: Arc<VirtualClock>,
    inner: Mutex<Inner>,
    /// Rung when the network goes away, so that whatever is in flight breaks.
    pub(super) cut: Notify,
    /// Rung when the server may have something to say by itself at another time than before.
    rescheduled: Notify,
    operations: AtomicU64,
    requests: AtomicU64,
    ears: Mutex<Ears>,
}

pub(super) struct Inner {
    pub(super) server: Server,
    pub(super) is_online: bool,
    sockets: BTreeMap<LiveId, SocketEnd>,
}

/// The server's end of a live socket.
struct SocketEnd {
    device: Device,
    account: Account,
    incoming: mpsc::Sender<Incoming>,
    is_stalled: bool,
}

impl Network {
    /// A network that is there, and a server that holds nothing.
    pub fn new(clock: Arc<VirtualClock>, options: Options) -> Self {
        let server = Server::new(options);
        let ears = Ears::new(None, Arc::clone(&clock));
        let inner = Inner { server, is_online: true, sockets: BTreeMap::new() };
        Self {
            clock,
            inner: Mutex::new(inner),
            cut: Notify::new(),
            rescheduled: Notify::new(),
            operations: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            ears: Mutex::new(ears),
        }
    }

    /// Has somebody hear what is said here.
    pub(super) fn hear(&self, ears: Ears) {
        *locked(&self.ears) = ears;
    }

    fn ears(&self) -> Ears {
        locked(&self.ears).clone()
    }

    /// A number for a request that leaves.
    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether what is sent on a socket arrives.
    pub(super) fn hears(&self, id: LiveId) -> bool {
        locked(&self.inner).sockets.get(&id).is_some_and(|end| !end.is_stalled)
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.operations.fetch_add(1, Ordering::Relaxed);
        locked(&self.inner)
    }

    /// How often anything was done here; it stands still when nothing is going on.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// What the server holds.
    pub fn state(&self) -> StateReport {
        locked(&self.inner).server.state()
    }

    /// Does what a line of the feed says about the server.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] when it cannot be done now.
    pub fn script(&self, action: ServerAction) -> Result<(), ScriptError> {
        let now = self.clock.stamp();
        let is_text = matches!(action, ServerAction::Message { .. } | ServerAction::End { .. });
        let outputs = self.inner().server.script(action, now)?;
        if is_text && outputs.is_empty() {
            self.ears().tell(&Heard::Unheard);
        }
        self.deliver(outputs);
        self.rescheduled.notify_one();
        Ok(())
    }

    /// The network goes away, and with it everything that is in flight.
    pub fn go_offline(&self) {
        self.inner().is_online = false;
        self.drop_sockets();
        self.cut.notify_waiters();
    }

    /// The network comes back.
    pub fn come_online(&self) {
        self.inner().is_online = true;
    }

    /// Closes a device's live socket with a code.
    pub fn close(&self, device: &Device, code: u16) {
        let mut inner = self.inner();
        let own: Vec<LiveId> = inner.of(device).collect();
        for id in own {
            inner.close(id, code);
        }
    }

    /// Whether a device has a socket that nothing comes back on.
    pub fn is_stalled(&self, device: &Device) -> bool {
        let inner = self.inner();
        inner.sockets.values().any(|end| end.device == *device && end.is_stalled)
    }

    /// All live sockets break.
    pub fn drop_sockets(&self) {
        let mut inner = self.inner();
        let all: Vec<LiveId> = inner.sockets.keys().copied().collect();
        for id in all {
            inner.close(id, 1006);
        }
    }

    /// Lets the server do what it does by itself, for ever.
    pub async fn tick(self: Arc<Self>) {
        loop {
            let next = locked(&self.inner).server.next_tick();
            let wait = next.map(|at| at.since(self.clock.stamp().moment));
            match wait {
                Some(wait) => tokio::select! {
                    biased;
                    () = tokio::time::sleep(wait) => {
                        let outputs = self.inner().server.tick(self.clock.stamp());
                        self.deliver(outputs);
                    }
                    () = self.rescheduled.notified() => {}
                },
                None => self.rescheduled.notified().await,
            }
        }
    }

    pub(super) fn attach(
        &self,
        id: LiveId,
        (device, account): (Device, Account),
        incoming: mpsc::Sender<Incoming>,
    ) {
        let end = SocketEnd { device, account, incoming, is_stalled: false };
        self.inner().sockets.insert(id, end);
        self.rescheduled.notify_one();
    }

    /// Answers a WebSocket ping, unless the socket is stalled.
    pub(super) fn pong(&self, id: LiveId, number: u64) {
        let inner = self.inner();
        if let Some(end) = inner.sockets.get(&id).filter(|end| !end.is_stalled) {
            // A client that reads nothing loses what it does not read.
            let _ = end.incoming.try_send(Incoming::Pong(number));
        }
    }

    pub(super) fn hang_up(&self, id: LiveId) {
        let mut inner = self.inner();
        inner.server.close(id);
        inner.sockets.remove(&id);
    }

    pub(super) fn deliver(&self, outputs: Vec<LiveOutput>) {
        let ears = self.ears();
        let mut inner = self.inner();
        for output in outputs {
            match output {
                LiveOutput::Text { to, text } => inner.say(to, text, &ears),
                LiveOutput::Close { to, code } => inner.close(to, code),
                LiveOutput::Stall { to } => {
                    if let Some(end) = inner.sockets.get_mut(&to) {
                        end.is_stalled = true;
                    }
                }
            }
        }
    }
}

impl Inner {
    fn of(&self, device: &Device) -> impl Iterator<Item = LiveId> {
        let own = self.sockets.iter().filter(move |(_, end)| end.device == *device);
        own.map(|(id, _)| *id).collect::<Vec<_>>().into_iter()
    }

    fn say(&self, to: LiveId, text: String, ears: &Ears) {
        let end = self.sockets.get(&to).filter(|end| !end.is_stalled);
        // A client that reads nothing loses what it does not read.
        match end.map(|end| (end, end.incoming.try_send(Incoming::Text(text.clone())))) {
            Some((SocketEnd { device, account, .. }, Ok(()))) => {
                ears.tell(&Heard::Said(device, account, &text));
            }
            Some((_, Err(_))) | None => ears.tell(&Heard::Unheard),
        }
    }

    fn close(&mut self, id: LiveId, code: u16) {
        self.server.close(id);
        if let Some(end) = self.sockets.remove(&id) {
            // A client that has gone needs no close.
            let _ = end.incoming.try_send(Incoming::Closed(Closed::with(code)));
        }
    }
}

/// The token that the simulated host shows for an account.
pub(super) fn token_of(account: &Account) -> String {
    format!("token-of-{}", account.as_str())
}
