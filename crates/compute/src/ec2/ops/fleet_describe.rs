//! What is told of fleets: themselves, their machines and their history.

use super::fleet::{FlawView, LaunchedView, flaws, launched};
use super::fleet_config::{ConfigShape, OnDemandShape, SpotShape, TargetShape, units};
use crate::ec2::fleet::model::{EVENTS, Event, FLEETS, Fleet, INSTANT, MAINTAIN, Market, Member};
use crate::ec2::fleet::work::impaired;
use base::Timestamp;
use ec2::access::{self, Access};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{self, Filter, Known};
use ec2::kind::FLEET;
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use store::Direction;

kernel::ops! {
    /// Fleets told.
    pub static OPS:
        DescribeFleets: describe_fleets, "ec2:DescribeFleets", access::list;
        DescribeFleetInstances: instances, "ec2:DescribeFleetInstances", |cx, r| Access::of(cx, r).one(&FLEET, "FleetId").done();
        DescribeFleetHistory: history, "ec2:DescribeFleetHistory", |cx, r| Access::of(cx, r).one(&FLEET, "FleetId").done();
}

/// AWS: events in one answer.
const EVENTS_MAX: i64 = 1000;

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "FleetIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        fleets: Vec<View> = "Fleets",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "FleetId",
        kind: String = "Type",
        created: Timestamp = "CreateTime",
        state: String = "FleetState",
        activity: Option<String> = "ActivityStatus",
        token: Option<String> = "ClientToken",
        excess: Option<String> = "ExcessCapacityTerminationPolicy",
        fulfilled: f64 = "FulfilledCapacity",
        on_demand_fulfilled: f64 = "FulfilledOnDemandCapacity",
        configs: Vec<ConfigShape> = "LaunchTemplateConfigs",
        target: TargetShape = "TargetCapacitySpecification",
        ends: bool = "TerminateInstancesWithExpiration",
        from: Option<Timestamp> = "ValidFrom",
        until: Option<Timestamp> = "ValidUntil",
        replaces: bool = "ReplaceUnhealthyInstances",
        spot: SpotShape = "SpotOptions",
        on_demand: OnDemandShape = "OnDemandOptions",
        tags: Vec<Tag> = "Tags",
        flaws: Vec<FlawView> = "Errors",
        instances: Vec<LaunchedView> = "Instances",
    }

    #[derive(Debug)]
    struct Instances {
        id: String = "FleetId",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Active {
        id: String = "FleetId",
        instances: Vec<ActiveView> = "ActiveInstances",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(super) struct ActiveView {
        id: String = "InstanceId",
        kind: String = "InstanceType",
        request: Option<String> = "SpotInstanceRequestId",
        health: String = "InstanceHealth",
    }

    #[derive(Debug)]
    struct History {
        id: String = "FleetId",
        kind: Option<String> = "EventType",
        from: Timestamp = "StartTime",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Told {
        id: String = "FleetId",
        records: Vec<RecordView> = "HistoryRecords",
        from: Timestamp = "StartTime",
        last: Option<Timestamp> = "LastEvaluatedTime",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(super) struct RecordView {
        kind: String = "EventType",
        at: Timestamp = "Timestamp",
        what: WhatView = "EventInformation",
    }

    #[derive(Debug)]
    struct WhatView {
        description: Option<String> = "EventDescription",
        sub: String = "EventSubType",
        instance: Option<String> = "InstanceId",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl View {
    fn of(cx: &Cx<'_>, fleet: &Fleet) -> Result<View, Ec2Error> {
        let is_instant = fleet.kind == INSTANT;
        let excess = if fleet.keeps_excess { "no-termination" } else { "termination" };
        let on_demand = fleet.held(Market::OnDemand);
        Ok(View {
            id: fleet.id.clone(),
            kind: fleet.kind.clone(),
            created: fleet.created.whole_seconds(),
            state: fleet.state.clone(),
            activity: (!fleet.is_deleted()).then(|| fleet.activity.clone()),
            token: fleet.token.clone(),
            excess: (fleet.kind == MAINTAIN).then(|| excess.into()),
            fulfilled: units(on_demand + fleet.held(Market::Spot)),
            on_demand_fulfilled: units(on_demand),
            configs: fleet.configs.iter().map(ConfigShape::of).collect(),
            target: TargetShape::of(&fleet.target),
            ends: fleet.ends,
            from: fleet.from.map(Timestamp::whole_seconds),
            until: fleet.until.map(Timestamp::whole_seconds),
            replaces: fleet.replaces,
            spot: SpotShape::of(fleet),
            on_demand: OnDemandShape::of(fleet),
            tags: tags::view(&register::tags(cx, &fleet.id)?),
            flaws: if is_instant { flaws(fleet) } else { Vec::new() },
            instances: if is_instant { launched(fleet) } else { Vec::new() },
        })
    }
}

/// AWS's page writes these words of filters with hyphens, its answers with underscores.
fn either(word: &str) -> Vec<String> {
    vec![word.to_owned(), word.replace('_', "-")]
}

static FILTERS: &Known<View> = &[
    ("activity-status", |f| f.activity.iter().flat_map(|word| either(word)).collect()),
    ("excess-capacity-termination-policy", |f| f.excess.iter().cloned().collect()),
    ("fleet-state", |f| either(&f.state)),
    ("replace-unhealthy-instances", |f| vec![f.replaces.to_string()]),
    ("type", |f| vec![f.kind.clone()]),
];

fn describe_fleets(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    let mut found = describe::some(cx, &FLEETS, &FLEET, &req.ids)?;
    // AWS: an instant fleet appears only where it is asked for.
    found.retain(|fleet| fleet.role.is_none() && (fleet.kind != INSTANT || !req.ids.is_empty()));
    let views = found.iter().map(|fleet| View::of(cx, fleet)).collect::<Result<_, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (fleets, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Described { fleets, next })
}

/// The fleet, which is none that was told with its request.
fn watched(cx: &Cx<'_>, id: &str, what: &str) -> Result<Fleet, Ec2Error> {
    let fleet = describe::get(cx, &FLEETS, &FLEET, id)?;
    if fleet.kind == INSTANT {
        let what = format!("Fleet {id} is instant fleet. {what} is not supported by this type of fleet");
        return Err(Plain::Unsupported(what).into());
    }
    Ok(fleet)
}

static OF_INSTANCES: &Known<ActiveView> = &[("instance-type", |i| vec![i.kind.clone()])];

/// The machines of a fleet that count.
pub(super) fn active(cx: &mut Cx<'_>, fleet: &Fleet) -> Result<Vec<ActiveView>, Ec2Error> {
    let ids: Vec<String> = fleet.members.iter().map(|member| member.id.clone()).collect();
    let ill = impaired(cx, &ids)?;
    let view = |member: &Member| ActiveView {
        id: member.id.clone(),
        kind: member.kind.clone(),
        request: member.request.clone(),
        health: if ill.contains(&member.id) { "unhealthy" } else { "healthy" }.into(),
    };
    Ok(fleet.members.iter().filter(|member| !member.leaves).map(view).collect())
}

fn instances(cx: &mut Cx<'_>, req: Instances) -> Result<Active, Ec2Error> {
    let fleet = watched(cx, &req.id, "Describe fleet instances")?;
    filter::check(&req.filters, OF_INSTANCES)?;
    let mut views = active(cx, &fleet)?;
    views.retain(|view| filter::passes(view, &[], &req.filters, OF_INSTANCES));
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (instances, next) = page_of(cx, views, ask)?;
    Ok(Active { id: req.id, instances, next })
}

pub(super) fn page_of(
    cx: &Cx<'_>,
    views: Vec<ActiveView>,
    ask: Ask<'_>,
) -> Result<(Vec<ActiveView>, Option<String>), Ec2Error> {
    describe::cut(cx, views, ask, |view| view.id.clone())
}

/// What history is asked for; kinds in the words of the record, and how they are told.
pub(super) struct Past<'a> {
    pub(super) id: &'a str,
    pub(super) kind: Option<&'a str>,
    pub(super) from: Timestamp,
    pub(super) max: Option<i64>,
    pub(super) next: Option<&'a String>,
    pub(super) word: fn(&str) -> String,
}

impl Past<'_> {
    pub(super) fn told(self, cx: &Cx<'_>) -> Result<(Vec<RecordView>, Option<String>), Ec2Error> {
        let place = register::key(cx.account, cx.region, self.id);
        let mut views: Vec<(usize, RecordView)> = Vec::new();
        let all = EVENTS.scan(cx.tx, &place, Direction::Forward);
        let all: Vec<Event> = all.map(|pair| pair.map(|(_, event)| event)).collect::<Result<_, _>>()?;
        for (at, event) in all.into_iter().enumerate() {
            if event.at < self.from || self.kind.is_some_and(|kind| kind != (self.word)(&event.kind)) {
                continue;
            }
            let what = WhatView { description: event.description, sub: event.sub, instance: event.instance };
            views.push((at, RecordView { kind: (self.word)(&event.kind), at: event.at, what }));
        }
        let max = self.max.filter(|max| (1..=EVENTS_MAX).contains(max)).unwrap_or(EVENTS_MAX);
        let position = |(at, view): &(usize, RecordView)| format!("{:020} {at:08}", view.at.seconds());
        let (views, next) = describe::cut(cx, views, Ask::new(&[], Some(max), self.next), position)?;
        Ok((views.into_iter().map(|(_, view)| view).collect(), next))
    }
}

fn history(cx: &mut Cx<'_>, req: History) -> Result<Told, Ec2Error> {
    watched(cx, &req.id, "Describe fleet history")?;
    let past = Past {
        id: &req.id,
        kind: req.kind.as_deref(),
        from: req.from,
        max: req.max,
        next: req.next.as_ref(),
        word: str::to_owned,
    };
    let (records, next) = past.told(cx)?;
    let last = next.is_none().then_some(cx.now);
    Ok(Told { id: req.id, records, from: req.from, last, next })
}
