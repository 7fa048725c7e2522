//! What one side can do, and what two sides come to: the greatest common version, the common features, one algorithm.

use super::HandshakeError;
use crate::suite::{Aead, Suite, VersionRange};

/// The most algorithms that one side may list.
pub const MAX_AEADS: usize = 8;

/// What one side can do: offered by the initiator, allowed by the responder.
///
/// Its least version is a demand: nothing below it is agreed upon. A caller who knows that a contact has spoken 1.1
/// before demands that, whatever the contact's bundle says today.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The versions that it speaks.
    pub versions: VersionRange,
    /// The features that it has, a bit each.
    pub features: u32,
    /// The algorithms that it allows, the preferred one first; at most [`MAX_AEADS`].
    pub aeads: Vec<Aead>,
}

impl Default for Hello {
    /// Version 1.1, no features, all algorithms in the order that a processor with AES instructions prefers.
    fn default() -> Self {
        Self { versions: VersionRange::CURRENT, features: 0, aeads: Aead::ALL.to_vec() }
    }
}

impl Hello {
    /// As by default, but with the algorithm first that is the faster one on this processor.
    pub fn for_this_machine() -> Self {
        let mut aeads = Aead::ALL.to_vec();
        if !has_aes() {
            aeads.reverse();
        }
        Self { aeads, ..Self::default() }
    }
}

/// Whether the processor has instructions for AES and for the multiplication of GCM.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

/// Whether the processor has instructions for AES and for the multiplication of GCM.
#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull")
}

/// Whether the processor has instructions for AES: on others nobody knows, so they are taken to have none.
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
const fn has_aes() -> bool {
    false
}

/// What both will use: the greatest common version, the common features, and the first of the initiator's algorithms
/// which the responder allows.
///
/// # Errors
/// [`HandshakeError`] when they have no version or algorithm in common.
pub(super) fn agree(initiator: &Hello, responder: &Hello) -> Result<Suite, HandshakeError> {
    let version = initiator.versions.common(responder.versions).ok_or(HandshakeError::NoCommonVersion)?;
    let aead = initiator.aeads.iter().find(|aead| responder.aeads.contains(aead));
    let aead = *aead.ok_or(HandshakeError::NoCommonAead)?;
    Ok(Suite { version, features: initiator.features & responder.features, aead })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(aeads: &[Aead]) -> Hello {
        Hello { aeads: aeads.to_vec(), ..Hello::default() }
    }

    #[test]
    fn the_first_of_the_initiators_algorithms_that_the_responder_allows_is_chosen() {
        let (aes, chacha) = (Aead::Aes256Gcm, Aead::ChaCha20Poly1305);
        let chosen = |a: &[Aead], b: &[Aead]| agree(&hello(a), &hello(b)).map(|suite| suite.aead);
        assert_eq!(chosen(&[aes, chacha], &[chacha, aes]), Ok(aes));
        assert_eq!(chosen(&[chacha, aes], &[aes, chacha]), Ok(chacha));
        assert_eq!(chosen(&[aes, chacha], &[chacha]), Ok(chacha));
        assert_eq!(chosen(&[aes], &[chacha]), Err(HandshakeError::NoCommonAead));
    }

    #[test]
    fn features_are_those_of_both_and_versions_the_greatest_of_both() {
        let range = |a, b| VersionRange::new(a, b).unwrap();
        let a = Hello { features: 0b110, versions: range(0x10, 0x12), ..Hello::default() };
        let b = Hello { features: 0b011, versions: range(0x11, 0x11), ..Hello::default() };
        let suite = agree(&a, &b).unwrap();
        assert_eq!((suite.features, suite.version), (0b010, 0x11));
        let old = Hello { versions: range(0x10, 0x10), ..Hello::default() };
        assert_eq!(agree(&old, &b), Err(HandshakeError::NoCommonVersion));
    }

    #[test]
    fn this_machine_lists_all_algorithms_and_the_faster_one_first() {
        let here = Hello::for_this_machine();
        let expected = if has_aes() { Aead::Aes256Gcm } else { Aead::ChaCha20Poly1305 };
        assert_eq!((here.aeads.first(), here.aeads.len()), (Some(&expected), Aead::ALL.len()));
    }
}
