//! Access Analyzer: findings about policies, with their places.

use crate::harness::{Caller, Cloud, Reply};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

/// The harness writes no REST requests; this one has a body and a query.
fn validate(cloud: &Cloud, caller: &Caller<'_>, parameters: &Value) -> Reply {
    let mut body = parameters.as_object().unwrap().clone();
    let mut query = Vec::new();
    for name in ["maxResults", "nextToken"] {
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        query.extend(body.remove(name).map(|value| format!("{name}={}", text(value))));
    }
    let uri = format!("/policy/validation?{}", query.join("&"));
    let mut request = Request::post(uri).body(Bytes::from(Value::from(body).to_string())).unwrap();
    let headers = request.headers_mut();
    headers.insert("host", "access-analyzer.us-east-1.amazonaws.com".parse().unwrap());
    headers.insert("content-type", "application/json".parse().unwrap());
    caller.sign(&mut request, "access-analyzer");
    cloud.send(request, caller.address)
}

/// The code of a REST error is in a header.
#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) -> String {
    let found = reply.headers["x-amzn-errortype"].to_str().unwrap();
    assert_eq!((reply.status, found), (status, code), "{}", reply.value);
    reply.value["message"].as_str().unwrap().to_owned()
}

fn policy(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
        .to_string()
}

#[test]
fn a_wrong_action_is_found_at_its_place() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let document = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:Nothing", "Resource": "*"}]}"#;
    let reply =
        validate(&cloud, &root, &json!({"policyDocument": document, "policyType": "IDENTITY_POLICY"}));
    let answer = reply.ok();
    let found = &answer["findings"][0];
    assert_eq!((&found["issueCode"], &found["findingType"]), (&json!("INVALID_ACTION"), &json!("ERROR")));
    let start = document.find("\"iam:Nothing\"").unwrap();
    assert_eq!(
        found["locations"],
        json!([{
            "path": [{"value": "Statement"}, {"index": 0}, {"value": "Action"}],
            "span": {
                "start": {"line": 1, "column": start, "offset": start},
                "end": {"line": 1, "column": start + 13, "offset": start + 13},
            },
        }])
    );
    assert_eq!(answer["findings"].as_array().unwrap().len(), 1);
    assert_eq!(answer.get("nextToken"), None);
}

#[test]
fn findings_come_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iam:Nothing", "iam:Nobody"], "Resource": "*"},
    ]});
    let mut parameters =
        json!({"policyDocument": document.to_string(), "policyType": "IDENTITY_POLICY", "maxResults": 1});
    let first = validate(&cloud, &root, &parameters).ok();
    parameters["nextToken"] = first["nextToken"].clone();
    let second = validate(&cloud, &root, &parameters).ok();
    assert_ne!(first["findings"][0]["locations"], second["findings"][0]["locations"]);
    assert_eq!(second.get("nextToken"), None);
    parameters["policyType"] = "SERVICE_CONTROL_POLICY".into();
    let other = validate(&cloud, &root, &parameters);
    assert_eq!(refused(&other, 400, "ValidationException"), "Invalid nextToken.");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let document = policy("iam:GetUser");
    let cases = [
        (json!({"locale": "DE"}), "Findings are available in English only."),
        (json!({"maxResults": 0}), "maxResults must be greater than 0."),
        (
            json!({"validatePolicyResourceType": "AWS::S3::Bucket"}),
            "validatePolicyResourceType can be specified only for policies of the type RESOURCE_POLICY.",
        ),
        (json!({"nextToken": "AAAA"}), "Invalid nextToken."),
    ];
    for (more, message) in cases {
        let mut parameters = json!({"policyDocument": document, "policyType": "IDENTITY_POLICY"});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = validate(&cloud, &root, &parameters);
        assert_eq!(refused(&reply, 400, "ValidationException"), message);
        let reason = if message.contains("English") { "notSupported" } else { "fieldValidationFailed" };
        assert_eq!(reply.value["reason"], reason);
    }
}

#[test]
fn it_needs_its_permission() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let parameters = json!({"policyDocument": policy("iam:GetUser"), "policyType": "IDENTITY_POLICY"});
    let ann = cloud.user(&root, "ann", &policy("access-analyzer:ValidatePolicy"));
    assert_eq!(validate(&cloud, &ann, &parameters).ok()["findings"], json!([]));
    let bob = cloud.user(&root, "bob", "");
    refused(&validate(&cloud, &bob, &parameters), 403, "AccessDeniedException");
}
