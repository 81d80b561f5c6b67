//! `AssociateKmsKey` and `DisassociateKmsKey`.

use super::named;
use crate::logs::access;
use crate::logs::errors::{LogsError, invalid};
use crate::logs::model::group::Group;
use crate::logs::sealing;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    AssociateKmsKey: associate, "logs:AssociateKmsKey", access::group;
    DisassociateKmsKey: disassociate, "logs:DisassociateKmsKey", access::group;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct AssociateKmsKey {
        group: Option<String> = "logGroupName",
        key: String = "kmsKeyId",
        resource: Option<String> = "resourceIdentifier",
    }

    #[derive(Debug)]
    pub(crate) struct DisassociateKmsKey {
        group: Option<String> = "logGroupName",
        resource: Option<String> = "resourceIdentifier",
    }
}

/// The group that a request is about.
fn group(cx: &Cx<'_>, name: Option<&str>, resource: Option<&str>) -> Result<Group, LogsError> {
    match (name, resource) {
        (Some(name), None) => named(cx, name),
        (None, Some(_)) => Err(LogsError::NotBuilt("KMS keys for the results of queries".into())),
        _ => Err(invalid("Either logGroupName or resourceIdentifier must be specified, and not both.")),
    }
}

fn associate(cx: &mut Cx<'_>, req: AssociateKmsKey) -> Result<Empty, LogsError> {
    let mut group = group(cx, req.group.as_deref(), req.resource.as_deref())?;
    sealing::associate(cx, &mut group, &req.key)?;
    group.save(cx.tx);
    Ok(Empty)
}

fn disassociate(cx: &mut Cx<'_>, req: DisassociateKmsKey) -> Result<Empty, LogsError> {
    let mut group = group(cx, req.group.as_deref(), req.resource.as_deref())?;
    sealing::disassociate(&mut group);
    group.save(cx.tx);
    Ok(Empty)
}
