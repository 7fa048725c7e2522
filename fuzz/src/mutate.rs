//! Small changes to bytes, the same for the same seed: what a fuzzer does, without its coverage.

use p2pvoip_core::Rng;

/// The longest that a mutation makes its bytes.
const LONGEST: usize = 8_192;
/// Values at which parsers break.
const EDGES: [u8; 8] = [0, 1, 0x0f, 0x10, 0x7f, 0x80, 0xfe, 0xff];

/// One to four changes to `bytes`; `other` is what pieces are taken from.
pub fn mutate(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=rng.below(4) {
        change(&mut bytes, other, rng);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = index(bytes.len() + 1, rng);
    match rng.below(8) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        2 => {
            let edge = EDGES[index(EDGES.len(), rng)];
            if let Some(byte) = bytes.get_mut(at) {
                *byte = edge;
            }
        }
        3 => {
            if let Some(byte) = bytes.get_mut(at) {
                // A length or a count that is off by a little.
                let by = u8::try_from(rng.below(9)).unwrap_or_default();
                *byte = byte.wrapping_add(by).wrapping_sub(4);
            }
        }
        4 => bytes.truncate(at),
        5 => {
            let len = index(9, rng).min(bytes.len() - at.min(bytes.len()));
            bytes.drain(at..at + len);
        }
        6 => {
            let mut new = vec![0; 1 + index(8, rng)];
            rng.fill(&mut new);
            bytes.splice(at..at, new);
        }
        _ => {
            let from = index(other.len() + 1, rng);
            let len = index(65, rng).min(other.len() - from);
            bytes.splice(at..at, other[from..from + len].iter().copied());
        }
    }
}

/// A number below `bound`.
fn index(bound: usize, rng: &mut Rng) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;

    #[test]
    fn the_same_seed_gives_the_same_changes_and_most_are_changes() {
        let run = |seed| {
            let mut rng = Seed::from_u64(seed).rng();
            (0..200).map(|_| mutate(b"some bytes", b"others", &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(run(1).iter().filter(|bytes| bytes.as_slice() == b"some bytes").count() < 30);
    }

    #[test]
    fn nothing_at_all_can_be_changed_too_and_no_mutation_is_longer_than_the_limit() {
        let mut rng = Seed::from_u64(3).rng();
        assert!((0..200).any(|_| !mutate(&[], &[], &mut rng).is_empty()));
        let long = vec![0; LONGEST];
        assert!((0..200).all(|_| mutate(&long, &long, &mut rng).len() <= LONGEST));
    }
}
