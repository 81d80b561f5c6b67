//! Aggregates: what `stats` makes of the rows of a group.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html>

use super::expression::Expression;
use super::text::{Read, Text};
use super::value::Val;
use std::cmp::Ordering;
use std::collections::BTreeSet;

#[derive(Debug)]
pub(crate) struct Aggregate {
    kind: Kind,
    /// None for `*`.
    of: Option<Expression>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Pct(f64),
    Distinct,
    Deviation,
    Earliest,
    Latest,
    SortsFirst,
    SortsLast,
}

/// What aggregates are called.
const NAMES: [&str; 14] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "count_distinct",
    "stddev",
    "earliest",
    "latest",
    "pct",
    "percentile",
    "median",
    "sortsfirst",
    "sortslast",
];

pub(super) fn is_name(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What one aggregate has seen of its group.
#[derive(Debug, Default)]
pub(super) struct Seen {
    count: u64,
    numbers: Vec<f64>,
    texts: BTreeSet<String>,
    /// The first and the last by time, with their times.
    first: Option<(f64, Val)>,
    last: Option<(f64, Val)>,
    /// The first and the last in the order of sorting.
    ends: Option<(Val, Val)>,
}

/// What an expression of `stats` reads one of its aggregates by; no field is called so.
pub(super) fn field(number: usize) -> String {
    format!("stats({number})")
}

impl Aggregate {
    pub(super) fn read(text: &mut Text<'_>) -> Read<Aggregate> {
        let Some(name) = text.name() else { return text.wrong("an aggregate") };
        text.want("(")?;
        // In an aggregate there is none.
        let outer = text.aggregates.take();
        let of = if text.take("*") || text.begins(")") { None } else { Some(Expression::read(text)?) };
        text.aggregates = outer;
        let kind = match name.to_ascii_lowercase().as_str() {
            "count" => Kind::Count,
            "sum" => Kind::Sum,
            "avg" => Kind::Avg,
            "min" => Kind::Min,
            "max" => Kind::Max,
            "count_distinct" => Kind::Distinct,
            "stddev" => Kind::Deviation,
            "earliest" => Kind::Earliest,
            "latest" => Kind::Latest,
            "sortsfirst" => Kind::SortsFirst,
            "sortslast" => Kind::SortsLast,
            "pct" | "percentile" => {
                text.want(",")?;
                match text.number().filter(|percent| (0.0..=100.0).contains(percent)) {
                    Some(percent) => Kind::Pct(percent),
                    None => return text.wrong("a percentile from 0 to 100"),
                }
            }
            "median" => Kind::Pct(50.0),
            _ => return Err(format!("the aggregate {name} is not known")),
        };
        text.want(")")?;
        if of.is_none() && kind != Kind::Count {
            return Err(format!("the aggregate {name} needs a field"));
        }
        Ok(Aggregate { kind, of })
    }

    pub(super) fn see(&self, seen: &mut Seen, field: &dyn Fn(&str) -> Val) {
        let value = self.of.as_ref().map_or(Val::Number(1.0), |of| of.of(field));
        if !value.is_there() {
            return;
        }
        seen.count += 1;
        match self.kind {
            Kind::Count => {}
            Kind::Distinct => seen.texts.extend(value.shown()),
            Kind::Earliest | Kind::Latest => {
                let time = field("@timestamp").number().unwrap_or_default();
                if seen.first.as_ref().is_none_or(|(first, _)| time < *first) {
                    seen.first = Some((time, value.clone()));
                }
                if seen.last.as_ref().is_none_or(|(last, _)| time >= *last) {
                    seen.last = Some((time, value));
                }
            }
            Kind::SortsFirst | Kind::SortsLast => match &mut seen.ends {
                None => seen.ends = Some((value.clone(), value)),
                Some((first, _)) if value.order(first) == Ordering::Less => *first = value,
                Some((_, last)) if value.order(last) == Ordering::Greater => *last = value,
                Some(_) => {}
            },
            _ => seen.numbers.extend(value.number()),
        }
    }

    pub(super) fn of(&self, mut seen: Seen) -> Val {
        let count = seen.numbers.len() as f64;
        let sum: f64 = seen.numbers.iter().sum();
        let there = |number: f64| if count > 0.0 { Val::Number(number) } else { Val::None };
        match self.kind {
            Kind::Count => Val::Number(seen.count as f64),
            Kind::Distinct => Val::Number(seen.texts.len() as f64),
            Kind::Sum => there(sum),
            Kind::Avg => there(sum / count),
            Kind::Min => there(seen.numbers.iter().copied().fold(f64::INFINITY, f64::min)),
            Kind::Max => there(seen.numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            Kind::Deviation => {
                let mean = sum / count;
                there((seen.numbers.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / count).sqrt())
            }
            Kind::Pct(percent) => {
                seen.numbers.sort_by(f64::total_cmp);
                // The nearest rank: a value that is there.
                let rank = ((percent / 100.0 * count).ceil() as usize).max(1);
                seen.numbers.get(rank - 1).map_or(Val::None, |number| Val::Number(*number))
            }
            Kind::Earliest => seen.first.map_or(Val::None, |(_, value)| value),
            Kind::SortsFirst => seen.ends.map_or(Val::None, |(first, _)| first),
            Kind::SortsLast => seen.ends.map_or(Val::None, |(_, last)| last),
            Kind::Latest => seen.last.map_or(Val::None, |(_, value)| value),
        }
    }
}
