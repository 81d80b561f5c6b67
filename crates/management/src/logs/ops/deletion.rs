//! Protection of groups from deletion.

use super::identified;
use crate::logs::access;
use crate::logs::errors::LogsError;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    PutLogGroupDeletionProtection: put, "logs:PutLogGroupDeletionProtection", access::group;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutProtection {
        identifier: String = "logGroupIdentifier",
        enabled: bool = "deletionProtectionEnabled",
    }
}

fn put(cx: &mut Cx<'_>, req: PutProtection) -> Result<Empty, LogsError> {
    let mut group = identified(cx, None, Some(&req.identifier))?;
    group.protected = req.enabled;
    group.save(cx.tx);
    Ok(Empty)
}
