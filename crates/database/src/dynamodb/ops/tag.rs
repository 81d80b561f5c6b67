//! Tags of tables.

use crate::dynamodb::access;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::name::Place;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::table::{Status, TABLES};
use base::tag::{PER_RESOURCE_MAX, TagError, Tags};
use kernel::Cx;
use kernel::op::Empty;
use std::sync::Arc;

kernel::ops! { pub(crate) static OPS:
    TagResource: tag_resource, "dynamodb:TagResource", access::on_arn;
    UntagResource: untag_resource, "dynamodb:UntagResource", access::on_arn;
    ListTagsOfResource: list_tags, "dynamodb:ListTagsOfResource", access::on_arn;
}

const PAGE: usize = 10;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Tag {
        pub(crate) key: String = "Key",
        pub(crate) value: String = "Value",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TagResource {
        arn: String = "ResourceArn",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct UntagResource {
        arn: String = "ResourceArn",
        keys: Vec<String> = "TagKeys",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListTags {
        arn: String = "ResourceArn",
        next: Option<String> = "NextToken",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListTagsOutput {
        tags: Vec<Tag> = "Tags",
        next: Option<String> = "NextToken",
    }
}

/// # Errors
/// `ValidationException`.
pub(crate) fn checked_tags(tags: &[Tag]) -> Result<Tags, Error> {
    let pairs = tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
    base::tag::checked(pairs).map_err(|error| match error {
        TagError::BadCharacter(key) | TagError::ValueTooLong(key)
            if base::tag::checked([(key.clone(), String::new())]).is_ok() =>
        {
            let value = tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
            validation(format!("The Tag Value provided is invalid, Value: {}", value.unwrap_or_default()))
        }
        error => refused(error),
    })
}

fn refused(error: TagError) -> Error {
    validation(match error {
        TagError::Duplicate(key) => {
            format!("Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}")
        }
        TagError::TooMany(_) => {
            "Number of Tags exceed the current limit for the provided ResourceArn".to_owned()
        }
        TagError::ReservedPrefix(key) => format!("Tag Key cannot be prefixed with aws:, Key: {key}"),
        TagError::EmptyKey => "The Tag Key provided is invalid, Key: ".to_owned(),
        TagError::BadCharacter(key) | TagError::KeyTooLong(key) | TagError::ValueTooLong(key) => {
            format!("The Tag Key provided is invalid, Key: {key}")
        }
    })
}

/// The table that an ARN names.
///
/// # Errors
/// `ResourceNotFoundException`, `ValidationException`.
pub(crate) fn table_of_arn(cx: &Cx<'_>, arn: &str) -> Result<Arc<Schema>, Error> {
    find_by_arn(cx, arn)?.ok_or_else(|| Refusal::NoSuchArn(arn.to_owned()).into())
}

/// # Errors
/// `ValidationException`.
fn find_by_arn(cx: &Cx<'_>, arn: &str) -> Result<Option<Arc<Schema>>, Error> {
    let found = schema::find(cx, &Place::read_resource(cx, arn)?)?;
    let is_there =
        |schema: &Arc<Schema>| schema.record.status != Status::Deleting && schema.record.restore.is_none();
    Ok(found.filter(is_there))
}

fn tag_resource(cx: &mut Cx<'_>, req: TagResource) -> Result<Empty, Error> {
    if req.tags.is_empty() {
        return Err(validation("Atleast one Tag needs to be provided as Input."));
    }
    let new = checked_tags(&req.tags)?;
    let mut table = table_of_arn(cx, &req.arn)?.record.clone();
    table.tags.extend(new);
    if table.tags.len() > PER_RESOURCE_MAX {
        return Err(refused(TagError::TooMany(table.tags.len())));
    }
    TABLES.put(cx.tx, &table.own_key(), &table);
    Ok(Empty)
}

fn untag_resource(cx: &mut Cx<'_>, req: UntagResource) -> Result<Empty, Error> {
    if req.keys.is_empty() {
        return Err(validation("Atleast one Tag Key needs to be provided as Input."));
    }
    for key in &req.keys {
        base::tag::checked([(key.clone(), String::new())]).map_err(refused)?;
    }
    if req.keys.len() > PER_RESOURCE_MAX {
        return Err(refused(TagError::TooMany(req.keys.len())));
    }
    // AWS: here alone the table that is not there is not named.
    let schema = find_by_arn(cx, &req.arn)?.ok_or(Refusal::NoResource)?;
    let mut table = schema.record.clone();
    table.tags.retain(|key, _| !req.keys.contains(key));
    TABLES.put(cx.tx, &table.own_key(), &table);
    Ok(Empty)
}

fn list_tags(cx: &mut Cx<'_>, req: ListTags) -> Result<ListTagsOutput, Error> {
    let schema = table_of_arn(cx, &req.arn)?;
    let list = format!("dynamodb tags of {}", req.arn);
    // AWS: recorded; a token that is none is as good as no token.
    let position = req.next.as_ref().and_then(|token| cx.pager().position(&list, token).ok());
    let after = position.and_then(|position| String::from_utf8(position).ok());
    let mut rest =
        schema.record.tags.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
    let tags: Vec<Tag> =
        rest.by_ref().take(PAGE).map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    let more = rest.next().is_some();
    let next = tags.last().filter(|_| more).map(|tag| cx.pager().token(&list, tag.key.as_bytes()));
    Ok(ListTagsOutput { tags, next })
}
