//! What is remembered of callers is never older than the last acknowledged change.

use crate::fixture::{cloud, parts};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const LIST: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}}"#;

fn list(caller: &Caller<'_>) -> u16 {
    caller.call("iam", "ListUsers", json!({})).status
}

#[test]
fn a_changed_policy_holds_for_the_very_next_call() {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    let name = json!({ "UserName": "eva", "PolicyName": "p" });
    for _ in 0..20 {
        assert_eq!(list(&eva), 403);
        let mut put = name.clone();
        put["PolicyDocument"] = LIST.into();
        root.call("iam", "PutUserPolicy", put).ok();
        assert_eq!(list(&eva), 200);
        root.call("iam", "DeleteUserPolicy", name.clone()).ok();
    }
}

#[test]
fn groups_count_at_once_too() {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    root.call("iam", "CreateGroup", json!({ "GroupName": "g" })).ok();
    let put = json!({ "GroupName": "g", "PolicyName": "p", "PolicyDocument": LIST });
    root.call("iam", "PutGroupPolicy", put).ok();
    let both = json!({ "GroupName": "g", "UserName": "eva" });
    assert_eq!(list(&eva), 403);
    root.call("iam", "AddUserToGroup", both).ok();
    assert_eq!(list(&eva), 200);
    root.call("iam", "DeleteGroupPolicy", json!({ "GroupName": "g", "PolicyName": "p" })).ok();
    assert_eq!(list(&eva), 403);
}

fn key_of(eva: &Caller<'_>, more: &Value) -> Value {
    let mut key = json!({ "UserName": "eva", "AccessKeyId": eva.access_key });
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key
}

fn with_user(test: impl Fn(&Cloud, &Caller<'_>, &Caller<'_>)) {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", LIST);
    assert_eq!(list(&eva), 200);
    test(&cloud, &root, &eva);
}

#[test]
fn a_deleted_key_is_refused_at_once() {
    with_user(|_, root, eva| {
        root.call("iam", "DeleteAccessKey", key_of(eva, &json!({}))).ok();
        let message = eva.call("iam", "ListUsers", json!({})).refused(403, "InvalidClientTokenId");
        assert_eq!(message, "The security token included in the request is invalid.");
    });
}

#[test]
fn a_key_that_is_switched_off_is_refused_until_it_is_on_again() {
    with_user(|_, root, eva| {
        root.call("iam", "UpdateAccessKey", key_of(eva, &json!({ "Status": "Inactive" }))).ok();
        eva.call("iam", "ListUsers", json!({})).refused(403, "InvalidClientTokenId");
        root.call("iam", "UpdateAccessKey", key_of(eva, &json!({ "Status": "Active" }))).ok();
        assert_eq!(list(eva), 200);
    });
}

#[test]
fn a_remembered_caller_must_sign_all_the_same() {
    with_user(|cloud, _, eva| {
        let forger = cloud.caller(&eva.access_key, "another secret", None);
        forger.call("iam", "ListUsers", json!({})).refused(403, "SignatureDoesNotMatch");
        let token = cloud.caller(&eva.access_key, &eva.secret, Some("token"));
        token.call("iam", "ListUsers", json!({})).refused(403, "InvalidClientTokenId");
        assert_eq!(list(eva), 200);
    });
}

#[test]
fn what_a_user_changes_counts_as_use_of_its_key() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", policy);
    eva.call("iam", "CreateUser", json!({ "UserName": "other" })).ok();
    cloud.reconcile();
    let used = root.call("iam", "GetAccessKeyLastUsed", json!({ "AccessKeyId": eva.access_key })).ok();
    assert_eq!(used["AccessKeyLastUsed"]["ServiceName"], "iam");
    assert_eq!(used["AccessKeyLastUsed"]["LastUsedDate"], "2026-01-15T12:00:00Z");
}
