//! What an Opus packet says of itself before it is decoded (RFC 6716 sections 3.1, 3.2 and 4.2.3).

/// Whether a mono packet also describes what was before it (the LBRR flag of RFC 6716 section 4.2.3).
///
/// The flags stand before all else in a SILK frame, each with even odds, so they are plain bits: one of voice activity for
/// each 20 ms, then the one looked for. CELT-only packets have none. Where a packet holds several frames, the first one
/// describes the 20 ms before it.
pub(crate) fn carries_previous(packet: &[u8]) -> bool {
    let Some((toc, rest)) = packet.split_first() else { return false };
    // SILK has 10, 20, 40 and 60 ms frames of each band, hybrid 10 and 20 ms.
    let voices = match (toc >> 3, (toc >> 3) & 3) {
        (0..=11, 2) => 2,
        (0..=11, 3) => 3,
        (0..=15, _) => 1,
        _ => return false,
    };
    let stereo = toc & 4 != 0;
    let first = match toc & 3 {
        0 | 1 => rest.first(),
        2 => rest.get(length_bytes(rest)..).and_then(<[u8]>::first),
        _ => first_of_many(rest),
    };
    !stereo && first.is_some_and(|first| (first >> (7 - voices)) & 1 == 1)
}

/// The bytes in which a frame's length is written (RFC 6716 section 3.2.1).
fn length_bytes(rest: &[u8]) -> usize {
    if rest.first().is_some_and(|first| *first >= 252) { 2 } else { 1 }
}

/// The first byte of the first frame after a frame count (code 3, RFC 6716 section 3.2.5).
fn first_of_many(rest: &[u8]) -> Option<&u8> {
    let (count, mut rest) = rest.split_first()?;
    let (variable, padded) = (count & 0x80 != 0, count & 0x40 != 0);
    let mut more = padded;
    while more {
        let (padding, after) = rest.split_first()?;
        more = *padding == 255;
        rest = after;
    }
    let lengths = if variable { (count & 0x3f).saturating_sub(1) } else { 0 };
    for _ in 0..lengths {
        rest = rest.get(length_bytes(rest)..)?;
    }
    rest.first()
}

#[cfg(test)]
mod tests {
    use super::carries_previous;

    /// The first byte of a packet: configuration and code of frame count, mono.
    const fn toc(config: u8, code: u8) -> u8 {
        (config << 3) | code
    }

    #[test]
    fn the_flag_stands_after_one_voice_bit_for_each_20_ms() {
        assert!(carries_previous(&[toc(9, 0), 0b0100_0000]), "20 ms");
        assert!(!carries_previous(&[toc(9, 0), 0b1011_1111]));
        assert!(carries_previous(&[toc(10, 0), 0b0010_0000]), "40 ms");
        assert!(carries_previous(&[toc(11, 0), 0b0001_0000]), "60 ms");
        assert!(carries_previous(&[toc(15, 0), 0b0100_0000]), "hybrid, 20 ms");
        assert!(!carries_previous(&[toc(31, 0), 0xff]), "CELT has none");
        assert!(!carries_previous(&[toc(9, 0) | 4, 0xff]), "stereo is not ours");
        assert!(!carries_previous(&[]) && !carries_previous(&[toc(9, 0)]));
    }

    #[test]
    fn counts_lengths_and_padding_before_the_first_frame_are_skipped() {
        let flag = 0b0100_0000;
        assert!(carries_previous(&[toc(15, 1), flag, 0]));
        assert!(carries_previous(&[toc(15, 2), 1, flag]));
        assert!(carries_previous(&[toc(15, 2), 252, 0, flag]));
        assert!(carries_previous(&[toc(15, 3), 3, flag]));
        assert!(carries_previous(&[toc(15, 3), 0x40 | 3, 255, 1, flag]));
        assert!(carries_previous(&[toc(15, 3), 0x80 | 3, 1, 252, 0, flag]));
        assert!(!carries_previous(&[toc(15, 3), 0x40 | 3, 255]));
    }
}
