//! API destinations and their connections: made, changed, and called by rules.

use crate::endpoint::{Authority, Called, Endpoint};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;
use store::Read;

const ACCOUNT: &str = "123456789012";
const DEAD: &str = "arn:aws:sqs:us-east-1:123456789012:dead";

fn basic(password: &str) -> Value {
    json!({ "BasicAuthParameters": { "Username": "eva", "Password": password } })
}

/// A connection; its ARN.
fn connection(root: &Caller<'_>, name: &str, kind: &str, parameters: Value) -> String {
    let asked = json!({ "Name": name, "AuthorizationType": kind, "AuthParameters": parameters });
    root.call("events", "CreateConnection", asked).ok()["ConnectionArn"].as_str().unwrap().to_owned()
}

/// An API destination; its ARN.
fn destination(root: &Caller<'_>, connection: &str, url: &str, more: Value) -> String {
    let mut asked = json!({ "Name": "hook", "ConnectionArn": connection, "InvocationEndpoint": url, "HttpMethod": "POST" });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = root.call("events", "CreateApiDestination", asked).ok();
    made["ApiDestinationArn"].as_str().unwrap().to_owned()
}

/// A role that EventBridge may take, which may call these destinations.
fn role(root: &Caller<'_>, resource: &str) -> String {
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let made = root
        .call("iam", "CreateRole", json!({ "RoleName": "caller", "AssumeRolePolicyDocument": trust }))
        .ok();
    let right = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"events:InvokeApiDestination","Resource":"{resource}"}}}}"#
    );
    let right = json!({ "RoleName": "caller", "PolicyName": "p", "PolicyDocument": right });
    root.call("iam", "PutRolePolicy", right).ok();
    made["Role"]["Arn"].as_str().unwrap().to_owned()
}

/// A rule that sends all events of the application `app` to a destination, with a dead-letter queue.
fn rule(root: &Caller<'_>, arn: &str, role: &str, more: Value) {
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}"#;
    root.call("sqs", "CreateQueue", json!({ "QueueName": "dead", "Attributes": { "Policy": policy } })).ok();
    root.call("events", "PutRule", json!({ "Name": "r", "EventPattern": r#"{"source":["app"]}"# })).ok();
    let mut target = json!({ "Id": "1", "Arn": arn, "RoleArn": role, "DeadLetterConfig": { "Arn": DEAD } });
    target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": [target] })).ok();
}

fn send(root: &Caller<'_>, detail: &Value) {
    let entry = json!({ "Source": "app", "DetailType": "order", "Detail": detail.to_string() });
    root.call("events", "PutEvents", json!({ "Entries": [entry] })).ok();
}

/// What is in the dead-letter queue: code, attempts and bound of each.
fn died(root: &Caller<'_>) -> Vec<(String, String, String)> {
    let ask = json!({ "QueueUrl": "dead", "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
    let found = root.call("sqs", "ReceiveMessage", ask).ok();
    let messages = found["Messages"].as_array().cloned().unwrap_or_default();
    let one = |message: &Value| {
        let done = json!({ "QueueUrl": "dead", "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", done).ok();
        let text = |name: &str| {
            let value = &message["MessageAttributes"][name]["StringValue"];
            value.as_str().unwrap_or_default().to_owned()
        };
        (text("ERROR_CODE"), text("RETRY_ATTEMPTS"), text("EXHAUSTED_RETRY_CONDITION"))
    };
    messages.iter().map(one).collect()
}

fn dead(code: &str, attempts: &str, bound: &str) -> Vec<(String, String, String)> {
    vec![(code.into(), attempts.into(), bound.into())]
}

/// A cloud with an endpoint that it trusts.
fn world() -> (Cloud, Endpoint) {
    let authority = Authority::new();
    let endpoint = Endpoint::secure(&authority, "127.0.0.1");
    (authority.cloud(), endpoint)
}

const ANY: &str = "arn:aws:events:us-east-1:123456789012:api-destination/hook/*";

#[test]
fn an_event_is_posted_with_all_that_target_and_connection_bring() {
    let (cloud, endpoint) = world();
    let root = cloud.root(ACCOUNT);
    let mut parameters = basic("secret");
    parameters["InvocationHttpParameters"] = json!({
        "HeaderParameters": [{ "Key": "X-Team", "Value": "blue", "IsValueSecret": true }],
        "QueryStringParameters": [{ "Key": "v", "Value": "2" }],
        "BodyParameters": [{ "Key": "added", "Value": "yes" }],
    });
    let connection = connection(&root, "c", "BASIC", parameters);
    let arn = destination(&root, &connection, &endpoint.url("/orders/*"), json!({ "HttpMethod": "PUT" }));
    let http = json!({
        "PathParameterValues": ["$.detail.id"], "HeaderParameters": { "X-Kind": "$.detail-type", "x-team": "red" },
        "QueryStringParameters": { "who": "me & you" },
    });
    let input = json!({ "InputPath": "$.detail", "HttpParameters": http });
    rule(&root, &arn, &role(&root, ANY), input);
    let listed = root.call("events", "ListTargetsByRule", json!({ "Rule": "r" })).ok();
    assert_eq!(listed["Targets"][0]["HttpParameters"], http);
    send(&root, &json!({ "id": "a/1", "n": 1 }));
    let called = endpoint.call(&cloud, 200);
    assert!(
        called.head.starts_with("PUT /orders/a%2F1?who=me%20%26%20you&v=2 HTTP/1.1\r\n"),
        "{}",
        called.head
    );
    assert_eq!(called.document(), json!({ "id": "a/1", "n": 1, "added": "yes" }));
    for (name, value) in [
        ("Authorization", "Basic ZXZhOnNlY3JldA=="),
        ("Content-Type", "application/json; charset=utf-8"),
        ("User-Agent", "Amazon/EventBridge/ApiDestinations"),
        ("Range", "bytes=0-1048575"),
        ("X-Team", "blue"),
        ("X-Kind", "order"),
    ] {
        assert_eq!(called.header(name), Some(value), "{name}");
    }
    assert!(endpoint.calls(&cloud, 200).is_empty());
    assert!(died(&root).is_empty());
    // A key instead, from the next call on.
    let key = json!({ "Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": { "ApiKeyAuthParameters": { "ApiKeyName": "X-Key", "ApiKeyValue": "k" } } });
    root.call("events", "UpdateConnection", key).ok();
    send(&root, &json!({ "id": "2" }));
    let called = endpoint.call(&cloud, 204);
    assert_eq!((called.header("X-Key"), called.header("Authorization")), (Some("k"), None));
    assert_eq!(called.header("X-Team"), Some("red"));
}

#[test]
fn failures_are_tried_again_as_long_as_the_endpoint_and_the_policy_say() {
    let (cloud, endpoint) = world();
    let root = cloud.root(ACCOUNT);
    let arn = destination(&root, &connection(&root, "c", "BASIC", basic("p")), &endpoint.url("/"), json!({}));
    let retry = json!({ "RetryPolicy": { "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 7200 } });
    rule(&root, &arn, &role(&root, ANY), retry);
    let answered = |head: &str| endpoint.answered(&cloud, &format!("{head}\r\nContent-Length: 0"), "").len();
    send(&root, &json!({}));
    assert_eq!(answered("503 X\r\nRetry-After: 600"), 1);
    cloud.advance(Duration::from_secs(599));
    assert_eq!(answered("200 OK"), 0);
    cloud.advance(Duration::from_secs(1));
    assert_eq!(answered("429 X"), 1);
    assert!(died(&root).is_empty());
    cloud.advance(Duration::from_secs(60));
    assert_eq!(answered("500 X"), 1);
    assert_eq!(died(&root), dead("ERROR_FROM_TARGET", "2", "MaximumRetryAttempts"));
    // What it refuses is final, and so is a negative wait.
    for head in ["404 X", "503 X\r\nRetry-After: -1"] {
        send(&root, &json!({}));
        assert_eq!(answered(head), 1);
        assert_eq!(died(&root), dead("ERROR_FROM_TARGET", "0", ""));
    }
    // Its time is over before it is called again.
    send(&root, &json!({}));
    assert_eq!(answered("503 X\r\nRetry-After: 7200"), 1);
    cloud.advance(Duration::from_secs(7_200));
    assert_eq!(answered("200 OK"), 0);
    assert_eq!(died(&root), dead("TIMEOUT", "1", "MaximumEventAgeInSeconds"));
}

#[test]
fn a_second_brings_no_more_than_the_destination_allows() {
    let (cloud, endpoint) = world();
    let root = cloud.root(ACCOUNT);
    let limit = json!({ "InvocationRateLimitPerSecond": 2 });
    let arn = destination(&root, &connection(&root, "c", "BASIC", basic("p")), &endpoint.url("/"), limit);
    rule(&root, &arn, &role(&root, ANY), json!({}));
    (0..5).for_each(|n| send(&root, &json!({ "n": n })));
    for left in [2, 2, 1, 0] {
        assert_eq!(endpoint.calls(&cloud, 200).len(), left);
        assert_eq!(endpoint.calls(&cloud, 200).len(), 0);
        cloud.advance(Duration::from_secs(1));
    }
}

#[test]
fn rights_connection_and_destination_must_be_there_when_it_is_called() {
    let (cloud, endpoint) = world();
    let root = cloud.root(ACCOUNT);
    let connection = connection(&root, "c", "BASIC", basic("p"));
    let arn = destination(&root, &connection, &endpoint.url("/"), json!({}));
    let role = role(&root, "arn:aws:events:us-east-1:123456789012:api-destination/other/*");
    rule(&root, &arn, &role, json!({}));
    let code = || {
        send(&root, &json!({}));
        assert!(endpoint.calls(&cloud, 200).is_empty());
        let died = died(&root);
        assert_eq!((died.len(), died[0].1.as_str()), (1, "0"), "{died:?}");
        died[0].0.clone()
    };
    assert_eq!(code(), "NO_PERMISSIONS");
    // By its whole ARN, and by the one that is for policies.
    for named in [arn.rsplit_once('/').unwrap().0, &arn] {
        let right = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"events:InvokeApiDestination","Resource":"{named}"}}}}"#
        );
        let right = json!({ "RoleName": "caller", "PolicyName": "p", "PolicyDocument": right });
        root.call("iam", "PutRolePolicy", right).ok();
        send(&root, &json!({}));
        endpoint.call(&cloud, 200);
    }
    let active = || {
        let got = root.call("events", "DescribeApiDestination", json!({ "Name": "hook" })).ok();
        got["ApiDestinationState"].as_str().unwrap().to_owned()
    };
    assert_eq!(active(), "ACTIVE");
    let gone = root.call("events", "DeauthorizeConnection", json!({ "Name": "c" })).ok();
    assert_eq!(gone["ConnectionState"], "DEAUTHORIZING");
    assert_eq!(active(), "INACTIVE");
    assert_eq!(code(), "NO_PERMISSIONS");
    let again = json!({ "Name": "c", "AuthParameters": basic("q") });
    assert_eq!(root.call("events", "UpdateConnection", again).ok()["ConnectionState"], "AUTHORIZED");
    send(&root, &json!({}));
    let called: Called = endpoint.call(&cloud, 200);
    assert_eq!(called.header("Authorization"), Some("Basic ZXZhOnE="));
    root.call("events", "DeleteConnection", json!({ "Name": "c" })).ok();
    assert_eq!(active(), "INACTIVE");
    assert_eq!(code(), "NO_RESOURCE");
    // One of the same name is another one.
    self::connection(&root, "c", "BASIC", basic("p"));
    assert_eq!(code(), "NO_RESOURCE");
    root.call("iam", "DeleteRolePolicy", json!({ "RoleName": "caller", "PolicyName": "p" })).ok();
    root.call("iam", "DeleteRole", json!({ "RoleName": "caller" })).ok();
    assert_eq!(code(), "FAILED_TO_ASSUME_ROLE");
    root.call("events", "DeleteApiDestination", json!({ "Name": "hook" })).ok();
    assert_eq!(code(), "NO_RESOURCE");
}

#[test]
fn what_is_secret_is_shown_nowhere() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let mut parameters = basic("hunter2-password");
    parameters["InvocationHttpParameters"] = json!({
        "HeaderParameters": [
            { "Key": "a", "Value": "hunter2-header", "IsValueSecret": true }, { "Key": "b", "Value": "seen", "IsValueSecret": false },
        ],
    });
    let arn = connection(&root, "c", "BASIC", parameters);
    assert!(arn.starts_with("arn:aws:events:us-east-1:123456789012:connection/c/"), "{arn}");
    let described = root.call("events", "DescribeConnection", json!({ "Name": "c" })).ok();
    assert_eq!(
        described["AuthParameters"],
        json!({
            "BasicAuthParameters": { "Username": "eva" },
            "InvocationHttpParameters": { "HeaderParameters": [
                { "Key": "a", "IsValueSecret": true }, { "Key": "b", "Value": "seen", "IsValueSecret": false },
            ] },
        })
    );
    assert_eq!(
        (&described["ConnectionState"], &described["AuthorizationType"]),
        (&json!("AUTHORIZED"), &json!("BASIC"))
    );
    // There is no Secrets Manager that it could be in.
    assert_eq!(described.get("SecretArn"), None);
    let listed = root.call("events", "ListConnections", json!({})).ok();
    assert_eq!(listed["Connections"][0]["Name"], "c");
    cloud.reconcile();
    for entry in cloud.cloud.store().snapshot().scan(store::KeyRange::all(), store::Direction::Forward) {
        let (key, value) = entry.unwrap();
        let found = value.windows(7).any(|bytes| bytes == b"hunter2");
        assert!(!found, "{key:?}");
    }
    // A new password leaves the rest as it was.
    let update = json!({ "Name": "c", "AuthParameters": { "BasicAuthParameters": { "Password": "other" } } });
    root.call("events", "UpdateConnection", update).ok();
    let again = root.call("events", "DescribeConnection", json!({ "Name": "c" })).ok();
    assert_eq!(again["AuthParameters"], described["AuthParameters"]);
}

#[test]
fn the_life_of_a_destination() {
    let (cloud, endpoint) = world();
    let root = cloud.root(ACCOUNT);
    let connection = connection(&root, "c", "BASIC", basic("p"));
    let arn = destination(&root, &connection, &endpoint.url("/a"), json!({ "Description": "first" }));
    let describe = || root.call("events", "DescribeApiDestination", json!({ "Name": "hook" })).ok();
    let first = describe();
    assert_eq!(
        first,
        json!({
            "ApiDestinationArn": arn, "Name": "hook", "Description": "first", "ApiDestinationState": "ACTIVE",
            "ConnectionArn": connection, "InvocationEndpoint": endpoint.url("/a"), "HttpMethod": "POST",
            "InvocationRateLimitPerSecond": 300, "CreationTime": first["CreationTime"], "LastModifiedTime": first["LastModifiedTime"],
        })
    );
    let update = json!({ "Name": "hook", "HttpMethod": "PATCH", "InvocationRateLimitPerSecond": 5 });
    root.call("events", "UpdateApiDestination", update).ok();
    let second = describe();
    assert_eq!(
        (&second["HttpMethod"], &second["InvocationRateLimitPerSecond"], &second["Description"]),
        (&json!("PATCH"), &json!(5), &json!("first"))
    );
    let list = |ask: Value| {
        let got = root.call("events", "ListApiDestinations", ask).ok();
        got["ApiDestinations"].as_array().unwrap().len()
    };
    assert_eq!(
        (list(json!({})), list(json!({ "NamePrefix": "x" })), list(json!({ "ConnectionArn": connection }))),
        (1, 0, 1)
    );
    root.call("events", "DeleteApiDestination", json!({ "Name": "hook" })).ok();
    root.call("events", "DescribeApiDestination", json!({ "Name": "hook" })).refused_with(
        400,
        "ResourceNotFoundException",
        "Failed to describe the api-destination(s). An api-destination 'hook' does not exist.",
    );
}

#[test]
fn what_no_connection_or_destination_can_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let make = |kind: &str, parameters: Value, more: Value| {
        let mut asked = json!({ "Name": "n", "AuthorizationType": kind, "AuthParameters": parameters });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("events", "CreateConnection", asked)
    };
    let invalid = |reply: Reply, words: &str| reply.refused_with(400, "ValidationException", words);
    invalid(
        make("NONE", json!({}), json!({})),
        "1 validation error detected: Value 'NONE' at 'authorizationType' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]",
    );
    invalid(
        make("OAUTH_CLIENT_CREDENTIALS", json!({}), json!({})),
        "Parameter(s) OAuthParameters must be specified for the authorization type OAUTH_CLIENT_CREDENTIALS.",
    );
    invalid(
        make("API_KEY", json!({}), json!({})),
        "Parameter(s) ApiKeyAuthParameters must be specified for the authorization type API_KEY.",
    );
    invalid(
        make("API_KEY", basic("p"), json!({})),
        "Only ApiKeyAuthParameters can be specified for the authorization type API_KEY.",
    );
    make("BASIC", basic("p"), json!({ "KmsKeyIdentifier": "alias/a" })).refused(400, "ValidationException");
    let made = make("BASIC", basic("p"), json!({})).ok()["ConnectionArn"].clone();
    make("BASIC", basic("p"), json!({})).refused_with(
        400,
        "ResourceAlreadyExistsException",
        "Connection 'n' already exists.",
    );
    root.call("events", "DescribeConnection", json!({ "Name": "x" })).refused_with(
        400,
        "ResourceNotFoundException",
        "Failed to describe the connection(s). Connection 'x' does not exist.",
    );
    let other = json!({ "Name": "n", "AuthorizationType": "API_KEY" });
    root.call("events", "UpdateConnection", other).refused(400, "ValidationException");
    let destination = |connection: &Value, url: &str| {
        let asked = json!({ "Name": "d", "ConnectionArn": connection, "InvocationEndpoint": url, "HttpMethod": "POST" });
        root.call("events", "CreateApiDestination", asked)
    };
    invalid(
        destination(&made, "http://127.0.0.1/"),
        "Parameter InvocationEndpoint is not valid. Reason: It must be a URL that uses HTTPS.",
    );
    invalid(
        destination(&made, "https://192.0.2.1/"),
        "Calls beyond this machine are not built: an API destination must be on its loopback address.",
    );
    let none = json!("arn:aws:events:us-east-1:123456789012:connection/none/1");
    destination(&none, "https://127.0.0.1/").refused_with(
        400,
        "ResourceNotFoundException",
        "Connection 'arn:aws:events:us-east-1:123456789012:connection/none/1' does not exist.",
    );
    destination(&made, "https://127.0.0.1/").ok();
    destination(&made, "https://127.0.0.1/").refused_with(
        400,
        "ResourceAlreadyExistsException",
        "An api-destination 'd' already exists.",
    );
    root.call("events", "PutRule", json!({ "Name": "r", "EventPattern": r#"{"source":["app"]}"# })).ok();
    let target =
        |target: Value| root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": [target] }));
    let arn = "arn:aws:events:us-east-1:123456789012:api-destination/d/1";
    invalid(target(json!({ "Id": "1", "Arn": arn })), &format!("RoleArn is required for target {arn}."));
    let http = json!({ "Id": "1", "Arn": DEAD, "HttpParameters": { "PathParameterValues": ["a"] } });
    invalid(target(http), "Parameter(s) HttpParameters can only be used with an API destination: 1.");
}
