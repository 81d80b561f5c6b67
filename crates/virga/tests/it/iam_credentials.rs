//! Access keys, console passwords, the account's rules, its alias, summary and report.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

fn iam(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("iam", operation, parameters).ok()
}

#[test]
fn an_access_key_lives() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALLOW_ALL);
    let id = eva.access_key.clone();
    assert!(id.starts_with("AKIA") && id.len() == 20, "{id}");
    let second = iam(&eva, "CreateAccessKey", json!({}))["AccessKey"].clone();
    assert_eq!((&second["UserName"], &second["Status"]), (&json!("eva"), &json!("Active")));
    root.call("iam", "CreateAccessKey", json!({"UserName": "eva"})).refused_with(
        409,
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    );
    let listed = iam(&eva, "ListAccessKeys", json!({}))["AccessKeyMetadata"].clone();
    let expected = json!({"UserName": "eva", "AccessKeyId": id, "Status": "Active",
        "CreateDate": "2026-01-15T12:00:00Z"});
    assert_eq!((&listed[0], &listed[1]["AccessKeyId"]), (&expected, &second["AccessKeyId"]));
    let off = json!({"UserName": "eva", "AccessKeyId": id, "Status": "Inactive"});
    iam(&root, "UpdateAccessKey", off);
    eva.call("iam", "GetUser", json!({})).refused(403, "InvalidClientTokenId");
    iam(&root, "UpdateAccessKey", json!({"UserName": "eva", "AccessKeyId": id, "Status": "Active"}));
    iam(&eva, "GetUser", json!({}));
    iam(&root, "DeleteAccessKey", json!({"UserName": "eva", "AccessKeyId": id}));
    eva.call("iam", "GetUser", json!({})).refused(403, "InvalidClientTokenId");
    root.call("iam", "DeleteAccessKey", json!({"UserName": "eva", "AccessKeyId": id})).refused_with(
        404,
        "NoSuchEntity",
        &format!("The Access Key with id {id} cannot be found."),
    );
}

#[test]
fn keys_belong_to_one_user_and_one_account() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", ALLOW_ALL);
    iam(&root, "CreateUser", json!({"UserName": "bob"}));
    let id = eva.access_key.clone();
    let other_user = json!({"UserName": "bob", "AccessKeyId": id, "Status": "Inactive"});
    root.call("iam", "UpdateAccessKey", other_user).refused(404, "NoSuchEntity");
    let stranger = cloud.root("210987654321");
    stranger.call("iam", "GetAccessKeyLastUsed", json!({"AccessKeyId": id})).refused_with(
        403,
        "AccessDenied",
        &format!(
            "User: arn:aws:iam::210987654321:root is not authorized to perform: iam:GetAccessKeyLastUsed on \
             resource: access key {id}"
        ),
    );
    let unused = json!({"ServiceName": "N/A", "Region": "N/A"});
    let asked = json!({"AccessKeyId": id});
    let last = iam(&root, "GetAccessKeyLastUsed", asked.clone());
    assert_eq!((&last["UserName"], &last["AccessKeyLastUsed"]), (&json!("eva"), &unused));
    iam(&eva, "GetUser", json!({}));
    cloud.reconcile();
    let used = json!({"LastUsedDate": "2026-01-15T12:00:00Z", "ServiceName": "iam", "Region": "us-east-1"});
    assert_eq!(iam(&root, "GetAccessKeyLastUsed", asked)["AccessKeyLastUsed"], used);
}

#[test]
fn root_has_keys_of_its_own() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = iam(&root, "CreateAccessKey", json!({}))["AccessKey"].clone();
    let text = |member: &str| made[member].as_str().unwrap();
    let with_key = cloud.caller(text("AccessKeyId"), text("SecretAccessKey"), None);
    assert_eq!(iam(&with_key, "GetUser", json!({}))["User"]["Arn"], "arn:aws:iam::123456789012:root");
    let listed = iam(&root, "ListAccessKeys", json!({}));
    assert_eq!(listed["AccessKeyMetadata"][0]["AccessKeyId"], made["AccessKeyId"]);
    let summary = iam(&root, "GetAccountSummary", json!({}))["SummaryMap"].clone();
    assert_eq!(counted(&summary, "AccountAccessKeysPresent"), "1");
    iam(&root, "DeleteAccessKey", json!({"AccessKeyId": made["AccessKeyId"]}));
    with_key.call("iam", "GetUser", json!({})).refused(403, "InvalidClientTokenId");
}

#[test]
fn a_password_lives() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    let missing = "Login Profile for User eva cannot be found.";
    root.call("iam", "GetLoginProfile", json!({"UserName": "eva"})).refused_with(
        404,
        "NoSuchEntity",
        missing,
    );
    root.call("iam", "CreateLoginProfile", json!({"UserName": "eva", "Password": "short1A"})).refused_with(
        400,
        "PasswordPolicyViolation",
        "Password should have a minimum length of 8",
    );
    let asked = json!({"UserName": "eva", "Password": "Correct-horse1", "PasswordResetRequired": true});
    let made = iam(&root, "CreateLoginProfile", asked.clone())["LoginProfile"].clone();
    let expected =
        json!({"UserName": "eva", "CreateDate": "2026-01-15T12:00:00Z", "PasswordResetRequired": "true"});
    assert_eq!(made, expected);
    root.call("iam", "CreateLoginProfile", asked).refused_with(
        409,
        "EntityAlreadyExists",
        "Login Profile for user eva already exists.",
    );
    let change = |old: &str, new: &str| {
        eva.call("iam", "ChangePassword", json!({"OldPassword": old, "NewPassword": new}))
    };
    change("Correct-horse1", "Battery-staple2").refused(403, "AccessDenied");
    iam(
        &root,
        "UpdateAccountPasswordPolicy",
        json!({
        "AllowUsersToChangePassword": true, "PasswordReusePrevention": 1, "RequireNumbers": true}),
    );
    change("wrong", "Battery-staple2").refused_with(403, "AccessDenied", "The old password is incorrect");
    change("Correct-horse1", "Battery-staple").refused_with(
        400,
        "PasswordPolicyViolation",
        "Password should have at least one number",
    );
    change("Correct-horse1", "Correct-horse1").refused(400, "PasswordPolicyViolation");
    change("Correct-horse1", "Battery-staple2").ok();
    let profile = iam(&root, "GetLoginProfile", json!({"UserName": "eva"}))["LoginProfile"].clone();
    assert_eq!(profile["PasswordResetRequired"], "false");
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:ChangePassword","Resource":"*"}]}"#;
    let put = json!({"UserName": "eva", "PolicyName": "no", "PolicyDocument": deny});
    iam(&root, "PutUserPolicy", put);
    change("Battery-staple2", "Another-word3").refused(403, "AccessDenied");
    root.call("iam", "ChangePassword", json!({"OldPassword": "a", "NewPassword": "b"})).refused_with(
        400,
        "InvalidUserType",
        "Only IAM Users can change their own password",
    );
    iam(&root, "DeleteLoginProfile", json!({"UserName": "eva"}));
    root.call("iam", "DeleteLoginProfile", json!({"UserName": "eva"})).refused_with(
        404,
        "NoSuchEntity",
        missing,
    );
}

#[test]
fn the_rules_for_passwords() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let none = "The Password Policy with domain name 123456789012 cannot be found.";
    for operation in ["GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"] {
        root.call("iam", operation, json!({})).refused_with(404, "NoSuchEntity", none);
    }
    iam(&root, "UpdateAccountPasswordPolicy", json!({"MinimumPasswordLength": 12, "MaxPasswordAge": 90}));
    let policy = iam(&root, "GetAccountPasswordPolicy", json!({}))["PasswordPolicy"].clone();
    assert_eq!(
        policy,
        json!({
        "MinimumPasswordLength": "12", "RequireSymbols": "false", "RequireNumbers": "false",
        "RequireUppercaseCharacters": "false", "RequireLowercaseCharacters": "false",
        "AllowUsersToChangePassword": "false", "ExpirePasswords": "true", "MaxPasswordAge": "90"})
    );
    iam(&root, "UpdateAccountPasswordPolicy", json!({}));
    let policy = iam(&root, "GetAccountPasswordPolicy", json!({}))["PasswordPolicy"].clone();
    assert_eq!(
        (&policy["MinimumPasswordLength"], &policy["ExpirePasswords"]),
        (&json!("6"), &json!("false"))
    );
    iam(&root, "DeleteAccountPasswordPolicy", json!({}));
    root.call("iam", "GetAccountPasswordPolicy", json!({})).refused_with(404, "NoSuchEntity", none);
    root.call("iam", "UpdateAccountPasswordPolicy", json!({"MinimumPasswordLength": 5}))
        .refused(400, "ValidationError");
}

#[test]
fn an_alias_is_unique_in_the_cloud() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root("210987654321"));
    let taken = "The account alias acme already exists.";
    iam(&root, "CreateAccountAlias", json!({"AccountAlias": "acme"}));
    for caller in [&root, &other] {
        let reply = caller.call("iam", "CreateAccountAlias", json!({"AccountAlias": "acme"}));
        reply.refused_with(409, "EntityAlreadyExists", taken);
    }
    iam(&root, "CreateAccountAlias", json!({"AccountAlias": "acme-two"}));
    assert_eq!(iam(&root, "ListAccountAliases", json!({}))["AccountAliases"], json!(["acme-two"]));
    iam(&other, "CreateAccountAlias", json!({"AccountAlias": "acme"}));
    root.call("iam", "DeleteAccountAlias", json!({"AccountAlias": "acme"})).refused_with(
        404,
        "NoSuchEntity",
        "The account alias with name acme cannot be found.",
    );
    for malformed in ["Acme", "acme_two", "acme--two", "acme-"] {
        let reply = root.call("iam", "CreateAccountAlias", json!({ "AccountAlias": malformed }));
        reply.refused(400, "ValidationError");
    }
    iam(&root, "DeleteAccountAlias", json!({"AccountAlias": "acme-two"}));
    assert_eq!(iam(&root, "ListAccountAliases", json!({}))["AccountAliases"], "");
}

#[test]
fn the_credential_report_has_a_row_for_each_user() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("iam", "GetCredentialReport", json!({})).refused(410, "ReportNotPresent");
    let eva = cloud.user(&root, "eva", "");
    iam(&root, "UpdateAccountPasswordPolicy", json!({"MaxPasswordAge": 90}));
    iam(&root, "CreateLoginProfile", json!({"UserName": "eva", "Password": "Correct-horse1"}));
    eva.call("iam", "GetUser", json!({})).refused(403, "AccessDenied");
    cloud.reconcile();
    assert_eq!(iam(&root, "GenerateCredentialReport", json!({}))["State"], "STARTED");
    assert_eq!(iam(&root, "GenerateCredentialReport", json!({}))["State"], "COMPLETE");
    let report = iam(&root, "GetCredentialReport", json!({}));
    assert_eq!(
        (&report["ReportFormat"], &report["GeneratedTime"]),
        (&json!("text/csv"), &json!("2026-01-15T12:00:00Z"))
    );
    let expected = "\
        user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
        password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
        access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
        access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
        access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,\
        cert_2_active,cert_2_last_rotated\n\
        <root_account>,arn:aws:iam::123456789012:root,N/A,not_supported,no_information,not_supported,\
        not_supported,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A\n\
        eva,arn:aws:iam::123456789012:user/eva,2026-01-15T12:00:00+00:00,true,no_information,\
        2026-01-15T12:00:00+00:00,2026-04-15T12:00:00+00:00,false,true,2026-01-15T12:00:00+00:00,\
        2026-01-15T12:00:00+00:00,us-east-1,iam,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
    assert_eq!(decoded(&report["Content"]), expected.as_bytes());
    cloud.advance(Duration::from_secs(4 * 3600));
    root.call("iam", "GetCredentialReport", json!({})).refused(410, "ReportExpired");
}

#[test]
fn the_summary_counts_what_there_is() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    cloud.user(&root, "eva", "");
    iam(&root, "CreateGroup", json!({"GroupName": "g"}));
    iam(&root, "CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "eva"}));
    let summary = iam(&root, "GetAccountSummary", json!({}))["SummaryMap"].clone();
    let expected = [
        ("Users", "1"),
        ("Groups", "1"),
        ("Roles", "0"),
        ("Policies", "0"),
        ("MFADevices", "1"),
        ("MFADevicesInUse", "0"),
        ("AccountAccessKeysPresent", "0"),
        ("UsersQuota", "5000"),
        ("AssumeRolePolicySizeQuota", "2048"),
    ];
    for (name, value) in expected {
        assert_eq!(counted(&summary, name), value, "{name}");
    }
    assert_eq!(summary.as_array().unwrap().len(), 34);
}

pub(crate) fn counted(summary: &Value, name: &str) -> String {
    let entry = summary.as_array().unwrap().iter().find(|entry| entry["key"] == name);
    entry.unwrap()["value"].as_str().unwrap().to_owned()
}

/// Base64, without the crate.
fn decoded(text: &Value) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> =
        text.as_str().unwrap().chars().filter_map(|c| DIGITS.find(c)).map(|n| n as u32).collect();
    let chunk = |four: &[u32]| {
        let bits = four.iter().fold(0, |n, digit| n << 6 | digit) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(chunk).collect()
}
