//! `GetLogEvents`: one stream, page by page in both directions.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>

use super::identified;
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::{Event, Place, millis};
use crate::logs::model::stream::Stream;
use crate::logs::sealing;
use crate::logs::walk::{self, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Span};
use kernel::Cx;
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    GetLogEvents: [event] get, "logs:GetLogEvents", access::stream;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetLogEvents {
        group: Option<String> = "logGroupName",
        identifier: Option<String> = "logGroupIdentifier",
        stream: String = "logStreamName",
        start: Option<i64> = "startTime",
        end: Option<i64> = "endTime",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
        from_head: Option<bool> = "startFromHead",
    }

    #[derive(Debug)]
    pub(crate) struct LogEvents {
        events: Vec<OutputLogEvent> = "events",
        forward: String = "nextForwardToken",
        backward: String = "nextBackwardToken",
    }

    #[derive(Debug)]
    pub(crate) struct OutputLogEvent {
        time: i64 = "timestamp",
        message: String = "message",
        ingested: i64 = "ingestionTime",
    }
}

/// Where a page begins.
#[derive(Clone, Copy)]
enum From {
    Head,
    Tail,
    Behind(Place),
    Before(Place),
}

fn read_token(token: &str, stream: &Stream) -> Option<From> {
    let (kind, digits) = (token.get(..2)?, token.get(2..)?.strip_suffix("/s")?);
    let (place, of) = Place::from_digits(digits)?;
    match kind {
        _ if of != stream.id => None,
        "f/" => Some(From::Behind(place)),
        "b/" => Some(From::Before(place)),
        _ => None,
    }
}

fn get(cx: &mut Cx<'_>, req: GetLogEvents) -> Result<LogEvents, LogsError> {
    let group = identified(cx, req.group.as_deref(), req.identifier.as_deref())?;
    let stream = Stream::load(cx.tx, group.id, &req.stream)?.ok_or(LogsError::NoStream)?;
    let from = match req.token.as_deref() {
        Some(token) => {
            read_token(token, &stream).ok_or_else(|| invalid("The specified nextToken is invalid."))?
        }
        None if req.from_head.unwrap_or_default() => From::Head,
        None => From::Tail,
    };
    let kept = group.keeps_since(cx.now).map_or(i64::MIN, millis);
    let mut span = Span {
        since: Place { time: req.start.unwrap_or(i64::MIN).max(kept), number: 0 },
        // AWS: events of the very time are not included.
        until: Place { time: req.end.unwrap_or(i64::MAX), number: 0 },
    };
    let direction = match from {
        From::Head => Direction::Forward,
        From::Tail => Direction::Backward,
        From::Behind(place) => {
            span.since = span.since.max(place.next());
            Direction::Forward
        }
        From::Before(place) => {
            span.until = span.until.min(place);
            Direction::Backward
        }
    };
    let limit = req.limit.map_or(PAGE_EVENTS_MAX, |limit| limit as usize);
    let mut found: Vec<(Place, Event)> = Vec::new();
    let mut bytes = 0;
    let ring = sealing::ring(cx, &group)?;
    for event in walk::stream(cx.tx, stream.id, span, direction) {
        let (place, event) = event?;
        let event = ring.open(event)?;
        bytes += event.message.len();
        if found.len() == limit || bytes > PAGE_BYTES_MAX && !found.is_empty() {
            break;
        }
        found.push((place, event));
    }
    if direction == Direction::Backward {
        found.reverse();
    }
    // Where there is nothing, the tokens stay where they were, by which clients see that they are at an end.
    let here = match from {
        From::Behind(place) | From::Before(place) => place,
        From::Head | From::Tail => Place { time: req.start.unwrap_or(0).max(0), number: 0 },
    };
    let place = |of: Option<&(Place, Event)>| of.map_or(here, |(place, _)| *place).digits(stream.id);
    Ok(LogEvents {
        forward: format!("f/{}/s", place(found.last())),
        backward: format!("b/{}/s", place(found.first())),
        events: found.into_iter().map(shown).collect(),
    })
}

fn shown((place, event): (Place, Event)) -> OutputLogEvent {
    OutputLogEvent { time: place.time, message: event.message, ingested: millis(event.ingested) }
}
