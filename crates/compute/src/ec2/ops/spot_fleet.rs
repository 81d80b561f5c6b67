//! Spot Fleets: fleets that act by a role which they are given, under names of their own.
//!
//! Not here: load balancers.

use super::fleet::{WhyView, modifiable, modified, put_away, with_templates};
use super::fleet_config::{
    self as config, ConfigShape, MaintenanceShape, OnDemandShape, OverrideShape, SpotShape, TargetShape,
    TemplateShape, told, units,
};
use super::fleet_describe::{ActiveView, Past, RecordView, active, page_of};
use super::spot_fleet_launch::{Specification, read};
use super::spot_rules;
use crate::ec2::fleet::fill::{Actor, SPOT_FLEET as SERVICE};
use crate::ec2::fleet::model::{
    Config, FLEETS, Fleet, MAINTAIN, Market, Override, PENDING, REQUEST, SUBMITTED,
};
use crate::ec2::fleet::news;
use crate::ec2::fleet::place::places;
use crate::ec2::fleet::work::keep;
use crate::ec2::machinery::Machinery;
use crate::requirements::Requirements;
use base::{Arn, Timestamp};
use ec2::access::{self, Access};
use ec2::describe::{self, Ask};
use ec2::kind::SPOT_FLEET;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Spot Fleets.
    pub static OPS:
        RequestSpotFleet: request, "ec2:RequestSpotFleet", requesting;
        ModifySpotFleetRequest: modify, "ec2:ModifySpotFleetRequest", changing;
        CancelSpotFleetRequests: cancel, "ec2:CancelSpotFleetRequests", |cx, r| Access::of(cx, r).many(&SPOT_FLEET, "SpotFleetRequestIds").done();
        DescribeSpotFleetRequests: describe_requests, "ec2:DescribeSpotFleetRequests", access::list;
        DescribeSpotFleetInstances: instances, "ec2:DescribeSpotFleetInstances", |cx, r| Access::of(cx, r).one(&SPOT_FLEET, "SpotFleetRequestId").done();
        DescribeSpotFleetRequestHistory: history, "ec2:DescribeSpotFleetRequestHistory", |cx, r| Access::of(cx, r).one(&SPOT_FLEET, "SpotFleetRequestId").done();
}

const ROLE: &str = "AWSServiceRoleForEC2SpotFleet";

wire::shape! {
    #[derive(Debug)]
    struct Wish { data: Data = "SpotFleetRequestConfig" }

    #[derive(Clone, Debug)]
    struct Data {
        strategy: Option<String> = "AllocationStrategy",
        on_demand_strategy: Option<String> = "OnDemandAllocationStrategy",
        maintenance: Option<MaintenanceShape> = "SpotMaintenanceStrategies",
        token: Option<String> = "ClientToken",
        excess: Option<String> = "ExcessCapacityTerminationPolicy",
        fulfilled: Option<f64> = "FulfilledCapacity",
        on_demand_fulfilled: Option<f64> = "OnDemandFulfilledCapacity",
        role: String = "IamFleetRole",
        launches: Vec<Specification> = "LaunchSpecifications",
        configs: Vec<By> = "LaunchTemplateConfigs",
        price: Option<String> = "SpotPrice",
        total: i64 = "TargetCapacity",
        on_demand: Option<i64> = "OnDemandTargetCapacity",
        on_demand_total_price: Option<String> = "OnDemandMaxTotalPrice",
        spot_total_price: Option<String> = "SpotMaxTotalPrice",
        ends: Option<bool> = "TerminateInstancesWithExpiration",
        kind: Option<String> = "Type",
        from: Option<Timestamp> = "ValidFrom",
        until: Option<Timestamp> = "ValidUntil",
        replaces: Option<bool> = "ReplaceUnhealthyInstances",
        behaviour: Option<String> = "InstanceInterruptionBehavior",
        balancers: Option<Value> = "LoadBalancersConfig",
        pools: Option<i64> = "InstancePoolsToUseCount",
        unit: Option<String> = "TargetCapacityUnitType",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Clone, Debug)]
    struct By {
        template: Option<TemplateShape> = "LaunchTemplateSpecification",
        overrides: Vec<Over> = "Overrides",
    }

    #[derive(Clone, Debug, Default)]
    struct Over {
        kind: Option<String> = "InstanceType",
        price: Option<String> = "SpotPrice",
        subnet: Option<String> = "SubnetId",
        zone: Option<String> = "AvailabilityZone",
        weight: Option<f64> = "WeightedCapacity",
        priority: Option<f64> = "Priority",
        requirements: Option<Requirements> = "InstanceRequirements",
    }

    #[derive(Debug)]
    struct Requested { id: String = "SpotFleetRequestId" }

    #[derive(Debug)]
    struct Modify {
        id: String = "SpotFleetRequestId",
        configs: Vec<By> = "LaunchTemplateConfigs",
        on_demand: Option<i64> = "OnDemandTargetCapacity",
        total: Option<i64> = "TargetCapacity",
        excess: Option<String> = "ExcessCapacityTerminationPolicy",
    }

    #[derive(Debug)]
    struct Modified { done: bool = "Return" }

    #[derive(Debug)]
    struct Cancel {
        ids: Vec<String> = "SpotFleetRequestIds",
        ends: bool = "TerminateInstances",
    }

    #[derive(Debug)]
    struct Cancelled {
        done: Vec<DoneView> = "SuccessfulFleetRequests",
        failed: Vec<FailedView> = "UnsuccessfulFleetRequests",
    }

    #[derive(Debug)]
    struct DoneView {
        id: String = "SpotFleetRequestId",
        now: String = "CurrentSpotFleetRequestState",
        before: String = "PreviousSpotFleetRequestState",
    }

    #[derive(Debug)]
    struct FailedView {
        id: String = "SpotFleetRequestId",
        why: WhyView = "Error",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "SpotFleetRequestIds",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        requests: Vec<View> = "SpotFleetRequestConfigs",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "SpotFleetRequestId",
        state: String = "SpotFleetRequestState",
        activity: Option<String> = "ActivityStatus",
        created: Timestamp = "CreateTime",
        data: Data = "SpotFleetRequestConfig",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Instances {
        id: String = "SpotFleetRequestId",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Active {
        id: String = "SpotFleetRequestId",
        instances: Vec<ActiveView> = "ActiveInstances",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct History {
        id: String = "SpotFleetRequestId",
        kind: Option<String> = "EventType",
        from: Timestamp = "StartTime",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Told {
        id: String = "SpotFleetRequestId",
        records: Vec<RecordView> = "HistoryRecords",
        from: Timestamp = "StartTime",
        last: Option<Timestamp> = "LastEvaluatedTime",
        next: Option<String> = "NextToken",
    }
}

/// What a request makes, the templates that it names, and the role that it hands over.
fn requesting(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let data = request.get("SpotFleetRequestConfig").and_then(Value::as_struct).cloned().unwrap_or_default();
    let passed = |role: &str| Target::on(role).doing("iam:PassRole").key("iam:PassedToService", SERVICE);
    let passed = data.str("IamFleetRole").filter(|role| Arn::parse(role).is_some()).map(passed);
    with_templates(Access::of(cx, &data).new(&SPOT_FLEET), &data).target_if(passed).done()
}

fn changing(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    with_templates(Access::of(cx, request).one(&SPOT_FLEET, "SpotFleetRequestId"), request).done()
}

fn invalid(what: impl Into<String>) -> Ec2Error {
    Plain::InvalidSpotFleetConfig(what.into()).into()
}

/// `priceCapacityOptimized` is `price-capacity-optimized` to EC2 Fleets.
fn hyphened(name: &str) -> String {
    let part =
        |c: char| if c.is_ascii_uppercase() { format!("-{}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(part).collect()
}

fn humped(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let (head, rest) = part.split_at(1.min(part.len()));
        out + &head.to_ascii_uppercase() + rest
    })
}

/// In the shapes of EC2 Fleets; what the whole says of the price is said for each override that says nothing.
fn shapes(configs: &[By], price: Option<&String>) -> Vec<ConfigShape> {
    let over = |over: &Over| OverrideShape {
        kind: over.kind.clone(),
        max: over.price.clone().or(price.cloned()),
        subnet: over.subnet.clone(),
        zone: over.zone.clone(),
        weight: over.weight,
        priority: over.priority,
        image: None,
        requirements: over.requirements.clone(),
    };
    let config = |by: &By| {
        let mut overrides: Vec<OverrideShape> = by.overrides.iter().map(over).collect();
        if overrides.is_empty() && price.is_some() {
            overrides.push(over(&Over::default()));
        }
        ConfigShape { template: by.template.clone(), overrides }
    };
    configs.iter().map(config).collect()
}

fn excess(asked: Option<&String>, before: bool) -> Result<bool, Ec2Error> {
    match asked.map(String::as_str) {
        None => Ok(before),
        // AWS's model says `default`, its documentation also `Default`.
        Some(word) if word.eq_ignore_ascii_case("default") => Ok(false),
        Some("noTermination") => Ok(true),
        Some(other) => Err(invalid(format!("The excess capacity termination policy {other} is not valid."))),
    }
}

fn parts(cx: &Cx<'_>, data: &Data) -> Result<Vec<Config>, Ec2Error> {
    if data.launches.is_empty() {
        return config::configs(cx, &shapes(&data.configs, data.price.as_ref()));
    }
    data.launches.iter().map(|specification| specification.config(data.price.as_ref())).collect()
}

fn wanted(cx: &Cx<'_>, data: &Data) -> Result<Fleet, Ec2Error> {
    if data.balancers.is_some() {
        let what = "Of Spot Fleets, LoadBalancersConfig is not built in this version of Virga.";
        return Err(Plain::UnsupportedOperation(what.into()).into());
    }
    if !data.launches.is_empty() && !data.configs.is_empty() {
        return Err(invalid("LaunchSpecifications and LaunchTemplateConfigs may not be specified together."));
    }
    if !data.launches.is_empty() && data.on_demand.is_some_and(|units| units > 0) {
        return Err(invalid("On-Demand capacity needs LaunchTemplateConfigs."));
    }
    if !Arn::parse(&data.role).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")) {
        return Err(invalid("Parameter: SpotFleetRequestConfig.IamFleetRole is invalid."));
    }
    let kind = data.kind.clone().unwrap_or_else(|| MAINTAIN.into());
    if !matches!(kind.as_str(), MAINTAIN | REQUEST) {
        return Err(invalid(format!("A Spot Fleet of type {kind} is not supported.")));
    }
    if data.replaces == Some(true) && kind != MAINTAIN {
        return Err(invalid("ReplaceUnhealthyInstances is supported for requests of type maintain only."));
    }
    if data.until.is_some_and(|until| until <= data.from.unwrap_or(cx.now).max(cx.now)) {
        return Err(invalid("ValidUntil must be in the future, and after ValidFrom."));
    }
    let spot = SpotShape {
        strategy: data.strategy.as_deref().map(hyphened),
        maintenance: data.maintenance.clone(),
        behaviour: data.behaviour.clone(),
        pools: data.pools,
        total_price: data.spot_total_price.clone(),
        ..SpotShape::default()
    };
    let on_demand = OnDemandShape {
        strategy: data.on_demand_strategy.as_deref().map(hyphened),
        total_price: data.on_demand_total_price.clone(),
        ..OnDemandShape::default()
    };
    let target = TargetShape {
        total: data.total,
        on_demand: data.on_demand,
        spot: None,
        default: Some("spot".into()),
        unit: data.unit.clone(),
    };
    Ok(Fleet {
        id: SPOT_FLEET.id(cx.rng()),
        created: cx.now,
        configs: parts(cx, data)?,
        target: config::target(&target, None)?,
        spot: config::spot(&kind, Some(&spot))?,
        on_demand: config::on_demand(&kind, Some(&on_demand))?,
        keeps_excess: excess(data.excess.as_ref(), false)?,
        ends: data.ends == Some(true),
        replaces: data.replaces == Some(true),
        from: data.from,
        until: data.until,
        token: data.token.clone(),
        state: SUBMITTED.into(),
        activity: PENDING.into(),
        role: Some(data.role.clone()),
        kind,
        ..Fleet::default()
    })
}

fn request(cx: &mut Cx<'_>, req: Wish) -> Result<Requested, Ec2Error> {
    let data = &req.data;
    if let Some(id) = token::made(cx, data.token.as_ref(), &req)? {
        return Ok(Requested { id });
    }
    let own = tags::of_new(cx.caller, &data.tags, &SPOT_FLEET, &[&SPOT_FLEET])?;
    let fleet = wanted(cx, data)?;
    super::fleet::check_unit(cx, &fleet)?;
    cx.memory::<Machinery>().possible()?;
    spot_rules::linked(cx, SERVICE, ROLE, "EC2 Spot Fleet")?;
    // Of spot machines: the fleet's own role need not be able to make it.
    spot_rules::role(cx)?;
    // What is not there is refused now.
    places(cx, &fleet)?;
    news::changed(cx, &fleet, "submitted");
    keep(cx, &fleet);
    register::enter(cx, &SPOT_FLEET, &fleet.id, &own, &[]);
    token::keep(cx, data.token.as_ref(), &req, &fleet.id);
    Ok(Requested { id: fleet.id })
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    let mut fleet = modifiable(describe::get(cx, &FLEETS, &SPOT_FLEET, &req.id)?)?;
    fleet.keeps_excess = excess(req.excess.as_ref(), fleet.keeps_excess)?;
    let target = TargetShape {
        total: req.total.unwrap_or(fleet.target.total),
        on_demand: req.on_demand,
        spot: None,
        default: None,
        unit: fleet.target.unit.clone(),
    };
    fleet.target = config::target(&target, Some(&fleet.target))?;
    if !req.configs.is_empty() {
        if fleet.configs.iter().any(|config| config.launch.is_some()) {
            return Err(invalid("A Spot Fleet with LaunchSpecifications has no LaunchTemplateConfigs."));
        }
        fleet.configs = config::configs(cx, &shapes(&req.configs, None))?;
        places(cx, &fleet)?;
    }
    modified(cx, fleet);
    Ok(Modified { done: true })
}

fn cancel(cx: &mut Cx<'_>, req: Cancel) -> Result<Cancelled, Ec2Error> {
    if req.ids.is_empty() {
        return Err(Plain::MissingParameter("SpotFleetRequestId".into()).into());
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in &req.ids {
        let found = FLEETS.get(cx.tx, &register::key(cx.account, cx.region, id))?;
        let refused = match &found {
            _ if !SPOT_FLEET.fits(id) => {
                Some(("fleetRequestIdMalformed", format!("The Spot Fleet request ID '{id}' is malformed.")))
            }
            None => Some((
                "fleetRequestIdDoesNotExist",
                format!("The spot fleet request ID '{id}' does not exist"),
            )),
            Some(fleet) if fleet.is_deleted() => Some((
                "fleetRequestNotInCancellableState",
                format!("The Spot Fleet request '{id}' is not in a cancellable state."),
            )),
            Some(_) => None,
        };
        if let Some((code, message)) = refused {
            failed.push(FailedView { id: id.clone(), why: WhyView { code: code.into(), message } });
            continue;
        }
        let Some(mut fleet) = found else { continue };
        let savepoint = cx.tx.savepoint();
        match put_away(cx, &mut fleet, req.ends, Actor::Service) {
            Ok(before) => done.push(DoneView { id: id.clone(), now: fleet.word(&fleet.state), before }),
            Err(error) if error.is_ours() => return Err(error),
            Err(error) => {
                cx.tx.rollback_to(savepoint);
                let why = WhyView { code: "unexpectedError".into(), message: error.message().to_owned() };
                failed.push(FailedView { id: id.clone(), why });
            }
        }
    }
    Ok(Cancelled { done, failed })
}

fn by(config: &Config) -> By {
    let over = |over: &Override| Over {
        kind: over.kind.clone(),
        price: over.max.clone(),
        subnet: over.subnet.clone(),
        zone: over.zone.clone(),
        weight: over.weight,
        priority: over.priority,
        requirements: over.requirements.as_deref().and_then(Requirements::read),
    };
    By { template: Some(TemplateShape::of(config)), overrides: config.overrides.iter().map(over).collect() }
}

fn view(cx: &Cx<'_>, fleet: &Fleet) -> Result<View, Ec2Error> {
    let spot = SpotShape::of(fleet);
    let on_demand = fleet.held(Market::OnDemand);
    let launches = fleet.configs.iter().filter_map(|config| config.launch.as_deref().and_then(read));
    let data = Data {
        strategy: Some(humped(&fleet.spot.strategy)),
        on_demand_strategy: Some(humped(&fleet.on_demand.strategy)),
        maintenance: spot.maintenance,
        token: fleet.token.clone(),
        excess: Some(if fleet.keeps_excess { "noTermination" } else { "default" }.into()),
        fulfilled: Some(units(on_demand + fleet.held(Market::Spot))),
        on_demand_fulfilled: Some(units(on_demand)),
        role: fleet.role.clone().unwrap_or_default(),
        launches: launches.collect(),
        configs: fleet.configs.iter().filter(|config| config.launch.is_none()).map(by).collect(),
        price: None,
        total: fleet.target.total,
        on_demand: Some(fleet.target.on_demand.unwrap_or(0)),
        on_demand_total_price: told(fleet.on_demand.total_price),
        spot_total_price: told(fleet.spot.total_price),
        ends: Some(fleet.ends),
        kind: Some(fleet.kind.clone()),
        from: fleet.from,
        until: fleet.until,
        replaces: Some(fleet.replaces),
        behaviour: spot.behaviour,
        balancers: None,
        pools: spot.pools,
        unit: fleet.target.unit.clone(),
        tags: Vec::new(),
    };
    Ok(View {
        id: fleet.id.clone(),
        state: fleet.word(&fleet.state),
        activity: (!fleet.is_deleted()).then(|| fleet.activity.clone()),
        created: fleet.created,
        data,
        tags: tags::view(&register::tags(cx, &fleet.id)?),
    })
}

fn describe_requests(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    let mut found = describe::some(cx, &FLEETS, &SPOT_FLEET, &req.ids)?;
    found.retain(|fleet| fleet.role.is_some());
    let views: Vec<View> = found.iter().map(|fleet| view(cx, fleet)).collect::<Result<_, _>>()?;
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (requests, next) = describe::cut(cx, views, ask, |view| view.id.clone())?;
    Ok(Described { requests, next })
}

fn instances(cx: &mut Cx<'_>, req: Instances) -> Result<Active, Ec2Error> {
    let fleet = describe::get(cx, &FLEETS, &SPOT_FLEET, &req.id)?;
    let views = active(cx, &fleet)?;
    let (instances, next) = page_of(cx, views, Ask::new(&[], req.max, req.next.as_ref()))?;
    Ok(Active { id: req.id, instances, next })
}

/// What the history of Spot Fleets calls its kinds.
fn word(kind: &str) -> String {
    match kind {
        "fleet-change" => "fleetRequestChange",
        "instance-change" => "instanceChange",
        "service-error" => "error",
        other => other,
    }
    .to_owned()
}

fn history(cx: &mut Cx<'_>, req: History) -> Result<Told, Ec2Error> {
    describe::get(cx, &FLEETS, &SPOT_FLEET, &req.id)?;
    let past = Past {
        id: &req.id,
        kind: req.kind.as_deref(),
        from: req.from,
        max: req.max,
        next: req.next.as_ref(),
        word,
    };
    let (records, next) = past.told(cx)?;
    let last = next.is_none().then_some(cx.now);
    Ok(Told { id: req.id, records, from: req.from, last, next })
}

#[cfg(test)]
mod tests {
    use super::{humped, hyphened};

    #[test]
    fn strategies_have_two_spellings() {
        for (one, other) in [
            ("lowestPrice", "lowest-price"),
            ("diversified", "diversified"),
            ("capacityOptimizedPrioritized", "capacity-optimized-prioritized"),
        ] {
            assert_eq!((hyphened(one), humped(other)), (other.to_owned(), one.to_owned()));
        }
    }
}
