//! What DynamoDB keeps: tables, their items, the entries of their indexes, and tokens of transactions.

pub mod bucket;
pub mod keys;
pub mod name;
pub mod rows;
pub mod schema;
pub mod table;
pub mod token;
pub mod vault;
