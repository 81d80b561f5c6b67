//! Tags in requests and answers: `TagSpecifications` on creation, and the rules of EC2 for keys and values.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>

use crate::errors::{Ec2Error, Plain};
use crate::kind::{Kind, LAUNCH_TEMPLATE};
use base::tag::{KEY_CHARS_MAX, PER_RESOURCE_MAX, Tags, VALUE_CHARS_MAX, counted, is_own, is_reserved};
use kernel::identity::Caller;

wire::shape! {
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Tag {
        pub key: Option<String> = "Key",
        pub value: Option<String> = "Value",
    }

    #[derive(Clone, Debug)]
    pub struct TagSpecification {
        pub resource_type: Option<String> = "ResourceType",
        pub tags: Vec<Tag> = "Tags",
    }
}

const RESERVED: &str = "Tag keys starting with 'aws:' are reserved for internal use";

/// The tags as an answer shows them.
pub fn view(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// The same of what AWS shows without `Tags` where there are none.
pub fn if_any(tags: &Tags) -> Option<Vec<Tag>> {
    (!tags.is_empty()).then(|| view(tags))
}

/// The tags of what is shown, whether or not it always shows them.
pub trait Tagged {
    fn listed(&self) -> &[Tag];
}

impl Tagged for Vec<Tag> {
    fn listed(&self) -> &[Tag] {
        self
    }
}

impl Tagged for Option<Vec<Tag>> {
    fn listed(&self) -> &[Tag] {
        self.as_deref().unwrap_or_default()
    }
}

/// Takes away what nobody but AWS has set.
pub(crate) fn clear(tags: &mut Tags) {
    tags.retain(|key, _| is_reserved(key));
}

/// The tags of one list, checked.
///
/// # Errors
/// `InvalidParameterValue`, `InvalidTagKey.Malformed`, `TagLimitExceeded`.
pub fn checked(tags: &[Tag]) -> Result<Tags, Ec2Error> {
    checked_of(tags, |_| false)
}

/// The same of tags that this caller sets.
pub(crate) fn checked_by(caller: &Caller, tags: &[Tag]) -> Result<Tags, Ec2Error> {
    checked_of(tags, |key| is_own(caller.service_id(), key))
}

fn checked_of(tags: &[Tag], is_own: impl Fn(&str) -> bool) -> Result<Tags, Ec2Error> {
    let mut out = Tags::new();
    for tag in tags {
        let key = tag.key.as_deref().unwrap_or_default();
        if !is_own(key) {
            check_key(key)?;
        }
        let value = tag.value.as_deref().unwrap_or_default();
        if value.chars().count() > VALUE_CHARS_MAX {
            let what = format!("Tag value exceeds the maximum length of {VALUE_CHARS_MAX} characters");
            return Err(Plain::InvalidParameterValue(what).into());
        }
        if out.insert(key.to_owned(), value.to_owned()).is_some() {
            let what = format!("Duplicate tag key '{key}' specified.");
            return Err(Plain::InvalidParameterValue(what).into());
        }
    }
    if counted(&out) > PER_RESOURCE_MAX {
        return Err(Plain::TagLimitExceeded.into());
    }
    Ok(out)
}

/// # Errors
/// As [`checked`].
pub fn check_key(key: &str) -> Result<(), Ec2Error> {
    if key.is_empty() {
        let what = "Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty.";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    if is_reserved(key) {
        let what = format!("Value ( {key} ) for parameter key is invalid. {RESERVED}");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    if key.chars().count() > KEY_CHARS_MAX {
        let what = format!("Tag key exceeds the maximum length of {KEY_CHARS_MAX} characters");
        return Err(Plain::InvalidTagKey(what).into());
    }
    Ok(())
}

/// The tags of a new resource of `kind` from the request's specifications, which may be about `kinds` only. A service may
/// set its own.
///
/// # Errors
/// As [`checked`], and `InvalidParameterValue` for another type of resource or a specification without tags.
pub fn of_new(
    caller: &Caller,
    specifications: &[TagSpecification],
    kind: &Kind,
    kinds: &[&Kind],
) -> Result<Tags, Ec2Error> {
    let mut all = Vec::new();
    for specification in specifications {
        let noun = specification.resource_type.as_deref().unwrap_or_default();
        if noun.is_empty() {
            return Err(Plain::InvalidParameterValue(
                "Tag specification resource type must have a value".into(),
            )
            .into());
        }
        if !kinds.iter().any(|kind| kind.noun == noun) {
            let what = format!("'{noun}' is not a valid taggable resource type for this operation.");
            return Err(Plain::InvalidParameterValue(what).into());
        }
        if specification.tags.is_empty() {
            return Err(
                Plain::InvalidParameterValue("Tag specification must have at least one tag".into()).into()
            );
        }
        for tag in &specification.tags {
            check_key_of_new(caller, kind, tag.key.as_deref().unwrap_or_default())?;
        }
        if noun == kind.noun {
            all.extend(specification.tags.iter().cloned());
        }
    }
    checked_by(caller, &all)
}

/// What AWS says of the tags of what is made is not what it says in CreateTags; launch templates have words of their own.
fn check_key_of_new(caller: &Caller, kind: &Kind, key: &str) -> Result<(), Ec2Error> {
    if key.is_empty() {
        return Err(Plain::InvalidParameterValue("Tag key must have a value".into()).into());
    }
    if !is_reserved(key) || is_own(caller.service_id(), key) {
        return Ok(());
    }
    if *kind == LAUNCH_TEMPLATE {
        return Err(Plain::InvalidTagKey(format!("The tag key ‘{key}’ is not valid. {RESERVED}.")).into());
    }
    Err(Plain::InvalidParameterValue(RESERVED.into()).into())
}

#[cfg(test)]
mod tests {
    use super::{Caller, LAUNCH_TEMPLATE, Tag, TagSpecification, checked, checked_by, clear, of_new};
    use crate::kind::{Kind, SUBNET, VPC};

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: Some(key.into()), value: Some(value.into()) }
    }

    #[test]
    fn each_rule_has_its_words() {
        let said = |tags: &[Tag]| checked(tags).unwrap_err().code().to_owned();
        assert_eq!(said(&[tag("", "x")]), "InvalidParameterValue");
        assert_eq!(said(&[tag("AWS:x", "x")]), "InvalidParameterValue");
        assert_eq!(said(&[tag(&"x".repeat(129), "x")]), "InvalidTagKey.Malformed");
        assert_eq!(said(&[tag("a", "x"), tag("a", "y")]), "InvalidParameterValue");
        let many: Vec<Tag> = (0..51).map(|n| tag(&n.to_string(), "")).collect();
        assert_eq!(said(&many), "TagLimitExceeded");
    }

    #[test]
    fn a_service_has_keys_of_its_own_and_nobody_else_has() {
        let account = base::AccountId::parse("123456789012").unwrap();
        let service = Caller::service("cloudformation.amazonaws.com", account);
        let own = [tag("aws:cloudformation:stack-name", "s")];
        assert_eq!(checked_by(&service, &own).unwrap().len(), 1);
        assert!(checked(&own).is_err());
        for other in ["aws:cloudformationx", "aws:ec2:a", "aws:cloudformation", "AWS:cloudformation:a"] {
            assert!(checked_by(&service, &[tag(other, "")]).is_err(), "{other}");
        }
        let mut tags = checked_by(&service, &[tag("aws:cloudformation:a", ""), tag("b", "")]).unwrap();
        clear(&mut tags);
        assert_eq!(tags.len(), 1);
    }

    #[test]
    fn specifications_are_about_what_is_made() {
        let one =
            |noun: &str| TagSpecification { resource_type: Some(noun.into()), tags: vec![tag("a", "b")] };
        let account = base::AccountId::parse("123456789012").unwrap();
        let service = Caller::service("autoscaling.amazonaws.com", account);
        let of_new = |all: &[TagSpecification], kinds: &[&Kind]| of_new(&service, all, &VPC, kinds);
        assert_eq!(of_new(&[one("vpc")], &[&VPC]).unwrap().len(), 1);
        assert!(of_new(&[one("subnet")], &[&VPC, &SUBNET]).unwrap().is_empty());
        let own = TagSpecification { tags: vec![tag("aws:autoscaling:groupName", "g")], ..one("vpc") };
        assert_eq!(of_new(std::slice::from_ref(&own), &[&VPC]).unwrap().len(), 1);
        let stranger = Caller::service("ec2.amazonaws.com", account);
        let refused = super::of_new(&stranger, &[own], &VPC, &[&VPC]).unwrap_err();
        assert_eq!(refused.code(), "InvalidParameterValue");
        assert_eq!(refused.message(), "Tag keys starting with 'aws:' are reserved for internal use");
        let template = TagSpecification { tags: vec![tag("aws:x", "")], ..one("launch-template") };
        let refused =
            super::of_new(&stranger, &[template], &LAUNCH_TEMPLATE, &[&LAUNCH_TEMPLATE]).unwrap_err();
        assert_eq!(refused.code(), "InvalidTagKey.Malformed");
        let empty = TagSpecification { tags: vec![tag("", "x")], ..one("vpc") };
        let refused = super::of_new(&stranger, &[empty], &VPC, &[&VPC]).unwrap_err();
        assert_eq!(refused.message(), "Tag key must have a value");
        let refused = of_new(&[one("subnet")], &[&VPC]).unwrap_err();
        assert_eq!(refused.message(), "'subnet' is not a valid taggable resource type for this operation.");
    }
}
