//! What Parameter Store says of the parameters that a template names, and other stacks of their outputs: read with the
//! rights of whoever owns the work.

use super::called;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::at;
use crate::cloudformation::model::SERVICE;
use crate::cloudformation::template::Template;
use crate::cloudformation::template::dynamic::{self, Values};
use crate::cloudformation::template::evaluate::{Evaluator, World};
use crate::cloudformation::template::stack_output::{self, StackOutput};
use crate::cloudformation::template::{Wrong, function, wrong};
use base::Region;
use kernel::{As, Cx, Whom};
use std::collections::{BTreeMap, BTreeSet};
use wire::{Fault, Value};

/// `GetParameters` takes no more names.
const BATCH: usize = 10;

/// What was read.
struct Read {
    values: Values,
    /// Names of parameters of types that do not become plain.
    secure: BTreeSet<String>,
}

fn read(cx: &mut Cx<'_>, role: Option<&str>, names: &BTreeSet<String>) -> Result<Read, CfnError> {
    let mut read = Read { values: Values::new(), secure: BTreeSet::new() };
    let all: Vec<&String> = names.iter().collect();
    for names in all.chunks(BATCH) {
        let names = names.iter().map(|name| Value::str(name.as_str())).collect();
        let input = [("Names", Value::List(names))].into_iter().collect();
        let answer = called(cx, role, ("ssm", "GetParameters"), input);
        let answer = answer.map_err(|fault| invalid(fault.message))?;
        let Some(Value::List(found)) = answer.member("Parameters") else { continue };
        for parameter in found {
            let text = |member| parameter.member(member).and_then(Value::as_str).unwrap_or_default();
            let name = format!("{}{}", text("Name"), text("Selector"));
            if text("Type") == "SecureString" {
                read.secure.insert(name);
            } else {
                read.values.insert(name, text("Value").to_owned());
            }
        }
    }
    Ok(read)
}

fn listed<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn unsupported(secure: &BTreeSet<String>) -> CfnError {
    invalid(format!(
        "Parameters [{}] referenced by template have types not supported by CloudFormation.",
        listed(secure)
    ))
}

/// The values of the parameters whose types say that they are Parameter Store's, by the names that they have in the
/// template. `parameters`: as they were given.
///
/// # Errors
/// In AWS's words.
pub(super) fn parameters(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    template: &Template,
    parameters: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, CfnError> {
    let asked = || template.parameters.iter().filter(|parameter| parameter.is_stored());
    let names: BTreeSet<String> =
        asked().filter_map(|parameter| parameters.get(&parameter.name)).cloned().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let read = read(cx, role, &names)?;
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| !read.values.contains_key(*name) && !read.secure.contains(*name))
        .collect();
    if !missing.is_empty() {
        return Err(invalid(format!(
            "Unable to fetch parameters [{}] from parameter store for this account.",
            missing.into_iter().map(String::as_str).collect::<Vec<_>>().join(",")
        )));
    }
    let mut out = Vec::new();
    // Where only the name is asked for, any type will do.
    for parameter in asked().filter(|parameter| parameter.stored_value().is_some()) {
        let Some(given) = parameters.get(&parameter.name) else { continue };
        match read.values.get(given) {
            Some(value) => out.push((parameter.name.clone(), value.clone())),
            None => return Err(unsupported(&read.secure)),
        }
    }
    Ok(out)
}

/// A stack of which nothing is known yet.
struct Unseen;

impl World for Unseen {
    fn physical(&self, _: &str) -> Option<Value> {
        None
    }

    fn attribute(&self, _: &str, _: &str) -> Result<Value, Wrong> {
        wrong("not known yet")
    }

    fn import(&self, _: &str) -> Result<String, Wrong> {
        wrong("not known yet")
    }
}

/// What is said of all that is made and told.
fn held<'t>(template: &'t Template, evaluator: &Evaluator<'_>) -> Vec<&'t Value> {
    let resources = template.resources.iter().filter(|r| evaluator.holds(r.condition.as_deref()));
    let outputs = template.outputs.iter().filter(|o| evaluator.holds(o.condition.as_deref()));
    resources.map(|r| &r.properties).chain(outputs.map(|o| &o.value)).collect()
}

/// The values of other stacks' outputs that a template asks for.
///
/// # Errors
/// Those of looking at the other stacks; an output that is not there.
pub(super) fn outputs(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    template: &Template,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<(String, String)>, CfnError> {
    let mut asked = BTreeSet::new();
    for value in held(template, evaluator) {
        asked_for(evaluator, value, &mut asked)?;
    }
    let asked: Vec<StackOutput> = asked.into_iter().collect();
    let mut out = Vec::with_capacity(asked.len());
    for beside in asked.chunk_by(StackOutput::is_beside) {
        let answer = looked_at(cx, role, &beside[0])?;
        let told = match at(&answer, "Stacks.0.Outputs") {
            Some(Value::List(told)) => told.as_slice(),
            _ => &[],
        };
        for one in beside {
            let is_it = |own: &&Value| own.member("OutputKey").and_then(Value::as_str) == Some(&one.output);
            let value = told.iter().find(is_it).and_then(|own| own.member("OutputValue")?.as_str());
            match value {
                Some(value) => out.push((one.key(), value.to_owned())),
                None => {
                    return Err(invalid(format!(
                        "Template error: Fn::GetStackOutput: the stack {} has no output {}",
                        one.stack, one.output
                    )));
                }
            }
        }
    }
    Ok(out)
}

fn asked_for(
    evaluator: &Evaluator<'_>,
    value: &Value,
    asked: &mut BTreeSet<StackOutput>,
) -> Result<(), CfnError> {
    match (function(value), value) {
        (Some((stack_output::NAME, argument)), _) => {
            if evaluator.depends(argument) {
                return Err(invalid(stack_output::UNTOLD));
            }
            asked.insert(evaluator.asked(argument, &Unseen)?);
            Ok(())
        }
        (Some(("Fn::If", Value::List(items))), _) if items.len() == 3 => {
            let branch = if evaluator.holds(items[0].as_str()) { &items[1] } else { &items[2] };
            asked_for(evaluator, branch, asked)
        }
        (_, Value::List(items)) => items.iter().try_for_each(|item| asked_for(evaluator, item, asked)),
        (_, Value::Map(entries)) => {
            entries.iter().try_for_each(|(_, item)| asked_for(evaluator, item, asked))
        }
        _ => Ok(()),
    }
}

/// Looks at the stack that an output is one of: as who makes the stack that asks, or by the role that is named, which
/// they assume.
fn looked_at(cx: &mut Cx<'_>, role: Option<&str>, asked: &StackOutput) -> Result<Value, CfnError> {
    let Some(region) = Region::parse(&asked.region) else {
        return Err(invalid(format!("Template error: Fn::GetStackOutput: {} is not a region", asked.region)));
    };
    let input = [("StackName", Value::str(&asked.stack))].into_iter().collect();
    let look = ("cloudformation", "DescribeStacks");
    let answer = match &asked.role {
        None => {
            let home = std::mem::replace(&mut cx.region, region);
            let answer = called(cx, role, look, input);
            cx.region = home;
            answer
        }
        Some(other) => session(cx, role, other).and_then(|(access_key, token)| {
            let whom = Whom::Caller { access_key: &access_key, token: Some(&token) };
            let cloud = std::sync::Arc::clone(cx.cloud());
            let call = |cx: &mut Cx<'_>| cx.call(look.0, look.1, Value::Struct(input), As::Caller);
            cloud.act_for(cx.tx, SERVICE, whom, region, None, call).and_then(|answer| answer)
        }),
    };
    answer.map_err(|fault| invalid(fault.message))
}

/// The keys of a session of a role, by the rights of who makes the stack.
fn session(cx: &mut Cx<'_>, role: Option<&str>, other: &str) -> Result<(String, String), Fault> {
    let name = Value::Str(base::id::uuid(cx.rng()));
    let input = [("RoleArn", Value::str(other)), ("RoleSessionName", name)].into_iter().collect();
    let answer = called(cx, role, ("sts", "AssumeRole"), input)?;
    let text = |member| answer.at(&["Credentials", member]).and_then(Value::as_str).unwrap_or_default();
    Ok((text("AccessKeyId").to_owned(), text("SessionToken").to_owned()))
}

/// The values of the dynamic references that a template has, as far as they do not follow from its own resources.
///
/// # Errors
/// In AWS's words.
pub(super) fn references(
    cx: &mut Cx<'_>,
    role: Option<&str>,
    template: &Template,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<(String, String)>, CfnError> {
    let mut names = BTreeSet::new();
    for value in held(template, evaluator) {
        collect(evaluator, value, &mut names)?;
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let read = read(cx, role, &names)?;
    if !read.secure.is_empty() {
        return Err(unsupported(&read.secure));
    }
    let missing: Vec<String> = names
        .iter()
        .filter(|name| !read.values.contains_key(*name))
        .map(|name| format!("ssm:{name}"))
        .collect();
    if !missing.is_empty() {
        return Err(invalid(format!("Parameters: [{}] cannot be found.", missing.join(", "))));
    }
    Ok(read.values.into_iter().collect())
}

/// Looks into each part by itself: what cannot be evaluated yet hides no other.
fn collect(evaluator: &Evaluator<'_>, value: &Value, names: &mut BTreeSet<String>) -> Result<(), Wrong> {
    if let Ok(evaluated) = evaluator.value(value, &Unseen) {
        return dynamic::names(&evaluated, names);
    }
    match value {
        // Its text is not whole yet: only the references that stand in it as they are count.
        value if function(value).is_some() => {
            pieces(value, names);
            Ok(())
        }
        Value::List(items) => items.iter().try_for_each(|item| collect(evaluator, item, names)),
        Value::Map(entries) => entries.iter().try_for_each(|(_, item)| collect(evaluator, item, names)),
        _ => Ok(()),
    }
}

fn pieces(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| pieces(item, names)),
        Value::Map(entries) => entries.iter().for_each(|(_, item)| pieces(item, names)),
        text => {
            let mut own = BTreeSet::new();
            if dynamic::names(text, &mut own).is_ok() {
                names.extend(own.into_iter().filter(|name| !name.contains("${")));
            }
        }
    }
}
