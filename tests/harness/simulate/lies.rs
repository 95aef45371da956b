//! Lies in what the checker hears, to see that it would notice.

use std::time::Duration;

use earmark::{Event, Numbered};
use earmark_core::ConversationId;
use earmark_sim::witness::{Asked, DiskCall, Heard, Witness};
use earmark_store::DiskOp;

use super::checker::Checker;

/// A lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// The server's copy lacks a frame.
    FrameDropped,
    /// A byte of the server's copy differs.
    FrameChanged,
    /// Two frames of the server's copy have changed places.
    FramesSwapped,
    /// An upload names another conversation than the recording is linked to.
    LinksSwapped,
    /// A recording is linked once more, to another conversation.
    LinkedAgain,
    /// A request carries another account's token.
    TokenOfAnother,
    /// Frames count as acknowledged that no sync has covered.
    AcknowledgedEarly,
    /// A request leaves whose ordinal was there before.
    OrdinalRepeated,
    /// A recording counts as synced without the server's word.
    SyncedByItself,
    /// A sealed recording's file is written.
    SealedWritten,
    /// A path outside of the store is opened.
    PathOutside,
    /// A second process got the store.
    SecondOwner,
    /// An event of the runtime is missing.
    EventMissing,
    /// Not all came to rest.
    NoRest,
}

/// All lies.
pub const LIES: [Lie; 14] = [
    Lie::FrameDropped,
    Lie::FrameChanged,
    Lie::FramesSwapped,
    Lie::LinksSwapped,
    Lie::LinkedAgain,
    Lie::TokenOfAnother,
    Lie::AcknowledgedEarly,
    Lie::OrdinalRepeated,
    Lie::SyncedByItself,
    Lie::SealedWritten,
    Lie::PathOutside,
    Lie::SecondOwner,
    Lie::EventMissing,
    Lie::NoRest,
];

/// A checker that is lied to once.
#[derive(Debug)]
pub struct Deceived {
    /// The checker.
    pub checker: Checker,
    lie: Lie,
    /// Whether the lie was told.
    pub told: bool,
    held: usize,
}

impl Deceived {
    /// Lets a checker be deceived.
    pub const fn new(checker: Checker, lie: Lie) -> Self {
        Self { checker, lie, told: false, held: 0 }
    }

    fn tell(&mut self, at: Duration, heard: &Heard<'_>) {
        self.told = true;
        self.checker.hear(at, heard);
    }

    fn body(&mut self, at: Duration, number: u64, bytes: &[u8]) -> bool {
        let Some(first) = length(bytes).filter(|first| bytes.len() > 3 * first) else {
            return false;
        };
        let mut copy = bytes.to_vec();
        match self.lie {
            Lie::FrameDropped => drop(copy.drain(first..2 * first)),
            Lie::FrameChanged => copy[first - 1] ^= 1,
            Lie::FramesSwapped => copy[..2 * first].rotate_left(first),
            _ => return false,
        }
        self.tell(at, &Heard::Body(number, &copy));
        true
    }

    fn event(&mut self, at: Duration, numbered: &Numbered) -> bool {
        let mut told = numbered.clone();
        let other = || ConversationId::new("another").ok();
        match (self.lie, &mut told.event) {
            (Lie::EventMissing, _) => told.number += 1,
            (Lie::LinksSwapped, Event::UploadStarted { conversation, .. }) => {
                *conversation = other();
            }
            (Lie::OrdinalRepeated, Event::UploadStarted { attempt, .. }) if *attempt > 0 => {
                *attempt -= 1;
            }
            (Lie::SyncedByItself, Event::UploadChanged { report, .. }) => {
                report.status = earmark_core::sync::Status::Synced;
            }
            _ => return false,
        }
        self.tell(at, &Heard::Event(&told));
        true
    }

    fn linked_again(&mut self, at: Duration, numbered: &Numbered) {
        if let (Event::RecordingLinked { recording, .. }, Ok(conversation)) =
            (&numbered.event, ConversationId::new("another"))
        {
            let mut again = numbered.clone();
            again.number += 1;
            again.event = Event::RecordingLinked { recording: *recording, conversation };
            self.tell(at, &Heard::Event(&again));
        }
    }

    fn disk(&mut self, at: Duration, call: &DiskCall<'_>) -> bool {
        let path = match self.lie {
            Lie::SealedWritten => "recordings/r-00000001-1.bin",
            Lie::PathOutside => "../elsewhere",
            _ => return false,
        };
        let (op, file, error) = (DiskOp::Write, u64::MAX, None);
        self.tell(at, &Heard::Disk(&DiskCall { op, path, file, error, from: None, ..*call }));
        true
    }

    /// Tells the lie in the place of what is heard, if it fits there.
    fn deceive(&mut self, at: Duration, heard: &Heard<'_>) -> bool {
        match (self.lie, heard) {
            (_, Heard::Body(number, bytes)) => self.body(at, *number, bytes),
            (Lie::LinkedAgain, Heard::Event(event)) => {
                self.checker.hear(at, heard);
                self.linked_again(at, event);
                true
            }
            (_, Heard::Event(event)) => self.event(at, event),
            (_, Heard::Disk(call)) => self.disk(at, call),
            (Lie::TokenOfAnother, Heard::Asked(asked)) if asked.file.is_some() => {
                let authorization = Some("Bearer token-of-nobody");
                let asked = Asked { authorization, path: asked.path, ..**asked };
                self.tell(at, &Heard::Asked(&asked));
                true
            }
            (Lie::AcknowledgedEarly, Heard::Held(device, account, held)) => {
                let grows = std::mem::replace(&mut self.held, *held) < *held;
                if grows && *held > 3 {
                    self.tell(at, &Heard::Held(device, account, 0));
                }
                grows && *held > 3
            }
            (Lie::SecondOwner, Heard::Started(..)) => {
                self.checker.hear(at, heard);
                self.tell(at, &Heard::Second(true));
                true
            }
            (Lie::NoRest, Heard::Ended(report, disk, _)) => {
                self.tell(at, &Heard::Ended(report, disk, false));
                true
            }
            _ => false,
        }
    }
}

impl Witness for Deceived {
    fn hear(&mut self, at: Duration, heard: &Heard<'_>) {
        if self.told || !self.deceive(at, heard) {
            self.checker.hear(at, heard);
        }
    }
}

/// The bytes of the first record of a file, its length included.
fn length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*header)).ok().map(|length| length + 4)
}
