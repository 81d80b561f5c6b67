//! How KMS counts: every request, those that other services make with their callers' permissions among them.
//!
//! AWS: <https://aws.amazon.com/kms/pricing/>. Not here: the usage types of their own that requests to asymmetric keys
//! have.

use kernel::meter::{Called, Kind, Line, Tariff};

static REQUESTS: Kind = Kind::new("awskms", "KMS-Requests", "Requests").at(30_000, 10_000);

#[derive(Debug)]
pub struct Requests;

impl Tariff for Requests {
    fn service(&self) -> &'static str {
        "kms"
    }

    fn counts_nested(&self) -> bool {
        true
    }

    fn count(&self, call: &Called<'_>, add: &mut dyn FnMut(&Line<'_>, u64)) {
        if call.is_charged() {
            let Called { account, region, operation, .. } = *call;
            let resource = call.resource();
            add(&Line { account, region, kind: &REQUESTS, operation, resource }, 1);
        }
    }
}
