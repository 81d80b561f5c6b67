//! What holds a stack: termination protection, an update that is cancelled, a rollback that goes on or is asked for.

use super::stack::{Begun, Deployment, StackId, begun, is_worked_on_around, keeps};
use super::{begin, body, changeable, find, stands_in};
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::kinds::nested::surrounds;
use crate::cloudformation::model::{BODIES, JOBS, Job, NEXT, Phase, RESOURCES, STACK, Stack};
use crate::cloudformation::work::phase::take_stable;
use crate::cloudformation::work::plan::{Known, known};
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(crate) static OPS:
    UpdateTerminationProtection: protect, "cloudformation:UpdateTerminationProtection", access::stack;
    CancelUpdateStack: cancel, "cloudformation:CancelUpdateStack", access::stack;
    ContinueUpdateRollback: go_on, "cloudformation:ContinueUpdateRollback", access::stack;
    RollbackStack: roll_back, "cloudformation:RollbackStack", access::stack;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Protect {
        enable: bool = "EnableTerminationProtection",
        name: String = "StackName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Cancel {
        name: String = "StackName",
        token: Option<String> = "ClientRequestToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Continue {
        name: String = "StackName",
        role: Option<String> = "RoleARN",
        skip: Vec<String> = "ResourcesToSkip",
        force: Option<bool> = "ForceRollback",
        token: Option<String> = "ClientRequestToken",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct RollBack {
        name: String = "StackName",
        role: Option<String> = "RoleARN",
        token: Option<String> = "ClientRequestToken",
        retain: Option<bool> = "RetainExceptOnCreate",
        deployment: Option<Deployment> = "DeploymentConfig",
    }
}

/// AWS: a stack that has been kept as a failure has left it goes back to what it was, which is nothing for one that has never
/// been whole.
fn roll_back(cx: &mut Cx<'_>, req: RollBack) -> Result<Begun, CfnError> {
    keeps(req.deployment.as_ref())?;
    let mut stack = changeable(cx, &req.name)?;
    match stack.status.as_str() {
        "CREATE_FAILED" => {}
        "UPDATE_FAILED" => return take_back(cx, stack, req),
        _ => return Err(stands_in(&stack, "rolled back")),
    }
    stack.role = req.role.or(stack.role);
    stack.token = req.token;
    let cloud = std::sync::Arc::clone(cx.cloud());
    let excepts = req.retain == Some(true);
    begin(cx, &mut stack, Job { phase: Phase::Rollback, excepts, ..Job::default() })?;
    stack.enter(&cloud, cx.tx, "ROLLBACK_IN_PROGRESS", Some("User Initiated"));
    Ok(begun(&stack))
}

/// What updates have changed that failed and were kept is what it was.
fn take_back(cx: &mut Cx<'_>, mut stack: Stack, req: RollBack) -> Result<Begun, CfnError> {
    let failed = body(cx, &stack)?;
    let is_known = take_stable(cx.tx, &stack).map_err(|_| CfnError::Internal)?;
    let Some(failed) = failed.filter(|_| is_known) else {
        return Err(CfnError::NotBuilt(
            "RollbackStack of a failed update of a stack with nested stacks, or of one that was never complete".into(),
        ));
    };
    BODIES.put(cx.tx, &stack.key().str(NEXT), &failed);
    stack.role = req.role.or(stack.role);
    stack.token = req.token;
    let cloud = std::sync::Arc::clone(cx.cloud());
    let excepts = req.retain == Some(true);
    let how = Job { phase: Phase::UpdateRollback, excepts, ..Job::default() };
    begin(cx, &mut stack, how)?;
    stack.enter(&cloud, cx.tx, "UPDATE_ROLLBACK_IN_PROGRESS", Some("User Initiated"));
    Ok(begun(&stack))
}

fn protect(cx: &mut Cx<'_>, req: Protect) -> Result<StackId, CfnError> {
    let mut stack = changeable(cx, &req.name)?;
    if stack.status == "DELETE_IN_PROGRESS" {
        return Err(invalid(format!(
            "Stack [{}] is in DELETE_IN_PROGRESS state and can not be updated",
            stack.name
        )));
    }
    if stack.root.is_some() {
        return Err(invalid(format!(
            "Termination protection of the nested stack [{}] is that of its root stack.",
            stack.name
        )));
    }
    stack.protected = req.enable;
    stack.save(cx.tx);
    Ok(StackId { id: stack.arn() })
}

fn cancel(cx: &mut Cx<'_>, req: Cancel) -> Result<Empty, CfnError> {
    let mut stack = changeable(cx, &req.name)?;
    let key = Key::global().str(&stack.id);
    match JOBS.get(cx.tx, &key)? {
        Some(job) if stack.status == "UPDATE_IN_PROGRESS" => {
            JOBS.put(cx.tx, &key, &Job { cancelled: true, ..job });
        }
        _ => return Err(invalid("CancelUpdateStack cannot be called from current stack status")),
    }
    stack.token = req.token.or(stack.token);
    stack.save(cx.tx);
    Ok(Empty)
}

fn go_on(cx: &mut Cx<'_>, mut req: Continue) -> Result<Empty, CfnError> {
    let mut stack = changeable(cx, &req.name)?;
    if stack.status != "UPDATE_ROLLBACK_FAILED" {
        return Err(stands_in(&stack, "rolled back"));
    }
    if stack.parent.is_some() && !is_worked_on_around(cx, &stack)? {
        return Err(invalid("RollbackUpdatedStack cannot be invoked on child stacks"));
    }
    if req.force == Some(true) {
        if !req.skip.is_empty() {
            return Err(invalid("ForceRollback and ResourcesToSkip cannot be specified together."));
        }
        req.skip = forced(cx, &stack, "")?;
    }
    let resources = known(cx.tx, &stack)?;
    for named in &req.skip {
        let fits = match named.split_once('.') {
            None => may_skip(cx, &resources, named)?,
            Some((inner, name)) => match find(cx, inner)? {
                Some(inner) if surrounds(cx, &stack, &inner)? => may_skip(cx, &known(cx.tx, &inner)?, name)?,
                _ => false,
            },
        };
        if !fits {
            return Err(invalid(format!(
                "The following ResourcesToSkip are not in UPDATE_FAILED state or do not exist: [{named}]"
            )));
        }
    }
    for mut resource in resources.into_values().filter(|r| r.reverting) {
        resource.reverting = false;
        RESOURCES.put(cx.tx, &resource.key(&stack), &resource);
    }
    stack.role = req.role.or(stack.role);
    stack.token = req.token;
    let cloud = std::sync::Arc::clone(cx.cloud());
    begin(cx, &mut stack, Job { phase: Phase::UpdateRollback, skip: req.skip, ..Job::default() })?;
    stack.call(cx.tx, "CONTINUE_ROLLBACK");
    stack.enter(&cloud, cx.tx, "UPDATE_ROLLBACK_IN_PROGRESS", Some("User Initiated"));
    Ok(Empty)
}

/// What the way back has failed at, down the tree, as it is named. `within`: before the names.
fn forced(cx: &Cx<'_>, stack: &Stack, within: &str) -> Result<Vec<String>, CfnError> {
    let mut out = Vec::new();
    let resources = known(cx.tx, stack)?;
    for own in resources.values().filter(|own| own.reverting && own.status == "UPDATE_FAILED") {
        match find(cx, &own.physical)?.filter(|_| own.kind == STACK) {
            Some(inner) if !inner.status.starts_with("DELETE_") => {
                out.extend(forced(cx, &inner, &format!("{}.", inner.name))?);
            }
            _ => out.push(format!("{within}{}", own.name)),
        }
    }
    Ok(out)
}

/// Whether the way back may pass over a resource. AWS: a stack within is passed over only where it is going or gone.
fn may_skip(cx: &Cx<'_>, resources: &Known, name: &str) -> Result<bool, CfnError> {
    let Some(own) = resources.get(name).filter(|own| own.reverting && own.status == "UPDATE_FAILED") else {
        return Ok(false);
    };
    if own.kind != STACK {
        return Ok(true);
    }
    let inner = find(cx, &own.physical)?;
    Ok(inner.is_none_or(|inner| inner.status.starts_with("DELETE_")))
}
