//! Tags of functions and event source mappings.

use super::mapping;
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{self, FUNCTIONS, Function, MAPPINGS, Mapping};
use crate::lambda::name::Named;
use base::Arn;
use base::tag::{self, TagError, Tags};
use kernel::{Cx, Empty};
use store::Tx;
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
    tag::checked(tags.0).map_err(worded)
}

fn worded(error: TagError) -> LambdaError {
    match error {
        TagError::TooMany(_) => invalid("Number of tags exceeds resource tag limit."),
        TagError::ReservedPrefix(_) => invalid("System tags cannot be added or updated."),
        TagError::Duplicate(key) => invalid(format!("The tag key {key} stands twice.")),
        TagError::EmptyKey => invalid("Tag keys must not be empty."),
        TagError::KeyTooLong(key) | TagError::ValueTooLong(key) => {
            invalid(format!("The tag {key} is too long."))
        }
        TagError::BadCharacter(key) => {
            invalid(format!("The tag {key} has characters that tags cannot have."))
        }
    }
}

/// What has tags.
enum Tagged {
    /// AWS: as a whole, not a version of it.
    Function(Function),
    Mapping(Mapping),
}

impl Tagged {
    fn tags(&mut self) -> &mut Tags {
        match self {
            Tagged::Function(function) => &mut function.tags,
            Tagged::Mapping(mapping) => &mut mapping.tags,
        }
    }

    fn save(&self, tx: &mut Tx) {
        match self {
            Tagged::Function(function) => FUNCTIONS.put(tx, &function.key(), function),
            Tagged::Mapping(mapping) => MAPPINGS.put(tx, &mapping.key(), mapping),
        }
    }
}

fn found(cx: &Cx<'_>, resource: &str) -> Result<Tagged, LambdaError> {
    if let Some(id) = mapping_id(resource) {
        return mapping::found(cx, &id).map(Tagged::Mapping);
    }
    let named = Named::read(cx, resource, None)?;
    if named.qualifier.is_some() {
        return Err(invalid(
            "Tags on function aliases and versions are not supported. Please specify either a function ARN or an event source mapping ARN.",
        ));
    }
    model::function(cx.tx, &named).map(Tagged::Function)
}

/// Of the ARN of an event source mapping.
pub(crate) fn mapping_id(resource: &str) -> Option<String> {
    let arn = Arn::parse(resource).filter(|arn| arn.service == "lambda")?;
    arn.resource.strip_prefix("event-source-mapping:").map(str::to_owned)
}

fn add(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, LambdaError> {
    let mut tagged = found(cx, &req.resource)?;
    tag::lay(tagged.tags(), req.tags.0, cx.caller.service_id()).map_err(worded)?;
    tagged.save(cx.tx);
    Ok(Empty)
}

fn remove(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, LambdaError> {
    let mut tagged = found(cx, &req.resource)?;
    tag::take(tagged.tags(), &req.keys).map_err(worded)?;
    tagged.save(cx.tx);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListTags) -> Result<TagList, LambdaError> {
    let mut tagged = found(cx, &req.resource)?;
    Ok(TagList { tags: Pairs(std::mem::take(tagged.tags()).into_iter().collect()) })
}
