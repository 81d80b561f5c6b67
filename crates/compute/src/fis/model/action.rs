//! The actions that there are, and the resource types that they are about. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html>

use super::Action;
use base::Timestamp;
use std::time::Duration;

pub(crate) const WAIT: &str = "aws:fis:wait";
pub(crate) const REBOOT: &str = "aws:ec2:reboot-instances";
pub(crate) const STOP: &str = "aws:ec2:stop-instances";
pub(crate) const TERMINATE: &str = "aws:ec2:terminate-instances";
pub(crate) const INTERRUPT: &str = "aws:ec2:send-spot-instance-interruptions";

pub(crate) const INSTANCE: &str = "aws:ec2:instance";
pub(crate) const SPOT: &str = "aws:ec2:spot-instance";

/// Parameters.
pub(crate) const DURATION: &str = "duration";
pub(crate) const RESTART: &str = "startInstancesAfterDuration";
pub(crate) const MAY_END: &str = "completeIfInstancesTerminated";
pub(crate) const BEFORE: &str = "durationBeforeInterruption";

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    /// What it calls its target, and of which type that is.
    pub(crate) target: Option<(&'static str, &'static str)>,
    /// Name, description, and whether it must be said.
    pub(crate) parameters: &'static [(&'static str, &'static str, bool)],
}

pub(crate) static KNOWN: &[Known] = &[
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
        id: WAIT,
        description: "Wait for the specified duration.",
        target: None,
        parameters: &[(DURATION, "How long to wait, from PT1M to PT12H.", true)],
    },
];

pub(crate) static TYPES: &[(&str, &str)] =
    &[(INSTANCE, "An Amazon EC2 instance."), (SPOT, "An Amazon EC2 Spot Instance.")];

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
                BEFORE => seconds(value).is_some_and(|seconds| (120..=900).contains(&seconds)),
                _ => seconds(value).is_some_and(|seconds| (60..=43_200).contains(&seconds)),
            };
            if !fits {
                return Some(format!(
                    "The value {value} of the parameter {name} of the action {id} is not valid."
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, INTERRUPT, STOP, WAIT, known, seconds};

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
        assert!(flaw(STOP, &[("other", "x")]).unwrap().contains("has no parameter other"));
    }
}
