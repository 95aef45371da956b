//! `run`: a capture host that a person leaves running.

mod board;
mod control;
mod crowd;
mod intake;
mod narrate;
mod notify;
mod person;
mod room;
mod sources;
mod status_port;
mod tokens;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use earmark::{HttpClient, Runtime, SourceHandle, WebSocketDialer};
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::backend::stop_asked;
use crate::config::{Config, SourceConfig, TokenSource};
use crate::credentials::{HostCredentials, fetch};
use crate::exit::{Failure, Outcome};
use crate::{custody, log, owner};
use board::{Board, SourceFacts};
use control::Devices;
use intake::{Counts, Intake};
use sources::frame_socket::{SocketFile, bind_unix};
use status_port::Port;
use tokens::Tokens;

pub(crate) use room::{Fullness, Room, look};

#[cfg(test)]
pub(crate) use board::tests::recording;
pub(crate) use board::{LOG_LINES_DROPPED, LOG_LINES_LEFT_OUT};
#[cfg(feature = "microphone")]
pub(crate) use sources::microphone::microphones;

pub(crate) use person::{PersonArgs, Wanted, run as run_person};

/// How often it is looked whether everything is uploaded once every source has ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs until it is told to stop, or has nothing left to do.
pub(crate) async fn run(config: Config) -> Result<Outcome, Failure> {
    LocalSet::new().run_until(run_here(config)).await
}

async fn run_here(config: Config) -> Result<Outcome, Failure> {
    guard_process();
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let mut stop = std::pin::pin!(stop_asked()?);
    let reload = signal(SignalKind::hangup()).map_err(Failure::wrong)?;
    let started = tokio::select! {
        // Nothing was captured yet. What recovery has under way is as safe as from a kill.
        () = &mut stop => return Ok(Outcome::Done),
        started = Host::start(config) => started?,
    };
    let (mut host, parts) = started;
    let mut sources = JoinSet::new();
    let outcome = tokio::select! {
        () = &mut stop => Ok(Outcome::Done),
        outcome = host.run(parts, &mut sources, reload) => outcome,
    };
    notify::tell(NotifyState::Stopping);
    host.board.note(|facts| facts.is_stopping = true);
    sources.shutdown().await;
    host.stop(outcome?).await
}

/// Nothing that this process makes may be read by others, nor its memory be written to a file.
fn guard_process() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit};
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = rustix::process::setrlimit(Resource::Core, none);
    let hidden = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if limited.is_err() || hidden.is_err() {
        tracing::warn!("core dumps could not be switched off; one would hold the tokens");
    }
}

async fn bind_status(config: &Config) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = config.status.listen else {
        return Ok(None);
    };
    let folder = &config.store.data_dir;
    TcpListener::bind(address).await.map(Some).map_err(|error| match owner::of(folder) {
        // The same configuration runs already: the port is the least of it.
        Some(owner) => Failure::in_use(folder, owner),
        None => Failure::unusable(format!(
            "status.listen: {address} cannot be listened on: {error}; name another port, or \"off\""
        )),
    })
}

/// All that runs, but for the sources.
struct Host {
    config: Config,
    runtime: Runtime,
    credentials: HostCredentials,
    board: Arc<Board>,
    /// What goes on beside the sources, until the host is dropped.
    tasks: JoinSet<()>,
    _control: Option<SocketFile>,
}

/// What a host that has a runtime begins with.
struct Parts {
    status: Option<TcpListener>,
    /// What the metrics ask for.
    token: Option<earmark::Token>,
    tokens: Tokens,
}

impl Host {
    /// Opens the store. Nothing is captured yet.
    async fn start(config: Config) -> Result<(Self, Parts), Failure> {
        let status = bind_status(&config).await?;
        let credentials = HostCredentials::new(&config.accounts);
        let token = status_token(&config).await?;
        let runtime = start_runtime(&config, &credentials).await?;
        let tokens = Tokens::missing(runtime.clone(), credentials.clone());
        let (board, tasks) = (Arc::new(Board::default()), JoinSet::new());
        let host = Self { config, runtime, credentials, board, tasks, _control: None };
        Ok((host, Parts { status, token, tokens }))
    }

    /// Captures until there is nothing left to do. Sources wait for no token: what they capture is
    /// kept until there is one.
    async fn run(
        &mut self,
        parts: Parts,
        sources: &mut JoinSet<()>,
        reload: Signal,
    ) -> Result<Outcome, Failure> {
        let room = Arc::new(Room::new(&self.config.store));
        let (events, board) = (self.runtime.events(), Arc::clone(&self.board));
        self.tasks.spawn(narrate::run(events, self.runtime.clone(), board));
        self.look_first(&room).await?;
        let tokens = parts.tokens.clone();
        let handles = self.start_sources(&room, sources)?;
        self.watch(&room, tokens.clone(), reload);
        self.listen_for_people(handles).await;
        self.serve_status(parts, &room)?;
        notify::tell(NotifyState::Ready);
        tracing::info!(sources = self.config.sources.len(), "the host runs");
        Ok(tokio::select! {
            () = self.runtime.fell() => {
                tracing::error!("the runtime has fallen; what was acknowledged is on disk");
                Outcome::Wrong
            }
            is_well = self.is_done(&tokens), if self.config.ends_with_sources => {
                Outcome::good_if(is_well)
            }
        })
    }

    /// What is known before the first frame is taken: how full it is, and that the runtime answers.
    async fn look_first(&self, room: &Arc<Room>) -> Result<(), Failure> {
        let folder = self.config.store.data_dir.clone();
        let looking = tokio::task::spawn_blocking(move || {
            look(&folder).map_err(|error| Failure::store(&folder, error))
        });
        room.found(looking.await.map_err(Failure::wrong)??, 0);
        let status = self.runtime.status_now().await.map_err(Failure::wrong)?;
        self.board.note(|facts| facts.saw(status, crate::clock::now()));
        Ok(())
    }

    fn start_sources(
        &self,
        room: &Arc<Room>,
        running: &mut JoinSet<()>,
    ) -> Result<BTreeMap<earmark::Device, SourceHandle>, Failure> {
        let mut handles = BTreeMap::new();
        for source in &self.config.sources {
            let opened = self.runtime.source(source.device.clone(), source.account.clone());
            let handle = opened.map_err(Failure::wrong)?;
            let counts = Arc::new(Counts::default());
            let facts = SourceFacts {
                device: source.device.clone(),
                counts: Arc::clone(&counts),
                is_muted: handle.is_muted(),
                has_ended: false,
                fault: None,
            };
            self.board.note(|board| board.sources.insert(source.name.clone(), facts));
            if self.config.server.live {
                handle.live(source.live).map_err(Failure::wrong)?;
            }
            handles.insert(source.device.clone(), handle.clone());
            let intake = Intake::new(handle, source.encoding, Arc::clone(room), counts);
            running.spawn_local(run_source(source.clone(), intake, Arc::clone(&self.board)));
        }
        Ok(handles)
    }

    fn watch(&mut self, room: &Arc<Room>, tokens: Tokens, reload: Signal) {
        let (runtime, board) = (|| self.runtime.clone(), || Arc::clone(&self.board));
        let store = &self.config.store;
        let status = watch::status(runtime(), board(), store.synced_bytes_max);
        let disk = watch::disk(store.clone(), Arc::clone(room), board());
        let accounts = watch::accounts(runtime(), board(), self.credentials.clone());
        let watchdog = notify::watchdog(board());
        self.tasks.spawn(status);
        self.tasks.spawn(disk);
        self.tasks.spawn(tokens.clone().reload(reload));
        self.tasks.spawn(async move {
            // Before an account's source was asked, nobody needs to sign in.
            tokens.load().await;
            accounts.await;
        });
        self.tasks.spawn(watchdog);
        self.tasks.spawn(log::tell_what_is_left_out());
    }

    /// Without the control socket the host does all but mute.
    async fn listen_for_people(&mut self, handles: BTreeMap<earmark::Device, SourceHandle>) {
        let path = &self.config.control_socket;
        match bind_unix(path).await {
            Ok(listener) => {
                self._control = Some(SocketFile(path.clone()));
                let devices = Devices { handles, board: Arc::clone(&self.board) };
                self.tasks.spawn(control::serve(listener, devices));
            }
            Err(error) => {
                let path = path.display();
                tracing::error!(%path, %error, "there is no control socket: nobody can mute");
                let fault = format!("{path} cannot be listened on: {error}");
                self.board.note(|facts| facts.no_control = Some(fault));
            }
        }
    }

    fn serve_status(&mut self, parts: Parts, room: &Arc<Room>) -> Result<(), Failure> {
        let Parts { status: Some(listener), token, .. } = parts else {
            return Ok(());
        };
        let address = listener.local_addr().map_err(Failure::wrong)?;
        tracing::info!(%address, "the status port answers");
        let (board, room) = (Arc::clone(&self.board), Arc::clone(room));
        let port = Arc::new(Port { address, board, room, token });
        self.tasks.spawn(status_port::serve(listener, port));
        Ok(())
    }

    /// Waits until every source has ended and nothing is left to upload that needs no person;
    /// whether no source ended over a fault and nothing needs one.
    async fn is_done(&self, tokens: &Tokens) -> bool {
        while !self.board.now().sources_have_ended() || !tokens.are_loaded() {
            sleep(LOOK_EVERY).await;
        }
        while let Ok(status) = self.runtime.status_now().await {
            if status.is_settled() {
                let needs_person = status.recordings.iter().any(|one| one.needs_person);
                return !needs_person && self.sources_are_well();
            }
            sleep(LOOK_EVERY).await;
        }
        false
    }

    fn sources_are_well(&self) -> bool {
        self.board.now().sources.values().all(|source| source.fault.is_none())
    }

    /// Stops in order: what was taken becomes durable, and then it ends.
    async fn stop(mut self, outcome: Outcome) -> Result<Outcome, Failure> {
        tracing::info!("the host stops");
        let stopped = self.runtime.shutdown(self.config.stop_max).await;
        self.tasks.shutdown().await;
        if !stopped {
            return Err(Failure::wrong(
                "not all that was taken is known to be on disk; the next start recovers",
            ));
        }
        Ok(outcome)
    }
}

async fn run_source(source: SourceConfig, intake: Intake, board: Arc<Board>) {
    let name = source.name.as_str();
    let note = |change: &dyn Fn(&mut SourceFacts)| {
        board.note(|facts| facts.sources.get_mut(name).map(change));
    };
    let tell = |fault: Option<&str>| note(&|facts| facts.fault = fault.map(String::from));
    sources::run(&source, intake, tell).await;
    note(&|facts| facts.has_ended = true);
    tracing::info!(source = name, device = %source.device, "the source has ended");
}

async fn start_runtime(config: &Config, credentials: &HostCredentials) -> Result<Runtime, Failure> {
    let trust = custody::trust(config.server.root_certificate.as_deref())?;
    let mut builder = custody::uploading(config, &trust, credentials)?;
    if !config.server.live {
        // Where no live socket could name a conversation, there is nothing to wait for.
        builder = builder.link_wait(Duration::ZERO);
    } else {
        let shared = Arc::new(credentials.clone());
        let dialer = WebSocketDialer::trusting(&config.server.url, shared, &trust)?;
        let asked = dialer.query(config.live.clone());
        let dialer = asked.map_err(|fault| Failure::unusable(format!("[live]: {fault}")))?;
        builder = builder.live_socket(dialer);
    }
    let folder = &config.store.data_dir;
    builder.start().await.map_err(|error| Failure::start(folder, &error))
}

/// Whether the files that a configuration names can be used, without which no host starts.
pub(crate) async fn look_at_files(config: &Config) -> Result<(), Failure> {
    status_token(config).await?;
    let trust = custody::trust(config.server.root_certificate.as_deref())?;
    HttpClient::trusting(&config.server.url, &trust)?;
    Ok(())
}

async fn status_token(config: &Config) -> Result<Option<earmark::Token>, Failure> {
    let Some(path) = &config.status.token_file else {
        return Ok(None);
    };
    let fetched = fetch(&TokenSource::File(path.clone()), &[]).await;
    fetched.map(Some).map_err(|fault| {
        Failure::unusable(format!(
            "status.token_file: {fault}; write a token there, or leave the key out"
        ))
    })
}
