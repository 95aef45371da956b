//! What a connection may take of time and memory, and that there is one of them.

use std::io::Read;

use super::*;

#[tokio::test]
async fn every_close_code_and_its_reason_are_heard() {
    for code in [1000, 1001, 1003, 1008, 1009, 1011, 4001, 4002, 4004, 4005, 4999] {
        let (mut socket, mut server) = up().await;
        let frame = CloseFrame { code: code.into(), reason: "because".into() };
        server.close(Some(frame)).await.expect("it is up");
        while let Some(Ok(_)) = server.next().await {}
        drop(server);
        assert_eq!(closed(&mut socket).await, Closed { code, reason: "because".into() });
    }
    let (mut socket, mut server) = up().await;
    server.close(None).await.expect("it is up");
    assert_eq!(closed(&mut socket).await, Closed::with(1005));
}

/// F138.
#[tokio::test]
async fn a_token_that_the_server_repeats_is_heard_of_nowhere() {
    let (mut socket, mut server) = up().await;
    let said = format!(r#"{{"type":"x","id":"{CANARY}"}}"#);
    server.send(Message::Text(said.into())).await.expect("it is up");
    let expected = r#"{"type":"x","id":"[token]"}"#;
    assert_eq!(heard(&mut socket).await, Some(Incoming::Text(expected.into())));
    let frame = CloseFrame { code: 1008.into(), reason: format!("Bearer {CANARY} no").into() };
    server.close(Some(frame)).await.expect("it is up");
    while let Some(Ok(_)) = server.next().await {}
    drop(server);
    let expected = Closed { code: 1008, reason: "Bearer [token] no".into() };
    assert_eq!(closed(&mut socket).await, expected);
}

#[tokio::test]
async fn a_refusal_tells_its_status_and_how_long_to_wait() {
    for (status, header, wait) in [
        (401, "", None),
        (403, "", None),
        (429, "Retry-After: 7\r\n", Some(7)),
        (503, "Retry-After: soon\r\n", None),
        (
            503,
            "Date: Sat, 04 Apr 2026 00:00:00 GMT\r\n\
             Retry-After: Sat, 04 Apr 2026 00:01:00 GMT\r\n",
            Some(60),
        ),
    ] {
        let answer = format!("HTTP/1.1 {status} No\r\n{header}Content-Length: 0\r\n\r\n");
        let (_, socket) = dial_answered(mono(), &answer).await;
        let retry_after = wait.map(Duration::from_secs);
        let expected = DialFault::Refused(Refused { status, retry_after });
        assert_eq!(socket.err(), Some(expected), "{status} {header}");
    }
}

#[tokio::test]
async fn the_longest_message_in_one_frame_is_heard_and_a_longer_one_closes_the_socket() {
    let (mut socket, mut server) = up().await;
    let longest = "x".repeat(MESSAGE_BYTES_MAX);
    let sending = server.send(Message::Text(longest.clone().into()));
    let (sent, message) = tokio::join!(sending, heard(&mut socket));
    sent.expect("it is up");
    assert_eq!(message, Some(Incoming::Text(longest.clone())));

    let sending = server.send(Message::Text((longest + "x").into()));
    let (_, end) = tokio::join!(sending, closed(&mut socket));
    assert_eq!(end.code, 1009);
}

/// A server sends the conversation that has ended in one frame: two people, an hour, somebody
/// else's turn every five seconds.
#[tokio::test]
async fn an_hour_of_talk_in_one_frame_is_heard() {
    let words = "So what we said about the delivery on Tuesday still stands, for all of us.";
    let segment = |turn: u32| {
        let (start, speaker) = (turn * 5, turn % 2);
        format!(
            r#"{{"id":"00000000-0000-4000-8000-{turn:012}","text":"{words}",
"speaker":"SPEAKER_0{speaker}","speaker_id":{speaker},"is_user":{},"person_id":null,
"start":{start}.0,"end":{}.0,"translations":[],"speech_profile_processed":true,
"stt_provider":"deepgram"}}"#,
            speaker == 0,
            start + 5,
        )
    };
    let segments: Vec<String> = (0..720).map(segment).collect();
    let segments = segments.join(",");
    let said = format!(
        r#"{{"type":"memory_processing_started",
"memory":{{"id":"C","transcript_segments":[{segments}]}}}}"#
    );
    assert!(said.len() > 3 * (64 << 10), "{} bytes", said.len());
    let (mut socket, mut server) = up().await;
    let sending = server.send(Message::Text(said.clone().into()));
    let (sent, message) = tokio::join!(sending, heard(&mut socket));
    sent.expect("it is up");
    assert_eq!(message, Some(Incoming::Text(said)));
}

#[tokio::test]
async fn a_host_may_take_less_than_the_longest_message_and_never_more() {
    let small = SocketLimits { message_bytes: 4_096, frame_bytes: 1_024, ..LIMITS };
    for (text, is_taken) in [("x".repeat(1_024), true), ("x".repeat(1_025), false)] {
        let (mut socket, mut server) = up_with(small).await;
        server.send(Message::Text(text.clone().into())).await.expect("it is up");
        match heard(&mut socket).await {
            Some(Incoming::Text(heard)) => assert!(is_taken && heard == text),
            Some(Incoming::Closed(closed)) => assert!(!is_taken && closed.code == 1009),
            other => panic!("{other:?}"),
        }
    }
    let large = SocketLimits { message_bytes: usize::MAX, frame_bytes: usize::MAX, ..LIMITS };
    let taken = config(&large);
    assert_eq!(taken.max_message_size, Some(MESSAGE_BYTES_MAX));
    assert_eq!(taken.max_frame_size, Some(MESSAGE_BYTES_MAX));
}

/// What a peer has left to read, without waiting for more; nothing when more may come.
fn read_to_end(stream: TcpStream) -> Option<usize> {
    let mut stream = stream.into_std().expect("a socket");
    stream.set_nonblocking(true).expect("a socket");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()
}

/// Tried with a peer that takes part in the close, with one that does not, and with one that does
/// not even read what was sent before.
#[tokio::test]
async fn f20_a_source_never_has_two_connections_at_once() {
    for sent in [0, 1, 200] {
        let (listener, url) = listen().await;
        let close = Duration::from_millis(100);
        let dialer = dialer(&url).limits(SocketLimits { close, ..LIMITS });
        let accept = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            accept_async(stream).await.expect("an upgrade")
        };
        let (first, server) = tokio::join!(dialer.dial(mono()), accept);
        let first = first.expect("it comes up");
        for _ in 0..sent {
            let frame = Outgoing::Binary(Bytes::from(vec![0; 60_000]));
            first.outgoing.send(frame).await.expect("it is up");
        }
        drop(first);
        let accept = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            let before = read_to_end(server.into_inner());
            accept_async(stream).await.expect("an upgrade");
            before
        };
        let (second, before) = tokio::join!(dialer.dial(mono()), accept);
        assert!(second.is_ok());
        assert!(before.is_some(), "the first was still there after {sent} frames");
    }
}

#[tokio::test]
async fn two_devices_and_two_accounts_do_not_wait_for_each_other() {
    let (listener, url) = listen().await;
    let dialer = dialer(&url);
    let other_device = hello("phone", Encoding::mono_16k(Codec::Opus));
    let other_account = Hello { account: account("bert"), ..mono() };
    let mut up = Vec::new();
    for hello in [mono(), other_device, other_account] {
        let accept = async {
            let (stream, _) = listener.accept().await.expect("a connection");
            accept_async(stream).await.expect("an upgrade")
        };
        let (socket, server) = tokio::join!(dialer.dial(hello), accept);
        up.push((socket.expect("it comes up"), server));
    }
}

#[tokio::test]
async fn f21_a_dial_that_is_given_up_leaves_no_connection_behind() {
    let (listener, url) = listen().await;
    let dialer = dialer(&url);
    let mut dialling = dialer.dial(mono());
    let accept = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.read_u8().await.expect("the upgrade is asked for");
        stream
    };
    let mut stream = tokio::select! {
        _ = &mut dialling => panic!("nothing was answered"),
        stream = accept => stream,
    };
    drop(dialling);
    let rest = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
    assert!(matches!(rest, Ok(Ok(_))), "{rest:?}");
}
