//! What SQS keeps: queues, their messages, what is known of receives, deduplication ids, move tasks.

pub(crate) mod attributes;
pub(crate) mod known;
pub(crate) mod message;
pub(crate) mod place;
pub(crate) mod queue;
pub(crate) mod redrive;
pub(crate) mod task;
