//! Inventories, metrics, archive tiers and storage class analyses.

use super::shapes::load;
use crate::s3::access;
use crate::s3::configs::{ANALYTICS, INVENTORY, METRICS, TIERING};
use crate::s3::errors::{Denial, Refusal, S3Error, argument};
use crate::s3::inventory::schedule;
use crate::s3::settings::{
    AnalyticsConfiguration, InventoryConfiguration, MetricsConfiguration, TieringConfiguration,
};
use crate::s3::work::{self, NEXT, NEXT_ANALYSES, NextAnalysis, NextList};
use kernel::{Cx, Empty};
use store::{Key, Record, Table};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketAnalyticsConfiguration: delete_analytics, "s3:PutAnalyticsConfiguration", access::on_bucket;
    DeleteBucketIntelligentTieringConfiguration: delete_tiering, "s3:PutIntelligentTieringConfiguration", access::on_bucket;
    DeleteBucketInventoryConfiguration: delete_inventory, "s3:PutInventoryConfiguration", access::on_bucket;
    DeleteBucketMetricsConfiguration: delete_metrics, "s3:PutMetricsConfiguration", access::on_bucket;
    GetBucketAnalyticsConfiguration: get_analytics, "s3:GetAnalyticsConfiguration", access::on_bucket;
    GetBucketIntelligentTieringConfiguration: get_tiering, "s3:GetIntelligentTieringConfiguration", access::on_bucket;
    GetBucketInventoryConfiguration: get_inventory, "s3:GetInventoryConfiguration", access::on_bucket;
    GetBucketMetricsConfiguration: get_metrics, "s3:GetMetricsConfiguration", access::on_bucket;
    ListBucketAnalyticsConfigurations: list_analytics, "s3:GetAnalyticsConfiguration", access::on_bucket;
    ListBucketIntelligentTieringConfigurations: list_tiering, "s3:GetIntelligentTieringConfiguration", access::on_bucket;
    ListBucketInventoryConfigurations: list_inventory, "s3:GetInventoryConfiguration", access::on_bucket;
    ListBucketMetricsConfigurations: list_metrics, "s3:GetMetricsConfiguration", access::on_bucket;
    PutBucketAnalyticsConfiguration: put_analytics, "s3:PutAnalyticsConfiguration", access::on_bucket;
    PutBucketIntelligentTieringConfiguration: put_tiering, "s3:PutIntelligentTieringConfiguration", access::on_bucket;
    PutBucketInventoryConfiguration: put_inventory, "s3:PutInventoryConfiguration", access::on_bucket;
    PutBucketMetricsConfiguration: put_metrics, "s3:PutMetricsConfiguration", access::on_bucket;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct OfId {
        bucket: String = "Bucket",
        id: String = "Id",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListOf {
        bucket: String = "Bucket",
        token: Option<String> = "ContinuationToken",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PutAnalytics {
        bucket: String = "Bucket",
        id: String = "Id",
        configuration: AnalyticsConfiguration = "AnalyticsConfiguration",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PutInventory {
        bucket: String = "Bucket",
        id: String = "Id",
        configuration: InventoryConfiguration = "InventoryConfiguration",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PutMetrics {
        bucket: String = "Bucket",
        id: String = "Id",
        configuration: MetricsConfiguration = "MetricsConfiguration",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PutTiering {
        bucket: String = "Bucket",
        id: String = "Id",
        configuration: TieringConfiguration = "IntelligentTieringConfiguration",
        expected_owner: Option<String> = "ExpectedBucketOwner",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct AnalyticsView { configuration: AnalyticsConfiguration = "AnalyticsConfiguration" }

    #[derive(Clone, Debug)]
    pub(crate) struct InventoryView { configuration: InventoryConfiguration = "InventoryConfiguration" }

    #[derive(Clone, Debug)]
    pub(crate) struct MetricsView { configuration: MetricsConfiguration = "MetricsConfiguration" }

    #[derive(Clone, Debug)]
    pub(crate) struct TieringView { configuration: TieringConfiguration = "IntelligentTieringConfiguration" }

    #[derive(Clone, Debug)]
    pub(crate) struct AnalyticsList {
        truncated: bool = "IsTruncated",
        token: Option<String> = "ContinuationToken",
        next: Option<String> = "NextContinuationToken",
        list: Vec<AnalyticsConfiguration> = "AnalyticsConfigurationList",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct InventoryList {
        truncated: bool = "IsTruncated",
        token: Option<String> = "ContinuationToken",
        next: Option<String> = "NextContinuationToken",
        list: Vec<InventoryConfiguration> = "InventoryConfigurationList",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct MetricsList {
        truncated: bool = "IsTruncated",
        token: Option<String> = "ContinuationToken",
        next: Option<String> = "NextContinuationToken",
        list: Vec<MetricsConfiguration> = "MetricsConfigurationList",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TieringList {
        truncated: bool = "IsTruncated",
        token: Option<String> = "ContinuationToken",
        next: Option<String> = "NextContinuationToken",
        list: Vec<TieringConfiguration> = "IntelligentTieringConfigurationList",
    }
}

/// What is kept under an id.
pub(crate) trait Kept: Record + Clone {
    fn id(&self) -> &str;

    /// The refusal of a configuration under another id than its own.
    fn mismatch() -> S3Error {
        Refusal::MalformedXml.into()
    }

    /// # Errors
    /// What the schema does not refuse.
    fn check(&self) -> Result<(), S3Error> {
        Ok(())
    }
}

impl Kept for AnalyticsConfiguration {
    fn id(&self) -> &str {
        &self.id
    }

    fn check(&self) -> Result<(), S3Error> {
        AnalyticsConfiguration::check(self)
    }
}

impl Kept for InventoryConfiguration {
    fn id(&self) -> &str {
        &self.id
    }

    fn mismatch() -> S3Error {
        Denial::IdMismatch.into()
    }

    fn check(&self) -> Result<(), S3Error> {
        InventoryConfiguration::check(self)
    }
}

impl Kept for MetricsConfiguration {
    fn id(&self) -> &str {
        &self.id
    }

    fn check(&self) -> Result<(), S3Error> {
        MetricsConfiguration::check(self)
    }
}

impl Kept for TieringConfiguration {
    fn id(&self) -> &str {
        &self.id
    }

    fn check(&self) -> Result<(), S3Error> {
        TieringConfiguration::check(self)
    }
}

/// AWS: a hundred to a page.
const PAGE_MAX: usize = 100;
const TOKENS: &str = "s3 bucket configurations";

/// AWS: "Limit" of each kind's operation.
const CONFIGURATIONS_MAX: usize = 1_000;

/// Keeps a configuration; answers under which key.
fn put<T: Kept>(
    cx: &mut Cx<'_>,
    table: &Table<T>,
    (bucket, id): (&str, &str),
    configuration: &T,
) -> Result<Key, S3Error> {
    let bucket = load(cx, bucket)?;
    if configuration.id() != id {
        return Err(T::mismatch());
    }
    configuration.check()?;
    let key = bucket.scope.clone().str(id);
    if !table.contains(cx.tx, &key)? && table.count(cx.tx, &bucket.scope)? >= CONFIGURATIONS_MAX {
        return Err(Denial::ConfigurationsTooMany.into());
    }
    table.put(cx.tx, &key, configuration);
    Ok(key)
}

fn put_inventory(cx: &mut Cx<'_>, req: PutInventory) -> Result<Empty, S3Error> {
    let configuration = req.configuration;
    let key = put(cx, &INVENTORY, (&req.bucket, &req.id), &configuration)?;
    if configuration.is_enabled {
        let at = schedule::next(&configuration.schedule.frequency, cx.now);
        NEXT.put(cx.tx, &key, &NextList { bucket: req.bucket, at });
    } else {
        NEXT.delete(cx.tx, &key);
    }
    Ok(Empty)
}

fn delete_inventory(cx: &mut Cx<'_>, req: OfId) -> Result<Empty, S3Error> {
    let key = load(cx, &req.bucket)?.scope.clone().str(&req.id);
    NEXT.delete(cx.tx, &key);
    delete(cx, &INVENTORY, &req)
}

fn put_metrics(cx: &mut Cx<'_>, req: PutMetrics) -> Result<Empty, S3Error> {
    put(cx, &METRICS, (&req.bucket, &req.id), &req.configuration).map(|_| Empty)
}

fn delete_metrics(cx: &mut Cx<'_>, req: OfId) -> Result<Empty, S3Error> {
    delete(cx, &METRICS, &req)
}

fn put_analytics(cx: &mut Cx<'_>, req: PutAnalytics) -> Result<Empty, S3Error> {
    let configuration = req.configuration;
    let key = put(cx, &ANALYTICS, (&req.bucket, &req.id), &configuration)?;
    if configuration.exported().is_some() {
        let at = schedule::next("Daily", cx.now);
        NEXT_ANALYSES.put(cx.tx, &key, &NextAnalysis { bucket: req.bucket, at });
    } else {
        NEXT_ANALYSES.delete(cx.tx, &key);
    }
    Ok(Empty)
}

fn delete_analytics(cx: &mut Cx<'_>, req: OfId) -> Result<Empty, S3Error> {
    let key = load(cx, &req.bucket)?.scope.clone().str(&req.id);
    work::forget_analysis(cx.tx, &key)?;
    delete(cx, &ANALYTICS, &req)
}

fn put_tiering(cx: &mut Cx<'_>, req: PutTiering) -> Result<Empty, S3Error> {
    put(cx, &TIERING, (&req.bucket, &req.id), &req.configuration).map(|_| Empty)
}

fn delete_tiering(cx: &mut Cx<'_>, req: OfId) -> Result<Empty, S3Error> {
    delete(cx, &TIERING, &req)
}

fn get<T: Kept>(cx: &Cx<'_>, table: &Table<T>, req: &OfId) -> Result<T, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let found = table.get(cx.tx, &bucket.scope.clone().str(&req.id))?;
    Ok(found.ok_or(Denial::ConfigurationMissing)?)
}

fn delete<T: Kept>(cx: &mut Cx<'_>, table: &Table<T>, req: &OfId) -> Result<Empty, S3Error> {
    get(cx, table, req)?;
    let key = load(cx, &req.bucket)?.scope.clone().str(&req.id);
    table.delete(cx.tx, &key);
    Ok(Empty)
}

struct Listed<T> {
    items: Vec<T>,
    next: Option<String>,
}

fn list<T: Kept>(cx: &Cx<'_>, table: &Table<T>, req: &ListOf) -> Result<Listed<T>, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let after: Option<Key> = match req.token.as_deref() {
        Some(token) => {
            let wrong =
                |_| argument("The continuation token provided is incorrect", "continuation-token", token);
            let id =
                String::from_utf8(cx.pager().position(TOKENS, token).map_err(wrong)?).unwrap_or_default();
            Some(bucket.scope.clone().str(&id))
        }
        None => None,
    };
    let page = table.page(cx.tx, &bucket.scope, after.as_ref(), PAGE_MAX)?;
    let last = page.items.last().map(|(_, item)| item.id().to_owned());
    let next = page.next.and(last).map(|id| cx.pager().token(TOKENS, id.as_bytes()));
    Ok(Listed { items: page.items.into_iter().map(|(_, item)| item).collect(), next })
}

/// Showing one and listing all of each kind.
macro_rules! kinds {
    ($($table:ident, $view:ident, $list_view:ident, $get:ident, $list:ident;)+) => { $(
        fn $get(cx: &mut Cx<'_>, req: OfId) -> Result<$view, S3Error> {
            Ok($view { configuration: get(cx, &$table, &req)? })
        }

        fn $list(cx: &mut Cx<'_>, req: ListOf) -> Result<$list_view, S3Error> {
            let Listed { items, next } = list(cx, &$table, &req)?;
            Ok($list_view { truncated: next.is_some(), token: req.token, next, list: items })
        }
    )+ };
}

kinds! {
    ANALYTICS, AnalyticsView, AnalyticsList, get_analytics, list_analytics;
    INVENTORY, InventoryView, InventoryList, get_inventory, list_inventory;
    METRICS, MetricsView, MetricsList, get_metrics, list_metrics;
    TIERING, TieringView, TieringList, get_tiering, list_tiering;
}
