//! DescribeBackup and DeleteBackup.

use super::make::{AVAILABLE, Details, details};
use super::{access, existing};
use crate::dynamodb::definition::ProvisionedThroughput;
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::backup::{BACKUPS, BackupRecord};
use crate::dynamodb::model::table::Throughput;
use crate::dynamodb::ops::describe::{
    KeySchemaElement, Projection, SseDescription, elements, index_elements, projection, sse,
};
use crate::dynamodb::ops::table::StreamSpecification;
use crate::dynamodb::throughput::{self, OnDemandThroughput};
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(in crate::dynamodb) static OPS:
    DescribeBackup: describe_backup, "dynamodb:DescribeBackup", access::on_backup;
    DeleteBackup: delete_backup, "dynamodb:DeleteBackup", access::on_backup;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct OneBackup { arn: String = "BackupArn" }

    #[derive(Clone, Debug)]
    pub(super) struct SourceTable {
        name: String = "TableName",
        id: String = "TableId",
        arn: String = "TableArn",
        bytes: i64 = "TableSizeBytes",
        keys: Vec<KeySchemaElement> = "KeySchema",
        created: Timestamp = "TableCreationDateTime",
        throughput: ProvisionedThroughput = "ProvisionedThroughput",
        items: i64 = "ItemCount",
        billing: String = "BillingMode",
        limits: Option<OnDemandThroughput> = "OnDemandThroughput",
    }

    #[derive(Clone, Debug)]
    pub(super) struct LocalIndexInfo {
        name: String = "IndexName",
        keys: Vec<KeySchemaElement> = "KeySchema",
        projection: Projection = "Projection",
    }

    #[derive(Clone, Debug)]
    pub(super) struct GlobalIndexInfo {
        name: String = "IndexName",
        keys: Vec<KeySchemaElement> = "KeySchema",
        projection: Projection = "Projection",
        throughput: ProvisionedThroughput = "ProvisionedThroughput",
    }

    #[derive(Clone, Debug)]
    pub(super) struct TimeToLive {
        status: String = "TimeToLiveStatus",
        attribute: Option<String> = "AttributeName",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Features {
        locals: Option<Vec<LocalIndexInfo>> = "LocalSecondaryIndexes",
        globals: Option<Vec<GlobalIndexInfo>> = "GlobalSecondaryIndexes",
        stream: Option<StreamSpecification> = "StreamDescription",
        ttl: Option<TimeToLive> = "TimeToLiveDescription",
        sse: Option<SseDescription> = "SSEDescription",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Description {
        details: Details = "BackupDetails",
        table: SourceTable = "SourceTableDetails",
        features: Features = "SourceTableFeatureDetails",
    }

    #[derive(Clone, Debug)]
    pub(super) struct DescriptionOutput { description: Description = "BackupDescription" }
}

fn units(throughput: &Throughput) -> ProvisionedThroughput {
    ProvisionedThroughput { read: throughput.read, write: throughput.write }
}

fn describe(backup: &BackupRecord, status: &str) -> DescriptionOutput {
    let table = &backup.table;
    let locals: Vec<LocalIndexInfo> = table
        .locals()
        .map(|i| LocalIndexInfo { name: i.name.clone(), keys: index_elements(i), projection: projection(i) })
        .collect();
    let globals: Vec<GlobalIndexInfo> = table
        .globals()
        .map(|i| GlobalIndexInfo {
            name: i.name.clone(),
            keys: index_elements(i),
            projection: projection(i),
            throughput: units(&i.throughput),
        })
        .collect();
    let stream = table.stream.as_ref();
    let ttl = table.ttl.attribute.clone();
    let features = Features {
        locals: (!locals.is_empty()).then_some(locals),
        globals: (!globals.is_empty()).then_some(globals),
        stream: stream.map(|s| StreamSpecification { enabled: true, view: Some(s.view.clone()) }),
        ttl: ttl.map(|name| TimeToLive { status: "ENABLED".to_owned(), attribute: Some(name) }),
        sse: sse(table),
    };
    let source = SourceTable {
        name: table.name.clone(),
        id: table.id.clone(),
        arn: table.arn(),
        bytes: backup.bytes,
        keys: elements(&table.hash, table.range.as_ref()),
        created: table.created,
        throughput: units(&table.throughput),
        items: backup.items,
        billing: if table.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" }.to_owned(),
        limits: throughput::described_limits(table.on_demand_limits),
    };
    let description = Description { details: details(backup, status), table: source, features };
    DescriptionOutput { description }
}

fn describe_backup(cx: &mut Cx<'_>, req: OneBackup) -> Result<DescriptionOutput, Error> {
    Ok(describe(&existing(cx, &req.arn)?, AVAILABLE))
}

fn delete_backup(cx: &mut Cx<'_>, req: OneBackup) -> Result<DescriptionOutput, Error> {
    let mut backup = existing(cx, &req.arn)?;
    if let Some(expires) = backup.expires {
        return Err(validation(format!(
            "Invalid Request: User is not allowed to delete the system backup with arn {}. It will automatically expire on {}",
            req.arn,
            expires.iso8601()
        )));
    }
    if super::restore::feeds_from(cx, &backup)?.is_some() {
        return Err(
            Refusal::BackupInUse(format!("Backup is being used to restore table: {}", req.arn)).into()
        );
    }
    backup.deleting = true;
    BACKUPS.put(cx.tx, &backup.own_key(), &backup);
    Ok(describe(&backup, "DELETED"))
}
