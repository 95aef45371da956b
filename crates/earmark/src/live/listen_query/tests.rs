use earmark_core::{Codec, Device, Encoding};

use super::*;
use crate::live::ClientConversationId;

const DEFAULT: &str = "language=multi&sample_rate=16000&codec=opus_fs320\
     &include_speech_profile=true&conversation_timeout=120&source=omi";

fn hello(account: &str) -> Hello {
    Hello {
        device: Device::new("pendant").expect("short enough"),
        account: Account::new(account).expect("short enough"),
        encoding: Encoding::mono_16k(Codec::OpusFs320),
        conversation: None,
    }
}

#[test]
fn unless_told_otherwise_a_query_says_what_every_server_takes() {
    assert_eq!(ListenQuery::default().of(&hello("anna")), DEFAULT);
}

#[test]
fn every_parameter_is_sent_under_its_name_and_encoded() {
    let query = ListenQuery {
        language: "de&uid=eve".into(),
        uids: BTreeMap::from([(hello("anna").account, "u 1".into())]),
        include_speech_profile: false,
        stt_service: Some("nova=3#".into()),
        conversation_timeout: 14_400,
        source: Some("phone".into()),
        custom_stt: true,
        onboarding: true,
        client_conversation_id: true,
        speaker_auto_assign: Some(true),
        create_speakers: Some(false),
        vad_gate: Some("off".into()),
        call_id: Some("é".into()),
        conversation_role: Some("caller".into()),
    };
    let hello = Hello {
        encoding: Encoding { sample_rate: 8_000, ..Encoding::mono_16k(Codec::Pcm16) },
        conversation: Some(ClientConversationId::random(0, 0)),
        ..hello("anna")
    };
    assert_eq!(
        query.of(&hello),
        "language=de%26uid%3Deve&sample_rate=8000&codec=pcm16&uid=u%201\
         &include_speech_profile=false&conversation_timeout=14400&custom_stt=enabled\
         &onboarding=enabled&speaker_auto_assign=true&create_speakers=false&source=phone\
         &stt_service=nova%3D3%23&vad_gate=off&call_id=%C3%A9&conversation_role=caller\
         &client_conversation_id=00000000-0000-4000-8000-000000000000"
    );
}

#[test]
fn an_account_never_shows_the_uid_of_another() {
    let uids = BTreeMap::from([(hello("anna").account, "u-anna".into())]);
    let query = ListenQuery { uids, ..ListenQuery::default() };
    assert_eq!(query.of(&hello("bert")), DEFAULT);
    assert!(query.of(&hello("anna")).contains("&uid=u-anna&"));
}

#[test]
fn what_no_server_could_use_is_refused_with_its_name() {
    let query = ListenQuery::default;
    let long = "x".repeat(QUERY_VALUE_BYTES_MAX + 1);
    for (query, expected) in [
        (query(), Ok(())),
        (ListenQuery { language: String::new(), ..query() }, Err(QueryFault::Value("language"))),
        (ListenQuery { source: Some(long), ..query() }, Err(QueryFault::Value("source"))),
        (
            ListenQuery { call_id: Some(String::new()), ..query() },
            Err(QueryFault::Value("call_id")),
        ),
        (
            ListenQuery {
                uids: BTreeMap::from([(hello("anna").account, String::new())]),
                ..query()
            },
            Err(QueryFault::Value("uid")),
        ),
        (ListenQuery { conversation_timeout: 119, ..query() }, Err(QueryFault::Timeout(119))),
        (ListenQuery { conversation_timeout: 14_401, ..query() }, Err(QueryFault::Timeout(14_401))),
        (ListenQuery { conversation_timeout: 14_400, ..query() }, Ok(())),
    ] {
        assert_eq!(query.check(), expected);
    }
}
