//! Event source mappings: queues and streams that bring functions their records. The sandboxes are simulated: they answer
//! what they are asked, and fail where `"fail"` stands in it.

use crate::harness::{Caller, Cloud};
use crate::lambda_functions::create;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:q";
const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/q";

fn allow(root: &Caller<'_>, actions: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": actions, "Resource": "*",
    } });
    let put = json!({ "RoleName": "runs", "PolicyName": "reads", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
}

fn queue(root: &Caller<'_>, name: &str, attributes: Value) {
    root.call("sqs", "CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).ok();
}

fn begin(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    create(&root);
    queue(&root, "q", json!({ "VisibilityTimeout": "30" }));
    allow(&root, &json!(["sqs:*", "dynamodb:*", "sns:*"]));
    root
}

fn map(root: &Caller<'_>, more: Value) -> crate::harness::Reply {
    let mut all = json!({ "FunctionName": "f", "EventSourceArn": QUEUE });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("lambda", "CreateEventSourceMapping", all)
}

/// Until it is so.
fn until(cloud: &Cloud, what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < end, "it did not happen");
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn get(root: &Caller<'_>, id: &str) -> Value {
    root.call("lambda", "GetEventSourceMapping", json!({ "UUID": id })).ok()
}

fn settle(cloud: &Cloud, root: &Caller<'_>, id: &str, state: &str) {
    until(cloud, || get(root, id)["State"] == state);
}

fn left(root: &Caller<'_>, url: &str) -> (i64, i64) {
    let names = json!(["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]);
    let all =
        root.call("sqs", "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": names })).ok();
    let number = |name: &str| all["Attributes"][name].as_str().unwrap().parse().unwrap();
    (number("ApproximateNumberOfMessages"), number("ApproximateNumberOfMessagesNotVisible"))
}

fn send(root: &Caller<'_>, body: &str) {
    root.call("sqs", "SendMessage", json!({ "QueueUrl": URL, "MessageBody": body })).ok();
}

#[test]
fn a_mappings_life() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let made = map(&root, json!({})).ok();
    let id = made["UUID"].as_str().unwrap();
    assert_eq!((&made["State"], &made["BatchSize"]), (&json!("Creating"), &json!(10)));
    assert_eq!(made["FunctionArn"], "arn:aws:lambda:us-east-1:123456789012:function:f");
    assert_eq!(
        made["EventSourceMappingArn"],
        format!("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{id}")
    );
    let change = |more: Value| {
        let mut all = json!({ "UUID": id });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("lambda", "UpdateEventSourceMapping", all)
    };
    change(json!({ "BatchSize": 1 })).refused_with(
        400,
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    );
    settle(&cloud, &root, id, "Enabled");
    let message = map(&root, json!({})).refused(409, "ResourceConflictException");
    assert_eq!(
        message,
        format!(
            "An event source mapping with SQS arn (\" {QUEUE} \") and function (\" f \") already exists. Please update or delete the existing mapping with UUID {id}"
        )
    );
    let changed = change(json!({ "BatchSize": 5, "Enabled": false })).ok();
    assert_eq!((&changed["State"], &changed["BatchSize"]), (&json!("Disabling"), &json!(5)));
    settle(&cloud, &root, id, "Disabled");
    send(&root, "waits");
    cloud.reconcile();
    assert_eq!(left(&root, URL), (1, 0));
    assert_eq!(change(json!({ "Enabled": true })).ok()["State"], "Enabling");
    until(&cloud, || left(&root, URL) == (0, 0));
    let listed = |filter: Value| {
        let all = root.call("lambda", "ListEventSourceMappings", filter).ok();
        all["EventSourceMappings"].as_array().unwrap().len()
    };
    assert_eq!((listed(json!({})), listed(json!({ "FunctionName": "f" }))), (1, 1));
    assert_eq!(listed(json!({ "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:other" })), 0);
    settle(&cloud, &root, id, "Enabled");
    let gone = root.call("lambda", "DeleteEventSourceMapping", json!({ "UUID": id })).ok();
    assert_eq!(gone["State"], "Deleting");
    until(&cloud, || listed(json!({})) == 0);
    let message = root.call("lambda", "GetEventSourceMapping", json!({ "UUID": id }));
    let message = message.refused(404, "ResourceNotFoundException");
    assert_eq!(message, "The resource you requested does not exist.");
}

#[test]
fn what_cannot_be_mapped() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    for unbuilt in [
        json!({ "ProvisionedPollerConfig": { "MinimumPollers": 2 } }),
        json!({ "MetricsConfig": { "Metrics": ["EventCount"] } }),
    ] {
        map(&root, unbuilt).refused(501, "NotImplemented");
    }
    queue(&root, "short", json!({ "VisibilityTimeout": "2" }));
    queue(&root, "q.fifo", json!({ "FifoQueue": "true" }));
    let of = |name: &str, more: Value| {
        let mut all = json!({ "EventSourceArn": format!("arn:aws:sqs:us-east-1:123456789012:{name}") });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for (asked, message) in [
        (json!({ "EventSourceArn": "arn:aws:s3:::b" }), "Unrecognized event source."),
        (json!({ "StartingPosition": "LATEST" }), "StartingPosition is not valid for SQS event sources."),
        (
            json!({ "BatchSize": 100 }),
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        (
            json!({ "MaximumRetryAttempts": 1 }),
            "Unsupported MaximumRetryAttempts parameter for given event source mapping type.",
        ),
        (
            json!({ "FilterCriteria": { "Filters": [{ "Pattern": "{\"a\":1}" }] } }),
            "Invalid filter pattern definition.",
        ),
        (
            of("short", json!({})),
            "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds",
        ),
        (
            of("q.fifo", json!({ "MaximumBatchingWindowInSeconds": 1 })),
            "Batching window is not supported for FIFO queues.",
        ),
    ] {
        map(&root, asked).refused_with(400, "InvalidParameterValueException", message);
    }
    let missing = map(&root, of("none", json!({}))).refused(400, "InvalidParameterValueException");
    assert!(missing.starts_with("Error occurred while ReceiveMessage. SQS Error Code: "), "{missing}");
    let stream = table(&cloud, &root);
    let begun = |more: Value| {
        let mut all = json!({ "EventSourceArn": stream });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        map(&root, all)
    };
    for (asked, message) in [
        (
            json!({ "StartingPosition": "LATEST", "StartingPositionTimestamp": 123_456 }),
            "Timestamp only valid with StartingPosition AT_TIMESTAMP".to_owned(),
        ),
        (
            json!({ "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1000 }),
            format!("Unsupported starting position for arn type: {stream}"),
        ),
    ] {
        let refused = begun(asked);
        // Whose fault it was is told of what the service itself refuses, and not of what its model does.
        assert_eq!(refused.value["Type"], "User");
        refused.refused_with(400, "InvalidParameterValueException", &message);
    }
    let refused = begun(json!({ "StartingPosition": "0" }));
    assert_eq!(refused.value.get("Type"), None);
    refused.refused_with(
        400,
        "ValidationException",
        "1 validation error detected: Value '0' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
    );
    let kinesis = json!({ "EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s" });
    map(&root, kinesis).refused(501, "NotImplemented");
    root.call("lambda", "CreateEventSourceMapping", json!({ "FunctionName": "g", "EventSourceArn": QUEUE }))
        .refused(404, "ResourceNotFoundException");
    allow(&root, &json!(["sqs:DeleteMessage", "sqs:GetQueueAttributes"]));
    map(&root, json!({})).refused_with(
        400,
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
    );
}

#[test]
fn messages_are_handled_filtered_or_come_again() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let filters = json!({ "Filters": [{ "Pattern": "{\"body\":[{\"anything-but\":\"unwanted\"}]}" }] });
    let made = map(&root, json!({ "FilterCriteria": filters, "BatchSize": 1 })).ok();
    assert_eq!(made["FilterCriteria"], filters);
    for body in ["one", "unwanted", "two"] {
        send(&root, body);
    }
    until(&cloud, || left(&root, URL) == (0, 0));
    send(&root, "fail");
    until(&cloud, || {
        let mapping = get(&root, made["UUID"].as_str().unwrap());
        mapping["LastProcessingResult"] == "PROBLEM: Function call failed"
    });
    assert_eq!(left(&root, URL), (0, 1), "what failed is there, and hidden until its time has come");
}

#[test]
fn who_may_map() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "lambda:*EventSourceMapping", "Resource": "*", "Condition": {
            "ArnEquals": { "lambda:FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:other" },
        },
    } });
    let user = cloud.user(&root, "user", &policy.to_string());
    map(&user, json!({})).refused(403, "AccessDeniedException");
    let id = map(&root, json!({})).ok()["UUID"].clone();
    user.call("lambda", "GetEventSourceMapping", json!({ "UUID": id })).refused(403, "AccessDeniedException");
}

fn table(cloud: &Cloud, root: &Caller<'_>) -> String {
    let made = root
        .call(
            "dynamodb",
            "CreateTable",
            json!({
                "TableName": "tab", "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "S" }],
                "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }],
                "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
            }),
        )
        .ok();
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

fn write(root: &Caller<'_>, key: &str) {
    let item = json!({ "TableName": "tab", "Item": { "k": { "S": key } } });
    root.call("dynamodb", "PutItem", item).ok();
}

#[test]
fn changes_of_a_table_and_what_becomes_of_those_that_fail() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let stream = table(&cloud, &root);
    write(&root, "before");
    cloud.advance(Duration::from_secs(1));
    let asked = |more: Value| {
        let mut all = json!({ "EventSourceArn": stream, "StartingPosition": "LATEST" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        map(&root, all)
    };
    asked(json!({ "ScalingConfig": { "MaximumConcurrency": 2 } })).refused_with(
        400,
        "InvalidParameterValueException",
        "Unsupported ScalingConfig parameter for given event source mapping type.",
    );
    asked(json!({ "TumblingWindowInSeconds": 5 })).refused(501, "NotImplemented");
    let made = asked(json!({
        "MaximumRetryAttempts": 0, "BisectBatchOnFunctionError": true, "ParallelizationFactor": 2,
        "DestinationConfig": { "OnFailure": { "Destination": QUEUE } },
    }))
    .ok();
    assert_eq!((&made["BatchSize"], &made["StartingPosition"]), (&json!(100), &json!("LATEST")));
    assert_eq!(made["MaximumRecordAgeInSeconds"], -1);
    let id = made["UUID"].as_str().unwrap();
    write(&root, "one");
    write(&root, "fail");
    until(&cloud, || left(&root, URL) == (1, 0));
    let told = root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": URL })).ok();
    let told: Value = serde_json::from_str(told["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(told["responseContext"]["functionError"], "Unhandled");
    let lost = &told["DDBStreamBatchInfo"];
    assert_eq!((&lost["batchSize"], &lost["streamArn"]), (&json!(1), &json!(stream)));
    write(&root, "two");
    until(&cloud, || get(&root, id)["LastProcessingResult"] == "OK");
    root.call("lambda", "DeleteEventSourceMapping", json!({ "UUID": id })).ok();
    until(&cloud, || root.call("lambda", "GetEventSourceMapping", json!({ "UUID": id })).status == 404);
    let snapshot = cloud.cloud.store().snapshot();
    assert_eq!(compute::lambda::model::PROGRESS.count(&snapshot, &store::Key::empty()).unwrap(), 0);
}

#[test]
fn what_is_given_up_is_kept_in_a_bucket() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let stream = table(&cloud, &root);
    root.call("s3", "CreateBucket", json!({ "Bucket": "remains" })).ok();
    let asked = || {
        let place = json!({ "OnFailure": { "Destination": "arn:aws:s3:::remains" } });
        map(
            &root,
            json!({
                "EventSourceArn": stream, "StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 0,
                "DestinationConfig": place,
            }),
        )
    };
    for (granted, wanted) in [("s3:ListBucket", "PutObject"), ("s3:PutObject", "ListBucket")] {
        allow(&root, &json!(["dynamodb:*", granted]));
        asked().refused_with(
            400,
            "InvalidParameterValueException",
            &format!("The provided execution role does not have permissions to call {wanted} on S3"),
        );
    }
    allow(&root, &json!(["dynamodb:*", "s3:PutObject", "s3:ListBucket"]));
    let made = asked().ok();
    assert_eq!(made["DestinationConfig"]["OnFailure"]["Destination"], "arn:aws:s3:::remains");
    write(&root, "fail");
    let keys = || {
        let listed = root.call("s3", "ListObjectsV2", json!({ "Bucket": "remains" })).ok();
        let all = listed["Contents"].as_array().cloned().unwrap_or_default();
        all.iter().map(|object| object["Key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until(&cloud, || !keys().is_empty());
    let [key] = &keys()[..] else { panic!("{:?}", keys()) };
    let reply = root.call("s3", "GetObject", json!({ "Bucket": "remains", "Key": key }));
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    let shard = told["DDBStreamBatchInfo"]["shardId"].as_str().unwrap();
    let place = format!("aws/lambda/{}/{shard}/", made["UUID"].as_str().unwrap());
    assert!(key.starts_with(&place), "{key}");
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(told["responseContext"]["functionError"], "Unhandled");
    let payload: Value = serde_json::from_str(told["payload"].as_str().unwrap()).unwrap();
    let record = &payload["Records"][0];
    assert_eq!(record["dynamodb"]["NewImage"], json!({ "k": { "S": "fail" } }));
    assert!(record["dynamodb"]["ApproximateCreationDateTime"].is_f64());
    root.call("lambda", "DeleteEventSourceMapping", json!({ "UUID": made["UUID"] })).ok();
}

#[test]
fn tags_of_mappings() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let made = map(&root, json!({ "Tags": { "a": "1", "b": "2" } })).ok();
    let arn = made["EventSourceMappingArn"].as_str().unwrap().to_owned();
    let tags = |caller: &Caller<'_>| caller.call("lambda", "ListTags", json!({ "Resource": arn }));
    root.call("lambda", "TagResource", json!({ "Resource": arn, "Tags": { "b": "3" } })).ok();
    root.call("lambda", "UntagResource", json!({ "Resource": arn, "TagKeys": ["a"] })).ok();
    assert_eq!(tags(&root).ok()["Tags"], json!({ "b": "3" }));
    let none = json!({ "Resource": arn.replace(made["UUID"].as_str().unwrap(), "00000000-0000-4000-8000-000000000000") });
    root.call("lambda", "ListTags", none).refused(404, "ResourceNotFoundException");
    // Policies may ask about them, and giving them is a right of its own.
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["lambda:ListTags", "lambda:CreateEventSourceMapping"], "Resource": "*",
          "Condition": { "StringEqualsIfExists": { "aws:ResourceTag/b": "3" } } },
    ] });
    let user = cloud.user(&root, "user", &policy.to_string());
    tags(&user).ok();
    root.call("lambda", "TagResource", json!({ "Resource": arn, "Tags": { "b": "4" } })).ok();
    tags(&user).refused(403, "AccessDeniedException");
    let words = map(&user, json!({ "Tags": { "a": "1" } })).refused(403, "AccessDeniedException");
    assert!(words.contains("lambda:TagResource"), "{words}");
}
