//! Change sets: what an update would do, kept until it is done or thrown away.

use super::kinds::{Kind, kind, map};
use super::model::{Body, Import, NAMES, Resource, STACKS, Stack, Watches, open};
use super::template::evaluate::{Evaluator, World};
use super::template::reference::{Reference, walk};
use super::template::{Keep, Wrong, get, is_no_export};
use super::work::plan::{Known, Made, Plan};
use super::work::roll::RENEWS;
use base::{Arn, Timestamp};
use kernel::{Cloud, Cx};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use store::{Direction, Key, StoreError, Table, Tx};
use wire::Value;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct ChangeSet {
        1 => pub(crate) name: String,
        2 => pub(crate) id: String,
        3 => pub(crate) creates: bool,
        4 => pub(crate) status: String,
        5 => pub(crate) reason: Option<String>,
        6 => pub(crate) execution: String,
        7 => pub(crate) created: Timestamp,
        8 => pub(crate) description: Option<String>,
        9 => pub(crate) body: Body,
        10 => pub(crate) parameters: Vec<(String, String)>,
        11 => pub(crate) capabilities: Vec<String>,
        12 => pub(crate) role: Option<String>,
        13 => pub(crate) changes: Vec<Change>,
        14 => pub(crate) on_failure: Option<String>,
        15 => pub(crate) token: Option<String>,
        /// The topics that are to hear of the stack; those that do where it says nothing.
        16 => pub(crate) notifies: Option<Topics>,
        /// What it imports; nothing where it is of another type.
        17 => pub(crate) imports: Vec<Import>,
        /// What is there already under the name that its template gives, and becomes part of the stack with the rest.
        18 => pub(crate) adopts: Vec<Import>,
        /// It was asked to look for such.
        19 => pub(crate) looks: Option<bool>,
        /// It was asked for those of the stacks within, too.
        20 => pub(crate) nested: Option<bool>,
        /// The ARN of the change set of the stack around, and of the one around all.
        21 => pub(crate) parent: Option<String>,
        22 => pub(crate) root: Option<String>,
        /// The round of its stack in which it was carried out.
        23 => pub(crate) round: Option<u32>,
        24 => pub(crate) watches: Option<Watches>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Topics {
        1 => pub(crate) arns: Vec<String>,
    }

    /// What happens to one resource.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Change {
        /// `Add`, `Modify`, `Remove`, `Import`.
        1 => pub(crate) action: String,
        2 => pub(crate) name: String,
        3 => pub(crate) kind: String,
        4 => pub(crate) physical: Option<String>,
        /// `True`, `False`, `Conditional`.
        5 => pub(crate) replacement: Option<String>,
        6 => pub(crate) details: Vec<Detail>,
        /// The ARN of the change set of the nested stack that it is.
        7 => pub(crate) change_set: Option<String>,
        /// What becomes of what is there: `Delete`, `ReplaceAndRetain`, ….
        8 => pub(crate) policy: Option<String>,
        /// What it was, and what it will be, as JSON, as far as that is shown.
        9 => pub(crate) before: Option<String>,
        10 => pub(crate) after: Option<String>,
    }

    /// One property that changes.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Detail {
        1 => pub(crate) property: String,
        /// It means another resource.
        2 => pub(crate) recreates: bool,
        /// Its value is known only once the change is made.
        3 => pub(crate) dynamic: bool,
        4 => pub(crate) source: String,
        5 => pub(crate) entity: Option<String>,
        /// It may mean another resource; only its service knows.
        6 => pub(crate) may_recreate: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Place {
        1 => pub(crate) stack: String,
        2 => pub(crate) name: String,
    }
}

/// Of a stack, by name.
pub(crate) const CHANGE_SETS: Table<ChangeSet> = Table::new(0x1709, "cloudformation/change sets");
/// By their own ids.
pub(crate) const PLACES: Table<Place> = Table::new(0x170A, "cloudformation/change set ids");

/// What stands where nothing can be known yet.
const UNKNOWN: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

impl ChangeSet {
    pub(crate) fn arn(&self, stack: &Stack) -> String {
        let resource = format!("changeSet/{}/{}", self.name, self.id);
        Arn::new("cloudformation", stack.region.name(), stack.account.as_str(), &resource).to_string()
    }

    pub(crate) fn save(&self, tx: &mut Tx, stack: &Stack) {
        CHANGE_SETS.put(tx, &stack.key().str(&self.name), self);
        let place = Place { stack: stack.id.clone(), name: self.name.clone() };
        PLACES.put(tx, &Key::regional(stack.account, stack.region).str(&self.id), &place);
    }

    /// Its stack.
    pub(crate) fn stack_of(&self, cx: &Cx<'_>) -> Result<Option<Stack>, StoreError> {
        let placed = placed(cx.tx, &Key::regional(cx.account, cx.region), &self.id)?;
        Ok(placed.map(|(stack, _)| stack))
    }

    pub(crate) fn fail(&mut self, why: String) {
        (self.status, self.execution, self.reason) = ("FAILED".into(), "UNAVAILABLE".into(), Some(why));
    }

    /// Whether the stack is what this made it, or on its way there.
    fn is_latest(&self, stack: &Stack) -> bool {
        self.round == Some(stack.round) && stack.change_set.as_ref() == Some(&self.arn(stack))
    }

    /// Its execution as it is shown: how it went is seen by its stack.
    pub(crate) fn execution(&self, stack: &Stack) -> String {
        let status = stack.status.as_str();
        let failed = status.contains("ROLLBACK") || status.ends_with("_FAILED");
        match self.execution.as_str() {
            "EXECUTE_COMPLETE" if !self.is_latest(stack) => self.execution.clone(),
            "EXECUTE_COMPLETE" if failed => "EXECUTE_FAILED".to_owned(),
            "EXECUTE_COMPLETE" if stack.is_busy() => "EXECUTE_IN_PROGRESS".to_owned(),
            execution => execution.to_owned(),
        }
    }

    pub(crate) fn delete(&self, tx: &mut Tx, stack: &Stack) {
        CHANGE_SETS.delete(tx, &stack.key().str(&self.name));
        PLACES.delete(tx, &Key::regional(stack.account, stack.region).str(&self.id));
    }
}

/// The change set of this ARN, and its stack.
pub(crate) fn by_arn(cx: &Cx<'_>, arn: &str) -> Result<Option<(Stack, ChangeSet)>, StoreError> {
    named(cx.tx, &Key::regional(cx.account, cx.region), arn)
}

fn named(tx: &Tx, home: &Key, arn: &str) -> Result<Option<(Stack, ChangeSet)>, StoreError> {
    let id = Arn::parse(arn)
        .and_then(|arn| Some(arn.resource.strip_prefix("changeSet/")?.split_once('/')?.1.to_owned()));
    let Some(id) = id else { return Ok(None) };
    let Some((stack, name)) = placed(tx, home, &id)? else { return Ok(None) };
    let set = CHANGE_SETS.get(tx, &stack.key().str(&name))?;
    Ok(set.filter(|set| set.arn(&stack) == arn).map(|set| (stack, set)))
}

/// The stack of the change set of this id, and its name there.
fn placed(tx: &Tx, home: &Key, id: &str) -> Result<Option<(Stack, String)>, StoreError> {
    let Some(place) = PLACES.get(tx, &home.clone().str(id))? else { return Ok(None) };
    Ok(STACKS.get(tx, &home.clone().str(&place.stack))?.map(|stack| (stack, place.name)))
}

/// All of a stack.
pub(crate) fn of(tx: &Tx, stack: &Stack) -> Result<Vec<ChangeSet>, StoreError> {
    CHANGE_SETS.scan(tx, &stack.key(), Direction::Forward).map(|entry| entry.map(|(_, set)| set)).collect()
}

/// What was foreseen for the stack as it was is not what would come of it now.
///
/// AWS: `OBSOLETE`, <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>
pub(crate) fn outdate(tx: &mut Tx, stack: &Stack) -> Result<(), StoreError> {
    for set in of(tx, stack)?.into_iter().filter(|set| set.execution == "AVAILABLE") {
        ChangeSet { execution: "OBSOLETE".into(), ..set }.save(tx, stack);
    }
    Ok(())
}

/// Those of a stack that is no more.
pub(crate) fn forget(cloud: &Cloud, tx: &mut Tx, stack: &Stack) -> Result<(), StoreError> {
    of(tx, stack)?.iter().try_for_each(|set| abandon(cloud, tx, stack, set))
}

/// One is thrown away, with those of the stacks within, and with such stacks as it alone has foreseen.
pub(crate) fn abandon(cloud: &Cloud, tx: &mut Tx, stack: &Stack, set: &ChangeSet) -> Result<(), StoreError> {
    set.delete(tx, stack);
    let home = Key::regional(stack.account, stack.region);
    for arn in set.changes.iter().filter_map(|change| change.change_set.as_deref()) {
        let Some((mut inner, own)) = named(tx, &home, arn)? else { continue };
        abandon(cloud, tx, &inner, &own)?;
        if inner.is_foreseen() {
            NAMES.delete(tx, &home.clone().str(&inner.name));
            inner.deleted = Some(cloud.clock().now());
            inner.enter(cloud, tx, "DELETE_COMPLETE", None);
        }
    }
    Ok(())
}

/// The stack as an update will find it: what will be new cannot be known.
struct Foreseen<'a> {
    made: Made<'a>,
    fresh: Rc<RefCell<BTreeSet<String>>>,
    /// What is changed in place, of which some attributes will be others.
    changed: Rc<RefCell<BTreeMap<String, &'static Kind>>>,
}

impl Foreseen<'_> {
    fn is_new(&self, name: &str, attribute: &str) -> bool {
        let varies = |kind: &&Kind| {
            let is_it = |own: &&str| attribute == *own || (own.ends_with('.') && attribute.starts_with(own));
            kind.any || kind.varies.iter().any(is_it)
        };
        self.fresh.borrow().contains(name) || self.changed.borrow().get(name).is_some_and(varies)
    }

    /// What a resource will be, as JSON, as far as that is shown.
    fn shown(&self, plan: &Plan, evaluator: &Evaluator<'_>, name: &str) -> Result<String, Wrong> {
        let made = Made { shows: false, imports: RefCell::default(), ..self.made };
        let world = Foreseen { made, fresh: Rc::clone(&self.fresh), changed: Rc::clone(&self.changed) };
        let masked = plan.masked();
        let properties = match &masked {
            Some(masked) => plan.hidden(&Evaluator::masked(evaluator, masked), name, &world),
            None => plan.properties(evaluator, name, &world)?,
        };
        let metadata = plan.template.resource(name).and_then(|drawn| drawn.metadata.clone());
        Ok(context(properties, metadata))
    }

    /// What a resource is, likewise. `former`: the plan that it was made by.
    fn was(&self, former: Option<(&Plan, &Evaluator<'_>)>, old: &Resource) -> String {
        let properties = match former {
            Some((plan, evaluator)) => match plan.veiled(evaluator, &old.name, &self.made) {
                Ok(Some(veiled)) => veiled,
                Ok(None) => open(self.made.cloud, &old.properties),
                // It cannot be said without what is hidden in it.
                Err(_) => Value::Map(Vec::new()),
            },
            None => Value::Map(Vec::new()),
        };
        context(properties, old.metadata.as_deref().and_then(wire::json::read))
    }
}

/// `{"Properties": …, "Metadata": …}`
fn context(properties: Value, metadata: Option<Value>) -> String {
    wire::json::text(&map([("Properties", properties), ("Metadata", metadata.unwrap_or(Value::Null))]))
}

impl World for Foreseen<'_> {
    fn physical(&self, name: &str) -> Option<Value> {
        if self.fresh.borrow().contains(name) {
            return Some(Value::str(UNKNOWN));
        }
        Some(self.made.physical(name).unwrap_or_else(|| Value::str(UNKNOWN)))
    }

    fn attribute(&self, name: &str, attribute: &str) -> Result<Value, Wrong> {
        if self.is_new(name, attribute) {
            return Ok(Value::str(UNKNOWN));
        }
        Ok(self.made.attribute(name, attribute).unwrap_or_else(|_| Value::str(UNKNOWN)))
    }

    fn import(&self, name: &str) -> Result<String, Wrong> {
        self.made.import(name)
    }

    fn is_unknown(&self, value: &Value) -> bool {
        is_unknown(Some(value))
    }
}

pub(crate) fn is_unknown(value: Option<&Value>) -> bool {
    value.is_some_and(|value| wire::json::text(value).contains(UNKNOWN))
}

/// What the plan would change in the stack as it is. `before`: the plan that it was made by.
///
/// # Errors
/// What is wrong with the plan, in AWS's words.
pub(crate) fn changes(
    cx: &Cx<'_>,
    stack: &Stack,
    plan: &Plan,
    known: &Known,
    before: Option<&Plan>,
) -> Result<Vec<Change>, Wrong> {
    let evaluator = plan.evaluator()?;
    let former = before.map(Plan::evaluator).transpose()?;
    let former = before.zip(former.as_ref());
    let (order, _) = plan.order(&evaluator)?;
    let made =
        Made { cloud: cx.cloud(), from: cx.tx, stack, known, shows: true, imports: RefCell::default() };
    let world = Foreseen { made, fresh: Rc::default(), changed: Rc::default() };
    let mut out = Vec::new();
    for name in &order {
        out.extend(change(cx, plan, &evaluator, &world, name, known, former)?);
    }
    let gone = known.values().filter(|resource| resource.is_live() && !order.contains(&resource.name));
    out.extend(gone.map(|resource| Change {
        action: "Remove".into(),
        name: resource.name.clone(),
        kind: resource.kind.clone(),
        physical: Some(resource.physical.clone()),
        policy: Some(ended(resource.keep).to_owned()),
        before: Some(world.was(former, resource)),
        ..Change::default()
    }));
    Ok(out)
}

/// The properties of a resource once these changes are made.
///
/// # Errors
/// What is wrong with the plan, in AWS's words.
pub(crate) fn properties(
    cx: &Cx<'_>,
    stack: &Stack,
    plan: &Plan,
    known: &Known,
    changes: &[Change],
    name: &str,
) -> Result<Value, Wrong> {
    let made =
        Made { cloud: cx.cloud(), from: cx.tx, stack, known, shows: true, imports: RefCell::default() };
    let stays = |change: &&Change| change.replacement.as_deref() == Some("False");
    let others = changes.iter().filter(|change| change.action != "Remove" && change.name != name);
    let (changed, fresh): (Vec<&Change>, Vec<&Change>) = others.partition(stays);
    let changed = changed.into_iter().filter_map(|own| Some((own.name.clone(), kind(&own.kind)?)));
    let fresh = fresh.into_iter().map(|own| own.name.clone());
    let world = Foreseen {
        made,
        fresh: Rc::new(RefCell::new(fresh.collect())),
        changed: Rc::new(RefCell::new(changed.collect())),
    };
    plan.properties(&plan.evaluator()?, name, &world)
}

/// Whether these changes mean another resource.
fn replacement(details: &[Detail]) -> &'static str {
    let recreates = |dynamic: bool| details.iter().any(|own| own.recreates && own.dynamic == dynamic);
    if recreates(false) {
        "True"
    } else if recreates(true) || details.iter().any(|own| own.may_recreate) {
        "Conditional"
    } else {
        "False"
    }
}

fn change(
    cx: &Cx<'_>,
    plan: &Plan,
    evaluator: &Evaluator<'_>,
    world: &Foreseen<'_>,
    name: &str,
    known: &Known,
    former: Option<(&Plan, &Evaluator<'_>)>,
) -> Result<Option<Change>, Wrong> {
    let Some(drawn) = plan.template.resource(name) else { return Ok(None) };
    let Some(kind) = kind(&drawn.kind) else { return Ok(None) };
    let fresh = |change: Change| Some(Change { name: name.to_owned(), kind: drawn.kind.clone(), ..change });
    let old = known
        .get(name)
        .filter(|old| old.is_live() && !old.physical.is_empty() && old.status != "CREATE_FAILED");
    let Some(old) = old else {
        world.fresh.borrow_mut().insert(name.to_owned());
        let after = match world.shown(plan, evaluator, name) {
            Err(wrong) if is_no_export(&wrong.0) => return Err(wrong),
            // What nobody can say yet is seen when it is made.
            said => said.ok(),
        };
        return Ok(fresh(Change { action: "Add".into(), after, ..Change::default() }));
    };
    let wanted = plan.properties(evaluator, name, world)?;
    let was = open(cx.cloud(), &old.properties);
    let differing = kind.differing(&was, &wanted);
    let metadata = drawn.metadata.as_ref().map(wire::json::text) != old.metadata;
    if kind.stays(&was, &wanted) && !metadata && old.status.ends_with("_COMPLETE") {
        return Ok(None);
    }
    let replaces = plan.update(evaluator, name, world)?.is_some_and(|(update, _)| update.replaces);
    let detail = |property: &&str| {
        let expression = get(&drawn.properties, property);
        let (source, entity) = cause(plan, expression, former.map(|(before, _)| before), world);
        Detail {
            property: (*property).to_owned(),
            recreates: kind.fixed.contains(property) || (replaces && RENEWS.contains(property)),
            dynamic: is_unknown(get(&wanted, property)),
            source: source.to_owned(),
            entity,
            may_recreate: kind.may_replace(property),
        }
    };
    let mut details: Vec<Detail> = differing.iter().map(detail).collect();
    if kind.always && details.is_empty() {
        // Whether something of it changes is seen when it is looked into.
        details.push(Detail { dynamic: true, source: "Automatic".to_owned(), ..Detail::default() });
    }
    let replacement = replacement(&details);
    match replacement {
        "False" => drop(world.changed.borrow_mut().insert(name.to_owned(), kind)),
        _ => drop(world.fresh.borrow_mut().insert(name.to_owned())),
    }
    let policy = format!("ReplaceAnd{}", ended(drawn.replacement as u32));
    let (before, after) = (world.was(former, old), world.shown(plan, evaluator, name)?);
    Ok(fresh(Change {
        before: Some(before),
        after: Some(after),
        policy: (replacement == "True").then_some(policy),
        action: "Modify".into(),
        physical: Some(old.physical.clone()),
        replacement: Some(replacement.to_owned()),
        details,
        ..Change::default()
    }))
}

/// What a policy, as a record has it, makes of a resource that goes.
///
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>
fn ended(keep: u32) -> &'static str {
    if keep == Keep::Snapshot as u32 {
        "Snapshot"
    } else if Keep::ends(keep) {
        "Delete"
    } else {
        "Retain"
    }
}

/// Why a property changes: by a parameter, by another resource, or because it is written otherwise.
fn cause(
    plan: &Plan,
    expression: Option<&Value>,
    before: Option<&Plan>,
    world: &Foreseen<'_>,
) -> (&'static str, Option<String>) {
    let mut found = None;
    let Some(expression) = expression else { return ("DirectModification", None) };
    let walked = walk(expression, None, &mut |reference| {
        match reference {
            Reference::Name(name)
                if plan.parameters.contains_key(name)
                    && plan.parameters.get(name) != before.and_then(|before| before.parameters.get(name)) =>
            {
                found.get_or_insert(("ParameterReference", Some(name.to_owned())));
            }
            Reference::Name(name) if world.fresh.borrow().contains(name) => {
                found.get_or_insert(("ResourceReference", Some(name.to_owned())));
            }
            Reference::Attribute(name, attribute) if world.is_new(name, attribute.unwrap_or_default()) => {
                let entity = format!("{name}.{}", attribute.unwrap_or_default());
                found.get_or_insert(("ResourceAttribute", Some(entity)));
            }
            _ => {}
        }
        Ok(())
    });
    walked.ok().and(found).unwrap_or(("DirectModification", None))
}
