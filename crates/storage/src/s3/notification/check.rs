//! Which notification configurations S3 refuses.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>

use super::{Destination, FilterRule, Kind, NotificationConfiguration, is_of};
use crate::s3::errors::{Refusal, S3Error, argument};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
pub const EVENTS: [&str; 27] = [
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
];

/// Nobody tells of these here: replication tells by states.
const UNTOLD: &str = "s3:Replication:";

const FILTER_BYTES_MAX: usize = 1024;

impl NotificationConfiguration {
    /// Checks events, filters, and that no event is told by two configurations at once.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn check(&self) -> Result<(), S3Error> {
        let all: Vec<Destination<'_>> = self.destinations().collect();
        for (at, destination) in all.iter().enumerate() {
            destination.check()?;
            if let Some(other) = all[..at].iter().find(|other| overlap(destination, other)) {
                return Err(refusal(destination, other));
            }
        }
        Ok(())
    }

    /// Gives the configurations without an id one. `new` makes it of chance.
    pub fn name(&mut self, mut new: impl FnMut() -> String) {
        let topics = self.topics.iter_mut().map(|c| &mut c.id);
        let queues = self.queues.iter_mut().map(|c| &mut c.id);
        let functions = self.functions.iter_mut().map(|c| &mut c.id);
        let ids = topics.chain(queues).chain(functions);
        for id in ids.filter(|id| id.as_deref().unwrap_or_default().is_empty()) {
            *id = Some(new());
        }
    }
}

impl Kind {
    /// The element that holds the ARN, by which AWS names what is wrong.
    pub fn element(self) -> &'static str {
        match self {
            Kind::Topic => "Topic",
            Kind::Queue => "Queue",
            Kind::Function => "CloudFunction",
        }
    }

    fn service(self) -> &'static str {
        match self {
            Kind::Topic => "sns",
            Kind::Queue => "sqs",
            Kind::Function => "lambda",
        }
    }
}

impl Destination<'_> {
    fn check(&self) -> Result<(), S3Error> {
        let parts: Vec<&str> = self.arn.split(':').collect();
        let is_arn = matches!(parts[..], ["arn", _, service, region, account, _, ..]
            if service == self.kind.service() && !region.is_empty() && account.len() == 12);
        if !is_arn {
            return Err(argument("The ARN could not be parsed", self.kind.element(), self.arn));
        }
        if let Some(event) = self.events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
            return Err(argument("A specified event is not supported for notifications.", "Event", event));
        }
        let is_untold = |event: &&String| event.starts_with(UNTOLD);
        if let Some(event) = self.events.iter().find(is_untold) {
            return Err(Refusal::NotBuilt(format!("The event {event}")).into());
        }
        let rules = self.filter.and_then(|f| f.key.as_ref()).map(|k| &k.rules[..]).unwrap_or_default();
        for (at, rule) in rules.iter().enumerate() {
            check_rule(rule)?;
            let name = rule.name.as_deref().unwrap_or_default();
            let same =
                |other: &FilterRule| other.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name));
            if rules[..at].iter().any(same) {
                let message =
                    format!("Cannot specify more than one {} rule in a filter.", name.to_ascii_lowercase());
                return Err(argument(message, "FilterRule.Name", name));
            }
        }
        Ok(())
    }
}

fn check_rule(rule: &FilterRule) -> Result<(), S3Error> {
    let name = rule.name.as_deref().unwrap_or_default();
    if !name.eq_ignore_ascii_case("prefix") && !name.eq_ignore_ascii_case("suffix") {
        let message = "filter rule name must be either prefix or suffix";
        return Err(argument(message, "FilterRule.Name", name));
    }
    let value = rule.value.as_deref().unwrap_or_default();
    if value.len() > FILTER_BYTES_MAX {
        return Err(argument(
            "Size of filter rule value cannot exceed 1024 bytes in UTF-8",
            "FilterRule.Value",
            value,
        ));
    }
    Ok(())
}

fn share_an_event(a: &Destination<'_>, b: &Destination<'_>) -> bool {
    a.events.iter().any(|x| b.events.iter().any(|y| is_of(x, y) || is_of(y, x)))
}

fn overlap(a: &Destination<'_>, b: &Destination<'_>) -> bool {
    let (ap, bp, az, bz) = (a.prefix(), b.prefix(), a.suffix(), b.suffix());
    share_an_event(a, b)
        && (ap.starts_with(bp) || bp.starts_with(ap))
        && (az.ends_with(bz) || bz.ends_with(az))
}

fn refusal(a: &Destination<'_>, b: &Destination<'_>) -> S3Error {
    let filtered = [a.prefix(), b.prefix(), a.suffix(), b.suffix()].iter().any(|text| !text.is_empty());
    let message = if filtered {
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
    } else {
        "Configurations overlap. Configurations on the same bucket cannot share a common event type."
    };
    crate::s3::errors::Refusal::InvalidArgument(message.into()).into()
}

#[cfg(test)]
mod tests {
    use super::super::{KeyFilter, NotificationFilter, QueueConfiguration};
    use super::*;

    fn queue(events: &[&str], rules: &[(&str, &str)]) -> QueueConfiguration {
        let rules = rules
            .iter()
            .map(|(name, value)| FilterRule { name: Some((*name).into()), value: Some((*value).into()) });
        QueueConfiguration {
            id: None,
            arn: "arn:aws:sqs:us-east-1:000000000000:q".into(),
            events: events.iter().map(|e| (*e).to_owned()).collect(),
            filter: Some(NotificationFilter { key: Some(KeyFilter { rules: rules.collect() }) }),
        }
    }

    fn said(queues: Vec<QueueConfiguration>) -> String {
        let configuration = NotificationConfiguration { queues, ..NotificationConfiguration::default() };
        configuration.check().map_or_else(|error| error.message().to_owned(), |()| String::new())
    }

    #[test]
    fn what_is_refused() {
        let created = ["s3:ObjectCreated:*"];
        assert_eq!(said(vec![queue(&created, &[("prefix", "a")]), queue(&created, &[("prefix", "b")])]), "");
        assert_eq!(
            said(vec![queue(&["s3:Nothing"], &[])]),
            "A specified event is not supported for notifications."
        );
        assert_eq!(
            said(vec![queue(&created, &[("infix", "a")])]),
            "filter rule name must be either prefix or suffix"
        );
        assert_eq!(
            said(vec![queue(&created, &[]), queue(&["s3:ObjectCreated:Put"], &[])]),
            "Configurations overlap. Configurations on the same bucket cannot share a common event type."
        );
        let nested = [queue(&created, &[("prefix", "a")]), queue(&created, &[("prefix", "ab")])];
        assert!(said(nested.to_vec()).starts_with("Configuration is ambiguously defined."));
        let mut wrong = queue(&created, &[]);
        wrong.arn = "queue".into();
        assert_eq!(said(vec![wrong]), "The ARN could not be parsed");
    }

    #[test]
    fn ids_are_given() {
        let mut configuration = NotificationConfiguration {
            queues: vec![queue(&["s3:ObjectCreated:*"], &[])],
            ..NotificationConfiguration::default()
        };
        configuration.name(|| "new".into());
        assert_eq!(configuration.queues[0].id.as_deref(), Some("new"));
    }
}
