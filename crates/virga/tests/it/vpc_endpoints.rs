//! What comes through the endpoints of a VPC: by which of them, under which policy, and what conditions know of it.

use crate::harness::{Caller, Cloud, Reply};
use crate::vpc_networks::{ec2, items, subnet, text, vpc};
use base::{AccountId, Region};
use ec2::front::{Gate, Through};
use kernel::Peer;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const ACCOUNT: &str = "123456789012";
const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 9);

fn gate(vpc: &str, through: Through) -> Gate {
    let account = AccountId::parse(ACCOUNT).unwrap();
    Gate { account, region: Region::US_EAST_1, vpc: vpc.to_owned(), through }
}

/// The gate of an endpoint of the interface type.
pub(crate) fn interface(vpc: &str, endpoint: &str) -> Gate {
    let (interface, address) = ("eni-1".to_owned(), Ipv4Addr::new(10, 0, 1, 10));
    gate(vpc, Through::Interface { endpoint: endpoint.to_owned(), interface, address })
}

/// A call of a machine's, as the gateway hands it on.
pub(crate) fn through(cloud: &Cloud, gate: &Gate, caller: &Caller<'_>, call: (&str, &str, Value)) -> Reply {
    let address = IpAddr::V4(MACHINE);
    let way = network::vpc::way::of(&cloud.cloud, gate, address).unwrap().expect("an endpoint");
    let (service, operation, parameters) = call;
    let request = caller.request(service, operation, &parameters);
    let tls = Some(kernel::Tls { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" });
    cloud.send_from(request, Peer { address, tls, way: Some(Arc::new(way)) })
}

fn made(root: &Caller<'_>, vpc: &str, service: &str, policy: &Value, more: Value) -> Value {
    let mut asked = json!({
        "VpcId": vpc, "ServiceName": format!("com.amazonaws.us-east-1.{service}"), "PolicyDocument": policy.to_string(),
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ec2(root, "CreateVpcEndpoint", asked)["vpcEndpoint"].clone()
}

pub(crate) fn private(root: &Caller<'_>, vpc: &str, service: &str, policy: &Value) -> String {
    let more = json!({ "VpcEndpointType": "Interface", "PrivateDnsEnabled": false });
    text(&made(root, vpc, service, policy, more)["vpcEndpointId"])
}

fn statements(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

#[test]
fn its_policy_must_allow_and_its_deny_is_final() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALL);
    let id = vpc(&root);
    let policy = statements(&json!([
        { "Effect": "Allow", "Principal": "*", "Action": ["sqs:CreateQueue", "sqs:DeleteQueue"], "Resource": "*" },
        { "Sid": "kept", "Effect": "Deny", "Principal": "*", "Action": "sqs:DeleteQueue", "Resource": "*" },
    ]));
    let endpoint = private(&root, &id, "sqs", &policy);
    let gate = interface(&id, &endpoint);
    let call = |operation: &str, with: Value| through(&cloud, &gate, &eva, ("sqs", operation, with));
    let url = text(&call("CreateQueue", json!({ "QueueName": "jobs" })).ok()["QueueUrl"]);
    let me = format!("User: arn:aws:iam::{ACCOUNT}:user/eva is not authorized to perform: sqs");
    let silent = call("ListQueues", json!({}));
    let request = silent.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    let message = silent.refused(403, "AccessDeniedException");
    assert!(message.starts_with(&me), "{message}");
    assert!(
        message.ends_with("because no VPC endpoint policy allows the sqs:ListQueues action"),
        "{message}"
    );
    let why = cloud.cloud.why(&request).unwrap().unwrap();
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:vpc-endpoint/{endpoint}");
    assert_eq!(
        (&why["decisions"][0]["cause"], &why["decisions"][0]["reasons"][0]),
        (
            &json!("no VPC endpoint policy allows it"),
            &json!(format!("nothing at {arn} allows it in any VPC endpoint policy"))
        )
    );
    let denied = call("DeleteQueue", json!({ "QueueUrl": url }));
    let request = denied.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    let message = denied.refused(403, "AccessDeniedException");
    assert!(message.ends_with("with an explicit deny in a VPC endpoint policy"), "{message}");
    let why = cloud.cloud.why(&request).unwrap().unwrap();
    let reason = format!("VPC endpoint policy {arn}: statement 2 (kept), Deny, line 1");
    assert_eq!(why["decisions"][0]["reasons"][0], json!(reason));
    // Past the endpoint it says nothing.
    eva.call("sqs", "DeleteQueue", json!({ "QueueUrl": url })).ok();
    // The next request finds another policy.
    ec2(&root, "ModifyVpcEndpoint", json!({ "VpcEndpointId": endpoint, "ResetPolicy": true }));
    call("ListQueues", json!({})).ok();
    ec2(&root, "DeleteVpcEndpoints", json!({ "VpcEndpointIds": [endpoint] }));
    assert!(network::vpc::way::of(&cloud.cloud, &gate, MACHINE.into()).unwrap().is_none());
}

#[test]
fn it_leads_to_one_service_of_one_region() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALL);
    let id = vpc(&root);
    let policy =
        statements(&json!([{ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }]));
    let endpoint = private(&root, &id, "sqs", &policy);
    let gate = interface(&id, &endpoint);
    let elsewhere = eva.in_region("eu-west-1");
    for (caller, service, operation) in
        [(&eva, "kms", "ListKeys"), (&eva, "ec2", "DescribeVpcs"), (&elsewhere, "sqs", "ListQueues")]
    {
        let message = format!("The VPC endpoint {endpoint} leads to sqs in us-east-1 only.");
        let reply = through(&cloud, &gate, caller, (service, operation, json!({})));
        reply.refused_with(421, "MisdirectedRequest", &message);
    }
    // What needs no permission needs the endpoint's: STS tells everybody who they are.
    let none = statements(&json!([{ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*" }]));
    let sts = interface(&id, &private(&root, &id, "sts", &none));
    let who = || ("sts", "GetCallerIdentity", json!({}));
    let message = through(&cloud, &sts, &eva, who()).refused(403, "AccessDenied");
    assert!(message.ends_with("with an explicit deny in a VPC endpoint policy"), "{message}");
    let open = interface(&id, &private(&root, &id, "sts", &policy));
    through(&cloud, &open, &eva, who()).ok();
}

#[test]
fn conditions_and_the_trail_know_the_way() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let open = statements(&json!([{ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }]));
    let endpoint = private(&root, &id, "sqs", &open);
    let other = private(&root, &id, "sqs", &open);
    let conditions = [
        ("SourceVpce", json!({ "StringEquals": { "aws:SourceVpce": endpoint } })),
        ("SourceVpc", json!({ "StringEquals": { "aws:SourceVpc": id, "aws:SourceVpce": endpoint } })),
        (
            "VpcSourceIp",
            json!({
                "IpAddress": { "aws:VpcSourceIp": "10.0.1.9/32" },
                "Null": { "aws:SourceIp": "true" },
                "StringEquals": { "aws:SourceVpce": endpoint },
            }),
        ),
    ];
    for (name, condition) in conditions {
        let policy = statements(&json!([
            { "Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": condition },
        ]));
        let user = cloud.user(&root, name, &policy.to_string());
        let queue = || ("sqs", "CreateQueue", json!({ "QueueName": name }));
        user.call("sqs", "CreateQueue", json!({ "QueueName": name })).refused(403, "AccessDeniedException");
        through(&cloud, &interface(&id, &other), &user, queue()).refused(403, "AccessDeniedException");
        through(&cloud, &interface(&id, &endpoint), &user, queue()).ok();
    }
    let by = json!({ "LookupAttributes": [{ "AttributeKey": "Username", "AttributeValue": "SourceVpc" }] });
    let found = root.call("cloudtrail", "LookupEvents", by).ok();
    let records = items(&found["Events"]).into_iter().map(|event| text(&event["CloudTrailEvent"]));
    let records: Vec<Value> = records.map(|text| serde_json::from_str(&text).unwrap()).collect();
    let told: Vec<_> = records
        .iter()
        .map(|r| (r["vpcEndpointId"].as_str(), r["sourceIPAddress"].as_str().unwrap()))
        .collect();
    for expected in
        [(Some(endpoint.as_str()), "10.0.1.9"), (Some(other.as_str()), "10.0.1.9"), (None, "127.0.0.1")]
    {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
}

#[test]
fn what_a_service_calls_for_its_caller_came_through_no_endpoint() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALL);
    root.call("s3", "CreateBucket", json!({ "Bucket": "kept" })).ok();
    let key = text(&root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"]);
    let id = vpc(&root);
    subnet(&root, &id, "10.0.1.0/24");
    let table = text(&crate::vpc_routes::main_table(&root, &id)["routeTableId"]);
    let policy =
        statements(&json!([{ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" }]));
    made(&root, &id, "s3", &policy, json!({ "RouteTableIds": [table] }));
    let [s3, dynamodb] = Gate::of_router(AccountId::parse(ACCOUNT).unwrap(), Region::US_EAST_1, &id);
    let put = json!({ "Bucket": "kept", "Key": "a", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key });
    through(&cloud, &s3, &eva, ("s3", "PutObject", put)).ok();
    // Nothing leads to the other service.
    assert!(network::vpc::way::of(&cloud.cloud, &dynamodb, MACHINE.into()).unwrap().is_none());
}

#[test]
fn the_route_table_says_by_which_gateway_endpoint() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let open = statements(&json!([{ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }]));
    let [s3, _] = Gate::of_router(AccountId::parse(ACCOUNT).unwrap(), Region::US_EAST_1, &id);
    let mut expected = Vec::new();
    for number in 1..=2 {
        let inside = subnet(&root, &id, &format!("10.0.{number}.0/24"));
        let table = ec2(&root, "CreateRouteTable", json!({ "VpcId": id }));
        let table = text(&table["routeTable"]["routeTableId"]);
        ec2(&root, "AssociateRouteTable", json!({ "RouteTableId": table, "SubnetId": inside }));
        let endpoint = made(&root, &id, "s3", &open, json!({ "RouteTableIds": [table] }));
        expected.push((Ipv4Addr::new(10, 0, number, 9), text(&endpoint["vpcEndpointId"])));
    }
    subnet(&root, &id, "10.0.3.0/24");
    let by = |address: Ipv4Addr| {
        let way = network::vpc::way::of(&cloud.cloud, &s3, address.into()).unwrap();
        way.map(|way| (way.endpoint, way.vpc, way.service))
    };
    for (address, endpoint) in &expected {
        assert_eq!(by(*address), Some((endpoint.clone(), id.clone(), "s3")));
    }
    for stranger in [[10, 0, 3, 9], [10, 9, 9, 9]] {
        assert_eq!(by(stranger.into()), None);
    }
    ec2(&root, "DeleteVpcEndpoints", json!({ "VpcEndpointIds": [expected[0].1] }));
    assert_eq!(by(expected[0].0), None);
}

#[test]
fn names_of_an_endpoint() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    ec2(&root, "ModifyVpcAttribute", json!({ "VpcId": id, "EnableDnsHostnames": { "Value": true } }));
    let inside = json!({ "VpcId": id, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1b" });
    let inside = text(&ec2(&root, "CreateSubnet", inside)["subnet"]["subnetId"]);
    let asked = |service: &str, more: Value| {
        let mut asked = json!({
            "VpcId": id, "VpcEndpointType": "Interface", "SubnetIds": [inside],
            "ServiceName": format!("com.amazonaws.us-east-1.{service}"),
        });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "CreateVpcEndpoint", asked)
    };
    let names = |made: &Value| -> Vec<String> {
        items(&made["vpcEndpoint"]["dnsEntrySet"]).iter().map(|entry| text(&entry["dnsName"])).collect()
    };
    let made = asked("ecr.api", json!({})).ok();
    assert_eq!(made["vpcEndpoint"]["dnsOptions"], json!({ "dnsRecordIpType": "ipv4" }));
    let named = names(&made);
    let label = named[0].strip_suffix(".api.ecr.us-east-1.vpce.amazonaws.com").unwrap();
    assert!(label.starts_with(&text(&made["vpcEndpoint"]["vpcEndpointId"])), "{label}");
    assert_eq!(
        named[1..],
        [
            format!("{label}-us-east-1b.api.ecr.us-east-1.vpce.amazonaws.com"),
            "api.ecr.us-east-1.amazonaws.com".to_owned()
        ]
    );
    // A name is one endpoint's in each VPC.
    let conflict = format!(
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for api.ecr.us-east-1.amazonaws.com in the VPC {id}"
    );
    asked("ecr.api", json!({})).refused_with(400, "InvalidParameter", &conflict);
    let second = asked("ecr.api", json!({ "PrivateDnsEnabled": false })).ok();
    assert_eq!(names(&second).len(), 2);
    let modify =
        json!({ "VpcEndpointId": second["vpcEndpoint"]["vpcEndpointId"], "PrivateDnsEnabled": true });
    root.call("ec2", "ModifyVpcEndpoint", modify).refused_with(400, "InvalidParameter", &conflict);
    // DynamoDB Streams' endpoints have their own names only.
    // S3 has names for buckets below them, and neither takes over the service's own.
    let s3 = asked("s3", json!({})).ok();
    let wild = names(&s3);
    assert_eq!((wild.len(), &s3["vpcEndpoint"]["privateDnsEnabled"]), (2, &json!("false")));
    let label = format!("*.{}-", text(&s3["vpcEndpoint"]["vpcEndpointId"]));
    assert!(wild.iter().all(|name| name.starts_with(&label)), "{wild:?}");
    asked("s3", json!({ "PrivateDnsEnabled": true })).refused(400, "Unsupported");
    let table = asked("dynamodb", json!({})).ok();
    assert_eq!(names(&table).len(), 2);
    asked("dynamodb", json!({ "PrivateDnsEnabled": true })).refused(400, "InvalidParameter");
    let known = json!({ "ServiceNames": ["com.amazonaws.us-east-1.s3"] });
    let known = ec2(&root, "DescribeVpcEndpointServices", known);
    let kinds: Vec<_> = items(&known["serviceDetailSet"])
        .iter()
        .map(|one| text(&one["serviceType"][0]["serviceType"]))
        .collect();
    assert_eq!(
        (kinds, items(&known["serviceNameSet"]).len()),
        (vec!["Gateway".to_owned(), "Interface".to_owned()], 1)
    );
    let streams = asked("dynamodb-streams", json!({})).ok();
    assert_eq!(streams["vpcEndpoint"]["privateDnsEnabled"], "false");
    assert_eq!(names(&streams).len(), 2);
    asked("dynamodb-streams", json!({ "PrivateDnsEnabled": true })).refused(400, "InvalidParameter");
    let listed =
        json!({ "ServiceNames": ["com.amazonaws.us-east-1.ecr.api", "com.amazonaws.us-east-1.sts"] });
    let listed = ec2(&root, "DescribeVpcEndpointServices", listed);
    let listed: Vec<_> =
        items(&listed["serviceDetailSet"]).iter().map(|s| text(&s["privateDnsName"])).collect();
    assert_eq!(listed, ["api.ecr.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com"]);
}
