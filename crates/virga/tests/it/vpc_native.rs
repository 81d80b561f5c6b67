//! Subnets of IPv6 alone, and the machines in them.

use crate::ec2_instances::until;
use crate::ec2_metadata::{inside, until_running};
use crate::ec2_profiles::IMAGE;
use crate::harness::Caller;
use crate::vpc_connections::analysis;
use crate::vpc_networks::{ec2, filter, items, subnet, text};
use crate::vpc_plane::{Folder, cloud, linux};
use host::Simulator;
use network::vpc::why::{Protocol, Question, why};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

/// A VPC of both families, with the block of IPv6 of its subnet of a number.
fn dual(root: &Caller<'_>) -> (String, impl Fn(u8) -> String) {
    let asked = json!({ "CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": true });
    let network = text(&ec2(root, "CreateVpc", asked)["vpc"]["vpcId"]);
    let shown = ec2(root, "DescribeVpcs", json!({ "VpcIds": [network] }));
    let block = text(&shown["vpcSet"][0]["ipv6CidrBlockAssociationSet"][0]["ipv6CidrBlock"]);
    let stem = block.strip_suffix("00::/56").unwrap().to_owned();
    (network, move |number| format!("{stem}{number:02x}::/64"))
}

fn native(root: &Caller<'_>, network: &str, block: &str) -> Value {
    let asked = json!({ "VpcId": network, "Ipv6CidrBlock": block, "Ipv6Native": true });
    ec2(root, "CreateSubnet", asked)["subnet"].clone()
}

fn asked(subnet: &str, more: Value) -> Value {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn launch(root: &Caller<'_>, subnet: &str, more: Value) -> Value {
    ec2(root, "RunInstances", asked(subnet, more))["instancesSet"][0].clone()
}

#[test]
fn a_subnet_of_ipv6_alone_has_no_address_of_ipv4() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (network, block) = dual(&root);
    let made = native(&root, &network, &block(1));
    let id = text(&made["subnetId"]);
    assert!(made["cidrBlock"].is_null(), "{made}");
    let options = &made["privateDnsNameOptionsOnLaunch"];
    for (told, expected) in [
        (&made["ipv6Native"], "true"),
        (&made["assignIpv6AddressOnCreation"], "true"),
        (&made["availableIpAddressCount"], "0"),
        (&made["mapPublicIpOnLaunch"], "false"),
        (&made["ipv6CidrBlockAssociationSet"][0]["ipv6CidrBlock"], &block(1)),
        (&options["hostnameType"], "resource-name"),
    ] {
        assert_eq!(*told, expected, "{made}");
    }
    let found = ec2(&root, "DescribeSubnets", json!({ "Filters": filter("ipv6-native", "true") }));
    let found: Vec<String> = items(&found["subnetSet"]).iter().map(|one| text(&one["subnetId"])).collect();
    assert_eq!(found, std::slice::from_ref(&id));

    let refused = |operation: &str, asked: Value, code: &str| {
        root.call("ec2", operation, asked).refused(400, code);
    };
    let wrong = json!({ "VpcId": network, "Ipv6Native": true, "Ipv6CidrBlock": block(2), "CidrBlock": "10.0.9.0/24" });
    root.call("ec2", "CreateSubnet", wrong).refused_with(
        400,
        "InvalidParameterCombination",
        "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.",
    );
    for more in [json!({}), json!({ "CidrBlock": "10.0.9.0/24" })] {
        let mut lacking = json!({ "VpcId": network, "Ipv6Native": true });
        lacking.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "CreateSubnet", lacking).refused_with(
            400,
            "MissingParameter",
            "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.",
        );
    }
    let twice = json!({ "VpcId": network, "Ipv6Native": true, "Ipv6CidrBlock": block(1) });
    refused("CreateSubnet", twice, "InvalidSubnet.Conflict");
    for (name, value) in [
        ("MapPublicIpOnLaunch", json!({ "Value": true })),
        ("EnableResourceNameDnsARecordOnLaunch", json!({ "Value": true })),
        ("PrivateDnsHostnameTypeOnLaunch", json!("ip-name")),
    ] {
        refused("ModifySubnetAttribute", json!({ "SubnetId": id, name: value }), "InvalidParameterValue");
    }
    let association = &made["ipv6CidrBlockAssociationSet"][0]["associationId"];
    refused("DisassociateSubnetCidrBlock", json!({ "AssociationId": association }), "OperationNotPermitted");
    let private = json!({ "SubnetId": id, "PrivateIpAddress": "10.0.1.5" });
    refused("CreateNetworkInterface", private, "InvalidParameterValue");
    let more = json!({ "SubnetId": id, "SecondaryPrivateIpAddressCount": 1 });
    refused("CreateNetworkInterface", more, "InvalidParameterValue");
    let private_nat = json!({ "SubnetId": id, "ConnectivityType": "private" });
    refused("CreateNatGateway", private_nat, "Unsupported");

    let card = ec2(&root, "CreateNetworkInterface", json!({ "SubnetId": id }))["networkInterface"].clone();
    assert!(card["privateIpAddress"].is_null() && items(&card["privateIpAddressesSet"]).is_empty(), "{card}");
    let own = text(&card["ipv6AddressesSet"][0]["ipv6Address"]);
    let card = text(&card["networkInterfaceId"]);
    let one = json!({ "NetworkInterfaceId": card, "SecondaryPrivateIpAddressCount": 1 });
    refused("AssignPrivateIpAddresses", one, "InvalidParameterValue");
    let last = json!({ "NetworkInterfaceId": card, "Ipv6Addresses": [own] });
    refused("UnassignIpv6Addresses", last, "OperationNotPermitted");
    let elastic = ec2(&root, "AllocateAddress", json!({ "Domain": "vpc" }));
    let before = json!({ "AllocationId": elastic["allocationId"], "NetworkInterfaceId": card });
    refused("AssociateAddress", before, "InvalidParameterCombination");
    ec2(&root, "DeleteNetworkInterface", json!({ "NetworkInterfaceId": card }));
    ec2(&root, "DeleteSubnet", json!({ "SubnetId": id }));
}

#[test]
fn a_way_to_both_families_goes_by_the_one_that_its_ends_share() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (network, block) = dual(&root);
    let there = text(&native(&root, &network, &block(1))["subnetId"]);
    let both = subnet(&root, &network, "10.0.1.0/24");
    ec2(&root, "AssociateSubnetCidrBlock", json!({ "SubnetId": both, "Ipv6CidrBlock": block(2) }));
    let card = |machine: Value| text(&machine["networkInterfaceSet"][0]["networkInterfaceId"]);
    let one = card(launch(&root, &there, json!({})));
    let other = card(launch(&root, &both, json!({ "Ipv6AddressCount": 1 })));
    for (from, to) in [(&one, &other), (&other, &one)] {
        let path = json!({ "Source": from, "Destination": to, "Protocol": "tcp", "DestinationPort": 80 });
        let path = ec2(&root, "CreateNetworkInsightsPath", path);
        let found = analysis(&root, &path["networkInsightsPath"]["networkInsightsPathId"]);
        assert_eq!(found, ("true".into(), Vec::new()), "{from} {to}");
    }
}

#[test]
fn a_machine_there_is_called_by_its_id() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (network, block) = dual(&root);
    let there = text(&native(&root, &network, &block(1))["subnetId"]);
    let one = launch(&root, &there, json!({}));
    let id = text(&one["instanceId"]);
    assert!(one["privateIpAddress"].is_null() && one["ipAddress"].is_null(), "{one}");
    assert_eq!(one["privateDnsName"], format!("{id}.ec2.internal"));
    assert_eq!(one["privateDnsNameOptions"]["hostnameType"], "resource-name");
    assert_eq!(one["privateDnsNameOptions"]["enableResourceNameDnsAAAARecord"], "true");
    let own = text(&one["ipv6Address"]);
    assert_eq!(one["networkInterfaceSet"][0]["ipv6AddressesSet"][0]["ipv6Address"], own.as_str());
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": filter("ipv6-address", &own) }));
    assert_eq!(found["reservationSet"][0]["instancesSet"][0]["instanceId"], id.as_str());

    let refused = |more: Value, code: &str| {
        root.call("ec2", "RunInstances", asked(&there, more)).refused(400, code);
    };
    refused(json!({ "PrivateDnsNameOptions": { "HostnameType": "ip-name" } }), "InvalidParameterValue");
    let record = json!({ "PrivateDnsNameOptions": { "EnableResourceNameDnsARecord": true } });
    refused(record, "InvalidParameterValue");
    refused(json!({ "PrivateIpAddress": "10.0.1.5" }), "InvalidParameterValue");
    refused(json!({ "InstanceType": "t2.micro" }), "Unsupported");
    let card = json!([{ "DeviceIndex": 0, "SubnetId": there, "AssociatePublicIpAddress": true }]);
    let public = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": card });
    root.call("ec2", "RunInstances", public).refused(400, "InvalidParameterValue");
    until(&cloud, &root, &id, "running");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    let by_address = json!({ "InstanceId": id, "PrivateDnsHostnameType": "ip-name" });
    root.call("ec2", "ModifyPrivateDnsNameOptions", by_address).refused(400, "InvalidParameterValue");
}

#[test]
fn a_machine_of_ipv6_alone_reaches_what_there_is_by_ipv6() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("native");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root(ACCOUNT);
    let (network, block) = dual(&root);
    let there = text(&native(&root, &network, &block(1))["subnetId"]);
    let both = subnet(&root, &network, "10.0.1.0/24");
    ec2(&root, "AssociateSubnetCidrBlock", json!({ "SubnetId": both, "Ipv6CidrBlock": block(2) }));
    let one = launch(&root, &there, json!({ "MetadataOptions": { "HttpProtocolIpv6": "enabled" } }));
    let other = launch(&root, &both, json!({ "Ipv6AddressCount": 1 }));
    let (id, own) = (text(&one["instanceId"]), text(&one["ipv6Address"]));
    let (far, address) = (text(&other["instanceId"]), text(&other["ipv6Address"]));
    until_running(&cloud, &root, &id);
    until_running(&cloud, &root, &far);
    let said = |machine: &str, script: &str| inside(&plane, machine, script).trim().to_owned();
    assert_eq!(said(&id, "cat /etc/resolv.conf"), "nameserver fd00:ec2::253");
    assert_eq!(said(&id, "hostname"), id);
    assert_eq!(said(&id, "ip -4 addr show dev eth0 | grep -c inet"), "0");
    // The resolver, by IPv6.
    assert_eq!(said(&id, &format!("getent ahostsv6 {id}.ec2.internal | head -n1 | cut -d' ' -f1")), own);
    assert_eq!(said(&id, "getent hosts ip-10-0-1-200.ec2.internal || echo nothing"), "nothing");
    // Metadata, where they are asked for by IPv6.
    let ask = |machine: &str, path: &str| {
        let url = format!("http://[fd00:ec2::254]/latest/meta-data/{path}");
        said(machine, &format!("curl -s -m 5 -g '{url}'"))
    };
    assert_eq!(ask(&id, "instance-id"), id);
    assert_eq!(ask(&id, "ipv6"), own);
    assert_eq!(ask(&id, "local-hostname"), format!("{id}.ec2.internal"));
    let mac = ask(&id, "mac");
    assert_eq!(ask(&id, &format!("network/interfaces/macs/{mac}/subnet-ipv6-cidr-blocks")), block(1));
    assert_eq!(ask(&id, "local-ipv4"), "Not Found");
    assert_eq!(ask(&far, "instance-id"), "Forbidden");
    ec2(&root, "ModifyInstanceMetadataOptions", json!({ "InstanceId": id, "HttpProtocolIpv6": "disabled" }));
    assert_eq!(ask(&id, "instance-id"), "Forbidden");
    // The default group lets its members in, by either family.
    said(&far, "cd / && (python3 -m http.server --bind :: 8080 > /dev/null 2>&1 &) ; sleep 1");
    let fetch = format!("curl -s -m 5 -g 'http://[{address}]:8080/etc/hostname'");
    assert_eq!(said(&id, &fetch), said(&far, "hostname"));
    // Out by an egress-only gateway, and not in.
    let gateway = ec2(&root, "CreateEgressOnlyInternetGateway", json!({ "VpcId": network }));
    let gateway = &gateway["egressOnlyInternetGateway"]["egressOnlyInternetGatewayId"];
    let tables = ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("vpc-id", &network) }));
    let table = &tables["routeTableSet"][0]["routeTableId"];
    let out = json!({ "RouteTableId": table, "DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": gateway });
    ec2(&root, "CreateRoute", out);
    let works = |from: &str, to: &str| {
        let question = Question { from: from.into(), to: to.into(), protocol: Protocol::Tcp(443) };
        let told = why(&cloud.cloud, &question).unwrap().unwrap();
        (told.works, told.walk.to_string())
    };
    let (is_open, walk) = works(&id, "2001:4860:4860::8888");
    assert!(is_open, "{walk}");
    let (is_open, walk) = works(&id, &far);
    assert!(is_open, "{walk}");
    for (from, to) in [("2001:4860:4860::8888", id.as_str()), (&id, "192.0.2.80")] {
        let (is_open, walk) = works(from, to);
        assert!(!is_open, "{walk}");
    }
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id, far] }));
    cloud.reconcile();
}
