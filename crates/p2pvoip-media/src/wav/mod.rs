//! WAV files as sources and sinks of sound: any rate, channels and depth in; 48 kHz, mono, 16 bits out.
//!
//! # Left out
//! - Compressed WAV (A-law, ADPCM): the error says how to convert it.

mod sink;
mod source;

use std::io;
use std::path::Path;

pub use sink::{LONGEST_SINK, Sink};
pub use source::{HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, Source};

use crate::frame::{FRAME, Frame};

/// Why a WAV file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// The file cannot be opened or read.
    #[error("the WAV file cannot be read ({0}); check that it exists and that you may read it")]
    Read(#[source] io::Error),
    /// The file is not a WAV file, or is cut off.
    #[error("this is not a whole WAV file ({0}); record or export it again as WAV (PCM)")]
    NotWav(&'static str),
    /// The file has an encoding, a depth, a rate or a number of channels that is not supported.
    #[error(
        "the WAV file's format is not supported; convert it to 16 bit PCM, for example with `ffmpeg -i IN -c:a pcm_s16le OUT.wav`"
    )]
    Unsupported,
    /// The file has no sound in it.
    #[error("the WAV file has no sound in it; choose one that holds at least one sample")]
    Empty,
    /// The file cannot be written.
    #[error(
        "the WAV file cannot be written ({0}); check that the folder exists, that you may write to it and that the disk has room"
    )]
    Write(#[source] io::Error),
    /// The name belongs to something that a recording must not replace.
    #[error("no recording can be written under this name, since {0}; name a new file, such as `heard.wav`")]
    Target(&'static str),
    /// There is more sound than a WAV file can hold.
    #[error("the WAV file is as long as WAV files can be (12 hours); finish it and begin another")]
    TooLong,
}

/// All sound of a WAV file, at 48 kHz, mono.
///
/// # Errors
/// [`WavError`] when it is not a WAV file that can be read.
pub fn read(path: &Path) -> Result<Vec<i16>, WavError> {
    let source = Source::open(path)?;
    let samples = source.samples();
    let mut sound = Vec::new();
    for frame in source {
        sound.extend_from_slice(&frame?.0);
    }
    sound.truncate(usize::try_from(samples).unwrap_or(usize::MAX));
    Ok(sound)
}

/// Writes sound of 48 kHz, mono, as a WAV file; what is under that name is replaced only when all is written.
///
/// # Errors
/// [`WavError::Write`] or [`WavError::TooLong`]; nothing half-written is left then.
pub fn write(path: &Path, sound: &[i16]) -> Result<(), WavError> {
    let mut sink = Sink::create(path)?;
    let (frames, rest) = sound.as_chunks::<FRAME>();
    for frame in frames {
        sink.write(&Frame(*frame))?;
    }
    sink.write_samples(rest)?;
    sink.finish()
}

/// Makes a WAV file of 48 kHz, mono, 16 bits of any other.
///
/// # Errors
/// [`WavError`] when `from` cannot be read or `to` not be written; nothing half-written is left then.
pub fn convert(from: &Path, to: &Path) -> Result<(), WavError> {
    write(to, &read(from)?)
}
