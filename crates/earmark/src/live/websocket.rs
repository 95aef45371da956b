//! Live sockets over real connections.

mod connection;
mod metered;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark_core::Account;
use futures_util::future::LocalBoxFuture;
use reqwest::Url;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use rustls::ClientConfig;
use sha2::{Digest, Sha256};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use earmark_wire::SERVER_MESSAGE_BYTES_MAX;

use super::{
    Dial, DialFault, Hello, INCOMING_MESSAGES_MAX, ListenQuery, LiveSocket, OUTGOING_MESSAGES_MAX,
    QueryFault, Refused,
};
use crate::clock::{Clock, SystemClock};
use crate::credentials::{Credentials, Shown, Token};
use crate::http::client::{self, ServerUrl};
use crate::http::{ClientError, HttpReply, Trust};
use crate::omi::retry_after;
use metered::{Meter, Metered};
use turns::Turns;

/// The path of the live socket.
const PATH: &str = "/v4/listen";
/// How long a connect may take, from the look-up of the name to the end of the upgrade.
pub const CONNECT_WAIT: Duration = Duration::from_secs(15);
/// How long one message may take to be written.
pub const WRITE_WAIT: Duration = Duration::from_secs(10);
/// How long a close may take, from the wish for it to the end of the connection.
pub const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// The most bytes of a message of the server.
pub const MESSAGE_BYTES_MAX: usize = SERVER_MESSAGE_BYTES_MAX;
/// The most bytes of a frame of such a message: a server sends each of its messages as one frame.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// How many messages that mean nothing here (pings, pongs that answer none of ours, binary ones)
/// may come within [`ASIDES_WINDOW`].
pub const ASIDES_MAX: u32 = 64;
/// See [`ASIDES_MAX`].
pub const ASIDES_WINDOW: Duration = Duration::from_secs(10);
/// How much the socket may hold that was not written to the connection.
const WRITE_BUFFER_BYTES_MAX: usize = 256 << 10;
/// How much is asked of the operating system to hold. What it holds counts as sent although nobody
/// has it, so it is little: the pings behind it then come in time.
const SEND_BUFFER_BYTES: u32 = 32 << 10;
/// The header that tells two devices of one account apart without naming them.
const DEVICE_HEADER: &str = "x-device-id-hash";
/// The header by which a server would turn on compression, or another extension.
const EXTENSIONS_HEADER: &str = "sec-websocket-extensions";

/// What one connection may take of time and of memory. The default is the product's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    /// [`CONNECT_WAIT`].
    pub connect: Duration,
    /// [`WRITE_WAIT`].
    pub write: Duration,
    /// [`CLOSE_WAIT`].
    pub close: Duration,
    /// [`MESSAGE_BYTES_MAX`]; more is never taken.
    pub message_bytes: usize,
    /// [`FRAME_BYTES_MAX`].
    pub frame_bytes: usize,
    /// [`ASIDES_MAX`].
    pub asides: u32,
    /// [`ASIDES_WINDOW`].
    pub asides_window: Duration,
}

/// The product's own limits.
const LIMITS: SocketLimits = SocketLimits {
    connect: CONNECT_WAIT,
    write: WRITE_WAIT,
    close: CLOSE_WAIT,
    message_bytes: MESSAGE_BYTES_MAX,
    frame_bytes: FRAME_BYTES_MAX,
    asides: ASIDES_MAX,
    asides_window: ASIDES_WINDOW,
};

impl Default for SocketLimits {
    fn default() -> Self {
        LIMITS
    }
}

type Socket = WebSocketStream<MaybeTlsStream<Metered<TcpStream>>>;

/// Live sockets to one server, over TLS where the URL says `https`.
///
/// The library beneath writes each upgrade request, and so the token, to the target
/// `tungstenite::handshake::client` of the crate `log`, at its level trace. A host that takes in
/// what libraries log must leave that target out, as `earmark run` does.
#[derive(Clone)]
pub struct WebSocketDialer {
    server: ServerUrl,
    trust: Arc<ClientConfig>,
    credentials: Arc<dyn Credentials>,
    query: ListenQuery,
    limits: SocketLimits,
    turns: Arc<Turns>,
    shown: Shown,
}

impl fmt::Debug for WebSocketDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketDialer").field("server", &self.server).finish_non_exhaustive()
    }
}

impl WebSocketDialer {
    /// Sockets to the server at `base_url`, such as `https://api.example.com`.
    ///
    /// # Errors
    ///
    /// Those of [`HttpClient::new`](crate::HttpClient::new).
    pub fn new(base_url: &str, credentials: impl Credentials) -> Result<Self, ClientError> {
        Self::trusting(base_url, Arc::new(credentials), &Trust::platform())
    }

    /// The same, with certificate authorities of the host's choice.
    ///
    /// # Errors
    ///
    /// Those of [`Self::new`].
    pub fn trusting(
        base_url: &str,
        credentials: Arc<dyn Credentials>,
        trust: &Trust,
    ) -> Result<Self, ClientError> {
        let server = ServerUrl::parse(base_url)?;
        let trust = Arc::new(trust.client(&server)?);
        Ok(Self {
            server,
            trust,
            credentials,
            query: ListenQuery::default(),
            limits: SocketLimits::default(),
            turns: Arc::default(),
            shown: Shown::default(),
        })
    }

    /// What the sockets ask the server for, instead of the default.
    ///
    /// # Errors
    ///
    /// [`QueryFault`] when it cannot be sent.
    pub fn query(self, query: ListenQuery) -> Result<Self, QueryFault> {
        query.check()?;
        Ok(Self { query, ..self })
    }

    /// Other limits than the default ones.
    #[must_use]
    pub fn limits(self, limits: SocketLimits) -> Self {
        Self { limits, ..self }
    }

    async fn bring_up(self, hello: Hello) -> Result<LiveSocket, DialFault> {
        if hello.encoding.channels != 1 {
            return Err(DialFault::Unusable("the live socket takes one channel"));
        }
        let meter = Meter::new(self.limits.message_bytes);
        let token = self.credentials.token(&hello.account);
        self.shown.note(&hello.account, token.clone());
        let connect = async {
            // The connection before must be gone: a source never has two.
            let turn = self.turns.take(&hello).await;
            self.connect(&hello, token.as_ref(), &meter).await.map(|socket| (socket, turn))
        };
        let (socket, turn) = timeout(self.limits.connect, connect).await.unwrap_or_else(|_| {
            let words = format!("no answer within {} s", self.limits.connect.as_secs_f32());
            Err(DialFault::Unreachable(words))
        })?;
        let (outgoing, to_send) = mpsc::channel(OUTGOING_MESSAGES_MAX);
        let (heard, incoming) = mpsc::channel(INCOMING_MESSAGES_MAX);
        let limits = self.limits;
        tokio::spawn(async move {
            connection::run(socket, meter, to_send, heard, limits, token).await;
            drop(turn);
        });
        Ok(LiveSocket { outgoing, incoming })
    }

    async fn connect(
        &self,
        hello: &Hello,
        token: Option<&Token>,
        meter: &Meter,
    ) -> Result<Socket, DialFault> {
        let url = live_url(&self.server, &self.query.of(hello));
        let fault = |error| fault(error, token);
        let request = request(&url, hello, token).map_err(fault)?;
        let stream = open(&url).await.map_err(|error| DialFault::Unreachable(error.to_string()))?;
        let stream = meter.watch(stream);
        let connector = Connector::Rustls(Arc::clone(&self.trust));
        let config = Some(config(&self.limits));
        let up = client_async_tls_with_config(request, stream, config, Some(connector));
        let (socket, response) = up.await.map_err(fault)?;
        if response.headers().contains_key(EXTENSIONS_HEADER) {
            let words = "the server turned on an extension that was not asked for";
            return Err(DialFault::Unreachable(words.into()));
        }
        Ok(socket)
    }
}

fn request(url: &Url, hello: &Hello, token: Option<&Token>) -> Result<Request, Error> {
    let mut request = url.as_str().into_client_request()?;
    let headers = request.headers_mut();
    headers.extend(client::authorization(token));
    headers.insert(USER_AGENT, HeaderValue::from_static(client::USER_AGENT));
    headers.insert(DEVICE_HEADER, HeaderValue::try_from(hash(hello.device.as_str()))?);
    Ok(request)
}

impl Dial for WebSocketDialer {
    fn dial(&self, hello: Hello) -> LocalBoxFuture<'static, Result<LiveSocket, DialFault>> {
        Box::pin(self.clone().bring_up(hello))
    }

    fn names_conversations(&self) -> bool {
        self.query.client_conversation_id
    }

    fn renew_sign_in(&self, account: Account) -> LocalBoxFuture<'static, bool> {
        self.shown.renew(&*self.credentials, &account)
    }
}

fn config(limits: &SocketLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(limits.message_bytes.min(MESSAGE_BYTES_MAX)))
        .max_frame_size(Some(limits.frame_bytes.min(MESSAGE_BYTES_MAX)))
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
}

fn live_url(server: &ServerUrl, query: &str) -> Url {
    let mut url = server.join(&format!("{PATH}?{query}"));
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).expect("http becomes ws, and https wss");
    url
}

async fn open(url: &Url) -> std::io::Result<TcpStream> {
    let host = url.host_str().expect("an http URL has a host");
    let port = url.port_or_known_default().expect("ws and wss have a default port");
    // An IPv6 address stands in brackets in a URL only.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut fault = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        match socket.connect(address).await {
            Ok(stream) => return stream.set_nodelay(true).map(|()| stream),
            Err(error) => fault = error,
        }
    }
    Err(fault)
}

fn fault(error: Error, token: Option<&Token>) -> DialFault {
    if let Error::Http(response) = &error {
        return DialFault::Refused(refused(response));
    }
    DialFault::Unreachable(Token::hide(token, error.to_string()))
}

fn refused(response: &Response) -> Refused {
    let status = response.status().as_u16();
    let text = |name, headers: &HeaderMap| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let reply = HttpReply {
        status,
        retry_after: text(RETRY_AFTER, response.headers()),
        date: text(DATE, response.headers()),
        limit_reason: None,
        body: Bytes::new(),
    };
    Refused { status, retry_after: retry_after::wait(&reply, SystemClock::new().stamp().wall) }
}

fn hash(device: &str) -> String {
    Sha256::digest(device).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
