//! Records in the form in which functions and pipes get them. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Value;

/// AWS: the quotas of the developer guide, less what stands around the records.
pub const BYTES_MAX: usize = 6_291_456 - 1024;

/// A record on its way.
#[derive(Clone, Debug)]
pub struct Record {
    /// A message id, a sequence number.
    pub id: String,
    /// What the source knows it by: a receipt handle, what orders it.
    pub handle: String,
    pub arrived: Timestamp,
    /// The chain of requests that it belongs to (`X-Amzn-Trace-Id`).
    pub chain: Option<String>,
    pub json: String,
}

/// How many of these fit into one event.
pub fn fit<'r>(records: impl Iterator<Item = &'r Record>, most: usize) -> usize {
    let mut bytes = 0;
    let fits = |record: &&Record| {
        bytes += record.json.len() + 1;
        bytes <= BYTES_MAX
    };
    records.take(most).take_while(fits).count().max(1)
}

fn text(from: &Value, member: &str) -> String {
    from.member(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn named<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.map(|(name, value)| (name.to_owned(), value)).into())
}

/// A message's attribute as it is handed over.
fn attribute(value: &Value) -> Value {
    let mut members = Vec::new();
    for (member, name) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
        match value.member(member) {
            Some(Value::Blob(bytes)) => members.push((name.to_owned(), Value::Str(STANDARD.encode(bytes)))),
            Some(found) => members.push((name.to_owned(), found.clone())),
            None => {}
        }
    }
    for name in ["stringListValues", "binaryListValues"] {
        members.push((name.to_owned(), Value::List(Vec::new())));
    }
    members.push(("dataType".to_owned(), Value::Str(text(value, "DataType"))));
    Value::Map(members)
}

/// A message as SQS gave it.
pub fn message(said: &Value, source: &str, region: &str) -> Value {
    let attributes = match said.member("MessageAttributes") {
        Some(Value::Map(all)) => all.iter().map(|(name, value)| (name.clone(), attribute(value))).collect(),
        _ => Vec::new(),
    };
    let Value::Map(mut members) = named([
        ("messageId", Value::Str(text(said, "MessageId"))),
        ("receiptHandle", Value::Str(text(said, "ReceiptHandle"))),
        ("body", Value::Str(text(said, "Body"))),
        ("attributes", said.member("Attributes").cloned().unwrap_or(Value::Map(Vec::new()))),
        ("messageAttributes", Value::Map(attributes)),
        ("md5OfBody", Value::Str(text(said, "MD5OfBody"))),
        ("eventSource", Value::str("aws:sqs")),
        ("eventSourceARN", Value::str(source)),
        ("awsRegion", Value::str(region)),
    ]) else {
        return Value::Null;
    };
    if let Some(digest) = said.member("MD5OfMessageAttributes") {
        members.insert(6, ("md5OfMessageAttributes".to_owned(), digest.clone()));
    }
    Value::Map(members)
}

/// A change as DynamoDB Streams gave it.
pub fn change(said: &Value, source: &str) -> Value {
    let Some(members) = said.as_struct() else { return Value::Null };
    let mut out: Vec<(String, Value)> = Vec::new();
    for (name, value) in members.iter() {
        if name == "userIdentity" {
            let who = [
                ("type", Value::Str(text(value, "Type"))),
                ("principalId", Value::Str(text(value, "PrincipalId"))),
            ];
            out.push((name.to_owned(), named(who)));
        } else {
            out.push((name.to_owned(), plain(value)));
        }
    }
    out.push(("eventSourceARN".to_owned(), Value::str(source)));
    Value::Map(out)
}

/// Without the names of a model: what a pattern and a function look into.
fn plain(value: &Value) -> Value {
    match value {
        Value::Struct(members) => {
            Value::Map(members.iter().map(|(name, value)| (name.to_owned(), plain(value))).collect())
        }
        Value::Map(members) => {
            Value::Map(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(plain).collect()),
        Value::Blob(bytes) => Value::Str(STANDARD.encode(bytes)),
        // AWS: recorded events have it as a number with a fraction, which languages that tell the two apart see.
        Value::Time(time) => Value::Float(time.micros().div_euclid(1_000_000) as f64),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Record, change, fit, message};
    use base::Timestamp;
    use bytes::Bytes;
    use wire::{Struct, Value};

    fn structure<const N: usize>(members: [(&'static str, Value); N]) -> Value {
        Value::Struct(members.into_iter().collect::<Struct>())
    }

    #[test]
    fn a_message() {
        let bytes = structure([
            ("BinaryValue", Value::Blob(Bytes::from_static(b"x"))),
            ("DataType", Value::str("Binary")),
        ]);
        let said = structure([
            ("MessageId", Value::str("m")),
            ("Body", Value::str("hello")),
            ("Attributes", Value::Map(vec![("SenderId".into(), Value::str("me"))])),
            ("MessageAttributes", Value::Map(vec![("b".into(), bytes)])),
        ]);
        let wanted = r#"{"messageId":"m","receiptHandle":"","body":"hello","attributes":{"SenderId":"me"},"messageAttributes":{"b":{"binaryValue":"eA==","stringListValues":[],"binaryListValues":[],"dataType":"Binary"}},"md5OfBody":"","eventSource":"aws:sqs","eventSourceARN":"arn","awsRegion":"r"}"#;
        assert_eq!(wire::json::text(&message(&said, "arn", "r")), wanted);
    }

    #[test]
    fn a_change() {
        let key = structure([("B", Value::Blob(Bytes::from_static(b"x")))]);
        let body = structure([
            ("ApproximateCreationDateTime", Value::Time(Timestamp::from_seconds(7))),
            ("Keys", Value::Map(vec![("k".into(), key)])),
        ]);
        let said = structure([("eventName", Value::str("INSERT")), ("dynamodb", body)]);
        let wanted = r#"{"eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":7.0,"Keys":{"k":{"B":"eA=="}}},"eventSourceARN":"arn"}"#;
        assert_eq!(wire::json::text(&change(&said, "arn")), wanted);
    }

    #[test]
    fn an_event_has_a_size() {
        let record = |size: usize| Record {
            id: String::new(),
            handle: String::new(),
            arrived: Timestamp::default(),
            chain: None,
            json: "1".repeat(size),
        };
        let half = [record(BYTES_MAX / 2), record(BYTES_MAX / 2), record(1)];
        assert_eq!((fit(half.iter(), 3), fit(half.iter(), 1)), (1, 1));
        assert_eq!(fit([record(BYTES_MAX * 2)].iter(), 5), 1, "what never fits fails by itself");
    }
}
