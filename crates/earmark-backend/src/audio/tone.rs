//! A tone: audio that anybody can make and recognise.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use super::{AudioError, SAMPLE_RATE};

/// How loud a tone is: half of full scale.
pub const TONE_AMPLITUDE: i16 = 16_384;

/// The samples of an endless sine at 16 kHz, the same ones on every machine.
#[derive(Clone, Debug)]
pub struct Tone {
    phase: f64,
    step: f64,
}

impl Tone {
    /// A sine of so many hertz, from its zero on.
    ///
    /// # Errors
    ///
    /// [`AudioError::Pitch`] when 16 kHz cannot carry it.
    pub fn new(hertz: f64) -> Result<Self, AudioError> {
        let nyquist = f64::from(SAMPLE_RATE) / 2.0;
        if !(hertz > 0.0 && hertz < nyquist) {
            let hertz = hertz.to_string();
            return Err(AudioError::Pitch { hertz });
        }
        Ok(Self { phase: 0.0, step: hertz / f64::from(SAMPLE_RATE) })
    }

    /// The next samples.
    pub fn samples(&mut self, count: usize) -> Vec<i16> {
        self.take(count).collect()
    }
}

impl Iterator for Tone {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let sample = (sine(self.phase) * f64::from(TONE_AMPLITUDE)).round() as i16;
        self.phase = (self.phase + self.step).fract();
        Some(sample)
    }
}

/// The sine of a phase from 0 to 1, out of sums and products alone: those are exact to the bit on
/// every machine, which the sine of a system's library is not.
fn sine(phase: f64) -> f64 {
    let angle = phase * TAU;
    let folded = match angle {
        near if near <= FRAC_PI_2 => near,
        far if far >= 3.0 * FRAC_PI_2 => far - TAU,
        middle => PI - middle,
    };
    let square = folded * folded;
    let series = [-39_916_800.0, 362_880.0, -5_040.0, 120.0, -6.0, 1.0];
    series.iter().fold(0.0, |sum, factorial| sum * square + 1.0 / factorial) * folded
}
