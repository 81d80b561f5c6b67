//! Log streams: create, delete, list.

use super::{identified, named, position};
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::event::millis;
use crate::logs::model::group::Group;
use crate::logs::model::stream::{STREAMS, Stream, prefix};
use crate::logs::work::RUBBISH;
use kernel::{Cx, Empty};
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    CreateLogStream: create, "logs:CreateLogStream", access::stream;
    DeleteLogStream: delete, "logs:DeleteLogStream", access::stream;
    DescribeLogStreams: describe, "logs:DescribeLogStreams", access::group;
}

const PAGE_MAX: i64 = 50;
const BY_EVENT: &str = "LastEventTime";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct OneStream {
        group: String = "logGroupName",
        name: String = "logStreamName",
    }

    #[derive(Debug)]
    pub(crate) struct DescribeLogStreams {
        group: Option<String> = "logGroupName",
        identifier: Option<String> = "logGroupIdentifier",
        prefix: Option<String> = "logStreamNamePrefix",
        order: Option<String> = "orderBy",
        descending: Option<bool> = "descending",
        token: Option<String> = "nextToken",
        limit: Option<i64> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct LogStreams {
        streams: Vec<LogStream> = "logStreams",
        token: Option<String> = "nextToken",
    }

    #[derive(Debug)]
    pub(crate) struct LogStream {
        name: String = "logStreamName",
        created: i64 = "creationTime",
        first: Option<i64> = "firstEventTimestamp",
        last: Option<i64> = "lastEventTimestamp",
        ingested: Option<i64> = "lastIngestionTime",
        token: Option<String> = "uploadSequenceToken",
        arn: String = "arn",
        bytes: i64 = "storedBytes",
    }
}

fn create(cx: &mut Cx<'_>, req: OneStream) -> Result<Empty, LogsError> {
    let group = named(cx, &req.group)?;
    if Stream::load(cx.tx, group.id, &req.name)?.is_some() {
        return Err(LogsError::StreamExists);
    }
    let stream = Stream { name: req.name, id: cx.rng().u64(), created: cx.now, ..Stream::default() };
    stream.save(cx.tx, group.id);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: OneStream) -> Result<Empty, LogsError> {
    let group = named(cx, &req.group)?;
    if group.protected {
        return Err(LogsError::Protected);
    }
    let stream = Stream::load(cx.tx, group.id, &req.name)?.ok_or(LogsError::NoStream)?;
    STREAMS.delete(cx.tx, &prefix(group.id).str(&stream.name));
    // Its events are swept away in pieces, as a group's streams are.
    let of_stream = crate::logs::work::Rubbish { is_stream: true };
    RUBBISH.put(cx.tx, &Key::global().u64(stream.id), &of_stream);
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: DescribeLogStreams) -> Result<LogStreams, LogsError> {
    let by_event = req.order.as_deref() == Some(BY_EVENT);
    if by_event && req.prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let group = identified(cx, req.group.as_deref(), req.identifier.as_deref())?;
    let descending = req.descending.unwrap_or_default();
    let limit = req.limit.unwrap_or(PAGE_MAX) as usize;
    let list = format!("logs:DescribeLogStreams {} {:?} {by_event} {descending}", group.id, req.prefix);
    let after = position(cx, &list, req.token.as_deref())?;
    let wanted = prefix(group.id).str_prefix(req.prefix.as_deref().unwrap_or_default());
    let direction = if descending && !by_event { Direction::Backward } else { Direction::Forward };
    let all = STREAMS.scan(cx.tx, &wanted, direction).map(|pair| pair.map(|(_, stream)| stream));
    let (streams, more) = if by_event {
        let mut streams = all.collect::<Result<Vec<_>, _>>()?;
        streams.sort_by_key(event_place);
        if descending {
            streams.reverse();
        }
        let behind = |stream: &Stream| match &after {
            None => true,
            Some(after) if descending => event_place(stream) < *after,
            Some(after) => event_place(stream) > *after,
        };
        let mut rest = streams.into_iter().filter(behind);
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        (page, rest.next().is_some())
    } else {
        let behind = |stream: &Result<Stream, _>| match (stream, &after) {
            (Ok(Stream { name, .. }), Some(after)) if descending => name < after,
            (Ok(Stream { name, .. }), Some(after)) => name > after,
            _ => true,
        };
        let mut rest = all.filter(behind);
        let page = rest.by_ref().take(limit).collect::<Result<Vec<_>, _>>()?;
        (page, rest.next().transpose()?.is_some())
    };
    let place = |stream: &Stream| if by_event { event_place(stream) } else { stream.name.clone() };
    let last = streams.last().filter(|_| more).map(|last| cx.pager().token(&list, place(last).as_bytes()));
    Ok(LogStreams { streams: streams.into_iter().map(|s| shown(s, &group)).collect(), token: last })
}

/// Streams in the order of their last events; those without any come first.
fn event_place(stream: &Stream) -> String {
    format!("{:020} {}", stream.last.map_or(0, |last| last.saturating_add(1)), stream.name)
}

fn shown(stream: Stream, group: &Group) -> LogStream {
    LogStream {
        arn: stream.arn(group),
        created: millis(stream.created),
        first: stream.first,
        last: stream.last,
        ingested: stream.ingested.map(millis),
        token: stream.ingested.map(|_| super::put::sequence_token(stream.id, stream.next)),
        // AWS: always zero since 2019; the group's own figure counts.
        bytes: 0,
        name: stream.name,
    }
}
