//! CreateTags, DeleteTags, DescribeTags: for every kind of resource that is registered.

use crate::access::{Access, list};
use crate::describe::{self, Ask, five_or_more};
use crate::errors::{Ec2Error, Plain};
use crate::filter::{self, Filter, Known};
use crate::kind::{self, Kind};
use crate::register::{self, Entry, REGISTER};
use crate::tags::{Tag, check_key, checked_by, clear};
use base::tag::{PER_RESOURCE_MAX, counted, is_own};
use kernel::{Cx, Empty, Target};
use store::{Direction, Key};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Tags of all resources.
    pub static OPS:
        CreateTags: create_tags, "ec2:CreateTags", named;
        DeleteTags: delete_tags, "ec2:DeleteTags", named;
        DescribeTags: describe_tags, "ec2:DescribeTags", list;
}

wire::shape! {
    #[derive(Debug)]
    struct CreateTags {
        resources: Vec<String> = "Resources",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct DeleteTags {
        resources: Vec<String> = "Resources",
        tags: Option<Vec<Tag>> = "Tags",
    }

    #[derive(Debug)]
    struct DescribeTags {
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct DescribeTagsResult {
        next: Option<String> = "NextToken",
        tags: Vec<TagDescription> = "Tags",
    }

    #[derive(Debug)]
    struct TagDescription {
        key: String = "Key",
        resource_id: String = "ResourceId",
        resource_type: String = "ResourceType",
        value: String = "Value",
    }
}

/// Each resource that is named, with its own tags. `aws:RequestTag` is what the request's `Tags` hold.
fn named(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let ids = request.get("Resources").and_then(Value::as_list).unwrap_or_default();
    let ids: Vec<String> = ids.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut access = Access::of(cx, request);
    for id in &ids {
        let entry = register::find(access.cx.tx, access.cx.account, access.cx.region, id);
        let entry = entry.map_err(|error| Fault::from(kernel::Failure::from(error)))?;
        let kind = entry.and_then(|entry| kind::of_noun(&entry.noun)).or_else(|| kind::of_id(id));
        access = match kind {
            Some(kind) => access.id(kind, id),
            None => access,
        };
    }
    access.done()
}

/// The entry of an id that may be of any kind.
fn entry(cx: &Cx<'_>, id: &str) -> Result<Entry, Ec2Error> {
    if let Some(entry) = register::find(cx.tx, cx.account, cx.region, id)? {
        return Ok(entry);
    }
    let by_prefix = |kind: &&&Kind| id.strip_prefix(kind.prefix).is_some_and(|rest| rest.starts_with('-'));
    Err(match kind::of_id(id) {
        Some(kind) => Ec2Error::not_found(kind, id),
        None => match kind::ALL.iter().find(by_prefix) {
            Some(kind) => Ec2Error::malformed(kind, id),
            None => Plain::InvalidId(id.to_owned()).into(),
        },
    })
}

fn create_tags(cx: &mut Cx<'_>, req: CreateTags) -> Result<Empty, Ec2Error> {
    let tags = checked_by(cx.caller, &req.tags)?;
    for id in &req.resources {
        let mut entry = entry(cx, id)?;
        entry.tags.extend(tags.clone());
        if counted(&entry.tags) > PER_RESOURCE_MAX {
            return Err(Plain::TagLimitExceeded.into());
        }
        REGISTER.put(cx.tx, &register::key(cx.account, cx.region, id), &entry);
        let named = cx.arn("ec2", &format!("{}/{id}", entry.noun));
        cx.touch(named);
    }
    Ok(Empty)
}

/// A tag that is given with a value is deleted only where it has that value; without tags, all are but those of AWS
/// itself.
fn delete_tags(cx: &mut Cx<'_>, req: DeleteTags) -> Result<Empty, Ec2Error> {
    let service = cx.caller.service_id().map(str::to_owned);
    for key in req.tags.iter().flatten().map(|tag| tag.key.as_deref().unwrap_or_default()) {
        if !is_own(service.as_deref(), key) {
            check_key(key)?;
        }
    }
    for id in &req.resources {
        let mut entry = entry(cx, id)?;
        match &req.tags {
            None => clear(&mut entry.tags),
            Some(tags) => entry.tags.retain(|key, value| {
                let named = |tag: &Tag| {
                    tag.key.as_deref() == Some(key) && tag.value.as_ref().is_none_or(|given| given == value)
                };
                !tags.iter().any(named)
            }),
        }
        REGISTER.put(cx.tx, &register::key(cx.account, cx.region, id), &entry);
        let named = cx.arn("ec2", &format!("{}/{id}", entry.noun));
        cx.touch(named);
    }
    Ok(Empty)
}

static FILTERS: &Known<TagDescription> = &[
    ("key", |tag| vec![tag.key.clone()]),
    ("resource-id", |tag| vec![tag.resource_id.clone()]),
    ("resource-type", |tag| vec![tag.resource_type.clone()]),
    ("value", |tag| vec![tag.value.clone()]),
];

fn describe_tags(cx: &mut Cx<'_>, req: DescribeTags) -> Result<DescribeTagsResult, Ec2Error> {
    five_or_more(req.max)?;
    let mut filters = req.filters;
    // `tag:Owner` is the key and the value at once.
    let by_tag: Vec<Filter> =
        filters.extract_if(.., |f| f.name.as_deref().is_some_and(|n| n.starts_with("tag:"))).collect();
    filter::check(&filters, FILTERS)?;
    let prefix = Key::regional(cx.account, cx.region);
    let mut found = Vec::new();
    for pair in REGISTER.scan(cx.tx, &prefix, Direction::Forward) {
        let (key, entry) = pair?;
        let mut reader = key.reader();
        let id = reader.scope().and_then(|_| reader.region()).and_then(|_| reader.str()).unwrap_or_default();
        found.extend(entry.tags.into_iter().map(|(key, value)| TagDescription {
            key,
            resource_id: id.clone(),
            resource_type: entry.noun.clone(),
            value,
        }));
    }
    found.retain(|tag| {
        let own = [Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) }];
        filter::passes(tag, &[], &filters, FILTERS) && filter::passes(tag, &own, &by_tag, FILTERS)
    });
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (tags, next) = describe::cut(cx, found, ask, |tag| format!("{} {}", tag.resource_id, tag.key))?;
    Ok(DescribeTagsResult { next, tags })
}
