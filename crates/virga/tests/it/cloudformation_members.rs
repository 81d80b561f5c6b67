//! What a property says beside what its kind acts on: it fails the resource, and nothing is passed over.

use crate::cloudformation_stacks::{ACCOUNT, create, created, events, settle};
use crate::harness::Cloud;
use serde_json::{Value, json};

fn resource(kind: &str, properties: &str) -> String {
    format!("Resources:\n  One:\n    Type: {kind}\n    Properties: {{ {properties} }}\n")
}

#[test]
fn members_that_nobody_acts_on_fail_the_resource() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let bucket = "AWS::S3::Bucket";
    let role = "AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Principal: { Service: ec2.amazonaws.com }, Action: 'sts:AssumeRole' }] }, Policies: [{ PolicyName: p, PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 's3:ListAllMyBuckets', Resource: '*' }] }, Note: n }]";
    for (stack, kind, properties, stranger) in [
        ("versions", bucket, "VersioningConfiguration: { Status: Enabled, MfaDelete: Enabled }", "MfaDelete"),
        ("site", bucket, "WebsiteConfiguration: { IndexDocument: i.html, Theme: dark }", "Theme"),
        (
            "told",
            bucket,
            "NotificationConfiguration: { QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: q, Batch: 3 }] }",
            "Batch",
        ),
        (
            "old",
            bucket,
            "LifecycleConfiguration: { Rules: [{ Status: Enabled, ExpirationInDays: 3, Mood: sad }] }",
            "Mood",
        ),
        (
            "topic",
            "AWS::SNS::Topic",
            "Subscription: [{ Protocol: email, Endpoint: a@example.com, Raw: true }]",
            "Raw",
        ),
        ("role", "AWS::IAM::Role", role, "Note"),
        (
            "filter",
            bucket,
            "NotificationConfiguration: { TopicConfigurations: [{ Event: 's3:ObjectCreated:*', Topic: t, Filter: { S3Key: { Rules: [], Case: low } } }] }",
            "Case",
        ),
        (
            "images",
            "AWS::ECR::Repository",
            "LifecyclePolicy: { LifecyclePolicyText: '{}', Mode: fast }",
            "Mode",
        ),
        (
            "table",
            "AWS::DynamoDB::Table",
            "AttributeDefinitions: [{ AttributeName: k, AttributeType: S }], KeySchema: [{ AttributeName: k, KeyType: HASH }], BillingMode: PAY_PER_REQUEST, StreamSpecification: { StreamViewType: KEYS_ONLY, ResourcePolicy: { PolicyDocument: {} } }",
            "ResourcePolicy",
        ),
        (
            "alias",
            "AWS::Lambda::Alias",
            "FunctionName: f, Name: a, FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: [{ FunctionVersion: '2', FunctionWeight: 0.5, Note: n }] }",
            "Note",
        ),
        (
            "metric",
            "AWS::Logs::MetricFilter",
            "LogGroupName: g, FilterPattern: '', MetricTransformations: [{ MetricName: m, MetricNamespace: n, MetricValue: '1', Dimensions: [{ Key: k, Value: v, Unit: u }] }]",
            "Unit",
        ),
    ] {
        create(&root, stack, &resource(kind, properties), json!({ "Capabilities": ["CAPABILITY_IAM"] }));
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE", "{stack}: {:#?}", events(&root, stack));
        let told = format!("{:?}", events(&root, stack));
        // What AWS's schema has is one thing, what it does not have another.
        let known = format!("Encountered unsupported property {stranger}");
        let unknown = format!("extraneous key [{stranger}] is not permitted");
        let words = if stranger == "ResourcePolicy" { known } else { unknown };
        assert!(told.contains(&words), "{told}");
    }
    assert_eq!(root.call("s3", "ListBuckets", json!({})).ok()["Buckets"], json!([]));
}

#[test]
fn what_has_another_form_fails_the_resource() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (stack, kind, properties, words) in [
        (
            "text",
            "AWS::S3::Bucket",
            "VersioningConfiguration: Enabled",
            "#/VersioningConfiguration: expected type: JSONObject, found: String",
        ),
        (
            "one",
            "AWS::S3::Bucket",
            "NotificationConfiguration: { QueueConfigurations: { Event: e, Queue: q } }",
            "#/NotificationConfiguration/QueueConfigurations: expected type: JSONArray, found: JSONObject",
        ),
        (
            "rule",
            "AWS::EC2::SecurityGroup",
            "GroupDescription: g, SecurityGroupIngress: { IpProtocol: tcp, CidrIp: 0.0.0.0/0 }",
            "#/SecurityGroupIngress: expected type: JSONArray, found: JSONObject",
        ),
    ] {
        create(&root, stack, &resource(kind, properties), json!({}));
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE", "{stack}: {:#?}", events(&root, stack));
        let told = format!("{:?}", events(&root, stack));
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_table_recovers_as_far_back_as_its_template_says() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let table = |more: &str| {
        let key = "TableName: own, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{ AttributeName: k, AttributeType: S }], KeySchema: [{ AttributeName: k, KeyType: HASH }]";
        resource("AWS::DynamoDB::Table", &format!("{key}, PointInTimeRecoverySpecification: {{ {more} }}"))
    };
    let days = || {
        let told = root.call("dynamodb", "DescribeContinuousBackups", json!({ "TableName": "own" })).ok();
        told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"].clone()
    };
    created(&cloud, &root, "s", &table("PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7"));
    assert_eq!(days(), json!(7));
    for (more, wanted) in [
        ("PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 9", json!(9)),
        ("PointInTimeRecoveryEnabled: true", json!(35)),
        ("PointInTimeRecoveryEnabled: false", json!(null)),
        ("PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 3", json!(3)),
    ] {
        let asked = json!({ "StackName": "s", "TemplateBody": table(more) });
        root.call("cloudformation", "UpdateStack", asked).ok();
        assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
        assert_eq!(days(), wanted, "{more}");
    }
}

#[test]
fn a_bucket_tells_the_event_bus() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (name, is_on) in [("quiet", "false"), ("loud", "true")] {
        let bridge = format!(
            "BucketName: {name}, NotificationConfiguration: {{ EventBridgeConfiguration: {{ EventBridgeEnabled: {is_on} }} }}"
        );
        created(&cloud, &root, name, &resource("AWS::S3::Bucket", &bridge));
        let told = root.call("s3", "GetBucketNotificationConfiguration", json!({ "Bucket": name })).ok();
        assert_eq!(told.get("EventBridgeConfiguration").is_some(), is_on == "true", "{told}");
    }
}

#[test]
fn a_request_names_the_kinds_that_it_may_make() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "Resources: { Q: { Type: 'AWS::SQS::Queue' }, T: { Type: 'AWS::SNS::Topic' } }";
    let asked = |name: &str, more: Value| {
        let mut asked = json!({ "StackName": name, "TemplateBody": template });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let own = json!({ "ResourceTypes": ["AWS::SQS::Queue"] });
    let words = "Resource types [AWS::SNS::Topic] are not among the ResourceTypes of the request";
    root.call("cloudformation", "CreateStack", asked("s", own.clone())).refused_with(
        400,
        "ValidationError",
        words,
    );
    let set = json!({ "ChangeSetName": "c", "ChangeSetType": "CREATE", "ResourceTypes": ["AWS::SQS::*"] });
    root.call("cloudformation", "CreateChangeSet", asked("s", set)).refused_with(
        400,
        "ValidationError",
        words,
    );
    let both = json!({ "ResourceTypes": ["AWS::*"], "Capabilities": ["CAPABILITY_IAM"] });
    root.call("cloudformation", "CreateStack", asked("s", both)).refused(400, "ValidationError");
    for (name, kinds) in [("a", json!(["AWS::*"])), ("b", json!(["AWS::SQS::*", "AWS::SNS::Topic"]))] {
        root.call("cloudformation", "CreateStack", asked(name, json!({ "ResourceTypes": kinds }))).ok();
        assert_eq!(settle(&cloud, &root, name), "CREATE_COMPLETE");
    }
    root.call("cloudformation", "UpdateStack", asked("a", own)).refused_with(400, "ValidationError", words);
    let mode = json!({ "ChangeSetName": "c", "DeploymentMode": "REVERT_DRIFT" });
    root.call("cloudformation", "CreateChangeSet", asked("s", mode)).refused(501, "NotImplemented");
    // A policy may ask which are named.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudformation:*","Resource":"*","Condition":{"ForAllValues:StringLike":{"cloudformation:ResourceTypes":["AWS::SQS::*"]},"Null":{"cloudformation:ResourceTypes":"false"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("cloudformation", "CreateStack", asked("e", json!({ "ResourceTypes": ["AWS::SNS::*"] })))
        .refused(403, "AccessDenied");
    eva.call("cloudformation", "CreateStack", asked("e", json!({ "ResourceTypes": ["AWS::SQS::*"] })))
        .refused_with(400, "ValidationError", words);
}

#[test]
fn how_an_operation_is_carried_out() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let bad = "Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 100000 } } }";
    let asked = |config: Value| json!({ "StackName": "s", "TemplateBody": bad, "DeploymentConfig": config });
    // Nobody is to rely on what does not wait.
    let express = json!({ "Mode": "EXPRESS" });
    for operation in ["CreateStack", "UpdateStack"] {
        root.call("cloudformation", operation, asked(express.clone())).refused(501, "NotImplemented");
    }
    let mut set = asked(express.clone());
    (set["ChangeSetName"], set["ChangeSetType"]) = (json!("c"), json!("CREATE"));
    root.call("cloudformation", "CreateChangeSet", set.clone()).refused(501, "NotImplemented");
    for operation in ["DeleteStack", "RollbackStack"] {
        let asked = json!({ "StackName": "s", "DeploymentConfig": express });
        root.call("cloudformation", operation, asked).refused(501, "NotImplemented");
    }
    let keeps = json!({ "Mode": "STANDARD", "DisableRollback": true });
    root.call("cloudformation", "CreateStack", asked(keeps.clone())).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_FAILED");
    (set["StackName"], set["DeploymentConfig"]) = (json!("t"), keeps);
    root.call("cloudformation", "CreateChangeSet", set).ok();
    root.call("cloudformation", "ExecuteChangeSet", json!({ "StackName": "t", "ChangeSetName": "c" })).ok();
    assert_eq!(settle(&cloud, &root, "t"), "CREATE_FAILED");
}

#[test]
fn a_parameter_is_given_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "Parameters: { P: { Type: String } }\nResources: { Q: { Type: 'AWS::SQS::Queue' } }";
    let given = json!([{ "ParameterKey": "P", "ParameterValue": "1" }, { "ParameterKey": "P", "ParameterValue": "2" }]);
    let asked = json!({ "StackName": "s", "TemplateBody": template, "Parameters": given });
    let words = "Duplicate input parameter key: P";
    root.call("cloudformation", "CreateStack", asked).refused_with(400, "ValidationError", words);
}

#[test]
fn an_account_tells_what_it_may_have() {
    let cloud = Cloud::new();
    let told = cloud.root(ACCOUNT).call("cloudformation", "DescribeAccountLimits", json!({})).ok();
    let limit = |name: &str, value: &str| json!({ "Name": name, "Value": value });
    assert_eq!(
        told["AccountLimits"],
        json!([limit("StackLimit", "2000"), limit("StackOutputsLimit", "200")])
    );
}

#[test]
fn a_flow_log_needs_no_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  Net: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } }
  Logs: { Type: 'AWS::S3::Bucket' }
  Flow:
    Type: AWS::EC2::FlowLog
    Properties: { ResourceId: !Ref Net, ResourceType: VPC, TrafficType: ALL, LogDestinationType: s3, LogDestination: !GetAtt Logs.Arn }
";
    root.call("cloudformation", "CreateStack", json!({ "StackName": "s", "TemplateBody": template })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE");
}

#[test]
fn what_is_not_of_its_type_fails_the_resource() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (stack, kind, properties, words) in [
        (
            "queue",
            "AWS::SQS::Queue",
            "QueueName: [a]",
            "#/QueueName: expected type: String, found: JSONArray",
        ),
        (
            "topic",
            "AWS::SNS::Topic",
            "TopicName: [a]",
            "#/TopicName: expected type: String, found: JSONArray",
        ),
        (
            "bucket",
            "AWS::S3::Bucket",
            "BucketName: { a: b }",
            "#/BucketName: expected type: String, found: JSONObject",
        ),
        (
            "vpc",
            "AWS::EC2::VPC",
            "CidrBlock: 10.0.0.0/16, EnableDnsSupport: abc",
            "#/EnableDnsSupport: expected type: Boolean, found: String",
        ),
        (
            "user",
            "AWS::IAM::User",
            "Tags: [{ key: a, value: b }]",
            "#/Tags/0: extraneous key [key] is not permitted",
        ),
    ] {
        create(
            &root,
            stack,
            &resource(kind, properties),
            json!({ "Capabilities": ["CAPABILITY_NAMED_IAM"] }),
        );
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE", "{stack}");
        let reasons = events(&root, stack).join("\n");
        assert!(reasons.contains(words), "{stack}: {reasons}");
    }
}
