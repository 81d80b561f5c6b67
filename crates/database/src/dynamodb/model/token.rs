//! Tokens by which transactions are told apart: one that comes again within ten minutes is not done again.

use base::Timestamp;
use std::time::Duration;
use store::Table;

store::record! {
    /// A transaction that was done.
    #[derive(Clone, PartialEq, Debug)]
    pub struct TokenRecord {
        /// SHA-256 of what it asked for.
        1 => pub request: Vec<u8>,
        2 => pub done: Timestamp,
    }
}

/// By account, region, the caller's token.
pub const TOKENS: Table<TokenRecord> = Table::new(0x1005, "dynamodb/transaction tokens");

/// AWS: the page of TransactWriteItems.
pub const LIFE: Duration = Duration::from_secs(600);
