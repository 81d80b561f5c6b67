//! What DynamoDB keeps: tables, their items, the entries of their indexes, their change logs and streams,
//! backups, and tokens of transactions.

pub mod backup;
pub mod bucket;
pub mod insights;
pub mod keys;
pub mod log;
pub mod name;
pub mod replica;
pub mod rows;
pub mod schema;
pub mod stream;
pub mod table;
pub mod token;
pub mod transfer;
pub mod vault;
