//! Tags of buses and rules.

use crate::events::access;
use crate::events::errors::{EventsError, invalid};
use crate::events::model::{Bus, DEFAULT, RULES, Rule};
use base::tag::{self, PER_RESOURCE_MAX, TagError, Tags};
use base::{AccountId, Arn, Region};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "events:TagResource", access::tagged;
    UntagResource: remove, "events:UntagResource", access::tagged;
    ListTagsForResource: list, "events:ListTagsForResource", access::tagged;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        key: String = "Key",
        value: String = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct TagResource {
        arn: String = "ResourceARN",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagResource {
        arn: String = "ResourceARN",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct OneResource { arn: String = "ResourceARN" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Vec<Tag> = "Tags" }
}

/// # Errors
/// `ValidationException`.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, EventsError> {
    let pairs = tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::checked(pairs).map_err(worded)
}

fn worded(error: TagError) -> EventsError {
    invalid(match error {
        TagError::TooMany(_) => format!("A resource can have at most {PER_RESOURCE_MAX} tags."),
        error => format!("The tags are not valid: {error:?}."),
    })
}

/// What has tags.
#[derive(Debug)]
pub(in crate::events) enum Tagged {
    Bus(Bus),
    Rule(Rule),
}

impl Tagged {
    pub(in crate::events) fn tags(self) -> Tags {
        match self {
            Tagged::Bus(bus) => bus.tags,
            Tagged::Rule(rule) => rule.tags,
        }
    }

    fn own(&mut self) -> &mut Tags {
        match self {
            Tagged::Bus(bus) => &mut bus.tags,
            Tagged::Rule(rule) => &mut rule.tags,
        }
    }

    fn save(self, cx: &mut Cx<'_>) {
        match self {
            Tagged::Bus(bus) => bus.save(cx.tx),
            Tagged::Rule(rule) => {
                let due = rule.due;
                rule.save(cx.tx, due);
            }
        }
    }
}

/// # Errors
/// `ValidationException` for what is no ARN of either, `ResourceNotFoundException`.
pub(in crate::events) fn find(cx: &Cx<'_>, text: &str) -> Result<Tagged, EventsError> {
    let wrong = || invalid(format!("Parameter ResourceARN is not valid: {text}"));
    let arn = Arn::parse(text).filter(|arn| arn.service == "events").ok_or_else(wrong)?;
    let home =
        (AccountId::parse(&arn.account).ok_or_else(wrong)?, Region::parse(&arn.region).ok_or_else(wrong)?);
    if home != (cx.account, cx.region) {
        return Err(EventsError::NoBus(text.to_owned()));
    }
    if let Some(name) = arn.resource.strip_prefix("event-bus/") {
        let bus = Bus::load(cx.tx, home, name)?.ok_or_else(|| EventsError::NoBus(name.to_owned()))?;
        return Ok(Tagged::Bus(bus));
    }
    let path = arn.resource.strip_prefix("rule/").ok_or_else(wrong)?;
    let (bus, name) = path.rsplit_once('/').unwrap_or((DEFAULT, path));
    let found = RULES.get(cx.tx, &Rule::key(home, bus, name))?;
    found.map(Tagged::Rule).ok_or_else(|| EventsError::NoRule(name.to_owned(), bus.to_owned()))
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, EventsError> {
    let mut found = find(cx, &req.arn)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(found.own(), pairs, cx.caller.service_id()).map_err(worded)?;
    found.save(cx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, EventsError> {
    let mut found = find(cx, &req.arn)?;
    tag::take(found.own(), &req.keys).map_err(worded)?;
    found.save(cx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, EventsError> {
    let tags = find(cx, &req.arn)?.tags();
    Ok(TagList { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
