//! Attributes of subscriptions.

use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{self, SUBSCRIPTIONS, Subscription, TOPICS, Topic};
use crate::sns::replay;
use crate::sns::subscribing;
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    GetSubscriptionAttributes: get, "sns:GetSubscriptionAttributes", access::subscription;
    SetSubscriptionAttributes: set, "sns:SetSubscriptionAttributes", access::subscription;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetAttributes { arn: String = "SubscriptionArn" }

    #[derive(Debug)]
    pub(crate) struct SetAttribute {
        arn: String = "SubscriptionArn",
        name: String = "AttributeName",
        value: Option<String> = "AttributeValue",
    }

    #[derive(Debug)]
    pub(crate) struct Attributes { attributes: Pairs<String> = "Attributes" }
}

fn all(subscription: &Subscription) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("SubscriptionArn", subscription.arn()),
        ("TopicArn", subscription.topic_arn()),
        ("Owner", subscription.owner.to_string()),
        ("Protocol", subscription.protocol.clone()),
        ("Endpoint", subscription.endpoint.clone()),
        ("SubscriptionPrincipal", subscription.principal.clone()),
        ("ConfirmationWasAuthenticated", subscription.authenticated.to_string()),
        ("PendingConfirmation", (!subscription.confirmed).to_string()),
        ("RawMessageDelivery", subscription.raw.to_string()),
    ];
    if let Some(filter) = &subscription.filter {
        let scope = if subscription.filters_body { "MessageBody" } else { "MessageAttributes" };
        out.push(("FilterPolicy", filter.clone()));
        out.push(("FilterPolicyScope", scope.to_owned()));
    }
    out.extend(subscription.redrive.clone().map(|text| ("RedrivePolicy", text)));
    if let Some(policy) = &subscription.replay {
        out.push(("ReplayPolicy", policy.clone()));
        out.push(("ReplayStatus", subscription.replay_status.clone()));
    }
    out.extend(subscription.delivery_policy.clone().map(|text| ("DeliveryPolicy", text)));
    out
}

/// What a subscription has under a name, as it is shown.
pub(super) fn value(subscription: &Subscription, name: &str) -> Option<String> {
    all(subscription).into_iter().find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// The topic of a subscription.
fn topic(cx: &Cx<'_>, subscription: &Subscription) -> Result<Topic, SnsError> {
    let key = model::topic_key(subscription.account, subscription.region, &subscription.topic);
    TOPICS.get(cx.tx, &key)?.ok_or(SnsError::NoTopic)
}

fn get(cx: &mut Cx<'_>, req: GetAttributes) -> Result<Attributes, SnsError> {
    let subscription = model::subscription(cx, &req.arn)?;
    let topic = topic(cx, &subscription)?;
    let mut all = all(&subscription);
    let policy = subscribing::policy(&topic, &subscription);
    all.extend(policy.map(|policy| ("EffectiveDeliveryPolicy", policy.text())));
    let pairs = all.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(Attributes { attributes: Pairs(pairs.collect()) })
}

fn set(cx: &mut Cx<'_>, req: SetAttribute) -> Result<Empty, SnsError> {
    let mut subscription = model::subscription(cx, &req.arn)?;
    let text = req.value.as_deref().unwrap_or_default();
    if req.name == "ReplayPolicy" {
        let topic = topic(cx, &subscription)?;
        replay::set(cx.tx, &topic, &mut subscription, text, cx.now)?;
    } else {
        subscribing::set(&mut subscription, &req.name, text)?;
    }
    if req.name.starts_with("FilterPolicy") {
        subscribing::check_filter(&subscription)?;
    }
    if matches!(req.name.as_str(), "DeliveryPolicy" | "RawMessageDelivery") {
        subscribing::check_delivery(&subscription)?;
    }
    if !subscription.confirmed {
        return Err(invalid("SubscriptionArn Reason: the subscription is not confirmed"));
    }
    SUBSCRIPTIONS.put(cx.tx, &subscription.key(), &subscription);
    Ok(Empty)
}
