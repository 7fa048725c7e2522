//! Stores on a real file system: what is kept comes back, sealed, whatever protects it and whatever went wrong between.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use p2pvoip_crypto::LinkError;
use p2pvoip_crypto::keystore::KeystoreError;

use super::*;
use crate::contacts::BookError;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// An identity file as the first versions wrote it: the secret 80 81 .. 9f in clear.
fn in_clear() -> Vec<u8> {
    let text = b"703270766f697001808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fd6fc59ec";
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap();
    text.chunks(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect()
}

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

/// A passphrase at the least cost.
fn by_phrase(text: &str) -> Protect {
    Protect::Stretched(phrase(text), Stretching::new(8, 1, 1, [7; 16]).unwrap())
}

/// A keyring in memory, which can be locked.
#[derive(Default)]
struct Memory {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    locked: Mutex<bool>,
}

impl Memory {
    fn check(&self) -> Result<(), String> {
        if *self.locked.lock().unwrap() { Err("it is locked".to_owned()) } else { Ok(()) }
    }
}

impl Keyring for Memory {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        self.check()?;
        Ok(self.kept.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), String> {
        self.check()?;
        self.kept.lock().unwrap().insert(name.to_owned(), secret.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.check()?;
        self.kept.lock().unwrap().remove(name);
        Ok(())
    }
}

struct Place {
    folder: tempfile::TempDir,
    store: Store,
    keyring: Arc<Memory>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Arc::new(Memory::default());
        let store = Store::at(folder.path().join("identity")).with_keyring(keyring.clone());
        Self { folder, store, keyring }
    }

    fn file(&self, ending: &str) -> PathBuf {
        files::beside(self.store.path(), ending)
    }

    /// The names of the files there, but for the lock.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != "identity.lock").collect();
        names.sort();
        names
    }

    /// Whether the bytes stand anywhere in any file.
    fn shows(&self, bytes: &[u8]) -> bool {
        let files = self.names().into_iter().map(|name| fs::read(self.folder.path().join(name)).unwrap());
        files.into_iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes))
    }

    fn fault(&self, passphrase: Option<&str>) -> StoreFault {
        let passphrase = passphrase.map(phrase);
        self.store.open(passphrase.as_ref(), NOW).unwrap_err().into_fault()
    }
}

fn add(opened: &Opened, name: &str, number: u64) -> Result<(), StoreError> {
    let card = p2pvoip_crypto::Identity::generate(&Seed::from_u64(number)).card("wss://example.org").unwrap();
    opened.update_contacts(|book| book.add(name, card, NOW).map(|_| ()))
}

fn names(opened: &Opened) -> Vec<String> {
    opened.contacts().unwrap().iter().map(|contact| contact.name().to_owned()).collect()
}

#[test]
fn what_was_made_is_opened_again_with_its_contacts() {
    let place = Place::new();
    assert!(place.store.open(None, NOW).unwrap_err().is_missing());
    let made = place.store.create(&Protect::KeyFile, NOW).unwrap();
    add(&made, "alice", 1).unwrap();
    let opened = place.store.open(None, NOW).unwrap();
    assert_eq!(opened.identity().fingerprint(), made.identity().fingerprint());
    assert_eq!((opened.protection(), opened.was_in_clear()), ("key-file", false));
    assert_eq!(names(&opened), ["alice"]);
    assert_eq!(place.names(), ["identity", "identity.contacts", "identity.key"]);
    assert!(
        !place.shows(&made.secret().encode()[8..40]) && !place.shows(b"alice") && !place.shows(b"p2pvoip:")
    );
    assert!(opened.exposed().is_empty());
}

#[test]
fn an_identity_is_never_overwritten() {
    let place = Place::new();
    let made = place.store.create(&Protect::KeyFile, NOW).unwrap();
    let error = place.store.create(&Protect::KeyFile, NOW).unwrap_err();
    assert!(matches!(error.fault(), StoreFault::Exists));
    let opened = place.store.open(None, NOW).unwrap();
    assert_eq!(opened.identity().fingerprint(), made.identity().fingerprint());
}

#[test]
fn a_file_in_clear_is_sealed_renewed_and_backed_up_sealed() {
    let place = Place::new();
    fs::write(place.store.path(), in_clear()).unwrap();
    let before = p2pvoip_crypto::Identity::from_secret(&Secret::decode(&in_clear()).unwrap());
    let opened = place.store.open(None, NOW).unwrap();
    assert!(opened.was_in_clear() && !opened.secret().needs_renewal(NOW));
    assert_eq!(opened.identity().fingerprint(), before.fingerprint());
    assert!(!place.shows(&in_clear()[8..40]));
    assert_eq!(place.names(), ["identity", "identity.backup", "identity.key"]);
    let again = place.store.open(None, NOW).unwrap();
    assert_eq!((again.was_in_clear(), again.protection()), (false, "key-file"));
    assert_eq!(*again.secret().encode(), *opened.secret().encode());
    // The backup in place of the identity is the old one.
    fs::copy(place.file(".backup"), place.store.path()).unwrap();
    let (restored, bytes) = place.store.read_identity(Keys::default()).unwrap();
    assert_eq!((bytes.to_vec(), restored.was_in_clear()), (in_clear(), false));
}

#[test]
fn prekeys_of_the_past_are_forgotten_on_the_disk_too_and_the_backup_with_them() {
    let place = Place::new();
    fs::write(place.store.path(), in_clear()).unwrap();
    let first = place.store.open(None, NOW).unwrap();
    let later = place.store.open(None, NOW + 4 * WEEK).unwrap();
    assert_ne!(*later.secret().encode(), *first.secret().encode());
    assert_eq!(place.names(), ["identity", "identity.key"]);
    let again = place.store.open(None, NOW + 4 * WEEK).unwrap();
    assert_eq!(*again.secret().encode(), *later.secret().encode());
}

#[test]
fn a_passphrase_opens_and_a_wrong_one_or_none_is_told() {
    let place = Place::new();
    let made = place.store.create(&by_phrase("right"), NOW).unwrap();
    add(&made, "alice", 1).unwrap();
    assert_eq!(place.names(), ["identity", "identity.contacts"]);
    assert!(matches!(place.fault(None), StoreFault::PassphraseNeeded));
    assert!(matches!(place.fault(Some("wrong")), StoreFault::Keystore(KeystoreError::WrongPassphrase)));
    assert!(place.store.open(Some(&phrase("wrong")), NOW).unwrap_err().asks_for_passphrase());
    let opened = place.store.open(Some(&phrase("right")), NOW).unwrap();
    assert_eq!((opened.protection(), names(&opened)), ("passphrase", vec!["alice".to_owned()]));
}

#[test]
fn every_protection_can_be_changed_for_every_other() {
    let place = Place::new();
    let mut opened = place.store.create(&Protect::KeyFile, NOW).unwrap();
    let who = opened.identity().fingerprint();
    add(&opened, "alice", 1).unwrap();
    let ways = [by_phrase("one"), Protect::KeyFile, Protect::Keyring, by_phrase("two"), Protect::Keyring];
    for (protect, word) in
        ways.into_iter().zip(["passphrase", "key-file", "keyring", "passphrase", "keyring"])
    {
        opened.protect(&protect).unwrap();
        let given = if let Protect::Stretched(phrase, _) = &protect { Some(phrase.clone()) } else { None };
        opened = place.store.open(given.as_ref(), NOW).unwrap();
        assert_eq!((opened.protection(), opened.identity().fingerprint()), (word, who));
        assert_eq!(names(&opened), ["alice"]);
        assert_eq!(place.file(".key").exists(), word == "key-file");
        assert_eq!(place.keyring.kept.lock().unwrap().len(), usize::from(word == "keyring"));
    }
}

#[test]
fn a_passphrase_takes_a_backup_under_the_old_key_away() {
    let place = Place::new();
    fs::write(place.store.path(), in_clear()).unwrap();
    place.store.open(None, NOW).unwrap().protect(&by_phrase("right")).unwrap();
    assert_eq!(place.names(), ["identity"]);
}

#[test]
fn a_change_of_protection_that_was_cut_off_still_opens() {
    let place = Place::new();
    let mut opened = place.store.create(&Protect::KeyFile, NOW).unwrap();
    add(&opened, "alice", 1).unwrap();
    let old = ["", ".key"].map(|ending| fs::read(place.file(ending)).unwrap());
    opened.protect(&by_phrase("right")).unwrap();
    // As if it ended after the contacts were sealed anew and before the identity was.
    for (ending, bytes) in ["", ".key"].into_iter().zip(old) {
        fs::write(place.file(ending), bytes).unwrap();
    }
    let mut cut = place.store.open(None, NOW).unwrap();
    assert!(matches!(cut.contacts().unwrap_err().fault(), StoreFault::PassphraseNeeded));
    let given = place.store.open(Some(&phrase("right")), NOW).unwrap();
    assert_eq!(names(&given), ["alice"]);
    assert!(cut.protect(&Protect::KeyFile).is_err());
    cut = given;
    cut.protect(&Protect::KeyFile).unwrap();
    assert_eq!(names(&place.store.open(None, NOW).unwrap()), ["alice"]);
}

#[test]
fn a_keyring_that_is_locked_or_empty_is_told() {
    let place = Place::new();
    place.store.create(&Protect::Keyring, NOW).unwrap();
    *place.keyring.locked.lock().unwrap() = true;
    assert!(matches!(place.fault(None), StoreFault::Keyring(why) if why == "it is locked"));
    *place.keyring.locked.lock().unwrap() = false;
    assert_eq!(place.store.open(None, NOW).unwrap().protection(), "keyring");
    place.keyring.kept.lock().unwrap().clear();
    assert!(matches!(place.fault(None), StoreFault::Keyring(_)));
}

#[test]
fn a_key_file_can_lie_elsewhere_and_is_left_there() {
    let place = Place::new();
    let stick = place.folder.path().join("stick").join("key");
    let store = place.store.clone().with_key_file(&stick);
    let error = store.create(&Protect::KeyFile, NOW).unwrap_err();
    assert_eq!(error.path(), stick, "a stick that is not there is not made up");
    fs::create_dir(place.folder.path().join("stick")).unwrap();
    let mut opened = store.create(&Protect::KeyFile, NOW).unwrap();
    assert!(stick.exists() && !place.file(".key").exists());
    assert!(matches!(place.fault(None), StoreFault::KeyFileMissing));
    opened.protect(&by_phrase("right")).unwrap();
    assert!(stick.exists());
}

#[test]
fn a_key_file_of_another_identity_is_told_from_damage() {
    let (place, other) = (Place::new(), Place::new());
    for place in [&place, &other] {
        place.store.create(&Protect::KeyFile, NOW).unwrap();
    }
    fs::copy(other.file(".key"), place.file(".key")).unwrap();
    assert!(matches!(place.fault(None), StoreFault::Keystore(KeystoreError::WrongKey)));
    fs::write(place.file(".key"), b"p2pvoip").unwrap();
    assert!(matches!(place.fault(None), StoreFault::Keystore(KeystoreError::Damaged)));
}

#[test]
fn a_damaged_file_is_told_and_left_as_it_is() {
    let place = Place::new();
    let opened = place.store.create(&Protect::KeyFile, NOW).unwrap();
    add(&opened, "alice", 1).unwrap();
    for ending in [".contacts", ""] {
        let path = place.file(ending);
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = match ending {
            "" => place.store.open(None, NOW).unwrap_err(),
            _ => add(&opened, "bob", 2).unwrap_err(),
        };
        assert!(error.to_string().contains("damaged"), "{error}");
        assert_eq!((error.path(), fs::read(&path).unwrap()), (path.as_path(), bytes));
    }
}

#[test]
fn a_refused_change_writes_nothing() {
    let place = Place::new();
    let opened = place.store.create(&Protect::KeyFile, NOW).unwrap();
    add(&opened, "alice", 1).unwrap();
    let before = fs::read(place.file(".contacts")).unwrap();
    let error = add(&opened, "ALICE", 2).unwrap_err();
    assert!(matches!(error.fault(), StoreFault::Book(BookError::NameTaken(_))));
    assert_eq!(fs::read(place.file(".contacts")).unwrap(), before);
}

#[test]
fn two_programs_do_not_undo_one_anothers_changes() {
    let place = Place::new();
    place.store.create(&Protect::KeyFile, NOW).unwrap();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let opened = place.store.open(None, NOW).unwrap();
            std::thread::spawn(move || add(&opened, &format!("contact {number}"), number).unwrap())
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(names(&place.store.open(None, NOW).unwrap()).len(), 8);
}

#[test]
fn a_change_by_another_program_is_seen_before_the_secret_is_written() {
    let place = Place::new();
    let mut first = place.store.create(&Protect::KeyFile, NOW).unwrap();
    let mut second = place.store.open(None, NOW).unwrap();
    second.update_secret(|secret| Ok(secret.advance(NOW + 9 * WEEK))).unwrap();
    // The first still holds the secret of before; it finds the one of the second.
    let is_changed = first.update_secret(|secret| Ok(secret.advance(NOW + 9 * WEEK))).unwrap();
    assert!(!is_changed);
    assert_eq!(*first.secret().encode(), *second.secret().encode());
}

#[test]
fn files_that_others_can_read_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.store.create(&Protect::KeyFile, NOW).unwrap();
    for ending in ["", ".key"] {
        fs::set_permissions(place.file(ending), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let opened = place.store.open(None, NOW).unwrap();
    let told: Vec<String> = opened.exposed().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2);
    assert!(told[1].starts_with(&place.file(".key").display().to_string()), "{told:?}");
}

#[test]
fn what_is_no_identity_is_told() {
    let place = Place::new();
    fs::write(place.store.path(), b"-----BEGIN").unwrap();
    assert!(matches!(place.fault(None), StoreFault::Secret(_)));
    fs::write(place.store.path(), b"p2pvoip\x50 of a later year").unwrap();
    let error = place.store.open(None, NOW).unwrap_err();
    assert!(error.to_string().contains("update the program"), "{error}");
    assert_eq!(Path::new(error.path()), place.store.path());
}

#[test]
fn a_second_device_is_linked_lists_nobody_and_is_revoked() {
    let (home, other) = (Place::new(), Place::new());
    let mut made = home.store.create(&Protect::KeyFile, NOW).unwrap();
    let request = other.store.request(&by_phrase("right")).unwrap();
    let phrase = phrase("right");
    let again = other.store.waiting(Some(&phrase)).unwrap().unwrap().request();
    assert_eq!(again.to_string(), request.to_string());
    assert_eq!(other.names(), ["identity.pending"]);
    let grant = made.link(&request, NOW).unwrap();
    assert!(matches!(other.store.join(&grant, None, NOW).unwrap_err().fault(), StoreFault::PassphraseNeeded));
    let mut linked = other.store.join(&grant, Some(&phrase), NOW).unwrap();
    assert_eq!(linked.identity().fingerprint(), made.identity().fingerprint());
    assert_eq!((other.names(), linked.protection()), (vec!["identity".to_owned()], "passphrase"));
    assert!(other.store.open(Some(&phrase), NOW).is_ok());
    assert!(matches!(
        linked.link(&request, NOW).unwrap_err().fault(),
        StoreFault::Device(LinkError::NotHome)
    ));
    let listed = |opened: &Opened| opened.secret().linked_devices().count();
    assert_eq!(listed(&home.store.open(None, NOW).unwrap()), 1);
    made.revoke(1, NOW).unwrap();
    assert_eq!(listed(&home.store.open(None, NOW).unwrap()), 0);
    assert!(matches!(made.revoke(1, NOW).unwrap_err().fault(), StoreFault::Device(LinkError::NoDevice(1))));
}

#[test]
fn a_grant_needs_a_request_and_a_request_a_place_without_an_identity() {
    let place = Place::new();
    let mut made = place.store.create(&Protect::KeyFile, NOW).unwrap();
    assert!(matches!(place.store.request(&Protect::KeyFile).unwrap_err().fault(), StoreFault::Exists));
    let other = Place::new();
    let grant = made.link(&other.store.request(&Protect::KeyFile).unwrap(), NOW).unwrap();
    let third = Place::new();
    let nothing = third.store.join(&grant, None, NOW).unwrap_err();
    assert!(matches!(nothing.fault(), StoreFault::NothingPending));
    third.store.request(&Protect::KeyFile).unwrap();
    let wrong = third.store.join(&grant, None, NOW).unwrap_err();
    assert!(matches!(wrong.fault(), StoreFault::Device(_)), "{wrong}");
    other.store.join(&grant, None, NOW).unwrap();
}

#[test]
fn a_program_that_runs_for_long_forgets_past_prekeys_in_memory_and_in_the_file_and_sees_what_another_changed()
{
    let place = Place::new();
    let mut running = place.store.create(&Protect::KeyFile, NOW).unwrap();
    assert!(!running.reload(NOW).unwrap());
    let later = NOW + 2 * WEEK;
    assert!(running.reload(later).unwrap());
    let mut expected = running.secret().clone();
    assert!(!expected.advance(later), "nothing of the past is left");
    let mut other = place.store.open(None, later).unwrap();
    assert_eq!(*other.secret().encode(), *running.secret().encode());
    let request = Place::new().store.request(&Protect::KeyFile).unwrap();
    other.link(&request, later).unwrap();
    assert!(running.reload(later).unwrap() && !running.reload(later).unwrap());
    assert_eq!(running.secret().linked_devices().count(), 1);
}

/// The identity is put back in clear while it is open, and a device of it is revoked: that is written, and sealed as it was.
fn revokes_what_was_put_back_in_clear(protect: &Protect, passphrase: Option<&Passphrase>) {
    let place = Place::new();
    let mut home = place.store.create(protect, NOW).unwrap();
    add(&home, "alice", 1).unwrap();
    let other = Place::new();
    let request = other.store.request(&Protect::KeyFile).unwrap();
    home.link(&request, NOW).unwrap();
    fs::write(place.store.path(), &home.secret().encode()[..]).unwrap();
    home.revoke(1, NOW).unwrap();
    assert!(is_sealed(&fs::read(place.store.path()).unwrap()));
    let opened = place.store.open(passphrase, NOW).unwrap();
    assert_eq!(opened.secret().linked_devices().count(), 0, "the revocation was written");
    assert_eq!(opened.protection(), home.protection());
    assert!(!opened.was_in_clear());
    assert_eq!(names(&opened), ["alice"]);
    // A change of contacts leaves nothing in clear either.
    fs::write(place.store.path(), &home.secret().encode()[..]).unwrap();
    add(&opened, "bob", 2).unwrap();
    let opened = place.store.open(passphrase, NOW).unwrap();
    assert_eq!((names(&opened), opened.was_in_clear()), (vec!["alice".to_owned(), "bob".to_owned()], false));
}

#[test]
fn a_revocation_in_a_file_that_was_put_back_in_clear_is_written() {
    revokes_what_was_put_back_in_clear(&Protect::KeyFile, None);
    revokes_what_was_put_back_in_clear(&Protect::Keyring, None);
    revokes_what_was_put_back_in_clear(&by_phrase("correct horse"), Some(&phrase("correct horse")));
}
