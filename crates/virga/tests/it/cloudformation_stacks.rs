//! Stacks: made, shown, turned back, deleted.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const ACCOUNT: &str = "123456789012";

/// Lets the cloud work until the stack is at rest; its status.
pub(crate) fn settle(cloud: &Cloud, caller: &Caller<'_>, stack: &str) -> String {
    for _ in 0..200 {
        cloud.reconcile();
        let shown = describe(caller, stack);
        let status = shown["StackStatus"].as_str().unwrap();
        if !status.ends_with("_IN_PROGRESS") || status == "REVIEW_IN_PROGRESS" {
            return status.to_owned();
        }
        // What runs beside the reconcilers gets its turn.
        std::thread::sleep(Duration::from_millis(2));
        cloud.advance(Duration::from_secs(5));
    }
    panic!("{stack} does not come to rest: {}", describe(caller, stack));
}

pub(crate) fn describe(caller: &Caller<'_>, stack: &str) -> Value {
    caller.call("cloudformation", "DescribeStacks", json!({ "StackName": stack })).ok()["Stacks"][0].clone()
}

pub(crate) fn create(caller: &Caller<'_>, stack: &str, template: &str, more: Value) -> String {
    let mut input = json!({ "StackName": stack, "TemplateBody": template });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = caller.call("cloudformation", "CreateStack", input).ok();
    made["StackId"].as_str().unwrap().to_owned()
}

/// The stack at rest as it should be.
pub(crate) fn created(cloud: &Cloud, caller: &Caller<'_>, stack: &str, template: &str) -> Value {
    create(caller, stack, template, json!({ "Capabilities": ["CAPABILITY_NAMED_IAM"] }));
    let status = settle(cloud, caller, stack);
    assert_eq!(status, "CREATE_COMPLETE", "{:#?}", events(caller, stack));
    describe(caller, stack)
}

/// `name status` of each event, the first first.
pub(crate) fn events(caller: &Caller<'_>, stack: &str) -> Vec<String> {
    let told = caller.call("cloudformation", "DescribeStackEvents", json!({ "StackName": stack })).ok();
    let text = |e: &Value, member: &str| e[member].as_str().unwrap_or_default().to_owned();
    let one = |e: &Value| {
        format!(
            "{} {} {}",
            text(e, "LogicalResourceId"),
            text(e, "ResourceStatus"),
            text(e, "ResourceStatusReason")
        )
        .trim_end()
        .to_owned()
    };
    let mut all: Vec<String> = told["StackEvents"].as_array().unwrap().iter().map(one).collect();
    all.reverse();
    all
}

pub(crate) fn physical(caller: &Caller<'_>, stack: &str, name: &str) -> String {
    let asked = json!({ "StackName": stack, "LogicalResourceId": name });
    let told = caller.call("cloudformation", "DescribeStackResource", asked).ok();
    told["StackResourceDetail"]["PhysicalResourceId"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn output(stack: &Value, name: &str) -> String {
    let outputs = stack["Outputs"].as_array().unwrap();
    let found = outputs.iter().find(|output| output["OutputKey"] == name);
    found.unwrap_or_else(|| panic!("no output {name}: {stack}"))["OutputValue"].as_str().unwrap().to_owned()
}

const MAIL: &str = r#"
Description: A queue that hears a topic
Parameters:
  Prefix: { Type: String, Default: mail }
  Secret: { Type: String, NoEcho: true, Default: hush }
Resources:
  Inbox:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub '${Prefix}-inbox', VisibilityTimeout: 45 }
  News:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !Ref Secret }
  Ear:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Inbox.Arn }
  Letters:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Inbox]
      PolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Principal: { Service: sns.amazonaws.com }, Action: sqs:SendMessage, Resource: !GetAtt Inbox.Arn }
Outputs:
  Url: { Value: !Ref Inbox, Description: where to read, Export: { Name: !Sub '${AWS::StackName}-url' } }
  Name: { Value: !GetAtt News.TopicName }
"#;

#[test]
fn a_stack_is_made_shown_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    let id = create(&root, "mail", MAIL, json!({ "Tags": tags, "ClientRequestToken": "t-1" }));
    assert_eq!(describe(&root, "mail")["StackStatus"], "CREATE_IN_PROGRESS");
    // The same request once more is the same stack.
    assert_eq!(create(&root, "mail", MAIL, json!({ "ClientRequestToken": "t-1" })), id);
    assert_eq!(settle(&cloud, &root, "mail"), "CREATE_COMPLETE", "{:#?}", events(&root, "mail"));
    let stack = describe(&root, &id);
    assert_eq!(stack["Description"], "A queue that hears a topic");
    let name = output(&stack, "Name");
    assert!(name.starts_with("mail-News-") && name.len() == "mail-News-".len() + 12, "{name}");
    let secret =
        stack["Parameters"].as_array().unwrap().iter().find(|p| p["ParameterKey"] == "Secret").unwrap();
    assert_eq!(secret["ParameterValue"], "****");
    let url = output(&stack, "Url");
    assert!(url.ends_with("/123456789012/mail-inbox"), "{url}");
    let own =
        root.call("sqs", "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] })).ok();
    assert_eq!(own["Attributes"]["VisibilityTimeout"], "45");
    assert!(own["Attributes"]["Policy"].as_str().unwrap().contains("sns.amazonaws.com"));
    let tags = root.call("sqs", "ListQueueTags", json!({ "QueueUrl": url })).ok();
    assert_eq!(tags["Tags"]["team"], "blue");
    // What is not echoed is nowhere shown.
    let told = root.call("cloudformation", "DescribeStackEvents", json!({ "StackName": "mail" })).ok();
    assert!(!told.to_string().contains("hush") && told.to_string().contains("****"));
    let exports = root.call("cloudformation", "ListExports", json!({})).ok();
    assert_eq!(
        (&exports["Exports"][0]["Name"], &exports["Exports"][0]["Value"]),
        (&json!("mail-url"), &json!(url))
    );
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "mail" })).ok();
    assert_eq!(listed["StackResourceSummaries"].as_array().unwrap().len(), 4);
    let shown = root.call("cloudformation", "GetTemplate", json!({ "StackName": "mail" })).ok();
    assert_eq!(shown["TemplateBody"].as_str().unwrap().trim(), MAIL.trim());

    root.call("cloudformation", "DeleteStack", json!({ "StackName": "mail" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
    root.call("cloudformation", "DescribeStacks", json!({ "StackName": "mail" })).refused_with(
        400,
        "ValidationError",
        "Stack with id mail does not exist",
    );
    assert_eq!(root.call("sqs", "ListQueues", json!({})).ok().get("QueueUrls"), None);
    assert_eq!(root.call("cloudformation", "ListExports", json!({})).ok()["Exports"], "");
    let all =
        root.call("cloudformation", "ListStacks", json!({ "StackStatusFilter": ["DELETE_COMPLETE"] })).ok();
    assert_eq!(all["StackSummaries"][0]["StackId"], id);
    // The name is free again.
    create(&root, "mail", MAIL, json!({}));
}

#[test]
fn the_events_of_a_stack_are_in_their_order() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "one", "Resources: { Q: { Type: 'AWS::SQS::Queue' } }");
    assert_eq!(
        events(&root, "one"),
        [
            "one CREATE_IN_PROGRESS User Initiated",
            "Q CREATE_IN_PROGRESS",
            "Q CREATE_IN_PROGRESS Resource creation Initiated",
            "Q CREATE_COMPLETE",
            "one CREATE_COMPLETE",
        ]
    );
    assert!(physical(&root, "one", "Q").contains("/one-Q-"));
}

#[test]
fn a_failure_turns_the_stack_back_and_leaves_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: good } }
  B: { Type: 'AWS::SQS::Queue', DependsOn: A, Properties: { QueueName: 'not a name' } }
  C: { Type: 'AWS::SQS::Queue', DependsOn: B, Properties: { QueueName: never } }
";
    create(&root, "bad", template, json!({}));
    assert_eq!(settle(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad");
    let failed = told.iter().find(|e| e.starts_with("B CREATE_FAILED")).unwrap();
    assert!(failed.contains("Resource handler returned message: \"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length (Service: Sqs, Status Code: 400, Request ID: "), "{failed}");
    let reason = "bad ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [B]. Rollback requested by user.";
    assert!(told.contains(&reason.to_owned()), "{told:#?}");
    assert!(told.contains(&"A DELETE_COMPLETE".to_owned()) && !told.iter().any(|e| e.starts_with("C ")));
    assert_eq!(root.call("sqs", "ListQueues", json!({})).ok().get("QueueUrls"), None);
    let update = json!({ "StackName": "bad", "TemplateBody": template });
    let message = root.call("cloudformation", "UpdateStack", update).refused(400, "ValidationError");
    assert!(message.ends_with("is in ROLLBACK_COMPLETE state and can not be updated."), "{message}");
}

#[test]
fn what_a_failure_leaves_is_the_callers_choice() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue' }
  B: { Type: 'AWS::SQS::Queue', DependsOn: A, Properties: { Unheard: 1 } }
";
    create(&root, "kept", template, json!({ "DisableRollback": true }));
    assert_eq!(settle(&cloud, &root, "kept"), "CREATE_FAILED");
    assert!(
        events(&root, "kept")
            .contains(&"B CREATE_FAILED Encountered unsupported property Unheard".to_owned())
    );
    let queues =
        || root.call("sqs", "ListQueues", json!({})).ok()["QueueUrls"].as_array().map_or(0, Vec::len);
    assert_eq!(queues(), 1);
    let gone = create(&root, "gone", template, json!({ "OnFailure": "DELETE" }));
    assert_eq!(settle(&cloud, &root, &gone), "DELETE_COMPLETE");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "kept" })).ok();
    cloud.reconcile();
    assert_eq!(queues(), 0);
}

#[test]
fn what_is_asked_for_is_checked_before_anything_is_made() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let q = "Resources: { Q: { Type: 'AWS::SQS::Queue' } }";
    let role = "Resources: { R: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: {} } } }";
    let named = "Resources: { R: { Type: 'AWS::IAM::User', Properties: { UserName: eva } } }";
    let long = format!("{q}\n#{}", "x".repeat(52_000));
    let rows = [
        (
            json!({ "StackName": "1x", "TemplateBody": q }),
            "ValidationError",
            "1 validation error detected: Value '1x' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        ),
        (
            json!({ "StackName": "x" }),
            "ValidationError",
            "Either Template URL or Template Body must be specified.",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": "Resources: { Q: { Type: 'AWS::Foo::Bar' } }" }),
            "ValidationError",
            "Template format error: Unrecognized resource types: [AWS::Foo::Bar]",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": "Resources: { Q: { Type: 'AWS::SQS::Queue' }, P: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !GetAtt Q.Foo } } }" }),
            "ValidationError",
            "Template error: resource Q does not support attribute type Foo in Fn::GetAtt",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": q, "Parameters": [{ "ParameterKey": "P", "ParameterValue": "1" }] }),
            "ValidationError",
            "Parameters: [P] do not exist in the template",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": role }),
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": named, "Capabilities": ["CAPABILITY_IAM"] }),
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": q, "DisableRollback": true, "OnFailure": "DELETE" }),
            "ValidationError",
            "You can specify either DisableRollback or OnFailure, but not both.",
        ),
        (
            json!({ "StackName": "x", "TemplateBody": long }),
            "ValidationError",
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
        ),
    ];
    for (input, code, message) in rows {
        root.call("cloudformation", "CreateStack", input).refused_with(400, code, message);
    }
    create(&root, "x", q, json!({}));
    let again = json!({ "StackName": "x", "TemplateBody": q });
    root.call("cloudformation", "CreateStack", again).refused_with(
        400,
        "AlreadyExistsException",
        "Stack [x] already exists",
    );
    root.call("cloudformation", "UpdateStack", json!({ "StackName": "none", "TemplateBody": q }))
        .refused_with(400, "ValidationError", "Stack [none] does not exist");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "none" })).ok();
}

#[test]
fn templates_are_summed_up() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
AWSTemplateFormatVersion: 2010-09-09
Description: d
Parameters: { P: { Type: Number, Default: 3, AllowedValues: [3, 4], Description: how many } }
Resources: { R: { Type: 'AWS::IAM::Role', Properties: { RoleName: r } }, Q: { Type: 'AWS::SQS::Queue' } }
";
    let told = root.call("cloudformation", "GetTemplateSummary", json!({ "TemplateBody": template })).ok();
    assert_eq!(told["ResourceTypes"], json!(["AWS::IAM::Role", "AWS::SQS::Queue"]));
    assert_eq!(told["Capabilities"], json!(["CAPABILITY_NAMED_IAM"]));
    assert_eq!(
        told["CapabilitiesReason"],
        "The following resource(s) require capabilities: [AWS::IAM::Role]"
    );
    let parameter = &told["Parameters"][0];
    assert_eq!((&parameter["ParameterType"], &parameter["DefaultValue"]), (&json!("Number"), &json!("3")));
    assert_eq!(parameter["ParameterConstraints"]["AllowedValues"], json!(["3", "4"]));
    let valid = root.call("cloudformation", "ValidateTemplate", json!({ "TemplateBody": template })).ok();
    assert_eq!((&valid["Description"], &valid["Parameters"][0]["ParameterKey"]), (&json!("d"), &json!("P")));
    root.call("cloudformation", "ValidateTemplate", json!({ "TemplateBody": "Resources: [" })).refused_with(
        400,
        "ValidationError",
        "Template format error: YAML not well-formed. (line 2, column 1)",
    );
}

#[test]
fn more_stacks_import_a_value_than_a_page_holds() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let maker = "
Resources: { Q: { Type: 'AWS::SQS::Queue' } }
Outputs: { O: { Value: x, Export: { Name: word } } }
";
    let user = "Resources: { P: { Type: 'AWS::SSM::Parameter', Properties: { Type: String, Value: !ImportValue word } } }";
    created(&cloud, &root, "maker", maker);
    let names: std::collections::BTreeSet<String> = (0..103).map(|number| format!("user-{number}")).collect();
    names.iter().for_each(|name| drop(create(&root, name, user, json!({}))));
    names.iter().for_each(|name| assert_eq!(settle(&cloud, &root, name), "CREATE_COMPLETE"));
    let page = |more: Value| {
        let mut input = json!({ "ExportName": "word" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("cloudformation", "ListImports", input)
    };
    let first = page(json!({})).ok();
    let second = page(json!({ "NextToken": first["NextToken"] })).ok();
    let told = |page: &Value| page["Imports"].as_array().unwrap().len();
    assert_eq!((told(&first), told(&second), &second["NextToken"]), (100, 3, &Value::Null));
    let all = [&first, &second].into_iter().flat_map(|page| page["Imports"].as_array().unwrap().clone());
    assert_eq!(
        all.map(|name| name.as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>(),
        names
    );
    page(json!({ "NextToken": "x" })).refused(400, "ValidationError");
}

#[test]
fn what_one_stack_exports_another_uses() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let maker = "
Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: shared } } }
Outputs: { O: { Value: !GetAtt Q.Arn, Export: { Name: shared-arn } } }
";
    let user = "
Resources:
  T: { Type: 'AWS::SNS::Topic' }
  S: { Type: 'AWS::SNS::Subscription', Properties: { TopicArn: !Ref T, Protocol: sqs, Endpoint: !ImportValue shared-arn } }
";
    created(&cloud, &root, "maker", maker);
    created(&cloud, &root, "user", user);
    let imports = root.call("cloudformation", "ListImports", json!({ "ExportName": "shared-arn" })).ok();
    assert_eq!(imports["Imports"], json!(["user"]));
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "maker" })).ok();
    let stack = describe(&root, "maker");
    assert_eq!(
        (&stack["StackStatus"], &stack["StackStatusReason"]),
        (&json!("CREATE_COMPLETE"), &json!("Export shared-arn cannot be deleted as it is in use by user"))
    );
    // What nobody exports is looked for before anything is made.
    let other = user.replace("shared-arn", "nowhere");
    let id = create(&root, "lost", &other, json!({}));
    assert_eq!(settle(&cloud, &root, &id), "ROLLBACK_COMPLETE");
    let why = "lost ROLLBACK_IN_PROGRESS No export named nowhere found. Rollback requested by user.";
    assert_eq!(events(&root, &id)[1], why);
    let asked = json!({ "StackName": "user", "TemplateBody": other });
    root.call("cloudformation", "UpdateStack", asked.clone()).refused_with(
        400,
        "ValidationError",
        "No export named nowhere found.",
    );
    let mut asked = asked;
    asked["ChangeSetName"] = json!("c");
    root.call("cloudformation", "CreateChangeSet", asked).ok();
    let set = json!({ "StackName": "user", "ChangeSetName": "c" });
    let set = root.call("cloudformation", "DescribeChangeSet", set).ok();
    assert_eq!(
        (&set["Status"], &set["StatusReason"]),
        (&json!("FAILED"), &json!("No export named nowhere found."))
    );
    // A second one of the name is refused.
    let twin = "
Resources: { T: { Type: 'AWS::SNS::Topic' } }
Outputs: { O: { Value: x, Export: { Name: shared-arn } } }
";
    create(&root, "twin", twin, json!({}));
    assert_eq!(settle(&cloud, &root, "twin"), "ROLLBACK_COMPLETE");
    assert!(
        events(&root, "twin")
            .iter()
            .any(|e| e.contains("Export with name shared-arn is already exported by stack maker."))
    );
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "user" })).ok();
    cloud.reconcile();
    root.call("cloudformation", "ListImports", json!({ "ExportName": "shared-arn" })).refused_with(
        400,
        "ValidationError",
        "Export 'shared-arn' is not imported by any stack.",
    );
    let id = stack["StackId"].as_str().unwrap();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "maker" })).ok();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE");
}

#[test]
fn what_is_kept_when_a_stack_goes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  Kept: { Type: 'AWS::SQS::Queue', DeletionPolicy: Retain, Properties: { QueueName: kept } }
  Gone: { Type: 'AWS::SQS::Queue', Properties: { QueueName: gone } }
";
    let stack = created(&cloud, &root, "s", template);
    let protect = |on: bool| json!({ "StackName": "s", "EnableTerminationProtection": on });
    root.call("cloudformation", "UpdateTerminationProtection", protect(true)).ok();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).refused_with(
        400,
        "ValidationError",
        "Stack [s] cannot be deleted while TerminationProtection is enabled",
    );
    root.call("cloudformation", "UpdateTerminationProtection", protect(false)).ok();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
    let id = stack["StackId"].as_str().unwrap();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE");
    assert!(events(&root, id).contains(&"Kept DELETE_SKIPPED".to_owned()));
    let left = root.call("sqs", "ListQueues", json!({})).ok()["QueueUrls"].to_string();
    assert!(left.contains("/kept") && !left.contains("/gone"), "{left}");
}

#[test]
fn a_bucket_that_is_not_empty_holds_its_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "s", "Resources: { B: { Type: 'AWS::S3::Bucket' } }");
    let id = stack["StackId"].as_str().unwrap();
    let bucket = physical(&root, "s", "B");
    assert!(bucket.starts_with("s-b-"), "{bucket}");
    root.call("s3", "PutObject", json!({ "Bucket": bucket, "Key": "k", "Body": "x" })).ok();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "DELETE_FAILED");
    assert_eq!(describe(&root, "s")["StackStatusReason"], "The following resource(s) failed to delete: [B].");
    let retain = |name: &str| {
        let asked = json!({ "StackName": "s", "RetainResources": [name] });
        root.call("cloudformation", "DeleteStack", asked)
    };
    retain("C").refused_with(
        400,
        "ValidationError",
        "The specified resources to retain must be in a valid state. Do not specify resources that are in the DELETE_COMPLETE state.",
    );
    retain("B").ok();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE");
    root.call("s3", "HeadBucket", json!({ "Bucket": bucket })).ok();
}

#[test]
fn a_failure_that_was_kept_is_taken_back_later() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: good } }
  K: { Type: 'AWS::SNS::Topic', DeletionPolicy: Retain, Properties: { TopicName: kept } }
  B: { Type: 'AWS::SQS::Queue', DependsOn: [A, K], Properties: { QueueName: 'not a name' } }
";
    let back = |stack: &str, more: Value| {
        let mut asked = json!({ "StackName": stack });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("cloudformation", "RollbackStack", asked)
    };
    let topics = || root.call("sns", "ListTopics", json!({})).ok()["Topics"].as_array().map_or(0, Vec::len);
    let id = create(&root, "bad", template, json!({ "DisableRollback": true }));
    assert_eq!(settle(&cloud, &root, "bad"), "CREATE_FAILED");
    assert_eq!(back("bad", json!({ "ClientRequestToken": "t" })).ok()["StackId"], id);
    assert_eq!(settle(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad");
    assert!(told.contains(&"bad ROLLBACK_IN_PROGRESS User Initiated".to_owned()), "{told:#?}");
    assert!(told.contains(&"A DELETE_COMPLETE".to_owned()), "{told:#?}");
    assert!(told.contains(&"K DELETE_SKIPPED".to_owned()), "{told:#?}");
    assert_eq!(root.call("sqs", "ListQueues", json!({})).ok().get("QueueUrls"), None);
    assert_eq!(topics(), 1);
    let message = back("bad", json!({})).refused(400, "ValidationError");
    assert!(message.ends_with("is in ROLLBACK_COMPLETE state and can not be rolled back."), "{message}");
    back("none", json!({})).refused_with(400, "ValidationError", "Stack [none] does not exist");
    root.call("sns", "DeleteTopic", json!({ "TopicArn": format!("arn:aws:sns:us-east-1:{ACCOUNT}:kept") }))
        .ok();
    // What was made by what failed goes, whatever is to be retained otherwise.
    cloud.advance(Duration::from_secs(61));
    create(&root, "worse", template, json!({ "DisableRollback": true }));
    assert_eq!(settle(&cloud, &root, "worse"), "CREATE_FAILED");
    back("worse", json!({ "RetainExceptOnCreate": true })).ok();
    assert_eq!(settle(&cloud, &root, "worse"), "ROLLBACK_COMPLETE");
    assert_eq!(topics(), 0);
    cloud.advance(Duration::from_secs(61));
    create(&root, "worst", template, json!({ "RetainExceptOnCreate": true }));
    assert_eq!(settle(&cloud, &root, "worst"), "ROLLBACK_COMPLETE");
    assert_eq!(topics(), 0);
    // An update that fails, too, and only for what it made itself.
    let good = template.replace("'not a name'", "other");
    cloud.advance(Duration::from_secs(61));
    created(&cloud, &root, "good", &good);
    let more = good.replace("QueueName: other", "QueueName: 'no name'").replace(
        "  B:",
        "  L: { Type: 'AWS::SNS::Topic', DeletionPolicy: Retain, Properties: { TopicName: late } }\n  B:",
    );
    let update = json!({ "StackName": "good", "TemplateBody": more.replace("DependsOn: [A, K]", "DependsOn: L"), "RetainExceptOnCreate": true });
    root.call("cloudformation", "UpdateStack", update).ok();
    assert_eq!(settle(&cloud, &root, "good"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "good"));
    assert_eq!(topics(), 1);
}
