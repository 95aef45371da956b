//! What a client sees over real sockets.

use std::io::ErrorKind;

use earmark_core::Codec;
use earmark_wire::{Job, JobStatus, ReplyBody, ServerMessage, encode_frame_header};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{Bytes, Error};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::audio::{FrameCoder, Tone};
use crate::server::{DeviceHash, Token};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a test waits for what must come before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

const UPLOADS: &str = "/v2/sync-local-files?conversation_id=C%201";

async fn started(options: Options) -> RunningBackend {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve(listener, options).unwrap()
}

async fn backend() -> RunningBackend {
    started(Options::default()).await
}

fn audio() -> Vec<u8> {
    let samples = Tone::new(440.0).unwrap().samples(16_000);
    let frames = FrameCoder::new(Codec::Opus).push(&samples).unwrap();
    let header = |frame: &Vec<u8>| encode_frame_header(u32::try_from(frame.len()).unwrap());
    frames.iter().flat_map(|frame| [&header(frame)[..], frame].concat()).collect()
}

/// What comes in the end; a test that waits for what never comes fails.
async fn soon<T>(coming: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, coming).await;
    came.expect("it comes")
}

/// A request that ends its connection, as bytes.
fn request(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: backend\r\nconnection: close\r\n{headers}");
    let head = format!("{head}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn upload_request(path: &str, headers: &str) -> Vec<u8> {
    let name = "audio_pen_opus_16000_1_fs160_1775260800.bin";
    let open = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n"
    );
    let body = [open.as_bytes(), &audio(), b"\r\n--edge--\r\n"].concat();
    let kind = "content-type: multipart/form-data; boundary=edge\r\n";
    request(&format!("POST {path}"), &format!("{kind}{headers}"), &body)
}

async fn connect(backend: &RunningBackend) -> TcpStream {
    TcpStream::connect(backend.address()).await.unwrap()
}

/// Sends a request and reads until the server ends the connection.
async fn exchange(backend: &RunningBackend, request: &[u8]) -> Result<(String, String), ErrorKind> {
    let mut stream = connect(backend).await;
    // A server that resets in the middle of a request makes writing fail as well as reading.
    let sent = stream.write_all(request).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(|error| error.kind())?;
    sent.map_err(|error| error.kind())?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    Ok((head.to_ascii_lowercase(), String::from(body)))
}

async fn answer(backend: &RunningBackend, request: &[u8]) -> (u16, String) {
    let (head, body) = exchange(backend, request).await.unwrap();
    (head[9..12].parse().unwrap(), body)
}

async fn get(backend: &RunningBackend, path: &str) -> (u16, String) {
    answer(backend, &request(&format!("GET {path}"), "", b"")).await
}

async fn act(backend: &RunningBackend, line: &str) -> (u16, String) {
    answer(backend, &request("POST /earmark/do", "", line.as_bytes())).await
}

async fn respond(backend: &RunningBackend, queue: &str) {
    let line = format!(r#"{{"at":1,"do":"server.respond","queue":[{queue}]}}"#);
    assert_eq!(act(backend, &line).await, (200, String::from("{}")));
}

fn job(body: &str) -> Job {
    let ReplyBody::Job(job) = ReplyBody::parse(body.as_bytes()) else {
        panic!("{body}");
    };
    *job
}

async fn live_with(backend: &RunningBackend, query: &str, token: &str) -> Result<Socket, Error> {
    let url = format!("ws://{}/v4/listen?sample_rate=16000&{query}", backend.address());
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    let device = DeviceHash::of_name("pen").to_string();
    headers.insert("x-device-id-hash", device.parse().unwrap());
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    connect_async(request).await.map(|(socket, _)| socket)
}

async fn live(backend: &RunningBackend) -> Socket {
    live_with(backend, "codec=opus", "token").await.unwrap()
}

async fn next_text(socket: &mut Socket) -> String {
    let message = soon(socket.next()).await.unwrap().unwrap();
    String::from(message.to_text().unwrap())
}

/// Waits until the server has read everything that was sent before.
async fn sync(socket: &mut Socket) {
    socket.send(Message::Ping(Bytes::from_static(b"7"))).await.unwrap();
    let pong = soon(socket.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"7")));
}

#[tokio::test]
async fn an_upload_of_real_opus_is_kept_once_and_its_job_is_completed() {
    let backend = backend().await;
    let (status, body) = answer(&backend, &upload_request(UPLOADS, "")).await;
    assert_eq!(status, 202);
    let path = format!("/v2/sync-local-files/{}", job(&body).id);
    assert_eq!(job(&get(&backend, &path).await.1).status, JobStatus::Processing);
    assert_eq!(job(&get(&backend, &path).await.1).status, JobStatus::Completed);
    let state: StateReport =
        serde_json::from_str(&get(&backend, "/earmark/state").await.1).unwrap();
    assert_eq!(state, backend.state());
    let [upload] = &state.uploads[..] else {
        panic!("{state:?}");
    };
    assert_eq!((upload.frames, upload.times), (100, 1));
    assert_eq!(upload.conversation.as_deref(), Some("C 1"));
    let live: LiveReport = serde_json::from_str(&get(&backend, "/earmark/live").await.1).unwrap();
    assert_eq!(live.conversations[0].undecodable, 0);
}

#[tokio::test]
async fn faults_before_the_effect_reset_the_connection_and_keep_nothing() {
    let backend = backend().await;
    for fault in ["refuse", "reset_before", "reset_mid"] {
        respond(&backend, &format!(r#"{{"fault":"{fault}"}}"#)).await;
        let error = exchange(&backend, &upload_request(UPLOADS, "")).await.unwrap_err();
        let reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(reset.contains(&error), "{fault}: {error}");
    }
    assert_eq!(backend.state().uploads, []);
}

#[tokio::test]
async fn a_reset_in_the_middle_comes_when_half_of_the_body_was_taken() {
    let backend = backend().await;
    respond(&backend, r#"{"fault":"reset_mid"}"#).await;
    let request = upload_request(UPLOADS, "");
    let mut stream = connect(&backend).await;
    let (quarter, three_quarters) = (request.len() / 4, request.len() * 3 / 4);
    stream.write_all(&request[..quarter]).await.unwrap();
    get(&backend, "/earmark/state").await;
    let mut byte = [0];
    let waiting = stream.try_read(&mut byte).unwrap_err();
    assert_eq!(waiting.kind(), ErrorKind::WouldBlock);
    stream.write_all(&request[quarter..three_quarters]).await.unwrap();
    // The rest is never sent, so that nothing but the half can be what the server acts on.
    let error = soon(stream.read(&mut byte)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_lost_answer_means_a_kept_upload() {
    let backend = backend().await;
    respond(&backend, r#"{"fault":"reset_after"}"#).await;
    let error = exchange(&backend, &upload_request(UPLOADS, "")).await.unwrap_err();
    assert_eq!(error, ErrorKind::ConnectionReset);
    assert_eq!(backend.state().uploads.len(), 1);
}

#[tokio::test]
async fn a_cut_answer_is_shorter_than_it_announces() {
    let backend = backend().await;
    for (queued, announced, sent) in [
        (r#"{"status":200,"body":"0123456789abcdefghij","fault":"truncate"}"#, 20, "0123456789"),
        (r#"{"status":200,"body":"","fault":"truncate"}"#, 16, ""),
    ] {
        respond(&backend, queued).await;
        let (head, body) = exchange(&backend, &upload_request(UPLOADS, "")).await.unwrap();
        assert!(head.contains(&format!("content-length: {announced}")), "{head}");
        assert_eq!(body, sent);
    }
    assert_eq!(backend.state().uploads[0].times, 2);
}

#[tokio::test]
async fn a_hanging_request_gets_nothing_until_the_server_stops() {
    let backend = backend().await;
    respond(&backend, r#"{"fault":"hang"}"#).await;
    let mut stream = connect(&backend).await;
    stream.write_all(&upload_request(UPLOADS, "")).await.unwrap();
    // The next upload is answered, so the hanging one has been seen.
    assert_eq!(answer(&backend, &upload_request("/v1/sync-local-files", "")).await.0, 200);
    let mut byte = [0];
    let waiting = stream.try_read(&mut byte).unwrap_err();
    assert_eq!(waiting.kind(), ErrorKind::WouldBlock);
    assert_eq!(backend.state().uploads.len(), 1);
    backend.shutdown().await;
    assert!(soon(stream.read(&mut byte)).await.is_err());
}

#[tokio::test]
async fn an_answer_carries_the_scripted_status_headers_and_body() {
    let backend = backend().await;
    let queued = r#"{"status":429,"headers":{"Retry-After":30,"Content-Type":"text/html"},
        "body":"<p>no","delay":0.001}"#;
    respond(&backend, queued).await;
    let (head, body) = exchange(&backend, &upload_request(UPLOADS, "")).await.unwrap();
    assert!(head.starts_with("http/1.1 429"), "{head}");
    assert!(head.contains("retry-after: 30"), "{head}");
    assert_eq!(head.matches("content-type").count(), 1, "{head}");
    assert!(head.contains("content-type: text/html"), "{head}");
    assert_eq!(body, "<p>no");
}

#[tokio::test]
async fn without_the_token_nothing_is_let_in() {
    let backend =
        started(Options { token: Some(Token::new("s3cret")), ..Options::default() }).await;
    assert_eq!(answer(&backend, &upload_request(UPLOADS, "")).await.0, 401);
    let right = "authorization: Bearer s3cret\r\n";
    assert_eq!(answer(&backend, &upload_request(UPLOADS, right)).await.0, 202);
    for path in ["/earmark/state", "/earmark/live"] {
        assert_eq!(get(&backend, path).await.0, 401);
    }
    assert_eq!(act(&backend, r#"{"do":"socket.stall"}"#).await.0, 401);
    let Err(Error::Http(refused)) = live_with(&backend, "codec=opus", "wrong").await else {
        panic!("let in");
    };
    assert_eq!(refused.status(), 401);
    live_with(&backend, "codec=opus", "s3cret").await.unwrap();
}

#[tokio::test]
async fn frames_on_a_live_socket_are_counted_and_pings_are_answered() {
    let backend = backend().await;
    let mut socket = live(&backend).await;
    for _ in 0..3 {
        socket.send(Message::Binary(Bytes::from_static(&[7; 80]))).await.unwrap();
    }
    socket.send(Message::Binary(Bytes::copy_from_slice(&earmark_wire::pong()))).await.unwrap();
    sync(&mut socket).await;
    assert_eq!(backend.state().live_frames, 3);
    let live = backend.live();
    assert_eq!((live.sockets, live.conversations[0].live_frames), (1, 3));
}

#[tokio::test]
async fn a_scripted_message_arrives_byte_for_byte() {
    let backend = backend().await;
    let mut socket = live(&backend).await;
    let line = r#"{"do":"server.message","device":"pen","text":"{ \"as\": it is"}"#;
    assert_eq!(act(&backend, line).await.0, 200);
    assert_eq!(next_text(&mut socket).await, r#"{ "as": it is"#);
}

#[tokio::test]
async fn a_conversation_ends_on_request_and_its_event_follows() {
    let backend = started(Options { processing: Duration::ZERO, ..Options::default() }).await;
    let mut socket = live(&backend).await;
    socket.send(Message::Binary(Bytes::from_static(&[7; 80]))).await.unwrap();
    sync(&mut socket).await;
    let finish = request("POST /v1/conversations", "authorization: Bearer token\r\n", b"");
    assert_eq!(answer(&backend, &finish).await.0, 200);
    let started = ServerMessage::parse(&next_text(&mut socket).await).unwrap();
    assert!(matches!(started, ServerMessage::ProcessingStarted { conversation: Some(_) }));
    let ready = ServerMessage::parse(&next_text(&mut socket).await).unwrap();
    assert!(matches!(ready, ServerMessage::ConversationEvent { conversation: Some(_), .. }));
    assert_eq!(answer(&backend, &finish).await.0, 404);
}

#[tokio::test]
async fn nothing_comes_back_over_a_stalled_socket_and_the_next_one_replaces_it() {
    let backend = backend().await;
    let mut socket = live(&backend).await;
    sync(&mut socket).await;
    assert_eq!(act(&backend, r#"{"do":"socket.stall"}"#).await.0, 200);
    socket.send(Message::Ping(Bytes::new())).await.unwrap();
    socket.send(Message::Binary(Bytes::from_static(&[7; 80]))).await.unwrap();
    get(&backend, "/earmark/state").await;
    assert!(socket.next().now_or_never().is_none());
    assert_eq!(backend.state().live_frames, 0);
    let mut next = live(&backend).await;
    sync(&mut next).await;
    assert!(matches!(soon(socket.next()).await, Some(Err(_)) | None));
    assert_eq!(backend.live().sockets, 1);
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_socket() {
    let backend = backend().await;
    let mut socket = live(&backend).await;
    let large = Bytes::from(vec![0; LIVE_MESSAGE_BYTES_MAX + 1]);
    // The server may be gone before all of it is sent.
    let _sent = socket.send(Message::Binary(large)).await;
    while let Some(Ok(message)) = socket.next().await {
        assert!(message.is_close(), "{message:?}");
    }
    assert_eq!(backend.state().live_frames, 0);
}

#[tokio::test]
async fn a_codec_that_is_not_decoded_is_told_so_by_the_close_code() {
    let backend = backend().await;
    let mut socket = live_with(&backend, "codec=aac", "token").await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else {
        panic!("no close");
    };
    assert_eq!(u16::from(frame.code), 1003);
}

#[tokio::test]
async fn a_line_that_cannot_be_used_is_refused_with_the_reason() {
    let backend = backend().await;
    for (line, status, words) in [
        ("[1]", 400, "no object"),
        ("{}", 400, "`do` is missing"),
        (r#"{"do":"capture.start"}"#, 400, "no action of the server"),
        (r#"{"do":"server.respond","queue":[{"status":1}]}"#, 400, "queue[0].status"),
        (r#"{"do":"server.end"}"#, 409, "no conversation"),
    ] {
        let (found, body) = act(&backend, line).await;
        assert_eq!(found, status, "{line}");
        assert!(body.contains(words), "{line}: {body}");
    }
    let foreign = request("POST /earmark/do", "origin: http://elsewhere\r\n", b"{}");
    assert_eq!(answer(&backend, &foreign).await.0, 403);
}

#[tokio::test]
async fn what_is_no_form_or_no_path_is_answered_like_a_server_does() {
    let backend = backend().await;
    let no_form = request("POST /v2/sync-local-files", "", b"audio");
    assert_eq!(answer(&backend, &no_form).await.0, 422);
    let (status, body) = get(&backend, "/v3/anything").await;
    assert_eq!((status, body.as_str()), (404, r#"{"detail":"Not Found"}"#));
    let old = started(Options { v2: false, ..Options::default() }).await;
    let (status, body) = answer(&old, &upload_request(UPLOADS, "")).await;
    assert_eq!((status, body.as_str()), (404, r#"{"detail":"Not Found"}"#));
    assert_eq!(answer(&old, &upload_request("/v1/sync-local-files", "")).await.0, 200);
}

#[tokio::test]
async fn while_it_cannot_be_reached_what_is_in_flight_breaks_and_nothing_new_comes_through() {
    let backend = backend().await;
    let slow = r#"{"do":"server.respond","queue":[{"delay":600}]}"#;
    assert_eq!(act(&backend, slow).await.0, 200);
    let mut socket = live(&backend).await;
    sync(&mut socket).await;
    let mut uploading = connect(&backend).await;
    uploading.write_all(&upload_request(UPLOADS, "")).await.unwrap();
    soon(async {
        while backend.state().uploads.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    backend.set_reachable(false);
    let broken = soon(uploading.read_to_end(&mut Vec::new())).await;
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(matches!(soon(socket.next()).await, Some(Err(_)) | None));
    let refused = soon(exchange(&backend, &request("GET /earmark/state", "", b""))).await;
    assert_eq!(refused.unwrap_err(), ErrorKind::ConnectionReset);
    backend.set_reachable(true);
    assert_eq!(get(&backend, "/earmark/state").await.0, 200);
}

#[tokio::test]
async fn after_a_shutdown_nobody_listens() {
    let backend = backend().await;
    let address = backend.address();
    let mut socket = live(&backend).await;
    sync(&mut socket).await;
    backend.shutdown().await;
    assert!(matches!(soon(socket.next()).await, Some(Err(_)) | None));
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
