//! Where the next instance of a group is launched, and as what: in the zone with fewest, by the strategy of its market.

use crate::autoscaling::model::mixed::{Mixed, Override};
use crate::autoscaling::model::{Group, Member, Template};
use crate::ec2::kinds::{self, InstanceType};
use crate::ec2::spot::price;
use crate::ec2::spot::terms::pool;
use crate::pools::{Pool, UNIT};
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
    let Some(mixed) = &group.mixed else {
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
    let alone = [Override::default()];
    let overrides = if mixed.overrides.is_empty() { &alone[..] } else { &mixed.overrides[..] };
    let mut types = Vec::new();
    for over in overrides {
        let name = match &over.kind {
            Some(name) => name.clone(),
            None => {
                let template = over.template.as_ref().unwrap_or(&group.template);
                let (data, _) = super::instance::data(cx, template)?;
                crate::autoscaling::ops::text(&data, "InstanceType")
            }
        };
        types.push((over, name));
    }
    let missing = (group.desired - group.size()).max(1) * UNIT;
    let mut first = None;
    for (zone, subnet) in &places {
        let pools: Vec<Pool> = types
            .iter()
            .zip(0..)
            .map(|((over, name), nth)| of(cx, group, mixed, (over, name), (zone, nth), is_spot))
            .collect();
        let all = || pools.iter().map(|pool| Pool { open: true, ..pool.clone() }).collect::<Vec<_>>();
        let strategy = mixed.strategy(is_spot);
        let found = strategy.next(&pools, missing);
        let is_open = found.is_some();
        let Some(at) = found.or_else(|| strategy.next(&all(), missing)) else { continue };
        let Some((over, name)) = types.get(at) else { continue };
        let place = Place {
            zone: (*zone).clone(),
            subnet: (*subnet).clone(),
            template: over.template.clone().unwrap_or_else(|| group.template.clone()),
            kind: (!name.is_empty()).then(|| name.clone()),
            image: over.image.clone(),
            weight: over.weight.unwrap_or(0),
            is_spot,
            max: most(mixed, over).filter(|_| is_spot).map(price::text),
        };
        if is_open {
            return Ok(Some(place));
        }
        first = first.or(Some(place));
    }
    Ok(first)
}

/// What an hour of an instance may cost: what is paid is said for a unit.
fn most(mixed: &Mixed, over: &Override) -> Option<i64> {
    let by_unit = mixed.max.as_deref().filter(|max| !max.is_empty()).and_then(price::parse);
    by_unit.map(|max| max.saturating_mul(over.weight.unwrap_or(1)))
}

fn of(
    cx: &Cx<'_>,
    group: &Group,
    mixed: &Mixed,
    (over, name): (&Override, &str),
    (zone, nth): (&str, i64),
    is_spot: bool,
) -> Pool {
    let kind: Option<&InstanceType> = kinds::find(name);
    let full = kind.map_or(0, |kind| kind.price);
    let now = kind.filter(|_| is_spot).map_or(full, |kind| pool(cx, kind, zone).price(cx.now));
    let same = |member: &&Member| member.kind == name && member.zone == zone && member.spot == is_spot;
    Pool {
        price: now,
        scarcity: now * 1000 / full.max(1),
        weight: over.weight.unwrap_or(1) * UNIT,
        priority: Some(nth),
        open: !is_spot || now <= most(mixed, over).unwrap_or(full),
        held: group.live().filter(same).map(Member::units).sum::<i64>() * UNIT,
    }
}
