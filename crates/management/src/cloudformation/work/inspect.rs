//! Looks at stacks for drift: resource after resource, each with what was found of it in one transaction, in the stead
//! of whoever asked.

use super::plan::{Made, Plan, known};
use super::step::{Task, Worker, commit};
use crate::cloudformation::drift::{
    CHECKS, Check, DELETED, DETECTIONS, DRIFTED, DRIFTS, Drift, Expected, Failure, IN_SYNC, Mask, UNKNOWN,
    found, judge, of,
};
use crate::cloudformation::kinds::look::{Look, Seen};
use crate::cloudformation::kinds::{Done, kind};
use crate::cloudformation::model::{NOW, RESOURCES, Resource, STACKS, Stack, open};
use crate::cloudformation::news;
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Direction, Key, Read, StoreError, Tx};
use wire::Value;

/// Moves every look on.
#[derive(Debug)]
pub struct Inspect;

impl Reconciler for Inspect {
    fn name(&self) -> &'static str {
        "cloudformation drift"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![CHECKS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let all: Result<Vec<_>, _> = CHECKS.scan(&snapshot, &Key::empty(), Direction::Forward).collect();
        let mut problem = None;
        for (key, check) in all.map_err(said)? {
            // One that cannot go on does not hold up the others.
            let outcome = catch_unwind(AssertUnwindSafe(|| through(cloud, &key)));
            let outcome = outcome.unwrap_or_else(|_| Err(format!("the look at {} panicked", check.stack)));
            problem = problem.or(outcome.err());
        }
        problem.map_or(Ok(None), Err)
    }
}

fn said(error: StoreError) -> String {
    error.to_string()
}

/// All that is left of one look.
fn through(cloud: &Arc<Cloud>, key: &Key) -> Result<(), String> {
    while step(cloud, key)? {}
    Ok(())
}

/// One resource, or the end; whether there is more to do.
fn step(cloud: &Arc<Cloud>, key: &Key) -> Result<bool, String> {
    let mut tx = cloud.store().begin();
    let Some(mut check) = CHECKS.get(&tx, key).map_err(said)? else { return Ok(false) };
    let home = Key::regional(check.account, check.region).str(&check.stack);
    let Some(mut stack) = STACKS.get(&tx, &home).map_err(said)? else {
        CHECKS.delete(&mut tx, key);
        return commit(tx).map(|_| false);
    };
    let more = !check.left.is_empty();
    if more {
        let name = check.left.remove(0);
        let resource = RESOURCES.get(&tx, &home.str(&name)).map_err(said)?;
        if let Some(resource) =
            resource.filter(|resource| resource.is_live() && !resource.physical.is_empty())
        {
            look_at(cloud, &mut tx, &stack, &resource, &mut check)?;
        }
        CHECKS.put(&mut tx, key, &check);
    } else {
        end(cloud, &mut tx, &mut stack, &check)?;
        CHECKS.delete(&mut tx, key);
    }
    // One that lost to another transaction is taken again.
    Ok(!commit(tx)? || more)
}

fn look_at(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    stack: &Stack,
    resource: &Resource,
    check: &mut Check,
) -> Result<(), String> {
    let Some(look) = kind(&resource.kind).and_then(|kind| kind.look) else { return Ok(()) };
    let expected = expected(cloud, tx, stack, resource)?;
    let nothing = Value::Map(Vec::new());
    let known = open(cloud, &resource.attributes);
    let task = Task {
        logical: &resource.name,
        physical: &resource.physical,
        wanted: &expected.properties,
        before: &nothing,
        known: &known,
    };
    let worker = Worker { cloud, job: &check.job, told: RefCell::default() };
    let seen = worker.act(tx, stack, &task, look.read);
    let drift = drift(cloud, resource, look, &expected, seen);
    if let Some(reason) = &drift.reason {
        check.failures.push(Failure { name: resource.name.clone(), reason: reason.clone() });
    }
    DRIFTS.put(tx, &resource.key(stack), &drift);
    Ok(())
}

/// What came of a look.
pub(crate) fn drift(
    cloud: &Cloud,
    resource: &Resource,
    look: &Look,
    expected: &Expected,
    seen: Done<Seen>,
) -> Drift {
    match seen {
        Ok(seen) => judge(cloud, resource, look, expected, &seen.properties),
        Err(refusal) if refusal.gone => found(cloud, resource, DELETED, None),
        Err(refusal) => found(cloud, resource, UNKNOWN, Some(refusal.reason)),
    }
}

/// What a resource should be, and what of that is not shown.
pub(crate) fn expected(
    cloud: &Cloud,
    from: &dyn Read,
    stack: &Stack,
    resource: &Resource,
) -> Result<Expected, String> {
    let properties = open(cloud, &resource.properties);
    let Some(plan) = Plan::load(cloud, from, stack, NOW)? else {
        return Ok(Expected { properties, mask: Mask::default() });
    };
    let all = known(from, stack).map_err(said)?;
    let world = Made { cloud, from, stack, known: &all, shows: true, imports: RefCell::default() };
    let evaluated = plan.evaluator().and_then(|evaluator| {
        let veiled = plan.veiled(&evaluator, &resource.name, &world)?;
        let clear =
            veiled.as_ref().map(|_| plan.properties(&evaluator, &resource.name, &world)).transpose()?;
        Ok(clear.zip(veiled))
    });
    let mask = match evaluated {
        Ok(None) => Mask::default(),
        Ok(Some((clear, veiled))) => Mask::of(&clear, &veiled),
        // What is to be hidden is not known.
        Err(_) => Mask::all(),
    };
    Ok(Expected { properties, mask })
}

/// Whether a stack as a whole has drifted, by what is known of its resources, and how many of them have.
fn whole(tx: &Tx, stack: &Stack, failed: bool) -> Result<(&'static str, u32), String> {
    let mut drifted = 0;
    for resource in known(tx, stack).map_err(said)?.values().filter(|resource| resource.is_live()) {
        let drift = of(tx, stack, resource).map_err(said)?;
        drifted += u32::from(drift.is_some_and(|drift| drift.has_drifted()));
    }
    Ok(match (drifted, failed) {
        (0, true) => (UNKNOWN, 0),
        (0, false) => (IN_SYNC, 0),
        (some, _) => (DRIFTED, some),
    })
}

fn end(cloud: &Cloud, tx: &mut Tx, stack: &mut Stack, check: &Check) -> Result<(), String> {
    let failed = !check.failures.is_empty();
    let (status, drifted) = whole(tx, stack, failed)?;
    stack.drift = Some(status.to_owned());
    stack.save(tx);
    let key = Key::regional(check.account, check.region).str(&check.detection);
    let Some(mut detection) = DETECTIONS.get(tx, &key).map_err(said)? else { return Ok(()) };
    detection.status = if failed { "DETECTION_FAILED" } else { "DETECTION_COMPLETE" }.to_owned();
    detection.reason = failed.then(|| why(&check.failures));
    detection.stack_status = Some(status.to_owned());
    // AWS: the number is told of those that are complete.
    detection.drifted = (!failed).then_some(drifted);
    DETECTIONS.put(tx, &key, &detection);
    news::looked(cloud, tx, stack, &detection, Some(drifted));
    Ok(())
}

/// The reason of a detection that failed, as AWS has it: an object in JSON.
fn why(failures: &[Failure]) -> String {
    let names: Vec<&str> = failures.iter().map(|failure| failure.name.as_str()).collect();
    let one = |failure: &Failure| {
        Value::map([("Resource", Value::str(&failure.name)), ("FailureReason", Value::str(&failure.reason))])
    };
    wire::json::text(&Value::map([
        ("Summary", Value::Str(format!("Failed to detect drift on resources [{}]", names.join(", ")))),
        ("Failures", Value::List(failures.iter().map(one).collect())),
    ]))
}
