//! Flow logs: what can be asked for, who may, what is recorded, and how it gets to where it goes.

use crate::endpoint;
use crate::harness::{Caller, Cloud, MASTER, START};
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use crate::vpc_plane::{cloud, linux};
use crate::vpc_routes::gateway;
use base::{Clock, Rng};
use ec2::plane::DataPlane;
use host::{Driver, Place, Simulator};
use kernel::Settings;
use serde_json::{Value, json};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use virga::wiring::{self, Ground};

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/flows";
const MINUTE: Duration = Duration::from_secs(60);

/// The role of flow logs; the policy says what it may do.
fn role(root: &Caller<'_>, actions: &Value) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "vpc-flow-logs.amazonaws.com" },
        "Condition": { "StringEquals": { "aws:SourceAccount": ACCOUNT }, "ArnLike": { "aws:SourceArn": "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*" } },
    }] });
    let made = json!({ "RoleName": "flows", "AssumeRolePolicyDocument": trust.to_string() });
    root.call("iam", "CreateRole", made).ok();
    may(root, actions);
}

fn may(root: &Caller<'_>, actions: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] });
    let put = json!({ "RoleName": "flows", "PolicyName": "logs", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
}

fn all_of_it() -> Value {
    json!(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
}

fn asked(resource: &str, more: Value) -> Value {
    let kind = match resource.split('-').next() {
        Some("vpc") => "VPC",
        Some("subnet") => "Subnet",
        _ => "NetworkInterface",
    };
    let mut asked = json!({ "ResourceIds": [resource], "ResourceType": kind, "TrafficType": "ALL" });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn to_group(resource: &str) -> Value {
    asked(resource, json!({ "LogGroupName": "flows", "DeliverLogsPermissionArn": ROLE }))
}

fn to_bucket(resource: &str, destination: &str) -> Value {
    asked(resource, json!({ "LogDestinationType": "s3", "LogDestination": destination }))
}

fn made(root: &Caller<'_>, asked: Value) -> String {
    let given = asked.get("ClientToken").cloned();
    let made = ec2(root, "CreateFlowLogs", asked);
    // Also where none was given.
    assert!(given.map_or(made["clientToken"].is_string(), |given| made["clientToken"] == given));
    text(&made["flowLogIdSet"][0])
}

fn shown(root: &Caller<'_>, id: &str) -> Value {
    ec2(root, "DescribeFlowLogs", json!({ "FlowLogIds": [id] }))["flowLogSet"][0].clone()
}

/// A network with an endpoint, whose interface is one that packets could pass.
fn endpoint(
    cloud: &Cloud,
    root: &Caller<'_>,
    vpc: &str,
    subnets: &[String],
    group: Option<&str>,
) -> Vec<String> {
    let mut asked = json!({
        "VpcId": vpc, "VpcEndpointType": "Interface", "ServiceName": "com.amazonaws.us-east-1.kms",
        "SubnetIds": subnets, "PrivateDnsEnabled": false,
    });
    if let Some(group) = group {
        asked["SecurityGroupIds"] = json!([group]);
    }
    let made = ec2(root, "CreateVpcEndpoint", asked);
    cloud.reconcile();
    cloud.reconcile();
    items(&made["vpcEndpoint"]["networkInterfaceIdSet"]).iter().map(text).collect()
}

/// What a stream of the group has, split into words, with the events' times.
fn stream(root: &Caller<'_>, group: &str, stream: &str) -> Vec<(i64, Vec<String>)> {
    let asked = json!({ "logGroupName": group, "logStreamName": stream, "startFromHead": true });
    let reply = root.call("logs", "GetLogEvents", asked);
    if reply.status != 200 {
        return Vec::new();
    }
    let events = reply.ok()["events"].as_array().cloned().unwrap_or_default();
    let words = |event: &Value| text(&event["message"]).split(' ').map(str::to_owned).collect();
    events.iter().map(|event| (event["timestamp"].as_i64().unwrap(), words(event))).collect()
}

/// Lets a window end and its records come.
fn pass(cloud: &Cloud, time: Duration) {
    cloud.reconcile();
    cloud.advance(time);
    cloud.reconcile();
    cloud.reconcile();
}

#[test]
fn what_can_be_asked_for_and_is_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, &all_of_it());
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let refused = |more: Value, code: &str, message: &str| {
        root.call("ec2", "CreateFlowLogs", asked(&id, more)).refused_with(400, code, message);
    };
    let wrong = |more: Value, message: &str| refused(more, "InvalidParameter", message);
    wrong(
        json!({ "LogGroupName": "g" }),
        "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.",
    );
    wrong(
        json!({ "DeliverLogsPermissionArn": ROLE }),
        "LogDestination can't be empty if LogGroupName is not provided.",
    );
    wrong(
        json!({ "LogGroupName": "g", "LogDestination": "arn:aws:logs:us-east-1:123456789012:log-group:g", "DeliverLogsPermissionArn": ROLE }),
        "Please only provide LogGroupName or only provide LogDestination.",
    );
    wrong(
        json!({ "LogDestinationType": "s3", "LogGroupName": "g", "LogDestination": "arn:aws:s3:::b" }),
        "Please only provide LogGroupName or only provide LogDestination.",
    );
    wrong(
        json!({ "LogDestinationType": "s3", "LogGroupName": "g" }),
        "LogDestination type must be cloud-watch-logs if LogGroupName is provided.",
    );
    wrong(
        json!({ "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::b", "DeliverLogsPermissionArn": ROLE }),
        "DeliverLogsPermissionArn is not applicable for s3 delivery",
    );
    wrong(
        json!({ "LogDestinationType": "s3" }),
        "LogDestination can't be empty if LogGroupName is not provided.",
    );
    wrong(
        json!({ "LogGroupName": "g", "DeliverLogsPermissionArn": ROLE, "MaxAggregationInterval": 61 }),
        "Invalid Flow Log Max Aggregation Interval",
    );
    // What is not known of a flow is not made up.
    let format =
        |format: &str| json!({ "LogGroupName": "g", "DeliverLogsPermissionArn": ROLE, "LogFormat": format });
    for field in ["${tgw-id}", "${resource-id}", "${nothing}", "version"] {
        wrong(
            format(&format!("${{version}} {field}")),
            &format!("LogFormat: {field} is no field that can be recorded."),
        );
    }
    let firehose = json!({ "LogDestinationType": "kinesis-data-firehose", "LogDestination": "arn:aws:firehose:us-east-1:123456789012:deliverystream/s" });
    root.call("ec2", "CreateFlowLogs", asked(&id, firehose)).refused(400, "Unsupported");
    let parquet = json!({ "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::b", "DestinationOptions": { "FileFormat": "parquet" } });
    root.call("ec2", "CreateFlowLogs", asked(&id, parquet)).refused(400, "Unsupported");
    let nobody = to_group("vpc-00000000000000000");
    root.call("ec2", "CreateFlowLogs", nobody).refused(400, "InvalidVpcID.NotFound");
    root.call("ec2", "CreateFlowLogs", to_group("eni-00000000000000000"))
        .refused(400, "InvalidNetworkInterfaceID.NotFound");
    let mut without = to_group(&id);
    without.as_object_mut().unwrap().remove("TrafficType");
    root.call("ec2", "CreateFlowLogs", without).refused(400, "MissingParameter");

    let mut whole = to_group(&id);
    whole["ClientToken"] = json!("once");
    whole["TagSpecifications"] =
        json!([{ "ResourceType": "vpc-flow-log", "Tags": [{ "Key": "Name", "Value": "all" }] }]);
    let log = made(&root, whole.clone());
    assert_eq!(made(&root, whole), log);
    let view = shown(&root, &log);
    for (member, value) in [
        ("flowLogId", log.as_str()),
        ("flowLogStatus", "ACTIVE"),
        ("deliverLogsStatus", "SUCCESS"),
        ("deliverLogsPermissionArn", ROLE),
        ("resourceId", &id),
        ("trafficType", "ALL"),
        ("logDestinationType", "cloud-watch-logs"),
        ("logGroupName", "flows"),
        ("maxAggregationInterval", "600"),
    ] {
        assert_eq!(view[member], value, "{view}");
    }
    assert!(text(&view["logFormat"]).starts_with("${version} ${account-id} ${interface-id} "));
    assert_eq!(view["tagSet"][0]["value"], "all");
    root.call("ec2", "CreateFlowLogs", to_group(&id)).refused_with(
        400,
        "FlowLogAlreadyExists",
        "Error. There is an existing Flow Log with the same configuration and log destination.",
    );
    let by_arn = asked(
        &id,
        json!({ "LogDestination": "arn:aws:logs:us-east-1:123456789012:log-group:flows:*", "DeliverLogsPermissionArn": ROLE }),
    );
    root.call("ec2", "CreateFlowLogs", by_arn).refused(400, "FlowLogAlreadyExists");
    let mut rejected = to_group(&id);
    rejected["TrafficType"] = json!("REJECT");
    let second = made(&root, rejected);
    let mut third = to_group(&id);
    third["LogGroupName"] = json!("others");
    root.call("ec2", "CreateFlowLogs", third).refused(400, "FlowLogsLimitExceeded");
    let other = made(&root, to_group(&inside));
    for (name, value, wanted) in [
        ("resource-id", id.as_str(), 2),
        ("traffic-type", "REJECT", 1),
        ("log-group-name", "flows", 3),
        ("log-destination-type", "s3", 0),
        ("deliver-log-status", "SUCCESS", 3),
        ("flow-log-id", &second, 1),
        ("tag:Name", "all", 1),
    ] {
        let found = ec2(&root, "DescribeFlowLogs", json!({ "Filter": filter(name, value) }));
        assert_eq!(items(&found["flowLogSet"]).len(), wanted, "{name}");
    }
    let page = ec2(&root, "DescribeFlowLogs", json!({ "MaxResults": 2 }));
    let rest = ec2(&root, "DescribeFlowLogs", json!({ "NextToken": page["nextToken"] }));
    assert_eq!((items(&page["flowLogSet"]).len(), items(&rest["flowLogSet"]).len()), (2, 1));
    let gone = "fl-00000000000000000";
    root.call("ec2", "DeleteFlowLogs", json!({ "FlowLogIds": [other, gone] })).refused_with(
        400,
        "InvalidFlowLogId.NotFound",
        &format!("These flow log ids in the input list are not found: [TotalCount: 1] {gone}"),
    );
    ec2(&root, "DeleteFlowLogs", json!({ "FlowLogIds": [log, second, other] }));
    assert_eq!(items(&ec2(&root, "DescribeFlowLogs", json!({}))["flowLogSet"]), [] as [Value; 0]);
}

#[test]
fn who_makes_one_may_pass_the_role_and_deliver_logs() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    role(&root, &all_of_it());
    root.call("s3", "CreateBucket", json!({ "Bucket": "flows" })).ok();
    let user = |name: &str, actions: Value| {
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": actions, "Resource": "*" },
            { "Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE,
              "Condition": { "StringEquals": { "iam:PassedToService": if name == "pass" { "vpc-flow-logs.amazonaws.com" } else { "ec2.amazonaws.com" } } } },
        ] });
        cloud.user(&root, name, &policy.to_string())
    };
    let call = |caller: &Caller<'_>, asked: Value| caller.call("ec2", "CreateFlowLogs", asked);
    let (none, pass) = (user("none", json!("ec2:*")), user("pass", json!("ec2:*")));
    call(&none, to_group(&id)).refused(403, "UnauthorizedOperation");
    call(&pass, to_group(&id)).ok();
    let bucket = to_bucket(&id, "arn:aws:s3:::flows");
    call(&pass, bucket.clone()).refused(403, "UnauthorizedOperation");
    // The bucket lets nobody in, and its caller may not change that.
    let deliver = user("deliver", json!(["ec2:*", "logs:CreateLogDelivery"]));
    let answer = call(&deliver, bucket.clone()).ok();
    assert_eq!(items(&answer["flowLogIdSet"]), [] as [Value; 0]);
    let refused = &answer["unsuccessful"][0];
    assert_eq!((&refused["resourceId"], &refused["error"]["code"]), (&json!(id), &json!("400")));
    assert_eq!(
        refused["error"]["message"],
        "Access Denied for LogDestination: flows. Please check LogDestination permission"
    );
    let nowhere = call(&root, to_bucket(&id, "arn:aws:s3:::nowhere/x")).ok();
    assert_eq!(nowhere["unsuccessful"][0]["error"]["message"], "LogDestination: nowhere does not exist");
    // A policy of one's own is left as it is.
    let own = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::flows/x" }] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "flows", "Policy": own })).ok();
    assert_eq!(items(&call(&root, bucket.clone()).ok()["unsuccessful"]).len(), 1);
    root.call("s3", "DeleteBucketPolicy", json!({ "Bucket": "flows" })).ok();
    made(&root, bucket);
    let policy = root.call("s3", "GetBucketPolicy", json!({ "Bucket": "flows" }));
    let policy: Value = serde_json::from_slice(&policy.body).unwrap();
    assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:s3:::flows/AWSLogs/123456789012/*");
    assert_eq!(policy["Statement"][1]["Action"], "s3:GetBucketAcl");
}

#[test]
fn where_no_packets_are_records_say_so_and_the_role_decides_whether_they_come() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    role(&root, &json!("logs:CreateLogGroup"));
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let nic = endpoint(&cloud, &root, &id, &[inside], None).remove(0);
    let mut minutely = to_group(&id);
    minutely["MaxAggregationInterval"] = json!(60);
    let log = made(&root, minutely);
    pass(&cloud, MINUTE);
    let view = shown(&root, &log);
    assert_eq!(
        (&view["deliverLogsStatus"], &view["deliverLogsErrorMessage"]),
        (&json!("FAILED"), &json!("Access error"))
    );
    // What was refused comes later, once.
    may(&root, &all_of_it());
    pass(&cloud, MINUTE);
    pass(&cloud, MINUTE);
    let view = shown(&root, &log);
    assert_eq!(
        (&view["deliverLogsStatus"], &view["deliverLogsErrorMessage"]),
        (&json!("SUCCESS"), &Value::Null)
    );
    let mut events = stream(&root, "flows", &format!("{nic}-all"));
    events.sort();
    assert_eq!(events.len(), 3, "{events:?}");
    for ((time, words), (_, next)) in events.iter().zip(&events[1..]) {
        let expected = ["2", ACCOUNT, &nic, "-", "-", "-", "-", "-", "-", "-"];
        assert_eq!(words[..10], expected);
        assert_eq!((words[12].as_str(), words[13].as_str()), ("-", "NODATA"));
        assert_eq!(time.to_string(), format!("{}000", words[10]));
        // One window begins where the one before has ended.
        assert_eq!(words[11], next[10]);
    }
    ec2(&root, "DeleteFlowLogs", json!({ "FlowLogIds": [log] }));
    pass(&cloud, MINUTE);
    assert_eq!(stream(&root, "flows", &format!("{nic}-all")).len(), 3);
}

#[test]
fn files_come_every_five_minutes_and_the_bucket_decides() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let subnets = [subnet(&root, &id, "10.0.1.0/24")];
    let nic = endpoint(&cloud, &root, &id, &subnets, None).remove(0);
    root.call("s3", "CreateBucket", json!({ "Bucket": "flows" })).ok();
    let mut asked = to_bucket(&nic, "arn:aws:s3:::flows/net");
    asked["MaxAggregationInterval"] = json!(60);
    asked["LogFormat"] = json!("${interface-id} ${log-status} ${flow-direction} ${version}");
    asked["DestinationOptions"] = json!({ "PerHourPartition": true });
    let log = made(&root, asked);
    let options = shown(&root, &log)["destinationOptions"].clone();
    assert_eq!(
        options,
        json!({ "fileFormat": "plain-text", "hiveCompatiblePartitions": "false", "perHourPartition": "true" })
    );
    for _ in 0..12 {
        pass(&cloud, MINUTE);
    }
    let listed = root.call("s3", "ListObjectsV2", json!({ "Bucket": "flows" })).ok();
    let keys: Vec<String> = items(&listed["Contents"]).iter().map(|entry| text(&entry["Key"])).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    let stamp = START.iso8601();
    let folder = format!("net/AWSLogs/{ACCOUNT}/vpcflowlogs/us-east-1/{}/", stamp[..10].replace('-', "/"));
    let mut lines = 0;
    for key in &keys {
        assert!(key.starts_with(&folder), "{key}");
        let name = key.rsplit('/').next().unwrap();
        assert!(name.starts_with(&format!("{ACCOUNT}_vpcflowlogs_us-east-1_{log}_")), "{name}");
        assert!(name.ends_with(".log.gz"), "{name}");
        let got = root.call("s3", "GetObject", json!({ "Bucket": "flows", "Key": key }));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&got.body[..]).read_to_string(&mut text).unwrap();
        let mut all = text.lines();
        assert_eq!(all.next(), Some("interface-id log-status flow-direction version"));
        for line in all {
            assert_eq!(line, format!("{nic} NODATA - 5"));
            lines += 1;
        }
    }
    assert!((6..=10).contains(&lines), "{lines}");
    // Whom the bucket lets in no more does not come.
    root.call("s3", "DeleteBucketPolicy", json!({ "Bucket": "flows" })).ok();
    for _ in 0..8 {
        pass(&cloud, MINUTE);
    }
    let view = shown(&root, &log);
    assert_eq!(
        (&view["deliverLogsStatus"], &view["deliverLogsErrorMessage"]),
        (&json!("FAILED"), &json!("Access error"))
    );
}

#[test]
fn packets_are_recorded_at_each_interface() {
    let Some(linux) = linux() else { return };
    let (cloud, plane) = cloud(linux, None);
    let root = cloud.root(ACCOUNT);
    role(&root, &all_of_it());
    let id = vpc(&root);
    let internet = gateway(&root, &id);
    let subnets = [("10.0.1.0/24", "us-east-1a"), ("10.0.2.0/24", "us-east-1b")].map(|(cidr, zone)| {
        let made = json!({ "VpcId": id, "CidrBlock": cidr, "AvailabilityZone": zone });
        text(&ec2(&root, "CreateSubnet", made)["subnet"]["subnetId"])
    });
    let group = json!({ "VpcId": id, "GroupName": "door", "Description": "a door" });
    let group = text(&ec2(&root, "CreateSecurityGroup", group)["groupId"]);
    let rule = json!({ "GroupId": group, "IpPermissions": [
        { "IpProtocol": "udp", "FromPort": 7000, "ToPort": 7000, "IpRanges": [{ "CidrIp": "10.0.1.0/24" }] },
    ] });
    ec2(&root, "AuthorizeSecurityGroupIngress", rule);
    let nics = endpoint(&cloud, &root, &id, &subnets, Some(&group));
    let mut every = to_group(&id);
    every["MaxAggregationInterval"] = json!(60);
    made(&root, every);
    let mut rejected = to_group(&nics[1]);
    rejected["TrafficType"] = json!("REJECT");
    rejected["LogGroupName"] = json!("rejected");
    rejected["MaxAggregationInterval"] = json!(60);
    made(&root, rejected);
    let mut ways = to_group(&nics[0]);
    ways["LogGroupName"] = json!("ways");
    ways["LogFormat"] =
        json!("${dstaddr} ${protocol} ${flow-direction} ${traffic-path} ${pkt-dst-aws-service}");
    ways["MaxAggregationInterval"] = json!(60);
    made(&root, ways);
    let tables = ec2(&root, "DescribeRouteTables", json!({ "Filters": filter("vpc-id", &id) }));
    let table = &tables["routeTableSet"][0]["routeTableId"];
    let s3 = json!({ "VpcId": id, "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": [table] });
    ec2(&root, "CreateVpcEndpoint", s3);
    let out = json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": internet });
    ec2(&root, "CreateRoute", out);
    cloud.reconcile();
    let shown = items(&ec2(&root, "DescribeNetworkInterfaces", json!({}))["networkInterfaceSet"]);
    let address =
        |nic: &str| text(&shown.iter().find(|s| s["networkInterfaceId"] == nic).unwrap()["privateIpAddress"]);
    let (from, to) = (address(&nics[0]), address(&nics[1]));
    let local = format!("{from}:5000").parse().unwrap();
    let socket = plane.datagrams(&Place::Machine(nics[0].clone()), local).unwrap();
    for (port, bytes, times) in [(7000, 72, 3), (7001, 100, 2)] {
        for _ in 0..times {
            socket.send_to(&vec![1; bytes], format!("{to}:{port}")).unwrap();
        }
    }
    socket.send_to(&[1], "192.0.2.80:9").unwrap();
    let s3 = "198.51.100.1:80".parse().unwrap();
    let _ = plane.connect(&Place::Machine(nics[0].clone()), s3, Duration::from_millis(200));
    std::thread::sleep(Duration::from_millis(200));
    pass(&cloud, MINUTE);
    let mut ways: Vec<String> = stream(&root, "ways", &format!("{}-all", nics[0]))
        .into_iter()
        .map(|(_, words)| words.join(" "))
        .filter(|line| line.contains(" 17 egress ") || line.contains(" 6 egress "))
        .collect();
    ways.sort();
    ways.dedup();
    // To a neighbour, by the internet gateway, and by the endpoint; no instance of the newer hypervisor sends.
    let neighbour = format!("{to} 17 egress 1 -");
    assert_eq!(ways, [neighbour.as_str(), "192.0.2.80 17 egress 2 -", "198.51.100.1 6 egress 2 S3"]);
    let line = |group: &str, nic: &str, kind: &str| {
        let events = stream(&root, group, &format!("{nic}-{kind}"));
        let mut lines: Vec<String> = events
            .into_iter()
            .filter(|(_, words)| (words[7] == "17" && words[4] == to) || words[7] == "-")
            .map(|(_, words)| [&words[3..10], &words[12..]].concat().join(" "))
            .collect();
        lines.sort();
        lines
    };
    let allowed = |action: &str| format!("{from} {to} 5000 7000 17 3 300 {action} OK");
    let dropped = |action: &str| format!("{from} {to} 5000 7001 17 2 256 {action} OK");
    // The sender's side lets both pass; the receiver's refuses one.
    assert_eq!(line("flows", &nics[0], "all"), [allowed("ACCEPT"), dropped("ACCEPT")]);
    assert_eq!(line("flows", &nics[1], "all"), [allowed("ACCEPT"), dropped("REJECT")]);
    assert_eq!(line("rejected", &nics[1], "reject"), [dropped("REJECT")]);
    // And then there was nothing.
    pass(&cloud, MINUTE);
    assert_eq!(line("rejected", &nics[1], "reject").len(), 2);
    assert!(line("rejected", &nics[1], "reject")[0].ends_with("- NODATA"));
}

fn over(store: &Store, clock: Clock) -> Cloud {
    let plane = DataPlane::new(Box::new(|| Ok(Arc::new(Simulator::new()) as Arc<dyn Driver>)));
    let ground = Ground {
        networks: plane,
        machines: None,
        functions: None,
        hot: None,
        front: Arc::default(),
        authority: compute::ec2::work::Trust::nobody(),
        door: Arc::default(),
        client: endpoint::nobody(),
    };
    let blobs = Arc::new(blob::Memory::default());
    let settings = Settings { strict: true, seed: Some(7), ..Settings::default() };
    let wired = wiring::cloud_on(ground, store.clone(), blobs, clock, Rng::seeded(8), &MASTER, settings);
    Cloud::around(wired.unwrap())
}

#[test]
fn who_begins_anew_says_that_something_was_lost_and_loses_nothing_that_was_recorded() {
    let store = Store::memory();
    let nic = {
        let cloud = over(&store, Clock::frozen(START));
        let root = cloud.root(ACCOUNT);
        role(&root, &json!("logs:CreateLogGroup"));
        let id = vpc(&root);
        let subnets = [subnet(&root, &id, "10.0.1.0/24")];
        let nic = endpoint(&cloud, &root, &id, &subnets, None).remove(0);
        let mut every = to_group(&nic);
        every["MaxAggregationInterval"] = json!(60);
        made(&root, every);
        // It could not be delivered, and stands there still.
        pass(&cloud, MINUTE);
        // There is a group: the role need not be able to make one.
        root.call("logs", "CreateLogGroup", json!({ "logGroupName": "flows" })).ok();
        may(&root, &json!(["logs:CreateLogStream", "logs:PutLogEvents"]));
        nic
    };
    let told = |cloud: &Cloud| {
        let mut events = stream(&cloud.root(ACCOUNT), "flows", &format!("{nic}-all"));
        events.sort();
        events.into_iter().map(|(_, words)| words[13].clone()).collect::<Vec<String>>()
    };
    let later = |minutes: u32| Clock::frozen(START.plus(MINUTE * minutes + Duration::from_secs(10)));
    let cloud = over(&store, later(1));
    pass(&cloud, MINUTE);
    pass(&cloud, MINUTE);
    assert_eq!(told(&cloud), ["NODATA", "SKIPDATA", "NODATA"]);
    // One that is stopped closes what is open, and then nothing is lost.
    for reconciler in cloud.cloud.reconcilers() {
        reconciler.last(&cloud.cloud).unwrap();
    }
    let cloud = over(&store, later(4));
    pass(&cloud, MINUTE);
    assert_eq!(told(&cloud), ["NODATA", "SKIPDATA", "NODATA", "NODATA", "NODATA"]);
}
