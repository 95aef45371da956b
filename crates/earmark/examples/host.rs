//! A capture host with a tokio runtime and a live socket of its own.
//!
//! It captures two seconds of a tone from one device, hears from its socket that the conversation
//! has ended and is ready, and waits until the server has confirmed the recording. The development
//! server runs in the same process, so that there is nothing to set up:
//!
//! ```text
//! cargo run -p earmark --example host
//! ```

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use earmark::{Account, Codec, Device, NoCredentials, OmiHttp, Runtime, Socket, Source};
use earmark_backend::audio::{FrameCoder, Tone};
use earmark_backend::server::Options;
use tokio::net::TcpListener;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = earmark_backend::serve(listener, Options::default())?;
    let folder = tempfile::tempdir()?;

    let runtime = Runtime::builder(folder.path())
        .sync_target(OmiHttp::new(&format!("http://{}", server.address()), NoCredentials)?)
        .start()
        .await?;
    let mut status = runtime.status();

    let source = Source::mono_16k(Device::new("desk-mic")?, Codec::Pcm16, Account::new("default")?);
    let mic = runtime.open_source(source)?;
    let samples: Vec<i16> = Tone::new(440.0)?.take(32_000).collect();
    for frame in FrameCoder::new(Codec::Pcm16).push(&samples)? {
        mic.push(Bytes::from(frame))?;
    }

    // What the host's own socket says goes in as it comes.
    mic.socket(Socket::Up)?;
    mic.server_message(r#"{"type":"memory_processing_started","memory":{"id":"morning"}}"#)?;
    mic.server_message(r#"{"type":"memory_created","memory":{"id":"morning"}}"#)?;

    let is_synced = |now: &earmark::Status| now.recordings.iter().any(|one| one.status == "synced");
    tokio::time::timeout(Duration::from_secs(30), status.wait_for(is_synced)).await??;
    for upload in server.state().uploads {
        let conversation = upload.conversation.as_deref().unwrap_or("none");
        println!("the server holds {} frames of conversation {conversation}", upload.frames);
    }

    mic.stop()?;
    runtime.shutdown(Duration::from_secs(5)).await;
    server.shutdown().await;
    Ok(())
}
