//! What there may be, and what there is to choose from.

use super::all;
use crate::autoscaling::access::any;
use crate::autoscaling::errors::AutoScalingError;
use crate::autoscaling::model::POLICIES_OF_TERMINATION;
use kernel::{Cx, Nothing};

kernel::ops! {
    /// Limits and types.
    pub static OPS:
        DescribeAccountLimits: limits, "autoscaling:DescribeAccountLimits", any;
        DescribeTerminationPolicyTypes: policies, "autoscaling:DescribeTerminationPolicyTypes", any;
        DescribeScalingProcessTypes: processes, "autoscaling:DescribeScalingProcessTypes", any;
}

/// AWS's quota. There are no launch configurations here.
const CONFIGURATIONS_MAX: i64 = 200;

wire::shape! {
    #[derive(Debug)]
    struct Limits {
        groups_max: i64 = "MaxNumberOfAutoScalingGroups",
        configurations_max: i64 = "MaxNumberOfLaunchConfigurations",
        groups: i64 = "NumberOfAutoScalingGroups",
        configurations: i64 = "NumberOfLaunchConfigurations",
    }

    #[derive(Debug)]
    struct Policies { all: Vec<String> = "TerminationPolicyTypes" }

    #[derive(Debug)]
    struct Process { name: String = "ProcessName" }

    #[derive(Debug)]
    struct Processes { all: Vec<Process> = "Processes" }
}

fn limits(cx: &mut Cx<'_>, _: Nothing) -> Result<Limits, AutoScalingError> {
    Ok(Limits {
        groups_max: super::group::GROUPS_MAX as i64,
        configurations_max: CONFIGURATIONS_MAX,
        groups: all(cx)?.len() as i64,
        configurations: 0,
    })
}

fn policies(_: &mut Cx<'_>, _: Nothing) -> Result<Policies, AutoScalingError> {
    Ok(Policies { all: POLICIES_OF_TERMINATION.iter().map(|name| (*name).to_owned()).collect() })
}

fn processes(_: &mut Cx<'_>, _: Nothing) -> Result<Processes, AutoScalingError> {
    let all = super::process::PROCESSES.iter().map(|name| Process { name: (*name).to_owned() });
    Ok(Processes { all: all.collect() })
}
