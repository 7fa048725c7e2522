//! The media description inside offer and answer: which codec the sides speak (docs/spec/call.md, section 2).
//!
//! # Left out
//! - A choice: there is one codec, so a description is the list that has it.

/// Format 1; one codec: number 1, Opus at 48 kHz, mono.
pub(crate) const OURS: [u8; 3] = [1, 1, 1];

/// Whether a peer that describes itself so can be understood: format 1, and Opus among its codecs.
pub(crate) fn fits(description: &[u8]) -> bool {
    match description {
        [1, count, codecs @ ..] => codecs.iter().take(usize::from(*count)).any(|&codec| codec == 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_fits_and_others_are_told_apart() {
        assert!(fits(&OURS));
        assert!(fits(&[1, 2, 7, 1]));
        assert!(fits(&[1, 1, 1, 99]), "bytes after the list are for later formats");
        assert!(!fits(&[]));
        assert!(!fits(&[2, 1, 1]));
        assert!(!fits(&[1, 0, 1]));
        assert!(!fits(&[1, 1, 2]));
    }
}
