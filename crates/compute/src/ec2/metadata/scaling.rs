//! Where its group of Auto Scaling takes an instance.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html>
//!
//! Not here: `Detached`, as nothing tells of the group that an instance has left.

use crate::autoscaling::work::instance::MARK;
use crate::ec2::model::Instance;
use crate::ec2::ops::{call_to, list, text, texts};
use ec2::{Ec2Error, register};
use kernel::Cx;

const SERVICE: &str = "autoscaling";

/// The state that comes next for it; none where it is in no group.
///
/// # Errors
/// When the records cannot be read.
pub(super) fn target(cx: &mut Cx<'_>, instance: &Instance) -> Result<Option<String>, Ec2Error> {
    if !register::tags(cx, &instance.id)?.contains_key(MARK) {
        return Ok(None);
    }
    let asked = [("InstanceIds", texts([&instance.id]))];
    let told = call_to(cx, SERVICE, "DescribeAutoScalingInstances", asked)?;
    let Some(member) = list(&told, "AutoScalingInstances").first() else { return Ok(None) };
    let state = text(member, "LifecycleState");
    if !state.starts_with(PREPARED) {
        return Ok(goal(&state).map(str::to_owned));
    }
    let group = texts([&text(member, "AutoScalingGroupName")]);
    let told = call_to(cx, SERVICE, "DescribeAutoScalingGroups", [("AutoScalingGroupNames", group)])?;
    let pool =
        list(&told, "AutoScalingGroups").first().and_then(|group| group.member("WarmPoolConfiguration"));
    Ok(pool.map(|pool| format!("Warmed:{}", text(pool, "PoolState"))))
}

/// What becomes of it, its pool says.
const PREPARED: &str = "Warmed:Pending";

/// The steady state to which another one leads.
fn goal(state: &str) -> Option<&'static str> {
    let steady =
        ["InService", "Standby", "Warmed:Hibernated", "Warmed:Running", "Warmed:Stopped"].iter().copied();
    let leads = [
        ("Pending", "InService"),
        ("EnteringStandby", "Standby"),
        ("Terminating", "Terminated"),
        ("Warmed:Terminating", "Warmed:Terminated"),
    ];
    let led = leads.iter().find(|(from, _)| state.starts_with(from)).map(|(_, to)| *to);
    steady.into_iter().find(|steady| *steady == state).or(led)
}

#[cfg(test)]
mod tests {
    use super::goal;

    #[test]
    fn each_state_leads_to_a_steady_one() {
        for (state, expected) in [
            ("Pending", Some("InService")),
            ("Pending:Wait", Some("InService")),
            ("InService", Some("InService")),
            ("Standby", Some("Standby")),
            ("Terminating:Wait", Some("Terminated")),
            ("Terminating", Some("Terminated")),
            ("Warmed:Terminating:Wait", Some("Warmed:Terminated")),
            ("Warmed:Running", Some("Warmed:Running")),
            ("Warmed:Stopped", Some("Warmed:Stopped")),
            ("Quarantined", None),
        ] {
            assert_eq!(goal(state), expected, "{state}");
        }
    }
}
