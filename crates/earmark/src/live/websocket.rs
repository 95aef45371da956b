//! Live sockets over real connections.

mod connection;

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use reqwest::Url;
use reqwest::header::{HeaderValue, USER_AGENT};
use rustls::ClientConfig;
use sha2::{Digest, Sha256};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use earmark_wire::SERVER_MESSAGE_BYTES_MAX;

use super::{
    CONNECT_SECONDS_MAX, Dial, DialFault, Hello, INCOMING_MESSAGES_MAX, LiveSocket,
    OUTGOING_MESSAGES_MAX,
};
use crate::credentials::Credentials;
use crate::http::ClientError;
use crate::http::Trust;
use crate::http::client::{self, ServerUrl};

/// The path of the live socket.
const PATH: &str = "/v4/listen";
/// The silence after which a server ends a conversation; it takes no shorter one.
const CONVERSATION_TIMEOUT_SECONDS: u64 = 120;
/// How much the socket may hold that was not written to the connection.
const WRITE_BUFFER_BYTES_MAX: usize = 256 << 10;
/// How much is asked of the operating system to hold. What it holds counts as sent although nobody
/// has it, so it is little: the pings behind it then come in time.
const SEND_BUFFER_BYTES: u32 = 32 << 10;
/// How long one message may take to be written.
const WRITE_SECONDS_MAX: u64 = 10;
/// How long a close may take to be answered.
const CLOSE_SECONDS_MAX: u64 = 2;
/// The header that tells two devices of one account apart without naming them.
const DEVICE_HEADER: &str = "x-device-id-hash";

#[derive(Clone, Copy)]
struct Limits {
    connect: Duration,
    write: Duration,
    close: Duration,
}

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(CONNECT_SECONDS_MAX),
    write: Duration::from_secs(WRITE_SECONDS_MAX),
    close: Duration::from_secs(CLOSE_SECONDS_MAX),
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Live sockets to one server, over TLS where the URL says `https`.
#[derive(Clone)]
pub struct WebSocketDialer {
    server: ServerUrl,
    trust: Arc<ClientConfig>,
    credentials: Arc<dyn Credentials>,
    limits: Limits,
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
        Ok(Self { server, trust, credentials, limits: LIMITS })
    }

    async fn bring_up(self, hello: Hello) -> Result<LiveSocket, DialFault> {
        let connect = timeout(self.limits.connect, self.connect(&hello));
        let socket = connect.await.unwrap_or_else(|_| {
            let words = format!("no answer within {} s", self.limits.connect.as_secs());
            Err(DialFault::Unreachable(words))
        })?;
        let (outgoing, to_send) = mpsc::channel(OUTGOING_MESSAGES_MAX);
        let (heard, incoming) = mpsc::channel(INCOMING_MESSAGES_MAX);
        tokio::spawn(connection::run(socket, to_send, heard, self.limits));
        Ok(LiveSocket { outgoing, incoming })
    }

    async fn connect(&self, hello: &Hello) -> Result<Socket, DialFault> {
        let url = live_url(&self.server, hello);
        let request = self.request(&url, hello).map_err(unreachable)?;
        let stream = open(&url).await.map_err(|error| DialFault::Unreachable(error.to_string()))?;
        let connector = Connector::Rustls(Arc::clone(&self.trust));
        let up = client_async_tls_with_config(request, stream, Some(config()), Some(connector));
        up.await.map(|(socket, _)| socket).map_err(unreachable)
    }

    fn request(&self, url: &Url, hello: &Hello) -> Result<Request, Error> {
        let mut request = url.as_str().into_client_request()?;
        let token = self.credentials.token(&hello.account);
        let headers = request.headers_mut();
        headers.extend(client::authorization(token.as_ref()));
        headers.insert(USER_AGENT, HeaderValue::from_static(client::USER_AGENT));
        headers.insert(DEVICE_HEADER, HeaderValue::try_from(hash(hello.device.as_str()))?);
        Ok(request)
    }
}

impl Dial for WebSocketDialer {
    fn dial(&self, hello: Hello) -> LocalBoxFuture<'static, Result<LiveSocket, DialFault>> {
        Box::pin(self.clone().bring_up(hello))
    }
}

/// A server sends a message as one frame, and a conversation with its transcript is a long one.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(SERVER_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(SERVER_MESSAGE_BYTES_MAX))
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
}

fn live_url(server: &ServerUrl, hello: &Hello) -> Url {
    let encoding = hello.encoding;
    let mut query = format!(
        "language=multi&sample_rate={}&codec={}&include_speech_profile=true\
         &conversation_timeout={CONVERSATION_TIMEOUT_SECONDS}&source=omi",
        encoding.sample_rate, encoding.codec,
    );
    if encoding.channels > 1 {
        let _ = write!(query, "&channels={}", encoding.channels);
    }
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

fn unreachable(error: Error) -> DialFault {
    if let Error::Http(response) = &error {
        return DialFault::Refused(response.status().as_u16());
    }
    DialFault::Unreachable(error.to_string())
}

fn hash(device: &str) -> String {
    Sha256::digest(device).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
