//! Amazon S3 Glacier: vaults of archives, which are brought back by jobs that take hours.
//!
//! An archive is a series of parts, encrypted like S3's objects; its tree hash ([`tree`]) is computed while the bytes come
//! in, and those of ranges from the leaves that are kept. Inventories are taken a day after the first change that they
//! lack; jobs end by the cloud's clock ([`work`]), tell topics of it, and their outputs can be had for a day.
//!
//! A vault's access policy and its lock decide together ([`policy`]); a lock that was completed stays for ever.
//!
//! Not here: select jobs. Provisioned capacity can be bought, but expedited retrievals are never refused without it.

mod access;
mod archives;
mod errors;
mod intake;
mod inventory;
mod jobs;
mod model;
mod ops;
mod policy;
mod quota;
mod range;
mod tree;
mod vaults;
pub mod work;

pub static GLACIER: kernel::Service = kernel::Service {
    id: "glacier",
    global: false,
    ops: &[
        ops::archive::OPS,
        ops::capacity::OPS,
        ops::job::OPS,
        ops::lock::OPS,
        ops::notification::OPS,
        ops::output::OPS,
        ops::part::OPS,
        ops::policy::OPS,
        ops::retrieval_policy::OPS,
        ops::tag::OPS,
        ops::upload::OPS,
        ops::vault::OPS,
    ],
};
