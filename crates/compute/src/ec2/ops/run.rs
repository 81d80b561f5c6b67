//! RunInstances.

use super::attribute::check_optimized;
use super::describe::{Reservation, launched};
use super::disks::{self, Mapping};
use super::metadata::{self, Wanted};
use super::profile::{self, Named};
use super::spot_launch::Way;
use super::template_version::{self, Chosen};
use super::{call, credit, interface, key_pair, list, monitoring, reservation, spot_rules, text, texts};
use crate::ec2::errors::of_volumes;
use crate::ec2::image::{self, Found};
use crate::ec2::machinery::Machinery;
use crate::ec2::model::{Cpus, INSTANCES, Instance, MetadataOptions, Names, state};
use crate::ec2::placement::{self, Placement};
use crate::ec2::reservation::claim;
use crate::ec2::spot::terms::Market;
use crate::ec2::template::{laid_over, members};
use crate::ec2::{bandwidth, cpus, kinds, names, news, upkeep};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2::access::Access;
use ec2::attachment::{ATTACHMENTS, Attachment};
use ec2::describe;
use ec2::kind::{
    CAPACITY_RESERVATION, INSTANCE, LAUNCH_TEMPLATE, NETWORK_INTERFACE, PLACEMENT_GROUP, SECURITY_GROUP,
    SPOT_REQUEST, SUBNET, VOLUME,
};
use ec2::tags::{self, TagSpecification};
use ec2::{Ec2Error, Plain, public, register, token, zone};
use kernel::{Cx, Target};
use std::sync::Arc;
use wire::{Fault, FromValue, Struct, ToValue, Value};

kernel::ops! {
    /// Launches.
    pub static OPS:
        RunInstances: run, "ec2:RunInstances", launch;
}

/// AWS's default for one call is far below what one machine can carry.
const INSTANCES_MAX: i64 = 100;
const USER_DATA_BYTES_MAX: usize = 16 << 10;
/// AWS's default.
const TYPE: &str = "m1.small";
/// What a launch may tag.
const TAGGED: &[&ec2::Kind] = &[&INSTANCE, &NETWORK_INTERFACE, &VOLUME, &SPOT_REQUEST];

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Run {
        image: Option<String> = "ImageId",
        kind: Option<String> = "InstanceType",
        min: i64 = "MinCount",
        max: i64 = "MaxCount",
        key_name: Option<String> = "KeyName",
        user_data: Option<String> = "UserData",
        groups: Vec<String> = "SecurityGroupIds",
        named: Vec<String> = "SecurityGroups",
        ipv6: Vec<Ipv6> = "Ipv6Addresses",
        ipv6_count: Option<i64> = "Ipv6AddressCount",
        optimized: Option<bool> = "EbsOptimized",
        names: Option<names::Wanted> = "PrivateDnsNameOptions",
        pub(super) subnet: Option<String> = "SubnetId",
        pub(super) placement: Option<Placement> = "Placement",
        address: Option<String> = "PrivateIpAddress",
        pub(super) interfaces: Vec<Plug> = "NetworkInterfaces",
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: Option<String> = "ClientToken",
        pub(super) behaviour: Option<String> = "InstanceInitiatedShutdownBehavior",
        pub(super) protected: Option<bool> = "DisableApiTermination",
        pub(super) stop_protected: Option<bool> = "DisableApiStop",
        profile: Option<Named> = "IamInstanceProfile",
        metadata: Option<Wanted> = "MetadataOptions",
        template: Option<Template> = "LaunchTemplate",
        disks: Vec<Mapping> = "BlockDeviceMappings",
        market: Option<Market> = "InstanceMarketOptions",
        credits: Option<credit::Wanted> = "CreditSpecification",
        monitoring: Option<monitoring::Wanted> = "Monitoring",
        hibernation: Option<Hibernation> = "HibernationOptions",
        reservation: Option<reservation::Wanted> = "CapacityReservationSpecification",
        cpus: Option<cpus::Wanted> = "CpuOptions",
        upkeep: Option<upkeep::Wanted> = "MaintenanceOptions",
        bandwidth: Option<upkeep::Bandwidth> = "NetworkPerformanceOptions",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Hibernation { pub(crate) configured: Option<bool> = "Configured" }

    #[derive(Clone, Debug)]
    struct Template {
        id: Option<String> = "LaunchTemplateId",
        name: Option<String> = "LaunchTemplateName",
        version: Option<String> = "Version",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Plug {
        pub(crate) public: Option<bool> = "AssociatePublicIpAddress",
        pub(crate) delete: Option<bool> = "DeleteOnTermination",
        pub(crate) description: Option<String> = "Description",
        pub(crate) device: Option<i64> = "DeviceIndex",
        pub(crate) groups: Vec<String> = "Groups",
        pub(crate) id: Option<String> = "NetworkInterfaceId",
        pub(crate) address: Option<String> = "PrivateIpAddress",
        pub(crate) addresses: Vec<PrivateAddress> = "PrivateIpAddresses",
        pub(crate) more: Option<i64> = "SecondaryPrivateIpAddressCount",
        pub(crate) ipv6: Vec<Ipv6> = "Ipv6Addresses",
        pub(crate) ipv6_count: Option<i64> = "Ipv6AddressCount",
        pub(crate) subnet: Option<String> = "SubnetId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Ipv6 { address: String = "Ipv6Address" }

    #[derive(Clone, Debug)]
    pub(crate) struct PrivateAddress {
        primary: Option<bool> = "Primary",
        address: String = "PrivateIpAddress",
    }
}

impl Run {
    /// What a record keeps of a launch, to do it again: one machine, without what was for the first only.
    ///
    /// AWS: what a persistent request launches later has no tags.
    pub(crate) fn again(&self) -> String {
        let once = Run {
            template: None,
            market: None,
            token: None,
            tags: Vec::new(),
            min: 1,
            max: 1,
            ..self.clone()
        };
        wire::json::text(&Value::Struct(members(once)))
    }
}

/// Members of a request that name a resource themselves, by its noun: a template's is then not used.
const NAMED: [(&str, &[&str]); 5] = [
    ("image", &["ImageId"]),
    ("key-pair", &["KeyName"]),
    ("network-interface", &["NetworkInterfaces"]),
    ("security-group", &["SecurityGroupIds", "SecurityGroups", "NetworkInterfaces"]),
    ("subnet", &["SubnetId", "NetworkInterfaces"]),
];

/// Authorization of a launch: of what it needs with its template, and that this is used.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances-launch-templates>
pub(crate) fn launch(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let asked = request.get("LaunchTemplate").cloned().and_then(|asked| Template::from_value(asked).ok());
    let Some(asked) = asked else { return needed(cx, request) };
    // One that is not there is refused by the handler.
    let Ok(Chosen { template, data, .. }) =
        template_version::data(cx, asked.id.as_ref(), asked.name.as_ref(), asked.version.as_deref())
    else {
        return needed(cx, request);
    };
    let mut targets = needed(cx, &laid_over(members(data), request.clone()))?;
    targets.extend(Access::of(cx, request).id(&LAUNCH_TEMPLATE, &template.id).done()?);
    let arn = register::arn(cx.account, cx.region, LAUNCH_TEMPLATE.noun, &template.id);
    let given = |name: &&str| request.get(name).is_some();
    let marked = targets.into_iter().map(|target| {
        if target.action.is_some_and(|action| !action.starts_with("ec2:")) {
            return target;
        }
        let noun = target.arn.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let of_request = NAMED.iter().any(|(named, members)| *named == noun && members.iter().any(given));
        let of_template = (!of_request).to_string();
        target.key("ec2:LaunchTemplate", &arn).key("ec2:IsLaunchTemplateResource", of_template)
    });
    Ok(marked.collect())
}

/// The request with what its template adds.
fn whole(cx: &Cx<'_>, req: &Run) -> Result<Run, Ec2Error> {
    let Some(asked) = &req.template else { return Ok(req.clone()) };
    let Chosen { template, number, data } =
        template_version::data(cx, asked.id.as_ref(), asked.name.as_ref(), asked.version.as_deref())?;
    if data.requirements.is_some() && req.kind.is_none() {
        let what = "A launch template with InstanceRequirements needs an InstanceType where it is used by RunInstances: fleets and groups choose among types.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let whole = laid_over(members(data), members(req.clone()));
    let mut whole = Run::from_value(Value::Struct(whole)).map_err(|_| Plain::InternalError)?;
    whole.template = Some(Template { id: Some(template.id), name: None, version: Some(number.to_string()) });
    Ok(whole)
}

impl Template {
    /// The tags by which a machine says what it was launched by: the very version.
    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/launch-instances-from-launch-template.html>
    fn tags(&self) -> impl Iterator<Item = (String, String)> {
        let rows = [("id", &self.id), ("version", &self.version)];
        rows.into_iter()
            .filter_map(|(what, value)| Some((format!("aws:ec2launchtemplate:{what}"), value.clone()?)))
    }
}

/// What a launch needs: the image, and whatever of the network it names or makes.
fn needed(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let image = image_target(cx, request.str("ImageId").unwrap_or("*"));
    let kind = request.str("InstanceType").unwrap_or(TYPE).to_owned();
    let pair = request.str("KeyName").map(|name| key_target(cx, name));
    let (default_subnet, default_group) = defaults(cx, request);
    let profile = profile::asked(cx, request.get("IamInstanceProfile"));
    let market =
        request.get("InstanceMarketOptions").and_then(|market| market.member("MarketType")?.as_str());
    let is_spot = market == Some("spot");
    let mut access = Access::of(cx, request).new(&INSTANCE).key("ec2:InstanceType", kind);
    access = access.key("ec2:InstanceMarketType", market.unwrap_or("on-demand"));
    let optimized = request.get("EbsOptimized").and_then(Value::as_bool).unwrap_or_default();
    access = access.key("ec2:EbsOptimized", optimized.to_string()).key("ec2:RootDeviceType", "ebs");
    if let Some(profile) = &profile {
        access = access.key("ec2:InstanceProfile", &profile.arn);
    }
    let place = |name: &str| request.get("Placement").and_then(|place| place.member(name)?.as_str());
    let tenancy = place("Tenancy").filter(|tenancy| !tenancy.is_empty()).unwrap_or("default");
    access = access.key("ec2:Tenancy", tenancy);
    let named = placement::name_of(access.cx, place("GroupId"), place("GroupName"));
    if let Some(name) = &named {
        let (account, region) = (access.cx.account, access.cx.region);
        access = access.key("ec2:PlacementGroup", register::arn(account, region, PLACEMENT_GROUP.noun, name));
    }
    access = metadata::asked(access, |name| request.get("MetadataOptions")?.member(name).cloned());
    access = disks::access(access.target(image), request);
    if let Some(name) = &named {
        let group = placement::target(access.cx, name);
        access = access.target(group);
    }
    let target = request.get("CapacityReservationSpecification").and_then(|asked| {
        asked.at(&["CapacityReservationTarget", "CapacityReservationId"])?.as_str().map(str::to_owned)
    });
    if let Some(id) = target {
        access = access.id(&CAPACITY_RESERVATION, &id);
    }
    // AWS: a launch is asked about its spot request only where it tags that.
    if is_spot && tags_of(request, &SPOT_REQUEST) {
        access = access.new(&SPOT_REQUEST);
    }
    access =
        access.new(&NETWORK_INTERFACE).one(&SUBNET, "SubnetId").many(&SECURITY_GROUP, "SecurityGroupIds");
    let names: Vec<String> = request
        .get("SecurityGroups")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    // Those that are not there are refused by the handler.
    for group in by_name(access.cx, &names, false).unwrap_or_else(|_| vec!["*".into()]) {
        access = access.id(&SECURITY_GROUP, &group);
    }
    let plugs = request.get("NetworkInterfaces").and_then(Value::as_list).unwrap_or_default();
    for plug in plugs {
        for (member, kind) in [("NetworkInterfaceId", &NETWORK_INTERFACE), ("SubnetId", &SUBNET)] {
            if let Some(id) = plug.member(member).and_then(Value::as_str) {
                access = access.id(kind, id);
            }
        }
        for group in list(plug, "Groups").iter().filter_map(Value::as_str) {
            access = access.id(&SECURITY_GROUP, group);
        }
    }
    if let Some(id) = default_subnet {
        access = access.id(&SUBNET, &id);
    }
    if let Some(id) = default_group {
        access = access.id(&SECURITY_GROUP, &id);
    }
    access.target_if(pair).target_if(profile.and_then(|profile| profile.pass)).done()
}

/// An image that a launch is of. Its tags are its owner's alone.
pub(crate) fn image_target(cx: &Cx<'_>, id: &str) -> Target {
    let region = cx.region.name();
    let image = format!("arn:aws:ec2:{region}::image/{id}");
    let target = Target::on(image).key("ec2:Region", region);
    let Ok(Found::Made(owner, _)) = image::find(cx, id) else { return target.key("ec2:Owner", "amazon") };
    let Ok(Some(entry)) = register::find(cx.tx, owner, cx.region, id) else { return target };
    if owner == cx.account {
        return entry.describe(target);
    }
    entry.keys.into_iter().fold(target, |target, (key, value)| target.key(key, value))
}

/// A key pair that a launch names.
pub(crate) fn key_target(cx: &Cx<'_>, name: &str) -> Target {
    let pair = register::arn(cx.account, cx.region, "key-pair", name);
    Target::on(pair).key("ec2:Region", cx.region.name())
}

/// Whether a request gives tags to what it makes of a kind.
fn tags_of(request: &Struct, kind: &ec2::Kind) -> bool {
    let all = request.get("TagSpecifications").and_then(Value::as_list).unwrap_or_default();
    all.iter().any(|one| text(one, "ResourceType") == kind.noun && !list(one, "Tags").is_empty())
}

/// The subnet and the group that a launch uses without naming them; `*` where they cannot be told.
fn defaults(cx: &mut Cx<'_>, request: &Struct) -> (Option<String>, Option<String>) {
    let plugs = request.get("NetworkInterfaces").and_then(Value::as_list).unwrap_or_default();
    let names = |member: &str| !plugs.is_empty() && plugs.iter().all(|plug| plug.member(member).is_some());
    let there = names("NetworkInterfaceId");
    let named = request.str("SubnetId").map(str::to_owned);
    let zone = request.get("Placement").map(|placement| text(placement, "AvailabilityZone"));
    let found = subnet(cx, named.as_ref(), zone.filter(|zone| !zone.is_empty()).as_ref()).ok();
    let any = || "*".to_owned();
    let own_subnet = named.is_some() || there || names("SubnetId");
    let subnet = (!own_subnet).then(|| found.as_ref().map_or_else(any, |found| text(found, "SubnetId")));
    let said = ["SecurityGroupIds", "SecurityGroups"].iter().any(|name| request.get(name).is_some());
    if said || there || names("Groups") {
        return (subnet, None);
    }
    let group = found.and_then(|found| {
        let filters = [filter("group-name", "default"), filter("vpc-id", &text(&found, "VpcId"))];
        let all = call(cx, "DescribeSecurityGroups", [("Filters", Value::List(filters.into()))]).ok()?;
        list(&all, "SecurityGroups").first().map(|group| text(group, "GroupId"))
    });
    (subnet, Some(group.unwrap_or_else(any)))
}

fn filter(name: &str, value: &str) -> Value {
    let values = Value::List(vec![Value::str(value)]);
    Value::Struct([("Name", Value::str(name)), ("Values", values)].into_iter().collect())
}

pub(super) fn user_data(given: Option<&String>) -> Result<Vec<u8>, Ec2Error> {
    let Some(text) = given else { return Ok(Vec::new()) };
    let malformed = || Plain::InvalidUserData("Invalid BASE64 encoding of user data.".into());
    checked_data(STANDARD.decode(text).map_err(|_| malformed())?)
}

pub(super) fn checked_data(bytes: Vec<u8>) -> Result<Vec<u8>, Ec2Error> {
    if bytes.len() > USER_DATA_BYTES_MAX {
        let what = format!("User data is limited to {USER_DATA_BYTES_MAX} bytes");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    Ok(bytes)
}

/// The interfaces that are asked for, by device; of the members at the top where there is no list.
fn plugs(req: &Run) -> Result<Vec<Plug>, Ec2Error> {
    if req.interfaces.is_empty() {
        return Ok(vec![Plug {
            public: None,
            delete: None,
            description: None,
            device: Some(0),
            groups: req.groups.clone(),
            id: None,
            address: req.address.clone(),
            addresses: Vec::new(),
            more: None,
            ipv6: req.ipv6.clone(),
            ipv6_count: req.ipv6_count,
            subnet: req.subnet.clone(),
        }]);
    }
    let above = if req.subnet.is_some() { "subnet ID" } else { "security groups" };
    let has_ipv6 = !req.ipv6.is_empty() || req.ipv6_count.is_some();
    if req.subnet.is_some() || !req.groups.is_empty() || req.address.is_some() || has_ipv6 {
        let what = format!(
            "Network interfaces and an instance-level {above} may not be specified on the same request"
        );
        return Err(Plain::InvalidParameterCombination(what).into());
    }
    let mut plugs = req.interfaces.clone();
    plugs.sort_by_key(|plug| plug.device);
    for (at, plug) in plugs.iter().enumerate() {
        check_plug(plug)?;
        if plug.device.and_then(|device| usize::try_from(device).ok()) != Some(at) {
            let what = "Each network interface requires a unique device index, from 0 on.";
            return Err(Plain::InvalidParameterValue(what.into()).into());
        }
    }
    let names = |plug: &Plug| {
        plug.id.is_some() || plug.address.is_some() || !plug.addresses.is_empty() || !plug.ipv6.is_empty()
    };
    if req.max > 1 && plugs.iter().any(names) {
        let what = "Network interfaces and addresses may not be named for several instances at once.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    Ok(plugs)
}

/// An interface that is there is as it is.
fn check_plug(plug: &Plug) -> Result<(), Ec2Error> {
    let refused = |what: String| Err(Plain::InvalidParameterCombination(what).into());
    let made = [
        (plug.subnet.is_some(), "a subnet"),
        (!plug.groups.is_empty(), "security groups"),
        (plug.description.is_some(), "a description"),
        (plug.address.is_some(), "a private IP address"),
        (!plug.addresses.is_empty() || plug.more.is_some(), "secondary private IP addresses"),
        (!plug.ipv6.is_empty() || plug.ipv6_count.is_some(), "IPv6 addresses"),
    ];
    match made.into_iter().find(|(is_said, _)| *is_said) {
        _ if plug.id.is_none() => Ok(()),
        Some((_, what)) => {
            refused(format!("A network interface may not specify both a network interface ID and {what}"))
        }
        None if plug.public.is_some() => {
            let member = "associatePublicIPAddress";
            refused(format!("The {member} parameter cannot be specified for a network interface with an ID."))
        }
        None => Ok(()),
    }
}

/// The subnet that is named, or the default one of the zone.
pub(super) fn subnet(
    cx: &mut Cx<'_>,
    named: Option<&String>,
    zone: Option<&String>,
) -> Result<Value, Ec2Error> {
    let answer = match (named, zone) {
        (Some(id), _) => call(cx, "DescribeSubnets", [("SubnetIds", texts([id]))])?,
        (None, zone) => {
            let mut filters = vec![filter("default-for-az", "true")];
            filters.extend(zone.map(|zone| filter("availability-zone", zone)));
            call(cx, "DescribeSubnets", [("Filters", Value::List(filters))])?
        }
    };
    // Where the choice is the cloud's, it is not of a zone that is closed.
    let closed = zone::closed(cx)?;
    let all = list(&answer, "Subnets");
    let up = all.iter().find(|subnet| !closed.contains(&text(subnet, "AvailabilityZone")));
    let found = up.or(all.first()).cloned();
    let found = found.ok_or_else(|| {
        let what = "No subnets found for the default VPC. Please specify a subnet.";
        Ec2Error::from(Plain::MissingTarget(what.into()))
    })?;
    if zone.is_some_and(|zone| *zone != text(&found, "AvailabilityZone")) {
        let what = "The zone of the placement is not that of the subnet.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    Ok(found)
}

/// A new interface.
fn make(
    cx: &mut Cx<'_>,
    instance: &mut Instance,
    plug: &Plug,
    tags: &[TagSpecification],
    zone: Option<&String>,
) -> Result<Value, Ec2Error> {
    let subnet = subnet(cx, plug.subnet.as_ref(), zone)?;
    if instance.interfaces.is_empty() {
        let mapped = subnet.member("MapPublicIpOnLaunch").and_then(Value::as_bool).unwrap_or(false);
        instance.public = plug.public.unwrap_or(mapped);
    }
    let mut members = vec![("SubnetId", Value::Str(text(&subnet, "SubnetId")))];
    if !plug.groups.is_empty() {
        members.push(("Groups", texts(&plug.groups)));
    }
    members.extend(plug.address.as_ref().map(|address| ("PrivateIpAddress", Value::str(address))));
    if !plug.addresses.is_empty() {
        members.extend(plug.addresses.clone().to_value().map(|all| ("PrivateIpAddresses", all)));
    }
    if !plug.ipv6.is_empty() {
        members.extend(plug.ipv6.clone().to_value().map(|all| ("Ipv6Addresses", all)));
    }
    members.extend(plug.ipv6_count.map(|count| ("Ipv6AddressCount", Value::Int(count))));
    members.extend(plug.more.map(|count| ("SecondaryPrivateIpAddressCount", Value::Int(count))));
    members.extend(plug.description.as_ref().map(|text| ("Description", Value::str(text))));
    let own = tags::of_new(cx.caller, tags, &NETWORK_INTERFACE, TAGGED)?;
    if !own.is_empty() {
        let noun = Some(NETWORK_INTERFACE.noun.to_owned());
        let specification = TagSpecification { resource_type: noun, tags: tags::view(&own) };
        members.extend(vec![specification].to_value().map(|tags| ("TagSpecifications", tags)));
    }
    let made = call(cx, "CreateNetworkInterface", members)?;
    made.member("NetworkInterface").cloned().ok_or_else(|| Plain::InternalError.into())
}

/// An interface that is there, or a new one, attached to the instance.
fn plug(
    cx: &mut Cx<'_>,
    instance: &mut Instance,
    plug: &Plug,
    req: &Run,
    zone: Option<&String>,
) -> Result<(), Ec2Error> {
    let is_new = plug.id.is_none();
    let found = match &plug.id {
        Some(id) => interface::free(cx, id)?,
        None => make(cx, instance, plug, &req.tags, zone)?,
    };
    let id = text(&found, "NetworkInterfaceId");
    if instance.interfaces.is_empty() {
        instance.subnet = text(&found, "SubnetId");
        instance.vpc = text(&found, "VpcId");
        instance.zone = text(&found, "AvailabilityZone");
        instance.address = text(&found, "PrivateIpAddress");
        let subnets = call(cx, "DescribeSubnets", [("SubnetIds", texts([&instance.subnet]))])?;
        let subnet = list(&subnets, "Subnets").first().ok_or(Plain::InternalError)?;
        instance.names = Names::of(req.names.as_ref(), subnet)?;
        if instance.address.is_empty() {
            without_ipv4(cx, instance)?;
        }
    } else if text(&found, "AvailabilityZone") != instance.zone {
        let what = "All network interfaces of an instance must be in one availability zone.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let assigned = match instance.public && instance.interfaces.is_empty() {
        true => Some(public::take(cx, &id)?.to_string()),
        false => None,
    };
    let attachment = Attachment {
        delete_on_termination: plug.delete.unwrap_or(is_new),
        public_address: assigned,
        ..interface::attachment(cx, instance, plug.device.unwrap_or(0))
    };
    ATTACHMENTS.put(cx.tx, &register::key(cx.account, cx.region, &id), &attachment);
    instance.interfaces.push(id);
    Ok(())
}

/// What an instance must be that has an address of IPv6 alone.
fn without_ipv4(cx: &mut Cx<'_>, instance: &Instance) -> Result<(), Ec2Error> {
    if instance.public {
        let what = format!(
            "Invalid value 'true' for associatePublicIPAddress. Subnet {} is an IPv6-only subnet.",
            instance.subnet
        );
        return Err(Plain::InvalidParameterValue(what).into());
    }
    if check_kind(&instance.kind)?.is_nitro() {
        return Ok(cx.memory::<Machinery>().possible_by_ipv6(instance.disk)?);
    }
    let what = format!("Instance type {} is not supported in an IPv6-only subnet.", instance.kind);
    Err(Plain::Unsupported(what).into())
}

pub(crate) fn check_kind(kind: &str) -> Result<&'static kinds::InstanceType, Ec2Error> {
    let unknown = || Plain::InvalidParameterValue(format!("Invalid value '{kind}' for InstanceType."));
    kinds::find(kind).ok_or_else(|| unknown().into())
}

fn check(cx: &Cx<'_>, req: &Run) -> Result<(Found, &'static kinds::InstanceType), Ec2Error> {
    let image = req.image.as_ref().ok_or_else(|| Plain::MissingParameter("ImageId".into()))?;
    let image = image::launchable(cx, image)?;
    if req.hibernation.as_ref().and_then(|wanted| wanted.configured) == Some(true) {
        let what = "Hibernation is not built in this version of Virga.";
        return Err(Plain::UnsupportedHibernation(what.into()).into());
    }
    let kind = check_kind(req.kind.as_deref().unwrap_or(TYPE))?;
    check_optimized(kind.name, req.optimized == Some(true))?;
    if req.max < req.min {
        let what = "Maximum instance count must not be smaller than minimum instance count";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    if req.min < 1 || req.max > INSTANCES_MAX {
        let what = format!("MinCount and MaxCount must be from 1 to {INSTANCES_MAX}.");
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let wanted = i64::try_from(req.interfaces.len()).unwrap_or(i64::MAX);
    if wanted > kind.interfaces {
        let what = format!(
            "Number of network interfaces ({wanted}) exceeds the limit of {} for {}.",
            kind.interfaces, kind.name
        );
        return Err(Plain::InvalidParameterCombination(what).into());
    }
    match req.behaviour.as_deref() {
        None | Some("stop" | "terminate") => Ok((image, kind)),
        Some(other) => {
            Err(Ec2Error::value(other, "instanceInitiatedShutdownBehavior", "Valid values: stop, terminate."))
        }
    }
}

fn run(cx: &mut Cx<'_>, asked: Run) -> Result<Reservation, Ec2Error> {
    if let Some(id) = token::made(cx, asked.token.as_ref(), &asked)? {
        let mut same = describe::all(cx, &INSTANCES)?;
        same.retain(|instance| instance.reservation == id);
        same.sort_by_key(|instance| instance.index);
        return launched(cx, same)?.pop().ok_or_else(|| Plain::InternalError.into());
    }
    let mut req = whole(cx, &asked)?;
    if !asked.named.is_empty() && asked.groups.is_empty() {
        // Whichever way the template says it.
        req.groups.clear();
    } else if !asked.groups.is_empty() && asked.named.is_empty() {
        req.named.clear();
    }
    let spot = req.market.as_ref().map(|market| market.terms(cx.now)).transpose()?.flatten();
    let made = match &spot {
        Some(terms) => {
            spot_rules::role(cx)?;
            start(cx, &req, Way::Spot(terms))?
        }
        None => start(cx, &req, Way::OnDemand)?,
    };
    if let Some(first) = made.first() {
        token::keep(cx, asked.token.as_ref(), &asked, &first.reservation);
    }
    launched(cx, made)?.pop().ok_or_else(|| Plain::InternalError.into())
}

/// Groups of the default VPC, by their names.
/// AWS: where the subnet is said, groups are said by their ids.
fn by_name(cx: &mut Cx<'_>, names: &[String], has_subnet: bool) -> Result<Vec<String>, Ec2Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if has_subnet {
        let what = "The parameter groupName cannot be used with the parameter subnet";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let found = call(cx, "DescribeSecurityGroups", [("GroupNames", texts(names))])?;
    Ok(list(&found, "SecurityGroups").iter().map(|group| text(group, "GroupId")).collect())
}

/// What all machines of a launch have alike.
fn pattern(cx: &mut Cx<'_>, req: &Run, way: Way<'_>) -> Result<(Instance, Found), Ec2Error> {
    let own = tags::of_new(cx.caller, &req.tags, &INSTANCE, TAGGED)?;
    let (found, kind) = check(cx, req)?;
    let machinery = cx.memory::<Machinery>();
    let virtual_machine = machinery.all_virtual()
        || match &found {
            Found::BuiltIn(image) => image.virtual_machine,
            Found::Made(_, image) => image.virtual_machine,
        };
    machinery.possible_as(virtual_machine)?;
    let user_data = user_data(req.user_data.as_ref())?;
    let pair = match &req.key_name {
        Some(name) => {
            let found = key_pair::find(cx, name)?;
            Some(found.ok_or_else(|| Plain::InvalidKeyPairNotFound(name.clone()))?.public)
        }
        None => None,
    };
    let metadata = match req.metadata.clone() {
        Some(wanted) => metadata::change(MetadataOptions::default(), wanted, own.keys())?,
        None => MetadataOptions::default(),
    };
    let unlimited = credit::of_launch(cx, req.credits.as_ref(), kind.name)?;
    let layer = match &found {
        Found::BuiltIn(_) => None,
        Found::Made(_, image) => Some(image.layer.clone()).filter(|_| !image.disk && !image.is_sealed()),
    };
    let cpus = Cpus::wanted(req.cpus.as_ref(), kind)?;
    upkeep::Bandwidth::check(req.bandwidth.as_ref(), kind.name)?;
    let mut pattern = Instance {
        reservation: base::id::ec2_resource_id(cx.rng(), "r"),
        image: req.image.clone().unwrap_or_default(),
        layer,
        kind: kind.name.to_owned(),
        key_name: req.key_name.clone(),
        public_key: pair,
        user_data,
        state: state::PENDING,
        launched: cx.now,
        since: cx.now,
        made: Some(cx.now),
        cpus,
        unrecovered: upkeep::Wanted::is_off(req.upkeep.as_ref()),
        terminates_on_shutdown: req.behaviour.as_deref() == Some("terminate") || way.is_one_time(),
        termination_protected: req.protected.unwrap_or(false),
        stop_protected: req.stop_protected.unwrap_or(false),
        token: req.token.clone(),
        metadata,
        unlimited,
        monitored: req.monitoring.as_ref().is_some_and(|wanted| wanted.enabled),
        virtual_machine,
        disk: found.is_disk(),
        rooted: true,
        optimized: req.optimized == Some(true),
        wish: reservation::Wanted::wish(req.reservation.as_ref())?,
        ..Instance::default()
    };
    placement::put(cx, &mut pattern, req.placement.as_ref())?;
    if pattern.group.is_some() && way.stops() {
        let what = "A Spot Instance that is stopped by its interruption may not be in a placement group.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    Ok((pattern, found))
}

/// The new instances.
pub(super) fn start(cx: &mut Cx<'_>, req: &Run, way: Way<'_>) -> Result<Vec<Instance>, Ec2Error> {
    let mut own = tags::of_new(cx.caller, &req.tags, &INSTANCE, TAGGED)?;
    own.extend(req.template.iter().flat_map(Template::tags));
    let of_disks = tags::of_new(cx.caller, &req.tags, &VOLUME, TAGGED)?;
    let of_requests = tags::of_new(cx.caller, &req.tags, &SPOT_REQUEST, TAGGED)?;
    way.check(req, &of_requests)?;
    let mut req = req.clone();
    req.groups.extend(by_name(cx, &std::mem::take(&mut req.named), req.subnet.is_some())?);
    let req = &req;
    let (pattern, image) = pattern(cx, req, way)?;
    let asked = req.profile.as_ref().filter(|named| named.is_any());
    let carried = asked.map(|named| profile::find(cx, named)).transpose()?;
    let plugs = plugs(req)?;
    let zone = way.zone(cx, req, &pattern.kind)?;
    let mut made = Vec::new();
    for index in 0..req.max {
        let profile = carried.as_ref().map(|found| found.associate(cx));
        let mut instance = Instance { id: INSTANCE.id(cx.rng()), index, profile, ..pattern.clone() };
        for wanted in &plugs {
            plug(cx, &mut instance, wanted, req, zone.as_ref())?;
        }
        zone::capacity(cx, &instance.zone, &instance.kind)?;
        placement::take(cx, &mut instance)?;
        instance.spot = way.request(cx, req, &instance, &of_requests)?;
        instance.reserved = claim(cx, &instance)?;
        let key = register::key(cx.account, cx.region, &instance.id);
        INSTANCES.put(cx.tx, &key, &instance);
        // Before it has a link.
        bandwidth::keep(cx.tx, &key, &instance, None)?;
        let cloud = Arc::clone(cx.cloud());
        news::entered(&cloud, cx.tx, (cx.account, cx.region), cx.now, &instance);
        let mut keys = vec![
            ("ec2:InstanceType", instance.kind.clone()),
            ("ec2:AvailabilityZone", instance.zone.clone()),
            ("ec2:Tenancy", placement::tenancy(&instance).to_owned()),
            ("ec2:EbsOptimized", instance.optimized.to_string()),
            ("ec2:RootDeviceType", "ebs".to_owned()),
            ("ec2:InstanceMarketType", if instance.spot.is_some() { "spot" } else { "on-demand" }.to_owned()),
        ];
        keys.extend(metadata::View::of(&instance).keys());
        keys.extend(instance.profile.as_ref().map(|held| ("ec2:InstanceProfile", held.arn.clone())));
        keys.extend(placement::arn(cx, &instance)?.map(|arn| ("ec2:PlacementGroup", arn)));
        register::enter(cx, &INSTANCE, &instance.id, &own, &keys);
        let before = cx.tx.savepoint();
        if let Err(refused) = disks::make(cx, &instance, &image, &req.disks, &of_disks) {
            // AWS asks KMS after the call, which succeeds; the machine then ends and says why. (A request that would launch the
            // next one at once is told instead.)
            let reason = of_volumes(&refused).filter(|_| way.ends_with_its_machine()).ok_or(refused)?;
            cx.tx.rollback_to(before);
            instance.locked = true;
            instance.enter(state::PENDING, cx.now, Some(reason));
            INSTANCES.put(cx.tx, &key, &instance);
        }
        made.push(instance);
    }
    Ok(made)
}
