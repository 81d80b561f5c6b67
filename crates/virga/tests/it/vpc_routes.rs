//! Route tables, routes and gateways.

use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn table(root: &Caller<'_>, vpc: &str) -> String {
    text(&ec2(root, "CreateRouteTable", json!({ "VpcId": vpc }))["routeTable"]["routeTableId"])
}

pub(crate) fn gateway(root: &Caller<'_>, vpc: &str) -> String {
    let id = text(&ec2(root, "CreateInternetGateway", json!({}))["internetGateway"]["internetGatewayId"]);
    ec2(root, "AttachInternetGateway", json!({ "InternetGatewayId": id, "VpcId": vpc }));
    id
}

pub(crate) fn main_table(root: &Caller<'_>, vpc: &str) -> Value {
    let filters =
        json!([{ "Name": "vpc-id", "Values": [vpc] }, { "Name": "association.main", "Values": ["true"] }]);
    ec2(root, "DescribeRouteTables", json!({ "Filters": filters }))["routeTableSet"][0].clone()
}

fn routes(root: &Caller<'_>, table: &str) -> Vec<(String, String, String)> {
    let found = ec2(root, "DescribeRouteTables", json!({ "RouteTableIds": [table] }));
    let target = |r: &Value| {
        let names = ["gatewayId", "natGatewayId", "networkInterfaceId", "vpcPeeringConnectionId"];
        names.iter().find_map(|name| r[*name].as_str()).unwrap_or_default().to_owned()
    };
    let destination =
        |r: &Value| text(r.get("destinationCidrBlock").or(r.get("destinationPrefixListId")).unwrap());
    let row = |r: &Value| (destination(r), target(r), text(&r["state"]));
    items(&found["routeTableSet"][0]["routeSet"]).iter().map(row).collect()
}

#[test]
fn associations_and_the_main_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let (one, two) = (table(&root, &id), table(&root, &id));
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let made = ec2(&root, "AssociateRouteTable", json!({ "RouteTableId": one, "SubnetId": inside }));
    assert_eq!(made["associationState"]["state"], "associated");
    let association = text(&made["associationId"]);
    let again = ec2(&root, "AssociateRouteTable", json!({ "RouteTableId": one, "SubnetId": inside }));
    assert_eq!(again["associationId"], json!(association));
    let message = root
        .call("ec2", "AssociateRouteTable", json!({ "RouteTableId": two, "SubnetId": inside }))
        .refused(400, "Resource.AlreadyAssociated");
    assert!(
        message.contains(&format!("existing association of subnet {inside} with route table {one}")),
        "{message}"
    );
    let refused = format!("The routeTable '{one}' has dependencies and cannot be deleted.");
    root.call("ec2", "DeleteRouteTable", json!({ "RouteTableId": one })).refused_with(
        400,
        "DependencyViolation",
        &refused,
    );
    let replaced = ec2(
        &root,
        "ReplaceRouteTableAssociation",
        json!({ "AssociationId": association, "RouteTableId": two }),
    );
    ec2(&root, "DeleteRouteTable", json!({ "RouteTableId": one }));
    root.call("ec2", "DisassociateRouteTable", json!({ "AssociationId": association }))
        .refused(400, "InvalidAssociationID.NotFound");
    ec2(&root, "DisassociateRouteTable", json!({ "AssociationId": replaced["newAssociationId"] }));
    // The other becomes the main table; the old one can go.
    let main = main_table(&root, &id);
    let main_id = text(&main["routeTableId"]);
    root.call("ec2", "DeleteRouteTable", json!({ "RouteTableId": main_id }))
        .refused(400, "DependencyViolation");
    let main_association = &main["associationSet"][0]["routeTableAssociationId"];
    root.call("ec2", "DisassociateRouteTable", json!({ "AssociationId": main_association }))
        .refused(400, "InvalidParameterValue");
    ec2(
        &root,
        "ReplaceRouteTableAssociation",
        json!({ "AssociationId": main_association, "RouteTableId": two }),
    );
    assert_eq!(main_table(&root, &id)["routeTableId"], json!(two));
    ec2(&root, "DeleteRouteTable", json!({ "RouteTableId": main_id }));
    let other = vpc(&root);
    let foreign = subnet(&root, &other, "10.0.1.0/24");
    let message = root
        .call("ec2", "AssociateRouteTable", json!({ "RouteTableId": two, "SubnetId": foreign }))
        .refused(400, "InvalidParameterValue");
    assert_eq!(message, format!("route table {two} and subnet {foreign} belong to different networks"));
}

#[test]
fn a_token_makes_one_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (id, other) = (vpc(&root), vpc(&root));
    let create =
        |vpc: &str| root.call("ec2", "CreateRouteTable", json!({ "VpcId": vpc, "ClientToken": "once" }));
    let made = create(&id).ok();
    assert_eq!(create(&id).ok()["routeTable"]["routeTableId"], made["routeTable"]["routeTableId"]);
    create(&other).refused(400, "IdempotentParameterMismatch");
    cloud.advance(std::time::Duration::from_secs(25 * 3600));
    cloud.reconcile();
    create(&other).ok();
}

#[test]
fn routes_lead_somewhere_or_are_black_holes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let gateway = gateway(&root, &id);
    let table = table(&root, &id);
    let create = |more: Value| {
        let mut all = json!({ "RouteTableId": table });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "CreateRoute", all)
    };
    let to_world = json!({ "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway });
    assert_eq!(create(to_world.clone()).ok()["return"], "true");
    create(to_world).ok();
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let interface = ec2(&root, "CreateNetworkInterface", json!({ "SubnetId": inside }));
    let interface = text(&interface["networkInterface"]["networkInterfaceId"]);
    create(json!({ "DestinationCidrBlock": "0.0.0.0/0", "NetworkInterfaceId": interface })).refused_with(
        400,
        "RouteAlreadyExists",
        "The route identified by 0.0.0.0/0 already exists.",
    );
    create(json!({ "DestinationCidrBlock": "10.0.0.0/16", "NetworkInterfaceId": interface }))
        .refused(400, "RouteAlreadyExists");
    create(json!({ "DestinationCidrBlock": "10.0.1.0/24", "GatewayId": gateway }))
        .refused(400, "InvalidParameterValue");
    create(json!({ "DestinationCidrBlock": "10.9.0.0/16" })).refused_with(
        400,
        "MissingParameter",
        "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId or instanceId",
    );
    create(json!({ "DestinationCidrBlock": "10.0.2.0/24", "NetworkInterfaceId": interface })).refused_with(
        400,
        "InvalidParameterValue",
        "Route destination doesn't match any subnet CIDR blocks.",
    );
    create(json!({ "DestinationCidrBlock": "10.0.1.0/24", "NetworkInterfaceId": interface })).ok();
    ec2(&root, "DeleteRoute", json!({ "RouteTableId": table, "DestinationCidrBlock": "10.0.1.0/24" }));
    create(json!({ "GatewayId": gateway })).refused(400, "MissingParameter");
    create(json!({ "DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "igw-0123456789abcdef0" }))
        .refused_with(
            400,
            "InvalidInternetGatewayID.NotFound",
            "The internetGateway ID 'igw-0123456789abcdef0' does not exist",
        );
    // Attached to nothing, an interface takes no packets.
    create(json!({ "DestinationCidrBlock": "192.168.7.1/24", "NetworkInterfaceId": interface })).ok();
    let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(
        routes(&root, &table),
        [
            row("10.0.0.0/16", "local", "active"),
            row("0.0.0.0/0", &gateway, "active"),
            row("192.168.7.0/24", &interface, "blackhole"),
        ]
    );
    ec2(
        &root,
        "ReplaceRoute",
        json!({ "RouteTableId": table, "DestinationCidrBlock": "192.168.7.0/24", "GatewayId": gateway }),
    );
    let missing =
        json!({ "RouteTableId": table, "DestinationCidrBlock": "192.168.8.0/24", "GatewayId": gateway });
    root.call("ec2", "ReplaceRoute", missing).refused_with(
        400,
        "InvalidParameterValue",
        "There is no route defined for '192.168.8.0/24' in the route table. Use CreateRoute instead.",
    );
    // The local route may lead to a middlebox, and back.
    let local = |more: Value| {
        let mut all = json!({ "RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/16" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ec2(&root, "ReplaceRoute", all)
    };
    local(json!({ "NetworkInterfaceId": interface }));
    assert_eq!(
        routes(&root, &table).iter().filter(|r| r.0 == "10.0.0.0/16").collect::<Vec<_>>(),
        [&row("10.0.0.0/16", &interface, "blackhole")]
    );
    local(json!({ "LocalTarget": true }));
    root.call("ec2", "DeleteRoute", json!({ "RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/16" }))
        .refused_with(
            400,
            "InvalidParameterValue",
            &format!("cannot remove local route 10.0.0.0/16 in route table {table}"),
        );
    ec2(&root, "DetachInternetGateway", json!({ "InternetGatewayId": gateway, "VpcId": id }));
    ec2(&root, "DeleteInternetGateway", json!({ "InternetGatewayId": gateway }));
    assert!(routes(&root, &table).contains(&row("0.0.0.0/0", &gateway, "blackhole")));
    ec2(&root, "DeleteRoute", json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0" }));
    root.call("ec2", "DeleteRoute", json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0" }))
        .refused_with(
            400,
            "InvalidRoute.NotFound",
            &format!("no route with destination-cidr-block 0.0.0.0/0 in route table {table}"),
        );
    for n in 0..49 {
        create(
            json!({ "DestinationCidrBlock": format!("172.16.{n}.0/24"), "NetworkInterfaceId": interface }),
        )
        .ok();
    }
    create(json!({ "DestinationCidrBlock": "172.17.0.0/24", "NetworkInterfaceId": interface }))
        .refused(400, "RouteLimitExceeded");
}

#[test]
fn an_internet_gateway_is_of_one_vpc() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (id, other) = (vpc(&root), vpc(&root));
    let gateway = gateway(&root, &id);
    let attach = |vpc: &str| {
        root.call("ec2", "AttachInternetGateway", json!({ "InternetGatewayId": gateway, "VpcId": vpc }))
    };
    attach(&other).refused_with(
        400,
        "Resource.AlreadyAssociated",
        &format!("resource {gateway} is already attached to network {id}"),
    );
    let second =
        text(&ec2(&root, "CreateInternetGateway", json!({}))["internetGateway"]["internetGatewayId"]);
    root.call("ec2", "AttachInternetGateway", json!({ "InternetGatewayId": second, "VpcId": id }))
        .refused(400, "InvalidParameterValue");
    root.call("ec2", "DetachInternetGateway", json!({ "InternetGatewayId": gateway, "VpcId": other }))
        .refused_with(
            400,
            "Gateway.NotAttached",
            &format!("resource {gateway} is not attached to network {other}"),
        );
    root.call("ec2", "DeleteInternetGateway", json!({ "InternetGatewayId": gateway })).refused_with(
        400,
        "DependencyViolation",
        &format!("The internetGateway '{gateway}' has dependencies and cannot be deleted."),
    );
    let found =
        ec2(&root, "DescribeInternetGateways", json!({ "Filters": filter("attachment.vpc-id", &id) }));
    assert_eq!(found["internetGatewaySet"][0]["internetGatewayId"], json!(gateway));
    // An edge association.
    let table = table(&root, &id);
    let edge = ec2(&root, "AssociateRouteTable", json!({ "RouteTableId": table, "GatewayId": gateway }));
    let tables =
        ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("association.gateway-id", &gateway) }));
    assert_eq!(
        tables["routeTableSet"][0]["associationSet"][0]["routeTableAssociationId"],
        edge["associationId"]
    );
    for _ in 0..2 {
        ec2(&root, "CreateInternetGateway", json!({}));
    }
    root.call("ec2", "CreateInternetGateway", json!({})).refused(400, "InternetGatewayLimitExceeded");
}
