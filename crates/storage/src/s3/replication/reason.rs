//! Why a version does not come to its destination.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-failure-codes.html>

use crate::s3::errors::is_denied;
use wire::Fault;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    AssumeRoleNotPermitted,
    DstBucketNotFound,
    DstBucketObjectLockConfigMissing,
    DstBucketUnversioned,
    DstDelObjNotPermitted,
    DstKmsKeyInvalidState,
    DstKmsKeyNotFound,
    DstPutObjectNotPermitted,
    DstPutRetentionNotPermitted,
    DstVersionNotFound,
    SrcGetLegalHoldNotPermitted,
    SrcGetObjectNotPermitted,
    SrcGetRetentionNotPermitted,
    SrcKmsKeyInvalidState,
    SrcObjectNotEligible,
    /// The store or the contents cannot be read. AWS has no word for it.
    Internal,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::AssumeRoleNotPermitted => "AssumeRoleNotPermitted",
            Reason::DstBucketNotFound => "DstBucketNotFound",
            Reason::DstBucketObjectLockConfigMissing => "DstBucketObjectLockConfigMissing",
            Reason::DstBucketUnversioned => "DstBucketUnversioned",
            Reason::DstDelObjNotPermitted => "DstDelObjNotPermitted",
            Reason::DstKmsKeyInvalidState => "DstKmsKeyInvalidState",
            Reason::DstKmsKeyNotFound => "DstKmsKeyNotFound",
            Reason::DstPutObjectNotPermitted => "DstPutObjectNotPermitted",
            Reason::DstPutRetentionNotPermitted => "DstPutRetentionNotPermitted",
            Reason::DstVersionNotFound => "DstVersionNotFound",
            Reason::SrcGetLegalHoldNotPermitted => "SrcGetLegalHoldNotPermitted",
            Reason::SrcGetObjectNotPermitted => "SrcGetObjectNotPermitted",
            Reason::SrcGetRetentionNotPermitted => "SrcGetRetentionNotPermitted",
            Reason::SrcKmsKeyInvalidState => "SrcKmsKeyInvalidState",
            Reason::SrcObjectNotEligible => "SrcObjectNotEligible",
            Reason::Internal => "Internal",
        }
    }

    /// What KMS refuses of the key that the source lies under.
    pub(super) fn of_source_key(fault: &Fault) -> Reason {
        if is_denied(fault) { Reason::SrcGetObjectNotPermitted } else { Reason::SrcKmsKeyInvalidState }
    }

    /// What KMS refuses of the key for the replica.
    pub(super) fn of_replica_key(fault: &Fault) -> Reason {
        if is_denied(fault) {
            Reason::DstPutObjectNotPermitted
        } else if fault.code.contains("NotFound") {
            Reason::DstKmsKeyNotFound
        } else {
            Reason::DstKmsKeyInvalidState
        }
    }
}

impl From<store::StoreError> for Reason {
    fn from(error: store::StoreError) -> Reason {
        kernel::log::error("the store could not be read", &[("problem", &error.to_string())]);
        Reason::Internal
    }
}
