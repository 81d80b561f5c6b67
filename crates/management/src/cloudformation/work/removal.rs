//! Removal: what is no longer wanted ends, each resource after all that need it.

use super::forward::Pass;
use super::phase::is_busy_within;
use super::plan::known;
use super::step::{Task, Worker, commit, enter, reread};
use crate::cloudformation::kinds::{Kind, Refusal, kind};
use crate::cloudformation::model::{Past, Phase, RESOURCES, Resource, Stack, open};
use crate::cloudformation::template::Keep;
use store::Tx;
use wire::Value;

/// What came of a step on a resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Ended,
    /// Its service is still at it.
    Waits,
    /// Something has need of it still, which may be about to go itself.
    Held,
}

impl Worker<'_> {
    /// Whether the resource as a whole is to go in this phase.
    fn leaves(&self, stack: &Stack, resource: &Resource) -> bool {
        resource.is_live()
            && match self.job.phase {
                Phase::Delete | Phase::Rollback => true,
                Phase::Cleanup => resource.round != stack.round,
                Phase::RollbackCleanup => resource.made_in > stack.whole_at(),
                Phase::Create
                | Phase::Update
                | Phase::UpdateRollback
                | Phase::Held
                | Phase::Import
                | Phase::ImportRollback => false,
            }
    }

    /// What is left over from an update is ended as well as may be; what cannot be is left.
    pub(super) fn is_cleanup(&self) -> bool {
        matches!(self.job.phase, Phase::Cleanup | Phase::RollbackCleanup)
    }

    /// One pass over what is to go.
    pub(super) fn removal(&self, stack: &Stack) -> Result<Pass, String> {
        let known = known(&self.cloud.store().snapshot(), stack).map_err(|e| e.to_string())?;
        let mut pass = Pass::default();
        // Who still needs which name: resources that are to go, and leftovers.
        let needs = |name: &str, not: &Resource| {
            let of_past = |past: &Past| past.needs.iter().any(|need| need == name);
            known.values().any(|other| {
                other.doomed.iter().any(of_past)
                    || other.name != not.name
                        && self.leaves(stack, other)
                        && other.needs.iter().any(|need| need == name)
            })
        };
        let past_needed = |name: &str| {
            known
                .values()
                .any(|other| other.doomed.iter().any(|past| past.needs.iter().any(|need| need == name)))
        };
        let mut held = Vec::new();
        for resource in known.values() {
            let leftover = !resource.doomed.is_empty() && !past_needed(&resource.name);
            let whole = !leftover && self.leaves(stack, resource);
            if whole && resource.status == "DELETE_FAILED" && resource.round == stack.round {
                pass.failed = true;
                continue;
            }
            if whole && needs(&resource.name, resource) {
                pass.blocked = true;
                continue;
            }
            if !leftover && !whole {
                continue;
            }
            match self.step(stack, resource, leftover, false)? {
                Step::Ended => pass.did = true,
                Step::Waits => pass.waits = true,
                Step::Held => held.push((resource, leftover)),
            }
        }
        // Nothing else goes, so that what has need of them stays.
        if !pass.did && !pass.waits {
            for (resource, leftover) in held {
                self.step(stack, resource, leftover, true)?;
                pass.did = true;
            }
        }
        if self.is_cleanup() && !pass.did {
            let tx = self.cloud.store().begin();
            for resource in known.values().filter(|resource| !self.leaves(stack, resource)) {
                pass.waits |= is_busy_within(&tx, resource)?;
            }
        }
        Ok(pass)
    }

    /// One step on a resource, or on what it has left. `last`: it fails if something still has need of it.
    fn step(&self, stack: &Stack, resource: &Resource, leftover: bool, last: bool) -> Result<Step, String> {
        let mut tx = self.cloud.store().begin();
        let (mut stack, mut resource) = (reread(&tx, stack)?, resource.clone());
        let step = if leftover {
            self.end_leftover(&mut tx, &mut stack, &mut resource, last)?
        } else {
            self.end_whole(&mut tx, &mut stack, &mut resource, last)?
        };
        // Who lost to another comes again.
        Ok(if tx.is_read_only() || commit(tx)? { step } else { Step::Ended })
    }

    /// A resource that a replacement or a failed update has left.
    fn end_leftover(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        last: bool,
    ) -> Result<Step, String> {
        let Some(mut past) = resource.doomed.pop() else { return Ok(Step::Ended) };
        // Its events tell of the old one; the resource itself is what it is.
        let mut told = Resource { physical: past.physical.clone(), ..resource.clone() };
        let outcome = if Keep::ends(past.keep) {
            let told_before = past.ending;
            let outcome = self.end(tx, stack, &told, &mut past)?;
            if !last && outcome.as_ref().is_err_and(|refusal| refusal.needed) {
                return Ok(Step::Held);
            }
            if !told_before && !past.settling {
                enter(self.cloud, tx, stack, &mut told, "DELETE_IN_PROGRESS", None, None);
            }
            outcome
        } else {
            enter(self.cloud, tx, stack, &mut told, "DELETE_SKIPPED", None, None);
            Ok(true)
        };
        let step = match outcome {
            Ok(true) => {
                if Keep::ends(past.keep) {
                    enter(self.cloud, tx, stack, &mut told, "DELETE_COMPLETE", None, None);
                }
                Step::Ended
            }
            Ok(false) => {
                resource.doomed.push(past);
                Step::Waits
            }
            Err(refusal) => {
                enter(self.cloud, tx, stack, &mut told, "DELETE_FAILED", Some(&refusal.reason), None);
                Step::Ended
            }
        };
        RESOURCES.put(tx, &resource.key(stack), resource);
        Ok(step)
    }

    fn end_whole(
        &self,
        tx: &mut Tx,
        stack: &mut Stack,
        resource: &mut Resource,
        last: bool,
    ) -> Result<Step, String> {
        resource.round = stack.round;
        let back = matches!(self.job.phase, Phase::Rollback | Phase::RollbackCleanup);
        // What was imported is nobody's to end.
        let is_own = self.job.imports.iter().all(|import| import.name != resource.name);
        let excepted = back && self.job.excepts && is_own && resource.made_in > stack.whole_at();
        let retained = resource.keep == Keep::Retain as u32 && !excepted
            || resource.keep == Keep::RetainExceptOnCreate as u32 && !back
            || self.job.skip.contains(&resource.name);
        if retained && !resource.physical.is_empty() {
            enter(self.cloud, tx, stack, resource, "DELETE_SKIPPED", None, None);
            self.forget(tx, stack, resource);
            return Ok(Step::Ended);
        }
        let mut past = Past { ending: resource.ending, ..resource.past() };
        let is_told = resource.status == "DELETE_IN_PROGRESS";
        if !is_told {
            // In a cleanup `round` tells what is to go, so that it must not change before the end.
            enter(self.cloud, tx, stack, resource, "DELETE_IN_PROGRESS", None, None);
        }
        let outcome =
            if resource.physical.is_empty() { Ok(true) } else { self.end(tx, stack, resource, &mut past)? };
        (resource.ending, resource.settling) = (past.ending, past.settling);
        resource.physical.clone_from(&past.physical);
        match outcome {
            Ok(true) => {
                enter(self.cloud, tx, stack, resource, "DELETE_COMPLETE", None, None);
                self.forget(tx, stack, resource);
                Ok(Step::Ended)
            }
            Ok(false) => {
                self.stay(tx, stack, resource);
                Ok(Step::Waits)
            }
            Err(refusal) if refusal.needed && !last => {
                if !is_told {
                    self.stay(tx, stack, resource);
                }
                Ok(Step::Held)
            }
            Err(refusal) => {
                resource.ending = false;
                enter(self.cloud, tx, stack, resource, "DELETE_FAILED", Some(&refusal.reason), None);
                if self.is_cleanup() {
                    RESOURCES.delete(tx, &resource.key(stack));
                }
                Ok(Step::Ended)
            }
        }
    }

    /// It has not gone yet.
    fn stay(&self, tx: &mut Tx, stack: &Stack, resource: &mut Resource) {
        if self.job.phase == Phase::Cleanup {
            resource.round = stack.round - 1;
        }
        RESOURCES.put(tx, &resource.key(stack), resource);
    }

    /// What has left a stack that goes on is no part of it any more.
    fn forget(&self, tx: &mut Tx, stack: &Stack, resource: &Resource) {
        if self.is_cleanup() {
            RESOURCES.delete(tx, &resource.key(stack));
        }
    }

    /// Whether what was begun has come to an end.
    pub(super) fn is_ready(
        &self,
        tx: &mut Tx,
        stack: &Stack,
        task: &Task<'_>,
        kind: &Kind,
        wanted: &Value,
    ) -> Result<bool, Refusal> {
        // Nothing further is asked of it: what is wanted is what there is.
        let looking = Task { wanted, before: wanted, ..*task };
        self.act(tx, stack, &looking, kind.ready).map(|attributes| attributes.is_some())
    }

    /// Tells the service, once, and looks whether it is gone.
    fn end(
        &self,
        tx: &mut Tx,
        stack: &Stack,
        resource: &Resource,
        past: &mut Past,
    ) -> Result<Result<bool, Refusal>, String> {
        let Some(kind) = kind(&resource.kind) else { return Err(format!("no kind {}", resource.kind)) };
        let (before, known) = (open(self.cloud, &past.properties), open(self.cloud, &past.attributes));
        let nothing = Value::Map(Vec::new());
        let task = Task {
            logical: &resource.name,
            physical: &past.physical,
            wanted: &nothing,
            before: &before,
            known: &known,
        };
        if !past.ending {
            // What its service is still at can be neither changed nor ended.
            let mut physical = past.physical.clone();
            if past.settling && !kind.waits {
                let ready = self.is_ready(tx, stack, &task, kind, &before);
                physical = self.told.take().unwrap_or(physical);
                if matches!(ready, Ok(false)) {
                    return Ok(Ok(false));
                }
            }
            past.settling = false;
            let task = Task { physical: &physical, ..task };
            let snapshot = kind.snapshot.filter(|_| past.keep == Keep::Snapshot as u32);
            let kept = snapshot.map_or(Ok(()), |snapshot| self.act(tx, stack, &task, snapshot));
            if let Err(refusal) = kept.and_then(|()| self.act(tx, stack, &task, kind.delete)) {
                return Ok(Err(refusal));
            }
            past.ending = true;
            past.physical.clone_from(&physical);
        }
        let task = Task {
            physical: &past.physical,
            known: &known,
            before: &before,
            wanted: &nothing,
            logical: &resource.name,
        };
        Ok(self.act(tx, stack, &task, kind.gone))
    }
}
