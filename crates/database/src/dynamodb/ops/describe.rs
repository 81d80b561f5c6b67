//! DescribeTable, and the description of a table that other operations answer too.

use super::table::StreamSpecification;
use crate::dynamodb::access;
use crate::dynamodb::census;
use crate::dynamodb::errors::Error;
use crate::dynamodb::global::replicas::{self, ReplicaDescription};
use crate::dynamodb::model::backup::Restoring;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::stream;
use crate::dynamodb::model::table::{IndexRecord, Status, TableRecord, Throughput};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    DescribeTable: describe_table, "dynamodb:DescribeTable", access::on_table;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct DescribeTable { table: String = "TableName" }

    #[derive(Clone, Debug)]
    pub(crate) struct DescribeTableOutput { table: TableDescription = "Table" }

    #[derive(Clone, Debug)]
    pub(crate) struct AttributeDefinition {
        pub(crate) name: String = "AttributeName",
        pub(crate) kind: String = "AttributeType",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct KeySchemaElement {
        pub(crate) name: String = "AttributeName",
        pub(crate) kind: String = "KeyType",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Projection {
        pub(crate) kind: Option<String> = "ProjectionType",
        pub(crate) attributes: Option<Vec<String>> = "NonKeyAttributes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ThroughputDescription {
        increased: Option<Timestamp> = "LastIncreaseDateTime",
        decreased: Option<Timestamp> = "LastDecreaseDateTime",
        decreases: i64 = "NumberOfDecreasesToday",
        read: i64 = "ReadCapacityUnits",
        write: i64 = "WriteCapacityUnits",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct BillingModeSummary {
        mode: String = "BillingMode",
        since: Option<Timestamp> = "LastUpdateToPayPerRequestDateTime",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TableClassSummary {
        class: String = "TableClass",
        updated: Option<Timestamp> = "LastUpdateDateTime",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct LocalIndexDescription {
        name: String = "IndexName",
        keys: Vec<KeySchemaElement> = "KeySchema",
        projection: Projection = "Projection",
        bytes: i64 = "IndexSizeBytes",
        count: i64 = "ItemCount",
        arn: String = "IndexArn",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GlobalIndexDescription {
        name: String = "IndexName",
        keys: Vec<KeySchemaElement> = "KeySchema",
        projection: Projection = "Projection",
        status: String = "IndexStatus",
        backfilling: Option<bool> = "Backfilling",
        throughput: ThroughputDescription = "ProvisionedThroughput",
        bytes: i64 = "IndexSizeBytes",
        count: i64 = "ItemCount",
        arn: String = "IndexArn",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct RestoreSummary {
        backup: Option<String> = "SourceBackupArn",
        table: String = "SourceTableArn",
        at: Timestamp = "RestoreDateTime",
        running: bool = "RestoreInProgress",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TableDescription {
        attributes: Vec<AttributeDefinition> = "AttributeDefinitions",
        name: String = "TableName",
        keys: Vec<KeySchemaElement> = "KeySchema",
        status: String = "TableStatus",
        created: Timestamp = "CreationDateTime",
        throughput: ThroughputDescription = "ProvisionedThroughput",
        bytes: i64 = "TableSizeBytes",
        count: i64 = "ItemCount",
        arn: String = "TableArn",
        id: String = "TableId",
        billing: Option<BillingModeSummary> = "BillingModeSummary",
        locals: Option<Vec<LocalIndexDescription>> = "LocalSecondaryIndexes",
        globals: Option<Vec<GlobalIndexDescription>> = "GlobalSecondaryIndexes",
        class: Option<TableClassSummary> = "TableClassSummary",
        protected: bool = "DeletionProtectionEnabled",
        restore: Option<RestoreSummary> = "RestoreSummary",
        replicas: Option<Vec<ReplicaDescription>> = "Replicas",
        version: Option<String> = "GlobalTableVersion",
        stream: Option<StreamSpecification> = "StreamSpecification",
        stream_label: Option<String> = "LatestStreamLabel",
        stream_arn: Option<String> = "LatestStreamArn",
    }
}

fn describe_table(cx: &mut Cx<'_>, req: DescribeTable) -> Result<DescribeTableOutput, Error> {
    let schema = schema::existing(cx, &req.table)?;
    Ok(DescribeTableOutput { table: describe(cx, &schema.record, Some(&schema))? })
}

pub(crate) fn elements(hash: &str, range: Option<&String>) -> Vec<KeySchemaElement> {
    let element = |name: &str, kind: &str| KeySchemaElement { name: name.to_owned(), kind: kind.to_owned() };
    let mut out = vec![element(hash, "HASH")];
    out.extend(range.map(|range| element(range, "RANGE")));
    out
}

fn throughput(throughput: &Throughput, now: Timestamp) -> ThroughputDescription {
    ThroughputDescription {
        increased: throughput.increased,
        decreased: throughput.decreased,
        decreases: throughput.decreases_today(now),
        read: throughput.read,
        write: throughput.write,
    }
}

pub(crate) fn projection(index: &IndexRecord) -> Projection {
    let attributes = (!index.include.is_empty()).then(|| index.include.clone());
    Projection { kind: Some(index.projection.clone()), attributes }
}

fn specification(table: &TableRecord) -> Option<StreamSpecification> {
    let stream = table.stream.as_ref()?;
    Some(StreamSpecification { enabled: true, view: Some(stream.view.clone()) })
}

fn latest_stream(table: &TableRecord) -> Option<String> {
    let label = table.latest_stream.as_ref()?;
    Some(stream::arn(table.account, table.region, &table.name, label))
}

fn summary(restoring: &Restoring) -> RestoreSummary {
    RestoreSummary {
        backup: restoring.backup.clone(),
        table: restoring.table_arn.clone(),
        at: restoring.at,
        running: true,
    }
}

/// The table as callers see it. Without a `schema` (the table is being made) nothing is counted.
///
/// # Errors
/// The store's.
pub(crate) fn describe(
    cx: &Cx<'_>,
    table: &TableRecord,
    schema: Option<&Schema>,
) -> Result<TableDescription, Error> {
    let count = |prefix: Option<&Vec<u8>>| match prefix {
        Some(prefix) => census::count(cx.tx, prefix),
        None => Ok(census::Count::default()),
    };
    let index_prefix =
        |index: &IndexRecord| schema.and_then(|s| s.index(&index.name)).map(|index| &index.prefix);
    let arn = table.arn();
    let (mut locals, mut globals) = (Vec::new(), Vec::new());
    for index in &table.indexes {
        let (name, keys) = (index.name.clone(), elements(&index.hash, index.range.as_ref()));
        let counted = count(index_prefix(index))?;
        let (bytes, count) = (counted.bytes, counted.items);
        let arn = format!("{arn}/index/{name}");
        let projection = projection(index);
        if index.global {
            globals.push(GlobalIndexDescription {
                name,
                keys,
                projection,
                status: index.status.name().to_owned(),
                backfilling: (index.status == Status::Creating && index.backfilling).then_some(true),
                throughput: throughput(&index.throughput, cx.now),
                bytes,
                count,
                arn,
            });
        } else {
            locals.push(LocalIndexDescription { name, keys, projection, bytes, count, arn });
        }
    }
    let counted = count(schema.map(|schema| &schema.prefix))?;
    let definition = |a: &crate::dynamodb::model::table::Attribute| AttributeDefinition {
        name: a.name.clone(),
        kind: a.kind.clone(),
    };
    let mode = if table.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" };
    let class = table.class.clone().map(|class| TableClassSummary { class, updated: table.class_updated });
    Ok(TableDescription {
        attributes: table.attributes.iter().map(definition).collect(),
        name: table.name.clone(),
        keys: elements(&table.hash, table.range.as_ref()),
        status: table.status.name().to_owned(),
        created: table.created,
        throughput: throughput(&table.throughput, cx.now),
        bytes: counted.bytes,
        count: counted.items,
        arn,
        id: table.id.clone(),
        billing: (table.on_demand || table.on_demand_since.is_some())
            .then(|| BillingModeSummary { mode: mode.to_owned(), since: table.on_demand_since }),
        locals: (!locals.is_empty()).then_some(locals),
        globals: (!globals.is_empty()).then_some(globals),
        class,
        protected: table.deletion_protection,
        restore: table.restore.as_deref().map(summary),
        replicas: replicas::describe(table),
        version: (!table.replicas.is_empty()).then(|| "2019.11.21".to_owned()),
        stream: specification(table),
        stream_arn: latest_stream(table),
        stream_label: table.latest_stream.clone(),
    })
}
