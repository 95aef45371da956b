//! Routes, and answers on the wire.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Query, Request, State};
use axum::http::header::{CONTENT_LENGTH, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, body};
use futures_util::stream;
use serde::Serialize;
use serde_json::{Map, Value};

use super::connection::Cut;
use super::upload::{UPLOAD_BYTES_MAX, discard};
use super::{Shared, live, upload};
use crate::script::ServerAction;
use crate::server::{Admission, Ending, Reply, RequestHead};

/// The most bytes of a scripted line.
const SCRIPT_BYTES_MAX: usize = 16 << 20;
/// How long a request without an answer is kept open.
const HANG_LIMIT: Duration = Duration::from_secs(86_400);
/// What an answer without a body announces when it is to be cut.
const CUT_BODY_BYTES: usize = 16;
/// Blanks behind the body of an answer that is larger than anybody reads.
const ENDLESS_BYTES: usize = 1 << 20;
/// Headers, and bytes of each, of an answer whose head is larger than anybody reads.
const ENDLESS_HEADERS: (usize, usize) = (200, 4_000);

/// The frame `GOAWAY` of HTTP/2: eight bytes, of stream 0, without an error.
const GO_AWAY: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

pub(super) fn service(shared: Arc<Shared>) -> IntoMakeServiceWithConnectInfo<Router, Cut> {
    Router::new()
        .route("/v4/listen", get(live::listen))
        .route("/v1/conversations", post(finish))
        .route("/earmark/state", get(state))
        .route("/earmark/live", get(conversations))
        .route("/earmark/do", post(act))
        .fallback(any_other)
        .layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX))
        .with_state(shared)
        .into_make_service_with_connect_info::<Cut>()
}

/// Uploads, polls, and paths that do not exist.
async fn any_other(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let head = head(&parts);
    let admission = shared.server().head(&head);
    match admission {
        Admission::Proceed(ticket) => {
            let files = upload::files(&shared, Request::from_parts(parts, body)).await;
            let reply = match files {
                Ok(files) => shared.server().body(ticket, &files, shared.clock.now()),
                Err(refusal) => refusal,
            };
            send(&shared, &cut, reply).await
        }
        Admission::Answer(reply) => {
            discard(body, UPLOAD_BYTES_MAX).await;
            send(&shared, &cut, reply).await
        }
        Admission::Early(reply) => send(&shared, &cut, reply).await,
        Admission::Refuse
        | Admission::ResetBefore
        | Admission::NoName
        | Admission::NoTrust
        | Admission::NoConnection => reset(&cut),
        Admission::Close => {
            discard(body, UPLOAD_BYTES_MAX).await;
            cut.end(b"");
            unseen()
        }
        Admission::GoAway => {
            discard(body, UPLOAD_BYTES_MAX).await;
            cut.end(GO_AWAY);
            unseen()
        }
        Admission::ResetMid => {
            discard(body, half_length(&parts.headers)).await;
            reset(&cut)
        }
        Admission::Hang => {
            discard(body, UPLOAD_BYTES_MAX).await;
            shared.pause(HANG_LIMIT).await;
            reset(&cut)
        }
    }
}

async fn finish(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    discard(body, UPLOAD_BYTES_MAX).await;
    let reply = {
        let mut server = shared.server();
        let (reply, outputs) = server.finish(&head(&parts), shared.clock.now());
        shared.deliver(&mut server, outputs);
        reply
    };
    send(&shared, &cut, reply).await
}

async fn state(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    report(&shared, &headers, || shared.server().state())
}

async fn conversations(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    report(&shared, &headers, || shared.server().live())
}

fn report<T: Serialize>(
    shared: &Shared,
    headers: &HeaderMap,
    report: impl FnOnce() -> T,
) -> Response {
    if !shared.server().is_authorised(authorization(headers)) {
        return detail(StatusCode::UNAUTHORIZED, "Invalid authorization token");
    }
    Json(report()).into_response()
}

/// Takes one scripted line.
async fn act(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !shared.server().is_authorised(authorization(&parts.headers)) {
        return detail(StatusCode::UNAUTHORIZED, "Invalid authorization token");
    }
    // A web page that is open in a browser on this machine has no business here.
    if parts.headers.contains_key(ORIGIN) {
        return detail(StatusCode::FORBIDDEN, "Requests of web pages are not taken");
    }
    let Ok(line) = body::to_bytes(body, SCRIPT_BYTES_MAX).await else {
        return detail(StatusCode::PAYLOAD_TOO_LARGE, "At most 16 MiB are taken");
    };
    let action = match action(&line) {
        Ok(action) => action,
        Err(fault) => return detail(StatusCode::BAD_REQUEST, &fault),
    };
    match shared.act(action) {
        Ok(()) => Json(Map::new()).into_response(),
        Err(error) => detail(StatusCode::CONFLICT, &error.to_string()),
    }
}

fn action(line: &[u8]) -> Result<ServerAction, String> {
    let fields: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("The line is no object: {error}"))?;
    let name = fields.get("do").and_then(Value::as_str);
    let name = name.ok_or("`do` is missing; it names the action")?;
    match ServerAction::parse(name, &fields) {
        Some(action) => action.map_err(|error| error.to_string()),
        None => Err(format!(
            "`do` is {name:?}, which is no action of the server; expected one of {}",
            ServerAction::NAMES.join(", ")
        )),
    }
}

fn detail(status: StatusCode, words: &str) -> Response {
    let mut body = Map::new();
    body.insert(String::from("detail"), Value::from(words));
    (status, Json(body)).into_response()
}

pub(super) fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()
}

fn head(parts: &Parts) -> RequestHead {
    let query = Query::try_from_uri(&parts.uri).map(|Query(query)| query);
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.to_string(), String::from(value.to_str().ok()?)))
    };
    RequestHead {
        method: parts.method.to_string(),
        path: String::from(parts.uri.path()),
        query: query.unwrap_or_default(),
        headers: parts.headers.iter().filter_map(header).collect(),
    }
}

fn half_length(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    // Without a length it is the first piece that comes.
    length.and_then(|text| text.parse().ok()).map_or(1, |length: usize| length / 2)
}

fn reset(cut: &Cut) -> Response {
    cut.reset();
    unseen()
}

/// Nobody will see it: it is the attempt to write it that meets the connection's end.
fn unseen() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn send(shared: &Shared, cut: &Cut, reply: Reply) -> Response {
    let is_dripping = reply.ending == Ending::Dripping;
    if !is_dripping && !reply.delay.is_zero() && !shared.pause(reply.delay).await {
        return reset(cut);
    }
    let status = StatusCode::from_u16(reply.status).expect("statuses are from 200 to 599");
    let mut response = match reply.ending {
        Ending::Whole | Ending::EndlessHead => Body::from(reply.body).into_response(),
        Ending::Dripping => dripping(reply.body, reply.delay),
        Ending::Endless => Body::from(reply.body + &" ".repeat(ENDLESS_BYTES)).into_response(),
        Ending::Truncated => truncated(reply.body),
        Ending::Reset => return reset(cut),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.remove("content-type");
    for (name, value) in &reply.headers {
        let name = HeaderName::try_from(name).expect("the script's reader has checked it");
        let value = HeaderValue::try_from(value).expect("the script's reader has checked it");
        headers.append(name, value);
    }
    if reply.ending == Ending::EndlessHead {
        let (count, bytes) = ENDLESS_HEADERS;
        let value = HeaderValue::try_from("x".repeat(bytes)).expect("a letter can be carried");
        for number in 0..count {
            let name = format!("x-filler-{number}");
            headers.append(HeaderName::try_from(name).expect("letters and digits"), value.clone());
        }
    }
    response
}

/// An answer whose body comes byte by byte, so that the last one comes when the delay is over.
fn dripping(body: String, delay: Duration) -> Response {
    let bytes = Bytes::from(body);
    let pause = delay / u32::try_from(bytes.len()).unwrap_or(u32::MAX).max(1);
    let announced = HeaderValue::from(bytes.len());
    let drops = stream::unfold(bytes, move |mut bytes| async move {
        if bytes.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        Some((Ok::<Bytes, std::convert::Infallible>(bytes.split_to(1)), bytes))
    });
    let mut response = Body::from_stream(drops).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, announced);
    response
}

/// An answer that announces more of a body than it sends.
fn truncated(body: String) -> Response {
    let announced = body.len().max(CUT_BODY_BYTES);
    let half = Bytes::from(body);
    let half = half.slice(..half.len() / 2);
    let pieces = stream::unfold(Some(half), |half| async {
        match half {
            Some(half) => Some((Ok(half), None)),
            None => {
                // What was handed over before is written out while this waits.
                tokio::task::yield_now().await;
                Some((Err("the script cuts the answer here"), None))
            }
        }
    });
    let mut response = Body::from_stream(pieces).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(announced));
    response
}
