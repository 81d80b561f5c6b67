//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

mod harness;
mod kernel_audit;
mod kernel_auth;
mod organizations;
mod sts_assume_role;
