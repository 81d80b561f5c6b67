//! Imports: what is there becomes part of the stack as it is, and gets the stack's tags. A failure leaves the stack as
//! it was, and what was imported to itself.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>

use super::phase::take_next;
use super::plan::{Made, Plan, known};
use super::step::{Task, Worker, commit, enter, merged, reread};
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::{Done, Kind, On, Refusal, kind};
use crate::cloudformation::model::{
    IMPORTS, Import, JOBS, Link, NEXT, Phase, RESOURCES, Resource, STACKS, Stack, open, seal,
};
use crate::cloudformation::template::graph::Needs;
use crate::cloudformation::template::{Keep, Wrong, get, text};
use std::cell::RefCell;
use store::{Direction, Key, Read, StoreError, Tx};
use wire::Value;

/// What is there under this name.
pub(crate) fn exists(on: &mut On<'_, '_>, import: &Import) -> Done<Seen> {
    let missing = || {
        let (kind, physical) = (&import.kind, &import.physical);
        Refusal::gone(format!("Resource of type '{kind}' with identifier '{physical}' was not found."))
    };
    let look = kind(&import.kind).and_then(|kind| kind.look).ok_or_else(missing)?;
    let seen = (look.read)(on).map_err(|refusal| if refusal.gone { missing() } else { refusal })?;
    // Services know things by other names, too; a stack knows them by one.
    let is_other = |(name, value): &(String, String)| seen.name(name).is_some_and(|own| own != *value);
    match import.identifiers.iter().any(is_other) {
        true => Err(missing()),
        false => Ok(seen),
    }
}

/// What is known of it before anybody has looked: what it is identified by.
pub(crate) fn identity(import: &Import) -> Value {
    let known = import.identifiers.iter();
    Value::Map(known.map(|(name, value)| (name.clone(), Value::str(value))).collect())
}

/// A URL without the host by which its reader has found the cloud.
fn path(physical: &str) -> &str {
    match physical.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => physical,
    }
}

/// What says that a resource belongs to a stack already, this one or another.
pub(crate) fn holder(from: &dyn Read, stack: &Stack, import: &Import) -> Result<Option<String>, StoreError> {
    for entry in STACKS.scan(from, &Key::regional(stack.account, stack.region), Direction::Forward) {
        let (_, other) = entry?;
        let is_it = |resource: &Resource| {
            resource.is_live()
                && resource.kind == import.kind
                && path(&resource.physical) == path(&import.physical)
        };
        if !other.is_deleted() && known(from, &other)?.values().any(is_it) {
            return Ok(Some(format!("{} already exists in stack {}", import.physical, other.arn())));
        }
    }
    Ok(None)
}

impl Worker<'_> {
    /// One step of an import: a resource comes in, or is tagged, or all have been.
    pub(super) fn import(&self, stack: &Stack) -> Result<bool, String> {
        let snapshot = self.cloud.store().snapshot();
        let plan = Plan::load(self.cloud, &snapshot, stack, NEXT)?;
        let plan = plan.ok_or_else(|| format!("the stack {} has no template", stack.name))?;
        let resources = known(&snapshot, stack).map_err(|e| e.to_string())?;
        let own = |import: &&Import| resources.get(&import.name).filter(|r| r.round == stack.round);
        if self.job.imports.iter().filter_map(|import| own(&import)).any(|r| r.status.ends_with("_FAILED")) {
            return self.turn_out(stack);
        }
        // Each after those that it needs.
        let evaluator = plan.evaluator().map_err(|wrong| wrong.0)?;
        let (order, _) = plan.order(&evaluator).map_err(|wrong| wrong.0)?;
        let place = |import: &&Import| order.iter().position(|name| *name == import.name);
        if let Some(import) = self.job.imports.iter().filter(|import| own(import).is_none()).min_by_key(place)
        {
            return self.bring_in(stack, &plan, import);
        }
        let untagged = resources.values().find(|r| r.round == stack.round && r.status == "IMPORT_COMPLETE");
        match untagged {
            Some(resource) => self.tag(stack, resource),
            None => self.imported(stack, &plan),
        }
    }

    fn bring_in(&self, stack: &Stack, plan: &Plan, import: &Import) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        let mut resource = Resource {
            name: import.name.clone(),
            kind: import.kind.clone(),
            physical: import.physical.clone(),
            round: stack.round,
            made_in: stack.round,
            ..Resource::default()
        };
        let started = Some("Resource import started.");
        enter(self.cloud, &mut tx, &mut stack, &mut resource, "IMPORT_IN_PROGRESS", started, None);
        match self.become_own(&mut tx, &stack, plan, import, &mut resource) {
            Ok(()) => {
                let done = Some("Resource import completed.");
                enter(self.cloud, &mut tx, &mut stack, &mut resource, "IMPORT_COMPLETE", done, None);
            }
            Err(why) => {
                enter(self.cloud, &mut tx, &mut stack, &mut resource, "IMPORT_FAILED", Some(&why), None);
            }
        }
        commit(tx).map(|_| false)
    }

    /// The record of it, by what is there and what the template says.
    fn become_own(
        &self,
        tx: &mut Tx,
        stack: &Stack,
        plan: &Plan,
        import: &Import,
        resource: &mut Resource,
    ) -> Result<(), String> {
        let said = |error: StoreError| error.to_string();
        // It is under way itself.
        RESOURCES.delete(tx, &resource.key(stack));
        if let Some(why) = holder(tx, stack, import).map_err(said)? {
            return Err(why);
        }
        let resources = known(tx, stack).map_err(said)?;
        let wrong = |Wrong(why)| why;
        let evaluator = plan.evaluator().map_err(wrong)?;
        let (_, needs) = plan.order(&evaluator).map_err(wrong)?;
        let world = Made {
            cloud: self.cloud,
            from: tx,
            stack,
            known: &resources,
            shows: true,
            imports: RefCell::default(),
        };
        let properties = plan.properties(&evaluator, &import.name, &world).map_err(wrong)?;
        let used = world.imports.into_inner();
        if let Some(kind) = kind(&import.kind) {
            kind.check(&import.name, &properties)?;
        }
        for name in used {
            let key = Key::regional(stack.account, stack.region).str(&name).str(&stack.id);
            IMPORTS.put(tx, &key, &Link { stack: stack.id.clone(), name: stack.name.clone() });
        }
        let seen =
            self.look(tx, stack, import, &properties, &identity(import)).map_err(|refusal| refusal.reason)?;
        resource.properties = seal(self.cloud, &properties);
        resource.attributes = seal(self.cloud, &merged(Value::Map(Vec::new()), seen.attributes));
        draw(resource, plan, &needs);
        Ok(())
    }

    fn look(&self, tx: &mut Tx, stack: &Stack, import: &Import, wanted: &Value, known: &Value) -> Done<Seen> {
        let nothing = Value::Map(Vec::new());
        let task =
            Task { logical: &import.name, physical: &import.physical, wanted, before: &nothing, known };
        self.act(tx, stack, &task, |on| {
            let import = on.job.imports.iter().find(|import| import.name == on.logical).cloned();
            exists(on, &import.ok_or_else(|| Refusal::of("Nobody has asked for its import."))?)
        })
    }

    /// What is there already becomes part of the stack among resources that are made or changed.
    pub(super) fn adopt(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        wanted: &Value,
        import: &Import,
    ) {
        let seen = match holder(tx, stack, import) {
            Ok(None) => {
                self.look(tx, stack, import, wanted, &identity(import)).map_err(|refusal| refusal.reason)
            }
            Ok(Some(why)) => Err(why),
            Err(error) => Err(error.to_string()),
        };
        resource.made_in = stack.round;
        let started = Some("Resource import started.");
        enter(self.cloud, tx, stack, resource, "IMPORT_IN_PROGRESS", started, None);
        match seen {
            Ok(seen) => {
                resource.physical.clone_from(&import.physical);
                resource.properties = seal(self.cloud, wanted);
                resource.attributes = seal(self.cloud, &merged(Value::Map(Vec::new()), seen.attributes));
                // Nobody here made it: whatever becomes of the rest, it stays.
                resource.keep = Keep::Retain as u32;
                let done = Some("Resource import completed.");
                enter(self.cloud, tx, stack, resource, "IMPORT_COMPLETE", done, None);
                self.tag_within(tx, stack, resource);
            }
            Err(why) => enter(self.cloud, tx, stack, resource, "IMPORT_FAILED", Some(&why), None),
        }
    }

    /// The stack's tags come to those that a resource has; nothing else of it is touched.
    fn tag(&self, stack: &Stack, resource: &Resource) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let (mut stack, mut resource) = (reread(&tx, stack)?, resource.clone());
        self.tag_within(&mut tx, &mut stack, &mut resource);
        commit(tx).map(|_| false)
    }

    fn tag_within(&self, tx: &mut Tx, stack: &mut Stack, resource: &mut Resource) {
        let why = Some("Apply stack-level tags to imported resource if applicable.");
        enter(self.cloud, tx, stack, resource, "UPDATE_IN_PROGRESS", why, None);
        match self.tagged(tx, stack, resource) {
            Ok(()) => enter(self.cloud, tx, stack, resource, "UPDATE_COMPLETE", None, None),
            Err(refusal) => {
                let why = Some(refusal.reason.as_str());
                enter(self.cloud, tx, stack, resource, "UPDATE_FAILED", why, None);
            }
        }
    }

    fn tagged(&self, tx: &mut Tx, stack: &Stack, resource: &Resource) -> Done<()> {
        let Some(kind) = kind(&resource.kind) else { return Ok(()) };
        self.mark(tx, stack, resource, kind)?;
        if !kind.has_tags() || stack.tags.is_empty() {
            return Ok(());
        }
        let wanted = open(self.cloud, &resource.properties);
        let import = Import {
            name: resource.name.clone(),
            kind: resource.kind.clone(),
            physical: resource.physical.clone(),
            ..Import::default()
        };
        let known = open(self.cloud, &resource.attributes);
        let seen = self.look(tx, stack, &import, &wanted, &known)?;
        let (before, wanted) = with_stack_tags(kind, wanted, get(&seen.properties, "Tags"), &stack.tags);
        if before == wanted {
            return Ok(());
        }
        let task = Task {
            logical: &resource.name,
            physical: &resource.physical,
            wanted: &wanted,
            before: &before,
            known: &known,
        };
        self.act(tx, stack, &task, kind.update).map(drop)
    }

    /// All are in: the template is the stack's.
    fn imported(&self, stack: &Stack, plan: &Plan) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        let evaluator = plan.evaluator().map_err(|wrong| wrong.0)?;
        let (_, needs) = plan.order(&evaluator).map_err(|wrong| wrong.0)?;
        for mut resource in known(&tx, &stack).map_err(|e| e.to_string())?.into_values() {
            if resource.is_live() {
                draw(&mut resource, plan, &needs);
                RESOURCES.put(&mut tx, &resource.key(&stack), &resource);
            }
        }
        stack.description.clone_from(&plan.template.description);
        take_next(&mut tx, &stack)?;
        stack.enter(self.cloud, &mut tx, "IMPORT_COMPLETE", None);
        JOBS.delete(&mut tx, &self.job_key());
        commit(tx).map(|_| false)
    }

    fn turn_out(&self, stack: &Stack) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        let resources = known(&tx, &stack).map_err(|e| e.to_string())?;
        let failed = resources.values().filter(|r| r.round == stack.round && r.status.ends_with("_FAILED"));
        let names: Vec<&str> = failed.map(|r| r.name.as_str()).collect();
        let why = format!("The following resource(s) failed to import: [{}]. ", names.join(", "));
        stack.enter(self.cloud, &mut tx, "IMPORT_ROLLBACK_IN_PROGRESS", Some(&why));
        self.turn(&mut tx, Phase::ImportRollback);
        commit(tx).map(|_| false)
    }

    /// What came in leaves the stack, and stays what it is.
    pub(super) fn leave(&self, stack: &Stack) -> Result<bool, String> {
        let mut tx = self.cloud.store().begin();
        let mut stack = reread(&tx, stack)?;
        for mut resource in known(&tx, &stack).map_err(|e| e.to_string())?.into_values() {
            if resource.made_in != stack.round {
                continue;
            }
            for status in ["IMPORT_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_COMPLETE"] {
                enter(self.cloud, &mut tx, &mut stack, &mut resource, status, None, None);
            }
            RESOURCES.delete(&mut tx, &resource.key(&stack));
        }
        self.drop_next(&mut tx, &mut stack)?;
        stack.enter(self.cloud, &mut tx, "IMPORT_ROLLBACK_COMPLETE", None);
        JOBS.delete(&mut tx, &self.job_key());
        commit(tx).map(|_| false)
    }
}

/// What the template says of a resource beside its properties.
fn draw(resource: &mut Resource, plan: &Plan, needs: &Needs) {
    let Some(drawn) = plan.template.resource(&resource.name) else { return };
    (resource.keep, resource.replacement) = (drawn.deletion as u32, drawn.replacement as u32);
    resource.metadata = drawn.metadata.as_ref().map(wire::json::text);
    if let Some(needs) = needs.get(&resource.name) {
        resource.needs = needs.iter().cloned().collect();
    }
}

/// The properties with the tags that are there, and with those of the stack beside them.
fn with_stack_tags(
    kind: &Kind,
    properties: Value,
    there: Option<&Value>,
    own: &[(String, String)],
) -> (Value, Value) {
    let there = match there {
        Some(Value::List(tags)) => tags.clone(),
        _ => Vec::new(),
    };
    let is_own = |tag: &Value| {
        let key = get(tag, "Key").and_then(text);
        own.iter().any(|(name, _)| Some(name) == key.as_ref())
    };
    let others = there.iter().filter(|tag| !is_own(tag)).cloned();
    let all: Vec<Value> = others.chain(own.iter().map(|(key, value)| kind.tag(key, value))).collect();
    let with = |tags: Vec<Value>| {
        let Value::Map(mut entries) = properties.clone() else { return properties.clone() };
        entries.retain(|(name, _)| name != "Tags");
        entries.push(("Tags".to_owned(), Value::List(tags)));
        Value::Map(entries)
    };
    (with(there), with(all))
}
