//! Queues and topics that nobody wrote into the template: for dead letters, between topics and functions, and where
//! what became of events goes.

use super::version::digits;
use super::{Built, Made, attribute, branches, if_else, invalid, is_no_value, list, not, object, reference};
use crate::cloudformation::template::{Wrong, get, text};
use wire::Value;

/// What a function may do to where its outcomes go.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) name: String,
    pub(super) document: Value,
}

impl Grant {
    /// To send to a place of that kind. `of`: the logical id of what sends.
    pub(super) fn to(kind: &str, of: &str, place: &Value) -> Option<Grant> {
        let allow = |action: &str, resource: Value| {
            let action = Value::str(action);
            object([("Action", action), ("Effect", Value::str("Allow")), ("Resource", resource)])
        };
        let one = |action: &str| list([allow(action, place.clone())]);
        let (name, statements) = match kind {
            "SQS" => ("SQS", one("sqs:SendMessage")),
            "SNS" => ("SNS", one("sns:publish")),
            "EventBridge" => ("EventBridge", one("events:PutEvents")),
            "Lambda" => ("Lambda", one("lambda:InvokeFunction")),
            "S3" | "S3Bucket" => {
                let parts = list([place.clone(), Value::str("*")]);
                let objects = object([("Fn::Join", list([Value::str("/"), parts]))]);
                ("S3", list([allow("s3:PutObject", objects), allow("s3:ListBucket", place.clone())]))
            }
            _ => return None,
        };
        Some(Grant { name: format!("{of}{name}Policy"), document: object([("Statement", statements)]) })
    }

    /// As a role has it.
    pub(super) fn policy(self) -> Value {
        object([("PolicyName", Value::Str(self.name)), ("PolicyDocument", self.document)])
    }
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
    let wrong = |why: &str| invalid(function, &format!("Event with id [{of}] is invalid. {why}"));
    match (get(config, "Arn"), get(config, "Type").and_then(Value::as_str)) {
        (Some(_), Some(_)) => wrong("You can either define 'Arn' or 'Type' property of DeadLetterConfig."),
        (Some(arn), None) => Ok((arn.clone(), false)),
        (None, Some("SQS")) => {
            let name = get(config, "QueueLogicalId").map_or_else(|| Some(format!("{of}Queue")), text);
            let Some(name) = name else { return wrong("QueueLogicalId must be a string") };
            made.push(Made::new(&name, "AWS::SQS::Queue", object([])));
            Ok((attribute(&name, "Arn"), true))
        }
        (None, Some(_)) => wrong("The only valid value for 'Type' property of DeadLetterConfig is 'SQS'."),
        (None, None) => wrong("No 'Arn' or 'Type' property provided for DeadLetterConfig."),
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

/// The queue that `SqsSubscription` asks for, of an event by its logical id; `None` where it says too little. `fifo`: the
/// topic is one.
pub(super) fn between(of: &str, subscription: &Value, topic: &Value, fifo: bool) -> Option<Between> {
    let mut made = Vec::new();
    let (arn, url, policy) = match subscription {
        Value::Map(_) => match (get(subscription, "QueueArn"), get(subscription, "QueueUrl")) {
            (Some(arn), Some(url)) => {
                (arn.clone(), url.clone(), get(subscription, "QueuePolicyLogicalId").and_then(text))
            }
            _ => return None,
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
    Some(Between {
        arn,
        made,
        batch: told("BatchSize", Value::Int(10)),
        enabled: told("Enabled", Value::Bool(true)),
    })
}

/// A side of what becomes of a function's events.
pub(super) struct Outcome<'a> {
    pub(super) function: &'a str,
    /// The logical id of what handles them.
    pub(super) handling: &'a str,
    pub(super) side: &'a str,
    /// What the function hangs on.
    pub(super) condition: Option<&'a str>,
}

impl Outcome<'_> {
    /// Where it goes, made where none is named, and what the function's role needs for it.
    pub(super) fn placed(&self, config: &Value, built: &mut Built) -> Result<(Value, Option<Grant>), Wrong> {
        let kinds = ["SQS", "SNS", "EventBridge", "Lambda", "S3Bucket"];
        let kind = get(config, "Type").and_then(text).unwrap_or_else(|| "None".to_owned());
        if !kinds.contains(&kind.as_str()) {
            let all = kinds.map(|kind| format!("'{kind}'")).join(", ");
            return invalid(self.function, &format!("'Type: {kind}' must be one of [{all}]"));
        }
        let of = format!("{}{}", self.handling, self.side);
        let said = get(config, "Destination");
        let hanging = said.and_then(|said| self.hanging(said, built));
        let place = match (said, hanging) {
            (Some(place), None) => place.clone(),
            (_, hanging) => {
                let (mut one, arn) = match kind.as_str() {
                    "SQS" => {
                        let name = format!("{of}Queue");
                        let arn = attribute(&name, "Arn");
                        (Made::new(name, "AWS::SQS::Queue", object([])), arn)
                    }
                    "SNS" => {
                        let name = format!("{of}Topic");
                        let arn = reference(&name);
                        (Made::new(name, "AWS::SNS::Topic", object([])), arn)
                    }
                    _ => {
                        let why = "Destination is required if Type is not ['SQS', 'SNS']";
                        return invalid(self.function, why);
                    }
                };
                let condition = hanging.as_ref().map(|(condition, _)| self.both(condition, built));
                one.more.extend(condition.map(|name| ("Condition".to_owned(), Value::Str(name))));
                built.made.push(one);
                match hanging {
                    Some((condition, other)) => if_else(&Value::Str(condition), arn, other),
                    None => arn,
                }
            }
        };
        let grant = Grant::to(&kind, &of, &place);
        Ok((place, grant))
    }

    /// The condition on which no destination is named, and the one that is named else.
    fn hanging(&self, said: &Value, built: &mut Built) -> Option<(String, Value)> {
        let (condition, yes, no) = branches(said)?;
        match (is_no_value(yes), is_no_value(no)) {
            (true, false) => Some((condition.to_owned(), no.clone())),
            (false, true) => {
                let other = format!("NOT{condition}{}", digits(self.handling));
                built.conditions.push((other.clone(), not(condition)));
                Some((other, yes.clone()))
            }
            _ => None,
        }
    }

    /// A condition, and that of the function where it has one.
    fn both(&self, condition: &str, built: &mut Built) -> String {
        let Some(own) = self.condition else { return condition.to_owned() };
        let name = format!("{own}AND{condition}{}", digits(self.function));
        let holds = |name: &str| object([("Condition", Value::str(name))]);
        built.conditions.push((name.clone(), object([("Fn::And", list([holds(own), holds(condition)]))])));
        name
    }
}
