//! KMS's condition keys.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>

use crate::kms::model::KmsKey;
use kernel::{Cx, Target};
use wire::{Struct, Value};

/// Condition keys that repeat a member of the request.
const OF_MEMBERS: &[(&str, &str)] = &[
    ("EncryptionAlgorithm", "kms:EncryptionAlgorithm"),
    ("SigningAlgorithm", "kms:SigningAlgorithm"),
    ("MacAlgorithm", "kms:MacAlgorithm"),
    ("KeyAgreementAlgorithm", "kms:KeyAgreementAlgorithm"),
    ("KeyPairSpec", "kms:DataKeyPairSpec"),
    ("WrappingAlgorithm", "kms:WrappingAlgorithm"),
    ("WrappingKeySpec", "kms:WrappingKeySpec"),
    ("ExpirationModel", "kms:ExpirationModel"),
    ("ValidTo", "kms:ValidTo"),
    ("ReplicaRegion", "kms:ReplicaRegion"),
    ("PrimaryRegion", "kms:PrimaryRegion"),
    ("GranteePrincipal", "kms:GranteePrincipal"),
    ("RetiringPrincipal", "kms:RetiringPrincipal"),
    ("Operations", "kms:GrantOperations"),
    ("RotationPeriodInDays", "kms:RotationPeriodInDays"),
    ("PendingWindowInDays", "kms:ScheduleKeyDeletionPendingWindowInDays"),
    ("BypassPolicyLockoutSafetyCheck", "kms:BypassPolicyLockoutSafetyCheck"),
    ("MessageType", "kms:MessageType"),
];

/// What AWS puts in place of a member that is left out.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("Plaintext", "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    ("CiphertextBlob", "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    ("KeyPairSpec", "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    ("SigningAlgorithm", "MessageType", "RAW"),
    ("ImportToken", "ExpirationModel", "KEY_MATERIAL_EXPIRES"),
    ("Policy", "BypassPolicyLockoutSafetyCheck", "false"),
];

pub(crate) fn of_caller(cx: &Cx<'_>, target: Target) -> Target {
    let target = target.key("kms:CallerAccount", cx.account.as_str());
    let service = cx.request.via.last().and_then(|via| via.strip_suffix(".amazonaws.com"));
    match service {
        Some(service) => target.key("kms:ViaService", format!("{service}.{}.amazonaws.com", cx.region)),
        None => target,
    }
}

pub(crate) fn of_key(target: Target, key: &KmsKey) -> Target {
    let target = target
        .key("kms:KeySpec", key.spec.as_str())
        .key("kms:CustomerMasterKeySpec", key.spec.as_str())
        .key("kms:KeyUsage", key.usage.as_str())
        .key("kms:CustomerMasterKeyUsage", key.usage.as_str())
        .key("kms:KeyOrigin", key.origin())
        .key("kms:MultiRegion", key.multi_region.is_some().to_string());
    let target = match key.multi_region {
        Some(_) => target.key("kms:MultiRegionKeyType", if key.is_primary() { "PRIMARY" } else { "REPLICA" }),
        None => target,
    };
    if key.aliases.is_empty() { target } else { target.keys("kms:ResourceAliases", key.aliases.clone()) }
}

pub(crate) fn of_request(mut target: Target, request: &Struct) -> Target {
    for (member, key) in OF_MEMBERS {
        if let Some(values) = request.get(member).and_then(texts) {
            target = target.keys(*key, values);
        }
    }
    for (given, member, default) in DEFAULTS {
        let key = OF_MEMBERS.iter().find(|(name, _)| name == member).map(|(_, key)| *key);
        if let (Some(key), true, None) = (key, request.get(given).is_some(), request.get(member)) {
            target = target.key(key, *default);
        }
    }
    target
}

fn texts(value: &Value) -> Option<Vec<String>> {
    Some(match value {
        Value::Str(text) => vec![text.clone()],
        Value::Int(number) => vec![number.to_string()],
        Value::Bool(flag) => vec![flag.to_string()],
        Value::Time(time) => vec![time.iso8601()],
        Value::List(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => return None,
    })
}

/// The pairs of an encryption context in this member.
pub(crate) fn context<'a>(request: &'a Struct, member: &str) -> Vec<(&'a str, &'a str)> {
    match request.get(member) {
        Some(Value::Map(pairs)) => {
            pairs.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect()
        }
        _ => Vec::new(),
    }
}

pub(crate) fn of_context(mut target: Target, pairs: &[(&str, &str)]) -> Target {
    if pairs.is_empty() {
        return target;
    }
    for (key, value) in pairs {
        target = target.key(format!("kms:EncryptionContext:{key}"), *value);
    }
    target.keys("kms:EncryptionContextKeys", pairs.iter().map(|(key, _)| (*key).to_owned()).collect())
}
