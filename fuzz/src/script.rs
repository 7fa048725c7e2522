//! Bytes read as a script for a machine: what happens to it, one step after another.
//!
//! A step is a byte that says what happens, a length of 16 bits, and that many bytes. A length beyond the end means all
//! that is left, so that every byte string is a script.

use p2pvoip_core::wire::Reader;

/// The most steps of one script, so that a run stays short.
const MOST_STEPS: usize = 96;

/// Stage: the steps of a script.
pub(crate) fn steps(script: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut reader = Reader::new(script);
    core::iter::from_fn(move || {
        let step = reader.u8().ok()?;
        let len = usize::from(reader.u16().ok()?).min(reader.remaining());
        Some((step, reader.bytes(len).ok()?))
    })
    .take(MOST_STEPS)
}

/// Writes a script, for the corpus.
pub(crate) fn write(steps: &[(u8, &[u8])]) -> Vec<u8> {
    let mut script = Vec::new();
    for (step, bytes) in steps {
        script.push(*step);
        script.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
        script.extend_from_slice(bytes);
    }
    script
}

/// The number that the first bytes of a step tell, in network order; missing ones are zero.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(wide)
}

/// A time of at most 65 s that the first two bytes of a step tell in milliseconds.
pub(crate) fn millis(bytes: &[u8]) -> core::time::Duration {
    core::time::Duration::from_millis(number(bytes) >> 48)
}
