//! [`Known`]: a queue ready for use, remembered between requests.
//!
//! The memory is never stale: each request reads the queue's record in its own transaction, and what is remembered
//! serves only if it was made of the very same bytes. That read also makes a message that is being sent conflict with
//! the deletion of its queue.

use super::place::Place;
use super::queue::{QUEUES, Queue};
use super::redrive::{self, DeadLetters};
use crate::sqs::errors::SqsError;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cloud, Cx};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Read, Record, Slice};

/// Beyond this many the memory is emptied and fills again.
const ENTRIES_MAX: usize = 4096;

/// A queue with what its texts say.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) queue: Queue,
    pub(crate) arn: String,
    pub(crate) policy: Option<Attached>,
    pub(crate) dead_letters: Option<DeadLetters>,
}

impl Deref for Known {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

/// The remembered queues, each with the bytes it was made of, by the keys of their records.
#[derive(Default, Debug)]
pub(crate) struct KnownQueues(RwLock<HashMap<Vec<u8>, Remembered>>);

type Remembered = (Slice, Arc<Known>);

impl Known {
    fn of(queue: Queue) -> Result<Known, SqsError> {
        let arn = queue.arn();
        let policy = queue.policy.as_deref().map(|text| compiled(&arn, text)).transpose()?;
        let dead_letters = queue.redrive.as_deref().map(redrive::read_policy).transpose()?;
        Ok(Known { queue, arn, policy, dead_letters })
    }
}

/// A stored policy for authorization. It was checked when it was set.
fn compiled(arn: &str, text: &str) -> Result<Attached, SqsError> {
    let source = PolicySource { id: arn.to_owned(), attached_to: arn.to_owned(), form: PolicyForm::Resource };
    let policy = Policy::load(text, PolicyKind::Resource("sqs")).map_err(|malformed| {
        kernel::log::error("a stored queue policy cannot be read", &[("problem", &malformed.message)]);
        SqsError::Internal
    })?;
    Ok((source, Arc::new(policy)))
}

/// The queue at `place`.
///
/// # Errors
/// The store's.
pub(crate) fn find(cx: &Cx<'_>, place: &Place) -> Result<Option<Arc<Known>>, SqsError> {
    load(cx.cloud(), &*cx.tx, &QUEUES.stored_key(&place.key()))
}

/// The queue whose record has this stored key.
///
/// # Errors
/// The store's.
pub(crate) fn load(cloud: &Cloud, from: &dyn Read, key: &[u8]) -> Result<Option<Arc<Known>>, SqsError> {
    let Some(bytes) = from.get(key)? else { return Ok(None) };
    let memory = cloud.memory::<KnownQueues>();
    if let Some((made_of, known)) = memory.0.read().unwrap_or_else(PoisonError::into_inner).get(key)
        && *made_of == bytes
    {
        return Ok(Some(Arc::clone(known)));
    }
    let queue = Queue::from_bytes(&bytes).map_err(|malformed| {
        kernel::log::error("a stored queue cannot be read", &[("problem", &malformed.to_string())]);
        SqsError::Internal
    })?;
    let known = Arc::new(Known::of(queue)?);
    let mut all = memory.0.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= ENTRIES_MAX {
        all.clear();
    }
    all.insert(key.to_vec(), (bytes, Arc::clone(&known)));
    Ok(Some(known))
}

/// The queue that a request names by its URL.
///
/// # Errors
/// `QueueDoesNotExist`.
pub(crate) fn by_url(cx: &Cx<'_>, url: &str) -> Result<Arc<Known>, SqsError> {
    find(cx, &Place::of_url(cx, url)?)?.ok_or(SqsError::NoQueue)
}
