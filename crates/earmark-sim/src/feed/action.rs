//! What a line of a feed does.

use std::path::PathBuf;

use bytes::Bytes;
use earmark_backend::{Answer, Fault, ServerAction};
use earmark_core::{Account, Device, Encoding, RecordingId};

use super::mishap::{FileKind, Slip};
use crate::expect::Expectation;

/// One action of a feed, with its fields checked and every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `capture.start`: a device begins to stream.
    CaptureStart {
        /// Which device.
        device: Device,
        /// Who owns what it records.
        account: Account,
        /// What its frames are.
        encoding: Encoding,
    },
    /// `capture.stop`: it stops.
    CaptureStop {
        /// Which device.
        device: Device,
    },
    /// `audio`: real audio for so long from the line's time on, at the codec's pace.
    Audio {
        /// Which device captures it.
        device: Device,
        /// How much, in microseconds.
        micros: u64,
        /// What is heard.
        source: AudioSource,
    },
    /// `frames`: pseudo-random frames.
    Frames {
        /// Which device captures them.
        device: Device,
        /// How many.
        count: u64,
        /// The bytes of each.
        bytes: usize,
        /// What their bytes follow from.
        seed: u64,
        /// Whether they come at the codec's pace, or else all at once.
        pace: bool,
    },
    /// `frame`: one frame as it is.
    Frame {
        /// Which device captures it.
        device: Device,
        /// Its bytes.
        data: Bytes,
    },
    /// `frame.late`: one frame that was captured a while ago and comes only now.
    FrameLate {
        /// Which device captured it.
        device: Device,
        /// Its bytes.
        data: Bytes,
        /// How long ago, in microseconds.
        micros: u64,
    },
    /// `mute`: what arrives from now on goes nowhere, and is counted.
    Mute {
        /// Which device.
        device: Device,
    },
    /// `unmute`: it goes to the recording again.
    Unmute {
        /// Which device.
        device: Device,
    },
    /// `socket.up`: the device's live socket comes up.
    SocketUp {
        /// Whose socket.
        device: Device,
    },
    /// `socket.down`: it goes down.
    SocketDown {
        /// Whose socket.
        device: Device,
        /// The close code of the WebSocket.
        code: u16,
    },
    /// `server.*`, `job.respond` and `socket.stall`: what the server is told to do. Where one is
    /// about a socket, its device is named, unless the whole feed names none.
    Server(ServerAction),
    /// `account.sign_in`: the host has credentials for it.
    AccountSignIn {
        /// Which account.
        account: Account,
    },
    /// `account.sign_out`: it has them no longer.
    AccountSignOut {
        /// Which account.
        account: Account,
    },
    /// `network.offline`: the host has no network.
    NetworkOffline,
    /// `network.online`: it has one again.
    NetworkOnline,
    /// `disk.fault`: the next operations of a kind fail.
    DiskFault {
        /// Which kind.
        op: DiskOp,
        /// How they fail.
        error: DiskError,
        /// How many fail.
        times: Times,
    },
    /// `disk.full`: no space is left.
    DiskFull,
    /// `disk.freed`: there is space again.
    DiskFreed,
    /// `disk.slip`: the next writes go wrong without an error.
    DiskSlip {
        /// How.
        slip: Slip,
        /// To which files.
        files: FileKind,
        /// How many.
        times: u32,
    },
    /// `disk.heal`: all faults and slips of the disk that were told end.
    DiskHeal,
    /// `disk.slow`: the next pieces of the disk's work take so long.
    DiskSlow {
        /// How long each, in microseconds.
        micros: u64,
        /// How many.
        times: Times,
    },
    /// `disk.damage`: the medium damages a file, if there is one of that kind.
    DiskDamage {
        /// Of which kind.
        files: FileKind,
        /// Which of them in the order of their names, from 0 on, or from −1, the last, backwards.
        index: i64,
        /// The first damaged byte, counted around the file's length.
        offset: u64,
        /// How many bits flip, from the lowest of that byte on.
        bits: u32,
    },
    /// `process.stop`: the process stops in order.
    ProcessStop {
        /// How long it has for it, in microseconds.
        micros: u64,
    },
    /// `process.panic`: a handler of the runtime panics that has something to announce.
    ProcessPanic {
        /// After so many further announcements.
        after: u32,
    },
    /// `process.up`: the process starts if none runs; a disk that refuses leaves it down.
    ProcessUp,
    /// `process.dies_opening`: the process starts and dies before it has opened the store.
    ProcessDiesOpening {
        /// After how many operations of the disk, or when the store is open.
        after: u64,
    },
    /// `process.second`: another process tries to start on the same store.
    ProcessSecond,
    /// `clock.zone`: the machine is in another time zone.
    ClockZone {
        /// How far from UTC, in minutes.
        minutes: i64,
    },
    /// `suspend`: the machine sleeps.
    Suspend {
        /// How long, in microseconds.
        micros: u64,
    },
    /// `kill`: the process dies; what was written to files stays.
    Kill,
    /// `power.cut`: the machine dies; what was not synced may be gone, torn or out of order.
    PowerCut {
        /// What decides about that.
        seed: u64,
    },
    /// `restart`: the process starts again on the same store.
    Restart,
    /// `clock.jump`: the wall clock moves, the monotonic one does not.
    ClockJump {
        /// By how much, in microseconds.
        micros: i64,
    },
    /// `file.remove`: somebody deletes the file of a sealed recording.
    FileRemove {
        /// Which recording.
        recording: RecordingRef,
    },
    /// `file.damage`: the medium damages the file of a sealed recording.
    FileDamage {
        /// Which recording.
        recording: RecordingRef,
        /// The first damaged byte.
        offset: u64,
        /// How many bits flip, from the lowest of that byte on.
        bits: u32,
    },
    /// `user.retry`: a person asks for another try.
    UserRetry {
        /// Of what.
        recordings: Selector,
    },
    /// `user.delete`: a person deletes.
    UserDelete {
        /// What.
        recordings: Selector,
    },
    /// `user.finish`: a person ends the conversation by hand.
    UserFinish {
        /// On which device.
        device: Device,
    },
    /// `expect`: what the report must show at this moment.
    Expect(Expectation),
}

/// What `audio` hears.
#[derive(Clone, Debug, PartialEq)]
pub enum AudioSource {
    /// A WAV file.
    Wav {
        /// Where it is, seen from the feed's folder.
        path: PathBuf,
        /// Where to begin in it, in microseconds.
        from_micros: u64,
    },
    /// A sine.
    Tone {
        /// Its pitch, in hertz: above 0 and below half the sample rate.
        hertz: f64,
    },
}

/// A kind of disk operation that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskOp {
    /// Making a file or folder.
    Create,
    /// Writing to a file.
    Write,
    /// Making a file or folder durable.
    Sync,
    /// Renaming a file.
    Rename,
    /// Removing a file.
    Remove,
    /// Reading a file or listing a folder.
    Read,
    /// Of reading, the opening of a file.
    Open,
    /// Of making durable, that of a folder.
    SyncDir,
}

impl DiskOp {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Write,
        Self::Sync,
        Self::Rename,
        Self::Remove,
        Self::Read,
        Self::Open,
        Self::SyncDir,
    ];

    /// The name in feeds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Read => "read",
            Self::Open => "open",
            Self::SyncDir => "sync_dir",
        }
    }
}

/// How a disk operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskError {
    /// Input or output error.
    Eio,
    /// No space left.
    Enospc,
    /// Permission denied.
    Eacces,
    /// Too many open files.
    Emfile,
    /// The quota is used up.
    Edquot,
    /// The file system is read-only.
    Erofs,
}

impl DiskError {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Eio, Self::Enospc, Self::Eacces, Self::Emfile, Self::Edquot, Self::Erofs];

    /// The name in feeds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eio => "EIO",
            Self::Enospc => "ENOSPC",
            Self::Eacces => "EACCES",
            Self::Emfile => "EMFILE",
            Self::Edquot => "EDQUOT",
            Self::Erofs => "EROFS",
        }
    }
}

/// How often something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// So many times.
    Count(u32),
    /// Until further notice.
    ForEver,
}

/// One recording, as a feed names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingRef {
    /// By its id.
    Id(RecordingId),
    /// By its place in the report's list: from 0 on, or from −1, the last, backwards.
    Index(i64),
}

impl RecordingRef {
    /// The place that an index means in a list of so many; `None` for an id, or when there is none.
    pub fn place(self, count: usize) -> Option<usize> {
        let Self::Index(index) = self else {
            return None;
        };
        let count = i64::try_from(count).ok()?;
        let place = if index < 0 { count + index } else { index };
        usize::try_from(place).ok().filter(|_| place < count)
    }
}

/// The recordings that a person means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// This one.
    One(RecordingRef),
    /// All of them.
    All,
}

impl Action {
    /// The action's name in feeds.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CaptureStart { .. } => "capture.start",
            Self::CaptureStop { .. } => "capture.stop",
            Self::Audio { .. } => "audio",
            Self::Frames { .. } => "frames",
            Self::Frame { .. } => "frame",
            Self::FrameLate { .. } => "frame.late",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::SocketUp { .. } => "socket.up",
            Self::SocketDown { .. } => "socket.down",
            Self::Server(ServerAction::Message { .. }) => "server.message",
            Self::Server(ServerAction::Respond(_)) => "server.respond",
            Self::Server(ServerAction::JobRespond(_)) => "job.respond",
            Self::Server(ServerAction::Stall { .. }) => "socket.stall",
            Self::Server(ServerAction::End { .. }) => "server.end",
            Self::Server(ServerAction::Accept) => "server.accept",
            Self::Server(ServerAction::Restart) => "server.restart",
            Self::AccountSignIn { .. } => "account.sign_in",
            Self::AccountSignOut { .. } => "account.sign_out",
            Self::NetworkOffline => "network.offline",
            Self::NetworkOnline => "network.online",
            Self::DiskFault { .. } => "disk.fault",
            Self::DiskFull => "disk.full",
            Self::DiskFreed => "disk.freed",
            Self::DiskSlip { .. } => "disk.slip",
            Self::DiskHeal => "disk.heal",
            Self::DiskSlow { .. } => "disk.slow",
            Self::DiskDamage { .. } => "disk.damage",
            Self::ProcessStop { .. } => "process.stop",
            Self::ProcessPanic { .. } => "process.panic",
            Self::ProcessUp => "process.up",
            Self::ProcessDiesOpening { .. } => "process.dies_opening",
            Self::ProcessSecond => "process.second",
            Self::ClockZone { .. } => "clock.zone",
            Self::Suspend { .. } => "suspend",
            Self::Kill => "kill",
            Self::PowerCut { .. } => "power.cut",
            Self::Restart => "restart",
            Self::ClockJump { .. } => "clock.jump",
            Self::FileRemove { .. } => "file.remove",
            Self::FileDamage { .. } => "file.damage",
            Self::UserRetry { .. } => "user.retry",
            Self::UserDelete { .. } => "user.delete",
            Self::UserFinish { .. } => "user.finish",
            Self::Expect(_) => "expect",
        }
    }

    /// The device that the action is about.
    pub(super) fn device(&self) -> Option<Device> {
        match self {
            Self::CaptureStart { device, .. }
            | Self::CaptureStop { device }
            | Self::Audio { device, .. }
            | Self::Frames { device, .. }
            | Self::Frame { device, .. }
            | Self::FrameLate { device, .. }
            | Self::Mute { device }
            | Self::Unmute { device }
            | Self::SocketUp { device }
            | Self::SocketDown { device, .. }
            | Self::UserFinish { device } => Some(device.clone()),
            Self::Server(
                ServerAction::Message { device, .. }
                | ServerAction::Stall { device }
                | ServerAction::End { device, .. },
            ) => Device::new(device.as_ref()?).ok(),
            Self::Server(
                ServerAction::Respond(_)
                | ServerAction::JobRespond(_)
                | ServerAction::Accept
                | ServerAction::Restart,
            )
            | Self::AccountSignIn { .. }
            | Self::AccountSignOut { .. }
            | Self::NetworkOffline
            | Self::NetworkOnline
            | Self::DiskFault { .. }
            | Self::DiskSlip { .. }
            | Self::DiskHeal
            | Self::DiskSlow { .. }
            | Self::DiskDamage { .. }
            | Self::ProcessStop { .. }
            | Self::ProcessPanic { .. }
            | Self::ProcessUp
            | Self::ProcessDiesOpening { .. }
            | Self::ProcessSecond
            | Self::ClockZone { .. }
            | Self::Suspend { .. }
            | Self::DiskFull
            | Self::DiskFreed
            | Self::Kill
            | Self::PowerCut { .. }
            | Self::Restart
            | Self::ClockJump { .. }
            | Self::FileRemove { .. }
            | Self::FileDamage { .. }
            | Self::UserRetry { .. }
            | Self::UserDelete { .. }
            | Self::Expect(_) => None,
        }
    }

    /// Whether only simulated time, disks and networks can play it.
    pub(super) fn needs_simulation(&self) -> bool {
        match self {
            Self::DiskFault { .. }
            | Self::DiskSlip { .. }
            | Self::DiskHeal
            | Self::DiskSlow { .. }
            | Self::DiskDamage { .. }
            | Self::ProcessStop { .. }
            | Self::ProcessPanic { .. }
            | Self::ProcessUp
            | Self::ProcessDiesOpening { .. }
            | Self::ProcessSecond
            | Self::ClockZone { .. }
            | Self::Suspend { .. }
            | Self::FrameLate { .. }
            | Self::DiskFull
            | Self::DiskFreed
            | Self::PowerCut { .. }
            | Self::ClockJump { .. } => true,
            Self::Server(ServerAction::Respond(queue) | ServerAction::JobRespond(queue)) => {
                queue.iter().any(needs_simulation)
            }
            Self::CaptureStart { .. }
            | Self::CaptureStop { .. }
            | Self::Audio { .. }
            | Self::Frames { .. }
            | Self::Frame { .. }
            | Self::Mute { .. }
            | Self::Unmute { .. }
            | Self::SocketUp { .. }
            | Self::SocketDown { .. }
            | Self::Server(_)
            | Self::AccountSignIn { .. }
            | Self::AccountSignOut { .. }
            | Self::NetworkOffline
            | Self::NetworkOnline
            | Self::Kill
            | Self::Restart
            | Self::FileRemove { .. }
            | Self::FileDamage { .. }
            | Self::UserRetry { .. }
            | Self::UserDelete { .. }
            | Self::UserFinish { .. }
            | Self::Expect(_) => false,
        }
    }
}

impl Action {
    /// The fault of an answer that only the simulated network can do.
    pub fn simulated_fault(&self) -> Option<&'static str> {
        let Self::Server(ServerAction::Respond(queue) | ServerAction::JobRespond(queue)) = self
        else {
            return None;
        };
        let faults = queue.iter().filter_map(|answer| answer.fault);
        faults.filter(|fault| fault.needs_simulation()).map(Fault::name).next()
    }
}

fn needs_simulation(answer: &Answer) -> bool {
    answer.fault.is_some_and(Fault::needs_simulation)
}
