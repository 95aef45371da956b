//! The tokens of a host's accounts: from the environment, a file, or a program that prints one.
//!
//! A token lives in [`Token`], which shows itself to nobody. A fault of a source names the
//! variable, the file or the program, and never what was read.

mod fetch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use earmark::{Account, Credentials, EnvCredentials, Token};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt as _};

use crate::clock;
use crate::config::{AccountConfig, TokenSource};

pub(crate) use fetch::fetch;

/// How long after a refresh the next one may be.
pub(crate) const REFRESH_WAIT_MIN: Duration = Duration::from_secs(30);

/// How many sources of tokens are asked at a time.
const ASKED_AT_ONCE_MAX: usize = 16;
/// What is said of an account whose source gave no token at the start.
pub(crate) const NO_TOKEN: &str = "there is no token; its recordings wait";

/// The tokens of all accounts. Clones share them.
#[derive(Clone)]
pub(crate) struct HostCredentials {
    accounts: Arc<BTreeMap<Account, Held>>,
    /// For accounts that the configuration does not name.
    others: EnvCredentials,
}

struct Held {
    source: TokenSource,
    /// The variables that hold tokens, of whatever account: no program gets them.
    withheld: Arc<[String]>,
    state: Mutex<State>,
    /// Held during a refresh, so that whoever else wants one shares it.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    refreshed: Option<Instant>,
    /// What was said last of a refused token since the latest refresh: whether there is another.
    told: Option<bool>,
    fault: Option<String>,
    /// Whether there is another token than the runtime was last told of.
    is_news: bool,
}

/// What came of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// There is another token than before.
    New,
    /// The token is the one that there was.
    Same,
    /// There is none to be had, for this reason; what there was is kept.
    Failed(String),
}

impl HostCredentials {
    /// No token is known yet.
    pub(crate) fn new(accounts: &[AccountConfig]) -> Self {
        let withheld: Arc<[String]> = accounts.iter().filter_map(variable_of).collect();
        let held = |one: &AccountConfig| {
            let (source, state) = (one.token.clone(), Mutex::default());
            let (withheld, refreshing) = (Arc::clone(&withheld), tokio::sync::Mutex::default());
            (one.account.clone(), Held { source, withheld, state, refreshing })
        };
        Self {
            accounts: Arc::new(accounts.iter().map(held).collect()),
            others: EnvCredentials::new(env::vars_os()),
        }
    }

    /// The accounts that the configuration names.
    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.accounts.keys().cloned().collect()
    }

    /// Why an account has no token, or not a fresh one.
    pub(crate) fn fault(&self, account: &Account) -> Option<String> {
        self.accounts.get(account).and_then(|held| held.state().fault.clone())
    }

    /// Asks every account's source for its token; the accounts that have none. These upload
    /// nothing.
    pub(crate) async fn load(&self) -> Vec<Account> {
        let missing = RefCell::<Vec<Account>>::default();
        let note = |account: Account, has_token: bool| {
            if !has_token {
                missing.borrow_mut().push(account);
            }
        };
        self.ask_all(NO_TOKEN, note).await;
        missing.into_inner()
    }

    /// Asks every account's source, some at a time, and tells of each whether it gave a token. That
    /// it did is no news any more; that it did not is logged in these words.
    pub(crate) async fn ask_all(&self, missing: &str, tell: impl Fn(Account, bool)) {
        let ask = |account| self.ask(account, missing, &tell);
        let accounts = stream::iter(self.accounts());
        accounts.for_each_concurrent(ASKED_AT_ONCE_MAX, ask).await;
    }

    async fn ask(&self, account: Account, missing: &str, tell: impl Fn(Account, bool)) {
        match self.refresh(&account).await {
            Refreshed::New | Refreshed::Same => {
                self.take_news(&account);
                tell(account, true);
            }
            Refreshed::Failed(fault) => {
                tracing::error!(%account, fault, "{missing}");
                tell(account, false);
            }
        }
    }

    /// Whether an account has another token than when this was last asked, whoever had its source
    /// asked. Who asks tells the runtime: a request that had it asked tells nobody but itself.
    pub(crate) fn take_news(&self, account: &Account) -> bool {
        let held = self.accounts.get(account);
        held.is_some_and(|held| std::mem::take(&mut held.state().is_news))
    }

    /// The sources may be asked at once again.
    #[cfg(test)]
    pub(crate) fn forget_when_asked(&self) {
        self.accounts.values().for_each(|held| held.state().refreshed = None);
    }

    /// Asks an account's source again, whenever the last time was.
    pub(crate) async fn refresh(&self, account: &Account) -> Refreshed {
        match self.accounts.get(account) {
            Some(held) => {
                let _alone = held.refreshing.lock().await;
                held.refresh().await
            }
            None => Refreshed::Same,
        }
    }
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn refresh(&self) -> Refreshed {
        let fetched = fetch(&self.source, &self.withheld).await;
        let mut state = self.state();
        state.refreshed = Some(clock::now());
        state.told = None;
        match fetched {
            Ok(token) => {
                state.fault = None;
                let is_new = state.token.as_ref() != Some(&token);
                state.token = Some(token);
                state.is_news |= is_new;
                if is_new { Refreshed::New } else { Refreshed::Same }
            }
            Err(fault) => {
                state.fault = Some(fault.clone());
                Refreshed::Failed(fault)
            }
        }
    }

    /// Another token after the server refused one. Of several requests that were refused at once
    /// the first has the source asked, and the others share what came of it.
    async fn renew(&self, account: &Account, refused: Option<Token>) -> Option<Token> {
        let _alone = self.refreshing.lock().await;
        let asked = self.state().refreshed.map(|at| clock::now().duration_since(at));
        let may_ask = asked.is_none_or(|since| since >= REFRESH_WAIT_MIN);
        if may_ask && self.state().token == refused {
            self.refresh().await;
        }
        let mut state = self.state();
        let other = state.token.clone().filter(|token| Some(token) != refused.as_ref());
        if state.told.replace(other.is_some()) != Some(other.is_some()) {
            tell(account, state.fault.as_deref(), other.is_some());
        }
        other
    }
}

/// The mode of a token's file that more than its owner may read. What the service manager hands out
/// is none: a list of its own says who may read it, which looks like a group's right.
pub(crate) fn mode_for_others(path: &Path) -> Option<u32> {
    let of_manager = env::var_os("CREDENTIALS_DIRECTORY");
    if of_manager.is_some_and(|folder| !folder.is_empty() && path.starts_with(folder)) {
        return None;
    }
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then_some(mode & 0o7777)
}

/// The variable that holds an account's token.
fn variable_of(account: &AccountConfig) -> Option<String> {
    match &account.token {
        TokenSource::Variable(name) => Some(name.clone()),
        TokenSource::File(_) | TokenSource::Command(_) => None,
    }
}

/// Says what a refused token has led to; once, however many requests share it.
fn tell(account: &Account, fault: Option<&str>, has_other: bool) {
    match fault {
        None if has_other => {
            tracing::info!(%account, "the token was refused; there is a new one");
        }
        None => tracing::warn!(%account, "the token was refused, and there is no other one"),
        Some(fault) => {
            tracing::warn!(%account, fault, "the token was refused, and none is to be had");
        }
    }
}

impl Credentials for HostCredentials {
    fn token(&self, account: &Account) -> Option<Token> {
        match self.accounts.get(account) {
            Some(held) => held.state().token.clone(),
            None => self.others.token(account),
        }
    }

    fn renew(
        &self,
        account: &Account,
        refused: Option<Token>,
    ) -> LocalBoxFuture<'static, Option<Token>> {
        let (accounts, account) = (Arc::clone(&self.accounts), account.clone());
        Box::pin(async move {
            let held = accounts.get(&account)?;
            held.renew(&account, refused).await
        })
    }
}

#[cfg(test)]
mod tests;
