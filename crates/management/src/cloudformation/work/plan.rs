//! What a stack is to become: its template, its parameters, its order, and the values that resources give each other.

use crate::cloudformation::kinds::{Kind, custom, kind, nested};
use crate::cloudformation::model::{BODIES, Body, EXPORTS, RESOURCES, Resource, STACK, Stack, open};
use crate::cloudformation::template::dynamic::{self, Values};
use crate::cloudformation::template::evaluate::{Evaluator, Nothing, Pseudo, World};
use crate::cloudformation::template::policy::{Signals, Update, signals, updates};
use crate::cloudformation::template::{Template, Wrong, get, graph, wrong};
use kernel::Cloud;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use store::{Direction, Key, Read, StoreError};
use wire::Value;

/// A template that is at work, with everything that its functions ask for.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) template: Template,
    /// As they were given.
    given: BTreeMap<String, String>,
    /// As references see them.
    pub(crate) parameters: BTreeMap<String, String>,
    /// What Parameter Store said of parameters.
    pub(crate) resolved: Vec<(String, String)>,
    /// What dynamic references stand for, and what other stacks have said of their outputs.
    pub(crate) references: Values,
    pub(crate) pseudo: Pseudo,
    pub(crate) tags: Vec<(String, String)>,
}

/// The resources of a stack, by name.
pub(crate) type Known = BTreeMap<String, Resource>;

pub(crate) fn known(from: &dyn Read, stack: &Stack) -> Result<Known, StoreError> {
    let all = RESOURCES.scan(from, &stack.key(), Direction::Forward);
    all.map(|entry| entry.map(|(_, resource)| (resource.name.clone(), resource))).collect()
}

fn pseudo(stack: &Stack) -> Pseudo {
    Pseudo {
        account: stack.account.to_string(),
        region: stack.region,
        stack_id: stack.arn(),
        stack_name: stack.name.clone(),
        notifies: stack.notifies.clone(),
    }
}

impl Plan {
    pub(crate) fn of(cloud: &Cloud, stack: &Stack, body: &Body) -> Result<Plan, Wrong> {
        Plan::new(stack, body, Template::read(body.template())?, body.parameters(cloud))
    }

    /// # Errors
    /// A policy of a resource that is told by a function and is none.
    pub(crate) fn new(
        stack: &Stack,
        body: &Body,
        template: Template,
        given: BTreeMap<String, String>,
    ) -> Result<Plan, Wrong> {
        let mut parameters = given.clone();
        parameters.extend(body.resolved.iter().cloned());
        let mut plan = Plan {
            template,
            given,
            parameters,
            resolved: body.resolved.clone(),
            references: body.references.iter().cloned().collect(),
            pseudo: pseudo(stack),
            tags: body.tags.clone(),
        };
        let told = plan.policies()?;
        for (place, attribute, value) in told {
            plan.template.resources[place].keep(attribute, &value)?;
        }
        Ok(plan)
    }

    /// The policies of resources that functions tell: of which, and what.
    fn policies(&self) -> Result<Vec<(usize, &'static str, Value)>, Wrong> {
        let resources = self.template.resources.iter().enumerate();
        let told: Vec<_> =
            resources.flat_map(|(place, r)| r.told.iter().map(move |own| (place, own))).collect();
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let evaluator = self.evaluator()?;
        let value = |(place, (attribute, told)): (usize, &(&'static str, Value))| {
            Ok((place, *attribute, evaluator.value(told, &Nothing)?))
        };
        told.into_iter().map(value).collect()
    }

    /// The one that is kept under a name (`now`, `next`).
    pub(crate) fn load(
        cloud: &Cloud,
        from: &dyn Read,
        stack: &Stack,
        which: &str,
    ) -> Result<Option<Plan>, String> {
        let body = BODIES.get(from, &stack.key().str(which)).map_err(|e| e.to_string())?;
        // It was checked when it came.
        body.map(|body| Plan::of(cloud, stack, &body).map_err(|wrong| wrong.0)).transpose()
    }

    pub(crate) fn evaluator(&self) -> Result<Evaluator<'_>, Wrong> {
        Ok(Evaluator::new(&self.template, &self.parameters, &self.pseudo)?.knowing(&self.references))
    }

    /// The same where nothing is shown that is not to be echoed; `None` where there is no such thing.
    pub(crate) fn masked(&self) -> Option<BTreeMap<String, String>> {
        self.mask(&self.parameters)
    }

    fn mask(&self, parameters: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
        let hidden: Vec<&str> =
            self.template.parameters.iter().filter(|p| p.no_echo).map(|p| p.name.as_str()).collect();
        if hidden.is_empty() {
            return None;
        }
        let shown = |(name, value): (&String, &String)| {
            (name.clone(), if hidden.contains(&name.as_str()) { "****".to_owned() } else { value.clone() })
        };
        Some(parameters.iter().map(shown).collect())
    }

    /// The parameters as they are shown.
    pub(crate) fn shown(&self) -> Vec<(String, String)> {
        let shown = self.mask(&self.given).unwrap_or_else(|| self.given.clone());
        // In the order of the template.
        let names = self.template.parameters.iter().map(|parameter| &parameter.name);
        names.filter_map(|name| Some((name.clone(), shown.get(name)?.clone()))).collect()
    }

    /// Those values from Parameter Store that are shown.
    pub(crate) fn shown_resolved(&self) -> Vec<(String, String)> {
        let echoed = |name: &str| self.template.parameters.iter().any(|p| p.name == name && !p.no_echo);
        self.resolved.iter().filter(|(name, _)| echoed(name)).cloned().collect()
    }

    /// The resources that are made, in their order, with what each needs.
    pub(crate) fn order(&self, evaluator: &Evaluator<'_>) -> Result<(Vec<String>, graph::Needs), Wrong> {
        let needs = graph::needs(&self.template, Some(evaluator.holding()))?;
        Ok((graph::order(&self.template, &needs)?, needs))
    }

    /// The properties of a resource with the stack's tags laid under its own.
    pub(crate) fn properties(
        &self,
        evaluator: &Evaluator<'_>,
        name: &str,
        world: &dyn World,
    ) -> Result<Value, Wrong> {
        let Some(resource) = self.template.resource(name) else {
            return wrong(format!("Resource {name} does not exist in the template"));
        };
        let value = dynamic::replaced(evaluator.value(&resource.properties, world)?, &self.references)?;
        match (value, kind(&resource.kind)) {
            (Value::Map(entries), Some(kind)) => Ok(Value::Map(with_tags(entries, kind, &self.tags))),
            (Value::Null, _) => Ok(Value::Map(Vec::new())),
            (other, _) => Ok(other),
        }
    }
}

impl Plan {
    /// The properties as they are shown; `None` where nothing of them is hidden.
    pub(crate) fn veiled(
        &self,
        evaluator: &Evaluator<'_>,
        name: &str,
        world: &Made<'_>,
    ) -> Result<Option<Value>, Wrong> {
        let masked = self.masked();
        if masked.is_none() && !world.hides() {
            return Ok(None);
        }
        let masked = masked.as_ref().unwrap_or(&self.parameters);
        let evaluator = Evaluator::masked(evaluator, masked);
        let shown = Made { shows: false, imports: RefCell::default(), ..*world };
        Ok(Some(self.hidden(&evaluator, name, &shown)))
    }

    /// The properties as far as they can be said without what is hidden: a property that is cut out of that is hidden, too.
    pub(crate) fn hidden(&self, masked: &Evaluator<'_>, name: &str, world: &dyn World) -> Value {
        if let Ok(whole) = self.properties(masked, name, world) {
            return whole;
        }
        let Some(Value::Map(entries)) = self.template.resource(name).map(|drawn| &drawn.properties) else {
            return Value::Map(Vec::new());
        };
        let said = |value: &Value| dynamic::replaced(masked.value(value, world)?, &self.references);
        let one = |(name, value): &(String, Value)| {
            (name.clone(), said(value).unwrap_or_else(|_| Value::str("****")))
        };
        Value::Map(entries.iter().map(one).collect())
    }

    /// What the creation of a resource waits for.
    pub(crate) fn signals(
        &self,
        evaluator: &Evaluator<'_>,
        name: &str,
        world: &dyn World,
    ) -> Result<Option<Signals>, Wrong> {
        let creation = self.template.resource(name).and_then(|resource| resource.creation.as_ref());
        creation.map(|policy| signals(&evaluator.value(policy, world)?, name)).transpose()
    }

    /// How a resource is updated, and the policy that says so, evaluated.
    pub(crate) fn update(
        &self,
        evaluator: &Evaluator<'_>,
        name: &str,
        world: &dyn World,
    ) -> Result<Option<(Update, Value)>, Wrong> {
        let update = self.template.resource(name).and_then(|resource| resource.update.as_ref());
        let Some(policy) = update else { return Ok(None) };
        let policy = evaluator.value(policy, world)?;
        Ok(Some((updates(&policy, name)?, policy)))
    }
}

fn with_tags(
    mut entries: Vec<(String, Value)>,
    kind: &Kind,
    tags: &[(String, String)],
) -> Vec<(String, Value)> {
    if !kind.has_tags() || tags.is_empty() {
        return entries;
    }
    let pair = |(key, value): &(String, String)| kind.tag(key, value);
    let key_of = |tag: &Value| get(tag, "Key").cloned();
    match entries.iter_mut().find(|(name, _)| name == "Tags") {
        Some((_, Value::List(own))) => {
            let known: Vec<_> = own.iter().filter_map(key_of).collect();
            own.extend(
                tags.iter().map(pair).filter(|tag| key_of(tag).is_none_or(|key| !known.contains(&key))),
            );
        }
        Some((_, Value::Map(own))) => {
            let fresh: Vec<_> =
                tags.iter().filter(|(key, _)| own.iter().all(|(known, _)| known != key)).collect();
            own.extend(fresh.into_iter().map(|(key, value)| (key.clone(), Value::str(value))));
        }
        Some(_) => {}
        None if kind.maps_tags() => {
            let own = tags.iter().map(|(key, value)| (key.clone(), Value::str(value)));
            entries.push(("Tags".into(), Value::Map(own.collect())));
        }
        None => entries.push(("Tags".into(), Value::List(tags.iter().map(pair).collect()))),
    }
    entries
}

/// The stack as its functions see it while it becomes what it is to be.
pub(crate) struct Made<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) from: &'a dyn Read,
    pub(crate) stack: &'a Stack,
    pub(crate) known: &'a Known,
    /// What providers of custom resources hide is seen, too.
    pub(crate) shows: bool,
    /// The exports that were asked for.
    pub(crate) imports: RefCell<BTreeSet<String>>,
}

impl Made<'_> {
    /// Whether there is something that its provider hides.
    pub(crate) fn hides(&self) -> bool {
        let own = |resource: &&Resource| kind(&resource.kind).is_some_and(|kind| kind.any);
        let mut all = self.known.values().filter(own);
        all.any(|resource| custom::is_hidden(&open(self.cloud, &resource.attributes)))
    }
}

impl World for Made<'_> {
    fn physical(&self, name: &str) -> Option<Value> {
        let resource = self.known.get(name).filter(|resource| resource.is_live())?;
        (!resource.physical.is_empty()).then(|| Value::str(&resource.physical))
    }

    fn attribute(&self, name: &str, attribute: &str) -> Result<Value, Wrong> {
        let Some(resource) = self.known.get(name).filter(|resource| resource.is_live()) else {
            return wrong(format!(
                "Template error: instance of Fn::GetAtt references undefined resource {name}"
            ));
        };
        let attributes = open(self.cloud, &resource.attributes);
        if kind(&resource.kind).is_some_and(|kind| kind.any) {
            let request = get(&attributes, "Request").and_then(Value::as_str).unwrap_or_default();
            return custom::data(&attributes, attribute, self.shows).ok_or_else(|| {
                Wrong(format!(
                    "CustomResource attribute error: Vendor response doesn't contain {attribute} attribute in object {}|{name}|{request}",
                    self.stack.arn()
                ))
            });
        }
        let output = (resource.kind == STACK).then(|| nested::output(&attributes, attribute)).flatten();
        match output.as_ref().or_else(|| get(&attributes, attribute)) {
            Some(value) => Ok(value.clone()),
            None => wrong(format!("Attribute '{attribute}' does not exist")),
        }
    }

    fn import(&self, name: &str) -> Result<String, Wrong> {
        self.imports.borrow_mut().insert(name.to_owned());
        let key = Key::regional(self.stack.account, self.stack.region).str(name);
        match EXPORTS.get(self.from, &key) {
            Ok(Some(export)) => Ok(export.value),
            Ok(None) => Err(Wrong::no_export(name)),
            Err(error) => wrong(error.to_string()),
        }
    }
}
