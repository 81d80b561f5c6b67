//! What an invocation is counted as: a request, and the memory that it had for as long as it ran; and what is provisioned
//! for as long as it is.
//!
//! AWS: <https://aws.amazon.com/lambda/pricing/>: time is rounded up to the millisecond.

use super::beginning;
use super::invocation::Runs;
use super::name::function_arn;
use super::provision;
use kernel::Cloud;
use kernel::meter::{Gauge, Kind, Line};
use std::sync::Arc;
use store::Key;
use wire::Fault;

const PRODUCT: &str = "AWSLambda";

static REQUESTS: Kind = Kind::new(PRODUCT, "Request", "Requests").at(200_000, 1_000_000);
/// Counted in megabytes for a millisecond.
static MEMORY: Kind = Kind { per: 1_024 * 1_000, ..gigabyte_seconds("Lambda-GB-Second", 166_667) };
/// The same, in environments that were provisioned.
static PROVISIONED: Kind =
    Kind { per: 1_024 * 1_000, ..gigabyte_seconds("Lambda-Provisioned-GB-Second", 97_222) };
/// Counted in megabytes, for so many seconds.
static STANDING: Kind = Kind { per: 1_024, ..gigabyte_seconds("Lambda-Provisioned-Concurrency", 41_667) };

/// At so many millionths of a dollar for ten thousand.
const fn gigabyte_seconds(usage_type: &'static str, micros: u64) -> Kind {
    Kind::new(PRODUCT, usage_type, "Lambda-GB-Second").at(micros, 10_000)
}

/// Counts an invocation that took so many milliseconds.
pub(super) fn count(
    cloud: &Cloud,
    Runs { function, version }: &Runs,
    environment: beginning::Kind,
    millis: u64,
) {
    let resource = function_arn(function.account, function.region, &function.name);
    let now = cloud.clock().now();
    let memory = match environment {
        beginning::Kind::OnDemand => &MEMORY,
        beginning::Kind::Provisioned => &PROVISIONED,
    };
    for (kind, amount) in [(&REQUESTS, 1), (memory, u64::from(version.memory) * millis)] {
        let (account, region) = (function.account, function.region);
        cloud.meter().add(
            now,
            &Line { account, region, kind, operation: "Invoke", resource: &resource },
            amount,
        );
    }
}

/// What is provisioned.
#[derive(Debug)]
pub struct Standing;

impl Gauge for Standing {
    fn name(&self) -> &'static str {
        "provisioned concurrency"
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        let snapshot = cloud.store().snapshot();
        let words = |why| Fault::from(why).message;
        for provision in provision::of(&snapshot, &Key::empty()).map_err(words)? {
            for (Runs { function, version }, share) in
                provision::wanted(&snapshot, &provision).map_err(words)?
            {
                let (account, region) = (function.account, function.region);
                let resource = function_arn(account, region, &function.name);
                let line =
                    Line { account, region, kind: &STANDING, operation: "Invoke", resource: &resource };
                tell(&line, u64::from(version.memory) * u64::from(share));
            }
        }
        Ok(())
    }
}
