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
        let unlooked = match looked.map_err(std::io::Error::from).flatten() {
            Ok(usage) => {
                room.found(usage, taken);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the store's folder cannot be looked at");
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

/// Asks for tokens again where recordings wait for one, and says when there is one.
pub(crate) async fn accounts(runtime: Runtime, board: Arc<Board>, credentials: HostCredentials) {
    let mut asked: Option<Instant> = None;
    loop {
        sleep(LOOK_EVERY).await;
        let waiting = waiting(&board.now().status, &credentials);
        board.note(|facts| facts.needs_sign_in.clone_from(&waiting));
        let is_time = asked.is_none_or(|at| clock::now().duration_since(at) >= ASK_AGAIN_EVERY);
        if waiting.is_empty() || !is_time {
            continue;
        }
        asked = Some(clock::now());
        for account in waiting.keys() {
            match credentials.refresh(account).await {
                Refreshed::New => {
                    tracing::info!(%account, "there is a new token");
                    runtime.account(account.clone(), SignIn::SignedIn);
                }
                Refreshed::Same => {}
                Refreshed::Failed(fault) => tracing::warn!(%account, fault, "there is no token"),
            }
        }
    }
}

/// The accounts that need a token, each with why.
fn waiting(status: &Status, credentials: &HostCredentials) -> BTreeMap<Account, String> {
    let waits =
        |one: &&RecordingStatus| one.needs_person && !matches!(one.status, "failed" | "corrupted");
    let mut waiting: BTreeMap<Account, String> = BTreeMap::new();
    for one in status.recordings.iter().filter(waits) {
        let reason = one.reason.as_deref().unwrap_or("the server wants a token");
        waiting.entry(one.account.clone()).or_insert_with(|| reason.to_owned());
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
    use super::*;
    use crate::host::recording;

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
