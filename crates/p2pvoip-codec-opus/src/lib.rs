//! Opus (RFC 6716, RFC 7587) for p2pvoip-media, by audiopus: hard constant bit rate, one size per rung.
//!
//! ```
//! use p2pvoip_codec_opus::{OpusConfig, OpusDecoder, OpusEncoder};
//! use p2pvoip_media::codec::{Decoder, Encoder, Setup};
//! use p2pvoip_media::LADDER;
//!
//! let mut encoder = OpusEncoder::new(&OpusConfig::default())?;
//! let mut decoder = OpusDecoder::new()?;
//! encoder.configure(Setup { rung: LADDER[1], expected_loss: 0.05, fec: true })?;
//! let mut payload = [0; 61];
//! assert_eq!(encoder.encode(&[0; 960], &mut payload)?, 61);
//! assert_eq!(decoder.decode(&payload, &mut [0; 960])?, 960);
//! # Ok::<(), p2pvoip_media::codec::CodecError>(())
//! ```

mod decoder;
mod encoder;
mod packet;

pub use decoder::OpusDecoder;
pub use encoder::{OpusConfig, OpusEncoder};

use p2pvoip_media::codec::CodecError;

/// Whose fault an error of libopus is.
#[expect(clippy::wildcard_enum_match_arm, reason = "a dozen names for one meaning")]
fn codec_error(error: &audiopus::Error) -> CodecError {
    use audiopus::ErrorCode;
    match error {
        audiopus::Error::Opus(ErrorCode::InvalidPacket) | audiopus::Error::EmptyPacket => {
            CodecError::Undecodable
        }
        audiopus::Error::Opus(ErrorCode::BufferTooSmall) => CodecError::Room,
        audiopus::Error::Opus(code) => CodecError::Internal(*code as i32),
        // The rest are settings that audiopus refuses before libopus sees them.
        _ => CodecError::Setup,
    }
}
