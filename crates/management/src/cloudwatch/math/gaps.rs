//! Points where there are none: `FILL` and `TIME_SERIES`.

use super::{Expression, Known, Outcome, Points, Reckoned, lines};

/// What stands where nothing was told.
enum Filler {
    Number(f64),
    /// What another series has there.
    Series(Points),
    /// The last value before.
    Repeat,
    /// On a straight line between the values at both sides.
    Linear,
}

/// Fills the whole range that is asked for; of a repeated value from the first point on, of a line between two points.
pub(super) fn fill(inner: &Expression, with: &Expression, known: &Known) -> Reckoned {
    let filler = match with {
        Expression::Name(name) if name == "REPEAT" => Filler::Repeat,
        Expression::Name(name) if name == "LINEAR" => Filler::Linear,
        other => match other.reckon(known)? {
            Outcome::Number(number) => Filler::Number(number),
            Outcome::Series(points) => Filler::Series(points),
            Outcome::Many(_) => return Err("FILL takes a number, a metric, REPEAT or LINEAR".into()),
        },
    };
    let grid = grid(inner, known)?;
    Ok(match inner.reckon(known)? {
        Outcome::Number(number) => Outcome::Number(number),
        Outcome::Series(points) => Outcome::Series(filled(&points, &grid, &filler)),
        Outcome::Many(many) => {
            let fill = |points: Points| Ok(Outcome::Series(filled(&points, &grid, &filler)));
            Outcome::Many(lines(many, fill)?)
        }
    })
}

fn grid(inner: &Expression, known: &Known) -> Result<Vec<i64>, String> {
    let Some(period) = known.period(inner) else { return Ok(Vec::new()) };
    known.grid(period).map(Iterator::collect).ok_or_else(|| "the range has too many periods to fill".into())
}

fn filled(points: &Points, grid: &[i64], filler: &Filler) -> Points {
    let mut out = points.clone();
    let missing = grid.iter().copied().filter(|at| !points.contains_key(at));
    out.extend(missing.filter_map(|at| {
        let before = points.range(..at).next_back();
        let value = match filler {
            Filler::Number(number) => *number,
            Filler::Series(other) => *other.get(&at)?,
            Filler::Repeat => *before?.1,
            Filler::Linear => {
                let ((from, a), (to, b)) = (before?, points.range(at..).next()?);
                a + (b - a) * (at - from) as f64 / (to - from) as f64
            }
        };
        Some((at, value))
    }));
    out
}

/// A number, told at each period of the range.
pub(super) fn time_series(inner: &Expression, known: &Known) -> Reckoned {
    match inner.reckon(known)? {
        Outcome::Number(number) => {
            Ok(Outcome::Series(grid(inner, known)?.into_iter().map(|at| (at, number)).collect()))
        }
        Outcome::Series(_) | Outcome::Many(_) => Err("TIME_SERIES takes a number".into()),
    }
}
