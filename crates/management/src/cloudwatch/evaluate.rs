//! How an alarm comes to stand, from the last data points and those that are missing. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

use super::model::alarm::State;

/// How absent points count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// Of a range without any data, nothing is known.
    Unknown,
    Ignore,
    Breaching,
    NotBreaching,
}

impl Missing {
    pub(super) fn parse(name: Option<&str>) -> Option<Missing> {
        Some(match name {
            None | Some("missing") => Missing::Unknown,
            Some("ignore") => Missing::Ignore,
            Some("breaching") => Missing::Breaching,
            Some("notBreaching") => Missing::NotBreaching,
            Some(_) => return None,
        })
    }
}

/// How many periods are looked at, beyond those that decide: a gap may be bridged by an older point.
pub(super) const MORE_PERIODS: u32 = 2;

/// `points`: whether each period of the range breached, oldest first; `None` where it has no data. `None` as the
/// answer: it stays as it is.
pub(super) fn evaluate(
    points: &[Option<bool>],
    periods: u32,
    to_alarm: u32,
    missing: Missing,
) -> Option<State> {
    let there: Vec<bool> = points.iter().rev().flatten().copied().collect();
    let decisive = &there[..there.len().min(periods as usize)];
    let breaching = decisive.iter().filter(|breached| **breached).count();
    let filled = (periods as usize).saturating_sub(decisive.len());
    let needed = to_alarm as usize;
    if breaching >= needed {
        return Some(State::Alarm);
    }
    let all_breach = !decisive.is_empty() && breaching == decisive.len();
    match missing {
        _ if filled == 0 => Some(State::Ok),
        Missing::Breaching if breaching + filled >= needed => Some(State::Alarm),
        Missing::Breaching | Missing::NotBreaching => Some(State::Ok),
        Missing::Unknown if decisive.is_empty() => Some(State::InsufficientData),
        Missing::Unknown if all_breach => Some(State::Alarm),
        Missing::Unknown => Some(State::Ok),
        Missing::Ignore if decisive.is_empty() || all_breach => None,
        Missing::Ignore => Some(State::Ok),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of AWS's page: `0` does not breach, `X` does, `-` is missing; the newest stands last.
    #[test]
    fn the_documented_tables() {
        let (ok, alarm, none) = (Some(State::Ok), Some(State::Alarm), Some(State::InsufficientData));
        let retain = None;
        let rows = [
            // Three of three.
            (3, "0-X-X", [ok, ok, ok, ok]),
            (3, "----0", [ok, ok, ok, ok]),
            (3, "-----", [none, retain, alarm, ok]),
            (3, "0XX-X", [alarm, alarm, alarm, alarm]),
            (3, "--X--", [alarm, retain, alarm, ok]),
            // Two of three.
            (2, "0-X-X", [alarm, alarm, alarm, alarm]),
            (2, "00X0X", [alarm, alarm, alarm, alarm]),
            (2, "0-X--", [ok, ok, alarm, ok]),
            (2, "----0", [ok, ok, alarm, ok]),
            (2, "----X", [alarm, retain, alarm, ok]),
        ];
        let kinds = [Missing::Unknown, Missing::Ignore, Missing::Breaching, Missing::NotBreaching];
        for (to_alarm, points, expected) in rows {
            let range: Vec<Option<bool>> = points
                .chars()
                .map(|c| match c {
                    '0' => Some(false),
                    'X' => Some(true),
                    _ => None,
                })
                .collect();
            for (kind, expected) in kinds.into_iter().zip(expected) {
                assert_eq!(
                    evaluate(&range, 3, to_alarm, kind),
                    expected,
                    "{to_alarm} of 3, {points}, {kind:?}"
                );
            }
        }
    }
}
