//! Processes of a group that are suspended for a while.

use super::{find, keep};
use crate::autoscaling::access::group as named;
use crate::autoscaling::errors::AutoScalingError;
use kernel::{Cx, Empty};

kernel::ops! {
    /// Suspended processes.
    pub static OPS:
        SuspendProcesses: suspend, "autoscaling:SuspendProcesses", named;
        ResumeProcesses: resume, "autoscaling:ResumeProcesses", named;
}

/// AWS's, of which some stand for what is not built here and so never run.
pub(super) const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

wire::shape! {
    #[derive(Debug)]
    struct Named {
        name: String = "AutoScalingGroupName",
        processes: Vec<String> = "ScalingProcesses",
    }
}

/// Those that are named; all where none is.
fn chosen(req: &Named) -> Result<Vec<String>, AutoScalingError> {
    if let Some(unknown) = req.processes.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
        return Err(AutoScalingError::Validation(format!("Unknown scaling process: {unknown}")));
    }
    let all = || PROCESSES.iter().map(|name| (*name).to_owned()).collect();
    Ok(if req.processes.is_empty() { all() } else { req.processes.clone() })
}

fn suspend(cx: &mut Cx<'_>, req: Named) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    let why = format!("User suspended at {}", cx.now.whole_seconds().iso8601());
    for process in chosen(&req)? {
        group.suspended.entry(process).or_insert_with(|| why.clone());
    }
    keep(cx, &group);
    Ok(Empty)
}

fn resume(cx: &mut Cx<'_>, req: Named) -> Result<Empty, AutoScalingError> {
    let mut group = find(cx, &req.name)?;
    for process in chosen(&req)? {
        group.suspended.remove(&process);
    }
    keep(cx, &group);
    Ok(Empty)
}
