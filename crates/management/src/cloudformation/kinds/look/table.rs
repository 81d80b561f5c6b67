//! DynamoDB's tables. The keys that encrypt them are not seen, as keys have many names, nor who looks into an index.

use super::machine::put;
use super::{Look, PLAIN, each_picked, list, named, own, parsed, picked, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::global_table::REPLICA;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at};
use crate::cloudformation::kinds::table::DYNAMODB;
use wire::Value;

pub(in crate::cloudformation::kinds) static TABLE: Look = Look {
    sees: &[
        "AttributeDefinitions",
        "BillingMode",
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
        "OnDemandThroughput",
        "PointInTimeRecoverySpecification",
        "ProvisionedThroughput",
        "ResourcePolicy",
        "SSESpecification",
        "StreamSpecification",
        "TableClass",
        "TableName",
        "Tags",
        "TimeToLiveSpecification",
    ],
    blind: &["GlobalSecondaryIndexes.ContributorInsightsSpecification", "SSESpecification.KMSMasterKeyId"],
    whole: &["ResourcePolicy.PolicyDocument"],
    read: table,
    identifiers: &["TableName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static GLOBAL: Look = Look {
    sees: &[
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
        "Replicas",
        "SSESpecification",
        "StreamSpecification",
        "TableName",
        "TimeToLiveSpecification",
        "WriteOnDemandThroughputSettings",
    ],
    blind: &["Replicas.GlobalSecondaryIndexes", "Replicas.SSESpecification"],
    whole: &["Replicas.ResourcePolicy.PolicyDocument"],
    read: |on| {
        let seen = table(on)?;
        let told = seen.properties;
        let part = |path: &str, name: &str| map([(name, own(&told, &format!("{path}.{name}")))]);
        let mut replica: Vec<(String, Value)> =
            REPLICA.iter().map(|name| ((*name).to_owned(), own(&told, name))).collect();
        replica.push(("Region".into(), Value::str(on.region())));
        let reads = part("OnDemandThroughput", "MaxReadRequestUnits");
        replica.push(("ReadOnDemandThroughputSettings".into(), reads));
        let mut all = GLOBAL.rows(on, &told, &[]);
        // Of a replica in another region is seen that it is there.
        let told = on.ask(DYNAMODB, "DescribeTable", map([("TableName", on.physical())]))?;
        let written = list(on.wanted, "Replicas");
        let away = list(&told, "Table.Replicas").into_iter().map(|other| {
            let region = own(&other, "RegionName");
            let is_it = |replica: &&Value| own(replica, "Region") == region;
            written.iter().find(is_it).cloned().unwrap_or_else(|| map([("Region", region.clone())]))
        });
        let all_of_it = [Value::Map(replica)].into_iter().chain(away).collect();
        put(&mut all, "Replicas", Value::List(all_of_it));
        let writes = part("OnDemandThroughput", "MaxWriteRequestUnits");
        put(&mut all, "WriteOnDemandThroughputSettings", writes);
        Ok(Seen::of(all, seen.attributes))
    },
    identifiers: &["TableName"],
    ..PLAIN
};

const UNITS: &[&str] = &["ReadCapacityUnits", "WriteCapacityUnits"];
const KEY: &[&str] = &["AttributeName", "KeyType"];

fn table(on: &mut On<'_, '_>) -> Done<Seen> {
    let of = ("TableName", on.physical());
    let told = on.ask(DYNAMODB, "DescribeTable", map([of.clone()]))?;
    let told = own(&told, "Table");
    let mut all = named(
        &told,
        &[
            ("AttributeDefinitions", "AttributeDefinitions"),
            ("KeySchema", "KeySchema"),
            ("OnDemandThroughput", "OnDemandThroughput"),
            ("TableName", "TableName"),
        ],
    );
    let mut put = |name: &str, value: Value| all.push((name.to_owned(), value));
    let or = |path: &str, otherwise: &str| match own(&told, path) {
        Value::Null => Value::str(otherwise),
        value => value,
    };
    put("BillingMode", or("BillingModeSummary.BillingMode", "PROVISIONED"));
    put("TableClass", or("TableClassSummary.TableClass", "STANDARD"));
    put("DeletionProtectionEnabled", or("DeletionProtectionEnabled", "false"));
    put("ProvisionedThroughput", picked(&own(&told, "ProvisionedThroughput"), UNITS));
    put("GlobalSecondaryIndexes", indexes(&told, "GlobalSecondaryIndexes"));
    put("LocalSecondaryIndexes", indexes(&told, "LocalSecondaryIndexes"));
    put("SSESpecification", encryption(&told));
    let streams = own(&told, "StreamSpecification.StreamEnabled") == Value::Bool(true);
    let stream = picked(&own(&told, "StreamSpecification"), &["StreamViewType"]);
    put("StreamSpecification", if streams { stream } else { Value::Null });
    let arn = ("ResourceArn", own(&told, "TableArn"));
    all.extend(settings(on, of)?);
    let policy = on.ask_if_any(DYNAMODB, "GetResourcePolicy", map([arn.clone()]))?;
    if policy != Value::Null {
        let policy = map([("PolicyDocument", parsed(&own(&policy, "Policy")))]);
        all.push(("ResourcePolicy".into(), policy));
    }
    let pages = ("NextToken", "NextToken");
    let tagged = on.ask_all((DYNAMODB, "ListTagsOfResource"), vec![arn], "Tags", pages)?;
    all.push(("Tags".into(), tags(&Value::List(tagged))));
    let mut attributes = vec![("Arn", own(&told, "TableArn"))];
    if streams {
        attributes.push(("StreamArn", own(&told, "LatestStreamArn")));
    }
    Ok(Seen::of(all, attributes))
}

fn indexes(told: &Value, path: &str) -> Value {
    let index = |index: &Value| {
        map([
            ("IndexName", own(index, "IndexName")),
            ("KeySchema", each_picked(index, "KeySchema", KEY)),
            ("Projection", own(index, "Projection")),
            ("ProvisionedThroughput", picked(&own(index, "ProvisionedThroughput"), UNITS)),
            ("OnDemandThroughput", own(index, "OnDemandThroughput")),
        ])
    };
    Value::List(list(told, path).iter().map(index).collect())
}

/// A table that tells nothing of it is under DynamoDB's own key.
fn encryption(told: &Value) -> Value {
    let enabled =
        matches!(text_at(told, "SSEDescription.Status").as_str(), "ENABLED" | "ENABLING" | "UPDATING");
    map([("SSEEnabled", Value::Bool(enabled)), ("SSEType", own(told, "SSEDescription.SSEType"))])
}

/// What other operations than `DescribeTable` tell of.
fn settings(on: &mut On<'_, '_>, of: (&'static str, Value)) -> Done<Vec<(String, Value)>> {
    let ttl = on.ask(DYNAMODB, "DescribeTimeToLive", map([of.clone()]))?;
    let ttl = own(&ttl, "TimeToLiveDescription");
    let lives = matches!(text_at(&ttl, "TimeToLiveStatus").as_str(), "ENABLED" | "ENABLING");
    let ttl = map([("Enabled", Value::Bool(lives)), ("AttributeName", own(&ttl, "AttributeName"))]);
    let backups = on.ask(DYNAMODB, "DescribeContinuousBackups", map([of.clone()]))?;
    let backups = own(&backups, "ContinuousBackupsDescription.PointInTimeRecoveryDescription");
    let recovers = text_at(&backups, "PointInTimeRecoveryStatus") == "ENABLED";
    let recovery = map([
        ("PointInTimeRecoveryEnabled", Value::Bool(recovers)),
        ("RecoveryPeriodInDays", own(&backups, "RecoveryPeriodInDays")),
    ]);
    let insights = on.ask(DYNAMODB, "DescribeContributorInsights", map([of]))?;
    let looks = matches!(text_at(&insights, "ContributorInsightsStatus").as_str(), "ENABLED" | "ENABLING");
    let mode = if looks { own(&insights, "ContributorInsightsMode") } else { Value::Null };
    let insights = map([("Enabled", Value::Bool(looks)), ("Mode", mode)]);
    Ok(vec![
        ("TimeToLiveSpecification".into(), ttl),
        ("PointInTimeRecoverySpecification".into(), recovery),
        ("ContributorInsightsSpecification".into(), insights),
    ])
}
