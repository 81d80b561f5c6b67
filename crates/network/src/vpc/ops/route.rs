//! Routes.

use super::vpc::block;
use crate::vpc::access::on;
use crate::vpc::find;
use crate::vpc::model::{
    EGRESS_GATEWAYS, ENDPOINTS, INTERFACES, INTERNET_GATEWAYS, NATS, NatState, PEERINGS, PREFIX_LISTS,
    PeeringState, ROUTE_TABLES, Route, RouteTable, Target, managed, peering_key,
};
use ec2::attachment;
use ec2::describe::{all, get};
use ec2::errors::Limit;
use ec2::kind::{EGRESS_ONLY_GATEWAY, INSTANCE, INTERNET_GATEWAY, PREFIX_LIST, ROUTE_TABLE};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};
use net::Cidr;

kernel::ops! {
    pub(crate) static OPS:
        CreateRoute: create, "ec2:CreateRoute", |cx, r| on(cx, r)?.one(&ROUTE_TABLE, "RouteTableId").done();
        ReplaceRoute: replace, "ec2:ReplaceRoute", |cx, r| on(cx, r)?.one(&ROUTE_TABLE, "RouteTableId").done();
        DeleteRoute: delete, "ec2:DeleteRoute", |cx, r| on(cx, r)?.one(&ROUTE_TABLE, "RouteTableId").done();
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>: of IPv4 and of IPv6 each, local
/// routes and those of gateway endpoints not counted.
const ROUTES_MAX: usize = 50;

wire::shape! {
    #[derive(Clone, Debug)]
    struct Create {
        prefix_list: Option<String> = "DestinationPrefixListId",
        endpoint: Option<String> = "VpcEndpointId",
        table: String = "RouteTableId",
        cidr: Option<String> = "DestinationCidrBlock",
        gateway: Option<String> = "GatewayId",
        ipv6: Option<String> = "DestinationIpv6CidrBlock",
        egress_gateway: Option<String> = "EgressOnlyInternetGatewayId",
        instance: Option<String> = "InstanceId",
        interface: Option<String> = "NetworkInterfaceId",
        peering: Option<String> = "VpcPeeringConnectionId",
        nat: Option<String> = "NatGatewayId",
    }

    #[derive(Debug)]
    struct Replace {
        prefix_list: Option<String> = "DestinationPrefixListId",
        endpoint: Option<String> = "VpcEndpointId",
        local: Option<bool> = "LocalTarget",
        table: String = "RouteTableId",
        cidr: Option<String> = "DestinationCidrBlock",
        gateway: Option<String> = "GatewayId",
        ipv6: Option<String> = "DestinationIpv6CidrBlock",
        egress_gateway: Option<String> = "EgressOnlyInternetGatewayId",
        instance: Option<String> = "InstanceId",
        interface: Option<String> = "NetworkInterfaceId",
        peering: Option<String> = "VpcPeeringConnectionId",
        nat: Option<String> = "NatGatewayId",
    }

    #[derive(Debug)]
    struct Delete {
        prefix_list: Option<String> = "DestinationPrefixListId",
        table: String = "RouteTableId",
        cidr: Option<String> = "DestinationCidrBlock",
        ipv6: Option<String> = "DestinationIpv6CidrBlock",
    }

    #[derive(Debug)]
    pub(crate) struct RouteView {
        pub(crate) cidr: Option<String> = "DestinationCidrBlock",
        pub(crate) ipv6: Option<String> = "DestinationIpv6CidrBlock",
        pub(crate) prefix_list: Option<String> = "DestinationPrefixListId",
        pub(crate) egress_gateway: Option<String> = "EgressOnlyInternetGatewayId",
        pub(crate) gateway: Option<String> = "GatewayId",
        pub(crate) instance: Option<String> = "InstanceId",
        pub(crate) instance_owner: Option<String> = "InstanceOwnerId",
        pub(crate) nat: Option<String> = "NatGatewayId",
        pub(crate) interface: Option<String> = "NetworkInterfaceId",
        pub(crate) origin: String = "Origin",
        pub(crate) state: String = "State",
        pub(crate) peering: Option<String> = "VpcPeeringConnectionId",
    }
}

impl From<Replace> for Create {
    fn from(r: Replace) -> Create {
        Create {
            prefix_list: r.prefix_list,
            endpoint: r.endpoint,
            table: r.table,
            cidr: r.cidr,
            gateway: r.gateway,
            ipv6: r.ipv6,
            egress_gateway: r.egress_gateway,
            instance: r.instance,
            interface: r.interface,
            peering: r.peering,
            nat: r.nat,
        }
    }
}

/// All routes of a table, the local ones first.
pub(crate) fn views(cx: &Cx<'_>, table: &RouteTable) -> Result<Vec<RouteView>, Ec2Error> {
    let vpc = find::vpc(cx, &table.vpc)?;
    let local = vpc.all_blocks().into_iter().map(|block| block.to_string());
    let local: Vec<Route> = local
        .filter(|destination| table.route(destination).is_none())
        .map(|destination| Route { destination, target: Target::Local })
        .collect();
    let origin = |made: bool| if made { "CreateRoute" } else { "CreateRouteTable" };
    let local = local.iter().map(|route| (route, origin(false)));
    local.chain(table.routes.iter().map(|route| (route, origin(true)))).map(|(r, o)| view(cx, r, o)).collect()
}

fn view(cx: &Cx<'_>, route: &Route, origin: &str) -> Result<RouteView, Ec2Error> {
    let Route { destination, target } = route;
    let is = |yes: bool| yes.then(|| destination.clone());
    let is_list = PREFIX_LIST.fits(destination);
    let id = |yes: bool| yes.then(|| target.id().to_owned());
    let attached = match target {
        Target::Interface(id) => attachment::of(cx.tx, cx.account, cx.region, id)?,
        _ => None,
    };
    let instance = attached.and_then(|attachment| attachment.instance);
    let is_gateway = matches!(target, Target::Local | Target::InternetGateway(_) | Target::Endpoint(_));
    Ok(RouteView {
        cidr: is(!is_list && !destination.contains(':')),
        ipv6: is(destination.contains(':')),
        prefix_list: is(is_list),
        egress_gateway: id(matches!(target, Target::EgressGateway(_))),
        gateway: id(is_gateway),
        instance_owner: instance.is_some().then(|| cx.account.to_string()),
        instance,
        nat: id(matches!(target, Target::Nat(_))),
        interface: id(matches!(target, Target::Interface(_))),
        origin: origin.into(),
        state: if is_alive(cx, target)? { "active" } else { "blackhole" }.into(),
        peering: id(matches!(target, Target::Peering(_))),
    })
}

/// Whether a route's target can take packets; a route whose target cannot is a black hole.
pub(crate) fn is_alive(cx: &Cx<'_>, target: &Target) -> Result<bool, Ec2Error> {
    let key = register::key(cx.account, cx.region, target.id());
    Ok(match target {
        Target::Local => true,
        Target::InternetGateway(_) => INTERNET_GATEWAYS.get(cx.tx, &key)?.is_some_and(|g| g.vpc.is_some()),
        Target::EgressGateway(_) => EGRESS_GATEWAYS.contains(cx.tx, &key)?,
        Target::Nat(_) => {
            let alive = |state| matches!(state, NatState::Pending | NatState::Available);
            NATS.get(cx.tx, &key)?.is_some_and(|nat| alive(nat.state))
        }
        Target::Interface(id) => {
            INTERFACES.contains(cx.tx, &key)? && attachment::live(cx.tx, cx.account, cx.region, id)?.is_some()
        }
        Target::Peering(id) => {
            PEERINGS.get(cx.tx, &peering_key(id))?.is_some_and(|p| p.state == PeeringState::Active)
        }
        Target::Endpoint(_) => ENDPOINTS.contains(cx.tx, &key)?,
    })
}

/// The one destination of a request, canonical.
fn destination(
    cx: &Cx<'_>,
    cidr: Option<&String>,
    ipv6: Option<&String>,
    list: Option<&String>,
) -> Result<String, Ec2Error> {
    let given = [cidr, ipv6, list].iter().flatten().count();
    if given == 0 {
        return Err(Plain::MissingParameter("destinationCidrBlock".into()).into());
    }
    if given > 1 {
        let what = "Only one of destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId may be given.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    if let Some(list) = list {
        ec2::describe::check_id(&PREFIX_LIST, list)?;
        let own = PREFIX_LISTS.contains(cx.tx, &register::key(cx.account, cx.region, list))?;
        if !own && managed(cx.region).iter().all(|m| m.id != *list) {
            return Err(Ec2Error::not_found(&PREFIX_LIST, list));
        }
        return Ok(list.clone());
    }
    let (text, name, v4) = match (cidr, ipv6) {
        (Some(text), _) => (text, "destinationCidrBlock", true),
        (_, Some(text)) => (text, "destinationIpv6CidrBlock", false),
        _ => return Err(Plain::InternalError.into()),
    };
    let block = block(text, name)?;
    if block.is_v4() != v4 {
        return Err(Ec2Error::value(text, name, "This is not a valid CIDR block."));
    }
    Ok(block.to_string())
}

/// The one target of a request; it is there, and in the table's VPC.
fn target(cx: &Cx<'_>, table: &RouteTable, req: &Create) -> Result<Target, Ec2Error> {
    let all = [
        &req.endpoint,
        &req.gateway,
        &req.egress_gateway,
        &req.instance,
        &req.interface,
        &req.peering,
        &req.nat,
    ];
    match all.iter().filter(|t| t.is_some()).count() {
        0 => {
            let what = "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId or instanceId";
            return Err(Plain::MissingTarget(what.into()).into());
        }
        1 => {}
        _ => {
            let what = "You can specify only one route target.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
    }
    let elsewhere = |id: &str| {
        let what = format!("route table {} and network gateway {id} belong to different networks", table.id);
        Ec2Error::from(Plain::InvalidParameterValue(what))
    };
    let here =
        |vpc: Option<&String>, id: &str| if vpc == Some(&table.vpc) { Ok(()) } else { Err(elsewhere(id)) };
    if let Some(id) = &req.gateway {
        if id == "local" {
            return Ok(Target::Local);
        }
        let gateway = get(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, id)?;
        here(gateway.vpc.as_ref(), id)?;
        return Ok(Target::InternetGateway(id.clone()));
    }
    if let Some(id) = &req.egress_gateway {
        here(Some(&get(cx, &EGRESS_GATEWAYS, &EGRESS_ONLY_GATEWAY, id)?.vpc), id)?;
        return Ok(Target::EgressGateway(id.clone()));
    }
    if let Some(id) = &req.nat {
        let nat = find::nat(cx, id)?;
        if matches!(nat.state, NatState::Deleting | NatState::Deleted) {
            return Err(Ec2Error::nat_not_found(id));
        }
        here(Some(&nat.vpc), id)?;
        return Ok(Target::Nat(id.clone()));
    }
    if let Some(id) = &req.interface {
        here(Some(&find::interface(cx, id)?.vpc), id)?;
        return Ok(Target::Interface(id.clone()));
    }
    if let Some(id) = &req.peering {
        let peering = find::peering(cx, id)?;
        if !peering.state.is_open() || peering.from(&table.vpc).is_none() {
            return Err(elsewhere(id));
        }
        return Ok(Target::Peering(id.clone()));
    }
    if let Some(id) = &req.endpoint {
        find::endpoint(cx, id)?;
        let what = format!(
            "Route table contains unsupported route target: {id}. VPC Endpoints of this type cannot be used as route targets."
        );
        return Err(Plain::RouteNotSupported(what).into());
    }
    let id = req.instance.as_deref().unwrap_or_default();
    interface_of(cx, id).map(Target::Interface)
}

/// The only interface of an instance.
fn interface_of(cx: &Cx<'_>, instance: &str) -> Result<String, Ec2Error> {
    ec2::describe::check_id(&INSTANCE, instance)?;
    let mut found = Vec::new();
    for interface in all(cx, &INTERFACES)? {
        let attached = attachment::of(cx.tx, cx.account, cx.region, &interface.id)?;
        if attached.is_some_and(|attachment| attachment.instance.as_deref() == Some(instance)) {
            found.push(interface.id);
        }
    }
    match found.len() {
        0 => Err(Ec2Error::not_found(&INSTANCE, instance)),
        1 => Ok(found.remove(0)),
        _ => {
            let what = format!(
                "There are multiple interfaces attached to instance '{instance}'. Please specify an interface ID for the operation instead."
            );
            Err(Plain::InvalidInstanceId(what).into())
        }
    }
}

/// A route that is as specific as the VPC's own block or more so may lead to an interface only.
fn fits(cx: &Cx<'_>, table: &RouteTable, destination: &str, target: &Target) -> Result<(), Ec2Error> {
    let Ok(cidr) = destination.parse::<Cidr>() else { return Ok(()) };
    let blocks = find::vpc(cx, &table.vpc)?.all_blocks();
    let is_inside = blocks.iter().any(|block| block.covers(cidr));
    let good = !is_inside || matches!(target, Target::Local | Target::Interface(_) | Target::Nat(_));
    let is_own = blocks.contains(&cidr);
    match (good, is_own, target) {
        (false, ..) => {
            let what = format!(
                "The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
            );
            Err(Plain::InvalidParameterValue(what).into())
        }
        (_, false, Target::Interface(_) | Target::Nat(_)) if is_inside && !is_of_subnet(cx, table, cidr)? => {
            let what = "Route destination doesn't match any subnet CIDR blocks.";
            Err(Plain::InvalidParameterValue(what.into()).into())
        }
        (_, false, Target::Local) => {
            let what = "The local target is for the destination of a local route only.";
            Err(Plain::InvalidParameterValue(what.into()).into())
        }
        _ => Ok(()),
    }
}

/// Whether a destination is the whole block of a subnet.
fn is_of_subnet(cx: &Cx<'_>, table: &RouteTable, destination: Cidr) -> Result<bool, Ec2Error> {
    Ok(find::subnets_of(cx, &table.vpc)?.iter().any(|subnet| subnet.blocks().contains(&destination)))
}

fn save(cx: &mut Cx<'_>, table: &RouteTable) {
    ROUTE_TABLES.put(cx.tx, &register::key(cx.account, cx.region, &table.id), table);
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<super::Done, Ec2Error> {
    let mut table = find::route_table(cx, &req.table)?;
    let destination = destination(cx, req.cidr.as_ref(), req.ipv6.as_ref(), req.prefix_list.as_ref())?;
    let target = target(cx, &table, &req)?;
    let own = find::vpc(cx, &table.vpc)?.all_blocks().iter().any(|block| block.to_string() == destination);
    if let Some(there) = table.route(&destination) {
        // The same once more is no error.
        if there.target == target {
            return Ok(super::DONE);
        }
        return Err(Plain::RouteAlreadyExists(destination).into());
    }
    if own {
        return Err(Plain::RouteAlreadyExists(destination).into());
    }
    fits(cx, &table, &destination, &target)?;
    let v6 = destination.contains(':');
    let counted = |r: &&Route| r.destination.contains(':') == v6 && !matches!(r.target, Target::Endpoint(_));
    if table.routes.iter().filter(counted).count() >= ROUTES_MAX {
        return Err(Limit::Route(table.id).into());
    }
    table.routes.push(Route { destination, target });
    save(cx, &table);
    Ok(super::DONE)
}

fn replace(cx: &mut Cx<'_>, req: Replace) -> Result<Empty, Ec2Error> {
    let mut table = find::route_table(cx, &req.table)?;
    let destination = destination(cx, req.cidr.as_ref(), req.ipv6.as_ref(), req.prefix_list.as_ref())?;
    let own = find::vpc(cx, &table.vpc)?.all_blocks().iter().any(|block| block.to_string() == destination);
    if table.route(&destination).is_none() && !own {
        let what = format!(
            "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        );
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let target =
        if req.local == Some(true) { Target::Local } else { target(cx, &table, &Create::from(req))? };
    fits(cx, &table, &destination, &target)?;
    table.routes.retain(|route| route.destination != destination);
    if target != Target::Local {
        table.routes.push(Route { destination, target });
    }
    save(cx, &table);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, Ec2Error> {
    let mut table = find::route_table(cx, &req.table)?;
    let destination = destination(cx, req.cidr.as_ref(), req.ipv6.as_ref(), req.prefix_list.as_ref())?;
    if find::vpc(cx, &table.vpc)?.all_blocks().iter().any(|block| block.to_string() == destination) {
        let what = format!("cannot remove local route {destination} in route table {}", table.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    match table.route(&destination) {
        None => return Err(Plain::InvalidRouteNotFound(table.id, destination).into()),
        Some(Route { target: Target::Endpoint(endpoint), .. }) => {
            let what = format!(
                "cannot remove VPC endpoint route {destination} ({endpoint}) in route table {}",
                table.id
            );
            return Err(Plain::InvalidParameterValue(what).into());
        }
        Some(_) => table.routes.retain(|route| route.destination != destination),
    }
    save(cx, &table);
    Ok(Empty)
}
