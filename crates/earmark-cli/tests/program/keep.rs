//! What the commands beside a host let go of a store: nothing that its configuration keeps.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark::{
    Account, Api, Clock, Codec, Delivery, Device, FrameSeq, NoCredentials, OmiHttp, Policy,
    Runtime, Socket, Source, SourceHandle, Stamp, Status, SystemClock, WallTime,
};
use earmark_core::BootId;
use serde_json::Value;

use crate::harness::{Backend, Room, earmark, id, listed};
use crate::host::configure;

const FRAMES: u64 = 50;
/// Longer ago than an embedded runtime keeps what is synced.
const LONG_AGO: Duration = Duration::from_secs(8 * 86_400);
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);
const STOP_MAX: Duration = Duration::from_secs(60);
/// A server that is not there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The clocks of another boot, eight days ago.
struct LongAgo(SystemClock);

impl Clock for LongAgo {
    fn stamp(&self) -> Stamp {
        let now = self.0.stamp();
        let before = i64::try_from(LONG_AGO.as_micros()).expect("a few days");
        let wall = WallTime::from_unix_micros(now.wall.unix_micros() - before);
        Stamp { boot: BootId::from_u128(8), wall, ..now }
    }
}

async fn wait_for(runtime: &Runtime, is_so: impl FnMut(&Status) -> bool) {
    runtime.status().wait_for(is_so).await.expect("it runs");
}

fn source(runtime: &Runtime, device: &str) -> SourceHandle {
    let device = Device::new(device).expect("a short name");
    let account = Account::new("default").expect("a short name");
    let source = runtime.open_source(Source::mono_16k(device, Codec::Opus, account));
    source.expect("there is room")
}

fn capture(source: &SourceHandle) {
    for number in 0..FRAMES {
        source.push(Bytes::from(vec![number as u8; 40])).expect("it is taken");
    }
}

/// Captures fifty frames in a conversation that is linked; the live socket delivers them all.
fn capture_live(source: &SourceHandle) {
    source.socket(Socket::Up).expect("there is room");
    capture(source);
    source.delivered(FrameSeq(FRAMES)).expect("there is room");
    for text in [
        r#"{"type":"memory_processing_started","memory":{"id":"morning"}}"#,
        r#"{"type":"memory_created","memory":{"id":"morning"}}"#,
    ] {
        source.server_message(text).expect("there is room");
    }
}

/// A store of a host that keeps everything: `old` was uploaded long ago, `heard` was delivered by
/// a live socket and is not uploaded yet, `alone` has only been captured.
async fn kept(room: &Room) -> String {
    let backend = Backend::start(&[]);
    let keep = Policy { delivery: Delivery::Keep, ..Policy::EVERYDAY };
    let target = OmiHttp::new(&backend.url, NoCredentials).expect("a URL");
    let builder = || Runtime::builder(room.path("store")).policy(keep).retention(FOR_EVER);
    let past = builder().clock(Arc::new(LongAgo(SystemClock::new()))).sync_target(target);
    let past = past.link_wait(Duration::ZERO).api(Api::V1);
    let runtime = past.start().await.expect("a new store");
    let old = source(&runtime, "old");
    capture(&old);
    old.stop().expect("there is room");
    wait_for(&runtime, |now| now.recordings.iter().any(|one| one.status == "synced")).await;
    assert!(runtime.shutdown(STOP_MAX).await);

    let runtime = builder().start().await.expect("the same store");
    let (heard, alone) = (source(&runtime, "heard"), source(&runtime, "alone"));
    capture_live(&heard);
    capture(&alone);
    alone.stop().expect("there is room");
    wait_for(&runtime, |now| {
        let pending = now.recordings.iter().filter(|one| one.status == "pending").count();
        now.frames.delivered == FRAMES && pending == 2
    })
    .await;
    assert!(runtime.shutdown(STOP_MAX).await);
    room.text("store")
}

/// The recordings by device, and how each is.
fn states(store: &str) -> Vec<(String, String)> {
    let word = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
    let mut states: Vec<_> =
        listed(store).iter().map(|one| (word(one, "device"), word(one, "status"))).collect();
    states.sort();
    states
}

fn named(states: &[(&str, &str)]) -> Vec<(String, String)> {
    states.iter().map(|(device, status)| ((*device).into(), (*status).into())).collect()
}

fn of_device(store: &str, device: &str) -> String {
    let all = listed(store);
    let found = all.iter().find(|one| one["device"] == device);
    id(found.expect("it is there")).to_owned()
}

fn ran_well(flags: &[&str]) {
    let ran = earmark(flags);
    assert_eq!(ran.code, Some(0), "{flags:?}: {ran:?}");
}

const ALL: [(&str, &str); 3] = [("alone", "pending"), ("heard", "pending"), ("old", "synced")];

/// F129 and F132.
#[tokio::test]
async fn a_retry_a_mute_and_a_deletion_let_go_of_nothing_but_what_they_are_for() {
    let room = Room::new();
    let store = kept(&room).await;
    assert_eq!(states(&store), named(&ALL));
    configure(&room, NOWHERE, "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let (config, alone) = (room.text("earmark.toml"), of_device(&store, "alone"));
    for flags in [
        ["retry", &alone, "--data-dir", &store],
        ["mute", "a", "--config", &config],
        ["unmute", "a", "--config", &config],
    ] {
        ran_well(&flags);
        assert_eq!(states(&store), named(&ALL), "{flags:?}");
    }
    ran_well(&["delete", &alone, "--data-dir", &store]);
    assert_eq!(states(&store), named(&ALL[1..]));
}

#[tokio::test]
async fn a_sync_that_is_told_of_no_policy_uploads_everything_and_removes_nothing() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    let store = kept(&room).await;
    ran_well(&["sync", "--server", &backend.url, "--data-dir", &store]);
    let synced = ["alone", "heard", "old"].map(|device| (device, "synced"));
    assert_eq!(states(&store), named(&synced));
}

/// Uploads the store to a server, told of a policy and a retention.
async fn synced_with(lines: &str) -> (Room, String) {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    let store = kept(&room).await;
    let text = format!(
        "[server]\nurl = {:?}\napi = \"v1\"\n[store]\ndata_dir = \"store\"\n{lines}\n\
         [source.a]\nkind = \"unix\"\npath = \"a.sock\"\n",
        backend.url
    );
    fs::write(room.path("earmark.toml"), text).expect("it is written");
    ran_well(&["sync", "--config", &room.text("earmark.toml")]);
    (room, store)
}

#[tokio::test]
async fn a_sync_with_a_configuration_keeps_what_that_one_keeps() {
    let (_room, store) = synced_with("policy = \"keep\"").await;
    let synced = ["alone", "heard", "old"].map(|device| (device, "synced"));
    assert_eq!(states(&store), named(&synced));
}

#[tokio::test]
async fn a_sync_with_a_configuration_lets_go_of_what_that_one_lets_go_of() {
    let (_room, store) = synced_with("remove_synced_after_days = 7").await;
    assert_eq!(states(&store), named(&[("alone", "synced")]));
}
