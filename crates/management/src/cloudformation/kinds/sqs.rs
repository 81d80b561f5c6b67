//! SQS queues and their policies.

use super::on::{Form, On, Tagger, document, map, text_at};
use super::{BASE, Done, Kind, Made, look};
use crate::cloudformation::template::text;
use wire::Value;

pub(super) const SQS: &str = "sqs";
const TAGGER: Tagger = Tagger {
    service: SQS,
    tag: "TagQueue",
    untag: "UntagQueue",
    id: "QueueUrl",
    tags: "Tags",
    keys: "TagKeys",
    form: Form::Map,
};

/// Attributes by their names, and what they are where the template does not say.
pub(super) const ATTRIBUTES: &[(&str, &str)] = &[
    ("ContentBasedDeduplication", "false"),
    ("DeduplicationScope", "queue"),
    ("DelaySeconds", "0"),
    ("FifoThroughputLimit", "perQueue"),
    ("KmsDataKeyReusePeriodSeconds", "300"),
    ("KmsMasterKeyId", ""),
    ("MaximumMessageSize", "262144"),
    ("MessageRetentionPeriod", "345600"),
    ("ReceiveMessageWaitTimeSeconds", "0"),
    ("RedriveAllowPolicy", ""),
    ("RedrivePolicy", ""),
    ("SqsManagedSseEnabled", "true"),
    ("VisibilityTimeout", "30"),
];

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::SQS::Queue",
        changes: &[
            "ContentBasedDeduplication",
            "DeduplicationScope",
            "DelaySeconds",
            "FifoThroughputLimit",
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "MaximumMessageSize",
            "MessageRetentionPeriod",
            "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy",
            "RedrivePolicy",
            "SqsManagedSseEnabled",
            "VisibilityTimeout",
            "Tags",
        ],
        fixed: &["QueueName", "FifoQueue"],
        attributes: &["Arn", "QueueName", "QueueUrl"],
        named: Some("QueueName"),
        create: create_queue,
        update: update_queue,
        delete: |on| on.end(SQS, "DeleteQueue", map([("QueueUrl", on.physical())])),
        look: Some(&look::sqs::QUEUE),
        taken: Some(look::sqs::queued),
        ..BASE
    },
    Kind {
        name: "AWS::SQS::QueuePolicy",
        changes: &["PolicyDocument", "Queues"],
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
        name: "AWS::SQS::QueueInlinePolicy",
        changes: &["PolicyDocument"],
        fixed: &["Queue"],
        create: |on| {
            let url = on.text("Queue").unwrap_or_default();
            let policy = on.document("PolicyDocument");
            on.call(SQS, "SetQueueAttributes", policy_of(&url, policy))?;
            Ok(on.made(url, Vec::new()))
        },
        update: |on| {
            let policy = on.document("PolicyDocument");
            on.call(SQS, "SetQueueAttributes", policy_of(on.physical, policy))?;
            Ok(on.same())
        },
        delete: |on| on.end(SQS, "SetQueueAttributes", policy_of(on.physical, Value::str(""))),
        look: Some(&look::sqs::INLINE_POLICY),
        taken: Some(|on| look::sqs::INLINE_POLICY.taken(on)),
        ..BASE
    },
];

/// An attribute of a queue is text, whatever the property is.
fn attribute(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Map(_) => Some(document(value)),
        other => text(other).map(Value::Str),
    }
}

fn create_queue(on: &mut On<'_, '_>) -> Done<Made> {
    let fifo = on.flag("FifoQueue");
    let name = match (on.text("QueueName"), fifo) {
        (Some(name), _) => name,
        (None, true) => format!("{}.fifo", on.generated(75)),
        (None, false) => on.generated(80),
    };
    let own = ATTRIBUTES.iter().map(|(name, _)| *name).chain(fifo.then_some("FifoQueue"));
    let attributes: Vec<(String, Value)> =
        own.filter_map(|name| Some((name.to_owned(), attribute(&on.prop(name))?))).collect();
    let input = map([
        ("QueueName", Value::str(&name)),
        ("Attributes", Value::Map(attributes)),
        ("tags", on.tags(Form::Map)),
    ]);
    let answer = on.call(SQS, "CreateQueue", input)?;
    let url = text_at(&answer, "QueueUrl");
    let attributes =
        vec![("Arn", on.arn(SQS, &name)), ("QueueName", Value::Str(name)), ("QueueUrl", Value::str(&url))];
    Ok(on.made(url, attributes))
}

fn update_queue(on: &mut On<'_, '_>) -> Done<Made> {
    let changed = ATTRIBUTES.iter().filter(|(name, _)| on.changed(name));
    let attributes: Vec<(String, Value)> = changed
        .map(|(name, default)| {
            ((*name).to_owned(), attribute(&on.prop(name)).unwrap_or(Value::str(*default)))
        })
        .collect();
    if !attributes.is_empty() {
        let input = map([("QueueUrl", on.physical()), ("Attributes", Value::Map(attributes))]);
        on.call(SQS, "SetQueueAttributes", input)?;
    }
    on.retag(&TAGGER, on.physical())?;
    Ok(on.same())
}

fn policy_of(url: &str, policy: Value) -> Value {
    map([("QueueUrl", Value::str(url)), ("Attributes", map([("Policy", policy)]))])
}

fn set_policies(on: &mut On<'_, '_>) -> Done<()> {
    let (wanted, was) = on.lists("Queues");
    for url in was.iter().filter(|url| !wanted.contains(url)) {
        on.end(SQS, "SetQueueAttributes", policy_of(url, Value::str("")))?;
    }
    for url in wanted {
        let policy = on.document("PolicyDocument");
        on.call(SQS, "SetQueueAttributes", policy_of(&url, policy))?;
    }
    Ok(())
}
