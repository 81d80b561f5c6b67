//! The functions of metric math.

use super::{Expression, Known, Line, Outcome, Points, Reckoned, Searched, gaps, lines, lists, mapped};
use std::collections::BTreeSet;

/// From all values to one; nothing of none.
pub(super) type Summary = fn(&[f64]) -> Option<f64>;

/// # Errors
/// For a function that is not built, and for arguments that it does not take.
pub(super) fn call(name: &str, parts: &[Expression], known: &Known) -> Reckoned {
    match (name, parts) {
        ("METRICS", []) => Ok(Outcome::Many(metrics("", known))),
        ("METRICS", [Expression::Text(part)]) => Ok(Outcome::Many(metrics(part, known))),
        ("PERIOD", [inner]) => {
            known.period(inner).map(|period| Outcome::Number(period as f64)).ok_or_else(|| not_built(name))
        }
        ("SEARCH", parts) => {
            let found = searched(parts).and_then(|searched| known.searches.get(&searched));
            found.map(|(lines, _)| Outcome::Many(lines.clone())).ok_or_else(|| not_built(name))
        }
        ("FILL", [inner, with]) => gaps::fill(inner, with, known),
        ("TIME_SERIES", [inner]) => gaps::time_series(inner, known),
        ("SORT", [inner, by @ ..]) => lists::sort(many(name, inner, known)?, by, known),
        ("SLICE", [inner, places @ ..]) => lists::slice(many(name, inner, known)?, places, known),
        ("REMOVE_EMPTY", [inner]) => lists::remove_empty(many(name, inner, known)?),
        ("IF", [condition, yes]) => choose(condition, yes, None, known),
        ("IF", [condition, yes, no]) => choose(condition, yes, Some(no), known),
        (_, [inner]) => of_one(name, inner.reckon(known)?),
        _ => Err(not_built(name)),
    }
}

pub(super) fn not_built(name: &str) -> String {
    format!("the function {name} is not built, or does not take these arguments")
}

/// What a `SEARCH` with these parts searches for.
pub(super) fn searched(parts: &[Expression]) -> Option<Searched> {
    match parts {
        [Expression::Text(text), Expression::Text(statistic)] => {
            Some((text.clone(), statistic.clone(), None))
        }
        [Expression::Text(text), Expression::Text(statistic), Expression::Number(period)] => {
            Some((text.clone(), statistic.clone(), Some(*period as i64)))
        }
        _ => None,
    }
}

fn many(name: &str, inner: &Expression, known: &Known) -> Result<Vec<Line>, String> {
    match inner.reckon(known)? {
        Outcome::Many(many) => Ok(many),
        Outcome::Series(_) | Outcome::Number(_) => Err(format!("{name} takes a list of time series")),
    }
}

/// The metrics that have this in their names, and nothing that is reckoned from them.
fn metrics(part: &str, known: &Known) -> Vec<Line> {
    let named = known.metrics.iter().filter(|(id, _)| id.contains(part));
    let outcomes = named.filter_map(|(id, label)| Some((label, known.outcomes.get(id)?)));
    outcomes.flat_map(|(label, outcome)| flat(label, outcome)).collect()
}

fn flat(label: &str, outcome: &Outcome) -> Vec<Line> {
    match outcome {
        Outcome::Series(points) => vec![Line { label: label.to_owned(), points: points.clone() }],
        Outcome::Many(many) => many.clone(),
        Outcome::Number(_) => Vec::new(),
    }
}

pub(super) fn summary(name: &str) -> Option<Summary> {
    Some(match name {
        "SUM" => |values| Some(values.iter().sum()),
        "AVG" => mean,
        "MIN" => |values| values.iter().copied().reduce(f64::min),
        "MAX" => |values| values.iter().copied().reduce(f64::max),
        "STDDEV" => deviation,
        "DATAPOINT_COUNT" => |values| Some(values.len() as f64),
        _ => return None,
    })
}

fn of_one(name: &str, inner: Outcome) -> Reckoned {
    if name == "METRIC_COUNT" {
        return Ok(Outcome::Number(flat(name, &inner).len() as f64));
    }
    if let Some(summary) = summary(name) {
        return summarize(summary, inner);
    }
    if let "FIRST" | "LAST" = name {
        let Outcome::Many(many) = inner else { return Err(format!("{name} takes a list of time series")) };
        let found = if name == "FIRST" { many.into_iter().next() } else { many.into_iter().next_back() };
        return found
            .map(|line| Outcome::Series(line.points))
            .ok_or_else(|| format!("{name} of an empty list"));
    }
    match inner {
        Outcome::Series(points) => each(name, &points).map(Outcome::Series),
        Outcome::Many(many) => {
            lines(many, |points| each(name, &points).map(Outcome::Series)).map(Outcome::Many)
        }
        Outcome::Number(number) => {
            let single: Points = [(0, number)].into();
            let value = each(name, &single)?.into_values().next();
            value.map(Outcome::Number).ok_or_else(|| format!("{name} of {number}"))
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    Some((values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt())
}

/// Of one series a number; of a list a series, point by point over those that have the point.
fn summarize(summary: Summary, inner: Outcome) -> Reckoned {
    match inner {
        Outcome::Number(number) => Ok(Outcome::Number(number)),
        Outcome::Series(points) => {
            let values: Vec<f64> = points.into_values().collect();
            Ok(Outcome::Number(summary(&values).unwrap_or(0.0)))
        }
        Outcome::Many(many) => {
            let times: BTreeSet<i64> = many.iter().flat_map(|line| line.points.keys().copied()).collect();
            let points = times.into_iter().filter_map(|at| {
                let values: Vec<f64> = many.iter().filter_map(|line| line.points.get(&at).copied()).collect();
                Some((at, summary(&values)?))
            });
            Ok(Outcome::Series(points.collect()))
        }
    }
}

/// From a series to a series.
fn each(name: &str, points: &Points) -> Result<Points, String> {
    let finite = |value: f64| value.is_finite().then_some(value);
    Ok(match name {
        "ABS" => mapped(points, |v| Some(v.abs())),
        "CEIL" => mapped(points, |v| Some(v.ceil())),
        "FLOOR" => mapped(points, |v| Some(v.floor())),
        "LOG" => mapped(points, |v| finite(v.ln())),
        "LOG10" => mapped(points, |v| finite(v.log10())),
        "DIFF" => differences(points, |before, now, _| now - before),
        "DIFF_TIME" => differences_in_time(points),
        "RATE" => differences(points, |before, now, seconds| (now - before) / seconds),
        "RUNNING_SUM" => {
            let mut sum = 0.0;
            let running = points.iter().map(|(at, value)| {
                sum += value;
                (*at, sum)
            });
            running.collect()
        }
        "HOUR" => by_time(points, |at| at.div_euclid(3600).rem_euclid(24)),
        "MINUTE" => by_time(points, |at| at.div_euclid(60).rem_euclid(60)),
        // The epoch began on a Thursday; Monday is 1.
        "DAY" => by_time(points, |at| (at.div_euclid(86_400) + 3).rem_euclid(7) + 1),
        "DATE" => by_time(points, |at| day(at).2),
        "MONTH" => by_time(points, |at| day(at).1),
        "YEAR" => by_time(points, |at| day(at).0),
        "EPOCH" => by_time(points, |at| at),
        _ => return Err(not_built(name)),
    })
}

/// The year, the month and the day of the month, in UTC.
fn day(at: i64) -> (i64, i64, i64) {
    let date = base::Timestamp::from_seconds(at).iso8601();
    let mut parts = date[..10.min(date.len())].split('-').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn by_time(points: &Points, of: impl Fn(i64) -> i64) -> Points {
    points.keys().map(|at| (*at, of(*at) as f64)).collect()
}

fn differences(points: &Points, of: impl Fn(f64, f64, f64) -> f64) -> Points {
    let pairs = points.iter().zip(points.iter().skip(1));
    pairs.map(|((before, a), (at, b))| (*at, of(*a, *b, (at - before) as f64))).collect()
}

fn differences_in_time(points: &Points) -> Points {
    points.keys().zip(points.keys().skip(1)).map(|(before, at)| (*at, (at - before) as f64)).collect()
}

/// `IF(condition, yes, no)`, point by point; without `no`, points that do not hold are left out.
fn choose(condition: &Expression, yes: &Expression, no: Option<&Expression>, known: &Known) -> Reckoned {
    let (condition, yes) = (condition.reckon(known)?, yes.reckon(known)?);
    let no = no.map(|no| no.reckon(known)).transpose()?;
    let at = |outcome: &Outcome, at: i64| match outcome {
        Outcome::Number(number) => Some(*number),
        Outcome::Series(points) => points.get(&at).copied(),
        Outcome::Many(_) => None,
    };
    match condition {
        Outcome::Number(number) if number != 0.0 => Ok(yes),
        Outcome::Number(_) => no.ok_or_else(|| "IF has no value where its condition does not hold".into()),
        Outcome::Series(points) => {
            let chosen = points.iter().filter_map(|(time, holds)| {
                let value = if *holds == 0.0 { at(no.as_ref()?, *time) } else { at(&yes, *time) };
                Some((*time, value?))
            });
            Ok(Outcome::Series(chosen.collect()))
        }
        Outcome::Many(_) => Err("IF takes a number or a time series as its condition".into()),
    }
}
