//! Key policies: the default one, what is accepted, and the check against locking oneself out.
//!
//! A policy is bound to the users and roles that it names when it is given: one who is deleted and made again is
//! somebody else.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>

use super::KmsError;
use super::cache::KmsMemory;
use super::model::KmsKey;
use crate::iam::trust;
use auth::policy::{
    self, Context, Layers, Policy, PolicyForm, PolicyKind, PolicySource, Request, ResourceMode,
};
use base::AccountId;
use kernel::identity::Attached;
use kernel::identity::Bound;
use kernel::{Cx, Target};
use std::sync::Arc;
use wire::Struct;

/// The only name that a key policy has.
pub(crate) const NAME: &str = "default";
/// AWS: "Quotas": key policy document size.
const BYTES_MAX: usize = 32 * 1024;

/// What a key gets that is made without a policy: the account decides by its IAM policies. In AWS's own layout.
pub(crate) fn default_policy(account: AccountId) -> String {
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}

/// The compiled policy of a key, for authorization.
///
/// # Errors
/// [`KmsError::Internal`] for a stored policy that cannot be read.
pub(crate) fn attached(cx: &Cx<'_>, key: &KmsKey) -> Result<Attached, KmsError> {
    let compiled = cx.memory::<KmsMemory>().policy(&key.policy).map_err(|malformed| {
        kernel::log::error("a stored key policy cannot be read", &[("problem", &malformed.message)]);
        KmsError::Internal
    })?;
    Ok((source(&key.arn()), compiled))
}

fn source(arn: &str) -> PolicySource {
    PolicySource { id: arn.to_owned(), attached_to: arn.to_owned(), form: PolicyForm::Resource }
}

/// A given policy, checked and bound, as that of the key with this ARN.
///
/// # Errors
/// `LimitExceededException`, `MalformedPolicyDocumentException`.
pub(crate) fn accepted(cx: &Cx<'_>, arn: &str, text: &str, bypass_lockout: bool) -> Result<Bound, KmsError> {
    if text.len() > BYTES_MAX {
        return Err(KmsError::LimitExceeded(format!(
            "Policy documents may not be longer than {BYTES_MAX} bytes."
        )));
    }
    let parse = |text: &str| {
        Policy::parse(text, PolicyKind::Resource("kms")).map_err(|m| KmsError::MalformedPolicy(m.message))
    };
    parse(text)?;
    let nobody = |_| {
        KmsError::MalformedPolicy("Policy contains a statement with one or more invalid principals.".into())
    };
    let (bound, names) = trust::bind(cx.tx, text)?.map_err(nobody)?;
    let compiled = Arc::new(parse(&bound)?);
    if bypass_lockout || keeps_the_door_open(cx, arn, &compiled)? {
        return Ok((bound, names));
    }
    let locked_out = "The new key policy will not allow you to update the key policy in the future.";
    Err(KmsError::MalformedPolicy(locked_out.into()))
}

/// A key's policy as it is shown.
///
/// # Errors
/// The store's own.
pub(crate) fn shown(cx: &Cx<'_>, key: &KmsKey) -> Result<String, KmsError> {
    Ok(trust::unbind(cx.tx, &key.policy, &key.policy_names)?)
}

/// Whether the caller could change the policy again: as things stand, or if its account's own policies let it. AWS
/// asks the key policy alone, so that who may create keys need not be allowed to change them.
fn keeps_the_door_open(cx: &Cx<'_>, arn: &str, compiled: &Arc<Policy>) -> Result<bool, KmsError> {
    const ACTION: &str = "kms:PutKeyPolicy";
    let attached = (source(arn), Arc::clone(compiled));
    let target = Target::on(arn)
        .guarded(attached, ResourceMode::Required)
        .key("kms:CallerAccount", cx.account.as_str());
    if kernel::access::allowed(cx, ACTION, &target, &Struct::new())? {
        return Ok(true);
    }
    let Ok(everything) = Policy::parse(EVERYTHING, PolicyKind::Identity) else { return Ok(false) };
    let (own, here) = (source("*"), source(arn));
    let context = Context::new();
    let request = Request {
        principal: &cx.caller.principal,
        action: ACTION,
        resource: arn,
        resource_account: cx.account.as_str(),
        canonical_id: None,
        context: &context,
    };
    let layers = Layers {
        identity: &[policy::Attached { source: &own, policy: &everything }],
        resource: Some(policy::Attached { source: &here, policy: compiled }),
        mode: ResourceMode::Required,
        ..Layers::default()
    };
    Ok(policy::evaluate(&request, &layers).allowed)
}

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
