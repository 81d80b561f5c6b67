//! Organizations: accounts under one management account, in a tree of organizational units, with policies that say
//! what may be done in them at most.
//!
//! Everything here acts: service and resource control policies are part of each authorization ([`control`]), an
//! account that is created can be entered through its access role, one that is closed can do nothing any more.
//! Changes count from the next request on.
//!
//! Trusted access can be given to IAM alone ([`trust`]): no other service of this cloud asks for it.
//!
//! Not here: policy types other than the two that authorize (they are refused), resource policies, responsibility
//! transfers, billing.

pub mod access;
pub mod control;
pub mod create;
pub mod errors;
pub mod model;
pub mod ops;
pub mod page;
pub mod tree;
pub mod trust;

/// The service's door.
pub static ORGANIZATIONS: kernel::Service = kernel::Service {
    id: "organizations",
    global: true,
    ops: &[
        ops::organization::OPS,
        ops::unit::OPS,
        ops::account::OPS,
        ops::account_list::OPS,
        ops::handshake::OPS,
        ops::policy::OPS,
        ops::attachment::OPS,
        ops::policy_type::OPS,
        ops::tag::OPS,
        ops::trusted::OPS,
    ],
};
