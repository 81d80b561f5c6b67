//! ChangeMessageVisibility and ChangeMessageVisibilityBatch.

use super::batch::{self, Failed};
use super::delete::{expired, handle};
use crate::sqs::access;
use crate::sqs::desk;
use crate::sqs::dispatch::{Lease, Stale};
use crate::sqs::errors::SqsError;
use crate::sqs::model::known::{self, Known};
use crate::sqs::model::message::{self, RECEIVES, Receive};
use kernel::{Cx, Empty};
use std::time::Duration;

kernel::ops! { pub(crate) static OPS:
    ChangeMessageVisibility: [event] change_visibility, "sqs:ChangeMessageVisibility", access::queue;
    ChangeMessageVisibilityBatch: [event] change_batch, "sqs:ChangeMessageVisibility", access::queue;
}

/// AWS: `ChangeMessageVisibility`: twelve hours, counted from the receive.
pub(super) const VISIBILITY_MAX: i64 = 43_200;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct ChangeVisibility {
        url: String = "QueueUrl",
        handle: String = "ReceiptHandle",
        timeout: i64 = "VisibilityTimeout",
    }

    #[derive(Debug)]
    pub(crate) struct ChangeBatch {
        url: String = "QueueUrl",
        entries: Vec<Entry> = "Entries",
    }

    #[derive(Debug)]
    pub(crate) struct Entry {
        id: String = "Id",
        handle: String = "ReceiptHandle",
        timeout: Option<i64> = "VisibilityTimeout",
    }

    #[derive(Debug)]
    pub(crate) struct ChangedEntry { id: String = "Id" }

    #[derive(Debug)]
    pub(crate) struct ChangedBatch {
        successful: Vec<ChangedEntry> = "Successful",
        failed: Vec<Failed> = "Failed",
    }
}

fn change(cx: &mut Cx<'_>, known: &Known, text: &str, timeout: i64) -> Result<(), SqsError> {
    if !(0..=VISIBILITY_MAX).contains(&timeout) {
        let reason = "Must be >= 0 and <= 43200, if provided.";
        return Err(SqsError::value(timeout, "VisibilityTimeout", reason));
    }
    let handle = handle(known, text)?;
    let desk = desk::of(cx.cloud(), known)?;
    let lease = match desk.with(|dispatcher| dispatcher.held(handle.seq, handle.nonce, cx.now)) {
        Ok(lease) => lease,
        Err(Stale::Gone) => {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            return Err(SqsError::value(text, "ReceiptHandle", reason));
        }
        Err(_) if known.is_fifo() => return Err(expired(text)),
        Err(Stale::Superseded) => return Err(SqsError::NotInFlight),
        Err(Stale::Expired(lease)) => lease,
    };
    let until = cx.now.plus(Duration::from_secs(timeout.unsigned_abs()));
    if until > lease.received.plus(Duration::from_secs(VISIBILITY_MAX.unsigned_abs())) {
        let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].";
        return Err(SqsError::value(timeout, "VisibilityTimeout", reason));
    }
    let receive = Receive::of(&Lease { until, ..lease });
    RECEIVES.put(cx.tx, &message::key(known.uid, handle.seq), &receive);
    let now = cx.now;
    cx.tx.on_end(move |commit| {
        if commit.is_some() {
            desk.with(|dispatcher| dispatcher.hold(handle.seq, handle.nonce, until, now));
            desk.arrivals.notify_one();
        }
    });
    Ok(())
}

fn change_visibility(cx: &mut Cx<'_>, req: ChangeVisibility) -> Result<Empty, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    change(cx, &known, &req.handle, req.timeout)?;
    Ok(Empty)
}

fn change_batch(cx: &mut Cx<'_>, req: ChangeBatch) -> Result<ChangedBatch, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    let ids = req.entries.iter().map(|entry| entry.id.as_str());
    batch::check(ids, "ChangeMessageVisibilityBatchRequestEntry")?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for Entry { id, handle, timeout } in req.entries {
        let outcome = match timeout {
            Some(timeout) => change(cx, &known, &handle, timeout),
            None => Err(SqsError::Missing("VisibilityTimeout")),
        };
        match outcome {
            Ok(()) => successful.push(ChangedEntry { id }),
            Err(error) => failed.push(Failed::of(id, error)),
        }
    }
    Ok(ChangedBatch { successful, failed })
}
