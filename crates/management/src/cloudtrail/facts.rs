//! What CloudTrail says of an operation, as far as that is a fact about the operation and not about the call.

use auth::actions::{self, AccessLevel};
use kernel::audit::Entry;
use wire::model::Service;

/// Names of operations that only read, for those that AWS's authorization reference has under another name.
const READING: &[&str] =
    &["Get", "List", "Describe", "Head", "Lookup", "Search", "BatchGet", "Query", "Scan", "Check"];

/// Cryptographic operations of KMS: they change nothing, and their answers are secrets.
/// AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/understanding-kms-entries.html>
const CRYPTOGRAPHIC: &[&str] = &[
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// Operations on data rather than on resources. The event history has management events only.
/// AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html>
const DATA: &[(&str, &[&str])] = &[
    (
        "dynamodb",
        &[
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        ],
    ),
    (
        "ebs",
        &[
            "CompleteSnapshot",
            "GetSnapshotBlock",
            "ListChangedBlocks",
            "ListSnapshotBlocks",
            "PutSnapshotBlock",
            "StartSnapshot",
        ],
    ),
    ("lambda", &["Invoke", "InvokeAsync", "InvokeFunctionUrl", "InvokeWithResponseStream"]),
    (
        "s3",
        &[
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "DeleteObject",
            "DeleteObjectTagging",
            "DeleteObjects",
            "GetObject",
            "GetObjectAcl",
            "GetObjectAttributes",
            "GetObjectTagging",
            "GetObjectTorrent",
            "HeadObject",
            "ListObjectVersions",
            "ListObjects",
            "ListObjectsV2",
            "ListParts",
            "PutObject",
            "PutObjectAcl",
            "PutObjectTagging",
            "RestoreObject",
            "SelectObjectContent",
            "UploadPart",
            "UploadPartCopy",
        ],
    ),
    ("sns", &["Publish", "PublishBatch"]),
    (
        "sqs",
        &[
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        ],
    ),
];

pub(super) fn is_management(entry: &Entry) -> bool {
    let data = DATA.iter().find(|(service, _)| *service == entry.service);
    !data.is_some_and(|(_, operations)| operations.contains(&entry.operation.as_str()))
}

/// Whether CloudTrail counts the call as a read.
pub(super) fn read_only(entry: &Entry, model: Option<&Service>) -> bool {
    // A session is no resource: AssumeRole and its like count as reads.
    // AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html>
    if entry.service == "sts" || is_cryptographic(entry) {
        return true;
    }
    let prefix = model.map_or(entry.service.as_str(), |model| model.signing_name);
    match actions::service(prefix).and_then(|service| service.action(&entry.operation)) {
        Some(action) => matches!(action.access_level(), AccessLevel::List | AccessLevel::Read),
        None => READING.iter().any(|verb| entry.operation.starts_with(verb)),
    }
}

/// Whether the record leaves the answer out although there is one.
pub(super) fn hides_answer(entry: &Entry) -> bool {
    is_cryptographic(entry)
}

fn is_cryptographic(entry: &Entry) -> bool {
    entry.service == "kms" && CRYPTOGRAPHIC.contains(&entry.operation.as_str())
}

/// The error as CloudTrail spells it: a refusal is AccessDenied whatever the protocol says, EC2's codes tell whose
/// fault it was, others are named as the model names the exception.
pub(super) fn error_code(entry: &Entry, model: Option<&Service>) -> String {
    let code = entry.error_code.as_str();
    if entry.service == "ec2" {
        let server = ["InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"]
            .contains(&code)
            || code.starts_with("Insufficient");
        return format!("{}.{code}", if server { "Server" } else { "Client" });
    }
    if matches!(code, "AccessDenied" | "AccessDeniedException") {
        return "AccessDenied".into();
    }
    modelled_name(entry, model).unwrap_or(code).to_owned()
}

fn modelled_name(entry: &Entry, model: Option<&Service>) -> Option<&'static str> {
    let model = wire::catalog::service(model?.id)?;
    let operation = wire::catalog::operation(model, &entry.operation)?;
    let named = operation.errors.iter().find(|id| {
        let error = model.structure(**id).and_then(|structure| structure.error.as_ref());
        error.is_some_and(|error| error.code == entry.error_code)
    })?;
    Some(model.shape(*named).name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(service: &str, operation: &str, error: &str) -> Entry {
        Entry {
            service: service.into(),
            operation: operation.into(),
            error_code: error.into(),
            ..Entry::default()
        }
    }

    #[test]
    fn reads_are_told_from_writes_by_their_nature() {
        for (service, operation, expected) in [
            ("iam", "GetUser", true),
            ("iam", "ListUsers", true),
            ("iam", "CreateUser", false),
            ("iam", "TagUser", false),
            ("sts", "AssumeRole", true),
            ("sts", "GetCallerIdentity", true),
            ("kms", "Encrypt", true),
            ("kms", "CreateKey", false),
            ("kms", "CreateGrant", false),
            ("elbv2", "DescribeLoadBalancers", true),
            ("s3", "HeadBucket", true),
        ] {
            let entry = entry(service, operation, "");
            let found = read_only(&entry, wire::catalog::service(service));
            assert_eq!(found, expected, "{service}:{operation}");
        }
    }

    #[test]
    fn errors_are_spelled_as_cloudtrail_does() {
        for (service, operation, code, expected) in [
            ("iam", "GetUser", "NoSuchEntity", "NoSuchEntityException"),
            ("iam", "GetUser", "AccessDenied", "AccessDenied"),
            ("iam", "GetUser", "ValidationError", "ValidationError"),
            ("kms", "Encrypt", "AccessDeniedException", "AccessDenied"),
            ("kms", "Encrypt", "NotFoundException", "NotFoundException"),
            ("ec2", "RunInstances", "UnauthorizedOperation", "Client.UnauthorizedOperation"),
            ("ec2", "RunInstances", "InsufficientInstanceCapacity", "Server.InsufficientInstanceCapacity"),
        ] {
            let entry = entry(service, operation, code);
            assert_eq!(error_code(&entry, wire::catalog::service(service)), expected, "{service} {code}");
        }
    }

    #[test]
    fn data_events_name_operations_of_their_models() {
        for (service, operations) in DATA {
            let model = wire::catalog::service(service).unwrap();
            for operation in *operations {
                // Older SDKs call the one, which the newest model has dropped; the other is no operation.
                let beside = ["InvokeAsync", "InvokeFunctionUrl"].contains(operation);
                let known = model.operation(operation).is_some() || beside;
                assert!(known, "{service}:{operation}");
            }
        }
        let kms = wire::catalog::service("kms").unwrap();
        assert!(CRYPTOGRAPHIC.iter().all(|operation| kms.operation(operation).is_some()));
        assert!(is_management(&entry("kms", "Decrypt", "")));
        assert!(is_management(&entry("s3", "CreateBucket", "")));
        assert!(!is_management(&entry("s3", "GetObject", "")));
    }
}
