//! Random interleavings of transactions on one thread, against a map and a naive rule for conflicts.

use crate::Folder;
use proptest::prelude::*;
use std::collections::BTreeMap;
use store::{CommitError, Direction, KeyRange, Store, Tx};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Begin(usize),
    Put(usize, u8, u8),
    Delete(usize, u8),
    Get(usize, u8),
    Scan(usize, u8, u8, bool),
    Commit(usize),
}

const OPEN: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (tx, key) = (0..OPEN, 0..8u8);
    prop::collection::vec(
        prop_oneof![
            tx.clone().prop_map(Step::Begin),
            (tx.clone(), key.clone(), any::<u8>()).prop_map(|(t, k, v)| Step::Put(t, k, v)),
            (tx.clone(), key.clone()).prop_map(|(t, k)| Step::Delete(t, k)),
            (tx.clone(), key.clone()).prop_map(|(t, k)| Step::Get(t, k)),
            (tx.clone(), key.clone(), key, any::<bool>()).prop_map(|(t, a, b, f)| Step::Scan(t, a, b, f)),
            tx.prop_map(Step::Commit),
        ],
        1..60,
    )
}

/// What the model knows of an open transaction: the state it began with, that state with its own writes, what it read.
struct Open {
    tx: Tx,
    base: Map,
    own: Map,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    read: Vec<KeyRange>,
}

impl Open {
    /// Whether what was read is different in `now`, or was written to what it was (`touched`).
    fn conflicts(&self, touched: &[(u64, Vec<u8>)], since: u64) -> bool {
        touched.iter().any(|(at, key)| *at > since && self.read.iter().any(|range| range.contains(key)))
    }
}

fn check(store: &Store, steps: Vec<Step>) {
    let mut state = Map::new();
    let mut touched: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut clock = 0u64;
    let mut open: Vec<Option<(u64, Open)>> = (0..OPEN).map(|_| None).collect();
    for step in steps {
        match step {
            Step::Begin(t) => {
                let model = Open {
                    tx: store.begin(),
                    base: state.clone(),
                    own: state.clone(),
                    writes: BTreeMap::new(),
                    read: vec![],
                };
                open[t] = Some((clock, model));
            }
            Step::Put(t, k, v) => {
                if let Some((_, m)) = &mut open[t] {
                    m.tx.put(vec![1, k], vec![v]);
                    m.own.insert(vec![1, k], vec![v]);
                    m.writes.insert(vec![1, k], Some(vec![v]));
                }
            }
            Step::Delete(t, k) => {
                if let Some((_, m)) = &mut open[t] {
                    m.tx.delete(vec![1, k]);
                    m.own.remove(&vec![1, k]);
                    m.writes.insert(vec![1, k], None);
                }
            }
            Step::Get(t, k) => {
                if let Some((_, m)) = &mut open[t] {
                    let key = vec![1, k];
                    assert_eq!(m.tx.get(&key).unwrap().map(|v| v.to_vec()), m.own.get(&key).cloned());
                    if !m.writes.contains_key(&key) {
                        m.read.push(KeyRange::between(key.clone(), [&key[..], &[0]].concat()));
                    }
                }
            }
            Step::Scan(t, a, b, forward) => {
                if let Some((_, m)) = &mut open[t] {
                    let range = KeyRange::between(vec![1, a], vec![1, b]);
                    let direction = if forward { Direction::Forward } else { Direction::Backward };
                    let seen: Vec<_> =
                        m.tx.scan(range.clone(), direction)
                            .map(|p| p.unwrap())
                            .map(|(k, v)| (k.to_vec(), v.to_vec()))
                            .collect();
                    let mut expected: Vec<_> = m
                        .own
                        .iter()
                        .filter(|(k, _)| range.contains(k))
                        .map(|(k, v)| (k.clone(), v.clone()))
                        .collect();
                    if !forward {
                        expected.reverse();
                    }
                    assert_eq!(seen, expected);
                    m.read.push(range);
                }
            }
            Step::Commit(t) => {
                let Some((since, m)) = open[t].take() else { continue };
                let conflicts = !m.writes.is_empty() && m.conflicts(&touched, since);
                match m.tx.commit().wait() {
                    Ok(_) => assert!(!conflicts, "committed over a conflict; base {:?}", m.base),
                    Err(CommitError::Conflict) => {
                        assert!(conflicts, "a conflict where there is none; base {:?}", m.base);
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                }
                clock += 1;
                for (key, value) in m.writes {
                    touched.push((clock, key.clone()));
                    match value {
                        Some(value) => drop(state.insert(key, value)),
                        None => drop(state.remove(&key)),
                    }
                }
            }
        }
    }
    let stored: Map = store
        .begin()
        .scan(KeyRange::all(), Direction::Forward)
        .map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap())
        .collect();
    assert_eq!(stored, state);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
    #[test]
    fn a_store_in_memory_is_the_model(steps in steps()) {
        check(&Store::memory(), steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]
    #[test]
    fn a_store_on_the_disk_is_the_model(steps in steps()) {
        let folder = Folder::unique();
        check(&folder.open(), steps);
    }
}
