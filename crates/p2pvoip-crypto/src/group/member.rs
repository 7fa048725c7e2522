//! Who is in a group: names of groups and members, and one row of a roster.

use core::fmt;

use crate::identity::Fingerprint;
use crate::kdf;

/// Bytes of a group's name.
pub(super) const GROUP_LEN: usize = 16;
/// Bytes of a member's name.
pub(super) const MEMBER_LEN: usize = 24;

/// The name of one group, drawn by its founder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId([u8; GROUP_LEN]);

impl GroupId {
    /// The name of these bytes.
    pub const fn new(bytes: [u8; GROUP_LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; GROUP_LEN] {
        &self.0
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupId([redacted])")
    }
}

/// Who a member is: the first 24 bytes of the fingerprint that its pairwise session has proven.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId([u8; MEMBER_LEN]);

impl MemberId {
    /// The member of these bytes.
    pub const fn new(bytes: [u8; MEMBER_LEN]) -> Self {
        Self(bytes)
    }

    /// The member with that fingerprint.
    pub fn of(fingerprint: &Fingerprint) -> Self {
        Self(kdf::array(fingerprint.as_bytes()))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; MEMBER_LEN] {
        &self.0
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberId([redacted])")
    }
}

/// One member of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its number, which stands in the header of its packets. The founder is 0.
    pub number: u8,
    /// The sequence of the roster by which it came in: tells it from one that had the number before.
    pub since: u32,
    /// Who it is.
    pub id: MemberId,
}
