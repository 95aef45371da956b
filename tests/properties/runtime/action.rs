//! What may happen to a host.

use std::time::Duration;

use earmark_backend::{Answer, Fault};
use earmark_core::Codec;
use earmark_store::{DiskError, DiskOp};
use proptest::prelude::*;

/// Sources of the histories: two of one device, and one of another.
pub(super) const SOURCES: usize = 3;
/// Conversations that a server speaks of.
const CONVERSATIONS: u8 = 4;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Servers have their moods, networks go.
    None,
    /// And processes and machines die.
    Deaths,
    /// And disks fail.
    Disks,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Start(usize, Codec),
    Stop(usize),
    /// So many frames of a size at once.
    Burst(usize, u16, Size),
    /// Frames one after the other, so far apart.
    Paced(usize, u8, Duration),
    Mute(usize, bool),
    Socket(usize, bool),
    Say(usize, Say, u8),
    /// The other end proves so many percent of the latest capture.
    Deliver(usize, u8),
    Finish(usize),
    Wait(Duration),
    Network(bool),
    Respond(Answer),
    RespondToPoll(Answer),
    Retry(Which),
    Delete(Which),
    Jump(i8),
    /// The process dies, or the machine as the seed says; and before that, whether frames came that
    /// nobody has handled.
    Die {
        power_cut: Option<u64>,
        unhandled: Option<(usize, u8)>,
    },
    Break(DiskOp, DiskError),
    Fill,
    Mend,
}

/// How large the frames of a burst are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    Right,
    Largest,
    TooLarge,
    Empty,
}

/// What a server says of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Say {
    Ended,
    Ready,
    /// It is ready, and was heard between so many seconds ago.
    ReadyOf(u16, u16),
    Carried,
    Nameless,
}

/// All recordings, or the one at this place of the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    All,
    One(u8),
}

/// Waits that lie on both sides of each deadline.
const WAITS: [u64; 14] = [
    1, 10, 500, 1_000, 2_000, 2_500, 5_000, 14_000, 16_000, 29_000, 31_000, 91_000, 119_000,
    151_000,
];
const PACES: [u64; 5] = [10, 500, 1_999, 2_001, 9_000];

fn source() -> impl Strategy<Value = usize> {
    // Most of a history is about one of them.
    prop_oneof![4 => Just(0), 1 => 1..SOURCES]
}

fn codec() -> impl Strategy<Value = Codec> {
    prop_oneof![
        4 => Just(Codec::Opus), 2 => Just(Codec::OpusFs320),
        1 => Just(Codec::Pcm16), 1 => Just(Codec::Pcm8)
    ]
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        8 => Just(Size::Right), 1 => Just(Size::Largest),
        1 => Just(Size::TooLarge), 1 => Just(Size::Empty)
    ]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![Just(Which::All), any::<u8>().prop_map(Which::One)]
}

fn say() -> impl Strategy<Value = Say> {
    let span = (0..300_u16, 0..300_u16);
    prop_oneof![
        6 => Just(Say::Ended), 3 => Just(Say::Ready),
        2 => span.prop_map(|(from, to)| Say::ReadyOf(from.max(to), from.min(to))),
        2 => Just(Say::Carried), 1 => Just(Say::Nameless)
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let statuses = [200, 202, 207, 400, 401, 404, 405, 409, 429, 500];
    let faults = [Fault::Refuse, Fault::ResetMid, Fault::ResetAfter, Fault::Hang];
    let delays = [0, 0, 0, 2_000, 40_000];
    let status = proptest::sample::select(statuses.to_vec());
    let fault = proptest::option::weighted(0.3, proptest::sample::select(faults.to_vec()));
    let delay = proptest::sample::select(delays.to_vec());
    (status, fault, delay).prop_map(|(status, fault, delay)| Answer {
        fault,
        delay: Duration::from_millis(delay),
        ..Answer::status(status)
    })
}

fn poll_answer() -> impl Strategy<Value = Answer> {
    proptest::sample::select(vec![200, 404, 500]).prop_map(Answer::status)
}

fn good_day() -> BoxedStrategy<Action> {
    let wait = proptest::sample::select(WAITS.to_vec()).prop_map(Duration::from_millis);
    let pace = proptest::sample::select(PACES.to_vec()).prop_map(Duration::from_millis);
    let counts = prop_oneof![4 => 1..400_u16, 1 => 2_990..6_010_u16];
    prop_oneof![
        4 => (source(), codec()).prop_map(|(of, codec)| Action::Start(of, codec)),
        2 => source().prop_map(Action::Stop),
        6 => (source(), counts, size()).prop_map(|(of, n, size)| Action::Burst(of, n, size)),
        3 => (source(), 1..30_u8, pace).prop_map(|(of, n, pace)| Action::Paced(of, n, pace)),
        1 => (source(), any::<bool>()).prop_map(|(of, muted)| Action::Mute(of, muted)),
        4 => (source(), any::<bool>()).prop_map(|(of, up)| Action::Socket(of, up)),
        7 => (source(), say(), 0..CONVERSATIONS).prop_map(|(of, say, c)| Action::Say(of, say, c)),
        2 => (source(), 0..=100_u8).prop_map(|(of, part)| Action::Deliver(of, part)),
        1 => source().prop_map(Action::Finish),
        6 => wait.prop_map(Action::Wait),
        1 => any::<bool>().prop_map(Action::Network),
        2 => answer().prop_map(Action::Respond),
        1 => poll_answer().prop_map(Action::RespondToPoll),
        1 => which().prop_map(Action::Retry),
        1 => which().prop_map(Action::Delete),
        1 => any::<i8>().prop_map(Action::Jump),
    ]
    .boxed()
}

fn death() -> impl Strategy<Value = Action> {
    let power_cut = proptest::option::of(any::<u64>());
    let unhandled = proptest::option::of((source(), 1..20_u8));
    (power_cut, unhandled).prop_map(|(power_cut, unhandled)| Action::Die { power_cut, unhandled })
}

fn disk() -> impl Strategy<Value = Action> {
    let ops = [DiskOp::Write, DiskOp::Sync, DiskOp::Create, DiskOp::Rename, DiskOp::Remove];
    let errors = [DiskError::Eio, DiskError::Enospc];
    let broken =
        (proptest::sample::select(ops.to_vec()), proptest::sample::select(errors.to_vec()))
            .prop_map(|(op, error)| Action::Break(op, error));
    prop_oneof![2 => broken, 1 => Just(Action::Fill), 3 => Just(Action::Mend)]
}

/// What may happen next.
pub(super) fn action(trouble: Trouble) -> BoxedStrategy<Action> {
    match trouble {
        Trouble::None => good_day(),
        Trouble::Deaths => prop_oneof![12 => good_day(), 1 => death()].boxed(),
        Trouble::Disks => prop_oneof![12 => good_day(), 1 => death(), 3 => disk()].boxed(),
    }
}
