//! Server access logs: the configuration of a bucket ([`BucketLoggingStatus`]), what a request becomes ([`request`]) in
//! the words of the log ([`operation`], [`line`]), and where it waits until it is delivered ([`keep`]).
//!
//! A line waits in memory for about a second, as the audit of a read does, then in the store until it is delivered by
//! [`crate::s3::work::DeliverLogs`]; an orderly stop loses none. Not here: requests from within the cloud, among them
//! the delivery of logs, so a bucket that is its own target does not fill itself.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>

pub mod keep;
pub mod key;
pub mod line;
pub mod operation;
pub mod request;

use super::acl::document::GrantView;
use super::stored::stored;

/// Who delivers the logs.
pub const SERVICE: &str = "logging.s3.amazonaws.com";

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct BucketLoggingStatus {
        pub enabled: Option<LoggingEnabled> = "LoggingEnabled",
    }

    #[derive(Clone, Debug)]
    pub struct LoggingEnabled {
        pub bucket: String = "TargetBucket",
        pub prefix: String = "TargetPrefix",
        pub grants: Option<Vec<GrantView>> = "TargetGrants",
        pub format: Option<KeyFormat> = "TargetObjectKeyFormat",
    }
}

stored! {
    pub struct KeyFormat {
        1 => simple: Option<SimplePrefix> = "SimplePrefix",
        2 => partitioned: Option<PartitionedPrefix> = "PartitionedPrefix",
    }

    pub struct SimplePrefix {}

    pub struct PartitionedPrefix {
        1 => source: Option<String> = "PartitionDateSource",
    }
}
