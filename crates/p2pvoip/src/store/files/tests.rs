//! Files of a store on a real file system: whole or not at all, for their owner, through no link.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const MOST: usize = 64;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn bytes(path: &Path) -> Vec<u8> {
    read(path, MOST).unwrap().unwrap().bytes.to_vec()
}

#[test]
fn what_is_written_is_read_and_replaced_and_only_its_owner_can() {
    let folder = folder();
    let path = folder.path().join("deep").join("file");
    let lock = lock(&path).unwrap();
    replace(&lock, &path, b"first").unwrap();
    replace(&lock, &path, b"second").unwrap();
    assert_eq!(bytes(&path), b"second");
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert!(!read(&path, MOST).unwrap().unwrap().is_exposed);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(read(&path, MOST).unwrap().unwrap().is_exposed);
    replace(&lock, &path, b"third").unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn nothing_is_left_beside_and_what_a_dead_writer_left_is_taken_away() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(beside(&path, ".part"), b"half of").unwrap();
    let lock = lock(&path).unwrap();
    replace(&lock, &path, b"whole").unwrap();
    assert_eq!(names(&folder), ["file", "file.lock"]);
    assert_eq!(bytes(&path), b"whole");
}

#[test]
fn no_link_is_followed_for_reading_writing_or_locking() {
    let folder = folder();
    let (target, path) = (folder.path().join("target"), folder.path().join("file"));
    fs::write(&target, b"of somebody").unwrap();
    symlink(&target, &path).unwrap();
    let held = lock(&path).unwrap();
    assert!(matches!(read(&path, MOST).map(|_| ()).unwrap_err().fault(), StoreFault::Link));
    assert!(matches!(replace(&held, &path, b"x").unwrap_err().fault(), StoreFault::Link));
    // A link in place of the temporary file is removed, not written through.
    fs::remove_file(&path).unwrap();
    symlink(&target, beside(&path, ".part")).unwrap();
    replace(&held, &path, b"x").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"of somebody");
    let other = folder.path().join("other");
    symlink(&target, beside(&other, ".lock")).unwrap();
    assert!(matches!(lock(&other).unwrap_err().fault(), StoreFault::Link));
}

#[test]
fn folders_and_devices_are_no_files() {
    let folder = folder();
    for path in [folder.path(), Path::new("/dev/zero")] {
        assert!(matches!(
            read(path, MOST).map(|_| ()).unwrap_err().fault(),
            StoreFault::NotAFile | StoreFault::Foreign
        ));
    }
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    let held = lock(&taken).unwrap();
    assert!(matches!(replace(&held, &taken, b"x").unwrap_err().fault(), StoreFault::NotAFile));
}

#[test]
fn a_missing_file_is_nothing_and_a_long_one_comes_cut() {
    let folder = folder();
    let path = folder.path().join("file");
    assert!(read(&path, MOST).unwrap().is_none());
    for (len, seen) in [(MOST, MOST), (MOST + 1, MOST + 1), (MOST + 500, MOST + 1)] {
        fs::write(&path, vec![7; len]).unwrap();
        assert_eq!(bytes(&path).len(), seen);
    }
}

#[test]
fn two_writers_are_kept_apart_and_the_second_gives_up_in_the_end() {
    let folder = folder();
    let path = folder.path().join("file");
    let first = lock(&path).unwrap();
    assert!(matches!(lock(&path).unwrap_err().fault(), StoreFault::Busy));
    drop(first);
    lock(&path).unwrap();
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    let error = lock(&file.join("below")).unwrap_err();
    assert!(matches!(error.fault(), StoreFault::Io { .. }), "{error}");
    assert!(error.to_string().contains("check the permissions"), "{error}");
}
