//! DynamoDB: tables of items.
//!
//! Items and the entries of their indexes lie in the ordered store, so a query is a walk through a range
//! ([`model::keys`]), and every write brings its item, all indexes and the time-to-live list along in one
//! transaction ([`write`]). All reads are consistent, global indexes' too, unless the cloud is asked to lag ([`lag`]). Transactions are serializable against
//! everything; those that meet are run again rather than refused. Expressions are pure code ([`expression`]).
//!
//! Throughput is what [`throttle`] lets in. Rows of tables with a KMS key lie sealed ([`encryption`]). Calls about items
//! are data events: their audit record is not part of their transaction. CloudWatch is told of them ([`vitals`]),
//! and of who uses most, where that is asked for ([`insights`]).
//!
//! Streams ([`streams`]) show what happened to items, from a log that is written with them ([`change`]).
//!
//! Backups and past moments ([`backups`]) are kept as what was changed since.
//!
//! Replicas in other regions ([`global`]) take each other's writes.
//!
//! Its bodies travel packed where clients ask for that (`kernel::coding`); health checks and preflights are answered at
//! the [`door`].
//!
//! Past states go to S3, and new tables come from there ([`transfer`]).
//!
//! Not here: another KMS key for a table that has replicas. Vector indexes are refused.

mod access;
mod action;
pub mod backups;
mod capacity;
pub mod census;
mod change;
pub mod codec;
mod definition;
pub mod door;
mod encryption;
mod errors;
pub mod expression;
pub mod global;
pub mod insights;
pub mod invalid;
pub mod item;
mod lag;
pub mod legacy;
mod listing;
pub mod metering;
pub mod model;
pub mod number;
mod ops;
pub mod partiql;
pub mod path;
mod read;
mod request;
pub mod reserved;
pub mod size;
pub mod streams;
pub(crate) mod throttle;
mod throughput;
pub mod transfer;
pub mod value;
pub mod vitals;
pub mod work;
mod write;

pub use errors::{Error, Refusal};

pub static DYNAMODB: kernel::Service = kernel::Service {
    id: "dynamodb",
    global: false,
    ops: &[
        backups::CONTINUOUS,
        backups::DESCRIBE,
        backups::LIST,
        backups::MAKE,
        backups::RESTORE,
        global::legacy::OPS,
        ops::batch_get::OPS,
        ops::batch_write::OPS,
        ops::delete::OPS,
        ops::describe::OPS,
        ops::get::OPS,
        ops::insights::OPS,
        ops::kinesis::OPS,
        ops::limits::OPS,
        ops::partiql::batch::OPS,
        ops::partiql::execute::OPS,
        ops::partiql::transaction::OPS,
        ops::policy::OPS,
        ops::put::OPS,
        ops::query::OPS,
        ops::scan::OPS,
        ops::table::OPS,
        ops::tag::OPS,
        ops::transact_get::OPS,
        ops::transact_write::OPS,
        ops::ttl::OPS,
        ops::update::OPS,
        ops::update_table::OPS,
        transfer::DESCRIBE,
        transfer::EXPORT,
        transfer::IMPORT,
        transfer::LIST,
    ],
};
