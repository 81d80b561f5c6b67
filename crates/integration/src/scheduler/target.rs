//! The kinds of targets, and how each is called: as the role that the schedule was given.
//!
//! AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html>

use super::errors::{SchedulerError, invalid};
use super::model::{Run, Target, group_arn};
use super::universal;
use base::{AccountId, Arn, Region};
use kernel::{As, Call, Cloud, Cx};
use std::sync::Arc;
use store::Tx;
use wire::{Fault, Value};

pub(super) const NAME: &str = "scheduler.amazonaws.com";
const FIFO: &str = ".fifo";

/// What an ARN is the ARN of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Function,
    Queue,
    Topic,
    Bus,
    Universal,
}

impl Kind {
    fn of(arn: &str) -> Result<Kind, SchedulerError> {
        if universal::is_one(arn) {
            return Ok(Kind::Universal);
        }
        let wrong = || invalid(format!("Provided Arn is not valid: {arn}"));
        let parsed = Arn::parse(arn).ok_or_else(wrong)?;
        if AccountId::parse(&parsed.account).is_none() || Region::parse(&parsed.region).is_none() {
            return Err(wrong());
        }
        match parsed.service.as_str() {
            "lambda" if parsed.resource.starts_with("function:") => Ok(Kind::Function),
            "sqs" if !parsed.resource.is_empty() => Ok(Kind::Queue),
            "sns" if !parsed.resource.is_empty() => Ok(Kind::Topic),
            "events" if parsed.resource.starts_with("event-bus/") => Ok(Kind::Bus),
            "lambda" | "sqs" | "sns" | "events" => Err(wrong()),
            other => Err(SchedulerError::NotBuilt(format!("A target of the service {other}"))),
        }
    }
}

/// Whether a schedule can have this target.
///
/// # Errors
/// `ValidationException`, `NotImplemented`
pub(super) fn check(cloud: &Cloud, target: &Target) -> Result<(), SchedulerError> {
    let kind = Kind::of(&target.arn)?;
    let is_json = target.input.as_deref().is_none_or(|input| wire::json::read(input).is_some());
    if !is_json && matches!(kind, Kind::Function | Kind::Bus | Kind::Universal) {
        return Err(invalid("Invalid Input for target: it must be well-formed JSON."));
    }
    if kind != Kind::Queue && target.message_group.is_some() {
        return Err(invalid("SqsParameters are only for targets that are SQS queues."));
    }
    if kind != Kind::Bus && target.detail_type.is_some() {
        return Err(invalid("EventBridgeParameters are only for targets that are event buses."));
    }
    match kind {
        Kind::Queue if target.arn.ends_with(FIFO) && target.message_group.is_none() => {
            Err(invalid("SqsParameters with a MessageGroupId are required for a FIFO queue."))
        }
        Kind::Bus if target.detail_type.is_none() => {
            Err(invalid("EventBridgeParameters are required for a target that is an event bus."))
        }
        Kind::Universal => universal::read(cloud, &target.arn).map(drop),
        _ => Ok(()),
    }
}

/// The role must be the account's, and let the scheduler assume it for this group.
///
/// # Errors
/// `ValidationException`
pub(super) fn check_role(cx: &mut Cx<'_>, role: &str, group: &str) -> Result<(), SchedulerError> {
    let refused =
        || invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.");
    let owner = Arn::parse(role).and_then(|arn| AccountId::parse(&arn.account));
    if owner != Some(cx.account) {
        return Err(refused());
    }
    let value = members([("RoleArn", Value::str(role)), ("RoleSessionName", Value::str("scheduler"))]);
    let call = Call { service: "sts", operation: "AssumeRole", value };
    let source = group_arn((cx.account, cx.region), group);
    cx.call_for(&source, call, NAME, cx.account).map(drop).map_err(|_| refused())
}

fn members(all: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Struct(all.into_iter().collect())
}

fn queue(arn: &Arn) -> (&'static str, Value) {
    ("QueueUrl", Value::Str(format!("/{}/{}", arn.account, arn.resource)))
}

/// Calls the target once, with this input.
///
/// # Errors
/// What it answers.
pub(super) fn reach(cloud: &Arc<Cloud>, tx: &mut Tx, run: &Run, input: &str) -> Result<(), Fault> {
    let target = &run.target;
    let kind = Kind::of(&target.arn)?;
    if kind == Kind::Universal {
        let found = universal::read(cloud, &target.arn)?;
        let call = Call {
            service: found.service.id,
            operation: found.operation.name,
            value: found.parameters(input)?,
        };
        return call_as_role(cloud, tx, run, run.region, call);
    }
    let gone = || Fault::from(invalid("the target's ARN is none"));
    let arn = Arn::parse(&target.arn).ok_or_else(gone)?;
    let (service, operation, value) = match kind {
        Kind::Function => {
            let payload = Value::Blob(input.to_owned().into());
            let name = ("FunctionName", Value::str(&target.arn));
            let value = members([name, ("InvocationType", Value::str("Event")), ("Payload", payload)]);
            ("lambda", "Invoke", value)
        }
        Kind::Queue => {
            let group = target.message_group.as_deref().map(|group| ("MessageGroupId", Value::str(group)));
            let all = [("MessageBody", Value::str(input)), queue(&arn)];
            ("sqs", "SendMessage", members(all.into_iter().chain(group)))
        }
        Kind::Topic => {
            let all = [("TopicArn", Value::str(&target.arn)), ("Message", Value::str(input))];
            ("sns", "Publish", members(all))
        }
        Kind::Bus | Kind::Universal => ("events", "PutEvents", entry(run, input)),
    };
    let region = Region::parse(&arn.region).unwrap_or(run.region);
    call_as_role(cloud, tx, run, region, Call { service, operation, value })
}

fn entry(run: &Run, input: &str) -> Value {
    let text = |text: &Option<String>| Value::str(text.as_deref().unwrap_or_default());
    let entry = members([
        ("EventBusName", Value::str(&run.target.arn)),
        ("Source", text(&run.target.source)),
        ("DetailType", text(&run.target.detail_type)),
        ("Detail", Value::str(input)),
        ("Resources", Value::List(vec![Value::Str(run.schedule_arn())])),
        ("Time", Value::Time(run.planned)),
    ]);
    members([("Entries", Value::List(vec![entry]))])
}

fn call_as_role(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    run: &Run,
    region: Region,
    call: Call<'_>,
) -> Result<(), Fault> {
    let source = group_arn(run.home(), &run.group);
    let work = |cx: &mut Cx<'_>| cx.call(call.service, call.operation, call.value, As::Caller);
    let place = (run.account, region);
    let answer = cloud.act_as_role_for(tx, NAME, &run.target.role, place, Some(&source), work)??;
    // An entry that a bus refused stands in its answer.
    let first = answer.member("Entries").and_then(Value::as_list).and_then(<[Value]>::first);
    match first.and_then(|entry| entry.member("ErrorCode")).and_then(Value::as_str) {
        Some(code) => {
            let why = first.and_then(|entry| entry.member("ErrorMessage")).and_then(Value::as_str);
            Err(Fault::new(400, code, why.unwrap_or_default()))
        }
        None => Ok(()),
    }
}

/// How the last attempt of a run ended.
#[derive(Debug)]
pub(super) struct Failed<'a> {
    pub(super) fault: &'a Fault,
    pub(super) execution: &'a str,
    pub(super) input: &'a str,
    pub(super) exhausted: Option<&'static str>,
}

/// Into the target's dead-letter queue, with why, as the schedule's role.
/// AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html>
///
/// # Errors
/// What the queue answers.
pub(super) fn bury(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    run: &Run,
    queue_arn: &str,
    failed: &Failed<'_>,
) -> Result<(), Fault> {
    let gone = || Fault::from(invalid("the dead-letter queue's ARN is none"));
    let arn = Arn::parse(queue_arn).ok_or_else(gone)?;
    let attribute = |(name, value): (&str, String)| {
        let value = members([("DataType", Value::str("String")), ("StringValue", Value::Str(value))]);
        (name.to_owned(), value)
    };
    let all = [
        ("ERROR_CODE", failed.fault.code.to_string()),
        ("ERROR_MESSAGE", failed.fault.message.to_string()),
        ("EXECUTION_ID", failed.execution.to_owned()),
        ("IS_PAYLOAD_TRUNCATED", "false".to_owned()),
        ("RETRY_ATTEMPTS", run.attempts.to_string()),
        ("SCHEDULED_TIME", run.planned.whole_seconds().iso8601()),
        ("SCHEDULE_ARN", run.schedule_arn()),
        ("TARGET_ARN", run.target.arn.clone()),
    ];
    let exhausted = failed.exhausted.map(|which| ("EXHAUSTED_RETRY_CONDITION", which.to_owned()));
    let attributes = all.into_iter().chain(exhausted).map(attribute).collect();
    let value = members([
        queue(&arn),
        ("MessageBody", Value::str(failed.input)),
        ("MessageAttributes", Value::Map(attributes)),
    ]);
    let region = Region::parse(&arn.region).unwrap_or(run.region);
    call_as_role(cloud, tx, run, region, Call { service: "sqs", operation: "SendMessage", value })
}
