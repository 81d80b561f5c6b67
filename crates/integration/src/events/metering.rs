//! What CloudWatch is told of rules, in its namespace `AWS/Events`.
//!
//! A rule of the default bus is told of by its name, one of another bus by both names.
//!
//! Not here: latencies, what `PutEvents` was asked, throttled rules (none is), and the sums over all rules.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html>

use super::model::{DEFAULT, Delivery, Rule};
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use kernel::vitals::{self, Metric, Place, Source};
use store::Tx;

const SOURCE: Source = Source { service: "events.amazonaws.com", namespace: "AWS/Events" };

fn place(home: (AccountId, Region), bus: &str, rule: &str) -> Place {
    let bus = (bus != DEFAULT).then(|| ("EventBusName", bus.to_owned()));
    let dimensions = bus.into_iter().chain([("RuleName", rule.to_owned())]).collect();
    Place { source: SOURCE, home, dimensions }
}

fn of_delivery(delivery: &Delivery) -> Place {
    // arn:aws:events:REGION:ACCOUNT:rule/BUS/NAME, without the bus where that is the default one.
    let path = delivery.rule.split_once(":rule/").map_or("", |(_, path)| path);
    let bus = path.rsplit_once('/').map_or(DEFAULT, |(bus, _)| bus);
    place((delivery.account, delivery.region), bus, &delivery.rule_name)
}

/// A rule runs, for an event or because it is time.
pub(super) fn triggered(cloud: &Cloud, tx: &mut Tx, rule: &Rule, now: Timestamp) {
    let matched = rule.pattern.is_some().then_some((Metric::count("MatchedEvents"), 1.0));
    let samples = matched.into_iter().chain([(Metric::count("TriggeredRules"), 1.0)]).collect();
    vitals::note_after(cloud, tx, place(rule.home(), &rule.bus, &rule.name), now, samples);
}

/// How a call of a target went.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tried {
    Succeeded,
    /// It is tried again.
    Again,
    /// It ended, and is nowhere.
    Failed,
    Buried,
    NotBuried,
}

pub(super) fn tried(cloud: &Cloud, tx: &mut Tx, delivery: &Delivery, how: Tried) {
    let attempt = (Metric::count("InvocationAttempts"), 1.0);
    let retry = (delivery.attempts > 0).then_some((Metric::count("RetryInvocationAttempts"), 1.0));
    let failed = [(Metric::count("Invocations"), 1.0), (Metric::count("FailedInvocations"), 1.0)];
    let own: Vec<(Metric, f64)> = match how {
        Tried::Succeeded => {
            vec![(Metric::count("Invocations"), 1.0), (Metric::count("SuccessfulInvocationAttempts"), 1.0)]
        }
        Tried::Again => Vec::new(),
        Tried::Failed => failed.to_vec(),
        Tried::Buried => failed.into_iter().chain([(Metric::count("InvocationsSentToDlq"), 1.0)]).collect(),
        Tried::NotBuried => {
            failed.into_iter().chain([(Metric::count("InvocationsFailedToBeSentToDlq"), 1.0)]).collect()
        }
    };
    let samples = own.into_iter().chain([attempt]).chain(retry).collect();
    vitals::note_after(cloud, tx, of_delivery(delivery), cloud.clock().now(), samples);
}
