//! The kinds of targets, and how events are sent to each: as the pipe's role, in one call of the kind's own for a whole batch.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html>

use super::consumer::Fed;
use super::errors::{PipesError, invalid, is_there_already};
use super::model::{Pipe, Target};
use super::template::Item;
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cloud;
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::{Fault, Value};

const FIFO: &str = ".fifo";

/// What an ARN is the ARN of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Function,
    Queue,
    Topic,
    Bus,
    LogGroup,
    Destination,
}

impl Kind {
    /// AWS: how many events it takes at once.
    pub(super) fn at_once(self) -> u32 {
        match self {
            Kind::Function | Kind::LogGroup => 10_000,
            Kind::Queue | Kind::Topic | Kind::Bus => 10,
            Kind::Destination => 1,
        }
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Sent {
    Well,
    /// The places of the events that the target did not take, and why the first of them was not.
    Without(BTreeSet<usize>, String),
    /// What the target says of it.
    Said(Vec<u8>),
}

/// # Errors
/// `ValidationException`, `NotImplemented`
pub(super) fn kind(text: &str) -> Result<Kind, PipesError> {
    let wrong = || invalid(format!("{text} is not supported as a target."));
    let arn = Arn::parse(text).ok_or_else(wrong)?;
    if AccountId::parse(&arn.account).is_none() || Region::parse(&arn.region).is_none() {
        return Err(wrong());
    }
    let begins = |with: &str| arn.resource.starts_with(with);
    match arn.service.as_str() {
        "lambda" if begins("function:") => Ok(Kind::Function),
        "sqs" => Ok(Kind::Queue),
        "sns" if arn.resource.ends_with(FIFO) => Err(wrong()),
        "sns" => Ok(Kind::Topic),
        "logs" if begins("log-group:") => Ok(Kind::LogGroup),
        "events" if begins("event-bus/") => Ok(Kind::Bus),
        "events" if begins("api-destination/") => Ok(Kind::Destination),
        service @ ("states"
        | "kinesis"
        | "firehose"
        | "ecs"
        | "batch"
        | "redshift"
        | "sagemaker"
        | "timestream"
        | "inspector"
        | "execute-api"
        | "redshift-serverless") => Err(PipesError::NotBuilt(format!("A target of the service {service}"))),
        _ => Err(wrong()),
    }
}

/// # Errors
/// `ValidationException`
pub(super) fn check(kind: Kind, target: &Target) -> Result<(), PipesError> {
    let group = target.queue.as_ref().and_then(|queue| queue.group.as_ref());
    match (kind, target.arn.ends_with(FIFO), group) {
        (Kind::Queue, true, None) => {
            Err(invalid("SqsQueueParameters with a MessageGroupId must be specified for a FIFO queue."))
        }
        _ => Ok(()),
    }
}

pub(super) fn members(all: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Struct(all.into_iter().collect())
}

pub(super) fn queue_url(arn: &Arn) -> (&'static str, Value) {
    ("QueueUrl", Value::Str(format!("/{}/{}", arn.account, arn.resource)))
}

/// A list of JSON.
///
/// # Errors
/// What is none, which templates may come to.
pub(super) fn list(given: &[String]) -> Result<String, Fault> {
    match given.iter().find(|text| wire::json::read(text).is_none()) {
        Some(_) => Err(invalid("The input transformer's output is not valid JSON.").into()),
        None => Ok(format!("[{}]", given.join(","))),
    }
}

/// A function answered that it failed.
pub(super) fn function_failed(payload: &[u8]) -> Fault {
    Fault::new(400, "FunctionError", String::from_utf8_lossy(payload))
}

/// Sends events that are no more than the kind takes at once.
///
/// # Errors
/// What failed; then none of them was sent.
pub(super) async fn send(
    fed: &Fed,
    cloud: &Arc<Cloud>,
    items: &[Item],
    now: Timestamp,
) -> Result<Sent, Fault> {
    let target = &fed.pipe.target;
    let kind = kind(&target.arn)?;
    if items.len() > kind.at_once() as usize {
        let most = kind.at_once();
        return Err(invalid(format!("The target takes {most} events at once, not {}.", items.len())).into());
    }
    let given: Vec<String> =
        items.iter().map(|item| item.given(&fed.pipe, target.template.as_deref(), now)).collect();
    let arn = Arn::parse(&target.arn).ok_or_else(|| Fault::from(invalid("the target's ARN is none")))?;
    match kind {
        Kind::Function => {
            let is_later = target.invocation.as_deref() == Some("FIRE_AND_FORGET");
            let how = if is_later { "Event" } else { "RequestResponse" };
            match fed.invoke(cloud, &target.arn, how, list(&given)?).await? {
                (payload, true) => Err(function_failed(&payload)),
                (payload, false) => Ok(if is_later { Sent::Well } else { Sent::Said(payload) }),
            }
        }
        Kind::Destination => {
            let (Some(item), Some(input)) = (items.first(), given.first()) else { return Ok(Sent::Well) };
            let http = target.http.clone().unwrap_or_default();
            fed.call_out(cloud, &target.arn, &http, item, input).await.map(Sent::Said)
        }
        Kind::LogGroup => log(fed, cloud, &arn, (items, &given), now).await,
        Kind::Queue => {
            let entries = items.iter().zip(&given).enumerate();
            let entries = entries.map(|(place, (item, text))| message(target, place, item, text)).collect();
            let input = members([queue_url(&arn), ("Entries", Value::List(entries))]);
            Ok(failed_by_id(&fed.call(cloud, &arn, "sqs", "SendMessageBatch", input).await?))
        }
        Kind::Topic => {
            let entry = |(place, text): (usize, &String)| {
                members([("Id", Value::Str(place.to_string())), ("Message", Value::str(text))])
            };
            let entries = Value::List(given.iter().enumerate().map(entry).collect());
            let topic = ("TopicArn", Value::str(&target.arn));
            let input = members([topic, ("PublishBatchRequestEntries", entries)]);
            Ok(failed_by_id(&fed.call(cloud, &arn, "sns", "PublishBatch", input).await?))
        }
        Kind::Bus => {
            let entries = items.iter().zip(&given).map(|(item, text)| event(&fed.pipe, item, text)).collect();
            let input = members([("Entries", Value::List(entries))]);
            Ok(failed_by_place(&fed.call(cloud, &arn, "events", "PutEvents", input).await?))
        }
    }
}

fn message(target: &Target, place: usize, item: &Item, text: &str) -> Value {
    let parameters = target.queue.clone().unwrap_or_default();
    let told = |name, text: Option<String>| {
        text.and_then(|text| item.parameter(&text)).map(|value| (name, Value::Str(value)))
    };
    let own = [("Id", Value::Str(place.to_string())), ("MessageBody", Value::str(text))];
    let group = told("MessageGroupId", parameters.group);
    members(own.into_iter().chain(group).chain(told("MessageDeduplicationId", parameters.deduplication)))
}

/// AWS: an event says what it came from where nothing else was said.
fn event(pipe: &Pipe, item: &Item, text: &str) -> Value {
    let to = pipe.target.bus.clone().unwrap_or_default();
    let told = |text: Option<String>| text.and_then(|text| item.parameter(&text));
    let service = Arn::parse(&pipe.source.arn).map(|arn| arn.service).unwrap_or_default();
    let detail_type = told(to.detail_type).unwrap_or_else(|| format!("Event from aws:{service}"));
    let source = told(to.source).unwrap_or_else(|| format!("Pipe {}", pipe.name));
    let resources = to.resources.into_iter().filter_map(|one| item.parameter(&one)).map(Value::Str);
    let time = told(to.time).and_then(|text| Timestamp::parse_iso8601(&text));
    let own = [
        ("EventBusName", Value::str(&pipe.target.arn)),
        ("Source", Value::Str(source)),
        ("DetailType", Value::Str(detail_type)),
        ("Detail", Value::str(text)),
        ("Resources", Value::List(resources.collect())),
    ];
    members(own.into_iter().chain(time.map(|time| ("Time", Value::Time(time)))))
}

/// Into a stream of the group, which is made where it is none; in the order of their times.
async fn log(
    fed: &Fed,
    cloud: &Arc<Cloud>,
    arn: &Arn,
    (items, given): (&[Item], &[String]),
    now: Timestamp,
) -> Result<Sent, Fault> {
    let to = fed.pipe.target.log.clone().unwrap_or_default();
    let name = arn.resource.trim_start_matches("log-group:").trim_end_matches(":*");
    let stream = |item: &Item| to.stream.as_ref().and_then(|text| item.parameter(text));
    let at = |item: &Item| to.time.as_ref().and_then(|text| item.parameter(text)?.parse::<i64>().ok());
    let mut streams: Vec<(String, Vec<(i64, &str)>)> = Vec::new();
    for (item, text) in items.iter().zip(given) {
        let stream = stream(item).unwrap_or_else(|| fed.pipe.name.clone());
        let event = (at(item).unwrap_or(now.micros() / 1_000), text.as_str());
        match streams.iter_mut().find(|(own, _)| *own == stream) {
            Some((_, events)) => events.push(event),
            None => streams.push((stream, vec![event])),
        }
    }
    for (stream, mut events) in streams {
        let place = || [("logGroupName", Value::str(name)), ("logStreamName", Value::str(&stream))];
        match fed.call(cloud, arn, "logs", "CreateLogStream", members(place())).await {
            Err(fault) if is_there_already(&fault) => {}
            other => drop(other?),
        }
        events.sort_by_key(|(at, _)| *at);
        let events = events
            .into_iter()
            .map(|(at, text)| members([("timestamp", Value::Int(at)), ("message", Value::str(text))]));
        let events = ("logEvents", Value::List(events.collect()));
        let input = members(place().into_iter().chain([events]));
        fed.call(cloud, arn, "logs", "PutLogEvents", input).await?;
    }
    Ok(Sent::Well)
}

fn without(failed: impl Iterator<Item = (usize, String)>) -> Sent {
    let failed: Vec<(usize, String)> = failed.collect();
    match failed.first() {
        None => Sent::Well,
        Some((_, why)) => Sent::Without(failed.iter().map(|(place, _)| *place).collect(), why.clone()),
    }
}

fn text(from: &Value, member: &str) -> String {
    from.member(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn failed_by_id(answer: &Value) -> Sent {
    let failed = answer.member("Failed").and_then(Value::as_list).unwrap_or_default();
    without(failed.iter().filter_map(|entry| {
        let place = text(entry, "Id").parse().ok()?;
        Some((place, format!("{}: {}", text(entry, "Code"), text(entry, "Message"))))
    }))
}

fn failed_by_place(answer: &Value) -> Sent {
    let entries = answer.member("Entries").and_then(Value::as_list).unwrap_or_default();
    without(entries.iter().enumerate().filter_map(|(place, entry)| {
        let code = entry.member("ErrorCode")?.as_str()?;
        Some((place, format!("{code}: {}", text(entry, "ErrorMessage"))))
    }))
}
