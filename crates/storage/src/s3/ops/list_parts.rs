//! `ListParts` and `ListMultipartUploads`.

use super::get::quoted;
use super::upload;
use crate::s3::access;
use crate::s3::acl::document::{OwnerView, owner};
use crate::s3::canonical;
use crate::s3::content::checksum::{COMPOSITE, Checksummed, FULL_OBJECT, with_checksums};
use crate::s3::errors::{S3Error, argument};
use crate::s3::expiry;
use crate::s3::listing::{Entry, Page, Query, form_encoded};
use crate::s3::model::upload::{UPLOADS, Upload, UploadId};
use crate::s3::request::door;
use base::Timestamp;
use kernel::Cx;
use store::key::KeyReader;
use store::{Key, KeyRange, Read, Record};
use wire::shape;

kernel::ops! { pub(crate) static OPS:
    ListParts: [event] list_parts, "s3:ListMultipartUploadParts", access::list_parts;
    ListMultipartUploads: list_uploads, "s3:ListBucketMultipartUploads", access::on_bucket;
}

const PAGE_MAX: i64 = 1000;

shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ListParts {
        bucket: String = "Bucket",
        key: String = "Key",
        upload_id: String = "UploadId",
        max: Option<i64> = "MaxParts",
        marker: Option<i64> = "PartNumberMarker",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_key: Option<String> = "SSECustomerKey",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PartsListed {
        abort_at: Option<Timestamp> = "AbortDate",
        abort_rule: Option<String> = "AbortRuleId",
        bucket: String = "Bucket",
        key: String = "Key",
        upload_id: String = "UploadId",
        initiator: InitiatorView = "Initiator",
        owner: OwnerView = "Owner",
        class: String = "StorageClass",
        marker: i64 = "PartNumberMarker",
        next: i64 = "NextPartNumberMarker",
        max: i64 = "MaxParts",
        truncated: bool = "IsTruncated",
        algorithm: Option<String> = "ChecksumAlgorithm",
        checksum_type: Option<String> = "ChecksumType",
        parts: Vec<PartView> = "Parts",
        charged: Option<String> = "RequestCharged",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct InitiatorView {
        id: String = "ID",
        name: Option<String> = "DisplayName",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListUploads {
        bucket: String = "Bucket",
        delimiter: Option<String> = "Delimiter",
        encoding: Option<String> = "EncodingType",
        key_marker: Option<String> = "KeyMarker",
        id_marker: Option<String> = "UploadIdMarker",
        max: Option<i64> = "MaxUploads",
        prefix: Option<String> = "Prefix",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct UploadsListed {
        bucket: String = "Bucket",
        key_marker: Option<String> = "KeyMarker",
        id_marker: Option<String> = "UploadIdMarker",
        next_key: Option<String> = "NextKeyMarker",
        next_id: Option<String> = "NextUploadIdMarker",
        delimiter: Option<String> = "Delimiter",
        prefix: Option<String> = "Prefix",
        encoding: Option<String> = "EncodingType",
        max: i64 = "MaxUploads",
        truncated: bool = "IsTruncated",
        uploads: Vec<UploadView> = "Uploads",
        prefixes: Vec<PrefixView> = "CommonPrefixes",
        charged: Option<String> = "RequestCharged",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct UploadView {
        key: String = "Key",
        upload_id: String = "UploadId",
        initiator: InitiatorView = "Initiator",
        owner: OwnerView = "Owner",
        class: String = "StorageClass",
        initiated: Timestamp = "Initiated",
        algorithm: Option<String> = "ChecksumAlgorithm",
        checksum_type: Option<String> = "ChecksumType",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PrefixView { prefix: String = "Prefix" }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct PartView {
        number: i64 = "PartNumber",
        modified: Timestamp = "LastModified",
        etag: String = "ETag",
        size: i64 = "Size",
    }
}

fn limit(max: Option<i64>, name: &str) -> Result<i64, S3Error> {
    match max {
        None => Ok(PAGE_MAX),
        Some(max) if max < 0 => Err(argument(
            format!("Argument {name} must be an integer between 0 and 2147483647"),
            name,
            max.to_string(),
        )),
        Some(max) => Ok(max.min(PAGE_MAX)),
    }
}

fn initiator(upload: &Upload) -> InitiatorView {
    // The root user is named as the account is, others by their ARN.
    if upload.initiator.ends_with(":root") || upload.initiator.is_empty() {
        return InitiatorView { id: canonical::id(upload.initiator_account), name: None };
    }
    let name = upload.initiator.rsplit('/').next().unwrap_or_default().to_owned();
    InitiatorView { id: upload.initiator.clone(), name: Some(name) }
}

fn checksum_type(upload: &Upload) -> Option<String> {
    let name = if upload.composite { COMPOSITE } else { FULL_OBJECT };
    upload.checksum.as_ref().map(|_| name.to_owned())
}

fn list_parts(cx: &mut Cx<'_>, req: ListParts) -> Result<PartsListed, S3Error> {
    let door = door::open(cx, &req.bucket, &req.key, req.payer.as_deref())?;
    let max = limit(req.max, "max-parts")?;
    let marker = u32::try_from(req.marker.unwrap_or(0)).map_err(|_| {
        argument(
            "Argument part-number-marker must be an integer between 0 and 2147483647",
            "part-number-marker",
            req.marker.unwrap_or(0).to_string(),
        )
    })?;
    let (id, upload) = upload::find(cx, &door.bucket, &req.key, &req.upload_id)?;
    let all = upload::parts(cx, &id.key(&door.bucket.scope, &req.key))?;
    let mut rest = all.range(marker + 1..);
    let mut parts = Vec::new();
    for (number, (_, part)) in rest.by_ref().take(max as usize) {
        let mut view = PartView {
            number: i64::from(*number),
            modified: part.modified.whole_seconds(),
            etag: quoted(&part.etag),
            size: part.piece.size as i64,
            ..PartView::default()
        };
        if upload.checksum.is_some() {
            view.show(&part.shown());
        }
        parts.push(view);
    }
    let truncated = max > 0 && rest.next().is_some();
    let abort = expiry::abort(cx, &door.bucket, &req.key, upload.begun)?;
    Ok(PartsListed {
        abort_at: abort.at,
        abort_rule: abort.rule,
        bucket: req.bucket,
        key: req.key,
        upload_id: req.upload_id,
        marker: i64::from(marker),
        next: parts.last().map_or(0, |part| part.number),
        max,
        truncated,
        parts,
        initiator: initiator(&upload),
        owner: owner(upload.owner),
        class: upload.class.name().to_owned(),
        charged: door.charged,
        checksum_type: checksum_type(&upload),
        algorithm: upload.checksum,
    })
}

type Row = Result<(String, (UploadId, Upload)), S3Error>;

/// The uploads of a bucket from the given bytes of a key on.
fn from<'a>(tx: &'a dyn Read, scope: &Key, start: &[u8]) -> Box<dyn Iterator<Item = Row> + 'a> {
    let prefix = UPLOADS.stored_key(scope);
    let first = UPLOADS.stored_key(&scope.clone().bytes(start));
    range(tx, KeyRange { start: first.into(), end: KeyRange::prefix(&prefix).end }, prefix.len())
}

fn range(tx: &dyn Read, range: KeyRange, skip: usize) -> Box<dyn Iterator<Item = Row> + '_> {
    Box::new(tx.scan(range, store::Direction::Forward).map(move |pair| {
        let (key, value) = pair?;
        let damaged = || S3Error::from(crate::s3::errors::Refusal::Internal);
        let mut reader = KeyReader::over(key.get(skip..).unwrap_or_default());
        let name = reader.str().ok_or_else(damaged)?;
        let begun = reader.time().ok_or_else(damaged)?;
        let chance = reader.u64().ok_or_else(damaged)?;
        let upload = Upload::from_bytes(&value).map_err(|_| damaged())?;
        Ok((name, (UploadId { begun, chance }, upload)))
    }))
}

/// The upload behind which a page begins: one of the marker's key, under way or over since.
fn marked(cx: &Cx<'_>, scope: &Key, key: &str, text: &str) -> Result<UploadId, S3Error> {
    let invalid = || argument("Invalid uploadId marker", "upload-id-marker", text);
    let id = UploadId::parse(text).ok_or_else(invalid)?;
    let is_elsewhere = || -> Result<bool, S3Error> {
        // Uploads end while others read the list; of one that is under way it is known which key it is of.
        for row in from(cx.tx, scope, &[]) {
            let (name, (other, _)) = row?;
            if other == id {
                return Ok(name != key);
            }
        }
        Ok(false)
    };
    if !UPLOADS.contains(cx.tx, &id.key(scope, key))? && is_elsewhere()? {
        return Err(invalid());
    }
    Ok(id)
}

/// AWS tells the last entry, whether more follow or not. Where uploads stand for nothing on a page but prefixes, its
/// recorded answers have no markers, not even where more follows: whoever goes on names the prefix by himself.
fn next_markers(page: &Page<(UploadId, Upload)>) -> Option<(&str, String)> {
    match page.entries.last()? {
        Entry::Item(key, (id, _)) => Some((key, id.text())),
        Entry::Prefix(prefix) => {
            let has_uploads = page.entries.iter().any(|entry| matches!(entry, Entry::Item(..)));
            (page.truncated && has_uploads).then(|| (prefix.as_str(), String::new()))
        }
    }
}

fn list_uploads(cx: &mut Cx<'_>, req: ListUploads) -> Result<UploadsListed, S3Error> {
    let door = door::open(cx, &req.bucket, "", req.payer.as_deref())?;
    let max = limit(req.max, "max-uploads")?;
    let encodes = match req.encoding.as_deref() {
        None | Some("") => false,
        Some("url") => true,
        Some(other) => {
            return Err(argument("Invalid Encoding Method specified in Request", "encoding-type", other));
        }
    };
    let prefix = req.prefix.clone().unwrap_or_default();
    let query = Query {
        prefix: &prefix,
        delimiter: req.delimiter.as_deref().filter(|d| !d.is_empty()),
        after: req.key_marker.as_deref().filter(|m| !m.is_empty()),
        whole_prefix: true,
        max: max as usize,
    };
    let scope = &door.bucket.scope;
    let marker = req.id_marker.as_deref().filter(|m| !m.is_empty());
    // Without a key the marker is not looked at.
    let marker = marker.filter(|_| query.after.is_some());
    let shown_marker = marker.unwrap_or_default().to_owned();
    let marker = marker.map(|text| marked(cx, scope, query.after.unwrap_or_default(), text)).transpose()?;
    let first = match (query.after, marker) {
        // The uploads of the marker's own key that were begun later are still to come.
        (Some(key), Some(id)) => {
            let whole = UPLOADS.stored_key(scope);
            let behind = UPLOADS.stored_key(&id.key(scope, key));
            range(cx.tx, KeyRange::prefix(&whole).after(&behind), whole.len())
        }
        _ => from(cx.tx, scope, &query.start()),
    };
    let page = query.page(first, |start| from(cx.tx, scope, start))?;
    let shown = |text: &str| if encodes { form_encoded(text) } else { text.to_owned() };
    let mut listed = UploadsListed {
        bucket: req.bucket.clone(),
        key_marker: Some(shown(req.key_marker.as_deref().unwrap_or_default())),
        id_marker: Some(shown_marker),
        next_key: Some(String::new()),
        // Other listings say that there is none, this one is silent.
        prefix: req.prefix.as_deref().filter(|p| !p.is_empty()).map(shown),
        delimiter: req.delimiter.as_deref().filter(|d| !d.is_empty()).map(shown),
        next_id: Some(String::new()),
        max,
        truncated: page.truncated,
        uploads: Vec::new(),
        prefixes: Vec::new(),
        encoding: encodes.then(|| "url".to_owned()),
        charged: door.charged,
    };
    if let Some((key, id)) = next_markers(&page) {
        listed.next_key = Some(shown(key));
        listed.next_id = Some(id);
    }
    for entry in page.entries {
        match entry {
            Entry::Prefix(prefix) => listed.prefixes.push(PrefixView { prefix: shown(&prefix) }),
            Entry::Item(key, (id, upload)) => listed.uploads.push(UploadView {
                upload_id: id.text(),
                key: shown(&key),
                initiated: upload.begun.whole_seconds(),
                class: upload.class.name().to_owned(),
                owner: owner(upload.owner),
                initiator: initiator(&upload),
                checksum_type: checksum_type(&upload),
                algorithm: upload.checksum,
            }),
        }
    }
    Ok(listed)
}
