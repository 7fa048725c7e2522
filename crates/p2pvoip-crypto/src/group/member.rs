//! Who is in a group: the names of groups, and one row of a roster.

use core::fmt;

use crate::identity::Fingerprint;

/// Bytes of a group's name.
pub(super) const GROUP_LEN: usize = 16;

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

/// One member of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its number, which stands in the header of its packets. The founder is 0.
    pub number: u8,
    /// The sequence of the roster by which it came in: tells it from one that had the number before.
    pub since: u32,
    /// Who it is, as its pairwise sessions have proven.
    pub id: Fingerprint,
}
