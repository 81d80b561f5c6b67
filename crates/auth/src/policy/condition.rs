//! The `Condition` element: operators, their `IfExists` and set forms, and how they meet the request's values.
//!
//! All conditions of a statement must hold; among the values of one, any may match, and for a negated operator none
//! may. AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use super::arn::{ArnPattern, Split};
use super::context::Context;
use super::glob::{Glob, Syntax};
use super::scalar::{Number, Range, read_time};
use base::Timestamp;
use base64::Engine;
use std::borrow::Cow;
use std::cmp::Ordering;

/// An operator's name without prefix and suffix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Operator {
    pub(super) test: Test,
    /// `Not...`: holds when no value matches.
    pub(super) negated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Relation),
    Date(Relation),
    Bool,
    BinaryEquals,
    IpAddress,
    /// `ArnEquals` and `ArnLike`, which AWS documents as equal.
    Arn,
    Null,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Equals => order == Ordering::Equal,
            Relation::LessThan => order == Ordering::Less,
            Relation::LessThanEquals => order != Ordering::Greater,
            Relation::GreaterThan => order == Ordering::Greater,
            Relation::GreaterThanEquals => order != Ordering::Less,
        }
    }

    fn read(name: &str) -> Option<(Relation, bool)> {
        Some(match name {
            "Equals" => (Relation::Equals, false),
            "NotEquals" => (Relation::Equals, true),
            "LessThan" => (Relation::LessThan, false),
            "LessThanEquals" => (Relation::LessThanEquals, false),
            "GreaterThan" => (Relation::GreaterThan, false),
            "GreaterThanEquals" => (Relation::GreaterThanEquals, false),
            _ => return None,
        })
    }
}

impl Operator {
    fn read(name: &str) -> Option<Operator> {
        if let Some(rest) = name.strip_prefix("Numeric") {
            let (relation, negated) = Relation::read(rest)?;
            return Some(Operator { test: Test::Numeric(relation), negated });
        }
        if let Some(rest) = name.strip_prefix("Date") {
            let (relation, negated) = Relation::read(rest)?;
            return Some(Operator { test: Test::Date(relation), negated });
        }
        let (test, negated) = match name {
            "StringEquals" => (Test::StringEquals, false),
            "StringNotEquals" => (Test::StringEquals, true),
            "StringEqualsIgnoreCase" => (Test::StringEqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::StringEqualsIgnoreCase, true),
            "StringLike" => (Test::StringLike, false),
            "StringNotLike" => (Test::StringLike, true),
            "Bool" => (Test::Bool, false),
            "BinaryEquals" => (Test::BinaryEquals, false),
            "IpAddress" => (Test::IpAddress, false),
            "NotIpAddress" => (Test::IpAddress, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Null" => (Test::Null, false),
            _ => return None,
        };
        Some(Operator { test, negated })
    }
}

/// The set operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quantifier {
    All,
    Any,
}

/// An operator as it is written: `ForAnyValue:StringLikeIfExists`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Operation {
    pub(super) operator: Operator,
    pub(super) quantifier: Option<Quantifier>,
    pub(super) if_exists: bool,
}

impl Operation {
    /// `None`: there is no such operator. `Null` has no `IfExists` form.
    pub(super) fn read(name: &str) -> Option<Operation> {
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Some(Quantifier::All), rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Some(Quantifier::Any), rest)
        } else {
            (None, name)
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let operator = Operator::read(rest)?;
        (!if_exists || operator.test != Test::Null).then_some(Operation { operator, quantifier, if_exists })
    }
}

/// One value of a policy, ready to be compared.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Operand {
    Text(Glob),
    Number(Number),
    Time(Timestamp),
    Binary(Vec<u8>),
    Range(Range),
    Arn(ArnPattern),
    /// Not of the operator's type: never matches.
    Unfit,
}

impl Operand {
    fn read(test: Test, text: &str, variables: bool) -> Operand {
        let syntax = |wildcards| Syntax { wildcards, variables };
        let read = match test {
            Test::StringEquals | Test::StringEqualsIgnoreCase | Test::Bool => {
                Some(Operand::Text(Glob::read(text, syntax(false))))
            }
            Test::StringLike => Some(Operand::Text(Glob::read(text, syntax(true)))),
            Test::Null => {
                Some(Operand::Text(Glob::read(text, Syntax { wildcards: false, variables: false })))
            }
            Test::Numeric(_) => Number::read(text).map(Operand::Number),
            Test::Date(_) => read_time(text).map(Operand::Time),
            Test::BinaryEquals => decode(text).map(Operand::Binary),
            Test::IpAddress => Range::read(text).map(Operand::Range),
            Test::Arn => Some(Operand::Arn(ArnPattern::condition(text, variables))),
        };
        read.unwrap_or(Operand::Unfit)
    }

    fn matches(&self, test: Test, value: &str, context: &Context<'_>) -> bool {
        match (self, test) {
            (Operand::Text(glob), Test::Bool) => {
                let boolean = value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
                boolean && glob.equals_ignoring_case(value, context)
            }
            (Operand::Text(glob), Test::StringEqualsIgnoreCase | Test::Null) => {
                glob.equals_ignoring_case(value, context)
            }
            (Operand::Text(glob), _) => glob.matches(value, context),
            (Operand::Arn(pattern), _) => pattern.matches(&Split::of(value), context),
            (Operand::Number(own), Test::Numeric(relation)) => {
                Number::read(value).is_some_and(|value| relation.holds(value.compare(*own)))
            }
            (Operand::Time(own), Test::Date(relation)) => {
                read_time(value).is_some_and(|value| relation.holds(value.cmp(own)))
            }
            (Operand::Binary(own), _) => decode(value).is_some_and(|value| value == *own),
            (Operand::Range(own), _) => Range::read(value).is_some_and(|value| own.covers(&value)),
            _ => false,
        }
    }

    fn is_unresolved(&self, context: &Context<'_>) -> bool {
        match self {
            Operand::Text(glob) => glob.is_unresolved(context),
            Operand::Arn(pattern) => pattern.is_unresolved(context),
            _ => false,
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// One operator on one key.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Condition {
    pub(super) operation: Operation,
    pub(super) key: Box<str>,
    pub(super) operands: Box<[Operand]>,
}

impl Condition {
    /// `variables`: the policy's version has them. They count in string, Boolean and ARN operators only.
    pub(super) fn read(
        operation: Operation,
        key: &str,
        values: &[Cow<'_, str>],
        variables: bool,
    ) -> Condition {
        let operands =
            values.iter().map(|text| Operand::read(operation.operator.test, text, variables)).collect();
        Condition { operation, key: key.into(), operands }
    }

    /// Whether the condition holds.
    pub(super) fn holds(&self, context: &Context<'_>) -> bool {
        let found = context.get(&self.key);
        let values = found.as_deref().map(super::context::Values::as_slice);
        let Operation { operator, quantifier, if_exists } = self.operation;
        if operator.test == Test::Null {
            let missing = values.is_none_or(<[_]>::is_empty);
            let text = if missing { "true" } else { "false" };
            return self.operands.iter().any(|own| own.matches(Test::Null, text, context));
        }
        if values.is_none() && if_exists {
            return true;
        }
        let values = values.unwrap_or_default();
        // A set that holds nothing but empty text is an empty set to the set operators.
        let empty = values.iter().all(|value| value.is_empty());
        match quantifier {
            Some(Quantifier::All) if empty => true,
            Some(Quantifier::Any) if empty => false,
            Some(Quantifier::All) => values.iter().all(|value| self.accepts(value, context)),
            Some(Quantifier::Any) => values.iter().any(|value| self.accepts(value, context)),
            // A negated operator on a missing key holds: there is no value that could match.
            None if operator.negated => {
                !self.is_unresolved(context) && values.iter().all(|value| self.accepts(value, context))
            }
            None => values.iter().any(|value| self.accepts(value, context)),
        }
    }

    /// One value of the request against all of the policy's: any, or for a negated operator none, may match.
    fn accepts(&self, value: &str, context: &Context<'_>) -> bool {
        let Operator { test, negated } = self.operation.operator;
        let matched = self.operands.iter().any(|own| own.matches(test, value, context));
        if negated { !matched && !self.is_unresolved(context) } else { matched }
    }

    fn is_unresolved(&self, context: &Context<'_>) -> bool {
        self.operands.iter().any(|own| own.is_unresolved(context))
    }

    /// The key, and the keys that its values' variables name.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let inner = self.operands.iter().flat_map(|own| {
            let (text, arn) = match own {
                Operand::Text(glob) => (Some(glob), None),
                Operand::Arn(pattern) => (None, Some(pattern)),
                _ => (None, None),
            };
            text.into_iter().flat_map(Glob::variables).chain(arn.into_iter().flat_map(ArnPattern::variables))
        });
        std::iter::once(&*self.key).chain(inner)
    }
}
