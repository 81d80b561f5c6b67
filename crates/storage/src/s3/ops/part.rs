//! The parts of an upload: sent, or copied from another object.

use super::copy::{open, rewrite, source_id};
use super::get::quoted;
use super::put::again;
use super::upload;
use crate::outgo::Plan;
use crate::s3::access;
use crate::s3::content::checksum::{self, Checksummed, with_checksums, with_claims};
use crate::s3::content::encryption::{self, Customer};
use crate::s3::content::intake::{self, Received};
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::model::object::Checksum;
use crate::s3::model::upload::{PARTS, Part, Upload};
use crate::s3::request::conditions::Reading;
use crate::s3::request::door::{self, Door};
use crate::s3::request::{range, source};
use crate::s3::tiering;
use crate::s3::usage::{self, kinds};
use crate::s3::versions;
use auth::sigv4::ChecksumKind;
use base::Timestamp;
use blob::cipher::Root;
use kernel::{Answer, Body, Cx, Dx};
use wire::shape;

kernel::ops! { pub(crate) static OPS:
    UploadPart: [data] upload_part, "s3:PutObject", access::upload_part;
    UploadPartCopy: [data] upload_part_copy, "s3:PutObject", access::upload_part_copy;
}

/// AWS: parts are numbered from 1 up to here.
const NUMBER_MAX: i64 = 10_000;

with_claims! {
    #[derive(Clone, Debug)]
    pub(crate) struct UploadPart {
        bucket: String = "Bucket",
        key: String = "Key",
        upload_id: String = "UploadId",
        number: i64 = "PartNumber",
        content_length: Option<i64> = "ContentLength",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_key: Option<String> = "SSECustomerKey",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct PartAnswer {
        sse: Option<String> = "ServerSideEncryption",
        etag: String = "ETag",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        kms_key: Option<String> = "SSEKMSKeyId",
        bucket_key: Option<bool> = "BucketKeyEnabled",
        charged: Option<String> = "RequestCharged",
    }
}

shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct UploadPartCopy {
        bucket: String = "Bucket",
        key: String = "Key",
        upload_id: String = "UploadId",
        number: i64 = "PartNumber",
        source: String = "CopySource",
        range: Option<String> = "CopySourceRange",
        source_if_match: Option<String> = "CopySourceIfMatch",
        source_if_none_match: Option<String> = "CopySourceIfNoneMatch",
        source_if_modified_since: Option<Timestamp> = "CopySourceIfModifiedSince",
        source_if_unmodified_since: Option<Timestamp> = "CopySourceIfUnmodifiedSince",
        source_customer_algorithm: Option<String> = "CopySourceSSECustomerAlgorithm",
        source_customer_key: Option<String> = "CopySourceSSECustomerKey",
        source_customer_md5: Option<String> = "CopySourceSSECustomerKeyMD5",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_key: Option<String> = "SSECustomerKey",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        expected_source_owner: Option<String> = "ExpectedSourceBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PartCopyAnswer {
        source_version_id: Option<String> = "CopySourceVersionId",
        result: PartCopyResult = "CopyPartResult",
        sse: Option<String> = "ServerSideEncryption",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        kms_key: Option<String> = "SSEKMSKeyId",
        bucket_key: Option<bool> = "BucketKeyEnabled",
        charged: Option<String> = "RequestCharged",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct PartCopyResult {
        modified: Timestamp = "LastModified",
        etag: String = "ETag",
    }
}

/// Which part of which upload.
struct Target {
    door: Door,
    upload_id: String,
    key: String,
    number: u32,
    upload: Upload,
    root: Root,
}

/// Finds the upload, and the key under which its parts lie.
fn target(
    cx: &mut Cx<'_>,
    (bucket, key, upload_id, number): (&str, &str, &str, i64),
    payer: Option<&str>,
    customer: &Customer,
) -> Result<Target, S3Error> {
    if !(1..=NUMBER_MAX).contains(&number) {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        return Err(argument(message, "partNumber", number.to_string()));
    }
    let door = door::open(cx, bucket, key, payer)?;
    let (_, upload) = upload::find(cx, &door.bucket, key, upload_id)?;
    cx.is_a(kinds::uploads(upload.class));
    encryption::check_part(&upload.encryption, customer)?;
    let root = encryption::open(cx, &door.bucket, key, &upload.encryption, customer)?;
    let (upload_id, key) = (upload_id.to_owned(), key.to_owned());
    Ok(Target { door, upload_id, key, number: number as u32, upload, root })
}

impl Target {
    /// The algorithm that the object's own checksum is made of.
    fn kind(&self) -> ChecksumKind {
        self.upload.checksum.as_deref().and_then(ChecksumKind::from_name).unwrap_or(checksum::DEFAULT)
    }

    /// Writes the part's row, in place of an older part of the same number.
    async fn store(&self, dx: &Dx, received: Received) -> Result<Part, S3Error> {
        let mut handed_over = false;
        let outcome = dx
            .transact(|cx| {
                handed_over = false;
                let bucket = again(cx, &self.door.bucket)?;
                let (id, upload) = upload::find(cx, &bucket, &self.key, &self.upload_id)?;
                let row = id.part_key(&bucket.scope, &self.key, self.number);
                if let Some(old) = PARTS.get(cx.tx, &row)? {
                    versions::release_piece(cx, &old.piece)?;
                }
                received.claim(cx.tx);
                let part = self.part(cx, &upload, &received);
                PARTS.put(cx.tx, &row, &part);
                handed_over = true;
                Ok::<_, S3Error>(part)
            })
            .await;
        if handed_over {
            received.keep();
        }
        outcome.map_err(Into::into)
    }

    fn part(&self, cx: &Cx<'_>, upload: &Upload, received: &Received) -> Part {
        let mut piece = received.piece().unwrap_or_default();
        piece.number = self.number;
        let full = received.also.as_ref().unwrap_or(&received.checksum);
        piece.checksum.clone_from(&full.value);
        Part {
            piece,
            etag: encryption::etag(cx, &upload.encryption, &received.md5),
            modified: cx.now,
            checksum: Some(received.checksum.algorithm.clone()),
            stated: received.checksum.value.clone(),
        }
    }
}

async fn upload_part(dx: Dx, mut req: UploadPart, body: Body) -> Result<Answer<PartAnswer>, S3Error> {
    let customer = Customer {
        algorithm: req.customer_algorithm.take(),
        key: req.customer_key.take(),
        md5: req.customer_md5.take(),
    };
    let mut claims = req.claims(body.announced())?;
    let place = (req.bucket.as_str(), req.key.as_str(), req.upload_id.as_str(), req.number);
    let target = dx.read(|cx| target(cx, place, req.payer.as_deref(), &customer))?;
    let stated = claims.checksum.as_ref().map(|(kind, _)| *kind).or(body.announced());
    check_algorithm(&target.upload, stated)?;
    claims.wanted = Some(target.kind());
    claims.of_part = true;
    let received = intake::receive(&dx, body, &target.root, &claims).await?;
    let size = received.size;
    let shown = encryption::shown(&target.upload.encryption, &customer);
    let part = target.store(&dx, received).await?;
    let door = &target.door;
    usage::received(&dx, &door.bucket.record, door.charged.is_some(), "UploadPart", size);
    let mut answer = PartAnswer {
        sse: shown.sse.map(str::to_owned),
        etag: quoted(&part.etag),
        customer_algorithm: shown.customer_algorithm,
        customer_md5: shown.customer_md5,
        kms_key: shown.key,
        bucket_key: shown.bucket_key,
        charged: target.door.charged.clone(),
        ..PartAnswer::default()
    };
    answer.show(&part.shown());
    Ok(answer.into())
}

/// A part comes with the checksum that its upload was begun with.
fn check_algorithm(upload: &Upload, stated: Option<ChecksumKind>) -> Result<(), S3Error> {
    let Some(expected) = upload.checksum.as_deref() else { return Ok(()) };
    let actual = stated.map(|kind| kind.name());
    if actual == Some(expected) || (actual.is_none() && !upload.composite) {
        return Ok(());
    }
    let message = format!(
        "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
        expected.to_ascii_lowercase(),
        actual.map_or_else(|| "null".to_owned(), str::to_ascii_lowercase)
    );
    Err(Refusal::InvalidRequest(message).into())
}

async fn upload_part_copy(
    dx: Dx,
    mut req: UploadPartCopy,
    _: Body,
) -> Result<Answer<PartCopyAnswer>, S3Error> {
    let customer = Customer {
        algorithm: req.customer_algorithm.take(),
        key: req.customer_key.take(),
        md5: req.customer_md5.take(),
    };
    let source_customer = Customer {
        algorithm: req.source_customer_algorithm.take(),
        key: req.source_customer_key.take(),
        md5: req.source_customer_md5.take(),
    };
    let conditions = Reading {
        if_match: req.source_if_match.take(),
        if_none_match: req.source_if_none_match.take(),
        if_modified_since: req.source_if_modified_since,
        if_unmodified_since: req.source_if_unmodified_since,
    };
    let place = (req.bucket.as_str(), req.key.as_str(), req.upload_id.as_str(), req.number);
    let (target, opened, plan) = dx.read(|cx| {
        let source = source::read(&req.source)?;
        let target = target(cx, place, req.payer.as_deref(), &customer)?;
        let opened = open(cx, &source, &conditions, &source_customer)?;
        let range = match req.range.as_deref() {
            Some(header) => range::of_copy(header, opened.version.size)?,
            None => 0..opened.version.size,
        };
        if range.end - range.start > intake::SIZE_MAX {
            let message = format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {}",
                intake::SIZE_MAX
            );
            return Err(Refusal::InvalidRequest(message).into());
        }
        let plan = Plan::new(cx, &opened.version.pieces, opened.root.clone(), range)?;
        Ok::<_, S3Error>((target, opened, plan))
    })?;
    if tiering::is_news(&opened.version, dx.cloud().clock().now()) {
        dx.transact(|cx| tiering::note(cx, &opened.bucket, &source::read(&req.source)?.key, &opened.version))
            .await?;
    }
    opened.retrieved(&dx, "UploadPartCopy", plan.left());
    let received = rewrite(&dx, plan, &target.root, target.kind()).await?;
    let part = target.store(&dx, received).await?;
    let shown = encryption::shown(&target.upload.encryption, &customer);
    let mut result = PartCopyResult {
        modified: part.modified.whole_seconds(),
        etag: quoted(&part.etag),
        ..PartCopyResult::default()
    };
    if target.upload.checksum.is_some() {
        result.show(&part.shown());
    }
    Ok(PartCopyAnswer {
        source_version_id: source_id(&opened.bucket, &opened.version),
        result,
        sse: shown.sse.map(str::to_owned),
        customer_algorithm: shown.customer_algorithm,
        customer_md5: shown.customer_md5,
        kms_key: shown.key,
        bucket_key: shown.bucket_key,
        charged: target.door.charged.clone(),
    }
    .into())
}

impl Part {
    /// The checksum that the part was sent with, or the one that S3 has made.
    pub(crate) fn shown(&self) -> Checksum {
        Checksum {
            algorithm: self.checksum.clone().unwrap_or_default(),
            value: self.stated.clone(),
            composite: false,
        }
    }

    /// Its value by this algorithm, where it is known.
    pub(crate) fn stated(&self, kind: ChecksumKind) -> Option<&[u8]> {
        (self.checksum.as_deref() == Some(kind.name())).then_some(&self.stated)
    }
}
