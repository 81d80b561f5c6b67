//! Network interfaces: make, describe, modify, delete.

use super::{item, maybe, one};
use crate::vpc::access::{list, on};
use crate::vpc::make::{self, arn, in_vpc};
use crate::vpc::model::{ADDRESSES, INTERFACES, Interface, InterfaceKind, PrivateAddress, Subnet, Vpc};
use crate::vpc::{defaults, find};
use base::Timestamp;
use ec2::attachment::{self, ATTACHMENTS, Attachment};
use ec2::describe::{self, Ask, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{NETWORK_INTERFACE, SECURITY_GROUP, SUBNET};
use ec2::shapes::{Flag, GroupView, Text};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, public, register, token};
use kernel::{Cx, Empty};
use store::Key;
use wire::Fault;

kernel::ops! {
    pub(crate) static OPS:
        CreateNetworkInterface: create, "ec2:CreateNetworkInterface", |cx, r| on(cx, r)?.new(&NETWORK_INTERFACE).one(&SUBNET, "SubnetId").many(&SECURITY_GROUP, "Groups").done();
        DeleteNetworkInterface: delete, "ec2:DeleteNetworkInterface", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").done();
        DescribeNetworkInterfaces: describe, "ec2:DescribeNetworkInterfaces", list;
        DescribeNetworkInterfaceAttribute: describe_attribute, "ec2:DescribeNetworkInterfaceAttribute", list;
        ModifyNetworkInterfaceAttribute: modify_attribute, "ec2:ModifyNetworkInterfaceAttribute", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").attributes(&["Description", "SourceDestCheck", "Groups", "Attachment"]).many(&SECURITY_GROUP, "Groups").done();
        ResetNetworkInterfaceAttribute: reset_attribute, "ec2:ResetNetworkInterfaceAttribute", |cx, r| on(cx, r)?.one(&NETWORK_INTERFACE, "NetworkInterfaceId").attributes(&["SourceDestCheck"]).done();
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
pub(crate) const GROUPS_MAX: usize = 5;
const INTERFACES_MAX: usize = 5000;
/// The most that any instance type has.
pub(crate) const PRIVATE_MAX: usize = 50;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: Option<String> = "ClientToken",
        subnet: String = "SubnetId",
        description: Option<String> = "Description",
        address: Option<String> = "PrivateIpAddress",
        groups: Vec<String> = "Groups",
        addresses: Vec<Wanted> = "PrivateIpAddresses",
        secondary: Option<i64> = "SecondaryPrivateIpAddressCount",
        ipv6: Vec<Wanted6> = "Ipv6Addresses",
        ipv6_count: Option<i64> = "Ipv6AddressCount",
    }

    #[derive(Debug)]
    struct Wanted {
        primary: Option<bool> = "Primary",
        address: Option<String> = "PrivateIpAddress",
    }

    #[derive(Debug)]
    struct Wanted6 { address: Option<String> = "Ipv6Address" }

    #[derive(Debug)]
    struct Made {
        interface: View = "NetworkInterface",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct View {
        association: Option<AssociationView> = "Association",
        attachment: Option<AttachmentView> = "Attachment",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        description: String = "Description",
        groups: Vec<GroupView> = "Groups",
        kind: String = "InterfaceType",
        ipv6: Vec<Ipv6View> = "Ipv6Addresses",
        mac: String = "MacAddress",
        id: String = "NetworkInterfaceId",
        owner: String = "OwnerId",
        private_dns: Option<String> = "PrivateDnsName",
        public_dns: Option<String> = "PublicDnsName",
        address: Option<String> = "PrivateIpAddress",
        addresses: Vec<AddressView> = "PrivateIpAddresses",
        requester: Option<String> = "RequesterId",
        requester_managed: bool = "RequesterManaged",
        source_dest_check: bool = "SourceDestCheck",
        status: String = "Status",
        subnet: String = "SubnetId",
        tags: Vec<Tag> = "TagSet",
        vpc: String = "VpcId",
        first_ipv6: Option<String> = "Ipv6Address",
    }

    #[derive(Clone, Debug)]
    struct AssociationView {
        allocation: Option<String> = "AllocationId",
        id: Option<String> = "AssociationId",
        owner: String = "IpOwnerId",
        dns: Option<String> = "PublicDnsName",
        public: String = "PublicIp",
    }

    #[derive(Debug)]
    struct AttachmentView {
        at: Timestamp = "AttachTime",
        id: String = "AttachmentId",
        delete: bool = "DeleteOnTermination",
        device: i64 = "DeviceIndex",
        card: i64 = "NetworkCardIndex",
        instance: Option<String> = "InstanceId",
        owner: String = "InstanceOwnerId",
        status: String = "Status",
    }

    #[derive(Debug)]
    struct Ipv6View { address: String = "Ipv6Address" }

    #[derive(Debug)]
    struct AddressView {
        association: Option<AssociationView> = "Association",
        primary: bool = "Primary",
        dns: Option<String> = "PrivateDnsName",
        address: String = "PrivateIpAddress",
    }

    #[derive(Debug)]
    struct OneInterface { id: String = "NetworkInterfaceId" }

    #[derive(Debug)]
    struct Describe {
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        ids: Vec<String> = "NetworkInterfaceIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Interfaces {
        interfaces: Vec<View> = "NetworkInterfaces",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct DescribeAttribute {
        id: String = "NetworkInterfaceId",
        attribute: Option<String> = "Attribute",
    }

    #[derive(Debug)]
    struct AttributeView {
        attachment: Option<AttachmentView> = "Attachment",
        description: Option<Text> = "Description",
        groups: Option<Vec<GroupView>> = "Groups",
        id: String = "NetworkInterfaceId",
        source_dest_check: Option<Flag> = "SourceDestCheck",
    }

    #[derive(Debug)]
    struct ModifyAttribute {
        id: String = "NetworkInterfaceId",
        description: Option<Text> = "Description",
        source_dest_check: Option<Flag> = "SourceDestCheck",
        groups: Option<Vec<String>> = "Groups",
        attachment: Option<AttachmentChange> = "Attachment",
    }

    #[derive(Debug)]
    struct AttachmentChange {
        id: Option<String> = "AttachmentId",
        delete: Option<bool> = "DeleteOnTermination",
    }

    #[derive(Debug)]
    struct ResetAttribute {
        id: String = "NetworkInterfaceId",
        source_dest_check: Option<String> = "SourceDestCheck",
    }
}

item!(View, id);

/// What an interface is made of.
#[derive(Debug, Default)]
pub(crate) struct New {
    pub(crate) description: String,
    /// The primary one first; chosen where there is none.
    pub(crate) addresses: Vec<String>,
    /// Further ones that are chosen.
    pub(crate) more: usize,
    pub(crate) ipv6: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) kind: InterfaceKind,
    /// The service that manages it; it is attached to that.
    pub(crate) requester: Option<String>,
    /// The id of the principal who asks for it by itself.
    pub(crate) maker: Option<String>,
}

/// Makes an interface in a subnet.
///
/// # Errors
/// Those of its addresses; `NetworkInterfaceLimitExceeded`.
pub(crate) fn plug(
    cx: &mut Cx<'_>,
    subnet: &Subnet,
    new: New,
    tags: &base::tag::Tags,
) -> Result<Interface, Ec2Error> {
    if !cx.has_room(&INTERFACES, &Key::regional(cx.account, cx.region), INTERFACES_MAX)? {
        return Err(Limit::NetworkInterface.into());
    }
    let mut mac = cx.rng().bytes::<6>();
    // A unicast address of local administration, as AWS's begin.
    mac[0] = 0x0a;
    let managed = new.requester.is_some();
    let mut interface = Interface {
        id: NETWORK_INTERFACE.id(cx.rng()),
        subnet: subnet.id.clone(),
        vpc: subnet.vpc.clone(),
        zone: subnet.zone.clone(),
        description: new.description,
        mac: mac.map(|byte| format!("{byte:02x}")).join(":"),
        ipv6: new.ipv6,
        groups: new.groups,
        no_source_dest_check: managed && new.kind == InterfaceKind::Nat,
        kind: new.kind,
        requester: new.requester,
        maker: new.maker,
        ..Interface::default()
    };
    let is_native = subnet.is_native();
    if is_native && managed {
        let what = format!("Subnet {} is an IPv6-only subnet: it has no addresses of IPv4.", subnet.id);
        return Err(Plain::Unsupported(what).into());
    }
    let chosen = usize::from(new.addresses.is_empty() && !is_native) + new.more;
    let taken = super::interface_address::take(cx, subnet, &interface.id, &new.addresses, chosen)?;
    let address = |address| PrivateAddress { address, allocation: None };
    interface.addresses = taken.into_iter().map(address).collect();
    save(cx, &interface);
    let place = [
        in_vpc(cx, &subnet.vpc),
        ("ec2:Subnet", arn(cx, SUBNET.noun, &subnet.id)),
        ("ec2:AvailabilityZone", subnet.zone.clone()),
    ];
    register::enter(cx, &NETWORK_INTERFACE, &interface.id, tags, &place);
    if managed {
        let attachment = Attachment {
            id: make::id(cx, "ela-attach"),
            owner: attachment::CLOUD.into(),
            device_index: 1,
            at: cx.now,
            status: "attached".into(),
            ..Attachment::default()
        };
        ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, &interface.id), &attachment);
    }
    Ok(interface)
}

/// Takes an interface away, with its addresses and attachment.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn unplug(cx: &mut Cx<'_>, interface: &Interface) -> Result<(), Ec2Error> {
    let all: Vec<String> = interface.addresses.iter().map(|a| a.address.clone()).collect();
    super::interface_address::release(cx, &interface.subnet, &all);
    for address in &interface.addresses {
        if let Some(allocation) = &address.allocation {
            super::address::unlink(cx, allocation)?;
        }
    }
    let key = register::key(cx.account, cx.region, &interface.id);
    INTERFACES.delete(cx.tx, &key);
    ATTACHMENTS.delete(cx.tx, &key);
    register::strike(cx.tx, cx.account, cx.region, &interface.id);
    Ok(())
}

pub(crate) fn save(cx: &mut Cx<'_>, interface: &Interface) {
    INTERFACES.put(cx.tx, &register::key(cx.account, cx.region, &interface.id), interface);
}

/// The groups of an interface in a VPC: those that are named, or the default one.
///
/// # Errors
/// `InvalidGroup.NotFound`, `InvalidParameter`, `SecurityGroupsPerInterfaceLimitExceeded`.
pub(crate) fn groups(
    cx: &Cx<'_>,
    subnet: &str,
    vpc: &str,
    named: &[String],
) -> Result<Vec<String>, Ec2Error> {
    if named.is_empty() {
        return Ok(vec![find::default_group(cx, vpc)?.id]);
    }
    let mut out = Vec::new();
    for id in named {
        let group = find::group(cx, id)?;
        if group.vpc != vpc {
            let what = format!("Security group {id} and subnet {subnet} belong to different networks.");
            return Err(Plain::InvalidParameter(what).into());
        }
        if !out.contains(id) {
            out.push(id.clone());
        }
    }
    if out.len() > GROUPS_MAX { Err(Limit::GroupsPerInterface.into()) } else { Ok(out) }
}

/// AWS's words of a new interface whose group is not there; of launches it has others.
fn no_group(cx: &Cx<'_>, error: Ec2Error, req: &Create) -> Ec2Error {
    let is_there =
        |id: &String| !find::group(cx, id).is_err_and(|error| error.code() == SECURITY_GROUP.not_found);
    match req.groups.iter().find(|id| !is_there(id)) {
        Some(id) if maker(cx).is_some() => {
            let what = format!("The securityGroup ID '{id}' does not exist");
            Fault::new(400, "InvalidSecurityGroupID.NotFound", what).into()
        }
        _ => error,
    }
}

/// Who asks, unless that is a service.
fn maker(cx: &Cx<'_>) -> Option<String> {
    cx.caller.service_id().is_none().then(|| cx.caller.user_id.clone())
}

/// The primary address first.
fn wanted(req: &Create) -> Result<Vec<String>, Ec2Error> {
    let mut primary: Vec<String> = req.address.iter().cloned().collect();
    let mut others = Vec::new();
    for wanted in &req.addresses {
        let address = super::needed(wanted.address.as_ref(), "privateIpAddress")?.to_owned();
        if wanted.primary == Some(true) { primary.push(address) } else { others.push(address) }
    }
    if primary.len() > 1 {
        let what = "Only one primary private IP address can be specified.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if primary.is_empty() && !others.is_empty() {
        // Without a mark the first is the primary one.
        primary.push(others.remove(0));
    }
    if !others.is_empty() && req.secondary.is_some() {
        let what = "secondaryPrivateIpAddressCount and secondary privateIpAddresses cannot be used together.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    Ok(primary.into_iter().chain(others).collect())
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &NETWORK_INTERFACE, &[&NETWORK_INTERFACE])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let interface = find::interface(cx, &id)?;
        return Ok(Made { interface: view(cx, &interface)?, token: req.token });
    }
    let subnet = find::subnet(cx, &req.subnet)?;
    let groups =
        groups(cx, &subnet.id, &subnet.vpc, &req.groups).map_err(|error| no_group(cx, error, &req))?;
    let addresses = wanted(&req)?;
    let more = usize::try_from(req.secondary.unwrap_or(0)).unwrap_or(0);
    let asked: Vec<String> = req.ipv6.iter().filter_map(|wanted| wanted.address.clone()).collect();
    // Where there is nothing else, an interface has one in any case.
    let gives = subnet.assign_ipv6 || subnet.is_native();
    let count = req.ipv6_count.unwrap_or_else(|| i64::from(gives && asked.is_empty()));
    let count = if subnet.is_native() && asked.is_empty() { count.max(1) } else { count };
    let ipv6 = super::interface_address::ipv6(cx, &subnet, &asked, usize::try_from(count).unwrap_or(0))?;
    let description = req.description.clone().unwrap_or_default();
    let kind = InterfaceKind::Interface;
    let maker = maker(cx);
    let new = New { description, addresses, more, ipv6, groups, kind, requester: None, maker };
    let interface = plug(cx, &subnet, new, &tags)?;
    token::keep(cx, req.token.as_ref(), &req, &interface.id);
    let mut made = view(cx, &interface)?;
    made.status = "pending".into();
    Ok(Made { interface: made, token: req.token })
}

fn delete(cx: &mut Cx<'_>, req: OneInterface) -> Result<Empty, Ec2Error> {
    let interface = find::interface(cx, &req.id)?;
    if attachment::of(cx.tx, cx.account, cx.region, &interface.id)?.is_some() {
        let what = format!("Network interface '{}' is currently in use.", interface.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    unplug(cx, &interface)?;
    Ok(Empty)
}

/// `ip-10-0-0-5.ec2.internal`, where the VPC gives names.
fn private_dns(cx: &Cx<'_>, vpc: &Vpc, address: &str) -> Option<String> {
    let dashed = address.replace('.', "-");
    vpc.dns_hostnames.then(|| format!("ip-{dashed}.{}", defaults::domain(cx.region)))
}

fn association(
    cx: &Cx<'_>,
    vpc: &Vpc,
    address: &PrivateAddress,
    assigned: Option<&String>,
) -> Result<Option<AssociationView>, Ec2Error> {
    let dns = |public: &str| {
        let address = public.parse().ok().filter(|_| vpc.dns_hostnames)?;
        Some(public::dns_name(cx.region, address))
    };
    if let Some(allocation) = &address.allocation {
        let elastic = ADDRESSES.get(cx.tx, &register::key(cx.account, cx.region, allocation))?;
        return Ok(elastic.map(|elastic| AssociationView {
            allocation: Some(elastic.id),
            id: elastic.association.map(|association| association.id),
            owner: cx.account.to_string(),
            dns: dns(&elastic.address),
            public: elastic.address,
        }));
    }
    Ok(assigned.map(|public| AssociationView {
        allocation: None,
        id: None,
        owner: "amazon".into(),
        dns: dns(public),
        public: public.clone(),
    }))
}

fn attachment_view(attachment: Attachment) -> AttachmentView {
    AttachmentView {
        at: attachment.at.whole_seconds(),
        id: attachment.id,
        delete: attachment.delete_on_termination,
        device: attachment.device_index,
        card: attachment.card_index,
        instance: attachment.instance,
        owner: attachment.owner,
        status: attachment.status,
    }
}

pub(crate) fn group_views(cx: &Cx<'_>, ids: &[String]) -> Result<Vec<GroupView>, Ec2Error> {
    let view = |id: &String| {
        let name = find::group(cx, id).map_or_else(|_| String::new(), |group| group.name);
        Ok(GroupView { id: id.clone(), name })
    };
    ids.iter().map(view).collect()
}

fn view(cx: &Cx<'_>, interface: &Interface) -> Result<View, Ec2Error> {
    let vpc = find::vpc(cx, &interface.vpc)?;
    let attachment = attachment::of(cx.tx, cx.account, cx.region, &interface.id)?;
    let assigned = attachment.as_ref().and_then(|attachment| attachment.public_address.clone());
    let mut addresses = Vec::new();
    for (at, address) in interface.addresses.iter().enumerate() {
        let assigned = assigned.as_ref().filter(|_| at == 0);
        addresses.push(AddressView {
            association: association(cx, &vpc, address, assigned)?,
            primary: at == 0,
            dns: private_dns(cx, &vpc, &address.address),
            address: address.address.clone(),
        });
    }
    let first = addresses.first().and_then(|address| address.association.clone());
    let address = interface.addresses.first().map(|primary| primary.address.clone());
    let status = match attachment.as_ref().map(|attachment| attachment.status.as_str()) {
        None => "available",
        Some("attaching") => "attaching",
        Some("detaching") => "detaching",
        Some(_) => "in-use",
    };
    Ok(View {
        public_dns: first.as_ref().and_then(|first| first.dns.clone()),
        association: first,
        attachment: attachment.map(attachment_view),
        zone: interface.zone.clone(),
        zone_id: cx.region.zone_id(&interface.zone),
        description: interface.description.clone(),
        groups: group_views(cx, &interface.groups)?,
        kind: interface.kind.word().into(),
        ipv6: interface.ipv6.iter().map(|address| Ipv6View { address: address.clone() }).collect(),
        mac: interface.mac.clone(),
        id: interface.id.clone(),
        owner: cx.account.to_string(),
        private_dns: address.as_ref().and_then(|address| private_dns(cx, &vpc, address)),
        address,
        addresses,
        requester: interface.requester.clone().or_else(|| interface.maker.clone()),
        requester_managed: interface.requester.is_some(),
        source_dest_check: !interface.no_source_dest_check,
        status: status.into(),
        subnet: interface.subnet.clone(),
        tags: tags::view(&register::tags(cx, &interface.id)?),
        vpc: interface.vpc.clone(),
        first_ipv6: interface.ipv6.first().cloned(),
    })
}

fn of_associations(view: &View, read: fn(&AssociationView) -> Vec<String>) -> Vec<String> {
    view.addresses.iter().filter_map(|address| address.association.as_ref()).flat_map(read).collect()
}

fn of_attachment(view: &View, read: fn(&AttachmentView) -> Vec<String>) -> Vec<String> {
    view.attachment.as_ref().map(read).unwrap_or_default()
}

static FILTERS: &Known<View> = &[
    ("association.allocation-id", |i| of_associations(i, |a| maybe(&a.allocation))),
    ("association.association-id", |i| of_associations(i, |a| maybe(&a.id))),
    ("association.ip-owner-id", |i| of_associations(i, |a| one(&a.owner))),
    ("association.public-ip", |i| of_associations(i, |a| one(&a.public))),
    ("association.public-dns-name", |i| of_associations(i, |a| maybe(&a.dns))),
    ("addresses.association.owner-id", |i| of_associations(i, |a| one(&a.owner))),
    ("addresses.association.public-ip", |i| of_associations(i, |a| one(&a.public))),
    ("addresses.primary", |i| i.addresses.iter().map(|a| a.primary.to_string()).collect()),
    ("addresses.private-ip-address", |i| i.addresses.iter().map(|a| a.address.clone()).collect()),
    ("attachment.attach-time", |i| of_attachment(i, |a| one(a.at.iso8601()))),
    ("attachment.attachment-id", |i| of_attachment(i, |a| one(&a.id))),
    ("attachment.delete-on-termination", |i| of_attachment(i, |a| one(a.delete))),
    ("attachment.device-index", |i| of_attachment(i, |a| one(a.device))),
    ("attachment.instance-id", |i| of_attachment(i, |a| maybe(&a.instance))),
    ("attachment.instance-owner-id", |i| of_attachment(i, |a| one(&a.owner))),
    ("attachment.status", |i| of_attachment(i, |a| one(&a.status))),
    ("availability-zone", |i| one(&i.zone)),
    ("availability-zone-id", |i| maybe(&i.zone_id)),
    ("description", |i| one(&i.description)),
    ("group-id", |i| i.groups.iter().map(|g| g.id.clone()).collect()),
    ("group-name", |i| i.groups.iter().map(|g| g.name.clone()).collect()),
    ("interface-type", |i| one(&i.kind)),
    ("ipv6-addresses.ipv6-address", |i| i.ipv6.iter().map(|a| a.address.clone()).collect()),
    ("mac-address", |i| one(&i.mac)),
    ("network-interface-id", |i| one(&i.id)),
    ("operator.managed", |_| one(false)),
    ("operator.principal", |_| Vec::new()),
    ("owner-id", |i| one(&i.owner)),
    ("private-dns-name", |i| maybe(&i.private_dns)),
    ("private-ip-address", |i| i.addresses.iter().map(|a| a.address.clone()).collect()),
    ("requester-id", |i| maybe(&i.requester)),
    ("requester-managed", |i| one(i.requester_managed)),
    ("source-dest-check", |i| one(i.source_dest_check)),
    ("status", |i| one(&i.status)),
    ("subnet-id", |i| one(&i.subnet)),
    ("vpc-id", |i| one(&i.vpc)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Interfaces, Ec2Error> {
    ids_or_pages(&req.ids, "networkInterfaceIds", req.max)?;
    let found = describe::some(cx, &INTERFACES, &NETWORK_INTERFACE, &req.ids)?;
    let items = found.iter().map(|interface| view(cx, interface)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (interfaces, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Interfaces { interfaces, next })
}

fn describe_attribute(cx: &mut Cx<'_>, req: DescribeAttribute) -> Result<AttributeView, Ec2Error> {
    let interface = find::interface(cx, &req.id)?;
    let whole = view(cx, &interface)?;
    let mut out = AttributeView {
        attachment: None,
        description: None,
        groups: None,
        id: interface.id,
        source_dest_check: None,
    };
    match super::needed(req.attribute.as_ref(), "attribute")? {
        "attachment" => out.attachment = whole.attachment,
        "description" => out.description = Text::of(&whole.description),
        "groupSet" => out.groups = Some(whole.groups),
        "sourceDestCheck" => out.source_dest_check = Flag::of(whole.source_dest_check),
        other => return Err(Ec2Error::value(other, "attribute", "Unknown network interface attribute")),
    }
    Ok(out)
}

/// Refuses changes of what a service of the cloud manages.
pub(crate) fn own(interface: &Interface) -> Result<(), Ec2Error> {
    match &interface.requester {
        Some(_) => {
            Err(Plain::AuthFailure("You do not have permission to access the specified resource.".into())
                .into())
        }
        None => Ok(()),
    }
}

fn modify_attribute(cx: &mut Cx<'_>, req: ModifyAttribute) -> Result<Empty, Ec2Error> {
    let mut interface = find::interface(cx, &req.id)?;
    let given = [
        req.description.is_some(),
        req.source_dest_check.is_some(),
        req.groups.is_some(),
        req.attachment.is_some(),
    ];
    match given.iter().filter(|given| **given).count() {
        0 => return Err(Plain::InvalidParameterCombination("No attributes specified.".into()).into()),
        1 => {}
        _ => {
            let what = "Fields for multiple attribute types specified";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
    }
    own(&interface)?;
    if let Some(change) = req.attachment {
        return modify_attachment(cx, &interface, change);
    }
    if let Some(text) = req.description {
        interface.description = text.value.unwrap_or_default();
    }
    if let Some(check) = req.source_dest_check.and_then(|flag| flag.value) {
        interface.no_source_dest_check = !check;
    }
    if let Some(named) = req.groups {
        interface.groups = groups(cx, &interface.subnet, &interface.vpc, &named)?;
    }
    save(cx, &interface);
    Ok(Empty)
}

fn modify_attachment(
    cx: &mut Cx<'_>,
    interface: &Interface,
    change: AttachmentChange,
) -> Result<Empty, Ec2Error> {
    let id = super::needed(change.id.as_ref(), "attachment.attachmentId")?;
    let found = attachment::of(cx.tx, cx.account, cx.region, &interface.id)?.filter(|a| a.id == id);
    let mut attachment = found.ok_or_else(|| Plain::InvalidAttachment(id.to_owned()))?;
    if let Some(delete) = change.delete {
        attachment.delete_on_termination = delete;
    }
    ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, &interface.id), &attachment);
    Ok(Empty)
}

fn reset_attribute(cx: &mut Cx<'_>, req: ResetAttribute) -> Result<Empty, Ec2Error> {
    let mut interface = find::interface(cx, &req.id)?;
    own(&interface)?;
    if req.source_dest_check.is_none() {
        return Err(Plain::InvalidParameterCombination("No attributes specified.".into()).into());
    }
    interface.no_source_dest_check = false;
    save(cx, &interface);
    Ok(Empty)
}

/// Whether a group has members.
pub(crate) fn is_used(cx: &Cx<'_>, group: &str) -> Result<bool, Ec2Error> {
    Ok(describe::all(cx, &INTERFACES)?.iter().any(|interface| interface.groups.iter().any(|g| g == group)))
}
