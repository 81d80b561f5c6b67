//! Canned ACLs.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>

use super::full_control;
use crate::s3::model::acl::{Grant, Grantee, Permission};
use base::AccountId;

/// The grants that a canned ACL stands for; `None` for an unknown name. `bucket_owner` differs from `owner` only where
/// an object belongs to somebody else.
pub fn grants(name: &str, owner: AccountId, bucket_owner: AccountId) -> Option<Vec<Grant>> {
    let mut list = vec![full_control(owner)];
    let mut to = |grantee, permissions: &[Permission]| {
        list.extend(permissions.iter().map(|permission| Grant { grantee, permission: *permission }));
    };
    match name {
        "private" => {}
        "public-read" => to(Grantee::AllUsers, &[Permission::Read]),
        "public-read-write" => to(Grantee::AllUsers, &[Permission::Read, Permission::Write]),
        "authenticated-read" => to(Grantee::AuthenticatedUsers, &[Permission::Read]),
        // EC2 reads bundles by its own right here; there is nobody to grant it to.
        "aws-exec-read" => {}
        "bucket-owner-read" if owner != bucket_owner => {
            to(Grantee::Account(bucket_owner), &[Permission::Read]);
        }
        "bucket-owner-full-control" if owner != bucket_owner => {
            to(Grantee::Account(bucket_owner), &[Permission::FullControl]);
        }
        "bucket-owner-read" | "bucket-owner-full-control" => {}
        "log-delivery-write" => to(Grantee::LogDelivery, &[Permission::Write, Permission::ReadAcp]),
        _ => return None,
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_name_grants() {
        let (owner, other) =
            (AccountId::parse("1").unwrap_or(AccountId::DEFAULT), AccountId::parse("222222222222").unwrap());
        let count = |name: &str, bucket_owner| grants(name, owner, bucket_owner).map(|list| list.len());
        assert_eq!(count("private", owner), Some(1));
        assert_eq!(count("public-read-write", owner), Some(3));
        assert_eq!(count("bucket-owner-full-control", owner), Some(1));
        assert_eq!(count("bucket-owner-full-control", other), Some(2));
        assert_eq!(count("log-delivery-write", owner), Some(3));
        assert_eq!(count("everybody", owner), None);
    }
}
