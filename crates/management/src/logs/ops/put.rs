//! `PutLogEvents`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>

use super::named;
use crate::logs::access;
use crate::logs::embedded;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::metering;
use crate::logs::metrics;
use crate::logs::model::event::{EVENTS, OVERHEAD_BYTES, Place, millis};
use crate::logs::model::group::Group;
use crate::logs::model::metric_filter::of_group;
use crate::logs::model::stream::Stream;
use crate::logs::model::subscription::Sent;
use crate::logs::{sealing, subscription, tail};
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    PutLogEvents: [event] put, "logs:PutLogEvents", access::stream;
}

const BATCH_BYTES_MAX: usize = 1_048_576;
const DAY_MILLIS: i64 = 86_400_000;
const BATCH_SPAN_MILLIS: i64 = DAY_MILLIS;
const OLD_MILLIS: i64 = 14 * DAY_MILLIS;
const NEW_MILLIS: i64 = 2 * 3_600_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutLogEvents {
        group: String = "logGroupName",
        stream: String = "logStreamName",
        events: Vec<InputLogEvent> = "logEvents",
        /// AWS: accepted and passed over since 2023.
        token: Option<String> = "sequenceToken",
    }

    #[derive(Debug)]
    pub(crate) struct InputLogEvent {
        time: i64 = "timestamp",
        message: String = "message",
    }

    #[derive(Debug)]
    pub(crate) struct Put {
        next: String = "nextSequenceToken",
        rejected: Option<Rejected> = "rejectedLogEventsInfo",
    }

    #[derive(Debug, Default, PartialEq)]
    pub(crate) struct Rejected {
        too_new_start: Option<i64> = "tooNewLogEventStartIndex",
        too_old_end: Option<i64> = "tooOldLogEventEndIndex",
        expired_end: Option<i64> = "expiredLogEventEndIndex",
    }
}

/// Nobody needs it any more, and older clients want to see one.
pub(super) fn sequence_token(stream: u64, next: u64) -> String {
    format!("{stream:020}{next:036}")
}

fn check(events: &[InputLogEvent]) -> Result<(), LogsError> {
    let bytes: usize = events.iter().map(|event| event.message.len() + OVERHEAD_BYTES).sum();
    if bytes > BATCH_BYTES_MAX {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}")));
    }
    if !events.is_sorted_by_key(|event| event.time) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    match (events.first(), events.last()) {
        (Some(first), Some(last)) if last.time - first.time > BATCH_SPAN_MILLIS => Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        )),
        _ => Ok(()),
    }
}

/// Which of the events, by their places in the batch, are taken; and what is told of the others.
fn taken(events: &[InputLogEvent], group: &Group, cx: &Cx<'_>) -> (std::ops::Range<usize>, Option<Rejected>) {
    let now = millis(cx.now);
    let before = |limit: i64| events.partition_point(|event| event.time < limit);
    let too_old = before(now - OLD_MILLIS);
    let expired = group.keeps_since(cx.now).map_or(0, |since| before(millis(since)));
    let too_new = events.partition_point(|event| event.time <= now + NEW_MILLIS);
    let index = |at: usize, there: bool| there.then(|| i64::try_from(at).unwrap_or(i64::MAX));
    let rejected = Rejected {
        too_new_start: index(too_new, too_new < events.len()),
        too_old_end: index(too_old, too_old > 0),
        expired_end: index(expired, expired > 0),
    };
    let start = too_old.max(expired);
    (start..too_new.max(start), (rejected != Rejected::default()).then_some(rejected))
}

fn put(cx: &mut Cx<'_>, req: PutLogEvents) -> Result<Put, LogsError> {
    check(&req.events)?;
    let group = named(cx, &req.group)?;
    let mut stream = Stream::load(cx.tx, group.id, &req.stream)?.ok_or(LogsError::NoStream)?;
    let lock = sealing::lock(cx, &group)?;
    let (range, rejected) = taken(&req.events, &group, cx);
    let filters = if group.metric_filters > 0 { of_group(cx.tx, group.id)? } else { Vec::new() };
    if !filters.is_empty() {
        let told: Vec<_> =
            req.events[range.clone()].iter().map(|event| (event.time, event.message.as_str())).collect();
        metrics::feed(cx, &filters, &told)?;
    }
    embedded::feed(cx, &group, req.events[range.clone()].iter().map(|event| event.message.as_str()))?;
    let arriving = req.events[range.clone()].iter().map(|event| (event.time, event.message.as_str()));
    tail::tell(cx, &group, &stream.name, arriving);
    subscription::send(cx, &group, &stream.name, || {
        let sent = |(at, event): (u64, &InputLogEvent)| Sent {
            id: Place { time: event.time, number: stream.next + at }.digits(stream.id),
            time: event.time,
            message: event.message.clone(),
        };
        (0..).zip(&req.events[range.clone()]).map(sent).collect()
    })?;
    let before = stream.bytes;
    for event in req.events.into_iter().skip(range.start).take(range.len()) {
        let place = Place { time: event.time, number: stream.next };
        stream.next += 1;
        stream.bytes += (event.message.len() + OVERHEAD_BYTES) as u64;
        stream.first = Some(stream.first.map_or(event.time, |first| first.min(event.time)));
        stream.last = Some(stream.last.map_or(event.time, |last| last.max(event.time)));
        stream.ingested = Some(cx.now);
        let event = lock.event(cx, event.message);
        EVENTS.put(cx.tx, &place.key(stream.id), &event);
    }
    metering::came_in(cx, &group, range.len(), stream.bytes - before);
    stream.save(cx.tx, group.id);
    Ok(Put { next: sequence_token(stream.id, stream.next), rejected })
}
