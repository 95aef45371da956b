//! The frame socket, and those who misuse it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Host, configure, wait_until};
use crate::harness::{Room, listed};

const SOURCE: &str = "[source.pendant]\nkind = \"unix\"\npath = \"pendant.sock\"\n";
const PREAMBLE: &[u8] = b"EARMARK\x01";

fn start(source: &str) -> (Room, Host) {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", source);
    let host = Host::start(&room);
    (room, host)
}

fn connect(room: &Room) -> UnixStream {
    let path = room.path("pendant.sock");
    let mut stream = None;
    wait_until("the socket is there", || {
        stream = UnixStream::connect(&path).ok();
        stream.is_some()
    });
    let stream = stream.expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it can be set");
    stream
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("it is short");
    [&[kind], length.to_le_bytes().as_slice(), content].concat()
}

/// The next message of the host.
fn told(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 3];
    stream.read_exact(&mut head).expect("something is told");
    let mut content = vec![0; usize::from(u16::from_le_bytes([head[1], head[2]]))];
    stream.read_exact(&mut content).expect("all of it is told");
    (head[0], content)
}

/// Reads until the connection is closed, and why it was.
fn closed(stream: &mut impl Read) -> String {
    loop {
        let (kind, content) = told(stream);
        if kind == 0x84 {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).expect("it is closed");
            assert_eq!(rest, b"");
            return String::from_utf8(content).expect("words");
        }
    }
}

#[test]
fn frames_are_taken_and_told_to_be_settled_when_they_are_on_disk() {
    let (room, host) = start(SOURCE);
    let mut stream = connect(&room);
    stream.write_all(PREAMBLE).expect("it reads");
    let (kind, welcome) = told(&mut stream);
    assert_eq!(kind, 0x81);
    let welcome: serde_json::Value = serde_json::from_slice(&welcome).expect("JSON");
    assert_eq!((&welcome["codec"], &welcome["version"]), (&"opus".into(), &1.into()));
    for place in 0..50_u8 {
        stream.write_all(&message(1, &[place; 80])).expect("it reads");
    }
    let time = 1_775_260_800_000_000_i64.to_le_bytes();
    stream.write_all(&message(2, &[time.as_slice(), &[1; 80]].concat())).expect("it reads");
    let mut settled = 0;
    while settled < 51 {
        let (kind, content) = told(&mut stream);
        assert_eq!(kind, 0x83);
        settled = u64::from_le_bytes(content.try_into().expect("a number"));
    }
    stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    assert_eq!(closed(&mut stream), "the end");
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    let recordings = listed(&room.text("store"));
    let frames: u64 = recordings.iter().filter_map(|one| one["frames"].as_u64()).sum();
    assert_eq!(frames, 51);
    assert!(!room.path("pendant.sock").exists());
}

#[test]
fn a_frame_that_cannot_be_taken_is_refused_by_its_number_and_the_next_one_is_taken() {
    let (room, _host) = start(SOURCE);
    let mut stream = connect(&room);
    let frames = [message(1, &[1; 80]), message(1, b""), message(1, &[1; 1_280]), message(1, &[2])];
    stream.write_all(&[PREAMBLE, &frames.concat()].concat()).expect("it reads");
    assert_eq!(told(&mut stream).0, 0x81);
    let (mut refused, mut settled) = (Vec::new(), 0);
    while settled < 4 {
        match told(&mut stream) {
            (0x82, content) => refused.push((content[0], content[8])),
            (kind, content) => {
                assert_eq!(kind, 0x83);
                settled = u64::from_le_bytes(content.try_into().expect("a number"));
            }
        }
    }
    assert_eq!(refused, [(1, 0), (2, 0)], "the numbers, and that it will never pass");
}

#[test]
fn whoever_breaks_the_rules_is_told_and_closed_and_the_next_one_is_served() {
    let (room, host) = start(SOURCE);
    let with = |bytes: &[u8]| [PREAMBLE, bytes].concat();
    for (sent, why) in [
        (b"GET / HT".to_vec(), "begins with other bytes"),
        (b"EARMARK\x02".to_vec(), "begins with other bytes"),
        (with(&[1, 0xff, 0xff]), "65535 bytes was announced"),
        (with(&message(9, b"")), "no message of the type 0x09"),
        (with(&message(3, b"x")), "has no content"),
        (with(&message(2, b"short")), "at least the 8 bytes"),
    ] {
        let mut stream = connect(&room);
        stream.write_all(&sent).expect("it reads");
        assert!(closed(&mut stream).contains(why), "{why}");
    }
    for half in [b"EAR".to_vec(), with(&[1, 80, 0, 1, 2, 3])] {
        let mut stream = connect(&room);
        stream.write_all(&half).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        assert!(closed(&mut stream).contains("ended"));
    }
    let mut stream = connect(&room);
    stream.write_all(&with(&message(1, &[1; 80]))).expect("it reads");
    assert_eq!(told(&mut stream).0, 0x81);
    let offered = "earmark_source_frames_taken_total{source=\"pendant\",device=\"pendant\"}";
    host.wait_for_metric(offered, |taken| taken == 1.0);
}

#[test]
fn one_delivers_at_a_time_and_a_crowd_is_not_let_in() {
    let (room, mut host) = start(SOURCE);
    let mut first = connect(&room);
    first.write_all(PREAMBLE).expect("it reads");
    assert_eq!(told(&mut first).0, 0x81);
    let mut second = connect(&room);
    second.write_all(PREAMBLE).expect("it reads");
    assert!(closed(&mut second).contains("another program delivers"));
    let crowd: Vec<UnixStream> = (0..40).map(|_| connect(&room)).collect();
    host.wait_for("a connection was refused: there are enough");
    first.write_all(&message(1, &[1; 80])).expect("it reads");
    assert_eq!(told(&mut first).0, 0x83);
    drop(crowd);
}

#[test]
fn one_that_says_nothing_at_first_or_stops_within_a_message_is_closed() {
    let (room, _host) = start(SOURCE);
    let (mut silent, mut stuck) = (connect(&room), connect(&room));
    stuck.write_all(&[PREAMBLE, &[1, 80, 0, 7]].concat()).expect("it reads");
    assert!(closed(&mut silent).contains("within 5 s"));
    assert!(closed(&mut stuck).contains("not whole after 10 s"));
}

#[test]
fn one_that_does_not_read_loses_no_audio_and_is_told_later_what_it_has_missed() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = probe.local_addr().expect("an address");
    drop(probe);
    let source = format!("[source.pendant]\nkind = \"tcp\"\nlisten = \"{address}\"\n");
    let (_room, host) = start(&source);
    let mut stream = None;
    wait_until("the port is there", || {
        stream = TcpStream::connect(address).ok();
        stream.is_some()
    });
    let mut stream = stream.expect("it is there");
    stream.write_all(PREAMBLE).expect("it reads");
    // Each of these is refused, which is more than the connection and the host hold.
    const REFUSED: u64 = 200_000;
    for _ in 0..REFUSED / 1_000 {
        stream.write_all(&message(1, b"").repeat(1_000)).expect("it is not hung up on");
    }
    for place in 0..50_u8 {
        stream.write_all(&message(1, &[place; 80])).expect("it is not hung up on");
    }
    let taken = "earmark_source_frames_taken_total{source=\"pendant\",device=\"pendant\"}";
    host.wait_for_metric(taken, |taken| taken == 50.0);
    stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    let (mut refused, mut settled, mut unread) = (0, 0, 0);
    let why = loop {
        let (kind, content) = told(&mut stream);
        let words = || String::from_utf8(content[9..].to_vec()).expect("words");
        match kind {
            0x82 => (refused, unread) = (refused + 1, unread + unread_by(&words())),
            0x83 => settled = u64::from_le_bytes(content.try_into().expect("a number")),
            0x84 => break String::from_utf8(content).expect("words"),
            _ => assert_eq!(kind, 0x81),
        }
    };
    unread += unread_by(&why);
    assert_eq!(settled, REFUSED + 50);
    assert!(unread > 0, "all were told: there was room, and nothing is tried here");
    assert_eq!(refused + unread, REFUSED, "each is told or counted");
}

/// How many refusals a text says that there was no room for.
fn unread_by(words: &str) -> u64 {
    let Some(words) = words.strip_suffix(" refusals before this were not read") else {
        return 0;
    };
    words.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count")
}

#[test]
fn a_frame_that_may_be_sent_again_is_not_counted_as_lost() {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", SOURCE);
    let host = Host::start_with(&room, |command| {
        command.env("EARMARK_STORE_BYTES_MAX", "1");
    });
    let mut stream = connect(&room);
    stream.write_all(&[PREAMBLE, &message(1, &[1; 80])].concat()).expect("it reads");
    assert_eq!(told(&mut stream).0, 0x81);
    let (kind, content) = told(&mut stream);
    assert_eq!((kind, content[8]), (0x82, 1));
    let lost = "earmark_source_frames_refused_total{source=\"pendant\",device=\"pendant\"}";
    assert_eq!(host.metric(lost), 0.0);
    let (_, log) = host.stop();
    assert!(log.contains("its source may offer it again") && !log.contains("is lost"), "{log}");
}
