//! What a node of a directory stores for others: the rules of one record, and how many one network may bring.
//!
//! # Timers
//! - none: the owner says what time it is.

use p2pvoip_core::UnixTime;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::{CLOCK_SKEW, Record, RecordError, Slot};

/// The longest record that a node stores: a presence is shorter, and always of the same length.
pub const MAX_SHELF_LEN: usize = 512;
/// The longest time from now to the end of a record that a node stores. A presence ends 28 hours after it is made at most (its
/// day, two hours before and two hours after); the rest is for other uses of a day.
pub const MAX_SHELF_TIME: Duration = Duration::from_secs(36 * HOUR);
/// Records that one network (an IPv4 /24, an IPv6 /48) may bring within an hour.
pub const PUTS_AN_HOUR: u32 = 256;
/// Records that one IPv6 /32, which may be all of a provider's, may bring within an hour.
pub const PUTS_AN_HOUR_WIDE: u32 = 4_096;
/// Networks whose records are counted at once; beyond, the one that brought the fewest is not counted any more.
pub const MAX_SOURCES: usize = 4_096;

const HOUR: u64 = 3_600;

/// Why a node does not store a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShelfError {
    /// It is none, is not signed, belongs elsewhere, or is not of this time.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It is longer than any presence.
    #[error("the record has more than {MAX_SHELF_LEN} bytes; no presence is as long")]
    TooLong,
    /// It ends later than a presence may.
    #[error("the record ends more than 36 hours from now; no presence does")]
    TooLate,
    /// A newer one, or another one of the same sequence, is here.
    #[error("a record of this sequence or a higher one is stored here already")]
    NotNewer,
    /// Its sender's network has brought as many as it may.
    #[error("too many records came from this network within an hour")]
    TooMany,
}

/// Whether a node stores these bytes under that key, where `stored` lies so far.
///
/// # Errors
/// [`ShelfError`] says why not; what is stored stays then.
pub fn admit(key: &[u8], bytes: &[u8], stored: Option<&[u8]>, now: UnixTime) -> Result<Record, ShelfError> {
    if bytes.len() > MAX_SHELF_LEN {
        return Err(ShelfError::TooLong);
    }
    let slot = key.try_into().map(Slot::new).map_err(|_| RecordError::WrongSlot)?;
    let record = Record::parse(bytes)?;
    record.check(&slot, now)?;
    if record.expires() > now + MAX_SHELF_TIME + CLOCK_SKEW {
        return Err(ShelfError::TooLate);
    }
    if stored.is_some_and(|stored| stored != bytes && !is_newer(&record, stored)) {
        return Err(ShelfError::NotNewer);
    }
    Ok(record)
}

fn is_newer(record: &Record, stored: &[u8]) -> bool {
    Record::parse(stored).is_ok_and(|stored| record.sequence() > stored.sequence())
}

/// A family, the length of a prefix in bytes, and the prefix.
pub(crate) type Network = [u8; 8];

/// Stage: counts what each network brought within the hour.
#[derive(Debug, Default)]
pub struct Quota {
    sources: BTreeMap<Network, (u64, u32)>,
}

impl Quota {
    /// One more record comes from that address.
    ///
    /// # Errors
    /// [`ShelfError::TooMany`] when its network is at its limit.
    pub fn count(&mut self, from: IpAddr, now: UnixTime) -> Result<(), ShelfError> {
        let hour = now.as_secs() / HOUR;
        let (narrow, wide) = (narrow_network(from), wide_network(from));
        let limits = [(narrow, PUTS_AN_HOUR), (wide, PUTS_AN_HOUR_WIDE)];
        // An IPv4 address has one network alone, whose limit is the narrow one.
        let limits = limits.get(..if narrow == wide { 1 } else { 2 }).unwrap_or_default();
        if limits.iter().any(|(network, limit)| self.counted(*network, hour) >= *limit) {
            return Err(ShelfError::TooMany);
        }
        for (network, _) in limits {
            let count = self.counted(*network, hour) + 1;
            self.make_room(*network, hour);
            self.sources.insert(*network, (hour, count));
        }
        Ok(())
    }

    fn counted(&self, network: Network, hour: u64) -> u32 {
        self.sources.get(&network).filter(|(of, _)| *of == hour).map_or(0, |(_, count)| *count)
    }

    /// A new network is not refused for others' sake: who brought the fewest is forgotten, which gives it the least.
    fn make_room(&mut self, network: Network, hour: u64) {
        if self.sources.contains_key(&network) || self.sources.len() < MAX_SOURCES {
            return;
        }
        self.sources.retain(|_, (of, _)| *of == hour);
        if self.sources.len() >= MAX_SOURCES {
            let fewest = self.sources.iter().min_by_key(|(_, (_, count))| *count);
            if let Some(fewest) = fewest.map(|(network, _)| *network) {
                self.sources.remove(&fewest);
            }
        }
    }
}

/// The IPv4 /24 or IPv6 /48 of an address.
pub(crate) fn narrow_network(address: IpAddr) -> Network {
    prefix(address, 6)
}

/// The IPv4 /24 or IPv6 /32 of an address.
pub(crate) fn wide_network(address: IpAddr) -> Network {
    prefix(address, 4)
}

fn prefix(address: IpAddr, len_v6: u8) -> Network {
    let (family, len, octets) = match address.to_canonical() {
        IpAddr::V4(address) => (4, 3, address.octets().to_vec()),
        IpAddr::V6(address) => (6, len_v6, address.octets().to_vec()),
    };
    let mut network = [0; 8];
    let bytes = [family, len].into_iter().chain(octets.into_iter().take(usize::from(len)));
    for (to, from) in network.iter_mut().zip(bytes) {
        *to = from;
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordKey;
    use std::net::Ipv4Addr;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn key() -> RecordKey {
        RecordKey::from_secret(&[7; 32]).unwrap()
    }

    fn bytes(sequence: u64, sealed: &[u8]) -> Vec<u8> {
        Record::sign(&key(), sequence, NOW + Duration::from_secs(60), sealed).unwrap().emit().unwrap()
    }

    #[test]
    fn a_newer_record_replaces_and_an_older_one_does_not() {
        let slot = key().slot();
        let put = |new: &[u8], stored: Option<&[u8]>| admit(slot.as_bytes(), new, stored, NOW).map(|_| ());
        let (five, other_five, six) = (bytes(5, b"a"), bytes(5, b"b"), bytes(6, b"a"));
        assert_eq!(put(&five, None), Ok(()));
        assert_eq!(put(&five, Some(&five)), Ok(()), "the same again is a refresh");
        assert_eq!(put(&six, Some(&five)), Ok(()));
        assert_eq!(put(&five, Some(&six)), Err(ShelfError::NotNewer));
        assert_eq!(put(&other_five, Some(&five)), Err(ShelfError::NotNewer));
    }

    #[test]
    fn what_is_forged_misplaced_too_long_or_over_is_refused() {
        let (slot, good) = (key().slot(), bytes(5, b"a"));
        let put = |key: &[u8], bytes: &[u8], now| admit(key, bytes, None, now).map(|_| ());
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(put(slot.as_bytes(), &forged, NOW), Err(RecordError::Signature.into()));
        assert_eq!(put(&[0; 16], &good, NOW), Err(RecordError::WrongSlot.into()));
        assert_eq!(put(&[0; 32], &good, NOW), Err(RecordError::WrongSlot.into()));
        let later = NOW + Duration::from_secs(60) + crate::CLOCK_SKEW;
        assert_eq!(put(slot.as_bytes(), &good, later), Err(RecordError::Expired.into()));
        let fixed = good.len() - 1;
        let longest = bytes(5, &vec![1; MAX_SHELF_LEN - fixed]);
        assert_eq!(put(slot.as_bytes(), &longest, NOW), Ok(()));
        let longer = bytes(5, &vec![1; MAX_SHELF_LEN - fixed + 1]);
        assert_eq!(put(slot.as_bytes(), &longer, NOW), Err(ShelfError::TooLong));
    }

    #[test]
    fn a_network_brings_so_many_an_hour_and_not_one_more() {
        let mut quota = Quota::default();
        let neighbours = |n: u32| IpAddr::V4(Ipv4Addr::new(192, 0, 2, u8::try_from(n % 256).unwrap()));
        for n in 0..PUTS_AN_HOUR {
            assert_eq!(quota.count(neighbours(n), NOW), Ok(()));
        }
        assert_eq!(quota.count(neighbours(3), NOW), Err(ShelfError::TooMany));
        let mapped: IpAddr = "::ffff:192.0.2.9".parse().unwrap();
        assert_eq!(quota.count(mapped, NOW), Err(ShelfError::TooMany), "the same network in IPv6's clothes");
        assert_eq!(quota.count("198.51.100.1".parse().unwrap(), NOW), Ok(()));
        assert_eq!(quota.count(neighbours(3), NOW + Duration::from_secs(HOUR)), Ok(()));
    }

    #[test]
    fn a_record_that_ends_later_than_a_presence_is_refused() {
        let latest = NOW + MAX_SHELF_TIME + CLOCK_SKEW;
        let ends = |at| Record::sign(&key(), 5, at, b"a").unwrap().emit().unwrap();
        let put = |end| admit(key().slot().as_bytes(), &ends(end), None, NOW).map(|_| ());
        assert_eq!(put(latest), Ok(()));
        assert_eq!(put(latest + Duration::from_secs(1)), Err(ShelfError::TooLate));
    }

    #[test]
    fn an_ipv6_provider_brings_so_many_an_hour_and_not_one_more() {
        let mut quota = Quota::default();
        let from = |n: u32| IpAddr::from([0x2a00, 1, u16::try_from(n).unwrap(), 0, 0, 0, 0, 1]);
        for n in 0..PUTS_AN_HOUR_WIDE {
            assert_eq!(quota.count(from(n % 4_000), NOW), Ok(()));
        }
        assert_eq!(quota.count(from(4_000), NOW), Err(ShelfError::TooMany));
        assert_eq!(quota.count("2a00:2::1".parse().unwrap(), NOW), Ok(()));
    }

    #[test]
    fn a_full_table_forgets_who_brought_the_fewest_and_refuses_nobody() {
        let mut quota = Quota::default();
        let network = |n: usize| IpAddr::V4(Ipv4Addr::from(u32::try_from(n << 8).unwrap()));
        for _ in 0..PUTS_AN_HOUR {
            assert_eq!(quota.count(network(0), NOW), Ok(()));
        }
        for n in 1..MAX_SOURCES + 9 {
            assert_eq!(quota.count(network(n), NOW), Ok(()));
            assert!(quota.sources.len() <= MAX_SOURCES);
        }
        assert_eq!(quota.count(network(0), NOW), Err(ShelfError::TooMany), "who brought many is remembered");
        assert_eq!(quota.count(network(MAX_SOURCES + 9), NOW + Duration::from_secs(HOUR)), Ok(()));
        assert_eq!(quota.sources.len(), 1);
    }
}
