//! PurgeQueue.

use crate::sqs::access;
use crate::sqs::desk;
use crate::sqs::errors::SqsError;
use crate::sqs::model::known;
use kernel::{Cx, Empty};
use std::time::Duration;

kernel::ops! { pub(crate) static OPS:
    PurgeQueue: purge, "sqs:PurgeQueue", access::queue;
}

/// AWS: `PurgeQueue`: for so long there is no other.
const PURGE_LIFE: Duration = Duration::from_secs(60);

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PurgeQueue { url: String = "QueueUrl" }
}

/// Every message that has its place now is gone at once; its bytes are deleted in the background. A message that is
/// being sent meanwhile conflicts with the change of the queue's record, and is sent again behind the purge.
fn purge(cx: &mut Cx<'_>, req: PurgeQueue) -> Result<Empty, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    if known.purged.is_some_and(|at| at.plus(PURGE_LIFE) > cx.now) {
        return Err(SqsError::PurgeInProgress(known.name.clone()));
    }
    let desk = desk::of(cx.cloud(), &known)?;
    let mut queue = known.queue.clone();
    queue.purged = Some(cx.now);
    queue.purged_to = desk.with(|dispatcher| dispatcher.last());
    queue.save(cx.tx);
    queue.discard(cx.tx, queue.purged_to, false);
    cx.tx.on_end(move |commit| {
        if commit.is_some() {
            desk.with(|dispatcher| dispatcher.purge(queue.purged_to));
            desk.stir();
        }
    });
    Ok(Empty)
}
