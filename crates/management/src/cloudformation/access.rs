//! Which stacks each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html>

use super::errors::CfnError;
use super::model::SERVICE;
use super::operation::OPERATIONS;
use super::ops::stack_set::find_set;
use super::ops::{find, live};
use kernel::{Cx, Target};
use store::Key;
use wire::{Fault, Struct, Value};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// The stack that a request names, whether it exists or not.
fn target(cx: &Cx<'_>, named: &str) -> Result<Target, CfnError> {
    Ok(match find(cx, named)? {
        Some(stack) => Target::on(stack.arn()).tagged(stack.tags.into_iter().collect()),
        None if named.starts_with("arn:") => Target::on(named),
        None => Target::on(cx.arn("cloudformation", &format!("stack/{named}/*")).to_string()),
    })
}

/// With a role that is passed on.
fn passing(mut target: Target, request: &Struct) -> Vec<Target> {
    if let Some(url) = request.str("TemplateURL") {
        target = target.key("cloudformation:TemplateUrl", url);
    }
    if let Some(url) = request.str("StackPolicyURL") {
        target = target.key("cloudformation:StackPolicyUrl", url);
    }
    let kinds = request.get("ResourceTypes").and_then(Value::as_list).unwrap_or_default();
    if !kinds.is_empty() {
        let kinds = kinds.iter().filter_map(|kind| Some(kind.as_str()?.to_owned())).collect();
        target = target.keys("cloudformation:ResourceTypes", kinds);
    }
    let Some(role) = request.str("RoleARN") else { return vec![target] };
    let role_target = Target::on(role).doing("iam:PassRole").key("iam:PassedToService", SERVICE);
    vec![target.key("cloudformation:RoleArn", role), role_target]
}

pub(crate) fn stack(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(passing(target(cx, request.str("StackName").unwrap_or_default())?, request))
}

/// A look at a whole stack is one at each of its resources, too.
///
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html#drift-considerations>
pub(crate) fn stack_drift(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let of_stack = || target(cx, request.str("StackName").unwrap_or_default());
    Ok(vec![of_stack()?, of_stack()?.doing("cloudformation:DetectStackResourceDrift")])
}

/// With the address of a policy.
pub(crate) fn stack_policy(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut target = target(cx, request.str("StackName").unwrap_or_default())?;
    if let Some(url) = request.str("StackPolicyURL") {
        target = target.key("cloudformation:StackPolicyUrl", url);
    }
    Ok(vec![target])
}

/// A new stack: its id is not known yet.
pub(crate) fn new_stack(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = request.str("StackName").unwrap_or_default();
    let arn = cx.arn("cloudformation", &format!("stack/{named}/*"));
    Ok(passing(Target::on(arn.to_string()), request))
}

/// The template of a stack, of a change set, or one that is not there yet.
pub(crate) fn template(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    if request.str("ChangeSetName").is_some() { change_set(cx, request) } else { stack_or_any(cx, request) }
}

/// One stack, or all of them.
pub(crate) fn stack_or_any(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    match request.str("StackName") {
        Some(named) => Ok(vec![target(cx, named)?]),
        None => Ok(vec![Target::any()]),
    }
}

/// One stack, by its name or by an operation on it, or all of them.
pub(crate) fn operation(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let home = Key::regional(cx.account, cx.region);
    let found = match (request.str("StackName"), request.str("OperationId")) {
        (Some(named), _) => return Ok(vec![target(cx, named)?]),
        (None, Some(id)) => OPERATIONS.get(cx.tx, &home.str(id)).map_err(CfnError::from)?,
        (None, None) => None,
    };
    let stack = found.map(|own| live(cx, &own.stack)).transpose()?.flatten();
    Ok(vec![match stack {
        Some(stack) => Target::on(stack.arn()).tagged(stack.tags.into_iter().collect()),
        None => Target::any(),
    }])
}

/// The stack set that a request names, whether it exists or not, with a role that is passed on.
pub(crate) fn stack_set(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(passing_to_set(set_target(cx, request)?, request))
}

/// With the regions that its stacks are to be in.
pub(crate) fn stack_instances(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let regions = request.get("Regions").and_then(Value::as_list).unwrap_or_default();
    let regions = regions.iter().filter_map(|region| Some(region.as_str()?.to_owned())).collect();
    Ok(vec![set_target(cx, request)?.keys("cloudformation:TargetRegion", regions)])
}

fn set_target(cx: &Cx<'_>, request: &Struct) -> Result<Target, CfnError> {
    let named = request.str("StackSetName").unwrap_or_default();
    Ok(match find_set(cx, named)? {
        Some(set) => Target::on(set.arn()).tagged(set.tags.into_iter().collect()),
        None => Target::on(cx.arn("cloudformation", &format!("stackset/{named}:*")).to_string()),
    })
}

fn passing_to_set(mut target: Target, request: &Struct) -> Vec<Target> {
    if let Some(url) = request.str("TemplateURL") {
        target = target.key("cloudformation:TemplateUrl", url);
    }
    let Some(role) = request.str("AdministrationRoleARN") else { return vec![target] };
    vec![target, Target::on(role).doing("iam:PassRole").key("iam:PassedToService", SERVICE)]
}

/// The stack of a change set.
pub(crate) fn change_set(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let named = request.str("ChangeSetName").unwrap_or_default();
    // An ARN tells of which stack it is, whatever stack is named beside it.
    let by_arn = super::change_set::by_arn(cx, named).map_err(CfnError::from)?;
    let target = match (by_arn, request.str("StackName")) {
        (Some((stack, _)), _) => Target::on(stack.arn()).tagged(stack.tags.into_iter().collect()),
        (None, Some(stack)) => target(cx, stack)?,
        (None, None) => Target::any(),
    };
    let mut target = target.key("cloudformation:ChangeSetName", named);
    let imports = request.get("ResourcesToImport").and_then(Value::as_list).unwrap_or_default();
    if !imports.is_empty() {
        let kind = |import: &Value| Some(import.member("ResourceType")?.as_str()?.to_owned());
        target = target.keys("cloudformation:ImportResourceTypes", imports.iter().filter_map(kind).collect());
    }
    Ok(passing(target, request))
}
