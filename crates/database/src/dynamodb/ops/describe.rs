//! DescribeTable, and the description of a table that other operations answer too.

use super::table::StreamSpecification;
use crate::dynamodb::access;
use crate::dynamodb::census;
use crate::dynamodb::encryption;
use crate::dynamodb::errors::Error;
use crate::dynamodb::global::replicas::{self, ReplicaDescription};
use crate::dynamodb::model::backup::Restoring;
use crate::dynamodb::model::schema::{self, Schema};
use crate::dynamodb::model::stream;
use crate::dynamodb::model::table::{Attribute, IndexRecord, Status, TABLES, TableRecord, Throughput};
use crate::dynamodb::throughput::{self, OnDemandThroughput, WarmDescription};
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
        decreases: Option<i64> = "NumberOfDecreasesToday",
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
        status: Option<String> = "IndexStatus",
        backfilling: Option<bool> = "Backfilling",
        throughput: ThroughputDescription = "ProvisionedThroughput",
        bytes: i64 = "IndexSizeBytes",
        count: i64 = "ItemCount",
        arn: String = "IndexArn",
        limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        warm: Option<WarmDescription> = "WarmThroughput",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct SseDescription {
        status: String = "Status",
        kind: Option<String> = "SSEType",
        key_arn: Option<String> = "KMSMasterKeyArn",
        inaccessible: Option<Timestamp> = "InaccessibleEncryptionDateTime",
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
        attributes: Option<Vec<AttributeDefinition>> = "AttributeDefinitions",
        name: String = "TableName",
        keys: Option<Vec<KeySchemaElement>> = "KeySchema",
        pub(super) status: String = "TableStatus",
        created: Option<Timestamp> = "CreationDateTime",
        throughput: ThroughputDescription = "ProvisionedThroughput",
        bytes: i64 = "TableSizeBytes",
        count: i64 = "ItemCount",
        arn: String = "TableArn",
        id: String = "TableId",
        billing: Option<BillingModeSummary> = "BillingModeSummary",
        locals: Option<Vec<LocalIndexDescription>> = "LocalSecondaryIndexes",
        globals: Option<Vec<GlobalIndexDescription>> = "GlobalSecondaryIndexes",
        class: Option<TableClassSummary> = "TableClassSummary",
        protected: Option<bool> = "DeletionProtectionEnabled",
        restore: Option<RestoreSummary> = "RestoreSummary",
        replicas: Option<Vec<ReplicaDescription>> = "Replicas",
        version: Option<String> = "GlobalTableVersion",
        sse: Option<SseDescription> = "SSEDescription",
        pub(super) limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        warm: Option<WarmDescription> = "WarmThroughput",
        stream: Option<StreamSpecification> = "StreamSpecification",
        stream_label: Option<String> = "LatestStreamLabel",
        stream_arn: Option<String> = "LatestStreamArn",
    }
}

fn describe_table(cx: &mut Cx<'_>, req: DescribeTable) -> Result<DescribeTableOutput, Error> {
    let schema = schema::existing(cx, &req.table)?;
    let mut table = schema.record.clone();
    let noted = note_access(cx, &mut table);
    if noted {
        TABLES.put(cx.tx, &table.own_key(), &table);
    }
    Ok(DescribeTableOutput { table: describe(cx, &table, Some(&schema))? })
}

/// Notes since when the table's KMS key cannot be used, or that it can be again; says whether that is news.
fn note_access(cx: &mut Cx<'_>, table: &mut TableRecord) -> bool {
    let now = cx.now;
    let Some(encryption) = table.encryption.as_mut().filter(|_| table.status == Status::Active) else {
        return false;
    };
    let gone = encryption::is_inaccessible(cx, encryption);
    if gone == encryption.inaccessible.is_some() {
        return false;
    }
    encryption.inaccessible = gone.then_some(now);
    true
}

/// The encryption with a KMS key, if there is such.
pub(crate) fn sse(table: &TableRecord) -> Option<SseDescription> {
    // AWS: recorded; while it changes the key that was is told, if there was one.
    let encryption = table.encryption.as_ref();
    let status = if table.next_encryption.is_some() { "UPDATING" } else { "ENABLED" };
    (table.next_encryption.is_some() || encryption.is_some()).then(|| SseDescription {
        status: status.to_owned(),
        kind: encryption.map(|_| "KMS".to_owned()),
        key_arn: encryption.map(|encryption| encryption.key_arn.clone()),
        inaccessible: encryption.and_then(|encryption| encryption.inaccessible),
    })
}

fn status(table: &TableRecord) -> &'static str {
    let gone = table.encryption.as_ref().is_some_and(|encryption| encryption.inaccessible.is_some());
    if gone && table.status == Status::Active {
        "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    } else {
        table.status.name()
    }
}

fn definition(attribute: &Attribute) -> AttributeDefinition {
    AttributeDefinition { name: attribute.name.clone(), kind: attribute.kind.clone() }
}

pub(crate) fn elements(hash: &str, range: Option<&String>) -> Vec<KeySchemaElement> {
    let element = |name: &str, kind: &str| KeySchemaElement { name: name.to_owned(), kind: kind.to_owned() };
    let mut out = vec![element(hash, "HASH")];
    out.extend(range.map(|range| element(range, "RANGE")));
    out
}

/// The throughput of a table. Until a change is done AWS shows the units that were there, unless the billing mode changes,
/// which brings or takes them all.
fn provisioned(throughput: &Throughput, now: Timestamp) -> ThroughputDescription {
    let before = throughput.before.as_deref().unwrap_or(throughput);
    let units = if throughput.is_switched() { throughput } else { before };
    ThroughputDescription {
        increased: throughput.increased,
        decreased: throughput.decreased,
        decreases: Some(before.decreases_today(now)),
        read: units.read,
        write: units.write,
    }
}

/// That of a global index, which tells of a change only once it is done.
fn provisioned_index(throughput: &Throughput, now: Timestamp) -> ThroughputDescription {
    let before = throughput.before.as_deref().unwrap_or(throughput);
    let (increased, decreased) = (before.increased, before.decreased);
    ThroughputDescription { increased, decreased, ..provisioned(throughput, now) }
}

pub(crate) fn index_elements(index: &IndexRecord) -> Vec<KeySchemaElement> {
    let element = |kind: &'static str| {
        move |name: &String| KeySchemaElement { name: name.clone(), kind: kind.to_owned() }
    };
    index.hashes().map(element("HASH")).chain(index.ranges().map(element("RANGE"))).collect()
}

pub(crate) fn projection(index: &IndexRecord) -> Projection {
    // AWS: recorded; by their names, however they were sent.
    let mut include = index.include.clone();
    include.sort();
    let attributes = (!include.is_empty()).then_some(include);
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

type Indexes = (Vec<LocalIndexDescription>, Vec<GlobalIndexDescription>);

/// How many rows begin so, and their size. Of a table that is being made nothing is counted.
fn count(cx: &Cx<'_>, prefix: Option<&Vec<u8>>) -> Result<census::Count, Error> {
    match prefix {
        Some(prefix) => Ok(census::count(cx.tx, prefix)?),
        None => Ok(census::Count::default()),
    }
}

fn indexes(cx: &Cx<'_>, table: &TableRecord, schema: Option<&Schema>) -> Result<Indexes, Error> {
    let (mut locals, mut globals) = (Vec::new(), Vec::new());
    for index in &table.indexes {
        let (name, keys) = (index.name.clone(), index_elements(index));
        let counted = count(cx, schema.and_then(|s| s.index(&index.name)).map(|index| &index.prefix))?;
        let (bytes, count) = (counted.bytes, counted.items);
        let arn = format!("{}/index/{name}", table.arn());
        let projection = projection(index);
        if !index.global {
            locals.push(LocalIndexDescription { name, keys, projection, bytes, count, arn });
            continue;
        }
        globals.push(GlobalIndexDescription {
            name,
            keys,
            projection,
            status: table.restore.is_none().then(|| index.status.name().to_owned()),
            // AWS: recorded; of indexes that a table is made with nothing is said.
            backfilling: (index.status == Status::Creating && index.backfilling).then_some(!index.allocating),
            throughput: provisioned_index(&index.throughput, cx.now),
            bytes,
            count,
            arn,
            limits: throughput::described_limits(index.on_demand_limits),
            warm: throughput::described_warm(index.warm, &index.throughput, table.on_demand, index.status),
        });
    }
    Ok((locals, globals))
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
    let (locals, globals) = indexes(cx, table, schema)?;
    let counted = count(cx, schema.map(|schema| &schema.prefix))?;
    // AWS: by their names, however they were sent.
    let mut attributes: Vec<AttributeDefinition> = table.attributes.iter().map(definition).collect();
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    // AWS: what is still being made has no warm throughput, nor what is on its way to be on demand a time since when.
    let on_its_way = table.throughput.before.as_ref().is_some_and(|before| before.read > 0);
    let made = table.status != Status::Creating && !on_its_way;
    // AWS: of a table that is being restored the billing mode is always told, and less of the rest.
    let is_restored = table.restore.is_some();
    let mut throughput = provisioned(&table.throughput, cx.now);
    throughput.decreases = throughput.decreases.filter(|_| !is_restored || !table.on_demand);
    let mode = if table.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" };
    let class = table.class.clone().map(|class| TableClassSummary { class, updated: table.class_updated });
    let told = TableDescription {
        attributes: Some(attributes),
        name: table.name.clone(),
        keys: Some(elements(&table.hash, table.range.as_ref())),
        status: status(table).to_owned(),
        created: Some(table.created),
        throughput,
        bytes: counted.bytes,
        count: counted.items,
        arn: table.arn(),
        id: table.id.clone(),
        billing: (table.on_demand || table.on_demand_since.is_some() || is_restored).then(|| {
            BillingModeSummary { mode: mode.to_owned(), since: table.on_demand_since.filter(|_| made) }
        }),
        locals: (!locals.is_empty()).then_some(locals),
        globals: (!globals.is_empty()).then_some(globals),
        class,
        protected: (!is_restored).then_some(table.deletion_protection),
        restore: table.restore.as_deref().map(summary),
        replicas: replicas::describe(table),
        version: (!table.replicas.is_empty()).then(|| "2019.11.21".to_owned()),
        stream: specification(table),
        stream_arn: latest_stream(table),
        sse: sse(table),
        limits: throughput::described_limits(table.on_demand_limits),
        warm: match table.status {
            Status::Creating => throughput::asked_warm(table.warm, &table.throughput, table.on_demand),
            status => throughput::described_warm(table.warm, &table.throughput, table.on_demand, status),
        },
        stream_label: table.latest_stream.clone(),
    };
    Ok(if table.status == Status::Deleting { told.of_deleted() } else { told })
}

impl TableDescription {
    /// What AWS still tells of a table that it is deleting: neither its keys nor its indexes nor its age, and not what it
    /// was ready for.
    fn of_deleted(self) -> TableDescription {
        TableDescription {
            attributes: None,
            keys: None,
            created: None,
            locals: None,
            globals: None,
            warm: None,
            ..self
        }
    }
}
