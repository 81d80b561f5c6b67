//! KMS keys: making, describing, switching, naming, tagging, deleting.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn new_key(root: &Caller<'_>, parameters: Value) -> String {
    root.call("kms", "CreateKey", parameters).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn state(root: &Caller<'_>, key: &str) -> String {
    let found = root.call("kms", "DescribeKey", json!({ "KeyId": key })).ok();
    found["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_is_described_as_it_was_made() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "TagKey": "team", "TagValue": "red" }]);
    let made = root.call("kms", "CreateKey", json!({ "Description": "mine", "Tags": tags })).ok();
    let made = &made["KeyMetadata"];
    let id = made["KeyId"].as_str().unwrap();
    let mut expected = json!({
        "AWSAccountId": ACCOUNT, "KeyId": id, "Arn": format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}"),
        "CreationDate": 1_768_478_400.0, "Enabled": true, "Description": "mine", "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
    });
    expected["CurrentKeyMaterialId"] = made["CurrentKeyMaterialId"].clone();
    expected["CreationDate"] = made["CreationDate"].clone();
    assert_eq!(made["CreationDate"].as_f64(), Some(1_768_478_400.0));
    assert_eq!(made["CurrentKeyMaterialId"].as_str().map(str::len), Some(64));
    assert_eq!(*made, expected);
    let described = root.call("kms", "DescribeKey", json!({ "KeyId": id })).ok();
    assert_eq!(described["KeyMetadata"], expected);
    assert_eq!(root.call("kms", "ListResourceTags", json!({ "KeyId": id })).ok()["Tags"], tags);
    let listed = root.call("kms", "ListKeys", json!({})).ok();
    assert_eq!(listed, json!({ "Keys": [{ "KeyId": id, "KeyArn": expected["Arn"] }], "Truncated": false }));
}

#[test]
fn every_spec_has_its_algorithms() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let table = [
        ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", 2),
        ("RSA_2048", "SIGN_VERIFY", "SigningAlgorithms", 6),
        ("ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("ECC_NIST_P384", "KEY_AGREEMENT", "KeyAgreementAlgorithms", 1),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "SigningAlgorithms", 2),
        ("HMAC_512", "GENERATE_VERIFY_MAC", "MacAlgorithms", 1),
        ("ML_DSA_44", "SIGN_VERIFY", "SigningAlgorithms", 1),
        ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", 1),
    ];
    for (spec, usage, member, count) in table {
        let made = root.call("kms", "CreateKey", json!({ "KeySpec": spec, "KeyUsage": usage })).ok();
        let found = made["KeyMetadata"][member].as_array().map(Vec::len);
        assert_eq!(found, Some(count), "{spec} {usage}: {made}");
        assert_eq!(made["KeyMetadata"].get("CurrentKeyMaterialId"), None);
    }
}

#[test]
fn what_create_key_refuses() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = |parameters: Value| root.call("kms", "CreateKey", parameters);
    let missing = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
    create(json!({ "KeySpec": "HMAC_256" })).refused_with(400, "ValidationException", missing);
    create(json!({ "KeySpec": "HMAC_256", "KeyUsage": "SIGN_VERIFY" })).refused_with(
        400,
        "ValidationException",
        "KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256",
    );
    create(json!({ "KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY" }))
        .refused(400, "UnsupportedOperationException");
    create(json!({ "Origin": "AWS_CLOUDHSM" })).refused_with(
        400,
        "UnsupportedOperationException",
        "Origin AWS_CLOUDHSM is not supported: this cloud has no custom key stores.",
    );
    create(json!({ "CustomKeyStoreId": "cks-1" })).refused(400, "UnsupportedOperationException");
    create(json!({ "KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY", "Origin": "EXTERNAL" }))
        .refused(400, "UnsupportedOperationException");
    create(json!({ "KeySpec": "RSA_2048", "CustomerMasterKeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" }))
        .refused(400, "ValidationException");
    let reserved = json!([{ "TagKey": "aws:x", "TagValue": "" }]);
    create(json!({ "Tags": reserved })).refused_with(
        400,
        "TagException",
        "The tag key aws:x begins with aws:, which is reserved for AWS.",
    );
    assert_eq!(root.call("kms", "ListKeys", json!({})).ok()["Keys"], json!([]));
}

#[test]
fn names_that_lead_nowhere() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let describe = |id: &str| root.call("kms", "DescribeKey", json!({ "KeyId": id }));
    let missing = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let prefix = format!("arn:aws:kms:us-east-1:{ACCOUNT}");
    let absent = format!("Key '{prefix}:key/{missing}' does not exist");
    describe(missing).refused_with(400, "NotFoundException", &absent);
    describe(&format!("{prefix}:key/{missing}")).refused_with(400, "NotFoundException", &absent);
    describe("fake-key-id").refused_with(400, "NotFoundException", "Invalid keyId 'fake-key-id'");
    let alias = format!("Alias {prefix}:alias/x is not found.");
    describe("alias/x").refused_with(400, "NotFoundException", &alias);
    let elsewhere = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/{missing}");
    describe(&elsewhere).refused_with(400, "NotFoundException", "Invalid arn eu-west-1");
    // Management takes no aliases.
    root.call("kms", "EnableKey", json!({ "KeyId": "alias/x" })).refused_with(
        400,
        "NotFoundException",
        "Invalid keyId 'alias/x'",
    );
}

#[test]
fn a_disabled_key_is_managed_but_not_used() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    assert_eq!(state(&root, &key), "Disabled");
    let disabled = format!("{key} is disabled.");
    let used = [
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("EnableKeyRotation", json!({ "KeyId": key })),
        ("RotateKeyOnDemand", json!({ "KeyId": key })),
        (
            "CreateGrant",
            json!({ "KeyId": key, "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:root"), "Operations": ["Encrypt"] }),
        ),
    ];
    for (operation, parameters) in used {
        root.call("kms", operation, parameters).refused_with(400, "DisabledException", &disabled);
    }
    root.call("kms", "UpdateKeyDescription", json!({ "KeyId": key, "Description": "new" })).ok();
    root.call("kms", "TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] }))
        .ok();
    root.call("kms", "EnableKey", json!({ "KeyId": key })).ok();
    let found = root.call("kms", "DescribeKey", json!({ "KeyId": key })).ok();
    assert_eq!(found["KeyMetadata"]["Description"], "new");
    root.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
}

#[test]
fn deletion_waits_and_then_takes_everything_along() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    root.call("kms", "CreateAlias", json!({ "AliasName": "alias/gone", "TargetKeyId": key })).ok();
    let out_of_range = |days: u32, bound: &str| {
        let parameters = json!({ "KeyId": key, "PendingWindowInDays": days });
        root.call("kms", "ScheduleKeyDeletion", parameters).refused_with(400, "ValidationException", &format!(
            "1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: \
             Member must have value {bound}"
        ));
    };
    out_of_range(6, "greater than or equal to 7");
    out_of_range(31, "less than or equal to 30");
    root.call("kms", "CancelKeyDeletion", json!({ "KeyId": key })).refused_with(
        400,
        "KMSInvalidStateException",
        &format!("{key} is not pending deletion."),
    );
    let scheduled =
        root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 })).ok();
    assert_eq!(scheduled["KeyState"], "PendingDeletion");
    assert_eq!(scheduled["DeletionDate"].as_f64(), Some(1_768_478_400.0 + 7.0 * 86_400.0));
    let pending = format!("{key} is pending deletion.");
    for (operation, parameters) in [
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })),
        ("EnableKey", json!({ "KeyId": key })),
        ("ScheduleKeyDeletion", json!({ "KeyId": key })),
        ("UpdateKeyDescription", json!({ "KeyId": key, "Description": "" })),
        ("UntagResource", json!({ "KeyId": key, "TagKeys": ["a"] })),
        ("CreateAlias", json!({ "AliasName": "alias/b", "TargetKeyId": key })),
    ] {
        root.call("kms", operation, parameters).refused_with(400, "KMSInvalidStateException", &pending);
    }
    let cancelled = root.call("kms", "CancelKeyDeletion", json!({ "KeyId": key })).ok();
    assert_eq!(cancelled["KeyId"], key.as_str());
    assert_eq!(state(&root, &key), "Disabled");
    root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 })).ok();
    cloud.advance(7 * DAY - Duration::from_secs(1));
    cloud.reconcile();
    assert_eq!(state(&root, &key), "PendingDeletion");
    // To the second, whether or not the reconciler has come by.
    cloud.advance(Duration::from_secs(1));
    let gone = format!("Key '{key}' does not exist");
    root.call("kms", "DescribeKey", json!({ "KeyId": key })).refused_with(400, "NotFoundException", &gone);
    cloud.reconcile();
    root.call("kms", "DescribeKey", json!({ "KeyId": key })).refused_with(400, "NotFoundException", &gone);
    assert_eq!(root.call("kms", "ListKeys", json!({})).ok()["Keys"], json!([]));
    let aliases = root.call("kms", "ListAliases", json!({})).ok();
    assert!(aliases["Aliases"].as_array().unwrap().iter().all(|alias| alias["AliasName"] != "alias/gone"));
    let other = new_key(&root, json!({}));
    root.call("kms", "CreateAlias", json!({ "AliasName": "alias/gone", "TargetKeyId": other })).ok();
}

#[test]
fn aliases_are_names_that_move() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (first, second) = (new_key(&root, json!({})), new_key(&root, json!({})));
    let set = |operation: &str, name: &str, key: &str| {
        root.call("kms", operation, json!({ "AliasName": name, "TargetKeyId": key }))
    };
    set("CreateAlias", "alias/app", &first).ok();
    let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/app");
    set("CreateAlias", "alias/app", &second).refused_with(
        400,
        "AlreadyExistsException",
        &format!("An alias with the name {arn} already exists"),
    );
    set("CreateAlias", "app", &first).refused_with(
        400,
        "ValidationException",
        "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
    );
    set("CreateAlias", "alias/aws/mine", &first).refused(400, "InvalidAliasNameException");
    set("CreateAlias", "alias/other", "alias/app").refused_with(
        400,
        "ValidationException",
        "Aliases must refer to keys. Not aliases",
    );
    set("UpdateAlias", "alias/none", &first).refused_with(
        400,
        "NotFoundException",
        &format!("Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/none is not found."),
    );
    let hmac = new_key(&root, json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }));
    set("UpdateAlias", "alias/app", &hmac).refused(400, "KMSInvalidStateException");
    for name in ["alias/app", &arn] {
        let sealed = root.call("kms", "Encrypt", json!({ "KeyId": name, "Plaintext": "eA==" })).ok();
        assert_eq!(sealed["KeyId"], first.as_str());
    }
    cloud.advance(Duration::from_secs(60));
    set("UpdateAlias", "alias/app", &second).ok();
    let listed = root.call("kms", "ListAliases", json!({ "KeyId": second })).ok();
    assert_eq!(
        listed["Aliases"],
        json!([{
            "AliasName": "alias/app", "AliasArn": arn, "TargetKeyId": second.rsplit('/').next(),
            "CreationDate": 1_768_478_400, "LastUpdatedDate": 1_768_478_460,
        }])
    );
    assert_eq!(root.call("kms", "ListAliases", json!({ "KeyId": first })).ok()["Aliases"], json!([]));
    root.call("kms", "DeleteAlias", json!({ "AliasName": "alias/app" })).ok();
    root.call("kms", "DeleteAlias", json!({ "AliasName": "alias/app" })).refused(400, "NotFoundException");
}

#[test]
fn fifty_aliases_and_fifty_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    for i in 0..50 {
        root.call("kms", "CreateAlias", json!({ "AliasName": format!("alias/{i}"), "TargetKeyId": key }))
            .ok();
    }
    root.call("kms", "CreateAlias", json!({ "AliasName": "alias/50", "TargetKeyId": key })).refused_with(
        400,
        "LimitExceededException",
        "A KMS key cannot have more than 50 aliases.",
    );
    let tag = |i: u32| json!({ "TagKey": format!("k{i}"), "TagValue": "" });
    let tags: Vec<_> = (0..50).map(tag).collect();
    root.call("kms", "TagResource", json!({ "KeyId": key, "Tags": tags })).ok();
    root.call("kms", "TagResource", json!({ "KeyId": key, "Tags": [tag(50)] })).refused_with(
        400,
        "LimitExceededException",
        "A KMS key cannot have more than 50 tags.",
    );
    root.call("kms", "UntagResource", json!({ "KeyId": key, "TagKeys": ["k0", "absent"] })).ok();
    root.call("kms", "TagResource", json!({ "KeyId": key, "Tags": [tag(50)] })).ok();
}

#[test]
fn lists_come_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let mut keys: Vec<String> = (0..5).map(|_| new_key(&root, json!({}))).collect();
    keys.sort();
    let mut found = Vec::new();
    let mut marker = Value::Null;
    loop {
        let mut parameters = json!({ "Limit": 2 });
        if !marker.is_null() {
            parameters["Marker"] = marker;
        }
        let page = root.call("kms", "ListKeys", parameters).ok();
        let items = page["Keys"].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|key| key["KeyArn"].as_str().unwrap().to_owned()));
        if page["Truncated"] == false {
            assert_eq!(page.get("NextMarker"), None);
            break;
        }
        marker = page["NextMarker"].clone();
    }
    assert_eq!(found, keys);
    root.call("kms", "ListKeys", json!({ "Marker": "garbage" })).refused(400, "InvalidMarkerException");
    // A marker belongs to the list that gave it.
    let page = root.call("kms", "ListKeys", json!({ "Limit": 2 })).ok();
    let there = json!({ "Marker": page["NextMarker"], "KeyId": keys[0] });
    root.call("kms", "ListAliases", there).refused(400, "InvalidMarkerException");
    let shared = root.call("kms", "ListKeys", json!({ "ResourceOwners": ["OTHER_ACCOUNTS_VIA_RAM"] })).ok();
    assert_eq!(shared["Keys"], json!([]));
}

#[test]
fn there_are_no_custom_key_stores() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let none = root.call("kms", "DescribeCustomKeyStores", json!({})).ok();
    assert_eq!(none, json!({ "CustomKeyStores": [], "Truncated": false }));
    root.call("kms", "DescribeCustomKeyStores", json!({ "CustomKeyStoreName": "x" }))
        .refused(400, "CustomKeyStoreNotFoundException");
    root.call("kms", "CreateCustomKeyStore", json!({ "CustomKeyStoreName": "x" }))
        .refused(400, "UnsupportedOperationException");
    for operation in ["Delete", "Connect", "Disconnect", "Update"] {
        root.call("kms", &format!("{operation}CustomKeyStore"), json!({ "CustomKeyStoreId": "cks-1" }))
            .refused(400, "CustomKeyStoreNotFoundException");
    }
}

#[test]
fn regions_are_apart() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let elsewhere = root.in_region("eu-west-1");
    assert_eq!(elsewhere.call("kms", "ListKeys", json!({})).ok()["Keys"], json!([]));
    elsewhere.call("kms", "DescribeKey", json!({ "KeyId": key })).refused_with(
        400,
        "NotFoundException",
        "Invalid arn us-east-1",
    );
}
