//! Accounts, principals and short ways to write policies that the tables share.

use auth::policy::{
    Attached, Context, FederatingUser, Layers, Policy, PolicyForm, PolicyKind, PolicySource, Principal,
    Request,
};
use base::AccountId;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";
pub(crate) const OBJECT: &str = "arn:aws:s3:::bucket/key";

pub(crate) const USER: &str = "arn:aws:iam::111122223333:user/bob";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/path/app";
pub(crate) const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/app/one";
pub(crate) const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/fed";

pub(crate) fn account(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub(crate) fn root() -> Principal {
    Principal::Root { account: account(ACCOUNT) }
}

pub(crate) fn user() -> Principal {
    Principal::User { account: account(ACCOUNT), arn: USER.into(), id: "AIDAUSERBOB1234567890".into() }
}

pub(crate) fn session() -> Principal {
    role_session(false)
}

pub(crate) fn linked() -> Principal {
    role_session(true)
}

fn role_session(service_linked: bool) -> Principal {
    Principal::AssumedRole {
        account: account(ACCOUNT),
        role_arn: ROLE.into(),
        role_id: "AROAROLEAPP1234567890".into(),
        session_arn: SESSION.into(),
        service_linked,
    }
}

pub(crate) fn federated() -> Principal {
    let user = FederatingUser { arn: USER.into(), id: "AIDAUSERBOB1234567890".into() };
    Principal::FederatedUser { account: account(ACCOUNT), arn: FEDERATED.into(), user: Some(user) }
}

pub(crate) fn federated_root() -> Principal {
    Principal::FederatedUser { account: account(ACCOUNT), arn: FEDERATED.into(), user: None }
}

pub(crate) fn service() -> Principal {
    Principal::Service { name: "lambda.amazonaws.com".into() }
}

pub(crate) fn web() -> Principal {
    Principal::WebIdentity { provider: "arn:aws:iam::111122223333:oidc-provider/idp.example.com".into() }
}

pub(crate) fn saml() -> Principal {
    Principal::Saml { provider_arn: "arn:aws:iam::111122223333:saml-provider/adfs".into() }
}

/// A whole document around statements that are written without their outer braces.
pub(crate) fn document(statements: &[&str]) -> String {
    let statements: Vec<String> = statements.iter().map(|inner| format!("{{{inner}}}")).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

pub(crate) fn parse(kind: PolicyKind, statements: &[&str]) -> Policy {
    let text = document(statements);
    Policy::parse(&text, kind).unwrap_or_else(|e| panic!("{e}: {text}"))
}

pub(crate) fn source(id: &str) -> PolicySource {
    PolicySource { id: id.into(), attached_to: "somebody".into(), form: PolicyForm::Inline }
}

/// Whether one identity policy lets the user get the object.
pub(crate) fn allows(policy: &Policy, action: &str, resource: &str, context: &Context<'_>) -> bool {
    let (principal, source) = (user(), source("only"));
    let request = Request {
        principal: &principal,
        action,
        resource,
        resource_account: ACCOUNT,
        canonical_id: None,
        context,
    };
    let identity = [Attached { source: &source, policy }];
    auth::policy::evaluate(&request, &Layers { identity: &identity, ..Layers::default() }).allowed
}
