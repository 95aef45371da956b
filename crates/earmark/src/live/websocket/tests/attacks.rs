//! A server that means harm.

use tokio::io::AsyncWrite;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;

/// Sends the same bytes until the other end takes no more.
async fn flood(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    while stream.write_all(bytes).await.is_ok() {}
}

fn frame_head(first: u8, length: u64) -> Vec<u8> {
    [&[first, 127][..], &length.to_be_bytes()].concat()
}

#[tokio::test]
async fn a_declared_length_that_nobody_could_hold_closes_the_socket_before_a_byte_of_it_comes() {
    let too_long = MESSAGE_BYTES_MAX as u64 + 1;
    for length in [too_long, 1 << 40, (1 << 63) - 1, 1 << 63, u64::MAX] {
        for opcode in [0x81, 0x82, 0x01] {
            let (mut socket, mut server) = up().await;
            server.get_mut().write_all(&frame_head(opcode, length)).await.expect("it is up");
            let code = closed(&mut socket).await.code;
            assert!(matches!(code, 1009 | CLOSE_BROKEN), "{length} {opcode:#x}: {code}");
        }
    }
}

#[tokio::test]
async fn fragments_that_add_up_to_more_than_a_message_close_the_socket() {
    let (mut socket, mut server) = up().await;
    let stream = server.get_mut();
    let piece = vec![b'x'; 64 << 10];
    let first = [frame_head(0x01, piece.len() as u64), piece.clone()].concat();
    let more = [frame_head(0x00, piece.len() as u64), piece].concat();
    let sending = async {
        stream.write_all(&first).await.expect("it is up");
        flood(stream, &more).await;
    };
    let (end, ()) = tokio::join!(closed(&mut socket), sending);
    assert_eq!(end.code, 1009);
}

#[tokio::test]
async fn a_flood_of_fragments_without_content_closes_the_socket() {
    let (mut socket, mut server) = up().await;
    let stream = server.get_mut();
    let empty = [0x00, 0x00].repeat(4_096);
    let sending = async {
        stream.write_all(&[0x01, 0x00]).await.expect("it is up");
        flood(stream, &empty).await;
    };
    let (end, ()) = tokio::join!(closed(&mut socket), sending);
    assert_eq!(end, Closed::broken("bytes without end and no message"));
}

#[tokio::test]
async fn a_flood_of_what_says_nothing_closes_the_socket() {
    let window = SocketLimits { asides: 8, asides_window: Duration::MAX, ..LIMITS };
    for aside in [
        Message::Ping(Bytes::from_static(b"are you there")),
        Message::Pong(Bytes::from_static(b"no number of ours")),
        Message::Binary(Bytes::from_static(&[0; 8])),
    ] {
        let (mut socket, mut server) = up_with(window).await;
        for _ in 0..window.asides {
            server.send(aside.clone()).await.expect("it is up");
        }
        server.send(Message::Text("ping".into())).await.expect("it is up");
        assert_eq!(heard(&mut socket).await, Some(Incoming::Text("ping".into())));
        server.send(aside).await.expect("it is up");
        let end = closed(&mut socket).await;
        assert_eq!(end, Closed::broken("a flood of messages that say nothing"));
    }
}

#[tokio::test]
async fn pings_at_a_servers_pace_are_no_flood() {
    let window = SocketLimits { asides: 1, asides_window: Duration::ZERO, ..LIMITS };
    let (mut socket, mut server) = up_with(window).await;
    for _ in 0..100 {
        server.send(Message::Ping(Bytes::new())).await.expect("it is up");
    }
    server.send(Message::Text("ping".into())).await.expect("it is up");
    assert_eq!(heard(&mut socket).await, Some(Incoming::Text("ping".into())));
}

/// An answer to the upgrade whose head never ends, in pieces like this one.
async fn endless_head(piece: &str) -> DialFault {
    let (listener, url) = listen().await;
    let served = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let begin = b"HTTP/1.1 101 Switching Protocols\r\n";
        stream.write_all(begin).await.expect("it is up");
        flood(&mut stream, piece.as_bytes()).await;
    };
    let dialer = dialer(&url);
    let (socket, ()) = tokio::join!(dialer.dial(mono()), served);
    socket.err().expect("no upgrade")
}

#[tokio::test]
async fn headers_without_end_are_given_up_long_before_the_connects_time_is_over() {
    for piece in ["X: y\r\n".to_owned(), "x".repeat(4_096)] {
        let fault = endless_head(&piece).await;
        let DialFault::Unreachable(why) = fault else {
            panic!("{fault:?}");
        };
        assert!(!why.contains("no answer within"), "{why}");
    }
}

#[tokio::test]
async fn a_head_that_comes_in_drops_is_given_up() {
    let (listener, url) = listen().await;
    let served = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        while stream.write_all(b"H").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let dialer = impatient(&url);
    let (socket, ()) = tokio::join!(dialer.dial(mono()), served);
    assert!(matches!(socket.err(), Some(DialFault::Unreachable(_))));
}

/// Answers an upgrade as a server does, with further headers.
async fn upgrade_with(headers: &str) -> Result<LiveSocket, DialFault> {
    let (listener, url) = listen().await;
    let served = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let head = head_of(&mut stream).await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key").as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("it is up");
        stream
    };
    let dialer = dialer(&url);
    let (socket, _stream) = tokio::join!(dialer.dial(mono()), served);
    socket
}

#[tokio::test]
async fn a_server_that_turns_compression_on_is_left() {
    assert!(upgrade_with("").await.is_ok());
    let deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let refused = upgrade_with(deflate).await.err();
    let Some(DialFault::Unreachable(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("extension"), "{why}");
}

#[tokio::test]
async fn what_no_honest_server_sends_closes_the_socket() {
    for (what, bytes) in [
        ("a compressed message", &[0xc1, 0x01, 0x00][..]),
        ("a masked frame", &[0x81, 0x81, 1, 2, 3, 4, 5]),
        ("text that is none", &[0x81, 0x01, 0xff]),
        ("a ping of 126 bytes", &[0x89, 126, 0, 126]),
        ("a ping in pieces", &[0x09, 0x00]),
        ("the rest of nothing", &[0x80, 0x00]),
        ("an unknown kind of frame", &[0x83, 0x00]),
        ("a close of one byte", &[0x88, 0x01, 0x03]),
    ] {
        let (mut socket, mut server) = up().await;
        let padded = [bytes, &[0; 126]].concat();
        server.get_mut().write_all(&padded).await.expect("it is up");
        assert_eq!(closed(&mut socket).await.code, CLOSE_BROKEN, "{what}");
    }
}
