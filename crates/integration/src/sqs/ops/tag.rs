//! Tags of queues.

use crate::sqs::access;
use crate::sqs::errors::SqsError;
use crate::sqs::model::known;
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    TagQueue: tag_queue, "sqs:TagQueue", access::own_queue;
    UntagQueue: untag_queue, "sqs:UntagQueue", access::own_queue;
    ListQueueTags: list, "sqs:ListQueueTags", access::own_queue;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct TagQueue {
        url: String = "QueueUrl",
        tags: Pairs<String> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagQueue {
        url: String = "QueueUrl",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct ListQueueTags { url: String = "QueueUrl" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Option<Pairs<String>> = "Tags" }
}

/// The tags of a request.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn checked(tags: Pairs<String>) -> Result<Tags, SqsError> {
    tag::checked(tags.0).map_err(|error| {
        SqsError::Invalid(match error {
            TagError::EmptyKey => "Tag keys must be between 1 and 128 characters in length.".into(),
            TagError::KeyTooLong(_) => "Tag keys must be between 1 and 128 characters in length.".into(),
            TagError::ValueTooLong(key) => {
                format!(
                    "Tag values must be between 0 and 256 characters in length. The value of {key} is longer."
                )
            }
            TagError::ReservedPrefix(key) => {
                format!("Tag keys can't start with 'aws:'. This prefix is reserved for internal use: {key}")
            }
            TagError::BadCharacter(key) => format!("The tag {key} has characters that tags can't have."),
            TagError::Duplicate(key) => format!("The tag key {key} is there more than once."),
            TagError::TooMany(count) => too_many(count),
        })
    })
}

fn too_many(count: usize) -> String {
    format!(
        "Too many tags added for queue. You have sent {count} tags, max allowed is {}.",
        tag::PER_RESOURCE_MAX
    )
}

fn tag_queue(cx: &mut Cx<'_>, req: TagQueue) -> Result<Empty, SqsError> {
    let mut queue = known::by_url(cx, &req.url)?.queue.clone();
    queue.tags.extend(checked(req.tags)?);
    if queue.tags.len() > tag::PER_RESOURCE_MAX {
        return Err(SqsError::Invalid(too_many(queue.tags.len())));
    }
    queue.save(cx.tx);
    Ok(Empty)
}

fn untag_queue(cx: &mut Cx<'_>, req: UntagQueue) -> Result<Empty, SqsError> {
    let mut queue = known::by_url(cx, &req.url)?.queue.clone();
    queue.tags.retain(|key, _| !req.keys.contains(key));
    queue.save(cx.tx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListQueueTags) -> Result<TagList, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    let pairs: Vec<_> = known.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(TagList { tags: Some(Pairs(pairs)) })
}
