//! Records, as they come from a server or another node.

use p2pvoip_core::UnixTime;
use p2pvoip_dht::{
    MAX_LIFETIME, MAX_RECORD_LEN, MAX_SEALED_LEN, MAX_SHELF_LEN, Newest, Record, RecordKey, admit,
};

use crate::fixture::UNIX;

/// A record: what parses is emitted as the same bytes, and is never found in another's slot.
pub fn record(data: &[u8]) {
    let Ok(record) = Record::parse(data) else { return };
    assert!(data.len() <= MAX_RECORD_LEN && record.sealed().len() <= MAX_SEALED_LEN);
    assert_eq!(record.emit().as_deref(), Ok(data), "emit undoes parse");
    let other = RecordKey::from_secret(&[9; 32]).expect("any 32 bytes are a seed").slot();
    assert!(record.check(&other, record.expires()).is_err());
    let mut newest = Newest::new(record.slot());
    let offered = newest.offer(record.clone(), &|_: &Record, _| true, UNIX);
    assert_eq!(offered, record.check(&record.slot(), UNIX));
    assert_eq!(newest.best().is_some(), offered.is_ok());
}

/// The bytes as what a record holds: a record that is signed can be read, and a changed one cannot.
pub fn signed_record(data: &[u8]) {
    let key = RecordKey::from_secret(&[7; 32]).expect("any 32 bytes are a seed");
    let sequence = data.len() as u64;
    let Ok(record) = Record::sign(&key, sequence, UNIX + MAX_LIFETIME, data) else {
        assert!(data.len() > MAX_SEALED_LEN, "only its length is refused");
        return;
    };
    let mut bytes = record.emit().expect("a signed record has a form");
    assert_eq!(Record::parse(&bytes).as_ref(), Ok(&record));
    assert_eq!(record.check(&key.slot(), UNIX), Ok(()));
    assert!(record.check(&key.slot(), UnixTime::from_secs(u64::MAX)).is_err(), "it has ended by then");
    let at = data.iter().map(|&byte| usize::from(byte)).sum::<usize>() % bytes.len();
    bytes[at] ^= 1 << (data.len() % 8);
    assert!(Record::parse(&bytes).is_err(), "every byte is signed");
}

/// A record that a stranger brings to a node: only a good one of this time is kept, and a kept one is never replaced by an older.
pub fn shelf(data: &[u8]) {
    let key = RecordKey::from_secret(&[7; 32]).expect("any 32 bytes are a seed");
    let slot = key.slot();
    let stored = Record::sign(&key, 5, UNIX + MAX_LIFETIME, b"sealed").expect("it is short");
    let stored = stored.emit().expect("a signed record has a form");
    let Ok(record) = admit(slot.as_bytes(), data, None, UNIX) else {
        assert!(admit(slot.as_bytes(), data, Some(&stored), UNIX).is_err(), "no better beside another");
        return;
    };
    assert!(data.len() <= MAX_SHELF_LEN && record.check(&slot, UNIX).is_ok());
    assert_eq!(record.public_key(), key.public(), "nobody else signs in this slot");
    let replaces = admit(slot.as_bytes(), data, Some(&stored), UNIX).is_ok();
    assert_eq!(replaces, record.sequence() > 5 || data == stored, "the higher sequence wins");
}
