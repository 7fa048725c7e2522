//! The encoder: every frame exactly the rung's payload, whatever is said.
//!
//! # Left out
//! - Discontinuous transmission and variable bit rate: their sizes tell what is said.

use audiopus::coder::Encoder as Libopus;
use audiopus::{Application, Bitrate, Channels, SampleRate, Signal};
use p2pvoip_media::codec::{CodecError, Encoder, Setup};
use p2pvoip_media::{Rung, SAMPLE_RATE};

use crate::codec_error;

/// The least loss in percent at which libopus narrows the voice to make room for in-band repair.
const LEAST_LOSS_FOR_FEC: u8 = 6;
/// More expected loss than this in percent only narrows the voice further.
const MOST_LOSS: u8 = 30;
/// The largest and smallest payload in bytes: RFC 6716 section 3.4, and what libopus codes as more than an empty frame.
const PAYLOADS: core::ops::RangeInclusive<usize> = 8..=1_275;

/// How an [`OpusEncoder`] works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OpusConfig {
    /// How hard it tries, from 0 to 10 (RFC 6716 section 2.1.5); 9 takes about 150 us for 20 ms.
    pub complexity: u8,
}

impl Default for OpusConfig {
    fn default() -> Self {
        Self { complexity: 9 }
    }
}

/// Stage: 48 kHz mono in, Opus packets of constant size out. Allocates only when it is made.
#[derive(Debug)]
pub struct OpusEncoder {
    opus: Libopus,
    setup: Option<Setup>,
    lookahead: usize,
}

impl OpusEncoder {
    /// An encoder; configure it before the first frame.
    ///
    /// # Errors
    /// [`CodecError`] when libopus gives none, or the complexity is above 10.
    pub fn new(config: &OpusConfig) -> Result<Self, CodecError> {
        let make = || -> audiopus::Result<Libopus> {
            let mut opus = Libopus::new(SampleRate::Hz48000, Channels::Mono, Application::Voip)?;
            opus.disable_vbr()?;
            opus.disable_dtx()?;
            // The length of the buffer is the rate: a rate in bits is rounded down, and costs frames of 60 ms a byte.
            opus.set_bitrate(Bitrate::Max)?;
            opus.set_complexity(config.complexity)?;
            opus.set_signal(Signal::Voice)?;
            Ok(opus)
        };
        if config.complexity > 10 {
            return Err(CodecError::Setup);
        }
        let opus = make().map_err(|error| codec_error(&error))?;
        let lookahead = opus.lookahead().map_err(|error| codec_error(&error))?;
        Ok(Self { opus, setup: None, lookahead: usize::try_from(lookahead).unwrap_or_default() })
    }

    fn apply(&mut self, setup: &Setup) -> audiopus::Result<()> {
        self.opus.set_inband_fec(setup.fec)?;
        self.opus.set_packet_loss_perc(loss_percent(setup))
    }
}

impl Encoder for OpusEncoder {
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError> {
        if frame_samples(&setup.rung).is_none() || !PAYLOADS.contains(&setup.rung.payload) {
            return Err(CodecError::Setup);
        }
        if let Err(error) = self.apply(&setup) {
            // The setup before stays; libopus took it once.
            if let Some(before) = self.setup {
                let _ = self.apply(&before);
            }
            return Err(codec_error(&error));
        }
        self.setup = Some(setup);
        Ok(())
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        let rung = self.setup.ok_or(CodecError::Setup)?.rung;
        if Some(pcm.len()) != frame_samples(&rung) {
            return Err(CodecError::FrameLength);
        }
        let out = out.get_mut(..rung.payload).ok_or(CodecError::Room)?;
        let len = self.opus.encode(pcm, out).map_err(|error| codec_error(&error))?;
        if len == rung.payload { Ok(len) } else { Err(CodecError::Room) }
    }

    fn lookahead(&self) -> usize {
        self.lookahead
    }
}

/// Samples of one frame, when Opus has frames of that duration which the ladder uses.
fn frame_samples(rung: &Rung) -> Option<usize> {
    let samples = rung.ptime.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
    usize::try_from(samples).ok().filter(|samples| matches!(samples, 480 | 960 | 1_920 | 2_880))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=30 before")]
fn loss_percent(setup: &Setup) -> u8 {
    let percent = (setup.expected_loss * 100.0).round().clamp(0.0, f32::from(MOST_LOSS));
    let percent = if percent.is_nan() { 0 } else { percent as u8 };
    if setup.fec { percent.max(LEAST_LOSS_FOR_FEC) } else { percent }
}
