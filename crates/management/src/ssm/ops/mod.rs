//! Handlers, one file a noun.

pub(super) mod delete;
pub(super) mod describe;
pub(super) mod get;
pub(super) mod history;
pub(super) mod label;
pub(super) mod path;
pub(super) mod put;
pub(super) mod tag;

use super::errors::SsmError;
use super::model::{Home, Parameter};
use kernel::Cx;
use wire::{Struct, Value};

pub(super) fn home(cx: &Cx<'_>) -> Home {
    (cx.account, cx.region)
}

/// A parameter by its name.
///
/// # Errors
/// `ParameterNotFound`, with an empty message as AWS answers it.
pub(super) fn existing(cx: &Cx<'_>, name: &str) -> Result<Parameter, SsmError> {
    Parameter::load(cx.tx, home(cx), name)?.ok_or_else(|| SsmError::NoParameter(String::new()))
}

/// What a token of this list stands for.
///
/// # Errors
/// `InvalidNextToken`.
pub(super) fn position(cx: &Cx<'_>, list: &str, token: Option<&str>) -> Result<Option<String>, SsmError> {
    let Some(token) = token else { return Ok(None) };
    let bytes = cx.pager().position(list, token).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Some).ok_or(SsmError::NextToken)
}

/// Tells the event bus of a change.
/// AWS: <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html>
pub(super) fn tell(cx: &mut Cx<'_>, operation: &'static str, parameter: &Parameter) {
    let mut detail = Struct::new();
    detail.push("operation", Value::str(operation));
    detail.push("name", Value::str(&parameter.name));
    detail.push("type", Value::str(&parameter.latest.kind));
    if let Some(description) = &parameter.latest.description {
        detail.push("description", Value::str(description));
    }
    let arn = super::model::arn(home(cx), &parameter.name);
    cx.emit("aws.ssm", "Parameter Store Change", vec![arn], &Value::Struct(detail));
}
