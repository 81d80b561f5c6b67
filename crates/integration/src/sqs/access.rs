//! Which queues each operation touches.
//!
//! A queue's own policy is asked beside the caller's, which is how other accounts and services get in; but not by the
//! operations that AWS keeps to the queue's account.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>

use super::errors::SqsError;
use super::model::known;
use super::model::place::Place;
use super::ops::move_task::read_handle;
use auth::policy::ResourceMode;
use base::AccountId;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// A queue, whether it exists or not.
fn target(cx: &Cx<'_>, place: &Place, shared: bool) -> Result<Target, SqsError> {
    let target = Target::on(place.arn()).owned_by(place.account);
    let Some(known) = known::find(cx, place)? else { return Ok(target) };
    let mut target = target.tagged(known.tags.clone());
    // Also a queue without a policy has one: it lets no service in.
    target.mode = ResourceMode::Optional;
    match &known.policy {
        // Within the account the policy counts in any case.
        Some(policy) if shared || place.account == cx.account => {
            Ok(target.guarded(policy.clone(), ResourceMode::Optional))
        }
        _ => Ok(target),
    }
}

fn by_url(cx: &Cx<'_>, request: &Struct, shared: bool) -> Targets {
    let place = Place::of_url(cx, request.str("QueueUrl").unwrap_or_default())?;
    Ok(vec![target(cx, &place, shared)?])
}

/// Operations that another account may be let into.
pub(crate) fn queue(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    by_url(cx, request, true)
}

/// Operations that are the owning account's alone.
pub(crate) fn own_queue(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    by_url(cx, request, false)
}

pub(crate) fn new_queue(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::own(cx, request.str("QueueName").unwrap_or_default());
    let mut targets = vec![target(cx, &place, false)?];
    if matches!(request.get("tags"), Some(wire::Value::Map(tags)) if !tags.is_empty()) {
        targets.push(Target::on(place.arn()).doing("sqs:TagQueue"));
    }
    Ok(targets)
}

/// GetQueueUrl: by name, perhaps in another account.
pub(crate) fn named_queue(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut place = Place::own(cx, request.str("QueueName").unwrap_or_default());
    if let Some(owner) = request.str("QueueOwnerAWSAccountId").and_then(AccountId::parse) {
        place.account = owner;
    }
    Ok(vec![target(cx, &place, true)?])
}

fn by_arn(cx: &Cx<'_>, arn: &str) -> Result<Target, SqsError> {
    match Place::of_arn(cx, arn) {
        Some(place) => target(cx, &place, false),
        // What is no queue's ARN is refused by the operation itself.
        None => Ok(Target::on(arn.to_owned())),
    }
}

/// The queue whose move tasks it is about.
pub(crate) fn source(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![by_arn(cx, request.str("SourceArn").unwrap_or_default())?])
}

/// AWS: `StartMessageMoveTask`: what the task will do needs its permission too.
pub(crate) fn start_move(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let source = by_arn(cx, request.str("SourceArn").unwrap_or_default())?;
    let mut targets = vec![source.clone()];
    for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
        targets.push(source.clone().doing(action));
    }
    if let Some(destination) = request.str("DestinationArn") {
        targets.push(by_arn(cx, destination)?.doing("sqs:SendMessage"));
    }
    Ok(targets)
}

pub(crate) fn cancel_move(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let handle = request.str("TaskHandle").unwrap_or_default();
    match read_handle(handle) {
        Some((_, arn)) => Ok(vec![by_arn(cx, &arn)?]),
        None => Ok(vec![Target::any()]),
    }
}
