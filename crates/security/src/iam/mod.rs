//! IAM: users, groups, roles, policies, and every credential that they can have.
//!
//! Names are unique in an account without regard to case. Each change is one transaction; the kernel's memory of
//! callers empties with it, so a policy that was attached counts from the next request on.
//!
//! `page`, `tags`, `document`, `holder`, `attach` and `inline` are what users, groups and roles share; `ops` has a
//! file of operations for each noun, `access` says what each of them touches.

pub mod access;
pub mod attach;
mod attached;
pub mod delegation;
pub mod directory;
pub mod document;
pub mod errors;
mod exclusion;
mod granting;
pub mod holder;
pub mod inline;
mod last_access;
pub mod last_used;
pub mod managed;
pub mod mfa;
pub mod model;
pub mod ops;
pub mod page;
pub mod password;
pub(crate) mod pem;
mod qr;
mod report;
pub mod root_device;
mod saml;
pub mod service_linked;
mod simulation;
mod source;
pub(crate) mod ssh;
mod subject;
pub mod tags;
pub mod totp;
pub mod trust;
pub(crate) mod x509;

pub(crate) use attached::last_part;
pub use errors::IamError;
pub(crate) use errors::quota;

/// The service's door.
pub static IAM: kernel::Service = kernel::Service {
    id: "iam",
    global: true,
    ops: &[
        ops::user::OPS,
        ops::group::OPS,
        ops::access_key::OPS,
        ops::login_profile::OPS,
        ops::account::OPS,
        ops::account_properties::OPS,
        ops::mfa::OPS,
        ops::ssh_public_key::OPS,
        ops::service_credential::OPS,
        ops::signing_certificate::OPS,
        ops::server_certificate::OPS,
        ops::policy::OPS,
        ops::policy_list::OPS,
        ops::policy_version::OPS,
        ops::role::OPS,
        ops::role_policy::OPS,
        ops::instance_profile::OPS,
        ops::service_linked::OPS,
        ops::oidc_provider::OPS,
        ops::saml_provider::OPS,
        ops::root_access::OPS,
        ops::outbound_federation::OPS,
        ops::simulate::OPS,
        ops::authorization_details::OPS,
        ops::service_access::OPS,
        ops::organization_access::OPS,
        ops::delegation_request::OPS,
        ops::delegation_answer::OPS,
    ],
};
