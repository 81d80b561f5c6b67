//! What S3 refuses, and [`S3Error`], in which refusals travel with their further members.

use wire::{Fault, Value};

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>. Messages as S3 answers them.
    pub enum Refusal {
        AccessDenied = 403, "AccessDenied", "Access Denied";
        BadDigest = 400, "BadDigest", "The Content-MD5 you specified did not match what we received.";
        BadChecksum(algorithm: String) = 400, "BadDigest", "The {algorithm} you specified did not match the calculated checksum.";
        ConditionalConflict = 409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.";
        EntityTooSmall(part: u32, size: u64, etag: String) = 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size";
        EntityTooLarge(size: u64) = 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size";
        IncompleteBody = 400, "IncompleteBody", "The request body terminated unexpectedly";
        Internal = 500, "InternalError", "We encountered an internal error. Please try again.";
        InvalidArgument(message: String) = 400, "InvalidArgument", "{message}";
        InvalidDigest = 400, "InvalidDigest", "The Content-MD5 you specified was invalid.";
        InvalidObjectState(class: String) = 403, "InvalidObjectState", "The operation is not valid for the object's storage class";
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
        NoSuchBucket(bucket: String) = 404, "NoSuchBucket", "The specified bucket does not exist";
        NoSuchKey(key: String) = 404, "NoSuchKey", "The specified key does not exist.";
        NoSuchUpload(upload: String) = 404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
        NoSuchVersion(key: String, version: String) = 404, "NoSuchVersion", "The specified version does not exist.";
        NotBuilt(what: String) = 501, "NotImplemented", "{what} is not built in this version of Virga.";
        NotImplemented(header: &'static str) = 501, "NotImplemented", "A header you provided implies functionality that is not implemented";
        NotModified = 304, "NotModified", "Not Modified";
        PreconditionFailed(condition: &'static str) = 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold";
        SlowDown = 503, "SlowDown", "Please reduce your request rate.";
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
            Refusal::InvalidObjectState(class) => vec![("StorageClass", class.clone())],
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

impl From<store::StoreError> for S3Error {
    fn from(error: store::StoreError) -> S3Error {
        kernel::log::error("the store could not be read", &[("problem", &error.to_string())]);
        Refusal::Internal.into()
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
