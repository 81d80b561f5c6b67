//! VPC endpoints: gateways to S3 and DynamoDB by routes, interfaces to these and the other services that this cloud has.

use super::interface::{New, group_views, groups, plug, save as save_interface, unplug};
use super::{DONE, Done, item, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::in_vpc;
use crate::vpc::model::{
    ENDPOINTS, Endpoint, EndpointKind, InterfaceKind, ROUTE_TABLES, Route, S3, Subnet, Target, Vpc, managed,
    prefix_of, private_name, service_name,
};
use auth::policy::{Policy, PolicyKind};
use base::tag::Tags;
use base::{Region, Timestamp};
use ec2::attachment::CLOUD;
use ec2::describe::{self, Ask, all, check_id, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{self, Filter, Known};
use ec2::kind::{ROUTE_TABLE, SECURITY_GROUP, SUBNET, VPC, VPC_ENDPOINT};
use ec2::shapes::GroupView;
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::Cx;
use wire::Fault;

kernel::ops! {
    pub(crate) static OPS:
        CreateVpcEndpoint: create, "ec2:CreateVpcEndpoint", |cx, r| on(cx, r)?.new(&VPC_ENDPOINT).key("ec2:VpceServiceName", r.str("ServiceName").unwrap_or_default()).one(&VPC, "VpcId").many(&ROUTE_TABLE, "RouteTableIds").many(&SUBNET, "SubnetIds").many(&SECURITY_GROUP, "SecurityGroupIds").done();
        DeleteVpcEndpoints: delete, "ec2:DeleteVpcEndpoints", |cx, r| on(cx, r)?.many(&VPC_ENDPOINT, "VpcEndpointIds").done();
        ModifyVpcEndpoint: modify, "ec2:ModifyVpcEndpoint", |cx, r| on(cx, r)?.one(&VPC_ENDPOINT, "VpcEndpointId").many(&ROUTE_TABLE, "AddRouteTableIds").many(&ROUTE_TABLE, "RemoveRouteTableIds").many(&SUBNET, "AddSubnetIds").many(&SUBNET, "RemoveSubnetIds").many(&SECURITY_GROUP, "AddSecurityGroupIds").many(&SECURITY_GROUP, "RemoveSecurityGroupIds").done();
        DescribeVpcEndpoints: describe, "ec2:DescribeVpcEndpoints", list;
        DescribeVpcEndpointServices: describe_services, "ec2:DescribeVpcEndpointServices", list;
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html>
const GATEWAYS_MAX: usize = 20;
const INTERFACES_MAX: usize = 50;
const POLICY_CHARS_MAX: usize = 20_480;

/// What an endpoint has that is made without a policy.
const FULL_ACCESS: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        kind: Option<String> = "VpcEndpointType",
        vpc: String = "VpcId",
        service: Option<String> = "ServiceName",
        policy: Option<String> = "PolicyDocument",
        tables: Vec<String> = "RouteTableIds",
        subnets: Vec<String> = "SubnetIds",
        groups: Vec<String> = "SecurityGroupIds",
        token: Option<String> = "ClientToken",
        private_dns: Option<bool> = "PrivateDnsEnabled",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Made {
        endpoint: View = "VpcEndpoint",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "VpcEndpointId",
        kind: String = "VpcEndpointType",
        vpc: String = "VpcId",
        service: String = "ServiceName",
        state: String = "State",
        policy: String = "PolicyDocument",
        tables: Vec<String> = "RouteTableIds",
        subnets: Vec<String> = "SubnetIds",
        groups: Vec<GroupView> = "Groups",
        address_type: String = "IpAddressType",
        dns: Option<DnsOptions> = "DnsOptions",
        private_dns: bool = "PrivateDnsEnabled",
        requester_managed: bool = "RequesterManaged",
        interfaces: Vec<String> = "NetworkInterfaceIds",
        names: Vec<DnsName> = "DnsEntries",
        created: Timestamp = "CreationTimestamp",
        tags: Vec<Tag> = "Tags",
        owner: String = "OwnerId",
        region: String = "ServiceRegion",
    }

    #[derive(Debug)]
    struct DnsOptions { record_type: String = "DnsRecordIpType" }

    #[derive(Debug)]
    struct DnsName { name: String = "DnsName" }

    #[derive(Debug)]
    struct Delete { ids: Vec<String> = "VpcEndpointIds" }

    #[derive(Debug)]
    struct Deleted { unsuccessful: Vec<Unsuccessful> = "Unsuccessful" }

    #[derive(Debug)]
    struct Unsuccessful {
        error: ItemError = "Error",
        id: String = "ResourceId",
    }

    #[derive(Debug)]
    struct ItemError {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct Modify {
        id: String = "VpcEndpointId",
        reset: Option<bool> = "ResetPolicy",
        policy: Option<String> = "PolicyDocument",
        add_tables: Vec<String> = "AddRouteTableIds",
        remove_tables: Vec<String> = "RemoveRouteTableIds",
        add_subnets: Vec<String> = "AddSubnetIds",
        remove_subnets: Vec<String> = "RemoveSubnetIds",
        add_groups: Vec<String> = "AddSecurityGroupIds",
        remove_groups: Vec<String> = "RemoveSecurityGroupIds",
        private_dns: Option<bool> = "PrivateDnsEnabled",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "VpcEndpointIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Endpoints {
        endpoints: Vec<View> = "VpcEndpoints",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct DescribeServices {
        names: Vec<String> = "ServiceNames",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Services {
        names: Vec<String> = "ServiceNames",
        details: Vec<ServiceView> = "ServiceDetails",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct ServiceView {
        name: String = "ServiceName",
        kinds: Vec<ServiceKind> = "ServiceType",
        region: String = "ServiceRegion",
        zones: Vec<String> = "AvailabilityZones",
        owner: String = "Owner",
        dns: Option<String> = "PrivateDnsName",
        policy: bool = "VpcEndpointPolicySupported",
        acceptance: bool = "AcceptanceRequired",
        manages: bool = "ManagesVpcEndpoints",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct ServiceKind { kind: String = "ServiceType" }
}

item!(View, id);

fn save(cx: &mut Cx<'_>, endpoint: &Endpoint) {
    ENDPOINTS.put(cx.tx, &register::key(cx.account, cx.region, &endpoint.id), endpoint);
}

/// The services that endpoints lead to: those of this cloud that are regional.
fn services(cx: &Cx<'_>) -> Vec<(String, EndpointKind)> {
    let mut out: Vec<(String, EndpointKind)> =
        managed(cx.region).into_iter().map(|list| (list.name, EndpointKind::Gateway)).collect();
    // AWS: these two are reached by either kind.
    out.extend(managed(cx.region).into_iter().map(|list| (list.name, EndpointKind::Interface)));
    // Of the services that are everywhere the same, STS is the one that answers in each region.
    for service in cx.cloud().services().filter(|service| !service.global || service.id == "sts") {
        let Some(model) = wire::catalog::service(service.id) else { continue };
        let name = service_name(model.endpoint_prefix, cx.region);
        if out.iter().all(|(other, _)| *other != name) {
            out.push((name, EndpointKind::Interface));
        }
    }
    out
}

fn view(cx: &Cx<'_>, endpoint: &Endpoint) -> Result<View, Ec2Error> {
    Ok(View {
        id: endpoint.id.clone(),
        kind: endpoint.kind.word().into(),
        vpc: endpoint.vpc.clone(),
        service: endpoint.service.clone(),
        state: if endpoint.available { "available" } else { "pending" }.into(),
        policy: endpoint.policy.clone(),
        tables: endpoint.route_tables.clone(),
        subnets: endpoint.subnets.clone(),
        groups: group_views(cx, &endpoint.groups)?,
        address_type: "ipv4".into(),
        // The resolver knows its names by IPv4 alone.
        dns: (endpoint.kind == EndpointKind::Interface).then(|| DnsOptions { record_type: "ipv4".into() }),
        private_dns: endpoint.private_dns,
        requester_managed: false,
        interfaces: endpoint.interfaces.clone(),
        names: names(cx, endpoint)?,
        created: endpoint.created,
        tags: tags::view(&register::tags(cx, &endpoint.id)?),
        owner: cx.account.to_string(),
        region: cx.region.name().into(),
    })
}

/// What an interface endpoint can be reached by: all of it, in each zone, and, where it has taken that over, by the name of
/// the service.
fn names(cx: &Cx<'_>, endpoint: &Endpoint) -> Result<Vec<DnsName>, Ec2Error> {
    if endpoint.kind != EndpointKind::Interface {
        return Ok(Vec::new());
    }
    let mut names = vec![endpoint.regional_name(cx.region)];
    for id in &endpoint.interfaces {
        names.push(endpoint.zonal_name(cx.region, &find::interface(cx, id)?.zone));
    }
    if endpoint.private_dns {
        names.extend(private_name(endpoint.prefix(cx.region), cx.region));
    }
    // AWS: below S3's there are names for buckets.
    let wild = if endpoint.prefix(cx.region) == S3 { "*." } else { "" };
    Ok(names.into_iter().map(|name| DnsName { name: format!("{wild}{name}") }).collect())
}

/// A policy that is one; its text as it came.
fn policy(text: &str) -> Result<String, Ec2Error> {
    if text.len() > POLICY_CHARS_MAX {
        let what = format!("The policy has more than {POLICY_CHARS_MAX} characters.");
        return Err(Plain::InvalidPolicyDocument(what).into());
    }
    Policy::parse(text, PolicyKind::Resource(""))
        .map_err(|wrong| Plain::InvalidPolicyDocument(wrong.message))?;
    Ok(text.to_owned())
}

/// Recorded: endpoints have words of their own for it.
fn not_a_vpc(id: &str) -> Ec2Error {
    let what = format!(
        "Invalid Id: '{id}' (expecting 'vpc-...; the Id may only contain lowercase alphanumeric characters and a single dash')"
    );
    Fault::new(400, VPC.malformed, what).into()
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &VPC_ENDPOINT, &[&VPC_ENDPOINT])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let endpoint = find::endpoint(cx, &id)?;
        return Ok(Made { endpoint: view(cx, &endpoint)?, token: req.token });
    }
    if !VPC.fits(&req.vpc) {
        return Err(not_a_vpc(&req.vpc));
    }
    let vpc = find::vpc(cx, &req.vpc)?;
    let name = super::needed(req.service.as_ref(), "serviceName")?.to_owned();
    let kind = match req.kind.as_deref() {
        None | Some("Gateway") => EndpointKind::Gateway,
        Some("Interface") => EndpointKind::Interface,
        Some(other) => {
            let what = format!("Endpoint type ({other}) is not available.");
            return Err(Plain::InvalidParameter(what).into());
        }
    };
    let known = services(cx);
    if known.iter().all(|(service, _)| *service != name) {
        return Err(Plain::InvalidServiceName(name).into());
    }
    if !known.contains(&(name.clone(), kind)) {
        let word = kind.word();
        let what = format!("Endpoint type ({word}) does not match available service types for {name}.");
        return Err(Plain::InvalidParameter(what).into());
    }
    let mut endpoint = Endpoint {
        id: VPC_ENDPOINT.id(cx.rng()),
        kind,
        vpc: vpc.id.clone(),
        service: name,
        policy: req.policy.as_deref().map(policy).transpose()?.unwrap_or_else(|| FULL_ACCESS.to_owned()),
        created: cx.now,
        available: kind == EndpointKind::Gateway,
        ..Endpoint::default()
    };
    room(cx, &endpoint)?;
    match kind {
        EndpointKind::Gateway => new_gateway(cx, &mut endpoint, &req)?,
        EndpointKind::Interface => new_interface(cx, &mut endpoint, &vpc, &req)?,
    }
    save(cx, &endpoint);
    let keys = [in_vpc(cx, &endpoint.vpc), ("ec2:VpceServiceName", endpoint.service.clone())];
    register::enter(cx, &VPC_ENDPOINT, &endpoint.id, &tags, &keys);
    token::keep(cx, req.token.as_ref(), &req, &endpoint.id);
    Ok(Made { endpoint: view(cx, &endpoint)?, token: req.token })
}

fn new_gateway(cx: &mut Cx<'_>, endpoint: &mut Endpoint, req: &Create) -> Result<(), Ec2Error> {
    if !req.subnets.is_empty() || !req.groups.is_empty() || req.private_dns == Some(true) {
        let what = "Subnets, security groups and private DNS are not supported for gateway endpoints.";
        return Err(Plain::InvalidParameter(what.into()).into());
    }
    req.tables.iter().try_for_each(|table| route(cx, endpoint, table))
}

fn new_interface(cx: &mut Cx<'_>, endpoint: &mut Endpoint, vpc: &Vpc, req: &Create) -> Result<(), Ec2Error> {
    if !req.tables.is_empty() {
        let what = "Route table IDs are not supported for interface endpoints.";
        return Err(Plain::InvalidParameter(what.into()).into());
    }
    let offered = private_name(endpoint.prefix(cx.region), cx.region).is_some();
    if req.private_dns == Some(true) && endpoint.prefix(cx.region) == S3 {
        let what =
            "Interface endpoints of S3 do not take over its private DNS name in this version of Virga.";
        return Err(Plain::Unsupported(what.into()).into());
    }
    private_dns(cx, endpoint, vpc, req.private_dns.unwrap_or(offered))?;
    endpoint.groups = groups(cx, req.subnets.first().map_or("", String::as_str), &vpc.id, &req.groups)?;
    req.subnets.iter().try_for_each(|subnet| plug_in(cx, endpoint, subnet))
}

fn room(cx: &Cx<'_>, endpoint: &Endpoint) -> Result<(), Ec2Error> {
    let there = all(cx, &ENDPOINTS)?;
    let count = |of: &dyn Fn(&Endpoint) -> bool| there.iter().filter(|e| of(e)).count();
    let full = match endpoint.kind {
        EndpointKind::Gateway => count(&|e| e.kind == EndpointKind::Gateway) >= GATEWAYS_MAX,
        EndpointKind::Interface => {
            count(&|e| e.kind == EndpointKind::Interface && e.vpc == endpoint.vpc) >= INTERFACES_MAX
        }
    };
    if full { Err(Limit::VpcEndpoint.into()) } else { Ok(()) }
}

fn private_dns(cx: &Cx<'_>, endpoint: &mut Endpoint, vpc: &Vpc, wanted: bool) -> Result<(), Ec2Error> {
    if wanted && let Some(what) = no_private_dns(cx, endpoint)? {
        return Err(Plain::InvalidParameter(what).into());
    }
    if wanted && !(vpc.dns_support && vpc.dns_hostnames) {
        let what = format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            vpc.id
        );
        return Err(Plain::InvalidParameter(what).into());
    }
    endpoint.private_dns = wanted;
    Ok(())
}

/// Why an endpoint cannot take over the name of its service.
fn no_private_dns(cx: &Cx<'_>, endpoint: &Endpoint) -> Result<Option<String>, Ec2Error> {
    let Endpoint { id, vpc, service, .. } = endpoint;
    let Some(name) = private_name(endpoint.prefix(cx.region), cx.region) else {
        let what = format!(
            "Private DNS can't be enabled because the service {service} does not provide a private DNS name."
        );
        return Ok(Some(what));
    };
    let has = |other: &Endpoint| {
        other.private_dns && other.vpc == *vpc && other.service == *service && other.id != *id
    };
    Ok(all(cx, &ENDPOINTS)?.iter().any(has).then(|| {
        format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {vpc}"
        )
    }))
}

/// Puts the way to the endpoint into a route table.
fn route(cx: &mut Cx<'_>, endpoint: &mut Endpoint, id: &str) -> Result<(), Ec2Error> {
    let mut table = find::route_table(cx, id)?;
    if table.vpc != endpoint.vpc {
        let what = format!("Route table {id} belongs to a different network than endpoint {}", endpoint.id);
        return Err(Plain::InvalidParameter(what).into());
    }
    let destination = destination(cx, endpoint)?;
    if table.route(&destination).is_some() {
        let what = format!("{destination} in route table {id}");
        return Err(Plain::RouteAlreadyExists(what).into());
    }
    table.routes.push(Route { destination, target: Target::Endpoint(endpoint.id.clone()) });
    ROUTE_TABLES.put(cx.tx, &register::key(cx.account, cx.region, id), &table);
    endpoint.route_tables.push(id.to_owned());
    Ok(())
}

fn destination(cx: &Cx<'_>, endpoint: &Endpoint) -> Result<String, Ec2Error> {
    let found = managed(cx.region).into_iter().find(|list| list.name == endpoint.service);
    Ok(found.ok_or(Plain::InternalError)?.id)
}

fn unroute(cx: &mut Cx<'_>, endpoint: &mut Endpoint, id: &str) -> Result<(), Ec2Error> {
    if let Some(mut table) = ROUTE_TABLES.get(cx.tx, &register::key(cx.account, cx.region, id))? {
        table.routes.retain(|route| route.target != Target::Endpoint(endpoint.id.clone()));
        ROUTE_TABLES.put(cx.tx, &register::key(cx.account, cx.region, id), &table);
    }
    endpoint.route_tables.retain(|table| table != id);
    Ok(())
}

/// Gives the endpoint an interface in a subnet: one in each zone.
fn plug_in(cx: &mut Cx<'_>, endpoint: &mut Endpoint, id: &str) -> Result<(), Ec2Error> {
    let subnet = find::subnet(cx, id)?;
    if subnet.vpc != endpoint.vpc {
        let what = format!("The subnet ID '{id}' does not belong to the VPC {}.", endpoint.vpc);
        return Err(Plain::InvalidParameter(what).into());
    }
    let same_zone =
        |other: &String| find::subnet(cx, other).is_ok_and(|other: Subnet| other.zone == subnet.zone);
    if endpoint.subnets.iter().any(same_zone) {
        let what = format!("Found another VPC endpoint subnet in the availability zone of {id}.");
        return Err(Plain::DuplicateSubnetsInSameZone(what).into());
    }
    let new = New {
        description: format!("VPC Endpoint Interface {}", endpoint.id),
        groups: endpoint.groups.clone(),
        kind: InterfaceKind::Endpoint,
        requester: Some(CLOUD.into()),
        ..New::default()
    };
    let interface = plug(cx, &subnet, new, &Tags::new())?;
    endpoint.interfaces.push(interface.id);
    endpoint.subnets.push(subnet.id);
    Ok(())
}

fn pull_out(cx: &mut Cx<'_>, endpoint: &mut Endpoint, subnet: &str) -> Result<(), Ec2Error> {
    for id in endpoint.interfaces.clone() {
        let interface = find::interface(cx, &id)?;
        if interface.subnet == subnet {
            unplug(cx, &interface)?;
            endpoint.interfaces.retain(|other| *other != id);
        }
    }
    endpoint.subnets.retain(|other| other != subnet);
    Ok(())
}

/// Each for itself: what fails is told of, and does not keep the others.
fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Deleted, Ec2Error> {
    let mut unsuccessful = Vec::new();
    for id in req.ids {
        match find::endpoint(cx, &id) {
            Ok(mut endpoint) => {
                for table in endpoint.route_tables.clone() {
                    unroute(cx, &mut endpoint, &table)?;
                }
                for subnet in endpoint.subnets.clone() {
                    pull_out(cx, &mut endpoint, &subnet)?;
                }
                ENDPOINTS.delete(cx.tx, &register::key(cx.account, cx.region, &id));
                register::strike(cx.tx, cx.account, cx.region, &id);
            }
            Err(error) => {
                let error = ItemError { code: error.code().into(), message: error.message().into() };
                unsuccessful.push(Unsuccessful { error, id });
            }
        }
    }
    Ok(Deleted { unsuccessful })
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Done, Ec2Error> {
    let mut endpoint = find::endpoint(cx, &req.id)?;
    let is_gateway = endpoint.kind == EndpointKind::Gateway;
    let of_interfaces = [&req.add_subnets, &req.remove_subnets, &req.add_groups, &req.remove_groups];
    let of_gateways = [&req.add_tables, &req.remove_tables];
    if is_gateway && (of_interfaces.iter().any(|list| !list.is_empty()) || req.private_dns.is_some())
        || !is_gateway && of_gateways.iter().any(|list| !list.is_empty())
    {
        let what = format!("The request does not fit an endpoint of the type {}.", endpoint.kind.word());
        return Err(Plain::InvalidParameter(what).into());
    }
    if req.reset == Some(true) {
        endpoint.policy = FULL_ACCESS.to_owned();
    }
    if let Some(text) = &req.policy {
        endpoint.policy = policy(text)?;
    }
    for table in &req.remove_tables {
        unroute(cx, &mut endpoint, table)?;
    }
    for table in &req.add_tables {
        route(cx, &mut endpoint, table)?;
    }
    for subnet in &req.remove_subnets {
        pull_out(cx, &mut endpoint, subnet)?;
    }
    change_groups(cx, &mut endpoint, &req)?;
    for subnet in &req.add_subnets {
        plug_in(cx, &mut endpoint, subnet)?;
    }
    if let Some(wanted) = req.private_dns {
        let vpc = find::vpc(cx, &endpoint.vpc)?;
        private_dns(cx, &mut endpoint, &vpc, wanted)?;
    }
    save(cx, &endpoint);
    Ok(DONE)
}

fn change_groups(cx: &mut Cx<'_>, endpoint: &mut Endpoint, req: &Modify) -> Result<(), Ec2Error> {
    if req.add_groups.is_empty() && req.remove_groups.is_empty() {
        return Ok(());
    }
    let mut wanted = endpoint.groups.clone();
    wanted.retain(|group| !req.remove_groups.contains(group));
    wanted.extend(req.add_groups.iter().cloned());
    endpoint.groups = groups(cx, "", &endpoint.vpc, &wanted)?;
    for id in &endpoint.interfaces {
        let mut interface = find::interface(cx, id)?;
        interface.groups.clone_from(&endpoint.groups);
        save_interface(cx, &interface);
    }
    Ok(())
}

static FILTERS: &Known<View> = &[
    ("ip-address-type", |e| one(&e.address_type)),
    ("service-name", |e| one(&e.service)),
    ("service-region", |e| one(&e.region)),
    ("vpc-endpoint-id", |e| one(&e.id)),
    ("vpc-endpoint-state", |e| one(&e.state)),
    ("vpc-endpoint-type", |e| one(&e.kind)),
    ("vpc-id", |e| one(&e.vpc)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Endpoints, Ec2Error> {
    ids_or_pages(&req.ids, "vpcEndpointIds", req.max)?;
    req.ids.iter().try_for_each(|id| check_id(&VPC_ENDPOINT, id))?;
    let found = describe::some(cx, &ENDPOINTS, &VPC_ENDPOINT, &req.ids)?;
    let items = found.iter().map(|endpoint| view(cx, endpoint)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (endpoints, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Endpoints { endpoints, next })
}

static SERVICE_FILTERS: &Known<ServiceView> = &[
    ("owner", |s| one(&s.owner)),
    ("service-name", |s| one(&s.name)),
    ("service-region", |s| one(&s.region)),
    ("service-type", |s| s.kinds.iter().map(|k| k.kind.clone()).collect()),
    ("supported-ip-address-types", |_| one("ipv4")),
];

fn describe_services(cx: &mut Cx<'_>, req: DescribeServices) -> Result<Services, Ec2Error> {
    filter::check(&req.filters, SERVICE_FILTERS)?;
    let known = services(cx);
    if let Some(missing) = req.names.iter().find(|name| known.iter().all(|(other, _)| other != *name)) {
        return Err(Plain::InvalidServiceName(missing.clone()).into());
    }
    let region = cx.region.name();
    let mut found: Vec<ServiceView> = known
        .into_iter()
        .filter(|(name, _)| req.names.is_empty() || req.names.contains(name))
        .map(|(name, kind)| ServiceView {
            dns: private(&name, kind, cx.region),
            name,
            kinds: vec![ServiceKind { kind: kind.word().into() }],
            region: region.into(),
            zones: cx.region.zones().collect(),
            owner: "amazon".into(),
            policy: true,
            acceptance: false,
            manages: false,
            tags: Vec::new(),
        })
        .collect();
    found.retain(|service| filter::passes(service, &service.tags, &req.filters, SERVICE_FILTERS));
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let place = |service: &ServiceView| {
        let kind = service.kinds.first().map_or("", |kind| kind.kind.as_str());
        format!("{} {kind}", service.name)
    };
    let (details, next) = describe::cut(cx, found, ask, place)?;
    let mut names: Vec<String> = details.iter().map(|service| service.name.clone()).collect();
    names.dedup();
    Ok(Services { names, details, next })
}

/// The name of a service that its endpoints can take over.
fn private(service: &str, kind: EndpointKind, region: Region) -> Option<String> {
    private_name(prefix_of(service, region), region).filter(|_| kind == EndpointKind::Interface)
}

/// A route table is gone.
pub(crate) fn forget_table(cx: &mut Cx<'_>, table: &str) -> Result<(), Ec2Error> {
    for mut endpoint in all(cx, &ENDPOINTS)? {
        if endpoint.route_tables.iter().any(|id| id == table) {
            endpoint.route_tables.retain(|id| id != table);
            save(cx, &endpoint);
        }
    }
    Ok(())
}

/// Whether an endpoint is in a group.
pub(crate) fn uses_group(cx: &Cx<'_>, group: &str) -> Result<bool, Ec2Error> {
    Ok(all(cx, &ENDPOINTS)?.iter().any(|endpoint| endpoint.groups.iter().any(|id| id == group)))
}
