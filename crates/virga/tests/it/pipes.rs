//! EventBridge Pipes: from queues and streams, filtered and enriched, to a target. The functions' sandboxes are simulated:
//! they answer what they are asked, and fail where `"fail"` stands in it.

use crate::endpoint::{Authority, Endpoint};
use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::create as create_function;
use crate::services_metrics::{publish, told};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/piper";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn allow(root: &Caller<'_>, actions: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": actions, "Resource": "*",
    } });
    let put = json!({ "RoleName": "piper", "PolicyName": "p", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
}

/// Queues `in` and `out`, and a role that may all, for pipes of this name.
fn begin(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    for name in ["in", "out"] {
        root.call("sqs", "CreateQueue", json!({ "QueueName": name })).ok();
    }
    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "pipes.amazonaws.com" },
        "Condition": { "StringEquals": { "aws:SourceArn": format!("arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p") } },
    } });
    let made = json!({ "RoleName": "piper", "AssumeRolePolicyDocument": trust.to_string() });
    root.call("iam", "CreateRole", made).ok();
    allow(&root, &json!("*"));
    root
}

fn asked(more: &Value) -> Value {
    let mut all =
        json!({ "Name": "p", "Source": queue_arn("in"), "Target": queue_arn("out"), "RoleArn": ROLE });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn create(root: &Caller<'_>, more: Value) -> Reply {
    root.call("pipes", "CreatePipe", asked(&more))
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

fn describe(root: &Caller<'_>) -> Value {
    root.call("pipes", "DescribePipe", json!({ "Name": "p" })).ok()
}

fn settle(cloud: &Cloud, root: &Caller<'_>, state: &str) {
    until(cloud, || describe(root)["CurrentState"] == state);
}

fn runs(cloud: &Cloud, root: &Caller<'_>, more: Value) {
    create(root, more).ok();
    settle(cloud, root, "RUNNING");
}

fn send(root: &Caller<'_>, body: &str) {
    root.call("sqs", "SendMessage", json!({ "QueueUrl": "in", "MessageBody": body })).ok();
}

fn left(root: &Caller<'_>, queue: &str) -> (i64, i64) {
    let names = json!(["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]);
    let ask = json!({ "QueueUrl": queue, "AttributeNames": names });
    let all = root.call("sqs", "GetQueueAttributes", ask).ok();
    let number = |name: &str| all["Attributes"][name].as_str().unwrap().parse().unwrap();
    (number("ApproximateNumberOfMessages"), number("ApproximateNumberOfMessagesNotVisible"))
}

/// The bodies of so many messages, as they come.
fn received(cloud: &Cloud, root: &Caller<'_>, queue: &str, count: i64) -> Vec<String> {
    until(cloud, || left(root, queue).0 >= count);
    let ask = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    let found = root.call("sqs", "ReceiveMessage", ask).ok();
    let one = |message: &Value| {
        let done = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", done).ok();
        message["Body"].as_str().unwrap().to_owned()
    };
    found["Messages"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_pipes_life() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let made = create(&root, json!({ "Description": "mine", "Tags": { "team": "blue" } })).ok();
    let arn = format!("arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p");
    assert_eq!((&made["Arn"], &made["Name"]), (&json!(arn), &json!("p")));
    assert_eq!((&made["DesiredState"], &made["CurrentState"]), (&json!("RUNNING"), &json!("CREATING")));
    create(&root, json!({})).refused_with(409, "ConflictException", "Pipe p already exists.");
    let busy = root.call("pipes", "StopPipe", json!({ "Name": "p" }));
    busy.refused_with(409, "ConflictException", "Pipe p is in the state CREATING.");
    settle(&cloud, &root, "RUNNING");
    let seen = describe(&root);
    assert_eq!((&seen["StateReason"], &seen["Description"]), (&json!("USER_INITIATED"), &json!("mine")));
    assert_eq!(seen["SourceParameters"], json!({ "SqsQueueParameters": { "BatchSize": 10 } }));
    assert_eq!((&seen["TargetParameters"], &seen["Tags"]), (&json!({}), &json!({ "team": "blue" })));
    assert_eq!((&seen["RoleArn"], seen.get("Enrichment")), (&json!(ROLE), None));
    let stopped = root.call("pipes", "StopPipe", json!({ "Name": "p" })).ok();
    assert_eq!((&stopped["DesiredState"], &stopped["CurrentState"]), (&json!("STOPPED"), &json!("STOPPING")));
    settle(&cloud, &root, "STOPPED");
    send(&root, "waits");
    cloud.reconcile();
    assert_eq!(left(&root, "in"), (1, 0));
    assert_eq!(root.call("pipes", "StartPipe", json!({ "Name": "p" })).ok()["CurrentState"], "STARTING");
    let body = received(&cloud, &root, "out", 1).remove(0);
    let record: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&record["body"], &record["eventSource"]), (&json!("waits"), &json!("aws:sqs")));
    assert_eq!(record["eventSourceARN"], queue_arn("in"));
    until(&cloud, || left(&root, "in") == (0, 0));
    let change = json!({ "Name": "p", "RoleArn": ROLE,
        "SourceParameters": { "SqsQueueParameters": { "BatchSize": 2 },
            "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\":[{\"prefix\":\"a\"}]}" }] } },
        "TargetParameters": { "InputTemplate": "<$.body>" } });
    assert_eq!(root.call("pipes", "UpdatePipe", change).ok()["CurrentState"], "UPDATING");
    settle(&cloud, &root, "RUNNING");
    let again =
        json!({ "Name": "p", "RoleArn": ROLE, "TargetParameters": { "InputTemplate": "<$.body> it is" } });
    root.call("pipes", "UpdatePipe", again).ok();
    settle(&cloud, &root, "RUNNING");
    let seen = describe(&root);
    assert_eq!(seen["SourceParameters"]["SqsQueueParameters"], json!({ "BatchSize": 2 }));
    assert_eq!(
        (&seen["TargetParameters"]["InputTemplate"], &seen["Description"]),
        (&json!("<$.body> it is"), &json!("mine"))
    );
    send(&root, "apple");
    assert_eq!(received(&cloud, &root, "out", 1), ["\"apple\" it is"]);
    let listed = |filter: Value| {
        let all = root.call("pipes", "ListPipes", filter).ok();
        all["Pipes"].as_array().unwrap().len()
    };
    assert_eq!((listed(json!({})), listed(json!({ "NamePrefix": "q" }))), (1, 0));
    assert_eq!(
        (
            listed(json!({ "CurrentState": "RUNNING", "SourcePrefix": queue_arn("i") })),
            listed(json!({ "TargetPrefix": queue_arn("i") }))
        ),
        (1, 0)
    );
    root.call("pipes", "TagResource", json!({ "resourceArn": arn, "tags": { "a": "b" } })).ok();
    root.call("pipes", "UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] })).ok();
    let tags = root.call("pipes", "ListTagsForResource", json!({ "resourceArn": arn })).ok();
    assert_eq!(tags["tags"], json!({ "a": "b" }));
    let gone = root.call("pipes", "DeletePipe", json!({ "Name": "p" })).ok();
    assert_eq!((&gone["DesiredState"], &gone["CurrentState"]), (&json!("DELETED"), &json!("DELETING")));
    until(&cloud, || listed(json!({})) == 0);
    let gone = root.call("pipes", "DescribePipe", json!({ "Name": "p" }));
    gone.refused_with(404, "NotFoundException", "Pipe p does not exist.");
}

#[test]
fn messages_are_filtered_enriched_and_sent() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    create_function(&root);
    runs(
        &cloud,
        &root,
        json!({
            "Enrichment": FUNCTION,
            "EnrichmentParameters": { "InputTemplate": "{\"order\": <$.body>, \"messageId\": <$.messageId>}" },
            "SourceParameters": { "FilterCriteria": { "Filters": [{ "Pattern": "{\"body\":{\"n\":[{\"numeric\":[\">\",1]}]}}" }] }, "SqsQueueParameters": { "BatchSize": 1 } },
            "TargetParameters": { "InputTemplate": "<aws.pipes.pipe-name>: <$.order.n>" },
        }),
    );
    for n in 1..=3 {
        send(&root, &json!({ "n": n }).to_string());
    }
    let mut bodies = received(&cloud, &root, "out", 2);
    bodies.sort();
    assert_eq!(bodies, ["\"p\": 2", "\"p\": 3"]);
    until(&cloud, || left(&root, "in") == (0, 0));
    // What the function fails on stays, and the pipe says why.
    send(&root, &json!({ "n": 9, "x": "fail" }).to_string());
    until(&cloud, || describe(&root)["StateReason"].as_str().unwrap().starts_with("FunctionError: "));
    assert_eq!(left(&root, "in"), (0, 1));
    // CloudWatch is told of two that went well and of the one that did not come as far as the target.
    publish(&cloud);
    let of = |name: &str, statistic: &str| {
        told(&root, "AWS/EventBridge/Pipes", name, &[("PipeName", "p")], statistic)
    };
    for (name, sum, count) in [
        ("Invocations", 3.0, 3.0),
        ("EventCount", 3.0, 3.0),
        ("ExecutionFailed", 1.0, 3.0),
        ("ExecutionPartiallyFailed", 0.0, 3.0),
        ("EnrichmentStageFailed", 1.0, 3.0),
        ("TargetStageFailed", 0.0, 2.0),
        ("TargetStagePartiallyFailed", 0.0, 2.0),
        ("TargetStageSkipped", 0.0, 2.0),
    ] {
        assert_eq!((of(name, "Sum"), of(name, "SampleCount")), (Some(sum), Some(count)), "{name}");
    }
    for name in ["Duration", "EnrichmentStageDuration"] {
        assert_eq!(of(name, "SampleCount"), Some(3.0), "{name}");
    }
    assert_eq!(of("TargetStageDuration", "SampleCount"), Some(2.0));
    assert!(of("EventSize", "Minimum") > Some(100.0));
    let all = told(&root, "AWS/EventBridge/Pipes", "Invocations", &[("AwsAccountId", ACCOUNT)], "Sum");
    assert_eq!(all, Some(3.0));
    // What a change does not say stays.
    let before = describe(&root);
    root.call("pipes", "UpdatePipe", json!({ "Name": "p", "RoleArn": ROLE, "Enrichment": FUNCTION })).ok();
    settle(&cloud, &root, "RUNNING");
    for member in ["EnrichmentParameters", "SourceParameters", "TargetParameters"] {
        assert_eq!(describe(&root)[member], before[member], "{member}");
    }
    root.call("pipes", "UpdatePipe", json!({ "Name": "p", "RoleArn": ROLE, "Enrichment": "" })).ok();
    settle(&cloud, &root, "RUNNING");
    assert_eq!(describe(&root).get("Enrichment"), None);
}

#[test]
fn a_bus_gets_events() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}"#;
    root.call("sqs", "SetQueueAttributes", json!({ "QueueUrl": "out", "Attributes": { "Policy": policy } }))
        .ok();
    root.call(
        "events",
        "PutRule",
        json!({ "Name": "r", "EventPattern": r#"{"source":["Pipe p","my.app"]}"# }),
    )
    .ok();
    root.call(
        "events",
        "PutTargets",
        json!({ "Rule": "r", "Targets": [{ "Id": "1", "Arn": queue_arn("out") }] }),
    )
    .ok();
    let bus = format!("arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default");
    runs(&cloud, &root, json!({ "Target": bus, "TargetParameters": { "InputTemplate": "<$.body>" } }));
    send(&root, r#"{"a":1}"#);
    let event: Value = serde_json::from_str(&received(&cloud, &root, "out", 1)[0]).unwrap();
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("Pipe p"), &json!("Event from aws:sqs")));
    assert_eq!(event["detail"], json!({ "a": 1 }));
    let parameters = json!({ "DetailType": "$.body.kind", "Source": "my.app", "Resources": ["$.messageId"], "Time": "$.body.at" });
    let change = json!({ "Name": "p", "RoleArn": ROLE, "TargetParameters": { "EventBridgeEventBusParameters": parameters } });
    root.call("pipes", "UpdatePipe", change).ok();
    settle(&cloud, &root, "RUNNING");
    send(&root, r#"{"kind":"order","at":"2026-01-02T03:04:05Z"}"#);
    let event: Value = serde_json::from_str(&received(&cloud, &root, "out", 1)[0]).unwrap();
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("my.app"), &json!("order")));
    assert_eq!(
        (&event["time"], event["resources"].as_array().unwrap().len()),
        (&json!("2026-01-02T03:04:05Z"), 1)
    );
    // What is no object is no detail: it stays in its queue.
    let plain = json!({ "Name": "p", "RoleArn": ROLE, "TargetParameters": { "InputTemplate": "plain" } });
    root.call("pipes", "UpdatePipe", plain).ok();
    settle(&cloud, &root, "RUNNING");
    send(&root, "x");
    until(&cloud, || describe(&root)["StateReason"] == "MalformedDetail: Detail is malformed.");
    assert_eq!(left(&root, "in"), (0, 1));
}

#[test]
fn topics_logs_and_fifo_queues_are_reached() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    root.call("sns", "CreateTopic", json!({ "Name": "t" })).ok();
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:t");
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}}"#;
    root.call("sqs", "SetQueueAttributes", json!({ "QueueUrl": "out", "Attributes": { "Policy": policy } }))
        .ok();
    let subscribe = json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn("out"),
        "Attributes": { "RawMessageDelivery": "true" } });
    root.call("sns", "Subscribe", subscribe).ok();
    let raw = json!({ "InputTemplate": "<$.body>" });
    runs(&cloud, &root, json!({ "Target": topic, "TargetParameters": raw }));
    send(&root, "hello");
    assert_eq!(received(&cloud, &root, "out", 1), ["\"hello\""]);
    root.call("logs", "CreateLogGroup", json!({ "logGroupName": "g" })).ok();
    let retarget = |target: String, parameters: Value| {
        let change =
            json!({ "Name": "p", "RoleArn": ROLE, "Target": target, "TargetParameters": parameters });
        root.call("pipes", "UpdatePipe", change).ok();
        settle(&cloud, &root, "RUNNING");
    };
    let to = json!({ "LogStreamName": "$.body.stream", "Timestamp": "$.body.at" });
    let group = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g");
    retarget(group, json!({ "InputTemplate": "<$.body.text>", "CloudWatchLogsParameters": to }));
    let at = 1_768_478_400_123_i64;
    send(&root, &json!({ "stream": "s", "at": at, "text": "line" }).to_string());
    let logged = || {
        let asked = json!({ "logGroupName": "g", "logStreamNames": ["s"] });
        let found = root.call("logs", "FilterLogEvents", asked);
        if found.status == 200 { found.ok()["events"].clone() } else { json!([]) }
    };
    until(&cloud, || logged() != json!([]));
    assert_eq!((&logged()[0]["message"], &logged()[0]["timestamp"]), (&json!("\"line\""), &json!(at)));
    root.call("sqs", "CreateQueue", json!({ "QueueName": "o.fifo", "Attributes": { "FifoQueue": "true" } }))
        .ok();
    let parameters = json!({ "SqsQueueParameters": { "MessageGroupId": "$.body.g", "MessageDeduplicationId": "$.messageId" } });
    retarget(queue_arn("o.fifo"), parameters);
    send(&root, r#"{"g":"one"}"#);
    assert_eq!(received(&cloud, &root, "o.fifo", 1).len(), 1);
}

#[test]
fn the_role_decides() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    allow(&root, &json!(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]));
    runs(&cloud, &root, json!({}));
    send(&root, "x");
    until(&cloud, || describe(&root)["StateReason"].as_str().unwrap().contains("sqs:SendMessage"));
    until(&cloud, || left(&root, "in") == (0, 1));
    allow(&root, &json!("sqs:*"));
    cloud.advance(Duration::from_secs(31));
    // Polls anew.
    root.call("pipes", "UpdatePipe", json!({ "Name": "p", "RoleArn": ROLE })).ok();
    assert_eq!(received(&cloud, &root, "out", 1).len(), 1);
    root.call("pipes", "DeletePipe", json!({ "Name": "p" })).ok();
    until(&cloud, || root.call("pipes", "DescribePipe", json!({ "Name": "p" })).status == 404);
    // A role that may not read leaves a pipe that could not be made; it is mended by a change.
    allow(&root, &json!("sns:*"));
    create(&root, json!({})).ok();
    settle(&cloud, &root, "CREATE_FAILED");
    assert!(
        describe(&root)["StateReason"].as_str().unwrap().contains("sqs:GetQueueAttributes"),
        "{}",
        describe(&root)
    );
    allow(&root, &json!("sqs:*"));
    root.call("pipes", "UpdatePipe", json!({ "Name": "p", "RoleArn": ROLE })).ok();
    settle(&cloud, &root, "RUNNING");
    // The role's trust is for one pipe alone.
    let mut other = asked(&json!({}));
    other["Name"] = json!("other");
    root.call("pipes", "CreatePipe", other).ok();
    until(&cloud, || {
        root.call("pipes", "DescribePipe", json!({ "Name": "other" })).ok()["CurrentState"] == "CREATE_FAILED"
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "pipes:*", "Resource": "*" } });
    let user = cloud.user(&root, "user", &policy.to_string());
    let message = create(&user, json!({ "Name": "q" })).refused(403, "AccessDeniedException");
    assert!(message.contains("iam:PassRole"), "{message}");
}

#[test]
fn what_cannot_be_a_pipe() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let of = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}");
    for (more, message) in [
        (json!({ "Source": of("s3", "b") }), format!("{} is not supported as a source.", of("s3", "b"))),
        (
            json!({ "Target": of("sns", "t.fifo") }),
            format!("{} is not supported as a target.", of("sns", "t.fifo")),
        ),
        (
            json!({ "Source": of("dynamodb", "table/t/stream/x") }),
            "DynamoDBStreamParameters with a StartingPosition must be specified.".into(),
        ),
        (
            json!({ "SourceParameters": { "SqsQueueParameters": { "BatchSize": 11 } } }),
            "BatchSize must be at most 10 for this enrichment and target.".into(),
        ),
        (
            json!({ "Target": FUNCTION, "SourceParameters": { "SqsQueueParameters": { "BatchSize": 11 } } }),
            "MaximumBatchingWindowInSeconds must be greater than 0 if BatchSize is greater than 10.".into(),
        ),
        (
            json!({ "Target": queue_arn("o.fifo") }),
            "SqsQueueParameters with a MessageGroupId must be specified for a FIFO queue.".into(),
        ),
        (
            json!({ "TargetParameters": { "LambdaFunctionParameters": { "InvocationType": "REQUEST_RESPONSE" } } }),
            format!("LambdaFunctionParameters cannot be used with the target {}.", queue_arn("out")),
        ),
        (
            json!({ "RoleArn": "arn:aws:iam::210987654321:role/piper" }),
            "The role must be of the pipe's account.".into(),
        ),
        (
            json!({ "Source": "arn:aws:sqs:eu-west-1:123456789012:in" }),
            "The source must be in the same Region as the pipe.".into(),
        ),
    ] {
        create(&root, more).refused_with(400, "ValidationException", &message);
    }
    for more in [
        json!({ "Source": of("kinesis", "stream/s") }),
        json!({ "Source": of("kafka", "cluster/c/1") }),
        json!({ "Source": "smk://broker.example:9092" }),
        json!({ "Target": of("states", "stateMachine:s") }),
        json!({ "Enrichment": of("states", "stateMachine:s") }),
        json!({ "LogConfiguration": { "Level": "ERROR" } }),
        json!({ "TargetParameters": { "InputTemplate": "<$.a[*]>" } }),
    ] {
        create(&root, more).refused(501, "NotImplemented");
    }
}

#[test]
fn changes_of_a_table_and_those_that_are_given_up() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    create_function(&root);
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
    let stream = made["TableDescription"]["LatestStreamArn"].clone();
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    let parameters = json!({ "StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 0,
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT", "DeadLetterConfig": { "Arn": queue_arn("in") } });
    runs(
        &cloud,
        &root,
        json!({
            "Source": stream, "SourceParameters": { "DynamoDBStreamParameters": parameters }, "Enrichment": FUNCTION,
            "TargetParameters": { "InputTemplate": "<$.dynamodb.Keys.k.S>" },
        }),
    );
    let shown = json!({ "BatchSize": 10, "DeadLetterConfig": { "Arn": queue_arn("in") },
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT", "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": 0, "ParallelizationFactor": 1, "StartingPosition": "TRIM_HORIZON" });
    assert_eq!(describe(&root)["SourceParameters"]["DynamoDBStreamParameters"], shown);
    for key in ["one", "fail", "two"] {
        root.call("dynamodb", "PutItem", json!({ "TableName": "tab", "Item": { "k": { "S": key } } })).ok();
    }
    // Each key is in a shard, and shards do not wait for each other.
    let mut done = received(&cloud, &root, "out", 2);
    done.sort();
    assert_eq!(done, ["\"one\"", "\"two\""]);
    let told: Value = serde_json::from_str(&received(&cloud, &root, "in", 1)[0]).unwrap();
    let context = json!({ "partnerResourceArn": format!("arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p"), "condition": "RetryAttemptsExhausted" });
    assert_eq!((&told["context"], &told["version"]), (&context, &json!("1.0")));
    assert_eq!(
        (&told["DDBStreamBatchInfo"]["batchSize"], &told["DDBStreamBatchInfo"]["streamArn"]),
        (&json!(1), &stream)
    );
}

#[test]
fn an_api_destination_enriches_and_is_a_target() {
    let authority = Authority::new();
    let endpoint = Endpoint::secure(&authority, "127.0.0.1");
    let cloud = authority.cloud();
    let root = begin(&cloud);
    let parameters = json!({ "ApiKeyAuthParameters": { "ApiKeyName": "X-Key", "ApiKeyValue": "k" } });
    let asked = json!({ "Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": parameters });
    let connection = root.call("events", "CreateConnection", asked).ok()["ConnectionArn"].clone();
    let asked = json!({ "Name": "hook", "ConnectionArn": connection, "InvocationEndpoint": endpoint.url("/v/*"), "HttpMethod": "POST" });
    let hook = root.call("events", "CreateApiDestination", asked).ok()["ApiDestinationArn"].clone();
    let http =
        json!({ "PathParameterValues": ["$.body.id"], "HeaderParameters": { "X-From": "$.messageId" } });
    runs(
        &cloud,
        &root,
        json!({
            "Enrichment": hook, "EnrichmentParameters": { "InputTemplate": "<$.body>", "HttpParameters": http },
            "TargetParameters": { "InputTemplate": "<$.price>" },
        }),
    );
    assert_eq!(describe(&root)["SourceParameters"]["SqsQueueParameters"], json!({ "BatchSize": 1 }));
    send(&root, r#"{"id":"a 1"}"#);
    let called = endpoint.wait(&cloud, "200 OK\r\nContent-Length: 11", r#"{"price":7}"#);
    assert!(called.head.starts_with("POST /v/a%201 HTTP/1.1\r\n"), "{}", called.head);
    assert_eq!((called.header("X-Key"), called.document()), (Some("k"), json!({ "id": "a 1" })));
    assert!(called.header("X-From").is_some());
    assert_eq!(received(&cloud, &root, "out", 1), ["7"]);
    let change = json!({ "Name": "p", "RoleArn": ROLE, "Enrichment": "", "Target": hook,
        "TargetParameters": { "InputTemplate": "{\"got\": <$.body>}", "HttpParameters": { "PathParameterValues": ["x"] } } });
    root.call("pipes", "UpdatePipe", change).ok();
    settle(&cloud, &root, "RUNNING");
    send(&root, "plain");
    let called = endpoint.wait(&cloud, "200 OK\r\nContent-Length: 0", "");
    assert_eq!(called.document(), json!({ "got": "plain" }));
    until(&cloud, || left(&root, "in") == (0, 0));
    // What the endpoint refuses stays.
    send(&root, "refused");
    endpoint.wait(&cloud, "400 No\r\nContent-Length: 0", "");
    until(&cloud, || describe(&root)["StateReason"].as_str().unwrap().starts_with("ERROR_FROM_TARGET"));
    assert_eq!(left(&root, "in"), (0, 1));
}
