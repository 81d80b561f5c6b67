//! The rules that the definition of a table or an index must keep, with AWS's sentences.

use super::errors::{Error, constraint, parameter, validation};
use super::model::table::{Attribute, IndexRecord, Status, TableRecord, Throughput};
use super::ops::describe::{AttributeDefinition, KeySchemaElement, Projection};
use super::throughput::{self, OnDemandThroughput, WarmThroughput};
use std::collections::BTreeSet;

/// AWS: the service's quotas.
const LOCALS_MAX: usize = 5;
pub(crate) const GLOBALS_MAX: usize = 20;
const PROJECTED_MAX: usize = 100;
/// Attributes that a global index's partition key may consist of, and its sort key.
const KEY_PARTS_MAX: usize = 4;
const UNITS_MAX: i64 = 1_000_000_000_000;

wire::shape! {
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct ProvisionedThroughput {
        pub(crate) read: i64 = "ReadCapacityUnits",
        pub(crate) write: i64 = "WriteCapacityUnits",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct LocalIndex {
        pub(crate) name: String = "IndexName",
        pub(crate) keys: Vec<KeySchemaElement> = "KeySchema",
        pub(crate) projection: Projection = "Projection",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GlobalIndex {
        pub(crate) name: String = "IndexName",
        pub(crate) keys: Vec<KeySchemaElement> = "KeySchema",
        pub(crate) projection: Projection = "Projection",
        pub(crate) throughput: Option<ProvisionedThroughput> = "ProvisionedThroughput",
        pub(crate) limits: Option<OnDemandThroughput> = "OnDemandThroughput",
        pub(crate) warm: Option<WarmThroughput> = "WarmThroughput",
    }
}

/// The names of a key: partition and sort.
pub(crate) type Names = (String, Option<String>);

/// `[a, b]`
fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    format!("[{}]", names.into_iter().collect::<Vec<_>>().join(", "))
}

fn names(elements: &[KeySchemaElement]) -> impl Iterator<Item = &str> {
    elements.iter().map(|element| element.name.as_str())
}

/// # Errors
/// `ValidationException` where billing mode and throughput do not go together.
pub(crate) fn billing(
    mode: Option<&str>,
    throughput: Option<ProvisionedThroughput>,
) -> Result<Throughput, Error> {
    match (mode, throughput) {
        (Some("PAY_PER_REQUEST"), Some(_)) => Err(parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (Some("PAY_PER_REQUEST"), None) => Ok(Throughput::default()),
        (_, None) => Err(parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (_, Some(units)) => units_of(units),
    }
}

/// # Errors
/// `ValidationException` beyond any table's bounds.
pub(crate) fn units_of(units: ProvisionedThroughput) -> Result<Throughput, Error> {
    bounded(units, "")
}

/// The same for an index.
///
/// # Errors
/// `ValidationException` beyond any index's bounds.
pub(crate) fn units_of_index(units: ProvisionedThroughput, index: &str) -> Result<Throughput, Error> {
    bounded(units, &format!(" for index {index}"))
}

fn bounded(units: ProvisionedThroughput, whose: &str) -> Result<Throughput, Error> {
    for (value, name) in [(units.read, "ReadCapacityUnits"), (units.write, "WriteCapacityUnits")] {
        if value > UNITS_MAX {
            return Err(validation(format!("Given value {value} for {name} is out of bounds{whose}")));
        }
    }
    Ok(Throughput::of(units.read, units.write))
}

/// # Errors
/// `ValidationException` for two definitions of one attribute.
pub(crate) fn attributes(definitions: &[AttributeDefinition]) -> Result<Vec<Attribute>, Error> {
    let mut seen = BTreeSet::new();
    for definition in definitions {
        if !seen.insert(&definition.name) {
            return Err(validation(format!("Attribute Name is duplicated: {}", definition.name)));
        }
    }
    let attribute = |d: &AttributeDefinition| Attribute { name: d.name.clone(), kind: d.kind.clone() };
    Ok(definitions.iter().map(attribute).collect())
}

/// The key schema of a table.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn table_key(elements: &[KeySchemaElement], attributes: &[Attribute]) -> Result<Names, Error> {
    check_length(elements, "keySchema")?;
    if elements.len() > attributes.len() {
        return Err(validation("Invalid KeySchema: Some index key attribute have no definition"));
    }
    key(elements, attributes)
}

/// Only global indexes may have several attributes to a key.
fn check_length(elements: &[KeySchemaElement], path: &str) -> Result<(), Error> {
    check_length_below(elements, path, 2)
}

fn check_length_below(elements: &[KeySchemaElement], path: &str, most: usize) -> Result<(), Error> {
    if elements.len() <= most {
        return Ok(());
    }
    let shown = elements
        .iter()
        .map(|e| format!("KeySchemaElement(attributeName={}, keyType={})", e.name, e.kind))
        .collect::<Vec<_>>();
    let shown = format!("[{}]", shown.join(", "));
    Err(constraint(&shown, path, &format!("Member must have length less than or equal to {most}")))
}

/// The attributes of a global index's partition key and sort key.
fn global_key(
    elements: &[KeySchemaElement],
    at: usize,
    attributes: &[Attribute],
) -> Result<(Vec<String>, Vec<String>), Error> {
    let path = format!("globalSecondaryIndexes.{}.member.keySchema", at + 1);
    check_length_below(elements, &path, 2 * KEY_PARTS_MAX)?;
    if elements.len() <= 2 && elements.get(1).is_none_or(|second| second.kind == "RANGE") {
        let (hash, range) = key(elements, attributes)?;
        return Ok((vec![hash], range.into_iter().collect()));
    }
    check_defined(elements, attributes)?;
    if elements.first().is_none_or(|first| first.kind != "HASH") {
        return Err(validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
    }
    let distinct: BTreeSet<&str> = names(elements).collect();
    if distinct.len() != elements.len() {
        return Err(validation("The KeySchema contains multiple key attributes with the same name"));
    }
    let of = |kind: &str| -> Vec<String> {
        elements.iter().filter(|e| e.kind == kind).map(|e| e.name.clone()).collect()
    };
    if elements.windows(2).any(|pair| pair[0].kind == "RANGE" && pair[1].kind == "HASH") {
        return Err(parameter("All HASH key attributes must precede RANGE key attributes in the KeySchema"));
    }
    let (hashes, ranges) = (of("HASH"), of("RANGE"));
    for (kind, parts) in [("HASH", &hashes), ("RANGE", &ranges)] {
        if parts.len() > KEY_PARTS_MAX {
            return Err(parameter(format_args!(
                "The KeySchema exceeds the maximum allowed number of {kind} key attributes"
            )));
        }
    }
    Ok((hashes, ranges))
}

fn check_defined(elements: &[KeySchemaElement], attributes: &[Attribute]) -> Result<(), Error> {
    let defined = |name: &str| attributes.iter().any(|a| a.name == name);
    if names(elements).any(|name| !defined(name)) {
        return Err(parameter(format_args!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: {}, AttributeDefinitions: {}",
            listed(names(elements)),
            listed(attributes.iter().map(|a| a.name.as_str()))
        )));
    }
    Ok(())
}

/// Takes the attributes that a change of a table defines: of the types that are known, and all that the new index needs.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn redefine(
    table: &mut TableRecord,
    definitions: Option<&[AttributeDefinition]>,
    create: Option<&GlobalIndex>,
) -> Result<(), Error> {
    let new = definitions.map(attributes).transpose()?;
    match (&new, create) {
        (None, Some(create)) => {
            return Err(parameter(format_args!(
                "AttributeDefinitions is not specified for index: {}",
                create.name
            )));
        }
        (Some(new), Some(create)) => check_defined(&create.keys, new)?,
        _ => {}
    }
    for new in new.unwrap_or_default() {
        match table.kind(&new.name) {
            Some(kind) if kind != new.kind => return Err(redefined(table, &new, create)),
            Some(_) => {}
            None => table.attributes.push(new),
        }
    }
    Ok(())
}

/// The refusal of an attribute that has another type already, with the keys that know it.
fn redefined(table: &TableRecord, new: &Attribute, create: Option<&GlobalIndex>) -> Error {
    fn shown<'k>(keys: impl Iterator<Item = (&'k str, &'k str, &'k str)>) -> String {
        let element = |(name, kind, role)| format!("SchemaElement: key{{{name}:{kind}:{role}}}");
        format!("Schema:[{}]", keys.map(element).collect::<Vec<_>>().join(", "))
    }
    let kind = |name: &str| table.kind(name).unwrap_or(&new.kind);
    let whole = |hashes: &[&String], ranges: &[&String]| {
        let hashes = hashes.iter().map(|name| (name.as_str(), kind(name), "HASH"));
        shown(hashes.chain(ranges.iter().map(|name| (name.as_str(), kind(name), "RANGE"))))
    };
    let index = table.indexes.iter().find(|index| index.has_key(&new.name));
    let own = table.hash == new.name || table.range.as_ref() == Some(&new.name);
    let existing = match index.filter(|_| !own) {
        Some(index) => whole(&index.hashes().collect::<Vec<_>>(), &index.ranges().collect::<Vec<_>>()),
        None => whole(&[&table.hash], &table.range.iter().collect::<Vec<_>>()),
    };
    let elements = create.map_or(&[][..], |create| &create.keys);
    let wanted = elements.iter().map(|element| {
        let kind = if element.name == new.name { &new.kind } else { kind(&element.name) };
        (element.name.as_str(), kind, element.kind.as_str())
    });
    parameter(format_args!(
        "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: {existing} New schema: {}",
        shown(wanted)
    ))
}

fn key(elements: &[KeySchemaElement], attributes: &[Attribute]) -> Result<Names, Error> {
    check_defined(elements, attributes)?;
    let second = elements.get(1);
    if second.is_some_and(|second| second.name == elements[0].name) {
        return Err(validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if elements.first().is_none_or(|first| first.kind != "HASH") {
        return Err(validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
    }
    if second.is_some_and(|second| second.kind != "RANGE") {
        return Err(validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
    }
    Ok((elements[0].name.clone(), second.map(|second| second.name.clone())))
}

fn projected(projection: &Projection) -> Result<(String, Vec<String>), Error> {
    let Some(kind) = projection.kind.clone() else {
        return Err(parameter("Unknown ProjectionType: null"));
    };
    match (&projection.attributes, kind.as_str()) {
        (Some(_), other) if other != "INCLUDE" => {
            Err(parameter(format_args!("ProjectionType is {other}, but NonKeyAttributes is specified")))
        }
        (None, "INCLUDE") => {
            Err(parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (attributes, _) => {
            let include = attributes.clone().unwrap_or_default();
            let mut seen = BTreeSet::new();
            match include.iter().find(|name| !seen.insert(name.as_str())) {
                Some(twice) => Err(parameter(format_args!("Duplicate element in NonKeyAttributes: {twice}"))),
                None => Ok((kind, include)),
            }
        }
    }
}

/// The local indexes of a table whose key is `table`.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn locals(
    indexes: &[LocalIndex],
    table: &Names,
    attributes: &[Attribute],
) -> Result<Vec<IndexRecord>, Error> {
    if indexes.is_empty() {
        return Err(parameter("List of LocalSecondaryIndexes is empty"));
    }
    if table.1.is_none() {
        return Err(parameter(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    let mut out: Vec<IndexRecord> = Vec::with_capacity(indexes.len());
    for (at, index) in indexes.iter().enumerate() {
        let name = &index.name;
        check_length(&index.keys, &format!("localSecondaryIndexes.{}.member.keySchema", at + 1))?;
        let (hash, range) = key(&index.keys, attributes)?;
        if range.is_none() {
            return Err(parameter(format_args!(
                "Index KeySchema does not have a range key for index: {name}"
            )));
        }
        if hash != table.0 {
            return Err(parameter(format_args!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index hash key: {hash}, table hash key: {}",
                table.0
            )));
        }
        let (projection, include) = projected(&index.projection)?;
        check_name_is_new(name, &out)?;
        let status = Status::Active;
        out.push(IndexRecord {
            name: name.clone(),
            hash,
            range,
            projection,
            include,
            status,
            ..IndexRecord::default()
        });
    }
    if out.len() > LOCALS_MAX {
        return Err(parameter(format_args!(
            "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCALS_MAX}"
        )));
    }
    Ok(out)
}

fn check_name_is_new(name: &str, known: &[IndexRecord]) -> Result<(), Error> {
    if known.iter().any(|index| index.name == *name) {
        return Err(parameter(format_args!("Duplicate index name: {name}")));
    }
    Ok(())
}

/// One global index; `known` are those that the table has already.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn global(
    index: &GlobalIndex,
    at: usize,
    on_demand: bool,
    attributes: &[Attribute],
    known: &[IndexRecord],
) -> Result<IndexRecord, Error> {
    let name = &index.name;
    let (hashes, ranges) = global_key(&index.keys, at, attributes)?;
    let (mut hashes, mut ranges) = (hashes.into_iter(), ranges.into_iter());
    let (hash, range) = (hashes.next().unwrap_or_default(), ranges.next());
    let (projection, include) = projected(&index.projection)?;
    let throughput = match (on_demand, index.throughput) {
        (true, Some(_)) => {
            return Err(parameter(format_args!(
                "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            )));
        }
        (false, None) => {
            return Err(parameter(format_args!("ProvisionedThroughput is not specified for index: {name}")));
        }
        (_, units) => units.map(|units| units_of_index(units, name)).transpose()?.unwrap_or_default(),
    };
    check_name_is_new(name, known)?;
    let what = format!("index : {name}");
    let limits = throughput::first_limits(index.limits, on_demand, &what)?;
    let warm = throughput::first_warm(index.warm, &throughput, on_demand, &format!("index {name}"))?;
    Ok(IndexRecord {
        name: name.clone(),
        global: true,
        on_demand_limits: limits,
        warm,
        hash,
        range,
        more_hash: hashes.collect(),
        more_range: ranges.collect(),
        projection,
        include,
        throughput,
        ..IndexRecord::default()
    })
}

/// # Errors
/// `ValidationException` for more projected attributes than all indexes of a table may name together.
pub(crate) fn check_projected(indexes: &[IndexRecord]) -> Result<(), Error> {
    let count: usize = indexes.iter().map(|index| index.include.len()).sum();
    if count > PROJECTED_MAX {
        return Err(parameter(format_args!(
            "NonKeyAttributes count exceeds the per-table limit of {PROJECTED_MAX}"
        )));
    }
    Ok(())
}

/// Every defined attribute must be part of a key.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn check_all_used(
    attributes: &[Attribute],
    table: &Names,
    indexes: &[IndexRecord],
) -> Result<(), Error> {
    let own = std::iter::once(&table.0).chain(&table.1);
    let used: BTreeSet<&str> = own
        .chain(indexes.iter().flat_map(|index| index.hashes().chain(index.ranges())))
        .map(String::as_str)
        .collect();
    if attributes.iter().all(|a| used.contains(a.name.as_str())) {
        return Ok(());
    }
    if indexes.is_empty() {
        return Err(parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ));
    }
    let mut defined: Vec<&str> = attributes.iter().map(|a| a.name.as_str()).collect();
    defined.sort_unstable();
    Err(parameter(format_args!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: {}, keys used: {}",
        listed(defined),
        listed(used)
    )))
}
