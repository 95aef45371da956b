//! The fault kinds of the simulated world, and how each is provoked.

/// Declares the kinds with their names and how they come about.
macro_rules! kinds {
    ($($kind:ident $name:literal $how:literal)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind {
            $(#[doc = $how] $kind,)*
        }

        impl FaultKind {
            /// All kinds, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Its name, as the campaign prints it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// How a world comes to it.
            pub const fn how(self) -> &'static str {
                match self {
                    $(Self::$kind => $how,)*
                }
            }
        }
    };
}

kinds! {
    WriteEio "write-eio" "`disk.fault` of writes with EIO"
    ShortWrite "short-write" "the simulated disk takes a part of every sixteenth write"
    WriteEnospc "write-enospc" "`disk.full`, or `disk.fault` of writes with ENOSPC or EDQUOT"
    SyncEnospc "sync-enospc" "`disk.fault` of syncs with ENOSPC"
    SyncEio "sync-eio" "`disk.fault` of one sync with EIO"
    SyncEioSticky "sync-eio-sticky" "`disk.fault` of all syncs with EIO, until the disk is healed"
    DirSyncFails "dir-sync-fails" "`disk.fault` of `sync_dir`"
    RenameFails "rename-fails" "`disk.fault` of renames"
    RemoveFails "remove-fails" "`disk.fault` of removals"
    OpenEmfile "open-emfile" "`disk.fault` of `open` with EMFILE"
    Forbidden "eacces-erofs" "`disk.fault` of creations and writes with EACCES or EROFS"
    ReadEio "read-eio" "`disk.fault` of reads with EIO"
    BitFlip "bit-flip" "`disk.damage` of a file of any kind, and `file.remove`"
    TornWrite "torn-write" "`disk.slip`, and power cuts that leave a part of a write"
    LostWrite "lost-write" "`disk.slip`"
    MisdirectedWrite "misdirected-write" "`disk.slip`"
    Stall "stall-10s" "`disk.slow` for 10 s"
    Reordered "crash-reordered" "`power.cut`: a later write is kept where an earlier one is not"
    Kill "kill" "`kill`"
    StopMidDrain "stop-mid-drain" "`process.stop` while frames or requests are under way"
    Panic "actor-panic" "`process.panic`: the handler that announces something next panics"
    DiesOpening "crash-in-recovery" "`process.dies_opening` after some operations of the disk"
    RestartStorm "restart-storm" "three deaths and starts within ten seconds"
    SecondInstance "second-instance" "`process.second`"
    WallJump "wall-jump" "`clock.jump`"
    Zone "time-zone" "`clock.zone`; nothing in the runtime knows a zone, so nothing may change"
    Suspend "suspend" "`suspend` for an hour or more"
    BootId "boot-id" "a `power.cut` and a start: the machine has another boot id"
    Refused "refused" "answers with the fault `refuse`"
    Dns "dns" "answers with the fault `dns`; `tls` comes with it"
    Reset "reset-at-byte" "answers with `reset_before`, `reset_mid`: at byte 0 and half way"
    ReplyLost "reply-lost" "answers with `reset_after` and `truncate`, which take effect before"
    Duplicate "duplicate-delivery" "answers with the fault `duplicate`"
    Drip "slow-drip" "answers with the fault `drip` over more than 30 s"
    Portal "captive-portal" "200 with a page of HTML, nothing kept"
    ServerErrors "5xx-burst" "three answers of 5xx in a row"
    OddRetryAfter "429-odd-retry-after" "429 with a `Retry-After` that is a date, absent, or absurd"
    NeverFinishes "202-never-finishes" "202, and jobs that are still in work at every question"
    JobFails "job-lost-or-failed" "questions answered with 404, 410 or a failed job"
    Partial "partial-failure" "207, or a job with failed segments"
    ServerForgets "server-forgets" "`server.restart`; there are no offsets to forget, so jobs are"
    Disconnect "device-disconnect" "a capture stops amid its frames"
    DuplicateFrame "duplicate-frame" "the same bytes twice; frames have no number, so both are kept"
    Gap "gap" "seconds without frames in a running capture"
    LateFrame "reordered-frames" "`frame.late`: a frame that was captured before those that came"
    SeqWrap "seq-wrap" "a second capture of a device: its frames are counted from 0 again"
    CodecChange "codec-change" "a capture of another codec while one runs"
    EventLost "event-lost" "a message of the server while the socket is down or stalled"
    EventTwice "event-duplicated" "the same message twice"
    EventsReordered "events-reordered" "a conversation's event before its `ProcessingStarted`"
    EventUnknown "event-unknown" "an event of a conversation that nobody has heard of"
    TokenExpiry "token-expiry" "answers with 401"
    UserSwitch "user-switch" "a capture of another account on the same device; signing out and in"
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u64);

impl Kinds {
    /// Adds one.
    pub const fn add(&mut self, kind: FaultKind) {
        self.0 |= 1 << kind as u64;
    }

    /// Whether it is among them.
    pub const fn has(self, kind: FaultKind) -> bool {
        self.0 & (1 << kind as u64) != 0
    }
}
