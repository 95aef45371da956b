//! A microphone, through the system's audio library.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{BufferSize, FromSample, Sample, SampleFormat, SizedSample, Stream, StreamConfig};
use earmark::Codec;
use earmark_backend::audio::{FrameCoder, SAMPLE_RATE};

use super::feed::{Outlet, feed};
use super::unless_muted::listen_unless_muted;
use crate::host::intake::Intake;

/// How many pieces of audio may wait until they are encoded; a piece has some milliseconds.
const PIECES_WAITING_MAX: usize = 256;
/// A microphone that brings nothing for so long is opened anew.
const SILENT_SECONDS_MAX: u64 = 10;
/// How often it is looked whether it failed, while nothing is heard.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The names of all microphones.
pub(crate) fn microphones() -> Result<Vec<String>, String> {
    let devices = cpal::default_host().input_devices().map_err(|error| error.to_string())?;
    Ok(devices.filter_map(|device| device.name().ok()).collect())
}

pub(super) async fn run(intake: &mut Intake, input: &str) -> Result<(), String> {
    let codec = intake.encoding().codec;
    let open = || {
        let input = input.to_owned();
        feed(move |outlet| {
            let heard = listen(&input, codec, outlet);
            heard.map_err(|fault| format!("the microphone {input}: {fault}"))
        })
    };
    intake.start()?;
    let intake = &*intake;
    listen_unless_muted(|| intake.is_muted(), open, |frame| intake.push_or_lose(frame)).await?;
    intake.stop()
}

/// Listens until it is not wanted any more, or the microphone fails.
fn listen(input: &str, codec: Codec, outlet: &Outlet) -> Result<(), String> {
    let device = device(input)?;
    let (pieces, heard) = sync_channel(PIECES_WAITING_MAX);
    let fault = Arc::new(OnceLock::new());
    let (stream, channels) = open(&device, pieces, Arc::clone(&fault))?;
    stream.play().map_err(|error| error.to_string())?;
    // The ear goes before the stream does, which waits for whoever speaks into it.
    encode(heard, channels, FrameCoder::new(codec), &fault, outlet)
}

/// Hands out what is heard as frames.
fn encode(
    heard: Receiver<Vec<i16>>,
    channels: u16,
    mut coder: FrameCoder,
    fault: &OnceLock<String>,
    outlet: &Outlet,
) -> Result<(), String> {
    let mut silent = Duration::ZERO;
    while outlet.is_wanted() {
        if let Some(fault) = fault.get() {
            return Err(String::clone(fault));
        }
        let Some(piece) = next(&heard)? else {
            silent += LOOK_EVERY;
            if silent > Duration::from_secs(SILENT_SECONDS_MAX) {
                return Err(format!("it brought nothing for {SILENT_SECONDS_MAX} s"));
            }
            continue;
        };
        silent = Duration::ZERO;
        for frame in coder.push(&mono(&piece, channels)).map_err(|error| error.to_string())? {
            if !outlet.give(frame) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn next(heard: &Receiver<Vec<i16>>) -> Result<Option<Vec<i16>>, String> {
    match heard.recv_timeout(LOOK_EVERY) {
        Ok(piece) => Ok(Some(piece)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(String::from("it is gone")),
    }
}

fn device(input: &str) -> Result<cpal::Device, String> {
    let host = cpal::default_host();
    if input == "default" {
        return host.default_input_device().ok_or_else(|| String::from("there is none"));
    }
    let mut devices = host.input_devices().map_err(|error| error.to_string())?;
    let found = devices.find(|device| device.name().is_ok_and(|name| name == input));
    found.ok_or_else(|| String::from("there is none of this name; earmark doctor lists them"))
}

/// Opens it at 16 kHz, with one channel if it can. ALSA, and what stands in for it, convert from
/// whatever the hardware has.
fn open(
    device: &cpal::Device,
    pieces: SyncSender<Vec<i16>>,
    fault: Arc<OnceLock<String>>,
) -> Result<(Stream, u16), String> {
    let ranges = device.supported_input_configs().map_err(|error| error.to_string())?;
    let fits = |range: &cpal::SupportedStreamConfigRange| {
        let rate = cpal::SampleRate(SAMPLE_RATE);
        let is_known = matches!(range.sample_format(), SampleFormat::I16 | SampleFormat::F32);
        is_known && range.min_sample_rate() <= rate && rate <= range.max_sample_rate()
    };
    let best = ranges
        .filter(fits)
        .min_by_key(|range| (range.channels(), range.sample_format() != SampleFormat::I16));
    let best = best.ok_or_else(|| {
        format!("it does not give {SAMPLE_RATE} Hz; name one that converts, such as `default`")
    })?;
    let channels = best.channels();
    let config = StreamConfig {
        channels,
        sample_rate: cpal::SampleRate(SAMPLE_RATE),
        buffer_size: BufferSize::Default,
    };
    let stream = if best.sample_format() == SampleFormat::F32 {
        build::<f32>(device, &config, pieces, fault)
    } else {
        build::<i16>(device, &config, pieces, fault)
    };
    stream.map(|stream| (stream, channels))
}

fn build<T>(
    device: &cpal::Device,
    config: &StreamConfig,
    pieces: SyncSender<Vec<i16>>,
    fault: Arc<OnceLock<String>>,
) -> Result<Stream, String>
where
    T: SizedSample,
    i16: FromSample<T>,
{
    let hear = move |samples: &[T], _: &cpal::InputCallbackInfo| {
        let piece = samples.iter().map(|sample| i16::from_sample(*sample)).collect();
        // Where encoding is late, the system's own buffer takes what is heard meanwhile, and tells
        // when it is full. Whoever does not listen any more is about to drop the stream.
        let _ = pieces.send(piece);
    };
    let fail = move |error: cpal::StreamError| {
        fault.get_or_init(|| error.to_string());
    };
    device.build_input_stream(config, hear, fail, None).map_err(|error| error.to_string())
}

/// One channel out of several: the mean of each moment.
fn mono(samples: &[i16], channels: u16) -> Vec<i16> {
    let mean = |moment: &[i16]| {
        let sum: i32 = moment.iter().map(|sample| i32::from(*sample)).sum();
        i16::try_from(sum / i32::from(channels.max(1))).unwrap_or_default()
    };
    samples.chunks_exact(usize::from(channels.max(1))).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_channels_become_the_mean_of_each_moment() {
        assert_eq!(mono(&[1, 3, -5, 5, i16::MAX, i16::MAX], 2), [2, 0, i16::MAX]);
        assert_eq!(mono(&[1, 2, 3], 1), [1, 2, 3]);
    }
}
