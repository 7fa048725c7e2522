//! A codec that counts: frame n is told as its number, and played as it, so that what was heard can be told exactly.

use p2pvoip::media::codec::{CodecError, Decoder, Encoder, Setup};
use p2pvoip::{BoxedDecoder, BoxedEncoder, Codec};

/// The codec of most stories: as small as the wire allows, and free of charge.
pub struct Counting;

impl Codec for Counting {
    fn encoder(&self) -> Result<BoxedEncoder, CodecError> {
        Ok(Box::new(Teller { payload: 0, number: 0 }))
    }

    fn decoder(&self) -> Result<BoxedDecoder, CodecError> {
        Ok(Box::new(Listener))
    }
}

struct Teller {
    payload: usize,
    number: u16,
}

impl Encoder for Teller {
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError> {
        self.payload = setup.rung.payload;
        Ok(())
    }

    fn encode(&mut self, _pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        self.number = self.number % 30_000 + 1;
        let out = out.get_mut(..self.payload).ok_or(CodecError::Room)?;
        out.fill(0);
        out[..2].copy_from_slice(&self.number.to_be_bytes());
        Ok(out.len())
    }

    fn lookahead(&self) -> usize {
        0
    }
}

struct Listener;

impl Decoder for Listener {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let [high, low, ..] = payload else { return Err(CodecError::Undecodable) };
        out.fill(i16::from_be_bytes([*high, *low]));
        Ok(out.len())
    }

    fn can_recover(&self, _next: &[u8]) -> bool {
        false
    }

    fn recover(&mut self, _next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.conceal(out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(0);
        Ok(out.len())
    }
}
