//! The control socket, and those who are in the way there.

use std::io::Write;
use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use super::{Host, configure, wait_until};
use crate::harness::{Room, earmark};

const IS_MUTED: &str = "earmark_source_muted{source=\"a\",device=\"a\"}";

fn start() -> (Room, Host) {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let host = Host::start(&room);
    (room, host)
}

fn connect(room: &Room) -> UnixStream {
    UnixStream::connect(room.path("store/control.sock")).expect("it listens")
}

#[test]
fn those_who_say_nothing_are_in_nobodys_way() {
    let (room, host) = start();
    let _idle: Vec<UnixStream> = (0..40).map(|_| connect(&room)).collect();
    let muted = earmark(&["mute", "a", "--config", &room.text("earmark.toml")]);
    assert_eq!(muted.code, Some(0), "{muted:?}");
    assert_eq!(host.metric(IS_MUTED), 1.0);
}

#[test]
fn who_has_gone_is_not_obeyed() {
    let (room, mut host) = start();
    host.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", host.process());
    wait_until("it stands still", || {
        std::fs::read_to_string(&stat).expect("it is there").contains(") T ")
    });
    let mut gone = connect(&room);
    gone.write_all(b"{\"do\":\"mute\",\"device\":\"a\"}\n").expect("there is room");
    drop(gone);
    host.signal(Signal::CONT);
    host.wait_for("a connection to the control socket was broken off");
    assert_eq!(host.metric(IS_MUTED), 0.0);
}
