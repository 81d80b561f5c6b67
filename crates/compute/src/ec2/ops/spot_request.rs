//! Requests for spot machines. [`crate::ec2::spot::work`] brings them on.

use super::disks::{Ebs, Mapping};
use super::profile::{self, Named};
use super::run::{Plug, Run, check_kind, image_target, key_target};
use super::spot_rules::role;
use super::{call, list, text, texts};
use crate::ec2::kinds;
use crate::ec2::machinery::Machinery;
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::news;
use crate::ec2::spot::model::{
    ACTIVE, CANCELED, CANCELLED, CLOSED, DISABLED, ENDED_BY_SERVICE, OPEN, REQUESTS, Request, STILL_RUNNING,
};
use crate::ec2::spot::price;
use crate::ec2::spot::terms::{Said, Terms, product};
use crate::ec2::template::{kept, members};
use base::Timestamp;
use base::tag::Tags;
use ec2::access::{self, Access};
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::filter::{Filter, Known};
use ec2::kind::{NETWORK_INTERFACE, SECURITY_GROUP, SNAPSHOT, SPOT_REQUEST, SUBNET};
use ec2::shapes::GroupView;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Target};
use std::time::Duration;
use wire::{Fault, FromValue, Struct, Value};

kernel::ops! {
    /// Spot requests.
    pub static OPS:
        RequestSpotInstances: request, "ec2:RequestSpotInstances", requesting;
        DescribeSpotInstanceRequests: describe_requests, "ec2:DescribeSpotInstanceRequests", access::list;
        CancelSpotInstanceRequests: cancel, "ec2:CancelSpotInstanceRequests", |cx, r| Access::of(cx, r).many(&SPOT_REQUEST, "SpotInstanceRequestIds").done();
}

/// As for one launch.
const REQUESTS_MAX: i64 = 100;
/// AWS: a one-time request is valid for seven days, unless it says otherwise.
const VALID: Duration = Duration::from_secs(7 * 24 * 3600);

wire::shape! {
    #[derive(Debug)]
    struct Wish {
        launch: Option<Specification> = "LaunchSpecification",
        tags: Vec<TagSpecification> = "TagSpecifications",
        behaviour: Option<String> = "InstanceInterruptionBehavior",
        max: Option<String> = "SpotPrice",
        token: Option<String> = "ClientToken",
        count: Option<i64> = "InstanceCount",
        kind: Option<String> = "Type",
        from: Option<Timestamp> = "ValidFrom",
        until: Option<Timestamp> = "ValidUntil",
        block: Option<i64> = "BlockDurationMinutes",
    }

    /// What is launched; a launch has the same members.
    #[derive(Clone, Debug)]
    struct Specification {
        groups: Vec<String> = "SecurityGroupIds",
        disks: Vec<Mapping> = "BlockDeviceMappings",
        profile: Option<Named> = "IamInstanceProfile",
        image: Option<String> = "ImageId",
        kind: Option<String> = "InstanceType",
        key_name: Option<String> = "KeyName",
        interfaces: Vec<Plug> = "NetworkInterfaces",
        placement: Option<SpotPlacement> = "Placement",
        subnet: Option<String> = "SubnetId",
        user_data: Option<String> = "UserData",
    }

    /// Of a request that may wait: what it can say of where its machine is to be.
    #[derive(Clone, Debug)]
    struct SpotPlacement {
        zone: Option<String> = "AvailabilityZone",
        group: Option<String> = "GroupName",
        tenancy: Option<String> = "Tenancy",
    }

    #[derive(Debug)]
    struct SpecificationView {
        groups: Vec<GroupView> = "SecurityGroups",
        disks: Vec<Mapping> = "BlockDeviceMappings",
        profile: Option<Named> = "IamInstanceProfile",
        image: Option<String> = "ImageId",
        kind: Option<String> = "InstanceType",
        key_name: Option<String> = "KeyName",
        interfaces: Vec<Plug> = "NetworkInterfaces",
        placement: Option<SpotPlacement> = "Placement",
        subnet: Option<String> = "SubnetId",
        user_data: Option<String> = "UserData",
    }

    #[derive(Debug)]
    struct Requested { requests: Vec<View> = "SpotInstanceRequests" }

    #[derive(Debug)]
    struct View {
        id: String = "SpotInstanceRequestId",
        kind: String = "Type",
        state: String = "State",
        status: StatusView = "Status",
        fault: Option<FaultView> = "Fault",
        created: Timestamp = "CreateTime",
        from: Option<Timestamp> = "ValidFrom",
        until: Option<Timestamp> = "ValidUntil",
        price: String = "SpotPrice",
        product: String = "ProductDescription",
        behaviour: String = "InstanceInterruptionBehavior",
        instance: Option<String> = "InstanceId",
        zone: Option<String> = "LaunchedAvailabilityZone",
        zone_id: Option<String> = "LaunchedAvailabilityZoneId",
        launch: SpecificationView = "LaunchSpecification",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct StatusView {
        code: String = "Code",
        message: String = "Message",
        at: Timestamp = "UpdateTime",
    }

    #[derive(Debug)]
    struct FaultView {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "SpotInstanceRequestIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        requests: Vec<View> = "SpotInstanceRequests",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Cancel { ids: Vec<String> = "SpotInstanceRequestIds" }

    #[derive(Debug)]
    struct Cancelled { requests: Vec<CancelledView> = "CancelledSpotInstanceRequests" }

    #[derive(Debug)]
    struct CancelledView {
        id: String = "SpotInstanceRequestId",
        state: String = "State",
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
    fn of(cx: &mut Cx<'_>, request: Request) -> Result<View, Ec2Error> {
        let launch: Specification = kept(&request.launch).ok_or(Plain::InternalError)?;
        let highest = kinds::find(&request.kind).map_or(0, |kind| kind.price);
        Ok(View {
            kind: if request.persistent { "persistent" } else { "one-time" }.into(),
            status: StatusView {
                code: request.code,
                message: request.message,
                at: request.updated.whole_seconds(),
            },
            fault: request.fault.map(|(code, message)| FaultView { code, message }),
            created: request.created.whole_seconds(),
            from: request.from.map(Timestamp::whole_seconds),
            until: request.until.map(Timestamp::whole_seconds),
            price: price::text(request.max.unwrap_or(highest)),
            product: product(),
            behaviour: if request.stops { "stop" } else { "terminate" }.into(),
            zone_id: request.zone.as_ref().and_then(|zone| cx.region.zone_id(zone)),
            launch: SpecificationView {
                groups: groups(cx, &launch.groups)?,
                disks: launch.disks,
                profile: launch.profile,
                image: launch.image,
                kind: Some(request.kind),
                key_name: launch.key_name,
                interfaces: launch.interfaces,
                placement: launch.placement,
                subnet: launch.subnet,
                user_data: launch.user_data,
            },
            tags: tags::view(&register::tags(cx, &request.id)?),
            state: request.state,
            instance: request.instance,
            zone: request.zone,
            id: request.id,
        })
    }
}

/// Groups with the names that they have, where they are still there.
fn groups(cx: &mut Cx<'_>, ids: &[String]) -> Result<Vec<GroupView>, Ec2Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let filter = [("Name", Value::str("group-id")), ("Values", texts(ids))];
    let filters = Value::List(vec![Value::Struct(filter.into_iter().collect())]);
    let found = call(cx, "DescribeSecurityGroups", [("Filters", filters)])?;
    let group = |group: &Value| GroupView { id: text(group, "GroupId"), name: text(group, "GroupName") };
    Ok(list(&found, "SecurityGroups").iter().map(group).collect())
}

/// Writes a request.
pub(crate) fn keep(cx: &mut Cx<'_>, request: &Request) {
    REQUESTS.put(cx.tx, &register::key(cx.account, cx.region, &request.id), request);
}

/// The request that a launch makes with its machine; its id.
pub(crate) fn fulfilled(
    cx: &mut Cx<'_>,
    terms: &Terms,
    run: &Run,
    instance: &Instance,
    own: &Tags,
) -> String {
    let mut request = Request::new(SPOT_REQUEST.id(cx.rng()), terms, cx.now);
    request.launch = run.again();
    request.kind.clone_from(&instance.kind);
    request.batch.clone_from(&request.id);
    request.is_fulfilled(&instance.id, &instance.zone, cx.now);
    keep(cx, &request);
    register::enter(cx, &SPOT_REQUEST, &request.id, own, &[]);
    news::fulfilled(cx, &request.id, &instance.id);
    request.id
}

/// What a request is about: itself, and whatever its launch names.
fn requesting(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let launch = request.get("LaunchSpecification").and_then(Value::as_struct).cloned().unwrap_or_default();
    let profile = profile::asked(cx, launch.get("IamInstanceProfile"));
    let image = launch.str("ImageId").map(|id| image_target(cx, id));
    let pair = launch.str("KeyName").map(|name| key_target(cx, name));
    let mut access = Access::of(cx, request).new(&SPOT_REQUEST).target_if(image).target_if(pair);
    let plugs = launch.get("NetworkInterfaces").and_then(Value::as_list).unwrap_or_default();
    let name = |value: &Value, member: &str| value.member(member).and_then(Value::as_str).map(str::to_owned);
    let own = launch.str("SubnetId").map(str::to_owned);
    let subnets = own.into_iter().chain(plugs.iter().filter_map(|plug| name(plug, "SubnetId")));
    for id in subnets.collect::<Vec<_>>() {
        access = access.id(&SUBNET, &id);
    }
    for id in plugs.iter().filter_map(|plug| name(plug, "NetworkInterfaceId")) {
        access = access.id(&NETWORK_INTERFACE, &id);
    }
    let named = launch.get("SecurityGroupIds").and_then(Value::as_list).unwrap_or_default();
    let groups = named.iter().chain(plugs.iter().flat_map(|plug| list(plug, "Groups")));
    for id in groups.filter_map(Value::as_str) {
        access = access.id(&SECURITY_GROUP, id);
    }
    let mappings = launch.get("BlockDeviceMappings").and_then(Value::as_list).unwrap_or_default();
    for id in mappings.iter().filter_map(|mapping| name(mapping.member("Ebs")?, "SnapshotId")) {
        access = access.id(&SNAPSHOT, &id);
    }
    access.target_if(profile.and_then(|profile| profile.pass)).done()
}

fn request(cx: &mut Cx<'_>, req: Wish) -> Result<Requested, Ec2Error> {
    if let Some(batch) = token::made(cx, req.token.as_ref(), &req)? {
        let mut same = describe::all(cx, &REQUESTS)?;
        same.retain(|request| request.batch == batch);
        return Ok(Requested { requests: views(cx, same)? });
    }
    let own = tags::of_new(cx.caller, &req.tags, &SPOT_REQUEST, &[&SPOT_REQUEST])?;
    let said = Said {
        max: req.max.as_ref(),
        kind: req.kind.as_ref(),
        block: req.block,
        behaviour: req.behaviour.as_ref(),
        from: req.from,
        until: req.until,
    };
    let mut terms = said.terms(cx.now)?;
    if !terms.persistent && terms.until.is_none() {
        terms.until = Some(cx.now.plus(VALID));
    }
    let count = req.count.unwrap_or(1);
    if !(1..=REQUESTS_MAX).contains(&count) {
        return Err(Ec2Error::value(count, "instanceCount", &format!("Specify 1 to {REQUESTS_MAX}.")));
    }
    let missing = |name: &str| Ec2Error::from(Plain::MissingParameter(name.into()));
    let launch = req.launch.clone().ok_or_else(|| missing("LaunchSpecification"))?;
    if launch.image.is_none() {
        return Err(missing("LaunchSpecification.ImageId"));
    }
    let kind = launch.kind.clone().ok_or_else(|| missing("LaunchSpecification.InstanceType"))?;
    check_kind(&kind)?;
    cx.memory::<Machinery>().possible()?;
    role(cx)?;
    let mut whole = members(launch);
    whole.set("MinCount", Value::Int(1));
    whole.set("MaxCount", Value::Int(1));
    let run = Run::from_value(Value::Struct(whole)).map_err(|_| Plain::InternalError)?;
    let mut made: Vec<Request> = Vec::new();
    for _ in 0..count {
        let mut request = Request::new(SPOT_REQUEST.id(cx.rng()), &terms, cx.now);
        request.launch = run.again();
        request.kind.clone_from(&kind);
        request.batch = made.first().map_or_else(|| request.id.clone(), |first| first.id.clone());
        keep(cx, &request);
        register::enter(cx, &SPOT_REQUEST, &request.id, &own, &[]);
        made.push(request);
    }
    if let Some(first) = made.first() {
        token::keep(cx, req.token.as_ref(), &req, &first.id);
    }
    Ok(Requested { requests: views(cx, made)? })
}

fn views(cx: &mut Cx<'_>, all: Vec<Request>) -> Result<Vec<View>, Ec2Error> {
    all.into_iter().map(|request| View::of(cx, request)).collect()
}

fn maybe(text: &Option<String>) -> Vec<String> {
    text.iter().cloned().collect()
}

fn of_disks(view: &View, read: fn(&Ebs) -> Option<String>) -> Vec<String> {
    view.launch.disks.iter().filter_map(|mapping| read(mapping.ebs.as_ref()?)).collect()
}

fn of_plugs(view: &View, read: fn(&Plug) -> Option<String>) -> Vec<String> {
    view.launch.interfaces.iter().filter_map(read).collect()
}

static FILTERS: &Known<View> = &[
    // Requests are of no group of zones and of launches.
    ("availability-zone-group", |_| Vec::new()),
    ("launch-group", |_| Vec::new()),
    ("launch.block-device-mapping.delete-on-termination", |r| {
        of_disks(r, |ebs| Some(ebs.delete.unwrap_or(true).to_string()))
    }),
    ("launch.block-device-mapping.device-name", |r| {
        r.launch.disks.iter().filter_map(|mapping| mapping.device.clone()).collect()
    }),
    ("launch.block-device-mapping.snapshot-id", |r| of_disks(r, |ebs| ebs.snapshot.clone())),
    ("launch.block-device-mapping.volume-size", |r| of_disks(r, |ebs| Some(ebs.size?.to_string()))),
    ("launch.block-device-mapping.volume-type", |r| of_disks(r, |ebs| ebs.kind.clone())),
    ("launch.kernel-id", |_| Vec::new()),
    ("launch.ramdisk-id", |_| Vec::new()),
    ("network-interface.addresses.primary", |r| {
        of_plugs(r, |plug| plug.address.as_ref().map(|_| "true".into()))
    }),
    ("network-interface.delete-on-termination", |r| {
        of_plugs(r, |plug| Some(plug.delete.unwrap_or(plug.id.is_none()).to_string()))
    }),
    ("network-interface.description", |r| of_plugs(r, |plug| plug.description.clone())),
    ("network-interface.device-index", |r| of_plugs(r, |plug| Some(plug.device?.to_string()))),
    ("network-interface.group-id", |r| {
        r.launch.interfaces.iter().flat_map(|plug| plug.groups.clone()).collect()
    }),
    ("network-interface.private-ip-address", |r| of_plugs(r, |plug| plug.address.clone())),
    ("create-time", |r| vec![r.created.iso8601()]),
    ("fault-code", |r| r.fault.iter().map(|fault| fault.code.clone()).collect()),
    ("fault-message", |r| r.fault.iter().map(|fault| fault.message.clone()).collect()),
    ("instance-id", |r| maybe(&r.instance)),
    ("launch.group-id", |r| r.launch.groups.iter().map(|group| group.id.clone()).collect()),
    ("launch.group-name", |r| r.launch.groups.iter().map(|group| group.name.clone()).collect()),
    ("launch.image-id", |r| maybe(&r.launch.image)),
    ("launch.instance-type", |r| maybe(&r.launch.kind)),
    ("launch.key-name", |r| maybe(&r.launch.key_name)),
    ("launched-availability-zone", |r| maybe(&r.zone)),
    ("launched-availability-zone-id", |r| maybe(&r.zone_id)),
    ("network-interface.network-interface-id", |r| {
        r.launch.interfaces.iter().filter_map(|plug| plug.id.clone()).collect()
    }),
    ("network-interface.subnet-id", |r| {
        r.launch.interfaces.iter().filter_map(|plug| plug.subnet.clone()).collect()
    }),
    ("product-description", |r| vec![r.product.clone()]),
    ("spot-instance-request-id", |r| vec![r.id.clone()]),
    ("spot-price", |r| vec![r.price.clone()]),
    ("state", |r| vec![r.state.clone()]),
    ("status-code", |r| vec![r.status.code.clone()]),
    ("status-message", |r| vec![r.status.message.clone()]),
    ("type", |r| vec![r.kind.clone()]),
    ("valid-from", |r| r.from.iter().map(|at| at.iso8601()).collect()),
    ("valid-until", |r| r.until.iter().map(|at| at.iso8601()).collect()),
];

fn describe_requests(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    ids_or_pages(&req.ids, "spotInstanceRequestIdSet", req.max)?;
    let found = describe::some(cx, &REQUESTS, &SPOT_REQUEST, &req.ids)?;
    let views = views(cx, found)?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (requests, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Described { requests, next })
}

/// AWS: machines go on running, but for those that are stopped, which are terminated.
fn cancel(cx: &mut Cx<'_>, req: Cancel) -> Result<Cancelled, Ec2Error> {
    if req.ids.is_empty() {
        return Err(Plain::MissingParameter("SpotInstanceRequestId".into()).into());
    }
    let mut out = Vec::new();
    for mut request in describe::some(cx, &REQUESTS, &SPOT_REQUEST, &req.ids)? {
        withdraw(cx, &mut request)?;
        let state = if request.state == CANCELLED { CANCELLED } else { CLOSED };
        out.push(CancelledView { id: request.id, state: state.into() });
    }
    Ok(Cancelled { requests: out })
}

/// Ends a request, and its machine where that is stopped.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn withdraw(cx: &mut Cx<'_>, request: &mut Request) -> Result<(), Ec2Error> {
    match request.state.as_str() {
        OPEN => request.is_at(CANCELLED, CANCELED, cx.now),
        ACTIVE => request.is_at(CANCELLED, STILL_RUNNING, cx.now),
        DISABLED => {
            let key = request.instance.as_ref().map(|id| register::key(cx.account, cx.region, id));
            let found = key.map(|key| INSTANCES.get(cx.tx, &key)).transpose()?.flatten();
            if let Some(mut instance) = found.filter(|instance| instance.state == state::STOPPED) {
                instance.enter(state::SHUTTING_DOWN, cx.now, Some(crate::ec2::errors::SPOT_TERMINATION));
                super::state::keep(cx, &instance, state::STOPPED);
            }
            request.is_at(CANCELLED, ENDED_BY_SERVICE, cx.now);
        }
        _ => return Ok(()),
    }
    keep(cx, request);
    Ok(())
}
