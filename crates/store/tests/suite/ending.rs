//! What waits for the end of a transaction.

use crate::over_both;
use std::sync::{Arc, Mutex};
use store::{CommitError, CommitSeq, Store, Tx};

type Seen = Arc<Mutex<Vec<(&'static str, Option<u64>, bool)>>>;

/// Notes the end, and whether what the transaction wrote can be read by then.
fn note(store: &Store, tx: &mut Tx, seen: &Seen, name: &'static str) {
    let (seen, store) = (seen.clone(), store.clone());
    tx.on_end(move |seq: Option<CommitSeq>| {
        let readable = store::Read::get(&store.snapshot(), name.as_bytes()).unwrap().is_some();
        seen.lock().unwrap().push((name, seq.map(CommitSeq::number), readable));
    });
}

#[test]
fn each_end_is_told_once_and_in_time() {
    over_both(|store| {
        let seen = Seen::default();
        let mut tx = store.begin();
        tx.put("kept", "x");
        note(store, &mut tx, &seen, "kept");
        let seq = tx.commit().wait().unwrap().number();
        // Told before the acknowledgement, and of a state that can be read.
        assert_eq!(*seen.lock().unwrap(), [("kept", Some(seq), true)]);

        seen.lock().unwrap().clear();
        let mut tx = store.begin();
        tx.put("dropped", "x");
        note(store, &mut tx, &seen, "dropped");
        drop(tx);
        let mut reads = store.begin();
        note(store, &mut reads, &seen, "kept");
        let base = reads.base().number();
        reads.commit().wait().unwrap();
        assert_eq!(*seen.lock().unwrap(), [("dropped", None, false), ("kept", Some(base), true)]);
    });
}

#[test]
fn who_loses_is_told_so() {
    over_both(|store| {
        let seen = Seen::default();
        let mut loser = store.begin();
        loser.get(b"k").unwrap();
        loser.put("lost", "x");
        note(store, &mut loser, &seen, "lost");
        let mut winner = store.begin();
        winner.put("k", "x");
        winner.commit().wait().unwrap();
        assert_eq!(loser.commit().wait(), Err(CommitError::Conflict));
        assert_eq!(*seen.lock().unwrap(), [("lost", None, false)]);
    });
}

#[test]
fn a_savepoint_ends_what_came_after_it() {
    over_both(|store| {
        let seen = Seen::default();
        let mut tx = store.begin();
        tx.put("first", "x");
        note(store, &mut tx, &seen, "first");
        let savepoint = tx.savepoint();
        tx.put("second", "x");
        note(store, &mut tx, &seen, "second");
        tx.rollback_to(savepoint);
        assert_eq!(*seen.lock().unwrap(), [("second", None, false)]);
        let seq = tx.commit().wait().unwrap().number();
        assert_eq!(seen.lock().unwrap()[1..], [("first", Some(seq), true)]);
    });
}

#[test]
fn a_panic_is_nobody_elses_affair() {
    over_both(|store| {
        let mut tx = store.begin();
        tx.put("a", "x");
        tx.on_end(|_| panic!("a panic that the test wants"));
        tx.commit().wait().unwrap();
        let mut tx = store.begin();
        tx.put("b", "x");
        tx.commit().wait().unwrap();
    });
}
