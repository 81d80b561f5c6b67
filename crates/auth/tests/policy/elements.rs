//! `Action`, `NotAction`, `Resource` and `NotResource`.

use crate::world::{allows, parse};
use auth::policy::{Context, PolicyKind};

/// Name of the rule, the element, what is asked, whether the statement applies.
type Row = (&'static str, &'static str, &'static str, bool);

const ACTIONS: &[Row] = &[
    ("an action by name", r#""Action":"s3:GetObject""#, "s3:GetObject", true),
    ("actions are not case sensitive", r#""Action":"S3:getOBJECT""#, "s3:GetObject", true),
    ("another action", r#""Action":"s3:GetObject""#, "s3:PutObject", false),
    ("the service counts", r#""Action":"s3:GetObject""#, "s4:GetObject", false),
    ("one action of a list", r#""Action":["s3:PutObject","s3:GetObject"]"#, "s3:GetObject", true),
    ("star is all actions of all services", r#""Action":"*""#, "sqs:SendMessage", true),
    ("all actions of a service", r#""Action":"s3:*""#, "s3:GetObject", true),
    ("all actions of another service", r#""Action":"sqs:*""#, "s3:GetObject", false),
    ("a star at the end", r#""Action":"s3:Get*""#, "s3:GetObjectAcl", true),
    ("a star in the middle", r#""Action":"iam:*AccessKey*""#, "iam:CreateAccessKey", true),
    ("a star matches nothing too", r#""Action":"s3:GetObject*""#, "s3:GetObject", true),
    ("a question mark is one character", r#""Action":"s3:Get?bject""#, "s3:GetObject", true),
    ("a question mark is not none", r#""Action":"s3:GetObject?""#, "s3:GetObject", false),
    ("a pattern must cover all", r#""Action":"s3:*Object""#, "s3:GetObjectAcl", false),
    ("a prefix is no pattern", r#""Action":"s3:Get""#, "s3:GetObject", false),
    ("all services, one action", r#""Action":"*:*""#, "s3:GetObject", true),
    ("NotAction leaves out what it names", r#""NotAction":"s3:GetObject""#, "s3:GetObject", false),
    ("NotAction takes all else", r#""NotAction":"s3:GetObject""#, "s3:PutObject", true),
    ("NotAction takes other services", r#""NotAction":"s3:*""#, "iam:CreateUser", true),
    ("NotAction is not case sensitive", r#""NotAction":"S3:getobject""#, "s3:GetObject", false),
    ("NotAction leaves out all that it names", r#""NotAction":["iam:*","s3:Get*"]"#, "s3:GetObject", false),
    ("NotAction of star takes nothing", r#""NotAction":"*""#, "s3:GetObject", false),
    ("actions have no variables", r#""Action":"s3:${v}""#, "s3:GetObject", false),
];

const RESOURCES: &[Row] = &[
    ("a resource by name", r#""Resource":"arn:aws:s3:::b/k""#, "arn:aws:s3:::b/k", true),
    ("resources are case sensitive", r#""Resource":"arn:aws:s3:::b/K""#, "arn:aws:s3:::b/k", false),
    ("one resource of a list", r#""Resource":["arn:aws:s3:::a","arn:aws:s3:::b"]"#, "arn:aws:s3:::b", true),
    ("star is every resource", r#""Resource":"*""#, "arn:aws:s3:::b/k", true),
    ("star is the request for no resource", r#""Resource":"*""#, "*", true),
    ("an ARN is not the request for no resource", r#""Resource":"arn:aws:s3:::*""#, "*", false),
    ("all objects of a bucket", r#""Resource":"arn:aws:s3:::b/*""#, "arn:aws:s3:::b/a/b/c", true),
    ("a bucket is not its objects", r#""Resource":"arn:aws:s3:::b""#, "arn:aws:s3:::b/k", false),
    ("objects are not their bucket", r#""Resource":"arn:aws:s3:::b/*""#, "arn:aws:s3:::b", false),
    ("a star covers slashes", r#""Resource":"arn:aws:iam::1:user/*""#, "arn:aws:iam::1:user/a/b", true),
    (
        "a star covers colons in the last part",
        r#""Resource":"arn:aws:logs:r:1:*""#,
        "arn:aws:logs:r:1:log-group:g:*",
        true,
    ),
    (
        "a star stays in its part",
        r#""Resource":"arn:aws:sqs:*:queue""#,
        "arn:aws:sqs:us-east-1:1:queue",
        false,
    ),
    (
        "stars for region and account",
        r#""Resource":"arn:aws:sqs:*:*:queue""#,
        "arn:aws:sqs:us-east-1:1:queue",
        true,
    ),
    ("an empty part is empty", r#""Resource":"arn:aws:sqs:::queue""#, "arn:aws:sqs:us-east-1:1:queue", false),
    ("a part of a region", r#""Resource":"arn:aws:sqs:us-*:1:q?""#, "arn:aws:sqs:us-east-1:1:q1", true),
    (
        "parts that are left out are stars",
        r#""Resource":"arn:aws:sqs""#,
        "arn:aws:sqs:us-east-1:1:queue",
        true,
    ),
    ("the partition counts", r#""Resource":"arn:aws-cn:s3:::b""#, "arn:aws:s3:::b", false),
    (
        "a variable in the resource",
        r#""Resource":"arn:aws:s3:::b/${aws:username}/*""#,
        "arn:aws:s3:::b/bob/k",
        true,
    ),
    (
        "another user's resource",
        r#""Resource":"arn:aws:s3:::b/${aws:username}/*""#,
        "arn:aws:s3:::b/eve/k",
        false,
    ),
    (
        "a tag as variable",
        r#""Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}""#,
        "arn:aws:s3:::b/blue",
        true,
    ),
    (
        "a default for a missing tag",
        r#""Resource":"arn:aws:s3:::b/${aws:PrincipalTag/x, 'all'}""#,
        "arn:aws:s3:::b/all",
        true,
    ),
    (
        "a variable without value matches nothing",
        r#""Resource":"arn:aws:s3:::b/${aws:absent}*""#,
        "arn:aws:s3:::b/x",
        false,
    ),
    (
        "no variables before the fifth colon",
        r#""Resource":"arn:aws:sqs:r:${acct}:q""#,
        "arn:aws:sqs:r:1:q",
        false,
    ),
    ("an escaped star in a resource", r#""Resource":"arn:aws:s3:::b/${*}""#, "arn:aws:s3:::b/k", false),
    ("an escaped star is one", r#""Resource":"arn:aws:s3:::b/${*}""#, "arn:aws:s3:::b/*", true),
    (
        "NotResource leaves out what it names",
        r#""NotResource":"arn:aws:s3:::b/*""#,
        "arn:aws:s3:::b/k",
        false,
    ),
    ("NotResource takes all else", r#""NotResource":"arn:aws:s3:::b/*""#, "arn:aws:s3:::c/k", true),
    ("NotResource takes the request for no resource", r#""NotResource":"arn:aws:s3:::b/*""#, "*", true),
    (
        "NotResource leaves out all that it names",
        r#""NotResource":["arn:aws:s3:::a","arn:aws:s3:::b"]"#,
        "arn:aws:s3:::b",
        false,
    ),
    (
        "NotResource with a variable",
        r#""NotResource":"arn:aws:s3:::b/${aws:username}""#,
        "arn:aws:s3:::b/eve",
        true,
    ),
    (
        "NotResource with a variable without value",
        r#""NotResource":"arn:aws:s3:::b/${aws:absent}""#,
        "arn:aws:s3:::b/eve",
        false,
    ),
];

#[test]
fn actions() {
    for (name, element, action, expected) in ACTIONS {
        // Alone, and among so many others that the index is used.
        let statement = format!(r#""Effect":"Allow",{element},"Resource":"*""#);
        let other = r#""Effect":"Allow","Action":["ec2:RunInstances","dynamodb:*"],"Resource":"*""#;
        for statements in [vec![&*statement], vec![other, other, &statement, other, other, other]] {
            let policy = parse(PolicyKind::Identity, &statements);
            let found = allows(&policy, action, "*", &Context::new().with("v", "GetObject"));
            assert_eq!(found, *expected, "{name}: {element} of {}", statements.len());
        }
    }
}

#[test]
fn resources() {
    let context =
        Context::new().with("aws:username", "bob").with("aws:PrincipalTag/team", "blue").with("acct", "1");
    for (name, element, resource, expected) in RESOURCES {
        let statement = format!(r#""Effect":"Allow","Action":"*",{element}"#);
        let policy = parse(PolicyKind::Identity, &[&statement]);
        assert_eq!(allows(&policy, "s3:GetObject", resource, &context), *expected, "{name}: {element}");
    }
}
