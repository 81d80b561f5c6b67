//! ACLs of buckets and of objects.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::acl::document::{self, AccessControlPolicy, GrantView, OwnerView};
use crate::s3::acl::headers::Stated;
use crate::s3::acl::{self, accept, private};
use crate::s3::buckets::Bucket;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::events::{self, Happened};
use crate::s3::model::acl::Grant;
use crate::s3::model::bucket::{BucketRecord, Ownership};
use crate::s3::{public_access, versions};
use base::AccountId;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetBucketAcl: get_bucket_acl, "s3:GetBucketAcl", access::on_bucket;
    GetObjectAcl: [event] get_object_acl, "s3:GetObjectAcl", access::on_object;
    PutBucketAcl: put_bucket_acl, "s3:PutBucketAcl", access::on_bucket;
    PutObjectAcl: [event] put_object_acl, "s3:PutObjectAcl", access::on_object;
}

requests! {
    PutBucketAcl {
        acl: Option<String> = "ACL",
        document: Option<AccessControlPolicy> = "AccessControlPolicy",
        grant_full_control: Option<String> = "GrantFullControl",
        grant_read: Option<String> = "GrantRead",
        grant_read_acp: Option<String> = "GrantReadACP",
        grant_write: Option<String> = "GrantWrite",
        grant_write_acp: Option<String> = "GrantWriteACP",
    }

    PutObjectAcl {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        acl: Option<String> = "ACL",
        document: Option<AccessControlPolicy> = "AccessControlPolicy",
        grant_full_control: Option<String> = "GrantFullControl",
        grant_read: Option<String> = "GrantRead",
        grant_read_acp: Option<String> = "GrantReadACP",
        grant_write: Option<String> = "GrantWrite",
        grant_write_acp: Option<String> = "GrantWriteACP",
        payer: Option<String> = "RequestPayer",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct GetObjectAcl {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct AclView {
        owner: OwnerView = "Owner",
        grants: Vec<GrantView> = "Grants",
    }
}

fn view(owner: AccountId, grants: &[Grant]) -> AclView {
    AclView { owner: document::owner(owner), grants: document::views(grants) }
}

fn get_bucket_acl(cx: &mut Cx<'_>, req: OfBucket) -> Result<AclView, S3Error> {
    let record = &load(cx, &req.bucket)?.record;
    Ok(view(record.owner, &record.grants))
}

/// The list that a request states in its headers or its document, but not in both. AWS: recorded answers: what is wrong with
/// it is told before that the bucket allows none ([`accept::check_put`]).
fn stated_list(
    stated: &Stated<'_>,
    document: Option<AccessControlPolicy>,
    owner: AccountId,
    bucket: &BucketRecord,
) -> Result<Vec<Grant>, S3Error> {
    if document.is_some() && !stated.is_silent() {
        return Err(Denial::ContentUnexpected.into());
    }
    match (stated.list(owner, bucket.owner)?, document) {
        (Some(list), _) => Ok(list),
        (None, Some(document)) => document::list(document, owner),
        (None, None) => Err(S3Error::from(Denial::HeaderMissing).with("MissingHeaderName", "x-amz-acl")),
    }
}

fn check_put(cx: &Cx<'_>, bucket: &Bucket, grants: &[Grant]) -> Result<(), S3Error> {
    accept::check_put(&bucket.record, grants, || public_access::of(cx.tx, &bucket.record).block_acls)
}

fn put_bucket_acl(cx: &mut Cx<'_>, req: PutBucketAcl) -> Result<Empty, S3Error> {
    let stated = Stated {
        canned: req.acl.as_deref(),
        full_control: req.grant_full_control.as_deref(),
        read: req.grant_read.as_deref(),
        read_acp: req.grant_read_acp.as_deref(),
        write: req.grant_write.as_deref(),
        write_acp: req.grant_write_acp.as_deref(),
    };
    let bucket = load(cx, &req.bucket)?;
    let grants = stated_list(&stated, req.document, bucket.record.owner, &bucket.record)?;
    check_put(cx, &bucket, &grants)?;
    change(cx, &req.bucket, |record| {
        record.grants = grants;
        Ok(Empty)
    })
}

fn get_object_acl(cx: &mut Cx<'_>, req: GetObjectAcl) -> Result<AclView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let found = versions::wanted(cx.tx, &bucket, &req.key, req.version_id.as_deref(), "GET")?;
    let version = &found.version;
    if bucket.record.ownership == Ownership::BucketOwnerEnforced {
        return Ok(view(bucket.record.owner, &private(bucket.record.owner)));
    }
    Ok(view(version.owner, &acl::of(version)))
}

fn put_object_acl(cx: &mut Cx<'_>, req: PutObjectAcl) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let mut found = versions::wanted_itself(cx.tx, &bucket, &req.key, req.version_id.as_deref(), "PUT")?;
    let stated = Stated {
        canned: req.acl.as_deref(),
        full_control: req.grant_full_control.as_deref(),
        read: req.grant_read.as_deref(),
        read_acp: req.grant_read_acp.as_deref(),
        write: req.grant_write.as_deref(),
        write_acp: req.grant_write_acp.as_deref(),
    };
    let grants = stated_list(&stated, req.document, found.version.owner, &bucket.record)?;
    check_put(cx, &bucket, &grants)?;
    if grants.is_empty() && found.version.grants.is_empty() {
        return Err(Refusal::InvalidRequest("An object's ACL must grant something.".into()).into());
    }
    if *acl::of(&found.version) == grants[..] {
        // AWS tells of changes only.
        return Ok(Empty);
    }
    found.version.grants = grants;
    versions::change(cx, &bucket, &req.key, &mut found)?;
    let version_id = bucket.record.is_versioned().then(|| found.version.id());
    let what = Happened {
        event: "ObjectAcl:Put",
        detail_type: "Object ACL Updated",
        reason: "",
        key: &req.key,
        version: Some(&found.version),
        version_id: version_id.as_deref(),
        marker: false,
    };
    events::happened(cx, &bucket, &what)?;
    Ok(Empty)
}
