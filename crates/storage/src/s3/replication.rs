//! Replication: rules, and which of them a version follows.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html>

use super::errors::{Refusal, S3Error};
use super::filter::{Conditions, TagFilter};
use super::stored::stored;
use base::tag::Tags;

stored! {
    pub struct ReplicationConfiguration {
        1 => role: String = "Role",
        2 => rules: Vec<ReplicationRule> = "Rules",
    }

    pub struct ReplicationRule {
        1 => id: Option<String> = "ID",
        2 => priority: Option<i64> = "Priority",
        3 => prefix: Option<String> = "Prefix",
        4 => filter: Option<TagFilter> = "Filter",
        5 => status: String = "Status",
        6 => destination: Destination = "Destination",
        7 => delete_markers: Option<Switch> = "DeleteMarkerReplication",
    }

    pub struct Destination {
        1 => bucket: String = "Bucket",
        2 => account: Option<String> = "Account",
        3 => class: Option<String> = "StorageClass",
        4 => translation: Option<Translation> = "AccessControlTranslation",
    }

    pub struct Translation {
        1 => owner: String = "Owner",
    }

    pub struct Switch {
        1 => status: Option<String> = "Status",
    }
}

const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;

fn request(message: &str) -> S3Error {
    Refusal::InvalidRequest(message.to_owned()).into()
}

impl ReplicationConfiguration {
    /// Checks what can be checked without looking at other buckets.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidRequest`, `InvalidArgument`.
    pub fn check(&self) -> Result<(), S3Error> {
        if self.rules.is_empty() || self.rules.len() > RULES_MAX {
            return Err(Refusal::MalformedXml.into());
        }
        if !self.role.starts_with("arn:") || !self.role.contains(":role/") {
            return Err(Refusal::InvalidArgument(
                "Invalid Role specified in replication configuration".into(),
            )
            .into());
        }
        for (at, rule) in self.rules.iter().enumerate() {
            rule.check()?;
            let before = &self.rules[..at];
            if before.iter().any(|other| other.id.is_some() && other.id == rule.id) {
                return Err(request("Rule Id must be unique. Found same Id for more than one rule"));
            }
            let same = |other: &ReplicationRule| other.filter.is_some() && other.priority == rule.priority;
            if rule.filter.is_some() && before.iter().any(same) {
                return Err(request("Found duplicate priority. Priority must be unique"));
            }
        }
        Ok(())
    }

    /// Gives the rules without an id one. `new` makes it of chance.
    pub fn name_rules(&mut self, mut new: impl FnMut() -> String) {
        for rule in self.rules.iter_mut().filter(|rule| rule.id.as_deref().unwrap_or_default().is_empty()) {
            rule.id = Some(new());
        }
    }

    /// The rules that a version follows: for each destination the one of highest priority.
    pub fn followed(&self, key: &str, tags: &Tags) -> Vec<&ReplicationRule> {
        let mut found: Vec<&ReplicationRule> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.is_enabled() && rule.conditions().hold(key, 0, tags))
        {
            match found.iter_mut().find(|other| other.destination.bucket == rule.destination.bucket) {
                Some(other) if rule.priority > other.priority => *other = rule,
                Some(_) => {}
                None => found.push(rule),
            }
        }
        found
    }
}

impl ReplicationRule {
    pub fn is_enabled(&self) -> bool {
        self.status == "Enabled"
    }

    /// The name of the bucket that the destination's ARN names.
    pub fn bucket(&self) -> &str {
        self.destination.bucket.strip_prefix("arn:aws:s3:::").unwrap_or_default()
    }

    /// Whether delete markers follow too: by the rule, and always by the older form of rules.
    pub fn takes_delete_markers(&self) -> bool {
        match &self.delete_markers {
            Some(switch) => switch.status.as_deref() == Some("Enabled"),
            None => self.filter.is_none(),
        }
    }

    fn conditions(&self) -> Conditions<'_> {
        match &self.filter {
            Some(filter) => filter.conditions(),
            None => {
                Conditions { prefix: self.prefix.as_deref().unwrap_or_default(), ..Conditions::default() }
            }
        }
    }

    fn check(&self) -> Result<(), S3Error> {
        if self.id.as_ref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(request("Rule Id must not be longer than 255 characters"));
        }
        if self.bucket().is_empty() {
            return Err(Refusal::InvalidArgument("Invalid bucket ARN.".into()).into());
        }
        match &self.filter {
            None if self.prefix.is_none() => Err(Refusal::MalformedXml.into()),
            None => Ok(()),
            Some(_) if self.prefix.is_some() => Err(Refusal::MalformedXml.into()),
            Some(filter) => {
                filter.check()?;
                if self.priority.is_none() {
                    return Err(request(
                        "Priority must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.",
                    ));
                }
                if self.delete_markers.is_none() {
                    return Err(request(
                        "DeleteMarkerReplication must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.",
                    ));
                }
                let tags = !self.conditions().tags.is_empty();
                if tags && self.takes_delete_markers() {
                    return Err(request(
                        "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.",
                    ));
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, prefix: &str, priority: i64) -> ReplicationRule {
        ReplicationRule {
            id: Some(id.into()),
            priority: Some(priority),
            filter: Some(TagFilter { prefix: Some(prefix.into()), ..TagFilter::default() }),
            status: "Enabled".into(),
            destination: Destination { bucket: "arn:aws:s3:::copies".into(), ..Destination::default() },
            delete_markers: Some(Switch { status: Some("Disabled".into()) }),
            prefix: None,
        }
    }

    fn of(rules: Vec<ReplicationRule>) -> ReplicationConfiguration {
        ReplicationConfiguration { role: "arn:aws:iam::000000000000:role/r".into(), rules }
    }

    #[test]
    fn the_rule_of_highest_priority_counts() {
        let both = of(vec![rule("low", "", 1), rule("high", "a/", 2)]);
        assert!(both.check().is_ok());
        let ids = |key: &str| {
            let rules = both.followed(key, &Tags::new());
            rules.iter().map(|r| r.id.clone().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(ids("a/b"), ["high"]);
        assert_eq!(ids("b"), ["low"]);
    }

    #[test]
    fn what_is_refused() {
        let code = |rules| of(rules).check().unwrap_err().code().to_owned();
        assert_eq!(code(vec![]), "MalformedXML");
        assert_eq!(code(vec![rule("a", "", 1), rule("a", "", 2)]), "InvalidRequest");
        assert_eq!(code(vec![rule("a", "", 1), rule("b", "", 1)]), "InvalidRequest");
        assert_eq!(code(vec![ReplicationRule { priority: None, ..rule("a", "", 1) }]), "InvalidRequest");
        assert_eq!(code(vec![ReplicationRule { filter: None, ..rule("a", "", 1) }]), "MalformedXML");
    }
}
