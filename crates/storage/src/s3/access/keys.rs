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

/// The keys that a request answers.
pub(super) fn of_request(target: Target, cx: &Cx<'_>, request: &Struct) -> Target {
    let members = OF_MEMBERS.iter().filter_map(|(member, key)| Some((*key, text(request.get(member)?)?)));
    let target = members.fold(target, |target, (key, value)| target.key(key, value));
    let target = match request.str("CopySource") {
        Some(source) => target.key("s3:x-amz-copy-source", source.trim_start_matches('/')),
        None => target,
    };
    let target = of_lock(target, cx.now, request);
    let target = of_inventory(of_connection(target, cx), request);
    of_signature(of_tags(of_creation(target, cx.request.operation), request), cx)
}

/// How the connection is secured: `1.3`.
fn of_connection(target: Target, cx: &Cx<'_>) -> Target {
    let tls = cx.request.peer.as_ref().and_then(|peer| peer.tls);
    match tls.and_then(|tls| tls.version.strip_prefix("TLSv")) {
        Some(version) => target.key("s3:TlsVersion", version),
        None => target,
    }
}

/// Whether what needs `s3:PutObject` makes an object, rather than something on the way to one. AWS: by this a policy that
/// wants conditional writes leaves the parts of uploads alone.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
fn of_creation(target: Target, operation: &str) -> Target {
    match operation {
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" => {
            target.key("s3:ObjectCreationOperation", "true")
        }
        "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" => {
            target.key("s3:ObjectCreationOperation", "false")
        }
        _ => target,
    }
}

/// The fields that an inventory asks for.
fn of_inventory(target: Target, request: &Struct) -> Target {
    let fields = request.get("InventoryConfiguration").and_then(|c| c.member("OptionalFields"));
    match fields.and_then(Value::as_list) {
        Some(fields) => {
            let names = fields.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            target.keys("s3:InventoryAccessibleOptionalFields", names)
        }
        None => target,
    }
}

/// How the request was signed.
fn of_signature(target: Target, cx: &Cx<'_>) -> Target {
    if cx.request.form {
        return target.key("s3:authType", "POST");
    }
    let Some(signed) = &cx.request.signed else { return target };
    let kind = if signed.presigned { "REST-QUERY-STRING" } else { "REST-HEADER" };
    let target = target
        .key("s3:authType", kind)
        .key("s3:signatureversion", signed.algorithm.as_str())
        .key("s3:signatureAge", signed.age.as_millis().to_string());
    match &signed.payload {
        Some(payload) => target.key("s3:x-amz-content-sha256", payload.as_str()),
        None => target,
    }
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
fn of_lock(target: Target, now: Timestamp, request: &Struct) -> Target {
    let retention = request.get("Retention");
    let inner = |name: &str| retention.and_then(|r| r.member(name));
    let target = match inner("Mode").and_then(Value::as_str) {
        Some(mode) => target.key("s3:object-lock-mode", mode),
        None => target,
    };
    let until = inner("RetainUntilDate").or(request.get("ObjectLockRetainUntilDate"));
    let target = match until {
        Some(Value::Time(until)) => {
            let days = until.since(now).as_secs().div_ceil(DAY_SECONDS);
            let target = target.key("s3:object-lock-remaining-retention-days", days.to_string());
            if retention.is_some() {
                target.key("s3:object-lock-retain-until-date", until.iso8601())
            } else {
                target
            }
        }
        _ => target,
    };
    match request.get("LegalHold").and_then(|hold| hold.member("Status")).and_then(Value::as_str) {
        Some(status) => target.key("s3:object-lock-legal-hold", status),
        None => target,
    }
}

/// Tags that a request sets: in a header as a query string, or in a document.
fn of_tags(target: Target, request: &Struct) -> Target {
    let pairs: Vec<(String, String)> = match request.get("Tagging") {
        Some(Value::Str(header)) => header_tags(header),
        Some(document) => {
            let set = document.member("TagSet").and_then(Value::as_list).unwrap_or_default();
            let text = |tag: &Value, name: &str| tag.member(name).and_then(Value::as_str).map(str::to_owned);
            set.iter().filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?))).collect()
        }
        None => return target,
    };
    let names = pairs.iter().map(|(name, _)| name.clone()).collect();
    let target = target.keys("s3:RequestObjectTagKeys", names);
    pairs
        .into_iter()
        .fold(target, |target, (name, value)| target.key(format!("s3:RequestObjectTag/{name}"), value))
}

/// `a=1&b=2`, escaped as in a form.
pub fn header_tags(header: &str) -> Vec<(String, String)> {
    wire::head::form_pairs(header)
}

/// The keys that an existing version answers.
pub(super) fn of_version(target: Target, version: Option<&Version>) -> Target {
    let Some(version) = version else { return target };
    version.tags.iter().fold(target, |target, (name, value)| {
        target.key(format!("s3:ExistingObjectTag/{name}"), value.clone())
    })
}
