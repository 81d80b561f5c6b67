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
