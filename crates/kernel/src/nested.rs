//! Calls from inside the cloud: one service's operation within the transaction of another, of a reconciler or a saga.
//!
//! They go through the same door as any client's: authorized, recorded in the audit trail, undone with the rest.

use crate::access;
use crate::audit::Entry;
use crate::authenticate::remember;
use crate::cloud::Cloud;
use crate::cx::{As, Cx, Request};
use crate::identity::Caller;
use crate::op::Op;
use base::{AccountId, Region};
use std::sync::Arc;
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

/// Runs an operation inside the transaction of another.
pub(crate) fn nested(cx: &mut Cx<'_>, call: Call<'_>, who: As) -> Result<Value, Fault> {
    let mut request = cx.request.clone();
    let (caller, account) = match who {
        As::CallerVia(name) => {
            request.via.push(name);
            (Arc::clone(cx.caller), cx.account)
        }
        As::Service { name, account } => (Arc::new(Caller::service(name, account)), account),
    };
    let place = Place { cloud: cx.cloud, caller: &caller, account, region: cx.region };
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
        let caller = Arc::new(Caller::service(name, account));
        let request = Request {
            id: base::id::uuid(self.rng()),
            service: "",
            operation: "",
            peer: None,
            user_agent: name.to_owned(),
            via: Vec::new(),
        };
        run(&Place { cloud: self, caller: &caller, account, region }, tx, request, call)
    }
}

/// Who calls, and from where.
struct Place<'a> {
    cloud: &'a Arc<Cloud>,
    caller: &'a Arc<Caller>,
    account: AccountId,
    region: Region,
}

/// What the front door checks of every request: values may come from a client's template.
fn check(model: &'static Service, modelled: &Operation, op: &Op, value: &Value) -> Result<(), Fault> {
    let violations = modelled.input.map(|shape| wire::validate::check(model, shape, value));
    if let Some(violations) = violations.filter(|v| !v.is_empty()) {
        return Err(wire::validate::violations_fault(model, &violations));
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

fn run(place: &Place<'_>, tx: &mut Tx, mut request: Request, call: Call<'_>) -> Result<Value, Fault> {
    let missing =
        || Fault::new(501, "NotImplemented", format!("{}:{} is not built.", call.service, call.operation));
    let service = place.cloud.service(call.service).ok_or_else(missing)?;
    let op = service.op(call.operation).ok_or_else(missing)?;
    let model = wire::catalog::service(service.id).ok_or_else(missing)?;
    let modelled = model.operation(op.name).ok_or_else(missing)?;
    check(model, modelled, op, &call.value)?;
    (request.service, request.operation) = (service.id, op.name);
    let region = if service.global { Region::US_EAST_1 } else { place.region };
    let shown = wire::json::audit_text(model, modelled.input, &call.value);
    let now = place.cloud.clock().now();
    let Place { cloud, caller, account, .. } = *place;
    let mut cx = Cx { tx, caller, account, region, now, request: &request, cloud, touched: Vec::new() };
    let decisions =
        access::authorize(&mut cx, op, &call.value, Protocol::Json11).map_err(|refused| refused.fault)?;
    // Whoever called may go on after a refusal: then nothing of this call may stay.
    let savepoint = cx.tx.savepoint();
    let response = match (op.run)(&mut cx, call.value) {
        Ok(response) => response,
        Err(fault) => {
            cx.tx.rollback_to(savepoint);
            return Err(fault);
        }
    };
    let resources = cx.touched.iter().map(ToString::to_string).collect();
    let entry = Entry {
        request_id: request.id.clone(),
        event_id: base::id::uuid(cloud.rng()),
        time: now,
        service: service.id.to_owned(),
        operation: op.name.to_owned(),
        region: region.name().to_owned(),
        identity: remember(crate::identity::Known { caller: (**caller).clone(), secret: None })
            .audit_identity
            .clone(),
        principal: caller.arn().into_owned(),
        username: access::user_name(caller).to_owned(),
        access_key: caller.access_key.clone(),
        source_address: request
            .via
            .last()
            .map_or_else(|| request.user_agent.clone(), |via| (*via).to_owned()),
        user_agent: request.user_agent.clone(),
        request: shown,
        response: wire::json::audit_text(model, modelled.output, &response),
        resources,
        decisions,
        account,
        ..Entry::default()
    };
    cloud.trail().write(tx, region, entry);
    Ok(response)
}
