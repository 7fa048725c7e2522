//! The negotiation block of each handshake message: what its sender can do, who it is, and what the responder has chosen.
//!
//! ```text
//! versions 2 | features 4 | n 1 | algorithms n | date 8 | commitment 32 | credential 275              of the initiator
//! versions 2 | features 4 | n 1 | algorithms n | date 8 | nonce 16 | version 1 | features 4 | algorithm 1, both of the choice
//! ```
//! It stands at the front of Noise's payload, [`BLOCK_LEN`] bytes with zeros behind, and both blocks are hashed into the
//! keys. A reader ignores what later versions put in place of the zeros, and algorithms that it does not know.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use super::HandshakeError;
use super::hello::{Hello, MAX_AEADS};
use crate::credential::CREDENTIAL_LEN;
use crate::sas;
use crate::suite::{Aead, Suite, VersionRange};

/// Bytes of a block, of either side.
pub(super) const BLOCK_LEN: usize = 384;
/// Bytes of the commitment to a nonce.
pub(super) const COMMITMENT_LEN: usize = 32;

/// The front of both blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Front {
    pub(super) hello: Hello,
    pub(super) made: UnixTime,
}

/// The initiator's block.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct FirstBlock {
    pub(super) front: Front,
    pub(super) commitment: [u8; COMMITMENT_LEN],
    pub(super) credential: [u8; CREDENTIAL_LEN],
}

/// The responder's block.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SecondBlock {
    pub(super) front: Front,
    pub(super) nonce: [u8; sas::NONCE_LEN],
    pub(super) chosen: Suite,
}

impl Front {
    /// Its bytes; no two fronts share them.
    pub(super) fn emit(&self) -> Result<Vec<u8>, HandshakeError> {
        let Hello { versions, features, aeads } = &self.hello;
        let count =
            u8::try_from(aeads.len()).ok().filter(|count| (1..=MAX_AEADS).contains(&usize::from(*count)));
        let mut bytes = vec![versions.least(), versions.greatest()];
        bytes.extend(features.to_be_bytes());
        bytes.push(count.ok_or(HandshakeError::AeadList)?);
        bytes.extend(aeads.iter().map(|aead| aead.id()));
        bytes.extend(self.made.as_secs().to_be_bytes());
        Ok(bytes)
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let versions = VersionRange::new(reader.u8()?, reader.u8()?).ok_or(Malformed::Invalid("versions"))?;
        let features = reader.u32()?;
        let aeads = reader.block8()?;
        if aeads.is_empty() || aeads.len() > MAX_AEADS {
            return Err(Malformed::Invalid("algorithms"));
        }
        let aeads = aeads.iter().filter_map(|id| Aead::from_id(*id)).collect();
        let made = UnixTime::from_secs(reader.u64()?);
        Ok(Self { hello: Hello { versions, features, aeads }, made })
    }
}

impl FirstBlock {
    pub(super) fn emit(&self) -> Result<[u8; BLOCK_LEN], HandshakeError> {
        Ok(padded(&[&self.front.emit()?, &self.commitment, &self.credential]))
    }

    pub(super) fn parse(bytes: &[u8; BLOCK_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let front = Front::parse(&mut reader)?;
        Ok(Self { front, commitment: reader.array()?, credential: reader.array()? })
    }
}

impl SecondBlock {
    pub(super) fn emit(&self) -> Result<[u8; BLOCK_LEN], HandshakeError> {
        let Suite { version, features, aead } = self.chosen;
        let [a, b, c, d] = features.to_be_bytes();
        Ok(padded(&[&self.front.emit()?, &self.nonce, &[version, a, b, c, d, aead.id()]]))
    }

    pub(super) fn parse(bytes: &[u8; BLOCK_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let front = Front::parse(&mut reader)?;
        let nonce = reader.array()?;
        let (version, features, aead) = (reader.u8()?, reader.u32()?, reader.u8()?);
        let aead = Aead::from_id(aead).ok_or(Malformed::Invalid("chosen algorithm"))?;
        Ok(Self { front, nonce, chosen: Suite { version, features, aead } })
    }
}

/// The parts and zeros behind them; they always fit (see the test of the longest blocks).
fn padded(parts: &[&[u8]]) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    for (to, from) in block.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    block
}

const _: () = assert!(
    2 + 4 + 1 + MAX_AEADS + 8 + COMMITMENT_LEN + CREDENTIAL_LEN <= BLOCK_LEN,
    "the longest block fits"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn front(aeads: &[Aead]) -> Front {
        let made = UnixTime::from_secs(1_800_000_000);
        Front { hello: Hello { aeads: aeads.to_vec(), ..Hello::default() }, made }
    }

    fn first(aeads: &[Aead]) -> FirstBlock {
        FirstBlock { front: front(aeads), commitment: [1; 32], credential: [2; CREDENTIAL_LEN] }
    }

    #[test]
    fn unknown_algorithms_and_later_fields_are_skipped() {
        let mut bytes = first(&[Aead::Aes256Gcm; 2]).emit().unwrap();
        bytes[8] = 200;
        bytes[BLOCK_LEN - 1] = 7;
        assert!(FirstBlock::parse(&bytes).unwrap() == first(&[Aead::Aes256Gcm]));
    }

    #[test]
    fn an_empty_list_and_one_of_nine_algorithms_are_not_sent() {
        assert_eq!(first(&[]).emit(), Err(HandshakeError::AeadList));
        assert_eq!(first(&[Aead::Aes256Gcm; 9]).emit(), Err(HandshakeError::AeadList));
        assert!(first(&[Aead::Aes256Gcm; 8]).emit().is_ok());
    }

    proptest! {
        #[test]
        fn a_block_reads_as_it_was_written(
            least in 1u8..,
            more: u8,
            features: u32,
            made: u64,
            nonce: [u8; 16],
            commitment: [u8; 32],
            reversed: bool,
        ) {
            let mut aeads = Aead::ALL.to_vec();
            if reversed {
                aeads.reverse();
            }
            let versions = VersionRange::new(least, least.saturating_add(more)).unwrap();
            let front = Front {
                hello: Hello { versions, features, aeads },
                made: UnixTime::from_secs(made),
            };
            let chosen = Suite { version: least, features, aead: Aead::Aes256Gcm };
            let second = SecondBlock { front: front.clone(), nonce, chosen };
            prop_assert!(SecondBlock::parse(&second.emit().unwrap()).unwrap() == second);
            let first = FirstBlock { front, commitment, credential: [least; CREDENTIAL_LEN] };
            prop_assert!(FirstBlock::parse(&first.emit().unwrap()).unwrap() == first);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), BLOCK_LEN)) {
            let block: [u8; BLOCK_LEN] = bytes.try_into().unwrap();
            let _ = (FirstBlock::parse(&block), SecondBlock::parse(&block));
        }
    }
}
