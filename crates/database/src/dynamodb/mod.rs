//! DynamoDB: tables of items.

pub mod codec;
pub mod expression;
pub mod invalid;
pub mod item;
pub mod legacy;
pub mod number;
pub mod partiql;
pub mod path;
pub mod reserved;
pub mod size;
pub mod value;
