//! Provisioned concurrency: environments that begin before anybody calls, and what they count against. Their sandboxes are
//! simulated.

use crate::harness::{Caller, Cloud, Reply, START};
use crate::lambda_functions::{create, zipped};
use kernel::ClockChange;
use kernel::meter::{Query, Used, usage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const WRONG: &str = "InvalidParameterValueException";

fn with(mut base: Value, changes: &Value) -> Value {
    base.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    base
}

fn call(root: &Caller<'_>, operation: &str, more: &Value) -> Reply {
    root.call("lambda", operation, with(json!({ "FunctionName": "f" }), more))
}

fn put(root: &Caller<'_>, qualifier: &str, number: u32) -> Reply {
    let asked = json!({ "Qualifier": qualifier, "ProvisionedConcurrentExecutions": number });
    call(root, "PutProvisionedConcurrencyConfig", &asked)
}

fn get(root: &Caller<'_>, qualifier: &str) -> Reply {
    call(root, "GetProvisionedConcurrencyConfig", &json!({ "Qualifier": qualifier }))
}

/// Two versions of a function, and an alias for the first.
fn published(root: &Caller<'_>, cloud: &Cloud) {
    create(root);
    call(root, "PublishVersion", &json!({})).ok();
    cloud.advance(Duration::from_secs(1));
    call(root, "UpdateFunctionCode", &json!({ "ZipFile": zipped("b.py", "x"), "Publish": true })).ok();
    call(root, "CreateAlias", &json!({ "Name": "live", "FunctionVersion": "1" })).ok();
}

/// Waits until a provision has a status.
fn settled(cloud: &Cloud, root: &Caller<'_>, qualifier: &str, status: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        cloud.reconcile();
        let shown = get(root, qualifier).ok();
        if shown["Status"] == status {
            return shown;
        }
        assert!(Instant::now() < end, "{shown}");
        cloud.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
}

fn numbers(shown: &Value) -> [i64; 3] {
    ["Requested", "Allocated", "Available"]
        .map(|word| shown[format!("{word}ProvisionedConcurrentExecutions")].as_i64().unwrap())
}

#[test]
fn environments_are_ready_before_anybody_calls() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    published(&root, &cloud);
    let asked = put(&root, "live", 3);
    assert_eq!(asked.status, 202);
    let shown = asked.ok();
    assert_eq!((&shown["Status"], numbers(&shown)), (&json!("IN_PROGRESS"), [3, 0, 0]));
    let shown = settled(&cloud, &root, "live", "READY");
    assert_eq!(numbers(&shown), [3, 3, 3]);
    assert!(shown["LastModified"].as_str().unwrap().ends_with("+0000"));
    let listed = call(&root, "ListProvisionedConcurrencyConfigs", &json!({})).ok();
    let listed = &listed["ProvisionedConcurrencyConfigs"];
    assert_eq!(
        (listed[0]["FunctionArn"].as_str(), listed[1].is_null()),
        (Some(&*format!("{ARN}:live")), true)
    );
    assert_eq!(listed[0]["Status"], "READY");

    // An event finds one of them, and gives it back.
    let invoked = call(&root, "Invoke", &json!({ "Qualifier": "live", "Payload": "7" }));
    assert_eq!((invoked.status, &invoked.body[..]), (200, &b"7"[..]));
    assert_eq!(numbers(&settled(&cloud, &root, "live", "READY")), [3, 3, 3]);

    // Fewer, and then none: who deletes what is not there is content.
    put(&root, "live", 1).ok();
    assert_eq!(numbers(&settled(&cloud, &root, "live", "READY")), [1, 1, 1]);
    for _ in 0..2 {
        let gone = call(&root, "DeleteProvisionedConcurrencyConfig", &json!({ "Qualifier": "live" }));
        assert_eq!(gone.status, 204);
    }
    let message = get(&root, "live").refused(404, "ProvisionedConcurrencyConfigNotFoundException");
    assert_eq!(message, "No Provisioned Concurrency Config found for this function");
}

#[test]
fn an_alias_takes_its_environments_along() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    published(&root, &cloud);
    put(&root, "live", 4).ok();
    settled(&cloud, &root, "live", "READY");
    call(&root, "UpdateAlias", &json!({ "Name": "live", "FunctionVersion": "2" })).ok();
    let moved = get(&root, "live").ok();
    assert_eq!((&moved["Status"], numbers(&moved)), (&json!("IN_PROGRESS"), [4, 0, 0]));
    settled(&cloud, &root, "live", "READY");
    // Two versions divide them by their weights.
    let weights = json!({ "AdditionalVersionWeights": { "1": 0.25 } });
    call(&root, "UpdateAlias", &json!({ "Name": "live", "RoutingConfig": weights })).ok();
    assert_eq!(numbers(&settled(&cloud, &root, "live", "READY")), [4, 4, 4]);
    // Each version has one provision at most.
    let message = put(&root, "1", 1).refused(409, "ResourceConflictException");
    assert_eq!(message, "Version is pointed by a Provisioned Concurrency alias");
    call(&root, "DeleteAlias", &json!({ "Name": "live" })).ok();
    put(&root, "1", 1).ok();
    settled(&cloud, &root, "1", "READY");
    call(&root, "CreateAlias", &json!({ "Name": "live", "FunctionVersion": "1" })).ok();
    let taken =
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
    assert_eq!(put(&root, "live", 1).refused(409, "ResourceConflictException"), taken);
    call(&root, "UpdateAlias", &json!({ "Name": "live", "FunctionVersion": "2" })).ok();
    put(&root, "live", 1).ok();
    let back = call(&root, "UpdateAlias", &json!({ "Name": "live", "FunctionVersion": "1" }));
    assert_eq!(back.refused(409, "ResourceConflictException"), taken);
    // A function takes all along.
    call(&root, "DeleteFunction", &json!({})).ok();
    create_again(&root);
    call(&root, "PublishVersion", &json!({})).ok();
    get(&root, "1").refused(404, "ProvisionedConcurrencyConfigNotFoundException");
}

fn create_again(root: &Caller<'_>) {
    let input = json!({
        "Runtime": "python3.12", "Role": crate::lambda_functions::ROLE, "Handler": "app.handler",
        "Code": { "ZipFile": zipped("app.py", "x") },
    });
    call(root, "CreateFunction", &input).ok();
}

#[test]
fn what_cannot_be_provisioned() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    published(&root, &cloud);
    let unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
    put(&root, "$LATEST", 1).refused_with(400, WRONG, unpublished);
    call(&root, "CreateAlias", &json!({ "Name": "newest", "FunctionVersion": "$LATEST" })).ok();
    put(&root, "newest", 1).refused_with(400, WRONG, unpublished);
    let other = "The function resource provided must be an alias or a published version.";
    get(&root, "$LATEST").refused_with(400, WRONG, other);
    call(&root, "DeleteProvisionedConcurrencyConfig", &json!({ "Qualifier": "$LATEST" }))
        .refused_with(400, WRONG, other);
    let missing = format!("Cannot find alias arn: {ARN}:none");
    put(&root, "none", 1).refused_with(404, "ResourceNotFoundException", &missing);
    let missing = format!("Function not found: {ARN}:9");
    put(&root, "9", 1).refused_with(404, "ResourceNotFoundException", &missing);
    put(&root, "1", 0).refused(400, "ValidationException");
    // Against the account's number, and the function's own.
    let least = "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
    put(&root, "1", 901).refused_with(400, WRONG, least);
    let most = "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].";
    put(&root, "1", 1001).refused_with(400, WRONG, most);
    let reserve = |number: u32| {
        call(&root, "PutFunctionConcurrency", &json!({ "ReservedConcurrentExecutions": number }))
    };
    reserve(3).ok();
    let more = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function";
    put(&root, "1", 4).refused_with(400, WRONG, more);
    put(&root, "1", 2).ok();
    put(&root, "2", 2).refused_with(400, WRONG, more);
    put(&root, "1", 3).ok();
    let lower = " ReservedConcurrentExecutions  2 should not be lower than function's total provisioned concurrency [3].";
    reserve(2).refused_with(400, WRONG, lower);
}

#[test]
fn what_is_provisioned_is_taken_from_the_others() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    published(&root, &cloud);
    call(&root, "PutFunctionConcurrency", &json!({ "ReservedConcurrentExecutions": 1 })).ok();
    put(&root, "1", 1).ok();
    settled(&cloud, &root, "1", "READY");
    call(&root, "Invoke", &json!({ "Qualifier": "1" })).ok();
    let refused = call(&root, "Invoke", &json!({}));
    refused.refused_with(429, "TooManyRequestsException", "Rate Exceeded.");
    // CloudWatch is told which events found one ready.
    cloud.reconcile();
    let now = cloud.cloud.clock().now().seconds();
    let input = json!({
        "Namespace": "AWS/Lambda", "MetricName": "ProvisionedConcurrencyInvocations", "Period": 60,
        "Dimensions": [{ "Name": "FunctionName", "Value": "f" }, { "Name": "Resource", "Value": "f:1" }],
        "Statistics": ["Sum"], "StartTime": now - 600, "EndTime": now + 600,
    });
    let points = root.call("cloudwatch", "GetMetricStatistics", input).ok()["Datapoints"].clone();
    assert_eq!(points[0]["Sum"], 1.0, "{points}");
}

#[test]
fn only_who_may_provisions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    published(&root, &cloud);
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "lambda:*ProvisionedConcurrencyConfig", "Resource": format!("{ARN}:live"),
    } });
    let user = cloud.user(&root, "user", &policy.to_string());
    put(&user, "live", 1).ok();
    get(&user, "live").ok();
    put(&user, "2", 1).refused(403, "AccessDeniedException");
    call(&user, "ListProvisionedConcurrencyConfigs", &json!({})).refused(403, "AccessDeniedException");
}

#[test]
fn what_is_provisioned_is_counted_for_as_long_as_it_is() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    published(&root, &cloud);
    put(&root, "1", 2).ok();
    settled(&cloud, &root, "1", "READY");
    call(&root, "Invoke", &json!({ "Qualifier": "1" })).ok();
    let advance = Duration::from_secs(7200);
    let query = Query {
        from: START.minus(advance),
        to: START.plus(10 * advance),
        account: Some(base::AccountId::parse(ACCOUNT).unwrap()),
    };
    let used = |kind: &str| {
        let all = usage(&cloud.cloud, &query).unwrap();
        all.iter().filter(|used| used.usage_type == kind).map(Used::amount).sum::<u128>()
    };
    used("Lambda-Provisioned-Concurrency");
    cloud.block_on(cloud.cloud.change_clock(ClockChange { advance, ..ClockChange::default() })).unwrap();
    cloud.reconcile();
    // 128 MB twice, for two hours.
    assert_eq!(used("Lambda-Provisioned-Concurrency"), 2 * 128 * 7200);
    assert!(used("Lambda-Provisioned-GB-Second") > 0 && used("Lambda-GB-Second") == 0);
}
