//! What a live socket does about its end, in one table.

use std::fmt;
use std::time::Duration;

use super::DialFault;

/// The code of a socket that broke without a close.
pub const CLOSE_BROKEN: u16 = 1006;
/// How many characters of a server's own words are shown.
const REASON_CHARS_MAX: usize = 128;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code; [`CLOSE_BROKEN`] where there was no close.
    pub code: u16,
    /// What was said about it, by the server or by the one who gave the connection up; often
    /// nothing.
    pub reason: String,
}

impl Closed {
    /// A close with a code and without a word.
    pub const fn with(code: u16) -> Self {
        Self { code, reason: String::new() }
    }

    /// A connection that broke, or was given up, and why.
    pub fn broken(why: impl Into<String>) -> Self {
        Self { code: CLOSE_BROKEN, reason: why.into() }
    }
}

/// A refused upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer.
    pub status: u16,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// A refusal that asks for no pause.
    pub const fn with(status: u16) -> Self {
        Self { status, retry_after: None }
    }
}

/// What is done about the end of a connection, or of the attempt at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It is brought up again after the back-off.
    Reconnect,
    /// A fresh token is asked for, and it is brought up again, as often as the server wants that.
    RenewToken,
    /// A fresh token is asked for; when the next attempt ends like this too, it stays down.
    SignInOnce,
    /// It stays down, and the reason is shown, until the host changes something.
    Stop,
}

impl Reaction {
    const fn words(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::RenewToken => "renew the token, reconnect",
            Self::SignInOnce => "sign in again once, then stop",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// One line of the table: these numbers mean that, and this is done about it.
#[derive(Debug)]
struct Rule {
    numbers: &'static [u16],
    means: &'static str,
    reaction: Reaction,
}

const fn rule(numbers: &'static [u16], means: &'static str, reaction: Reaction) -> Rule {
    Rule { numbers, means, reaction }
}

/// The close codes.
const CLOSES: &[Rule] = &[
    rule(&[1000, 1005], "the server ended the connection", Reaction::Reconnect),
    rule(&[1001], "the server went away, or heard nothing for 90 s", Reaction::Reconnect),
    rule(&[1003], "the server does not take this codec or sample rate", Reaction::Stop),
    rule(&[CLOSE_BROKEN], "the connection broke or was given up", Reaction::Reconnect),
    rule(&[1008], "the server does not allow this", Reaction::SignInOnce),
    rule(&[1009], "a message was longer than is taken", Reaction::Reconnect),
    rule(&[1011], "the server is in trouble", Reaction::Reconnect),
    rule(&[4001], "the token has expired", Reaction::RenewToken),
    rule(&[4002], "no credit is left", Reaction::Stop),
    rule(&[4004], "the person must sign in again", Reaction::Stop),
    rule(&[4005], "the account is being deleted", Reaction::Stop),
];
/// Every other close code.
const OTHER_CLOSE: Rule = rule(&[], "the server closed the connection", Reaction::Reconnect);
/// Reasons that say more than the code 1008 they come with.
const REASONS: &[(&str, Rule)] =
    &[("trial_expired", rule(&[1008], "the trial is over", Reaction::Stop))];

/// The statuses of refused upgrades.
const REFUSALS: &[Rule] = &[
    rule(&[401, 403], "the server wants another sign-in", Reaction::SignInOnce),
    rule(&[402], "no credit is left", Reaction::Stop),
    rule(
        &[400, 406, 414, 415, 422, 431, 451],
        "the server does not take what it is asked for",
        Reaction::Stop,
    ),
    rule(&[404, 405, 426], "the server has no live socket at this path", Reaction::Reconnect),
    rule(&[429], "the server wants fewer connections", Reaction::Reconnect),
    rule(&[500, 502, 503, 504], "the server is in trouble", Reaction::Reconnect),
];
/// Every other status. A redirect is among them: it is not followed, for the token would go along.
const OTHER_REFUSAL: Rule = rule(&[], "the server did not let it come up", Reaction::Reconnect);

/// What an end means and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) reaction: Reaction,
    /// For a person; without a line break or any other control character.
    pub(crate) words: String,
    /// Nothing is tried before this has passed.
    pub(crate) pause: Duration,
}

impl Verdict {
    /// What a close means.
    pub(crate) fn of_close(closed: &Closed) -> Self {
        let Closed { code, reason } = closed;
        let said = REASONS.iter().find(|(word, rule)| {
            rule.numbers.contains(code) && reason.trim().eq_ignore_ascii_case(word)
        });
        let rule = said.map_or_else(|| find(CLOSES, *code, &OTHER_CLOSE), |(_, rule)| rule);
        let said = said_aloud(reason);
        let words = format!("{} (close code {code}{said})", rule.means);
        Self { reaction: rule.reaction, words, pause: Duration::ZERO }
    }

    /// What a refused upgrade means.
    fn of_refusal(refused: Refused) -> Self {
        let rule = find(REFUSALS, refused.status, &OTHER_REFUSAL);
        let words = format!("{} (status {})", rule.means, refused.status);
        let pause = refused.retry_after.unwrap_or(Duration::ZERO);
        Self { reaction: rule.reaction, words, pause }
    }

    /// What a dial that came to nothing means.
    pub(crate) fn of_fault(fault: &DialFault) -> Self {
        match fault {
            DialFault::Refused(refused) => Self::of_refusal(*refused),
            DialFault::Unreachable(why) => Self::unreachable(why),
            DialFault::Unusable(why) => {
                Self { reaction: Reaction::Stop, words: (*why).into(), pause: Duration::ZERO }
            }
        }
    }

    /// No connection was made.
    fn unreachable(why: &str) -> Self {
        let words = format!("the server is not reached{}", said_aloud(why));
        Self { reaction: Reaction::Reconnect, words, pause: Duration::ZERO }
    }
}

fn find(rules: &'static [Rule], number: u16, other: &'static Rule) -> &'static Rule {
    rules.iter().find(|rule| rule.numbers.contains(&number)).unwrap_or(other)
}

/// A text from outside, so that it can stand in a log and on a screen.
fn said_aloud(text: &str) -> String {
    let is_plain = |letter: &char| !letter.is_control() && !is_directional(*letter);
    let plain: String = text.trim().chars().filter(is_plain).take(REASON_CHARS_MAX).collect();
    if plain.is_empty() { plain } else { format!(": {plain}") }
}

/// Letters that turn the direction of what is shown around them.
const fn is_directional(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' |
        '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
