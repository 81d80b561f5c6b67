//! What rules hear of stacks: their states and their resources', drift, stack sets.

use crate::cloudformation_drift::detect;
use crate::cloudformation_sets;
use crate::cloudformation_stacks::{ACCOUNT, create, created, events, output, physical, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

/// A rule of all that CloudFormation tells, with a queue.
fn listen(caller: &Caller<'_>, kind: &str) {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let queue = json!({ "QueueName": "ear", "Attributes": { "Policy": policy.to_string() } });
    caller.call("sqs", "CreateQueue", queue).ok();
    let pattern = json!({ "source": ["aws.cloudformation"], "detail-type": [{ "prefix": kind }] });
    caller.call("events", "PutRule", json!({ "Name": "r", "EventPattern": pattern.to_string() })).ok();
    let target = json!([{ "Id": "1", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:ear") }]);
    caller.call("events", "PutTargets", json!({ "Rule": "r", "Targets": target })).ok();
}

fn heard(cloud: &Cloud, caller: &Caller<'_>) -> Vec<Value> {
    cloud.reconcile();
    cloud.reconcile();
    let mut out = Vec::new();
    loop {
        let got =
            caller.call("sqs", "ReceiveMessage", json!({ "QueueUrl": "ear", "MaxNumberOfMessages": 10 }));
        let got = got.ok();
        let Some(all) = got.get("Messages").and_then(Value::as_array).filter(|all| !all.is_empty()) else {
            return out;
        };
        for message in all {
            out.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            let handle = json!({ "QueueUrl": "ear", "ReceiptHandle": message["ReceiptHandle"] });
            caller.call("sqs", "DeleteMessage", handle).ok();
        }
    }
}

/// The details of a kind, in an order of their own.
fn details(all: &[Value], kind: &str) -> Vec<Value> {
    let of_kind = all.iter().filter(|event| event["detail-type"] == kind);
    let mut out: Vec<Value> = of_kind.map(|event| event["detail"].clone()).collect();
    // Events come in no order that anybody promises.
    out.sort_by_key(|detail| detail["status-details"].to_string());
    out
}

#[test]
fn stacks_and_their_resources_tell_of_each_state() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    listen(&root, "CloudFormation");
    let template = "Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: mine } } }";
    let arn = create(&root, "s", template, json!({ "ClientRequestToken": "tok" }));
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
    let all = heard(&cloud, &root);
    for event in &all {
        assert_eq!((&event["source"], &event["resources"]), (&json!("aws.cloudformation"), &json!([arn])));
        assert_eq!((&event["account"], &event["region"]), (&json!(ACCOUNT), &json!("us-east-1")));
    }
    let stack = |status: &str, reason: &str| {
        let status = json!({ "status": status, "status-reason": reason });
        json!({ "stack-id": arn, "status-details": status, "client-request-token": "tok" })
    };
    assert_eq!(
        details(&all, "CloudFormation Stack Status Change"),
        [stack("CREATE_COMPLETE", ""), stack("CREATE_IN_PROGRESS", "User Initiated")]
    );
    let told = details(&all, "CloudFormation Resource Status Change");
    let expected = json!({
        "stack-id": arn, "logical-resource-id": "Q", "physical-resource-id": physical(&root, "s", "Q"),
        "status-details": { "status": "CREATE_COMPLETE", "status-reason": "" },
        "resource-type": "AWS::SQS::Queue", "client-request-token": "tok",
    });
    assert_eq!(told[0], expected);
    assert!(told[1..].iter().all(|detail| detail["status-details"]["status"] == "CREATE_IN_PROGRESS"));
    // What fails says why; without a token there is an empty one.
    let bad = template.replace("mine", "mine, DelaySeconds: 9999");
    create(&root, "bad", &bad, json!({}));
    assert_eq!(settle(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let all = heard(&cloud, &root);
    let told = details(&all, "CloudFormation Resource Status Change");
    let failed = told.iter().find(|detail| detail["status-details"]["status"] == "CREATE_FAILED").unwrap();
    assert!(!failed["status-details"]["status-reason"].as_str().unwrap().is_empty());
    assert_eq!(failed["client-request-token"], "");
}

#[test]
fn a_nested_stack_is_a_resource_of_the_one_around_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "templates" })).ok();
    let inner = "Resources: { T: { Type: 'AWS::SNS::Topic' } }";
    root.call("s3", "PutObject", json!({ "Bucket": "templates", "Key": "t", "Body": inner })).ok();
    listen(&root, "CloudFormation");
    // Also where it has the name of the stack around it.
    let outer = "Resources: { s: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'https://templates.s3.amazonaws.com/t' } } }";
    created(&cloud, &root, "s", outer);
    let nested = physical(&root, "s", "s");
    let all = heard(&cloud, &root);
    let of_stack = |arn: &str| {
        let all = details(&all, "CloudFormation Stack Status Change");
        all.into_iter().filter(|detail| detail["stack-id"] == arn).count()
    };
    assert_eq!(of_stack(&nested), 2);
    let told = details(&all, "CloudFormation Resource Status Change");
    let complete: Vec<&Value> =
        told.iter().filter(|detail| detail["status-details"]["status"] == "CREATE_COMPLETE").collect();
    assert!(complete.iter().any(|detail| detail["physical-resource-id"] == nested.as_str()));
    assert_eq!(complete.len(), 2);
}

#[test]
fn looks_at_drift_tell_that_they_begin_and_what_they_found() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template =
        "Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: mine, DelaySeconds: 3 } } }";
    let stack = created(&cloud, &root, "s", template);
    listen(&root, "CloudFormation Drift");
    let more = json!({ "QueueUrl": "mine", "Attributes": { "DelaySeconds": "4" } });
    root.call("sqs", "SetQueueAttributes", more).ok();
    let told = detect(&cloud, &root, json!({ "StackName": "s" }));
    let all = heard(&cloud, &root);
    let detail = |drift: &str, status: &str, count: i64| {
        json!({
            "stack-id": stack["StackId"], "stack-drift-detection-id": told["StackDriftDetectionId"],
            "status-details": { "stack-drift-status": drift, "detection-status": status },
            "drift-detection-details": { "drifted-stack-resource-count": count },
            "client-request-token": "",
        })
    };
    let all = details(&all, "CloudFormation Drift Detection Status Change");
    let begun = detail("", "DETECTION_IN_PROGRESS", -1);
    let over = detail("DRIFTED", "DETECTION_COMPLETE", 1);
    assert_eq!(all.len(), 2);
    assert!(all.contains(&begun) && all.contains(&over), "{all:#?}");
}

#[test]
fn stack_sets_tell_of_themselves_their_operations_and_instances() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    listen(&root, "CloudFormation StackSet");
    let root = cloudformation_sets::ready(&cloud, &[ACCOUNT]);
    let places = json!({ "Accounts": [ACCOUNT], "Regions": ["eu-west-1"] });
    let id = cloudformation_sets::begin(&root, "CreateStackInstances", places);
    assert_eq!(cloudformation_sets::over(&cloud, &root, &id), "SUCCEEDED");
    let stack = cloudformation_sets::instance(&root, ACCOUNT, "eu-west-1")["StackId"].clone();
    let told =
        root.call("cloudformation", "DescribeStackSet", json!({ "StackSetName": "set" })).ok()["StackSet"]
            .clone();
    let set = &told["StackSetARN"];
    let all = heard(&cloud, &root);
    let active = json!({ "stack-set-arn": set, "status-details": { "status": "ACTIVE" } });
    assert_eq!(details(&all, "CloudFormation StackSet Status Change"), [active]);
    let operated = |status: &str| {
        let status = json!({ "status": status });
        json!({ "stack-set-arn": set, "stack-set-operation-id": id, "status-details": status })
    };
    assert_eq!(
        details(&all, "CloudFormation StackSet Operation Status Change"),
        [operated("RUNNING"), operated("SUCCEEDED")]
    );
    let settled = |stack: &Value, status: &str, detailed: &str| {
        let status = json!({ "status": status, "status-reason": "", "detailed-status": detailed });
        json!({ "stack-set-arn": set, "stack-id": stack, "action": "CREATE", "status-details": status })
    };
    let none = json!("");
    let told = details(&all, "CloudFormation StackSet StackInstance Status Change");
    assert_eq!(told.len(), 3);
    for wanted in [
        settled(&none, "OUTDATED", "PENDING"),
        settled(&stack, "OUTDATED", "RUNNING"),
        settled(&stack, "CURRENT", "SUCCEEDED"),
    ] {
        assert!(told.contains(&wanted), "{told:#?}");
    }
    assert!(all.iter().all(|event| event["resources"] == json!([set])));
}

#[test]
fn a_rule_has_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |tags: &str| {
        format!(
            "Resources: {{ R: {{ Type: 'AWS::Events::Rule', Properties: {{ ScheduleExpression: rate(1 day), State: DISABLED, Tags: {tags} }} }} }}\nOutputs: {{ Arn: {{ Value: !GetAtt R.Arn }} }}"
        )
    };
    let stack = created(&cloud, &root, "s", &template("[{ Key: a, Value: b }, { Key: c, Value: d }]"));
    let arn = output(&stack, "Arn");
    let told = || {
        let told = root.call("events", "ListTagsForResource", json!({ "ResourceARN": arn })).ok();
        crate::cloudformation_tags::unmarked(&told["Tags"])
    };
    assert_eq!(told(), json!([{ "Key": "a", "Value": "b" }, { "Key": "c", "Value": "d" }]));
    let asked = json!({ "StackName": "s", "TemplateBody": template("[{ Key: a, Value: x }]") });
    root.call("cloudformation", "UpdateStack", asked).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(told(), json!([{ "Key": "a", "Value": "x" }]));
}
