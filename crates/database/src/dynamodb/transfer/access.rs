//! Which tables, exports and imports each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use super::JobPlace;
use crate::dynamodb::access::target;
use crate::dynamodb::errors::{Refusal, parameter, validation};
use crate::dynamodb::model::name::Place;
use base::Arn;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

pub(super) fn exported(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = request.str("TableArn").unwrap_or_default();
    if !text.is_empty() {
        let arn = Arn::parse(text).ok_or_else(|| parameter("tableArn is not a valid ARN"))?;
        if arn.resource.strip_prefix("table/").is_none_or(|name| name.contains('/')) {
            return Err(validation("Invalid Request: Table ARN is invalid.").into());
        }
        // AWS: recorded; the table is looked for here, wherever it is said to be.
        if arn.region != cx.region.name() {
            return Err(Refusal::TableNotFound(text.to_owned()).into());
        }
    }
    let place = Place::read_arn(cx, text)?;
    Ok(vec![target(cx, &place, None)?.0])
}

/// A job, which is its account's alone.
fn job(cx: &Cx<'_>, request: &Struct, member: &str, kind: &str) -> Targets {
    let arn = request.str(member).unwrap_or_default();
    let account = JobPlace::read(arn, kind)?.account;
    if account != cx.account {
        return Err(Refusal::Denied.into());
    }
    Ok(vec![Target::on(arn).owned_by(account)])
}

pub(super) fn imported(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.get("TableCreationParameters").and_then(|made| made.member("TableName"));
    let place = Place::read(cx, name.and_then(Value::as_str).unwrap_or_default())?;
    Ok(vec![Target::on(place.arn()).owned_by(place.account)])
}

pub(super) fn on_export(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    job(cx, request, "ExportArn", "export")
}

pub(super) fn on_import(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    job(cx, request, "ImportArn", "import")
}
