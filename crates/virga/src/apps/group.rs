//! The machines of an Auto Scaling group.

use super::aws::Caller;
use super::xml;

/// One of a group's machines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) zone: String,
    pub(crate) id: String,
}

/// The machines of a group that are in service, by zone.
///
/// # Errors
/// A sentence.
pub(crate) fn members(root: &Caller<'_>, group: &str) -> Result<Vec<Member>, String> {
    let asked = [("AutoScalingGroupNames.member.1", group)];
    let told = root.call("autoscaling", "DescribeAutoScalingGroups", &asked)?;
    Ok(in_service(&told))
}

fn in_service(told: &str) -> Vec<Member> {
    let instances = xml::text(told, "Instances").unwrap_or_default();
    let serving = xml::all(instances, "member").filter(|one| {
        xml::text(one, "LifecycleState") == Some("InService")
            && xml::text(one, "HealthStatus") == Some("Healthy")
    });
    let member = |one: &str| {
        let text = |name| xml::text(one, name).unwrap_or_default().to_owned();
        Member { zone: text("AvailabilityZone"), id: text("InstanceId") }
    };
    let mut all: Vec<Member> = serving.map(member).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::in_service;

    #[test]
    fn only_what_serves_is_a_member() {
        let one = |id: &str, zone: &str, state: &str, health: &str| {
            format!(
                "<member><InstanceId>{id}</InstanceId><AvailabilityZone>{zone}</AvailabilityZone>\
                 <LifecycleState>{state}</LifecycleState><HealthStatus>{health}</HealthStatus></member>"
            )
        };
        let told = [
            one("i-1", "b", "InService", "Healthy"),
            one("i-2", "a", "InService", "Healthy"),
            one("i-3", "a", "Pending", "Healthy"),
            one("i-4", "a", "InService", "Unhealthy"),
        ];
        let told = format!("<member><Instances>{}</Instances></member>", told.concat());
        let found: Vec<String> = in_service(&told).into_iter().map(|one| one.id).collect();
        assert_eq!(found, ["i-2", "i-1"]);
    }
}
