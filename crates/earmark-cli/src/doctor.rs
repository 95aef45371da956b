//! `doctor`: looks at everything that a host needs, and says what to do. It changes nothing.

mod machine;
mod server;

use std::fmt;

use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::output::print_line;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Good,
    /// It works, and will or may not for long.
    Doubtful,
    /// It does not work.
    Bad,
}

/// What was looked at, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    grade: Grade,
    what: String,
    advice: Option<String>,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self { grade: Grade::Good, what: what.into(), advice: None }
    }

    fn doubtful(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Doubtful, what: what.into(), advice: Some(advice.into()) }
    }

    fn bad(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Bad, what: what.into(), advice: Some(advice.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grade = match self.grade {
            Grade::Good => "ok   ",
            Grade::Doubtful => "watch",
            Grade::Bad => "wrong",
        };
        write!(f, "{grade}  {}", self.what)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "\n       do: {advice}"))
    }
}

/// Looks at everything; whether nothing is wrong.
pub(crate) async fn run(config: Config) -> Result<Outcome, Failure> {
    let mut is_well = true;
    let mut tell = |finding: Finding| {
        is_well &= finding.grade != Grade::Bad;
        print_line(finding)
    };
    tell(Finding::good(format!("the configuration: {} sources", config.sources.len())))?;
    for finding in machine::look(&config).into_iter().chain(server::look(&config).await) {
        tell(finding)?;
    }
    Ok(Outcome::good_if(is_well))
}
