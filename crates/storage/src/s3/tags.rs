//! Tags of buckets and objects: their rules, and how S3 words them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use super::errors::{Denial, Refusal, S3Error};
use base::tag::{self, TagError, Tags};

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct TagView {
        pub key: String = "Key",
        pub value: String = "Value",
    }

    #[derive(Clone, Debug)]
    pub struct Tagging {
        pub tags: Vec<TagView> = "TagSet",
    }
}

/// AWS: ten tags for an object, fifty for a bucket.
pub const OF_OBJECT_MAX: usize = 10;
pub const OF_BUCKET_MAX: usize = 50;

/// Tags as they are shown.
pub fn views(tags: &Tags) -> Vec<TagView> {
    tags.iter().map(|(key, value)| TagView { key: key.clone(), value: value.clone() }).collect()
}

/// Checks the tags of a bucket or an object.
///
/// # Errors
/// `InvalidTag`, `BadRequest` for too many.
pub fn checked(pairs: impl IntoIterator<Item = (String, String)>, max: usize) -> Result<Tags, S3Error> {
    let pairs: Vec<(String, String)> = pairs.into_iter().collect();
    let tags = tag::checked(pairs.iter().cloned()).map_err(|error| match error {
        TagError::TooMany(_) => too_many(max),
        error => refused(&error, &pairs, max),
    })?;
    if tags.len() > max { Err(too_many(max)) } else { Ok(tags) }
}

/// The tags of an XML document.
///
/// # Errors
/// As [`checked`].
pub fn of_views(views: Vec<TagView>, max: usize) -> Result<Tags, S3Error> {
    checked(views.into_iter().map(|tag| (tag.key, tag.value)), max)
}

/// With the key of the tag, and with its value where that is what is wrong.
fn refused(error: &TagError, pairs: &[(String, String)], max: usize) -> S3Error {
    let key = key(error);
    let value = pairs.iter().find(|(own, _)| *own == key).map(|(_, value)| value).filter(|_| match error {
        TagError::ValueTooLong(_) => true,
        // The tag's key is good by itself.
        TagError::BadCharacter(_) => tag::checked([(key.clone(), String::new())]).is_ok(),
        _ => false,
    });
    let words = match (value, error) {
        (Some(_), _) => "The TagValue you have provided is invalid",
        (None, TagError::ReservedPrefix(_)) if max == OF_OBJECT_MAX => {
            "Your TagKey cannot be prefixed with aws:"
        }
        (None, error) => words(error),
    };
    let refusal = S3Error::from(Refusal::InvalidTag(words.to_owned())).with("TagKey", key);
    match value {
        Some(value) => refusal.with("TagValue", value.clone()),
        None => refusal,
    }
}

fn too_many(max: usize) -> S3Error {
    let whose = if max == OF_OBJECT_MAX { "Object" } else { "Bucket" };
    Denial::TagsTooMany(format!("{whose} tags cannot be greater than {max}")).into()
}

fn words(error: &TagError) -> &'static str {
    match error {
        TagError::EmptyKey | TagError::KeyTooLong(_) => "The TagKey you have provided is invalid",
        TagError::ValueTooLong(_) => "The TagValue you have provided is invalid",
        TagError::ReservedPrefix(_) => "System tags cannot be added/updated by requester",
        TagError::BadCharacter(_) => "The TagKey you have provided is invalid",
        TagError::Duplicate(_) => "Cannot provide multiple Tags with the same key",
        TagError::TooMany(_) => "Object tags cannot be greater than 10",
    }
}

fn key(error: &TagError) -> String {
    match error {
        TagError::KeyTooLong(key)
        | TagError::ValueTooLong(key)
        | TagError::ReservedPrefix(key)
        | TagError::BadCharacter(key)
        | TagError::Duplicate(key) => key.clone(),
        TagError::EmptyKey | TagError::TooMany(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_s3_words_it() {
        let said = |pairs: &[(&str, &str)], max| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            let error = checked(pairs, max).unwrap_err();
            (error.code().to_owned(), error.message().to_owned())
        };
        assert_eq!(said(&[("aws:a", "")], 10).1, "Your TagKey cannot be prefixed with aws:");
        assert_eq!(said(&[("aws:a", "")], 50).1, "System tags cannot be added/updated by requester");
        assert_eq!(said(&[("a", ""), ("a", "")], 10).1, "Cannot provide multiple Tags with the same key");
        assert_eq!(said(&[("a?", "")], 10).1, "The TagKey you have provided is invalid");
        assert_eq!(said(&[("a", "?")], 10).1, "The TagValue you have provided is invalid");
        let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let pairs: Vec<(&str, &str)> = many.iter().map(|k| (k.as_str(), "")).collect();
        assert_eq!(said(&pairs, 10), ("BadRequest".into(), "Object tags cannot be greater than 10".into()));
    }
}
