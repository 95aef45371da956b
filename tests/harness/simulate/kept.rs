//! Feeds that once broke something, kept with the world that they are played in.
//!
//! A kept feed begins with remarks: what it broke, and a line `# world: seed=1 journal=65536
//! snapshot=16384 policy=everyday` that tells in what it is played.

use std::path::{Path, PathBuf};

use earmark_core::Policy;
use earmark_sim::feed::Feed;
use earmark_sim::play::{PlayOptions, Terms, Until};
use earmark_store::Config;

use super::generate::{REST_WITHIN, World};

/// How the line begins that tells in what a feed is played.
const WORLD: &str = "# world:";

/// The line that tells in what a world's feed is played.
pub fn remark(world: &World) -> String {
    let Config { journal_file_bytes_max, snapshot_after_bytes } = world.terms.config;
    let policy = if world.options.policy == Policy::EVERYDAY { "everyday" } else { "omi-2026-04" };
    let seed = world.options.seed;
    format!(
        "{WORLD} seed={seed} journal={journal_file_bytes_max} snapshot={snapshot_after_bytes} \
         policy={policy}"
    )
}

/// The world of a kept feed.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn read(path: &Path) -> Result<World, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let feed = Feed::parse(&name, &text).map_err(|error| error.to_string())?;
    let told = text.lines().find_map(|line| line.strip_prefix(WORLD));
    let told = told.ok_or_else(|| format!("{name}: a line that begins with {WORLD} is missing"))?;
    let field = |wanted: &str| {
        let mut fields = told.split_whitespace().filter_map(|field| field.split_once('='));
        fields.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let number = |wanted: &str| {
        let value = field(wanted).and_then(|value| value.parse::<u64>().ok());
        value.ok_or_else(|| format!("{name}: {WORLD} tells no {wanted}"))
    };
    let is_everyday = field("policy") == Some("everyday");
    let policy = if is_everyday { Policy::EVERYDAY } else { Policy::OMI_2026_04 };
    let config = Config {
        journal_file_bytes_max: number("journal")?,
        snapshot_after_bytes: number("snapshot")?,
    };
    let seed = number("seed")?;
    let options = PlayOptions { policy, seed, until: Until::Settled };
    Ok(World { seed, feed, options, terms: Terms { config, settle_limit: REST_WITHIN } })
}

/// All kept feeds, in the order of their names.
pub fn all() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("simulation/seeds");
    let entries = std::fs::read_dir(folder).expect("the folder of kept feeds can be read");
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut feeds: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "feed")).collect();
    feeds.sort();
    feeds
}
