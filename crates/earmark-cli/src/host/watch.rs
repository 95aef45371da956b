//! What is looked at again and again: the runtime's status, the disk, and the accounts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use earmark::{Account, RecordingStatus, Runtime, SignIn, Status};
use tokio::time::sleep;

use super::board::Board;
use super::room::{self, Fullness, Room};
use crate::clock;
use crate::config::StoreConfig;
use crate::credentials::{HostCredentials, Refreshed};

/// How often it is looked at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look may take this part of the time: with tens of thousands of recordings it takes a while.
const SHARE_OF_TIME: u32 = 50;
/// How often the source of a token is asked again while recordings wait for a new one.
const ASK_AGAIN_EVERY: Duration = Duration::from_secs(60);
/// How many recordings are removed at once to make room.
const REMOVED_AT_ONCE_MAX: usize = 100;

/// Waits until it is time for the next look.
async fn rest(since: Instant) {
    let took = clock::now().duration_since(since);
    sleep(LOOK_EVERY.max(took * SHARE_OF_TIME)).await;
}

/// Looks at the status, until the runtime is gone.
pub(crate) async fn status(runtime: Runtime, board: Arc<Board>, synced_bytes_max: Option<u64>) {
    loop {
        let since = clock::now();
        let Ok(status) = runtime.status_now().await else {
            return;
        };
        if let Some(max) = synced_bytes_max {
            let old = removable(&status, max);
            if !old.is_empty() {
                tracing::info!(count = old.len(), max, "synced recordings are removed for room");
                runtime.delete(Some(old));
            }
        }
        board.note(|facts| facts.saw(status, clock::now()));
        rest(since).await;
    }
}

/// The oldest synced recordings, as many as hold more than is to be kept. What the server has not
/// confirmed is never among them.
fn removable(status: &Status, synced_bytes_max: u64) -> Vec<earmark::RecordingId> {
    let synced = || status.recordings.iter().filter(|one| one.status == "synced");
    let held: u64 = synced().map(|one| one.bytes).sum();
    let mut surplus = held.saturating_sub(synced_bytes_max);
    let mut old = Vec::new();
    for one in synced().take(REMOVED_AT_ONCE_MAX) {
        if surplus == 0 {
            break;
        }
        surplus = surplus.saturating_sub(one.bytes);
        old.push(one.id);
    }
    old
}

/// Looks at the disk, and says when it is nearly full, full, or roomy again.
pub(crate) async fn disk(config: StoreConfig, room: Arc<Room>, board: Arc<Board>) {
    let mut before = Fullness::Roomy;
    loop {
        let since = clock::now();
        let (folder, taken) = (config.data_dir.clone(), room.taken());
        let looked = tokio::task::spawn_blocking(move || room::look(&folder)).await;
        let unlooked = match looked.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(usage) => {
                room.found(usage, taken);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the store's folder cannot be looked at");
                room.not_found(&config.data_dir, taken);
                Some(error.to_string())
            }
        };
        let now = room.fullness();
        tell(&before, &now);
        let full = if let Fullness::Full(why) = &now { Some(why.clone()) } else { None };
        board.note(|facts| (facts.full, facts.unlooked) = (full, unlooked));
        before = now;
        rest(since).await;
    }
}

fn tell(before: &Fullness, now: &Fullness) {
    if std::mem::discriminant(before) == std::mem::discriminant(now) {
        return;
    }
    match now {
        Fullness::Roomy => tracing::info!("there is room again"),
        Fullness::Nearly(how) => tracing::warn!(how, "there will be no room before long"),
        Fullness::Full(why) => tracing::error!(why, "new frames are refused; nothing is removed"),
    }
}

/// Asks for tokens again where one is waited for, and says when there is one.
pub(crate) async fn accounts(runtime: Runtime, board: Arc<Board>, credentials: HostCredentials) {
    let mut asked: Option<Instant> = None;
    loop {
        sleep(LOOK_EVERY).await;
        let waiting = waiting(&board.now().status, &credentials);
        board.note(|facts| facts.needs_sign_in.clone_from(&waiting));
        let is_time = asked.is_none_or(|at| clock::now().duration_since(at) >= ASK_AGAIN_EVERY);
        if !waiting.is_empty() && is_time {
            asked = Some(clock::now());
            ask_again(&credentials, waiting.keys()).await;
        }
        announce(&runtime, &credentials);
    }
}

async fn ask_again(credentials: &HostCredentials, accounts: impl Iterator<Item = &Account>) {
    for account in accounts {
        if let Refreshed::Failed(fault) = credentials.refresh(account).await {
            tracing::warn!(%account, fault, "there is no token");
        }
    }
}

/// Tells the runtime of new tokens. Requests that were refused one after the other fetch a token
/// for themselves: those that had given up by then hear of it here.
fn announce(runtime: &Runtime, credentials: &HostCredentials) {
    for account in credentials.accounts() {
        if credentials.take_news(&account) {
            tracing::info!(%account, "there is a new token");
            runtime.account(account, SignIn::SignedIn);
        }
    }
}

/// The accounts that need a token, each with why.
fn waiting(status: &Status, credentials: &HostCredentials) -> BTreeMap<Account, String> {
    let waits =
        |one: &&RecordingStatus| one.needs_person && !matches!(one.status, "failed" | "corrupted");
    let recordings = status.recordings.iter().filter(waits).map(|one| (&one.account, &one.reason));
    let sockets = status.sockets.iter().filter(|one| one.needs_sign_in);
    let sockets = sockets.map(|one| (&one.account, &one.reason));
    let mut waiting: BTreeMap<Account, String> = BTreeMap::new();
    for (account, reason) in recordings.chain(sockets) {
        let reason = reason.as_deref().unwrap_or("the server wants a token");
        waiting.entry(account.clone()).or_insert_with(|| reason.to_owned());
    }
    for account in credentials.accounts() {
        if let Some(fault) = credentials.fault(&account) {
            waiting.insert(account, fault);
        }
    }
    waiting
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bytes::Bytes;
    use earmark::{
        Codec, Credentials as _, Device, HttpFault, HttpReply, HttpRequest, HttpTransport, OmiHttp,
        SocketStatus, Source, SystemClock, Token,
    };
    use futures_util::future::LocalBoxFuture;

    use super::*;
    use crate::config::{AccountConfig, TokenSource};
    use crate::host::recording;

    /// How long something may take that takes a moment on a machine that is not overloaded.
    const PATIENCE: Duration = Duration::from_secs(120);
    const DONE: &[u8] = br#"{"new_memories":[],"updated_memories":["c"]}"#;

    /// A server that takes uploads with one token alone.
    struct Wants(&'static str);

    impl HttpTransport for Wants {
        fn send(
            &self,
            request: HttpRequest,
        ) -> LocalBoxFuture<'static, Result<HttpReply, HttpFault>> {
            let is_wanted = request.token == Some(Token::new(self.0));
            let reply = HttpReply {
                status: if is_wanted { 200 } else { 401 },
                retry_after: None,
                date: None,
                limit_reason: None,
                body: Bytes::from_static(DONE),
            };
            Box::pin(std::future::ready(Ok(reply)))
        }
    }

    fn default_account() -> Account {
        Account::new("default").expect("a name")
    }

    /// Waits for a status.
    async fn wait_for(runtime: &Runtime, is_so: impl FnMut(&Status) -> bool) -> Status {
        let mut status = runtime.status();
        let seen = tokio::time::timeout(PATIENCE, status.wait_for(is_so)).await;
        seen.expect("it comes to that").expect("the runtime runs").clone()
    }

    #[tokio::test]
    async fn a_token_that_another_request_has_fetched_wakes_what_gave_up_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let token = folder.path().join("token");
        fs::write(&token, "old").expect("it is written");
        let source = TokenSource::File(token.clone());
        let account = AccountConfig { account: default_account(), token: source };
        let credentials = HostCredentials::new(&[account]);
        assert_eq!(credentials.load().await, []);
        let shared = (Arc::new(credentials.clone()), Arc::new(SystemClock::new()));
        let target = OmiHttp::over(Arc::new(Wants("new")), shared.0, shared.1);
        let builder = Runtime::builder(folder.path().join("store")).sync_target(target);
        let runtime = builder.link_wait(Duration::ZERO).start().await.expect("a new store");
        let desk = Device::new("desk").expect("a name");
        let desk = Source::mono_16k(desk, Codec::Opus, default_account());
        let desk = runtime.open_source(desk).expect("there is room");
        desk.push(Bytes::from_static(&[1; 40])).expect("it is taken");
        desk.stop().expect("there is room");
        let is_waiting = |now: &Status| now.recordings.iter().any(|one| one.needs_person);
        let status = wait_for(&runtime, is_waiting).await;

        fs::write(&token, "new").expect("it is written");
        credentials.forget_when_asked();
        let renewed = credentials.renew(&default_account(), Some(Token::new("old"))).await;
        assert_eq!(renewed, Some(Token::new("new")));
        let board = Arc::new(Board::default());
        board.note(|facts| facts.saw(status, clock::now()));
        let looking = tokio::spawn(accounts(runtime.clone(), board, credentials));
        let is_synced = |now: &Status| now.recordings.iter().any(|one| one.status == "synced");
        wait_for(&runtime, is_synced).await;
        looking.abort();
    }

    #[test]
    fn a_live_socket_that_stopped_for_want_of_a_token_waits_for_one() {
        let credentials = HostCredentials::new(&[]);
        let waits = |state, needs_sign_in| {
            let socket = SocketStatus {
                device: Device::new("desk").expect("a name"),
                account: default_account(),
                state,
                reason: Some(String::from("there is no fresh token")),
                next_try: None,
                needs_sign_in,
                fruitless: 0,
                is_wedged: false,
            };
            let status = Status { sockets: vec![socket], ..Status::default() };
            waiting(&status, &credentials).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(waits("stopped", true), [default_account()]);
        assert_eq!(waits("stopped", false), []);
    }

    /// F128.
    #[test]
    fn only_synced_recordings_make_room_and_the_oldest_ones_first() {
        let states = ["pending", "synced", "failed", "synced", "uploading", "synced"];
        let hundred = |(number, state)| RecordingStatus { bytes: 100, ..recording(number, state) };
        let recordings = (1..).zip(states).map(hundred);
        let status = Status { recordings: recordings.collect(), ..Status::default() };
        let removed = |max| {
            let ids = removable(&status, max);
            ids.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(removed(300), Vec::<String>::new());
        assert_eq!(removed(299), ["r-00000000-2"]);
        assert_eq!(removed(0), ["r-00000000-2", "r-00000000-4", "r-00000000-6"]);
    }
}
