//! Live sockets whose token is asked for anew when the server refuses it.

use std::sync::Arc;

use earmark::{Credentials, Dial, DialFault, Hello, LiveSocket};
use futures_util::future::LocalBoxFuture;

/// Brings sockets up as another dialer does; after a refusal once more, if there is another token.
pub(super) struct RenewingDialer<D> {
    dialer: Arc<D>,
    credentials: Arc<dyn Credentials>,
}

impl<D: Dial> RenewingDialer<D> {
    pub(super) fn new(dialer: D, credentials: Arc<dyn Credentials>) -> Self {
        Self { dialer: Arc::new(dialer), credentials }
    }
}

impl<D: Dial> Dial for RenewingDialer<D> {
    fn dial(&self, hello: Hello) -> LocalBoxFuture<'static, Result<LiveSocket, DialFault>> {
        let (dialer, credentials) = (Arc::clone(&self.dialer), Arc::clone(&self.credentials));
        Box::pin(async move {
            let token = credentials.token(&hello.account);
            match dialer.dial(hello.clone()).await {
                Err(DialFault::Refused(status @ (401 | 403))) => {
                    match credentials.renew(&hello.account, token).await {
                        Some(_) => dialer.dial(hello).await,
                        None => Err(DialFault::Refused(status)),
                    }
                }
                dialled => dialled,
            }
        })
    }
}
