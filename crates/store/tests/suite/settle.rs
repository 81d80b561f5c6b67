//! A store that is left alone lets go of what it holds in memory, and nobody can tell.

use crate::{Folder, over_both};
use std::time::Duration;
use store::{Read, Store};

const ROWS: u64 = 4000;
/// Together several times what is not worth the while.
const ROW_BYTES: usize = 1000;

fn key(n: u64) -> String {
    format!("key-{n:08}")
}

fn fill(store: &Store, value: u8) {
    for first in (0..ROWS).step_by(500) {
        let mut tx = store.begin();
        (first..first + 500).for_each(|n| tx.put(key(n), vec![value; ROW_BYTES]));
        tx.commit().wait().unwrap();
    }
}

fn settled(store: &Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut steps = 0;
        while store.settle().await {
            steps += 1;
            assert!(steps < 500, "it never settles");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

fn holds(read: &dyn Read, value: u8) {
    for n in 0..ROWS {
        let row = read.get(key(n).as_bytes()).unwrap().unwrap();
        assert!(row.len() == ROW_BYTES && row.iter().all(|byte| *byte == value), "{n}");
    }
}

#[test]
fn settling_changes_nothing_that_is_read() {
    over_both(|store| {
        fill(store, 1);
        let (before, commits) = (store.snapshot(), store.stats().commits);
        fill(store, 2);
        let mut open = store.begin();
        assert!(open.get(key(0).as_bytes()).unwrap().is_some());
        let seq = store.stats().seq;
        settled(store);
        settled(store);
        holds(&before, 1);
        holds(&store.snapshot(), 2);
        // It is no commit, and in the way of none.
        assert_eq!((store.stats().seq, store.stats().commits), (seq, 2 * commits));
        open.put(key(0), vec![2; ROW_BYTES]);
        open.commit().wait().unwrap();
        holds(&store.snapshot(), 2);
    });
}

#[test]
fn what_waits_in_memory_is_let_go_of() {
    let folder = Folder::unique();
    let store = folder.open();
    fill(&store, 1);
    assert!(store.stats().size.write_buffer > 3 << 20);
    settled(&store);
    assert!(store.stats().size.write_buffer < 64 << 10, "{:?}", store.stats().size);
    holds(&store.snapshot(), 1);
    let cache = store.stats().size.cache;
    assert!(cache > 1 << 20, "{cache}");
    settled(&store);
    assert!(store.stats().size.cache < 1 << 20, "{:?}", store.stats().size);
    // What little is written is not worth a step.
    let mut tx = store.begin();
    tx.put("one", "more");
    tx.commit().wait().unwrap();
    let disk = store.stats().size.write_buffer;
    settled(&store);
    assert_eq!(store.stats().size.write_buffer, disk);
    drop(store);
    holds(&folder.open().snapshot(), 1);
}
