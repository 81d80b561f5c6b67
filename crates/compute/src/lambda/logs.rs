//! What functions say goes to CloudWatch Logs, with the rights of their roles: a role that may not write logs has none.

use super::access::SERVICE;
use super::errors::is_there;
use super::invocation::Runs;
use super::sandbox::Environment;
use super::sandbox::output::Line;
use kernel::{As, Cloud, Cx};
use std::sync::{Arc, PoisonError};
use store::CommitError;
use wire::{Fault, Struct, Value};

/// AWS: a batch of log events has at most a megabyte.
const BATCH_BYTES: usize = 1_000_000;
const OVERHEAD: usize = 26;
/// AWS: and as many events.
const EVENTS_MAX: usize = 10_000;
/// How many bytes of one environment wait to be written.
const WAITING_MAX: usize = 16 << 20;
const CONFLICTS_MAX: u32 = 32;

fn call(cx: &mut Cx<'_>, operation: &str, members: Vec<(&'static str, Value)>) -> Result<Value, Fault> {
    cx.call("logs", operation, Value::Struct(members.into_iter().collect::<Struct>()), As::CallerVia(SERVICE))
}

/// A call whose thing may be there already.
fn make(cx: &mut Cx<'_>, operation: &str, members: Vec<(&'static str, Value)>) -> Result<(), Fault> {
    match call(cx, operation, members) {
        Err(fault) if !is_there(&fault) => Err(fault),
        _ => Ok(()),
    }
}

fn put(cx: &mut Cx<'_>, group: &str, stream: &str, first: bool, lines: &[Line]) -> Result<(), Fault> {
    let names = || vec![("logGroupName", Value::str(group)), ("logStreamName", Value::str(stream))];
    if first {
        make(cx, "CreateLogGroup", vec![("logGroupName", Value::str(group))])?;
        make(cx, "CreateLogStream", names())?;
    }
    let event = |(time, text): &Line| {
        let members =
            [("timestamp", Value::Int(time.micros() / 1000)), ("message", Value::Str(format!("{text}\n")))];
        Value::Struct(members.into_iter().collect())
    };
    let mut members = names();
    members.push(("logEvents", Value::List(lines.iter().map(event).collect())));
    call(cx, "PutLogEvents", members).map(drop)
}

/// What an environment has said, on its way to its log stream.
#[derive(Debug, Default)]
pub(crate) struct Said {
    waiting: Vec<Line>,
    bytes: usize,
    /// Whether somebody writes it down.
    is_written: bool,
    /// Whether the stream is there.
    has_stream: bool,
}

/// Keeps lines. Blocks, but for who finds another at it: that one takes these lines, too, and in their order.
pub(crate) fn write(cloud: &Arc<Cloud>, environment: &Environment, runs: &Runs, lines: Vec<Line>) {
    let said = || environment.said.lock().unwrap_or_else(PoisonError::into_inner);
    {
        let mut said = said();
        let bytes = lines.iter().map(|(_, text)| text.len()).sum::<usize>();
        if said.bytes + bytes > WAITING_MAX {
            let group = runs.version.log_group(&runs.function.name);
            kernel::log::warn("a function says more than can be kept", &[("group", &group)]);
        } else {
            said.bytes += bytes;
            said.waiting.extend(lines);
        }
        if std::mem::replace(&mut said.is_written, true) {
            return;
        }
    }
    loop {
        let (mut lines, mut has_stream) = {
            let mut said = said();
            if said.waiting.is_empty() {
                said.is_written = false;
                return;
            }
            said.bytes = 0;
            (std::mem::take(&mut said.waiting), said.has_stream)
        };
        lines.sort_by_key(|(time, _)| *time);
        let mut rest = &lines[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |(_, text): &&Line| {
                bytes += text.len() + OVERHEAD + 1;
                bytes <= BATCH_BYTES
            };
            let count = rest.iter().take(EVENTS_MAX).take_while(fits).count().max(1);
            let (batch, others) = rest.split_at(count);
            // A stream that somebody has taken away is made anew.
            let stream = &environment.log_stream;
            let is_kept = batch_in(cloud, stream, runs, !has_stream, batch)
                || has_stream && batch_in(cloud, stream, runs, true, batch);
            (rest, has_stream) = (others, is_kept);
        }
        said().has_stream = has_stream;
    }
}

/// Keeps a few lines in a stream of their own. Blocks.
pub(crate) fn write_alone(cloud: &Arc<Cloud>, stream: &str, runs: &Runs, lines: &[Line]) {
    batch_in(cloud, stream, runs, true, lines);
}

/// Whether they were kept.
fn batch_in(cloud: &Arc<Cloud>, stream: &str, runs: &Runs, first: bool, lines: &[Line]) -> bool {
    let group = runs.version.log_group(&runs.function.name);
    let home = (runs.function.account, runs.function.region);
    for _ in 0..CONFLICTS_MAX {
        let mut tx = cloud.store().begin();
        let done = cloud.act_as_role(&mut tx, SERVICE, &runs.version.role, home, |cx| {
            put(cx, &group, stream, first, lines)
        });
        // Who may not write logs has none, as in AWS.
        if done.and_then(|done| done).is_err() {
            return false;
        }
        match tx.commit().wait() {
            Err(CommitError::Conflict) => {}
            Err(why) => {
                kernel::log::error("a function's log could not be saved", &[("problem", &why.to_string())]);
                return false;
            }
            Ok(_) => return true,
        }
    }
    kernel::log::warn("a function's log met too many other changes", &[("group", &group)]);
    false
}
