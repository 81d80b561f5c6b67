//! Key policies: reading and replacing them.

use super::key::touch;
use crate::kms::KmsError;
use crate::kms::access;
use crate::kms::identify;
use crate::kms::page;
use crate::kms::policy;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetKeyPolicy: get_key_policy, "kms:GetKeyPolicy", access::on_key;
    PutKeyPolicy: put_key_policy, "kms:PutKeyPolicy", access::on_key;
    ListKeyPolicies: list_key_policies, "kms:ListKeyPolicies", access::on_key;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetKeyPolicy {
        key_id: String = "KeyId",
        name: Option<String> = "PolicyName",
    }

    #[derive(Debug)]
    pub(crate) struct KeyPolicy {
        policy: String = "Policy",
        name: String = "PolicyName",
    }

    #[derive(Debug)]
    pub(crate) struct PutKeyPolicy {
        key_id: String = "KeyId",
        name: Option<String> = "PolicyName",
        policy: String = "Policy",
        bypass_lockout: Option<bool> = "BypassPolicyLockoutSafetyCheck",
    }

    #[derive(Debug)]
    pub(crate) struct ListKeyPolicies {
        key_id: String = "KeyId",
        limit: Option<u32> = "Limit",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct PolicyNames {
        names: Vec<String> = "PolicyNames",
        next: Option<String> = "NextMarker",
        truncated: bool = "Truncated",
    }
}

/// Every key has one policy, with one name.
fn check_name(name: Option<&str>) -> Result<(), KmsError> {
    match name {
        None | Some(policy::NAME) => Ok(()),
        Some(_) => Err(KmsError::NotFound("No such policy exists".into())),
    }
}

fn get_key_policy(cx: &mut Cx<'_>, request: GetKeyPolicy) -> Result<KeyPolicy, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    check_name(request.name.as_deref())?;
    Ok(KeyPolicy { policy: policy::shown(cx, &key)?, name: policy::NAME.to_owned() })
}

fn put_key_policy(cx: &mut Cx<'_>, request: PutKeyPolicy) -> Result<Empty, KmsError> {
    let mut key = identify::key(cx, &request.key_id)?;
    check_name(request.name.as_deref())?;
    let bypass = request.bypass_lockout.unwrap_or_default();
    (key.policy, key.policy_names) = policy::accepted(cx, &key.arn(), &request.policy, bypass)?;
    touch(cx, &key);
    key.save(cx.tx);
    Ok(Empty)
}

fn list_key_policies(cx: &mut Cx<'_>, request: ListKeyPolicies) -> Result<PolicyNames, KmsError> {
    let key = identify::key(cx, &request.key_id)?;
    let list = format!("kms:ListKeyPolicies {}", key.arn());
    let asked = (request.limit, request.marker.as_deref(), page::DEFAULT);
    let (names, next) = page::of(cx, &list, vec![policy::NAME.to_owned()], asked, String::clone)?;
    Ok(PolicyNames { names, truncated: next.is_some(), next })
}
