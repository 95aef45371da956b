//! What others would use instead of the store. Each begins with an empty folder at every turn,
//! which is its best case; each syncs all of a group before it returns.

mod fjall;
mod okaywal;
mod open_wal;
mod raft_engine;
mod segment_buffer;
mod sqlite;
mod wal_db;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use earmark_core::Frame;

use crate::speed::contender::{Contender, Side};
use crate::speed::frames::Audio;
use crate::speed::policy::{HandOver, Policy};

/// The room that logs ask for at once.
const SEGMENT_BYTES: u32 = 16 << 20;

/// Something that others would use.
trait Rival: Sized {
    const NAME: &'static str;
    /// Whether it can hand a frame to the operating system without a sync.
    const HANDS_OVER: bool;

    fn open(folder: &Path) -> io::Result<Self>;

    /// Keeps frames, each handed over by itself or all at once, and syncs.
    fn keep(&mut self, frames: &[Frame], hand_over: HandOver) -> io::Result<()>;
}

/// A rival and its folder.
struct InFolder<R> {
    folder: PathBuf,
    rival: Option<R>,
}

impl<R: Rival + 'static> InFolder<R> {
    fn contender(parent: &Path) -> Box<dyn Contender> {
        Box::new(Self { folder: parent.join(R::NAME), rival: None })
    }
}

impl<R: Rival> Contender for InFolder<R> {
    fn name(&self) -> &str {
        R::NAME
    }

    fn side(&self) -> Side {
        Side::Rival
    }

    fn can(&self, policy: Policy) -> bool {
        R::HANDS_OVER || policy.hand_over == HandOver::Batch
    }

    fn prepare(&mut self) -> io::Result<()> {
        if self.rival.take().is_some() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        self.rival = Some(R::open(&self.folder)?);
        Ok(())
    }

    fn commit(&mut self, audio: &Audio, policy: Policy) -> io::Result<()> {
        let rival = self.rival.as_mut().expect("a turn begins with an opening");
        rival.keep(&audio.frames[..policy.frames_per_sync], policy.hand_over)
    }
}

/// All of them.
pub(super) fn all(parent: &Path) -> Vec<Box<dyn Contender>> {
    vec![
        InFolder::<fjall::Fjall>::contender(parent),
        InFolder::<okaywal::OkayWal>::contender(parent),
        InFolder::<open_wal::OpenWal>::contender(parent),
        InFolder::<raft_engine::RaftEngine>::contender(parent),
        InFolder::<segment_buffer::Segments>::contender(parent),
        InFolder::<sqlite::Sqlite>::contender(parent),
        InFolder::<wal_db::WalDb>::contender(parent),
    ]
}
