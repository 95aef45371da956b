//! How the process dies and comes back, and what the machine around it does.

use earmark_core::Account;
use earmark_sim::feed::Action;

use super::super::kinds::FaultKind;
use super::super::story::{Down, SECOND, Story};

/// The deaths of a world, each with the start after it.
pub(super) fn deaths(story: &mut Story) {
    for (kind, most) in [
        (FaultKind::Kill, 3),
        (FaultKind::Reordered, 2),
        (FaultKind::BootId, 1),
        (FaultKind::TornWrite, 1),
        (FaultKind::StopMidDrain, 1),
        (FaultKind::Panic, 1),
        (FaultKind::DiesOpening, 2),
        (FaultKind::RestartStorm, 1),
    ] {
        if !story.has(kind) {
            continue;
        }
        for _ in 0..story.dice.between(1, most) {
            let at = story.moment();
            death(story, kind, at);
        }
    }
}

fn death(story: &mut Story, kind: FaultKind, at: u64) {
    let mut at = at;
    match kind {
        FaultKind::Reordered | FaultKind::BootId | FaultKind::TornWrite => {
            let seed = story.dice.roll();
            story.tell(at, Action::PowerCut { seed });
        }
        FaultKind::StopMidDrain => {
            let micros = story.dice.pick(&[0, 50_000, SECOND, 5 * SECOND]);
            story.tell(at, Action::ProcessStop { micros });
        }
        FaultKind::Panic => {
            let after = u32::try_from(story.dice.below(12)).unwrap_or(0);
            story.tell(at, Action::ProcessPanic { after });
            at += story.dice.between(1, 300) * SECOND;
            story.tell(at, Action::Kill);
        }
        FaultKind::RestartStorm => {
            for _ in 0..story.dice.between(3, 6) {
                story.tell(at, Action::Kill);
                at += story.dice.between(10_000, SECOND);
                story.tell(at, Action::ProcessUp);
                at += story.dice.between(10_000, SECOND);
            }
            story.tell(at, Action::Kill);
        }
        _ => story.tell(at, Action::Kill),
    }
    let from = at;
    if kind == FaultKind::DiesOpening
        || (story.has(FaultKind::DiesOpening) && story.dice.percent(50))
    {
        for _ in 0..story.dice.between(1, 3) {
            at += story.dice.between(10_000, SECOND);
            let after = story.dice.below(40);
            story.tell(at, Action::ProcessDiesOpening { after });
        }
    }
    at += story.dice.pick(&[10_000, SECOND, 5 * SECOND, 60 * SECOND]);
    story.tell(at, Action::ProcessUp);
    story.downs.push(Down { from, until: at });
}

/// Clocks, zones, sleep, the network, sign-ins, and a second process.
pub(super) fn surroundings(story: &mut Story) {
    if story.has(FaultKind::WallJump) {
        let seconds = story.dice.pick(&[1, 3_600, 86_400, 365 * 86_400, 3_650 * 86_400]);
        let micros = i64::try_from(seconds * SECOND).unwrap_or(i64::MAX);
        let micros = if story.dice.percent(50) { micros } else { -micros };
        let at = story.moment();
        story.tell(at, Action::ClockJump { micros });
    }
    if story.has(FaultKind::Zone) {
        let at = story.moment();
        let minutes = story.dice.pick(&[-720, -60, 60, 330, 840]);
        story.tell(at, Action::ClockZone { minutes });
    }
    if story.has(FaultKind::Suspend) {
        let at = story.moment();
        let micros = story.dice.between(1, 8) * 3_600 * SECOND;
        story.tell(at, Action::Suspend { micros });
    }
    if story.has(FaultKind::SecondInstance) {
        let at = story.moment_alive();
        story.tell(at, Action::ProcessSecond);
    }
    if story.dice.percent(25) {
        let at = story.moment();
        let until = at + story.dice.between(1, 300) * SECOND;
        story.tell(at, Action::NetworkOffline);
        story.tell(until.min(story.end), Action::NetworkOnline);
    }
    if story.has(FaultKind::UserSwitch) || story.dice.percent(8) {
        let account = Account::new("default").expect("short enough");
        let at = story.moment();
        let until = at + story.dice.between(1, 120) * SECOND;
        story.tell(at, Action::AccountSignOut { account: account.clone() });
        story.tell(until.min(story.end), Action::AccountSignIn { account });
    }
}
