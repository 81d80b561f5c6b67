//! Tags of parameters.

use super::home;
use crate::ssm::access;
use crate::ssm::errors::{SsmError, invalid};
use crate::ssm::model::Parameter;
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    AddTagsToResource: add, "ssm:AddTagsToResource", access::tagged;
    RemoveTagsFromResource: remove, "ssm:RemoveTagsFromResource", access::tagged;
    ListTagsForResource: list, "ssm:ListTagsForResource", access::tagged;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        key: String = "Key",
        value: String = "Value",
    }

    #[derive(Debug)]
    pub(crate) struct AddTags {
        kind: String = "ResourceType",
        id: String = "ResourceId",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct RemoveTags {
        kind: String = "ResourceType",
        id: String = "ResourceId",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct OneResource {
        kind: String = "ResourceType",
        id: String = "ResourceId",
    }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Vec<Tag> = "TagList" }
}

/// # Errors
/// `ValidationException`, `TooManyTagsError`.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, SsmError> {
    tag::checked(tags.into_iter().map(|tag| (tag.key, tag.value))).map_err(worded)
}

fn worded(error: TagError) -> SsmError {
    match error {
        TagError::TooMany(_) => SsmError::TooManyTags,
        error => invalid(format!("The tags are invalid: {error:?}.")),
    }
}

/// # Errors
/// `InvalidResourceType` for what is no parameter, `InvalidResourceId` for what is none of the account's.
fn tagged(cx: &Cx<'_>, kind: &str, id: &str) -> Result<Parameter, SsmError> {
    if kind != "Parameter" {
        return Err(SsmError::ResourceType(format!("Resources of the type {kind} are not built.")));
    }
    Parameter::load(cx.tx, home(cx), id)?.ok_or_else(|| {
        SsmError::ResourceId(format!("The resource ID \"{id}\" is not valid. Verify the ID and try again."))
    })
}

fn add(cx: &mut Cx<'_>, req: AddTags) -> Result<Empty, SsmError> {
    let mut parameter = tagged(cx, &req.kind, &req.id)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(&mut parameter.tags, pairs, cx.caller.service_id()).map_err(worded)?;
    parameter.save(cx.tx, home(cx));
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: RemoveTags) -> Result<Empty, SsmError> {
    let mut parameter = tagged(cx, &req.kind, &req.id)?;
    tag::take(&mut parameter.tags, &req.keys).map_err(worded)?;
    parameter.save(cx.tx, home(cx));
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, SsmError> {
    let parameter = tagged(cx, &req.kind, &req.id)?;
    Ok(TagList { tags: parameter.tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}
