//! Anything that can happen at a source, in any order, watched by what it answers.

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SIZES: [usize; 5] = [80, FRAME_BYTES_MAX, 1, 0, FRAME_BYTES_MAX + 1];

/// What a producer and a store see of a source.
#[derive(Default)]
struct Watch {
    captures: u32,
    /// The sizes of the frames that were taken, by their capture, in the order of their numbers.
    taken: BTreeMap<CaptureId, Vec<usize>>,
    /// The number after the last durable frame, and after the last one recorded as delivered.
    durable: BTreeMap<CaptureId, u64>,
    recorded: BTreeMap<CaptureId, u64>,
}

impl Watch {
    fn newest(&self) -> CaptureId {
        CaptureId::new(1, self.captures)
    }

    fn count(&self, capture: CaptureId) -> u64 {
        self.taken.get(&capture).map_or(0, |sizes| sizes.len() as u64)
    }

    /// The sizes of the frames that are not durable.
    fn held(&self) -> impl Iterator<Item = usize> {
        self.taken.iter().flat_map(|(capture, sizes)| {
            let durable = self.durable.get(capture).copied().unwrap_or(0);
            sizes.iter().skip(durable as usize).copied()
        })
    }

    fn happen(&mut self, bench: &mut Bench, roll: u32) {
        let rest = roll / 16;
        let capture = CaptureId::new(1, self.captures.saturating_sub(rest % 2));
        let up_to = u64::from(rest / 2) % (self.count(capture) + 2);
        match roll % 16 {
            0 => self.start(bench),
            1 => drop(bench.hear(&Event::CaptureStopped)),
            2 => drop(bench.hear(&Event::StoreRefused(failed()))),
            3 | 4 => drop(bench.hear(&Event::StoreTook)),
            5 => drop(bench.hear(&Event::Muted)),
            6 => drop(bench.hear(&Event::Unmuted)),
            7 => drop(bench.hear(&Event::SocketCameUp)),
            8 => drop(bench.hear(&Event::SocketWentDown)),
            9 => self.persist(bench, up_to),
            // A socket sends no more than it was given.
            10 => {
                let orders = bench.sent(capture, up_to.min(self.count(capture)));
                self.record(&orders);
            }
            11 | 12 => self.record(&bench.delivered(capture, up_to)),
            13 => self.offer(bench, capture, SIZES[rest as usize / 2 % SIZES.len()], 1_500),
            _ => self.offer(bench, capture, SIZES[rest as usize / 2 % SIZES.len()], 3),
        }
    }

    fn start(&mut self, bench: &mut Bench) {
        self.captures += 1;
        bench.start(self.newest());
    }

    fn offer(&mut self, bench: &mut Bench, capture: CaptureId, bytes: usize, count: usize) {
        for _ in 0..count {
            let state = bench.state();
            match bench.offer(capture, bytes) {
                Effect::TakeFrame(seq) => {
                    assert_eq!((state, capture), ("capturing", self.newest()));
                    assert_eq!(FrameFault::check(OPUS, bytes), Ok(()));
                    assert_eq!(seq, FrameSeq(self.count(capture)));
                    self.taken.entry(capture).or_default().push(bytes);
                }
                Effect::DiscardFrame => assert_eq!(state, "muted"),
                Effect::RejectFrame(Rejection::Store(_)) => assert_eq!(state, "refusing"),
                Effect::RejectFrame(Rejection::Full) => {
                    assert!(self.held().sum::<usize>() + bytes > HELD_BYTES_MAX);
                }
                Effect::RejectFrame(Rejection::NotCapturing | Rejection::Fault(_)) => {}
                other @ (Effect::RecordDelivered { .. } | Effect::ReportUnexpected { .. }) => {
                    panic!("{other:?} answers a frame");
                }
            }
        }
    }

    /// The store makes captures durable in their order.
    fn persist(&mut self, bench: &mut Bench, up_to: u64) {
        let capture = self.newest();
        for (earlier, sizes) in self.taken.range(..capture) {
            self.durable.insert(*earlier, sizes.len() as u64);
        }
        let durable = self.durable.entry(capture).or_default();
        *durable = up_to.min(self.taken.get(&capture).map_or(0, Vec::len) as u64).max(*durable);
        bench.durable(capture, *durable);
    }

    fn record(&mut self, orders: &[Effect]) {
        for order in orders {
            let Effect::RecordDelivered { capture, from, to } = order else {
                panic!("{order:?} follows from what a socket did");
            };
            let before = self.recorded.insert(*capture, to.0).unwrap_or(0);
            assert!(before <= from.0 && from < to, "{order:?} was recorded before");
            assert!(to.0 <= self.count(*capture), "{order:?} was never taken");
        }
    }
}

proptest! {
    /// F18.
    #[test]
    fn every_frame_has_one_answer_and_every_taken_one_its_own_number_and_its_place_in_memory(
        delivery in prop::sample::select(&[Delivery::Delivered, Delivery::Sent, Delivery::Keep]),
        rolls in prop::collection::vec(any::<u32>(), 0..80)
    ) {
        let (mut bench, mut watch) = (Bench::new(delivery), Watch::default());
        watch.start(&mut bench);
        for roll in rolls {
            watch.happen(&mut bench, roll);
            prop_assert_eq!(bench.machine.shared().held_frames(), watch.held().count());
            prop_assert!(watch.held().sum::<usize>() <= HELD_BYTES_MAX);
        }
    }
}
