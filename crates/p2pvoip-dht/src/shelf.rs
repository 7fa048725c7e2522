//! What a node of a directory stores for others: the rules of one record, and how many one network may bring.
//!
//! # Timers
//! - none: the owner says what time it is.

use p2pvoip_core::UnixTime;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{Record, RecordError, Slot};

/// The longest record that a node stores: a presence is shorter, and always of the same length.
pub const MAX_SHELF_LEN: usize = 512;
/// Records that one network (an IPv4 /24, an IPv6 /48) may bring within an hour.
pub const PUTS_AN_HOUR: u32 = 256;
/// Networks whose records are counted at once; beyond, those of new ones are refused until an hour is over.
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
    if stored.is_some_and(|stored| stored != bytes && !is_newer(&record, stored)) {
        return Err(ShelfError::NotNewer);
    }
    Ok(record)
}

fn is_newer(record: &Record, stored: &[u8]) -> bool {
    Record::parse(stored).is_ok_and(|stored| record.sequence() > stored.sequence())
}

/// Stage: counts what each network brought within the hour.
#[derive(Debug, Default)]
pub struct Quota {
    sources: BTreeMap<[u8; 8], (u64, u32)>,
}

impl Quota {
    /// One more record comes from that address.
    ///
    /// # Errors
    /// [`ShelfError::TooMany`] when its network, or the number of networks, is at its limit.
    pub fn count(&mut self, from: IpAddr, now: UnixTime) -> Result<(), ShelfError> {
        let hour = now.as_secs() / HOUR;
        let network = network_of(from);
        if !self.sources.contains_key(&network) && self.sources.len() >= MAX_SOURCES {
            self.sources.retain(|_, (of, _)| *of == hour);
            if self.sources.len() >= MAX_SOURCES {
                return Err(ShelfError::TooMany);
            }
        }
        let (of, count) = self.sources.entry(network).or_insert((hour, 0));
        if *of != hour {
            (*of, *count) = (hour, 0);
        }
        if *count >= PUTS_AN_HOUR {
            return Err(ShelfError::TooMany);
        }
        *count += 1;
        Ok(())
    }
}

/// The address's family and its first 24 or 48 bits.
fn network_of(address: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    let (family, octets) = match address.to_canonical() {
        IpAddr::V4(address) => (4, address.octets().into_iter().take(3).collect::<Vec<_>>()),
        IpAddr::V6(address) => (6, address.octets().into_iter().take(6).collect()),
    };
    for (to, from) in network.iter_mut().zip([family].into_iter().chain(octets)) {
        *to = from;
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordKey;
    use std::net::Ipv4Addr;
    use std::time::Duration;

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
    fn no_more_networks_are_counted_than_there_is_room_for() {
        let mut quota = Quota::default();
        let network = |n: usize| IpAddr::V4(Ipv4Addr::from(u32::try_from(n << 8).unwrap()));
        for n in 0..MAX_SOURCES {
            assert_eq!(quota.count(network(n), NOW), Ok(()));
        }
        assert_eq!(quota.count(network(MAX_SOURCES), NOW), Err(ShelfError::TooMany));
        assert_eq!(quota.count(network(MAX_SOURCES), NOW + Duration::from_secs(HOUR)), Ok(()));
        assert_eq!(quota.sources.len(), 1);
    }
}
