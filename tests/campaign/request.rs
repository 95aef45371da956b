//! What is asked for on the command line.

use std::time::{Duration, Instant};

/// How long a campaign runs when nobody says: under a minute, its last case included.
const SLICE: Duration = Duration::from_secs(30);
/// A week; more is a slip of the finger.
const MINUTES_MAX: f64 = 7.0 * 24.0 * 60.0;

/// A request.
#[derive(Debug)]
pub(crate) enum Request {
    List,
    Run { name: String, slice: Slice },
}

/// How much of a campaign is to be run, and from which seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) seed: u64,
    /// Whether somebody said how long; the slice that nobody asked for is as small as it may be.
    pub(crate) is_long: bool,
    /// The one case that is to be shown, of a campaign that can show one.
    pub(crate) shown: Option<u64>,
    length: Duration,
    started: Instant,
}

/// The request cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("a name is missing")]
    NoName,
    #[error("{0} is no option; there are --minutes, --seed and --show")]
    UnknownOption(String),
    #[error("{option} takes {expected}, and not {given:?}")]
    Value { option: &'static str, expected: &'static str, given: String },
}

impl Request {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, RequestError> {
        let (name, rest) = arguments.split_first().ok_or(RequestError::NoName)?;
        let mut slice =
            Slice { seed: 0, is_long: false, shown: None, length: SLICE, started: Instant::now() };
        let mut rest = rest.iter();
        while let Some(option) = rest.next() {
            let given = rest.next().map_or("", String::as_str);
            match option.as_str() {
                "--minutes" => slice.take_minutes(given)?,
                "--seed" => slice.seed = number("--seed", given)?,
                "--show" => slice.shown = Some(number("--show", given)?),
                other => return Err(RequestError::UnknownOption(other.to_owned())),
            }
        }
        Ok(match name.as_str() {
            "list" => Self::List,
            name if name.starts_with('-') => return Err(RequestError::NoName),
            name => Self::Run { name: name.to_owned(), slice },
        })
    }
}

impl Slice {
    fn take_minutes(&mut self, given: &str) -> Result<(), RequestError> {
        let minutes = given.parse::<f64>().ok();
        let minutes = minutes.filter(|minutes| *minutes > 0.0 && *minutes <= MINUTES_MAX);
        let minutes = minutes.ok_or_else(|| RequestError::Value {
            option: "--minutes",
            expected: "a number of minutes up to 10080",
            given: given.to_owned(),
        })?;
        (self.is_long, self.length) = (true, Duration::from_secs_f64(minutes * 60.0));
        Ok(())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether this part of the whole time is over.
    pub(crate) fn is_over(&self, part: f64) -> bool {
        self.elapsed() >= self.length.mul_f64(part)
    }
}

fn number(option: &'static str, given: &str) -> Result<u64, RequestError> {
    let expected = "a whole number";
    let given = given.to_owned();
    given.parse().map_err(|_| RequestError::Value { option, expected, given })
}
