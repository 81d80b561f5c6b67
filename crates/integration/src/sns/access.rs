//! Which topics and subscriptions each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html>

use super::errors::SnsError;
use super::model::{Place, SUBSCRIPTIONS, TOPICS, topic_arn};
use super::policy;
use super::push;
use auth::policy::{Principal, ResourceMode};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(crate) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// A topic, whether it exists or not.
fn target(cx: &Cx<'_>, place: &Place) -> Result<Target, SnsError> {
    let target = Target::on(place.arn()).owned_by(place.account);
    // AWS: the key is there when a service calls on behalf of an account, for the sake of something there.
    let target = match &cx.caller.principal {
        Principal::Service { .. } if cx.request.source.is_some() => {
            target.key("aws:SourceOwner", cx.caller.account.as_str())
        }
        _ => target,
    };
    match TOPICS.get(cx.tx, &place.key())? {
        Some(topic) => Ok(target
            .tagged(topic.tags.clone())
            .guarded(policy::attached(cx, &topic)?, ResourceMode::Optional)),
        None => Ok(target),
    }
}

pub(crate) fn new_topic(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let arn = topic_arn(cx.account, cx.region, request.str("Name").unwrap_or_default());
    let mut targets = vec![Target::on(arn.clone())];
    if request.get("Tags").and_then(Value::as_list).is_some_and(|tags| !tags.is_empty()) {
        targets.push(Target::on(arn).doing("sns:TagResource"));
    }
    Ok(targets)
}

fn by_arn(cx: &Cx<'_>, request: &Struct, member: &str) -> Targets {
    let place = Place::read(request.str(member).unwrap_or_default(), member)?;
    Ok(vec![target(cx, &place)?])
}

pub(crate) fn topic(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    by_arn(cx, request, "TopicArn")
}

pub(crate) fn resource(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    by_arn(cx, request, "ResourceArn")
}

/// Subscribe, with what it says about the subscription.
pub(crate) fn subscribe(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(request.str("TopicArn").unwrap_or_default(), "TopicArn")?;
    let mut target = target(cx, &place)?;
    for (member, key) in [("Protocol", "sns:Protocol"), ("Endpoint", "sns:Endpoint")] {
        if let Some(value) = request.str(member) {
            target = target.key(key, value);
        }
    }
    Ok(vec![target])
}

/// A subscription: its topic decides.
pub(crate) fn subscription(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read(request.str("SubscriptionArn").unwrap_or_default(), "SubscriptionArn")?;
    let mut target = target(cx, &place)?;
    if let Some(id) = &place.subscription
        && let Some(found) = SUBSCRIPTIONS.get(cx.tx, &place.key().str(id)).map_err(SnsError::from)?
    {
        target = target.key("sns:Protocol", found.protocol).key("sns:Endpoint", found.endpoint);
    }
    Ok(vec![target])
}

/// Publish: to a topic, by either name, or to a telephone.
pub(crate) fn publish(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    match request.str("TopicArn").or(request.str("TargetArn")) {
        Some(arn) => {
            let place = Place::read(arn, "TopicArn")?;
            Ok(vec![target(cx, &place)?])
        }
        None => Ok(vec![Target::any()]),
    }
}

pub(crate) fn new_application(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = |member: &str| request.str(member).unwrap_or_default().to_owned();
    let (platform, name) = (text("Platform"), text("Name"));
    let place = push::Place { account: cx.account, region: cx.region, platform, name };
    Ok(vec![Target::on(place.arn())])
}

pub(crate) fn application(_: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = push::Place::of_application(request.str("PlatformApplicationArn").unwrap_or_default())?;
    Ok(vec![Target::on(place.arn()).owned_by(place.account)])
}

pub(crate) fn endpoint(_: &mut Cx<'_>, request: &Struct) -> Targets {
    let arn = request.str("EndpointArn").unwrap_or_default();
    let (place, _) = push::Place::of_endpoint(arn, "EndpointArn")?;
    Ok(vec![Target::on(arn).owned_by(place.account)])
}
