//! The journey of a request whose caller is known: parse, authorize, run, record.

use crate::access;
use crate::audit::{Decided, Note};
use crate::body::Body;
use crate::callers::Remembered;
use crate::cloud::{Built, Cloud};
use crate::cx::{Cx, Request};
use crate::data::{self, Dx};
use crate::dispatch::Outcome;
use crate::failure::{Refused, internal_failure};
use crate::gate::Passing;
use crate::meter::{Called, Kind, Tariff};
use crate::op::{Answering, Op, Run};
use base::{Region, Timestamp};
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use store::{CommitError, Read};
use wire::head::Head;
use wire::input::Parsed;
use wire::model::Protocol;
use wire::route::Route;
use wire::{Fault, Value};

/// A transaction that loses this often against others gives up; the caller is told to slow down.
pub(crate) const CONFLICTS_MAX: u32 = 64;
/// After this many it waits for its turn among those who lose, so that a crowd at one record cannot starve anybody.
pub(crate) const CONFLICTS_ALONE: u32 = 4;

type Handler = fn(&mut Cx<'_>, Value) -> Result<Value, Fault>;

/// A request on its way.
pub(crate) struct Journey<'a> {
    pub(crate) cloud: &'a Arc<Cloud>,
    pub(crate) built: Option<Built>,
    pub(crate) head: Head<'a>,
    pub(crate) route: Route<'a>,
    /// What is parsed; empty where the operation streams its payload.
    pub(crate) bytes: Bytes,
    pub(crate) caller: Arc<Remembered>,
    pub(crate) region: Region,
    pub(crate) now: Timestamp,
    pub(crate) began: Instant,
    pub(crate) request: Arc<Request>,
}

/// What one run of an operation leaves.
struct Done {
    response: Value,
    decisions: Vec<Decided>,
    resources: Vec<String>,
    ignored: Vec<String>,
    kind: Option<&'static Kind>,
    commit: Option<store::Commit>,
}

/// What an audit record tells beside who called what.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    parameters: &'a str,
    response: &'a str,
    fault: Option<&'a Fault>,
    resources: &'a [String],
    decisions: &'a [Decided],
    /// How much the request carries, where its service counts that.
    size: u64,
    /// How it is counted, where its handler has said so.
    kind: Option<&'static Kind>,
}

impl Journey<'_> {
    /// `body`: what a data-plane handler reads.
    pub(crate) async fn run(self, body: Body) -> Outcome {
        let Request { service, operation, .. } = *self.request;
        self.cloud.directory.used(&self.caller.caller, service, operation, self.region.name(), self.now);
        match self.built {
            None => Err(self.fail(not_built(&self.route), Told::default()).await),
            Some(built) => match built.op.run {
                Run::Control(handler) => self.run_control(built, handler).await,
                Run::Data(handler) => self.run_data(built, handler, body).await,
            },
        }
    }

    /// In one transaction, again where it conflicts.
    async fn run_control(self, built: Built, handler: Handler) -> Outcome {
        let mut turn = None;
        let mut parameters = String::new();
        for conflicts in 0..CONFLICTS_MAX {
            if conflicts == CONFLICTS_ALONE {
                turn = Some(self.cloud.turn.lock().await);
            }
            // Parsed anew for each run: a handler consumes its request, and conflicts are rare.
            let parsed = match self.parse() {
                Ok(parsed) => parsed,
                Err(fault) => return Err(self.fail(fault, Told::default()).await),
            };
            parameters = self.shown(built, &parsed.value);
            let size = self.size(&parsed.value);
            let told = Told { parameters: &parameters, size, ..Told::default() };
            let attempt = AssertUnwindSafe(|| self.attempt(built, handler, parsed, told));
            let done = match catch_unwind(attempt).unwrap_or_else(|_| Err(data::broken(&self.request).into()))
            {
                Ok(done) => done,
                Err(Refused { fault, decisions }) => {
                    return Err(self.fail(fault, Told { decisions: &decisions, ..told }).await);
                }
            };
            let committed = match done.commit {
                Some(commit) => commit.await.map(|_| built.op.event),
                None => Ok(true),
            };
            match committed {
                Ok(unrecorded) => {
                    let (resources, decisions) = (&done.resources[..], &done.decisions[..]);
                    let told = Told { resources, decisions, kind: done.kind, ..told };
                    self.count(told, Ok(&done.response));
                    if unrecorded {
                        let response = self.answered(built, &done.response);
                        self.note(Told { response: &response, ..told }).await;
                    }
                    return Ok((done.response.into(), done.ignored));
                }
                Err(CommitError::Conflict) => {}
                Err(error) => {
                    let told = Told { decisions: &done.decisions, ..told };
                    return Err(self.fail(commit_fault(&error), told).await);
                }
            }
        }
        drop(turn);
        let told = Told { parameters: &parameters, ..Told::default() };
        Err(self.fail(too_busy(), told).await)
    }

    /// On its own, once it is authorized.
    async fn run_data(self, built: Built, handler: fn(Dx, Value, Body) -> Answering, body: Body) -> Outcome {
        let parsed = match self.parse() {
            Ok(parsed) => parsed,
            Err(fault) => return Err(self.fail(fault, Told::default()).await),
        };
        let parameters = self.shown(built, &parsed.value);
        let account = self.caller.caller.account;
        let request = Arc::clone(&self.request);
        let dx = Dx::new(self.cloud, &self.caller, account, self.region, self.now, request);
        let told = Told { parameters: &parameters, size: self.size(&parsed.value), ..Told::default() };
        // Told once the caller is authorized, and not before.
        let admitted = self
            .ignored(built.op, &parsed)
            .and_then(|ignored| if self.is_dry_run(&parsed.value) { Err(dry_run()) } else { Ok(ignored) })
            .and_then(|ignored| self.admitted(built, &self.cloud.store().begin()).map(|()| ignored));
        let protocol = self.route.protocol;
        let (decisions, outcome) =
            data::perform(&dx, built, handler, parsed.value, protocol, body, admitted).await;
        let resources = dx.touched();
        let told = Told { resources: &resources, decisions: &decisions, kind: dx.kind(), ..told };
        match outcome {
            Ok((answer, ignored)) => {
                self.count(told, Ok(&answer.value));
                let response = self.answered(built, &answer.value);
                self.note(Told { response: &response, ..told }).await;
                if !built.reads && !built.op.event {
                    self.cloud.write_waiting().await;
                }
                Ok((answer, ignored))
            }
            Err(fault) => Err(self.fail(fault, told).await),
        }
    }

    fn parse(&self) -> Result<Parsed, Fault> {
        let mut parsed = wire::input::parse(&self.route, &self.head, self.bytes.clone())?;
        if !parsed.violations.is_empty() {
            return Err(wire::validate::violations_fault(
                self.route.service,
                &parsed.violations,
                &parsed.value,
            ));
        }
        for member in std::mem::take(&mut parsed.idempotency) {
            if let Value::Struct(members) = &mut parsed.value {
                members.set(member, Value::Str(base::id::uuid(self.cloud.rng())));
            }
        }
        Ok(parsed)
    }

    /// One try, in a transaction of its own.
    fn attempt(
        &self,
        built: Built,
        handler: Handler,
        parsed: Parsed,
        told: Told<'_>,
    ) -> Result<Done, Refused> {
        let op = built.op;
        let mut tx = self.cloud.store().begin();
        let mut cx = Cx {
            tx: &mut tx,
            caller: &self.caller.caller,
            account: self.caller.caller.account,
            region: self.region,
            now: self.now,
            request: &self.request,
            cloud: self.cloud,
            audit: &self.caller.audit,
            touched: Vec::new(),
            kind: None,
        };
        let decisions = access::authorize(&mut cx, op, &parsed.value, self.route.protocol)?;
        let ignored = match self.ignored(op, &parsed) {
            Ok(ignored) => ignored,
            Err(fault) => return Err(Refused { fault, decisions }),
        };
        if self.is_dry_run(&parsed.value) {
            return Err(Refused { fault: dry_run(), decisions });
        }
        if let Err(fault) = self.admitted(built, cx.tx) {
            return Err(Refused { fault, decisions });
        }
        let response = match handler(&mut cx, parsed.value) {
            Ok(response) => response,
            Err(fault) => return Err(Refused { fault, decisions }),
        };
        let resources: Vec<String> = cx.touched.iter().map(ToString::to_string).collect();
        let kind = cx.kind;
        let commit = if tx.is_read_only() {
            // Nothing to wait for; whoever waits for its end is told that it came to one.
            drop(tx.commit());
            None
        } else {
            if !op.event {
                let response = self.answered(built, &response);
                let told = Told { response: &response, resources: &resources, decisions: &decisions, ..told };
                let id = base::id::uuid(self.cloud.rng());
                let note = self.noted(told, &id);
                self.cloud.tell_of_call(&mut tx, &note);
                self.cloud.trail().write(&mut tx, &note);
            }
            Some(tx.commit())
        };
        Ok(Done { response, decisions, resources, ignored, kind, commit })
    }

    /// Whether nobody has put a fault in the way of the call.
    fn admitted(&self, built: Built, from: &dyn Read) -> Result<(), Fault> {
        let Some(gate) = built.gate else { return Ok(()) };
        let Request { operation, ref id, .. } = *self.request;
        let caller = &self.caller.caller;
        gate.admits(from, &Passing { caller, region: self.region, operation, request: id, now: self.now })
    }

    /// EC2's question whether a call would be allowed. Its model has the member in nearly every operation.
    fn is_dry_run(&self, value: &Value) -> bool {
        self.route.protocol == Protocol::Ec2Query && value.member(DRY_RUN) == Some(&Value::Bool(true))
    }

    /// Members of the request that nothing will act on.
    fn ignored(&self, op: &Op, parsed: &Parsed) -> Result<Vec<String>, Fault> {
        let mut ignored = parsed.unknown.clone();
        wire::undeclared(&parsed.value, op.input, &mut ignored);
        if self.route.protocol == Protocol::Ec2Query {
            ignored.retain(|name| name != DRY_RUN);
        }
        if self.cloud.settings().strict && !ignored.is_empty() {
            let (operation, list) = (op.name, ignored.join(", "));
            return Err(Fault::new(501, "NotImplemented", format!("{operation} does not act on {list}.")));
        }
        Ok(ignored)
    }

    /// The request as its audit record shows it. A data event's is not kept: it would be the data.
    fn shown(&self, built: Built, value: &Value) -> String {
        if built.op.event {
            return String::new();
        }
        wire::json::audit_text(self.route.service, self.route.operation.input, value)
    }

    /// The answer as its audit record shows it: of reads and data events, nothing.
    fn answered(&self, built: Built, response: &Value) -> String {
        if built.reads || built.op.event {
            return String::new();
        }
        wire::json::audit_text(self.route.service, self.route.operation.output, response)
    }

    fn tariff(&self) -> Option<&'static dyn Tariff> {
        self.built.and_then(|built| built.tariff)
    }

    fn size(&self, value: &Value) -> u64 {
        self.tariff().map_or(0, |tariff| tariff.size(self.request.operation, value))
    }

    /// Counts the call as its service does.
    fn count(&self, told: Told<'_>, outcome: Result<&Value, &Fault>) {
        let Some(tariff) = self.tariff() else { return };
        let called = Called {
            cloud: self.cloud,
            caller: &self.caller.caller,
            account: self.caller.caller.account,
            region: self.region,
            operation: self.request.operation,
            now: self.now,
            took: self.began.elapsed(),
            decisions: told.decisions,
            size: told.size,
            kind: told.kind,
            outcome,
        };
        tariff.count(&called, &mut |line, amount| self.cloud.meter().add(self.now, line, amount));
    }

    fn noted<'n>(&'n self, told: Told<'n>, event_id: &'n str) -> Note<'n> {
        if let Some(trace) = &self.request.trace {
            trace.note(|facts| facts.decisions = told.decisions.to_vec());
        }
        Note {
            request: &self.request,
            event_id,
            time: self.now,
            region: self.region.name(),
            account: self.caller.caller.account,
            caller: &self.caller.audit,
            parameters: told.parameters,
            response: told.response,
            fault: told.fault,
            resources: told.resources,
            decisions: told.decisions,
            nested: false,
        }
    }

    /// Records a call outside of any transaction.
    async fn note(&self, told: Told<'_>) {
        let id = base::id::uuid(self.cloud.rng());
        let note = self.noted(told, &id);
        let blocks = self.cloud.trail().note(&note);
        self.cloud.write_blocks(blocks).await;
        if self.built.is_some_and(|built| !built.reads && !built.op.event) {
            self.cloud.tell_apart(&note).await;
        }
    }

    /// Records a call that failed, and hands its fault back.
    async fn fail(&self, fault: Fault, told: Told<'_>) -> Fault {
        self.count(told, Err(&fault));
        self.note(Told { fault: Some(&fault), ..told }).await;
        fault
    }
}

const DRY_RUN: &str = "DryRun";

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> (`DryRunOperation`).
fn dry_run() -> Fault {
    Fault::new(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
}

fn not_built(route: &Route<'_>) -> Fault {
    let (service, operation) = (route.service.id, route.operation.name);
    Fault::new(501, "NotImplemented", format!("{service}:{operation} is not built in this version of Virga."))
}

pub(crate) fn too_busy() -> Fault {
    Fault::new(503, "ServiceUnavailable", "Too many concurrent changes of the same records; try again.")
}

pub(crate) fn commit_fault(error: &CommitError) -> Fault {
    crate::log::error("a change could not be saved", &[("problem", &error.to_string())]);
    match error {
        CommitError::Full => Fault::new(
            503,
            "ServiceUnavailable",
            "The disk that holds the cloud's data is full; nothing was changed. Free some space and try again.",
        ),
        CommitError::Refused(what) => {
            Fault::new(400, "LimitExceeded", format!("The request is too large: {what}."))
        }
        _ => internal_failure(),
    }
}
