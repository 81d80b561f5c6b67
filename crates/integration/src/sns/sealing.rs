//! Topics with a key of KMS: the bodies of what is published lie sealed until they are delivered, and in the archive.
//!
//! Who publishes must be let make a data key and open it; that is remembered for five minutes. What is on its way is opened by
//! keys that publishers have opened; after a restart, when there are none, SNS asks KMS in its own name, and waits for the next
//! publisher where the key's policy says nothing of that.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html>. Subjects, attributes and ids are not sealed,
//! as there.

use super::errors::SnsError;
use super::model::{ARCHIVE, Archived, CALLS, DELIVERIES, Delivery, REPLAYS, Topic, topic_arn};
use base::{AccountId, Region, Timestamp};
use kernel::data_key::{self, DataKey};
use kernel::seal::Sealer;
use kernel::{As, Cloud, Cx};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Direction, Record};
use wire::Fault;

const PURPOSE: &str = "sns message";
const ARCHIVED: &str = "sns archived message";
const NAME: &str = "sns.amazonaws.com";
const CONTEXT: &str = "aws:sns:topicArn";
/// AWS: the guide: for so long a data key is used again.
const USED: Duration = Duration::from_secs(300);
/// After so long it is asked anew whether what waits can be opened.
const WAIT: Duration = Duration::from_secs(60);
/// Beyond this many a memory is emptied and fills again.
const KEYS_MAX: usize = 4096;

store::record! {
    /// What of an archived message is sealed.
    #[derive(Clone, PartialEq, Debug)]
    struct Bodies {
        1 => bodies: BTreeMap<String, String>,
    }
}

/// Data keys that are in use.
#[derive(Debug, Default)]
pub(crate) struct DataKeys(Mutex<Keys>);

#[derive(Debug, Default)]
struct Keys {
    /// For publishing: by topic and caller.
    fresh: HashMap<(String, String), Fresh>,
    /// Those that are open, by what KMS made of them.
    open: HashMap<Vec<u8>, Arc<Sealer>>,
    /// Those that could not be opened, and when that is tried again.
    closed: HashMap<Vec<u8>, Timestamp>,
}

#[derive(Clone, Debug)]
struct Fresh {
    key: DataKey,
    /// The key that the topic then named.
    kms_key: String,
    until: Timestamp,
}

impl DataKeys {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.fresh.len() + keys.open.len() + keys.closed.len() > KEYS_MAX {
            *keys = Keys::default();
        }
        keys
    }

    fn opened(&self, encrypted: &[u8], sealer: &Arc<Sealer>) {
        let mut keys = self.keys();
        keys.closed.remove(encrypted);
        keys.open.insert(encrypted.to_vec(), Arc::clone(sealer));
    }
}

/// The data key with which this caller publishes to a topic, if that has a key.
///
/// # Errors
/// Those of KMS.
pub(crate) fn key(cx: &mut Cx<'_>, topic: &Topic) -> Result<Option<DataKey>, SnsError> {
    let Some(kms_key) = &topic.kms_key else { return Ok(None) };
    let known = cx.memory::<DataKeys>();
    let (arn, now) = (topic.arn(), cx.now);
    let id = (arn.clone(), cx.caller.arn().into_owned());
    let fresh = known.keys().fresh.get(&id).cloned();
    if let Some(fresh) = fresh.filter(|fresh| fresh.until > now && fresh.kms_key == *kms_key) {
        return Ok(Some(fresh.key));
    }
    let pairs = [(CONTEXT, arn.as_str())];
    let key = data_key::generate(cx, kms_key, &pairs, As::CallerVia(NAME)).map_err(SnsError::of_kms)?;
    // AWS: who publishes must be let open it as well.
    data_key::open(cx, &key.encrypted, &pairs, As::CallerVia(NAME)).map_err(SnsError::of_kms)?;
    known.opened(&key.encrypted, &key.sealer);
    open_waiting(cx, topic, &known)?;
    let fresh = Fresh { key: key.clone(), kms_key: kms_key.clone(), until: now.plus(USED) };
    known.keys().fresh.insert(id, fresh);
    Ok(Some(key))
}

/// Opens what waits of a topic, as far as its new publisher may.
fn open_waiting(cx: &mut Cx<'_>, topic: &Topic, known: &DataKeys) -> Result<(), SnsError> {
    let snapshot = cx.cloud().store().snapshot();
    let mut waiting: BTreeSet<Vec<u8>> = BTreeSet::new();
    for table in [&DELIVERIES, &CALLS] {
        for pair in table.scan(&snapshot, &topic.key(), Direction::Forward) {
            waiting.insert(pair?.1.data_key);
        }
    }
    if REPLAYS.scan(&snapshot, &topic.key(), Direction::Forward).next().is_some() {
        for pair in ARCHIVE.scan(&snapshot, &topic.key(), Direction::Forward) {
            waiting.insert(pair?.1.data_key);
        }
    }
    waiting.remove(&Vec::new());
    let arn = topic.arn();
    for encrypted in waiting {
        if !known.keys().open.contains_key(&encrypted)
            && let Ok(sealer) =
                data_key::open(cx, &encrypted, &[(CONTEXT, arn.as_str())], As::CallerVia(NAME))
        {
            known.opened(&encrypted, &sealer);
        }
    }
    Ok(())
}

/// A delivery as it is kept.
pub(crate) fn sealed(cloud: &Cloud, delivery: Delivery, key: Option<&DataKey>) -> Delivery {
    let Some(key) = key else { return delivery };
    let sealed = key.sealer.seal(cloud.rng(), PURPOSE, delivery.message.as_bytes());
    Delivery { message: String::new(), sealed: Some(sealed), data_key: key.encrypted.clone(), ..delivery }
}

/// A delivery as it is sent.
///
/// # Errors
/// When to try again, where nobody has opened its key.
pub(crate) fn opened<'d>(cloud: &Arc<Cloud>, delivery: &'d Delivery) -> Result<Cow<'d, Delivery>, Timestamp> {
    let Some(sealed) = &delivery.sealed else { return Ok(Cow::Borrowed(delivery)) };
    let now = cloud.clock().now();
    let home = (delivery.account, delivery.region, delivery.topic.as_str());
    let sealer = sealer(cloud, home, &delivery.data_key, now)?;
    let text = sealer.open(PURPOSE, sealed).ok().and_then(|text| String::from_utf8(text.to_vec()).ok());
    let Some(message) = text else {
        kernel::log::error("a stored message cannot be read", &[("topic", &delivery.topic)]);
        return Err(now.plus(WAIT));
    };
    Ok(Cow::Owned(Delivery { message, sealed: None, data_key: Vec::new(), ..delivery.clone() }))
}

/// A message as an archive keeps it.
pub(crate) fn archived(cloud: &Cloud, message: Archived, key: Option<&DataKey>) -> Archived {
    let Some(key) = key else { return message };
    let bodies = Bodies { bodies: message.bodies };
    let sealed = key.sealer.seal(cloud.rng(), ARCHIVED, &bodies.to_bytes());
    let (sealed, data_key) = (Some(sealed), key.encrypted.clone());
    Archived { bodies: BTreeMap::new(), sealed, data_key, ..message }
}

/// A message of an archive as it was published, and what it lay sealed with.
///
/// # Errors
/// When to try again, where nobody has opened its key.
pub(crate) fn unarchived(
    cloud: &Arc<Cloud>,
    topic: &Topic,
    mut message: Archived,
) -> Result<(Archived, Option<DataKey>), Timestamp> {
    let Some(sealed) = message.sealed.take() else { return Ok((message, None)) };
    let now = cloud.clock().now();
    let encrypted = std::mem::take(&mut message.data_key);
    let sealer = sealer(cloud, (topic.account, topic.region, &topic.name), &encrypted, now)?;
    let bytes = sealer.open(ARCHIVED, &sealed).ok();
    let Some(Bodies { bodies }) = bytes.and_then(|bytes| Bodies::from_bytes(&bytes).ok()) else {
        kernel::log::error("an archived message cannot be read", &[("topic", &topic.name)]);
        return Err(now.plus(WAIT));
    };
    Ok((Archived { bodies, ..message }, Some(DataKey { encrypted, sealer })))
}

fn sealer(
    cloud: &Arc<Cloud>,
    (account, region, topic): (AccountId, Region, &str),
    encrypted: &[u8],
    now: Timestamp,
) -> Result<Arc<Sealer>, Timestamp> {
    let known = cloud.memory::<DataKeys>();
    let (open, closed) = {
        let keys = known.keys();
        (keys.open.get(encrypted).cloned(), keys.closed.get(encrypted).copied())
    };
    if let Some(open) = open {
        return Ok(open);
    }
    if let Some(again) = closed.filter(|again| *again > now) {
        return Err(again);
    }
    let arn = topic_arn(account, region, topic);
    let mut tx = cloud.store().begin();
    let answer: Result<Arc<Sealer>, Fault> = cloud.act(&mut tx, NAME, account, region, |cx| {
        data_key::open(cx, encrypted, &[(CONTEXT, arn.as_str())], As::Caller)
    });
    match answer {
        Ok(sealer) => {
            known.opened(encrypted, &sealer);
            Ok(sealer)
        }
        Err(fault) => {
            kernel::log::warn(
                "messages wait for their key",
                &[("topic", &arn), ("problem", &fault.to_string())],
            );
            let again = now.plus(WAIT);
            known.keys().closed.insert(encrypted.to_vec(), again);
            Err(again)
        }
    }
}
