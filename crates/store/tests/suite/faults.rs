//! What the sequencer makes of an engine that fails, by an engine that fails on command.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use store::engine::{Engine, EngineSize, View, Write};
use store::memory::MemoryEngine;
use store::{CommitError, EngineError, Store};

/// What the engine does with the next batch, or the next attempt to bring it back.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Next {
    Full,
    Halted,
    /// The error comes; the batch was applied all the same.
    TornButThere,
    TornAndGone,
    Broken,
    RecoverFull,
    RecoverLocked,
}

#[derive(Default)]
struct Script {
    next: Vec<Next>,
    batches: Vec<usize>,
    recoveries: usize,
}

struct Faulty {
    inner: MemoryEngine,
    script: Arc<Mutex<Script>>,
    /// Each batch waits for a word, where there is a gate.
    gate: Option<Receiver<()>>,
    witness: u64,
}

impl Engine for Faulty {
    fn snapshot(&mut self) -> Arc<dyn View> {
        self.inner.snapshot()
    }

    fn apply(&mut self, batch: &[Write], last: u64) -> Result<(), EngineError> {
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        let mut script = self.script.lock().unwrap();
        script.batches.push(batch.len());
        match script.next.pop() {
            None => {}
            Some(Next::Full) => return Err(EngineError::Full),
            Some(Next::Halted) => return Err(EngineError::Halted),
            Some(Next::TornButThere) => {
                self.inner.apply(batch, last)?;
                return Err(EngineError::Torn);
            }
            Some(Next::TornAndGone) => return Err(EngineError::Torn),
            Some(Next::Broken) => return Err(EngineError::Io("input/output error".to_owned())),
            Some(other) => panic!("{other:?} is not for a batch"),
        }
        self.inner.apply(batch, last)
    }

    fn witness(&self) -> u64 {
        self.witness
    }

    fn recover(&mut self) -> Result<(), EngineError> {
        let mut script = self.script.lock().unwrap();
        script.recoveries += 1;
        match script.next.last() {
            Some(Next::RecoverFull) => {
                script.next.pop();
                Err(EngineError::Full)
            }
            Some(Next::RecoverLocked) => Err(EngineError::Locked),
            _ => Ok(()),
        }
    }

    fn copy_to(&mut self, dir: &Path) -> Result<(), EngineError> {
        self.inner.copy_to(dir)
    }

    fn size(&self) -> EngineSize {
        self.inner.size()
    }
}

fn faulty(script: &[Next]) -> (Store, Arc<Mutex<Script>>) {
    let next = script.iter().rev().copied().collect();
    let script = Arc::new(Mutex::new(Script { next, ..Script::default() }));
    let engine = Faulty { inner: MemoryEngine::default(), script: script.clone(), gate: None, witness: 0 };
    (Store::start(Box::new(engine)).unwrap(), script)
}

fn put(store: &Store, key: &str) -> Result<(), CommitError> {
    let mut tx = store.begin();
    tx.get(key.as_bytes()).unwrap();
    tx.put(key, "x");
    tx.commit().wait().map(|_| ())
}

fn is_there(store: &Store, key: &str) -> bool {
    store.read(key.as_bytes()).unwrap().is_some()
}

#[test]
fn a_full_disk_fails_the_group_and_no_more() {
    let (store, script) = faulty(&[Next::Full]);
    let watch = store.watch(b"a");
    assert_eq!(put(&store, "a"), Err(CommitError::Full));
    assert!(!is_there(&store, "a"));
    assert_eq!(watch.generation(), 0, "nothing moved");
    assert_eq!(put(&store, "a"), Ok(()), "no conflict with what was never written");
    assert_eq!((watch.generation(), script.lock().unwrap().recoveries), (1, 0));
}

#[test]
fn a_torn_group_is_acknowledged_exactly_when_it_is_there() {
    let (store, script) = faulty(&[Next::TornButThere, Next::TornAndGone]);
    assert_eq!(put(&store, "a"), Ok(()));
    assert!(is_there(&store, "a"));
    assert_eq!(put(&store, "b"), Err(CommitError::Full));
    assert!(!is_there(&store, "b"));
    assert_eq!(put(&store, "b"), Ok(()));
    assert_eq!(script.lock().unwrap().recoveries, 2);
}

#[test]
fn a_torn_group_that_cannot_be_looked_up_is_unknown_until_the_engine_is_back() {
    let (store, _) = faulty(&[Next::TornButThere, Next::RecoverFull, Next::RecoverFull]);
    let unknown = CommitError::Unknown("no space left on the disk".to_owned());
    assert_eq!(put(&store, "a"), Err(unknown));
    let mut tx = store.begin();
    tx.put("b", "x");
    assert_eq!(tx.commit().wait(), Err(CommitError::Full), "it is still down; nothing was written");
    let mut tx = store.begin();
    tx.put("c", "x");
    tx.commit().wait().unwrap();
    assert!(is_there(&store, "a") && !is_there(&store, "b") && is_there(&store, "c"));
}

#[test]
fn a_halted_engine_is_brought_back_before_the_batch_is_written() {
    let (store, script) = faulty(&[Next::Halted]);
    assert_eq!(put(&store, "a"), Ok(()));
    let script = script.lock().unwrap();
    assert_eq!((script.recoveries, script.batches.len()), (1, 2));
    let (store, _) = faulty(&[Next::Halted, Next::Halted]);
    let halted = CommitError::Halted("an earlier write in the background failed".to_owned());
    assert_eq!(put(&store, "a"), Err(halted));
    assert_eq!(put(&store, "a"), Ok(()));
    let (store, script) = faulty(&[Next::Halted, Next::RecoverLocked]);
    let halted = CommitError::Halted("transactions still read the state before".to_owned());
    assert_eq!(put(&store, "a"), Err(halted));
    script.lock().unwrap().next.clear();
    let mut tx = store.begin();
    tx.put("a", "x");
    assert!(tx.commit().wait().is_ok());
}

#[test]
fn after_an_error_of_the_disk_nothing_is_accepted_any_more() {
    let (store, script) = faulty(&[Next::Broken]);
    put(&store, "a").unwrap_err();
    assert_eq!(put(&store, "b"), Err(CommitError::Poisoned("input/output error".to_owned())));
    assert_eq!(put(&store, "c"), Err(CommitError::Poisoned("input/output error".to_owned())));
    assert_eq!(script.lock().unwrap().batches.len(), 1, "a failed flush is never tried again");
    assert!(!is_there(&store, "a"), "reads go on from the last durable state");
    let (store, _) = faulty(&[Next::Broken]);
    assert_eq!(put(&store, "a"), Err(CommitError::Unknown("input/output error".to_owned())));
}

#[test]
fn rows_that_end_before_the_witness_are_refused() {
    let engine = Faulty { inner: MemoryEngine::default(), script: Arc::default(), gate: None, witness: 7 };
    assert_eq!(
        Store::start(Box::new(engine)).unwrap_err().to_string(),
        "its rows end at commit 0, and commit 7 was on the disk; to go on with what is left, remove the file `last`"
    );
}

#[test]
fn groups_are_bounded_and_commits_keep_their_order() {
    const COMMITS: u64 = 5000;
    let (open, gate): (Sender<()>, _) = channel();
    let script: Arc<Mutex<Script>> = Arc::default();
    let engine =
        Faulty { inner: MemoryEngine::default(), script: script.clone(), gate: Some(gate), witness: 0 };
    let store = Store::start(Box::new(engine)).unwrap();
    let commits: Vec<_> = (0..COMMITS)
        .map(|n| {
            let mut tx = store.begin();
            tx.put(n.to_be_bytes().to_vec(), "x");
            tx.put("last", n.to_be_bytes().to_vec());
            tx.commit()
        })
        .collect();
    drop(open);
    for (n, commit) in (1..).zip(commits) {
        assert_eq!(commit.wait().map(|seq| seq.number()), Ok(n));
    }
    let batches = script.lock().unwrap().batches.clone();
    // A group is 1,024 transactions with a key of their own each, the shared key, and the store's own.
    assert!(batches.len() >= 5 && batches.iter().all(|len| *len <= 1026), "{batches:?}");
    assert_eq!(store.read(b"last").unwrap().as_deref(), Some(&(COMMITS - 1).to_be_bytes()[..]));
}
