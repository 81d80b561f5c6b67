//! The shape of a policy: which elements there are, of which types, and what must not be missing.

use super::{
    At, Effect, FindingType, PolicyType, Report, Statement, action, condition, grants, principal, resource,
};
use crate::policy::{POLICY_ELEMENTS, STATEMENT_ELEMENTS};
use crate::spans::{Json, Node};
use std::collections::BTreeMap;

const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];
/// Pairs of which a statement has at most one.
const EXCLUSIVE: [(&str, &str); 3] =
    [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")];

/// Characters without white space, of a managed policy.
const IDENTITY_QUOTA: usize = 6144;
/// Characters of a service control or resource control policy.
const ORGANIZATION_QUOTA: usize = 5120;

pub(super) fn check(report: &mut Report<'_>, root: &Node) {
    let at = At { node: root, path: Vec::new() };
    if !matches!(root.value, Json::Object(_)) {
        return report.mismatch("Object", &at);
    }
    unknown(report, &at, &POLICY_ELEMENTS);
    size(report, &at);
    let has_variables = version(report, &at);
    let Some(list) = at.member("Statement") else {
        return report.error("MISSING_STATEMENT", "Add a statement to the policy", &at);
    };
    let statements = match &list.node.value {
        Json::Array(items) if items.is_empty() => {
            return report.error("MISSING_STATEMENT", "Add a statement to the policy", &list);
        }
        Json::Array(_) => list.items(),
        _ => vec![list],
    };
    for at in &statements {
        statement(report, at, has_variables);
    }
    sids(report, &statements);
    repeated(report, &statements);
}

/// Reports names outside `known`.
fn unknown(report: &mut Report<'_>, at: &At<'_>, known: &[&str]) {
    for member in at.members().iter().filter(|m| !known.contains(&m.name.as_str())) {
        let details = format!("The policy element {} is not valid.", member.name);
        report.add_key(FindingType::Error, "INVALID_POLICY_ELEMENT", details, at, member);
    }
}

/// Returns whether the version has policy variables.
fn version(report: &mut Report<'_>, root: &At<'_>) -> bool {
    let Some(at) = root.member("Version") else {
        let details =
            "We recommend that you specify the Version element to help you with debugging permission issues.";
        report.add(FindingType::Warning, "MISSING_VERSION", details, &[root]);
        return false;
    };
    match &at.node.value {
        Json::String(version) if VERSIONS.contains(&version.as_str()) => version == VERSIONS[0],
        Json::String(version) => {
            let details = format!(
                "The version {version} is not valid. Use one of the following versions: {}",
                VERSIONS.join(", ")
            );
            report.error("INVALID_VERSION", details, &at);
            false
        }
        _ => {
            report.mismatch("String", &at);
            false
        }
    }
}

fn size(report: &mut Report<'_>, root: &At<'_>) {
    let written = report.text.chars().count();
    let dense = report.text.chars().filter(|c| !c.is_whitespace()).count();
    match report.kind {
        PolicyType::Identity if dense > IDENTITY_QUOTA => report.add(
            FindingType::Warning,
            "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA",
            format!(
                "The {dense} characters in the identity policy, excluding whitespace, exceed the {IDENTITY_QUOTA} \
                 character maximum for inline and managed policies. We recommend that you use multiple granular policies."
            ),
            &[root],
        ),
        PolicyType::ServiceControl if written > ORGANIZATION_QUOTA => report.error(
            "POLICY_SIZE_EXCEEDS_SCP_QUOTA",
            format!(
                "The {written} characters in the service control policy (SCP) exceed the {ORGANIZATION_QUOTA} character \
                 maximum for SCPs. We recommend that you use multiple granular policies."
            ),
            root,
        ),
        PolicyType::ResourceControl if written > ORGANIZATION_QUOTA => report.error(
            "POLICY_SIZE_EXCEEDS_RCP_QUOTA",
            format!(
                "The {written} characters in the resource control policy (RCP) exceed the {ORGANIZATION_QUOTA} character \
                 maximum for RCPs. We recommend that you use multiple granular policies."
            ),
            root,
        ),
        _ => {}
    }
}

fn statement(report: &mut Report<'_>, at: &At<'_>, has_variables: bool) {
    if !matches!(at.node.value, Json::Object(_)) {
        return report.mismatch("Object", at);
    }
    unknown(report, at, &STATEMENT_ELEMENTS);
    for (one, other) in EXCLUSIVE {
        if let (Some(_), Some(second)) = (at.member(one), at.member(other)) {
            let details = format!(
                "The policy elements {one} and {other} can not be used in the same statement. Remove one of these elements."
            );
            report.error("UNSUPPORTED_ELEMENT_COMBINATION", details, &second);
        }
    }
    let effect = effect(report, at);
    let statement = Statement { at: at.clone(), effect, has_variables, is_trust: is_trust(report, at) };
    if at.member("Action").is_none() && at.member("NotAction").is_none() {
        report.error("MISSING_ACTION", "Add an Action or NotAction element to the policy statement.", at);
    }
    action::check(report, &statement);
    resource::check(report, &statement);
    principal::check(report, &statement);
    condition::check(report, &statement);
    grants::check(report, &statement);
    for name in ["Sid", "Effect", "Action", "NotAction"] {
        unsupported_variables(report, at.member(name));
    }
}

/// Whether the statement belongs to a role's trust policy: it says so, or it only speaks of `sts` and of no resource.
fn is_trust(report: &Report<'_>, at: &At<'_>) -> bool {
    if report.resource_type == Some("AWS::IAM::AssumeRolePolicyDocument") {
        return true;
    }
    let is_sts = |node: &Node| matches!(&node.value, Json::String(name) if name.to_ascii_lowercase().starts_with("sts:"));
    let only_sts = at.member("Action").is_some_and(|action| match &action.node.value {
        Json::Array(items) => !items.is_empty() && items.iter().all(is_sts),
        _ => is_sts(action.node),
    });
    report.kind == PolicyType::Resource
        && report.resource_type.is_none()
        && only_sts
        && at.member("Resource").is_none()
        && at.member("NotResource").is_none()
}

fn effect(report: &mut Report<'_>, at: &At<'_>) -> Option<Effect> {
    let Some(value) = at.member("Effect") else {
        let details = "Add an Effect element to the policy statement with a value of Allow or Deny.";
        report.error("MISSING_EFFECT", details, at);
        return None;
    };
    match &value.node.value {
        Json::String(text) if text == "Allow" => Some(Effect::Allow),
        Json::String(text) if text == "Deny" => Some(Effect::Deny),
        Json::String(text) => {
            report.error(
                "INVALID_EFFECT",
                format!("The effect {text} is not valid. Use Allow or Deny."),
                &value,
            );
            None
        }
        _ => {
            report.mismatch("String", &value);
            None
        }
    }
}

fn sids(report: &mut Report<'_>, statements: &[At<'_>]) {
    let mut seen: BTreeMap<&str, Vec<At<'_>>> = BTreeMap::new();
    for at in statements.iter().filter_map(|at| at.member("Sid")) {
        let Json::String(sid) = &at.node.value else {
            report.mismatch("String", &at);
            continue;
        };
        if sid.is_empty() {
            let details = "Add a value to the empty string in the Sid element.";
            report.add(FindingType::Suggestion, "EMPTY_SID_VALUE", details, &[&at]);
            continue;
        }
        let plain = sid.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain && report.kind != PolicyType::Resource {
            let details = "Update the characters in the Sid element to use one of the following character types: \
                           [a-z, A-Z, 0-9]";
            report.error("UNSUPPORTED_SID", details, &at);
        }
        seen.entry(sid).or_default().push(at);
    }
    for places in seen.values().filter(|places| places.len() > 1) {
        let places: Vec<&At<'_>> = places.iter().collect();
        if report.kind == PolicyType::Identity {
            let details =
                "Duplicate statement IDs are not supported for this policy type. Update the Sid value.";
            report.add(FindingType::Error, "UNIQUE_SIDS_REQUIRED", details, &places);
        } else {
            let details = "We recommend that you use statement IDs that are unique to your policy. Update the Sid value.";
            report.add(FindingType::Warning, "UNIQUE_SIDS_RECOMMENDED", details, &places);
        }
    }
}

/// Statements that say the same but for their ids.
fn repeated(report: &mut Report<'_>, statements: &[At<'_>]) {
    let mut seen: BTreeMap<String, Vec<&At<'_>>> = BTreeMap::new();
    for at in statements {
        let mut members: Vec<String> = at
            .members()
            .iter()
            .filter(|m| m.name != "Sid")
            .map(|m| format!("{}:{:?}", m.name, plain(&m.value)))
            .collect();
        members.sort();
        seen.entry(members.join("\n")).or_default().push(at);
    }
    for places in seen.values().filter(|places| places.len() > 1) {
        let details = "The statements are redundant because they provide identical permissions. Update the policy to \
                       remove the redundant statement.";
        report.add(FindingType::Suggestion, "REDUNDANT_STATEMENT", details, places);
    }
}

/// The value without its places, a list of one as its only item. Depth is limited by the reader.
fn plain(node: &Node) -> String {
    match &node.value {
        Json::Array(items) if items.len() == 1 => plain(&items[0]),
        Json::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let mut parts: Vec<String> =
                members.iter().map(|m| format!("{:?}:{}", m.name, plain(&m.value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        other => format!("{other:?}"),
    }
}

fn unsupported_variables(report: &mut Report<'_>, at: Option<At<'_>>) {
    let Some(at) = at else { return };
    let items = if at.items().is_empty() { vec![at] } else { at.items() };
    for item in items {
        let Json::String(text) = &item.node.value else { continue };
        let variable = text.find("${").and_then(|s| text[s..].find('}').map(|l| &text[s..=s + l]));
        if let Some(variable) = variable {
            let details = format!(
                "Policy variables are supported in the Resource and Condition elements. Remove the policy variable \
                 {variable} from this element."
            );
            report.error("VARIABLE_UNSUPPORTED_IN_ELEMENT", details, &item);
        }
    }
}

/// Checks the `${...}` of a text in an element that may have them.
pub(super) fn variables(report: &mut Report<'_>, statement: &Statement<'_>, at: &At<'_>, text: &str) {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            let details =
                "The policy variable is missing a closing curly brace. Add } after the variable text.";
            return report.error("MISSING_BRACE_IN_VARIABLE", details, at);
        };
        let inner = &rest[start + 2..start + length];
        rest = &rest[start + length + 1..];
        let (name, default) = inner.split_once(',').map_or((inner, None), |(n, d)| (n, Some(d.trim())));
        if matches!(inner, "*" | "?" | "$") {
            continue;
        }
        if inner.is_empty() {
            let details = "Empty policy variable. Remove the ${ } variable structure or provide a variable within the structure.";
            report.error("EMPTY_VARIABLE", details, at);
        } else if name.contains(' ') {
            let details = "A space is not supported within the policy variable text. Remove the space.";
            report.error("UNSUPPORTED_SPACE_IN_VARIABLE", details, at);
        } else if default.is_some_and(|d| d.len() < 2 || !d.starts_with('\'') || !d.ends_with('\'')) {
            let details = "The policy variable default value must begin and end with a single quote. Add the missing quote.";
            report.error("MISSING_QUOTE_IN_VARIABLE", details, at);
        } else if !statement.has_variables {
            let details = "To include variables in your policy, use the policy version 2012-10-17 or later.";
            return report.error("VARIABLE_UNSUPPORTED_IN_VERSION", details, at);
        }
    }
}
