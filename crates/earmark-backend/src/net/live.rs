//! The live socket on the wire.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use super::http::authorization;
use super::{LIVE_OUTPUTS_MAX, Shared};
use crate::server::{DeviceHash, LiveHello, LiveId, LiveOutput, Refusal, Reply};

/// The most bytes of a message on a live socket.
pub const LIVE_MESSAGE_BYTES_MAX: usize = 256 << 10;
/// The most bytes of a frame of such a message.
pub const LIVE_FRAME_BYTES_MAX: usize = 64 << 10;

/// The codec of a socket that names none.
const CODEC_DEFAULT: &str = "pcm8";
/// The code of the close when the codec is none that the server decodes.
const CLOSE_UNSUPPORTED: u16 = 1003;
/// How long a stalled socket is kept when nothing else ends it.
const STALL_LIMIT: Duration = Duration::from_secs(86_400);

pub(super) async fn listen(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade =
        upgrade.max_message_size(LIVE_MESSAGE_BYTES_MAX).max_frame_size(LIVE_FRAME_BYTES_MAX);
    match open(&shared, &hello(&query, &headers)) {
        Ok((id, outputs)) => {
            let failed = Arc::clone(&shared);
            upgrade
                .on_failed_upgrade(move |_| failed.forget(id))
                .on_upgrade(move |socket| run(shared, socket, id, outputs))
        }
        Err(Refusal::Codec) => {
            let reason = Refusal::Codec.to_string();
            upgrade.on_upgrade(|socket| close(socket, CLOSE_UNSUPPORTED, reason))
        }
        Err(refusal @ Refusal::Token) => refuse(401, &refusal),
        Err(refusal @ Refusal::Busy) => refuse(503, &refusal),
    }
}

fn refuse(status: u16, refusal: &Refusal) -> Response {
    let reply = Reply::refusal(status, &refusal.to_string());
    let status = StatusCode::from_u16(status).expect("a status of HTTP");
    (status, Body::from(reply.body)).into_response()
}

fn hello(query: &[(String, String)], headers: &HeaderMap) -> LiveHello {
    let codec = query.iter().find(|(name, _)| name == "codec");
    let device = headers.get("x-device-id-hash").and_then(|value| value.to_str().ok());
    LiveHello {
        device: device.and_then(DeviceHash::from_hex),
        codec: codec.map_or_else(|| String::from(CODEC_DEFAULT), |(_, codec)| codec.clone()),
        authorization: authorization(headers).map(String::from),
    }
}

type Outputs = mpsc::Receiver<LiveOutput>;

fn open(shared: &Shared, hello: &LiveHello) -> Result<(LiveId, Outputs), Refusal> {
    let mut server = shared.server();
    let (id, given_up) = server.open(hello, shared.clock.now())?;
    let (sender, outputs) = mpsc::channel(LIVE_OUTPUTS_MAX);
    shared.lives().insert(id, sender);
    shared.deliver(&mut server, given_up);
    Ok((id, outputs))
}

impl Shared {
    fn forget(&self, id: LiveId) {
        self.server().close(id);
        self.lives().remove(&id);
    }

    fn hear(&self, id: LiveId, message: &Message) {
        let now = self.clock.now();
        match message {
            Message::Binary(bytes) => self.server().frame(id, bytes, now),
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) => self.server().text(id, now),
            Message::Close(_) => {}
        }
    }
}

/// What ended a socket's turn.
enum End {
    Closed(u16),
    Stalled,
    Lost,
}

async fn run(shared: Arc<Shared>, mut socket: WebSocket, id: LiveId, mut outputs: Outputs) {
    match exchange(&shared, &mut socket, id, &mut outputs).await {
        End::Closed(code) => close(socket, code, String::new()).await,
        End::Stalled => stall(&shared, &mut outputs).await,
        End::Lost => {}
    }
    shared.forget(id);
}

async fn exchange(
    shared: &Shared,
    socket: &mut WebSocket,
    id: LiveId,
    outputs: &mut Outputs,
) -> End {
    loop {
        tokio::select! {
            // What the server says comes first: once stalled, not one message more is read.
            biased;
            output = outputs.recv() => match output {
                Some(LiveOutput::Text { text, .. }) => {
                    if socket.send(Message::from(text)).await.is_err() {
                        return End::Lost;
                    }
                }
                Some(LiveOutput::Close { code, .. }) => return End::Closed(code),
                Some(LiveOutput::Stall { .. }) => return End::Stalled,
                None => return End::Lost,
            },
            message = socket.recv() => match message {
                Some(Ok(message)) => shared.hear(id, &message),
                Some(Err(_)) | None => return End::Lost,
            },
        }
    }
}

/// Holds a socket open without touching it, until the server drops it.
async fn stall(shared: &Shared, outputs: &mut Outputs) {
    tokio::select! {
        _ = shared.pause(STALL_LIMIT) => {}
        () = async { while outputs.recv().await.is_some() {} } => {}
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: String) {
    let frame = CloseFrame { code, reason: reason.into() };
    // A client that is gone needs no close.
    let _gone = socket.send(Message::Close(Some(frame))).await;
}
