//! Functions are invoked: now, later, or not at all. Their sandboxes are simulated: they answer what they are asked.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{create, zipped};
use crate::services_metrics;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::Call;
use serde_json::{Value, json};
use std::time::Duration;
use wire::Value as Wire;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn invoke(caller: &Caller<'_>, more: &Value) -> Reply {
    let mut all = json!({ "FunctionName": ARN });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("lambda", "Invoke", all)
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn events(cloud: &Cloud) -> usize {
    let snapshot = cloud.cloud.store().snapshot();
    compute::lambda::model::EVENTS.count(&snapshot, &store::Key::empty()).unwrap()
}

#[test]
fn the_answer_is_the_functions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let asked = json!({ "Payload": "{\"a\":[1,2]}", "LogType": "Tail" });
    let reply = invoke(&root, &asked);
    assert_eq!((reply.status, &reply.body[..]), (200, &b"{\"a\":[1,2]}"[..]));
    assert_eq!(header(&reply, "x-amz-executed-version"), "$LATEST");
    let log = STANDARD.decode(header(&reply, "x-amz-log-result")).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.starts_with("START RequestId: ") && log.contains("\nREPORT RequestId: "), "{log}");
    assert_eq!(&invoke(&root, &json!({})).body[..], b"{}", "no payload is an empty object");
    let failed = invoke(&root, &json!({ "Payload": "\"fail\"" }));
    assert_eq!((failed.status, header(&failed, "x-amz-function-error")), (200, "Unhandled"));
    assert_eq!(failed.value["errorType"], "Told");
    let dry = invoke(&root, &json!({ "InvocationType": "DryRun" }));
    assert_eq!((dry.status, dry.body.len()), (204, 0));
}

#[test]
fn what_cannot_be_invoked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let message = invoke(&root, &json!({})).refused(404, "ResourceNotFoundException");
    assert_eq!(message, format!("Function not found: {ARN}"));
    create(&root);
    invoke(&root, &json!({ "Payload": "no json" })).refused(400, "InvalidRequestContentException");
    let large = format!("\"{}\"", "x".repeat(1_048_575));
    let message = invoke(&root, &json!({ "InvocationType": "Event", "Payload": large }));
    let message = message.refused(413, "RequestTooLargeException");
    let words = "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)";
    assert_eq!(message, words);
    invoke(&root, &json!({ "Qualifier": "live" })).refused(404, "ResourceNotFoundException");
    let limit = json!({ "FunctionName": "f", "ReservedConcurrentExecutions": 0 });
    root.call("lambda", "PutFunctionConcurrency", limit).ok();
    invoke(&root, &json!({})).refused_with(429, "TooManyRequestsException", "Rate Exceeded.");
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": format!("{ARN}:live"),
    } });
    let user = cloud.user(&root, "user", &policy.to_string());
    invoke(&user, &json!({})).refused(403, "AccessDeniedException");
    invoke(&user, &json!({ "Qualifier": "live" })).refused(404, "ResourceNotFoundException");
}

#[test]
fn versions_and_aliases_run_what_they_say() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    root.call("lambda", "PublishVersion", json!({ "FunctionName": "f" })).ok();
    cloud.advance(Duration::from_secs(1));
    let code = json!({ "FunctionName": "f", "ZipFile": zipped("b.py", "x"), "Publish": true });
    root.call("lambda", "UpdateFunctionCode", code).ok();
    let weights = json!({ "AdditionalVersionWeights": { "2": 1.0 } });
    let alias =
        json!({ "FunctionName": "f", "Name": "live", "FunctionVersion": "1", "RoutingConfig": weights });
    root.call("lambda", "CreateAlias", alias).ok();
    let reply = invoke(&root, &json!({ "Qualifier": "live" }));
    assert_eq!(header(&reply, "x-amz-executed-version"), "2", "all of its weight lies there");
    let reply = invoke(&root, &json!({ "Qualifier": "1" }));
    assert_eq!(header(&reply, "x-amz-executed-version"), "1");
}

/// What another service asks within its own transaction.
#[test]
fn within_a_transaction_only_events_are_taken() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let ask = |kind: &str| {
        let members = [
            ("FunctionName", Wire::str(ARN)),
            ("InvocationType", Wire::str(kind)),
            ("Payload", Wire::Blob(bytes::Bytes::from_static(b"{}"))),
        ];
        let value = Wire::Struct(members.into_iter().collect());
        let call = Call { service: "lambda", operation: "Invoke", value };
        let mut tx = cloud.cloud.store().begin();
        let account = base::AccountId::parse(ACCOUNT).unwrap();
        let home = (account, base::Region::US_EAST_1);
        let source = Some("arn:aws:s3:::bucket");
        let done = cloud.cloud.call_for(&mut tx, "s3.amazonaws.com", home, source, call);
        done.map(|_| tx.commit().wait().unwrap())
    };
    assert_eq!(ask("Event").unwrap_err().code, "AccessDeniedException", "no policy lets S3 in");
    let permission = json!({
        "FunctionName": "f", "StatementId": "s3", "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::bucket",
    });
    root.call("lambda", "AddPermission", permission).ok();
    assert_eq!(ask("RequestResponse").unwrap_err().code, "NotImplemented");
    assert_eq!(events(&cloud), 0);
    ask("Event").unwrap();
    assert_eq!(events(&cloud), 1);
}

#[test]
fn cloudwatch_is_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    invoke(&root, &json!({}));
    invoke(&root, &json!({ "Payload": "\"fail\"" }));
    let limit = json!({ "FunctionName": "f", "ReservedConcurrentExecutions": 0 });
    root.call("lambda", "PutFunctionConcurrency", limit).ok();
    invoke(&root, &json!({})).refused(429, "TooManyRequestsException");
    cloud.reconcile();
    let now = cloud.cloud.clock().now().seconds();
    let sum = |metric: &str, dimensions: Value| {
        let input = json!({
            "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions, "Period": 60,
            "Statistics": ["Sum", "SampleCount", "Maximum"], "StartTime": now - 600, "EndTime": now + 600,
        });
        let points = root.call("cloudwatch", "GetMetricStatistics", input).ok()["Datapoints"].clone();
        let of = |name: &str| -> f64 {
            let all = points.as_array().unwrap().iter();
            all.map(|point| point[name].as_f64().unwrap()).sum()
        };
        (of("Sum"), of("SampleCount"))
    };
    let named = || json!([{ "Name": "FunctionName", "Value": "f" }]);
    for dimensions in [json!([]), named()] {
        assert_eq!(sum("Invocations", dimensions.clone()), (2.0, 2.0));
        assert_eq!(sum("Errors", dimensions.clone()), (1.0, 2.0));
        assert_eq!(sum("Throttles", dimensions), (1.0, 3.0));
    }
    let both = json!([{ "Name": "FunctionName", "Value": "f" }, { "Name": "Resource", "Value": "f" }]);
    assert_eq!(sum("Duration", both).1, 2.0);
    assert_eq!(sum("ConcurrentExecutions", named()), (2.0, 2.0));
}

#[test]
fn logs_go_where_they_are_told_to() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let may = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "logs:*", "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:apps:*",
    } });
    let put = json!({ "RoleName": "runs", "PolicyName": "logs", "PolicyDocument": may.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
    let told = |more: Value| {
        let asked = json!({ "FunctionName": "f", "LoggingConfig": more });
        root.call("lambda", "UpdateFunctionConfiguration", asked)
    };
    let shown = told(json!({ "LogGroup": "apps" })).ok();
    assert_eq!(shown["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "apps" }));
    // Who wants to see the end of the log hears of it when it is written.
    invoke(&root, &json!({ "LogType": "Tail" })).ok();
    let groups = root.call("logs", "DescribeLogGroups", json!({})).ok();
    assert_eq!(groups["logGroups"][0]["logGroupName"], "apps");
    let events = root.call("logs", "FilterLogEvents", json!({ "logGroupName": "apps" })).ok();
    assert!(events["events"][0]["message"].as_str().unwrap().starts_with("START RequestId: "));
    let stream = events["events"][0]["logStreamName"].as_str().unwrap();
    assert!(stream.starts_with("2026/01/15/f[$LATEST]["), "{stream}");
    let shown = told(json!({ "LogFormat": "JSON", "SystemLogLevel": "DEBUG", "LogGroup": "apps" })).ok();
    let json = json!({
        "LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "DEBUG", "LogGroup": "apps",
    });
    assert_eq!(shown["LoggingConfig"], json);
    told(json!({ "LogFormat": "Text", "LogGroup": "apps" })).ok();
    told(json!({ "SystemLogLevel": "WARN" })).refused(400, "InvalidParameterValueException");
    let shown = told(json!({ "LogFormat": "Text" })).ok();
    assert_eq!(shown["LoggingConfig"]["LogGroup"], "/aws/lambda/f");
}

#[test]
fn cloudwatch_is_told_which_version_ran_and_of_all_functions_together() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let one = |operation: &str, more: Value| {
        let mut all = json!({ "FunctionName": "f" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("lambda", operation, all).ok()
    };
    one("PublishVersion", json!({}));
    one("CreateAlias", json!({ "Name": "live", "FunctionVersion": "1" }));
    one("Invoke", json!({ "Qualifier": "live", "Payload": "7" }));
    one("Invoke", json!({ "Qualifier": "1", "Payload": "7" }));
    services_metrics::publish(&cloud);
    let told = |name: &str, of: &[(&str, &str)], statistic: &str| {
        services_metrics::told(&root, "AWS/Lambda", name, of, statistic)
    };
    let by_version = [("ExecutedVersion", "1"), ("FunctionName", "f"), ("Resource", "f:live")];
    assert_eq!(told("Invocations", &by_version, "Sum"), Some(1.0));
    let all = [("ConcurrentExecutions", Some(1.0)), ("UnreservedConcurrentExecutions", Some(1.0))];
    for (name, expected) in all {
        assert_eq!(told(name, &[], "Maximum"), expected, "{name}");
    }
    assert_eq!(told("ConcurrentExecutions", &[], "SampleCount"), Some(2.0));
}
