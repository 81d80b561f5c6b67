//! Settings of buckets and groups that are operations of their own: made, changed and taken away.

use crate::cloudformation_stacks::{ACCOUNT, create, created, events, settle};
use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

fn updated(cloud: &Cloud, root: &Caller<'_>, template: &str) {
    root.call("cloudformation", "UpdateStack", json!({ "StackName": "s", "TemplateBody": template })).ok();
    assert_eq!(settle(cloud, root, "s"), "UPDATE_COMPLETE", "{:#?}", events(root, "s"));
}

#[test]
fn a_bucket_with_lists_logs_and_locks() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |more: &str| {
        format!(
            "Resources: {{ B: {{ Type: 'AWS::S3::Bucket', Properties: {{ BucketName: kept, ObjectLockEnabled: true, VersioningConfiguration: {{ Status: Enabled }}, {more} }} }} }}"
        )
    };
    created(
        &cloud,
        &root,
        "s",
        &template(
            "AccelerateConfiguration: { AccelerationStatus: Enabled }, ObjectLockConfiguration: { ObjectLockEnabled: Enabled, Rule: { DefaultRetention: { Mode: GOVERNANCE, Days: 3 } } }, MetricsConfigurations: [{ Id: all }, { Id: some, Prefix: a/}], IntelligentTieringConfigurations: [{ Id: cold, Prefix: b/, Status: Enabled, Tierings: [{ AccessTier: ARCHIVE_ACCESS, Days: 90 }] }], InventoryConfigurations: [{ Id: daily, Enabled: true, IncludedObjectVersions: Current, ScheduleFrequency: Daily, Prefix: c/, Destination: { BucketArn: 'arn:aws:s3:::kept', Format: CSV } }], AnalyticsConfigurations: [{ Id: docs, Prefix: d/, TagFilters: [{ Key: k, Value: v }], StorageClassAnalysis: { DataExport: { OutputSchemaVersion: V_1, Destination: { BucketArn: 'arn:aws:s3:::kept', Format: CSV } } } }]",
        ),
    );
    let of = |operation: &str| root.call("s3", operation, json!({ "Bucket": "kept" })).ok();
    assert_eq!(of("GetBucketAccelerateConfiguration")["Status"], "Enabled");
    let days = |told: &Value| told["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Days"].clone();
    assert_eq!(days(&of("GetObjectLockConfiguration")), json!(3));
    let ids = |operation: &str, member: &str| {
        let told = of(operation)[member].clone();
        told.as_array().into_iter().flatten().map(|one| one["Id"].clone()).collect::<Vec<_>>()
    };
    let metrics = || ids("ListBucketMetricsConfigurations", "MetricsConfigurationList");
    assert_eq!(metrics(), ["all", "some"]);
    let some =
        root.call("s3", "GetBucketMetricsConfiguration", json!({ "Bucket": "kept", "Id": "some" })).ok();
    assert_eq!(some["MetricsConfiguration"]["Filter"]["Prefix"], "a/");
    let inventory = of("ListBucketInventoryConfigurations")["InventoryConfigurationList"][0].clone();
    assert_eq!(inventory["Destination"]["S3BucketDestination"]["Bucket"], "arn:aws:s3:::kept");
    assert_eq!(
        (&inventory["Filter"]["Prefix"], &inventory["Schedule"]["Frequency"]),
        (&json!("c/"), &json!("Daily"))
    );
    let analysis = of("ListBucketAnalyticsConfigurations")["AnalyticsConfigurationList"][0].clone();
    assert_eq!(analysis["Filter"]["And"], json!({ "Prefix": "d/", "Tags": [{ "Key": "k", "Value": "v" }] }));
    let export = &analysis["StorageClassAnalysis"]["DataExport"];
    assert_eq!(export["Destination"]["S3BucketDestination"]["Bucket"], "arn:aws:s3:::kept");
    let tiers = "IntelligentTieringConfigurationList";
    assert_eq!(ids("ListBucketIntelligentTieringConfigurations", tiers), ["cold"]);
    updated(&cloud, &root, &template("MetricsConfigurations: [{ Id: some }]"));
    assert_eq!(metrics(), ["some"]);
    assert!(ids("ListBucketInventoryConfigurations", "InventoryConfigurationList").is_empty());
    assert!(ids("ListBucketAnalyticsConfigurations", "AnalyticsConfigurationList").is_empty());
    assert!(ids("ListBucketIntelligentTieringConfigurations", tiers).is_empty());
    assert_eq!(of("GetBucketAccelerateConfiguration")["Status"], "Suspended");
    assert_eq!(days(&of("GetObjectLockConfiguration")), Value::Null);
}

#[test]
fn a_group_with_hooks_a_warmup_and_a_warm_pool() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |more: &str, rest: &str| {
        format!(
            "
Resources:
  Template: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: {IMAGE}, InstanceType: t3.micro }} }} }}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{ AutoScalingGroupName: web, MinSize: 0, MaxSize: 1, AvailabilityZones: [us-east-1a], LaunchTemplate: {{ LaunchTemplateId: !Ref Template, Version: '1' }}{more} }}
{rest}"
        )
    };
    let pool = "  Pool: { Type: 'AWS::AutoScaling::WarmPool', Properties: { AutoScalingGroupName: !Ref Group, MinSize: 0, PoolState: Stopped } }\n";
    let hook = "LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING'";
    let more = format!(
        ", DefaultInstanceWarmup: 45, LifecycleHookSpecificationList: [{{ LifecycleHookName: one, {hook} }}, {{ LifecycleHookName: two, {hook} }}]"
    );
    created(&cloud, &root, "s", &template(&more, pool));
    let group = || {
        root.call("autoscaling", "DescribeAutoScalingGroups", json!({})).ok()["AutoScalingGroups"][0].clone()
    };
    let hooks = || {
        let told =
            root.call("autoscaling", "DescribeLifecycleHooks", json!({ "AutoScalingGroupName": "web" })).ok();
        let all = told["LifecycleHooks"].as_array().unwrap().clone();
        all.iter().map(|hook| hook["LifecycleHookName"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(group()["DefaultInstanceWarmup"], "45");
    assert_eq!(group()["WarmPoolConfiguration"]["PoolState"], "Stopped");
    assert_eq!(hooks(), ["one", "two"]);
    let fewer = format!(", LifecycleHookSpecificationList: [{{ LifecycleHookName: two, {hook} }}]");
    updated(&cloud, &root, &template(&fewer, ""));
    assert_eq!(hooks(), ["two"]);
    assert_eq!(
        (&group()["DefaultInstanceWarmup"], &group()["WarmPoolConfiguration"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn hooks_tell_their_targets_and_lose_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("sqs", "CreateQueue", json!({ "QueueName": "told" })).ok();
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"autoscaling.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    root.call("iam", "CreateRole", json!({ "RoleName": "tells", "AssumeRolePolicyDocument": trust })).ok();
    let managed = "arn:aws:iam::aws:policy/service-role/AutoScalingNotificationAccessRole";
    root.call("iam", "AttachRolePolicy", json!({ "RoleName": "tells", "PolicyArn": managed })).ok();
    let template = |more: &str| {
        let hook = format!("LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING'{more}");
        format!(
            "
Resources:
  Template: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: {IMAGE}, InstanceType: t3.micro }} }} }}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {{ AutoScalingGroupName: web, MinSize: 0, MaxSize: 1, AvailabilityZones: [us-east-1a], LaunchTemplate: {{ LaunchTemplateId: !Ref Template, Version: '1' }}, LifecycleHookSpecificationList: [{{ LifecycleHookName: own, {hook} }}] }}
  Beside: {{ Type: 'AWS::AutoScaling::LifecycleHook', Properties: {{ AutoScalingGroupName: !Ref Group, LifecycleHookName: beside, {hook} }} }}
"
        )
    };
    let queue = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:told");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/tells");
    let told = |member: &str| {
        let asked = json!({ "AutoScalingGroupName": "web" });
        let told = root.call("autoscaling", "DescribeLifecycleHooks", asked).ok()["LifecycleHooks"].clone();
        told.as_array().unwrap().iter().map(|hook| hook[member].clone()).collect::<Vec<_>>()
    };
    created(&cloud, &root, "s", &template(&format!(", NotificationTargetARN: '{queue}', RoleARN: '{role}'")));
    assert_eq!(told("NotificationTargetARN"), [json!(queue), json!(queue)]);
    assert_eq!(told("RoleARN"), [json!(role), json!(role)]);
    updated(&cloud, &root, &template(""));
    assert_eq!(told("NotificationTargetARN"), [Value::Null, Value::Null]);
}

#[test]
fn a_bucket_gets_object_lock_later_and_keeps_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |more: &str| {
        format!(
            "Resources: {{ B: {{ Type: 'AWS::S3::Bucket', Properties: {{ BucketName: held, VersioningConfiguration: {{ Status: Enabled }}{more} }} }} }}"
        )
    };
    let update = |more: &str| {
        let asked = json!({ "StackName": "s", "TemplateBody": template(more) });
        root.call("cloudformation", "UpdateStack", asked).ok();
        settle(&cloud, &root, "s")
    };
    let lock = || root.call("s3", "GetObjectLockConfiguration", json!({ "Bucket": "held" }));
    created(&cloud, &root, "s", &template(""));
    lock().refused(404, "ObjectLockConfigurationNotFoundError");
    root.call("s3", "PutObject", json!({ "Bucket": "held", "Key": "k", "Body": "x" })).ok();
    assert_eq!(update(", ObjectLockEnabled: true"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert!(lock().ok().to_string().contains("Enabled"));
    // It is the same bucket.
    root.call("s3", "HeadObject", json!({ "Bucket": "held", "Key": "k" })).ok();
    assert_eq!(update(""), "UPDATE_ROLLBACK_COMPLETE");
    let told = events(&root, "s").join("\n");
    assert!(told.contains("Object Lock cannot be disabled once it is enabled for a bucket."), "{told}");
    lock().ok();
}

#[test]
fn a_bucket_that_takes_no_acls_is_refused_with_its_creation() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for more in ["", ", OwnershipControls: { Rules: [{ ObjectOwnership: BucketOwnerEnforced }] }"] {
        let template = format!(
            "Resources: {{ B: {{ Type: 'AWS::S3::Bucket', Properties: {{ AccessControl: PublicRead{more} }} }} }}"
        );
        let id = create(&root, "s", &template, json!({}));
        assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
        let told = events(&root, "s").into_iter().find(|event| event.starts_with("B CREATE_FAILED")).unwrap();
        let words = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting (Service: S3, Status Code: 400";
        assert!(told.contains(words), "{told}");
        root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
        settle(&cloud, &root, &id);
    }
    assert_eq!(root.call("s3", "ListBuckets", json!({})).ok()["Buckets"], json!([]));
}
