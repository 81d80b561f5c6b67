//! Which ACLs a bucket takes for itself and for what is put into it, and who then owns it.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use super::headers::Stated;
use super::is_public;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::model::acl::Grant;
use crate::s3::model::bucket::{BucketRecord, Ownership};
use base::AccountId;

/// The one ACL that says nothing new where the bucket's owner owns everything.
const OWNER_FULL_CONTROL: &str = "bucket-owner-full-control";

/// The owner and the ACL of a new object. `uploader` is none for an anonymous one, whose objects are nobody's account's:
/// not even the bucket's owner may read them without a grant. `blocks` tells whether public ACLs are blocked.
///
/// # Errors
/// `AccessControlListNotSupported`, `AccessDenied` where public ACLs are blocked, and those of [`Stated::list`].
pub fn of_new_object(
    bucket: &BucketRecord,
    stated: &Stated<'_>,
    uploader: Option<AccountId>,
    blocks: impl FnOnce() -> bool,
) -> Result<(AccountId, Vec<Grant>), S3Error> {
    let uploader = uploader.unwrap_or(AccountId::ANONYMOUS);
    let gives_all = stated.canned == Some(OWNER_FULL_CONTROL) && !stated.has_grants();
    match bucket.ownership {
        Ownership::BucketOwnerEnforced => {
            // Both at once are refused as such before anything else.
            stated.list(bucket.owner, bucket.owner)?;
            let accepted = gives_all || stated.is_silent();
            return if accepted {
                Ok((bucket.owner, Vec::new()))
            } else {
                Err(Denial::AclUnsupported.into())
            };
        }
        Ownership::BucketOwnerPreferred if gives_all => return Ok((bucket.owner, Vec::new())),
        Ownership::BucketOwnerPreferred | Ownership::ObjectWriter => {}
    }
    let grants = stated.list(uploader, bucket.owner)?.unwrap_or_default();
    check_public(&grants, blocks)?;
    Ok((uploader, grants))
}

/// Whether an ACL may be put on the bucket or on something in it.
///
/// # Errors
/// `AccessControlListNotSupported`, `AccessDenied`.
pub fn check_put(
    bucket: &BucketRecord,
    grants: &[Grant],
    blocks: impl FnOnce() -> bool,
) -> Result<(), S3Error> {
    if bucket.ownership == Ownership::BucketOwnerEnforced {
        return Err(Denial::AclUnsupported.into());
    }
    check_public(grants, blocks)
}

/// `BlockPublicAcls`.
fn check_public(grants: &[Grant], blocks: impl FnOnce() -> bool) -> Result<(), S3Error> {
    if is_public(grants) && blocks() { Err(Refusal::AccessDenied.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(ownership: Ownership) -> BucketRecord {
        let owner = AccountId::parse("111111111111").unwrap();
        BucketRecord { ownership, owner, ..BucketRecord::default() }
    }

    #[test]
    fn who_owns_a_new_object() {
        let other = AccountId::parse("222222222222").unwrap();
        let canned = |name| Stated { canned: Some(name), ..Stated::default() };
        let of = |ownership, stated: &Stated<'_>, blocks| {
            of_new_object(&bucket(ownership), stated, Some(other), || blocks)
                .map_err(|e| e.code().to_owned())
                .map(|(o, g)| (o == other, g.len()))
        };
        let silent = Stated::default();
        assert_eq!(of(Ownership::BucketOwnerEnforced, &silent, true), Ok((false, 0)));
        assert_eq!(of(Ownership::BucketOwnerEnforced, &canned(OWNER_FULL_CONTROL), true), Ok((false, 0)));
        assert_eq!(
            of(Ownership::BucketOwnerEnforced, &canned("public-read"), false),
            Err("AccessControlListNotSupported".into())
        );
        assert_eq!(of(Ownership::BucketOwnerPreferred, &canned(OWNER_FULL_CONTROL), true), Ok((false, 0)));
        assert_eq!(of(Ownership::BucketOwnerPreferred, &silent, true), Ok((true, 0)));
        assert_eq!(of(Ownership::ObjectWriter, &canned(OWNER_FULL_CONTROL), true), Ok((true, 2)));
        assert_eq!(of(Ownership::ObjectWriter, &canned("public-read"), false), Ok((true, 2)));
        assert_eq!(of(Ownership::ObjectWriter, &canned("public-read"), true), Err("AccessDenied".into()));
    }
}
