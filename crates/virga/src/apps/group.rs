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
    Ok(in_service(&described(root, group)?))
}

/// The same, once the group has come to rest: none comes, none goes, and there are as many as it shall have.
///
/// # Errors
/// A sentence, also for a group that has not.
pub(crate) fn settled(root: &Caller<'_>, group: &str) -> Result<Vec<Member>, String> {
    at_rest(&described(root, group)?)
}

fn described(root: &Caller<'_>, group: &str) -> Result<String, String> {
    root.call("autoscaling", "DescribeAutoScalingGroups", &[("AutoScalingGroupNames.member.1", group)])
}

fn at_rest(told: &str) -> Result<Vec<Member>, String> {
    let wanted = xml::text(told, "DesiredCapacity").unwrap_or_default();
    let there = xml::all(told, "LifecycleState").count();
    let serving = in_service(told);
    if serving.len() == there && serving.len().to_string() == wanted && there > 0 {
        return Ok(serving);
    }
    Err(format!(
        "the group has {there} machines, {} of them in service, and shall have {wanted}",
        serving.len()
    ))
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
    use super::{at_rest, in_service};

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
        // Nor is a group at rest while one of its machines comes or ails, or while it has not what it shall have.
        let group = |wanted: usize, all: &[String]| {
            format!("<DesiredCapacity>{wanted}</DesiredCapacity><Instances>{}</Instances>", all.concat())
        };
        let all = [one("i-1", "b", "InService", "Healthy"), one("i-2", "a", "InService", "Healthy")];
        assert_eq!(at_rest(&group(2, &all)).map(|all| all.len()), Ok(2));
        assert_eq!(
            at_rest(&group(3, &all)).unwrap_err(),
            "the group has 2 machines, 2 of them in service, and shall have 3"
        );
        assert!(at_rest(&told).is_err());
        assert!(at_rest(&group(0, &[])).is_err());
    }
}
