//! Launches of spot machines: how they differ from those on demand.

use super::run::{Run, check_kind, start, subnet};
use super::{interface, spot_request, text};
use crate::ec2::model::Instance;
use crate::ec2::placement::Placement;
use crate::ec2::spot::model::Request;
use crate::ec2::spot::terms::{self, Terms};
use crate::ec2::template::kept;
use base::tag::Tags;
use ec2::{Ec2Error, Plain};
use kernel::Cx;

/// How a launch is paid for.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    OnDemand,
    /// By spot requests that are made with it.
    Spot(&'a Terms),
    /// By one that is there.
    Request(&'a Request),
}

impl Way<'_> {
    fn is_spot(self) -> bool {
        !matches!(self, Way::OnDemand)
    }

    /// No other machine follows on one that has ended.
    pub(super) fn ends_with_its_machine(self) -> bool {
        !self.is_spot() || self.is_one_time()
    }

    /// Its machine cannot be stopped.
    pub(super) fn is_one_time(self) -> bool {
        match self {
            Way::OnDemand => false,
            Way::Spot(terms) => !terms.persistent,
            Way::Request(request) => !request.persistent,
        }
    }

    /// Refuses what does not go with it.
    pub(super) fn check(self, req: &Run, of_requests: &Tags) -> Result<(), Ec2Error> {
        let refused = |what: &str| Err(Plain::UnsupportedOperation(what.to_owned()).into());
        match self {
            Way::OnDemand if !of_requests.is_empty() => {
                let what =
                    "Tags for spot-instances-request can be specified with the market type 'spot' only.";
                Err(Plain::InvalidParameterCombination(what.into()).into())
            }
            Way::OnDemand => Ok(()),
            _ if req.protected == Some(true) => {
                refused("Termination protection cannot be enabled for Spot Instances.")
            }
            _ if req.stop_protected == Some(true) => {
                refused("Stop protection cannot be enabled for Spot Instances.")
            }
            _ if self.is_one_time() && req.behaviour.as_deref() == Some("stop") => refused(
                "Spot Instances of one-time requests cannot be stopped, so their shutdown terminates them.",
            ),
            _ => Ok(()),
        }
    }

    /// Whether its interruption stops the machine, which can go on then.
    pub(super) fn stops(self) -> bool {
        match self {
            Way::OnDemand => false,
            Way::Spot(terms) => terms.stops,
            Way::Request(request) => request.stops,
        }
    }

    /// The zone that is asked for; that of a spot machine for which none is, is the cheapest.
    pub(super) fn zone(self, cx: &mut Cx<'_>, req: &Run, kind: &str) -> Result<Option<String>, Ec2Error> {
        if self.is_spot() && !names_place(req) {
            return terms::cheapest(cx, check_kind(kind)?);
        }
        Ok(req.placement.as_ref().and_then(Placement::zone).cloned())
    }

    /// The request of a machine that is being launched, once the price is right.
    pub(super) fn request(
        self,
        cx: &mut Cx<'_>,
        req: &Run,
        instance: &Instance,
        own: &Tags,
    ) -> Result<Option<String>, Ec2Error> {
        let max = match self {
            Way::OnDemand => return Ok(None),
            Way::Spot(terms) => terms.max,
            Way::Request(request) => request.max,
        };
        if let Some(words) = terms::too_low(cx, check_kind(&instance.kind)?, &instance.zone, max) {
            return Err(Plain::SpotMaxPriceTooLow(words).into());
        }
        Ok(match self {
            Way::OnDemand => None,
            Way::Spot(terms) => Some(spot_request::fulfilled(cx, terms, req, instance, own)),
            Way::Request(request) => Some(request.id.clone()),
        })
    }
}

/// Whether a launch says where its machine is.
fn names_place(req: &Run) -> bool {
    req.subnet.is_some()
        || req.placement.as_ref().is_some_and(|placement| placement.zone().is_some())
        || req.interfaces.iter().any(|plug| plug.id.is_some() || plug.subnet.is_some())
}

/// The machine of a spot request that waits for one.
///
/// # Errors
/// What RunInstances answers.
pub(crate) fn launch_for(cx: &mut Cx<'_>, request: &Request, zone: &str) -> Result<Instance, Ec2Error> {
    let mut req: Run = kept(&request.launch).ok_or(Plain::InternalError)?;
    if !names_place(&req) {
        req.placement = Some(Placement { zone: Some(zone.to_owned()), ..req.placement.unwrap_or_default() });
    }
    start(cx, &req, Way::Request(request))?.pop().ok_or_else(|| Plain::InternalError.into())
}

/// The zone of a spot request that waits: the one that it names, else the cheapest.
///
/// # Errors
/// What the network answers, and `MissingParameter` where there is no default subnet.
pub(crate) fn zone_for(cx: &mut Cx<'_>, request: &Request) -> Result<String, Ec2Error> {
    let req: Run = kept(&request.launch).ok_or(Plain::InternalError)?;
    if let Some(zone) = req.placement.as_ref().and_then(Placement::zone).cloned() {
        return Ok(zone);
    }
    let first = req.interfaces.iter().min_by_key(|plug| plug.device);
    if let Some(id) = first.and_then(|plug| plug.id.as_ref()) {
        return Ok(text(&interface::free(cx, id)?, "AvailabilityZone"));
    }
    let named = req.subnet.as_ref().or(first.and_then(|plug| plug.subnet.as_ref())).cloned();
    if named.is_none()
        && let Some(zone) = terms::cheapest(cx, check_kind(&request.kind)?)?
    {
        return Ok(zone);
    }
    Ok(text(&subnet(cx, named.as_ref(), None)?, "AvailabilityZone"))
}
