//! What the pollers of queues and of streams have in common: they call as the consumer's role, hand over, and say how it
//! went.

use crate::filter::Filters;
use crate::record::Record;
use crate::{Consumer, Feed, Handed};
use base::{AccountId, Region};
use kernel::{As, Body, Call, Cloud, Cx, Whom};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, StoreError, Tx};
use tokio::sync::watch;
use wire::{Fault, Struct, Value};

const CONFLICTS_MAX: u32 = 64;
/// Between two tries of what fails.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) feed: Feed,
    pub(crate) filters: Filters,
    pub(crate) consumer: Box<dyn Consumer>,
    /// What was noted down last.
    noted: Mutex<Option<String>>,
}

/// What goes wrong in the store itself.
pub(crate) fn broken(why: impl std::fmt::Display) -> Fault {
    Fault::new(500, "ServiceException", why.to_string())
}

/// Who works as which role.
pub struct Actor<'a> {
    pub service: &'static str,
    pub role: &'a (dyn Fn() -> Result<String, Fault> + Sync),
    /// For whose sake.
    pub source: Option<&'a str>,
}

impl std::fmt::Debug for Actor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.service)
    }
}

/// Works in a transaction as a role, again while it meets other changes.
///
/// # Errors
/// Those of `work`; `ServiceException` under endless conflicts.
pub async fn act<T>(
    cloud: &Arc<Cloud>,
    who: &Actor<'_>,
    home: (AccountId, Region),
    work: impl Fn(&mut Cx<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    for _ in 0..CONFLICTS_MAX {
        let role = (who.role)()?;
        let (done, commit) = {
            let mut tx = cloud.store().begin();
            let done = cloud.act_as_role_for(&mut tx, who.service, &role, home, who.source, &work)??;
            if tx.is_read_only() {
                return Ok(done);
            }
            (done, tx.commit())
        };
        match commit.await {
            Ok(_) => return Ok(done),
            Err(CommitError::Conflict) => {}
            Err(why) => return Err(broken(why)),
        }
    }
    Err(broken("Too many conflicts."))
}

impl Post {
    /// # Errors
    /// Filters that are none: they were checked when they came.
    pub(crate) fn new(cloud: &Arc<Cloud>, feed: Feed, consumer: Box<dyn Consumer>) -> Result<Post, String> {
        let filters = Filters::read(&feed.filters).map_err(|malformed| malformed.0)?;
        Ok(Post { cloud: Arc::clone(cloud), feed, filters, consumer, noted: Mutex::default() })
    }

    fn role(&self) -> Result<String, Fault> {
        self.consumer.role(&self.cloud.store().snapshot())
    }

    /// Calls an operation of the control plane's shape as the consumer's role.
    ///
    /// # Errors
    /// What the operation answers; `ServiceException` under endless conflicts.
    pub(crate) async fn call(
        &self,
        service: &str,
        operation: &str,
        members: Vec<(&'static str, Value)>,
    ) -> Result<Value, Fault> {
        let value = Value::Struct(members.into_iter().collect::<Struct>());
        self.act(|cx| cx.call(service, operation, value.clone(), As::Caller)).await
    }

    /// Works in a transaction as the consumer's role.
    ///
    /// # Errors
    /// Those of `work`; `ServiceException` under endless conflicts.
    pub(crate) async fn act<T>(&self, work: impl Fn(&mut Cx<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let source = self.consumer.source_arn();
        let source = source.as_deref();
        let role = || self.role();
        let who = Actor { service: self.consumer.service(), role: &role, source };
        act(&self.cloud, &who, (self.feed.account, self.feed.region), work).await
    }

    /// Calls an operation of the data plane's shape as the consumer's role.
    ///
    /// # Errors
    /// What the operation answers.
    pub(crate) async fn stream(
        &self,
        service: &str,
        operation: &str,
        members: Vec<(&'static str, Value)>,
        body: Body,
    ) -> Result<Value, Fault> {
        let value = Value::Struct(members.into_iter().collect::<Struct>());
        let (role, source) = (self.role()?, self.consumer.source_arn());
        let whom = Whom::Role { arn: &role, account: self.feed.account, source: source.as_deref() };
        let call = Call { service, operation, value };
        let name = self.consumer.service();
        let answer = self.cloud.stream_call_for(name, whom, self.feed.region, call, body).await?;
        Ok(answer.value)
    }

    /// # Errors
    /// It could not be tried.
    pub(crate) async fn hand_over(&self, records: &[Record]) -> Result<Handed, Fault> {
        self.consumer.take(&self.cloud, records).await
    }

    /// Changes records of the feed's own.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn keep(&self, work: impl Fn(&mut Tx) -> Result<(), StoreError>) -> Result<(), Fault> {
        for _ in 0..CONFLICTS_MAX {
            let commit = {
                let mut tx = self.cloud.store().begin();
                work(&mut tx).map_err(broken)?;
                tx.commit()
            };
            match commit.await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(why) => return Err(broken(why)),
            }
        }
        Err(broken("Too many conflicts."))
    }

    /// Says how it goes, where that is new.
    pub(crate) async fn note(&self, result: &str) {
        let is_new = {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = noted.as_deref() != Some(result);
            *noted = Some(result.to_owned());
            is_new
        };
        if !is_new {
            return;
        }
        if let Err(fault) = self.keep(|tx| self.consumer.note(tx, result)).await {
            kernel::log::error("a feed's result could not be saved", &[("problem", &fault.to_string())]);
        }
    }

    /// Says what went wrong.
    pub(crate) async fn trouble(&self, fault: &Fault) {
        self.note(&format!("PROBLEM: {}: {}", fault.code, fault.message)).await;
    }
}

/// Waits the longer the more often it was in vain; whether it may go on.
pub(crate) async fn pause(tries: u32, stop: &mut watch::Receiver<bool>) -> bool {
    let nap = PAUSE_MIN.saturating_mul(1 << tries.min(10)).min(PAUSE_MAX);
    until(tokio::time::sleep(nap), stop).await.is_some()
}

/// What comes of `work`, unless the poller is to stop before.
pub(crate) async fn until<T>(work: impl Future<Output = T>, stop: &mut watch::Receiver<bool>) -> Option<T> {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        done = work => Some(done),
    }
}
