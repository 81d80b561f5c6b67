//! Sagas: work of several steps that each commit on their own, and that is undone step by step where one fails.
//!
//! A [`Saga`] is a list of named steps, each with its undo. Its progress is a record, so that after a crash it goes
//! on where it was: a step that had begun runs again, hence steps and undos are idempotent. One that is being undone
//! is undone to its start.

use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::{AccountId, Timestamp};
use std::sync::Arc;
use store::{CommitError, Direction, Key, Table, Tx};

/// One kind of multi-step work.
#[derive(Debug)]
pub struct Saga {
    /// Unique; stored with each run, so it must not change.
    pub name: &'static str,
    pub steps: &'static [Step],
}

/// Acts within one transaction, from the run's own input; may call operations through the cloud's front door.
pub type Act = fn(&Arc<Cloud>, &mut Tx, &Run) -> Result<(), String>;

/// What is done and how it is taken back.
#[derive(Debug)]
pub struct Step {
    pub name: &'static str,
    pub act: Act,
    pub undo: Act,
}

store::record! {
    /// One run of a saga.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Run {
        1 => pub saga: String,
        /// The run's id, under which the service that began it knows it.
        2 => pub id: String,
        3 => pub account: AccountId,
        4 => pub region: String,
        /// Whatever the steps need, in the words of the service that wrote it.
        5 => pub input: Vec<String>,
        /// Steps that are done.
        6 => pub done: u32,
        /// Set once a step has failed: from then on the done steps are undone.
        7 => pub failure: Option<String>,
        /// How often the undo that is now to run has failed.
        8 => pub attempts: u32,
    }
}

const RUNS: Table<Run> = Table::new(0x0004, "kernel/sagas");

/// An undo that fails this often is given up, so that those before it are not held up for ever.
const ATTEMPTS_MAX: u32 = 5;

/// Begins a saga; it runs once the transaction has committed.
pub fn begin(tx: &mut Tx, run: &Run) {
    RUNS.put(tx, &Key::global().str(&run.id), run);
}

/// Moves every run on, until it is done or undone.
#[derive(Debug)]
pub(crate) struct Resume;

impl Reconciler for Resume {
    fn name(&self) -> &'static str {
        "sagas"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![RUNS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let runs: Result<Vec<_>, _> = RUNS.scan(&snapshot, &Key::empty(), Direction::Forward).collect();
        let mut problem = None;
        for (_, run) in runs.map_err(|e| e.to_string())? {
            // One that cannot go on does not hold up the others.
            if let Err(why) = resume(cloud, &run) {
                problem.get_or_insert(why);
            }
        }
        problem.map_or(Ok(None), Err)
    }
}

/// Moves one run on until it has ended, or an undo has failed: that is tried again a little later.
fn resume(cloud: &Arc<Cloud>, run: &Run) -> Result<(), String> {
    let saga = cloud.sagas.iter().find(|s| s.name == run.saga);
    let saga = saga.ok_or_else(|| format!("no saga is called {}", run.saga))?;
    loop {
        match advance(cloud, saga, &run.id)? {
            Advanced::On => {}
            Advanced::Ended => return Ok(()),
            Advanced::Later(problem) => return Err(problem),
        }
    }
}

enum Advanced {
    On,
    Ended,
    /// An undo has failed, and is to be tried again.
    Later(String),
}

/// One step forward or back, in one transaction with the record of it.
fn advance(cloud: &Arc<Cloud>, saga: &Saga, id: &str) -> Result<Advanced, String> {
    let mut tx = cloud.store().begin();
    let key = Key::global().str(id);
    let Some(mut run) = RUNS.get(&tx, &key).map_err(|e| e.to_string())? else { return Ok(Advanced::Ended) };
    let back = run.failure.is_some();
    let at = (run.done as usize).min(saga.steps.len());
    let step = if back { at.checked_sub(1).and_then(|i| saga.steps.get(i)) } else { saga.steps.get(at) };
    let Some(step) = step else {
        RUNS.delete(&mut tx, &key);
        return commit(tx, Advanced::Ended);
    };
    let savepoint = tx.savepoint();
    let outcome = if back { (step.undo)(cloud, &mut tx, &run) } else { (step.act)(cloud, &mut tx, &run) };
    let advanced = match outcome {
        Ok(()) => {
            run.done = if back { run.done - 1 } else { run.done + 1 };
            run.attempts = 0;
            Advanced::On
        }
        Err(problem) => {
            tx.rollback_to(savepoint);
            fail(saga, step, &mut run, problem, back)
        }
    };
    RUNS.put(&mut tx, &key, &run);
    commit(tx, advanced)
}

/// A step that lost to another transaction is simply run again.
fn commit(tx: Tx, advanced: Advanced) -> Result<Advanced, String> {
    match tx.commit().wait() {
        Ok(_) => Ok(advanced),
        Err(CommitError::Conflict) => Ok(Advanced::On),
        Err(error) => Err(error.to_string()),
    }
}

fn fail(saga: &Saga, step: &Step, run: &mut Run, problem: String, back: bool) -> Advanced {
    let fields =
        [("saga", saga.name), ("run", run.id.as_str()), ("step", step.name), ("problem", problem.as_str())];
    if !back {
        crate::log::warn("a step failed", &fields);
        run.failure = Some(problem);
        return Advanced::On;
    }
    run.attempts += 1;
    if run.attempts < ATTEMPTS_MAX {
        crate::log::warn("an undo failed", &fields);
        return Advanced::Later(format!("{}: undoing {}: {problem}", saga.name, step.name));
    }
    crate::log::error("an undo was given up", &fields);
    (run.done, run.attempts) = (run.done - 1, 0);
    Advanced::On
}
