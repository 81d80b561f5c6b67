//! Stack sets within stacks: the set, and where it has its stacks, brought about by one operation on the set after the other.
//!
//! A resource that has operations to come keeps them beside it ([`PLANS`]); what it waits for is the one under way.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html>

use super::on::{KEYS, On, items, map, text_at, texts};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, look, nested};
use crate::cloudformation::template::{alike, get, text};
use store::{Key, Table};
use wire::Value;

pub(super) const CLOUDFORMATION: &str = "cloudformation";

store::record! {
    /// What is left to do of the instances of a set.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct SetPlan {
        1 => pub(crate) steps: Vec<Step>,
        /// The operation under way.
        2 => pub(crate) operation: Option<String>,
    }

    /// An operation to come, and its request as JSON.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Step {
        1 => pub(crate) operation: String,
        2 => pub(crate) input: String,
    }
}

/// Of a stack, by resource.
pub(crate) const PLANS: Table<SetPlan> = Table::new(0x1718, "cloudformation/plans of stack sets");

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::CloudFormation::StackSet",
    changes: &[
        "AdministrationRoleARN",
        "AutoDeployment",
        "CallAs",
        "Capabilities",
        "Description",
        "ExecutionRoleName",
        "ManagedExecution",
        "OperationPreferences",
        "Parameters",
        GROUPS,
        "Tags",
        "TemplateBody",
        "TemplateURL",
    ],
    fixed: &["PermissionModel", "StackSetName"],
    attributes: &["StackSetId"],
    named: Some("StackSetName"),
    create: |on| {
        let (given, token) = (settings(on)?, on.generated(128));
        let input = with(
            given,
            [("StackSetName", on.prop("StackSetName")), ("ClientRequestToken", Value::Str(token))],
        );
        let id = text_at(&on.call(CLOUDFORMATION, "CreateStackSet", input)?, "StackSetId");
        let wanted = groups(on.wanted);
        let steps =
            wanted.iter().map(|group| step("CreateStackInstances", request(on, group, &[]))).collect();
        keep(on, steps);
        Ok(on.made(id.clone(), vec![("StackSetId", Value::Str(id))]))
    },
    update,
    delete: |on| {
        let before = groups(on.before);
        let retains = [("RetainStacks", Value::Bool(false))];
        let steps =
            before.iter().map(|group| step("DeleteStackInstances", request(on, group, &retains))).collect();
        keep(on, steps);
        Ok(())
    },
    ready: |on| Ok(goes_on(on)?.then(Attributes::new)),
    gone: |on| {
        if !goes_on(on)? {
            return Ok(false);
        }
        let input = map([("StackSetName", on.physical())]);
        on.end(CLOUDFORMATION, "DeleteStackSet", input).map(|()| true)
    },
    look: Some(&look::stack_set::SET),
    ..BASE
}];

const GROUPS: &str = "StackInstancesGroup";
const NOT_OF_THE_SET: &[&str] = &[GROUPS, "CallAs", "OperationPreferences", "StackSetName", "TemplateURL"];

fn with<const N: usize>(given: Value, more: [(&str, Value); N]) -> Value {
    let (Value::Map(mut all), Value::Map(more)) = (given, map(more)) else { return Value::Null };
    all.extend(more);
    Value::Map(all)
}

/// What a set is made or changed with, by the names of the operations, which are those of the properties.
fn settings(on: &mut On<'_, '_>) -> Done<Value> {
    let body = match on.prop("TemplateURL") {
        Value::Null => on.prop("TemplateBody"),
        _ => nested::template(on)?,
    };
    let Value::Map(given) = on.wanted else { return Ok(Value::Null) };
    let own = given.iter().filter(|(name, _)| {
        !NOT_OF_THE_SET.contains(&name.as_str()) && !["TemplateBody", "Tags"].contains(&name.as_str())
    });
    let all = Value::Map(own.cloned().collect());
    Ok(with(all, [("TemplateBody", body), ("Tags", on.tags(KEYS)), ("CallAs", on.prop("CallAs"))]))
}

fn groups(properties: &Value) -> Vec<Value> {
    items(get(properties, GROUPS).cloned().unwrap_or(Value::Null))
}

fn step(operation: &str, input: Value) -> Step {
    Step { operation: operation.to_owned(), input: wire::json::text(&input) }
}

/// What an operation on the instances of a group is asked with. AWS: accounts are named otherwise in a set whose
/// permissions are its own.
fn request(on: &On<'_, '_>, group: &Value, more: &[(&str, Value)]) -> Value {
    let own = |name: &str| get(group, name).cloned().unwrap_or(Value::Null);
    let managed = match on.prop("PermissionModel") {
        Value::Null => on.was("PermissionModel"),
        model => model,
    };
    let (accounts, targets) = match managed.as_str() {
        Some("SERVICE_MANAGED") => (Value::Null, own("DeploymentTargets")),
        _ => (get(&own("DeploymentTargets"), "Accounts").cloned().unwrap_or(Value::Null), Value::Null),
    };
    let preferences = match on.prop("OperationPreferences") {
        Value::Null => on.was("OperationPreferences"),
        preferences => preferences,
    };
    let input = map([
        ("Accounts", accounts),
        ("DeploymentTargets", targets),
        ("Regions", own("Regions")),
        ("OperationPreferences", preferences),
        ("CallAs", on.prop("CallAs")),
    ]);
    let deletes = more.iter().any(|(name, _)| *name == "RetainStacks");
    let overrides = if deletes { Value::Null } else { own("ParameterOverrides") };
    let more = Value::map(more.iter().cloned());
    let Value::Map(more) = more else { return input };
    let Value::Map(mut all) = with(input, [("ParameterOverrides", overrides)]) else { return Value::Null };
    all.extend(more);
    Value::Map(all)
}

fn key(on: &On<'_, '_>) -> Key {
    on.whole.key().str(on.logical)
}

fn keep(on: &mut On<'_, '_>, steps: Vec<Step>) {
    let key = key(on);
    PLANS.put(on.cx.tx, &key, &SetPlan { steps, operation: None });
}

/// The places of a group, one by one: each target with each region, and what is overridden there.
fn places(groups: &[Value]) -> Vec<(Value, String, Value)> {
    let mut all = Vec::new();
    for group in groups {
        let own = |name: &str| get(group, name).cloned().unwrap_or(Value::Null);
        let (targets, overrides) = (own("DeploymentTargets"), own("ParameterOverrides"));
        let filter = get(&targets, "AccountFilterType").is_some();
        let mut each: Vec<Value> = Vec::new();
        // A filter says something of accounts and units together.
        match filter {
            true => each.push(targets.clone()),
            false => {
                for noun in ["Accounts", "OrganizationalUnitIds"] {
                    let ids = texts(get(&targets, noun)).into_iter();
                    each.extend(ids.map(|id| map([(noun, Value::List(vec![Value::Str(id)]))])));
                }
            }
        }
        for target in each {
            let regions = texts(get(group, "Regions")).into_iter();
            all.extend(regions.map(|region| (target.clone(), region, overrides.clone())));
        }
    }
    all
}

/// A place as a group of its own.
fn alone((target, region, overrides): &(Value, String, Value)) -> Value {
    map([
        ("DeploymentTargets", target.clone()),
        ("Regions", Value::List(vec![Value::str(region)])),
        ("ParameterOverrides", overrides.clone()),
    ])
}

fn update(on: &mut On<'_, '_>) -> Done<Made> {
    let Value::Map(given) = on.wanted else { return Ok(on.same()) };
    let names = given.iter().map(|(name, _)| name.as_str());
    let Value::Map(before) = on.before else { return Ok(on.same()) };
    let all = names.chain(before.iter().map(|(name, _)| name.as_str()));
    let of_set = |name: &&str| *name == "TemplateURL" || !NOT_OF_THE_SET.contains(name);
    let changed = all.clone().filter(of_set).any(|name| on.changed(name));
    let mut steps = Vec::new();
    if changed {
        let given = settings(on)?;
        let name = Value::str(on.physical);
        let more = [("StackSetName", name), ("OperationPreferences", on.prop("OperationPreferences"))];
        let Value::Map(mut input) = with(given, more) else { return Ok(on.same()) };
        input.retain(|(name, _)| name != "PermissionModel");
        steps.push(step("UpdateStackSet", Value::Map(input)));
    }
    let (wanted, was) = (places(&groups(on.wanted)), places(&groups(on.before)));
    let is_same = |one: &(Value, String, Value), other: &(Value, String, Value)| {
        one.1 == other.1 && alike(Some(&one.0), Some(&other.0))
    };
    let retains = [("RetainStacks", Value::Bool(false))];
    let mut instances = Vec::new();
    for gone in was.iter().filter(|old| !wanted.iter().any(|own| is_same(own, old))) {
        instances.push(step("DeleteStackInstances", request(on, &alone(gone), &retains)));
    }
    for own in &wanted {
        match was.iter().find(|old| is_same(own, old)) {
            None => instances.push(step("CreateStackInstances", request(on, &alone(own), &[]))),
            Some(old) if !alike(Some(&old.2), Some(&own.2)) => {
                // AWS: an empty list takes overrides away.
                let none = [("ParameterOverrides", Value::List(Vec::new()))];
                let more: &[_] = if own.2 == Value::Null { &none } else { &[] };
                instances.push(step("UpdateStackInstances", request(on, &alone(own), more)));
            }
            Some(_) => {}
        }
    }
    steps.extend(instances);
    keep(on, steps);
    Ok(on.same())
}

/// Takes the plan of a set one step further; whether all of it is done.
fn goes_on(on: &mut On<'_, '_>) -> Done<bool> {
    let key = key(on);
    let Some(mut plan) = PLANS.get(on.cx.tx, &key)? else { return Ok(true) };
    if let Some(operation) = &plan.operation {
        let asked = map([("StackSetName", on.physical()), ("OperationId", Value::str(operation))]);
        let told = match on.call(CLOUDFORMATION, "DescribeStackSetOperation", asked) {
            Err(refusal) if refusal.gone => None,
            told => Some(text_at(&told?, "StackSetOperation.Status")),
        };
        match told.as_deref() {
            Some("RUNNING" | "QUEUED" | "STOPPING") => return Ok(false),
            Some("SUCCEEDED") | None => plan.operation = None,
            Some(status) => {
                let why =
                    format!("Stack set operation [{operation}] was unexpectedly stopped or failed: {status}");
                PLANS.delete(on.cx.tx, &key);
                return Err(Refusal::of(why));
            }
        }
    }
    if plan.steps.is_empty() {
        PLANS.delete(on.cx.tx, &key);
        return Ok(true);
    }
    let next = plan.steps.remove(0);
    let input = wire::json::read(&next.input).unwrap_or(Value::Null);
    let input = with(input, [("StackSetName", on.physical())]);
    let begun = match on.call(CLOUDFORMATION, &next.operation, input) {
        // Somebody else is at it.
        Err(refusal) if refusal.reason.contains("Another Operation on StackSet") => return Ok(false),
        Err(refusal) if refusal.gone && next.operation == "DeleteStackInstances" => Value::Null,
        begun => begun?,
    };
    plan.operation = get_id(&begun);
    PLANS.put(on.cx.tx, &key, &plan);
    Ok(false)
}

fn get_id(begun: &Value) -> Option<String> {
    super::on::at(begun, "OperationId").and_then(text)
}
