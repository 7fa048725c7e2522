//! The store that holds the own identity and the contacts: made at first use, sealed, never overwritten.

use std::path::{Path, PathBuf};

use p2pvoip::Identity;
use p2pvoip::contacts::{Book, BookError};
use p2pvoip::store::{Opened, Passphrase, Protect, Store, StoreError, StoreFault};

use crate::args::Who;
use crate::clock;
use crate::environment::PASSPHRASE;
use crate::events;
use crate::exit::Failure;
use crate::passphrase;

/// The own identity, and where it comes from.
#[derive(Debug)]
pub(crate) struct Own {
    /// The identity.
    pub(crate) identity: Identity,
    /// Whether this run made it.
    pub(crate) is_new: bool,
    /// Where it is stored, unless it is thrown away.
    pub(crate) path: Option<PathBuf>,
    /// Its store, unless it is thrown away.
    pub(crate) store: Option<Opened>,
}

/// Loads the identity that the options name, or makes one, and says so.
pub(crate) fn own(who: &Who) -> Result<Own, Failure> {
    let own = own_untold(who)?;
    if let Some(path) = own.path.as_ref().filter(|_| own.is_new) {
        tell_made(path, &own.identity);
    }
    Ok(own)
}

/// The same for who says itself whether the identity is new.
pub(crate) fn own_untold(who: &Who) -> Result<Own, Failure> {
    if who.throwaway {
        let identity = p2pvoip::new_identity().map_err(|error| Failure::Internal(error.to_string()))?;
        return Ok(Own { identity, is_new: true, path: None, store: None });
    }
    let store = store(who)?;
    let (opened, is_new) = open_or_make(&store, who)?;
    let path = Some(store.path().to_owned());
    Ok(Own { identity: opened.identity(), is_new, path, store: Some(opened) })
}

/// The store that the options name; there is none of a throwaway identity.
pub(crate) fn opened(who: &Who) -> Result<Opened, Failure> {
    if who.throwaway {
        return Err(Failure::Usage("a throwaway identity keeps nothing; leave out --throwaway".into()));
    }
    let store = store(who)?;
    let (opened, is_new) = open_or_make(&store, who)?;
    if is_new {
        tell_made(store.path(), &opened.identity());
    }
    Ok(opened)
}

fn tell_made(path: &Path, identity: &Identity) {
    events::note(&format!("{}: a new identity was made, {}", path.display(), identity.fingerprint()));
}

/// The store that the options name, unopened.
pub(crate) fn store(who: &Who) -> Result<Store, Failure> {
    let path = match &who.identity {
        Some(path) => path.clone(),
        None => default_path(|name| std::env::var_os(name).map(PathBuf::from))?,
    };
    let store = Store::at(path);
    Ok(match &who.key_file {
        Some(path) => store.with_key_file(path),
        None => store,
    })
}

fn open_or_make(store: &Store, who: &Who) -> Result<(Opened, bool), Failure> {
    let given = passphrase::given(who.passphrase_file.as_deref())?;
    let now = clock::unix();
    let opened = with_passphrase(given.as_ref(), |phrase| store.open(phrase, now));
    let (opened, is_new) = match opened {
        Err(error) if error.is_missing() => match left_behind(store.path()) {
            Some(why) => return Err(Failure::file(store.path(), &why)),
            None => match store.create(&protection(given), now) {
                // Another process was faster.
                Err(error) if matches!(error.fault(), StoreFault::Exists) => {
                    (opened_again(store, who)?, false)
                }
                made => (made.map_err(failure)?, true),
            },
        },
        opened => (opened.map_err(failure)?, false),
    };
    for exposed in opened.exposed() {
        events::warning(&exposed.to_string());
    }
    if opened.was_in_clear() {
        events::note(&format!(
            "{}: stood in clear, and is sealed now; its key is in {}. `p2pvoip id protect` chooses another protection",
            store.path().display(),
            store.key_file().display()
        ));
    }
    Ok((opened, is_new))
}

/// Why no identity is made where there is none: what lies beside it belongs to another one.
fn left_behind(path: &Path) -> Option<String> {
    let lies = |ending: &str| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        Path::new(&beside).symlink_metadata().is_ok()
    };
    if lies(".pending") {
        return Some(
            "this device waits for a grant: `p2pvoip id join GRANT`; to make an identity of its own instead, move the \
             `.pending` file away"
                .to_owned(),
        );
    }
    let ending = [".contacts", ".backup"].into_iter().find(|ending| lies(ending))?;
    Some(format!(
        "the identity is gone, and its `{ending}` file is here; restore it from a backup, or move what lies beside it away \
         to begin with a new one"
    ))
}

fn opened_again(store: &Store, who: &Who) -> Result<Opened, Failure> {
    let given = passphrase::given(who.passphrase_file.as_deref())?;
    store.open(given.as_ref(), clock::unix()).map_err(failure)
}

/// What protects something new: the passphrase that was given, else a key file.
pub(crate) fn protection(given: Option<Passphrase>) -> Protect {
    given.map_or(Protect::KeyFile, Protect::Passphrase)
}

/// Does what may need the passphrase, and asks for it when none was given and somebody is there.
pub(crate) fn with_passphrase<T>(
    given: Option<&Passphrase>,
    act: impl Fn(Option<&Passphrase>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut done = act(given);
    for _ in 0..passphrase::TRIES {
        match &done {
            Err(error) if error.asks_for_passphrase() && given.is_none() && passphrase::can_ask() => {
                if matches!(error.fault(), StoreFault::Keystore(_)) {
                    events::warning(&error.fault().to_string());
                }
                let Ok(typed) = passphrase::ask("Passphrase: ") else { return done };
                done = act(Some(&typed));
            }
            _ => return done,
        }
    }
    done
}

/// Whose fault a fault of the store is.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
pub(crate) fn failure(error: StoreError) -> Failure {
    let (path, fault) = (error.path(), error.fault());
    let why = match fault {
        StoreFault::Book(error) => return of_book(path, error),
        StoreFault::Device(_) | StoreFault::NothingPending => return Failure::Usage(fault.to_string()),
        StoreFault::Missing => "there is no identity here; `p2pvoip id` makes one".to_owned(),
        StoreFault::PassphraseNeeded => {
            format!("is sealed by a passphrase; give it by --passphrase-file FILE or in {PASSPHRASE}")
        }
        StoreFault::Exists
        | StoreFault::Link
        | StoreFault::NotAFile
        | StoreFault::Foreign
        | StoreFault::Io { .. }
        | StoreFault::Busy
        | StoreFault::KeyFileMissing
        | StoreFault::Keyring(_)
        | StoreFault::Keystore(_)
        | StoreFault::Secret(_)
        | StoreFault::Randomness(_)
        | _ => fault.to_string(),
    };
    Failure::file(path, &why)
}

/// Whose fault it is that the contact book is not changed.
fn of_book(path: &Path, error: &BookError) -> Failure {
    if matches!(error, BookError::Damaged | BookError::UnknownForm(_)) {
        return Failure::file(path, error);
    }
    let is_trust = matches!(
        error,
        BookError::OtherFingerprint(_)
            | BookError::OtherPerson(_)
            | BookError::Pin(_)
            | BookError::Introduction(_)
    );
    let make = if is_trust { Failure::Card } else { Failure::Usage };
    make(error.to_string())
}

/// The contacts of a store.
pub(crate) fn contacts(opened: &Opened) -> Result<Book, Failure> {
    opened.contacts().map_err(failure)
}

/// Where the identity is kept when nothing else is said (XDG Base Directory Specification).
fn default_path(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, Failure> {
    let configuration = variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").filter(|path| path.is_absolute()).map(|home| home.join(".config")))
        .or_else(|| variable("APPDATA").filter(|path| path.is_absolute()));
    match configuration {
        Some(folder) => Ok(folder.join("p2pvoip").join("identity")),
        None => Err(Failure::Usage(
            "there is no home folder to keep the identity in; name a file by --identity, or use --throwaway"
                .into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path) -> Who {
        Who { identity: Some(path.to_owned()), throwaway: false, passphrase_file: None, key_file: None }
    }

    #[test]
    fn the_second_use_finds_what_the_first_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("identity");
        let first = own(&at(&path)).unwrap();
        let second = own(&at(&path)).unwrap();
        assert!(first.is_new && !second.is_new);
        assert_eq!(first.identity.fingerprint(), second.identity.fingerprint());
    }

    #[test]
    fn no_identity_is_made_beside_what_another_one_left() {
        for (ending, says) in [(".contacts", "gone"), (".backup", "gone"), (".pending", "id join GRANT")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("identity");
            std::fs::write(folder.path().join(format!("identity{ending}")), b"x").unwrap();
            for failure in [own(&at(&path)).unwrap_err(), opened(&at(&path)).unwrap_err()] {
                assert!(failure.code() == 3 && failure.to_string().contains(says), "{failure}");
            }
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_key_file_is_not_taken_for_an_identity_of_the_future() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        own(&at(&path)).unwrap();
        let failure = own(&at(&folder.path().join("identity.key"))).unwrap_err();
        assert!(failure.code() == 3 && failure.to_string().contains("is a key file"), "{failure}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("identity");
        own(&at(&path)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_damaged_file_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        own(&at(&path)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[90] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let failure = own(&at(&path)).unwrap_err();
        assert_eq!(failure.code(), 3);
        assert!(failure.to_string().contains("damaged"), "{failure}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_passphrase_that_is_given_protects_what_is_made_and_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, phrase) = (folder.path().join("identity"), folder.path().join("passphrase"));
        std::fs::write(&phrase, "correct horse\n").unwrap();
        let who = Who { passphrase_file: Some(phrase.clone()), ..at(&path) };
        let made = own(&who).unwrap();
        assert_eq!(made.store.unwrap().protection(), "passphrase");
        assert_eq!(own(&who).unwrap().identity.fingerprint(), made.identity.fingerprint());
        let failure = own(&at(&path)).unwrap_err();
        assert!(failure.code() == 3 && failure.to_string().contains("--passphrase-file"), "{failure}");
        std::fs::write(&phrase, "wrong\n").unwrap();
        let failure = own(&who).unwrap_err();
        assert!(failure.code() == 3 && failure.to_string().contains("passphrase is wrong"), "{failure}");
    }

    #[test]
    fn throwaway_identities_differ_and_have_no_store() {
        let who = || Who { identity: None, throwaway: true, passphrase_file: None, key_file: None };
        assert_ne!(own(&who()).unwrap().identity.fingerprint(), own(&who()).unwrap().identity.fingerprint());
        assert_eq!(opened(&who()).unwrap_err().code(), 2);
    }

    #[test]
    fn the_configuration_folder_comes_before_the_home_folder() {
        let path = |config: Option<&str>, home: Option<&str>| {
            default_path(|name| match name {
                "XDG_CONFIG_HOME" => config.map(PathBuf::from),
                "HOME" => home.map(PathBuf::from),
                _ => None,
            })
        };
        assert_eq!(path(Some("/c"), Some("/h")).unwrap(), Path::new("/c/p2pvoip/identity"));
        assert_eq!(path(Some("relative"), Some("/h")).unwrap(), Path::new("/h/.config/p2pvoip/identity"));
        assert_eq!(path(None, None).unwrap_err().code(), 2);
    }
}
