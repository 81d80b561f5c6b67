//! Rows go through the commands of a query.

use super::aggregate::{Seen, field};
use super::value::Val;
use super::{Column, Command, Query, discover};
use base::Timestamp;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// Rows where a query asks for no other number.
pub(crate) const ROWS: usize = 10_000;
const PTR: &str = "@ptr";
/// What `now()` reads; no field is called so.
pub(super) const NOW: &str = "now()";

/// A log event as a query sees it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) message: String,
    /// `@timestamp` and the like.
    pub(crate) system: Vec<(&'static str, Val)>,
}

/// A row on its way.
struct Row {
    /// When the query was begun, in seconds.
    now: i64,
    record: Option<Record>,
    discovered: OnceCell<BTreeMap<String, Val>>,
    own: BTreeMap<String, Val>,
}

impl Row {
    fn field(&self, name: &str) -> Val {
        if let Some(value) = self.own.get(name) {
            return value.clone();
        }
        if name == NOW {
            return Val::Number(self.now as f64);
        }
        // A column that is JSON has what is in it.
        let parts = name.match_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..]));
        for (column, rest) in parts {
            if let Some(Val::Text(text)) = self.own.get(column).filter(|_| !rest.is_empty()) {
                return discover::fields(text).remove(rest).unwrap_or(Val::None);
            }
        }
        let Some(record) = &self.record else { return Val::None };
        if name == "@message" {
            return Val::Text(record.message.clone());
        }
        if let Some((_, value)) = record.system.iter().find(|(own, _)| *own == name) {
            return value.clone();
        }
        let discovered = self.discovered.get_or_init(|| discover::fields(&record.message));
        discovered.get(name).cloned().unwrap_or(Val::None)
    }

    fn with(mut self, columns: &[Column]) -> Row {
        let values: Vec<_> =
            columns.iter().map(|(one, name)| (name.clone(), one.of(&|field| self.field(field)))).collect();
        self.own.extend(values.into_iter().filter(|(_, value)| value.is_there()));
        self
    }
}

/// What a query found: the names and values of each row, those that are there.
pub(crate) type Rows = Vec<Vec<(String, String)>>;

/// A query at work.
pub(crate) struct Running<'q> {
    query: &'q Query,
    now: i64,
    /// How many commands each record goes through as it comes.
    ahead: usize,
    rows: Vec<Row>,
    pub(crate) matched: u64,
}

impl std::fmt::Debug for Running<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a query with {} rows", self.rows.len())
    }
}

impl<'q> Running<'q> {
    pub(crate) fn new(query: &'q Query, now: Timestamp) -> Running<'q> {
        let by_itself = |command: &&Command| {
            matches!(command, Command::Fields(_) | Command::Filter(_) | Command::Parse { .. })
        };
        let ahead = query.0.iter().take_while(by_itself).count();
        Running { query, now: now.seconds(), ahead, rows: Vec::new(), matched: 0 }
    }

    /// Takes a record; the oldest come first.
    pub(crate) fn take(&mut self, record: Record) {
        let now = self.now;
        let row = Row { now, record: Some(record), discovered: OnceCell::new(), own: BTreeMap::new() };
        let row = self.query.0[..self.ahead].iter().try_fold(row, |row, command| one(command, row));
        if let Some(row) = row {
            self.matched += 1;
            self.rows.push(row);
        }
    }

    /// What it found, at most so many rows.
    pub(crate) fn end(self, limit: usize) -> Rows {
        let mut rows = self.rows;
        // AWS: the newest first, where nothing else is said.
        rows.reverse();
        for command in &self.query.0[self.ahead..] {
            rows = all(command, rows, self.now);
        }
        let has_limit = self.query.0.iter().any(|command| matches!(command, Command::Limit(_)));
        rows.truncate(if has_limit { ROWS } else { limit });
        let names = shown(self.query);
        let show = |row: &Row| {
            let field = |name: &String| row.field(name).shown().map(|value| (name.clone(), value));
            names.iter().filter_map(field).collect()
        };
        rows.iter().map(show).collect()
    }
}

fn one(command: &Command, row: Row) -> Option<Row> {
    match command {
        Command::Fields(columns) => Some(row.with(columns)),
        Command::Filter(wanted) => {
            let keeps = wanted.of(&|field| row.field(field)).is_true();
            keeps.then_some(row)
        }
        Command::Parse { from, pattern, names } => {
            let mut row = row;
            let text = from.of(&|field| row.field(field)).shown().unwrap_or_default();
            if let Some(found) = pattern.captures(&text) {
                let groups = found.iter().skip(1).map(|group| group.map(|group| Val::text(group.as_str())));
                let values = names.iter().cloned().zip(groups);
                row.own.extend(values.filter_map(|(name, value)| Some((name, value?))));
            }
            Some(row)
        }
        _ => Some(row),
    }
}

fn all(command: &Command, mut rows: Vec<Row>, now: i64) -> Vec<Row> {
    match command {
        Command::Sort(keys) => {
            let keyed = |row: Row| {
                let values: Vec<Val> =
                    keys.iter().map(|(key, _)| key.of(&|field| row.field(field))).collect();
                (values, row)
            };
            let mut keyed: Vec<_> = rows.into_iter().map(keyed).collect();
            keyed.sort_by(|(a, _), (b, _)| {
                let each = a.iter().zip(b).zip(keys);
                let orders =
                    each.map(|((a, b), (_, descending))| if *descending { b.order(a) } else { a.order(b) });
                orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            });
            keyed.into_iter().map(|(_, row)| row).collect()
        }
        Command::Limit(count) => {
            rows.truncate(*count);
            rows
        }
        Command::Dedup(keys) => {
            let mut seen = BTreeSet::new();
            rows.retain(|row| {
                let key: Option<Vec<String>> =
                    keys.iter().map(|key| key.of(&|field| row.field(field)).shown()).collect();
                // What lacks one of the fields is like nothing.
                key.is_none_or(|key| seen.insert(key))
            });
            rows
        }
        Command::Stats { aggregates, columns, by } => {
            let mut groups: BTreeMap<Vec<Option<String>>, (Row, Vec<Seen>)> = BTreeMap::new();
            for row in rows {
                let values: Vec<Val> = by.iter().map(|(one, _)| one.of(&|field| row.field(field))).collect();
                let key = values.iter().map(Val::shown).collect();
                let fresh = || {
                    let own = by.iter().map(|(_, name)| name.clone()).zip(values);
                    let own = own.filter(|(_, value)| value.is_there()).collect();
                    let row = Row { now, record: None, discovered: OnceCell::new(), own };
                    (row, aggregates.iter().map(|_| Seen::default()).collect())
                };
                let (_, seen) = groups.entry(key).or_insert_with(fresh);
                for (aggregate, seen) in aggregates.iter().zip(seen) {
                    aggregate.see(seen, &|field| row.field(field));
                }
            }
            let finish = |(mut row, seen): (Row, Vec<Seen>)| {
                for (number, (aggregate, seen)) in aggregates.iter().zip(seen).enumerate() {
                    row.own.insert(field(number), aggregate.of(seen));
                }
                for (one, name) in columns {
                    let value = one.of(&|field| row.field(field));
                    row.own.insert(name.clone(), value);
                }
                (0..aggregates.len()).for_each(|number| drop(row.own.remove(&field(number))));
                row
            };
            groups.into_values().map(finish).collect()
        }
        each => rows
            .into_iter()
            .filter_map(|row| one(each, row))
            .map(|row| match each {
                Command::Display(columns) => row.with(columns),
                _ => row,
            })
            .collect(),
    }
}

/// The columns that are shown; a pointer to the event where a row is one.
fn shown(query: &Query) -> Vec<String> {
    let names = |columns: &[Column]| columns.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
    let (mut found, mut pointed) = (Vec::new(), true);
    for command in &query.0 {
        match command {
            Command::Fields(columns) => found.extend(names(columns)),
            Command::Display(columns) => found = names(columns),
            Command::Stats { columns, by, .. } => {
                pointed = false;
                found = names(by);
                found.extend(names(columns));
            }
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|name| seen.insert(name.clone()));
    if found.is_empty() {
        found = vec!["@timestamp".to_owned(), "@message".to_owned()];
    }
    if pointed {
        found.push(PTR.to_owned());
    }
    found
}
