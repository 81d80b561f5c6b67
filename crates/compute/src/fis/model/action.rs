//! The actions that there are, and the resource types that they are about. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html>

use super::Action;
use super::disruption::Scope;
use base::Timestamp;
use std::time::Duration;

pub(crate) const WAIT: &str = "aws:fis:wait";
pub(crate) const REBOOT: &str = "aws:ec2:reboot-instances";
pub(crate) const STOP: &str = "aws:ec2:stop-instances";
pub(crate) const TERMINATE: &str = "aws:ec2:terminate-instances";
pub(crate) const INTERRUPT: &str = "aws:ec2:send-spot-instance-interruptions";
pub(crate) const NO_CAPACITY: &str = "aws:ec2:api-insufficient-instance-capacity-error";
pub(crate) const NO_CAPACITY_FOR_GROUPS: &str = "aws:ec2:asg-insufficient-instance-capacity-error";
pub(crate) const INTERNAL: &str = "aws:fis:inject-api-internal-error";
pub(crate) const THROTTLE: &str = "aws:fis:inject-api-throttle-error";
pub(crate) const UNAVAILABLE: &str = "aws:fis:inject-api-unavailable-error";
pub(crate) const DISRUPT: &str = "aws:network:disrupt-connectivity";
pub(crate) const PAUSE: &str = "aws:ebs:pause-volume-io";
pub(crate) const ASSERT: &str = "aws:cloudwatch:assert-alarm-state";

pub(crate) const INSTANCE: &str = "aws:ec2:instance";
pub(crate) const SPOT: &str = "aws:ec2:spot-instance";
pub(crate) const SUBNET: &str = "aws:ec2:subnet";
pub(crate) const VOLUME: &str = "aws:ec2:ebs-volume";
pub(crate) const GROUP: &str = "aws:ec2:autoscaling-group";
pub(crate) const ROLE: &str = "aws:iam:role";

/// Parameters.
pub(crate) const DURATION: &str = "duration";
pub(crate) const RESTART: &str = "startInstancesAfterDuration";
pub(crate) const MAY_END: &str = "completeIfInstancesTerminated";
pub(crate) const BEFORE: &str = "durationBeforeInterruption";
pub(crate) const ZONES: &str = "availabilityZoneIdentifiers";
pub(crate) const PERCENTAGE: &str = "percentage";
pub(crate) const SERVICE: &str = "service";
pub(crate) const OPERATIONS: &str = "operations";
pub(crate) const SCOPE: &str = "scope";
pub(crate) const LIST: &str = "prefixListIdentifier";
pub(crate) const ALARMS: &str = "alarmArns";
pub(crate) const STATES: &str = "alarmStates";
/// Of targets.
pub(crate) const ZONE: &str = "availabilityZoneIdentifier";
pub(crate) const VPC: &str = "vpc";

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    /// What it calls its target, and of which type that is.
    pub(crate) target: Option<(&'static str, &'static str)>,
    /// Name, description, and whether it must be said.
    pub(crate) parameters: &'static [(&'static str, &'static str, bool)],
}

const SO_LONG: (&str, &str, bool) = (DURATION, "How long it lasts, from PT1M to PT12H.", true);
const SHARE: (&str, &str, bool) = (PERCENTAGE, "How many of a hundred calls fail, from 1 to 100.", true);
const OF_CALLS: &[(&str, &str, bool)] = &[
    SO_LONG,
    (OPERATIONS, "The operations that fail, separated by commas.", true),
    SHARE,
    (SERVICE, "The namespace of the API: ec2.", true),
];
const IN_ZONES: (&str, &str, bool) =
    (ZONES, "The zones that have no capacity, by name or id, separated by commas.", true);

pub(crate) static KNOWN: &[Known] = &[
    Known {
        id: ASSERT,
        description: "Assert that the specified alarms are in one of the specified states.",
        target: None,
        parameters: &[
            (ALARMS, "The ARNs of the alarms, separated by commas.", true),
            (STATES, "The states, separated by commas: OK, ALARM, INSUFFICIENT_DATA.", true),
        ],
    },
    Known {
        id: PAUSE,
        description: "Let reads and writes of the specified EBS volumes wait.",
        target: Some(("Volumes", VOLUME)),
        parameters: &[SO_LONG],
    },
    Known {
        id: NO_CAPACITY,
        description: "Let requests of the specified IAM roles for EC2 capacity fail for want of it.",
        target: Some(("Roles", ROLE)),
        parameters: &[IN_ZONES, SO_LONG, SHARE],
    },
    Known {
        id: NO_CAPACITY_FOR_GROUPS,
        description: "Let launches of the specified Auto Scaling groups fail for want of capacity.",
        target: Some(("AutoScalingGroups", GROUP)),
        parameters: &[
            IN_ZONES,
            SO_LONG,
            (PERCENTAGE, "How many of a hundred launches fail, from 1 to 100; by default all.", false),
        ],
    },
    Known {
        id: REBOOT,
        description: "Reboot the specified EC2 instances.",
        target: Some(("Instances", INSTANCE)),
        parameters: &[],
    },
    Known {
        id: INTERRUPT,
        description: "Interrupt the specified EC2 Spot Instances.",
        target: Some(("SpotInstances", SPOT)),
        parameters: &[(
            BEFORE,
            "From the beginning of the action to the interruption, from PT2M to PT15M.",
            true,
        )],
    },
    Known {
        id: STOP,
        description: "Stop the specified EC2 instances.",
        target: Some(("Instances", INSTANCE)),
        parameters: &[
            (RESTART, "After which time the instances are started again, from PT1M to PT12H.", false),
            (MAY_END, "Whether instances that were terminated meanwhile are no failure.", false),
        ],
    },
    Known {
        id: TERMINATE,
        description: "Terminate the specified EC2 instances.",
        target: Some(("Instances", INSTANCE)),
        parameters: &[],
    },
    Known {
        id: INTERNAL,
        description: "Let calls of the specified IAM roles fail by internal errors.",
        target: Some(("Roles", ROLE)),
        parameters: OF_CALLS,
    },
    Known {
        id: THROTTLE,
        description: "Let calls of the specified IAM roles fail by throttling.",
        target: Some(("Roles", ROLE)),
        parameters: OF_CALLS,
    },
    Known {
        id: UNAVAILABLE,
        description: "Let calls of the specified IAM roles fail as the service is unavailable.",
        target: Some(("Roles", ROLE)),
        parameters: OF_CALLS,
    },
    Known {
        id: WAIT,
        description: "Wait for the specified duration.",
        target: None,
        parameters: &[(DURATION, "How long to wait, from PT1M to PT12H.", true)],
    },
    Known {
        id: DISRUPT,
        description: "Deny traffic to and from the specified subnets.",
        target: Some(("Subnets", SUBNET)),
        parameters: &[
            SO_LONG,
            (LIST, "The prefix list, by name, id or ARN, where the scope is prefix-list.", false),
            (SCOPE, "Which traffic: all, availability-zone, dynamodb, prefix-list, s3 or vpc.", true),
        ],
    },
];

/// A type of targets.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    /// How ARNs of its resources go on: service and beginning of the resource.
    pub(crate) named: (&'static str, &'static str),
    /// Its resources are found by tags and filters as well.
    pub(crate) chosen: bool,
    pub(crate) parameters: &'static [(&'static str, &'static str)],
}

pub(crate) static TYPES: &[Type] = &[
    Type {
        id: GROUP,
        description: "An Amazon EC2 Auto Scaling group.",
        named: ("autoscaling", "autoScalingGroup:"),
        chosen: true,
        parameters: &[],
    },
    Type {
        id: VOLUME,
        description: "An Amazon EBS volume.",
        named: ("ec2", "volume/"),
        chosen: true,
        parameters: &[(ZONE, "The zone that the volumes are in, by name or id.")],
    },
    Type {
        id: INSTANCE,
        description: "An Amazon EC2 instance.",
        named: ("ec2", "instance/"),
        chosen: true,
        parameters: &[],
    },
    Type {
        id: SPOT,
        description: "An Amazon EC2 Spot Instance.",
        named: ("ec2", "instance/"),
        chosen: true,
        parameters: &[],
    },
    Type {
        id: SUBNET,
        description: "A subnet.",
        named: ("ec2", "subnet/"),
        chosen: true,
        parameters: &[
            (ZONE, "The zone that the subnets are in, by name or id."),
            (VPC, "The VPC that the subnets are in."),
        ],
    },
    Type { id: ROLE, description: "An IAM role.", named: ("iam", "role/"), chosen: false, parameters: &[] },
];

pub(crate) fn kind(id: &str) -> Option<&'static Type> {
    TYPES.iter().find(|kind| kind.id == id)
}

pub(crate) fn known(id: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.id == id)
}

/// `PT1H30M` in seconds: hours, minutes and seconds, each at most once and in this order.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix("PT").filter(|rest| !rest.is_empty())?;
    let mut total = 0_u64;
    for (unit, worth) in [('H', 3600), ('M', 60), ('S', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(worth)?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(total)
}

impl Action {
    /// So long after a moment; nothing where the parameter is not said.
    pub(crate) fn after(&self, parameter: &str, from: Timestamp) -> Option<Timestamp> {
        let seconds = seconds(self.parameters.get(parameter)?)?;
        Some(from.plus(Duration::from_secs(seconds)))
    }

    /// What is wrong with its parameters.
    pub(crate) fn flaw(&self, known: &Known) -> Option<String> {
        let id = &self.id;
        if let Some(other) =
            self.parameters.keys().find(|name| known.parameters.iter().all(|(own, ..)| own != name))
        {
            return Some(format!("The action {id} has no parameter {other}."));
        }
        for (name, _, required) in known.parameters {
            let Some(value) = self.parameters.get(*name) else {
                if *required {
                    return Some(format!("The action {id} must have the parameter {name}."));
                }
                continue;
            };
            let fits = match *name {
                MAY_END => matches!(value.as_str(), "true" | "false"),
                PERCENTAGE => value.parse().is_ok_and(|part: u8| (1..=100).contains(&part)),
                SERVICE => value == "ec2",
                SCOPE => Scope::named(value).is_some(),
                LIST => !value.is_empty(),
                ZONES | OPERATIONS | ALARMS => parts(value).next().is_some(),
                STATES => parts(value).all(|state| matches!(state, "OK" | "ALARM" | "INSUFFICIENT_DATA")),
                BEFORE => seconds(value).is_some_and(|seconds| (120..=900).contains(&seconds)),
                _ => seconds(value).is_some_and(|seconds| (60..=43_200).contains(&seconds)),
            };
            if !fits {
                return Some(format!(
                    "The value {value} of the parameter {name} of the action {id} is not valid."
                ));
            }
        }
        let names_list = self.parameters.contains_key(LIST);
        if known.id == DISRUPT && names_list != (self.scope() == Some(Scope::List)) {
            return Some(format!(
                "The action {id} must have the parameter {LIST} where its scope is prefix-list, and only there."
            ));
        }
        None
    }

    pub(crate) fn scope(&self) -> Option<Scope> {
        Scope::named(self.parameters.get(SCOPE)?)
    }

    /// The parts of a list in a parameter.
    pub(crate) fn parts(&self, parameter: &str) -> Vec<String> {
        self.parameters
            .get(parameter)
            .map(|text| parts(text).map(str::to_owned).collect())
            .unwrap_or_default()
    }
}

/// `a, b`
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{
        Action, DISRUPT, INTERRUPT, NO_CAPACITY, NO_CAPACITY_FOR_GROUPS, STOP, THROTTLE, WAIT, known, seconds,
    };

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("PT1M", Some(60)),
            ("PT2H", Some(7200)),
            ("PT1H30M15S", Some(5415)),
            ("PT", None),
            ("P1D", None),
            ("PT1M2H", None),
            ("PTM", None),
            ("1M", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn parameters_are_those_of_the_action() {
        let flaw = |id: &str, parameters: &[(&str, &str)]| {
            let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Action { id: id.into(), parameters, ..Action::default() }.flaw(known(id).unwrap())
        };
        assert_eq!(flaw(WAIT, &[("duration", "PT5M")]), None);
        assert!(flaw(WAIT, &[]).unwrap().contains("must have the parameter duration"));
        assert!(flaw(WAIT, &[("duration", "PT13H")]).is_some());
        assert!(flaw(INTERRUPT, &[("durationBeforeInterruption", "PT1M")]).is_some());
        assert!(flaw(STOP, &[("completeIfInstancesTerminated", "maybe")]).is_some());
        let zones = ("availabilityZoneIdentifiers", "us-east-1a");
        let minute = ("duration", "PT1M");
        assert_eq!(flaw(NO_CAPACITY_FOR_GROUPS, &[minute, zones]), None);
        assert!(flaw(NO_CAPACITY, &[minute, zones]).unwrap().contains("must have the parameter percentage"));
        assert!(flaw(NO_CAPACITY, &[minute, zones, ("percentage", "0")]).is_some());
        let calls = [minute, ("percentage", "5"), ("operations", "RunInstances"), ("service", "s3")];
        assert!(flaw(THROTTLE, &calls).unwrap().contains("The value s3 of the parameter service"));
        assert_eq!(flaw(DISRUPT, &[minute, ("scope", "vpc")]), None);
        assert!(flaw(DISRUPT, &[minute, ("scope", "prefix-list")]).is_some());
        assert!(flaw(DISRUPT, &[minute, ("scope", "all"), ("prefixListIdentifier", "pl-1")]).is_some());
        assert!(flaw(STOP, &[("other", "x")]).unwrap().contains("has no parameter other"));
    }
}
