//! Settings of a bucket that are a list: each item is a configuration of its own to S3, by its id.

use super::Done;
use super::bucket::{S3, renamed};
use super::on::{On, items, map, text_at};
use crate::cloudformation::template::get;
use wire::Value;

/// A list: the property, the operations, their member, and how an item is written there.
type List = (&'static str, &'static str, &'static str, &'static str, fn(&Value) -> Value);

static LISTS: &[List] = &[
    (
        "AnalyticsConfigurations",
        "PutBucketAnalyticsConfiguration",
        "DeleteBucketAnalyticsConfiguration",
        "AnalyticsConfiguration",
        analysis,
    ),
    (
        "IntelligentTieringConfigurations",
        "PutBucketIntelligentTieringConfiguration",
        "DeleteBucketIntelligentTieringConfiguration",
        "IntelligentTieringConfiguration",
        filtered,
    ),
    (
        "InventoryConfigurations",
        "PutBucketInventoryConfiguration",
        "DeleteBucketInventoryConfiguration",
        "InventoryConfiguration",
        inventory,
    ),
    (
        "MetricsConfigurations",
        "PutBucketMetricsConfiguration",
        "DeleteBucketMetricsConfiguration",
        "MetricsConfiguration",
        filtered,
    ),
];

/// Brings the lists of a bucket to what is wanted.
pub(super) fn settings(on: &mut On<'_, '_>, bucket: &Value) -> Done<()> {
    for (property, put, delete, member, form) in LISTS {
        let of = |item: &Value| [("Bucket", bucket.clone()), ("Id", Value::Str(text_at(item, "Id")))];
        let (gone, fresh) = on.list_changes(property, "Id");
        for item in gone {
            on.end(S3, delete, map(of(&item)))?;
        }
        for item in fresh {
            let [bucket, id] = of(&item);
            on.call(S3, put, map([bucket, id, (member, form(&item))]))?;
        }
    }
    Ok(())
}

/// The item without what a template says of which objects it is for, and that as S3's filter.
fn filtered(item: &Value) -> Value {
    const OF_FILTER: &[&str] = &["AccessPointArn", "Prefix", "TagFilters"];
    let Value::Map(entries) = item else { return item.clone() };
    let rest = entries.iter().filter(|(name, _)| !OF_FILTER.contains(&name.as_str())).cloned();
    let filter = filter(item);
    let filter = (!matches!(filter, Value::Null)).then(|| ("Filter".to_owned(), filter));
    Value::Map(rest.chain(filter).collect())
}

/// One condition stands alone, several are joined.
fn filter(item: &Value) -> Value {
    let own = |name: &str| get(item, name).cloned().unwrap_or(Value::Null);
    let mut tags = items(own("TagFilters"));
    let (point, prefix) = (own("AccessPointArn"), own("Prefix"));
    let others = [&point, &prefix].iter().filter(|value| !matches!(value, Value::Null)).count();
    match (tags.len(), others) {
        (0, 0) => Value::Null,
        (1, 0) => map([("Tag", tags.remove(0))]),
        (0, 1) => map([("AccessPointArn", point), ("Prefix", prefix)]),
        _ => {
            let tags = if tags.is_empty() { Value::Null } else { Value::List(tags) };
            map([("And", map([("AccessPointArn", point), ("Prefix", prefix), ("Tags", tags)]))])
        }
    }
}

fn analysis(item: &Value) -> Value {
    const MEMBER: &str = "StorageClassAnalysis";
    let Value::Map(entries) = filtered(item) else { return item.clone() };
    let export = get(item, MEMBER).and_then(|analysis| get(analysis, "DataExport"));
    let export = export.map(|export| {
        let to = get(export, "Destination").map(|to| renamed(to, &[("BucketArn", "Bucket")]));
        let to = map([("S3BucketDestination", to.unwrap_or(Value::Null))]);
        let version = get(export, "OutputSchemaVersion").cloned().unwrap_or(Value::Null);
        map([("Destination", to), ("OutputSchemaVersion", version)])
    });
    let analysis = map([("DataExport", export.unwrap_or(Value::Null))]);
    let rest = entries.into_iter().filter(|(name, _)| name != MEMBER);
    Value::Map(rest.chain([(MEMBER.to_owned(), analysis)]).collect())
}

fn inventory(item: &Value) -> Value {
    let own = |name: &str| get(item, name).cloned().unwrap_or(Value::Null);
    let destination =
        renamed(&own("Destination"), &[("BucketAccountId", "AccountId"), ("BucketArn", "Bucket")]);
    let within = |name: &str, value: Value| match value {
        Value::Null => Value::Null,
        value => map([(name, value)]),
    };
    map([
        ("Destination", within("S3BucketDestination", destination)),
        ("Filter", within("Prefix", own("Prefix"))),
        ("Id", own("Id")),
        ("IncludedObjectVersions", own("IncludedObjectVersions")),
        ("IsEnabled", own("Enabled")),
        ("OptionalFields", own("OptionalFields")),
        ("Schedule", within("Frequency", own("ScheduleFrequency"))),
    ])
}
