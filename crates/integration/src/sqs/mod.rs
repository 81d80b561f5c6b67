//! SQS: queues of messages, standard and FIFO.
//!
//! A message is a record, written once and deleted once, and never read by those who write. Who gets which message
//! next is decided in memory, by an index of the queue that follows every commit ([`dispatch`], [`desk`]); so many
//! senders and receivers of one queue never lose to each other. Each receive is written beside its message.
//!
//! What `kill -9` does: a message that was acknowledged to its sender is there; one whose deletion was acknowledged is
//! not. Receives, their counts and visibility timeouts survive: of a FIFO queue all of them, of a standard queue all
//! but those of the last moment ([`receiving`]). Attempts of FIFO receives that could be repeated are forgotten.
//!
//! Not here: the key `alias/aws/sqs` (it is KMS's to make), throttling, and of fair queues the measure of processing
//! time: a tenant is noisy by what it has in flight.

mod access;
mod content;
mod desk;
mod digest;
mod dispatch;
mod errors;
mod handle;
pub mod metering;
pub mod model;
mod moving;
mod ops;
mod receiving;
pub mod requests;
mod sealing;
mod sending;
pub mod work;

pub use errors::SqsError;

pub static SQS: kernel::Service = kernel::Service {
    id: "sqs",
    global: false,
    ops: &[
        ops::attributes::OPS,
        ops::dead_letter::OPS,
        ops::delete::OPS,
        ops::move_task::OPS,
        ops::permission::OPS,
        ops::purge::OPS,
        ops::queue::OPS,
        ops::receive::OPS,
        ops::send::OPS,
        ops::tag::OPS,
        ops::visibility::OPS,
    ],
};
