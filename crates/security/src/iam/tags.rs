//! Tags in IAM's words. Keys are unique without regard to case and keep the case in which they were last written.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>

use super::IamError;
use super::page::Page;
use base::tag::{self, TagError, Tags};

wire::shape! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Tag {
        pub key: String = "Key",
        pub value: String = "Value",
    }

    /// The answer of every `List...Tags`.
    #[derive(Clone, Debug)]
    pub struct TagPage {
        pub tags: Vec<Tag> = "Tags",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }
}

impl From<Page<Tag>> for TagPage {
    fn from(page: Page<Tag>) -> TagPage {
        let (tags, is_truncated, marker) = page.parts();
        TagPage { tags, is_truncated, marker }
    }
}

/// The tags of a request on their own.
///
/// # Errors
/// `InvalidInput` for a key that comes twice, begins with `aws:` or holds a character that no tag may hold.
pub fn checked(tags: Vec<Tag>) -> Result<Tags, IamError> {
    let mut seen: Vec<String> = tags.iter().map(|tag| tag.key.to_lowercase()).collect();
    seen.sort_unstable();
    if seen.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(duplicate());
    }
    tag::checked(tags.into_iter().map(|tag| (tag.key, tag.value))).map_err(worded)
}

/// Lays `new` over `tags`. `quota` is the name of the quota: `TagsPerUser`.
///
/// # Errors
/// Those of [`checked`]; `LimitExceeded` beyond fifty tags.
pub fn add(tags: &mut Tags, new: Vec<Tag>, quota: &str) -> Result<(), IamError> {
    for (key, value) in checked(new)? {
        remove_one(tags, &key);
        tags.insert(key, value);
    }
    if tags.len() > tag::PER_RESOURCE_MAX {
        return Err(super::quota(quota, tag::PER_RESOURCE_MAX));
    }
    Ok(())
}

/// Removes what is there of `keys`; the others are no error.
pub fn remove(tags: &mut Tags, keys: &[String]) {
    for key in keys {
        remove_one(tags, key);
    }
}

fn remove_one(tags: &mut Tags, key: &str) {
    let key = key.to_lowercase();
    tags.retain(|name, _| name.to_lowercase() != key);
}

/// For an answer; `None` leaves the member out.
pub fn shown(tags: &Tags) -> Option<Vec<Tag>> {
    if tags.is_empty() { None } else { Some(list(tags)) }
}

/// All tags by key.
pub fn list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

fn duplicate() -> IamError {
    IamError::InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.".into())
}

fn worded(error: TagError) -> IamError {
    match error {
        TagError::Duplicate(_) => duplicate(),
        TagError::ReservedPrefix(_) => {
            IamError::InvalidInput("aws: prefixed tag key names are not allowed for external use.".into())
        }
        TagError::EmptyKey => IamError::InvalidInput("A tag key must not be empty.".into()),
        TagError::KeyTooLong(key) => IamError::InvalidInput(format!("The tag key {key} is too long.")),
        TagError::ValueTooLong(key) => {
            IamError::InvalidInput(format!("The value of the tag {key} is too long."))
        }
        TagError::BadCharacter(key) => {
            IamError::InvalidInput(format!("The tag {key} holds a character that tags may not hold."))
        }
        TagError::TooMany(_) => super::quota("TagsPerResource", tag::PER_RESOURCE_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tag, Tags, add, checked, remove};
    use crate::iam::IamError;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn keys_are_one_whatever_their_case() {
        let twice = checked(vec![tag("Team", "a"), tag("team", "b")]);
        let words = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        assert_eq!(twice, Err(IamError::InvalidInput(words.into())));
        let mut tags = Tags::from([("Team".into(), "a".into())]);
        add(&mut tags, vec![tag("TEAM", "b")], "TagsPerUser").unwrap();
        assert_eq!(tags, Tags::from([("TEAM".into(), "b".into())]));
        remove(&mut tags, &["team".into(), "other".into()]);
        assert_eq!(tags, Tags::new());
    }

    #[test]
    fn fifty_and_no_more() {
        let mut tags = Tags::new();
        add(&mut tags, (0..50).map(|i| tag(&format!("k{i}"), "")).collect(), "TagsPerUser").unwrap();
        add(&mut tags, vec![tag("k7", "again")], "TagsPerUser").unwrap();
        let full = add(&mut tags, vec![tag("one more", "")], "TagsPerUser");
        assert_eq!(full, Err(IamError::LimitExceeded("Cannot exceed quota for TagsPerUser: 50".into())));
    }
}
