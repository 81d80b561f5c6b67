//! Systems Manager's Parameter Store: named values in versions, plain or sealed with KMS keys, in hierarchies.
//!
//! Promises: a `SecureString` is on the disk only as KMS's ciphertext, and who reads it needs the right to use its key;
//! versions and labels are kept as documented; AWS's public names of machine images lead to the images that this cloud
//! runs.
//!
//! Not here: parameter policies, sharing between accounts, references to Secrets Manager, and the rest of Systems Manager.

mod access;
pub mod errors;
mod filter;
mod model;
mod name;
mod ops;
mod public;
mod sealing;

/// The service.
pub static SSM: kernel::Service = kernel::Service {
    id: "ssm",
    global: false,
    ops: &[
        ops::put::OPS,
        ops::get::OPS,
        ops::path::OPS,
        ops::history::OPS,
        ops::describe::OPS,
        ops::delete::OPS,
        ops::label::OPS,
        ops::tag::OPS,
    ],
};
