//! What a property says beside what its kind acts on: it fails the resource, and nothing is passed over.

use crate::cloudformation_stacks::{ACCOUNT, create, created, events, settle};
use crate::harness::Cloud;
use serde_json::json;

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
    ] {
        create(&root, stack, &resource(kind, properties), json!({ "Capabilities": ["CAPABILITY_IAM"] }));
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE", "{stack}: {:#?}", events(&root, stack));
        let told = format!("{:?}", events(&root, stack));
        assert!(told.contains(&format!("Encountered unsupported property {stranger}")), "{told}");
    }
    assert_eq!(root.call("s3", "ListBuckets", json!({})).ok()["Buckets"], json!([]));
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
