use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::report::tests::REPORT;

fn expectation(fields: &Value) -> Result<Expectation, ExpectationError> {
    Expectation::parse(fields.as_object().unwrap())
}

/// What differs from what is expected of the report; `null` when nothing does.
fn found(fields: &Value) -> Value {
    let report: Report = serde_json::from_str(REPORT).unwrap();
    let verdict = expectation(fields).unwrap().check(7, &report);
    assert_eq!((verdict.line, verdict.held), (7, verdict.found.is_null()));
    verdict.found
}

fn refusal(fields: &Value) -> String {
    expectation(fields).unwrap_err().to_string()
}

#[test]
fn only_the_parts_that_are_named_are_compared() {
    for held in [
        json!({}),
        json!({"recordings": [{}, {}]}),
        json!({"frames": {"captured": 3001}}),
        json!({"recordings": [{"status": "synced", "conversation": "c1"}, {"attempts": 1}]}),
        json!({"uploads": [{"outcome": 202}, {"outcome": "lost"}, {"outcome": null}]}),
        json!({"server": {"uploads": [{"times": 1}]}}),
        json!({"sessions": [{"fallback_fired": true, "state": "awaiting_conversation"}]}),
        json!({"timeline": [{"what": "capture.start", "device": "pen"}]}),
        json!({"expectations": [{"held": true}]}),
    ] {
        assert_eq!(found(&held), Value::Null, "{held}");
    }
}

#[test]
fn found_shows_the_differing_parts_alone() {
    assert_eq!(
        found(&json!({
            "frames": {"captured": 3001, "lost": 1},
            "events": {"ignored": 2},
            "recordings": [{"status": "synced"}, {"status": "synced", "attempts": 1}],
            "server": null,
        })),
        json!({
            "frames": {"lost": 0},
            "recordings": {"1": {"status": "retrying"}},
            "server": {
                "uploads": [{
                    "name": "audio_pen.bin", "conversation": "c1", "frames": 3000,
                    "sha256": "ab", "times": 1,
                }],
                "live_frames": 12,
            },
        })
    );
}

#[test]
fn a_list_has_exactly_the_elements_that_are_given() {
    assert_eq!(
        found(&json!({"sessions": []})),
        json!({"sessions": {"count": 1, "0": {
            "id": "s-00000001-1", "device": "pen", "state": "awaiting_conversation",
            "conversation": "c1", "fallback_fired": true,
        }}})
    );
    assert_eq!(
        found(&json!({"recordings": [{"status": "synced"}, {}, {}]})),
        json!({"recordings": {"count": 2}})
    );
}

#[test]
fn a_list_may_be_counted_instead() {
    assert_eq!(found(&json!({"recordings": {"count": 2}})), Value::Null);
    assert_eq!(found(&json!({"recordings": {"count": {"min": 1}}})), Value::Null);
    assert_eq!(
        found(&json!({"recordings": {"count": 3}, "uploads": {"count": {"max": 2}}})),
        json!({"recordings": {"count": 2}, "uploads": {"count": 3}})
    );
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    for held in [
        json!({"ended_at": 29.999, "frames": {"captured": 3001.0}}),
        json!({"ended_at": 29.999_001}),
        json!({"recordings": [{"duration_s": 30.0}, {"next_attempt_at": 34.5}]}),
        json!({"recordings": [{"started_at": 1_775_260_800.25}, {}]}),
    ] {
        assert_eq!(found(&held), Value::Null, "{held}");
    }
    assert_eq!(found(&json!({"ended_at": 29.999_002})), json!({"ended_at": 29.999}));
    assert_eq!(
        found(&json!({"frames": {"captured": 3000}})),
        json!({"frames": {"captured": 3001}})
    );
}

#[test]
fn a_range_holds_its_bounds() {
    for held in [
        json!({"ended_at": {"min": 29.999, "max": 29.999}}),
        json!({"frames": {"lost": {"max": 0}, "captured": {"min": 1}}}),
        json!({"uploads": [{"outcome": {"min": 200, "max": 299}}, {}, {}]}),
    ] {
        assert_eq!(found(&held), Value::Null, "{held}");
    }
    assert_eq!(found(&json!({"ended_at": {"min": 30}})), json!({"ended_at": 29.999}));
    assert_eq!(found(&json!({"ended_at": {"max": 29}})), json!({"ended_at": 29.999}));
    let null = json!({"recordings": [{"next_attempt_at": {"min": 0}}, {}]});
    assert_eq!(found(&null), json!({"recordings": {"0": {"next_attempt_at": null}}}));
}

#[test]
fn a_field_that_no_report_has_is_refused_with_the_nearest_one() {
    assert_eq!(
        refusal(&json!({"recording": []})),
        "\"recording\" is no field of the report: expected one of version, ended_at, recordings, \
         uploads, server, frames, indicator, sessions, events, timeline, expectations; \
         the nearest is \"recordings\""
    );
    assert_eq!(
        refusal(&json!({"server": {"uploads": [{}, {"time": 1}]}})),
        "\"time\" is no field of the report of \"server.uploads[1]\": \
         expected one of name, conversation, frames, sha256, times; the nearest is \"times\""
    );
}

#[test]
fn a_value_that_a_field_never_has_is_refused() {
    for (fields, message) in [
        (
            json!({"recordings": [{"status": "sycned"}]}),
            "\"recordings[0].status\" is \"sycned\": expected one of capturing, pending, \
             uploading, processing, retrying, synced, failed, corrupted",
        ),
        (
            json!({"frames": {"lost": -1}}),
            "\"frames.lost\" is -1: expected a whole number not below 0, \
             or {\"min\", \"max\"} of such numbers",
        ),
        (
            json!({"frames": {"lost": "none"}}),
            "\"frames.lost\" is \"none\": expected a whole number, \
             or {\"min\", \"max\"} of such numbers",
        ),
        (
            json!({"ended_at": {"min": 2, "max": 1}}),
            "\"ended_at\" is {\"max\":1,\"min\":2}: expected a number of seconds, \
             or {\"min\", \"max\"} of such numbers",
        ),
        (
            json!({"ended_at": {}}),
            "\"ended_at\" is {}: expected a number of seconds, \
             or {\"min\", \"max\"} of such numbers",
        ),
        (
            json!({"recordings": {"count": 1, "status": "synced"}}),
            "\"recordings\" is {\"count\":1,\"status\":\"synced\"}: \
             expected a list, or {\"count\"}",
        ),
        (
            json!({"recordings": {"count": 1.5}}),
            "\"recordings.count\" is 1.5: expected a whole number not below 0, \
             or {\"min\", \"max\"} of such numbers",
        ),
        (
            json!({"uploads": [{"outcome": "gone"}]}),
            "\"uploads[0].outcome\" is \"gone\": \
             expected a whole number or one of refused, reset, timeout, lost, or null",
        ),
        (
            json!({"recordings": [{"conversation": 7}]}),
            "\"recordings[0].conversation\" is 7: expected a text, or null",
        ),
        (json!({"frames": 3}), "\"frames\" is 3: expected an object"),
        (json!({"server": []}), "\"server\" is []: expected an object, or null"),
        (
            json!({"sessions": [{"fallback_fired": 1}]}),
            "\"sessions[0].fallback_fired\" is 1: expected true or false",
        ),
    ] {
        assert_eq!(refusal(&fields), message);
    }
}

#[test]
fn every_field_of_a_report_may_be_expected_and_holds_against_itself() {
    let report: Report = serde_json::from_str(REPORT).unwrap();
    let all = serde_json::to_value(&report).unwrap();
    assert_eq!(found(&all), Value::Null);
}

#[test]
fn what_is_left_over_of_a_long_list_is_shown_in_part() {
    let mut report: Report = serde_json::from_str(REPORT).unwrap();
    report.timeline = vec![report.timeline[0].clone(); 100];
    let verdict = expectation(&json!({"timeline": []})).unwrap().check(1, &report);
    let shown = verdict.found["timeline"].as_object().unwrap();
    assert_eq!((shown["count"].as_u64(), shown.len()), (Some(100), 17));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "recordings",
        "frames",
        "server",
        "uploads",
        "timeline",
        "count",
        "min",
        "max",
        "at",
        "outcome",
        "expectations",
        "found",
        "x",
        "status",
    ]);
    leaf.prop_recursive(5, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..4).prop_map(|fields| {
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_an_expectation_panic(json in any_json()) {
        let fields = json.as_object().cloned().unwrap_or_default();
        if let Ok(expectation) = Expectation::parse(&fields) {
            let report: Report = serde_json::from_str(REPORT).unwrap();
            let verdict = expectation.check(1, &report);
            prop_assert_eq!(verdict.held, verdict.found.is_null());
            prop_assert_eq!(Expectation::parse(&expectation.fields()), Ok(expectation));
        }
    }
}
