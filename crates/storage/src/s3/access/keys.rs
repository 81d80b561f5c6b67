//! S3's own condition keys.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use crate::s3::model::object::Version;
use base::Timestamp;
use kernel::{Cx, Target};
use wire::{Struct, Value};

/// Members of requests that are condition keys as they stand.
const OF_MEMBERS: &[(&str, &str)] = &[
    ("Prefix", "s3:prefix"),
    ("Delimiter", "s3:delimiter"),
    ("MaxKeys", "s3:max-keys"),
    ("ACL", "s3:x-amz-acl"),
    ("GrantFullControl", "s3:x-amz-grant-full-control"),
    ("GrantRead", "s3:x-amz-grant-read"),
    ("GrantReadACP", "s3:x-amz-grant-read-acp"),
    ("GrantWrite", "s3:x-amz-grant-write"),
    ("GrantWriteACP", "s3:x-amz-grant-write-acp"),
    ("ServerSideEncryption", "s3:x-amz-server-side-encryption"),
    ("SSEKMSKeyId", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ("SSECustomerAlgorithm", "s3:x-amz-server-side-encryption-customer-algorithm"),
    ("StorageClass", "s3:x-amz-storage-class"),
    ("MetadataDirective", "s3:x-amz-metadata-directive"),
    ("WebsiteRedirectLocation", "s3:x-amz-website-redirect-location"),
    ("ObjectOwnership", "s3:x-amz-object-ownership"),
    ("VersionId", "s3:VersionId"),
    ("IfMatch", "s3:if-match"),
    ("IfNoneMatch", "s3:if-none-match"),
    ("ObjectLockMode", "s3:object-lock-mode"),
    ("ObjectLockRetainUntilDate", "s3:object-lock-retain-until-date"),
    ("ObjectLockLegalHoldStatus", "s3:object-lock-legal-hold"),
];

const DAY_SECONDS: u64 = 86_400;

/// Names and what they are answered with.
type Keys = Vec<(String, Vec<String>)>;

fn add(keys: &mut Keys, name: impl Into<String>, value: impl Into<String>) {
    keys.push((name.into(), vec![value.into()]));
}

fn add_some(keys: &mut Keys, name: &str, value: Option<impl Into<String>>) {
    if let Some(value) = value {
        add(keys, name, value);
    }
}

/// The keys that a request answers.
pub(super) fn of_request(mut target: Target, cx: &Cx<'_>, request: &Struct) -> Target {
    let keys = &mut target.keys;
    for (member, key) in OF_MEMBERS {
        add_some(keys, key, request.get(member).and_then(text));
    }
    let source = request.str("CopySource").map(|source| source.trim_start_matches('/'));
    add_some(keys, "s3:x-amz-copy-source", source);
    of_lock(keys, cx.now, request);
    of_connection(keys, cx);
    of_inventory(keys, request);
    of_creation(keys, cx.request.operation);
    of_tags(keys, request);
    of_signature(keys, cx);
    target
}

/// How the connection is secured: `1.3`.
fn of_connection(keys: &mut Keys, cx: &Cx<'_>) {
    let tls = cx.request.peer.as_ref().and_then(|peer| peer.tls);
    add_some(keys, "s3:TlsVersion", tls.and_then(|tls| tls.version.strip_prefix("TLSv")));
}

/// Whether what needs `s3:PutObject` makes an object, rather than something on the way to one. AWS: by this a policy that
/// wants conditional writes leaves the parts of uploads alone.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
fn of_creation(keys: &mut Keys, operation: &str) {
    let makes = match operation {
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" => Some("true"),
        "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" => Some("false"),
        _ => None,
    };
    add_some(keys, "s3:ObjectCreationOperation", makes);
}

/// The fields that an inventory asks for.
fn of_inventory(keys: &mut Keys, request: &Struct) {
    let fields = request.get("InventoryConfiguration").and_then(|c| c.member("OptionalFields"));
    if let Some(fields) = fields.and_then(Value::as_list) {
        let names = fields.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        keys.push(("s3:InventoryAccessibleOptionalFields".to_owned(), names));
    }
}

/// How the request was signed.
fn of_signature(keys: &mut Keys, cx: &Cx<'_>) {
    if cx.request.form {
        return add(keys, "s3:authType", "POST");
    }
    let Some(signed) = &cx.request.signed else { return };
    add(keys, "s3:authType", if signed.presigned { "REST-QUERY-STRING" } else { "REST-HEADER" });
    add(keys, "s3:signatureversion", signed.algorithm.as_str());
    add(keys, "s3:signatureAge", signed.age.as_millis().to_string());
    add_some(keys, "s3:x-amz-content-sha256", signed.payload.as_deref());
}

fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Str(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Time(time) => time.iso8601(),
        _ => return None,
    })
}

/// Of `PutObjectRetention` and `PutObjectLegalHold`, whose members lie deeper.
fn of_lock(keys: &mut Keys, now: Timestamp, request: &Struct) {
    let retention = request.get("Retention");
    let inner = |name: &str| retention.and_then(|r| r.member(name));
    add_some(keys, "s3:object-lock-mode", inner("Mode").and_then(Value::as_str));
    let until = inner("RetainUntilDate").or(request.get("ObjectLockRetainUntilDate"));
    if let Some(Value::Time(until)) = until {
        let days = until.since(now).as_secs().div_ceil(DAY_SECONDS);
        add(keys, "s3:object-lock-remaining-retention-days", days.to_string());
        add_some(keys, "s3:object-lock-retain-until-date", retention.map(|_| until.iso8601()));
    }
    let held = request.get("LegalHold").and_then(|hold| hold.member("Status")).and_then(Value::as_str);
    add_some(keys, "s3:object-lock-legal-hold", held);
}

/// Tags that a request sets: in a header as a query string, or in a document.
fn of_tags(keys: &mut Keys, request: &Struct) {
    let pairs: Vec<(String, String)> = match request.get("Tagging") {
        Some(Value::Str(header)) => header_tags(header),
        Some(document) => {
            let set = document.member("TagSet").and_then(Value::as_list).unwrap_or_default();
            let text = |tag: &Value, name: &str| tag.member(name).and_then(Value::as_str).map(str::to_owned);
            set.iter().filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?))).collect()
        }
        None => return,
    };
    keys.push(("s3:RequestObjectTagKeys".to_owned(), pairs.iter().map(|(name, _)| name.clone()).collect()));
    for (name, value) in pairs {
        add(keys, format!("s3:RequestObjectTag/{name}"), value);
    }
}

/// `a=1&b=2`, escaped as in a form.
pub fn header_tags(header: &str) -> Vec<(String, String)> {
    wire::head::form_pairs(header)
}

/// The keys that an existing version answers.
pub(super) fn of_version(mut target: Target, version: Option<&Version>) -> Target {
    for (name, value) in version.into_iter().flat_map(|version| &version.tags) {
        add(&mut target.keys, format!("s3:ExistingObjectTag/{name}"), value.clone());
    }
    target
}
