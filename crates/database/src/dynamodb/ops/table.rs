//! CreateTable, DeleteTable, ListTables.

use super::describe::{AttributeDefinition, KeySchemaElement, TableDescription, describe};
use super::tag::{Tag, checked_tags};
use crate::dynamodb::access;
use crate::dynamodb::backups::make;
use crate::dynamodb::definition::{self, GlobalIndex, LocalIndex, ProvisionedThroughput};
use crate::dynamodb::encryption;
use crate::dynamodb::errors::{Error, Refusal, constraint, parameter, validation};
use crate::dynamodb::global::replicas;
use crate::dynamodb::model::name::{Place, check_name};
use crate::dynamodb::model::schema;
use crate::dynamodb::model::stream;
use crate::dynamodb::model::table::{IndexRecord, Status, TABLES, TableRecord};
use crate::dynamodb::ops::policy::{checked_policy, revision};
use crate::dynamodb::throughput::{self, OnDemandThroughput, WarmThroughput};
use kernel::Cx;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    CreateTable: create_table, "dynamodb:CreateTable", access::new_table;
    DeleteTable: delete_table, "dynamodb:DeleteTable", access::on_table;
    ListTables: list_tables, "dynamodb:ListTables", access::any;
}

/// AWS: the service's quotas: tables of an account in a region.
const TABLES_MAX: usize = 2_500;
const PAGE_MAX: usize = 100;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateTable {
        pub(crate) attributes: Option<Vec<AttributeDefinition>> = "AttributeDefinitions",
        pub(crate) table: String = "TableName",
        pub(crate) keys: Option<Vec<KeySchemaElement>> = "KeySchema",
        pub(crate) locals: Option<Vec<LocalIndex>> = "LocalSecondaryIndexes",
        pub(crate) globals: Option<Vec<GlobalIndex>> = "GlobalSecondaryIndexes",
        pub(crate) billing: Option<String> = "BillingMode",
        pub(crate) throughput: Option<ProvisionedThroughput> = "ProvisionedThroughput",
        pub(crate) stream: Option<StreamSpecification> = "StreamSpecification",
        pub(crate) sse: Option<SseSpecification> = "SSESpecification",
        pub(crate) tags: Vec<Tag> = "Tags",
        pub(crate) class: Option<String> = "TableClass",
        pub(crate) protected: Option<bool> = "DeletionProtectionEnabled",
        pub(crate) policy: Option<String> = "ResourcePolicy",
        pub(crate) limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        pub(crate) warm: Option<WarmThroughput> = "WarmThroughput",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct StreamSpecification {
        pub(crate) enabled: bool = "StreamEnabled",
        pub(crate) view: Option<String> = "StreamViewType",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct SseSpecification {
        pub(crate) enabled: Option<bool> = "Enabled",
        pub(crate) kind: Option<String> = "SSEType",
        pub(crate) key: Option<String> = "KMSMasterKeyId",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct TableOutput { pub(crate) table: TableDescription = "TableDescription" }

    #[derive(Clone, Debug)]
    pub(crate) struct DeleteTable { table: String = "TableName" }

    #[derive(Clone, Debug)]
    pub(crate) struct ListTables {
        start: Option<String> = "ExclusiveStartTableName",
        limit: Option<i64> = "Limit",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListTablesOutput {
        names: Vec<String> = "TableNames",
        last: Option<String> = "LastEvaluatedTableName",
    }
}

impl SseSpecification {
    /// Whether a KMS key is wanted, and which: the account's own for DynamoDB where none is named.
    ///
    /// # Errors
    /// `ValidationException`.
    pub(crate) fn wants(&self) -> Result<Option<Option<&str>>, Error> {
        if self.key.as_deref() == Some("") {
            let rule = "Member must have length greater than or equal to 1";
            return Err(constraint("", "sSESpecification.kMSMasterKeyId", rule));
        }
        let enabled = self.enabled.unwrap_or(self.kind.is_some());
        match (enabled, self.kind.as_deref(), &self.key) {
            (false, Some(_), _) => Err(parameter("SSEType can not be specified if Enabled is false")),
            (_, Some("AES256"), _) => Err(parameter("SSEType AES256 is not supported")),
            (_, None, Some(_)) if self.enabled != Some(false) => {
                Err(parameter("SSEType KMS is required if KMSMasterKeyId is specified"))
            }
            (false, None, Some(_)) => {
                Err(parameter("KMSMasterKeyId can not be specified if Enabled is false"))
            }
            (true, _, key) => Ok(Some(key.as_deref())),
            (false, None, None) => Ok(None),
        }
    }
}

fn create_table(cx: &mut Cx<'_>, req: CreateTable) -> Result<TableOutput, Error> {
    let mut table = new_table(cx, &req)?;
    if let Some(view) = stream_view(req.stream.as_ref())? {
        let number = cx.rng().u64();
        stream::open(cx.tx, number, cx.now, &mut table, view)?;
    }
    TABLES.put(cx.tx, &table.own_key(), &table);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    Ok(TableOutput { table: describe(cx, &table, None)? })
}

/// The record of a table that may be made, which the caller writes.
///
/// # Errors
/// Those of CreateTable.
pub(crate) fn new_table(cx: &mut Cx<'_>, req: &CreateTable) -> Result<TableRecord, Error> {
    let place = Place::read(cx, &req.table)?;
    if place.account != cx.account {
        return Err(validation("Tables are made in the account of the caller"));
    }
    let mut table = define(cx, req, place)?;
    throughput::check_most(&table, None)?;
    let encrypt = req.sse.as_ref().map(SseSpecification::wants).transpose()?.flatten();
    stream_view(req.stream.as_ref())?;
    if let Some(known) = TABLES.get(&*cx.tx, &table.own_key())? {
        return Err(match known.status {
            Status::Creating if known.restore.is_some() => {
                in_use(&known, format_args!("Table is being used: {}", known.name))
            }
            Status::Creating => in_use(&known, format_args!("Table is being created: {}", known.name)),
            _ => Refusal::InUse(format!("Table already exists: {}", known.name)).into(),
        });
    }
    if TABLES.count(&*cx.tx, &Key::regional(cx.account, cx.region))? >= TABLES_MAX {
        return Err(Refusal::Limit(format!(
            "Subscriber limit exceeded: There is a limit of {TABLES_MAX} tables per subscriber"
        ))
        .into());
    }
    if let Some(asked) = encrypt {
        table.encryption = Some(encryption::new_key(cx, &table, asked)?);
    }
    Ok(table)
}

/// The view of the stream that a table is to be made with.
fn stream_view(stream: Option<&StreamSpecification>) -> Result<Option<&str>, Error> {
    match stream.map(|stream| (stream.enabled, stream.view.as_deref())) {
        None | Some((false, None)) => Ok(None),
        Some((true, Some(view))) => Ok(Some(view)),
        Some((true, None)) => {
            Err(parameter("Table is being created with a stream enabled, UpdateViewType is required"))
        }
        Some((false, Some(_))) => Err(parameter(
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        )),
    }
}

/// The record of the table that the request describes.
fn define(cx: &Cx<'_>, req: &CreateTable, place: Place) -> Result<TableRecord, Error> {
    let missing = |name: &str| {
        validation(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    };
    let definitions = req.attributes.as_deref().ok_or_else(|| missing("attributeDefinitions"))?;
    let elements = req.keys.as_deref().ok_or_else(|| missing("keySchema"))?;
    let on_demand = req.billing.as_deref() == Some("PAY_PER_REQUEST");
    let units = definition::billing(req.billing.as_deref(), req.throughput)?;
    let attributes = definition::attributes(definitions)?;
    let names = definition::table_key(elements, &attributes)?;
    let mut indexes: Vec<IndexRecord> = Vec::new();
    if let Some(locals) = &req.locals {
        indexes = definition::locals(locals, &names, &attributes)?;
    }
    if let Some(globals) = &req.globals {
        if globals.is_empty() {
            return Err(parameter("List of GlobalSecondaryIndexes is empty"));
        }
        for (at, index) in globals.iter().enumerate() {
            let index = definition::global(index, at, on_demand, &attributes, &indexes)?;
            indexes.push(index);
        }
        if globals.len() > definition::GLOBALS_MAX {
            return Err(parameter(format_args!(
                "GlobalSecondaryIndex count exceeds the per-table limit of {}",
                definition::GLOBALS_MAX
            )));
        }
    }
    definition::check_all_used(&attributes, &names, &indexes)?;
    definition::check_projected(&indexes)?;
    for (number, index) in (1..).zip(&mut indexes) {
        index.number = number;
    }
    let tags = checked_tags(&req.tags)?;
    let policy = req.policy.as_deref().map(checked_policy).transpose()?;
    Ok(TableRecord {
        name: place.name,
        id: base::id::uuid(cx.rng()),
        number: cx.rng().u64(),
        status: Status::Creating,
        created: cx.now,
        attributes,
        hash: names.0,
        range: names.1,
        on_demand,
        on_demand_limits: throughput::first_limits(req.limits, on_demand, "table")?,
        warm: throughput::first_warm(req.warm, &units, on_demand, "table")?,
        throughput: units,
        next_index: indexes.len() as u32 + 1,
        indexes,
        deletion_protection: req.protected.unwrap_or(false),
        class: req.class.clone(),
        tags,
        policy_revision: if policy.is_some() { revision(cx) } else { 0 },
        policy,
        on_demand_since: on_demand.then_some(cx.now),
        account: cx.account,
        region: cx.region,
        ..TableRecord::default()
    })
}

/// The refusal of a change while something else goes on. AWS: recorded; of a table with replicas no more is said.
pub(crate) fn in_use(table: &TableRecord, what: impl std::fmt::Display) -> Error {
    Refusal::InUse(match table.replicas.is_empty() {
        true => format!("Attempt to change a resource which is still in use: {what}"),
        false => "The resource which you are attempting to change is in use.".to_owned(),
    })
    .into()
}

/// Refuses changes of a table that is being changed already.
///
/// # Errors
/// `ResourceInUseException`.
pub(crate) fn check_idle(table: &TableRecord) -> Result<(), Error> {
    let name = &table.name;
    let what = match table.status {
        Status::Active => return Ok(()),
        Status::Creating => "created",
        Status::Updating => "updated",
        Status::Deleting => "deleted",
    };
    Err(in_use(table, format_args!("Table is being {what}: {name}")))
}

/// AWS: recorded; what is being changed cannot go, whether its status says so or not.
fn check_may_go(table: &TableRecord) -> Result<(), Error> {
    let busy = table.next_encryption.is_some() || table.warm.changing;
    let what = match table.status {
        Status::Updating
            if table.stream_closing || table.stream.as_ref().is_some_and(|stream| stream.changing) =>
        {
            "Cannot delete table while stream is being enabled/disabled.".to_owned()
        }
        Status::Updating | Status::Active if busy || table.status == Status::Updating => {
            format!("Table: {} is in the process of being updated.", table.name)
        }
        _ => return check_idle(table),
    };
    Err(in_use(table, what))
}

fn delete_table(cx: &mut Cx<'_>, req: DeleteTable) -> Result<TableOutput, Error> {
    let schema = schema::existing(cx, &req.table)?;
    let settled = matches!(schema.record.status, Status::Updating | Status::Active);
    if settled && schema.record.globals().any(|index| index.status != Status::Active) {
        return Err(in_use(
            &schema.record,
            "Cannot delete table while indexes are being created, updated, or deleted.",
        ));
    }
    check_may_go(&schema.record)?;
    if schema.record.deletion_protection {
        return Err(validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        ));
    }
    replicas::on_delete(cx, &schema.record)?;
    let mut table = schema.record.clone();
    table.status = Status::Deleting;
    make::of_deleted(cx, &mut table)?;
    let stream = table.stream.clone();
    stream::close(cx.tx, cx.now, &mut table)?;
    TABLES.put(cx.tx, &table.own_key(), &table);
    cx.touch(cx.arn("dynamodb", &format!("table/{}", table.name)));
    // AWS: the answer still tells the stream that ends with the table.
    table.stream = stream;
    Ok(TableOutput { table: describe(cx, &table, Some(&schema))? })
}

fn list_tables(cx: &mut Cx<'_>, req: ListTables) -> Result<ListTablesOutput, Error> {
    if let Some(start) = &req.start {
        check_name(start, "exclusiveStartTableName")?;
    }
    let limit = req.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let after = req.start.map(|name| TableRecord::key(cx.account, cx.region, &name));
    let all = Key::regional(cx.account, cx.region);
    let page = TABLES.page(&*cx.tx, &all, after.as_ref(), limit)?;
    let names: Vec<String> = page.items.into_iter().map(|(_, table)| table.name).collect();
    let last = page.next.and_then(|_| names.last().cloned());
    Ok(ListTablesOutput { names, last })
}
