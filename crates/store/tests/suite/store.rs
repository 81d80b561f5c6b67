//! Reads, writes, scans, commits; opening, closing, forking.

use crate::{Folder, over_both};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{CommitError, Direction, KeyRange, OpenError, Options, Read, Slice, Store, StoreError};

fn set(store: &Store, pairs: &[(&str, &str)]) {
    let mut tx = store.begin();
    for (key, value) in pairs {
        tx.put(*key, *value);
    }
    tx.commit().wait().unwrap();
}

fn keys(scan: store::Scan<'_>) -> String {
    scan.map(|pair| String::from_utf8(pair.unwrap().0.to_vec()).unwrap()).collect::<Vec<_>>().join(" ")
}

fn text(value: Result<Option<Slice>, StoreError>) -> Option<String> {
    value.unwrap().map(|v| String::from_utf8(v.to_vec()).unwrap())
}

#[test]
fn what_is_committed_is_read() {
    over_both(|store| {
        set(store, &[("a", "1"), ("b", "2")]);
        assert_eq!(text(store.read(b"a")), Some("1".into()));
        let mut tx = store.begin();
        tx.put("a", "3");
        tx.delete("b");
        assert_eq!(text(tx.get(b"a")), Some("3".into()));
        assert_eq!(text(tx.get(b"b")), None);
        assert_eq!(text(store.read(b"a")), Some("1".into()), "not before the commit");
        tx.commit().wait().unwrap();
        assert_eq!(text(store.read(b"a")), Some("3".into()));
        assert_eq!(text(store.read(b"b")), None);
    });
}

#[test]
fn a_snapshot_stays_what_it_was() {
    over_both(|store| {
        set(store, &[("a", "1"), ("b", "2")]);
        let before = store.snapshot();
        for n in 0..50 {
            let mut tx = store.begin();
            tx.put("a", n.to_string());
            tx.delete("b");
            tx.commit().wait().unwrap();
        }
        assert_eq!(text(before.get(b"a")), Some("1".into()));
        assert_eq!(keys(before.scan(KeyRange::all(), Direction::Forward)), "a b");
        assert_eq!(keys(store.snapshot().scan(KeyRange::all(), Direction::Forward)), "a");
    });
}

#[test]
fn scans_in_both_directions_see_own_writes() {
    over_both(|store| {
        set(store, &[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", "")]);
        let mut tx = store.begin();
        tx.put("bb", "");
        tx.put("c", "new");
        tx.delete("d");
        tx.delete("never");
        for (range, forward, backward) in [
            (KeyRange::all(), "a b bb c e", "e c bb b a"),
            (KeyRange::prefix(b"b"), "b bb", "bb b"),
            (KeyRange::between(b"b", b"e"), "b bb c", "c bb b"),
            (KeyRange::between(b"bb", b"d"), "bb c", "c bb"),
            (KeyRange::all().after(b"b"), "bb c e", "e c bb"),
            (KeyRange::all().before(b"bb"), "a b", "b a"),
            (KeyRange::between(b"d", b"d"), "", ""),
            (KeyRange::between(b"e", b"a"), "", ""),
        ] {
            assert_eq!(keys(tx.scan(range.clone(), Direction::Forward)), forward, "{range:?}");
            assert_eq!(keys(tx.scan(range.clone(), Direction::Backward)), backward, "{range:?}");
        }
        let value = tx.scan(KeyRange::prefix(b"c"), Direction::Forward).next().unwrap().unwrap().1;
        assert_eq!(&value[..], b"new");
    });
}

#[test]
fn a_savepoint_takes_back_what_came_after() {
    over_both(|store| {
        let mut tx = store.begin();
        tx.put("kept", "1");
        tx.put("changed", "old");
        let outer = tx.savepoint();
        tx.put("changed", "new");
        let inner = tx.savepoint();
        tx.delete("kept");
        tx.put("added", "x");
        tx.rollback_to(inner);
        assert_eq!(text(tx.get(b"changed")), Some("new".into()));
        assert_eq!(keys(tx.scan(KeyRange::all(), Direction::Forward)), "changed kept");
        tx.rollback_to(outer);
        tx.commit().wait().unwrap();
        assert_eq!(text(store.read(b"changed")), Some("old".into()));
        assert_eq!(text(store.read(b"kept")), Some("1".into()));
    });
}

#[test]
fn appended_rows_lie_in_the_order_of_their_commits() {
    over_both(|store| {
        let mut late = store.begin();
        late.append("log/", "/late", "2");
        let mut early = store.begin();
        early.append("log/", "/b", "1b");
        early.append("log/", "/a", "1a");
        let kept = early.savepoint();
        early.append("log/", "/gone", "");
        early.rollback_to(kept);
        assert!(!early.is_read_only());
        assert_eq!(keys(early.scan(KeyRange::all(), Direction::Forward)), "");
        let mut reader = store.begin();
        assert_eq!(keys(reader.scan(KeyRange::prefix(b"log/"), Direction::Forward)), "");
        reader.put("x", "");
        let first = early.commit().wait().unwrap().number();
        assert_eq!(late.commit().wait().unwrap().number(), first + 1);
        assert_eq!(reader.commit().wait(), Err(CommitError::Conflict), "what is appended is written");
        let rows: Vec<_> = store
            .snapshot()
            .scan(KeyRange::prefix(b"log/"), Direction::Forward)
            .map(Result::unwrap)
            .collect();
        let row = |n: u64, after: &str| [b"log/", &n.to_be_bytes()[..], after.as_bytes()].concat();
        let found: Vec<_> = rows.iter().map(|(key, value)| (key.to_vec(), &value[..])).collect();
        assert_eq!(
            found,
            [(row(first, "/a"), &b"1a"[..]), (row(first, "/b"), b"1b"), (row(first + 1, "/late"), b"2")]
        );
    });
}

#[test]
fn commits_are_numbered_in_order_and_reads_cost_none() {
    over_both(|store| {
        set(store, &[("a", "1")]);
        let first = store.snapshot().seq();
        let tx = store.begin();
        tx.get(b"a").unwrap();
        assert!(tx.is_read_only());
        assert_eq!(tx.commit().wait(), Ok(first));
        let mut tx = store.begin();
        tx.put("a", "2");
        assert_eq!(tx.commit().wait().unwrap().number(), first.number() + 1);
    });
}

#[test]
fn what_is_beyond_a_limit_is_refused() {
    over_both(|store| {
        for (key, value, what) in [
            (vec![], vec![], "a key is empty"),
            (vec![0xFF, 1], vec![], "keys that begin with 0xFF are the store's own"),
            (vec![1; 16 * 1024 + 1], vec![], "a key is longer than 16 KiB"),
            (vec![1], vec![0; (16 << 20) + 1], "a value is longer than 16 MiB"),
        ] {
            let mut tx = store.begin();
            tx.put(key, value);
            assert_eq!(tx.commit().wait(), Err(CommitError::Refused(what)));
        }
        let mut tx = store.begin();
        for n in 0..5u8 {
            tx.put(vec![n], vec![n; 15 << 20]);
        }
        assert_eq!(tx.commit().wait(), Err(CommitError::Refused("it writes more than 64 MiB")));
        let mut tx = store.begin();
        tx.put(vec![1; 16 * 1024], vec![7; 1 << 20]);
        tx.commit().wait().unwrap();
        assert_eq!(store.read(&[1; 16 * 1024]).unwrap().unwrap().len(), 1 << 20);
        assert_eq!(store.read(b"").unwrap(), None);
    });
}

#[test]
fn the_store_s_own_keys_are_not_seen() {
    over_both(|store| {
        set(store, &[("a", "1")]);
        for range in [KeyRange::all(), KeyRange::prefix(b"\xff"), KeyRange::between(b"b", b"\xff\xff")] {
            let expected = usize::from(range == KeyRange::all());
            assert_eq!(store.snapshot().scan(range.clone(), Direction::Backward).count(), expected);
            assert_eq!(store.begin().scan(range, Direction::Forward).count(), expected);
        }
    });
}

#[test]
fn a_closed_store_refuses_commits_and_still_answers() {
    over_both(|store| {
        set(store, &[("a", "1")]);
        let mut tx = store.begin();
        tx.put("a", "2");
        store.close();
        assert_eq!(tx.commit().wait(), Err(CommitError::Closed));
        assert_eq!(text(store.read(b"a")), Some("1".into()));
    });
}

#[test]
fn run_tries_again_until_it_does_not_conflict() {
    over_both(|store| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let result: Result<(), CommitError> = store.run(|tx| {
                            let n: u64 = text(tx.get(b"n")).map_or(0, |n| n.parse().unwrap());
                            tx.put("n", (n + 1).to_string());
                            Ok(())
                        });
                        result.unwrap();
                    }
                });
            }
        });
        assert_eq!(text(store.read(b"n")), Some("200".into()));
    });
}

#[test]
fn a_slow_transaction_on_a_hot_key_is_not_starved() {
    over_both(|store| {
        let done = AtomicBool::new(false);
        let count = |store: &Store, pause: Duration| -> Result<(), CommitError> {
            store.run(|tx| {
                let n: u64 = text(tx.get(b"n")).map_or(0, |n| n.parse().unwrap());
                std::thread::sleep(pause);
                tx.put("n", (n + 1).to_string());
                Ok(())
            })
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        count(store, Duration::ZERO).unwrap();
                    }
                });
            }
            for _ in 0..3 {
                count(store, Duration::from_millis(10)).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn run_hands_the_body_s_error_through_and_writes_nothing() {
    over_both(|store| {
        let result = store.run(|tx| -> Result<(), CommitError> {
            tx.put("a", "1");
            Err(CommitError::Refused("by the body"))
        });
        assert_eq!(result, Err(CommitError::Refused("by the body")));
        assert_eq!(text(store.read(b"a")), None);
    });
}

#[test]
fn a_store_is_found_again_as_it_was_left() {
    let folder = Folder::unique();
    let store = folder.open();
    set(&store, &[("a", "1"), ("b", "2")]);
    let seq = store.snapshot().seq();
    drop(store);
    let store = folder.open();
    assert_eq!(store.snapshot().seq(), seq, "numbers go on across restarts");
    assert_eq!(text(store.read(b"b")), Some("2".into()));
    set(&store, &[("a", "3")]);
    assert_eq!(store.snapshot().seq().number(), seq.number() + 1);
}

#[test]
fn a_folder_in_use_is_refused_by_name() {
    let folder = Folder::unique();
    let store = folder.open();
    let dir = folder.path().to_owned();
    let error = Store::open(&dir, &Options::default()).unwrap_err();
    assert_eq!(error, OpenError::Locked { dir: dir.clone() });
    assert_eq!(
        error.to_string(),
        format!(
            "the data folder {} is in use by another process; stop that one, or choose another folder",
            dir.display()
        )
    );
    drop(store);
    folder.open();
}

#[test]
fn a_folder_of_another_format_is_left_alone() {
    let folder = Folder::unique();
    set(&folder.open(), &[("a", "1")]);
    std::fs::write(folder.path().join("format"), "virga store 9\n").unwrap();
    let error = Store::open(folder.path(), &Options::default()).unwrap_err();
    let what = "its format is not one that this version knows".to_owned();
    assert_eq!(error, OpenError::Damaged { dir: folder.path().to_owned(), what });
    std::fs::write(folder.path().join("format"), "virga store 1\n").unwrap();
    assert_eq!(text(folder.open().read(b"a")), Some("1".into()));
}

#[test]
fn a_fork_is_a_store_of_its_own() {
    let (folder, copy) = (Folder::unique(), Folder::unique());
    let store = folder.open();
    for round in 0..20 {
        let pairs: Vec<_> = (0..500).map(|n| (format!("{round}/{n}"), "x".repeat(100))).collect();
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        set(&store, &pairs);
    }
    store.fork(copy.path()).unwrap();
    set(&store, &[("a", "original")]);
    let fork = copy.open();
    assert_eq!(fork.snapshot().scan(KeyRange::all(), Direction::Forward).count(), 10_000);
    set(&fork, &[("a", "copy")]);
    assert_eq!(text(store.read(b"a")), Some("original".into()));
    drop(fork);
    assert_eq!(text(copy.open().read(b"a")), Some("copy".into()));
    let again = store.fork(copy.path()).unwrap_err().to_string();
    assert_eq!(again, format!("{} holds a store already", copy.path().display()));
    assert_eq!(
        Store::memory().fork(copy.path()).unwrap_err().to_string(),
        "a store in memory has no copy on a disk"
    );
}

#[test]
fn commits_resolve_as_futures() {
    over_both(|store| {
        let mut tx = store.begin();
        tx.put("a", "1");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let seq = runtime.block_on(tx.commit()).unwrap();
        assert_eq!(seq, store.snapshot().seq());
        let dropped = {
            let mut tx = store.begin();
            tx.put("b", "1");
            tx.commit()
        };
        drop(dropped);
        store.flush();
        assert_eq!(text(store.read(b"b")), Some("1".into()), "a dropped commit is not taken back");
    });
}
