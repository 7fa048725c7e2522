//! Contacts, their verification, and what protects the own identity, by the real program.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::common::{Running, failure, listener, program, run, server};

/// Somebody with an identity file of their own.
struct Person {
    folder: tempfile::TempDir,
}

impl Person {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn identity(&self) -> String {
        self.file("identity").to_str().unwrap().to_owned()
    }

    /// Runs the program with this identity.
    fn runs(&self, arguments: &[&str]) -> Output {
        run(&[arguments, &["--identity", &self.identity()]].concat())
    }

    /// The event that it tells; it must end well.
    fn tells(&self, arguments: &[&str]) -> Value {
        let output = self.runs(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", failure(&output).1);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What it shows people; it must end well.
    fn shows(&self, arguments: &[&str]) -> String {
        let output = self.runs(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", failure(&output).1);
        String::from_utf8(output.stdout).unwrap()
    }

    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        failure(&self.runs(arguments))
    }

    fn card(&self) -> String {
        text(&self.tells(&["id", "--server", "wss://example.org"]), "card")
    }

    fn fingerprint(&self) -> String {
        text(&self.tells(&["id"]), "fingerprint")
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {value}")).to_owned()
}

fn names(listed: &Value) -> Vec<&str> {
    listed["contacts"].as_array().unwrap().iter().map(|contact| contact["name"].as_str().unwrap()).collect()
}

#[test]
fn contacts_are_added_listed_renamed_and_removed_whatever_the_case() {
    let (alice, bob, carol) = (Person::new(), Person::new(), Person::new());
    assert!(alice.shows(&["contacts"]).contains("contacts add NAME CARD"));
    alice.tells(&["contacts", "add", "Bob", &bob.card()]);
    alice.tells(&["contacts", "add", "carol", &carol.card()]);
    assert_eq!(names(&alice.tells(&["contacts", "list"])), ["Bob", "carol"]);
    let shown = alice.tells(&["contacts", "show", "BOB"]);
    assert_eq!(text(&shown, "fingerprint"), bob.fingerprint());
    assert_eq!((&shown["trust"], &shown["last_call"]), (&Value::from("first-contact"), &Value::Null));
    alice.tells(&["contacts", "rename", "bob", "Robert"]);
    alice.tells(&["contacts", "remove", "Carol"]);
    assert_eq!(names(&alice.tells(&["contacts"])), ["Robert"]);
    let page = alice.shows(&["contacts", "show", "robert"]);
    assert!(page.contains("Trust:       not verified") && page.contains("wss://example.org"), "{page}");
}

#[test]
fn what_is_wrong_with_a_contact_is_told_with_what_to_do() {
    let (alice, bob) = (Person::new(), Person::new());
    let card = bob.card();
    alice.tells(&["contacts", "add", "bob", &card]);
    let (own, other) = (alice.card(), Person::new().card());
    for (line, code, says) in [
        (&["contacts", "add", "BOB", &other][..], 2, "taken"),
        (&["contacts", "add", "robert", &card], 2, "as `bob`"),
        (&["contacts", "add", "", &card], 2, "a name has"),
        (&["contacts", "add", "me", &own], 2, "own contact card"),
        (&["contacts", "add", "carol", "p2pvoip:x"], 5, "card"),
        (&["contacts", "show", "carol"], 2, "nobody is called `carol`"),
        (&["contacts", "remove", "carol"], 2, "nobody is called"),
        (&["contacts", "card", "bob", &other], 5, "somebody else"),
        (&["contacts", "introduce", "bob"], 2, "p2pvoip verify bob"),
        (&["contacts", "accept", "hello"], 5, "introduction"),
        (&["call", "carol"], 5, "nobody is called `carol`"),
        (&["verify", "bob", "hello"], 2, "48 hexadecimal digits"),
    ] {
        let (found, said) = alice.fails(line);
        assert_eq!(found, code, "{line:?}: {said}");
        assert!(said.contains(says), "{line:?}: {said}");
    }
    assert_eq!(failure(&run(&["contacts", "--throwaway"])).0, 2);
}

#[test]
fn a_fingerprint_from_the_others_screen_verifies_and_another_warns() {
    let (alice, bob, eve) = (Person::new(), Person::new(), Person::new());
    alice.tells(&["contacts", "add", "bob", &bob.card()]);
    let page = alice.shows(&["verify", "bob"]);
    assert!(page.contains(&bob.fingerprint()) && page.contains(&alice.fingerprint()), "{page}");
    let (code, said) = alice.fails(&["verify", "bob", &eve.fingerprint()]);
    assert!(code == 5 && said.contains("not the fingerprint of `bob`"), "{said}");
    // As it is shown, each group a word of the command line.
    let shown = bob.fingerprint();
    let line: Vec<&str> = ["verify", "bob"].into_iter().chain(shown.split(' ')).collect();
    assert_eq!(alice.tells(&line)["how"], "qr");
    assert_eq!(alice.tells(&["contacts", "show", "bob"])["trust"], "verified");
    assert_eq!(alice.tells(&["verify", "bob", "--forget"])["was_verified"], true);
    assert_eq!(alice.tells(&["verify", "bob", "--forget"])["was_verified"], false);
    assert_eq!(alice.tells(&["contacts", "show", "bob"])["trust"], "first-contact");
}

#[test]
fn a_card_of_a_new_key_is_taken_when_that_is_said_and_is_not_trusted_by_itself() {
    let (alice, bob, carol) = (Person::new(), Person::new(), Person::new());
    alice.tells(&["contacts", "add", "bob", &bob.card()]);
    alice.tells(&["contacts", "add", "carol", &carol.card()]);
    alice.tells(&["verify", "bob", &bob.fingerprint()]);
    let new = Person::new();
    let (code, said) = alice.fails(&["contacts", "card", "bob", &new.card()]);
    assert!(code == 5 && said.contains("--new-key"), "{said}");
    let (code, said) = alice.fails(&["contacts", "card", "bob", &carol.card(), "--new-key"]);
    assert!(code == 2 && said.contains("as `carol`"), "{said}");
    assert_eq!(alice.tells(&["contacts", "show", "bob"])["trust"], "verified");
    alice.tells(&["contacts", "card", "bob", &new.card(), "--new-key"]);
    let shown = alice.tells(&["contacts", "show", "bob"]);
    assert_eq!(
        (text(&shown, "fingerprint"), text(&shown, "trust")),
        (new.fingerprint(), "first-contact".to_owned())
    );
    alice.tells(&["verify", "bob", &new.fingerprint()]);
    assert_eq!(alice.tells(&["contacts", "show", "bob"])["trust"], "verified");
}

#[test]
fn a_scanned_code_compares_both_keys() {
    let (alice, bob, eve) = (Person::new(), Person::new(), Person::new());
    alice.tells(&["contacts", "add", "bob", &bob.card()]);
    bob.tells(&["contacts", "add", "alice", &alice.card()]);
    let code = text(&bob.tells(&["verify", "alice", "--qr"]), "code");
    assert_eq!(alice.tells(&["verify", "bob", &code])["both"], true);
    // Somebody in between had given Bob another card of Alice.
    bob.tells(&["contacts", "add", "alicia", &eve.card()]);
    let code = text(&bob.tells(&["verify", "alicia"]), "code");
    let (found, said) = alice.fails(&["verify", "bob", &code]);
    assert!(found == 5 && said.contains("another key for us"), "{said}");
    // The picture can be scanned: a code of 49 modules and its quiet zone, in half blocks.
    let picture = bob.shows(&["verify", "alice", "--qr"]);
    assert!(picture.lines().filter(|line| line.contains('▀')).count() > 20, "{picture}");
}

#[test]
fn names_and_cards_go_to_another_computer_without_trust() {
    let (alice, bob, other) = (Person::new(), Person::new(), Person::new());
    alice.tells(&["contacts", "add", "Bob", &bob.card()]);
    alice.tells(&["verify", "bob", &bob.fingerprint()]);
    let file = alice.file("contacts.json");
    std::fs::write(&file, alice.shows(&["contacts", "export"])).unwrap();
    let file = file.to_str().unwrap();
    let imported = other.tells(&["contacts", "import", file]);
    assert_eq!((imported["added"][0].as_str(), &imported["known"]), (Some("Bob"), &Value::from(0)));
    assert_eq!(other.tells(&["contacts", "show", "bob"])["trust"], "first-contact");
    assert_eq!(other.tells(&["contacts", "import", file])["known"], 1);
    for wrong in
        ["", "{}", r#"{"contacts": [{"name": "x"}]}"#, r#"{"contacts": [{"name": "x", "card": "y"}]}"#]
    {
        std::fs::write(file, wrong).unwrap();
        assert_eq!(other.fails(&["contacts", "import", file]).0, 3, "{wrong}");
    }
}

#[test]
fn a_contact_is_called_by_name() {
    let (_server, url) = server();
    let (listener, card) = listener(&url, &["--once", "--decline", "busy"]);
    let alice = Person::new();
    alice.tells(&["contacts", "add", "Bob at work", &card]);
    let (code, said) = alice.fails(&["call", "bob AT work", "--bind", "127.0.0.1"]);
    assert_eq!(code, 7, "{said}");
    assert_eq!(listener.code(), 7);
}

#[test]
fn a_call_is_noted_in_the_books_of_both_and_the_caller_is_named() {
    let (_server, url) = server();
    let (alice, bob) = (Person::new(), Person::new());
    let card = text(&bob.tells(&["id", "--server", &url]), "card");
    alice.tells(&["contacts", "add", "bob", &card]);
    bob.tells(&["contacts", "add", "alice", &alice.card()]);
    let (hers, his) = (alice.identity(), bob.identity());
    let line = ["listen", "--once", "--bind", "127.0.0.1", "--server", &url, "--identity", &his];
    let mut listening = Running::start(&line);
    listening.expect("listening");
    let mut calling = Running::start(&["call", "Bob", "--bind", "127.0.0.1", "--identity", &hers]);
    let incoming = listening.expect("incoming");
    assert_eq!(
        (&incoming["name"], &incoming["trust"]),
        (&Value::from("alice"), &Value::from("first-contact"))
    );
    calling.reach("connected");
    listening.reach("connected");
    // Statistics come after the state, and the book is written before they are read.
    calling.expect("stats");
    listening.expect("stats");
    calling.signal("-INT");
    assert_eq!((calling.code(), listening.code()), (0, 0));
    for (person, name) in [(&alice, "bob"), (&bob, "alice")] {
        let shown = person.tells(&["contacts", "show", name]);
        assert_eq!(shown["trust"], "known-key", "{shown}");
        assert!(shown["last_call"].is_u64(), "{shown}");
    }
    // Alice compared fingerprints with Bob, who trusts her: she introduces Carol, whom she verified too.
    let carol = Person::new();
    bob.tells(&["verify", "alice", &alice.fingerprint()]);
    assert_eq!(bob.tells(&["contacts", "show", "alice"])["trust"], "verified");
    alice.tells(&["contacts", "add", "carol", &carol.card()]);
    alice.tells(&["verify", "carol", &carol.fingerprint()]);
    let (code, said) = alice.fails(&["contacts", "introduce", "carol"]);
    assert!(code == 2 && said.contains("call them once"), "{said}");
    alice.tells(&["verify", "bob", &bob.fingerprint()]);
    let introduction = text(&alice.tells(&["contacts", "introduce", "bob"]), "introduction");
    carol.tells(&["contacts", "add", "bob", &card]);
    let (code, said) = carol.fails(&["contacts", "accept", &introduction]);
    assert!(code == 2 && said.contains("nobody in the contact book made"), "{said}");
}

/// The program with this passphrase in its environment.
fn with_phrase(person: &Person, phrase: &str, arguments: &[&str]) -> Output {
    let identity = person.identity();
    let line = [arguments, &["--json", "--identity", &identity]].concat();
    program(&line).env("P2PVOIP_PASSPHRASE", phrase).output().unwrap()
}

#[test]
fn a_passphrase_protects_identity_and_contacts() {
    let (alice, bob) = (Person::new(), Person::new());
    let card = bob.card();
    alice.tells(&["contacts", "add", "bob", &card]);
    let who = alice.fingerprint();
    std::fs::write(alice.file("new"), "correct horse\n").unwrap();
    let new = alice.file("new");
    let line = ["id", "protect", "passphrase", "--new-passphrase-file", new.to_str().unwrap()];
    assert_eq!(alice.tells(&line)["protection"], "passphrase");
    assert!(!alice.file("identity.key").exists());
    let (code, said) = alice.fails(&["id"]);
    assert!(code == 3 && said.contains("--passphrase-file") && said.contains("P2PVOIP_PASSPHRASE"), "{said}");
    let (code, said) = failure(&with_phrase(&alice, "wrong", &["id"]));
    assert!(code == 3 && said.contains("the passphrase is wrong"), "{said}");
    let shown = with_phrase(&alice, "correct horse", &["id"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((text(&shown, "fingerprint"), &shown["protection"]), (who, &Value::from("passphrase")));
    let listed = with_phrase(&alice, "correct horse", &["contacts"]);
    assert_eq!(names(&serde_json::from_slice(&listed.stdout).unwrap()), ["bob"]);
    let back = alice.tells(&["id", "protect", "key-file", "--passphrase-file", new.to_str().unwrap()]);
    assert_eq!(back["protection"], "key-file");
    assert_eq!(names(&alice.tells(&["contacts"])), ["bob"]);
}

/// Whether the secret 80 81 .. 9f stands anywhere in the folder in clear.
fn is_in_clear(folder: &Path) -> bool {
    let secret: Vec<u8> = (0x80..0xa0).collect();
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.any(|file| file.windows(32).any(|window| window == secret))
}

#[test]
fn an_old_identity_in_clear_is_sealed_with_a_note() {
    let alice = Person::new();
    let head = b"p2pvoip\x01".to_vec();
    let file = [head, (0x80..0xa0).collect(), vec![0xd6, 0xfc, 0x59, 0xec]].concat();
    std::fs::write(alice.file("identity"), file).unwrap();
    // Nobody else could read it, so the note is all that is told.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(alice.file("identity"), owner).unwrap();
    }
    let first = alice.runs(&["id"]);
    let (code, said) = failure(&first);
    assert_eq!((code, said.lines().count()), (0, 1), "{said}");
    assert!(said.starts_with("note: ") && said.contains("identity.key"), "{said}");
    assert!(!is_in_clear(alice.folder.path()));
    assert_eq!(failure(&alice.runs(&["id"])), (0, String::new()));
}

#[test]
fn a_key_file_can_be_kept_apart() {
    let alice = Person::new();
    let key = alice.file("stick");
    let key = key.to_str().unwrap();
    let made = alice.tells(&["id", "--key-file", key]);
    assert_eq!(alice.tells(&["id", "--key-file", key])["fingerprint"], made["fingerprint"]);
    let (code, said) = alice.fails(&["id"]);
    assert!(code == 3 && said.contains("key file"), "{said}");
}

#[test]
fn a_second_device_joins_calls_as_the_same_and_is_revoked() {
    let (home, other) = (Person::new(), Person::new());
    let who = home.fingerprint();
    let asked = other.tells(&["id", "join"]);
    let (request, code) = (text(&asked, "request"), text(&asked, "code"));
    assert_eq!(text(&other.tells(&["id", "join"]), "request"), request, "the request waits");
    let (found, said) = home.fails(&["id", "link", &request]);
    assert!(found == 2 && said.contains("--code"), "{said}");
    let (found, said) = home.fails(&["id", "link", &request, "--code", "0000 0000 0000 0000"]);
    assert!(found == 5 && said.contains("another code"), "{said}");
    let linked = home.tells(&["id", "link", &request, "--code", &code]);
    assert_eq!(linked["device"], 1);
    let joined = other.tells(&["id", "join", &text(&linked, "grant")]);
    assert_eq!((text(&joined, "fingerprint"), other.fingerprint()), (who.clone(), who));
    let devices = home.tells(&["id", "devices"]);
    assert_eq!((&devices["first"], text(&devices["linked"][0], "code")), (&Value::from(true), code));
    let devices = other.tells(&["id", "devices"]);
    assert_eq!((&devices["first"], &devices["this"]["device"]), (&Value::from(false), &Value::from(1)));
    assert_eq!(home.tells(&["id", "revoke", "1"])["device"], 1);
    let (found, said) = home.fails(&["id", "revoke", "1"]);
    assert!(found == 2 && said.contains("no device 1"), "{said}");
    assert_eq!(other.fails(&["id", "revoke", "0"]).0, 2);
}

#[test]
fn a_listener_keeps_its_identity_sealed_while_it_listens() {
    let (_server, url) = server();
    let alice = Person::new();
    let line =
        ["listen", "--identity", &alice.identity(), "--bind", "127.0.0.1", "--server", &url, "--for", "5"];
    let mut listening = Running::start(&line);
    listening.expect("listening");
    // Another program of the same person changes the store meanwhile.
    alice.tells(&["contacts", "add", "bob", &Person::new().card()]);
    listening.signal("-INT");
    assert_eq!(listening.code(), 0);
}

#[test]
fn a_linked_device_that_was_revoked_is_told_when_it_listens() {
    let (home, phone) = (Person::new(), Person::new());
    home.tells(&["id"]);
    let request = phone.tells(&["id", "join"]);
    let (text_of, code) = (text(&request, "request"), text(&request, "code"));
    let grant = text(&home.tells(&["id", "link", &text_of, "--code", &code]), "grant");
    phone.tells(&["id", "join", &grant]);
    let (_server, url) = server();
    let listens = |person: &Person| {
        let identity = person.identity();
        let line = ["listen", "--identity", &identity, "--bind", "127.0.0.1", "--server", &url];
        let mut listener = Running::start(&line);
        listener.expect("listening");
        listener
    };
    home.tells(&["id", "revoke", "1"]);
    let _home = listens(&home);
    let told = listens(&phone).expect("device-revoked");
    assert!(text(&told, "message").contains("p2pvoip id join"), "{told}");
}
