//! Files that are not what the store left: opening and reading end in an error or in the right rows, never in a
//! panic or a hang, and never in wrong rows.

use crate::Folder;
use std::path::{Path, PathBuf};
use store::{Direction, KeyRange, OpenError, Options, Read, Store};

const ROWS: u32 = 3000;

fn value(n: u32) -> Vec<u8> {
    n.to_le_bytes().repeat(60)
}

/// A store with tables on more than one level, and a journal.
fn fill(dir: &Path) {
    let options = Options { write_buffer_bytes: 64 << 10, ..Options::default() };
    let store = Store::open(dir, &options).unwrap();
    for chunk in 0..ROWS / 50 {
        let mut tx = store.begin();
        for n in chunk * 50..(chunk + 1) * 50 {
            tx.put(n.to_be_bytes().to_vec(), value(n));
        }
        tx.commit().wait().unwrap();
    }
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if std::fs::metadata(&path).unwrap().len() > 0 {
            out.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    // The journal is laid out in advance: aim at what is written.
    let written = bytes.iter().rposition(|b| *b != 0).map_or(bytes.len(), |n| n + 1);
    for at in [written / 3, written / 2, written * 2 / 3] {
        bytes[at] ^= 0x55;
    }
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

#[derive(PartialEq, Debug)]
enum Outcome {
    Refused(String),
    /// It opened, and a read ended in an error.
    Unreadable,
    Whole,
    /// The worst: rows are gone and nothing says so.
    Silent(usize),
}

fn outcome(dir: &Path) -> Outcome {
    let store = match Store::open(dir, &Options::default()) {
        Ok(store) => store,
        Err(OpenError::Damaged { what, .. } | OpenError::Io { what, .. }) => return Outcome::Refused(what),
        Err(error) => panic!("{error}"),
    };
    let mut read = 0;
    for pair in store.snapshot().scan(KeyRange::all(), Direction::Forward) {
        let Ok((key, found)) = pair else { return Outcome::Unreadable };
        let n = u32::from_be_bytes(key[..].try_into().unwrap());
        assert_eq!(&found[..], &value(n)[..], "a wrong row");
        read += 1;
    }
    for n in (0..ROWS).step_by(97) {
        if let Ok(Some(found)) = store.read(&n.to_be_bytes()) {
            assert_eq!(&found[..], &value(n)[..], "a wrong row");
        }
    }
    if read == ROWS as usize { Outcome::Whole } else { Outcome::Silent(read) }
}

#[test]
fn damaged_files_are_an_error_or_do_no_harm() {
    let original = Folder::unique();
    fill(original.path());
    let mut all = Vec::new();
    files(original.path(), &mut all);
    assert!(all.len() > 5, "{all:?}");
    for file in &all {
        let within = file.strip_prefix(original.path()).unwrap().display().to_string();
        for (what, harm) in [("flip", flip as fn(&Path)), ("cut", cut), ("remove", remove)] {
            let damaged = Folder::unique();
            copy(original.path(), damaged.path());
            harm(&damaged.path().join(&within));
            let outcome = outcome(damaged.path());
            assert!(!matches!(outcome, Outcome::Silent(_)), "{what} {within}: {outcome:?}");
            if within.ends_with("jnl") && what == "remove" {
                let text = format!("its rows end at commit 0, and commit {} was on the disk; ", ROWS / 50);
                let expected = text + "to go on with what is left, remove the file `last`";
                assert_eq!(outcome, Outcome::Refused(expected));
            }
            if (&within[..], what) == ("format", "remove") {
                assert_eq!(outcome, Outcome::Refused("it holds rows, but no file `format`".to_owned()));
            }
        }
    }
    assert_eq!(outcome(original.path()), Outcome::Whole);
}
