//! Signals to resources whose creation waits for them.

use super::changeable;
use crate::cloudformation::access;
use crate::cloudformation::asked::{SIGNALS, Signal};
use crate::cloudformation::errors::{CfnError, invalid};
use crate::cloudformation::model::RESOURCES;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    SignalResource: signal, "cloudformation:SignalResource", access::stack;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct SignalResource {
        stack: String = "StackName",
        name: String = "LogicalResourceId",
        id: String = "UniqueId",
        status: String = "Status",
    }
}

fn signal(cx: &mut Cx<'_>, req: SignalResource) -> Result<Empty, CfnError> {
    let stack = changeable(cx, &req.stack)?;
    let key = stack.key().str(&req.name);
    let missing = || invalid(format!("Resource {} does not exist for stack {}", req.name, stack.name));
    let resource = RESOURCES.get(cx.tx, &key)?.ok_or_else(missing)?;
    if (resource.signals == 0 && resource.roll.is_none()) || !resource.status.ends_with("_IN_PROGRESS") {
        return Err(invalid(format!(
            "Resource {} is in {} state and cannot be signaled",
            resource.name, resource.status
        )));
    }
    let failed = req.status == "FAILURE";
    let signal = Signal { id: req.id, failed, ..Signal::default() };
    SIGNALS.put(cx.tx, &key.str(&signal.id), &signal);
    Ok(Empty)
}
