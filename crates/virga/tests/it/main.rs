//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

mod accessanalyzer;
mod cloudtrail_lookup;
mod harness;
mod iam_credentials;
mod iam_groups;
mod iam_keys;
mod iam_mfa;
mod iam_pems;
mod iam_policies;
mod iam_providers;
mod iam_reports;
mod iam_roles;
mod iam_users;
mod kernel_audit;
mod kernel_auth;
mod kms_access;
mod kms_crypto;
mod kms_grants;
mod kms_life;
mod kms_keys;
mod matrix;
mod organizations;
mod sts_assume_role;
mod sts_sessions;
mod sts_web_identity;
mod tables;
