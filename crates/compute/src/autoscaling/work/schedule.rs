//! Scheduled actions that come due by the cloud's clock.

use crate::autoscaling::model::schedule::{ACTIONS, Action, DUE, Due};
use crate::autoscaling::model::{GROUPS, Group, key};
use crate::autoscaling::ops::group::at;
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, due};
use std::sync::Arc;
use store::{Key, StoreError, Tx};

#[derive(Debug)]
pub struct Actions;

impl Reconciler for Actions {
    fn name(&self) -> &'static str {
        "auto scaling schedules"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &DUE, |tx, due, now| tick(tx, due, now).map_err(|error| error.to_string()))
    }
}

/// One that was missed while nobody ran it comes once, and then at its next time.
fn tick(tx: &mut Tx, due: &Due, now: Timestamp) -> Result<(), StoreError> {
    let home = (due.account, due.region);
    let Some(action) = ACTIONS.get(tx, &Action::key(home, &due.group, &due.name))? else { return Ok(()) };
    let place = key(due.account, due.region, &due.group);
    if let Some(mut group) = GROUPS.get(tx, &place)?.filter(|group| !group.deleting)
        && !group.is_suspended("ScheduledActions")
    {
        apply(&mut group, &action, now);
        GROUPS.put(tx, &place, &group);
    }
    action.delete(tx, home);
    if let Some(next) = action.after(now) {
        Action { next, ..action }.save(tx, home);
    }
    Ok(())
}

/// Takes over what the action says; a bound that the other one contradicts gives way to it.
fn apply(group: &mut Group, action: &Action, now: Timestamp) {
    let before = (group.min, group.max, group.desired);
    group.min = action.min.unwrap_or(group.min);
    group.max = action.max.unwrap_or(group.max);
    match action.max {
        Some(max) => group.min = group.min.min(max),
        None => group.max = group.max.max(group.min),
    }
    group.resize(action.desired.unwrap_or(group.desired), None, now);
    let Group { min, max, desired, .. } = *group;
    if desired == before.2 {
        return;
    }
    let words = format!(
        "a scheduled action update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired} changing the desired capacity from {} to {desired}.",
        before.2
    );
    let mut done = format!("the scheduled action {} executed.", action.name);
    let sizes =
        [("min size", before.0, min), ("max size", before.1, max), ("desired capacity", before.2, desired)];
    for (what, from, to) in sizes.into_iter().filter(|(_, from, to)| from != to) {
        done.push_str(&format!(" Setting {what} from {from} to {to}."));
    }
    group.cause = format!("{}  {}", at(now, &words), at(now, &done));
}
