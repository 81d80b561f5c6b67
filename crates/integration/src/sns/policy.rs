//! Topics' policies: the default one, what is accepted, and the compiled ones for authorization.

use super::errors::{SnsError, invalid};
use super::model::Topic;
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource};
use kernel::identity::Attached;
use kernel::{Cx, Remembered};
use std::sync::Arc;

#[derive(Debug, Default)]
struct Compiled(Remembered<Arc<Policy>>);

/// What a topic has that is made without a policy. In AWS's own words.
pub(crate) fn default_text(topic: &Topic) -> String {
    let (arn, account) = (topic.arn(), topic.account);
    format!(
        r#"{{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"{arn}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{account}"}}}}}}]}}"#
    )
}

pub(crate) fn text(topic: &Topic) -> String {
    topic.policy.clone().unwrap_or_else(|| default_text(topic))
}

/// # Errors
/// `InvalidParameter` for what is no policy of a topic.
pub(crate) fn check(text: &str) -> Result<(), SnsError> {
    match Policy::parse(text, PolicyKind::Resource("sns")) {
        Ok(_) => Ok(()),
        Err(_) => Err(invalid("Policy Error: null")),
    }
}

/// # Errors
/// `InvalidParameter` where the topic's own policy names a user or a role that is not there.
pub(crate) fn check_principals(cx: &Cx<'_>, topic: &Topic) -> Result<(), SnsError> {
    let Some(text) = &topic.policy else { return Ok(()) };
    cx.bind(text)?.map(drop).map_err(|_| invalid("Policy Error: PrincipalNotFound"))
}

/// # Errors
/// `InternalError` for a stored policy that cannot be read.
pub(crate) fn attached(cx: &Cx<'_>, topic: &Topic) -> Result<Attached, SnsError> {
    let arn = topic.arn();
    let source = PolicySource { id: arn.clone(), attached_to: arn, form: PolicyForm::Resource };
    let text = text(topic);
    let policy = cx.memory::<Compiled>().0.of(&text, || {
        Policy::load(&text, PolicyKind::Resource("sns")).map(Arc::new).map_err(|malformed| {
            kernel::log::error("a stored topic policy cannot be read", &[("problem", &malformed.message)]);
            SnsError::Internal
        })
    })?;
    Ok((source, policy))
}
