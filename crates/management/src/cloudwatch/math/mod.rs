//! Metric math: expressions over time series. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>. Numbers, the names of
//! other queries, `+ - * / ^`, comparisons, `AND`, `OR`, `IF`, the functions of [`functions`], and `SEARCH`. Not here:
//! `ANOMALY_DETECTION_BAND`, `INSIGHT_RULE_METRIC`, `LAMBDA` and Metrics Insights' SQL, which are refused by name.

mod functions;
mod gaps;
mod lists;
mod parse;
pub(crate) mod search;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

/// Values by the beginnings of their periods, in seconds since the epoch.
pub(crate) type Points = BTreeMap<i64, f64>;

/// What an expression comes to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Outcome {
    Number(f64),
    Series(Points),
    Many(Vec<Line>),
}

/// One of a list, and what it is called.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) points: Points,
}

/// A `SEARCH` as it stands in an expression: what for, the statistic, and the period where it has one.
pub(crate) type Searched = (String, String, Option<i64>);

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Expression {
    Number(f64),
    Text(String),
    Name(String),
    Negative(Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
    List(Vec<Expression>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// What has been reckoned already, and the range that is asked for.
#[derive(Default, Debug)]
pub(crate) struct Known {
    pub(crate) outcomes: BTreeMap<String, Outcome>,
    /// Those of them that are metrics, with what they are called where they stand in a list.
    pub(crate) metrics: BTreeMap<String, String>,
    /// Of the outcomes that have one, in seconds.
    pub(crate) periods: BTreeMap<String, i64>,
    /// What was found, and in which period.
    pub(crate) searches: BTreeMap<Searched, (Vec<Line>, i64)>,
    /// In seconds since the epoch, the first inclusive and the last not.
    pub(crate) range: (i64, i64),
}

impl Known {
    /// The longest period of what an expression names, else of all there is.
    pub(crate) fn period(&self, of: &Expression) -> Option<i64> {
        let mut searches = Vec::new();
        of.searches(&mut searches);
        let found = searches.iter().filter_map(|search| self.searches.get(search)).map(|(_, period)| period);
        let named = of.names().into_iter().filter_map(|name| self.periods.get(name)).chain(found).max();
        named.or_else(|| self.periods.values().max()).copied()
    }

    /// The beginnings of all periods of the range; nothing where they are more than one answer holds.
    fn grid(&self, period: i64) -> Option<impl Iterator<Item = i64>> {
        let (start, end) = self.range;
        let period = period.max(1);
        let start = start.div_euclid(period) * period;
        let count = end.saturating_sub(start).div_euclid(period);
        (count <= GRID_MAX).then(|| (start..end).step_by(period.unsigned_abs() as usize))
    }
}

/// AWS: the most points that one answer holds.
const GRID_MAX: i64 = 100_800;

type Reckoned = Result<Outcome, String>;

impl Expression {
    /// # Errors
    /// A sentence about what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Expression, String> {
        parse::parse(text)
    }

    /// The queries that it names.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut out = Vec::new();
        self.collect(&mut out);
        out
    }

    fn collect<'e>(&'e self, out: &mut Vec<&'e str>) {
        match self {
            Expression::Number(_) | Expression::Text(_) => {}
            // AWS: names of queries begin with a small letter; words like `REPEAT` are none.
            Expression::Name(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {}
            Expression::Name(name) => out.push(name),
            Expression::Negative(inner) => inner.collect(out),
            Expression::Binary(_, left, right) => {
                left.collect(out);
                right.collect(out);
            }
            Expression::Call(_, parts) | Expression::List(parts) => {
                parts.iter().for_each(|part| part.collect(out));
            }
        }
    }

    /// What it searches for.
    pub(crate) fn searches(&self, out: &mut Vec<Searched>) {
        match self {
            Expression::Number(_) | Expression::Text(_) | Expression::Name(_) => {}
            Expression::Negative(inner) => inner.searches(out),
            Expression::Binary(_, left, right) => {
                left.searches(out);
                right.searches(out);
            }
            Expression::Call(name, parts) if name == "SEARCH" => out.extend(functions::searched(parts)),
            Expression::Call(_, parts) | Expression::List(parts) => {
                parts.iter().for_each(|part| part.searches(out));
            }
        }
    }

    /// # Errors
    /// A sentence about what cannot be reckoned.
    pub(crate) fn reckon(&self, known: &Known) -> Reckoned {
        match self {
            Expression::Number(number) => Ok(Outcome::Number(*number)),
            Expression::Text(text) => Err(format!("'{text}' is no number")),
            Expression::Name(name) => {
                known.outcomes.get(name).cloned().ok_or_else(|| format!("{name} is not among the queries"))
            }
            Expression::Negative(inner) => {
                binary(Binary::Subtract, Outcome::Number(0.0), inner.reckon(known)?)
            }
            Expression::Binary(operator, left, right) => {
                binary(*operator, left.reckon(known)?, right.reckon(known)?)
            }
            Expression::Call(name, parts) => functions::call(name, parts, known),
            Expression::List(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    match part.reckon(known)? {
                        Outcome::Series(points) => all.push(Line { label: part.label(known), points }),
                        Outcome::Many(many) => all.extend(many),
                        Outcome::Number(_) => return Err("a list holds time series only".into()),
                    }
                }
                Ok(Outcome::Many(all))
            }
        }
    }
}

impl Expression {
    /// What a series of it is called in a list.
    fn label(&self, known: &Known) -> String {
        let Expression::Name(name) = self else { return String::new() };
        known.metrics.get(name).unwrap_or(name).clone()
    }
}

fn one(operator: Binary, a: f64, b: f64) -> Option<f64> {
    let truth = |holds: bool| Some(f64::from(u8::from(holds)));
    match operator {
        Binary::Add => Some(a + b),
        Binary::Subtract => Some(a - b),
        Binary::Multiply => Some(a * b),
        // AWS: a division by zero leaves the point out.
        Binary::Divide => (b != 0.0).then(|| a / b),
        Binary::Power => Some(a.powf(b)).filter(|value| value.is_finite()),
        Binary::Equal => truth(a == b),
        Binary::NotEqual => truth(a != b),
        Binary::Less => truth(a < b),
        Binary::LessOrEqual => truth(a <= b),
        Binary::Greater => truth(a > b),
        Binary::GreaterOrEqual => truth(a >= b),
        Binary::And => truth(a != 0.0 && b != 0.0),
        Binary::Or => truth(a != 0.0 || b != 0.0),
    }
}

fn mapped(points: &Points, change: impl Fn(f64) -> Option<f64>) -> Points {
    points.iter().filter_map(|(at, value)| Some((*at, change(*value)?))).collect()
}

/// Point by point; a point that one side lacks is left out.
fn binary(operator: Binary, left: Outcome, right: Outcome) -> Reckoned {
    Ok(match (left, right) {
        (Outcome::Number(a), Outcome::Number(b)) => {
            Outcome::Number(one(operator, a, b).ok_or("a number is divided by zero")?)
        }
        (Outcome::Series(a), Outcome::Number(b)) => Outcome::Series(mapped(&a, |a| one(operator, a, b))),
        (Outcome::Number(a), Outcome::Series(b)) => Outcome::Series(mapped(&b, |b| one(operator, a, b))),
        (Outcome::Series(a), Outcome::Series(b)) => Outcome::Series(
            a.iter().filter_map(|(at, a)| Some((*at, one(operator, *a, *b.get(at)?)?))).collect(),
        ),
        (Outcome::Many(all), other) => {
            let each = |points| binary(operator, Outcome::Series(points), other.clone());
            Outcome::Many(lines(all, each)?)
        }
        (other, Outcome::Many(all)) => {
            let each = |points| binary(operator, other.clone(), Outcome::Series(points));
            Outcome::Many(lines(all, each)?)
        }
    })
}

/// Each of a list changed, under its own name.
fn lines(all: Vec<Line>, each: impl Fn(Points) -> Reckoned) -> Result<Vec<Line>, String> {
    let changed = all.into_iter().map(|line| match each(line.points)? {
        Outcome::Series(points) => Ok(Line { label: line.label, points }),
        Outcome::Number(_) | Outcome::Many(_) => Err("lists cannot be nested".to_owned()),
    });
    changed.collect()
}
