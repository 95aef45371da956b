//! The lives of one store: each is killed, and the next one finds what it left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::judge::{Judge, Promise, Wrong};
use super::life::{End, Life};
use super::points::{BIRTH, LIFE, Point};
use super::program::Program;
use crate::crash_states::dice::mix;

/// Points of a life that one store goes through.
const POINTS: u64 = 8;
/// After so many of them comes a kill at a random moment.
const POINTS_A_RANDOM: u64 = 2;
/// The last moment of a random kill; most lives are over a little later.
const RANDOM_MICROS_MAX: u64 = 20_000;
/// A folder of memory: a kill leaves there what it leaves anywhere, and syncs cost nothing.
const MEMORY: &str = "/dev/shm";

/// A store's lives; all that is random in them follows from the seed and the number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    pub(super) seed: u64,
    pub(super) number: u64,
}

/// What came of a chain.
#[derive(Debug, Default)]
pub(super) struct Lived {
    /// The points at which a life died.
    pub(super) points: Vec<&'static str>,
    /// Lives that were killed from outside.
    pub(super) random: u64,
    /// Openings whose result was compared.
    pub(super) compared: u64,
    pub(super) frames: u64,
}

impl Chain {
    fn random(&self, salt: u64) -> u64 {
        mix(mix(mix(self.seed) ^ self.number) ^ salt)
    }

    /// How the lives end, one after another; at last the store is only recovered.
    fn ends(&self) -> Vec<End> {
        let mut ends = Vec::new();
        self.push(&mut ends, of(BIRTH, self.number));
        for place in 0..POINTS {
            self.push(&mut ends, of(LIFE, self.number * POINTS + place));
            if place.is_multiple_of(POINTS_A_RANDOM) {
                let micros = self.random(1_000 + place) % RANDOM_MICROS_MAX;
                ends.push(End::After(Duration::from_micros(micros)));
            }
        }
        ends.push(End::Recovery);
        ends
    }

    fn push(&self, ends: &mut Vec<End>, point: Point) {
        if let Some((point, passage)) = point.behind {
            ends.push(End::At { point, passage });
        }
        let passage = 1 + self.random(ends.len() as u64) % point.passages;
        ends.push(End::At { point: point.name, passage });
    }

    fn life(&self, place: u64, end: End) -> Life {
        let (seed, frames_seed) = (self.random(1 << 32 | place), self.random(1 << 33));
        Life { seed, frames_seed, sabotage: None, end }
    }

    /// Lives all of them.
    pub(super) fn run(&self, program: &Program) -> Result<Lived, Wrong> {
        let house = House::new()?;
        let mut judge = Judge::new(Promise::Written, self.life(0, End::Whole).frames_seed);
        let mut lived = Lived::default();
        let mut before = Vec::new();
        for (place, end) in (0..).zip(self.ends()) {
            let life = self.life(place, end);
            before.push(life.arguments(&house.store).join(" "));
            let heard = self.live(&life, program, &house.store, &mut judge, &mut lived);
            if let Err(wrong) = heard {
                let kept = house.keep();
                let why = format!("{}\n  {}\n  left in {kept}", wrong.why, before.join("\n  "));
                return Err(Wrong { why, ..wrong });
            }
        }
        lived.frames = judge.frames();
        Ok(lived)
    }

    fn live(
        &self,
        life: &Life,
        program: &Program,
        store: &Path,
        judge: &mut Judge,
        lived: &mut Lived,
    ) -> Result<(), Wrong> {
        let ended = life.live(program, store)?;
        match life.end {
            End::At { point, .. } if ended.was_killed => lived.points.push(point),
            End::After(_) if ended.was_killed => lived.random += 1,
            End::At { .. } | End::After(_) | End::Whole | End::Recovery => {}
        }
        lived.compared += u64::from(judge.hear(ended.told)?);
        Ok(())
    }

    /// One life that is spoilt, and the recovery behind it, which must not pass.
    pub(super) fn spoil(&self, program: &Program, spoilt: Spoilt) -> Result<(), Wrong> {
        let house = House::new()?;
        let mut judge = Judge::new(Promise::Written, self.life(0, End::Whole).frames_seed);
        let life = Life { sabotage: spoilt.sabotage, ..self.life(0, spoilt.end) };
        let ended = life.live(program, &house.store)?;
        judge.hear(ended.told)?;
        if spoilt.empties_journal {
            empty_journal(&house.store).map_err(|error| error.to_string())?;
        }
        let ended = self.life(1, End::Recovery).live(program, &house.store)?;
        judge.hear(ended.told).map(drop)
    }
}

/// A bug, or damage, that a comparison must notice.
#[derive(Clone, Debug)]
pub(super) struct Spoilt {
    pub(super) name: &'static str,
    sabotage: Option<&'static str>,
    end: End,
    empties_journal: bool,
}

impl Spoilt {
    /// All that are planted.
    pub(super) fn all() -> Vec<Self> {
        let at = |point, passage| End::At { point, passage };
        let bug = |sabotage, end| Self {
            name: sabotage,
            sabotage: Some(sabotage),
            end,
            empties_journal: false,
        };
        vec![
            bug("early-ack", at("write.journal.before", 12)),
            bug("drop-link", End::Whole),
            bug("foreign-frame", at("sync.journal.after", 20)),
            bug("double-frames", at("sync.journal.after", 20)),
            Self {
                name: "emptied journal",
                sabotage: None,
                end: at("sync.journal.after", 20),
                empties_journal: true,
            },
        ]
    }
}

/// The folder of a chain.
struct House {
    folder: TempDir,
    store: PathBuf,
}

impl House {
    fn new() -> Result<Self, Wrong> {
        let folder = TempDir::with_prefix_in("earmark-kills-", MEMORY);
        let folder = folder.or_else(|_| TempDir::with_prefix("earmark-kills-"));
        let folder = folder.map_err(|error| error.to_string())?;
        let store = folder.path().join("store");
        Ok(Self { folder, store })
    }

    /// Leaves the folder to whoever looks for the reason.
    fn keep(self) -> String {
        self.folder.keep().display().to_string()
    }
}

fn of(points: &[Point], number: u64) -> Point {
    points[usize::try_from(number % points.len() as u64).unwrap_or(0)]
}

/// Fills the journal with zeros.
pub(super) fn empty_journal(store: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(store.join("journal"))? {
        let file = entry?.path();
        let bytes = std::fs::metadata(&file)?.len();
        std::fs::write(&file, vec![0; usize::try_from(bytes).unwrap_or(0)])?;
    }
    Ok(())
}
