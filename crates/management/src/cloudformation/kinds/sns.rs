//! SNS topics, subscriptions and topic policies.

use super::on::{KEYS, On, Tagger, document, items, map, only, text_at};
use super::{BASE, Done, Kind, Made, look};
use crate::cloudformation::template::text;
use wire::Value;

pub(super) const SNS: &str = "sns";
const TAGGER: Tagger = Tagger {
    service: SNS,
    tag: "TagResource",
    untag: "UntagResource",
    id: "ResourceArn",
    tags: "Tags",
    keys: "TagKeys",
    form: KEYS,
};

/// Attributes by their names, and what they are where the template does not say.
pub(super) const TOPIC: &[(&str, &str)] = &[
    ("ArchivePolicy", ""),
    ("ContentBasedDeduplication", "false"),
    ("DisplayName", ""),
    ("FifoThroughputScope", "Topic"),
    ("KmsMasterKeyId", ""),
    ("SignatureVersion", "1"),
    ("TracingConfig", "PassThrough"),
];
pub(super) const SUBSCRIPTION: &[(&str, &str)] = &[
    ("DeliveryPolicy", ""),
    ("FilterPolicy", "{}"),
    ("FilterPolicyScope", "MessageAttributes"),
    ("RawMessageDelivery", "false"),
    ("RedrivePolicy", ""),
    ("ReplayPolicy", ""),
];

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::SNS::Topic",
        changes: &[
            "ArchivePolicy",
            "ContentBasedDeduplication",
            "DisplayName",
            "FifoThroughputScope",
            "KmsMasterKeyId",
            "SignatureVersion",
            "TracingConfig",
            "Subscription",
            "Tags",
        ],
        fixed: &["TopicName", "FifoTopic"],
        attributes: &["TopicArn", "TopicName"],
        named: Some("TopicName"),
        create: create_topic,
        update: |on| {
            set(on, TOPIC, "SetTopicAttributes", "TopicArn")?;
            subscriptions(on, on.physical())?;
            on.retag(&TAGGER, on.physical())?;
            Ok(on.same())
        },
        delete: |on| on.end(SNS, "DeleteTopic", map([("TopicArn", on.physical())])),
        mark: Some(|on| on.mark(&TAGGER, on.physical())),
        look: Some(&look::sns::TOPICS),
        taken: Some(look::sns::heard),
        ..BASE
    },
    Kind {
        name: "AWS::SNS::Subscription",
        changes: &[
            "DeliveryPolicy",
            "FilterPolicy",
            "FilterPolicyScope",
            "RawMessageDelivery",
            "RedrivePolicy",
            "ReplayPolicy",
        ],
        fixed: &["TopicArn", "Protocol", "Endpoint"],
        attributes: &["Arn"],
        create: |on| {
            let arn = subscribe(on, &on.prop("TopicArn"), &on.wanted.clone(), given(on, SUBSCRIPTION))?;
            Ok(on.made(arn.clone(), vec![("Arn", Value::Str(arn))]))
        },
        update: |on| {
            set(on, SUBSCRIPTION, "SetSubscriptionAttributes", "SubscriptionArn")?;
            Ok(on.same())
        },
        delete: |on| on.end(SNS, "Unsubscribe", map([("SubscriptionArn", on.physical())])),
        look: Some(&look::sns::SUBSCRIPTIONS),
        taken: Some(look::sns::subscribed),
        ..BASE
    },
    Kind {
        name: "AWS::SNS::TopicPolicy",
        changes: &["PolicyDocument", "Topics"],
        attributes: &["Id"],
        create: |on| {
            set_policies(on)?;
            let id = on.generated(128);
            Ok(on.made(id.clone(), vec![("Id", Value::Str(id))]))
        },
        update: |on| {
            set_policies(on)?;
            Ok(on.same())
        },
        delete: set_policies,
        ..BASE
    },
    Kind {
        name: "AWS::SNS::TopicInlinePolicy",
        changes: &["PolicyDocument"],
        fixed: &["TopicArn"],
        create: |on| {
            let arn = on.text("TopicArn").unwrap_or_default();
            let policy = on.document("PolicyDocument");
            on.call(SNS, "SetTopicAttributes", policy_of(&arn, policy))?;
            Ok(on.made(arn, Vec::new()))
        },
        update: |on| {
            let policy = on.document("PolicyDocument");
            on.call(SNS, "SetTopicAttributes", policy_of(on.physical, policy))?;
            Ok(on.same())
        },
        delete: |on| {
            let policy = default_policy(on.physical, on.account());
            on.end(SNS, "SetTopicAttributes", policy_of(on.physical, policy))
        },
        look: Some(&look::sns::INLINE_POLICY),
        taken: Some(|on| look::sns::INLINE_POLICY.taken(on)),
        ..BASE
    },
];

fn attribute(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Map(_) => Some(document(value)),
        other => text(other).map(Value::Str),
    }
}

fn given(on: &On<'_, '_>, names: &[(&str, &str)]) -> Value {
    let own = names.iter().filter_map(|(name, _)| Some(((*name).to_owned(), attribute(&on.prop(name))?)));
    Value::Map(own.collect())
}

fn create_topic(on: &mut On<'_, '_>) -> Done<Made> {
    let fifo = on.flag("FifoTopic");
    let name = match (on.text("TopicName"), fifo) {
        (Some(name), _) => name,
        (None, true) => format!("{}.fifo", on.generated(251)),
        (None, false) => on.generated(256),
    };
    let Value::Map(mut attributes) = given(on, TOPIC) else { return Ok(on.same()) };
    if fifo {
        attributes.push(("FifoTopic".into(), Value::str("true")));
    }
    let input =
        map([("Name", Value::str(&name)), ("Attributes", Value::Map(attributes)), ("Tags", on.tags(KEYS))]);
    let answer = on.call(SNS, "CreateTopic", input)?;
    let arn = text_at(&answer, "TopicArn");
    subscriptions(on, Value::str(&arn))?;
    Ok(on.made(arn.clone(), vec![("TopicArn", Value::Str(arn)), ("TopicName", Value::Str(name))]))
}

fn set(on: &mut On<'_, '_>, names: &[(&str, &str)], operation: &str, member: &str) -> Done<()> {
    for (name, default) in names {
        if !on.changed(name) {
            continue;
        }
        let value = attribute(&on.prop(name)).unwrap_or(Value::str(*default));
        let input =
            map([(member, on.physical()), ("AttributeName", Value::str(*name)), ("AttributeValue", value)]);
        on.call(SNS, operation, input)?;
    }
    Ok(())
}

fn subscribe(on: &mut On<'_, '_>, topic: &Value, of: &Value, attributes: Value) -> Done<String> {
    let input = map([
        ("TopicArn", topic.clone()),
        ("Protocol", Value::Str(text_at(of, "Protocol"))),
        ("Endpoint", Value::Str(text_at(of, "Endpoint"))),
        ("Attributes", attributes),
        ("ReturnSubscriptionArn", Value::Bool(true)),
    ]);
    Ok(text_at(&on.call(SNS, "Subscribe", input)?, "SubscriptionArn"))
}

/// Those that stand within the topic. AWS ends none of them before the topic itself ends.
fn subscriptions(on: &mut On<'_, '_>, topic: Value) -> Done<()> {
    let was = items(on.was("Subscription"));
    for wanted in items(on.prop("Subscription")).iter().filter(|wanted| !was.contains(wanted)) {
        only(wanted, &["Endpoint", "Protocol"])?;
        subscribe(on, &topic, wanted, Value::Null)?;
    }
    Ok(())
}

/// What a topic has where nobody has set another.
fn default_policy(topic: &str, account: &str) -> Value {
    let actions = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    let statement = map([
        ("Sid", Value::str("__default_statement_ID")),
        ("Effect", Value::str("Allow")),
        ("Principal", map([("AWS", Value::str("*"))])),
        ("Action", Value::List(actions.iter().map(|action| Value::str(*action)).collect())),
        ("Resource", Value::str(topic)),
        ("Condition", map([("StringEquals", map([("AWS:SourceOwner", Value::str(account))]))])),
    ]);
    document(&map([
        ("Version", Value::str("2008-10-17")),
        ("Id", Value::str("__default_policy_ID")),
        ("Statement", Value::List(vec![statement])),
    ]))
}

fn policy_of(arn: &str, policy: Value) -> Value {
    map([("TopicArn", Value::str(arn)), ("AttributeName", Value::str("Policy")), ("AttributeValue", policy)])
}

fn set_policies(on: &mut On<'_, '_>) -> Done<()> {
    let (wanted, was) = on.lists("Topics");
    for arn in was.iter().filter(|arn| !wanted.contains(arn)) {
        let policy = default_policy(arn, on.account());
        on.end(SNS, "SetTopicAttributes", policy_of(arn, policy))?;
    }
    for arn in wanted {
        let policy = on.document("PolicyDocument");
        on.call(SNS, "SetTopicAttributes", policy_of(&arn, policy))?;
    }
    Ok(())
}
