//! SNS: topics, and what is published to them delivered to every subscriber that wants it.
//!
//! Publishing writes a delivery for each subscription whose filter lets the message through, in the transaction that
//! accepts it ([`publishing`]). Reconcilers deliver ([`work`]): to queues by calling SQS on behalf of the topic, so
//! that the queue's policy decides, and likewise to functions; to HTTP and HTTPS endpoints on this machine; e-mails and text messages into a mailbox.
//! Notifications are signed under a key of the cloud's own, whose certificate it serves ([`signing`], [`site`]).
//!
//! Not here: Firehose and mobile push as endpoints, archives and replay, encryption of topics, delivery
//! status logging, data protection policies, the SMS sandbox.

mod access;
mod calling;
mod confirming;
mod delivery_policy;
mod envelope;
mod errors;
pub mod mailbox;
pub mod model;
mod ops;
mod policy;
mod publishing;
pub mod requests;
mod rsa;
mod signing;
pub mod site;
mod subscribing;
pub mod work;

pub use errors::SnsError;

pub static SNS: kernel::Service = kernel::Service {
    id: "sns",
    global: false,
    ops: &[
        ops::permission::OPS,
        ops::publish::OPS,
        ops::subscription::OPS,
        ops::subscription_attributes::OPS,
        ops::tag::OPS,
        ops::topic::OPS,
        ops::topic_attributes::OPS,
    ],
};
