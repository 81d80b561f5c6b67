//! Lifecycle rules as they are put and kept.

use crate::s3::filter::RuleFilter;
use crate::s3::stored::stored;
use base::Timestamp;

stored! {
    pub struct LifecycleConfiguration {
        1 => rules: Vec<LifecycleRule> = "Rules",
    }

    pub struct LifecycleRule {
        1 => id: Option<String> = "ID",
        2 => filter: Option<RuleFilter> = "Filter",
        /// The older form of a filter.
        3 => prefix: Option<String> = "Prefix",
        4 => status: String = "Status",
        5 => expiration: Option<Expiration> = "Expiration",
        6 => transitions: Vec<Transition> = "Transitions",
        7 => noncurrent_expiration: Option<NoncurrentExpiration> = "NoncurrentVersionExpiration",
        8 => noncurrent_transitions: Vec<NoncurrentTransition> = "NoncurrentVersionTransitions",
        9 => abort: Option<AbortUploads> = "AbortIncompleteMultipartUpload",
    }

    pub struct Expiration {
        1 => date: Option<Timestamp> = "Date",
        2 => days: Option<i64> = "Days",
        3 => delete_marker: Option<bool> = "ExpiredObjectDeleteMarker",
    }

    pub struct Transition {
        1 => date: Option<Timestamp> = "Date",
        2 => days: Option<i64> = "Days",
        3 => class: Option<String> = "StorageClass",
    }

    pub struct NoncurrentExpiration {
        1 => days: Option<i64> = "NoncurrentDays",
        2 => newer: Option<i64> = "NewerNoncurrentVersions",
    }

    pub struct NoncurrentTransition {
        1 => days: Option<i64> = "NoncurrentDays",
        2 => class: Option<String> = "StorageClass",
        3 => newer: Option<i64> = "NewerNoncurrentVersions",
    }

    pub struct AbortUploads {
        1 => days: Option<i64> = "DaysAfterInitiation",
    }
}

impl LifecycleRule {
    pub fn is_enabled(&self) -> bool {
        self.status == "Enabled"
    }

    /// The filter's conditions, or those of the older prefix.
    pub fn conditions(&self) -> crate::s3::filter::Conditions<'_> {
        match &self.filter {
            Some(filter) => filter.conditions(),
            None => crate::s3::filter::Conditions {
                prefix: self.prefix.as_deref().unwrap_or_default(),
                ..crate::s3::filter::Conditions::default()
            },
        }
    }
}
