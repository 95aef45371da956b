//! Clocks, suspend, sandbox, versions.

use earmark_core::invariant::Invariant::{ClockFree, Determinism, Sandbox, Suspend, Versions};

use super::{Bug, Layer};

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "wall-clock-decides",
        breaks: ClockFree,
        wrong: "deadlines are counted on the wall clock",
        file: "crates/earmark-core/src/moment.rs",
        text: "if self.set.boot == now.boot {
            return self.set.moment + self.wait;",
        with: "if self.set.boot == now.boot && !PLANTED {
            return self.set.moment + self.wait;",
        layers: &[Layer::Feeds("life/a_jump_of_the_clock_moves_no_further_try")],
    },
    Bug {
        name: "deadlines-sleep-on",
        breaks: Suspend,
        wrong: "a machine that wakes up counts its waits on as if it had not slept",
        file: "crates/earmark/src/actors/timer.rs",
        text: "let wait = at.since(clock.stamp().moment).min(RECHECK);",
        with: "let wait = at.since(clock.stamp().moment);
            let wait = if PLANTED { wait } else { wait.min(RECHECK) };",
        layers: &[Layer::Check("suspend")],
    },
    Bug {
        name: "chance-of-its-own",
        breaks: Determinism,
        wrong: "what is left to chance does not follow from the seed",
        file: "crates/earmark/src/runtime.rs",
        text: "self.chance = Chance::seeded(seed);",
        with: "self.chance =
            if PLANTED { Chance::from_system() } else { Chance::seeded(seed) };",
        layers: &[Layer::FeedsTwice("races/spent_attempts_survive_every_kill")],
    },
    Bug {
        name: "files-for-everybody",
        breaks: Sandbox,
        wrong: "files of the store can be read by everybody on the machine",
        file: "crates/earmark-store/src/disk/fs.rs",
        text: "rustix::fs::openat(dir, name, flags | OFlags::CLOEXEC, FILE_MODE)?;
        Ok(Arc::new(FsFile(File::from(file))))",
        with: "rustix::fs::openat(dir, name, flags | OFlags::CLOEXEC, FILE_MODE)?;
        if PLANTED {
            rustix::fs::fchmod(&file, FILE_MODE | Mode::RGRP | Mode::ROTH)?;
        }
        Ok(Arc::new(FsFile(File::from(file))))",
        layers: &[Layer::Check("sandbox")],
    },
    Bug {
        name: "token-is-shown",
        breaks: Sandbox,
        wrong: "a token stands in what is written for debugging",
        file: "crates/earmark/src/credentials.rs",
        text: r#"f.write_str("Token(hidden)")"#,
        with: r#"f.write_str(if PLANTED { &self.0 } else { "Token(hidden)" })"#,
        layers: &[Layer::Check("sandbox")],
    },
    Bug {
        name: "newer-format-is-opened",
        breaks: Versions,
        wrong: "a store of a newer version is opened, and changed",
        file: "crates/earmark-store/src/identity.rs",
        text: "if page.version > VERSION {",
        with: "if page.version > VERSION && !PLANTED {",
        layers: &[Layer::Check("versions")],
    },
];
