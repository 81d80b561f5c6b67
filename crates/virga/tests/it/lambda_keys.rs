//! Environment variables under a key of KMS: who may give them, see them, and hand them to a function.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{ROLE, role, zipped};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn key(root: &Caller<'_>) -> String {
    root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn input(key: &str) -> Value {
    json!({
        "FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler", "KMSKeyArn": key,
        "Environment": { "Variables": { "PASSWORD": "correct horse" } },
        "Code": { "ZipFile": zipped("app.py", "def handler(event, context): return event") },
    })
}

fn one(caller: &Caller<'_>, operation: &str, more: Value) -> Reply {
    let mut all = json!({ "FunctionName": "f" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("lambda", operation, all)
}

fn variables(caller: &Caller<'_>) -> Value {
    one(caller, "GetFunctionConfiguration", json!({})).ok()["Environment"].clone()
}

fn allow(actions: &[&str]) -> String {
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
}

/// Another environment than those that are warm.
fn cold(root: &Caller<'_>) -> Reply {
    one(root, "UpdateFunctionConfiguration", json!({ "Description": "another" })).ok();
    one(root, "Invoke", json!({}))
}

#[test]
fn variables_are_kept_under_the_key_that_was_named() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let arn = key(&root);
    let made = root.call("lambda", "CreateFunction", input(&arn)).ok();
    let shown = json!({ "Variables": { "PASSWORD": "correct horse" } });
    assert_eq!((&made["KMSKeyArn"], &made["Environment"]), (&json!(arn), &shown));
    assert!(!cloud.holds("correct horse"));
    // The role has no policy for the key, but a grant.
    let grants = root.call("kms", "ListGrants", json!({ "KeyId": arn })).ok()["Grants"].clone();
    assert_eq!(grants.as_array().unwrap().len(), 1);
    assert_eq!(
        (&grants[0]["GranteePrincipal"], &grants[0]["Operations"]),
        (&json!(ROLE), &json!(["Decrypt"]))
    );
    let context = json!({ "EncryptionContextEquals": { "aws:lambda:FunctionArn": ARN } });
    assert_eq!(grants[0]["Constraints"], context);
    one(&root, "Invoke", json!({})).ok();
    // A published version keeps what it has, under another key as well.
    one(&root, "PublishVersion", json!({})).ok();
    let other = key(&root);
    let changed = one(&root, "UpdateFunctionConfiguration", json!({ "KMSKeyArn": other })).ok();
    assert_eq!((&changed["KMSKeyArn"], &changed["Environment"]), (&json!(other), &shown));
    root.call("kms", "DisableKey", json!({ "KeyId": arn })).ok();
    assert_eq!(variables(&root), shown);
    assert_eq!(cold(&root).status, 200);
    one(&root, "Invoke", json!({ "Qualifier": "1" })).refused(502, "KMSDisabledException");
    // Back to the cloud's own.
    let changed = one(&root, "UpdateFunctionConfiguration", json!({ "KMSKeyArn": "" })).ok();
    assert_eq!((&changed["KMSKeyArn"], &changed["Environment"]), (&Value::Null, &shown));
    root.call("kms", "DisableKey", json!({ "KeyId": other })).ok();
    assert_eq!(cold(&root).status, 200);
    // Variables that are there are put under a key; without any there is nothing to be put.
    one(&root, "UpdateFunctionConfiguration", json!({ "Environment": { "Variables": {} } })).ok();
    let changed = one(&root, "UpdateFunctionConfiguration", json!({ "KMSKeyArn": other })).ok();
    assert_eq!((&changed["KMSKeyArn"], &changed["Environment"]), (&json!(other), &Value::Null));
}

#[test]
fn a_function_whose_key_cannot_be_used_does_not_begin() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let arn = key(&root);
    root.call("lambda", "CreateFunction", input(&arn)).ok();
    one(&root, "Invoke", json!({})).ok();
    root.call("kms", "DisableKey", json!({ "KeyId": arn })).ok();
    // What is warm has its variables.
    one(&root, "Invoke", json!({})).ok();
    let words = cold(&root).refused(502, "KMSDisabledException");
    let said = format!(
        "Lambda was unable to decrypt the environment variables because the KMS key used is disabled. Please check the function's KMS key settings. KMS Exception: DisabledException KMS Message: {arn} is disabled."
    );
    assert_eq!(words, said);
    assert_eq!(variables(&root)["Error"]["ErrorCode"], "DisabledException");
    root.call("kms", "EnableKey", json!({ "KeyId": arn })).ok();
    cold(&root).ok();
    let grants = root.call("kms", "ListGrants", json!({ "KeyId": arn })).ok();
    let revoked = json!({ "KeyId": arn, "GrantId": grants["Grants"][0]["GrantId"] });
    root.call("kms", "RevokeGrant", revoked).ok();
    cold(&root).refused(502, "KMSAccessDeniedException");
    // Whoever gives it variables again gives its role another grant.
    let given = json!({ "Environment": { "Variables": { "PASSWORD": "correct horse" } } });
    one(&root, "UpdateFunctionConfiguration", given).ok();
    cold(&root).ok();
    root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": arn, "PendingWindowInDays": 7 })).ok();
    cold(&root).refused(502, "KMSInvalidStateException");
    cloud.advance(Duration::from_secs(8 * 86_400));
    cloud.reconcile();
    // As in AWS, KMS does not tell whether a key was ever there.
    cold(&root).refused(502, "KMSAccessDeniedException");
}

#[test]
fn who_names_a_key_and_who_sees_what_it_keeps() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let arn = key(&root);
    let none = cloud.user(&root, "none", &allow(&["lambda:*", "iam:PassRole"]));
    let words =
        none.call("lambda", "CreateFunction", input(&arn)).refused(400, "InvalidParameterValueException");
    let begins = "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: AccessDeniedException KMS Message: User: ";
    assert!(words.starts_with(begins), "{words}");
    let half = cloud.user(&root, "half", &allow(&["lambda:*", "iam:PassRole", "kms:CreateGrant"]));
    let words =
        half.call("lambda", "CreateFunction", input(&arn)).refused(400, "InvalidParameterValueException");
    assert!(words.contains("is not authorized to perform: kms:Encrypt"), "{words}");
    let may = allow(&["lambda:*", "iam:PassRole", "kms:CreateGrant", "kms:Encrypt"]);
    let made = cloud.user(&root, "maker", &may).call("lambda", "CreateFunction", input(&arn)).ok();
    let error = &made["Environment"]["Error"];
    assert_eq!(
        (&error["ErrorCode"], &made["Environment"]["Variables"]),
        (&json!("AccessDeniedException"), &Value::Null)
    );
    let words = error["Message"].as_str().unwrap();
    assert!(words.contains("is not authorized to perform: kms:Decrypt"), "{words}");
    assert_eq!(variables(&none)["Error"]["ErrorCode"], "AccessDeniedException");
    let listed = none.call("lambda", "ListFunctions", json!({})).ok();
    assert_eq!(listed["Functions"][0]["Environment"]["Error"]["ErrorCode"], "AccessDeniedException");
    let reader = cloud.user(&root, "reader", &allow(&["lambda:Get*", "kms:Decrypt"]));
    assert_eq!(variables(&reader)["Variables"]["PASSWORD"], "correct horse");
    // Who may not read them cannot put them under another key, but can run the function.
    one(&none, "UpdateFunctionConfiguration", json!({ "KMSKeyArn": "" }))
        .refused(400, "InvalidParameterValueException");
    one(&none, "Invoke", json!({})).ok();
    let gone = format!("{}0", &arn[..arn.len() - 1]);
    one(&root, "UpdateFunctionConfiguration", json!({ "KMSKeyArn": gone }))
        .refused(400, "InvalidParameterValueException");
}
