//! Requests over real connections.

mod fault;
mod progress;
mod server_url;
mod tls;
mod upload;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use earmark_core::sync::TransportFault;
use earmark_wire::REPLY_BYTES_MAX;
use futures_util::future::LocalBoxFuture;
use reqwest::header::{
    AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response, Url};
use rustls::ClientConfig;

pub(crate) use server_url::ServerUrl;
pub use server_url::{ServerUrlFault, check_server_url};
pub use tls::Trust;

use self::progress::Progress;
use self::upload::Upload;
use crate::credentials::Token;
use crate::http::{Content, HttpFault, HttpReply, HttpRequest, HttpTransport};

/// How long a connection may take to come up, TLS included.
const CONNECT_SECONDS_MAX: u64 = 15;
/// How long a request may stand still without a byte either way.
const IDLE_SECONDS_MAX: u64 = 30;
/// How long a reply's body may take, so that a server cannot hold a request by a byte now and then.
const REPLY_SECONDS_MAX: u64 = 300;
/// How many redirects of one request are followed.
const REDIRECTS_MAX: usize = 3;

/// The header in which a server says what it refuses more of.
const LIMIT_REASON: HeaderName = HeaderName::from_static("x-omi-rate-limit-reason");

/// What a client is called towards a server.
pub(crate) const USER_AGENT: &str = concat!("earmark/", env!("CARGO_PKG_VERSION"));

const _: () = assert!(CONNECT_SECONDS_MAX < IDLE_SECONDS_MAX, "a connect has a limit of its own");

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's URL cannot be used.
    #[error(transparent)]
    Url(#[from] ServerUrlFault),
    /// A root certificate that the host names cannot be used.
    #[error("the root certificate cannot be used: {reason}")]
    Root {
        /// What is wrong with it.
        reason: String,
    },
    /// There is nobody to trust.
    #[error(
        "this machine has no root certificates, so that no server can be trusted; install the \
         package ca-certificates, or name a root certificate"
    )]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

#[derive(Clone, Copy)]
struct Limits {
    connect: Duration,
    idle: Duration,
    reply: Duration,
}

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(CONNECT_SECONDS_MAX),
    idle: Duration::from_secs(IDLE_SECONDS_MAX),
    reply: Duration::from_secs(REPLY_SECONDS_MAX),
};

/// Requests over real connections to one server: HTTP/1.1, over TLS where the URL says `https`.
///
/// Every request has a connection of its own. A kept one may have been closed by the server in the
/// meantime, which would look like a reset of the request, and would be repeated behind our back.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    server: ServerUrl,
    limits: Limits,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("server", &self.server).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client of the server at `base_url`, such as `https://api.example.com`; a path in it is put
    /// before the path of every request.
    ///
    /// # Errors
    ///
    /// [`ClientError::Url`] when the URL is none of `http` or `https`, or has a user, a query or a
    /// fragment; [`ClientError::NoRoots`] when it is one of `https` and nobody can be trusted; the
    /// others when this machine cannot set up a client at all.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        Self::trusting(base_url, &Trust::platform())
    }

    /// The same, with certificate authorities of the host's choice.
    ///
    /// # Errors
    ///
    /// Those of [`Self::new`].
    pub fn trusting(base_url: &str, trust: &Trust) -> Result<Self, ClientError> {
        let server = ServerUrl::parse(base_url)?;
        let trust = trust.client(&server)?;
        Self::with(server, trust, LIMITS)
    }

    /// Asks the server for a connection once more, and says in words what about its proof of who it
    /// is was not accepted; none when that is not what is wrong.
    pub async fn distrust(&self) -> Option<String> {
        let asked = self.client.get(self.server.join("/")).send().await;
        asked.err().and_then(|error| fault::distrust(&error))
    }

    fn with(server: ServerUrl, trust: ClientConfig, limits: Limits) -> Result<Self, ClientError> {
        let client = Client::builder()
            .tls_backend_preconfigured(trust)
            .connect_timeout(limits.connect)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .no_proxy()
            .referer(false)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self { client, server, limits })
    }

    async fn deliver(self, request: HttpRequest) -> Result<HttpReply, HttpFault> {
        let HttpRequest { path, token, content } = request;
        let upload = match content {
            Content::Nothing => None,
            Content::File(part) => Some(Upload::new(part)),
        };
        let mut url = self.server.join(&path);
        let mut followed = 0;
        loop {
            let answer = self.ask(url, token.as_ref(), upload.as_ref()).await?;
            let tells = |target: &Url| {
                let hidden =
                    token.as_ref().map(|token| token.hidden_in(target.as_str().as_bytes()));
                hidden.flatten().is_some()
            };
            // A token is in no URL, whoever asks for that.
            let target = self.leads_to(&answer, upload.is_some()).filter(|target| !tells(target));
            let Some(target) = target.filter(|_| followed < REDIRECTS_MAX) else {
                return Ok(answer.reply);
            };
            if let Some(upload) = &upload
                && !upload.rewind().await
            {
                return Ok(answer.reply);
            }
            (url, followed) = (target, followed + 1);
        }
    }

    /// Where a redirect leads, if that is the same origin and the same request can be sent there: a
    /// `POST` becomes no `GET`.
    fn leads_to(&self, answer: &Answer, uploads: bool) -> Option<Url> {
        let repeats = !uploads || matches!(answer.reply.status, 307 | 308);
        let location = answer.points_elsewhere()?.to_str().ok()?;
        let target = answer.url.join(location).ok()?;
        (repeats && self.server.is_origin_of(&target)).then_some(target)
    }

    async fn ask(
        &self,
        url: Url,
        token: Option<&Token>,
        upload: Option<&Upload>,
    ) -> Result<Answer, HttpFault> {
        let progress = Arc::new(Progress::default());
        let request = match upload {
            None => {
                progress.complete();
                self.client.get(url.clone())
            }
            Some(upload) => self.client.post(url.clone()).multipart(upload.form(&progress)),
        };
        let request = request.headers(authorization(token));
        let exchange = exchange(request, &progress, self.limits.reply);
        let ended = unless_idle(&progress, self.limits.idle, exchange).await;
        let ended = ended.unwrap_or(Err(TransportFault::Timeout));
        if let Some(damaged) = progress.damage() {
            return Err(HttpFault::Damaged(damaged));
        }
        let (reply, location) = ended.map_err(HttpFault::Transport)?;
        Ok(Answer { url, reply, location })
    }
}

impl HttpTransport for HttpClient {
    fn send(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpReply, HttpFault>> {
        Box::pin(self.clone().deliver(request))
    }
}

struct Answer {
    url: Url,
    reply: HttpReply,
    location: Option<HeaderValue>,
}

impl Answer {
    fn points_elsewhere(&self) -> Option<&HeaderValue> {
        let redirects = matches!(self.reply.status, 301 | 302 | 303 | 307 | 308);
        self.location.as_ref().filter(|_| redirects)
    }
}

/// The header that shows a token. A token that no header can carry is not shown, and the server's
/// refusal then asks for another one.
pub(crate) fn authorization(token: Option<&Token>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(token) = token else {
        return headers;
    };
    if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.reveal())) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    } else {
        tracing::warn!("a token has characters that no HTTP header can carry; it is not sent");
    }
    headers
}

/// What the exchange comes to, or nothing when it stood still for too long.
async fn unless_idle<T>(
    progress: &Progress,
    limit: Duration,
    exchange: impl Future<Output = T>,
) -> Option<T> {
    let mut exchange = pin!(exchange);
    loop {
        tokio::select! {
            biased;
            ended = &mut exchange => return Some(ended),
            () = progress.made() => {}
            () = tokio::time::sleep(limit) => return None,
        }
    }
}

async fn exchange(
    request: RequestBuilder,
    progress: &Progress,
    reply_limit: Duration,
) -> Result<(HttpReply, Option<HeaderValue>), TransportFault> {
    let sent = request.send().await;
    let mut response = sent.map_err(|error| fault::of_request(&error, progress.is_complete()))?;
    progress.make();
    let body = tokio::time::timeout(reply_limit, read(&mut response, progress)).await;
    let reply = HttpReply {
        status: response.status().as_u16(),
        retry_after: text(response.headers(), RETRY_AFTER),
        date: text(response.headers(), DATE),
        limit_reason: text(response.headers(), LIMIT_REASON),
        body: body.unwrap_or(Err(TransportFault::Timeout))?,
    };
    Ok((reply, response.headers().get(LOCATION).cloned()))
}

async fn read(response: &mut Response, progress: &Progress) -> Result<Bytes, TransportFault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| fault::of_reply(&error))? {
        progress.make();
        if body.len() + chunk.len() > REPLY_BYTES_MAX {
            return Err(TransportFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(String::from)
}

#[cfg(test)]
mod tests;
