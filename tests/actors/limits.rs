//! What does not fit is said so at once.

use earmark::{Codec, Encoding, NEWS_BYTES_MAX, NEWS_WAITING_MAX, Rejection, Socket, TooMuchNews};
use earmark_core::ingest::HELD_BYTES_MAX;
use earmark_core::{FRAME_BYTES_MAX, FrameFault};

use crate::host::{frame, pass_millis, push, story};

#[test]
fn a_burst_beyond_four_mebibytes_is_given_back_with_the_reason() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        let room = HELD_BYTES_MAX / FRAME_BYTES_MAX;
        for _ in 0..room {
            let taken = source.push(frame(1, FRAME_BYTES_MAX));
            assert!(matches!(taken, Ok(Some(_))));
        }
        let rejected = source.push(frame(2, FRAME_BYTES_MAX)).expect_err("there is no room");
        assert_eq!(rejected.frame, frame(2, FRAME_BYTES_MAX));
        assert_eq!(rejected.reason, Rejection::Full);
        pass_millis(1_000).await;
        let taken = source.push(rejected.frame);
        assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
        pass_millis(1_000).await;
        let frames = process.status().await.frames;
        assert_eq!(frames.captured, room as u64 + 2);
        assert_eq!((frames.rejected, frames.held), (1, room as u64 + 1));
    });
}

#[test]
fn a_burst_of_one_device_leaves_the_room_of_the_others_alone() {
    story(async |host| {
        let process = host.start().await;
        let (loud, quiet) = (process.capture("pendant"), process.capture("phone"));
        while loud.push(frame(1, FRAME_BYTES_MAX)).is_ok() {}
        assert!(matches!(quiet.push(frame(1, FRAME_BYTES_MAX)), Ok(Some(_))));
    });
}

#[test]
fn more_news_than_the_limit_is_refused_until_some_was_handled() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        pass_millis(1).await;
        for _ in 0..NEWS_WAITING_MAX {
            assert_eq!(source.server_message("ping"), Ok(()));
        }
        assert_eq!(source.server_message("ping"), Err(TooMuchNews));
        pass_millis(1).await;
        assert_eq!(source.server_message("ping"), Ok(()));
    });
}

#[test]
fn a_command_that_is_refused_for_want_of_room_has_had_no_effect_and_can_be_given_again() {
    story(async |host| {
        let process = host.start().await;
        let mut source = process.capture("pendant");
        push(&source, 5);
        pass_millis(1).await;
        for _ in 0..NEWS_WAITING_MAX {
            assert_eq!(source.server_message("ping"), Ok(()));
        }
        assert_eq!(source.stop(), Err(TooMuchNews));
        assert_eq!(source.start(Encoding::mono_16k(Codec::Pcm8)), Err(TooMuchNews));
        assert_eq!(source.mute(true), Err(TooMuchNews));
        assert_eq!(source.socket(Socket::Up), Err(TooMuchNews));
        assert!(!source.is_muted());
        push(&source, 5);
        pass_millis(1).await;
        assert_eq!(source.stop(), Ok(()));
        pass_millis(2_000).await;
        let recordings = process.status().await.recordings;
        let sealed: Vec<_> =
            recordings.iter().map(|one| (one.frames, one.sha256.is_some())).collect();
        assert_eq!(sealed, [(10, true)]);
    });
}

#[test]
fn messages_that_wait_have_no_more_bytes_than_the_limit() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        pass_millis(1).await;
        let long = "x".repeat(NEWS_BYTES_MAX / 4);
        for _ in 0..4 {
            assert_eq!(source.server_message(long.as_str()), Ok(()));
        }
        assert_eq!(source.server_message("x"), Err(TooMuchNews));
        // What is no message is still taken.
        assert_eq!(source.finish(), Ok(()));
        pass_millis(1).await;
        assert_eq!(source.server_message(long), Ok(()));
    });
}

#[test]
fn a_frame_outside_a_capture_or_the_codec_is_given_back_with_the_reason() {
    story(async |host| {
        let process = host.start().await;
        let mut source = process.capture("pendant");
        source.stop().expect("nothing else waits");
        let stopped = source.push(frame(1, 80)).expect_err("no capture runs");
        assert_eq!(stopped.reason, Rejection::NotCapturing);
        source.start(Encoding::mono_16k(Codec::Opus)).expect("nothing else waits");
        for bytes in [0, FRAME_BYTES_MAX + 1] {
            let rejected = source.push(frame(1, bytes)).expect_err("no decoder would take it");
            let fault: Result<(), FrameFault> =
                FrameFault::check(Encoding::mono_16k(Codec::Opus), bytes);
            assert_eq!(rejected.reason, Rejection::Fault(fault.expect_err("it is a fault")));
        }
        let frames = process.status().await.frames;
        assert_eq!((frames.captured, frames.rejected), (3, 3));
    });
}
