//! `PutEvents`: what was taken is on its way.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{Bus, named};
use crate::events::routing::{self, Envelope, Event};
use base::Timestamp;
use kernel::Cx;
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    PutEvents: [event] put, "events:PutEvents", access::entries;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>
const BYTES_MAX: usize = 1 << 20;
/// What the time of an entry counts for. AWS: as above.
const TIME_BYTES: usize = 14;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutEvents { entries: Vec<Entry> = "Entries" }

    #[derive(Debug)]
    pub(crate) struct Entry {
        time: Option<Timestamp> = "Time",
        source: Option<String> = "Source",
        resources: Vec<String> = "Resources",
        detail_type: Option<String> = "DetailType",
        detail: Option<String> = "Detail",
        bus: Option<String> = "EventBusName",
        trace: Option<String> = "TraceHeader",
    }

    #[derive(Debug)]
    pub(crate) struct Taken {
        failed: i64 = "FailedEntryCount",
        entries: Vec<Outcome> = "Entries",
    }

    #[derive(Debug)]
    pub(crate) struct Outcome {
        id: Option<String> = "EventId",
        code: Option<String> = "ErrorCode",
        message: Option<String> = "ErrorMessage",
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let resources: usize = self.resources.iter().map(String::len).sum();
        let time = if self.time.is_some() { TIME_BYTES } else { 0 };
        time + text(&self.source) + text(&self.detail_type) + text(&self.detail) + resources
    }
}

fn put(cx: &mut Cx<'_>, req: PutEvents) -> Result<Taken, EventsError> {
    if req.entries.iter().map(Entry::bytes).sum::<usize>() > BYTES_MAX {
        return Err(invalid("Total size of the entries in the request is over the limit."));
    }
    let outcomes = req.entries.iter().map(|entry| Outcome::of(take(cx, entry)));
    Ok(Taken::of(outcomes.collect::<Result<_, _>>()?))
}

impl Outcome {
    /// # Errors
    /// What is wrong with the cloud itself.
    pub(super) fn of(taken: Result<String, EventsError>) -> Result<Outcome, EventsError> {
        match taken {
            Ok(id) => Ok(Outcome { id: Some(id), code: None, message: None }),
            Err(EventsError::Internal) => Err(EventsError::Internal),
            Err(error) => {
                let fault = wire::Fault::from(error);
                Ok(Outcome { id: None, code: Some(fault.code), message: Some(fault.message) })
            }
        }
    }
}

impl Taken {
    pub(super) fn of(entries: Vec<Outcome>) -> Taken {
        let failed = entries.iter().filter(|outcome| outcome.id.is_none()).count() as i64;
        Taken { failed, entries }
    }
}

/// A member that an event must have.
pub(super) fn given<'e>(value: Option<&'e String>, name: &'static str) -> Result<&'e str, EventsError> {
    value.filter(|text| !text.is_empty()).map(String::as_str).ok_or(EventsError::Argument(name))
}

/// AWS: what goes over a bus is no part of a loop that Lambda ends.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
fn without_lineage(header: &str) -> String {
    let parts = header.split(';').filter(|part| !part.trim_start().starts_with("Lineage="));
    parts.collect::<Vec<_>>().join(";")
}

/// Takes one event; its id.
fn take(cx: &mut Cx<'_>, entry: &Entry) -> Result<String, EventsError> {
    let source = given(entry.source.as_ref(), "Source")?;
    let detail_type = given(entry.detail_type.as_ref(), "DetailType")?;
    let detail = given(entry.detail.as_ref(), "Detail")?;
    if source.starts_with("aws.") {
        return Err(EventsError::Source);
    }
    let Some(detail @ Value::Map(_)) = wire::json::read(detail) else { return Err(EventsError::Detail) };
    let (home, name) = named(cx, entry.bus.as_deref());
    let bus = Bus::load(cx.tx, home, &name)?.ok_or(EventsError::NoBus(name))?;
    let id = base::id::uuid(cx.rng());
    let mut event = Event::new(Envelope {
        id: &id,
        detail_type,
        source,
        account: cx.account.as_str(),
        time: entry.time.unwrap_or(cx.now),
        region: cx.region.name(),
        resources: &entry.resources,
        detail,
    });
    event.trace = entry.trace.as_deref().or(cx.request.chain.as_deref()).map(without_lineage);
    let cloud = cx.cloud().clone();
    routing::route(&cloud, cx.tx, &bus, &event, cx.now)?;
    Ok(id)
}
