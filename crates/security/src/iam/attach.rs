//! Attaching managed policies, AWS's and the account's, to users, groups and roles; and permissions boundaries.
//!
//! The holder's record lists its policies in the order of attachment; the index [`ATTACHMENTS`] leads from a policy
//! to its holders.

use super::holder::{self, Bounded, Holder};
use super::model::{self, ATTACHMENTS, MANAGED_POLICIES, PARTNER_BOUNDARIES, attachment_key};
use super::page::{Page, Paging};
use super::{IamError, attached::PARTNER_PREFIX, attached::last_part, managed};
use base::AccountId;
use kernel::Cx;
use store::{Key, Tx};

wire::shape! {
    /// One entry of `ListAttached...Policies`.
    #[derive(Clone, PartialEq, Debug)]
    pub struct AttachedPolicy {
        pub policy_name: String = "PolicyName",
        pub policy_arn: String = "PolicyArn",
    }

    /// The answer of `ListAttached...Policies`.
    #[derive(Clone, Debug)]
    pub struct AttachedPage {
        pub attached_policies: Vec<AttachedPolicy> = "AttachedPolicies",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }

    /// A user's or role's boundary in an answer.
    #[derive(Clone, Debug)]
    pub struct AttachedBoundary {
        pub kind: String = "PermissionsBoundaryType",
        pub arn: String = "PermissionsBoundaryArn",
    }
}

/// The boundary for an answer. The model's enumeration says `PermissionsBoundaryPolicy`, the service answers
/// `Policy`.
pub fn boundary_shown(arn: Option<&str>) -> Option<AttachedBoundary> {
    arn.map(|arn| AttachedBoundary { kind: "Policy".into(), arn: arn.to_owned() })
}

/// Attaches a managed policy; one that is attached already stays where it is.
///
/// # Errors
/// `NoSuchEntity` for the holder or the policy, `InvalidInput` for what is no policy's ARN, `PolicyNotAttachable` for
/// the policies of service-linked roles, `LimitExceeded`.
pub fn attach<H: Holder>(cx: &mut Cx<'_>, name: &str, arn: &str) -> Result<(), IamError> {
    let account = cx.account;
    let mut holder: H = holder::find(cx.tx, account, name)?;
    must_be_attachable(cx.tx, account, arn)?;
    if holder.attached().iter().any(|held| held == arn) {
        return Ok(());
    }
    let (quota, max) = H::ATTACHED_QUOTA;
    if holder.attached().len() >= max {
        return Err(super::quota(quota, max));
    }
    holder.attached().push(arn.to_owned());
    holder::save(cx.tx, account, &holder);
    let second = attachment_key(account, arn, false, H::KIND);
    ATTACHMENTS.put(cx.tx, &second, &model::named(account, holder.name()));
    Ok(())
}

/// # Errors
/// `NoSuchEntity` for the holder or an attachment that is not there, `InvalidInput` for what is no policy's ARN.
pub fn detach<H: Holder>(cx: &mut Cx<'_>, name: &str, arn: &str) -> Result<(), IamError> {
    let account = cx.account;
    let mut holder: H = holder::find(cx.tx, account, name)?;
    must_be_policy_arn(arn)?;
    let Some(at) = holder.attached().iter().position(|held| held == arn) else {
        return Err(IamError::NoSuchEntity(format!("Policy {arn} was not found.")));
    };
    holder.attached().remove(at);
    holder::save(cx.tx, account, &holder);
    let second = attachment_key(account, arn, false, H::KIND);
    ATTACHMENTS.delete(cx.tx, &second, &model::named(account, holder.name()));
    Ok(())
}

/// A page of the policies that hang on a holder.
///
/// # Errors
/// `NoSuchEntity`, `ValidationError` for a bad marker.
pub fn list<H: Holder>(
    cx: &mut Cx<'_>,
    name: &str,
    path_prefix: Option<&str>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<AttachedPage, IamError> {
    let mut holder: H = holder::find(cx.tx, cx.account, name)?;
    let prefix = path_prefix.unwrap_or("/");
    let paging = Paging::of(cx, &[&name.to_lowercase(), prefix], marker, max_items)?;
    let mut items: Vec<String> = std::mem::take(holder.attached());
    items.retain(|arn| path_of(arn).starts_with(prefix));
    let page: Page<String> = paging.slice(cx, items, String::clone);
    let (attached_policies, is_truncated, marker) = page.map(shown).parts();
    Ok(AttachedPage { attached_policies, is_truncated, marker })
}

fn shown(arn: String) -> AttachedPolicy {
    AttachedPolicy { policy_name: last_part(&arn).to_owned(), policy_arn: arn }
}

/// `/team/` of `arn:aws:iam::123456789012:policy/team/Read`.
pub fn path_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path = resource.strip_prefix("policy").unwrap_or_default();
    path.get(..=path.rfind('/').unwrap_or(0)).unwrap_or("/")
}

/// Bounds a user or role by a managed policy, in place of the one before.
///
/// # Errors
/// Those of [`must_be_boundary`], `NoSuchEntity` for the holder.
pub fn set_boundary<H: Bounded>(cx: &mut Cx<'_>, name: &str, arn: Option<&str>) -> Result<(), IamError> {
    let account = cx.account;
    let mut holder: H = holder::find(cx.tx, account, name)?;
    if let Some(arn) = arn {
        must_be_boundary(cx.tx, account, arn)?;
    }
    holder::index(cx.tx, account, &mut holder, false);
    *holder.boundary_mut() = arn.map(str::to_owned);
    holder::index(cx.tx, account, &mut holder, true);
    holder::save(cx.tx, account, &holder);
    Ok(())
}

/// # Errors
/// `InvalidInput` unless it is the ARN of a policy, `NoSuchEntity` where there is none, `PolicyNotAttachable`.
pub fn must_be_attachable(tx: &Tx, account: AccountId, arn: &str) -> Result<(), IamError> {
    must_be_policy_arn(arn)?;
    must_not_be_service_linked(arn, "Cannot attach a Service Role Policy to a Customer Role.")?;
    if exists(tx, account, arn)? {
        return Ok(());
    }
    Err(IamError::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable.")))
}

/// # Errors
/// As [`must_be_attachable`], in the words that AWS has for boundaries. Those of product providers are boundaries only.
pub fn must_be_boundary(tx: &Tx, account: AccountId, arn: &str) -> Result<(), IamError> {
    if arn.starts_with(PARTNER_PREFIX) && PARTNER_BOUNDARIES.contains(tx, &Key::global().str(arn))? {
        return Ok(());
    }
    must_be_policy_arn(arn)?;
    must_not_be_service_linked(arn, "Cannot use a Service Role Policy as a permissions boundary.")?;
    if exists(tx, account, arn)? {
        return Ok(());
    }
    Err(IamError::NoSuchEntity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
}

fn must_not_be_service_linked(arn: &str, message: &str) -> Result<(), IamError> {
    if managed::by_arn(arn).is_some_and(managed::ManagedPolicy::is_service_linked) {
        return Err(IamError::PolicyNotAttachable(message.into()));
    }
    Ok(())
}

/// # Errors
/// `InvalidInput`: "ARN x is not valid."
pub fn must_be_policy_arn(arn: &str) -> Result<(), IamError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let good = match parts.as_slice() {
        ["arn", "aws", "iam", "", account, resource] => {
            (*account == "aws" || AccountId::parse(account).is_some())
                && resource.starts_with("policy/")
                && !resource.ends_with('/')
        }
        _ => false,
    };
    if good { Ok(()) } else { Err(IamError::InvalidInput(format!("ARN {arn} is not valid."))) }
}

/// Whether the ARN is one of AWS's policies or one of the account's, with its own path.
fn exists(tx: &Tx, account: AccountId, arn: &str) -> Result<bool, IamError> {
    if managed::by_arn(arn).is_some() {
        return Ok(true);
    }
    let found = MANAGED_POLICIES.get(tx, &model::named(account, last_part(arn)))?;
    Ok(found.is_some_and(|policy| policy.arn(account) == arn))
}

#[cfg(test)]
mod tests {
    use super::{must_be_policy_arn, path_of};
    use crate::iam::IamError;

    #[test]
    fn arns_of_policies() {
        for good in ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::123456789012:policy/team/Read"] {
            assert_eq!(must_be_policy_arn(good), Ok(()), "{good}");
        }
        for bad in [
            "ReadOnlyAccess",
            "arn:aws:iam::aws:policy",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::AWS:policy/ReadOnlyAccess",
            "arn:aws:iam:us-east-1:aws:policy/ReadOnlyAccess",
            "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::123456789012:role/Read",
            "arn:aws:s3::123456789012:policy/Read",
        ] {
            assert_eq!(
                must_be_policy_arn(bad),
                Err(IamError::InvalidInput(format!("ARN {bad} is not valid.")))
            );
        }
    }

    #[test]
    fn paths_of_policies() {
        assert_eq!(path_of("arn:aws:iam::aws:policy/ReadOnlyAccess"), "/");
        assert_eq!(path_of("arn:aws:iam::aws:policy/job-function/Billing"), "/job-function/");
    }
}
