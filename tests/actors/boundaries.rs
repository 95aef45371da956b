//! What belongs to whom.

use std::collections::BTreeMap;

use earmark::Socket;
use earmark_store::recording_path;

use crate::host::{frame, pass_millis, push, story};

#[test]
fn two_sources_do_not_mix() {
    story(async |host| {
        let process = host.start().await;
        let sources = [process.capture("pendant"), process.capture("phone")];
        for _ in 0..200 {
            for (fill, source) in [1, 2].into_iter().zip(&sources) {
                source.push(frame(fill, 80)).expect("the frame is taken");
            }
            pass_millis(10).await;
        }
        for source in &sources {
            source.stop().expect("nothing else waits");
        }
        pass_millis(1_000).await;
        let recordings = process.status().await.recordings;
        let fills = BTreeMap::from([("pendant", 1_u8), ("phone", 2)]);
        assert_eq!(recordings.len(), 2);
        for one in &recordings {
            let file = host.disk.contents(&recording_path(one.id)).expect("it is sealed");
            let mut expected = Vec::new();
            for _ in 0..200 {
                expected.extend(80_u32.to_le_bytes());
                expected.extend([fills[one.device.as_str()]; 80]);
            }
            assert_eq!(file, expected, "{}", one.device);
        }
    });
}

#[test]
fn a_boundary_falls_where_the_message_came_in_however_late_it_is_handled() {
    story(async |host| {
        let process = host.start().await;
        let source = process.capture("pendant");
        source.socket(Socket::Up).expect("nothing else waits");
        push(&source, 30);
        let ended = r#"{"type":"memory_processing_started","memory":{"id":"one"}}"#;
        source.server_message(ended).expect("nothing else waits");
        push(&source, 20);
        pass_millis(1_000).await;
        let recordings = process.status().await.recordings;
        let found: Vec<_> = recordings
            .iter()
            .map(|one| (one.frames, one.conversation.as_ref().map(|id| id.as_str())))
            .collect();
        assert_eq!(found, [(30, Some("one")), (20, None)]);
    });
}

#[test]
fn a_recording_never_spans_a_restart() {
    story(async |host| {
        let process = host.start().await;
        push(&process.capture("pendant"), 10);
        pass_millis(1_000).await;
        process.kill().await;
        let process = host.start().await;
        push(&process.capture("pendant"), 5);
        pass_millis(1_000).await;
        let recordings = process.status().await.recordings;
        let frames: Vec<u64> = recordings.iter().map(|one| one.frames).collect();
        assert_eq!(frames, [10, 5], "a restart ends a recording");
    });
}
