//! The work on stack sets: a reconciler that takes the operation under way on each set as far as it goes.
//!
//! That a stack is begun and that the operation knows of it are one transaction, so that after a crash no stack is made
//! twice. What becomes of the stack is the work of the other reconciler; here it is looked at until it is at rest.

use super::step::commit;
use crate::cloudformation::drift::{CHECKS, DETECTIONS, Detection};
use crate::cloudformation::model::{EVENTS, Event, JOBS, SERVICE, STACK, STACKS, Stack, seal_text};
use crate::cloudformation::news;
use crate::cloudformation::ops::inquiry::{Asker, has_transforms, waits};
use crate::cloudformation::sets::drift::{Look, summary};
use crate::cloudformation::sets::model::{
    INSTANCES, Instance, OPERATIONS, Operation, Outcome, SET_JOBS, SETS, SetDrift, SetJob, StackSet, Texts,
    open_texts, seal_texts,
};
use crate::cloudformation::sets::organization;
use crate::cloudformation::sets::pace::{State, next};
use base::{AccountId, Arn, Region, Timestamp};
use kernel::reconcile::Reconciler;
use kernel::{As, Cloud, Cx, Whom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Tx};
use wire::{Fault, Struct, Value};

/// Between two looks at stacks that are not at rest.
const POLL: Duration = Duration::from_millis(250);
const CLOUDFORMATION: &str = "cloudformation";

/// Moves every operation on a stack set on.
#[derive(Debug)]
pub struct Spread;

impl Reconciler for Spread {
    fn name(&self) -> &'static str {
        "cloudformation stack sets"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        // That the work on a stack is over, or the look at it, is the end of its job.
        let all = Key::empty();
        vec![SET_JOBS.stored_key(&all), JOBS.stored_key(&all), CHECKS.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let jobs = SET_JOBS.scan(&snapshot, &Key::empty(), Direction::Forward);
        let jobs: Result<Vec<SetJob>, _> = jobs.map(|entry| entry.map(|(_, job)| job)).collect();
        let (mut at, mut problem) = (None, None);
        for job in jobs.map_err(|e| e.to_string())? {
            // One that cannot go on does not hold up the others.
            match catch_unwind(AssertUnwindSafe(|| advance(cloud, &job))) {
                Ok(Ok(true)) => at = Some(cloud.clock().now().plus(POLL)),
                Ok(Ok(false)) => {}
                Ok(Err(why)) => drop(problem.get_or_insert(why)),
                Err(_) => drop(problem.get_or_insert_with(|| format!("the work on {} panicked", job.set))),
            }
        }
        problem.map_or(Ok(at), Err)
    }
}

fn said(error: store::StoreError) -> String {
    error.to_string()
}

/// Takes one operation as far as it goes now; whether it waits for something.
fn advance(cloud: &Arc<Cloud>, job: &SetJob) -> Result<bool, String> {
    let key = Key::regional(job.account, job.region).str(&job.set);
    loop {
        let snapshot = cloud.store().snapshot();
        let Some(set) = SETS.get(&snapshot, &key).map_err(said)? else {
            return Err(format!("no stack set {}", job.set));
        };
        let found = OPERATIONS.get(&snapshot, &set.operation_key(&job.operation)).map_err(said)?;
        let Some(operation) = found else { return Err(format!("no operation {}", job.operation)) };
        let outcomes = set.outcomes(&snapshot, &operation.id).map_err(said)?;
        let work = Work { cloud, set: &set, operation: &operation };
        let mut did = false;
        for (place, outcome) in outcomes.iter().enumerate().filter(|(_, own)| own.status == "RUNNING") {
            did |= work.look(place, outcome)?;
        }
        if did {
            continue;
        }
        let slots: Vec<(&str, State)> =
            outcomes.iter().map(|own| (own.region.as_str(), state(&own.status))).collect();
        let preferences = operation.preferences.clone().unwrap_or_default();
        let plan = next(&slots, &preferences);
        let stopped = operation.status == "STOPPING";
        let mut asks = false;
        for place in plan.start.iter().filter(|_| !stopped) {
            match work.start(*place, &outcomes[*place])? {
                true => did = true,
                false => asks = true,
            }
        }
        if did {
            continue;
        }
        if asks || slots.iter().any(|slot| slot.1 == State::Running) {
            return Ok(true);
        }
        if work.end(&outcomes, plan.exceeded)? {
            return Ok(false);
        }
    }
}

fn state(status: &str) -> State {
    match status {
        "PENDING" => State::Waiting,
        "RUNNING" => State::Running,
        "FAILED" => State::Failed,
        _ => State::Done,
    }
}

/// What a stack has come to.
enum Rest {
    AtWork,
    Good,
    Bad(String),
}

struct Work<'a> {
    cloud: &'a Arc<Cloud>,
    set: &'a StackSet,
    operation: &'a Operation,
}

impl Work<'_> {
    fn deletes(&self) -> bool {
        self.operation.action == "DELETE"
    }

    /// Whether the stack of an account and region is at rest by now, and what that means.
    fn look(&self, place: usize, outcome: &Outcome) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let rest = self.rest(&tx, outcome)?;
        let (status, reason) = match rest {
            Rest::AtWork => return Ok(false),
            Rest::Good => ("SUCCEEDED", None),
            Rest::Bad(why) => ("FAILED", Some(why)),
        };
        self.settle(&mut tx, place, outcome, status, reason)?;
        commit(tx)
    }

    fn rest(&self, tx: &Tx, outcome: &Outcome) -> Result<Rest, String> {
        if self.operation.looks() {
            return Ok(match self.detection(tx, outcome)? {
                Some(own) if own.status == "DETECTION_IN_PROGRESS" => Rest::AtWork,
                Some(own) if own.status == "DETECTION_COMPLETE" => Rest::Good,
                Some(own) => Rest::Bad(own.reason.unwrap_or_default()),
                None => Rest::Bad("The stack is gone.".into()),
            });
        }
        let key = outcome.stack.as_deref().and_then(Stack::key_of_arn);
        let stack = key.map(|key| STACKS.get(tx, &key)).transpose().map_err(said)?.flatten();
        let Some(stack) = stack else {
            return Ok(if self.deletes() { Rest::Good } else { Rest::Bad("The stack is gone.".into()) });
        };
        let good = match self.deletes() {
            true => stack.is_deleted(),
            false => matches!(stack.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE"),
        };
        if stack.is_busy() || JOBS.contains(tx, &Key::global().str(&stack.id)).map_err(said)? {
            return Ok(Rest::AtWork);
        }
        if good {
            return Ok(Rest::Good);
        }
        Ok(Rest::Bad(self.cause(tx, &stack, outcome)?))
    }

    /// The look at a stack.
    fn detection(&self, tx: &Tx, outcome: &Outcome) -> Result<Option<Detection>, String> {
        let place = AccountId::parse(&outcome.account).zip(Region::parse(&outcome.region));
        let (Some((account, region)), Some(id)) = (place, &outcome.detection) else { return Ok(None) };
        DETECTIONS.get(tx, &Key::regional(account, region).str(id)).map_err(said)
    }

    /// The first thing that failed, in AWS's words.
    fn cause(&self, tx: &Tx, stack: &Stack, outcome: &Outcome) -> Result<String, String> {
        let since = outcome.started.unwrap_or_default();
        let mut first: Option<Event> = None;
        // The latest first.
        for entry in EVENTS.scan(tx, &stack.key(), Direction::Forward) {
            let event = entry.map_err(said)?.1;
            if event.time < since {
                break;
            }
            if event.kind != STACK && event.status.ends_with("_FAILED") {
                first = Some(event);
            }
        }
        let of_stack = || {
            let why = stack.reason.clone().unwrap_or_default();
            format!("Stack:{} is in {} state: {why}", stack.arn(), stack.status)
        };
        Ok(first.map_or_else(of_stack, |event| {
            let Event { name, kind, reason, .. } = event;
            let why = reason.unwrap_or_default();
            format!("ResourceLogicalId:{name}, ResourceType:{kind}, ResourceStatusReason:{why}.")
        }))
    }

    /// The event bus hears of an instance.
    fn told(&self, tx: &mut Tx, instance: &Instance) {
        news::settled(self.cloud, tx, self.set, &self.operation.action, instance);
    }

    /// An account and region is done with.
    fn settle(
        &self,
        tx: &mut Tx,
        place: usize,
        outcome: &Outcome,
        status: &str,
        reason: Option<String>,
    ) -> Result<(), String> {
        let own = Outcome { status: status.to_owned(), reason: reason.clone(), ..outcome.clone() };
        self.set.put_outcome(tx, &self.operation.id, place, &own);
        let known = self.set.instance(tx, &own.account, &own.region).map_err(said)?;
        let Some(mut instance) = known else { return Ok(()) };
        if self.operation.looks() {
            if let Some(found) = self.detection(tx, outcome)?.filter(|_| status == "SUCCEEDED") {
                (instance.drift, instance.drift_checked) = (found.stack_status, Some(found.started));
                self.set.put(tx, &instance);
            }
            return Ok(());
        }
        if self.deletes() && status == "SUCCEEDED" {
            instance.detailed = status.to_owned();
            self.told(tx, &instance);
            INSTANCES.delete(tx, &self.set.instance_key(&own.account, &own.region));
            return Ok(());
        }
        match (status, self.deletes()) {
            ("SUCCEEDED", _) => instance.status = "CURRENT".into(),
            ("FAILED", true) => instance.status = "INOPERABLE".into(),
            ("FAILED", false) => instance.status = "OUTDATED".into(),
            _ => {}
        }
        instance.detailed = if instance.status == "INOPERABLE" { "INOPERABLE" } else { status }.to_owned();
        instance.reason = reason;
        self.set.put(tx, &instance);
        self.told(tx, &instance);
        Ok(())
    }

    /// Begins in one account and region; `false` as long as macros have to be asked first.
    fn start(&self, place: usize, outcome: &Outcome) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let key = self.set.operation_key(&self.operation.id);
        let now = OPERATIONS.get(&tx, &key).map_err(said)?;
        if now.is_none_or(|operation| operation.status != self.operation.status) {
            return Ok(true);
        }
        let known = self.set.instance(&tx, &outcome.account, &outcome.region).map_err(said)?;
        let Some(mut instance) = known else {
            // There is nothing that would have to go.
            self.settle(&mut tx, place, outcome, "SUCCEEDED", None)?;
            return commit(tx).map(|_| true);
        };
        if self.operation.looks() {
            return self.start_look(tx, place, outcome, &instance).map(|()| true);
        }
        if let Some(overrides) = &self.operation.overrides {
            let mut own = open_texts(self.cloud, &instance.sealed_overrides);
            own.retain(|(name, _)| overrides.kept.contains(name));
            own.extend(open_texts(self.cloud, &overrides.sealed));
            instance.sealed_overrides = seal_texts(self.cloud, &own);
        }
        let savepoint = tx.savepoint();
        if !self.deletes() && self.asks(&mut tx, &instance) {
            return commit(tx).map(|_| false);
        }
        match self.begun(&mut tx, &instance) {
            Ok(Some(stack)) => {
                instance.stack = Some(stack.clone());
                instance.detailed = "RUNNING".into();
                let started = Some(self.cloud.clock().now());
                let status = "RUNNING".to_owned();
                let own = Outcome { status, stack: Some(stack), started, ..outcome.clone() };
                self.set.put(&mut tx, &instance);
                self.told(&mut tx, &instance);
                self.set.put_outcome(&mut tx, &self.operation.id, place, &own);
            }
            Ok(None) => {
                self.set.put(&mut tx, &instance);
                self.settle(&mut tx, place, outcome, "SUCCEEDED", None)?;
            }
            Err(why) => {
                tx.rollback_to(savepoint);
                self.set.put(&mut tx, &instance);
                self.settle(&mut tx, place, outcome, "FAILED", Some(why))?;
            }
        }
        commit(tx).map(|_| true)
    }

    /// Whether macros have still to be asked before the template can be taken there. What hinders that is told by the call itself.
    fn asks(&self, tx: &mut Tx, instance: &Instance) -> bool {
        // AWS: a set whose permissions are the organization's has no macros.
        if self.set.is_managed() {
            return false;
        }
        let savepoint = tx.savepoint();
        let given = self.parameters(instance).into_iter().collect();
        let asked = self.within(tx, instance, |cx, session| waits(cx, &self.set.text, &given, session));
        let waits = matches!(asked, Ok(Ok(true)));
        if !waits {
            tx.rollback_to(savepoint);
        }
        waits
    }

    /// Begins to look at a stack.
    fn start_look(
        &self,
        mut tx: Tx,
        place: usize,
        outcome: &Outcome,
        instance: &Instance,
    ) -> Result<(), String> {
        let savepoint = tx.savepoint();
        let begun = match &instance.stack {
            Some(stack) => {
                let input = [("StackName", Value::str(stack))].into_iter().collect();
                self.call(&mut tx, instance, "DetectStackDrift", input)
            }
            None => Err("There is no stack.".to_owned()),
        };
        match begun {
            Ok(answer) => {
                let id = answer.member("StackDriftDetectionId").and_then(Value::as_str).map(str::to_owned);
                let started = Some(self.cloud.clock().now());
                let own = Outcome { status: "RUNNING".to_owned(), detection: id, started, ..outcome.clone() };
                self.set.put_outcome(&mut tx, &self.operation.id, place, &own);
            }
            Err(why) => {
                tx.rollback_to(savepoint);
                self.settle(&mut tx, place, outcome, "FAILED", Some(why))?;
            }
        }
        commit(tx).map(drop)
    }

    /// What all the looks of an operation have come to.
    fn seen(&self, tx: &Tx, stopped: bool) -> Result<SetDrift, String> {
        let outcomes = self.set.outcomes(tx, &self.operation.id).map_err(said)?;
        let mut found = Vec::with_capacity(outcomes.len());
        for outcome in &outcomes {
            found.push(self.detection(tx, outcome)?.and_then(|own| own.stack_status));
        }
        let looks: Vec<Look<'_>> =
            outcomes.iter().zip(&found).map(|(own, found)| (own.status.as_str(), found.as_deref())).collect();
        Ok(summary(&looks, stopped, self.cloud.clock().now()))
    }

    /// The stack that is at work now; `None` where nothing has to be done.
    fn begun(&self, tx: &mut Tx, instance: &Instance) -> Result<Option<String>, String> {
        // AWS: such an operation fails, whatever was acknowledged.
        if !self.deletes() && self.set.is_managed() && has_transforms(&self.set.text) {
            return Err(
                "Stack sets with service-managed permissions do not support macros in templates.".into()
            );
        }
        match (&instance.stack, self.deletes()) {
            (None, true) => Ok(None),
            (Some(_), true) if self.operation.retain == Some(true) => Ok(None),
            (Some(stack), true) => {
                let input = [("StackName", Value::str(stack))].into_iter().collect();
                self.call(tx, instance, "DeleteStack", input)?;
                Ok(Some(stack.clone()))
            }
            (None, false) => {
                let id = base::id::uuid(self.cloud.rng());
                let name = format!("StackSet-{}-{id}", self.set.name);
                let answer = self.call(tx, instance, "CreateStack", self.input(&name, instance))?;
                Ok(answer.member("StackId").and_then(Value::as_str).map(str::to_owned))
            }
            (Some(stack), false) => match self.call(tx, instance, "UpdateStack", self.input(stack, instance))
            {
                Ok(_) => Ok(Some(stack.clone())),
                Err(why) if why == "No updates are to be performed." => Ok(None),
                Err(why) => Err(why),
            },
        }
    }

    /// The parameters of a stack of the set.
    fn parameters(&self, instance: &Instance) -> Texts {
        let mut parameters = open_texts(self.cloud, &self.set.sealed_parameters);
        for (name, value) in open_texts(self.cloud, &instance.sealed_overrides) {
            if let Some(own) = parameters.iter_mut().find(|(own, _)| *own == name) {
                own.1 = value;
            }
        }
        parameters
    }

    /// What a stack of the set is to be.
    fn input(&self, name: &str, instance: &Instance) -> Struct {
        let parameters = self.parameters(instance);
        let pairs = |pairs: Texts, key: &'static str, value: &'static str| {
            let pair = |(name, text): (String, String)| {
                let members = [(key, Value::Str(name)), (value, Value::Str(text))];
                Value::Struct(members.into_iter().collect())
            };
            Value::List(pairs.into_iter().map(pair).collect())
        };
        let capabilities = self.set.capabilities.iter().map(Value::str).collect();
        let members = [
            ("StackName", Value::str(name)),
            ("TemplateBody", Value::str(&self.set.text)),
            ("Parameters", pairs(parameters, "ParameterKey", "ParameterValue")),
            ("Capabilities", Value::List(capabilities)),
            ("Tags", pairs(self.set.tags.clone(), "Key", "Value")),
        ];
        members.into_iter().collect()
    }

    /// Calls CloudFormation where an instance is, by the administration role and the execution role there.
    fn call(
        &self,
        tx: &mut Tx,
        instance: &Instance,
        operation: &str,
        input: Struct,
    ) -> Result<Value, String> {
        let called = self.within(tx, instance, |cx, _| {
            cx.call(CLOUDFORMATION, operation, Value::Struct(input), As::Caller)
        });
        called?.map_err(|fault| fault.message)
    }

    /// Works where an instance is, by the same roles.
    fn within<T>(
        &self,
        tx: &mut Tx,
        instance: &Instance,
        work: impl FnOnce(&mut Cx<'_>, &Asker) -> T,
    ) -> Result<T, String> {
        let Operation { administrator, executor, .. } = self.operation;
        let region = Region::parse(&instance.region).ok_or("No such region.")?;
        let role = Arn::new("iam", "", &instance.account, &format!("role/{executor}")).to_string();
        let members = [
            ("RoleArn", Value::Str(role)),
            ("RoleSessionName", Value::Str(base::id::uuid(self.cloud.rng()))),
        ];
        let assume = Value::Struct(members.into_iter().collect());
        let (home, source) = ((self.set.account, self.set.region), self.set.arn());
        let mut name = SERVICE;
        if self.set.is_managed() {
            name = organization::MANAGEMENT;
            let account = AccountId::parse(&instance.account).ok_or("No such account.")?;
            let admitted = self.cloud.act(tx, organization::MEMBER, account, region, |cx| {
                organization::admit(cx, administrator, executor)
            });
            admitted.map_err(|fault| fault.message)?;
        }
        let assumed = self.cloud.act_as_role_for(tx, name, administrator, home, Some(&source), |cx| {
            cx.call("sts", "AssumeRole", assume, As::Caller)
        });
        let unassumed = |_: Fault| {
            let short = administrator.split_once(":role/").map_or(administrator.as_str(), |(_, name)| name);
            format!(
                "Account {} should have '{executor}' role with trust relationship to Role '{short}'.",
                instance.account
            )
        };
        let refused = |_: Fault| format!("Role {administrator} is invalid or cannot be assumed");
        let session = assumed.map_err(refused)?.map_err(unassumed)?;
        let text = |member| session.at(&["Credentials", member]).and_then(Value::as_str).unwrap_or_default();
        let (access_key, token) = (text("AccessKeyId"), text("SessionToken"));
        let asker = Asker {
            access_key: access_key.to_owned(),
            sealed_token: Some(seal_text(self.cloud, token)),
            role: None,
        };
        let whom = Whom::Caller { access_key, token: Some(token) };
        let answer = self.cloud.act_for(tx, SERVICE, whom, region, None, |cx| work(cx, &asker));
        answer.map_err(|fault| fault.message)
    }

    /// Nothing is at work any more, and nothing begins: what has not begun never does.
    fn end(&self, outcomes: &[Outcome], exceeded: bool) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let key = self.set.operation_key(&self.operation.id);
        let Some(mut operation) = OPERATIONS.get(&tx, &key).map_err(said)? else { return Ok(true) };
        let stopped = operation.status == "STOPPING";
        let reason = match exceeded {
            true => "Cancelled since failure tolerance has exceeded",
            false => "Cancelled since the operation was stopped",
        };
        for (place, outcome) in outcomes.iter().enumerate().filter(|(_, own)| own.status == "PENDING") {
            self.settle(&mut tx, place, outcome, "CANCELLED", Some(reason.to_owned()))?;
        }
        operation.status = match (exceeded, stopped) {
            (true, _) => "FAILED",
            (_, true) => "STOPPED",
            _ => "SUCCEEDED",
        }
        .to_owned();
        operation.ended = Some(self.cloud.clock().now());
        if operation.looks() {
            operation.drift = Some(self.seen(&tx, stopped)?);
            if let Some(mut set) = SETS.get(&tx, &self.set.key()).map_err(said)? {
                set.drift.clone_from(&operation.drift);
                set.save(&mut tx);
            }
        }
        OPERATIONS.put(&mut tx, &key, &operation);
        news::operated(self.cloud, &mut tx, self.set, &operation);
        SET_JOBS.delete(&mut tx, &self.set.key());
        commit(tx)
    }
}
