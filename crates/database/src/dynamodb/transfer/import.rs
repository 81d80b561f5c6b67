//! ImportTable: makes the table; [`super::work`] fills it and makes it active.

use super::describe::{ImportOutput, describe_import};
use super::{access, new_id, requester};
use crate::dynamodb::definition::{GlobalIndex, ProvisionedThroughput};
use crate::dynamodb::errors::{Error, Refusal, validation};
use crate::dynamodb::model::table::TABLES;
use crate::dynamodb::model::transfer::{IMPORTS, ImportRecord, Location, TOKEN_LIFE};
use crate::dynamodb::ops::describe::{AttributeDefinition, KeySchemaElement};
use crate::dynamodb::ops::table::{CreateTable, SseSpecification, new_table};
use crate::dynamodb::ops::transact_write::fingerprint_of;
use crate::dynamodb::throughput::OnDemandThroughput;
use kernel::Cx;
use store::{Direction, Key};
use wire::ToValue;

kernel::ops! { pub(in crate::dynamodb) static OPS:
    ImportTable: import_table, "dynamodb:ImportTable", access::imported;
}

/// AWS: the guide on imports: how many of an account at a time.
const IMPORTS_MAX: usize = 50;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct ImportTable {
        token: Option<String> = "ClientToken",
        source: Source = "S3BucketSource",
        format: String = "InputFormat",
        options: Option<FormatOptions> = "InputFormatOptions",
        compression: Option<String> = "InputCompressionType",
        creation: Creation = "TableCreationParameters",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Source {
        owner: Option<String> = "S3BucketOwner",
        bucket: String = "S3Bucket",
        prefix: Option<String> = "S3KeyPrefix",
    }

    #[derive(Clone, Debug)]
    pub(super) struct FormatOptions { pub(super) csv: Option<CsvOptions> = "Csv" }

    #[derive(Clone, Debug)]
    pub(super) struct CsvOptions {
        pub(super) delimiter: Option<String> = "Delimiter",
        pub(super) headers: Option<Vec<String>> = "HeaderList",
    }

    #[derive(Clone, Debug)]
    pub(super) struct Creation {
        pub(super) table: String = "TableName",
        pub(super) attributes: Vec<AttributeDefinition> = "AttributeDefinitions",
        pub(super) keys: Vec<KeySchemaElement> = "KeySchema",
        pub(super) billing: Option<String> = "BillingMode",
        pub(super) throughput: Option<ProvisionedThroughput> = "ProvisionedThroughput",
        pub(super) limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        pub(super) sse: Option<SseSpecification> = "SSESpecification",
        pub(super) globals: Option<Vec<GlobalIndex>> = "GlobalSecondaryIndexes",
    }
}

impl Source {
    pub(super) fn of(from: &Location) -> Source {
        Source { owner: from.owner.clone(), bucket: from.bucket.clone(), prefix: from.prefix.clone() }
    }
}

impl Creation {
    fn request(self) -> CreateTable {
        CreateTable {
            attributes: Some(self.attributes),
            table: self.table,
            keys: Some(self.keys),
            locals: None,
            globals: self.globals,
            billing: self.billing,
            throughput: self.throughput,
            stream: None,
            sse: self.sse,
            tags: Vec::new(),
            class: None,
            protected: None,
            policy: None,
            limits: self.limits,
            warm: None,
        }
    }
}

fn import_table(cx: &mut Cx<'_>, req: ImportTable) -> Result<ImportOutput, Error> {
    let asked = fingerprint_of(ImportTable { token: None, ..req.clone() }.to_value());
    if let Some(known) = repeated(cx, req.token.as_deref(), &asked)? {
        return Ok(describe_import(&known));
    }
    let csv = req.options.and_then(|options| options.csv);
    check_built(&req.format, req.compression.as_deref(), csv.is_some())?;
    let mut table = new_table(cx, &req.creation.request())?;
    let id = new_id(cx);
    table.import = Some(id.clone());
    let (delimiter, headers) = csv.map_or((None, None), |csv| (csv.delimiter, csv.headers));
    let import = ImportRecord {
        id,
        table: Box::new(table.clone()),
        requester: requester(cx)?,
        token: req.token.unwrap_or_else(|| base::id::uuid(cx.rng())),
        request: asked,
        from: Location { bucket: req.source.bucket, owner: req.source.owner, prefix: req.source.prefix },
        format: req.format,
        compression: req.compression.unwrap_or_else(|| "NONE".to_owned()),
        delimiter,
        headers: headers.unwrap_or_default(),
        started: cx.now,
        ended: None,
        processed: 0,
        bytes: 0,
        imported: 0,
        errors: 0,
        logged: false,
    };
    TABLES.put(cx.tx, &table.own_key(), &table);
    IMPORTS.put(cx.tx, &import.own_key(), &import);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    Ok(describe_import(&import))
}

/// The import that was asked for under the same token; also that there may be another one.
///
/// # Errors
/// `ImportConflictException`, `LimitExceededException`.
fn repeated(cx: &Cx<'_>, token: Option<&str>, asked: &[u8]) -> Result<Option<ImportRecord>, Error> {
    let mut running = 0;
    for pair in IMPORTS.scan(&*cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let (_, import) = pair?;
        running += usize::from(import.ended.is_none());
        let fresh = import.ended.as_ref().is_none_or(|ended| cx.now.since(ended.time) < TOKEN_LIFE);
        if fresh && token == Some(import.token.as_str()) {
            let same = import.request == asked;
            return if same { Ok(Some(import)) } else { Err(Refusal::ImportConflict.into()) };
        }
    }
    if running >= IMPORTS_MAX {
        let what = format!(
            "Subscriber limit exceeded: Only {IMPORTS_MAX} imports can be in progress simultaneously"
        );
        return Err(Refusal::Limit(what).into());
    }
    Ok(None)
}

fn check_built(format: &str, compression: Option<&str>, csv: bool) -> Result<(), Error> {
    if format == "ION" {
        return Err(Refusal::NotBuilt("An import of Amazon Ion".into()).into());
    }
    if compression == Some("ZSTD") {
        return Err(Refusal::NotBuilt("An import of what is compressed by Zstandard".into()).into());
    }
    if csv && format != "CSV" {
        return Err(validation(format!(
            "Invalid Request: Unsupported InputFormatOptions for the given input format: {format}."
        )));
    }
    Ok(())
}
