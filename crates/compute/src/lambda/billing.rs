//! What an invocation is counted as: a request, and the memory that it had for as long as it ran.
//!
//! AWS: <https://aws.amazon.com/lambda/pricing/>: time is rounded up to the millisecond.

use super::model::{Function, Version};
use super::name::function_arn;
use kernel::Cloud;
use kernel::meter::{Kind, Line};

static REQUESTS: Kind = Kind::new("AWSLambda", "Request", "Requests");
/// Counted in megabytes for a millisecond.
static MEMORY: Kind = Kind {
    product: "AWSLambda",
    usage_type: "Lambda-GB-Second",
    unit: "Lambda-GB-Second",
    per: 1_024 * 1_000,
};

/// Counts an invocation that took so many milliseconds.
pub(super) fn count(cloud: &Cloud, function: &Function, version: &Version, millis: u64) {
    let resource = function_arn(function.account, function.region, &function.name);
    let now = cloud.clock().now();
    for (kind, amount) in [(&REQUESTS, 1), (&MEMORY, u64::from(version.memory) * millis)] {
        let (account, region) = (function.account, function.region);
        cloud.meter().add(
            now,
            &Line { account, region, kind, operation: "Invoke", resource: &resource },
            amount,
        );
    }
}
