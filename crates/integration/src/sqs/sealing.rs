//! How messages lie on the disk: as they are, under the cloud's own key (SSE-SQS), or under data keys of KMS
//! (SSE-KMS).
//!
//! A data key is asked for with the permissions of whoever sends or receives, and used again for as long as the queue
//! says; so a change of a key's policy is noticed when that time is over, as in AWS.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html>

use super::errors::SqsError;
use super::model::known::Known;
use super::model::message::{Content, DataKey, Message, Sealing};
use kernel::seal::Sealer;
use kernel::{As, Cx, Expiring, data_key};
use std::sync::Arc;
use std::time::Duration;
use store::Record;

const PURPOSE: &str = "sqs message";
const VIA: &str = "sqs.amazonaws.com";
const KEYS_MAX: usize = 1024;

/// Data keys that are in use. Each is its caller's alone.
#[derive(Default)]
pub(crate) struct DataKeys {
    /// For sending: by queue and caller.
    fresh: Expiring<(u64, String), Held, KEYS_MAX>,
    /// For receiving: by the encrypted key and the caller.
    known: Expiring<(Vec<u8>, String), Held, KEYS_MAX>,
}

#[derive(Clone)]
struct Held {
    sealer: Arc<Sealer>,
    key: DataKey,
    /// The key that the queue then named.
    kms_key: String,
}

const CONTEXT: &str = "aws:sqs:arn";

/// Seals what is in a message as its queue wants it.
///
/// # Errors
/// Those of KMS.
pub(crate) fn seal(
    cx: &mut Cx<'_>,
    known: &Known,
    content: &Content,
) -> Result<(Vec<u8>, Sealing), SqsError> {
    let bytes = content.to_bytes();
    if let Some(kms_key) = &known.kms_key {
        let held = data_key(cx, known, kms_key)?;
        return Ok((held.sealer.seal(cx.rng(), PURPOSE, &bytes), Sealing::Kms(held.key)));
    }
    if known.managed_encryption {
        return Ok((cx.sealer().seal(cx.rng(), PURPOSE, &bytes), Sealing::Managed));
    }
    Ok((bytes, Sealing::Plain))
}

/// The data key with which this caller sends to the queue. AWS wants that who sends may also decrypt, so that a data
/// key that KMS gave is checked before it is used.
fn data_key(cx: &mut Cx<'_>, known: &Known, kms_key: &str) -> Result<Held, SqsError> {
    let keys = cx.memory::<DataKeys>();
    let id = (known.uid, cx.caller.arn().into_owned());
    if let Some(held) = keys.fresh.get(&id, cx.now).filter(|held| held.kms_key == kms_key) {
        return Ok(held);
    }
    let pairs = [(CONTEXT, known.arn.as_str())];
    let made = data_key::generate(cx, kms_key, &pairs, As::CallerVia(VIA)).map_err(SqsError::of_kms)?;
    let key = DataKey { encrypted: made.encrypted, queue_arn: known.arn.clone() };
    decrypt(cx, &key)?;
    let until = cx.now.plus(Duration::from_secs(known.kms_reuse.into()));
    let held = Held { sealer: made.sealer, key, kms_key: kms_key.to_owned() };
    keys.fresh.keep(id, held.clone(), until);
    Ok(held)
}

fn decrypt(cx: &mut Cx<'_>, key: &DataKey) -> Result<Arc<Sealer>, SqsError> {
    let pairs = [(CONTEXT, key.queue_arn.as_str())];
    data_key::open(cx, &key.encrypted, &pairs, As::CallerVia(VIA)).map_err(SqsError::of_kms)
}

/// What is in a message.
///
/// # Errors
/// Those of KMS; `InternalFailure` where the disk holds something else.
pub(crate) fn open(cx: &mut Cx<'_>, known: &Known, message: &Message) -> Result<Content, SqsError> {
    let opened = match &message.sealing {
        Sealing::Plain => return read(&message.content),
        Sealing::Managed => cx.sealer().open(PURPOSE, &message.content),
        Sealing::Kms(key) => {
            let keys = cx.memory::<DataKeys>();
            let id = (key.encrypted.clone(), cx.caller.arn().into_owned());
            let held = match keys.known.get(&id, cx.now) {
                Some(held) => held,
                None => {
                    let sealer = decrypt(cx, key)?;
                    let until = cx.now.plus(Duration::from_secs(known.kms_reuse.into()));
                    let held = Held { sealer, key: key.clone(), kms_key: String::new() };
                    keys.known.keep(id, held.clone(), until);
                    held
                }
            };
            held.sealer.open(PURPOSE, &message.content)
        }
    };
    read(&opened.map_err(|_| damaged("its seal does not open"))?)
}

fn read(bytes: &[u8]) -> Result<Content, SqsError> {
    Content::from_bytes(bytes).map_err(|malformed| damaged(&malformed.to_string()))
}

fn damaged(problem: &str) -> SqsError {
    kernel::log::error("a stored message cannot be read", &[("problem", problem)]);
    SqsError::Internal
}
