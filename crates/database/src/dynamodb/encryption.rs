//! Encryption at rest with a KMS key: how a table gets its own key, and who may have its rows opened.
//!
//! ```text
//! KMS key ──seals──> table's key (in the table's record) ──seals──> rows of items and of indexes
//! ```
//!
//! As in AWS, KMS is asked with the permissions of whoever uses the table, through DynamoDB, and its answer is
//! remembered for five minutes for each caller; so a key that is disabled or taken away closes the table.
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html> and KMS's guide on
//! DynamoDB.
//!
//! What else is kept of a table's items lies under the same key: the log of changes, by which streams, recovery and
//! replicas go ([`super::model::log`]), and rows that backups have saved. A table that changes its key has all of it
//! written anew. Each replica has a key of its own region; a change is opened with the one and sealed with the other.
//!
//! Not here: grants. What DynamoDB does by itself with such a table (indexes, expiry, replication) waits, after a
//! restart, until somebody who may use the key has used the table. The archival of tables whose key is gone for seven days.

use super::errors::{Error, Refusal};
use super::model::schema::Schema;
use super::model::table::{Encryption, TableRecord};
use base::Timestamp;
use kernel::{As, Cloud, Cx};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::{Struct, Value};
use zeroize::Zeroizing;

const THROUGH: &str = "dynamodb.amazonaws.com";
/// The key of accounts that name none.
const DEFAULT_KEY: &str = "alias/aws/dynamodb";
/// AWS: the guide: for how long a caller's permission is remembered.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 10_000;

/// Tables' keys that are open, and who was allowed to have them opened.
#[derive(Default)]
pub(crate) struct Keyring(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    /// By their numbers.
    open: HashMap<u64, Zeroizing<[u8; 32]>>,
    /// By callers and keys' numbers.
    allowed: HashMap<(String, u64), Timestamp>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Keyring {
    fn known(&self, id: u64) -> Option<Zeroizing<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open.get(&id).cloned()
    }

    fn is_allowed(&self, caller: &str, id: u64, now: Timestamp) -> bool {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = keys.allowed.get(&(caller.to_owned(), id));
        at.is_some_and(|at| *at <= now && now.since(*at) < REMEMBERED)
    }

    fn remember(&self, caller: &str, id: u64, key: Zeroizing<[u8; 32]>, now: Timestamp) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.allowed.len() >= ENTRIES_MAX || keys.open.len() >= ENTRIES_MAX {
            *keys = Keys::default();
        }
        keys.open.insert(id, key);
        keys.allowed.insert((caller.to_owned(), id), now);
    }
}

fn context(table: &TableRecord) -> Value {
    let pair = |name: &str, value: &str| (format!("aws:dynamodb:{name}"), Value::str(value));
    Value::Map(vec![pair("tableName", &table.name), pair("subscriberId", table.account.as_str())])
}

fn ask(cx: &mut Cx<'_>, operation: &str, members: Vec<(&'static str, Value)>) -> Result<Struct, Error> {
    let request = Value::Struct(members.into_iter().collect());
    match cx.call("kms", operation, request, As::CallerVia(THROUGH)) {
        Ok(Value::Struct(answer)) => Ok(answer),
        Ok(_) => Err(Refusal::Internal.into()),
        Err(fault) => Err(Refusal::of_kms(fault, operation, &cx.request.id).into()),
    }
}

fn plaintext(answer: &Struct) -> Result<Zeroizing<[u8; 32]>, Error> {
    let bytes = match answer.get("Plaintext") {
        Some(Value::Blob(bytes)) => <[u8; 32]>::try_from(&bytes[..]).ok(),
        _ => None,
    };
    bytes.map(Zeroizing::new).ok_or_else(|| Refusal::Internal.into())
}

/// Has a key made for the table, sealed by the KMS key `asked` or by the account's own for DynamoDB.
///
/// # Errors
/// `AccessDeniedException`, `ValidationException`.
pub(crate) fn new_key(
    cx: &mut Cx<'_>,
    table: &TableRecord,
    asked: Option<&str>,
) -> Result<Encryption, Error> {
    let described = ask(cx, "DescribeKey", vec![("KeyId", Value::str(asked.unwrap_or(DEFAULT_KEY)))])?;
    let arn = described.get("KeyMetadata").and_then(|data| data.member("Arn")).and_then(Value::as_str);
    let key_arn = arn.ok_or_else(|| Error::from(Refusal::Internal))?.to_owned();
    let spec = described.get("KeyMetadata").and_then(|data| data.member("KeySpec")).and_then(Value::as_str);
    if spec != Some("SYMMETRIC_DEFAULT") {
        return Err(Refusal::KeyUnfit(cx.request.id.clone()).into());
    }
    let members = vec![
        ("KeyId", Value::str(key_arn.as_str())),
        ("KeySpec", Value::str("AES_256")),
        ("EncryptionContext", context(table)),
    ];
    let made = ask(cx, "GenerateDataKey", members)?;
    let Some(Value::Blob(sealed)) = made.get("CiphertextBlob") else { return Err(Refusal::Internal.into()) };
    let id = cx.rng().u64();
    cx.memory::<Keyring>().remember(&cx.caller.user_id, id, plaintext(&made)?, cx.now);
    Ok(Encryption { key_arn, sealed: sealed.to_vec(), id, inaccessible: None })
}

/// Unlocks the table's rows for the caller, who must be allowed to use its KMS key. Free where there is none.
///
/// # Errors
/// `AccessDeniedException`, `ValidationException`.
pub(crate) fn unlock(cx: &mut Cx<'_>, schema: &Schema) -> Result<(), Error> {
    for lock in schema.vault.locks() {
        let id = lock.encryption.id;
        let ring = cx.memory::<Keyring>();
        let known = if ring.is_allowed(&cx.caller.user_id, id, cx.now) { ring.known(id) } else { None };
        let key = match known {
            Some(key) => key,
            None => {
                let key = decrypt(cx, &schema.record, &lock.encryption)?;
                ring.remember(&cx.caller.user_id, id, key.clone(), cx.now);
                key
            }
        };
        if !lock.is_open() {
            lock.unlock(&key, cx.rng().split());
        }
    }
    Ok(())
}

/// As [`new_key`], in another region, for the table's replica there.
///
/// # Errors
/// Those of [`new_key`].
pub(crate) fn key_of_replica(
    cx: &mut Cx<'_>,
    replica: &TableRecord,
    asked: Option<&str>,
) -> Result<Encryption, Error> {
    let here = std::mem::replace(&mut cx.region, replica.region);
    let made = new_key(cx, replica, asked);
    cx.region = here;
    made
}

/// Whether the table lies under the account's own key for DynamoDB, which AWS manages.
///
/// # Errors
/// `AccessDeniedException`, `ValidationException`.
pub(crate) fn is_managed(cx: &mut Cx<'_>, encryption: &Encryption) -> Result<bool, Error> {
    let described = ask(cx, "DescribeKey", vec![("KeyId", Value::str(encryption.key_arn.as_str()))])?;
    let manager = described.get("KeyMetadata").and_then(|data| data.member("KeyManager"));
    Ok(manager.and_then(Value::as_str) == Some("AWS"))
}

fn decrypt(
    cx: &mut Cx<'_>,
    table: &TableRecord,
    encryption: &Encryption,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let members = vec![
        ("CiphertextBlob", Value::Blob(encryption.sealed.clone().into())),
        ("KeyId", Value::str(encryption.key_arn.as_str())),
        ("EncryptionContext", context(table)),
    ];
    plaintext(&ask(cx, "Decrypt", members)?)
}

/// Unlocks the table's rows for the cloud's own work, with keys that callers have opened before; whether all are.
pub(crate) fn unlock_known(cloud: &Cloud, schema: &Schema) -> bool {
    for lock in schema.vault.locks().iter().filter(|lock| !lock.is_open()) {
        if let Some(key) = cloud.memory::<Keyring>().known(lock.encryption.id) {
            lock.unlock(&key, cloud.rng().split());
        }
    }
    schema.vault.is_open()
}

/// The key's state, as far as the caller may see it.
fn state(cx: &mut Cx<'_>, encryption: &Encryption) -> Option<String> {
    let answer = ask(cx, "DescribeKey", vec![("KeyId", Value::str(encryption.key_arn.as_str()))]).ok()?;
    let state = answer.get("KeyMetadata").and_then(|data| data.member("KeyState"));
    state.and_then(Value::as_str).map(str::to_owned)
}

/// Whether KMS says, as far as the caller may see, that the table's key cannot be used.
pub(crate) fn is_inaccessible(cx: &mut Cx<'_>, encryption: &Encryption) -> bool {
    state(cx, encryption).is_some_and(|state| state != "Enabled")
}

/// Refuses what needs the key that a table has. AWS: recorded; that is what changes it, switches time to live or insights,
/// or makes a backup.
///
/// # Errors
/// `ValidationException` for a key that cannot be used.
pub(crate) fn check_usable(cx: &mut Cx<'_>, encryption: Option<&Encryption>) -> Result<(), Error> {
    let Some(encryption) = encryption else { return Ok(()) };
    let (arn, request) = (&encryption.key_arn, cx.request.id.clone());
    Err(match state(cx, encryption).as_deref() {
        None | Some("Enabled") => return Ok(()),
        Some("Disabled") => Refusal::KeyDisabled(format!("{arn} is disabled."), request),
        Some(_) => Refusal::KeyPending(format!("{arn} is pending deletion."), request),
    }
    .into())
}
