//! Imports: what is there becomes part of a stack.

use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, output, physical, settle};
use crate::cloudformation_tags::unmarked;
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

pub(crate) fn make(caller: &Caller<'_>, stack: &str, template: &str, imports: Value, more: Value) -> Reply {
    let mut input = json!({
        "StackName": stack, "ChangeSetName": "in", "ChangeSetType": "IMPORT", "TemplateBody": template,
        "ResourcesToImport": imports, "Capabilities": ["CAPABILITY_NAMED_IAM"],
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("cloudformation", "CreateChangeSet", input)
}

fn seen(caller: &Caller<'_>, stack: &str) -> Value {
    let asked = json!({ "StackName": stack, "ChangeSetName": "in" });
    caller.call("cloudformation", "DescribeChangeSet", asked).ok()
}

pub(crate) fn carry_out(cloud: &Cloud, caller: &Caller<'_>, stack: &str) -> String {
    let asked = json!({ "StackName": stack, "ChangeSetName": "in" });
    caller.call("cloudformation", "ExecuteChangeSet", asked).ok();
    settle(cloud, caller, stack)
}

pub(crate) fn one(name: &str, kind: &str, identifier: Value) -> Value {
    json!({ "LogicalResourceId": name, "ResourceType": kind, "ResourceIdentifier": identifier })
}

fn queue(caller: &Caller<'_>, name: &str) -> String {
    let made = caller.call("sqs", "CreateQueue", json!({ "QueueName": name, "tags": { "own": "1" } })).ok();
    made["QueueUrl"].as_str().unwrap().to_owned()
}

fn in_queue(url: &str) -> Value {
    json!([one("Q", "AWS::SQS::Queue", json!({ "QueueUrl": url }))])
}

const KEPT: &str = "Resources: { T: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t } } }";
const WITH_QUEUE: &str = "Resources: { T: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t } }, Q: { Type: 'AWS::SQS::Queue', DeletionPolicy: Delete, DependsOn: T, Properties: { QueueName: q, DelaySeconds: 7 } } }";

#[test]
fn a_queue_becomes_part_of_a_stack_and_nothing_else_changes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    let input = json!({ "StackName": "s", "TemplateBody": KEPT, "Tags": tags });
    root.call("cloudformation", "CreateStack", input).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
    let url = queue(&root, "q");
    make(&root, "s", WITH_QUEUE, in_queue(&url), json!({})).ok();
    let set = seen(&root, "s");
    assert_eq!((&set["Status"], &set["ExecutionStatus"]), (&json!("CREATE_COMPLETE"), &json!("AVAILABLE")));
    let change = &set["Changes"][0]["ResourceChange"];
    assert_eq!(
        (&change["Action"], &change["LogicalResourceId"], &change["PhysicalResourceId"]),
        (&json!("Import"), &json!("Q"), &json!(url))
    );
    assert_eq!(set["Changes"].as_array().unwrap().len(), 1);
    assert_eq!(carry_out(&cloud, &root, "s"), "IMPORT_COMPLETE", "{:#?}", events(&root, "s"));
    let told = events(&root, "s");
    assert_eq!(
        told[told.len() - 6..],
        [
            "s IMPORT_IN_PROGRESS User Initiated",
            "Q IMPORT_IN_PROGRESS Resource import started.",
            "Q IMPORT_COMPLETE Resource import completed.",
            "Q UPDATE_IN_PROGRESS Apply stack-level tags to imported resource if applicable.",
            "Q UPDATE_COMPLETE",
            "s IMPORT_COMPLETE",
        ]
    );
    assert_eq!(physical(&root, "s", "Q"), url);
    // Its own tags stay, and its properties are not those of the template yet.
    let told = root.call("sqs", "ListQueueTags", json!({ "QueueUrl": url })).ok();
    assert_eq!(told["Tags"], json!({ "own": "1", "team": "blue" }));
    let asked = json!({ "StackName": "s", "LogicalResourceId": "Q" });
    let drift = root.call("cloudformation", "DetectStackResourceDrift", asked).ok();
    let differences = drift["StackResourceDrift"]["PropertyDifferences"].as_array().unwrap().clone();
    assert!(differences.iter().any(|d| d["PropertyPath"] == "/DelaySeconds"), "{drift}");
    // From now on it is a resource like another.
    update(&cloud, &root, "s", &WITH_QUEUE.replace("DelaySeconds: 7", "DelaySeconds: 8"));
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["DelaySeconds"] });
    let told = root.call("sqs", "GetQueueAttributes", asked.clone()).ok();
    assert_eq!(told["Attributes"]["DelaySeconds"], "8");
    delete(&cloud, &root, "s");
    root.call("sqs", "GetQueueAttributes", asked).refused(400, "QueueDoesNotExist");
}

/// One of every kind that can be imported, with what others get of it.
const EVERYTHING: &str = r#"
Resources:
  Q: { Type: 'AWS::SQS::Queue', DeletionPolicy: Retain, Properties: { QueueName: !GetAtt T.TopicName } }
  T: { Type: 'AWS::SNS::Topic', DeletionPolicy: Retain, Properties: { TopicName: t } }
  K: { Type: 'AWS::KMS::Key', DeletionPolicy: Retain, Properties: { Description: !GetAtt Q.Arn } }
  A: { Type: 'AWS::KMS::Alias', DeletionPolicy: Retain, Properties: { AliasName: alias/a, TargetKeyId: !GetAtt K.Arn } }
  D: { Type: 'AWS::DynamoDB::Table', DeletionPolicy: Retain, Properties: { TableName: ddd, AttributeDefinitions: [{ AttributeName: k, AttributeType: S }], KeySchema: [{ AttributeName: k, KeyType: HASH }], BillingMode: PAY_PER_REQUEST } }
  B: { Type: 'AWS::S3::Bucket', DeletionPolicy: Retain, Properties: { BucketName: import-of-everything } }
  P: { Type: 'AWS::S3::BucketPolicy', DeletionPolicy: Retain, Properties: { Bucket: !Ref B, PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Deny, Principal: '*', Action: 's3:GetObject', Resource: !Sub '${B.Arn}/*' }] } } }
  R: { Type: 'AWS::IAM::Role', DeletionPolicy: Retain, Properties: { RoleName: r, AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: [lambda.amazonaws.com, scheduler.amazonaws.com] } }] } } }
  U: { Type: 'AWS::IAM::User', DeletionPolicy: Retain, Properties: { UserName: u } }
  G: { Type: 'AWS::IAM::Group', DeletionPolicy: Retain, Properties: { GroupName: g } }
  M: { Type: 'AWS::IAM::ManagedPolicy', DeletionPolicy: Retain, Properties: { ManagedPolicyName: m, PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: 'sqs:*', Resource: '*' }] } } }
  S: { Type: 'AWS::EC2::SecurityGroup', DeletionPolicy: Retain, Properties: { GroupName: s, GroupDescription: d } }
  L: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: Retain, Properties: { LogGroupName: l } }
  N: { Type: 'AWS::EC2::VPC', DeletionPolicy: Retain, Properties: { CidrBlock: 10.0.0.0/16 } }
  O: { Type: 'AWS::EC2::Subnet', DeletionPolicy: Retain, Properties: { VpcId: !Ref N, CidrBlock: 10.0.0.0/24 } }
  I: { Type: 'AWS::EC2::InternetGateway', DeletionPolicy: Retain }
  W: { Type: 'AWS::EC2::RouteTable', DeletionPolicy: Retain, Properties: { VpcId: !Ref N } }
  V: { Type: 'AWS::SSM::Parameter', DeletionPolicy: Retain, Properties: { Name: /v, Type: String, Value: x } }
  F: { Type: 'AWS::Lambda::Function', DeletionPolicy: Retain, Properties: { FunctionName: f, Runtime: python3.12, Handler: index.f, Role: !GetAtt R.Arn, Code: { ZipFile: 'def f(event, context): pass' } } }
  E: { Type: 'AWS::ECR::Repository', DeletionPolicy: Retain, Properties: { RepositoryName: eee } }
  H: { Type: 'AWS::IAM::InstanceProfile', DeletionPolicy: Retain, Properties: { InstanceProfileName: h, Roles: [!Ref R] } }
  X: { Type: 'AWS::Scheduler::Schedule', DeletionPolicy: Retain, Properties: { Name: x, ScheduleExpression: rate(1 day), FlexibleTimeWindow: { Mode: 'OFF' }, Target: { Arn: !GetAtt Q.Arn, RoleArn: !GetAtt R.Arn } } }
  C: { Type: 'AWS::CloudWatch::Alarm', DeletionPolicy: Retain, Properties: { AlarmName: c, Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: GreaterThanThreshold } }
"#;
const OUTPUTS: &str = r#"
Outputs:
  All: { Value: !Join [' ', [!GetAtt Q.Arn, !GetAtt T.TopicArn, !GetAtt K.Arn, !GetAtt D.Arn, !GetAtt B.RegionalDomainName, !GetAtt R.Arn, !GetAtt R.RoleId, !GetAtt U.Arn, !GetAtt G.Arn, !GetAtt M.PolicyArn, !GetAtt M.PolicyId, !GetAtt M.CreateDate, !GetAtt S.GroupId, !GetAtt L.Arn, !GetAtt V.Value, !GetAtt F.Arn, !GetAtt C.Arn, !Ref P, !Ref A, !GetAtt N.DefaultSecurityGroup, !GetAtt N.DefaultNetworkAcl, !GetAtt O.AvailabilityZone, !GetAtt I.InternetGatewayId, !GetAtt W.RouteTableId, !GetAtt E.RepositoryUri, !GetAtt H.Arn, !GetAtt X.Arn]] }
"#;

#[test]
fn what_a_stack_has_left_behind_makes_another_of_every_kind() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = created(&cloud, &root, "old", &format!("{EVERYTHING}{OUTPUTS}"));
    let before = output(&first, "All");
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "old" })).ok();
    let summary = root.call("cloudformation", "GetTemplateSummary", json!({ "StackName": "old" })).ok();
    let identifiers = summary["ResourceIdentifierSummaries"].as_array().unwrap().clone();
    let imports: Vec<Value> = listed["StackResourceSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| {
            let kind = resource["ResourceType"].as_str().unwrap();
            let known = identifiers.iter().find(|known| known["ResourceType"] == kind).unwrap();
            assert_eq!(known["LogicalResourceIds"], json!([resource["LogicalResourceId"]]));
            let by = known["ResourceIdentifiers"][0].as_str().unwrap();
            let name = resource["LogicalResourceId"].as_str().unwrap();
            one(name, kind, json!({ by: resource["PhysicalResourceId"] }))
        })
        .collect();
    delete(&cloud, &root, "old");
    make(&root, "new", EVERYTHING, json!(imports), json!({})).ok();
    assert_eq!(describe(&root, "new")["StackStatus"], "REVIEW_IN_PROGRESS");
    assert_eq!(seen(&root, "new")["ExecutionStatus"], "AVAILABLE", "{}", seen(&root, "new"));
    assert_eq!(carry_out(&cloud, &root, "new"), "IMPORT_COMPLETE", "{:#?}", events(&root, "new"));
    // Everything of it is known as if the stack had made it.
    update(&cloud, &root, "new", &format!("{EVERYTHING}{OUTPUTS}"));
    assert_eq!(output(&describe(&root, "new"), "All"), before);
    // It needs each other as it did.
    let gone = EVERYTHING.replace("Retain", "Delete");
    update(&cloud, &root, "new", &gone);
    delete(&cloud, &root, "new");
}

#[test]
fn what_is_not_there_or_belongs_to_a_stack_fails_the_set() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let owner = created(&cloud, &root, "s", KEPT);
    let ghost = format!("https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/ghost");
    make(&root, "s", WITH_QUEUE, in_queue(&ghost), json!({})).ok();
    let set = seen(&root, "s");
    assert_eq!((&set["Status"], &set["ExecutionStatus"]), (&json!("FAILED"), &json!("UNAVAILABLE")));
    let missing = format!("Resource of type 'AWS::SQS::Queue' with identifier '{ghost}' was not found.");
    assert_eq!(set["StatusReason"], missing);
    let asked = json!({ "StackName": "s", "ChangeSetName": "in" });
    root.call("cloudformation", "ExecuteChangeSet", asked).refused(400, "InvalidChangeSetStatus");
    // A topic of another stack.
    let arn = physical(&root, "s", "T");
    let template =
        "Resources: { X: { Type: 'AWS::SNS::Topic', DeletionPolicy: Retain, Properties: { TopicName: t } } }";
    let imports = json!([one("X", "AWS::SNS::Topic", json!({ "TopicArn": arn }))]);
    make(&root, "other", template, imports, json!({})).ok();
    let owned = format!("{arn} already exists in stack {}", owner["StackId"].as_str().unwrap());
    assert_eq!(seen(&root, "other")["StatusReason"], owned);
    // Its service knows a key by more than one name, a stack by one.
    let made = root.call("kms", "CreateKey", json!({})).ok();
    let template = "Resources: { X: { Type: 'AWS::KMS::Key', DeletionPolicy: Retain } }";
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let imports = json!([one("X", "AWS::KMS::Key", json!({ "KeyId": arn }))]);
    make(&root, "key", template, imports, json!({})).ok();
    let missing = format!("Resource of type 'AWS::KMS::Key' with identifier '{arn}' was not found.");
    assert_eq!(seen(&root, "key")["StatusReason"], missing);
    // Who may not read it cannot import it.
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", policy);
    let url = queue(&root, "q");
    make(
        &eva,
        "eva",
        &WITH_QUEUE
            .replace("T: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t } }, ", "")
            .replace("DependsOn: T, ", ""),
        in_queue(&url),
        json!({}),
    )
    .ok();
    let why = seen(&eva, "eva")["StatusReason"].as_str().unwrap().to_owned();
    assert!(why.contains("is not authorized to perform: sqs:GetQueueAttributes"), "{why}");
}

#[test]
fn what_has_gone_in_the_meantime_turns_the_import_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", KEPT);
    let (url, log) = (queue(&root, "q"), json!({ "logGroupName": "l" }));
    root.call("logs", "CreateLogGroup", log.clone()).ok();
    let template =
        WITH_QUEUE.replace("Q: {", "L: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: Retain }, Q: {");
    let imports = json!([
        one("L", "AWS::Logs::LogGroup", json!({ "LogGroupName": "l" })),
        one("Q", "AWS::SQS::Queue", json!({ "QueueUrl": url })),
    ]);
    make(&root, "s", &template, imports.clone(), json!({})).ok();
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": url })).ok();
    assert_eq!(carry_out(&cloud, &root, "s"), "IMPORT_ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    let told = events(&root, "s");
    assert_eq!(
        told[told.len() - 10..],
        [
            "L IMPORT_IN_PROGRESS Resource import started.".to_owned(),
            "L IMPORT_COMPLETE Resource import completed.".to_owned(),
            "Q IMPORT_IN_PROGRESS Resource import started.".to_owned(),
            format!(
                "Q IMPORT_FAILED Resource of type 'AWS::SQS::Queue' with identifier '{url}' was not found."
            ),
            "s IMPORT_ROLLBACK_IN_PROGRESS The following resource(s) failed to import: [Q].".to_owned(),
            "L IMPORT_ROLLBACK_IN_PROGRESS".to_owned(),
            "L IMPORT_ROLLBACK_COMPLETE".to_owned(),
            "Q IMPORT_ROLLBACK_IN_PROGRESS".to_owned(),
            "Q IMPORT_ROLLBACK_COMPLETE".to_owned(),
            "s IMPORT_ROLLBACK_COMPLETE".to_owned(),
        ]
    );
    // The stack is what it was, and the group is nobody's.
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "s" })).ok();
    assert_eq!(listed["StackResourceSummaries"].as_array().unwrap().len(), 1);
    let shown = root.call("cloudformation", "GetTemplate", json!({ "StackName": "s" })).ok();
    assert_eq!(shown["TemplateBody"], KEPT);
    root.call("cloudformation", "DeleteChangeSet", json!({ "StackName": "s", "ChangeSetName": "in" })).ok();
    let alone = KEPT.replace("T: {", "L: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: Retain }, T: {");
    make(&root, "s", &alone, json!([imports[0]]), json!({})).ok();
    assert_eq!(carry_out(&cloud, &root, "s"), "IMPORT_COMPLETE");
    // It is kept, as the template says.
    delete(&cloud, &root, "s");
    root.call("logs", "DeleteLogGroup", log).ok();
}

#[test]
fn an_import_is_of_what_is_said_and_of_nothing_else() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", KEPT);
    let url = queue(&root, "q");
    let refuse = |template: &str, imports: Value, more: Value, words: &str| {
        make(&root, "s", template, imports, more).refused_with(400, "ValidationError", words);
    };
    let q = || in_queue(&url);
    refuse(WITH_QUEUE, json!([]), json!({}), "Must Provide at least one resource to import");
    let other = "ResourcesToImport can only be specified for a change set of the type IMPORT";
    refuse(WITH_QUEUE, q(), json!({ "ChangeSetType": "UPDATE" }), other);
    let twice = "Every resource to import must have unique LogicalResourceId";
    refuse(WITH_QUEUE, json!([q()[0], q()[0]]), json!({}), twice);
    let stranger = "The logical resource ids [Q] provided in ResourceToImport do not exist in the template.";
    refuse(KEPT, q(), json!({}), stranger);
    let named = json!([one("Q", "AWS::SQS::Queue", json!({ "QueueName": "q" }))]);
    let expected = "Invalid resource identifier for resource type AWS::SQS::Queue. Expected [QueueUrl]";
    refuse(WITH_QUEUE, named, json!({}), expected);
    let topic = json!([one("Q", "AWS::SNS::Topic", json!({ "TopicArn": "x" }))]);
    refuse(
        WITH_QUEUE,
        topic,
        json!({}),
        "Resource type of [Q] passed in ResourceToImport does not match with resource type defined in the template. Resource type in ResourceToImport: AWS::SNS::Topic; Resource type in Template: AWS::SQS::Queue.",
    );
    let policy = WITH_QUEUE.replace("AWS::SQS::Queue", "AWS::IAM::Policy");
    let asked = json!([one("Q", "AWS::IAM::Policy", json!({ "Id": "x" }))]);
    refuse(&policy, asked, json!({}), "ResourceTypes [AWS::IAM::Policy] are not supported for Import");
    let known = json!([one("T", "AWS::SNS::Topic", json!({ "TopicArn": physical(&root, "s", "T") }))]);
    let nothing = "The template should contain at least one new resource to import.";
    refuse(KEPT, known.clone(), json!({}), nothing);
    let own = "Resources [T] passed in ResourceToImport are already in a stack and cannot be imported.";
    refuse(WITH_QUEUE, known, json!({}), own);
    let more = WITH_QUEUE.replace("Q: {", "N: { Type: 'AWS::SNS::Topic' }, Q: {");
    refuse(&more, q(), json!({}), "Resources [N] is missing from ResourceToImport list");
    let changed = WITH_QUEUE.replace("TopicName: t", "TopicName: t, DisplayName: d");
    let words = "You have modified resources [T] in your template that are not being imported. Update, create or delete operations cannot be executed during import operations.";
    refuse(&changed, q(), json!({}), words);
    let gone = WITH_QUEUE.replace("T: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t } }, ", "");
    refuse(&gone.replace("DependsOn: T, ", ""), q(), json!({}), words);
    let unsaid = WITH_QUEUE.replace("DeletionPolicy: Delete, ", "");
    let words =
        "The following resources to import [Q] must have DeletionPolicy attribute specified in the template.";
    refuse(&unsaid, q(), json!({}), words);
    let told = format!("{WITH_QUEUE}\nOutputs: {{ U: {{ Value: x }} }}");
    refuse(&told, q(), json!({}), "As part of the import operation, you cannot modify or add [Outputs]");
    let tagged = json!({ "Tags": [{ "Key": "a", "Value": "b" }] });
    refuse(WITH_QUEUE, q(), tagged, "As part of the import operation, you cannot modify or add [Tags]");
    // A condition of policies on what may be imported.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"cloudformation:CreateChangeSet","Resource":"*","Condition":{"ForAnyValue:StringLike":{"cloudformation:ImportResourceTypes":"AWS::SQS::*"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    make(&eva, "s", WITH_QUEUE, q(), json!({})).refused(403, "AccessDenied");
    make(&root, "s", WITH_QUEUE, q(), json!({})).ok();
}

#[test]
fn tags_of_the_stack_come_without_anything_of_the_template() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    root.call(
        "cloudformation",
        "CreateStack",
        json!({ "StackName": "s", "TemplateBody": KEPT, "Tags": tags }),
    )
    .ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
    let alarm = json!({ "AlarmName": "c", "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold" });
    root.call("cloudwatch", "PutMetricAlarm", alarm).ok();
    root.call("s3", "CreateBucket", json!({ "Bucket": "import-of-tags" })).ok();
    let own = json!({ "Bucket": "import-of-tags", "Tagging": { "TagSet": [{ "Key": "own", "Value": "1" }, { "Key": "team", "Value": "red" }] } });
    root.call("s3", "PutBucketTagging", own).ok();
    let template = KEPT.replace("T: {", "C: { Type: 'AWS::CloudWatch::Alarm', DeletionPolicy: Retain, Properties: { AlarmName: c, Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 9, ComparisonOperator: GreaterThanThreshold } }, B: { Type: 'AWS::S3::Bucket', DeletionPolicy: Retain, Properties: { BucketName: import-of-tags, VersioningConfiguration: { Status: Enabled } } }, T: {");
    let imports = json!([
        one("C", "AWS::CloudWatch::Alarm", json!({ "AlarmName": "c" })),
        one("B", "AWS::S3::Bucket", json!({ "BucketName": "import-of-tags" })),
    ]);
    make(&root, "s", &template, imports, json!({})).ok();
    assert_eq!(carry_out(&cloud, &root, "s"), "IMPORT_COMPLETE", "{:#?}", events(&root, "s"));
    let told = root.call("cloudwatch", "DescribeAlarms", json!({ "AlarmNames": ["c"] })).ok();
    let alarm = &told["MetricAlarms"][0];
    assert_eq!(alarm["Threshold"].to_string().trim_matches('"').parse::<f64>().unwrap(), 5.0, "{told}");
    let told =
        root.call("cloudwatch", "ListTagsForResource", json!({ "ResourceARN": alarm["AlarmArn"] })).ok();
    assert_eq!(unmarked(&told["Tags"]), tags);
    let told = root.call("s3", "GetBucketTagging", json!({ "Bucket": "import-of-tags" })).ok();
    let both = json!([{ "Key": "own", "Value": "1" }, { "Key": "team", "Value": "blue" }]);
    assert_eq!(unmarked(&told["TagSet"]), both);
    let told = root.call("s3", "GetBucketVersioning", json!({ "Bucket": "import-of-tags" })).ok();
    assert!(told["Status"].is_null(), "{told}");
}

/// Two of these may be there already, under the names that the template gives.
const NAMED: &str = r#"
Parameters: { Name: { Type: String, Default: dynamic } }
Resources:
  There: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: RetainExceptOnCreate, Properties: { LogGroupName: there, RetentionInDays: 7 } }
  Table: { Type: 'AWS::DynamoDB::Table', DeletionPolicy: Retain, Properties: { TableName: table, AttributeDefinitions: [{ AttributeName: k, AttributeType: S }], KeySchema: [{ AttributeName: k, KeyType: HASH }], BillingMode: PAY_PER_REQUEST } }
  Fresh: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: Retain, Properties: { LogGroupName: fresh } }
  Queue: { Type: 'AWS::SQS::Queue', DependsOn: There, Properties: { QueueName: queue } }
Outputs:
  Arn: { Value: !GetAtt There.Arn }
"#;

fn look_for(caller: &Caller<'_>, stack: &str, template: &str, kind: &str) -> Reply {
    let input = json!({
        "StackName": stack, "ChangeSetName": "in", "ChangeSetType": kind, "TemplateBody": template,
        "ImportExistingResources": true, "Tags": [{ "Key": "team", "Value": "blue" }],
    });
    // One that was carried out before has the same name.
    let asked = json!({ "StackName": stack, "ChangeSetName": "in" });
    caller.call("cloudformation", "DeleteChangeSet", asked);
    caller.call("cloudformation", "CreateChangeSet", input)
}

fn group(caller: &Caller<'_>, name: &str) {
    caller.call("logs", "CreateLogGroup", json!({ "logGroupName": name })).ok();
}

/// `action name` of each change.
fn actions(set: &Value) -> Vec<String> {
    let one = |change: &Value| {
        let change = &change["ResourceChange"];
        format!("{} {}", change["Action"].as_str().unwrap(), change["LogicalResourceId"].as_str().unwrap())
    };
    let mut all: Vec<String> = set["Changes"].as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}

#[test]
fn what_is_there_by_its_name_is_imported_with_the_rest() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "there");
    look_for(&root, "s", NAMED, "CREATE").ok();
    let set = seen(&root, "s");
    assert_eq!(set["ImportExistingResources"], json!("true"));
    assert_eq!(actions(&set), ["Add Fresh", "Add Queue", "Add Table", "Import There"]);
    assert_eq!(carry_out(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    let told = events(&root, "s");
    for line in [
        "There IMPORT_IN_PROGRESS Resource import started.",
        "There IMPORT_COMPLETE Resource import completed.",
        "There UPDATE_COMPLETE",
        "Fresh CREATE_COMPLETE",
    ] {
        assert!(told.iter().any(|told| told == line), "no {line}: {told:#?}");
    }
    assert_eq!(
        output(&describe(&root, "s"), "Arn"),
        format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:there:*")
    );
    // It has the stack's tags, and is else as it was, which drift tells.
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:there");
    let tags = root.call("logs", "ListTagsForResource", json!({ "resourceArn": arn })).ok();
    assert_eq!(unmarked(&tags["tags"]), json!({ "team": "blue" }));
    let asked = json!({ "StackName": "s", "LogicalResourceId": "There" });
    let drift = root.call("cloudformation", "DetectStackResourceDrift", asked).ok();
    assert_eq!(drift["StackResourceDrift"]["StackResourceDriftStatus"], json!("MODIFIED"));
    // From now on it belongs to this stack, and no other has it.
    look_for(&root, "other", NAMED, "CREATE").ok();
    let set = seen(&root, "other");
    let why = set["StatusReason"].as_str().unwrap();
    assert!(set["Status"] == "FAILED" && why.starts_with("there already exists in stack arn:aws:"), "{set}");
    // An update looks, too.
    group(&root, "more");
    let more = NAMED.replace("Outputs:", "  More: { Type: 'AWS::Logs::LogGroup', DeletionPolicy: Retain, Properties: { LogGroupName: more } }\nOutputs:");
    look_for(&root, "s", &more, "UPDATE").ok();
    assert_eq!(actions(&seen(&root, "s")), ["Import More"]);
    assert_eq!(carry_out(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
}

#[test]
fn what_was_imported_stays_when_the_rest_fails() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "there");
    let bad = NAMED.replace("QueueName: queue", "QueueName: queue, DelaySeconds: 5000");
    look_for(&root, "s", &bad, "CREATE").ok();
    assert_eq!(carry_out(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
    let told = events(&root, "s");
    assert!(told.iter().any(|line| line == "There DELETE_SKIPPED"), "{told:#?}");
    let groups = || root.call("logs", "DescribeLogGroups", json!({ "logGroupNamePrefix": "there" })).ok();
    assert_eq!(groups()["logGroups"].as_array().unwrap().len(), 1);
    // The same in an update that is taken back.
    created(&cloud, &root, "t", "Resources: { T: { Type: 'AWS::SNS::Topic' } }");
    let bad = bad.replace("Queue: {", "T: { Type: 'AWS::SNS::Topic' }\n  Queue: {");
    look_for(&root, "t", &bad, "UPDATE").ok();
    assert_eq!(carry_out(&cloud, &root, "t"), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(&root, "t"));
    assert_eq!(groups()["logGroups"].as_array().unwrap().len(), 1);
    // What is gone meanwhile fails, and what is there of the stack goes on.
    let good = NAMED.replace("Queue: {", "T: { Type: 'AWS::SNS::Topic' }\n  Queue: {");
    look_for(&root, "t", &good, "UPDATE").ok();
    root.call("logs", "DeleteLogGroup", json!({ "logGroupName": "there" })).ok();
    assert_eq!(carry_out(&cloud, &root, "t"), "UPDATE_ROLLBACK_COMPLETE");
    let why =
        "There IMPORT_FAILED Resource of type 'AWS::Logs::LogGroup' with identifier 'there' was not found.";
    let told = events(&root, "t");
    assert!(told.iter().any(|line| line == why), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("failed to import: [There]")), "{told:#?}");
}

#[test]
fn names_that_do_not_count_make_anew() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    group(&root, "there");
    group(&root, "dynamic");
    for template in [
        // It would not stay, and a name that is not written.
        NAMED.replace("RetainExceptOnCreate", "Delete"),
        NAMED.replace("LogGroupName: there", "LogGroupName: !Ref Name"),
    ] {
        look_for(&root, "s", &template, "CREATE").ok();
        assert_eq!(actions(&seen(&root, "s")), ["Add Fresh", "Add Queue", "Add Table", "Add There"]);
        root.call("cloudformation", "DeleteChangeSet", json!({ "StackName": "s", "ChangeSetName": "in" }))
            .ok();
    }
    let asked = json!({ "StackName": "s", "ChangeSetName": "x", "ChangeSetType": "IMPORT", "TemplateBody": NAMED,
        "ImportExistingResources": true, "ResourcesToImport": [one("There", "AWS::Logs::LogGroup", json!({ "LogGroupName": "there" }))] });
    root.call("cloudformation", "CreateChangeSet", asked).refused(400, "ValidationError");
}
