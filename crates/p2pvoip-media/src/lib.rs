//! Voice to packets and back: payload format, repair, jitter buffer, playout, WAV and PCM.
//!
//! A [`Sender`] turns frames of 10 ms into audio bodies of one size per [`Rung`]; a [`Receiver`] turns audio chunks,
//! however they arrive, into 10 ms of sound for each pull. Both are given a codec by the traits of [`codec`], and time
//! as an argument: no IO, no clock.
//!
//! ```
//! use p2pvoip_core::Instant;
//! use p2pvoip_media::codec::{CodecError, Decoder, Encoder, Setup};
//! use p2pvoip_media::payload::Chunks;
//! use p2pvoip_media::{Frame, PlayedKind, Receiver, ReceiverConfig, Sender, SenderConfig};
//!
//! /// A codec that knows only how loud it is.
//! struct Loudness(usize);
//! impl Encoder for Loudness {
//!     fn configure(&mut self, setup: Setup) -> Result<(), CodecError> { self.0 = setup.rung.payload; Ok(()) }
//!     fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
//!         out.fill(u8::try_from(pcm[0] / 256).unwrap_or(0));
//!         Ok(self.0)
//!     }
//!     fn lookahead(&self) -> usize { 0 }
//! }
//! impl Decoder for Loudness {
//!     fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
//!         out.fill(i16::from(payload[0]) * 256);
//!         Ok(out.len())
//!     }
//!     fn can_recover(&self, _: &[u8]) -> bool { false }
//!     fn recover(&mut self, _: &[u8], out: &mut [i16]) -> Result<usize, CodecError> { self.conceal(out) }
//!     fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> { out.fill(0); Ok(out.len()) }
//! }
//!
//! let mut sender = Sender::new(Loudness(0), &SenderConfig::default());
//! let mut receiver = Receiver::new(Loudness(0), &ReceiverConfig::default());
//! let (mut packet, mut heard) = ([0; 300], Frame::SILENCE);
//! let mut last = PlayedKind::Silence;
//! for n in 0..20 {
//!     let now = Instant::from_millis(10 * n);
//!     sender.push(&Frame([2560; 480]), now);
//!     if let Some(packed) = sender.pull(&mut packet) {
//!         assert_eq!(packed.len, packed.rung.body_len());
//!         for chunk in Chunks::new(&packet[..packed.len]) {
//!             receiver.push(chunk?.1, now)?;
//!         }
//!     }
//!     last = receiver.pull(&mut heard, now).kind;
//! }
//! assert_eq!((last, heard.0[0]), (PlayedKind::Decoded, 2560));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing)]

pub mod codec;
pub mod compare;
#[cfg(feature = "device")]
pub mod device;
mod frame;
mod level;
pub mod payload;
pub mod pcm;
mod receiver;
mod rung;
mod sender;
#[cfg(feature = "wav")]
pub mod wav;

pub use frame::{FRAME, Frame, SAMPLE_RATE, TICK_MICROS, TICK_SAMPLES};
pub use level::{Level, QUIETEST};
pub use receiver::{Played, PlayedKind, Receiver, ReceiverConfig, ReceiverStats, Refused, STARVED};
pub use rung::{Budget, LADDER, LARGEST_BODY, Redundancy, Rung, choose};
pub use sender::{PAUSE, Packed, QUEUE_LIMIT, Sender, SenderConfig, SenderStats};
