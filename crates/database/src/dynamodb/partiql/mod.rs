//! PartiQL as DynamoDB speaks it: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, and `EXISTS` in transactions.
//!
//! A statement and its parameters become a [`Statement`], made of the very [`Condition`]s and [`Update`]s that
//! expressions compile to. Which of a WHERE clause's conditions are on keys is decided against a schema, in
//! [`keys`].
//!
//! What is not there: Ion literals, joins, aggregates (DynamoDB has none of them either).

pub mod keys;
mod literal;
mod parser;
mod select;
mod token;
mod where_clause;
mod write;

use crate::dynamodb::expression::{Condition, Update};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::path::Path;
use crate::dynamodb::value::AttributeValue;

/// A statement with its parameters in place.
#[derive(Clone, PartialEq, Debug)]
pub enum Statement {
    Select(Select),
    Insert(Insert),
    Update(UpdateStatement),
    Delete(Delete),
    /// `EXISTS(SELECT ...)`: only as a condition of a transaction that writes.
    Exists(Select),
}

/// A table or one of its indexes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub table: String,
    pub index: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Select {
    pub source: Source,
    /// What to return under which name; `None` for `*`.
    pub columns: Option<Vec<(String, Path)>>,
    pub condition: Option<Condition>,
    pub order: Vec<Order>,
}

/// An attribute of `ORDER BY`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    pub attribute: String,
    pub descending: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Insert {
    pub table: String,
    pub item: Item,
    /// `ON CONFLICT DO NOTHING`
    pub ignore_duplicate: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct UpdateStatement {
    pub table: String,
    pub update: Update,
    pub condition: Option<Condition>,
    pub returning: Option<Returning>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Delete {
    pub table: String,
    pub condition: Option<Condition>,
    /// Only [`Returning::AllOld`].
    pub returning: Option<Returning>,
}

/// What a write returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returning {
    AllOld,
    AllNew,
    ModifiedOld,
    ModifiedNew,
}

impl Statement {
    /// Reads one statement. Every `?` takes the next parameter, and none may be left.
    ///
    /// Errors: AWS's sentences for PartiQL.
    pub fn parse(text: &str, parameters: Vec<AttributeValue>) -> Result<Statement, Invalid> {
        parser::Parser::new(text, parameters)?.statement()
    }

    pub fn table(&self) -> &str {
        match self {
            Statement::Select(select) | Statement::Exists(select) => &select.source.table,
            Statement::Insert(insert) => &insert.table,
            Statement::Update(update) => &update.table,
            Statement::Delete(delete) => &delete.table,
        }
    }

    /// Whether the statement only reads, which decides between a transaction of reads and one of writes.
    pub fn is_read(&self) -> bool {
        matches!(self, Statement::Select(_))
    }
}

impl Select {
    /// The item as the statement asks for it. A column takes the name of its path's last step.
    pub fn row(&self, item: &Item) -> Item {
        let Some(columns) = &self.columns else { return item.clone() };
        let cells = columns.iter().filter_map(|(name, path)| Some((name.clone(), path.get(item)?.clone())));
        cells.collect()
    }
}

#[cfg(test)]
mod tests;
