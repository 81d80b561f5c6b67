//! Experiments carried out: targets found, actions begun and ended by the cloud's clock, alarms watched. One step of one
//! experiment is one transaction.

mod machine;
mod network;
mod refusal;
mod target;
mod volume;

pub use network::experiment_of;

use super::SELF;
use super::errors::{FisError, invalid};
use super::model::action::{
    ALARMS, ASSERT, BEFORE, DISRUPT, DURATION, INTERRUPT, PAUSE, REBOOT, RESTART, STATES, STOP, TERMINATE,
    WAIT, known,
};
use super::model::{
    Action, CANCELLED, COMPLETED, EXPERIMENTS, Experiment, FAILED, INITIATING, PENDING, RUNNING, Run,
    SKIPPED, STOPPED, STOPPING, State, arn, key,
};
use super::ops::experiment::keep;
use crate::ec2::model::INSTANCES;
use crate::ec2::ops::{list, text, texts};
use base::Timestamp;
use kernel::access::allowed;
use kernel::reconcile::Reconciler;
use kernel::steps::{self, soonest};
use kernel::{As, Cloud, Cx, Target, Whom};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use store::Key;
use wire::{Fault, Struct, Value};

/// AWS: experiments are told for 120 days.
const KEPT: Duration = Duration::from_secs(120 * 24 * 3600);
/// Between two looks at the alarms that stop an experiment.
const LOOK: Duration = Duration::from_secs(5);
/// Between two looks at machines that are to run again.
const AGAIN: Duration = Duration::from_secs(1);
/// From a notice to the interruption.
const NOTICE: Duration = Duration::from_secs(120);
const STEPS_MAX: usize = 200;

const DONE: &str = "Action was completed.";

/// Carries experiments out.
#[derive(Debug)]
pub struct Experiments;

type Next = kernel::steps::Next<Infallible>;

impl Reconciler for Experiments {
    fn name(&self) -> &'static str {
        "fault injection experiments"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![EXPERIMENTS.stored_key(&all), INSTANCES.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        steps::each(
            cloud,
            &EXPERIMENTS,
            |one| one.id,
            |home, id| {
                steps::bring_on(cloud, SELF, home, STEPS_MAX, |cx| step(cx, id), |_, never| match *never {})
            },
        )
    }
}

/// An experiment enters a state, and says so on the bus.
/// AWS: <https://docs.aws.amazon.com/fis/latest/userguide/monitoring-eventbridge.html>
pub(crate) fn enter(cx: &mut Cx<'_>, experiment: &mut Experiment, status: &str, reason: &str) {
    let before = std::mem::replace(&mut experiment.state, State::new(status, reason));
    let told = |state: &State| {
        Value::map([("status", Value::str(&state.status)), ("reason", Value::str(&state.reason))])
    };
    let detail = Value::map([
        ("experiment-id", Value::str(&experiment.id)),
        ("experiment-template-id", Value::str(&experiment.template)),
        ("new-state", told(&experiment.state)),
        ("old-state", told(&before)),
    ]);
    let resources = vec![arn(cx.account, cx.region, "experiment", &experiment.id)];
    cx.emit("aws.fis", "FIS Experiment State Change", resources, &detail);
}

/// Lets something be done by the role of an experiment, for the sake of that.
fn by_role<T>(
    cx: &mut Cx<'_>,
    experiment: &Experiment,
    work: impl FnOnce(&mut Cx<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let source = arn(cx.account, cx.region, "experiment", &experiment.id);
    let whom = Whom::Role { arn: &experiment.plan.role, account: cx.account, source: Some(&source) };
    let (cloud, region) = (Arc::clone(cx.cloud()), cx.region);
    cloud.act_for(cx.tx, SELF, whom, region, None, work)?
}

/// Calls EC2 as the role.
fn call(
    cx: &mut Cx<'_>,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, Fault> {
    call_of(cx, "ec2", operation, members)
}

fn call_of(
    cx: &mut Cx<'_>,
    service: &str,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, Fault> {
    cx.call(service, operation, Value::Struct(members.into_iter().collect()), As::Caller)
}

/// Asks for a right of the role's that no operation of another service asks for.
fn may(cx: &Cx<'_>, right: &str, target: &Target) -> Result<(), Fault> {
    if allowed(cx, right, target, &Struct::new())? {
        return Ok(());
    }
    let what = format!(
        "The role of the experiment is not authorized to perform: {right} on resource: {}",
        target.arn
    );
    Err(FisError::Denied(what).into())
}

fn internal(error: store::StoreError) -> Fault {
    FisError::from(error).into()
}

fn step(cx: &mut Cx<'_>, id: &str) -> Result<Next, Fault> {
    let place = key(cx.account, cx.region, id);
    let Some(mut experiment) = EXPERIMENTS.get(cx.tx, &place).map_err(internal)? else {
        return Ok(Next::Rest(None));
    };
    if experiment.is_over() {
        let then = experiment.end.unwrap_or(experiment.created).plus(KEPT);
        if then > cx.now {
            return Ok(Next::Rest(Some(then)));
        }
        EXPERIMENTS.delete(cx.tx, &place);
        return Ok(Next::Rest(None));
    }
    let before = experiment.clone();
    let next = if experiment.stopping.is_some() || experiment.failure.is_some() {
        wind_down(cx, &mut experiment)
    } else if experiment.state.status == INITIATING {
        initiate(cx, &mut experiment);
        Next::Again
    } else {
        go_on(cx, &mut experiment)?
    };
    if experiment != before {
        keep(cx, &experiment);
    }
    Ok(next)
}

/// Finds the targets; an experiment that has none fails, unless it may pass by what it has none for.
fn initiate(cx: &mut Cx<'_>, experiment: &mut Experiment) {
    experiment.start = Some(cx.now);
    let targets = experiment.plan.targets.clone();
    for (name, target) in &targets {
        let found = by_role(cx, experiment, |cx| target::resolve(cx, target));
        match found {
            Ok(ids) if ids.is_empty() && !experiment.plan.skips_empty => {
                return fail(cx, experiment, "Target resolution returned empty set.");
            }
            Ok(ids) => {
                experiment.resolved.insert(name.clone(), ids);
            }
            Err(fault) => {
                let why = format!("Target resolution failed: {}", fault.message);
                return fail(cx, experiment, &why);
            }
        }
    }
    enter(cx, experiment, RUNNING, "Experiment is running.");
    if experiment.skips_all {
        let now = cx.now;
        experiment.runs.values_mut().for_each(|run| run.ends(SKIPPED, "Action was skipped.", now));
    }
}

fn fail(cx: &mut Cx<'_>, experiment: &mut Experiment, why: &str) {
    let now = cx.now;
    experiment.runs.values_mut().for_each(|run| run.ends(CANCELLED, "Action was cancelled.", now));
    experiment.end = Some(now);
    enter(cx, experiment, FAILED, why);
}

/// Whether an alarm that stops an experiment is on.
fn is_alarmed(cx: &mut Cx<'_>, experiment: &Experiment) -> Result<bool, Fault> {
    let account = cx.account;
    let told = described(cx, &experiment.plan.stops, As::Service { name: SELF, account })?;
    Ok(told.iter().any(|alarm| text(alarm, "StateValue") == "ALARM"))
}

/// Alarms, by their ARNs.
fn described(cx: &mut Cx<'_>, arns: &[String], who: As) -> Result<Vec<Value>, Fault> {
    let name = |arn: &String| arn.split_once(":alarm:").map(|(_, name)| name.to_owned());
    let names: Vec<String> = arns.iter().filter_map(name).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let kinds = ["MetricAlarm", "CompositeAlarm"].map(str::to_owned);
    let members: Struct =
        [("AlarmNames", texts(&names)), ("AlarmTypes", texts(&kinds))].into_iter().collect();
    let told = cx.call("cloudwatch", "DescribeAlarms", Value::Struct(members), who)?;
    let all = ["MetricAlarms", "CompositeAlarms"].into_iter().flat_map(|kind| list(&told, kind));
    Ok(all.into_iter().cloned().collect())
}

fn go_on(cx: &mut Cx<'_>, experiment: &mut Experiment) -> Result<Next, Fault> {
    if is_alarmed(cx, experiment)? {
        experiment.stopping = Some("Experiment stopped by stop condition.".into());
        enter(cx, experiment, STOPPING, "Experiment is stopping.");
        return Ok(Next::Again);
    }
    let due = |run: &&Run| run.is(RUNNING) && run.due.is_some_and(|due| due <= cx.now);
    let found = experiment.runs.iter().find(|(_, run)| due(run)).map(|(name, _)| name.clone());
    if let Some(name) = found {
        act(cx, experiment, &name, advance);
        return Ok(Next::Again);
    }
    if let Some(name) = experiment.next().map(str::to_owned) {
        act(cx, experiment, &name, begin);
        return Ok(Next::Again);
    }
    if !experiment.has(RUNNING) && !experiment.has(PENDING) {
        experiment.end = Some(cx.now);
        enter(cx, experiment, COMPLETED, "Experiment completed.");
        return Ok(Next::Again);
    }
    let wake = experiment.runs.values().filter_map(|run| run.due).min();
    let look = (!experiment.plan.stops.is_empty()).then(|| cx.now.plus(LOOK));
    Ok(Next::Rest(soonest(wake, look)))
}

/// An action at work.
struct Doing<'a> {
    experiment: &'a str,
    name: &'a str,
    action: &'a Action,
    /// What its target has come to.
    targets: &'a [String],
}

/// What is done about an action, by its experiment's role.
type Deed = fn(&mut Cx<'_>, &Doing<'_>, &mut Run) -> Result<(), Fault>;

fn act(cx: &mut Cx<'_>, experiment: &mut Experiment, name: &str, deed: Deed) {
    let (Some(action), Some(run)) = (experiment.plan.actions.get(name).cloned(), experiment.runs.get(name))
    else {
        return;
    };
    let mut run = run.clone();
    let before = run.clone();
    let target = action.targets.values().next();
    let targets = target.and_then(|target| experiment.resolved.get(target)).cloned().unwrap_or_default();
    let needs = known(&action.id).is_some_and(|known| known.target.is_some());
    if needs && targets.is_empty() {
        run.ends(SKIPPED, "Action was skipped, as its target is empty.", cx.now);
    } else {
        let savepoint = cx.tx.savepoint();
        let doing = Doing { experiment: &experiment.id, name, action: &action, targets: &targets };
        match by_role(cx, experiment, |cx| deed(cx, &doing, &mut run)) {
            Ok(()) => {}
            // What was begun is to be undone: a fault that passes is waited for.
            Err(fault) if passes_over(&fault) && before.is(RUNNING) => {
                cx.tx.rollback_to(savepoint);
                run = Run { due: Some(cx.now.plus(AGAIN)), ..before };
            }
            Err(fault) => {
                cx.tx.rollback_to(savepoint);
                run = before;
                run.ends(FAILED, &shortened(&fault.message), cx.now);
                experiment.failure = Some(format!("Experiment failed, as the action {name} has failed."));
            }
        }
    }
    run.start = run.start.or(Some(cx.now));
    experiment.runs.insert(name.to_owned(), run);
}

/// Whether it is the other side's, and another try may go better: experiments may strike their own role as well.
fn passes_over(fault: &Fault) -> bool {
    matches!(fault.status, 500 | 503)
}

/// AWS: of reasons.
fn shortened(text: &str) -> String {
    text.chars().take(512).collect()
}

fn begin(cx: &mut Cx<'_>, doing: &Doing<'_>, run: &mut Run) -> Result<(), Fault> {
    let action = doing.action;
    let instances = || [("InstanceIds", texts(doing.targets))];
    run.state = State::new(RUNNING, "Action is running.");
    run.start = Some(cx.now);
    if let Some(kind) = refusal::kind(&action.id) {
        return refusal::begin(cx, doing, kind, run);
    }
    match action.id.as_str() {
        WAIT => run.due = action.after(DURATION, cx.now),
        DISRUPT => network::begin(cx, doing, run)?,
        PAUSE => volume::begin(cx, doing, run)?,
        ASSERT => {
            assert_states(cx, action)?;
            run.ends(COMPLETED, DONE, cx.now);
        }
        REBOOT => {
            call(cx, "RebootInstances", instances())?;
            run.ends(COMPLETED, DONE, cx.now);
        }
        TERMINATE => {
            call(cx, "TerminateInstances", instances())?;
            run.ends(COMPLETED, DONE, cx.now);
        }
        STOP => {
            call(cx, "StopInstances", instances())?;
            match action.after(RESTART, cx.now) {
                Some(then) => (run.due, run.left) = (Some(then), doing.targets.to_vec()),
                None => run.ends(COMPLETED, DONE, cx.now),
            }
        }
        INTERRUPT => {
            // The notice comes two minutes before the interruption.
            run.due = action.after(BEFORE, cx.now).map(|then| then.minus(NOTICE));
            run.left = doing.targets.to_vec();
        }
        other => return Err(FisError::NotBuilt(format!("The action {other}")).into()),
    }
    Ok(())
}

/// Fails where one of the alarms is in none of the states.
fn assert_states(cx: &mut Cx<'_>, action: &Action) -> Result<(), Fault> {
    let (arns, states) = (action.parts(ALARMS), action.parts(STATES));
    let told = described(cx, &arns, As::Caller)?;
    for arn in &arns {
        let state = told.iter().find(|alarm| text(alarm, "AlarmArn") == *arn);
        let state = state.map(|alarm| text(alarm, "StateValue"));
        if !state.as_ref().is_some_and(|state| states.contains(state)) {
            let state = state.unwrap_or_else(|| "not there".into());
            let what = format!("The alarm {arn} is {state}, and not {}.", states.join(" or "));
            return Err(invalid(what).into());
        }
    }
    Ok(())
}

/// The next part of an action whose time has come.
fn advance(cx: &mut Cx<'_>, doing: &Doing<'_>, run: &mut Run) -> Result<(), Fault> {
    match doing.action.id.as_str() {
        INTERRUPT if !run.left.is_empty() => {
            for id in std::mem::take(&mut run.left) {
                machine::interrupt(cx, &id)?;
            }
            run.due = Some(cx.now.plus(NOTICE));
            return Ok(());
        }
        _ => undo(cx, doing, run)?,
    }
    if run.left.is_empty() {
        run.ends(COMPLETED, DONE, cx.now);
    } else {
        run.due = Some(cx.now.plus(AGAIN));
    }
    Ok(())
}

/// Takes back what lasts; what machines are not there yet is left.
fn undo(cx: &mut Cx<'_>, doing: &Doing<'_>, run: &mut Run) -> Result<(), Fault> {
    match doing.action.id.as_str() {
        STOP => machine::restart(cx, doing, run),
        DISRUPT => network::end(cx, run),
        PAUSE => volume::end(cx, doing),
        _ => {
            refusal::end(cx, doing);
            run.left.clear();
            Ok(())
        }
    }
}

/// Ends what is left of an experiment that stops or has failed: what it has stopped is started before.
fn wind_down(cx: &mut Cx<'_>, experiment: &mut Experiment) -> Next {
    let running: Vec<String> =
        experiment.runs.iter().filter(|(_, run)| run.is(RUNNING)).map(|(name, _)| name.clone()).collect();
    let mut waits = false;
    for name in running {
        let (Some(action), Some(run)) = (experiment.plan.actions.get(&name), experiment.runs.get(&name))
        else {
            continue;
        };
        let (action, before) = (action.clone(), run.clone());
        let mut run = before.clone();
        let doing = Doing { experiment: &experiment.id, name: &name, action: &action, targets: &[] };
        let savepoint = cx.tx.savepoint();
        match by_role(cx, experiment, |cx| undo(cx, &doing, &mut run)) {
            Ok(()) if !run.left.is_empty() => waits = true,
            Ok(()) => run.ends(STOPPED, "Action was stopped.", cx.now),
            Err(fault) => {
                cx.tx.rollback_to(savepoint);
                run = before;
                if passes_over(&fault) {
                    waits = true;
                } else {
                    run.ends(FAILED, &shortened(&fault.message), cx.now);
                }
            }
        }
        experiment.runs.insert(name, run);
    }
    let now = cx.now;
    let pending = experiment.runs.values_mut().filter(|run| run.is(PENDING));
    pending.for_each(|run| run.ends(CANCELLED, "Action was cancelled.", now));
    if waits {
        return Next::Rest(Some(now.plus(AGAIN)));
    }
    experiment.end = Some(now);
    let (status, why) = match (&experiment.stopping, &experiment.failure) {
        (Some(why), _) => (STOPPED, why.clone()),
        (None, why) => (FAILED, why.clone().unwrap_or_default()),
    };
    enter(cx, experiment, status, &why);
    Next::Again
}
