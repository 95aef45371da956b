use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../../docs/protocol.md");

fn row(number: &str, rule: &Rule) -> String {
    format!("| {number} | {} | {} |", rule.means, rule.reaction)
}

fn rows(rules: &[Rule], other: &Rule) -> Vec<String> {
    let listed = rules.iter().map(|rule| {
        let numbers: Vec<String> = rule.numbers.iter().map(u16::to_string).collect();
        row(&numbers.join(", "), rule)
    });
    listed.chain([row("any other", other)]).collect()
}

/// The rows of the document's table with this head.
fn documented(head: &str) -> Vec<&'static str> {
    let table = DOCUMENT.split_once(head).expect("the document has the table").1;
    table.lines().skip(2).take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn the_document_has_the_table_of_close_codes_as_it_is() {
    let mut expected = rows(CLOSES, &OTHER_CLOSE);
    for (reason, rule) in REASONS {
        let numbers: Vec<String> = rule.numbers.iter().map(u16::to_string).collect();
        let named = format!("{} with the reason `{reason}`", numbers.join(", "));
        expected.insert(expected.len() - 1, row(&named, rule));
    }
    assert_eq!(documented("| close code | means | reaction |"), expected);
}

#[test]
fn the_document_has_the_table_of_refused_upgrades_as_it_is() {
    let expected = rows(REFUSALS, &OTHER_REFUSAL);
    assert_eq!(documented("| refused with | means | reaction |"), expected);
}

#[test]
fn no_number_stands_in_a_table_twice() {
    for rules in [CLOSES, REFUSALS] {
        let all: Vec<u16> = rules.iter().flat_map(|rule| rule.numbers).copied().collect();
        let distinct: BTreeSet<u16> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len(), "{all:?}");
    }
}

#[test]
fn what_is_not_listed_is_tried_again() {
    for code in (0..=u16::MAX).filter(|code| CLOSES.iter().all(|one| !one.numbers.contains(code))) {
        assert_eq!(Verdict::of_close(&Closed::with(code)).reaction, Reaction::Reconnect, "{code}");
    }
    for status in [100, 200, 302, 418, 599] {
        let verdict = Verdict::of_fault(&DialFault::Refused(Refused::with(status)));
        assert_eq!(verdict.reaction, Reaction::Reconnect, "{status}");
    }
    let unreachable = Verdict::of_fault(&DialFault::Unreachable("no route".into()));
    assert_eq!(unreachable.reaction, Reaction::Reconnect);
    assert_eq!(unreachable.words, "the server is not reached: no route");
}

#[test]
fn an_expired_trial_is_told_from_every_other_refusal_of_its_code() {
    let close = |reason: &str| Closed { code: 1008, reason: reason.into() };
    assert_eq!(Verdict::of_close(&close("trial_expired")).reaction, Reaction::Stop);
    assert_eq!(Verdict::of_close(&close("bad user")).reaction, Reaction::SignInOnce);
    let elsewhere = Closed { code: 1011, reason: "trial_expired".into() };
    assert_eq!(Verdict::of_close(&elsewhere).reaction, Reaction::Reconnect);
}

#[test]
fn a_pause_that_the_server_asks_for_is_kept() {
    let pause = Duration::from_secs(7);
    let refused = Refused { status: 503, retry_after: Some(pause) };
    assert_eq!(Verdict::of_fault(&DialFault::Refused(refused)).pause, pause);
}

#[test]
fn a_reason_of_the_server_cannot_forge_a_line_or_colour_a_screen() {
    let hostile = format!("ok\r\n\u{1b}[31mred\u{202e}{}\0", "x".repeat(1_000));
    let words = Verdict::of_close(&Closed { code: 4002, reason: hostile }).words;
    assert!(words.starts_with("no credit is left (close code 4002: ok[31mred"), "{words}");
    assert!(!words.contains(char::is_control) && !words.contains('\u{202e}'), "{words}");
    assert!(words.chars().count() < 200, "{words}");
}
