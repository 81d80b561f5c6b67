//! One step on one resource: the call to its service, the record of it and the event are one transaction.

use crate::cloudformation::kinds::{Attributes, Done, On, Refusal};
use crate::cloudformation::model::{Job, RESOURCES, Resource, SERVICE, STACKS, Said, Stack, open_text};
use kernel::{As, Cloud, Whom};
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use store::{CommitError, Tx};
use wire::Value;

/// What a hook is to do, and with what.
pub(crate) struct Task<'a> {
    pub(crate) logical: &'a str,
    pub(crate) physical: &'a str,
    pub(crate) wanted: &'a Value,
    pub(crate) before: &'a Value,
    pub(crate) known: &'a Value,
}

/// What a kind does.
pub(crate) type Hook<T> = fn(&mut On<'_, '_>) -> Done<T>;

/// The work on one stack.
pub(crate) struct Worker<'a> {
    pub(crate) cloud: &'a Arc<Cloud>,
    pub(crate) job: &'a Job,
    /// What a hook has said that its resource is called by now.
    pub(crate) told: RefCell<Option<String>>,
}

impl Worker<'_> {
    /// Calls a hook in whose stead the job is done. What a hook that fails has done is undone.
    pub(crate) fn act<T>(&self, tx: &mut Tx, stack: &Stack, task: &Task<'_>, hook: Hook<T>) -> Done<T> {
        self.acted(tx, stack, task, hook, |_| Ok(()))
    }

    /// As [`Worker::act`], for a hook that brings about what is wanted: it fails by what is not of its type.
    pub(crate) fn make<T>(&self, tx: &mut Tx, stack: &Stack, task: &Task<'_>, hook: Hook<T>) -> Done<T> {
        self.acted(tx, stack, task, hook, |on| on.fits())
    }

    fn acted<T>(
        &self,
        tx: &mut Tx,
        stack: &Stack,
        task: &Task<'_>,
        hook: Hook<T>,
        then: fn(&On<'_, '_>) -> Done<()>,
    ) -> Done<T> {
        let (job, cloud) = (self.job, self.cloud);
        let savepoint = tx.savepoint();
        let token = job.sealed_token.as_ref().and_then(|sealed| open_text(cloud, sealed));
        let (whom, who) = match &job.role {
            Some(arn) => (Whom::Role { arn, account: job.account, source: None }, As::Caller),
            None => {
                let token = token.as_deref();
                (Whom::Caller { access_key: &job.access_key, token }, As::CallerVia(SERVICE))
            }
        };
        let done = cloud.act_for(tx, SERVICE, whom, job.region, job.found(), |cx| {
            let Task { logical, physical, wanted, before, known } = *task;
            let (whole, told) = (stack, None);
            let stack = stack.name.as_str();
            let misfit = OnceCell::new();
            let mut on =
                On { cx, who, whole, job, stack, logical, wanted, before, physical, known, told, misfit };
            let done = hook(&mut on).and_then(|done| then(&on).map(|()| done));
            self.told.replace(on.told);
            done
        });
        let done = done.unwrap_or_else(|fault| Err(Refusal::of(fault.message)));
        if done.is_err() {
            tx.rollback_to(savepoint);
        }
        done
    }
}

/// A resource enters a state, and its stack says so.
pub(crate) fn enter(
    cloud: &Cloud,
    tx: &mut Tx,
    stack: &mut Stack,
    resource: &mut Resource,
    status: &str,
    reason: Option<&str>,
    properties: Option<&str>,
) {
    resource.status = status.to_owned();
    resource.reason = reason.map(str::to_owned);
    resource.time = cloud.clock().now();
    let said = Said {
        name: &resource.name,
        kind: &resource.kind,
        physical: &resource.physical,
        status,
        reason,
        properties,
    };
    stack.say(cloud, tx, said);
    RESOURCES.put(tx, &resource.key(stack), resource);
    stack.save(tx);
}

/// The stack as it is in this transaction.
pub(crate) fn reread(tx: &Tx, stack: &Stack) -> Result<Stack, String> {
    let found = STACKS.get(tx, &stack.key()).map_err(|e| e.to_string())?;
    found.ok_or_else(|| format!("the stack {} is gone", stack.name))
}

/// Whether the step holds; one that lost to another transaction is simply taken again.
pub(crate) fn commit(tx: Tx) -> Result<bool, String> {
    match tx.commit().wait() {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// Attributes that were known, with those that are new.
pub(crate) fn merged(known: Value, fresh: Attributes) -> Value {
    let Value::Map(mut entries) = known else { return known };
    for (name, value) in fresh {
        match entries.iter_mut().find(|(own, _)| own == name) {
            Some(entry) => entry.1 = value,
            None => entries.push((name.to_owned(), value)),
        }
    }
    Value::Map(entries)
}
