//! Stacks: they are made, changed and deleted.

use super::macros::{Macros, asking};
use super::{
    Offer, Parameter, Tag, Taken, begin, body, changeable, find, given, limit, source, stands_in, tags, take,
    topics,
};
use crate::cloudformation::access;
use crate::cloudformation::change_set::changes;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::{BODIES, Body, JOBS, Job, Link, NAMES, NEXT, NOW, Phase, Stack};
use crate::cloudformation::trigger::{self, Rollback};
use crate::cloudformation::work::phase::user_of;
use crate::cloudformation::work::plan::{Plan, known};
use kernel::{Answer, Body as Payload, Cx, Dx, Empty};
use std::collections::BTreeMap;
use store::Key;
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    CreateStack: [wait] create => create_within, "cloudformation:CreateStack", access::new_stack;
    UpdateStack: [wait] update => update_within, "cloudformation:UpdateStack", access::stack;
    DeleteStack: delete, "cloudformation:DeleteStack", access::stack;
}

const NAME_CHARS_MAX: usize = 128;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateStack {
        name: String = "StackName",
        body: Option<String> = "TemplateBody",
        url: Option<String> = "TemplateURL",
        parameters: Vec<Parameter> = "Parameters",
        disable_rollback: Option<bool> = "DisableRollback",
        timeout: Option<i64> = "TimeoutInMinutes",
        capabilities: Vec<String> = "Capabilities",
        role: Option<String> = "RoleARN",
        on_failure: Option<String> = "OnFailure",
        tags: Vec<Tag> = "Tags",
        token: Option<String> = "ClientRequestToken",
        protected: Option<bool> = "EnableTerminationProtection",
        notifies: Vec<String> = "NotificationARNs",
        policy: Option<String> = "StackPolicyBody",
        policy_url: Option<String> = "StackPolicyURL",
        kinds: Vec<String> = "ResourceTypes",
        retain: Option<bool> = "RetainExceptOnCreate",
        rollback: Option<Rollback> = "RollbackConfiguration",
        deployment: Option<Deployment> = "DeploymentConfig",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct UpdateStack {
        name: String = "StackName",
        body: Option<String> = "TemplateBody",
        url: Option<String> = "TemplateURL",
        previous: Option<bool> = "UsePreviousTemplate",
        parameters: Vec<Parameter> = "Parameters",
        capabilities: Vec<String> = "Capabilities",
        role: Option<String> = "RoleARN",
        tags: Option<Vec<Tag>> = "Tags",
        disable_rollback: Option<bool> = "DisableRollback",
        token: Option<String> = "ClientRequestToken",
        notifies: Option<Vec<String>> = "NotificationARNs",
        policy: Option<String> = "StackPolicyBody",
        policy_url: Option<String> = "StackPolicyURL",
        during: Option<String> = "StackPolicyDuringUpdateBody",
        during_url: Option<String> = "StackPolicyDuringUpdateURL",
        kinds: Vec<String> = "ResourceTypes",
        retain: Option<bool> = "RetainExceptOnCreate",
        rollback: Option<Rollback> = "RollbackConfiguration",
        deployment: Option<Deployment> = "DeploymentConfig",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteStack {
        name: String = "StackName",
        retain: Vec<String> = "RetainResources",
        role: Option<String> = "RoleARN",
        token: Option<String> = "ClientRequestToken",
        mode: Option<String> = "DeletionMode",
        deployment: Option<Deployment> = "DeploymentConfig",
    }

    /// How an operation is carried out.
    #[derive(Clone, Debug)]
    pub(crate) struct Deployment {
        mode: Option<String> = "Mode",
        disable_rollback: Option<bool> = "DisableRollback",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct StackId { pub(super) id: String = "StackId" }

    /// An operation that was begun.
    #[derive(Clone, Debug)]
    pub(crate) struct Begun {
        pub(super) id: String = "StackId",
        pub(super) operation: Option<String> = "OperationId",
    }
}

pub(super) fn check_name(name: &str) -> Result<(), CfnError> {
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !good {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )));
    }
    if name.len() > NAME_CHARS_MAX {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to {NAME_CHARS_MAX}"
        )));
    }
    Ok(())
}

/// Whether what fails is kept, as the configuration of an operation says.
///
/// # Errors
/// `NotImplemented` for one that does not wait for what it makes: nobody is to rely on it.
pub(super) fn keeps(deployment: Option<&Deployment>) -> Result<Option<bool>, CfnError> {
    match deployment.and_then(|own| own.mode.as_deref()) {
        None | Some("STANDARD") => Ok(deployment.and_then(|own| own.disable_rollback)),
        Some(mode) => Err(CfnError::NotBuilt(format!("DeploymentConfig {mode}"))),
    }
}

/// AWS: one of the two says what a request may do.
pub(super) fn check_one_limit(kinds: &[String], capabilities: &[String]) -> Result<(), CfnError> {
    match kinds.is_empty() || capabilities.is_empty() {
        true => Ok(()),
        false => Err(invalid("Only one of the Capabilities and ResourceTypes parameters can be specified.")),
    }
}

/// A stack that nobody has seen yet.
pub(super) fn fresh(cx: &Cx<'_>, name: &str) -> Stack {
    Stack {
        name: name.to_owned(),
        id: base::id::uuid(cx.rng()),
        account: cx.account,
        region: cx.region,
        created: cx.now,
        ..Stack::default()
    }
}

/// The stack becomes known by its name.
pub(super) fn register(cx: &mut Cx<'_>, stack: &Stack) {
    let key = Key::regional(cx.account, cx.region).str(&stack.name);
    NAMES.put(cx.tx, &key, &Link { stack: stack.id.clone(), name: stack.name.clone() });
}

async fn create(dx: Dx, mut req: CreateStack, _: Payload) -> Result<Answer<Begun>, Fault> {
    let text = source::text(&dx, req.body.take(), req.url.take()).await?;
    req.policy = source::policy(&dx, req.policy.take(), req.policy_url.take()).await?;
    asking(&dx, |cx, macros| make(cx, req.clone(), text.clone(), Some(macros))).await.map(Answer::from)
}

/// For calls from within: of a stack around it, which has fetched the template already, and of services.
fn create_within(cx: &mut Cx<'_>, mut req: CreateStack) -> Result<Begun, CfnError> {
    let text = source::text_within(req.body.take(), req.url.take())?;
    req.policy = source::policy_within(req.policy.take(), req.policy_url.take(), "StackPolicyURL")?;
    make(cx, req, text, None)
}

fn make(
    cx: &mut Cx<'_>,
    mut req: CreateStack,
    text: Option<String>,
    macros: Option<&Macros>,
) -> Result<Begun, CfnError> {
    check_name(&req.name)?;
    check_one_limit(&req.kinds, &req.capabilities)?;
    req.disable_rollback = req.disable_rollback.or(keeps(req.deployment.as_ref())?);
    let found = find(cx, &req.name)?;
    // A stack within that a change set has foreseen is made by the one around it.
    let is_foreseen = |known: &Stack| known.is_foreseen() && cx.request.peer.is_none();
    let foreseen = found.clone().filter(is_foreseen);
    if let Some(known) = found.filter(|_| foreseen.is_none()) {
        // The same request once more.
        return match &req.token {
            Some(token) if known.creation_token.as_ref() == Some(token) => Ok(begun(&known)),
            _ => Err(CfnError::AlreadyExists(req.name)),
        };
    }
    if req.disable_rollback.is_some() && req.on_failure.is_some() {
        return Err(invalid("You can specify either DisableRollback or OnFailure, but not both."));
    }
    let mut stack = foreseen.unwrap_or_else(|| fresh(cx, &req.name));
    stack.notifies = topics(std::mem::take(&mut req.notifies))?;
    let tags = tags(req.tags)?;
    let text = text.ok_or_else(source::missing)?;
    let role = req.role.as_deref();
    let Taken { plan, body } = take(
        cx,
        &stack,
        Offer {
            role,
            text,
            given: given(req.parameters),
            before: &BTreeMap::new(),
            tags,
            capabilities: &req.capabilities,
            kinds: &req.kinds,
            reviewed: false,
            macros,
        },
    )?;
    stack.description.clone_from(&plan.template.description);
    (stack.parameters, stack.resolved) = (plan.shown(), plan.shown_resolved());
    stack.tags = plan.tags;
    stack.capabilities = req.capabilities;
    stack.role = req.role;
    stack.disable_rollback = req.disable_rollback.unwrap_or(req.on_failure.as_deref() == Some("DO_NOTHING"));
    stack.on_failure = req.on_failure;
    stack.timeout_minutes = req.timeout.and_then(|minutes| u32::try_from(minutes).ok());
    stack.protected = req.protected.unwrap_or(false);
    (stack.token, stack.creation_token) = (req.token.clone(), req.token);
    stack.policy = req.policy;
    stack.round = 1;
    register(cx, &stack);
    BODIES.put(cx.tx, &stack.key().str(NOW), &body);
    stack.watches = trigger::said(req.rollback.as_ref(), None)?;
    limit::check(cx)?;
    let cloud = std::sync::Arc::clone(cx.cloud());
    let disable_rollback = stack.disable_rollback;
    let excepts = req.retain == Some(true);
    begin(cx, &mut stack, Job { phase: Phase::Create, disable_rollback, excepts, ..Job::default() })?;
    stack.enter(&cloud, cx.tx, "CREATE_IN_PROGRESS", Some("User Initiated"));
    Ok(begun(&stack))
}

/// What is answered of an operation that is under way.
pub(super) fn begun(stack: &Stack) -> Begun {
    Begun { id: stack.arn(), operation: stack.operation() }
}

/// Where an update may begin.
pub(super) fn may_update(stack: &Stack) -> Result<(), CfnError> {
    let fit = [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "CREATE_FAILED",
        "UPDATE_FAILED",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    ];
    if fit.contains(&stack.status.as_str()) { Ok(()) } else { Err(stands_in(stack, "updated")) }
}

/// Puts an update on its way. The template is checked, and there is something to do. `how`: as for [`begin`].
pub(super) fn start_update(
    cx: &mut Cx<'_>,
    stack: &mut Stack,
    plan: &Plan,
    body: &Body,
    how: Job,
) -> Result<(), CfnError> {
    (stack.parameters, stack.resolved) = (plan.shown(), plan.shown_resolved());
    stack.tags.clone_from(&plan.tags);
    stack.updated = Some(cx.now);
    stack.unproven |= stack.status == "CREATE_FAILED";
    stack.round += 1;
    BODIES.put(cx.tx, &stack.key().str(NEXT), body);
    let cloud = std::sync::Arc::clone(cx.cloud());
    begin(cx, stack, Job { phase: Phase::Update, ..how })?;
    stack.enter(&cloud, cx.tx, "UPDATE_IN_PROGRESS", Some("User Initiated"));
    Ok(())
}

async fn update(dx: Dx, mut req: UpdateStack, _: Payload) -> Result<Answer<Begun>, Fault> {
    let text = source::text(&dx, req.body.take(), req.url.take()).await?;
    req.policy = source::policy(&dx, req.policy.take(), req.policy_url.take()).await?;
    req.during = source::policy(&dx, req.during.take(), req.during_url.take()).await?;
    asking(&dx, |cx, macros| change(cx, req.clone(), text.clone(), Some(macros))).await.map(Answer::from)
}

/// As [`create_within`].
fn update_within(cx: &mut Cx<'_>, mut req: UpdateStack) -> Result<Begun, CfnError> {
    let text = source::text_within(req.body.take(), req.url.take())?;
    req.policy = source::policy_within(req.policy.take(), req.policy_url.take(), "StackPolicyURL")?;
    let url = req.during_url.take();
    req.during = source::policy_within(req.during.take(), url, "StackPolicyDuringUpdateURL")?;
    change(cx, req, text, None)
}

fn change(
    cx: &mut Cx<'_>,
    mut req: UpdateStack,
    text: Option<String>,
    macros: Option<&Macros>,
) -> Result<Begun, CfnError> {
    check_one_limit(&req.kinds, &req.capabilities)?;
    req.disable_rollback = req.disable_rollback.or(keeps(req.deployment.as_ref())?);
    let mut stack = changeable(cx, &req.name)?;
    if req.token.is_some() && req.token == stack.token && stack.round > 1 {
        return Ok(begun(&stack));
    }
    may_update(&stack)?;
    // One whose first import was taken back has nothing that could be updated.
    let present = body(cx, &stack)?.ok_or_else(|| stands_in(&stack, "updated"))?;
    let text = match req.previous {
        Some(true) if text.is_some() => {
            return Err(invalid("You cannot specify both usePreviousTemplate and Template Body."));
        }
        Some(true) => present.text.clone(),
        _ => text.ok_or_else(source::missing)?,
    };
    let before = present.parameters(cx.cloud());
    let notifies = req.notifies.take().map(topics).transpose()?;
    let retold = notifies.as_ref().is_some_and(|arns| *arns != stack.notifies);
    stack.notifies = notifies.unwrap_or(stack.notifies);
    let watches = trigger::said(req.rollback.as_ref(), stack.watches.clone())?;
    let retold = retold || watches != stack.watches;
    stack.watches = watches;
    let tags = req.tags.map(tags).transpose()?.unwrap_or_else(|| stack.tags.clone());
    let role = req.role.as_deref().or(stack.role.as_deref());
    let Taken { plan, body } = take(
        cx,
        &stack,
        Offer {
            role,
            text,
            given: given(req.parameters),
            before: &before,
            tags,
            capabilities: &req.capabilities,
            kinds: &req.kinds,
            reviewed: false,
            macros,
        },
    )?;
    check_kinds(cx, &stack, &plan)?;
    // AWS: an update may be of the stack's settings alone, such as its topics.
    if !retold && !differs(cx, &stack, &plan, &present)? {
        return Err(invalid("No updates are to be performed."));
    }
    stack.capabilities = req.capabilities;
    stack.role = req.role.or(stack.role);
    stack.token = req.token;
    stack.policy = req.policy.or(stack.policy);
    let disable_rollback = req.disable_rollback.unwrap_or(false);
    start_update(
        cx,
        &mut stack,
        &plan,
        &body,
        Job { disable_rollback, policy: req.during, excepts: req.retain == Some(true), ..Job::default() },
    )?;
    Ok(begun(&stack))
}

/// A resource stays what it is.
pub(super) fn check_kinds(cx: &Cx<'_>, stack: &Stack, plan: &Plan) -> Result<(), CfnError> {
    let resources = known(cx.tx, stack)?;
    let other = |name: &str, kind: &str| {
        resources.get(name).is_some_and(|old| old.is_live() && !old.physical.is_empty() && old.kind != kind)
    };
    let drawn = plan.template.resources.iter();
    let changed: Vec<&str> = drawn.filter(|r| other(&r.name, &r.kind)).map(|r| r.name.as_str()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "Update of resource type is not permitted. The new template modifies resource type of the following resources: [{}]",
        changed.join(", ")
    )))
}

/// Whether an update would do anything.
fn differs(cx: &Cx<'_>, stack: &Stack, plan: &Plan, present: &Body) -> Result<bool, CfnError> {
    let before = Plan::of(cx.cloud(), stack, present)?;
    let changes = || changes(cx, stack, plan, &known(cx.tx, stack)?, Some(&before)).map_err(CfnError::from);
    Ok(retold(plan, &before) || !changes()?.is_empty())
}

/// Whether the stack itself would tell something else than before.
pub(super) fn retold(plan: &Plan, before: &Plan) -> bool {
    let outputs = |plan: &Plan| -> Vec<String> {
        let all = plan.template.outputs.iter();
        all.map(|o| format!("{o:?}")).collect()
    };
    // What outputs say may follow from parameters alone.
    let follows = !plan.template.outputs.is_empty() && plan.parameters != before.parameters;
    plan.tags != before.tags || outputs(plan) != outputs(before) || follows
}

/// Whether it is the stack around it, which is at work, that does something with it.
pub(super) fn is_worked_on_around(cx: &Cx<'_>, stack: &Stack) -> Result<bool, CfnError> {
    let parent = stack.parent.as_deref().filter(|_| cx.request.peer.is_none());
    match parent.map(|parent| find(cx, parent)).transpose()?.flatten() {
        Some(parent) => Ok(JOBS.contains(cx.tx, &Key::global().str(&parent.id))?),
        None => Ok(false),
    }
}

fn delete(cx: &mut Cx<'_>, req: DeleteStack) -> Result<Empty, CfnError> {
    keeps(req.deployment.as_ref())?;
    let Some(mut stack) = find(cx, &req.name)?.filter(|stack| !stack.is_deleted()) else { return Ok(Empty) };
    // The stack around it may let it go, and nobody else where all of them are protected.
    let root = match is_worked_on_around(cx, &stack)? {
        true => None,
        false => stack.root.as_deref().map(|root| find(cx, root)).transpose()?.flatten(),
    };
    if stack.protected || root.is_some_and(|root| root.protected) {
        return Err(invalid(format!(
            "Stack [{}] cannot be deleted while TerminationProtection is enabled",
            stack.name
        )));
    }
    let failed = stack.status == "DELETE_FAILED";
    if !req.retain.is_empty() && !failed {
        return Err(invalid(format!(
            "Invalid operation on stack [{}]. RetainResources can only be specified when the stack is in the DELETE_FAILED state",
            stack.arn()
        )));
    }
    let resources = known(cx.tx, &stack)?;
    let is_there = |name: &String| resources.get(name).is_some_and(|own| own.status != "DELETE_COMPLETE");
    if !req.retain.iter().all(is_there) {
        return Err(invalid(
            "The specified resources to retain must be in a valid state. Do not specify resources that are in the DELETE_COMPLETE state.",
        ));
    }
    match stack.status.as_str() {
        "DELETE_IN_PROGRESS" => return Ok(Empty),
        "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => {}
        _ if stack.is_busy() => {
            return Err(invalid(format!(
                "Stack [{}] cannot be deleted while in status {}",
                stack.arn(),
                stack.status
            )));
        }
        _ => {}
    }
    let cloud = std::sync::Arc::clone(cx.cloud());
    for export in stack.outputs.iter().filter_map(|output| output.export.clone()) {
        if let Some(user) = user_of(cx.tx, &stack, &export)? {
            let why = format!("Export {export} cannot be deleted as it is in use by {user}");
            // AWS: the call is answered, and an event says why the stack stays what it was.
            let status = stack.status.clone();
            stack.enter(&cloud, cx.tx, &status, Some(&why));
            return Ok(Empty);
        }
    }
    let mut skip = req.retain;
    if failed && req.mode.as_deref() == Some("FORCE_DELETE_STACK") {
        skip.extend(resources.into_values().filter(|r| r.status == "DELETE_FAILED").map(|r| r.name));
    }
    stack.role = req.role.or(stack.role);
    stack.token = req.token;
    stack.round += 1;
    stack.deletion = req.mode;
    begin(cx, &mut stack, Job { phase: Phase::Delete, skip, ..Job::default() })?;
    stack.enter(&cloud, cx.tx, "DELETE_IN_PROGRESS", Some("User Initiated"));
    Ok(Empty)
}
