//! Reports of what an organization's accounts may use by its SCPs, and did use.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ONE: &str = "111111111111";

struct World<'c> {
    root: Caller<'c>,
    member: Caller<'c>,
    /// `o-.../r-...`
    top: String,
    unit: String,
    account: String,
}

fn organizations(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("organizations", operation, parameters).ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn world(cloud: &Cloud) -> World<'_> {
    let root = cloud.root(ONE);
    let made = organizations(&root, "CreateOrganization", json!({}));
    let top = text(&organizations(&root, "ListRoots", json!({}))["Roots"][0]["Id"]);
    let unit = organizations(&root, "CreateOrganizationalUnit", json!({ "ParentId": top, "Name": "dev" }));
    let unit = text(&unit["OrganizationalUnit"]["Id"]);
    organizations(&root, "CreateAccount", json!({ "AccountName": "m", "Email": "m@example.com" }));
    cloud.reconcile();
    let listed = organizations(&root, "ListAccounts", json!({}));
    let ids = listed["Accounts"].as_array().unwrap().iter().map(|account| text(&account["Id"]));
    let account = ids.into_iter().find(|id| id != ONE).unwrap();
    let moved = json!({ "AccountId": account, "SourceParentId": top, "DestinationParentId": unit });
    organizations(&root, "MoveAccount", moved);
    let top = format!("{}/{top}", text(&made["Organization"]["Id"]));
    World { member: cloud.root(&account), root, top, unit, account }
}

fn scp(world: &World<'_>, name: &str, statement: Value, target: &str) -> String {
    let content = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let ask =
        json!({ "Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content });
    let id = text(&organizations(&world.root, "CreatePolicy", ask)["Policy"]["PolicySummary"]["Id"]);
    organizations(&world.root, "AttachPolicy", json!({ "PolicyId": id, "TargetId": target }));
    id
}

fn report(root: &Caller<'_>, parameters: Value, sort: &str) -> Value {
    let job = root.call("iam", "GenerateOrganizationsAccessReport", parameters).ok();
    let ask = json!({ "JobId": job["JobId"], "MaxItems": 1000, "SortKey": sort });
    root.call("iam", "GetOrganizationsAccessReport", ask).ok()
}

fn detail<'v>(report: &'v Value, namespace: &str) -> Option<&'v Value> {
    report["AccessDetails"].as_array().unwrap().iter().find(|of| of["ServiceNamespace"] == namespace)
}

#[test]
fn a_report_tells_what_is_open_and_who_came() {
    let cloud = Cloud::new();
    let world = world(&cloud);
    world.member.call("kms", "ListKeys", json!({})).ok();
    cloud.advance(Duration::from_secs(60));
    world.root.call("kms", "ListKeys", json!({})).ok();
    scp(&world, "no-sqs", json!({ "Effect": "Deny", "Action": "sqs:*", "Resource": "*" }), &world.unit);
    let sometimes = json!({ "Effect": "Deny", "Action": "sns:*", "Resource": "*",
        "Condition": { "StringNotEquals": { "aws:RequestedRegion": "eu-west-1" } } });
    scp(&world, "sns-in-ireland", sometimes, &world.unit);
    let path = format!("{}/{}/{}", world.top, world.unit, world.account);
    let below = report(&world.root, json!({ "EntityPath": path }), "SERVICE_NAMESPACE_ASCENDING");
    assert_eq!(below["JobStatus"], "COMPLETED");
    assert!(detail(&below, "sqs").is_none() && detail(&below, "sns").is_some());
    let kms = detail(&below, "kms").unwrap();
    assert_eq!(
        (
            &kms["EntityPath"],
            &kms["TotalAuthenticatedEntities"],
            &kms["LastAuthenticatedTime"],
            &kms["Region"]
        ),
        (&json!(path), &json!("1"), &json!("2026-01-15T12:00:00Z"), &json!("us-east-1"))
    );
    let unused = detail(&below, "glacier").unwrap();
    assert_eq!((&unused["TotalAuthenticatedEntities"], &unused["EntityPath"]), (&json!("0"), &json!(null)));
    let count = |name: &str| below[name].as_str().unwrap().parse::<usize>().unwrap();
    let details = below["AccessDetails"].as_array().unwrap();
    assert_eq!(count("NumberOfServicesAccessible"), details.len());
    let idle = details.iter().filter(|of| of["TotalAuthenticatedEntities"] == "0").count();
    assert_eq!(count("NumberOfServicesNotAccessed"), idle);
    // Of the whole organization: both accounts, and the policies of the root alone.
    let all = report(&world.root, json!({ "EntityPath": world.top }), "LAST_AUTHENTICATED_TIME_DESCENDING");
    let kms = detail(&all, "kms").unwrap();
    assert_eq!(
        (&kms["EntityPath"], &kms["TotalAuthenticatedEntities"]),
        (&json!(format!("{}/{ONE}", world.top)), &json!("2"))
    );
    assert!(detail(&all, "sqs").is_some());
    let times: Vec<&str> = all["AccessDetails"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|of| of["LastAuthenticatedTime"].as_str())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && times.len() > 1, "{times:?}");
    // One policy decides where it is named.
    let one =
        scp(&world, "kms", json!({ "Effect": "Allow", "Action": "kms:*", "Resource": "*" }), &world.unit);
    let by_policy = json!({ "EntityPath": path, "OrganizationsPolicyId": one });
    let by_policy = report(&world.root, by_policy, "SERVICE_NAMESPACE_DESCENDING");
    let names: Vec<&str> = by_policy["AccessDetails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["ServiceNamespace"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["kms"]);
}

#[test]
fn refusals() {
    let cloud = Cloud::new();
    let world = world(&cloud);
    let ask = |caller: &Caller<'_>, path: &str| {
        caller.call("iam", "GenerateOrganizationsAccessReport", json!({ "EntityPath": path }))
    };
    let closed = "Only the management account of an organization may have reports about it.";
    ask(&world.member, &world.top).refused_with(403, "AccessDenied", closed);
    ask(&cloud.root("333333333333"), &world.top).refused_with(403, "AccessDenied", closed);
    // The account is there, and elsewhere.
    for path in [format!("{}/{}", world.top, world.account), format!("{}/ou-ab12-12345678", world.top)] {
        ask(&world.root, &path).refused_with(
            400,
            "InvalidInput",
            &format!("The entity path {path} is not one of your organization."),
        );
    }
    let missing = json!({ "EntityPath": world.top, "OrganizationsPolicyId": "p-12345678" });
    world.root.call("iam", "GenerateOrganizationsAccessReport", missing).refused_with(
        404,
        "NoSuchEntity",
        "Policy p-12345678 not found in your organization.",
    );
    let id = "00000000-0000-4000-8000-000000000000";
    world.root.call("iam", "GetOrganizationsAccessReport", json!({ "JobId": id })).refused_with(
        404,
        "NoSuchEntity",
        &format!("Job with id {id} not found"),
    );
    // A report of one kind is none of the other.
    let job = ask(&world.root, &world.top).ok();
    world
        .root
        .call("iam", "GetServiceLastAccessedDetails", json!({ "JobId": job["JobId"] }))
        .refused(404, "NoSuchEntity");
    let (_, top) = world.top.split_once('/').unwrap();
    let off = json!({ "RootId": top, "PolicyType": "SERVICE_CONTROL_POLICY" });
    organizations(&world.root, "DisablePolicyType", off);
    ask(&world.root, &world.top).refused_with(
        400,
        "InvalidInput",
        "Service control policies are not enabled for the root of the organization.",
    );
}
