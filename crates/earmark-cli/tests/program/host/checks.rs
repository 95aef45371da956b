//! What `config check` finds, and that `run` finds the same.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::{Host, configure};
use crate::harness::{Ran, Room, contents, earmark};

const SOURCE: &str = "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n";

fn with(room: &Room, command: &[&str]) -> Ran {
    earmark(&[command, &["--config", &room.text("earmark.toml")]].concat())
}

#[test]
fn what_run_refuses_check_refuses_in_the_same_words() {
    for (before, after, told) in [
        ("root_certificate = \"no.pem\"\n", "", "name a PEM file"),
        ("root_certificate = \"earmark.toml\"\n", "", "name a PEM file"),
        ("", "token_file = \"no-token\"\n", "write a token there"),
        ("", "[source.b]\nkind = \"unix\"\npath = \"a.sock\"\n", "a place of its own"),
        ("", "[host]\ncontrol_socket = \"a.sock\"\n", "a place of its own"),
    ] {
        let room = Room::new();
        configure(&room, "http://127.0.0.1:9", &format!("{after}{SOURCE}"));
        let path = room.path("earmark.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        let text = text.replace("live = false\n", &format!("live = false\n{before}"));
        fs::write(&path, text).expect("it is written");
        let (check, run) = (with(&room, &["config", "check"]), with(&room, &["run"]));
        assert_eq!((check.code, run.code), (Some(2), Some(2)), "{check:?} {run:?}");
        assert!(check.err.contains(told), "{check:?}");
        assert_eq!(check.err, run.err);
        assert_eq!(contents(room.path("").as_path()).len(), 1, "nothing was written");
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_is_no_configuration() {
    let room = Room::new();
    let made = Command::new("mkfifo").arg(room.path("earmark.toml")).status();
    assert!(made.expect("it starts").success());
    let ran = with(&room, &["config", "check"]);
    assert!(ran.code == Some(2) && ran.err.contains("name a file"), "{ran:?}");
}

#[test]
fn a_token_that_others_may_read_is_warned_of() {
    let room = Room::new();
    fs::write(room.path("token"), "a-token\n").expect("it is written");
    let account = "[account.default]\ntoken_file = \"token\"\n";
    configure(&room, "http://127.0.0.1:9", &format!("{SOURCE}{account}"));
    for (mode, is_told) in [(0o644, true), (0o640, true), (0o600, false)] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(room.path("token"), permissions).expect("it is ours");
        let told = format!("(mode {mode:o}): chmod 600");
        let check = with(&room, &["config", "check"]);
        assert_eq!((check.code, check.out.contains(&told)), (Some(0), is_told), "{check:?}");
        let (code, log) = Host::start(&room).stop();
        assert_eq!((code, log.contains(&told)), (Some(0), is_told), "{log}");
    }
}
