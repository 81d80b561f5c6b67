//! The public access block that holds for a bucket: its own, and its owner's for all buckets. Of the two the stricter.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use super::model::bucket::{BucketRecord, PublicAccess};
use base::AccountId;
use store::{Key, Read, StoreError, Table};

/// Of all buckets of an account, in every region.
const OF_ACCOUNTS: Table<PublicAccess> = Table::new(0x203A, "s3/public access of accounts");

/// What blocks everything.
pub(crate) const ALL: PublicAccess =
    PublicAccess { block_acls: true, ignore_acls: true, block_policy: true, restrict: true };

/// # Errors
/// The store's.
pub(crate) fn of_account(from: &dyn Read, account: AccountId) -> Result<Option<PublicAccess>, StoreError> {
    OF_ACCOUNTS.get(from, &Key::account(account))
}

pub(crate) fn put_of_account(tx: &mut store::Tx, account: AccountId, block: Option<&PublicAccess>) {
    match block {
        Some(block) => OF_ACCOUNTS.put(tx, &Key::account(account), block),
        None => OF_ACCOUNTS.delete(tx, &Key::account(account)),
    }
}

/// What holds for a bucket: everything, where that cannot be read.
pub(crate) fn of(from: &dyn Read, bucket: &BucketRecord) -> PublicAccess {
    let of_account = match of_account(from, bucket.owner) {
        Ok(block) => block.unwrap_or_default(),
        Err(problem) => {
            kernel::log::error("a public access block cannot be read", &[("problem", &problem.to_string())]);
            ALL
        }
    };
    match &bucket.public_access {
        Some(own) => own.with(&of_account),
        None => of_account,
    }
}

impl PublicAccess {
    fn with(&self, other: &PublicAccess) -> PublicAccess {
        PublicAccess {
            block_acls: self.block_acls || other.block_acls,
            ignore_acls: self.ignore_acls || other.ignore_acls,
            block_policy: self.block_policy || other.block_policy,
            restrict: self.restrict || other.restrict,
        }
    }
}
