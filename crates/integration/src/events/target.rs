//! The kinds of targets, and how each is reached: with the rights of the role that the rule gives for it, where it gives one, else in
//! the name of EventBridge, for the sake of the rule, so that the target's own policy decides.

use super::errors::{EventsError, invalid};
use super::invocation::failed;
use super::model::{Bus, Delivery, Rule, Target};
use super::routing::{self, Event};
use super::{access, errors};
use base::{AccountId, Arn, Region, Timestamp};
use kernel::{As, Call, Cloud};
use std::sync::Arc;
use store::Tx;
use wire::{Fault, Struct, Value};

pub(super) const NAME: &str = "events.amazonaws.com";
const FIFO: &str = ".fifo";
/// An event that goes round in a circle of buses ends here.
const HOPS_MAX: u32 = 5;

/// What an ARN is the ARN of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Queue,
    Topic,
    LogGroup,
    Bus,
    Function,
    /// What is called apart from the others.
    Destination,
}

impl Kind {
    fn of(arn: &Arn) -> Option<Kind> {
        match arn.service.as_str() {
            "sqs" => Some(Kind::Queue),
            "sns" => Some(Kind::Topic),
            "lambda" if arn.resource.starts_with("function:") => Some(Kind::Function),
            "logs" if arn.resource.starts_with("log-group:") => Some(Kind::LogGroup),
            "events" if arn.resource.starts_with("event-bus/") => Some(Kind::Bus),
            "events" if arn.resource.starts_with("api-destination/") => Some(Kind::Destination),
            _ => None,
        }
    }
}

/// Whether a target is an endpoint that is called.
pub(super) fn is_called(target: &Target) -> bool {
    Arn::parse(&target.arn).and_then(|arn| Kind::of(&arn)) == Some(Kind::Destination)
}

/// A target that is reached by a role alone, and has none of its own, has the rule's.
pub(super) fn with_role(mut target: Target, rule: &Rule) -> Target {
    let needs = Arn::parse(&target.arn).and_then(|arn| Kind::of(&arn)) == Some(Kind::Bus);
    if needs && target.role.is_none() {
        target.role.clone_from(&rule.role);
    }
    target
}

/// Whether a rule can have this target.
///
/// # Errors
/// `ValidationException`.
pub(super) fn check(target: &Target, rule: &Rule) -> Result<(), EventsError> {
    let id = &target.id;
    let wrong = || {
        invalid(format!(
            "Parameter {} is not valid. Reason: Provided Arn is not in correct format.",
            target.arn
        ))
    };
    let arn = Arn::parse(&target.arn).ok_or_else(wrong)?;
    if AccountId::parse(&arn.account).is_none()
        || Region::parse(&arn.region).is_none()
        || arn.resource.is_empty()
    {
        return Err(wrong());
    }
    let Some(kind) = Kind::of(&arn) else {
        return Err(invalid(format!(
            "Targets of the service {} are not built in this version of Virga.",
            arn.service
        )));
    };
    let is_fifo = kind == Kind::Queue && arn.resource.ends_with(FIFO);
    match (is_fifo, &target.group) {
        (true, None) => {
            return Err(invalid(format!("Parameter(s) SqsParameters must be specified for target: {id}.")));
        }
        (false, Some(_)) => {
            return Err(invalid(format!(
                "Parameter(s) SqsParameters can only be used with a FIFO queue: {id}."
            )));
        }
        _ => {}
    }
    if kind == Kind::Bus && target.role.is_none() && rule.role.is_none() {
        return Err(invalid(format!("RoleArn is required for target {}.", target.arn)));
    }
    if kind == Kind::Destination && target.role.is_none() {
        return Err(invalid(format!("RoleArn is required for target {}.", target.arn)));
    }
    if kind != Kind::Destination && target.http.is_some() {
        return Err(invalid(format!(
            "Parameter(s) HttpParameters can only be used with an API destination: {id}."
        )));
    }
    if kind == Kind::LogGroup && target.role.is_some() {
        return Err(invalid(format!("RoleArn is not supported for target {}.", target.arn)));
    }
    Ok(())
}

fn members(all: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Struct(all.into_iter().collect())
}

/// Reaches the target once.
///
/// # Errors
/// What it answers.
pub(super) fn reach(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), Fault> {
    let gone = || Fault::from(invalid("the target's ARN is none"));
    let arn = Arn::parse(&delivery.target.arn).ok_or_else(gone)?;
    match Kind::of(&arn).ok_or_else(gone)? {
        Kind::Queue => {
            let extra = delivery.target.group.as_deref().map(|group| ("MessageGroupId", Value::str(group)));
            // A queue takes the same event once from the same rule.
            let id = extra
                .as_ref()
                .map(|_| ("MessageDeduplicationId", Value::Str(format!("{:016x}", delivery.number))));
            let body = [("MessageBody", Value::str(&delivery.input))];
            call(
                cloud,
                tx,
                delivery,
                &arn,
                "sqs",
                "SendMessage",
                members(body.into_iter().chain(extra).chain(id).chain([queue(&arn)])),
            )
        }
        Kind::Topic => {
            let topic = ("TopicArn", Value::str(&delivery.target.arn));
            let value = members([topic, ("Message", Value::str(&delivery.input))]);
            call(cloud, tx, delivery, &arn, "sns", "Publish", value)
        }
        Kind::Function => {
            let value = members([
                ("FunctionName", Value::str(&delivery.target.arn)),
                ("InvocationType", Value::str("Event")),
                ("Payload", Value::Blob(delivery.input.clone().into())),
            ]);
            call(cloud, tx, delivery, &arn, "lambda", "Invoke", value)
        }
        Kind::LogGroup => log(cloud, tx, delivery, &arn, now),
        Kind::Bus => forward(cloud, tx, delivery, &arn, now),
        Kind::Destination => Err(gone()),
    }
}

fn queue(arn: &Arn) -> (&'static str, Value) {
    ("QueueUrl", Value::Str(format!("/{}/{}", arn.account, arn.resource)))
}

fn call(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    arn: &Arn,
    service: &'static str,
    operation: &'static str,
    value: Value,
) -> Result<(), Fault> {
    let region = Region::parse(&arn.region).unwrap_or(delivery.region);
    let home = (delivery.account, region);
    match &delivery.target.role {
        Some(role) => {
            let work = |cx: &mut kernel::Cx<'_>| cx.call(service, operation, value, As::CallerVia(NAME));
            cloud.act_as_role(tx, NAME, role, home, work).map_err(unassumed)?.map(drop)
        }
        None => {
            let call = Call { service, operation, value };
            let along = (Some(delivery.rule.as_str()), delivery.trace.as_deref());
            cloud.call_along(tx, NAME, home, along, call).map(drop)
        }
    }
}

/// A role that does not let itself be assumed.
fn unassumed(fault: Fault) -> Fault {
    match fault.is_sender() {
        true => failed("FAILED_TO_ASSUME_ROLE", false, fault.message),
        false => fault,
    }
}

/// Into a stream of the group that bears the rule's name.
fn log(cloud: &Arc<Cloud>, tx: &mut Tx, delivery: &Delivery, arn: &Arn, now: Timestamp) -> Result<(), Fault> {
    let name = arn.resource.trim_start_matches("log-group:").trim_end_matches(":*");
    let place = || [("logGroupName", Value::str(name)), ("logStreamName", Value::str(&delivery.rule_name))];
    let savepoint = tx.savepoint();
    match call(cloud, tx, delivery, arn, "logs", "CreateLogStream", members(place())) {
        Err(fault) if errors::is_there_already(&fault) => tx.rollback_to(savepoint),
        other => other?,
    }
    let event = [("timestamp", Value::Int(now.micros() / 1_000)), ("message", Value::str(&delivery.input))];
    let events = ("logEvents", Value::List(vec![members(event)]));
    call(cloud, tx, delivery, arn, "logs", "PutLogEvents", members(place().into_iter().chain([events])))
}

/// Onto another bus, as it is: it keeps its id and where it comes from.
fn forward(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    arn: &Arn,
    now: Timestamp,
) -> Result<(), Fault> {
    let gone = || Fault::from(errors::EventsError::NoBus(delivery.target.arn.clone()));
    let home =
        (AccountId::parse(&arn.account).ok_or_else(gone)?, Region::parse(&arn.region).ok_or_else(gone)?);
    let name = arn.resource.trim_start_matches("event-bus/").to_owned();
    let role = delivery.target.role.as_deref().unwrap_or_default();
    if delivery.hops >= HOPS_MAX {
        return Err(invalid("The event has come over too many event buses.").into());
    }
    let document = wire::json::read(&delivery.event).ok_or_else(|| Fault::from(EventsError::Internal))?;
    let may = |cx: &mut kernel::Cx<'_>| -> Result<bool, EventsError> {
        let text = |member: &str| match &document {
            Value::Map(all) => {
                all.iter().find(|(own, _)| own == member).and_then(|(_, v)| v.as_str()).unwrap_or_default()
            }
            _ => "",
        };
        let target = access::bus_target(cx, home, &name)?.key("events:source", text("source"));
        let target = target.key("events:detail-type", text("detail-type"));
        Ok(kernel::access::allowed(cx, "events:PutEvents", &target, &Struct::new())?)
    };
    let allowed = cloud.act_as_role(tx, NAME, role, (delivery.account, home.1), may).map_err(unassumed)?;
    let allowed = allowed.map_err(Fault::from)?;
    if !allowed {
        return Err(EventsError::Denied(role.to_owned(), delivery.target.arn.clone()).into());
    }
    let bus = Bus::load(tx, home, &name).map_err(EventsError::from)?.ok_or_else(gone)?;
    let (text, trace) = (delivery.event.clone(), delivery.trace.clone());
    let event = Event { document, text, hops: delivery.hops + 1, trace };
    Ok(routing::route(cloud, tx, &bus, &event, now)?)
}

/// Into the target's dead-letter queue, with why.
/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
///
/// # Errors
/// What the queue answers.
pub(super) fn bury(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    queue_arn: &str,
    fault: &Fault,
    exhausted: Option<&'static str>,
) -> Result<(), Fault> {
    let arn =
        Arn::parse(queue_arn).ok_or_else(|| Fault::from(invalid("the dead-letter queue's ARN is none")))?;
    let mut attributes = vec![
        attribute("RULE_ARN", "String", delivery.rule.clone()),
        attribute("TARGET_ARN", "String", delivery.target.arn.clone()),
        attribute("ERROR_CODE", "String", errors::listed(fault).to_owned()),
        attribute("ERROR_MESSAGE", "String", fault.message.to_string()),
        attribute("RETRY_ATTEMPTS", "Number", delivery.attempts.to_string()),
    ];
    attributes
        .extend(exhausted.map(|which| attribute("EXHAUSTED_RETRY_CONDITION", "String", which.to_owned())));
    let call = letter(&arn, &delivery.event, attributes);
    let region = Region::parse(&arn.region).unwrap_or(delivery.region);
    cloud.call_for(tx, NAME, (delivery.account, region), Some(&delivery.rule), call).map(drop)
}

/// An attribute of a dead letter.
pub(super) fn attribute(name: &str, kind: &str, value: String) -> (String, Value) {
    let value = members([("DataType", Value::str(kind)), ("StringValue", Value::Str(value))]);
    (name.to_owned(), value)
}

/// What a queue is asked that takes a dead letter.
pub(super) fn letter(arn: &Arn, event: &str, attributes: Vec<(String, Value)>) -> Call<'static> {
    let value = members([
        queue(arn),
        ("MessageBody", Value::str(event)),
        ("MessageAttributes", Value::Map(attributes)),
    ]);
    Call { service: "sqs", operation: "SendMessage", value }
}
