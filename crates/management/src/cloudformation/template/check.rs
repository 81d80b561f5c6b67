//! Names and functions of a template held against each other, before anything is made.

use super::reference::{Holding, Reference, walk};
use super::{Output, Template, Wrong, dynamic, form, graph, text, wrong};
use std::collections::BTreeSet;
use wire::Value;

/// What is known of the kinds of resources.
pub(crate) trait Kinds {
    fn knows(&self, kind: &str) -> bool;
    fn has_attribute(&self, kind: &str, attribute: &str) -> bool;
}

pub(crate) const PSEUDO: &[&str] = &[
    "AWS::AccountId",
    "AWS::NotificationARNs",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// Holds the template against itself and against the kinds of resources that there are.
///
/// # Errors
/// The first thing that is wrong, in AWS's words.
pub(crate) fn check(template: &Template, kinds: &dyn Kinds) -> Result<(), Wrong> {
    unique(template)?;
    conditions(template)?;
    rules(template)?;
    dynamic::check(template)?;
    let mut unresolved = BTreeSet::new();
    for resource in &template.resources {
        names_of(template, kinds, &resource.properties, &mut unresolved)?;
        unresolved.extend(
            resource.depends_on.iter().filter(|name| template.resource(name).is_none()).map(String::as_str),
        );
        form::check(template, &resource.properties)?;
        condition_of(template, resource.condition.as_deref(), "resource", &resource.name)?;
    }
    unresolved_in(unresolved, AT_FAULT, "Resources")?;
    let mut unresolved = BTreeSet::new();
    for output in &template.outputs {
        names_of(template, kinds, &output.value, &mut unresolved)?;
        if let Some(export) = &output.export {
            names_of(template, kinds, export, &mut unresolved)?;
        }
        output.export.iter().chain([&output.value]).try_for_each(|own| form::check(template, own))?;
        condition_of(template, output.condition.as_deref(), "output", &output.name)?;
    }
    unresolved_in(unresolved, AT_FAULT, "Outputs")?;
    exports(template)?;
    let unknown: BTreeSet<&str> =
        template.resources.iter().map(|r| r.kind.as_str()).filter(|kind| !kinds.knows(kind)).collect();
    if !unknown.is_empty() {
        let named: Vec<&str> = unknown.into_iter().collect();
        return wrong(format!("Template format error: Unrecognized resource types: [{}]", named.join(", ")));
    }
    graph::order(template, &graph::needs(template, None)?).map(drop)
}

/// How it begins where the template's form is to blame.
const AT_FAULT: &str = "Template format error: ";

fn unresolved_in(names: BTreeSet<&str>, at_fault: &str, section: &str) -> Result<(), Wrong> {
    if names.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = names.into_iter().collect();
    wrong(format!(
        "{at_fault}Unresolved resource dependencies [{}] in the {section} block of the template",
        named.join(", ")
    ))
}

/// What a resource or an output names is made, too. `holding`: which conditions hold.
///
/// # Errors
/// `Unresolved resource dependencies`.
pub(crate) fn made(template: &Template, holding: &Holding) -> Result<(), Wrong> {
    let holds = |condition: &Option<String>| {
        condition.as_ref().is_none_or(|name| holding.get(name).copied().unwrap_or(false))
    };
    let is_left_out = |name: &str| template.resource(name).is_some_and(|known| !holds(&known.condition));
    let absent = |values: &mut dyn Iterator<Item = &Value>, section: &str| {
        let mut names = BTreeSet::new();
        for value in values {
            walk(value, Some(holding), &mut |reference| {
                if let Reference::Name(name) | Reference::Attribute(name, _) = reference
                    && is_left_out(name)
                {
                    names.insert(name.to_owned());
                }
                Ok(())
            })?;
        }
        // Recorded: where a condition has left out what an output is about, the template's form is not at fault.
        let at_fault = if section == "Outputs" { "" } else { AT_FAULT };
        unresolved_in(names.iter().map(String::as_str).collect(), at_fault, section)
    };
    let resources = template.resources.iter().filter(|resource| holds(&resource.condition));
    absent(&mut resources.map(|resource| &resource.properties), "Resources")?;
    let outputs = template.outputs.iter().filter(|output| holds(&output.condition));
    absent(&mut outputs.map(|output| &output.value), "Outputs")
}

/// `Ref` could mean either of two that have one name.
fn unique(template: &Template) -> Result<(), Wrong> {
    let names = template.parameters.iter().map(|parameter| parameter.name.as_str());
    let common: Vec<&str> = names.filter(|name| template.resource(name).is_some()).collect();
    if common.is_empty() {
        return Ok(());
    }
    wrong(format!(
        "Template error: all resources and parameters must have unique names. Common name(s):[{}]",
        common.join(", ")
    ))
}

/// Names of exports that are told as they are; those that follow from something meet when they are published.
fn exports(template: &Template) -> Result<(), Wrong> {
    let depends = |output: &&Output| output.export.as_ref().is_some_and(|name| form::depends(template, name));
    if let Some(output) = template.outputs.iter().find(depends) {
        return wrong(format!(
            "Template format error: Output {} is malformed.  The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.",
            output.name
        ));
    }
    let mut seen = BTreeSet::new();
    let told = template.outputs.iter().filter(|output| output.condition.is_none());
    let told = told.filter_map(|output| output.export.as_ref().and_then(text));
    let twice: BTreeSet<String> = told.filter(|name| !seen.insert(name.clone())).collect();
    twice_exported(twice)
}

/// No export has the name of another of its stack.
pub(crate) fn twice_exported(names: BTreeSet<String>) -> Result<(), Wrong> {
    if names.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = names.into_iter().collect();
    wrong(format!(
        "Template format error: The Outputs section contains duplicate Export names: [{}]. Specify a unique name for each export.",
        named.join(", ")
    ))
}

fn condition_of(template: &Template, condition: Option<&str>, noun: &str, name: &str) -> Result<(), Wrong> {
    match condition {
        Some(condition) if !has_condition(template, condition) => wrong(format!(
            "Template format error: Unresolved condition dependency {condition} of {noun} {name}"
        )),
        _ => Ok(()),
    }
}

fn has_condition(template: &Template, name: &str) -> bool {
    template.conditions.iter().any(|(known, _)| known == name)
}

fn is_value(template: &Template, name: &str) -> bool {
    PSEUDO.contains(&name) || template.parameters.iter().any(|parameter| parameter.name == name)
}

fn names_of<'v>(
    template: &Template,
    kinds: &dyn Kinds,
    value: &'v Value,
    unresolved: &mut BTreeSet<&'v str>,
) -> Result<(), Wrong> {
    walk(value, None, &mut |reference| match reference {
        Reference::Name(name) => {
            if !is_value(template, name) && template.resource(name).is_none() {
                unresolved.insert(name);
            }
            Ok(())
        }
        Reference::Attribute(resource, attribute) => match template.resource(resource) {
            None => wrong(format!(
                "Template error: instance of Fn::GetAtt references undefined resource {resource}"
            )),
            Some(known) => match attribute {
                Some(attribute)
                    if kinds.knows(&known.kind) && !kinds.has_attribute(&known.kind, attribute) =>
                {
                    wrong(format!(
                        "Template error: resource {resource} does not support attribute type {attribute} in Fn::GetAtt"
                    ))
                }
                _ => Ok(()),
            },
        },
        Reference::Condition(name) if !has_condition(template, name) => {
            wrong(format!("Template error: unresolved condition dependency {name} in Fn::If"))
        }
        Reference::Mapping(name) if !template.mappings.iter().any(|(known, _)| known == name) => {
            wrong(format!(
                "Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
            ))
        }
        Reference::Condition(_) | Reference::Mapping(_) => Ok(()),
    })
}

/// Rules see parameters only.
fn rules(template: &Template) -> Result<(), Wrong> {
    let mut strangers = BTreeSet::new();
    for rule in &template.rules {
        for expression in rule.condition.iter().chain(rule.assertions.iter().map(|own| &own.assert)) {
            walk(expression, None, &mut |reference| {
                if let Reference::Name(name) = reference
                    && !is_value(template, name)
                {
                    strangers.insert(name);
                }
                Ok(())
            })?;
        }
    }
    if strangers.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = strangers.into_iter().collect();
    wrong(format!(
        "Template format error: Unresolved dependencies [{}]. Cannot reference resources in the Rules block of the template",
        named.join(", ")
    ))
}

/// Conditions see parameters, mappings and each other.
fn conditions(template: &Template) -> Result<(), Wrong> {
    let (mut strangers, mut followed) = (BTreeSet::new(), BTreeSet::new());
    for (name, condition) in &template.conditions {
        walk(condition, None, &mut |reference| {
            match reference {
                Reference::Name(name) if !is_value(template, name) => drop(strangers.insert(name)),
                Reference::Attribute(name, _) => drop(strangers.insert(name)),
                _ => {}
            }
            Ok(())
        })?;
        form::condition(template, condition)?;
        follow(template, condition, &mut vec![name], &mut followed)?;
    }
    if strangers.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = strangers.into_iter().collect();
    wrong(format!(
        "Template format error: Unresolved dependencies [{}]. Cannot reference resources in the Conditions block of the template",
        named.join(", ")
    ))
}

/// Where the conditions lead that a condition is made of. `path`: those that led to it. `done`: those that were followed.
fn follow<'t>(
    template: &'t Template,
    condition: &'t Value,
    path: &mut Vec<&'t str>,
    done: &mut BTreeSet<&'t str>,
) -> Result<(), Wrong> {
    let Value::Map(entries) = condition else { return Ok(()) };
    for (function, argument) in entries {
        match argument {
            Value::Str(name) if function == "Condition" => {
                let Some((name, own)) = template.conditions.iter().find(|(known, _)| known == name) else {
                    return form::no_condition(name);
                };
                if path.contains(&name.as_str()) {
                    return form::circular(path);
                }
                if done.contains(name.as_str()) {
                    continue;
                }
                path.push(name);
                follow(template, own, path, done)?;
                path.pop();
                done.insert(name);
            }
            Value::List(operands) => {
                operands.iter().try_for_each(|operand| follow(template, operand, path, done))?;
            }
            _ => {}
        }
    }
    Ok(())
}
