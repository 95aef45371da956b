//! Omi's servers, and those that speak like them.

mod answer;
mod credentials;
mod retry_after;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use earmark_core::sync::{Api, Asked, Reply, TransportFault, classify, classify_poll};
use earmark_core::{Account, ConversationId};
use earmark_store::SealedRecording;
use earmark_wire::{ReplyBody, UploadName};
use futures_util::future::LocalBoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use credentials::{EnvCredentials, StaticCredentials};

use crate::clock::{Clock, SystemClock};
use crate::credentials::{Credentials, Token};
use crate::http::{
    ClientError, Content, FilePart, HttpClient, HttpFault, HttpReply, HttpRequest, HttpTransport,
};
use crate::target::{Outcome, PollEnd, SyncTarget, UploadEnd, UploadRequest};

/// What stands in a path or a query as it is; everything else is written as `%XX`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Uploads recordings to a server that speaks Omi's protocol.
#[derive(Clone)]
pub struct OmiHttp {
    transport: Arc<dyn HttpTransport>,
    credentials: Arc<dyn Credentials>,
    clock: Arc<dyn Clock>,
    /// The token that was refused last, of each account.
    refused: Arc<Mutex<BTreeMap<Account, Option<Token>>>>,
}

impl fmt::Debug for OmiHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OmiHttp").finish_non_exhaustive()
    }
}

impl OmiHttp {
    /// The server at `base_url`, such as `https://api.example.com`, over real connections.
    ///
    /// # Errors
    ///
    /// Those of [`HttpClient::new`].
    pub fn new(base_url: &str, credentials: impl Credentials) -> Result<Self, ClientError> {
        let transport = Arc::new(HttpClient::new(base_url)?);
        Ok(Self::over(transport, Arc::new(credentials), Arc::new(SystemClock::new())))
    }

    /// The server at the other end of a transport.
    pub fn over(
        transport: Arc<dyn HttpTransport>,
        credentials: Arc<dyn Credentials>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { transport, credentials, clock, refused: Arc::default() }
    }

    async fn ask(
        &self,
        account: &Account,
        path: String,
        content: Content,
    ) -> Result<HttpReply, HttpFault> {
        let token = self.credentials.token(account);
        let sent = HttpRequest { path, token: token.clone(), content };
        let reply = self.transport.send(sent).await?;
        if matches!(reply.status, 401 | 403) {
            self.with_refused(|refused| refused.insert(account.clone(), token));
        }
        Ok(reply)
    }

    fn with_refused<T>(&self, f: impl FnOnce(&mut BTreeMap<Account, Option<Token>>) -> T) -> T {
        f(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer in the words of the core.
    fn reply<'a, B>(&self, reply: &HttpReply, read: &'a ReplyBody, body: B) -> Reply<B>
    where
        B: 'a,
    {
        if *read == ReplyBody::TooLong {
            return Reply::Transport(TransportFault::TooLarge);
        }
        let now = self.clock.stamp().wall;
        Reply::Status {
            status: reply.status,
            retry_after: retry_after::wait(reply, now).or_else(|| answer::wait_of_job(read)),
            body,
        }
    }

    fn uploaded(&self, reply: &HttpReply, asked: Asked) -> UploadEnd {
        let read = ReplyBody::parse(&reply.body);
        let detail = answer::detail(&read);
        let verdict = classify(&self.reply(reply, &read, answer::upload(&read, &detail)), asked);
        let outcome = Outcome::Status(reply.status);
        UploadEnd { verdict: Ok(verdict), outcome, carried: Some(true) }
    }

    fn polled(&self, reply: &HttpReply) -> PollEnd {
        let read = ReplyBody::parse(&reply.body);
        let verdict = classify_poll(&self.reply(reply, &read, answer::job(&read)));
        PollEnd { verdict, carried: Some(true) }
    }
}

impl SyncTarget for OmiHttp {
    fn upload(&self, request: UploadRequest) -> LocalBoxFuture<'static, UploadEnd> {
        let target = self.clone();
        Box::pin(async move {
            let UploadRequest { recording, conversation, api, blocks } = request;
            let asked = Asked { api, named: conversation.is_some() };
            let name = file_name(&recording);
            let file = FilePart { name, bytes: recording.bytes(), blocks };
            let path = upload_path(api, conversation.as_ref());
            match target.ask(recording.account(), path, Content::File(file)).await {
                Ok(reply) => target.uploaded(&reply, asked),
                Err(fault) => not_uploaded(fault, asked),
            }
        })
    }

    fn poll(&self, account: Account, job: String) -> LocalBoxFuture<'static, PollEnd> {
        let target = self.clone();
        Box::pin(async move {
            match target.ask(&account, poll_path(&job), Content::Nothing).await {
                Ok(reply) => target.polled(&reply),
                Err(HttpFault::Transport(fault)) => not_polled(fault),
                // A question has no file; whoever says that it is damaged lost the answer.
                Err(HttpFault::Damaged(_)) => not_polled(TransportFault::Lost),
            }
        })
    }

    fn renew_sign_in(&self, account: Account) -> LocalBoxFuture<'static, bool> {
        let refused = self.with_refused(|refused| refused.remove(&account));
        let refused = refused.unwrap_or_else(|| self.credentials.token(&account));
        let renewal = self.credentials.renew(&account, refused);
        Box::pin(async move { renewal.await.is_some() })
    }
}

fn not_uploaded(fault: HttpFault, asked: Asked) -> UploadEnd {
    match fault {
        HttpFault::Transport(fault) => UploadEnd {
            verdict: Ok(classify(&Reply::Transport(fault), asked)),
            outcome: Outcome::Fault(fault.outcome()),
            carried: carried(fault),
        },
        HttpFault::Damaged(damaged) => UploadEnd {
            verdict: Err(damaged),
            outcome: Outcome::Fault(TransportFault::Reset.outcome()),
            carried: None,
        },
    }
}

fn not_polled(fault: TransportFault) -> PollEnd {
    PollEnd { verdict: classify_poll(&Reply::Transport(fault)), carried: carried(fault) }
}

fn carried(fault: TransportFault) -> Option<bool> {
    fault.blames_network().then_some(false)
}

fn file_name(recording: &SealedRecording) -> String {
    let device = recording.device().as_str();
    let (encoding, started_at) = (recording.encoding(), recording.started_at());
    UploadName::new(device, encoding, started_at, recording.twin()).to_string()
}

fn upload_path(api: Api, conversation: Option<&ConversationId>) -> String {
    let path = match api {
        Api::V2 => "/v2/sync-local-files",
        Api::V1 => "/v1/sync-local-files",
    };
    conversation.map_or_else(
        || path.into(),
        |conversation| format!("{path}?conversation_id={}", encoded(conversation.as_str())),
    )
}

fn poll_path(job: &str) -> String {
    format!("/v2/sync-local-files/{}", encoded(job))
}

fn encoded(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, ENCODED)
}

#[cfg(test)]
mod tests;
