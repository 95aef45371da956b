//! One kill: play, kill, look, sync, compare.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_backend::server::StateReport;
use earmark_backend::{Answer, Options, RunningBackend, ServerAction, serve};
use earmark_store::{FsDisk, Inspection, inspect};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Child;

use super::oracle::{Expected, Seen};
use super::program::Program;

/// The first and the last moment of a kill, from the start of the program on.
const KILL_MILLIS: (u64, u64) = (150, 7_500);
/// How long `earmark sync` may take.
const SYNC_MAX: Duration = Duration::from_secs(60);
/// Uploads of a trial that are answered at once and not with a job.
const ANSWERS: usize = 500;
/// What the program logs when a disk that does not answer makes it refuse frames.
const REFUSED: &str = "frames are refused";

/// A way to spoil a trial, so that the comparison has something to notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// The journal is emptied between the kill and the recovery.
    JournalEmptied,
    /// The server loses one upload.
    UploadLost,
    /// One upload comes under another conversation.
    ConversationMixedUp,
    /// One upload comes twice, under two names.
    UploadDoubled,
}

impl Sabotage {
    pub(super) const ALL: [Self; 4] =
        [Self::JournalEmptied, Self::UploadLost, Self::ConversationMixedUp, Self::UploadDoubled];
}

/// A trial; all that is random in it follows from the seed and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    seed: u64,
    number: u64,
    sabotage: Sabotage,
}

impl Trial {
    pub(super) const fn new(seed: u64, number: u64, sabotage: Sabotage) -> Self {
        Self { seed, number, sabotage }
    }

    /// The frames' own seed.
    pub(super) const fn frames_seed(&self) -> u64 {
        self.seed.wrapping_mul(1_000_003).wrapping_add(self.number)
    }

    pub(super) const fn kill_after(&self) -> Duration {
        if !matches!(self.sabotage, Sabotage::None) {
            // Late enough that there is something to spoil.
            return Duration::from_millis(5_000);
        }
        let mut random = self.frames_seed().wrapping_add(0x9e37_79b9_7f4a_7c15);
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^= random >> 31;
        let (first, last) = KILL_MILLIS;
        Duration::from_millis(first + random % (last - first))
    }

    pub(super) fn tell(&self, why: &str) {
        eprintln!("VIOLATION in kill {} after {:?}: {why}", self.number, self.kill_after());
        eprintln!("  again: campaign kills --seed {}; the feed:\n{}", self.seed, self.feed());
    }

    /// Two devices, one with a socket on which the server ends conversations, one without.
    fn feed(&self) -> String {
        let seed = self.frames_seed();
        format!(
            r#"{{"at":0,"do":"capture.start","device":"pendant","codec":"opus"}}
{{"at":0,"do":"capture.start","device":"phone","codec":"opus_fs320"}}
{{"at":0,"do":"frames","device":"pendant","count":900,"seed":{seed}}}
{{"at":0,"do":"frames","device":"phone","count":160,"seed":{seed}}}
{{"at":1,"do":"socket.up","device":"pendant"}}
{{"at":1.5,"do":"server.message","device":"pendant","text":{STARTED_ONE}}}
{{"at":2,"do":"server.message","device":"pendant","text":{READY_ONE}}}
{{"at":3,"do":"socket.down","device":"pendant"}}
{{"at":3.2,"do":"capture.stop","device":"phone"}}
{{"at":4,"do":"socket.up","device":"pendant"}}
{{"at":4.5,"do":"server.message","device":"pendant","text":{STARTED_TWO}}}
{{"at":5.5,"do":"server.message","device":"pendant","text":{READY_TWO}}}
{{"at":9,"do":"capture.stop","device":"pendant"}}
"#
        )
    }

    /// Runs the trial; what was seen, or what is wrong.
    pub(super) fn run(&self, program: &Program) -> Result<Seen, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(self.act(program))
    }

    async fn act(&self, program: &Program) -> Result<Seen, String> {
        let house = House::new(&self.feed()).map_err(|error| error.to_string())?;
        let backend = start_backend().await.map_err(|error| error.to_string())?;
        let url = format!("http://{}", backend.address());
        house.play(program, &url, self.kill_after()).await?;
        if house.log().contains(REFUSED) {
            // What the journal must hold no longer follows from the feed.
            return Ok(Seen { stalled: 1, ..Seen::default() });
        }
        let disk = FsDisk::read_only(&house.store).ok();
        let before = match &disk {
            // The program was killed before it made its folder.
            None => return Ok(Seen::default()),
            Some(disk) => inspect(disk).map_err(|error| format!("after the kill: {error}"))?,
        };
        let expected = Expected::of(&before, self.frames_seed())?;
        if self.sabotage == Sabotage::JournalEmptied {
            house.empty_journal().map_err(|error| error.to_string())?;
        }
        house.sync(program, &url).await?;
        let state = self.spoil(backend.state());
        let after = house.look()?;
        backend.shutdown().await;
        expected.compare(&state, &after)
    }

    fn spoil(&self, mut state: StateReport) -> StateReport {
        match self.sabotage {
            Sabotage::None | Sabotage::JournalEmptied => {}
            Sabotage::UploadLost => drop(state.uploads.pop()),
            Sabotage::ConversationMixedUp => {
                if let Some(upload) = state.uploads.first_mut() {
                    upload.conversation = Some(String::from("another"));
                }
            }
            Sabotage::UploadDoubled => {
                let mut twin = state.uploads.first().cloned();
                twin.iter_mut().for_each(|twin| twin.name.insert(0, 'u'));
                state.uploads.extend(twin);
            }
        }
        state
    }
}

const STARTED_ONE: &str = r#"{"type":"memory_processing_started","memory":{"id":"one"}}"#;
const READY_ONE: &str = r#"{"type":"memory_created","memory":{"id":"one"}}"#;
const STARTED_TWO: &str = r#"{"type":"memory_processing_started","memory":{"id":"two"}}"#;
const READY_TWO: &str = r#"{"type":"memory_created","memory":{"id":"two"}}"#;

async fn start_backend() -> std::io::Result<RunningBackend> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let options = Options { decode: false, ..Options::default() };
    let backend = serve(listener, options)?;
    let at_once = Answer {
        status: 200,
        body: None,
        headers: Vec::new(),
        delay: Duration::ZERO,
        fault: None,
        stored: None,
    };
    let answers = ServerAction::Respond(vec![at_once; ANSWERS]);
    backend.act(answers).map_err(std::io::Error::other)?;
    Ok(backend)
}

/// A folder of a trial's own.
struct House {
    folder: TempDir,
    store: PathBuf,
}

impl House {
    fn new(feed: &str) -> std::io::Result<Self> {
        let folder = TempDir::with_prefix("earmark-kill-")?;
        let store = folder.path().join("store");
        fs::write(folder.path().join("feed.jsonl"), feed)?;
        Ok(Self { folder, store })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Plays the feed and kills the program.
    async fn play(&self, program: &Program, url: &str, kill_after: Duration) -> Result<(), String> {
        let (feed, store) = (self.path("feed.jsonl"), self.store.display().to_string());
        let arguments = ["play", &feed, "--clock", "real", "--data-dir", &store, "--server", url];
        let mut child = self.start(program, &arguments)?;
        tokio::time::sleep(kill_after).await;
        let early = child.try_wait().map_err(|error| error.to_string())?;
        if let Some(status) = early {
            return Err(format!("the program ended by itself, {status}:\n{}", self.log()));
        }
        child.kill().await.map_err(|error| error.to_string())
    }

    async fn sync(&self, program: &Program, url: &str) -> Result<(), String> {
        let store = self.store.display().to_string();
        let mut child = self.start(program, &["sync", "--data-dir", &store, "--server", url])?;
        let ended = tokio::time::timeout(SYNC_MAX, child.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("sync ended with {status}:\n{}", self.log())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("sync does not end:\n{}", self.log())),
        }
    }

    fn start(&self, program: &Program, arguments: &[&str]) -> Result<Child, String> {
        let log = self.folder.path().join("log");
        program.start(arguments, &log).map_err(|error| error.to_string())
    }

    fn look(&self) -> Result<Inspection, String> {
        let disk = FsDisk::read_only(&self.store).map_err(|error| error.to_string())?;
        inspect(&disk).map_err(|error| format!("after the sync: {error}"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn empty_journal(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(self.store.join("journal"))? {
            zero(&entry?.path())?;
        }
        Ok(())
    }
}

fn zero(file: &Path) -> std::io::Result<()> {
    let bytes = fs::metadata(file)?.len();
    fs::write(file, vec![0; usize::try_from(bytes).unwrap_or(0)])
}
