//! Experiments carried out: targets found, actions begun and ended by the cloud's clock, alarms watched. One step of one
//! experiment is one transaction.

use super::SELF;
use super::errors::FisError;
use super::model::action::{
    BEFORE, DURATION, INTERRUPT, MAY_END, REBOOT, RESTART, SPOT, STOP, TERMINATE, WAIT, known,
};
use super::model::choice::{Mode, passes};
use super::model::{
    Action, CANCELLED, COMPLETED, EXPERIMENTS, Experiment, FAILED, INITIATING, PENDING, RUNNING, Run,
    SKIPPED, STOPPED, STOPPING, State, Target, arn, key,
};
use super::ops::experiment::keep;
use crate::ec2::model::INSTANCES;
use crate::ec2::ops::{list, text, texts};
use crate::ec2::spot::notice;
use base::Timestamp;
use ec2::access::Access;
use ec2::kind::INSTANCE;
use kernel::access::allowed;
use kernel::reconcile::Reconciler;
use kernel::steps::{self, soonest};
use kernel::{As, Cloud, Cx, Whom};
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

fn call(
    cx: &mut Cx<'_>,
    operation: &str,
    members: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Value, Fault> {
    cx.call("ec2", operation, Value::Struct(members.into_iter().collect()), As::Caller)
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
        let found = by_role(cx, experiment, |cx| resolve(cx, target));
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

/// The instances of a target, as the role sees them.
fn resolve(cx: &mut Cx<'_>, target: &Target) -> Result<Vec<String>, Fault> {
    let filter = |(key, value): (&String, &String)| {
        let values = Value::List(vec![Value::str(value)]);
        let name = Value::Str(format!("tag:{key}"));
        Value::Struct([("Name", name), ("Values", values)].into_iter().collect())
    };
    let members = if target.arns.is_empty() {
        let filters: Vec<Value> = target.tags.iter().map(filter).collect();
        if filters.is_empty() { Vec::new() } else { vec![("Filters", Value::List(filters))] }
    } else {
        let ids: Vec<String> =
            target.arns.iter().filter_map(|arn| arn.rsplit('/').next().map(str::to_owned)).collect();
        vec![("InstanceIds", texts(&ids))]
    };
    let told = call(cx, "DescribeInstances", members)?;
    let mut found = Vec::new();
    for instance in list(&told, "Reservations").iter().flat_map(|shown| list(shown, "Instances")) {
        let state = instance.at(&["State", "Name"]).and_then(Value::as_str).unwrap_or_default();
        let is_there = !matches!(state, "terminated" | "shutting-down");
        let is_kind = target.kind != SPOT || text(instance, "InstanceLifecycle") == "spot";
        if is_there && is_kind && passes(instance, &target.filters) {
            found.push(text(instance, "InstanceId"));
        }
    }
    let wanted = Mode::read(&target.mode).unwrap_or(Mode::All).of(found.len());
    let mut chosen = Vec::new();
    while chosen.len() < wanted && !found.is_empty() {
        let at = cx.rng().below(u64::try_from(found.len()).unwrap_or(1));
        chosen.push(found.swap_remove(usize::try_from(at).unwrap_or_default()));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// Whether an alarm that stops an experiment is on.
fn is_alarmed(cx: &mut Cx<'_>, experiment: &Experiment) -> Result<bool, Fault> {
    let name = |arn: &String| arn.split_once(":alarm:").map(|(_, name)| name.to_owned());
    let names: Vec<String> = experiment.plan.stops.iter().filter_map(name).collect();
    if names.is_empty() {
        return Ok(false);
    }
    let kinds = ["MetricAlarm", "CompositeAlarm"].map(str::to_owned);
    let members: Struct =
        [("AlarmNames", texts(&names)), ("AlarmTypes", texts(&kinds))].into_iter().collect();
    let account = cx.account;
    let told =
        cx.call("cloudwatch", "DescribeAlarms", Value::Struct(members), As::Service { name: SELF, account })?;
    let all = ["MetricAlarms", "CompositeAlarms"].into_iter().flat_map(|kind| list(&told, kind));
    Ok(all.into_iter().any(|alarm| text(alarm, "StateValue") == "ALARM"))
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

/// What is done about an action: by its experiment's role, to the instances of its target.
type Deed = fn(&mut Cx<'_>, &Action, &[String], &mut Run) -> Result<(), Fault>;

fn act(cx: &mut Cx<'_>, experiment: &mut Experiment, name: &str, deed: Deed) {
    let (Some(action), Some(run)) = (experiment.plan.actions.get(name).cloned(), experiment.runs.get(name))
    else {
        return;
    };
    let mut run = run.clone();
    let target = action.targets.values().next();
    let ids = target.and_then(|target| experiment.resolved.get(target)).cloned().unwrap_or_default();
    let needs = known(&action.id).is_some_and(|known| known.target.is_some());
    if needs && ids.is_empty() {
        run.ends(SKIPPED, "Action was skipped, as its target is empty.", cx.now);
    } else {
        let savepoint = cx.tx.savepoint();
        let done = by_role(cx, experiment, |cx| deed(cx, &action, &ids, &mut run));
        if let Err(fault) = done {
            cx.tx.rollback_to(savepoint);
            run.ends(FAILED, &shortened(&fault.message), cx.now);
            experiment.failure = Some(format!("Experiment failed, as the action {name} has failed."));
        }
    }
    run.start = run.start.or(Some(cx.now));
    experiment.runs.insert(name.to_owned(), run);
}

/// AWS: of reasons.
fn shortened(text: &str) -> String {
    text.chars().take(512).collect()
}

fn begin(cx: &mut Cx<'_>, action: &Action, ids: &[String], run: &mut Run) -> Result<(), Fault> {
    let instances = || [("InstanceIds", texts(ids))];
    run.state = State::new(RUNNING, "Action is running.");
    run.start = Some(cx.now);
    match action.id.as_str() {
        WAIT => run.due = action.after(DURATION, cx.now),
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
                Some(then) => (run.due, run.left) = (Some(then), ids.to_vec()),
                None => run.ends(COMPLETED, DONE, cx.now),
            }
        }
        INTERRUPT => {
            // The notice comes two minutes before the interruption.
            run.due = action.after(BEFORE, cx.now).map(|then| then.minus(NOTICE));
            run.left = ids.to_vec();
        }
        other => return Err(FisError::NotBuilt(format!("The action {other}")).into()),
    }
    Ok(())
}

/// The next part of an action whose time has come.
fn advance(cx: &mut Cx<'_>, action: &Action, _: &[String], run: &mut Run) -> Result<(), Fault> {
    match action.id.as_str() {
        STOP => {
            restart(cx, action, run)?;
            if !run.left.is_empty() {
                run.due = Some(cx.now.plus(AGAIN));
                return Ok(());
            }
        }
        INTERRUPT if !run.left.is_empty() => {
            for id in std::mem::take(&mut run.left) {
                interrupt(cx, &id)?;
            }
            run.due = Some(cx.now.plus(NOTICE));
            return Ok(());
        }
        _ => {}
    }
    run.ends(COMPLETED, DONE, cx.now);
    Ok(())
}

/// Starts again what an action has stopped; what does not run yet is left.
fn restart(cx: &mut Cx<'_>, action: &Action, run: &mut Run) -> Result<(), Fault> {
    let may_end = action.parameters.get(MAY_END).is_some_and(|value| value == "true");
    for id in std::mem::take(&mut run.left) {
        let told = call(cx, "DescribeInstances", [("InstanceIds", texts([&id]))])?;
        let shown = list(&told, "Reservations").first().map(|shown| list(shown, "Instances"));
        let state = shown.and_then(|all| all.first()).and_then(|one| one.at(&["State", "Name"]));
        match state.and_then(Value::as_str) {
            Some("running") => {}
            Some("stopping" | "pending") => run.left.push(id),
            Some("terminated" | "shutting-down") if may_end => {}
            _ => {
                call(cx, "StartInstances", [("InstanceIds", texts([&id]))])?;
                run.left.push(id);
            }
        }
    }
    Ok(())
}

/// Gives a spot instance its notice, where the role may. EC2 has no operation for that: it is FIS's own.
fn interrupt(cx: &mut Cx<'_>, id: &str) -> Result<(), Fault> {
    const RIGHT: &str = "ec2:SendSpotInstanceInterruptions";
    let none = Struct::new();
    for target in Access::of(cx, &none).id(&INSTANCE, id).done()? {
        if !allowed(cx, RIGHT, &target, &none)? {
            let what = format!(
                "The role of the experiment is not authorized to perform: {RIGHT} on resource: {}",
                target.arn
            );
            return Err(FisError::Denied(what).into());
        }
    }
    let cloud = Arc::clone(cx.cloud());
    notice::interrupt(&cloud, cx.tx, id).map(drop).map_err(|why| FisError::Validation(why).into())
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
        let (action, mut run) = (action.clone(), run.clone());
        let undone = match action.id.as_str() {
            STOP => by_role(cx, experiment, |cx| restart(cx, &action, &mut run)),
            _ => Ok(()),
        };
        match undone {
            Ok(()) if action.id == STOP && !run.left.is_empty() => waits = true,
            Ok(()) => run.ends(STOPPED, "Action was stopped.", cx.now),
            Err(fault) => run.ends(FAILED, &shortened(&fault.message), cx.now),
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
