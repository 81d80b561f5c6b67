//! Where a fleet may launch: its overrides, each in each zone that it leaves open, with what a machine costs there.

use super::model::{Config, Fleet, Market, Member, Override};
use crate::ec2::kinds::InstanceType;
use crate::ec2::ops::run::check_kind;
use crate::ec2::ops::{call, list, spot_fleet_launch, template_version, text};
use crate::ec2::spot::price;
use crate::ec2::spot::terms::pool;
use crate::ec2::template::Data;
use crate::pools::{Pool, UNIT};
use crate::requirements::{Ceiling, Requirements, Unit, by_unit};
use ec2::kind::SUBNET;
use ec2::{Ec2Error, Plain, zone};
use kernel::Cx;
use std::collections::{BTreeMap, BTreeSet};

/// A pool of one override.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) config: usize,
    pub(crate) over: Option<usize>,
    pub(crate) kind: &'static InstanceType,
    pub(crate) zone: String,
    /// None where it is the default one of the zone.
    pub(crate) subnet: Option<String>,
    /// The most that an hour of a machine may cost.
    pub(crate) max: Option<i64>,
    pub(crate) weight: i64,
    pub(crate) priority: Option<i64>,
    /// What an hour of a thousand units may cost beside other types that fit as well.
    pub(crate) ceiling: Option<Ceiling>,
}

impl Place {
    /// Whether it is too dear beside others for a fleet that says which attributes it needs.
    pub(crate) fn is_barred(&self, cx: &Cx<'_>, market: Market, unit: Unit) -> bool {
        let Some(ceiling) = self.ceiling else { return false };
        let most = if market == Market::Spot { ceiling.spot } else { ceiling.on_demand };
        by_unit(price_of(cx, self, market), unit.of(self.kind)) > most
    }
}

/// A number in thousandths.
#[allow(clippy::cast_possible_truncation, reason = "what is beyond was refused")]
pub(crate) fn thousandths(number: f64) -> i64 {
    (number * 1000.0).round() as i64
}

/// The zones of the account's subnets, and the zones that have a default one.
struct Subnets {
    zones: BTreeMap<String, String>,
    default: BTreeSet<String>,
}

fn subnets(cx: &mut Cx<'_>) -> Result<Subnets, Ec2Error> {
    let found = call(cx, "DescribeSubnets", [])?;
    let (mut zones, mut default) = (BTreeMap::new(), BTreeSet::new());
    for subnet in list(&found, "Subnets") {
        let zone = text(subnet, "AvailabilityZone");
        if subnet.member("DefaultForAz").and_then(wire::Value::as_bool) == Some(true) {
            default.insert(zone.clone());
        }
        zones.insert(text(subnet, "SubnetId"), zone);
    }
    Ok(Subnets { zones, default })
}

/// What a part of a fleet launches by: its template's data, or what it says itself.
///
/// # Errors
/// For templates that are not there.
pub(crate) fn data(cx: &Cx<'_>, config: &Config) -> Result<Data, Ec2Error> {
    if let Some(data) = spot_fleet_launch::data(config) {
        return Ok(data);
    }
    Ok(template_version::data(cx, Some(&config.id), None, Some(&config.version))?.data)
}

/// All places of a fleet, in the order of its overrides.
///
/// # Errors
/// For templates, types, subnets and zones that are not there.
pub(crate) fn places(cx: &mut Cx<'_>, fleet: &Fleet) -> Result<Vec<Place>, Ec2Error> {
    let subnets = subnets(cx)?;
    let mut places = Vec::new();
    for (at, config) in fleet.configs.iter().enumerate() {
        let data = data(cx, config)?;
        let none = Override::default();
        let overrides = config.overrides.iter().enumerate().map(|(nth, over)| (Some(nth), over));
        let alone = config.overrides.is_empty().then_some((None, &none));
        for (nth, over) in overrides.chain(alone) {
            let from = places.len();
            for kind in kinds_of(&data, over)? {
                of_kind(&mut places, &subnets, &data, (at, nth), (over, kind, fleet.target.unit()))?;
            }
            if let Some(requirements) = requirements(&data, over) {
                protect(cx, &requirements, fleet.target.unit(), &mut places, from);
            }
        }
    }
    Ok(places)
}

/// The attributes that are asked for, where no type is named; what an override says goes before its template.
fn requirements(data: &Data, over: &Override) -> Option<Requirements> {
    if over.kind.is_some() {
        return None;
    }
    over.requirements.as_deref().and_then(Requirements::read).or_else(|| data.requirements.clone())
}

/// The types of an override.
fn kinds_of(data: &Data, over: &Override) -> Result<Vec<&'static InstanceType>, Ec2Error> {
    if let Some(requirements) = requirements(data, over) {
        let found = requirements.matching();
        if found.is_empty() {
            let what = "No instance type of this cloud has the attributes of InstanceRequirements.";
            return Err(Plain::InvalidFleetConfig(what.into()).into());
        }
        return Ok(found);
    }
    let kind = over.kind.as_ref().or(data.kind.as_ref());
    let kind = kind.ok_or_else(|| Plain::MissingParameter("InstanceType".into()))?;
    Ok(vec![check_kind(kind)?])
}

/// Notes what the places of an override may cost beside each other.
fn protect(cx: &Cx<'_>, asked: &Requirements, unit: Unit, places: &mut [Place], from: usize) {
    let own = places.get_mut(from..).unwrap_or_default();
    let zones: BTreeSet<String> = own.iter().map(|place| place.zone.clone()).collect();
    let cheapest = |kind: &InstanceType| {
        zones.iter().map(|zone| pool(cx, kind, zone).price(cx.now)).min().unwrap_or(kind.price)
    };
    let ceiling = asked.ceiling(unit, cheapest);
    own.iter_mut().for_each(|place| place.ceiling = ceiling);
}

fn of_kind(
    places: &mut Vec<Place>,
    subnets: &Subnets,
    data: &Data,
    (config, nth): (usize, Option<usize>),
    (over, kind, unit): (&Override, &'static InstanceType, Unit),
) -> Result<(), Ec2Error> {
    let weight = match unit {
        Unit::Machines => over.weight.map_or(UNIT, thousandths),
        _ => unit.of(kind) * UNIT,
    };
    // What is paid is said for a unit.
    let by_unit = over.max.as_deref().and_then(price::parse);
    let place = |zone: &str, subnet: Option<&str>| Place {
        config,
        over: nth,
        kind,
        zone: zone.to_owned(),
        subnet: subnet.map(str::to_owned),
        max: by_unit.map(|max| max.saturating_mul(weight) / UNIT),
        weight,
        priority: over.priority.map(thousandths),
        ceiling: None,
    };
    let plugged = data.interfaces.first().and_then(|plug| plug.subnet.as_ref());
    let named = over.subnet.as_ref().or_else(|| plugged.filter(|_| over.zone.is_none()));
    if let Some(named) = named {
        for id in named.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            let zone = subnets.zones.get(id).ok_or_else(|| Ec2Error::not_found(&SUBNET, id))?;
            places.push(place(zone, Some(id)));
        }
        return Ok(());
    }
    let zone = over.zone.as_ref().or_else(|| data.placement.as_ref().and_then(|placed| placed.zone.as_ref()));
    match zone {
        Some(zone) if !zone::exists(zone) => return Err(Plain::InvalidZone(zone.clone()).into()),
        Some(zone) => places.push(place(zone, None)),
        None => places.extend(subnets.default.iter().map(|zone| place(zone, None))),
    }
    Ok(())
}

/// The places as a strategy sees them; which are open, and what is too dear.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn pools(
    cx: &Cx<'_>,
    fleet: &Fleet,
    places: &[Place],
    market: Market,
) -> Result<Vec<Pool>, Ec2Error> {
    let closed = zone::closed(cx)?;
    let pools = places.iter().map(|place| {
        let price = price_of(cx, place, market);
        let same = |member: &&Member| member.kind == place.kind.name && member.zone == place.zone;
        Pool {
            price,
            scarcity: price * 1000 / place.kind.price.max(1),
            weight: place.weight,
            priority: place.priority,
            open: !closed.contains(&place.zone)
                && !is_too_dear(cx, place, market)
                && !place.is_barred(cx, market, fleet.target.unit()),
            held: fleet.of(market).filter(same).map(|member| member.weight).sum(),
        }
    });
    Ok(pools.collect())
}

pub(crate) fn price_of(cx: &Cx<'_>, place: &Place, market: Market) -> i64 {
    match market {
        Market::Spot => pool(cx, place.kind, &place.zone).price(cx.now),
        Market::OnDemand => place.kind.price,
    }
}

/// Whether machines of a place cost more than is to be paid for them.
pub(crate) fn is_too_dear(cx: &Cx<'_>, place: &Place, market: Market) -> bool {
    market == Market::Spot && price_of(cx, place, market) > place.max.unwrap_or(place.kind.price)
}
