//! Configurations that a bucket has several of, by id: inventories, request metrics, storage class analyses, and
//! archive tiers. Their ids are unique in the bucket, each kind for itself.
//!
//! Analyses are kept, and whoever puts one is told that nothing acts on it yet.

use super::errors::{Refusal, S3Error};
use super::filter::{RuleTag, TagFilter};
use super::stored::stored;

stored! {
    pub struct TieringConfiguration {
        1 => id: String = "Id",
        2 => filter: Option<TagFilter> = "Filter",
        3 => status: String = "Status",
        4 => tierings: Vec<Tiering> = "Tierings",
    }

    pub struct Tiering {
        1 => days: i64 = "Days",
        2 => tier: String = "AccessTier",
    }

    pub struct InventoryConfiguration {
        1 => destination: InventoryDestination = "Destination",
        2 => is_enabled: bool = "IsEnabled",
        3 => filter: Option<InventoryFilter> = "Filter",
        4 => id: String = "Id",
        5 => versions: String = "IncludedObjectVersions",
        6 => fields: Option<Vec<String>> = "OptionalFields",
        7 => schedule: InventorySchedule = "Schedule",
    }

    pub struct InventoryDestination {
        1 => bucket: InventoryBucket = "S3BucketDestination",
    }

    pub struct InventoryBucket {
        1 => account: Option<String> = "AccountId",
        2 => bucket: String = "Bucket",
        3 => format: String = "Format",
        4 => prefix: Option<String> = "Prefix",
        5 => encryption: Option<InventoryEncryption> = "Encryption",
    }

    pub struct InventoryEncryption {
        1 => s3: Option<InventorySseS3> = "SSES3",
        2 => kms: Option<InventorySseKms> = "SSEKMS",
    }

    pub struct InventorySseS3 {}

    pub struct InventorySseKms {
        1 => key: String = "KeyId",
    }

    pub struct InventoryFilter {
        1 => prefix: String = "Prefix",
    }

    pub struct InventorySchedule {
        1 => frequency: String = "Frequency",
    }

    pub struct MetricsConfiguration {
        1 => id: String = "Id",
        2 => filter: Option<MetricsFilter> = "Filter",
    }

    pub struct MetricsFilter {
        1 => prefix: Option<String> = "Prefix",
        2 => tag: Option<RuleTag> = "Tag",
        3 => access_point: Option<String> = "AccessPointArn",
        4 => and: Option<MetricsAnd> = "And",
    }

    pub struct MetricsAnd {
        1 => prefix: Option<String> = "Prefix",
        2 => tags: Vec<RuleTag> = "Tags",
        3 => access_point: Option<String> = "AccessPointArn",
    }

    pub struct AnalyticsConfiguration {
        1 => id: String = "Id",
        2 => filter: Option<TagFilter> = "Filter",
        3 => analysis: Analysis = "StorageClassAnalysis",
    }

    pub struct Analysis {
        1 => export: Option<AnalysisExport> = "DataExport",
    }

    pub struct AnalysisExport {
        1 => version: String = "OutputSchemaVersion",
        2 => destination: AnalysisDestination = "Destination",
    }

    pub struct AnalysisDestination {
        1 => bucket: AnalysisBucket = "S3BucketDestination",
    }

    pub struct AnalysisBucket {
        1 => format: String = "Format",
        2 => account: Option<String> = "BucketAccountId",
        3 => bucket: String = "Bucket",
        4 => prefix: Option<String> = "Prefix",
    }
}

/// AWS: 90 days to the archive tier, 180 to the deep one, 730 at most.
const DAYS_MAX: i64 = 730;

impl TieringConfiguration {
    /// # Errors
    /// `InvalidRequest`, `MalformedXML`.
    pub fn check(&self) -> Result<(), S3Error> {
        self.filter.as_ref().map_or(Ok(()), TagFilter::check)?;
        if self.tierings.is_empty() {
            return Err(Refusal::MalformedXml.into());
        }
        for tiering in &self.tierings {
            let least = if tiering.tier == "DEEP_ARCHIVE_ACCESS" { 180 } else { 90 };
            if tiering.days < least || tiering.days > DAYS_MAX {
                return Err(Refusal::InvalidRequest(format!(
                    "Days must be between {least} and {DAYS_MAX} for {}",
                    tiering.tier
                ))
                .into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_have_their_days() {
        let of = |days, tier: &str| TieringConfiguration {
            tierings: vec![Tiering { days, tier: tier.into() }],
            ..TieringConfiguration::default()
        };
        assert!(of(90, "ARCHIVE_ACCESS").check().is_ok());
        assert!(of(90, "DEEP_ARCHIVE_ACCESS").check().is_err());
        assert!(of(731, "ARCHIVE_ACCESS").check().is_err());
    }
}
