//! What two members say to each other inside the session that they share: a sender key with the roster, and its receipt.
//!
//! | bytes | key | receipt | leaving |
//! |---|---|---|---|
//! | 1, 1 | form = 1, kind = 1 | kind = 2 | kind = 3 |
//! | | length (2) and roster | group (16) | group (16) |
//! | | sender's number (1), since (4) | sequence of the reader's roster (4) | |
//! | | epoch (4), next packet number (6) | its hash (16) | |
//! | | secret of the epoch (32), signing key (32) | epoch of the key (4) | |

use core::fmt;

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use zeroize::Zeroizing;

use super::keys::SenderSecret;
use super::member::GroupId;
use super::roster::{self, Roster};
use crate::identity::PUBLIC_LEN;
use crate::packet::LAST_NUMBER;

const FORM: u8 = 1;
const KEY: u8 = 1;
const RECEIPT: u8 = 2;
const LEAVING: u8 = 3;
/// The longest message.
pub(super) const MAX_LEN: usize = 2 + 2 + roster::MAX_LEN + 5 + 4 + 6 + 32 + PUBLIC_LEN;

/// A message from one member to another; the session of the two keeps it secret and says who sent it.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A sender's key, and the roster that it knows.
    Key {
        /// The roster.
        roster: Roster,
        /// The sender's number and since when it has it.
        sender: (u8, u32),
        /// The secret of an epoch.
        secret: SenderSecret,
        /// The number that its next packet gets.
        next: u64,
        /// The key that its proofs are verified with; the founder's verifies rosters too.
        verifying: [u8; PUBLIC_LEN],
    },
    /// A key was received.
    Receipt {
        /// The group.
        group: GroupId,
        /// The sequence of the roster that the receiver knows.
        sequence: u32,
        /// The hash of that roster.
        hash: [u8; roster::HASH_LEN],
        /// The epoch of the key.
        epoch: u32,
    },
    /// Its sender goes.
    Leaving {
        /// The group.
        group: GroupId,
    },
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`] when it is not what the format says.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(Malformed::Invalid("form"));
        }
        let message = match reader.u8()? {
            KEY => Self::parse_key(&mut reader)?,
            RECEIPT => Self::Receipt {
                group: GroupId::new(reader.array()?),
                sequence: reader.u32()?,
                hash: reader.array()?,
                epoch: reader.u32()?,
            },
            LEAVING => Self::Leaving { group: GroupId::new(reader.array()?) },
            _ => return Err(Malformed::Invalid("kind")),
        };
        reader.finish()?;
        Ok(message)
    }

    fn parse_key(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let roster = Roster::parse(reader.block16()?)?;
        let sender = (reader.u8()?, reader.u32()?);
        let (epoch, next) = (reader.u32()?, reader.u48()?);
        if next > LAST_NUMBER {
            return Err(Malformed::Invalid("number"));
        }
        let secret = SenderSecret::new(epoch, reader.array()?);
        Ok(Self::Key { roster, sender, secret, next, verifying: reader.array()? })
    }

    /// Its bytes, overwritten when dropped.
    pub fn emit(&self) -> Zeroizing<Vec<u8>> {
        let mut buf = Zeroizing::new([0; MAX_LEN]);
        let mut writer = Writer::new(&mut *buf);
        // The longest roster was counted in: it always fits.
        let written = self.write(&mut writer).map(|()| writer.len()).unwrap_or_default();
        Zeroizing::new(buf.get(..written).unwrap_or_default().to_vec())
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Malformed> {
        writer.u8(FORM)?;
        match self {
            Self::Key { roster, sender, secret, next, verifying } => {
                writer.u8(KEY)?;
                writer.block16(&roster.emit())?;
                writer.u8(sender.0)?;
                writer.u32(sender.1)?;
                writer.u32(secret.epoch())?;
                writer.u48(*next)?;
                writer.bytes(secret.expose())?;
                writer.bytes(verifying)
            }
            Self::Receipt { group, sequence, hash, epoch } => {
                writer.u8(RECEIPT)?;
                writer.bytes(group.as_bytes())?;
                writer.u32(*sequence)?;
                writer.bytes(hash)?;
                writer.u32(*epoch)
            }
            Self::Leaving { group } => {
                writer.u8(LEAVING)?;
                writer.bytes(group.as_bytes())
            }
        }
    }

    /// The group that it is of.
    pub const fn group(&self) -> GroupId {
        match self {
            Self::Key { roster, .. } => roster.group(),
            Self::Receipt { group, .. } | Self::Leaving { group } => *group,
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { roster, sender, secret, next, .. } => {
                let mut debug = f.debug_struct("Key");
                debug.field("roster", &roster.sequence()).field("sender", sender);
                debug.field("epoch", &secret.epoch()).field("next", next).finish_non_exhaustive()
            }
            Self::Receipt { sequence, epoch, .. } => {
                let mut debug = f.debug_struct("Receipt");
                debug.field("sequence", sequence).field("epoch", epoch).finish_non_exhaustive()
            }
            Self::Leaving { .. } => f.write_str("Leaving"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fingerprint;
    use crate::group::{Member, Sender, SenderScope};
    use crate::suite::Aead;
    use proptest::prelude::*;

    const GROUP: GroupId = GroupId::new([1; 16]);

    fn key(members: u8, epoch: u32, next: u64) -> Message {
        let scope = SenderScope { aead: Aead::Aes256Gcm, group: GROUP, member: 0, since: 1 };
        let secret = SenderSecret::new(epoch, [4; 32]);
        let sender = Sender::new(scope, secret.clone(), &[3; 32], next);
        let members =
            (0..members).map(|number| Member { number, since: 1, id: Fingerprint::new([number; 24]) });
        let roster = Roster::sign(Aead::Aes256Gcm, GROUP, 1, members.collect(), &sender);
        Message::Key { roster, sender: (0, 1), secret, next, verifying: sender.verifying_key() }
    }

    #[test]
    fn the_longest_message_has_402_bytes() {
        assert_eq!((key(8, 0, 0).emit().len(), MAX_LEN), (402, 402));
    }

    proptest! {
        #[test]
        fn messages_read_as_they_were_written(members in 1u8..9, epoch: u32, next in 0..=LAST_NUMBER, hash: [u8; 16]) {
            let messages = [
                key(members, epoch, next),
                Message::Receipt { group: GROUP, sequence: epoch, hash, epoch },
                Message::Leaving { group: GROUP },
            ];
            for message in messages {
                let bytes = message.emit();
                prop_assert_eq!(Message::parse(&bytes), Ok(message));
                prop_assert!(Message::parse(&bytes[..bytes.len() - 1]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..420)) {
            if let Ok(message) = Message::parse(&bytes) {
                prop_assert_eq!(&*message.emit(), &bytes);
            }
        }
    }
}
