//! Stack sets: stacks of one template in several accounts and regions, by roles that are really assumed.

use crate::cloudformation_stacks::{ACCOUNT, events, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const CFN: &str = "cloudformation";
const OTHER: &str = "222233334444";
const THIRD: &str = "333344445555";
const ADMINISTRATOR: &str = "AWSCloudFormationStackSetAdministrationRole";
const EXECUTOR: &str = "AWSCloudFormationStackSetExecutionRole";

const TEMPLATE: &str = "
Parameters:
  Word: { Type: String, Default: one }
  Secret: { Type: String, Default: hidden, NoEcho: true }
Resources:
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Sub 'own-${Word}' } }
Outputs:
  Queue: { Value: !GetAtt Queue.QueueName }
";

fn role(caller: &Caller<'_>, name: &str, principal: &Value, actions: &str) {
    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole",
    } });
    let asked = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
    caller.call("iam", "CreateRole", asked).ok();
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": actions, "Resource": "*",
    } });
    let asked = json!({ "RoleName": name, "PolicyName": "own", "PolicyDocument": policy.to_string() });
    caller.call("iam", "PutRolePolicy", asked).ok();
}

fn administer(cloud: &Cloud) {
    let service = json!({ "Service": "cloudformation.amazonaws.com" });
    role(&cloud.root(ACCOUNT), ADMINISTRATOR, &service, "sts:AssumeRole");
}

fn execute(cloud: &Cloud, account: &str) {
    let principal = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATOR}") });
    role(&cloud.root(account), EXECUTOR, &principal, "*");
}

/// The roles that sets need in these accounts.
pub(crate) fn roles(cloud: &Cloud, accounts: &[&str]) {
    administer(cloud);
    accounts.iter().for_each(|account| execute(cloud, account));
}

/// A set, with the roles that it needs.
pub(crate) fn ready<'c>(cloud: &'c Cloud, accounts: &[&str]) -> Caller<'c> {
    roles(cloud, accounts);
    let root = cloud.root(ACCOUNT);
    root.call(CFN, "CreateStackSet", json!({ "StackSetName": "set", "TemplateBody": TEMPLATE })).ok();
    root
}

fn merged(mut one: Value, other: &Value) -> Value {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}

/// Begins an operation; its id.
pub(crate) fn begin(root: &Caller<'_>, operation: &str, more: Value) -> String {
    let asked = merged(json!({ "StackSetName": "set" }), &more);
    root.call(CFN, operation, asked).ok()["OperationId"].as_str().unwrap().to_owned()
}

fn operation(root: &Caller<'_>, id: &str) -> Value {
    let asked = json!({ "StackSetName": "set", "OperationId": id });
    root.call(CFN, "DescribeStackSetOperation", asked).ok()["StackSetOperation"].clone()
}

/// Lets the cloud work until the operation is over; its status.
pub(crate) fn over(cloud: &Cloud, root: &Caller<'_>, id: &str) -> String {
    for _ in 0..200 {
        cloud.reconcile();
        let status = operation(root, id)["Status"].as_str().unwrap().to_owned();
        if !matches!(status.as_str(), "RUNNING" | "STOPPING") {
            return status;
        }
        std::thread::sleep(Duration::from_millis(2));
        cloud.advance(Duration::from_secs(5));
    }
    panic!("the operation does not end: {}", results(root, id).join("; "));
}

/// `account region status reason` of each.
fn results(root: &Caller<'_>, id: &str) -> Vec<String> {
    let asked = json!({ "StackSetName": "set", "OperationId": id });
    let told = root.call(CFN, "ListStackSetOperationResults", asked).ok();
    let text = |own: &Value, member: &str| own[member].as_str().unwrap_or_default().to_owned();
    let one = |own: &Value| {
        let [account, region] = ["Account", "Region"].map(|member| text(own, member));
        format!("{account} {region} {} {}", text(own, "Status"), text(own, "StatusReason"))
            .trim_end()
            .to_owned()
    };
    told["Summaries"].as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default()
}

pub(crate) fn instance(root: &Caller<'_>, account: &str, region: &str) -> Value {
    let asked = json!({
        "StackSetName": "set", "StackInstanceAccount": account, "StackInstanceRegion": region,
    });
    root.call(CFN, "DescribeStackInstance", asked).ok()["StackInstance"].clone()
}

fn queues(cloud: &Cloud, account: &str, region: &str) -> Vec<String> {
    let root = cloud.root(account).in_region(region);
    let told = root.call("sqs", "ListQueues", json!({})).ok();
    let name = |url: &Value| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    told["QueueUrls"].as_array().map(|all| all.iter().map(name).collect()).unwrap_or_default()
}

#[test]
fn a_set_has_its_stacks_where_it_is_told() {
    let cloud = Cloud::new();
    let root = ready(&cloud, &[ACCOUNT, OTHER]);
    let everywhere = json!({ "Accounts": [ACCOUNT, OTHER], "Regions": ["us-east-1", "eu-west-1"] });
    let preferences = json!({ "OperationPreferences": { "RegionOrder": ["eu-west-1", "us-east-1"] } });
    let id = begin(&root, "CreateStackInstances", merged(everywhere.clone(), &preferences));
    root.call(CFN, "DeleteStackSet", json!({ "StackSetName": "set" }))
        .refused(409, "OperationInProgressException");
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    let wanted = [
        format!("{ACCOUNT} eu-west-1 SUCCEEDED"),
        format!("{OTHER} eu-west-1 SUCCEEDED"),
        format!("{ACCOUNT} us-east-1 SUCCEEDED"),
        format!("{OTHER} us-east-1 SUCCEEDED"),
    ];
    assert_eq!(results(&root, &id), wanted);
    for (account, region) in
        [(ACCOUNT, "us-east-1"), (OTHER, "us-east-1"), (ACCOUNT, "eu-west-1"), (OTHER, "eu-west-1")]
    {
        assert_eq!(queues(&cloud, account, region), ["own-one"]);
        let own = instance(&root, account, region);
        assert_eq!(
            (&own["Status"], &own["StackInstanceStatus"]["DetailedStatus"]),
            (&json!("CURRENT"), &json!("SUCCEEDED"))
        );
        let prefix = format!("arn:aws:cloudformation:{region}:{account}:stack/StackSet-set-");
        assert!(own["StackId"].as_str().unwrap().starts_with(&prefix), "{own}");
        assert_eq!(own["LastOperationId"], json!(id));
    }
    // One of them is told otherwise, and is so after an update of the set.
    let overrides = json!({ "Accounts": [OTHER], "Regions": ["us-east-1"],
        "ParameterOverrides": [{ "ParameterKey": "Word", "ParameterValue": "two" }] });
    let id = begin(&root, "UpdateStackInstances", overrides);
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    assert_eq!(queues(&cloud, OTHER, "us-east-1"), ["own-two"]);
    assert_eq!(instance(&root, OTHER, "us-east-1")["ParameterOverrides"][0]["ParameterValue"], json!("two"));
    let kept = json!({ "Accounts": [OTHER], "Regions": ["us-east-1"],
        "ParameterOverrides": [{ "ParameterKey": "Word", "UsePreviousValue": true }] });
    let id = begin(&root, "UpdateStackInstances", kept);
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    assert_eq!(queues(&cloud, OTHER, "us-east-1"), ["own-two"]);
    let changed = json!({ "TemplateBody": TEMPLATE.replace("own-", "new-"), "Parameters": [
        { "ParameterKey": "Word", "ParameterValue": "three" }, { "ParameterKey": "Secret", "UsePreviousValue": true },
    ], "OperationPreferences": { "MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100, "RegionConcurrencyType": "PARALLEL" } });
    let id = begin(&root, "UpdateStackSet", changed);
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    assert_eq!(queues(&cloud, OTHER, "us-east-1"), ["new-two"]);
    assert_eq!(queues(&cloud, OTHER, "eu-west-1"), ["new-three"]);
    assert_eq!(queues(&cloud, ACCOUNT, "eu-west-1"), ["new-three"]);
    let shown = operation(&root, &id);
    assert_eq!(
        (&shown["Action"], &shown["OperationPreferences"]["MaxConcurrentPercentage"]),
        (&json!("UPDATE"), &json!("100"))
    );
    let set = root.call(CFN, "DescribeStackSet", json!({ "StackSetName": "set" })).ok()["StackSet"].clone();
    assert_eq!(
        set["Parameters"],
        json!([
            { "ParameterKey": "Secret", "ParameterValue": "****" }, { "ParameterKey": "Word", "ParameterValue": "three" },
        ])
    );
    assert_eq!((&set["Status"], &set["Regions"]), (&json!("ACTIVE"), &json!(["eu-west-1", "us-east-1"])));
    // The same update once more has nothing to do, and succeeds.
    let again = json!({ "UsePreviousTemplate": true, "Parameters": [{ "ParameterKey": "Word", "ParameterValue": "three" }] });
    let id = begin(&root, "UpdateStackSet", again);
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    root.call(CFN, "DeleteStackSet", json!({ "StackSetName": "set" })).refused_with(
        409,
        "StackSetNotEmptyException",
        "StackSet is not empty",
    );
    // One stack stays where it is, and the others go.
    let stays = instance(&root, OTHER, "eu-west-1")["StackId"].as_str().unwrap().to_owned();
    let id = begin(
        &root,
        "DeleteStackInstances",
        json!({ "Accounts": [OTHER], "Regions": ["eu-west-1"], "RetainStacks": true }),
    );
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    let id = begin(&root, "DeleteStackInstances", merged(everywhere, &json!({ "RetainStacks": false })));
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    assert_eq!(queues(&cloud, OTHER, "eu-west-1"), ["new-three"]);
    assert_eq!(queues(&cloud, OTHER, "us-east-1"), [""; 0]);
    let there = cloud.root(OTHER).in_region("eu-west-1");
    assert_eq!(settle(&cloud, &there, &stays), "UPDATE_COMPLETE");
    let list = root.call(CFN, "ListStackInstances", json!({ "StackSetName": "set" })).ok();
    assert!(list["Summaries"].as_array().is_none_or(Vec::is_empty), "{list}");
    let operations = root.call(CFN, "ListStackSetOperations", json!({ "StackSetName": "set" })).ok();
    assert_eq!(operations["Summaries"].as_array().unwrap().len(), 7);
    root.call(CFN, "DeleteStackSet", json!({ "StackSetName": "set" })).ok();
    root.call(CFN, "DescribeStackSet", json!({ "StackSetName": "set" })).refused_with(
        404,
        "StackSetNotFoundException",
        "StackSet set not found",
    );
    let sets = root.call(CFN, "ListStackSets", json!({ "Status": "DELETED" })).ok();
    assert_eq!(sets["Summaries"][0]["StackSetName"], json!("set"));
}

#[test]
fn failures_are_borne_as_far_as_they_may_be() {
    let cloud = Cloud::new();
    // Nobody trusts the administration role in the second account.
    let root = ready(&cloud, &[ACCOUNT, THIRD]);
    let everywhere = json!({ "Accounts": [OTHER, ACCOUNT, THIRD], "Regions": ["us-east-1", "eu-west-1"] });
    let id = begin(&root, "CreateStackInstances", everywhere.clone());
    assert_eq!(over(&cloud, &root, &id), "FAILED");
    let why = format!(
        "Account {OTHER} should have '{EXECUTOR}' role with trust relationship to Role '{ADMINISTRATOR}'."
    );
    let cancelled = "CANCELLED Cancelled since failure tolerance has exceeded";
    let wanted = [
        format!("{OTHER} us-east-1 FAILED {why}"),
        format!("{ACCOUNT} us-east-1 {cancelled}"),
        format!("{THIRD} us-east-1 {cancelled}"),
        format!("{OTHER} eu-west-1 {cancelled}"),
        format!("{ACCOUNT} eu-west-1 {cancelled}"),
        format!("{THIRD} eu-west-1 {cancelled}"),
    ];
    assert_eq!(results(&root, &id), wanted);
    assert_eq!(operation(&root, &id)["StatusDetails"]["FailedStackInstancesCount"], json!("1"));
    assert_eq!(instance(&root, OTHER, "us-east-1")["Status"], json!("OUTDATED"));
    // What was cancelled is done by the next one, which bears one failure in each region.
    let bears = json!({ "OperationPreferences": { "FailureToleranceCount": 1, "MaxConcurrentCount": 2 } });
    let id = begin(&root, "CreateStackInstances", merged(everywhere, &bears));
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    let failed: Vec<String> =
        results(&root, &id).into_iter().filter(|line| line.contains("FAILED")).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(queues(&cloud, THIRD, "eu-west-1"), ["own-one"]);
    let filter =
        json!({ "StackSetName": "set", "Filters": [{ "Name": "DETAILED_STATUS", "Values": "FAILED" }] });
    let list = root.call(CFN, "ListStackInstances", filter).ok();
    assert_eq!(list["Summaries"].as_array().unwrap().len(), 2);
    // Once the role is there an update makes what there is not.
    execute(&cloud, OTHER);
    let id = begin(&root, "UpdateStackInstances", json!({ "Accounts": [OTHER], "Regions": ["us-east-1"] }));
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    assert_eq!(queues(&cloud, OTHER, "us-east-1"), ["own-one"]);
    // A resource that fails says so.
    let bad = TEMPLATE.replace("QueueName: !Sub 'own-${Word}'", "DelaySeconds: 5000");
    let id = begin(
        &root,
        "UpdateStackSet",
        json!({ "TemplateBody": bad, "Accounts": [THIRD], "Regions": ["us-east-1"] }),
    );
    assert_eq!(over(&cloud, &root, &id), "FAILED");
    let told = results(&root, &id).remove(0);
    let start = format!(
        "{THIRD} us-east-1 FAILED ResourceLogicalId:Queue, ResourceType:AWS::SQS::Queue, ResourceStatusReason:"
    );
    assert!(told.starts_with(&start), "{told}");
    assert_eq!(instance(&root, ACCOUNT, "us-east-1")["Status"], json!("OUTDATED"));
}

#[test]
fn an_operation_is_stopped() {
    let cloud = Cloud::new();
    let root = ready(&cloud, &[ACCOUNT, OTHER]);
    let id = begin(
        &root,
        "CreateStackInstances",
        json!({ "Accounts": [ACCOUNT, OTHER], "Regions": ["us-east-1"], "OperationId": "own" }),
    );
    assert_eq!(id, "own");
    let stop = json!({ "StackSetName": "set", "OperationId": "own" });
    root.call(CFN, "StopStackSetOperation", stop.clone()).ok();
    assert_eq!(operation(&root, "own")["Status"], json!("STOPPING"));
    assert_eq!(over(&cloud, &root, "own"), "STOPPED");
    let line =
        |account: &str| format!("{account} us-east-1 CANCELLED Cancelled since the operation was stopped");
    assert_eq!(results(&root, "own"), [line(ACCOUNT), line(OTHER)]);
    root.call(CFN, "StopStackSetOperation", stop).refused(400, "InvalidOperationException");
    let again = json!({ "StackSetName": "set", "Accounts": [ACCOUNT], "Regions": ["us-east-1"], "OperationId": "own" });
    root.call(CFN, "CreateStackInstances", again).refused(409, "OperationIdAlreadyExistsException");
}

#[test]
fn what_is_refused() {
    let cloud = Cloud::new();
    let root = ready(&cloud, &[ACCOUNT]);
    let set = |more: Value| merged(json!({ "StackSetName": "other", "TemplateBody": TEMPLATE }), &more);
    root.call(CFN, "CreateStackSet", set(json!({ "StackSetName": "set" })))
        .refused(409, "NameAlreadyExistsException");
    root.call(CFN, "CreateStackSet", set(json!({ "StackSetName": "1st" }))).refused(400, "ValidationError");
    root.call(CFN, "CreateStackSet", set(json!({ "PermissionModel": "SERVICE_MANAGED" })))
        .refused(400, "ValidationError");
    root.call(CFN, "CreateStackSet", set(json!({ "CallAs": "DELEGATED_ADMIN" })))
        .refused(501, "NotImplemented");
    let iam = "Resources: { U: { Type: 'AWS::IAM::User' } }";
    root.call(CFN, "CreateStackSet", set(json!({ "TemplateBody": iam }))).refused_with(
        400,
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_IAM]",
    );
    let stranger = json!([{ "ParameterKey": "No", "ParameterValue": "x" }]);
    root.call(CFN, "CreateStackSet", set(json!({ "Parameters": stranger }))).refused_with(
        400,
        "ValidationError",
        "Parameters: [No] do not exist in the template",
    );
    let token = json!({ "StackSetName": "told", "ClientRequestToken": "t" });
    let first = root.call(CFN, "CreateStackSet", set(token.clone())).ok();
    assert_eq!(root.call(CFN, "CreateStackSet", set(token)).ok(), first);
    let place = json!({ "StackSetName": "set", "Accounts": [ACCOUNT], "Regions": ["us-east-1"] });
    let more = |more: Value| merged(place.clone(), &more);
    root.call(CFN, "UpdateStackInstances", place.clone()).refused(404, "StackInstanceNotFoundException");
    root.call(CFN, "CreateStackInstances", more(json!({ "StackSetName": "none" }))).refused_with(
        404,
        "StackSetNotFoundException",
        "StackSet none not found",
    );
    root.call(CFN, "CreateStackInstances", more(json!({ "Accounts": [] }))).refused(400, "ValidationError");
    root.call(CFN, "CreateStackInstances", more(json!({ "Regions": ["nowhere"] })))
        .refused(400, "ValidationError");
    root.call(CFN, "CreateStackInstances", more(json!({ "ParameterOverrides": stranger }))).refused_with(
        400,
        "ValidationError",
        "Parameters: [No] do not exist in the template",
    );
    let both = json!({ "OperationPreferences": { "MaxConcurrentCount": 1, "MaxConcurrentPercentage": 1 } });
    root.call(CFN, "CreateStackInstances", more(both)).refused(400, "ValidationError");
    let none = json!({ "StackSetName": "set", "OperationId": "none" });
    root.call(CFN, "DescribeStackSetOperation", none).refused(404, "OperationNotFoundException");
    // Deleting a set that is not there succeeds.
    root.call(CFN, "DeleteStackSet", json!({ "StackSetName": "none" })).ok();
}

#[test]
fn roles_are_passed_assumed_and_asked() {
    let cloud = Cloud::new();
    let root = ready(&cloud, &[]);
    let place = json!({ "Accounts": [ACCOUNT], "Regions": ["us-east-1"] });
    // The execution role may do nothing with queues.
    let principal = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATOR}") });
    role(&root, EXECUTOR, &principal, "cloudformation:*");
    let id = begin(&root, "CreateStackInstances", place.clone());
    assert_eq!(over(&cloud, &root, &id), "FAILED");
    let told = results(&root, &id).remove(0);
    assert!(told.contains("sqs:createqueue") || told.contains("sqs:CreateQueue"), "{told}");
    let stack = instance(&root, ACCOUNT, "us-east-1")["StackId"].as_str().unwrap().to_owned();
    assert!(events(&root, &stack).iter().any(|line| line.contains(&format!("assumed-role/{EXECUTOR}/"))));
    // Who names an administration role passes it on.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"}]}"#;
    let user = cloud.user(&root, "dev", policy);
    let own = json!({ "StackSetName": "mine", "TemplateBody": TEMPLATE,
        "AdministrationRoleARN": format!("arn:aws:iam::{ACCOUNT}:role/{ADMINISTRATOR}") });
    let message = user.call(CFN, "CreateStackSet", own).refused(403, "AccessDenied");
    assert!(message.contains("iam:PassRole"), "{message}");
    // Where an administration role cannot be assumed, nothing is made.
    let none = json!({ "StackSetName": "set", "UsePreviousTemplate": true,
        "AdministrationRoleARN": format!("arn:aws:iam::{ACCOUNT}:role/none") });
    let id = root.call(CFN, "UpdateStackSet", none).ok()["OperationId"].as_str().unwrap().to_owned();
    assert_eq!(over(&cloud, &root, &id), "FAILED");
    let told = results(&root, &id).remove(0);
    assert!(
        told.ends_with(&format!("Role arn:aws:iam::{ACCOUNT}:role/none is invalid or cannot be assumed")),
        "{told}"
    );
}

#[test]
fn the_drift_of_a_set_is_that_of_its_stacks() {
    let cloud = Cloud::new();
    let root = ready(&cloud, &[ACCOUNT, OTHER]);
    let template =
        "Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: own, DelaySeconds: 5 } } }";
    let changed = json!({ "StackSetName": "set", "TemplateBody": template });
    let id = root.call(CFN, "UpdateStackSet", changed).ok()["OperationId"].as_str().unwrap().to_owned();
    over(&cloud, &root, &id);
    let both = json!({ "Accounts": [ACCOUNT, OTHER], "Regions": ["us-east-1"] });
    let id = begin(&root, "CreateStackInstances", both);
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    let set =
        || root.call(CFN, "DescribeStackSet", json!({ "StackSetName": "set" })).ok()["StackSet"].clone();
    assert_eq!(set().get("StackSetDriftDetectionDetails"), None);
    assert_eq!(instance(&root, OTHER, "us-east-1")["DriftStatus"], "NOT_CHECKED");

    let looked = || {
        let id = begin(&root, "DetectStackSetDrift", json!({}));
        let status = over(&cloud, &root, &id);
        let details = operation(&root, &id)["StackSetDriftDetectionDetails"].clone();
        let count = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
        let told = ["DriftStatus", "DriftDetectionStatus", "TotalStackInstancesCount"];
        let told = told.into_iter().chain([
            "DriftedStackInstancesCount",
            "InSyncStackInstancesCount",
            "FailedStackInstancesCount",
        ]);
        assert_eq!(details, set()["StackSetDriftDetectionDetails"]);
        (id, format!("{status} {}", told.map(count).collect::<Vec<_>>().join(" ")))
    };
    assert_eq!(looked().1, "SUCCEEDED IN_SYNC COMPLETED 2 0 2 0");
    assert_eq!(instance(&root, OTHER, "us-east-1")["DriftStatus"], "IN_SYNC");
    let other = cloud.root(OTHER);
    let url = other.call("sqs", "GetQueueUrl", json!({ "QueueName": "own" })).ok()["QueueUrl"].clone();
    let attributes = json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": "7" } });
    other.call("sqs", "SetQueueAttributes", attributes).ok();
    let (id, told) = looked();
    assert_eq!(told, "SUCCEEDED DRIFTED COMPLETED 2 1 1 0");
    assert_eq!(instance(&root, OTHER, "us-east-1")["DriftStatus"], "DRIFTED");
    assert_eq!(instance(&root, ACCOUNT, "us-east-1")["DriftStatus"], "IN_SYNC");
    // To look changes nothing.
    assert_eq!(instance(&root, OTHER, "us-east-1")["Status"], "CURRENT");
    let filter = json!([{ "Name": "DRIFT_STATUS", "Values": "DRIFTED" }]);
    let drifted =
        root.call(CFN, "ListStackInstances", json!({ "StackSetName": "set", "Filters": filter })).ok();
    assert_eq!(drifted["Summaries"].as_array().map(Vec::len), Some(1));
    assert_eq!(drifted["Summaries"][0]["Account"], OTHER);
    let of = |account: &str, operation: &str| {
        json!({
            "StackSetName": "set", "StackInstanceAccount": account, "StackInstanceRegion": "us-east-1", "OperationId": operation,
        })
    };
    let told = root.call(CFN, "ListStackInstanceResourceDrifts", of(OTHER, &id)).ok()["Summaries"].clone();
    assert_eq!(
        (&told[0]["LogicalResourceId"], &told[0]["StackResourceDriftStatus"]),
        (&json!("Queue"), &json!("MODIFIED"))
    );
    let difference = &told[0]["PropertyDifferences"][0];
    assert_eq!((&difference["ExpectedValue"], &difference["ActualValue"]), (&json!("5"), &json!("7")));
    root.call(CFN, "ListStackInstanceResourceDrifts", of(OTHER, "nope"))
        .refused(404, "OperationNotFoundException");
    root.call(CFN, "ListStackInstanceResourceDrifts", of(THIRD, &id))
        .refused(404, "StackInstanceNotFoundException");

    // Where the role is gone nobody can look.
    other.call("iam", "DeleteRolePolicy", json!({ "RoleName": EXECUTOR, "PolicyName": "own" })).ok();
    other.call("iam", "DeleteRole", json!({ "RoleName": EXECUTOR })).ok();
    let tolerant = json!({ "OperationPreferences": { "FailureToleranceCount": 1 } });
    let id = begin(&root, "DetectStackSetDrift", tolerant);
    assert_eq!(over(&cloud, &root, &id), "SUCCEEDED");
    let details = operation(&root, &id)["StackSetDriftDetectionDetails"].clone();
    assert_eq!(
        (&details["DriftDetectionStatus"], &details["FailedStackInstancesCount"]),
        (&json!("PARTIAL_SUCCESS"), &json!("1"))
    );
}
