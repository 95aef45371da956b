use bytes::Bytes;
use earmark_core::{Account, Codec, Device, Encoding};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::credentials::Token;
use crate::live::{CLOSE_BROKEN, Closed, Incoming, Outgoing};
use crate::omi::StaticCredentials;

mod attacks;
mod host;
mod limits;

const CANARY: &str = "canary-7f3a";
const PATIENCE: Duration = Duration::from_secs(20);

fn account(name: &str) -> Account {
    Account::new(name).expect("short enough")
}

fn hello(device: &str, encoding: Encoding) -> Hello {
    let device = Device::new(device).expect("short enough");
    Hello { device, account: account("anna"), encoding, conversation: None }
}

fn mono() -> Hello {
    hello("Pen-dant 7", Encoding::mono_16k(Codec::OpusFs320))
}

fn dialer(base_url: &str) -> WebSocketDialer {
    let credentials = StaticCredentials::new([
        (account("anna"), Token::new(CANARY)),
        (account("bert"), Token::new("bert-token")),
    ]);
    WebSocketDialer::new(base_url, credentials).expect("a dialer")
}

/// A dialer that gives up soon on a server that stands still.
fn impatient(base_url: &str) -> WebSocketDialer {
    let limit = Duration::from_millis(100);
    let of_time = SocketLimits { connect: limit, write: limit, close: limit, ..LIMITS };
    dialer(base_url).limits(of_time)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    (listener, url)
}

/// Both ends of a socket that is up.
async fn up() -> (LiveSocket, WebSocketStream<TcpStream>) {
    up_with(LIMITS).await
}

async fn up_with(limits: SocketLimits) -> (LiveSocket, WebSocketStream<TcpStream>) {
    let (listener, url) = listen().await;
    let accepted = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        accept_async(stream).await.expect("an upgrade")
    };
    let (socket, server) = tokio::join!(dialer(&url).limits(limits).dial(mono()), accepted);
    (socket.expect("it comes up"), server)
}

/// The close that the host hears of.
async fn closed(socket: &mut LiveSocket) -> Closed {
    match heard(socket).await {
        Some(Incoming::Closed(closed)) => closed,
        other => panic!("no close but {other:?}"),
    }
}

/// The next thing that the host hears; a test that waits for ever tells nothing.
async fn heard(socket: &mut LiveSocket) -> Option<Incoming> {
    timeout(PATIENCE, socket.incoming.recv()).await.expect("something is heard")
}

/// The next message that the server gets.
async fn got(server: &mut WebSocketStream<TcpStream>) -> Message {
    let next = timeout(PATIENCE, server.next()).await.expect("something comes");
    next.expect("it is up").expect("it is up")
}

/// The head of a request.
async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    String::from_utf8(head).expect("text")
}

/// The head of the request that a dial sends, which is answered with `answer`.
async fn dial_answered(hello: Hello, answer: &str) -> (String, Result<LiveSocket, DialFault>) {
    let (listener, url) = listen().await;
    let served = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let head = head_of(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.expect("written");
        head
    };
    let dialer = dialer(&url);
    let (socket, head) = tokio::join!(dialer.dial(hello), served);
    (head, socket)
}

#[tokio::test]
async fn a_dial_says_what_it_carries_and_shows_the_token_of_its_own_account() {
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let (head, socket) = dial_answered(mono(), refusal).await;
    assert_eq!(socket.err(), Some(DialFault::Refused(Refused::with(403))));
    let line = "GET /v4/listen?language=multi&sample_rate=16000&codec=opus_fs320\
                &include_speech_profile=true&conversation_timeout=120&source=omi HTTP/1.1\r\n";
    assert!(head.starts_with(line), "{head}");
    assert!(head.contains(&format!("Bearer {CANARY}\r\n")), "{head}");
    let expected = format!("x-device-id-hash: {}", hash("Pen-dant 7"));
    assert!(head.to_lowercase().contains(&expected), "{head}");
    assert!(!head.contains("bert-token") && !head.contains("dant 7"), "{head}");
    assert!(!head.to_lowercase().contains(EXTENSIONS_HEADER), "{head}");
}

#[tokio::test]
async fn what_has_two_channels_is_not_carried_as_if_it_had_one() {
    let stereo = Encoding { channels: 2, ..Encoding::mono_16k(Codec::Pcm16) };
    let nowhere = dialer("http://127.0.0.1:9").dial(hello("pen", stereo)).await;
    assert_eq!(nowhere.err(), Some(DialFault::Unusable("the live socket takes one channel")));
}

#[test]
fn a_device_is_told_apart_by_a_hash_that_others_can_compute() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash("abc"), expected);
}

#[tokio::test]
async fn what_is_sent_arrives_in_order_and_a_pong_carries_the_number_of_its_ping() {
    let (mut socket, mut server) = up().await;
    let frame = Bytes::from_static(&[1, 2, 3]);
    socket.outgoing.send(Outgoing::Binary(frame.clone())).await.expect("it is up");
    socket.outgoing.send(Outgoing::Ping(0x0102_0304)).await.expect("it is up");
    assert_eq!(got(&mut server).await, Message::Binary(frame));
    let ping = got(&mut server).await;
    assert_eq!(ping, Message::Ping(Bytes::from_static(&[0, 0, 0, 0, 1, 2, 3, 4])));
    server.flush().await.expect("the pong goes out");
    assert_eq!(heard(&mut socket).await, Some(Incoming::Pong(0x0102_0304)));
}

#[tokio::test]
async fn a_pong_that_answers_no_ping_and_binary_messages_are_passed_over() {
    let (mut socket, mut server) = up().await;
    for message in [
        Message::Pong(Bytes::from_static(b"nine bytes")),
        Message::Pong(Bytes::new()),
        Message::Binary(Bytes::from_static(&[0; 8])),
        Message::Text("ping".into()),
    ] {
        server.send(message).await.expect("it is up");
    }
    assert_eq!(heard(&mut socket).await, Some(Incoming::Text("ping".into())));
}

#[tokio::test]
async fn a_ping_of_the_server_is_answered_while_nothing_is_sent() {
    let (_socket, mut server) = up().await;
    let payload = Bytes::from_static(b"are you there");
    server.send(Message::Ping(payload.clone())).await.expect("it is up");
    assert_eq!(got(&mut server).await, Message::Pong(payload));
}

#[tokio::test]
async fn the_code_of_the_servers_close_is_the_last_thing_heard() {
    let (mut socket, mut server) = up().await;
    server.send(Message::Text("last words".into())).await.expect("it is up");
    let frame = CloseFrame { code: 4001.into(), reason: "token expired".into() };
    server.close(Some(frame)).await.expect("it is up");
    while let Some(Ok(_)) = server.next().await {}
    drop(server);
    assert_eq!(heard(&mut socket).await, Some(Incoming::Text("last words".into())));
    let expected = Closed { code: 4001, reason: "token expired".into() };
    assert_eq!(closed(&mut socket).await, expected);
    assert_eq!(heard(&mut socket).await, None);
    assert!(socket.outgoing.send(Outgoing::Ping(1)).await.is_err());
}

#[tokio::test]
async fn a_connection_that_breaks_without_a_close_is_1006() {
    let (mut socket, server) = up().await;
    drop(server);
    assert_eq!(closed(&mut socket).await.code, CLOSE_BROKEN);
    assert_eq!(heard(&mut socket).await, None);
}

#[tokio::test]
async fn a_socket_is_closed_politely_when_the_host_lets_go_of_either_end_or_says_so() {
    for end in ["outgoing", "incoming", "close"] {
        let (LiveSocket { outgoing, incoming }, mut server) = up().await;
        let last = Bytes::from_static(b"last");
        outgoing.send(Outgoing::Binary(last.clone())).await.expect("it is up");
        assert_eq!(got(&mut server).await, Message::Binary(last));
        let _kept: Box<dyn std::any::Any> = match end {
            "outgoing" => {
                drop(outgoing);
                Box::new(incoming)
            }
            "incoming" => {
                drop(incoming);
                Box::new(outgoing)
            }
            _ => {
                outgoing.send(Outgoing::Close).await.expect("it is up");
                Box::new((outgoing, incoming))
            }
        };
        let close = got(&mut server).await;
        assert!(matches!(close, Message::Close(Some(frame)) if frame.code == 1000.into()), "{end}");
    }
}

#[tokio::test]
async fn a_close_of_ours_that_is_answered_ends_with_its_code() {
    let (mut socket, mut server) = up().await;
    socket.outgoing.send(Outgoing::Close).await.expect("it is up");
    while let Some(Ok(_)) = server.next().await {}
    drop(server);
    assert_eq!(closed(&mut socket).await, Closed::with(1000));
}

#[tokio::test]
async fn a_server_that_reads_nothing_is_given_up() {
    let (listener, url) = listen().await;
    let accepted = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        accept_async(stream).await.expect("an upgrade")
    };
    let dialer = impatient(&url);
    let (socket, _server) = tokio::join!(dialer.dial(mono()), accepted);
    let mut socket = socket.expect("it comes up");
    let frame = Bytes::from(vec![0; 60_000]);
    while socket.outgoing.send(Outgoing::Binary(frame.clone())).await.is_ok() {}
    assert_eq!(closed(&mut socket).await.code, CLOSE_BROKEN);
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_dial_or_is_not_there_is_unreachable() {
    let (listener, url) = listen().await;
    for base_url in [url.clone(), url.replace("http:", "https:")] {
        let stalled = impatient(&base_url).dial(mono()).await.err();
        let words = "no answer within";
        assert!(matches!(stalled, Some(DialFault::Unreachable(why)) if why.contains(words)));
    }
    drop(listener);
    let gone = dialer(&url).dial(mono()).await.err();
    assert!(matches!(gone, Some(DialFault::Unreachable(why)) if why.contains("refused")));
}

/// F138.
#[tokio::test]
async fn a_redirect_is_a_refusal_and_the_token_appears_in_no_error() {
    let answer =
        "HTTP/1.1 302 Found\r\nLocation: http://evil.invalid/\r\nContent-Length: 0\r\n\r\n";
    let (_, socket) = dial_answered(mono(), answer).await;
    assert_eq!(socket.err(), Some(DialFault::Refused(Refused::with(302))));
    let (_, socket) = dial_answered(mono(), "SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let fault = socket.err().expect("no WebSocket");
    let dialer = dialer("https://api.example.com");
    assert!(!format!("{fault:?} {fault} {dialer:?}").contains(CANARY));
}
