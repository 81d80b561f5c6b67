//! FIFO queues: order within groups, deduplication, receives that are repeated.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const INVALID: &str = "InvalidParameterValueException";

struct Queue<'c> {
    root: Caller<'c>,
    url: String,
}

impl<'c> Queue<'c> {
    fn new(cloud: &'c Cloud, mut attributes: Value) -> Queue<'c> {
        let root = cloud.root(ACCOUNT);
        attributes["FifoQueue"] = json!("true");
        let made = json!({ "QueueName": "q.fifo", "Attributes": attributes });
        let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
        Queue { root, url }
    }

    fn call(&self, operation: &str, mut asked: Value) -> Reply {
        asked["QueueUrl"] = json!(self.url);
        self.root.call("sqs", operation, asked)
    }

    fn send(&self, group: &str, body: &str, id: &str) -> Value {
        let asked = json!({ "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": id });
        self.call("SendMessage", asked).ok()
    }

    fn receive(&self, max: u32) -> Vec<Value> {
        let got = self
            .call("ReceiveMessage", json!({ "MaxNumberOfMessages": max, "AttributeNames": ["All"] }))
            .ok();
        got.get("Messages").map(|m| m.as_array().unwrap().clone()).unwrap_or_default()
    }

    fn delete(&self, message: &Value) -> Reply {
        self.call("DeleteMessage", json!({ "ReceiptHandle": message["ReceiptHandle"] }))
    }
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|m| m["Body"].as_str().unwrap()).collect()
}

#[test]
fn a_group_goes_in_order_and_waits_for_its_own() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")] {
        queue.send(group, body, body);
    }
    let first = queue.receive(2);
    assert_eq!(bodies(&first), ["a1", "a2"]);
    assert_eq!(bodies(&queue.receive(10)), ["b1"]);
    queue.delete(&first[0]).ok();
    assert!(queue.receive(10).is_empty(), "a2 is still out");
    queue.delete(&first[1]).ok();
    assert_eq!(bodies(&queue.receive(10)), ["a3"]);
    cloud.advance(Duration::from_secs(30));
    let again = queue.receive(10);
    assert_eq!(bodies(&again), ["b1", "a3"]);
    let attributes = &again[0]["Attributes"];
    assert_eq!(
        (&attributes["MessageGroupId"], &attributes["MessageDeduplicationId"]),
        (&json!("b"), &json!("b1"))
    );
    assert_eq!(attributes["ApproximateReceiveCount"], "2");
}

#[test]
fn sequence_numbers_grow() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let sent: Vec<String> = (0..3)
        .map(|n| queue.send("g", "x", &n.to_string())["SequenceNumber"].as_str().unwrap().to_owned())
        .collect();
    assert!(sent.iter().all(|number| number.len() == 20), "{sent:?}");
    assert!(sent[0] < sent[1] && sent[1] < sent[2], "{sent:?}");
    assert_eq!(queue.receive(1)[0]["Attributes"]["SequenceNumber"], sent[0]);
}

#[test]
fn the_same_message_is_taken_once_in_five_minutes() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let first = queue.send("g", "one", "id");
    let second = queue.send("other", "two", "id");
    assert_eq!(
        (&first["MessageId"], &first["SequenceNumber"]),
        (&second["MessageId"], &second["SequenceNumber"])
    );
    assert_ne!(first["MD5OfMessageBody"], second["MD5OfMessageBody"]);
    let got = queue.receive(10);
    assert_eq!(bodies(&got), ["one"]);
    queue.delete(&got[0]).ok();
    queue.send("g", "three", "id");
    assert!(queue.receive(10).is_empty(), "known, though it was deleted");
    cloud.advance(Duration::from_secs(300));
    cloud.reconcile();
    queue.send("g", "four", "id");
    assert_eq!(bodies(&queue.receive(10)), ["four"]);
}

#[test]
fn deduplication_by_content_and_by_group() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "ContentBasedDeduplication": "true" }));
    let send = |group: &str, body: &str| {
        queue.call("SendMessage", json!({ "MessageBody": body, "MessageGroupId": group })).ok()["MessageId"]
            .clone()
    };
    assert_eq!(send("a", "x"), send("b", "x"));
    assert_ne!(send("a", "x"), send("a", "y"));
    let set = json!({ "Attributes": { "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId" } });
    queue.call("SetQueueAttributes", set).ok();
    assert_ne!(send("a", "z"), send("b", "z"));
    assert_eq!(send("a", "z"), send("a", "z"));
}

#[test]
fn what_a_fifo_queue_asks_of_its_senders() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let none = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    let refuse = |asked: Value, code: &str, words: &str| {
        queue.call("SendMessage", asked).refused_with(400, code, words);
    };
    refuse(json!({ "MessageBody": "x", "MessageGroupId": "g" }), INVALID, none);
    refuse(
        json!({ "MessageBody": "x", "MessageDeduplicationId": "d" }),
        "MissingRequiredParameterException",
        "The request must contain the parameter MessageGroupId.",
    );
    refuse(
        json!({ "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2 }),
        INVALID,
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    );
    let at_once = json!({ "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 0 });
    queue.call("SendMessage", at_once).ok();
    let long = json!({ "MessageBody": "x", "MessageGroupId": "g h", "MessageDeduplicationId": "d" });
    queue.call("SendMessage", long).refused(400, INVALID);
    let batch = |entry: Value| queue.call("SendMessageBatch", json!({ "Entries": [entry] }));
    batch(json!({ "Id": "1", "MessageBody": "x", "MessageDeduplicationId": "d" })).refused_with(
        400,
        INVALID,
        "The request must contain the parameter MessageGroupId.",
    );
    batch(json!({ "Id": "1", "MessageBody": "x", "MessageGroupId": "g" })).refused_with(400, INVALID, none);
}

#[test]
fn a_handle_that_has_run_out_deletes_nothing() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "VisibilityTimeout": "10" }));
    queue.send("g", "m1", "1");
    let got = queue.receive(1);
    cloud.advance(Duration::from_secs(10));
    let handle = got[0]["ReceiptHandle"].as_str().unwrap();
    let words = format!(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    );
    queue.delete(&got[0]).refused_with(400, INVALID, &words);
    assert_eq!(bodies(&queue.receive(1)), ["m1"]);
}

#[test]
fn a_delayed_queue_keeps_its_order() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "DelaySeconds": "10" }));
    queue.send("g", "one", "1");
    cloud.advance(Duration::from_secs(5));
    queue.send("g", "two", "2");
    cloud.advance(Duration::from_secs(5));
    assert_eq!(bodies(&queue.receive(10)), ["one"]);
    cloud.advance(Duration::from_secs(5));
    assert!(queue.receive(10).is_empty());
}

#[test]
fn a_receive_can_be_repeated_by_its_attempt() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    (0..3).for_each(|n| drop(queue.send("g", &format!("m{n}"), &n.to_string())));
    let attempt = |id: &str| {
        let got = queue
            .call("ReceiveMessage", json!({ "MaxNumberOfMessages": 2, "ReceiveRequestAttemptId": id }))
            .ok();
        got.get("Messages").map(|m| m.as_array().unwrap().clone()).unwrap_or_default()
    };
    let first = attempt("try-1");
    assert_eq!(bodies(&first), ["m0", "m1"]);
    assert!(attempt("try-2").is_empty());
    cloud.advance(Duration::from_secs(20));
    assert_eq!(attempt("try-1"), first, "the same messages by the same handles");
    // And they are hidden anew.
    cloud.advance(Duration::from_secs(20));
    assert!(queue.receive(10).is_empty());
    queue.delete(&first[0]).ok();
    assert!(attempt("try-1").is_empty(), "one of them is gone");
    let standard =
        queue.root.call("sqs", "CreateQueue", json!({ "QueueName": "s" })).ok()["QueueUrl"].clone();
    let asked = json!({ "QueueUrl": standard, "ReceiveRequestAttemptId": "x" });
    queue.root.call("sqs", "ReceiveMessage", asked).refused_with(
        400,
        INVALID,
        "The request include parameter ReceiveRequestAttemptId which is not valid for this queue type",
    );
}

#[test]
fn many_senders_and_receivers_keep_each_groups_order() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let (groups, each) = (4, 25);
    let mut got: Vec<Vec<usize>> = vec![Vec::new(); groups];
    let seen = std::sync::Mutex::new(Vec::<(usize, usize)>::new());
    std::thread::scope(|scope| {
        let queue = &queue;
        let senders: Vec<_> = (0..groups)
            .map(|group| {
                scope.spawn(move || {
                    for n in 0..each {
                        queue.send(&format!("g{group}"), &format!("{group} {n}"), &format!("{group}-{n}"));
                    }
                })
            })
            .collect();
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let some = queue
                            .call("ReceiveMessage", json!({ "WaitTimeSeconds": 1, "MaxNumberOfMessages": 2 }))
                            .ok();
                        let Some(some) = some.get("Messages") else { return };
                        for message in some.as_array().unwrap() {
                            let (group, n) = message["Body"].as_str().unwrap().split_once(' ').unwrap();
                            // Noted before it is deleted: until then the group is ours.
                            seen.lock().unwrap().push((group.parse().unwrap(), n.parse().unwrap()));
                            queue.delete(message).ok();
                        }
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|s| s.join().unwrap());
        receivers.into_iter().for_each(|r| r.join().unwrap());
    });
    seen.into_inner().unwrap().into_iter().for_each(|(group, n)| got[group].push(n));
    for (group, order) in got.iter().enumerate() {
        assert_eq!(*order, (0..each).collect::<Vec<_>>(), "group {group}");
    }
}
