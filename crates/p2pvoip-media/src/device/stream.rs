//! Opens one stream of a device: its format, its buffer, and the callback at our end of it.

use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use cpal::traits::{DeviceTrait as _, StreamTrait as _};
use cpal::{
    BufferSize, ErrorKind, FromSample, I24, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfig, U24,
};

use super::callback::{Capture, Playout};
use super::convert::{HIGHEST_RATE, LOWEST_RATE};
use super::host::{Found, refused};
use super::line::{CaptureLine, PlayoutLine};
use super::ring::{Shared, ring};
use super::{DeviceError, DeviceStats, Kind};

/// How long a sound server may take to make a stream.
const PATIENCE: Duration = Duration::from_secs(3);

/// Callbacks a second that are asked for, where the device's range allows: 10 ms of sound each; larger ones after glitches.
pub(super) const CALLBACKS: [u32; 3] = [100, 50, 20];

/// A running stream, and our side of its ring.
pub(super) struct Opened<L> {
    pub(super) stream: cpal::Stream,
    pub(super) shared: Arc<Shared>,
    pub(super) line: L,
    pub(super) name: String,
    pub(super) rate: u32,
}

/// A stream with our side of its ring; `None` when its rate or format is out of range.
type Built<L> = Option<Result<(cpal::Stream, L, Arc<Shared>), cpal::Error>>;

/// One of the two directions: how a stream with its callback is made.
pub(super) trait Way: Send + Sized + 'static {
    const KIND: Kind;

    /// What the line went through.
    fn stats(&self) -> DeviceStats;

    /// The device's own format.
    fn format(device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error>;

    /// Both ends of a ring, the far one in a stream; `None` when the rate is out of range.
    fn build<T>(maker: &Maker<'_>) -> Built<Self>
    where
        T: SizedSample + FromSample<f32>,
        f32: FromSample<T>;
}

/// What a stream is made of.
pub(super) struct Maker<'a> {
    device: &'a cpal::Device,
    config: StreamConfig,
    /// Whom to wake when the stream is lost.
    keeper: &'a Thread,
}

impl Maker<'_> {
    /// What is done when the stream reports an error: counted, and the keeper woken when it is the end.
    fn on_error(&self, shared: &Arc<Shared>) -> impl FnMut(cpal::Error) + Send + use<> {
        let (shared, keeper) = (Arc::clone(shared), self.keeper.clone());
        move |error| {
            let kind = error.kind();
            if kind == ErrorKind::Xrun {
                shared.on_xrun();
            } else if matches!(
                kind,
                ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated
            ) {
                shared.on_lost();
                keeper.unpark();
            }
            // Whatever else ends a stream is noticed by its silence.
        }
    }
}

impl Way for CaptureLine {
    const KIND: Kind = Kind::Microphone;

    fn stats(&self) -> DeviceStats {
        self.counted()
    }

    fn format(device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
        device.default_input_config()
    }

    fn build<T>(maker: &Maker<'_>) -> Built<Self>
    where
        T: SizedSample + FromSample<f32>,
        f32: FromSample<T>,
    {
        let (producer, consumer, shared) = ring(maker.config.sample_rate);
        let line = Self::new(maker.config.sample_rate, consumer, Arc::clone(&shared))?;
        let mut capture = Capture::new(producer, maker.config.channels, Arc::clone(&shared));
        let stream = maker.device.build_input_stream::<T, _, _>(
            maker.config,
            move |recorded: &[T], _| capture.take(recorded),
            maker.on_error(&shared),
            Some(PATIENCE),
        );
        Some(stream.map(|stream| (stream, line, shared)))
    }
}

impl Way for PlayoutLine {
    const KIND: Kind = Kind::Speaker;

    fn stats(&self) -> DeviceStats {
        self.counted()
    }

    fn format(device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
        device.default_output_config()
    }

    fn build<T>(maker: &Maker<'_>) -> Built<Self>
    where
        T: SizedSample + FromSample<f32>,
        f32: FromSample<T>,
    {
        let (producer, consumer, shared) = ring(maker.config.sample_rate);
        let line = Self::new(maker.config.sample_rate, producer, Arc::clone(&shared))?;
        let mut playout = Playout::new(consumer, maker.config.channels, Arc::clone(&shared));
        let stream = maker.device.build_output_stream::<T, _, _>(
            maker.config,
            move |played: &mut [T], _| playout.give(played),
            maker.on_error(&shared),
            Some(PATIENCE),
        );
        Some(stream.map(|stream| (stream, line, shared)))
    }
}

/// Opens and starts a stream. `callbacks` is how many a second are asked for.
pub(super) fn open<L: Way>(found: &Found, callbacks: u32, keeper: &Thread) -> Result<Opened<L>, DeviceError> {
    let name = found.info.name.clone();
    let refuse = |error: cpal::Error| refused(&error, L::KIND, &name);
    let format = L::format(&found.device).map_err(refuse)?;
    let mut config = format.config();
    config.buffer_size = buffer(format.buffer_size(), config.sample_rate, callbacks);
    let mut built = build::<L>(&Maker { device: &found.device, config, keeper }, format.sample_format());
    // The range that a device tells is not always true: its own size is better than none.
    if matches!(&built, Some(Err(error)) if is_about_format(error))
        && config.buffer_size != BufferSize::Default
    {
        config.buffer_size = BufferSize::Default;
        built = build::<L>(&Maker { device: &found.device, config, keeper }, format.sample_format());
    }
    let unusable = || DeviceError::Unsupported {
        kind: L::KIND,
        name: name.clone(),
        why: format!("{} at {} Hz", format.sample_format(), config.sample_rate),
    };
    let (stream, line, shared) = built.ok_or_else(unusable)?.map_err(refuse)?;
    stream.play().map_err(refuse)?;
    Ok(Opened { stream, shared, line, name: name.clone(), rate: config.sample_rate })
}

fn is_about_format(error: &cpal::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput | ErrorKind::UnsupportedOperation
    )
}

/// The buffer for that many callbacks a second, as near as the device can.
fn buffer(range: &SupportedBufferSize, rate: u32, callbacks: u32) -> BufferSize {
    match *range {
        SupportedBufferSize::Range { min, max } if min <= max => {
            BufferSize::Fixed((rate / callbacks.max(1)).clamp(min, max))
        }
        SupportedBufferSize::Range { .. } | SupportedBufferSize::Unknown => BufferSize::Default,
    }
}

/// The stream for a sample format known only now; `None` for one that is no number (DSD).
fn build<L: Way>(maker: &Maker<'_>, format: SampleFormat) -> Built<L> {
    // Before a ring is made, whose size is the rate that a driver tells.
    if !(LOWEST_RATE..=HIGHEST_RATE).contains(&maker.config.sample_rate) {
        return None;
    }
    match format {
        SampleFormat::I8 => L::build::<i8>(maker),
        SampleFormat::I16 => L::build::<i16>(maker),
        SampleFormat::I24 => L::build::<I24>(maker),
        SampleFormat::I32 => L::build::<i32>(maker),
        SampleFormat::I64 => L::build::<i64>(maker),
        SampleFormat::U8 => L::build::<u8>(maker),
        SampleFormat::U16 => L::build::<u16>(maker),
        SampleFormat::U24 => L::build::<U24>(maker),
        SampleFormat::U32 => L::build::<u32>(maker),
        SampleFormat::U64 => L::build::<u64>(maker),
        SampleFormat::F32 => L::build::<f32>(maker),
        SampleFormat::F64 => L::build::<f64>(maker),
        SampleFormat::DsdU8 | SampleFormat::DsdU16 | SampleFormat::DsdU32 | _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_milliseconds_are_asked_for_where_the_range_allows() {
        let range = |min, max| SupportedBufferSize::Range { min, max };
        assert_eq!(buffer(&range(1, 100_000), 48_000, CALLBACKS[0]), BufferSize::Fixed(480));
        assert_eq!(buffer(&range(1, 100_000), 44_100, CALLBACKS[1]), BufferSize::Fixed(882));
        assert_eq!(buffer(&range(1_024, 4_096), 48_000, CALLBACKS[0]), BufferSize::Fixed(1_024));
        assert_eq!(buffer(&range(16, 128), 48_000, CALLBACKS[0]), BufferSize::Fixed(128));
        assert_eq!(buffer(&SupportedBufferSize::Unknown, 48_000, CALLBACKS[0]), BufferSize::Default);
        assert_eq!(buffer(&range(2, 1), 48_000, CALLBACKS[0]), BufferSize::Default);
    }
}
