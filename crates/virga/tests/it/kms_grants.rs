//! Grants of KMS keys.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn new_key(root: &Caller<'_>, parameters: Value) -> String {
    root.call("kms", "CreateKey", parameters).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn user(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:user/{name}")
}

#[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
fn grant(root: &Caller<'_>, key: &str, grantee: &str, more: Value) -> Reply {
    let mut all = json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": ["Encrypt", "Decrypt"] });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("kms", "CreateGrant", all)
}

#[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
fn encrypt(caller: &Caller<'_>, key: &str, context: Value) -> Reply {
    caller.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context }))
}

#[test]
fn a_grant_gives_just_what_it_says_and_can_be_revoked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let ann = cloud.user(&root, "ann", "");
    let subset = json!({ "Constraints": { "EncryptionContextSubset": { "team": "red" } }, "Name": "mine" });
    let made = grant(&root, &key, &user(ACCOUNT, "ann"), subset).ok();
    let id = made["GrantId"].as_str().unwrap();
    assert_eq!(id.len(), 64);
    let context = json!({ "team": "red", "more": "1" });
    let sealed = encrypt(&ann, &key, context.clone()).ok();
    encrypt(&ann, &key, json!({})).refused(400, "AccessDeniedException");
    encrypt(&ann, &key, json!({ "team": "blue" })).refused(400, "AccessDeniedException");
    ann.call(
        "kms",
        "GenerateDataKey",
        json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context }),
    )
    .refused(400, "AccessDeniedException");
    let blob = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": context });
    ann.call("kms", "Decrypt", blob.clone()).ok();
    let listed = root.call("kms", "ListGrants", json!({ "KeyId": key })).ok();
    assert_eq!(
        listed,
        json!({ "Truncated": false, "Grants": [{
        "KeyId": key, "GrantId": id, "Name": "mine", "CreationDate": listed["Grants"][0]["CreationDate"],
        "GranteePrincipal": user(ACCOUNT, "ann"), "IssuingAccount": format!("arn:aws:iam::{ACCOUNT}:root"),
        "Operations": ["Encrypt", "Decrypt"], "Constraints": { "EncryptionContextSubset": { "team": "red" } },
    }] })
    );
    root.call("kms", "RevokeGrant", json!({ "KeyId": key, "GrantId": id })).ok();
    ann.call("kms", "Decrypt", blob).refused(400, "AccessDeniedException");
    root.call("kms", "RevokeGrant", json!({ "KeyId": key, "GrantId": id })).refused_with(
        400,
        "NotFoundException",
        &format!("Grant ID {id} not found"),
    );
}

#[test]
fn a_deny_stands_against_a_grant() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let deny =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*"}]}"#;
    let ann = cloud.user(&root, "ann", deny);
    grant(&root, &key, &user(ACCOUNT, "ann"), json!({})).ok();
    encrypt(&ann, &key, json!({})).refused(400, "AccessDeniedException");
}

#[test]
fn a_named_grant_is_made_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    cloud.user(&root, "ann", "");
    let make = |more: Value| grant(&root, &key, &user(ACCOUNT, "ann"), more).ok();
    let (first, again) = (make(json!({ "Name": "n" })), make(json!({ "Name": "n" })));
    assert_eq!(first["GrantId"], again["GrantId"]);
    assert_ne!(first["GrantToken"], again["GrantToken"]);
    assert_ne!(make(json!({ "Name": "n", "Operations": ["Encrypt"] }))["GrantId"], first["GrantId"]);
    assert_ne!(make(json!({}))["GrantId"], make(json!({}))["GrantId"]);
    let all = root.call("kms", "ListGrants", json!({ "KeyId": key, "Limit": 3 })).ok();
    assert_eq!((all["Grants"].as_array().unwrap().len(), &all["Truncated"]), (3, &json!(true)));
    let names =
        |page: &Value| page["Grants"].as_array().unwrap().iter().filter(|grant| grant["Name"] == "").count();
    let rest = json!({ "KeyId": key, "Limit": 3, "Marker": all["NextMarker"] });
    let rest = root.call("kms", "ListGrants", rest).ok();
    assert_eq!(rest["Grants"].as_array().unwrap().len(), 1);
    // The name of a grant without one is empty, not absent.
    assert_eq!(names(&all) + names(&rest), 2);
    let one = json!({ "KeyId": key, "GrantId": first["GrantId"] });
    assert_eq!(root.call("kms", "ListGrants", one).ok()["Grants"].as_array().unwrap().len(), 1);
}

#[test]
fn what_create_grant_refuses() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let signing = new_key(&root, json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" }));
    let ann = user(ACCOUNT, "ann");
    let nobody = format!("ARN does not refer to a valid principal: {ann}");
    grant(&root, &key, &ann, json!({})).refused_with(400, "InvalidArnException", &nobody);
    cloud.user(&root, "ann", "");
    grant(&root, &key, "ann", json!({})).refused_with(
        400,
        "InvalidArnException",
        "ARN does not refer to a valid principal: ann",
    );
    grant(&root, &key, &ann, json!({ "GrantTokens": ["forged"] })).refused(400, "InvalidGrantTokenException");
    grant(&root, &signing, &ann, json!({})).refused_with(
        400,
        "ValidationException",
        "Encrypt cannot be granted on a KMS key with key spec ECC_NIST_P256 and key usage SIGN_VERIFY.",
    );
    let pairs: serde_json::Map<_, _> = (0..9).map(|i| (format!("k{i}"), json!("v"))).collect();
    for context in [json!(pairs), json!({ "k": "x".repeat(384) })] {
        let constraints = json!({ "Constraints": { "EncryptionContextEquals": context } });
        grant(&root, &key, &ann, constraints).refused(400, "ValidationException");
    }
    let source = json!({ "Constraints": { "SourceArn": "arn:aws:s3:us-east-1:123456789012:bucket" } });
    grant(&root, &key, &ann, source).refused(400, "UnsupportedOperationException");
    root.call(
        "kms",
        "CreateGrant",
        json!({
            "KeyId": key, "GranteeServicePrincipal": "s3.us-east-1.amazonaws.com", "Operations": ["Encrypt"],
        }),
    )
    .refused(400, "UnsupportedOperationException");
    root.call("kms", "CreateGrant", json!({ "KeyId": key, "Operations": ["Encrypt"] })).refused_with(
        400,
        "ValidationException",
        "GranteePrincipal is required.",
    );
}

#[test]
fn a_grantee_passes_on_what_it_got() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let (ann, bob) = (cloud.user(&root, "ann", ""), cloud.user(&root, "bob", ""));
    grant(&root, &key, &user(ACCOUNT, "ann"), json!({ "Operations": ["CreateGrant", "Encrypt"] })).ok();
    grant(&ann, &key, &user(ACCOUNT, "bob"), json!({ "Operations": ["Encrypt"] })).ok();
    encrypt(&bob, &key, json!({})).ok();
    grant(&ann, &key, &user(ACCOUNT, "bob"), json!({ "Operations": ["Decrypt"] }))
        .refused(400, "AccessDeniedException");
}

#[test]
fn whom_a_grant_lets_retire_it() {
    let cloud = Cloud::new();
    let (root, there) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let key = new_key(&root, json!({}));
    let (ann, bob) = (cloud.user(&root, "ann", ""), cloud.user(&root, "bob", ""));
    let stranger = cloud.user(&there, "stranger", "");
    let make = |more: Value| grant(&root, &key, &user(ACCOUNT, "ann"), more).ok();
    let by_id = |made: &Value| json!({ "KeyId": key, "GrantId": made["GrantId"] });
    let retire = |caller: &Caller<'_>, parameters: Value| caller.call("kms", "RetireGrant", parameters);

    let plain = make(json!({}));
    for caller in [&ann, &bob, &stranger] {
        retire(caller, by_id(&plain)).refused(400, "AccessDeniedException");
    }
    retire(&root, by_id(&plain)).ok();

    let retirable = make(json!({ "RetiringPrincipal": user(ACCOUNT, "bob") }));
    let listed = json!({ "RetiringPrincipal": user(ACCOUNT, "bob") });
    let found = root.call("kms", "ListRetirableGrants", listed.clone()).ok();
    assert_eq!(found["Grants"][0]["GrantId"], retirable["GrantId"]);
    retire(&ann, by_id(&retirable)).refused(400, "AccessDeniedException");
    retire(&bob, json!({ "GrantToken": retirable["GrantToken"] })).ok();
    assert_eq!(root.call("kms", "ListRetirableGrants", listed).ok()["Grants"], json!([]));

    let own = make(json!({ "Operations": ["Encrypt", "RetireGrant"] }));
    retire(&ann, by_id(&own)).ok();

    // A principal of another account needs nobody's permission beside the grant.
    let abroad = make(json!({ "RetiringPrincipal": user(OTHER, "stranger") }));
    retire(&stranger, by_id(&abroad)).ok();
    // Only the key's account learns that a grant is not there.
    retire(&root, by_id(&abroad)).refused(400, "NotFoundException");
    retire(&stranger, by_id(&abroad)).refused(400, "AccessDeniedException");
    retire(&root, json!({ "GrantToken": "forged" })).refused(400, "InvalidGrantTokenException");
    retire(&root, json!({ "KeyId": key })).refused(400, "ValidationException");
    let foreign = json!({ "RetiringPrincipal": user(OTHER, "stranger") });
    root.call("kms", "ListRetirableGrants", foreign).refused(400, "InvalidArnException");
}

#[test]
fn a_grant_across_accounts_needs_the_other_accounts_permission_too() {
    let cloud = Cloud::new();
    let (root, there) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let key = new_key(&root, json!({}));
    let allowed =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#;
    let (ann, bob) = (cloud.user(&there, "ann", ""), cloud.user(&there, "bob", allowed));
    grant(&root, &key, &format!("arn:aws:iam::{OTHER}:root"), json!({})).ok();
    encrypt(&bob, &key, json!({})).ok();
    encrypt(&ann, &key, json!({})).refused(400, "AccessDeniedException");
}

#[test]
fn a_role_s_grant_is_its_sessions_grant() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") } },
    ] });
    let role = json!({ "RoleName": "app", "AssumeRolePolicyDocument": trust.to_string() });
    let role = root.call("iam", "CreateRole", role).ok()["Role"]["Arn"].as_str().unwrap().to_owned();
    let allowed =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", allowed);
    let taken = eva.call("sts", "AssumeRole", json!({ "RoleArn": role, "RoleSessionName": "session" })).ok();
    let session = cloud.session(&taken["Credentials"]);
    encrypt(&session, &key, json!({})).refused(400, "AccessDeniedException");
    grant(&root, &key, &role, json!({})).ok();
    encrypt(&session, &key, json!({})).ok();
    encrypt(&eva, &key, json!({})).refused(400, "AccessDeniedException");
}
