//! Facts that AWS documents, read back out of the packed file.

use super::*;
use KeyKind::{Arn, Bool, Date, Ip, Numeric, String as Text};

#[test]
fn every_record_can_be_walked_and_names_exist() {
    let (mut services_seen, mut actions_seen) = (0, 0);
    for service in services() {
        services_seen += 1;
        assert!(!service.prefix().is_empty() && !service.name().is_empty());
        assert_eq!(super::service(service.prefix()), Some(service));
        for action in service.actions() {
            actions_seen += 1;
            assert_eq!(service.action(action.name()), Some(action), "{}", action.full_name());
            let level = super::access_level(&action.full_name().to_uppercase());
            assert_eq!(level, Some(action.access_level()), "{}", action.full_name());
            for line in action.resources() {
                assert_eq!(line.kind().is_empty(), line.resource_type().is_none(), "{}", action.full_name());
                assert!(line.condition_keys().all(|key| key.contains(':')));
                assert!(line.dependent_actions().all(|name| name.contains(':')));
            }
        }
        for kind in service.resource_types() {
            assert!(kind.arn().starts_with("arn:"), "{} {}", service.prefix(), kind.arn());
        }
        assert!(service.condition_keys().all(|key| key.name.contains(':')));
    }
    assert_eq!((services_seen, actions_seen), (445, 20_455));
    let end = SHELF.keys + KEY_SIZE * SHELF.file.count(8);
    assert_eq!(end, SHELF.file.bytes().len());
}

#[test]
fn access_levels_are_those_of_the_reference() {
    for (name, level) in [
        ("iam:CreateUser", AccessLevel::Write),
        ("iam:ListUsers", AccessLevel::List),
        ("iam:GetUser", AccessLevel::Read),
        ("iam:PutUserPolicy", AccessLevel::PermissionsManagement),
        ("iam:TagUser", AccessLevel::Tagging),
        ("s3:GetObject", AccessLevel::Read),
        ("ec2:RunInstances", AccessLevel::Write),
        ("sts:AssumeRole", AccessLevel::Write),
        ("dynamodb:PutItem", AccessLevel::Write),
    ] {
        assert_eq!(action(name).map(Action::access_level), Some(level), "{name}");
    }
}

#[test]
fn names_ignore_case_and_unknown_ones_are_none() {
    assert_eq!(action("IAM:createuser").map(Action::full_name), Some("iam:CreateUser".to_owned()));
    for name in ["iam:CreateUsers", "nope:CreateUser", "CreateUser", "iam:", "", "iam:Create*"] {
        assert_eq!(action(name), None, "{name}");
        assert_eq!(access_level(name), None, "{name}");
    }
}

#[test]
fn resources_name_types_with_their_arns() {
    let run = action("ec2:RunInstances").unwrap();
    let required: Vec<&str> = run.resources().filter(|r| r.required()).map(ActionResource::kind).collect();
    assert_eq!(required, ["image", "instance", "network-interface", "security-group", "subnet"]);
    let user = action("iam:CreateUser").unwrap().resources().find(|r| r.kind() == "user").unwrap();
    assert_eq!(
        user.resource_type().unwrap().arn(),
        "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"
    );
    assert!(action("iam:CreateUser").unwrap().condition_keys().any(|k| k == "iam:PermissionsBoundary"));
    assert!(!action("iam:ListUsers").unwrap().has_resource_level());
    assert!(!action("s3:ListAllMyBuckets").unwrap().has_resource_level());
    assert!(action("s3:GetObject").unwrap().has_resource_level());
    let object = service("s3").unwrap().resource_type("object").unwrap();
    assert_eq!(object.arn(), "arn:${Partition}:s3:::${BucketName}/${ObjectName}");
}

#[test]
fn dependent_actions_are_kept() {
    let needed: Vec<&str> = action("lambda:CreateFunction").unwrap().dependent_actions().collect();
    assert!(needed.contains(&"iam:PassRole"), "{needed:?}");
}

#[test]
fn patterns_expand_to_what_they_match() {
    let names = |pattern: &str| expand(pattern).map(Action::full_name).collect::<Vec<_>>();
    assert_eq!(
        names("sts:AssumeRole*"),
        ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
    );
    assert_eq!(names("IAM:getuse?"), ["iam:GetUser"]);
    assert_eq!(names("iam:GetNothing*"), Vec::<String>::new());
    assert_eq!(names("GetUser"), Vec::<String>::new());
    assert_eq!(expand("*").count(), 20_455);
    assert_eq!(expand("*:*").count(), 20_455);
    assert_eq!(expand("iam:*").count(), service("iam").unwrap().actions().count());
}

#[test]
fn condition_keys_have_types() {
    for (name, expected) in [
        ("aws:SourceIp", Some((Ip, false))),
        ("AWS:sourceip", Some((Ip, false))),
        ("aws:TagKeys", Some((Text, true))),
        ("aws:ResourceTag/team", Some((Text, false))),
        ("aws:ResourceTag/", None),
        ("aws:CurrentTime", Some((Date, false))),
        ("aws:SecureTransport", Some((Bool, false))),
        ("aws:Nothing", None),
        ("iam:PolicyARN", Some((Arn, false))),
        ("s3:max-keys", Some((Numeric, false))),
        ("ec2:ResourceTag/env", Some((Text, false))),
        ("s3:ExistingObjectTag/team", Some((Text, false))),
        ("codebuild:fileSystemLocations/a.type", Some((Text, false))),
        ("codebuild:fileSystemLocations/.type", None),
        ("dynamodb:LeadingKeys", Some((Text, true))),
        ("saml:sub", Some((Text, false))),
        ("cognito-identity.amazonaws.com:aud", Some((Text, false))),
        ("ec2:Nothing", None),
        ("nothing", None),
    ] {
        assert_eq!(condition_key(name).map(|k| (k.kind, k.many)), expected, "{name}");
    }
}

#[test]
fn wildcards_match_like_policies_do() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("a*c", "abbc", true),
        ("a*c", "abbd", false),
        ("?", "", false),
        ("a?c", "abc", true),
        ("*b*b*", "abab", true),
        ("GET*", "getUser", true),
        ("a*****", "a", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
