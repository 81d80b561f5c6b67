//! The parameters that expressions replaced, translated into what expressions compile to: `Expected`, `ScanFilter`,
//! `QueryFilter`, `KeyConditions`, `ConditionalOperator`, `AttributeUpdates`, `AttributesToGet`.
//!
//! They take the request's members as they came off the wire, and refuse what AWS refuses, in its words.

mod conditions;
mod updates;

pub use conditions::{expected, filter, key_conditions};
pub use updates::attribute_updates;

use crate::dynamodb::expression::Projection;
use crate::dynamodb::invalid::Invalid;
use std::collections::BTreeSet;

/// `AttributesToGet`.
pub fn attributes_to_get<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Projection, Invalid> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Invalid::parameter(format_args!("Duplicate value in attribute name: {name}")));
        }
    }
    Ok(Projection::of_names(seen))
}

/// Refuses a request that has both kinds of parameters. Both lists name the parameters that are present, in the order
/// of AWS's message. `KeyConditions` beside a FilterExpression is the one mixture that is allowed; leave it out then.
pub fn check_not_mixed(legacy: &[&str], expressions: &[&str]) -> Result<(), Invalid> {
    if legacy.is_empty() || expressions.is_empty() {
        return Ok(());
    }
    let (legacy, expressions) = (legacy.join(", "), expressions.join(", "));
    Err(Invalid::new(format!(
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{legacy}}} Expression parameters: {{{expressions}}}"
    )))
}

#[cfg(test)]
mod tests;
