//! `backend`: the development server alone.

use std::future::pending;
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
    let mut script = faults.map(script).transpose()?.unwrap_or_default();
    let listening = TcpListener::bind(listen).await;
    let listener = listening.map_err(|error| {
        Failure::unusable(format!("--listen {listen} cannot be listened on: {error}"))
    })?;
    let stop = stop_asked()?;
    let backend = serve(listener, Options::default()).map_err(Failure::wrong)?;
    // Whoever reads the address finds done what is to happen at once.
    let first = script.partition_point(|(at, ..)| at.is_zero());
    let later = script.split_off(first);
    obey(&backend, script).await;
    print_line(format_args!("http://{}", backend.address()))?;
    tokio::select! {
        () = stop => {}
        () = async { obey(&backend, later).await; pending().await } => {}
    }
    backend.shutdown().await;
    Ok(Outcome::Done)
}

/// The lines of a feed that says nothing but what the server does.
fn script(path: &Path) -> Result<Script, Failure> {
    let lines = feed_file::read(path)?.lines;
    let of_server = lines.into_iter().map(|line| {
        let (at, number, name) = (line.at.since_start(), line.number, line.action.name());
        let expected = "does nothing to the server: expected \"server.*\", \"job.respond\" or \
                        \"socket.stall\"";
        if let Action::Server(action) = line.action {
            Ok((at, number, action))
        } else {
            Err(feed_file::refused(path, number, name, expected))
        }
    });
    of_server.collect()
}

/// Carries out a script, each line when its time comes.
async fn obey(backend: &RunningBackend, script: Script) {
    let start = Instant::now();
    for (at, line, action) in script {
        sleep_until(start + at).await;
        if let Err(error) = backend.act(action) {
            tracing::warn!(line, %error, "the server could not do as the line says");
        }
    }
}

/// Ends when the process is asked to stop.
pub(crate) fn stop_asked() -> Result<impl Future<Output = ()>, Failure> {
    let hear = |kind| signal(kind).map_err(Failure::wrong);
    let (mut interrupt, mut terminate) =
        (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
