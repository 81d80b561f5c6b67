//! Users: made, found, renamed, deleted; their tags, boundaries and policies.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

fn iam(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("iam", operation, parameters).ok()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_user_is_answered_as_it_was_made() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let asked = json!({"UserName": "Eva", "Path": "/dev/", "Tags": tags, "PermissionsBoundary": READ_ONLY});
    let made = iam(&root, "CreateUser", asked)["User"].clone();
    let id = made["UserId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
    let expected = json!({
        "Path": "/dev/", "UserName": "Eva", "UserId": id, "Arn": "arn:aws:iam::123456789012:user/dev/Eva",
        "CreateDate": "2026-01-15T12:00:00Z", "Tags": tags,
        "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY},
    });
    assert_eq!(made, expected);
    assert_eq!(iam(&root, "GetUser", json!({"UserName": "eva"}))["User"], expected);
    root.call("iam", "CreateUser", json!({"UserName": "EVA"})).refused_with(
        409,
        "EntityAlreadyExists",
        "User with name EVA already exists.",
    );
    root.call("iam", "GetUser", json!({"UserName": "bob"})).refused_with(
        404,
        "NoSuchEntity",
        "The user with name bob cannot be found.",
    );
}

#[test]
fn without_a_name_the_user_is_the_caller() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALLOW_ALL);
    assert_eq!(iam(&eva, "GetUser", json!({}))["User"]["UserName"], "eva");
    let expected = json!({"UserId": ACCOUNT, "Arn": "arn:aws:iam::123456789012:root"});
    assert_eq!(iam(&root, "GetUser", json!({}))["User"], expected);
}

#[test]
fn lists_come_in_pages_by_name() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (name, path) in [("carl", "/a/"), ("Anna", "/a/"), ("bob", "/b/"), ("dora", "/a/b/")] {
        iam(&root, "CreateUser", json!({"UserName": name, "Path": path}));
    }
    let all = iam(&root, "ListUsers", json!({}));
    assert_eq!(names(&all["Users"], "UserName"), ["Anna", "bob", "carl", "dora"]);
    assert_eq!(all["IsTruncated"], "false");
    assert!(all.get("Marker").is_none());
    let first = iam(&root, "ListUsers", json!({"PathPrefix": "/a/", "MaxItems": 2}));
    assert_eq!(
        (names(&first["Users"], "UserName"), &first["IsTruncated"]),
        (vec!["Anna".into(), "carl".into()], &json!("true"))
    );
    iam(&root, "DeleteUser", json!({"UserName": "carl"}));
    let marker = &first["Marker"];
    let second = iam(&root, "ListUsers", json!({"PathPrefix": "/a/", "Marker": marker}));
    assert_eq!(
        (names(&second["Users"], "UserName"), &second["IsTruncated"]),
        (vec!["dora".into()], &json!("false"))
    );
    for bad in [json!({"Marker": "nonsense"}), json!({"Marker": marker})] {
        root.call("iam", "ListUsers", bad).refused_with(400, "ValidationError", "Invalid Marker.");
    }
    let other = cloud.root("210987654321");
    assert_eq!(iam(&other, "ListUsers", json!({}))["Users"], "");
}

#[test]
fn a_renamed_user_keeps_everything() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALLOW_ALL);
    iam(&root, "CreateGroup", json!({"GroupName": "g"}));
    iam(&root, "AddUserToGroup", json!({"GroupName": "g", "UserName": "eva"}));
    iam(&root, "AttachUserPolicy", json!({"UserName": "eva", "PolicyArn": READ_ONLY}));
    iam(&root, "CreateUser", json!({"UserName": "bob"}));
    root.call("iam", "UpdateUser", json!({"UserName": "eva", "NewUserName": "Bob"})).refused_with(
        409,
        "EntityAlreadyExists",
        "User with name Bob already exists.",
    );
    let before = iam(&root, "GetUser", json!({"UserName": "eva"}));
    iam(&root, "UpdateUser", json!({"UserName": "eva", "NewUserName": "Ada", "NewPath": "/x/"}));
    let me = iam(&eva, "GetUser", json!({}))["User"].clone();
    assert_eq!(
        (&me["Arn"], &me["UserId"]),
        (&json!("arn:aws:iam::123456789012:user/x/Ada"), &before["User"]["UserId"])
    );
    let group = iam(&root, "GetGroup", json!({"GroupName": "g"}));
    assert_eq!(names(&group["Users"], "UserName"), ["Ada"]);
    let attached = iam(&root, "ListAttachedUserPolicies", json!({"UserName": "ada"}));
    assert_eq!(names(&attached["AttachedPolicies"], "PolicyName"), ["ReadOnlyAccess"]);
    root.call("iam", "GetUser", json!({"UserName": "eva"})).refused(404, "NoSuchEntity");
}

#[test]
fn a_user_goes_when_nothing_is_left_of_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALLOW_ALL);
    let gone = |what: &str| {
        let words = format!("Cannot delete entity, must {what} first.");
        root.call("iam", "DeleteUser", json!({"UserName": "eva"})).refused_with(
            409,
            "DeleteConflict",
            &words,
        );
    };
    iam(&root, "CreateGroup", json!({"GroupName": "g"}));
    iam(&root, "AddUserToGroup", json!({"GroupName": "g", "UserName": "eva"}));
    iam(&root, "AttachUserPolicy", json!({"UserName": "eva", "PolicyArn": READ_ONLY}));
    iam(&root, "CreateLoginProfile", json!({"UserName": "eva", "Password": "Correct-horse1"}));
    gone("detach all policies");
    iam(&root, "DetachUserPolicy", json!({"UserName": "eva", "PolicyArn": READ_ONLY}));
    gone("delete policies");
    iam(&root, "DeleteUserPolicy", json!({"UserName": "eva", "PolicyName": "inline"}));
    gone("remove users from group");
    iam(&root, "RemoveUserFromGroup", json!({"GroupName": "g", "UserName": "eva"}));
    gone("delete login profile");
    iam(&root, "DeleteLoginProfile", json!({"UserName": "eva"}));
    gone("delete access keys");
    let id = eva.access_key.clone();
    iam(&root, "DeleteAccessKey", json!({"UserName": "eva", "AccessKeyId": id}));
    iam(&root, "DeleteUser", json!({"UserName": "eva"}));
    root.call("iam", "GetUser", json!({"UserName": "eva"})).refused(404, "NoSuchEntity");
    root.call("iam", "DeleteUser", json!({"UserName": "eva"})).refused(404, "NoSuchEntity");
}

#[test]
fn tags_are_laid_over_and_taken_away() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva", "Tags": [{"Key": "a", "Value": "1"}]}));
    let add = json!([{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}]);
    iam(&root, "TagUser", json!({"UserName": "eva", "Tags": add}));
    assert_eq!(iam(&root, "ListUserTags", json!({"UserName": "eva"}))["Tags"], add);
    iam(&root, "UntagUser", json!({"UserName": "eva", "TagKeys": ["a", "none"]}));
    let left = json!([{"Key": "b", "Value": ""}]);
    assert_eq!(iam(&root, "ListUserTags", json!({"UserName": "eva"}))["Tags"], left);
    let twice = json!([{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}]);
    root.call("iam", "TagUser", json!({"UserName": "eva", "Tags": twice})).refused_with(
        400,
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
}

#[test]
fn managed_policies_are_attached_and_count_at_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    let attach =
        |arn: &str| root.call("iam", "AttachUserPolicy", json!({"UserName": "eva", "PolicyArn": arn}));
    eva.call("iam", "ListUsers", json!({})).refused_with(
        403,
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/eva is not authorized to perform: iam:ListUsers on resource: \
         arn:aws:iam::123456789012:user/ because no identity-based policy allows the iam:ListUsers action",
    );
    attach(READ_ONLY).ok();
    attach(READ_ONLY).ok();
    iam(&eva, "ListUsers", json!({}));
    eva.call("iam", "CreateUser", json!({"UserName": "x"})).refused(403, "AccessDenied");
    let nowhere = "arn:aws:iam::123456789012:policy/Nowhere";
    attach(nowhere).refused_with(
        404,
        "NoSuchEntity",
        &format!("Policy {nowhere} does not exist or is not attachable."),
    );
    attach("arn:aws:iam::aws:role/ReadOnlyAccess").refused_with(
        400,
        "InvalidInput",
        "ARN arn:aws:iam::aws:role/ReadOnlyAccess is not valid.",
    );
    attach("arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy").refused_with(
        400,
        "PolicyNotAttachable",
        "Cannot attach a Service Role Policy to a Customer Role.",
    );
    let detach = json!({"UserName": "eva", "PolicyArn": READ_ONLY});
    iam(&root, "DetachUserPolicy", detach.clone());
    eva.call("iam", "ListUsers", json!({})).refused(403, "AccessDenied");
    root.call("iam", "DetachUserPolicy", detach).refused_with(
        404,
        "NoSuchEntity",
        &format!("Policy {READ_ONLY} was not found."),
    );
}

#[test]
fn ten_policies_and_no_more() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    let policies = [
        "AmazonS3FullAccess",
        "AmazonS3ReadOnlyAccess",
        "AmazonSQSFullAccess",
        "AmazonSNSFullAccess",
        "AmazonEC2FullAccess",
        "AmazonEC2ReadOnlyAccess",
        "IAMFullAccess",
        "IAMReadOnlyAccess",
        "ReadOnlyAccess",
        "PowerUserAccess",
        "AdministratorAccess",
    ];
    for (i, name) in policies.iter().enumerate() {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        let reply = root.call("iam", "AttachUserPolicy", json!({"UserName": "eva", "PolicyArn": arn}));
        if i < 10 {
            reply.ok();
        } else {
            reply.refused_with(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10");
        }
    }
    let mut seen = Vec::new();
    let mut marker = Value::Null;
    loop {
        let asked = json!({"UserName": "eva", "MaxItems": 4, "Marker": marker});
        let page = iam(&root, "ListAttachedUserPolicies", asked);
        seen.extend(names(&page["AttachedPolicies"], "PolicyName"));
        if page["IsTruncated"] == "false" {
            break;
        }
        marker = page["Marker"].clone();
    }
    assert_eq!(seen, &policies[..10]);
}

#[test]
fn inline_policies() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    let put = |name: &str, document: &str| {
        let asked = json!({"UserName": "eva", "PolicyName": name, "PolicyDocument": document});
        root.call("iam", "PutUserPolicy", asked)
    };
    put("p", ALLOW_ALL).ok();
    let got = iam(&root, "GetUserPolicy", json!({"UserName": "eva", "PolicyName": "p"}));
    assert_eq!((&got["UserName"], &got["PolicyName"]), (&json!("eva"), &json!("p")));
    let encoded = got["PolicyDocument"].as_str().unwrap();
    assert!(encoded.starts_with("%7B%22Version%22%3A%222012-10-17%22%2C"), "{encoded}");
    put("p", "{}").refused(400, "MalformedPolicyDocument");
    let long = ALLOW_ALL.replace("\"*\",", &format!("\"s3:{}\",", "x".repeat(2000)));
    put("q", &long).refused_with(
        409,
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user eva",
    );
    let listed = iam(&root, "ListUserPolicies", json!({"UserName": "eva"}));
    assert_eq!(listed["PolicyNames"], json!(["p"]));
    let missing = json!({"UserName": "eva", "PolicyName": "q"});
    for operation in ["GetUserPolicy", "DeleteUserPolicy"] {
        root.call("iam", operation, missing.clone()).refused_with(
            404,
            "NoSuchEntity",
            "The user policy with name q cannot be found.",
        );
    }
    iam(&root, "DeleteUserPolicy", json!({"UserName": "eva", "PolicyName": "p"}));
    assert_eq!(iam(&root, "ListUserPolicies", json!({"UserName": "eva"}))["PolicyNames"], "");
}

#[test]
fn a_boundary_bounds() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALLOW_ALL);
    let bound = |arn: &str| {
        root.call("iam", "PutUserPermissionsBoundary", json!({"UserName": "eva", "PermissionsBoundary": arn}))
    };
    bound("arn:aws:iam::aws:policy/Nowhere").refused_with(
        404,
        "NoSuchEntity",
        "Scope ARN: arn:aws:iam::aws:policy/Nowhere does not exist or is not attachable.",
    );
    bound(READ_ONLY).ok();
    iam(&eva, "ListUsers", json!({}));
    eva.call("iam", "CreateUser", json!({"UserName": "x"})).refused(403, "AccessDenied");
    iam(&root, "DeleteUserPermissionsBoundary", json!({"UserName": "eva"}));
    iam(&eva, "CreateUser", json!({"UserName": "x"}));
}

/// Each row: a policy statement, an operation with its parameters, and whether it is allowed.
#[test]
fn policies_narrow_by_resource_and_condition() {
    let cases = [
        (
            r#""Action":"iam:GetUser","Resource":"arn:aws:iam::123456789012:user/dev/*""#,
            "GetUser",
            json!({"UserName": "ann"}),
            true,
        ),
        (
            r#""Action":"iam:GetUser","Resource":"arn:aws:iam::123456789012:user/ops/*""#,
            "GetUser",
            json!({"UserName": "ann"}),
            false,
        ),
        (
            r#""Action":"iam:TagUser","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}"#,
            "TagUser",
            json!({"UserName": "ann", "Tags": [{"Key": "x", "Value": "y"}]}),
            true,
        ),
        (
            r#""Action":"iam:TagUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"red"}}"#,
            "TagUser",
            json!({"UserName": "ann", "Tags": [{"Key": "x", "Value": "y"}]}),
            false,
        ),
        (
            r#""Action":"iam:TagUser","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/x":"y"}}"#,
            "TagUser",
            json!({"UserName": "ann", "Tags": [{"Key": "x", "Value": "z"}]}),
            false,
        ),
        (
            r#""Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            "AttachUserPolicy",
            json!({"UserName": "ann", "PolicyArn": READ_ONLY}),
            true,
        ),
        (
            r#""Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            "AttachUserPolicy",
            json!({"UserName": "ann", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            false,
        ),
        (
            r#""Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            "CreateUser",
            json!({"UserName": "new", "PermissionsBoundary": READ_ONLY}),
            true,
        ),
        (
            r#""Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}"#,
            "CreateUser",
            json!({"UserName": "new"}),
            false,
        ),
        (
            r#""Action":"iam:UpdateUser","Resource":"arn:aws:iam::123456789012:user/dev/*""#,
            "UpdateUser",
            json!({"UserName": "ann", "NewPath": "/ops/"}),
            false,
        ),
        (
            r#""Action":"iam:UpdateUser","Resource":["arn:aws:iam::123456789012:user/dev/*","arn:aws:iam::123456789012:user/ops/*"]"#,
            "UpdateUser",
            json!({"UserName": "ann", "NewPath": "/ops/"}),
            true,
        ),
        (
            r#""Action":"iam:ListUsers","Resource":"arn:aws:iam::123456789012:user/*""#,
            "ListUsers",
            json!({}),
            true,
        ),
    ];
    for (statement, operation, parameters, allowed) in cases {
        let cloud = Cloud::new();
        let root = cloud.root(ACCOUNT);
        let tags = json!([{"Key": "team", "Value": "blue"}]);
        iam(&root, "CreateUser", json!({"UserName": "ann", "Path": "/dev/", "Tags": tags}));
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{statement}}}]}}"#);
        let eva = cloud.user(&root, "eva", &policy);
        let reply = eva.call("iam", operation, parameters);
        if allowed {
            reply.ok();
        } else {
            reply.refused(403, "AccessDenied");
        }
    }
}
