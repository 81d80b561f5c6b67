//! The data plane's handlers: asynchronous, for operations that stream, wait or call others in several steps.
//!
//! A handler of the control plane runs in one transaction and never waits ([`crate::Cx`]). One of the data plane gets
//! a [`Dx`] and the request's [`Body`], reads by [`Dx::read`], changes by [`Dx::transact`] and answers with an
//! [`Answer`] whose payload may be a stream. It was authorized before it is called, on a snapshot of its own.

use crate::access;
use crate::audit::Note;
use crate::body::{Body, Cut};
use crate::callers::Remembered;
use crate::cloud::{Built, Cloud};
use crate::cx::{Cx, Request};
use crate::failure::{Refused, internal_failure};
use crate::identity::Caller;
use crate::journey::{self, CONFLICTS_ALONE, CONFLICTS_MAX, commit_fault};
use crate::meter::{Called, Kind, Line};
use crate::nested::{self, Call, Whom};
use crate::op::{Answering, Run};
use crate::reply::Content;
use base::{AccountId, Arn, Region, Timestamp};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Instant;
use store::CommitError;
use wire::model::Protocol;
use wire::{Fault, Value};

/// Work that goes on.
pub type Running<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The one context of a data-plane handler. Owned and cheap to clone, so that what streams on after the handler has
/// answered can keep it.
#[derive(Clone, Debug)]
pub struct Dx {
    cloud: Arc<Cloud>,
    who: Arc<Remembered>,
    /// The account in which the operation acts: the caller's.
    pub account: AccountId,
    pub region: Region,
    /// The cloud's time when the request came.
    pub now: Timestamp,
    request: Arc<Request>,
    told: Arc<Mutex<Told>>,
}

/// What a handler has told of its call.
#[derive(Default, Debug)]
struct Told {
    /// Resources for the audit record.
    touched: Vec<Arn>,
    /// How it is counted.
    kind: Option<&'static Kind>,
}

/// What a data-plane handler answers.
#[derive(Debug)]
pub struct Answer<T> {
    /// The output's members, but for a streamed payload.
    pub value: T,
    /// Where it differs from the model's: 206 for a part of an object.
    pub status: Option<u16>,
    /// The payload, where the handler writes it itself.
    pub content: Option<Content>,
}

impl<T> From<T> for Answer<T> {
    fn from(value: T) -> Answer<T> {
        Answer { value, status: None, content: None }
    }
}

impl<T> Answer<T> {
    /// With a payload that is there.
    #[must_use]
    pub fn with(mut self, bytes: Bytes) -> Answer<T> {
        self.content = Some(bytes.into());
        self
    }

    /// With a payload that is still to be read.
    #[must_use]
    pub fn streaming(
        mut self,
        body: impl http_body::Body<Data = Bytes, Error = Cut> + Send + 'static,
    ) -> Answer<T> {
        self.content = Some(Content::Stream(body.boxed_unsync()));
        self
    }

    #[must_use]
    pub fn status(mut self, status: u16) -> Answer<T> {
        self.status = Some(status);
        self
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: change(self.value), status: self.status, content: self.content }
    }
}

impl Dx {
    pub(crate) fn new(
        cloud: &Arc<Cloud>,
        who: &Arc<Remembered>,
        account: AccountId,
        region: Region,
        now: Timestamp,
        request: Arc<Request>,
    ) -> Dx {
        let (cloud, who) = (Arc::clone(cloud), Arc::clone(who));
        Dx { cloud, who, account, region, now, request, told: Arc::default() }
    }

    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    pub fn caller(&self) -> &Arc<Caller> {
        &self.who.caller
    }

    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Names a resource in the audit record of this call.
    pub fn touch(&self, arn: Arn) {
        self.told().touched.push(arn);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn touched(&self) -> Vec<String> {
        self.told().touched.iter().map(ToString::to_string).collect()
    }

    /// Says how this request is counted, where its operation alone does not tell.
    pub fn is_a(&self, kind: &'static Kind) {
        self.told().kind = Some(kind);
    }

    pub(crate) fn kind(&self) -> Option<&'static Kind> {
        self.told().kind
    }

    /// Counts usage that has happened.
    pub fn meter(&self, line: &Line<'_>, amount: u64) {
        self.cloud.meter().add(self.now, line, amount);
    }

    /// Reads from one snapshot.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read<T, E>(&self, work: impl FnOnce(&mut Cx<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut tx = self.cloud.store().begin();
        let done = self.within(&mut tx, work);
        // What it writes would be lost: a key that a service made for this, say, and with it all that it encrypts.
        debug_assert!(done.is_err() || tx.is_read_only(), "a read of {} writes", self.request.operation);
        done
    }

    fn within<T, E>(
        &self,
        tx: &mut store::Tx,
        work: impl FnOnce(&mut Cx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut cx = Cx {
            tx,
            caller: &self.who.caller,
            account: self.account,
            region: self.region,
            now: self.now,
            request: &self.request,
            cloud: &self.cloud,
            audit: &self.who.audit,
            touched: Vec::new(),
            kind: None,
        };
        let outcome = work(&mut cx);
        if !cx.touched.is_empty() || cx.kind.is_some() {
            let mut told = self.told();
            told.touched.append(&mut cx.touched);
            told.kind = cx.kind.or(told.kind);
        }
        outcome
    }

    /// Runs `work` in a transaction, which is on the disk when this returns. It runs again when it conflicts with
    /// another, so it changes nothing but the transaction.
    ///
    /// # Errors
    /// Those of `work`, which then has changed nothing; `ServiceUnavailable` under endless conflicts or on a full disk.
    pub async fn transact<T, E: Into<Fault>>(
        &self,
        mut work: impl FnMut(&mut Cx<'_>) -> Result<T, E> + Send,
    ) -> Result<T, Fault> {
        let mut turn = None;
        for conflicts in 0..CONFLICTS_MAX {
            if conflicts == CONFLICTS_ALONE {
                turn = Some(self.cloud.turn.lock().await);
            }
            let (done, commit) = {
                let mut tx = self.cloud.store().begin();
                let done = self.within(&mut tx, &mut work).map_err(Into::into)?;
                if tx.is_read_only() {
                    return Ok(done);
                }
                (done, tx.commit())
            };
            match commit.await {
                Ok(_) => return Ok(done),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(commit_fault(&error)),
            }
        }
        drop(turn);
        Err(journey::too_busy())
    }

    /// Calls a data-plane operation of another service with the permissions of this caller, marked as coming through
    /// `via` (`s3.amazonaws.com`).
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub async fn call(&self, via: &'static str, call: Call<'_>, body: Body) -> Result<Answer<Value>, Fault> {
        let mut request = (*self.request).clone();
        request.via.push(via);
        run(&self.cloud, &self.who, self.account, self.region, request, call, body).await
    }
}

impl Cloud {
    /// Runs a data-plane operation as a service principal (`logging.s3.amazonaws.com`) that acts in `account`; for the
    /// sake of one resource, where there is one, which the other's policies may ask about (`aws:SourceArn`).
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub async fn stream_call(
        self: &Arc<Cloud>,
        name: &'static str,
        account: AccountId,
        region: Region,
        source: Option<&str>,
        call: Call<'_>,
        body: Body,
    ) -> Result<Answer<Value>, Fault> {
        let who = crate::authenticate::service(name, account);
        let mut request = nested::own_request(self, name);
        request.source = source.map(|arn| (arn.to_owned(), account));
        run(self, &who, account, region, request, call, body).await
    }

    /// Runs a data-plane operation for somebody who called a service earlier ([`Cloud::act_for`] has the same for what
    /// runs in a transaction): with the permissions of today, and no longer than their session lasts. It is marked as
    /// coming through `name`, unless it is a role's own.
    ///
    /// # Errors
    /// Those of [`Cloud::act_for`]; the fault that the operation answers.
    pub async fn stream_call_for(
        self: &Arc<Cloud>,
        name: &'static str,
        whom: Whom<'_>,
        region: Region,
        call: Call<'_>,
        body: Body,
    ) -> Result<Answer<Value>, Fault> {
        // That a role is assumed is no record of its own here: it would cost a flush for each call.
        let caller = self.stead(&mut self.store().begin(), name, whom, region)?;
        let mut request = nested::own_request(self, name);
        if let Whom::Caller { .. } = whom {
            request.via.push(name);
        }
        let who = crate::authenticate::unsigned(caller);
        run(self, &who, who.caller.account, region, request, call, body).await
    }

    /// Waits for what is asynchronous, from where nothing else waits: a reconciler.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::runtime::Handle::current().block_on(work)
    }
}

/// Authorizes an operation of the data plane and runs its handler: for requests of clients and for calls from within.
/// What else stands against it (`admitted`) is told to those only who may.
pub(crate) async fn perform<T>(
    dx: &Dx,
    built: Built,
    handler: fn(Dx, Value, Body) -> Answering,
    value: Value,
    protocol: Protocol,
    body: Body,
    admitted: Result<T, Fault>,
) -> (Vec<crate::audit::Decided>, Result<(Answer<Value>, T), Fault>) {
    let decisions = match authorize(dx, built, &value, protocol) {
        Ok(decisions) => decisions,
        Err(Refused { fault, decisions }) => return (decisions, Err(fault)),
    };
    let outcome = match admitted {
        Ok(beside) => caught(handler(dx.clone(), value, body)).await.map(|answer| (answer, beside)),
        Err(fault) => Err(fault),
    };
    (decisions, outcome)
}

/// A data-plane call from within the cloud, through the same door as any client's.
pub(crate) async fn run(
    cloud: &Arc<Cloud>,
    who: &Arc<Remembered>,
    account: AccountId,
    region: Region,
    mut request: Request,
    call: Call<'_>,
    body: Body,
) -> Result<Answer<Value>, Fault> {
    let found = nested::find(cloud, &call)?;
    let Run::Data(handler) = found.built.op.run else { return Err(nested::not_this_way(&call)) };
    nested::check(found.model, found.modelled, found.built.op, &call.value)?;
    nested::reach(&who.caller, found.model, found.modelled)?;
    (request.service, request.operation) = (found.model.id, found.modelled.name);
    let region = if found.built.global { Region::US_EAST_1 } else { region };
    let dx = Dx::new(cloud, who, account, region, cloud.clock().now(), Arc::new(request));
    // Refusals are worded for whoever reads them: a service, or the sender of a form.
    let form = dx.request().form;
    let protocol = if form { Protocol::RestXml } else { Protocol::Json11 };
    let began = Instant::now();
    let (decisions, outcome) = perform(&dx, found.built, handler, call.value, protocol, body, Ok(())).await;
    let blocks = cloud.trail().note(&Note {
        request: &dx.request,
        event_id: &base::id::uuid(cloud.rng()),
        time: dx.now,
        region: region.name(),
        account,
        caller: &who.audit,
        parameters: "",
        response: "",
        fault: outcome.as_ref().err(),
        resources: &dx.touched(),
        decisions: &decisions,
        nested: !form,
    });
    cloud.write_blocks(blocks).await;
    if let Some(tariff) = found.built.tariff.filter(|_| dx.request.is_from_outside()) {
        let called = Called {
            cloud,
            caller: &who.caller,
            account,
            region,
            operation: found.modelled.name,
            now: dx.now,
            took: began.elapsed(),
            decisions: &decisions,
            size: 0,
            kind: dx.kind(),
            outcome: outcome.as_ref().map(|(answer, ())| &answer.value),
        };
        tariff.count(&called, &mut |line, amount| dx.meter(line, amount));
    }
    outcome.map(|(answer, ())| answer)
}

/// The authorization step of a data-plane operation, on a snapshot.
fn authorize(
    dx: &Dx,
    built: Built,
    value: &Value,
    protocol: Protocol,
) -> Result<Vec<crate::audit::Decided>, Refused> {
    let decide = || dx.read(|cx| access::authorize(cx, built.op, value, protocol));
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| Err(broken(&dx.request).into()))
}

/// A handler that panicked has left nothing behind but what it had committed; its caller is answered, the log has the
/// panic itself.
pub(crate) fn broken(request: &Request) -> Fault {
    let fields = [("service", request.service), ("operation", request.operation)];
    crate::log::error("an operation panicked", &fields);
    internal_failure()
}

/// Runs a handler and turns its panic into a fault.
pub(crate) async fn caught<T>(mut running: Running<'static, Result<T, Fault>>) -> Result<T, Fault> {
    std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            crate::log::error("an operation panicked", &[]);
            Poll::Ready(Err(internal_failure()))
        })
    })
    .await
}
