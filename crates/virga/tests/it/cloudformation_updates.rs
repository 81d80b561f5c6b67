//! Updates: in place, by replacement, taken back.

use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, output, physical, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

fn update(caller: &Caller<'_>, stack: &str, template: &str) -> crate::harness::Reply {
    let input =
        json!({ "StackName": stack, "TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"] });
    caller.call("cloudformation", "UpdateStack", input)
}

fn queues(caller: &Caller<'_>) -> Vec<String> {
    let listed = caller.call("sqs", "ListQueues", json!({})).ok();
    let name = |url: &Value| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut names: Vec<String> =
        listed["QueueUrls"].as_array().map_or_else(Vec::new, |all| all.iter().map(name).collect());
    names.sort();
    names
}

fn timeout(caller: &Caller<'_>, url: &str) -> String {
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["VisibilityTimeout"] });
    let told = caller.call("sqs", "GetQueueAttributes", asked).ok();
    told["Attributes"]["VisibilityTimeout"].as_str().unwrap().to_owned()
}

fn two(first: &str, second: &str) -> String {
    format!(
        "
Resources:
  A: {{ Type: 'AWS::SQS::Queue', Properties: {{ {first} }} }}
  B: {{ Type: 'AWS::SQS::Queue', DependsOn: A, Properties: {{ {second} }} }}
Outputs: {{ A: {{ Value: !GetAtt A.QueueName }} }}
"
    )
}

#[test]
fn in_place_by_replacement_and_by_removal() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: one, VisibilityTimeout: 10", "QueueName: b"));
    let message = update(&root, "s", &two("QueueName: one, VisibilityTimeout: 10", "QueueName: b"))
        .refused(400, "ValidationError");
    assert_eq!(message, "No updates are to be performed.");

    // The same in other letters is the same.
    let same = update(&root, "s", &two("VisibilityTimeout: '10', QueueName: one", "QueueName: b"));
    same.refused_with(400, "ValidationError", "No updates are to be performed.");

    update(&root, "s", &two("QueueName: one, VisibilityTimeout: '20'", "QueueName: b")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(timeout(&root, &physical(&root, "s", "A")), "20");
    assert!(!events(&root, "s").iter().any(|e| e.starts_with("B UPDATE")));

    update(&root, "s", &two("QueueName: two, VisibilityTimeout: '20'", "QueueName: b")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!((queues(&root).join(" "), output(&describe(&root, "s"), "A")), ("b two".into(), "two".into()));
    let told = events(&root, "s");
    let last: Vec<&str> = told[told.len() - 8..].iter().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "s UPDATE_IN_PROGRESS User Initiated",
            "A UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
            "A UPDATE_IN_PROGRESS Resource creation Initiated",
            "A UPDATE_COMPLETE",
            "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "A DELETE_IN_PROGRESS",
            "A DELETE_COMPLETE",
            "s UPDATE_COMPLETE",
        ],
        "{told:#?}"
    );
}

#[test]
fn what_leaves_the_template_leaves_the_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a", "QueueName: b"));
    let less = "Resources: { B: { Type: 'AWS::SQS::Queue', Properties: { QueueName: b } }, C: { Type: 'AWS::SNS::Topic' } }";
    update(&root, "s", less).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(queues(&root), ["b"]);
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "s" })).ok();
    let names: Vec<&str> = listed["StackResourceSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["LogicalResourceId"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["B", "C"]);
    let other = "Resources: { B: { Type: 'AWS::SNS::Topic' } }";
    update(&root, "s", other).refused_with(400, "ValidationError", "Update of resource type is not permitted. The new template modifies resource type of the following resources: [B]");
}

#[test]
fn an_update_that_fails_is_taken_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a, VisibilityTimeout: 10", "VisibilityTimeout: 1"));
    let (a, b) = (physical(&root, "s", "A"), physical(&root, "s", "B"));
    // A changes in place, N is new, B cannot be what it should.
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a, VisibilityTimeout: 99 } }
  N: { Type: 'AWS::SQS::Queue', Properties: { QueueName: new }, DependsOn: A }
  B: { Type: 'AWS::SQS::Queue', DependsOn: N, Properties: { VisibilityTimeout: 99999999 } }
";
    update(&root, "s", template).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!((timeout(&root, &a).as_str(), timeout(&root, &b).as_str()), ("10", "1"));
    assert!(!queues(&root).contains(&"new".to_owned()));
    assert_eq!((physical(&root, "s", "A"), physical(&root, "s", "B")), (a, b));
    assert!(
        events(&root, "s").contains(
            &"s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [B].".to_owned()
        ),
        "{:#?}",
        events(&root, "s")
    );
    // And the next one works, from where it was.
    update(&root, "s", &two("QueueName: a, VisibilityTimeout: 11", "VisibilityTimeout: 1")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
}

#[test]
fn a_replacement_that_is_taken_back_gives_the_old_one_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a1", "QueueName: b"));
    update(&root, "s", &two("QueueName: a2", "QueueName: b, Unheard: 1")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(queues(&root), ["a1", "b"]);
    assert!(physical(&root, "s", "A").ends_with("/a1"));
    // A name that stays while what it names has to be another.
    let fifo = "Resources: { A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a1, FifoQueue: true } }, B: { Type: 'AWS::SQS::Queue', Properties: { QueueName: b } } }";
    update(&root, "s", fifo).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    assert!(events(&root, "s").contains(&"A UPDATE_FAILED CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename a1 and update the stack again.".to_owned()));
}

#[test]
fn parameters_of_before_and_tags_that_spread() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Parameters: { T: { Type: Number }, N: { Type: String, Default: q } }
Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Ref N, VisibilityTimeout: !Ref T } } }
";
    let parameter = |key: &str, value: &str| json!({ "ParameterKey": key, "ParameterValue": value });
    let make = json!({ "StackName": "s", "TemplateBody": template, "Parameters": [parameter("T", "5"), parameter("N", "mine")] });
    root.call("cloudformation", "CreateStack", make).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
    let previous = json!({ "ParameterKey": "N", "UsePreviousValue": true });
    let change = json!({ "StackName": "s", "UsePreviousTemplate": true, "Parameters": [parameter("T", "6"), previous] });
    root.call("cloudformation", "UpdateStack", change.clone()).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    let url = physical(&root, "s", "Q");
    assert_eq!((timeout(&root, &url).as_str(), url.ends_with("/mine")), ("6", true));
    let mut tagged = change;
    tagged["Tags"] = json!([{ "Key": "team", "Value": "red" }]);
    root.call("cloudformation", "UpdateStack", tagged).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!(root.call("sqs", "ListQueueTags", json!({ "QueueUrl": url })).ok()["Tags"]["team"], "red");
}

#[test]
fn an_update_is_cancelled() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a, VisibilityTimeout: 10", "VisibilityTimeout: 1"));
    root.call("cloudformation", "CancelUpdateStack", json!({ "StackName": "s" })).refused_with(
        400,
        "ValidationError",
        "CancelUpdateStack cannot be called from current stack status",
    );
    update(&root, "s", &two("QueueName: a, VisibilityTimeout: 20", "VisibilityTimeout: 1")).ok();
    root.call("cloudformation", "CancelUpdateStack", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(timeout(&root, &physical(&root, "s", "A")), "10");
    assert!(events(&root, "s").contains(&"s UPDATE_ROLLBACK_IN_PROGRESS User Initiated".to_owned()));
}

#[test]
fn a_rollback_that_fails_goes_on_when_it_is_told_to() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a, VisibilityTimeout: 10", "VisibilityTimeout: 1"));
    // What it changes on the way there deletes the right to change it back.
    let rights = |actions: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
        )
    };
    let eva = cloud.user(&root, "eva", &rights(r#""cloudformation:*","sqs:*","iam:*""#));
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a, VisibilityTimeout: 20 } }
  R: { Type: 'AWS::IAM::Policy', DependsOn: A, Properties: { PolicyName: no, Users: [eva], PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Deny, Action: ['sqs:SetQueueAttributes', 'iam:DeleteUserPolicy'], Resource: '*' } } } }
  B: { Type: 'AWS::SQS::Queue', DependsOn: R, Properties: { VisibilityTimeout: 2 } }
";
    update(&eva, "s", template).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_FAILED", "{:#?}", events(&root, "s"));
    assert_eq!(describe(&root, "s")["StackStatusReason"], "The following resource(s) failed to update: [A].");
    let url = physical(&root, "s", "A");
    assert_eq!(timeout(&root, &url), "20");
    let refused = json!({ "StackName": "s", "ResourcesToSkip": ["B"] });
    root.call("cloudformation", "ContinueUpdateRollback", refused).refused(400, "ValidationError");
    // Root may what eva may not.
    root.call("cloudformation", "ContinueUpdateRollback", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(timeout(&root, &url), "10");
    let policies = root.call("iam", "ListUserPolicies", json!({ "UserName": "eva" })).ok();
    assert_eq!(policies["PolicyNames"], json!(["inline"]));
    let skip = json!({ "StackName": "s" });
    let message = root.call("cloudformation", "ContinueUpdateRollback", skip).refused(400, "ValidationError");
    assert!(
        message.ends_with("is in UPDATE_ROLLBACK_COMPLETE state and can not be rolled back."),
        "{message}"
    );
}

#[test]
fn what_failed_without_a_rollback_is_made_by_the_next_update() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let make = json!({ "StackName": "s", "TemplateBody": two("QueueName: a", "QueueName: 'no good'"), "DisableRollback": true });
    root.call("cloudformation", "CreateStack", make).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_FAILED");
    update(&root, "s", &two("QueueName: a", "QueueName: b")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(queues(&root), ["a", "b"]);
    let stay = json!({ "StackName": "s", "TemplateBody": two("QueueName: a, DelaySeconds: 3", "QueueName: b, Unheard: 1"), "DisableRollback": true });
    root.call("cloudformation", "UpdateStack", stay).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_FAILED");
    update(&root, "s", &two("QueueName: a, DelaySeconds: 4", "QueueName: b")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
}

#[test]
fn updates_that_failed_and_were_kept_are_taken_back_to_what_was_whole() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a, VisibilityTimeout: 10", "QueueName: b"));
    let stay = |template: String| {
        let asked = json!({ "StackName": "s", "TemplateBody": template, "DisableRollback": true });
        root.call("cloudformation", "UpdateStack", asked).ok();
        assert_eq!(settle(&cloud, &root, "s"), "UPDATE_FAILED", "{:#?}", events(&root, "s"));
    };
    let back = || {
        let begun = root.call("cloudformation", "RollbackStack", json!({ "StackName": "s" })).ok();
        assert!(begun["OperationId"].as_str().is_some_and(|id| id.len() == 36), "{begun}");
        assert_eq!(describe(&root, "s")["StackStatus"], "UPDATE_ROLLBACK_IN_PROGRESS");
        assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    };
    // One is changed, then replaced, one is new, one is gone from the template: each in an update of its own that fails.
    stay(two("QueueName: a, VisibilityTimeout: 20", "QueueName: b, DelaySeconds: 100000"));
    stay(two("QueueName: a2, VisibilityTimeout: 30", "QueueName: b, DelaySeconds: 100001"));
    let third = two("QueueName: a3, VisibilityTimeout: 30", "QueueName: b, DelaySeconds: 100002")
        .replace("  B:", "  C: { Type: 'AWS::SQS::Queue', Properties: { QueueName: c } }\n  B:")
        .replace("DependsOn: A", "DependsOn: [A, C]");
    stay(third);
    assert_eq!(queues(&root), ["a", "a2", "a3", "b", "c"]);
    back();
    assert_eq!(queues(&root), ["a", "b"]);
    assert_eq!(timeout(&root, &physical(&root, "s", "A")), "10");
    assert_eq!(output(&describe(&root, "s"), "A"), "a");
    let told = root.call("cloudformation", "GetTemplate", json!({ "StackName": "s" })).ok();
    assert!(told["TemplateBody"].as_str().unwrap().contains("VisibilityTimeout: 10"), "{told}");
    // The same where the next update goes back by itself.
    stay(two("QueueName: a, VisibilityTimeout: 20", "QueueName: b, DelaySeconds: 100000"));
    update(&root, "s", &two("QueueName: a, VisibilityTimeout: 30", "QueueName: b, DelaySeconds: 100001"))
        .ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(timeout(&root, &physical(&root, "s", "A")), "10");
    // One that succeeds is what is whole from then on.
    stay(two("QueueName: a, VisibilityTimeout: 20", "QueueName: b, DelaySeconds: 100000"));
    update(&root, "s", &two("QueueName: a, VisibilityTimeout: 40", "QueueName: b")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    stay(two("QueueName: a, VisibilityTimeout: 50", "QueueName: b, DelaySeconds: 100000"));
    back();
    assert_eq!(timeout(&root, &physical(&root, "s", "A")), "40");
    // One that has never been whole has nothing to go back to.
    let make = json!({ "StackName": "n", "TemplateBody": two("QueueName: x", "QueueName: 'no good'"), "DisableRollback": true });
    root.call("cloudformation", "CreateStack", make.clone()).ok();
    assert_eq!(settle(&cloud, &root, "n"), "CREATE_FAILED");
    let mut again = make;
    again["TemplateBody"] = json!(two("QueueName: x, DelaySeconds: 1", "QueueName: 'no better'"));
    root.call("cloudformation", "UpdateStack", again).ok();
    assert_eq!(settle(&cloud, &root, "n"), "UPDATE_FAILED");
    root.call("cloudformation", "RollbackStack", json!({ "StackName": "n" })).refused(501, "NotImplemented");
}

#[test]
fn metadata_alone_is_an_update_and_goes_back_with_the_rest() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |word: &str, more: &str, delay: u32| {
        format!(
            "
Resources:
  A: {{ Type: 'AWS::SQS::Queue', Metadata: {{ Word: {word} }}{more} }}
  B: {{ Type: 'AWS::SQS::Queue', DependsOn: A, Properties: {{ DelaySeconds: {delay} }} }}
"
        )
    };
    let word = || {
        let asked = json!({ "StackName": "s", "LogicalResourceId": "A" });
        let told = root.call("cloudformation", "DescribeStackResource", asked).ok();
        told["StackResourceDetail"]["Metadata"].as_str().unwrap().to_owned()
    };
    created(&cloud, &root, "s", &template("one", "", 1));
    update(&root, "s", &template("two", "", 1)).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    let told = events(&root, "s");
    let of_a: Vec<&String> = told.iter().filter(|event| event.starts_with("A UPDATE")).collect();
    assert_eq!(of_a, ["A UPDATE_IN_PROGRESS", "A UPDATE_COMPLETE"]);
    assert_eq!(word(), r#"{"Word":"two"}"#);
    update(&root, "s", &template("three", ", DeletionPolicy: Retain", 100_000)).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(word(), r#"{"Word":"two"}"#);
    // Nor is anything retained that a template says which never came to be.
    let id = describe(&root, "s")["StackId"].as_str().unwrap().to_owned();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE");
    assert!(queues(&root).is_empty());
}

#[test]
fn a_stack_is_deleted_while_it_is_made_and_fails_when_its_time_is_over() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let table = "
Resources:
  Q: { Type: 'AWS::SQS::Queue' }
  T:
    Type: AWS::DynamoDB::Table
    DependsOn: Q
    Properties: { BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{ AttributeName: k, AttributeType: S }], KeySchema: [{ AttributeName: k, KeyType: HASH }] }
";
    let make = |name: &str| json!({ "StackName": name, "TemplateBody": table, "TimeoutInMinutes": 1 });
    let id =
        root.call("cloudformation", "CreateStack", make("gone")).ok()["StackId"].as_str().unwrap().to_owned();
    let deploy = cloud.cloud.reconcilers().iter().find(|r| r.name() == "cloudformation stacks").unwrap();
    deploy.run(&cloud.cloud).unwrap();
    assert_eq!(describe(&root, "gone")["StackStatus"], "CREATE_IN_PROGRESS");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "gone" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
    assert!(queues(&root).is_empty());

    root.call("cloudformation", "CreateStack", make("late")).ok();
    // The table's own work does not run.
    deploy.run(&cloud.cloud).unwrap();
    cloud.advance(std::time::Duration::from_secs(61));
    deploy.run(&cloud.cloud).unwrap();
    let reason = "Stack creation time exceeded the specified timeout. Rollback requested by user.";
    assert!(
        events(&root, "late").contains(&format!("late ROLLBACK_IN_PROGRESS {reason}")),
        "{:#?}",
        events(&root, "late")
    );
    assert!(events(&root, "late").contains(&"T CREATE_FAILED Resource creation cancelled".to_owned()));
    assert_eq!(settle(&cloud, &root, "late"), "ROLLBACK_COMPLETE", "{:#?}", events(&root, "late"));
    assert_eq!(root.call("dynamodb", "ListTables", json!({})).ok()["TableNames"], json!([]));
}

#[test]
fn what_could_never_begin_leaves_no_trace() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", &two("QueueName: a", "QueueName: b"));
    let template = two("QueueName: a", "QueueName: b").replace(
        "Outputs:",
        "  N: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Select [5, !Split [',', !Ref A]] } }\nOutputs:",
    );
    update(&root, "s", &template).ok();
    cloud.reconcile();
    let message = events(&root, "s");
    assert!(
        message.contains(
            &"N CREATE_FAILED Template error: Fn::Select cannot select nonexistent value at index 5"
                .to_owned()
        ),
        "{message:#?}"
    );
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "s" })).ok();
    assert_eq!(listed["StackResourceSummaries"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_replaced_may_be_kept() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let with = |name: &str| {
        format!(
            "Resources: {{ A: {{ Type: 'AWS::SQS::Queue', UpdateReplacePolicy: Retain, Properties: {{ QueueName: {name} }} }} }}"
        )
    };
    created(&cloud, &root, "s", &with("a1"));
    update(&root, "s", &with("a2")).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!(queues(&root), ["a1", "a2"]);
    assert!(events(&root, "s").contains(&"A DELETE_SKIPPED".to_owned()));
}
