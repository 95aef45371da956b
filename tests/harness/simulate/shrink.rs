//! A failing feed made smaller while it still fails in the same way.

use earmark_core::invariant::Invariant;
use earmark_sim::feed::{Action, Feed, FeedTime, Line};

use super::generate::World;
use super::run::run;

/// How many smaller feeds are tried at most.
const TRIES_MAX: u32 = 600;

/// Makes feeds smaller.
struct Shrinker<'a> {
    world: &'a World,
    invariant: Invariant,
    tries: u32,
    /// So many lines at the end stay: without them nothing need come to rest.
    tail: usize,
}

/// The smallest feed that was found to break the same invariant. It reads back from its text.
pub fn shrink(world: &World, invariant: Invariant) -> Feed {
    let tail = tail(&world.feed.lines, invariant);
    let mut shrinker = Shrinker { world, invariant, tries: 0, tail };
    let passed_over = run(world, &world.feed).passed_over;
    let mut lines = world.feed.lines.clone();
    lines.retain(|line| !passed_over.contains(&line.number));
    if shrinker.still_fails(&lines).is_none() {
        lines.clone_from(&world.feed.lines);
    }
    lines = shrinker.drop_lines(lines);
    lines = shrinker.fewer_frames(lines);
    lines = shrinker.whole_seconds(lines);
    lines = shrinker.drop_lines(lines);
    feed_of(&lines)
}

/// How many lines there are from where all faults cease, if what is broken is that something comes
/// to rest after them.
fn tail(lines: &[Line], invariant: Invariant) -> usize {
    if !matches!(invariant, Invariant::TerminalAndVisible | Invariant::NeverStuck) {
        return 0;
    }
    let heals = |line: &Line| matches!(line.action, Action::DiskHeal);
    lines.iter().rposition(heals).map_or(0, |place| lines.len() - place)
}

fn feed_of(lines: &[Line]) -> Feed {
    lines.iter().map(|line| (line.at, line.action.clone())).collect()
}

impl Shrinker<'_> {
    /// The lines as they read back, if they break the same invariant.
    fn still_fails(&mut self, lines: &[Line]) -> Option<()> {
        self.tries += 1;
        let feed = Feed::parse("smaller.feed", &feed_of(lines).to_text()).ok()?;
        let broken = run(self.world, &feed).broken?;
        (broken.violation.invariant == self.invariant).then_some(())
    }

    /// Leaves out as many lines as it can: halves first, single ones last.
    fn drop_lines(&mut self, mut lines: Vec<Line>) -> Vec<Line> {
        let mut size = lines.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at + self.tail < lines.len() && self.tries < TRIES_MAX {
                let mut fewer = lines.clone();
                fewer.drain(at..(lines.len() - self.tail).min(at + size));
                if self.still_fails(&fewer).is_some() {
                    lines = fewer;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        lines
    }

    /// Halves the counts of frames.
    fn fewer_frames(&mut self, mut lines: Vec<Line>) -> Vec<Line> {
        for place in 0..lines.len() {
            while self.tries < TRIES_MAX {
                let mut fewer = lines.clone();
                let Action::Frames { count, .. } = &mut fewer[place].action else {
                    break;
                };
                *count /= 2;
                if *count == 0 || self.still_fails(&fewer).is_none() {
                    break;
                }
                lines = fewer;
            }
        }
        lines
    }

    /// Has each line happen at a whole second, if nothing hangs on the fraction.
    fn whole_seconds(&mut self, mut lines: Vec<Line>) -> Vec<Line> {
        for place in 0..lines.len() {
            let mut rounder = lines.clone();
            let at = rounder[place].at.as_micros() / 1_000_000 * 1_000_000;
            rounder[place].at = FeedTime::from_micros(at).unwrap_or(FeedTime::ZERO);
            let falls = place > 0 && rounder[place - 1].at > rounder[place].at;
            if !falls && self.tries < TRIES_MAX && self.still_fails(&rounder).is_some() {
                lines = rounder;
            }
        }
        lines
    }
}
