//! Who may use a KMS key: key policies, IAM policies behind them, other accounts, condition keys.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn new_key(root: &Caller<'_>, parameters: Value) -> String {
    root.call("kms", "CreateKey", parameters).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

#[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
fn policy(statements: Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn allow(action: &str, resource: &str) -> String {
    policy(json!([{ "Effect": "Allow", "Action": action, "Resource": resource }]))
}

fn encrypt(caller: &Caller<'_>, key: &str) -> Reply {
    caller.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" }))
}

fn put_policy(root: &Caller<'_>, key: &str, statements: Value) -> Reply {
    root.call("kms", "PutKeyPolicy", json!({ "KeyId": key, "Policy": policy(statements) }))
}

fn arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{name}")
}

#[test]
fn the_default_policy_leaves_it_to_iam() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let text = root.call("kms", "GetKeyPolicy", json!({ "KeyId": key })).ok();
    assert_eq!(text["PolicyName"], "default");
    let document: Value = serde_json::from_str(text["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(
        document,
        json!({
            "Version": "2012-10-17", "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "root") },
                "Action": "kms:*", "Resource": "*",
            }],
        })
    );
    assert_eq!(
        root.call("kms", "ListKeyPolicies", json!({ "KeyId": key })).ok(),
        json!({ "PolicyNames": ["default"], "Truncated": false })
    );
    let nobody = cloud.user(&root, "nobody", "");
    encrypt(&nobody, &key).refused_with(400, "AccessDeniedException", &format!(
        "User: {} is not authorized to perform: kms:Encrypt on resource: {key} because no identity-based policy allows \
         the kms:Encrypt action",
        arn(ACCOUNT, "user/nobody")
    ));
    let eva = cloud.user(&root, "eva", &allow("kms:Encrypt", &key));
    encrypt(&eva, &key).ok();
    eva.call("kms", "GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" }))
        .refused(400, "AccessDeniedException");
    // Whoever may not ask does not learn what exists.
    let absent = "1234abcd-12ab-34cd-56ef-1234567890ab";
    encrypt(&nobody, absent).refused(400, "AccessDeniedException");
    encrypt(&nobody, "alias/absent").refused(400, "AccessDeniedException");
}

#[test]
fn a_policy_without_the_account_decides_alone() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let ann = cloud.user(&root, "ann", &allow("kms:*", "*"));
    let bob = cloud.user(&root, "bob", "");
    let only = policy(json!([
        { "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "root") }, "Action": "kms:PutKeyPolicy", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "user/bob") }, "Action": "kms:Encrypt", "Resource": "*" },
    ]));
    let key = new_key(&root, json!({ "Policy": only }));
    encrypt(&bob, &key).ok();
    let because = "because no resource-based policy allows the kms:Encrypt action";
    for (caller, name) in [(&ann, "user/ann"), (&root, "root")] {
        encrypt(caller, &key).refused_with(
            400,
            "AccessDeniedException",
            &format!(
                "User: {} is not authorized to perform: kms:Encrypt on resource: {key} {because}",
                arn(ACCOUNT, name)
            ),
        );
    }
    bob.call("kms", "DescribeKey", json!({ "KeyId": key })).refused(400, "AccessDeniedException");
}

#[test]
fn nobody_locks_themselves_out_by_mistake() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    cloud.user(&root, "bob", "");
    let key = new_key(&root, json!({}));
    let only_bob = json!([
        { "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "user/bob") }, "Action": "kms:*", "Resource": "*" },
    ]);
    let locked = "The new key policy will not allow you to update the key policy in the future.";
    put_policy(&root, &key, only_bob.clone()).refused_with(400, "MalformedPolicyDocumentException", locked);
    root.call("kms", "CreateKey", json!({ "Policy": policy(only_bob.clone()) })).refused_with(
        400,
        "MalformedPolicyDocumentException",
        locked,
    );
    let bypass = json!({ "KeyId": key, "Policy": policy(only_bob), "BypassPolicyLockoutSafetyCheck": true });
    root.call("kms", "PutKeyPolicy", bypass).ok();
    root.call("kms", "DescribeKey", json!({ "KeyId": key })).refused(400, "AccessDeniedException");
    // Who may create keys need not be allowed to change their policies, as long as the account is.
    let maker = cloud.user(&root, "maker", &allow("kms:CreateKey", "*"));
    let account = policy(json!([
        { "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "root") }, "Action": "kms:*", "Resource": "*" },
    ]));
    maker.call("kms", "CreateKey", json!({ "Policy": account })).ok();
}

#[test]
fn malformed_policies() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let put = |text: &str| root.call("kms", "PutKeyPolicy", json!({ "KeyId": key, "Policy": text }));
    put("{").refused(400, "MalformedPolicyDocumentException");
    put(&policy(json!([{ "Effect": "Allow", "Action": "kms:*", "Resource": "*" }])))
        .refused(400, "MalformedPolicyDocumentException");
    let long = format!("{{\"Version\":\"2012-10-17\",\"Id\":\"{}\"}}", "x".repeat(32 * 1024));
    put(&long).refused_with(
        400,
        "LimitExceededException",
        "Policy documents may not be longer than 32768 bytes.",
    );
    let other = json!({ "KeyId": key, "PolicyName": "mine" });
    root.call("kms", "GetKeyPolicy", other).refused_with(400, "NotFoundException", "No such policy exists");
}

#[test]
fn a_policy_means_those_who_exist_when_it_is_given() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let statements = json!([
        { "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "root") }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": arn(ACCOUNT, "user/bob") }, "Action": "kms:Encrypt", "Resource": "*" },
    ]);
    put_policy(&root, &key, statements.clone()).refused_with(
        400,
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    );
    let bob = cloud.user(&root, "bob", "");
    put_policy(&root, &key, statements.clone()).ok();
    encrypt(&bob, &key).ok();
    let shown = root.call("kms", "GetKeyPolicy", json!({ "KeyId": key })).ok();
    assert_eq!(shown["Policy"], policy(statements));
    root.call("iam", "DeleteAccessKey", json!({ "UserName": "bob", "AccessKeyId": bob.access_key })).ok();
    root.call("iam", "DeleteUser", json!({ "UserName": "bob" })).ok();
    let another = cloud.user(&root, "bob", "");
    encrypt(&another, &key).refused(400, "AccessDeniedException");
}

#[test]
fn another_account_needs_both_sides() {
    let cloud = Cloud::new();
    let (root, there) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let key = new_key(&root, json!({}));
    let ann = cloud.user(&there, "ann", "");
    let bob = cloud.user(&there, "bob", &allow("kms:*", "*"));
    encrypt(&there, &key).refused(400, "AccessDeniedException");
    put_policy(&root, &key, json!([
        { "Effect": "Allow", "Principal": { "AWS": [arn(ACCOUNT, "root"), arn(OTHER, "root")] }, "Action": "kms:*", "Resource": "*" },
    ]))
    .ok();
    let sealed = encrypt(&there, &key).ok();
    assert_eq!(sealed["KeyId"], key.as_str());
    encrypt(&bob, &key).ok();
    encrypt(&ann, &key).refused(400, "AccessDeniedException");
    // The ciphertext names the key, and by it the account.
    bob.call("kms", "Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] })).ok();
    // Whom it is closed to it tells neither the key nor the account; who names the key hears of that.
    let closed = |operation: &str| {
        format!(
            "User: {} is not authorized to perform: kms:{operation} on the resource associated with this ciphertext \
             because the resource does not exist in this Region, no resource-based policies allow access, or a \
             resource-based policy explicitly denies access",
            arn(OTHER, "user/ann")
        )
    };
    ann.call("kms", "Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] })).refused_with(
        400,
        "AccessDeniedException",
        &closed("Decrypt"),
    );
    let own = new_key(&there, json!({}));
    ann.call(
        "kms",
        "ReEncrypt",
        json!({ "CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": own }),
    )
    .refused_with(400, "AccessDeniedException", &closed("ReEncryptFrom"));
    let named = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "KeyId": key });
    let message = ann.call("kms", "Decrypt", named).refused(400, "AccessDeniedException");
    assert!(message.contains(&key), "{message}");
    // What the API reference does not offer across accounts, no policy opens.
    for operation in
        ["DisableKey", "GetKeyPolicy", "ListResourceTags", "ScheduleKeyDeletion", "EnableKeyRotation"]
    {
        bob.call("kms", operation, json!({ "KeyId": key })).refused_with(400, "AccessDeniedException", &format!(
            "User: {} is not authorized to perform: kms:{operation} on resource: {key} because the operation does not \
             work on KMS keys of other accounts",
            arn(OTHER, "user/bob")
        ));
    }
    bob.call("kms", "DescribeKey", json!({ "KeyId": key })).ok();
}

#[test]
fn an_unreachable_ciphertext_tells_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let sealed = encrypt(&root, &key).ok();
    root.in_region("eu-west-1")
        .call("kms", "Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] }))
        .refused_with(400, "AccessDeniedException", &format!(
            "User: {} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because \
             the resource does not exist in this Region, no resource-based policies allow access, or a resource-based \
             policy explicitly denies access",
            arn(ACCOUNT, "root")
        ));
}

/// A name, a condition, a request that meets it, and one that does not.
type Case = (&'static str, Value, Call, Option<Call>);
type Call = (&'static str, Value);

#[test]
fn condition_keys() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({ "Tags": [{ "TagKey": "team", "TagValue": "red" }] }));
    root.call("kms", "CreateAlias", json!({ "AliasName": "alias/app", "TargetKeyId": key })).ok();
    let signing = new_key(&root, json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" }));
    let seal =
        |id: &str, context: Value| json!({ "KeyId": id, "Plaintext": "eA==", "EncryptionContext": context });
    let sign = |kind: &str| json!({ "KeyId": signing, "Message": "eA==", "MessageType": kind, "SigningAlgorithm": "ECDSA_SHA_256" });
    let digest = {
        let mut call = sign("DIGEST");
        call["Message"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        call
    };
    let table: Vec<Case> = vec![
        (
            "context",
            json!({ "StringEquals": { "kms:EncryptionContext:app": "a" } }),
            ("Encrypt", seal(&key, json!({ "app": "a", "b": "1" }))),
            Some(("Encrypt", seal(&key, json!({ "app": "b" })))),
        ),
        (
            "context keys",
            json!({ "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": ["app"] }, "Null": { "kms:EncryptionContextKeys": "false" } }),
            ("Encrypt", seal(&key, json!({ "app": "x" }))),
            Some(("Encrypt", seal(&key, json!({ "app": "x", "more": "1" })))),
        ),
        (
            "request alias",
            json!({ "StringEquals": { "kms:RequestAlias": "alias/app" } }),
            ("Encrypt", seal("alias/app", json!({}))),
            Some(("Encrypt", seal(&key, json!({})))),
        ),
        (
            "resource aliases",
            json!({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/app" } }),
            ("Encrypt", seal(&key, json!({}))),
            Some(("Sign", sign("RAW"))),
        ),
        (
            "key spec",
            json!({ "StringEquals": { "kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT", "kms:KeyOrigin": "AWS_KMS" }, "Bool": { "kms:MultiRegion": "false" } }),
            ("Encrypt", seal(&key, json!({}))),
            Some(("Sign", sign("RAW"))),
        ),
        (
            "default algorithm",
            json!({ "StringEquals": { "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT" } }),
            ("Encrypt", seal(&key, json!({}))),
            None,
        ),
        (
            "message type",
            json!({ "StringEquals": { "kms:MessageType": "RAW", "kms:SigningAlgorithm": "ECDSA_SHA_256" } }),
            ("Sign", sign("RAW")),
            Some(("Sign", digest)),
        ),
        (
            "resource tag",
            json!({ "StringEquals": { "aws:ResourceTag/team": "red" } }),
            ("Encrypt", seal(&key, json!({}))),
            Some(("Sign", sign("RAW"))),
        ),
        (
            "caller account",
            json!({ "StringEquals": { "kms:CallerAccount": ACCOUNT } }),
            ("Encrypt", seal(&key, json!({}))),
            None,
        ),
        (
            "via service",
            json!({ "Null": { "kms:ViaService": "true" } }),
            ("Encrypt", seal(&key, json!({}))),
            None,
        ),
        (
            "deletion window",
            json!({ "NumericGreaterThan": { "kms:ScheduleKeyDeletionPendingWindowInDays": "20" } }),
            ("ScheduleKeyDeletion", json!({ "KeyId": signing, "PendingWindowInDays": 30 })),
            Some(("ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 }))),
        ),
    ];
    for (name, condition, met, unmet) in table {
        let statement =
            json!([{ "Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition }]);
        let caller = cloud.user(&root, &name.replace(' ', "-"), &policy(statement));
        if let Some((operation, parameters)) = unmet {
            let reply = caller.call("kms", operation, parameters);
            let message = reply.refused(400, "AccessDeniedException");
            assert!(message.contains("identity-based policy"), "{name}: {message}");
        }
        caller.call("kms", met.0, met.1).ok();
    }
}

#[test]
fn creating_keys_by_spec_and_with_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let only_hmac = policy(json!([
        { "Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*", "Condition": { "StringEquals": { "kms:KeySpec": "HMAC_256" } } },
    ]));
    let maker = cloud.user(&root, "maker", &only_hmac);
    let hmac = json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" });
    maker.call("kms", "CreateKey", hmac.clone()).ok();
    maker.call("kms", "CreateKey", json!({})).refused(400, "AccessDeniedException");
    let mut tagged = hmac;
    tagged["Tags"] = json!([{ "TagKey": "a", "TagValue": "b" }]);
    let message = maker.call("kms", "CreateKey", tagged).refused(400, "AccessDeniedException");
    assert!(message.contains("kms:TagResource"), "{message}");
}

#[test]
fn an_alias_needs_permission_on_itself_and_on_the_key() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let alias = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/app");
    let create = json!({ "AliasName": "alias/app", "TargetKeyId": key });
    for (name, resources) in [("key-only", vec![&key]), ("alias-only", vec![&alias])] {
        let half = policy(json!([{ "Effect": "Allow", "Action": "kms:*", "Resource": resources }]));
        cloud
            .user(&root, name, &half)
            .call("kms", "CreateAlias", create.clone())
            .refused(400, "AccessDeniedException");
    }
    let both = policy(json!([{ "Effect": "Allow", "Action": "kms:*Alias", "Resource": [key, alias] }]));
    let eva = cloud.user(&root, "eva", &both);
    eva.call("kms", "CreateAlias", create).ok();
    eva.call("kms", "DeleteAlias", json!({ "AliasName": "alias/app" })).ok();
}

#[test]
fn secrets_stay_out_of_the_trail() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    root.call(
        "kms",
        "Encrypt",
        json!({
            "KeyId": key, "Plaintext": "dG9wc2VjcmV0", "EncryptionContext": { "team": "red" },
        }),
    )
    .ok();
    root.call("kms", "GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })).ok();
    let query = kernel::audit::Query::all(base::AccountId::parse(ACCOUNT).unwrap(), base::Region::US_EAST_1);
    let mut told = String::new();
    let mut visit = |entry: kernel::audit::Entry| {
        told.push_str(&entry.request);
        told.push_str(&entry.response);
        true
    };
    kernel::audit::walk(&cloud.cloud, &query, &mut visit).unwrap();
    assert!(told.contains("\"team\":\"red\""), "{told}");
    assert!(!told.contains("dG9wc2VjcmV0"), "{told}");
}
