//! A rolling update: the instances of a group that are not as the group launches them now are replaced, batch by batch.
//!
//! ```text
//! begun ─▶ (more instances, where too few would be in service) ─▶ waits for those that are new, their signals or the pause
//!            ▲                                                        │ none is obsolete any more: sizes and processes are as before
//!            └────────── a batch is terminated ◀───────────────────────┘
//! ```
//!
//! On the way back the policy of before is followed, and its signals are waited for.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html#cfn-attributes-updatepolicy-rollingupdate>

use super::step::{Hook, Task, Worker};
use crate::cloudformation::asked;
use crate::cloudformation::kinds::scaling_roll::{self, Members};
use crate::cloudformation::kinds::{Done, Refusal, map};
use crate::cloudformation::model::{RESOURCES, Resource, Roll, Stack};
use crate::cloudformation::template::policy::{Rolling, Update, updates};
use crate::cloudformation::template::{alike, get};
use store::Tx;
use wire::Value;

/// Sizes of a group that its template may leave to others.
const SIZES: &[&str] = &["DesiredCapacity", "MaxSize", "MinSize"];

/// AWS: what instances are launched by, and where.
pub(crate) const RENEWS: &[&str] =
    &["AvailabilityZones", "LaunchTemplate", "MixedInstancesPolicy", "PlacementGroup", "VPCZoneIdentifier"];

/// What the resource's `UpdatePolicy` says; it was read before it was written down.
pub(super) fn policy(resource: &Resource) -> Update {
    let read = resource.policy.as_deref().and_then(wire::json::read);
    read.and_then(|policy| updates(&policy, &resource.name).ok()).unwrap_or_default()
}

/// What an update asks for: without the sizes that nobody has changed, where the policy says so.
pub(super) fn asked_for(resource: &Resource, wanted: &Value, was: &Value) -> Value {
    let Value::Map(entries) = wanted else { return wanted.clone() };
    let keeps = policy(resource).keeps_sizes;
    let left = |name: &String| {
        let same = alike(get(was, name), get(wanted, name));
        keeps && SIZES.contains(&name.as_str()) && same
    };
    Value::Map(entries.iter().filter(|(name, _)| !left(name)).cloned().collect())
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(Value::str).collect())
}

/// `PT1H30M5S`
fn duration(seconds: u64) -> String {
    let parts = [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
    let told: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if told.is_empty() { "PT0S".to_owned() } else { format!("PT{told}") }
}

impl Worker<'_> {
    fn order<T>(&self, tx: &mut Tx, stack: &Stack, of: &Resource, what: &Value, hook: Hook<T>) -> Done<T> {
        let nothing = Value::Map(Vec::new());
        let task = Task {
            logical: &of.name,
            physical: &of.physical,
            wanted: what,
            before: &nothing,
            known: &nothing,
        };
        self.act(tx, stack, &task, hook)
    }

    /// Takes a further step; whether there is none left.
    pub(super) fn rolled(&self, tx: &mut Tx, stack: &mut Stack, resource: &mut Resource) -> Done<bool> {
        let Some(rolling) = policy(resource).rolling else { return Ok(true) };
        if !resource.status.starts_with("UPDATE") || resource.replaced {
            return Ok(true);
        }
        let seen = self.order(tx, stack, resource, &Value::Null, scaling_roll::look)?;
        let done = match resource.roll.take() {
            None if seen.obsolete.is_empty() => return Ok(true),
            None => self.begin_roll(tx, stack, resource, &rolling, &seen),
            Some(roll) => {
                resource.roll = Some(roll.clone());
                self.go_on(tx, stack, resource, roll, &rolling, &seen)
            }
        };
        if done.is_err() {
            self.stop_roll(tx, stack, resource);
        }
        done
    }

    fn keep(&self, tx: &mut Tx, stack: &Stack, resource: &mut Resource, roll: Roll) {
        resource.roll = Some(roll);
        resource.settling = true;
        RESOURCES.put(tx, &resource.key(stack), resource);
    }

    fn begin_roll(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        rolling: &Rolling,
        seen: &Members,
    ) -> Done<bool> {
        let total = u32::try_from(seen.obsolete.len()).unwrap_or(u32::MAX);
        let (least, batch) = (i64::from(rolling.least), i64::from(rolling.batch.min(total)));
        if least >= seen.max {
            return Err(Refusal::of(
                "MinInstancesInService must be less than the autoscaling group's MaxSize",
            ));
        }
        let waits = if rolling.signals {
            asked::forget_signals(tx, &resource.key(stack))?;
            let timeout = duration(rolling.pause.as_secs());
            format!(
                " Waiting on resource signals with a timeout of {timeout} when new instances are added to the autoscaling group."
            )
        } else {
            String::new()
        };
        let (of, kept) = (rolling.batch, rolling.least);
        let why = format!(
            "Rolling update initiated. Terminating {total} obsolete instance(s) in batches of {of}, while keeping at least {kept} instance(s) in service.{waits}"
        );
        self.tell(tx, stack, resource, &why);
        let suspends: Vec<String> =
            rolling.suspends.iter().filter(|name| !seen.suspended.contains(name)).cloned().collect();
        let what = map([("ScalingProcesses", texts(&suspends))]);
        self.order(tx, stack, resource, &what, scaling_roll::suspend)?;
        let mut roll = Roll { desired: seen.desired, min: seen.min, suspends, total, ..Roll::default() };
        let target = seen.desired.max((least + batch).min(seen.max));
        if target > seen.desired {
            let why =
                format!("Temporarily setting autoscaling group MinSize and DesiredCapacity to {target}.");
            self.tell(tx, stack, resource, &why);
            let sizes = map([("MinSize", Value::Int(target)), ("DesiredCapacity", Value::Int(target))]);
            self.order(tx, stack, resource, &sizes, scaling_roll::resize)?;
            let more = u32::try_from(target - seen.desired).unwrap_or(0);
            roll.raised = more;
            self.added(tx, stack, resource, &mut roll, rolling, more);
        }
        self.keep(tx, stack, resource, roll);
        Ok(false)
    }

    /// So many instances will be new.
    fn added(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &Resource,
        roll: &mut Roll,
        rolling: &Rolling,
        count: u32,
    ) {
        roll.fresh += count;
        roll.until = Some(self.cloud.clock().now().plus(rolling.pause));
        if rolling.signals {
            let timeout = duration(rolling.pause.as_secs());
            let why = format!(
                "New instance(s) added to autoscaling group - Waiting on {count} resource signal(s) with a timeout of {timeout}."
            );
            self.tell(tx, stack, resource, &why);
        }
    }

    fn go_on(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        mut roll: Roll,
        rolling: &Rolling,
        seen: &Members,
    ) -> Done<bool> {
        if !roll.ending.is_empty() {
            if roll.ending.iter().any(|id| seen.all.contains(id)) {
                return Ok(false);
            }
            let ended = std::mem::take(&mut roll.ending);
            let count = ended.len() as u32;
            roll.ended += count;
            let percent = (100 * roll.ended / roll.total.max(1)).min(100);
            let list = ended.join(", ");
            let why = format!("Successfully terminated instance(s) [{list}] (Progress {percent}%).");
            self.tell(tx, stack, resource, &why);
            self.added(tx, stack, resource, &mut roll, rolling, count);
            self.keep(tx, stack, resource, roll);
            return Ok(false);
        }
        let now = self.cloud.clock().now();
        let is_over = roll.until.is_none_or(|until| until <= now);
        if rolling.signals && roll.fresh > 0 {
            if !self.heard(tx, stack, resource, &roll, rolling, is_over)? {
                return Ok(false);
            }
        } else if !is_over {
            return Ok(false);
        }
        let active = (seen.desired * i64::from(rolling.active) + 99) / 100;
        if i64::try_from(seen.in_service).unwrap_or(0) < active {
            return Ok(false);
        }
        if seen.obsolete.is_empty() {
            self.stop_roll(tx, stack, resource);
            RESOURCES.put(tx, &resource.key(stack), resource);
            return Ok(true);
        }
        let room = seen.in_service.saturating_sub(rolling.least as usize).max(1);
        let batch: Vec<String> =
            seen.obsolete.iter().take(room.min(rolling.batch as usize)).cloned().collect();
        let why = format!(
            "Terminating instance(s) [{}]; replacing with {} new instance(s).",
            batch.join(", "),
            batch.len()
        );
        self.tell(tx, stack, resource, &why);
        self.order(tx, stack, resource, &map([("Instances", texts(&batch))]), scaling_roll::terminate)?;
        roll.ending = batch;
        self.keep(tx, stack, resource, roll);
        Ok(false)
    }

    /// Whether the new instances have said that they are well, or as many as must.
    fn heard(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &Resource,
        roll: &Roll,
        rolling: &Rolling,
        is_over: bool,
    ) -> Done<bool> {
        let all = self.signals(tx, stack, resource)?;
        let heard = all.len() as u32;
        let well = all.iter().filter(|signal| !signal.failed).count() as u32;
        let of_all = roll.total + roll.raised;
        // Of all that will be new, so many may fail or keep silent.
        let may_fail = of_all - (of_all * rolling.percent).div_ceil(100);
        let lost = if is_over { roll.fresh.saturating_sub(well) } else { heard - well };
        if lost > may_fail {
            let percent = rolling.percent;
            return Err(Refusal::of(format!(
                "Received {well} SUCCESS signal(s) out of {of_all}. Unable to satisfy {percent}% MinSuccessfulInstancesPercent requirement"
            )));
        }
        Ok(is_over || heard >= roll.fresh)
    }

    /// Sizes and processes are what they were before. Nothing of a group that is gone can be.
    pub(super) fn stop_roll(&self, tx: &mut Tx, stack: &mut Stack, resource: &mut Resource) {
        let Some(roll) = resource.roll.take() else { return };
        if roll.raised > 0 {
            let sizes =
                map([("MinSize", Value::Int(roll.min)), ("DesiredCapacity", Value::Int(roll.desired))]);
            if let Err(refusal) = self.order(tx, stack, resource, &sizes, scaling_roll::resize) {
                self.tell(tx, stack, resource, &refusal.reason);
            }
        }
        let what = map([("ScalingProcesses", texts(&roll.suspends))]);
        if let Err(refusal) = self.order(tx, stack, resource, &what, scaling_roll::resume) {
            self.tell(tx, stack, resource, &refusal.reason);
        }
    }
}
