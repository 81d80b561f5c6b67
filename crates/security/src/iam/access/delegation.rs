//! What the operations on delegation requests touch: the request, as a resource of the account that looks at it, with the
//! ARN of its owner as `iam:DelegationRequestOwner`.
//!
//! Who has taken a request up may manage it without any policy that says so, and everybody in the customer's account may
//! look at one and take it up that nobody owns yet; a policy that denies it is stronger. Only to approve is never given.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html#temporary-delegation-managing-permissions>

use crate::iam::attached::last_part;
use crate::iam::model::DelegationRequest;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource, Principal, ResourceMode};
use kernel::{Cx, Failure, access::Target};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

const OWNER: &str = "iam:DelegationRequestOwner";

/// Whom a request is open to without a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenTo {
    Nobody,
    Owner,
    /// To its owner, and to everybody whom it concerns while it has none.
    Finder,
}

/// Looking at a request, and taking it up.
///
/// # Errors
/// When the store cannot be read; so all of them.
pub fn found(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    one(cx, request.str("DelegationRequestId").unwrap_or_default(), OpenTo::Finder)
}

/// What an owner may do with its own.
pub fn owned(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    one(cx, request.str("DelegationRequestId").unwrap_or_default(), OpenTo::Owner)
}

/// What needs a permission of everybody.
pub fn approved(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    one(cx, request.str("DelegationRequestId").unwrap_or_default(), OpenTo::Nobody)
}

/// A request by its ARN: open to whom the request itself is. Nothing else has a summary, so it is none in particular.
pub fn summarized(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let arn = request.str("EntityArn").unwrap_or_default();
    if DelegationRequest::arn(cx.account, last_part(arn)) == arn {
        return one(cx, last_part(arn), OpenTo::Finder);
    }
    Ok(vec![Target::on(DelegationRequest::arn(cx.account, "*"))])
}

/// Those of one owner, which is always itself, or of the account.
pub fn listed(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let target = Target::any();
    Ok(vec![match request.str("OwnerId") {
        Some(owner) if cx.caller.arn() == owner => open_to_caller(cx, target.key(OWNER, owner)),
        Some(owner) => target.key(OWNER, owner),
        None => target,
    }])
}

/// A request that is about to be made: its id is not known yet.
pub fn created(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let mut target = Target::on(DelegationRequest::arn(cx.account, "*"));
    if let Some(topic) = request.str("NotificationChannel") {
        target = target.key("iam:NotificationChannel", topic);
    }
    if let Some(seconds) = request.get("SessionDuration").and_then(Value::as_int) {
        target = target.key("iam:DelegationDuration", seconds.to_string());
    }
    let permissions = request.get("Permissions");
    if let Some(arn) = permissions.and_then(|given| given.member("PolicyTemplateArn")?.as_str()) {
        target = target.key("iam:TemplateArn", arn);
    }
    Ok(vec![target])
}

fn one(cx: &Cx<'_>, id: &str, open: OpenTo) -> Result<Vec<Target>, Fault> {
    let target = Target::on(DelegationRequest::arn(cx.account, id));
    let found = DelegationRequest::load(cx.tx, id).map_err(Failure::from)?;
    let Some(found) = found.filter(|request| request.concerns(cx.account)) else { return Ok(vec![target]) };
    let is_open = match &found.owner_id {
        Some(owner) => open != OpenTo::Nobody && cx.caller.arn() == *owner,
        None => open == OpenTo::Finder,
    };
    let target = match found.owner_id {
        Some(owner) => target.key(OWNER, owner),
        None => target,
    };
    Ok(vec![if is_open { open_to_caller(cx, target) } else { target }])
}

/// As if the request had a policy that lets the caller.
fn open_to_caller(cx: &Cx<'_>, target: Target) -> Target {
    // Root needs none, and others have no ARN that a policy could name.
    let arn = match &cx.caller.principal {
        Principal::User { arn, .. } => arn,
        Principal::AssumedRole { session_arn, .. } => session_arn,
        _ => return target,
    };
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"iam:*","Resource":"*"}}]}}"#
    );
    let Ok(policy) = Policy::parse(&text, PolicyKind::Resource("iam")) else { return target };
    let source = PolicySource {
        id: "default permissions of delegation requests".into(),
        attached_to: target.arn.clone(),
        form: PolicyForm::Managed,
    };
    target.guarded((source, Arc::new(policy)), ResourceMode::Optional)
}
