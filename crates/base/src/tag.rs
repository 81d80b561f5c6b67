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

/// Whether a key belongs to AWS: such a tag is for services to set alone, and does not count.
pub fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// Whether a key is the own one of a service: `aws:cloudformation:stack-name` is `cloudformation`'s.
pub fn is_own(service: Option<&str>, key: &str) -> bool {
    let own = service.and_then(|service| key.strip_prefix("aws:")?.strip_prefix(service));
    own.is_some_and(|rest| rest.starts_with(':'))
}

/// How many of them count.
pub fn counted(tags: &Tags) -> usize {
    tags.keys().filter(|key| !is_reserved(key)).count()
}

/// Lays the tags of a request over those of a resource. `service` is the one that asks in its own name, if one does: it
/// has keys of its own.
///
/// # Errors
/// The first [`TagError`] found.
pub fn lay(
    tags: &mut Tags,
    pairs: impl IntoIterator<Item = (String, String)>,
    service: Option<&str>,
) -> Result<(), TagError> {
    tags.extend(checked_for(pairs, service)?);
    match counted(tags) {
        count if count > PER_RESOURCE_MAX => Err(TagError::TooMany(count)),
        _ => Ok(()),
    }
}

/// Takes tags away by their keys; those that are not there are no error.
///
/// # Errors
/// [`TagError::ReservedPrefix`]
pub fn take(tags: &mut Tags, keys: &[String]) -> Result<(), TagError> {
    match keys.iter().find(|key| is_reserved(key)) {
        Some(key) => Err(TagError::ReservedPrefix(key.clone())),
        None => {
            tags.retain(|key, _| !keys.contains(key));
            Ok(())
        }
    }
}

/// Checks the tags of one request in their order, and returns them as a map.
///
/// # Errors
/// The first [`TagError`] found.
pub fn checked(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Tags, TagError> {
    checked_for(pairs, None)
}

fn checked_for(
    pairs: impl IntoIterator<Item = (String, String)>,
    service: Option<&str>,
) -> Result<Tags, TagError> {
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
        if is_reserved(&key) && !is_own(service, &key) {
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
    use super::{TagError, Tags, checked, counted, lay, take};

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn good_tags_become_a_map() {
        let tags = checked(pairs(&[("team", "blau"), ("größe", "")])).unwrap();
        assert_eq!(tags.get("team").map(String::as_str), Some("blau"));
    }

    #[test]
    fn what_is_of_a_service_is_for_it_alone_and_does_not_count() {
        let mut tags = Tags::new();
        let own = pairs(&[("aws:cloudformation:stack-name", "s")]);
        let service = Some("cloudformation");
        assert!(matches!(lay(&mut tags, own.clone(), None), Err(TagError::ReservedPrefix(_))));
        assert!(matches!(lay(&mut tags, own.clone(), Some("lambda")), Err(TagError::ReservedPrefix(_))));
        lay(&mut tags, own, service).unwrap();
        for other in ["aws:cloudformationx", "aws:cloudformation", "AWS:cloudformation:a"] {
            assert!(lay(&mut tags, pairs(&[(other, "")]), service).is_err(), "{other}");
        }
        lay(&mut tags, (0..50).map(|i| (format!("k{i}"), String::new())), None).unwrap();
        assert_eq!((tags.len(), counted(&tags)), (51, 50));
        assert_eq!(lay(&mut tags, pairs(&[("more", "")]), None), Err(TagError::TooMany(51)));
        let reserved = "aws:cloudformation:stack-name".to_owned();
        assert_eq!(
            take(&mut tags, &["k1".into(), reserved.clone()]),
            Err(TagError::ReservedPrefix(reserved.clone()))
        );
        take(&mut tags, &["k1".into(), "nothing".into()]).unwrap();
        assert!(tags.contains_key(&reserved) && !tags.contains_key("k1"));
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
