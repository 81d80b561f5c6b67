//! LookupEvents.

use crate::cloudtrail::errors::TrailError;
use crate::cloudtrail::{facts, record, resource};
use base::Timestamp;
use kernel::Cx;
use kernel::access::any;
use kernel::audit::{self, Entry, Query, RETENTION};
use wire::model::Service;

kernel::ops! {
    pub(crate) static OPS:
        LookupEvents: lookup_events, "cloudtrail:LookupEvents", any;
}

/// One page. AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
const RESULTS_MAX: i64 = 50;

/// How many calls one lookup looks at, so that a search for what is not there ends soon. The page is then shorter,
/// with a token to go on, as a client must expect anyway.
const VISITED_MAX: usize = 50_000;

wire::shape! {
    pub struct LookupEvents {
        pub attributes: Vec<Attribute> = "LookupAttributes",
        pub start: Option<Timestamp> = "StartTime",
        pub end: Option<Timestamp> = "EndTime",
        pub category: Option<String> = "EventCategory",
        pub max: Option<i64> = "MaxResults",
        pub token: Option<String> = "NextToken",
    }

    pub struct Attribute {
        pub key: String = "AttributeKey",
        pub value: String = "AttributeValue",
    }

    pub struct Events {
        pub events: Vec<Event> = "Events",
        pub token: Option<String> = "NextToken",
    }

    pub struct Event {
        pub id: String = "EventId",
        pub name: String = "EventName",
        pub read_only: String = "ReadOnly",
        pub access_key: Option<String> = "AccessKeyId",
        pub time: Timestamp = "EventTime",
        pub source: String = "EventSource",
        pub username: Option<String> = "Username",
        pub resources: Vec<Resource> = "Resources",
        pub record: String = "CloudTrailEvent",
    }

    pub struct Resource {
        pub kind: Option<String> = "ResourceType",
        pub name: String = "ResourceName",
    }
}

fn lookup_events(cx: &mut Cx<'_>, req: LookupEvents) -> Result<Events, TrailError> {
    let max = req.max.unwrap_or(RESULTS_MAX);
    if !(1..=RESULTS_MAX).contains(&max) {
        return Err(TrailError::InvalidMaxResults(max));
    }
    if req.start.zip(req.end).is_some_and(|(start, end)| start > end) {
        return Err(TrailError::InvalidTimeRange);
    }
    let insight = req.category.is_some();
    let attribute = attribute(&req.attributes, insight)?;
    let list = list(cx, &req);
    let after = match req.token {
        Some(token) => Some(place(cx, &list, &token).ok_or(TrailError::InvalidNextToken)?),
        None => None,
    };
    if insight {
        // Nothing computes Insights events, so there are none.
        return Ok(Events { events: Vec::new(), token: None });
    }
    let oldest = cx.now.minus(RETENTION);
    let query = Query {
        account: cx.account,
        region: cx.region,
        since: req.start.map_or(oldest, |start| start.max(oldest)),
        until: req.end.unwrap_or(Timestamp::from_micros(i64::MAX)),
        after,
    };
    let mut page =
        Page { attribute, max: max as usize, events: Vec::new(), visited: 0, last: None, next: None };
    audit::walk(cx.cloud(), &query, &mut |entry| page.visit(&entry))?;
    let token = page.next.map(|(time, number)| {
        let mut position = time.micros().to_be_bytes().to_vec();
        position.extend(number.to_be_bytes());
        cx.pager().token(&list, &position)
    });
    Ok(Events { events: page.events, token })
}

/// The attribute to look for; AWS takes at most one, and for Insights events only some.
fn attribute(given: &[Attribute], insight: bool) -> Result<Option<&Attribute>, TrailError> {
    let refuse = |what: String| Err(TrailError::InvalidLookupAttributes(what));
    match given {
        [] => Ok(None),
        [one] if insight && !matches!(one.key.as_str(), "EventId" | "EventName" | "EventSource") => {
            refuse(format!("Insights events cannot be looked up by {}.", one.key))
        }
        [one] => Ok(Some(one)),
        _ => refuse("The list of lookup attributes can contain only one item.".into()),
    }
}

/// All parameters but the page's own, to which a token is bound.
fn list(cx: &Cx<'_>, req: &LookupEvents) -> String {
    let attribute = req.attributes.first().map(|a| (a.key.as_str(), a.value.as_str()));
    let place = (cx.account.as_str(), cx.region.name());
    let span = (req.start.map(Timestamp::micros), req.end.map(Timestamp::micros));
    format!("LookupEvents {place:?} {attribute:?} {span:?} {:?}", req.category)
}

fn place(cx: &Cx<'_>, list: &str, token: &str) -> Option<(Timestamp, u64)> {
    let position = cx.pager().position(list, token).ok()?;
    let (time, number) = position.split_first_chunk::<8>()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    Some((Timestamp::from_micros(i64::from_be_bytes(*time)), number))
}

/// A page that fills.
struct Page<'a> {
    attribute: Option<&'a Attribute>,
    max: usize,
    events: Vec<Event>,
    visited: usize,
    last: Option<(Timestamp, u64)>,
    /// The place after which the next page begins, where there is one.
    next: Option<(Timestamp, u64)>,
}

impl Page<'_> {
    fn visit(&mut self, entry: &Entry) -> bool {
        if self.visited == VISITED_MAX {
            self.next = self.last;
            return false;
        }
        self.visited += 1;
        let model = wire::catalog::service(&entry.service);
        if facts::is_management(entry) && self.attribute.is_none_or(|wanted| has(entry, model, wanted)) {
            if self.events.len() == self.max {
                self.next = self.last;
                return false;
            }
            self.events.push(event(entry, model));
        }
        self.last = Some((entry.time, entry.number));
        true
    }
}

fn has(entry: &Entry, model: Option<&Service>, wanted: &Attribute) -> bool {
    let value = wanted.value.as_str();
    match wanted.key.as_str() {
        "EventId" => entry.event_id == value,
        "EventName" => record::name(entry) == value,
        "ReadOnly" => facts::read_only(entry, model).to_string() == value,
        "Username" => entry.username == value,
        "EventSource" => record::source(entry, model) == value,
        "AccessKeyId" => entry.access_key == value,
        "ResourceType" => resource::of(entry).iter().any(|found| found.kind == Some(value)),
        "ResourceName" => resource::of(entry).iter().any(|found| found.name == value || found.arn == value),
        _ => false,
    }
}

fn event(entry: &Entry, model: Option<&Service>) -> Event {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let shown =
        |found: resource::Referenced| Resource { kind: found.kind.map(str::to_owned), name: found.name };
    Event {
        id: entry.event_id.clone(),
        name: record::name(entry).into_owned(),
        read_only: facts::read_only(entry, model).to_string(),
        access_key: some(&entry.access_key),
        time: entry.time.whole_seconds(),
        source: record::source(entry, model),
        username: some(&entry.username),
        resources: resource::of(entry).into_iter().map(shown).collect(),
        record: record::json(entry, model),
    }
}
