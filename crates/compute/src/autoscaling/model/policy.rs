//! Policies of scaling: when a group is to be larger or smaller, and by how much. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html>

use super::key;
use base::{AccountId, Region};
use std::cmp::Ordering;
use store::{Key, Table};

store::record! {
    /// Under its group and its name.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Policy {
        1 => pub name: String,
        /// The part of its ARN that another policy of the name would not have.
        2 => pub id: String,
        3 => pub group: String,
        /// AWS's word: [`SIMPLE`], [`STEP`], [`TRACKING`].
        4 => pub kind: String,
        /// What numbers mean: AWS's word.
        5 => pub adjustment: Option<String>,
        /// By at least so many instances, of a change in percent.
        6 => pub magnitude: Option<i64>,
        7 => pub by: Option<i64>,
        8 => pub cooldown: Option<i64>,
        9 => pub steps: Vec<Step>,
        /// Seconds until a new instance counts.
        10 => pub warmup: Option<i64>,
        11 => pub tracks: Option<Tracking>,
        12 => pub disabled: bool,
    }

    /// From where on, up to where, by how much: as distances from the alarm's threshold.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Step {
        1 => pub lower: Option<f64>,
        2 => pub upper: Option<f64>,
        3 => pub by: i64,
    }

    /// A metric that is kept near a value.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Tracking {
        1 => pub target: f64,
        /// It never takes instances away.
        2 => pub only_out: bool,
        3 => pub metric: Metric,
        /// AWS's name of the metric, where it is one of those that groups have by themselves.
        4 => pub predefined: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Metric {
        1 => pub namespace: String,
        2 => pub name: String,
        3 => pub dimensions: Vec<(String, String)>,
        4 => pub statistic: String,
        5 => pub unit: Option<String>,
        6 => pub period: Option<i64>,
    }
}

pub const POLICIES: Table<Policy> = Table::new(0x2703, "autoscaling/policies");

pub const SIMPLE: &str = "SimpleScaling";
pub const STEP: &str = "StepScaling";
pub const TRACKING: &str = "TargetTrackingScaling";

pub const ADJUSTMENTS: [&str; 3] = ["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"];

/// AWS: the quotas of a group's policies and of a policy's steps.
pub const POLICIES_MAX: usize = 50;
const STEPS_MAX: usize = 20;
/// AWS leaves room under the target, so that a group does not swing: it is smaller only below this part of it.
const LOW: f64 = 0.9;

/// The two alarms of a policy that tracks: from above at once, from below with patience.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    High,
    Low,
}

impl Side {
    pub fn comparison(self) -> &'static str {
        if self == Side::High { "GreaterThanThreshold" } else { "LessThanThreshold" }
    }

    /// For how many periods of a minute the metric must be there.
    pub fn periods(self) -> i64 {
        if self == Side::High { 3 } else { 15 }
    }

    pub fn threshold(self, target: f64) -> f64 {
        if self == Side::High { target } else { target * LOW }
    }
}

impl Policy {
    pub fn key(account: AccountId, region: Region, group: &str, name: &str) -> Key {
        key(account, region, group).str(name)
    }

    pub fn arn(&self, account: AccountId, region: Region) -> String {
        let (id, group, name) = (&self.id, &self.group, &self.name);
        let resource = format!("scalingPolicy:{id}:autoScalingGroupName/{group}:policyName/{name}");
        base::Arn::new("autoscaling", region.name(), account.as_str(), &resource).to_string()
    }

    /// Group and name within an ARN of a policy.
    pub fn named(arn: &str) -> Option<(&str, &str)> {
        let (_, rest) = arn.split_once(":autoScalingGroupName/")?;
        arn.contains(":scalingPolicy:").then_some(())?;
        rest.split_once(":policyName/")
    }

    /// The size after a change by a number, in the meaning that the policy gives it.
    pub fn changed(&self, current: i64, by: i64) -> i64 {
        match self.adjustment.as_deref() {
            Some("ExactCapacity") => by,
            Some("PercentChangeInCapacity") => current.saturating_add(self.percent(current, by)),
            _ => current.saturating_add(by),
        }
    }

    /// AWS: towards nothing, but by one at least.
    fn percent(&self, current: i64, by: i64) -> i64 {
        let exact = i128::from(current) * i128::from(by);
        let whole = i64::try_from(exact / 100).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX });
        let one = if whole == 0 { i64::try_from(exact.signum()).unwrap_or_default() } else { whole };
        match self.magnitude {
            Some(least) if one.abs() < least => by.signum() * least,
            _ => one,
        }
    }

    /// The step that a value is in. AWS: above the threshold the lower bound is within, below it the upper one.
    pub fn step(&self, value: f64, threshold: f64) -> Option<&Step> {
        let distance = value - threshold;
        self.steps.iter().find(|step| {
            let (lower, upper) =
                (step.lower.unwrap_or(f64::NEG_INFINITY), step.upper.unwrap_or(f64::INFINITY));
            match distance >= 0.0 {
                true => lower <= distance && distance < upper,
                false => lower < distance && distance <= upper,
            }
        })
    }
}

impl Tracking {
    /// How many instances would have the metric at its target, where so many have it at a value.
    pub fn wanted(&self, current: i64, value: f64) -> i64 {
        // A sliver above a whole number is what floating point has made of it.
        (current as f64 * value / self.target - 1e-9).ceil() as i64
    }
}

/// # Errors
/// AWS's sentence about the first that is wrong.
pub fn check_steps(steps: &[Step]) -> Result<(), &'static str> {
    if steps.is_empty() {
        return Err("At least one StepAdjustment must be specified for policy type StepScaling");
    }
    if steps.len() > STEPS_MAX {
        return Err("There can be at most 20 step adjustments per scaling policy");
    }
    if steps.iter().any(|step| step.lower.is_none() && step.upper.is_none()) {
        return Err("Both lower and upper bounds of a step adjustment cannot be left unspecified");
    }
    let is_empty = |step: &&Step| step.lower.zip(step.upper).is_some_and(|(lower, upper)| lower >= upper);
    if steps.iter().find(is_empty).is_some() {
        return Err("The upper bound of a StepAdjustment must be greater than its lower bound");
    }
    let (open_below, open_above) = (
        steps.iter().filter(|step| step.lower.is_none()).count(),
        steps.iter().filter(|step| step.upper.is_none()).count(),
    );
    if open_below > 1 || open_above > 1 {
        return Err("At most one StepAdjustment may have an unspecified lower or an unspecified upper bound");
    }
    if open_above == 0 && steps.iter().any(|step| step.upper > Some(0.0)) {
        return Err(
            "There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one StepAdjustment has a positive upper bound",
        );
    }
    if open_below == 0 && steps.iter().any(|step| step.lower.is_some_and(|lower| lower < 0.0)) {
        return Err(
            "There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is null) when one StepAdjustment has a negative lower bound",
        );
    }
    let mut ordered: Vec<&Step> = steps.iter().collect();
    ordered.sort_by(|a, b| a.lower.partial_cmp(&b.lower).unwrap_or(Ordering::Equal));
    match ordered.windows(2).all(|pair| pair[0].upper == pair[1].lower) {
        true => Ok(()),
        false => Err("StepAdjustment intervals can't overlap or have a gap between them"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Policy, Step, Tracking, check_steps};

    fn policy(adjustment: &str, magnitude: Option<i64>) -> Policy {
        Policy { adjustment: Some(adjustment.into()), magnitude, ..Policy::default() }
    }

    fn step(lower: Option<f64>, upper: Option<f64>, by: i64) -> Step {
        Step { lower, upper, by }
    }

    /// The page's own examples, and its rules for rounding.
    #[test]
    fn sizes_after_a_change() {
        for (kind, magnitude, current, by, after) in [
            ("ChangeInCapacity", None, 3, 5, 8),
            ("ChangeInCapacity", None, 3, -5, -2),
            ("ExactCapacity", None, 3, 5, 5),
            ("PercentChangeInCapacity", None, 10, 10, 11),
            ("PercentChangeInCapacity", None, 10, 127, 22),
            ("PercentChangeInCapacity", None, 1, 67, 2),
            ("PercentChangeInCapacity", None, 1, -58, 0),
            ("PercentChangeInCapacity", None, 10, -67, 4),
            ("PercentChangeInCapacity", Some(2), 4, 25, 6),
            ("PercentChangeInCapacity", Some(2), 10, -10, 8),
            ("PercentChangeInCapacity", Some(2), 0, 10, 2),
            ("PercentChangeInCapacity", None, 0, 10, 0),
        ] {
            assert_eq!(policy(kind, magnitude).changed(current, by), after, "{kind} {current} {by}");
        }
    }

    #[test]
    fn a_value_is_in_one_step() {
        let out = [(Some(0.0), Some(10.0), 0), (Some(10.0), Some(20.0), 10), (Some(20.0), None, 30)];
        let r#in = [(Some(-10.0), Some(0.0), 0), (Some(-20.0), Some(-10.0), -10), (None, Some(-20.0), -30)];
        let steps = out.into_iter().chain(r#in).map(|(lower, upper, by)| step(lower, upper, by)).collect();
        let policy = Policy { steps, ..policy("PercentChangeInCapacity", None) };
        for (value, by) in
            [(50.0, 0), (59.9, 0), (60.0, 10), (70.0, 30), (500.0, 30), (40.0, -10), (30.0, -30)]
        {
            assert_eq!(policy.step(value, 50.0).map(|step| step.by), Some(by), "{value}");
        }
    }

    #[test]
    fn steps_are_whole() {
        let fine = [step(Some(0.0), Some(5.0), 1), step(Some(5.0), None, 2)];
        assert_eq!(check_steps(&fine), Ok(()));
        assert_eq!(check_steps(&[step(None, Some(0.0), -1)]), Ok(()));
        for (steps, begins) in [
            (vec![], "At least one"),
            (vec![step(None, None, 1)], "Both lower"),
            (vec![step(Some(2.0), Some(1.0), 1)], "The upper bound"),
            (vec![step(Some(0.0), None, 1), step(Some(5.0), None, 1)], "At most one"),
            (vec![step(Some(1.0), Some(2.0), 1)], "There must be a StepAdjustment with an unspecified upper"),
            (
                vec![step(Some(-2.0), Some(0.0), 1)],
                "There must be a StepAdjustment with an unspecified lower",
            ),
            (vec![step(Some(0.0), Some(5.0), 1), step(Some(6.0), None, 2)], "StepAdjustment intervals"),
            (vec![step(Some(0.0), Some(5.0), 1), step(Some(4.0), None, 2)], "StepAdjustment intervals"),
            (vec![step(Some(0.0), None, 1); 21], "There can be at most 20"),
        ] {
            let told = check_steps(&steps).unwrap_err();
            assert!(told.starts_with(begins), "{steps:?}: {told}");
        }
    }

    #[test]
    fn a_size_that_has_the_metric_at_its_target() {
        let tracks = Tracking { target: 50.0, ..Tracking::default() };
        for (current, value, wanted) in [(2, 75.0, 3), (2, 76.0, 4), (10, 20.0, 4), (1, 10.0, 1), (3, 0.0, 0)]
        {
            assert_eq!(tracks.wanted(current, value), wanted, "{current} {value}");
        }
    }

    #[test]
    fn an_arn_names_group_and_policy() {
        let arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1-2:autoScalingGroupName/web:policyName/out";
        assert_eq!(Policy::named(arn), Some(("web", "out")));
        assert_eq!(
            Policy::named(
                "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/web"
            ),
            None
        );
    }
}
