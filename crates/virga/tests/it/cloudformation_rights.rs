//! In whose name a stack is made, and what stops it.

use crate::cloudformation_stacks::{ACCOUNT, create, describe, events, settle};
use crate::harness::Cloud;
use serde_json::json;
use std::time::Duration;

const STACKS_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:*","iam:PassRole"],"Resource":"*"}]}"#;
const TEMPLATE: &str = "Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: q } } }";

#[test]
fn who_may_not_make_a_queue_makes_none_by_a_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", STACKS_ONLY);
    create(&eva, "s", TEMPLATE, json!({}));
    assert_eq!(settle(&cloud, &eva, "s"), "ROLLBACK_COMPLETE");
    let told = events(&eva, "s");
    let denied = "User: arn:aws:iam::123456789012:user/eva is not authorized to perform: sqs:CreateQueue on resource: arn:aws:sqs:us-east-1:123456789012:q because no identity-based policy allows the sqs:CreateQueue action (Service: Sqs, Status Code: 400,";
    let failed = told.iter().find(|e| e.starts_with("Q CREATE_FAILED")).unwrap();
    assert!(failed.contains(denied) && failed.ends_with("HandlerErrorCode: AccessDenied)"), "{failed}");
}

#[test]
fn calls_come_via_cloudformation_and_are_recorded_as_the_callers() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    // The right to queues holds through CloudFormation only.
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"cloudformation:*","Resource":"*"},
        {"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"StringEquals":{"aws:CalledViaFirst":"cloudformation.amazonaws.com"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("sqs", "CreateQueue", json!({ "QueueName": "direct" })).refused(403, "AccessDeniedException");
    create(&eva, "s", TEMPLATE, json!({}));
    assert_eq!(settle(&cloud, &eva, "s"), "CREATE_COMPLETE", "{:#?}", events(&eva, "s"));
    let asked =
        json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "CreateQueue" }] });
    let found = root.call("cloudtrail", "LookupEvents", asked).ok();
    let all = found["Events"].as_array().unwrap();
    let made = all.iter().find(|e| !e["CloudTrailEvent"].as_str().unwrap().contains("errorCode")).unwrap();
    let record = made["CloudTrailEvent"].as_str().unwrap();
    assert_eq!(made["Username"], "eva");
    assert!(record.contains("cloudformation.amazonaws.com"), "{record}");
}

#[test]
fn a_role_decides_instead_of_the_caller() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"cloudformation.amazonaws.com"}}}"#;
    let made = root
        .call("iam", "CreateRole", json!({ "RoleName": "deploy", "AssumeRolePolicyDocument": trust }))
        .ok();
    let arn = made["Role"]["Arn"].as_str().unwrap();
    let eva = cloud.user(&root, "eva", STACKS_ONLY);
    create(&eva, "poor", TEMPLATE, json!({ "RoleARN": arn }));
    assert_eq!(settle(&cloud, &eva, "poor"), "ROLLBACK_COMPLETE");
    let failed = events(&eva, "poor").into_iter().find(|e| e.starts_with("Q CREATE_FAILED")).unwrap();
    assert!(
        failed.contains("assumed-role/deploy/cloudformation is not authorized to perform: sqs:CreateQueue"),
        "{failed}"
    );
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
    let put = json!({ "RoleName": "deploy", "PolicyName": "queues", "PolicyDocument": policy });
    root.call("iam", "PutRolePolicy", put).ok();
    create(&eva, "rich", TEMPLATE, json!({ "RoleARN": arn }));
    assert_eq!(settle(&cloud, &eva, "rich"), "CREATE_COMPLETE", "{:#?}", events(&eva, "rich"));
    assert_eq!(describe(&eva, "rich")["RoleARN"], arn);
    // Whoever may not pass the role may not use it.
    let only = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"}}"#;
    let tom = cloud.user(&root, "tom", only);
    let input = json!({ "StackName": "x", "TemplateBody": TEMPLATE, "RoleARN": arn });
    let message = tom.call("cloudformation", "CreateStack", input).refused(403, "AccessDenied");
    assert!(message.contains("iam:PassRole"), "{message}");
    // Deleted in the role's name, too.
    let id = describe(&eva, "rich")["StackId"].as_str().unwrap().to_owned();
    tom.call("cloudformation", "DeleteStack", json!({ "StackName": "rich" })).ok();
    assert_eq!(settle(&cloud, &eva, &id), "DELETE_COMPLETE");
}

#[test]
fn a_session_that_is_over_stops_the_work() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:root"}}}"#;
    root.call("iam", "CreateRole", json!({ "RoleName": "dev", "AssumeRolePolicyDocument": trust })).ok();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    root.call(
        "iam",
        "PutRolePolicy",
        json!({ "RoleName": "dev", "PolicyName": "all", "PolicyDocument": policy }),
    )
    .ok();
    let user = cloud.user(&root, "eva", policy);
    let role = json!({ "RoleArn": "arn:aws:iam::123456789012:role/dev", "RoleSessionName": "work", "DurationSeconds": 900 });
    let credentials = user.call("sts", "AssumeRole", role).ok()["Credentials"].clone();
    let session = cloud.session(&credentials);
    create(&session, "late", TEMPLATE, json!({}));
    cloud.advance(Duration::from_secs(1000));
    assert_eq!(settle(&cloud, &root, "late"), "ROLLBACK_COMPLETE");
    let told = events(&root, "late");
    assert!(
        told.contains(&"Q CREATE_FAILED The security token included in the request is expired".to_owned()),
        "{told:#?}"
    );
    let credentials = user
        .call(
            "sts",
            "AssumeRole",
            json!({ "RoleArn": "arn:aws:iam::123456789012:role/dev", "RoleSessionName": "work" }),
        )
        .ok();
    let session = cloud.session(&credentials["Credentials"]);
    create(&session, "soon", TEMPLATE, json!({}));
    assert_eq!(settle(&cloud, &root, "soon"), "CREATE_COMPLETE", "{:#?}", events(&root, "soon"));
}

#[test]
fn a_session_that_does_not_reach_iam_makes_no_user_by_a_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", policy);
    let credentials = eva.call("sts", "GetSessionToken", json!({})).ok()["Credentials"].clone();
    let session = cloud.session(&credentials);
    let template =
        "Resources: { Q: { Type: 'AWS::SQS::Queue' }, U: { Type: 'AWS::IAM::User', DependsOn: Q } }";
    create(&session, "s", template, json!({ "Capabilities": ["CAPABILITY_IAM"] }));
    assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
    let told = events(&root, "s");
    let failed = told.iter().find(|e| e.starts_with("U CREATE_FAILED")).unwrap();
    assert!(failed.contains("The security token included in the request is invalid"), "{failed}");
    assert!(told.contains(&"Q CREATE_COMPLETE".to_owned()));
}

#[test]
fn a_template_by_its_url_is_read_with_the_callers_rights() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "templates" })).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "templates", "Key": "a/q.yaml", "Body": TEMPLATE })).ok();
    let by = |url: &str| json!({ "StackName": "s", "TemplateURL": url });
    let url = "https://templates.s3.us-east-1.amazonaws.com/a/q.yaml";
    let eva = cloud.user(&root, "eva", STACKS_ONLY);
    let message = eva.call("cloudformation", "CreateStack", by(url)).refused(400, "ValidationError");
    assert!(
        message.starts_with(
            "S3 error: User: arn:aws:iam::123456789012:user/eva is not authorized to perform: s3:GetObject"
        ),
        "{message}"
    );
    let rows = [
        ("https://example.com/x", "TemplateURL must be a supported URL."),
        (
            "https://s3.amazonaws.com/templates/none",
            "S3 error: The specified key does not exist.\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
        ),
    ];
    for (url, message) in rows {
        root.call("cloudformation", "CreateStack", by(url)).refused_with(400, "ValidationError", message);
    }
    let mut both = by(url);
    both["TemplateBody"] = TEMPLATE.into();
    root.call("cloudformation", "CreateStack", both).refused_with(
        400,
        "ValidationError",
        "Only one of Template URL and Template Body may be specified.",
    );
    root.call("cloudformation", "ValidateTemplate", json!({ "TemplateURL": url })).ok();
    root.call("cloudformation", "CreateStack", by(url)).ok();
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    // A policy may say from where templates come.
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["cloudformation:*","s3:*","sqs:*"],"Resource":"*","Condition":{"StringLikeIfExists":{"cloudformation:TemplateUrl":"https://trusted.*"}}}}"#;
    let tom = cloud.user(&root, "tom", policy);
    let mut other = by(url);
    other["StackName"] = "t".into();
    tom.call("cloudformation", "CreateStack", other).refused(403, "AccessDenied");
}
