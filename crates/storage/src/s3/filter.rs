//! What rules are about: the filter that lifecycle, replication, metrics, analytics and tiering rules share.

use super::errors::{Refusal, S3Error};
use super::stored::stored;
use base::tag::Tags;

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
        let Some(and) = &self.and else { return Ok(()) };
        let sizes = usize::from(and.size_above.is_some()) + usize::from(and.size_below.is_some());
        if usize::from(and.prefix.is_some()) + and.tags.len() + sizes < 2 {
            return Err(Refusal::MalformedXml.into());
        }
        unique(&and.tags)
    }
}

impl TagFilter {
    pub fn conditions(&self) -> Conditions<'_> {
        let and = self.and.as_ref();
        Conditions {
            prefix: self.prefix.as_deref().or(and.and_then(|a| a.prefix.as_deref())).unwrap_or_default(),
            tags: self.tag.iter().chain(and.iter().flat_map(|a| &a.tags)).map(pair).collect(),
            ..Conditions::default()
        }
    }

    /// As [`RuleFilter::check`].
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
