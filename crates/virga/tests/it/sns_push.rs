//! Platform applications, their endpoints, and what is published to them.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const APP: &str = "arn:aws:sns:us-east-1:123456789012:app/GCM/mine";

fn map(entries: &Value) -> Value {
    let pair = |e: &Value| (e["key"].as_str().unwrap().to_owned(), e["value"].clone());
    entries.as_array().map(|all| all.iter().map(pair).collect()).unwrap_or_else(|| json!({}))
}

fn application(root: &Caller<'_>, platform: &str, attributes: Value) -> Reply {
    let asked = json!({ "Name": "mine", "Platform": platform, "Attributes": attributes });
    root.call("sns", "CreatePlatformApplication", asked)
}

fn endpoint(root: &Caller<'_>, token: &str, more: Value) -> Reply {
    let mut asked = more;
    asked["PlatformApplicationArn"] = json!(APP);
    asked["Token"] = json!(token);
    root.call("sns", "CreatePlatformEndpoint", asked)
}

fn attributes(root: &Caller<'_>, arn: &str) -> Value {
    map(&root.call("sns", "GetEndpointAttributes", json!({ "EndpointArn": arn })).ok()["Attributes"])
}

fn publish(root: &Caller<'_>, target: &str, message: &str, more: Value) -> Reply {
    let mut asked = more;
    asked["TargetArn"] = json!(target);
    asked["Message"] = json!(message);
    root.call("sns", "Publish", asked)
}

fn letters(cloud: &Cloud) -> Vec<(String, String, String)> {
    let all = integration::sns::mailbox::letters(&cloud.cloud).unwrap();
    all.into_iter().map(|letter| (letter.protocol, letter.to, letter.body)).collect()
}

#[test]
fn applications_are_made_changed_listed_and_deleted_and_keep_their_credentials_to_themselves() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = application(&root, "GCM", json!({ "PlatformCredential": "secret" })).ok();
    assert_eq!(made["PlatformApplicationArn"], APP);
    let named = json!({ "PlatformApplicationArn": APP });
    let get = || root.call("sns", "GetPlatformApplicationAttributes", named.clone());
    assert_eq!(map(&get().ok()["Attributes"]), json!({ "Enabled": "true" }));
    let set = |attributes: Value| {
        let asked = json!({ "PlatformApplicationArn": APP, "Attributes": attributes });
        root.call("sns", "SetPlatformApplicationAttributes", asked)
    };
    set(json!({ "Enabled": "false", "PlatformCredential": "other" })).ok();
    assert_eq!(map(&get().ok()["Attributes"]), json!({ "Enabled": "false" }));
    set(json!({ "SuccessFeedbackSampleRate": "5" })).refused(501, "NotImplemented");
    set(json!({ "EventEndpointCreated": "arn:aws:sns:us-east-1:123456789012:t" }))
        .refused(501, "NotImplemented");
    let listed = root.call("sns", "ListPlatformApplications", json!({})).ok();
    assert_eq!(listed["PlatformApplications"][0]["PlatformApplicationArn"], APP);
    assert_eq!(listed["PlatformApplications"].as_array().unwrap().len(), 1);
    root.call("sns", "DeletePlatformApplication", named.clone()).ok();
    root.call("sns", "DeletePlatformApplication", named.clone()).ok();
    get().refused_with(404, "NotFound", "PlatformApplication does not exist");
    endpoint(&root, "t", json!({})).refused_with(404, "NotFound", "PlatformApplication does not exist");
}

#[test]
fn applications_that_cannot_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |platform: &str, attributes: Value, words: &str| {
        let words = format!("Invalid parameter: {words}");
        application(&root, platform, attributes).refused_with(400, "InvalidParameter", &words);
    };
    let both = json!({ "PlatformCredential": "c", "PlatformPrincipal": "p" });
    refused("SMOKE", both.clone(), "Platform Reason: SMOKE is not supported");
    refused(
        "APNS",
        json!({ "PlatformCredential": "c" }),
        "Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal",
    );
    refused(
        "ADM",
        json!({ "PlatformPrincipal": "p" }),
        "Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential",
    );
    let mut odd = both.clone();
    odd["Colour"] = json!("red");
    refused("APNS", odd, "Attributes Reason: Invalid attribute name: Colour");
    let asked = json!({ "Name": "a b", "Platform": "APNS", "Attributes": both });
    root.call("sns", "CreatePlatformApplication", asked).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: a b Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'",
    );
    root.call("sns", "DeletePlatformApplication", json!({ "PlatformApplicationArn": "x" })).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: PlatformApplicationArn Reason: An ARN must have at least 6 elements, not 1",
    );
}

#[test]
fn a_token_has_one_endpoint() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    application(&root, "GCM", json!({ "PlatformCredential": "c" })).ok();
    let first = endpoint(&root, "t", json!({ "CustomUserData": "eva" })).ok();
    let arn = first["EndpointArn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:sns:us-east-1:123456789012:endpoint/GCM/mine/"), "{arn}");
    assert_eq!(endpoint(&root, "t", json!({ "CustomUserData": "eva" })).ok()["EndpointArn"], arn);
    let words = format!(
        "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
    );
    endpoint(&root, "t", json!({ "CustomUserData": "ada" })).refused_with(400, "InvalidParameter", &words);
    assert_eq!(attributes(&root, arn), json!({ "Enabled": "true", "Token": "t", "CustomUserData": "eva" }));
    let set = |attributes: Value| {
        root.call("sns", "SetEndpointAttributes", json!({ "EndpointArn": arn, "Attributes": attributes }))
    };
    set(json!({ "Token": "u", "Enabled": "false" })).ok();
    assert_eq!(attributes(&root, arn)["Token"], "u");
    set(json!({ "Colour": "red" })).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Invalid attribute name: Colour",
    );
    set(json!({ "CustomUserData": "x".repeat(2049) })).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 encoding",
    );
    // The old token is free again.
    let other = endpoint(&root, "t", json!({})).ok()["EndpointArn"].clone();
    assert_ne!(other, arn);
    let listed =
        root.call("sns", "ListEndpointsByPlatformApplication", json!({ "PlatformApplicationArn": APP })).ok();
    assert_eq!(listed["Endpoints"].as_array().unwrap().len(), 2);
    for _ in 0..2 {
        root.call("sns", "DeleteEndpoint", json!({ "EndpointArn": arn })).ok();
    }
    let get = root.call("sns", "GetEndpointAttributes", json!({ "EndpointArn": arn }));
    get.refused_with(404, "NotFound", "Endpoint does not exist");
}

#[test]
fn what_is_published_to_devices_is_kept_in_the_mailbox() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    application(&root, "GCM", json!({ "PlatformCredential": "c" })).ok();
    let own = endpoint(&root, "t", json!({})).ok()["EndpointArn"].as_str().unwrap().to_owned();
    publish(&root, &own, "plain", json!({})).ok();
    cloud.advance(Duration::from_secs(1));
    let bodies = json!({ "GCM": "{\"data\":1}" }).to_string();
    publish(&root, &own, &bodies, json!({ "MessageStructure": "json" })).ok();
    publish(&root, &own, r#"{"APNS":"x"}"#, json!({ "MessageStructure": "json" })).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: Message Structure - No default entry in JSON message body",
    );
    let topic = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok();
    let topic = topic["TopicArn"].as_str().unwrap();
    let subscribe = |endpoint: &str| {
        let asked = json!({ "TopicArn": topic, "Protocol": "application", "Endpoint": endpoint });
        root.call("sns", "Subscribe", asked)
    };
    subscribe("arn:aws:sns:us-east-1:123456789012:endpoint/GCM/mine/none").refused(400, "InvalidParameter");
    let subscription = subscribe(&own).ok()["SubscriptionArn"].clone();
    assert!(subscription.as_str().unwrap().starts_with(topic));
    let bodies = json!({ "default": "d", "GCM": "for devices" }).to_string();
    cloud.advance(Duration::from_secs(1));
    let asked = json!({ "TopicArn": topic, "Message": bodies, "MessageStructure": "json" });
    root.call("sns", "Publish", asked.clone()).ok();
    cloud.reconcile();
    let got = letters(&cloud);
    let words: Vec<&str> = got.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(words, ["plain", "{\"data\":1}", "for devices"]);
    assert!(got.iter().all(|(protocol, to, _)| protocol == "application" && *to == own), "{got:?}");
    // Who is switched off gets nothing.
    let off = json!({ "EndpointArn": own, "Attributes": { "Enabled": "false" } });
    root.call("sns", "SetEndpointAttributes", off).ok();
    publish(&root, &own, "m", json!({})).refused_with(400, "EndpointDisabled", "Endpoint is disabled");
    root.call("sns", "Publish", asked).ok();
    cloud.reconcile();
    assert_eq!(letters(&cloud).len(), 3);
    let off = json!({ "PlatformApplicationArn": APP, "Attributes": { "Enabled": "false" } });
    root.call("sns", "SetPlatformApplicationAttributes", off).ok();
    publish(&root, &own, "m", json!({})).refused(400, "PlatformApplicationDisabled");
    root.call("sns", "DeletePlatformApplication", json!({ "PlatformApplicationArn": APP })).ok();
    publish(&root, &own, "m", json!({})).refused_with(
        400,
        "InvalidParameter",
        "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified",
    );
}
