//! What is published and what of it arrives: in queues, in the mailbox, at HTTP endpoints, in dead-letter queues.

use crate::endpoint::Endpoint;
use crate::harness::{Caller, Cloud, Reply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn topic(root: &Caller<'_>, name: &str, attributes: Value) -> String {
    let made = root.call("sns", "CreateTopic", json!({ "Name": name, "Attributes": attributes })).ok();
    made["TopicArn"].as_str().unwrap().to_owned()
}

/// A queue that lets topics of the account send.
fn queue(root: &Caller<'_>, name: &str) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
        "Condition": { "ArnLike": { "aws:SourceArn": format!("arn:aws:sns:us-east-1:{ACCOUNT}:*") }, "StringEquals": { "aws:SourceAccount": ACCOUNT } },
    } });
    let mut attributes = json!({ "Policy": policy.to_string() });
    if name.ends_with(".fifo") {
        attributes["FifoQueue"] = json!("true");
    }
    root.call("sqs", "CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).ok();
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn subscribe(root: &Caller<'_>, topic: &str, protocol: &str, endpoint: &str, attributes: Value) -> Value {
    let asked =
        json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes });
    root.call("sns", "Subscribe", asked).ok()["SubscriptionArn"].clone()
}

fn publish(root: &Caller<'_>, topic: &str, message: &str, more: Value) -> Reply {
    let mut asked = more;
    asked["TopicArn"] = json!(topic);
    asked["Message"] = json!(message);
    root.call("sns", "Publish", asked)
}

fn receive(root: &Caller<'_>, queue: &str) -> Vec<Value> {
    let asked = json!({ "QueueUrl": queue.rsplit(':').next().unwrap(), "MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"], "VisibilityTimeout": 0 });
    let got = root.call("sqs", "ReceiveMessage", asked).ok();
    got.get("Messages").map(|m| m.as_array().unwrap().clone()).unwrap_or_default()
}

fn text(value: &str) -> Value {
    json!({ "DataType": "String", "StringValue": value })
}

fn envelope(message: &Value) -> Value {
    serde_json::from_str(message["Body"].as_str().unwrap()).unwrap()
}

/// Checks a notification as AWS documents it: the certificate from its URL, the signed members in their order.
pub(crate) fn verify(cloud: &Cloud, body: &Value) {
    use aws_lc_rs::signature::{
        RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };
    let names = match body["Type"].as_str().unwrap() {
        "Notification" => ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"].as_slice(),
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let signed: String =
        names.iter().filter_map(|name| Some(format!("{name}\n{}\n", body.get(*name)?.as_str()?))).collect();
    let url = body["SigningCertURL"].as_str().unwrap();
    let path = &url[url.find("/Simple").unwrap()..];
    let request = http::Request::get(path).body(bytes::Bytes::new()).unwrap();
    let pem = cloud.send(request, "127.0.0.1".parse().unwrap());
    assert_eq!(pem.status, 200);
    let pem = String::from_utf8(pem.body.to_vec()).unwrap();
    let der =
        STANDARD.decode(pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>()).unwrap();
    // The public key of the certificate: the element that begins with the algorithm of RSA keys.
    let rsa = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let at = der.windows(rsa.len()).position(|w| w == rsa).unwrap() - 4;
    let length = usize::from(u16::from_be_bytes([der[at + 2], der[at + 3]])) + 4;
    let key = &der[at..at + length];
    let signature = STANDARD.decode(body["Signature"].as_str().unwrap()).unwrap();
    let outcome = match body["SignatureVersion"].as_str().unwrap() {
        "2" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed.as_bytes(), &signature),
        _ => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key)
            .verify(signed.as_bytes(), &signature),
    };
    outcome.unwrap();
}

#[test]
fn a_queue_gets_a_signed_notification() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for version in ["1", "2"] {
        let topic = topic(&root, &format!("news{version}"), json!({ "SignatureVersion": version }));
        let queue = queue(&root, &format!("q{version}"));
        let subscription = subscribe(&root, &topic, "sqs", &queue, json!({}));
        let sent = publish(&root, &topic, "héllo", json!({ "Subject": "s", "MessageAttributes": { "a": text("b"), "n": { "DataType": "Number", "StringValue": "1" } } })).ok();
        cloud.reconcile();
        let got = receive(&root, &queue);
        let body = envelope(&got[0]);
        assert_eq!(
            (&body["Type"], &body["MessageId"], &body["Message"], &body["Subject"]),
            (&json!("Notification"), &sent["MessageId"], &json!("héllo"), &json!("s"))
        );
        assert_eq!(
            (&body["TopicArn"], &body["Timestamp"], &body["SignatureVersion"]),
            (&json!(topic), &json!("2026-01-15T12:00:00.000Z"), &json!(version))
        );
        assert_eq!(
            body["MessageAttributes"],
            json!({ "a": { "Type": "String", "Value": "b" }, "n": { "Type": "Number", "Value": "1" } })
        );
        assert!(
            body["UnsubscribeURL"].as_str().unwrap().ends_with(&format!(
                "/?Action=Unsubscribe&SubscriptionArn={}",
                subscription.as_str().unwrap()
            ))
        );
        verify(&cloud, &body);
    }
}

#[test]
fn raw_delivery_passes_the_message_and_its_attributes_on() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, queue) = (topic(&root, "news", json!({})), queue(&root, "q"));
    subscribe(&root, &topic, "sqs", &queue, json!({ "RawMessageDelivery": "true" }));
    publish(
        &root,
        &topic,
        "Test msg",
        json!({ "MessageAttributes": { "attr1": { "DataType": "Number", "StringValue": "99.12" } } }),
    )
    .ok();
    cloud.reconcile();
    let got = receive(&root, &queue);
    assert_eq!(got[0]["Body"], "Test msg");
    // As recorded from AWS.
    assert_eq!(got[0]["MD5OfMessageAttributes"], "d302007e9aa062660afc85fd0a482472");
    assert_eq!(got[0]["MessageAttributes"]["attr1"]["StringValue"], "99.12");
}

#[test]
fn filters_choose_by_attributes_or_by_the_body() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, "news", json!({}));
    let (by_attribute, by_body) = (queue(&root, "a"), queue(&root, "b"));
    let filter = r#"{"store":["x"],"price":[{"numeric":[">",0,"<=",100]}],"tags":["red"]}"#;
    subscribe(
        &root,
        &topic,
        "sqs",
        &by_attribute,
        json!({ "RawMessageDelivery": "true", "FilterPolicy": filter }),
    );
    let body = json!({ "RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody", "FilterPolicy": r#"{"o":{"k":[{"prefix":"au"}]}}"# });
    subscribe(&root, &topic, "sqs", &by_body, body);
    let of = |store: &str, price: &str, tags: &str| {
        json!({ "MessageAttributes": {
        "store": text(store), "price": { "DataType": "Number", "StringValue": price },
        "tags": { "DataType": "String.Array", "StringValue": tags },
    } })
    };
    publish(&root, &topic, "yes", of("x", "100", r#"["blue","red"]"#)).ok();
    publish(&root, &topic, "other store", of("y", "1", r#"["red"]"#)).ok();
    publish(&root, &topic, "too dear", of("x", "100.01", r#"["red"]"#)).ok();
    publish(&root, &topic, "no red", of("x", "1", r#"["blue"]"#)).ok();
    publish(&root, &topic, r#"{"o":{"k":"auto"}}"#, json!({})).ok();
    publish(&root, &topic, "not json", json!({})).ok();
    cloud.reconcile();
    let bodies = |queue: &str| {
        receive(&root, queue).iter().map(|m| m["Body"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bodies(&by_attribute), ["yes"]);
    assert_eq!(bodies(&by_body), [r#"{"o":{"k":"auto"}}"#]);
}

#[test]
fn what_no_message_may_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, "news", json!({}));
    let refuse = |message: &str, more: Value, code: &str, words: &str| {
        publish(&root, &topic, message, more).refused_with(400, code, words);
    };
    refuse("", json!({}), "InvalidParameter", "Invalid parameter: Empty message");
    refuse("m", json!({ "Subject": "" }), "InvalidParameter", "Invalid parameter: Subject");
    refuse(&"a".repeat(262_145), json!({}), "InvalidParameter", "Invalid parameter: Message too long");
    let structure = json!({ "MessageStructure": "json" });
    refuse(
        "no json",
        structure.clone(),
        "InvalidParameter",
        "Invalid parameter: Message Structure - JSON message body failed to parse",
    );
    refuse(
        r#"{"sqs":"x"}"#,
        structure,
        "InvalidParameter",
        "Invalid parameter: Message Structure - No default entry in JSON message body",
    );
    let attribute = |name: &str, value: Value| json!({ "MessageAttributes": { name: value } });
    let cases = [
        (
            "attr1",
            json!({ "DataType": "String", "StringValue": "" }),
            "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'.",
        ),
        (
            "attr1",
            json!({ "DataType": "Number", "BinaryValue": "YQ==" }),
            "The message attribute 'attr1' with type 'Number' must use field 'String'.",
        ),
        (
            "attr1",
            json!({ "DataType": "Binary", "StringValue": "a" }),
            "The message attribute 'attr1' with type 'Binary' must use field 'Binary'.",
        ),
        (
            "attr1",
            json!({ "DataType": "Invalid", "StringValue": "a" }),
            "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            "a^b",
            text("x"),
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (".a", text("x"), "Invalid message attribute name starting with character '.' was found."),
        ("a.", text("x"), "Invalid message attribute name ending with character '.' was found."),
        ("a..b", text("x"), "Message attribute name can not have successive '.' character."),
    ];
    for (name, value, words) in cases {
        refuse("m", attribute(name, value), "ParameterValueInvalid", words);
    }
    refuse(
        "m",
        json!({ "MessageDeduplicationId": "x" }),
        "InvalidParameter",
        "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
    let endpoint =
        json!({ "TargetArn": "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/App/x", "Message": "m" });
    root.call("sns", "Publish", endpoint).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified",
    );
}

#[test]
fn batches() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, queue) = (topic(&root, "news", json!({})), queue(&root, "q"));
    subscribe(&root, &topic, "sqs", &queue, json!({ "RawMessageDelivery": "true" }));
    let send = |entries: Value| {
        root.call("sns", "PublishBatch", json!({ "TopicArn": topic, "PublishBatchRequestEntries": entries }))
    };
    let sent = send(json!([{ "Id": "1", "Message": "one" }, { "Id": "2", "Message": r#"{"default":"d","sqs":"two"}"#, "MessageStructure": "json" }])).ok();
    assert_eq!(sent["Successful"].as_array().unwrap().len(), 2);
    cloud.reconcile();
    let mut bodies: Vec<String> =
        receive(&root, &queue).iter().map(|m| m["Body"].as_str().unwrap().to_owned()).collect();
    bodies.sort();
    assert_eq!(bodies, ["one", "two"]);
    let many: Vec<Value> = (0..11).map(|n| json!({ "Id": n.to_string(), "Message": "x" })).collect();
    send(json!(many)).refused_with(
        400,
        "TooManyEntriesInBatchRequest",
        "The batch request contains more entries than permissible.",
    );
    send(json!([{ "Id": "a", "Message": "x" }, { "Id": "a", "Message": "x" }])).refused_with(
        400,
        "BatchEntryIdsNotDistinct",
        "Two or more batch entries in the request have the same Id.",
    );
    let none = json!({ "TopicArn": "arn:aws:sns:us-east-1:123456789012:none", "PublishBatchRequestEntries": [{ "Id": "a", "Message": "x" }] });
    root.call("sns", "PublishBatch", none).refused_with(404, "NotFound", "Topic does not exist");
}

#[test]
fn a_queue_that_does_not_let_the_topic_in_gets_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, "news", json!({}));
    root.call("sqs", "CreateQueue", json!({ "QueueName": "closed" })).ok();
    let dead = queue(&root, "dead");
    let redrive = json!({ "RedrivePolicy": json!({ "deadLetterTargetArn": dead }).to_string(), "RawMessageDelivery": "true" });
    subscribe(&root, &topic, "sqs", "arn:aws:sqs:us-east-1:123456789012:closed", json!({}));
    subscribe(&root, &topic, "sqs", "arn:aws:sqs:us-east-1:123456789012:none", redrive);
    publish(&root, &topic, "m", json!({})).ok();
    cloud.reconcile();
    assert!(receive(&root, "closed").is_empty());
    assert_eq!(receive(&root, &dead)[0]["Body"], "m");
}

#[test]
fn fifo_topics_keep_their_order_and_take_a_message_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, "news.fifo", json!({ "FifoTopic": "true" }));
    let (first, second) = (queue(&root, "one.fifo"), queue(&root, "two.fifo"));
    for queue in [&first, &second] {
        subscribe(&root, &topic, "sqs", queue, json!({}));
    }
    let send = |n: usize| {
        publish(
            &root,
            &topic,
            &n.to_string(),
            json!({ "MessageGroupId": "g", "MessageDeduplicationId": format!("d{n}") }),
        )
        .ok()
    };
    let sent: Vec<Value> = (0..5).map(send).collect();
    assert_eq!(send(2)["MessageId"], sent[2]["MessageId"]);
    assert!(sent[0]["SequenceNumber"].as_str().unwrap() < sent[1]["SequenceNumber"].as_str().unwrap());
    cloud.reconcile();
    for queue in [&first, &second] {
        let got = receive(&root, queue);
        let bodies: Vec<Value> = got.iter().map(envelope).collect();
        let order: Vec<&str> = bodies.iter().map(|b| b["Message"].as_str().unwrap()).collect();
        assert_eq!(order, ["0", "1", "2", "3", "4"]);
        assert_eq!(bodies[0]["SequenceNumber"], sent[0]["SequenceNumber"]);
        assert_eq!(bodies[0].get("Signature"), None);
        assert_eq!(got[0]["Attributes"]["MessageDeduplicationId"], "d0");
    }
    let invalid = |more: Value, words: &str| {
        publish(&root, &topic, "m", more).refused_with(400, "InvalidParameter", words);
    };
    invalid(
        json!({ "MessageDeduplicationId": "x" }),
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics",
    );
    invalid(
        json!({ "MessageGroupId": "x" }),
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
    cloud.advance(Duration::from_secs(300));
    assert_ne!(send(2)["MessageId"], sent[2]["MessageId"]);
}

#[test]
fn letters_stay_in_the_mailbox() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root, "news", json!({}));
    assert_eq!(subscribe(&root, &topic, "email", "eva@example.com", json!({})), "pending confirmation");
    subscribe(&root, &topic, "sms", "+4915112345678", json!({}));
    publish(&root, &topic, "too early for eva", json!({})).ok();
    cloud.reconcile();
    let letters = || integration::sns::mailbox::letters(&cloud.cloud).unwrap();
    let link = letters().iter().find(|l| l.to == "eva@example.com").unwrap().body.clone();
    let path = &link[link.find("/?").unwrap()..];
    let confirmed =
        cloud.send(http::Request::get(path).body(bytes::Bytes::new()).unwrap(), "127.0.0.1".parse().unwrap());
    assert!(
        confirmed.ok()["ConfirmSubscriptionResult"]["SubscriptionArn"].as_str().unwrap().starts_with(&topic)
    );
    cloud.advance(Duration::from_secs(1));
    publish(&root, &topic, "hello", json!({ "Subject": "greetings" })).ok();
    root.call("sns", "Publish", json!({ "PhoneNumber": "+15551234567", "Message": "direct" })).ok();
    cloud.reconcile();
    let all = letters();
    let got: Vec<(&str, &str)> = all
        .iter()
        .map(|l| (l.to.as_str(), l.body.as_str()))
        .filter(|(_, b)| !b.starts_with("http"))
        .collect();
    assert!(
        got.contains(&("eva@example.com", "hello")) && got.contains(&("+4915112345678", "too early for eva")),
        "{got:?}"
    );
    assert!(got.contains(&("+15551234567", "direct")));
    assert!(!got.contains(&("eva@example.com", "too early for eva")));
    let wrong = json!({ "TopicArn": topic, "Token": "a".repeat(256) });
    root.call("sns", "ConfirmSubscription", wrong).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Token",
    );
    let short = json!({ "TopicArn": topic, "Token": "abc" });
    root.call("sns", "ConfirmSubscription", short).refused_with(400, "InvalidParameter", "Invalid token");
}

#[test]
fn an_http_endpoint_confirms_and_is_tried_again() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, dead) = (topic(&root, "news", json!({})), queue(&root, "dead"));
    let endpoint = Endpoint::new();
    let redrive = json!({ "RedrivePolicy": json!({ "deadLetterTargetArn": dead }).to_string() });
    assert_eq!(subscribe(&root, &topic, "http", &endpoint.url("/hook"), redrive), "pending confirmation");
    let confirmation = endpoint.call(&cloud, 200);
    let (head, body) = (&confirmation.head, confirmation.document());
    assert!(
        head.starts_with("POST /hook HTTP/1.1")
            && head.contains("x-amz-sns-message-type: SubscriptionConfirmation"),
        "{head}"
    );
    verify(&cloud, &body);
    root.call("sns", "ConfirmSubscription", json!({ "TopicArn": topic, "Token": body["Token"] })).ok();
    publish(&root, &topic, "hello", json!({})).ok();
    assert_eq!(endpoint.call(&cloud, 500).document()["Message"], "hello");
    // Not before its time.
    assert!(endpoint.calls(&cloud, 200).is_empty());
    for _ in 0..2 {
        cloud.advance(Duration::from_secs(20));
        assert_eq!(endpoint.call(&cloud, 503).document()["Message"], "hello");
    }
    assert!(receive(&root, &dead).is_empty());
    cloud.advance(Duration::from_secs(20));
    endpoint.call(&cloud, 500);
    assert_eq!(envelope(&receive(&root, &dead)[0])["Message"], "hello");
}
