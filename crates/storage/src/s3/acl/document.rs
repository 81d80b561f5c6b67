//! An ACL as an XML document: `AccessControlPolicy`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AccessControlPolicy.html>

use super::{
    ALL_USERS, AUTHENTICATED_USERS, GRANTS_MAX, LOG_DELIVERY, group, headers, permission, permission_name,
};
use crate::s3::canonical;
use crate::s3::errors::{Denial, Refusal, S3Error, argument};
use crate::s3::model::acl::{Grant, Grantee};
use base::AccountId;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct AccessControlPolicy {
        pub grants: Option<Vec<GrantView>> = "Grants",
        pub owner: Option<OwnerView> = "Owner",
    }

    #[derive(Clone, Debug)]
    pub struct OwnerView {
        pub id: Option<String> = "ID",
        pub display_name: Option<String> = "DisplayName",
    }

    #[derive(Clone, Debug)]
    pub struct GrantView {
        pub grantee: Option<GranteeView> = "Grantee",
        pub permission: Option<String> = "Permission",
    }

    #[derive(Clone, Debug)]
    pub struct GranteeView {
        pub kind: String = "Type",
        pub id: Option<String> = "ID",
        pub display_name: Option<String> = "DisplayName",
        pub email: Option<String> = "EmailAddress",
        pub uri: Option<String> = "URI",
    }
}

/// Whoever owns something, as listings show it. AWS has stopped to return display names.
pub fn owner(account: AccountId) -> OwnerView {
    OwnerView { id: Some(canonical::id(account)), display_name: None }
}

/// A list as it is shown.
pub fn views(list: &[Grant]) -> Vec<GrantView> {
    list.iter().map(view).collect()
}

fn view(grant: &Grant) -> GrantView {
    let of_group = |uri: &str| GranteeView {
        kind: "Group".into(),
        id: None,
        display_name: None,
        email: None,
        uri: Some(uri.into()),
    };
    let grantee = match grant.grantee {
        Grantee::AllUsers => of_group(ALL_USERS),
        Grantee::AuthenticatedUsers => of_group(AUTHENTICATED_USERS),
        Grantee::LogDelivery => of_group(LOG_DELIVERY),
        Grantee::Account(account) => GranteeView {
            kind: "CanonicalUser".into(),
            id: Some(canonical::id(account)),
            display_name: None,
            email: None,
            uri: None,
        },
    };
    GrantView { grantee: Some(grantee), permission: Some(permission_name(grant.permission).into()) }
}

/// The list that a document states, which must name the true owner.
///
/// # Errors
/// `MalformedACLError`, `InvalidArgument`, `AccessDenied` where another owner is named.
pub fn list(document: AccessControlPolicy, owner: AccountId) -> Result<Vec<Grant>, S3Error> {
    let named = document.owner.and_then(|owner| owner.id).ok_or(Denial::AclMalformed)?;
    let Some(account) = canonical::account(&named) else {
        return Err(argument("Invalid id", "CanonicalUser/ID", &named));
    };
    if account != owner {
        return Err(Refusal::AccessDenied.into());
    }
    let grants = document.grants.ok_or(Denial::AclMalformed)?;
    if grants.len() > GRANTS_MAX {
        return Err(Denial::AclMalformed.into());
    }
    grants.into_iter().map(grant).collect()
}

/// Reads one grant.
///
/// # Errors
/// As [`list`].
pub fn grant(view: GrantView) -> Result<Grant, S3Error> {
    let permission = view.permission.as_deref().and_then(permission).ok_or(Denial::AclMalformed)?;
    let grantee = view.grantee.ok_or(Denial::AclMalformed)?;
    let grantee = match grantee.kind.as_str() {
        "CanonicalUser" => {
            headers::canonical_user(&grantee.id.ok_or(Denial::AclMalformed)?, "CanonicalUser/ID")?
        }
        "Group" => {
            let uri = grantee.uri.ok_or(Denial::AclMalformed)?;
            group(&uri).ok_or_else(|| argument("Invalid group uri", "Group/URI", &uri))?
        }
        "AmazonCustomerByEmail" => return Err(Denial::EmailGrantees.into()),
        _ => return Err(Denial::AclMalformed.into()),
    };
    Ok(Grant { grantee, permission })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::acl::private;
    use wire::Fault;

    #[test]
    fn a_list_comes_back_as_it_was_shown() {
        let account = AccountId::DEFAULT;
        let mut all = private(account);
        all.extend(crate::s3::acl::canned::grants("log-delivery-write", account, account).unwrap());
        all.extend(crate::s3::acl::canned::grants("public-read-write", account, account).unwrap());
        let document = AccessControlPolicy { grants: Some(views(&all)), owner: Some(owner(account)) };
        assert_eq!(list(document, account).unwrap(), all);
    }

    #[test]
    fn another_owner_is_refused() {
        let other = AccountId::parse("222222222222").unwrap();
        let document = AccessControlPolicy { grants: Some(Vec::new()), owner: Some(owner(other)) };
        assert_eq!(Fault::from(list(document, AccountId::DEFAULT).unwrap_err()).code, "AccessDenied");
        let silent = AccessControlPolicy { grants: None, owner: Some(owner(other)) };
        assert_eq!(Fault::from(list(silent, other).unwrap_err()).code, "MalformedACLError");
    }
}
