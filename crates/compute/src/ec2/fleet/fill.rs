//! Launches of a fleet, one machine after the other, where its strategy says.

use super::model::{Fleet, Market, Member, REQUEST};
use super::place::{Place, data, is_too_dear, pools, price_of};
use crate::ec2::errors::is_of_launch;
use crate::ec2::model::{INSTANCES, state};
use crate::ec2::ops::spot_request::keep as keep_request;
use crate::ec2::ops::state::{boot, keep as keep_instance};
use crate::ec2::ops::{SELF, list, spot_fleet_launch, text};
use crate::ec2::spot::model::{DISABLED, REQUESTS, Request};
use crate::ec2::spot::notice::interrupted;
use crate::ec2::spot::price;
use crate::ec2::template::members;
use crate::pools::UNIT;
use ec2::disk;
use ec2::errors::is_denied;
use ec2::register::{self, REGISTER};
use ec2::{Ec2Error, Plain};
use kernel::{As, Cx, Whom};
use std::sync::Arc;
use wire::{Struct, ToValue, Value};

/// What a machine of a fleet is tagged with.
pub(crate) const TAG: &str = "aws:ec2:fleet-id";
const SPOT_TAG: &str = "aws:ec2spot:fleet-request-id";
/// Who acts where the role of a Spot Fleet is assumed.
pub(crate) const SPOT_FLEET: &str = "spotfleet.amazonaws.com";

/// In whose name a fleet acts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Actor {
    /// The one whose request it is.
    Caller,
    /// By its service-linked role, or that which a Spot Fleet was given.
    Service,
}

impl Actor {
    /// # Errors
    /// What the operation answers; `UnauthorizedOperation` where who acts may not.
    pub(crate) fn calls(
        self,
        cx: &mut Cx<'_>,
        role: Option<&str>,
        operation: &str,
        value: Struct,
    ) -> Result<Value, Ec2Error> {
        let value = Value::Struct(value);
        let done = match (self, role) {
            (Actor::Caller, _) => cx.call("ec2", operation, value, As::CallerVia(SELF)),
            (Actor::Service, None) => {
                let account = cx.account;
                cx.call("ec2", operation, value, As::Service { name: SELF, account })
            }
            (Actor::Service, Some(arn)) => {
                let whom = Whom::Role { arn, account: cx.account, source: None };
                let (cloud, region) = (Arc::clone(cx.cloud()), cx.region);
                let work = |cx: &mut Cx<'_>| cx.call("ec2", operation, value, As::Caller);
                cloud.act_for(cx.tx, SPOT_FLEET, whom, region, None, work).and_then(|done| done)
            }
        };
        done.map_err(|fault| match is_denied(&fault) {
            true => {
                let what = format!("You are not authorized to perform this operation. {}", fault.message);
                Plain::UnauthorizedOperation(what).into()
            }
            false => fault.into(),
        })
    }
}

fn structure(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Struct(members.into_iter().collect::<Struct>())
}

/// What RunInstances is asked for one machine of a place.
///
/// # Errors
/// When the template is gone.
pub(crate) fn launch(cx: &Cx<'_>, fleet: &Fleet, place: &Place, market: Market) -> Result<Struct, Ec2Error> {
    let config = fleet.configs.get(place.config).ok_or(Plain::InternalError)?;
    let over = place.over.and_then(|nth| config.overrides.get(nth));
    let data = data(cx, config)?;
    let by =
        structure([("LaunchTemplateId", Value::str(&config.id)), ("Version", Value::str(&config.version))]);
    let by_template = || [("LaunchTemplate", by)].into_iter().collect();
    let mut asked: Struct = spot_fleet_launch::launch(config).unwrap_or_else(by_template);
    asked.set("MinCount", Value::Int(1));
    asked.set("MaxCount", Value::Int(1));
    asked.set("InstanceType", Value::str(place.kind.name));
    asked.set("Placement", structure([("AvailabilityZone", Value::str(&place.zone))]));
    if let Some(image) = over.and_then(|over| over.image.as_ref()) {
        asked.set("ImageId", Value::str(image));
    }
    if let Some(subnet) = &place.subnet {
        // Where the template has interfaces, the first of them is there.
        let mut plugs = data.interfaces.clone();
        match plugs.first_mut() {
            Some(first) => {
                first.subnet = Some(subnet.clone());
                asked.set("NetworkInterfaces", plugs.to_value().unwrap_or(Value::Null));
            }
            None => asked.set("SubnetId", Value::str(subnet)),
        }
    }
    if market == Market::Spot {
        let max = place.max.map(|max| ("MaxPrice", Value::Str(price::text(max))));
        let stops = [("SpotInstanceType", "persistent"), ("InstanceInterruptionBehavior", "stop")];
        let stops = stops.into_iter().filter(|_| fleet.spot.stops);
        let options = structure(max.into_iter().chain(stops.map(|(name, word)| (name, Value::str(word)))));
        asked.set(
            "InstanceMarketOptions",
            structure([("MarketType", Value::str("spot")), ("SpotOptions", options)]),
        );
    }
    if let Some(own) = fleet.tags.as_deref().and_then(crate::ec2::template::kept::<Tagged>) {
        let both = [data.tags, own.tags].concat();
        asked.set("TagSpecifications", merged(both).to_value().unwrap_or(Value::Null));
    }
    Ok(asked)
}

wire::shape! {
    /// The tags of a launch.
    #[derive(Clone, Debug)]
    pub(crate) struct Tagged { pub(crate) tags: Vec<ec2::tags::TagSpecification> = "TagSpecifications" }
}

impl Tagged {
    /// As a record keeps it.
    pub(crate) fn text(self) -> String {
        wire::json::text(&Value::Struct(members(self)))
    }
}

/// One specification for each type of resource; of a key that is there twice the later value.
fn merged(all: Vec<ec2::tags::TagSpecification>) -> Vec<ec2::tags::TagSpecification> {
    let mut out: Vec<ec2::tags::TagSpecification> = Vec::new();
    for one in all {
        let Some(same) = out.iter_mut().find(|other| other.resource_type == one.resource_type) else {
            out.push(one);
            continue;
        };
        same.tags.retain(|tag| one.tags.iter().all(|other| other.key != tag.key));
        same.tags.extend(one.tags);
    }
    out
}

/// A launch that was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) place: usize,
    pub(crate) error: Ec2Error,
}

/// How a market is filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) actor: Actor,
    pub(crate) market: Market,
    /// Machines in one go.
    pub(crate) machines: usize,
    /// Launches are tried where it is known that they will be refused: their caller is told why.
    pub(crate) tries_all: bool,
}

/// Launches until nothing is missing or no place is left; tells what was refused. A place that has refused once is
/// left out.
///
/// # Errors
/// When the cloud itself is at fault.
pub(crate) fn fill(
    cx: &mut Cx<'_>,
    fleet: &mut Fleet,
    places: &[Place],
    order: Order,
) -> Result<Vec<Refusal>, Ec2Error> {
    let market = order.market;
    let (strategy, limit) = (fleet.options(market).strategy(), fleet.options(market).total_price);
    let waits = fleet.kind == REQUEST;
    let mut refusals: Vec<Refusal> = Vec::new();
    for _ in 0..order.machines {
        let missing = fleet.missing(market);
        if missing <= 0 {
            break;
        }
        let spent: i64 = fleet.of(market).map(|member| member.price).sum();
        let mut pools = pools(cx, fleet, places, market)?;
        for (at, pool) in pools.iter_mut().enumerate() {
            let refused = refusals.iter().any(|refusal| refusal.place == at);
            let affordable = limit.is_none_or(|limit| spent + pool.price <= limit);
            // AWS: a request fleet asks where its strategy says, and waits there.
            let asks = waits && places.get(at).is_some_and(|place| !is_too_dear(cx, place, market));
            let barred = places.get(at).is_some_and(|place| place.is_barred(cx, market, fleet.target.unit()));
            pool.open = (pool.open || order.tries_all || asks) && affordable && !refused && !barred;
        }
        let Some(at) = strategy.next(&pools, missing) else { break };
        let Some(place) = places.get(at) else { break };
        match launched(cx, fleet, place, order) {
            Ok(member) => {
                fleet.placed(market, member.weight);
                // It may have been there, and stopped.
                fleet.members.retain(|other| other.id != member.id);
                fleet.members.push(member);
            }
            Err(error) if error.is_ours() && !error.is_capacity() => return Err(error),
            Err(error) => {
                let is_over = waits && error.is_capacity();
                refusals.push(Refusal { place: at, error });
                if is_over {
                    break;
                }
            }
        }
    }
    Ok(refusals)
}

/// Starts a machine of the place again that an interruption has stopped, where there is one whose place is free.
/// AWS: a fleet launches others in its stead, and comes back to it where its pool is the one to launch in.
fn restarted(cx: &mut Cx<'_>, fleet: &Fleet, place: &Place) -> Result<Option<Member>, Ec2Error> {
    let key = |cx: &Cx<'_>, id: &str| register::key(cx.account, cx.region, id);
    let fits =
        |member: &&Member| member.leaves && member.kind == place.kind.name && member.zone == place.zone;
    for member in fleet.members.iter().filter(fits) {
        let Some(id) = &member.request else { continue };
        let request = REQUESTS.get(cx.tx, &key(cx, id))?.filter(|request| request.state == DISABLED);
        let Some(mut request) = request else { continue };
        let Some(mut instance) = INSTANCES.get(cx.tx, &key(cx, &member.id))? else { continue };
        let is_free = request.not_before.is_none_or(|then| then <= cx.now);
        if instance.state != state::STOPPED || interrupted(&instance).is_none() || !is_free {
            continue;
        }
        let root = disk::root_of(cx.tx, cx.account, cx.region, &instance.id)?;
        let savepoint = cx.tx.savepoint();
        if instance.rooted && root.is_none() || boot(cx, &mut instance).is_err() {
            // It cannot be just now: another is launched.
            cx.tx.rollback_to(savepoint);
            continue;
        }
        keep_instance(cx, &instance, state::STOPPED);
        request.is_fulfilled(&instance.id, &instance.zone, cx.now);
        keep_request(cx, &request);
        let price = price_of(cx, place, Market::Spot);
        return Ok(Some(Member { leaves: false, rests: false, price, ..member.clone() }));
    }
    Ok(None)
}

/// A machine's request hears from its fleet.
fn leave_to(cx: &mut Cx<'_>, request: &str) -> Result<(), Ec2Error> {
    let found = REQUESTS.get(cx.tx, &register::key(cx.account, cx.region, request))?;
    if let Some(request) = found {
        keep_request(cx, &Request { of_fleet: true, ..request });
    }
    Ok(())
}

fn launched(cx: &mut Cx<'_>, fleet: &Fleet, place: &Place, order: Order) -> Result<Member, Ec2Error> {
    let stops = fleet.spot.stops && order.market == Market::Spot;
    if stops && let Some(again) = restarted(cx, fleet, place)? {
        return Ok(again);
    }
    let asked = launch(cx, fleet, place, order.market)?;
    let made = order.actor.calls(cx, fleet.role.as_deref(), "RunInstances", asked)?;
    let made = list(&made, "Instances").first().cloned().ok_or(Plain::InternalError)?;
    let id = text(&made, "InstanceId");
    if let Some(reason) = made.member("StateReason").filter(|reason| is_of_launch(&text(reason, "Code"))) {
        return Err(Plain::InvalidKmsKeyState(text(reason, "Message")).into());
    }
    tag(cx, &id, fleet)?;
    let request = text(&made, "SpotInstanceRequestId");
    if stops {
        leave_to(cx, &request)?;
    }
    let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Ok(Member {
        kind: text(&made, "InstanceType"),
        zone: made.at(&["Placement", "AvailabilityZone"]).and_then(Value::as_str).unwrap_or_default().into(),
        subnet: text(&made, "SubnetId"),
        weight: place.weight.max(UNIT / 1000),
        request: (!request.is_empty()).then_some(request),
        config: index(place.config),
        over: place.over.map(index),
        leaves: false,
        rests: false,
        price: price_of(cx, place, order.market),
        id,
    })
}

/// A machine says whose it is. Nobody else may set such a tag.
fn tag(cx: &mut Cx<'_>, id: &str, fleet: &Fleet) -> Result<(), Ec2Error> {
    let key = register::key(cx.account, cx.region, id);
    if let Some(mut entry) = REGISTER.get(cx.tx, &key)? {
        let name = if fleet.role.is_some() { SPOT_TAG } else { TAG };
        entry.tags.insert(name.to_owned(), fleet.id.clone());
        REGISTER.put(cx.tx, &key, &entry);
    }
    Ok(())
}
