//! Capacity reservations made, changed, ended and told; and what launches say of them.

use super::run::check_kind;
use crate::ec2::model::{INSTANCES, Instance, Wish};
use crate::ec2::reservation::model::{ACTIVE, CANCELLED, NONE, OPEN, PLATFORM, RESERVATIONS, Reservation};
use crate::ec2::reservation::used;
use crate::ec2::reservation::work::{end, settle};
use base::Timestamp;
use ec2::access::{Access, list};
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::filter::{Filter, Known};
use ec2::kind::CAPACITY_RESERVATION;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token, zone};
use kernel::Cx;

kernel::ops! {
    /// Capacity reservations.
    pub static OPS:
        CreateCapacityReservation: create, "ec2:CreateCapacityReservation", |cx, r| Access::of(cx, r).new(&CAPACITY_RESERVATION).done();
        ModifyCapacityReservation: modify, "ec2:ModifyCapacityReservation", |cx, r| Access::of(cx, r).one(&CAPACITY_RESERVATION, "CapacityReservationId").done();
        CancelCapacityReservation: cancel, "ec2:CancelCapacityReservation", |cx, r| Access::of(cx, r).one(&CAPACITY_RESERVATION, "CapacityReservationId").done();
        DescribeCapacityReservations: describe_all, "ec2:DescribeCapacityReservations", list;
}

/// AWS: machines of one reservation.
const MACHINES_MAX: i64 = 1000;
const LIMITED: &str = "limited";
const UNLIMITED: &str = "unlimited";

wire::shape! {
    /// Of a launch.
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted {
        pub(crate) preference: Option<String> = "CapacityReservationPreference",
        pub(crate) target: Option<Target> = "CapacityReservationTarget",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Target { pub(crate) id: Option<String> = "CapacityReservationId" }

    #[derive(Debug)]
    struct Create {
        token: Option<String> = "ClientToken",
        kind: String = "InstanceType",
        platform: String = "InstancePlatform",
        zone: Option<String> = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        tenancy: Option<String> = "Tenancy",
        count: i64 = "InstanceCount",
        until: Option<Timestamp> = "EndDate",
        ends: Option<String> = "EndDateType",
        criteria: Option<String> = "InstanceMatchCriteria",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Created { reservation: View = "CapacityReservation" }

    #[derive(Debug)]
    struct View {
        id: String = "CapacityReservationId",
        owner: String = "OwnerId",
        arn: String = "CapacityReservationArn",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        kind: String = "InstanceType",
        platform: String = "InstancePlatform",
        tenancy: String = "Tenancy",
        total: i64 = "TotalInstanceCount",
        available: i64 = "AvailableInstanceCount",
        state: String = "State",
        start: Timestamp = "StartDate",
        until: Option<Timestamp> = "EndDate",
        ends: String = "EndDateType",
        criteria: String = "InstanceMatchCriteria",
        created: Timestamp = "CreateDate",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Modify {
        id: String = "CapacityReservationId",
        count: Option<i64> = "InstanceCount",
        until: Option<Timestamp> = "EndDate",
        ends: Option<String> = "EndDateType",
    }

    #[derive(Debug)]
    struct Cancel { id: String = "CapacityReservationId" }

    #[derive(Debug)]
    pub(super) struct Done { pub(super) done: bool = "Return" }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "CapacityReservationIds",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Described {
        reservations: Vec<View> = "CapacityReservations",
        next: Option<String> = "NextToken",
    }
}

impl Wanted {
    /// What a machine wants, once it is checked.
    ///
    /// # Errors
    /// `InvalidParameterCombination`, `InvalidParameterValue`.
    pub(crate) fn wish(asked: Option<&Wanted>) -> Result<Wish, Ec2Error> {
        let Some(asked) = asked else { return Ok(Wish::default()) };
        if asked.preference.is_some() && asked.target.is_some() {
            let what =
                "CapacityReservationPreference and CapacityReservationTarget may not be specified together.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        let target = asked.target.as_ref().map(|target| target.id.clone());
        if target == Some(None) {
            return Err(Plain::MissingParameter("CapacityReservationId".into()).into());
        }
        match asked.preference.as_deref() {
            None | Some(OPEN) => Ok(Wish { none: false, target: target.flatten() }),
            Some(NONE) => Ok(Wish { none: true, target: None }),
            Some(other) => {
                let why = "Of preferences, open and none are built in this version of Virga.";
                Err(Ec2Error::value(other, "capacityReservationPreference", why))
            }
        }
    }

    /// As it is told of a machine.
    pub(crate) fn of(wish: &Wish) -> Wanted {
        let preference = if wish.none { NONE } else { OPEN };
        Wanted {
            preference: wish.target.is_none().then(|| preference.to_owned()),
            target: wish.target.clone().map(|id| Target { id: Some(id) }),
        }
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

fn view(cx: &Cx<'_>, reservation: &Reservation, all: &[Instance]) -> Result<View, Ec2Error> {
    let free = (reservation.total - used(all, reservation)).max(0);
    Ok(View {
        id: reservation.id.clone(),
        owner: cx.account.to_string(),
        arn: register::arn(cx.account, cx.region, CAPACITY_RESERVATION.noun, &reservation.id),
        zone: reservation.zone.clone(),
        zone_id: cx.region.zone_id(&reservation.zone),
        kind: reservation.kind.clone(),
        platform: PLATFORM.into(),
        tenancy: "default".into(),
        total: reservation.total,
        available: if reservation.is_active() { free } else { 0 },
        state: reservation.state.clone(),
        start: reservation.created.whole_seconds(),
        until: reservation.until.map(Timestamp::whole_seconds),
        ends: if reservation.until.is_some() { LIMITED } else { UNLIMITED }.into(),
        criteria: if reservation.targeted { "targeted" } else { OPEN }.into(),
        created: reservation.created.whole_seconds(),
        tags: tags::view(&register::tags(cx, &reservation.id)?),
    })
}

fn keep(cx: &mut Cx<'_>, reservation: &Reservation) {
    RESERVATIONS.put(cx.tx, &register::key(cx.account, cx.region, &reservation.id), reservation);
}

/// When a reservation ends by itself; what is not said stays as it was.
fn until(
    cx: &Cx<'_>,
    (date, kind): (Option<Timestamp>, Option<&String>),
    before: Option<Timestamp>,
) -> Result<Option<Timestamp>, Ec2Error> {
    let apart = |what: &str| Err(Plain::InvalidParameterCombination(what.into()).into());
    match (kind.map(String::as_str), date) {
        (None, None) => Ok(before),
        (Some(UNLIMITED), None) => Ok(None),
        (Some(UNLIMITED), Some(_)) => apart("EndDate may not be specified where EndDateType is unlimited."),
        (Some(_), None) => apart("EndDate must be specified where EndDateType is limited."),
        (_, Some(date)) if date <= cx.now => {
            Err(Ec2Error::value(date.iso8601(), "endDate", "It must be in the future."))
        }
        // AWS: a date needs the type that goes with it, where there was none.
        (None, Some(_)) if before.is_none() => {
            apart("EndDateType must be limited where EndDate is specified.")
        }
        (_, Some(date)) => Ok(Some(date)),
    }
}

fn check_count(count: i64) -> Result<(), Ec2Error> {
    if (1..=MACHINES_MAX).contains(&count) {
        return Ok(());
    }
    Err(Ec2Error::value(count, "instanceCount", &format!("Specify 1 to {MACHINES_MAX}.")))
}

fn zone_of(cx: &Cx<'_>, req: &Create) -> Result<String, Ec2Error> {
    let missing = || Plain::MissingParameter("AvailabilityZone".into());
    let asked = req.zone.as_ref().or(req.zone_id.as_ref()).ok_or_else(missing)?;
    let is_it = |name: &String| {
        let named = req.zone.as_ref().is_none_or(|zone| zone == name);
        let by_id = req.zone_id.as_ref().is_none_or(|id| cx.region.zone_id(name).as_ref() == Some(id));
        named && by_id
    };
    cx.region.zones().find(is_it).ok_or_else(|| Plain::InvalidZone(asked.clone()).into())
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &CAPACITY_RESERVATION, &[&CAPACITY_RESERVATION])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let found = describe::get(cx, &RESERVATIONS, &CAPACITY_RESERVATION, &id)?;
        let all = describe::all(cx, &INSTANCES)?;
        return Ok(Created { reservation: view(cx, &found, &all)? });
    }
    check_kind(&req.kind)?;
    check_count(req.count)?;
    if req.platform != PLATFORM {
        let why = "Machines of this cloud have the platform Linux/UNIX.";
        return Err(Ec2Error::value(&req.platform, "instancePlatform", why));
    }
    if let Some(other) = req.tenancy.as_ref().filter(|tenancy| *tenancy != "default") {
        let why = "Only the default tenancy is built in this version of Virga.";
        return Err(Ec2Error::value(other, "tenancy", why));
    }
    let zone = zone_of(cx, &req)?;
    zone::capacity(cx, &zone, &req.kind)?;
    let reservation = Reservation {
        id: CAPACITY_RESERVATION.id(cx.rng()),
        kind: req.kind.clone(),
        zone,
        total: req.count,
        targeted: req.criteria.as_deref() == Some("targeted"),
        state: ACTIVE.into(),
        created: cx.now,
        until: until(cx, (req.until, req.ends.as_ref()), None)?,
        ended: None,
    };
    keep(cx, &reservation);
    register::enter(cx, &CAPACITY_RESERVATION, &reservation.id, &own, &[]);
    token::keep(cx, req.token.as_ref(), &req, &reservation.id);
    settle(cx, &reservation)?;
    let all = describe::all(cx, &INSTANCES)?;
    Ok(Created { reservation: view(cx, &reservation, &all)? })
}

fn active(cx: &Cx<'_>, id: &str) -> Result<Reservation, Ec2Error> {
    let found = describe::get(cx, &RESERVATIONS, &CAPACITY_RESERVATION, id)?;
    if found.is_active() {
        return Ok(found);
    }
    Err(Plain::InvalidCapacityReservationState(found.id, found.state).into())
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Done, Ec2Error> {
    let mut reservation = active(cx, &req.id)?;
    if let Some(count) = req.count {
        check_count(count)?;
        let held = used(&describe::all(cx, &INSTANCES)?, &reservation);
        if count < held {
            let why = format!("{held} instances run in the Capacity Reservation.");
            return Err(Ec2Error::value(count, "instanceCount", &why));
        }
        if count > reservation.total {
            zone::capacity(cx, &reservation.zone, &reservation.kind)?;
        }
        reservation.total = count;
    }
    reservation.until = until(cx, (req.until, req.ends.as_ref()), reservation.until)?;
    keep(cx, &reservation);
    settle(cx, &reservation)?;
    Ok(Done { done: true })
}

fn cancel(cx: &mut Cx<'_>, req: Cancel) -> Result<Done, Ec2Error> {
    let mut reservation = active(cx, &req.id)?;
    end(cx, &mut reservation, CANCELLED)?;
    Ok(Done { done: true })
}

static FILTERS: &Known<View> = &[
    ("availability-zone", |r| vec![r.zone.clone()]),
    ("end-date", |r| r.until.iter().map(|at| at.iso8601()).collect()),
    ("end-date-type", |r| vec![r.ends.clone()]),
    ("instance-match-criteria", |r| vec![r.criteria.clone()]),
    ("instance-platform", |r| vec![r.platform.clone()]),
    ("instance-type", |r| vec![r.kind.clone()]),
    ("outpost-arn", |_| Vec::new()),
    ("owner-id", |r| vec![r.owner.clone()]),
    ("placement-group-arn", |_| Vec::new()),
    ("start-date", |r| vec![r.start.iso8601()]),
    ("state", |r| vec![r.state.clone()]),
    ("tenancy", |r| vec![r.tenancy.clone()]),
];

fn describe_all(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    ids_or_pages(&req.ids, "capacityReservationIds", req.max)?;
    let found = describe::some(cx, &RESERVATIONS, &CAPACITY_RESERVATION, &req.ids)?;
    let all = describe::all(cx, &INSTANCES)?;
    let views = found.iter().map(|one| view(cx, one, &all)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (reservations, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Described { reservations, next })
}
