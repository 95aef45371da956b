//! D11, X4, X5: whose a store is, who may read it, and which versions of it are opened.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crc32c::crc32c;
use earmark::{Account, StaticCredentials, Token};
use earmark_core::invariant::durability::{self, Owners};
use earmark_core::invariant::environment::{self, Touched, VersionedOpening};
use earmark_store::{Config, Disk, FsDisk, OpenError, ReadError, Recovered, SimDisk, Store};
use rustix::fs::Mode;
use serde_json::Value;

use super::world::{record, tell};
use super::{ensure, text};
use crate::crash_states::dice::Dice;
use crate::crash_states::host::{Host, stamp};

/// A secret that must be found nowhere.
const CANARY: &str = "canary-5d1c";
/// The file that says which version a store is of.
const IDENTITY: &str = "store.json";

fn open(disk: impl Disk + 'static) -> Result<(Store, Recovered), OpenError> {
    let mut dice = Dice::new(1);
    Store::open(Arc::new(disk), Config::default(), &mut || dice.roll(), stamp())
}

/// Every file below a folder with its permissions and its bytes, and every folder.
fn listing(folder: &Path) -> Result<BTreeMap<String, (u32, Vec<u8>)>, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(text)? {
        let path = entry.map_err(text)?.path();
        let mode = fs::metadata(&path).map_err(text)?.permissions().mode() & 0o7777;
        let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).map_err(text)? };
        if path.is_dir() {
            found.extend(listing(&path)?);
        }
        found.insert(path.display().to_string(), (mode, bytes));
    }
    Ok(found)
}

pub(super) fn one_owner() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(text)?;
    let disk = || FsDisk::create(folder.path()).map_err(text);
    let first = open(disk()?).map_err(text)?;
    let before = listing(folder.path())?;
    let second = open(disk()?);
    let owners = 1 + u32::from(second.is_ok());
    let loser_wrote = u64::from(listing(folder.path())? != before);
    durability::one_owner(&Owners { owners, loser_wrote }).map_err(text)?;
    let is_said = matches!(second, Err(OpenError::InUse));
    ensure(is_said, || String::from("the second process is not told why"))?;
    drop(first);
    open(disk()?).map(drop).map_err(|error| format!("a store that was let go: {error}"))
}

/// A store with a sealed recording, made while every file may be read by everybody.
pub(super) fn sandbox() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(text)?;
    let root = folder.path().join("store");
    rustix::process::umask(Mode::empty());
    let disk = FsDisk::create(&root).map_err(text)?;
    tell(async |setting| {
        let runtime = setting.process_on(Arc::new(disk)).start_here().await.map_err(text)?;
        record(&runtime, "pendant", "default").await.map(drop)
    })?;
    let files = listing(folder.path())?;
    ensure(files.keys().any(|path| path.ends_with(".bin")), || String::from("nothing is sealed"))?;
    for (path, (mode, bytes)) in &files {
        let has_token = bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
        let touched = Touched { path, inside: true, mode: *mode, has_token };
        environment::sandbox(&touched).map_err(text)?;
    }
    let account = Account::new("default").map_err(text)?;
    let credentials = StaticCredentials::new([(account, Token::new(CANARY))]);
    let shown = format!("{credentials:?} {:?}", Token::new(CANARY));
    let has_token = shown.contains(CANARY);
    let touched = Touched { path: "what is shown", inside: true, mode: 0, has_token };
    environment::sandbox(&touched).map(drop).map_err(text)
}

/// A store opens; with a newer version in its identity it is refused, and not a byte of it changes.
pub(super) fn versions() -> Result<(), String> {
    let mut host = Host::open(SimDisk::new(1), 1, None).map_err(text)?;
    host.start();
    host.frames(0, 20);
    host.flush();
    let disk = host.disk.clone();
    drop(host);
    disk.kill();
    let disk = disk.life();
    let opened = open(disk.clone()).map(drop);
    let known = VersionedOpening { known: true, opened: opened.is_ok(), untouched: false };
    environment::versions(&known).map_err(text)?;
    disk.kill();
    let disk = disk.life();
    plant_newer(&disk)?;
    let contents = || disk.paths().into_iter().map(|path| (disk.contents(&path), path));
    let before: Vec<_> = contents().collect();
    let opened = open(disk.clone()).map(drop);
    let untouched = contents().eq(before);
    let newer = VersionedOpening { known: false, opened: opened.is_ok(), untouched };
    environment::versions(&newer).map_err(text)?;
    let is_said = matches!(opened, Err(OpenError::Files(ReadError::Newer { version: 2, .. })));
    ensure(is_said, || format!("a newer version is refused for another reason: {opened:?}"))
}

fn plant_newer(disk: &SimDisk) -> Result<(), String> {
    let bytes = disk.contents(IDENTITY).ok_or("a store has an identity")?;
    let mut page: Value = serde_json::from_slice(&bytes).map_err(text)?;
    page["version"] = Value::from(2);
    let check = format!("earmark-store 2 {}", page["incarnation"]);
    page["crc32c"] = Value::from(crc32c(check.as_bytes()));
    disk.plant(IDENTITY, format!("{page}\n").as_bytes());
    Ok(())
}
