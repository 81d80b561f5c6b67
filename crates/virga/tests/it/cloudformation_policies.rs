//! Stack policies, and topics that hear of a stack's events.

use crate::cloudformation_nested::by_schedule;
use crate::cloudformation_stacks::{ACCOUNT, create, describe, events, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const POLICY: &str = r#"{"Statement":[
    {"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"},
    {"Effect":"Deny","Action":["Update:Modify","Update:Delete"],"Principal":"*","Resource":"LogicalResourceId/Kept"},
    {"Effect":"Deny","Action":"Update:Replace","Principal":"*","Resource":"*","Condition":{"StringEquals":{"ResourceType":"AWS::SQS::Queue"}}}]}"#;

fn template(delay: u32, name: &str) -> String {
    format!(
        "
Resources:
  Kept: {{ Type: 'AWS::SQS::Queue', Properties: {{ DelaySeconds: {delay} }} }}
  Free: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: {name}, DelaySeconds: {delay} }} }}
"
    )
}

fn update(cloud: &Cloud, root: &Caller<'_>, template: &str, more: Value) -> String {
    let mut input = json!({ "StackName": "own", "TemplateBody": template });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("cloudformation", "UpdateStack", input).ok();
    settle(cloud, root, "own")
}

#[test]
fn a_policy_holds_updates_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root, "own", &template(1, "free"), json!({ "StackPolicyBody": POLICY }));
    assert_eq!(settle(&cloud, &root, "own"), "CREATE_COMPLETE", "it is about updates");
    let shown = root.call("cloudformation", "GetStackPolicy", json!({ "StackName": "own" })).ok();
    assert_eq!(shown["StackPolicyBody"], POLICY);

    assert_eq!(update(&cloud, &root, &template(2, "free"), json!({})), "UPDATE_ROLLBACK_COMPLETE");
    let words = "Kept UPDATE_FAILED Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for resource [LogicalResourceId/Kept]";
    let told = events(&root, "own").join("\n");
    assert!(told.contains(words), "{told}");
    assert_eq!(update(&cloud, &root, &template(1, "other"), json!({})), "UPDATE_ROLLBACK_COMPLETE");
    let words = "Free UPDATE_FAILED Action denied by stack policy: Statement [#3] does not allow [Update:Replace] for resource [LogicalResourceId/Free]";
    let told = events(&root, "own").join("\n");
    assert!(told.contains(words), "{told}");
    let without =
        "Resources: { Free: { Type: 'AWS::SQS::Queue', Properties: { QueueName: free, DelaySeconds: 1 } } }";
    assert_eq!(update(&cloud, &root, without, json!({})), "UPDATE_ROLLBACK_COMPLETE");
    let told = events(&root, "own").join("\n");
    assert!(told.contains("does not allow [Update:Delete] for resource [LogicalResourceId/Kept]"), "{told}");

    // One that holds for one update, and one that takes its place.
    let open = r#"{"Statement":{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}}"#;
    let during = json!({ "StackPolicyDuringUpdateBody": open });
    assert_eq!(update(&cloud, &root, &template(2, "free"), during), "UPDATE_COMPLETE");
    assert_eq!(update(&cloud, &root, &template(3, "free"), json!({})), "UPDATE_ROLLBACK_COMPLETE");
    root.call("cloudformation", "SetStackPolicy", json!({ "StackName": "own", "StackPolicyBody": open }))
        .ok();
    assert_eq!(update(&cloud, &root, &template(3, "other"), json!({})), "UPDATE_COMPLETE");
}

#[test]
fn policies_that_are_none_are_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let set = |more: Value| {
        let mut input = json!({ "StackName": "own" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("cloudformation", "SetStackPolicy", input)
    };
    set(json!({ "StackPolicyBody": "{}" })).refused_with(
        400,
        "ValidationError",
        "Error validating stack policy: it has no Statement",
    );
    set(json!({})).refused_with(
        400,
        "ValidationError",
        "You must specify either StackPolicyURL or StackPolicyBody.",
    );
    let open = r#"{"Statement":{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}}"#;
    set(json!({ "StackPolicyBody": open })).refused_with(
        400,
        "ValidationError",
        "Stack [own] does not exist",
    );
    let both = json!({ "StackPolicyBody": open, "StackPolicyURL": "https://b.s3.amazonaws.com/k" });
    set(both).refused_with(
        400,
        "ValidationError",
        "You cannot specify both StackPolicyURL and StackPolicyBody.",
    );
}

/// Who calls from within fetches nothing, and its policies are looked at as anybody's.
#[test]
fn calls_from_within_pass_nothing_over() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (text, url) = (template(1, "free"), "https://b.s3.amazonaws.com/k");
    let not_built = |member: &str| {
        let words = format!("{member} in a call that a service makes is not built in this version of Virga.");
        ("NotImplemented".to_owned(), words)
    };
    let no_policy =
        ("ValidationError".to_owned(), "Error validating stack policy: it has no Statement".to_owned());
    let of = |operation: &str, more: Value| {
        let mut input = json!({ "StackName": "own", "TemplateBody": text });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        by_schedule(&cloud, &root, operation, input)
    };
    let address = || json!({ "TemplateBody": null, "TemplateURL": url });
    assert_eq!(of("createStack", address()), not_built("TemplateURL"));
    assert_eq!(of("createStack", json!({ "StackPolicyURL": url })), not_built("StackPolicyURL"));
    assert_eq!(of("createStack", json!({ "StackPolicyBody": "{}" })), no_policy);
    create(&root, "own", &text, json!({}));
    assert_eq!(settle(&cloud, &root, "own"), "CREATE_COMPLETE");
    assert_eq!(of("updateStack", address()), not_built("TemplateURL"));
    assert_eq!(of("updateStack", json!({ "StackPolicyURL": url })), not_built("StackPolicyURL"));
    let member = "StackPolicyDuringUpdateURL";
    assert_eq!(of("updateStack", json!({ member: url })), not_built(member));
    assert_eq!(of("updateStack", json!({ "StackPolicyBody": "{}" })), no_policy);
    assert_eq!(of("updateStack", json!({ "StackPolicyDuringUpdateBody": "{}" })), no_policy);
}

#[test]
fn topics_hear_of_each_event_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok()["TopicArn"].clone();
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let attributes = json!({ "Policy": policy.to_string() });
    root.call("sqs", "CreateQueue", json!({ "QueueName": "ear", "Attributes": attributes })).ok();
    let asked = json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:ear") });
    root.call("sns", "Subscribe", asked).ok();
    let text = "Resources: { Q: { Type: 'AWS::SQS::Queue' } }\nOutputs: { Topics: { Value: !Join [',', !Ref 'AWS::NotificationARNs'] } }";
    create(&root, "own", text, json!({ "NotificationARNs": [topic], "ClientRequestToken": "t" }));
    assert_eq!(settle(&cloud, &root, "own"), "CREATE_COMPLETE", "{:#?}", events(&root, "own"));
    let stack = describe(&root, "own");
    assert_eq!(stack["NotificationARNs"], json!([topic]));
    assert_eq!(stack["Outputs"][0]["OutputValue"], topic);
    let mut heard: Vec<Value> = Vec::new();
    for _ in 0..500 {
        cloud.reconcile();
        let asked = json!({ "QueueUrl": "ear", "MaxNumberOfMessages": 10 });
        let got = root.call("sqs", "ReceiveMessage", asked).ok();
        let bodies = got["Messages"].as_array().cloned().unwrap_or_default();
        heard.extend(bodies.iter().map(|m| serde_json::from_str(m["Body"].as_str().unwrap()).unwrap()));
        if heard.len() >= 5 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(heard.len(), 5, "{heard:#?}");
    assert_eq!(heard[0]["Subject"], "AWS CloudFormation Notification");
    let line = |message: &Value, name: &str| {
        let message = message["Message"].as_str().unwrap();
        let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("='"));
        line.unwrap().trim_end_matches('\'').to_owned()
    };
    let said =
        heard.iter().map(|m| ["LogicalResourceId", "ResourceStatus", "ResourceType"].map(|n| line(m, n)));
    // A queue that is none of FIFO gives them in any order.
    let mut said: Vec<_> = said.collect();
    said.sort();
    let (begun, done) = ("CREATE_IN_PROGRESS", "CREATE_COMPLETE");
    let (stack, queue) = ("AWS::CloudFormation::Stack", "AWS::SQS::Queue");
    let each = [
        ["Q", done, queue],
        ["Q", begun, queue],
        ["Q", begun, queue],
        ["own", done, stack],
        ["own", begun, stack],
    ];
    assert_eq!(said, each, "{heard:#?}");
    let message = heard[0]["Message"].as_str().unwrap();
    assert!(
        message.starts_with("StackId='arn:aws:cloudformation:us-east-1:123456789012:stack/own/"),
        "{message}"
    );
    assert!(message.ends_with("StackName='own'\nClientRequestToken='t'\n"), "{message}");

    let wrong =
        json!({ "StackName": "x", "TemplateBody": text, "NotificationARNs": ["arn:aws:sqs:us-east-1:1:q"] });
    root.call("cloudformation", "CreateStack", wrong).refused_with(
        400,
        "ValidationError",
        "Invalid Notification ARN arn:aws:sqs:us-east-1:1:q",
    );
    // The topics alone may change.
    let change = |topics: Value| {
        let input = json!({ "StackName": "own", "UsePreviousTemplate": true, "NotificationARNs": topics });
        root.call("cloudformation", "UpdateStack", input)
    };
    change(json!([topic])).refused_with(400, "ValidationError", "No updates are to be performed.");
    change(json!([])).ok();
    assert_eq!(settle(&cloud, &root, "own"), "UPDATE_COMPLETE", "{:#?}", events(&root, "own"));
    assert_eq!(describe(&root, "own")["NotificationARNs"], "");
}
