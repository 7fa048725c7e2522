//! Raw sound as sources and sinks: 48 kHz, mono, signed 16 bits, little-endian, on any `Read` or `Write`.

use std::io::{self, ErrorKind, Read, Write};

use crate::frame::{FRAME, Frame};

/// Bytes of a frame.
const FRAME_BYTES: usize = 2 * FRAME;

/// Stage: frames from raw samples; the last one is filled with silence.
#[derive(Debug)]
pub struct RawSource<R> {
    from: R,
    ended: bool,
}

impl<R: Read> RawSource<R> {
    /// Reads from `from`; buffer it when single reads are dear.
    pub const fn new(from: R) -> Self {
        Self { from, ended: false }
    }
}

impl<R: Read> Iterator for RawSource<R> {
    type Item = io::Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut bytes = [0; FRAME_BYTES];
        match fill(&mut self.from, &mut bytes) {
            Ok(read) => {
                self.ended = read < FRAME_BYTES;
                (read > 0).then(|| Ok(frame(&bytes)))
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

/// Reads until the buffer is full or the source ends.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

fn frame(bytes: &[u8; FRAME_BYTES]) -> Frame {
    let mut frame = Frame::SILENCE;
    for (sample, pair) in frame.0.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *sample = i16::from_le_bytes(*pair);
    }
    frame
}

/// Stage: raw samples from frames.
#[derive(Debug)]
pub struct RawSink<W> {
    to: W,
}

impl<W: Write> RawSink<W> {
    /// Writes to `to`.
    pub const fn new(to: W) -> Self {
        Self { to }
    }

    /// Writes 10 ms.
    ///
    /// # Errors
    /// What `to` says.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let mut bytes = [0; FRAME_BYTES];
        for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(&frame.0) {
            *pair = sample.to_le_bytes();
        }
        self.to.write_all(&bytes)
    }

    /// Flushes, and gives back what was written to.
    ///
    /// # Errors
    /// What `to` says.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_the_end_is_filled_with_silence() {
        let mut sink = RawSink::new(Vec::new());
        sink.write(&Frame([-2; FRAME])).unwrap();
        sink.write(&Frame([0x0102; FRAME])).unwrap();
        let mut bytes = sink.finish().unwrap();
        assert_eq!(bytes[FRAME_BYTES..FRAME_BYTES + 2], [2, 1]);
        bytes.truncate(FRAME_BYTES + 3);
        let frames: Vec<_> = RawSource::new(&bytes[..]).map(Result::unwrap).collect();
        assert_eq!(frames.len(), 2);
        assert_eq!((frames[0].0[479], frames[1].0[0], frames[1].0[1], frames[1].0[2]), (-2, 0x0102, 2, 0));
        assert_eq!(RawSource::new(&[][..]).count(), 0);
    }

    #[test]
    fn an_error_ends_the_source() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
        }
        let mut source = RawSource::new(Broken);
        assert_eq!(source.next().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(source.next().is_none());
    }
}
