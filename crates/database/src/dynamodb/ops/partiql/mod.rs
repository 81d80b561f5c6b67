//! PartiQL's operations. Statements are read by [`crate::dynamodb::partiql`]; here they become the queries, scans and
//! acts that the other operations are made of.

pub(crate) mod batch;
pub(crate) mod execute;
mod select;
pub(crate) mod transaction;
mod write;

use crate::dynamodb::errors::{Error, validation};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::partiql::Statement;
use crate::dynamodb::value::AttributeValue;
use wire::Value;

/// Reads a statement and its parameters.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn parse(text: &str, parameters: Option<&[Value]>) -> Result<Statement, Error> {
    Ok(Statement::parse(text, values(parameters)?)?)
}

/// Reads parameters.
///
/// # Errors
/// `ValidationException`, in the words of the older layer, as AWS says them here.
pub(crate) fn values(parameters: Option<&[Value]>) -> Result<Vec<AttributeValue>, Error> {
    let values = parameters.unwrap_or_default().iter().cloned().map(AttributeValue::from_wire);
    Ok(values.collect::<Result<_, _>>().map_err(Invalid::older)?)
}

/// A condition of a transaction, where there is none.
pub(crate) fn misplaced_exists() -> Error {
    validation("EXISTS can only be used in ExecuteTransaction write requests.")
}
