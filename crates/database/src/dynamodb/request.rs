//! What the parameters of requests about items have in common: expressions and their legacy forms.

use super::errors::{Error, validation};
use super::expression::{Condition, Kind, Placeholders, Projection, check_placeholders_allowed};
use super::invalid::Invalid;
use super::item::Item;
use super::legacy;
use wire::Value;

/// The condition of a write, and what goes with it.
#[derive(Debug, Default)]
pub(crate) struct ConditionParameters {
    pub(crate) expression: Option<String>,
    pub(crate) expected: Option<Value>,
    pub(crate) operator: Option<String>,
}

impl ConditionParameters {
    /// # Errors
    /// `ValidationException`.
    pub(crate) fn compile(self, placeholders: &mut Placeholders) -> Result<Option<Condition>, Error> {
        match self.expression {
            Some(text) => Ok(Some(Condition::compile(Kind::Condition, &text, placeholders)?)),
            None => Ok(legacy::expected(self.expected, self.operator.as_deref())?),
        }
    }
}

/// Refuses placeholders without an expression that could use them, and makes them ready for use. `expressions` are
/// the request's expression parameters by name, and whether each is present.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn placeholders(
    names: Option<Value>,
    values: Option<Value>,
    expressions: &[(&str, bool)],
) -> Result<Placeholders, Invalid> {
    check_placeholders_allowed(names.is_some(), values.is_some(), expressions)?;
    Placeholders::new(names, values)
}

/// Whether a put or a delete returns what was there.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn returns_old(return_values: Option<&str>) -> Result<bool, Error> {
    match return_values {
        None | Some("NONE") => Ok(false),
        Some("ALL_OLD") => Ok(true),
        Some(_) => Err(validation("ReturnValues can only be ALL_OLD or NONE")),
    }
}

/// Names of parameters that are present.
pub(crate) fn present<'n>(parameters: &[(&'n str, bool)]) -> Vec<&'n str> {
    parameters.iter().filter(|(_, present)| *present).map(|(name, _)| *name).collect()
}

/// `ProjectionExpression` or `AttributesToGet`.
///
/// # Errors
/// `ValidationException`.
pub(crate) fn projection(
    expression: Option<&str>,
    attributes: Option<&[String]>,
    placeholders: &mut Placeholders,
) -> Result<Option<Projection>, Error> {
    match (expression, attributes) {
        (Some(text), _) => Ok(Some(Projection::compile(text, placeholders)?)),
        (None, Some(names)) => Ok(Some(legacy::attributes_to_get(names.iter().map(String::as_str))?)),
        (None, None) => Ok(None),
    }
}

/// Whether the item meets the condition; one that is not there has no attributes.
pub(crate) fn holds(condition: Option<&Condition>, item: Option<&Item>) -> bool {
    match (condition, item) {
        (None, _) => true,
        (Some(condition), Some(item)) => condition.matches(item),
        (Some(condition), None) => condition.matches(&Item::new()),
    }
}
