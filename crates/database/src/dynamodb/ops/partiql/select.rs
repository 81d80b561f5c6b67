//! `SELECT`: a query of one or several partitions, or a scan.

use crate::dynamodb::capacity::Meter;
use crate::dynamodb::errors::{Error, parameter, validation};
use crate::dynamodb::expression::{Condition, Sought};
use crate::dynamodb::item::Item;
use crate::dynamodb::lag;
use crate::dynamodb::listing;
use crate::dynamodb::model::schema::{IndexSchema, KeyPart, Schema};
use crate::dynamodb::model::table::Status;
use crate::dynamodb::ops::query;
use crate::dynamodb::partiql::keys::{Access, access};
use crate::dynamodb::partiql::{Order, Select};
use crate::dynamodb::read::{self, Asked, Page};
use crate::dynamodb::size::{Consistency, Units};
use crate::dynamodb::throttle;
use crate::dynamodb::value::AttributeValue;
use kernel::Cx;
use std::collections::BTreeSet;
use store::{Direction, KeyRange};

/// AWS: the guide's page on PartiQL's operators: values of a partition key.
const PARTITIONS_MAX: usize = 50;

/// Where a listing goes on: in which of its partitions, and behind which row.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Place {
    pub(super) partition: u32,
    pub(super) key: Item,
}

impl Place {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.partition.to_be_bytes()[..], &self.key.encode()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Place> {
        let (partition, key) = bytes.split_first_chunk::<4>()?;
        Some(Place { partition: u32::from_be_bytes(*partition), key: Item::decode(key).ok()? })
    }
}

/// A page of rows as the statement asks for them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) items: Vec<Item>,
    pub(super) next: Option<Place>,
    /// What they cost, and what reading items beside their index cost.
    units: Units,
    fetched: Units,
}

/// A statement held against its table.
pub(super) struct Plan<'s> {
    schema: &'s Schema,
    index: Option<&'s IndexSchema>,
    select: &'s Select,
    access: Access,
    direction: Direction,
    fetch: bool,
}

impl<'s> Plan<'s> {
    /// # Errors
    /// `ValidationException`.
    pub(super) fn new(schema: &'s Schema, select: &'s Select, consistent: bool) -> Result<Plan<'s>, Error> {
        let index = index(schema, select, consistent)?;
        let keys = index.map_or(&schema.keys, |index| &index.keys);
        let range = keys.range.as_ref().map(|range| range.name.as_str());
        let mut access = access(select.condition.as_ref(), &keys.hash.name, range);
        if let Access::Query { partitions, range: test } = &access {
            check_kinds(&keys.hash, partitions.iter())?;
            if let (Some(part), Some(test)) = (&keys.range, test) {
                check_kinds(part, test.values())?;
            }
            if partitions.len() > PARTITIONS_MAX {
                return Err(validation(format!(
                    "The IN operator is provided with too many operands; number of operands: {}",
                    partitions.len()
                )));
            }
        }
        let direction = order(&mut access, &select.order, &keys.hash.name, range)?;
        let fetch = check_projected(index, select, &access)?;
        Ok(Plan { schema, index, select, access, direction, fetch })
    }

    /// Reads one page.
    ///
    /// # Errors
    /// The store's; `ValidationException` for a place that is none of this listing.
    pub(super) fn page(
        &self,
        cx: &Cx<'_>,
        from: Option<&Place>,
        limit: Option<usize>,
        consistency: Consistency,
        meter: &mut Meter,
    ) -> Result<Rows, Error> {
        let mut rows = Rows::default();
        let past = lag::state(cx, self.schema, consistency)?;
        let state = lag::from(past.as_ref(), cx.tx);
        let mut left = limit;
        let first = from.map_or(0, |from| from.partition);
        for (at, range) in self.ranges().into_iter().enumerate().skip(first as usize) {
            let at = at as u32;
            let range = match from.filter(|from| from.partition == at) {
                Some(from) => self.behind(range, &from.key)?,
                None => range,
            };
            let page = read::page(state, &self.asked(range, left, consistency))?;
            self.meter(meter, &page);
            rows.units += page.units;
            rows.fetched += page.fetched;
            left = left.map(|left| left - page.scanned.min(left));
            rows.items.extend(page.items.iter().map(|item| self.select.row(item)));
            if let Some(key) = page.last {
                rows.next = Some(Place { partition: at, key });
                break;
            }
        }
        Ok(rows)
    }

    /// Admits what a page cost.
    ///
    /// # Errors
    /// `ProvisionedThroughputExceededException`, `ThrottlingException`.
    pub(super) fn admit(&self, cx: &mut Cx<'_>, rows: &Rows) -> Result<(), Error> {
        throttle::admit_read(cx, self.schema, self.index, rows.units, rows.fetched)
    }

    fn ranges(&self) -> Vec<KeyRange> {
        match &self.access {
            Access::Scan => {
                vec![KeyRange::prefix(self.index.map_or(&self.schema.prefix, |index| &index.prefix))]
            }
            Access::Query { partitions, range } => {
                let sought = |partition: &AttributeValue| Sought {
                    partition: vec![partition.clone()],
                    equals: Vec::new(),
                    last: range.clone(),
                };
                let range = |partition| query::range(self.schema, self.index, &sought(partition));
                partitions.iter().map(range).collect()
            }
        }
    }

    fn behind(&self, range: KeyRange, key: &Item) -> Result<KeyRange, Error> {
        let at = listing::start_key(self.schema, self.index, key)?;
        Ok(match self.direction {
            Direction::Forward => range.after(&at),
            Direction::Backward => range.before(&at),
        })
    }

    fn asked(&self, range: KeyRange, limit: Option<usize>, consistency: Consistency) -> Asked<'_> {
        Asked {
            schema: self.schema,
            index: self.index,
            range,
            direction: self.direction,
            limit,
            filter: self.select.condition.as_ref(),
            projection: None,
            count: false,
            fetch: self.fetch,
            consistency,
        }
    }

    fn meter(&self, meter: &mut Meter, page: &Page) {
        let table = &self.select.source.table;
        match self.index {
            None => meter.table(table, page.units),
            Some(index) => {
                meter.table(table, page.fetched);
                meter.index(table, index, page.units);
            }
        }
    }
}

/// The index that a statement names. AWS words these refusals otherwise than those of Query.
///
/// # Errors
/// `ValidationException`.
pub(super) fn index<'s>(
    schema: &'s Schema,
    select: &Select,
    consistent: bool,
) -> Result<Option<&'s IndexSchema>, Error> {
    let Some(name) = select.source.index.as_deref() else { return Ok(None) };
    let missing = || validation("The table does not have the specified index");
    let index = schema.index(name).filter(|index| index.is_kept()).ok_or_else(missing)?;
    if index.keys.is_composite() {
        return Err(validation(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.",
        ));
    }
    if index.record.global && consistent {
        return Err(validation("Strongly consistent read is not supported on Global Secondary Indexes"));
    }
    if index.record.status == Status::Creating {
        return Err(validation(format!("Cannot read from backfilling global secondary index: {name}")));
    }
    Ok(Some(index))
}

fn check_kinds<'v>(part: &KeyPart, values: impl Iterator<Item = &'v AttributeValue>) -> Result<(), Error> {
    for value in values {
        if value.kind() != part.kind {
            return Err(parameter("Condition parameter type does not match schema type"));
        }
        let empty = match value {
            AttributeValue::S(text) => text.is_empty(),
            AttributeValue::B(bytes) => bytes.is_empty(),
            _ => false,
        };
        if empty {
            return Err(validation(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {}",
                part.name
            )));
        }
    }
    Ok(())
}

/// Brings the partitions into the order that is asked for, and says how to walk through each.
fn order(access: &mut Access, order: &[Order], hash: &str, range: Option<&str>) -> Result<Direction, Error> {
    if order.is_empty() {
        return Ok(Direction::Forward);
    }
    if let Some(other) = order.iter().find(|o| o.attribute != hash && Some(o.attribute.as_str()) != range) {
        return Err(validation(format!(
            "Attribute {} in ORDER BY clause must be part of the primary key",
            other.attribute
        )));
    }
    let Access::Query { partitions, .. } = access else {
        return Err(validation(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ));
    };
    let of = |name: &str| order.iter().find(|o| o.attribute == name);
    match of(hash) {
        None if partitions.len() > 1 => {
            return Err(validation(
                "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
            ));
        }
        None => {}
        Some(by_hash) => {
            partitions.sort_by_key(AttributeValue::key_bytes);
            if by_hash.descending {
                partitions.reverse();
            }
        }
    }
    // AWS: without a term of their own, sort keys come in descending order.
    let descending = range.and_then(of).is_none_or(|by_range| by_range.descending);
    Ok(if descending { Direction::Backward } else { Direction::Forward })
}

/// Holds the statement's attributes against what an index has; says whether items themselves have to be read.
fn check_projected(index: Option<&IndexSchema>, select: &Select, access: &Access) -> Result<bool, Error> {
    let Some(index) = index.filter(|index| index.projected.is_some()) else { return Ok(false) };
    let name = &index.record.name;
    if matches!(access, Access::Query { .. }) {
        let missing = missing(index, filtered(select.condition.as_ref()));
        if !missing.is_empty() {
            return Err(parameter(format_args!(
                "Secondary index {name} does not project one or more filter attributes: [{}]",
                missing.join(", ")
            )));
        }
    }
    let columns = select.columns.iter().flatten().map(|(_, path)| path.attribute().to_owned());
    let missing = missing(index, columns);
    if index.record.global && !missing.is_empty() {
        return Err(parameter(format_args!(
            "Global secondary index {name} does not project [{}]",
            missing.join(", ")
        )));
    }
    Ok(!missing.is_empty())
}

fn filtered(condition: Option<&Condition>) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(condition) = condition {
        condition.paths(&mut |path| names.push(path.attribute().to_owned()));
    }
    names
}

fn missing(index: &IndexSchema, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !index.holds(name) && seen.insert(name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Access, Direction, Place, order};
    use crate::dynamodb::item::Item;
    use crate::dynamodb::partiql::Order;
    use crate::dynamodb::value::AttributeValue;

    #[test]
    fn orders() {
        let by = |attribute: &str, descending| Order { attribute: attribute.into(), descending };
        let query = |names: &[&str]| Access::Query {
            partitions: names.iter().map(|name| AttributeValue::s(*name)).collect(),
            range: None,
        };
        let mut access = query(&["b", "a"]);
        assert_eq!(
            order(&mut access, &[by("h", false), by("r", false)], "h", Some("r")),
            Ok(Direction::Forward)
        );
        assert_eq!(access, query(&["a", "b"]));
        assert_eq!(order(&mut access, &[by("h", true)], "h", Some("r")), Ok(Direction::Backward));
        assert_eq!(access, query(&["b", "a"]));
        assert!(order(&mut access, &[by("r", true)], "h", Some("r")).is_err());
        assert!(order(&mut query(&["a"]), &[by("x", true)], "h", Some("r")).is_err());
        assert!(order(&mut Access::Scan, &[by("h", true)], "h", None).is_err());
    }

    #[test]
    fn places_survive_their_tokens() {
        let key = Item::from_pairs(vec![("pk".into(), AttributeValue::s("a"))]);
        let place = Place { partition: 3, key };
        assert_eq!(Place::decode(&place.encode()), Some(place));
        assert_eq!(Place::decode(b"abc"), None);
    }
}
