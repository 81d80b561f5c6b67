//! DescribeInstances and DescribeInstanceStatus.

use super::disks;
use super::profile::ProfileView;
use super::reservation::Wanted as Reserved;
use super::run::Hibernation;
use super::{call, list, text, texts};
use super::{metadata, monitoring};
use crate::ec2::image::architecture;
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::placement;
use crate::ec2::reservation;
use base::Timestamp;
use ec2::access;
use ec2::attachment;
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::disk::ROOT;
use ec2::filter::{Filter, Known};
use ec2::kind::INSTANCE;
use ec2::shapes::GroupView;
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, public, register, zone};
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
        group_id: Option<String> = "GroupId",
        group: String = "GroupName",
        partition: Option<i64> = "PartitionNumber",
        tenancy: String = "Tenancy",
    }

    #[derive(Debug)]
    struct Interface {
        id: String = "NetworkInterfaceId",
        mac: String = "MacAddress",
        address: String = "PrivateIpAddress",
        subnet: String = "SubnetId",
        vpc: String = "VpcId",
        owner: String = "OwnerId",
        status: String = "Status",
        description: String = "Description",
        check: bool = "SourceDestCheck",
        groups: Vec<GroupView> = "Groups",
        attachment: Attached = "Attachment",
        association: Option<Association> = "Association",
    }

    #[derive(Debug)]
    struct Attached {
        at: Timestamp = "AttachTime",
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
        hibernation: Hibernation = "HibernationOptions",
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
        tags: Vec<Tag> = "Tags",
    }

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

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
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

fn interface(cx: &Cx<'_>, found: &Value) -> Result<Option<Interface>, Ec2Error> {
    let id = text(found, "NetworkInterfaceId");
    let Some(attached) = attachment::of(cx.tx, cx.account, cx.region, &id)? else { return Ok(None) };
    let association = found.member("Association").and_then(|association| {
        let address = text(association, "PublicIp");
        let dns = public::dns_name(cx.region, address.parse::<Ipv4Addr>().ok()?);
        Some(Association { owner: text(association, "IpOwnerId"), dns, address })
    });
    Ok(Some(Interface {
        id,
        mac: text(found, "MacAddress"),
        address: text(found, "PrivateIpAddress"),
        subnet: text(found, "SubnetId"),
        vpc: text(found, "VpcId"),
        owner: text(found, "OwnerId"),
        status: text(found, "Status"),
        description: text(found, "Description"),
        check: found.member("SourceDestCheck").and_then(Value::as_bool).unwrap_or(true),
        groups: groups(found),
        attachment: Attached {
            at: attached.at,
            id: attached.id,
            delete: attached.delete_on_termination,
            device: attached.device_index,
            status: attached.status,
        },
        association,
    }))
}

/// What is seen of instances; their interfaces are the network's to describe.
pub(crate) fn views(cx: &mut Cx<'_>, found: Vec<Instance>) -> Result<Vec<(String, View)>, Ec2Error> {
    let ids: Vec<&String> = found.iter().flat_map(|instance| &instance.interfaces).collect();
    let mut all = BTreeMap::new();
    // Without ids it would be all there are.
    if !ids.is_empty() {
        let answer = call(cx, "DescribeNetworkInterfaces", [("NetworkInterfaceIds", texts(ids))])?;
        for one in list(&answer, "NetworkInterfaces") {
            all.extend(interface(cx, one)?.map(|one| (one.id.clone(), one)));
        }
    }
    let mut attached = disks::all(cx)?;
    let mut out = Vec::new();
    for instance in found {
        let interfaces: Vec<Interface> = instance.interfaces.iter().filter_map(|id| all.remove(id)).collect();
        let first = interfaces.first();
        let association = first.and_then(|first| first.association.as_ref());
        let public = association.map(|a| a.address.clone());
        let dns = association.map(|a| a.dns.clone());
        let there = instance.state != state::TERMINATED;
        let takes_room = reservation::takes_room(&instance);
        let transition = match &instance.reason {
            Some((code, _)) if code.starts_with("Client.User") => {
                format!("User initiated ({})", instance.since.iso8601())
            }
            Some((code, _)) if code.starts_with("Server.Spot") => code.clone(),
            _ => String::new(),
        };
        let metadata = metadata::View::of(&instance);
        let monitoring = monitoring::View::of(&instance);
        let place = Placement::of(cx, &instance)?;
        let view = View {
            state: state_view(instance.state),
            reason: instance.reason.map(|(code, message)| Reason { code, message }),
            transition,
            private_dns: if there { private_dns(cx, &instance.address) } else { String::new() },
            public_dns: dns.unwrap_or_default(),
            image: instance.image,
            key: instance.key_name,
            index: instance.index,
            kind: instance.kind,
            launched: instance.launched,
            placement: place,
            subnet: there.then_some(instance.subnet),
            vpc: there.then_some(instance.vpc),
            address: there.then_some(instance.address),
            public,
            architecture: architecture().into(),
            token: instance.token,
            groups: first.map(|first| first.groups.clone()).unwrap_or_default(),
            interfaces,
            metadata,
            monitoring,
            hibernation: Hibernation { configured: Some(false) },
            profile: instance.profile.as_ref().map(ProfileView::of),
            lifecycle: instance.spot.as_ref().map(|_| "spot".to_owned()),
            spot: instance.spot,
            wish: Reserved::of(&instance.wish),
            reserved: instance.reserved.filter(|_| takes_room),
            disks: attached.remove(&instance.id).unwrap_or_default(),
            root_name: instance.rooted.then(|| ROOT.to_owned()),
            root_kind: "ebs".into(),
            visor: "xen".into(),
            virtualization: "hvm".into(),
            optimized: false,
            tags: tags::view(&register::tags(cx, &instance.id)?),
            id: instance.id,
        };
        out.push((instance.reservation, view));
    }
    Ok(out)
}

/// Instances by the launch that made them.
fn grouped(cx: &Cx<'_>, views: Vec<(String, View)>) -> Vec<Reservation> {
    let mut out: Vec<Reservation> = Vec::new();
    for (id, view) in views {
        match out.iter_mut().find(|reservation| reservation.id == id) {
            Some(reservation) => reservation.instances.push(view),
            None => out.push(Reservation { id, owner: cx.account.to_string(), instances: vec![view] }),
        }
    }
    out
}

pub(crate) fn reservations(cx: &mut Cx<'_>, found: Vec<Instance>) -> Result<Vec<Reservation>, Ec2Error> {
    let views = views(cx, found)?;
    Ok(grouped(cx, views))
}

fn maybe(text: &Option<String>) -> Vec<String> {
    text.iter().cloned().collect()
}

static FILTERS: &Known<View> = &[
    ("architecture", |i| vec![i.architecture.clone()]),
    ("block-device-mapping.attach-time", |i| disks::View::each(&i.disks, disks::View::at)),
    ("block-device-mapping.delete-on-termination", |i| disks::View::each(&i.disks, disks::View::delete)),
    ("block-device-mapping.device-name", |i| disks::View::each(&i.disks, disks::View::device)),
    ("block-device-mapping.status", |i| disks::View::each(&i.disks, disks::View::status)),
    ("block-device-mapping.volume-id", |i| disks::View::each(&i.disks, disks::View::volume)),
    ("availability-zone", |i| vec![i.placement.zone.clone()]),
    ("capacity-reservation-id", |i| maybe(&i.reserved)),
    ("client-token", |i| maybe(&i.token)),
    ("dns-name", |i| vec![i.public_dns.clone()]),
    ("hypervisor", |i| vec![i.visor.clone()]),
    ("iam-instance-profile.arn", |i| i.profile.iter().map(|p| p.arn.clone()).collect()),
    ("iam-instance-profile.id", |i| i.profile.iter().map(|p| p.id.clone()).collect()),
    ("image-id", |i| vec![i.image.clone()]),
    ("instance-id", |i| vec![i.id.clone()]),
    ("instance-lifecycle", |i| maybe(&i.lifecycle)),
    ("instance-state-code", |i| vec![i.state.code.to_string()]),
    ("instance-state-name", |i| vec![i.state.name.clone()]),
    ("instance-type", |i| vec![i.kind.clone()]),
    ("instance.group-id", |i| i.groups.iter().map(|g| g.id.clone()).collect()),
    ("instance.group-name", |i| i.groups.iter().map(|g| g.name.clone()).collect()),
    ("ip-address", |i| maybe(&i.public)),
    ("key-name", |i| maybe(&i.key)),
    ("launch-index", |i| vec![i.index.to_string()]),
    ("launch-time", |i| vec![i.launched.iso8601()]),
    ("metadata-options.http-endpoint", |i| vec![i.metadata.endpoint.clone()]),
    ("metadata-options.http-put-response-hop-limit", |i| vec![i.metadata.hops.to_string()]),
    ("metadata-options.http-tokens", |i| vec![i.metadata.tokens.clone()]),
    ("metadata-options.instance-metadata-tags", |i| vec![i.metadata.tags.clone()]),
    ("monitoring-state", |i| vec![i.monitoring.state.clone()]),
    ("network-interface.network-interface-id", |i| i.interfaces.iter().map(|n| n.id.clone()).collect()),
    ("network-interface.subnet-id", |i| i.interfaces.iter().map(|n| n.subnet.clone()).collect()),
    ("placement-group-name", |i| vec![i.placement.group.clone()]),
    ("placement-partition-number", |i| i.placement.partition.iter().map(i64::to_string).collect()),
    ("private-dns-name", |i| vec![i.private_dns.clone()]),
    ("private-ip-address", |i| maybe(&i.address)),
    ("root-device-name", |i| maybe(&i.root_name)),
    ("root-device-type", |i| vec![i.root_kind.clone()]),
    ("spot-instance-request-id", |i| maybe(&i.spot)),
    ("state-reason-code", |i| i.reason.iter().map(|r| r.code.clone()).collect()),
    ("subnet-id", |i| maybe(&i.subnet)),
    ("tenancy", |i| vec![i.placement.tenancy.clone()]),
    ("virtualization-type", |i| vec![i.virtualization.clone()]),
    ("vpc-id", |i| maybe(&i.vpc)),
];

fn describe_instances(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    ids_or_pages(&req.ids, "instancesSet", req.max)?;
    let found = describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)?;
    let of: BTreeMap<String, String> =
        found.iter().map(|instance| (instance.id.clone(), instance.reservation.clone())).collect();
    let items = views(cx, found)?.into_iter().map(|(_, view)| view).collect();
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (views, next) = describe::page(cx, items, ask, FILTERS)?;
    let views = views.into_iter().map(|view| (of.get(&view.id).cloned().unwrap_or_default(), view)).collect();
    Ok(Described { reservations: grouped(cx, views), next })
}

static STATUS_FILTERS: &Known<Status> = &[
    ("availability-zone", |i| vec![i.zone.clone()]),
    ("instance-state-code", |i| vec![i.state.code.to_string()]),
    ("instance-state-name", |i| vec![i.state.name.clone()]),
    ("instance-status.status", |i| vec![i.instance.status.clone()]),
    ("system-status.status", |i| vec![i.system.status.clone()]),
];

/// A running machine is one whose first process lives: that is what is checked. In a zone that is down none does, and
/// AWS shows its machines as running and impaired.
fn describe_status(cx: &mut Cx<'_>, req: DescribeStatus) -> Result<Statuses, Ec2Error> {
    ids_or_pages(&req.ids, "instancesSet", req.max)?;
    let mut found = describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)?;
    found.retain(|instance| req.all == Some(true) || instance.state == state::RUNNING);
    let zones = zone::all(cx.tx)?;
    let view = |instance: Instance| {
        let failed = zones.get(&instance.zone).filter(|zone| zone.down);
        let (word, check) = match instance.state {
            state::RUNNING if failed.is_some() => ("impaired", Some("failed")),
            state::RUNNING => ("ok", Some("passed")),
            state::PENDING => ("initializing", Some("initializing")),
            _ => ("not-applicable", None),
        };
        let since = failed.map(|zone| zone.since).filter(|_| check == Some("failed"));
        let detail = |check: &str| Detail { name: "reachability".into(), status: check.into(), since };
        let summary = || Summary { status: word.into(), details: check.into_iter().map(detail).collect() };
        let state = state_view(instance.state);
        Status { id: instance.id, zone: instance.zone, state, instance: summary(), system: summary() }
    };
    let items = found.into_iter().map(view).collect();
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (statuses, next) = describe::page(cx, items, ask, STATUS_FILTERS)?;
    Ok(Statuses { statuses, next })
}
