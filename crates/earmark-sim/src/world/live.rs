//! Live sockets over the simulated network.

use std::sync::Arc;

use earmark::{
    Clock as _, Dial, DialFault, Hello, INCOMING_MESSAGES_MAX, LiveSocket, OUTGOING_MESSAGES_MAX,
    Outgoing, Refused,
};
use earmark_backend::server::{DeviceHash, LiveHello, LiveId, Refusal};
use futures_util::future::LocalBoxFuture;
use tokio::sync::mpsc;

use super::network::{Network, token_of};
use crate::witness::{Ears, Heard};

/// Brings sockets up at once, as long as the network is there.
#[derive(Clone)]
pub(super) struct SimDialer(pub(super) Arc<Network>, pub(super) Ears);

impl Dial for SimDialer {
    fn dial(&self, hello: Hello) -> LocalBoxFuture<'static, Result<LiveSocket, DialFault>> {
        let (network, ears) = (Arc::clone(&self.0), self.1.clone());
        Box::pin(async move { connect(network, hello, ears) })
    }

    fn needs_encoding(&self) -> bool {
        false
    }
}

fn connect(network: Arc<Network>, hello: Hello, ears: Ears) -> Result<LiveSocket, DialFault> {
    let now = network.clock.stamp();
    let greeting = LiveHello {
        device: Some(DeviceHash::of_name(hello.device.as_str())),
        codec: hello.encoding.codec.name().to_owned(),
        authorization: Some(format!("Bearer {}", token_of(&hello.account))),
    };
    let opened = {
        let mut inner = network.inner();
        if !inner.is_online {
            return Err(DialFault::Unreachable(String::from("the network is down")));
        }
        inner.server.open(&greeting, now)
    };
    let (id, outputs) = opened.map_err(|refusal| refused(&refusal))?;
    let (outgoing, sent) = mpsc::channel(OUTGOING_MESSAGES_MAX);
    let (answers, incoming) = mpsc::channel(INCOMING_MESSAGES_MAX);
    let Hello { device, account, .. } = hello;
    network.attach(id, (device.clone(), account.clone()), answers);
    network.deliver(outputs);
    tokio::task::spawn_local(async move {
        let hear = |bytes: &[u8]| ears.tell(&Heard::Live(&device, &account, bytes));
        carry(network, id, sent, hear).await;
    });
    Ok(LiveSocket { outgoing, incoming })
}

fn refused(refusal: &Refusal) -> DialFault {
    DialFault::Refused(Refused::with(match refusal {
        Refusal::Token => 401,
        Refusal::Codec => 400,
        Refusal::Busy => 503,
    }))
}

/// Carries what the client sends until it hangs up.
async fn carry(
    network: Arc<Network>,
    id: LiveId,
    mut sent: mpsc::Receiver<Outgoing>,
    hear: impl Fn(&[u8]),
) {
    while let Some(message) = sent.recv().await {
        match message {
            Outgoing::Binary(bytes) => {
                let now = network.clock.stamp();
                if network.hears(id) {
                    hear(&bytes);
                }
                network.inner().server.frame(id, &bytes, now);
            }
            Outgoing::Ping(number) => network.pong(id, number),
            Outgoing::Close => break,
        }
    }
    network.hang_up(id);
}
