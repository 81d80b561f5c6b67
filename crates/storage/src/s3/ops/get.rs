//! Reading objects: `GetObject` and `HeadObject`.

use crate::outgo::Plan;
use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::content::checksum::{self, Checksummed, with_checksums};
use crate::s3::content::encryption::{self, Customer};
use crate::s3::content::intake::{broken, disk};
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::model::object::{Checksum, Version};
use crate::s3::request::conditions::{Reading, Verdict};
use crate::s3::request::door::{self, Door};
use crate::s3::request::range;
use crate::s3::tiering;
use crate::s3::usage::{self, kinds};
use crate::s3::{expiry, lock, restore, versions};
use base::Timestamp;
use bytes::{Bytes, BytesMut};
use kernel::{Answer, Body, Cx, Dx};
use std::ops::Range;
use tokio::task::spawn_blocking;
use wire::{Member, Pairs, ToValue, Value};

kernel::ops! { pub(crate) static OPS:
    GetObject: [data] get_object => get_whole, "s3:GetObject", access::get_object;
    HeadObject: [data] head_object, "s3:GetObject", access::get_object;
}

/// Up to this many bytes are read before the answer begins: then a disk that fails is told with a status.
const AT_ONCE: u64 = 256 << 10;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ReadObject {
        bucket: String = "Bucket",
        key: String = "Key",
        version_id: Option<String> = "VersionId",
        if_match: Option<String> = "IfMatch",
        if_none_match: Option<String> = "IfNoneMatch",
        if_modified_since: Option<Timestamp> = "IfModifiedSince",
        if_unmodified_since: Option<Timestamp> = "IfUnmodifiedSince",
        range: Option<String> = "Range",
        part: Option<i64> = "PartNumber",
        cache_control: Option<String> = "ResponseCacheControl",
        content_disposition: Option<String> = "ResponseContentDisposition",
        content_encoding: Option<String> = "ResponseContentEncoding",
        content_language: Option<String> = "ResponseContentLanguage",
        content_type: Option<String> = "ResponseContentType",
        expires: Option<Timestamp> = "ResponseExpires",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_key: Option<String> = "SSECustomerKey",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        checksum_mode: Option<String> = "ChecksumMode",
    }
}

with_checksums! {
    #[derive(Clone, Default, Debug)]
    pub(crate) struct ObjectView {
        accept_ranges: Option<String> = "AcceptRanges",
        expiration: Option<String> = "Expiration",
        restore: Option<String> = "Restore",
        modified: Timestamp = "LastModified",
        length: i64 = "ContentLength",
        etag: String = "ETag",
        checksum_type: Option<String> = "ChecksumType",
        version_id: Option<String> = "VersionId",
        cache_control: Option<String> = "CacheControl",
        content_disposition: Option<String> = "ContentDisposition",
        content_encoding: Option<String> = "ContentEncoding",
        content_language: Option<String> = "ContentLanguage",
        content_range: Option<String> = "ContentRange",
        content_type: Option<String> = "ContentType",
        expires: Option<String> = "Expires",
        redirect: Option<String> = "WebsiteRedirectLocation",
        sse: Option<String> = "ServerSideEncryption",
        metadata: Pairs<String> = "Metadata",
        customer_algorithm: Option<String> = "SSECustomerAlgorithm",
        customer_md5: Option<String> = "SSECustomerKeyMD5",
        kms_key: Option<String> = "SSEKMSKeyId",
        bucket_key: Option<bool> = "BucketKeyEnabled",
        class: Option<String> = "StorageClass",
        charged: Option<String> = "RequestCharged",
        replication: Option<String> = "ReplicationStatus",
        parts: Option<i64> = "PartsCount",
        tags: Option<i64> = "TagCount",
        lock_mode: Option<String> = "ObjectLockMode",
        lock_until: Option<Timestamp> = "ObjectLockRetainUntilDate",
        legal_hold: Option<String> = "ObjectLockLegalHoldStatus",
    }
}

/// Of objects that are read within another operation, which holds them in memory.
const WHOLE_MAX: u64 = 256 << 20;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct WholeObject {
        body: Bytes = "Body",
        length: i64 = "ContentLength",
        etag: String = "ETag",
        version_id: Option<String> = "VersionId",
    }
}

/// What a request has found.
struct Reads {
    door: Door,
    view: ObjectView,
    status: Option<u16>,
    version: Version,
    range: Range<u64>,
}

/// Finds what is to be read, and how.
fn planned(cx: &mut Cx<'_>, req: &ReadObject) -> Result<(Reads, Plan), S3Error> {
    let reads = look(cx, req, "GET")?;
    if !restore::is_readable(&reads.version, cx.now) {
        return Err(Refusal::InvalidObjectState(reads.version.class, reads.version.archive).into());
    }
    let customer = req.customer();
    let root = encryption::open(cx, &reads.door.bucket, &req.key, &reads.version.encryption, &customer)?;
    let plan = Plan::new(cx, &reads.version.pieces, root, reads.range.clone())?;
    Ok((reads, plan))
}

async fn get_object(dx: Dx, req: ReadObject, _: Body) -> Result<Answer<ObjectView>, S3Error> {
    let (reads, mut plan) = dx.read(|cx| planned(cx, &req))?;
    if tiering::is_news(&reads.version, dx.cloud().clock().now()) {
        dx.transact(|cx| tiering::note(cx, &reads.door.bucket, &req.key, &reads.version)).await?;
    }
    sent(&dx, &reads, plan.left());
    let mut answer = Answer::from(reads.view);
    answer.status = reads.status;
    if let Some(bytes) = plan.whole() {
        return Ok(answer.with(bytes.map_err(disk)?));
    }
    if plan.left() <= AT_ONCE {
        let read = spawn_blocking(move || plan.next().map(|piece| (plan, piece)));
        let (rest, piece) = read.await.map_err(broken)?.map_err(disk)?;
        if rest.left() == 0 {
            return Ok(answer.with(piece.unwrap_or_default()));
        }
        return Ok(answer.streaming(rest.stream_after(piece)));
    }
    Ok(answer.streaming(plan.stream()))
}

/// Counts the bytes that leave.
fn sent(dx: &Dx, reads: &Reads, bytes: u64) {
    let bucket = &reads.door.bucket.record;
    let payer = reads.door.charged.is_some().then_some(dx.account);
    // What services read stays within the region.
    let out = dx.request().is_from_outside().then_some(&kinds::BYTES_OUT);
    for kind in out.into_iter().chain(kinds::retrieved(reads.version.class)) {
        dx.meter(&usage::line(bucket, payer, kind, "GetObject"), bytes);
    }
}

/// For services that need an object within a transaction: code, a definition.
fn get_whole(cx: &mut Cx<'_>, req: ReadObject) -> Result<WholeObject, S3Error> {
    let (Reads { view, door, version, .. }, mut plan) = planned(cx, &req)?;
    tiering::note(cx, &door.bucket, &req.key, &version)?;
    if plan.left() > WHOLE_MAX {
        return Err(Refusal::EntityTooLarge(plan.left()).into());
    }
    let body = match plan.whole() {
        Some(bytes) => bytes.map_err(disk)?,
        None => kernel::slow(move || {
            let mut bytes = BytesMut::with_capacity(plan.left() as usize);
            while let Some(piece) = plan.next()? {
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes.freeze())
        })
        .map_err(disk)?,
    };
    Ok(WholeObject { body, length: view.length, etag: view.etag, version_id: view.version_id })
}

/// What is told of an object that is not read: in which archive of its class it lies, too.
#[derive(Debug)]
pub(crate) struct Head {
    view: ObjectView,
    archive: Option<String>,
}

const VIEW: &[Member] = match <ObjectView as ToValue>::MEMBERS {
    Some(members) => members,
    None => &[],
};
const HEAD: [Member; VIEW.len() + 1] = {
    let mut all = [Member { name: "ArchiveStatus", inner: || None }; VIEW.len() + 1];
    let mut at = 0;
    while at < VIEW.len() {
        all[at] = VIEW[at];
        at += 1;
    }
    all
};

impl ToValue for Head {
    const MEMBERS: Option<&'static [Member]> = Some(&HEAD);

    fn to_value(self) -> Option<Value> {
        let mut value = self.view.to_value()?;
        if let (Value::Struct(members), Some(archive)) = (&mut value, self.archive) {
            members.push("ArchiveStatus", Value::Str(archive));
        }
        Some(value)
    }
}

async fn head_object(dx: Dx, req: ReadObject, _: Body) -> Result<Answer<Head>, S3Error> {
    let (reads, archive) = dx.read(|cx| {
        let reads = look(cx, &req, "HEAD")?;
        let archive = restore::state(&reads.version, cx.now).and(reads.version.archive);
        Ok::<_, S3Error>((reads, archive.map(|archive| archive.name().to_owned())))
    })?;
    let mut answer = Answer::from(Head { view: reads.view, archive });
    answer.status = reads.status;
    Ok(answer)
}

impl ReadObject {
    fn customer(&self) -> Customer {
        Customer {
            algorithm: self.customer_algorithm.clone(),
            key: self.customer_key.clone(),
            md5: self.customer_md5.clone(),
        }
    }

    fn conditions(&self) -> Reading {
        Reading {
            if_match: self.if_match.clone(),
            if_none_match: self.if_none_match.clone(),
            if_modified_since: self.if_modified_since,
            if_unmodified_since: self.if_unmodified_since,
        }
    }

    fn overrides(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("response-cache-control", &self.cache_control),
            ("response-content-disposition", &self.content_disposition),
            ("response-content-encoding", &self.content_encoding),
            ("response-content-language", &self.content_language),
            ("response-content-type", &self.content_type),
        ];
        texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)))
    }

    fn check_overrides(&self, cx: &Cx<'_>) -> Result<(), S3Error> {
        let any = self.expires.is_some() || self.overrides().next().is_some();
        if any && cx.caller.principal.account().is_none() {
            let message = "Request specific response headers cannot be used for anonymous GET requests.";
            return Err(Refusal::InvalidRequest(message.to_owned()).into());
        }
        match self.overrides().find(|(_, text)| text.contains(|c: char| c > '\u{FF}')) {
            Some((name, text)) => {
                let message = "Header value cannot be represented using ISO-8859-1.";
                Err(argument(message, name, text))
            }
            None => Ok(()),
        }
    }
}

/// Finds the version, checks the conditions, and describes what is to be answered.
fn look(cx: &mut Cx<'_>, req: &ReadObject, method: &'static str) -> Result<Reads, S3Error> {
    let door = door::open(cx, &req.bucket, &req.key, req.payer.as_deref())?;
    req.check_overrides(cx)?;
    if req.range.is_some() && req.part.is_some() {
        let message = "Cannot specify both Range header and partNumber query parameter";
        return Err(Refusal::InvalidRequest(message.to_owned()).into());
    }
    req.part.map(check_number).transpose()?;
    let found = versions::wanted(cx.tx, &door.bucket, &req.key, req.version_id.as_deref(), method)?;
    let version = found.version;
    cx.is_a(kinds::reads(version.class));
    encryption::check_customer(&version.encryption, &req.customer())?;
    match req.conditions().verdict(&version, cx.now) {
        Verdict::Go => {}
        Verdict::Failed(condition) => return Err(Refusal::PreconditionFailed(condition).into()),
        Verdict::Unchanged(_) => return Err(unchanged(&door.bucket, &version)),
    }
    let part = req.part.map(|number| part(&version, number)).transpose()?;
    let range = match (&part, &req.range) {
        (Some(part), _) => Some(part.range.clone()),
        (None, Some(header)) => range::read(header, version.size)?,
        (None, None) => None,
    };
    let mut view = view(cx, &door, &req.key, &version, &req.customer())?;
    if req.version_id.is_some() {
        // AWS: when the current version expires, not this one.
        view.expiration = None;
    }
    view.apply(req);
    if let Some(part) = &part {
        view.parts = part.count;
    }
    if req.checksum_mode.is_some() {
        match (&part, &version.checksum) {
            (Some(Part { checksum: Some(own), .. }), _) => view.show_checksum(own, None),
            // AWS: a range that is all of it has the checksum of all of it.
            (None, Some(all)) if range.as_ref().is_none_or(|range| *range == (0..version.size)) => {
                view.show_checksum(all, Some(version.pieces.len()));
            }
            _ => {}
        }
    }
    let status = range.as_ref().filter(|range| !range.is_empty()).map(|range| {
        view.content_range = Some(range::content_range(range, version.size));
        206
    });
    let range = range.unwrap_or(0..version.size);
    view.length = (range.end - range.start) as i64;
    Ok(Reads { door, view, status, version, range })
}

/// A part of an object that was uploaded in parts; of another, all of it.
struct Part {
    range: Range<u64>,
    count: Option<i64>,
    checksum: Option<Checksum>,
}

/// Whether any object could have this part.
fn check_number(number: i64) -> Result<(), S3Error> {
    if (1..=10_000).contains(&number) {
        return Ok(());
    }
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    Err(argument(message, "partNumber", number.to_string()))
}

fn part(version: &Version, number: i64) -> Result<Part, S3Error> {
    let no_such = |count: usize| {
        let number = u32::try_from(number).unwrap_or(0);
        S3Error::from(Refusal::InvalidPartNumber(number, count as u32))
    };
    if !version.multipart {
        let whole = Part { range: 0..version.size, count: None, checksum: version.checksum.clone() };
        return if number == 1 { Ok(whole) } else { Err(no_such(1)) };
    }
    let mut start = 0;
    for piece in &version.pieces {
        let range = start..start + piece.size;
        if i64::from(piece.number) == number {
            // AWS: recorded answers: the checksum of a whole object tells nothing of one of several parts.
            let own =
                |all: &&Checksum| (all.composite || version.pieces.len() == 1) && !piece.checksum.is_empty();
            let checksum = version.checksum.as_ref().filter(own).map(|all| {
                // A part's own checksum, and beside it the kind of the whole object's.
                Checksum { value: piece.checksum.clone(), ..all.clone() }
            });
            return Ok(Part { range, count: Some(version.pieces.len() as i64), checksum });
        }
        start = range.end;
    }
    Err(no_such(version.pieces.len()))
}

/// What the caller has is what there is.
fn unchanged(bucket: &Bucket, version: &Version) -> S3Error {
    let error = S3Error::from(Refusal::NotModified)
        .header("etag", quoted(&version.etag))
        .header("last-modified", version.modified.http_date());
    if bucket.record.is_versioned() { error.header("x-amz-version-id", version.id()) } else { error }
}

/// An entity tag as headers and documents carry it.
pub(crate) fn quoted(etag: &str) -> String {
    ["\"", etag, "\""].concat()
}

/// Describes a version.
pub(crate) fn view(
    cx: &Cx<'_>,
    door: &Door,
    key: &str,
    version: &Version,
    customer: &Customer,
) -> Result<ObjectView, S3Error> {
    let header = |name: &str| version.headers.get(name).cloned();
    let shown = encryption::shown(&version.encryption, customer);
    Ok(ObjectView {
        accept_ranges: Some("bytes".to_owned()),
        expiration: expiry::header(cx, &door.bucket, key, version)?,
        restore: restore::header(version, cx.now),
        modified: version.modified.whole_seconds(),
        length: version.size as i64,
        etag: quoted(&version.etag),
        version_id: door.bucket.record.is_versioned().then(|| version.id()),
        cache_control: header("cache-control"),
        content_disposition: header("content-disposition"),
        content_encoding: header("content-encoding"),
        content_language: header("content-language"),
        content_type: header("content-type"),
        expires: header("expires"),
        redirect: version.redirect.clone(),
        sse: shown.sse.map(str::to_owned),
        metadata: Pairs(version.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect()),
        customer_algorithm: shown.customer_algorithm,
        customer_md5: shown.customer_md5,
        kms_key: shown.key,
        bucket_key: shown.bucket_key,
        class: version.class.told(),
        charged: door.charged.clone(),
        replication: version.replication.clone(),
        tags: (!version.tags.is_empty()).then_some(version.tags.len() as i64),
        lock_mode: version.retention.as_ref().map(|r| lock::mode_name(r.compliance).to_owned()),
        lock_until: version.retention.as_ref().map(|r| r.until),
        legal_hold: lock::hold_name(version).map(str::to_owned),
        ..ObjectView::default()
    })
}

impl ObjectView {
    fn show_checksum(&mut self, checksum: &Checksum, parts: Option<usize>) {
        let text = checksum::text(checksum, parts);
        for (kind, member) in self.members() {
            if kind.name() == checksum.algorithm {
                *member = Some(text.clone());
            }
        }
        self.checksum_type = Some(checksum::type_name(checksum).to_owned());
    }

    /// The headers that the request wants otherwise.
    fn apply(&mut self, req: &ReadObject) {
        let set = |to: &mut Option<String>, from: &Option<String>| {
            if from.is_some() {
                to.clone_from(from);
            }
        };
        set(&mut self.cache_control, &req.cache_control);
        set(&mut self.content_disposition, &req.content_disposition);
        set(&mut self.content_encoding, &req.content_encoding);
        set(&mut self.content_language, &req.content_language);
        set(&mut self.content_type, &req.content_type);
        if let Some(expires) = req.expires {
            self.expires = Some(expires.http_date());
        }
    }
}
