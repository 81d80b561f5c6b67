//! What S3 refuses, and [`S3Error`], in which refusals travel with their further members.

use crate::s3::model::object::{ArchiveTier, StorageClass};
use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>. Messages as S3 answers them.
    pub enum Refusal {
        AccessDenied = 403, "AccessDenied", "Access Denied";
        BadRequest(message: String) = 400, "BadRequest", "{message}";
        BadChecksum(algorithm: String) = 400, "BadDigest", "The {algorithm} you specified did not match the calculated checksum.";
        BadPartChecksum(algorithm: String, part: u32) = 400, "BadDigest", "The {algorithm} you specified for part {part} did not match what we received.";
        ConditionalConflict = 409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.";
        EncryptionAlgorithm = 400, "InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid. Supported value: AES256.";
        EntityTooSmall(part: u32, size: u64, etag: String) = 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size";
        EntityTooLarge(size: u64) = 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size";
        IncompleteBody = 400, "IncompleteBody", "The request body terminated unexpectedly";
        Internal = 500, "InternalError", "We encountered an internal error. Please try again.";
        InvalidArgument(message: String) = 400, "InvalidArgument", "{message}";
        InvalidDigest = 400, "InvalidDigest", "The Content-MD5 you specified was invalid.";
        InvalidObjectState(class: StorageClass, tier: Option<ArchiveTier>) = 403, "InvalidObjectState", "The operation is not valid for the object's storage class";
        InvalidPart(upload: String, part: u32, etag: String) = 400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
        InvalidPartNumber(requested: u32, actual: u32) = 416, "InvalidPartNumber", "The requested partnumber is not satisfiable";
        InvalidPartOrder(upload: String) = 400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.";
        InvalidRange(requested: String, size: u64) = 416, "InvalidRange", "The requested range is not satisfiable";
        InvalidRequest(message: String) = 400, "InvalidRequest", "{message}";
        InvalidStorageClass(class: String) = 400, "InvalidStorageClass", "The storage class you specified is not valid";
        InvalidTag(message: String) = 400, "InvalidTag", "{message}";
        KeyTooLong(size: usize) = 400, "KeyTooLongError", "Your key is too long";
        MalformedXml = 400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema";
        MetadataTooLarge(size: usize) = 400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size";
        MethodNotAllowed(method: &'static str, kind: &'static str) = 405, "MethodNotAllowed", "The specified method is not allowed against this resource.";
        MissingContentLength = 411, "MissingContentLength", "You must provide the Content-Length HTTP header.";
        MissingRequestBody = 400, "MissingRequestBodyError", "Request Body is empty";
        NoSuchBucket(bucket: String) = 404, "NoSuchBucket", "The specified bucket does not exist";
        NoSuchKey(key: String) = 404, "NoSuchKey", "The specified key does not exist.";
        NoSuchUpload(upload: String) = 404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
        NoSuchVersion(key: String, version: String) = 404, "NoSuchVersion", "The specified version does not exist.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        NotImplemented(header: &'static str) = 501, "NotImplemented", "A header you provided implies functionality that is not implemented";
        NotModified = 304, "NotModified", "Not Modified";
        PreconditionFailed(condition: &'static str) = 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold";
        RedirectLocation = 400, "InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
        SlowDown = 503, "SlowDown", "Please reduce your request rate.";
        SourceState(class: StorageClass, tier: Option<ArchiveTier>) = 403, "InvalidObjectState", "Operation is not valid for the source object's storage class";
        WrongCustomerKey = 403, "AccessDenied", "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.";
    }
}

/// A refusal on its way to the caller.
#[derive(Clone, PartialEq, Debug)]
pub struct S3Error(Box<Fault>);

impl S3Error {
    /// A further element of the error document (`BucketName`, `Key`).
    #[must_use]
    pub fn with(mut self, member: &'static str, text: impl Into<String>) -> S3Error {
        self.0.members.set(member, Value::Str(text.into()));
        self
    }

    /// A header of the answer, by its lower-case name.
    #[must_use]
    pub fn header(self, name: &'static str, value: impl Into<String>) -> S3Error {
        S3Error(Box::new(self.0.header(name, value)))
    }

    /// How S3 passes on what KMS refuses.
    pub(crate) fn of_kms(fault: Fault) -> S3Error {
        match fault.code.as_str() {
            "AccessDeniedException" => Fault::new(403, "AccessDenied", fault.message).into(),
            "KMSInternalException" | "InternalFailure" => Refusal::Internal.into(),
            code => Fault::new(400, &["KMS.", code].concat(), fault.message).into(),
        }
    }

    /// Without headers of its own.
    #[must_use]
    pub(crate) fn without_headers(mut self) -> S3Error {
        self.0.headers = Box::default();
        self
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn status(&self) -> u16 {
        self.0.status
    }
}

/// An `InvalidArgument` about one argument, as S3 words it.
pub fn argument(message: impl Into<String>, name: &str, value: impl Into<String>) -> S3Error {
    S3Error::from(Refusal::InvalidArgument(message.into()))
        .with("ArgumentName", name)
        .with("ArgumentValue", value)
}

/// Whether a service that S3 has called has turned it away, in whichever words its protocol has for that.
pub(crate) fn is_denied(fault: &Fault) -> bool {
    fault.status == 403 || fault.code.starts_with("AccessDenied")
}

impl Refusal {
    /// What S3 adds to the document of this error, in its order.
    fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Refusal::NoSuchBucket(bucket) => vec![("BucketName", bucket.clone())],
            Refusal::NoSuchKey(key) => vec![("Key", key.clone())],
            Refusal::NoSuchVersion(key, version) => {
                vec![("Key", key.clone()), ("VersionId", version.clone())]
            }
            Refusal::NoSuchUpload(upload) => vec![("UploadId", upload.clone())],
            Refusal::InvalidPart(upload, part, etag) => {
                vec![("UploadId", upload.clone()), ("PartNumber", part.to_string()), ("ETag", etag.clone())]
            }
            Refusal::InvalidPartOrder(upload) => vec![("UploadId", upload.clone())],
            Refusal::InvalidPartNumber(requested, actual) => {
                vec![("PartNumberRequested", requested.to_string()), ("ActualPartCount", actual.to_string())]
            }
            Refusal::EntityTooSmall(part, size, etag) => vec![
                ("ProposedSize", size.to_string()),
                ("MinSizeAllowed", "5242880".to_owned()),
                ("PartNumber", part.to_string()),
                ("ETag", etag.clone()),
            ],
            Refusal::EntityTooLarge(size) => {
                vec![("ProposedSize", size.to_string()), ("MaxSizeAllowed", "5368709120".to_owned())]
            }
            Refusal::InvalidRange(requested, size) => {
                vec![("RangeRequested", requested.clone()), ("ActualObjectSize", size.to_string())]
            }
            Refusal::InvalidObjectState(class, tier) | Refusal::SourceState(class, tier) => {
                let tier = tier.map(|tier| ("AccessTier", tier.name().to_owned()));
                [("StorageClass", class.name().to_owned())].into_iter().chain(tier).collect()
            }
            Refusal::InvalidStorageClass(class) => vec![("StorageClassRequested", class.clone())],
            Refusal::KeyTooLong(size) => {
                vec![("Size", size.to_string()), ("MaxSizeAllowed", "1024".to_owned())]
            }
            Refusal::MetadataTooLarge(size) => {
                vec![("Size", size.to_string()), ("MaxSizeAllowed", "2048".to_owned())]
            }
            Refusal::MethodNotAllowed(method, kind) => {
                vec![("Method", (*method).to_owned()), ("ResourceType", (*kind).to_owned())]
            }
            Refusal::NotImplemented(header) => vec![("Header", (*header).to_owned())],
            Refusal::PreconditionFailed(condition) => vec![("Condition", (*condition).to_owned())],
            _ => Vec::new(),
        }
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> S3Error {
        let members = refusal.members();
        let error = S3Error(Box::new(refusal.into()));
        members.into_iter().fold(error, |error, (name, text)| error.with(name, text))
    }
}

impl From<Fault> for S3Error {
    fn from(fault: Fault) -> S3Error {
        S3Error(Box::new(fault))
    }
}

impl From<S3Error> for Fault {
    fn from(error: S3Error) -> Fault {
        *error.0
    }
}

impl From<kernel::Failure> for S3Error {
    fn from(_: kernel::Failure) -> S3Error {
        Refusal::Internal.into()
    }
}

impl From<store::StoreError> for S3Error {
    fn from(error: store::StoreError) -> S3Error {
        kernel::log::error("the store could not be read", &[("problem", &error.to_string())]);
        Refusal::Internal.into()
    }
}

wire::errors! {
    /// What S3 refuses of buckets and their configurations, likewise.
    pub enum Denial {
        AccessTier(message: String) = 400, "InvalidAccessTier", "{message}";
        AclMalformed = 400, "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema";
        AclTwice = 400, "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed";
        AclUnsupported = 400, "AccessControlListNotSupported", "The bucket does not allow ACLs";
        AccountBlockMissing(account: String) = 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found";
        AclWithBlock = 400, "InvalidBucketAclWithBlockPublicAccessError", "Bucket cannot have public ACLs set with BlockPublicAccess enabled";
        AclWithOwnership = 400, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        AnalysisTarget(message: String) = 400, "InvalidDestination", "{message}";
        BucketExists(bucket: String) = 409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.";
        BucketName(bucket: String) = 400, "InvalidBucketName", "The specified bucket is not valid.";
        BucketNotEmpty(bucket: String) = 409, "BucketNotEmpty", "The bucket you tried to delete is not empty";
        BucketNotEmptyOfVersions(bucket: String) = 409, "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
        BucketOwned(bucket: String) = 409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.";
        BucketState(message: String) = 409, "InvalidBucketState", "{message}";
        CopyOfNobody = 403, "AccessDenied", "Anonymous users cannot copy objects.  Please authenticate.";
        ContentUnexpected = 400, "UnexpectedContent", "This request does not support content";
        ConfigurationId(message: String) = 400, "InvalidConfigId", "{message}";
        ConfigurationMissing = 404, "NoSuchConfiguration", "The specified configuration does not exist.";
        ConfigurationsTooMany = 400, "TooManyConfigurations", "You are attempting to create a new configuration but have already reached the 1,000-configuration limit.";
        CorsForbidden = 403, "AccessForbidden", "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
        CorsMissing = 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist";
        CorsNowhere = 403, "AccessForbidden", "CORSResponse: Bucket not found";
        CorsOff = 403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.";
        EmailGrantees = 405, "MethodNotAllowed", "Grantees by email address are no longer supported.";
        EncryptionMissing = 404, "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found";
        FilterAnd(message: String) = 400, "InvalidAnd", "{message}";
        FilterPrefix = 400, "InvalidPrefix", "Filter Prefix should be set to a valid non-empty value or not set at all.";
        FilterTag(message: String) = 400, "InvalidTag", "{message}";
        IdMismatch = 400, "IdMismatch", "Document ID does not match the specified configuration ID.";
        InventoryKey = 400, "InvalidKmskeyId", "The KMS key ID is invalid.";
        InventoryTarget = 400, "InvalidS3DestinationBucket", "Invalid bucket ARN.";
        HeaderMissing = 400, "MissingSecurityHeader", "Your request was missing a required header";
        LifecycleMissing = 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist";
        LocationIllegal(constraint: String) = 400, "IllegalLocationConstraintException", "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to.";
        LocationInvalid(constraint: String) = 400, "InvalidLocationConstraint", "The specified location-constraint is not valid";
        LockMissing(bucket: String) = 404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket";
        LockNone = 400, "InvalidRequest", "Bucket is missing Object Lock Configuration";
        LockNoneForNew = 400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration";
        LockOfObjectMissing = 404, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration";
        Locked = 403, "AccessDenied", "Access Denied because object protected by object lock.";
        LoggingElsewhere = 403, "CrossLocationLoggingProhibitted", "Cross S3 location logging not allowed. ";
        LoggingTarget(message: String) = 400, "InvalidTargetBucketForLogging", "{message}";
        MfaDevice(serial: String, code: String) = 400, "NotDeviceOwnerError", "The device with serial number {serial} that generated token {code} is not owned by the authenticated user";
        MfaMalformed = 400, "InvalidArgument", "Mfa header is invalid -- the header should be formatted as {{serialNumber}}(space){{tokenCode}}";
        MfaMissing = 403, "AccessDenied", "Mfa Authentication must be used for this request";
        MfaOfOthers = 403, "AccessDenied", "This operation may only be performed by the bucket owner";
        MfaWithLifecycle = 409, "InvalidBucketState", "Mfa Authentication is not supported on a bucket with lifecycle configuration. Delete lifecycle configuration before enabling Mfa Authentication.";
        MfaWithToken = 400, "InvalidRequest", "DevPay and Mfa are mutually exclusive authorization methods.";
        MfaWrong = 403, "AccessDenied", "MFA authentication failed";
        Moved(endpoint: String) = 301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
        OwnerNumber(said: String) = 400, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... [{said}]";
        OwnershipMissing(bucket: String) = 404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found";
        PolicyMalformed(message: String) = 400, "MalformedPolicy", "{message}";
        PolicyMissing(bucket: String) = 404, "NoSuchBucketPolicy", "The bucket policy does not exist";
        PublicBlockMissing(bucket: String) = 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found";
        ReplicationMissing = 404, "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
        RestoreNeedless = 403, "InvalidObjectState", "Restore is not allowed for the object's current storage class";
        RestoreOngoing = 409, "RestoreAlreadyInProgress", "Object restore is already in progress";
        RetainPast = 400, "InvalidArgument", "The retain until date must be in the future!";
        RetentionPeriod(message: String) = 400, "InvalidRetentionPeriod", "{message}";
        TagSetMissing(bucket: String) = 404, "NoSuchTagSet", "The TagSet does not exist";
        TagsTooMany(message: String) = 400, "BadRequest", "{message}";
        UploadOfNobody = 403, "AccessDenied", "Anonymous users cannot initiate multipart uploads.  Please authenticate.";
        VersioningUnsaid = 400, "IllegalVersioningConfigurationException", "The Versioning element must be specified";
        WebsiteMissing(bucket: String) = 404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration";
    }
}

impl Denial {
    /// As [`Refusal::members`].
    fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Denial::BucketExists(bucket)
            | Denial::BucketName(bucket)
            | Denial::BucketNotEmpty(bucket)
            | Denial::BucketNotEmptyOfVersions(bucket)
            | Denial::BucketOwned(bucket)
            | Denial::LockMissing(bucket)
            | Denial::OwnershipMissing(bucket)
            | Denial::PolicyMissing(bucket)
            | Denial::PublicBlockMissing(bucket)
            | Denial::TagSetMissing(bucket)
            | Denial::WebsiteMissing(bucket) => vec![("BucketName", bucket.clone())],
            Denial::AccountBlockMissing(account) => vec![("AccountId", account.clone())],
            Denial::LocationInvalid(constraint) => vec![("LocationConstraint", constraint.clone())],
            Denial::Moved(endpoint) => vec![("Endpoint", endpoint.clone())],
            _ => Vec::new(),
        }
    }
}

impl From<Denial> for S3Error {
    fn from(denial: Denial) -> S3Error {
        let members = denial.members();
        let error = S3Error(Box::new(denial.into()));
        members.into_iter().fold(error, |error, (name, text)| error.with(name, text))
    }
}

wire::errors! {
    /// What S3 refuses of a browser's form, likewise.
    pub enum FormRefusal {
        Condition(shown: String) = 403, "AccessDenied", "Invalid according to Policy: Policy Condition failed: {shown}";
        Expired = 403, "AccessDenied", "Invalid according to Policy: Policy expired.";
        ExtraFields(name: String) = 403, "AccessDenied", "Invalid according to Policy: Extra input fields: {name}";
        FieldsTooLarge = 400, "MaxPostPreDataLengthExceeded", "Your POST request fields preceeding the upload file was too large.";
        Malformed = 400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.";
        NoFile = 400, "InvalidArgument", "POST requires exactly one file upload per request.";
        NoForm = 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold";
        OldSignature = 400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
        PolicyDocument(what: String) = 400, "InvalidPolicyDocument", "Invalid Policy: {what}";
        TooLarge(size: u64, most: u64) = 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size";
        TooSmall(size: u64, least: u64) = 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size";
    }
}

impl From<FormRefusal> for S3Error {
    fn from(refusal: FormRefusal) -> S3Error {
        let members = match &refusal {
            FormRefusal::FieldsTooLarge => vec![("MaxPostPreDataLengthBytes", "20480".to_owned())],
            FormRefusal::NoFile => {
                vec![("ArgumentName", "file".to_owned()), ("ArgumentValue", "0".to_owned())]
            }
            FormRefusal::NoForm => {
                let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
                vec![("Condition", condition.to_owned())]
            }
            FormRefusal::TooLarge(size, most) => {
                vec![("ProposedSize", size.to_string()), ("MaxSizeAllowed", most.to_string())]
            }
            FormRefusal::TooSmall(size, least) => {
                vec![("ProposedSize", size.to_string()), ("MinSizeAllowed", least.to_string())]
            }
            _ => Vec::new(),
        };
        let error = S3Error(Box::new(refusal.into()));
        members.into_iter().fold(error, |error, (name, text)| error.with(name, text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, S3Error};
    use wire::{Fault, Value};

    #[test]
    fn further_members_stand_in_their_order() {
        let fault = Fault::from(S3Error::from(Refusal::NoSuchVersion("k".into(), "v".into())));
        let members: Vec<_> = fault.members.iter().map(|(name, value)| (name, value.clone())).collect();
        assert_eq!(members, [("Key", Value::str("k")), ("VersionId", Value::str("v"))]);
        assert_eq!((fault.status, fault.code.as_str()), (404, "NoSuchVersion"));
    }
}
