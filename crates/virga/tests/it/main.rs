//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

mod accessanalyzer;
mod cloudtrail_lookup;
mod harness;
mod iam_policies;
mod iam_roles;
mod kernel_audit;
mod kernel_auth;
mod matrix;
mod sts_assume_role;
mod tables;
