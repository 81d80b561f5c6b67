//! Warm pools: put, told, deleted. [`crate::autoscaling::work`] keeps them.

use super::group::{InstanceView, at};
use super::{find, keep, page, size};
use crate::autoscaling::access::{any, group as named};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::Group;
use crate::autoscaling::model::warm::{RUNNING, STOPPED, WarmPool, is_going};
use crate::autoscaling::work::warm::end;
use kernel::{Cx, Empty};

kernel::ops! {
    /// Warm pools.
    pub static OPS:
        PutWarmPool: put, "autoscaling:PutWarmPool", named;
        DescribeWarmPool: describe, "autoscaling:DescribeWarmPool", any;
        DeleteWarmPool: delete, "autoscaling:DeleteWarmPool", named;
}

/// AWS: takes away what was said of the prepared capacity.
const UNSAID: i64 = -1;

wire::shape! {
    #[derive(Debug)]
    struct Put {
        name: String = "AutoScalingGroupName",
        most: Option<i64> = "MaxGroupPreparedCapacity",
        min: Option<i64> = "MinSize",
        state: Option<String> = "PoolState",
        reuse: Option<Reuse> = "InstanceReusePolicy",
    }

    #[derive(Debug)]
    struct Reuse { on_scale_in: Option<bool> = "ReuseOnScaleIn" }

    #[derive(Debug)]
    struct Describe {
        name: String = "AutoScalingGroupName",
        max: Option<i64> = "MaxRecords",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        pool: Option<View> = "WarmPoolConfiguration",
        instances: Vec<InstanceView> = "Instances",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(super) struct View {
        most: Option<i64> = "MaxGroupPreparedCapacity",
        min: i64 = "MinSize",
        state: String = "PoolState",
        status: Option<String> = "Status",
        reuse: Option<Reuse> = "InstanceReusePolicy",
    }

    #[derive(Debug)]
    struct Delete {
        name: String = "AutoScalingGroupName",
        force: Option<bool> = "ForceDelete",
    }
}

impl View {
    pub(super) fn of(pool: &WarmPool) -> View {
        View {
            most: pool.most,
            min: pool.min,
            state: if pool.running { "Running" } else { "Stopped" }.into(),
            status: pool.deleting.then(|| "PendingDelete".into()),
            reuse: pool.reuses.then_some(Reuse { on_scale_in: Some(true) }),
        }
    }
}

/// AWS: a pool is of one type, and on demand.
fn fits(cx: &mut Cx<'_>, group: &Group) -> Result<(), AutoScalingError> {
    if group.mixed.is_some() {
        return Err(invalid(
            "You can't add a warm pool to an Auto Scaling group that has a mixed instances policy.",
        ));
    }
    if super::mixed::says(cx, &group.template, "InstanceMarketOptions")? {
        return Err(invalid(
            "You can't add a warm pool to an Auto Scaling group whose launch template requests Spot Instances.",
        ));
    }
    Ok(())
}

fn put(cx: &mut Cx<'_>, req: Put) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    fits(cx, &group)?;
    if group.refreshes {
        return Err(AutoScalingError::RefreshInProgress);
    }
    if group.pool.as_ref().is_some_and(|pool| pool.deleting) {
        return Err(invalid("The warm pool of the group is being deleted."));
    }
    let mut pool = group.pool.take().unwrap_or_default();
    match req.state.as_deref() {
        None => {}
        Some("Stopped") => pool.running = false,
        Some("Running") => pool.running = true,
        Some(other) => {
            let what = format!(
                "The pool state {other} is not built in this version of Virga, as hibernation is not."
            );
            return Err(invalid(what));
        }
    }
    pool.min = req.min.unwrap_or(pool.min);
    match req.most {
        None => {}
        Some(UNSAID) => pool.most = None,
        Some(most) if most < group.min => {
            return Err(invalid(
                "MaxGroupPreparedCapacity must not be less than the minimum size of the group.",
            ));
        }
        Some(most) => pool.most = Some(most),
    }
    if let Some(reuse) = req.reuse {
        pool.reuses = reuse.on_scale_in == Some(true);
    }
    group.pool = Some(pool);
    keep(cx, &group);
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let group = find(cx, &req.name)?;
    let all: Vec<InstanceView> =
        group.warmed.iter().map(|member| InstanceView::of(cx.region, &group, member)).collect();
    let (instances, next) = page(cx, all, size(req.max, 50, 50)?, req.next.as_ref())?;
    Ok(Described { pool: group.pool.as_ref().map(View::of), instances, next })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    let Some(pool) = &mut group.pool else {
        return Err(invalid(format!("No warm pool found for Auto Scaling group {}", req.name)));
    };
    let moves =
        |group: &Group| group.warm_live().any(|member| !matches!(member.state.as_str(), STOPPED | RUNNING));
    pool.deleting = true;
    if req.force != Some(true) {
        if moves(&group) {
            return Err(AutoScalingError::InProgress(req.name));
        }
        keep(cx, &group);
        return Ok(Empty);
    }
    // Without waiting: the pool is gone, and nothing holds up the end of its instances.
    group.pool = None;
    let all: Vec<String> =
        group.warmed.iter().filter(|member| !is_going(member)).map(|member| member.id.clone()).collect();
    for id in all {
        let cause = at(cx.now, "a user request deleted the warm pool.");
        end(cx, &mut group, &id, cause, false).map_err(|fault| invalid(fault.message))?;
    }
    keep(cx, &group);
    Ok(Empty)
}
