//! DescribeInstances and DescribeInstanceStatus.

mod filters;

use super::disks;
use super::profile::ProfileView;
use super::reservation::Wanted as Reserved;
use super::run::Hibernation;
use super::{call, list, some, text, texts};
use super::{metadata, monitoring};
use crate::ec2::cpus;
use crate::ec2::image::architecture;
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::names;
use crate::ec2::placement;
use crate::ec2::reservation;
use crate::ec2::upkeep;
use base::Timestamp;
use ec2::access;
use ec2::attachment;
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::disk::ROOT;
use ec2::filter::{Filter, Known};
use ec2::kind::INSTANCE;
use ec2::shapes::{GroupView, Operator};
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, public, register, zone};
use filters::FILTERS;
use kernel::Cx;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use wire::Value;

kernel::ops! {
    /// What there is.
    pub static OPS:
        DescribeInstances: describe_instances, "ec2:DescribeInstances", access::list;
        DescribeInstanceStatus: describe_status, "ec2:DescribeInstanceStatus", access::list;
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "InstanceIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        reservations: Vec<Reservation> = "Reservations",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Reservation {
        id: String = "ReservationId",
        owner: String = "OwnerId",
        /// AWS: of networks before there were VPCs.
        groups: Vec<GroupView> = "Groups",
        instances: Vec<View> = "Instances",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct StateView {
        pub(crate) code: i64 = "Code",
        pub(crate) name: String = "Name",
    }

    #[derive(Debug)]
    struct Reason {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct Placement {
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        group_id: Option<String> = "GroupId",
        group: String = "GroupName",
        partition: Option<i64> = "PartitionNumber",
        tenancy: String = "Tenancy",
    }

    #[derive(Debug)]
    struct Interface {
        id: String = "NetworkInterfaceId",
        mac: String = "MacAddress",
        address: Option<String> = "PrivateIpAddress",
        dns: Option<String> = "PrivateDnsName",
        addresses: Vec<Private> = "PrivateIpAddresses",
        ipv6: Vec<Ipv6> = "Ipv6Addresses",
        kind: String = "InterfaceType",
        subnet: String = "SubnetId",
        vpc: String = "VpcId",
        owner: String = "OwnerId",
        status: String = "Status",
        description: String = "Description",
        check: bool = "SourceDestCheck",
        groups: Vec<GroupView> = "Groups",
        attachment: Attached = "Attachment",
        association: Option<Association> = "Association",
        operator: Operator = "Operator",
    }

    #[derive(Debug)]
    struct Private {
        association: Option<Association> = "Association",
        primary: bool = "Primary",
        dns: Option<String> = "PrivateDnsName",
        address: String = "PrivateIpAddress",
    }

    #[derive(Debug)]
    struct Ipv6 { address: String = "Ipv6Address" }

    #[derive(Debug)]
    struct Attached {
        at: Timestamp = "AttachTime",
        card: i64 = "NetworkCardIndex",
        id: String = "AttachmentId",
        delete: bool = "DeleteOnTermination",
        device: i64 = "DeviceIndex",
        status: String = "Status",
    }

    #[derive(Debug)]
    struct Association {
        owner: String = "IpOwnerId",
        dns: String = "PublicDnsName",
        address: String = "PublicIp",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        id: String = "InstanceId",
        image: String = "ImageId",
        state: StateView = "State",
        reason: Option<Reason> = "StateReason",
        transition: String = "StateTransitionReason",
        private_dns: String = "PrivateDnsName",
        public_dns: String = "PublicDnsName",
        key: Option<String> = "KeyName",
        index: i64 = "AmiLaunchIndex",
        kind: String = "InstanceType",
        launched: Timestamp = "LaunchTime",
        placement: Placement = "Placement",
        subnet: Option<String> = "SubnetId",
        vpc: Option<String> = "VpcId",
        address: Option<String> = "PrivateIpAddress",
        public: Option<String> = "PublicIpAddress",
        architecture: String = "Architecture",
        token: Option<String> = "ClientToken",
        groups: Vec<GroupView> = "SecurityGroups",
        interfaces: Vec<Interface> = "NetworkInterfaces",
        metadata: metadata::View = "MetadataOptions",
        monitoring: monitoring::View = "Monitoring",
        hibernation: Option<Hibernation> = "HibernationOptions",
        profile: Option<ProfileView> = "IamInstanceProfile",
        lifecycle: Option<String> = "InstanceLifecycle",
        spot: Option<String> = "SpotInstanceRequestId",
        reserved: Option<String> = "CapacityReservationId",
        wish: Reserved = "CapacityReservationSpecification",
        disks: Vec<disks::View> = "BlockDeviceMappings",
        root_name: Option<String> = "RootDeviceName",
        root_kind: String = "RootDeviceType",
        /// AWS: of all instances, also those of its newer hypervisor.
        visor: String = "Hypervisor",
        virtualization: String = "VirtualizationType",
        optimized: bool = "EbsOptimized",
        ena: bool = "EnaSupport",
        check: Option<bool> = "SourceDestCheck",
        ipv6: Option<String> = "Ipv6Address",
        boots: String = "CurrentInstanceBootMode",
        platform: Option<String> = "PlatformDetails",
        usage: Option<String> = "UsageOperation",
        usage_at: Option<Timestamp> = "UsageOperationUpdateTime",
        enclave: Enclave = "EnclaveOptions",
        names: names::View = "PrivateDnsNameOptions",
        cpus: Option<cpus::View> = "CpuOptions",
        upkeep: upkeep::View = "MaintenanceOptions",
        bandwidth: Option<upkeep::Bandwidth> = "NetworkPerformanceOptions",
        operator: Operator = "Operator",
        codes: Vec<Code> = "ProductCodes",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Enclave { enabled: bool = "Enabled" }

    #[derive(Debug)]
    struct Code { id: String = "ProductCodeId" }

    #[derive(Debug)]
    struct DescribeStatus {
        ids: Vec<String> = "InstanceIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
        all: Option<bool> = "IncludeAllInstances",
    }

    #[derive(Debug)]
    struct Statuses {
        statuses: Vec<Status> = "InstanceStatuses",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Status {
        id: String = "InstanceId",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        state: StateView = "InstanceState",
        instance: Summary = "InstanceStatus",
        system: Summary = "SystemStatus",
    }

    #[derive(Debug)]
    struct Summary {
        status: String = "Status",
        details: Vec<Detail> = "Details",
    }

    #[derive(Clone, Debug)]
    struct Detail {
        name: String = "Name",
        status: String = "Status",
        since: Option<Timestamp> = "ImpairedSince",
    }
}

/// What is seen of an instance, and what is only asked about.
struct Seen {
    view: View,
    reservation: String,
    owner: String,
    /// The interfaces, as networks describe them.
    interfaces: Vec<Value>,
}

impl Item for Seen {
    fn id(&self) -> &str {
        &self.view.id
    }

    fn tags(&self) -> &[Tag] {
        &self.view.tags
    }
}

impl Item for Status {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

impl Placement {
    fn of(cx: &Cx<'_>, instance: &Instance) -> Result<Placement, Ec2Error> {
        let group = placement::of(cx, instance)?;
        Ok(Placement {
            zone: instance.zone.clone(),
            zone_id: cx.region.zone_id(&instance.zone),
            group_id: group.as_ref().map(|group| group.id.clone()),
            group: group.map(|group| group.name).unwrap_or_default(),
            partition: (instance.partition > 0).then_some(instance.partition),
            tenancy: placement::tenancy(instance).into(),
        })
    }
}

pub(crate) fn state_view(code: i64) -> StateView {
    StateView { code, name: state::word(code).into() }
}

/// `ip-10-0-1-5.ec2.internal`, or with the region elsewhere than in us-east-1.
pub(crate) fn private_dns(cx: &Cx<'_>, address: &str) -> String {
    let name = address.replace('.', "-");
    match cx.region.name() {
        "us-east-1" => format!("ip-{name}.ec2.internal"),
        region => format!("ip-{name}.{region}.compute.internal"),
    }
}

pub(crate) fn groups(interface: &Value) -> Vec<GroupView> {
    let group = |group: &Value| GroupView { id: text(group, "GroupId"), name: text(group, "GroupName") };
    list(interface, "Groups").iter().map(group).collect()
}

fn association(cx: &Cx<'_>, found: &Value) -> Option<Association> {
    let found = found.member("Association")?;
    let address = text(found, "PublicIp");
    let dns = public::dns_name(cx.region, address.parse::<Ipv4Addr>().ok()?);
    Some(Association { owner: text(found, "IpOwnerId"), dns, address })
}

fn interface(cx: &Cx<'_>, found: &Value) -> Result<Option<Interface>, Ec2Error> {
    let id = text(found, "NetworkInterfaceId");
    let Some(attached) = attachment::of(cx.tx, cx.account, cx.region, &id)? else { return Ok(None) };
    let private = |one: &Value| Private {
        association: association(cx, one),
        primary: one.member("Primary").and_then(Value::as_bool).unwrap_or_default(),
        dns: some(one, "PrivateDnsName"),
        address: text(one, "PrivateIpAddress"),
    };
    let ipv6 = |one: &Value| Ipv6 { address: text(one, "Ipv6Address") };
    Ok(Some(Interface {
        id,
        dns: some(found, "PrivateDnsName"),
        addresses: list(found, "PrivateIpAddresses").iter().map(private).collect(),
        ipv6: list(found, "Ipv6Addresses").iter().map(ipv6).collect(),
        kind: text(found, "InterfaceType"),
        mac: text(found, "MacAddress"),
        address: some(found, "PrivateIpAddress"),
        subnet: text(found, "SubnetId"),
        vpc: text(found, "VpcId"),
        owner: text(found, "OwnerId"),
        status: text(found, "Status"),
        description: text(found, "Description"),
        check: found.member("SourceDestCheck").and_then(Value::as_bool).unwrap_or(true),
        groups: groups(found),
        attachment: Attached {
            at: attached.at.whole_seconds(),
            card: attached.card_index,
            id: attached.id,
            delete: attached.delete_on_termination,
            device: attached.device_index,
            status: attached.status,
        },
        association: association(cx, found),
        operator: Operator::NONE,
    }))
}

/// What is seen of instances; their interfaces are the network's to describe.
fn views(cx: &mut Cx<'_>, found: Vec<Instance>) -> Result<Vec<Seen>, Ec2Error> {
    let ids: Vec<&String> = found.iter().flat_map(|instance| &instance.interfaces).collect();
    let mut all = BTreeMap::new();
    // Without ids it would be all there are.
    if !ids.is_empty() {
        let answer = call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", texts(ids))])?;
        for one in list(&answer, "NetworkInterfaces") {
            all.extend(interface(cx, one)?.map(|view| (view.id.clone(), (view, one.clone()))));
        }
    }
    let mut attached = disks::all(cx)?;
    let mut out = Vec::new();
    for instance in found {
        let own = instance.interfaces.iter().filter_map(|id| all.remove(id));
        let (interfaces, described): (Vec<Interface>, Vec<Value>) = own.unzip();
        let disks = attached.remove(&instance.id).unwrap_or_default();
        let (owner, reservation) = (cx.account.to_string(), instance.reservation.clone());
        let view = view(cx, instance, interfaces, disks)?;
        out.push(Seen { view, reservation, owner, interfaces: described });
    }
    Ok(out)
}

/// Why the state last changed, in a few words.
fn transition(instance: &Instance) -> String {
    match &instance.reason {
        Some((code, _)) if code.starts_with("Client.User") => {
            let at = instance.since.whole_seconds().iso8601().replace('T', " ").replace('Z', " GMT");
            format!("User initiated ({at})")
        }
        Some((code, _)) if code.starts_with("Server.Spot") => code.clone(),
        _ => String::new(),
    }
}

fn view(
    cx: &Cx<'_>,
    instance: Instance,
    interfaces: Vec<Interface>,
    disks: Vec<disks::View>,
) -> Result<View, Ec2Error> {
    let first = interfaces.first();
    let association = first.and_then(|first| first.association.as_ref());
    let public = association.map(|a| a.address.clone());
    let dns = association.map(|a| a.dns.clone());
    let there = instance.state != state::TERMINATED;
    let takes_room = reservation::takes_room(&instance);
    let metadata = metadata::View::of(&instance);
    let monitoring = monitoring::View::of(&instance);
    let place = Placement::of(cx, &instance)?;
    let name = names::host_name(cx, &instance);
    let (cpus, upkeep) = (cpus::view(&instance), upkeep::View::of(&instance));
    Ok(View {
        state: state_view(instance.state),
        transition: transition(&instance),
        reason: instance.reason.map(|(code, message)| Reason { code, message }),
        private_dns: if there { name } else { String::new() },
        public_dns: dns.unwrap_or_default(),
        image: instance.image,
        key: instance.key_name,
        index: instance.index,
        kind: instance.kind,
        launched: instance.launched.whole_seconds(),
        placement: place,
        subnet: there.then_some(instance.subnet),
        vpc: there.then_some(instance.vpc),
        address: Some(instance.address).filter(|address| there && !address.is_empty()),
        public,
        architecture: architecture().into(),
        token: instance.token,
        groups: first.map(|first| first.groups.clone()).unwrap_or_default(),
        check: first.map(|first| first.check),
        ipv6: first.and_then(|first| first.ipv6.first()).map(|ipv6| ipv6.address.clone()),
        interfaces,
        metadata,
        monitoring,
        hibernation: Some(Hibernation { configured: Some(false) }),
        profile: instance.profile.as_ref().map(ProfileView::of),
        lifecycle: instance.spot.as_ref().map(|_| "spot".to_owned()),
        spot: instance.spot,
        wish: Reserved::of(&instance.wish),
        reserved: instance.reserved.filter(|_| takes_room),
        disks,
        root_name: instance.rooted.then(|| ROOT.to_owned()),
        root_kind: "ebs".into(),
        visor: "xen".into(),
        virtualization: "hvm".into(),
        optimized: instance.optimized,
        ena: true,
        boots: "legacy-bios".into(),
        platform: Some("Linux/UNIX".into()),
        usage: Some("RunInstances".into()),
        // AWS: when it was launched first, or got another root.
        usage_at: Some(instance.made.unwrap_or(instance.launched).whole_seconds()),
        enclave: Enclave { enabled: false },
        names: names::View::of(&instance.names),
        cpus,
        upkeep,
        bandwidth: Some(upkeep::Bandwidth::even()),
        operator: Operator::SHOWN,
        codes: Vec::new(),
        tags: tags::view(&register::tags(cx, &instance.id)?),
        id: instance.id,
    })
}

/// Instances by the launch that made them.
fn grouped(seen: Vec<Seen>) -> Vec<Reservation> {
    let mut out: Vec<Reservation> = Vec::new();
    for Seen { view, reservation: id, owner, .. } in seen {
        match out.iter_mut().find(|reservation| reservation.id == id) {
            Some(reservation) => reservation.instances.push(view),
            None => out.push(Reservation { id, owner, groups: Vec::new(), instances: vec![view] }),
        }
    }
    out
}

impl View {
    /// AWS: a launch tells less of an instance than is described later, and that it is only coming to be.
    fn of_launch(self) -> View {
        let is_new = self.state.code == state::PENDING;
        let pending = || Reason { code: "pending".into(), message: "pending".into() };
        let attaching = |mut interface: Interface| {
            interface.attachment.status = "attaching".into();
            interface
        };
        let (interfaces, disks) = match is_new {
            true => (self.interfaces.into_iter().map(attaching).collect(), Vec::new()),
            false => (self.interfaces, self.disks),
        };
        View {
            reason: self.reason.or_else(|| is_new.then(pending)),
            interfaces,
            disks,
            hibernation: None,
            platform: None,
            usage: None,
            usage_at: None,
            bandwidth: None,
            operator: Operator::NONE,
            ..self
        }
    }
}

/// What a launch answers.
pub(crate) fn launched(cx: &mut Cx<'_>, found: Vec<Instance>) -> Result<Vec<Reservation>, Ec2Error> {
    let seen = views(cx, found)?.into_iter().map(|seen| Seen { view: seen.view.of_launch(), ..seen });
    Ok(grouped(seen.collect()))
}

fn describe_instances(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    ids_or_pages(&req.ids, "instancesSet", req.max)?;
    describe::five_or_more(req.max)?;
    let found = describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)?;
    let items = views(cx, found)?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (seen, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Described { reservations: grouped(seen), next })
}

/// AWS: those about events and about volumes find nothing, as there are none to be told of.
static STATUS_FILTERS: &Known<Status> = &[
    ("availability-zone", |i| vec![i.zone.clone()]),
    ("availability-zone-id", |i| i.zone_id.iter().cloned().collect()),
    ("event.code", |_| Vec::new()),
    ("event.description", |_| Vec::new()),
    ("event.instance-event-id", |_| Vec::new()),
    ("event.not-after", |_| Vec::new()),
    ("event.not-before", |_| Vec::new()),
    ("event.not-before-deadline", |_| Vec::new()),
    ("instance-state-code", |i| vec![i.state.code.to_string()]),
    ("instance-state-name", |i| vec![i.state.name.clone()]),
    ("instance-status.reachability", |i| i.instance.details.iter().map(|d| d.status.clone()).collect()),
    ("instance-status.status", |i| vec![i.instance.status.clone()]),
    ("operator.managed", |_| vec!["false".into()]),
    ("operator.principal", |_| Vec::new()),
    ("system-status.reachability", |i| i.system.details.iter().map(|d| d.status.clone()).collect()),
    ("system-status.status", |i| vec![i.system.status.clone()]),
];

/// A running machine is one whose first process lives: that is what is checked. In a zone that is down none does, and
/// AWS shows its machines as running and impaired.
fn describe_status(cx: &mut Cx<'_>, req: DescribeStatus) -> Result<Statuses, Ec2Error> {
    ids_or_pages(&req.ids, "instancesSet", req.max)?;
    describe::five_or_more(req.max)?;
    let mut found = describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)?;
    found.retain(|instance| req.all == Some(true) || instance.state == state::RUNNING);
    let (zones, region) = (zone::all(cx.tx)?, cx.region);
    let view = |instance: Instance| {
        let failed = zones.get(&instance.zone).filter(|zone| zone.down);
        let (word, check) = match instance.state {
            state::RUNNING if failed.is_some() => ("impaired", Some("failed")),
            state::RUNNING => ("ok", Some("passed")),
            state::PENDING => ("initializing", Some("initializing")),
            _ => ("not-applicable", None),
        };
        let since = failed.map(|zone| zone.since.whole_seconds()).filter(|_| check == Some("failed"));
        let detail = |check: &str| Detail { name: "reachability".into(), status: check.into(), since };
        let summary = || Summary { status: word.into(), details: check.into_iter().map(detail).collect() };
        let state = state_view(instance.state);
        let zone_id = region.zone_id(&instance.zone);
        Status {
            id: instance.id,
            zone: instance.zone,
            zone_id,
            state,
            instance: summary(),
            system: summary(),
        }
    };
    let items = found.into_iter().map(view).collect();
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (statuses, next) = describe::page(cx, items, ask, STATUS_FILTERS)?;
    Ok(Statuses { statuses, next })
}
