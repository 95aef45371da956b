//! Worlds out of seeds.
//!
//! Each seed draws its own devices, accounts, captures, sockets, conversations and people, enables
//! a random subset of the fault kinds, and lets them come at random times. At the end all faults
//! cease.

mod devices;
mod disk;
mod process;
mod server;

use std::time::Duration;

use earmark_backend::ServerAction;
use earmark_core::{Account, Codec, Device, Encoding, Policy};
use earmark_sim::feed::{Action, Feed, Selector, Times};
use earmark_sim::play::{PlayOptions, Terms, Until};
use earmark_store::Config;

use super::dice::Dice;
use super::kinds::{FaultKind, Kinds};
use super::story::{Pendant, SECOND, Story};

/// How long after the last fault all must have come to rest: the longest wait that a server may ask
/// for, the longest that a job is asked for, and an hour.
pub const REST_WITHIN: Duration = Duration::from_secs((24 + 6 + 1) * 3_600);
/// How many devices a world has at most.
const DEVICES: [u64; 6] = [1, 1, 1, 2, 2, 3];
/// After how long the faults cease, in seconds: most worlds last minutes.
const ENDS: [(u64, u64); 8] = [
    (30, 90),
    (60, 240),
    (200, 500),
    (200, 600),
    (300, 900),
    (300, 1_200),
    (600, 1_800),
    (1_200, 7_200),
];
/// How likely each kind is in a world, in percent.
const DENSITIES: [u64; 6] = [0, 4, 8, 12, 20, 35];
/// Longer than a job is asked for, in microseconds.
const LONGER_THAN_A_LEASE: u64 = 7 * 3_600 * SECOND;
/// How long after the end the sockets come up and the captures stop, in microseconds.
const LAST_WORDS: u64 = 3 * SECOND;

/// A world, ready to be played.
#[derive(Clone, Debug)]
pub struct World {
    /// What it was made from.
    pub seed: u64,
    /// What happens in it.
    pub feed: Feed,
    /// How it is played.
    pub options: PlayOptions,
    /// In what.
    pub terms: Terms,
}

impl World {
    /// The world of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let policy = if dice.percent(12) { Policy::OMI_2026_04 } else { Policy::EVERYDAY };
        let options = PlayOptions { policy, seed, until: Until::Settled };
        let terms = terms(&mut dice);
        let kinds = kinds(&mut dice);
        let (least, most) = dice.pick(&ENDS);
        let mut end = dice.between(least, most) * SECOND;
        if kinds.has(FaultKind::NeverFinishes) && dice.percent(20) {
            end += LONGER_THAN_A_LEASE;
        }
        let pendants = pendants(&mut dice);
        let mut story = Story::new(dice, kinds, end, pendants);
        process::deaths(&mut story);
        devices::captures(&mut story);
        devices::sockets(&mut story);
        devices::people(&mut story);
        server::conversations(&mut story);
        server::moods(&mut story);
        disk::faults(&mut story);
        process::surroundings(&mut story);
        cease(&mut story);
        Self { seed, feed: story.feed(), options, terms }
    }
}

/// The journal's files are small, so that they are left and snapshots are made within minutes.
fn terms(dice: &mut Dice) -> Terms {
    let journal_file_bytes_max = dice.pick(&[32 << 10, 64 << 10, 128 << 10, 256 << 10]);
    let snapshot_after_bytes = dice.pick(&[16 << 10, 64 << 10, 256 << 10]);
    let config = Config { journal_file_bytes_max, snapshot_after_bytes };
    Terms { config, settle_limit: REST_WITHIN }
}

fn kinds(dice: &mut Dice) -> Kinds {
    let density = dice.pick(&DENSITIES);
    let mut kinds = Kinds::default();
    for kind in FaultKind::ALL {
        if dice.percent(density) {
            kinds.add(*kind);
        }
    }
    kinds
}

fn pendants(dice: &mut Dice) -> Vec<Pendant> {
    let count = dice.pick(&DEVICES);
    let name = |number| Device::new(&format!("pendant-{number}")).expect("short enough");
    let pendant = |number| {
        let owner = if dice.percent(70) { "default" } else { "other" };
        Pendant {
            device: name(number),
            account: Account::new(owner).expect("short enough"),
            encoding: encoding(dice),
        }
    };
    (1..=count).map(pendant).collect()
}

/// What a device sends; most send Opus.
fn encoding(dice: &mut Dice) -> Encoding {
    let codecs = [Codec::Opus, Codec::Opus, Codec::OpusFs320, Codec::OpusFs320, Codec::Pcm8];
    Encoding::mono_16k(dice.pick(&codecs))
}

/// All faults cease: the disk works and has room, the network is there, the server accepts, every
/// account is signed in, and the process runs. Then sockets come up and captures stop.
fn cease(story: &mut Story) {
    let end = story.end;
    let server = |action| Action::Server(action);
    let quick = Action::DiskSlow { micros: 0, times: Times::Count(1) };
    for action in [Action::DiskHeal, Action::DiskFreed, quick, Action::NetworkOnline] {
        story.tell(end, action);
    }
    story.tell(end, server(ServerAction::Accept));
    for account in ["default", "other", "guest"] {
        let account = Account::new(account).expect("short enough");
        story.tell(end, Action::AccountSignIn { account });
    }
    story.tell(end, Action::ProcessUp);
    let (pendants, last) = (story.pendants.clone(), end + LAST_WORDS);
    for Pendant { device, .. } in &pendants {
        story.tell(end + SECOND, Action::SocketUp { device: device.clone() });
        story.tell(last, Action::CaptureStop { device: device.clone() });
    }
    if story.dice.percent(20) {
        story.tell(last, Action::UserRetry { recordings: Selector::All });
    }
    if story.dice.percent(70) {
        for Pendant { device, .. } in pendants {
            story.tell(last + SECOND, Action::SocketDown { device, code: 1_000 });
        }
    }
}
