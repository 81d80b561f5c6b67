//! What DynamoDB refuses, and [`Error`], in which refusals travel with their further members.

use crate::dynamodb::codec::Corrupt;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::model::rows::Unreadable;
use crate::dynamodb::model::vault::Locked;
use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>. Messages are
    /// made where the names are known.
    pub enum Refusal {
        Validation(what: String) = 400, "ValidationException", "{what}";
        NoResource = 400, "ResourceNotFoundException", "Requested resource not found";
        NoTable(name: String) = 400, "ResourceNotFoundException", "Requested resource not found: Table: {name} not found";
        NoIndex(index: String, table: String) = 400, "ResourceNotFoundException", "Requested resource not found: Index {index} for table {table}";
        NoSuchArn(arn: String) = 400, "ResourceNotFoundException", "Requested resource not found: ResourceArn: {arn} not found";
        InUse(what: String) = 400, "ResourceInUseException", "{what}";
        Limit(what: String) = 400, "LimitExceededException", "{what}";
        Duplicate = 400, "DuplicateItemException", "Duplicate primary key exists in table";
        ConditionFailed = 400, "ConditionalCheckFailedException", "The conditional request failed";
        Cancelled(codes: String) = 400, "TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]";
        TokenReused = 400, "IdempotentParameterMismatchException", "Specified idempotent token was used with different request parameters within the idempotency window";
        NoPolicy(what: String) = 400, "PolicyNotFoundException", "{what}";
        Throttled = 400, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
        IndexThrottled = 400, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API.";
        LimitThrottled = 400, "ThrottlingException", "Throughput exceeds the maximum OnDemandThroughput configured on table or index.";
        KeyDenied(what: String, request: String) = 400, "AccessDeniedException", "KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: {what} (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: {request}; Proxy: null)";
        KeyDisabled(what: String, request: String) = 400, "ValidationException", "KMS key disabled error: com.amazonaws.services.kms.model.DisabledException: {what} (Service: AWSKMS; Status Code: 400; Error Code: DisabledException; Request ID: {request}; Proxy: null)";
        /// AWS: recorded; of keys that are not symmetric.
        KeyUnfit(request: String) = 500, "InternalServerError", "KMS internal error: com.amazonaws.services.kms.model.AWSKMSException: EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key. (Service: AWSKMS; Status Code: 400; Error Code: ValidationException; Request ID: {request}; Proxy: null)";
        KeyPending(what: String, request: String) = 400, "ValidationException", "KMS validation error: com.amazonaws.services.kms.model.KMSInvalidStateException: {what} (Service: AWSKMS; Status Code: 400; Error Code: KMSInvalidStateException; Request ID: {request}; Proxy: null)";
        KeyInvalid(code: String, what: String, request: String) = 400, "ValidationException", "KMS validation error: com.amazonaws.services.kms.model.{code}: {what} (Service: AWSKMS; Status Code: 400; Error Code: {code}; Request ID: {request}; Proxy: null)";
        /// Only of the cloud's own work: callers are told why.
        KeyLocked = 500, "InternalServerError", "The key of the table is not unlocked.";
        NoIndexHere(index: String, table: String) = 400, "ResourceNotFoundException", "Requested resource not found: Index: {index} not found for table: {table}";
        Denied = 400, "AccessDeniedException", "Access is denied";
        TooSoon(what: String) = 400, "ThrottlingException", "{what}";
        NoStream(arn: String) = 400, "ResourceNotFoundException", "Requested resource not found: Stream: {arn} not found";
        NoShard(shard: String, arn: String) = 400, "ResourceNotFoundException", "Requested resource not found: Shard: {shard} in Stream: {arn} not found";
        Expired = 400, "ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.";
        Trimmed = 400, "TrimmedDataAccessException", "The data you are trying to access has been trimmed.";
        TableNotFound(name: String) = 400, "TableNotFoundException", "Table not found: {name}";
        TableExists(name: String) = 400, "TableAlreadyExistsException", "Table already exists: {name}";
        TableInUse(what: String) = 400, "TableInUseException", "{what}";
        NoBackup(arn: String) = 400, "BackupNotFoundException", "Backup not found: {arn}";
        BackupInUse(what: String) = 400, "BackupInUseException", "{what}";
        NoRecovery(name: String) = 400, "PointInTimeRecoveryUnavailableException", "Point in time recovery is not enabled for table '{name}'";
        RestoreTime(at: String, from: String, to: String) = 400, "InvalidRestoreTimeException", "RestoreDateTime '{at}' must be within EarliestRestorableDateTime '{from}' and LatestRestorableDateTime '{to}'";
        ExportTime(what: String) = 400, "InvalidExportTimeException", "{what}";
        ExportConflict = 400, "ExportConflictException", "Export conflict: Duplicate request detected with conflicting parameters";
        NoExport(what: String) = 400, "ExportNotFoundException", "Export not found: {what}";
        ImportConflict = 400, "ImportConflictException", "Import conflict: Duplicate request detected with conflicting parameters";
        NoImport(arn: String) = 400, "ImportNotFoundException", "Import not found: {arn}";
        NoGlobalTable(name: String) = 400, "GlobalTableNotFoundException", "Global table not found: Global table with name: '{name}' does not exist.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        /// AWS: recorded, of throughput that says nothing.
        Failure = 500, "InternalFailure", "";
        Internal = 500, "InternalServerError", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

/// Codes of cancellation reasons.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub(crate) mod reason {
    pub(crate) const NONE: &str = "None";
    pub(crate) const CONDITION: &str = "ConditionalCheckFailed";
    pub(crate) const VALIDATION: &str = "ValidationError";
    pub(crate) const DUPLICATE: &str = "DuplicateItem";
    pub(crate) const PROVISIONED: &str = "ProvisionedThroughputExceeded";
    pub(crate) const THROTTLED: &str = "ThrottlingError";
}

/// The code of an error in the answer of a batch of statements; none for what is no statement's fault.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html>
pub(crate) fn batch_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "ValidationException" => reason::VALIDATION,
        "ConditionalCheckFailedException" => reason::CONDITION,
        "DuplicateItemException" => reason::DUPLICATE,
        "ResourceNotFoundException" => "ResourceNotFound",
        "ProvisionedThroughputExceededException" => reason::PROVISIONED,
        "ThrottlingException" => reason::THROTTLED,
        "ItemCollectionSizeLimitExceededException" => "ItemCollectionSizeLimitExceeded",
        _ => return None,
    })
}

/// Whether a request, or a transaction for one of its reasons, was refused for want of capacity.
pub(crate) fn is_throttled(fault: &Fault) -> bool {
    match fault.code.as_ref() {
        "ProvisionedThroughputExceededException" | "ThrottlingException" => true,
        "TransactionCanceledException" => {
            let reasons = fault.members.get("CancellationReasons").and_then(Value::as_list);
            let mut codes = reasons.unwrap_or_default().iter().filter_map(|reason| reason.member("Code"));
            codes.any(|code| matches!(code.as_str(), Some(reason::PROVISIONED | reason::THROTTLED)))
        }
        _ => false,
    }
}

/// Whether a write was refused for its condition.
pub(crate) fn is_condition(fault: &Fault) -> bool {
    fault.code == "ConditionalCheckFailedException"
}

impl Refusal {
    /// What KMS refuses, as DynamoDB tells it.
    pub(crate) fn of_kms(fault: Fault, operation: &str, request: &str) -> Refusal {
        const HIDDEN: &str = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.";
        let request = request.to_owned();
        match fault.code.as_str() {
            "AccessDeniedException" if operation == "Decrypt" => Refusal::KeyDenied(HIDDEN.into(), request),
            "AccessDeniedException" => Refusal::KeyDenied(fault.message, request),
            "DisabledException" => Refusal::KeyDisabled(fault.message, request),
            _ => Refusal::KeyInvalid(fault.code, fault.message, request),
        }
    }
}

/// The words of throttling.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html>
pub(crate) mod throttled {
    /// `TableReadProvisionedThroughputExceeded` and its relatives.
    pub(crate) fn reason(what: &str, way: &str, provisioned: bool) -> String {
        let limit =
            if provisioned { "ProvisionedThroughputExceeded" } else { "MaxOnDemandThroughputExceeded" };
        format!("{what}{way}{limit}")
    }

    /// The modelled errors do not agree about the name of their list.
    pub(crate) fn member(provisioned: bool) -> &'static str {
        if provisioned { "ThrottlingReasons" } else { "throttlingReasons" }
    }
}

/// The codes of exports and imports that have failed.
pub(crate) mod failure {
    use wire::Fault;

    /// AWS: the guide's page on the validation of imports.
    pub(crate) const ITEMS: &str = "ItemValidationError";

    /// Whether CloudWatch Logs refused to make what there is already.
    pub(crate) fn is_there(fault: &Fault) -> bool {
        fault.code == "ResourceAlreadyExistsException"
    }

    /// What S3 refused, as a code and a message (`S3NoSuchBucket`). AWS adds the ids of its request.
    pub(crate) fn of_s3(fault: &Fault) -> (String, String) {
        // Calls from within are refused in the words of JSON's protocol.
        let (status, refused) = match fault.code.as_ref() {
            "AccessDeniedException" => (403, "AccessDenied"),
            code => (fault.status, code),
        };
        let code = match refused.strip_prefix("KMS.") {
            Some(code) => format!("Kms{code}"),
            None => format!("S3{refused}"),
        };
        let message =
            format!("{} (Service: Amazon S3; Status Code: {status}; Error Code: {refused})", fault.message);
        (code, message)
    }
}

/// A refusal on its way to the caller.
#[derive(Clone, PartialEq, Debug)]
pub struct Error(Box<Fault>);

impl Error {
    /// A further member of the modelled error (`Item`, `CancellationReasons`).
    #[must_use]
    pub fn with(mut self, member: &'static str, value: Value) -> Error {
        self.0.members.set(member, value);
        self
    }

    /// Whether there was no throughput for it.
    pub fn is_throttled(&self) -> bool {
        self.throttling().is_some()
    }

    /// Whether it was for want of this resource's throughput.
    pub(crate) fn names(&self, arn: &str) -> bool {
        let reasons = [true, false].iter().find_map(|way| self.0.members.get(throttled::member(*way)));
        let mut all = reasons.and_then(Value::as_list).unwrap_or_default().iter();
        all.any(|reason| reason.member("resource").and_then(Value::as_str) == Some(arn))
    }

    /// As a reason of a transaction's cancellation: its code and its sentence.
    pub fn throttling(&self) -> Option<(&'static str, &str)> {
        let code = match self.0.code.as_ref() {
            "ProvisionedThroughputExceededException" => reason::PROVISIONED,
            "ThrottlingException" => reason::THROTTLED,
            _ => return None,
        };
        Some((code, self.0.message.as_str()))
    }

    /// As PutItem, UpdateItem and DeleteItem tell of what is wrong with a request by itself: counted.
    #[must_use]
    pub(crate) fn counted(mut self) -> Error {
        if self.0.code == "ValidationException" {
            self.0.message.insert_str(0, "1 validation error detected: ");
        }
        self
    }

    /// Whether the request broke a rule about its values, and the sentence about it.
    pub fn validation(&self) -> Option<&str> {
        (self.0.code == "ValidationException").then_some(self.0.message.as_str())
    }
}

/// A `ValidationException` with this message.
pub(crate) fn validation(what: impl Into<String>) -> Error {
    Refusal::Validation(what.into()).into()
}

/// A `ValidationException` about a parameter's value, with AWS's beginning.
pub(crate) fn parameter(what: impl std::fmt::Display) -> Error {
    validation(format!("One or more parameter values were invalid: {what}"))
}

/// A `ValidationException` in the words of the model's own constraints.
pub(crate) fn constraint(value: &str, path: &str, rule: &str) -> Error {
    constraints(value, path, &[rule])
}

/// The same for several that one value breaks.
pub(crate) fn constraints(value: &str, path: &str, rules: &[impl std::fmt::Display]) -> Error {
    let told: Vec<String> = rules
        .iter()
        .map(|rule| format!("Value '{value}' at '{path}' failed to satisfy constraint: {rule}"))
        .collect();
    let s = if told.len() == 1 { "" } else { "s" };
    validation(format!("{} validation error{s} detected: {}", told.len(), told.join("; ")))
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error(Box::new(refusal.into()))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        Error(Box::new(invalid.into()))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error(Box::new(fault))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        *error.0
    }
}

impl From<store::StoreError> for Error {
    fn from(error: store::StoreError) -> Error {
        kernel::log::error("the store could not be read", &[("problem", &error.to_string())]);
        Refusal::Internal.into()
    }
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Error {
        match unreadable {
            Unreadable::Corrupt => Corrupt.into(),
            Unreadable::Locked => Refusal::KeyLocked.into(),
        }
    }
}

impl From<Locked> for Error {
    fn from(_: Locked) -> Error {
        Refusal::KeyLocked.into()
    }
}

impl From<Corrupt> for Error {
    fn from(corrupt: Corrupt) -> Error {
        kernel::log::error("an item could not be read", &[("problem", &corrupt.to_string())]);
        Refusal::Internal.into()
    }
}
