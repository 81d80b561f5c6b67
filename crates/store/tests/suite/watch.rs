//! Watches.

use crate::over_both;
use std::time::Duration;
use store::{Store, Watch};

fn put(store: &Store, key: &str) {
    let mut tx = store.begin();
    tx.put(key, "x");
    tx.commit().wait().unwrap();
}

#[test]
fn a_watch_moves_with_what_lies_below_it() {
    over_both(|store| {
        let watches: Vec<Watch> = ["", "a", "ab", "b"].iter().map(|p| store.watch(p.as_bytes())).collect();
        let moved = |key: &str| -> Vec<u64> {
            let before: Vec<u64> = watches.iter().map(Watch::generation).collect();
            put(store, key);
            watches.iter().zip(before).map(|(w, b)| w.generation() - b).collect()
        };
        assert_eq!(moved("abc"), [1, 1, 1, 0]);
        assert_eq!(moved("a"), [1, 1, 0, 0]);
        assert_eq!(moved("b"), [1, 0, 0, 1]);
        assert_eq!(moved("c"), [1, 0, 0, 0]);
        let mut tx = store.begin();
        tx.put("b", "y");
        drop(tx);
        assert_eq!(watches[3].generation(), 1, "nothing moves without a commit");
        assert_eq!(store.watch(b"b").generation(), 1, "the same prefix shares its counter");
    });
}

#[test]
fn an_acknowledged_commit_has_already_moved_the_watch() {
    over_both(|store| {
        let watch = store.watch(b"k");
        for n in 1..=100 {
            put(store, "k");
            assert_eq!(watch.generation(), n);
        }
    });
}

#[test]
fn waiting_ends_with_the_change_or_the_timeout() {
    over_both(|store| {
        let watch = store.watch(b"k");
        assert_eq!(watch.wait_timeout(0, Duration::from_millis(5)), 0);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watch.wait_timeout(0, Duration::from_secs(60)));
            put(store, "k");
            assert_eq!(waiting.join().unwrap(), 1);
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(watch.changed(0)), 1, "already beyond");
        let changed = watch.changed(1);
        let store = store.clone();
        let writer = std::thread::spawn(move || put(&store, "kk"));
        assert_eq!(runtime.block_on(changed), 2);
        writer.join().unwrap();
    });
}

#[test]
fn many_watches_come_and_go() {
    let store = Store::memory();
    let kept = store.watch(b"kept");
    for n in 0..5000u32 {
        drop(store.watch(&n.to_be_bytes()));
    }
    put(&store, "kept/1");
    assert_eq!(kept.generation(), 1);
}
