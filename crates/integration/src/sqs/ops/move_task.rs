//! Message move tasks: they are started, cancelled and listed here, and done in [`crate::sqs::moving`].

use crate::sqs::access;
use crate::sqs::desk;
use crate::sqs::errors::SqsError;
use crate::sqs::model::known::{self, Known};
use crate::sqs::model::place::Place;
use crate::sqs::model::queue::QUEUES;
use crate::sqs::model::redrive;
use crate::sqs::model::task::{self, Status, TASKS, Task};
use base::Arn;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::Cx;
use std::sync::Arc;
use store::{Direction, Key};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    StartMessageMoveTask: start, "sqs:StartMessageMoveTask", access::start_move;
    CancelMessageMoveTask: cancel, "sqs:CancelMessageMoveTask", access::cancel_move;
    ListMessageMoveTasks: list, "sqs:ListMessageMoveTasks", access::source;
}

const RATE_MAX: i64 = 500;
const LISTED_MAX: i64 = 10;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct StartMove {
        source: String = "SourceArn",
        destination: Option<String> = "DestinationArn",
        rate: Option<i64> = "MaxNumberOfMessagesPerSecond",
    }

    #[derive(Debug)]
    pub(crate) struct Started { handle: String = "TaskHandle" }

    #[derive(Debug)]
    pub(crate) struct CancelMove { handle: String = "TaskHandle" }

    #[derive(Debug)]
    pub(crate) struct Cancelled { moved: i64 = "ApproximateNumberOfMessagesMoved" }

    #[derive(Debug)]
    pub(crate) struct ListMoves {
        source: String = "SourceArn",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct Moves { results: Vec<MoveView> = "Results" }

    #[derive(Debug)]
    pub(crate) struct MoveView {
        handle: Option<String> = "TaskHandle",
        status: String = "Status",
        source: String = "SourceArn",
        destination: Option<String> = "DestinationArn",
        rate: Option<i64> = "MaxNumberOfMessagesPerSecond",
        moved: i64 = "ApproximateNumberOfMessagesMoved",
        to_move: i64 = "ApproximateNumberOfMessagesToMove",
        failure: Option<String> = "FailureReason",
        started: i64 = "StartedTimestamp",
    }
}

/// The queue that a parameter names by its ARN.
///
/// # Errors
/// `InvalidParameterValue` for what is no ARN, `ResourceNotFoundException` for a queue that is not there.
fn queue_at(cx: &Cx<'_>, arn: &str, parameter: &str) -> Result<Arc<Known>, SqsError> {
    if Arn::parse(arn).is_none() {
        return Err(SqsError::Invalid(format!(
            "You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )));
    }
    let found = match Place::of_arn(cx, arn) {
        Some(place) => known::find(cx, &place)?,
        None => None,
    };
    found.ok_or_else(|| {
        SqsError::NoSuchResource(format!(
            "The resource that you specified for the {parameter} parameter doesn't exist."
        ))
    })
}

fn handle(task: &Task, source_arn: &str) -> String {
    let said = Value::Map(vec![
        ("taskId".to_owned(), Value::str(&task.id)),
        ("sourceArn".to_owned(), Value::str(source_arn)),
    ]);
    STANDARD.encode(wire::json::text(&said))
}

/// The task's id and the ARN of its source.
pub(crate) fn read_handle(text: &str) -> Option<(String, String)> {
    let Value::Map(said) = wire::json::read(&String::from_utf8(STANDARD.decode(text).ok()?).ok()?)? else {
        return None;
    };
    let member = |name: &str| Some(said.iter().find(|(n, _)| n == name)?.1.as_str()?.to_owned());
    Some((member("taskId")?, member("sourceArn")?))
}

fn is_dead_letter_queue(cx: &Cx<'_>, known: &Known) -> Result<bool, SqsError> {
    let own = Key::regional(known.account, known.region);
    for entry in QUEUES.scan(cx.tx, &own, Direction::Forward) {
        let leads_here = |text: &String| redrive::read_policy(text).is_ok_and(|to| to.arn == known.arn);
        if entry?.1.redrive.as_ref().is_some_and(leads_here) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn tasks_of(cx: &Cx<'_>, known: &Known) -> Result<Vec<Task>, SqsError> {
    let prefix = task::prefix(known.account, known.region, &known.name);
    let all = TASKS.scan(cx.tx, &prefix, Direction::Forward).map(|entry| Ok(entry?.1));
    all.collect()
}

fn start(cx: &mut Cx<'_>, req: StartMove) -> Result<Started, SqsError> {
    if let Some(rate) = req.rate.filter(|rate| !(1..=RATE_MAX).contains(rate)) {
        return Err(SqsError::value(
            rate,
            "MaxNumberOfMessagesPerSecond",
            "You must specify a value between 1 and 500.",
        ));
    }
    let source = queue_at(cx, &req.source, "SourceArn")?;
    if !is_dead_letter_queue(cx, &source)? {
        return Err(SqsError::Invalid("Source queue must be configured as a Dead Letter Queue.".into()));
    }
    if let Some(arn) = &req.destination {
        let destination = queue_at(cx, arn, "DestinationArn")?;
        if destination.is_fifo() != source.is_fifo() {
            return Err(SqsError::Invalid("Source and destination must be queues of the same type.".into()));
        }
        if destination.uid == source.uid {
            return Err(SqsError::Invalid(
                "Source queue arn and destination queue arn cannot be the same.".into(),
            ));
        }
    }
    if tasks_of(cx, &source)?.iter().any(Task::is_active) {
        return Err(SqsError::Invalid(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
                .into(),
        ));
    }
    let counts = desk::of(cx.cloud(), &source)?.with(|dispatcher| dispatcher.counts(cx.now));
    let task = Task {
        id: base::id::uuid(cx.rng()),
        account: source.account,
        region: source.region,
        source: source.name.clone(),
        destination_arn: req.destination,
        rate: req.rate.and_then(|rate| u32::try_from(rate).ok()),
        status: Status::Running,
        moved: 0,
        to_move: (counts.visible + counts.in_flight + counts.delayed) as u64,
        started: cx.now,
        failure: None,
    };
    TASKS.put(cx.tx, &task.key(), &task);
    Ok(Started { handle: handle(&task, &source.arn) })
}

fn cancel(cx: &mut Cx<'_>, req: CancelMove) -> Result<Cancelled, SqsError> {
    let (id, arn) = read_handle(&req.handle)
        .ok_or_else(|| SqsError::Invalid("Value for parameter TaskHandle is invalid.".into()))?;
    let source = queue_at(cx, &arn, "SourceArn")?;
    let found = tasks_of(cx, &source)?.into_iter().find(|task| task.id == id);
    let mut task = found.ok_or_else(|| SqsError::NoSuchResource("Task does not exist.".into()))?;
    if task.status != Status::Running {
        return Err(SqsError::Unsupported("Only active tasks can be cancelled.".into()));
    }
    task.status = Status::Cancelling;
    TASKS.put(cx.tx, &task.key(), &task);
    Ok(Cancelled { moved: count(task.moved) })
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn list(cx: &mut Cx<'_>, req: ListMoves) -> Result<Moves, SqsError> {
    let max = req.max.unwrap_or(1);
    if !(1..=LISTED_MAX).contains(&max) {
        return Err(SqsError::value(max, "MaxResults", "You must specify a value between 1 and 10."));
    }
    let source = queue_at(cx, &req.source, "SourceArn")?;
    let view = |task: Task| MoveView {
        // Only of a task that can still be cancelled.
        handle: (task.status == Status::Running).then(|| handle(&task, &source.arn)),
        status: task.status.name().to_owned(),
        source: source.arn.clone(),
        rate: task.rate.map(i64::from),
        moved: count(task.moved),
        to_move: count(task.to_move),
        started: task.started.micros() / 1000,
        destination: task.destination_arn,
        failure: task.failure,
    };
    let tasks = tasks_of(cx, &source)?.into_iter().take(usize::try_from(max).unwrap_or(1));
    Ok(Moves { results: tasks.map(view).collect() })
}
