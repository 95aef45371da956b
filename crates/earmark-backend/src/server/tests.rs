//! One story each of what a client of the server sees.

use earmark_core::{BootId, Codec, Moment, WallTime};
use earmark_wire::{Job, JobStatus, ReplyBody, ServerMessage, encode_frame_header};
use serde_json::{Map, Value};

use super::*;
use crate::audio::{FrameCoder, Tone};

const NAME: &str = "audio_pen_opus_16000_1_fs160_1775260800.bin";

fn at(seconds: f64) -> Stamp {
    let micros = (seconds * 1e6) as u64;
    Stamp {
        boot: BootId::default(),
        moment: Moment::from_micros(micros),
        wall: WallTime::from_unix_micros(1_775_260_800_000_000 + micros as i64),
    }
}

fn script(server: &mut Server, action: &str, json: &str) -> Vec<LiveOutput> {
    let fields: Map<String, Value> = serde_json::from_str(json).unwrap();
    let action = ServerAction::parse(action, &fields).unwrap().unwrap();
    server.script(action, at(0.0)).unwrap()
}

fn respond(server: &mut Server, answer: &str) {
    script(server, "server.respond", &format!(r#"{{"queue":[{answer}]}}"#));
}

fn request(method: &str, path: &str) -> RequestHead {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap();
        (String::from(name), String::from(value))
    };
    RequestHead {
        method: method.into(),
        path: path.into(),
        query: query.split('&').filter(|text| !text.is_empty()).map(pair).collect(),
        headers: Vec::new(),
    }
}

fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    let record = |frame: &Vec<u8>| [&encode_frame_header(frame.len() as u32)[..], frame].concat();
    frames.iter().flat_map(record).collect()
}

fn tone_frames(frames: usize) -> Vec<Vec<u8>> {
    let samples = Tone::new(440.0).unwrap().samples(frames * 160);
    FrameCoder::new(Codec::Opus).push(&samples).unwrap()
}

fn upload_file(server: &mut Server, path: &str, name: &str, bytes: Vec<u8>) -> Reply {
    let Admission::Proceed(ticket) = server.head(&request("POST", path)) else {
        panic!("{path} takes no upload");
    };
    server.body(ticket, &[ReceivedFile::inspect(name, &bytes, true)], at(60.0))
}

fn upload(server: &mut Server) -> Reply {
    upload_file(server, "/v2/sync-local-files?conversation_id=C1", NAME, file(&tone_frames(10)))
}

fn answered(admission: Admission) -> Reply {
    let Admission::Answer(reply) = admission else {
        panic!("{admission:?}");
    };
    reply
}

fn poll(server: &mut Server, job: &Job) -> Reply {
    let path = format!("/v2/sync-local-files/{}", job.id);
    answered(server.head(&request("GET", &path)))
}

fn job(reply: &Reply) -> Job {
    let ReplyBody::Job(job) = ReplyBody::parse(reply.body.as_bytes()) else {
        panic!("{}", reply.body);
    };
    *job
}

fn hello(device: &str) -> LiveHello {
    LiveHello {
        device: Some(DeviceHash::of_name(device)),
        codec: "opus".into(),
        authorization: None,
    }
}

fn open(server: &mut Server, device: &str, seconds: f64) -> LiveId {
    server.open(&hello(device), at(seconds)).unwrap().0
}

fn texts(outputs: &[LiveOutput]) -> Vec<ServerMessage> {
    let text = |output: &LiveOutput| {
        let LiveOutput::Text { text, .. } = output else {
            panic!("{output:?}");
        };
        ServerMessage::parse(text).unwrap()
    };
    outputs.iter().map(text).collect()
}

fn conversation_of(message: &ServerMessage) -> String {
    let (ServerMessage::ProcessingStarted { conversation }
    | ServerMessage::ConversationEvent { conversation, .. }) = message
    else {
        panic!("{message:?}");
    };
    String::from(conversation.as_ref().unwrap().as_str())
}

fn with_silence(seconds: u64) -> Server {
    Server::new(Options { silence: Some(Duration::from_secs(seconds)), ..Options::default() })
}

#[test]
fn an_upload_is_kept_and_its_job_is_completed_at_the_second_poll() {
    let mut server = Server::new(Options::default());
    let reply = upload(&mut server);
    assert_eq!(reply.status, 202);
    let queued = job(&reply);
    assert_eq!(queued.poll_after(), Some(Duration::from_secs(3)));
    assert_eq!(job(&poll(&mut server, &queued)).status, JobStatus::Processing);
    let completed = job(&poll(&mut server, &queued));
    assert_eq!(completed.status, JobStatus::Completed);
    let updated = completed.result.clone().unwrap().updated;
    assert_eq!((updated[0].as_str(), completed.failures()), ("C1", 0));
    let report = serde_json::to_string(&server.state()).unwrap();
    let sha256 = hex(&Sha256::digest(file(&tone_frames(10))));
    assert_eq!(
        report,
        format!(
            concat!(
                r#"{{"uploads":[{{"name":"{name}","conversation":"C1","frames":10,"#,
                r#""sha256":"{sha256}","times":1}}],"live_frames":0}}"#
            ),
            name = NAME,
            sha256 = sha256
        )
    );
}

#[test]
fn the_same_upload_again_is_counted_and_not_kept_twice() {
    let mut server = Server::new(Options::default());
    upload(&mut server);
    upload(&mut server);
    upload_file(&mut server, "/v2/sync-local-files", NAME, file(&tone_frames(10)));
    upload_file(&mut server, "/v2/sync-local-files", NAME, file(&tone_frames(9)));
    let times: Vec<_> = server.state().uploads.iter().map(|upload| upload.times).collect();
    assert_eq!(times, [2, 1, 1]);
}

#[test]
fn scripted_answers_come_in_order_and_then_the_server_accepts() {
    let mut server = Server::new(Options::default());
    respond(&mut server, r#"{"status":503,"headers":{"Retry-After":"7"},"delay":1.5}"#);
    respond(&mut server, r#"{"status":404}"#);
    let busy = upload(&mut server);
    assert_eq!((busy.status, busy.delay), (503, Duration::from_millis(1_500)));
    assert!(busy.headers.contains(&("retry-after".into(), "7".into())));
    let gone = upload(&mut server);
    assert_eq!(gone.body, r#"{"detail":"Conversation not found"}"#);
    assert_eq!(server.state().uploads, []);
    assert_eq!(upload(&mut server).status, 202);
    assert_eq!(server.state().uploads.len(), 1);
}

#[test]
fn an_upload_is_kept_or_not_as_its_answer_says() {
    for (answer, kept) in [
        (r#"{"status":200}"#, true),
        (r#"{"status":202}"#, true),
        (r#"{"status":207}"#, false),
        (r#"{"status":200,"stored":false}"#, false),
        (r#"{"status":500,"stored":true}"#, true),
        (r#"{"fault":"reset_after"}"#, true),
        (r#"{"fault":"truncate"}"#, true),
    ] {
        let mut server = Server::new(Options::default());
        respond(&mut server, answer);
        upload(&mut server);
        assert_eq!(server.state().uploads.len(), usize::from(kept), "{answer}");
    }
}

#[test]
fn faults_before_the_effect_meet_the_head_and_keep_nothing() {
    let mut server = Server::new(Options::default());
    for (fault, expected) in [
        ("refuse", Admission::Refuse),
        ("reset_before", Admission::ResetBefore),
        ("reset_mid", Admission::ResetMid),
        ("hang", Admission::Hang),
        ("close", Admission::Close),
        ("go_away", Admission::GoAway),
        ("connect_timeout", Admission::NoConnection),
    ] {
        respond(&mut server, &format!(r#"{{"fault":"{fault}"}}"#));
        assert_eq!(server.head(&request("POST", "/v1/sync-local-files")), expected);
    }
    respond(&mut server, r#"{"fault":"reset_after"}"#);
    respond(&mut server, r#"{"fault":"truncate"}"#);
    assert_eq!(upload(&mut server).ending, Ending::Reset);
    assert_eq!(upload(&mut server).ending, Ending::Truncated);
}

#[test]
fn an_early_answer_keeps_nothing_and_an_answer_without_end_keeps_what_its_status_says() {
    let mut server = Server::new(Options::default());
    respond(&mut server, r#"{"fault":"early","status":413}"#);
    let early = server.head(&request("POST", "/v2/sync-local-files"));
    assert!(matches!(early, Admission::Early(reply) if reply.status == 413));
    assert_eq!(server.state().uploads.len(), 0);
    respond(&mut server, r#"{"fault":"huge"}"#);
    respond(&mut server, r#"{"fault":"huge_head"}"#);
    assert_eq!(upload(&mut server).ending, Ending::Endless);
    assert_eq!(upload(&mut server).ending, Ending::EndlessHead);
    assert_eq!(server.state().uploads.len(), 1);
}

#[test]
fn job_polls_are_answered_as_scripted_and_then_completed() {
    let mut server = Server::new(Options::default());
    let job_of_upload = job(&upload(&mut server));
    script(
        &mut server,
        "job.respond",
        r#"{"queue":[{"status":503},{"status":200,"body":{"job_id":"x","status":"failed"}},
            {"status":200},{"fault":"hang"}]}"#,
    );
    assert_eq!(poll(&mut server, &job_of_upload).status, 503);
    assert_eq!(job(&poll(&mut server, &job_of_upload)).status, JobStatus::Failed);
    assert_eq!(job(&poll(&mut server, &job_of_upload)).status, JobStatus::Completed);
    let path = format!("/v2/sync-local-files/{}", job_of_upload.id);
    assert_eq!(server.head(&request("GET", &path)), Admission::Hang);
    assert_eq!(job(&poll(&mut server, &job_of_upload)).status, JobStatus::Completed);
}

#[test]
fn a_job_that_a_script_names_can_be_polled_and_an_unknown_one_is_not_found() {
    let mut server = Server::new(Options::default());
    respond(&mut server, r#"{"status":202,"body":{"job_id":"mine","status":"queued"}}"#);
    let named = job(&upload(&mut server));
    assert_eq!(named.id.as_str(), "mine");
    assert_eq!(job(&poll(&mut server, &named)).status, JobStatus::Processing);
    let unknown = server.head(&request("GET", "/v2/sync-local-files/other"));
    assert_eq!(answered(unknown).status, 404);
}

#[test]
fn version_1_answers_with_the_result_itself() {
    let mut server = Server::new(Options::default());
    let reply = upload_file(&mut server, "/v1/sync-local-files", NAME, file(&tone_frames(3)));
    assert_eq!(reply.status, 200);
    let ReplyBody::Result(result) = ReplyBody::parse(reply.body.as_bytes()) else {
        panic!("{}", reply.body);
    };
    assert_eq!(result.created[0].as_str(), "conversation-00000000-1");
}

#[test]
fn a_server_without_version_2_has_no_such_path() {
    let mut server = Server::new(Options { v2: false, ..Options::default() });
    respond(&mut server, r#"{"status":200}"#);
    let reply = answered(server.head(&request("POST", "/v2/sync-local-files")));
    assert_eq!((reply.status, reply.body.as_str()), (404, r#"{"detail":"Not Found"}"#));
    assert_eq!(ReplyBody::parse(reply.body.as_bytes()), ReplyBody::NoRoute);
    let reply = upload_file(&mut server, "/v1/sync-local-files", NAME, file(&tone_frames(1)));
    assert_eq!(reply.status, 200);
    assert_eq!(answered(server.head(&request("GET", "/v1/sync-local-files"))).status, 405);
}

#[test]
fn a_bad_name_or_an_empty_file_is_refused_and_takes_no_place() {
    let mut server = Server::new(Options::default());
    let path = "/v2/sync-local-files";
    let reply = upload_file(&mut server, path, "audio_1.wav", file(&tone_frames(1)));
    assert_eq!(reply.status, 400);
    let late = "audio_pen_opus_16000_1_fs160_1775260861.bin";
    assert_eq!(upload_file(&mut server, path, late, file(&tone_frames(1))).status, 400);
    assert_eq!(upload_file(&mut server, path, NAME, Vec::new()).status, 400);
    let Admission::Proceed(ticket) = server.head(&request("POST", path)) else {
        panic!("no upload");
    };
    assert_eq!(server.body(ticket, &[], at(60.0)).status, 422);
    assert_eq!(server.state().uploads, []);
}

#[test]
fn what_cannot_be_decoded_is_kept_and_counted() {
    let mut server = Server::new(Options::default());
    let mut frames = tone_frames(4);
    frames.push(vec![0xff; 80]);
    upload_file(&mut server, "/v2/sync-local-files", NAME, file(&frames));
    let report = &server.live().conversations[0];
    assert_eq!((report.id.as_ref(), report.uploaded_frames, report.undecodable), (None, 5, 1));
}

#[test]
fn only_the_right_token_is_let_in_and_it_is_never_shown() {
    let mut server =
        Server::new(Options { token: Some(Token::new("s3cret")), ..Options::default() });
    let mut head = request("POST", "/v2/sync-local-files");
    assert_eq!(answered(server.head(&head)).status, 401);
    assert_eq!(server.open(&hello("pen"), at(0.0)), Err(Refusal::Token));
    assert_eq!(server.finish(&head, at(0.0)).0.status, 401);
    head.headers.push(("authorization".into(), "Bearer s3cret".into()));
    assert!(matches!(server.head(&head), Admission::Proceed(_)));
    head.headers[0].1 = "Bearer s3cre".into();
    assert_eq!(answered(server.head(&head)).status, 401);
    assert!(!format!("{server:?}").contains("s3cret"));
}

#[test]
fn frames_are_heard_and_pongs_are_not() {
    let mut server = Server::new(Options::default());
    let id = open(&mut server, "pen", 0.0);
    server.frame(id, &[1; 80], at(0.1));
    server.frame(id, &earmark_wire::pong(), at(0.2));
    server.frame(LiveId(99), &[1; 80], at(0.3));
    assert_eq!(server.state().live_frames, 1);
    assert_eq!(server.live().conversations[0].live_frames, 1);
}

#[test]
fn a_socket_is_pinged_every_ten_seconds_and_closed_after_ninety_in_silence() {
    let mut server = Server::new(Options::default());
    let to = open(&mut server, "pen", 0.0);
    assert_eq!(server.tick(at(9.9)), []);
    for turn in 1..=8 {
        let now = server.next_tick().unwrap();
        assert_eq!(now, at(f64::from(turn) * 10.0).moment);
        let ping = LiveOutput::Text { to, text: "ping".into() };
        assert_eq!(server.tick(at(f64::from(turn) * 10.0)), [ping]);
    }
    let closed = LiveOutput::Close { to, code: CLOSE_IDLE };
    assert_eq!(server.tick(at(90.0)), [closed]);
    assert_eq!(server.next_tick(), None);
}

#[test]
fn any_message_of_the_client_keeps_the_socket_open() {
    let mut server = Server::new(Options::default());
    let id = open(&mut server, "pen", 0.0);
    server.text(id, at(60.0));
    assert!(!server.tick(at(120.0)).contains(&LiveOutput::Close { to: id, code: CLOSE_IDLE }));
}

#[test]
fn a_message_finds_the_socket_of_its_device() {
    let mut server = Server::new(Options::default());
    let pen = open(&mut server, "pen", 0.0);
    let line = r#"{"device":"pen","text":"{ as it is"}"#;
    let sent = LiveOutput::Text { to: pen, text: "{ as it is".into() };
    assert_eq!(script(&mut server, "server.message", line), vec![sent.clone()]);
    assert_eq!(script(&mut server, "server.message", r#"{"device":"pin","text":1}"#), []);
    open(&mut server, "pin", 0.0);
    assert_eq!(script(&mut server, "server.message", line), [sent]);
    let unnamed = ServerAction::Message { device: None, text: "x".into() };
    let error = server.script(unnamed, at(0.0)).unwrap_err();
    assert_eq!(error.to_string(), "2 devices stream; name one in `device`");
    server.close(pen);
    assert_eq!(script(&mut server, "server.message", line), []);
}

#[test]
fn a_stalled_socket_neither_hears_nor_says_anything_until_the_next_one() {
    let mut server = Server::new(Options::default());
    let to = open(&mut server, "pen", 0.0);
    assert_eq!(script(&mut server, "socket.stall", "{}"), [LiveOutput::Stall { to }]);
    server.frame(to, &[1; 80], at(1.0));
    assert_eq!(server.state().live_frames, 0);
    assert_eq!(server.tick(at(500.0)), []);
    assert_eq!(script(&mut server, "server.message", r#"{"text":1}"#), []);
    let (next, given_up) = server.open(&hello("pen"), at(501.0)).unwrap();
    assert_eq!(given_up, [LiveOutput::Close { to, code: CLOSE_IDLE }]);
    let sent = LiveOutput::Text { to: next, text: "1".into() };
    assert_eq!(script(&mut server, "server.message", r#"{"text":1}"#), [sent]);
}

#[test]
fn a_conversation_ended_on_request_is_processed_and_then_ready() {
    let mut server = Server::new(Options::default());
    let id = open(&mut server, "pen", 0.0);
    server.frame(id, &[1; 80], at(1.0));
    let (reply, outputs) = server.finish(&request("POST", "/v1/conversations"), at(3.0));
    assert_eq!(reply.status, 200);
    let started = texts(&outputs);
    assert_eq!(conversation_of(&started[0]), "conversation-00000000-1");
    assert_eq!(server.tick(at(4.9)), []);
    let ready = texts(&server.tick(at(5.0)));
    assert_eq!(conversation_of(&ready[0]), "conversation-00000000-1");
    assert!(matches!(ready[0], ServerMessage::ConversationEvent { started_at: Some(from),
        finished_at: Some(_), .. } if from == at(1.0).wall));
    let (reply, _) = server.finish(&request("POST", "/v1/conversations"), at(6.0));
    assert_eq!(reply.status, 404);
    server.frame(id, &[1; 80], at(7.0));
    let states: Vec<_> =
        server.live().conversations.into_iter().filter_map(|one| one.state).collect();
    assert_eq!(states, ["completed", "in_progress"]);
}

#[test]
fn a_conversation_can_be_ended_without_its_event() {
    let mut server = Server::new(Options::default());
    let id = open(&mut server, "pen", 0.0);
    let end = r#"{"device":"pen","event":false}"#;
    let action = ServerAction::End { device: Some("pen".into()), event: false };
    assert_eq!(server.script(action, at(0.0)), Err(ScriptError::NoConversation));
    server.frame(id, &[1; 80], at(0.0));
    assert_eq!(texts(&script(&mut server, "server.end", end)).len(), 1);
    server.frame(id, &[1; 80], at(9.0));
    let texts = texts(&server.tick(at(10.0)));
    assert_eq!(texts, [ServerMessage::Ping]);
}

#[test]
fn silence_ends_a_conversation_and_sound_does_not() {
    let mut server = with_silence(5);
    let id = open(&mut server, "pen", 0.0);
    let silent = FrameCoder::new(Codec::Opus).push(&[0; 16_000]).unwrap();
    let hear = |server: &mut Server, frames: &[Vec<u8>], from: f64| {
        for (index, frame) in frames.iter().enumerate() {
            server.frame(id, frame, at(from + index as f64 / 100.0));
        }
    };
    hear(&mut server, &tone_frames(400), 0.0);
    hear(&mut server, &tone_frames(400), 4.0);
    assert!(server.tick(at(7.0)).is_empty());
    hear(&mut server, &silent, 8.0);
    let due = server.next_tick().unwrap();
    assert_eq!(due, at(10.0).moment, "the ping comes first");
    server.tick(at(10.0));
    let ended = server.next_tick().unwrap().since(Moment::ZERO).as_secs_f64();
    assert!((12.9..13.3).contains(&ended), "{ended}");
    let messages = texts(&server.tick(at(ended)));
    assert!(matches!(messages[..], [ServerMessage::ProcessingStarted { .. }]));
}

#[test]
fn silence_that_fell_before_a_reconnect_ends_the_conversation_seven_seconds_after_it() {
    let mut server = with_silence(5);
    let id = open(&mut server, "pen", 0.0);
    server.frame(id, &tone_frames(9)[8], at(1.0));
    server.close(id);
    assert_eq!(server.tick(at(50.0)), []);
    open(&mut server, "pen", 60.0);
    assert_eq!(server.next_tick(), Some(at(67.0).moment));
    assert!(matches!(texts(&server.tick(at(67.0)))[..], [ServerMessage::ProcessingStarted { .. }]));
}

#[test]
fn the_event_of_a_conversation_is_lost_when_nobody_is_connected() {
    let mut server = Server::new(Options::default());
    let id = open(&mut server, "pen", 0.0);
    server.frame(id, &[1; 80], at(0.0));
    script(&mut server, "server.end", "{}");
    server.close(id);
    assert_eq!(server.tick(at(2.0)), []);
    assert_eq!(server.live().conversations[0].state.as_deref(), Some("completed"));
}

#[test]
fn an_unknown_codec_and_too_many_sockets_are_refused() {
    let mut server = Server::new(Options::default());
    let unknown = LiveHello { codec: "aac".into(), ..LiveHello::default() };
    assert_eq!(server.open(&unknown, at(0.0)), Err(Refusal::Codec));
    for _ in 0..LIVE_SOCKETS_MAX {
        open(&mut server, "pen", 0.0);
    }
    assert_eq!(server.open(&hello("pen"), at(0.0)), Err(Refusal::Busy));
}

#[test]
fn too_many_scripted_answers_are_refused() {
    let mut server = Server::new(Options::default());
    let answers = vec![Answer::status(200); ANSWERS_WAITING_MAX];
    server.script(ServerAction::Respond(answers.clone()), at(0.0)).unwrap();
    let error = server.script(ServerAction::Respond(answers), at(0.0));
    assert_eq!(error, Err(ScriptError::QueueFull { waiting: ANSWERS_WAITING_MAX }));
}

#[test]
fn a_hash_in_a_header_is_64_hexadecimal_digits() {
    let hash = DeviceHash::of_name("pen");
    assert_eq!(DeviceHash::from_hex(&hash.to_string().to_uppercase()), Some(hash));
    assert_eq!(DeviceHash::from_hex("pen"), None);
    assert_eq!(DeviceHash::from_hex(&"é".repeat(32)), None);
}

#[test]
fn a_request_that_arrives_twice_is_kept_twice() {
    let mut server = Server::new(Options::default());
    respond(&mut server, r#"{"fault":"duplicate"}"#);
    assert_eq!(upload(&mut server).status, 202);
    assert_eq!(server.state().uploads[0].times, 2);
}

#[test]
fn a_server_that_accepts_forgets_what_was_queued() {
    let mut server = Server::new(Options::default());
    respond(&mut server, r#"{"status":500}"#);
    script(&mut server, "server.accept", "{}");
    assert_eq!(upload(&mut server).status, 202);
}

#[test]
fn a_server_that_restarts_forgets_its_jobs_and_keeps_its_uploads() {
    let mut server = Server::new(Options::default());
    let job = job(&upload(&mut server));
    let id = open(&mut server, "pen", 0.0);
    let closed = script(&mut server, "server.restart", "{}");
    assert_eq!(closed, [LiveOutput::Close { to: id, code: 1012 }]);
    assert_eq!(poll(&mut server, &job).status, 404);
    assert_eq!(server.state().uploads.len(), 1);
}
