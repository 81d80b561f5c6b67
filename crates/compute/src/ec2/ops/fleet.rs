//! Fleets made, changed and deleted. [`crate::ec2::fleet::work`] brings them on.

use super::fleet_config::{
    self as config, ConfigShape, OnDemandShape, OverrideShape, SpotShape, TargetShape, TemplateShape,
};
use super::{spot_rules, template};
use crate::ec2::fleet::fill::{Actor, Order, Refusal, Tagged, fill, launch};
use crate::ec2::fleet::model::{
    ACTIVE, DELETED_RUNNING, DELETED_TERMINATING, FLEETS, FULFILLED, Flaw, Fleet, INSTANT, MAINTAIN,
    MODIFYING, Market, Member, PENDING, SUBMITTED,
};
use crate::ec2::fleet::news;
use crate::ec2::fleet::place::{Place, places};
use crate::ec2::fleet::work::{end, keep};
use crate::ec2::machinery::Machinery;
use crate::ec2::spot::model::REQUESTS;
use base::Timestamp;
use ec2::access::Access;
use ec2::describe;
use ec2::kind::{FLEET, INSTANCE, LAUNCH_TEMPLATE, NETWORK_INTERFACE, VOLUME};
use ec2::tags::{self, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::access::allowed;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Fleets.
    pub static OPS:
        CreateFleet: create, "ec2:CreateFleet", making;
        ModifyFleet: modify, "ec2:ModifyFleet", changing;
        DeleteFleets: delete, "ec2:DeleteFleets", |cx, r| Access::of(cx, r).many(&FLEET, "FleetIds").done();
}

/// The service whose role fleets act by, and that role.
const SERVICE: &str = "ec2fleet.amazonaws.com";
const ROLE: &str = "AWSServiceRoleForEC2Fleet";
/// Machines of an instant fleet: as many as its launches may come to.
const MACHINES_MAX: usize = 1000;
/// AWS: in one request.
const INSTANT_DELETED_MAX: usize = 25;
const OTHERS_DELETED_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    struct Create {
        token: Option<String> = "ClientToken",
        spot: Option<SpotShape> = "SpotOptions",
        on_demand: Option<OnDemandShape> = "OnDemandOptions",
        excess: Option<String> = "ExcessCapacityTerminationPolicy",
        configs: Vec<ConfigShape> = "LaunchTemplateConfigs",
        target: TargetShape = "TargetCapacitySpecification",
        ends: Option<bool> = "TerminateInstancesWithExpiration",
        kind: Option<String> = "Type",
        from: Option<Timestamp> = "ValidFrom",
        until: Option<Timestamp> = "ValidUntil",
        replaces: Option<bool> = "ReplaceUnhealthyInstances",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Created {
        id: String = "FleetId",
        flaws: Vec<FlawView> = "Errors",
        instances: Vec<PlacedView> = "Instances",
    }

    #[derive(Debug)]
    pub(super) struct FlawView {
        by: ByView = "LaunchTemplateAndOverrides",
        lifecycle: String = "Lifecycle",
        code: String = "ErrorCode",
        message: String = "ErrorMessage",
    }

    #[derive(Debug)]
    pub(super) struct LaunchedView {
        by: ByView = "LaunchTemplateAndOverrides",
        lifecycle: String = "Lifecycle",
        ids: Vec<String> = "InstanceIds",
        kind: String = "InstanceType",
    }

    /// AWS: where they are is told at once, and not later.
    #[derive(Debug)]
    struct PlacedView {
        by: ByView = "LaunchTemplateAndOverrides",
        lifecycle: String = "Lifecycle",
        ids: Vec<String> = "InstanceIds",
        kind: String = "InstanceType",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        subnet: String = "SubnetId",
    }

    #[derive(Debug)]
    struct ByView {
        template: TemplateShape = "LaunchTemplateSpecification",
        over: OverrideShape = "Overrides",
    }

    #[derive(Debug)]
    struct Modify {
        id: String = "FleetId",
        excess: Option<String> = "ExcessCapacityTerminationPolicy",
        configs: Vec<ConfigShape> = "LaunchTemplateConfigs",
        target: Option<TargetShape> = "TargetCapacitySpecification",
    }

    #[derive(Debug)]
    struct Modified { done: bool = "Return" }

    #[derive(Debug)]
    struct Delete {
        ids: Vec<String> = "FleetIds",
        ends: bool = "TerminateInstances",
    }

    #[derive(Debug)]
    struct Deleted {
        done: Vec<DeletedView> = "SuccessfulFleetDeletions",
        failed: Vec<FailedView> = "UnsuccessfulFleetDeletions",
    }

    #[derive(Debug)]
    struct DeletedView {
        id: String = "FleetId",
        now: String = "CurrentFleetState",
        before: String = "PreviousFleetState",
    }

    #[derive(Debug)]
    struct FailedView {
        id: String = "FleetId",
        why: WhyView = "Error",
    }

    #[derive(Debug)]
    pub(super) struct WhyView {
        pub(super) code: String = "Code",
        pub(super) message: String = "Message",
    }
}

/// The templates that a request names; those that are not there are refused by the handler.
pub(super) fn with_templates<'a, 'c>(mut access: Access<'a, 'c>, request: &Struct) -> Access<'a, 'c> {
    let configs = request.get("LaunchTemplateConfigs").and_then(Value::as_list).unwrap_or_default();
    let mut seen: Vec<String> = Vec::new();
    for named in configs.iter().filter_map(|config| config.member("LaunchTemplateSpecification")) {
        let text = |member: &str| named.member(member).and_then(Value::as_str).map(str::to_owned);
        let (id, name) = (text("LaunchTemplateId"), text("LaunchTemplateName"));
        let found = template::find(access.cx, id.as_ref(), name.as_ref()).map(|found| found.id);
        let id = found.ok().or(id).unwrap_or_else(|| "*".into());
        if !seen.contains(&id) {
            access = access.id(&LAUNCH_TEMPLATE, &id);
            seen.push(id);
        }
    }
    access
}

fn making(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    with_templates(Access::of(cx, request).new(&FLEET).new(&INSTANCE), request).done()
}

fn changing(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    with_templates(Access::of(cx, request).one(&FLEET, "FleetId"), request).done()
}

fn excess(asked: Option<&String>, before: bool) -> Result<bool, Ec2Error> {
    match asked.map(String::as_str) {
        None => Ok(before),
        Some("termination") => Ok(false),
        Some("no-termination") => Ok(true),
        Some(other) => {
            let why = "Valid values: no-termination, termination.";
            Err(Ec2Error::value(other, "excessCapacityTerminationPolicy", why))
        }
    }
}

/// The tags of an instant fleet's machines. AWS: those of other fleets are said by their templates.
fn tags_of(cx: &Cx<'_>, req: &Create, kind: &str) -> Result<Option<String>, Ec2Error> {
    let taggable: &[&ec2::Kind] =
        if kind == INSTANT { &[&FLEET, &INSTANCE, &VOLUME, &NETWORK_INTERFACE] } else { &[&FLEET] };
    tags::of_new(cx.caller, &req.tags, &FLEET, taggable)?;
    let own = |one: &&TagSpecification| one.resource_type.as_deref() != Some(FLEET.noun);
    let others: Vec<TagSpecification> = req.tags.iter().filter(own).cloned().collect();
    Ok((!others.is_empty()).then(|| Tagged { tags: others }.text()))
}

/// Capacity is counted in processors or memory where machines are chosen by what they have.
pub(super) fn check_unit(cx: &Cx<'_>, fleet: &Fleet) -> Result<(), Ec2Error> {
    if fleet.target.unit.is_none() {
        return Ok(());
    }
    for config in &fleet.configs {
        let data = crate::ec2::fleet::place::data(cx, config)?;
        let alone = config.overrides.is_empty() && data.requirements.is_some();
        if alone
            || config.overrides.iter().any(|over| over.requirements.is_some() || data.requirements.is_some())
        {
            return Ok(());
        }
    }
    let what = "TargetCapacityUnitType can be specified only when InstanceRequirements is specified.";
    Err(Plain::InvalidParameterCombination(what.into()).into())
}

/// The fleet that is asked for.
fn wanted(cx: &Cx<'_>, req: &Create) -> Result<Fleet, Ec2Error> {
    let kind = req.kind.clone().unwrap_or_else(|| MAINTAIN.into());
    if req.replaces == Some(true) && kind != MAINTAIN {
        let what = "ReplaceUnhealthyInstances is supported for fleets of type maintain only.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if kind == INSTANT && (req.from.is_some() || req.until.is_some()) {
        let what = "ValidFrom and ValidUntil are not for fleets of type instant, which launch at once.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if let Some(until) = req.until.filter(|until| *until <= req.from.unwrap_or(cx.now).max(cx.now)) {
        let why = "It must be in the future, and after validFrom.";
        return Err(Ec2Error::value(until.iso8601(), "validUntil", why));
    }
    Ok(Fleet {
        id: FLEET.id(cx.rng()),
        created: cx.now,
        configs: config::configs(cx, &req.configs)?,
        target: config::target(&req.target, None)?,
        spot: config::spot(&kind, req.spot.as_ref())?,
        on_demand: config::on_demand(&kind, req.on_demand.as_ref())?,
        keeps_excess: excess(req.excess.as_ref(), false)?,
        ends: req.ends == Some(true),
        replaces: req.replaces == Some(true),
        from: req.from,
        until: req.until,
        token: req.token.clone(),
        state: SUBMITTED.into(),
        activity: PENDING.into(),
        tags: tags_of(cx, req, &kind)?,
        kind,
        ..Fleet::default()
    })
}

/// Refuses who may not launch what a fleet would launch later.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-prerequisites.html>
fn may_launch(cx: &mut Cx<'_>, fleet: &Fleet, places: &[Place]) -> Result<(), Ec2Error> {
    for market in [Market::OnDemand, Market::Spot] {
        if fleet.target.of(market) == 0 {
            continue;
        }
        for place in places {
            if place.is_barred(cx, market, fleet.target.unit()) {
                continue;
            }
            let asked = launch(cx, fleet, place, market)?;
            for target in super::run::launch(cx, &asked)? {
                let action = target.action.unwrap_or("ec2:RunInstances");
                if !allowed(cx, action, &target, &asked)? {
                    let what = format!(
                        "You are not authorized to perform this operation. A fleet needs its creator's permission to perform: {action} on resource: {}.",
                        target.arn
                    );
                    return Err(Plain::UnauthorizedOperation(what).into());
                }
            }
        }
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let fleet = describe::get(cx, &FLEETS, &FLEET, &id)?;
        return Ok(created(cx, &fleet));
    }
    let own = tags::of_new(cx.caller, &req.tags, &FLEET, &[&FLEET, &INSTANCE, &VOLUME, &NETWORK_INTERFACE])?;
    let mut fleet = wanted(cx, &req)?;
    check_unit(cx, &fleet)?;
    cx.memory::<Machinery>().possible()?;
    spot_rules::linked(cx, SERVICE, ROLE, "EC2 Fleet")?;
    let places = places(cx, &fleet)?;
    if fleet.kind == INSTANT {
        at_once(cx, &mut fleet, &places)?;
    } else {
        may_launch(cx, &fleet, &places)?;
        news::changed(cx, &fleet, "submitted");
    }
    keep(cx, &fleet);
    register::enter(cx, &FLEET, &fleet.id, &own, &[]);
    token::keep(cx, req.token.as_ref(), &req, &fleet.id);
    Ok(created(cx, &fleet))
}

/// An instant fleet: all that it launches it launches now, in its caller's name.
fn at_once(cx: &mut Cx<'_>, fleet: &mut Fleet, places: &[Place]) -> Result<(), Ec2Error> {
    for market in [Market::OnDemand, Market::Spot] {
        if fleet.target.of(market) > 0 {
            of_market(cx, fleet, places, market)?;
        }
    }
    (fleet.state, fleet.activity) = (ACTIVE.into(), FULFILLED.into());
    Ok(())
}

/// Where all machines are to be of one type or zone, those places that a first one leaves; else all.
fn groups(fleet: &Fleet, places: &[Place], market: Market) -> Vec<Vec<Place>> {
    let options = fleet.options(market);
    let group = |place: &Place| {
        let kind = options.one_type.then_some(place.kind.name);
        (kind, options.one_zone.then(|| place.zone.clone()))
    };
    let mut names = Vec::new();
    for place in places {
        if !names.contains(&group(place)) {
            names.push(group(place));
        }
    }
    names.iter().map(|name| places.iter().filter(|place| group(place) == *name).cloned().collect()).collect()
}

fn of_market(cx: &mut Cx<'_>, fleet: &mut Fleet, places: &[Place], market: Market) -> Result<(), Ec2Error> {
    let order = Order { actor: Actor::Caller, market, machines: MACHINES_MAX, tries_all: true };
    let least = fleet.options(market).least.unwrap_or(0) * crate::pools::UNIT;
    // The place that the strategy would take first says which group is tried first.
    let mut groups = groups(fleet, places, market);
    let pools = crate::ec2::fleet::place::pools(cx, fleet, places, market)?;
    let first = fleet.options(market).strategy().next(&pools, fleet.missing(market));
    if let Some(first) = first.and_then(|at| places.get(at)) {
        let has = |group: &Vec<Place>| {
            group.iter().any(|place| {
                let same = |place: &Place| (place.config, place.over, place.kind.name, place.zone.clone());
                same(place) == same(first)
            })
        };
        groups.sort_by_key(|group| !has(group));
    }
    let mut flaws = Vec::new();
    for group in groups {
        let (savepoint, before) = (cx.tx.savepoint(), fleet.clone());
        let refusals = fill(cx, fleet, &group, order)?;
        flaws.extend(refusals.iter().map(|refusal| flaw(&group, refusal, market)));
        let held = fleet.held(market);
        if held > 0 && held >= least {
            break;
        }
        cx.tx.rollback_to(savepoint);
        *fleet = before;
    }
    if fleet.missing(market) > 0 && flaws.is_empty() {
        flaws.push(Flaw {
            config: 0,
            over: None,
            spot: market == Market::Spot,
            code: "UnfulfillableCapacity".into(),
            message: "Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.".into(),
        });
    }
    for flaw in flaws {
        if !fleet.flaws.contains(&flaw) {
            fleet.flaws.push(flaw);
        }
    }
    Ok(())
}

fn flaw(places: &[Place], refusal: &Refusal, market: Market) -> Flaw {
    let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let place = places.get(refusal.place);
    Flaw {
        config: place.map_or(0, |place| index(place.config)),
        over: place.and_then(|place| place.over).map(index),
        spot: market == Market::Spot,
        code: refusal.error.code().to_owned(),
        message: refusal.error.message().to_owned(),
    }
}

fn by(fleet: &Fleet, config: u32, over: Option<u32>) -> ByView {
    let none = (TemplateShape::default(), None);
    let found = usize::try_from(config).ok().and_then(|at| fleet.configs.get(at));
    let (template, over) = found.map_or(none, |config| {
        let over = over.and_then(|at| config.overrides.get(usize::try_from(at).ok()?));
        (TemplateShape::of(config), over)
    });
    let empty = crate::ec2::fleet::model::Override::default();
    ByView { template, over: OverrideShape::of(over.unwrap_or(&empty)) }
}

/// What an instant fleet could not launch.
pub(super) fn flaws(fleet: &Fleet) -> Vec<FlawView> {
    let view = |flaw: &Flaw| FlawView {
        by: by(fleet, flaw.config, flaw.over),
        lifecycle: if flaw.spot { Market::Spot } else { Market::OnDemand }.word().into(),
        code: flaw.code.clone(),
        message: flaw.message.clone(),
    };
    fleet.flaws.iter().map(view).collect()
}

/// What it has launched, by override, lifecycle and place: one of each, and the ids of all.
fn groups_of(fleet: &Fleet) -> Vec<(&Member, Vec<String>)> {
    let mut groups: Vec<(&Member, Vec<String>)> = Vec::new();
    let alike = |a: &Member, b: &Member| {
        (a.config, a.over, a.market(), &a.kind, &a.subnet)
            == (b.config, b.over, b.market(), &b.kind, &b.subnet)
    };
    for member in &fleet.members {
        match groups.iter_mut().find(|(first, _)| alike(first, member)) {
            Some((_, ids)) => ids.push(member.id.clone()),
            None => groups.push((member, vec![member.id.clone()])),
        }
    }
    groups
}

pub(super) fn launched(fleet: &Fleet) -> Vec<LaunchedView> {
    let view = |(first, ids): (&Member, Vec<String>)| LaunchedView {
        by: by(fleet, first.config, first.over),
        lifecycle: first.market().word().into(),
        ids,
        kind: first.kind.clone(),
    };
    groups_of(fleet).into_iter().map(view).collect()
}

fn created(cx: &Cx<'_>, fleet: &Fleet) -> Created {
    if fleet.kind != INSTANT {
        return Created { id: fleet.id.clone(), flaws: Vec::new(), instances: Vec::new() };
    }
    let view = |(first, ids): (&Member, Vec<String>)| PlacedView {
        by: by(fleet, first.config, first.over),
        lifecycle: first.market().word().into(),
        ids,
        kind: first.kind.clone(),
        zone: first.zone.clone(),
        zone_id: cx.region.zone_id(&first.zone),
        subnet: first.subnet.clone(),
    };
    let instances = groups_of(fleet).into_iter().map(view).collect();
    Created { id: fleet.id.clone(), flaws: flaws(fleet), instances }
}

/// A fleet, where it may be changed.
///
/// # Errors
/// `FleetNotInModifiableState`
pub(super) fn modifiable(fleet: Fleet) -> Result<Fleet, Ec2Error> {
    if fleet.kind != MAINTAIN || !matches!(fleet.state.as_str(), SUBMITTED | ACTIVE | MODIFYING) {
        return Err(Plain::FleetNotModifiable(fleet.id).into());
    }
    Ok(fleet)
}

/// A fleet that was changed begins anew: what was in its way is forgotten.
pub(super) fn modified(cx: &mut Cx<'_>, mut fleet: Fleet) {
    (fleet.failures, fleet.retry) = (0, None);
    fleet.unusable.clear();
    if fleet.state != SUBMITTED {
        fleet.state = MODIFYING.into();
        news::changed(cx, &fleet, "modify_in_progress");
    }
    keep(cx, &fleet);
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    let mut fleet = modifiable(describe::get(cx, &FLEETS, &FLEET, &req.id)?)?;
    fleet.keeps_excess = excess(req.excess.as_ref(), fleet.keeps_excess)?;
    if let Some(asked) = &req.target {
        fleet.target = config::target(asked, Some(&fleet.target))?;
    }
    if !req.configs.is_empty() {
        fleet.configs = config::configs(cx, &req.configs)?;
    }
    check_unit(cx, &fleet)?;
    let places = places(cx, &fleet)?;
    may_launch(cx, &fleet, &places)?;
    modified(cx, fleet);
    Ok(Modified { done: true })
}

/// Why a fleet is not deleted: AWS's code, and words.
fn kept(
    cx: &Cx<'_>,
    id: &str,
    ends: bool,
    too_many: bool,
) -> Result<Result<Fleet, (&'static str, String)>, Ec2Error> {
    if !FLEET.fits(id) {
        return Ok(Err(("fleetIdMalformed", format!("The fleet ID '{id}' is malformed."))));
    }
    let found = FLEETS.get(cx.tx, &register::key(cx.account, cx.region, id))?;
    Ok(match found {
        None => Err(("fleetIdDoesNotExist", format!("The fleet ID '{id}' does not exist."))),
        Some(fleet) if fleet.is_deleted() => {
            Err(("fleetNotInDeletableState", format!("The fleet '{id}' is not in a deletable state.")))
        }
        Some(fleet) if fleet.kind == INSTANT && !ends => {
            let what = "The machines of an instant fleet are terminated with it.";
            Err(("NoTerminateInstancesNotSupported", what.into()))
        }
        Some(fleet) if fleet.kind == INSTANT && too_many => {
            let what = format!("Up to {INSTANT_DELETED_MAX} instant fleets can be deleted in one request.");
            Err(("ExceededInstantFleetNumForDeletion", what))
        }
        Some(fleet) => Ok(fleet),
    })
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Deleted, Ec2Error> {
    if req.ids.is_empty() {
        return Err(Plain::MissingParameter("FleetId".into()).into());
    }
    let mut instant = 0;
    for id in &req.ids {
        let found = FLEETS.get(cx.tx, &register::key(cx.account, cx.region, id))?;
        instant += usize::from(found.is_some_and(|fleet| fleet.kind == INSTANT));
    }
    if req.ids.len() - instant > OTHERS_DELETED_MAX {
        let what = format!("Up to {OTHERS_DELETED_MAX} fleets can be deleted in one request.");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in &req.ids {
        let mut fail = |code: &str, message: String| {
            failed.push(FailedView { id: id.clone(), why: WhyView { code: code.into(), message } });
        };
        let mut fleet = match kept(cx, id, req.ends, instant > INSTANT_DELETED_MAX)? {
            Ok(fleet) => fleet,
            Err((code, message)) => {
                fail(code, message);
                continue;
            }
        };
        let savepoint = cx.tx.savepoint();
        match put_away(cx, &mut fleet, req.ends, Actor::Caller) {
            Ok(before) => done.push(DeletedView { id: id.clone(), now: fleet.state, before }),
            Err(error) if error.is_ours() => return Err(error),
            Err(error) => {
                cx.tx.rollback_to(savepoint);
                let code =
                    if error.code() == "UnauthorizedOperation" { error.code() } else { "unexpectedError" };
                fail(code, error.message().to_owned());
            }
        }
    }
    Ok(Deleted { done, failed })
}

/// Deletes a fleet, with its machines where that is asked for. The state that it was in.
///
/// # Errors
/// What EC2 answers to who acts.
pub(super) fn put_away(
    cx: &mut Cx<'_>,
    fleet: &mut Fleet,
    ends: bool,
    actor: Actor,
) -> Result<String, Ec2Error> {
    let next = if ends { DELETED_TERMINATING } else { DELETED_RUNNING };
    let before = std::mem::replace(&mut fleet.state, next.into());
    if ends {
        let all: Vec<String> = fleet.members.iter().map(|member| member.id.clone()).collect();
        end(cx, actor, fleet, &all)?;
    } else {
        // AWS: its spot requests are cancelled; their machines go on.
        for id in fleet.members.iter().filter_map(|member| member.request.clone()).collect::<Vec<_>>() {
            if let Some(mut request) = REQUESTS.get(cx.tx, &register::key(cx.account, cx.region, &id))? {
                super::spot_request::withdraw(cx, &mut request)?;
            }
        }
    }
    news::changed(cx, fleet, next);
    keep(cx, fleet);
    Ok(before)
}
