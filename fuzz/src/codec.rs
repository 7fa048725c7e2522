//! A codec that costs nothing: the first bytes of a payload are the sound.

use p2pvoip::media::codec::{CodecError, Decoder, Encoder, Setup};
use p2pvoip::{BoxedDecoder, BoxedEncoder, Codec};

/// The codec of the bodies that are not about one.
pub(crate) struct Plain;

impl Codec for Plain {
    fn encoder(&self) -> Result<BoxedEncoder, CodecError> {
        Ok(Box::new(Speaker { payload: 1 }))
    }

    fn decoder(&self) -> Result<BoxedDecoder, CodecError> {
        Ok(Box::new(Listener))
    }
}

struct Speaker {
    payload: usize,
}

impl Encoder for Speaker {
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError> {
        self.payload = setup.rung.payload;
        Ok(())
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        let out = out.get_mut(..self.payload).ok_or(CodecError::Room)?;
        out.fill(pcm.first().map_or(0, |sample| sample.to_be_bytes()[0]));
        Ok(out.len())
    }

    fn lookahead(&self) -> usize {
        0
    }
}

/// Plays the first two bytes; fails where the first is 255, and recovers where it is odd.
pub(crate) struct Listener;

impl Decoder for Listener {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        match payload {
            [] | [255, ..] => Err(CodecError::Undecodable),
            // Shorter than its span says, as a frame of a hostile peer may be.
            [254, len, ..] => {
                let len = out.len().min(usize::from(*len));
                Ok(len)
            }
            [one, rest @ ..] => {
                out.fill(i16::from_be_bytes([*one, rest.first().copied().unwrap_or_default()]));
                Ok(out.len())
            }
        }
    }

    fn can_recover(&self, next: &[u8]) -> bool {
        next.first().is_some_and(|byte| byte & 1 == 1)
    }

    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.decode(next, out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(0);
        Ok(out.len())
    }
}
