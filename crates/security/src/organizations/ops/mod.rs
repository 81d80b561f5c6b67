//! The handlers of Organizations, one file for each family; access and errors stand beside this folder.

pub mod account;
pub mod account_list;
pub mod attachment;
pub mod handshake;
pub mod organization;
pub mod policy;
pub mod policy_type;
pub mod tag;
pub mod trusted;
pub mod unit;

use super::errors::{OrgError, Plain};
use super::model::Kind;
use base::tag::{TagError, Tags, checked};

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct Tag {
        pub key: String = "Key",
        pub value: String = "Value",
    }
}

/// Checks the tags of one request.
fn tags(tags: Vec<Tag>) -> Result<Tags, OrgError> {
    checked(tags.into_iter().map(|tag| (tag.key, tag.value))).map_err(|error| tag_error(&error))
}

fn tag_error(error: &TagError) -> OrgError {
    match error {
        TagError::Duplicate(_) => OrgError::input(
            "DUPLICATE_TAG_KEY",
            "You provided an invalid value. Your request includes duplicate tag keys.",
        ),
        TagError::ReservedPrefix(_) => OrgError::input(
            "INVALID_SYSTEM_TAGS_PARAMETER",
            "You specified a tag key that is reserved for system use. Tag keys must not begin with aws:.",
        ),
        TagError::TooMany(_) => OrgError::constraint(
            "MAX_TAG_LIMIT_EXCEEDED",
            "You have exceeded the number of tags allowed on this resource.",
        ),
        TagError::EmptyKey
        | TagError::KeyTooLong(_)
        | TagError::ValueTooLong(_)
        | TagError::BadCharacter(_) => OrgError::input("INVALID_PATTERN", "You provided an invalid value."),
    }
}

/// The policy type, if it is one that acts here.
fn kind(name: &str) -> Result<Kind, OrgError> {
    Kind::parse(name).ok_or_else(|| Plain::TypeNotBuilt(name.to_owned()).into())
}
