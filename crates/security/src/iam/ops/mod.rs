//! The operations, one file for each noun.
#![allow(clippy::needless_pass_by_value, reason = "the operation table hands each request over by value")]

pub mod access_key;
pub mod account;
pub mod account_properties;
pub mod authorization_details;
pub mod delegation_answer;
pub mod delegation_request;
pub mod group;
pub mod instance_profile;
pub mod login_profile;
pub mod mfa;
pub mod oidc_provider;
pub mod organization_access;
pub mod outbound_federation;
pub mod policy;
pub mod policy_list;
pub mod policy_version;
pub mod role;
pub mod role_policy;
pub mod root_access;
pub mod saml_provider;
pub mod server_certificate;
pub mod service_access;
pub mod service_credential;
pub mod service_linked;
pub mod signing_certificate;
pub mod simulate;
pub mod ssh_public_key;
pub mod user;

use super::IamError;

/// A credential's `Status` in a request.
///
/// # Errors
/// `InvalidInput` for `Expired`, which only time can set.
pub(crate) fn active(status: &str) -> Result<bool, IamError> {
    match status {
        "Active" => Ok(true),
        "Inactive" => Ok(false),
        other => Err(IamError::InvalidInput(format!("The status {other} cannot be set."))),
    }
}

/// A credential's `Status` in an answer.
pub(crate) fn status(active: bool) -> String {
    if active { "Active".into() } else { "Inactive".into() }
}
