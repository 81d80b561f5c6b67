//! `PutObject`, and the commit that every new object goes through.

use super::get::quoted;
use crate::s3::access;
use crate::s3::buckets::{self, Bucket};
use crate::s3::content::checksum::{self, Checksummed, with_checksums, with_claims};
use crate::s3::content::encryption::{self, Customer, Sealed};
use crate::s3::content::intake::{self, Received};
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::events::{self, Happened};
use crate::s3::model::bucket::Versioning;
use crate::s3::model::object::Version;
use crate::s3::request::attributes::{Attributes, with_attributes};
use crate::s3::request::conditions::Writing;
use crate::s3::request::door::{self, Door};
use crate::s3::usage::{self, kinds};
use crate::s3::{expiry, versions};
use kernel::witness::Thing;
use kernel::{Answer, Body, Cx, Dx};
use std::sync::Arc;

kernel::ops! { pub(crate) static OPS:
    PutObject: [data] put_object, "s3:PutObject", access::put_object;
}

with_attributes! { with_claims =>
    #[derive(Clone, Debug)]
    pub(crate) struct PutObject {
        bucket: String = "Bucket",
        key: String = "Key",
        content_length: Option<i64> = "ContentLength",
        if_match: Option<String> = "IfMatch",
        if_none_match: Option<String> = "IfNoneMatch",
        offset: Option<i64> = "WriteOffsetBytes",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct PutObjectResult {
        expiration: Option<String> = "Expiration",
        etag: String = "ETag",
        checksum_type: Option<String> = "ChecksumType",
        sse: Option<String> = "ServerSideEncryption",
        version_id: Option<String> = "VersionId",
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

/// How an object is made, in the words of events: `ObjectCreated:Put`, and the operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way(pub(crate) &'static str, pub(crate) &'static str);

const PUT: Way = Way("ObjectCreated:Put", "PutObject");
const POST: Way = Way("ObjectCreated:Post", "POST Object");

/// What is known of a new object before its bytes have come.
pub(crate) struct Prepared {
    pub(crate) door: Door,
    pub(crate) version: Version,
    pub(crate) sealed: Sealed,
}

async fn put_object(dx: Dx, mut req: PutObject, body: Body) -> Result<Answer<PutObjectResult>, S3Error> {
    let attributes = req.attributes();
    let claims = req.claims(body.announced())?;
    let writing = Writing { if_match: req.if_match.take(), if_none_match: req.if_none_match.take() };
    writing.check()?;
    if req.offset.is_some() {
        // Appending is for directory buckets.
        return Err(Refusal::NotImplemented("x-amz-write-offset-bytes").into());
    }
    if attributes.locks() && claims.md5.is_none() && claims.checksum.is_none() && body.announced().is_none() {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        return Err(Refusal::InvalidRequest(message.to_owned()).into());
    }
    // It reads, but for the first use of an AWS managed key, which KMS makes then.
    let prepared = dx
        .transact(|cx| prepare(cx, &req.bucket, &req.key, req.payer.as_deref(), &attributes, &writing))
        .await?;
    let way = if dx.request().form { POST } else { PUT };
    let received = intake::receive(&dx, body, &prepared.sealed.root, &claims).await?;
    let size = received.size;
    let stored = store(&dx, way, &req.key, prepared, received, &writing).await?;
    usage::received(&dx, &stored.bucket.record, stored.charged.is_some(), "PutObject", size);
    Ok(stored.answer(attributes.customer()).into())
}

/// Checks all that can be checked before the bytes come.
pub(crate) fn prepare(
    cx: &mut Cx<'_>,
    bucket: &str,
    key: &str,
    payer: Option<&str>,
    attributes: &Attributes,
    writing: &Writing,
) -> Result<Prepared, S3Error> {
    let door = door::open(cx, bucket, key, payer)?;
    let version = attributes.version(cx, &door.bucket)?;
    if writing.is_there() {
        writing.compare(versions::current(cx.tx, &door.bucket, key)?.as_ref(), key)?;
    }
    let sealed = attributes.encryption.seal(cx, &door.bucket, key)?;
    Ok(Prepared { door, version, sealed })
}

/// A version that has been put.
pub(crate) struct Stored {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) version: Version,
    pub(crate) charged: Option<String>,
    pub(crate) expiration: Option<String>,
}

/// Makes a version of what was received. It is on the disk when this returns.
///
/// # Errors
/// Those of the conditions; `NoSuchBucket` where the bucket has gone meanwhile.
pub(crate) async fn store(
    dx: &Dx,
    way: Way,
    key: &str,
    prepared: Prepared,
    received: Received,
    writing: &Writing,
) -> Result<Stored, S3Error> {
    let Prepared { door, mut version, sealed } = prepared;
    version.size = received.size;
    version.pieces = received.piece().into_iter().collect();
    version.checksum = Some(received.checksum.clone());
    version.encryption = sealed.encryption;
    let mut handed_over = false;
    let outcome = dx
        .transact(|cx| {
            handed_over = false;
            let bucket = again(cx, &door.bucket)?;
            if writing.is_there() {
                writing.compare(versions::current(cx.tx, &bucket, key)?.as_ref(), key)?;
            }
            let mut version = version.clone();
            version.etag = encryption::etag(cx, &version.encryption, &received.md5);
            received.claim(cx.tx);
            let version = versions::put(cx, &bucket, key, version)?;
            cx.is_a(kinds::writes(version.class));
            tell(cx, way, &bucket, key, &version)?;
            let expiration = expiry::header(cx, &bucket, key, &version)?;
            handed_over = true;
            if let Some(trace) = &cx.request.trace {
                let thing = Thing { name: key.to_owned(), size: Some(version.size), ..Thing::default() };
                trace.note(|facts| facts.things = vec![thing]);
            }
            Ok::<_, S3Error>(Stored { bucket, version, charged: door.charged.clone(), expiration })
        })
        .await;
    if handed_over {
        received.keep();
    }
    outcome.map_err(Into::into)
}

/// Notes that an object was made.
///
/// # Errors
/// The store's.
pub(crate) fn tell(
    cx: &mut Cx<'_>,
    Way(event, reason): Way,
    bucket: &Bucket,
    key: &str,
    version: &Version,
) -> Result<(), S3Error> {
    let id = new_id(bucket, version);
    let what = Happened {
        event,
        detail_type: "Object Created",
        reason,
        key,
        version: Some(version),
        version_id: id.as_deref(),
        marker: false,
    };
    events::happened(cx, bucket, &what)
}

/// The same bucket as before, as it is now.
///
/// # Errors
/// `NoSuchBucket`.
pub(crate) fn again(cx: &Cx<'_>, before: &Bucket) -> Result<Arc<Bucket>, S3Error> {
    let bucket = buckets::load(cx.cloud(), cx.tx, &before.record.name)?;
    if bucket.record.number == before.record.number {
        Ok(bucket)
    } else {
        Err(Refusal::NoSuchBucket(before.record.name.clone()).into())
    }
}

/// The id that answers of writes tell, where the bucket keeps versions.
pub(crate) fn new_id(bucket: &Bucket, version: &Version) -> Option<String> {
    (bucket.record.versioning == Versioning::Enabled).then(|| version.id())
}

impl Stored {
    fn answer(self, customer: &Customer) -> PutObjectResult {
        let shown = encryption::shown(&self.version.encryption, customer);
        let mut result = PutObjectResult {
            expiration: self.expiration,
            etag: quoted(&self.version.etag),
            sse: shown.sse.map(str::to_owned),
            version_id: new_id(&self.bucket, &self.version),
            customer_algorithm: shown.customer_algorithm,
            customer_md5: shown.customer_md5,
            kms_key: shown.key,
            kms_context: shown.context,
            bucket_key: shown.bucket_key,
            charged: self.charged,
            class: self.version.class.told(),
            ..PutObjectResult::default()
        };
        if let Some(checksum) = &self.version.checksum {
            result.show(checksum);
            result.checksum_type = Some(checksum::type_name(checksum).to_owned());
        }
        result
    }
}
