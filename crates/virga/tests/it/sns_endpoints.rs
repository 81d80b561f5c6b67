//! HTTP endpoints: by TLS if they are trusted, and told when their subscription ends.

use crate::endpoint::{Authority, Called, Endpoint};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn topic(root: &Caller<'_>) -> String {
    let made = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok();
    made["TopicArn"].as_str().unwrap().to_owned()
}

fn subscribe(root: &Caller<'_>, topic: &str, protocol: &str, url: &str) -> String {
    let asked =
        json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": url, "ReturnSubscriptionArn": true });
    root.call("sns", "Subscribe", asked).ok()["SubscriptionArn"].as_str().unwrap().to_owned()
}

fn confirm(root: &Caller<'_>, topic: &str, called: &Called) -> Value {
    let asked = json!({ "TopicArn": topic, "Token": called.document()["Token"] });
    root.call("sns", "ConfirmSubscription", asked).ok()["SubscriptionArn"].clone()
}

fn publish(root: &Caller<'_>, topic: &str) {
    root.call("sns", "Publish", json!({ "TopicArn": topic, "Message": "hello" })).ok();
}

/// Follows a link of a message.
fn visit(cloud: &Cloud, link: &Value) -> u16 {
    let link = link.as_str().unwrap();
    let path = &link[link.find("/?").unwrap()..];
    let request = http::Request::get(path).header("host", "127.0.0.1:4566").body(bytes::Bytes::new());
    cloud.send(request.unwrap(), "127.0.0.1".parse().unwrap()).status
}

#[test]
fn an_endpoint_with_a_trusted_certificate_is_called_by_https() {
    let authority = Authority::new();
    let cloud = authority.cloud();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root);
    let endpoint = Endpoint::secure(&authority, "127.0.0.1");
    let arn = subscribe(&root, &topic, "https", &endpoint.url("/hook?a=b"));
    let confirmation = endpoint.call(&cloud, 200);
    assert!(confirmation.head.starts_with("POST /hook?a=b HTTP/1.1"), "{}", confirmation.head);
    assert_eq!(confirm(&root, &topic, &confirmation), arn);
    publish(&root, &topic);
    assert_eq!(endpoint.call(&cloud, 503).document()["Message"], "hello");
    cloud.advance(Duration::from_secs(20));
    let again = endpoint.call(&cloud, 200);
    assert_eq!(again.header("x-amz-sns-subscription-arn"), Some(arn.as_str()));
}

#[test]
fn nobody_else_is_told_anything() {
    let authority = Authority::new();
    let cloud = authority.cloud();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root);
    // A stranger's certificate, and a trusted one for another name.
    for endpoint in
        [Endpoint::secure(&Authority::new(), "127.0.0.1"), Endpoint::secure(&authority, "localhost")]
    {
        subscribe(&root, &topic, "https", &endpoint.url("/"));
        assert!(endpoint.calls(&cloud, 200).is_empty());
        // It is tried again: certificates can be changed.
        cloud.advance(Duration::from_secs(20));
        assert!(endpoint.calls(&cloud, 200).is_empty());
    }
    // Nobody is trusted where nobody was said to be.
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = self::topic(&root);
    let endpoint = Endpoint::secure(&authority, "127.0.0.1");
    subscribe(&root, &topic, "https", &endpoint.url("/"));
    assert!(endpoint.calls(&cloud, 200).is_empty());
}

#[test]
fn endpoints_that_do_not_fit_their_protocol() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root);
    for (protocol, url) in [
        ("http", "https://127.0.0.1/"),
        ("https", "http://127.0.0.1/"),
        ("https", "127.0.0.1"),
        ("https", "https://127.0.0.1/\r\nX: y"),
    ] {
        let asked = json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": url });
        root.call("sns", "Subscribe", asked).refused_with(
            400,
            "InvalidParameter",
            "Invalid parameter: Endpoint must match the specified protocol",
        );
    }
    let asked = json!({ "TopicArn": topic, "Protocol": "https", "Endpoint": "https://192.0.2.1/" });
    root.call("sns", "Subscribe", asked).refused(501, "NotImplemented");
}

#[test]
fn an_endpoint_is_told_of_its_end_and_may_undo_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root);
    let endpoint = Endpoint::new();
    let arn = subscribe(&root, &topic, "http", &endpoint.url("/"));
    confirm(&root, &topic, &endpoint.call(&cloud, 200));
    let count = |name: &str| {
        let got = root.call("sns", "GetTopicAttributes", json!({ "TopicArn": topic })).ok();
        let all = got["Attributes"].as_array().unwrap();
        all.iter().find(|entry| entry["key"] == name).unwrap()["value"].as_str().unwrap().to_owned()
    };
    let counts = || (count("SubscriptionsConfirmed"), count("SubscriptionsDeleted"));
    let both = |confirmed: &str, ended: &str| (confirmed.to_owned(), ended.to_owned());
    // By the owner's call, and by the link of a notification.
    for by_link in [false, true] {
        if by_link {
            publish(&root, &topic);
            let notification = endpoint.call(&cloud, 200).document();
            assert_eq!(visit(&cloud, &notification["UnsubscribeURL"]), 200);
        } else {
            root.call("sns", "Unsubscribe", json!({ "SubscriptionArn": arn })).ok();
        }
        assert_eq!(counts(), both("0", "1"));
        let goodbye = endpoint.call(&cloud, 200);
        assert_eq!(goodbye.header("x-amz-sns-message-type"), Some("UnsubscribeConfirmation"));
        assert_eq!(goodbye.header("x-amz-sns-subscription-arn"), Some(arn.as_str()));
        let body = goodbye.document();
        assert_eq!((&body["Type"], &body["TopicArn"]), (&json!("UnsubscribeConfirmation"), &json!(topic)),);
        let words = format!("You have chosen to deactivate subscription {arn}.");
        assert!(body["Message"].as_str().unwrap().starts_with(&words), "{body}");
        crate::sns_delivery::verify(&cloud, &body);
        // What is ended gets nothing.
        publish(&root, &topic);
        assert!(endpoint.calls(&cloud, 200).is_empty());
        for _ in 0..2 {
            assert_eq!(visit(&cloud, &body["SubscribeURL"]), 200);
            assert_eq!(counts(), both("1", "0"));
        }
        publish(&root, &topic);
        assert_eq!(endpoint.call(&cloud, 200).document()["Message"], "hello");
    }
}

#[test]
fn what_does_not_come_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = topic(&root);
    let endpoint = Endpoint::new();
    let ended = || {
        let arn = subscribe(&root, &topic, "http", &endpoint.url("/"));
        confirm(&root, &topic, &endpoint.call(&cloud, 200));
        root.call("sns", "Unsubscribe", json!({ "SubscriptionArn": arn })).ok();
        endpoint.call(&cloud, 200).document()["Token"].clone()
    };
    let refused = |token: &Value| {
        let asked = json!({ "TopicArn": topic, "Token": token });
        root.call("sns", "ConfirmSubscription", asked).refused_with(
            400,
            "InvalidParameter",
            "Invalid parameter: Token",
        );
    };
    // Its endpoint has a new subscription.
    let token = ended();
    let arn = subscribe(&root, &topic, "http", &endpoint.url("/"));
    endpoint.call(&cloud, 200);
    refused(&token);
    root.call("sns", "Unsubscribe", json!({ "SubscriptionArn": arn })).ok();
    // Who never confirmed is not told.
    assert!(endpoint.calls(&cloud, 200).is_empty());
    // Its time is over.
    let token = ended();
    cloud.advance(Duration::from_secs(2 * 86_400));
    refused(&token);
    cloud.reconcile();
    refused(&token);
    // Its topic is gone.
    let token = ended();
    root.call("sns", "DeleteTopic", json!({ "TopicArn": topic })).ok();
    self::topic(&root);
    refused(&token);
}
