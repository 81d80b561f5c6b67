//! Access Analyzer: findings about policies, with their places.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

fn validate(caller: &Caller<'_>, parameters: &Value) -> Reply {
    caller.call("accessanalyzer", "ValidatePolicy", parameters.clone())
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
    let reply = validate(&root, &json!({"policyDocument": document, "policyType": "IDENTITY_POLICY"}));
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
    let first = validate(&root, &parameters).ok();
    parameters["nextToken"] = first["nextToken"].clone();
    let second = validate(&root, &parameters).ok();
    assert_ne!(first["findings"][0]["locations"], second["findings"][0]["locations"]);
    assert_eq!(second.get("nextToken"), None);
    parameters["policyType"] = "SERVICE_CONTROL_POLICY".into();
    let other = validate(&root, &parameters);
    other.refused_with(400, "ValidationException", "Invalid nextToken.");
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
        let reply = validate(&root, &parameters);
        let reason = if message.contains("English") { "notSupported" } else { "fieldValidationFailed" };
        assert_eq!(reply.value["reason"], reason);
        reply.refused_with(400, "ValidationException", message);
    }
}

#[test]
fn it_needs_its_permission() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let parameters = json!({"policyDocument": policy("iam:GetUser"), "policyType": "IDENTITY_POLICY"});
    let ann = cloud.user(&root, "ann", &policy("access-analyzer:ValidatePolicy"));
    assert_eq!(validate(&ann, &parameters).ok()["findings"], json!([]));
    let bob = cloud.user(&root, "bob", "");
    validate(&bob, &parameters).refused(403, "AccessDeniedException");
}
