//! Listing versions and delete markers.

use super::list::{Names, Owners, PrefixView, Showing, not_empty, page_size, room, wants_restore};
use super::shapes::load;
use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::errors::{S3Error, argument};
use crate::s3::listing::{Entry, Query};
use crate::s3::rows::{self, AllVersions, Listed};
use crate::s3::versions;
use kernel::Cx;
use wire::Elements;

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
        /// With the delete markers among them: AWS writes both in one order.
        versions: Elements = "Versions",
        markers: Elements = "DeleteMarkers",
        prefixes: Vec<PrefixView> = "CommonPrefixes",
        charged: Option<String> = "RequestCharged",
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
    rows::versions_after(from, bucket, key, order)
}

/// A version or a marker.
fn write(out: &mut Elements, key: String, listed: &Listed, is_latest: bool, showing: &mut Showing) {
    let element = if listed.delete_marker { "DeleteMarker" } else { "Version" };
    out.open(element);
    out.text("Key", &showing.names.out(key));
    out.text("VersionId", &listed.id());
    out.bool("IsLatest", is_latest);
    if listed.delete_marker {
        out.time("LastModified", listed.modified.whole_seconds());
        showing.owner(out, listed.owner);
    } else {
        showing.object(out, listed);
    }
    out.close(element);
}

fn list_versions(cx: &mut Cx<'_>, req: ListVersions) -> Result<ListedVersions, S3Error> {
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
    let names = Names::of(req.encoding.as_deref());
    let bucket = load(cx, &req.bucket)?;
    let owners = Some(Owners::of(&bucket.record));
    let mut showing = Showing { names, owners, restore: wants_restore(&req.attributes), now: cx.now };
    let from: &dyn store::Read = &*cx.tx;
    let (mut written, mut prefixes, mut count) = (room(max), Vec::new(), 0);
    // The last entry, and its version's id.
    let mut last: Option<(String, Option<String>)> = None;
    let first = first(cx, &bucket, &req, &query)?;
    let truncated = query.each(
        first,
        |start| rows::versions(from, &bucket, start),
        |entry| {
            count += 1;
            if count == max {
                let id = match &entry {
                    Entry::Item(_, (listed, _)) => Some(listed.id()),
                    Entry::Prefix(_) => None,
                };
                last = Some((entry.name().to_owned(), id));
            }
            match entry {
                Entry::Item(key, (listed, is_latest)) => {
                    write(&mut written, key, &listed, is_latest, &mut showing);
                }
                Entry::Prefix(prefix) => prefixes.push(PrefixView { prefix: names.out(prefix) }),
            }
        },
    )?;
    let (next_key_marker, next_id_marker) = last.filter(|_| truncated).unzip();
    Ok(ListedVersions {
        truncated,
        prefix: names.out(query.prefix),
        key_marker: names.out(req.key_marker.as_deref().unwrap_or_default()),
        id_marker: req.id_marker.clone().unwrap_or_default(),
        next_key_marker: next_key_marker.map(|name| names.out(name)),
        next_id_marker: next_id_marker.flatten(),
        max_keys: i64::try_from(max).unwrap_or_default(),
        delimiter: query.delimiter.map(|text| names.out(text)),
        name: req.bucket,
        encoding: req.encoding,
        versions: written,
        markers: Elements::default(),
        prefixes,
        charged: req.payer,
    })
}
