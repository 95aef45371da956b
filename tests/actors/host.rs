//! A host with a simulated disk, whose processes can be killed.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use earmark::{Account, Builder, Codec, Device, DiskMode, Runtime, Source, SourceHandle, Status};
use earmark_sim::world::{VirtualClock, in_virtual_time};
use earmark_store::SimDisk;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::Duration;

/// What outlives a process: the disk and the clocks.
pub(crate) struct Host {
    pub(crate) disk: SimDisk,
    clock: Arc<VirtualClock>,
}

/// A running process.
pub(crate) struct Process {
    pub(crate) runtime: Runtime,
    disk: SimDisk,
    tasks: JoinHandle<()>,
}

/// Tells a story in virtual time: it passes only while everything waits.
pub(crate) fn story<F: Future<Output = ()>>(tell: impl FnOnce(Host) -> F) {
    in_virtual_time(async {
        let (disk, clock) = (SimDisk::new(7), Arc::new(VirtualClock::new()));
        tell(Host { disk, clock }).await;
    })
    .expect("a runtime without I/O needs nothing of the system");
}

impl Host {
    pub(crate) async fn start(&self) -> Process {
        self.start_with(|builder| builder).await
    }

    /// A process that is built with something more.
    pub(crate) async fn start_with(&self, more: impl FnOnce(Builder) -> Builder) -> Process {
        let disk = self.disk.life();
        let builder = Runtime::builder("")
            .disk(Arc::new(disk.clone()), DiskMode::Inline)
            .clock(self.clock.clone())
            .seed(7);
        let builder = more(builder);
        let set = LocalSet::new();
        let started = set.run_until(builder.start_here()).await;
        let runtime = started.expect("a disk without faults opens");
        let tasks = tokio::task::spawn_local(set);
        Process { runtime, disk, tasks }
    }
}

impl Process {
    /// Its memory is gone; what it wrote to files stays.
    pub(crate) async fn kill(self) {
        self.disk.kill();
        self.end().await;
    }

    /// The machine dies with it; what was not synced may be gone, torn or out of order.
    pub(crate) async fn cut_power(self, seed: u64) {
        self.disk.power_cut(seed);
        self.end().await;
    }

    async fn end(self) {
        self.tasks.abort();
        // The only error is that it was aborted, which is what was wanted.
        let _ = self.tasks.await;
    }

    pub(crate) fn capture(&self, device: &str) -> SourceHandle {
        capture(&self.runtime, device)
    }

    pub(crate) async fn status(&self) -> Status {
        let status = self.runtime.status_now().await;
        status.expect("the runtime runs")
    }
}

pub(crate) fn capture(runtime: &Runtime, device: &str) -> SourceHandle {
    let opened = runtime.open_source(Source::mono_16k(
        Device::new(device).expect("the tests' names are short"),
        Codec::Opus,
        Account::new("default").expect("the name is short"),
    ));
    opened.expect("there is room for the tests' devices")
}

pub(crate) fn frame(fill: u8, bytes: usize) -> Bytes {
    Bytes::from(vec![fill; bytes])
}

/// Offers frames that must be taken.
pub(crate) fn push(source: &SourceHandle, count: u8) {
    for fill in 0..count {
        let taken = source.push(frame(fill, 80));
        assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
    }
}

pub(crate) async fn pass_millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
