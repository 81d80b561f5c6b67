//! "The meaning of public": which bucket policies S3's public access block takes for public.

use crate::world::parse;
use auth::policy::{Policy, PolicyKind};

/// Name of the rule, effect, principal, condition, whether the policy is public.
const ROWS: &[(&str, &str, &str, &str, bool)] = &[
    ("everyone", "Allow", r#""Principal":"*""#, "{}", true),
    ("everyone, the long way", "Allow", r#""Principal":{"AWS":"*"}"#, "{}", true),
    ("everyone but one", "Allow", r#""NotPrincipal":{"AWS":"111122223333"}"#, "{}", true),
    ("everyone is denied", "Deny", r#""Principal":"*""#, "{}", false),
    ("an account", "Allow", r#""Principal":{"AWS":"111122223333"}"#, "{}", false),
    ("a role", "Allow", r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/r"}"#, "{}", false),
    ("a service", "Allow", r#""Principal":{"Service":"logging.s3.amazonaws.com"}"#, "{}", false),
    (
        "an organization",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
        false,
    ),
    ("a VPC", "Allow", r#""Principal":"*""#, r#"{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}"#, false),
    ("a pattern of VPCs", "Allow", r#""Principal":"*""#, r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#, true),
    (
        "StringLike of a fixed value",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringLike":{"aws:SourceVpc":"vpc-1"}}"#,
        false,
    ),
    (
        "a variable is not fixed",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringEquals":{"aws:SourceVpc":"${aws:username}"}}"#,
        true,
    ),
    (
        "one value of the list is open",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringLike":{"aws:SourceVpc":["vpc-1","*"]}}"#,
        true,
    ),
    (
        "a negation confines nobody",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#,
        true,
    ),
    (
        "IfExists confines nobody",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}"#,
        true,
    ),
    (
        "ForAllValues confines nobody",
        "Allow",
        r#""Principal":"*""#,
        r#"{"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
        true,
    ),
    (
        "a key that does not confine",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringEquals":{"aws:Referer":"me"}}"#,
        true,
    ),
    (
        "one confining key suffices",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringEquals":{"aws:Referer":"me","aws:SourceAccount":"111122223333"}}"#,
        false,
    ),
    (
        "a source range",
        "Allow",
        r#""Principal":"*""#,
        r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
        false,
    ),
    (
        "a source range of /8",
        "Allow",
        r#""Principal":"*""#,
        r#"{"IpAddress":{"aws:SourceIp":"11.0.0.0/8"}}"#,
        false,
    ),
    (
        "a very broad source range",
        "Allow",
        r#""Principal":"*""#,
        r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}"#,
        true,
    ),
    (
        "a broad range of the sixth version",
        "Allow",
        r#""Principal":"*""#,
        r#"{"IpAddress":{"aws:SourceIp":"2000::/16"}}"#,
        true,
    ),
    (
        "a fixed source ARN",
        "Allow",
        r#""Principal":"*""#,
        r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:t"}}"#,
        false,
    ),
    (
        "an open source ARN",
        "Allow",
        r#""Principal":"*""#,
        r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:t"}}"#,
        true,
    ),
    (
        "access points of a fixed account",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}"#,
        false,
    ),
    (
        "access points of any account",
        "Allow",
        r#""Principal":"*""#,
        r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/*"}}"#,
        true,
    ),
    (
        "sessions of a role",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringLike":{"aws:userid":"AROAEXAMPLE:*"}}"#,
        true,
    ),
    (
        "names of keys have no case",
        "Allow",
        r#""Principal":"*""#,
        r#"{"StringEquals":{"AWS:sourcevpce":"vpce-1"}}"#,
        false,
    ),
];

#[test]
fn the_meaning_of_public() {
    for (name, effect, principal, condition, expected) in ROWS {
        let statement = format!(
            r#""Effect":"{effect}",{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{condition}"#
        );
        let policy = parse(PolicyKind::Resource("s3"), &[&statement]);
        assert_eq!(policy.is_public(), *expected, "{name}");
    }
}

#[test]
fn one_public_statement_makes_the_policy_public() {
    let policy = parse(
        PolicyKind::Resource("s3"),
        &[
            r#""Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"arn:aws:s3:::b/*""#,
            r#""Sid":"Open","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#,
            r#""Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#,
        ],
    );
    let public: Vec<Option<&str>> = policy.public_statements().map(|s| s.sid.as_deref()).collect();
    assert_eq!(public, [Some("Open")]);
}

/// A bucket's policy is about the bucket and what is in it.
#[test]
fn where_resources_lie() {
    let within = |resource: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"{resource}"}}}}"#
        );
        Policy::parse(&text, PolicyKind::Resource("s3")).unwrap().stays_within("s3", "bucket")
    };
    for resource in [
        "arn:aws:s3:::bucket",
        "arn:aws:s3:::bucket/*",
        "arn:aws:s3:::bucket/${aws:username}/*",
        "arn:aws:s3:::buck*",
    ] {
        assert!(within(resource), "{resource}");
    }
    for resource in ["*", "arn:aws:s3:::other", "arn:aws:s3:::bucket2/*", "arn:aws:sqs:::bucket"] {
        assert!(!within(resource), "{resource}");
    }
}
