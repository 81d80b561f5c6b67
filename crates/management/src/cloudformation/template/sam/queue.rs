//! Queues and topics that nobody wrote into the template: for dead letters, between topics and functions, and where
//! what became of events goes.

use super::{Made, attribute, invalid, list, object, reference};
use crate::cloudformation::template::{Wrong, get, text};
use wire::Value;

/// What a function may do to where its outcomes go.
pub(super) struct Grant {
    pub(super) name: String,
    pub(super) document: Value,
}

/// Who may send to a queue, because of what.
fn lets(name: String, queue: Value, arn: Value, principal: Value, source: Value) -> Made {
    let statement = object([
        ("Action", Value::str("sqs:SendMessage")),
        ("Effect", Value::str("Allow")),
        ("Principal", principal),
        ("Resource", arn),
        ("Condition", object([("ArnEquals", object([("aws:SourceArn", source)]))])),
    ]);
    let document = object([("Version", Value::str("2012-10-17")), ("Statement", list([statement]))]);
    let body = object([("PolicyDocument", document), ("Queues", list([queue]))]);
    Made::new(name, "AWS::SQS::QueuePolicy", body)
}

/// Where the dead letters of an event go: a queue that is there, or one that is made. `of`: the event's logical id.
pub(super) fn letters(
    function: &str,
    of: &str,
    config: &Value,
    made: &mut Vec<Made>,
) -> Result<(Value, bool), Wrong> {
    match (get(config, "Arn"), get(config, "Type").and_then(Value::as_str)) {
        (Some(_), Some(_)) => {
            invalid(function, "You can either define 'Arn' or 'Type' property of DeadLetterConfig.")
        }
        (Some(arn), None) => Ok((arn.clone(), false)),
        (None, Some("SQS")) => {
            let name = get(config, "QueueLogicalId").map_or_else(|| Some(format!("{of}Queue")), text);
            let Some(name) = name else { return invalid(function, "QueueLogicalId must be a string") };
            made.push(Made::new(&name, "AWS::SQS::Queue", object([])));
            Ok((attribute(&name, "Arn"), true))
        }
        (None, Some(_)) => {
            invalid(function, "The only valid value for 'Type' property of DeadLetterConfig is 'SQS'.")
        }
        (None, None) => invalid(function, "No 'Arn' or 'Type' property provided for DeadLetterConfig."),
    }
}

/// As [`letters`], of a rule, which sends as EventBridge.
pub(super) fn letters_of_rule(
    function: &str,
    of: &str,
    config: &Value,
    made: &mut Vec<Made>,
) -> Result<Value, Wrong> {
    let (arn, fresh) = letters(function, of, config, made)?;
    if let Some(queue) = made.last().filter(|_| fresh).map(|queue| reference(&queue.name)) {
        let service = object([("Service", Value::str("events.amazonaws.com"))]);
        made.push(lets(format!("{of}QueuePolicy"), queue, arn.clone(), service, attribute(of, "Arn")));
    }
    Ok(arn)
}

/// A queue between a topic and a function, and how it is read.
pub(super) struct Between {
    pub(super) arn: Value,
    pub(super) made: Vec<Made>,
    pub(super) batch: Value,
    pub(super) enabled: Value,
}

/// The queue that `SqsSubscription` asks for. `fifo`: the topic is one.
pub(super) fn between(
    function: &str,
    of: &str,
    subscription: &Value,
    topic: &Value,
    fifo: bool,
) -> Result<Between, Wrong> {
    let mut made = Vec::new();
    let (arn, url, policy) = match subscription {
        Value::Map(_) => match (get(subscription, "QueueArn"), get(subscription, "QueueUrl")) {
            (Some(arn), Some(url)) => {
                (arn.clone(), url.clone(), get(subscription, "QueuePolicyLogicalId").and_then(text))
            }
            _ => return invalid(function, "No QueueARN or QueueURL provided."),
        },
        _ => {
            let name = format!("{of}Queue");
            let fifo = if fifo { Value::Bool(true) } else { Value::Null };
            made.push(Made::new(&name, "AWS::SQS::Queue", object([("FifoQueue", fifo)])));
            (attribute(&name, "Arn"), reference(&name), None)
        }
    };
    let policy = policy.unwrap_or_else(|| format!("{of}QueuePolicy"));
    made.push(lets(policy, url, arn.clone(), Value::str("*"), topic.clone()));
    let told = |name: &str, otherwise: Value| get(subscription, name).cloned().unwrap_or(otherwise);
    Ok(Between {
        arn,
        made,
        batch: told("BatchSize", Value::Int(10)),
        enabled: told("Enabled", Value::Bool(true)),
    })
}

/// Where an outcome of a function goes, made where none is named, and what the function's role needs for it.
/// `of`: the logical id of what is made.
pub(super) fn outcome(
    function: &str,
    of: &str,
    config: &Value,
    made: &mut Vec<Made>,
) -> Result<(Value, Option<Grant>), Wrong> {
    let kinds = ["SQS", "SNS", "EventBridge", "Lambda", "S3Bucket"];
    let kind = get(config, "Type").and_then(text).unwrap_or_else(|| "None".to_owned());
    if !kinds.contains(&kind.as_str()) {
        let all = kinds.map(|kind| format!("'{kind}'")).join(", ");
        return invalid(function, &format!("'Type: {kind}' must be one of [{all}]"));
    }
    let place = match (get(config, "Destination"), kind.as_str()) {
        (Some(place), _) => place.clone(),
        (None, "SQS") => {
            let queue = format!("{of}Queue");
            made.push(Made::new(&queue, "AWS::SQS::Queue", object([])));
            attribute(&queue, "Arn")
        }
        (None, "SNS") => {
            let topic = format!("{of}Topic");
            made.push(Made::new(&topic, "AWS::SNS::Topic", object([])));
            reference(&topic)
        }
        (None, _) => return invalid(function, "Destination is required if Type is not ['SQS', 'SNS']"),
    };
    let action = match kind.as_str() {
        "SQS" => Some(("SQS", "sqs:SendMessage")),
        "SNS" => Some(("SNS", "sns:publish")),
        "EventBridge" => Some(("EventBridge", "events:PutEvents")),
        "Lambda" => Some(("Lambda", "lambda:InvokeFunction")),
        _ => None,
    };
    let grant = action.map(|(name, action)| {
        let statement = object([
            ("Action", Value::str(action)),
            ("Effect", Value::str("Allow")),
            ("Resource", place.clone()),
        ]);
        Grant { name: format!("{of}{name}Policy"), document: object([("Statement", list([statement]))]) }
    });
    Ok((place, grant))
}
