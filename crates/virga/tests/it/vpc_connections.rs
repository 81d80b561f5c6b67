//! Peering connections, prefix lists, endpoints, and the reachability analyzer.

use crate::harness::{Caller, Cloud};
use crate::vpc_groups::group;
use crate::vpc_networks::{ec2 as call, filter, items, subnet, text, vpc};
use crate::vpc_routes::{gateway, main_table};
use ec2::attachment::{ATTACHMENTS, Attachment};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn vpc_of(root: &Caller<'_>, cidr: &str) -> String {
    text(&call(root, "CreateVpc", json!({ "CidrBlock": cidr }))["vpc"]["vpcId"])
}

#[test]
fn two_accounts_peer() {
    let cloud = Cloud::new();
    let (root, there) = (cloud.root(ACCOUNT), cloud.root(OTHER).in_region("eu-west-1"));
    let (own, peer) = (vpc(&root), vpc_of(&there, "10.1.0.0/16"));
    let request = json!({ "VpcId": own, "PeerVpcId": peer, "PeerOwnerId": OTHER, "PeerRegion": "eu-west-1" });
    let made = call(&root, "CreateVpcPeeringConnection", request.clone());
    let made = &made["vpcPeeringConnection"];
    assert_eq!(made["status"]["code"], "initiating-request");
    let id = text(&made["vpcPeeringConnectionId"]);
    root.call("ec2", "CreateVpcPeeringConnection", request).refused(400, "VpcPeeringConnectionAlreadyExists");
    let status = |caller: &Caller<'_>| {
        let found = call(caller, "DescribeVpcPeeringConnections", json!({ "VpcPeeringConnectionIds": [id] }));
        text(&found["vpcPeeringConnectionSet"][0]["status"]["code"])
    };
    assert_eq!(
        (status(&root), status(&there)),
        ("pending-acceptance".to_owned(), "pending-acceptance".to_owned())
    );
    let side = |of: &str| {
        let found = call(&there, "DescribeVpcPeeringConnections", json!({ "VpcPeeringConnectionIds": [id] }));
        found["vpcPeeringConnectionSet"][0][of].clone()
    };
    let options = json!({
        "allowDnsResolutionFromRemoteVpc": "false", "allowEgressFromLocalClassicLinkToRemoteVpc": "false",
        "allowEgressFromLocalVpcToRemoteClassicLink": "false",
    });
    let who = json!({ "ownerId": OTHER, "region": "eu-west-1", "vpcId": peer });
    // Of another region, the accepter's blocks are shown once both have agreed.
    assert_eq!(side("accepterVpcInfo"), who);
    assert_eq!(side("requesterVpcInfo")["peeringOptions"], options);
    let answer = json!({ "VpcPeeringConnectionId": id });
    root.call("ec2", "AcceptVpcPeeringConnection", answer.clone()).refused_with(
        400,
        "OperationNotPermitted",
        &format!("User ({ACCOUNT}) cannot accept peering {id}"),
    );
    call(&there, "AcceptVpcPeeringConnection", answer.clone());
    assert_eq!(status(&root), "active");
    let mut agreed = who;
    agreed["cidrBlock"] = json!("10.1.0.0/16");
    agreed["cidrBlockSet"] = json!([{ "cidrBlock": "10.1.0.0/16" }]);
    agreed["peeringOptions"] = options;
    assert_eq!(side("accepterVpcInfo"), agreed);
    there.call("ec2", "AcceptVpcPeeringConnection", answer.clone()).refused(400, "InvalidStateTransition");
    let stranger = cloud.root("333333333333");
    stranger
        .call("ec2", "DeleteVpcPeeringConnection", answer.clone())
        .refused(400, "InvalidVpcPeeringConnectionID.NotFound");
    let table = text(&main_table(&root, &own)["routeTableId"]);
    call(
        &root,
        "CreateRoute",
        json!({ "RouteTableId": table, "DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": id }),
    );
    root.call("ec2", "DeleteVpc", json!({ "VpcId": own })).refused(400, "DependencyViolation");
    call(&there, "DeleteVpcPeeringConnection", answer);
    assert_eq!(status(&root), "deleted");
    let holes = call(&root, "DescribeRouteTables", json!({ "Filters": filter("route.state", "blackhole") }));
    assert_eq!(holes["routeTableSet"][0]["routeTableId"], json!(table));
    cloud.advance(Duration::from_secs(2 * 3600 + 1));
    cloud.reconcile();
    assert!(
        items(&call(&root, "DescribeVpcPeeringConnections", json!({}))["vpcPeeringConnectionSet"]).is_empty()
    );
}

#[test]
fn a_peering_request_fails_expires_or_is_turned_down() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (one, same, two) = (vpc(&root), vpc(&root), vpc_of(&root, "10.1.0.0/16"));
    let create = |a: &str, b: &str| {
        text(
            &call(&root, "CreateVpcPeeringConnection", json!({ "VpcId": a, "PeerVpcId": b }))["vpcPeeringConnection"]
                ["vpcPeeringConnectionId"],
        )
    };
    let status = |id: &str| {
        text(
            &call(&root, "DescribeVpcPeeringConnections", json!({ "VpcPeeringConnectionIds": [id] }))["vpcPeeringConnectionSet"]
                [0]["status"]["code"],
        )
    };
    assert_eq!(status(&create(&one, &same)), "failed");
    let rejected = create(&one, &two);
    call(&root, "RejectVpcPeeringConnection", json!({ "VpcPeeringConnectionId": rejected }));
    assert_eq!(status(&rejected), "rejected");
    let late = create(&one, &two);
    cloud.advance(Duration::from_secs(7 * 24 * 3600));
    cloud.reconcile();
    assert_eq!(status(&late), "expired");
    let missing = json!({ "VpcId": one, "PeerVpcId": "vpc-0123456789abcdef0" });
    root.call("ec2", "CreateVpcPeeringConnection", missing).refused(400, "InvalidVpcID.NotFound");
}

#[test]
fn a_rule_may_name_a_group_of_a_peered_vpc() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (one, two) = (vpc(&root), vpc_of(&root, "10.1.0.0/16"));
    let (here, there) = (group(&root, &one, "here"), group(&root, &two, "there"));
    let allow = json!({ "GroupId": here, "IpPermissions": [{ "IpProtocol": "-1", "UserIdGroupPairs": [{ "GroupId": there }] }] });
    root.call("ec2", "AuthorizeSecurityGroupIngress", allow.clone()).refused(400, "InvalidGroup.NotFound");
    let made = call(&root, "CreateVpcPeeringConnection", json!({ "VpcId": one, "PeerVpcId": two }));
    let id = text(&made["vpcPeeringConnection"]["vpcPeeringConnectionId"]);
    call(&root, "AcceptVpcPeeringConnection", json!({ "VpcPeeringConnectionId": id }));
    let rule = call(&root, "AuthorizeSecurityGroupIngress", allow);
    let info = &rule["securityGroupRuleSet"][0]["referencedGroupInfo"];
    assert_eq!(
        (&info["vpcPeeringConnectionId"], &info["peeringStatus"], &info["vpcId"]),
        (&json!(id), &json!("active"), &json!(two))
    );
    let references = call(&root, "DescribeSecurityGroupReferences", json!({ "GroupId": [there] }));
    assert_eq!(references["securityGroupReferenceSet"][0]["referencingVpcId"], json!(one));
    let stale = || {
        items(&call(&root, "DescribeStaleSecurityGroups", json!({ "VpcId": one }))["staleSecurityGroupSet"])
    };
    assert!(stale().is_empty());
    call(&root, "DeleteVpcPeeringConnection", json!({ "VpcPeeringConnectionId": id }));
    assert_eq!(stale()[0]["groupId"], json!(here));
}

#[test]
fn prefix_lists_have_versions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = json!({
        "PrefixListName": "office", "AddressFamily": "IPv4", "MaxEntries": 2, "Entries": [{ "Cidr": "192.0.2.0/24", "Description": "a" }],
    });
    let made = call(&root, "CreateManagedPrefixList", create);
    let id = text(&made["prefixList"]["prefixListId"]);
    assert_eq!(
        (&made["prefixList"]["version"], &made["prefixList"]["state"]),
        (&json!("1"), &json!("create-in-progress"))
    );
    let modify = |more: Value| {
        let mut all = json!({ "PrefixListId": id });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "ModifyManagedPrefixList", all)
    };
    modify(json!({ "AddEntries": [{ "Cidr": "198.51.100.0/24" }] })).refused(400, "MissingParameter");
    modify(json!({ "CurrentVersion": 2, "AddEntries": [{ "Cidr": "198.51.100.0/24" }] }))
        .refused(400, "PrefixListVersionMismatch");
    modify(json!({ "CurrentVersion": 1, "AddEntries": [{ "Cidr": "198.51.100.0/24" }] })).ok();
    modify(json!({ "CurrentVersion": 2, "AddEntries": [{ "Cidr": "203.0.113.0/24" }] }))
        .refused(400, "PrefixListMaxEntriesExceeded");
    modify(json!({ "CurrentVersion": 2, "RemoveEntries": [{ "Cidr": "192.0.2.0/24" }] })).ok();
    let entries = |version: Value| {
        let found = call(
            &root,
            "GetManagedPrefixListEntries",
            json!({ "PrefixListId": id, "TargetVersion": version }),
        );
        items(&found["entrySet"]).iter().map(|e| text(&e["cidr"])).collect::<Vec<_>>()
    };
    assert_eq!(entries(Value::Null), ["198.51.100.0/24"]);
    assert_eq!(entries(json!(1)), ["192.0.2.0/24"]);
    call(
        &root,
        "RestoreManagedPrefixListVersion",
        json!({ "PrefixListId": id, "PreviousVersion": 1, "CurrentVersion": 3 }),
    );
    assert_eq!(entries(Value::Null), ["192.0.2.0/24"]);
    let vpc = vpc(&root);
    let web = group(&root, &vpc, "web");
    call(
        &root,
        "AuthorizeSecurityGroupEgress",
        json!({ "GroupId": web, "IpPermissions": [
        { "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{ "PrefixListId": id }] } ] }),
    );
    let users = call(&root, "GetManagedPrefixListAssociations", json!({ "PrefixListId": id }));
    assert_eq!(users["prefixListAssociationSet"], json!([{ "resourceId": web, "resourceOwner": ACCOUNT }]));
    root.call("ec2", "DeleteManagedPrefixList", json!({ "PrefixListId": id }))
        .refused(400, "DependencyViolation");
    call(&root, "DeleteSecurityGroup", json!({ "GroupId": web }));
    call(&root, "DeleteManagedPrefixList", json!({ "PrefixListId": id }));
    let own = call(&root, "DescribePrefixLists", json!({ "Filters": filter("prefix-list-name", "*.s3") }));
    assert_eq!(own["prefixListSet"][0]["prefixListId"], "pl-63a5400a");
    let managed = call(&root, "DescribeManagedPrefixLists", json!({ "Filters": filter("owner-id", "AWS") }));
    assert_eq!(items(&managed["prefixListSet"]).len(), 2);
    root.call("ec2", "DeleteManagedPrefixList", json!({ "PrefixListId": "pl-63a5400a" }))
        .refused(400, "OperationNotPermitted");
}

#[test]
fn endpoints_of_both_kinds() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let table = text(&main_table(&root, &id)["routeTableId"]);
    let create = |more: Value| {
        let mut all = json!({ "VpcId": id });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "CreateVpcEndpoint", all)
    };
    create(json!({ "ServiceName": "com.amazonaws.us-east-1.gopher" })).refused_with(
        400,
        "InvalidServiceName",
        "The Vpc Endpoint Service 'com.amazonaws.us-east-1.gopher' does not exist",
    );
    create(json!({ "ServiceName": "com.amazonaws.us-east-1.kms" })).refused(400, "InvalidParameter");
    create(json!({ "ServiceName": "com.amazonaws.us-east-1.s3", "PolicyDocument": "{" }))
        .refused(400, "InvalidPolicyDocument");
    let made = create(json!({ "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": [table] })).ok();
    let gateway = text(&made["vpcEndpoint"]["vpcEndpointId"]);
    assert_eq!(
        (&made["vpcEndpoint"]["state"], &made["vpcEndpoint"]["vpcEndpointType"]),
        (&json!("available"), &json!("Gateway"))
    );
    let routes = items(&main_table(&root, &id)["routeSet"]);
    assert_eq!(
        (&routes[1]["destinationPrefixListId"], &routes[1]["gatewayId"], &routes[1]["state"]),
        (&json!("pl-63a5400a"), &json!(gateway), &json!("active"))
    );
    create(json!({ "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": [table] }))
        .refused(400, "RouteAlreadyExists");
    let remove = json!({ "RouteTableId": table, "DestinationPrefixListId": "pl-63a5400a" });
    root.call("ec2", "DeleteRoute", remove).refused(400, "InvalidParameterValue");
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let interface = json!({ "VpcEndpointType": "Interface", "ServiceName": "com.amazonaws.us-east-1.kms", "SubnetIds": [inside] });
    create(interface.clone()).refused_with(
        400,
        "InvalidParameter",
        &format!("Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {id}"),
    );
    call(&root, "ModifyVpcAttribute", json!({ "VpcId": id, "EnableDnsHostnames": { "Value": true } }));
    let made = create(interface).ok();
    let private = text(&made["vpcEndpoint"]["vpcEndpointId"]);
    assert_eq!(made["vpcEndpoint"]["state"], "pending");
    cloud.reconcile();
    let shown = call(&root, "DescribeVpcEndpoints", json!({ "VpcEndpointIds": [private] }));
    let shown = &shown["vpcEndpointSet"][0];
    assert_eq!(shown["state"], "available");
    let eni = &shown["networkInterfaceIdSet"][0];
    let described = call(&root, "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [eni] }));
    assert_eq!(described["networkInterfaceSet"][0]["interfaceType"], "vpc_endpoint");
    root.call("ec2", "DeleteSubnet", json!({ "SubnetId": inside })).refused(400, "DependencyViolation");
    let same_zone = call(
        &root,
        "CreateSubnet",
        json!({ "VpcId": id, "CidrBlock": "10.0.2.0/24", "AvailabilityZone": described["networkInterfaceSet"][0]["availabilityZone"] }),
    );
    let add = json!({ "VpcEndpointId": private, "AddSubnetIds": [same_zone["subnet"]["subnetId"]] });
    root.call("ec2", "ModifyVpcEndpoint", add).refused(400, "DuplicateSubnetsInSameZone");
    let missing = "vpce-0123456789abcdef0";
    let gone = call(&root, "DeleteVpcEndpoints", json!({ "VpcEndpointIds": [gateway, private, missing] }));
    assert_eq!(
        gone["unsuccessful"],
        json!([{
            "error": { "code": "InvalidVpcEndpointId.NotFound", "message": format!("The Vpc Endpoint Id '{missing}' does not exist") },
            "resourceId": missing,
        }])
    );
    assert_eq!(items(&main_table(&root, &id)["routeSet"]).len(), 1);
    call(&root, "DeleteSubnet", json!({ "SubnetId": inside }));
    let services =
        call(&root, "DescribeVpcEndpointServices", json!({ "Filters": filter("service-type", "Gateway") }));
    assert_eq!(
        services["serviceNameSet"],
        json!(["com.amazonaws.us-east-1.dynamodb", "com.amazonaws.us-east-1.s3"])
    );
}

/// A path's analysis: whether there is a way, and the codes of what stands in it.
pub(crate) fn analysis(root: &Caller<'_>, path: &Value) -> (String, Vec<String>) {
    let started = call(root, "StartNetworkInsightsAnalysis", json!({ "NetworkInsightsPathId": path }));
    assert_eq!(started["networkInsightsAnalysis"]["status"], "running");
    let id = &started["networkInsightsAnalysis"]["networkInsightsAnalysisId"];
    let done = call(root, "DescribeNetworkInsightsAnalyses", json!({ "NetworkInsightsAnalysisIds": [id] }));
    let done = &done["networkInsightsAnalysisSet"][0];
    assert_eq!(done["status"], "succeeded");
    let codes = items(&done["explanationSet"]).iter().map(|e| text(&e["explanationCode"])).collect();
    (text(&done["networkPathFound"]), codes)
}

/// Attaches an interface as the room of the machines would.
fn attach(cloud: &Cloud, interface: &Value, instance: &str) {
    let account = base::AccountId::parse(ACCOUNT).unwrap();
    let attachment = Attachment {
        id: "eni-attach-0123456789abcdef0".into(),
        instance: Some(instance.to_owned()),
        owner: ACCOUNT.into(),
        status: "attached".into(),
        ..Attachment::default()
    };
    let mut tx = cloud.cloud.store().begin();
    let key = ec2::register::key(account, base::Region::US_EAST_1, interface.as_str().unwrap());
    ATTACHMENTS.put(&mut tx, &key, &attachment);
    cloud.block_on(tx.commit()).unwrap();
}

#[test]
fn the_analyzer_tells_what_stands_in_the_way() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let igw = gateway(&root, &id);
    let web = group(&root, &id, "web");
    let create = json!({ "SubnetId": inside, "Groups": [web] });
    let one = call(&root, "CreateNetworkInterface", create.clone())["networkInterface"].clone();
    let two = call(&root, "CreateNetworkInterface", create)["networkInterface"].clone();
    let (one, two) = (&one["networkInterfaceId"], &two["networkInterfaceId"]);
    attach(&cloud, one, "i-0123456789abcdef0");
    let path = |source: &Value, destination: &Value| {
        let create =
            json!({ "Source": source, "Destination": destination, "Protocol": "tcp", "DestinationPort": 80 });
        call(&root, "CreateNetworkInsightsPath", create)["networkInsightsPath"]["networkInsightsPathId"]
            .clone()
    };
    let between = path(one, two);
    let (found, codes) = analysis(&root, &between);
    assert_eq!(found, "false");
    assert!(codes.contains(&"BAD_STATE_ATTACHMENT".to_owned()), "{codes:?}");
    attach(&cloud, two, "i-0123456789abcdef1");
    let (found, codes) = analysis(&root, &between);
    assert_eq!((found.as_str(), codes), ("false", vec!["SG_HAS_NO_RULES".to_owned()]));
    let allow = json!({ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{ "GroupId": web }] });
    call(&root, "AuthorizeSecurityGroupIngress", json!({ "GroupId": web, "IpPermissions": [allow] }));
    assert_eq!(analysis(&root, &between), ("true".to_owned(), vec![]));
    // To the world: a route, a public address.
    let out = path(one, &json!(igw));
    let (found, codes) = analysis(&root, &out);
    assert_eq!((found.as_str(), codes), ("false", vec!["NO_ROUTE_TO_DESTINATION".to_owned()]));
    let table = text(&main_table(&root, &id)["routeTableId"]);
    call(
        &root,
        "CreateRoute",
        json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": igw }),
    );
    let (found, codes) = analysis(&root, &out);
    assert_eq!((found.as_str(), codes), ("false", vec!["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS".to_owned()]));
    let allocation = text(&call(&root, "AllocateAddress", json!({}))["allocationId"]);
    call(&root, "AssociateAddress", json!({ "AllocationId": allocation, "NetworkInterfaceId": one }));
    assert_eq!(analysis(&root, &out), ("true".to_owned(), vec![]));
    // A network ACL without entries lets nothing through.
    let acl = call(&root, "CreateNetworkAcl", json!({ "VpcId": id }));
    let acl = &acl["networkAcl"]["networkAclId"];
    let there =
        call(&root, "DescribeNetworkAcls", json!({ "Filters": filter("association.subnet-id", &inside) }));
    let association = &there["networkAclSet"][0]["associationSet"][0]["networkAclAssociationId"];
    call(&root, "ReplaceNetworkAclAssociation", json!({ "AssociationId": association, "NetworkAclId": acl }));
    let (found, codes) = analysis(&root, &out);
    assert_eq!(found, "false");
    assert!(codes.contains(&"SUBNET_ACL_RESTRICTION".to_owned()), "{codes:?}");
    root.call("ec2", "DeleteNetworkInsightsPath", json!({ "NetworkInsightsPathId": out }))
        .refused(400, "AnalysisExistsForNetworkInsightsPath");
    let wrong = json!({ "Source": "vgw-1", "Destination": igw, "Protocol": "tcp", "DestinationPort": 80 });
    root.call("ec2", "CreateNetworkInsightsPath", wrong).refused(400, "InvalidParameterValue");
}
