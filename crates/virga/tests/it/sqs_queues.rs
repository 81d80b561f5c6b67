//! Queues: made, found, changed, shared, deleted.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn attributes(caller: &Caller<'_>, url: &str, names: &[&str]) -> Value {
    let asked = json!({ "QueueUrl": url, "AttributeNames": names });
    caller.call("sqs", "GetQueueAttributes", asked).ok()["Attributes"].clone()
}

fn create(caller: &Caller<'_>, name: &str, attributes: Value) -> String {
    let made = caller.call("sqs", "CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).ok();
    made["QueueUrl"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_queue_has_awss_defaults() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = create(&root, "jobs", json!({}));
    assert_eq!(url, "http://sqs.us-east-1.amazonaws.com/123456789012/jobs");
    assert_eq!(
        attributes(&root, &url, &["All"]),
        json!({
            "QueueArn": "arn:aws:sqs:us-east-1:123456789012:jobs",
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
            "CreatedTimestamp": "1768478400",
            "LastModifiedTimestamp": "1768478400",
            "VisibilityTimeout": "30",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "DelaySeconds": "0",
            "ReceiveMessageWaitTimeSeconds": "0",
            "SqsManagedSseEnabled": "true",
        })
    );
    let fifo =
        create(&root, "jobs.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" }));
    let own = attributes(
        &root,
        &fifo,
        &["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"],
    );
    let expected = json!({
        "FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    });
    assert_eq!(own, expected);
}

#[test]
fn making_a_queue_again_compares_what_is_named() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = create(&root, "jobs", json!({ "DelaySeconds": "3", "VisibilityTimeout": "20" }));
    assert_eq!(create(&root, "jobs", json!({})), url);
    assert_eq!(create(&root, "jobs", json!({ "DelaySeconds": "3" })), url);
    let other = json!({ "QueueName": "jobs", "Attributes": { "DelaySeconds": "4" } });
    let reply = root.call("sqs", "CreateQueue", other);
    assert_eq!(reply.headers["x-amzn-query-error"], "QueueAlreadyExists;Sender");
    let words = "A queue already exists with the same name and a different value for attribute DelaySeconds";
    reply.refused_with(400, "QueueNameExists", words);
}

#[test]
fn names_and_values_that_no_queue_has() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refuse = |name: &str, attributes: Value, code: &str, words: &str| {
        let made = json!({ "QueueName": name, "Attributes": attributes });
        root.call("sqs", "CreateQueue", made).refused_with(400, code, words);
    };
    let invalid = "InvalidParameterValueException";
    let chars = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    for name in ["", "a.b", "a/b", "plain.fifo", &"n".repeat(81)] {
        refuse(name, json!({}), invalid, chars);
    }
    refuse(
        "plain",
        json!({ "FifoQueue": "true" }),
        invalid,
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    );
    refuse("plain", json!({ "FifoQueue": "false" }), "InvalidAttributeName", "Unknown Attribute FifoQueue.");
    refuse("plain", json!({ "Colour": "red" }), "InvalidAttributeName", "Unknown Attribute Colour.");
    refuse("plain", json!({ "QueueArn": "a" }), "InvalidAttributeName", "Unknown Attribute QueueArn.");
    let ranges = [
        ("VisibilityTimeout", ["-1", "43201", "", " 2", "2.5"]),
        ("MaximumMessageSize", ["1023", "1048577", "", "x", "1e4"]),
        ("MessageRetentionPeriod", ["59", "1209601", "", "x", "-60"]),
        ("DelaySeconds", ["-1", "901", "", "x", "+1"]),
        ("ReceiveMessageWaitTimeSeconds", ["-1", "21", "", "x", "1 "]),
        ("KmsDataKeyReusePeriodSeconds", ["59", "86401", "", "x", "-233"]),
    ];
    for (name, values) in ranges {
        for value in values {
            let words = format!("Invalid value for the parameter {name}.");
            refuse("plain", json!({ name: value }), invalid, &words);
        }
    }
    refuse(
        "plain",
        json!({ "Policy": "{}" }),
        "InvalidAttributeValue",
        "Invalid value for the parameter Policy.",
    );
    refuse(
        "plain",
        json!({ "SqsManagedSseEnabled": "true", "KmsMasterKeyId": "alias/a" }),
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
    refuse(
        "q.fifo",
        json!({ "FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId" }),
        invalid,
        "Value perMessageGroupId for parameter FifoThroughputLimit is invalid. Reason: DeduplicationScope must be messageGroup.",
    );
    root.call("sqs", "ListQueues", json!({})).ok().get("QueueUrls").ok_or(()).unwrap_err();
}

#[test]
fn attributes_change_together_or_not_at_all() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = create(&root, "jobs", json!({}));
    cloud.advance(Duration::from_secs(60));
    let set = |attributes: Value| {
        root.call("sqs", "SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": attributes }))
    };
    set(json!({ "DelaySeconds": "420", "VisibilityTimeout": "69" })).ok();
    let bad = json!({ "DelaySeconds": "1", "MaximumMessageSize": "1" });
    set(bad).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid value for the parameter MaximumMessageSize.",
    );
    let names = ["DelaySeconds", "VisibilityTimeout", "LastModifiedTimestamp", "CreatedTimestamp"];
    let expected = json!({
        "DelaySeconds": "420", "VisibilityTimeout": "69", "LastModifiedTimestamp": "1768478460", "CreatedTimestamp": "1768478400",
    });
    assert_eq!(attributes(&root, &url, &names), expected);
    let fifo = create(&root, "f.fifo", json!({ "FifoQueue": "true" }));
    let change = json!({ "QueueUrl": fifo, "Attributes": { "FifoQueue": "false" } });
    let words = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.";
    root.call("sqs", "SetQueueAttributes", change).refused_with(400, "InvalidAttributeValue", words);
    set(json!({ "FifoQueue": "true" })).refused_with(
        400,
        "InvalidAttributeName",
        "Unknown Attribute FifoQueue.",
    );
    let unknown = json!({ "QueueUrl": url, "AttributeNames": ["Colour"] });
    root.call("sqs", "GetQueueAttributes", unknown).refused_with(
        400,
        "InvalidAttributeName",
        "Unknown Attribute Colour.",
    );
}

#[test]
fn what_is_not_there_is_called_so_in_both_protocols() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let reply = root.call("sqs", "GetQueueUrl", json!({ "QueueName": "none" }));
    assert_eq!(reply.headers["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender");
    assert_eq!(reply.value["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
    reply.refused_with(400, "QueueDoesNotExist", "The specified queue does not exist.");
    query(&root, "Action=GetQueueUrl&Version=2012-11-05&QueueName=none").refused_with(
        400,
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist for this wsdl version.",
    );
    let words = "Value for parameter QueueName is invalid. Reason: Must specify a queue name.";
    let empty = root.call("sqs", "GetQueueUrl", json!({ "QueueName": "" }));
    assert_eq!(empty.headers["x-amzn-query-error"], "InvalidParameterValue;Sender");
    assert_eq!(empty.value["__type"], "com.amazon.coral.service#InvalidParameterValueException");
    empty.refused_with(400, "InvalidParameterValueException", words);
    query(&root, "Action=GetQueueUrl&Version=2012-11-05").refused_with(
        400,
        "MissingParameter",
        "The request must contain the parameter QueueName.",
    );
}

fn query(caller: &Caller<'_>, form: &str) -> crate::harness::Reply {
    caller.form("sqs", form)
}

#[test]
fn the_query_protocol_does_all_of_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = query(
        &root,
        "Action=CreateQueue&Version=2012-11-05&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0&Tag.1.Key=k&Tag.1.Value=v",
    );
    let url = made.ok()["CreateQueueResult"]["QueueUrl"].as_str().unwrap().to_owned();
    let sent = query(
        &root,
        &format!(
            "Action=SendMessage&Version=2012-11-05&QueueUrl={url}&MessageBody=hello&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=b"
        ),
    );
    assert_eq!(sent.ok()["SendMessageResult"]["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let got = query(&root,
        &format!("Action=ReceiveMessage&Version=2012-11-05&QueueUrl={url}&AttributeName.1=All&MessageAttributeName.1=All"),
    )
    .ok();
    let message = &got["ReceiveMessageResult"]["Message"];
    assert_eq!(message["Body"], "hello");
    assert_eq!(message["MessageAttribute"]["Value"]["StringValue"], "b");
    let handle = message["ReceiptHandle"]
        .as_str()
        .unwrap()
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    query(&root, &format!("Action=DeleteMessage&Version=2012-11-05&QueueUrl={url}&ReceiptHandle={handle}"))
        .ok();
    let batch = query(
        &root,
        &format!(
            "Action=SendMessageBatch&Version=2012-11-05&QueueUrl={url}&SendMessageBatchRequestEntry.1.Id=1&SendMessageBatchRequestEntry.1.MessageBody=x"
        ),
    );
    assert_eq!(batch.ok()["SendMessageBatchResult"]["SendMessageBatchResultEntry"]["Id"], "1");
    let tags = query(&root, &format!("Action=ListQueueTags&Version=2012-11-05&QueueUrl={url}")).ok();
    assert_eq!(tags["ListQueueTagsResult"]["Tag"]["Key"], "k");
}

#[test]
fn lists_come_in_pages_to_who_asks_for_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let names = ["a1", "a2", "a3", "b1"];
    let urls: Vec<String> = names.iter().map(|name| create(&root, name, json!({}))).collect();
    create(&root.in_region("eu-west-1"), "a9", json!({}));
    let list = |asked: Value| root.call("sqs", "ListQueues", asked).ok();
    assert_eq!(list(json!({}))["QueueUrls"], json!(urls));
    assert_eq!(list(json!({ "QueueNamePrefix": "a" }))["QueueUrls"], json!(urls[..3]));
    let first = list(json!({ "QueueNamePrefix": "a", "MaxResults": 2 }));
    assert_eq!(first["QueueUrls"], json!(urls[..2]));
    let next = list(json!({ "QueueNamePrefix": "a", "MaxResults": 2, "NextToken": first["NextToken"] }));
    assert_eq!((next["QueueUrls"].clone(), next.get("NextToken")), (json!(urls[2..3]), None));
    let stolen = json!({ "MaxResults": 2, "NextToken": first["NextToken"] });
    root.call("sqs", "ListQueues", stolen).refused(400, "InvalidParameterValueException");
    root.call("sqs", "ListQueues", json!({ "MaxResults": 1001 }))
        .refused(400, "InvalidParameterValueException");
}

#[test]
fn a_name_rests_for_a_minute() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = create(&root, "jobs", json!({}));
    root.call("sqs", "SendMessage", json!({ "QueueUrl": url, "MessageBody": "old" })).ok();
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": url })).ok();
    root.call("sqs", "SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" }))
        .refused(400, "QueueDoesNotExist");
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": url })).refused(400, "QueueDoesNotExist");
    let words =
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
    cloud.advance(Duration::from_secs(59));
    root.call("sqs", "CreateQueue", json!({ "QueueName": "jobs" })).refused_with(
        400,
        "QueueDeletedRecently",
        words,
    );
    cloud.advance(Duration::from_secs(1));
    create(&root, "jobs", json!({}));
    cloud.reconcile();
    assert_eq!(
        root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url })).ok(),
        json!({}),
        "nothing of the old one"
    );
}

#[test]
fn tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = json!({ "QueueName": "q", "tags": { "a": "1" } });
    let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
    root.call("sqs", "TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "2", "b": "" } })).ok();
    let list = || root.call("sqs", "ListQueueTags", json!({ "QueueUrl": url })).ok()["Tags"].clone();
    assert_eq!(list(), json!({ "a": "2", "b": "" }));
    root.call("sqs", "UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["a", "z"] })).ok();
    assert_eq!(list(), json!({ "b": "" }));
    let many: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    root.call("sqs", "TagQueue", json!({ "QueueUrl": url, "Tags": many }))
        .refused(400, "InvalidParameterValueException");
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/b":"x"}}}}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("sqs", "ListQueueTags", json!({ "QueueUrl": url })).refused(403, "AccessDeniedException");
    root.call("sqs", "TagQueue", json!({ "QueueUrl": url, "Tags": { "b": "x" } })).ok();
    eva.call("sqs", "ListQueueTags", json!({ "QueueUrl": url })).ok();
}

#[test]
fn policies_are_told_without_spaces() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root, "dead", json!({}));
    let redrive = r#"{
        "maxReceiveCount": "3", "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead" }"#;
    let policy = r#"{ "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*" }] }"#;
    let given = json!({ "Policy": policy, "RedrivePolicy": redrive });
    let url = create(&root, "q", given.clone());
    let told = json!({
        "Policy": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]}"#,
        "RedrivePolicy": r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:dead","maxReceiveCount":3}"#,
    });
    assert_eq!(attributes(&root, &url, &["Policy", "RedrivePolicy"]), told);
    let nobody =
        policy.replace(r#""*", "Action""#, r#"{ "AWS": "arn:aws:iam::123456789012:role/nobody" }, "Action""#);
    let asked = json!({ "QueueUrl": url, "Attributes": { "Policy": nobody } });
    root.call("sqs", "SetQueueAttributes", asked).refused_with(
        400,
        "InvalidAttributeValue",
        "Invalid value for the parameter Policy.",
    );
    // The same once more, in either form, is the same queue.
    assert_eq!(create(&root, "q", given), url);
    assert_eq!(create(&root, "q", told), url);
}

#[test]
fn permissions_are_statements_of_the_policy() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = create(&root, "q", json!({}));
    let add = |label: &str, accounts: Value, actions: Value| {
        let asked = json!({ "QueueUrl": url, "Label": label, "AWSAccountIds": accounts, "Actions": actions });
        root.call("sqs", "AddPermission", asked)
    };
    add("one", json!(["210987654321", ACCOUNT]), json!(["ReceiveMessage"])).ok();
    let text = attributes(&root, &url, &["Policy"])["Policy"].as_str().unwrap().to_owned();
    let arn = "arn:aws:sqs:us-east-1:123456789012:q";
    let expected = json!({
        "Version": "2008-10-17",
        "Id": format!("{arn}/SQSDefaultPolicy"),
        "Statement": [{
            "Sid": "one",
            "Effect": "Allow",
            "Principal": { "AWS": ["arn:aws:iam::210987654321:root", "arn:aws:iam::123456789012:root"] },
            "Action": "SQS:ReceiveMessage",
            "Resource": arn,
        }],
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    let invalid = "InvalidParameterValueException";
    let again = add("one", json!([ACCOUNT]), json!(["SendMessage"]));
    again.refused_with(400, invalid, "Value one for parameter Label is invalid. Reason: Already exists.");
    let owner = add("two", json!([ACCOUNT]), json!(["DeleteQueue"]));
    owner.refused_with(
        400,
        invalid,
        "Value SQS:DeleteQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action.",
    );
    add("two", json!(["nobody"]), json!(["*"])).refused_with(
        400,
        invalid,
        "Value [nobody] for parameter PrincipalId is invalid. Reason: Unable to verify.",
    );
    let remove =
        |label: &str| root.call("sqs", "RemovePermission", json!({ "QueueUrl": url, "Label": label }));
    let there = cloud.root("210987654321");
    let receive = json!({ "QueueUrl": url });
    there.call("sqs", "ReceiveMessage", receive.clone()).ok();
    remove("one").ok();
    assert_eq!(attributes(&root, &url, &["Policy"]), json!({}));
    there.call("sqs", "ReceiveMessage", receive).refused(403, "AccessDeniedException");
    remove("one").refused_with(
        400,
        invalid,
        "Value one for parameter Label is invalid. Reason: can't find label.",
    );
}

#[test]
fn a_policy_lets_others_in_but_not_to_everything() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::210987654321:user/guest" }, "Action": "sqs:*", "Resource": "*" },
            { "Effect": "Deny", "Principal": "*", "Action": "sqs:PurgeQueue", "Resource": "*" },
        ],
    });
    let there = cloud.root("210987654321");
    let everything =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
    let guest = cloud.user(&there, "guest", everything);
    let url = create(&root, "q", json!({ "Policy": policy.to_string() }));
    let stranger = cloud.user(&there, "stranger", everything);
    let send = json!({ "QueueUrl": url, "MessageBody": "hello" });
    let sent = guest.call("sqs", "SendMessage", send.clone());
    assert_eq!(sent.status, 200);
    stranger.call("sqs", "SendMessage", send).refused(403, "AccessDeniedException");
    // AWS keeps these to the account, whatever the policy says.
    for (operation, more) in [
        ("DeleteQueue", json!({})),
        ("ListQueueTags", json!({})),
        ("SetQueueAttributes", json!({ "Attributes": { "DelaySeconds": "1" } })),
    ] {
        let mut asked = more;
        asked["QueueUrl"] = json!(url);
        guest.call("sqs", operation, asked).refused(403, "AccessDeniedException");
    }
    root.call("sqs", "PurgeQueue", json!({ "QueueUrl": url })).refused(403, "AccessDeniedException");
    let found = json!({ "QueueName": "q", "QueueOwnerAWSAccountId": ACCOUNT });
    assert_eq!(guest.call("sqs", "GetQueueUrl", found).ok()["QueueUrl"], url);
    // What is not there is not told to who may not ask.
    let other = json!({ "QueueName": "none", "QueueOwnerAWSAccountId": ACCOUNT });
    guest.call("sqs", "GetQueueUrl", other).refused(403, "AccessDeniedException");
}

#[test]
fn purging() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let url = create(&root, "q", json!({}));
    let send =
        |body: &str| root.call("sqs", "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).ok();
    (0..3).for_each(|_| drop(send("old")));
    root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url })).ok();
    root.call("sqs", "PurgeQueue", json!({ "QueueUrl": url })).ok();
    send("new");
    let counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    assert_eq!(attributes(&root, &url, &counts), json!({ counts[0]: "1", counts[1]: "0" }));
    let words = "Only one PurgeQueue operation on q is allowed every 60 seconds.";
    root.call("sqs", "PurgeQueue", json!({ "QueueUrl": url })).refused_with(
        403,
        "PurgeQueueInProgress",
        words,
    );
    cloud.reconcile();
    let got = root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).ok();
    assert_eq!(got["Messages"].as_array().unwrap().len(), 1);
    assert_eq!(got["Messages"][0]["Body"], "new");
    cloud.advance(Duration::from_secs(60));
    root.call("sqs", "PurgeQueue", json!({ "QueueUrl": url })).ok();
}
