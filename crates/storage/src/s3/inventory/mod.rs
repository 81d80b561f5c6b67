//! Inventories: lists of what a bucket holds, written into another one day by day or week by week. What a
//! configuration may say ([`InventoryConfiguration::check`]), when the next list is due ([`schedule`]), and what
//! stands in it ([`row`], [`manifest`]); [`crate::s3::work::Inventories`] writes it.
//!
//! Not here: ORC and Parquet, which are refused.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html>

pub mod manifest;
pub mod row;
pub mod schedule;

use super::errors::{Denial, Refusal, S3Error};
use super::model::bucket;
use super::settings::{self, InventoryBucket, InventoryConfiguration};

impl InventoryBucket {
    /// The name of the bucket that the lists go to.
    pub fn name(&self) -> Option<&str> {
        bucket::of_arn(&self.bucket)
    }
}

fn is_key_arn(key: &str) -> bool {
    let parts: Vec<&str> = key.splitn(6, ':').collect();
    matches!(parts[..], ["arn", _, "kms", region, account, resource] if !region.is_empty() && !account.is_empty()
        && ["key/", "alias/"].iter().any(|kind| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty())))
}

impl InventoryConfiguration {
    /// # Errors
    /// `InvalidS3DestinationBucket`, `InvalidKmskeyId`, `MalformedXML`; `NotImplemented` for formats that are not
    /// written.
    pub fn check(&self) -> Result<(), S3Error> {
        let to = &self.destination.bucket;
        let everywhere = self.filter.as_ref().is_some_and(|filter| filter.prefix.is_empty());
        if everywhere || settings::id_fault(&self.id).is_some() || to.bucket.is_empty() {
            return Err(Refusal::MalformedXml.into());
        }
        if to.name().is_none() {
            return Err(Denial::InventoryTarget.into());
        }
        if to.format != "CSV" {
            return Err(Refusal::NotBuilt(format!("An inventory in the format {}", to.format)).into());
        }
        let encryption = to.encryption.as_ref();
        if encryption.is_some_and(|encryption| encryption.s3.is_some() == encryption.kms.is_some()) {
            return Err(Refusal::MalformedXml.into());
        }
        match encryption.and_then(|encryption| encryption.kms.as_ref()) {
            Some(kms) if !is_key_arn(&kms.key) => Err(Denial::InventoryKey.into()),
            _ => Ok(()),
        }
    }

    /// Noncurrent versions and delete markers are listed too.
    pub fn of_versions(&self) -> bool {
        self.versions == "All"
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().flatten().any(|name| name == field)
    }
}
