//! How events are handled, and who is told what became of them. The sandboxes are simulated: they answer what they are
//! asked, and fail where `"fail"` stands in it.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{ROLE, create, zipped};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:told";
const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/told";

fn call(root: &Caller<'_>, operation: &str, more: Value) -> Reply {
    let mut all = json!({ "FunctionName": "f" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("lambda", operation, all)
}

fn allow(root: &Caller<'_>, actions: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": actions, "Resource": "*",
    } });
    let put = json!({ "RoleName": "runs", "PolicyName": "tells", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
}

fn begin(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    create(&root);
    root.call("sqs", "CreateQueue", json!({ "QueueName": "told" })).ok();
    root
}

/// The next message of the queue, parsed.
fn told(cloud: &Cloud, root: &Caller<'_>) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        cloud.reconcile();
        let got = root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": URL })).ok();
        if let Some(body) = got["Messages"][0]["Body"].as_str() {
            let gone = json!({ "QueueUrl": URL, "ReceiptHandle": got["Messages"][0]["ReceiptHandle"] });
            root.call("sqs", "DeleteMessage", gone).ok();
            return serde_json::from_str(body).unwrap();
        }
        assert!(Instant::now() < end, "nobody was told");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn both() -> Value {
    json!({ "OnSuccess": { "Destination": QUEUE }, "OnFailure": { "Destination": QUEUE } })
}

#[test]
fn settings_come_and_go() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let missing = format!("The function {ARN}:$LATEST doesn't have an EventInvokeConfig");
    let get = || call(&root, "GetFunctionEventInvokeConfig", json!({}));
    get().refused_with(404, "ResourceNotFoundException", &missing);
    call(&root, "UpdateFunctionEventInvokeConfig", json!({ "MaximumRetryAttempts": 1 })).refused_with(
        404,
        "ResourceNotFoundException",
        &missing,
    );
    let put = |more: Value| call(&root, "PutFunctionEventInvokeConfig", more);
    for (asked, message) in [
        (json!({}), "You must specify at least one of error handling or destination setting.".to_owned()),
        (
            json!({ "DestinationConfig": { "OnSuccess": { "Destination": ARN } } }),
            "You can't specify the function as a destination for itself.".to_owned(),
        ),
        (
            json!({ "DestinationConfig": both() }),
            format!("The function's execution role does not have permissions to call SendMessage on {QUEUE}"),
        ),
    ] {
        put(asked).refused_with(400, "InvalidParameterValueException", &message);
    }
    allow(&root, &json!("sqs:SendMessage"));
    put(json!({ "DestinationConfig": both(), "MaximumEventAgeInSeconds": 60 })).ok();
    let update = json!({ "MaximumRetryAttempts": 1, "DestinationConfig": { "OnSuccess": {} } });
    call(&root, "UpdateFunctionEventInvokeConfig", update).ok();
    let got = get().ok();
    assert_eq!((&got["MaximumRetryAttempts"], &got["MaximumEventAgeInSeconds"]), (&json!(1), &json!(60)));
    assert_eq!(got["DestinationConfig"], json!({ "OnSuccess": {}, "OnFailure": { "Destination": QUEUE } }));
    assert_eq!(got["FunctionArn"], format!("{ARN}:$LATEST"));
    let got = put(json!({ "MaximumRetryAttempts": 0 })).ok();
    assert_eq!(got["DestinationConfig"], json!({ "OnSuccess": {}, "OnFailure": {} }));
    let listed = call(&root, "ListFunctionEventInvokeConfigs", json!({})).ok();
    assert_eq!(listed["FunctionEventInvokeConfigs"][0]["FunctionArn"], format!("{ARN}:$LATEST"));
    call(&root, "DeleteFunctionEventInvokeConfig", json!({})).ok();
    get().refused(404, "ResourceNotFoundException");
}

#[test]
fn who_is_told_of_an_events_end() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    allow(&root, &json!(["sqs:SendMessage", "lambda:InvokeFunction"]));
    let put = json!({ "DestinationConfig": both(), "MaximumRetryAttempts": 1 });
    call(&root, "PutFunctionEventInvokeConfig", put).ok();
    let event = |payload: &str| {
        call(&root, "Invoke", json!({ "InvocationType": "Event", "Payload": payload }));
    };
    event("{\"a\":1}");
    let well = told(&cloud, &root);
    assert_eq!((&well["requestPayload"], &well["responsePayload"]), (&json!({ "a": 1 }), &json!({ "a": 1 })));
    assert_eq!(well["requestContext"]["condition"], "Success");
    assert_eq!(well["requestContext"]["functionArn"], format!("{ARN}:$LATEST"));
    assert_eq!(well["responseContext"], json!({ "statusCode": 200, "executedVersion": "$LATEST" }));
    event("\"fail\"");
    // The second try is a minute later.
    let end = Instant::now() + Duration::from_secs(20);
    let tried = || {
        let snapshot = cloud.cloud.store().snapshot();
        let all = compute::lambda::model::EVENTS;
        all.scan(&snapshot, &store::Key::empty(), store::Direction::Forward)
            .any(|e| e.unwrap().1.attempts == 1)
    };
    while !tried() {
        assert!(Instant::now() < end, "it was not tried");
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
    cloud.advance(Duration::from_secs(61));
    let badly = told(&cloud, &root);
    assert_eq!(badly["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(badly["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(badly["responseContext"]["functionError"], "Unhandled");
    assert_eq!(badly["responsePayload"]["errorType"], "Told");
}

#[test]
fn a_function_is_told_by_another() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    allow(&root, &json!(["sqs:SendMessage", "lambda:InvokeFunction"]));
    let other = json!({
        "FunctionName": "g", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler",
        "Code": { "ZipFile": zipped("app.py", "x") },
    });
    let other = root.call("lambda", "CreateFunction", other).ok()["FunctionArn"].clone();
    let put = |name: &str, to: &Value| {
        let on_success = json!({ "OnSuccess": { "Destination": to } });
        let put = json!({ "FunctionName": name, "DestinationConfig": on_success });
        root.call("lambda", "PutFunctionEventInvokeConfig", put).ok();
    };
    put("f", &other);
    put("g", &json!(QUEUE));
    call(&root, "Invoke", json!({ "InvocationType": "Event", "Payload": "7" }));
    let last = told(&cloud, &root);
    assert_eq!(last["requestPayload"]["responsePayload"], 7);
    assert_eq!(last["requestContext"]["functionArn"], format!("{}:$LATEST", other.as_str().unwrap()));
}

#[test]
fn where_events_go_that_are_given_up() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let set = |target: &str| {
        call(&root, "UpdateFunctionConfiguration", json!({ "DeadLetterConfig": { "TargetArn": target } }))
    };
    // AWS: standard queues and topics only.
    for kind in ["sqs", "sns"] {
        let fifo = format!("arn:aws:{kind}:us-east-1:{ACCOUNT}:x.fifo");
        let words = format!("The provided target arn is not a valid SNS or SQS arn: {fifo}");
        set(&fifo).refused_with(400, "InvalidParameterValueException", &words);
        let on_failure = json!({ "DestinationConfig": { "OnFailure": { "Destination": fifo } } });
        call(&root, "PutFunctionEventInvokeConfig", on_failure).refused_with(
            400,
            "InvalidParameterValueException",
            &format!("The provided destination ARN is invalid: {fifo}"),
        );
    }
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t");
    for (target, what) in [(QUEUE, "SendMessage on SQS"), (&topic, "Publish on SNS")] {
        let words = format!("The provided execution role does not have permissions to call {what}");
        set(target).refused_with(400, "InvalidParameterValueException", &words);
    }
    let other = json!({
        "FunctionName": "g", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler",
        "Code": { "ZipFile": zipped("app.py", "x") }, "DeadLetterConfig": { "TargetArn": QUEUE },
    });
    root.call("lambda", "CreateFunction", other.clone()).refused(400, "InvalidParameterValueException");
    allow(&root, &json!("sqs:SendMessage"));
    root.call("lambda", "CreateFunction", other).ok();
    set(QUEUE).ok();
    // What may never run is given up at once.
    call(&root, "PutFunctionConcurrency", json!({ "ReservedConcurrentExecutions": 0 })).ok();
    let on_failure = json!({ "DestinationConfig": { "OnFailure": { "Destination": QUEUE } } });
    call(&root, "PutFunctionEventInvokeConfig", on_failure).ok();
    call(&root, "Invoke", json!({ "InvocationType": "Event", "Payload": "7" }));
    let told = told(&cloud, &root);
    assert_eq!(told["requestContext"]["condition"], "ZeroReservedConcurrency");
    assert_eq!(told["requestPayload"], 7);
    call(&root, "DeleteFunctionConcurrency", json!({})).ok();
    // The queue goes: its events are lost, and that is told.
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": URL })).ok();
    let at_once = json!({ "MaximumRetryAttempts": 0,
        "DestinationConfig": { "OnFailure": { "Destination": QUEUE } } });
    call(&root, "PutFunctionEventInvokeConfig", at_once).ok();
    call(&root, "Invoke", json!({ "InvocationType": "Event", "Payload": "\"fail\"" }));
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        cloud.reconcile();
        let places = |name: &str| {
            let asked = json!({ "Namespace": "AWS/Lambda", "MetricName": name });
            let found = root.call("cloudwatch", "ListMetrics", asked).ok();
            found["Metrics"].as_array().map_or(0, Vec::len)
        };
        let found = ["DeadLetterErrors", "DestinationDeliveryFailures"].map(places);
        if found == [3, 3] {
            break;
        }
        assert!(Instant::now() < end, "{found:?}");
        cloud.advance(Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
}
