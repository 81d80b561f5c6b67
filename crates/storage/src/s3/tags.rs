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

/// The tags of a bucket once these are put. What AWS has set stays: who puts tags has to say it as it is, and a service
/// that puts tags of its own puts only those.
///
/// # Errors
/// As [`checked`].
pub fn put(before: &Tags, views: Vec<TagView>, service: Option<&str>) -> Result<Tags, S3Error> {
    let is_there = |view: &TagView| tag::is_reserved(&view.key) && before.get(&view.key) == Some(&view.value);
    if service.is_some_and(|_| views.iter().all(|view| tag::is_own(service, &view.key))) {
        let mut tags = before.clone();
        tags.extend(views.into_iter().map(|view| (view.key, view.value)));
        return Ok(tags);
    }
    let (kept, own): (Vec<_>, Vec<_>) = views.into_iter().partition(is_there);
    let mut tags = of_views(own, OF_BUCKET_MAX)?;
    tags.extend(kept.into_iter().map(|view| (view.key, view.value)));
    match before.keys().any(|key| tag::is_reserved(key) && !tags.contains_key(key)) {
        true => Err(Refusal::InvalidTag("System Tags cannot be removed by requester".to_owned()).into()),
        false => Ok(tags),
    }
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
    let what = if max == OF_OBJECT_MAX { "Object tags" } else { "Bucket tag count" };
    Denial::TagsTooMany(format!("{what} cannot be greater than {max}")).into()
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
    fn what_aws_has_set_is_said_as_it_is_or_nothing_is_put() {
        let of = |pairs: &[(&str, &str)]| -> Vec<TagView> {
            let view = |(key, value): &(&str, &str)| TagView { key: (*key).into(), value: (*value).into() };
            pairs.iter().map(view).collect()
        };
        let system = ("aws:cloudformation:stack-name", "s");
        let before = put(&Tags::new(), of(&[("a", "1")]), None).unwrap();
        let before = put(&before, of(&[system]), Some("cloudformation")).unwrap();
        assert_eq!(before.len(), 2);
        let said = |pairs: &[(&str, &str)]| put(&before, of(pairs), None).unwrap_err().message().to_owned();
        assert_eq!(said(&[("b", "2")]), "System Tags cannot be removed by requester");
        assert_eq!(said(&[(system.0, "t")]), "System tags cannot be added/updated by requester");
        assert_eq!(said(&[system, ("aws:a", "")]), "System tags cannot be added/updated by requester");
        let after = put(&before, of(&[system, ("b", "2")]), None).unwrap();
        assert_eq!(after.keys().map(String::as_str).collect::<Vec<_>>(), [system.0, "b"]);
        let many: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let mut full: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
        full.push(system);
        assert_eq!(put(&before, of(&full), None).unwrap().len(), 51);
    }

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
