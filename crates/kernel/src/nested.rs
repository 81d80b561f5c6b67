//! Calls from inside the cloud: one service's operation within the transaction of another, of a reconciler or a saga.
//!
//! They go through the same door as any client's: authorized, recorded in the audit trail, undone with the rest.

use crate::access;
use crate::audit::{self, Decided, Note};
use crate::cloud::{Built, Cloud};
use crate::cx::{As, Cx, Request};
use crate::gate::Passing;
use crate::identity::Caller;
use crate::meter::Called;
use crate::op::{Op, Run, Within};
use auth::policy::Principal;
use base::{AccountId, Region};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use store::Tx;
use wire::model::{Operation, Protocol, Service};
use wire::{Fault, Value};

/// A call that the cloud makes itself.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub service: &'a str,
    pub operation: &'a str,
    pub value: Value,
}

/// In whose stead a service works on.
#[derive(Clone, Copy, Debug)]
pub enum Whom<'a> {
    /// Somebody whose request it took, by access key and session token.
    Caller { access_key: &'a str, token: Option<&'a str> },
    /// A role that was passed to the service; for the sake of a resource, where one is told.
    Role { arn: &'a str, account: AccountId, source: Option<&'a str> },
}

/// Runs an operation inside the transaction of another.
pub(crate) fn nested(cx: &mut Cx<'_>, call: Call<'_>, who: As) -> Result<Value, Fault> {
    nested_for(cx, call, who, Beside::default())
}

/// What a service's own call says beside its parameters.
#[derive(Default)]
pub(crate) struct Beside {
    /// The resource for whose sake it calls, and whose that is.
    pub(crate) source: Option<(String, AccountId)>,
    /// What policies may ask about the session that it begins.
    pub(crate) keys: Vec<(&'static str, String)>,
}

/// As [`nested`], with what a service says beside.
pub(crate) fn nested_for(cx: &mut Cx<'_>, call: Call<'_>, who: As, beside: Beside) -> Result<Value, Fault> {
    let mut request = cx.request.clone();
    (request.source, request.session_keys) = (beside.source, beside.keys);
    let (caller, account, said) = match who {
        As::CallerVia(name) => {
            request.via.push(name);
            (Arc::clone(cx.caller), cx.account, Cow::Borrowed(cx.audit))
        }
        As::Caller => (Arc::clone(cx.caller), cx.account, Cow::Borrowed(cx.audit)),
        As::Service { name, account } | As::Marking { name, account } => {
            let marks = matches!(who, As::Marking { .. });
            let caller = Arc::new(Caller { marks, ..Caller::service(name, account) });
            let said = Cow::Owned(audit::caller_fields(&caller));
            (request.peer, request.referer) = (None, None);
            request.user_agent = name.to_owned();
            (caller, account, said)
        }
    };
    let place = Place { cloud: cx.cloud, caller: &caller, audit: &said, account, region: cx.region };
    run(&place, cx.tx, request, call)
}

impl Cloud {
    /// Runs an operation as a service principal (`organizations.amazonaws.com`) that acts in `account`, in a
    /// transaction that the caller commits.
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub fn call(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        account: AccountId,
        region: Region,
        call: Call<'_>,
    ) -> Result<Value, Fault> {
        self.call_for(tx, name, (account, region), None, call)
    }

    /// As [`Cloud::call`], for the sake of one resource, which the other's policies may ask about (`aws:SourceArn`).
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub fn call_for(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        (account, region): (AccountId, Region),
        source: Option<&str>,
        call: Call<'_>,
    ) -> Result<Value, Fault> {
        self.call_along(tx, name, (account, region), (source, None), call)
    }

    /// As [`Cloud::call_for`], in the chain of requests of which this call is a consequence.
    ///
    /// # Errors
    /// The fault that the operation answers.
    pub fn call_along(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        (account, region): (AccountId, Region),
        (source, chain): (Option<&str>, Option<&str>),
        call: Call<'_>,
    ) -> Result<Value, Fault> {
        let caller = Arc::new(Caller::service(name, account));
        let mut request = own_request(self, name);
        request.source = source.map(|arn| (arn.to_owned(), account));
        request.chain = chain.map(str::to_owned);
        let audit = audit::caller_fields(&caller);
        run(&Place { cloud: self, caller: &caller, audit: &audit, account, region }, tx, request, call)
    }
}

impl Cloud {
    /// Lets a service work in an account in its own name, in a transaction that the caller commits: for what
    /// reconcilers and handlers do alike. Nobody is asked, and nothing is recorded.
    pub fn act<T>(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        account: AccountId,
        region: Region,
        work: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> T {
        let caller = Arc::new(Caller::service(name, account));
        self.act_as(tx, &caller, &own_request(self, name), (account, region), work)
    }

    /// Lets a service work as a role that it assumes for that, in a transaction that the caller commits. What the role
    /// may is for `work` to ask ([`crate::access::allowed`]).
    ///
    /// # Errors
    /// Those of `sts:AssumeRole`.
    pub fn act_as_role<T>(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        role: &str,
        place: (AccountId, Region),
        work: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> Result<T, Fault> {
        self.act_as_role_for(tx, name, role, place, None, work)
    }

    /// As [`Cloud::act_as_role`], for the sake of one resource, which the role's trust policy may ask about
    /// (`aws:SourceArn`).
    ///
    /// # Errors
    /// Those of `sts:AssumeRole`.
    pub fn act_as_role_for<T>(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        role: &str,
        place: (AccountId, Region),
        source: Option<&str>,
        work: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> Result<T, Fault> {
        let caller = self.assume(tx, name, role, place, source)?;
        let home = caller.account;
        Ok(self.act_as(tx, &caller, &own_request(self, name), (home, place.1), work))
    }

    pub(crate) fn assume(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        role: &str,
        place: (AccountId, Region),
        source: Option<&str>,
    ) -> Result<Arc<Caller>, Fault> {
        let session = name.split('.').next().unwrap_or(name);
        let members = [("RoleArn", Value::str(role)), ("RoleSessionName", Value::str(session))];
        let value = Value::Struct(members.into_iter().collect());
        let call = Call { service: "sts", operation: "AssumeRole", value };
        let answer = self.call_for(tx, name, place, source, call)?;
        let text = |member| answer.at(&["Credentials", member]).and_then(Value::as_str);
        let (key, token) = (text("AccessKeyId").unwrap_or_default(), text("SessionToken"));
        let known = self.directory.look_up(tx, key, token, self.clock().now());
        Ok(Arc::new(known.map_err(|_| crate::failure::internal_failure())?.caller))
    }

    /// Lets a service work on for somebody who called it earlier, in a transaction that the caller commits: with the
    /// permissions of today, and no longer than their session lasts. `host` is by which name they found the cloud, and
    /// whether over TLS.
    ///
    /// # Errors
    /// Of a caller as for a request of theirs: the key is gone or inactive, the session is over. Of a role those of
    /// `sts:AssumeRole`.
    pub fn act_for<T>(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        whom: Whom<'_>,
        region: Region,
        host: Option<(&str, bool)>,
        work: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> Result<T, Fault> {
        let caller = self.stead(tx, name, whom, region)?;
        let home = caller.account;
        let secure = host.is_some_and(|(_, secure)| secure);
        let host = host.map(|(name, _)| name.to_owned());
        let request = Request { host, secure, ..own_request(self, name) };
        Ok(self.act_as(tx, &caller, &request, (home, region), work))
    }

    /// Who it is in whose stead a service works on, as of today.
    ///
    /// # Errors
    /// Those of [`Cloud::act_for`].
    pub(crate) fn stead(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        name: &'static str,
        whom: Whom<'_>,
        region: Region,
    ) -> Result<Arc<Caller>, Fault> {
        match whom {
            Whom::Caller { access_key, token } => crate::authenticate::holder(self, tx, access_key, token),
            Whom::Role { arn, account, source } => self.assume(tx, name, arn, (account, region), source),
        }
    }

    fn act_as<T>(
        self: &Arc<Cloud>,
        tx: &mut Tx,
        caller: &Arc<Caller>,
        request: &Request,
        (account, region): (AccountId, Region),
        work: impl FnOnce(&mut Cx<'_>) -> T,
    ) -> T {
        let audit = audit::caller_fields(caller);
        let now = self.clock().now();
        let mut cx = Cx {
            tx,
            caller,
            account,
            region,
            now,
            request,
            cloud: self,
            audit: &audit,
            touched: Vec::new(),
            kind: None,
        };
        work(&mut cx)
    }
}

/// A request that the cloud makes itself; the operation is filled in when it is found.
pub(crate) fn own_request(cloud: &Cloud, name: &str) -> Request {
    Request {
        id: base::id::uuid(cloud.rng()),
        service: "",
        operation: "",
        peer: None,
        user_agent: name.to_owned(),
        referer: None,
        chain: None,
        host: None,
        secure: false,
        via: Vec::new(),
        source: None,
        session_keys: Vec::new(),
        signed: None,
        form: false,
        trace: None,
    }
}

/// Who calls, and from where.
struct Place<'a> {
    cloud: &'a Arc<Cloud>,
    caller: &'a Arc<Caller>,
    audit: &'a [u8],
    account: AccountId,
    region: Region,
}

/// An operation that is to be called from within.
pub(crate) struct Found {
    pub(crate) built: Built,
    pub(crate) model: &'static Service,
    pub(crate) modelled: &'static Operation,
}

/// # Errors
/// `NotImplemented`.
pub(crate) fn find(cloud: &Cloud, call: &Call<'_>) -> Result<Found, Fault> {
    let missing =
        || Fault::new(501, "NotImplemented", format!("{}:{} is not built.", call.service, call.operation));
    let built = cloud.built(call.service, call.operation).ok_or_else(missing)?;
    let model = wire::catalog::service(call.service).ok_or_else(missing)?;
    let modelled = model.operation(built.op.name).ok_or_else(missing)?;
    Ok(Found { built, model, modelled })
}

impl Cloud {
    /// Whether an operation can be called from within a transaction: it is built, and waits for nothing.
    pub fn can_call(&self, service: &str, operation: &str) -> bool {
        let built = self.built(service, operation);
        built.is_some_and(|built| matches!(built.op.run, Run::Control(_)) || built.op.within.is_some())
    }
}

/// The operation has the other of the two shapes.
pub(crate) fn not_this_way(call: &Call<'_>) -> Fault {
    let name = format!("{}:{}", call.service, call.operation);
    crate::log::error("a service called an operation of the other plane", &[("operation", &name)]);
    crate::failure::internal_failure()
}

/// What the front door checks of every request: values may come from a client's template.
///
/// # Errors
/// The model's violations; `NotImplemented` for members that the operation does not act on.
pub(crate) fn check(
    model: &'static Service,
    modelled: &Operation,
    op: &Op,
    value: &Value,
) -> Result<(), Fault> {
    let violations = modelled.input.map(|shape| wire::validate::check(model, shape, value));
    if let Some(violations) = violations.filter(|v| !v.is_empty()) {
        return Err(wire::validate::violations_fault(model, &violations, value));
    }
    // Nobody would read a report, so what is not acted on is refused.
    let mut ignored = Vec::new();
    wire::undeclared(value, op.input, &mut ignored);
    if ignored.is_empty() {
        return Ok(());
    }
    let (name, list) = (op.name, ignored.join(", "));
    Err(Fault::new(501, "NotImplemented", format!("{name} does not act on {list}.")))
}

/// Some sessions are good for some operations only.
///
/// # Errors
/// `InvalidClientTokenId`.
pub(crate) fn reach(caller: &Caller, model: &Service, modelled: &Operation) -> Result<(), Fault> {
    let reaches = caller.session.as_ref().and_then(|session| session.reaches);
    if reaches.is_none_or(|reaches| reaches(model.id, modelled.name)) {
        return Ok(());
    }
    let message = "The security token included in the request is invalid";
    Err(Fault::new(403, "InvalidClientTokenId", message))
}

/// What runs within a transaction.
fn handler_of(op: &Op, call: &Call<'_>) -> Result<Within, Fault> {
    match (op.run, op.within) {
        (Run::Control(handler), _) | (Run::Data(_), Some(handler)) => Ok(handler),
        (Run::Data(_), None) => Err(not_this_way(call)),
    }
}

fn run(place: &Place<'_>, tx: &mut Tx, mut request: Request, call: Call<'_>) -> Result<Value, Fault> {
    let Found { built, model, modelled } = find(place.cloud, &call)?;
    let handler = handler_of(built.op, &call)?;
    check(model, modelled, built.op, &call.value)?;
    reach(place.caller, model, modelled)?;
    // What a service asks of itself is part of a call that it has let in.
    let comes = request.service != model.id;
    (request.service, request.operation) = (model.id, modelled.name);
    let region = if built.global { Region::US_EAST_1 } else { place.region };
    let parameters = wire::json::audit_text(model, modelled.input, &call.value);
    let Place { cloud, caller, audit, account, .. } = *place;
    let now = cloud.clock().now();
    let mut cx = Cx {
        tx,
        caller,
        account,
        region,
        now,
        request: &request,
        cloud,
        audit,
        touched: Vec::new(),
        kind: None,
    };
    let began = Instant::now();
    let is_own = matches!(caller.principal, Principal::Service { .. });
    let tariff = built.tariff.filter(|tariff| tariff.counts_nested() && !is_own);
    let size = tariff.map_or(0, |tariff| tariff.size(modelled.name, &call.value));
    let (decisions, outcome) =
        attempt(&mut cx, &Found { built, model, modelled }, handler, call.value, comes);
    if let Some(tariff) = tariff {
        let called = Called {
            cloud,
            caller,
            account,
            region,
            operation: modelled.name,
            now,
            took: began.elapsed(),
            decisions: &decisions,
            size,
            kind: None,
            outcome: outcome.as_ref(),
        };
        tariff.count(&called, &mut |line, amount| cx.meter(line, amount));
    }
    let resources: Vec<String> = cx.touched.iter().map(ToString::to_string).collect();
    let response = match &outcome {
        Ok(response) if !built.reads => wire::json::audit_text(model, modelled.output, response),
        _ => String::new(),
    };
    let note = Note {
        request: &request,
        event_id: &base::id::uuid(cloud.rng()),
        time: now,
        region: region.name(),
        account,
        caller: audit,
        parameters: &parameters,
        response: &response,
        fault: outcome.as_ref().err(),
        resources: &resources,
        decisions: &decisions,
        nested: true,
    };
    let apart = outcome.is_err() || built.op.event;
    record(cloud, tx, &note, apart, is_own);
    outcome
}

/// Records a call: in the transaction, unless it is one that leaves nothing there or is a data event.
fn record(cloud: &Cloud, tx: &mut Tx, note: &Note<'_>, apart: bool, is_own: bool) {
    if apart || tx.is_read_only() {
        // Nothing to be undone with. A block that is full is left to the next flush: this is no place to wait.
        cloud.trail().note(note);
        return;
    }
    // What services do in their own name is no news.
    if !is_own {
        cloud.tell_of_call(tx, note);
    }
    cloud.trail().write(tx, note);
}

fn attempt(
    cx: &mut Cx<'_>,
    found: &Found,
    handler: Within,
    value: Value,
    comes: bool,
) -> (Vec<Decided>, Result<Value, Fault>) {
    let built = found.built;
    // Whoever called may go on after a refusal: then nothing of this call may stay.
    let savepoint = cx.tx.savepoint();
    match access::authorize(cx, built.op, &value, Protocol::Json11) {
        Ok(decisions) => {
            let admitted = built.gate.filter(|_| comes).map_or(Ok(()), |gate| {
                let Request { operation, ref id, .. } = *cx.request;
                let caller = cx.caller;
                gate.admits(
                    cx.tx,
                    &Passing { caller, region: cx.region, operation, request: id, now: cx.now },
                )
            });
            let outcome =
                admitted.and_then(|()| handler(cx, value)).and_then(|answer| values_of(found, answer));
            if outcome.is_err() {
                cx.tx.rollback_to(savepoint);
            }
            (decisions, outcome)
        }
        Err(refused) => {
            cx.tx.rollback_to(savepoint);
            (refused.decisions, Err(refused.fault))
        }
    }
}

/// Whoever calls from inside gets values, also of what was written for the wire already.
fn values_of(found: &Found, mut answer: Value) -> Result<Value, Fault> {
    wire::elements::read_back(found.model, found.modelled.output, &mut answer).map_err(|member| {
        let name = found.modelled.name;
        crate::log::error("an answer is not what its model says", &[("operation", name), ("member", member)]);
        crate::failure::internal_failure()
    })?;
    Ok(answer)
}
