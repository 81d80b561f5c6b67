//! Route tables and what they are associated with.

use super::route::{RouteView, views};
use super::{item, maybe, needed, one};
use crate::vpc::access::{list, on};
use crate::vpc::find;
use crate::vpc::make::{self, in_vpc};
use crate::vpc::model::{INTERNET_GATEWAYS, ROUTE_TABLES, RouteTable, TableAssociation};
use ec2::access::Access;
use ec2::describe::{self, Ask, all, ids_or_pages};
use ec2::errors::Limit;
use ec2::filter::{Filter, Known};
use ec2::kind::{INTERNET_GATEWAY, ROUTE_TABLE, SUBNET, VPC};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Empty};
use wire::{Fault, Struct};

kernel::ops! {
    pub(crate) static OPS:
        CreateRouteTable: create, "ec2:CreateRouteTable", |cx, r| on(cx, r)?.new(&ROUTE_TABLE).one(&VPC, "VpcId").done();
        DeleteRouteTable: delete, "ec2:DeleteRouteTable", |cx, r| on(cx, r)?.one(&ROUTE_TABLE, "RouteTableId").done();
        DescribeRouteTables: describe, "ec2:DescribeRouteTables", list;
        AssociateRouteTable: associate, "ec2:AssociateRouteTable", |cx, r| on(cx, r)?.one(&ROUTE_TABLE, "RouteTableId").one(&SUBNET, "SubnetId").one(&INTERNET_GATEWAY, "GatewayId").done();
        DisassociateRouteTable: disassociate, "ec2:DisassociateRouteTable", |cx, r| of_association(cx, r)?.done();
        ReplaceRouteTableAssociation: replace, "ec2:ReplaceRouteTableAssociation", |cx, r| of_association(cx, r)?.one(&ROUTE_TABLE, "RouteTableId").done();
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const TABLES_MAX: usize = 200;

wire::shape! {
    #[derive(Debug)]
    struct Create {
        tags: Vec<TagSpecification> = "TagSpecifications",
        token: Option<String> = "ClientToken",
        vpc: String = "VpcId",
    }

    #[derive(Debug)]
    struct Made {
        table: TableView = "RouteTable",
        token: Option<String> = "ClientToken",
    }

    #[derive(Debug)]
    struct OneTable { id: String = "RouteTableId" }

    #[derive(Debug)]
    struct Describe {
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        ids: Vec<String> = "RouteTableIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct TableList {
        tables: Vec<TableView> = "RouteTables",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct TableView {
        associations: Vec<AssociationView> = "Associations",
        propagating: Vec<Propagating> = "PropagatingVgws",
        id: String = "RouteTableId",
        routes: Vec<RouteView> = "Routes",
        tags: Vec<Tag> = "Tags",
        vpc: String = "VpcId",
        owner: String = "OwnerId",
    }

    #[derive(Debug)]
    struct Propagating { gateway: String = "GatewayId" }

    #[derive(Debug)]
    struct AssociationView {
        main: bool = "Main",
        id: String = "RouteTableAssociationId",
        table: String = "RouteTableId",
        subnet: Option<String> = "SubnetId",
        gateway: Option<String> = "GatewayId",
        state: State = "AssociationState",
    }

    #[derive(Debug)]
    struct State { state: String = "State" }

    #[derive(Debug)]
    struct Associate {
        gateway: Option<String> = "GatewayId",
        subnet: Option<String> = "SubnetId",
        table: String = "RouteTableId",
    }

    #[derive(Debug)]
    struct Associated {
        id: String = "AssociationId",
        state: State = "AssociationState",
    }

    #[derive(Debug)]
    struct Disassociate { id: String = "AssociationId" }

    #[derive(Debug)]
    struct Replace {
        id: String = "AssociationId",
        table: String = "RouteTableId",
    }

    #[derive(Debug)]
    struct Replaced {
        id: String = "NewAssociationId",
        state: State = "AssociationState",
    }
}

item!(TableView, id);

fn associated() -> State {
    State { state: "associated".into() }
}

/// The table and subnet of the association that a request names.
fn of_association<'a, 'c>(cx: &'a mut Cx<'c>, r: &'a Struct) -> Result<Access<'a, 'c>, Fault> {
    let mut access = on(cx, r)?;
    let id = r.str("AssociationId").unwrap_or_default();
    let found = with_association(access.cx, id).ok();
    if let Some(table) = found {
        let with = table.associations.iter().find(|a| a.id == id).map(|a| a.with.clone());
        access = access.id(&ROUTE_TABLE, &table.id);
        access = match with {
            Some(with) if SUBNET.fits(&with) => access.id(&SUBNET, &with),
            Some(with) => access.id(&INTERNET_GATEWAY, &with),
            None => access,
        };
    }
    Ok(access)
}

fn save(cx: &mut Cx<'_>, table: &RouteTable) {
    ROUTE_TABLES.put(cx.tx, &register::key(cx.account, cx.region, &table.id), table);
}

fn view(cx: &Cx<'_>, table: &RouteTable) -> Result<TableView, Ec2Error> {
    let association = |id: &String, with: Option<&String>| AssociationView {
        main: with.is_none(),
        id: id.clone(),
        table: table.id.clone(),
        subnet: with.filter(|with| SUBNET.fits(with)).cloned(),
        gateway: with.filter(|with| INTERNET_GATEWAY.fits(with)).cloned(),
        state: associated(),
    };
    let main = table.main.iter().map(|id| association(id, None));
    let explicit = table.associations.iter().map(|a| association(&a.id, Some(&a.with)));
    Ok(TableView {
        associations: main.chain(explicit).collect(),
        propagating: Vec::new(),
        id: table.id.clone(),
        routes: views(cx, table)?,
        tags: tags::view(&register::tags(cx, &table.id)?),
        vpc: table.vpc.clone(),
        owner: cx.account.to_string(),
    })
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Made, Ec2Error> {
    let tags = tags::of_new(cx.caller, &req.tags, &ROUTE_TABLE, &[&ROUTE_TABLE])?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let table = find::route_table(cx, &id)?;
        return Ok(Made { table: view(cx, &table)?, token: req.token });
    }
    let vpc = find::vpc_by_any(cx, &req.vpc)?;
    if find::tables_of(cx, &vpc.id)?.len() >= TABLES_MAX {
        return Err(Limit::RouteTable.into());
    }
    let table = RouteTable { id: ROUTE_TABLE.id(cx.rng()), vpc: vpc.id, ..RouteTable::default() };
    save(cx, &table);
    let place = [in_vpc(cx, &table.vpc)];
    register::enter(cx, &ROUTE_TABLE, &table.id, &tags, &place);
    token::keep(cx, req.token.as_ref(), &req, &table.id);
    Ok(Made { table: view(cx, &table)?, token: req.token })
}

fn delete(cx: &mut Cx<'_>, req: OneTable) -> Result<Empty, Ec2Error> {
    let table = find::route_table(cx, &req.id)?;
    if table.main.is_some() || !table.associations.is_empty() {
        let what = format!("The routeTable '{}' has dependencies and cannot be deleted.", table.id);
        return Err(Plain::DependencyViolation(what).into());
    }
    ROUTE_TABLES.delete(cx.tx, &register::key(cx.account, cx.region, &table.id));
    super::endpoint::forget_table(cx, &table.id)?;
    register::strike(cx.tx, cx.account, cx.region, &table.id);
    Ok(Empty)
}

fn each_route(table: &TableView, read: fn(&RouteView) -> &Option<String>) -> Vec<String> {
    table.routes.iter().filter_map(|route| read(route).clone()).collect()
}

static FILTERS: &Known<TableView> = &[
    ("association.gateway-id", |t| t.associations.iter().flat_map(|a| maybe(&a.gateway)).collect()),
    ("association.main", |t| t.associations.iter().map(|a| a.main.to_string()).collect()),
    ("association.route-table-association-id", |t| t.associations.iter().map(|a| a.id.clone()).collect()),
    ("association.route-table-id", |t| t.associations.iter().map(|a| a.table.clone()).collect()),
    ("association.subnet-id", |t| t.associations.iter().flat_map(|a| maybe(&a.subnet)).collect()),
    ("owner-id", |t| one(&t.owner)),
    ("route-table-id", |t| one(&t.id)),
    ("route.destination-cidr-block", |t| each_route(t, |r| &r.cidr)),
    ("route.destination-ipv6-cidr-block", |t| each_route(t, |r| &r.ipv6)),
    ("route.destination-prefix-list-id", |t| each_route(t, |r| &r.prefix_list)),
    ("route.egress-only-internet-gateway-id", |t| each_route(t, |r| &r.egress_gateway)),
    ("route.gateway-id", |t| each_route(t, |r| &r.gateway)),
    ("route.instance-id", |t| each_route(t, |r| &r.instance)),
    ("route.nat-gateway-id", |t| each_route(t, |r| &r.nat)),
    ("route.transit-gateway-id", |_| Vec::new()),
    ("route.origin", |t| t.routes.iter().map(|r| r.origin.clone()).collect()),
    ("route.state", |t| t.routes.iter().map(|r| r.state.clone()).collect()),
    ("route.vpc-peering-connection-id", |t| each_route(t, |r| &r.peering)),
    ("vpc-id", |t| one(&t.vpc)),
];

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<TableList, Ec2Error> {
    ids_or_pages(&req.ids, "routeTableIds", req.max)?;
    let found = describe::some(cx, &ROUTE_TABLES, &ROUTE_TABLE, &req.ids)?;
    let items = found.iter().map(|table| view(cx, table)).collect::<Result<Vec<_>, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (tables, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(TableList { tables, next })
}

/// What a table may be associated with: a subnet or the internet gateway of its VPC.
fn associable(cx: &Cx<'_>, table: &RouteTable, req: &Associate) -> Result<String, Ec2Error> {
    let (id, vpc, noun) = match (&req.subnet, &req.gateway) {
        (Some(_), Some(_)) => {
            let what = "You may specify only one of subnetId and gatewayId.";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
        (Some(id), None) => (id, Some(find::subnet(cx, id)?.vpc), "subnet"),
        (None, gateway) => {
            let id = needed(gateway.as_ref(), "subnetId")?;
            let found = describe::get(cx, &INTERNET_GATEWAYS, &INTERNET_GATEWAY, id)?;
            (&req.gateway.clone().unwrap_or_default(), found.vpc, "gateway")
        }
    };
    if vpc.as_ref() != Some(&table.vpc) {
        let what = format!("route table {} and {noun} {id} belong to different networks", table.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    Ok(id.clone())
}

fn associate(cx: &mut Cx<'_>, req: Associate) -> Result<Associated, Ec2Error> {
    let mut table = find::route_table(cx, &req.table)?;
    let with = associable(cx, &table, &req)?;
    let is_there = |table: &RouteTable| table.associations.iter().find(|a| a.with == with).cloned();
    if let Some(there) = is_there(&table) {
        // Asked again: the same association.
        return Ok(Associated { id: there.id, state: associated() });
    }
    if let Some(other) = find::tables_of(cx, &table.vpc)?.iter().find(|t| is_there(t).is_some()) {
        let noun = if SUBNET.fits(&with) { "subnet" } else { "gateway" };
        let what = format!(
            "the specified association for route table {} conflicts with an existing association of {noun} {with} with route table {}",
            table.id, other.id
        );
        return Err(Plain::ResourceAlreadyAssociated(what).into());
    }
    let id = make::id(cx, "rtbassoc");
    table.associations.push(TableAssociation { id: id.clone(), with });
    save(cx, &table);
    Ok(Associated { id, state: associated() })
}

fn with_association(cx: &Cx<'_>, id: &str) -> Result<RouteTable, Ec2Error> {
    let has = |table: &RouteTable| {
        table.main.as_deref() == Some(id) || table.associations.iter().any(|association| association.id == id)
    };
    all(cx, &ROUTE_TABLES)?
        .into_iter()
        .find(has)
        .ok_or_else(|| Plain::InvalidAssociation(id.to_owned()).into())
}

fn disassociate(cx: &mut Cx<'_>, req: Disassociate) -> Result<Empty, Ec2Error> {
    let mut table = with_association(cx, &req.id)?;
    if table.main.as_ref() == Some(&req.id) {
        let what = format!("cannot disassociate the main route table association {}", req.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    table.associations.retain(|association| association.id != req.id);
    save(cx, &table);
    Ok(Empty)
}

/// For the main association this makes another table the main one.
fn replace(cx: &mut Cx<'_>, req: Replace) -> Result<Replaced, Ec2Error> {
    let mut from = with_association(cx, &req.id)?;
    let to = find::route_table(cx, &req.table)?;
    if from.vpc != to.vpc {
        let what = format!("route table {} and association {} belong to different networks", to.id, req.id);
        return Err(Plain::InvalidParameterValue(what).into());
    }
    let id = make::id(cx, "rtbassoc");
    let is_main = from.main.as_ref() == Some(&req.id);
    let at = from.associations.iter().position(|association| association.id == req.id);
    let moved = at.map(|at| from.associations.remove(at));
    if is_main {
        from.main = None;
    }
    save(cx, &from);
    let mut to = find::route_table(cx, &req.table)?;
    match moved {
        Some(moved) => to.associations.push(TableAssociation { id: id.clone(), with: moved.with }),
        None => to.main = Some(id.clone()),
    }
    save(cx, &to);
    Ok(Replaced { id, state: associated() })
}

/// Ends the association of something that is gone.
pub(crate) fn forget(cx: &mut Cx<'_>, vpc: &str, with: &str) -> Result<(), Ec2Error> {
    for mut table in find::tables_of(cx, vpc)? {
        if table.associations.iter().any(|association| association.with == with) {
            table.associations.retain(|association| association.with != with);
            save(cx, &table);
        }
    }
    Ok(())
}
