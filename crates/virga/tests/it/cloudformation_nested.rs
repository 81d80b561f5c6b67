//! Stacks within stacks: made, updated, turned back and deleted as one tree.

use crate::cloudformation_stacks::{ACCOUNT, create, created, describe, events, output, physical, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

fn upload(root: &Caller<'_>, name: &str, text: &str) {
    root.call("s3", "PutObject", json!({ "Bucket": "templates", "Key": name, "Body": text })).ok();
}

const INNER: &str = "
Parameters: { Delay: { Type: Number }, Names: { Type: CommaDelimitedList, Default: x } }
Resources:
  Queue: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: !Ref Delay } }
Outputs:
  Url: { Value: !Ref Queue }
  Second: { Value: !Select [1, !Ref Names] }
";

/// A stack of one within one within one, and a topic that is named after what the innermost says.
fn tree(cloud: &Cloud) -> (Caller<'_>, String) {
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "templates" })).ok();
    upload(&root, "inner.yaml", INNER);
    let middle = "
Parameters: { Delay: { Type: Number } }
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.amazonaws.com/inner.yaml
      Parameters: { Delay: !Ref Delay, Names: [a, b] }
Outputs: { Url: { Value: !GetAtt Inner.Outputs.Url }, Second: { Value: !Sub '${Inner.Outputs.Second}' } }
";
    upload(&root, "middle.yaml", middle);
    (root, outer(5, ""))
}

fn outer(delay: u32, more: &str) -> String {
    format!(
        "
Resources:
  Middle:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.amazonaws.com/middle.yaml
      Parameters: {{ Delay: {delay} }}
      Tags: [{{ Key: level, Value: middle }}]
{more}
Outputs: {{ Url: {{ Value: !GetAtt Middle.Outputs.Url }}, Second: {{ Value: !GetAtt Middle.Outputs.Second }} }}
"
    )
}

fn update(root: &Caller<'_>, template: &str) {
    root.call("cloudformation", "UpdateStack", json!({ "StackName": "tree", "TemplateBody": template })).ok();
}

fn delay(root: &Caller<'_>, url: &str) -> String {
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["DelaySeconds"] });
    let told = root.call("sqs", "GetQueueAttributes", asked).ok();
    told["Attributes"]["DelaySeconds"].as_str().unwrap().to_owned()
}

fn status(root: &Caller<'_>, stack: &str) -> Value {
    describe(root, stack)["StackStatus"].clone()
}

#[test]
fn a_tree_is_made_changed_and_deleted() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    let stack = created(&cloud, &root, "tree", &template);
    let url = output(&stack, "Url");
    assert_eq!((delay(&root, &url).as_str(), output(&stack, "Second").as_str()), ("5", "b"));
    let middle = physical(&root, "tree", "Middle");
    let inner = physical(&root, &middle, "Inner");
    assert!(middle.contains(":stack/tree-Middle-"), "{middle}");
    let shown = describe(&root, &inner);
    assert_eq!((&shown["ParentId"], &shown["RootId"]), (&json!(middle), &stack["StackId"]));
    assert_eq!(shown["Tags"], json!([{ "Key": "level", "Value": "middle" }]), "tags go down the tree");
    assert!(stack.get("ParentId").is_none());

    update(&root, &outer(7, ""));
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
    assert_eq!(delay(&root, &url), "7");
    assert_eq!(
        (status(&root, &middle), status(&root, &inner)),
        (json!("UPDATE_COMPLETE"), json!("UPDATE_COMPLETE"))
    );
    // What lies at the address is looked at, though nothing of the template itself has changed.
    upload(&root, "inner.yaml", &INNER.replace("!Ref Delay }", "!Ref Delay, VisibilityTimeout: 77 }"));
    update(&root, &outer(7, ""));
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["VisibilityTimeout"] });
    let told = root.call("sqs", "GetQueueAttributes", asked).ok();
    assert_eq!(told["Attributes"]["VisibilityTimeout"], "77");

    let id = stack["StackId"].as_str().unwrap().to_owned();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "tree" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
    assert_eq!(
        (status(&root, &middle), status(&root, &inner)),
        (json!("DELETE_COMPLETE"), json!("DELETE_COMPLETE"))
    );
}

#[test]
fn what_fails_deep_down_turns_the_tree_back() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    let id = create(&root, "bad", &outer(5000, ""), json!({}));
    assert_eq!(settle(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad").join("\n");
    assert!(told.contains("Middle CREATE_FAILED Embedded stack arn:aws:cloudformation:us-east-1:123456789012:stack/bad-Middle-"), "{told}");
    assert!(
        told.contains("was not successfully created: The following resource(s) failed to create: [Inner]."),
        "{told}"
    );
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "bad" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE");

    let stack = created(&cloud, &root, "tree", &template);
    let (url, middle) = (output(&stack, "Url"), physical(&root, "tree", "Middle"));
    let inner = physical(&root, &middle, "Inner");
    // The innermost refuses.
    update(&root, &outer(5000, ""));
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "tree"));
    let told = events(&root, "tree").join("\n");
    assert!(told.contains("was not successfully updated. Currently in UPDATE_ROLLBACK_"), "{told}");
    let why = "with reason: The following resource(s) failed to update: [Inner].";
    assert!(told.contains(why), "{told}");
    assert_eq!((delay(&root, &url), status(&root, &inner)), ("5".into(), json!("UPDATE_ROLLBACK_COMPLETE")));

    // All of them are done, and then another resource of the outermost fails: nothing was cleaned up, all goes back.
    upload(
        &root,
        "inner.yaml",
        &INNER.replace("{ DelaySeconds: !Ref Delay }", "{ DelaySeconds: !Ref Delay, QueueName: other }"),
    );
    let late = "  Late: { Type: 'AWS::SQS::Queue', DependsOn: Middle, Properties: { DelaySeconds: 100000 } }";
    update(&root, &outer(9, late));
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "tree"));
    for stack in [&middle, &inner] {
        assert_eq!(status(&root, stack), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, stack));
    }
    assert_eq!((delay(&root, &url), output(&describe(&root, &inner), "Url")), ("5".into(), url.clone()));
    let queues = root.call("sqs", "ListQueues", json!({})).ok();
    let name = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let left: Vec<String> =
        queues["QueueUrls"].as_array().unwrap().iter().map(|u| name(u.as_str().unwrap())).collect();
    assert_eq!(left, [name(&url)], "what came goes again");
    // And it can still be changed.
    upload(&root, "inner.yaml", INNER);
    update(&root, &outer(11, ""));
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
    assert_eq!(delay(&root, &url), "11");
}

#[test]
fn a_rollback_passes_over_what_of_a_stack_within_is_named() {
    passes_over(false);
}

#[test]
fn a_rollback_that_is_forced_passes_over_all_that_it_failed_at() {
    passes_over(true);
}

/// `forced`: without a name.
fn passes_over(forced: bool) {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    let stack = created(&cloud, &root, "tree", &template);
    let (url, middle) = (output(&stack, "Url"), physical(&root, "tree", "Middle"));
    let inner = physical(&root, &middle, "Inner");
    let name = |arn: &str| arn.split('/').nth(1).unwrap().to_owned();
    // What it changes on the way there takes the right to change it back.
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", all);
    let deny = "
  R: { Type: 'AWS::IAM::Policy', DependsOn: Queue, Properties: { PolicyName: nay, Users: [eva], PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Deny, Action: 'sqs:SetQueueAttributes', Resource: '*' } } } }
Outputs:";
    upload(&root, "inner.yaml", &INNER.replace("\nOutputs:", deny));
    let late = "  Late: { Type: 'AWS::SQS::Queue', DependsOn: Middle, Properties: { DelaySeconds: 100000 } }";
    let asked = json!({ "StackName": "tree", "TemplateBody": outer(9, late), "Capabilities": ["CAPABILITY_NAMED_IAM"] });
    eva.call("cloudformation", "UpdateStack", asked).ok();
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_ROLLBACK_FAILED", "{:#?}", events(&root, "tree"));
    assert_eq!(status(&root, &inner), "UPDATE_ROLLBACK_FAILED", "{:#?}", events(&root, &inner));
    let go_on = |stack: &str, skip: Value| {
        let asked = json!({ "StackName": stack, "ResourcesToSkip": skip });
        eva.call("cloudformation", "ContinueUpdateRollback", asked)
    };
    go_on(&inner, json!([])).refused_with(
        400,
        "ValidationError",
        "RollbackUpdatedStack cannot be invoked on child stacks",
    );
    for skip in ["Middle", "Queue", "Middle.Queue", "other.Queue", &format!("{}.Inner", name(&middle))] {
        let why =
            format!("The following ResourcesToSkip are not in UPDATE_FAILED state or do not exist: [{skip}]");
        go_on("tree", json!([skip])).refused_with(400, "ValidationError", &why);
    }
    let named = json!([format!("{}.Queue", name(&inner))]);
    if forced {
        let mut asked = json!({ "StackName": "tree", "ForceRollback": true, "ResourcesToSkip": named });
        root.call("cloudformation", "ContinueUpdateRollback", asked.clone()).refused_with(
            400,
            "ValidationError",
            "ForceRollback and ResourcesToSkip cannot be specified together.",
        );
        asked.as_object_mut().unwrap().remove("ResourcesToSkip");
        eva.call("cloudformation", "ContinueUpdateRollback", asked).ok();
    } else {
        go_on("tree", named).ok();
    }
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "tree"));
    for stack in [&middle, &inner] {
        assert_eq!(status(&root, stack), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, stack));
    }
    // It was passed over.
    assert_eq!(delay(&root, &url), "9");
}

fn change_set(root: &Caller<'_>, name: &str, template: &str) -> Value {
    let asked = json!({ "StackName": "tree", "ChangeSetName": name, "TemplateBody": template, "IncludeNestedStacks": true });
    let made = root.call("cloudformation", "CreateChangeSet", asked).ok();
    seen(root, made["Id"].as_str().unwrap())
}

fn seen(root: &Caller<'_>, arn: &str) -> Value {
    root.call("cloudformation", "DescribeChangeSet", json!({ "ChangeSetName": arn })).ok()
}

/// The ARN of the change set of the only nested stack that changes.
fn inner_set(set: &Value) -> String {
    let changes = set["Changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{set}");
    changes[0]["ResourceChange"]["ChangeSetId"].as_str().unwrap().to_owned()
}

#[test]
fn a_change_set_foresees_what_becomes_of_the_stacks_within() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    let stack = created(&cloud, &root, "tree", &template);
    let (url, middle) = (output(&stack, "Url"), physical(&root, "tree", "Middle"));
    let inner = physical(&root, &middle, "Inner");

    // Nothing changes anywhere.
    let none = change_set(&root, "none", &template);
    assert!(none["Status"] == "FAILED" && none["Changes"].as_array().is_none_or(Vec::is_empty), "{none}");
    assert!(none["StatusReason"].as_str().unwrap().contains("didn't contain changes"), "{none}");
    let sets = |stack: &str| {
        let told = root.call("cloudformation", "ListChangeSets", json!({ "StackName": stack })).ok();
        told["Summaries"].as_array().cloned().unwrap_or_default()
    };
    assert_eq!((sets(&middle).len(), sets(&inner).len()), (0, 0));

    // The innermost queue is another one, and waits longer.
    upload(&root, "inner.yaml", &INNER.replace("{ DelaySeconds:", "{ QueueName: other, DelaySeconds:"));
    let first = change_set(&root, "next", &outer(9, ""));
    assert_eq!(
        (&first["Status"], &first["IncludeNestedStacks"]),
        (&json!("CREATE_COMPLETE"), &json!("true"))
    );
    let second = seen(&root, &inner_set(&first));
    let third = seen(&root, &inner_set(&second));
    let arn = |set: &Value| set["ChangeSetId"].clone();
    assert_eq!((&second["RootChangeSetId"], &second["ParentChangeSetId"]), (&arn(&first), &arn(&first)));
    assert_eq!((&third["RootChangeSetId"], &third["ParentChangeSetId"]), (&arn(&first), &arn(&second)));
    assert_eq!((&second["StackId"], &third["StackId"]), (&json!(middle), &json!(inner)));
    let queue = &third["Changes"][0]["ResourceChange"];
    assert_eq!(
        (&queue["LogicalResourceId"], &queue["Replacement"], &queue["PolicyAction"]),
        (&json!("Queue"), &json!("True"), &json!("ReplaceAndDelete"))
    );
    // The one around all decides.
    for operation in ["ExecuteChangeSet", "DeleteChangeSet"] {
        let asked = json!({ "ChangeSetName": arn(&third) });
        let message = root.call("cloudformation", operation, asked).refused(400, "ValidationError");
        assert!(message.contains(arn(&first).as_str().unwrap()), "{message}");
    }
    root.call("cloudformation", "DeleteChangeSet", json!({ "ChangeSetName": arn(&first) })).ok();
    assert_eq!((sets(&middle).len(), sets(&inner).len()), (0, 0));

    // What was looked at is what comes, whatever lies there now.
    let set = change_set(&root, "again", &outer(9, ""));
    upload(&root, "inner.yaml", &INNER.replace("{ DelaySeconds:", "{ QueueName: third, DelaySeconds:"));
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": arn(&set) })).ok();
    let deep = inner_set(&seen(&root, &inner_set(&set)));
    assert_eq!(seen(&root, set["ChangeSetId"].as_str().unwrap())["ExecutionStatus"], "EXECUTE_IN_PROGRESS");
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
    let now = output(&describe(&root, "tree"), "Url");
    assert!(now.ends_with("/other") && now != url, "{now}");
    assert_eq!(delay(&root, &now), "9");
    assert_eq!(seen(&root, &deep)["ExecutionStatus"], "EXECUTE_COMPLETE");
    assert_eq!(describe(&root, &inner)["ChangeSetId"], deep);

    // A stack within that has changed since holds all of it.
    let set = change_set(&root, "late", &outer(11, ""));
    let asked = json!({ "StackName": inner, "UsePreviousTemplate": true, "Parameters": [
        { "ParameterKey": "Delay", "ParameterValue": "12" }, { "ParameterKey": "Names", "UsePreviousValue": true } ] });
    root.call("cloudformation", "UpdateStack", asked).ok();
    settle(&cloud, &root, &inner);
    let asked = json!({ "ChangeSetName": arn(&set) });
    let message =
        root.call("cloudformation", "ExecuteChangeSet", asked).refused(400, "InvalidChangeSetStatus");
    assert!(message.ends_with("execution status of [OBSOLETE]"), "{message}");

    // What fails tells so where it failed.
    let set = change_set(&root, "bad", &outer(5000, ""));
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": arn(&set) })).ok();
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "tree"));
    assert_eq!(seen(&root, set["ChangeSetId"].as_str().unwrap())["ExecutionStatus"], "EXECUTE_FAILED");
    // A template that is none fails the whole.
    upload(&root, "inner.yaml", "Resources: 1");
    let set = change_set(&root, "none", &outer(9, ""));
    assert_eq!(set["Status"], "FAILED");
    assert!(set["StatusReason"].as_str().unwrap().starts_with("Nested change set arn:aws:"), "{set}");
}

#[test]
fn a_change_set_foresees_stacks_that_are_new() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    let made = |name: &str, kind: &str, template: &str| {
        let asked = json!({ "StackName": "tree", "ChangeSetName": name, "ChangeSetType": kind, "TemplateBody": template, "IncludeNestedStacks": true });
        let set = root.call("cloudformation", "CreateChangeSet", asked).ok();
        seen(&root, set["Id"].as_str().unwrap())
    };
    let stacks = || {
        let told = root.call("cloudformation", "DescribeStacks", json!({})).ok();
        told["Stacks"].as_array().map_or(0, Vec::len)
    };
    let first = made("first", "CREATE", &template);
    assert_eq!(first["Status"], "CREATE_COMPLETE", "{first}");
    let second = seen(&root, &inner_set(&first));
    let third = seen(&root, &inner_set(&second));
    let (middle, inner) = (second["StackId"].as_str().unwrap(), third["StackId"].as_str().unwrap());
    assert!(middle.contains(":stack/tree-Middle-"), "{middle}");
    assert_eq!(
        (status(&root, middle), status(&root, inner)),
        (json!("REVIEW_IN_PROGRESS"), json!("REVIEW_IN_PROGRESS"))
    );
    assert_eq!(third["Changes"][0]["ResourceChange"]["Action"], "Add");
    assert_eq!(describe(&root, inner)["ParentId"], middle);
    // Thrown away, nothing of them is left.
    root.call("cloudformation", "DeleteChangeSet", json!({ "ChangeSetName": first["ChangeSetId"] })).ok();
    assert_eq!(
        (stacks(), status(&root, middle), status(&root, inner)),
        (1, json!("DELETE_COMPLETE"), json!("DELETE_COMPLETE"))
    );
    // Carried out, it is those that are made.
    let set = made("again", "CREATE", &template);
    let second = seen(&root, &inner_set(&set));
    let deep = inner_set(&second);
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": set["ChangeSetId"] })).ok();
    assert_eq!(settle(&cloud, &root, "tree"), "CREATE_COMPLETE", "{:#?}", events(&root, "tree"));
    assert_eq!((stacks(), json!(physical(&root, "tree", "Middle"))), (3, second["StackId"].clone()));
    let inner = physical(&root, second["StackId"].as_str().unwrap(), "Inner");
    assert_eq!(
        (describe(&root, &inner)["ChangeSetId"].as_str(), status(&root, &inner)),
        (Some(deep.as_str()), json!("CREATE_COMPLETE"))
    );
    assert_eq!(seen(&root, &deep)["ExecutionStatus"], "EXECUTE_COMPLETE");
    // A further one beside what is there; a template that is none leaves no stack behind.
    let more = "  Other: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'https://templates.s3.amazonaws.com/inner.yaml', Parameters: { Delay: 3, Names: 'a,b' } } }";
    let set = made("more", "UPDATE", &outer(5, more));
    let other = inner_set(&set);
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": set["ChangeSetId"] })).ok();
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
    assert_eq!(
        (stacks(), describe(&root, &physical(&root, "tree", "Other"))["ChangeSetId"].as_str()),
        (4, Some(other.as_str()))
    );
    upload(&root, "bad.yaml", "Resources: 1");
    let bad = more.replace("Other", "Bad").replace("inner.yaml", "bad.yaml");
    let set = made("bad", "UPDATE", &outer(5, &format!("{more}\n{bad}")));
    assert_eq!(set["Status"], "FAILED");
    assert!(
        set["StatusReason"].as_str().unwrap().starts_with("The nested stack Bad cannot be changed: "),
        "{set}"
    );
    assert_eq!(stacks(), 4);
    // They go with the stack around them, and with a creation that fails before it comes to them.
    let asked = json!({ "StackName": "other", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": template, "IncludeNestedStacks": true });
    let set = root.call("cloudformation", "CreateChangeSet", asked.clone()).ok();
    assert_eq!(stacks(), 7);
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "other" })).ok();
    assert_eq!(settle(&cloud, &root, set["StackId"].as_str().unwrap()), "DELETE_COMPLETE");
    assert_eq!(stacks(), 4);
    let early = "  Bad: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 5000 } }";
    let late = outer(5, early)
        .replace("Type: AWS::CloudFormation::Stack", "Type: AWS::CloudFormation::Stack\n    DependsOn: Bad");
    let mut asked = asked;
    asked["TemplateBody"] = json!(late);
    let set = root.call("cloudformation", "CreateChangeSet", asked).ok();
    root.call("cloudformation", "ExecuteChangeSet", json!({ "ChangeSetName": set["Id"] })).ok();
    let id = set["StackId"].as_str().unwrap();
    assert_eq!(settle(&cloud, &root, id), "ROLLBACK_COMPLETE", "{:#?}", events(&root, id));
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "other" })).ok();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE");
    assert_eq!(stacks(), 4);
}

#[test]
fn a_stack_within_whose_export_is_used_holds_the_tree_and_says_so() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    upload(
        &root,
        "inner.yaml",
        &INNER.replace("{ Value: !Ref Queue }", "{ Value: !Ref Queue, Export: { Name: used } }"),
    );
    let stack = created(&cloud, &root, "tree", &template);
    let user =
        "Resources: { T: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: !ImportValue used } } }";
    let user = created(&cloud, &root, "user", user)["StackId"].as_str().unwrap().to_owned();
    let id = stack["StackId"].as_str().unwrap();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "tree" })).ok();
    assert_eq!(settle(&cloud, &root, id), "DELETE_FAILED", "{:#?}", events(&root, id));
    let told = events(&root, &physical(&root, id, "Middle")).join("\n");
    assert!(told.contains("Export used cannot be deleted as it is in use by user"), "{told}");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "user" })).ok();
    settle(&cloud, &root, &user);
    root.call("cloudformation", "DeleteStack", json!({ "StackName": id })).ok();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE", "{:#?}", events(&root, id));
}

#[test]
fn what_waits_does_not_hold_the_way_back() {
    let cloud = Cloud::new();
    let (root, _) = tree(&cloud);
    let waits = "
Resources:
  H: { Type: 'AWS::CloudFormation::WaitConditionHandle' }
  X: { Type: 'AWS::CloudFormation::WaitCondition', Properties: { Handle: !Ref H, Timeout: 43200 } }
";
    upload(&root, "waits.yaml", waits);
    let within = "
Resources:
  N: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'https://templates.s3.amazonaws.com/waits.yaml' } }
";
    let bad = "  B: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 100000 } }\n";
    for (name, template) in [("alone", waits), ("within", within)] {
        create(&root, name, &format!("{template}{bad}"), json!({}));
        assert_eq!(settle(&cloud, &root, name), "ROLLBACK_COMPLETE", "{:#?}", events(&root, name));
        // Nor that of a stack that is deleted meanwhile.
        let id = create(&root, &format!("{name}2"), template, json!({}));
        (0..5).for_each(|_| cloud.reconcile());
        root.call("cloudformation", "DeleteStack", json!({ "StackName": id })).ok();
        assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
    }
}

/// Code and message of what a call of the Scheduler's is refused with.
pub(crate) fn by_schedule(
    cloud: &Cloud,
    root: &Caller<'_>,
    operation: &str,
    input: Value,
) -> (String, String) {
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "Service": "scheduler.amazonaws.com" } } });
    let name = base::id::uuid(cloud.cloud.rng());
    let role = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
    let role = root.call("iam", "CreateRole", role).ok()["Role"]["Arn"].clone();
    let may = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let may = json!({ "RoleName": name, "PolicyName": "p", "PolicyDocument": may.to_string() });
    root.call("iam", "PutRolePolicy", may).ok();
    let url = root.call("sqs", "CreateQueue", json!({ "QueueName": name })).ok()["QueueUrl"].clone();
    let at = cloud.cloud.clock().now().plus(std::time::Duration::from_secs(60));
    let schedule = json!({
        "Name": name, "FlexibleTimeWindow": { "Mode": "OFF" },
        "ScheduleExpression": format!("at({})", at.whole_seconds().iso8601().trim_end_matches('Z')),
        "Target": {
            "Arn": format!("arn:aws:scheduler:::aws-sdk:cloudformation:{operation}"), "RoleArn": role,
            "Input": input.to_string(), "RetryPolicy": { "MaximumRetryAttempts": 0 },
            "DeadLetterConfig": { "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}") },
        },
    });
    root.call("scheduler", "CreateSchedule", schedule).ok();
    cloud.advance(std::time::Duration::from_secs(61));
    cloud.reconcile();
    cloud.reconcile();
    let got = json!({ "QueueUrl": url, "MessageAttributeNames": ["All"] });
    let got = root.call("sqs", "ReceiveMessage", got).ok();
    let attributes = &got["Messages"][0]["MessageAttributes"];
    let text = |name: &str| attributes[name]["StringValue"].as_str().unwrap_or_default().to_owned();
    (text("ERROR_CODE"), text("ERROR_MESSAGE"))
}

#[test]
fn what_of_a_stack_within_can_be_changed_alone() {
    let cloud = Cloud::new();
    let (root, _) = tree(&cloud);
    upload(&root, "leaf.yaml", "Resources: { Topic: { Type: 'AWS::SNS::Topic' } }");
    let news = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok()["TopicArn"].clone();
    let around = |more: &str| {
        format!(
            "
Resources:
  Leaf:
    Type: AWS::CloudFormation::Stack
    Properties: {{ TemplateURL: 'https://templates.s3.amazonaws.com/leaf.yaml', {more} }}
"
        )
    };
    created(&cloud, &root, "tree", &around("TimeoutInMinutes: 5"));
    let leaf = physical(&root, "tree", "Leaf");
    let topics = || describe(&root, &leaf)["NotificationARNs"].clone();
    assert!(topics().as_array().is_none_or(Vec::is_empty));
    let told = around(&format!("TimeoutInMinutes: 5, NotificationARNs: [{}]", news.as_str().unwrap()));
    for (template, wanted) in [(&told, json!([news])), (&around("TimeoutInMinutes: 5"), json!(""))] {
        update(&root, template);
        assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
        assert_eq!(status(&root, &leaf), "UPDATE_COMPLETE");
        assert_eq!(topics(), wanted);
    }
    update(&root, &around("TimeoutInMinutes: 6"));
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "tree"));
    let told = events(&root, "tree");
    let words = "Leaf UPDATE_FAILED Update of TimeoutInMinutes is not supported.";
    assert!(told.iter().any(|event| event == words), "{told:#?}");
}

#[test]
fn a_tree_is_protected_at_its_root() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    create(&root, "tree", &template, json!({ "EnableTerminationProtection": true }));
    assert_eq!(settle(&cloud, &root, "tree"), "CREATE_COMPLETE", "{:#?}", events(&root, "tree"));
    let middle = physical(&root, "tree", "Middle");
    let name = middle.split('/').nth(1).unwrap();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": middle })).refused_with(
        400,
        "ValidationError",
        &format!("Stack [{name}] cannot be deleted while TerminationProtection is enabled"),
    );
    let alone = json!({ "StackName": middle, "EnableTerminationProtection": true });
    root.call("cloudformation", "UpdateTerminationProtection", alone).refused_with(
        400,
        "ValidationError",
        &format!("Termination protection of the nested stack [{name}] is that of its root stack."),
    );
    // A call that comes from within is no word of the stack around it.
    let words = format!("Stack [{name}] cannot be deleted while TerminationProtection is enabled");
    let told = by_schedule(&cloud, &root, "deleteStack", json!({ "StackName": middle }));
    assert_eq!(told, ("ValidationError".to_owned(), words));
    assert_eq!(status(&root, &middle), "CREATE_COMPLETE");
    // An update of the root may let it go.
    update(&root, "Resources: { Topic: { Type: 'AWS::SNS::Topic' } }");
    assert_eq!(settle(&cloud, &root, "tree"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tree"));
    assert_eq!(status(&root, &middle), "DELETE_COMPLETE");
}

#[test]
fn the_tree_is_made_with_the_rights_of_whoever_makes_it() {
    let cloud = Cloud::new();
    let (root, template) = tree(&cloud);
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["cloudformation:*", "s3:GetObject", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"], "Resource": "*" } });
    let eva = cloud.user(&root, "eva", &policy.to_string());
    create(&eva, "tree", &template, json!({}));
    assert_eq!(settle(&cloud, &eva, "tree"), "ROLLBACK_COMPLETE");
    let all = root.call("cloudformation", "ListStacks", json!({})).ok();
    let all = all["StackSummaries"].as_array().unwrap().clone();
    let inner = all.iter().find(|s| s["StackName"].as_str().unwrap().contains("-Inner-")).unwrap();
    assert_eq!(inner["RootId"], describe(&root, "tree")["StackId"]);
    let told = events(&root, inner["StackId"].as_str().unwrap()).join("\n");
    assert!(told.contains("user/eva is not authorized to perform: sqs:CreateQueue"), "{told}");

    let nowhere = template.replace("middle.yaml", "none.yaml");
    create(&root, "none", &nowhere, json!({}));
    assert_eq!(settle(&cloud, &root, "none"), "ROLLBACK_COMPLETE");
    let told = events(&root, "none").join("\n");
    assert!(told.contains("The specified key does not exist."), "{told}");
}
