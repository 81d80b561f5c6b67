//! What all batches have in common.

use crate::sqs::errors::SqsError;
use std::collections::HashSet;
use wire::Fault;

/// AWS: the message quotas of the developer guide.
const ENTRIES_MAX: usize = 10;
const ID_CHARS_MAX: usize = 80;

wire::shape! {
    /// An entry that did not succeed.
    #[derive(Debug)]
    pub(crate) struct Failed {
        id: String = "Id",
        sender_fault: bool = "SenderFault",
        code: String = "Code",
        message: Option<String> = "Message",
    }
}

impl Failed {
    pub(super) fn of(id: String, error: SqsError) -> Failed {
        let fault = Fault::from(error);
        let message = Some(fault.message.clone()).filter(|message| !message.is_empty());
        Failed { id, sender_fault: fault.is_sender(), code: fault.code, message }
    }
}

/// Checks the ids of a batch's entries. `entry` is what AWS calls one of them.
///
/// # Errors
/// `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`, `BatchEntryIdsNotDistinct`.
pub(super) fn check<'a>(
    ids: impl ExactSizeIterator<Item = &'a str>,
    entry: &'static str,
) -> Result<(), SqsError> {
    match ids.len() {
        0 => return Err(SqsError::EmptyBatch(entry)),
        count if count > ENTRIES_MAX => return Err(SqsError::LargeBatch(count)),
        _ => {}
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let mut seen = HashSet::new();
    for id in ids {
        if id.is_empty() || id.len() > ID_CHARS_MAX || !id.bytes().all(good) {
            return Err(SqsError::BatchId);
        }
        if !seen.insert(id) {
            return Err(SqsError::BatchIdTwice(id.to_owned()));
        }
    }
    Ok(())
}
