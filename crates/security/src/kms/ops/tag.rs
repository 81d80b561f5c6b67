//! Tags of keys.

use super::key::touch;
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::model::Needs;
use crate::kms::page;
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: tag_resource, "kms:TagResource", access::on_key;
    UntagResource: untag_resource, "kms:UntagResource", access::on_key;
    ListResourceTags: list_resource_tags, "kms:ListResourceTags", access::on_key;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        key: String = "TagKey",
        value: String = "TagValue",
    }

    #[derive(Debug)]
    pub(crate) struct TagResource {
        key_id: String = "KeyId",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagResource {
        key_id: String = "KeyId",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct ListResourceTags {
        key_id: String = "KeyId",
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct TagList {
        tags: Vec<Tag> = "Tags",
        next: Option<String> = "NextMarker",
        truncated: bool = "Truncated",
    }
}

/// The tags of a request as a map.
///
/// # Errors
/// `TagException`, `LimitExceededException`.
pub(crate) fn checked(tags: Vec<Tag>) -> Result<Tags, KmsError> {
    tag::checked(tags.into_iter().map(|tag| (tag.key, tag.value))).map_err(|error| match error {
        TagError::EmptyKey => KmsError::Tag("The tag key is empty.".into()),
        TagError::KeyTooLong(key) => KmsError::Tag(format!("The tag key {key} is too long.")),
        TagError::ValueTooLong(key) => KmsError::Tag(format!("The value of the tag {key} is too long.")),
        TagError::ReservedPrefix(key) => {
            KmsError::Tag(format!("The tag key {key} begins with aws:, which is reserved for AWS."))
        }
        TagError::BadCharacter(key) => {
            KmsError::Tag(format!("The tag {key} has characters that tags cannot have."))
        }
        TagError::Duplicate(key) => KmsError::Tag(format!("The tag key {key} is there more than once.")),
        TagError::TooMany(_) => too_many(),
    })
}

fn too_many() -> KmsError {
    KmsError::LimitExceeded(format!("A KMS key cannot have more than {} tags.", tag::PER_RESOURCE_MAX))
}

pub(crate) fn listed(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

fn tag_resource(cx: &mut Cx<'_>, request: TagResource) -> Result<Empty, KmsError> {
    let mut key = identify::key_that(cx, &request.key_id, Needs::Lasting)?;
    key.tags.extend(checked(request.tags)?);
    if key.tags.len() > tag::PER_RESOURCE_MAX {
        return Err(too_many());
    }
    touch(cx, &key);
    key.save(cx.tx);
    Ok(Empty)
}

fn untag_resource(cx: &mut Cx<'_>, request: UntagResource) -> Result<Empty, KmsError> {
    let mut key = identify::key_that(cx, &request.key_id, Needs::Lasting)?;
    key.tags.retain(|name, _| !request.keys.contains(name));
    touch(cx, &key);
    key.save(cx.tx);
    Ok(Empty)
}

fn list_resource_tags(cx: &mut Cx<'_>, request: ListResourceTags) -> Result<TagList, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    let list = format!("kms:ListResourceTags {}", key.arn());
    let asked = (request.limit, request.marker.as_deref(), page::SMALL);
    let (tags, next) = page::of(cx, &list, listed(&key.tags), asked, |tag| tag.key.clone())?;
    Ok(TagList { tags, truncated: next.is_some(), next })
}
