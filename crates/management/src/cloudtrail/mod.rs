//! CloudTrail: the event history, which is the kernel's audit trail in CloudTrail's own words.
//!
//! Every call that reached an operation is there at once (AWS takes minutes), in the region where it was made; global
//! services' calls are in us-east-1. An event's page in AWS's user guide is the specification of its record.
//!
//! Not here: trails, event data stores and queries; Insights events (there are none, so their history is empty); data
//! events, which AWS has in trails only; the limit of two lookups a second; `tlsDetails`; records in the trail of a
//! resource's owner, where that is another account than the caller's.

mod errors;
mod facts;
mod ops;
mod record;
mod resource;

/// CloudTrail's operations.
pub static CLOUDTRAIL: kernel::Service =
    kernel::Service { id: "cloudtrail", global: false, ops: &[ops::lookup::OPS] };
