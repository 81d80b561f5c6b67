//! How fast an instance is just now. Machines say it, networks hold them to it: the one record that both rooms write and
//! read, so it stands between them.

use base::{AccountId, Region};
use store::{Read, StoreError, Table};

store::record! {
    /// Under an instance's key: bits a second, each way, by all its interfaces together.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Bandwidth {
        1 => pub receives: u64,
        2 => pub sends: u64,
    }
}

pub const BANDWIDTHS: Table<Bandwidth> = Table::new(0x1F0A, "ec2/bandwidths");

/// # Errors
/// When the store cannot be read.
pub fn of(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    instance: &str,
) -> Result<Option<Bandwidth>, StoreError> {
    BANDWIDTHS.get(from, &crate::register::key(account, region, instance))
}
