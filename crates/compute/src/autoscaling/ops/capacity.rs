//! How many instances a group should have.

use super::group::at;
use super::{find, keep};
use crate::autoscaling::access::group as named;
use crate::autoscaling::errors::AutoScalingError;
use kernel::{Cx, Empty};

kernel::ops! {
    /// The wanted size.
    pub static OPS:
        SetDesiredCapacity: set, "autoscaling:SetDesiredCapacity", named;
}

wire::shape! {
    #[derive(Debug)]
    struct Set {
        name: String = "AutoScalingGroupName",
        desired: i64 = "DesiredCapacity",
        honour: Option<bool> = "HonorCooldown",
    }
}

fn set(cx: &mut Cx<'_>, req: Set) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    let (before, wanted) = (group.desired, req.desired);
    let beyond = [(wanted < group.min, "below min", group.min), (wanted > group.max, "above max", group.max)];
    if let Some((_, side, bound)) = beyond.into_iter().find(|(is, ..)| *is) {
        let what = format!(
            "New SetDesiredCapacity value {wanted} is {side} value {bound} for the AutoScalingGroup."
        );
        return Err(AutoScalingError::Validation(what));
    }
    if req.honour == Some(true) && group.rests_until().is_none_or(|until| until > cx.now) {
        return Err(AutoScalingError::InProgress(group.name));
    }
    if group.resize(wanted, None, cx.now) {
        let words = "a user request explicitly set group desired capacity changing the desired capacity";
        group.cause = at(cx.now, &format!("{words} from {before} to {wanted}."));
        keep(cx, &group);
    }
    Ok(Empty)
}
