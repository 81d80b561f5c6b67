//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

mod edges;
mod fixture;
mod harness;
mod iam_credentials;
mod iam_groups;
mod iam_mfa;
mod iam_policies;
mod iam_roles;
mod iam_users;
mod kernel_audit;
mod kernel_auth;
mod kernel_bus;
mod kernel_callers;
mod kernel_clock;
mod kernel_nested;
mod kernel_reconcile;
mod kernel_requests;
mod kernel_saga;
mod matrix;
mod organizations;
mod sts_assume_role;
