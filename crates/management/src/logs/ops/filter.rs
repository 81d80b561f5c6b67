//! `FilterLogEvents`: the events of a group's streams that match a pattern, by time.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>

use super::{identified, position};
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::{Place, millis};
use crate::logs::model::group::Group;
use crate::logs::model::stream::{STREAMS, Stream, prefix};
use crate::logs::pattern::Pattern;
use crate::logs::sealing;
use crate::logs::walk::{Merged, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Span};
use kernel::Cx;
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    FilterLogEvents: [event] filter, "logs:FilterLogEvents", access::group;
}

const STREAMS_MAX: usize = 100;
/// How many events one call looks at; a pattern that few events match must not hold a thread for long.
const VISITED_MAX: usize = 200_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct FilterLogEvents {
        group: Option<String> = "logGroupName",
        identifier: Option<String> = "logGroupIdentifier",
        streams: Vec<String> = "logStreamNames",
        prefix: Option<String> = "logStreamNamePrefix",
        start: Option<i64> = "startTime",
        end: Option<i64> = "endTime",
        pattern: Option<String> = "filterPattern",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
        /// AWS: passed over; results of several streams always come interleaved.
        interleaved: Option<bool> = "interleaved",
    }

    #[derive(Debug)]
    pub(crate) struct Filtered {
        events: Vec<FilteredLogEvent> = "events",
        /// AWS: always empty since 2019.
        searched: Vec<SearchedLogStream> = "searchedLogStreams",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct FilteredLogEvent {
        stream: String = "logStreamName",
        time: i64 = "timestamp",
        message: String = "message",
        ingested: i64 = "ingestionTime",
        id: String = "eventId",
    }

    #[derive(Debug)]
    pub(crate) struct SearchedLogStream { name: String = "logStreamName" }
}

fn filter(cx: &mut Cx<'_>, req: FilterLogEvents) -> Result<Filtered, LogsError> {
    if !req.streams.is_empty() && req.prefix.is_some() {
        return Err(invalid("Only one of logStreamNames and logStreamNamePrefix can be specified."));
    }
    if req.streams.len() > STREAMS_MAX {
        return Err(invalid(format!("At most {STREAMS_MAX} log streams can be specified.")));
    }
    let pattern = Pattern::parse(req.pattern.as_deref().unwrap_or_default()).map_err(LogsError::Invalid)?;
    let group = identified(cx, req.group.as_deref(), req.identifier.as_deref())?;
    let streams = streams(cx, &group, &req)?;
    let list = format!(
        "logs:FilterLogEvents {} {:?} {:?} {:?} {:?} {:?}",
        group.id, req.streams, req.prefix, req.start, req.end, req.pattern
    );
    let after = position(cx, &list, req.token.as_deref())?;
    let after = after.and_then(|digits| Place::from_digits(&digits));
    let kept = group.keeps_since(cx.now).map_or(i64::MIN, millis);
    let since = req.start.unwrap_or(i64::MIN).max(kept).max(after.map_or(i64::MIN, |(place, _)| place.time));
    let span = Span {
        since: Place { time: since, number: 0 },
        // AWS: events of the very time are included.
        until: Place { time: req.end.unwrap_or(i64::MAX).saturating_add(1), number: 0 },
    };
    let limit = req.limit.map_or(PAGE_EVENTS_MAX, |limit| limit as usize);
    let ids: Vec<u64> = streams.iter().map(|stream| stream.id).collect();
    let mut out = Filtered { events: Vec::new(), searched: Vec::new(), token: None };
    let (mut bytes, mut last) = (0, None);
    let behind = |place: Place, stream: usize| match after {
        // Streams come in the order of their names, which does not change between pages.
        Some((after, id)) if place.time == after.time => match ids.iter().position(|of| *of == id) {
            Some(of) => (stream, place.number) > (of, after.number),
            None => true,
        },
        _ => true,
    };
    let ring = sealing::ring(cx, &group)?;
    for (visited, found) in Merged::new(cx.tx, &ids, span).enumerate() {
        let (stream, place, event) = found?;
        if !behind(place, stream) {
            continue;
        }
        let event = ring.open(event)?;
        let matches = pattern.matches(&event.message);
        bytes += if matches { event.message.len() } else { 0 };
        let full = matches && (out.events.len() == limit || bytes > PAGE_BYTES_MAX && !out.events.is_empty());
        if full || visited == VISITED_MAX {
            out.token = last.map(|last: String| cx.pager().token(&list, last.as_bytes()));
            break;
        }
        last = Some(place.digits(ids[stream]));
        if matches {
            out.events.push(FilteredLogEvent {
                stream: streams[stream].name.clone(),
                time: place.time,
                id: place.digits(ids[stream]),
                message: event.message,
                ingested: millis(event.ingested),
            });
        }
    }
    Ok(out)
}

/// The streams that a request is about, by name; those that hold nothing of its time are left out.
fn streams(cx: &Cx<'_>, group: &Group, req: &FilterLogEvents) -> Result<Vec<Stream>, LogsError> {
    let mut found = if req.streams.is_empty() {
        let prefix = prefix(group.id).str_prefix(req.prefix.as_deref().unwrap_or_default());
        let all = STREAMS.scan(cx.tx, &prefix, Direction::Forward);
        all.map(|pair| pair.map(|(_, stream)| stream)).collect::<Result<Vec<_>, _>>()?
    } else {
        let load = |name: &String| Stream::load(cx.tx, group.id, name)?.ok_or(LogsError::NoStream);
        req.streams.iter().map(load).collect::<Result<Vec<_>, _>>()?
    };
    let (start, end) = (req.start.unwrap_or(i64::MIN), req.end.unwrap_or(i64::MAX));
    found.retain(|stream| {
        stream.last.is_some_and(|last| last >= start) && stream.first.is_some_and(|first| first <= end)
    });
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.id == b.id);
    Ok(found)
}
