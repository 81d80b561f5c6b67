//! What partners do: they offer event sources to accounts, take them back, and put events.

use super::page_of;
use super::put::{Outcome, Taken, given};
use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use crate::events::model::Bus;
use crate::events::partner::{self, Source};
use crate::events::routing::{self, Envelope, Event};
use base::{AccountId, Timestamp};
use kernel::{Cx, Empty};
use wire::Value;

kernel::ops! { pub(crate) static OPS:
    CreatePartnerEventSource: create, "events:CreatePartnerEventSource", access::source;
    DeletePartnerEventSource: delete, "events:DeletePartnerEventSource", access::source;
    DescribePartnerEventSource: describe, "events:DescribePartnerEventSource", access::source;
    ListPartnerEventSources: list, "events:ListPartnerEventSources", access::any;
    ListPartnerEventSourceAccounts: list_accounts, "events:ListPartnerEventSourceAccounts", access::source;
    PutPartnerEvents: [event] put, "events:PutPartnerEvents", access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct OneOffer {
        name: String = "Name",
        account: String = "Account",
    }

    #[derive(Debug)]
    pub(crate) struct Created { arn: String = "EventSourceArn" }

    #[derive(Debug)]
    pub(crate) struct OneSource { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct Described {
        arn: String = "Arn",
        name: String = "Name",
    }

    #[derive(Debug)]
    pub(crate) struct ListSources {
        prefix: String = "NamePrefix",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Sources {
        sources: Vec<Described> = "PartnerEventSources",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct ListAccounts {
        name: String = "EventSourceName",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Accounts {
        accounts: Vec<Account> = "PartnerEventSourceAccounts",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Account {
        account: String = "Account",
        created: Timestamp = "CreationTime",
        expires: Option<Timestamp> = "ExpirationTime",
        state: String = "State",
    }

    #[derive(Debug)]
    pub(crate) struct PutPartnerEvents { entries: Vec<Entry> = "Entries" }

    #[derive(Debug)]
    pub(crate) struct Entry {
        time: Option<Timestamp> = "Time",
        source: Option<String> = "Source",
        resources: Vec<String> = "Resources",
        detail_type: Option<String> = "DetailType",
        detail: Option<String> = "Detail",
    }
}

fn account(text: &str) -> Result<AccountId, EventsError> {
    AccountId::parse(text).ok_or_else(|| invalid("Account is not valid."))
}

fn create(cx: &mut Cx<'_>, req: OneOffer) -> Result<Created, EventsError> {
    let partner = (cx.account, cx.region);
    partner::offer(cx.tx, partner, &req.name, account(&req.account)?, cx.now)?;
    Ok(Created { arn: partner::arn(cx.region, &req.name) })
}

/// AWS: one that is not there is no error.
fn delete(cx: &mut Cx<'_>, req: OneOffer) -> Result<Empty, EventsError> {
    partner::withdraw(cx.tx, (cx.account, cx.region), &req.name, account(&req.account)?)?;
    Ok(Empty)
}

/// The accounts to which the caller offers a source.
fn offered(cx: &Cx<'_>, name: &str) -> Result<Vec<Source>, EventsError> {
    let all = partner::offered(cx.tx, (cx.account, cx.region), name, cx.now)?;
    if all.is_empty() { Err(EventsError::NoSource(name.to_owned())) } else { Ok(all) }
}

fn describe(cx: &mut Cx<'_>, req: OneSource) -> Result<Described, EventsError> {
    offered(cx, &req.name)?;
    Ok(Described { arn: partner::arn(cx.region, &req.name), name: req.name })
}

fn list(cx: &mut Cx<'_>, req: ListSources) -> Result<Sources, EventsError> {
    let mut names = partner::names(cx.tx, (cx.account, cx.region))?;
    names.retain(|name| name.starts_with(&req.prefix));
    let list = format!("ListPartnerEventSources {}", req.prefix);
    let (names, token) = page_of(cx, names, &list, req.token.as_deref(), req.limit, String::clone)?;
    let shown = |name: String| Described { arn: partner::arn(cx.region, &name), name };
    Ok(Sources { sources: names.into_iter().map(shown).collect(), token })
}

fn list_accounts(cx: &mut Cx<'_>, req: ListAccounts) -> Result<Accounts, EventsError> {
    let all = offered(cx, &req.name)?;
    let list = format!("ListPartnerEventSourceAccounts {}", req.name);
    let by = |source: &Source| source.account.to_string();
    let (all, token) = page_of(cx, all, &list, req.token.as_deref(), req.limit, by)?;
    let shown = |source: Source| Account {
        account: source.account.to_string(),
        created: source.created,
        state: source.state().to_owned(),
        expires: source.expires,
    };
    Ok(Accounts { accounts: all.into_iter().map(shown).collect(), token })
}

fn put(cx: &mut Cx<'_>, req: PutPartnerEvents) -> Result<Taken, EventsError> {
    let outcomes = req.entries.iter().map(|entry| Outcome::of(take(cx, entry)));
    Ok(Taken::of(outcomes.collect::<Result<_, _>>()?))
}

/// Takes one event for all who have a bus for its source; its id.
fn take(cx: &mut Cx<'_>, entry: &Entry) -> Result<String, EventsError> {
    let source = given(entry.source.as_ref(), "Source")?;
    let detail_type = given(entry.detail_type.as_ref(), "DetailType")?;
    let detail = given(entry.detail.as_ref(), "Detail")?;
    let Some(detail @ Value::Map(_)) = wire::json::read(detail) else { return Err(EventsError::Detail) };
    let all = partner::offered(cx.tx, (cx.account, cx.region), source, cx.now)?;
    if all.is_empty() {
        return Err(EventsError::Source);
    }
    let id = base::id::uuid(cx.rng());
    for taker in all.iter().filter(|source| source.state() == "ACTIVE") {
        let home = (taker.account, cx.region);
        let Some(bus) = Bus::load(cx.tx, home, source)? else { continue };
        let event = Event::new(Envelope {
            id: &id,
            detail_type,
            source,
            account: taker.account.as_str(),
            time: entry.time.unwrap_or(cx.now),
            region: cx.region.name(),
            resources: &entry.resources,
            detail: detail.clone(),
        });
        let cloud = cx.cloud().clone();
        routing::route(&cloud, cx.tx, &bus, &event, cx.now)?;
    }
    Ok(id)
}
