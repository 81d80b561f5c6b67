//! AWS managed keys: made when a service first asks, used through that service only, never changed by anybody.

use crate::fixture::{self, Extra};
use crate::harness::{Caller, Cloud};
use kernel::{As, Cx, Service, Target};
use security::kms::work::KeyLife;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wire::{Fault, Struct};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

/// A service on the model of Parameter Store that seals what it is given under `alias/aws/ssm`, for its caller.
static SSM: Service = Service { id: "ssm", global: false, ops: &[OPS] };

kernel::ops! {
    static OPS:
        PutParameter: put, "ssm:PutParameter", access;
        GetParameter: get, "ssm:GetParameter", access;
}

wire::shape! {
    struct Put { name: String = "Name", value: String = "Value" }
    struct PutDone { tier: String = "Tier" }
    struct Get { name: String = "Name" }
    struct Got { parameter: Shown = "Parameter" }
    struct Shown { value: String = "Value" }
}

fn access(_: &mut Cx<'_>, _: &Struct) -> Result<Vec<Target>, Fault> {
    Ok(vec![Target::any()])
}

fn via(
    cx: &mut Cx<'_>,
    operation: &str,
    members: Vec<(&'static str, wire::Value)>,
) -> Result<wire::Value, Fault> {
    let value = wire::Value::Struct(members.into_iter().collect());
    cx.call("kms", operation, value, As::CallerVia("ssm.amazonaws.com"))
}

/// Answers the ciphertext where a tier belongs: there is no other place in this model's answer.
fn put(cx: &mut Cx<'_>, request: Put) -> Result<PutDone, Fault> {
    let plaintext = wire::Value::Blob(request.value.into_bytes().into());
    let context = wire::Value::Map(vec![("name".into(), wire::Value::Str(request.name))]);
    let key = wire::Value::str("alias/aws/ssm");
    let members = vec![("KeyId", key), ("Plaintext", plaintext), ("EncryptionContext", context)];
    let sealed = via(cx, "Encrypt", members)?;
    Ok(PutDone {
        tier: wire::json::text(sealed.member("CiphertextBlob").unwrap()).trim_matches('"').to_owned(),
    })
}

fn get(cx: &mut Cx<'_>, request: Get) -> Result<Got, Fault> {
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, request.name).unwrap();
    let context = wire::Value::Map(vec![("name".into(), wire::Value::str("n"))]);
    let members = vec![("CiphertextBlob", wire::Value::Blob(bytes.into())), ("EncryptionContext", context)];
    let opened = via(cx, "Decrypt", members)?;
    let Some(wire::Value::Blob(plaintext)) = opened.member("Plaintext") else { panic!("{opened:?}") };
    Ok(Got { parameter: Shown { value: String::from_utf8(plaintext.to_vec()).unwrap() } })
}

fn cloud() -> Cloud {
    let reconcilers: Vec<Arc<dyn kernel::reconcile::Reconciler>> = vec![Arc::new(KeyLife)];
    fixture::cloud(Extra { services: vec![&security::kms::KMS, &SSM], reconcilers, ..fixture::parts() })
}

fn allow(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})
        .to_string()
}

fn described(caller: &Caller<'_>, key: &str) -> Value {
    caller.call("kms", "DescribeKey", json!({ "KeyId": key })).ok()["KeyMetadata"].clone()
}

fn seal(caller: &Caller<'_>) -> crate::harness::Reply {
    caller.call("ssm", "PutParameter", json!({ "Name": "n", "Value": "secret" }))
}

fn alias(caller: &Caller<'_>, name: &str) -> Value {
    let all = caller.call("kms", "ListAliases", json!({})).ok();
    let found = all["Aliases"].as_array().unwrap().iter().find(|alias| alias["AliasName"] == name).cloned();
    found.unwrap()
}

#[test]
fn the_first_use_through_its_service_makes_the_key() {
    let cloud = cloud();
    let root = cloud.root(ACCOUNT);
    assert_eq!(alias(&root, "alias/aws/ssm").get("TargetKeyId"), None);
    // Who may use the service may use its key through it, without any permission of KMS.
    let eva = cloud.user(&root, "eva", &allow("ssm:*"));
    let sealed = seal(&eva).ok()["Tier"].as_str().unwrap().to_owned();
    let key = alias(&root, "alias/aws/ssm")["TargetKeyId"].as_str().unwrap().to_owned();
    let opened = eva.call("ssm", "GetParameter", json!({ "Name": sealed })).ok();
    assert_eq!(opened["Parameter"]["Value"], "secret");
    let metadata = described(&root, &key);
    assert_eq!(metadata["KeyManager"], "AWS");
    assert_eq!(
        metadata["Description"],
        "Default key that protects my SSM parameters when no other key is defined"
    );
    // It is made once.
    seal(&eva).ok();
    assert_eq!(root.call("kms", "ListKeys", json!({})).ok()["Keys"].as_array().unwrap().len(), 1);
    // And nobody uses it otherwise, the root user no more than anybody.
    let all = cloud.user(&root, "all", &allow("*"));
    for (caller, name) in [(&root, "root"), (&all, "user/all")] {
        let direct = caller.call("kms", "Decrypt", json!({ "CiphertextBlob": sealed }));
        direct.refused_with(
            400,
            "AccessDeniedException",
            &format!(
                "User: arn:aws:iam::{ACCOUNT}:{name} is not authorized to perform: kms:Decrypt on resource: \
                 arn:aws:kms:us-east-1:{ACCOUNT}:key/{key} because no resource-based policy allows the kms:Decrypt \
                 action"
            ),
        );
    }
}

#[test]
fn describing_the_alias_makes_the_key_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/s3");
    let metadata = described(&root, &arn);
    assert_eq!(metadata, described(&root, "alias/aws/s3"));
    assert_eq!(alias(&root, "alias/aws/s3")["TargetKeyId"], metadata["KeyId"]);
    // In each region another one, in no account by a stranger, and of no service that there is not.
    assert_ne!(described(&root.in_region("eu-west-1"), "alias/aws/s3")["KeyId"], metadata["KeyId"]);
    let missing = format!("Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/sqs is not found.");
    let there = format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/sqs");
    cloud
        .root(OTHER)
        .call("kms", "DescribeKey", json!({ "KeyId": there }))
        .refused(400, "AccessDeniedException");
    root.call("kms", "Encrypt", json!({ "KeyId": "alias/aws/sqs", "Plaintext": "eA==" })).refused_with(
        400,
        "NotFoundException",
        &missing,
    );
    root.call("kms", "DescribeKey", json!({ "KeyId": "alias/aws/nothing" }))
        .refused(400, "NotFoundException");
    // Whoever may not ask does not make it.
    let nobody = cloud.user(&root, "nobody", "");
    nobody
        .call("kms", "DescribeKey", json!({ "KeyId": "alias/aws/sqs" }))
        .refused(400, "AccessDeniedException");
    assert_eq!(alias(&root, "alias/aws/sqs").get("TargetKeyId"), None);
}

#[test]
fn nobody_changes_it_and_it_rotates_every_year() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = described(&root, "alias/aws/s3")["Arn"].as_str().unwrap().to_owned();
    let own = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"].clone();
    for (operation, parameters) in [
        ("DisableKey", json!({ "KeyId": key })),
        ("ScheduleKeyDeletion", json!({ "KeyId": key })),
        ("DisableKeyRotation", json!({ "KeyId": key })),
        ("UpdateKeyDescription", json!({ "KeyId": key, "Description": "mine" })),
        ("PutKeyPolicy", json!({ "KeyId": key, "Policy": allow("kms:*") })),
        ("TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] })),
        ("CreateAlias", json!({ "AliasName": "alias/mine", "TargetKeyId": key })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })),
    ] {
        root.call("kms", operation, parameters).refused(400, "AccessDeniedException");
    }
    let stolen = json!({ "AliasName": "alias/aws/s3", "TargetKeyId": own });
    root.call("kms", "UpdateAlias", stolen).refused(400, "AccessDeniedException");
    root.call("kms", "DeleteAlias", json!({ "AliasName": "alias/aws/s3" }))
        .refused(400, "AccessDeniedException");
    let policy = root.call("kms", "GetKeyPolicy", json!({ "KeyId": key })).ok();
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"][0]["Condition"]["StringEquals"],
        json!({ "kms:CallerAccount": ACCOUNT, "kms:ViaService": "s3.us-east-1.amazonaws.com" })
    );
    let status = root.call("kms", "GetKeyRotationStatus", json!({ "KeyId": key })).ok();
    assert_eq!((&status["KeyRotationEnabled"], &status["RotationPeriodInDays"]), (&json!(true), &json!(365)));
    cloud.advance(Duration::from_secs(366 * 86_400));
    cloud.reconcile();
    let rotations = root.call("kms", "ListKeyRotations", json!({ "KeyId": key })).ok();
    assert_eq!(rotations["Rotations"].as_array().unwrap().len(), 1);
}

#[test]
fn aliases_are_listed_in_order_and_by_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"].clone();
    for name in ["alias/aaa", "alias/b", "alias/zzz"] {
        root.call("kms", "CreateAlias", json!({ "AliasName": name, "TargetKeyId": own })).ok();
    }
    described(&root, "alias/aws/rds");
    let names = |page: &Value| -> Vec<String> {
        let list = page["Aliases"].as_array().unwrap().iter();
        list.map(|alias| alias["AliasName"].as_str().unwrap().to_owned()).collect()
    };
    let all = names(&root.call("kms", "ListAliases", json!({})).ok());
    assert!(all.is_sorted() && all.len() > 10, "{all:?}");
    assert!(all.first().unwrap() == "alias/aaa" && all.last().unwrap() == "alias/zzz", "{all:?}");
    for limit in [1, 2, 7] {
        let (mut found, mut marker) = (Vec::new(), Value::Null);
        loop {
            let mut request = json!({ "Limit": limit });
            if !marker.is_null() {
                request["Marker"] = marker;
            }
            let page = root.call("kms", "ListAliases", request).ok();
            let on_page = names(&page);
            assert!(on_page.len() <= limit);
            found.extend(on_page);
            marker = page["NextMarker"].clone();
            if page["Truncated"] == false {
                break;
            }
        }
        assert_eq!(found, all, "pages of {limit}");
    }
}
