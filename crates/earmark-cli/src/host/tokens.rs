//! The tokens of a running host's accounts: asked for beside the capture, which waits for none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use earmark::{Account, Runtime, SignIn};
use tokio::signal::unix::Signal;

use crate::credentials::{HostCredentials, NO_TOKEN};

/// What asks for tokens, and tells the runtime. Clones share it.
#[derive(Clone)]
pub(crate) struct Tokens {
    runtime: Runtime,
    credentials: HostCredentials,
    /// Whether every account's source has answered, or failed, once.
    are_loaded: Arc<AtomicBool>,
}

impl Tokens {
    /// No account has a token yet, and the runtime uploads nothing without one.
    pub(crate) fn missing(runtime: Runtime, credentials: HostCredentials) -> Self {
        for account in credentials.accounts() {
            runtime.account(account, SignIn::SignedOut);
        }
        Self { runtime, credentials, are_loaded: Arc::default() }
    }

    pub(crate) fn are_loaded(&self) -> bool {
        self.are_loaded.load(Ordering::Acquire)
    }

    /// Asks every account's source for its token. An account without one uploads nothing.
    pub(crate) async fn load(&self) {
        self.ask_all(NO_TOKEN).await;
        self.are_loaded.store(true, Ordering::Release);
    }

    /// Asks them again as often as a person says so, and has tried again what waits for a person.
    pub(crate) async fn reload(self, mut said: Signal) {
        let missing = "there is no new token; the old one stays";
        while said.recv().await.is_some() {
            tracing::info!("the tokens are read again");
            self.ask_all(missing).await;
        }
    }

    async fn ask_all(&self, missing: &str) {
        let tell = |account: Account, has_token: bool| {
            if has_token {
                self.runtime.account(account, SignIn::SignedIn);
            }
        };
        self.credentials.ask_all(missing, tell).await;
    }
}
