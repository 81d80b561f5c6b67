//! How SNS counts: every action is a request, and each 64 KB that is published one more.
//!
//! AWS: <https://aws.amazon.com/sns/pricing/>. Not here: deliveries, which have usage types of their own.

use crate::chunks;
use kernel::meter::{Called, Kind, Line, Tariff};
use wire::Value;

static REQUESTS: Kind = Kind::new("AmazonSNS", "Requests-Tier1", "Requests").at(500_000, 1_000_000);

#[derive(Debug)]
pub struct Requests;

/// What carries messages.
const CARRIES: [&str; 4] = ["Message", "Subject", "MessageAttributes", "PublishBatchRequestEntries"];

impl Tariff for Requests {
    fn service(&self) -> &'static str {
        "sns"
    }

    fn size(&self, operation: &str, request: &Value) -> u64 {
        if !operation.starts_with("Publish") {
            return 0;
        }
        CARRIES.iter().filter_map(|name| request.member(name)).map(chunks::bytes).sum()
    }

    fn count(&self, call: &Called<'_>, add: &mut dyn FnMut(&Line<'_>, u64)) {
        if call.is_charged() {
            let Called { account, region, operation, .. } = *call;
            let resource = call.resource();
            add(&Line { account, region, kind: &REQUESTS, operation, resource }, chunks::requests(call.size));
        }
    }
}
