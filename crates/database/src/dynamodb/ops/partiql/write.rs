//! `INSERT`, `UPDATE`, `DELETE` and `EXISTS` as acts on one item.

use super::misplaced_exists;
use crate::dynamodb::action::{Act, Outcome, What, check_put_size};
use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::expression::Condition;
use crate::dynamodb::item::Item;
use crate::dynamodb::model::schema::Schema;
use crate::dynamodb::partiql::keys::single_item;
use crate::dynamodb::partiql::{Returning, Select, Statement};
use crate::dynamodb::path::Path;

/// A statement that writes, and what it returns.
pub(super) struct Write {
    pub(super) act: Act,
    pub(super) returning: Option<Returning>,
}

fn key_names(schema: &Schema) -> (&str, Option<&str>) {
    (&schema.keys.hash.name, schema.keys.range.as_ref().map(|range| range.name.as_str()))
}

/// The item that a condition names, and what else it asks.
///
/// # Errors
/// `ValidationException`.
pub(super) fn named(
    schema: &Schema,
    condition: Option<&Condition>,
) -> Result<(Item, Option<Condition>), Error> {
    let (hash, range) = key_names(schema);
    Ok(single_item(condition, hash, range)?)
}

/// The item that a condition names and asks nothing else of.
///
/// AWS: reads of batches and transactions are gets, which have no filter.
pub(super) fn only_named(schema: &Schema, condition: Option<&Condition>) -> Option<Item> {
    let (key, rest) = named(schema, condition).ok()?;
    rest.is_none().then_some(key)
}

/// # Errors
/// `ValidationException`, also for statements that do not write.
pub(super) fn write(schema: &Schema, statement: Statement, show_on_failure: bool) -> Result<Write, Error> {
    let hash = || Path::top(schema.keys.hash.name.clone());
    let act = |table, what, condition| Act { table, what, condition, show_on_failure };
    match statement {
        Statement::Insert(insert) => {
            check_put_size(&insert.item)?;
            let what = What::Insert(insert.item, insert.ignore_duplicate);
            Ok(Write { act: act(insert.table, what, None), returning: None })
        }
        Statement::Update(update) => {
            let (key, rest) = named(schema, update.condition.as_ref())?;
            // No item is made by an UPDATE.
            let exists = Condition::Exists(hash());
            let condition = match rest {
                None => exists,
                Some(rest) => Condition::And(vec![exists, rest]),
            };
            let act = act(update.table, What::Update(key, update.update), Some(condition));
            Ok(Write { act, returning: update.returning })
        }
        Statement::Delete(delete) => {
            let (key, rest) = named(schema, delete.condition.as_ref())?;
            // What is not there is deleted, whatever else was asked.
            let condition = rest.map(|rest| Condition::Or(vec![Condition::NotExists(hash()), rest]));
            let act = act(delete.table, What::Delete(key), condition);
            Ok(Write { act, returning: delete.returning })
        }
        Statement::Exists(_) => Err(misplaced_exists()),
        Statement::Select(_) => {
            Err(validation("Read and write requests together in the same batch is not supported."))
        }
    }
}

/// `EXISTS(SELECT ...)`: a check of a transaction.
///
/// # Errors
/// `ValidationException`.
pub(super) fn check(schema: &Schema, select: Select, show_on_failure: bool) -> Result<Act, Error> {
    let invalid = || validation("EXISTS() must contain a single item read with additional condition");
    if select.source.index.is_some() {
        return Err(invalid());
    }
    let (key, rest) = named(schema, select.condition.as_ref()).map_err(|_| invalid())?;
    let condition = Some(rest.ok_or_else(invalid)?);
    Ok(Act { table: select.source.table, what: What::Check(key), condition, show_on_failure })
}

/// What `RETURNING` asks for; nothing where nothing is left to show.
pub(super) fn returned(returning: Option<Returning>, outcome: Outcome) -> Option<Item> {
    let updated = outcome.updated;
    let shown = match returning? {
        Returning::AllOld => outcome.old,
        Returning::AllNew => updated.map(|updated| updated.item),
        Returning::ModifiedOld => Some(updated?.old_attributes(&outcome.old?)),
        Returning::ModifiedNew => Some(updated?.new_attributes()),
    };
    shown.filter(|item| !item.is_empty())
}
