//! What Query and Scan have in common: their index, their selection, where they continue, and their answer.

use super::capacity::{Kind, Meter};
use super::errors::{Error, parameter, validation};
use super::expression::{Condition, Projection};
use super::item::Item;
use super::model::schema::{IndexSchema, KeyPart, KeySchema, Schema};
use super::model::table::Status;
use super::read::Page;
use wire::Value;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ListingOutput {
        pub(crate) items: Option<Value> = "Items",
        pub(crate) count: i64 = "Count",
        pub(crate) scanned: i64 = "ScannedCount",
        pub(crate) last: Option<Value> = "LastEvaluatedKey",
        pub(crate) consumed: Option<Value> = "ConsumedCapacity",
    }
}

/// The index that a request names.
///
/// # Errors
/// `ValidationException` for one that is not there, is not ready, or is read consistently though it is global.
pub(crate) fn index<'s>(
    schema: &'s Schema,
    name: Option<&str>,
    consistent: Option<bool>,
) -> Result<Option<&'s IndexSchema>, Error> {
    let Some(name) = name else { return Ok(None) };
    let missing = || validation(format!("The table does not have the specified index: {name}"));
    let index = schema.index(name).filter(|index| index.is_kept()).ok_or_else(missing)?;
    if index.record.global && consistent == Some(true) {
        return Err(validation("Consistent reads are not supported on global secondary indexes"));
    }
    if index.record.status == Status::Creating {
        return Err(validation(format!("Cannot read from backfilling global secondary index: {name}")));
    }
    Ok(Some(index))
}

/// What of the items is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    pub(crate) count: bool,
    /// The entry of a local index does not hold all of it.
    pub(crate) fetch: bool,
}

/// Checks `Select` by itself, before the table is known. AWS's sentences are about queries where they are about scans, and
/// all that the newer layer, which counts what is wrong with a request by itself, says of either.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn check_select(
    select: Option<&str>,
    index: Option<&str>,
    legacy_projection: bool,
    projects: bool,
) -> Result<(), Error> {
    let checked = match select {
        Some("ALL_PROJECTED_ATTRIBUTES") if index.is_none() => {
            Err(validation("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"))
        }
        Some("SPECIFIC_ATTRIBUTES") if !projects => Err(validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        )),
        Some(other) if projects && other != "SPECIFIC_ATTRIBUTES" => {
            let what = if legacy_projection { "AttributesToGet" } else { "ProjectionExpression" };
            let all = if other == "COUNT" { "only the Count" } else { other };
            Err(validation(format!("Cannot specify the {what} when choosing to get {all}")))
        }
        _ => Ok(()),
    };
    checked.map_err(Error::counted)
}

/// Holds the selection against the index.
///
/// # Errors
/// `ValidationException` for what a global index does not have.
pub(crate) fn selection(
    index: Option<&IndexSchema>,
    select: Option<&str>,
    projection: Option<&Projection>,
    filter: Option<&Condition>,
) -> Result<Selection, Error> {
    let count = select == Some("COUNT");
    let Some(index) = index else { return Ok(Selection { count, fetch: false }) };
    let name = &index.record.name;
    let all = select == Some("ALL_ATTRIBUTES") && index.projected.is_some();
    if all && index.record.global {
        return Err(parameter(format_args!(
            "Select type ALL_ATTRIBUTES is not supported for global secondary index {name} because its projection type is not ALL"
        )));
    }
    let mut missing: Vec<String> = Vec::new();
    let mut look = |attribute: &str| {
        if !index.holds(attribute) && !missing.iter().any(|known| known == attribute) {
            missing.push(attribute.to_owned());
        }
    };
    if let Some(projection) = projection {
        projection.attributes().for_each(&mut look);
    }
    if let Some(filter) = filter {
        filter.paths(&mut |path| look(path.attribute()));
    }
    if index.record.global && !missing.is_empty() {
        return Err(parameter(format_args!(
            "Global secondary index {name} does not project [{}]",
            missing.join(", ")
        )));
    }
    Ok(Selection { count, fetch: all || !missing.is_empty() })
}

/// Refuses a filter on the attributes by which a query finds its items.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn check_filter(filter: &Condition, keys: &KeySchema, legacy: bool) -> Result<(), Error> {
    let mut bad: Option<String> = None;
    filter.paths(&mut |path| {
        if bad.is_none() && keys.has(path.attribute()) {
            bad = Some(path.attribute().to_owned());
        }
    });
    match bad {
        None => Ok(()),
        Some(name) if legacy => Err(validation(format!(
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: {name}"
        ))),
        Some(name) => Err(validation(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
        ))),
    }
}

/// Checks of `ExclusiveStartKey` how many attributes it has, and these parts of the key by which is read. AWS looks at
/// them in turn with the rest of the request, and at last at the key of the item ([`start_key`]).
///
/// # Errors
/// `ValidationException`.
pub(crate) fn check_start<'k>(
    schema: &Schema,
    index: Option<&IndexSchema>,
    start: &Item,
    parts: impl Iterator<Item = &'k KeyPart>,
) -> Result<(), Error> {
    let invalid = || validation("The provided starting key is invalid");
    let own = index.map_or(0, |index| index.keys.parts().count());
    let is_else = |part: &&KeyPart| !index.is_some_and(|index| index.keys.has(&part.name));
    if start.len() != own + schema.keys.parts().filter(is_else).count() {
        return Err(invalid());
    }
    for part in parts {
        let value = start.get(&part.name).ok_or_else(invalid)?;
        if value.kind() != part.kind {
            return Err(validation("The provided key element does not match the schema"));
        }
    }
    Ok(())
}

/// The row at which `ExclusiveStartKey` stands.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn start_key(
    schema: &Schema,
    index: Option<&IndexSchema>,
    start: &Item,
) -> Result<Vec<u8>, Error> {
    let checked = match index {
        None => schema.check_key(start),
        Some(_) => schema.check_key(&schema.key_of(start)),
    };
    checked.map_err(|error| match error.validation() {
        Some(message) => validation(format!("The provided starting key is invalid: {message}")),
        None => error,
    })?;
    match index {
        None => Ok(schema.item_key(start)),
        Some(index) => index
            .entry_key(&schema.keys, start)
            .ok_or_else(|| validation("The provided starting key is invalid")),
    }
}

/// Refuses what looks into attributes that are parts of keys: these are scalars.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn check_scalars(
    schema: &Schema,
    projection: Option<&Projection>,
    filter: Option<&Condition>,
) -> Result<(), Error> {
    if let Some(filter) = filter {
        let mut nested: Vec<String> = Vec::new();
        filter.paths(&mut |path| {
            if path.is_nested() {
                nested.push(path.attribute().to_owned());
            }
        });
        schema.check_scalars(|name| nested.iter().any(|one| one == name))?;
    }
    match projection {
        Some(projection) => schema.check_scalars(|name| projection.is_nested(name)),
        None => Ok(()),
    }
}

/// The answer for a page.
pub(crate) fn output(
    page: Page,
    table: &str,
    index: Option<&IndexSchema>,
    count: bool,
    capacity: Option<&str>,
) -> ListingOutput {
    let mut meter = Meter::new(capacity, Kind::Plain);
    match index {
        None => meter.table(table, page.units),
        Some(index) => {
            meter.table(table, page.fetched);
            meter.index(table, index, page.units);
        }
    }
    let items = || Value::List(page.items.into_iter().map(Item::into_wire).collect());
    ListingOutput {
        items: if count { None } else { Some(items()) },
        count: page.count as i64,
        scanned: page.scanned as i64,
        last: page.last.map(Item::into_wire),
        consumed: meter.one(),
    }
}
