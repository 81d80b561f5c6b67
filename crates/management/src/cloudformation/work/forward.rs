//! Forward: each resource becomes what the template says, once those that it needs have become so.

use super::plan::{Known, Made, Plan, known};
use super::roll;
use super::step::{Task, Worker, commit, enter, merged, reread};
use crate::cloudformation::asked::{self, SIGNALS, Signal, Tally, tally};
use crate::cloudformation::kinds::{Kind, Refusal, kind};
use crate::cloudformation::model::{IMPORTS, JOBS, Link, Past, RESOURCES, Resource, Said, Stack, open, seal};
use crate::cloudformation::stack_policy::Act;
use crate::cloudformation::template::evaluate::Evaluator;
use crate::cloudformation::template::graph::Needs;
use crate::cloudformation::template::policy::Signals;
use crate::cloudformation::template::{Resource as Drawn, Wrong, get, text};
use std::cell::RefCell;
use std::collections::BTreeSet;
use store::{Key, Tx};
use wire::Value;

/// What a pass over the resources found.
#[derive(Default, Debug)]
pub(super) struct Pass {
    /// Something happened: look again.
    pub(super) did: bool,
    /// Something is not ready yet.
    pub(super) waits: bool,
    pub(super) failed: bool,
    /// Something is held up by something else.
    pub(super) blocked: bool,
}

/// A resource that the template asks for, in the stack of this round.
struct Wanted<'a> {
    drawn: &'a Drawn,
    kind: &'static Kind,
    needs: &'a BTreeSet<String>,
    properties: Value,
    /// As events show them.
    shown: String,
    signals: Option<Signals>,
    policy: Option<String>,
}

/// What the functions of a resource have come to.
struct Evaluated {
    properties: Value,
    shown: String,
    imports: BTreeSet<String>,
    signals: Option<Signals>,
    policy: Option<String>,
}

impl Worker<'_> {
    /// One pass, in order.
    pub(super) fn forward(
        &self,
        stack: &Stack,
        plan: &Plan,
        evaluator: &Evaluator<'_>,
        (order, needs): &(Vec<String>, Needs),
    ) -> Result<Pass, String> {
        let all = || known(&self.cloud.store().snapshot(), stack).map_err(|e| e.to_string());
        let mut known = all()?;
        let mut pass = Pass::default();
        for name in order {
            let own = known.get(name).filter(|resource| resource.round == stack.round);
            let fresh = match own {
                Some(own) if own.status.ends_with("_COMPLETE") => continue,
                Some(own) if own.status.ends_with("_FAILED") => {
                    pass.failed = true;
                    break;
                }
                Some(own) => self.poll(stack, own)?,
                None => {
                    let done = |need: &String| {
                        known
                            .get(need)
                            .is_some_and(|r| r.round == stack.round && r.status.ends_with("_COMPLETE"))
                    };
                    let own_needs = &needs[name];
                    if !own_needs.iter().all(done) {
                        pass.waits = true;
                        continue;
                    }
                    self.start(stack, plan, evaluator, name, own_needs, &known)?
                }
            };
            match fresh {
                Some(fresh) => {
                    pass.did = true;
                    pass.waits |= fresh.status.ends_with("_IN_PROGRESS");
                    let failed = fresh.status.ends_with("_FAILED");
                    if kind(&fresh.kind).is_some_and(|kind| kind.renews) {
                        known = all()?;
                    }
                    known.insert(name.clone(), fresh);
                    if failed {
                        pass.failed = true;
                        break;
                    }
                }
                None => pass.waits = true,
            }
        }
        Ok(pass)
    }

    /// Whether the job still stands as it was read, in this transaction.
    fn stands(&self, tx: &Tx) -> Result<bool, String> {
        let key = Key::global().str(&self.job.stack);
        let job = JOBS.get(tx, &key).map_err(|e| e.to_string())?;
        Ok(job.is_some_and(|job| !job.cancelled && job.phase == self.job.phase))
    }

    fn start(
        &self,
        stack: &Stack,
        plan: &Plan,
        evaluator: &Evaluator<'_>,
        name: &str,
        needs: &BTreeSet<String>,
        known: &Known,
    ) -> Result<Option<Resource>, String> {
        let Some(drawn) = plan.template.resource(name) else { return Err(format!("no resource {name}")) };
        let Some(kind) = kind(&drawn.kind) else { return Err(format!("no kind {}", drawn.kind)) };
        let mut tx = self.cloud.store().begin();
        if !self.stands(&tx)? {
            return Ok(None);
        }
        let mut stack = reread(&tx, stack)?;
        let evaluated = self.evaluated(&tx, &stack, plan, evaluator, name, known);
        let Evaluated { properties, shown, imports, signals, policy } = match evaluated {
            Ok(found) => found,
            Err(Wrong(why)) => {
                let mut resource = fresh(&stack, drawn, needs, known.get(name));
                if resource.physical.is_empty() {
                    resource.made_in = stack.round;
                }
                let status = if resource.physical.is_empty() { "CREATE_FAILED" } else { "UPDATE_FAILED" };
                enter(self.cloud, &mut tx, &mut stack, &mut resource, status, Some(&why), None);
                return Ok(commit(tx)?.then_some(resource));
            }
        };
        for import in imports {
            let key = Key::regional(stack.account, stack.region).str(&import).str(&stack.id);
            IMPORTS.put(&mut tx, &key, &Link { stack: stack.id.clone(), name: stack.name.clone() });
        }
        let wanted = Wanted { drawn, kind, needs, properties, shown, signals, policy };
        let resource = self.become_wanted(&mut tx, &mut stack, &wanted, known.get(name));
        Ok(commit(tx)?.then_some(resource))
    }

    fn evaluated(
        &self,
        tx: &Tx,
        stack: &Stack,
        plan: &Plan,
        evaluator: &Evaluator<'_>,
        name: &str,
        known: &Known,
    ) -> Result<Evaluated, Wrong> {
        let world =
            Made { cloud: self.cloud, from: tx, stack, known, shows: true, imports: RefCell::default() };
        let properties = plan.properties(evaluator, name, &world)?;
        let veiled = plan.veiled(evaluator, name, &world)?;
        let shown = wire::json::text(veiled.as_ref().unwrap_or(&properties));
        let signals = plan.signals(evaluator, name, &world)?;
        let policy = plan.update(evaluator, name, &world)?.map(|(_, policy)| wire::json::text(&policy));
        Ok(Evaluated { properties, shown, imports: world.imports.into_inner(), signals, policy })
    }

    fn become_wanted(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        wanted: &Wanted<'_>,
        before: Option<&Resource>,
    ) -> Resource {
        let mut resource = fresh(stack, wanted.drawn, wanted.needs, before);
        resource.policy.clone_from(&wanted.policy);
        let there = before.filter(|old| old.is_live() && !old.physical.is_empty());
        let Some(old) = there.filter(|old| old.status != "CREATE_FAILED") else {
            resource.doomed.extend(there.map(Resource::past));
            resource.physical = String::new();
            match self.job.imports.iter().find(|import| import.name == resource.name) {
                Some(import) => self.adopt(tx, stack, &mut resource, &wanted.properties, import),
                None => self.create(tx, stack, &mut resource, wanted, None),
            }
            return resource;
        };
        let was = open(self.cloud, &old.properties);
        let differing = wanted.kind.differing(&was, &wanted.properties);
        // Of updates that were kept though they failed, what was before all of them is what counts.
        let kept = old.old.clone().filter(|_| stack.stable.is_some() && old.round > stack.whole_at());
        let past = kept.unwrap_or_else(|| old.past());
        resource.replaced = stack.stable.is_some() && past.physical != old.physical && old.replaced;
        if wanted.kind.stays(&was, &wanted.properties) && old.status.ends_with("_COMPLETE") {
            resource.old = Some(past);
            self.stays(tx, stack, &mut resource, wanted, old);
            return resource;
        }
        let replaces = differing.iter().any(|name| wanted.kind.fixed.contains(name))
            || (roll::policy(&resource).replaces && differing.iter().any(|name| roll::RENEWS.contains(name)));
        let act = if replaces { Act::Replace } else { Act::Modify };
        let permitted = match differing.is_empty() {
            true => Ok(()),
            false => self.permits(stack, act, &resource.name, &resource.kind),
        };
        if let Err(why) = permitted {
            enter(self.cloud, tx, stack, &mut resource, "UPDATE_FAILED", Some(&why), Some(&wanted.shown));
            return resource;
        }
        resource.old = Some(past);
        if replaces {
            let unnamed = wanted.kind.named.filter(|name| !differing.contains(name));
            self.replace(tx, stack, &mut resource, wanted, old, unnamed);
            return resource;
        }
        self.update(tx, stack, &mut resource, wanted, &was);
        resource
    }

    /// Another comes in the stead of `old`. `kept`: the property that names it, where that stays what it was.
    fn replace(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        wanted: &Wanted<'_>,
        old: &Resource,
        kept: Option<&str>,
    ) {
        // What was before updates that were kept stays known, whatever comes of this one.
        let (past, was_replaced) =
            (resource.old.clone().filter(|_| stack.stable.is_some()), resource.replaced);
        if let Some(value) = kept.and_then(|name| get(&wanted.properties, name)) {
            resource.old = past;
            let value = text(value).unwrap_or_default();
            let why = format!(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {value} and update the stack again."
            );
            enter(self.cloud, tx, stack, resource, "UPDATE_FAILED", Some(&why), Some(&wanted.shown));
            return;
        }
        resource.replaced = true;
        let why = "Requested update requires the creation of a new physical resource; hence creating one.";
        self.create(tx, stack, resource, wanted, Some(why));
        if resource.status == "UPDATE_FAILED" && resource.physical == old.physical {
            (resource.old, resource.replaced) = (past, was_replaced);
        } else {
            let keep = wanted.drawn.replacement as u32;
            resource.doomed.push(Past { keep, ..old.past() });
        }
        RESOURCES.put(tx, &resource.key(stack), resource);
    }

    /// Nothing of it is asked of its service; what was written beside its properties is told.
    fn stays(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        wanted: &Wanted<'_>,
        old: &Resource,
    ) {
        if resource.metadata == old.metadata {
            RESOURCES.put(tx, &resource.key(stack), resource);
            return;
        }
        for status in ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"] {
            enter(self.cloud, tx, stack, resource, status, None, Some(&wanted.shown));
        }
    }

    fn create(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        wanted: &Wanted<'_>,
        why: Option<&str>,
    ) {
        let verb = if why.is_some() { "UPDATE" } else { "CREATE" };
        if why.is_none() {
            resource.made_in = stack.round;
        }
        let (in_progress, shown) = (format!("{verb}_IN_PROGRESS"), Some(wanted.shown.as_str()));
        enter(self.cloud, tx, stack, resource, &in_progress, why, shown);
        let nothing = Value::Map(Vec::new());
        let made = match wanted.kind.check(&resource.name, &wanted.properties) {
            Err(why) => Err(Refusal::of(why)),
            Ok(()) => {
                let task = Task {
                    logical: &resource.name,
                    physical: "",
                    wanted: &wanted.properties,
                    before: &nothing,
                    known: &nothing,
                };
                let free = self.is_free(tx, stack, &task, wanted.kind);
                free.and_then(|()| self.make(tx, stack, &task, wanted.kind.create))
            }
        };
        match made {
            Ok(made) => {
                resource.physical = made.physical;
                resource.properties = seal(self.cloud, &wanted.properties);
                resource.attributes = seal(self.cloud, &merged(nothing, made.attributes));
                let marked = self.mark(tx, stack, resource, wanted.kind);
                let ready = marked.and_then(|()| self.await_signals(tx, stack, resource, wanted.signals));
                if let Err(refusal) = ready {
                    let failed = format!("{verb}_FAILED");
                    enter(self.cloud, tx, stack, resource, &failed, Some(&refusal.reason), shown);
                    return;
                }
                let initiated = Some("Resource creation Initiated");
                enter(self.cloud, tx, stack, resource, &in_progress, initiated, shown);
                self.settle(tx, stack, resource, wanted.kind, shown);
            }
            Err(refusal) => {
                let failed = format!("{verb}_FAILED");
                enter(self.cloud, tx, stack, resource, &failed, Some(&refusal.reason), shown);
            }
        }
    }

    /// What somebody else has made is not taken for the stack's own, which would end it one day.
    fn is_free(&self, tx: &mut Tx, stack: &Stack, task: &Task<'_>, kind: &Kind) -> Result<(), Refusal> {
        let Some(taken) = kind.taken else { return Ok(()) };
        let found = match self.act(tx, stack, task, taken) {
            // What may not be looked at is for the service to tell of.
            Err(refusal) if refusal.reason.contains("HandlerErrorCode: AccessDenied") => return Ok(()),
            found => found?,
        };
        match found {
            None => Ok(()),
            Some(id) => Err(Refusal::of(format!(
                "Resource handler returned message: \"Resource of type '{}' with identifier '{id}' already exists.\" (RequestToken: {}, HandlerErrorCode: AlreadyExists)",
                kind.name,
                base::id::uuid(self.cloud.rng())
            ))),
        }
    }

    /// The tags that tell of the stack come to what is there.
    pub(super) fn mark(
        &self,
        tx: &mut Tx,
        stack: &Stack,
        resource: &Resource,
        kind: &Kind,
    ) -> Result<(), Refusal> {
        let Some(mark) = kind.mark else { return Ok(()) };
        let properties = open(self.cloud, &resource.properties);
        let task = Task {
            logical: &resource.name,
            physical: &resource.physical,
            wanted: &properties,
            before: &properties,
            known: &open(self.cloud, &resource.attributes),
        };
        self.act(tx, stack, &task, mark)
    }

    fn update(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        wanted: &Wanted<'_>,
        was: &Value,
    ) {
        let shown = Some(wanted.shown.as_str());
        enter(self.cloud, tx, stack, resource, "UPDATE_IN_PROGRESS", None, shown);
        let known = open(self.cloud, &resource.attributes);
        let made = match wanted.kind.check(&resource.name, &wanted.properties) {
            Err(why) => Err(Refusal::of(why)),
            Ok(()) => {
                let asked_for = roll::asked_for(resource, &wanted.properties, was);
                let task = Task {
                    logical: &resource.name,
                    physical: &resource.physical,
                    wanted: &asked_for,
                    before: was,
                    known: &known,
                };
                self.make(tx, stack, &task, wanted.kind.update)
            }
        };
        match made {
            Ok(made) => {
                resource.physical = made.physical;
                resource.properties = seal(self.cloud, &wanted.properties);
                resource.attributes = seal(self.cloud, &merged(known, made.attributes));
                RESOURCES.put(tx, &resource.key(stack), resource);
                self.settle(tx, stack, resource, wanted.kind, shown);
            }
            Err(refusal) => {
                // What was before updates that were kept stays known.
                resource.old = resource.old.take().filter(|_| stack.stable.is_some());
                enter(self.cloud, tx, stack, resource, "UPDATE_FAILED", Some(&refusal.reason), shown);
            }
        }
    }

    /// Looks whether it is ready; says so if it is.
    pub(super) fn settle(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        kind: &'static Kind,
        shown: Option<&str>,
    ) {
        let (wanted, known) =
            (open(self.cloud, &resource.properties), open(self.cloud, &resource.attributes));
        let before = match &resource.old {
            Some(old) if !resource.replaced => open(self.cloud, &old.properties),
            _ => Value::Map(Vec::new()),
        };
        let task = Task {
            logical: &resource.name,
            physical: &resource.physical,
            wanted: &wanted,
            before: &before,
            known: &known,
        };
        let verb = resource.status.split('_').next().unwrap_or("CREATE").to_owned();
        let done = self.act(tx, stack, &task, kind.ready);
        let renamed = self.told.take();
        let is_renamed = renamed.is_some();
        if let Some(physical) = renamed {
            called(resource, physical);
        }
        let done = match done {
            Ok(Some(attributes)) => self.done(tx, stack, resource).map(|all| all.then_some(attributes)),
            other => other,
        };
        match done {
            Ok(None) if resource.settling && !is_renamed => {}
            Ok(None) => {
                resource.settling = true;
                RESOURCES.put(tx, &resource.key(stack), resource);
            }
            Ok(Some(attributes)) => {
                resource.settling = false;
                resource.attributes = seal(self.cloud, &merged(known, attributes));
                enter(self.cloud, tx, stack, resource, &format!("{verb}_COMPLETE"), None, shown);
            }
            Err(refusal) => {
                resource.settling = false;
                let failed = format!("{verb}_FAILED");
                enter(self.cloud, tx, stack, resource, &failed, Some(&refusal.reason), shown);
            }
        }
    }

    /// From now on signals are waited for.
    fn await_signals(
        &self,
        tx: &mut Tx,
        stack: &Stack,
        resource: &mut Resource,
        signals: Option<Signals>,
    ) -> Result<(), Refusal> {
        let Some(Signals { count, timeout, percent }) = signals else { return Ok(()) };
        (resource.signals, resource.percent) = (count, percent);
        resource.signals_until = Some(self.cloud.clock().now().plus(timeout));
        Ok(asked::forget_signals(tx, &resource.key(stack))?)
    }

    /// Whether all that a policy asks for has been done: its instances are new, its signals have come.
    fn done(&self, tx: &mut Tx, stack: &mut Stack, resource: &mut Resource) -> Result<bool, Refusal> {
        Ok(self.rolled(tx, stack, resource)? && self.signalled(tx, stack, resource)?)
    }

    /// Whether the signals have come that its creation waits for.
    fn signalled(&self, tx: &mut Tx, stack: &mut Stack, resource: &Resource) -> Result<bool, Refusal> {
        if resource.signals == 0 || resource.reverting {
            return Ok(true);
        }
        let all = self.signals(tx, stack, resource)?;
        let is_over = resource.signals_until.is_none_or(|until| until <= self.cloud.clock().now());
        if let Some(percent) = resource.percent {
            return enough(&all, resource.signals, percent, is_over);
        }
        match tally(&all, resource.signals as usize) {
            Tally::Enough => Ok(true),
            Tally::Failed(failed) => {
                Err(Refusal::of(format!("Received FAILURE signal with UniqueId {}", failed.id)))
            }
            Tally::Short if !is_over => Ok(false),
            Tally::Short => Err(Refusal::of(format!(
                "Failed to receive {} resource signal(s) within the specified duration",
                resource.signals as usize - all.len()
            ))),
        }
    }

    /// All signals that a resource has had; the stack says which are new.
    pub(super) fn signals(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &Resource,
    ) -> Result<Vec<Signal>, Refusal> {
        let home = resource.key(stack);
        let all = asked::signals(tx, &home)?;
        for signal in all.iter().filter(|signal| !signal.told) {
            let word = if signal.failed { "FAILURE" } else { "SUCCESS" };
            let reason = format!("Received {word} signal with UniqueId {}", signal.id);
            self.tell(tx, stack, resource, &reason);
            SIGNALS.put(tx, &home.clone().str(&signal.id), &Signal { told: true, ..signal.clone() });
        }
        Ok(all)
    }

    /// The stack says something of a resource that stays in its state.
    pub(super) fn tell(&self, tx: &mut Tx, stack: &mut Stack, resource: &Resource, reason: &str) {
        let said = Said {
            name: &resource.name,
            kind: &resource.kind,
            physical: &resource.physical,
            status: &resource.status,
            reason: Some(reason),
            properties: None,
        };
        stack.say(self.cloud, tx, said);
        stack.save(tx);
    }

    /// One that was begun: `None` where it is still not ready.
    fn poll(&self, stack: &Stack, resource: &Resource) -> Result<Option<Resource>, String> {
        let Some(kind) = kind(&resource.kind) else { return Err(format!("no kind {}", resource.kind)) };
        let mut tx = self.cloud.store().begin();
        if !self.stands(&tx)? {
            return Ok(None);
        }
        let (mut stack, mut resource) = (reread(&tx, stack)?, resource.clone());
        self.settle(&mut tx, &mut stack, &mut resource, kind, None);
        let ended = !resource.status.ends_with("_IN_PROGRESS");
        // A hook may have taken a further step without being done.
        let wrote = !tx.is_read_only();
        Ok((!wrote || commit(tx)?).then_some(resource).filter(|_| ended))
    }
}

/// Whether as many of those that are to signal have signalled success as must; those that keep silent have not.
fn enough(all: &[Signal], of: u32, percent: u32, is_over: bool) -> Result<bool, Refusal> {
    let (heard, well) = (all.len() as u32, all.iter().filter(|signal| !signal.failed).count() as u32);
    let must = (of * percent).div_ceil(100);
    if well < must && (is_over || heard - well > of - must) {
        return Err(Refusal::of(format!(
            "Received {well} SUCCESS signal(s) out of {of}. Unable to satisfy {percent}% MinSuccessfulInstancesPercent requirement"
        )));
    }
    Ok(is_over || heard >= of)
}

/// A resource is called otherwise by now: the one that it was called before is another, which is to go.
pub(super) fn called(resource: &mut Resource, physical: String) {
    if let Some(old) = resource.old.as_ref().filter(|old| !resource.replaced && old.physical != physical) {
        let keep = if resource.reverting { 0 } else { resource.replacement };
        let past = Past { keep, settling: false, ..old.clone() };
        resource.doomed.push(past);
    }
    resource.doomed.retain(|past| past.physical != physical);
    resource.physical = physical;
}

/// The record of a resource in this round.
fn fresh(stack: &Stack, drawn: &Drawn, needs: &BTreeSet<String>, before: Option<&Resource>) -> Resource {
    let known = before.filter(|before| before.is_live()).cloned().unwrap_or_default();
    Resource {
        name: drawn.name.clone(),
        kind: drawn.kind.clone(),
        round: stack.round,
        needs: needs.iter().cloned().collect(),
        keep: drawn.deletion as u32,
        replacement: drawn.replacement as u32,
        metadata: drawn.metadata.as_ref().map(wire::json::text),
        old: None,
        replaced: false,
        reverting: false,
        ending: false,
        settling: false,
        signals: 0,
        signals_until: None,
        percent: None,
        roll: None,
        ..known
    }
}
