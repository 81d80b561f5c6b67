//! What DynamoDB refuses, and [`Error`], in which refusals travel with their further members.

use crate::dynamodb::codec::Corrupt;
use crate::dynamodb::invalid::Invalid;
use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>. Messages are
    /// made where the names are known.
    pub enum Refusal {
        Validation(what: String) = 400, "ValidationException", "{what}";
        NoResource = 400, "ResourceNotFoundException", "Requested resource not found";
        NoTable(name: String) = 400, "ResourceNotFoundException", "Requested resource not found: Table: {name} not found";
        NoSuchArn(arn: String) = 400, "ResourceNotFoundException", "Requested resource not found: ResourcArn: {arn} not found";
        InUse(what: String) = 400, "ResourceInUseException", "{what}";
        Limit(what: String) = 400, "LimitExceededException", "{what}";
        Duplicate = 400, "DuplicateItemException", "Duplicate primary key exists in table";
        ConditionFailed = 400, "ConditionalCheckFailedException", "The conditional request failed";
        Cancelled(codes: String) = 400, "TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]";
        TokenReused = 400, "IdempotentParameterMismatchException", "Request parameters are not the same for the same client request token.";
        NoPolicy(what: String) = 400, "PolicyNotFoundException", "{what}";
        Throttled = 400, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
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
        NoGlobalTable(name: String) = 400, "GlobalTableNotFoundException", "Global table not found: Global table with name: '{name}' does not exist.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
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
}

/// The code of an error in the answer of a batch of statements; none for what is no statement's fault.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html>
pub(crate) fn batch_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "ValidationException" => reason::VALIDATION,
        "ConditionalCheckFailedException" => reason::CONDITION,
        "DuplicateItemException" => reason::DUPLICATE,
        "ResourceNotFoundException" => "ResourceNotFound",
        "ProvisionedThroughputExceededException" => "ProvisionedThroughputExceeded",
        "ThrottlingException" => "ThrottlingError",
        "ItemCollectionSizeLimitExceededException" => "ItemCollectionSizeLimitExceeded",
        _ => return None,
    })
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
    validation(format!(
        "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {rule}"
    ))
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

impl From<Corrupt> for Error {
    fn from(corrupt: Corrupt) -> Error {
        kernel::log::error("an item could not be read", &[("problem", &corrupt.to_string())]);
        Refusal::Internal.into()
    }
}
