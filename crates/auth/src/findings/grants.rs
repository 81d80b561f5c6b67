//! Statements that hand out `iam:PassRole` or `iam:CreateServiceLinkedRole` more widely than their authors may think.

use super::{At, Effect, FindingType, Report, Statement, principal};
use crate::actions;
use crate::spans::Json;

/// How a statement comes to allow an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Name,
    Star,
    NotAction,
}

/// How wide its resources are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Star,
    NotResource,
}

pub(super) fn check(report: &mut Report<'_>, statement: &Statement<'_>) {
    if statement.effect != Some(Effect::Allow) {
        return;
    }
    let Some((on, resource)) = width(statement) else { return };
    if let Some((by, action)) = grant(statement, "iam:PassRole")
        && !principal::has_key(statement, |key| key == "iam:passedtoservice")
    {
        let (code, details) = pass_role(by, on);
        report.add(FindingType::SecurityWarning, code, details, &[&action, &resource]);
    }
    if let Some((by, action)) = grant(statement, "iam:CreateServiceLinkedRole")
        && !principal::has_key(statement, |key| key == "iam:awsservicename")
    {
        let (code, details) = create_slr(by, on);
        report.add(FindingType::Warning, code, details, &[&action, &resource]);
    }
}

/// The first element that allows `wanted`, names before patterns.
fn grant<'a>(statement: &Statement<'a>, wanted: &str) -> Option<(By, At<'a>)> {
    if let Some(at) = statement.at.member("NotAction") {
        let excluded = each(&at).iter().any(|(_, text)| actions::matches(text, wanted));
        return (!excluded).then_some((By::NotAction, at));
    }
    let list = each(&statement.at.member("Action")?);
    let named = list.iter().find(|(_, text)| text.eq_ignore_ascii_case(wanted));
    let found = named.or_else(|| list.iter().find(|(_, text)| actions::matches(text, wanted)))?;
    let by = if named.is_some() { By::Name } else { By::Star };
    Some((by, found.0.clone()))
}

/// `NotResource`, or a resource that stands for every role.
fn width<'a>(statement: &Statement<'a>) -> Option<(On, At<'a>)> {
    if let Some(at) = statement.at.member("NotResource") {
        return Some((On::NotResource, at));
    }
    let list = each(&statement.at.member("Resource")?);
    let wide = list.into_iter().find(|(_, text)| {
        let resource = text.splitn(6, ':').nth(5);
        *text == "*" || (text.starts_with("arn:") && matches!(resource, Some("*" | "role/*" | "role*")))
    })?;
    Some((On::Star, wide.0))
}

fn each<'a>(at: &At<'a>) -> Vec<(At<'a>, &'a str)> {
    let items = if at.items().is_empty() { vec![at.clone()] } else { at.items() };
    let text = |item: At<'a>| match &item.node.value {
        Json::String(text) => Some((item.clone(), text.as_str())),
        _ => None,
    };
    items.into_iter().filter_map(text).collect()
}

fn pass_role(by: By, on: On) -> (&'static str, &'static str) {
    match (by, on) {
        (By::Name, On::Star) => (
            "PASS_ROLE_WITH_STAR_IN_RESOURCE",
            "Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows \
             iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs or add the \
             iam:PassedToService condition key to your statement.",
        ),
        (By::Star, On::Star) => (
            "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
            "Using wildcards (*) in the action and the resource can be overly permissive because it allows iam:PassRole \
             permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService \
             condition key to your statement.",
        ),
        (By::NotAction, On::Star) => (
            "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
            "Using a resource with wildcards (*) and NotAction can be overly permissive because it allows iam:PassRole \
             permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService \
             condition key to your statement.",
        ),
        (By::Name, On::NotResource) => (
            "PASS_ROLE_WITH_NOT_RESOURCE",
            "Using the iam:PassRole action with NotResource can be overly permissive because it can allow iam:PassRole \
             permissions on multiple resources. We recommend that you specify resource ARNs instead.",
        ),
        (By::Star, On::NotResource) => (
            "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
            "Using an action with a wildcard (*) and NotResource can be overly permissive because it can allow iam:PassRole \
             permissions on multiple resources. We recommend that you specify resource ARNs instead.",
        ),
        // Two full stops: so the page has it.
        (By::NotAction, On::NotResource) => (
            "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
            "Using NotAction with NotResource can be overly permissive because it can allow iam:PassRole permissions on \
             multiple resources.. We recommend that you specify resource ARNs instead.",
        ),
    }
}

fn create_slr(by: By, on: On) -> (&'static str, &'static str) {
    match (by, on) {
        (By::Name, On::Star) => (
            "CREATE_SLR_WITH_STAR_IN_RESOURCE",
            "Using the iam:CreateServiceLinkedRole action with wildcards (*) in the resource can allow creation of unintended \
             service-linked roles. We recommend that you specify resource ARNs instead.",
        ),
        (By::Star, On::Star) => (
            "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE",
            "Using wildcards (*) in the action and the resource can allow creation of unintended service-linked roles because \
             it allows iam:CreateServiceLinkedRole permissions on all resources. We recommend that you specify resource ARNs \
             instead.",
        ),
        (By::NotAction, On::Star) => (
            "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
            "Using a resource with wildcards (*) and NotAction can allow creation of unintended service-linked roles because \
             it allows iam:CreateServiceLinkedRole permissions on all resources. We recommend that you specify resource ARNs \
             instead.",
        ),
        (By::Name, On::NotResource) => (
            "CREATE_SLR_WITH_NOT_RESOURCE",
            "Using the iam:CreateServiceLinkedRole action with NotResource can allow creation of unintended service-linked \
             roles for multiple resources. We recommend that you specify resource ARNs instead.",
        ),
        (By::Star, On::NotResource) => (
            "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
            "Using an action with a wildcard(*) and NotResource can allow creation of unintended service-linked roles because \
             it can allow iam:CreateServiceLinkedRole permissions on multiple resources. We recommend that you specify \
             resource ARNs instead.",
        ),
        (By::NotAction, On::NotResource) => (
            "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE",
            "Using NotAction with NotResource can allow creation of unintended service-linked roles because it allows \
             iam:CreateServiceLinkedRole permissions on multiple resources. We recommend that you specify resource ARNs \
             instead.",
        ),
    }
}
