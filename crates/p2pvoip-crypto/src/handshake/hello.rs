//! The negotiation block of each handshake message: what its sender can do, and what the responder has chosen.
//!
//! It stands at the front of the encrypted payload, and both blocks are hashed into the keys. A reader ignores what later
//! versions add at the end of a block, and algorithms that it does not know.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use super::HandshakeError;
use super::certificate::Certificate;
use crate::suite::{Aead, Suite, VersionRange};

/// The most algorithms that one side may list.
pub const MAX_AEADS: usize = 8;

/// What one side can do: offered by the initiator, allowed by the responder.
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
    /// Version 1.1, no features, all algorithms.
    fn default() -> Self {
        Self { versions: VersionRange::CURRENT, features: 0, aeads: Aead::ALL.to_vec() }
    }
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

/// The block of either message.
pub(super) struct Block {
    pub(super) hello: Hello,
    pub(super) made: UnixTime,
    pub(super) certificate: Certificate,
    /// The responder's choice; the initiator has none.
    pub(super) chosen: Option<Suite>,
}

impl Block {
    pub(super) fn emit(&self) -> Result<Vec<u8>, HandshakeError> {
        let aeads = &self.hello.aeads;
        let count =
            u8::try_from(aeads.len()).ok().filter(|count| (1..=MAX_AEADS).contains(&usize::from(*count)));
        let count = count.ok_or(HandshakeError::AeadList)?;
        let mut bytes = vec![self.hello.versions.least(), self.hello.versions.greatest()];
        bytes.extend(self.hello.features.to_be_bytes());
        bytes.push(count);
        bytes.extend(aeads.iter().map(|aead| aead.id()));
        bytes.extend(self.made.as_secs().to_be_bytes());
        bytes.extend(self.certificate.emit());
        if let Some(chosen) = self.chosen {
            bytes.push(chosen.version);
            bytes.extend(chosen.features.to_be_bytes());
            bytes.push(chosen.aead.id());
        }
        Ok(bytes)
    }

    /// The initiator's block.
    pub(super) fn parse_first(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_front(&mut Reader::new(bytes))
    }

    /// The responder's block.
    pub(super) fn parse_second(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let block = Self::parse_front(&mut reader)?;
        let (version, features, aead) = (reader.u8()?, reader.u32()?, reader.u8()?);
        let aead = Aead::from_id(aead).ok_or(Malformed::Invalid("chosen algorithm"))?;
        Ok(Self { chosen: Some(Suite { version, features, aead }), ..block })
    }

    fn parse_front(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let versions = VersionRange::new(reader.u8()?, reader.u8()?).ok_or(Malformed::Invalid("versions"))?;
        let features = reader.u32()?;
        let aeads = reader.block8()?;
        if aeads.is_empty() || aeads.len() > MAX_AEADS {
            return Err(Malformed::Invalid("algorithms"));
        }
        let aeads = aeads.iter().filter_map(|id| Aead::from_id(*id)).collect();
        let made = UnixTime::from_secs(reader.u64()?);
        let certificate = Certificate::parse(reader)?;
        Ok(Self { hello: Hello { versions, features, aeads }, made, certificate, chosen: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::certificate::Purpose;
    use crate::identity::Identity;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    fn hello(aeads: &[Aead]) -> Hello {
        Hello { aeads: aeads.to_vec(), ..Hello::default() }
    }

    fn block(hello: Hello, chosen: Option<Suite>) -> Block {
        let identity = Identity::generate(&Seed::from_u64(1));
        let made = UnixTime::from_secs(1_800_000_000);
        Block {
            hello,
            made,
            certificate: Certificate::issue(&identity, Purpose::Device, &[1; 32], made),
            chosen,
        }
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
    fn unknown_algorithms_and_later_fields_are_skipped() {
        let mut bytes = block(hello(&[Aead::Aes256Gcm]), None).emit().unwrap();
        bytes[6] = 2;
        bytes.insert(7, 200);
        bytes.extend(b"of a later version");
        assert_eq!(Block::parse_first(&bytes).unwrap().hello, hello(&[Aead::Aes256Gcm]));
    }

    #[test]
    fn an_empty_list_and_one_of_nine_algorithms_are_not_sent() {
        assert_eq!(block(hello(&[]), None).emit(), Err(HandshakeError::AeadList));
        assert_eq!(block(hello(&[Aead::Aes256Gcm; 9]), None).emit(), Err(HandshakeError::AeadList));
        assert!(block(hello(&[Aead::Aes256Gcm; 8]), None).emit().is_ok());
    }

    proptest! {
        #[test]
        fn a_block_reads_as_it_was_written(least in 1u8.., more: u8, features: u32, version: u8, reversed: bool) {
            let mut aeads = Aead::ALL.to_vec();
            if reversed {
                aeads.reverse();
            }
            let versions = VersionRange::new(least, least.saturating_add(more)).unwrap();
            let hello = Hello { versions, features, aeads };
            let chosen = Suite { version, features, aead: Aead::Aes256Gcm };
            let bytes = block(hello.clone(), Some(chosen)).emit().unwrap();
            let parsed = Block::parse_second(&bytes).unwrap();
            prop_assert_eq!(parsed.hello, hello);
            prop_assert_eq!(parsed.chosen, Some(chosen));
            for len in 0..bytes.len() {
                prop_assert!(Block::parse_second(&bytes[..len]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            let _ = (Block::parse_first(&bytes), Block::parse_second(&bytes));
        }
    }
}
