//! Tokens by which transactions are told apart: one that comes again within ten minutes is not done again.

use base::Timestamp;
use kernel::Expiring;
use std::time::Duration;
use store::{Key, Table};

store::record! {
    /// A transaction that was done.
    #[derive(Clone, PartialEq, Debug)]
    pub struct TokenRecord {
        /// SHA-256 of what it asked for.
        1 => pub request: Vec<u8>,
        2 => pub done: Timestamp,
        /// Bytes of its items, each as large as it was before or after.
        3 => pub sizes: Vec<u64>,
    }
}

/// By account, region, the caller's token.
pub const TOKENS: Table<TokenRecord> = Table::new(0x1005, "dynamodb/transaction tokens");

/// AWS: the page of TransactWriteItems.
pub const LIFE: Duration = Duration::from_secs(600);

/// Tokens of transactions that were cancelled, and what they asked for: such a one may be tried again, but no other under
/// its token. It is memory: nothing was done that a restart could do twice.
pub(crate) type Cancelled = Expiring<Key, Vec<u8>, 10_000>;
