//! A simulated world for one story.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use earmark::{Account, Codec, Device, Policy, Runtime, Source, SourceHandle};
use earmark_backend::server::Options;
use earmark_sim::world::{Setting, in_virtual_time};
use earmark_store::CutLimits;

use super::text;

/// A power cut that leaves what was synced and nothing else.
pub(super) const NOTHING_UNSYNCED: CutLimits = CutLimits { every: 0, sampled: 1 };
/// The bytes of a frame.
const FRAME_BYTES: usize = 80;

/// Tells a story in virtual time.
pub(super) fn tell<F>(story: impl FnOnce(Setting) -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let told = in_virtual_time(async {
        let setting = setting();
        let ticking = tokio::task::spawn_local(Arc::clone(&setting.network).tick());
        let told = story(setting).await;
        ticking.abort();
        told
    });
    told.map_err(text)?
}

fn setting() -> Setting {
    let options = Options { silence: None, decode: false, ..Options::default() };
    Setting::new(options, Policy::EVERYDAY, 1)
}

pub(super) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A device of an account that captures Opus.
pub(super) fn capture(
    runtime: &Runtime,
    device: &str,
    account: &str,
) -> Result<SourceHandle, String> {
    let device = Device::new(device).map_err(text)?;
    let account = Account::new(account).map_err(text)?;
    runtime.open_source(Source::mono_16k(device, Codec::Opus, account)).map_err(text)
}

/// Frames that must be taken.
pub(super) fn push(source: &SourceHandle, count: u8) -> Result<(), String> {
    (0..count).try_for_each(|fill| {
        let taken = source.push(Bytes::from(vec![fill; FRAME_BYTES]));
        taken.map(drop).map_err(text)
    })
}

/// A capture with some frames that is over, and whose recording is sealed.
pub(super) async fn record(
    runtime: &Runtime,
    device: &str,
    account: &str,
) -> Result<SourceHandle, String> {
    let source = capture(runtime, device, account)?;
    push(&source, 100)?;
    source.stop().map_err(text)?;
    pass(Duration::from_secs(2)).await;
    Ok(source)
}
