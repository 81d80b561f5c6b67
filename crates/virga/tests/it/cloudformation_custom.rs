//! Resources of the template author's own, wait conditions and signals: what is asked, what is answered, and what
//! comes of it. The provider here is a queue that hears a topic, and the test answers for it.

use crate::cloudformation_stacks::{
    ACCOUNT, create, created, describe, events, output, physical, settle as settled,
};
use crate::harness::{Caller, Cloud};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;

/// A topic whose messages wait in a queue.
pub(crate) struct Provider<'c> {
    cloud: &'c Cloud,
    root: Caller<'c>,
    pub(crate) topic: String,
}

impl<'c> Provider<'c> {
    pub(crate) fn new(cloud: &'c Cloud) -> Provider<'c> {
        let root = cloud.root(ACCOUNT);
        let topic = root.call("sns", "CreateTopic", json!({ "Name": "provider" })).ok();
        let topic = topic["TopicArn"].as_str().unwrap().to_owned();
        let policy = json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*",
        } });
        let attributes = json!({ "Policy": policy.to_string() });
        root.call("sqs", "CreateQueue", json!({ "QueueName": "provider", "Attributes": attributes })).ok();
        let queue = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:provider");
        let raw = json!({ "RawMessageDelivery": "true" });
        let asked = json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "Attributes": raw });
        root.call("sns", "Subscribe", asked).ok();
        Provider { cloud, root, topic }
    }

    /// The next request, if there is one.
    fn waiting(&self) -> Option<Value> {
        let got = self.root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": "provider" })).ok();
        let message = got["Messages"].as_array()?.first()?;
        let handle = json!({ "QueueUrl": "provider", "ReceiptHandle": message["ReceiptHandle"] });
        self.root.call("sqs", "DeleteMessage", handle).ok();
        Some(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap())
    }

    /// Makes nothing, and ends whatever is to end.
    pub(crate) fn makes_nothing(&self) {
        let Some(asked) = self.waiting() else { return };
        let answer = match asked["RequestType"].as_str() {
            Some("Delete") => made(asked["PhysicalResourceId"].as_str().unwrap(), Value::Null),
            _ => failed("nothing", "The provider makes nothing."),
        };
        assert_eq!(put(self.cloud, asked["ResponseURL"].as_str().unwrap(), &answer.to_string()), 200);
    }

    /// The next request, once there is one.
    fn asked(&self) -> Value {
        for _ in 0..500 {
            self.cloud.reconcile();
            if let Some(asked) = self.waiting() {
                return asked;
            }
            // What runs beside the reconcilers gets its turn.
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("nothing was asked");
    }

    /// The next request, answered.
    fn answers(&self, verb: &str, answer: Value) -> Value {
        let asked = self.asked();
        assert_eq!(asked["RequestType"], verb, "{asked}");
        assert_eq!(put(self.cloud, asked["ResponseURL"].as_str().unwrap(), &answer.to_string()), 200);
        asked
    }
}

fn put(cloud: &Cloud, url: &str, body: &str) -> u16 {
    let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1;
    let request = Request::put(format!("/{path}")).header("host", "localhost");
    cloud.send(request.body(Bytes::from(body.to_owned())).unwrap(), Ipv4Addr::LOCALHOST.into()).status
}

fn made(physical: &str, data: Value) -> Value {
    json!({ "Status": "SUCCESS", "PhysicalResourceId": physical, "Data": data })
}

fn failed(physical: &str, why: &str) -> Value {
    json!({ "Status": "FAILED", "PhysicalResourceId": physical, "Reason": why })
}

fn thing(topic: &str, size: &str, more: &str) -> String {
    format!(
        "
Resources:
  Thing:
    Type: Custom::Thing
    Properties: {{ ServiceToken: '{topic}', Size: {size}, Deep: {{ Flag: true, List: [1, b] }} }}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{ QueueName: !GetAtt Thing.Name }}
{more}
Outputs:
  Thing: {{ Value: !Ref Thing }}
  Name: {{ Value: !GetAtt Thing.Name }}
"
    )
}

fn start_update(caller: &Caller<'_>, template: &str) {
    let input = json!({ "StackName": "own", "TemplateBody": template });
    caller.call("cloudformation", "UpdateStack", input).ok();
}

#[test]
fn a_provider_makes_changes_replaces_and_ends() {
    let cloud = Cloud::new();
    let provider = Provider::new(&cloud);
    let (root, topic) = (&provider.root, provider.topic.as_str());
    let id = create(root, "own", &thing(topic, "3", ""), json!({}));
    let asked = provider.answers("Create", made("thing-1", json!({ "Name": "first", "Number": 7 })));
    assert_eq!(asked["StackId"], json!(id));
    assert_eq!(
        (&asked["LogicalResourceId"], &asked["ResourceType"]),
        (&json!("Thing"), &json!("Custom::Thing"))
    );
    let properties =
        json!({ "ServiceToken": topic, "Size": "3", "Deep": { "Flag": "true", "List": ["1", "b"] } });
    assert_eq!(asked["ResourceProperties"], properties, "scalars are texts");
    assert!(asked.get("PhysicalResourceId").is_none() && asked.get("OldResourceProperties").is_none());
    assert_eq!(settled(&cloud, root, "own"), "CREATE_COMPLETE", "{:#?}", events(root, "own"));
    let stack = describe(root, "own");
    assert_eq!((output(&stack, "Thing").as_str(), output(&stack, "Name").as_str()), ("thing-1", "first"));
    // The address is used up.
    let url = asked["ResponseURL"].as_str().unwrap();
    assert_eq!(put(&cloud, url, &made("x", json!({})).to_string()), 403);
    let (start, _) = url.split_at(url.len() - 4);
    assert_eq!(put(&cloud, &format!("{start}AAAA"), "{}"), 403, "nobody makes one up");

    start_update(root, &thing(topic, "4", ""));
    let asked = provider.answers("Update", made("thing-1", json!({ "Name": "first" })));
    assert_eq!(asked["PhysicalResourceId"], "thing-1");
    assert_eq!(
        (&asked["OldResourceProperties"]["Size"], &asked["ResourceProperties"]["Size"]),
        (&json!("3"), &json!("4"))
    );
    assert_eq!(settled(&cloud, root, "own"), "UPDATE_COMPLETE", "{:#?}", events(root, "own"));

    // Another name is another resource, and the one before it goes in the end.
    start_update(root, &thing(topic, "5", ""));
    provider.answers("Update", made("thing-2", json!({ "Name": "second" })));
    let asked = provider.answers("Delete", made("thing-1", json!({})));
    assert_eq!(
        (&asked["PhysicalResourceId"], &asked["ResourceProperties"]["Size"]),
        (&json!("thing-1"), &json!("4"))
    );
    assert_eq!(settled(&cloud, root, "own"), "UPDATE_COMPLETE", "{:#?}", events(root, "own"));
    assert_eq!(physical(root, "own", "Thing"), "thing-2");
    assert!(physical(root, "own", "Queue").ends_with("/second"));

    root.call("cloudformation", "DeleteStack", json!({ "StackName": "own" })).ok();
    let asked = provider.answers("Delete", made("thing-2", json!({})));
    assert_eq!(
        (&asked["PhysicalResourceId"], &asked["ResourceProperties"]["Size"]),
        (&json!("thing-2"), &json!("5"))
    );
    assert_eq!(settled(&cloud, root, &id), "DELETE_COMPLETE", "{:#?}", events(root, &id));
}

#[test]
fn a_provider_that_fails_or_says_nothing() {
    let cloud = Cloud::new();
    let provider = Provider::new(&cloud);
    let (root, topic) = (&provider.root, provider.topic.as_str());
    let template = thing(topic, "3", "");
    let id = create(root, "own", &template, json!({}));
    provider.answers("Create", failed("half-made", "no room"));
    // What it called itself is what has to go.
    let asked = provider.answers("Delete", made("half-made", json!({})));
    assert_eq!(asked["PhysicalResourceId"], "half-made");
    assert_eq!(settled(&cloud, root, "own"), "ROLLBACK_COMPLETE");
    let told = events(root, "own").join("\n");
    let words = "Thing CREATE_FAILED Received response status [FAILED] from custom resource. Message returned: no room (RequestId: ";
    assert!(told.contains(words), "{told}");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "own" })).ok();
    assert_eq!(settled(&cloud, root, &id), "DELETE_COMPLETE");

    // Silence has an end; an end that fails holds the stack until it is asked again.
    let id = create(root, "own", &template.replace("Size:", "ServiceTimeout: 60, Size:"), json!({}));
    let asked = provider.asked();
    cloud.advance(Duration::from_secs(59));
    cloud.reconcile();
    assert_eq!(describe(root, "own")["StackStatus"], "CREATE_IN_PROGRESS");
    cloud.advance(Duration::from_secs(1));
    let gone = provider.answers("Delete", failed("x", "still in use"));
    assert!(gone["PhysicalResourceId"].as_str().unwrap().starts_with("own-Thing-"), "{gone}");
    assert_eq!(settled(&cloud, root, "own"), "ROLLBACK_FAILED");
    let told = events(root, "own").join("\n");
    let request = asked["RequestId"].as_str().unwrap();
    let words = format!(
        "Thing CREATE_FAILED CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{request}]."
    );
    assert!(told.contains(&words), "{told}");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "own" })).ok();
    provider.answers("Delete", made("x", json!({})));
    assert_eq!(settled(&cloud, root, &id), "DELETE_COMPLETE", "{:#?}", events(root, &id));
}

#[test]
fn who_says_nothing_does_not_hold_the_way_back() {
    let cloud = Cloud::new();
    let provider = Provider::new(&cloud);
    let (root, topic) = (&provider.root, provider.topic.as_str());
    let template = format!(
        "
Resources:
  Thing: {{ Type: 'Custom::Thing', Properties: {{ ServiceToken: '{topic}' }} }}
  Zad: {{ Type: 'AWS::SQS::Queue', Properties: {{ DelaySeconds: 100000 }} }}
"
    );
    // The second fails once the first has begun.
    create(root, "own", &template, json!({}));
    let both = [provider.asked(), provider.asked()];
    let of = |verb: &str| both.iter().find(|asked| asked["RequestType"] == verb).unwrap();
    let (first, gone) = (of("Create"), of("Delete"));
    // What comes late is ended, too.
    assert!(gone["PhysicalResourceId"].as_str().unwrap().starts_with("own-Thing-"), "{gone}");
    let url = |asked: &Value| asked["ResponseURL"].as_str().unwrap().to_owned();
    assert_eq!(put(&cloud, &url(first), &made("late", json!({})).to_string()), 200);
    assert_eq!(put(&cloud, &url(gone), &made("x", json!({})).to_string()), 200);
    let late = provider.answers("Delete", made("late", json!({})));
    assert_eq!(late["PhysicalResourceId"], "late");
    assert_eq!(settled(&cloud, root, "own"), "ROLLBACK_COMPLETE", "{:#?}", events(root, "own"));
    let told = events(root, "own");
    assert!(told.contains(&"Thing CREATE_FAILED Resource creation cancelled".to_owned()), "{told:#?}");
}

#[test]
fn an_answer_to_something_else_is_none() {
    let cloud = Cloud::new();
    let provider = Provider::new(&cloud);
    let (root, topic) = (&provider.root, provider.topic.as_str());
    create(root, "own", &thing(topic, "1", ""), json!({}));
    let asked = provider.asked();
    let url = asked["ResponseURL"].as_str().unwrap();
    let answer = |member: &str, id: &Value| {
        let mut answer = made("thing", json!({ "Name": "q" }));
        for own in ["StackId", "RequestId", "LogicalResourceId"] {
            answer[own] = asked[own].clone();
        }
        answer[member] = id.clone();
        assert_eq!(put(&cloud, url, &answer.to_string()), 200);
        cloud.reconcile();
        describe(root, "own")["StackStatus"].clone()
    };
    let other =
        json!("arn:aws:cloudformation:us-east-1:123456789012:stack/own/00000000-0000-0000-0000-000000000000");
    assert_eq!(answer("StackId", &other), "CREATE_IN_PROGRESS");
    assert_eq!(answer("RequestId", &json!("another")), "CREATE_IN_PROGRESS");
    assert_eq!(answer("LogicalResourceId", &json!("Other")), "CREATE_IN_PROGRESS");
    assert_eq!(answer("StackId", &asked["StackId"]), "CREATE_COMPLETE");
}

#[test]
fn an_update_that_fails_asks_the_provider_to_go_back() {
    let cloud = Cloud::new();
    let provider = Provider::new(&cloud);
    let (root, topic) = (&provider.root, provider.topic.as_str());
    create(root, "own", &thing(topic, "1", ""), json!({}));
    provider.answers("Create", made("thing-1", json!({ "Name": "q" })));
    assert_eq!(settled(&cloud, root, "own"), "CREATE_COMPLETE", "{:#?}", events(root, "own"));
    let broken =
        "  Late: { Type: 'AWS::SQS::Queue', DependsOn: Queue, Properties: { DelaySeconds: 100000 } }";
    start_update(root, &thing(topic, "2", broken));
    provider.answers("Update", made("thing-2", json!({ "Name": "q" })));
    let back = provider.answers("Update", made("thing-1", json!({ "Name": "q" })));
    assert_eq!(back["PhysicalResourceId"], "thing-2");
    assert_eq!(
        (&back["OldResourceProperties"]["Size"], &back["ResourceProperties"]["Size"]),
        (&json!("2"), &json!("1"))
    );
    let gone = provider.answers("Delete", made("thing-2", json!({})));
    assert_eq!(gone["PhysicalResourceId"], "thing-2");
    assert_eq!(settled(&cloud, root, "own"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(root, "own"));
    assert_eq!(physical(root, "own", "Thing"), "thing-1");

    // Whom to ask is no thing to change.
    let other = root.call("sns", "CreateTopic", json!({ "Name": "other" })).ok();
    start_update(root, &thing(other["TopicArn"].as_str().unwrap(), "1", ""));
    assert_eq!(settled(&cloud, root, "own"), "UPDATE_ROLLBACK_COMPLETE");
    let told = events(root, "own").join("\n");
    assert!(told.contains("Thing UPDATE_FAILED Modifying service token is not allowed."), "{told}");
}

#[test]
fn what_a_provider_hides_is_not_shown() {
    let cloud = Cloud::new();
    let provider = Provider::new(&cloud);
    let (root, topic) = (&provider.root, provider.topic.as_str());
    create(root, "own", &thing(topic, "1", ""), json!({}));
    let answer = json!({ "Status": "SUCCESS", "PhysicalResourceId": "p", "NoEcho": true, "Data": { "Name": "hushed" } });
    provider.answers("Create", answer);
    assert_eq!(settled(&cloud, root, "own"), "CREATE_COMPLETE", "{:#?}", events(root, "own"));
    assert!(physical(root, "own", "Queue").ends_with("/hushed"), "who needs it has it");
    let told = root.call("cloudformation", "DescribeStackEvents", json!({ "StackName": "own" })).ok();
    let shown = |e: &&Value| e["LogicalResourceId"] == "Queue" && e["ResourceProperties"].is_string();
    let queue = told["StackEvents"].as_array().unwrap().iter().find(shown).unwrap();
    assert_eq!(queue["ResourceProperties"], r#"{"QueueName":"****"}"#);
    // An attribute that its provider does not give.
    start_update(
        root,
        &thing(
            topic,
            "1",
            "  More: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !GetAtt Thing.Other } }",
        ),
    );
    assert_eq!(settled(&cloud, root, "own"), "UPDATE_ROLLBACK_COMPLETE");
    let told = events(root, "own").join("\n");
    assert!(told.contains("Vendor response doesn't contain Other attribute"), "{told}");
}

#[test]
fn functions_are_asked_with_the_rights_of_whoever_makes_the_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    crate::lambda_functions::create(&root);
    let function = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:f");
    let template = format!(
        "Resources: {{ Own: {{ Type: 'AWS::CloudFormation::CustomResource', Properties: {{ ServiceToken: '{function}' }} }} }}"
    );
    let policy = |action: &str| {
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["cloudformation:*", action], "Resource": "*" } }).to_string()
    };
    let eva = cloud.user(&root, "eva", &policy("lambda:GetFunction"));
    create(&eva, "none", &template, json!({}));
    assert_eq!(settled(&cloud, &eva, "none"), "ROLLBACK_COMPLETE");
    let told = events(&eva, "none").join("\n");
    assert!(told.contains("not authorized to perform: lambda:InvokeFunction"), "{told}");

    let eve = cloud.user(&root, "eve", &policy("lambda:InvokeFunction"));
    create(&eve, "own", &template, json!({}));
    cloud.reconcile();
    let snapshot = cloud.cloud.store().snapshot();
    let sent =
        compute::lambda::model::EVENTS.scan(&snapshot, &store::Key::empty(), store::Direction::Forward);
    let sent = sent.map(|entry| entry.unwrap().1).find(|event| event.name == "f").unwrap();
    let asked: Value = serde_json::from_slice(&sent.payload).unwrap();
    assert_eq!(
        (&asked["RequestType"], &asked["ResourceType"]),
        (&json!("Create"), &json!("AWS::CloudFormation::CustomResource"))
    );
    let url = asked["ResponseURL"].as_str().unwrap();
    assert!(
        url.starts_with("http://127.0.0.1:4566/cloudformation-custom-resource-response-useast1/arn%3Aaws"),
        "{url}"
    );
    assert_eq!(put(&cloud, url, &made("p", json!({})).to_string()), 200);
    assert_eq!(settled(&cloud, &eve, "own"), "CREATE_COMPLETE", "{:#?}", events(&eve, "own"));
}

fn waits(timeout: u32) -> String {
    format!(
        "
Resources:
  Handle: {{ Type: 'AWS::CloudFormation::WaitConditionHandle' }}
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {{ Handle: !Ref Handle, Count: 2, Timeout: {timeout} }}
Outputs:
  Handle: {{ Value: !Ref Handle }}
  Data: {{ Value: !GetAtt Wait.Data }}
"
    )
}

#[test]
fn wait_conditions_wait_for_what_is_put_to_their_handle() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root, "own", &waits(600), json!({}));
    cloud.reconcile();
    let handle = physical(&root, "own", "Handle");
    let signal = |id: &str, status: &str, data: &str| {
        let body = json!({ "Status": status, "Reason": "told", "UniqueId": id, "Data": data });
        put(&cloud, &handle, &body.to_string())
    };
    assert_eq!(signal("a", "SUCCESS", "one"), 200);
    assert_eq!(signal("a", "SUCCESS", "one"), 200, "once more is not another");
    assert_eq!(put(&cloud, &handle, "{}"), 400);
    cloud.reconcile();
    assert_eq!(describe(&root, "own")["StackStatus"], "CREATE_IN_PROGRESS");
    assert_eq!(signal("b", "SUCCESS", "two"), 200);
    assert_eq!(settled(&cloud, &root, "own"), "CREATE_COMPLETE", "{:#?}", events(&root, "own"));
    assert_eq!(output(&describe(&root, "own"), "Data"), r#"{"a":"one","b":"two"}"#);

    create(&root, "late", &waits(10), json!({}));
    assert_eq!(settled(&cloud, &root, "late"), "ROLLBACK_COMPLETE");
    let told = events(&root, "late").join("\n");
    assert!(
        told.contains("Wait CREATE_FAILED WaitCondition timed out. Received 0 conditions when expecting 2"),
        "{told}"
    );

    create(&root, "bad", &waits(600), json!({}));
    cloud.reconcile();
    let handle = physical(&root, "bad", "Handle");
    let body = json!({ "Status": "FAILURE", "Reason": "no disk", "UniqueId": "c", "Data": "" });
    assert_eq!(put(&cloud, &handle, &body.to_string()), 200);
    assert_eq!(settled(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad").join("\n");
    assert!(told.contains("WaitCondition received failed message: 'no disk' for uniqueId: c"), "{told}");
    assert_eq!(put(&cloud, &handle, &body.to_string()), 403, "it has ended with its stack");
}

#[test]
fn a_creation_policy_waits_for_signals() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |timeout: &str| {
        format!(
            "Resources: {{ Wait: {{ Type: 'AWS::CloudFormation::WaitCondition', CreationPolicy: {{ ResourceSignal: {{ Count: 2, Timeout: {timeout} }} }} }} }}"
        )
    };
    let signal = |stack: &str, id: &str, status: &str| {
        let asked =
            json!({ "StackName": stack, "LogicalResourceId": "Wait", "UniqueId": id, "Status": status });
        root.call("cloudformation", "SignalResource", asked)
    };
    create(&root, "own", &template("PT10M"), json!({}));
    cloud.reconcile();
    signal("own", "i-1", "SUCCESS").ok();
    cloud.reconcile();
    assert_eq!(describe(&root, "own")["StackStatus"], "CREATE_IN_PROGRESS");
    signal("own", "i-2", "SUCCESS").ok();
    assert_eq!(settled(&cloud, &root, "own"), "CREATE_COMPLETE", "{:#?}", events(&root, "own"));
    let told = events(&root, "own").join("\n");
    assert!(told.contains("Wait CREATE_IN_PROGRESS Received SUCCESS signal with UniqueId i-2"), "{told}");
    let message = signal("own", "i-3", "SUCCESS").refused(400, "ValidationError");
    assert_eq!(message, "Resource Wait is in CREATE_COMPLETE state and cannot be signaled");

    create(&root, "late", &template("PT20S"), json!({}));
    assert_eq!(settled(&cloud, &root, "late"), "ROLLBACK_COMPLETE");
    let told = events(&root, "late").join("\n");
    assert!(
        told.contains(
            "Wait CREATE_FAILED Failed to receive 2 resource signal(s) within the specified duration"
        ),
        "{told}"
    );

    create(&root, "bad", &template("PT10M"), json!({}));
    cloud.reconcile();
    signal("bad", "i-1", "FAILURE").ok();
    assert_eq!(settled(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad").join("\n");
    assert!(told.contains("Wait CREATE_FAILED Received FAILURE signal with UniqueId i-1"), "{told}");

    // Of a group a part may be enough; and of what is none, it is no policy.
    let part = "Resources: { Wait: { Type: 'AWS::CloudFormation::WaitCondition', CreationPolicy: { AutoScalingCreationPolicy: {}, ResourceSignal: {} } } }";
    let refused =
        root.call("cloudformation", "CreateStack", json!({ "StackName": "p", "TemplateBody": part }));
    let message = refused.refused(400, "ValidationError");
    assert_eq!(
        message,
        "AutoScalingCreationPolicy is not supported for resource type AWS::CloudFormation::WaitCondition"
    );

    let queue = "Resources: { Q: { Type: 'AWS::SQS::Queue', CreationPolicy: { ResourceSignal: {} } } }";
    let refused =
        root.call("cloudformation", "CreateStack", json!({ "StackName": "q", "TemplateBody": queue }));
    let message = refused.refused(400, "ValidationError");
    assert_eq!(message, "CreationPolicy is not supported for resource type AWS::SQS::Queue");
    created(&cloud, &root, "plain", "Resources: { Wait: { Type: 'AWS::CloudFormation::WaitCondition' } }");
}
