//! Standard input.

use std::io::Write;
use std::process::Stdio;

use super::{Host, configure, of_backend};
use crate::harness::{Backend, Room};

const ENDS: &str = "[host]\nends_with_sources = true\n";

fn run(source: &str, input: &[u8]) -> (Option<i32>, Vec<u64>, String) {
    let (room, backend) = (Room::new(), Backend::start(&[]));
    configure(&room, &backend.url, &format!("{ENDS}[source.a]\nkind = \"stdin\"\n{source}\n"));
    let mut host = Host::start_with(&room, |command| {
        command.stdin(Stdio::piped());
    });
    host.stdin().write_all(input).expect("it reads");
    let (code, log) = host.end();
    let state = of_backend(&backend.url, "/earmark/state");
    let uploads = state["uploads"].as_array().expect("a list");
    (code, uploads.iter().filter_map(|one| one["frames"].as_u64()).collect(), log)
}

#[test]
fn samples_become_frames_and_the_last_one_is_filled_up() {
    let samples: Vec<u8> = (0..16_100_u16).flat_map(u16::to_le_bytes).collect();
    let (code, frames, log) = run("codec = \"opus\"", &samples);
    assert_eq!((code, frames), (Some(0), vec![101]), "{log}");
}

#[test]
fn ready_frames_are_taken_as_they_are() {
    let mut input = Vec::new();
    for place in 0..40_u8 {
        input.extend_from_slice(&80_u32.to_le_bytes());
        input.extend_from_slice(&[place; 80]);
    }
    let (code, frames, log) = run("codec = \"opus_fs320\"\nformat = \"frames\"", &input);
    assert_eq!((code, frames), (Some(0), vec![40]), "{log}");
}

#[test]
fn behind_a_wrong_length_nothing_is_taken_and_what_came_before_stays() {
    let mut input = Vec::new();
    for _ in 0..5 {
        input.extend_from_slice(&80_u32.to_le_bytes());
        input.extend_from_slice(&[7; 80]);
    }
    input.extend_from_slice(&u32::MAX.to_le_bytes());
    input.extend_from_slice(&[7; 80]);
    let (code, frames, log) = run("format = \"frames\"", &input);
    assert_eq!((code, frames), (Some(1), vec![5]), "{log}");
    assert!(log.contains("frame 6: "), "{log}");
}
