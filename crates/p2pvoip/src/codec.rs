//! Which codec a call speaks: the seam between the engine and the codec backends.

pub use p2pvoip_media::codec::CodecError;
use p2pvoip_media::codec::{Decoder, Encoder};

/// An encoder that the engine owns.
pub type BoxedEncoder = Box<dyn Encoder + Send>;
/// A decoder that the engine owns.
pub type BoxedDecoder = Box<dyn Decoder + Send>;

/// Makes an encoder and a decoder for each call.
pub trait Codec: Send + Sync {
    /// A new encoder, in its initial state.
    ///
    /// # Errors
    /// The backend's library refuses.
    fn encoder(&self) -> Result<BoxedEncoder, CodecError>;

    /// A new decoder, in its initial state.
    ///
    /// # Errors
    /// The backend's library refuses.
    fn decoder(&self) -> Result<BoxedDecoder, CodecError>;
}

/// Opus by the bundled libopus.
#[cfg(feature = "opus")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Opus;

#[cfg(feature = "opus")]
impl Codec for Opus {
    fn encoder(&self) -> Result<BoxedEncoder, CodecError> {
        Ok(Box::new(p2pvoip_codec_opus::OpusEncoder::new(&p2pvoip_codec_opus::OpusConfig::default())?))
    }

    fn decoder(&self) -> Result<BoxedDecoder, CodecError> {
        Ok(Box::new(p2pvoip_codec_opus::OpusDecoder::new()?))
    }
}
