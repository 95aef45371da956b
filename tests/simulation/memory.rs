//! Memory does not grow with the audio that was captured. It has a program of its own, since it
//! counts every byte that the program holds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark::{Account, Codec, Device, Policy, Source, SourceHandle};
use earmark_backend::ServerAction;
use earmark_backend::server::Options;
use earmark_sim::world::{Network, Setting, in_virtual_time};
use earmark_store::FsDisk;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const DEVICES: usize = 20;
const FRAMES_PER_SECOND: u64 = 50;
const FRAME_BYTES: usize = 80;
/// The most that the process may ever hold.
const MEMORY_MAX: usize = 32 << 20;
/// What may be held of eight minutes of audio that is on the disk: its bookkeeping. The audio is
/// thirty-eight megabytes.
const GROWTH_MAX: usize = 1 << 20;

/// Twenty devices, of which every other one is heard live.
struct Host {
    network: Arc<Network>,
    sources: Vec<SourceHandle>,
    offered: u64,
}

impl Host {
    /// One minute, in which each live socket breaks and comes back, and a conversation ends.
    async fn pass_minute(&mut self) {
        for second in 0..60 {
            for (place, source) in self.sources.iter().enumerate().step_by(2) {
                match second {
                    20 => self.network.close(source.device(), 1006),
                    30 => source.live(true).expect("nothing else waits"),
                    40 => self.end_conversation(place),
                    _ => {}
                }
            }
            for _ in 0..FRAMES_PER_SECOND {
                self.offer();
                tokio::time::sleep(Duration::from_millis(1_000 / FRAMES_PER_SECOND)).await;
            }
        }
    }

    fn end_conversation(&self, place: usize) {
        let device = Some(self.sources[place].device().as_str().to_owned());
        let ended = self.network.script(ServerAction::End { device, event: true });
        ended.expect("the socket has been up for ten seconds");
    }

    fn offer(&mut self) {
        for source in &self.sources {
            let mut frame = [0; FRAME_BYTES];
            frame[..8].copy_from_slice(&self.offered.to_le_bytes());
            self.offered += 1;
            let taken = source.push(Bytes::copy_from_slice(&frame));
            assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
        }
    }
}

fn setting() -> Setting {
    let options = Options { silence: None, decode: false, ..Options::default() };
    Setting::new(options, Policy::EVERYDAY, 1)
}

async fn capture_ten_minutes() -> Vec<usize> {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let disk = FsDisk::create(folder.path()).expect("there is room for a store");
    let setting = setting();
    let ticking = tokio::task::spawn_local(Arc::clone(&setting.network).tick());
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let runtime = setting.process_on(Arc::new(disk)).start_here().await.expect("the disk is well");
    let capture = |place: usize| {
        let device = Device::new(&format!("device-{place}")).expect("the name is short");
        let account = Account::new("default").expect("the name is short");
        let source = Source::mono_16k(device, Codec::OpusFs320, account);
        let source = runtime.open_source(source).expect("there is room for twenty");
        source.live(place.is_multiple_of(2)).expect("nothing else waits");
        source
    };
    let sources: Vec<SourceHandle> = (0..DEVICES).map(capture).collect();
    let mut host = Host { network: Arc::clone(&setting.network), sources, offered: 0 };
    let mut held = Vec::new();
    for _ in 0..10 {
        host.pass_minute().await;
        held.push(MEMORY.current_usage() - before);
    }
    held.push(MEMORY.peak_usage() - before);
    let status = runtime.status_now().await.expect("the runtime runs");
    println!("{held:?} {:?}", status.frames);
    ticking.abort();
    held
}

/// F42.
#[test]
fn memory_stays_flat_with_twenty_devices() {
    let held = in_virtual_time(capture_ten_minutes())
        .expect("a runtime without I/O needs nothing of the system");
    assert!(held[9] < held[1] + GROWTH_MAX, "{held:?}");
    assert!(held[10] < MEMORY_MAX, "{held:?}");
}
