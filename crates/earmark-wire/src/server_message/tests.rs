use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

#[test]
fn every_message_of_a_server_has_a_meaning() {
    use ServerMessage as M;
    let cases = [
        ("ping", M::Ping),
        ("ping\n", M::Ping),
        (r#"{"type":"ping"}"#, M::Ping),
        ("[]", M::Segments { count: 0 }),
        (r#"[{"id":"a","text":"hi","start":0.1},{"id":"b"}]"#, M::Segments { count: 2 }),
        (
            r#"{"type":"service_status","status":"ready","status_text":"x"}"#,
            M::ServiceStatus { status: Some("ready".into()) },
        ),
        (
            r#"{"type":"last_memory","memory_id":"C0"}"#,
            M::LastConversation { conversation: conversation("C0") },
        ),
        (
            r#"{"type":"conversation_session","conversation_id":"C2","status":"in_progress"}"#,
            M::ConversationSession {
                conversation: conversation("C2"),
                status: Some("in_progress".into()),
            },
        ),
        (r#"{"type":"translating","segments":[{}]}"#, M::Translating),
        (r#"{"type":"photo_processing"}"#, M::PhotoProcessing),
        (r#"{"type":"photo_described"}"#, M::PhotoDescribed),
        (r#"{"type":"speaker_label_suggestion"}"#, M::SpeakerLabelSuggestion),
        (r#"{"type":"onboarding_question"}"#, M::OnboardingQuestion),
        (r#"{"type":"question_answered"}"#, M::QuestionAnswered),
        (r#"{"type":"onboarding_complete"}"#, M::OnboardingComplete),
        (
            r#"{"type":"freemium_threshold_reached","remaining_seconds":1}"#,
            M::FreemiumThresholdReached,
        ),
        (r#"{"type":"segments_deleted"}"#, M::SegmentsDeleted),
        (r#"{"type":"new_processing_memory_created"}"#, M::Legacy),
        (r#"{"type":"telepathy"}"#, M::Unknown { kind: "telepathy".into() }),
    ];
    for (text, message) in cases {
        assert_eq!(ServerMessage::parse(text), Ok(message), "{text}");
    }
}

#[test]
fn the_conversation_of_processing_started_is_found_wherever_it_stands() {
    for fields in [
        r#""memory":{"id":"C1","transcript_segments":[{"id":"other"}]},"messages":[]"#,
        r#""conversation":{"id":"C1"}"#,
        r#""memory_id":"C1""#,
        r#""conversation_id":"C1""#,
        r#""memory":null,"conversation_id":"C1""#,
        r#""memory":{"id":"C1"},"memory_id":"C1""#,
    ] {
        assert_eq!(processing_started(fields), conversation("C1"), "{fields}");
    }
}

#[test]
fn a_conversation_without_a_usable_id_is_no_conversation() {
    let overlong = format!(r#""memory":{{"id":"{}"}}"#, "x".repeat(257));
    for fields in [
        r#""memory":{}"#,
        r#""memory":{"id":""}"#,
        r#""memory":{"id":7}"#,
        r#""memory":{"id":{"id":"C1"}}"#,
        r#""memory":["C1"]"#,
        r#""memory":"C1""#,
        r#""memory":true"#,
        r#""id":"C1""#,
        overlong.as_str(),
    ] {
        assert_eq!(processing_started(fields), None, "{fields}");
    }
}

#[test]
fn two_ids_that_differ_name_no_conversation() {
    assert_eq!(processing_started(r#""memory":{"id":"C1"},"memory_id":"C2""#), None);
    assert!(matches!(
        ServerMessage::parse(
            r#"{"type":"memory_created","memory":{"id":"C1","id":"C2"},"messages":null}"#
        ),
        Err(MessageFault::Malformed { .. })
    ));
}

#[test]
fn a_ready_conversation_tells_from_when_to_when_it_was() {
    for (started, finished) in [
        (r#""2026-04-04T12:00:00Z""#, r#""2026-04-04T14:01:00+02:00""#),
        ("1775304000", "1775304060.0"),
        ("1775304000000", "1775304060000"),
    ] {
        let text = format!(
            r#"{{"memory":{{"id":"C1","started_at":{started},"finished_at":{finished},
                "structured":{{"title":"t"}}}},"messages":null,"type":"memory_created"}}"#
        );
        assert_eq!(
            ServerMessage::parse(&text),
            Ok(ServerMessage::ConversationEvent {
                conversation: conversation("C1"),
                started_at: Some(WallTime::from_unix_micros(1_775_304_000_000_000)),
                finished_at: Some(WallTime::from_unix_micros(1_775_304_060_000_000)),
            })
        );
    }
}

#[test]
fn an_event_with_odd_times_is_still_an_event() {
    let text =
        r#"{"type":"memory_created","memory":{"id":"C1","started_at":"soon","finished_at":[]}}"#;
    assert_eq!(
        ServerMessage::parse(text),
        Ok(ServerMessage::ConversationEvent {
            conversation: conversation("C1"),
            started_at: None,
            finished_at: None,
        })
    );
}

#[test]
fn what_is_no_message_is_refused_with_the_place() {
    for text in ["", "pong", "PING", "{", r#"{"type":"ping"}x"#, "[1,", "{'type':1}"] {
        let fault = ServerMessage::parse(text);
        assert!(matches!(fault, Err(MessageFault::Malformed { .. })), "{text}: {fault:?}");
    }
    assert_eq!(
        ServerMessage::parse("{\n  \"type\": ?}"),
        Err(MessageFault::Malformed { line: 2, column: 11 })
    );
    for text in ["{}", "7", "null", r#""ping""#, r#"{"type":7}"#, r#"{"type":null}"#] {
        assert_eq!(ServerMessage::parse(text), Err(MessageFault::NoType), "{text}");
    }
}

#[test]
fn a_message_over_the_limit_is_not_even_parsed() {
    let padding = |bytes: usize| format!("{}ping", " ".repeat(bytes - 4));
    assert_eq!(ServerMessage::parse(&padding(SERVER_MESSAGE_BYTES_MAX)), Ok(ServerMessage::Ping));
    assert_eq!(
        ServerMessage::parse(&padding(SERVER_MESSAGE_BYTES_MAX + 1)),
        Err(MessageFault::TooLong { bytes: SERVER_MESSAGE_BYTES_MAX + 1 })
    );
}

#[test]
fn deep_nesting_overflows_no_stack() {
    let depth = SERVER_MESSAGE_BYTES_MAX / 3;
    for (open, close) in [("[", "]"), (r#"{"type":"#, "}"), (r#"{"memory":"#, "}")] {
        let depth = depth / open.len();
        let whole = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let _ = ServerMessage::parse(&whole);
        let _ = ServerMessage::parse(&open.repeat(depth));
        let inside = format!(r#"{{"type":"memory_created","memory":{whole}}}"#);
        let _ = ServerMessage::parse(&inside);
    }
}

#[test]
fn a_long_type_is_kept_in_part_only() {
    let text = format!(r#"{{"type":"{}"}}"#, "é".repeat(100_000));
    let Ok(ServerMessage::Unknown { kind }) = ServerMessage::parse(&text) else {
        panic!("the type is none that is known");
    };
    assert_eq!(kind, "é".repeat(KIND_CHARS_MAX));
}

#[test]
fn a_ping_is_answered_with_two_bytes() {
    assert_eq!(pong(), [0x8a, 0x00]);
}

#[test]
fn a_fault_says_where() {
    let fault = MessageFault::Malformed { line: 1, column: 9 };
    assert_eq!(fault.to_string(), "the message is neither `ping` nor JSON: line 1, column 9");
}

const KINDS: [&str; 6] = [
    "memory_created",
    "memory_processing_started",
    "conversation_session",
    "last_memory",
    "service_status",
    "?",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = ServerMessage::parse(&text);
    }

    #[test]
    fn no_text_that_is_nearly_json_makes_it_panic(text in r#"[\[\]{}",:0-9eE.\\u+\-a ]{0,60}"#) {
        let _ = ServerMessage::parse(&text);
    }

    #[test]
    fn any_value_in_any_field_is_read_and_what_is_kept_is_short(
        kind in prop::sample::select(&KINDS[..]),
        memory in json(),
        id in json(),
        status in json(),
    ) {
        let text = format!(
            r#"{{"memory":{memory},"memory_id":{id},"conversation":{{"id":{id},"started_at":{id}}},
                "status":{status},"type":"{kind}"}}"#
        );
        let message = ServerMessage::parse(&text).expect("every field is lenient");
        if let ServerMessage::ServiceStatus { status: Some(kept) }
        | ServerMessage::Unknown { kind: kept } = message
        {
            prop_assert!(kept.chars().count() <= KIND_CHARS_MAX);
        }
    }

    #[test]
    fn a_cut_message_is_a_fault_and_never_another_message(cut in 1_usize..90) {
        let text = r#"{"type":"memory_processing_started",
            "memory":{"id":"C1","started_at":"x"},"messages":[]}"#;
        let cut = &text[..cut.min(text.len() - 1)];
        let is_fault = matches!(ServerMessage::parse(cut), Err(MessageFault::Malformed { .. }));
        prop_assert!(is_fault);
    }

    #[test]
    fn every_id_of_legal_length_comes_back_as_it_was(id in "\\PC{1,60}") {
        let quoted = serde_json::to_string(&id).expect("a text is JSON");
        prop_assert_eq!(
            processing_started(&format!(r#""memory":{{"id":{quoted}}}"#)),
            conversation(&id)
        );
    }
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(String::from("null")),
        Just(String::from("true")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        "-?[1-9]\\.[0-9]{1,5}e[0-9]{1,2}",
        "\\PC{0,100}".prop_map(|text| serde_json::to_string(&text).expect("a text is JSON")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3);
        let object = prop::collection::vec(inner, 0..2);
        prop_oneof![
            list.prop_map(|list| format!("[{}]", list.join(","))),
            object.prop_map(|values| {
                let fields = ["id", "started_at"].iter().zip(values);
                let fields = fields.map(|(key, value)| format!(r#""{key}":{value}"#));
                format!("{{{}}}", fields.collect::<alloc::vec::Vec<_>>().join(","))
            }),
        ]
    })
}

fn conversation(id: &str) -> Option<ConversationId> {
    Some(ConversationId::new(id).expect("a legal id"))
}

fn processing_started(fields: &str) -> Option<ConversationId> {
    let text = format!(r#"{{"type":"memory_processing_started",{fields}}}"#);
    match ServerMessage::parse(&text) {
        Ok(ServerMessage::ProcessingStarted { conversation }) => conversation,
        other => panic!("{text}: {other:?}"),
    }
}
