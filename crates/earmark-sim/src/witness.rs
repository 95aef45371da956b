//! Whoever wants to hear everything that happens in a world, as it happens.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use earmark::{Account, CaptureId, Device, Encoding, Numbered, StartError, Status};
use earmark_core::FrameSeq;
use earmark_core::ingest::Rejection;
use earmark_core::sync::TransportFault;
use earmark_store::{DiskOp, SimDisk, Slipped, Toll};

use crate::feed::Line;
use crate::report::Report;
use crate::world::{VirtualClock, locked};

/// Hears everything that happens in a world.
///
/// It is told in the middle of things, so it **must not** act on the world. A disk that it is shown
/// it may read, through [`SimDisk::aside`].
pub trait Witness: Send {
    /// Something happened at this feed time.
    fn hear(&mut self, at: Duration, heard: &Heard<'_>);
}

/// What came of a frame that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken, under this number of its capture.
    Taken(FrameSeq),
    /// Let go, the device being muted.
    Muted,
    /// Given back.
    Rejected(Rejection),
    /// No process runs that it could be offered to.
    Nobody,
}

/// An operation of the process on its disk.
#[derive(Debug)]
pub struct DiskCall<'a> {
    /// The disk, after it.
    pub disk: &'a SimDisk,
    /// What was done.
    pub op: DiskOp,
    /// To which path; the new one of a rename. A file that is open keeps the path that it was
    /// opened by, whatever it is called since.
    pub path: &'a str,
    /// The number of the open file, from 1; 0 for what is done to names.
    pub file: u64,
    /// The former path of a rename.
    pub from: Option<&'a str>,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes were read or written.
    pub len: u64,
    /// How many bytes were to be.
    pub wanted: u64,
    /// Whether it is the sync of a folder.
    pub is_dir: bool,
    /// Why it failed, if it did.
    pub error: Option<&'a std::io::Error>,
}

/// A request that left the process.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its number in this world, from 1.
    pub number: u64,
    /// The path, without its query.
    pub path: &'a str,
    /// The conversation that it names.
    pub conversation: Option<&'a str>,
    /// The value of its `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The name of the file that it carries, and how many bytes that has.
    pub file: Option<(&'a str, u64)>,
}

/// What came of a request.
#[derive(Debug)]
pub enum Answered<'a> {
    /// A reply: its status, its `Retry-After`, its body.
    Reply(u16, Option<&'a str>, &'a [u8]),
    /// None, and why.
    Fault(TransportFault),
    /// The file could not be sent.
    Damaged,
}

/// Something that goes wrong where nobody but the world sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// A piece of the disk's work takes so long: what was just done is heard of only then.
    Slow(Duration),
    /// A request arrived twice.
    Twice,
    /// A reply drips for so long.
    Drip(Duration),
    /// The process died before it had opened the store.
    DiedOpening,
}

/// Something that happened.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A line of the feed is about to be carried out.
    Line(&'a Line),
    /// It could not be, and was passed over.
    PassedOver(usize),
    /// A process begins to open the store.
    Opening,
    /// It runs: this is what it has found, and the disk.
    Started(&'a Status, &'a SimDisk),
    /// It did not start; whether the disk had nothing against it.
    NotStarted(&'a StartError, bool),
    /// The process is dead, and this is the disk; what a power cut did to it.
    Died(Option<Toll>, &'a SimDisk),
    /// It stopped in order; whether it came to the end of it in time.
    Stopped(bool),
    /// A second process tried to start; whether it did, or has changed anything.
    Second(bool),
    /// A handler of the runtime panicked, as it was told to.
    Panicked,
    /// The machine slept for so long.
    Slept(Duration),
    /// A capture began in the runtime.
    Capture(&'a Device, &'a Account, CaptureId, Encoding),
    /// A frame was offered.
    Frame(&'a Device, &'a Account, Option<CaptureId>, &'a Bytes, &'a Answer),
    /// So many frames of this device and account are taken and not acknowledged.
    Held(&'a Device, &'a Account, usize),
    /// The runtime announced an event.
    Event(&'a Numbered),
    /// The process used its disk.
    Disk(&'a DiskCall<'a>),
    /// A request left.
    Asked(&'a Asked<'a>),
    /// The whole file of a request was read by the server.
    Body(u64, &'a [u8]),
    /// A request ended, as the process saw it.
    Answered(u64, Answered<'a>),
    /// A frame arrived on a live socket of the server.
    Live(&'a Device, &'a Account, &'a [u8]),
    /// The server's text arrived on a live socket of the host.
    Said(&'a Device, &'a Account, &'a str),
    /// A text of the server's was lost: no socket took it.
    Unheard,
    /// Something went wrong unseen.
    Mishap(Mishap),
    /// Writes went wrong without an error.
    Slipped(&'a [Slipped]),
    /// The medium damaged a file, or somebody removed it.
    Damaged(&'a str),
    /// The runtime went round and round without letting time pass.
    StoodStill,
    /// Nothing more happens; whether all came to rest by itself.
    Ended(&'a Report, &'a SimDisk, bool),
}

/// How the parts of a world tell what happens. Nobody may be listening.
#[derive(Clone)]
pub struct Ears {
    witness: Option<Arc<Mutex<dyn Witness>>>,
    clock: Arc<VirtualClock>,
}

impl Ears {
    /// Ears of a witness, or of nobody.
    pub const fn new(witness: Option<Arc<Mutex<dyn Witness>>>, clock: Arc<VirtualClock>) -> Self {
        Self { witness, clock }
    }

    /// Tells what happened.
    pub fn tell(&self, heard: &Heard<'_>) {
        if let Some(witness) = &self.witness {
            locked(witness).hear(self.clock.feed_time(), heard);
        }
    }

    /// Whether anybody listens.
    pub const fn is_listening(&self) -> bool {
        self.witness.is_some()
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ears").field("is_listening", &self.is_listening()).finish_non_exhaustive()
    }
}
