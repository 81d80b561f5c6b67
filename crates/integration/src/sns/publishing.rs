//! How a message gets to its topic: what is checked, and what is put on its way to each subscription.
//!
//! The message, its filters' decisions and one delivery for each subscription that wants it are one transaction: what
//! is accepted is on its way.

use super::archive;
use super::errors::{SnsError, invalid};
use super::metering;
use super::model::{
    Archived, Attribute, CALLS, COUNTERS, Counter, DELIVERIES, Delivery, SUBSCRIPTIONS, Subscription, Topic,
    USED, Used,
};
use super::push;
use super::sealing;
use super::subscribing;
use aws_lc_rs::digest::{SHA256, digest as sha};
use base::Timestamp;
use bytes::Bytes;
use kernel::Cx;
use kernel::data_key::DataKey;
use kernel::pattern::Pattern;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Direction, Key, Tx};
use wire::{Pairs, Value};

/// AWS: the quotas of the developer guide.
pub(crate) const BYTES_MAX: usize = 262_144;
const SUBJECT_CHARS_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 256;
const ID_CHARS_MAX: usize = 128;
const DEDUPLICATION_LIFE: Duration = Duration::from_secs(300);

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct AttributeValue {
        pub(crate) data_type: String = "DataType",
        pub(crate) text: Option<String> = "StringValue",
        pub(crate) binary: Option<Bytes> = "BinaryValue",
    }
}

/// A message as a request has it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) message: String,
    pub(crate) subject: Option<String>,
    pub(crate) structure: Option<String>,
    pub(crate) attributes: Pairs<AttributeValue>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// A message that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// What each protocol gets; `default` is what the others get.
    bodies: Vec<(String, String)>,
    pub(crate) subject: Option<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    group: Option<String>,
    deduplication: Option<String>,
    pub(crate) size: usize,
}

/// What a message got when it was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) message_id: String,
    pub(crate) time: Timestamp,
    /// What URLs begin with.
    pub(crate) origin: String,
    /// Of a FIFO topic.
    pub(crate) number: Option<u64>,
    pub(crate) deduplication: Option<String>,
    /// The chain of requests that it belongs to; who asks for a replay begins another.
    pub(crate) chain: Option<String>,
    pub(crate) replayed: bool,
    /// Under which it is kept, of a topic with a key of KMS.
    pub(crate) key: Option<DataKey>,
}

impl Parcel {
    fn archived(&self, accepted: &Accepted) -> Archived {
        Archived {
            message_id: accepted.message_id.clone(),
            time: accepted.time,
            bodies: self.bodies.iter().cloned().collect(),
            subject: self.subject.clone(),
            attributes: self.attributes.clone(),
            group: self.group.clone(),
            deduplication: accepted.deduplication.clone(),
            origin: accepted.origin.clone(),
            ..Archived::default()
        }
    }

    pub(crate) fn of_archive(message: Archived) -> Parcel {
        Parcel {
            bodies: message.bodies.into_iter().collect(),
            subject: message.subject,
            attributes: message.attributes,
            group: message.group,
            deduplication: message.deduplication,
            size: 0,
        }
    }

    pub(crate) fn body(&self, protocol: &str) -> &str {
        let find = |name: &str| self.bodies.iter().find(|(key, _)| key == name);
        find(protocol).or_else(|| find("default")).map_or("", |(_, body)| body)
    }
}

impl Draft {
    /// # Errors
    /// `InvalidParameter`, `ParameterValueInvalid`.
    pub(crate) fn check(self) -> Result<Parcel, SnsError> {
        self.check_for("default")
    }

    /// As [`Draft::check`], where one protocol's body is enough.
    ///
    /// # Errors
    /// `InvalidParameter`, `ParameterValueInvalid`.
    pub(crate) fn check_for(self, protocol: &str) -> Result<Parcel, SnsError> {
        if self.message.is_empty() {
            return Err(invalid("Empty message"));
        }
        if let Some(subject) = &self.subject {
            let plain = |c: char| !c.is_control();
            let length = subject.chars().count();
            if length == 0 || length > SUBJECT_CHARS_MAX || !subject.chars().all(plain) {
                return Err(invalid("Subject"));
            }
        }
        let mut attributes = BTreeMap::new();
        for (name, value) in self.attributes.0 {
            attributes.insert(name.clone(), attribute(&name, value)?);
        }
        let length = |a: &Attribute| {
            a.data_type.len() + a.text.as_ref().map_or(0, String::len) + a.binary.as_ref().map_or(0, Vec::len)
        };
        let size =
            self.message.len() + attributes.iter().map(|(name, a)| name.len() + length(a)).sum::<usize>();
        if size > BYTES_MAX {
            return Err(invalid("Message too long"));
        }
        let bodies = match self.structure.as_deref() {
            Some("json") => structured(&self.message, protocol)?,
            Some(_) => return Err(invalid("MessageStructure")),
            None => vec![("default".to_owned(), self.message)],
        };
        check_id("MessageGroupId", self.group.as_deref())?;
        check_id("MessageDeduplicationId", self.deduplication.as_deref())?;
        Ok(Parcel {
            bodies,
            subject: self.subject,
            attributes,
            group: self.group,
            deduplication: self.deduplication,
            size,
        })
    }
}

fn check_id(parameter: &str, id: Option<&str>) -> Result<(), SnsError> {
    match id {
        Some(id) if id.is_empty() || id.len() > ID_CHARS_MAX || !id.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(invalid(format!(
                "{parameter} Reason: {parameter} can only include alphanumeric and punctuation characters and has to be 1 to 128 in length"
            )))
        }
        _ => Ok(()),
    }
}

fn structured(message: &str, needed: &str) -> Result<Vec<(String, String)>, SnsError> {
    let Some(Value::Map(members)) = wire::json::read(message) else {
        return Err(invalid("Message Structure - JSON message body failed to parse"));
    };
    let bodies: Vec<(String, String)> = members
        .into_iter()
        .filter_map(|(protocol, body)| Some((protocol, body.as_str()?.to_owned())))
        .collect();
    if !bodies.iter().any(|(protocol, _)| protocol == "default" || protocol == needed) {
        return Err(invalid("Message Structure - No default entry in JSON message body"));
    }
    Ok(bodies)
}

fn attribute(name: &str, value: AttributeValue) -> Result<Attribute, SnsError> {
    let refuse = |what: String| Err(SnsError::Value(what));
    if name.len() >= NAME_BYTES_MAX {
        return refuse("Length of message attribute name must be less than 256 bytes.".into());
    }
    let good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(bad) = name.chars().find(|c| !good(c)) {
        let code = u32::from(bad);
        return refuse(format!(
            "Invalid non-alphanumeric character '#x{code:X}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."
        ));
    }
    if name.starts_with('.') {
        return refuse("Invalid message attribute name starting with character '.' was found.".into());
    }
    if name.ends_with('.') {
        return refuse("Invalid message attribute name ending with character '.' was found.".into());
    }
    if name.contains("..") {
        return refuse("Message attribute name can not have successive '.' character.".into());
    }
    let kind = value.data_type.split('.').next().unwrap_or_default().to_owned();
    let field = match kind.as_str() {
        "String" | "Number" => "String",
        "Binary" => "Binary",
        _ => {
            return refuse(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            ));
        }
    };
    let (own, other) = match field {
        "Binary" => (value.binary.as_ref().is_some_and(|b| !b.is_empty()), value.text.is_some()),
        _ => (value.text.as_ref().is_some_and(|t| !t.is_empty()), value.binary.is_some()),
    };
    if !own && other {
        return refuse(format!(
            "The message attribute '{name}' with type '{}' must use field '{field}'.",
            value.data_type
        ));
    }
    if !own {
        return refuse(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{}'.",
            value.data_type
        ));
    }
    if kind == "Number" && value.text.as_ref().is_none_or(|text| text.trim().parse::<f64>().is_err()) {
        return refuse(format!("Could not cast message attribute '{name}' value to number."));
    }
    let binary = value.binary.filter(|_| field == "Binary").map(|bytes| bytes.to_vec());
    let text = value.text.filter(|_| field == "String");
    Ok(Attribute { data_type: value.data_type, text, binary })
}

/// What a publisher is told.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) message_id: String,
    pub(crate) number: Option<String>,
}

pub(crate) fn no_deduplication() -> SnsError {
    invalid(
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    )
}

/// Publishes to a topic.
///
/// # Errors
/// `InvalidParameter`; those of KMS.
pub(crate) fn publish(cx: &mut Cx<'_>, topic: &Topic, parcel: &Parcel) -> Result<Published, SnsError> {
    let key = sealing::key(cx, topic)?;
    let message_id = base::id::uuid(cx.rng());
    let (number, deduplication) = if topic.is_fifo() {
        match place(cx, topic, parcel, &message_id)? {
            Placed::Before(used) => {
                let number = Some(super::envelope::number_text(used.number));
                return Ok(Published { message_id: used.message_id, number });
            }
            Placed::At { number, deduplication } => (Some(number), Some(deduplication)),
        }
    } else {
        if parcel.deduplication.is_some() {
            return Err(invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            ));
        }
        (None, None)
    };
    let (time, origin) = (cx.now, cx.request.origin());
    let chain = cx.request.chain.clone();
    let accepted = Accepted { message_id, time, origin, number, deduplication, chain, replayed: false, key };
    if let Some(number) = number {
        let message = sealing::archived(cx.cloud(), parcel.archived(&accepted), accepted.key.as_ref());
        archive::keep(cx.tx, topic, number, &message);
    }
    let subscriptions = SUBSCRIPTIONS.scan(cx.tx, &topic.key(), Direction::Forward);
    let all: Result<Vec<Subscription>, _> = subscriptions.map(|entry| entry.map(|(_, s)| s)).collect();
    let cloud = cx.cloud().clone();
    metering::published(&cloud, cx.tx, topic, parcel.size, time);
    for subscription in all?.iter().filter(|s| s.is_live()) {
        send(&cloud, cx.tx, (topic, subscription), parcel, &accepted, time)?;
    }
    let number = number.map(super::envelope::number_text);
    Ok(Published { message_id: accepted.message_id, number })
}

/// Puts a message on its way to a subscription, if its filter lets it through.
///
/// # Errors
/// `InternalError` for a stored filter that cannot be read.
pub(crate) fn send(
    cloud: &kernel::Cloud,
    tx: &mut Tx,
    (topic, subscription): (&Topic, &Subscription),
    parcel: &Parcel,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<(), SnsError> {
    let body = parcel.body(push::channel(&subscription.protocol, &subscription.endpoint));
    if !wants(subscription, &parcel.attributes, body)? {
        metering::filtered(cloud, tx, topic, (subscription, !parcel.attributes.is_empty()), now);
        return Ok(());
    }
    let delivery = Delivery {
        message_id: accepted.message_id.clone(),
        message: body.to_owned(),
        subject: parcel.subject.clone(),
        attributes: parcel.attributes.clone(),
        group: parcel.group.clone(),
        deduplication: accepted.deduplication.clone(),
        number: accepted.number,
        time: accepted.time,
        chain: accepted.chain.clone(),
        replayed: accepted.replayed,
        ..address(topic, subscription, now, accepted.origin.clone())
    };
    let order = accepted.number.unwrap_or_else(|| accepted.time.micros().unsigned_abs());
    enqueue(tx, &sealing::sealed(cloud, delivery, accepted.key.as_ref()), order);
    Ok(())
}

/// A delivery to a subscription, before it has a message.
pub(crate) fn address(
    topic: &Topic,
    subscription: &Subscription,
    now: Timestamp,
    origin: String,
) -> Delivery {
    Delivery {
        subscription: subscription.id.clone(),
        account: topic.account,
        region: topic.region,
        topic: topic.name.clone(),
        protocol: subscription.protocol.clone(),
        endpoint: subscription.endpoint.clone(),
        time: now,
        raw: subscription.raw,
        dead_letters: subscription.redrive.as_deref().and_then(subscribing::dead_letter_target),
        signature_version: topic.signature_version,
        origin,
        not_before: now,
        policy: subscribing::policy(topic, subscription),
        ..Delivery::default()
    }
}

/// Puts a delivery on its way, behind those of lower order.
pub(crate) fn enqueue(tx: &mut Tx, delivery: &Delivery, order: u64) {
    let key = super::model::topic_key(delivery.account, delivery.region, &delivery.topic)
        .u64(order)
        .str(&delivery.message_id)
        .str(&delivery.subscription);
    let table = if subscribing::is_called(&delivery.protocol) { &CALLS } else { &DELIVERIES };
    table.put(tx, &key, delivery);
}

enum Placed {
    /// It was published before.
    Before(Used),
    At {
        number: u64,
        deduplication: String,
    },
}

/// Gives a message of a FIFO topic its position. Publishers of one topic meet at its counter, so that the order of
/// positions is that of the commits.
fn place(cx: &mut Cx<'_>, topic: &Topic, parcel: &Parcel, message_id: &str) -> Result<Placed, SnsError> {
    let Some(group) = &parcel.group else {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    };
    let deduplication = match &parcel.deduplication {
        Some(id) => id.clone(),
        None if topic.content_deduplication => {
            let hash = sha(&SHA256, parcel.body("default").as_bytes());
            hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        }
        None => return Err(no_deduplication()),
    };
    let scope = if topic.deduplicates_by_group { group.as_str() } else { "" };
    let key = topic.key().str(scope).str(&deduplication);
    if let Some(used) = USED.get(cx.tx, &key)?
        && used.at.plus(DEDUPLICATION_LIFE) > cx.now
    {
        return Ok(Placed::Before(used));
    }
    let number = COUNTERS.get(cx.tx, &topic.key())?.map_or(0, |counter| counter.last) + 1;
    COUNTERS.put(cx.tx, &topic.key(), &Counter { last: number });
    USED.put(cx.tx, &key, &Used { at: cx.now, message_id: message_id.to_owned(), number });
    Ok(Placed::At { number, deduplication })
}

/// Whether the subscription's filter lets the message through.
fn wants(
    subscription: &Subscription,
    attributes: &BTreeMap<String, Attribute>,
    body: &str,
) -> Result<bool, SnsError> {
    let Some(text) = &subscription.filter else { return Ok(true) };
    let pattern = Pattern::read(text).map_err(|_| SnsError::Internal)?;
    if subscription.filters_body {
        // What is no JSON object matches no filter of the body.
        let document = wire::json::read(body).filter(|value| matches!(value, Value::Map(_)));
        return Ok(document.is_some_and(|document| pattern.matches(&document)));
    }
    let members = attributes.iter().filter_map(|(name, a)| Some((name.clone(), filtered(a)?)));
    Ok(pattern.matches(&Value::Map(members.collect())))
}

/// An attribute as filters see it.
fn filtered(attribute: &Attribute) -> Option<Value> {
    let text = attribute.text.as_ref()?;
    match attribute.data_type.as_str() {
        "String.Array" => wire::json::read(text).filter(|value| matches!(value, Value::List(_))),
        kind if kind.starts_with("Number") => Some(Value::Float(text.trim().parse().ok()?)),
        _ => Some(Value::str(text)),
    }
}

/// The ids of FIFO topics whose time is over.
pub(crate) fn forget_used(cloud: &kernel::Cloud) -> Result<(), SnsError> {
    let now = cloud.clock().now();
    let mut tx = cloud.store().begin();
    for entry in USED.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (key, used) = entry?;
        if used.at.plus(DEDUPLICATION_LIFE) <= now {
            USED.delete(&mut tx, &key);
        }
    }
    tx.commit().wait().map(drop).map_err(|_| SnsError::Internal)
}
