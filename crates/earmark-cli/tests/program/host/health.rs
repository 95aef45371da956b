//! What wants a person is told by the health, until it is over.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;

use super::{Host, configure, wait_until, wav};
use crate::harness::{Backend, Room};

fn wait_for_trouble(host: &Host, trouble: &str) {
    wait_until(trouble, || {
        let (status, body) = host.ask("/health");
        status == 503 && body.contains(trouble)
    });
    assert_eq!(host.metric("earmark_healthy"), 0.0);
}

fn wait_for_health(host: &Host) {
    wait_until("all is well", || host.ask("/health").0 == 200);
    assert_eq!(host.metric("earmark_healthy"), 1.0);
}

#[test]
fn a_recording_that_the_server_wants_no_more_of_is_a_trouble() {
    let room = Room::new();
    let refuse = r#"{"at": 0, "do": "server.respond", "queue": [{"status": 400}]}"#;
    let backend = Backend::start(&["--faults", &room.feed("faults.jsonl", &[refuse])]);
    wav(&room, "a.wav", 16_000);
    let source = "[source.a]\nkind = \"wav\"\npath = \"a.wav\"\npaced = false\n";
    configure(&room, &backend.url, source);
    wait_for_trouble(&Host::start(&room), "recordings that are failed: 1, such as r-");
}

#[test]
fn a_host_that_nobody_can_mute_is_a_trouble() {
    let room = Room::new();
    fs::write(room.path("taken"), "").expect("it is written");
    let source = "[host]\ncontrol_socket = \"taken\"\n[source.a]\nkind = \"unix\"\n\
                  path = \"a.sock\"\n";
    configure(&room, "http://127.0.0.1:9", source);
    wait_for_trouble(&Host::start(&room), "nobody can mute a device");
}

#[test]
fn a_folder_that_is_not_there_is_a_trouble_until_it_is() {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let host = Host::start(&room);
    fs::rename(room.path("store"), room.path("elsewhere")).expect("it can be moved");
    wait_for_trouble(&host, "the store's folder cannot be looked at");
    fs::rename(room.path("elsewhere"), room.path("store")).expect("it can be moved");
    wait_for_health(&host);
}

#[test]
fn a_recording_that_cannot_be_sealed_is_a_trouble_until_it_is() {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let host = Host::start(&room);
    let mut stream = None;
    wait_until("the socket is there", || {
        stream = UnixStream::connect(room.path("a.sock")).ok();
        stream.is_some()
    });
    let (files, elsewhere) = (room.path("store/recordings"), room.path("elsewhere"));
    fs::rename(&files, &elsewhere).expect("it can be moved");
    let frame = [b"EARMARK\x01\x01\x50\x00".as_slice(), &[1; 80]].concat();
    stream.expect("it listens").write_all(&frame).expect("it reads");
    wait_for_trouble(&host, "recordings that cannot be sealed: 1");
    fs::rename(&elsewhere, &files).expect("it can be moved");
    wait_for_health(&host);
}
