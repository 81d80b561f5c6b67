//! Logs Insights: the query language over log events. Pure.
//!
//! A query is read into a list of [`Command`]s, which rows go through ([`run`]). What stands in the language but is not here
//! (`pattern`, `diff`, `anomaly`, `unmask`, joins, sources) is refused when the query is read.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>

mod aggregate;
pub(super) mod discover;
mod expression;
mod function;
mod lambda;
mod read;
pub(crate) mod run;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod value;

use aggregate::Aggregate;
use expression::Expression;
use regex_lite::Regex;

/// An expression with the name of its column.
type Column = (Expression, String);

#[derive(Debug)]
pub(crate) enum Command {
    Fields(Vec<Column>),
    Display(Vec<Column>),
    Filter(Expression),
    /// The columns read the aggregates by their numbers, and the columns before them by their names.
    Stats {
        aggregates: Vec<Aggregate>,
        columns: Vec<Column>,
        by: Vec<Column>,
    },
    /// With whether the greatest comes first.
    Sort(Vec<(Expression, bool)>),
    Limit(usize),
    /// Groups of the expression, with their names.
    Parse {
        from: Expression,
        pattern: Regex,
        names: Vec<String>,
    },
    Dedup(Vec<Expression>),
}

/// A query that was understood.
#[derive(Debug)]
pub(crate) struct Query(Vec<Command>);
