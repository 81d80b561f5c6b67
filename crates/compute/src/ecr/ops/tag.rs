//! Tags of repositories.

use super::super::access;
use crate::ecr::errors::{EcrError, invalid};
use crate::ecr::model::{REPOSITORIES, Repository};
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "ecr:TagResource", access::tagged;
    UntagResource: remove, "ecr:UntagResource", access::tagged;
    ListTagsForResource: list, "ecr:ListTagsForResource", access::tagged;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        key: String = "Key",
        value: String = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct AddTags {
        arn: String = "resourceArn",
        tags: Vec<Tag> = "tags",
    }

    #[derive(Debug)]
    pub(crate) struct RemoveTags {
        arn: String = "resourceArn",
        keys: Vec<String> = "tagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct ListTags { arn: String = "resourceArn" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Vec<Tag> = "tags" }
}

/// # Errors
/// `InvalidTagParameterException`, `TooManyTagsException`
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, EcrError> {
    tag::checked(tags.into_iter().map(|tag| (tag.key, tag.value))).map_err(worded)
}

fn worded(error: TagError) -> EcrError {
    match error {
        TagError::TooMany(_) => EcrError::TooManyTags,
        error => EcrError::InvalidTag(format!("Invalid tag: {error:?}")),
    }
}

fn found(cx: &Cx<'_>, arn: &str) -> Result<Repository, EcrError> {
    let place = access::place(arn).filter(|(_, region, _)| *region == cx.region);
    let (account, region, name) = place.ok_or_else(|| invalid("resourceArn", "Invalid ARN"))?;
    let found = REPOSITORIES.get(cx.tx, &Repository::key_of(account, region, &name))?;
    found.ok_or_else(|| EcrError::NoRepository(name, account.to_string()))
}

fn add(cx: &mut Cx<'_>, req: AddTags) -> Result<Empty, EcrError> {
    let mut repository = found(cx, &req.arn)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(&mut repository.tags, pairs, cx.caller.service_id()).map_err(worded)?;
    repository.save(cx.tx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: RemoveTags) -> Result<Empty, EcrError> {
    let mut repository = found(cx, &req.arn)?;
    tag::take(&mut repository.tags, &req.keys).map_err(worded)?;
    repository.save(cx.tx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListTags) -> Result<TagList, EcrError> {
    let repository = found(cx, &req.arn)?;
    Ok(TagList { tags: repository.tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
