//! The global condition keys that follow from the principal alone.
//!
//! The rest (time, address, tags, organization, session, service chain) comes from the request and from what the
//! cloud knows, and is the caller's to set.
//!
//! AWS: the tables of <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use super::context::{Context, Values};
use super::principal::Principal;

impl Principal {
    /// Sets `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:userid`, `aws:username`,
    /// `aws:PrincipalIsAWSService` and `aws:PrincipalServiceName`, as far as this principal has them.
    ///
    /// The ARN of a role session is its role's, here, so that a condition on the role holds for all its sessions.
    pub fn set_keys<'a>(&'a self, context: &mut Context<'a>) {
        let signed =
            !matches!(self, Principal::Anonymous | Principal::WebIdentity { .. } | Principal::Saml { .. });
        if signed {
            context.set("aws:PrincipalIsAWSService", matches!(self, Principal::Service { .. }));
        }
        if let Some(account) = self.account() {
            context.set("aws:PrincipalAccount", account.to_string());
        }
        match self {
            Principal::Root { account } => {
                context.set("aws:PrincipalArn", self.arn().into_owned());
                context.set("aws:PrincipalType", "Account");
                context.set("aws:userid", account.to_string());
            }
            Principal::User { arn, id, .. } => {
                context.set("aws:PrincipalArn", Values::from(arn.as_str()));
                context.set("aws:PrincipalType", "User");
                context.set("aws:userid", Values::from(id.as_str()));
                context.set("aws:username", Values::from(last_part(arn)));
            }
            Principal::AssumedRole { role_arn, role_id, session_arn, .. } => {
                context.set("aws:PrincipalArn", Values::from(role_arn.as_str()));
                context.set("aws:PrincipalType", "AssumedRole");
                context.set("aws:userid", format!("{role_id}:{}", last_part(session_arn)));
            }
            Principal::FederatedUser { account, arn, .. } => {
                context.set("aws:PrincipalArn", Values::from(arn.as_str()));
                context.set("aws:PrincipalType", "FederatedUser");
                context.set("aws:userid", format!("{account}:{}", last_part(arn)));
            }
            Principal::Service { name } => {
                context.set("aws:PrincipalServiceName", Values::from(name.as_str()));
            }
            Principal::Anonymous => {
                context.set("aws:PrincipalType", "Anonymous");
                context.set("aws:userid", "anonymous");
            }
            Principal::WebIdentity { .. } | Principal::Saml { .. } => {}
        }
    }
}

/// The name at the end of an ARN, without its path.
fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}
