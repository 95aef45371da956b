//! How much happens in each world that is searched.

use super::world::Limits;

/// A world to be searched.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) limits: Limits,
    /// Fewer states than two to this power are reached.
    pub(super) bits: u32,
}

/// One capture with one frame, and nothing that goes wrong.
const CALM: Limits = Limits {
    captures: 1,
    frames: 1,
    connects: 1,
    reconnects: false,
    messages: 1,
    says_ready: true,
    deaths: 0,
    power_cuts: 2,
    disk_faults: 0,
    bad_answers: 0,
    offline: 0,
    lags: 0,
    step: 30,
    swift_journal: false,
    conversations: 1,
};

/// Coarse steps of time, and a disk that does at once what the journal asks.
const SWIFT: Limits = Limits { says_ready: false, step: 150, swift_journal: true, ..CALM };

/// What a slice looks through.
pub(super) const SHORT: [Case; 7] = [
    Case { name: "a death", limits: Limits { deaths: 1, ..CALM }, bits: 22 },
    Case { name: "a bad answer", limits: Limits { bad_answers: 1, ..CALM }, bits: 23 },
    Case { name: "a failing disk", limits: Limits { disk_faults: 1, ..CALM }, bits: 22 },
    Case { name: "a network that goes", limits: Limits { offline: 1, ..CALM }, bits: 22 },
    Case {
        name: "a lag",
        limits: Limits { connects: 0, reconnects: true, lags: 1, ..CALM },
        bits: 22,
    },
    Case {
        name: "a death and a failing disk",
        limits: Limits { connects: 0, reconnects: true, deaths: 1, disk_faults: 1, ..SWIFT },
        bits: 22,
    },
    Case {
        name: "two deaths and a failing disk",
        limits: Limits { connects: 0, messages: 0, deaths: 2, disk_faults: 1, ..CALM },
        bits: 22,
    },
];

/// What is looked through when somebody says how long.
pub(super) const LONG: [Case; 1] = [Case {
    name: "two captures, two deaths",
    limits: Limits {
        captures: 2,
        frames: 2,
        connects: 0,
        reconnects: true,
        deaths: 2,
        power_cuts: 1,
        ..SWIFT
    },
    bits: 28,
}];
