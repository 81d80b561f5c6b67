//! Dead letters: how they get there, who may send them, and how they come back.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const INVALID: &str = "InvalidParameterValueException";

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn create(root: &Caller<'_>, name: &str, attributes: Value) -> String {
    let made = json!({ "QueueName": name, "Attributes": attributes });
    root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned()
}

fn redrive(target: &str, count: u32) -> Value {
    json!({ "RedrivePolicy": json!({ "deadLetterTargetArn": arn(target), "maxReceiveCount": count }).to_string() })
}

fn send(root: &Caller<'_>, url: &str, body: &str) -> Value {
    root.call("sqs", "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).ok()
}

fn receive(root: &Caller<'_>, url: &str) -> Vec<Value> {
    let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"], "VisibilityTimeout": 0 });
    let got = root.call("sqs", "ReceiveMessage", asked).ok();
    got.get("Messages").map(|m| m.as_array().unwrap().clone()).unwrap_or_default()
}

#[test]
fn what_is_received_too_often_is_set_aside() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let dead = create(&root, "dead", json!({}));
    let url = create(&root, "q", redrive("dead", 2));
    let sent = send(&root, &url, "poison");
    cloud.advance(Duration::from_secs(10));
    (0..2).for_each(|_| assert_eq!(receive(&root, &url).len(), 1));
    assert!(receive(&root, &url).is_empty());
    let letters = receive(&root, &dead);
    assert_eq!(letters[0]["MessageId"], sent["MessageId"]);
    let attributes = &letters[0]["Attributes"];
    assert_eq!(attributes["DeadLetterQueueSourceArn"], arn("q"));
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    // It keeps its age, and so its end.
    assert_eq!(attributes["SentTimestamp"], "1768478400000");
    let listed = root.call("sqs", "ListDeadLetterSourceQueues", json!({ "QueueUrl": dead })).ok();
    assert_eq!(listed["queueUrls"], json!([url]));
}

#[test]
fn without_its_queue_a_dead_letter_stays() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let dead = create(&root, "dead", json!({}));
    let url = create(&root, "q", redrive("dead", 1));
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": dead })).ok();
    send(&root, &url, "poison");
    (0..3).for_each(|_| assert_eq!(receive(&root, &url).len(), 1));
}

#[test]
fn who_may_send_dead_letters_where() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refuse = |attributes: Value, reason: &str| {
        let text = attributes["RedrivePolicy"].as_str().unwrap().to_owned();
        let words = format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}");
        let made = json!({ "QueueName": "q", "Attributes": attributes });
        root.call("sqs", "CreateQueue", made).refused_with(400, INVALID, &words);
    };
    refuse(redrive("none", 1), "Dead letter target does not exist.");
    create(&root, "f.fifo", json!({ "FifoQueue": "true" }));
    refuse(redrive("f.fifo", 1), "Dead-letter queue must be same type of queue as the source.");
    let other = json!({ "RedrivePolicy": json!({ "deadLetterTargetArn": "arn:aws:sqs:us-east-1:210987654321:x", "maxReceiveCount": 1 }).to_string() });
    refuse(other, "Dead-letter target owner should be same as the source.");
    create(&root, "dead", json!({ "RedriveAllowPolicy": r#"{"redrivePermission":"denyAll"}"# }));
    refuse(
        redrive("dead", 1),
        "The redrive allow policy of the dead-letter queue does not allow this source queue.",
    );
    let by = json!({ "redrivePermission": "byQueue", "sourceQueueArns": [arn("q")] }).to_string();
    let set = json!({ "QueueUrl": "dead", "Attributes": { "RedriveAllowPolicy": by } });
    root.call("sqs", "SetQueueAttributes", set).ok();
    create(&root, "q", redrive("dead", 1));
    let elsewhere = json!({ "QueueName": "r", "Attributes": redrive("dead", 1) });
    root.call("sqs", "CreateQueue", elsewhere).refused(400, INVALID);
}

#[test]
fn a_fifo_group_goes_on_behind_its_dead_letter() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let fifo = json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" });
    let dead = create(&root, "dead.fifo", fifo.clone());
    let mut attributes = redrive("dead.fifo", 1);
    attributes["FifoQueue"] = json!("true");
    attributes["ContentBasedDeduplication"] = json!("true");
    let url = create(&root, "q.fifo", attributes);
    for body in ["poison", "fine"] {
        root.call(
            "sqs",
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": "g" }),
        )
        .ok();
    }
    let one = json!({ "QueueUrl": url, "VisibilityTimeout": 0 });
    assert_eq!(root.call("sqs", "ReceiveMessage", one.clone()).ok()["Messages"][0]["Body"], "poison");
    let next = root.call("sqs", "ReceiveMessage", one).ok();
    assert_eq!(next["Messages"][0]["Body"], "fine");
    assert_eq!(receive(&root, &dead)[0]["Attributes"]["MessageGroupId"], "g");
}

/// Brings `count` messages into the dead-letter queue.
fn letters(root: &Caller<'_>, url: &str, count: usize) {
    (0..count).for_each(|n| drop(send(root, url, &format!("m{n}"))));
    (0..2).for_each(|_| drop(receive(root, url)));
}

fn tasks(root: &Caller<'_>) -> Value {
    root.call("sqs", "ListMessageMoveTasks", json!({ "SourceArn": arn("dead") })).ok()["Results"].clone()
}

fn start(root: &Caller<'_>, more: Value) -> Reply {
    let mut asked = more;
    asked["SourceArn"] = json!(arn("dead"));
    root.call("sqs", "StartMessageMoveTask", asked)
}

#[test]
fn a_move_task_brings_them_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root, "dead", json!({}));
    let url = create(&root, "q", redrive("dead", 1));
    letters(&root, &url, 3);
    assert!(receive(&root, &url).is_empty());
    start(&root, json!({})).ok();
    cloud.reconcile();
    let expected = json!([{
        "Status": "COMPLETED",
        "SourceArn": arn("dead"),
        "ApproximateNumberOfMessagesMoved": 3,
        "ApproximateNumberOfMessagesToMove": 3,
        "StartedTimestamp": 1_768_478_400_000i64,
    }]);
    assert_eq!(tasks(&root), expected);
    let back = receive(&root, &url);
    assert_eq!(back.len(), 3);
    assert_eq!(back[0]["Attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(back[0]["Attributes"].get("DeadLetterQueueSourceArn"), None);
}

#[test]
fn a_task_keeps_its_rate_and_can_be_cancelled() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root, "dead", json!({}));
    let url = create(&root, "q", redrive("dead", 1));
    let other = create(&root, "other", json!({}));
    letters(&root, &url, 10);
    let task =
        start(&root, json!({ "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 2 })).ok();
    cloud.reconcile();
    assert_eq!(tasks(&root)[0]["ApproximateNumberOfMessagesMoved"], 0);
    cloud.advance(Duration::from_secs(2));
    cloud.reconcile();
    let running = tasks(&root);
    assert_eq!(
        (&running[0]["Status"], &running[0]["ApproximateNumberOfMessagesMoved"]),
        (&json!("RUNNING"), &json!(4))
    );
    assert_eq!(running[0]["TaskHandle"], task["TaskHandle"]);
    start(&root, json!({})).refused_with(
        400,
        INVALID,
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    );
    let cancelled =
        root.call("sqs", "CancelMessageMoveTask", json!({ "TaskHandle": task["TaskHandle"] })).ok();
    assert_eq!(cancelled["ApproximateNumberOfMessagesMoved"], 4);
    cloud.advance(Duration::from_secs(10));
    cloud.reconcile();
    let ended = tasks(&root);
    assert_eq!(
        (&ended[0]["Status"], &ended[0]["ApproximateNumberOfMessagesMoved"]),
        (&json!("CANCELLED"), &json!(4))
    );
    assert_eq!(ended[0].get("TaskHandle"), None);
    assert_eq!(receive(&root, &other).len(), 4);
}

#[test]
fn a_task_without_its_destination_fails() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let dead = create(&root, "dead", json!({}));
    let url = create(&root, "q", redrive("dead", 1));
    create(&root, "other", json!({}));
    letters(&root, &url, 2);
    start(&root, json!({ "DestinationArn": arn("other") })).ok();
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": "other" })).ok();
    cloud.reconcile();
    let failed = tasks(&root);
    assert_eq!(
        (&failed[0]["Status"], &failed[0]["FailureReason"]),
        (&json!("FAILED"), &json!("AWS.SimpleQueueService.NonExistentQueue"))
    );
    // What was sent to the dead-letter queue itself came from nowhere.
    root.call("sqs", "PurgeQueue", json!({ "QueueUrl": dead })).ok();
    send(&root, &dead, "by hand");
    cloud.advance(Duration::from_secs(1));
    start(&root, json!({})).ok();
    cloud.reconcile();
    assert_eq!(tasks(&root)[0]["FailureReason"], "CouldNotDetermineMessageSource");
    assert_eq!(receive(&root, &dead).len(), 1);
}

#[test]
fn tasks_that_cannot_begin() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    start(&root, json!({})).refused_with(
        404,
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
    );
    create(&root, "dead", json!({}));
    start(&root, json!({})).refused_with(
        400,
        INVALID,
        "Source queue must be configured as a Dead Letter Queue.",
    );
    create(&root, "q", redrive("dead", 1));
    start(&root, json!({ "DestinationArn": arn("none") })).refused_with(
        404,
        "ResourceNotFoundException",
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
    );
    start(&root, json!({ "MaxNumberOfMessagesPerSecond": 501 })).refused(400, INVALID);
    let cancel = |handle: &str| root.call("sqs", "CancelMessageMoveTask", json!({ "TaskHandle": handle }));
    cancel("garbage").refused_with(400, INVALID, "Value for parameter TaskHandle is invalid.");
    let handle = |source: &str| {
        use base64::Engine;
        let said = json!({ "taskId": "x", "sourceArn": arn(source) }).to_string();
        base64::engine::general_purpose::STANDARD.encode(said)
    };
    cancel(&handle("dead")).refused_with(404, "ResourceNotFoundException", "Task does not exist.");
    cancel(&handle("none")).refused_with(
        404,
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
    );
}
