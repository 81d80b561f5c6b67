//! [`Bucket`]: a bucket ready for use, remembered between requests.
//!
//! The memory is never stale: each request reads the bucket's record in its own transaction, and a remembered one serves
//! only if it was made of the very same bytes. That read also makes a write conflict with a change of its bucket that
//! happens meanwhile.

use super::errors::{Refusal, S3Error};
use super::model::bucket::{BUCKETS, BucketRecord};
use kernel::Cloud;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Key, Read, Record, Slice};

/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 4096;

/// A bucket, with what is made of its record once.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub record: BucketRecord,
    /// What the keys of everything in it begin with.
    pub scope: Key,
}

/// The remembered buckets, each with the bytes it was made of, by name.
#[derive(Default, Debug)]
pub struct BucketMemory(RwLock<HashMap<String, (Slice, Arc<Bucket>)>>);

impl Bucket {
    fn of(record: BucketRecord) -> Bucket {
        Bucket { scope: record.scope(), record }
    }
}

/// The bucket of this name, if there is one.
///
/// # Errors
/// The store's.
pub fn find(cloud: &Cloud, from: &dyn Read, name: &str) -> Result<Option<Arc<Bucket>>, S3Error> {
    let Some(bytes) = from.get(&BUCKETS.stored_key(&BucketRecord::key(name)))? else { return Ok(None) };
    let memory = cloud.memory::<BucketMemory>();
    if let Some((made_of, bucket)) = memory.0.read().unwrap_or_else(PoisonError::into_inner).get(name)
        && *made_of == bytes
    {
        return Ok(Some(Arc::clone(bucket)));
    }
    let record = BucketRecord::from_bytes(&bytes).map_err(|problem| {
        kernel::log::error("a bucket's record cannot be read", &[("problem", &problem.to_string())]);
        Refusal::Internal
    })?;
    let bucket = Arc::new(Bucket::of(record));
    let mut entries = memory.0.write().unwrap_or_else(PoisonError::into_inner);
    if entries.len() >= ENTRIES_MAX {
        entries.clear();
    }
    entries.insert(name.to_owned(), (bytes, Arc::clone(&bucket)));
    Ok(Some(bucket))
}

/// The bucket of this name.
///
/// # Errors
/// `NoSuchBucket`.
pub fn load(cloud: &Cloud, from: &dyn Read, name: &str) -> Result<Arc<Bucket>, S3Error> {
    find(cloud, from, name)?.ok_or_else(|| Refusal::NoSuchBucket(name.to_owned()).into())
}
