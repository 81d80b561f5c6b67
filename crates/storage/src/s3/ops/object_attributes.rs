//! `GetObjectAttributes`.

use crate::s3::access;
use crate::s3::content::checksum::{self, Checksummed, with_checksums};
use crate::s3::content::encryption::{self, Customer};
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::model::object::{Checksum, Version};
use crate::s3::request::door;
use crate::s3::versions;
use base::Timestamp;
use kernel::Cx;
use wire::shape;

kernel::ops! { pub(crate) static OPS:
    GetObjectAttributes: [event] get_object_attributes, "s3:GetObjectAttributes", access::get_object;
}

const PARTS_MAX: i64 = 1000;

shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct GetAttributes {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        max_parts: Option<i64> = "MaxParts",
        marker: Option<i64> = "PartNumberMarker",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_key: Option<String> = "SSECustomerKey",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        attributes: Vec<String> = "ObjectAttributes",
    }

    #[derive(Clone, Default, Debug)]
    pub(crate) struct AttributesAnswer {
        modified: Timestamp = "LastModified",
        version_id: Option<String> = "VersionId",
        charged: Option<String> = "RequestCharged",
        etag: Option<String> = "ETag",
        checksum: Option<ChecksumView> = "Checksum",
        parts: Option<PartsView> = "ObjectParts",
        class: Option<String> = "StorageClass",
        size: Option<i64> = "ObjectSize",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PartsView {
        total: i64 = "TotalPartsCount",
        marker: Option<i64> = "PartNumberMarker",
        next: Option<i64> = "NextPartNumberMarker",
        max: Option<i64> = "MaxParts",
        truncated: Option<bool> = "IsTruncated",
        parts: Option<Vec<PartView>> = "Parts",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct ChecksumView {
        checksum_type: String = "ChecksumType",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct PartView {
        number: i64 = "PartNumber",
        size: i64 = "Size",
    }
}

fn get_object_attributes(cx: &mut Cx<'_>, req: GetAttributes) -> Result<AttributesAnswer, S3Error> {
    let door = door::open(cx, &req.bucket, &req.key, req.payer.as_deref())?;
    if req.attributes.iter().all(String::is_empty) {
        let message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty";
        return Err(Refusal::InvalidRequest(message.to_owned()).into());
    }
    for name in &req.attributes {
        if !["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"].contains(&name.as_str()) {
            return Err(argument("Invalid attribute name specified.", "x-amz-object-attributes", name));
        }
    }
    let found = versions::wanted(cx.tx, &door.bucket, &req.key, req.version_id.as_deref(), "GET")?;
    let version = &found.version;
    let customer = Customer {
        algorithm: req.customer_algorithm.clone(),
        key: req.customer_key.clone(),
        md5: req.customer_md5.clone(),
    };
    encryption::check_customer(&version.encryption, &customer)?;
    let asked = |name: &str| req.attributes.iter().any(|asked| asked == name);
    Ok(AttributesAnswer {
        modified: version.modified.whole_seconds(),
        version_id: door.bucket.record.is_versioned().then(|| version.id()),
        charged: door.charged,
        etag: asked("ETag").then(|| version.etag.clone()),
        checksum: version.checksum.as_ref().filter(|_| asked("Checksum")).map(|c| whole(c, version)),
        parts: if asked("ObjectParts") && version.multipart { Some(parts(&req, version)?) } else { None },
        class: asked("StorageClass").then(|| version.class.name().to_owned()),
        size: asked("ObjectSize").then_some(version.size as i64),
    })
}

fn whole(all: &Checksum, version: &Version) -> ChecksumView {
    let mut view = ChecksumView { checksum_type: checksum::type_name(all).to_owned(), ..Default::default() };
    let text = checksum::text(all, Some(version.pieces.len()).filter(|_| !all.composite));
    for (kind, member) in view.members() {
        if kind.name() == all.algorithm {
            *member = Some(text.clone());
        }
    }
    view
}

/// The parts; one by one only where each has a checksum of its own to be told.
fn parts(req: &GetAttributes, version: &Version) -> Result<PartsView, S3Error> {
    let total = version.pieces.len() as i64;
    let composite = version.checksum.as_ref().filter(|all| all.composite);
    let Some(all) = composite else {
        return Ok(PartsView { total, marker: None, next: None, max: None, truncated: None, parts: None });
    };
    let max = req.max_parts.unwrap_or(PARTS_MAX).clamp(0, PARTS_MAX);
    let marker = req.marker.unwrap_or(0);
    let mut rest = version.pieces.iter().filter(|piece| i64::from(piece.number) > marker);
    let mut views = Vec::new();
    for piece in rest.by_ref().take(max as usize) {
        let mut view =
            PartView { number: i64::from(piece.number), size: piece.size as i64, ..PartView::default() };
        view.show(&Checksum {
            algorithm: all.algorithm.clone(),
            value: piece.checksum.clone(),
            composite: false,
        });
        views.push(view);
    }
    Ok(PartsView {
        total,
        marker: Some(marker),
        next: Some(views.last().map_or(0, |part| part.number)),
        max: Some(max),
        truncated: Some(rest.next().is_some()),
        parts: Some(views),
    })
}
