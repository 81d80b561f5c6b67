//! Messages of standard queues: sent, received, hidden, deleted, and as they lie on the disk.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";
const INVALID: &str = "InvalidParameterValueException";

struct Queue<'c> {
    root: Caller<'c>,
    url: String,
}

impl<'c> Queue<'c> {
    fn new(cloud: &'c Cloud, attributes: Value) -> Queue<'c> {
        let root = cloud.root(ACCOUNT);
        let made = json!({ "QueueName": "q", "Attributes": attributes });
        let url = root.call("sqs", "CreateQueue", made).ok()["QueueUrl"].as_str().unwrap().to_owned();
        Queue { root, url }
    }

    fn call(&self, operation: &str, mut asked: Value) -> crate::harness::Reply {
        asked["QueueUrl"] = json!(self.url);
        self.root.call("sqs", operation, asked)
    }

    fn send(&self, body: &str) -> Value {
        self.call("SendMessage", json!({ "MessageBody": body })).ok()
    }

    fn receive(&self, mut asked: Value) -> Vec<Value> {
        if asked.get("MaxNumberOfMessages").is_none() {
            asked["MaxNumberOfMessages"] = json!(10);
        }
        let got = self.call("ReceiveMessage", asked).ok();
        got.get("Messages").map(|m| m.as_array().unwrap().clone()).unwrap_or_default()
    }

    fn counts(&self) -> [u64; 3] {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let got = self.call("GetQueueAttributes", json!({ "AttributeNames": names })).ok();
        names.map(|name| got["Attributes"][name].as_str().unwrap().parse().unwrap())
    }
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|m| m["Body"].as_str().unwrap()).collect()
}

#[test]
fn what_was_sent_is_received_until_it_is_deleted() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let sent = queue.send("msg");
    assert_eq!(sent["MD5OfMessageBody"], "6e2baaf3b97dbeef01c0043275f9a0e7");
    let first = queue.receive(json!({ "AttributeNames": ["All"] }));
    assert_eq!(first.len(), 1);
    let message = &first[0];
    assert_eq!((&message["MessageId"], &message["Body"]), (&sent["MessageId"], &json!("msg")));
    let expected = json!({
        "SenderId": ACCOUNT,
        "SentTimestamp": "1768478400000",
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "1768478400000",
    });
    assert_eq!(message["Attributes"], expected);
    assert_eq!(queue.counts(), [0, 1, 0]);
    assert!(queue.receive(json!({})).is_empty());
    cloud.advance(Duration::from_secs(30));
    let again = queue.receive(json!({ "MessageSystemAttributeNames": ["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"] }));
    let expected =
        json!({ "ApproximateReceiveCount": "2", "ApproximateFirstReceiveTimestamp": "1768478400000" });
    assert_eq!(again[0]["Attributes"], expected);
    assert_ne!(again[0]["ReceiptHandle"], message["ReceiptHandle"]);
    // The older handle does nothing any more.
    queue.call("DeleteMessage", json!({ "ReceiptHandle": message["ReceiptHandle"] })).ok();
    assert_eq!(queue.counts(), [0, 1, 0]);
    queue.call("DeleteMessage", json!({ "ReceiptHandle": again[0]["ReceiptHandle"] })).ok();
    assert_eq!(queue.counts(), [0, 0, 0]);
    queue.call("DeleteMessage", json!({ "ReceiptHandle": again[0]["ReceiptHandle"] })).ok();
    let words = "The input receipt handle \"garbage\" is not a valid receipt handle.";
    let reply = queue.call("DeleteMessage", json!({ "ReceiptHandle": "garbage" }));
    reply.refused_with(404, "ReceiptHandleIsInvalid", words);
}

#[test]
fn attributes_are_chosen_by_name_and_digested_as_chosen() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let sent = queue
        .call(
            "SendMessage",
            json!({
                "MessageBody": "msg",
                "MessageAttributes": { "Hello": text("There"), "General": text("Kenobi"), "Help.Me": text("Me") },
                "MessageSystemAttributes": { "AWSTraceHeader": text("some-trace-id") },
            }),
        )
        .ok();
    assert_eq!(sent["MD5OfMessageAttributes"], "4c360f3fdafd970e05fae2f149d997f5");
    assert_eq!(sent["MD5OfMessageSystemAttributes"], "fdce4f2818803f2f73becc09a54792c0");
    let choose = |names: Value| {
        let got = queue.receive(json!({ "MessageAttributeNames": names, "VisibilityTimeout": 0 }));
        let names = got[0]
            .get("MessageAttributes")
            .map(|all| all.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
        (names.unwrap_or_default().join(" "), got[0]["MD5OfMessageAttributes"].clone())
    };
    let all = ("General Hello Help.Me".to_owned(), json!("4c360f3fdafd970e05fae2f149d997f5"));
    assert_eq!(choose(json!([])), (String::new(), Value::Null));
    assert_eq!(choose(json!(["All"])), all);
    assert_eq!(choose(json!([".*"])), all);
    assert_eq!(choose(json!(["Nope"])), (String::new(), Value::Null));
    assert_eq!(choose(json!(["Hello", "Nope"])).1, "a311262e065454b75da111d535b8dacd");
    assert_eq!(choose(json!(["Hello", "General"])).1, "fca026605781cb4126a1e9044df24232");
    assert_eq!(choose(json!(["Hel.*"])).1, "83fee93c1bcd8b9a5a923ffacdc636c7");
    let trace = queue.receive(json!({ "AttributeNames": ["AWSTraceHeader"] }));
    assert_eq!(trace[0]["Attributes"], json!({ "AWSTraceHeader": "some-trace-id" }));
    queue.call("ReceiveMessage", json!({ "AttributeNames": ["Colour"] })).refused_with(
        400,
        "InvalidAttributeName",
        "Unknown Attribute Colour.",
    );
}

#[test]
fn what_no_message_may_be() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "MaximumMessageSize": "1024" }));
    let refuse = |asked: Value, code: &str, words: &str| {
        queue.call("SendMessage", asked).refused_with(400, code, words);
    };
    refuse(
        json!({ "MessageBody": "" }),
        "MissingRequiredParameterException",
        "The request must contain the parameter MessageBody.",
    );
    refuse(
        json!({ "MessageBody": "a\u{1}b" }),
        "InvalidMessageContents",
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
    let long = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.";
    refuse(json!({ "MessageBody": "a".repeat(1025) }), INVALID, long);
    let attribute = |value: Value| json!({ "MessageBody": "b", "MessageAttributes": { "Hello": value } });
    let value = json!({ "DataType": "String", "StringValue": "v".repeat(1020) });
    refuse(attribute(value), INVALID, long);
    refuse(
        json!({ "MessageBody": "b", "DelaySeconds": 901 }),
        INVALID,
        "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    );
    refuse(
        json!({ "MessageBody": "b", "MessageDeduplicationId": "1" }),
        INVALID,
        "The request include parameter MessageDeduplicationId which is not valid for this queue type",
    );
    let cases = [
        (
            json!({ "DataType": "Number", "StringValue": "world" }),
            "Can't cast the value of message (user) attribute 'Hello' to a number.",
        ),
        (
            json!({ "DataType": "String", "StringValue": "" }),
            "Message (user) attribute 'Hello' must contain a non-empty value of type 'String'.",
        ),
        (
            json!({ "DataType": "String" }),
            "The message (user) attribute 'Hello' must contain a non-empty message attribute value.",
        ),
        (
            json!({ "DataType": "Colour", "StringValue": "red" }),
            "The type of message (user) attribute 'Hello' is invalid. You must use only the following supported type prefixes: Binary, Number, String.",
        ),
    ];
    for (value, words) in cases {
        refuse(attribute(value), INVALID, words);
    }
    let list = json!({ "DataType": "String", "StringValue": "x", "StringListValues": ["x"] });
    refuse(
        attribute(list),
        "UnsupportedOperation",
        "Message attribute list values in SendMessage operation are not supported.",
    );
    let named = |name: &str| json!({ "MessageBody": "b", "MessageAttributes": { name: { "DataType": "String", "StringValue": "x" } } });
    refuse(named(""), INVALID, "The request must contain non-empty message (user) attribute names.");
    refuse(
        named("aws.Hello"),
        INVALID,
        "You can't use message attribute names beginning with 'AWS.' or 'Amazon'. These strings are reserved for internal use.",
    );
    let eleven: serde_json::Map<String, Value> =
        (0..11).map(|n| (format!("a{n}"), json!({ "DataType": "String", "StringValue": "x" }))).collect();
    refuse(
        json!({ "MessageBody": "b", "MessageAttributes": eleven }),
        INVALID,
        "Number of message attributes [11] exceeds the allowed maximum [10].",
    );
    refuse(
        json!({ "MessageBody": "b", "MessageSystemAttributes": { "Hello": { "DataType": "String", "StringValue": "x" } } }),
        INVALID,
        "Message system attribute name 'Hello' is invalid.",
    );
    assert_eq!(queue.counts(), [0, 0, 0]);
    let big = Queue { root: cloud.root("222222222222"), url: String::new() };
    let url = big.root.call("sqs", "CreateQueue", json!({ "QueueName": "big" })).ok()["QueueUrl"].clone();
    let largest = json!({ "QueueUrl": url, "MessageBody": "a".repeat(1 << 20) });
    big.root.call("sqs", "SendMessage", largest).ok();
}

#[test]
fn what_no_receive_may_ask_for() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let cases = [
        (
            json!({ "MaxNumberOfMessages": 11 }),
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            json!({ "WaitTimeSeconds": 50 }),
            "Value 50 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        ),
        (
            json!({ "VisibilityTimeout": 43201 }),
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.",
        ),
    ];
    for (asked, words) in cases {
        queue.call("ReceiveMessage", asked).refused_with(400, INVALID, words);
    }
}

#[test]
fn delays() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "DelaySeconds": "5" }));
    queue.send("late");
    queue.call("SendMessage", json!({ "MessageBody": "now", "DelaySeconds": 0 })).ok();
    queue.call("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 10 })).ok();
    assert_eq!(queue.counts(), [1, 0, 2]);
    assert_eq!(bodies(&queue.receive(json!({}))), ["now"]);
    cloud.advance(Duration::from_secs(5));
    assert_eq!(bodies(&queue.receive(json!({}))), ["late"]);
    cloud.advance(Duration::from_secs(5));
    assert_eq!(bodies(&queue.receive(json!({}))), ["later"]);
}

#[test]
fn visibility_is_changed_within_twelve_hours() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    queue.send("m");
    let got = queue.receive(json!({}));
    let change = |timeout: i64| {
        queue.call(
            "ChangeMessageVisibility",
            json!({ "ReceiptHandle": got[0]["ReceiptHandle"], "VisibilityTimeout": timeout }),
        )
    };
    change(60).ok();
    cloud.advance(Duration::from_secs(45));
    assert!(queue.receive(json!({})).is_empty());
    change(43_200).refused_with(
        400,
        INVALID,
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
    );
    change(43_201).refused(400, INVALID);
    change(0).ok();
    assert_eq!(queue.counts(), [1, 0, 0]);
    // As recorded from AWS: a handle that has run out may be held again while nobody else has the message.
    change(30).ok();
    assert_eq!(queue.counts(), [0, 1, 0]);
    change(0).ok();
    let second = queue.receive(json!({}));
    change(30).refused_with(400, "MessageNotInflight", "The specified message isn't in flight.");
    queue.call("DeleteMessage", json!({ "ReceiptHandle": second[0]["ReceiptHandle"] })).ok();
    let gone = json!({ "ReceiptHandle": second[0]["ReceiptHandle"], "VisibilityTimeout": 1 });
    let words = queue.call("ChangeMessageVisibility", gone).refused(400, INVALID);
    assert!(
        words.ends_with("Reason: Message does not exist or is not available for visibility timeout change.")
    );
}

#[test]
fn batches_succeed_and_fail_entry_by_entry() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "MaximumMessageSize": "1024" }));
    let entries = json!({ "Entries": [
        { "Id": "1", "MessageBody": "one" },
        { "Id": "2", "MessageBody": "a".repeat(1025) },
        { "Id": "3", "MessageBody": "three", "DelaySeconds": -1 },
    ] });
    let sent = queue.call("SendMessageBatch", entries).ok();
    assert_eq!(sent["Successful"].as_array().unwrap().len(), 1);
    assert_eq!(sent["Successful"][0]["Id"], "1");
    let failed: Vec<_> = sent["Failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (f["Id"].as_str().unwrap(), f["Code"].as_str().unwrap(), f["SenderFault"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(failed, [("2", "InvalidParameterValue", true), ("3", "InvalidParameterValue", true)]);
    let got = queue.receive(json!({}));
    let handles = json!({ "Entries": [
        { "Id": "a", "ReceiptHandle": got[0]["ReceiptHandle"], "VisibilityTimeout": 5 },
        { "Id": "b", "ReceiptHandle": "garbage", "VisibilityTimeout": 5 },
    ] });
    let changed = queue.call("ChangeMessageVisibilityBatch", handles).ok();
    assert_eq!(changed["Successful"], json!([{ "Id": "a" }]));
    assert_eq!(changed["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    let handles = json!({ "Entries": [{ "Id": "a", "ReceiptHandle": got[0]["ReceiptHandle"] }, { "Id": "b", "ReceiptHandle": "garbage" }] });
    let deleted = queue.call("DeleteMessageBatch", handles).ok();
    assert_eq!(deleted["Successful"], json!([{ "Id": "a" }]));
    assert_eq!(deleted["Failed"][0]["Id"], "b");
    assert_eq!(queue.counts(), [0, 0, 0]);
}

#[test]
fn batches_that_are_none() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let send = |entries: Value| queue.call("SendMessageBatch", json!({ "Entries": entries }));
    send(json!([])).refused_with(
        400,
        "EmptyBatchRequest",
        "There should be at least one SendMessageBatchRequestEntry in the request.",
    );
    let many: Vec<Value> = (0..20).map(|n| json!({ "Id": n.to_string(), "MessageBody": "x" })).collect();
    let reply = send(json!(many));
    assert_eq!(
        reply.headers["x-amzn-query-error"],
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest;Sender"
    );
    reply.refused_with(
        400,
        "TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 20.",
    );
    for id in ["", "a:b", &"i".repeat(81)] {
        send(json!([{ "Id": id, "MessageBody": "x" }])).refused_with(
            400,
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        );
    }
    let twice = json!([{ "Id": "a", "MessageBody": "x" }, { "Id": "a", "MessageBody": "y" }]);
    send(twice).refused_with(400, "BatchEntryIdsNotDistinct", "Id a repeated.");
    let half = "a".repeat(1 << 19);
    let long = json!([{ "Id": "a", "MessageBody": half }, { "Id": "b", "MessageBody": format!("{half}b") }]);
    send(long).refused_with(
        400,
        "BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    );
}

#[test]
fn messages_grow_old_by_the_clouds_clock() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "MessageRetentionPeriod": "60" }));
    queue.send("old");
    cloud.advance(Duration::from_secs(30));
    queue.send("young");
    cloud.advance(Duration::from_secs(30));
    assert_eq!(queue.counts(), [1, 0, 0]);
    cloud.reconcile();
    assert_eq!(bodies(&queue.receive(json!({}))), ["young"]);
    cloud.advance(Duration::from_secs(60));
    cloud.reconcile();
    assert_eq!(queue.counts(), [0, 0, 0]);
}

#[test]
fn a_receive_waits_until_there_is_something() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let started = Instant::now();
    assert!(queue.receive(json!({ "WaitTimeSeconds": 1 })).is_empty());
    assert!(started.elapsed() >= Duration::from_secs(1));
    let (go, ready) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            go.send(()).unwrap();
            let started = Instant::now();
            (queue.receive(json!({ "WaitTimeSeconds": 20 })), started.elapsed())
        });
        ready.recv().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        queue.send("at last");
        let (got, waited) = waiting.join().unwrap();
        assert_eq!(bodies(&got), ["at last"]);
        assert!(waited < Duration::from_secs(10), "{waited:?}");
    });
}

#[test]
fn a_receive_that_waits_sees_the_clock_move_and_the_queue_go() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({ "DelaySeconds": "900" }));
    queue.send("late");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.receive(json!({ "WaitTimeSeconds": 20 })));
        std::thread::sleep(Duration::from_millis(300));
        let change = kernel::ClockChange { advance: Duration::from_secs(900), ..Default::default() };
        cloud.block_on(cloud.cloud.change_clock(change)).unwrap();
        assert_eq!(bodies(&waiting.join().unwrap()), ["late"]);
        let waiting = scope.spawn(|| queue.call("ReceiveMessage", json!({ "WaitTimeSeconds": 20 })));
        std::thread::sleep(Duration::from_millis(300));
        queue.call("DeleteQueue", json!({})).ok();
        waiting.join().unwrap().refused(400, "QueueDoesNotExist");
    });
}

#[test]
fn many_receivers_get_each_message_once() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let (messages, receivers) = (200, 8);
    let mut all: Vec<String> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|s| {
                scope.spawn({
                    let queue = &queue;
                    move || (0..messages / 4).for_each(|n| drop(queue.send(&format!("{s}-{n}"))))
                })
            })
            .collect();
        let receivers: Vec<_> = (0..receivers)
            .map(|_| {
                scope.spawn(|| {
                    let mut got = Vec::new();
                    loop {
                        let some = queue.receive(json!({ "WaitTimeSeconds": 1, "MaxNumberOfMessages": 3 }));
                        if some.is_empty() {
                            return got;
                        }
                        for message in some {
                            queue
                                .call("DeleteMessage", json!({ "ReceiptHandle": message["ReceiptHandle"] }))
                                .ok();
                            got.push(message["Body"].as_str().unwrap().to_owned());
                        }
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|s| s.join().unwrap());
        receivers.into_iter().flat_map(|r| r.join().unwrap()).collect()
    });
    all.sort();
    all.dedup();
    assert_eq!(all.len(), messages);
    assert_eq!(queue.counts(), [0, 0, 0]);
}

#[test]
fn a_noisy_tenant_does_not_keep_the_others_waiting() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    let send = |group: &str, n: usize| {
        let entries: Vec<Value> = (0..n)
            .map(|i| json!({ "Id": i.to_string(), "MessageBody": group, "MessageGroupId": group }))
            .collect();
        queue.call("SendMessageBatch", json!({ "Entries": entries })).ok()
    };
    (0..6).for_each(|_| drop(send("noisy", 10)));
    send("quiet", 1);
    (0..3).for_each(|_| assert!(bodies(&queue.receive(json!({}))).iter().all(|body| *body == "noisy")));
    let next = queue.receive(json!({ "MaxNumberOfMessages": 1, "AttributeNames": ["MessageGroupId"] }));
    assert_eq!(next[0]["Attributes"], json!({ "MessageGroupId": "quiet" }));
}

#[test]
fn bodies_lie_sealed_on_the_disk() {
    let cloud = Cloud::new();
    let queue = Queue::new(&cloud, json!({}));
    queue.send("the secret body");
    let finds = |needle: &[u8]| {
        use store::Read;
        let snapshot = cloud.cloud.store().snapshot();
        snapshot
            .scan(store::KeyRange::all(), store::Direction::Forward)
            .any(|pair| pair.unwrap().1.windows(needle.len()).any(|w| w == needle))
    };
    assert!(!finds(b"the secret body"));
    queue.call("SetQueueAttributes", json!({ "Attributes": { "SqsManagedSseEnabled": "false" } })).ok();
    queue.send("the open body");
    assert!(finds(b"the open body"));
    let mut got = queue.receive(json!({}));
    got.sort_by_key(|m| m["Body"].as_str().unwrap().to_owned());
    assert_eq!(bodies(&got), ["the open body", "the secret body"]);
}
