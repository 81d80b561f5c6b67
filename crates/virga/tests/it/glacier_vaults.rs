//! Glacier's vaults: how they come and go, their tags, policies and locks, and what an account has beside them.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Calls an operation on a vault of the caller's own account.
pub(crate) fn on(caller: &Caller<'_>, operation: &str, vault: &str, more: Value) -> Reply {
    let mut parameters = json!({ "accountId": "-", "vaultName": vault });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("glacier", operation, parameters)
}

pub(crate) fn vault(caller: &Caller<'_>, name: &str) {
    on(caller, "CreateVault", name, json!({})).ok();
}

pub(crate) fn header(reply: &Reply, name: &str) -> String {
    assert!(reply.status < 300, "{}: {}", reply.status, reply.value);
    reply.headers[name].to_str().unwrap().to_owned()
}

fn arn(name: &str) -> String {
    format!("arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/{name}")
}

#[test]
fn vaults_are_made_shown_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = on(&root, "CreateVault", "photos", json!({}));
    assert_eq!(made.status, 201);
    assert_eq!(header(&made, "location"), format!("/{ACCOUNT}/vaults/photos"));
    assert_eq!(on(&root, "CreateVault", "photos", json!({})).status, 201, "idempotent");
    let by_number = json!({ "accountId": ACCOUNT, "vaultName": "photos" });
    let shown = root.call("glacier", "DescribeVault", by_number).ok();
    assert_eq!((&shown["VaultARN"], &shown["VaultName"]), (&json!(arn("photos")), &json!("photos")));
    assert_eq!((&shown["NumberOfArchives"], &shown["SizeInBytes"]), (&json!(0), &json!(0)));
    assert!(shown.get("LastInventoryDate").is_none());
    assert_eq!(shown["CreationDate"], "2026-01-15T12:00:00.000Z");

    let refused = on(&root, "DescribeVault", "none", json!({}));
    assert_eq!(
        (&refused.value["code"], &refused.value["type"]),
        (&json!("ResourceNotFoundException"), &json!("Client"))
    );
    let words = format!("Vault not found for ARN: {}", arn("none"));
    refused.refused_with(404, "ResourceNotFoundException", &words);
    on(&root, "CreateVault", "a b", json!({})).refused(400, "InvalidParameterValueException");
    root.call("glacier", "DescribeVault", json!({ "accountId": "12", "vaultName": "photos" })).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid account ID: 12",
    );
    // Other regions and accounts have vaults of their own.
    on(&root.in_region("eu-west-1"), "DescribeVault", "photos", json!({}))
        .refused(404, "ResourceNotFoundException");

    assert_eq!(on(&root, "DeleteVault", "photos", json!({})).status, 204);
    assert_eq!(on(&root, "DeleteVault", "photos", json!({})).status, 204, "idempotent");
    on(&root, "DescribeVault", "photos", json!({})).refused(404, "ResourceNotFoundException");
}

#[test]
fn vaults_are_listed_by_name() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    (0..12).for_each(|n| vault(&root, &format!("v{n:02}")));
    let list = |more: Value| {
        let mut parameters = json!({ "accountId": "-" });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("glacier", "ListVaults", parameters)
    };
    let first = list(json!({})).ok();
    assert_eq!(first["VaultList"].as_array().unwrap().len(), 10);
    assert_eq!(first["Marker"], arn("v09"));
    let rest = list(json!({ "marker": first["Marker"] })).ok();
    let names: Vec<&Value> = rest["VaultList"].as_array().unwrap().iter().map(|v| &v["VaultName"]).collect();
    assert_eq!(names, ["v10", "v11"]);
    assert!(rest.get("Marker").is_none());
    assert_eq!(list(json!({ "limit": "1", "marker": "" })).ok()["VaultList"][0]["VaultName"], "v00");
    list(json!({ "limit": "11" })).refused(400, "InvalidParameterValueException");
    list(json!({ "marker": "v09" })).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid marker: v09",
    );
}

#[test]
fn tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    on(&root, "AddTagsToVault", "v", json!({ "Tags": { "team": "blue", "env": "test" } })).ok();
    on(&root, "AddTagsToVault", "v", json!({ "Tags": { "env": "prod" } })).ok();
    let listed = || on(&root, "ListTagsForVault", "v", json!({})).ok()["Tags"].clone();
    assert_eq!(listed(), json!({ "team": "blue", "env": "prod" }));
    let many: serde_json::Map<String, Value> = (0..9).map(|n| (format!("k{n}"), json!("x"))).collect();
    on(&root, "AddTagsToVault", "v", json!({ "Tags": many })).refused(400, "LimitExceededException");
    on(&root, "AddTagsToVault", "v", json!({ "Tags": { "aws:x": "" } }))
        .refused(400, "InvalidParameterValueException");
    on(&root, "RemoveTagsFromVault", "v", json!({ "TagKeys": ["team", "none"] })).ok();
    assert_eq!(listed(), json!({ "env": "prod" }));

    // A policy about the vault's tags decides, by either key.
    for key in ["glacier:ResourceTag/env", "aws:ResourceTag/env"] {
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "glacier:*", "Resource": "*", "Condition": { "StringEquals": { key: "prod" } } }] });
        let user = cloud.user(&root, &format!("u{}", key.len()), &policy.to_string());
        on(&user, "DescribeVault", "v", json!({})).ok();
        vault(&root, "plain");
        on(&user, "DescribeVault", "plain", json!({})).refused(403, "AccessDeniedException");
    }
}

fn policy(statement: Value) -> Value {
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    json!({ "policy": { "Policy": document.to_string() } })
}

const INVALID: &str = "The specified vault access policy is invalid. Provide a valid policy.";

#[test]
fn an_access_policy_lets_others_in() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let there = cloud.root(OTHER);
    vault(&root, "shared");
    let theirs = |operation: &str, caller: &Caller<'_>| {
        caller.call("glacier", operation, json!({ "accountId": ACCOUNT, "vaultName": "shared" }))
    };
    theirs("DescribeVault", &there).refused(403, "AccessDeniedException");
    let words = format!("Vault access policy not found for vault: {}", arn("shared"));
    on(&root, "GetVaultAccessPolicy", "shared", json!({})).refused_with(
        404,
        "ResourceNotFoundException",
        &words,
    );

    let open = policy(json!({ "Effect": "Allow", "Principal": { "AWS": OTHER },
        "Action": ["glacier:DescribeVault", "glacier:ListJobs"], "Resource": arn("shared") }));
    assert_eq!(on(&root, "SetVaultAccessPolicy", "shared", open.clone()).status, 204);
    assert_eq!(
        on(&root, "GetVaultAccessPolicy", "shared", json!({})).ok()["Policy"],
        open["policy"]["Policy"]
    );
    assert_eq!(theirs("DescribeVault", &there).ok()["VaultARN"], arn("shared"));
    theirs("DeleteVault", &there).refused(403, "AccessDeniedException");
    // Their account must let its own users, too.
    let user = cloud.user(&there, "u", "");
    theirs("DescribeVault", &user).refused(403, "AccessDeniedException");
    // A hyphen is the caller's own account.
    on(&there, "DescribeVault", "shared", json!({})).refused(404, "ResourceNotFoundException");
    // What belongs to the account stays its own.
    there
        .call("glacier", "ListVaults", json!({ "accountId": ACCOUNT }))
        .refused(403, "AccessDeniedException");
    there
        .call("glacier", "CreateVault", json!({ "accountId": ACCOUNT, "vaultName": "new" }))
        .refused(403, "AccessDeniedException");

    assert_eq!(on(&root, "DeleteVaultAccessPolicy", "shared", json!({})).status, 204);
    assert_eq!(on(&root, "DeleteVaultAccessPolicy", "shared", json!({})).status, 204, "idempotent");
    theirs("DescribeVault", &there).refused(403, "AccessDeniedException");

    for bad in [
        json!({ "policy": { "Policy": "{}" } }),
        policy(json!({ "Effect": "Allow", "Action": "glacier:*", "Resource": arn("shared") })),
    ] {
        let set = on(&root, "SetVaultAccessPolicy", "shared", bad);
        set.refused_with(400, "InvalidParameterValueException", INVALID);
    }
    on(&root, "SetVaultAccessPolicy", "shared", json!({ "policy": {} })).refused_with(
        400,
        "MissingParameterValueException",
        "Required parameter missing: Policy",
    );
}

fn deny(action: &str) -> Value {
    policy(json!({ "Effect": "Deny", "Principal": "*", "Action": action, "Resource": arn("kept") }))
}

#[test]
fn a_lock_is_tried_and_then_holds_for_ever() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "kept");
    let words = format!("Vault lock policy not found for vault: {}", arn("kept"));
    on(&root, "GetVaultLock", "kept", json!({})).refused_with(404, "ResourceNotFoundException", &words);
    on(&root, "InitiateVaultLock", "kept", json!({ "policy": { "Policy": "x" } })).refused_with(
        400,
        "InvalidParameterValueException",
        "The specified vault lock policy is invalid. Provide a valid policy.",
    );

    // On trial it holds already, even against the root user.
    let first =
        header(&on(&root, "InitiateVaultLock", "kept", deny("glacier:AddTagsToVault")), "x-amz-lock-id");
    on(&root, "AddTagsToVault", "kept", json!({ "Tags": { "a": "b" } }))
        .refused(403, "AccessDeniedException");
    let shown = on(&root, "GetVaultLock", "kept", json!({})).ok();
    assert_eq!(
        (&shown["State"], &shown["CreationDate"], &shown["ExpirationDate"]),
        (&json!("InProgress"), &json!("2026-01-15T12:00:00.000Z"), &json!("2026-01-16T12:00:00.000Z"))
    );
    on(&root, "InitiateVaultLock", "kept", deny("glacier:DeleteVault")).refused(403, "AccessDeniedException");
    on(&root, "CompleteVaultLock", "kept", json!({ "lockId": "wrong" })).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid lock ID: wrong",
    );
    assert_eq!(on(&root, "AbortVaultLock", "kept", json!({})).status, 204);
    assert_eq!(on(&root, "AbortVaultLock", "kept", json!({})).status, 204, "idempotent");
    on(&root, "AddTagsToVault", "kept", json!({ "Tags": { "a": "b" } })).ok();

    // After a day it is gone by itself.
    on(&root, "InitiateVaultLock", "kept", deny("glacier:AddTagsToVault")).ok();
    cloud.advance(DAY);
    on(&root, "GetVaultLock", "kept", json!({})).refused(404, "ResourceNotFoundException");
    on(&root, "CompleteVaultLock", "kept", json!({ "lockId": first }))
        .refused(404, "ResourceNotFoundException");
    on(&root, "AddTagsToVault", "kept", json!({ "Tags": { "a": "c" } })).ok();

    let id = header(&on(&root, "InitiateVaultLock", "kept", deny("glacier:AddTagsToVault")), "x-amz-lock-id");
    assert_eq!(on(&root, "CompleteVaultLock", "kept", json!({ "lockId": id })).status, 204);
    assert_eq!(on(&root, "CompleteVaultLock", "kept", json!({ "lockId": id })).status, 204, "idempotent");
    on(&root, "CompleteVaultLock", "kept", json!({ "lockId": "wrong" }))
        .refused(403, "AccessDeniedException");
    on(&root, "AbortVaultLock", "kept", json!({})).refused(403, "AccessDeniedException");
    on(&root, "InitiateVaultLock", "kept", deny("glacier:DeleteVault")).refused(403, "AccessDeniedException");
    cloud.advance(DAY * 400);
    let shown = on(&root, "GetVaultLock", "kept", json!({})).ok();
    assert_eq!(shown["State"], "Locked");
    assert!(shown.get("ExpirationDate").is_none());
    // What the access policy allows the lock denies all the same.
    let open = policy(
        json!({ "Effect": "Allow", "Principal": "*", "Action": "glacier:*", "Resource": arn("kept") }),
    );
    on(&root, "SetVaultAccessPolicy", "kept", open).ok();
    on(&root, "AddTagsToVault", "kept", json!({ "Tags": { "a": "d" } }))
        .refused(403, "AccessDeniedException");
}

#[test]
fn whom_a_vault_tells() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let words = format!("No notification configuration is set for vault: {}", arn("v"));
    on(&root, "GetVaultNotifications", "v", json!({})).refused_with(404, "ResourceNotFoundException", &words);
    let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:done");
    let events = json!(["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"]);
    let set = |topic: &str, events: &Value| {
        let configuration = json!({ "SNSTopic": topic, "Events": events });
        on(&root, "SetVaultNotifications", "v", json!({ "vaultNotificationConfig": configuration }))
    };
    assert_eq!(set(&topic, &events).status, 204);
    let shown = on(&root, "GetVaultNotifications", "v", json!({})).ok();
    assert_eq!(shown, json!({ "SNSTopic": topic, "Events": events }));
    set("done", &events).refused_with(400, "InvalidParameterValueException", "Invalid SNS topic ARN: done");
    set(&topic, &json!(["Anything"])).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid event: Anything",
    );
    set(&topic, &json!([])).refused(400, "MissingParameterValueException");
    assert_eq!(on(&root, "DeleteVaultNotifications", "v", json!({})).status, 204);
    on(&root, "GetVaultNotifications", "v", json!({})).refused(404, "ResourceNotFoundException");
}

#[test]
fn provisioned_capacity_lasts_a_month() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = json!({ "accountId": "-" });
    let list = || {
        root.call("glacier", "ListProvisionedCapacity", own.clone()).ok()["ProvisionedCapacityList"].clone()
    };
    assert_eq!(list(), json!([]));
    let bought = root.call("glacier", "PurchaseProvisionedCapacity", own.clone());
    assert_eq!(bought.status, 201);
    let expected = json!([{
        "CapacityId": header(&bought, "x-amz-capacity-id"),
        "StartDate": "2026-01-15T12:00:00.000Z", "ExpirationDate": "2026-02-15T12:00:00.000Z",
    }]);
    assert_eq!(list(), expected);
    root.call("glacier", "PurchaseProvisionedCapacity", own.clone()).ok();
    root.call("glacier", "PurchaseProvisionedCapacity", own.clone()).refused(400, "LimitExceededException");
    cloud.advance(DAY * 31);
    assert_eq!(list(), json!([]));
    root.call("glacier", "PurchaseProvisionedCapacity", own.clone()).ok();
}

#[test]
fn data_retrieval_policies_are_checked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let set = |rules: Value| {
        let policy = json!({ "accountId": "-", "Policy": { "Rules": rules } });
        root.call("glacier", "SetDataRetrievalPolicy", policy)
    };
    let get =
        || root.call("glacier", "GetDataRetrievalPolicy", json!({ "accountId": "-" })).ok()["Policy"].clone();
    assert_eq!(get(), json!({ "Rules": [{ "Strategy": "None" }] }));
    for rule in [json!({ "Strategy": "BytesPerHour", "BytesPerHour": 7 }), json!({ "Strategy": "FreeTier" })]
    {
        assert_eq!(set(json!([rule])).status, 204);
        assert_eq!(get(), json!({ "Rules": [rule] }));
    }
    for (rules, code) in [
        (json!([]), "InvalidParameterValueException"),
        (json!([{ "Strategy": "None" }, { "Strategy": "None" }]), "InvalidParameterValueException"),
        (json!([{ "Strategy": "Some" }]), "InvalidParameterValueException"),
        (json!([{ "Strategy": "None", "BytesPerHour": 7 }]), "InvalidParameterValueException"),
        (json!([{ "Strategy": "BytesPerHour", "BytesPerHour": 0 }]), "InvalidParameterValueException"),
        (json!([{ "Strategy": "BytesPerHour" }]), "MissingParameterValueException"),
        (json!([{}]), "MissingParameterValueException"),
    ] {
        set(rules).refused(400, code);
    }
}
