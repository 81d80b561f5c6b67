//! Tags of groups; schedules have none of their own.

use crate::scheduler::access;
use crate::scheduler::errors::{SchedulerError, invalid};
use crate::scheduler::model::{Group, group_arn};
use base::Arn;
use base::tag::{self, PER_RESOURCE_MAX, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "scheduler:TagResource", access::tagged;
    UntagResource: remove, "scheduler:UntagResource", access::tagged;
    ListTagsForResource: list, "scheduler:ListTagsForResource", access::tagged;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        key: String = "Key",
        value: String = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct TagResource {
        arn: String = "ResourceArn",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagResource {
        arn: String = "ResourceArn",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct OneResource { arn: String = "ResourceArn" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Vec<Tag> = "Tags" }
}

/// # Errors
/// `ValidationException`.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, SchedulerError> {
    let pairs = tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::checked(pairs).map_err(worded)
}

fn worded(error: TagError) -> SchedulerError {
    invalid(match error {
        TagError::TooMany(_) => format!("A resource can have at most {PER_RESOURCE_MAX} tags."),
        error => format!("The tags are not valid: {error:?}."),
    })
}

/// # Errors
/// `ResourceNotFoundException` for what is no group of the caller's.
pub(in crate::scheduler) fn find(cx: &Cx<'_>, text: &str) -> Result<Group, SchedulerError> {
    let home = (cx.account, cx.region);
    let arn = Arn::parse(text);
    let name = arn.as_ref().and_then(|arn| arn.resource.strip_prefix("schedule-group/")).unwrap_or_default();
    let gone = || SchedulerError::NoGroup(name.to_owned());
    if text != group_arn(home, name) {
        return Err(gone());
    }
    Group::load(cx.tx, home, name)?.ok_or_else(gone)
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, SchedulerError> {
    let mut group = find(cx, &req.arn)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(&mut group.tags, pairs, cx.caller.service_id()).map_err(worded)?;
    group.modified = Some(cx.now);
    group.save(cx.tx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, SchedulerError> {
    let mut group = find(cx, &req.arn)?;
    tag::take(&mut group.tags, &req.keys).map_err(worded)?;
    group.modified = Some(cx.now);
    group.save(cx.tx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, SchedulerError> {
    let tags = find(cx, &req.arn)?.tags;
    Ok(TagList { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
