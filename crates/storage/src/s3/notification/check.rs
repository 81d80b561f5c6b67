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

/// Nobody tells of this here: whatever is to be replicated is tracked until it is.
const UNTOLD: &str = "s3:Replication:OperationNotTracked";

const FILTER_BYTES_MAX: usize = 1024;
const CONFIGURATIONS_MAX: usize = 100;
const ID_CHARS_MAX: usize = 255;
const OVERLAP: &str =
    "Configurations overlap. Configurations on the same bucket cannot share a common event type.";

impl NotificationConfiguration {
    /// Checks events, filters, and that no event is told by two configurations at once. `region` is the bucket's.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn check(&self, region: &str) -> Result<(), S3Error> {
        let all: Vec<Destination<'_>> = self.destinations().collect();
        if all.len() > CONFIGURATIONS_MAX {
            let message = format!(
                "Too many configurations submitted. The maximum number of configurations is {CONFIGURATIONS_MAX}"
            );
            return Err(Refusal::InvalidRequest(message).into());
        }
        let mut ids: Vec<&str> = Vec::new();
        for id in self.ids().filter(|id| !id.is_empty()) {
            if id.chars().count() > ID_CHARS_MAX {
                return Err(wrong(format!("ID length exceeded allowed limit of {ID_CHARS_MAX}")));
            }
            if ids.contains(&id) {
                return Err(wrong("Same ID used for multiple configurations. IDs must be unique."));
            }
            ids.push(id);
        }
        for (at, destination) in all.iter().enumerate() {
            destination.check()?;
            if destination.arn.split(':').nth(3) != Some(region) {
                return Err(wrong(
                    "The notification destination service region is not valid for the bucket location constraint",
                ));
            }
            if let Some(other) = all[..at].iter().find(|other| overlap(destination, other)) {
                return Err(refusal(destination, other));
            }
        }
        Ok(())
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        let topics = self.topics.iter().map(|c| &c.id);
        let queues = self.queues.iter().map(|c| &c.id);
        topics.chain(queues).chain(self.functions.iter().map(|c| &c.id)).filter_map(Option::as_deref)
    }

    /// The names of filter rules as AWS keeps them, however they were spelt.
    pub fn spell(&mut self) {
        let topics = self.topics.iter_mut().map(|c| &mut c.filter);
        let queues = self.queues.iter_mut().map(|c| &mut c.filter);
        let filters = topics.chain(queues).chain(self.functions.iter_mut().map(|c| &mut c.filter));
        for rule in filters.flatten().filter_map(|filter| filter.key.as_mut()).flat_map(|key| &mut key.rules)
        {
            let is_prefix = rule.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("prefix"));
            rule.name = Some(if is_prefix { "Prefix" } else { "Suffix" }.to_owned());
        }
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
        if self.kind == Kind::Queue && self.arn.ends_with(".fifo") {
            return Err(argument("FIFO SQS queues are not supported.", self.kind.element(), self.arn));
        }
        if let Some(event) = self.events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
            return Err(argument("A specified event is not supported for notifications.", "Event", event));
        }
        if self.events.iter().any(|event| event == UNTOLD) {
            return Err(Refusal::NotBuilt(format!("The event {UNTOLD}")).into());
        }
        let twice = |(at, one): (usize, &String)| {
            self.events[..at].iter().any(|other| is_of(one, other) || is_of(other, one))
        };
        if self.events.iter().enumerate().any(twice) {
            return Err(wrong(OVERLAP));
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
        OVERLAP
    };
    wrong(message)
}

fn wrong(message: impl Into<String>) -> S3Error {
    Refusal::InvalidArgument(message.into()).into()
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
        configuration.check("us-east-1").map_or_else(|error| error.message().to_owned(), |()| String::new())
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
    fn ids_and_destinations_that_are_refused() {
        let named =
            |id: &str, event: &str| QueueConfiguration { id: Some(id.into()), ..queue(&[event], &[]) };
        assert_eq!(
            said(vec![named("a", "s3:ObjectAcl:Put"), named("a", "s3:ObjectCreated:*")]),
            "Same ID used for multiple configurations. IDs must be unique."
        );
        assert_eq!(
            said(vec![named(&"a".repeat(256), "s3:ObjectAcl:Put")]),
            "ID length exceeded allowed limit of 255"
        );
        assert_eq!(
            said(vec![queue(&["s3:ObjectAcl:Put"], &[]); 101]),
            "Too many configurations submitted. The maximum number of configurations is 100"
        );
        let both = ["s3:ObjectCreated:*", "s3:ObjectCreated:Put"];
        assert_eq!(said(vec![queue(&both, &[])]), OVERLAP);
        let at = |arn: &str| QueueConfiguration { arn: arn.into(), ..named("a", "s3:ObjectAcl:Put") };
        assert_eq!(
            said(vec![at("arn:aws:sqs:us-east-1:000000000000:q.fifo")]),
            "FIFO SQS queues are not supported."
        );
        assert_eq!(
            said(vec![at("arn:aws:sqs:eu-west-1:000000000000:q")]),
            "The notification destination service region is not valid for the bucket location constraint"
        );
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
