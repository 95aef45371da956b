use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use super::durability::*;
use super::environment::*;
use super::linkage::*;
use super::progress::*;
use super::upload::*;
use super::*;
use crate::Moment;

const CUSTODY: Custody = Custody {
    acknowledged: true,
    homes: 1,
    confirmed: false,
    let_go: false,
    reported: false,
    rotted: false,
};
const LEAVING: Leaving = Leaving { sealed: true, due: true, ordinal: 2, journalled: 2 };
const BUDGET: Budget = Budget { before: 1, after: 1, content: false, person: false };
const NOW: Moment = Moment::from_micros(1_000_000);
const SECOND: Duration = Duration::from_secs(1);
const WAITING: Waiting<'_> =
    Waiting { state: "sealing", in_flight: false, has_deadline: false, needs_host: false };
const UNENDED: Ended<'_> = Ended {
    status: "pending",
    is_terminal: false,
    needs_person: false,
    healthy_for: Duration::from_secs(2),
    bound: SECOND,
};
const STOP: Stop =
    Stop { taken_after: 0, left_undurable: 0, in_time: true, disk_was_healthy: true };
const TOUCHED: Touched<'_> = Touched { path: "a", inside: true, mode: 0o600, has_token: false };

/// Views that break what is about the disk, each in one way.
fn broken_on_disk() -> Vec<Check> {
    let lost = Custody { homes: 0, ..CUSTODY };
    let found = Found { taken: true, copies: 1, rising: true };
    let synced = Acknowledgement { synced: true, named: true, failed_before: false };
    let recovered = Recovered { taken: 9, acknowledged: 4, found: 6, rotted: false };
    let opening =
        Opening { opened: true, others_harmed: 0, unreadable_gone: 0, rebuilt_same: true };
    alloc::vec![
        no_loss(&lost),
        no_loss(&Custody { homes: 2, ..CUSTODY }),
        no_loss(&Custody { reported: true, ..lost }),
        no_loss(&Custody { rotted: true, ..lost }),
        no_invention(&Found { taken: false, ..found }),
        no_invention(&Found { copies: 2, ..found }),
        no_invention(&Found { rising: false, ..found }),
        acknowledge_after_sync(&Acknowledgement { synced: false, ..synced }),
        acknowledge_after_sync(&Acknowledgement { named: false, ..synced }),
        acknowledge_after_sync(&Acknowledgement { failed_before: true, ..synced }),
        failed_file_is_dead(&FileUse { file: "a", what: "sync", failed_before: true }),
        prefix_recovery(&Recovered { found: 3, ..recovered }),
        prefix_recovery(&Recovered { found: 10, ..recovered }),
        prefix_recovery(&Recovered { found: 10, rotted: true, ..recovered }),
        fencing(&Numbered { next: 4, highest: Some(4) }),
        recovery_is_idempotent(&1, &2),
        sealed_is_immutable(&SealedFile { sealed: 1, now: 2, rotted: false }),
        delete_last(&Unlink { removal_is_durable: false }),
        contain_and_keep(&Opening { opened: false, ..opening }),
        contain_and_keep(&Opening { others_harmed: 1, ..opening }),
        contain_and_keep(&Opening { unreadable_gone: 1, ..opening }),
        contain_and_keep(&Opening { rebuilt_same: false, ..opening }),
        one_owner(&Owners { owners: 2, loser_wrote: 0 }),
        one_owner(&Owners { owners: 1, loser_wrote: 1 }),
        full_disk(&FullTime { acknowledged_lost: 0, dropped: 1, decisions_lost: 0 }),
        full_disk(&FullTime { acknowledged_lost: 0, dropped: 1, decisions_lost: 1 }),
    ]
}

/// Views that break the rest, each in one way.
fn broken_elsewhere() -> Vec<Check> {
    let wait = Wait { now: NOW, until: NOW + SECOND, cap: SECOND, leaves: false };
    alloc::vec![
        one_conversation(&Link { old: Some(&1), new: Some(&2), relinked: false }),
        one_conversation(&Link { old: Some(&1), new: None, relinked: false }),
        no_mixing(&1, &2),
        no_orphans(&Sealed { linked: false, deadline: None, handed: false }),
        link_before_effect(&LinkEffect { what: "upload", supposed: Some(&1), durable: None }),
        event_tolerance(&1, &2),
        session_bounds(&1, &2),
        tenant_wall(&1, &2),
        upload_after_seal(&Leaving { sealed: false, ..LEAVING }),
        upload_after_seal(&Leaving { due: false, ..LEAVING }),
        attempt_written_ahead(&Leaving { journalled: 1, ..LEAVING }),
        budget_is_kept(&Budget { after: 0, ..BUDGET }),
        only_content_spends(&Budget { after: 2, ..BUDGET }),
        only_content_spends(&Budget { after: 3, content: true, ..BUDGET }),
        final_is_final(&AfterRefusal { tried: true, person: false, reason: "413" }),
        final_is_final(&AfterRefusal { tried: false, person: false, reason: "" }),
        one_flight(&Flights { in_flight: 2, same_content: true }),
        one_flight(&Flights { in_flight: 1, same_content: false }),
        synced_is_the_servers_word(&Receipt { synced: true, receipt: false }),
        accepted_has_a_lease(&Lease { ends: None, now: NOW, cap: SECOND }),
        accepted_has_a_lease(&Lease { ends: Some(NOW + SECOND * 2), now: NOW, cap: SECOND }),
        exactly_once(2),
        wait_as_told(&Wait { leaves: true, ..wait }),
        wait_as_told(&Wait { until: NOW + SECOND * 2, ..wait }),
        no_storm(61, 60),
        no_poison(SECOND * 2, SECOND),
        bytes_match(&1, &2),
        terminal_and_visible(&UNENDED),
        never_stuck(Some("a session waits")),
        armed(&WAITING),
        honest_status(&1, &2),
        conservation(&Frames { captured: 2, held: 1, ..Frames::default() }),
        conservation(&Frames { held: u64::MAX, lost: 1, ..Frames::default() }),
        bounded("mailbox", 65, 64),
        orderly_stop(&Stop { taken_after: 1, ..STOP }),
        orderly_stop(&Stop { left_undurable: 1, ..STOP }),
        orderly_stop(&Stop { in_time: false, ..STOP }),
        monotone(&Rank { before: 2, now: 1, person: false }),
        clock_free(&1, &2),
        suspend(2),
        determinism(&1, &2),
        sandbox(&Touched { inside: false, ..TOUCHED }),
        sandbox(&Touched { mode: 0o644, ..TOUCHED }),
        sandbox(&Touched { has_token: true, ..TOUCHED }),
        versions(&VersionedOpening { known: true, opened: false, untouched: true }),
        versions(&VersionedOpening { known: false, opened: true, untouched: true }),
        versions(&VersionedOpening { known: false, opened: false, untouched: false }),
    ]
}

/// Views that look odd and are right.
fn sound() -> Vec<Check> {
    let lost = Custody { homes: 0, ..CUSTODY };
    alloc::vec![
        no_loss(&CUSTODY),
        no_loss(&Custody { confirmed: true, ..CUSTODY }),
        no_loss(&Custody { confirmed: true, ..lost }),
        no_loss(&Custody { let_go: true, ..lost }),
        no_loss(&Custody { reported: true, rotted: true, ..lost }),
        no_loss(&Custody { acknowledged: false, ..lost }),
        prefix_recovery(&Recovered { taken: 9, acknowledged: 4, found: 4, rotted: false }),
        prefix_recovery(&Recovered { taken: 9, acknowledged: 4, found: 0, rotted: true }),
        fencing::<u32>(&Numbered { next: 0, highest: None }),
        fencing(&Numbered { next: 5, highest: Some(4) }),
        sealed_is_immutable(&SealedFile { sealed: 1, now: 2, rotted: true }),
        one_conversation(&Link { old: None, new: Some(&1), relinked: false }),
        one_conversation(&Link { old: Some(&1), new: None, relinked: true }),
        no_orphans(&Sealed { linked: false, deadline: Some(NOW), handed: false }),
        no_orphans(&Sealed { linked: true, deadline: None, handed: false }),
        no_orphans(&Sealed { linked: false, deadline: None, handed: true }),
        budget_is_kept(&Budget { before: 3, after: 0, content: false, person: true }),
        only_content_spends(&Budget { before: 1, after: 2, content: true, person: false }),
        final_is_final(&AfterRefusal { tried: true, person: true, reason: "413" }),
        synced_is_the_servers_word(&Receipt { synced: false, receipt: false }),
        synced_is_the_servers_word(&Receipt { synced: false, receipt: true }),
        synced_is_the_servers_word(&Receipt { synced: true, receipt: true }),
        wait_as_told(&Wait { now: NOW, until: NOW, cap: SECOND, leaves: true }),
        terminal_and_visible(&Ended { is_terminal: true, ..UNENDED }),
        terminal_and_visible(&Ended { needs_person: true, ..UNENDED }),
        terminal_and_visible(&Ended { healthy_for: SECOND, ..UNENDED }),
        armed(&Waiting { in_flight: true, ..WAITING }),
        armed(&Waiting { has_deadline: true, ..WAITING }),
        armed(&Waiting { needs_host: true, ..WAITING }),
        conservation(&Frames { captured: 3, muted: 1, held: 2, ..Frames::default() }),
        orderly_stop(&STOP),
        orderly_stop(&Stop { left_undurable: 1, disk_was_healthy: false, ..STOP }),
        monotone(&Rank { before: 2, now: 1, person: true }),
        sandbox(&TOUCHED),
        versions(&VersionedOpening { known: false, opened: false, untouched: true }),
    ]
}

#[test]
fn every_invariant_can_be_broken_and_says_so() {
    let broken: Vec<Check> = broken_on_disk().into_iter().chain(broken_elsewhere()).collect();
    assert_eq!(broken.iter().position(Check::is_ok), None, "a broken view passes");
    let named: BTreeSet<Invariant> = broken.into_iter().filter_map(Check::err).map(of).collect();
    assert_eq!(Vec::from_iter(named), INVARIANTS);
}

fn of(violation: Violation) -> Invariant {
    violation.invariant
}

#[test]
fn what_is_right_passes() {
    let failed: Vec<Violation> = sound().into_iter().filter_map(Check::err).collect();
    assert_eq!(failed, []);
}

#[test]
fn an_id_is_a_letter_and_a_number_and_stands_once() {
    let ids: BTreeSet<&str> = INVARIANTS.iter().map(|one| one.id()).collect();
    assert_eq!(ids.len(), INVARIANTS.len());
    assert!(ids.iter().all(|id| id.starts_with(['D', 'L', 'U', 'V', 'X'])));
}

#[test]
fn a_tally_counts_what_held_and_passes_on_what_did_not() {
    let mut tally = Tally::new();
    assert_eq!(tally.note(exactly_once(1)), Ok(()));
    assert!(tally.note(exactly_once(2)).is_err());
    let mut other = tally.clone();
    other.add(&tally);
    let counted: Vec<_> = other.counts().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(Invariant::ExactlyOnce, 2)]);
}

#[test]
#[should_panic(
    expected = "U8 is broken (The server holds one logical copy of a recording at most)"
)]
fn to_uphold_a_broken_invariant_is_to_stop() {
    uphold(exactly_once(2));
}
