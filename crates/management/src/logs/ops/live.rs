//! StartLiveTail: events of some groups as they come, until the connection ends.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>

use super::identified;
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::pattern::Pattern;
use crate::logs::tail::{Heard, Tails, Wanted};
use base::Arn;
use bytes::Bytes;
use kernel::body::Cut;
use kernel::flow::{Flow, Source};
use kernel::{Answer, Body, Cloud, Cx, Dx};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use wire::model::Protocol;
use wire::{Fault, ToValue, Value};

kernel::ops! { pub(crate) static OPS:
    StartLiveTail: [wait] start, "logs:StartLiveTail", access::queried;
}

/// AWS: the quotas of the user guide.
const SESSIONS_MAX: usize = 15;
/// AWS: the operation's page, as for the next.
const SESSION: Duration = Duration::from_secs(3 * 3_600);
const WAITING_MAX: usize = 10;
const BEAT: Duration = Duration::from_secs(1);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct StartLiveTail {
        groups: Vec<String> = "logGroupIdentifiers",
        streams: Option<Vec<String>> = "logStreamNames",
        prefixes: Option<Vec<String>> = "logStreamNamePrefixes",
        pattern: Option<String> = "logEventFilterPattern",
    }

    #[derive(Debug)]
    pub(crate) struct Streamed { events: Option<Events> = "responseStream" }

    #[derive(Debug)]
    pub(crate) struct Events {
        start: Option<Started> = "sessionStart",
        update: Option<Update> = "sessionUpdate",
    }

    #[derive(Debug)]
    pub(crate) struct Started {
        request: String = "requestId",
        session: String = "sessionId",
        groups: Vec<String> = "logGroupIdentifiers",
        streams: Option<Vec<String>> = "logStreamNames",
        prefixes: Option<Vec<String>> = "logStreamNamePrefixes",
        pattern: Option<String> = "logEventFilterPattern",
    }

    #[derive(Debug)]
    pub(crate) struct Update {
        metadata: Metadata = "sessionMetadata",
        results: Vec<Told> = "sessionResults",
    }

    #[derive(Debug)]
    pub(crate) struct Metadata { sampled: bool = "sampled" }

    #[derive(Debug)]
    pub(crate) struct Told {
        stream: String = "logStreamName",
        group: String = "logGroupIdentifier",
        message: String = "message",
        time: i64 = "timestamp",
        ingested: i64 = "ingestionTime",
    }
}

fn wanted(cx: &Cx<'_>, req: &StartLiveTail) -> Result<Wanted, LogsError> {
    let (streams, prefixes) =
        (req.streams.clone().unwrap_or_default(), req.prefixes.clone().unwrap_or_default());
    if !streams.is_empty() && !prefixes.is_empty() {
        return Err(invalid("Only one of logStreamNames and logStreamNamePrefixes can be specified."));
    }
    if req.groups.len() > 1 && !(streams.is_empty() && prefixes.is_empty()) {
        return Err(invalid(
            "logStreamNames and logStreamNamePrefixes can only be specified with a single log group.",
        ));
    }
    let mut groups = Vec::new();
    for identifier in &req.groups {
        // AWS: by their ARNs.
        if Arn::parse(identifier).is_none() {
            return Err(invalid("Each logGroupIdentifier must be the ARN of a log group."));
        }
        let group = identified(cx, None, Some(identifier))?;
        if group.is_infrequent() {
            return Err(LogsError::NoTail);
        }
        groups.push((group.id, group.arn()));
    }
    let pattern = Pattern::parse(req.pattern.as_deref().unwrap_or_default()).map_err(LogsError::Invalid)?;
    Ok(Wanted { account: cx.account, groups, streams, prefixes, pattern })
}

/// A session, which ends with this.
struct Session {
    tails: Arc<Tails>,
    number: u64,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tails.end(self.number);
    }
}

async fn start(dx: Dx, req: StartLiveTail, _: Body) -> Result<Answer<Streamed>, Fault> {
    let (wanted, session) =
        dx.read(|cx| Ok::<_, LogsError>((wanted(cx, &req)?, base::id::uuid(cx.rng()))))?;
    let tails = dx.cloud().memory::<Tails>();
    let number = tails.begin(wanted, SESSIONS_MAX);
    let number = number.ok_or_else(|| LogsError::Limit("Resource limit exceeded.".into()))?;
    let held = Session { tails, number };
    let started = Started {
        request: dx.request().id.clone(),
        session,
        groups: req.groups,
        streams: req.streams,
        prefixes: req.prefixes,
        pattern: req.pattern,
    };
    let (source, flow) = Flow::new();
    tokio::spawn(run(Arc::clone(dx.cloud()), held, started, source));
    let answer = Answer::from(Streamed { events: None });
    Ok(Answer { content: Some(flow.content()), ..answer })
}

async fn run(cloud: Arc<Cloud>, session: Session, started: Started, source: Source) {
    let (begun, mut waiting) = (cloud.clock().now(), VecDeque::new());
    if source.send(first()).await.is_err() {
        return;
    }
    if source.send(framed(Events { start: Some(started), update: None })).await.is_err() {
        return;
    }
    while !source.is_closed() {
        tokio::time::sleep(BEAT).await;
        if cloud.clock().now().since(begun) >= SESSION {
            let _ = source.send(over()).await;
            return;
        }
        let (heard, sampled) = session.tails.take(session.number);
        let results = heard.into_iter().map(told).collect();
        waiting.push_back(framed(Events {
            start: None,
            update: Some(Update { metadata: Metadata { sampled }, results }),
        }));
        // AWS: who does not keep up loses the oldest.
        while waiting.len() > WAITING_MAX {
            waiting.pop_front();
        }
        while let Some(next) = waiting.pop_front() {
            match source.try_send(next) {
                Ok(()) => {}
                Err(TrySendError::Full(next)) => {
                    waiting.push_front(next);
                    break;
                }
                Err(TrySendError::Closed(_)) => return,
            }
        }
    }
}

fn told(heard: Heard) -> Told {
    Told {
        stream: heard.stream,
        group: heard.group,
        message: heard.message,
        time: heard.time,
        ingested: heard.ingested,
    }
}

/// What each stream begins with in this protocol.
fn first() -> Result<Bytes, Cut> {
    let logs = wire::catalog::service("logs").ok_or(Cut::Broken)?;
    let operation = logs.operation("StartLiveTail").ok_or(Cut::Broken)?;
    let empty = Value::Struct(wire::Struct::new());
    wire::output::initial_response(logs, operation, Protocol::Json11, &empty).map_err(|_| Cut::TooLarge)
}

/// The one event that is set, on its way out.
fn framed(events: Events) -> Result<Bytes, Cut> {
    let Some(Value::Struct(members)) = events.to_value() else { return Err(Cut::Broken) };
    let (name, event) = members.iter().next().ok_or(Cut::Broken)?;
    let (logs, stream) = stream()?;
    wire::output::event(logs, stream, Protocol::Json11, name, event).map_err(|_| Cut::TooLarge)
}

fn over() -> Result<Bytes, Cut> {
    let (logs, stream) = stream()?;
    let fault = Fault::from(LogsError::TailOver);
    wire::output::event_fault(logs, stream, Protocol::Json11, &fault).map_err(|_| Cut::TooLarge)
}

fn stream() -> Result<(&'static wire::model::Service, wire::model::ShapeId), Cut> {
    let logs = wire::catalog::service("logs").ok_or(Cut::Broken)?;
    let operation = logs.operation("StartLiveTail").ok_or(Cut::Broken)?;
    let output = operation.output.and_then(|shape| logs.structure(shape)).ok_or(Cut::Broken)?;
    let stream = wire::output::event_stream(logs, output).ok_or(Cut::Broken)?;
    Ok((logs, stream.target.shape))
}
