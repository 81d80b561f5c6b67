//! DynamoDB's operations, a file for each family.

pub(crate) mod batch_get;
pub(crate) mod batch_write;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod get;
pub(crate) mod insights;
pub(crate) mod kinesis;
pub(crate) mod limits;
pub(crate) mod obstacle;
pub(crate) mod partiql;
pub(crate) mod policy;
pub(crate) mod put;
pub(crate) mod query;
pub(crate) mod scan;
pub(crate) mod shapes;
pub(crate) mod table;
pub(crate) mod tag;
pub(crate) mod transact_get;
pub(crate) mod transact_write;
pub(crate) mod ttl;
pub(crate) mod update;
pub(crate) mod update_table;
