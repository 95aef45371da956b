//! What a host's own sync target may do to the runtime.

use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use earmark::{
    Account, Event, Network, Outcome, PollEnd, PollVerdict, RecordingId, SealedRecording,
    SyncTarget, UploadEnd, UploadRequest, Verdict,
};

use crate::host::{Host, Process, pass_millis, push, story};

/// After so long audio that no conversation is known for goes to the server.
const UNTIL_DUE: u64 = 151_000;

type Soon<T> = Pin<Box<dyn Future<Output = T>>>;

/// What comes of an upload.
#[derive(Clone, Copy)]
enum Upload {
    Panics,
    SignsIn,
    NeverEnds,
}

/// A target of which nothing good is to be expected.
#[derive(Clone)]
struct Target {
    upload: Upload,
    asked: Arc<Mutex<Vec<RecordingId>>>,
}

impl Target {
    fn new(upload: Upload) -> Self {
        Self { upload, asked: Arc::default() }
    }

    fn asked(&self) -> Vec<RecordingId> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

impl SyncTarget for Target {
    fn upload(&self, request: UploadRequest) -> Soon<UploadEnd> {
        self.asked.lock().expect("nobody panics with it").push(request.recording.recording());
        match self.upload {
            Upload::Panics => Box::pin(async { panic!("this one is planned") }),
            Upload::SignsIn => Box::pin(ready(UploadEnd {
                verdict: Ok(Verdict::SignIn { reason: String::from("who are you") }),
                outcome: Outcome::Status(401),
                carried: Some(true),
                pressure: None,
            })),
            Upload::NeverEnds => Box::pin(pending()),
        }
    }

    fn poll(&self, _: SealedRecording, _: String) -> Soon<PollEnd> {
        let verdict = PollVerdict::Synced;
        Box::pin(ready(PollEnd { verdict, carried: Some(true) }))
    }

    fn renew_sign_in(&self, _: Account) -> Soon<bool> {
        Box::pin(pending())
    }
}

async fn start(host: &Host, target: &Target) -> Process {
    host.start_with(|builder| builder.sync_target(target.clone())).await
}

fn record(process: &Process, device: &str) {
    let source = process.capture(device);
    push(&source, 5);
    source.stop().expect("nothing else waits");
}

#[test]
fn a_target_that_panics_amid_an_upload_stops_the_runtime_and_that_is_told() {
    story(async |host| {
        let process = start(&host, &Target::new(Upload::Panics)).await;
        let mut events = process.runtime.events();
        record(&process, "pendant");
        pass_millis(UNTIL_DUE).await;
        let mut told = Vec::new();
        while let Ok(numbered) = events.try_recv() {
            told.push(numbered.event);
        }
        assert!(told.contains(&Event::Panicked { actor: "SyncWorker" }), "{told:?}");
        process.runtime.fell().await;
    });
}

#[test]
fn a_host_that_never_answers_about_a_fresh_token_is_waited_for_half_a_minute() {
    story(async |host| {
        let process = start(&host, &Target::new(Upload::SignsIn)).await;
        record(&process, "pendant");
        pass_millis(UNTIL_DUE).await;
        assert!(!process.status().await.recordings[0].needs_person);
        pass_millis(30_000).await;
        assert!(process.status().await.recordings[0].needs_person);
    });
}

#[test]
fn without_a_target_a_network_that_returns_begins_no_upload() {
    story(async |host| {
        let process = host.start().await;
        record(&process, "pendant");
        pass_millis(UNTIL_DUE).await;
        for network in [Network::Offline, Network::Online] {
            process.runtime.network(network);
            pass_millis(60_000).await;
            let status = process.status().await;
            assert_eq!(status.recordings[0].status, "pending");
        }
    });
}

/// F83.
#[test]
fn of_all_that_waits_for_the_network_the_youngest_leaves_first() {
    story(async |host| {
        let target = Target::new(Upload::NeverEnds);
        let process = start(&host, &target).await;
        process.runtime.network(Network::Offline);
        for device in ["one", "two", "three", "four", "five"] {
            record(&process, device);
            pass_millis(1_000).await;
        }
        pass_millis(UNTIL_DUE).await;
        process.runtime.network(Network::Online);
        pass_millis(1_000).await;
        let ids: Vec<_> = process.status().await.recordings.iter().map(|one| one.id).collect();
        let mut asked = target.asked();
        asked.sort_unstable();
        assert_eq!(asked, [ids[0], ids[3], ids[4]], "two of the youngest, and the oldest");
    });
}
