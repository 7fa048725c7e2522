//! Bytes as text that is copied, sent as a link, or shown as a QR code: a scheme, and base64url without padding.

use core::fmt;

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// Writes `scheme` and the bytes (RFC 4648 section 5).
pub(crate) fn write(f: &mut fmt::Formatter<'_>, scheme: &str, bytes: &[u8]) -> fmt::Result {
    let coded = Zeroizing::new(BASE64URL_NOPAD.encode(bytes));
    write!(f, "{scheme}{}", *coded)
}

/// Why text is not of a scheme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotText {
    /// It starts otherwise.
    OtherScheme,
    /// A character is missing, added or wrong.
    Mistyped,
}

/// Reads `N` bytes behind a scheme in any case; blanks around the text are ignored.
pub(crate) fn read<const N: usize>(text: &str, scheme: &str) -> Result<Zeroizing<[u8; N]>, NotText> {
    let text = text.trim();
    let (start, coded) = text.split_at_checked(scheme.len()).ok_or(NotText::OtherScheme)?;
    if !start.eq_ignore_ascii_case(scheme) {
        return Err(NotText::OtherScheme);
    }
    if coded.len() != (4 * N).div_ceil(3) {
        return Err(NotText::Mistyped);
    }
    let bytes = BASE64URL_NOPAD.decode(coded.as_bytes()).map_err(|_| NotText::Mistyped)?;
    let bytes = Zeroizing::new(bytes);
    let array = <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| NotText::Mistyped)?;
    Ok(Zeroizing::new(array))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown;

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, "p2pvoip-test:", &[0xfb, 0xff, 1, 2])
        }
    }

    #[test]
    fn bytes_read_as_they_were_written_in_any_case_of_the_scheme() {
        let text = Shown.to_string();
        assert_eq!(text, "p2pvoip-test:-_8BAg");
        for text in [text.clone(), format!(" {text}\n"), text.replace("p2pvoip", "P2PVOIP")] {
            assert_eq!(read::<4>(&text, "p2pvoip-test:").map(|bytes| *bytes), Ok([0xfb, 0xff, 1, 2]));
        }
    }

    #[test]
    fn other_schemes_lengths_and_characters_are_refused() {
        let read = |text| read::<4>(text, "p2pvoip-test:").err();
        assert_eq!(read("p2pvoip:-_8BAg"), Some(NotText::OtherScheme));
        assert_eq!(read("ü"), Some(NotText::OtherScheme));
        for text in [
            "p2pvoip-test:",
            "p2pvoip-test:-_8BA",
            "p2pvoip-test:-_8BAgA",
            "p2pvoip-test:+_8BAg",
            "p2pvoip-test:-_8BAh",
        ] {
            assert_eq!(read(text), Some(NotText::Mistyped), "{text}");
        }
    }
}
