//! Where Lambda sends what it has to tell: queues, topics, functions and buses, by their own operations.

use super::access::SERVICE;
use super::errors::{LambdaError, invalid};
use base::{AccountId, Arn, Region};
use kernel::{As, Cx, Target};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// What a bus is told beside the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News<'a> {
    pub(crate) detail_type: &'a str,
    /// The function that it is about.
    pub(crate) about: &'a str,
}

/// The services that can be told, by the ARN of what is told. AWS: of queues and topics the standard ones.
pub(crate) fn service(destination: &str) -> Option<&'static str> {
    let arn = Arn::parse(destination)?;
    match arn.service.as_str() {
        "sqs" | "sns" if arn.resource.ends_with(".fifo") => None,
        "sqs" => Some("sqs"),
        "sns" => Some("sns"),
        "lambda" if arn.resource.starts_with("function:") => Some("lambda"),
        "events" if arn.resource.starts_with("event-bus/") => Some("events"),
        _ => None,
    }
}

/// What the role needs for that.
pub(crate) fn action(destination: &str) -> Option<&'static str> {
    Some(match service(destination)? {
        "sqs" => "sqs:SendMessage",
        "sns" => "sns:Publish",
        "lambda" => "lambda:InvokeFunction",
        _ => "events:PutEvents",
    })
}

/// Whether a role's policies let it tell a destination. What belongs to somebody else has a policy of its own, which
/// decides when it is told.
///
/// # Errors
/// `InvalidParameterValueException` where the role cannot be assumed.
pub(crate) fn may_tell(
    cx: &mut Cx<'_>,
    home: (AccountId, Region),
    role: &str,
    (destination, action): (&str, &str),
) -> Result<bool, LambdaError> {
    if Arn::parse(destination).is_none_or(|arn| arn.account != home.0.as_str()) {
        return Ok(true);
    }
    let cloud = Arc::clone(cx.cloud());
    let may = cloud.act_as_role(cx.tx, SERVICE, role, home, |role| {
        kernel::access::allowed(role, action, &Target::on(destination), &Struct::new())
    });
    let may = may.map_err(|_| invalid("The role defined for the function cannot be assumed by Lambda."))?;
    may.map_err(LambdaError::from)
}

/// Sends a record, as whoever `cx` is.
///
/// # Errors
/// What the service answers.
pub(crate) fn send(cx: &mut Cx<'_>, destination: &str, record: &str, news: News<'_>) -> Result<(), Fault> {
    let Some(arn) = Arn::parse(destination) else { return Ok(()) };
    let (service, operation, members) = match arn.service.as_str() {
        "sqs" => {
            let url = format!("https://sqs.{}.amazonaws.com/{}/{}", arn.region, arn.account, arn.resource);
            ("sqs", "SendMessage", vec![("QueueUrl", Value::Str(url)), ("MessageBody", Value::str(record))])
        }
        "sns" => {
            let members = vec![("TopicArn", Value::str(destination)), ("Message", Value::str(record))];
            ("sns", "Publish", members)
        }
        "lambda" => {
            let members = vec![
                ("FunctionName", Value::str(destination)),
                ("InvocationType", Value::str("Event")),
                ("Payload", Value::Blob(record.to_owned().into())),
            ];
            ("lambda", "Invoke", members)
        }
        _ => {
            let entry = [
                ("Source", Value::str("lambda")),
                ("DetailType", Value::str(news.detail_type)),
                ("Detail", Value::str(record)),
                ("Resources", Value::List(vec![Value::str(destination), Value::str(news.about)])),
                ("EventBusName", Value::str(destination)),
            ];
            let entry = Value::Struct(entry.into_iter().collect());
            ("events", "PutEvents", vec![("Entries", Value::List(vec![entry]))])
        }
    };
    let value = Value::Struct(members.into_iter().collect::<Struct>());
    cx.call(service, operation, value, As::CallerVia(SERVICE)).map(drop)
}
