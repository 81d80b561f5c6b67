//! Inventories, metrics, storage class analyses and archive tiers: kept, shown and listed. Nothing acts on them yet,
//! and whoever puts one is told so: the configuration is no declared member of these requests.

use super::shapes::load;
use crate::s3::access;
use crate::s3::configs::{ANALYTICS, INVENTORY, METRICS, TIERING};
use crate::s3::errors::{Denial, S3Error, argument};
use crate::s3::settings::{
    AnalyticsConfiguration, InventoryConfiguration, MetricsConfiguration, TieringConfiguration,
};
use kernel::{Cx, Empty};
use store::{Key, Record, Table};
use wire::{FromValue, Member, Mismatch, Value};

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

/// A request that puts a configuration on which nothing acts: it is read, and not declared.
#[derive(Clone, Debug)]
pub(crate) struct Keep<T> {
    of: OfId,
    configuration: T,
}

/// What is kept under an id.
pub(crate) trait Kept: Record + FromValue + Clone {
    /// The member that holds it.
    const MEMBER: &'static str;

    fn id(&self) -> &str;

    /// # Errors
    /// What the schema does not refuse.
    fn check(&self) -> Result<(), S3Error> {
        Ok(())
    }
}

impl<T: Kept> FromValue for Keep<T> {
    const MEMBERS: Option<&'static [Member]> = OfId::MEMBERS;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        let Value::Struct(mut members) = value else { return Err(Mismatch::expected("a structure")) };
        let configuration = match members.take(T::MEMBER) {
            Some(value) => T::from_value(value),
            None => T::from_absent(),
        };
        let configuration = configuration.map_err(|m| m.in_member(T::MEMBER))?;
        Ok(Keep { of: OfId::from_value(Value::Struct(members))?, configuration })
    }
}

impl Kept for AnalyticsConfiguration {
    const MEMBER: &'static str = "AnalyticsConfiguration";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Kept for InventoryConfiguration {
    const MEMBER: &'static str = "InventoryConfiguration";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Kept for MetricsConfiguration {
    const MEMBER: &'static str = "MetricsConfiguration";

    fn id(&self) -> &str {
        &self.id
    }
}

impl Kept for TieringConfiguration {
    const MEMBER: &'static str = "IntelligentTieringConfiguration";

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

fn put<T: Kept>(cx: &mut Cx<'_>, table: &Table<T>, req: Keep<T>) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.of.bucket)?;
    if req.configuration.id() != req.of.id {
        let message = "The id of the configuration is not the one of the request";
        return Err(argument(message, "id", req.of.id));
    }
    req.configuration.check()?;
    table.put(cx.tx, &bucket.scope.clone().str(&req.of.id), &req.configuration);
    Ok(Empty)
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

/// The four operations on each kind.
macro_rules! kinds {
    ($($table:ident, $kind:ident, $view:ident, $list_view:ident, $put:ident, $get:ident, $delete:ident, $list:ident;)+) => { $(
        fn $put(cx: &mut Cx<'_>, req: Keep<$kind>) -> Result<Empty, S3Error> {
            put(cx, &$table, req)
        }

        fn $get(cx: &mut Cx<'_>, req: OfId) -> Result<$view, S3Error> {
            Ok($view { configuration: get(cx, &$table, &req)? })
        }

        fn $delete(cx: &mut Cx<'_>, req: OfId) -> Result<Empty, S3Error> {
            delete(cx, &$table, &req)
        }

        fn $list(cx: &mut Cx<'_>, req: ListOf) -> Result<$list_view, S3Error> {
            let Listed { items, next } = list(cx, &$table, &req)?;
            Ok($list_view { truncated: next.is_some(), token: req.token, next, list: items })
        }
    )+ };
}

kinds! {
    ANALYTICS, AnalyticsConfiguration, AnalyticsView, AnalyticsList, put_analytics, get_analytics, delete_analytics, list_analytics;
    INVENTORY, InventoryConfiguration, InventoryView, InventoryList, put_inventory, get_inventory, delete_inventory, list_inventory;
    METRICS, MetricsConfiguration, MetricsView, MetricsList, put_metrics, get_metrics, delete_metrics, list_metrics;
    TIERING, TieringConfiguration, TieringView, TieringList, put_tiering, get_tiering, delete_tiering, list_tiering;
}
