//! Which templates and experiments each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsfaultinjectionservice.html>

use super::SELF;
use super::errors::invalid;
use super::model::{EXPERIMENTS, TEMPLATES, arn, key};
use base::tag::Tags;
use base::{AccountId, Arn};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

fn with_tags(target: Target, tags: Option<Tags>) -> Target {
    match tags {
        Some(tags) if !tags.is_empty() => target.tagged(tags),
        _ => target,
    }
}

fn one_template(cx: &Cx<'_>, id: &str) -> Result<Target, Fault> {
    let found = TEMPLATES.get(cx.tx, &key(cx.account, cx.region, id)).map_err(kernel::Failure::from)?;
    let target = Target::on(arn(cx.account, cx.region, "experiment-template", id));
    Ok(with_tags(target, found.map(|found| found.tags)))
}

fn one_experiment(cx: &Cx<'_>, id: &str) -> Result<Target, Fault> {
    let found = EXPERIMENTS.get(cx.tx, &key(cx.account, cx.region, id)).map_err(kernel::Failure::from)?;
    let target = Target::on(arn(cx.account, cx.region, "experiment", id));
    Ok(with_tags(target, found.map(|found| found.tags)))
}

/// The actions that a request names.
fn actions(cx: &Cx<'_>, request: &Struct) -> Vec<Target> {
    let Some(Value::Map(all)) = request.get("actions") else { return Vec::new() };
    let ids = all.iter().filter_map(|(_, action)| action.member("actionId").and_then(Value::as_str));
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|id| Target::on(arn(cx.account, cx.region, "action", id))).collect()
}

fn passed(request: &Struct) -> Option<Target> {
    let role = request.str("roleArn")?;
    Some(Target::on(role).doing("iam:PassRole").key("iam:PassedToService", SELF))
}

pub(crate) fn new_template(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = vec![Target::on(arn(cx.account, cx.region, "experiment-template", "*"))];
    targets.extend(actions(cx, request));
    targets.extend(passed(request));
    Ok(targets)
}

pub(crate) fn changed_template(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = template(cx, request)?;
    targets.extend(actions(cx, request));
    targets.extend(passed(request));
    Ok(targets)
}

pub(crate) fn template(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![one_template(cx, request.str("id").unwrap_or_default())?])
}

pub(crate) fn new_experiment(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let new = Target::on(arn(cx.account, cx.region, "experiment", "*"));
    Ok(vec![new, one_template(cx, request.str("experimentTemplateId").unwrap_or_default())?])
}

pub(crate) fn experiment(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let id = request.str("id").or(request.str("experimentId")).unwrap_or_default();
    Ok(vec![one_experiment(cx, id)?])
}

pub(crate) fn action(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![Target::on(arn(cx.account, cx.region, "action", request.str("id").unwrap_or_default()))])
}

/// What tags are about.
pub(crate) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = request.str("resourceArn").unwrap_or_default();
    let wrong = || invalid(format!("The ARN {text} is not valid."));
    let parsed = Arn::parse(text).ok_or_else(wrong)?;
    let owner = AccountId::parse(&parsed.account).ok_or_else(wrong)?;
    let target = match super::ops::tag::tags(cx, text) {
        Ok(tags) => with_tags(Target::on(text), Some(tags)),
        Err(_) => Target::on(text),
    };
    Ok(vec![target.owned_by(owner)])
}
