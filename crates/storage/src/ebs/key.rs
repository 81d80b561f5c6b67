//! Encryption at rest: whose key, and who may have it opened.
//!
//! ```text
//! KMS key ──seals──> data key of a pile of maps ──seals──> blocks
//! ```
//!
//! KMS is asked with the permissions of whoever makes, reads or attaches something, through EC2; its answer is
//! remembered for five minutes for each caller. What has no KMS key lies under the cloud's own, as everything does.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/services-ebs.html>,
//! <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
//!
//! Not here: grants to the service, which this cloud's KMS does not have. For as long as a volume is attached, its data
//! key is kept under the cloud's own seal instead ([`keep`]), as AWS keeps it in the memory of the host. When its machine is
//! started, KMS is asked again, with the permissions of who starts it ([`renew`]).

use super::blocks::Seal;
use super::errors;
use super::model::{DEFAULTS, Defaults};
use aws_lc_rs::hmac;
use base::{Arn, Region, Timestamp};
use blob::cipher::Root;
use ec2::{Ec2Error, Plain};
use host::seal::Key as FileKey;
use kernel::seal::Sealer;
use kernel::{As, Cloud, Cx};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use store::Key;
use wire::{Struct, Value};
use zeroize::Zeroizing;

const THROUGH: &str = "ec2.amazonaws.com";
const DEFAULT_KEY: &str = "alias/aws/ebs";
/// As the other services have it.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 10_000;
/// What sealed data keys of attached volumes are sealed for.
const PURPOSE: &str = "ebs data key";
/// What the key of a root's files is derived from a data key by.
const FILES: &[u8] = b"virga files of a root 1";
/// What the cloud's own key is for.
const OWN: &str = "ebs blocks";

type DataKey = Zeroizing<[u8; 32]>;

/// Data keys that are open, and who was allowed to have them opened.
#[derive(Default)]
struct Keyring(Mutex<HashMap<(String, u64), (DataKey, Timestamp)>>);

/// The key of what has no KMS key, derived once.
#[derive(Default)]
struct OwnKey(OnceLock<Root>);

/// What an account has set for a region.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn defaults(cx: &Cx<'_>) -> Result<Defaults, Ec2Error> {
    Ok(DEFAULTS.get(cx.tx, &Key::regional(cx.account, cx.region))?.unwrap_or_default())
}

/// The key that is used where none is named.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn default_key(cx: &Cx<'_>) -> Result<String, Ec2Error> {
    Ok(defaults(cx)?.key.unwrap_or_else(|| DEFAULT_KEY.to_owned()))
}

/// Asks KMS in the region of the key.
fn ask(
    cx: &mut Cx<'_>,
    operation: &str,
    key: &str,
    more: Vec<(&'static str, Value)>,
) -> Result<Struct, Ec2Error> {
    let members = more.into_iter().chain([("KeyId", Value::str(key))]);
    let here = cx.region;
    cx.region = Arn::parse(key).and_then(|arn| Region::parse(&arn.region)).unwrap_or(here);
    let answer = cx.call("kms", operation, Value::Struct(members.collect()), As::CallerVia(THROUGH));
    cx.region = here;
    match answer {
        Ok(Value::Struct(answer)) => Ok(answer),
        Ok(_) => Err(Plain::InternalError.into()),
        Err(fault) => Err(errors::of_kms(key, fault)),
    }
}

fn context(id: &str) -> Value {
    Value::Map(vec![("aws:ebs:id".to_owned(), Value::str(id))])
}

fn plaintext(answer: &Struct) -> Result<DataKey, Ec2Error> {
    let bytes = match answer.get("Plaintext") {
        Some(Value::Blob(bytes)) => <[u8; 32]>::try_from(&bytes[..]).ok(),
        _ => None,
    };
    bytes.map(Zeroizing::new).ok_or_else(|| Plain::InternalError.into())
}

/// The ARN of a key that the caller names.
///
/// # Errors
/// As KMS has it; `InvalidParameterValue` for a key that cannot encrypt data.
pub(super) fn arn(cx: &mut Cx<'_>, key: &str) -> Result<String, Ec2Error> {
    let described = ask(cx, "DescribeKey", key, Vec::new())?;
    let data = described.get("KeyMetadata").cloned().unwrap_or(Value::Bool(false));
    let text = |member: &str| data.member(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("KeySpec") != "SYMMETRIC_DEFAULT" {
        return Err(Ec2Error::value(
            key,
            "KmsKeyId",
            "Amazon EBS supports symmetric encryption KMS keys only.",
        ));
    }
    Ok(text("Arn"))
}

/// Whether the key is AWS's own for the account.
///
/// # Errors
/// As KMS has it.
pub(super) fn is_managed(cx: &mut Cx<'_>, key: &str) -> Result<bool, Ec2Error> {
    let described = ask(cx, "DescribeKey", key, Vec::new())?;
    let manager = described.get("KeyMetadata").and_then(|data| data.member("KeyManager"));
    Ok(manager.and_then(Value::as_str) == Some("AWS"))
}

/// Has a data key made for the volume or snapshot `id`.
///
/// # Errors
/// As KMS has it.
pub(super) fn make(cx: &mut Cx<'_>, key: &str, id: &str) -> Result<Seal, Ec2Error> {
    let key = arn(cx, key)?;
    let more = vec![("KeySpec", Value::str("AES_256")), ("EncryptionContext", context(id))];
    let made = ask(cx, "GenerateDataKeyWithoutPlaintext", &key, more)?;
    let Some(Value::Blob(sealed)) = made.get("CiphertextBlob") else {
        return Err(Plain::InternalError.into());
    };
    Ok(Seal { key, sealed: sealed.to_vec(), context: id.to_owned(), number: cx.rng().u64() })
}

fn own(cx: &Cx<'_>) -> Root {
    let own = cx.memory::<OwnKey>();
    own.0.get_or_init(|| Root::new(&cx.sealer().key_for(OWN))).clone()
}

/// Opens a data key for the caller.
///
/// # Errors
/// As KMS has it.
fn data_key(cx: &mut Cx<'_>, seal: &Seal) -> Result<DataKey, Ec2Error> {
    let ring = cx.memory::<Keyring>();
    let who = (cx.caller.user_id.clone(), seal.number);
    let now = cx.now;
    let known = ring.0.lock().unwrap_or_else(PoisonError::into_inner).get(&who).cloned();
    if let Some((key, at)) = known
        && at <= now
        && now.since(at) < REMEMBERED
    {
        return Ok(key);
    }
    let more = vec![
        ("CiphertextBlob", Value::Blob(seal.sealed.clone().into())),
        ("EncryptionContext", context(&seal.context)),
    ];
    let key = plaintext(&ask(cx, "Decrypt", &seal.key, more)?)?;
    let mut keys = ring.0.lock().unwrap_or_else(PoisonError::into_inner);
    if keys.len() >= ENTRIES_MAX {
        keys.clear();
    }
    keys.insert(who, (key.clone(), now));
    Ok(key)
}

/// The key of a pile's blocks, for the caller.
///
/// # Errors
/// As KMS has it.
pub(super) fn open(cx: &mut Cx<'_>, seal: Option<&Seal>) -> Result<Root, Ec2Error> {
    match seal {
        None => Ok(own(cx)),
        Some(seal) => Ok(Root::new(&*data_key(cx, seal)?)),
    }
}

/// The same, to be kept for what the cloud does by itself; empty where there is no KMS key.
///
/// # Errors
/// As KMS has it.
pub(super) fn keep(cx: &mut Cx<'_>, seal: Option<&Seal>) -> Result<Vec<u8>, Ec2Error> {
    let Some(seal) = seal else { return Ok(Vec::new()) };
    let key = data_key(cx, seal)?;
    Ok(cx.sealer().seal(cx.rng(), PURPOSE, &*key))
}

/// As [`keep`], but KMS is asked whatever it has said before: for a start.
///
/// # Errors
/// As KMS has it.
pub(super) fn renew(cx: &mut Cx<'_>, seal: &Seal) -> Result<Vec<u8>, Ec2Error> {
    let who = (cx.caller.user_id.clone(), seal.number);
    cx.memory::<Keyring>().0.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
    keep(cx, Some(seal))
}

/// Under which key the files of a root lie whose data key was kept; `None` where it has none.
///
/// # Errors
/// [`std::io::ErrorKind::InvalidData`] where it does not open.
pub(super) fn of_files(cloud: &Cloud, kept: &[u8]) -> std::io::Result<Option<FileKey>> {
    if kept.is_empty() {
        return Ok(None);
    }
    let data = opened(cloud.sealer(), kept).ok_or(std::io::ErrorKind::InvalidData)?;
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*data), FILES);
    let bytes = key.as_ref().try_into().map_err(|_| std::io::ErrorKind::InvalidData)?;
    Ok(Some(FileKey::new(bytes, cloud.rng().u64())))
}

fn opened(sealer: &Sealer, kept: &[u8]) -> Option<DataKey> {
    let key = Zeroizing::new(sealer.open(PURPOSE, kept).ok()?);
    Some(Zeroizing::new(<[u8; 32]>::try_from(key.as_slice()).ok()?))
}

/// What was kept, opened; `None` where it does not open.
pub(super) fn root_of(sealer: &Sealer, kept: &[u8]) -> Option<Root> {
    if kept.is_empty() {
        return Some(Root::new(&sealer.key_for(OWN)));
    }
    Some(Root::new(&*opened(sealer, kept)?))
}
