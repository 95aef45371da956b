//! What a host's live sockets ask of a server.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use super::{Host, configure, wav};
use crate::harness::Room;

const LIVE: &str = r#"
[live]
language = "nl"
conversation_timeout = 600
source = "desktop"
include_speech_profile = false
stt_service = "a model"
custom_stt = true
onboarding = true
client_conversation_id = false
speaker_auto_assign = true
create_speakers = false
vad_gate = "strict"
call_id = "call&1"
conversation_role = "caller"
[account.default]
token_env = "A_TOKEN"
uid = "u/1"
[source.a]
kind = "wav"
path = "a.wav"
repeat = true
"#;

#[test]
fn a_live_socket_asks_for_what_the_configuration_says() {
    let room = Room::new();
    wav(&room, "a.wav", 16_000);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    configure(&room, &url, LIVE);
    let host = Host::start_with(&room, |command| {
        command.env("EARMARK_SERVER_LIVE", "true").env("A_TOKEN", "a-token");
    });
    // The first to come is the socket: nothing is uploaded while a capture begins.
    let (stream, _) = listener.accept().expect("a connection");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a request");
    assert_eq!(
        line,
        "GET /v4/listen?language=nl&sample_rate=16000&codec=opus&uid=u%2F1\
         &include_speech_profile=false&conversation_timeout=600&custom_stt=enabled\
         &onboarding=enabled&speaker_auto_assign=true&create_speakers=false&source=desktop\
         &stt_service=a%20model&vad_gate=strict&call_id=call%261&conversation_role=caller \
         HTTP/1.1\r\n"
    );
    assert_eq!(host.stop().0, Some(0));
}
