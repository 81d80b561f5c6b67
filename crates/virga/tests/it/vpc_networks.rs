//! VPCs, subnets and what every account has from the beginning.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

pub(crate) fn ec2(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("ec2", operation, parameters).ok()
}

/// The items of a list; an empty one is an empty element.
pub(crate) fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A VPC of 10.0.0.0/16.
pub(crate) fn vpc(caller: &Caller<'_>) -> String {
    text(&ec2(caller, "CreateVpc", json!({ "CidrBlock": "10.0.0.0/16" }))["vpc"]["vpcId"])
}

pub(crate) fn subnet(caller: &Caller<'_>, vpc: &str, cidr: &str) -> String {
    let made = ec2(caller, "CreateSubnet", json!({ "VpcId": vpc, "CidrBlock": cidr }));
    text(&made["subnet"]["subnetId"])
}

pub(crate) fn filter(name: &str, value: &str) -> Value {
    json!([{ "Name": name, "Values": [value] }])
}

#[test]
fn every_account_has_a_default_vpc_from_the_first_call_on() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let vpcs = items(&ec2(&root, "DescribeVpcs", json!({}))["vpcSet"]);
    assert_eq!(vpcs.len(), 1);
    let vpc = &vpcs[0];
    assert_eq!((&vpc["isDefault"], &vpc["cidrBlock"]), (&json!("true"), &json!("172.31.0.0/16")));
    assert_eq!((&vpc["tagSet"], &vpc["ipv6CidrBlockAssociationSet"]), (&Value::Null, &Value::Null));
    // Lists tell what is blocked, and what makes one does not.
    let open = json!({ "internetGatewayBlockMode": "off" });
    assert_eq!(vpc["blockPublicAccessStates"], open);
    assert_eq!((&vpc["state"], &vpc["instanceTenancy"]), (&json!("available"), &json!("default")));
    let subnets = items(
        &ec2(&root, "DescribeSubnets", json!({ "Filters": filter("default-for-az", "true") }))["subnetSet"],
    );
    assert_eq!(subnets.len(), 6);
    for subnet in &subnets {
        assert_eq!(subnet["mapPublicIpOnLaunch"], "true");
        assert_eq!((&subnet["blockPublicAccessStates"], &subnet["tagSet"]), (&open, &Value::Null));
        assert_eq!(subnet["availableIpAddressCount"], "4091");
        assert_eq!(subnet["vpcId"], vpc["vpcId"]);
    }
    let gateways = items(&ec2(&root, "DescribeInternetGateways", json!({}))["internetGatewaySet"]);
    assert_eq!(gateways[0]["attachmentSet"][0], json!({ "state": "available", "vpcId": vpc["vpcId"] }));
    let tables = items(&ec2(&root, "DescribeRouteTables", json!({}))["routeTableSet"]);
    let routes = items(&tables[0]["routeSet"]);
    assert_eq!(routes[0]["gatewayId"], "local");
    assert_eq!(
        (&routes[1]["destinationCidrBlock"], &routes[1]["gatewayId"]),
        (&json!("0.0.0.0/0"), &gateways[0]["internetGatewayId"])
    );
    assert_eq!(routes[1]["state"], "active");
    let acls = items(&ec2(&root, "DescribeNetworkAcls", json!({}))["networkAclSet"]);
    assert_eq!((&acls[0]["default"], items(&acls[0]["associationSet"]).len()), (&json!("true"), 6));
    let groups = items(&ec2(&root, "DescribeSecurityGroups", json!({}))["securityGroupInfo"]);
    assert_eq!(
        (&groups[0]["groupName"], &groups[0]["groupDescription"]),
        (&json!("default"), &json!("default VPC security group"))
    );
    let options = items(&ec2(&root, "DescribeDhcpOptions", json!({}))["dhcpOptionsSet"]);
    assert_eq!(options[0]["dhcpOptionsId"], vpc["dhcpOptionsId"]);
    // Another region has its own, another account too.
    let there = root.in_region("eu-west-1");
    let other = items(&ec2(&there, "DescribeVpcs", json!({}))["vpcSet"]);
    assert_ne!(other[0]["vpcId"], vpc["vpcId"]);
    assert_eq!(items(&ec2(&there, "DescribeSubnets", json!({}))["subnetSet"]).len(), 3);
}

#[test]
fn a_vpc_comes_with_what_belongs_to_it_and_goes_with_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = ec2(
        &root,
        "CreateVpc",
        json!({
            "CidrBlock": "10.0.5.7/16",
            "TagSpecifications": [{ "ResourceType": "vpc", "Tags": [{ "Key": "Name", "Value": "a" }] }],
        }),
    );
    let made = &made["vpc"];
    assert_eq!((&made["cidrBlock"], &made["state"]), (&json!("10.0.0.0/16"), &json!("pending")));
    assert_eq!(made["tagSet"], json!([{ "key": "Name", "value": "a" }]));
    let id = text(&made["vpcId"]);
    let of_vpc = |operation: &str, set: &str| {
        items(&ec2(&root, operation, json!({ "Filters": filter("vpc-id", &id) }))[set])
    };
    let tables = of_vpc("DescribeRouteTables", "routeTableSet");
    assert_eq!(tables[0]["associationSet"][0]["main"], "true");
    assert_eq!(
        tables[0]["routeSet"],
        json!([{
            "destinationCidrBlock": "10.0.0.0/16", "gatewayId": "local", "origin": "CreateRouteTable", "state": "active",
        }])
    );
    let acl = &of_vpc("DescribeNetworkAcls", "networkAclSet")[0];
    let numbers: Vec<_> = items(&acl["entrySet"])
        .iter()
        .map(|e| (text(&e["egress"]), text(&e["ruleNumber"]), text(&e["ruleAction"])))
        .collect();
    let row =
        |egress: &str, number: &str, action: &str| (egress.to_owned(), number.to_owned(), action.to_owned());
    assert_eq!(
        numbers,
        [
            row("true", "100", "allow"),
            row("true", "32767", "deny"),
            row("false", "100", "allow"),
            row("false", "32767", "deny"),
        ]
    );
    let group = &of_vpc("DescribeSecurityGroups", "securityGroupInfo")[0];
    assert_eq!(group["ipPermissions"][0]["groups"][0]["groupId"], group["groupId"]);
    assert_eq!(group["ipPermissionsEgress"][0]["ipRanges"], json!([{ "cidrIp": "0.0.0.0/0" }]));
    let subnet = subnet(&root, &id, "10.0.1.0/24");
    let refused = format!("The vpc '{id}' has dependencies and cannot be deleted.");
    root.call("ec2", "DeleteVpc", json!({ "VpcId": id })).refused_with(400, "DependencyViolation", &refused);
    ec2(&root, "DeleteSubnet", json!({ "SubnetId": subnet }));
    ec2(&root, "DeleteVpc", json!({ "VpcId": id }));
    let gone = format!("The vpc ID '{id}' does not exist");
    root.call("ec2", "DescribeVpcs", json!({ "VpcIds": [id] })).refused_with(
        400,
        "InvalidVpcID.NotFound",
        &gone,
    );
    for (operation, set) in
        [("DescribeRouteTables", "routeTableSet"), ("DescribeNetworkAcls", "networkAclSet")]
    {
        assert!(of_vpc(operation, set).is_empty());
    }
    let tags = ec2(&root, "DescribeTags", json!({ "Filters": filter("resource-id", &id) }));
    assert!(items(&tags["tagSet"]).is_empty());
}

#[test]
fn what_a_vpc_may_not_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = |cidr: &str| root.call("ec2", "CreateVpc", json!({ "CidrBlock": cidr }));
    create("10.0.0.0/15").refused_with(400, "InvalidVpc.Range", "The CIDR '10.0.0.0/15' is invalid.");
    create("10.0.0.0/29").refused_with(400, "InvalidVpc.Range", "The CIDR '10.0.0.0/29' is invalid.");
    create("10.0.0.0").refused_with(
        400,
        "InvalidParameterValue",
        "Value (10.0.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
    );
    root.call("ec2", "CreateVpc", json!({})).refused_with(
        400,
        "MissingParameter",
        "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.",
    );
    let host = json!({ "CidrBlock": "10.0.0.0/16", "InstanceTenancy": "host" });
    root.call("ec2", "CreateVpc", host).refused(400, "UnsupportedTenancy");
    let wrong = json!({
        "CidrBlock": "10.0.0.0/16", "TagSpecifications": [{ "ResourceType": "subnet", "Tags": [{ "Key": "a" }] }],
    });
    root.call("ec2", "CreateVpc", wrong).refused_with(
        400,
        "InvalidParameterValue",
        "'subnet' is not a valid taggable resource type for this operation.",
    );
    for id in ["vpc-xyz", "subnet-0123456789abcdef0", "10.0.0.0/16"] {
        let message = format!("Invalid id: \"{id}\" (expecting \"vpc-...\")");
        root.call("ec2", "DescribeVpcs", json!({ "VpcIds": [id] })).refused_with(
            400,
            "InvalidVpcId.Malformed",
            &message,
        );
    }
    // Not every operation looks at an id's form, and those that do have words of their own.
    let not_there = "The vpc ID 'InvalidVpcId' does not exist";
    root.call("ec2", "CreateSubnet", json!({ "VpcId": "InvalidVpcId", "CidrBlock": "10.0.0.0/24" }))
        .refused_with(400, "InvalidVpcID.NotFound", not_there);
    root.call("ec2", "CreateRouteTable", json!({ "VpcId": "InvalidVpcId" })).refused_with(
        400,
        "InvalidVpcID.NotFound",
        not_there,
    );
    let group = json!({ "VpcId": "vpc-xxxxxxxx", "GroupName": "x", "Description": "x" });
    root.call("ec2", "CreateSecurityGroup", group).refused_with(
        400,
        "InvalidVpcId.Malformed",
        "The vpc ID 'vpc-xxxxxxxx' is malformed",
    );
    let endpoint = json!({ "VpcId": "MalformedVpcId", "ServiceName": "com.amazonaws.us-east-1.s3" });
    root.call("ec2", "CreateVpcEndpoint", endpoint).refused_with(
        400,
        "InvalidVpcId.Malformed",
        "Invalid Id: 'MalformedVpcId' (expecting 'vpc-...; the Id may only contain lowercase alphanumeric characters and a single dash')",
    );
    for id in ["", "subnet-xxx"] {
        root.call("ec2", "DescribeSubnets", json!({ "SubnetIds": [id] })).refused_with(
            400,
            "InvalidSubnetID.NotFound",
            &format!("The subnet ID '{id}' does not exist"),
        );
    }
    // The default one counts.
    for _ in 0..4 {
        create("10.0.0.0/16").ok();
    }
    create("10.0.0.0/16").refused_with(
        400,
        "VpcLimitExceeded",
        "The maximum number of VPCs has been reached.",
    );
}

#[test]
fn a_vpc_grows_by_blocks() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let associate =
        |cidr: &str| root.call("ec2", "AssociateVpcCidrBlock", json!({ "VpcId": id, "CidrBlock": cidr }));
    let made = associate("10.1.0.0/16").ok();
    assert_eq!(made["cidrBlockAssociation"]["cidrBlockState"]["state"], "associating");
    associate("10.0.128.0/20").refused(400, "InvalidVpc.Range");
    let restricted = associate("192.168.0.0/16").refused(400, "InvalidVpc.Range");
    assert!(restricted.starts_with("The CIDR '192.168.0.0/16' is restricted."), "{restricted}");
    for cidr in ["10.2.0.0/16", "10.3.0.0/16", "100.64.0.0/16"] {
        associate(cidr).ok();
    }
    let full = format!("This network {id} has met its maximum number of allowed CIDRs: 5");
    associate("10.4.0.0/16").refused_with(400, "CidrLimitExceeded", &full);
    let tables = ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("vpc-id", &id) }));
    assert_eq!(items(&tables["routeTableSet"][0]["routeSet"]).len(), 5, "a local route for each block");
    let inside = subnet(&root, &id, "10.1.0.0/24");
    let association = text(&made["cidrBlockAssociation"]["associationId"]);
    let disassociate =
        || root.call("ec2", "DisassociateVpcCidrBlock", json!({ "AssociationId": association }));
    disassociate().refused(400, "OperationNotPermitted");
    ec2(&root, "DeleteSubnet", json!({ "SubnetId": inside }));
    disassociate().ok();
    disassociate().refused(400, "InvalidVpcCidrBlockAssociationID.NotFound");
    let vpcs = ec2(&root, "DescribeVpcs", json!({ "VpcIds": [id] }));
    let primary = text(&vpcs["vpcSet"][0]["cidrBlockAssociationSet"][0]["associationId"]);
    let message = root
        .call("ec2", "DisassociateVpcCidrBlock", json!({ "AssociationId": primary }))
        .refused(400, "OperationNotPermitted");
    assert!(message.ends_with("It is the primary IPv4 CIDR block of the VPC"), "{message}");
}

#[test]
fn ipv6_from_the_vpc_down_to_the_interface() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made =
        ec2(&root, "CreateVpc", json!({ "CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": true }));
    let id = text(&made["vpc"]["vpcId"]);
    let block = text(&made["vpc"]["ipv6CidrBlockAssociationSet"][0]["ipv6CidrBlock"]);
    assert!(block.starts_with("2001:db8:") && block.ends_with("/56"), "{block}");
    let sixth = block.replace("/56", "/64");
    let subnet = ec2(
        &root,
        "CreateSubnet",
        json!({ "VpcId": id, "CidrBlock": "10.0.0.0/24", "Ipv6CidrBlock": sixth }),
    );
    let subnet_id = text(&subnet["subnet"]["subnetId"]);
    let again = json!({ "VpcId": id, "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": sixth });
    root.call("ec2", "CreateSubnet", again).refused(400, "InvalidSubnet.Conflict");
    let outside = json!({ "VpcId": id, "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": "2001:db8::/64" });
    root.call("ec2", "CreateSubnet", outside).refused(400, "InvalidSubnet.Range");
    ec2(
        &root,
        "ModifySubnetAttribute",
        json!({ "SubnetId": subnet_id, "AssignIpv6AddressOnCreation": { "Value": true } }),
    );
    let interface = ec2(&root, "CreateNetworkInterface", json!({ "SubnetId": subnet_id }));
    let address = text(&interface["networkInterface"]["ipv6AddressesSet"][0]["ipv6Address"]);
    assert!(address.starts_with(sixth.trim_end_matches("::/64")), "{address} in {sixth}");
    let association = text(&subnet["subnet"]["ipv6CidrBlockAssociationSet"][0]["associationId"]);
    root.call("ec2", "DisassociateSubnetCidrBlock", json!({ "AssociationId": association }))
        .refused(400, "OperationNotPermitted");
    let gateway = ec2(&root, "CreateEgressOnlyInternetGateway", json!({ "VpcId": id }));
    let gateway = text(&gateway["egressOnlyInternetGateway"]["egressOnlyInternetGatewayId"]);
    let tables = ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("vpc-id", &id) }));
    let table = text(&tables["routeTableSet"][0]["routeTableId"]);
    ec2(
        &root,
        "CreateRoute",
        json!({ "RouteTableId": table, "DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": gateway }),
    );
    ec2(&root, "DeleteEgressOnlyInternetGateway", json!({ "EgressOnlyInternetGatewayId": gateway }));
    let tables = ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("route.state", "blackhole") }));
    assert_eq!(tables["routeTableSet"][0]["routeTableId"], json!(table));
}

#[test]
fn rules_that_are_as_they_began_let_ipv6_pass_once_there_is_some() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for modified in [false, true] {
        let id = vpc(&root);
        let acl = || {
            let found = ec2(&root, "DescribeNetworkAcls", json!({ "Filters": filter("vpc-id", &id) }));
            found["networkAclSet"][0].clone()
        };
        let group = || {
            let found = ec2(&root, "DescribeSecurityGroups", json!({ "Filters": filter("vpc-id", &id) }));
            found["securityGroupInfo"][0].clone()
        };
        if modified {
            let acl = text(&acl()["networkAclId"]);
            let entry = json!({ "NetworkAclId": acl, "RuleNumber": 90, "Protocol": "6", "RuleAction": "deny", "Egress": false, "CidrBlock": "192.0.2.0/24", "PortRange": { "From": 22, "To": 22 } });
            ec2(&root, "CreateNetworkAclEntry", entry);
            let rule = json!([{ "IpProtocol": "tcp", "FromPort": 25, "ToPort": 25, "IpRanges": [{ "CidrIp": "192.0.2.0/24" }] }]);
            let out = json!({ "GroupId": group()["groupId"], "IpPermissions": rule });
            ec2(&root, "AuthorizeSecurityGroupEgress", out);
        }
        ec2(&root, "AssociateVpcCidrBlock", json!({ "VpcId": id, "AmazonProvidedIpv6CidrBlock": true }));
        let of_ipv6 = |egress: &str| {
            let all = items(&acl()["entrySet"]);
            all.iter()
                .filter(|e| e["ipv6CidrBlock"] == "::/0" && e["egress"] == egress && e["ruleNumber"] == "101")
                .count()
        };
        // Each direction for itself: what goes out has not been touched.
        assert_eq!((of_ipv6("false"), of_ipv6("true")), (usize::from(!modified), 1));
        let out = items(&group()["ipPermissionsEgress"]);
        let opened = out.iter().filter(|rule| rule["ipv6Ranges"][0]["cidrIpv6"] == "::/0").count();
        assert_eq!(opened, usize::from(!modified));
    }
}

#[test]
fn subnets_have_rules() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let create = |cidr: &str| root.call("ec2", "CreateSubnet", json!({ "VpcId": id, "CidrBlock": cidr }));
    let made = create("10.0.0.0/28").ok();
    assert_eq!(made["subnet"]["availableIpAddressCount"], "11");
    // Clients that say all they can say send the zone's id empty.
    let zoned = json!({ "VpcId": id, "CidrBlock": "10.0.9.0/28", "AvailabilityZone": "us-east-1b", "AvailabilityZoneId": "" });
    assert_eq!(ec2(&root, "CreateSubnet", zoned)["subnet"]["availabilityZone"], "us-east-1b");
    let both = json!({ "VpcId": id, "CidrBlock": "10.0.8.0/28", "AvailabilityZone": "us-east-1b", "AvailabilityZoneId": "use1-az2" });
    root.call("ec2", "CreateSubnet", both).refused(400, "InvalidParameterCombination");
    assert_eq!(made["subnet"]["mapPublicIpOnLaunch"], "false");
    assert_eq!(made["subnet"]["blockPublicAccessStates"], Value::Null);
    assert_eq!(
        made["subnet"]["subnetArn"],
        json!(format!("arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/{}", text(&made["subnet"]["subnetId"])))
    );
    create("10.0.0.0/24").refused_with(
        400,
        "InvalidSubnet.Conflict",
        "The CIDR '10.0.0.0/24' conflicts with another subnet",
    );
    create("10.1.0.0/24").refused_with(400, "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid.");
    create("10.0.1.0/29").refused(400, "InvalidSubnet.Range");
    let nowhere = json!({ "VpcId": id, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1z" });
    let message = root.call("ec2", "CreateSubnet", nowhere).refused(400, "InvalidParameterValue");
    assert_eq!(
        message,
        "Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f."
    );
    let nothing = "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.";
    root.call("ec2", "CreateSubnet", json!({ "VpcId": id })).refused_with(400, "MissingParameter", nothing);
    let by_id = json!({ "VpcId": id, "CidrBlock": "10.0.1.0/24", "AvailabilityZoneId": "use1-az3" });
    let made = ec2(&root, "CreateSubnet", by_id);
    assert_eq!(made["subnet"]["availabilityZone"], "us-east-1c");
    let second = text(&made["subnet"]["subnetId"]);
    let two = json!({ "SubnetId": second, "MapPublicIpOnLaunch": { "Value": true }, "AssignIpv6AddressOnCreation": { "Value": false } });
    root.call("ec2", "ModifySubnetAttribute", two).refused(400, "InvalidParameterCombination");
    ec2(
        &root,
        "ModifySubnetAttribute",
        json!({ "SubnetId": second, "MapPublicIpOnLaunch": { "Value": true } }),
    );
    let found = ec2(
        &root,
        "DescribeSubnets",
        json!({ "Filters": [
        { "Name": "map-public-ip-on-launch", "Values": ["true"] }, { "Name": "vpc-id", "Values": ["vpc-*"] },
        { "Name": "cidr-block", "Values": ["10.0.?.0/24"] },
    ] }),
    );
    assert_eq!(found["subnetSet"][0]["subnetId"], json!(second));
    assert_eq!(items(&found["subnetSet"]).len(), 1);
}

#[test]
fn describing_filters_and_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let all = items(&ec2(&root, "DescribeSubnets", json!({}))["subnetSet"]);
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = ec2(&root, "DescribeSubnets", json!({ "MaxResults": 5, "NextToken": token }));
        let got = items(&page["subnetSet"]);
        assert!(got.len() <= 5 && !got.is_empty());
        seen.extend(got);
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, all);
    root.call("ec2", "DescribeSubnets", json!({ "NextToken": "x" })).refused(400, "InvalidPaginationToken");
    let both = json!({ "MaxResults": 5, "SubnetIds": [all[0]["subnetId"]] });
    root.call("ec2", "DescribeSubnets", both).refused_with(
        400,
        "InvalidParameterCombination",
        "The parameter subnetIds cannot be used with the parameter maxResults",
    );
    root.call("ec2", "DescribeSubnets", json!({ "Filters": filter("colour", "red") })).refused_with(
        400,
        "InvalidParameterValue",
        "The filter 'colour' is invalid",
    );
}

#[test]
fn the_default_vpc_is_made_again_only_when_asked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT).in_region("eu-west-1");
    root.call("ec2", "CreateDefaultVpc", json!({})).refused(400, "DefaultVpcAlreadyExists");
    let subnets = items(&ec2(&root, "DescribeSubnets", json!({}))["subnetSet"]);
    let zone = text(&subnets[0]["availabilityZone"]);
    root.call("ec2", "CreateDefaultSubnet", json!({ "AvailabilityZone": zone }))
        .refused(400, "DefaultSubnetAlreadyExistsInAvailabilityZone");
    for subnet in &subnets {
        ec2(&root, "DeleteSubnet", json!({ "SubnetId": subnet["subnetId"] }));
    }
    let made = ec2(&root, "CreateDefaultSubnet", json!({ "AvailabilityZone": zone }));
    assert_eq!(
        (&made["subnet"]["defaultForAz"], &made["subnet"]["cidrBlock"]),
        (&json!("true"), &json!("172.31.0.0/20"))
    );
    ec2(&root, "DeleteSubnet", json!({ "SubnetId": made["subnet"]["subnetId"] }));
    let vpc = text(&ec2(&root, "DescribeVpcs", json!({}))["vpcSet"][0]["vpcId"]);
    let gateway = text(
        &ec2(&root, "DescribeInternetGateways", json!({}))["internetGatewaySet"][0]["internetGatewayId"],
    );
    ec2(&root, "DetachInternetGateway", json!({ "InternetGatewayId": gateway, "VpcId": vpc }));
    ec2(&root, "DeleteInternetGateway", json!({ "InternetGatewayId": gateway }));
    ec2(&root, "DeleteVpc", json!({ "VpcId": vpc }));
    assert!(items(&ec2(&root, "DescribeVpcs", json!({}))["vpcSet"]).is_empty());
    let attributes = ec2(&root, "DescribeAccountAttributes", json!({ "AttributeNames": ["default-vpc"] }));
    assert_eq!(attributes["accountAttributeSet"][0]["attributeValueSet"][0]["attributeValue"], "none");
    root.call("ec2", "CreateDefaultSubnet", json!({ "AvailabilityZone": zone }))
        .refused(400, "DefaultVpcDoesNotExist");
    let group = json!({ "GroupName": "g", "Description": "d" });
    root.call("ec2", "CreateSecurityGroup", group).refused_with(
        400,
        "VPCIdNotSpecified",
        "No default VPC for this user",
    );
    assert_eq!(ec2(&root, "CreateDefaultVpc", json!({}))["vpc"]["isDefault"], "true");
    assert_eq!(items(&ec2(&root, "DescribeSubnets", json!({}))["subnetSet"]).len(), 3);
}

#[test]
fn attributes_of_a_vpc() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let read =
        |attribute: &str| ec2(&root, "DescribeVpcAttribute", json!({ "VpcId": id, "Attribute": attribute }));
    assert_eq!(read("enableDnsSupport")["enableDnsSupport"]["value"], "true");
    assert_eq!(read("enableDnsHostnames")["enableDnsHostnames"]["value"], "false");
    ec2(&root, "ModifyVpcAttribute", json!({ "VpcId": id, "EnableDnsHostnames": { "Value": true } }));
    assert_eq!(read("enableDnsHostnames")["enableDnsHostnames"]["value"], "true");
    let both = json!({ "VpcId": id, "EnableDnsHostnames": { "Value": true }, "EnableDnsSupport": { "Value": true } });
    root.call("ec2", "ModifyVpcAttribute", both).refused(400, "InvalidParameterCombination");
    root.call("ec2", "DescribeVpcAttribute", json!({ "VpcId": id, "Attribute": "x" }))
        .refused(400, "InvalidParameterValue");
    let options = ec2(
        &root,
        "CreateDhcpOptions",
        json!({ "DhcpConfigurations": [
        { "Key": "domain-name", "Values": ["example.com"] }, { "Key": "domain-name-servers", "Values": ["10.0.0.9", "AmazonProvidedDNS"] },
    ] }),
    );
    let set = text(&options["dhcpOptions"]["dhcpOptionsId"]);
    let wrong = json!({ "DhcpConfigurations": [{ "Key": "colour", "Values": ["red"] }] });
    root.call("ec2", "CreateDhcpOptions", wrong).refused(400, "InvalidParameterValue");
    let option = |key: &str, values: &[&str]| json!({ "Key": key, "Values": values });
    let lease = "ipv6-address-preferred-lease-time";
    for (configuration, given) in [
        (option("netbios-node-type", &["1", "2"]), "1,2"),
        (option("ntp-servers", &["invalid"]), "invalid"),
        (option("domain-name", &[""]), "empty string for 'domain-name' is not allowed"),
        (option(lease, &["139"]), "'139' for 'ipv6-address-preferred-lease-time' is out of bounds"),
        (option(lease, &["10m"]), "'10m' for 'ipv6-address-preferred-lease-time' is not allowed"),
    ] {
        root.call("ec2", "CreateDhcpOptions", json!({ "DhcpConfigurations": [configuration] })).refused_with(
            400,
            "InvalidParameterValue",
            &format!("Value ({given}) for parameter value is invalid. Invalid DHCP option value."),
        );
    }
    // What is given in parts is one list.
    let parts = json!([option("ntp-servers", &["10.0.0.2,10.0.0.3"]), option("ntp-servers", &["10.0.0.4"])]);
    let made = ec2(&root, "CreateDhcpOptions", json!({ "DhcpConfigurations": parts }));
    let made = &made["dhcpOptions"];
    let values: Vec<String> =
        items(&made["dhcpConfigurationSet"][0]["valueSet"]).iter().map(|v| text(&v["value"])).collect();
    assert_eq!(values, ["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    let gone = json!({ "DhcpOptionsId": made["dhcpOptionsId"] });
    ec2(&root, "DeleteDhcpOptions", gone.clone());
    root.call("ec2", "DeleteDhcpOptions", gone).refused_with(
        400,
        "InvalidDhcpOptionsID.NotFound",
        &format!("The dhcpOptions ID '{}' does not exist", text(&made["dhcpOptionsId"])),
    );
    ec2(&root, "AssociateDhcpOptions", json!({ "VpcId": id, "DhcpOptionsId": set }));
    root.call("ec2", "DeleteDhcpOptions", json!({ "DhcpOptionsId": set }))
        .refused(400, "DependencyViolation");
    ec2(&root, "AssociateDhcpOptions", json!({ "VpcId": id, "DhcpOptionsId": "default" }));
    ec2(&root, "DeleteDhcpOptions", json!({ "DhcpOptionsId": set }));
    assert_eq!(
        ec2(&root, "DescribeVpcs", json!({ "VpcIds": [id] }))["vpcSet"][0]["dhcpOptionsId"],
        "default"
    );
}

#[test]
fn no_vpc_is_enabled_for_classic_links() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = vpc(&root);
    ec2(&root, "CreateTags", json!({ "Resources": [own], "Tags": [{ "Key": "Name", "Value": "a" }] }));
    let links = |asked: Value| items(&ec2(&root, "DescribeVpcClassicLink", asked)["vpcSet"]);
    let tags = json!([{ "key": "Name", "value": "a" }]);
    let expected = json!([{ "classicLinkEnabled": "false", "tagSet": tags, "vpcId": own }]);
    assert_eq!(json!(links(json!({ "VpcIds": [own] }))), expected);
    assert_eq!(links(json!({})).len(), 2);
    assert_eq!(links(json!({ "Filters": filter("is-classic-link-enabled", "true") })).len(), 0);
    let page = ec2(&root, "DescribeVpcClassicLinkDnsSupport", json!({ "VpcIds": [own] }));
    assert_eq!(page["vpcs"], json!([{ "classicLinkDnsSupported": "false", "vpcId": own }]));
    for operation in ["DescribeVpcClassicLink", "DescribeVpcClassicLinkDnsSupport"] {
        let unknown = json!({ "VpcIds": ["vpc-0123456789abcdef0"] });
        root.call("ec2", operation, unknown).refused(400, "InvalidVpcID.NotFound");
    }
}

#[test]
fn regions_and_zones() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let regions = items(&ec2(&root, "DescribeRegions", json!({}))["regionInfo"]);
    assert_eq!(regions.len(), base::Region::all().count());
    let long = |region: &str, words: &str| {
        let zones = json!({ "Filters": filter("group-long-name", words) });
        items(&root.in_region(region).call("ec2", "DescribeAvailabilityZones", zones).ok()["availabilityZoneInfo"]).len()
    };
    assert_eq!((long("us-east-2", "US East (Ohio) 1"), long("eu-west-1", "Europe (Ireland) 1")), (3, 3));
    let one = ec2(&root, "DescribeRegions", json!({ "RegionNames": ["eu-west-1"] }));
    assert_eq!(
        one["regionInfo"][0],
        json!({
            "optInStatus": "opt-in-not-required", "regionName": "eu-west-1", "regionEndpoint": "ec2.eu-west-1.amazonaws.com",
        })
    );
    root.call("ec2", "DescribeRegions", json!({ "RegionNames": ["mars-1"] }))
        .refused(400, "InvalidParameterValue");
    let zones = ec2(
        &root.in_region("ap-northeast-1"),
        "DescribeAvailabilityZones",
        json!({ "Filters": filter("zone-name", "*c") }),
    );
    let zone = &zones["availabilityZoneInfo"][0];
    assert_eq!(
        (&zone["zoneId"], &zone["zoneState"], &zone["zoneType"]),
        (&json!("apne1-az2"), &json!("available"), &json!("availability-zone"))
    );
    root.call("ec2", "DescribeAvailabilityZones", json!({ "ZoneNames": ["us-east-1z"] }))
        .refused(400, "InvalidParameterValue");
}
