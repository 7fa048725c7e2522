//! The roster: who is in a group, as its founder has signed it. One with a higher sequence takes the place of all before.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | form = 1 |
//! | 1 | algorithm of the group |
//! | 16 | name of the group |
//! | 4 | sequence, from 1 |
//! | 1 | number of members, 1 to 8 |
//! | 29 each | number (1), since (4), name (24); numbers rise, the first is the founder's, 0 |
//! | 64 | the founder's signature over `p2pvoip group roster`, a zero byte and what precedes |

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::member::{GROUP_LEN, GroupId, Member};
use super::{MAX_MEMBERS, Sender};
use crate::identity::{Fingerprint, PUBLIC_LEN, SIGNATURE_LEN};
use crate::kdf;
use crate::suite::Aead;

const FORM: u8 = 1;
const HEAD_LEN: usize = 1 + 1 + GROUP_LEN + 4 + 1;
const ROW_LEN: usize = 1 + 4 + Fingerprint::LEN;
/// The longest roster.
pub(super) const MAX_LEN: usize = HEAD_LEN + MAX_MEMBERS * ROW_LEN + SIGNATURE_LEN;
/// Bytes of the hash by which two rosters are compared.
pub(super) const HASH_LEN: usize = 16;

const DOMAIN: &[u8] = b"p2pvoip group roster\0";

/// Who is in a group, signed by its founder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster {
    aead: Aead,
    group: GroupId,
    sequence: u32,
    /// By rising number.
    members: Vec<Member>,
    signature: [u8; SIGNATURE_LEN],
}

impl Roster {
    /// The roster of those members, signed by the founder's sender.
    pub(super) fn sign(
        aead: Aead,
        group: GroupId,
        sequence: u32,
        members: Vec<Member>,
        founder: &Sender,
    ) -> Self {
        let mut roster = Self { aead, group, sequence, members, signature: [0; SIGNATURE_LEN] };
        roster.signature = founder.sign(&roster.signed());
        roster
    }

    /// Reads a roster. Whether its founder has signed it is another question: see [`is_signed`](Self::is_signed).
    ///
    /// # Errors
    /// [`Malformed`] when it is not what the format says.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(Malformed::Invalid("form"));
        }
        let aead = Aead::from_id(reader.u8()?).ok_or(Malformed::Invalid("algorithm"))?;
        let group = GroupId::new(reader.array()?);
        let sequence = reader.u32()?;
        if sequence == 0 {
            return Err(Malformed::Invalid("sequence"));
        }
        let count = usize::from(reader.u8()?);
        if count == 0 || count > MAX_MEMBERS {
            return Err(Malformed::Invalid("number of members"));
        }
        let mut members: Vec<Member> = Vec::with_capacity(count);
        for _ in 0..count {
            let member =
                Member { number: reader.u8()?, since: reader.u32()?, id: Fingerprint::new(reader.array()?) };
            check(&members, &member, sequence)?;
            members.push(member);
        }
        let signature = reader.array()?;
        reader.finish()?;
        Ok(Self { aead, group, sequence, members, signature })
    }

    /// Its bytes.
    pub fn emit(&self) -> Vec<u8> {
        [self.body().as_slice(), &self.signature].concat()
    }

    /// Whether that key has signed it.
    pub fn is_signed(&self, founder: &[u8; PUBLIC_LEN]) -> bool {
        UnparsedPublicKey::new(&ED25519, founder).verify(&self.signed(), &self.signature).is_ok()
    }

    /// The algorithm of the group.
    pub const fn aead(&self) -> Aead {
        self.aead
    }

    /// The group.
    pub const fn group(&self) -> GroupId {
        self.group
    }

    /// Its sequence: the higher one is the later.
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The members, by rising number; the first is the founder.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of that number.
    pub fn member(&self, number: u8) -> Option<&Member> {
        self.members.iter().find(|member| member.number == number)
    }

    /// The member of that name.
    pub fn find(&self, id: &Fingerprint) -> Option<&Member> {
        self.members.iter().find(|member| member.id == *id)
    }

    /// The hash by which members compare their rosters.
    pub(super) fn hash(&self) -> [u8; HASH_LEN] {
        kdf::array(&kdf::sha256(&[b"p2pvoip group roster", &self.body()]))
    }

    /// Whether this member is in, since the same time.
    pub(super) fn has(&self, member: &Member) -> bool {
        self.members.contains(member)
    }

    /// Whether the other one may follow upon this: the same group and founder, and a higher sequence.
    pub(super) fn may_be_followed_by(&self, other: &Self) -> bool {
        (self.aead, self.group) == (other.aead, other.group)
            && self.sequence < other.sequence
            && self.members.first() == other.members.first()
    }

    fn body(&self) -> Vec<u8> {
        let mut buf = [0; MAX_LEN];
        let mut writer = Writer::new(&mut buf);
        // At most eight members: it always fits.
        let written = self.write(&mut writer).map(|()| writer.len()).unwrap_or_default();
        buf.get(..written).unwrap_or_default().to_vec()
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Malformed> {
        writer.u8(FORM)?;
        writer.u8(self.aead.id())?;
        writer.bytes(self.group.as_bytes())?;
        writer.u32(self.sequence)?;
        writer.u8(u8::try_from(self.members.len()).map_err(|_| Malformed::Invalid("number of members"))?)?;
        for member in &self.members {
            writer.u8(member.number)?;
            writer.u32(member.since)?;
            writer.bytes(member.id.as_bytes())?;
        }
        Ok(())
    }

    fn signed(&self) -> Vec<u8> {
        [DOMAIN, &self.body()].concat()
    }
}

/// Whether a member may stand behind those before it.
fn check(before: &[Member], member: &Member, sequence: u32) -> Result<(), Malformed> {
    let follows = match before.last() {
        None => member.number == 0,
        Some(last) => last.number < member.number && usize::from(member.number) < MAX_MEMBERS,
    };
    if !follows {
        return Err(Malformed::Invalid("number of a member"));
    }
    if member.since == 0 || member.since > sequence {
        return Err(Malformed::Invalid("since"));
    }
    if before.iter().any(|other| other.id == member.id) {
        return Err(Malformed::Invalid("name of a member"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{SenderScope, SenderSecret};
    use proptest::prelude::*;

    const GROUP: GroupId = GroupId::new([1; 16]);

    fn founder() -> Sender {
        let scope = SenderScope { aead: Aead::Aes256Gcm, group: GROUP, member: 0, since: 1 };
        Sender::new(scope, SenderSecret::new(0, [2; 32]), &[3; 32], 0)
    }

    fn member(number: u8, since: u32) -> Member {
        Member { number, since, id: Fingerprint::new([number; 24]) }
    }

    fn roster(sequence: u32, members: Vec<Member>) -> Roster {
        Roster::sign(Aead::ChaCha20Poly1305, GROUP, sequence, members, &founder())
    }

    #[test]
    fn eight_members_fit_and_every_bit_counts() {
        let roster = roster(9, (0..8).map(|number| member(number, 1 + u32::from(number))).collect());
        let bytes = roster.emit();
        assert_eq!((bytes.len(), MAX_LEN), (319, 319));
        assert_eq!(Roster::parse(&bytes), Ok(roster));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let read = Roster::parse(&wrong);
            assert!(!read.is_ok_and(|read| read.is_signed(&founder().verifying_key())), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Roster::parse(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn rosters_that_break_a_rule_are_refused() {
        let wrong = [
            roster(0, vec![member(0, 1)]),
            roster(3, vec![]),
            roster(3, vec![member(1, 1)]),
            roster(3, vec![member(0, 1), member(0, 1)]),
            roster(3, vec![member(0, 1), member(2, 1), member(1, 1)]),
            roster(3, vec![member(0, 1), member(8, 1)]),
            roster(3, vec![member(0, 1), member(1, 4)]),
            roster(3, vec![member(0, 0)]),
            roster(3, vec![member(0, 1), Member { id: Fingerprint::new([0; 24]), ..member(1, 1) }]),
        ];
        for roster in wrong {
            assert!(Roster::parse(&roster.emit()).is_err(), "{roster:?}");
        }
    }

    #[test]
    fn only_the_same_founder_with_a_higher_sequence_follows() {
        let old = roster(3, vec![member(0, 1), member(1, 2)]);
        assert!(old.may_be_followed_by(&roster(4, vec![member(0, 1)])));
        assert!(!old.may_be_followed_by(&roster(3, vec![member(0, 1)])));
        assert!(!old.may_be_followed_by(&roster(2, vec![member(0, 1)])));
        assert!(!old.may_be_followed_by(&roster(4, vec![member(0, 2)])));
        let other = Roster { group: GroupId::new([2; 16]), ..roster(4, vec![member(0, 1)]) };
        assert!(!old.may_be_followed_by(&other));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..340)) {
            if let Ok(roster) = Roster::parse(&bytes) {
                prop_assert_eq!(roster.emit(), bytes);
            }
        }
    }
}
