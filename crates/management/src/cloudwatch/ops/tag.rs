//! Tags of alarms.

use crate::cloudwatch::access;
use crate::cloudwatch::errors::{WatchError, invalid};
use crate::cloudwatch::model::alarm::{ALARMS, Alarm};
use base::Arn;
use base::tag::{self, PER_RESOURCE_MAX, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "cloudwatch:TagResource", access::tagged;
    UntagResource: remove, "cloudwatch:UntagResource", access::tagged;
    ListTagsForResource: list, "cloudwatch:ListTagsForResource", access::tagged;
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
/// `InvalidParameterValue`.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, WatchError> {
    let pairs = tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::checked(pairs).map_err(worded)
}

fn worded(error: TagError) -> WatchError {
    invalid(match error {
        TagError::TooMany(_) => format!("A resource can have at most {PER_RESOURCE_MAX} tags."),
        error => format!("The tags are invalid: {error:?}."),
    })
}

/// # Errors
/// `ResourceNotFoundException`.
fn alarm(cx: &Cx<'_>, arn: &str) -> Result<Alarm, WatchError> {
    let missing = || WatchError::NoResource(arn.to_owned());
    let parsed = Arn::parse(arn).filter(|arn| {
        arn.service == "cloudwatch" && arn.account == cx.account.as_str() && arn.region == cx.region.name()
    });
    let resource = parsed.ok_or_else(missing)?.resource;
    let name = resource.strip_prefix("alarm:").ok_or_else(missing)?;
    ALARMS.get(cx.tx, &Alarm::key(cx.account, cx.region, name))?.ok_or_else(missing)
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, WatchError> {
    let mut alarm = alarm(cx, &req.arn)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(&mut alarm.tags, pairs, cx.caller.service_id()).map_err(worded)?;
    ALARMS.put(cx.tx, &alarm.own_key(), &alarm);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, WatchError> {
    let mut alarm = alarm(cx, &req.arn)?;
    tag::take(&mut alarm.tags, &req.keys).map_err(worded)?;
    ALARMS.put(cx.tx, &alarm.own_key(), &alarm);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, WatchError> {
    let alarm = alarm(cx, &req.arn)?;
    Ok(TagList { tags: alarm.tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
