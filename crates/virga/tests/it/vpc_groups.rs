//! Security groups and network ACLs.

use crate::harness::{Caller, Cloud};
use crate::vpc_addresses::interface;
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

pub(crate) fn group(root: &Caller<'_>, vpc: &str, name: &str) -> String {
    let create = json!({ "VpcId": vpc, "GroupName": name, "Description": "of a test" });
    text(&ec2(root, "CreateSecurityGroup", create)["groupId"])
}

pub(crate) fn port(protocol: &str, port: u16, cidr: &str) -> Value {
    json!({ "IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": [{ "CidrIp": cidr }] })
}

#[test]
fn groups_have_names_and_ends() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let web = group(&root, &id, "web");
    let create = |name: &str| {
        root.call("ec2", "CreateSecurityGroup", json!({ "VpcId": id, "GroupName": name, "Description": "d" }))
    };
    create("web").refused_with(
        400,
        "InvalidGroup.Duplicate",
        &format!("The security group 'web' already exists for VPC '{id}'"),
    );
    create("default").refused(400, "InvalidGroup.Reserved");
    create("sg-web").refused(400, "InvalidParameterValue");
    let shown = ec2(&root, "DescribeSecurityGroups", json!({ "GroupIds": [web] }));
    let shown = &shown["securityGroupInfo"][0];
    assert_eq!((&shown["ipPermissions"], &shown["groupDescription"]), (&json!(""), &json!("of a test")));
    assert_eq!(shown["ipPermissionsEgress"][0]["ipProtocol"], "-1");
    let app = group(&root, &id, "app");
    let from_web = json!({ "GroupId": app, "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{ "GroupId": web }] }] });
    ec2(&root, "AuthorizeSecurityGroupIngress", from_web);
    let delete = |id: &str| root.call("ec2", "DeleteSecurityGroup", json!({ "GroupId": id }));
    delete(&web).refused_with(400, "DependencyViolation", &format!("resource {web} has a dependent object"));
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let eni = ec2(&root, "CreateNetworkInterface", json!({ "SubnetId": inside, "Groups": [app] }));
    delete(&app).refused(400, "DependencyViolation");
    ec2(
        &root,
        "DeleteNetworkInterface",
        json!({ "NetworkInterfaceId": eni["networkInterface"]["networkInterfaceId"] }),
    );
    assert_eq!(delete(&app).ok()["groupId"], json!(app));
    delete(&web).ok();
    delete(&web).refused_with(
        400,
        "InvalidGroup.NotFound",
        &format!("The security group '{web}' does not exist"),
    );
    let default = ec2(&root, "DescribeSecurityGroups", json!({ "Filters": filter("vpc-id", &id) }));
    let default = text(&default["securityGroupInfo"][0]["groupId"]);
    delete(&default).refused_with(
        400,
        "CannotDelete",
        &format!("the specified group: \"{default}\" name: \"default\" cannot be deleted by a user"),
    );
    let two = format!("{web} {app}");
    delete(&two).refused_with(
        400,
        "InvalidGroupId.Malformed",
        &format!("The security-group ID '{two}' is malformed"),
    );
    for operation in ["RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"] {
        root.call("ec2", operation, json!({ "GroupId": default })).refused_with(
            400,
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        );
    }
    let six: Vec<String> = (0..6).map(|n| group(&root, &id, &format!("g{n}"))).collect();
    root.call("ec2", "CreateNetworkInterface", json!({ "SubnetId": inside, "Groups": six }))
        .refused(400, "SecurityGroupsPerInterfaceLimitExceeded");
}

#[test]
fn rules_come_one_by_one_and_go_so() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let web = group(&root, &id, "web");
    let authorize = |permissions: Value| {
        root.call(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({ "GroupId": web, "IpPermissions": permissions }),
        )
    };
    let made = authorize(json!([
        { "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [
            { "CidrIp": "10.0.0.0/8", "Description": "inside" }, { "CidrIp": "192.168.0.0/16" } ] },
    ]))
    .ok();
    let rules = items(&made["securityGroupRuleSet"]);
    assert_eq!(rules.len(), 2);
    let first = text(&rules[0]["securityGroupRuleId"]);
    // Where there are no tags, new rules are told without them.
    let shown = ec2(&root, "DescribeSecurityGroupRules", json!({ "SecurityGroupRuleIds": [first] }));
    let shown = &shown["securityGroupRuleSet"][0]["tagSet"];
    assert_eq!((&rules[0]["tagSet"], shown), (&Value::Null, &json!("")));
    assert_eq!(
        rules[0]["securityGroupRuleArn"],
        json!(format!("arn:aws:ec2:us-east-1:{ACCOUNT}:security-group-rule/{first}"))
    );
    assert_eq!(
        (&rules[0]["cidrIpv4"], &rules[0]["description"], &rules[0]["isEgress"]),
        (&json!("10.0.0.0/8"), &json!("inside"), &json!("false"))
    );
    // Clients that say all they can say send the account of a group empty.
    let pair = json!([{ "GroupId": web, "UserId": "" }]);
    let rule = json!([{ "IpProtocol": "tcp", "FromPort": 82, "ToPort": 82, "UserIdGroupPairs": pair }]);
    let other = json!({ "GroupId": group(&root, &id, "other"), "IpPermissions": rule });
    ec2(&root, "AuthorizeSecurityGroupIngress", other);
    authorize(json!([port("tcp", 80, "10.0.0.0/8")])).refused_with(
        400,
        "InvalidPermission.Duplicate",
        "the specified rule \"peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW\" already exists",
    );
    authorize(json!([port("tcp", 81, "10.0.0.0/8"), port("tcp", 81, "10.0.0.0/8")]))
        .refused(400, "InvalidParameterValue");
    authorize(json!([port("tcp", 81, "10.0.0.0")])).refused_with(
        400,
        "InvalidParameterValue",
        "CIDR block 10.0.0.0 is malformed",
    );
    authorize(json!([port("gopher", 70, "10.0.0.0/8")])).refused_with(
        400,
        "InvalidParameterValue",
        "Invalid value 'gopher' for IP protocol. Unknown protocol.",
    );
    authorize(json!([{ "IpProtocol": "tcp", "FromPort": 90, "ToPort": 80, "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] }])).refused(400, "InvalidParameterValue");
    // Grouped by protocol and ports, as they are shown.
    let shown = ec2(&root, "DescribeSecurityGroups", json!({ "GroupIds": [web] }));
    assert_eq!(
        shown["securityGroupInfo"][0]["ipPermissions"],
        json!([{
            "ipProtocol": "tcp", "fromPort": "80", "toPort": "80", "groups": "", "ipv6Ranges": "", "prefixListIds": "",
            "ipRanges": [{ "description": "inside", "cidrIp": "10.0.0.0/8" }, { "cidrIp": "192.168.0.0/16" }],
        }])
    );
    let modify = |rule: Value| {
        root.call("ec2", "ModifySecurityGroupRules", json!({ "GroupId": web, "SecurityGroupRules": [{ "SecurityGroupRuleId": first, "SecurityGroupRule": rule }] }))
    };
    modify(json!({ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/8", "Description": "safe" })).ok();
    modify(json!({ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "192.168.0.0/16" }))
        .refused(400, "InvalidPermission.Duplicate");
    // As recorded of AWS.
    for (rule, code, words) in [
        (
            json!({ "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.0.0.0/8" }),
            "InvalidParameterValue",
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
        ),
        (
            json!({ "IpProtocol": "udp", "ToPort": 80, "CidrIpv4": "10.0.0.0/8" }),
            "InvalidParameterValue",
            "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
        ),
        (
            json!({ "IpProtocol": "udp", "FromPort": 80, "ToPort": 80 }),
            "MissingParameter",
            "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId",
        ),
        (
            json!({ "IpProtocol": "udp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.0.0.0/8", "CidrIpv6": "::/0" }),
            "InvalidParameterCombination",
            "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified",
        ),
    ] {
        modify(rule).refused_with(400, code, words);
    }
    let malformed = json!({ "Filters": filter("group-id", "foobar") });
    root.call("ec2", "DescribeSecurityGroupRules", malformed).refused_with(
        400,
        "InvalidGroupId.Malformed",
        "The security group ID 'foobar' is malformed",
    );
    let described = ec2(&root, "DescribeSecurityGroupRules", json!({ "SecurityGroupRuleIds": [first] }));
    assert_eq!(
        (
            &described["securityGroupRuleSet"][0]["fromPort"],
            &described["securityGroupRuleSet"][0]["description"]
        ),
        (&json!("443"), &json!("safe"))
    );
    let update = json!({ "GroupId": web, "SecurityGroupRuleDescriptions": [{ "SecurityGroupRuleId": first, "Description": "safer" }] });
    ec2(&root, "UpdateSecurityGroupRuleDescriptionsIngress", update);
    let of_group = ec2(&root, "DescribeSecurityGroupRules", json!({ "Filters": filter("group-id", &web) }));
    assert_eq!(items(&of_group["securityGroupRuleSet"]).len(), 3);
    let revoke = |more: Value| {
        let mut all = json!({ "GroupId": web });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "RevokeSecurityGroupIngress", all)
    };
    revoke(json!({ "IpPermissions": [port("tcp", 81, "10.0.0.0/8")] })).refused_with(
        400,
        "InvalidPermission.NotFound",
        "The specified rule does not exist in this security group.",
    );
    let gone = revoke(json!({ "SecurityGroupRuleIds": [first] })).ok();
    assert_eq!(gone["revokedSecurityGroupRuleSet"][0]["securityGroupRuleId"], json!(first));
    revoke(json!({ "SecurityGroupRuleIds": [first] })).refused(400, "InvalidSecurityGroupRuleId.NotFound");
    revoke(json!({ "CidrIp": "192.168.0.0/16", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80 })).ok();
    let cidrs: Vec<Value> = (0..61).map(|n| json!({ "CidrIp": format!("10.0.{n}.0/24") })).collect();
    authorize(json!([{ "IpProtocol": "-1", "IpRanges": cidrs }])).refused_with(
        400,
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
    );
    authorize(json!([{ "IpProtocol": "-1", "IpRanges": cidrs[..60] }])).ok();
}

#[test]
fn in_the_default_vpc_groups_go_by_name_and_unknown_rules_are_told_of() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = json!({ "GroupName": "web", "Description": "d" });
    ec2(&root, "CreateSecurityGroup", create);
    let flat = json!({ "GroupName": "web", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0" });
    ec2(&root, "AuthorizeSecurityGroupIngress", flat.clone());
    let from_group = json!({ "GroupName": "web", "SourceSecurityGroupName": "default" });
    ec2(&root, "AuthorizeSecurityGroupIngress", from_group);
    let shown = ec2(&root, "DescribeSecurityGroups", json!({ "GroupNames": ["web"] }));
    assert_eq!(items(&shown["securityGroupInfo"][0]["ipPermissions"]).len(), 2);
    ec2(&root, "RevokeSecurityGroupIngress", flat.clone());
    let again = ec2(&root, "RevokeSecurityGroupIngress", flat);
    assert_eq!(again["unknownIpPermissionSet"][0]["fromPort"], "22");
    let missing = root
        .call("ec2", "DeleteSecurityGroup", json!({ "GroupName": "nobody" }))
        .refused(400, "InvalidGroup.NotFound");
    assert!(
        missing.starts_with("The security group 'nobody' does not exist in default VPC 'vpc-"),
        "{missing}"
    );
    ec2(&root, "DeleteSecurityGroup", json!({ "GroupName": "web" }));
}

#[test]
fn network_acls_have_numbered_entries() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let acl = text(&ec2(&root, "CreateNetworkAcl", json!({ "VpcId": id }))["networkAcl"]["networkAclId"]);
    let entry = |operation: &str, number: i64, more: Value| {
        let mut all = json!({ "NetworkAclId": acl, "RuleNumber": number, "Egress": false, "Protocol": "tcp", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", operation, all)
    };
    let ports = json!({ "PortRange": { "From": 80, "To": 80 } });
    entry("CreateNetworkAclEntry", 100, json!({})).refused(400, "MissingParameter");
    entry("CreateNetworkAclEntry", 40000, ports.clone()).refused(400, "InvalidParameterValue");
    entry("CreateNetworkAclEntry", 100, ports.clone()).ok();
    entry("CreateNetworkAclEntry", 100, ports.clone()).refused_with(
        400,
        "NetworkAclEntryAlreadyExists",
        "The network acl entry identified by 100 already exists.",
    );
    entry(
        "ReplaceNetworkAclEntry",
        100,
        json!({ "PortRange": { "From": 443, "To": 443 }, "RuleAction": "Deny" }),
    )
    .ok();
    entry("ReplaceNetworkAclEntry", 101, ports.clone()).refused(400, "InvalidNetworkAclEntry.NotFound");
    entry(
        "CreateNetworkAclEntry",
        110,
        json!({ "Protocol": "icmp", "IcmpTypeCode": { "Type": -1, "Code": -1 } }),
    )
    .ok();
    let shown = ec2(&root, "DescribeNetworkAcls", json!({ "NetworkAclIds": [acl] }));
    // What has no form of an id is looked for all the same.
    root.call("ec2", "DescribeNetworkAcls", json!({ "NetworkAclIds": ["nacl-2473245375"] })).refused_with(
        400,
        "InvalidNetworkAclID.NotFound",
        "The networkAcl ID 'nacl-2473245375' does not exist",
    );
    let entries = items(&shown["networkAclSet"][0]["entrySet"]);
    assert_eq!(
        entries[1],
        json!({
            "cidrBlock": "0.0.0.0/0", "egress": "false", "portRange": { "from": "443", "to": "443" }, "protocol": "6",
            "ruleAction": "deny", "ruleNumber": "100",
        })
    );
    let default =
        ec2(&root, "DescribeNetworkAcls", json!({ "Filters": filter("association.subnet-id", &inside) }));
    let default = default["networkAclSet"][0].clone();
    let association = &default["associationSet"][0]["networkAclAssociationId"];
    let replaced = ec2(
        &root,
        "ReplaceNetworkAclAssociation",
        json!({ "AssociationId": association, "NetworkAclId": acl }),
    );
    let now = ec2(
        &root,
        "DescribeNetworkAcls",
        json!({ "Filters": filter("association.association-id", &text(&replaced["newAssociationId"])) }),
    );
    assert_eq!(now["networkAclSet"][0]["networkAclId"], json!(acl));
    let delete = |id: &str| root.call("ec2", "DeleteNetworkAcl", json!({ "NetworkAclId": id }));
    delete(&acl).refused_with(
        400,
        "DependencyViolation",
        &format!("The networkAcl '{acl}' has dependencies and cannot be deleted."),
    );
    delete(&text(&default["networkAclId"])).refused(400, "InvalidParameterValue");
    for n in 0..18 {
        entry("CreateNetworkAclEntry", 200 + n, ports.clone()).ok();
    }
    entry("CreateNetworkAclEntry", 300, ports).refused(400, "NetworkAclEntryLimitExceeded");
    ec2(&root, "DeleteSubnet", json!({ "SubnetId": inside }));
    delete(&acl).ok();
}

#[test]
fn an_interface_in_another_vpc_cannot_have_the_group() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (id, other) = (vpc(&root), vpc(&root));
    let web = group(&root, &id, "web");
    let there = subnet(&root, &other, "10.0.1.0/24");
    let eni = text(&interface(&root, &there)["networkInterfaceId"]);
    let change = json!({ "NetworkInterfaceId": eni, "Groups": [web] });
    root.call("ec2", "ModifyNetworkInterfaceAttribute", change).refused_with(
        400,
        "InvalidParameter",
        &format!("Security group {web} and subnet {there} belong to different networks."),
    );
}
