//! DescribeExport and DescribeImport.

use super::export::Incremental;
use super::import::{Creation, CsvOptions, FormatOptions, Source};
use super::{access, existing_export, existing_import};
use crate::dynamodb::definition::{GlobalIndex, ProvisionedThroughput};
use crate::dynamodb::errors::Error;
use crate::dynamodb::model::table::{OnDemandLimits, TableRecord, Throughput};
use crate::dynamodb::model::transfer::{ExportRecord, ImportRecord, status};
use crate::dynamodb::ops::describe::{AttributeDefinition, elements, index_elements, projection};
use crate::dynamodb::ops::table::SseSpecification;
use crate::dynamodb::throughput::OnDemandThroughput;
use base::Timestamp;
use kernel::Cx;

kernel::ops! { pub(in crate::dynamodb) static OPS:
    DescribeExport: one_export, "dynamodb:DescribeExport", access::on_export;
    DescribeImport: one_import, "dynamodb:DescribeImport", access::on_import;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct OneExport { arn: String = "ExportArn" }

    #[derive(Clone, Debug)]
    pub(super) struct ExportOutput { export: ExportDescription = "ExportDescription" }

    #[derive(Clone, Debug)]
    pub(super) struct ExportDescription {
        arn: String = "ExportArn",
        status: String = "ExportStatus",
        started: Timestamp = "StartTime",
        ended: Option<Timestamp> = "EndTime",
        manifest: Option<String> = "ExportManifest",
        table: String = "TableArn",
        table_id: String = "TableId",
        at: Option<Timestamp> = "ExportTime",
        token: String = "ClientToken",
        bucket: String = "S3Bucket",
        owner: Option<String> = "S3BucketOwner",
        prefix: Option<String> = "S3Prefix",
        sse: String = "S3SseAlgorithm",
        key: Option<String> = "S3SseKmsKeyId",
        code: Option<String> = "FailureCode",
        message: Option<String> = "FailureMessage",
        format: String = "ExportFormat",
        bytes: Option<i64> = "BilledSizeBytes",
        items: Option<i64> = "ItemCount",
        kind: Option<String> = "ExportType",
        window: Option<Incremental> = "IncrementalExportSpecification",
    }

    #[derive(Clone, Debug)]
    pub(super) struct OneImport { arn: String = "ImportArn" }

    #[derive(Clone, Debug)]
    pub(super) struct ImportOutput { import: ImportDescription = "ImportTableDescription" }

    #[derive(Clone, Debug)]
    pub(super) struct ImportDescription {
        arn: String = "ImportArn",
        status: String = "ImportStatus",
        table: String = "TableArn",
        table_id: String = "TableId",
        token: String = "ClientToken",
        source: Source = "S3BucketSource",
        errors: i64 = "ErrorCount",
        log: Option<String> = "CloudWatchLogGroupArn",
        format: String = "InputFormat",
        options: Option<FormatOptions> = "InputFormatOptions",
        compression: String = "InputCompressionType",
        creation: Creation = "TableCreationParameters",
        started: Timestamp = "StartTime",
        ended: Option<Timestamp> = "EndTime",
        bytes: i64 = "ProcessedSizeBytes",
        processed: i64 = "ProcessedItemCount",
        imported: i64 = "ImportedItemCount",
        code: Option<String> = "FailureCode",
        message: Option<String> = "FailureMessage",
    }
}

pub(super) fn export_kind(export: &ExportRecord) -> &'static str {
    if export.window.is_some() { "INCREMENTAL_EXPORT" } else { "FULL_EXPORT" }
}

pub(super) fn describe_export(export: &ExportRecord) -> ExportOutput {
    let ended = export.ended.as_ref();
    let done = ended.is_some_and(|ended| ended.code.is_none());
    let window = export.window.as_ref();
    let incremental = |window: &crate::dynamodb::model::transfer::Window| Incremental {
        from: Some(window.from),
        to: Some(window.to),
        view: Some(window.view.clone()),
    };
    let description = ExportDescription {
        arn: export.arn(),
        status: status(ended).to_owned(),
        started: export.started,
        ended: ended.map(|ended| ended.time),
        manifest: done.then(|| export.object("manifest-summary.json")),
        table: export.table.arn(),
        table_id: export.table.id.clone(),
        at: window.is_none().then_some(export.at),
        token: export.token.clone(),
        bucket: export.to.bucket.clone(),
        owner: export.to.owner.clone(),
        prefix: export.to.prefix.clone(),
        sse: export.sse.clone().unwrap_or_else(|| "AES256".to_owned()),
        key: export.key.clone(),
        code: ended.and_then(|ended| ended.code.clone()),
        message: ended.and_then(|ended| ended.message.clone()),
        format: "DYNAMODB_JSON".to_owned(),
        bytes: done.then_some(export.bytes),
        items: done.then_some(export.items),
        // AWS: recorded; a type that was not asked for is not told.
        kind: (export.typed || window.is_some()).then(|| export_kind(export).to_owned()),
        window: window.map(incremental),
    };
    ExportOutput { export: description }
}

fn one_export(cx: &mut Cx<'_>, req: OneExport) -> Result<ExportOutput, Error> {
    Ok(describe_export(&existing_export(cx, &req.arn)?))
}

/// The table as it was asked for.
fn creation(table: &TableRecord) -> Creation {
    let units = |units: &Throughput| {
        (!table.on_demand).then_some(ProvisionedThroughput { read: units.read, write: units.write })
    };
    let limits = table.on_demand_limits;
    let global = |index: &crate::dynamodb::model::table::IndexRecord| GlobalIndex {
        name: index.name.clone(),
        keys: index_elements(index),
        projection: projection(index),
        throughput: units(&index.throughput),
        limits: None,
        warm: None,
    };
    let globals: Vec<GlobalIndex> = table.globals().map(global).collect();
    let attribute = |attribute: &crate::dynamodb::model::table::Attribute| AttributeDefinition {
        name: attribute.name.clone(),
        kind: attribute.kind.clone(),
    };
    Creation {
        table: table.name.clone(),
        attributes: table.attributes.iter().map(attribute).collect(),
        keys: elements(&table.hash, table.range.as_ref()),
        billing: Some(if table.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" }.to_owned()),
        throughput: units(&table.throughput),
        limits: (limits != OnDemandLimits::default())
            .then_some(OnDemandThroughput { read: limits.read, write: limits.write }),
        sse: table.encryption.as_ref().map(|encryption| SseSpecification {
            enabled: Some(true),
            kind: Some("KMS".to_owned()),
            key: Some(encryption.key_arn.clone()),
        }),
        globals: (!globals.is_empty()).then_some(globals),
    }
}

pub(super) fn describe_import(import: &ImportRecord) -> ImportOutput {
    let ended = import.ended.as_ref();
    let headers = (!import.headers.is_empty()).then(|| import.headers.clone());
    let csv = CsvOptions { delimiter: import.delimiter.clone(), headers };
    let options =
        (csv.delimiter.is_some() || csv.headers.is_some()).then_some(FormatOptions { csv: Some(csv) });
    let description = ImportDescription {
        arn: import.arn(),
        status: status(ended).to_owned(),
        table: import.table.arn(),
        table_id: import.table.id.clone(),
        token: import.token.clone(),
        source: Source::of(&import.from),
        errors: import.errors,
        log: import.log_arn(),
        format: import.format.clone(),
        options,
        compression: import.compression.clone(),
        creation: creation(&import.table),
        started: import.started,
        ended: ended.map(|ended| ended.time),
        bytes: import.bytes,
        processed: import.processed,
        imported: import.imported,
        code: ended.and_then(|ended| ended.code.clone()),
        message: ended.and_then(|ended| ended.message.clone()),
    };
    ImportOutput { import: description }
}

fn one_import(cx: &mut Cx<'_>, req: OneImport) -> Result<ImportOutput, Error> {
    Ok(describe_import(&existing_import(cx, &req.arn)?))
}
