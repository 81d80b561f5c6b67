//! AWS Fault Injection Service: experiments that stop, boot again, end and interrupt machines, cut subnets off, and let
//! calls and launches fail, to see what that does.
//!
//! An experiment does all that it does as the role of its template, and with no other rights: it looks for its targets, and
//! acts on them, by EC2's public operations. Its actions go by the cloud's clock ([`work`]), one step a transaction, so that a
//! crash neither repeats nor forgets one; an alarm of CloudWatch stops it.
//!
//! What it lets fail EC2 keeps to by itself (`ec2::fault`), and what it cuts off is cut off by network ACLs, as in AWS. Volumes
//! that it lets pause answer nothing meanwhile (`ec2::disk`).
//!
//! Not here: actions on containers, databases and the other services, targets in other accounts, logs and reports of experiments, safety levers,
//! the service-linked role. Interruptions have no rebalance recommendation before their notice. A zone fails by the
//! operator's order (`virga az fail`), as AWS has no action that takes the power of a whole zone.

mod access;
mod errors;
mod model;
mod ops;
pub mod work;

pub use errors::FisError;

pub static FIS: kernel::Service = kernel::Service {
    id: "fis",
    global: false,
    ops: &[ops::template::OPS, ops::experiment::OPS, ops::action::OPS, ops::tag::OPS],
};

/// Who acts where an experiment is carried out.
pub(crate) const SELF: &str = "fis.amazonaws.com";
