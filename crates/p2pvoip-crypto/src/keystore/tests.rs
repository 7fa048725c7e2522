//! The laws of sealed files, and Argon2id against RFC 9106.

use proptest::prelude::*;

use super::*;

/// As cheap as Argon2 gets, for tests.
fn cheap(salt: u8) -> Stretching {
    Stretching::new(8, 1, 1, [salt; 16]).unwrap()
}

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

fn key(number: u64) -> StoreKey {
    StoreKey::generate(&Seed::from_u64(number))
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    let key = key(1);
    seal(Content::Contacts, bytes, &Protection::KeyFile(key.id()), &key, &Seed::from_u64(2)).unwrap()
}

fn open(file: &[u8], key: &StoreKey) -> Result<Vec<u8>, KeystoreError> {
    SealedFile::parse(file)?.open(Content::Contacts, key).map(|bytes| bytes.to_vec())
}

#[test]
fn argon2id_is_that_of_rfc_9106_section_5_3() {
    let mut builder = argon2::ParamsBuilder::new();
    builder.m_cost(32).t_cost(3).p_cost(4).output_len(32);
    builder.data(argon2::AssociatedData::new(&[4; 12]).unwrap());
    let params = builder.build().unwrap();
    let mut blocks = vec![argon2::Block::default(); params.block_count()];
    let argon =
        argon2::Argon2::new_with_secret(&[3; 8], argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut tag = [0; 32];
    argon.unwrap().hash_password_into_with_memory(&[1; 32], &[2; 16], &mut tag, &mut blocks).unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(data_encoding::HEXLOWER.encode(&tag), expected);
}

#[test]
fn the_right_passphrase_opens_and_a_wrong_one_is_told() {
    let by = cheap(7);
    let key = by.key(&phrase("correct horse")).unwrap();
    let file =
        seal(Content::Identity, b"secret", &Protection::Passphrase(by), &key, &Seed::from_u64(1)).unwrap();
    let file = SealedFile::parse(&file).unwrap();
    let Protection::Passphrase(written) = *file.protection() else { panic!("it was a passphrase") };
    assert_eq!(written, by);
    let again = written.key(&phrase("correct horse")).unwrap();
    assert_eq!(file.open(Content::Identity, &again).unwrap().as_slice(), b"secret");
    let wrong = written.key(&phrase("correct horse ")).unwrap();
    assert_eq!(file.open(Content::Identity, &wrong).unwrap_err(), KeystoreError::WrongPassphrase);
}

#[test]
fn a_salt_of_its_own_gives_each_store_another_key() {
    let [a, b] = [1, 2].map(|salt| cheap(salt).key(&phrase("same")).unwrap().id());
    assert_ne!(a, b);
    let [a, b] = [1, 2].map(|n| *Stretching::recommended(&Seed::from_u64(n)).salt());
    assert_ne!(a, b);
}

#[test]
fn the_recommended_cost_is_the_second_of_rfc_9106() {
    assert_eq!(Stretching::recommended(&Seed::from_u64(1)).costs(), (65_536, 3, 4));
}

#[test]
fn a_cost_beyond_the_bounds_is_refused_before_anything_is_allocated() {
    for (memory, passes, lanes) in [
        (MAX_KIB + 1, 1, 1),
        (u32::MAX, 1, 1),
        (64, 17, 1),
        (64, u32::MAX, 1),
        (1_024, 1, 17),
        (64, 0, 1),
        (64, 1, 0),
        (7, 1, 1),
        (31, 1, 4),
    ] {
        assert_eq!(Stretching::new(memory, passes, lanes, [0; 16]), Err(KeystoreError::TooCostly));
        let mut file = sealed(b"x");
        let head = [&[2][..], &memory.to_be_bytes(), &passes.to_be_bytes(), &[lanes]].concat();
        file[9..9 + head.len()].copy_from_slice(&head);
        assert_eq!(SealedFile::parse(&resummed(file)).unwrap_err(), KeystoreError::TooCostly);
    }
    assert!(Stretching::new(MAX_KIB, 16, 16, [0; 16]).is_ok());
}

/// 256 MiB.
const MAX_KIB: u32 = 262_144;

/// The file with a checksum that fits: what somebody who changes it on purpose writes.
fn resummed(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - CHECKSUM_LEN);
    let sum = checksum(&file);
    file.extend(sum);
    file
}

#[test]
fn every_flipped_bit_and_every_wrong_length_is_damage_and_never_a_wrong_key() {
    let file = sealed(b"content");
    for bit in 0..file.len() * 8 {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = open(&damaged, &key(1)).unwrap_err();
        let is_told = match bit / 8 {
            0..7 => error == KeystoreError::NotSealed,
            7 => matches!(error, KeystoreError::UnknownForm(_) | KeystoreError::NotSealed),
            _ => error == KeystoreError::Damaged,
        };
        assert!(is_told, "bit {bit}: {error}");
    }
    for len in 0..file.len() {
        assert!(open(&file[..len], &key(1)).is_err());
    }
    assert_eq!(open(&[&file[..], &[0]].concat(), &key(1)), Err(KeystoreError::Damaged));
}

#[test]
fn a_change_on_purpose_does_not_open() {
    let file = sealed(b"content");
    for byte in 8..file.len() - CHECKSUM_LEN {
        let mut changed = file.clone();
        changed[byte] ^= 1;
        assert!(open(&resummed(changed), &key(1)).is_err(), "byte {byte}");
    }
}

#[test]
fn another_key_and_another_content_are_told() {
    let file = sealed(b"content");
    assert_eq!(open(&file, &key(2)), Err(KeystoreError::WrongKey));
    let parsed = SealedFile::parse(&file).unwrap();
    assert_eq!(parsed.open(Content::Identity, &key(1)).unwrap_err(), KeystoreError::OtherContent);
}

#[test]
fn the_size_tells_the_content_to_a_kilobyte_alone() {
    let lens: Vec<usize> = [0, 1, 500, PAD - LENGTH_LEN].map(|len| sealed(&vec![1; len]).len()).to_vec();
    assert!(lens.iter().all(|len| *len == lens[0]));
    assert_eq!(sealed(&[1; PAD - LENGTH_LEN + 1]).len(), lens[0] + PAD);
}

#[test]
fn the_largest_content_fits_and_one_byte_more_does_not() {
    let key = key(1);
    let protection = Protection::Keyring(key.id());
    let seed = Seed::from_u64(1);
    let most = vec![7; MAX_CONTENT_LEN];
    let file = seal(Content::Contacts, &most, &protection, &key, &seed).unwrap();
    assert_eq!(file.len(), MAX_SEALED_LEN);
    assert_eq!(open(&file, &key).unwrap(), most);
    let more = vec![7; MAX_CONTENT_LEN + 1];
    assert_eq!(
        seal(Content::Contacts, &more, &protection, &key, &seed),
        Err(KeystoreError::TooLarge(MAX_CONTENT_LEN + 1))
    );
}

#[test]
fn two_files_of_one_content_share_no_byte_of_ciphertext_by_key() {
    let key = key(1);
    let of = |n| {
        let protection = Protection::KeyFile(key.id());
        seal(Content::Contacts, b"same", &protection, &key, &Seed::from_u64(n)).unwrap()
    };
    assert_ne!(of(1)[HEAD_LEN..], of(2)[HEAD_LEN..]);
}

#[test]
fn a_key_file_gives_back_its_key_and_every_flipped_bit_is_noticed() {
    let key = key(3);
    let file = key.encode();
    assert_eq!(StoreKey::decode(&*file).unwrap().id(), key.id());
    for bit in 0..file.len() * 8 {
        let mut damaged = *file;
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(StoreKey::decode(&damaged).is_err(), "bit {bit}");
    }
    assert_eq!(StoreKey::decode(&file[..43]).unwrap_err(), KeystoreError::Damaged);
    assert_eq!(StoreKey::decode(&sealed(b"")).unwrap_err(), KeystoreError::NotSealed);
}

#[test]
fn passphrases_have_bounds_and_are_not_shown() {
    assert_eq!(Passphrase::new("").unwrap_err(), KeystoreError::PassphraseLength);
    assert!(Passphrase::new("x".repeat(MAX_PASSPHRASE_LEN)).is_ok());
    assert!(Passphrase::new("x".repeat(MAX_PASSPHRASE_LEN + 1)).is_err());
    assert_eq!(format!("{:?} {:?}", phrase("geheim"), key(1)), "Passphrase([redacted]) StoreKey([redacted])");
}

#[test]
fn an_identity_in_clear_is_not_sealed() {
    let clear = crate::Secret::generate(&Seed::from_u64(1)).encode();
    assert!(!is_sealed(&clear[..]) && is_sealed(&sealed(b"")));
    assert_eq!(SealedFile::parse(&clear[..]).unwrap_err(), KeystoreError::NotSealed);
}

proptest! {
    #[test]
    fn what_is_sealed_opens_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        prop_assert_eq!(open(&sealed(&bytes), &key(1)), Ok(bytes));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        head in prop::bool::ANY, bytes in prop::collection::vec(any::<u8>(), 0..2_500),
    ) {
        let file = if head { resummed([&MAGIC[..], &[FORM], &bytes, &[0; 4]].concat()) } else { bytes };
        let _ = open(&file, &key(1));
        let _ = StoreKey::decode(&file);
    }
}
