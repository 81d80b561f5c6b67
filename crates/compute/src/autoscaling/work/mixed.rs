//! Where the next instance of a group is launched, and as what: in the zone with fewest, by the strategy of its market.

use crate::autoscaling::model::mixed::{Mixed, Override};
use crate::autoscaling::model::{Group, Member, Template};
use crate::ec2::kinds::{self, InstanceType};
use crate::ec2::spot::price;
use crate::ec2::spot::terms::pool;
use crate::pools::{Pool, UNIT};
use crate::requirements::{Ceiling, Requirements, Unit, by_unit};
use kernel::Cx;
use std::collections::BTreeSet;
use wire::Fault;

/// What is launched where.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) subnet: String,
    pub(super) template: Template,
    /// What the template does not say, or says otherwise.
    pub(super) kind: Option<String>,
    pub(super) image: Option<String>,
    pub(super) weight: i64,
    pub(super) is_spot: bool,
    /// The most that an hour may cost.
    pub(super) max: Option<String>,
}

/// None where no zone is there. Where no type of any zone is cheap enough, EC2 is asked all the same, and says so.
pub(super) fn choose(
    cx: &mut Cx<'_>,
    group: &Group,
    available: &BTreeSet<String>,
    is_spot: bool,
) -> Result<Option<Place>, Fault> {
    let places = group.places(available);
    let Some(mixed) = group.mixed_by() else {
        return Ok(places.first().map(|(zone, subnet)| Place {
            zone: zone.clone(),
            subnet: subnet.clone(),
            template: group.launches_by().clone(),
            kind: None,
            image: None,
            weight: 0,
            is_spot: false,
            max: None,
        }));
    };
    let candidates = candidates(cx, group, mixed)?;
    let missing = (group.desired - group.size()).max(1) * UNIT;
    let mut first = None;
    for (zone, subnet) in &places {
        let open: Vec<&Candidate<'_>> =
            candidates.iter().filter(|one| !one.is_barred(cx, zone, is_spot)).collect();
        let pools: Vec<Pool> = open
            .iter()
            .zip(0..)
            .map(|(candidate, nth)| of(cx, group, mixed, candidate, (zone, nth), is_spot))
            .collect();
        let all = || pools.iter().map(|pool| Pool { open: true, ..pool.clone() }).collect::<Vec<_>>();
        let strategy = mixed.strategy(is_spot);
        let found = strategy.next(&pools, missing);
        let is_open = found.is_some();
        let Some(at) = found.or_else(|| strategy.next(&all(), missing)) else { continue };
        let Some(candidate) = open.get(at) else { continue };
        let (over, name) = (candidate.over, &candidate.name);
        let place = Place {
            zone: (*zone).clone(),
            subnet: (*subnet).clone(),
            template: over.template.clone().unwrap_or_else(|| group.launches_by().clone()),
            kind: (!name.is_empty()).then(|| name.clone()),
            image: over.image.clone(),
            weight: candidate.weight,
            is_spot,
            max: most(mixed, candidate).filter(|_| is_spot).map(price::text),
        };
        if is_open {
            return Ok(Some(place));
        }
        first = first.or(Some(place));
    }
    Ok(first)
}

/// A type that may be launched.
struct Candidate<'m> {
    over: &'m Override,
    name: String,
    /// The units that it counts; 0 where nothing is said of that.
    weight: i64,
    /// What a unit may cost beside other types that have the attributes as well.
    ceiling: Option<(Unit, Ceiling)>,
}

impl Candidate<'_> {
    fn is_barred(&self, cx: &Cx<'_>, zone: &str, is_spot: bool) -> bool {
        let (Some((unit, ceiling)), Some(kind)) = (self.ceiling, kinds::find(&self.name)) else {
            return false;
        };
        let (price, most) = match is_spot {
            true => (pool(cx, kind, zone).price(cx.now), ceiling.spot),
            false => (kind.price, ceiling.on_demand),
        };
        by_unit(price, unit.of(kind)) > most
    }
}

fn candidates<'m>(cx: &mut Cx<'_>, group: &Group, mixed: &'m Mixed) -> Result<Vec<Candidate<'m>>, Fault> {
    static ALONE: Override =
        Override { kind: None, weight: None, template: None, image: None, requirements: None };
    let overrides =
        if mixed.overrides.is_empty() { std::slice::from_ref(&ALONE) } else { &mixed.overrides[..] };
    let mut out = Vec::new();
    for over in overrides {
        let weight = over.weight.unwrap_or(0);
        let mut asked = over.requirements.as_deref().and_then(Requirements::read);
        let mut named = over.kind.clone();
        if named.is_none() && asked.is_none() {
            let template = over.template.as_ref().unwrap_or(group.launches_by());
            let (data, _) = super::instance::data(cx, template)?;
            asked = data.member("InstanceRequirements").and_then(Requirements::told);
            named = Some(crate::autoscaling::ops::text(&data, "InstanceType"));
        }
        if let Some(asked) = asked {
            let unit = group.unit.as_deref().and_then(Unit::named).unwrap_or(Unit::Machines);
            let cheapest = |kind: &InstanceType| {
                let zones = group.subnets.iter();
                zones.map(|(zone, _)| pool(cx, kind, zone).price(cx.now)).min().unwrap_or(kind.price)
            };
            let ceiling = asked.ceiling(unit, cheapest).map(|ceiling| (unit, ceiling));
            out.extend(asked.matching().into_iter().map(|kind| Candidate {
                over,
                name: kind.name.to_owned(),
                weight: if unit == Unit::Machines { weight } else { unit.of(kind) },
                ceiling,
            }));
            continue;
        }
        let name = named.unwrap_or_default();
        out.push(Candidate { over, name, weight, ceiling: None });
    }
    Ok(out)
}

/// What an hour of an instance may cost: what is paid is said for a unit.
fn most(mixed: &Mixed, candidate: &Candidate<'_>) -> Option<i64> {
    let by_unit = mixed.max.as_deref().filter(|max| !max.is_empty()).and_then(price::parse);
    by_unit.map(|max| max.saturating_mul(candidate.weight.max(1)))
}

fn of(
    cx: &Cx<'_>,
    group: &Group,
    mixed: &Mixed,
    candidate: &Candidate<'_>,
    (zone, nth): (&str, i64),
    is_spot: bool,
) -> Pool {
    let name = candidate.name.as_str();
    let kind: Option<&InstanceType> = kinds::find(name);
    let full = kind.map_or(0, |kind| kind.price);
    let now = kind.filter(|_| is_spot).map_or(full, |kind| pool(cx, kind, zone).price(cx.now));
    let same = |member: &&Member| member.kind == name && member.zone == zone && member.spot == is_spot;
    Pool {
        price: now,
        scarcity: now * 1000 / full.max(1),
        weight: candidate.weight.max(1) * UNIT,
        priority: Some(nth),
        open: !is_spot || now <= most(mixed, candidate).unwrap_or(full),
        held: group.live().filter(same).map(Member::units).sum::<i64>() * UNIT,
    }
}
