//! [`Rejection`]: a request that leads to no operation, and what AWS answers to it.

use super::host;
use crate::fault::Fault;
use crate::head::Head;
use crate::model::{Operation, Protocol, Service};
use crate::value::Value;

/// Why a request leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Nothing in the request names a service, or a service that is not in the catalog.
    UnknownService,
    UnknownOperation,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A content type that the service's protocol does not take.
    ContentType,
    /// The `Version` of a query request is not the service's.
    Version,
    /// The head or the body cannot be read far enough to find the operation.
    Malformed,
}

/// A refusal with its words, to be printed in `protocol`.
#[derive(Clone, PartialEq, Debug)]
pub struct Rejection {
    pub reason: Reason,
    /// What the caller seems to speak; the service's preferred one where it does not tell.
    pub protocol: Protocol,
    /// Where the request got far enough to know.
    pub service: Option<&'static Service>,
    pub fault: Fault,
}

impl PartialEq for Service {
    fn eq(&self, other: &Service) -> bool {
        self.id == other.id
    }
}

pub(super) fn unknown_service(protocol: Protocol, said: &str) -> Rejection {
    let message = if said.is_empty() {
        "The request names no service: it has no X-Amz-Target, no credential scope, and a host name that is not a service's."
            .to_owned()
    } else {
        format!("The service {said} is not known here.")
    };
    Rejection {
        reason: Reason::UnknownService,
        protocol,
        service: None,
        fault: Fault::new(404, "UnknownService", message),
    }
}

/// An operation that the service does not have, as its protocol says it.
// AWS: https://docs.aws.amazon.com/awsquery common errors (InvalidAction), Smithy's awsJson, restJson1 and rpcv2Cbor
// protocol pages (UnknownOperationException), S3's MethodNotAllowed in its table of error responses.
pub(super) fn unknown_operation(service: &'static Service, protocol: Protocol, name: &str) -> Rejection {
    let fault = match protocol {
        Protocol::Query => Fault::new(
            400,
            "InvalidAction",
            format!("Could not find operation {name} for version {}", service.api_version),
        ),
        Protocol::Ec2Query => {
            Fault::new(400, "InvalidAction", format!("The action {name} is not valid for this web service."))
        }
        Protocol::Json10 | Protocol::Json11 => Fault::new(400, "UnknownOperationException", ""),
        Protocol::RestJson | Protocol::RpcV2Cbor => Fault::new(404, "UnknownOperationException", ""),
        Protocol::RestXml if service.id == "s3" => method_not_allowed(),
        Protocol::RestXml => Fault::new(404, "UnknownOperationException", ""),
    };
    Rejection { reason: Reason::UnknownOperation, protocol, service: Some(service), fault }
}

pub(super) fn method(service: &'static Service, protocol: Protocol, head: &Head) -> Rejection {
    let fault = match protocol {
        Protocol::RestXml if service.id == "s3" => of_resource(head),
        Protocol::RestXml => method_not_allowed(),
        _ => Fault::new(405, "UnknownOperationException", ""),
    };
    Rejection { reason: Reason::MethodNotAllowed, protocol, service: Some(service), fault }
}

fn method_not_allowed() -> Fault {
    Fault::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

/// S3 says which method, and of what.
fn of_resource(head: &Head) -> Fault {
    let hosted = head.header("host").is_some_and(|name| host::read(name).bucket.is_some());
    let in_path =
        head.path.trim_start_matches('/').splitn(2, '/').filter(|segment| !segment.is_empty()).count();
    match in_path + usize::from(hosted) {
        0 => not_allowed_of(head, "SERVICE").header("allow", "GET"),
        1 => not_allowed_of(head, "BUCKET"),
        _ => not_allowed_of(head, "OBJECT"),
    }
}

fn not_allowed_of(head: &Head, kind: &str) -> Fault {
    method_not_allowed().with("Method", Value::str(head.method)).with("ResourceType", Value::str(kind))
}

/// What selects an operation of S3 in the query string by being there. Two of them select none.
const S3_SELECTORS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// The headers of an answer that a request may choose, each in a parameter that begins so.
const S3_OVERRIDE: &str = "response-";
const S3_OVERRIDES: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

/// What may stand behind `x-amz-checksum-`: the algorithms, and what is said about them.
const S3_CHECKSUM: &str = "x-amz-checksum-";
const S3_CHECKSUMS: [&str; 13] = [
    "algorithm",
    "crc32",
    "crc32c",
    "crc64nvme",
    "md5",
    "mode",
    "sha1",
    "sha256",
    "sha512",
    "type",
    "xxhash128",
    "xxhash3",
    "xxhash64",
];

/// What S3 does not know by name: a header of the answer that cannot be chosen, the checksum of another algorithm.
// AWS: recorded answers to `?response-x=y` and `x-amz-checksum-sha256a`.
fn unknown_to_s3(operation: &Operation, head: &Head) -> Option<Fault> {
    match operation.name {
        "GetObject" | "HeadObject" => {
            let is_other = |name: &str| {
                name.strip_prefix(S3_OVERRIDE).is_some_and(|header| !S3_OVERRIDES.contains(&header))
            };
            let (name, _) = head.query_pairs().find(|(name, _)| is_other(name))?;
            let words = format!(
                "{name} is not in the set of overridable response headers. Please refer to the S3 API documentation for a \
                 complete list of overridable response headers."
            );
            let value = head.query_value(name).unwrap_or_default().to_string();
            Some(
                Fault::new(400, "InvalidArgument", words)
                    .with("ArgumentName", Value::str(name))
                    .with("ArgumentValue", Value::Str(value)),
            )
        }
        "PutObject" | "UploadPart" => {
            let mut names = head.headers.keys().filter_map(|name| name.as_str().strip_prefix(S3_CHECKSUM));
            let words = "The algorithm type you specified in x-amz-checksum- header is invalid.";
            names.any(|kind| !S3_CHECKSUMS.contains(&kind)).then(|| Fault::new(400, "InvalidRequest", words))
        }
        _ => None,
    }
}

/// A selector where it selects nothing. Some are of buckets alone; and nobody who asks for the ACL of a bucket or an object
/// means the bucket or the object, to write or to delete it.
// AWS: `NoLoggingStatusForKey` in the table of error responses; the words about keys as other servers have them of S3.
fn misplaced(operation: &Operation, selector: &str, head: &Head) -> Option<Fault> {
    let words = match (operation.name, selector) {
        // A parameter, of which more is to be said.
        (_, "uploadId") => return None,
        ("GetObject" | "PutObject", "logging") => {
            let words = "There is no such thing as a logging status sub-resource for a key.";
            return Some(Fault::new(400, "NoLoggingStatusForKey", words));
        }
        ("GetObject", "uploads") => "Key is not expected for the GET method ?uploads subresource",
        ("GetObject", "versions") => "There is no such thing as the ?versions sub-resource for a key",
        ("PutObject" | "CreateBucket" | "DeleteObject" | "DeleteBucket", _) => {
            return Some(of_resource(head));
        }
        _ => return None,
    };
    Some(Fault::new(400, "InvalidRequest", words))
}

/// S3 refuses a query string that asks for several things at once, for a list of a kind that it has not, for a part of no
/// upload or an upload of no part, and a source where nothing is copied.
// AWS: recorded answers to `?uploads&versioning`, `?acl&versioning` and `?list-type=3`.
pub(super) fn unclear(service: &'static Service, operation: &Operation, head: &Head) -> Option<Rejection> {
    if service.id != "s3" {
        return None;
    }
    let mut found: Vec<&str> =
        head.query_pairs().map(|(name, _)| name).filter(|name| S3_SELECTORS.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    if let Some(fault) = unknown_to_s3(operation, head) {
        return Some(malformed(Some(service), Protocol::RestXml, fault));
    }
    if head.method == "PUT" && found == ["uploadId"] && head.query_value("partNumber").is_none() {
        let fault = not_allowed_of(head, "UPLOAD").header("allow", "DELETE, POST, GET");
        return Some(malformed(Some(service), Protocol::RestXml, fault));
    }
    if let [selector] = found[..]
        && let Some(fault) = misplaced(operation, selector, head)
    {
        return Some(malformed(Some(service), Protocol::RestXml, fault));
    }
    let is_copy = matches!(operation.name, "CopyObject" | "UploadPartCopy");
    let is_part_of_none =
        head.method == "PUT" && !found.contains(&"uploadId") && head.query_value("partNumber").is_some();
    let (message, name, value) = match (&found[..], head.query_value("list-type")) {
        _ if !is_copy && head.header("x-amz-copy-source").is_some() => {
            let words = "You can only specify a copy source header for copy requests.";
            let source = head.header("x-amz-copy-source").unwrap_or_default();
            (words.to_owned(), "x-amz-copy-source", source.to_owned())
        }
        ([first, _, ..], _) => {
            let words = format!("Conflicting query string parameters: {}", found.join(", "));
            (words, "ResourceType", (*first).to_owned())
        }
        (_, Some(kind)) if operation.name == "ListObjects" => {
            ("Invalid List Type specified in Request".to_owned(), "list-type", kind.to_string())
        }
        _ if is_part_of_none => {
            let words = "This operation does not accept partNumber without uploadId";
            // The name once more, whatever the number.
            (words.to_owned(), "partNumber", "partNumber".to_owned())
        }
        _ => return None,
    };
    let fault = Fault::new(400, "InvalidArgument", message)
        .with("ArgumentName", Value::str(name))
        .with("ArgumentValue", Value::Str(value));
    Some(malformed(Some(service), Protocol::RestXml, fault))
}

pub(super) fn missing_action(service: &'static Service, protocol: Protocol) -> Rejection {
    let fault = match protocol {
        Protocol::Ec2Query => {
            Fault::new(400, "MissingParameter", "The request must contain the parameter Action")
        }
        _ => Fault::new(400, "MissingAction", "Missing Action"),
    };
    Rejection { reason: Reason::UnknownOperation, protocol, service: Some(service), fault }
}

pub(super) fn version(
    service: &'static Service,
    protocol: Protocol,
    action: &str,
    version: &str,
) -> Rejection {
    let fault = match protocol {
        Protocol::Ec2Query => Fault::new(
            400,
            "InvalidAction",
            format!("The action {action} is not valid for this web service."),
        ),
        _ => Fault::new(
            400,
            "InvalidAction",
            format!("Could not find operation {action} for version {version}"),
        ),
    };
    Rejection { reason: Reason::Version, protocol, service: Some(service), fault }
}

pub(super) fn content_type(service: &'static Service, protocol: Protocol) -> Rejection {
    let fault = Fault::new(400, "UnknownOperationException", "");
    Rejection { reason: Reason::ContentType, protocol, service: Some(service), fault }
}

pub(super) fn malformed(service: Option<&'static Service>, protocol: Protocol, fault: Fault) -> Rejection {
    Rejection { reason: Reason::Malformed, protocol, service, fault }
}
