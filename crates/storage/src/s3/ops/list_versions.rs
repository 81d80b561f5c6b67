//! Listing versions and delete markers.

use super::list::{
    Names, PrefixView, RestoreView, not_empty, page_size, quoted, restore_view, wants_restore,
};
use super::shapes::load;
use crate::s3::access;
use crate::s3::acl::document::{OwnerView, owner};
use crate::s3::buckets::Bucket;
use crate::s3::errors::{S3Error, argument};
use crate::s3::listing::{Entry, Page, Query};
use crate::s3::rows::{self, AllVersions, Listed};
use crate::s3::versions;
use base::Timestamp;
use kernel::Cx;
use wire::{Member, Struct, ToValue, Value};

kernel::ops! { pub(crate) static OPS:
    ListObjectVersions: [event] list_versions, "s3:ListBucketVersions", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ListVersions {
        bucket: String = "Bucket",
        delimiter: Option<String> = "Delimiter",
        encoding: Option<String> = "EncodingType",
        key_marker: Option<String> = "KeyMarker",
        max_keys: Option<i64> = "MaxKeys",
        prefix: Option<String> = "Prefix",
        id_marker: Option<String> = "VersionIdMarker",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        payer: Option<String> = "RequestPayer",
        attributes: Vec<String> = "OptionalObjectAttributes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListedVersions {
        name: String = "Name",
        prefix: String = "Prefix",
        key_marker: String = "KeyMarker",
        id_marker: String = "VersionIdMarker",
        next_key_marker: Option<String> = "NextKeyMarker",
        next_id_marker: Option<String> = "NextVersionIdMarker",
        max_keys: i64 = "MaxKeys",
        delimiter: Option<String> = "Delimiter",
        truncated: bool = "IsTruncated",
        encoding: Option<String> = "EncodingType",
        versions: Vec<VersionView> = "Versions",
        markers: Vec<MarkerView> = "DeleteMarkers",
        prefixes: Vec<PrefixView> = "CommonPrefixes",
        charged: Option<String> = "RequestCharged",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct VersionView {
        key: String = "Key",
        id: String = "VersionId",
        latest: bool = "IsLatest",
        modified: Timestamp = "LastModified",
        etag: String = "ETag",
        checksum_algorithm: Option<Vec<String>> = "ChecksumAlgorithm",
        checksum_type: Option<String> = "ChecksumType",
        size: i64 = "Size",
        owner: OwnerView = "Owner",
        class: String = "StorageClass",
        restore: Option<RestoreView> = "RestoreStatus",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct MarkerView {
        key: String = "Key",
        id: String = "VersionId",
        latest: bool = "IsLatest",
        modified: Timestamp = "LastModified",
        owner: OwnerView = "Owner",
    }
}

/// Where a page begins: behind a key, or behind one version of it.
fn first<'a>(
    cx: &'a Cx<'_>,
    bucket: &Bucket,
    req: &ListVersions,
    query: &Query<'_>,
) -> Result<AllVersions<'a>, S3Error> {
    let from: &dyn store::Read = &*cx.tx;
    let Some(id) = req.id_marker.as_deref() else { return Ok(rows::versions(from, bucket, &query.start())) };
    if id.is_empty() {
        return Err(argument("A version-id marker cannot be empty.", "version-id-marker", id));
    }
    let Some(key) = req.key_marker.as_deref() else {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(argument(message, "version-id-marker", id));
    };
    let unknown = || argument("Invalid version id specified", "version-id-marker", id);
    let found = versions::by_id(from, bucket, key, id).map_err(|_| unknown())?;
    let order = match found {
        Some(found) => found.version.order,
        // It may have been deleted since.
        None => crate::s3::model::version_id::VersionId::parse(id).ok_or_else(unknown)?.order,
    };
    Ok(rows::versions_after(from, bucket, key, order))
}

type Row = (Listed, bool);

fn page(cx: &Cx<'_>, req: &ListVersions, query: &Query<'_>) -> Result<Page<Row>, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let from: &dyn store::Read = &*cx.tx;
    let first = first(cx, &bucket, req, query)?;
    query.page(first, |start| rows::versions(from, &bucket, start))
}

/// What was found, and which of it are delete markers: AWS writes versions and markers in one order.
pub(crate) struct InOrder {
    listed: ListedVersions,
    are_markers: Vec<bool>,
}

impl ToValue for InOrder {
    const MEMBERS: Option<&'static [Member]> = <ListedVersions as ToValue>::MEMBERS;

    /// Either list becomes as many runs as it takes.
    fn to_value(mut self) -> Option<Value> {
        let mut versions = std::mem::take(&mut self.listed.versions).into_iter();
        let mut markers = std::mem::take(&mut self.listed.markers).into_iter();
        let prefixes = std::mem::take(&mut self.listed.prefixes);
        let Some(Value::Struct(head)) = self.listed.to_value() else { return None };
        let lists = ["Versions", "DeleteMarkers", "CommonPrefixes"];
        let mut out: Struct = head.into_iter().filter(|(name, _)| !lists.contains(name)).collect();
        for run in self.are_markers.chunk_by(|a, b| a == b) {
            let (name, items) = if run.first() == Some(&true) {
                ("DeleteMarkers", markers.by_ref().take(run.len()).collect::<Vec<_>>().to_value())
            } else {
                ("Versions", versions.by_ref().take(run.len()).collect::<Vec<_>>().to_value())
            };
            out.push_run(name, items?);
        }
        out.push("CommonPrefixes", prefixes.to_value()?);
        Some(Value::Struct(out))
    }
}

fn list_versions(cx: &mut Cx<'_>, req: ListVersions) -> Result<InOrder, S3Error> {
    if let Some(max) = req.max_keys.filter(|max| *max < 0) {
        return Err(argument("max-keys cannot be negative", "max-keys", max.to_string()));
    }
    let max = page_size(req.max_keys)?;
    let query = Query {
        prefix: req.prefix.as_deref().unwrap_or_default(),
        delimiter: not_empty(req.delimiter.as_deref()),
        after: not_empty(req.key_marker.as_deref()),
        whole_prefix: true,
        max,
    };
    let page = page(cx, &req, &query)?;
    let names = Names::of(req.encoding.as_deref());
    let restores = wants_restore(&req.attributes);
    let (mut next_key_marker, mut next_id_marker) = (None, None);
    if let Some(last) = page.entries.last().filter(|_| page.truncated) {
        next_key_marker = Some(names.out(last.name()));
        next_id_marker = match last {
            Entry::Item(_, (listed, _)) => Some(listed.id()),
            Entry::Prefix(_) => None,
        };
    }
    let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    let mut are_markers = Vec::new();
    for entry in page.entries {
        if let Entry::Item(_, (listed, _)) = &entry {
            are_markers.push(listed.delete_marker);
        }
        match entry {
            Entry::Prefix(prefix) => prefixes.push(PrefixView { prefix: names.out(prefix) }),
            Entry::Item(key, (listed, latest)) if listed.delete_marker => markers.push(MarkerView {
                key: names.out(key),
                id: listed.id(),
                latest,
                modified: listed.modified.whole_seconds(),
                owner: owner(listed.owner),
            }),
            Entry::Item(key, (listed, latest)) => {
                let restore = if restores { restore_view(&listed, cx.now) } else { None };
                versions.push(version_view(names.out(key), listed, latest, restore));
            }
        }
    }
    let listed = ListedVersions {
        truncated: page.truncated,
        prefix: names.out(query.prefix),
        key_marker: names.out(req.key_marker.as_deref().unwrap_or_default()),
        id_marker: req.id_marker.clone().unwrap_or_default(),
        next_key_marker,
        next_id_marker,
        max_keys: i64::try_from(max).unwrap_or_default(),
        delimiter: query.delimiter.map(|text| names.out(text)),
        name: req.bucket,
        encoding: req.encoding,
        versions,
        markers,
        prefixes,
        charged: req.payer,
    };
    Ok(InOrder { listed, are_markers })
}

fn version_view(key: String, listed: Listed, latest: bool, restore: Option<RestoreView>) -> VersionView {
    VersionView {
        key,
        id: listed.id(),
        latest,
        modified: listed.modified.whole_seconds(),
        etag: quoted(&listed.etag),
        checksum_algorithm: listed.checksum.as_ref().map(|checksum| vec![checksum.algorithm.clone()]),
        checksum_type: listed.checksum.as_ref().map(|checksum| checksum.kind().to_owned()),
        size: i64::try_from(listed.size).unwrap_or(i64::MAX),
        owner: owner(listed.owner),
        class: listed.class.name().to_owned(),
        restore,
    }
}
