//! Buses with a key of KMS: what their own and partners' events bring targets lies sealed until it is delivered.
//!
//! EventBridge asks KMS in its own name, for the sake of the bus, and remembers an answer for five minutes. An event that cannot
//! be sealed goes into the dead-letter queue of the bus, if that has one. What the cloud's own services tell is not sealed by it,
//! as in AWS.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-at-rest-key-options.html>
//!
//! Archives have keys of their own, used for the sake of their bus.
//!
//! Not here: patterns of rules and archives are not sealed.

use super::errors::{self, EventsError, invalid};
use super::model::{Bus, Delivery, Home};
use super::routing::Event;
use super::target::{NAME, attribute, letter};
use base::{Arn, Region, Timestamp};
use kernel::data_key::{self, DataKey};
use kernel::seal::Sealer;
use kernel::{Call, Cloud, Cx, Expiring};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use store::{Record, Tx};
use wire::{Fault, Value};

const PURPOSE: &str = "event";
const ARCHIVED: &str = "archived event";
const CONTEXT: &str = "aws:events:event-bus:arn";
const REMEMBERED: Duration = Duration::from_secs(300);
const KEYS_MAX: usize = 2048;

store::record! {
    /// What of a delivery is sealed.
    #[derive(Clone, PartialEq, Debug)]
    struct Contents {
        1 => event: String,
        2 => input: String,
    }
}

/// What is remembered of keys.
#[derive(Debug, Default)]
struct Keys {
    /// By bus and key.
    fresh: Expiring<(String, String), DataKey, KEYS_MAX>,
    /// By what KMS made of them.
    open: Expiring<Vec<u8>, Arc<Sealer>, KEYS_MAX>,
}

fn ask(cloud: &Arc<Cloud>, tx: &mut Tx, home: Home, bus: &str, call: Call<'static>) -> Result<Value, Fault> {
    let savepoint = tx.savepoint();
    let answer = cloud.call_for(tx, NAME, home, Some(bus), call);
    if answer.is_err() {
        tx.rollback_to(savepoint);
    }
    answer
}

/// The data key for what comes over a bus now; none where it has no key, or the event is the cloud's own.
///
/// # Errors
/// Those of KMS.
pub(super) fn key(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    event: &Event,
    now: Timestamp,
) -> Result<Option<DataKey>, Fault> {
    let source = event.document.entry("source").and_then(Value::as_str).unwrap_or_default();
    let is_own = source.starts_with("aws.") && !source.starts_with("aws.partner/");
    match &bus.key {
        Some(kms_key) if !is_own => fresh(cloud, tx, bus, kms_key, now).map(Some),
        _ => Ok(None),
    }
}

/// A data key of a bus, made now or within the last minutes.
///
/// # Errors
/// Those of KMS.
pub(super) fn fresh(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    kms_key: &str,
    now: Timestamp,
) -> Result<DataKey, Fault> {
    let (keys, arn) = (cloud.memory::<Keys>(), bus.arn());
    let id = (arn.clone(), kms_key.to_owned());
    if let Some(key) = keys.fresh.get(&id, now) {
        return Ok(key);
    }
    let call = data_key::generation(kms_key, &[(CONTEXT, arn.as_str())]);
    let key = data_key::made(&ask(cloud, tx, bus.home(), &arn, call)?)?;
    keys.fresh.keep(id, key.clone(), now.plus(REMEMBERED));
    Ok(key)
}

/// A key that is asked for a bus or an archive of it, none where it is empty, once EventBridge has tried that it may use it.
///
/// # Errors
/// `ValidationException`
pub(super) fn own_key(
    cx: &mut Cx<'_>,
    bus: &Bus,
    asked: Option<String>,
) -> Result<Option<String>, EventsError> {
    let Some(key) = asked.filter(|key| !key.is_empty()) else { return Ok(None) };
    let cloud = cx.cloud().clone();
    let tried = fresh(&cloud, cx.tx, bus, &key, cx.now);
    tried.map_err(|fault| invalid(format!("KmsKeyIdentifier is not valid: {}", fault.message)))?;
    Ok(Some(key))
}

/// A delivery as it is kept.
pub(super) fn sealed(cloud: &Cloud, delivery: Delivery, bus: &Bus, key: Option<&DataKey>) -> Delivery {
    let Some(key) = key else { return delivery };
    let contents = Contents { event: delivery.event, input: delivery.input };
    let sealed = key.sealer.seal(cloud.rng(), PURPOSE, &contents.to_bytes());
    Delivery {
        event: String::new(),
        input: String::new(),
        sealed,
        data_key: key.encrypted.clone(),
        bus: bus.name.clone(),
        ..delivery
    }
}

/// A delivery as it is made.
///
/// # Errors
/// Those of KMS.
pub(super) fn opened<'d>(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &'d Delivery,
    now: Timestamp,
) -> Result<Cow<'d, Delivery>, Fault> {
    if delivery.sealed.is_empty() {
        return Ok(Cow::Borrowed(delivery));
    }
    let home = (delivery.account, delivery.region);
    let sealer = sealer(cloud, tx, (home, &delivery.bus), &delivery.data_key, now)?;
    let bytes = sealer.open(PURPOSE, &delivery.sealed).map_err(|_| broken())?;
    let Contents { event, input } = Contents::from_bytes(&bytes).map_err(|_| broken())?;
    let (sealed, data_key) = (Vec::new(), Vec::new());
    Ok(Cow::Owned(Delivery { event, input, sealed, data_key, ..delivery.clone() }))
}

fn sealer(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    (home, bus): (Home, &str),
    encrypted: &[u8],
    now: Timestamp,
) -> Result<Arc<Sealer>, Fault> {
    let (keys, encrypted) = (cloud.memory::<Keys>(), encrypted.to_vec());
    if let Some(sealer) = keys.open.get(&encrypted, now) {
        return Ok(sealer);
    }
    let arn = super::model::bus_arn(home, bus);
    let call = data_key::opening(&encrypted, &[(CONTEXT, arn.as_str())]);
    let sealer = data_key::sealer(&ask(cloud, tx, home, &arn, call)?)?;
    keys.open.keep(encrypted, Arc::clone(&sealer), now.plus(REMEMBERED));
    Ok(sealer)
}

fn broken() -> Fault {
    Fault::from(EventsError::Internal)
}

/// What an archive with a key keeps of an event's text: sealed, and what KMS made of the key.
///
/// # Errors
/// Those of KMS.
pub(super) fn archived(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    kms_key: &str,
    text: &str,
    now: Timestamp,
) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let key = fresh(cloud, tx, bus, kms_key, now)?;
    Ok((key.sealer.seal(cloud.rng(), ARCHIVED, text.as_bytes()), key.encrypted))
}

/// The text of an event that an archive of the bus has sealed.
///
/// # Errors
/// Those of KMS.
pub(super) fn unarchived(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    bus: &Bus,
    (sealed, encrypted): (&[u8], &[u8]),
    now: Timestamp,
) -> Result<String, Fault> {
    let sealer = sealer(cloud, tx, (bus.home(), &bus.name), encrypted, now)?;
    let bytes = sealer.open(ARCHIVED, sealed).map_err(|_| broken())?;
    String::from_utf8(bytes.to_vec()).map_err(|_| broken())
}

/// An event that could not be sealed: into the dead-letter queue of its bus, if there is one.
pub(super) fn lost(cloud: &Arc<Cloud>, tx: &mut Tx, bus: &Bus, event: &Event, fault: &Fault) {
    let arn = bus.arn();
    let fields = [("bus", arn.as_str()), ("problem", &fault.to_string())];
    kernel::log::warn("an event could not be sealed", &fields);
    let Some(queue) = bus.dead_letters.as_deref().and_then(Arn::parse) else { return };
    let words = if fault.message.is_empty() { "-".into() } else { fault.message.to_string() };
    let attributes = vec![
        attribute("ERROR_CODE", "String", errors::listed(fault).to_owned()),
        attribute("ERROR_MESSAGE", "String", words),
    ];
    let call = letter(&queue, &event.text, attributes);
    let region = Region::parse(&queue.region).unwrap_or(bus.region);
    if let Err(fault) = ask(cloud, tx, (bus.account, region), &arn, call) {
        let fields = [("queue", queue.resource.as_str()), ("problem", &fault.to_string())];
        kernel::log::warn("a dead letter was not delivered", &fields);
    }
}
