//! What is done to machines: they are stopped for a time, and told that they will be interrupted.

use super::{Doing, call, may};
use crate::ec2::ops::{list, texts};
use crate::ec2::spot::notice;
use crate::fis::errors::FisError;
use crate::fis::model::Run;
use crate::fis::model::action::MAY_END;
use ec2::access::Access;
use ec2::kind::INSTANCE;
use kernel::Cx;
use std::sync::Arc;
use wire::{Fault, Struct, Value};

/// Starts again what an action has stopped; what does not run yet is left.
pub(super) fn restart(cx: &mut Cx<'_>, doing: &Doing<'_>, run: &mut Run) -> Result<(), Fault> {
    let may_end = doing.action.parameters.get(MAY_END).is_some_and(|value| value == "true");
    for id in std::mem::take(&mut run.left) {
        let told = call(cx, "DescribeInstances", [("InstanceIds", texts([&id]))])?;
        let shown = list(&told, "Reservations").first().map(|shown| list(shown, "Instances"));
        let state = shown.and_then(|all| all.first()).and_then(|one| one.at(&["State", "Name"]));
        match state.and_then(Value::as_str) {
            Some("running") => {}
            Some("stopping" | "pending") => run.left.push(id),
            Some("terminated" | "shutting-down") if may_end => {}
            _ => {
                call(cx, "StartInstances", [("InstanceIds", texts([&id]))])?;
                run.left.push(id);
            }
        }
    }
    Ok(())
}

/// Gives a spot instance its notice, where the role may. EC2 has no operation for that: it is FIS's own.
pub(super) fn interrupt(cx: &mut Cx<'_>, id: &str) -> Result<(), Fault> {
    for target in Access::of(cx, &Struct::new()).id(&INSTANCE, id).done()? {
        may(cx, "ec2:SendSpotInstanceInterruptions", &target)?;
    }
    let cloud = Arc::clone(cx.cloud());
    notice::interrupt(&cloud, cx.tx, id).map(drop).map_err(|why| FisError::Validation(why).into())
}
