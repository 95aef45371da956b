//! What is durable, and when.

use std::sync::Arc;
use std::time::Duration;

use earmark::{DiskMode, Rejection, Runtime};
use earmark_store::{DiskError, DiskOp, SimDisk};

use crate::host::{capture, frame, pass_millis, push, story};

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
