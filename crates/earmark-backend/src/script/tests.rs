use super::*;

fn parse(action: &str, json: &str) -> Result<ServerAction, FieldError> {
    let fields: Map<String, Value> = serde_json::from_str(json).unwrap();
    ServerAction::parse(action, &fields).expect("an action of the server")
}

fn error(action: &str, json: &str) -> String {
    parse(action, json).unwrap_err().to_string()
}

fn first_answer(json: &str) -> Answer {
    let line = format!(r#"{{"queue":[{json}]}}"#);
    let ServerAction::Respond(mut answers) = parse("server.respond", &line).unwrap() else {
        panic!("answers");
    };
    answers.remove(0)
}

#[test]
fn actions_of_others_are_left_to_them() {
    assert_eq!(ServerAction::parse("capture.start", &Map::new()), None);
}

#[test]
fn a_message_is_a_text_as_it_is_or_a_json_value_in_its_compact_form() {
    let line = r#"{"at":1,"do":"server.message","device":"pen","text":{"a":[1, 2], "type":"x"}}"#;
    assert_eq!(
        parse("server.message", line),
        Ok(ServerAction::Message {
            device: Some("pen".into()),
            text: r#"{"a":[1,2],"type":"x"}"#.into()
        })
    );
    let ServerAction::Message { text, .. } =
        parse("server.message", r#"{"text":"{ broken"}"#).unwrap()
    else {
        panic!("a message");
    };
    assert_eq!(text, "{ broken");
}

#[test]
fn an_answer_is_read_with_all_its_fields() {
    let answer = first_answer(
        r#"{"status":429,"body":{"a":1},"headers":{"Retry-After":30},"delay":0.5,
            "fault":"truncate","stored":true}"#,
    );
    assert_eq!(
        answer,
        Answer {
            status: 429,
            body: Some(r#"{"a":1}"#.into()),
            headers: vec![("retry-after".into(), "30".into())],
            delay: Duration::from_millis(500),
            fault: Some(Fault::Truncate),
            stored: Some(true),
        }
    );
}

#[test]
fn an_upload_is_kept_when_the_status_or_the_script_says_so() {
    let kept = |json: &str| first_answer(json).stored();
    assert!(kept("{}"));
    assert!(kept(r#"{"status":200}"#));
    assert!(!kept(r#"{"status":200,"stored":false}"#));
    assert!(!kept(r#"{"status":503}"#));
    assert!(kept(r#"{"status":503,"stored":true}"#));
    assert!(kept(r#"{"status":503,"fault":"reset_after"}"#));
    assert!(kept(r#"{"fault":"truncate"}"#));
    for fault in ["refuse", "reset_before", "reset_mid", "hang"] {
        assert!(!kept(&format!(r#"{{"fault":"{fault}"}}"#)), "{fault}");
    }
}

#[test]
fn a_field_that_cannot_be_used_is_named_with_its_place() {
    assert_eq!(
        error("server.respond", r#"{"queue":[{},{"status":99}]}"#),
        "`queue[1].status` is 99; expected a whole number from 200 to 599"
    );
    assert_eq!(
        error("server.respond", r#"{"queue":[{"at":1}]}"#),
        "`queue[0].at` is an unknown field; \
         expected one of status, body, headers, delay, fault, stored"
    );
    assert_eq!(
        error("socket.stall", r#"{"device":""}"#),
        "`device` is \"\"; expected a text of 1 to 128 bytes"
    );
    assert_eq!(
        error("server.respond", r#"{"queue":[{"fault":"hang","stored":true}]}"#),
        "`queue[0].stored` is true; expected false: with `hang` the server keeps nothing"
    );
}

#[test]
fn what_is_missing_or_out_of_bounds_is_refused() {
    for (action, json) in [
        ("server.message", "{}"),
        ("server.respond", "{}"),
        ("server.respond", r#"{"queue":{}}"#),
        ("server.respond", r#"{"queue":[1]}"#),
        ("server.respond", r#"{"queue":[{"delay":-1}]}"#),
        ("server.respond", r#"{"queue":[{"delay":1e300}]}"#),
        ("server.respond", r#"{"queue":[{"fault":"explode"}]}"#),
        ("server.respond", r#"{"queue":[{"headers":{"a":"b\r\nc: d"}}]}"#),
        ("server.respond", r#"{"queue":[{"headers":{"Content-Length":"7"}}]}"#),
        ("server.respond", r#"{"queue":[{"status":200.5}]}"#),
        ("job.respond", r#"{"queue":[{"stored":"yes"}]}"#),
        ("server.end", r#"{"event":1}"#),
    ] {
        assert!(parse(action, json).is_err(), "{action} {json}");
    }
    let long = "x".repeat(MESSAGE_TEXT_BYTES_MAX + 1);
    assert!(error("server.message", &format!(r#"{{"text":"{long}"}}"#)).len() < 200);
}

#[test]
fn what_breaks_before_the_request_is_read_keeps_nothing() {
    for fault in ["dns", "tls"] {
        let answer = first_answer(&format!(r#"{{"fault":"{fault}"}}"#));
        assert!(!answer.stored(), "{fault}");
        let line = format!(r#"{{"queue":[{{"fault":"{fault}","stored":true}}]}}"#);
        assert!(error("server.respond", &line).contains("keeps nothing"), "{fault}");
    }
    assert!(first_answer(r#"{"fault":"duplicate"}"#).stored());
    assert_eq!(parse("server.accept", "{}"), Ok(ServerAction::Accept));
    assert_eq!(parse("server.restart", "{}"), Ok(ServerAction::Restart));
}
