//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

mod accessanalyzer;
mod cloudtrail_lookup;
mod harness;
mod iam_credentials;
mod iam_groups;
mod iam_mfa;
mod iam_policies;
mod iam_roles;
mod iam_users;
mod kernel_audit;
mod kernel_auth;
mod matrix;
mod organizations;
mod sts_assume_role;
mod tables;
