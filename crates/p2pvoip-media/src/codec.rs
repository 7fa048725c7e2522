//! What a codec has to offer: an [`Encoder`] at the sender, a [`Decoder`] at the receiver, mono at 48 kHz.
//!
//! # Left out
//! - Discontinuous transmission: packets of constant size tell nothing, so silence is sent like speech.

use crate::Rung;

/// How the next frames are to be encoded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Setup {
    /// The time one frame holds and the exact bytes it becomes. `payload` may be smaller than that of any rung on
    /// the [`LADDER`](crate::LADDER): frames are encoded smaller when a copy shares the packet.
    pub rung: Rung,
    /// The part of the packets that is expected to be lost, from 0 to 1.
    pub expected_loss: f32,
    /// Whether each packet shall also describe the frame before it (in-band forward error correction).
    pub fec: bool,
}

/// Stage: turns sound into payloads of one size.
pub trait Encoder {
    /// Prepares for frames of another setup; takes effect on the next frame.
    ///
    /// # Errors
    /// [`CodecError`] when the codec cannot do this setup; the setup before stays.
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError>;

    /// Encodes one frame of the configured duration; returns the bytes written, which are exactly the configured
    /// `payload`.
    ///
    /// # Errors
    /// [`CodecError`] when nothing was written.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError>;

    /// Samples of delay between what goes in and what the decoder gives.
    fn lookahead(&self) -> usize;
}

/// Stage: turns payloads into sound, and the lack of them into something that can be listened to.
///
/// Every call continues where the one before ended. Each fills the front of `out` and returns how many samples.
pub trait Decoder {
    /// Decodes the frame that follows; `out` has room for at least its duration.
    ///
    /// # Errors
    /// [`CodecError::Undecodable`] when the bytes are no frame.
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError>;

    /// Whether `next` also describes the frame before it, so that [`recover`](Decoder::recover) gives more than
    /// [`conceal`](Decoder::conceal).
    fn can_recover(&self, next: &[u8]) -> bool;

    /// The missing frame before `next`, from what `next` says of it; `out` is exactly that frame's duration.
    ///
    /// # Errors
    /// [`CodecError::Undecodable`] when the bytes are no frame.
    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<usize, CodecError>;

    /// Fills the whole of `out`, a multiple of 2.5 ms, with a continuation of what was heard last.
    ///
    /// # Errors
    /// [`CodecError`] when the codec cannot.
    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError>;
}

/// Why a codec did not do what it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The codec knows no such frame duration or size.
    #[error("the codec cannot make frames of this duration and size; choose a rung of the ladder")]
    Setup,
    /// The sound handed over is not of the configured duration.
    #[error("the sound is not one frame long; hand over exactly one ptime of samples")]
    FrameLength,
    /// There is too little room for the result.
    #[error("the buffer is too small for the result; give one that holds a whole frame")]
    Room,
    /// The bytes from the peer are not a frame of this codec.
    #[error("the payload is not a frame of this codec; conceal it")]
    Undecodable,
    /// The codec failed in itself.
    #[error("the codec failed with code {0}; make a new one")]
    Internal(i32),
}

impl<E: Encoder + ?Sized> Encoder for Box<E> {
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError> {
        (**self).configure(setup)
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        (**self).encode(pcm, out)
    }

    fn lookahead(&self) -> usize {
        (**self).lookahead()
    }
}

impl<D: Decoder + ?Sized> Decoder for Box<D> {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        (**self).decode(payload, out)
    }

    fn can_recover(&self, next: &[u8]) -> bool {
        (**self).can_recover(next)
    }

    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        (**self).recover(next, out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        (**self).conceal(out)
    }
}
