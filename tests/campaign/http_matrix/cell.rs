//! A cell: which behaviours come in which phase, as a feed.

use std::time::Duration;

use earmark_tests::http::course::Course;
use earmark_tests::http::table::{Answer, Behaviour, Class, all};
use serde_json::{Value, json};

/// When the recording is let go, in seconds.
const DUE: u64 = 3;
/// When a person signs in, where one is needed.
const SIGN_IN: u64 = 200;

/// When in an upload's life a behaviour is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// At the first request.
    First,
    /// At the second, when one attempt is spent.
    Middle,
    /// At the third, when two are.
    Last,
    /// At the first request of a process that starts again.
    Restart,
    /// At a question about a job.
    Poll,
    /// While the process stops.
    Stop,
}

impl Phase {
    pub(super) const ALL: [Self; 6] =
        [Self::First, Self::Middle, Self::Last, Self::Restart, Self::Poll, Self::Stop];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Middle => "middle",
            Self::Last => "last",
            Self::Restart => "restart",
            Self::Poll => "poll",
            Self::Stop => "stop",
        }
    }
}

/// Behaviours in a row, and the phase in which they are met.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) phase: Phase,
    /// What the server does, before everything is taken.
    does: Vec<&'static Behaviour>,
    /// What the specification is told that it does.
    pub(super) told: Vec<&'static Behaviour>,
}

impl Cell {
    pub(super) fn of(one: &'static Behaviour, phase: Phase) -> Self {
        let (spends, silence) = (named("multi-status"), named("silence"));
        let does = match phase {
            Phase::First | Phase::Poll | Phase::Stop => vec![one],
            Phase::Middle => vec![spends, one],
            Phase::Last => vec![spends, spends, one],
            Phase::Restart => vec![silence, one],
        };
        Self { phase, told: does.clone(), does }
    }

    pub(super) fn pair(one: &'static Behaviour, two: &'static Behaviour) -> Self {
        let does = vec![one, two];
        Self { phase: Phase::First, told: does.clone(), does }
    }

    /// The server does one thing, and the specification is told another.
    pub(super) fn lie(does: &'static Behaviour, told: &'static Behaviour) -> Self {
        Self { phase: Phase::First, does: vec![does], told: vec![told] }
    }

    pub(super) fn name(&self) -> String {
        let names: Vec<&str> = self.told.iter().map(|one| one.name).collect();
        format!("{} in phase {}", names.join(", "), self.phase.name())
    }

    /// What must come of it.
    pub(super) fn course(&self) -> Course {
        let from = Duration::from_secs(DUE);
        match self.phase {
            Phase::Poll => Course::polled(self.told[0], (from, from)),
            // The disk is slow then.
            Phase::Stop => {
                Course::new(self.told.iter().copied(), (from, from + Duration::from_secs(10)))
            }
            Phase::First | Phase::Middle | Phase::Last | Phase::Restart => {
                Course::new(self.told.iter().copied(), (from, from))
            }
        }
    }

    /// The feed that `earmark play` takes.
    pub(super) fn feed(&self) -> String {
        let (uploads, polls) = self.queues();
        let event = |kind: &str| json!({ "type": kind, "memory": { "id": "c1" } });
        let mut lines = vec![
            line(0.0, "capture.start", &json!({ "device": "pendant", "codec": "opus" })),
            line(0.0, "frames", &json!({ "device": "pendant", "count": 100, "pace": false })),
            line(1.0, "capture.stop", &json!({ "device": "pendant" })),
            line(1.0, "server.respond", &json!({ "queue": queue(&uploads) })),
            line(1.0, "job.respond", &json!({ "queue": queue(&polls) })),
            line(2.0, "socket.up", &json!({ "device": "pendant" })),
            line(2.0, "server.message", &json!({ "text": event("memory_processing_started") })),
        ];
        if self.phase == Phase::Stop {
            lines.push(line(2.5, "disk.slow", &json!({ "seconds": 1, "times": -1 })));
        }
        lines.push(line(DUE as f64, "server.message", &json!({ "text": event("memory_created") })));
        lines.push(line(DUE as f64, "socket.down", &json!({ "device": "pendant" })));
        lines.extend(self.deaths());
        if self.needs_person() {
            lines.push(line(SIGN_IN as f64, "account.sign_in", &json!({ "account": "default" })));
        }
        lines.concat()
    }

    fn deaths(&self) -> Vec<String> {
        match self.phase {
            Phase::First | Phase::Middle | Phase::Last | Phase::Poll => Vec::new(),
            Phase::Restart => {
                vec![line(5.0, "kill", &json!({})), line(6.0, "restart", &json!({}))]
            }
            Phase::Stop => vec![
                line(4.5, "process.stop", &json!({ "deadline": 20 })),
                line(60.0, "disk.slow", &json!({ "seconds": 0, "times": -1 })),
                line(60.0, "process.up", &json!({})),
            ],
        }
    }

    /// The answers to uploads, and to questions about jobs.
    pub(super) fn queues(&self) -> (Vec<Answer>, Vec<Answer>) {
        let taken = || Answer { status: 202, ..Answer::default() };
        let (mut uploads, mut polls) = (Vec::new(), Vec::new());
        for one in &self.does {
            let is_polled = one.job.is_some() || self.phase == Phase::Poll;
            uploads.push(if is_polled { taken() } else { one.answer.clone() });
            let times = one.job.unwrap_or(usize::from(is_polled));
            polls.extend((0..times).map(|_| one.answer.clone()));
        }
        (uploads, polls)
    }

    /// Whether credentials are refused twice in a row.
    fn needs_person(&self) -> bool {
        let refuses = |one: &&&Behaviour| one.to_upload.class == Class::SignIn;
        self.does.iter().filter(refuses).count() > 1
    }
}

/// The behaviour of this name.
pub(super) fn named(name: &str) -> &'static Behaviour {
    all().iter().find(|one| one.name == name).expect("the table has what the cells name")
}

fn queue(answers: &[Answer]) -> Vec<Value> {
    answers.iter().map(Answer::to_json).collect()
}

fn line(at: f64, action: &str, fields: &Value) -> String {
    let mut line = json!({ "at": at, "do": action });
    if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
        line.extend(fields.clone());
    }
    format!("{line}\n")
}
