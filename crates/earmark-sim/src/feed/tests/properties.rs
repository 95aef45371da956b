//! What holds for any feed and any text.

use std::time::Duration;

use earmark_backend::{Answer, Fault};
use earmark_core::RecordingId;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::expect::Expectation;

fn device() -> impl Strategy<Value = Device> {
    prop_oneof![Just("pen"), Just("AA:BB \"é\"")].prop_map(|name| Device::new(name).unwrap())
}

fn account() -> impl Strategy<Value = Account> {
    "[a-z\\\\\"]{1,8}".prop_map(|name| Account::new(&name).unwrap())
}

fn recording() -> impl Strategy<Value = RecordingRef> {
    let id = (any::<u32>(), any::<u32>()).prop_map(|(store, n)| RecordingId::new(store, n));
    prop_oneof![any::<i64>().prop_map(RecordingRef::Index), id.prop_map(RecordingRef::Id)]
}

fn selector() -> impl Strategy<Value = Selector> {
    prop_oneof![Just(Selector::All), recording().prop_map(Selector::One)]
}

fn source() -> impl Strategy<Value = AudioSource> {
    let wav = ("[a-z/.]{1,9}", 0..=AUDIO_SECONDS_MAX * 1_000_000);
    prop_oneof![
        wav.prop_map(|(path, from_micros)| AudioSource::Wav { path: path.into(), from_micros }),
        (1e-3..7_999.9).prop_map(|hertz| AudioSource::Tone { hertz }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let headers = vec(("x-[a-z]{1,4}", "[ -~]{0,9}"), 0..2);
    let fault = option::of(prop_oneof![Just(Fault::ResetAfter), Just(Fault::Truncate)]);
    let rest = (headers, 0..86_400_000_u64, fault, option::of(any::<bool>()));
    (200..600_u16, option::of(".{0,9}"), rest).prop_map(
        |(status, body, (headers, delay, fault, stored))| Answer {
            status,
            body,
            headers,
            delay: Duration::from_millis(delay),
            fault,
            stored,
        },
    )
}

fn expectation() -> impl Strategy<Value = Action> {
    let text = prop_oneof![
        Just(r#"{}"#),
        Just(r#"{"frames": {"captured": 3, "lost": {"max": 2}}, "server": null}"#),
        Just(r#"{"recordings": {"count": {"min": 1}}, "ended_at": 29.999}"#),
        Just(r#"{"uploads": [{"outcome": 202}, {"outcome": "lost"}], "sessions": []}"#),
    ];
    text.prop_map(|text| {
        let fields: Map<String, Value> = serde_json::from_str(text).unwrap();
        Action::Expect(Expectation::parse(&fields).unwrap())
    })
}

fn of_devices() -> impl Strategy<Value = Action> {
    prop_oneof![
        (device(), account(), prop::sample::select(&Codec::ALL)).prop_map(
            |(device, account, codec)| Action::CaptureStart {
                device,
                account,
                encoding: Encoding::mono_16k(codec)
            }
        ),
        device().prop_map(|device| Action::CaptureStop { device }),
        (device(), 0..=AUDIO_SECONDS_MAX * 1_000_000, source())
            .prop_map(|(device, micros, source)| Action::Audio { device, micros, source }),
        // A device of its own, since the PCM of another one would fix the bytes of its frames.
        (0..=FRAMES_COUNT_MAX, 0..=FEED_FRAME_BYTES_MAX as usize, any::<u64>(), any::<bool>())
            .prop_map(|(count, bytes, seed, pace)| {
                let device = Device::new("watch").unwrap();
                Action::Frames { device, count, bytes, seed, pace }
            }),
        (device(), vec(any::<u8>(), 0..9))
            .prop_map(|(device, data)| Action::Frame { device, data: data.into() }),
        (device(), vec(any::<u8>(), 0..9), 0..=FEED_TIME_SECONDS_MAX * 1_000_000).prop_map(
            |(device, data, micros)| Action::FrameLate { device, data: data.into(), micros }
        ),
        device().prop_map(|device| Action::Mute { device }),
        device().prop_map(|device| Action::Unmute { device }),
        device().prop_map(|device| Action::SocketUp { device }),
        (device(), 1_000..5_000_u16).prop_map(|(device, code)| Action::SocketDown { device, code }),
        device().prop_map(|device| Action::UserFinish { device }),
    ]
}

fn of_the_server() -> impl Strategy<Value = Action> {
    let named = || device().prop_map(|device| Some(device.as_str().to_owned()));
    prop_oneof![
        (named(), ".{0,9}").prop_map(|(device, text)| ServerAction::Message { device, text }),
        named().prop_map(|device| ServerAction::Stall { device }),
        (named(), any::<bool>()).prop_map(|(device, event)| ServerAction::End { device, event }),
        vec(answer(), 0..3).prop_map(ServerAction::Respond),
        vec(answer(), 0..3).prop_map(ServerAction::JobRespond),
        Just(ServerAction::Accept),
        Just(ServerAction::Restart),
    ]
    .prop_map(Action::Server)
}

fn of_mishaps() -> impl Strategy<Value = Action> {
    let times = prop_oneof![Just(Times::ForEver), (1..=u32::MAX).prop_map(Times::Count)];
    let files = || prop::sample::select(&FileKind::ALL);
    let length = || 0..=FEED_TIME_SECONDS_MAX * 1_000_000;
    let damage = (files(), any::<i64>(), 0..=FILE_OFFSET_BYTES_MAX, 1..=64_u32);
    prop_oneof![
        (prop::sample::select(&SLIPS), files(), 1..=u32::MAX)
            .prop_map(|(slip, files, times)| Action::DiskSlip { slip, files, times }),
        (length(), times).prop_map(|(micros, times)| Action::DiskSlow { micros, times }),
        damage.prop_map(|(files, index, offset, bits)| Action::DiskDamage {
            files,
            index,
            offset,
            bits
        }),
        (-ZONE_MINUTES_MAX..=ZONE_MINUTES_MAX).prop_map(|minutes| Action::ClockZone { minutes }),
        length().prop_map(|micros| Action::Suspend { micros }),
        any::<u32>().prop_map(|after| Action::ProcessPanic { after }),
        prop::sample::select(vec![Action::DiskHeal, Action::ProcessUp, Action::ProcessSecond,]),
    ]
}

fn of_the_world() -> impl Strategy<Value = Action> {
    let times = prop_oneof![Just(Times::ForEver), (1..=u32::MAX).prop_map(Times::Count)];
    let fault = (prop::sample::select(&DiskOp::ALL), prop::sample::select(&DiskError::ALL), times);
    let most = (FEED_TIME_SECONDS_MAX * 1_000_000) as i64;
    prop_oneof![
        account().prop_map(|account| Action::AccountSignIn { account }),
        account().prop_map(|account| Action::AccountSignOut { account }),
        fault.prop_map(|(op, error, times)| Action::DiskFault { op, error, times }),
        prop::sample::select(vec![
            Action::NetworkOffline,
            Action::NetworkOnline,
            Action::DiskFull,
            Action::DiskFreed,
        ]),
        (-most..=most).prop_map(|micros| Action::ClockJump { micros }),
        recording().prop_map(|recording| Action::FileRemove { recording }),
        (recording(), 0..=FILE_OFFSET_BYTES_MAX, 1..=FILE_DAMAGE_BITS_MAX as u32)
            .prop_map(|(recording, offset, bits)| Action::FileDamage { recording, offset, bits }),
        selector().prop_map(|recordings| Action::UserRetry { recordings }),
        selector().prop_map(|recordings| Action::UserDelete { recordings }),
        expectation(),
    ]
}

/// A process that dies and comes back, so that the lines around it stay legal.
fn death() -> impl Strategy<Value = Vec<Action>> {
    let dies = prop_oneof![
        Just(Action::Kill),
        any::<u64>().prop_map(|seed| Action::PowerCut { seed }),
        (0..=1_000_000_u64).prop_map(|micros| Action::ProcessStop { micros }),
    ];
    let again = (0..=DISK_OPERATIONS_MAX).prop_map(|after| Action::ProcessDiesOpening { after });
    (dies, vec(again, 0..2)).prop_map(|(dies, again)| {
        std::iter::once(dies).chain(again).chain([Action::Restart]).collect()
    })
}

fn any_feed() -> impl Strategy<Value = Feed> {
    let alone = prop_oneof![of_devices(), of_the_server(), of_the_world(), of_mishaps()];
    let some = prop_oneof![9 => alone.prop_map(|action| vec![action]), 1 => death()];
    (vec(some, 0..20), vec(0..=FeedTime::MAX.as_micros(), 40)).prop_map(|(actions, mut times)| {
        times.sort_unstable();
        let times = times.into_iter().map(|micros| FeedTime::from_micros(micros).unwrap());
        times.zip(actions.into_iter().flatten()).collect()
    })
}

/// Text that looks like a feed, so that chance reaches behind the JSON parser.
fn like_a_feed() -> impl Strategy<Value = String> {
    let names = read::names();
    let keys = vec![
        "device",
        "codec",
        "count",
        "bytes",
        "recording",
        "queue",
        "text",
        "frames",
        "tone",
        "wav",
        "seconds",
        "op",
        "times",
        "all",
        "seed",
        "data",
        "channels",
        "from",
    ];
    let value = prop_oneof![
        Just("1e308".to_owned()),
        Just("{\"min\": -1}".to_owned()),
        Just("[{}]".to_owned()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,5}".prop_map(|text| Value::from(text).to_string()),
    ];
    let field = (prop::sample::select(keys), value);
    let line =
        (0..9_u32, prop::sample::select(names), vec(field, 0..4)).prop_map(|(at, name, fields)| {
            let fields: String =
                fields.iter().map(|(key, value)| format!(", \"{key}\": {value}")).collect();
            format!("{{\"at\": {at}, \"do\": \"{name}\"{fields}}}")
        });
    vec(line, 0..4).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn a_feed_reads_back_as_it_was_written(feed in any_feed()) {
        let text = feed.to_text();
        prop_assert_eq!(Feed::parse("x", &text), Ok(feed), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = Feed::parse("x", &text);
    }

    #[test]
    fn no_text_like_a_feed_makes_the_reader_panic(text in like_a_feed()) {
        if let Ok(feed) = Feed::parse("x", &text) {
            prop_assert!(Feed::parse("x", &feed.to_text()).is_ok(), "{}", feed.to_text());
        }
    }

    #[test]
    fn a_decimal_of_six_places_is_exactly_so_many_microseconds(
        micros in 0..=FeedTime::MAX.as_micros(),
    ) {
        let text = format!(
            r#"{{"at": {}.{:06}, "do": "kill"}}"#, micros / 1_000_000, micros % 1_000_000
        );
        prop_assert_eq!(feed(&[&text]).lines[0].at.as_micros(), micros);
    }
}
