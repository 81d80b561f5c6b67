//! `GetLogGroupFields`: which fields the events of a group have.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogGroupFields.html>

use super::identified;
use crate::logs::errors::LogsError;
use crate::logs::insights::discover;
use crate::logs::model::event::{Place, millis};
use crate::logs::model::stream::{STREAMS, prefix};
use crate::logs::walk::{Merged, PAGE_EVENTS_MAX, Span};
use crate::logs::{access, sealing};
use kernel::Cx;
use std::collections::BTreeMap;
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    GetLogGroupFields: fields, "logs:GetLogGroupFields", access::group;
}

/// What all events have.
const OWN: [&str; 5] = ["@ingestionTime", "@log", "@logStream", "@message", "@timestamp"];
/// Without a time the last quarter of an hour is looked at, with one eight minutes to both sides.
const LAST_MILLIS: i64 = 15 * 60_000;
const SIDE_MILLIS: i64 = 8 * 60_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetLogGroupFields {
        group: Option<String> = "logGroupName",
        identifier: Option<String> = "logGroupIdentifier",
        time: Option<i64> = "time",
    }

    #[derive(Debug)]
    pub(crate) struct Fields { fields: Vec<Field> = "logGroupFields" }

    #[derive(Debug)]
    pub(crate) struct Field {
        name: String = "name",
        percent: i64 = "percent",
    }
}

fn fields(cx: &mut Cx<'_>, req: GetLogGroupFields) -> Result<Fields, LogsError> {
    let group = identified(cx, req.group.as_deref(), req.identifier.as_deref())?;
    let now = millis(cx.now);
    let (since, until) = match req.time.map(|seconds| seconds.saturating_mul(1_000)) {
        None => (now - LAST_MILLIS, now),
        Some(at) => (at.saturating_sub(SIDE_MILLIS), at.saturating_add(SIDE_MILLIS)),
    };
    let kept = group.keeps_since(cx.now).map_or(i64::MIN, millis);
    let place = |time: i64| Place { time, number: 0 };
    let span = Span { since: place(since.max(kept)), until: place(until.saturating_add(1)) };
    let streams = STREAMS.scan(cx.tx, &prefix(group.id), Direction::Forward);
    let ids = streams.map(|pair| pair.map(|(_, stream)| stream.id)).collect::<Result<Vec<_>, _>>()?;
    let ring = sealing::ring(cx, &group)?;
    let (mut all, mut seen) = (0, BTreeMap::<String, i64>::new());
    for found in Merged::new(cx.tx, &ids, span).take(PAGE_EVENTS_MAX) {
        let event = ring.open(found?.2)?;
        all += 1;
        let own = OWN.iter().map(|name| (*name).to_owned());
        for name in own.chain(discover::fields(&event.message).into_keys()) {
            *seen.entry(name).or_default() += 1;
        }
    }
    let field = |(name, count): (String, i64)| Field { name, percent: count * 100 / all };
    Ok(Fields { fields: seen.into_iter().map(field).collect() })
}
