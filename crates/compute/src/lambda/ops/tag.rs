//! Tags of functions.

use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{self, FUNCTIONS, Function};
use crate::lambda::name::Named;
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    TagResource: add, "lambda:TagResource", access::resource;
    UntagResource: remove, "lambda:UntagResource", access::resource;
    ListTags: list, "lambda:ListTags", access::resource;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct TagResource {
        resource: String = "Resource",
        tags: Pairs<String> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct UntagResource {
        resource: String = "Resource",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Debug)]
    pub(crate) struct ListTags { resource: String = "Resource" }

    #[derive(Debug)]
    pub(crate) struct TagList { tags: Pairs<String> = "Tags" }
}

/// # Errors
/// `InvalidParameterValueException`
pub(crate) fn checked(tags: Pairs<String>) -> Result<Tags, LambdaError> {
    tag::checked(tags.0).map_err(|error| match error {
        TagError::TooMany(_) => too_many(),
        TagError::ReservedPrefix(_) => invalid("System tags cannot be added or updated."),
        TagError::Duplicate(key) => invalid(format!("The tag key {key} stands twice.")),
        TagError::EmptyKey => invalid("Tag keys must not be empty."),
        TagError::KeyTooLong(key) | TagError::ValueTooLong(key) => {
            invalid(format!("The tag {key} is too long."))
        }
        TagError::BadCharacter(key) => {
            invalid(format!("The tag {key} has characters that tags cannot have."))
        }
    })
}

fn too_many() -> LambdaError {
    invalid("Number of tags exceeds resource tag limit.")
}

/// AWS: tags are a function's, not a version's.
fn found(cx: &Cx<'_>, resource: &str) -> Result<Function, LambdaError> {
    let named = Named::read(cx, resource, None)?;
    if named.qualifier.is_some() {
        return Err(invalid(
            "Tags on function aliases and versions are not supported. Please specify either a function ARN or an event source mapping ARN.",
        ));
    }
    model::function(cx.tx, &named)
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, LambdaError> {
    let mut function = found(cx, &req.resource)?;
    function.tags.extend(checked(req.tags)?);
    if function.tags.len() > tag::PER_RESOURCE_MAX {
        return Err(too_many());
    }
    FUNCTIONS.put(cx.tx, &function.key(), &function);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, LambdaError> {
    let mut function = found(cx, &req.resource)?;
    function.tags.retain(|key, _| !req.keys.contains(key));
    FUNCTIONS.put(cx.tx, &function.key(), &function);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListTags) -> Result<TagList, LambdaError> {
    let function = found(cx, &req.resource)?;
    Ok(TagList { tags: Pairs(function.tags.into_iter().collect()) })
}
