//! DeleteMessage and DeleteMessageBatch.

use super::batch::{self, Failed};
use crate::sqs::access;
use crate::sqs::desk;
use crate::sqs::dispatch::Stale;
use crate::sqs::errors::SqsError;
use crate::sqs::handle::Handle;
use crate::sqs::metering::Happened;
use crate::sqs::model::known::{self, Known};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteMessage: [event] delete_message, "sqs:DeleteMessage", access::queue;
    DeleteMessageBatch: [event] delete_batch, "sqs:DeleteMessage", access::queue;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct DeleteMessage {
        url: String = "QueueUrl",
        handle: String = "ReceiptHandle",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteBatch {
        url: String = "QueueUrl",
        entries: Vec<Entry> = "Entries",
    }

    #[derive(Debug)]
    pub(crate) struct Entry {
        id: String = "Id",
        handle: String = "ReceiptHandle",
    }

    #[derive(Debug)]
    pub(crate) struct DeletedEntry { id: String = "Id" }

    #[derive(Debug)]
    pub(crate) struct DeletedBatch {
        successful: Vec<DeletedEntry> = "Successful",
        failed: Vec<Failed> = "Failed",
    }
}

/// A handle of this queue.
///
/// # Errors
/// `ReceiptHandleIsInvalid`.
pub(super) fn handle(known: &Known, text: &str) -> Result<Handle, SqsError> {
    let read = Handle::read(text).filter(|handle| handle.queue == known.uid);
    read.ok_or_else(|| SqsError::Handle(text.to_owned()))
}

pub(super) fn expired(text: &str) -> SqsError {
    SqsError::value(text, "ReceiptHandle", "The receipt handle has expired.")
}

/// AWS: `DeleteMessage`: deleting what is gone succeeds; who comes with an older handle than the latest may find the
/// message still there; a FIFO queue refuses a handle whose visibility timeout is over.
fn delete(cx: &mut Cx<'_>, known: &Known, text: &str) -> Result<(), SqsError> {
    let handle = handle(known, text)?;
    let desk = desk::of(cx.cloud(), known)?;
    match desk.with(|dispatcher| dispatcher.held(handle.seq, handle.nonce, cx.now)) {
        Ok(_) => {}
        Err(Stale::Gone) => return Ok(()),
        Err(_) if known.is_fifo() => return Err(expired(text)),
        Err(Stale::Superseded) => return Ok(()),
        Err(Stale::Expired(_)) => {}
    }
    desk.delete(cx.tx, handle.seq);
    desk.note_after(cx.tx, Happened::Deleted, cx.now);
    Ok(())
}

fn delete_message(cx: &mut Cx<'_>, req: DeleteMessage) -> Result<Empty, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    delete(cx, &known, &req.handle)?;
    Ok(Empty)
}

fn delete_batch(cx: &mut Cx<'_>, req: DeleteBatch) -> Result<DeletedBatch, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    batch::check(req.entries.iter().map(|entry| entry.id.as_str()), "DeleteMessageBatchRequestEntry")?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for Entry { id, handle } in req.entries {
        match delete(cx, &known, &handle) {
            Ok(()) => successful.push(DeletedEntry { id }),
            Err(error) => failed.push(Failed::of(id, error)),
        }
    }
    Ok(DeletedBatch { successful, failed })
}
