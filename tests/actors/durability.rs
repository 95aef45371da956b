//! What is durable, and when.

use std::sync::Arc;
use std::time::Duration;

use earmark::{DiskMode, Rejection, Runtime};
use earmark_store::{DiskError, DiskOp, Ledger, SimDisk, inspect};

use crate::host::{Host, capture, frame, pass_millis, push, story};

const DEADLINE: Duration = Duration::from_secs(5);

#[test]
fn frames_are_durable_within_a_second_of_their_arrival() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(100).await;
        assert_eq!(process.status().await.frames.in_memory, 50, "nothing asked for a sync yet");
        pass_millis(900).await;
        assert_eq!(process.status().await.frames.in_memory, 0);
        process.cut_power(1).await;
        let process = host.start().await;
        assert_eq!(process.status().await.frames.held, 50);
    });
}

#[test]
fn a_killed_process_loses_nothing_that_was_written() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(20).await;
        process.kill().await;
        let process = host.start().await;
        assert_eq!(process.status().await.frames.held, 50);
    });
}

/// F52.
#[test]
fn a_shutdown_makes_everything_durable_that_was_taken() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        assert!(process.runtime.clone().shutdown(DEADLINE).await);
        process.cut_power(1).await;
        let process = host.start().await;
        assert_eq!(process.status().await.frames.held, 50);
    });
}

/// What somebody finds who looks at the disk and owns nothing.
fn found(host: &Host) -> Ledger {
    inspect(&host.disk.aside()).expect("the disk can be read").ledger
}

fn is_sealed(host: &Host) -> Vec<bool> {
    found(host).recordings.values().map(|one| one.sealed.is_some()).collect()
}

/// F52.
#[test]
fn a_shutdown_ends_the_captures_and_seals_what_was_open() {
    story(async |host| {
        let process = host.start().await;
        let (pendant, phone) = (process.capture("pendant"), process.capture("phone"));
        push(&pendant, 50);
        push(&phone, 50);
        pass_millis(100).await;
        phone.stop().expect("nothing else waits");
        assert!(process.runtime.clone().shutdown(DEADLINE).await);
        process.cut_power(1).await;
        assert_eq!(is_sealed(&host), [true, true]);
    });
}

/// F52.
#[test]
fn a_shutdown_waits_for_a_slow_seal_and_for_a_removal() {
    story(async |host| {
        let pace = || Arc::new(|| Duration::from_millis(100));
        let process = host.start_with(|builder| builder.disk_pace(pace())).await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(1_000).await;
        source.stop().expect("nothing else waits");
        pass_millis(2_000).await;
        let sealed = process.status().await.recordings[0].id;
        let other = process.capture("phone");
        push(&other, 50);
        process.runtime.delete(Some(vec![sealed]));
        assert!(process.runtime.clone().shutdown(DEADLINE).await);
        process.cut_power(1).await;
        assert_eq!(is_sealed(&host), [true]);
        assert!(!found(&host).recordings.contains_key(&sealed));
    });
}

/// F52. What was taken is on the disk, and the next start seals it.
#[test]
fn a_seal_that_the_disk_refuses_holds_up_no_shutdown() {
    story(async |host| {
        let process = host.start().await;
        push(&process.capture("pendant"), 50);
        pass_millis(1_000).await;
        host.disk.set_fault(DiskOp::Create, DiskError::Eio, -1);
        let began = tokio::time::Instant::now();
        assert!(process.runtime.clone().shutdown(DEADLINE).await);
        assert!(began.elapsed() < DEADLINE, "in virtual time: nothing but the seal was waited for");
        process.kill().await;
        assert_eq!(is_sealed(&host), [false]);
        host.disk.clear_faults();
        let process = host.start().await;
        pass_millis(1_000).await;
        assert_eq!(process.status().await.frames.held, 50);
        assert!(process.status().await.recordings[0].sha256.is_some());
    });
}

/// F134. The disk does not seal it, and no crash brings it back.
#[test]
fn a_recording_that_is_deleted_before_it_is_sealed_is_gone_for_good() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(1_000).await;
        host.disk.set_fault(DiskOp::Create, DiskError::Eio, -1);
        source.stop().expect("nothing else waits");
        pass_millis(2_000).await;
        let recording = process.status().await.recordings[0].clone();
        assert_eq!(recording.sha256, None);
        process.runtime.delete(Some(vec![recording.id]));
        pass_millis(100).await;
        assert!(process.status().await.recordings.is_empty());
        process.cut_power(1).await;
        host.disk.clear_faults();
        let process = host.start().await;
        pass_millis(60_000).await;
        let status = process.status().await;
        assert!(status.recordings.is_empty() && status.removing.is_empty(), "{status:?}");
        assert_eq!((status.frames.released, status.frames.held), (50, 0));
        assert_eq!(status.events.unexpected, 0);
    });
}

/// F134. A link that waited for its seal goes on without it.
#[test]
fn a_recording_that_is_deleted_before_it_is_sealed_holds_up_no_link() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(1_000).await;
        source.stop().expect("nothing else waits");
        pass_millis(1_000).await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(1_000).await;
        host.disk.set_fault(DiskOp::Create, DiskError::Eio, -1);
        source.stop().expect("nothing else waits");
        let started = r#"{"type":"memory_processing_started","memory":{"id":"c1"}}"#;
        source.server_message(started).expect("nothing else waits");
        pass_millis(2_000).await;
        let second = process.status().await.recordings[1].clone();
        assert_eq!((second.sha256, second.conversation), (None, None));
        process.runtime.delete(Some(vec![second.id]));
        pass_millis(1_000).await;
        let status = process.status().await;
        let linked: Vec<_> =
            status.recordings.iter().map(|one| one.conversation.is_some()).collect();
        assert_eq!(linked, [true]);
        assert_eq!(status.events.unexpected, 0);
    });
}

/// F134.
#[test]
fn a_recording_that_is_named_while_it_is_captured_goes_when_it_is_cut() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        pass_millis(1_000).await;
        process.runtime.delete(Some(vec![process.status().await.recordings[0].id]));
        pass_millis(100).await;
        assert_eq!(process.status().await.recordings[0].status, "capturing");
        push(&source, 10);
        pass_millis(1_000).await;
        source.stop().expect("nothing else waits");
        pass_millis(1_000).await;
        let status = process.status().await;
        assert!(status.recordings.is_empty() && status.removing.is_empty(), "{status:?}");
        assert_eq!((status.frames.captured, status.frames.released), (60, 60));
        assert_eq!((status.events.ignored, status.events.unexpected), (0, 0));
    });
}

/// F139. The files of a recording that is let go are told of until they are unlinked.
#[test]
fn what_the_disk_does_not_unlink_is_known_to_be_there() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 50);
        source.stop().expect("nothing else waits");
        pass_millis(1_000).await;
        let recording = process.status().await.recordings[0].id;
        host.disk.set_fault(DiskOp::Remove, DiskError::Eacces, 1);
        process.runtime.delete(Some(vec![recording]));
        pass_millis(100).await;
        assert_eq!(process.status().await.removing, [recording]);
        pass_millis(1_000).await;
        assert!(process.status().await.removing.is_empty());
    });
}

/// How many threads of this process belong to a runtime that has one of its own.
fn runtime_threads() -> usize {
    let all = std::fs::read_dir("/proc/self/task").expect("Linux lists them");
    let names = all.filter_map(|one| std::fs::read_to_string(one.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "earmark").count()
}

/// F52. With what belongs to it, a thread that is gone takes its tasks and timers along.
#[test]
fn a_thousand_starts_and_stops_lose_no_frame_and_leave_neither_a_thread_nor_an_owner_behind() {
    let disk = SimDisk::new(7);
    let start = async || {
        let builder = Runtime::builder("").disk(Arc::new(disk.clone()), DiskMode::Inline);
        builder.start().await.expect("nobody owns the store any more")
    };
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().build();
    executor.expect("a timer can be had").block_on(async {
        for stop in 1..=1_000 {
            let runtime = start().await;
            push(&capture(&runtime, "pendant"), 1);
            assert!(runtime.shutdown(DEADLINE).await, "stop {stop}");
        }
        // The latest may be about to go.
        assert!(runtime_threads() < 10, "{}", runtime_threads());
        let status = start().await.status_now().await.expect("the runtime runs");
        assert_eq!(status.frames.held, 1_000);
    });
}

#[test]
fn a_shutdown_that_the_disk_holds_up_ends_at_its_deadline() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 1);
        host.disk.set_fault(DiskOp::Sync, DiskError::Eio, -1);
        assert!(!process.runtime.clone().shutdown(DEADLINE).await);
    });
}

#[test]
fn a_stopped_runtime_takes_no_frame() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        push(&source, 1);
        assert!(process.runtime.clone().shutdown(DEADLINE).await);
        let rejected = source.push(frame(9, 80)).expect_err("the runtime has stopped");
        assert_eq!(rejected.frame, frame(9, 80));
        assert_eq!(rejected.reason, Rejection::NotCapturing);
    });
}

#[test]
fn a_disk_that_fails_for_a_second_has_frames_given_back_and_loses_none() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        host.disk.set_fault(DiskOp::Sync, DiskError::Eio, -1);
        push(&source, 50);
        pass_millis(2_500).await;
        let rejected = source.push(frame(9, 80)).expect_err("the disk has failed for a second");
        assert!(matches!(rejected.reason, Rejection::Store(_)), "{:?}", rejected.reason);
        assert_eq!(process.status().await.frames.in_memory, 50);
        host.disk.clear_faults();
        pass_millis(1_500).await;
        push(&source, 1);
        pass_millis(1_000).await;
        process.cut_power(1).await;
        let process = host.start().await;
        assert_eq!(process.status().await.frames.held, 51);
    });
}

#[test]
fn a_mute_survives_a_restart() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        source.mute(true).expect("nothing else waits");
        pass_millis(1_000).await;
        process.kill().await;
        let process = host.start().await;
        let (muted, other) = (process.capture("pendant"), process.capture("phone"));
        assert_eq!(muted.push(frame(1, 80)), Ok(None));
        push(&other, 1);
        muted.mute(false).expect("nothing else waits");
        push(&muted, 1);
        assert_eq!(process.status().await.frames.muted, 1);
    });
}
