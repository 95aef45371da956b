use earmark_backend::server::ConversationReport;

use super::*;

fn frames(count: u32) -> Vec<Bytes> {
    (0..count).map(|number| Bytes::from(number.to_le_bytes().to_vec())).collect()
}

fn upload(conversation: &str, frames: &[Bytes]) -> UploadReport {
    UploadReport {
        name: String::from("audio.bin"),
        conversation: Some(conversation.to_owned()),
        frames: frames.len() as u64,
        sha256: hash(frames),
        times: 1,
    }
}

fn heard(conversation: &str, live_frames: u64) -> ConversationReport {
    ConversationReport {
        id: Some(conversation.to_owned()),
        live_frames,
        ..ConversationReport::default()
    }
}

/// Ten frames of A, of which six were heard, and ten of B, of which seven were.
fn tally(uploads: Vec<UploadReport>) -> Tally {
    let ended = [(String::from("A"), 10), (String::from("B"), 20)];
    let state = StateReport { uploads, live_frames: 13 };
    let live = LiveReport { conversations: vec![heard("A", 6), heard("B", 7)], sockets: 0 };
    Tally::new(&frames(20), &ended, &state, &live)
}

fn whole() -> Vec<UploadReport> {
    vec![upload("A", &frames(10)[5..]), upload("B", &frames(20)[10..13])]
}

#[test]
fn frames_that_arrived_either_way_or_both_are_all_there() {
    let tally = tally(whole());
    assert_eq!(tally.faults(), [""; 0]);
    assert_eq!(
        tally.verdict(),
        "All 20 captured frames arrived, each in its own conversation: 12 live alone, 7 in exactly \
         one upload alone, 1 both ways."
    );
}

#[test]
fn a_frame_that_arrived_in_no_way_is_missed() {
    let tally = tally(whole().split_off(1));
    assert_eq!(tally.faults(), ["4 frames of A did not arrive"]);
    assert!(!tally.is_good());
}

#[test]
fn an_upload_to_the_wrong_conversation_is_no_delivery() {
    let mut uploads = whole();
    uploads[0].conversation = Some(String::from("B"));
    let tally = tally(uploads);
    let expected =
        ["4 frames of A did not arrive", "audio.bin holds other frames than were captured"];
    assert_eq!(tally.faults(), expected);
}

#[test]
fn an_upload_to_a_conversation_that_nobody_spoke_in_is_told() {
    let mut uploads = whole();
    uploads.push(UploadReport { conversation: None, ..upload("A", &frames(1)) });
    assert_eq!(tally(uploads).faults(), ["audio.bin went to no conversation"]);
}

#[test]
fn a_frame_in_two_uploads_is_told() {
    let mut uploads = whole();
    uploads.push(upload("A", &frames(10)[9..]));
    assert_eq!(tally(uploads).faults(), ["1 frames of A are in several uploads"]);
}

#[test]
fn an_upload_that_was_stored_twice_is_told() {
    let mut uploads = whole();
    uploads[0].times = 2;
    assert_eq!(tally(uploads).faults(), ["audio.bin was stored 2 times"]);
}

#[test]
fn an_upload_with_altered_bytes_is_none() {
    let mut altered = frames(10);
    altered[7] = Bytes::from_static(b"other");
    let mut uploads = whole();
    uploads[0] = upload("A", &altered[5..]);
    let expected =
        ["audio.bin holds other frames than were captured", "4 frames of A did not arrive"];
    assert_eq!(tally(uploads).faults(), expected);
}

#[test]
fn a_server_that_has_heard_more_than_was_captured_is_not_believed() {
    let ended = [(String::from("A"), 10)];
    let live = LiveReport { conversations: vec![heard("A", 11)], sockets: 0 };
    let tally = Tally::new(&frames(10), &ended, &StateReport::default(), &live);
    assert_eq!(tally.faults(), ["of 10 frames of A the server has heard 11"]);
}
