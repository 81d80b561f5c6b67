//! From an event to its deliveries: which rules want it, and what their targets get.

use super::archive;
use super::errors::EventsError;
use super::metering;
use super::model::{Bus, CALLS, DELIVERIES, Delivery, RULES, Rule};
use super::sealing;
use super::target;
use super::transform::{self, About};
use base::Timestamp;
use kernel::data_key::DataKey;
use kernel::pattern::Pattern;
use kernel::{Cloud, Remembered};
use std::convert::Infallible;
use std::sync::Arc;
use store::{Direction, Key, Tx};
use wire::Value;

/// Patterns that were read; none for one that cannot be.
type Patterns = Remembered<Option<Arc<Pattern>>>;

/// An event on a bus.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) document: Value,
    /// The same as JSON.
    pub(super) text: String,
    pub(super) hops: u32,
    /// X-Ray's header, which targets are told.
    pub(super) trace: Option<String>,
}

/// What an event says of itself, in the documented envelope.
/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) id: &'a str,
    pub(super) detail_type: &'a str,
    pub(super) source: &'a str,
    pub(super) account: &'a str,
    pub(super) time: Timestamp,
    pub(super) region: &'a str,
    pub(super) resources: &'a [String],
    pub(super) detail: Value,
}

impl Event {
    pub(super) fn new(envelope: Envelope<'_>) -> Event {
        let resources = envelope.resources.iter().map(|arn| Value::str(arn.as_str())).collect();
        let members = [
            ("version", Value::str("0")),
            ("id", Value::str(envelope.id)),
            ("detail-type", Value::str(envelope.detail_type)),
            ("source", Value::str(envelope.source)),
            ("account", Value::str(envelope.account)),
            ("time", Value::Str(envelope.time.whole_seconds().iso8601())),
            ("region", Value::str(envelope.region)),
            ("resources", Value::List(resources)),
            ("detail", envelope.detail),
        ];
        let document = Value::map(members);
        let text = wire::json::text(&document);
        Event { document, text, hops: 0, trace: None }
    }
}

fn read(patterns: &Patterns, text: &str) -> Option<Arc<Pattern>> {
    let read = || Ok::<_, Infallible>(Pattern::read(text).ok().map(Arc::new));
    patterns.of(text, read).unwrap_or_else(|never| match never {})
}

/// Whether a pattern wants an event.
pub(super) fn is_wanted(cloud: &Cloud, pattern: &str, event: &Event) -> bool {
    read(&cloud.memory::<Patterns>(), pattern).is_some_and(|pattern| pattern.matches(&event.document))
}

/// Puts an event into the archives of its bus, and on its way to the targets of each rule that wants it.
///
/// # Errors
/// The store's.
pub(super) fn route(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    event: &Event,
    now: Timestamp,
) -> Result<(), EventsError> {
    archive::keep(cloud, tx, bus, event, now)?;
    route_to(cloud, tx, bus, event, now, |_| true)
}

/// Puts an event on its way to the targets of each rule of the bus that wants it and, by its ARN, may have it.
///
/// # Errors
/// The store's.
pub(super) fn route_to(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    event: &Event,
    now: Timestamp,
    may: impl Fn(&str) -> bool,
) -> Result<(), EventsError> {
    let wants = |rule: &Rule| {
        let pattern = rule.pattern.as_deref().filter(|_| rule.enabled);
        pattern.is_some_and(|pattern| is_wanted(cloud, pattern, event)) && may(&rule.arn())
    };
    let rules = RULES.scan(tx, &Bus::key(bus.home(), &bus.name), Direction::Forward);
    let rules = rules.map(|pair| pair.map(|(_, rule)| rule)).collect::<Result<Vec<_>, _>>()?;
    let wanted: Vec<&Rule> = rules.iter().filter(|rule| wants(rule)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    match sealing::key(cloud, tx, bus, event, now) {
        Ok(key) => {
            wanted.into_iter().try_for_each(|rule| send(cloud, tx, rule, event, (bus, key.as_ref()), now))
        }
        Err(fault) => {
            sealing::lost(cloud, tx, bus, event, &fault);
            Ok(())
        }
    }
}

/// Puts an event on its way to all targets of one rule of a bus, sealed where that has a key.
///
/// # Errors
/// The store's.
pub(super) fn send(
    cloud: &Cloud,
    tx: &mut Tx,
    rule: &Rule,
    event: &Event,
    (bus, key): (&Bus, Option<&DataKey>),
    now: Timestamp,
) -> Result<(), EventsError> {
    metering::triggered(cloud, tx, rule, now);
    let arn = rule.arn();
    let about = About { rule_arn: &arn, rule_name: &rule.name, taken: &now.iso8601() };
    for target in rule.targets(tx)? {
        let target = target::with_role(target, rule);
        let delivery = Delivery {
            account: rule.account,
            region: rule.region,
            rule: arn.clone(),
            rule_name: rule.name.clone(),
            input: transform::input(&target, &event.document, &event.text, &about),
            target,
            event: event.text.clone(),
            taken: now,
            attempts: 0,
            hops: event.hops,
            trace: event.trace.clone(),
            number: cloud.rng().u64(),
            ..Delivery::default()
        };
        put(tx, now, &sealing::sealed(cloud, delivery, bus, key));
    }
    Ok(())
}

/// Puts a delivery where it comes due.
pub(super) fn put(tx: &mut Tx, at: Timestamp, delivery: &Delivery) {
    let table = if target::is_called(&delivery.target) { &CALLS } else { &DELIVERIES };
    table.put(tx, &Key::global().time(at).u64(delivery.number), delivery);
}
