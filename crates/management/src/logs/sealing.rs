//! Groups with a key of KMS: their events lie sealed under data keys that this key has encrypted.
//!
//! The service itself asks KMS (`logs.us-east-1.amazonaws.com`), for the group's ARN, so the key's policy must allow it to. An
//! answer is remembered for five minutes. Each association has a data key of its own; what came in under an older one stays under
//! it. What is made of such events and kept, results of queries and what is on its way to subscribers, lies under the cloud's own
//! key.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html>
//!
//! Not here: keys for the results of queries.

use super::errors::{LogsError, invalid};
use super::exporting::regional;
use super::model::data_key::{self as rows, DATA_KEYS, DataKey};
use super::model::event::Event;
use super::model::group::Group;
use base::Region;
use kernel::seal::Sealer;
use kernel::{As, Cloud, Cx, Expiring, data_key};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::Record;
use wire::Fault;

const PURPOSE: &str = "log event";
const CONTEXT: &str = "aws:logs:arn";
/// AWS: for so long a change of a key may go unnoticed.
const REMEMBERED: Duration = Duration::from_secs(300);
const KEYS_MAX: usize = 4096;

/// Data keys that are open, by number.
type Keyring = Expiring<u64, Arc<Sealer>, KEYS_MAX>;

fn refused(group: &Group) -> LogsError {
    let arn = group.arn();
    invalid(format!("The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"))
}

fn service(cx: &Cx<'_>, group: &Group) -> As {
    As::Service { name: regional(cx.region), account: group.account }
}

/// Gives a group a key; the caller saves it.
///
/// # Errors
/// `InvalidParameterException`
pub(super) fn associate(cx: &mut Cx<'_>, group: &mut Group, kms_key: &str) -> Result<(), LogsError> {
    let arn = group.arn();
    if !kms_key.starts_with("arn:") {
        return Err(refused(group));
    }
    let who = service(cx, group);
    let made = data_key::generate(cx, kms_key, &[(CONTEXT, arn.as_str())], who);
    let made = made.map_err(|_| refused(group))?;
    // 0 is none.
    let number = cx.rng().u64().max(1);
    DATA_KEYS.put(cx.tx, &rows::key(group.id, number), &DataKey { number, encrypted: made.encrypted });
    // What was made is remembered when it was kept, and opened.
    (group.kms_key, group.data_key) = (Some(kms_key.to_owned()), number);
    Ok(())
}

/// From now on events lie as they are.
pub(super) fn disassociate(group: &mut Group) {
    (group.kms_key, group.data_key) = (None, 0);
}

/// The keys of a group that is no more.
///
/// # Errors
/// The store's.
pub(super) fn forget(cx: &mut Cx<'_>, group: &Group) -> Result<(), LogsError> {
    for key in rows::of_group(cx.tx, group.id)? {
        DATA_KEYS.delete(cx.tx, &rows::key(group.id, key.number));
    }
    Ok(())
}

/// The data keys of a group, those that cannot be opened with why.
pub(super) struct Ring {
    keys: HashMap<u64, Result<Arc<Sealer>, Fault>>,
    closed: LogsError,
}

/// Opens what a group's events are sealed by.
///
/// # Errors
/// The store's.
pub(super) fn ring(cx: &mut Cx<'_>, group: &Group) -> Result<Ring, LogsError> {
    let mut keys = HashMap::new();
    for key in rows::of_group(cx.tx, group.id)? {
        keys.insert(key.number, open(cx, group, &key));
    }
    Ok(Ring { keys, closed: refused(group) })
}

/// As [`ring`], for what the cloud does by itself.
///
/// # Errors
/// The store's.
pub(super) fn ring_of(cloud: &Arc<Cloud>, group: &Group) -> Result<Ring, LogsError> {
    let region = Region::parse(&group.region).ok_or(LogsError::Unreadable)?;
    let mut tx = cloud.store().begin();
    cloud.act(&mut tx, regional(region), group.account, region, |cx| ring(cx, group))
}

fn open(cx: &mut Cx<'_>, group: &Group, key: &DataKey) -> Result<Arc<Sealer>, Fault> {
    let known = cx.memory::<Keyring>();
    if let Some(sealer) = known.get(&key.number, cx.now) {
        return Ok(sealer);
    }
    let (arn, who) = (group.arn(), service(cx, group));
    let sealer = data_key::open(cx, &key.encrypted, &[(CONTEXT, arn.as_str())], who)?;
    known.keep(key.number, Arc::clone(&sealer), cx.now.plus(REMEMBERED));
    Ok(sealer)
}

impl Ring {
    /// Whether events may be sealed.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// An event as it came.
    ///
    /// # Errors
    /// `InvalidParameterException` where its key cannot be used.
    pub(super) fn open(&self, event: Event) -> Result<Event, LogsError> {
        if event.key == 0 {
            return Ok(event);
        }
        let sealer = match self.keys.get(&event.key) {
            Some(Ok(sealer)) => sealer,
            Some(Err(_)) => return Err(self.closed.clone()),
            None => return Err(LogsError::Unreadable),
        };
        let text = sealer.open(PURPOSE, &event.sealed).ok();
        let text = text.and_then(|text| String::from_utf8(text.to_vec()).ok());
        let message = text.ok_or(LogsError::Unreadable)?;
        Ok(Event { message, key: 0, sealed: Vec::new(), ingested: event.ingested })
    }
}

/// What seals the events that come into a group now.
pub(super) struct Lock(Option<(u64, Arc<Sealer>)>);

/// # Errors
/// `InvalidParameterException` where the group's key cannot be used.
pub(super) fn lock(cx: &mut Cx<'_>, group: &Group) -> Result<Lock, LogsError> {
    if group.data_key == 0 {
        return Ok(Lock(None));
    }
    let key = DATA_KEYS.get(cx.tx, &rows::key(group.id, group.data_key))?.ok_or(LogsError::Unreadable)?;
    let sealer = open(cx, group, &key).map_err(|_| refused(group))?;
    Ok(Lock(Some((key.number, sealer))))
}

impl Lock {
    pub(super) fn event(&self, cx: &Cx<'_>, message: String) -> Event {
        let ingested = cx.now;
        match &self.0 {
            None => Event { message, ingested, ..Event::default() },
            Some((key, sealer)) => {
                let sealed = sealer.seal(cx.rng(), PURPOSE, message.as_bytes());
                Event { message: String::new(), ingested, key: *key, sealed }
            }
        }
    }
}

/// What was made of sealed events, under the cloud's own key.
pub(super) fn hide<R: Record>(cloud: &Cloud, record: &R) -> Vec<u8> {
    cloud.sealer().seal(cloud.rng(), PURPOSE, &record.to_bytes())
}

/// # Errors
/// `InternalFailure` for what is damaged.
pub(super) fn show<R: Record>(cloud: &Cloud, hidden: &[u8]) -> Result<R, LogsError> {
    let bytes = cloud.sealer().open(PURPOSE, hidden).map_err(|_| LogsError::Unreadable)?;
    R::from_bytes(&bytes).map_err(|_| LogsError::Unreadable)
}
