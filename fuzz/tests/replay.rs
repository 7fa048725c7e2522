//! Replays every file of every corpus through its body, and small changes of each.
//!
//! With `P2PVOIP_WRITE_CORPUS=1` the files of the seeds are written anew; that is due when a format has changed.
#![expect(clippy::expect_used, reason = "what these tests stand on has to be there")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use p2pvoip_core::Seed;
use p2pvoip_fuzz::mutate::mutate;
use p2pvoip_fuzz::{Body, TARGETS, seeds};

/// The largest file of a corpus in bytes.
const LARGEST: usize = 4_096;
/// Changes made to each file.
const CHANGES: u64 = 1_000;
/// Bodies that take long (a tenth of a millisecond and more), and the changes made to each of their files: a second each.
const DEAR: &[(&str, u64)] = &[
    ("cc-twcc", 100),
    ("crypto-bundle-interior", 250),
    ("crypto-device-grant", 300),
    ("crypto-epochs", 150),
    ("crypto-first-handshake", 500),
    ("crypto-forged-answer", 60),
    ("crypto-forged-offer", 100),
    ("crypto-gate", 400),
    ("crypto-gatekeeper", 300),
    ("crypto-identity-fields", 200),
    ("crypto-second-handshake", 80),
    ("crypto-succession", 200),
    ("crypto-upgrade", 40),
    ("dht-shelf", 300),
    ("engine-answer-payload", 40),
    ("engine-call", 25),
    ("engine-contacts-script", 100),
    ("engine-directory", 60),
    ("engine-offer-payload", 80),
    ("group-mesh", 200),
    ("group-packet", 200),
    ("group-proof", 400),
    ("media-receiver", 400),
    ("media-wav-file", 30),
    ("nat-agent", 200),
    ("nat-relay", 200),
    ("nat-stun-stranger", 400),
    ("rendezvous-hub", 400),
    ("signal-client", 400),
    ("signal-envelope", 400),
];

type Corpus = BTreeMap<String, Vec<u8>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn corpus(target: &str) -> Corpus {
    files(&folder().join(target))
        .map(|(name, path)| (name, fs::read(path).expect("a file can be read")))
        .collect()
}

/// What is in a folder: names and paths.
fn files(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = fs::read_dir(folder);
    assert!(entries.is_ok(), "{} cannot be read: write the corpus of every target", folder.display());
    entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().into_string().expect("names are ASCII"), entry.path()))
}

/// Says which bytes it was, when the body panics.
struct Running<'a> {
    target: &'a str,
    file: &'a str,
    bytes: &'a [u8],
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { target, file, bytes } = self;
            eprint!("{target} fails on what comes of {file}, in hexadecimal: ");
            bytes.iter().for_each(|byte| eprint!("{byte:02x}"));
            eprintln!();
        }
    }
}

fn run(target: &str, body: Body, file: &str, bytes: &[u8]) {
    let _running = Running { target, file, bytes };
    body(bytes);
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    for (index, (name, _)) in TARGETS.iter().enumerate() {
        assert!(TARGETS.iter().skip(index + 1).all(|(other, _)| other != name), "{name} is there twice");
        let corpus = corpus(name);
        assert!(corpus.keys().any(|file| file.starts_with("valid-")), "{name} has nothing that is valid");
        for (file, bytes) in corpus {
            assert!(bytes.len() <= LARGEST, "{name}/{file} has more than {LARGEST} bytes");
        }
    }
    for (name, _) in files(&folder()) {
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "corpus/{name} has no target");
    }
}

#[test]
fn the_corpora_hold_the_seeds_of_today() {
    let write = std::env::var_os("P2PVOIP_WRITE_CORPUS").is_some();
    for (name, _) in TARGETS {
        let folder = folder().join(name);
        for (file, bytes) in seeds::of(name) {
            if write {
                fs::create_dir_all(&folder).expect("a folder can be made");
                fs::write(folder.join(&file), &bytes).expect("a file can be written");
            }
            let held = fs::read(folder.join(&file)).ok();
            assert!(
                held.as_ref() == Some(&bytes),
                "corpus/{name}/{file} is not what the code makes: after a change of a format, run these tests with \
                 P2PVOIP_WRITE_CORPUS=1"
            );
        }
    }
}

#[test]
fn every_body_holds_on_every_file() {
    for (name, body) in TARGETS {
        for (file, bytes) in corpus(name) {
            run(name, *body, &file, &bytes);
        }
    }
}

/// Changes every file of the targets that are named after this crate.
fn change_all_of(krate: &str) {
    let targets: Vec<_> = TARGETS.iter().filter(|(name, _)| crate_of(name) == krate).collect();
    assert!(!targets.is_empty(), "{krate} has targets");
    for (name, body) in targets {
        let changes = DEAR.iter().find(|(dear, _)| dear == name).map_or(CHANGES, |(_, changes)| *changes);
        let corpus = corpus(name);
        let others: Vec<&Vec<u8>> = corpus.values().collect();
        let seed = Seed::from_u64(1).derive(name);
        for (file, bytes) in &corpus {
            let mut rng = seed.derive(file).rng();
            for _ in 0..changes {
                let other = others[usize::try_from(rng.below(others.len() as u64)).unwrap_or_default()];
                run(name, *body, file, &mutate(bytes, other, &mut rng));
            }
        }
    }
}

fn crate_of(target: &str) -> &str {
    target.split('-').next().unwrap_or_default()
}

/// A test for each crate, so that they run side by side, and one that none is left out.
macro_rules! changes {
    ($($krate:ident),*) => {
        $(mod $krate {
            #[test]
            fn holds_on_changes_of_every_file() {
                super::change_all_of(stringify!($krate));
            }
        })*

        #[test]
        fn the_files_of_every_crate_are_changed() {
            for (name, _) in TARGETS {
                assert!([$(stringify!($krate)),*].contains(&crate_of(name)), "{name} is left out");
            }
            for (dear, _) in DEAR {
                assert!(TARGETS.iter().any(|(name, _)| name == dear), "{dear} is no target");
            }
        }
    };
}

changes!(cc, crypto, dht, engine, group, media, nat, rendezvous, signal);
