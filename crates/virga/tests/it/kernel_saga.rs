//! Sagas: all or nothing over several transactions, through failures and crashes.

use crate::fixture::{self, PARAMETERS, Parameter, cloud, key, parts, wire};
use crate::harness::{Cloud, START};
use base::{AccountId, Clock};
use kernel::saga::{self, Run, Saga, Step};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Store, Tx};

static THREE: Saga = Saga {
    name: "it/three",
    steps: &[
        Step { name: "a", act: |_, tx, run| act(tx, run, "a"), undo: |_, tx, run| undo(tx, run, "a") },
        Step { name: "b", act: |_, tx, run| act(tx, run, "b"), undo: |_, tx, run| undo(tx, run, "b") },
        Step { name: "c", act: |_, tx, run| act(tx, run, "c"), undo: |_, tx, run| undo(tx, run, "c") },
    ],
};

fn has(run: &Run, word: &str) -> bool {
    run.input.iter().any(|w| w == word)
}

fn bump(tx: &mut Tx, name: &str) {
    let version = fixture::find(tx, name).map_or(0, |p| p.version) + 1;
    PARAMETERS.put(tx, &key(name), &Parameter { value: name.into(), version });
}

fn act(tx: &mut Tx, run: &Run, step: &str) -> Result<(), String> {
    bump(tx, step);
    if has(run, &format!("{step} fails")) {
        return Err(format!("{step} failed"));
    }
    if has(run, &format!("{step} panics")) && fixture::find(tx, "safe").is_none() {
        panic!("the machine stopped in {step}");
    }
    Ok(())
}

fn undo(tx: &mut Tx, run: &Run, step: &str) -> Result<(), String> {
    PARAMETERS.delete(tx, &key(step));
    let stuck = has(run, &format!("undoing {step} fails")) && fixture::find(tx, "safe").is_none();
    if stuck { Err("not yet".into()) } else { Ok(()) }
}

fn begin(cloud: &Cloud, id: &str, input: &[&str]) {
    let run = Run {
        saga: "it/three".into(),
        id: id.into(),
        account: AccountId::parse("123456789012").unwrap(),
        region: "us-east-1".into(),
        input: input.iter().map(|w| (*w).to_owned()).collect(),
        ..Run::default()
    };
    let mut tx = cloud.cloud.store().begin();
    saga::begin(&mut tx, &run);
    tx.commit().wait().unwrap();
}

fn resume(cloud: &Cloud) -> Result<(), String> {
    let sagas = cloud.cloud.reconcilers().iter().find(|r| r.name() == "sagas").unwrap();
    sagas.run(&cloud.cloud).map(|_| ())
}

fn with_saga(store: Store) -> Cloud {
    let mut parts = parts();
    parts.sagas.push(&THREE);
    wire(store, Clock::frozen(START), true, parts)
}

#[test]
fn each_step_in_its_turn() {
    let cloud = with_saga(Store::memory());
    begin(&cloud, "run", &[]);
    assert_eq!(resume(&cloud), Ok(()));
    assert_eq!(fixture::all(&cloud.cloud), ["a", "b", "c"]);
    assert_eq!(resume(&cloud), Ok(()));
    assert_eq!(fixture::find(&cloud.cloud.store().snapshot(), "a").unwrap().version, 1, "and once");
}

#[test]
fn whichever_step_fails_nothing_is_left() {
    for step in ["a", "b", "c"] {
        let cloud = with_saga(Store::memory());
        begin(&cloud, "run", &[&format!("{step} fails")]);
        assert_eq!(resume(&cloud), Ok(()), "{step}");
        assert_eq!(fixture::all(&cloud.cloud), Vec::<String>::new(), "{step}");
        assert_eq!(resume(&cloud), Ok(()), "{step}");
    }
}

#[test]
fn after_a_crash_it_goes_on_where_it_was() {
    for (input, left) in
        [(vec!["b panics"], vec!["a", "b", "c", "safe"]), (vec!["b panics", "c fails"], vec!["safe"])]
    {
        let store = Store::memory();
        let cloud = with_saga(store.clone());
        begin(&cloud, "run", &input);
        let crashed = catch_unwind(AssertUnwindSafe(|| resume(&cloud)));
        assert!(crashed.is_err());
        assert_eq!(fixture::all(&cloud.cloud), ["a"], "what was committed before the crash");
        let mut tx = store.begin();
        bump(&mut tx, "safe");
        tx.commit().wait().unwrap();
        let again = with_saga(store);
        assert_eq!(resume(&again), Ok(()));
        assert_eq!(fixture::all(&again.cloud), left);
        if left.len() > 1 {
            assert_eq!(fixture::find(&again.cloud.store().snapshot(), "a").unwrap().version, 1);
        }
    }
}

#[test]
fn an_undo_that_fails_is_tried_again() {
    let cloud = with_saga(Store::memory());
    begin(&cloud, "run", &["c fails", "undoing b fails"]);
    assert_eq!(resume(&cloud), Err("it/three: undoing b: not yet".into()));
    assert_eq!(fixture::all(&cloud.cloud), ["a", "b"]);
    let mut tx = cloud.cloud.store().begin();
    bump(&mut tx, "safe");
    tx.commit().wait().unwrap();
    assert_eq!(resume(&cloud), Ok(()));
    assert_eq!(fixture::all(&cloud.cloud), ["safe"]);
}

#[test]
fn an_undo_that_fails_for_good_is_given_up_after_five_tries() {
    let cloud = with_saga(Store::memory());
    begin(&cloud, "run", &["c fails", "undoing b fails"]);
    for n in 1..5 {
        assert_eq!(resume(&cloud), Err("it/three: undoing b: not yet".into()), "try {n}");
    }
    assert_eq!(resume(&cloud), Ok(()));
    assert_eq!(fixture::all(&cloud.cloud), ["b"], "the step before it is undone all the same");
}

#[test]
fn one_that_is_stuck_does_not_hold_up_the_others() {
    let cloud = with_saga(Store::memory());
    begin(&cloud, "1-stuck", &["b fails", "undoing a fails"]);
    begin(&cloud, "2-fine", &[]);
    assert_eq!(resume(&cloud), Err("it/three: undoing a: not yet".into()));
    assert_eq!(fixture::all(&cloud.cloud), ["a", "b", "c"]);
}

#[test]
fn a_saga_that_nobody_knows_is_kept_and_named() {
    let unknown = cloud(parts());
    begin(&unknown, "run", &[]);
    assert_eq!(resume(&unknown), Err("no saga is called it/three".into()));
    let known = with_saga(unknown.cloud.store().clone());
    assert_eq!(resume(&known), Ok(()));
    assert_eq!(fixture::all(&known.cloud), ["a", "b", "c"]);
    assert_eq!(Arc::strong_count(&known.cloud), 1);
}
