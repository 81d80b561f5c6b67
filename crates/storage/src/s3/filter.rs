//! What rules are about: the filter that lifecycle, replication, metrics, analytics and tiering rules share.

use super::errors::{Denial, Refusal, S3Error};
use super::stored::stored;
use base::tag::Tags;

pub const TAG_KEY_MAX: usize = 128;
pub const TAG_VALUE_MAX: usize = 256;
const BYTES_MAX: i64 = 1_099_511_627_776_000;

stored! {
    pub struct RuleFilter {
        1 => prefix: Option<String> = "Prefix",
        2 => tag: Option<RuleTag> = "Tag",
        3 => and: Option<RuleAnd> = "And",
        4 => size_above: Option<i64> = "ObjectSizeGreaterThan",
        5 => size_below: Option<i64> = "ObjectSizeLessThan",
    }

    pub struct RuleAnd {
        1 => prefix: Option<String> = "Prefix",
        2 => tags: Vec<RuleTag> = "Tags",
        3 => size_above: Option<i64> = "ObjectSizeGreaterThan",
        4 => size_below: Option<i64> = "ObjectSizeLessThan",
    }

    /// The filter of rules that do not look at sizes.
    pub struct TagFilter {
        1 => prefix: Option<String> = "Prefix",
        2 => tag: Option<RuleTag> = "Tag",
        3 => and: Option<TagAnd> = "And",
    }

    pub struct TagAnd {
        1 => prefix: Option<String> = "Prefix",
        2 => tags: Vec<RuleTag> = "Tags",
    }

    pub struct RuleTag {
        1 => key: String = "Key",
        2 => value: String = "Value",
    }
}

/// A filter without its spelling: everything must hold.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Conditions<'a> {
    pub prefix: &'a str,
    pub tags: Vec<(&'a str, &'a str)>,
    /// Sizes in bytes, both exclusive.
    pub above: Option<u64>,
    pub below: Option<u64>,
}

impl Conditions<'_> {
    pub fn hold(&self, key: &str, size: u64, tags: &Tags) -> bool {
        key.starts_with(self.prefix)
            && self.above.is_none_or(|above| size > above)
            && self.below.is_none_or(|below| size < below)
            && self.tags.iter().all(|(key, value)| tags.get(*key).is_some_and(|v| v == value))
    }
}

fn size(bytes: Option<i64>) -> Option<u64> {
    bytes.and_then(|n| u64::try_from(n).ok())
}

fn pair(tag: &RuleTag) -> (&str, &str) {
    (&tag.key, &tag.value)
}

impl RuleFilter {
    pub fn conditions(&self) -> Conditions<'_> {
        let empty = RuleAnd::default();
        let and = self.and.as_ref();
        let both = and.unwrap_or(&empty);
        Conditions {
            prefix: self.prefix.as_deref().or(and.and_then(|a| a.prefix.as_deref())).unwrap_or_default(),
            tags: self.tag.iter().chain(and.iter().flat_map(|a| &a.tags)).map(pair).collect(),
            above: size(self.size_above.or(both.size_above)),
            below: size(self.size_below.or(both.size_below)),
        }
    }

    /// One predicate, or several within `And`.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidRequest`.
    pub fn check(&self) -> Result<(), S3Error> {
        let set = [
            self.prefix.is_some(),
            self.tag.is_some(),
            self.and.is_some(),
            self.size_above.is_some(),
            self.size_below.is_some(),
        ];
        if set.into_iter().filter(|is_set| *is_set).count() > 1 {
            return Err(Refusal::MalformedXml.into());
        }
        let and = self.and.as_ref();
        let few = |and: &RuleAnd| {
            let sizes = usize::from(and.size_above.is_some()) + usize::from(and.size_below.is_some());
            usize::from(and.prefix.is_some()) + and.tags.len() + sizes < 2
        };
        if and.is_some_and(few) {
            return Err(Refusal::MalformedXml.into());
        }
        within("ObjectSizeGreaterThan", 0, self.size_above.or(and.and_then(|and| and.size_above)))?;
        within("ObjectSizeLessThan", 1, self.size_below.or(and.and_then(|and| and.size_below)))?;
        let tags = self.tag.iter().chain(and.iter().flat_map(|and| &and.tags));
        tags.clone().try_for_each(length)?;
        unique(and.map(|and| &and.tags[..]).unwrap_or_default())
    }
}

impl TagFilter {
    pub fn conditions(&self) -> Conditions<'_> {
        let and = self.and.as_ref();
        Conditions {
            prefix: self.prefix.as_deref().or(and.and_then(|a| a.prefix.as_deref())).unwrap_or_default(),
            tags: self.tags().map(pair).collect(),
            ..Conditions::default()
        }
    }

    /// As [`RuleFilter::check`]; for rules of replication.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidRequest`.
    pub fn check(&self) -> Result<(), S3Error> {
        let set = [self.prefix.is_some(), self.tag.is_some(), self.and.is_some()];
        if set.into_iter().filter(|is_set| *is_set).count() > 1 {
            return Err(Refusal::MalformedXml.into());
        }
        self.and.as_ref().map_or(Ok(()), |and| unique(&and.tags))
    }

    /// One predicate, or several within `And`, and none that is empty; for what a bucket has several of.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidPrefix`, `InvalidAnd`.
    pub fn check_strictly(&self) -> Result<(), S3Error> {
        let set = [self.prefix.is_some(), self.tag.is_some(), self.and.is_some()];
        if set.into_iter().filter(|is_set| *is_set).count() != 1 {
            return Err(Refusal::MalformedXml.into());
        }
        let and = self.and.as_ref();
        if and.is_some_and(|and| usize::from(and.prefix.is_some()) + and.tags.len() < 2) {
            let message = "Number of Prefixes and Tags combined cannot be less than 2. And cannot contain less than 2 elements.";
            return Err(Denial::FilterAnd(message.into()).into());
        }
        if self.prefix.iter().chain(and.and_then(|and| and.prefix.as_ref())).any(String::is_empty) {
            return Err(Denial::FilterPrefix.into());
        }
        Ok(())
    }

    pub fn tags(&self) -> impl Iterator<Item = &RuleTag> {
        self.tag.iter().chain(self.and.iter().flat_map(|and| &and.tags))
    }
}

fn within(member: &str, least: i64, bytes: Option<i64>) -> Result<(), S3Error> {
    match bytes {
        Some(bytes) if !(least..=BYTES_MAX).contains(&bytes) => {
            Err(Refusal::InvalidRequest(format!("'{member}' should be between {least} and {BYTES_MAX}."))
                .into())
        }
        _ => Ok(()),
    }
}

fn length(tag: &RuleTag) -> Result<(), S3Error> {
    let message = if !(1..=TAG_KEY_MAX).contains(&tag.key.chars().count()) {
        "A Tag's Key must be a length between 1 and 128."
    } else if tag.value.chars().count() > TAG_VALUE_MAX {
        "A Tag's Value must be a length between 0 and 256."
    } else {
        return Ok(());
    };
    Err(Refusal::InvalidRequest(message.into()).into())
}

fn unique(tags: &[RuleTag]) -> Result<(), S3Error> {
    let repeated = tags.iter().enumerate().any(|(at, tag)| tags[..at].iter().any(|t| t.key == tag.key));
    if repeated {
        Err(Refusal::InvalidRequest("Duplicate Tag Keys are not allowed.".into()).into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> RuleTag {
        RuleTag { key: key.into(), value: "v".into() }
    }

    #[test]
    fn everything_must_hold() {
        let and = RuleAnd {
            prefix: Some("a/".into()),
            tags: vec![tag("k")],
            size_above: Some(10),
            size_below: None,
        };
        let filter = RuleFilter { and: Some(and), ..RuleFilter::default() };
        let tags: Tags = [("k".to_owned(), "v".to_owned())].into();
        let conditions = filter.conditions();
        assert!(conditions.hold("a/b", 11, &tags));
        assert!(!conditions.hold("b", 11, &tags));
        assert!(!conditions.hold("a/b", 10, &tags), "sizes are exclusive");
        assert!(!conditions.hold("a/b", 11, &Tags::new()));
        assert!(RuleFilter::default().conditions().hold("anything", 0, &Tags::new()));
    }

    #[test]
    fn one_predicate_or_an_and() {
        assert!(RuleFilter { prefix: Some("a".into()), ..RuleFilter::default() }.check().is_ok());
        let two = RuleFilter { prefix: Some("a".into()), tag: Some(tag("k")), ..RuleFilter::default() };
        assert_eq!(two.check().unwrap_err().code(), "MalformedXML");
        let twice = RuleAnd { tags: vec![tag("k"), tag("k")], ..RuleAnd::default() };
        let twice = RuleFilter { and: Some(twice), ..RuleFilter::default() };
        assert_eq!(twice.check().unwrap_err().message(), "Duplicate Tag Keys are not allowed.");
    }
}
