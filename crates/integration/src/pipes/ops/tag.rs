//! Tags of pipes.

use crate::pipes::access;
use crate::pipes::errors::{PipesError, invalid};
use crate::pipes::model::Pipe;
use base::Arn;
use base::tag::{self, PER_RESOURCE_MAX, TagError, Tags};
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "pipes:TagResource", access::tagged;
    UntagResource: remove, "pipes:UntagResource", access::tagged;
    ListTagsForResource: list, "pipes:ListTagsForResource", access::tagged;
}

wire::shape! {
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
/// `ValidationException`.
pub(super) fn checked(tags: Pairs<String>) -> Result<Tags, PipesError> {
    tag::checked(tags.0).map_err(worded)
}

fn worded(error: TagError) -> PipesError {
    invalid(match error {
        TagError::TooMany(_) => format!("A resource can have at most {PER_RESOURCE_MAX} tags."),
        error => format!("The tags are not valid: {error:?}."),
    })
}

/// # Errors
/// `NotFoundException` for what is no pipe of the caller's.
pub(in crate::pipes) fn find(cx: &Cx<'_>, text: &str) -> Result<Pipe, PipesError> {
    let gone = || PipesError::NoResource(text.to_owned());
    let arn = Arn::parse(text).ok_or_else(gone)?;
    let name = arn.resource.strip_prefix("pipe/").ok_or_else(gone)?;
    let found = Pipe::load(cx.tx, (cx.account, cx.region), name)?;
    found.filter(|pipe| pipe.arn() == text).ok_or_else(gone)
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, PipesError> {
    let mut pipe = find(cx, &req.arn)?;
    tag::lay(&mut pipe.tags, req.tags.0, cx.caller.service_id()).map_err(worded)?;
    pipe.save(cx.tx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, PipesError> {
    let mut pipe = find(cx, &req.arn)?;
    tag::take(&mut pipe.tags, &req.keys).map_err(worded)?;
    pipe.save(cx.tx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: OneResource) -> Result<TagList, PipesError> {
    Ok(TagList { tags: Pairs(find(cx, &req.arn)?.tags.into_iter().collect()) })
}
