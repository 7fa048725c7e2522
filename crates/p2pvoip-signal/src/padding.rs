//! Bodies of one size: what is sealed is padded first, so that with its seal it fills an envelope, whatever it says.
//!
//! Two bytes of length, the body, zeros to the end.

use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The padded length of an offer's body, in bytes: with the first handshake message around it, it fills an envelope
/// (docs/spec/crypto.md).
pub const OFFER_BODY_LEN: usize = 524;
/// The padded length of an answer's body, in bytes: with the second handshake message around it, it fills an envelope.
pub const ANSWER_BODY_LEN: usize = 1_780;
/// The padded length of a message, in bytes: with a number of 4 and a tag of 16 it fills an envelope.
pub const LETTER_LEN: usize = crate::ENVELOPE_LEN - 4 - 16;

/// Pads a body to `len` bytes.
///
/// # Errors
/// [`Malformed`] when it does not fit.
pub fn pad(body: &[u8], len: usize) -> Result<Vec<u8>, Malformed> {
    let mut padded = vec![0; len];
    Writer::new(&mut padded).block16(body)?;
    Ok(padded)
}

/// The body within what [`pad`] made.
///
/// # Errors
/// [`Malformed`] when the length is wrong, or the padding is not zeros.
pub fn unpad(padded: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(padded);
    let body = reader.block16()?;
    if reader.rest().iter().any(|&byte| byte != 0) {
        return Err(Malformed::Invalid("padding"));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_ANSWER_LEN, MAX_MESSAGE_LEN, MAX_OFFER_LEN};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_body_comes_back_and_all_have_one_length(body in prop::collection::vec(any::<u8>(), 0..=MAX_OFFER_LEN)) {
            for len in [OFFER_BODY_LEN, ANSWER_BODY_LEN, LETTER_LEN] {
                let padded = pad(&body, len).unwrap();
                prop_assert_eq!(padded.len(), len);
                prop_assert_eq!(unpad(&padded), Ok(&body[..]));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpad(&bytes);
        }
    }

    #[test]
    fn the_longest_of_each_kind_fits_and_one_byte_more_than_the_padded_length_holds_does_not() {
        for (most, len) in [(MAX_OFFER_LEN, OFFER_BODY_LEN), (MAX_ANSWER_LEN, ANSWER_BODY_LEN)] {
            assert!(pad(&vec![1; most], len).is_ok());
            assert!(pad(&vec![1; most + 1], len).is_err());
        }
        assert!(pad(&[1; MAX_MESSAGE_LEN], LETTER_LEN).is_ok());
        assert_eq!(LETTER_LEN, 3_308);
    }

    #[test]
    fn what_does_not_fit_and_padding_that_says_something_are_refused() {
        assert!(pad(&[0; 9], 10).is_err());
        assert!(unpad(&[0, 1, 7, 0, 1]).is_err());
        assert!(unpad(&[0, 9, 7]).is_err());
    }
}
