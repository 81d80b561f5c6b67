//! Topics and subscriptions.

use super::{Look, PLAIN, gone, own, parsed, picked, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::sns::{SNS, SUBSCRIPTION, TOPIC};
use wire::Value;

pub(in crate::cloudformation::kinds) static TOPICS: Look = Look {
    sees: &[
        "ArchivePolicy",
        "ContentBasedDeduplication",
        "DisplayName",
        "FifoThroughputScope",
        "FifoTopic",
        "KmsMasterKeyId",
        "SignatureVersion",
        "Subscription",
        "Tags",
        "TopicName",
        "TracingConfig",
    ],
    read: topic,
    identifiers: &["TopicArn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static SUBSCRIPTIONS: Look = Look {
    sees: &[
        "DeliveryPolicy",
        "Endpoint",
        "FilterPolicy",
        "FilterPolicyScope",
        "Protocol",
        "RawMessageDelivery",
        "RedrivePolicy",
        "ReplayPolicy",
        "TopicArn",
    ],
    whole: &["DeliveryPolicy", "FilterPolicy", "RedrivePolicy", "ReplayPolicy"],
    read: subscription,
    identifiers: &["Arn"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static INLINE_POLICY: Look = Look {
    sees: &["PolicyDocument", "TopicArn"],
    whole: &["PolicyDocument"],
    read: |on| {
        let told = on.ask(SNS, "GetTopicAttributes", map([("TopicArn", on.physical())]))?;
        let policy = parsed(&own(&told, "Attributes.Policy"));
        // A topic that nobody has given one has its own.
        if text_at(&policy, "Id") == "__default_policy_ID" {
            return Err(gone(on.physical));
        }
        let all = vec![("PolicyDocument".to_owned(), policy), ("TopicArn".to_owned(), on.physical())];
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["TopicArn"],
    ..PLAIN
};

/// The topic of this name that is there already.
pub(in crate::cloudformation::kinds) fn heard(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let Some(name) = on.text("TopicName") else { return Ok(None) };
    let arn = on.arn(SNS, &name);
    let told = on.ask_if_any(SNS, "GetTopicAttributes", map([("TopicArn", arn)]))?;
    Ok(own(&told, "Attributes.TopicArn").as_str().map(str::to_owned))
}

/// The subscription of this endpoint that the topic has already; a topic of another account does not tell.
pub(in crate::cloudformation::kinds) fn subscribed(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let topic = on.prop("TopicArn");
    let is_own = topic.as_str().and_then(base::Arn::parse).is_some_and(|arn| arn.account == on.account());
    if !is_own {
        return Ok(None);
    }
    let token = ("NextToken", "NextToken");
    let operation = (SNS, "ListSubscriptionsByTopic");
    let all = match on.ask_all(operation, vec![("TopicArn", topic)], "Subscriptions", token) {
        Err(refusal) if refusal.gone => return Ok(None),
        all => all?,
    };
    let (endpoint, protocol) = (on.text("Endpoint"), on.text("Protocol"));
    let is_it = |one: &&Value| {
        Some(text_at(one, "Endpoint")) == endpoint && Some(text_at(one, "Protocol")) == protocol
    };
    Ok(all.iter().find(is_it).map(|one| text_at(one, "SubscriptionArn")))
}

/// The attributes by these names; what is not told of is as it is where nobody has said otherwise.
fn attributes(told: &Value, names: &[(&str, &str)]) -> Vec<(String, Value)> {
    let value = |name: &str, default: &str| match own(told, name) {
        Value::Null if !default.is_empty() => Value::str(default),
        value if name.ends_with("Policy") => parsed(&value),
        value => value,
    };
    names.iter().map(|(name, default)| ((*name).to_owned(), value(name, default))).collect()
}

fn topic(on: &mut On<'_, '_>) -> Done<Seen> {
    let arn = on.physical();
    let told = on.ask(SNS, "GetTopicAttributes", map([("TopicArn", arn.clone())]))?;
    let told = own(&told, "Attributes");
    let mut all = attributes(&told, TOPIC);
    all.extend(attributes(&told, &[("FifoTopic", "false")]));
    let name = on.physical.rsplit(':').next().unwrap_or_default();
    all.push(("TopicName".into(), Value::str(name)));
    let (input, token) = (vec![("TopicArn", arn.clone())], ("NextToken", "NextToken"));
    let subscribed = on.ask_all((SNS, "ListSubscriptionsByTopic"), input, "Subscriptions", token)?;
    let attached = on.attached("AWS::SNS::Subscription")?;
    let is_own = |item: &&Value| {
        let arn = text_at(item, "SubscriptionArn");
        attached.iter().all(|(physical, _)| *physical != arn)
    };
    let subscribed = subscribed.iter().filter(is_own).map(|item| picked(item, &["Endpoint", "Protocol"]));
    all.push(("Subscription".into(), Value::List(subscribed.collect())));
    let tagged = on.ask(SNS, "ListTagsForResource", map([("ResourceArn", arn)]))?;
    all.push(("Tags".into(), tags(&own(&tagged, "Tags"))));
    Ok(Seen::of(all, vec![("TopicArn", on.physical()), ("TopicName", Value::str(name))]))
}

fn subscription(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = on.ask(SNS, "GetSubscriptionAttributes", map([("SubscriptionArn", on.physical())]))?;
    let told = own(&told, "Attributes");
    let mut all = attributes(&told, SUBSCRIPTION);
    all.extend(attributes(&told, &[("Endpoint", ""), ("Protocol", ""), ("TopicArn", "")]));
    Ok(Seen::of(all, vec![("Arn", on.physical())]))
}
