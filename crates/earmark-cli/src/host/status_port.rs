//! The status port: health, readiness and metrics over HTTP, on loopback.
//!
//! Everything that a stranger could do to it has an answer: it listens on loopback alone, a request
//! must name it by its own address, pages of other sites are refused, nothing that is asked changes
//! anything, and connections, bytes and seconds are limited.

mod metrics;
mod request;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use earmark::Token;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::board::Board;
use super::crowd::Crowd;
use super::room::Room;
use crate::clock;
use request::{Read, Request};

/// How many connections are served at a time; a further one takes the place of the oldest.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may take, its request and its answer included.
const CONNECTION_SECONDS_MAX: u64 = 5;
/// How much of what follows a request is read away.
const UNREAD_BYTES_MAX: u64 = 64 << 10;
/// How long to wait before the next connection when one could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the port speaks of.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) board: Arc<Board>,
    pub(crate) room: Arc<Room>,
    /// What `/metrics` asks for.
    pub(crate) token: Option<Token>,
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, port: Arc<Port>) {
    let mut crowd = Crowd::new(CONNECTIONS_MAX);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let port = Arc::clone(&port);
                let served = async move {
                    let limit = Duration::from_secs(CONNECTION_SECONDS_MAX);
                    // Whoever is too slow, or gone, is not told.
                    let _ = timeout(limit, answer(stream, &port)).await;
                };
                crowd.admit(served).await;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the status port could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, port: &Port) -> io::Result<()> {
    let mut bytes = Vec::new();
    let response = loop {
        match request::read(&bytes) {
            Read::Whole(request) => break port.respond(&request),
            Read::Unreadable => break Response::plain(400, "the request cannot be read"),
            Read::TooLong => break Response::plain(431, "the request is too long"),
            Read::Part => {}
        }
        let mut more = [0; 1_024];
        match stream.read(&mut more).await? {
            0 => return Ok(()),
            read => bytes.extend_from_slice(&more[..read]),
        }
    };
    stream.write_all(response.bytes().as_bytes()).await?;
    stream.shutdown().await?;
    // A connection that is closed while something of it is unread is reset, answer and all.
    let mut rest = stream.take(UNREAD_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map(drop)
}

/// An answer.
struct Response {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Response {
    fn plain(status: u16, body: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: format!("{body}\n") }
    }

    fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, kind: "application/json", body: format!("{body}\n") }
    }

    /// The whole answer. Its headers leave a browser nothing to do with it.
    fn bytes(&self) -> String {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            _ => "Service Unavailable",
        };
        let Self { status, kind, body } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
             connection: close\r\ncache-control: no-store\r\n\
             content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\
             x-content-type-options: nosniff\r\nx-frame-options: DENY\r\n\r\n{body}"
        )
    }
}

impl Port {
    /// What is answered. Whom a request names comes before what it wants.
    fn respond(&self, request: &Request) -> Response {
        if !self.is_named_by(request) {
            return Response::plain(403, "the Host header names another server");
        }
        if request.origin.is_some() {
            return Response::plain(403, "pages of other sites are not answered");
        }
        if request.method != "GET" {
            return Response::plain(405, "GET alone is answered; nothing can be changed here");
        }
        match request.path.as_str() {
            "/" => Response::plain(200, "earmark: /health, /ready, /metrics"),
            "/health" => self.health(),
            "/ready" => self.ready(),
            "/metrics" if self.may_read(request) => {
                let body = metrics::text(&self.board.now(), &self.room, clock::now());
                Response { status: 200, kind: "text/plain; version=0.0.4; charset=utf-8", body }
            }
            "/metrics" => Response::plain(401, "a bearer token is needed: status.token_file"),
            _ => Response::plain(404, "there are /health, /ready and /metrics"),
        }
    }

    /// Whether a request was meant for this port. A page that has its own name lead here would name
    /// itself.
    fn is_named_by(&self, request: &Request) -> bool {
        let port = self.address.port();
        let names = [self.address.to_string(), format!("localhost:{port}")];
        request.host.as_ref().is_some_and(|host| names.contains(&host.to_ascii_lowercase()))
    }

    fn may_read(&self, request: &Request) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let given = request.authorization.as_deref().and_then(|one| one.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        given.is_some_and(|(_, given)| is_same(given.as_bytes(), token.reveal().as_bytes()))
    }

    fn health(&self) -> Response {
        let troubles = self.board.now().troubles(clock::now());
        let (status, word) = if troubles.is_empty() { (200, "ok") } else { (503, "trouble") };
        Response::json(status, &json!({ "status": word, "troubles": troubles }))
    }

    /// Whether frames can be taken: the store is open and refuses none, its runtime answers, and it
    /// is not stopping.
    fn ready(&self) -> Response {
        let facts = self.board.now();
        let is_refused = facts.refusal.is_some() || self.room.is_full();
        let is_ready = facts.answers(clock::now()) && !facts.is_stopping && !is_refused;
        let status = if is_ready { 200 } else { 503 };
        Response::json(status, &json!({ "ready": is_ready }))
    }
}

/// Compares without telling by its time where two texts differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differences == 0
}
