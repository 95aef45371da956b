use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn a_record_is_a_little_endian_length_and_a_frame() {
    let file = [&encode_frame_header(3)[..], b"abc", &[1, 0, 0, 0], b"d"].concat();
    assert_eq!(file[..7], [3, 0, 0, 0, b'a', b'b', b'c']);
    let read: Vec<_> = frames(&file).collect();
    assert_eq!(read, [Ok(&b"abc"[..]), Ok(&b"d"[..])]);
}

#[test]
fn a_torn_tail_leaves_every_whole_record_before_it() {
    let file = [3, 0, 0, 0, 1, 2, 3, 9, 0, 0, 0, 1];
    let mut records = frames(&file);
    assert_eq!(records.next(), Some(Ok(&[1, 2, 3][..])));
    assert_eq!(records.next(), Some(Err(FileFault::Torn { offset: 7, missing: 8 })));
    assert_eq!(records.next(), None);
    assert_eq!(records.offset(), 7);
}

#[test]
fn a_torn_length_is_a_torn_tail() {
    let read: Vec<_> = frames(&[1, 0, 0, 0, 7, 1, 0]).collect();
    let torn = FileFault::Torn { offset: 5, missing: 2 };
    assert_eq!(read, [Ok(&[7][..]), Err(torn)]);
}

#[test]
fn a_length_that_no_frame_has_ends_the_file_with_its_place() {
    let empty = [1, 0, 0, 0, 7, 0, 0, 0, 0, 1, 0, 0, 0, 7];
    let read: Vec<_> = frames(&empty).collect();
    assert_eq!(read, [Ok(&[7][..]), Err(FileFault::Empty { offset: 5 })]);

    let read: Vec<_> = frames(&[0xff; 80]).collect();
    let bytes = u32::MAX;
    assert_eq!(read, [Err(FileFault::TooLong { offset: 0, bytes })]);
}

#[test]
fn the_longest_frame_is_taken_and_one_byte_more_is_not() {
    let file = |bytes: u32| {
        let mut file = encode_frame_header(bytes).to_vec();
        file.resize(FRAME_HEADER_BYTES + bytes as usize, 0x55);
        file
    };
    assert!(frames(&file(65_536)).all(|frame| frame.is_ok()));
    assert_eq!(
        frames(&file(65_537)).last(),
        Some(Err(FileFault::TooLong { offset: 0, bytes: 65_537 }))
    );
}

proptest! {
    /// F24.
    #[test]
    fn frames_come_back_as_they_were_written(
        written in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..1_300), 0..20),
    ) {
        let file = encode(&written);
        let read: Result<Vec<_>, _> = frames(&file).collect();
        prop_assert_eq!(read.expect("a whole file"), written);
    }

    /// F46.
    #[test]
    fn any_cut_keeps_the_whole_records_and_nothing_else(
        written in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..10),
        cut: prop::sample::Index,
    ) {
        let file = encode(&written);
        let cut = cut.index(file.len());
        let mut records = frames(&file[..cut]);
        let whole: Vec<_> = records.by_ref().filter_map(Result::ok).collect();
        prop_assert_eq!(&whole[..], &written[..whole.len()]);
        let bytes: usize = whole.iter().map(|frame| FRAME_HEADER_BYTES + frame.len()).sum();
        prop_assert_eq!(records.offset(), bytes);
        let next = FRAME_HEADER_BYTES + written[whole.len()].len();
        prop_assert!(cut - bytes < next);
    }

    #[test]
    fn any_bytes_are_frames_and_at_most_one_fault_at_their_end(
        file in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..300),
    ) {
        let read: Vec<_> = frames(&file).collect();
        let faults = read.iter().filter(|record| record.is_err()).count();
        prop_assert!(faults <= 1);
        prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
        if faults == 0 {
            let frames: Vec<_> = read.iter().flatten().map(|frame| frame.to_vec()).collect();
            prop_assert_eq!(encode(&frames), file);
        }
    }
}

fn encode(written: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![];
    for frame in written {
        file.extend(encode_frame_header(u32::try_from(frame.len()).expect("short")));
        file.extend(frame);
    }
    file
}
