//! The decoder, with in-band repair and concealment (RFC 6716 sections 4.2.5 and 4.4).

use audiopus::coder::Decoder as Libopus;
use audiopus::packet::Packet;
use audiopus::{Channels, MutSignals, SampleRate};
use p2pvoip_media::TICK_SAMPLES;
use p2pvoip_media::codec::{CodecError, Decoder};

use crate::{codec_error, packet};

/// Stage: Opus packets in, 48 kHz mono out. Allocates only when it is made.
#[derive(Debug)]
pub struct OpusDecoder {
    opus: Libopus,
}

impl OpusDecoder {
    /// A decoder that has heard nothing yet.
    ///
    /// # Errors
    /// [`CodecError`] when libopus gives none.
    pub fn new() -> Result<Self, CodecError> {
        let opus = Libopus::new(SampleRate::Hz48000, Channels::Mono).map_err(|error| codec_error(&error))?;
        Ok(Self { opus })
    }

    fn run(&mut self, payload: Option<&[u8]>, out: &mut [i16], previous: bool) -> Result<usize, CodecError> {
        // libopus takes a null packet for a loss: an empty one is the peer's fault, and never gets there.
        let packet = payload.map(Packet::try_from).transpose().map_err(|_| CodecError::Undecodable)?;
        let out = MutSignals::try_from(out).map_err(|_| CodecError::Room)?;
        self.opus.decode(packet, out, previous).map_err(|error| codec_error(&error))
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.run(Some(payload), out, false)
    }

    fn can_recover(&self, next: &[u8]) -> bool {
        packet::carries_previous(next)
    }

    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        whole_ticks(out)?;
        self.run(Some(next), out, true)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        whole_ticks(out)?;
        self.run(None, out, false)
    }
}

fn whole_ticks(out: &[i16]) -> Result<(), CodecError> {
    if out.is_empty() || !out.len().is_multiple_of(TICK_SAMPLES) {
        Err(CodecError::FrameLength)
    } else {
        Ok(())
    }
}
