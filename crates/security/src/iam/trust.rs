//! Trust policies as IAM keeps them: users and roles by unique id, so that trust ends with the one who was trusted.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>. Accounts are
//! not checked: every account exists in this cloud. Nor are providers and service names, which may be made later.

use super::IamError;
use super::model::{self, ROLES, Role, USERS};
use auth::policy::{
    Attached, Context, Layers, Policy, PolicyForm, PolicyKind, PolicySource, Principal, Request,
    ResourceMode, evaluate, rewrite_principals,
};
use base::{AccountId, Arn, Timestamp};
use kernel::identity::{Bound, Names};
use std::collections::BTreeMap;
use store::{Direction, Key, StoreError, Tx};

/// The quota of a trust policy's length, white space not counted.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LENGTH_MAX: usize = 2048;

/// Checks a trust policy and puts it into the role.
///
/// # Errors
/// `MalformedPolicyDocument`; `LimitExceeded` for one that is too long.
pub(crate) fn set(tx: &Tx, role: &mut Role, text: &str) -> Result<(), IamError> {
    Policy::parse(text, PolicyKind::Trust).map_err(|m| IamError::MalformedPolicyDocument(m.message))?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > LENGTH_MAX {
        return Err(IamError::LimitExceeded(format!("Cannot exceed quota for ACLSizePerRole: {LENGTH_MAX}")));
    }
    let (kept, trusted) = bind(tx, text)?.map_err(|entry| {
        IamError::MalformedPolicyDocument(format!("Invalid principal in policy: \"AWS\":\"{entry}\""))
    })?;
    (role.trust, role.trusted) = (kept, trusted);
    Ok(())
}

/// Binds a policy of a resource to those whom it names now. The inner error is an entry that names nobody.
///
/// # Errors
/// The store's own.
pub(crate) fn bind(tx: &Tx, text: &str) -> Result<Result<Bound, String>, StoreError> {
    let mut named = BTreeMap::new();
    let (mut nobody, mut failure) = (None, None);
    let kept = rewrite_principals(text, |entry| match unique_id(tx, entry) {
        Ok(Entry::Keep) => None,
        Ok(Entry::Account(account)) => Some(format!("arn:aws:iam::{account}:root")),
        Ok(Entry::Is { id, arn }) => {
            named.insert(id.clone(), arn);
            Some(id)
        }
        Ok(Entry::Nobody) => {
            nobody.get_or_insert_with(|| entry.to_owned());
            None
        }
        Err(error) => {
            failure.get_or_insert(error);
            None
        }
    });
    match (failure, nobody) {
        (Some(failure), _) => Err(failure),
        (None, Some(entry)) => Ok(Err(entry)),
        (None, None) => Ok(Ok((kept, named))),
    }
}

/// The trust policy as it is shown: ids as ARNs, where their bearers still exist.
pub(crate) fn shown(tx: &Tx, role: &Role) -> Result<String, StoreError> {
    unbind(tx, &role.trust, &role.trusted)
}

/// A bound policy as it is shown.
///
/// # Errors
/// The store's own.
pub(crate) fn unbind(tx: &Tx, text: &str, named: &Names) -> Result<String, StoreError> {
    if named.is_empty() {
        return Ok(text.to_owned());
    }
    let mut names = BTreeMap::new();
    for (id, arn) in named {
        let bearer = match bearer(tx, arn)? {
            Some((now, _)) if now == *id => Some(arn.clone()),
            // Renamed, or gone.
            _ => by_id(tx, account_of(arn), id)?,
        };
        names.extend(bearer.map(|arn| (id.as_str(), arn)));
    }
    Ok(rewrite_principals(text, |entry| names.get(entry).cloned()))
}

/// Whether this ARN is that of somebody: a user, a role, an account, or a session of a role that exists.
///
/// # Errors
/// The store's own.
pub(crate) fn is_somebody(tx: &Tx, arn: &str) -> Result<bool, StoreError> {
    Ok(!matches!(unique_id(tx, arn)?, Entry::Nobody))
}

/// Whether a service may assume a role, by the role's trust policy: for services that are given one and check it at
/// once (`lambda.amazonaws.com` with `sts:AssumeRole`). A role that does not exist is none that may be assumed. Keys of
/// the later request (`aws:SourceArn`) are not known yet: a condition on one of them does not hold.
///
/// # Errors
/// The store's own.
pub fn assumable_by(tx: &Tx, role_arn: &str, service: &str, now: Timestamp) -> Result<bool, StoreError> {
    let Some(account) = account_of(role_arn) else { return Ok(false) };
    let found = ROLES.get(tx, &model::named(account, super::attached::last_part(role_arn)))?;
    let Some(role) = found.filter(|role| role.arn(account) == role_arn) else { return Ok(false) };
    let Ok(policy) = Policy::load(&role.trust, PolicyKind::Trust) else { return Ok(false) };
    let source =
        PolicySource { id: role_arn.into(), attached_to: role_arn.into(), form: PolicyForm::Resource };
    let principal = Principal::Service { name: service.to_owned() };
    let time = now.iso8601();
    let context = Context::new()
        .with("aws:CurrentTime", time.as_str())
        .with("aws:PrincipalServiceName", service)
        .with("aws:PrincipalIsAWSService", "true")
        .with("aws:SourceAccount", account.as_str());
    let request = Request {
        principal: &principal,
        action: "sts:AssumeRole",
        resource: role_arn,
        resource_account: account.as_str(),
        canonical_id: None,
        context: &context,
    };
    let layers = Layers {
        resource: Some(Attached { source: &source, policy: &policy }),
        mode: ResourceMode::Required,
        ..Layers::default()
    };
    Ok(evaluate(&request, &layers).allowed)
}

enum Entry {
    /// An account's ARN, everyone, or a session.
    Keep,
    /// An account by its number, which IAM keeps as an ARN.
    Account(AccountId),
    Is {
        id: String,
        arn: String,
    },
    Nobody,
}

fn unique_id(tx: &Tx, entry: &str) -> Result<Entry, StoreError> {
    if entry == "*" {
        return Ok(Entry::Keep);
    }
    if let Some(account) = AccountId::parse(entry) {
        return Ok(Entry::Account(account));
    }
    let Some(arn) = Arn::parse(entry) else {
        let arn = by_id(tx, None, entry)?;
        return Ok(arn.map_or(Entry::Nobody, |arn| Entry::Is { id: entry.to_owned(), arn }));
    };
    match (arn.service.as_str(), arn.resource.as_str()) {
        ("iam", "root") => Ok(Entry::Keep),
        ("iam", _) => Ok(match bearer(tx, entry)? {
            Some((id, _)) => Entry::Is { id, arn: entry.to_owned() },
            None => Entry::Nobody,
        }),
        ("sts", session) => {
            let role = session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
            let account = AccountId::parse(&arn.account);
            match (role, account) {
                (Some(role), Some(account)) if !ROLES.contains(tx, &model::named(account, role))? => {
                    Ok(Entry::Nobody)
                }
                _ => Ok(Entry::Keep),
            }
        }
        _ => Ok(Entry::Keep),
    }
}

fn account_of(arn: &str) -> Option<AccountId> {
    AccountId::parse(&Arn::parse(arn)?.account)
}

/// The unique id and the account of the user or role that has exactly this ARN now.
fn bearer(tx: &Tx, text: &str) -> Result<Option<(String, AccountId)>, StoreError> {
    let Some(arn) = Arn::parse(text) else { return Ok(None) };
    let Some(account) = AccountId::parse(&arn.account) else { return Ok(None) };
    let key = model::named(account, super::attached::last_part(text));
    let found = if arn.resource.starts_with("user/") {
        USERS.get(tx, &key)?.map(|user| (user.arn(account), user.id))
    } else {
        ROLES.get(tx, &key)?.map(|role| (role.arn(account), role.id))
    };
    Ok(found.filter(|(arn, _)| arn == text).map(|(_, id)| (id, account)))
}

/// The ARN of the user or role with this unique id, in one account or anywhere. Reads them all: rare, since ARNs are
/// remembered beside the ids.
fn by_id(tx: &Tx, account: Option<AccountId>, id: &str) -> Result<Option<String>, StoreError> {
    let prefix = account.map_or_else(Key::empty, Key::account);
    let of_key = |key: &Key| match key.reader().scope() {
        Some(store::key::Scope::Account(_, account)) => Some(account),
        _ => None,
    };
    for pair in USERS.scan(tx, &prefix, Direction::Forward) {
        let (key, user) = pair?;
        if user.id == id {
            return Ok(of_key(&key).map(|account| user.arn(account)));
        }
    }
    for pair in ROLES.scan(tx, &prefix, Direction::Forward) {
        let (key, role) = pair?;
        if role.id == id {
            return Ok(of_key(&key).map(|account| role.arn(account)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{assumable_by, set};
    use crate::iam::model::{ROLES, Role, named};
    use base::{AccountId, Timestamp};
    use store::Store;

    #[test]
    fn services_assume_what_trusts_them() {
        let account = AccountId::parse("123456789012").unwrap();
        let mut tx = Store::memory().begin();
        let trust = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},
            {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:TagSession"},
            {"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole",
             "Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}"#;
        let mut role = Role { name: "r".into(), path: "/a/".into(), ..Role::default() };
        set(&tx, &mut role, trust).unwrap();
        ROLES.put(&mut tx, &named(account, "r"), &role);
        let cases = [
            ("arn:aws:iam::123456789012:role/a/r", "lambda.amazonaws.com", true),
            ("arn:aws:iam::123456789012:role/a/r", "ecs-tasks.amazonaws.com", true),
            ("arn:aws:iam::123456789012:role/a/r", "ec2.amazonaws.com", false),
            ("arn:aws:iam::123456789012:role/r", "lambda.amazonaws.com", false),
            ("arn:aws:iam::210987654321:role/a/r", "lambda.amazonaws.com", false),
            ("r", "lambda.amazonaws.com", false),
        ];
        for (arn, service, expected) in cases {
            assert_eq!(
                assumable_by(&tx, arn, service, Timestamp::from_seconds(0)),
                Ok(expected),
                "{arn} {service}"
            );
        }
    }
}
