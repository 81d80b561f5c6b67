//! Notifications: which events of a bucket are told to whom.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html>

pub mod check;

use super::stored::stored;
use std::fmt::Debug;

stored! {
    pub struct NotificationConfiguration {
        1 => topics: Vec<TopicConfiguration> = "TopicConfigurations",
        2 => queues: Vec<QueueConfiguration> = "QueueConfigurations",
        3 => functions: Vec<FunctionConfiguration> = "LambdaFunctionConfigurations",
        4 => event_bridge: Option<EventBridgeConfiguration> = "EventBridgeConfiguration",
    }

    pub struct TopicConfiguration {
        1 => id: Option<String> = "Id",
        2 => arn: String = "TopicArn",
        3 => events: Vec<String> = "Events",
        4 => filter: Option<NotificationFilter> = "Filter",
    }

    pub struct QueueConfiguration {
        1 => id: Option<String> = "Id",
        2 => arn: String = "QueueArn",
        3 => events: Vec<String> = "Events",
        4 => filter: Option<NotificationFilter> = "Filter",
    }

    pub struct FunctionConfiguration {
        1 => id: Option<String> = "Id",
        2 => arn: String = "LambdaFunctionArn",
        3 => events: Vec<String> = "Events",
        4 => filter: Option<NotificationFilter> = "Filter",
    }

    pub struct EventBridgeConfiguration {}

    pub struct NotificationFilter {
        1 => key: Option<KeyFilter> = "Key",
    }

    pub struct KeyFilter {
        1 => rules: Vec<FilterRule> = "FilterRules",
    }

    pub struct FilterRule {
        1 => name: Option<String> = "Name",
        2 => value: Option<String> = "Value",
    }
}

/// The services that are told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Topic,
    Queue,
    Function,
}

/// One destination with what it wants to hear of.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub kind: Kind,
    pub id: Option<&'a str>,
    pub arn: &'a str,
    pub events: &'a [String],
    pub filter: Option<&'a NotificationFilter>,
}

impl NotificationConfiguration {
    pub fn is_empty(&self) -> bool {
        self.destinations().next().is_none() && self.event_bridge.is_none()
    }

    pub fn destinations(&self) -> impl Iterator<Item = Destination<'_>> {
        let topics = self.topics.iter().map(|t| Destination {
            kind: Kind::Topic,
            id: t.id.as_deref(),
            arn: &t.arn,
            events: &t.events,
            filter: t.filter.as_ref(),
        });
        let queues = self.queues.iter().map(|q| Destination {
            kind: Kind::Queue,
            id: q.id.as_deref(),
            arn: &q.arn,
            events: &q.events,
            filter: q.filter.as_ref(),
        });
        let functions = self.functions.iter().map(|f| Destination {
            kind: Kind::Function,
            id: f.id.as_deref(),
            arn: &f.arn,
            events: &f.events,
            filter: f.filter.as_ref(),
        });
        topics.chain(queues).chain(functions)
    }

    /// The destinations that are told of `event` (`s3:ObjectCreated:Put`) about `key`.
    pub fn told<'a>(&'a self, event: &'a str, key: &'a str) -> impl Iterator<Item = Destination<'a>> {
        self.destinations()
            .filter(move |d| d.events.iter().any(|wanted| is_of(wanted, event)) && d.admits(key))
    }
}

/// `s3:ObjectCreated:*` covers `s3:ObjectCreated:Put`.
fn is_of(wanted: &str, event: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == event, |family| event.starts_with(family))
}

impl Destination<'_> {
    fn rule(&self, name: &str) -> &str {
        let rules = self.filter.and_then(|f| f.key.as_ref()).map(|k| &k.rules[..]).unwrap_or_default();
        let named = |rule: &&FilterRule| rule.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name));
        rules.iter().find(named).and_then(|rule| rule.value.as_deref()).unwrap_or_default()
    }

    pub fn prefix(&self) -> &str {
        self.rule("prefix")
    }

    pub fn suffix(&self) -> &str {
        self.rule("suffix")
    }

    fn admits(&self, key: &str) -> bool {
        key.starts_with(self.prefix()) && key.ends_with(self.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told() {
        let rule =
            |name: &str, value: &str| FilterRule { name: Some(name.into()), value: Some(value.into()) };
        let rules = vec![rule("Prefix", "images/"), rule("suffix", ".jpg")];
        let queue = |events: &[&str], rules| QueueConfiguration {
            arn: "q".into(),
            events: events.iter().map(|e| (*e).to_owned()).collect(),
            filter: Some(NotificationFilter { key: Some(KeyFilter { rules }) }),
            id: None,
        };
        let configuration = NotificationConfiguration {
            queues: vec![queue(&["s3:ObjectCreated:*"], rules), queue(&["s3:ObjectRemoved:Delete"], vec![])],
            ..NotificationConfiguration::default()
        };
        let told = |event, key| configuration.told(event, key).count();
        assert_eq!(told("s3:ObjectCreated:Put", "images/a.jpg"), 1);
        assert_eq!(told("s3:ObjectCreated:Put", "images/a.png"), 0);
        assert_eq!(told("s3:ObjectCreated:Put", "a.jpg"), 0);
        assert_eq!(told("s3:ObjectRemoved:Delete", "x"), 1);
        assert_eq!(told("s3:ObjectRemoved:DeleteMarkerCreated", "x"), 0);
    }
}
