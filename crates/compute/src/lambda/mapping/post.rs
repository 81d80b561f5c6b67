//! What the pollers of queues and of streams have in common: they call as the function's role, invoke the function, and
//! say how it went.

use super::filter::Filters;
use crate::lambda::access::SERVICE;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::invocation::{self, Asked, Outcome};
use crate::lambda::model::{self, MAPPINGS, Mapping};
use kernel::{As, Body, Call, Cloud, Cx, Whom};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, Tx};
use tokio::sync::watch;
use wire::{Fault, Struct, Value};

const CONFLICTS_MAX: u32 = 64;
/// Between two tries of what fails.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(60);

pub(super) const FAILED: &str = "PROBLEM: Function call failed";

#[derive(Debug)]
pub(super) struct Post {
    pub(super) cloud: Arc<Cloud>,
    pub(super) mapping: Mapping,
    pub(super) filters: Filters,
    /// What was noted down last.
    noted: Mutex<Option<String>>,
}

impl Post {
    /// # Errors
    /// Filters that are none: they were checked when they came.
    pub(super) fn new(cloud: &Arc<Cloud>, mapping: &Mapping) -> Result<Post, String> {
        let filters = Filters::read(&mapping.filters).map_err(|malformed| malformed.0)?;
        let noted = Mutex::new(mapping.result.clone());
        Ok(Post { cloud: Arc::clone(cloud), mapping: mapping.clone(), filters, noted })
    }

    fn role(&self) -> Result<String, Fault> {
        let snapshot = self.cloud.store().snapshot();
        Ok(model::resolve(&snapshot, &self.mapping.named(), 0)?.role)
    }

    /// Calls an operation of the control plane's shape as the function's role.
    ///
    /// # Errors
    /// What the operation answers; `ServiceException` under endless conflicts.
    pub(super) async fn call(
        &self,
        service: &str,
        operation: &str,
        members: Vec<(&'static str, Value)>,
    ) -> Result<Value, Fault> {
        let value = Value::Struct(members.into_iter().collect::<Struct>());
        self.act(|cx| cx.call(service, operation, value.clone(), As::Caller)).await
    }

    /// Works in a transaction as the function's role.
    ///
    /// # Errors
    /// Those of `work`; `ServiceException` under endless conflicts.
    pub(super) async fn act<T>(&self, work: impl Fn(&mut Cx<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let home = (self.mapping.account, self.mapping.region);
        for _ in 0..CONFLICTS_MAX {
            let role = self.role()?;
            let (done, commit) = {
                let mut tx = self.cloud.store().begin();
                let done = self.cloud.act_as_role(&mut tx, SERVICE, &role, home, &work)??;
                if tx.is_read_only() {
                    return Ok(done);
                }
                (done, tx.commit())
            };
            match commit.await {
                Ok(_) => return Ok(done),
                Err(CommitError::Conflict) => {}
                Err(why) => return Err(LambdaError::Service(why.to_string()).into()),
            }
        }
        Err(LambdaError::Service("Too many conflicts.".into()).into())
    }

    /// Calls an operation of the data plane's shape as the function's role.
    ///
    /// # Errors
    /// What the operation answers.
    pub(super) async fn stream(
        &self,
        service: &str,
        operation: &str,
        members: Vec<(&'static str, Value)>,
    ) -> Result<Value, Fault> {
        let value = Value::Struct(members.into_iter().collect::<Struct>());
        let role = self.role()?;
        let whom = Whom::Role { arn: &role, account: self.mapping.account };
        let call = Call { service, operation, value };
        let answer =
            self.cloud.stream_call_for(SERVICE, whom, self.mapping.region, call, Body::empty()).await?;
        Ok(answer.value)
    }

    /// Runs the function; gives the request's id with what came of it.
    ///
    /// # Errors
    /// Where it could not be run.
    pub(super) async fn invoke(&self, event: String) -> (String, Result<Outcome, Fault>) {
        let request_id = base::id::uuid(self.cloud.rng());
        let asked = Asked {
            named: self.mapping.named(),
            request_id: request_id.clone(),
            client_context: None,
            payload: event.into(),
            tail: false,
        };
        (request_id, invocation::run(&self.cloud, asked).await)
    }

    /// Changes records of Lambda's own.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn keep(&self, work: impl Fn(&mut Tx) -> Result<(), LambdaError>) -> Result<(), Fault> {
        for _ in 0..CONFLICTS_MAX {
            let commit = {
                let mut tx = self.cloud.store().begin();
                work(&mut tx)?;
                tx.commit()
            };
            match commit.await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(why) => return Err(LambdaError::Service(why.to_string()).into()),
            }
        }
        Err(LambdaError::Service("Too many conflicts.".into()).into())
    }

    /// Says how it goes, where that is new.
    pub(super) async fn note(&self, result: &str) {
        let is_new = {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = noted.as_deref() != Some(result);
            *noted = Some(result.to_owned());
            is_new
        };
        if !is_new {
            return;
        }
        let key = self.mapping.key();
        let noted = self.keep(|tx| {
            if let Some(mut mapping) = MAPPINGS.get(tx, &key)? {
                mapping.result = Some(result.to_owned());
                MAPPINGS.put(tx, &key, &mapping);
            }
            Ok(())
        });
        if let Err(fault) = noted.await {
            kernel::log::error("a mapping's result could not be saved", &[("problem", &fault.to_string())]);
        }
    }

    /// Says what went wrong.
    pub(super) async fn trouble(&self, fault: &Fault) {
        self.note(&format!("PROBLEM: {}: {}", fault.code, fault.message)).await;
    }
}

/// Waits the longer the more often it was in vain; whether it may go on.
pub(super) async fn pause(tries: u32, stop: &mut watch::Receiver<bool>) -> bool {
    let nap = PAUSE_MIN.saturating_mul(1 << tries.min(10)).min(PAUSE_MAX);
    until(tokio::time::sleep(nap), stop).await.is_some()
}

/// What comes of `work`, unless the poller is to stop before.
pub(super) async fn until<T>(work: impl Future<Output = T>, stop: &mut watch::Receiver<bool>) -> Option<T> {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        done = work => Some(done),
    }
}

/// # Errors
/// `InvalidParameterValueException`
pub(super) fn missing(what: &str) -> Fault {
    invalid(format!("{what} is missing.")).into()
}
