//! The bugs, each with the invariant that it breaks, the change that makes it, and who hunts for
//! it.

mod durability;
mod environment;
mod linkage;
mod progress;
mod upload;

use earmark_core::invariant::Invariant;

/// Stands in a change for the condition that switches the bug on.
pub(crate) const PLACEHOLDER: &str = "PLANTED";

/// A bug that can be planted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bug {
    /// Its name, in words with hyphens between them.
    pub(crate) name: &'static str,
    /// The invariant that it breaks.
    pub(crate) breaks: Invariant,
    /// What is wrong, in one sentence.
    pub(crate) wrong: &'static str,
    /// The file that it changes.
    pub(crate) file: &'static str,
    /// The text that it changes there; it must stand there exactly once.
    pub(crate) text: &'static str,
    /// What comes in its place, with [`PLACEHOLDER`].
    pub(crate) with: &'static str,
    /// Who hunts for it; each of them must catch it.
    pub(crate) layers: &'static [Layer],
}

/// A layer of checks that can hunt for a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// Random event sequences for the machine of this name, as in the campaign `transitions`.
    Transitions(&'static str),
    /// What a power cut could leave, as in the campaign `crash-states`.
    CrashStates,
    /// A disk that fails at one place, as in the campaign `io-faults`.
    IoFaults,
    /// Damaged snapshots and identities, as in the campaign `damage`.
    Damage,
    /// Every state that the machines reach together, as in the campaign `model-check`.
    ModelCheck,
    /// Random worlds, as in the campaign `simulate`.
    Simulate,
    /// The feeds whose names have this part, played by the whole runtime.
    Feeds(&'static str),
    /// The same feeds, played twice and compared.
    FeedsTwice(&'static str),
    /// A check of this campaign's own.
    Check(&'static str),
}

impl Layer {
    /// Its name, as it is shown.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Transitions(machine) => format!("transitions, {machine}"),
            Self::CrashStates => String::from("crash-states"),
            Self::IoFaults => String::from("io-faults"),
            Self::Damage => String::from("damage"),
            Self::ModelCheck => String::from("model-check"),
            Self::Simulate => String::from("simulate"),
            Self::Feeds(part) => format!("feed {part}"),
            Self::FeedsTwice(part) => format!("feed {part}, twice"),
            Self::Check(check) => format!("check {check}"),
        }
    }

    /// Whether chance decides what it tries, so that another seed hunts otherwise.
    pub(crate) const fn is_random(self) -> bool {
        match self {
            Self::Transitions(_)
            | Self::CrashStates
            | Self::IoFaults
            | Self::Damage
            | Self::Simulate => true,
            Self::ModelCheck | Self::Feeds(_) | Self::FeedsTwice(_) | Self::Check(_) => false,
        }
    }
}

/// All bugs, in the order of their invariants' groups. The number of a bug is its place, from 1.
pub(crate) fn all() -> Vec<Bug> {
    let groups = [durability::BUGS, linkage::BUGS, upload::BUGS, progress::BUGS, environment::BUGS];
    groups.concat()
}
