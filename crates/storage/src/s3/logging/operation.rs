//! What the log calls an operation: `REST.<method>.<what it was about>`.
//!
//! AWS documents the form and examples of it; the names of what a request is about are those that logs have.

/// The name of an operation of the model, called by this method. `None` where the request led to none.
pub fn name(operation: Option<&str>, method: &str, has_key: bool) -> String {
    let Some(operation) = operation else {
        let what = if has_key { "OBJECT" } else { "BUCKET" };
        return match method {
            "OPTIONS" => "REST.OPTIONS.PREFLIGHT".to_owned(),
            "POST" => "REST.POST.OBJECT".to_owned(),
            _ => format!("REST.{method}.{what}"),
        };
    };
    match operation {
        "CopyObject" => "REST.COPY.OBJECT".to_owned(),
        "UploadPartCopy" => "REST.COPY.PART".to_owned(),
        _ => format!("REST.{method}.{}", about(operation)),
    }
}

/// The line for the source of a copy, beside the one for the copy.
pub fn of_source(operation: &str) -> Option<&'static str> {
    match operation {
        "CopyObject" => Some("REST.COPY.OBJECT_GET"),
        "UploadPartCopy" => Some("REST.COPY.PART_GET"),
        _ => None,
    }
}

/// Without `Get`, `Put`, `Delete` and `List`, which the method says.
fn about(operation: &str) -> &'static str {
    let rest = ["Get", "Put", "Delete", "List"].iter().find_map(|verb| operation.strip_prefix(verb));
    match rest.unwrap_or(operation) {
        "BucketAccelerateConfiguration" => "ACCELERATE",
        "BucketAcl" | "ObjectAcl" => "ACL",
        "BucketAnalyticsConfiguration" | "BucketAnalyticsConfigurations" => "ANALYTICS",
        "BucketCors" => "CORS",
        "BucketEncryption" => "ENCRYPTION",
        "BucketIntelligentTieringConfiguration" | "BucketIntelligentTieringConfigurations" => {
            "INTELLIGENT_TIERING"
        }
        "BucketInventoryConfiguration" | "BucketInventoryConfigurations" => "INVENTORY",
        "BucketLifecycle" | "BucketLifecycleConfiguration" => "LIFECYCLE",
        "BucketLocation" => "LOCATION",
        "BucketLogging" => "LOGGING_STATUS",
        "BucketMetricsConfiguration" | "BucketMetricsConfigurations" => "METRICS",
        "BucketNotificationConfiguration" => "NOTIFICATION",
        "BucketOwnershipControls" => "OWNERSHIP_CONTROLS",
        "BucketPolicy" => "BUCKETPOLICY",
        "BucketPolicyStatus" => "POLICY_STATUS",
        "BucketReplication" => "REPLICATION",
        "BucketRequestPayment" => "REQUEST_PAYMENT",
        "BucketTagging" => "TAGGING",
        "BucketVersioning" => "VERSIONING",
        "BucketWebsite" => "WEBSITE",
        "MultipartUploads" | "CreateMultipartUpload" => "UPLOADS",
        "ObjectAttributes" => "OBJECT_ATTRIBUTES",
        "ObjectLegalHold" => "OBJECT_LOCK_LEGALHOLD",
        "ObjectLockConfiguration" => "OBJECT_LOCK_CONFIGURATION",
        "ObjectRetention" => "OBJECT_LOCK_RETENTION",
        "ObjectTagging" => "OBJECT_TAGGING",
        "ObjectTorrent" => "TORRENT",
        "ObjectVersions" => "BUCKETVERSIONS",
        "Parts" | "AbortMultipartUpload" | "CompleteMultipartUpload" => "UPLOAD",
        "PublicAccessBlock" => "PUBLIC_ACCESS_BLOCK",
        "RestoreObject" => "RESTORE",
        "SelectObjectContent" => "SELECT",
        "UploadPart" => "PART",
        "Object" | "HeadObject" => "OBJECT",
        // Of `DeleteObjects` and the two listings the verb is gone.
        "Objects" if operation == "DeleteObjects" => "MULTI_OBJECT_DELETE",
        _ => "BUCKET",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let table = [
            (Some("GetObject"), "GET", "REST.GET.OBJECT"),
            (Some("HeadObject"), "HEAD", "REST.HEAD.OBJECT"),
            (Some("ListObjectsV2"), "GET", "REST.GET.BUCKET"),
            (Some("ListObjects"), "GET", "REST.GET.BUCKET"),
            (Some("ListObjectVersions"), "GET", "REST.GET.BUCKETVERSIONS"),
            (Some("HeadBucket"), "HEAD", "REST.HEAD.BUCKET"),
            (Some("DeleteBucket"), "DELETE", "REST.DELETE.BUCKET"),
            (Some("DeleteObjects"), "POST", "REST.POST.MULTI_OBJECT_DELETE"),
            (Some("CopyObject"), "PUT", "REST.COPY.OBJECT"),
            (Some("UploadPart"), "PUT", "REST.PUT.PART"),
            (Some("CreateMultipartUpload"), "POST", "REST.POST.UPLOADS"),
            (Some("CompleteMultipartUpload"), "POST", "REST.POST.UPLOAD"),
            (Some("AbortMultipartUpload"), "DELETE", "REST.DELETE.UPLOAD"),
            (Some("GetBucketLogging"), "GET", "REST.GET.LOGGING_STATUS"),
            (Some("GetBucketVersioning"), "GET", "REST.GET.VERSIONING"),
            (Some("GetBucketPolicy"), "GET", "REST.GET.BUCKETPOLICY"),
            (Some("PutObjectTagging"), "PUT", "REST.PUT.OBJECT_TAGGING"),
            (None, "OPTIONS", "REST.OPTIONS.PREFLIGHT"),
            (None, "PUT", "REST.PUT.OBJECT"),
        ];
        for (operation, method, want) in table {
            assert_eq!(name(operation, method, true), want, "{operation:?}");
        }
        assert_eq!(name(None, "GET", false), "REST.GET.BUCKET");
    }
}
