//! What CloudTrail refuses.

wire::errors! {
    /// AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
    pub enum TrailError {
        InvalidTimeRange = 400, "InvalidTimeRangeException", "The start time must not be after the end time.";
        InvalidLookupAttributes(what: String) = 400, "InvalidLookupAttributesException", "{what}";
        InvalidMaxResults(given: i64) = 400, "InvalidMaxResultsException", "A max results value of {given} is invalid. Specify max results between 1 and 50.";
        InvalidNextToken = 400, "InvalidNextTokenException", "The next token is invalid, or belongs to a lookup with other parameters.";
        Unreadable = 500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.";
    }
}

impl From<kernel::Failure> for TrailError {
    fn from(_: kernel::Failure) -> TrailError {
        TrailError::Unreadable
    }
}

impl From<store::StoreError> for TrailError {
    fn from(error: store::StoreError) -> TrailError {
        kernel::Failure::from(error).into()
    }
}
