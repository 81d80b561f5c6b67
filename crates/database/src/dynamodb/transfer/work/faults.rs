//! What an import could not take in, told in CloudWatch Logs: an event for each fault, with the permissions of who asked
//! for the import.

use super::super::SERVICE;
use super::super::bucket::{Stop, Store};
use crate::dynamodb::errors::{Refusal, failure};
use crate::dynamodb::model::transfer::{IMPORT_LOG, ImportRecord};
use crate::dynamodb::work::commit;
use base::Timestamp;
use kernel::{As, Cloud, Cx};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// How many faults are told at once: so many fit into a call of CloudWatch Logs, however long the objects' names are.
const BATCH: usize = 100;
const CONFLICTS_MAX: u32 = 64;

pub(super) struct Faults<'a> {
    cloud: &'a Arc<Cloud>,
    bucket: &'a Store<'a>,
    import: &'a ImportRecord,
    waiting: Vec<(Timestamp, String)>,
}

impl<'a> Faults<'a> {
    /// Makes the log where it is missing.
    ///
    /// # Errors
    /// What CloudWatch Logs refuses.
    pub(super) fn open(
        cloud: &'a Arc<Cloud>,
        bucket: &'a Store<'a>,
        import: &'a ImportRecord,
    ) -> Result<Faults<'a>, Stop> {
        let faults = Faults { cloud, bucket, import, waiting: Vec::new() };
        let stream = ("logStreamName", Value::Str(faults.stream()));
        let group = ("logGroupName", Value::str(IMPORT_LOG));
        faults.write(|cx| {
            make(cx, "CreateLogGroup", vec![group.clone()])?;
            make(cx, "CreateLogStream", vec![group.clone(), stream.clone()])
        })?;
        Ok(faults)
    }

    /// AWS: the guide on validation.
    fn stream(&self) -> String {
        format!("{}/error", self.import.id)
    }

    /// Notes why something was not taken in: an item of an object, an object, or all.
    ///
    /// # Errors
    /// Those of [`Faults::tell`].
    pub(super) fn note(&mut self, what: Option<(&str, Option<i64>)>, why: &str) -> Result<(), Stop> {
        let bucket = self.import.from.bucket.as_str();
        let pointer = |(object, item): (&str, Option<i64>)| {
            let fixed = [("bucket", Value::str(bucket)), ("key", Value::str(object))];
            let item = item.map(|item| ("itemIndex", Value::Int(item)));
            ("itemS3Pointer", Value::Struct(fixed.into_iter().chain(item).collect()))
        };
        let import = ("importArn", Value::Str(self.import.arn()));
        let errors = ("errorMessages", Value::List(vec![Value::str(why)]));
        let event: Struct = what.map(pointer).into_iter().chain([import, errors]).collect();
        self.waiting.push((self.cloud.clock().now(), wire::json::text(&Value::Struct(event))));
        if self.waiting.len() == BATCH { self.tell() } else { Ok(()) }
    }

    /// Tells what has been noted.
    ///
    /// # Errors
    /// What CloudWatch Logs refuses.
    pub(super) fn tell(&mut self) -> Result<(), Stop> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let event = |(time, text): (Timestamp, String)| {
            let members = [("timestamp", Value::Int(time.micros() / 1_000)), ("message", Value::Str(text))];
            Value::Struct(members.into_iter().collect())
        };
        let members = vec![
            ("logGroupName", Value::str(IMPORT_LOG)),
            ("logStreamName", Value::Str(self.stream())),
            ("logEvents", Value::List(waiting.into_iter().map(event).collect())),
        ];
        self.write(|cx| call(cx, "PutLogEvents", members.clone()))
    }

    fn write(&self, work: impl Fn(&mut Cx<'_>) -> Result<(), Fault>) -> Result<(), Stop> {
        for _ in 0..CONFLICTS_MAX {
            let mut tx = self.cloud.store().begin();
            let (whom, region) = (self.bucket.whom(), self.import.table.region);
            let done = self.cloud.act_for(&mut tx, SERVICE, whom, region, None, &work);
            done.and_then(|done| done).map_err(refused)?;
            if commit(tx)? {
                return Ok(());
            }
        }
        Err(Refusal::Internal.into())
    }
}

fn refused(fault: Fault) -> Stop {
    if fault.status >= 500 {
        return Stop::Broken(fault.into());
    }
    Stop::Failed(fault.code.to_string(), fault.message)
}

fn call(cx: &mut Cx<'_>, operation: &str, members: Vec<(&'static str, Value)>) -> Result<(), Fault> {
    let value = Value::Struct(members.into_iter().collect());
    cx.call("logs", operation, value, As::CallerVia(SERVICE)).map(drop)
}

/// A call whose thing may be there already.
fn make(cx: &mut Cx<'_>, operation: &str, members: Vec<(&'static str, Value)>) -> Result<(), Fault> {
    match call(cx, operation, members) {
        Err(fault) if failure::is_there(&fault) => Ok(()),
        made => made,
    }
}
