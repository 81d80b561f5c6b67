//! Which tables, exports and imports each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use super::JobPlace;
use crate::dynamodb::access::target;
use crate::dynamodb::model::name::Place;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

pub(super) fn exported(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let place = Place::read_arn(cx, request.str("TableArn").unwrap_or_default())?;
    Ok(vec![target(cx, &place, None)?.0])
}

pub(super) fn imported(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.get("TableCreationParameters").and_then(|made| made.member("TableName"));
    let place = Place::read(cx, name.and_then(Value::as_str).unwrap_or_default())?;
    Ok(vec![Target::on(place.arn()).owned_by(place.account)])
}

pub(super) fn on_export(_: &mut Cx<'_>, request: &Struct) -> Targets {
    let arn = request.str("ExportArn").unwrap_or_default();
    Ok(vec![Target::on(arn).owned_by(JobPlace::read(arn, "export")?.account)])
}

pub(super) fn on_import(_: &mut Cx<'_>, request: &Struct) -> Targets {
    let arn = request.str("ImportArn").unwrap_or_default();
    Ok(vec![Target::on(arn).owned_by(JobPlace::read(arn, "import")?.account)])
}
