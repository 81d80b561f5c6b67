//! `ConsumedCapacity`: what a request cost, for each table and index that it touched.

use super::model::schema::{IndexSchema, Schema};
use super::size::Units;
use wire::{Struct, Value};

/// How much of it the caller wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Detail {
    None,
    Total,
    Indexes,
}

/// Reads and writes are told apart only where a request may do both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Plain,
    Read,
    Write,
}

impl Detail {
    /// Of the `ReturnConsumedCapacity` parameter.
    pub(crate) fn of(parameter: Option<&str>) -> Detail {
        match parameter {
            Some("TOTAL") => Detail::Total,
            Some("INDEXES") => Detail::Indexes,
            _ => Detail::None,
        }
    }
}

/// What one request cost.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    detail: Detail,
    kind: Kind,
    tables: Vec<Spent>,
}

#[derive(Clone, Debug)]
struct Spent {
    /// As the request calls it.
    name: String,
    table: Units,
    locals: Vec<(String, Units)>,
    globals: Vec<(String, Units)>,
}

impl Meter {
    pub(crate) fn new(parameter: Option<&str>, kind: Kind) -> Meter {
        Meter { detail: Detail::of(parameter), kind, tables: Vec::new() }
    }

    pub(crate) fn detail(&self) -> Detail {
        self.detail
    }

    fn spent(&mut self, name: &str) -> &mut Spent {
        let at = self.tables.iter().position(|spent| spent.name == name).unwrap_or_else(|| {
            let (locals, globals) = (Vec::new(), Vec::new());
            self.tables.push(Spent { name: name.to_owned(), table: Units::ZERO, locals, globals });
            self.tables.len() - 1
        });
        &mut self.tables[at]
    }

    pub(crate) fn table(&mut self, name: &str, units: Units) {
        self.spent(name).table += units;
    }

    pub(crate) fn index(&mut self, name: &str, index: &IndexSchema, units: Units) {
        let spent = self.spent(name);
        let list = if index.record.global { &mut spent.globals } else { &mut spent.locals };
        match list.iter_mut().find(|(known, _)| *known == index.record.name) {
            Some((_, sum)) => *sum += units,
            None => list.push((index.record.name.clone(), units)),
        }
    }

    /// The member of an answer about one table.
    pub(crate) fn one(self) -> Option<Value> {
        self.many().and_then(|list| match list {
            Value::List(list) => list.into_iter().next(),
            _ => None,
        })
    }

    /// The member of an answer about several tables.
    pub(crate) fn many(self) -> Option<Value> {
        if self.detail == Detail::None {
            return None;
        }
        let (detail, kind) = (self.detail, self.kind);
        Some(Value::List(self.tables.into_iter().map(|spent| spent.into_wire(detail, kind)).collect()))
    }
}

impl Spent {
    fn into_wire(self, detail: Detail, kind: Kind) -> Value {
        let indexes: Units = self.locals.iter().chain(&self.globals).map(|(_, units)| *units).sum();
        let mut out = units(self.table + indexes, kind);
        out.push("TableName", Value::Str(self.name));
        if detail == Detail::Indexes {
            out.push("Table", Value::Struct(units(self.table, kind)));
            for (member, list) in
                [("LocalSecondaryIndexes", self.locals), ("GlobalSecondaryIndexes", self.globals)]
            {
                if !list.is_empty() {
                    let list =
                        list.into_iter().map(|(name, spent)| (name, Value::Struct(units(spent, kind))));
                    out.push(member, Value::Map(list.collect()));
                }
            }
        }
        Value::Struct(out)
    }
}

fn units(units: Units, kind: Kind) -> Struct {
    let mut out = Struct::with_capacity(4);
    out.push("CapacityUnits", Value::Float(units.as_f64()));
    match kind {
        Kind::Plain => {}
        Kind::Read => out.push("ReadCapacityUnits", Value::Float(units.as_f64())),
        Kind::Write => out.push("WriteCapacityUnits", Value::Float(units.as_f64())),
    }
    out
}

/// Notes what a write did to a table's indexes.
pub(crate) fn meter_indexes(meter: &mut Meter, name: &str, schema: &Schema, spent: &[(usize, Units)]) {
    for (at, units) in spent {
        if let Some(index) = schema.indexes.get(*at) {
            meter.index(name, index, *units);
        }
    }
}
