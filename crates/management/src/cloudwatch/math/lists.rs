//! Lists of time series: `SORT`, `SLICE` and `REMOVE_EMPTY`.

use super::functions::{not_built, summary};
use super::{Expression, Known, Line, Outcome, Reckoned};

/// `SORT(list, AVG, DESC, 10)`: by a number of each; the number of those that stay may be left out.
pub(super) fn sort(mut list: Vec<Line>, by: &[Expression], known: &Known) -> Reckoned {
    let (summary, is_descending, rest) = match by {
        [Expression::Name(function), Expression::Name(order), rest @ ..] => {
            let of = matches!(function.as_str(), "AVG" | "MIN" | "MAX" | "SUM").then(|| summary(function));
            match (of.flatten(), order.as_str()) {
                (Some(of), "ASC") => (of, false, rest),
                (Some(of), "DESC") => (of, true, rest),
                _ => return Err("SORT takes AVG, MIN, MAX or SUM, and ASC or DESC".into()),
            }
        }
        _ => return Err("SORT takes AVG, MIN, MAX or SUM, and ASC or DESC".into()),
    };
    let of = |line: &Line| summary(&line.points.values().copied().collect::<Vec<_>>());
    // What has no points comes last.
    list.sort_by(|a, b| match (of(a), of(b)) {
        (Some(a), Some(b)) if is_descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    match rest {
        [] => {}
        [count] => list.truncate(place(count, known)?),
        _ => return Err(not_built("SORT")),
    }
    Ok(Outcome::Many(list))
}

/// `SLICE(list, first, end)`: from one place to before another, counted from zero.
pub(super) fn slice(list: Vec<Line>, places: &[Expression], known: &Known) -> Reckoned {
    let (first, end) = match places {
        [first] => (place(first, known)?, list.len()),
        [first, end] => (place(first, known)?, place(end, known)?),
        _ => return Err(not_built("SLICE")),
    };
    Ok(Outcome::Many(list.into_iter().take(end).skip(first).collect()))
}

pub(super) fn remove_empty(mut list: Vec<Line>) -> Reckoned {
    list.retain(|line| !line.points.is_empty());
    Ok(Outcome::Many(list))
}

fn place(of: &Expression, known: &Known) -> Result<usize, String> {
    match of.reckon(known)? {
        Outcome::Number(number) if number >= 0.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => Err("a place in a list is a whole number".into()),
    }
}
