//! Connections of OAuth: a token is fetched, kept, and fetched anew.

use crate::endpoint::{Authority, Endpoint};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn parameters(endpoint: &str) -> Value {
    json!({ "OAuthParameters": {
        "ClientParameters": { "ClientID": "me", "ClientSecret": "hush" },
        "AuthorizationEndpoint": endpoint, "HttpMethod": "POST",
        "OAuthHttpParameters": { "BodyParameters": [{ "Key": "grant_type", "Value": "client_credentials" }] },
    } })
}

fn connect(root: &Caller<'_>, endpoint: &str) -> Value {
    let asked = json!({ "Name": "c", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": parameters(endpoint) });
    root.call("events", "CreateConnection", asked).ok()
}

fn describe(root: &Caller<'_>) -> Value {
    root.call("events", "DescribeConnection", json!({ "Name": "c" })).ok()
}

fn answer(endpoint: &Endpoint, cloud: &Cloud, status: u16, body: &str) -> Vec<crate::endpoint::Called> {
    endpoint.answered(cloud, &format!("{status} X\r\nContent-Length: {}", body.len()), body)
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const MAY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"events:InvokeApiDestination","Resource":"*"}}"#;

/// A rule that calls this endpoint for all events of `app`.
fn rule(root: &Caller<'_>, connection: &Value, url: &str) {
    let asked = json!({ "Name": "hook", "ConnectionArn": connection, "InvocationEndpoint": url, "HttpMethod": "POST" });
    let arn = root.call("events", "CreateApiDestination", asked).ok()["ApiDestinationArn"].clone();
    let made = json!({ "RoleName": "caller", "AssumeRolePolicyDocument": TRUST });
    let role = root.call("iam", "CreateRole", made).ok()["Role"]["Arn"].clone();
    root.call(
        "iam",
        "PutRolePolicy",
        json!({ "RoleName": "caller", "PolicyName": "p", "PolicyDocument": MAY }),
    )
    .ok();
    root.call("events", "PutRule", json!({ "Name": "r", "EventPattern": r#"{"source":["app"]}"# })).ok();
    let target = json!({ "Id": "1", "Arn": arn, "RoleArn": role });
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": [target] })).ok();
}

fn send(root: &Caller<'_>) {
    let entry = json!({ "Source": "app", "DetailType": "order", "Detail": "{}" });
    root.call("events", "PutEvents", json!({ "Entries": [entry] })).ok();
}

#[test]
fn a_token_is_fetched_kept_and_replaced() {
    let authority = Authority::new();
    let (tokens, hook) =
        (Endpoint::secure(&authority, "127.0.0.1"), Endpoint::secure(&authority, "127.0.0.1"));
    let cloud = authority.cloud();
    let root = cloud.root(ACCOUNT);
    let made = connect(&root, &tokens.url("/token?x=1"));
    assert_eq!(made["ConnectionState"], "AUTHORIZING");
    let asked =
        answer(&tokens, &cloud, 200, r#"{"access_token":"one","token_type":"Bearer","expires_in":3600}"#);
    assert_eq!(asked.len(), 1);
    assert!(asked[0].head.starts_with("POST /token?x=1 HTTP/1.1\r\n"), "{}", asked[0].head);
    assert_eq!(asked[0].body, "grant_type=client_credentials&client_id=me&client_secret=hush");
    assert_eq!(asked[0].header("Content-Type"), Some("application/x-www-form-urlencoded"));
    let seen = describe(&root);
    assert_eq!((&seen["ConnectionState"], seen.get("StateReason")), (&json!("AUTHORIZED"), None));
    assert!(seen["LastAuthorizedTime"].is_number());
    let shown = json!({ "OAuthParameters": {
        "ClientParameters": { "ClientID": "me" }, "AuthorizationEndpoint": tokens.url("/token?x=1"), "HttpMethod": "POST",
        "OAuthHttpParameters": { "BodyParameters": [{ "Key": "grant_type", "Value": "client_credentials", "IsValueSecret": false }] },
    } });
    assert_eq!(seen["AuthParameters"], shown);
    rule(&root, &made["ConnectionArn"], &hook.url("/"));
    for _ in 0..2 {
        send(&root);
        assert_eq!(hook.call(&cloud, 200).header("Authorization"), Some("Bearer one"));
    }
    // What is not taken is replaced with the next attempt.
    send(&root);
    assert_eq!(hook.call(&cloud, 401).header("Authorization"), Some("Bearer one"));
    cloud.advance(Duration::from_secs(5));
    let (asked, called) = std::thread::scope(|scope| {
        let serving = scope.spawn(|| hook.listen(1));
        let asked = answer(&tokens, &cloud, 200, r#"{"access_token":"two","expires_in":3600}"#);
        (asked, serving.join().unwrap())
    });
    assert!(asked[0].body.contains("client_secret=hush"));
    assert_eq!(called[0].header("Authorization"), Some("Bearer two"));
    // One that is about to be over is replaced before; where it cannot be, the connection is deauthorized.
    cloud.advance(Duration::from_secs(3_600));
    send(&root);
    assert_eq!(answer(&tokens, &cloud, 403, "").len(), 1);
    let seen = describe(&root);
    assert_eq!(seen["ConnectionState"], "DEAUTHORIZED");
    assert_eq!(seen["StateReason"], "the authorization endpoint answered with the status 403");
    let hooked = root.call("events", "DescribeApiDestination", json!({ "Name": "hook" })).ok();
    assert_eq!(hooked["ApiDestinationState"], "INACTIVE");
    send(&root);
    assert!(hook.calls(&cloud, 200).is_empty());
    // It is authorized anew by a change.
    let change = json!({ "Name": "c", "AuthParameters": { "OAuthParameters": { "ClientParameters": { "ClientSecret": "new" } } } });
    assert_eq!(root.call("events", "UpdateConnection", change).ok()["ConnectionState"], "AUTHORIZING");
    let asked = answer(&tokens, &cloud, 200, r#"{"access_token":"three"}"#);
    assert_eq!(asked[0].body, "grant_type=client_credentials&client_id=me&client_secret=new");
    assert_eq!(describe(&root)["ConnectionState"], "AUTHORIZED");
    send(&root);
    assert_eq!(hook.call(&cloud, 200).header("Authorization"), Some("Bearer three"));
    let gone = root.call("events", "DeauthorizeConnection", json!({ "Name": "c" })).ok();
    assert_eq!(gone["ConnectionState"], "DEAUTHORIZING");
    assert_eq!(describe(&root)["ConnectionState"], "DEAUTHORIZED");
}

#[test]
fn what_waits_and_what_is_refused() {
    let authority = Authority::new();
    let tokens = Endpoint::secure(&authority, "127.0.0.1");
    let cloud = authority.cloud();
    let root = cloud.root(ACCOUNT);
    connect(&root, &tokens.url("/"));
    // What is only unwell is asked again.
    assert_eq!(answer(&tokens, &cloud, 503, "").len(), 1);
    assert_eq!(describe(&root)["ConnectionState"], "AUTHORIZING");
    cloud.advance(Duration::from_secs(5));
    assert_eq!(answer(&tokens, &cloud, 200, "{}").len(), 1);
    let seen = describe(&root);
    assert_eq!(
        (&seen["ConnectionState"], &seen["StateReason"]),
        (&json!("DEAUTHORIZED"), &json!("the authorization endpoint gave no access token"))
    );
    assert!(!root.call("events", "ListConnections", json!({ "ConnectionState": "DEAUTHORIZED" })).ok()["Connections"].as_array().unwrap().is_empty());
    for (more, message) in [
        (
            json!({ "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {} }),
            "Parameter(s) OAuthParameters must be specified for the authorization type OAUTH_CLIENT_CREDENTIALS.",
        ),
        (
            json!({ "AuthorizationType": "BASIC", "AuthParameters": parameters("https://127.0.0.1/") }),
            "Only BasicAuthParameters can be specified for the authorization type BASIC.",
        ),
        (
            json!({ "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": parameters("http://127.0.0.1/") }),
            "Parameter AuthorizationEndpoint is not valid. Reason: It must be a URL that uses HTTPS.",
        ),
        (
            json!({ "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": parameters("https://example.com/") }),
            "Calls beyond this machine are not built: an API destination must be on its loopback address.",
        ),
    ] {
        let mut asked = json!({ "Name": "other" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("events", "CreateConnection", asked).refused_with(400, "ValidationException", message);
    }
}
