//! Rules of records, of the choice among them, and of the directory in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::Malformed;
use p2pvoip_dht::*;
use proptest::prelude::*;
use std::time::Duration;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn key(number: u16) -> RecordKey {
    let mut secret = [7; 32];
    secret[..2].copy_from_slice(&number.to_be_bytes());
    RecordKey::from_secret(&secret).unwrap()
}

fn record(number: u16, sequence: u64) -> Record {
    Record::sign(&key(number), sequence, NOW + Duration::from_secs(60), b"sealed").unwrap()
}

#[test]
fn the_key_is_that_of_rfc_8032_section_7_1() {
    let secret = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(RecordKey::from_secret(&secret).unwrap().public(), &public);
}

fn hex(text: &str) -> [u8; 32] {
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

#[test]
fn any_changed_byte_is_refused() {
    let bytes = record(1, 5).emit().unwrap();
    assert_eq!(Record::parse(&bytes), Ok(record(1, 5)));
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(Record::parse(&bad).is_err(), "byte {at}");
    }
    assert_eq!(Record::parse(&[&bytes[..], &[0]].concat()), Err(Malformed::Trailing.into()));
}

#[test]
fn a_record_of_another_key_does_not_take_a_slot() {
    assert_ne!(key(1).slot(), key(2).slot());
    assert_eq!(record(1, 5).check(&key(2).slot(), NOW), Err(RecordError::WrongSlot));
    let mut newest = Newest::new(key(1).slot());
    assert_eq!(newest.offer(record(2, 9), &|_: &Record, _| true, NOW), Err(RecordError::WrongSlot));
    assert_eq!(newest.best(), None);
}

#[test]
fn the_newest_that_the_verifier_accepts_is_chosen() {
    let mut newest = Newest::new(key(1).slot());
    let not_nine = |record: &Record, _: UnixTime| record.sequence() != 9;
    newest.offer(record(1, 5), &not_nine, NOW).unwrap();
    newest.offer(record(1, 7), &not_nine, NOW).unwrap();
    newest.offer(record(1, 6), &not_nine, NOW).unwrap();
    assert_eq!(newest.offer(record(1, 9), &not_nine, NOW), Err(RecordError::NotVouched));
    assert_eq!((newest.best(), newest.refused()), (Some(&record(1, 7)), 1));
}

#[test]
fn a_record_is_believed_within_its_time_and_the_skew_of_clocks() {
    let record = record(1, 5);
    let end = NOW + Duration::from_secs(60) + CLOCK_SKEW;
    assert_eq!(record.check_time(end - Duration::from_secs(1)), Ok(()));
    assert_eq!(record.check_time(end), Err(RecordError::Expired));
    let longest = NOW + MAX_LIFETIME + CLOCK_SKEW;
    assert_eq!(Record::sign(&key(1), 1, longest, b"").unwrap().check_time(NOW), Ok(()));
    let too_long = Record::sign(&key(1), 1, longest + Duration::from_secs(1), b"").unwrap();
    assert_eq!(too_long.check_time(NOW), Err(RecordError::TooLong));
}

#[test]
fn the_longest_record_fits_and_one_byte_more_does_not() {
    let sealed = vec![1; MAX_SEALED_LEN + 1];
    assert_eq!(Record::sign(&key(1), 1, NOW, &sealed[1..]).unwrap().emit().unwrap().len(), MAX_RECORD_LEN);
    assert!(matches!(Record::sign(&key(1), 1, NOW, &sealed), Err(RecordError::Malformed(_))));
}

fn ask(
    directory: &mut MemoryDirectory,
    query: impl FnOnce(&mut MemoryDirectory) -> Result<Query, DirectoryError>,
) -> Outcome {
    let query = query(directory).unwrap();
    let finding = directory.poll().unwrap();
    assert_eq!(finding.query, query);
    finding.outcome
}

#[test]
fn a_directory_prefers_the_higher_sequence_and_drops_what_has_ended() {
    let mut directory = MemoryDirectory::new();
    let slot = key(1).slot();
    assert_eq!(ask(&mut directory, |d| d.publish(record(1, 5), NOW)), Outcome::Published);
    assert_eq!(ask(&mut directory, |d| d.publish(record(1, 4), NOW)), Outcome::Older);
    assert_eq!(ask(&mut directory, |d| d.publish(record(1, 6), NOW)), Outcome::Published);
    assert_eq!(ask(&mut directory, |d| d.lookup(slot, NOW)), Outcome::Found(vec![record(1, 6)]));
    let ended = NOW + Duration::from_secs(60) + CLOCK_SKEW;
    assert_eq!(ask(&mut directory, |d| d.lookup(slot, ended)), Outcome::Found(vec![]));
    assert!(directory.is_empty());
    assert_eq!(directory.publish(record(1, 6), ended), Err(RecordError::Expired.into()));
}

#[test]
fn a_directory_holds_its_limits() {
    let mut directory = MemoryDirectory::new();
    for number in 0..u16::try_from(MAX_RECORDS).unwrap() {
        assert_eq!(ask(&mut directory, |d| d.publish(record(number, 1), NOW)), Outcome::Published);
    }
    assert_eq!(directory.publish(record(9_999, 1), NOW), Err(DirectoryError::Full));
    assert_eq!(ask(&mut directory, |d| d.publish(record(3, 2), NOW)), Outcome::Published);
    for _ in 0..MAX_FINDINGS {
        directory.lookup(key(1).slot(), NOW).unwrap();
    }
    assert_eq!(directory.lookup(key(1).slot(), NOW), Err(DirectoryError::Busy));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn parse_of_emit_gives_the_same(
        sequence in any::<u64>(), expires in any::<u64>(),
        sealed in prop::collection::vec(any::<u8>(), 0..=MAX_SEALED_LEN),
    ) {
        let record = Record::sign(&key(1), sequence, UnixTime::from_secs(expires), &sealed).unwrap();
        prop_assert_eq!(Record::parse(&record.emit().unwrap()), Ok(record));
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        bytes[0] = 1;
        prop_assert!(Record::parse(&bytes).is_err());
    }
}
