//! Change sets: what they foresee, and that it is what happens.

use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

fn make(caller: &Caller<'_>, name: &str, kind: &str, template: &str) -> crate::harness::Reply {
    let input =
        json!({ "StackName": "s", "ChangeSetName": name, "ChangeSetType": kind, "TemplateBody": template });
    caller.call("cloudformation", "CreateChangeSet", input)
}

fn seen(caller: &Caller<'_>, name: &str) -> Value {
    let asked = json!({ "StackName": "s", "ChangeSetName": name });
    caller.call("cloudformation", "DescribeChangeSet", asked).ok()
}

const BEFORE: &str = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a, VisibilityTimeout: 1 } }
  B: { Type: 'AWS::SNS::Topic' }
  C: { Type: 'AWS::SNS::Subscription', Properties: { TopicArn: !Ref B, Protocol: sqs, Endpoint: !GetAtt A.Arn } }
";

#[test]
fn a_new_stack_by_a_change_set() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = make(&root, "first", "CREATE", BEFORE).ok();
    assert_eq!(describe(&root, "s")["StackStatus"], "REVIEW_IN_PROGRESS");
    // It is there, without a template.
    let template = root.call("cloudformation", "GetTemplate", json!({ "StackName": "s" })).ok();
    assert!(template.get("TemplateBody").is_none(), "{template}");
    let set = seen(&root, "first");
    assert_eq!((&set["Status"], &set["ExecutionStatus"]), (&json!("CREATE_COMPLETE"), &json!("AVAILABLE")));
    let actions: Vec<&Value> =
        set["Changes"].as_array().unwrap().iter().map(|c| &c["ResourceChange"]["Action"]).collect();
    assert_eq!(actions, ["Add", "Add", "Add"]);
    make(&root, "first", "CREATE", BEFORE).refused_with(
        400,
        "AlreadyExistsException",
        "ChangeSet first already exists for stack s",
    );
    // By its ARN it needs no stack.
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": made["Id"] })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(describe(&root, "s")["ChangeSetId"], made["Id"]);
    let again = root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": made["Id"] }));
    let message = again.refused(400, "InvalidChangeSetStatus");
    assert!(message.ends_with("execution status of [EXECUTE_COMPLETE]"), "{message}");
}

#[test]
fn an_update_is_foreseen() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", BEFORE);
    make(&root, "none", "UPDATE", BEFORE).ok();
    let none = seen(&root, "none");
    assert_eq!(
        (&none["Status"], &none["StatusReason"]),
        (
            &json!("FAILED"),
            &json!(
                "The submitted information didn't contain changes. Submit different information to create a change set."
            )
        )
    );
    let after = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a2, VisibilityTimeout: 1 } }
  C: { Type: 'AWS::SNS::Subscription', Properties: { TopicArn: !Ref D, Protocol: sqs, Endpoint: !GetAtt A.Arn } }
  D: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: d } }
";
    make(&root, "next", "UPDATE", after).ok();
    let set = seen(&root, "next");
    let rows: Vec<(String, String, Value)> = set["Changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let change = &c["ResourceChange"];
            let text = |member: &str| change[member].as_str().unwrap_or_default().to_owned();
            (
                format!("{} {} {}", text("Action"), text("LogicalResourceId"), text("Replacement"))
                    .trim_end()
                    .to_owned(),
                text("ResourceType"),
                change["Details"].clone(),
            )
        })
        .collect();
    let told: Vec<&str> = rows.iter().map(|(row, ..)| row.as_str()).collect();
    assert_eq!(told, ["Modify A True", "Add D", "Modify C Conditional", "Remove B"]);
    assert_eq!(
        rows[0].2[0]["Target"],
        json!({ "Attribute": "Properties", "Name": "QueueName", "RequiresRecreation": "Always" })
    );
    assert_eq!(rows[2].2[0]["Evaluation"], "Dynamic");
    let sets = root.call("cloudformation", "ListChangeSets", json!({ "StackName": "s" })).ok();
    assert_eq!(sets["Summaries"].as_array().unwrap().len(), 2);
    root.call("cloudformation", "ExecuteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" }))
        .ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    // The others are no longer true.
    root.call("cloudformation", "DescribeChangeSet", json!({ "StackName": "s", "ChangeSetName": "none" }))
        .refused_with(404, "ChangeSetNotFound", "ChangeSet [none] does not exist");
    root.call("cloudformation", "DeleteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" })).ok();
    root.call("cloudformation", "DeleteChangeSet", json!({ "StackName": "s", "ChangeSetName": "next" })).ok();
}
