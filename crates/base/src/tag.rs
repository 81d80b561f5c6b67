//! Resource tags: keys of 1 to 128 characters, values of 0 to 256, fifty to a resource.
//!
//! AWS: <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use std::collections::BTreeMap;

/// Tags of one resource, ordered by key.
pub type Tags = BTreeMap<String, String>;

pub const KEY_CHARS_MAX: usize = 128;
pub const VALUE_CHARS_MAX: usize = 256;
pub const PER_RESOURCE_MAX: usize = 50;

/// Why a set of tags is refused. Each service words it in its own error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TagError {
    EmptyKey,
    KeyTooLong(String),
    ValueTooLong(String),
    /// Keys that begin with `aws:` (in any case) belong to AWS.
    ReservedPrefix(String),
    BadCharacter(String),
    Duplicate(String),
    TooMany(usize),
}

/// Letters, digits, white space and `_ . : / = + - @` of any script: the set that all services share.
fn is_tag_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
}

/// Checks the tags of one request in their order, and returns them as a map.
///
/// # Errors
/// The first [`TagError`] found.
pub fn checked(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Tags, TagError> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        if key.is_empty() {
            return Err(TagError::EmptyKey);
        }
        if key.chars().count() > KEY_CHARS_MAX {
            return Err(TagError::KeyTooLong(key));
        }
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(TagError::ValueTooLong(key));
        }
        if key.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("aws:")) {
            return Err(TagError::ReservedPrefix(key));
        }
        if !is_tag_text(&key) || !is_tag_text(&value) {
            return Err(TagError::BadCharacter(key));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(TagError::Duplicate(key));
        }
    }
    if tags.len() > PER_RESOURCE_MAX {
        return Err(TagError::TooMany(tags.len()));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::{TagError, checked};

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn good_tags_become_a_map() {
        let tags = checked(pairs(&[("team", "blau"), ("größe", "")])).unwrap();
        assert_eq!(tags.get("team").map(String::as_str), Some("blau"));
    }

    #[test]
    fn each_rule_has_its_error() {
        assert_eq!(checked(pairs(&[("", "x")])), Err(TagError::EmptyKey));
        assert_eq!(checked(pairs(&[("AWS:x", "x")])), Err(TagError::ReservedPrefix("AWS:x".into())));
        assert_eq!(checked(pairs(&[("a", "1"), ("a", "2")])), Err(TagError::Duplicate("a".into())));
        assert_eq!(checked(pairs(&[("a", "<>")])), Err(TagError::BadCharacter("a".into())));
        let long = "k".repeat(129);
        assert_eq!(checked(pairs(&[(&long, "")])), Err(TagError::KeyTooLong(long.clone())));
        let many = (0..51).map(|i| (format!("k{i}"), String::new()));
        assert_eq!(checked(many), Err(TagError::TooMany(51)));
    }
}
