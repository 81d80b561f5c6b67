//! `CopyObject`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>

use super::get::quoted;
use super::put::{Prepared, Way, again, store, tell};
use crate::outgo::Plan;
use crate::s3::access;
use crate::s3::buckets::{self, Bucket};
use crate::s3::content::checksum::{self, Checksummed, with_checksums};
use crate::s3::content::encryption::{self, Customer, Sealed};
use crate::s3::content::intake::{self, Draft, Kinds, Received, broken, disk};
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::model::object::{Encryption, Version};
use crate::s3::request::attributes::Attributes;
use crate::s3::request::attributes::with_attributes;
use crate::s3::request::conditions::{Reading, Writing};
use crate::s3::request::door;
use crate::s3::request::source::{self, Source};
use crate::s3::tiering;
use crate::s3::usage::{self, kinds};
use crate::s3::{expiry, restore, versions};
use auth::sigv4::ChecksumKind;
use base::Timestamp;
use blob::cipher::Root;
use kernel::{Answer, Body, Cx, Dx};
use std::sync::Arc;
use tokio::task::spawn_blocking;
use wire::shape;

kernel::ops! { pub(crate) static OPS:
    CopyObject: [data] copy_object, "s3:PutObject", access::copy_object;
}

with_attributes! { shape =>
    #[derive(Clone, Debug)]
    pub(crate) struct CopyObject {
        bucket: String = "Bucket",
        key: String = "Key",
        source: String = "CopySource",
        source_if_match: Option<String> = "CopySourceIfMatch",
        source_if_none_match: Option<String> = "CopySourceIfNoneMatch",
        source_if_modified_since: Option<Timestamp> = "CopySourceIfModifiedSince",
        source_if_unmodified_since: Option<Timestamp> = "CopySourceIfUnmodifiedSince",
        source_customer_algorithm: Option<String> = "CopySourceSSECustomerAlgorithm",
        source_customer_key: Option<String> = "CopySourceSSECustomerKey",
        source_customer_md5: Option<String> = "CopySourceSSECustomerKeyMD5",
        metadata_directive: Option<String> = "MetadataDirective",
        tagging_directive: Option<String> = "TaggingDirective",
        algorithm: Option<String> = "ChecksumAlgorithm",
        if_match: Option<String> = "IfMatch",
        if_none_match: Option<String> = "IfNoneMatch",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        expected_source_owner: Option<String> = "ExpectedSourceBucketOwner",
    }
}

shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CopyObjectAnswer {
        result: CopyResult = "CopyObjectResult",
        expiration: Option<String> = "Expiration",
        source_version_id: Option<String> = "CopySourceVersionId",
        version_id: Option<String> = "VersionId",
        sse: Option<String> = "ServerSideEncryption",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        kms_key: Option<String> = "SSEKMSKeyId",
        kms_context: Option<String> = "SSEKMSEncryptionContext",
        bucket_key: Option<bool> = "BucketKeyEnabled",
        charged: Option<String> = "RequestCharged",
        /// A header that the model does not have.
        class: Option<String> = "StorageClass",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct CopyResult {
        modified: Timestamp = "LastModified",
        etag: String = "ETag",
    } then {
        checksum_type: Option<String> = "ChecksumType",
    }
}

const COPY: Way = Way("ObjectCreated:Copy", "CopyObject");

/// The source of a copy, found and open.
pub(crate) struct Opened {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) version: Version,
    pub(crate) root: Root,
}

impl Opened {
    /// Counts what is read of it, where its class makes that cost.
    pub(crate) fn retrieved(&self, dx: &Dx, operation: &str, bytes: u64) {
        if let Some(kind) = kinds::retrieved(self.version.class) {
            dx.meter(&usage::line(&self.bucket.record, None, kind, operation), bytes);
        }
    }
}

/// Finds a source and holds it against its conditions.
pub(crate) fn open(
    cx: &mut Cx<'_>,
    source: &Source,
    conditions: &Reading,
    customer: &Customer,
) -> Result<Opened, S3Error> {
    let bucket = buckets::load(cx.cloud(), cx.tx, &source.bucket)?;
    let found = versions::wanted(cx.tx, &bucket, &source.key, source.version.as_deref(), "GET");
    let version = match found {
        Ok(found) => found.version,
        Err(error) if error.code() == "MethodNotAllowed" => {
            let message =
                "The source of a copy request may not specifically refer to a delete marker by version id.";
            return Err(Refusal::InvalidRequest(message.to_owned()).into());
        }
        Err(error) => return Err(error.without_headers()),
    };
    if !restore::is_readable(&version, cx.now) {
        return Err(Refusal::SourceState(version.class, version.archive).into());
    }
    encryption::check_customer(&version.encryption, customer)?;
    conditions.check_source(&version, cx.now)?;
    let root = encryption::open(cx, &bucket, &source.key, &version.encryption, customer)?;
    Ok(Opened { bucket, version, root })
}

/// Reads a range of the source and writes it anew.
pub(crate) async fn rewrite(
    dx: &Dx,
    plan: Plan,
    root: &Root,
    kind: ChecksumKind,
) -> Result<Received, S3Error> {
    let (dx, root) = (dx.clone(), root.clone());
    let copied = spawn_blocking(move || copied(&dx, plan, &root, kind.into())).await;
    copied.map_err(broken)?.map_err(disk)
}

fn copied(dx: &Dx, mut plan: Plan, root: &Root, kinds: Kinds) -> std::io::Result<Received> {
    if plan.left() <= blob::inline::SIZE_MAX {
        let mut bytes = Vec::with_capacity(plan.left() as usize);
        while let Some(piece) = plan.next()? {
            bytes.extend_from_slice(&piece);
        }
        return Ok(intake::small(dx, root, kinds, &bytes));
    }
    let mut draft = Draft::begin(dx, root, kinds)?;
    while let Some(piece) = plan.next()? {
        draft.absorb(&piece)?;
    }
    draft.finish()
}

/// What the first look has found.
struct Found {
    prepared: Prepared,
    source: Opened,
    plan: Plan,
    kind: ChecksumKind,
}

/// Checks all that can be checked before bytes move.
fn look(
    cx: &mut Cx<'_>,
    req: &CopyObject,
    attributes: &Attributes,
    writing: &Writing,
) -> Result<Found, S3Error> {
    let replaces_metadata = directive(req.metadata_directive.as_deref(), "metadata")?;
    let replaces_tags = directive(req.tagging_directive.as_deref(), "tagging")?;
    let asked = req.algorithm.as_deref().map(checksum::algorithm).transpose()?;
    let door = door::open(cx, &req.bucket, &req.key, req.payer.as_deref())?;
    let source = source::read(&req.source)?;
    // AWS: the class is looked at before the source is.
    attributes.class()?;
    let opened = open(cx, &source, &req.conditions(), &req.source_customer())?;
    let mut version = attributes.version(cx, &door.bucket)?;
    if !replaces_metadata {
        version.headers = opened.version.headers.clone();
        version.metadata = opened.version.metadata.clone();
    }
    if !replaces_tags {
        version.tags = opened.version.tags.clone();
    }
    let changes = replaces_metadata
        || attributes.class.is_some()
        // AWS: without a class the copy is of the usual one, which may be the change.
        || version.class != opened.version.class
        || attributes.redirect.is_some()
        || attributes.encryption.sse.is_some()
        || !attributes.encryption.customer.is_silent()
        // AWS: the bucket's own default counts as a change, whatever it is.
        || door.bucket.record.encryption.kms
        || door.bucket.record.encryption.was_put;
    check_not_itself(cx, &door.bucket, &req.key, &source, &opened.version, changes)?;
    check_size(&opened.version)?;
    let own = || opened.version.checksum.as_ref().and_then(checksum::kind_of);
    let kind = asked.or_else(own).unwrap_or(checksum::DEFAULT);
    if writing.is_there() {
        writing.compare(versions::current(cx.tx, &door.bucket, &req.key)?.as_ref(), &req.key)?;
    }
    let sealed = attributes.encryption.seal(cx, &door.bucket, &req.key)?;
    let plan = Plan::new(cx, &opened.version.pieces, opened.root.clone(), 0..opened.version.size)?;
    Ok(Found { prepared: Prepared { door, version, sealed }, source: opened, plan, kind })
}

async fn copy_object(dx: Dx, mut req: CopyObject, _: Body) -> Result<Answer<CopyObjectAnswer>, S3Error> {
    let writing = Writing { if_match: req.if_match.take(), if_none_match: req.if_none_match.take() };
    writing.check()?;
    let attributes = req.attributes();
    // It reads, but for the first use of an AWS managed key, which KMS makes then.
    let found = dx
        .transact(|cx| {
            let found = look(cx, &req, &attributes, &writing)?;
            let Opened { bucket, version, .. } = &found.source;
            tiering::note(cx, bucket, &source::read(&req.source)?.key, version)?;
            Ok::<_, S3Error>(found)
        })
        .await?;
    let Found { prepared, source, plan, kind } = found;
    source.retrieved(&dx, "CopyObject", source.version.size);
    let source_version_id = source_id(&source.bucket, &source.version);
    let stored = if is_shareable(&source.version, &prepared.sealed, kind) {
        share(&dx, &req.key, prepared, &source.version, plan, &writing).await?
    } else {
        let received = rewrite(&dx, plan, &prepared.sealed.root, kind).await?;
        store(&dx, COPY, &req.key, prepared, received, &writing).await?
    };
    let shown = encryption::shown(&stored.version.encryption, attributes.customer());
    let mut result = CopyResult {
        modified: stored.version.modified.whole_seconds(),
        etag: quoted(&stored.version.etag),
        ..CopyResult::default()
    };
    if let Some(checksum) = &stored.version.checksum {
        result.show(checksum);
        result.checksum_type = Some(checksum::type_name(checksum).to_owned());
    }
    Ok(CopyObjectAnswer {
        result,
        expiration: stored.expiration,
        source_version_id,
        // AWS: unlike a put, a copy tells the null version of a bucket whose versions are kept no more.
        version_id: stored.bucket.record.is_versioned().then(|| stored.version.id()),
        sse: shown.sse.map(str::to_owned),
        customer_algorithm: shown.customer_algorithm,
        customer_md5: shown.customer_md5,
        kms_key: shown.key,
        kms_context: shown.context,
        bucket_key: shown.bucket_key,
        charged: stored.charged,
        class: stored.version.class.told(),
    }
    .into())
}

/// The id of a copy's source. AWS tells none of the null version.
pub(crate) fn source_id(bucket: &Bucket, version: &Version) -> Option<String> {
    (bucket.record.is_versioned() && !version.is_null()).then(|| version.id())
}

impl CopyObject {
    fn conditions(&self) -> Reading {
        Reading {
            if_match: self.source_if_match.clone(),
            if_none_match: self.source_if_none_match.clone(),
            if_modified_since: self.source_if_modified_since,
            if_unmodified_since: self.source_if_unmodified_since,
        }
    }

    fn source_customer(&self) -> Customer {
        Customer {
            algorithm: self.source_customer_algorithm.clone(),
            key: self.source_customer_key.clone(),
            md5: self.source_customer_md5.clone(),
        }
    }
}

/// `COPY` or `REPLACE`.
fn directive(text: Option<&str>, what: &str) -> Result<bool, S3Error> {
    match text {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(argument(
            format!("Unknown {what} directive."),
            if what == "metadata" { "x-amz-metadata-directive" } else { "x-amz-tagging-directive" },
            other,
        )),
    }
}

/// AWS: a copy onto itself must change something, or be of a version that is named.
fn check_not_itself(
    cx: &Cx<'_>,
    bucket: &Bucket,
    key: &str,
    source: &Source,
    version: &Version,
    changes: bool,
) -> Result<(), S3Error> {
    if changes || source.bucket != bucket.record.name || source.key != key || version.restore.is_some() {
        return Ok(());
    }
    if source.version.is_some() && bucket.record.is_versioned() {
        return Ok(());
    }
    let is_current =
        versions::current(cx.tx, bucket, key)?.is_some_and(|current| current.order == version.order);
    if !is_current {
        return Ok(());
    }
    let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
    Err(Refusal::InvalidRequest(message.to_owned()).into())
}

fn check_size(version: &Version) -> Result<(), S3Error> {
    if version.size <= intake::SIZE_MAX {
        return Ok(());
    }
    let message = format!(
        "The specified copy source is larger than the maximum allowable size for a copy source: {}",
        intake::SIZE_MAX
    );
    Err(Refusal::InvalidRequest(message).into())
}

/// Contents never change, so a copy that is encrypted and described alike refers to the same one.
fn is_shareable(version: &Version, sealed: &Sealed, kind: ChecksumKind) -> bool {
    let [piece] = &version.pieces[..] else { return false };
    let described = |checksum: &crate::s3::model::object::Checksum| {
        checksum.algorithm == kind.name() && !checksum.composite
    };
    !piece.inline
        && !version.multipart
        && version.encryption == Encryption::S3
        && sealed.encryption == Encryption::S3
        && version.checksum.as_ref().is_some_and(described)
}

async fn share(
    dx: &Dx,
    key: &str,
    prepared: Prepared,
    source: &Version,
    plan: Plan,
    writing: &Writing,
) -> Result<super::put::Stored, S3Error> {
    let Prepared { door, mut version, sealed } = prepared;
    version.size = source.size;
    version.pieces = source.pieces.clone();
    version.checksum = source.checksum.clone();
    version.encryption = sealed.encryption;
    version.etag = source.etag.clone();
    let outcome = dx
        .transact(|cx| {
            let bucket = again(cx, &door.bucket)?;
            if writing.is_there() {
                writing.compare(versions::current(cx.tx, &bucket, key)?.as_ref(), key)?;
            }
            for piece in &version.pieces {
                if !blob::refs::share(cx.tx, piece.content)? {
                    return Err(S3Error::from(Refusal::ConditionalConflict));
                }
            }
            let version = versions::put(cx, &bucket, key, version.clone())?;
            cx.is_a(kinds::writes(version.class));
            tell(cx, COPY, &bucket, key, &version)?;
            let expiration = expiry::header(cx, &bucket, key, &version)?;
            Ok(super::put::Stored { bucket, version, charged: door.charged.clone(), expiration })
        })
        .await;
    // Until here the plan has kept the content from being swept.
    drop(plan);
    outcome.map_err(Into::into)
}
