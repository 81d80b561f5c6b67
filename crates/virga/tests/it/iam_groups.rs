//! Groups and who is in them.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn iam(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("iam", operation, parameters).ok()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_group_lives() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = iam(&root, "CreateGroup", json!({"GroupName": "Devs", "Path": "/x/"}))["Group"].clone();
    let id = made["GroupId"].as_str().unwrap();
    assert!(id.starts_with("AGPA") && id.len() == 21, "{id}");
    assert_eq!(
        made,
        json!({"Path": "/x/", "GroupName": "Devs", "GroupId": id,
        "Arn": "arn:aws:iam::123456789012:group/x/Devs", "CreateDate": "2026-01-15T12:00:00Z"})
    );
    let got = iam(&root, "GetGroup", json!({"GroupName": "devs"}));
    assert_eq!((&got["Group"], &got["Users"], &got["IsTruncated"]), (&made, &json!(""), &json!("false")));
    root.call("iam", "CreateGroup", json!({"GroupName": "devs"})).refused_with(
        409,
        "EntityAlreadyExists",
        "Group with name devs already exists.",
    );
    iam(&root, "UpdateGroup", json!({"GroupName": "devs", "NewGroupName": "ops", "NewPath": "/"}));
    assert_eq!(
        names(&iam(&root, "ListGroups", json!({}))["Groups"], "Arn"),
        ["arn:aws:iam::123456789012:group/ops"]
    );
    iam(&root, "DeleteGroup", json!({"GroupName": "ops"}));
    root.call("iam", "GetGroup", json!({"GroupName": "ops"})).refused_with(
        404,
        "NoSuchEntity",
        "The group with name ops cannot be found.",
    );
}

#[test]
fn a_group_gives_its_users_what_it_has() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    iam(&root, "CreateGroup", json!({"GroupName": "readers"}));
    iam(&root, "AttachGroupPolicy", json!({"GroupName": "readers", "PolicyArn": READ_ONLY}));
    eva.call("iam", "ListGroups", json!({})).refused(403, "AccessDenied");
    let member = json!({"GroupName": "readers", "UserName": "eva"});
    iam(&root, "AddUserToGroup", member.clone());
    iam(&root, "AddUserToGroup", member.clone());
    assert_eq!(names(&iam(&eva, "ListGroups", json!({}))["Groups"], "GroupName"), ["readers"]);
    let of_eva = iam(&root, "ListGroupsForUser", json!({"UserName": "eva"}));
    assert_eq!(names(&of_eva["Groups"], "GroupName"), ["readers"]);
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:ListGroups","Resource":"*"}]}"#;
    let inline = json!({"GroupName": "readers", "PolicyName": "no", "PolicyDocument": deny});
    iam(&root, "PutGroupPolicy", inline);
    eva.call("iam", "ListGroups", json!({})).refused(403, "AccessDenied");
    iam(&root, "DeleteGroupPolicy", json!({"GroupName": "readers", "PolicyName": "no"}));
    iam(&eva, "ListGroups", json!({}));
    iam(&root, "UpdateGroup", json!({"GroupName": "readers", "NewGroupName": "Lectores"}));
    assert_eq!(names(&iam(&eva, "ListGroups", json!({}))["Groups"], "GroupName"), ["Lectores"]);
    let member = json!({"GroupName": "lectores", "UserName": "eva"});
    iam(&root, "RemoveUserFromGroup", member.clone());
    eva.call("iam", "ListGroups", json!({})).refused(403, "AccessDenied");
    root.call("iam", "RemoveUserFromGroup", member).refused(404, "NoSuchEntity");
}

#[test]
fn a_group_goes_when_it_is_empty() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    iam(&root, "CreateGroup", json!({"GroupName": "g"}));
    iam(&root, "AddUserToGroup", json!({"GroupName": "g", "UserName": "eva"}));
    iam(&root, "AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": READ_ONLY}));
    let gone = |what: &str| {
        let words = format!("Cannot delete entity, must {what} first.");
        root.call("iam", "DeleteGroup", json!({"GroupName": "g"})).refused_with(
            409,
            "DeleteConflict",
            &words,
        );
    };
    gone("remove users from group");
    iam(&root, "RemoveUserFromGroup", json!({"GroupName": "g", "UserName": "eva"}));
    gone("detach all policies");
    iam(&root, "DetachGroupPolicy", json!({"GroupName": "g", "PolicyArn": READ_ONLY}));
    iam(&root, "DeleteGroup", json!({"GroupName": "g"}));
}

#[test]
fn ten_groups_to_a_user_and_pages_of_users() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for name in ["a", "b", "c"] {
        iam(&root, "CreateUser", json!({"UserName": name}));
    }
    for i in 0..=10 {
        iam(&root, "CreateGroup", json!({"GroupName": format!("g{i}")}));
        let add = root.call("iam", "AddUserToGroup", json!({"GroupName": format!("g{i}"), "UserName": "a"}));
        if i < 10 {
            add.ok();
        } else {
            add.refused_with(409, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10");
        }
    }
    for name in ["b", "c"] {
        iam(&root, "AddUserToGroup", json!({"GroupName": "g0", "UserName": name}));
    }
    let first = iam(&root, "GetGroup", json!({"GroupName": "g0", "MaxItems": 2}));
    assert_eq!(
        (names(&first["Users"], "UserName"), &first["IsTruncated"]),
        (vec!["a".into(), "b".into()], &json!("true"))
    );
    let second = iam(&root, "GetGroup", json!({"GroupName": "g0", "Marker": first["Marker"]}));
    assert_eq!(names(&second["Users"], "UserName"), ["c"]);
    root.call("iam", "ListGroupsForUser", json!({"UserName": "a", "Marker": first["Marker"]})).refused_with(
        400,
        "ValidationError",
        "Invalid Marker.",
    );
}

#[test]
fn three_hundred_groups_and_no_more() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for i in 0..300 {
        iam(&root, "CreateGroup", json!({"GroupName": format!("g{i}")}));
    }
    root.call("iam", "CreateGroup", json!({"GroupName": "more"})).refused_with(
        409,
        "LimitExceeded",
        "Cannot exceed quota for GroupsPerAccount: 300",
    );
    iam(&root, "DeleteGroup", json!({"GroupName": "g7"}));
    iam(&root, "CreateGroup", json!({"GroupName": "more"}));
}
