//! Universal targets: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage` with the parameters of that operation as JSON.
//!
//! AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html>

use super::errors::{SchedulerError, invalid};
use kernel::Cloud;
use wire::model::{Operation, Service};
use wire::{Fault, Value};

const PREFIX: &str = "arn:aws:scheduler:::aws-sdk:";
/// Operations that only read cannot be targets. AWS: as above.
const READING: [&str; 26] = [
    "get",
    "describe",
    "list",
    "poll",
    "receive",
    "search",
    "scan",
    "query",
    "select",
    "read",
    "lookup",
    "discover",
    "validate",
    "batchGet",
    "batchDescribe",
    "batchRead",
    "transactGet",
    "adminGet",
    "adminList",
    "testMigration",
    "retrieve",
    "testConnection",
    "translateDocument",
    "isAuthorized",
    "isAuthorizedWithToken",
    "invokeModel",
];

/// An operation of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Universal {
    pub(super) service: &'static Service,
    pub(super) operation: &'static Operation,
}

pub(super) fn is_one(arn: &str) -> bool {
    arn.starts_with(PREFIX)
}

/// The operation that an ARN names.
///
/// # Errors
/// `ValidationException` for what no schedule can call; `NotImplemented` for what is not built.
pub(super) fn read(cloud: &Cloud, arn: &str) -> Result<Universal, SchedulerError> {
    let wrong = || invalid(format!("Provided Arn is not valid: {arn}"));
    let (service, action) =
        arn.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or_else(wrong)?;
    let camel =
        action.split_at_checked(1).map(|(first, rest)| first.to_ascii_lowercase() + rest).unwrap_or_default();
    if READING.iter().any(|prefix| camel.starts_with(prefix)) {
        return Err(invalid(format!("The API action {service}:{action} is not supported as a target.")));
    }
    let not_built = || SchedulerError::NotBuilt(format!("The target {service}:{action}"));
    let entries = wire::catalog::services().iter();
    let entry =
        entries.into_iter().find(|entry| sdk_name(entry.service_id) == service).ok_or_else(not_built)?;
    let model = wire::catalog::service(entry.id).ok_or_else(not_built)?;
    let named = |operation: &&Operation| operation.name.eq_ignore_ascii_case(action);
    let operation = model.operations.iter().find(named).ok_or_else(wrong)?;
    if !cloud.can_call(model.id, operation.name) {
        return Err(not_built());
    }
    Ok(Universal { service: model, operation })
}

/// `CloudWatch Logs` is `cloudwatchlogs`.
fn sdk_name(service_id: &str) -> String {
    service_id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Universal {
    /// The parameters that JSON tells.
    ///
    /// # Errors
    /// `ValidationException` for what the operation does not have.
    pub(super) fn parameters(&self, text: &str) -> Result<Value, Fault> {
        let wrong =
            |why: String| Fault::from(invalid(format!("The input of the target is not valid: {why}")));
        let value = wire::json::read(text).ok_or_else(|| wrong("it is not JSON".into()))?;
        let Some(shape) = self.operation.input else { return Ok(Value::Struct(wire::Struct::new())) };
        wire::shaped::as_shape(self.service, shape, value).map_err(wrong)
    }
}
