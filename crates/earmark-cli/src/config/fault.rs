//! What is wrong with a configuration.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the file, on this line.
    Line(PathBuf, usize),
    /// In an environment variable.
    Variable(String),
    /// Nowhere: it is missing in this file.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) what: String,
}

/// A configuration was refused; everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Refused(pub(crate) Vec<Fault>);

impl Refused {
    pub(crate) fn one(place: Place, what: impl Into<String>) -> Self {
        Self(vec![Fault { place, what: what.into() }])
    }

    /// The file itself cannot be used.
    pub(crate) fn file(path: &Path, what: impl Into<String>) -> Self {
        Self::one(Place::File(path.to_owned()), what)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{}: {}", fault.place, fault.what)?;
        }
        Ok(())
    }
}

/// A name that was meant, when one is near enough to this one to be told.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// How alike two names must be, from 0 to 1, for one to be taken for the other.
    const LIKENESS_MIN: f64 = 0.6;
    let rated = known.into_iter().map(|name| (strsim::jaro_winkler(given, name), name));
    let best = rated.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, name)| name)
}

/// What to say to a name that is not known.
pub(crate) fn unknown(kind: &str, given: &str, known: &[&str]) -> String {
    match nearest(given, known.iter().copied()) {
        Some(near) => format!("no {kind} is called {given:?}; `{near}` is"),
        None => format!("no {kind} is called {given:?}; known are {}", known.join(", ")),
    }
}
