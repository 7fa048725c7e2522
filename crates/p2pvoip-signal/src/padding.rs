//! Bodies of one size: what is sealed is padded first, so that the length of a letter does not tell what it says.
//!
//! Two bytes of length, the body, zeros to the end.

use p2pvoip_core::wire::{Malformed, Reader, Writer};

use crate::{MAX_BODY_LEN, MAX_MESSAGE_LEN};

/// The padded length of an offer or answer body, in bytes.
pub const PADDED_BODY_LEN: usize = 2 + MAX_BODY_LEN;
/// The padded length of a message, in bytes.
pub const PADDED_MESSAGE_LEN: usize = 2 + MAX_MESSAGE_LEN;

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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_body_comes_back_and_all_have_one_length(body in prop::collection::vec(any::<u8>(), 0..=MAX_BODY_LEN)) {
            let padded = pad(&body, PADDED_BODY_LEN).unwrap();
            prop_assert_eq!(padded.len(), PADDED_BODY_LEN);
            prop_assert_eq!(unpad(&padded), Ok(&body[..]));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpad(&bytes);
        }
    }

    #[test]
    fn what_does_not_fit_and_padding_that_says_something_are_refused() {
        assert!(pad(&[0; 9], 10).is_err());
        assert!(unpad(&[0, 1, 7, 0, 1]).is_err());
        assert!(unpad(&[0, 9, 7]).is_err());
    }
}
