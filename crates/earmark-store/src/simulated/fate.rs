//! What a power cut does with what was not synced: what the dice say, or each thing there is in
//! turn.

use super::{mix, roll};

/// Decides what becomes of each change that was not synced.
pub(super) trait Fate {
    /// Whether a change of names happened.
    fn keeps_name(&mut self) -> bool;

    /// The order in which the changes of a file reached the medium; it matters only where they
    /// overlap.
    fn order(&mut self, count: usize, matters: bool) -> Vec<usize>;

    /// How many bytes of a write's part in one sector happened.
    fn sector(&mut self, part: Part) -> usize;

    /// Whether a cut of the file's length happened.
    fn keeps_cut(&mut self) -> bool;

    /// What became of the length of a file.
    fn length(&mut self, lengths: Lengths) -> Length;

    /// Hears how much of one write happened.
    fn wrote(&mut self, _kept: usize, _len: usize) {}
}

/// What a power cut has done to writes that were not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// Writes of which nothing is left.
    pub lost: u64,
    /// Writes of which a part is left.
    pub torn: u64,
    /// Writes that are left although one before them is lost or torn.
    pub reordered: u64,
    /// Changes of names that are lost.
    pub names: u64,
}

/// A part of a write, in one sector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) len: usize,
    /// Whether it is the last one of its write.
    pub(super) is_last: bool,
}

/// Which lengths a file may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    /// Whether it may be longer than its contents.
    pub(super) grows: bool,
    /// How many bytes of what came through may be missing at the end.
    pub(super) surplus: u64,
}

/// What became of a file's length.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// It is that of the contents.
    OfContents,
    /// It reached the medium and the contents did not.
    Grown,
    /// So many bytes of what came through lie behind it.
    Short(u64),
}

/// Dice that a seed has thrown.
pub(super) struct Dice {
    state: u64,
    generosity: u64,
    /// Whether a sector itself may be torn.
    tears: bool,
    pub(super) toll: Toll,
}

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        let toll = Toll { lost: 0, torn: 0, reordered: 0, names: 0 };
        Self { state: mix(seed ^ 0x706f_7765_7263_7574), generosity: 0, tears: false, toll }
    }

    pub(super) const fn with_tears(seed: u64) -> Self {
        Self { tears: true, ..Self::new(seed) }
    }

    fn roll(&mut self) -> u64 {
        roll(&mut self.state)
    }
}

impl Fate for Dice {
    fn keeps_name(&mut self) -> bool {
        let keeps = self.roll().is_multiple_of(2);
        self.toll.names += u64::from(!keeps);
        keeps
    }

    fn wrote(&mut self, kept: usize, len: usize) {
        let is_behind = self.toll.lost + self.toll.torn > 0;
        match kept {
            0 if len > 0 => self.toll.lost += 1,
            kept if kept < len => self.toll.torn += 1,
            _ => self.toll.reordered += u64::from(is_behind),
        }
    }

    fn order(&mut self, count: usize, _matters: bool) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        if self.roll().is_multiple_of(2) {
            for last in (1..count).rev() {
                order.swap(last, (self.roll() % (last as u64 + 1)) as usize);
            }
        }
        self.generosity = self.roll() % 5;
        order
    }

    fn sector(&mut self, part: Part) -> usize {
        if self.tears && self.roll().is_multiple_of(8) {
            return (self.roll() % (part.len as u64 + 1)) as usize;
        }
        if self.roll() % 4 < self.generosity { part.len } else { 0 }
    }

    fn keeps_cut(&mut self) -> bool {
        self.roll() % 4 < self.generosity
    }

    fn length(&mut self, lengths: Lengths) -> Length {
        match self.roll() % 4 {
            0 if lengths.grows => Length::Grown,
            1 if lengths.surplus > 0 => {
                Length::Short(lengths.surplus - self.roll() % lengths.surplus)
            }
            _ => Length::OfContents,
        }
    }
}

/// Everything happened, or nothing.
pub(super) struct All(pub(super) bool);

impl Fate for All {
    fn keeps_name(&mut self) -> bool {
        self.0
    }

    fn order(&mut self, count: usize, _matters: bool) -> Vec<usize> {
        (0..count).collect()
    }

    fn sector(&mut self, part: Part) -> usize {
        if self.0 { part.len } else { 0 }
    }

    fn keeps_cut(&mut self) -> bool {
        self.0
    }

    fn length(&mut self, _lengths: Lengths) -> Length {
        Length::OfContents
    }
}

/// Goes through every combination of choices, like the wheels of an odometer.
#[derive(Clone, Debug, Default)]
pub(super) struct Odometer {
    /// Each choice so far and how many there were.
    wheels: Vec<(u64, u64)>,
    at: usize,
    /// Says at which bytes a sector is torn.
    seed: u64,
    /// Whether a new wheel begins at its highest place.
    from_above: bool,
}

impl Odometer {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Each choice at its highest, to see how many combinations there are.
    pub(super) fn at_the_top() -> Self {
        Self { from_above: true, ..Self::default() }
    }

    /// How many combinations the choices so far have.
    pub(super) fn combinations(&self) -> u64 {
        self.wheels.iter().fold(1, |product, wheel| product.saturating_mul(wheel.1))
    }

    /// Turns to the next combination; false when there is none.
    pub(super) fn turn(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, count)) = self.wheels.pop() {
            if choice + 1 < count {
                self.wheels.push((choice + 1, count));
                return true;
            }
        }
        false
    }

    fn choose(&mut self, count: u64) -> u64 {
        if count < 2 {
            return 0;
        }
        if self.at == self.wheels.len() {
            self.wheels.push((if self.from_above { count - 1 } else { 0 }, count));
        }
        self.at += 1;
        self.wheels[self.at - 1].0
    }

    /// A place within `len` that differs from choice to choice, from 1.
    fn place(&self, len: u64) -> u64 {
        1 + mix(self.seed ^ mix(self.at as u64)) % len
    }
}

impl Fate for Odometer {
    fn keeps_name(&mut self) -> bool {
        self.choose(2) == 1
    }

    fn order(&mut self, count: usize, matters: bool) -> Vec<usize> {
        let backwards = matters && self.choose(2) == 1;
        if backwards { (0..count).rev().collect() } else { (0..count).collect() }
    }

    fn sector(&mut self, part: Part) -> usize {
        let torn = part.is_last && part.len > 1;
        match self.choose(if torn { 3 } else { 2 }) {
            0 => 0,
            1 if torn => self.place(part.len as u64 - 1) as usize,
            _ => part.len,
        }
    }

    fn keeps_cut(&mut self) -> bool {
        self.choose(2) == 1
    }

    fn length(&mut self, lengths: Lengths) -> Length {
        let others = [
            lengths.grows.then_some(Length::Grown),
            (lengths.surplus > 0).then(|| Length::Short(self.place(lengths.surplus))),
        ];
        let others: Vec<Length> = others.into_iter().flatten().collect();
        let choice = self.choose(others.len() as u64 + 1) as usize;
        choice.checked_sub(1).map_or(Length::OfContents, |choice| others[choice])
    }
}
