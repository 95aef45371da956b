//! L7: each recording leaves with the token of its own account.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use earmark::{
    Account, Content, Credentials, HttpFault, HttpReply, HttpRequest, HttpTransport, OmiHttp, Token,
};
use earmark_core::invariant::linkage;

use super::world::{pass, record, tell};
use super::{ensure, text};
use crate::locked::locked;

/// Whose device is whose; each account has the token that is its own name.
const DEVICES: [(&str, &str); 3] = [("left", "default"), ("right", "ann"), ("third", "bob")];
/// Longer than audio waits for a conversation.
const WAIT: Duration = Duration::from_secs(200);

/// The names of the files that were sent, each with the token that was shown.
type Sent = Arc<Mutex<Vec<(String, String)>>>;

/// What is awaited on one thread.
type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// Takes every request, and keeps what it shows.
struct Listener(Sent);

impl HttpTransport for Listener {
    fn send(&self, request: HttpRequest) -> Local<Result<HttpReply, HttpFault>> {
        if let Content::File(part) = &request.content {
            let token = request.token.as_ref().map_or("", Token::reveal);
            locked(&self.0).push((part.name.clone(), token.to_owned()));
        }
        let reply = HttpReply {
            status: 400,
            retry_after: None,
            date: None,
            limit_reason: None,
            body: Bytes::new(),
        };
        Box::pin(std::future::ready(Ok(reply)))
    }
}

struct Names;

impl Credentials for Names {
    fn token(&self, account: &Account) -> Option<Token> {
        Some(Token::new(account.as_str()))
    }

    fn renew(&self, account: &Account, _: Option<Token>) -> Local<Option<Token>> {
        Box::pin(std::future::ready(self.token(account)))
    }
}

pub(super) fn tenant_wall() -> Result<(), String> {
    tell(async |setting| {
        let sent = Sent::default();
        let target = OmiHttp::over(
            Arc::new(Listener(Arc::clone(&sent))),
            Arc::new(Names),
            setting.clock.clone(),
        );
        let builder = setting.process_on(Arc::new(setting.disk.life())).sync_target(target);
        let runtime = builder.start_here().await.map_err(text)?;
        let mut sources = Vec::new();
        for (device, account) in DEVICES {
            sources.push(record(&runtime, device, account).await?);
        }
        pass(WAIT).await;
        let sent = locked(&sent);
        ensure(sent.len() == DEVICES.len(), || format!("{} recordings were sent", sent.len()))?;
        for (name, token) in sent.iter() {
            let owner = DEVICES.iter().find(|(device, _)| name.contains(device));
            let owner = owner.map_or("", |(_, account)| account);
            linkage::tenant_wall(&owner, &token.as_str()).map_err(text)?;
        }
        Ok(())
    })
}
