//! Topics and subscriptions: made, changed, shared, listed, ended.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

/// A map of an answer, by its keys.
fn map(entries: &Value) -> Value {
    let pair = |e: &Value| (e["key"].as_str().unwrap().to_owned(), e["value"].clone());
    entries.as_array().map(|all| all.iter().map(pair).collect()).unwrap_or_else(|| json!({}))
}

fn create(caller: &Caller<'_>, name: &str, attributes: Value) -> String {
    let made = caller.call("sns", "CreateTopic", json!({ "Name": name, "Attributes": attributes })).ok();
    made["TopicArn"].as_str().unwrap().to_owned()
}

fn attributes(caller: &Caller<'_>, arn: &str) -> Value {
    map(&caller.call("sns", "GetTopicAttributes", json!({ "TopicArn": arn })).ok()["Attributes"])
}

fn subscribe(
    caller: &Caller<'_>,
    arn: &str,
    protocol: &str,
    endpoint: &str,
    attributes: Value,
) -> crate::harness::Reply {
    let asked =
        json!({ "TopicArn": arn, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes });
    caller.call("sns", "Subscribe", asked)
}

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:q";

#[test]
fn a_new_topic_has_awss_defaults() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = create(&root, "news", json!({}));
    assert_eq!(arn, "arn:aws:sns:us-east-1:123456789012:news");
    let own = attributes(&root, &arn);
    let policy: Value = serde_json::from_str(own["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Id"], "__default_policy_ID");
    assert_eq!(
        policy["Statement"][0]["Condition"],
        json!({ "StringEquals": { "AWS:SourceOwner": ACCOUNT } })
    );
    let delivery: Value = serde_json::from_str(own["EffectiveDeliveryPolicy"].as_str().unwrap()).unwrap();
    assert_eq!(delivery["http"]["defaultHealthyRetryPolicy"]["numRetries"], 3);
    for (name, value) in [
        ("DisplayName", ""),
        ("Owner", ACCOUNT),
        ("SubscriptionsConfirmed", "0"),
        ("SubscriptionsDeleted", "0"),
    ] {
        assert_eq!(own[name], value, "{name}");
    }
    assert_eq!(own.get("FifoTopic"), None);
    let fifo = create(&root, "news.fifo", json!({ "FifoTopic": "true", "SignatureVersion": "2" }));
    let own = attributes(&root, &fifo);
    assert_eq!(
        (&own["FifoTopic"], &own["ContentBasedDeduplication"], &own["SignatureVersion"]),
        (&json!("true"), &json!("false"), &json!("2"))
    );
    let listed = root.call("sns", "ListTopics", json!({})).ok();
    assert_eq!(listed["Topics"], json!([{ "TopicArn": arn }, { "TopicArn": fifo }]));
}

#[test]
fn making_a_topic_again() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let make = |tags: Value| root.call("sns", "CreateTopic", json!({ "Name": "news", "Tags": tags }));
    let tag = |key: &str| json!({ "Key": key, "Value": "v" });
    make(json!([tag("a")])).ok();
    make(json!([tag("a")])).ok();
    make(json!([])).ok();
    make(json!([tag("a"), tag("b")])).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Tags Reason: Topic already exists with different tags",
    );
    make(json!([tag("a"), tag("a")])).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Duplicated keys are not allowed.",
    );
    let other = json!({ "Name": "news", "Attributes": { "DisplayName": "x" } });
    root.call("sns", "CreateTopic", other).refused(400, "InvalidParameter");
}

#[test]
fn what_is_not_there() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let get = |arn: &str| root.call("sns", "GetTopicAttributes", json!({ "TopicArn": arn }));
    get("arn:aws:sns:us-east-1:123456789012:none").refused_with(404, "NotFound", "Topic does not exist");
    get("nonsense").refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
    );
    let arn = create(&root, "news", json!({}));
    let missing = json!({ "SubscriptionArn": format!("{arn}:cf3b8a35-0000-4000-8000-000000000000") });
    root.call("sns", "GetSubscriptionAttributes", missing.clone()).refused_with(
        404,
        "NotFound",
        "Subscription does not exist",
    );
    root.call("sns", "Unsubscribe", missing).ok();
    root.call("sns", "DeleteTopic", json!({ "TopicArn": arn })).ok();
    get(&arn).refused(404, "NotFound");
    root.call("sns", "DeleteTopic", json!({ "TopicArn": arn })).ok();
}

#[test]
fn names_and_attributes_that_no_topic_has() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let make = |name: &str, attributes: Value| {
        root.call("sns", "CreateTopic", json!({ "Name": name, "Attributes": attributes }))
    };
    for name in ["a b", "a.b", "x.fifo", &"n".repeat(257)] {
        make(name, json!({})).refused_with(400, "InvalidParameter", "Invalid parameter: Topic Name");
    }
    make("x", json!({ "FifoTopic": "true" })).refused(400, "InvalidParameter");
    make("x", json!({ "Colour": "red" })).refused(400, "InvalidParameter");
    let arn = create(&root, "x", json!({}));
    let set = |name: &str, value: &str| {
        root.call(
            "sns",
            "SetTopicAttributes",
            json!({ "TopicArn": arn, "AttributeName": name, "AttributeValue": value }),
        )
    };
    set("Colour", "red").refused_with(400, "InvalidParameter", "Invalid parameter: AttributeName");
    set("SignatureVersion", "3").refused(400, "InvalidParameter");
    set("Policy", "{}").refused(400, "InvalidParameter");
    set("DisplayName", "News").ok();
    assert_eq!(attributes(&root, &arn)["DisplayName"], "News");
}

#[test]
fn subscriptions_that_cannot_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = create(&root, "news", json!({}));
    let refuse = |protocol: &str, endpoint: &str, attributes: Value, words: &str| {
        subscribe(&root, &arn, protocol, endpoint, attributes).refused_with(400, "InvalidParameter", words);
    };
    refuse(
        "pigeon",
        "x",
        json!({}),
        "Invalid parameter: Amazon SNS does not support this protocol string: pigeon",
    );
    refuse("sqs", "http://queue", json!({}), "Invalid parameter: SQS endpoint ARN");
    refuse(
        "sqs",
        "arn:aws:sqs:us-east-1:123456789012:q.fifo",
        json!({}),
        "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
    );
    refuse(
        "sqs",
        QUEUE,
        json!({ "RawMessageDelivery": "wrongvalue" }),
        "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false.",
    );
    refuse(
        "sqs",
        QUEUE,
        json!({ "FilterPolicy": r#"{"key":[["value"]]}"# }),
        "Invalid parameter: Attributes Reason: FilterPolicy: Match value must be String, number, true, false, or null",
    );
    refuse(
        "sqs",
        QUEUE,
        json!({ "FilterPolicy": r#"{"a":{"b":["c"]}}"# }),
        "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy",
    );
    let many: serde_json::Map<String, Value> = (0..6).map(|n| (format!("k{n}"), json!(["x"]))).collect();
    refuse(
        "sqs",
        QUEUE,
        json!({ "FilterPolicy": json!(many).to_string() }),
        "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys",
    );
    let heavy = json!({ "a": (0..151).collect::<Vec<_>>() });
    refuse(
        "sqs",
        QUEUE,
        json!({ "FilterPolicy": heavy.to_string() }),
        "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex",
    );
    for (protocol, endpoint) in [
        ("http", "http://192.0.2.1/"),
        ("firehose", "arn:aws:firehose:us-east-1:123456789012:deliverystream/x"),
    ] {
        subscribe(&root, &arn, protocol, endpoint, json!({})).refused(501, "NotImplemented");
    }
    subscribe(&root, &arn, "lambda", QUEUE, json!({})).refused(400, "InvalidParameter");
    refuse(
        "lambda",
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        json!({ "RawMessageDelivery": "true" }),
        "Invalid parameter: Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.",
    );
    assert_eq!(root.call("sns", "ListSubscriptions", json!({})).ok()["Subscriptions"], "");
}

#[test]
fn the_life_of_a_subscription() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = create(&root, "news", json!({}));
    let made = subscribe(&root, &arn, "sqs", QUEUE, json!({ "RawMessageDelivery": "true" })).ok();
    let own = made["SubscriptionArn"].as_str().unwrap().to_owned();
    // The same endpoint is the same subscription.
    assert_eq!(subscribe(&root, &arn, "sqs", QUEUE, json!({})).ok()["SubscriptionArn"], own);
    let get = || {
        map(
            &root.call("sns", "GetSubscriptionAttributes", json!({ "SubscriptionArn": own })).ok()["Attributes"],
        )
    };
    let expected = json!({
        "SubscriptionArn": own, "TopicArn": arn, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": QUEUE,
        "SubscriptionPrincipal": "arn:aws:iam::123456789012:root", "ConfirmationWasAuthenticated": "true",
        "PendingConfirmation": "false", "RawMessageDelivery": "true",
    });
    assert_eq!(get(), expected);
    let set = |name: &str, value: &str| {
        root.call(
            "sns",
            "SetSubscriptionAttributes",
            json!({ "SubscriptionArn": own, "AttributeName": name, "AttributeValue": value }),
        )
    };
    let refused =
        |name: &str, value: &str, words: &str| set(name, value).refused_with(400, "InvalidParameter", words);
    refused("Colour", "red", "Invalid parameter: AttributeName");
    refused(
        "RawMessageDelivery",
        "test-ValUe",
        "Invalid parameter: RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false.",
    );
    refused(
        "FilterPolicyScope",
        "RandomValue",
        "Invalid parameter: FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes",
    );
    refused(
        "RedrivePolicy",
        r#"{"deadLetterTargetArn":"fake"}"#,
        "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn",
    );
    set("ReplayPolicy", "{}").refused_with(400, "InvalidParameter", "Invalid parameter: AttributeName");
    set("FilterPolicyScope", "MessageBody").ok();
    set("FilterPolicy", r#"{"object":{"key":[{"prefix":"auto-"}]}}"#).ok();
    assert_eq!(get()["FilterPolicyScope"], "MessageBody");
    set("FilterPolicy", "{}").ok();
    assert_eq!(get().get("FilterPolicy"), None);
    let view = json!([{ "SubscriptionArn": own, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": QUEUE, "TopicArn": arn }]);
    assert_eq!(
        root.call("sns", "ListSubscriptionsByTopic", json!({ "TopicArn": arn })).ok()["Subscriptions"],
        view
    );
    assert_eq!(root.call("sns", "ListSubscriptions", json!({})).ok()["Subscriptions"], view);
    root.call("sns", "Unsubscribe", json!({ "SubscriptionArn": own })).ok();
    let counts = attributes(&root, &arn);
    assert_eq!(
        (&counts["SubscriptionsConfirmed"], &counts["SubscriptionsDeleted"]),
        (&json!("0"), &json!("1"))
    );
}

#[test]
fn lists_come_in_hundreds() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for n in 0..101 {
        create(&root, &format!("t{n:03}"), json!({}));
    }
    let first = root.call("sns", "ListTopics", json!({})).ok();
    assert_eq!(first["Topics"].as_array().unwrap().len(), 100);
    let rest = root.call("sns", "ListTopics", json!({ "NextToken": first["NextToken"] })).ok();
    assert_eq!(rest["Topics"], json!([{ "TopicArn": "arn:aws:sns:us-east-1:123456789012:t100" }]));
    root.call("sns", "ListTopics", json!({ "NextToken": "x" })).refused(400, "InvalidParameter");
}

#[test]
fn permissions_and_tags_decide() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let there = cloud.root("210987654321");
    let arn = create(&root, "news", json!({}));
    let publish = json!({ "TopicArn": arn, "Message": "m" });
    there.call("sns", "Publish", publish.clone()).refused(403, "AuthorizationError");
    // The default policy is for services that act for the account; it lets no user in.
    let nobody = cloud.user(&root, "nobody", "");
    nobody.call("sns", "Publish", publish.clone()).refused(403, "AuthorizationError");
    let add = json!({ "TopicArn": arn, "Label": "them", "AWSAccountId": ["210987654321"], "ActionName": ["Publish"] });
    root.call("sns", "AddPermission", add.clone()).ok();
    there.call("sns", "Publish", publish.clone()).ok();
    root.call("sns", "AddPermission", add).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Statement already exists",
    );
    let bad =
        json!({ "TopicArn": arn, "Label": "x", "AWSAccountId": ["210987654321"], "ActionName": ["Fly"] });
    root.call("sns", "AddPermission", bad).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Policy statement action out of service scope!",
    );
    root.call("sns", "RemovePermission", json!({ "TopicArn": arn, "Label": "them" })).ok();
    there.call("sns", "Publish", publish.clone()).refused(403, "AuthorizationError");
    root.call("sns", "TagResource", json!({ "ResourceArn": arn, "Tags": [{ "Key": "team", "Value": "a" }] }))
        .ok();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sns:Publish","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("sns", "Publish", publish.clone()).ok();
    let tags = root.call("sns", "ListTagsForResource", json!({ "ResourceArn": arn })).ok();
    assert_eq!(tags["Tags"], json!([{ "Key": "team", "Value": "a" }]));
    root.call("sns", "UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["team"] })).ok();
    eva.call("sns", "Publish", publish).refused(403, "AuthorizationError");
}

#[test]
fn policies_are_of_principals_that_are_there() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok()["TopicArn"].clone();
    let policy = |user: &str| {
        format!(
            r#"{{ "Statement": [ {{ "Action": "sns:Publish", "Effect": "Allow", "Resource": "{}",
                "Principal": {{ "AWS": "arn:aws:iam::{ACCOUNT}:user/{user}" }} }} ], "Version": "2012-10-17" }}"#,
            topic.as_str().unwrap()
        )
    };
    let set = |text: String| {
        let asked = json!({ "TopicArn": topic, "AttributeName": "Policy", "AttributeValue": text });
        root.call("sns", "SetTopicAttributes", asked)
    };
    let words = "Invalid parameter: Policy Error: PrincipalNotFound";
    set(policy("nobody")).refused_with(400, "InvalidParameter", words);
    cloud.user(&root, "ann", "");
    set(policy("ann")).ok();
    let told = root.call("sns", "GetTopicAttributes", json!({ "TopicArn": topic })).ok();
    let all = told["Attributes"].as_array().unwrap();
    let told = all.iter().find(|entry| entry["key"] == "Policy").unwrap()["value"].as_str().unwrap();
    let start = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"},"Action":"sns:Publish","#;
    assert!(told.starts_with(start), "{told}");
}
