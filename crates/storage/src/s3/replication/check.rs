//! Which replication configurations S3 refuses, without looking at other buckets.
//!
//! AWS does not document most of the words; they are as AWS was seen to answer.

use super::{ENABLED, ReplicationConfiguration, ReplicationRule};
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::model::object::StorageClass;

const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;
/// AWS: the only time there is.
const MINUTES: i64 = 15;
const SCHEMA: &str = "of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.";

fn request(message: impl Into<String>) -> S3Error {
    Refusal::InvalidRequest(message.into()).into()
}

/// Without its value.
fn named(name: &str, message: &str) -> S3Error {
    S3Error::from(Refusal::InvalidArgument(message.to_owned())).with("ArgumentName", name)
}

impl ReplicationConfiguration {
    /// Checks the rules of the bucket `source`.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidRequest`, `InvalidArgument`.
    pub fn check(&self, source: &str) -> Result<(), S3Error> {
        if self.rules.is_empty() || self.rules.len() > RULES_MAX {
            return Err(Refusal::MalformedXml.into());
        }
        self.check_role()?;
        // One rule of the older form makes it all of the older form.
        let is_old = self.rules.iter().any(|rule| rule.filter.is_none());
        for (at, rule) in self.rules.iter().enumerate() {
            rule.check(is_old)?;
            let before = &self.rules[..at];
            let id = rule.id.as_deref().filter(|id| !id.is_empty());
            if let Some(id) = id.filter(|id| before.iter().any(|other| other.id.as_deref() == Some(id))) {
                return Err(argument("Rule Id must be unique", "ID", id));
            }
            let priority = rule.priority.filter(|_| before.iter().any(|o| o.priority == rule.priority));
            if let Some(priority) = priority {
                return Err(request(format!("Found duplicate priority {priority}.")));
            }
            rule.check_destination(source)?;
        }
        Ok(())
    }

    fn check_role(&self) -> Result<(), S3Error> {
        let parts: Vec<&str> = self.role.splitn(6, ':').collect();
        let name = match parts[..] {
            ["arn", _, "iam", "", account, name] if account.len() == 12 => name,
            _ => {
                let message = "Invalid Role specified in replication configuration";
                return Err(argument(message, "Role", self.role.as_str()));
            }
        };
        match name.strip_prefix("role/") {
            Some(name) if !name.is_empty() => Ok(()),
            _ => Err(argument("The relative id should start with role", "Role", self.role.as_str())),
        }
    }
}

impl ReplicationRule {
    fn check(&self, is_old: bool) -> Result<(), S3Error> {
        if self.existing.is_some() || self.filter.is_some() == self.prefix.is_some() {
            return Err(Refusal::MalformedXml.into());
        }
        if let Some(filter) = &self.filter {
            filter.check()?;
        }
        let members = [
            ("Priority", self.priority.is_some()),
            ("DeleteMarkerReplication", self.delete_markers.is_some()),
        ];
        for (name, is_there) in members {
            match (is_old, is_there) {
                (true, true) => {
                    return Err(request(format!("{name} cannot be used for this version {SCHEMA}")));
                }
                (false, false) => {
                    return Err(request(format!("{name} must be specified for this version {SCHEMA}")));
                }
                _ => {}
            }
        }
        if let Some(id) = self.id.as_deref().filter(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(argument("Rule Id cannot be greater than 255", "ID", id));
        }
        if self.priority.is_some_and(|priority| !(0..=i64::from(i32::MAX)).contains(&priority)) {
            return Err(request("Priority must be between 0 and 2147483647."));
        }
        if self.filter.is_some() && !self.conditions().tags.is_empty() && self.takes_delete_markers() {
            return Err(request(
                "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.",
            ));
        }
        match &self.selection {
            Some(selection) if selection.kms.is_none() && selection.replicas.is_none() => {
                Err(request("SourceSelectionCriteria cannot be empty."))
            }
            _ => Ok(()),
        }
    }

    fn check_destination(&self, source: &str) -> Result<(), S3Error> {
        let to = &self.destination;
        if !crate::s3::name::is_conceivable(self.bucket()) {
            return Err(argument("Invalid bucket ARN", "Bucket", to.bucket.as_str()));
        }
        if self.bucket() == source {
            return Err(request("Destination bucket cannot be the same as the source bucket."));
        }
        if to.class.as_deref().is_some_and(|class| StorageClass::parse(class).is_none()) {
            return Err(Refusal::MalformedXml.into());
        }
        if to.translation.is_some() && to.account.as_deref().unwrap_or_default().is_empty() {
            return Err(request(
                "Account must be specified if the Owner in AccessControlTranslation has a value",
            ));
        }
        self.check_key()?;
        self.check_time()
    }

    /// The key of the replicas goes with taking what lies under keys.
    fn check_key(&self) -> Result<(), S3Error> {
        let kms = self.selection.as_ref().and_then(|selection| selection.kms.as_ref());
        let encryption = self.destination.encryption.as_ref();
        if encryption.is_some() && kms.is_none() {
            return Err(request(
                "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
            ));
        }
        let key = encryption.and_then(|encryption| encryption.key.as_deref()).filter(|key| !key.is_empty());
        let Some(key) = key else {
            return if kms.is_some() {
                Err(request("ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present."))
            } else {
                Ok(())
            };
        };
        let parts: Vec<&str> = key.splitn(6, ':').collect();
        let is_key = matches!(parts[..], ["arn", _, "kms", region, account, name]
            if !region.is_empty() && account.len() == 12
                && ["key/", "alias/"].iter().any(|kind| name.len() > kind.len() && name.starts_with(kind)));
        if is_key { Ok(()) } else { Err(argument("Invalid ReplicaKmsKeyID ARN.", "ReplicaKmsKeyID", key)) }
    }

    /// Time control and metrics: both with fifteen minutes, or metrics without any.
    fn check_time(&self) -> Result<(), S3Error> {
        let (time, metrics) = (self.destination.time.as_ref(), self.destination.metrics.as_ref());
        if let Some(time) = time {
            let minutes = time.time.as_ref().ok_or(Refusal::MalformedXml)?.minutes;
            if metrics.is_none() {
                return Err(request(
                    "Replication destination must contain both ReplicationTime and Metrics or neither.",
                ));
            }
            if minutes != Some(MINUTES) {
                return Err(named("ReplicationTime", "Invalid time minute value"));
            }
        }
        let threshold = metrics.and_then(|metrics| metrics.threshold.as_ref());
        if time.is_none_or(|time| time.status != ENABLED) {
            return match threshold {
                Some(_) => Err(named(
                    "Metrics",
                    "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
                )),
                None => Ok(()),
            };
        }
        match threshold.and_then(|threshold| threshold.minutes) {
            None => Err(named("ReplicationMetrics", "ReplicationMetrics must contain an event threshold")),
            Some(MINUTES) => Ok(()),
            Some(_) => Err(named("ReplicationMetrics", "Invalid event threshold minute value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Destination, Minutes, ReplicaEncryption, ReplicationMetrics, Selection, Switch, TimeControl,
        Translation,
    };
    use super::*;
    use crate::s3::filter::TagFilter;

    fn switch(status: &str) -> Switch {
        Switch { status: Some(status.into()) }
    }

    fn rule(id: &str, priority: i64) -> ReplicationRule {
        ReplicationRule {
            id: Some(id.into()),
            priority: Some(priority),
            filter: Some(TagFilter { prefix: Some(String::new()), ..TagFilter::default() }),
            status: "Enabled".into(),
            destination: Destination { bucket: "arn:aws:s3:::copies".into(), ..Destination::default() },
            delete_markers: Some(switch("Disabled")),
            ..ReplicationRule::default()
        }
    }

    fn to(destination: Destination) -> ReplicationRule {
        let bucket = "arn:aws:s3:::copies".into();
        ReplicationRule { destination: Destination { bucket, ..destination }, ..rule("a", 1) }
    }

    fn said(rules: Vec<ReplicationRule>) -> String {
        let role = "arn:aws:iam::000000000000:role/r".into();
        let refused = ReplicationConfiguration { role, rules }.check("source");
        refused.map_or_else(|error| error.message().to_owned(), |()| String::new())
    }

    #[test]
    fn rules_and_their_versions() {
        let schema =
            "The XML you provided was not well-formed or did not validate against our published schema";
        let old = ReplicationRule {
            filter: None,
            prefix: Some(String::new()),
            priority: None,
            delete_markers: None,
            ..rule("old", 1)
        };
        let empty = Selection::default();
        for (rules, words) in [
            (vec![], schema),
            (vec![rule("a", 1), rule("b", 2)], ""),
            (vec![old.clone()], ""),
            (vec![rule("a", 1), rule("a", 2)], "Rule Id must be unique"),
            (vec![rule("a", 1), rule("b", 1)], "Found duplicate priority 1."),
            (vec![rule("a", -1)], "Priority must be between 0 and 2147483647."),
            (vec![rule(&"x".repeat(256), 1)], "Rule Id cannot be greater than 255"),
            (vec![ReplicationRule { filter: None, ..rule("a", 1) }], schema),
            (vec![ReplicationRule { existing: Some(switch("Enabled")), ..rule("a", 1) }], schema),
            (
                vec![ReplicationRule { priority: None, ..rule("a", 1) }],
                &format!("Priority must be specified for this version {SCHEMA}"),
            ),
            (vec![old, rule("new", 1)], &format!("Priority cannot be used for this version {SCHEMA}")),
            (
                vec![ReplicationRule { selection: Some(empty), ..rule("a", 1) }],
                "SourceSelectionCriteria cannot be empty.",
            ),
        ] {
            assert_eq!(said(rules), words);
        }
    }

    #[test]
    fn destinations() {
        let minutes = |minutes| Some(Minutes { minutes });
        let time = |status: &str, of| Some(TimeControl { status: status.into(), time: minutes(of) });
        let metrics = |of: Option<i64>| {
            Some(ReplicationMetrics {
                status: "Enabled".into(),
                threshold: of.map(|n| Minutes { minutes: Some(n) }),
            })
        };
        let plain = Destination::default;
        for (destination, words) in [
            (Destination { metrics: metrics(None), ..plain() }, ""),
            (Destination { time: time("Enabled", Some(15)), metrics: metrics(Some(15)), ..plain() }, ""),
            (
                Destination { metrics: metrics(Some(15)), ..plain() },
                "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
            ),
            (
                Destination { time: time("Enabled", Some(15)), ..plain() },
                "Replication destination must contain both ReplicationTime and Metrics or neither.",
            ),
            (
                Destination { time: time("Enabled", Some(10)), metrics: metrics(Some(15)), ..plain() },
                "Invalid time minute value",
            ),
            (
                Destination { time: time("Enabled", Some(15)), metrics: metrics(None), ..plain() },
                "ReplicationMetrics must contain an event threshold",
            ),
            (
                Destination { time: time("Enabled", Some(15)), metrics: metrics(Some(5)), ..plain() },
                "Invalid event threshold minute value",
            ),
            (
                Destination { translation: Some(Translation { owner: "Destination".into() }), ..plain() },
                "Account must be specified if the Owner in AccessControlTranslation has a value",
            ),
            (
                Destination { encryption: Some(ReplicaEncryption::default()), ..plain() },
                "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
            ),
        ] {
            assert_eq!(said(vec![to(destination)]), words);
        }
        let selection = || Some(Selection { kms: Some(switch("Enabled")), replicas: None });
        let keyless = ReplicationRule { selection: selection(), ..rule("a", 1) };
        assert_eq!(
            said(vec![keyless]),
            "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present."
        );
        let under = |key: &str| {
            let encryption = Some(ReplicaEncryption { key: Some(key.into()) });
            ReplicationRule { selection: selection(), ..to(Destination { encryption, ..plain() }) }
        };
        assert_eq!(said(vec![under("arn:aws:kms:us-east-1:000000000000:key/k")]), "");
        assert_eq!(said(vec![under("k")]), "Invalid ReplicaKmsKeyID ARN.");
        let itself = |bucket: &str| {
            let destination = Destination { bucket: bucket.into(), ..plain() };
            said(vec![ReplicationRule { destination, ..rule("a", 1) }])
        };
        assert_eq!(
            itself("arn:aws:s3:::source"),
            "Destination bucket cannot be the same as the source bucket."
        );
        assert_eq!(itself("copies"), "Invalid bucket ARN");
    }

    #[test]
    fn roles() {
        let said = |role: &str| {
            let configuration = ReplicationConfiguration { role: role.into(), rules: vec![rule("a", 1)] };
            configuration.check("source").unwrap_err().message().to_owned()
        };
        assert_eq!(said("r"), "Invalid Role specified in replication configuration");
        assert_eq!(said("arn:aws:iam::000000000000:user/u"), "The relative id should start with role");
    }
}
