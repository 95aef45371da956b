//! Turns, taken in rounds, so that what else the machine does hits all alike.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::speed::contender::{Contender, Side};
use crate::speed::frames::Audio;
use crate::speed::policy::Policy;
use crate::speed::raw::TURN_BYTES_MAX;

/// The longest turn, in commits.
const COMMITS_MAX: usize = 300;

/// What the turns of one contender came to.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) side: Side,
    /// Frames a second, turn by turn.
    pub(super) rates: Vec<f64>,
    /// How long each commit took.
    pub(super) commits: Vec<Duration>,
}

/// Tallies by contender.
pub(super) type Tallies = BTreeMap<String, Tally>;

/// One round: each contender has a turn, another one first each time.
pub(super) fn round(
    contenders: &mut [Box<dyn Contender>],
    number: usize,
    audio: &Audio,
    policy: Policy,
    tallies: &mut Tallies,
) -> io::Result<()> {
    let count = contenders.len();
    for place in 0..count {
        let contender = contenders[(place + number) % count].as_mut();
        if contender.can(policy) {
            contender.prepare()?;
            let fresh = Tally { side: contender.side(), rates: Vec::new(), commits: Vec::new() };
            let tally = tallies.entry(contender.name().to_owned()).or_insert(fresh);
            turn(contender, audio, policy, tally)?;
        }
    }
    Ok(())
}

fn turn(
    contender: &mut dyn Contender,
    audio: &Audio,
    policy: Policy,
    tally: &mut Tally,
) -> io::Result<()> {
    let commits = commits(audio, policy);
    let began = Instant::now();
    let mut last = began;
    for _ in 0..commits {
        contender.commit(audio, policy)?;
        let now = Instant::now();
        tally.commits.push(now - last);
        last = now;
    }
    let frames = commits * policy.frames_per_sync;
    tally.rates.push(frames as f64 / (last - began).as_secs_f64());
    Ok(())
}

/// So many commits a turn has: within one journal file, so that all find written blocks.
fn commits(audio: &Audio, policy: Policy) -> usize {
    let bytes = policy.frames_per_sync * audio.frame_bytes;
    (TURN_BYTES_MAX * 3 / 4 / bytes).min(COMMITS_MAX)
}

/// The value in the middle.
pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which that part lies; none of none.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
