//! What a panic of the running runtime tells: its place and its words, and nobody's token.

use std::backtrace::Backtrace;
use std::panic;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use earmark::{
    Account, Codec, Device, Event, Numbered, OmiHttp, Runtime, Source, SourceHandle,
    StaticCredentials, Token, WebSocketDialer,
};
use earmark_backend::server::Options;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::host::push;

const CANARY: &str = "canary-51c9";
const PATIENCE: Duration = Duration::from_secs(20);

/// All that panics of this process have told.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps what every panic tells, with the whole way to it.
fn listen_to_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let told = format!("{info}\n{}", Backtrace::force_capture());
        TOLD.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        before(info);
    }));
}

/// What a handler of the runtime panics at, and what it is busy with then.
#[derive(Clone, Copy, Debug)]
enum At {
    SocketUp,
    UploadBegins,
    UploadEnds,
}

impl At {
    const fn is_now(self, event: &Event) -> bool {
        match self {
            Self::SocketUp => matches!(event, Event::SocketChanged { closed: None, .. }),
            Self::UploadBegins => matches!(event, Event::UploadStarted { .. }),
            Self::UploadEnds => matches!(event, Event::UploadEnded { .. }),
        }
    }
}

async fn start(url: &str, folder: &std::path::Path, at: At) -> Runtime {
    let anna = Account::new("anna").expect("the name is short");
    let credentials = StaticCredentials::new([(anna, Token::new(CANARY))]);
    let dialer = WebSocketDialer::new(url, credentials.clone()).expect("a dialer");
    let observer = move |numbered: &Numbered| {
        assert!(!at.is_now(&numbered.event), "planned: {at:?}: {numbered:?}");
    };
    let builder = Runtime::builder(folder)
        .sync_target(OmiHttp::new(url, credentials).expect("a target"))
        .live_socket(dialer)
        .link_wait(Duration::from_millis(1))
        .observer(Box::new(observer));
    builder.start().await.expect("it starts")
}

fn open(runtime: &Runtime) -> SourceHandle {
    let device = Device::new("pendant").expect("the name is short");
    let anna = Account::new("anna").expect("the name is short");
    let opened = runtime.open_source(Source::mono_16k(device, Codec::Opus, anna));
    opened.expect("there is room")
}

async fn panics(url: &str, at: At) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = start(url, folder.path(), at).await;
    let mut events = runtime.events();
    let source = open(&runtime);
    match at {
        At::SocketUp => source.live(true).expect("nothing else waits"),
        At::UploadBegins | At::UploadEnds => {
            push(&source, 5);
            source.stop().expect("nothing else waits");
        }
    }
    let panicked = async {
        while let Ok(numbered) = events.recv().await {
            if let Event::Panicked { .. } = numbered.event {
                return;
            }
        }
    };
    timeout(PATIENCE, panicked).await.expect("it panics");
}

/// F138.
#[tokio::test]
async fn a_panic_of_the_runtime_tells_no_token() {
    listen_to_panics();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let options = Options { decode: false, ..Options::default() };
    let server = earmark_backend::serve(listener, options).expect("it starts");
    let url = format!("http://{}", server.address());
    for at in [At::SocketUp, At::UploadBegins, At::UploadEnds] {
        panics(&url, at).await;
    }
    server.shutdown().await;
    let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    for at in [At::SocketUp, At::UploadBegins, At::UploadEnds] {
        let planned = format!("planned: {at:?}");
        assert!(told.iter().any(|text| text.contains(&planned)), "no panic at {at:?}");
    }
    assert!(!told.iter().any(|text| text.contains(CANARY)), "a panic has told a token");
}
