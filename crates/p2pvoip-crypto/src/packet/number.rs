//! The packet number: 48 bits, of which the low 16 are sent (RFC 9000 section 17.1 and appendix A.3).

/// Numbers that share their high bits.
const SPAN: u64 = 1 << 16;
/// One more than the greatest number.
const END: u64 = 1 << 48;

/// The number whose low 16 bits are `low` and which is nearest to the one expected after `largest`.
///
/// It is right for all numbers up to 32,768 ahead of the expected one, and less than 32,768 behind it.
pub(crate) fn recover(largest: Option<u64>, low: u16) -> u64 {
    let expected = largest.map_or(0, |largest| largest + 1);
    let candidate = (expected & !(SPAN - 1)) | u64::from(low);
    if candidate + SPAN / 2 <= expected && candidate + SPAN < END {
        candidate + SPAN
    } else if candidate > expected + SPAN / 2 && candidate >= SPAN {
        candidate - SPAN
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_number_is_that_of_rfc_9000_appendix_a_3() {
        assert_eq!(recover(Some(0xa82f_30ea), 0x9b32), 0xa82f_9b32);
    }

    #[test]
    fn numbers_start_at_zero_and_end_below_2_to_48() {
        assert_eq!(recover(None, 0), 0);
        assert_eq!(recover(None, 32_768), 32_768);
        assert_eq!(recover(None, 65_535), 65_535, "there is nothing below zero");
        assert_eq!(recover(Some(END - 2), 0xffff), END - 1);
        assert_eq!(recover(Some(END - 2), 0), END - SPAN, "there is nothing above the end");
    }

    fn low(number: u64) -> u16 {
        u16::try_from(number % SPAN).unwrap()
    }

    proptest! {
        #[test]
        fn thirty_two_thousand_lost_packets_do_not_confuse(largest in 0..END - SPAN, ahead in 0u64..=32_768) {
            let number = largest + 1 + ahead;
            prop_assert_eq!(recover(Some(largest), low(number)), number);
        }

        #[test]
        fn late_packets_are_recovered_too(largest in SPAN..END - 1, behind in 0u64..32_767) {
            let number = largest - behind;
            prop_assert_eq!(recover(Some(largest), low(number)), number);
        }

        #[test]
        fn whatever_is_recovered_has_the_low_bits_and_is_a_number(largest in proptest::option::of(0..END), low: u16) {
            let number = recover(largest, low);
            prop_assert!(number < END && number % SPAN == u64::from(low));
        }
    }
}
