//! A whole runtime, and a server that it cannot trust.

use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request as Asked, Response as Answered,
};

use super::*;
use crate::{Event, LiveTerms, Numbered, Runtime, SignIn, Source, SourceHandle, Status};

/// A host whose every renewal gives another token, or none.
#[derive(Clone, Default)]
struct Renewing {
    renewals: Arc<AtomicU32>,
    has_none: bool,
}

impl Renewing {
    fn count(&self) -> u32 {
        self.renewals.load(Ordering::SeqCst)
    }
}

impl Credentials for Renewing {
    fn token(&self, _: &Account) -> Option<Token> {
        Some(Token::new(format!("token-{}", self.count())))
    }

    fn renew(&self, account: &Account, _: Option<Token>) -> LocalBoxFuture<'static, Option<Token>> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let token = self.token(account).filter(|_| !self.has_none);
        Box::pin(std::future::ready(token))
    }
}

/// A server at which a device streams.
struct Story {
    listener: TcpListener,
    credentials: Renewing,
    runtime: Runtime,
    pendant: SourceHandle,
    events: Receiver<Numbered>,
    _folder: TempDir,
}

type Server = WebSocketStream<TcpStream>;

/// Reconnects at once, so that no test waits for a back-off.
fn hasty() -> LiveTerms {
    let soon = Duration::from_millis(2);
    LiveTerms { reconnect_first: soon, reconnect_longest: soon, ..LiveTerms::default() }
}

async fn story(credentials: Renewing, terms: LiveTerms) -> Story {
    let (listener, url) = listen().await;
    let folder = tempfile::tempdir().expect("a folder");
    let dialer = WebSocketDialer::new(&url, credentials.clone()).expect("a dialer");
    let builder = Runtime::builder(folder.path()).live_socket(dialer).live_terms(terms);
    let runtime = builder.start().await.expect("it starts");
    let source = Source::mono_16k(mono().device, Codec::Opus, account("anna"));
    let pendant = runtime.open_source(source).expect("there is room");
    let events = runtime.events();
    pendant.live(true).expect("nothing else waits");
    Story { listener, credentials, runtime, pendant, events, _folder: folder }
}

impl Story {
    /// The next connection.
    async fn asked(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        accepted.expect("somebody connects").expect("a connection").0
    }

    /// Takes the next connection; its request comes along as a text.
    #[expect(clippy::result_large_err, reason = "the library has it so")]
    async fn accept(&self) -> (Server, String) {
        let mut head = String::new();
        let hear = |asked: &Asked, answer: Answered| {
            head = format!("{} {:?}", asked.uri(), asked.headers());
            Ok(answer)
        };
        let server = accept_hdr_async(self.asked().await, hear).await.expect("an upgrade");
        (server, head)
    }

    #[expect(clippy::result_large_err, reason = "the library has it so")]
    async fn refuse(&self, status: u16) {
        let refuse = |_: &Asked, _: Answered| {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = status.try_into().expect("a status");
            Err(refusal)
        };
        accept_hdr_async(self.asked().await, refuse).await.expect_err("it is refused");
    }

    /// Waits until the runtime knows of the next connection.
    async fn connected(&mut self) {
        loop {
            let next = timeout(PATIENCE, self.events.recv()).await;
            let numbered = next.expect("something happens").expect("the runtime runs");
            if let Event::SocketChanged { closed: None, .. } = numbered.event {
                return;
            }
        }
    }

    async fn until(&self, is_so: impl Fn(&Status) -> bool) -> Status {
        let mut status = self.runtime.status();
        let seen = timeout(PATIENCE, status.wait_for(|status| is_so(status))).await;
        seen.expect("it comes to that").expect("the runtime runs").clone()
    }

    /// Waits until the socket stays down; why, and whether for want of a token.
    async fn stopped(&self) -> (String, bool) {
        let status = self.until(|status| status.sockets.iter().any(|one| one.state == "stopped"));
        let socket = status.await.sockets[0].clone();
        (socket.reason.expect("it says why"), socket.needs_sign_in)
    }

    /// The host says that there is another token.
    fn sign_in(&self) {
        self.runtime.account(self.pendant.account().clone(), SignIn::SignedIn);
    }

    fn push(&self, count: u8) {
        for fill in 0..count {
            let taken = self.pendant.push(Bytes::from(vec![fill; 80]));
            assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
        }
    }
}

async fn close(mut server: Server, code: u16) {
    server
        .close(Some(CloseFrame { code: code.into(), reason: "".into() }))
        .await
        .expect("it is up");
    while let Some(Ok(_)) = server.next().await {}
}

#[tokio::test]
async fn f32_a_close_for_want_of_credit_stops_the_socket_says_why_and_lets_the_capture_go_on() {
    for (code, words) in [
        (1003, "does not take this codec"),
        (4002, "no credit is left"),
        (4004, "sign in again"),
        (4005, "being deleted"),
    ] {
        let story = story(Renewing::default(), hasty()).await;
        let (server, _) = story.accept().await;
        close(server, code).await;
        let (reason, _) = story.stopped().await;
        assert!(reason.contains(words) && reason.contains(&code.to_string()), "{reason}");
        story.push(3);
        story.until(|status| status.frames.held == 3).await;
        assert_eq!(story.credentials.count(), 0);
        // The host asks for it again, and nobody else does: this is the next connection.
        story.pendant.live(true).expect("nothing else waits");
        let (_server, _) = story.accept().await;
        story.until(|status| status.sockets[0].state == "up").await;
    }
}

#[tokio::test]
async fn every_close_that_passes_is_followed_by_another_connection() {
    let story = story(Renewing::default(), hasty()).await;
    for code in [1000, 1001, 1009, 1011, 1012, 4999] {
        let (server, _) = story.accept().await;
        close(server, code).await;
    }
    let (server, _) = story.accept().await;
    drop(server);
    story.accept().await;
    assert_eq!(story.credentials.count(), 0);
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_the_next_connection_shows_the_fresh_one() {
    let story = story(Renewing::default(), hasty()).await;
    let (server, head) = story.accept().await;
    assert!(head.contains("/v4/listen?") && head.contains("client_conversation_id="), "{head}");
    close(server, 4001).await;
    let (_server, head) = story.accept().await;
    assert!(head.contains("Bearer token-1"), "{head}");
    assert_eq!(story.credentials.count(), 1);
}

#[tokio::test]
async fn a_refused_upgrade_is_answered_by_one_fresh_sign_in_and_then_by_a_stop() {
    for status in [401, 403] {
        let story = story(Renewing::default(), hasty()).await;
        story.refuse(status).await;
        story.refuse(status).await;
        let (reason, needs_sign_in) = story.stopped().await;
        assert!(reason.ends_with("a fresh token has changed nothing"), "{reason}");
        assert!(needs_sign_in);
        assert_eq!(story.credentials.count(), 1);
    }
}

#[tokio::test]
async fn without_a_fresh_token_a_refused_upgrade_stops_at_once() {
    let story = story(Renewing { has_none: true, ..Renewing::default() }, hasty()).await;
    story.refuse(401).await;
    let (reason, needs_sign_in) = story.stopped().await;
    assert!(reason.ends_with("there is no fresh token"), "{reason}");
    assert!(needs_sign_in);
    story.sign_in();
    story.refuse(500).await;
    let is_waiting = |status: &Status| status.sockets.iter().all(|one| !one.needs_sign_in);
    story.until(is_waiting).await;
}

#[tokio::test]
async fn what_the_server_will_never_take_stops_and_what_passes_does_not() {
    let story = story(Renewing::default(), hasty()).await;
    for status in [404, 429, 500, 503, 302] {
        story.refuse(status).await;
    }
    story.refuse(402).await;
    let why = String::from("no credit is left (status 402)");
    assert_eq!(story.stopped().await, (why, false), "a token is not what it lacks");
}

#[tokio::test]
async fn f13_a_server_that_takes_everything_and_answers_no_ping_is_given_up() {
    let soon = Duration::from_millis(20);
    let terms = LiveTerms { ping_every: soon, pong_wait: soon, ..hasty() };
    let story = story(Renewing::default(), terms).await;
    let (_silent, _) = story.accept().await;
    story.push(3);
    let (_next, _) = story.accept().await;
    assert_eq!(story.until(|status| status.frames.held == 3).await.frames.delivered, 0);
}

#[tokio::test]
async fn f12_frames_count_as_delivered_when_the_pong_that_was_sent_behind_them_is_back() {
    let terms = LiveTerms { ping_every: Duration::from_millis(20), ..hasty() };
    let mut story = story(Renewing::default(), terms).await;
    let (mut server, _) = story.accept().await;
    story.connected().await;
    story.push(3);
    let reading = async { while let Some(Ok(_)) = server.next().await {} };
    tokio::select! {
        () = reading => panic!("the connection ended"),
        status = story.until(|status| status.frames.delivered == 3) => {
            assert_eq!(status.frames.held, 3);
        }
    }
}

#[tokio::test]
async fn a_message_for_the_conversation_before_the_reconnect_links_nothing_of_the_running_one() {
    let mut story = story(Renewing::default(), hasty()).await;
    let (server, _) = story.accept().await;
    story.connected().await;
    story.push(5);
    story.until(|status| status.frames.held == 5).await;
    close(server, 1011).await;
    let (mut server, _) = story.accept().await;
    story.connected().await;
    story.push(7);
    story.until(|status| status.frames.held == 12).await;
    let late = r#"{"type":"memory_processing_started","memory":{"id":"before"}}"#;
    server.send(Message::Text(late.into())).await.expect("it is up");
    let linked = |status: &Status| status.recordings.iter().any(|one| one.conversation.is_some());
    let status = story.until(linked).await;
    let found: Vec<_> = status
        .recordings
        .iter()
        .map(|one| (one.frames, one.conversation.as_ref().map(|id| id.as_str())))
        .collect();
    assert_eq!(found, [(5, Some("before")), (7, None)]);
}
