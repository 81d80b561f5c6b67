//! The operations on a stack: each has an id, by which its events are found, and an end.

use crate::cloudformation_stacks::{ACCOUNT, describe, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const GOOD: &str = "Resources: { A: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 1 } } }";

fn told(caller: &Caller<'_>, asked: Value) -> Vec<Value> {
    let told = caller.call("cloudformation", "DescribeEvents", asked).ok();
    told["OperationEvents"].as_array().unwrap().clone()
}

/// `EventType LogicalResourceId ResourceStatus` of each, the latest first.
fn rows(events: &[Value]) -> Vec<String> {
    let text = |event: &Value, member: &str| event[member].as_str().unwrap_or_default().to_owned();
    let row = |e: &Value| {
        format!("{} {} {}", text(e, "EventType"), text(e, "LogicalResourceId"), text(e, "ResourceStatus"))
    };
    events.iter().map(row).collect()
}

#[test]
fn an_operation_tells_how_it_went() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let asked = |template: &str| json!({ "StackName": "s", "TemplateBody": template });
    let made = root.call("cloudformation", "CreateStack", asked(GOOD)).ok();
    let operation = made["OperationId"].clone();
    let of = |id: &Value| json!({ "OperationId": id });
    let first = told(&root, of(&operation));
    let last = first.last().unwrap();
    assert_eq!(
        (&last["OperationType"], &last["OperationStatus"]),
        (&json!("CREATE_STACK"), &json!("IN_PROGRESS"))
    );
    assert!(last.get("EndTime").is_none() && last.get("StartTime").is_some(), "{last}");
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
    let all = told(&root, of(&operation));
    assert_eq!(
        rows(&all),
        [
            "STACK_EVENT s CREATE_COMPLETE",
            "PROGRESS_EVENT A CREATE_COMPLETE",
            "PROGRESS_EVENT A CREATE_IN_PROGRESS",
            "PROGRESS_EVENT A CREATE_IN_PROGRESS",
            "STACK_EVENT s CREATE_IN_PROGRESS",
        ]
    );
    assert!(
        all.iter().all(|event| event["OperationStatus"] == "SUCCEEDED" && event["OperationId"] == operation)
    );
    assert!(all[0].get("EndTime").is_some());
    // What fails is taken back by an operation of its own.
    let bad = GOOD.replace("DelaySeconds: 1", "DelaySeconds: 100000");
    let changed = root.call("cloudformation", "UpdateStack", asked(&bad)).ok()["OperationId"].clone();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    let failed = told(&root, json!({ "OperationId": changed, "Filters": { "FailedEvents": true } }));
    assert_eq!(rows(&failed), ["PROVISIONING_ERROR A UPDATE_FAILED"]);
    assert_eq!(failed[0]["OperationStatus"], "FAILED");
    let last = describe(&root, "s")["LastOperations"].clone();
    let kinds: Vec<&Value> = last.as_array().unwrap().iter().map(|one| &one["OperationType"]).collect();
    assert_eq!(kinds, ["ROLLBACK", "UPDATE_STACK"]);
    assert_eq!(last[1]["OperationId"], changed);
    let back = told(&root, of(&last[0]["OperationId"]));
    assert_eq!(back[0]["OperationStatus"], "SUCCEEDED");
    // All of a stack, and the same id in the older list.
    let all = told(&root, json!({ "StackName": "s" }));
    assert!(all.len() > 10, "{}", all.len());
    let older = root.call("cloudformation", "DescribeStackEvents", json!({ "StackName": "s" })).ok();
    assert_eq!(older["StackEvents"][0]["OperationId"], last[0]["OperationId"]);
    // A deleted stack is asked by what it did last.
    let id = describe(&root, "s")["StackId"].clone();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s", "DeletionMode": "STANDARD" })).ok();
    assert_eq!(settle(&cloud, &root, id.as_str().unwrap()), "DELETE_COMPLETE");
    let gone = describe(&root, id.as_str().unwrap());
    assert_eq!(
        (&gone["DeletionMode"], &gone["LastOperations"][0]["OperationType"]),
        (&json!("STANDARD"), &json!("DELETE_STACK"))
    );
    assert_eq!(told(&root, of(&operation)).len(), 5);
}

#[test]
fn what_is_not_named_is_not_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let call = |asked: Value| root.call("cloudformation", "DescribeEvents", asked);
    call(json!({})).refused_with(
        400,
        "ValidationError",
        "One of ChangeSetName, OperationId or StackName must be specified.",
    );
    call(json!({ "StackName": "none" })).refused_with(400, "ValidationError", "Stack [none] does not exist");
    call(json!({ "OperationId": "none" })).refused_with(
        400,
        "ValidationError",
        "Operation [none] does not exist",
    );
    call(json!({ "ChangeSetName": "c", "StackName": "s" })).refused(501, "NotImplemented");
    let template = json!({ "StackName": "s", "TemplateBody": GOOD });
    let operation = root.call("cloudformation", "CreateStack", template).ok()["OperationId"].clone();
    // Whose stack it is decides.
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"cloudformation:DescribeEvents","Resource":"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/other/*"}}]}}"#
    );
    let eva = cloud.user(&root, "eva", &policy);
    eva.call("cloudformation", "DescribeEvents", json!({ "OperationId": operation }))
        .refused(403, "AccessDenied");
}
