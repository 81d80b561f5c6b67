//! The journey of a request: route, authenticate, parse, authorize, run in one transaction, record, answer.

use crate::access;
use crate::audit::{Decided, Note};
use crate::authenticate;
use crate::callers::Remembered;
use crate::cloud::{Built, Cloud};
use crate::cx::{Cx, Peer, Request};
use crate::failure::{Refused, internal_failure};
use crate::op::{DRY_RUN, Op};
use auth::sigv4::RequestHead;
use base::{Region, Timestamp};
use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use store::CommitError;
use wire::head::Head;
use wire::input::Parsed;
use wire::output::Reply;
use wire::route::{Rejection, Route, Step};
use wire::{Fault, Value, output};

/// A transaction that loses this often against others gives up; the caller is told to slow down.
const CONFLICTS_MAX: u32 = 64;
/// After this many it waits for its turn among those who lose, so that a crowd at one record cannot starve anybody.
const CONFLICTS_ALONE: u32 = 4;
/// No control plane takes more; services with larger bodies are listed in [`body_bytes_max`].
const BODY_BYTES_MAX: usize = 2 << 20;
/// The members that an operation does not act on are named in this header of its answer.
const IGNORED_HEADER: &str = "x-virga-ignored";
const IGNORED_HEADER_BYTES_MAX: usize = 1024;

/// A request on its way.
struct Journey<'a> {
    cloud: &'a Arc<Cloud>,
    head: Head<'a>,
    route: Route<'a>,
    body: Bytes,
    caller: Arc<Remembered>,
    region: Region,
    now: Timestamp,
    request: Request,
}

/// What one run of an operation leaves.
struct Done {
    response: Value,
    decisions: Vec<Decided>,
    resources: Vec<String>,
    ignored: Vec<String>,
    commit: Option<store::Commit>,
}

impl Cloud {
    /// Answers one request whose body has been read.
    pub async fn serve(self: &Arc<Cloud>, parts: &Parts, body: Bytes, peer: Peer) -> Reply {
        let started = Instant::now();
        let id = base::id::uuid(self.rng());
        let head = head(parts);
        let route = match wire::route::route(&head, &body) {
            Ok(route) => route,
            Err(rejection) => return self.rejected(&rejection, &rejection.fault, &id),
        };
        let (service, operation, protocol) = (route.service, route.operation, route.protocol);
        let outcome = match self.journey(parts, head, route, body, peer, id.clone()) {
            Ok(journey) => journey.run().await,
            Err(fault) => {
                self.turn_away(&id, Some((service.id, operation.name)), &fault);
                Err(fault)
            }
        };
        let reply = match outcome {
            Ok((value, ignored)) => {
                let mut reply = output::success(service, operation, protocol, &value, &id);
                report_ignored(&mut reply, service.id, operation.name, &ignored);
                reply
            }
            Err(fault) => output::fault(Some(service), Some(operation), protocol, &fault, &id),
        };
        self.metrics().count(service.id, operation.name, reply.status, started.elapsed());
        reply
    }

    /// Answers a request whose body could not be read.
    pub fn refuse(&self, parts: &Parts, fault: &Fault) -> Reply {
        let id = base::id::uuid(self.rng());
        match wire::route::route(&head(parts), &[]) {
            Ok(route) => {
                self.turn_away(&id, Some((route.service.id, route.operation.name)), fault);
                output::fault(Some(route.service), Some(route.operation), route.protocol, fault, &id)
            }
            Err(rejection) => self.rejected(&rejection, fault, &id),
        }
    }

    /// Answers a request that leads to no operation.
    fn rejected(&self, rejection: &Rejection, fault: &Fault, id: &str) -> Reply {
        self.turn_away(id, None, fault);
        output::fault(rejection.service, None, rejection.protocol, fault, id)
    }

    fn turn_away(&self, id: &str, operation: Option<(&str, &str)>, fault: &Fault) {
        let operation = operation.map(|(service, operation)| format!("{service}:{operation}"));
        self.turned_away.keep(id, self.clock().now(), operation, fault);
    }

    /// The largest body that is read for this request, in bytes.
    pub fn body_limit(&self, parts: &Parts) -> usize {
        match wire::route::route_head(&head(parts)) {
            Ok(Step::Ready(route)) => body_bytes_max(route.service.id),
            _ => BODY_BYTES_MAX,
        }
    }

    fn journey<'a>(
        self: &'a Arc<Cloud>,
        parts: &'a Parts,
        head: Head<'a>,
        route: Route<'a>,
        body: Bytes,
        peer: Peer,
        id: String,
    ) -> Result<Journey<'a>, Fault> {
        let signed =
            RequestHead { method: head.method, path: head.path, query: head.query, headers: head.headers };
        let operation = Some(route.operation);
        let caller =
            authenticate::caller(self, &signed, &body, route.service, route.protocol, operation, peer)?;
        let user_agent = parts.headers.get(http::header::USER_AGENT).and_then(|v| v.to_str().ok());
        let request = Request {
            id,
            service: route.service.id,
            operation: route.operation.name,
            peer: Some(peer),
            user_agent: user_agent.unwrap_or_default().to_owned(),
            via: Vec::new(),
        };
        let global = self.service(route.service.id).is_some_and(|s| s.global);
        let region = if global { Region::US_EAST_1 } else { region(&route)? };
        Ok(Journey { cloud: self, head, route, body, caller, region, now: self.clock().now(), request })
    }
}

/// The largest bodies that services document, and some room for their envelopes.
fn body_bytes_max(service: &str) -> usize {
    match service {
        // A zip of 50 MB, in base64.
        "lambda" => 100 << 20,
        "dynamodb" => 20 << 20,
        _ => BODY_BYTES_MAX,
    }
}

fn head(parts: &Parts) -> Head<'_> {
    Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
    }
}

/// The region that the request names; the first one where it names none.
fn region(route: &Route<'_>) -> Result<Region, Fault> {
    match route.region {
        None => Ok(Region::US_EAST_1),
        Some(name) => Region::parse(name).ok_or_else(|| {
            Fault::new(400, "InvalidRegion", format!("{name} is not a region of this cloud."))
        }),
    }
}

/// What an audit record tells beside who called what.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    parameters: &'a str,
    response: &'a str,
    fault: Option<&'a Fault>,
    resources: &'a [String],
    decisions: &'a [Decided],
}

impl Journey<'_> {
    async fn run(self) -> Result<(Value, Vec<String>), Fault> {
        let Request { service, operation, .. } = self.request;
        self.cloud.directory.used(&self.caller.caller, service, operation, self.region.name(), self.now);
        let Some(built) = self.cloud.built(service, operation) else {
            return Err(self.fail(not_built(&self.route), Told::default()).await);
        };
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
            parameters = self.shown(&parsed.value);
            let told = Told { parameters: &parameters, ..Told::default() };
            let attempt = AssertUnwindSafe(|| self.attempt(built, parsed, told));
            let done = match catch_unwind(attempt).unwrap_or_else(|_| Err(self.broken().into())) {
                Ok(done) => done,
                Err(Refused { fault, decisions }) => {
                    return Err(self.fail(fault, Told { decisions: &decisions, ..told }).await);
                }
            };
            let Some(commit) = done.commit else {
                let (resources, decisions) = (&done.resources[..], &done.decisions[..]);
                let response = if built.reads { String::new() } else { self.answered(&done.response) };
                self.note(Told { response: &response, resources, decisions, ..told }).await;
                return Ok((done.response, done.ignored));
            };
            match commit.await {
                Ok(_) => return Ok((done.response, done.ignored)),
                Err(CommitError::Conflict) => {}
                Err(error) => {
                    let told = Told { decisions: &done.decisions, ..told };
                    return Err(self.fail(commit_fault(&error), told).await);
                }
            }
        }
        drop(turn);
        let busy = "Too many concurrent changes of the same records; try again.";
        let told = Told { parameters: &parameters, ..Told::default() };
        Err(self.fail(Fault::new(503, "ServiceUnavailable", busy), told).await)
    }

    fn parse(&self) -> Result<Parsed, Fault> {
        let mut parsed = wire::input::parse(&self.route, &self.head, self.body.clone())?;
        if !parsed.violations.is_empty() {
            return Err(wire::validate::violations_fault(self.route.service, &parsed.violations));
        }
        for member in std::mem::take(&mut parsed.idempotency) {
            if let Value::Struct(members) = &mut parsed.value {
                members.set(member, Value::Str(base::id::uuid(self.cloud.rng())));
            }
        }
        Ok(parsed)
    }

    /// A handler that panicked has left nothing behind; its caller is answered, the log has the panic itself.
    fn broken(&self) -> Fault {
        let fields = [("service", self.request.service), ("operation", self.request.operation)];
        crate::log::error("an operation panicked", &fields);
        internal_failure()
    }

    /// One try, in a transaction of its own.
    fn attempt(&self, built: Built, parsed: Parsed, told: Told<'_>) -> Result<Done, Refused> {
        let op = built.op;
        let mut tx = self.cloud.store().begin();
        let ignored = self.ignored(op, &parsed)?;
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
        };
        let decisions = access::authorize(&mut cx, op, &parsed.value, self.route.protocol)?;
        if let Some(fault) = dry_run(self.route.service, &parsed.value) {
            return Err(Refused { fault, decisions });
        }
        let response = match (op.run)(&mut cx, parsed.value) {
            Ok(response) => response,
            Err(fault) => return Err(Refused { fault, decisions }),
        };
        let resources: Vec<String> = cx.touched.iter().map(ToString::to_string).collect();
        let commit = if tx.is_read_only() {
            None
        } else {
            let response = if built.reads { String::new() } else { self.answered(&response) };
            let told = Told { response: &response, resources: &resources, decisions: &decisions, ..told };
            self.with_record(told, |note| self.cloud.trail().write(&mut tx, note));
            Some(tx.commit())
        };
        Ok(Done { response, decisions, resources, ignored, commit })
    }

    /// Members of the request that nothing will act on.
    fn ignored(&self, op: &Op, parsed: &Parsed) -> Result<Vec<String>, Fault> {
        let mut ignored = parsed.unknown.clone();
        wire::undeclared(&parsed.value, op.input, &mut ignored);
        ignored.retain(|member| !crate::op::acts_on(self.route.service, member));
        if self.cloud.settings().strict && !ignored.is_empty() {
            let (operation, list) = (op.name, ignored.join(", "));
            return Err(Fault::new(501, "NotImplemented", format!("{operation} does not act on {list}.")));
        }
        Ok(ignored)
    }

    fn shown(&self, value: &Value) -> String {
        wire::json::audit_text(self.route.service, self.route.operation.input, value)
    }

    /// The answer as its audit record shows it.
    fn answered(&self, response: &Value) -> String {
        wire::json::audit_text(self.route.service, self.route.operation.output, response)
    }

    fn with_record<T>(&self, told: Told<'_>, record: impl FnOnce(&Note<'_>) -> T) -> T {
        record(&Note {
            request: &self.request,
            event_id: &base::id::uuid(self.cloud.rng()),
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
        })
    }

    /// Records a call that changed nothing.
    async fn note(&self, told: Told<'_>) {
        if let Some(block) = self.with_record(told, |note| self.cloud.trail().note(note)) {
            self.cloud.write_block(block).await;
        }
    }

    /// Records a call that failed, and hands its fault back.
    async fn fail(&self, fault: Fault, told: Told<'_>) -> Fault {
        self.note(Told { fault: Some(&fault), ..told }).await;
        fault
    }
}

/// What a caller who asked only whether it may is told once it has been found that it may.
///
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> (`DryRunOperation`).
pub(crate) fn dry_run(model: &wire::model::Service, request: &Value) -> Option<Fault> {
    let asked = request.member(DRY_RUN).and_then(Value::as_bool) == Some(true);
    let told = "Request would have succeeded, but DryRun flag is set.";
    (asked && crate::op::acts_on(model, DRY_RUN)).then(|| Fault::new(412, "DryRunOperation", told))
}

fn report_ignored(reply: &mut Reply, service: &str, operation: &str, ignored: &[String]) {
    if ignored.is_empty() {
        return;
    }
    let mut list = ignored.join(", ");
    crate::log::warn(
        "a request carried more than its operation acts on",
        &[("service", service), ("operation", operation), ("members", &list)],
    );
    // Names come from the caller; what a header cannot carry must not keep the rest from being told.
    list = list.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    list.truncate(IGNORED_HEADER_BYTES_MAX);
    if let Ok(value) = HeaderValue::from_str(&list) {
        reply.headers.insert(IGNORED_HEADER, value);
    }
}

fn not_built(route: &Route<'_>) -> Fault {
    let (service, operation) = (route.service.id, route.operation.name);
    Fault::new(501, "NotImplemented", format!("{service}:{operation} is not built in this version of Virga."))
}

fn commit_fault(error: &CommitError) -> Fault {
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
