//! Interfaces, their addresses, Elastic IP addresses and NAT gateways.

use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use crate::vpc_routes::gateway;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

pub(crate) fn interface(root: &Caller<'_>, subnet: &str) -> Value {
    ec2(root, "CreateNetworkInterface", json!({ "SubnetId": subnet }))["networkInterface"].clone()
}

fn addresses(interface: &Value) -> Vec<String> {
    items(&interface["privateIpAddressesSet"]).iter().map(|a| text(&a["privateIpAddress"])).collect()
}

fn described(root: &Caller<'_>, id: &str) -> Value {
    ec2(root, "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [id] }))["networkInterfaceSet"][0]
        .clone()
}

#[test]
fn an_interface_and_its_private_addresses() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/28");
    let made = interface(&root, &inside);
    assert_eq!((&made["privateIpAddress"], &made["status"]), (&json!("10.0.1.4"), &json!("pending")));
    assert_eq!((&made["sourceDestCheck"], &made["requesterManaged"]), (&json!("true"), &json!("false")));
    assert_eq!(made["groupSet"][0]["groupName"], "default");
    let eni = text(&made["networkInterfaceId"]);
    assert_eq!(described(&root, &eni)["status"], "available");
    assert_eq!(
        (&made["requesterId"], &described(&root, &eni)["requesterId"]),
        (&json!(ACCOUNT), &json!(ACCOUNT))
    );
    let create = |more: Value| {
        let mut all = json!({ "SubnetId": inside });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "CreateNetworkInterface", all)
    };
    create(json!({ "Groups": ["sg-05b1d815d1eeeeeee"] })).refused_with(
        400,
        "InvalidSecurityGroupID.NotFound",
        "The securityGroup ID 'sg-05b1d815d1eeeeeee' does not exist",
    );
    create(json!({ "PrivateIpAddress": "10.0.1.4" })).refused_with(
        400,
        "InvalidIPAddress.InUse",
        "Address 10.0.1.4 is in use.",
    );
    create(json!({ "PrivateIpAddress": "10.0.1.3" })).refused_with(
        400,
        "InvalidParameterValue",
        "Address is in subnet's reserved address range",
    );
    create(json!({ "PrivateIpAddress": "10.0.2.9" })).refused_with(
        400,
        "InvalidParameterValue",
        "Address does not fall within the subnet's address range",
    );
    let second = create(
        json!({ "PrivateIpAddress": "10.0.1.9", "SecondaryPrivateIpAddressCount": 2, "Description": "two" }),
    )
    .ok();
    assert_eq!(addresses(&second["networkInterface"]), ["10.0.1.9", "10.0.1.5", "10.0.1.6"]);
    let found = ec2(
        &root,
        "DescribeNetworkInterfaces",
        json!({ "Filters": filter("addresses.private-ip-address", "10.0.1.6") }),
    );
    assert_eq!(found["networkInterfaceSet"][0]["description"], "two");
    let subnets = ec2(&root, "DescribeSubnets", json!({ "SubnetIds": [inside] }));
    assert_eq!(subnets["subnetSet"][0]["availableIpAddressCount"], "7");
    let assign = |more: Value| {
        let mut all = json!({ "NetworkInterfaceId": eni });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "AssignPrivateIpAddresses", all)
    };
    assign(json!({})).refused(400, "InvalidParameterCombination");
    assign(json!({ "PrivateIpAddresses": ["10.0.1.6"] })).refused(400, "InvalidIPAddress.InUse");
    assign(json!({ "PrivateIpAddresses": ["10.0.1.6"], "AllowReassignment": true })).ok();
    assert_eq!(
        addresses(&described(&root, &text(&second["networkInterface"]["networkInterfaceId"]))),
        ["10.0.1.9", "10.0.1.5"]
    );
    // What it has already it has.
    assign(json!({ "PrivateIpAddresses": ["10.0.1.6"] })).ok();
    assign(json!({ "SecondaryPrivateIpAddressCount": 8 })).refused(400, "InsufficientFreeAddressesInSubnet");
    let unassign = |address: &str| {
        root.call(
            "ec2",
            "UnassignPrivateIpAddresses",
            json!({ "NetworkInterfaceId": eni, "PrivateIpAddresses": [address] }),
        )
    };
    unassign("10.0.1.4").refused(400, "InvalidParameterValue");
    unassign("10.0.1.6").ok();
    unassign("10.0.1.6").refused(400, "InvalidParameterValue");
    let refused = format!("The subnet '{inside}' has dependencies and cannot be deleted.");
    root.call("ec2", "DeleteSubnet", json!({ "SubnetId": inside })).refused_with(
        400,
        "DependencyViolation",
        &refused,
    );
    ec2(
        &root,
        "ModifyNetworkInterfaceAttribute",
        json!({ "NetworkInterfaceId": eni, "SourceDestCheck": { "Value": false } }),
    );
    let attribute = ec2(
        &root,
        "DescribeNetworkInterfaceAttribute",
        json!({ "NetworkInterfaceId": eni, "Attribute": "sourceDestCheck" }),
    );
    assert_eq!(attribute["sourceDestCheck"]["value"], "false");
    ec2(&root, "DeleteNetworkInterface", json!({ "NetworkInterfaceId": eni }));
    root.call("ec2", "DeleteNetworkInterface", json!({ "NetworkInterfaceId": eni })).refused_with(
        400,
        "InvalidNetworkInterfaceID.NotFound",
        &format!("The networkInterface ID '{eni}' does not exist"),
    );
}

#[test]
fn elastic_addresses_stand_before_private_ones() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let eni = text(&interface(&root, &inside)["networkInterfaceId"]);
    // An empty domain is none.
    let made = ec2(&root, "AllocateAddress", json!({ "Domain": "" }));
    ec2(&root, "ReleaseAddress", json!({ "AllocationId": made["allocationId"] }));
    root.call("ec2", "AllocateAddress", json!({ "Domain": "classic" })).refused(400, "InvalidParameterValue");
    let made = ec2(&root, "AllocateAddress", json!({ "Domain": "vpc" }));
    let (allocation, public) = (text(&made["allocationId"]), text(&made["publicIp"]));
    assert!(public.starts_with("198.18."), "{public}");
    let associate = |more: Value| {
        let mut all = json!({ "AllocationId": allocation });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "AssociateAddress", all)
    };
    associate(json!({ "NetworkInterfaceId": eni, "InstanceId": "" })).refused_with(
        400,
        "Gateway.NotAttached",
        &format!("Network {id} is not attached to any internet gateway"),
    );
    let igw = gateway(&root, &id);
    let association = text(&associate(json!({ "NetworkInterfaceId": eni })).ok()["associationId"]);
    let shown = described(&root, &eni);
    assert_eq!(shown["association"]["publicIp"], json!(public));
    assert_eq!(shown["association"]["allocationId"], json!(allocation));
    let listed = ec2(&root, "DescribeAddresses", json!({ "Filters": filter("network-interface-id", &eni) }));
    assert_eq!(listed["addressesSet"][0]["privateIpAddress"], "10.0.1.4");
    root.call("ec2", "ReleaseAddress", json!({ "AllocationId": allocation })).refused_with(
        400,
        "InvalidIPAddress.InUse",
        &format!("Address {public} is in use."),
    );
    let detach = json!({ "InternetGatewayId": igw, "VpcId": id });
    let message = root.call("ec2", "DetachInternetGateway", detach).refused(400, "DependencyViolation");
    assert!(message.starts_with(&format!("Network {id} has some mapped public address(es).")), "{message}");
    let other = text(&interface(&root, &inside)["networkInterfaceId"]);
    associate(json!({ "NetworkInterfaceId": other, "AllowReassociation": false })).refused_with(
        400,
        "Resource.AlreadyAssociated",
        &format!("resource {allocation} is already associated with associate-id {association}"),
    );
    let moved = text(&associate(json!({ "NetworkInterfaceId": other })).ok()["associationId"]);
    assert_eq!(described(&root, &eni)["association"], Value::Null);
    root.call("ec2", "DisassociateAddress", json!({ "AssociationId": association }))
        .refused(400, "InvalidAssociationID.NotFound");
    ec2(&root, "DisassociateAddress", json!({ "AssociationId": moved }));
    ec2(&root, "ReleaseAddress", json!({ "AllocationId": allocation }));
    root.call("ec2", "DescribeAddresses", json!({ "AllocationIds": [allocation] })).refused_with(
        400,
        "InvalidAllocationID.NotFound",
        &format!("The allocation ID '{allocation}' does not exist"),
    );
    // An address that was given back can be had again.
    assert_eq!(ec2(&root, "AllocateAddress", json!({ "Address": public }))["publicIp"], json!(public));
    root.call("ec2", "AllocateAddress", json!({ "Address": public })).refused(400, "InvalidAddress.NotFound");
    for _ in 0..4 {
        ec2(&root, "AllocateAddress", json!({}));
    }
    root.call("ec2", "AllocateAddress", json!({})).refused_with(
        400,
        "AddressLimitExceeded",
        "The maximum number of addresses has been reached.",
    );
}

fn nat(root: &Caller<'_>, id: &str) -> Value {
    ec2(root, "DescribeNatGateways", json!({ "NatGatewayIds": [id] }))["natGatewaySet"][0].clone()
}

#[test]
fn a_nat_gateway_comes_up_and_goes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let igw = gateway(&root, &id);
    root.call("ec2", "CreateNatGateway", json!({ "SubnetId": inside })).refused_with(
        400,
        "MissingParameter",
        "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
    );
    let allocated = ec2(&root, "AllocateAddress", json!({}));
    let allocation = text(&allocated["allocationId"]);
    let nowhere = json!({ "SubnetId": "subnet-public-1a", "AllocationId": allocation });
    root.call("ec2", "CreateNatGateway", nowhere).refused_with(
        400,
        "InvalidSubnet",
        "The subnet ID 'subnet-public-1a' is malformed",
    );
    let nothing = json!({ "SubnetId": inside, "AllocationId": "MalformedElasticIpId" });
    root.call("ec2", "CreateNatGateway", nothing).refused_with(
        400,
        "InvalidElasticIpID.Malformed",
        "The elastic-ip ID 'MalformedElasticIpId' is malformed",
    );
    let create = json!({ "SubnetId": inside, "AllocationId": allocation });
    let made = ec2(&root, "CreateNatGateway", create.clone());
    let gateway = text(&made["natGateway"]["natGatewayId"]);
    assert_eq!(made["natGateway"]["state"], "pending");
    // AWS: what is asked for is told, and nothing else yet.
    assert_eq!(
        made["natGateway"]["natGatewayAddressSet"],
        json!([{ "allocationId": allocation, "isPrimary": "true", "status": "associating" }])
    );
    assert!(made["natGateway"]["tagSet"].is_null());
    cloud.reconcile();
    let shown = nat(&root, &gateway);
    assert_eq!(shown["state"], "available");
    let address = &shown["natGatewayAddressSet"][0];
    assert_eq!((&address["allocationId"], &address["isPrimary"]), (&json!(allocation), &json!("true")));
    let eni = described(&root, &text(&address["networkInterfaceId"]));
    assert_eq!(
        (&eni["interfaceType"], &eni["status"], &eni["requesterManaged"]),
        (&json!("nat_gateway"), &json!("in-use"), &json!("true"))
    );
    assert_eq!(eni["association"]["publicIp"], address["publicIp"]);
    assert!(text(&eni["attachment"]["attachmentId"]).starts_with("ela-attach-"));
    root.call("ec2", "CreateNatGateway", create).refused(400, "Resource.AlreadyAssociated");
    let eni_id = text(&eni["networkInterfaceId"]);
    root.call("ec2", "DeleteNetworkInterface", json!({ "NetworkInterfaceId": eni_id }))
        .refused(400, "InvalidParameterValue");
    root.call("ec2", "DisassociateAddress", json!({ "AssociationId": address["associationId"] }))
        .refused(403, "AuthFailure");
    let table = ec2(&root, "CreateRouteTable", json!({ "VpcId": id }));
    let table = text(&table["routeTable"]["routeTableId"]);
    ec2(
        &root,
        "CreateRoute",
        json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": gateway }),
    );
    ec2(&root, "DeleteNatGateway", json!({ "NatGatewayId": gateway }));
    assert_eq!(nat(&root, &gateway)["state"], "deleting");
    root.call("ec2", "DeleteVpc", json!({ "VpcId": id })).refused(400, "DependencyViolation");
    cloud.reconcile();
    assert_eq!(nat(&root, &gateway)["state"], "deleted");
    let holes = ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("route.state", "blackhole") }));
    assert_eq!(holes["routeTableSet"][0]["routeTableId"], json!(table));
    let address = &allocated["publicIp"];
    root.call("ec2", "ReleaseAddress", json!({ "PublicIp": address })).refused_with(
        400,
        "InvalidParameterValue",
        "You must specify an allocation id when releasing a VPC elastic IP address",
    );
    root.call("ec2", "AllocateAddress", json!({ "Address": address })).refused_with(
        400,
        "InvalidAddress.NotFound",
        &format!("The Elastic IP address '{}' does not exist or is not available.", text(address)),
    );
    ec2(&root, "ReleaseAddress", json!({ "AllocationId": allocation }));
    ec2(&root, "DetachInternetGateway", json!({ "InternetGatewayId": igw, "VpcId": id }));
    ec2(&root, "DeleteSubnet", json!({ "SubnetId": inside }));
    cloud.advance(Duration::from_secs(3601));
    cloud.reconcile();
    root.call("ec2", "DescribeNatGateways", json!({ "NatGatewayIds": [gateway] })).refused_with(
        400,
        "NatGatewayNotFound",
        &format!("NatGateway {gateway} was not found"),
    );
}

#[test]
fn a_nat_gateway_without_internet_fails_and_a_private_one_needs_none() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let allocation = text(&ec2(&root, "AllocateAddress", json!({}))["allocationId"]);
    let made = ec2(&root, "CreateNatGateway", json!({ "SubnetId": inside, "AllocationId": allocation }));
    let failed = text(&made["natGateway"]["natGatewayId"]);
    let private =
        json!({ "SubnetId": inside, "ConnectivityType": "private", "PrivateIpAddress": "10.0.1.20" });
    let made = ec2(&root, "CreateNatGateway", private);
    let private = text(&made["natGateway"]["natGatewayId"]);
    cloud.reconcile();
    let shown = nat(&root, &failed);
    assert_eq!((&shown["state"], &shown["failureCode"]), (&json!("failed"), &json!("Gateway.NotAttached")));
    assert_eq!(shown["failureMessage"], json!(format!("Network {id} has no Internet gateway attached")));
    assert_eq!(nat(&root, &private)["state"], "available");
    let assigned = ec2(
        &root,
        "AssignPrivateNatGatewayAddress",
        json!({ "NatGatewayId": private, "PrivateIpAddressCount": 2 }),
    );
    assert_eq!(items(&assigned["natGatewayAddressSet"]).len(), 3);
    let unassign = |address: &str| {
        root.call(
            "ec2",
            "UnassignPrivateNatGatewayAddress",
            json!({ "NatGatewayId": private, "PrivateIpAddresses": [address] }),
        )
    };
    unassign("10.0.1.20").refused(400, "InvalidParameterValue");
    unassign(&text(&assigned["natGatewayAddressSet"][1]["privateIp"])).ok();
    let wrong = json!({ "NatGatewayId": private, "AllocationIds": [allocation] });
    root.call("ec2", "AssociateNatGatewayAddress", wrong).refused(400, "InvalidParameter");
    for _ in 0..4 {
        ec2(&root, "CreateNatGateway", json!({ "SubnetId": inside, "ConnectivityType": "private" }));
    }
    let more = json!({ "SubnetId": inside, "ConnectivityType": "private" });
    root.call("ec2", "CreateNatGateway", more).refused_with(
        400,
        "NatGatewayLimitExceeded",
        "Performing this operation would exceed the limit of 5 NAT gateways",
    );
}
