//! Replication: rules, and which of them a version follows. What may be configured ([`ReplicationConfiguration::check`]),
//! how a version comes to its destination ([`copy`]), why it may not ([`reason`]), and what is told of it ([`report`]);
//! [`crate::s3::work::Replicate`] does it.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html>

mod check;
pub(crate) mod copy;
pub(crate) mod reason;
pub(crate) mod report;

use super::filter::{Conditions, TagFilter};
use super::model::bucket::ARN;
use super::model::object::{Encryption, Version};
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
        8 => selection: Option<Selection> = "SourceSelectionCriteria",
        /// Refused, as AWS does since what was there is replicated in batches.
        9 => existing: Option<Switch> = "ExistingObjectReplication",
    }

    pub struct Selection {
        1 => kms: Option<Switch> = "SseKmsEncryptedObjects",
        2 => replicas: Option<Switch> = "ReplicaModifications",
    }

    pub struct Destination {
        1 => bucket: String = "Bucket",
        2 => account: Option<String> = "Account",
        3 => class: Option<String> = "StorageClass",
        4 => translation: Option<Translation> = "AccessControlTranslation",
        5 => encryption: Option<ReplicaEncryption> = "EncryptionConfiguration",
        6 => time: Option<TimeControl> = "ReplicationTime",
        7 => metrics: Option<ReplicationMetrics> = "Metrics",
    }

    pub struct ReplicaEncryption {
        1 => key: Option<String> = "ReplicaKmsKeyID",
    }

    pub struct TimeControl {
        1 => status: String = "Status",
        2 => time: Option<Minutes> = "Time",
    }

    pub struct ReplicationMetrics {
        1 => status: String = "Status",
        2 => threshold: Option<Minutes> = "EventThreshold",
    }

    pub struct Minutes {
        1 => minutes: Option<i64> = "Minutes",
    }

    pub struct Translation {
        1 => owner: String = "Owner",
    }

    pub struct Switch {
        1 => status: Option<String> = "Status",
    }
}

const ENABLED: &str = "Enabled";

impl Switch {
    fn is_on(&self) -> bool {
        self.status.as_deref() == Some(ENABLED)
    }
}

impl ReplicationConfiguration {
    /// Gives the rules without an id one. `new` makes it of chance.
    pub fn name_rules(&mut self, mut new: impl FnMut() -> String) {
        for rule in self.rules.iter_mut().filter(|rule| rule.id.as_deref().unwrap_or_default().is_empty()) {
            rule.id = Some(new());
        }
    }

    /// The rules by which a new version or marker is copied.
    pub fn of_new(&self, key: &str, version: &Version) -> Vec<&ReplicationRule> {
        let mut rules = self.followed(key, &version.tags);
        rules.retain(|rule| rule.takes(version));
        rules
    }

    /// The rules by which what happens to a version is told: of a replica those by which changes go back to where it
    /// came from.
    pub fn of(&self, key: &str, version: &Version) -> Vec<&ReplicationRule> {
        let mut rules = self.of_new(key, version);
        if version.replication.as_deref() == Some(copy::REPLICA) {
            rules.retain(|rule| rule.takes_replicas());
        }
        rules
    }

    /// The rules that a version follows: for each destination the one of highest priority.
    fn followed(&self, key: &str, tags: &Tags) -> Vec<&ReplicationRule> {
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
        self.status == ENABLED
    }

    /// The name of the bucket that the destination's ARN names.
    pub fn bucket(&self) -> &str {
        self.destination.bucket.strip_prefix(ARN).unwrap_or_default()
    }

    /// Whether delete markers follow too: by the rule, and always by the older form of rules.
    pub fn takes_delete_markers(&self) -> bool {
        match &self.delete_markers {
            Some(switch) => switch.is_on(),
            None => self.filter.is_none(),
        }
    }

    /// AWS: what is archived cannot be read, and what lies under keys of KMS goes only where a rule names the key there.
    fn takes(&self, version: &Version) -> bool {
        if version.delete_marker {
            return self.takes_delete_markers();
        }
        let kms = self.selection.as_ref().and_then(|selection| selection.kms.as_ref());
        let under_kms = matches!(version.encryption, Encryption::Kms(_));
        !version.class.is_archive() && (!under_kms || kms.is_some_and(Switch::is_on))
    }

    fn takes_replicas(&self) -> bool {
        let replicas = self.selection.as_ref().and_then(|selection| selection.replicas.as_ref());
        replicas.is_some_and(Switch::is_on)
    }

    /// Metrics are wanted, and word of what fails.
    pub fn is_measured(&self) -> bool {
        self.destination.metrics.as_ref().is_some_and(|metrics| metrics.status == ENABLED)
    }

    /// Word is wanted of what takes longer than a quarter of an hour.
    pub fn is_timed(&self) -> bool {
        self.destination.time.as_ref().is_some_and(|time| time.status == ENABLED)
    }

    fn conditions(&self) -> Conditions<'_> {
        match &self.filter {
            Some(filter) => filter.conditions(),
            None => {
                Conditions { prefix: self.prefix.as_deref().unwrap_or_default(), ..Conditions::default() }
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
            ..ReplicationRule::default()
        }
    }

    fn of(rules: Vec<ReplicationRule>) -> ReplicationConfiguration {
        ReplicationConfiguration { role: "arn:aws:iam::000000000000:role/r".into(), rules }
    }

    #[test]
    fn the_rule_of_highest_priority_counts() {
        let both = of(vec![rule("low", "", 1), rule("high", "a/", 2)]);
        let ids = |key: &str| {
            let rules = both.followed(key, &Tags::new());
            rules.iter().map(|r| r.id.clone().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(ids("a/b"), ["high"]);
        assert_eq!(ids("b"), ["low"]);
    }
}
