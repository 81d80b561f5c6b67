//! Queues.

use super::{Look, PLAIN, gone, own, parsed, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map};
use crate::cloudformation::kinds::sqs::{ATTRIBUTES, SQS};
use wire::Value;

pub(in crate::cloudformation::kinds) static QUEUE: Look = Look {
    sees: &[
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "QueueName",
        "ReceiveMessageWaitTimeSeconds",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "Tags",
        "VisibilityTimeout",
    ],
    whole: &["RedriveAllowPolicy", "RedrivePolicy"],
    read: queue,
    identifiers: &["QueueUrl"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static INLINE_POLICY: Look = Look {
    sees: &["PolicyDocument", "Queue"],
    whole: &["PolicyDocument"],
    read: |on| {
        let names = Value::List(vec![Value::str("Policy")]);
        let asked = map([("QueueUrl", on.physical()), ("AttributeNames", names)]);
        let policy = own(&on.ask(SQS, "GetQueueAttributes", asked)?, "Attributes.Policy");
        if policy == Value::Null {
            return Err(gone(on.physical));
        }
        let all = vec![("PolicyDocument".to_owned(), parsed(&policy)), ("Queue".to_owned(), on.physical())];
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["Queue"],
    ..PLAIN
};

/// The queue of this name that is there already.
pub(in crate::cloudformation::kinds) fn queued(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let Some(name) = on.text("QueueName") else { return Ok(None) };
    let told = on.ask_if_any(SQS, "GetQueueUrl", map([("QueueName", Value::Str(name))]))?;
    Ok(own(&told, "QueueUrl").as_str().map(str::to_owned))
}

fn queue(on: &mut On<'_, '_>) -> Done<Seen> {
    let url = ("QueueUrl", on.physical());
    let names = ("AttributeNames", Value::List(vec![Value::str("All")]));
    let told = on.ask(SQS, "GetQueueAttributes", map([url.clone(), names]))?;
    let told = own(&told, "Attributes");
    let mut all: Vec<(String, Value)> = Vec::new();
    // What a queue does not tell of is as it is where nobody has said otherwise.
    for (name, default) in ATTRIBUTES.iter().chain(&[("FifoQueue", "false")]) {
        let value = match own(&told, name) {
            Value::Null if !default.is_empty() => Value::str(*default),
            value => parsed_policy(name, value),
        };
        all.push(((*name).to_owned(), value));
    }
    let name = on.physical.rsplit('/').next().unwrap_or_default();
    all.push(("QueueName".into(), Value::str(name)));
    let tagged = on.ask(SQS, "ListQueueTags", map([url]))?;
    all.push(("Tags".into(), tags(&own(&tagged, "Tags"))));
    Ok(Seen::of(
        all,
        vec![("Arn", own(&told, "QueueArn")), ("QueueName", Value::str(name)), ("QueueUrl", on.physical())],
    ))
}

fn parsed_policy(name: &str, value: Value) -> Value {
    if name.ends_with("Policy") { parsed(&value) } else { value }
}
