//! What accounts do with the event sources that partners offer them.

use super::page;
use crate::events::access;
use crate::events::errors::EventsError;
use crate::events::model::{BUSES, Bus};
use crate::events::partner::{self, SOURCES, Source};
use base::Timestamp;
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(crate) static OPS:
    DescribeEventSource: describe, "events:DescribeEventSource", access::source;
    ListEventSources: list, "events:ListEventSources", access::any;
    ActivateEventSource: activate, "events:ActivateEventSource", access::source;
    DeactivateEventSource: deactivate, "events:DeactivateEventSource", access::source;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct OneSource { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct Described {
        arn: String = "Arn",
        partner: String = "CreatedBy",
        created: Timestamp = "CreationTime",
        expires: Option<Timestamp> = "ExpirationTime",
        name: String = "Name",
        state: String = "State",
    }

    #[derive(Debug)]
    pub(crate) struct ListEventSources {
        prefix: Option<String> = "NamePrefix",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Sources {
        sources: Vec<Described> = "EventSources",
        token: Option<String> = "NextToken",
    }
}

fn shown(source: Source) -> Described {
    Described {
        arn: source.arn(),
        // Partners have names at AWS; here they are accounts.
        partner: source.partner.to_string(),
        created: source.created,
        state: source.state().to_owned(),
        expires: source.expires,
        name: source.name,
    }
}

fn own(cx: &Cx<'_>, name: &str) -> Result<Source, EventsError> {
    let found = Source::load(cx.tx, (cx.account, cx.region), name, cx.now)?;
    found.ok_or_else(|| EventsError::NoSource(name.to_owned()))
}

fn describe(cx: &mut Cx<'_>, req: OneSource) -> Result<Described, EventsError> {
    own(cx, &req.name).map(shown)
}

fn list(cx: &mut Cx<'_>, req: ListEventSources) -> Result<Sources, EventsError> {
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListEventSources {prefix}");
    let is_there = |source: &Source| source.is_there(cx.now);
    let (found, token) = page(cx, &SOURCES, (&all, &list), req.token.as_deref(), req.limit, is_there)?;
    Ok(Sources { sources: found.into_iter().map(shown).collect(), token })
}

/// Only one that has a bus.
fn activate(cx: &mut Cx<'_>, req: OneSource) -> Result<Empty, EventsError> {
    let (source, home) = (own(cx, &req.name)?, (cx.account, cx.region));
    if source.state() != "PENDING" || !BUSES.contains(cx.tx, &Bus::key(home, &req.name))? {
        return Err(EventsError::SourceState(req.name, source.state()));
    }
    partner::take(cx.tx, home, &req.name, cx.now)?;
    Ok(Empty)
}

fn deactivate(cx: &mut Cx<'_>, req: OneSource) -> Result<Empty, EventsError> {
    let source = own(cx, &req.name)?;
    if source.state() != "ACTIVE" {
        return Err(EventsError::SourceState(req.name, source.state()));
    }
    partner::leave(cx.tx, (cx.account, cx.region), &req.name, cx.now)?;
    Ok(Empty)
}
