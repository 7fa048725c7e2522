//! A WAV file as a source of frames: mixed to one channel and resampled by rubato's windowed sinc.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Seek as _};
use std::path::Path;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters};

use super::WavError;
use crate::frame::{FRAME, Frame, SAMPLE_RATE};

/// The lowest sample rate read.
pub const LOWEST_RATE: u32 = 1_000;
/// The highest sample rate read.
pub const HIGHEST_RATE: u32 = 384_000;
/// The most channels read; they are mixed to one with equal weight.
pub const MOST_CHANNELS: u16 = 64;
/// Samples that are read and resampled at once.
const STEP: usize = 1_024;

/// Stage: the frames of a WAV file; the last one is filled with silence.
pub struct Source {
    reader: hound::WavReader<BufReader<File>>,
    channels: usize,
    resampler: Option<Resampling>,
    ready: VecDeque<i16>,
    /// Samples at 48 kHz still to be given.
    left: u64,
    samples: u64,
    failed: bool,
}

struct Resampling {
    sinc: Async<f32>,
    out: Vec<f32>,
    /// Samples of the filter's delay still to be dropped.
    skip: usize,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("samples", &self.samples)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a WAV file.
    ///
    /// # Errors
    /// [`WavError`] when it cannot be read, is not a WAV file, is empty, or has a format that is not supported.
    pub fn open(path: &Path) -> Result<Self, WavError> {
        let file = File::open(path).map_err(WavError::Read)?;
        let kind = file.metadata().map_err(WavError::Read)?;
        let mut reader = hound::WavReader::new(BufReader::new(file)).map_err(read_error)?;
        if kind.is_file() {
            reader = whole(reader, kind.len())?;
        }
        let spec = reader.spec();
        let known = (LOWEST_RATE..=HIGHEST_RATE).contains(&spec.sample_rate)
            && (1..=MOST_CHANNELS).contains(&spec.channels)
            && match spec.sample_format {
                hound::SampleFormat::Int => matches!(spec.bits_per_sample, 8 | 16 | 24 | 32),
                hound::SampleFormat::Float => spec.bits_per_sample == 32,
            };
        if !known {
            return Err(WavError::Unsupported);
        }
        if reader.duration() == 0 {
            return Err(WavError::Empty);
        }
        let samples =
            (u64::from(reader.duration()) * u64::from(SAMPLE_RATE)).div_ceil(u64::from(spec.sample_rate));
        let resampler =
            (spec.sample_rate != SAMPLE_RATE).then(|| Resampling::new(spec.sample_rate)).transpose()?;
        let channels = usize::from(spec.channels);
        Ok(Self {
            reader,
            channels,
            resampler,
            ready: VecDeque::new(),
            left: samples,
            samples,
            failed: false,
        })
    }

    /// Samples at 48 kHz in the whole file.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The next samples of the file, mixed to one channel; fewer than `STEP` at its end.
    fn read_mono(&mut self) -> Result<Vec<f32>, WavError> {
        let spec = self.reader.spec();
        let wanted = STEP * self.channels;
        let mixed = match spec.sample_format {
            hound::SampleFormat::Float => {
                let samples = self.reader.samples::<f32>().take(wanted);
                mix(
                    samples.map(|sample| sample.map(|value| if value.is_finite() { value } else { 0.0 })),
                    self.channels,
                )
            }
            hound::SampleFormat::Int => {
                let scale = 0.5f32.powi(i32::from(spec.bits_per_sample) - 1);
                let samples = self.reader.samples::<i32>().take(wanted);
                #[expect(clippy::cast_precision_loss, reason = "16 bits are wanted in the end")]
                mix(samples.map(|sample| sample.map(|value| value as f32 * scale)), self.channels)
            }
        };
        mixed.map_err(read_error)
    }

    fn read_more(&mut self) -> Result<(), WavError> {
        let mono = self.read_mono()?;
        if let Some(resampler) = &mut self.resampler {
            return resampler.process(mono, &mut self.ready);
        }
        // A file that ends too early is told by an error of the reader, so an empty read cannot go on for ever.
        if mono.is_empty() {
            return Err(WavError::NotWav("it ends too early"));
        }
        self.ready.extend(mono.into_iter().map(quantise));
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Frame, WavError> {
        while (self.ready.len() as u64) < self.left.min(FRAME as u64) {
            self.read_more()?;
        }
        let mut frame = Frame::SILENCE;
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(FRAME);
        for (to, from) in frame.0.iter_mut().zip(self.ready.drain(..len)) {
            *to = from;
        }
        self.left -= len as u64;
        Ok(frame)
    }
}

/// The same reader, when the file is long enough for the sound that its header promises.
fn whole(
    reader: hound::WavReader<BufReader<File>>,
    len: u64,
) -> Result<hound::WavReader<BufReader<File>>, WavError> {
    // Some files keep 24 bits in 32; their end is found missing only when it is read.
    let bytes = u64::from(reader.len()) * u64::from(reader.spec().bits_per_sample / 8);
    let mut file = reader.into_inner();
    let begins = file.stream_position().map_err(WavError::Read)?;
    if begins.saturating_add(bytes) > len {
        return Err(WavError::NotWav("it is shorter than its header says"));
    }
    file.rewind().map_err(WavError::Read)?;
    hound::WavReader::new(file).map_err(read_error)
}

impl Iterator for Source {
    type Item = Result<Frame, WavError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || self.failed {
            return None;
        }
        let frame = self.next_frame();
        self.failed = frame.is_err();
        Some(frame)
    }
}

impl Resampling {
    fn new(rate: u32) -> Result<Self, WavError> {
        let ratio = f64::from(SAMPLE_RATE) / f64::from(rate);
        let parameters = SincInterpolationParameters::default().sinc_len(128);
        let sinc = Async::new_sinc(ratio, 1.0, &parameters, STEP, 1, FixedAsync::Input)
            .map_err(|_| WavError::Unsupported)?;
        let (room, skip) = (sinc.output_frames_max(), sinc.output_delay());
        Ok(Self { sinc, out: vec![0.0; room], skip })
    }

    /// Resamples what was read; what is missing to a whole step is silence after the end.
    fn process(&mut self, mut mono: Vec<f32>, ready: &mut VecDeque<i16>) -> Result<(), WavError> {
        let partial = Indexing { partial_len: Some(mono.len()), ..Indexing::new() };
        let indexing = (mono.len() < STEP).then_some(&partial);
        mono.resize(STEP, 0.0);
        let frames = self.out.len();
        let input = InterleavedSlice::new(&mono, 1, STEP).map_err(|_| WavError::Unsupported)?;
        let mut output =
            InterleavedSlice::new_mut(&mut self.out, 1, frames).map_err(|_| WavError::Unsupported)?;
        let (_, made) = self
            .sinc
            .process_into_buffer(&input, &mut output, indexing)
            .map_err(|_| WavError::Unsupported)?;
        let skipped = self.skip.min(made);
        self.skip -= skipped;
        ready.extend(self.out.get(skipped..made).unwrap_or_default().iter().copied().map(quantise));
        Ok(())
    }
}

/// The mean of each group of channels.
fn mix(samples: impl Iterator<Item = hound::Result<f32>>, channels: usize) -> hound::Result<Vec<f32>> {
    let mut mono = Vec::with_capacity(STEP);
    let (mut sum, mut count) = (0.0, 0);
    for sample in samples {
        sum += sample?;
        count += 1;
        if count == channels {
            #[expect(clippy::cast_precision_loss, reason = "at most 64 channels")]
            mono.push(sum / channels as f32);
            (sum, count) = (0.0, 0);
        }
    }
    Ok(mono)
}

/// To 16 bits; what is too loud is cut.
#[expect(clippy::cast_possible_truncation, reason = "clamped before")]
fn quantise(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

fn read_error(error: hound::Error) -> WavError {
    match error {
        hound::Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            WavError::NotWav("it ends too early")
        }
        hound::Error::IoError(error) if error.kind() == io::ErrorKind::Other => {
            WavError::NotWav("it ends too early")
        }
        hound::Error::IoError(error) => WavError::Read(error),
        hound::Error::FormatError(what) => WavError::NotWav(what),
        hound::Error::Unsupported | hound::Error::TooWide | hound::Error::InvalidSampleFormat => {
            WavError::Unsupported
        }
        hound::Error::UnfinishedSample => WavError::NotWav("its last sample is incomplete"),
    }
}
