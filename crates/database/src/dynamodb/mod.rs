//! DynamoDB: tables of items.

pub mod codec;
pub mod invalid;
pub mod item;
pub mod number;
pub mod size;
pub mod value;
