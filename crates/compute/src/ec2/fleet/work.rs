//! Fleets brought on: what ends is dropped and replaced, what is too much goes, what is missing is launched. One step of
//! one fleet is one transaction.

use super::fill::{Actor, Order, fill};
use super::model::{
    ACTIVE, DELETED, DELETED_RUNNING, DELETED_TERMINATING, ENDING, ERROR, FLEETS, FULFILLED, Fleet, INSTANT,
    MAINTAIN, MODIFYING, Market, Member, PENDING, SUBMITTED,
};
use super::news;
use super::place::{Place, is_too_dear, places, pools};
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::ops::{SELF, call, list, text, texts};
use crate::ec2::spot::price;
use crate::ec2::spot::terms::pool;
use base::Timestamp;
use ec2::zone::ZONES;
use ec2::{Ec2Error, register};
use kernel::reconcile::Reconciler;
use kernel::steps::{self, soonest};
use kernel::{Cloud, Cx};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use store::Key;
use wire::{Struct, Value};

/// AWS: fleets are forgotten two days after their machines are gone.
const KEPT: Duration = Duration::from_secs(48 * 3600);
/// Machines that one step launches.
const MACHINES: usize = 10;
/// Steps of one fleet in one run; what is left then waits for the next.
const STEPS_MAX: usize = 200;
/// Instances asked about at once.
const CHUNK: usize = 200;

/// Brings fleets on.
#[derive(Debug)]
pub struct Fleets;

type Next = kernel::steps::Next<Infallible>;

impl Reconciler for Fleets {
    fn name(&self) -> &'static str {
        "fleets"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![FLEETS.stored_key(&all), INSTANCES.stored_key(&all), ZONES.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        steps::each(
            cloud,
            &FLEETS,
            |fleet| fleet.id,
            |home, id| {
                steps::bring_on(cloud, SELF, home, STEPS_MAX, |cx| step(cx, id), |_, never| match *never {})
            },
        )
    }
}

/// Writes a fleet.
pub(crate) fn keep(cx: &mut Cx<'_>, fleet: &Fleet) {
    FLEETS.put(cx.tx, &register::key(cx.account, cx.region, &fleet.id), fleet);
}

fn step(cx: &mut Cx<'_>, id: &str) -> Result<Next, Ec2Error> {
    let place = register::key(cx.account, cx.region, id);
    let Some(mut fleet) = FLEETS.get(cx.tx, &place)? else { return Ok(Next::Rest(None)) };
    let before = fleet.clone();
    let mut wake = observe(cx, &mut fleet)?;
    let next = if fleet.is_deleted() { fade(cx, &mut fleet) } else { live(cx, &mut fleet)? };
    if let Next::Rest(until) = &next {
        wake = soonest(wake, *until);
    }
    if fleet.ended.is_some_and(|ended| ended.plus(KEPT) <= cx.now) {
        FLEETS.delete(cx.tx, &place);
        register::strike(cx.tx, cx.account, cx.region, id);
        return Ok(Next::Rest(None));
    }
    if fleet != before {
        keep(cx, &fleet);
    }
    Ok(match next {
        Next::Again => Next::Again,
        Next::Rest(_) => Next::Rest(wake),
    })
}

fn found(cx: &Cx<'_>, member: &Member) -> Result<Option<Instance>, Ec2Error> {
    Ok(INSTANCES.get(cx.tx, &register::key(cx.account, cx.region, &member.id))?)
}

/// Takes in what has become of the machines: those that are gone, and those that will be; when to look again.
fn observe(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Result<Option<Timestamp>, Ec2Error> {
    // Of an instant fleet nothing is watched but its end.
    if fleet.kind == INSTANT && !fleet.is_deleted() {
        return Ok(None);
    }
    let mut wake = None;
    let mut kept = Vec::new();
    for mut member in std::mem::take(&mut fleet.members) {
        let instance = match found(cx, &member)? {
            Some(instance) if instance.state != state::TERMINATED => instance,
            gone => {
                let image = gone.map(|gone| gone.image).unwrap_or_default();
                news::instance(cx, fleet, &member, &image, "terminated");
                continue;
            }
        };
        member.rests = matches!(instance.state, state::STOPPING | state::STOPPED);
        if !matches!(instance.state, state::PENDING | state::RUNNING) {
            // It is nobody's capacity, whether it ends or is stopped.
            member.leaves = true;
        } else if let Some(notice) = &instance.notice
            && fleet.spot.rebalances
        {
            if !member.leaves {
                member.leaves = true;
                fleet.unusable.clear();
            }
            wake = soonest(wake, Some(notice.at));
        } else {
            member.leaves = false;
        }
        kept.push(member);
    }
    fleet.members = kept;
    Ok(wake)
}

/// One that was deleted, until its machines are gone and nobody asks about it any more.
fn fade(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Next {
    if fleet.members.is_empty() && fleet.ended.is_none() {
        fleet.ended = Some(cx.now);
        if fleet.state != DELETED {
            fleet.state = DELETED.into();
            news::changed(cx, fleet, "deleted");
        }
    }
    Next::Rest(fleet.ended.map(|ended| ended.plus(KEPT)))
}

fn live(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Result<Next, Ec2Error> {
    if fleet.kind == INSTANT {
        return Ok(Next::Rest(None));
    }
    if fleet.state == SUBMITTED {
        if let Some(from) = fleet.from.filter(|from| *from > cx.now) {
            return Ok(Next::Rest(Some(from)));
        }
        fleet.state = ACTIVE.into();
        news::changed(cx, fleet, "active");
    }
    if fleet.until.is_some_and(|until| until <= cx.now) {
        expire(cx, fleet)?;
        return Ok(Next::Rest(None));
    }
    let until = fleet.until;
    if fleet.kind == MAINTAIN && (replace(cx, fleet)? || shrink(cx, fleet)?) {
        return Ok(Next::Again);
    }
    let next = grow(cx, fleet)?;
    let Next::Rest(wake) = next else { return Ok(Next::Again) };
    if fleet.state == MODIFYING {
        fleet.state = ACTIVE.into();
        news::changed(cx, fleet, "modify_succeeded");
    }
    Ok(Next::Rest(soonest(wake, until)))
}

/// Its time is over: nothing is launched any more, and what runs ends where that was asked for.
fn expire(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Result<(), Ec2Error> {
    if fleet.expired {
        return Ok(());
    }
    fleet.expired = true;
    news::changed(cx, fleet, "expired");
    if fleet.ends {
        let all: Vec<String> = fleet.members.iter().map(|member| member.id.clone()).collect();
        end(cx, Actor::Service, fleet, &all)?;
        fleet.state = DELETED_TERMINATING.into();
        news::changed(cx, fleet, "deleted_terminating");
    } else {
        fleet.state = DELETED_RUNNING.into();
        news::changed(cx, fleet, "deleted_running");
    }
    Ok(())
}

/// Ends machines of a fleet.
///
/// # Errors
/// What EC2 answers to who acts.
pub(crate) fn end(cx: &mut Cx<'_>, actor: Actor, fleet: &mut Fleet, ids: &[String]) -> Result<(), Ec2Error> {
    let mut open = Vec::new();
    for member in fleet.members.iter_mut().filter(|member| ids.contains(&member.id)) {
        member.leaves = true;
        if let Some(instance) = found(cx, member)?.filter(|instance| !instance.is_over()) {
            open.push((member.id.clone(), instance.termination_protected));
        }
    }
    for (id, protected) in open {
        // Protection against that is for others.
        if protected {
            let off: Struct = [("Value", Value::Bool(false))].into_iter().collect();
            let members = [("InstanceId", Value::str(&id)), ("DisableApiTermination", Value::Struct(off))];
            actor.calls(
                cx,
                fleet.role.as_deref(),
                "ModifyInstanceAttribute",
                members.into_iter().collect(),
            )?;
        }
        let members = [("InstanceIds", texts([&id]))];
        actor.calls(cx, fleet.role.as_deref(), "TerminateInstances", members.into_iter().collect())?;
    }
    Ok(())
}

/// Those of some instances whose status checks fail.
///
/// # Errors
/// What EC2 answers.
pub(crate) fn impaired(cx: &mut Cx<'_>, ids: &[String]) -> Result<BTreeSet<String>, Ec2Error> {
    let mut out = BTreeSet::new();
    // Of one that is gone EC2 would say only that.
    let mut there = Vec::new();
    for id in ids {
        let found = INSTANCES.get(cx.tx, &register::key(cx.account, cx.region, id))?;
        there.extend(found.filter(|instance| instance.state == state::RUNNING).map(|instance| instance.id));
    }
    for chunk in there.chunks(CHUNK) {
        let found = call(cx, "DescribeInstanceStatus", [("InstanceIds", texts(chunk))])?;
        for status in list(&found, "InstanceStatuses") {
            let fails =
                |check: &str| status.at(&[check, "Status"]).and_then(Value::as_str) == Some("impaired");
            if fails("SystemStatus") || fails("InstanceStatus") {
                out.insert(text(status, "InstanceId"));
            }
        }
    }
    Ok(out)
}

/// Ends machines that are not healthy, where their fleet replaces them; whether there were some.
fn replace(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Result<bool, Ec2Error> {
    if !fleet.replaces {
        return Ok(false);
    }
    let ids: Vec<String> =
        fleet.members.iter().filter(|member| !member.leaves).map(|member| member.id.clone()).collect();
    let ill: Vec<String> = impaired(cx, &ids)?.into_iter().collect();
    end(cx, Actor::Service, fleet, &ill)?;
    Ok(!ill.is_empty())
}

/// Ends a machine that is too many; whether there was one.
fn shrink(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Result<bool, Ec2Error> {
    if fleet.keeps_excess {
        return Ok(false);
    }
    for market in [Market::Spot, Market::OnDemand] {
        let over = -fleet.missing(market);
        if over <= 0 {
            continue;
        }
        let places = known(fleet, market, places(cx, fleet).unwrap_or_default());
        let pools = pools(cx, fleet, &places, market)?;
        let chosen = fleet.options(market).strategy().last(&pools, over).and_then(|at| places.get(at));
        // One whose override is no more goes first.
        let strange = |member: &&Member| !places.iter().any(|place| is_of(member, place));
        let victim = fleet
            .of(market)
            .filter(|member| member.weight <= over)
            .find(strange)
            .or_else(|| fleet.of(market).find(|member| chosen.is_some_and(|place| is_of(member, place))))
            .cloned();
        let Some(victim) = victim else { continue };
        end(cx, Actor::Service, fleet, std::slice::from_ref(&victim.id))?;
        if market == Market::Spot {
            let image = found(cx, &victim)?.map(|gone| gone.image).unwrap_or_default();
            news::instance(cx, fleet, &victim, &image, "termination_notified");
        }
        return Ok(true);
    }
    Ok(false)
}

fn is_of(member: &Member, place: &Place) -> bool {
    member.kind == place.kind.name && member.zone == place.zone
}

/// One place for each pool, with the weight that its machines were launched with.
fn known(fleet: &Fleet, market: Market, places: Vec<Place>) -> Vec<Place> {
    let mut out: Vec<Place> = Vec::new();
    for mut place in places {
        if out.iter().any(|other| other.kind.name == place.kind.name && other.zone == place.zone) {
            continue;
        }
        if let Some(member) = fleet.of(market).find(|member| is_of(member, &place)) {
            place.weight = member.weight;
        }
        out.push(place);
    }
    out
}

/// Launches what is missing.
fn grow(cx: &mut Cx<'_>, fleet: &mut Fleet) -> Result<Next, Ec2Error> {
    let missing = |fleet: &Fleet| [Market::OnDemand, Market::Spot].map(|market| fleet.missing(market));
    let is_full = |fleet: &Fleet| missing(fleet).into_iter().all(|units| units <= 0);
    if is_full(fleet) {
        let ends = fleet.members.iter().any(|member| member.leaves && !member.rests);
        fleet.activity = if ends { ENDING } else { FULFILLED }.into();
        (fleet.failures, fleet.retry) = (0, None);
        return Ok(Next::Rest(None));
    }
    if let Some(then) = fleet.retry.filter(|then| *then > cx.now) {
        return Ok(Next::Rest(Some(then)));
    }
    fleet.activity = PENDING.into();
    let found = match places(cx, fleet) {
        Ok(found) => found,
        Err(error) if error.is_ours() => return Err(error),
        Err(error) => return Ok(give_up(cx, fleet, &error)),
    };
    let (mut launched, mut refused, mut wake) = (false, None, None);
    for market in [Market::OnDemand, Market::Spot] {
        if fleet.missing(market) <= 0 {
            continue;
        }
        let before = fleet.members.len();
        let order = Order { actor: Actor::Service, market, machines: MACHINES, tries_all: false };
        let refusals = fill(cx, fleet, &found, order)?;
        let new: Vec<Member> = fleet.members.get(before..).unwrap_or_default().to_vec();
        launched |= !new.is_empty();
        for member in &new {
            let image = self::found(cx, member)?.map(|made| made.image).unwrap_or_default();
            news::instance(cx, fleet, member, &image, "launched");
        }
        // For want of capacity it waits for the zone; whatever else is wrong is told.
        let wrong = refusals.into_iter().find(|refusal| !refusal.error.is_capacity());
        refused = refused.or(wrong.map(|refusal| refusal.error));
        if market == Market::Spot {
            wake = soonest(wake, dear(cx, fleet, &found));
        }
    }
    match refused {
        Some(why) if !launched => Ok(give_up(cx, fleet, &why)),
        _ if launched => {
            (fleet.failures, fleet.retry) = (0, None);
            Ok(Next::Again)
        }
        _ => Ok(Next::Rest(wake)),
    }
}

/// Tells of pools that have become too dear; when prices next change.
fn dear(cx: &mut Cx<'_>, fleet: &mut Fleet, places: &[Place]) -> Option<Timestamp> {
    if fleet.missing(Market::Spot) <= 0 {
        return None;
    }
    let costly: Vec<&Place> = places.iter().filter(|place| is_too_dear(cx, place, Market::Spot)).collect();
    let mut unusable = BTreeSet::new();
    for place in &costly {
        let name = format!("{} {}", place.kind.name, place.zone);
        if unusable.insert(name.clone()) && !fleet.unusable.contains(&name) {
            let price = price::text(pool(cx, place.kind, &place.zone).price(cx.now));
            let said = format!(
                "{}, {}, {}, the maximum price is less than the Spot price ${price}",
                place.kind.name,
                price::PRODUCT,
                place.zone
            );
            news::information(cx, fleet, "launchSpecUnusable", &said);
        }
    }
    if costly.len() == places.len() && unusable != fleet.unusable {
        news::information(
            cx,
            fleet,
            "fleetProgressHalted",
            "Every launch specification is too cheap just now.",
        );
    }
    fleet.unusable = unusable;
    places.iter().map(|place| pool(cx, place.kind, &place.zone).next_change(cx.now)).min()
}

/// Nothing could be launched: that is told, and tried again later.
fn give_up(cx: &mut Cx<'_>, fleet: &mut Fleet, why: &Ec2Error) -> Next {
    if fleet.failures == 0 {
        let is_denied = why.code() == "UnauthorizedOperation";
        let sub = if is_denied { "iamFleetRoleInvalid" } else { "spotFleetRequestConfigurationInvalid" };
        news::error(cx, fleet, sub, why.message());
    }
    fleet.activity = ERROR.into();
    fleet.failures += 1;
    let then = cx.now.plus(Duration::from_secs(1u64 << fleet.failures.min(8)));
    fleet.retry = Some(then);
    Next::Rest(Some(then))
}
