//! From start to stop.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use earmark_store::{Disk, FsDisk};
use rustix::process::Signal;

use super::{Host, configure, of_backend, wait_until, wav};
use crate::harness::{Backend, Room, command, contents, earmark, listed, unread};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/speech.wav");

#[test]
fn what_a_host_captures_goes_over_its_live_socket_and_a_stop_leaves_all_of_it_on_disk() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    let source =
        format!("[source.desk]\nkind = \"wav\"\npath = {SPEECH:?}\n[log]\nformat = \"text\"");
    configure(&room, &backend.url, &source);
    let host = Host::start_with(&room, |command| {
        command.env("EARMARK_SERVER_LIVE", "true");
    });
    wait_until("the server hears it", || {
        of_backend(&backend.url, "/earmark/state")["live_frames"].as_u64() > Some(50)
    });
    assert_eq!(host.ask("/ready").0, 200);
    let (status, health) = host.ask("/health");
    assert_eq!(status, 200, "{health}");
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("session=s-"), "{log}");
    let recordings = listed(&room.text("store"));
    // Where frames came before the live socket was up, they are a recording of their own.
    let frames: u64 = recordings.iter().filter_map(|one| one["frames"].as_u64()).sum();
    assert!(frames > 50, "{recordings:?}");
    assert!(recordings.iter().all(|one| one["sha256"].is_string()), "{recordings:?}");
    assert!(!room.path("store/control.sock").exists());
}

#[test]
fn a_host_whose_sources_have_ended_ends_when_everything_is_uploaded() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    wav(&room, "a.wav", 16_000);
    wav(&room, "b.wav", 8_000);
    configure(
        &room,
        &backend.url,
        "[host]\nends_with_sources = true\n\
        [source.a]\nkind = \"wav\"\npath = \"a.wav\"\ncodec = \"pcm16\"\npaced = false\n\
        [source.b]\nkind = \"wav\"\npath = \"b.wav\"\nlive = false\n",
    );
    let (code, log) = Host::start(&room).end();
    assert_eq!(code, Some(0), "{log}");
    let state = of_backend(&backend.url, "/earmark/state");
    let uploads = state["uploads"].as_array().expect("a list");
    let mut frames: Vec<u64> = uploads.iter().filter_map(|one| one["frames"].as_u64()).collect();
    frames.sort_unstable();
    assert_eq!(frames, [50, 100], "{state}");
    let recordings = listed(&room.text("store"));
    assert!(recordings.iter().all(|one| one["status"] == "synced"), "{recordings:?}");
    assert!(log.contains("recording=r-") && log.contains("device=a"), "{log}");
}

#[test]
fn a_mute_outlives_the_host() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    let source = format!("[source.desk]\nkind = \"wav\"\npath = {SPEECH:?}\nrepeat = true\n");
    configure(&room, &backend.url, &source);
    let config = room.text("earmark.toml");
    let host = Host::start(&room);
    let muted = earmark(&["mute", "desk", "--config", &config]);
    assert_eq!(muted.code, Some(0), "{muted:?}");
    let unknown = earmark(&["mute", "desc", "--config", &config]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("desk"), "{}", unknown.err);
    let label = "{source=\"desk\",device=\"desk\"}";
    assert_eq!(host.metric(&format!("earmark_source_muted{label}")), 1.0);
    host.wait_for_metric("earmark_frames_muted_total", |muted| muted > 0.0);
    assert_eq!(host.stop().0, Some(0));

    let host = Host::start(&room);
    assert_eq!(host.metric(&format!("earmark_source_muted{label}")), 1.0);
    host.wait_for_metric("earmark_frames_muted_total", |muted| muted > 10.0);
    assert_eq!(host.metric("earmark_frames_held"), held_at_start(&room));
    assert_eq!(host.stop().0, Some(0));

    let unmuted = earmark(&["unmute", "desk", "--config", &config]);
    assert_eq!(unmuted.code, Some(0), "{unmuted:?}");
    let host = Host::start(&room);
    host.wait_for_metric(&format!("earmark_source_frames_taken_total{label}"), |taken| {
        taken > 10.0
    });
    assert_eq!(host.metric("earmark_frames_muted_total"), 0.0);
}

/// What was captured before the mute and is not uploaded yet.
fn held_at_start(room: &Room) -> f64 {
    let recordings = listed(&room.text("store"));
    let waiting = recordings.iter().filter(|one| one["status"] != "synced");
    waiting.filter_map(|one| one["frames"].as_f64()).sum()
}

#[test]
fn the_service_manager_hears_that_it_is_ready_alive_and_stopping() {
    let room = Room::new();
    let manager = UnixDatagram::bind(room.path("notify")).expect("a socket");
    assert_manager_hears(&manager, &room.text("notify"));
}

/// A container's manager may have a socket with a name and no file.
#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_without_a_file_hears_the_same() {
    use std::os::linux::net::SocketAddrExt as _;
    let name = format!("earmark-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("a socket");
    assert_manager_hears(&manager, &format!("@{name}"));
}

#[test]
fn where_the_service_manager_is_nobody_nothing_is_said_of_it() {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let host = Host::start_with(&room, |command| {
        command.env("NOTIFY_SOCKET", "");
    });
    let (code, log) = host.stop();
    assert!(code == Some(0) && !log.contains("service manager"), "{log}");
}

fn assert_manager_hears(manager: &UnixDatagram, name: &str) {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let host = Host::start_with(&room, |command| {
        command.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "200000");
    });
    let heard = || {
        let mut told = [0; 256];
        let bytes = manager.recv(&mut told).expect("something is told");
        String::from_utf8_lossy(&told[..bytes]).trim().to_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert_eq!([heard(), heard()], ["WATCHDOG=1", "WATCHDOG=1"]);
    host.signal(Signal::INT);
    let mut last = heard();
    while last == "WATCHDOG=1" {
        last = heard();
    }
    assert_eq!(last, "STOPPING=1");
    assert_eq!(host.end().0, Some(0));
}

#[test]
fn a_full_store_refuses_what_is_new_and_keeps_what_it_has() {
    let room = Room::new();
    wav(&room, "a.wav", 16_000);
    let server = "http://127.0.0.1:9";
    let source = "[source.a]\nkind = \"wav\"\npath = \"a.wav\"\ncodec = \"pcm16\"\nrepeat = true\n\
                  paced = false\n";
    configure(&room, server, source);
    let host = Host::start(&room);
    let taken = "earmark_source_frames_taken_total{source=\"a\",device=\"a\"}";
    // Their bytes and the journal's files are more than the limit below.
    host.wait_for_metric(taken, |taken| taken > 40_000.0);
    assert_eq!(host.stop().0, Some(0));
    let before = listed(&room.text("store"));

    let host = Host::start_with(&room, |command| {
        command.env("EARMARK_STORE_BYTES_MAX", "9 MiB");
    });
    host.wait_for_metric("earmark_store_full", |full| full == 1.0);
    wait_until("the health says so", || host.ask("/health").1.contains("store.bytes_max"));
    assert_eq!(host.ask("/health").0, 503);
    assert_eq!(host.ask("/ready").0, 503);
    let taken_so_far = host.metric(taken);
    let (code, log) = host.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("new frames are refused; nothing is removed"), "{log}");
    let after = listed(&room.text("store"));
    assert!(before.iter().all(|one| after.iter().any(|other| other["id"] == one["id"])));
    assert!(taken_so_far < 1_000.0, "{taken_so_far}");
}

#[test]
fn a_store_in_use_and_a_bad_configuration_end_it_before_anything_is_written() {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"unix\"\npath = \"a.sock\"\n");
    let host = Host::start(&room);
    let second = earmark(&["run", "--config", &room.text("earmark.toml")]);
    assert_eq!(second.code, Some(3), "{second:?}");
    // Most hosts have a port of their own, which the second one finds taken.
    let mut second = command(&["run", "--config", &room.text("earmark.toml")]);
    let second = second.env("EARMARK_STATUS_LISTEN", &host.status).output().expect("it starts");
    let told = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(3), "{told}");
    assert!(told.contains("in use by process"), "{told}");

    let other = Room::new();
    configure(&other, "http://127.0.0.1:9", "[sources.a]\nkind = \"stdin\"\n");
    for flags in [["run", "--config"], ["doctor", "--config"], ["mute", "--config"]] {
        let config = other.text("earmark.toml");
        let mut flags = vec![flags[0], flags[1], &config];
        if flags[0] == "mute" {
            flags.push("a");
        }
        let ran = earmark(&flags);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.err.contains("earmark.toml:10:") && ran.err.contains("`source`"),
            "{}",
            ran.err
        );
    }
    assert_eq!(contents(Path::new(&other.text(""))).len(), 1);
}

#[test]
fn a_named_folder_comes_before_the_configurations_and_is_where_the_program_runs() {
    let room = Room::new();
    configure(&room, "http://127.0.0.1:9", "[source.a]\nkind = \"stdin\"\n");
    let config = room.text("earmark.toml");
    let in_room = |flags: &[&str]| {
        let flags = [flags, &["--config", &config, "--data-dir", "named"]].concat();
        let output = command(&flags).current_dir(room.path("")).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (_, told) = in_room(&["doctor"]);
    assert!(told.contains("/named is not there yet"), "{told}");
    assert_eq!(in_room(&["finish", "a"]).0, Some(1), "nobody captures");
    assert_eq!(in_room(&["finish", "b"]).0, Some(2), "there is no such device");
    assert_eq!(in_room(&["mute", "a"]).0, Some(0));
    assert!(room.path("named").exists() && !room.path("store").exists());
    let disk = FsDisk::create(&room.path("named")).expect("the folder is there");
    let _lock = disk.lock().expect("the disk locks").expect("nobody has it");
    for word in ["mute", "unmute", "finish", "run"] {
        let flags: &[&str] = if word == "run" { &[word] } else { &[word, "a"] };
        assert_eq!(in_room(flags).0, Some(3), "{word}");
    }
}

#[test]
fn the_doctor_takes_no_stranger_for_the_server_and_vouches_for_no_missing_token() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    let source = "[source.a]\nkind = \"stdin\"\n";
    let config = room.text("earmark.toml");
    let asked = |url: &str| {
        configure(&room, url, source);
        let ran = earmark(&["doctor", "--config", &config]);
        (ran.code, ran.out)
    };
    let (code, told) = asked(&backend.url);
    assert!(code == Some(0) && told.contains("watch  the account default has no"), "{told}");
    let (code, told) = asked(&backend.url.replace("http:", "https:"));
    assert!(code == Some(1) && told.contains("did not prove who it is: "), "{told}");
    let (code, told) = asked("http://nowhere.invalid");
    assert!(code == Some(1) && told.contains("name was not found"), "{told}");
    assert!(told.contains("watch  http://nowhere.invalid: tokens and audio travel"), "{told}");

    let stranger = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", stranger.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in stranger.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1_024]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nlogin");
        }
    });
    let (code, told) = asked(&url);
    assert!(code == Some(1) && told.contains("is no such server: 404"), "{told}");
}

#[test]
fn config_init_writes_what_config_check_takes_and_never_over_another_file() {
    let room = Room::new();
    let config = room.text("earmark.toml");
    let written = earmark(&["config", "init", "--config", &config]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let text = fs::read_to_string(&config).expect("it is there");
    let checked = earmark(&["config", "check", "--config", &config]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let again = earmark(&["config", "init", "--config", &config]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert_eq!(fs::read_to_string(&config).expect("it is there"), text);
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do_and_changes_nothing() {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    wav(&room, "a.wav", 16_000);
    let good = "[source.a]\nkind = \"wav\"\npath = \"a.wav\"\n";
    configure(&room, &backend.url, good);
    let config = room.text("earmark.toml");
    let well = earmark(&["doctor", "--config", &config]);
    assert_eq!(well.code, Some(0), "{well:?}");
    assert!(well.out.contains("answers") && well.out.contains("can be made"), "{}", well.out);
    assert!(!room.path("store").exists());

    fs::write(room.path("token"), "canary-7f3a").expect("it is written");
    let bad = "[account.default]\ntoken_file = \"token\"\n[source.a]\nkind = \"wav\"\n\
               path = \"b.wav\"\n";
    configure(&room, "http://127.0.0.1:9", bad);
    fs::set_permissions(room.path("token"), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .expect("it is ours");
    let ill = earmark(&["doctor", "--config", &config]);
    assert_eq!(ill.code, Some(1), "{ill:?}");
    assert_eq!(unread(&["doctor", "--config", &config]), Some(1), "whoever reads it or not");
    for told in ["chmod 600", "b.wav", "does not answer", "do: "] {
        assert!(ill.out.contains(told), "{told}: {}", ill.out);
    }
    assert!(!ill.out.contains("canary") && !ill.err.contains("canary"));
}
