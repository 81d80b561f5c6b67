//! Spot machines: launches and requests, prices, what is refused, and who may.

use crate::ec2_events::outbox;
use crate::ec2_instances::until;
use crate::ec2_profiles::{IMAGE, profile};
use crate::ec2_zones;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

pub(crate) fn launch(more: Value) -> Value {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

pub(crate) fn spot(options: Value) -> Value {
    launch(json!({ "InstanceMarketOptions": { "MarketType": "spot", "SpotOptions": options } }))
}

/// Asks for one machine; the request's id.
pub(crate) fn request(caller: &Caller<'_>, more: Value) -> String {
    let launch = json!({ "ImageId": IMAGE, "InstanceType": "m5.large" });
    let mut asked = json!({ "LaunchSpecification": launch });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&ec2(caller, "RequestSpotInstances", asked)["spotInstanceRequestSet"][0]["spotInstanceRequestId"])
}

pub(crate) fn described(caller: &Caller<'_>, id: &str) -> Value {
    let found = ec2(caller, "DescribeSpotInstanceRequests", json!({ "SpotInstanceRequestIds": [id] }));
    found["spotInstanceRequestSet"][0].clone()
}

/// State and status code of a request.
pub(crate) fn at(caller: &Caller<'_>, id: &str) -> (String, String) {
    let found = described(caller, id);
    (text(&found["state"]), text(&found["status"]["code"]))
}

#[track_caller]
pub(crate) fn is_at(caller: &Caller<'_>, id: &str, state: &str, code: &str) {
    assert_eq!(at(caller, id), (state.to_owned(), code.to_owned()), "{}", described(caller, id));
}

pub(crate) fn instance(caller: &Caller<'_>, id: &str) -> Value {
    let found = ec2(caller, "DescribeInstances", json!({ "InstanceIds": [id] }));
    found["reservationSet"][0]["instancesSet"][0].clone()
}

/// What machines of a type cost now, by zone.
pub(crate) fn prices(cloud: &Cloud, caller: &Caller<'_>) -> Vec<(String, f64)> {
    let now = cloud.cloud.clock().now().iso8601();
    let asked = json!({ "InstanceTypes": ["m5.large"], "StartTime": now });
    let found = ec2(caller, "DescribeSpotPriceHistory", asked);
    let price = |row: &Value| (text(&row["availabilityZone"]), text(&row["spotPrice"]).parse().unwrap());
    items(&found["spotPriceHistorySet"]).iter().map(price).collect()
}

#[test]
fn a_launch_makes_a_request_with_its_machine() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let tags =
        json!([{ "ResourceType": "spot-instances-request", "Tags": [{ "Key": "team", "Value": "blue" }] }]);
    let mut asked = spot(json!({}));
    asked["TagSpecifications"] = tags;
    let made = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    assert_eq!(made["instanceLifecycle"], "spot");
    let (id, request) = (text(&made["instanceId"]), text(&made["spotInstanceRequestId"]));
    is_at(&root, &request, "active", "fulfilled");
    let seen = described(&root, &request);
    let zone = text(&made["placement"]["availabilityZone"]);
    for (member, expected) in [
        ("instanceId", id.as_str()),
        ("type", "one-time"),
        ("instanceInterruptionBehavior", "terminate"),
        // Without a maximum it is what a machine costs on demand.
        ("spotPrice", "0.096000"),
        ("productDescription", "Linux/UNIX"),
        ("launchedAvailabilityZone", &zone),
    ] {
        assert_eq!(seen[member], expected, "{seen}");
    }
    assert_eq!(seen["launchSpecification"]["imageId"], IMAGE);
    assert_eq!(seen["tagSet"][0], json!({ "key": "team", "value": "blue" }));
    // Who names no zone gets the cheapest.
    let all = prices(&cloud, &root);
    assert_eq!(all.len(), 6);
    let cheapest = all.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(cheapest.0, zone);
    // The role is there from the first request on.
    let role = root.call("iam", "GetRole", json!({ "RoleName": "AWSServiceRoleForEC2Spot" })).ok();
    assert_eq!(role["Role"]["Path"], "/aws-service-role/spot.amazonaws.com/");
    let told = outbox(&cloud);
    let event =
        told.iter().find(|event| event.detail_type == "EC2 Spot Instance Request Fulfillment").unwrap();
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    assert_eq!(detail, json!({ "spot-instance-request-id": request, "instance-id": id }));

    let on_demand = ec2(&root, "RunInstances", launch(json!({})))["instancesSet"][0].clone();
    assert!(on_demand["instanceLifecycle"].is_null());
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": filter("instance-lifecycle", "spot") }));
    assert_eq!(items(&found["reservationSet"]).len(), 1);
    let found =
        ec2(&root, "DescribeInstances", json!({ "Filters": filter("spot-instance-request-id", &request) }));
    assert_eq!(found["reservationSet"][0]["instancesSet"][0]["instanceId"], id.as_str());

    until(&cloud, &root, &id, "running");
    let refused = |operation: &str, parameters: Value| root.call("ec2", operation, parameters).error();
    let (code, message) = refused("StopInstances", json!({ "InstanceIds": [id] }));
    assert_eq!(code, "UnsupportedOperation");
    assert_eq!(
        message,
        format!(
            "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests."
        )
    );
    let protect = json!({ "InstanceId": id, "DisableApiTermination": { "Value": true } });
    assert_eq!(refused("ModifyInstanceAttribute", protect).0, "UnsupportedOperation");
    // Ended by its user, the request is closed; four hours later it is forgotten.
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "terminated");
    cloud.reconcile();
    is_at(&root, &request, "closed", "instance-terminated-by-user");
    cloud.advance(Duration::from_secs(4 * 3600));
    cloud.reconcile();
    let gone = refused("DescribeSpotInstanceRequests", json!({ "SpotInstanceRequestIds": [request] }));
    assert_eq!(gone.0, "InvalidSpotInstanceRequestID.NotFound");
    assert_eq!(gone.1, format!("The spot instance request ID '{request}' does not exist"));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
    for (options, code, words) in [
        (json!({ "BlockDurationMinutes": 60 }), value, "BlockDurationMinutes is not a valid parameter."),
        (
            json!({ "SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "stop" }),
            combination,
            "The request with type 'one-time' is not supported when instanceInterruptionBehavior is set to 'stop'.",
        ),
        (
            json!({ "InstanceInterruptionBehavior": "stop" }),
            combination,
            "The request with type 'null' is not supported when instanceInterruptionBehavior is set to 'stop'.",
        ),
        (
            json!({ "SpotInstanceType": "persistent" }),
            combination,
            "The terminate InstanceInterruptionBehavior is not supported when requestType is set to persistent.",
        ),
        (
            json!({ "MaxPrice": "0.001" }),
            value,
            "Value (0.001) for parameter spotPrice is invalid. Specify an amount of US dollars that is more than 0.001.",
        ),
    ] {
        root.call("ec2", "RunInstances", spot(options)).refused_with(400, code, words);
    }
    let price = prices(&cloud, &root).into_iter().map(|(_, price)| price).fold(1.0, f64::min);
    root.call("ec2", "RunInstances", spot(json!({ "MaxPrice": "0.002" }))).refused_with(
        400,
        "SpotMaxPriceTooLow",
        &format!("Your Spot request price of 0.002 is lower than the minimum required Spot request fulfillment price of {price}."),
    );
    let mut protected = spot(json!({}));
    protected["DisableApiTermination"] = json!(true);
    root.call("ec2", "RunInstances", protected).refused(400, "UnsupportedOperation");
    let tags = json!([{ "ResourceType": "spot-instances-request", "Tags": [{ "Key": "a", "Value": "b" }] }]);
    root.call("ec2", "RunInstances", launch(json!({ "TagSpecifications": tags }))).refused(400, combination);
    assert!(
        items(&ec2(&root, "DescribeSpotInstanceRequests", json!({}))["spotInstanceRequestSet"]).is_empty()
    );

    let launch = json!({ "ImageId": IMAGE, "InstanceType": "m5.large" });
    let other = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "a", "Value": "b" }] }]);
    for (asked, code) in [
        (json!({}), "MissingParameter"),
        (json!({ "LaunchSpecification": { "InstanceType": "m5.large" } }), "MissingParameter"),
        (json!({ "LaunchSpecification": { "ImageId": IMAGE, "InstanceType": "m1.tiny" } }), value),
        (json!({ "LaunchSpecification": launch, "InstanceCount": 0 }), value),
        (json!({ "LaunchSpecification": launch, "BlockDurationMinutes": 60 }), value),
        (json!({ "LaunchSpecification": launch, "SpotPrice": "much" }), value),
        (json!({ "LaunchSpecification": launch, "ValidFrom": "2020-01-01T00:00:00Z" }), value),
        (json!({ "LaunchSpecification": launch, "ValidUntil": "2020-01-01T00:00:00Z" }), value),
        (json!({ "LaunchSpecification": launch, "TagSpecifications": other }), value),
        (json!({ "LaunchSpecification": launch, "DryRun": true }), "DryRunOperation"),
    ] {
        assert_eq!(root.call("ec2", "RequestSpotInstances", asked.clone()).error().0, code, "{asked}");
    }
    let wrong = json!({ "SpotInstanceRequestIds": ["sir-1"] });
    root.call("ec2", "CancelSpotInstanceRequests", wrong)
        .refused(400, "InvalidSpotInstanceRequestID.Malformed");
    let none = json!({ "SpotInstanceRequestIds": ["sir-00000000000000000"] });
    root.call("ec2", "CancelSpotInstanceRequests", none)
        .refused(400, "InvalidSpotInstanceRequestID.NotFound");
    // An empty price is none.
    request(&root, json!({ "SpotPrice": "" }));
}

#[test]
fn requests_wait_for_price_time_and_capacity() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let now = |seconds: u64| cloud.cloud.clock().now().plus(Duration::from_secs(seconds)).iso8601_millis();
    let low = request(&root, json!({ "SpotPrice": "0.002" }));
    is_at(&root, &low, "open", "pending-evaluation");
    let later = request(&root, json!({ "ValidFrom": now(600) }));
    let short = request(&root, json!({ "SpotPrice": "0.002", "ValidUntil": now(600) }));
    let bad = json!({ "ImageId": "ami-00000000000000000", "InstanceType": "m5.large" });
    let bad = request(&root, json!({ "LaunchSpecification": bad }));
    let near = json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "Placement": { "AvailabilityZone": "us-east-1b" } });
    ec2_zones::set(&cloud, "us-east-1b", true);
    let near = request(&root, json!({ "LaunchSpecification": near }));
    let nowhere = json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "Placement": { "AvailabilityZone": "us-east-9z" } });
    let nowhere = request(&root, json!({ "LaunchSpecification": nowhere }));
    let good = request(&root, json!({}));
    cloud.reconcile();
    is_at(&root, &nowhere, "open", "constraint-not-fulfillable");
    is_at(&root, &low, "open", "price-too-low");
    let price = prices(&cloud, &root).into_iter().filter(|(zone, _)| zone != "us-east-1b");
    let price = price.map(|(_, price)| price).fold(1.0, f64::min);
    assert_eq!(
        described(&root, &low)["status"]["message"],
        format!(
            "Your Spot request price of 0.002 is lower than the minimum required Spot request fulfillment price of {price}."
        )
    );
    is_at(&root, &later, "open", "not-scheduled-yet");
    is_at(&root, &near, "open", "capacity-not-available");
    is_at(&root, &bad, "failed", "bad-parameters");
    let fault = &described(&root, &bad)["fault"];
    assert_eq!(fault["code"], "InvalidAMIID.NotFound");
    assert_eq!(fault["message"], "The image id '[ami-00000000000000000]' does not exist");
    is_at(&root, &good, "active", "fulfilled");
    // AWS: a one-time request is valid for seven days.
    assert_eq!(described(&root, &good)["validUntil"], now(7 * 24 * 3600));
    let id = text(&described(&root, &good)["instanceId"]);
    assert_eq!(instance(&root, &id)["spotInstanceRequestId"], good.as_str());

    ec2_zones::set(&cloud, "us-east-1b", false);
    cloud.advance(Duration::from_secs(600));
    cloud.reconcile();
    is_at(&root, &near, "active", "fulfilled");
    assert_eq!(described(&root, &near)["launchedAvailabilityZone"], "us-east-1b");
    is_at(&root, &later, "active", "fulfilled");
    is_at(&root, &short, "cancelled", "schedule-expired");

    let cancelled =
        ec2(&root, "CancelSpotInstanceRequests", json!({ "SpotInstanceRequestIds": [low, good] }));
    let states: Vec<Value> =
        items(&cancelled["spotInstanceRequestSet"]).iter().map(|r| r["state"].clone()).collect();
    assert_eq!(states, ["cancelled", "cancelled"]);
    is_at(&root, &low, "cancelled", "canceled-before-fulfillment");
    is_at(&root, &good, "cancelled", "request-canceled-and-instance-running");
    until(&cloud, &root, &id, "running");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "terminated");
    cloud.reconcile();
    is_at(&root, &good, "cancelled", "instance-terminated-by-user");
}

#[test]
fn requests_are_listed_tagged_and_made_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let groups = ec2(&root, "DescribeSecurityGroups", json!({ "Filters": filter("group-name", "default") }));
    let group = text(&groups["securityGroupInfo"][0]["groupId"]);
    let launch = json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "SecurityGroupIds": [group], "UserData": "IyEvYmluL3NoCg==" });
    let tags =
        json!([{ "ResourceType": "spot-instances-request", "Tags": [{ "Key": "team", "Value": "blue" }] }]);
    let asked = json!({ "LaunchSpecification": launch, "InstanceCount": 3, "ClientToken": "once", "TagSpecifications": tags,
        "Type": "persistent", "SpotPrice": "0.05" });
    let ids = |answer: &Value| -> Vec<String> {
        items(&answer["spotInstanceRequestSet"]).iter().map(|r| text(&r["spotInstanceRequestId"])).collect()
    };
    let mut made = ids(&ec2(&root, "RequestSpotInstances", asked.clone()));
    made.sort();
    assert_eq!(made.len(), 3);
    let mut again = ids(&ec2(&root, "RequestSpotInstances", asked));
    again.sort();
    assert_eq!(again, made);
    let seen = described(&root, &made[0]);
    assert_eq!((&seen["spotPrice"], &seen["type"]), (&json!("0.050000"), &json!("persistent")));
    let group_seen = &seen["launchSpecification"]["groupSet"][0];
    assert_eq!((&group_seen["groupId"], &group_seen["groupName"]), (&json!(group), &json!("default")));
    assert_eq!(seen["launchSpecification"]["userData"], "IyEvYmluL3NoCg==");
    for (name, value, count) in [
        ("tag:team", "blue", 3),
        ("tag:team", "red", 0),
        ("state", "open", 3),
        ("status-code", "pending-evaluation", 3),
        ("type", "persistent", 3),
        ("spot-price", "0.050000", 3),
        ("launch.group-id", group.as_str(), 3),
        ("launch.instance-type", "t3.*", 0),
        ("spot-instance-request-id", made[1].as_str(), 1),
    ] {
        let found = ec2(&root, "DescribeSpotInstanceRequests", json!({ "Filters": filter(name, value) }));
        assert_eq!(ids(&found).len(), count, "{name} {value}");
    }
    let first = ec2(&root, "DescribeSpotInstanceRequests", json!({ "MaxResults": 2 }));
    let rest = ec2(
        &root,
        "DescribeSpotInstanceRequests",
        json!({ "NextToken": first["nextToken"], "MaxResults": 2 }),
    );
    assert_eq!([ids(&first), ids(&rest)].concat(), made);
    // Tags of a request are those of any resource.
    let more = json!({ "Resources": [made[0]], "Tags": [{ "Key": "kind", "Value": "batch" }] });
    ec2(&root, "CreateTags", more);
    let found = ec2(&root, "DescribeSpotInstanceRequests", json!({ "Filters": filter("tag:kind", "batch") }));
    assert_eq!(ids(&found), [made[0].as_str()]);
    let found =
        ec2(&root, "DescribeTags", json!({ "Filters": filter("resource-type", "spot-instances-request") }));
    assert_eq!(items(&found["tagSet"]).len(), 4);
    let unknown = json!({ "Filters": filter("colour", "blue") });
    root.call("ec2", "DescribeSpotInstanceRequests", unknown).refused(400, "InvalidParameterValue");
}

#[test]
fn the_history_of_prices_is_told_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let told = |asked: Value| ec2(&root, "DescribeSpotPriceHistory", asked);
    let rows = |answer: &Value| items(&answer["spotPriceHistorySet"]);
    let now = cloud.cloud.clock().now();
    let month = now.minus(Duration::from_secs(30 * 24 * 3600)).iso8601();
    let asked =
        json!({ "InstanceTypes": ["t3.large"], "AvailabilityZone": "us-east-1a", "StartTime": month });
    let whole = rows(&told(asked.clone()));
    assert!(whole.len() > 50, "{}", whole.len());
    assert!(whole.windows(2).all(|two| text(&two[0]["timestamp"]) > text(&two[1]["timestamp"])));
    // The last holds at the beginning of the time.
    assert!(text(&whole.last().unwrap()["timestamp"]) <= month);
    let (mut paged, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut asked = asked.clone();
        asked["MaxResults"] = json!(20);
        if !token.is_null() {
            asked["NextToken"] = token.clone();
        }
        let page = told(asked);
        paged.extend(rows(&page));
        token = page["nextToken"].clone();
        if token.is_null() || text(&token).is_empty() {
            break;
        }
    }
    assert_eq!(paged, whole);
    // The same is told to everybody, and of its past later on.
    assert_eq!(rows(&ec2(&cloud.root("210987654321"), "DescribeSpotPriceHistory", asked.clone())), whole);
    cloud.advance(Duration::from_secs(24 * 3600));
    let mut then = asked;
    then["EndTime"] = json!(now.iso8601());
    assert_eq!(rows(&told(then)), whole);

    let by_id = json!({ "AvailabilityZoneId": "use1-az1", "InstanceTypes": ["t3.large"], "StartTime": now.iso8601() });
    assert!(!rows(&told(by_id)).is_empty());
    let windows = json!({ "ProductDescriptions": ["Windows"] });
    assert!(rows(&told(windows)).is_empty());
    let filters = json!([{ "Name": "instance-type", "Values": ["m5.*"] }, { "Name": "availability-zone", "Values": ["us-east-1c"] }]);
    let found = rows(&told(json!({ "Filters": filters, "StartTime": cloud.cloud.clock().now().iso8601() })));
    assert_eq!(found.len(), 4);
    for (asked, code) in [
        (
            json!({ "AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az1" }),
            "InvalidParameterCombination",
        ),
        (json!({ "AvailabilityZone": "us-east-9z" }), "InvalidParameterValue"),
        (json!({ "InstanceTypes": ["x9.tiny"] }), "InvalidParameterValue"),
        (json!({ "NextToken": "more" }), "InvalidPaginationToken"),
    ] {
        assert_eq!(root.call("ec2", "DescribeSpotPriceHistory", asked.clone()).error().0, code, "{asked}");
    }
}

#[test]
fn templates_ask_for_spot_machines() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let until = "2026-02-01T00:00:00.000Z";
    let options = json!({ "MaxPrice": "0.08", "SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop", "ValidUntil": until });
    let market = json!({ "MarketType": "spot", "SpotOptions": options });
    let data = json!({ "ImageId": IMAGE, "InstanceType": "m5.large", "InstanceMarketOptions": market });
    let asked = json!({ "LaunchTemplateName": "spot", "LaunchTemplateData": data });
    let made = ec2(&root, "CreateLaunchTemplate", asked);
    assert!(made["warning"].is_null(), "{made}");
    let shown = ec2(&root, "DescribeLaunchTemplateVersions", json!({ "LaunchTemplateName": "spot" }));
    let market = &shown["launchTemplateVersionSet"][0]["launchTemplateData"]["instanceMarketOptions"];
    assert_eq!(
        (&market["marketType"], &market["spotOptions"]["validUntil"]),
        (&json!("spot"), &json!(until))
    );
    let run = json!({ "MinCount": 1, "MaxCount": 1, "LaunchTemplate": { "LaunchTemplateName": "spot" } });
    let made = ec2(&root, "RunInstances", run)["instancesSet"][0].clone();
    let seen = described(&root, &text(&made["spotInstanceRequestId"]));
    for (member, expected) in [
        ("type", "persistent"),
        ("instanceInterruptionBehavior", "stop"),
        ("spotPrice", "0.080000"),
        ("validUntil", until),
    ] {
        assert_eq!(seen[member], expected, "{seen}");
    }
    let like = ec2(&root, "GetLaunchTemplateData", json!({ "InstanceId": made["instanceId"] }));
    let market = &like["launchTemplateData"]["instanceMarketOptions"];
    assert_eq!(market["spotOptions"]["maxPrice"], "0.080000");
    // What a launch would refuse is said beforehand.
    let bad = json!({ "InstanceMarketOptions": { "MarketType": "spot", "SpotOptions": { "BlockDurationMinutes": 60 } } });
    let made =
        ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "bad", "LaunchTemplateData": bad }));
    assert_eq!(made["warning"]["errorSet"][0]["message"], "BlockDurationMinutes is not a valid parameter.");
}

#[test]
fn who_may() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let policy = |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let allow =
        |action: &str, resource: &str| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let parts = ["image", "subnet", "network-interface", "security-group", "volume", "instance"];
    let arn = |part: &str| json!(format!("arn:aws:ec2:*:*:{part}/*"));
    let launches = json!({ "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": parts.map(arn) });
    // The first request of an account makes a role, for which its caller needs a right.
    let first = cloud.user(&root, "first", &policy(json!([launches])));
    first.call("ec2", "RunInstances", spot(json!({}))).refused_with(
        403,
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    );
    let linked = allow("iam:CreateServiceLinkedRole", "*");
    let second = cloud.user(&root, "second", &policy(json!([launches, linked])));
    second.call("ec2", "RunInstances", spot(json!({}))).ok();
    first.call("ec2", "RunInstances", spot(json!({}))).ok();
    // The request's own resource is asked about where it is tagged.
    let tags = json!([{ "ResourceType": "spot-instances-request", "Tags": [{ "Key": "a", "Value": "b" }] }]);
    let mut tagged = spot(json!({}));
    tagged["TagSpecifications"] = tags.clone();
    let message = first.call("ec2", "RunInstances", tagged.clone()).refused(403, "UnauthorizedOperation");
    assert!(message.contains(":spot-instances-request/*"), "{message}");
    let both = json!([
        launches,
        allow("ec2:RunInstances", "arn:aws:ec2:*:*:spot-instances-request/*"),
        allow("ec2:CreateTags", "*")
    ]);
    cloud.user(&root, "third", &policy(both)).call("ec2", "RunInstances", tagged).ok();
    // A company without spot machines.
    let only = json!({ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*",
        "Condition": { "StringEquals": { "ec2:InstanceMarketType": "spot" } } });
    let dear = cloud.user(&root, "dear", &policy(json!([launches, only])));
    dear.call("ec2", "RunInstances", spot(json!({}))).refused(403, "UnauthorizedOperation");
    dear.call("ec2", "RunInstances", launch(json!({}))).ok();

    // Requests: themselves, what they name, and the role that they hand over.
    profile(&root, "web");
    let asks = cloud.user(
        &root,
        "asks",
        &policy(json!([allow("ec2:RequestSpotInstances", "arn:aws:ec2:*:*:spot-instances-request/*")])),
    );
    let asked = |more: Value| {
        let mut launch = json!({ "ImageId": IMAGE, "InstanceType": "m5.large" });
        launch.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "LaunchSpecification": launch })
    };
    let message =
        asks.call("ec2", "RequestSpotInstances", asked(json!({}))).refused(403, "UnauthorizedOperation");
    assert!(message.contains(&format!(":image/{IMAGE}")), "{message}");
    let whole = json!([allow("ec2:RequestSpotInstances", "*"), allow("ec2:CancelSpotInstanceRequests", "*")]);
    let all = cloud.user(&root, "all", &policy(whole));
    let made = ec2(&all, "RequestSpotInstances", asked(json!({})))["spotInstanceRequestSet"][0].clone();
    let handed = asked(json!({ "IamInstanceProfile": { "Name": "web" } }));
    let message = all.call("ec2", "RequestSpotInstances", handed).refused(403, "UnauthorizedOperation");
    assert!(message.contains("iam:PassRole"), "{message}");
    let mut tagged = asked(json!({}));
    tagged["TagSpecifications"] = tags;
    let message = all.call("ec2", "RequestSpotInstances", tagged).refused(403, "UnauthorizedOperation");
    assert!(message.contains("ec2:CreateTags"), "{message}");
    let named = json!({ "SpotInstanceRequestIds": [made["spotInstanceRequestId"]] });
    asks.call("ec2", "CancelSpotInstanceRequests", named.clone()).refused(403, "UnauthorizedOperation");
    all.call("ec2", "CancelSpotInstanceRequests", named).ok();
}
