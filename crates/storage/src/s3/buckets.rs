//! [`Bucket`]: a bucket ready for use, remembered between requests.
//!
//! The memory is never stale: each request reads the bucket's record in its own transaction, and a remembered one serves
//! only if it was made of the very same bytes. That read also makes a write conflict with a change of its bucket that
//! happens meanwhile.

use super::errors::{Refusal, S3Error};
use super::model::bucket::{BUCKETS, BucketRecord};
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use base::Map;
use kernel::Cloud;
use kernel::identity::Attached;
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
    pub policy: Option<Attached>,
    /// By the definition of the public access block.
    pub has_public_policy: bool,
}

/// The remembered buckets, each with the bytes it was made of, by name.
#[derive(Default, Debug)]
pub struct BucketMemory(RwLock<Map<String, (Slice, Arc<Bucket>)>>);

impl Bucket {
    fn of(record: BucketRecord) -> Result<Bucket, S3Error> {
        let policy = record.policy.as_deref().map(|text| compiled(&record.arn(), text)).transpose()?;
        let has_public_policy = policy.as_ref().is_some_and(|(_, policy)| policy.is_public());
        Ok(Bucket { scope: record.scope(), policy, has_public_policy, record })
    }
}

/// A stored policy for authorization. It was checked when it was put.
fn compiled(arn: &str, text: &str) -> Result<Attached, S3Error> {
    let source = PolicySource { id: arn.to_owned(), attached_to: arn.to_owned(), form: PolicyForm::Resource };
    let policy = Policy::load(text, PolicyKind::Resource("s3")).map_err(|malformed| {
        kernel::log::error("a stored bucket policy cannot be read", &[("problem", &malformed.message)]);
        S3Error::from(Refusal::Internal)
    })?;
    Ok((source, Arc::new(policy)))
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
    let bucket = Arc::new(Bucket::of(record)?);
    let mut entries = memory.0.write().unwrap_or_else(PoisonError::into_inner);
    if entries.len() >= ENTRIES_MAX {
        entries.clear();
    }
    entries.insert(name.to_owned(), (bytes, Arc::clone(&bucket)));
    Ok(Some(bucket))
}

/// The bucket of this name as the last request to it found it: for what is told afterwards, and decides nothing.
pub(crate) fn remembered(cloud: &Cloud, name: &str) -> Option<Arc<Bucket>> {
    let memory = cloud.memory::<BucketMemory>();
    let entries = memory.0.read().unwrap_or_else(PoisonError::into_inner);
    entries.get(name).map(|(_, bucket)| Arc::clone(bucket))
}

/// The bucket of this name.
///
/// # Errors
/// `NoSuchBucket`.
pub fn load(cloud: &Cloud, from: &dyn Read, name: &str) -> Result<Arc<Bucket>, S3Error> {
    find(cloud, from, name)?.ok_or_else(|| Refusal::NoSuchBucket(name.to_owned()).into())
}
