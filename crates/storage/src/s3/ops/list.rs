//! Listing objects, in both versions of the operation.

use super::shapes::load;
use crate::s3::access;
use crate::s3::buckets::Bucket;
use crate::s3::canonical;
use crate::s3::errors::{Refusal, S3Error, argument};
use crate::s3::listing::{Entry, PAGE_MAX, Query, form_encoded};
use crate::s3::model::bucket::{BucketRecord, Ownership};
use crate::s3::restore::{self, State};
use crate::s3::rows::{self, Listed};
use base::{AccountId, Timestamp};
use kernel::Cx;
use wire::Elements;

kernel::ops! { pub(crate) static OPS:
    ListObjects: [event] list_objects, "s3:ListBucket", access::on_bucket;
    ListObjectsV2: [event] list_objects_v2, "s3:ListBucket", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ListObjects {
        bucket: String = "Bucket",
        delimiter: Option<String> = "Delimiter",
        encoding: Option<String> = "EncodingType",
        marker: Option<String> = "Marker",
        max_keys: Option<i64> = "MaxKeys",
        prefix: Option<String> = "Prefix",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        attributes: Vec<String> = "OptionalObjectAttributes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListObjectsV2 {
        bucket: String = "Bucket",
        delimiter: Option<String> = "Delimiter",
        encoding: Option<String> = "EncodingType",
        max_keys: Option<i64> = "MaxKeys",
        prefix: Option<String> = "Prefix",
        token: Option<String> = "ContinuationToken",
        fetch_owner: Option<bool> = "FetchOwner",
        start_after: Option<String> = "StartAfter",
        payer: Option<String> = "RequestPayer",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        attributes: Vec<String> = "OptionalObjectAttributes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListedObjects {
        /// A header that the model does not have.
        region: String = "BucketRegion",
        name: String = "Name",
        prefix: String = "Prefix",
        marker: String = "Marker",
        next_marker: Option<String> = "NextMarker",
        max_keys: i64 = "MaxKeys",
        delimiter: Option<String> = "Delimiter",
        truncated: bool = "IsTruncated",
        encoding: Option<String> = "EncodingType",
        contents: Elements = "Contents",
        prefixes: Vec<PrefixView> = "CommonPrefixes",
        charged: Option<String> = "RequestCharged",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListedObjectsV2 {
        /// A header that the model does not have.
        region: String = "BucketRegion",
        name: String = "Name",
        prefix: String = "Prefix",
        token: Option<String> = "ContinuationToken",
        next_token: Option<String> = "NextContinuationToken",
        start_after: Option<String> = "StartAfter",
        key_count: i64 = "KeyCount",
        max_keys: i64 = "MaxKeys",
        delimiter: Option<String> = "Delimiter",
        truncated: bool = "IsTruncated",
        encoding: Option<String> = "EncodingType",
        contents: Elements = "Contents",
        prefixes: Vec<PrefixView> = "CommonPrefixes",
        charged: Option<String> = "RequestCharged",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PrefixView { pub(super) prefix: String = "Prefix" }
}

/// A restore that is asked for, or a copy that is there.
struct RestoreView {
    ongoing: bool,
    expires: Option<Timestamp>,
}

const TOKENS: &str = "s3 objects";
const CONTENTS: &str = "Contents";
/// Room that a page begins with for each of its entries: for names of common length, without owners.
const ENTRY_BYTES: usize = 320;
/// For how many entries.
const ENTRIES_USUAL: usize = 256;

/// What the entries of a page are written into.
pub(super) fn room(max: usize) -> Elements {
    Elements::with_capacity(max.min(ENTRIES_USUAL) * ENTRY_BYTES)
}

/// How names go out.
#[derive(Clone, Copy)]
pub(super) struct Names {
    encoded: bool,
}

impl Names {
    pub(super) fn of(encoding: Option<&str>) -> Names {
        Names { encoded: encoding == Some("url") }
    }

    pub(super) fn out(self, name: impl Into<String>) -> String {
        if self.encoded { form_encoded(name) } else { name.into() }
    }
}

/// How many entries a page holds; what a request says beyond that counts as that.
///
/// # Errors
/// `InvalidArgument` for what is negative.
pub(super) fn page_size(max_keys: Option<i64>) -> Result<usize, S3Error> {
    match max_keys {
        None => Ok(PAGE_MAX),
        Some(n) => usize::try_from(n).map(|n| n.min(PAGE_MAX)).map_err(|_| {
            argument("Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", n.to_string())
        }),
    }
}

pub(super) fn not_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Whether the request wants to know of restored copies.
pub(super) fn wants_restore(attributes: &[String]) -> bool {
    attributes.iter().any(|name| name == "RestoreStatus")
}

/// What a listing tells of an archived object.
fn restore_view(listed: &Listed, now: Timestamp) -> Option<RestoreView> {
    match restore::state_of(listed, now)? {
        State::Archived => None,
        State::Ongoing => Some(RestoreView { ongoing: true, expires: None }),
        State::Restored(until) => Some(RestoreView { ongoing: false, expires: Some(until) }),
    }
}

/// What is told of each object.
pub(super) struct Showing {
    pub(super) names: Names,
    /// The canonical id of a bucket's objects' owner is looked up once for all that are alike.
    pub(super) owners: Option<Owners>,
    pub(super) restore: bool,
    pub(super) now: Timestamp,
}

pub(super) struct Owners {
    /// Whose everything is, whoever has uploaded it.
    all: Option<AccountId>,
    last: Option<(AccountId, String)>,
}

impl Owners {
    pub(super) fn of(bucket: &BucketRecord) -> Owners {
        let enforced = bucket.ownership == Ownership::BucketOwnerEnforced;
        Owners { all: enforced.then_some(bucket.owner), last: None }
    }

    fn id(&mut self, account: AccountId) -> &str {
        let account = self.all.unwrap_or(account);
        if self.last.as_ref().is_none_or(|(known, _)| *known != account) {
            self.last = None;
        }
        &self.last.get_or_insert_with(|| (account, canonical::id(account))).1
    }
}

impl Showing {
    pub(super) fn owner(&mut self, out: &mut Elements, account: AccountId) {
        if let Some(owners) = &mut self.owners {
            out.open("Owner");
            out.text("ID", owners.id(account));
            out.close("Owner");
        }
    }

    /// What an object and a version of one have alike, in the order of AWS's answers.
    pub(super) fn object(&mut self, out: &mut Elements, listed: &Listed) {
        out.time("LastModified", listed.modified.whole_seconds());
        out.quoted("ETag", &listed.etag);
        if let Some(checksum) = &listed.checksum {
            out.text("ChecksumAlgorithm", &checksum.algorithm);
            out.text("ChecksumType", checksum.kind());
        }
        out.int("Size", i64::try_from(listed.size).unwrap_or(i64::MAX));
        self.owner(out, listed.owner);
        out.text("StorageClass", listed.class.name());
        if let Some(view) = restore_view(listed, self.now).filter(|_| self.restore) {
            out.open("RestoreStatus");
            out.bool("IsRestoreInProgress", view.ongoing);
            view.expires.iter().for_each(|until| out.time("RestoreExpiryDate", *until));
            out.close("RestoreStatus");
        }
    }
}

fn write(out: &mut Elements, key: String, listed: &Listed, showing: &mut Showing) {
    out.open(CONTENTS);
    out.text("Key", &showing.names.out(key));
    showing.object(out, listed);
    out.close(CONTENTS);
}

struct Written {
    contents: Elements,
    prefixes: Vec<PrefixView>,
    count: usize,
    /// The last entry, where more follow.
    last: Option<String>,
}

fn page(cx: &Cx<'_>, bucket: &Bucket, query: &Query<'_>, mut showing: Showing) -> Result<Written, S3Error> {
    let from: &dyn store::Read = &*cx.tx;
    let mut page = Written { contents: room(query.max), prefixes: Vec::new(), count: 0, last: None };
    let open = |start: &[u8]| rows::current(from, bucket, start);
    let truncated = query.each(open(&query.start()), open, |entry| {
        page.count += 1;
        if page.count == query.max {
            page.last = Some(entry.name().to_owned());
        }
        match entry {
            Entry::Item(key, listed) => write(&mut page.contents, key, &listed, &mut showing),
            Entry::Prefix(prefix) => page.prefixes.push(PrefixView { prefix: showing.names.out(prefix) }),
        }
    })?;
    page.last = page.last.filter(|_| truncated);
    Ok(page)
}

fn list_objects(cx: &mut Cx<'_>, req: ListObjects) -> Result<ListedObjects, S3Error> {
    let max = page_size(req.max_keys)?;
    let query = Query {
        prefix: req.prefix.as_deref().unwrap_or_default(),
        delimiter: not_empty(req.delimiter.as_deref()),
        after: not_empty(req.marker.as_deref()),
        whole_prefix: true,
        max,
    };
    let names = Names::of(req.encoding.as_deref());
    let bucket = load(cx, &req.bucket)?;
    // AWS: a recorded answer: who is nobody is not told whose the objects are.
    let owners = cx.caller.principal.account().map(|_| Owners::of(&bucket.record));
    let showing = Showing { names, owners, restore: wants_restore(&req.attributes), now: cx.now };
    let Written { contents, prefixes, last, .. } = page(cx, &bucket, &query, showing)?;
    let delimiter = query.delimiter.map(|text| names.out(text));
    Ok(ListedObjects {
        region: bucket.record.region.name().to_owned(),
        truncated: last.is_some(),
        // Without a delimiter the last key serves as the next marker.
        next_marker: last.filter(|_| delimiter.is_some()).map(|last| names.out(last)),
        prefix: names.out(query.prefix),
        marker: names.out(req.marker.as_deref().unwrap_or_default()),
        max_keys: i64::try_from(max).unwrap_or_default(),
        delimiter,
        name: req.bucket,
        encoding: req.encoding,
        contents,
        prefixes,
        charged: req.payer,
    })
}

fn list_objects_v2(cx: &mut Cx<'_>, req: ListObjectsV2) -> Result<ListedObjectsV2, S3Error> {
    let max = page_size(req.max_keys)?;
    let position = match req.token.as_deref() {
        Some(token) => {
            let wrong = || {
                S3Error::from(Refusal::InvalidArgument("The continuation token provided is incorrect".into()))
                    .with("ArgumentName", "continuation-token")
            };
            let bytes = cx.pager().position(TOKENS, token).map_err(|_| wrong())?;
            Some(String::from_utf8(bytes).map_err(|_| wrong())?)
        }
        None => None,
    };
    let query = Query {
        prefix: req.prefix.as_deref().unwrap_or_default(),
        delimiter: not_empty(req.delimiter.as_deref()),
        after: position.as_deref().or(not_empty(req.start_after.as_deref())),
        whole_prefix: false,
        max,
    };
    let names = Names::of(req.encoding.as_deref());
    let bucket = load(cx, &req.bucket)?;
    let owners = (req.fetch_owner == Some(true)).then(|| Owners::of(&bucket.record));
    let showing = Showing { names, owners, restore: wants_restore(&req.attributes), now: cx.now };
    let Written { contents, prefixes, count, last } = page(cx, &bucket, &query, showing)?;
    let next_token = last.map(|last| cx.pager().token(TOKENS, last.as_bytes()));
    Ok(ListedObjectsV2 {
        region: bucket.record.region.name().to_owned(),
        truncated: next_token.is_some(),
        next_token,
        prefix: names.out(query.prefix),
        key_count: i64::try_from(count).unwrap_or_default(),
        max_keys: i64::try_from(max).unwrap_or_default(),
        delimiter: query.delimiter.map(|text| names.out(text)),
        // AWS: where a token goes on, what it began behind is not looked at.
        start_after: req.start_after.filter(|_| req.token.is_none()).map(|text| names.out(text)),
        token: req.token,
        name: req.bucket,
        encoding: req.encoding,
        contents,
        prefixes,
        charged: req.payer,
    })
}
