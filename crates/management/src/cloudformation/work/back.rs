//! Back: what an update that failed has changed becomes again what it was.

use super::forward::{Pass, called};
use super::plan::known;
use super::roll;
use super::step::{Task, Worker, commit, enter, merged, reread};
use crate::cloudformation::drift::DRIFTS;
use crate::cloudformation::kinds::{Kind, kind};
use crate::cloudformation::model::{Past, RESOURCES, Resource, Stack, open, seal};
use store::Tx;

impl Worker<'_> {
    /// One pass over what the round has touched.
    pub(super) fn back(&self, stack: &Stack) -> Result<Pass, String> {
        let known = known(&self.cloud.store().snapshot(), stack).map_err(|e| e.to_string())?;
        let mut pass = Pass::default();
        let touched =
            |r: &&Resource| r.round > stack.whole_at() && r.made_in <= stack.whole_at() && r.is_live();
        for resource in known.values().filter(touched) {
            if resource.reverting && resource.status.ends_with("_FAILED") {
                pass.failed = true;
                continue;
            }
            let mut tx = self.cloud.store().begin();
            let (mut stack, mut resource) = (reread(&tx, stack)?, resource.clone());
            self.revert(&mut tx, &mut stack, &mut resource)?;
            let wrote = !tx.is_read_only();
            if !wrote || commit(tx)? {
                let waits = resource.settling || resource.status.ends_with("_IN_PROGRESS");
                pass.did |= wrote && !waits;
                pass.waits |= waits;
            } else {
                pass.did = true;
            }
        }
        Ok(pass)
    }

    fn revert(&self, tx: &mut Tx, stack: &mut Stack, resource: &mut Resource) -> Result<(), String> {
        let Some(kind) = kind(&resource.kind) else { return Err(format!("no kind {}", resource.kind)) };
        if resource.reverting {
            self.settle(tx, stack, resource, kind, None);
            self.reverted(tx, stack, resource);
            return Ok(());
        }
        if resource.settling && !self.settles(tx, stack, resource, kind) {
            return Ok(());
        }
        let skipped = self.job.skip.contains(&resource.name);
        let Some(old) = resource.old.take() else {
            // Nothing came of its change, or there was none.
            if resource.status.ends_with("_FAILED") {
                enter(self.cloud, tx, stack, resource, "UPDATE_COMPLETE", None, None);
            }
            self.settled(tx, stack, resource);
            return Ok(());
        };
        if skipped {
            // AWS: nobody knows how it is, until somebody looks.
            DRIFTS.delete(tx, &resource.key(stack));
        }
        let was_replaced = resource.replaced;
        let changed = (was_replaced || skipped) && self.is_back(resource, kind, &old, skipped);
        if !changed && (was_replaced || skipped) {
            enter(self.cloud, tx, stack, resource, "UPDATE_COMPLETE", None, None);
            self.settled(tx, stack, resource);
            return Ok(());
        }
        let (wanted, before) = (open(self.cloud, &old.properties), open(self.cloud, &resource.properties));
        if kind.stays(&before, &wanted) && resource.status.ends_with("_COMPLETE") {
            // Nothing was asked of its service, and nothing is.
            let says = resource.metadata != old.metadata;
            take_back(resource, &old);
            if says {
                enter(self.cloud, tx, stack, resource, "UPDATE_COMPLETE", None, None);
            }
            self.settled(tx, stack, resource);
            return Ok(());
        }
        enter(self.cloud, tx, stack, resource, "UPDATE_IN_PROGRESS", None, None);
        let known = open(self.cloud, &resource.attributes);
        self.stop_roll(tx, stack, resource);
        // AWS: the way back follows the policy of before.
        let attempted = std::mem::replace(&mut resource.policy, old.policy.clone());
        let asked_for = roll::asked_for(resource, &wanted, &before);
        let task = Task {
            logical: &resource.name,
            physical: &resource.physical,
            wanted: &asked_for,
            before: &before,
            known: &known,
        };
        resource.reverting = true;
        match self.act(tx, stack, &task, kind.update) {
            Ok(made) => {
                let attempt = Past { policy: attempted, ..resource.past() };
                take_back(resource, &old);
                resource.physical = made.physical;
                resource.attributes = seal(self.cloud, &merged(known, made.attributes));
                resource.old = Some(attempt);
                RESOURCES.put(tx, &resource.key(stack), resource);
                self.settle(tx, stack, resource, kind, None);
                self.reverted(tx, stack, resource);
            }
            Err(refusal) => {
                (resource.old, resource.policy) = (Some(old), attempted);
                enter(self.cloud, tx, stack, resource, "UPDATE_FAILED", Some(&refusal.reason), None);
            }
        }
        Ok(())
    }

    /// The resource is the one of before; whether an update that was kept had changed that before it was replaced.
    fn is_back(&self, resource: &mut Resource, kind: &Kind, old: &Past, skipped: bool) -> bool {
        let attempt = resource.past();
        let mut as_it_is = None;
        if resource.replaced {
            let differs = |was: &&Past| {
                let (is, wanted) = (open(self.cloud, &was.properties), open(self.cloud, &old.properties));
                !kind.differing(&is, &wanted).is_empty()
            };
            let was = resource.doomed.iter().find(|past| past.physical == old.physical);
            as_it_is = was.filter(|was| !skipped && differs(was)).cloned();
            // The one that was to go stays, and the one that came goes.
            resource.doomed.retain(|past| past.physical != old.physical);
            resource.doomed.extend((attempt.physical != old.physical).then_some(Past { keep: 0, ..attempt }));
        }
        take_back(resource, as_it_is.as_ref().unwrap_or(old));
        resource.replaced = false;
        as_it_is.is_some()
    }

    /// Whether the change that was begun has come to an end, so that it can be taken back.
    fn settles(&self, tx: &mut Tx, stack: &Stack, resource: &mut Resource, kind: &Kind) -> bool {
        let (wanted, known) =
            (open(self.cloud, &resource.properties), open(self.cloud, &resource.attributes));
        let task = Task {
            logical: &resource.name,
            physical: &resource.physical,
            wanted: &wanted,
            before: &wanted,
            known: &known,
        };
        let ready = !matches!(self.is_ready(tx, stack, &task, kind, &wanted), Ok(false));
        if let Some(physical) = self.told.take() {
            called(resource, physical);
        }
        resource.settling = !ready;
        ready
    }

    fn reverted(&self, tx: &mut Tx, stack: &Stack, resource: &mut Resource) {
        if resource.status.ends_with("_COMPLETE") {
            self.settled(tx, stack, resource);
        } else if resource.status.ends_with("_FAILED")
            && let Some(attempt) = resource.old.take()
        {
            // What it is to become again stays known, for whoever continues.
            let target = resource.past();
            take_back(resource, &attempt);
            resource.physical.clone_from(&target.physical);
            resource.old = Some(target);
            RESOURCES.put(tx, &resource.key(stack), resource);
        }
    }

    /// It is out of the round.
    fn settled(&self, tx: &mut Tx, stack: &Stack, resource: &mut Resource) {
        (resource.old, resource.replaced, resource.reverting) = (None, false, false);
        resource.round = stack.whole_at();
        RESOURCES.put(tx, &resource.key(stack), resource);
    }
}

fn take_back(resource: &mut Resource, old: &Past) {
    resource.physical.clone_from(&old.physical);
    resource.properties.clone_from(&old.properties);
    resource.attributes.clone_from(&old.attributes);
    resource.needs.clone_from(&old.needs);
    resource.policy.clone_from(&old.policy);
    resource.metadata.clone_from(&old.metadata);
    resource.replacement = old.replacement;
    resource.keep = old.keep;
}
