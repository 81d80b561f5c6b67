//! Tags of topics.

use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{Place, TOPICS, Topic};
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    TagResource: tag_resource, "sns:TagResource", access::resource;
    UntagResource: untag_resource, "sns:UntagResource", access::resource;
    ListTagsForResource: list, "sns:ListTagsForResource", access::resource;
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
    pub(crate) struct ListTags { arn: String = "ResourceArn" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Vec<Tag> = "Tags" }
}

/// # Errors
/// `InvalidParameter`, `TagLimitExceeded`.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, SnsError> {
    tag::checked(tags.into_iter().map(|tag| (tag.key, tag.value))).map_err(worded)
}

fn worded(error: TagError) -> SnsError {
    match error {
        TagError::Duplicate(_) => invalid("Duplicated keys are not allowed."),
        TagError::TooMany(_) => SnsError::TooManyTags,
        TagError::ReservedPrefix(key) => invalid(format!("Tag keys must not begin with aws: {key}")),
        TagError::EmptyKey => invalid("Tag keys must not be empty."),
        TagError::KeyTooLong(key) | TagError::ValueTooLong(key) => {
            invalid(format!("The tag {key} is too long."))
        }
        TagError::BadCharacter(key) => {
            invalid(format!("The tag {key} has characters that tags cannot have."))
        }
    }
}

fn topic(cx: &Cx<'_>, arn: &str) -> Result<Topic, SnsError> {
    let place = Place::read(arn, "ResourceArn")?;
    TOPICS.get(cx.tx, &place.key())?.ok_or(SnsError::NoResource)
}

fn tag_resource(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, SnsError> {
    let mut topic = topic(cx, &req.arn)?;
    let pairs = req.tags.into_iter().map(|tag| (tag.key, tag.value));
    tag::lay(&mut topic.tags, pairs, cx.caller.service_id()).map_err(worded)?;
    TOPICS.put(cx.tx, &topic.key(), &topic);
    Ok(Empty)
}

fn untag_resource(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, SnsError> {
    let mut topic = topic(cx, &req.arn)?;
    tag::take(&mut topic.tags, &req.keys).map_err(worded)?;
    TOPICS.put(cx.tx, &topic.key(), &topic);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListTags) -> Result<TagList, SnsError> {
    let topic = topic(cx, &req.arn)?;
    let tags = topic.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(TagList { tags })
}
