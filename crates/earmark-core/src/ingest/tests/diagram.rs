//! The diagram of the module doc, held against the machine.

use super::*;
use crate::graph::{Walk, assert_same, edges_in_doc};

/// State, whether frames would be let go and whether the store would take them.
type Key = (&'static str, [bool; 2]);

#[test]
fn the_diagram_shows_the_edges_that_the_machine_has() {
    let walk = Walk {
        step: &|bench: &Bench, event: &Event| {
            let mut bench = bench.clone();
            bench.hear(event);
            bench
        },
        events: &|_| events(),
        state: &Bench::state,
        event: &Event::name,
        key: &key,
    };
    let real = walk.edges(&[Bench::new(Delivery::Delivered)]);
    assert_same(&edges_in_doc(include_str!("../../ingest.rs")), &real);
}

/// What is known comes to light when a capture begins: first as it is, then without a mute.
fn key(bench: &Bench) -> Key {
    let mut bench = bench.clone();
    let state = bench.state();
    bench.start(FIRST);
    let is_muted = bench.state() == "muted";
    bench.hear(&Event::Unmuted);
    (state, [is_muted, bench.state() == "refusing"])
}

fn events() -> Vec<Event> {
    let (capture, up_to) = (FIRST, FrameSeq(1));
    alloc::vec![
        Event::CaptureStarted { capture, encoding: OPUS },
        Event::CaptureStopped,
        Event::FrameArrived { capture, bytes: 80 },
        Event::FramesDurable { capture, up_to },
        Event::StoreRefused(Refusal::DiskStalled),
        Event::StoreRefused(failed()),
        Event::StoreTook,
        Event::Muted,
        Event::Unmuted,
        Event::SocketCameUp,
        Event::SocketWentDown,
        Event::FramesSent { capture, up_to },
        Event::FramesDelivered { capture, up_to },
    ]
}
