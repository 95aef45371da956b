//! The server of a feed in real time: the development server in this process, or one at a URL.

use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use earmark::{Account, Credentials, EnvCredentials, OmiHttp, Token};
use earmark_backend::{Options, RunningBackend, ServerAction, StateReport, serve};
use earmark_sim::feed::{Action, Feed, FeedTime};
use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpListener;

use super::Script;
use crate::exit::Failure;

/// How long the server may take to do as a line says.
const SCRIPT_LIMIT: Duration = Duration::from_secs(30);
/// What the path for lines answers to an object that names no action.
const NO_ACTION: u16 = 400;

/// A server that can be reached.
pub(super) enum Server {
    /// The development server in this process.
    Here { backend: RunningBackend, url: String },
    /// A server at a URL, and how lines are sent to it, if there are any.
    There { url: String, lines: Option<Lines> },
}

/// Where a server takes lines.
pub(super) struct Lines {
    client: Client,
    url: String,
    token: Option<Token>,
}

impl Server {
    /// Starts the development server, or looks whether the named one can do what the feed asks of
    /// it.
    pub(super) async fn reach(script: &Script<'_>, url: Option<String>) -> Result<Self, Failure> {
        let Some(url) = url else {
            return Self::start().await;
        };
        // Refuses a URL that is none, before anything else is looked at.
        OmiHttp::new(&url, environment())?;
        let lines = match script.feed.scripts_server() {
            None => None,
            Some((line, action)) => {
                let lines = Lines::to(&url)?;
                lines.probe().await.map_err(|reason| {
                    let path = script.path.display();
                    Failure::unusable(format!(
                        "{path}:{line}: \"{action}\" scripts the server, but {reason}: expected a \
                         development server at --server, or a feed without such lines"
                    ))
                })?;
                Some(lines)
            }
        };
        Ok(Self::There { url, lines })
    }

    async fn start() -> Result<Self, Failure> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(anywhere).await.map_err(Failure::wrong)?;
        // The frames of most feeds are no audio, and silence ends no conversation unless a line
        // does.
        let options = Options { decode: false, ..Options::default() };
        let backend = serve(listener, options).map_err(Failure::wrong)?;
        let url = format!("http://{}", backend.address());
        Ok(Self::Here { backend, url })
    }

    pub(super) fn url(&self) -> &str {
        match self {
            Self::Here { url, .. } | Self::There { url, .. } => url,
        }
    }

    pub(super) fn credentials(&self) -> Tokens {
        match self {
            Self::Here { .. } => Tokens::OfAccounts,
            Self::There { .. } => Tokens::OfEnvironment(environment()),
        }
    }

    /// What the server holds, if it is ours to ask.
    pub(super) fn state(&self) -> Option<StateReport> {
        match self {
            Self::Here { backend, .. } => Some(backend.state()),
            Self::There { .. } => None,
        }
    }

    /// Has the server do as a line says; or says why it did not.
    pub(super) async fn act(&self, action: &ServerAction) -> Result<(), String> {
        match self {
            Self::Here { backend, .. } => {
                backend.act(action.clone()).map_err(|error| error.to_string())
            }
            Self::There { lines: Some(lines), .. } => lines.send(action).await,
            Self::There { lines: None, .. } => Err(String::from("the server takes no lines")),
        }
    }

    /// Cuts the way to the server, or mends it, if it is ours.
    pub(super) fn set_reachable(&self, reachable: bool) {
        match self {
            Self::Here { backend, .. } => backend.set_reachable(reachable),
            Self::There { .. } => {}
        }
    }

    pub(super) async fn end(self) {
        match self {
            Self::Here { backend, .. } => backend.shutdown().await,
            Self::There { .. } => {}
        }
    }
}

fn environment() -> EnvCredentials {
    EnvCredentials::new(std::env::vars_os())
}

/// Where the tokens of accounts come from.
#[derive(Clone, Debug)]
pub(super) enum Tokens {
    /// The development server takes any, and tells accounts apart by them.
    OfAccounts,
    /// `EARMARK_TOKEN` and its like.
    OfEnvironment(EnvCredentials),
}

impl Credentials for Tokens {
    fn token(&self, account: &Account) -> Option<Token> {
        match self {
            Self::OfAccounts => Some(Token::new(format!("token-of-{}", account.as_str()))),
            Self::OfEnvironment(tokens) => tokens.token(account),
        }
    }

    fn renew(
        &self,
        account: &Account,
        refused: Option<Token>,
    ) -> Pin<Box<dyn Future<Output = Option<Token>>>> {
        match self {
            Self::OfAccounts => Box::pin(ready(self.token(account))),
            Self::OfEnvironment(tokens) => tokens.renew(account, refused),
        }
    }
}

impl Lines {
    fn to(server: &str) -> Result<Self, Failure> {
        let client = Client::builder()
            .tls_backend_preconfigured(trust().map_err(Failure::wrong)?)
            .redirect(Policy::none())
            .timeout(SCRIPT_LIMIT)
            .no_proxy()
            .build()
            .map_err(Failure::wrong)?;
        let url = format!("{}/earmark/do", server.trim().trim_end_matches('/'));
        let account = Account::new("default").expect("the name is short and not empty");
        Ok(Self { client, url, token: environment().token(&account) })
    }

    /// Whether there is a place that takes lines; or why not. The question changes nothing there.
    async fn probe(&self) -> Result<(), String> {
        match self.post(String::from("{}")).await? {
            NO_ACTION => Ok(()),
            401 | 403 => Err(format!("{} wants another token", self.url)),
            status => Err(format!("{} answers {status}", self.url)),
        }
    }

    async fn send(&self, action: &ServerAction) -> Result<(), String> {
        let line = Feed::from_iter([(FeedTime::ZERO, Action::Server(action.clone()))]);
        match self.post(line.to_text()).await? {
            200..=299 => Ok(()),
            status => Err(format!("{} answers {status}", self.url)),
        }
    }

    async fn post(&self, line: String) -> Result<u16, String> {
        let mut request = self.client.post(&self.url).body(line);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        let answer = request.send().await;
        let answer = answer.map_err(|error| format!("there is no answer: {error}"))?;
        Ok(answer.status().as_u16())
    }
}

/// Trust in the certificate authorities of the web, as everywhere else.
fn trust() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
