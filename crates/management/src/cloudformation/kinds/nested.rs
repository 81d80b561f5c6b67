//! Stacks within stacks.
//!
//! One that was updated holds what its update has left until the whole tree is done: then it cleans up, or goes back
//! with the others. AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html>

use super::on::{On, map};
use super::{Attributes, BASE, Done, Kind, Refusal};
use crate::cloudformation::change_set::{ChangeSet, by_arn};
use crate::cloudformation::errors::CfnError;
use crate::cloudformation::model::{JOBS, Job, Phase, STACK, STACKS, Shown, Stack};
use crate::cloudformation::ops::find;
use crate::cloudformation::ops::inquiry::{Asker, waits};
use crate::cloudformation::ops::source::{place, text_of};
use crate::cloudformation::template::{get, text};
use crate::cloudformation::work::phase::turn_back;
use kernel::Cx;
use std::sync::Arc;
use store::{Key, Table};
use wire::Value;

const CLOUDFORMATION: &str = "cloudformation";
/// AWS: of a stack's name.
const NAME_MAX: usize = 128;

pub(super) static KINDS: &[Kind] = &[Kind {
    name: STACK,
    changes: &["NotificationARNs", "Parameters", "Tags", "TemplateURL", "TimeoutInMinutes"],
    varies: &["Outputs."],
    always: true,
    waits: true,
    create: |on| {
        let under_review = foreseen_stack(on)?;
        let name = under_review.unwrap_or_else(|| on.generated(NAME_MAX));
        let text = wanted(on)?;
        // It is called so until its macros have been asked.
        match asks(on, &text)? {
            true => Ok(on.made(name, vec![("Begun", Value::Bool(true))])),
            false => begun(on, &name, text),
        }
    },
    update,
    delete: |on| {
        ASKING.delete(on.cx.tx, &key(on));
        match is_asking(on.physical) {
            true => Ok(()),
            false => on.end(CLOUDFORMATION, "DeleteStack", map([("StackName", on.physical())])),
        }
    },
    ready: |on| {
        if is_asking(on.physical) {
            let text = wanted(on)?;
            if !asks(on, &text)? {
                let made = begun(on, on.physical, text)?;
                on.told = Some(made.physical);
            }
            return Ok(None);
        }
        if ASKING.contains(on.cx.tx, &key(on))? {
            let text = wanted(on)?;
            if !asks(on, &text)? {
                ASKING.delete(on.cx.tx, &key(on));
                changed(on, text)?;
            }
            return Ok(None);
        }
        at_rest(on)
    },
    gone: |on| {
        if is_asking(on.physical) {
            return Ok(true);
        }
        let stack = stack(on, on.physical)?;
        match stack.status.as_str() {
            "DELETE_COMPLETE" => Ok(true),
            "DELETE_FAILED" => Err(Refusal::of(format!(
                "Embedded stack {} was not successfully deleted: {}",
                stack.arn(),
                stack.reason.unwrap_or_default()
            ))),
            // Something needs it, as it has said: it stays what it was.
            status if !status.starts_with("DELETE_") && !stack.is_busy() => Err(Refusal::of(format!(
                "Embedded stack {} was not successfully deleted: {}",
                stack.arn(),
                stack.reason.unwrap_or_default()
            ))),
            _ => Ok(false),
        }
    },
    ..BASE
}];

store::record! {
    /// A stack whose update waits until the macros of its new template have been asked.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Asking { 1 => pub(crate) name: String }
}

/// Of the stacks around them, by resource.
const ASKING: Table<Asking> = Table::new(0x171A, "cloudformation/nested stacks that ask");

fn key(on: &On<'_, '_>) -> Key {
    on.whole.key().str(on.logical)
}

/// A stack is called by its ARN once there is one.
fn is_asking(physical: &str) -> bool {
    !physical.starts_with("arn:")
}

/// Whether macros have still to be asked before its template can be taken.
fn asks(on: &mut On<'_, '_>, text: &Value) -> Done<bool> {
    let given = match parameters(&on.prop("Parameters"))? {
        Value::List(all) => all,
        _ => Vec::new(),
    };
    let own = |one: &Value, name: &str| super::on::text_at(one, name);
    let given = given.iter().map(|one| (own(one, "ParameterKey"), own(one, "ParameterValue"))).collect();
    let job = on.job;
    let asker = Asker {
        access_key: job.access_key.clone(),
        sealed_token: job.sealed_token.clone(),
        role: job.role.clone(),
    };
    Ok(waits(on.cx, text.as_str().unwrap_or_default(), &given, &asker)?)
}

/// The stack, on its way.
fn begun(on: &mut On<'_, '_>, name: &str, text: Value) -> Done<super::Made> {
    let input = map([
        ("StackName", Value::str(name)),
        ("TemplateBody", text),
        ("Parameters", parameters(&on.prop("Parameters"))?),
        ("Capabilities", capabilities(on)),
        ("NotificationARNs", on.prop("NotificationARNs")),
        ("Tags", on.tags(super::on::KEYS)),
        ("TimeoutInMinutes", on.prop("TimeoutInMinutes")),
        ("OnFailure", Value::str("DO_NOTHING")),
    ]);
    let answer = on.call(CLOUDFORMATION, "CreateStack", input)?;
    let id = super::on::text_at(&answer, "StackId");
    let mut stack = stack(on, &id)?;
    stack.parent = Some(on.whole.arn());
    stack.root = Some(on.whole.root.clone().unwrap_or_else(|| on.whole.arn()));
    stack.role.clone_from(&on.job.role);
    stack.save(on.cx.tx);
    adopt(on, &stack)?;
    follow(on, &stack)?;
    Ok(on.made(id, vec![("Begun", Value::Bool(true))]))
}

/// Whether its work has come to an end, and to which.
fn at_rest(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let (stack, back) = (stack(on, on.physical)?, on.job.phase == Phase::UpdateRollback);
    let (status, arn) = (stack.status.as_str(), stack.arn());
    let begun = get(on.known, "Begun") == Some(&Value::Bool(true));
    let held = status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
    match status {
        _ if !back && !begun => {}
        _ if held => {}
        "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" if !back => {
            let reason = stack.failure(on.cx.tx)?;
            return Err(Refusal::of(format!("Embedded stack {arn} was not successfully created: {reason}")));
        }
        "UPDATE_ROLLBACK_FAILED" if back => {
            let reason = stack.failure(on.cx.tx)?;
            return Err(Refusal::of(format!(
                "Embedded stack {arn} was not successfully updated. Currently in {status} with reason: {reason}"
            )));
        }
        _ if !back && (status.starts_with("UPDATE_ROLLBACK") || status == "UPDATE_FAILED") => {
            let reason = stack.failure(on.cx.tx)?;
            return Err(Refusal::of(format!(
                "Embedded stack {arn} was not successfully updated. Currently in {status} with reason: {reason}"
            )));
        }
        _ if stack.is_busy() => return Ok(None),
        _ => {}
    }
    Ok(Some(outputs(&stack)))
}

fn update(on: &mut On<'_, '_>) -> Done<super::Made> {
    let stack = stack(on, on.physical)?;
    if on.job.phase == Phase::UpdateRollback {
        ASKING.delete(on.cx.tx, &key(on));
        // Its template of before is its own to find again.
        let held = JOBS.get(on.cx.tx, &Key::global().str(&stack.id))?;
        let cloud = Arc::clone(on.cx.cloud());
        match held {
            Some(job) if job.phase == Phase::Held => {
                turn_back(&cloud, on.cx.tx, &stack).map_err(Refusal::of)?;
            }
            _ if stack.status == "UPDATE_ROLLBACK_FAILED" => {
                let skip = Value::List(skipped(on, &stack)?);
                let input = map([("StackName", on.physical()), ("ResourcesToSkip", skip)]);
                on.call(CLOUDFORMATION, "ContinueUpdateRollback", input)?;
                adopt(on, &stack)?;
            }
            _ => {}
        }
        return Ok(on.same());
    }
    // AWS: it cannot be updated.
    if on.changed("TimeoutInMinutes") {
        return Err(Refusal::of("Update of TimeoutInMinutes is not supported."));
    }
    let text = wanted(on)?;
    if asks(on, &text)? {
        let key = key(on);
        ASKING.put(on.cx.tx, &key, &Asking { name: on.logical.to_owned() });
        return Ok(on.made(on.physical, vec![("Begun", Value::Bool(true))]));
    }
    let begun = changed(on, text)?;
    Ok(on.made(on.physical, vec![("Begun", Value::Bool(begun))]))
}

/// What is to be skipped of it, and of the stacks within it: AWS names those by their stack, `NestedStackName.ResourceLogicalID`.
fn skipped(on: &On<'_, '_>, inner: &Stack) -> Done<Vec<Value>> {
    let mut out = Vec::new();
    for (named, (stack, resource)) in on.job.skip.iter().filter_map(|one| Some((one, one.split_once('.')?))) {
        if stack == inner.name {
            out.push(Value::str(resource));
        } else if let Some(deeper) = find(on.cx, stack)?
            && surrounds(on.cx, inner, &deeper)?
        {
            out.push(Value::str(named));
        }
    }
    Ok(out)
}

/// Whether a stack is around another, however many lie between them.
pub(crate) fn surrounds(cx: &Cx<'_>, outer: &Stack, inner: &Stack) -> Result<bool, CfnError> {
    let mut around = inner.parent.clone();
    while let Some(arn) = around {
        if arn == outer.arn() {
            return Ok(true);
        }
        around = find(cx, &arn)?.and_then(|stack| stack.parent);
    }
    Ok(false)
}

/// Puts an update of it on its way; whether there is anything to update.
fn changed(on: &mut On<'_, '_>, text: Value) -> Done<bool> {
    let stack = stack(on, on.physical)?;
    // Where none are named, a request to update leaves the topics as they are.
    let topics = match on.prop("NotificationARNs") {
        Value::Null if on.changed("NotificationARNs") => Value::List(Vec::new()),
        topics => topics,
    };
    let input = map([
        ("StackName", on.physical()),
        ("TemplateBody", text),
        ("Parameters", parameters(&on.prop("Parameters"))?),
        ("Capabilities", capabilities(on)),
        ("NotificationARNs", topics),
        ("DisableRollback", Value::Bool(on.job.disable_rollback)),
        ("Tags", on.tags(super::on::KEYS)),
    ]);
    match on.call(CLOUDFORMATION, "UpdateStack", input) {
        Ok(_) => {
            adopt(on, &stack)?;
            follow(on, &stack)?;
            Ok(true)
        }
        Err(refusal) if refusal.reason.contains("No updates are to be performed.") => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

fn stack(on: &On<'_, '_>, arn: &str) -> Done<Stack> {
    let key = Stack::key_of_arn(arn);
    let found = key.map(|key| STACKS.get(on.cx.tx, &key)).transpose()?.flatten();
    found.ok_or_else(|| Refusal::gone(format!("Stack with id {arn} does not exist")))
}

/// Its work is done in whose stead the work on the stack around it is done, and it waits for that in the end.
fn adopt(on: &mut On<'_, '_>, stack: &Stack) -> Done<()> {
    let key = Key::global().str(&stack.id);
    let Some(job) = JOBS.get(on.cx.tx, &key)? else { return Ok(()) };
    let own = on.job;
    let job = Job {
        access_key: own.access_key.clone(),
        sealed_token: own.sealed_token.clone(),
        role: own.role.clone(),
        host: own.host.clone(),
        secure: own.secure,
        within: true,
        ..job
    };
    JOBS.put(on.cx.tx, &key, &job);
    Ok(())
}

/// What the stack is called that was foreseen with the change set that is carried out around it.
fn foreseen_stack(on: &On<'_, '_>) -> Done<Option<String>> {
    let Some(set) = foreseen(on)? else { return Ok(None) };
    let stack = set.stack_of(on.cx)?;
    Ok(stack.filter(Stack::is_foreseen).map(|stack| stack.name))
}

/// The change set of this stack that was made with the one that is carried out around it.
fn foreseen(on: &On<'_, '_>) -> Done<Option<ChangeSet>> {
    let whole = on.whole;
    let around = whole.change_set.as_deref().map(|arn| by_arn(on.cx, arn)).transpose()?.flatten();
    let around = around.map(|(_, set)| set).filter(|set| set.round == Some(whole.round));
    let own = around.and_then(|set| set.changes.into_iter().find(|change| change.name == on.logical));
    let arn = own.and_then(|change| change.change_set);
    let found = arn.map(|arn| by_arn(on.cx, &arn)).transpose()?.flatten();
    Ok(found.map(|(_, set)| set))
}

/// The template that was looked at in a change set, or the one that lies at its address now.
fn wanted(on: &mut On<'_, '_>) -> Done<Value> {
    match foreseen(on)? {
        Some(set) => Ok(Value::Str(set.body.text)),
        None => template(on),
    }
}

/// The stack becomes what its change set has foreseen.
fn follow(on: &mut On<'_, '_>, before: &Stack) -> Done<()> {
    if let Some(mut set) = foreseen(on)? {
        let mut stack = stack(on, &before.arn())?;
        stack.change_set = Some(set.arn(&stack));
        set.round = Some(stack.round);
        set.save(on.cx.tx, &stack);
        stack.save(on.cx.tx);
    }
    Ok(())
}

pub(super) fn template(on: &mut On<'_, '_>) -> Done<Value> {
    let url = on.text("TemplateURL").unwrap_or_default();
    let found = place(&url, on.cx.request.host.as_deref());
    let place = found.ok_or_else(|| Refusal::of("TemplateURL must be a supported URL."))?;
    let answer = on.call("s3", "GetObject", Value::map(place.asked()))?;
    let text = text_of(&answer).map(Value::Str);
    text.ok_or_else(|| Refusal::of("Template format error: unsupported structure."))
}

/// A value that a stack within is given; a list of values is one, with commas.
pub(crate) fn parameter(value: &Value) -> Option<String> {
    match value {
        Value::List(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join(",")),
        other => text(other),
    }
}

/// A map in the template is a list of pairs in the request.
fn parameters(given: &Value) -> Done<Value> {
    let entries = match given {
        Value::Null => return Ok(Value::Null),
        Value::Map(entries) => entries,
        _ => return Err(Refusal::of("Value of property Parameters must be an object")),
    };
    let one = |(key, value): &(String, Value)| {
        let wrong = || {
            Refusal::of(
                "Value of property Parameters must be an object with String (or simple type) properties",
            )
        };
        let value = parameter(value).ok_or_else(wrong)?;
        Ok(map([("ParameterKey", Value::str(key)), ("ParameterValue", Value::Str(value))]))
    };
    entries.iter().map(one).collect::<Done<_>>().map(Value::List)
}

/// AWS: what was acknowledged for the stack around it is acknowledged for it.
fn capabilities(on: &On<'_, '_>) -> Value {
    Value::List(on.whole.capabilities.iter().map(Value::str).collect())
}

fn outputs(stack: &Stack) -> Attributes {
    let pair = |output: &Shown| (output.name.clone(), Value::str(&output.value));
    vec![("Outputs", Value::Map(stack.outputs.iter().map(pair).collect()))]
}

/// `Outputs.Name`
pub(crate) fn output(attributes: &Value, name: &str) -> Option<Value> {
    get(get(attributes, "Outputs")?, name.strip_prefix("Outputs.")?).cloned()
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn parameters_as_a_request_has_them() {
        let given = wire::json::read(r#"{"A":"x","B":[1,"y"],"C":true}"#).unwrap();
        let told = wire::json::text(&parameters(&given).unwrap());
        let wanted = r#"[{"ParameterKey":"A","ParameterValue":"x"},{"ParameterKey":"B","ParameterValue":"1,y"},{"ParameterKey":"C","ParameterValue":"true"}]"#;
        assert_eq!(told, wanted);
        let deep = wire::json::read(r#"{"A":{"B":1}}"#).unwrap();
        assert!(parameters(&deep).is_err());
    }
}
