//! A WAV file that appears under its name only when it is whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::WavError;
use crate::frame::{Frame, SAMPLE_RATE};

/// Samples that a WAV file holds at most: its length has 32 bits, and its headers need some.
pub const LONGEST_SINK: u32 = (u32::MAX - 1_000) / 2;
/// Names tried for the temporary file, so that several writers do not meet.
const TRIES: u32 = 100;

/// Stage: frames in, a WAV file (48 kHz, mono, 16 bits) out.
///
/// The sound is written to a file beside it, which takes the name on [`finish`](Sink::finish). A sink that is dropped before
/// leaves what was under the name as it was.
pub struct Sink {
    path: PathBuf,
    part: PathBuf,
    writer: Option<hound::WavWriter<BufWriter<File>>>,
    file: File,
    samples: u32,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("samples", &self.samples).finish_non_exhaustive()
    }
}

impl Sink {
    /// Begins a file that will be called `path`.
    ///
    /// # Errors
    /// [`WavError::Target`] when the name is that of a folder, a device or anything else than a regular file;
    /// [`WavError::Write`] when the folder takes no file.
    pub fn create(path: &Path) -> Result<Self, WavError> {
        check_target(path)?;
        let (part, file) = create_beside(path).map_err(WavError::Write)?;
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let kept = file.try_clone().map_err(WavError::Write);
        let writer = hound::WavWriter::new(BufWriter::new(file), spec).map_err(write_error);
        match (kept, writer) {
            (Ok(file), Ok(writer)) => {
                Ok(Self { path: path.to_owned(), part, writer: Some(writer), file, samples: 0 })
            }
            (Err(error), _) | (_, Err(error)) => {
                let _ = fs::remove_file(part);
                Err(error)
            }
        }
    }

    /// Adds 10 ms.
    ///
    /// # Errors
    /// [`WavError::Write`], or [`WavError::TooLong`] when no more fits.
    pub fn write(&mut self, frame: &Frame) -> Result<(), WavError> {
        self.write_samples(&frame.0)
    }

    /// Adds any number of samples.
    ///
    /// # Errors
    /// As [`write`](Sink::write).
    pub fn write_samples(&mut self, sound: &[i16]) -> Result<(), WavError> {
        let samples = u32::try_from(sound.len()).ok().and_then(|len| self.samples.checked_add(len));
        let samples = samples.filter(|samples| *samples <= LONGEST_SINK).ok_or(WavError::TooLong)?;
        if let Some(writer) = &mut self.writer {
            for sample in sound {
                writer.write_sample(*sample).map_err(write_error)?;
            }
        }
        self.samples = samples;
        Ok(())
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`WavError::Write`]; what was under the name is as it was then.
    pub fn finish(mut self) -> Result<(), WavError> {
        if let Some(writer) = self.writer.take() {
            let named = writer
                .finalize()
                .map_err(write_error)
                .and_then(|()| self.file.sync_all().map_err(WavError::Write))
                .and_then(|()| fs::rename(&self.part, &self.path).map_err(WavError::Write));
            if named.is_err() {
                let _ = fs::remove_file(&self.part);
            }
            return named;
        }
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            drop(writer);
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Refuses what a rename would replace or could never replace: folders, devices, pipes, links.
fn check_target(path: &Path) -> Result<(), WavError> {
    let Some(name) = path.file_name() else { return Err(WavError::Target("it names no file")) };
    // A path drops a slash or a dot at its end when it is asked for its name; the system does not.
    if !path.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes()) {
        return Err(WavError::Target("it is the name of a folder"));
    }
    match fs::symlink_metadata(path).map(|data| data.file_type()) {
        Ok(kind) if kind.is_dir() => Err(WavError::Target("a folder has it")),
        Ok(kind) if kind.is_symlink() => Err(WavError::Target("it is a link to something else")),
        Ok(kind) if !kind.is_file() => Err(WavError::Target("it is a device or a pipe, not a regular file")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(WavError::Write(error)),
    }
}

/// A new file in the same folder, so that a rename is atomic.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    for number in 0..TRIES {
        let mut part = OsString::from(".");
        part.push(name);
        part.push(format!(".part{number}"));
        let part = path.with_file_name(part);
        match File::create_new(&part) {
            Ok(file) => return Ok((part, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn write_error(error: hound::Error) -> WavError {
    let text = error.to_string();
    WavError::Write(if let hound::Error::IoError(error) = error { error } else { io::Error::other(text) })
}
