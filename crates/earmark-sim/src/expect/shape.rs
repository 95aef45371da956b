//! The report's shape: what an expectation may ask for.

use crate::report::{Outcome, SessionState, Status};

/// What a part of the report is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A whole number, from 0.
    Whole,
    /// A number of seconds.
    Seconds,
    /// True or false.
    Flag,
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number or one of these words.
    WholeOrWord(&'static [&'static str]),
    /// That, or `null`.
    Nullable(&'static Self),
    /// A list of such parts.
    List(&'static Self),
    /// An object with these fields.
    Object(&'static [(&'static str, Self)]),
    /// An object with these fields, and others of any kind.
    Open(&'static [(&'static str, Self)]),
    /// Any JSON value.
    Any,
}

use Shape::{Any, Flag, List, Nullable, Object, Open, Seconds, Text, Whole, WholeOrWord, Word};

/// The whole report.
pub(super) const REPORT: &[(&str, Shape)] = &[
    ("version", Whole),
    ("ended_at", Seconds),
    ("recordings", List(&Object(RECORDING))),
    ("uploads", List(&Object(UPLOAD))),
    ("server", Nullable(&Object(HOLDINGS))),
    ("frames", Object(FRAMES)),
    ("indicator", Object(INDICATOR)),
    ("sessions", List(&Object(SESSION))),
    ("events", Object(&[("ignored", Whole), ("unexpected", Whole)])),
    ("timeline", List(&Open(&[("at", Seconds), ("actor", Text), ("what", Text)]))),
    ("expectations", List(&Object(&[("line", Whole), ("held", Flag), ("found", Any)]))),
];

const RECORDING: &[(&str, Shape)] = &[
    ("id", Text),
    ("device", Text),
    ("account", Text),
    ("session", Text),
    ("conversation", Nullable(&Text)),
    ("started_at", Seconds),
    ("duration_s", Seconds),
    ("frames", Whole),
    ("bytes", Whole),
    ("sha256", Nullable(&Text)),
    ("status", Word(&Status::NAMES)),
    ("reason", Nullable(&Text)),
    ("attempts", Whole),
    ("next_attempt_at", Nullable(&Seconds)),
];

const UPLOAD: &[(&str, Shape)] = &[
    ("at", Seconds),
    ("recording", Text),
    ("conversation", Nullable(&Text)),
    ("attempt", Whole),
    ("frames", Whole),
    ("outcome", Nullable(&WholeOrWord(&Outcome::WORDS))),
];

const HOLDINGS: &[(&str, Shape)] = &[
    (
        "uploads",
        List(&Object(&[
            ("name", Text),
            ("conversation", Nullable(&Text)),
            ("frames", Whole),
            ("sha256", Text),
            ("times", Whole),
        ])),
    ),
    ("live_frames", Whole),
];

const FRAMES: &[(&str, Shape)] = &[
    ("captured", Whole),
    ("muted", Whole),
    ("rejected", Whole),
    ("lost", Whole),
    ("held", Whole),
    ("released", Whole),
    ("uploaded", Whole),
    ("durable", Whole),
    ("delivered", Whole),
];

const INDICATOR: &[(&str, Shape)] =
    &[("in_memory_s", Seconds), ("on_disk_s", Seconds), ("unsynced_s", Seconds)];

const SESSION: &[(&str, Shape)] = &[
    ("id", Text),
    ("device", Text),
    ("state", Word(&SessionState::NAMES)),
    ("conversation", Nullable(&Text)),
    ("fallback_fired", Flag),
];
