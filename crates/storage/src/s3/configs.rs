//! Where configurations lie that only their own operations and background work read: a table for each kind, under
//! the scope of the bucket.

use super::buckets::Bucket;
use super::cors::CorsConfiguration;
use super::lifecycle::due::Smallest;
use super::lifecycle::rules::LifecycleConfiguration;
use super::model::acl::Grant;
use super::notification::NotificationConfiguration;
use super::replication::ReplicationConfiguration;
use super::settings::{
    AnalyticsConfiguration, InventoryConfiguration, MetricsConfiguration, TieringConfiguration,
};
use super::website::WebsiteConfiguration;
use store::{Direction, Key, Record, StoreError, Table, Tx};

store::record! {
    /// Where access logs go.
    #[derive(Clone, PartialEq, Debug)]
    pub struct LoggingRecord {
        1 => pub bucket: String,
        2 => pub prefix: String,
        3 => pub grants: Vec<Grant>,
        4 => pub format: Option<super::logging::KeyFormat>,
    }

    /// The header that goes with the rules.
    #[derive(Clone, PartialEq, Debug)]
    pub struct LifecycleRecord {
        1 => pub configuration: LifecycleConfiguration,
        /// `TransitionDefaultMinimumObjectSize`
        2 => pub minimum: Option<String>,
    }
}

/// `TransitionDefaultMinimumObjectSize`, where it is not said.
pub const SMALLEST_OF_ALL: &str = "all_storage_classes_128K";
pub const SMALLEST_VARIES: &str = "varies_by_storage_class";

impl LifecycleRecord {
    pub fn smallest(&self) -> Smallest {
        if self.minimum.as_deref() == Some(SMALLEST_VARIES) { Smallest::Varies } else { Smallest::OfAll }
    }
}

pub const CORS: Table<CorsConfiguration> = Table::new(0x2020, "s3/cors");
pub const LIFECYCLE: Table<LifecycleRecord> = Table::new(0x2021, "s3/lifecycle");
pub const WEBSITE: Table<WebsiteConfiguration> = Table::new(0x2022, "s3/websites");
pub const NOTIFICATION: Table<NotificationConfiguration> = Table::new(0x2023, "s3/notifications");
pub const REPLICATION: Table<ReplicationConfiguration> = Table::new(0x2024, "s3/replication");
pub const LOGGING: Table<LoggingRecord> = Table::new(0x2025, "s3/logging");
/// These four have several to a bucket: their ids follow its scope.
pub const INVENTORY: Table<InventoryConfiguration> = Table::new(0x2026, "s3/inventories");
pub const METRICS: Table<MetricsConfiguration> = Table::new(0x2027, "s3/metrics");
pub const ANALYTICS: Table<AnalyticsConfiguration> = Table::new(0x2028, "s3/analytics");
pub const TIERING: Table<TieringConfiguration> = Table::new(0x2029, "s3/tiering");

/// Forgets what a table has under a key.
///
/// # Errors
/// The store's.
pub(crate) fn forget<R: Record>(tx: &mut Tx, table: &Table<R>, under: &Key) -> Result<(), StoreError> {
    let found: Result<Vec<_>, _> = table.scan(tx, under, Direction::Forward).collect();
    found?.iter().for_each(|(key, _)| table.delete(tx, key));
    Ok(())
}

/// Forgets every configuration of a bucket that goes away.
///
/// # Errors
/// The store's.
pub(crate) fn delete_all(tx: &mut Tx, bucket: &Bucket) -> Result<(), StoreError> {
    let scope = &bucket.scope;
    forget(tx, &CORS, scope)?;
    forget(tx, &LIFECYCLE, scope)?;
    forget(tx, &WEBSITE, scope)?;
    forget(tx, &NOTIFICATION, scope)?;
    forget(tx, &REPLICATION, scope)?;
    forget(tx, &LOGGING, scope)?;
    forget(tx, &INVENTORY, scope)?;
    forget(tx, &super::work::NEXT, scope)?;
    forget(tx, &METRICS, scope)?;
    super::work::forget_analysis(tx, scope)?;
    forget(tx, &ANALYTICS, scope)?;
    forget(tx, &TIERING, scope)
}
