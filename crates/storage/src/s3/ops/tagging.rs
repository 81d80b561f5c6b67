//! Tags of buckets and of objects.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::errors::{Denial, S3Error};
use crate::s3::events::{self, Happened};
use crate::s3::tags::{self, TagView, Tagging};
use crate::s3::versions::{self, Found};
use base::tag::is_reserved;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketTagging: delete_bucket_tags, "s3:PutBucketTagging", access::on_bucket;
    DeleteObjectTagging: [event] delete_object_tags, "s3:DeleteObjectTagging", access::on_object;
    GetBucketTagging: get_bucket_tags, "s3:GetBucketTagging", access::on_bucket;
    GetObjectTagging: [event] get_object_tags, "s3:GetObjectTagging", access::on_object;
    PutBucketTagging: put_bucket_tags, "s3:PutBucketTagging", access::on_bucket;
    PutObjectTagging: [event] put_object_tags, "s3:PutObjectTagging", access::on_object;
}

requests! {
    PutBucketTags { tagging: Tagging = "Tagging" }

    PutObjectTags {
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        tagging: Tagging = "Tagging",
        payer: Option<String> = "RequestPayer",
    }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct OfObject {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteObjectTags {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TagsOfObject {
        version_id: Option<String> = "VersionId",
        tags: Vec<TagView> = "TagSet",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Touched { version_id: Option<String> = "VersionId" }
}

fn put_bucket_tags(cx: &mut Cx<'_>, req: PutBucketTags) -> Result<Empty, S3Error> {
    let service = cx.caller.service_id().map(str::to_owned);
    change(cx, &req.bucket, |record| {
        record.tags = tags::put(&record.tags, req.tagging.tags, service.as_deref())?;
        Ok(Empty)
    })
}

fn get_bucket_tags(cx: &mut Cx<'_>, req: OfBucket) -> Result<Tagging, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    if bucket.record.tags.is_empty() {
        return Err(Denial::TagSetMissing(req.bucket).into());
    }
    Ok(Tagging { tags: tags::views(&bucket.record.tags) })
}

fn delete_bucket_tags(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    change(cx, &req.bucket, |record| {
        record.tags.retain(|key, _| is_reserved(key));
        Ok(Empty)
    })
}

fn put_object_tags(cx: &mut Cx<'_>, req: PutObjectTags) -> Result<Touched, S3Error> {
    let tags = tags::of_views(req.tagging.tags, tags::OF_OBJECT_MAX)?;
    let bucket = load(cx, &req.bucket)?;
    let mut found = versions::wanted_itself(cx.tx, &bucket, &req.key, req.version_id.as_deref(), "PUT")?;
    found.version.tags = tags;
    touch(cx, &bucket, &req.key, found, ("ObjectTagging:Put", "Object Tags Added"))
}

fn get_object_tags(cx: &mut Cx<'_>, req: OfObject) -> Result<TagsOfObject, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let found = versions::wanted_itself(cx.tx, &bucket, &req.key, req.version_id.as_deref(), "GET");
    // AWS: of this one operation the key is told with its bucket.
    let found = found.map_err(|error| match error.code() {
        "NoSuchKey" => error.with("Key", [&req.bucket, "/", &req.key].concat()),
        _ => error,
    })?;
    Ok(TagsOfObject {
        version_id: bucket.record.is_versioned().then(|| found.version.id()),
        tags: tags::views(&found.version.tags),
    })
}

fn delete_object_tags(cx: &mut Cx<'_>, req: DeleteObjectTags) -> Result<Touched, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let mut found = versions::wanted_itself(cx.tx, &bucket, &req.key, req.version_id.as_deref(), "DELETE")?;
    found.version.tags.clear();
    touch(cx, &bucket, &req.key, found, ("ObjectTagging:Delete", "Object Tags Deleted"))
}

/// Keeps the version's new tags, and tells of them.
fn touch(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    mut found: Found,
    (event, detail_type): (&'static str, &'static str),
) -> Result<Touched, S3Error> {
    versions::change(cx, bucket, key, &mut found)?;
    let version_id = bucket.record.is_versioned().then(|| found.version.id());
    let what = Happened {
        event,
        detail_type,
        reason: "",
        key,
        version: Some(&found.version),
        version_id: version_id.as_deref(),
        marker: false,
    };
    events::happened(cx, bucket, &what)?;
    Ok(Touched { version_id })
}
