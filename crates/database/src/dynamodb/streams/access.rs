//! Which stream each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use super::Place;
use super::iterator::arn_of;
use kernel::{Cx, Target};
use wire::{Fault, Struct};

pub(super) use kernel::access::any;

fn target(cx: &Cx<'_>, arn: &str) -> Result<Vec<Target>, Fault> {
    let place = Place::read(cx, arn)?;
    Ok(vec![Target::on(arn).owned_by(place.account)])
}

pub(super) fn on_stream(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    target(cx, request.str("StreamArn").unwrap_or_default())
}

/// GetRecords: an iterator begins with its stream's ARN.
pub(super) fn by_iterator(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let arn = arn_of(request.str("ShardIterator").unwrap_or_default())?;
    target(cx, arn)
}
