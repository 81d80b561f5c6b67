//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

mod harness;
mod iam_credentials;
mod iam_groups;
mod iam_keys;
mod iam_mfa;
mod iam_pems;
mod iam_policies;
mod iam_roles;
mod iam_secrets;
mod iam_users;
mod kernel_audit;
mod kernel_auth;
mod matrix;
mod organizations;
mod sts_assume_role;
