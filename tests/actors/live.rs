//! The runtime's own live sockets, in virtual time.

use std::collections::BTreeSet;

use earmark::{
    Account, Codec, DialFault, Encoding, Event, Incoming, Network, Numbered, Refused, SignIn,
    SourceHandle, Status,
};
use tokio::sync::broadcast::Receiver;
use tokio::time::Duration;

use crate::host::{Host, Process, frame, pass_millis, push, story};
use crate::wire::{Answer, GOOD, Manners, Renewal, Wire};

const UP: Answer = Answer::Up(Duration::ZERO, GOOD);

fn unreachable() -> Answer {
    Answer::Fault(DialFault::Unreachable("no route".into()))
}

fn refused(status: u16, retry_after: Option<Duration>) -> Answer {
    Answer::Fault(DialFault::Refused(Refused { status, retry_after }))
}

async fn pass(seconds: u64) {
    pass_millis(seconds * 1_000).await;
}

async fn start(host: &Host, wire: &Wire) -> Process {
    host.start_with(|builder| builder.live_socket(wire.clone())).await
}

/// A device that captures and wants a socket.
async fn stream(process: &Process) -> SourceHandle {
    let source = process.capture("pendant");
    source.live(true).expect("nothing else waits");
    pass_millis(1).await;
    source
}

/// A frame a second.
async fn talk(source: &SourceHandle, seconds: u64) {
    for _ in 0..seconds {
        push(source, 1);
        pass(1).await;
    }
}

fn socket(status: &Status) -> (&'static str, Option<&str>) {
    let socket = status.sockets.first().expect("one was wanted");
    (socket.state, socket.reason.as_deref())
}

#[test]
fn f13_a_server_that_pongs_and_says_nothing_is_given_up_after_forty_five_seconds_of_frames() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer([Answer::Up(Duration::ZERO, Manners { pongs: true, talks: false })]);
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        talk(&source, 45).await;
        assert_eq!((wire.dials(), socket(&process.status().await)), (1, ("up", None)));
        push(&source, 1);
        pass_millis(50).await;
        let status = process.status().await;
        let (state, reason) = socket(&status);
        assert_eq!(state, "waiting");
        assert!(reason.is_some_and(|why| why.contains("said nothing for 45 s")), "{reason:?}");
        pass(1).await;
        assert_eq!(socket(&process.status().await).0, "up");
        assert_eq!((wire.dials(), process.status().await.frames.held), (2, 46));
    });
}

#[test]
fn f13_a_quiet_room_is_no_stall() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        talk(&source, 300).await;
        assert_eq!(wire.dials(), 1);
        // Without frames nothing is expected of the server.
        wire.latest().close(1001).await;
        wire.answer([Answer::Up(Duration::ZERO, Manners { pongs: true, talks: false })]);
        pass(300).await;
        assert_eq!(wire.dials(), 2);
    });
}

#[test]
fn f16_nothing_is_lost_before_or_during_the_handshake() {
    for handshake in [0, 400, 5_000, 30_000] {
        story(async |host| {
            let wire = Wire::new();
            wire.answer([Answer::Up(Duration::from_millis(handshake), GOOD)]);
            let process = start(&host, &wire).await;
            let source = process.capture("pendant");
            push(&source, 10);
            source.live(true).expect("nothing else waits");
            talk(&source, handshake / 1_000).await;
            pass_millis(500).await;
            push(&source, 5);
            pass(2).await;
            let frames = process.status().await.frames;
            assert_eq!(frames.captured, 15 + handshake / 1_000);
            assert_eq!((frames.held, frames.rejected), (frames.captured, 0), "{handshake} ms");
            assert_eq!(wire.latest().heard().len(), 5, "{handshake} ms");
        });
    }
}

#[test]
fn a_frame_that_waits_to_be_looked_for_when_the_socket_comes_up_is_not_heard_over_it() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer([Answer::Up(Duration::from_millis(5), GOOD)]);
        let process = start(&host, &wire).await;
        let source = process.capture("pendant");
        push(&source, 1);
        source.live(true).expect("nothing else waits");
        pass_millis(3).await;
        // Nobody rings for these; the connect does, three milliseconds later.
        push(&source, 3);
        pass_millis(50).await;
        assert_eq!(socket(&process.status().await).0, "up");
        push(&source, 2);
        pass_millis(50).await;
        assert_eq!((wire.latest().heard().len(), process.status().await.frames.held), (2, 6));
    });
}

#[test]
fn f17_a_day_without_the_server_ends_no_reconnecting() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer_always(unreachable());
        let process = start(&host, &wire).await;
        let _source = stream(&process).await;
        pass(86_400).await;
        // Never sooner than half of the longest wait, never later than the whole of it.
        assert!((86_400 / 32..86_400 / 16).contains(&wire.dials()), "{}", wire.dials());
        wire.answer_always(UP);
        pass(32).await;
        assert_eq!(socket(&process.status().await), ("up", None));
    });
}

#[test]
fn f19_a_network_that_returns_brings_the_socket_back_at_once() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        process.runtime.network(Network::Offline);
        talk(&source, 60).await;
        assert_eq!(wire.dials(), 1);
        assert_eq!(socket(&process.status().await), ("waiting", Some("the network is gone")));
        process.runtime.network(Network::Online);
        pass(16).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (2, "up"));
        assert_eq!(process.status().await.frames.held, 60);
    });
}

#[test]
fn f20_a_connect_that_takes_its_time_is_the_only_one() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer([Answer::Up(Duration::from_secs(35), GOOD)]);
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        for _ in 0..2 {
            source.live(true).expect("nothing else waits");
            process.runtime.network(Network::Online);
        }
        pass(30).await;
        assert_eq!(wire.dials(), 1);
        pass(6).await;
        wire.latest().close(1006).await;
        pass(30).await;
        assert_eq!(wire.dials(), 2);
    });
}

#[test]
fn f21_what_comes_late_of_an_earlier_attempt_or_connection_does_nothing() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer([Answer::Up(Duration::from_secs(5), GOOD)]);
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        let again = async || {
            source.live(false).expect("nothing else waits");
            pass(1).await;
            source.live(true).expect("nothing else waits");
            pass(1).await;
        };
        again().await;
        pass(10).await;
        // The attempt that was given up never became a connection.
        assert_eq!((wire.dials(), wire.connections().len()), (2, 1));
        push(&source, 3);
        pass(1).await;
        let before = wire.latest();
        again().await;
        let ignored = process.status().await.events.ignored;
        before.text(r#"{"type":"memory_processing_started","memory":{"id":"C"}}"#).await;
        before.close(4002).await;
        pass(5).await;
        let status = process.status().await;
        assert_eq!((socket(&status).0, status.events.ignored), ("up", ignored));
        assert!(status.recordings.iter().all(|one| one.conversation.is_none()));
    });
}

#[test]
fn f26_muted_audio_reaches_no_socket() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        push(&source, 20);
        pass(1).await;
        source.mute(true).expect("nothing else waits");
        for _ in 0..20 {
            assert_eq!(source.push(frame(9, 80)), Ok(None));
        }
        wire.latest().close(1011).await;
        pass(5).await;
        let heard: usize = wire.connections().iter().map(|one| one.heard().len()).sum();
        assert_eq!((heard, process.status().await.frames.muted), (20, 20));
    });
}

/// How often a wedge was told of since the last time.
fn wedges(events: &mut Receiver<Numbered>) -> usize {
    let told = std::iter::from_fn(|| events.try_recv().ok()).filter(|numbered| {
        matches!(&numbered.event, Event::LiveChanged { reason: Some(why), .. }
            if why.ends_with("one connection after the other brings nothing"))
    });
    told.count()
}

#[test]
fn f30_connections_that_bring_nothing_are_told_of_once_and_shown_until_one_bears_fruit() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        let mut events = process.runtime.events();
        for (ended, told) in [(1, 0), (2, 0), (3, 1), (4, 0)] {
            wire.latest().close(1001).await;
            pass(60).await;
            let socket = process.status().await.sockets.remove(0);
            assert_eq!((socket.fruitless, socket.is_wedged), (ended, ended >= 3));
            assert_eq!((socket.state, wedges(&mut events)), ("up", told), "after {ended}");
        }
        talk(&source, 11).await;
        let socket = process.status().await.sockets.remove(0);
        assert_eq!((socket.fruitless, socket.is_wedged), (4, false));
        wire.latest().close(1001).await;
        pass(60).await;
        assert_eq!(process.status().await.sockets[0].fruitless, 4, "it has borne fruit");
    });
}

#[test]
fn f30_connections_are_fruitless_without_a_word_of_the_server_as_well() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer_always(Answer::Up(Duration::ZERO, Manners { pongs: true, talks: false }));
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        talk(&source, 180).await;
        let status = process.status().await;
        assert!(status.sockets[0].is_wedged && status.frames.delivered > 0);
    });
}

#[test]
fn f30_muted_devices_spread_ends_and_ends_with_a_known_cause_are_no_wedge() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        let hang_up = async |code, times, wait| {
            for _ in 0..times {
                wire.latest().close(code).await;
                pass(wait).await;
            }
            process.status().await.sockets.remove(0)
        };
        source.mute(true).expect("nothing else waits");
        pass(1).await;
        assert_eq!(hang_up(1001, 5, 60).await.fruitless, 0);
        source.mute(false).expect("nothing else waits");
        pass(1).await;
        assert_eq!(hang_up(4001, 3, 60).await.fruitless, 0);
        let socket = hang_up(1001, 6, 301).await;
        assert_eq!((socket.fruitless, socket.is_wedged), (6, false));
        // Two devices have a row each.
        let _other = process.capture("phone").live(true);
        pass(601).await;
        for connection in wire.connections().iter().rev().take(2) {
            connection.close(1001).await;
        }
        pass(60).await;
        for connection in wire.connections().iter().rev().take(2) {
            connection.close(1001).await;
        }
        pass(60).await;
        let sockets = process.status().await.sockets;
        assert!(sockets.len() == 2 && sockets.iter().all(|socket| !socket.is_wedged));
    });
}

#[test]
fn f148_an_outage_says_that_audio_is_kept_and_leaves_no_more_waiting_than_was_said_in_it() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        talk(&source, 181).await;
        process.runtime.network(Network::Offline);
        talk(&source, 92).await;
        let status = process.status().await;
        assert_eq!(socket(&status), ("waiting", Some("the network is gone")));
        let frame = Codec::Opus.frame_duration();
        let missing = status.indicator.unsynced.as_micros() / frame.as_micros();
        // What was said since the last ping has no proof either.
        assert!((92..92 + 11).contains(&missing), "{missing} s");
        assert_eq!(status.indicator.on_disk + status.indicator.in_memory, frame * (181 + 92));
        process.runtime.network(Network::Online);
        talk(&source, 61).await;
        source.stop().expect("nothing else waits");
        pass(300).await;
        let waiting = process.status().await.recordings;
        let frames: u64 = waiting.iter().map(|one| one.frames).sum();
        assert!(waiting.iter().all(|one| one.status == "pending"), "{waiting:?}");
        // A recording spans 90 s at most: the one that the outage began in waits with it.
        assert!((92..92 + 90).contains(&frames), "{frames} frames wait");
    });
}

#[test]
fn f32_without_credit_nothing_is_tried_again_until_somebody_asks() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        let mut events = process.runtime.events();
        wire.latest().close(4002).await;
        talk(&source, 600).await;
        let status = process.status().await;
        let why = "no credit is left (close code 4002)";
        assert_eq!((wire.dials(), socket(&status)), (1, ("stopped", Some(why))));
        assert_eq!(status.frames.held, 600);
        let mut told = Vec::new();
        while let Ok(numbered) = events.try_recv() {
            if let Event::LiveChanged { state, reason, .. } = numbered.event {
                told.push((state, reason));
            }
        }
        assert_eq!(told, [("stopped", Some(why.to_owned()))]);
        source.live(true).expect("nothing else waits");
        pass(1).await;
        assert_eq!((wire.dials(), socket(&process.status().await)), (2, ("up", None)));
    });
}

#[test]
fn f33_rejected_tokens_make_no_storm_of_refreshes() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let _source = stream(&process).await;
        for (at, waited, renewals) in [(0, 0, 1), (17, 17, 1), (48, 31, 2)] {
            pass(waited).await;
            assert_eq!(socket(&process.status().await).0, "up", "at {at} s");
            wire.latest().close(4001).await;
            pass_millis(1).await;
            assert_eq!(wire.renewals(), renewals, "at {at} s");
        }
        pass(5).await;
        assert_eq!(socket(&process.status().await).0, "up");
    });
}

#[test]
fn f33_all_sockets_of_an_account_share_one_refresh() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let sources = ["pendant", "phone", "desktop"].map(|device| process.capture(device));
        for source in &sources {
            source.live(true).expect("nothing else waits");
        }
        pass_millis(1).await;
        for connection in wire.connections() {
            connection.close(4001).await;
        }
        pass(2).await;
        assert_eq!((wire.renewals(), wire.dials()), (1, 6));
    });
}

#[test]
fn a_host_that_never_answers_for_a_token_is_not_waited_for_without_end() {
    story(async |host| {
        let wire = Wire::new();
        wire.renew(Renewal::NeverAnswered);
        let process = start(&host, &wire).await;
        let _source = stream(&process).await;
        wire.latest().close(4001).await;
        pass(29).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (1, "signing_in"));
        pass(3).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (2, "up"));
    });
}

#[test]
fn f92_forty_reconnects_are_one_conversation_and_its_end_begins_another() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        let names = || -> BTreeSet<String> {
            let connections = wire.connections();
            connections.iter().filter_map(|one| Some(one.hello.conversation?.to_string())).collect()
        };
        for _ in 0..40 {
            talk(&source, 1).await;
            wire.latest().close(1006).await;
            pass(33).await;
        }
        assert_eq!((wire.connections().len(), names().len()), (41, 1));
        let ends = [
            r#"{"type":"memory_processing_started","memory":{"id":"C"}}"#,
            r#"{"type":"memory_processing_started","memory":{"id":""}}"#,
        ];
        for (end, expected) in ends.into_iter().zip([2, 2]) {
            talk(&source, 1).await;
            wire.latest().text(end).await;
            pass_millis(1).await;
            wire.latest().close(1006).await;
            pass(33).await;
            assert_eq!(names().len(), expected, "{end}");
        }
        talk(&source, 1).await;
        source.finish().expect("nothing else waits");
        pass_millis(1).await;
        wire.latest().close(1006).await;
        pass(33).await;
        assert_eq!(names().len(), 3, "a person has ended the conversation");
        talk(&source, 1).await;
        pass(119).await;
        wire.latest().close(1006).await;
        pass(33).await;
        assert_eq!(names().len(), 4, "the server has ended the conversation for the silence");
    });
}

#[test]
fn f137_a_signed_out_account_asks_for_no_socket_and_is_let_in_again() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        let account = Account::new("default").expect("short enough");
        process.runtime.account(account.clone(), SignIn::SignedOut);
        talk(&source, 31).await;
        assert_eq!((wire.dials(), wire.renewals()), (1, 0));
        assert_eq!(socket(&process.status().await), ("waiting", Some("the account is signed out")));
        process.runtime.account(account.clone(), SignIn::SignedIn);
        pass_millis(1).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (2, "up"));
        wire.latest().close(4004).await;
        pass(600).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (2, "stopped"));
        process.runtime.account(account, SignIn::SignedIn);
        pass_millis(1).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (3, "up"));
    });
}

#[test]
fn a_capture_with_another_codec_never_goes_out_on_the_socket_of_the_one_before() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let mut source = stream(&process).await;
        push(&source, 3);
        pass(1).await;
        source.start(Encoding::mono_16k(Codec::Pcm16)).expect("nothing else waits");
        source.push(frame(1, 320)).expect("the frame is taken");
        pass(1).await;
        source.push(frame(2, 320)).expect("the frame is taken");
        pass(1).await;
        let connections = wire.connections();
        let codecs: Vec<Codec> = connections.iter().map(|one| one.hello.encoding.codec).collect();
        assert_eq!(codecs, [Codec::Opus, Codec::Pcm16]);
        let heard: Vec<usize> = connections.iter().map(|one| one.heard().len()).collect();
        assert_eq!((heard, process.status().await.frames.held), (vec![3, 1], 5));
        // A server that did not take the one may take the other.
        wire.latest().close(1003).await;
        pass(60).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (2, "stopped"));
        source.start(Encoding::mono_16k(Codec::Opus)).expect("nothing else waits");
        pass_millis(1).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (3, "up"));
    });
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_left_alone() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer([refused(503, Some(Duration::from_secs(100)))]);
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        pass(50).await;
        process.runtime.network(Network::Offline);
        pass(1).await;
        process.runtime.network(Network::Online);
        source.live(false).expect("nothing else waits");
        pass(1).await;
        source.live(true).expect("nothing else waits");
        pass(47).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (1, "waiting"));
        pass(2).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (2, "up"));
        wire.answer([refused(429, Some(Duration::MAX))]);
        wire.latest().close(1006).await;
        pass(86_390).await;
        assert_eq!(wire.dials(), 3);
        pass(60).await;
        assert_eq!((wire.dials(), socket(&process.status().await).0), (4, "up"));
    });
}

#[test]
fn a_server_that_hangs_up_on_everybody_is_asked_less_and_less_often() {
    story(async |host| {
        let wire = Wire::new();
        let process = start(&host, &wire).await;
        let _source = stream(&process).await;
        for _ in 0..600 {
            wire.latest().close(1011).await;
            pass(1).await;
        }
        assert!((600 / 33..600 / 10).contains(&wire.dials()), "{}", wire.dials());
        // A connection that lasts begins the row of waits anew.
        pass(64).await;
        let dials = wire.dials();
        wire.latest().close(1011).await;
        pass(1).await;
        assert_eq!(wire.dials(), dials + 1);
    });
}

#[test]
fn f12_neither_a_send_nor_a_pong_for_nothing_proves_delivery() {
    story(async |host| {
        let wire = Wire::new();
        wire.answer([Answer::Up(Duration::ZERO, Manners { pongs: false, talks: true })]);
        let process = start(&host, &wire).await;
        let source = stream(&process).await;
        talk(&source, 11).await;
        let server = wire.latest();
        assert_eq!((server.heard().len(), process.status().await.frames.delivered), (11, 0));
        for number in [0, 2, u64::MAX] {
            server.say(Incoming::Pong(number)).await;
        }
        pass_millis(1).await;
        let status = process.status().await;
        assert_eq!((status.frames.delivered, status.events.ignored), (0, 3));
        server.say(Incoming::Pong(1)).await;
        pass_millis(1).await;
        // The ping went out after ten seconds, behind ten frames.
        assert_eq!(process.status().await.frames.delivered, 10);
        server.say(Incoming::Pong(1)).await;
        pass_millis(1).await;
        let status = process.status().await;
        assert_eq!((status.frames.delivered, status.events.ignored), (10, 4));
    });
}
