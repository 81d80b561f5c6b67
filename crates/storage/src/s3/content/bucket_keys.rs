//! Bucket keys: data keys that S3 keeps for a while and uses for many objects, so that KMS is asked once for many.
//!
//! As in AWS a key is fetched at least once for each caller; while it is kept, a change of the KMS key's policy does
//! not reach its holders. AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>.

use crate::s3::errors::S3Error;
use base::Timestamp;
use kernel::Cx;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::Value;
use zeroize::Zeroizing;

/// How long a key is kept, by the machine's clock.
const LIFE: Duration = Duration::from_secs(300);
/// Beyond this many the memory is emptied.
const ENTRIES_MAX: usize = 4096;

/// A data key, open and as KMS sealed it.
#[derive(Clone, Debug)]
pub(crate) struct DataKey {
    pub(crate) key_arn: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) plaintext: Zeroizing<[u8; 32]>,
}

/// For whom, and for what: a bucket's number and the key's name, or the sealed key.
type For = (String, u64, Vec<u8>);

#[derive(Default)]
struct Keys(Mutex<HashMap<For, (Timestamp, DataKey)>>);

impl Keys {
    fn get(&self, key: &For, now: Timestamp) -> Option<DataKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(key).filter(|(until, _)| *until > now).map(|(_, data)| data.clone())
    }

    fn put(&self, key: For, now: Timestamp, data: DataKey) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= ENTRIES_MAX {
            keys.clear();
        }
        keys.insert(key, (now.plus(LIFE), data));
    }
}

/// The caller's current key for new objects of the bucket.
///
/// # Errors
/// Those of `make`.
pub(super) fn generate(
    cx: &mut Cx<'_>,
    bucket: u64,
    named: &str,
    context: impl FnOnce() -> Value,
    make: impl FnOnce(&mut Cx<'_>, &str, Value) -> Result<DataKey, S3Error>,
) -> Result<DataKey, S3Error> {
    let (keys, now) = (cx.memory::<Keys>(), cx.cloud().wall_now());
    let place = (cx.caller.access_key.clone(), bucket, named.as_bytes().to_vec());
    if let Some(data) = keys.get(&place, now) {
        return Ok(data);
    }
    let data = make(cx, named, context())?;
    keys.put(place, now, data.clone());
    Ok(data)
}

/// An old key, opened for the caller.
///
/// # Errors
/// Those of `decrypt`.
pub(super) fn open(
    cx: &mut Cx<'_>,
    sealed: &[u8],
    decrypt: impl FnOnce(&mut Cx<'_>) -> Result<Zeroizing<[u8; 32]>, S3Error>,
) -> Result<Zeroizing<[u8; 32]>, S3Error> {
    let (keys, now) = (cx.memory::<Keys>(), cx.cloud().wall_now());
    let place = (cx.caller.access_key.clone(), 0, sealed.to_vec());
    if let Some(data) = keys.get(&place, now) {
        return Ok(data.plaintext);
    }
    let plaintext = decrypt(cx)?;
    let data = DataKey { key_arn: String::new(), sealed: Vec::new(), plaintext: plaintext.clone() };
    keys.put(place, now, data);
    Ok(plaintext)
}
