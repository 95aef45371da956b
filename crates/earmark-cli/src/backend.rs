//! `backend`: the development server alone.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use earmark_backend::{Options, RunningBackend, ServerAction, serve};
use earmark_sim::feed::Action;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::exit::{Failure, Outcome};
use crate::feed_file;
use crate::output::print_line;

/// What to make the server do, and how long after its start.
type Script = Vec<(Duration, usize, ServerAction)>;

/// Serves until it is told to stop.
pub(crate) async fn run(listen: SocketAddr, faults: Option<&Path>) -> Result<Outcome, Failure> {
    let script = faults.map(script).transpose()?.unwrap_or_default();
    let listening = TcpListener::bind(listen).await;
    let listener = listening.map_err(|error| {
        Failure::unusable(format!("--listen {listen} cannot be listened on: {error}"))
    })?;
    let stop = stop_asked()?;
    let backend = serve(listener, Options::default()).map_err(Failure::wrong)?;
    print_line(format_args!("http://{}", backend.address()))?;
    tokio::select! {
        () = stop => {}
        () = obey(&backend, script) => {}
    }
    backend.shutdown().await;
    Ok(Outcome::Done)
}

/// The lines of a feed that says nothing but what the server does.
fn script(path: &Path) -> Result<Script, Failure> {
    let lines = feed_file::read(path)?.lines;
    let of_server = lines.into_iter().map(|line| match line.action {
        Action::Server(action) => Ok((line.at.since_start(), line.number, action)),
        other => Err(feed_file::refused(
            path,
            line.number,
            other.name(),
            "does nothing to the server: expected \"server.*\", \"job.respond\" or \"socket.stall\"",
        )),
    });
    of_server.collect()
}

/// Carries out the script, then waits for ever.
async fn obey(backend: &RunningBackend, script: Script) {
    let start = Instant::now();
    for (at, line, action) in script {
        sleep_until(start + at).await;
        if let Err(error) = backend.act(action) {
            tracing::warn!(line, %error, "the server could not do as the line says");
        }
    }
    std::future::pending().await
}

/// Ends when the process is asked to stop.
pub(crate) fn stop_asked() -> Result<impl Future<Output = ()>, Failure> {
    let hear = |kind| signal(kind).map_err(Failure::wrong);
    let (mut interrupt, mut terminate) = (
        hear(SignalKind::interrupt())?,
        hear(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
