//! IAM's records. One file for each noun; each says how its names become keys.
//!
//! Names of users, groups, roles, policies and profiles are unique in an account without regard to case, so keys
//! hold them in lower case and records as they were given.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

mod access_key;
mod account;
mod credentials;
mod delegation;
mod group;
mod instance_profile;
mod job;
mod policy;
mod provider;
mod role;
mod root_access;
mod user;

pub use access_key::{ACCESS_KEYS, AccessKey};
pub use account::{ACCOUNTS, ALIASES, Account, Alias, PasswordPolicy, REPORTS, Report};
pub use credentials::{
    LOGIN_PROFILES, LoginProfile, MFA_DEVICES, MfaDevice, SERVER_CERTIFICATES, SERVICE_CREDENTIALS,
    SIGNING_CERTIFICATES, SSH_PUBLIC_KEYS, ServerCertificate, ServiceCredential, SigningCertificate,
    SshPublicKey, mfa_key, of_user,
};
pub use delegation::{
    DELEGATION_REQUESTS, DELEGATIONS_DUE, DelegationDue, DelegationRequest, DelegationState, OWNED_REQUESTS,
    OwnedRequest, PARTNER_BOUNDARIES, PROVIDERS, Provider, Registered, TEMPLATES, TemplateParameter,
    WORKFLOWS, workflow_key,
};
pub use group::{GROUPS, Group};
pub use instance_profile::{INSTANCE_PROFILES, InstanceProfile, PROFILES_BY_ROLE, role_key};
pub use job::{
    ACCESS_REPORTS, AccessReport, ActionUse, EntityUse, ROLE_DELETIONS, RoleDeletion, ServiceAccess, job_key,
};
pub use policy::{
    ATTACHMENTS, EntityKind, MANAGED_POLICIES, ManagedPolicy, PolicyVersion, attached_prefix, attachment_key,
};
pub use provider::{OIDC_PROVIDERS, OidcProvider, SAML_PROVIDERS, SamlProvider, provider_key};
pub use role::{ROLES, Role};
pub use root_access::{ROOT_ACCESS, RootAccess, root_access_key};
pub use user::{USERS, User};

use base::AccountId;
use store::Key;

/// The key of whatever an account has under a name.
pub fn named(account: AccountId, name: &str) -> Key {
    Key::account(account).str(&name.to_ascii_lowercase())
}

/// `arn:aws:iam::account:kind` and path and name: `user/team/eva`.
pub fn arn(account: AccountId, kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}{path}{name}")
}
