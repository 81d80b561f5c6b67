//! Groups tell of themselves each minute, in the namespace `AWS/AutoScaling`.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html>

use super::SELF;
use crate::autoscaling::model::{GROUPS, Group, IN_SERVICE, PENDING, TERMINATING};
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{self, Metric, Source};
use std::collections::HashMap;
use std::sync::Arc;
use store::{CommitError, Direction, Key, Table};
use wire::Value;

const SOURCE: Source = Source { service: SELF, namespace: "AWS/AutoScaling" };
const MINUTE: i64 = 60;

store::record! {
    /// The last minute that was told of, so that none is told of twice.
    #[derive(Clone, PartialEq, Debug)]
    struct Told { 1 => pub minute: i64 }
}

const TOLD: Table<Told> = Table::new(0x2706, "autoscaling/told metrics");

/// What is told of a group.
pub(crate) const METRICS: [&str; 13] = [
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupStandbyInstances",
    "GroupTerminatingInstances",
    "GroupTotalInstances",
    "GroupInServiceCapacity",
    "GroupPendingCapacity",
    "GroupStandbyCapacity",
    "GroupTerminatingCapacity",
    "GroupTotalCapacity",
];

/// No instance weighs more than another, so capacities are numbers of instances.
fn value(group: &Group, name: &str) -> i64 {
    let count =
        |state: &str| group.members.iter().filter(|member| member.state.starts_with(state)).count() as i64;
    let of = name.trim_start_matches("Group").trim_end_matches("Instances").trim_end_matches("Capacity");
    match of {
        "MinSize" => group.min,
        "MaxSize" => group.max,
        "Desired" => group.desired,
        "InService" => count(IN_SERVICE),
        "Pending" => count(PENDING),
        "Terminating" => count(TERMINATING),
        "Total" => group.members.len() as i64,
        other => count(other),
    }
}

#[derive(Debug)]
pub struct Measure;

impl Reconciler for Measure {
    fn name(&self) -> &'static str {
        "auto scaling metrics"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![GROUPS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let minute = now.seconds().div_euclid(MINUTE);
        let mut tx = cloud.store().begin();
        let mut data: HashMap<(AccountId, Region), Vec<Value>> = HashMap::new();
        for pair in GROUPS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
            let (key, group) = pair.map_err(|error| error.to_string())?;
            let Some(home) = key.reader().regional().filter(|_| !group.metrics.is_empty()) else { continue };
            let of = [("AutoScalingGroupName", group.name.clone())];
            let at = Timestamp::from_seconds(minute * MINUTE);
            let one = |name: &&'static str| {
                let amount = [("Value", Value::Float(value(&group, name) as f64))];
                vitals::datum(&of, at, Metric { name, unit: "None" }, amount)
            };
            let wanted = METRICS.iter().filter(|name| group.metrics.contains(**name));
            data.entry(home).or_default().extend(wanted.map(one));
        }
        if data.is_empty() {
            return Ok(None);
        }
        let next = Some(Timestamp::from_seconds((minute + 1) * MINUTE));
        let told = TOLD.get(&tx, &Key::global()).map_err(|error| error.to_string())?;
        if told.is_some_and(|told| told.minute >= minute) {
            return Ok(next);
        }
        TOLD.put(&mut tx, &Key::global(), &Told { minute });
        for (home, data) in data {
            vitals::put(cloud, &mut tx, SOURCE, home, &data).map_err(|fault| fault.to_string())?;
        }
        match tx.commit().wait() {
            Ok(_) => Ok(next),
            Err(CommitError::Conflict) => Ok(Some(now)),
            Err(error) => Err(error.to_string()),
        }
    }
}
