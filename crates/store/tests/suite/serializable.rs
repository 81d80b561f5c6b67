//! The anomalies that serializability forbids, and a checker over random histories.

use crate::over_both;
use base::Rng;
use std::collections::BTreeMap;
use std::sync::Mutex;
use store::{CommitError, CommitSeq, Direction, KeyRange, Store, Tx};

fn number(tx: &Tx, key: &[u8]) -> i64 {
    tx.get(key).unwrap().map_or(0, |v| i64::from_be_bytes(v[..].try_into().unwrap()))
}

fn set(tx: &mut Tx, key: &[u8], n: i64) {
    tx.put(key, n.to_be_bytes().to_vec());
}

fn committed(tx: Tx) -> Result<(), CommitError> {
    tx.commit().wait().map(|_| ())
}

/// Runs two bodies on the same state and commits them in order; what the second is told.
fn second(store: &Store, first: impl Fn(&mut Tx), second: impl Fn(&mut Tx)) -> Result<(), CommitError> {
    let (mut a, mut b) = (store.begin(), store.begin());
    first(&mut a);
    second(&mut b);
    committed(a).unwrap();
    committed(b)
}

#[test]
fn anomalies() {
    let scan = |tx: &Tx, range: KeyRange| tx.scan(range, Direction::Forward).count();
    over_both(|store| {
        let read_write = |read: &'static [u8], write: &'static [u8]| {
            move |tx: &mut Tx| {
                number(tx, read);
                set(tx, write, 1);
            }
        };
        // Lost update: both read and write x.
        assert_eq!(second(store, read_write(b"x", b"x"), read_write(b"x", b"x")), Err(CommitError::Conflict));
        // Write skew: each reads what the other writes.
        assert_eq!(second(store, read_write(b"x", b"y"), read_write(b"y", b"x")), Err(CommitError::Conflict));
        // A read of a key that was not there counts too.
        assert_eq!(
            second(store, read_write(b"0", b"none"), read_write(b"none", b"z")),
            Err(CommitError::Conflict)
        );
        // Phantom: a key appears in a range that was scanned.
        let phantom = second(
            store,
            |tx| set(tx, b"p5", 1),
            |tx| {
                scan(tx, KeyRange::prefix(b"p"));
                set(tx, b"q", 1);
            },
        );
        assert_eq!(phantom, Err(CommitError::Conflict));
        // A deletion within a range, read backwards.
        let deleted = second(
            store,
            |tx| tx.delete("p5"),
            |tx| {
                tx.scan(KeyRange::prefix(b"p"), Direction::Backward).for_each(drop);
                set(tx, b"q", 1);
            },
        );
        assert_eq!(deleted, Err(CommitError::Conflict));
    });
}

#[test]
fn what_was_not_read_does_not_conflict() {
    over_both(|store| {
        // Blind writes to one key.
        assert_eq!(second(store, |tx| set(tx, b"x", 1), |tx| set(tx, b"x", 2)), Ok(()));
        assert_eq!(number(&store.begin(), b"x"), 2);
        // A key that the transaction itself had written before it read it.
        let own = second(
            store,
            |tx| set(tx, b"x", 3),
            |tx| {
                set(tx, b"x", 4);
                number(tx, b"x");
            },
        );
        assert_eq!(own, Ok(()));
        // A scan that stopped early has not read what lies behind.
        for n in 0..10u8 {
            let mut tx = store.begin();
            set(&mut tx, &[b's', n], 1);
            committed(tx).unwrap();
        }
        for (direction, written, expected) in [
            (Direction::Forward, 5, Ok(())),
            (Direction::Forward, 2, Err(CommitError::Conflict)),
            (Direction::Forward, 0, Err(CommitError::Conflict)),
            (Direction::Backward, 5, Ok(())),
            (Direction::Backward, 7, Err(CommitError::Conflict)),
            (Direction::Backward, 9, Err(CommitError::Conflict)),
        ] {
            let outcome = second(
                store,
                |tx| set(tx, &[b's', written], 2),
                |tx| {
                    tx.scan(KeyRange::prefix(b"s"), direction).take(3).for_each(drop);
                    set(tx, b"elsewhere", 1);
                },
            );
            assert_eq!(outcome, expected, "{direction:?} {written}");
        }
        // A reader alone never conflicts.
        let outcome = second(store, |tx| set(tx, b"x", 1), |tx| assert_eq!(number(tx, b"x"), 4));
        assert_eq!(outcome, Ok(()));
    });
}

#[test]
fn a_transaction_that_outlives_a_restart_of_the_window_conflicts_rather_than_guesses() {
    over_both(|store| {
        let mut old = store.begin();
        number(&old, b"x");
        for n in 0..300 {
            let mut tx = store.begin();
            set(&mut tx, b"x", n);
            committed(tx).unwrap();
        }
        set(&mut old, b"y", 1);
        assert_eq!(committed(old), Err(CommitError::Conflict));
    });
}

#[test]
fn transfers_keep_the_sum() {
    const ACCOUNTS: u64 = 10;
    over_both(|store| {
        let mut tx = store.begin();
        for n in 0..ACCOUNTS {
            set(&mut tx, &n.to_be_bytes(), 100);
        }
        committed(tx).unwrap();
        let sum = |tx: &Tx| -> i64 {
            tx.scan(KeyRange::all(), Direction::Forward)
                .map(|pair| i64::from_be_bytes(pair.unwrap().1[..].try_into().unwrap()))
                .sum()
        };
        std::thread::scope(|scope| {
            for seed in 0..6 {
                scope.spawn(move || {
                    let rng = Rng::seeded(seed);
                    for _ in 0..60 {
                        let (from, to) =
                            (rng.below(ACCOUNTS).to_be_bytes(), rng.below(ACCOUNTS).to_be_bytes());
                        let amount = rng.below(20) as i64;
                        let moved: Result<(), CommitError> = store.run(|tx| {
                            let balance = number(tx, &from);
                            if balance >= amount {
                                set(tx, &from, balance - amount);
                                let other = number(tx, &to);
                                set(tx, &to, other + amount);
                            }
                            Ok(())
                        });
                        moved.unwrap();
                        assert_eq!(sum(&store.begin()), 1000, "a reader sees a half of a transfer");
                    }
                });
            }
        });
        assert_eq!(sum(&store.begin()), 1000);
    });
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// One transaction of a history: what it saw and what it wrote.
#[derive(Debug)]
struct Done {
    reads: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ranges: Vec<(KeyRange, Pairs)>,
    writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn random_transaction(store: &Store, rng: &Rng, stamp: u64) -> Option<(CommitSeq, Done)> {
    let key = || vec![b'k', rng.below(12) as u8];
    let mut tx = store.begin();
    let mut done = Done { reads: vec![], ranges: vec![], writes: vec![] };
    for step in 0..1 + rng.below(5) {
        match rng.below(4) {
            0 => {
                let key = key();
                let own = done.writes.iter().any(|(k, _)| *k == key);
                let value = tx.get(&key).unwrap().map(|v| v.to_vec());
                if !own {
                    done.reads.push((key, value));
                }
            }
            1 if done.writes.is_empty() => {
                let range = KeyRange::between(key(), key());
                let direction = if rng.below(2) == 0 { Direction::Forward } else { Direction::Backward };
                let mut seen: Vec<_> = tx
                    .scan(range.clone(), direction)
                    .map(|p| p.unwrap())
                    .map(|(k, v)| (k.to_vec(), v.to_vec()))
                    .collect();
                seen.sort();
                done.ranges.push((range, seen));
            }
            2 => {
                let key = key();
                tx.delete(key.clone());
                done.writes.push((key, None));
            }
            _ => {
                let (key, value) = (key(), (stamp * 16 + step).to_be_bytes().to_vec());
                tx.put(key.clone(), value.clone());
                done.writes.push((key, Some(value)));
            }
        }
    }
    if done.writes.is_empty() {
        return None;
    }
    match tx.commit().wait() {
        Ok(seq) => Some((seq, done)),
        Err(CommitError::Conflict) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_history_is_as_if_run_one_by_one_in_the_order_of_its_commits() {
    over_both(|store| {
        let history = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for worker in 0..6u64 {
                let history = &history;
                scope.spawn(move || {
                    let rng = Rng::seeded(1000 + worker);
                    for n in 0..150 {
                        if let Some((seq, done)) = random_transaction(store, &rng, worker * 1000 + n) {
                            assert!(
                                history.lock().unwrap().insert(seq, done).is_none(),
                                "a number given twice"
                            );
                        }
                    }
                });
            }
        });
        let history = history.into_inner().unwrap();
        assert!(history.len() > 100, "only {} commits", history.len());
        let mut state: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for (seq, done) in history {
            for (key, value) in &done.reads {
                assert_eq!(state.get(key), value.as_ref(), "{seq:?} {done:?}");
            }
            for (range, seen) in &done.ranges {
                let expected: Vec<_> = state
                    .iter()
                    .filter(|(k, _)| range.contains(k))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                assert_eq!(*seen, expected, "{seq:?} {done:?}");
            }
            for (key, value) in done.writes {
                match value {
                    Some(value) => drop(state.insert(key, value)),
                    None => drop(state.remove(&key)),
                }
            }
        }
        let stored: BTreeMap<_, _> = store
            .begin()
            .scan(KeyRange::all(), Direction::Forward)
            .map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap())
            .collect();
        assert_eq!(stored, state);
    });
}
