//! CloudTrail: the event history, which is the kernel's audit trail in CloudTrail's own words.
//!
//! Every call that reached an operation is there at once (AWS takes minutes), in the region where it was made; global
//! services' calls are in us-east-1. An event's page in AWS's user guide is the specification of its record.
//!
//! Rules of EventBridge are told of calls, too, where a rule may want them ([`Records`]).
//!
//! Not here: trails, event data stores and queries; Insights events (there are none, so their history is empty); data
//! events, which AWS has in trails only; the limit of two lookups a second; `tlsDetails`; records in the trail of a
//! resource's owner, where that is another account than the caller's.

mod errors;
mod facts;
mod ops;
mod record;
mod resource;

use kernel::audit::{Entry, Record, Recorder};

/// Words calls for the event bus.
#[derive(Debug)]
pub struct Records;

impl Recorder for Records {
    fn record(&self, entry: &Entry) -> Option<Record> {
        let model = wire::catalog::service(&entry.service);
        if !facts::is_management(entry) || facts::read_only(entry, model) {
            return None;
        }
        Some(Record { source: record::source(entry, model), text: record::json(entry, model) })
    }
}

/// CloudTrail's operations.
pub static CLOUDTRAIL: kernel::Service =
    kernel::Service { id: "cloudtrail", global: false, ops: &[ops::lookup::OPS] };
