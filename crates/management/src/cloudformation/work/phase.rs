//! The phases of an operation on a stack.
//!
//! ```text
//! Create ──────────────▶ CREATE_COMPLETE
//!    └─ a failure ─▶ Rollback ─▶ ROLLBACK_COMPLETE | ROLLBACK_FAILED
//! Update ─▶ Cleanup ───▶ UPDATE_COMPLETE
//!    └─ a failure ─▶ UpdateRollback ─▶ RollbackCleanup ─▶ UPDATE_ROLLBACK_COMPLETE | UPDATE_ROLLBACK_FAILED
//! Delete ──────────────▶ DELETE_COMPLETE | DELETE_FAILED
//! Import ──────────────▶ IMPORT_COMPLETE
//!    └─ a failure ─▶ ImportRollback ─▶ IMPORT_ROLLBACK_COMPLETE
//! ```

use super::forward::Pass;
use super::plan::{Known, Made, Plan, known};
use super::step::{Task, Worker, commit, enter, reread};
use crate::cloudformation::kinds::given;
use crate::cloudformation::model::{
    BODIES, EXPORTS, Export, IMPORTS, JOBS, Job, Link, NAMES, NEXT, NOW, Phase, Resource, STABLE, STACK,
    STACKS, Shown, Stack,
};
use crate::cloudformation::stack_policy::{Act, StackPolicy};
use crate::cloudformation::template::check::twice_exported;
use crate::cloudformation::template::evaluate::{Evaluator, World};
use crate::cloudformation::template::{Wrong, dynamic, is_no_export, text, wrong};
use crate::cloudformation::trigger;
use kernel::Cloud;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, StoreError, Tx};
use wire::Value;

fn said(error: StoreError) -> String {
    error.to_string()
}

/// Takes one operation as far as it goes now; whether it waits for something.
pub(super) fn advance(cloud: &Arc<Cloud>, id: &str) -> Result<bool, String> {
    loop {
        let snapshot = cloud.store().snapshot();
        let Some(job) = JOBS.get(&snapshot, &Key::global().str(id)).map_err(said)? else { return Ok(false) };
        let key = Key::regional(job.account, job.region).str(id);
        let Some(stack) = STACKS.get(&snapshot, &key).map_err(said)? else {
            return Err(format!("no stack {id}"));
        };
        let worker = Worker { cloud, job: &job, told: RefCell::default() };
        let waits = match job.phase {
            Phase::Create | Phase::Update => worker.deploy(&stack)?,
            // The work on the stack around it lets it go on.
            Phase::Held => return Ok(false),
            Phase::Import => worker.import(&stack)?,
            Phase::ImportRollback => worker.leave(&stack)?,
            Phase::UpdateRollback => {
                let pass = worker.back(&stack)?;
                match (pass.did, pass.waits, pass.failed) {
                    (true, ..) => false,
                    (_, true, _) => true,
                    (_, _, failed) => worker.rolled_back(&stack, failed)?,
                }
            }
            _ => {
                let pass = worker.removal(&stack)?;
                match (pass.did, pass.waits) {
                    (true, _) => false,
                    (_, true) => true,
                    _ => worker.removed(&stack, pass.failed || pass.blocked)?,
                }
            }
        };
        if waits {
            return Ok(true);
        }
    }
}

/// A stack of which nothing is there yet: what it imports is all that is looked at.
struct Importing<'a>(Made<'a>);

impl World for Importing<'_> {
    fn physical(&self, name: &str) -> Option<Value> {
        Some(Value::str(name))
    }

    fn attribute(&self, name: &str, _: &str) -> Result<Value, Wrong> {
        Ok(Value::str(name))
    }

    fn import(&self, name: &str) -> Result<String, Wrong> {
        self.0.import(name)
    }
}

impl Worker<'_> {
    pub(super) fn job_key(&self) -> Key {
        Key::global().str(&self.job.stack)
    }

    pub(super) fn turn(&self, tx: &mut Tx, phase: Phase) {
        JOBS.put(tx, &self.job_key(), &Job { phase, cancelled: false, ..self.job.clone() });
    }

    /// Create and update.
    fn deploy(&self, stack: &Stack) -> Result<bool, String> {
        let creates = self.job.phase == Phase::Create;
        let which = if creates { NOW } else { NEXT };
        let plan = Plan::load(self.cloud, &self.cloud.store().snapshot(), stack, which)?;
        let plan = plan.ok_or_else(|| format!("the stack {} has no template", stack.name))?;
        let evaluator = plan.evaluator().map_err(|wrong| wrong.0)?;
        let order = plan.order(&evaluator).map_err(|wrong| wrong.0)?;
        if self.job.cancelled {
            return self.fail(stack, Some("User Initiated"));
        }
        let late = stack.timeout_minutes.filter(|_| creates).is_some_and(|minutes| {
            let end = self.job.started.plus(Duration::from_secs(u64::from(minutes) * 60));
            end <= self.cloud.clock().now()
        });
        if late {
            return self.fail(stack, Some("Stack creation time exceeded the specified timeout."));
        }
        if let Some(why) = self.missing_export(stack, &plan, &evaluator, &order.0)? {
            return self.fail(stack, Some(&why));
        }
        if let Some(why) = self.missing_value(stack, &plan)? {
            return self.fail(stack, Some(&why));
        }
        if let Err(why) = self.permits_removal(stack, &order.0)? {
            return self.fail(stack, Some(&why));
        }
        if trigger::has_alarms(stack)
            && let Some(why) = self.breached(stack)?
        {
            return self.fail(stack, Some(&why));
        }
        match self.forward(stack, &plan, &evaluator, &order)? {
            Pass { failed: true, .. } => self.fail(stack, None),
            Pass { did: true, .. } => Ok(false),
            Pass { waits: true, .. } => Ok(true),
            Pass { .. } if self.is_watched(stack)? => Ok(true),
            Pass { .. } => self.complete(stack, &plan, &evaluator),
        }
    }

    /// Why one of the stack's alarms turns the operation back.
    fn breached(&self, stack: &Stack) -> Result<Option<String>, String> {
        let mut tx = self.cloud.store().begin();
        let nothing = Value::Map(Vec::new());
        let task =
            Task { logical: &stack.name, physical: "", wanted: &nothing, before: &nothing, known: &nothing };
        // Alarms that may not be looked at cannot say that all is well.
        let found = self.act(&mut tx, stack, &task, trigger::breach);
        Ok(found.unwrap_or_else(|refusal| Some(refusal.reason)))
    }

    /// Everything is there: whether the stack is still watched for a while.
    fn is_watched(&self, stack: &Stack) -> Result<bool, String> {
        let minutes = stack.watches.as_ref().map_or(0, |watches| watches.minutes);
        if minutes == 0 {
            return Ok(false);
        }
        let now = self.cloud.clock().now();
        if let Some(until) = self.job.watched_until {
            return Ok(until > now);
        }
        let mut tx = self.cloud.store().begin();
        let key = self.job_key();
        if let Some(job) = JOBS.get(&tx, &key).map_err(said)? {
            let until = now.plus(Duration::from_secs(u64::from(minutes) * 60));
            JOBS.put(&mut tx, &key, &Job { watched_until: Some(until), ..job });
            commit(tx)?;
        }
        Ok(true)
    }

    /// Why a parameter cannot have its value: it names what is not in the account. Looked at before anything is made.
    fn missing_value(&self, stack: &Stack, plan: &Plan) -> Result<Option<String>, String> {
        let named = || plan.template.parameters.iter().filter_map(|own| Some((own, own.named()?)));
        if named().next().is_none() {
            return Ok(None);
        }
        let mut tx = self.cloud.store().begin();
        if known(&tx, stack).map_err(said)?.values().any(|resource| resource.round == stack.round) {
            return Ok(None);
        }
        let nothing = Value::Map(Vec::new());
        for (parameter, kind) in named() {
            let given = plan.parameters.get(&parameter.name).map(String::as_str).unwrap_or_default();
            let entries = [("Type", Value::str(kind)), ("Value", parameter.value(given))];
            let wanted = Value::Map(entries.map(|(name, value)| (name.to_owned(), value)).into());
            let task = Task {
                logical: &parameter.name,
                physical: "",
                wanted: &wanted,
                before: &nothing,
                known: &nothing,
            };
            match self.act(&mut tx, stack, &task, given::missing) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    let shown = if parameter.no_echo { "****" } else { &value };
                    return Ok(Some(format!(
                        "Parameter validation failed: parameter value {shown} for parameter name {} does not exist.",
                        parameter.name
                    )));
                }
                Err(refusal) => return Ok(Some(format!("Parameter validation failed: {}", refusal.reason))),
            }
        }
        Ok(None)
    }

    /// What the template imports and nobody exports, in AWS's words. Looked at before anything is made.
    fn missing_export(
        &self,
        stack: &Stack,
        plan: &Plan,
        evaluator: &Evaluator<'_>,
        order: &[String],
    ) -> Result<Option<String>, String> {
        let snapshot = self.cloud.store().snapshot();
        let resources = known(&snapshot, stack).map_err(said)?;
        if self.job.phase != Phase::Create || !resources.is_empty() {
            return Ok(None);
        }
        let world = Importing(Made {
            cloud: self.cloud,
            from: &snapshot,
            stack,
            known: &resources,
            shows: true,
            imports: RefCell::default(),
        });
        for name in order {
            match plan.properties(evaluator, name, &world) {
                Err(Wrong(why)) if is_no_export(&why) => return Ok(Some(why)),
                // What else is wrong is told by the resource.
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether the stack's policy lets go what the template no longer has.
    fn permits_removal(&self, stack: &Stack, order: &[String]) -> Result<Result<(), String>, String> {
        if self.job.phase != Phase::Update || self.policy(stack).is_none() {
            return Ok(Ok(()));
        }
        let resources = known(&self.cloud.store().snapshot(), stack).map_err(said)?;
        let leaves = |r: &&Resource| r.is_live() && !r.physical.is_empty() && !order.contains(&r.name);
        let mut leaving = resources.values().filter(leaves);
        Ok(leaving.try_for_each(|r| self.permits(stack, Act::Delete, &r.name, &r.kind)))
    }

    fn policy<'s>(&'s self, stack: &'s Stack) -> Option<&'s str> {
        self.job.policy.as_deref().or(stack.policy.as_deref())
    }

    /// Whether the stack's policy permits an update to do this.
    pub(super) fn permits(&self, stack: &Stack, act: Act, name: &str, kind: &str) -> Result<(), String> {
        match self.policy(stack) {
            Some(text) if self.job.phase == Phase::Update => StackPolicy::read(text)?.allows(act, name, kind),
            _ => Ok(()),
        }
    }

    /// Everything is there: outputs and exports, and the end of the old.
    fn complete(&self, stack: &Stack, plan: &Plan, evaluator: &Evaluator<'_>) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        let resources = known(&tx, &stack).map_err(said)?;
        let outcome = self.outputs(&tx, &stack, plan, evaluator, &resources);
        let (outputs, imports) = match outcome {
            Ok(found) => found,
            Err(Wrong(why)) => return self.fail(&stack, Some(&why)),
        };
        if let Err(Wrong(why)) =
            publish(&mut tx, &stack, &outputs).and_then(|()| import(&mut tx, &stack, &imports))
        {
            drop(tx);
            return self.fail(&stack, Some(&why));
        }
        if self.job.phase == Phase::Create {
            is_whole(&mut tx, &mut stack);
        }
        let former = std::mem::replace(&mut stack.outputs, outputs);
        stack.description.clone_from(&plan.template.description);
        if self.job.phase == Phase::Create {
            stack.enter(self.cloud, &mut tx, "CREATE_COMPLETE", None);
            JOBS.delete(&mut tx, &self.job_key());
        } else if self.job.within {
            stack.former = former;
            stack.enter(self.cloud, &mut tx, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
            self.turn(&mut tx, Phase::Held);
        } else {
            take_next(&mut tx, &stack)?;
            stack.enter(self.cloud, &mut tx, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
            self.turn(&mut tx, Phase::Cleanup);
            release(&mut tx, &stack)?;
        }
        commit(tx).map(|_| false)
    }

    /// The template that was to be the next one is thrown away.
    pub(super) fn drop_next(&self, tx: &mut Tx, stack: &mut Stack) -> Result<(), String> {
        BODIES.delete(tx, &stack.key().str(NEXT));
        if let Some(plan) = Plan::load(self.cloud, tx, stack, NOW)? {
            (stack.parameters, stack.resolved) = (plan.shown(), plan.shown_resolved());
            stack.tags = plan.tags;
        }
        Ok(())
    }

    fn outputs(
        &self,
        tx: &Tx,
        stack: &Stack,
        plan: &Plan,
        evaluator: &Evaluator<'_>,
        resources: &Known,
    ) -> Result<(Vec<Shown>, BTreeSet<String>), Wrong> {
        let world = Made {
            cloud: self.cloud,
            from: tx,
            stack,
            known: resources,
            shows: true,
            imports: RefCell::default(),
        };
        let mut outputs = Vec::new();
        for output in
            plan.template.outputs.iter().filter(|output| evaluator.holds(output.condition.as_deref()))
        {
            let string = |value| {
                let value = dynamic::replaced(evaluator.value(value, &world)?, &plan.references)?;
                text(&value).ok_or_else(|| {
                    Wrong(format!(
                        "Template format error: The Value field of every Outputs member must evaluate to a String. ({})",
                        output.name
                    ))
                })
            };
            outputs.push(Shown {
                name: output.name.clone(),
                value: string(&output.value)?,
                description: output.description.clone(),
                export: output.export.as_ref().map(string).transpose()?,
            });
        }
        // What the resources import is counted, too.
        for name in resources.values().filter(|r| r.round == stack.round).map(|r| &r.name) {
            plan.properties(evaluator, name, &world)?;
        }
        Ok((outputs, world.imports.into_inner()))
    }

    /// A resource has failed, or the whole: the stack turns back, or stays where it is.
    fn fail(&self, stack: &Stack, why: Option<&str>) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        let resources = known(&tx, &stack).map_err(said)?;
        let of_round = |r: &&Resource| r.round == stack.round;
        let failed = |status: &str| {
            let names: Vec<&str> = resources
                .values()
                .filter(of_round)
                .filter(|r| r.status == status)
                .map(|r| r.name.as_str())
                .collect();
            names.join(", ")
        };
        let mut reason = why.map(|why| format!("{why} ")).unwrap_or_default();
        let verbs = [("CREATE_FAILED", "create"), ("UPDATE_FAILED", "update"), ("IMPORT_FAILED", "import")];
        for (status, verb) in verbs {
            let names = failed(status);
            if !names.is_empty() {
                reason.push_str(&format!("The following resource(s) failed to {verb}: [{names}]. "));
            }
        }
        let under_way = |r: &&Resource| r.round == stack.round && r.status.ends_with("_IN_PROGRESS");
        let cancelled: Vec<Resource> = resources.values().filter(under_way).cloned().collect();
        for mut resource in cancelled {
            let (status, why) = match resource.status.starts_with("UPDATE") {
                true => ("UPDATE_FAILED", "Resource update cancelled"),
                false => ("CREATE_FAILED", "Resource creation cancelled"),
            };
            enter(self.cloud, &mut tx, &mut stack, &mut resource, status, Some(why), None);
        }
        // What is to be done on a failure is said for the creation.
        let nothing = self.job.phase == Phase::Create && stack.on_failure.as_deref() == Some("DO_NOTHING");
        let stays = self.job.disable_rollback || nothing;
        match (self.job.phase, stays) {
            (Phase::Create, true) => {
                stack.enter(self.cloud, &mut tx, "CREATE_FAILED", Some(reason.trim_end()));
                JOBS.delete(&mut tx, &self.job_key());
            }
            (Phase::Create, false) if stack.on_failure.as_deref() == Some("DELETE") => {
                reason.push_str("Delete requested by user.");
                stack.enter(self.cloud, &mut tx, "DELETE_IN_PROGRESS", Some(&reason));
                self.turn(&mut tx, Phase::Delete);
            }
            (Phase::Create, false) => {
                reason.push_str("Rollback requested by user.");
                stack.enter(self.cloud, &mut tx, "ROLLBACK_IN_PROGRESS", Some(&reason));
                self.turn(&mut tx, Phase::Rollback);
            }
            (_, true) if !self.job.cancelled => {
                keep_stable(&mut tx, &mut stack, &resources)?;
                take_next(&mut tx, &stack)?;
                stack.enter(self.cloud, &mut tx, "UPDATE_FAILED", Some(reason.trim_end()));
                release(&mut tx, &stack)?;
                JOBS.delete(&mut tx, &self.job_key());
            }
            _ => {
                take_stable(&mut tx, &stack)?;
                stack.enter(self.cloud, &mut tx, "UPDATE_ROLLBACK_IN_PROGRESS", Some(reason.trim_end()));
                self.turn(&mut tx, Phase::UpdateRollback);
            }
        }
        commit(tx).map(|_| false)
    }

    /// An update is taken back, as far as it could be.
    fn rolled_back(&self, stack: &Stack, failed: bool) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        if failed {
            let resources = known(&tx, &stack).map_err(said)?;
            let names: Vec<&str> =
                resources.values().filter(|r| r.reverting).map(|r| r.name.as_str()).collect();
            let reason = format!("The following resource(s) failed to update: [{}].", names.join(", "));
            stack.enter(self.cloud, &mut tx, "UPDATE_ROLLBACK_FAILED", Some(&reason));
            JOBS.delete(&mut tx, &self.job_key());
        } else {
            stack.enter(self.cloud, &mut tx, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None);
            self.turn(&mut tx, Phase::RollbackCleanup);
        }
        commit(tx).map(|_| false)
    }

    /// What was to go is gone, as far as it could be.
    fn removed(&self, stack: &Stack, failed: bool) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        let resources = known(&tx, &stack).map_err(said)?;
        let names: Vec<&str> =
            resources.values().filter(|r| r.status == "DELETE_FAILED").map(|r| r.name.as_str()).collect();
        let reason =
            failed.then(|| format!("The following resource(s) failed to delete: [{}].", names.join(", ")));
        let status = match (self.job.phase, failed) {
            (Phase::Delete, true) => "DELETE_FAILED",
            (Phase::Delete, false) => "DELETE_COMPLETE",
            (Phase::Rollback, true) => "ROLLBACK_FAILED",
            (Phase::Rollback, false) => "ROLLBACK_COMPLETE",
            (Phase::Cleanup, _) => "UPDATE_COMPLETE",
            _ => "UPDATE_ROLLBACK_COMPLETE",
        };
        if self.job.phase == Phase::RollbackCleanup {
            self.drop_next(&mut tx, &mut stack)?;
        }
        if self.is_cleanup() {
            is_whole(&mut tx, &mut stack);
        }
        if status == "DELETE_COMPLETE" {
            stack.deleted = Some(self.cloud.clock().now());
            let region = Key::regional(stack.account, stack.region);
            NAMES.delete(&mut tx, &region.str(&stack.name));
            if let Err(Wrong(why)) =
                publish(&mut tx, &stack, &[]).and_then(|()| import(&mut tx, &stack, &BTreeSet::new()))
            {
                return Err(why);
            }
            crate::cloudformation::change_set::forget(self.cloud, &mut tx, &stack).map_err(said)?;
        }
        stack.enter(self.cloud, &mut tx, status, reason.as_deref());
        JOBS.delete(&mut tx, &self.job_key());
        commit(tx).map(|_| false)
    }
}

/// The template that was the next one is the present one.
pub(super) fn take_next(tx: &mut Tx, stack: &Stack) -> Result<(), String> {
    let key = stack.key().str(NEXT);
    if let Some(body) = BODIES.get(tx, &key).map_err(said)? {
        BODIES.put(tx, &stack.key().str(NOW), &body);
        BODIES.delete(tx, &key);
    }
    Ok(())
}

/// An update that failed is kept: the template of the last time that the stack was whole is, too. Not in a tree of stacks: what
/// one of them would go back to the others would not.
fn keep_stable(tx: &mut Tx, stack: &mut Stack, resources: &Known) -> Result<(), String> {
    let is_flat = resources.values().all(|resource| resource.kind != STACK);
    if stack.stable.is_some() || stack.unproven || stack.parent.is_some() || !is_flat {
        return Ok(());
    }
    if let Some(body) = BODIES.get(tx, &stack.key().str(NOW)).map_err(said)? {
        BODIES.put(tx, &stack.key().str(STABLE), &body);
        stack.stable = Some(stack.round.saturating_sub(1));
    }
    Ok(())
}

/// The template of the last time that the stack was whole is the present one again.
pub(crate) fn take_stable(tx: &mut Tx, stack: &Stack) -> Result<bool, String> {
    let found = BODIES.get(tx, &stack.key().str(STABLE)).map_err(said)?;
    if let Some(body) = &found {
        BODIES.put(tx, &stack.key().str(NOW), body);
    }
    Ok(found.is_some())
}

/// Nothing of what failed is left.
fn is_whole(tx: &mut Tx, stack: &mut Stack) {
    (stack.stable, stack.unproven) = (None, false);
    BODIES.delete(tx, &stack.key().str(STABLE));
}

/// The stack that a resource is, with the work on it.
fn within(tx: &Tx, resource: &Resource) -> Result<Option<(Stack, Option<Job>)>, String> {
    if resource.kind != STACK || !resource.is_live() {
        return Ok(None);
    }
    let Some(key) = Stack::key_of_arn(&resource.physical) else { return Ok(None) };
    let Some(stack) = STACKS.get(tx, &key).map_err(said)? else { return Ok(None) };
    let job = JOBS.get(tx, &Key::global().str(&stack.id)).map_err(said)?;
    Ok(Some((stack, job)))
}

/// The stacks within one whose update is done clean up.
fn release(tx: &mut Tx, stack: &Stack) -> Result<(), String> {
    for resource in known(tx, stack).map_err(said)?.values() {
        let Some((mut inner, Some(job))) = within(tx, resource)? else { continue };
        if job.phase != Phase::Held {
            continue;
        }
        take_next(tx, &inner)?;
        inner.former.clear();
        inner.save(tx);
        JOBS.put(tx, &Key::global().str(&inner.id), &Job { phase: Phase::Cleanup, ..job });
        release(tx, &inner)?;
    }
    Ok(())
}

/// Whether a stack within one is still at work.
pub(super) fn is_busy_within(tx: &Tx, resource: &Resource) -> Result<bool, String> {
    Ok(within(tx, resource)?.is_some_and(|(stack, _)| stack.is_busy()))
}

/// A stack that holds what its update has left goes back, as the one around it does.
pub(crate) fn turn_back(cloud: &Cloud, tx: &mut Tx, stack: &Stack) -> Result<(), String> {
    let key = Key::global().str(&stack.id);
    let Some(job) = JOBS.get(tx, &key).map_err(said)? else { return Ok(()) };
    let mut stack = stack.clone();
    JOBS.put(tx, &key, &Job { phase: Phase::UpdateRollback, ..job });
    let former = std::mem::take(&mut stack.former);
    publish(tx, &stack, &former).map_err(|wrong| wrong.0)?;
    stack.outputs = former;
    stack.enter(cloud, tx, "UPDATE_ROLLBACK_IN_PROGRESS", None);
    Ok(())
}

/// Another stack that uses an export.
pub(crate) fn user_of(tx: &Tx, stack: &Stack, export: &str) -> Result<Option<String>, StoreError> {
    let key = Key::regional(stack.account, stack.region).str(export);
    let mut users = IMPORTS.scan(tx, &key, Direction::Forward);
    users.next().transpose().map(|found| found.map(|(_, link)| link.name))
}

/// Writes a stack's exports, and takes back those that it no longer has.
fn publish(tx: &mut Tx, stack: &Stack, outputs: &[Shown]) -> Result<(), Wrong> {
    let wrong_store = |error: StoreError| Wrong(error.to_string());
    let mut seen = BTreeSet::new();
    let names = outputs.iter().filter_map(|output| output.export.clone());
    twice_exported(names.filter(|name| !seen.insert(name.clone())).collect())?;
    let region = Key::regional(stack.account, stack.region);
    for old in
        stack.outputs.iter().filter_map(|output| output.export.as_ref().map(|export| (export, &output.value)))
    {
        let stays = outputs.iter().find(|output| output.export.as_ref() == Some(old.0));
        let verb = match stays {
            Some(output) if output.value == *old.1 => continue,
            Some(_) => "update",
            None => "delete",
        };
        if let Some(user) = user_of(tx, stack, old.0).map_err(wrong_store)? {
            return wrong(format!("Cannot {verb} export {} as it is in use by {user}.", old.0));
        }
        EXPORTS.delete(tx, &region.clone().str(old.0));
    }
    for output in outputs {
        let Some(name) = &output.export else { continue };
        let key = region.clone().str(name);
        if let Some(other) = EXPORTS.get(tx, &key).map_err(wrong_store)?
            && other.stack != stack.arn()
        {
            let named = other.stack.split('/').nth(1).unwrap_or_default().to_owned();
            return wrong(format!("Export with name {name} is already exported by stack {named}."));
        }
        let export = Export { name: name.clone(), value: output.value.clone(), stack: stack.arn() };
        EXPORTS.put(tx, &key, &export);
    }
    Ok(())
}

/// The exports that a stack uses are these and no others.
fn import(tx: &mut Tx, stack: &Stack, imports: &BTreeSet<String>) -> Result<(), Wrong> {
    let region = Key::regional(stack.account, stack.region);
    let all: Result<Vec<_>, StoreError> = IMPORTS.scan(tx, &region, Direction::Forward).collect();
    let own = |link: &Link| link.stack == stack.id;
    for (key, link) in all.map_err(|error| Wrong(error.to_string()))? {
        if own(&link) {
            IMPORTS.delete(tx, &key);
        }
    }
    for name in imports {
        let link = Link { stack: stack.id.clone(), name: stack.name.clone() };
        IMPORTS.put(tx, &region.clone().str(name).str(&stack.id), &link);
    }
    Ok(())
}
