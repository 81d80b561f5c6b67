//! SNS: topics, and what is published to them delivered to every subscriber that wants it.
//!
//! Publishing writes a delivery for each subscription whose filter lets the message through, in the transaction that
//! accepts it ([`publishing`]). Reconcilers deliver ([`work`]): to queues by calling SQS on behalf of the topic, so
//! that the queue's policy decides, and likewise to functions; to HTTP and HTTPS endpoints on this machine; e-mails, text
//! messages and notifications of mobile devices into a mailbox. FIFO topics may keep what was published ([`archive`]), for
//! subscriptions that have it replayed ([`replay`]). Notifications are signed under a key of the cloud's own, whose certificate it serves ([`signing`], [`site`]).
//!
//! What is published to a topic with a key of KMS lies sealed ([`sealing`]).
//!
//! Not here: Firehose as an endpoint, delivery status logging, data protection policies, a limit of
//! what text messages cost.

mod access;
mod archive;
mod calling;
mod confirming;
mod delivery_policy;
mod envelope;
mod errors;
pub mod mailbox;
mod metering;
pub mod model;
mod ops;
mod policy;
mod publishing;
mod push;
pub mod replay;
pub mod requests;
mod rsa;
mod sealing;
mod signing;
pub mod site;
mod subscribing;
pub mod text;
pub mod work;

pub use errors::SnsError;

pub static SNS: kernel::Service = kernel::Service {
    id: "sns",
    global: false,
    ops: &[
        ops::application::OPS,
        ops::endpoint::OPS,
        ops::permission::OPS,
        ops::publish::OPS,
        ops::sandbox::OPS,
        ops::sms::OPS,
        ops::subscription::OPS,
        ops::subscription_attributes::OPS,
        ops::tag::OPS,
        ops::topic::OPS,
        ops::topic_attributes::OPS,
    ],
};
