//! Wait conditions: a stack goes on once enough has been signalled to a handle, or to the condition itself.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-waitcondition.html>

use super::on::On;
use super::{BASE, Done, Kind, Refusal};
use crate::cloudformation::asked::{self, Address, INSIDE, Signal, Tally, of_resource, tally};
use crate::cloudformation::model::open_text;
use base::Timestamp;
use std::time::Duration;
use wire::Value;

const TIMEOUT_SECONDS_MAX: u64 = 43_200;

pub(super) static KINDS: &[Kind] = &[HANDLE, CONDITION];

const HANDLE: Kind = Kind {
    name: "AWS::CloudFormation::WaitConditionHandle",
    create: |on| {
        let origin = match on.cx.request.host {
            Some(_) => on.cx.request.origin(),
            None => format!("http://{INSIDE}"),
        };
        let address = Address::of(on.whole, on.logical, "handle");
        forget(on)?;
        let url = address.handle_url(on.cx.cloud(), &origin, on.whole);
        Ok(on.made(url, Vec::new()))
    },
    delete: forget,
    ..BASE
};

const CONDITION: Kind = Kind {
    name: "AWS::CloudFormation::WaitCondition",
    // AWS: none of them can be updated; another condition is the way.
    changes: &["Count", "Handle", "Timeout"],
    attributes: &["Data"],
    waits: true,
    create: |on| {
        let handle = on.text("Handle");
        if let Some(handle) = &handle {
            address(on, handle)?;
            let seconds = on.text("Timeout").and_then(|text| text.parse::<u64>().ok());
            let Some(seconds) = seconds.filter(|seconds| *seconds <= TIMEOUT_SECONDS_MAX) else {
                return Err(Refusal::of(format!(
                    "Timeout must be a number of seconds, and no more than {TIMEOUT_SECONDS_MAX}."
                )));
            };
            let until = on.cx.now.plus(Duration::from_secs(seconds));
            let arn = on.arn("cloudformation", &format!("wait/{}", base::id::uuid(on.cx.rng())));
            let arn = arn.as_str().unwrap_or_default().to_owned();
            return Ok(on.made(arn, vec![("Until", Value::Str(until.iso8601()))]));
        }
        let id = on.generated(100);
        Ok(on.made(id, vec![("Data", Value::str("{}"))]))
    },
    update: |_| {
        Err(Refusal::of("Update to resource type AWS::CloudFormation::WaitCondition is not supported."))
    },
    ready: |on| {
        let Some(handle) = on.text("Handle") else { return Ok(Some(Vec::new())) };
        let home = address(on, &handle)?.home();
        let all = asked::signals(on.cx.tx, &home)?;
        let wanted = on.text("Count").and_then(|text| text.parse().ok()).unwrap_or(1);
        match tally(&all, wanted) {
            Tally::Failed(failed) => Err(Refusal::of(format!(
                "WaitCondition received failed message: '{}' for uniqueId: {}",
                failed.reason, failed.id
            ))),
            Tally::Enough => Ok(Some(vec![("Data", told(on, &all))])),
            Tally::Short => {
                let until = Timestamp::parse_iso8601(&on.attribute("Until"));
                if until.is_none_or(|until| until > on.cx.now) {
                    return Ok(None);
                }
                let number = all.len();
                Err(Refusal::of(format!(
                    "WaitCondition timed out. Received {number} conditions when expecting {wanted}"
                )))
            }
        }
    },
    ..BASE
};

/// The handle that a condition names.
fn address(on: &On<'_, '_>, handle: &str) -> Done<Address> {
    let query = handle.split_once('?').map_or("", |(_, query)| query);
    let address = Address::read(on.cx.cloud(), query);
    address.ok_or_else(|| Refusal::of("Handle must be the Ref of a WaitConditionHandle."))
}

fn forget(on: &mut On<'_, '_>) -> Done<()> {
    let home = of_resource(on.whole, on.logical);
    Ok(asked::forget_signals(on.cx.tx, &home)?)
}

/// `{"Signal1":"Application has completed configuration."}`
fn told(on: &On<'_, '_>, all: &[Signal]) -> Value {
    let data = |signal: &Signal| Value::Str(open_text(on.cx.cloud(), &signal.data).unwrap_or_default());
    let pairs = all.iter().map(|signal| (signal.id.clone(), data(signal)));
    Value::Str(wire::json::text(&Value::Map(pairs.collect())))
}
