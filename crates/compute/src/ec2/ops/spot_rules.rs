//! What is asked before spot machines are launched, started, stopped and changed.

use super::attribute::Modify;
use super::run::check_kind;
use super::{SELF, call_to};
use crate::ec2::model::Instance;
use crate::ec2::spot::model::{REQUESTS, Request};
use crate::ec2::spot::notice::interrupted;
use crate::ec2::spot::terms::too_low;
use ec2::errors::is_denied;
use ec2::{Ec2Error, Plain, register};
use kernel::{As, Cx};
use wire::Value;

/// The service whose role EC2 uses for spot machines, and that role.
const SPOT: &str = "spot.amazonaws.com";
const ROLE: &str = "AWSServiceRoleForEC2Spot";

/// The request of a spot machine.
fn of(cx: &Cx<'_>, instance: &Instance) -> Result<Option<Request>, Ec2Error> {
    let Some(id) = &instance.spot else { return Ok(None) };
    Ok(REQUESTS.get(cx.tx, &register::key(cx.account, cx.region, id))?)
}

/// The role by which EC2 launches spot machines.
///
/// # Errors
/// `AuthFailure.ServiceLinkedRoleCreationNotPermitted`.
pub(crate) fn role(cx: &mut Cx<'_>) -> Result<(), Ec2Error> {
    linked(cx, SPOT, ROLE, "EC2 Spot Instances")
}

/// A service-linked role: made with the first request, with the permissions of whoever asks.
///
/// # Errors
/// `AuthFailure.ServiceLinkedRoleCreationNotPermitted`.
pub(crate) fn linked(
    cx: &mut Cx<'_>,
    service: &'static str,
    role: &'static str,
    what: &'static str,
) -> Result<(), Ec2Error> {
    match call_to(cx, "iam", "GetRole", [("RoleName", Value::str(role))]) {
        Ok(_) => return Ok(()),
        Err(error) if error.is_ours() => return Err(error),
        Err(_) => {}
    }
    let asked = Value::Struct([("AWSServiceName", Value::str(service))].into_iter().collect());
    match cx.call("iam", "CreateServiceLinkedRole", asked, As::CallerVia(SELF)) {
        Ok(_) => Ok(()),
        Err(fault) if is_denied(&fault) => Err(Plain::ServiceLinkedRoleNotPermitted(what).into()),
        Err(fault) => Err(fault.into()),
    }
}

/// # Errors
/// `IncorrectSpotRequestState` and `SpotMaxPriceTooLow`, for a spot machine that may not start just now.
pub(crate) fn may_start(cx: &Cx<'_>, instance: &Instance) -> Result<(), Ec2Error> {
    if instance.spot.is_none() {
        return Ok(());
    }
    let request = of(cx, instance)?.filter(|request| !request.is_done());
    let Some(request) = request.filter(|_| interrupted(instance).is_none()) else {
        let what = format!(
            "You can't start the Spot Instance '{}' because the associated Spot Instance request is not in an appropriate state to support start.",
            instance.id
        );
        return Err(Plain::IncorrectSpotRequestState(what).into());
    };
    match too_low(cx, check_kind(&instance.kind)?, &instance.zone, request.max) {
        Some(words) => Err(Plain::SpotMaxPriceTooLow(words).into()),
        None => Ok(()),
    }
}

/// # Errors
/// `UnsupportedOperation` and `IncorrectSpotRequestState`, for a spot machine that cannot be stopped.
pub(crate) fn may_stop(cx: &Cx<'_>, instance: &Instance) -> Result<(), Ec2Error> {
    if instance.spot.is_none() {
        return Ok(());
    }
    let id = &instance.id;
    match of(cx, instance)? {
        Some(request) if !request.persistent => Err(Plain::UnsupportedOperation(format!(
            "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests."
        ))
        .into()),
        Some(request) if !request.is_done() => Ok(()),
        _ => Err(Plain::IncorrectSpotRequestState(format!(
            "You can't stop the Spot Instance '{id}' because the associated Spot Instance request is not in an appropriate state to support stop."
        ))
        .into()),
    }
}

/// # Errors
/// `UnsupportedOperation`, for attributes that a spot machine cannot have.
pub(crate) fn may_change(instance: &Instance, req: &Modify) -> Result<(), Ec2Error> {
    if instance.spot.is_none() {
        return Ok(());
    }
    let on = |flag: &Option<ec2::shapes::Flag>| flag.and_then(|flag| flag.value) == Some(true);
    let what = match req {
        _ if on(&req.termination) => "Termination protection cannot be enabled for Spot Instances.",
        _ if on(&req.stop) => "Stop protection cannot be enabled for Spot Instances.",
        _ if req.kind.is_some() => "The instance type of a Spot Instance cannot be modified.",
        _ if req.behaviour.is_some() => "The shutdown behavior of a Spot Instance cannot be modified.",
        _ => return Ok(()),
    };
    Err(Plain::UnsupportedOperation(what.into()).into())
}
