//! Configurations that a bucket has several of, by id: inventories, request metrics, storage class analyses, and
//! archive tiers. Their ids are unique in the bucket, each kind for itself.

use super::errors::{Denial, Refusal, S3Error};
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

const ID_BYTES_MAX: usize = 64;
pub(crate) const ID_CHARACTERS: &str = r"Config Id does not match the pattern ^[a-zA-Z0-9\-_.]+$";

/// What is wrong with an id; each kind has its own words for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IdFault {
    Empty,
    Long,
    Characters,
}

pub(crate) fn id_fault(id: &str) -> Option<IdFault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match id.len() {
        0 => Some(IdFault::Empty),
        length if length > ID_BYTES_MAX => Some(IdFault::Long),
        _ => (!id.chars().all(allowed)).then_some(IdFault::Characters),
    }
}

/// AWS: 90 days to the archive tier, 180 to the deep one, 730 at most.
const DAYS_MAX: i64 = 730;
const DEEP: &str = "DEEP_ARCHIVE_ACCESS";

impl TieringConfiguration {
    /// # Errors
    /// `InvalidConfigId`, `InvalidAccessTier`, `MalformedXML`; `InvalidAnd` and `InvalidPrefix` for the filter.
    pub fn check(&self) -> Result<(), S3Error> {
        if self.tierings.is_empty() {
            return Err(Refusal::MalformedXml.into());
        }
        let id = match id_fault(&self.id) {
            None => None,
            Some(IdFault::Empty) => Some("Config Id cannot be null or empty."),
            Some(IdFault::Long) => {
                Some("Config Id should be more than 1 character and less than 64 characters in length.")
            }
            Some(IdFault::Characters) => Some(ID_CHARACTERS),
        };
        if let Some(message) = id {
            return Err(Denial::ConfigurationId(message.into()).into());
        }
        if let Some(filter) = &self.filter {
            filter.check_strictly()?;
            let tags: Vec<&RuleTag> = filter.tags().collect();
            let twice =
                tags.iter().enumerate().find(|(at, tag)| tags[..*at].iter().any(|t| t.key == tag.key));
            if let Some((_, RuleTag { key, .. })) = twice {
                let message =
                    format!("All Tag Keys in an And must be unique. Found duplicate entry for {key}.");
                return Err(Denial::FilterAnd(message).into());
            }
        }
        self.check_tiers().map_err(|message| Denial::AccessTier(message).into())
    }

    fn check_tiers(&self) -> Result<(), String> {
        for (at, Tiering { days, tier }) in self.tierings.iter().enumerate() {
            if self.tierings[..at].iter().any(|other| other.tier == *tier) {
                return Err(format!(
                    "All Access Tiers in a configuration must be unique. Found duplicate entry for {tier}."
                ));
            }
            let least = if tier == DEEP { 180 } else { 90 };
            if *days < least {
                return Err(format!("Days specified in {tier} tier should not be less than {least}."));
            }
            if *days > DAYS_MAX {
                return Err(format!("Days specified in {tier} tier should not be more than {DAYS_MAX}."));
            }
        }
        let days = |deep: bool| self.tierings.iter().find(|t| (t.tier == DEEP) == deep).map(|t| t.days);
        if days(true).zip(days(false)).is_some_and(|(deep, archive)| deep <= archive) {
            return Err(
                "Days specified in DEEP_ARCHIVE_ACCESS should be greater than days specified in ARCHIVE_ACCESS"
                    .to_owned(),
            );
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
            id: "cold".into(),
            tierings: vec![Tiering { days, tier: tier.into() }],
            ..TieringConfiguration::default()
        };
        assert!(of(90, "ARCHIVE_ACCESS").check().is_ok());
        assert!(of(90, "DEEP_ARCHIVE_ACCESS").check().is_err());
        assert!(of(731, "ARCHIVE_ACCESS").check().is_err());
    }
}
