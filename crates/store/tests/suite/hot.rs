//! Rows that are read often are kept beside the engine, and nobody can tell.

use crate::over_both;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{CommitError, Read, Snapshot};

const KEYS: u64 = 8;
const COMMITS: u64 = 400;

fn key(n: u64) -> String {
    format!("key-{n}")
}

/// By rows kept, and by the engine alone.
fn both_ways(snapshot: &Snapshot, key: &str) {
    let known = snapshot.get(key.as_bytes()).unwrap();
    assert_eq!(known, snapshot.past().get(key.as_bytes()).unwrap(), "{key} in {snapshot:?}");
}

#[test]
fn a_state_is_the_same_by_whichever_way_it_is_read() {
    over_both(|store| {
        let done = AtomicBool::new(false);
        let until_done = |work: &mut dyn FnMut()| {
            while !done.load(Ordering::Relaxed) {
                work();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut states: Vec<Snapshot> = Vec::new();
                    until_done(&mut || {
                        states.push(store.snapshot());
                        // Also by readers that come late.
                        for snapshot in &states {
                            (0..KEYS).for_each(|n| both_ways(snapshot, &key(n)));
                        }
                        if states.len() == 4 {
                            states.remove(0);
                        }
                    });
                });
            }
            for commit in 0..COMMITS {
                let written = store.run(|tx| {
                    let key = key(commit % KEYS);
                    match commit % 5 {
                        4 => tx.delete(key),
                        _ => tx.put(key, format!("{commit}")),
                    }
                    Ok::<_, CommitError>(())
                });
                written.unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        (0..KEYS).for_each(|n| both_ways(&store.snapshot(), &key(n)));
    });
}
