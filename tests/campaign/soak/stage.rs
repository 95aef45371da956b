//! All that runs while the host is soaked, and what is done to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use super::bridge::Bridge;
use super::clock::Clock;
use super::faults::{Draw, Fault};
use super::host::{Host, Log, Place, list};
use super::proxy::{Line, Proxy};
use super::server::{Kept, Server};
use super::truth::Truth;
use super::usage::Usage;
use crate::io_faults::Tmpfs;
use crate::kills::Program;
use crate::locked::locked;

const DEVICES: [&str; 2] = ["pendant", "phone"];
/// The small disk, in MiB: the journal's files, and what an hour of two sources takes.
const DISK_MIB: u64 = 512;
/// The end of a conversation within 15 s of a connect speaks of what was before the connect.
const CONNECTED: Duration = Duration::from_secs(17);
/// How long a socket may take to come back: the longest pause between two tries, and more.
const CONNECT_MAX: Duration = Duration::from_secs(120);
/// How long everything may take to come to rest when nothing is wrong any more.
const SETTLE_MAX: Duration = Duration::from_secs(240);
/// What a loaded machine may take for what takes a moment.
const MOMENT_MAX: Duration = Duration::from_secs(30);
const FRAMES_PER_SECOND: u64 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SAY_AGAIN: Duration = Duration::from_secs(5);
/// What is underway to a server when its network is cut is kept by it, or lost, after so long.
const UNDERWAY: Duration = Duration::from_millis(500);

/// What a life of the host has held at each rest, with the seconds since its start.
pub(super) type Life = Vec<(f64, Usage)>;

/// All that runs.
pub(super) struct Stage<'a> {
    program: &'a Program,
    pub(super) place: Place,
    proxy: Proxy,
    server: Option<Server>,
    host: Option<Host>,
    pub(super) bridges: Vec<Arc<Bridge>>,
    pub(super) truth: Arc<Mutex<Truth>>,
    pub(super) kept: Kept,
    /// When something was done to the host.
    pub(super) causes: Vec<Instant>,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) lives: Vec<Life>,
    pub(super) skipped: Vec<String>,
    /// For how long the sources have been sending, until they fell silent last.
    streamed: Duration,
    streams_since: Option<Instant>,
    tokens: u64,
    disk: Option<Tmpfs>,
    /// Kept until the end, since all the sockets are in it.
    _folder: TempDir,
}

impl<'a> Stage<'a> {
    pub(super) async fn set(program: &'a Program) -> Result<Self, String> {
        let folder = TempDir::with_prefix("earmark-soak-").map_err(|error| error.to_string())?;
        let own = folder.path().to_owned();
        let mut skipped = Vec::new();
        let mut keep = |what: &str, why: String| skipped.push(format!("{what}: {why}"));
        let clock = Clock::new(&own).map_err(|why| keep("the clock jumps", why)).ok();
        let disk = Tmpfs::mount(DISK_MIB).map_err(|why| keep("the disk is full", why)).ok();
        let store = disk.as_ref().map_or_else(|| own.join("store"), Tmpfs::store);
        let server = Server::start(program).await?;
        let proxy =
            Proxy::to(server.address, &token(0)).await.map_err(|error| error.to_string())?;
        let place = Place { folder: own, store, clock, log: Log::default() };
        place.give(&token(0)).map_err(|error| error.to_string())?;
        place.configure(proxy.address, &DEVICES).map_err(|error| error.to_string())?;
        let truth = Arc::<Mutex<Truth>>::default();
        let bridge = |(place, device): (u8, &'static str)| {
            Arc::new(Bridge::new(place, device, folder.path(), &truth))
        };
        let bridges: Vec<_> = (0..).zip(DEVICES).map(bridge).collect();
        let mut stage = Self {
            program,
            place,
            proxy,
            server: Some(server),
            host: None,
            bridges,
            truth,
            kept: Kept::new(),
            causes: Vec::new(),
            faults: BTreeMap::new(),
            lives: Vec::new(),
            skipped,
            streamed: Duration::ZERO,
            streams_since: Some(Instant::now()),
            tokens: 0,
            disk,
            _folder: folder,
        };
        stage.start_host()?;
        for bridge in &stage.bridges {
            tokio::spawn(Arc::clone(bridge).run());
        }
        Ok(stage)
    }

    pub(super) fn possible(&self) -> Vec<Fault> {
        let can = |fault: &Fault| match fault {
            Fault::Disk => self.disk.is_some(),
            Fault::Clock => self.place.clock.is_some(),
            Fault::Cut
            | Fault::Stall
            | Fault::Slow
            | Fault::Server
            | Fault::Token
            | Fault::Kill => true,
        };
        Fault::ALL.into_iter().filter(can).collect()
    }

    fn start_host(&mut self) -> Result<(), String> {
        self.cause();
        self.host = Some(Host::start(self.program, &self.place)?);
        self.lives.push(Life::new());
        Ok(())
    }

    fn cause(&mut self) {
        self.causes.push(Instant::now());
    }

    fn server(&self) -> Result<&Server, String> {
        self.server.as_ref().ok_or_else(|| String::from("there is no server"))
    }

    /// Does something to the host, and ends it.
    pub(super) async fn suffer(&mut self, fault: Fault, draw: &mut Draw) -> Result<(), String> {
        let length = draw.length();
        eprintln!("{} for {length:?}", fault.name());
        *self.faults.entry(fault.name()).or_default() += 1;
        self.cause();
        match fault {
            Fault::Cut => self.line(Line::Cut, length).await,
            Fault::Stall => self.line(Line::Stalled, length).await,
            Fault::Slow => self.line(Line::Slow, length).await,
            Fault::Server => self.restart_server(length).await?,
            Fault::Token => self.renew_token(length).await?,
            Fault::Disk => self.fill_disk(length).await?,
            Fault::Kill => self.kill_host().await?,
            Fault::Clock => {
                let off = draw.clock();
                self.place.clock.as_ref().map_or(Ok(()), |clock| clock.set(off))?;
            }
        }
        self.cause();
        self.host.as_mut().map_or(Ok(()), Host::check)
    }

    async fn line(&self, line: Line, length: Duration) {
        self.proxy.set(line);
        sleep(length).await;
        self.proxy.set(Line::Open);
    }

    async fn restart_server(&mut self, length: Duration) -> Result<(), String> {
        self.proxy.set(Line::Cut);
        sleep(UNDERWAY).await;
        if let Some(server) = self.server.take() {
            server.tell(&mut self.kept).await?;
            server.kill().await?;
        }
        sleep(length).await;
        let server = Server::start(self.program).await?;
        self.proxy.lead_to(server.address);
        self.server = Some(server);
        self.proxy.set(Line::Open);
        Ok(())
    }

    async fn renew_token(&mut self, length: Duration) -> Result<(), String> {
        self.tokens += 1;
        self.proxy.ask_for(&token(self.tokens));
        sleep(length).await;
        self.place.give(&token(self.tokens)).map_err(|error| error.to_string())?;
        self.host.as_ref().map_or(Ok(()), Host::reload)
    }

    async fn fill_disk(&mut self, length: Duration) -> Result<(), String> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let ballast = disk.fill_up_to(0).map_err(|error| error.to_string())?;
        sleep(length).await;
        ballast.remove().map_err(|error| error.to_string())
    }

    async fn kill_host(&mut self) -> Result<(), String> {
        if let Some(host) = self.host.take() {
            host.kill().await?;
        }
        self.start_host()
    }

    /// Waits until each device's live socket is up for a while.
    pub(super) async fn connected(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            self.host.as_mut().map_or(Ok(()), Host::check)?;
            if DEVICES.iter().all(|device| self.is_connected(device)) {
                return Ok(());
            }
            if begun.elapsed() > CONNECT_MAX {
                return Err(format!("a live socket does not come back within {CONNECT_MAX:?}"));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether a device's live socket is up for so long that the end of a conversation speaks of
    /// all its audio.
    fn is_connected(&self, device: &str) -> bool {
        let started = self.host.as_ref().map(|host| host.started);
        let log = locked(&self.place.log);
        let mut own = log.iter().rev().take_while(|line| Some(line.at) >= started);
        let is_it = |line: &&super::log::Line| {
            line.field("device") == device && line.field("message").contains("live socket")
        };
        own.find(is_it).is_some_and(|line| {
            line.says("the live socket is up") && line.at.elapsed() >= CONNECTED
        })
    }

    /// Ends each source's conversation; `is_ready` says whether the server tells that it is ready.
    pub(super) async fn end_conversations(&mut self, is_ready: bool) -> Result<(), String> {
        self.bridges.iter().for_each(|bridge| bridge.pause(true));
        self.streamed += self.streams_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        for bridge in self.bridges.clone() {
            until("not every frame's fate is told", || bridge.is_settled()).await?;
            let frames = locked(&self.truth).settled_in(bridge.place, bridge.conversation());
            if frames > 0 {
                self.end_conversation(&bridge, is_ready).await?;
                bridge.begin_next();
            }
        }
        Ok(())
    }

    async fn end_conversation(&mut self, bridge: &Bridge, is_ready: bool) -> Result<(), String> {
        let conversation = bridge.conversation_name();
        let say = |kind| json!({ "type": kind, "memory": { "id": conversation } });
        let begun = Instant::now();
        while !self.is_linked(&conversation) {
            if begun.elapsed() > MOMENT_MAX {
                return Err(format!("nothing was linked to {conversation}"));
            }
            self.cause();
            self.server()?.say(bridge.device, &say("memory_processing_started")).await?;
            let said = Instant::now();
            while !self.is_linked(&conversation) && said.elapsed() < SAY_AGAIN {
                sleep(LOOK_EVERY).await;
            }
        }
        if is_ready {
            self.server()?.say(bridge.device, &say("memory_created")).await?;
        }
        Ok(())
    }

    fn is_linked(&self, conversation: &str) -> bool {
        let log = locked(&self.place.log);
        let is_it = |line: &super::log::Line| {
            line.says("the recording is linked") && line.field("conversation") == conversation
        };
        log.iter().rev().any(is_it)
    }

    /// Waits until the server has confirmed every recording.
    pub(super) async fn settled(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let listed = list(self.program, &self.place.store).await?;
            let left = listed.iter().filter(|row| !row.starts_with("synced "));
            let left: Vec<_> = left.collect();
            let Some(first) = left.first() else { return Ok(()) };
            if begun.elapsed() > SETTLE_MAX {
                return Err(format!("{} recordings do not settle: {first}", left.len()));
            }
            sleep(LOOK_EVERY * 4).await;
        }
    }

    /// Writes down what the host holds.
    pub(super) fn measure(&mut self) -> Result<(), String> {
        let host = self.host.as_ref().ok_or("there is no host")?;
        let (age, usage) = (host.started.elapsed().as_secs_f64(), host.usage()?);
        eprintln!("the host holds {usage:?} after {age:.0} s");
        self.lives.last_mut().ok_or("there is no life")?.push((age, usage));
        Ok(())
    }

    pub(super) fn go_on(&mut self) {
        self.bridges.iter().for_each(|bridge| bridge.pause(false));
        self.streams_since = Some(Instant::now());
    }

    /// Frames that were sent, and those that the pace asks for.
    pub(super) fn pace(&self) -> (u64, u64) {
        let sent = self.bridges.iter().map(|bridge| bridge.sent()).sum();
        (sent, self.streamed.as_secs() * FRAMES_PER_SECOND * DEVICES.len() as u64)
    }

    /// Stops the host in order and starts it again on what it has: what it then holds is what its
    /// store asks for.
    pub(super) async fn reopen(&mut self) -> Result<(), String> {
        if let Some(host) = self.host.take() {
            host.stop().await?;
        }
        self.start_host()?;
        self.connected().await?;
        self.measure()
    }

    /// Stops the host in order, and asks the server what it holds.
    pub(super) async fn end(&mut self) -> Result<(), String> {
        if let Some(host) = self.host.take() {
            host.stop().await?;
        }
        let server = self.server.take().ok_or("there is no server")?;
        server.tell(&mut self.kept).await?;
        server.kill().await
    }

    pub(super) fn log_file(&self) -> std::path::PathBuf {
        self.place.folder.join("log")
    }

    pub(super) fn store(&self) -> &Path {
        &self.place.store
    }
}

fn token(number: u64) -> String {
    format!("token-{number}")
}

async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > MOMENT_MAX {
            return Err(format!("{what} after {MOMENT_MAX:?}"));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
