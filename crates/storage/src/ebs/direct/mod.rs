//! The EBS direct APIs: a snapshot's blocks, read and written without any volume or machine.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html>
//!
//! Not here: public snapshots, as in AWS.

mod access;
mod read;
mod token;
mod write;

/// The service of the direct APIs.
pub static EBS: kernel::Service = kernel::Service { id: "ebs", global: false, ops: &[write::OPS, read::OPS] };
