//! What holds uploads back: the host's rules, and a server that asks for less.

use earmark::{
    Account, Codec, Delivery, Device, FrameSeq, RecordingStatus, Runtime, Socket, Source,
    SourceHandle, Surroundings, TransferRules,
};
use earmark_backend::ServerAction;
use earmark_backend::server::Options;
use earmark_core::Policy;
use earmark_sim::world::{Life, Setting, in_virtual_time};
use serde_json::json;

use crate::host::{frame, pass_millis};

/// After so long audio that no conversation is known for goes to the server.
const UNTIL_DUE: u64 = 151_000;

fn story<F: Future<Output = ()>>(tell: impl FnOnce(Setting) -> F) {
    story_under(Policy::EVERYDAY, tell);
}

fn story_under<F: Future<Output = ()>>(policy: Policy, tell: impl FnOnce(Setting) -> F) {
    in_virtual_time(async {
        let options = Options { decode: false, ..Options::default() };
        tell(Setting::new(options, policy, 7)).await;
    })
    .expect("a runtime without I/O needs nothing of the system");
}

async fn start(setting: &Setting) -> Life {
    Life::start(setting).await.expect("a disk without faults opens")
}

/// Half a second of audio, which is let go after [`UNTIL_DUE`].
fn record(runtime: &Runtime, device: &str, account: &str) {
    let source = open(runtime, device, account);
    speak(&source);
    source.stop().expect("nothing else waits");
}

fn open(runtime: &Runtime, device: &str, account: &str) -> SourceHandle {
    let source = Source::mono_16k(
        Device::new(device).expect("the tests' names are short"),
        Codec::Opus,
        Account::new(account).expect("the tests' names are short"),
    );
    runtime.open_source(source).expect("there is room for the tests' devices")
}

fn speak(source: &SourceHandle) {
    for fill in 0..50 {
        source.push(frame(fill, 80)).expect("there is room for half a second");
    }
}

async fn recording(life: &Life, device: &str) -> RecordingStatus {
    let status = life.runtime().status_now().await.expect("the runtime runs");
    let mut found = status.recordings.into_iter();
    found.find(|one| one.device.as_str() == device).expect("it was recorded")
}

fn respond(setting: &Setting, answer: serde_json::Value) {
    let fields = json!({ "queue": [answer] });
    let fields = fields.as_object().expect("it was written as one");
    let action = ServerAction::parse("server.respond", fields).expect("an action of the server");
    let scripted = setting.network.script(action.expect("an answer that can be scripted"));
    scripted.expect("there is room for an answer");
}

/// F60.
#[test]
fn what_may_not_leave_stays_in_line_with_the_reason_and_leaves_when_it_may() {
    let against = Surroundings { unmetered: false, charging: false, quiet_hours: true };
    let rules = TransferRules::default();
    for (rules, words) in [
        (TransferRules { unmetered_only: true, ..rules }, "a network that is not paid by the byte"),
        (TransferRules { charging_only: true, ..rules }, "the charger"),
        (TransferRules { not_in_quiet_hours: true, ..rules }, "the end of the quiet hours"),
    ] {
        story(async |setting| {
            let life = start(&setting).await;
            life.runtime().transfer_rules(rules);
            life.runtime().surroundings(against);
            record(life.runtime(), "pendant", "default");
            pass_millis(UNTIL_DUE + 3_600_000).await;
            let held = recording(&life, "pendant").await;
            assert_eq!(held.reason, Some(format!("it waits for {words}")));
            assert_eq!((held.status, held.attempts, held.next_attempt), ("pending", 0, None));
            assert!(setting.network.state().uploads.is_empty());
            life.runtime().surroundings(Surroundings::default());
            pass_millis(30_000).await;
            assert_eq!(recording(&life, "pendant").await.status, "synced");
        });
    }
}

/// F85.
#[test]
fn rules_that_are_taken_back_hold_nothing() {
    story(async |setting| {
        let life = start(&setting).await;
        let rules = TransferRules { charging_only: true, ..TransferRules::default() };
        life.runtime().transfer_rules(rules);
        let on_battery = Surroundings { charging: false, ..Surroundings::default() };
        life.runtime().surroundings(on_battery);
        record(life.runtime(), "pendant", "default");
        pass_millis(UNTIL_DUE).await;
        assert_eq!(recording(&life, "pendant").await.status, "pending");
        life.runtime().transfer_rules(TransferRules::default());
        pass_millis(30_000).await;
        assert_eq!(recording(&life, "pendant").await.status, "synced");
    });
}

/// F85.
#[test]
fn where_uploads_are_off_audio_is_kept_and_only_what_a_person_asks_for_leaves() {
    story(async |setting| {
        let life = start(&setting).await;
        let by_hand = TransferRules { by_hand_only: true, ..TransferRules::default() };
        life.runtime().transfer_rules(by_hand);
        record(life.runtime(), "first", "default");
        record(life.runtime(), "second", "default");
        pass_millis(UNTIL_DUE + 86_400_000).await;
        assert!(setting.network.state().uploads.is_empty());
        let first = recording(&life, "first").await;
        assert_eq!((first.status, first.needs_person), ("pending", false));
        assert_eq!(first.reason.as_deref(), Some("it waits until a person asks for it"));
        life.runtime().retry(Some(vec![first.id]));
        pass_millis(30_000).await;
        assert_eq!(recording(&life, "first").await.status, "synced");
        assert_eq!(recording(&life, "second").await.status, "pending");
        assert_eq!(setting.network.state().uploads.len(), 1);
        life.runtime().transfer_rules(TransferRules::default());
        pass_millis(30_000).await;
        assert_eq!(recording(&life, "second").await.status, "synced");
    });
}

/// F132. What a server makes of the frames that it has read is not known.
#[test]
fn audio_that_was_delivered_whole_is_let_go_or_uploaded_as_the_policy_says() {
    for (delivery, uploads) in [(Delivery::Delivered, 0), (Delivery::Keep, 1)] {
        story_under(Policy { delivery, ..Policy::EVERYDAY }, async |setting| {
            let life = start(&setting).await;
            let source = open(life.runtime(), "pendant", "default");
            source.socket(Socket::Up).expect("nothing else waits");
            pass_millis(1).await;
            speak(&source);
            pass_millis(1_000).await;
            source.delivered(FrameSeq(50)).expect("nothing else waits");
            source.stop().expect("nothing else waits");
            pass_millis(UNTIL_DUE + 60_000).await;
            let status = life.runtime().status_now().await.expect("the runtime runs");
            assert_eq!(setting.network.state().uploads.len(), uploads, "{delivery:?}");
            assert_eq!((status.frames.delivered, status.frames.held), (50, 0), "{delivery:?}");
        });
    }
}

#[test]
fn an_account_that_has_used_its_share_waits_as_told_and_another_goes_on() {
    story(async |setting| {
        let life = start(&setting).await;
        respond(
            &setting,
            json!({ "status": 429, "headers": {
                "retry-after": "600", "x-omi-rate-limit-reason": "fair_use" } }),
        );
        record(life.runtime(), "first", "anna");
        pass_millis(1_000).await;
        record(life.runtime(), "second", "anna");
        record(life.runtime(), "third", "bert");
        pass_millis(UNTIL_DUE + 30_000).await;
        let (first, second) = (recording(&life, "first").await, recording(&life, "second").await);
        assert!(first.reason.is_some_and(|reason| reason.contains("(429)")));
        assert_eq!(
            second.reason.as_deref(),
            Some("the server wants fewer requests of this account")
        );
        assert!(second.next_attempt.is_some(), "it is known when that is over");
        assert_eq!(recording(&life, "third").await.status, "synced");
        pass_millis(600_000).await;
        for device in ["first", "second"] {
            let now = recording(&life, device).await;
            assert_eq!((now.status, now.attempts), ("synced", 0), "{device}");
        }
    });
}

#[test]
fn a_device_that_never_pauses_is_uploaded_as_it_goes_where_no_live_socket_is_wanted() {
    story(async |setting| {
        let life = start(&setting).await;
        let source = open(life.runtime(), "pendant", "default");
        source.live(false).expect("nothing else waits");
        for _ in 0..450 {
            speak(&source);
            pass_millis(1_000).await;
        }
        let uploads = setting.network.state().uploads;
        assert!(uploads.len() >= 2, "{uploads:?}");
        let status = life.runtime().status_now().await.expect("the runtime runs");
        assert!(status.sockets.is_empty());
    });
}
