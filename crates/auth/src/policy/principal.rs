//! Who makes a request, and how a policy's `Principal` names them.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use base::AccountId;
use std::borrow::Cow;

/// The authenticated (or not) maker of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Principal {
    /// The root user of an account.
    Root { account: AccountId },
    /// An IAM user; `id` is its unique id (`AIDA...`).
    User { account: AccountId, arn: String, id: String },
    /// A session of a role: `role_arn` with its path, `role_id` (`AROA...`), and the session's own ARN
    /// (`arn:aws:sts::111122223333:assumed-role/name/session`).
    AssumedRole {
        account: AccountId,
        role_arn: String,
        role_id: String,
        session_arn: String,
        service_linked: bool,
    },
    /// A session of `GetFederationToken`, with the IAM user that asked for it; without one, the root user did.
    FederatedUser { account: AccountId, arn: String, user: Option<FederatingUser> },
    /// The bearer of a web identity token, before it becomes a role session. `provider` is what a trust policy's
    /// `Federated` names: an OIDC provider's ARN, or `accounts.google.com` and its like.
    WebIdentity { provider: String },
    /// The bearer of a SAML assertion, before it becomes a role session.
    Saml { provider_arn: String },
    /// An AWS service acting for itself: `lambda.amazonaws.com`.
    Service { name: String },
    /// Nobody: the request carried no credentials.
    Anonymous,
}

/// The IAM user behind a federated user session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FederatingUser {
    pub arn: String,
    pub id: String,
}

impl Principal {
    /// The account whose policies apply to this principal; services, token bearers and anonymous callers have none.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Principal::Root { account }
            | Principal::User { account, .. }
            | Principal::AssumedRole { account, .. }
            | Principal::FederatedUser { account, .. } => Some(*account),
            Principal::WebIdentity { .. }
            | Principal::Saml { .. }
            | Principal::Service { .. }
            | Principal::Anonymous => None,
        }
    }

    pub fn is_root(&self) -> bool {
        matches!(self, Principal::Root { .. })
    }

    /// As `GetCallerIdentity` and denial messages print it. Service names and providers stand for themselves.
    pub fn arn(&self) -> Cow<'_, str> {
        match self {
            Principal::Root { account } => Cow::Owned(format!("arn:aws:iam::{account}:root")),
            Principal::User { arn, .. } | Principal::FederatedUser { arn, .. } => Cow::Borrowed(arn),
            Principal::AssumedRole { session_arn, .. } => Cow::Borrowed(session_arn),
            Principal::WebIdentity { provider } => Cow::Borrowed(provider),
            Principal::Saml { provider_arn } => Cow::Borrowed(provider_arn),
            Principal::Service { name } => Cow::Borrowed(name),
            Principal::Anonymous => Cow::Borrowed("anonymous"),
        }
    }

    /// A service-linked role: neither service nor resource control policies apply to it.
    pub fn is_service_linked(&self) -> bool {
        matches!(self, Principal::AssumedRole { service_linked: true, .. })
    }
}

/// How closely a resource policy names the one who asks. The order is that of strength: in the same account, what
/// names the session or the user itself is a grant that boundaries and session policies do not limit; what names the
/// role does not lift those limits; what names the account only delegates to the account's own policies.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Naming {
    No,
    Account,
    Role,
    Direct,
}

/// One entry of a `Principal` or `NotPrincipal`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// `"*"` or `{"AWS": "*"}`, which AWS documents as equal.
    Everyone,
    /// Twelve digits or the root ARN of an account.
    Account(AccountId),
    /// The ARN of a user, a role, a role session or a federated user session.
    Arn(Box<str>),
    /// The unique id of a user or a role, which is what IAM stores when it saves a trust policy.
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    CanonicalUser(Box<str>),
}

impl Named {
    /// An entry of the `AWS` list. `None`: it is none of the forms that the language has.
    pub(super) fn aws(text: &str) -> Option<Named> {
        if text == "*" {
            return Some(Named::Everyone);
        }
        if let Some(account) = AccountId::parse(text) {
            return Some(Named::Account(account));
        }
        if !text.starts_with("arn:") {
            let id = text.len() >= 16 && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric());
            return id.then(|| Named::UniqueId(text.into()));
        }
        let arn = base::Arn::parse(text)?;
        if !arn.region.is_empty() || text.contains(['*', '?']) {
            return None;
        }
        // CloudFront's origin access identities are users of an account by that name.
        if arn.account == "cloudfront" && arn.service == "iam" && named_under(&arn.resource, "user/") {
            return Some(Named::Arn(text.into()));
        }
        let account = AccountId::parse(&arn.account)?;
        match (arn.service.as_str(), arn.resource.as_str()) {
            ("iam", "root") => Some(Named::Account(account)),
            ("iam", r) if named_under(r, "user/") || named_under(r, "role/") => Some(Named::Arn(text.into())),
            ("sts", r) if named_under(r, "assumed-role/") || named_under(r, "federated-user/") => {
                Some(Named::Arn(text.into()))
            }
            _ => None,
        }
    }

    /// How this entry names the principal; `canonical` is the canonical user id of the principal's account.
    pub(super) fn names(&self, principal: &Principal, canonical: Option<&str>) -> Naming {
        match self {
            Named::Everyone => Naming::Direct,
            Named::Account(named) => match principal {
                Principal::Root { account } if account == named => Naming::Direct,
                _ if principal.account() == Some(*named) => Naming::Account,
                _ => Naming::No,
            },
            Named::Arn(arn) => names_arn(arn, principal),
            Named::UniqueId(id) => match principal {
                Principal::User { id: own, .. } if **id == **own => Naming::Direct,
                Principal::AssumedRole { role_id, .. } if **id == **role_id => Naming::Role,
                Principal::FederatedUser { user: Some(user), .. } if **id == *user.id => Naming::Role,
                _ => Naming::No,
            },
            Named::Service(named) => match principal {
                Principal::Service { name } if **named == **name || &**named == "*" => Naming::Direct,
                _ => Naming::No,
            },
            Named::Federated(named) => match principal {
                Principal::WebIdentity { provider: own } | Principal::Saml { provider_arn: own }
                    if **named == **own || &**named == "*" =>
                {
                    Naming::Direct
                }
                _ => Naming::No,
            },
            Named::CanonicalUser(id) => match principal {
                Principal::Root { .. } if canonical == Some(id) => Naming::Direct,
                _ if principal.account().is_some() && canonical == Some(id) => Naming::Account,
                _ => Naming::No,
            },
        }
    }

    /// Whether this entry is exactly one link of the chain account, role, session that a `NotPrincipal` is read
    /// against.
    fn is_link(&self, link: &Link<'_>, canonical: Option<&str>) -> bool {
        match (self, link) {
            (Named::Everyone, _) => true,
            (Named::Account(named), Link::Account(account)) => named == account,
            (Named::CanonicalUser(id), Link::Account(_)) => canonical == Some(id),
            (Named::Arn(arn), Link::Entity { arn: own, .. }) => **arn == **own,
            (Named::UniqueId(id), Link::Entity { id: own, .. }) => *own == Some(id),
            (Named::Service(_), Link::Outsider(p)) | (Named::Federated(_), Link::Outsider(p)) => {
                self.names(p, None) == Naming::Direct
            }
            _ => false,
        }
    }
}

fn named_under(resource: &str, prefix: &str) -> bool {
    resource.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())
}

fn names_arn(arn: &str, principal: &Principal) -> Naming {
    match principal {
        Principal::User { arn: own, .. } | Principal::FederatedUser { arn: own, .. } if arn == own => {
            Naming::Direct
        }
        Principal::AssumedRole { session_arn, .. } if arn == session_arn => Naming::Direct,
        Principal::AssumedRole { role_arn, .. } if arn == role_arn => Naming::Role,
        Principal::FederatedUser { user: Some(user), .. } if arn == user.arn => Naming::Role,
        _ => Naming::No,
    }
}

/// What a principal is made of, from the account down to the session.
enum Link<'p> {
    Account(AccountId),
    Entity { arn: &'p str, id: Option<&'p str> },
    Outsider(&'p Principal),
}

fn chain(principal: &Principal) -> Vec<Link<'_>> {
    match principal {
        Principal::Root { account } => vec![Link::Account(*account)],
        Principal::User { account, arn, id } => {
            vec![Link::Account(*account), Link::Entity { arn, id: Some(id) }]
        }
        Principal::AssumedRole { account, role_arn, role_id, session_arn, .. } => vec![
            Link::Account(*account),
            Link::Entity { arn: role_arn, id: Some(role_id) },
            Link::Entity { arn: session_arn, id: None },
        ],
        Principal::FederatedUser { account, arn, user } => {
            let mut links = vec![Link::Account(*account)];
            links.extend(user.iter().map(|user| Link::Entity { arn: &user.arn, id: Some(&user.id) }));
            links.push(Link::Entity { arn, id: None });
            links
        }
        Principal::WebIdentity { .. }
        | Principal::Saml { .. }
        | Principal::Service { .. }
        | Principal::Anonymous => vec![Link::Outsider(principal)],
    }
}

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Principals {
    These(Vec<Named>),
    AllBut(Vec<Named>),
}

impl Principals {
    /// How the element names the principal, for a statement that denies or not.
    ///
    /// `NotPrincipal` is read along the chain account, role, session, as AWS does: a Deny spares only whom it lists
    /// link by link, and an Allow leaves out whoever has one link listed.
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
    pub(super) fn names(&self, principal: &Principal, canonical: Option<&str>, denies: bool) -> Naming {
        match self {
            Principals::These(list) => {
                list.iter().map(|named| named.names(principal, canonical)).max().unwrap_or(Naming::No)
            }
            Principals::AllBut(list) => {
                let listed = |link: &Link<'_>| list.iter().any(|named| named.is_link(link, canonical));
                let mut links = chain(principal).into_iter();
                let spared = if denies { links.all(|l| listed(&l)) } else { links.any(|l| listed(&l)) };
                if spared { Naming::No } else { Naming::Direct }
            }
        }
    }
}
