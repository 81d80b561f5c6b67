//! Tags of log groups, by the group's name (the older operations) and by its ARN.

use super::group::OneGroup;
use super::{name_of, named};
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::group::Group;
use base::tag::{self, PER_RESOURCE_MAX, TagError, Tags};
use kernel::{Cx, Empty};
use wire::shape::Pairs;

kernel::ops! { pub(crate) static OPS:
    TagLogGroup: tag_group, "logs:TagLogGroup", access::group;
    UntagLogGroup: untag_group, "logs:UntagLogGroup", access::group;
    ListTagsLogGroup: list_of_group, "logs:ListTagsLogGroup", access::group;
    TagResource: tag_resource, "logs:TagResource", access::tagged;
    UntagResource: untag_resource, "logs:UntagResource", access::tagged;
    ListTagsForResource: list_of_resource, "logs:ListTagsForResource", access::tagged;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct TagLogGroup {
        name: String = "logGroupName",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagLogGroup {
        name: String = "logGroupName",
        keys: Vec<String> = "tags",
    }

    #[derive(Debug)]
    pub(crate) struct TagResource {
        arn: String = "resourceArn",
        tags: Pairs<String> = "tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagResource {
        arn: String = "resourceArn",
        keys: Vec<String> = "tagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct OneResource { arn: String = "resourceArn" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Pairs<String> = "tags" }
}

/// # Errors
/// `InvalidParameterException`, `TooManyTagsException`.
pub(super) fn checked(pairs: Vec<(String, String)>, resource: &str) -> Result<Tags, LogsError> {
    tag::checked(pairs).map_err(|error| worded(error, resource))
}

fn worded(error: TagError, resource: &str) -> LogsError {
    match error {
        TagError::TooMany(_) => {
            LogsError::TooManyTags(format!("{resource} can have at most {PER_RESOURCE_MAX} tags."))
        }
        TagError::ReservedPrefix(_) => {
            invalid("aws: prefixed tag key names are not allowed for external use.")
        }
        TagError::Duplicate(key) => invalid(format!("Duplicate tag key {key}.")),
        TagError::EmptyKey
        | TagError::KeyTooLong(_)
        | TagError::ValueTooLong(_)
        | TagError::BadCharacter(_) => invalid("Invalid tag key or value."),
    }
}

fn by_arn(cx: &Cx<'_>, arn: &str) -> Result<Group, LogsError> {
    let name = name_of(arn).filter(|_| arn.starts_with("arn:"));
    let name = name.ok_or_else(|| invalid("Invalid resourceArn."))?;
    named(cx, &name).map_err(|error| match error {
        LogsError::NoGroup => LogsError::NoResource,
        error => error,
    })
}

fn add(cx: &mut Cx<'_>, mut group: Group, tags: Pairs<String>) -> Result<Empty, LogsError> {
    let laid = tag::lay(&mut group.tags, tags.0, cx.caller.service_id());
    laid.map_err(|error| worded(error, &group.name))?;
    group.save(cx.tx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, mut group: Group, keys: &[String]) -> Result<Empty, LogsError> {
    tag::take(&mut group.tags, keys).map_err(|error| worded(error, &group.name))?;
    group.save(cx.tx);
    Ok(Empty)
}

fn listed(group: Group) -> TagList {
    TagList { tags: Pairs(group.tags.into_iter().collect()) }
}

fn tag_group(cx: &mut Cx<'_>, req: TagLogGroup) -> Result<Empty, LogsError> {
    let group = named(cx, &req.name)?;
    add(cx, group, req.tags)
}

fn untag_group(cx: &mut Cx<'_>, req: UntagLogGroup) -> Result<Empty, LogsError> {
    let group = named(cx, &req.name)?;
    remove(cx, group, &req.keys)
}

fn list_of_group(cx: &mut Cx<'_>, req: OneGroup) -> Result<TagList, LogsError> {
    named(cx, &req.name).map(listed)
}

fn tag_resource(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, LogsError> {
    let group = by_arn(cx, &req.arn)?;
    add(cx, group, req.tags)
}

fn untag_resource(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, LogsError> {
    let group = by_arn(cx, &req.arn)?;
    remove(cx, group, &req.keys)
}

fn list_of_resource(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, LogsError> {
    by_arn(cx, &req.arn).map(listed)
}
