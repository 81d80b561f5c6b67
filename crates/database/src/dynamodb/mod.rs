//! DynamoDB: tables of items.
