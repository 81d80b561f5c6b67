//! The role that somebody wants to become: where it is, and whom it trusts.

use crate::iam::model::{self, ROLES, Role};
use auth::policy::{Policy, PolicyForm, PolicyKind, PolicySource, ResourceMode};
use base::{AccountId, Arn};
use kernel::{Failure, Target};
use std::sync::Arc;
use store::Tx;

/// What a role that does not exist trusts, so that it answers like one that does not trust the caller.
const TRUSTS_NOBODY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"Service":"nobody.invalid"},"Action":"sts:AssumeRole"}]}"#;

/// A role by its ARN.
#[derive(Clone, Debug)]
pub struct Asked {
    pub arn: String,
    pub account: AccountId,
    /// `None` where there is no such role, or its path is another.
    pub role: Option<Role>,
}

/// Finds the role; `None` where the text is not the ARN of any role.
///
/// # Errors
/// When the store cannot be read.
pub fn find(tx: &Tx, text: &str) -> Result<Option<Asked>, Failure> {
    let Some((account, name)) = parts(text) else { return Ok(None) };
    let role = ROLES.get(tx, &model::named(account, &name))?.filter(|role| role.arn(account) == text);
    Ok(Some(Asked { arn: text.to_owned(), account, role }))
}

/// Account and name of a role's ARN.
fn parts(text: &str) -> Option<(AccountId, String)> {
    let arn = Arn::parse(text)?;
    let is_iam = arn.partition == "aws" && arn.service == "iam" && arn.region.is_empty();
    let name = arn.resource.strip_prefix("role/")?.rsplit('/').next()?;
    is_iam.then_some((AccountId::parse(&arn.account)?, name.to_owned())).filter(|(_, name)| !name.is_empty())
}

impl Asked {
    /// The role as a target: its trust policy must allow.
    ///
    /// # Errors
    /// When the stored trust policy cannot be read.
    pub fn target(&self) -> Result<Target, Failure> {
        let trust = self.role.as_ref().map_or(TRUSTS_NOBODY, |role| &role.trust);
        let trust = Policy::load(trust, PolicyKind::Trust).map_err(|malformed| {
            kernel::log::error(
                "a stored trust policy cannot be read",
                &[("role", &self.arn), ("problem", &malformed.message)],
            );
            Failure
        })?;
        let source =
            PolicySource { id: self.arn.clone(), attached_to: self.arn.clone(), form: PolicyForm::Resource };
        let target = Target::on(&self.arn)
            .owned_by(self.account)
            .guarded((source, Arc::new(trust)), ResourceMode::Required);
        let Some(role) = &self.role else { return Ok(target) };
        let tags = role.tags.iter();
        let target =
            tags.fold(target, |target, (key, value)| target.key(format!("iam:ResourceTag/{key}"), value));
        Ok(target.tagged(role.tags.clone()))
    }
}
